/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proto/raft: replicas of a database (rdb) among themselves: the messages of Raft (D. Ongaro, "Consensus: Bridging Theory
 * and Practice", 2014), one-way as the library behind rdb sends them, and the life of a replica. Answers are messages of their own.
 */
#ifndef PROTO_RAFT_H
#define PROTO_RAFT_H

#include "proto/types.h"

/** Which database, from whom. The sender's rank is in the header of the message, and its id here. */
#define RAFT_HEAD(F, A)          \
	F(uuid, db)              \
	F(u64, from)             \
	F(u64, to)               \
	F(u64, term)
RPC_STRUCT(raft_head, RAFT_HEAD)

#define RAFT_VOTE_IN(F, A)       \
	F(raft_head, head)       \
	F(u64, candidate)        \
	F(u64, last_index)       \
	F(u64, last_term)        \
	F(bool, disrupt_leader)  \
	F(bool, pre_vote)
RPC_STRUCT(raft_vote_in, RAFT_VOTE_IN)
RPC_EMPTY(raft_vote_out)

#define RAFT_VOTE_RESULT_IN(F, A) \
	F(raft_head, head)       \
	F(bool, granted)         \
	F(u8, pre_vote)          /* 0 unknown, 1 no, 2 yes */
RPC_STRUCT(raft_vote_result_in, RAFT_VOTE_RESULT_IN)
RPC_EMPTY(raft_vote_result_out)

#define RAFT_ENTRY(F, A)         \
	F(u64, term)             \
	F(u16, type)             \
	F(bytes, data)
RPC_STRUCT(raft_entry_in, RAFT_ENTRY)
/** Sized to fit one body: a leader sends fewer entries at a time. */
#define RAFT_APPEND_IN(F, A)     \
	F(raft_head, head)       \
	F(u64, prev_index)       \
	F(u64, prev_term)        \
	F(u64, commit)           \
	A(raft_entry_in, entries)
RPC_STRUCT(raft_append_in, RAFT_APPEND_IN)
RPC_EMPTY(raft_append_out)

#define RAFT_APPEND_RESULT_IN(F, A) \
	F(raft_head, head)       \
	F(u64, rejected)         \
	F(u64, last_index)
RPC_STRUCT(raft_append_result_in, RAFT_APPEND_RESULT_IN)
RPC_EMPTY(raft_append_result_out)

#define RAFT_SERVER(F, A)        \
	F(u64, id)               \
	F(u32, rank)             \
	F(u8, role)
RPC_STRUCT(raft_server_in, RAFT_SERVER)
/** A reference to a snapshot: its content is an epoch of the leader's store, read with raft_snapshot_read. */
#define RAFT_INSTALL_IN(F, A)    \
	F(raft_head, head)       \
	F(u64, last_index)       \
	F(u64, last_term)        \
	F(u64, conf_index)       \
	A(raft_server_in, servers) \
	F(bytes, data)
RPC_STRUCT(raft_install_in, RAFT_INSTALL_IN)
RPC_EMPTY(raft_install_out)

#define RAFT_TIMEOUT_NOW_IN(F, A) \
	F(raft_head, head)       \
	F(u64, last_index)       \
	F(u64, last_term)
RPC_STRUCT(raft_timeout_now_in, RAFT_TIMEOUT_NOW_IN)
RPC_EMPTY(raft_timeout_now_out)

/** Records of a snapshot in the order of keys, from the place that the last answer named. */
#define RAFT_SNAPSHOT_READ_IN(F, A) \
	F(uuid, db)              \
	F(hlc, epoch)            \
	F(bytes, from)           /* empty: the beginning */
#define RAFT_SNAPSHOT_READ_OUT(F, A) \
	F(bytes, records)        /* packed by rdb */ \
	F(bytes, next)           /* empty: the end */
RPC_STRUCT(raft_snapshot_read_in, RAFT_SNAPSHOT_READ_IN)
RPC_STRUCT(raft_snapshot_read_out, RAFT_SNAPSHOT_READ_OUT)

/** Makes (when create) and starts a replica; stops (and destroys) it. Repeated they do nothing. */
#define RAFT_REPLICA_START_IN(F, A) \
	F(uuid, db)              \
	F(u32, service)          /* enum rsvc_class_id */ \
	F(bool, create)          \
	F(u64, size)             \
	F(bool, ram)             \
	A(u32, replicas)
RPC_STRUCT(raft_replica_start_in, RAFT_REPLICA_START_IN)
RPC_EMPTY(raft_replica_start_out)

#define RAFT_REPLICA_STOP_IN(F, A) \
	F(uuid, db)              \
	F(u32, service)          \
	F(bool, destroy)
RPC_STRUCT(raft_replica_stop_in, RAFT_REPLICA_STOP_IN)
RPC_EMPTY(raft_replica_stop_out)

/*         stem                 class     flags                     since */
#define RAFT_OPS(OP) \
	OP(raft_vote,           SYSTEM,   RPC_ONEWAY | RPC_SERVERS, 1) \
	OP(raft_vote_result,    SYSTEM,   RPC_ONEWAY | RPC_SERVERS, 1) \
	OP(raft_append,         SYSTEM,   RPC_ONEWAY | RPC_SERVERS, 1) \
	OP(raft_append_result,  SYSTEM,   RPC_ONEWAY | RPC_SERVERS, 1) \
	OP(raft_install,        SYSTEM,   RPC_ONEWAY | RPC_SERVERS, 1) \
	OP(raft_timeout_now,    SYSTEM,   RPC_ONEWAY | RPC_SERVERS, 1) \
	OP(raft_snapshot_read,  METADATA, RPC_SERVERS,              1) \
	OP(raft_replica_start,  METADATA, RPC_SERVERS,              1) \
	OP(raft_replica_stop,   METADATA, RPC_SERVERS,              1)

RPC_PROTO(raft, 8, 1, 1, RAFT_OPS)

#endif
