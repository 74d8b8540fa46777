/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proto/mgmt: where pools are, and what the management service asks of each engine. Administration itself goes by dRPC to the server.
 */
#ifndef PROTO_MGMT_H
#define PROTO_MGMT_H

#include "proto/types.h"

/** Which ranks hold the service of a pool. */
#define MGMT_POOL_FIND_IN(F, A)  \
	F(str, label)            /* or NULL and */ \
	F(uuid, pool)
#define MGMT_POOL_FIND_OUT(F, A) \
	F(uuid, pool)            \
	A(u32, replicas)
RPC_STRUCT(mgmt_pool_find_in, MGMT_POOL_FIND_IN)
RPC_STRUCT(mgmt_pool_find_out, MGMT_POOL_FIND_OUT)

/** Pools that the owner of the credential may see. */
#define MGMT_POOL_LIST_IN(F, A)  \
	F(secret, cred)
#define MGMT_POOL_ENTRY(F, A)    \
	F(uuid, pool)            \
	F(str, label)            \
	A(u32, replicas)         /* none: a pool that does not come up */
RPC_STRUCT(mgmt_pool_entry, MGMT_POOL_ENTRY)
#define MGMT_POOL_LIST_OUT(F, A) \
	A(mgmt_pool_entry, pools)
RPC_STRUCT(mgmt_pool_list_in, MGMT_POOL_LIST_IN)
RPC_STRUCT(mgmt_pool_list_out, MGMT_POOL_LIST_OUT)

/** The shards of a new pool on one engine: bytes a target. Repeated it does nothing. */
#define MGMT_TGT_CREATE_IN(F, A) \
	F(uuid, pool)            \
	F(u64, meta_size)        \
	F(u64, wal_size)         \
	F(u64, data_size)        \
	F(bool, ram)
#define MGMT_TGT_CREATE_OUT(F, A) \
	F(u32, rank)             \
	F(u32, targets)          /* shards made */
RPC_STRUCT(mgmt_tgt_create_in, MGMT_TGT_CREATE_IN)
RPC_STRUCT(mgmt_tgt_create_out, MGMT_TGT_CREATE_OUT)

#define MGMT_TGT_DESTROY_IN(F, A) \
	F(uuid, pool)
RPC_STRUCT(mgmt_tgt_destroy_in, MGMT_TGT_DESTROY_IN)
RPC_EMPTY(mgmt_tgt_destroy_out)

/** Pools that have shards on one engine. */
RPC_EMPTY(mgmt_tgt_list_in)
#define MGMT_TGT_LIST_OUT(F, A)  \
	F(u32, rank)             \
	A(uuid, pools)
RPC_STRUCT(mgmt_tgt_list_out, MGMT_TGT_LIST_OUT)

/** The ranks that are; an older version than the one known is ignored. */
#define MGMT_GROUP_SET_IN(F, A)  \
	F(u32, version)          \
	A(rpc_rank_addr, ranks)
RPC_STRUCT(mgmt_group_set_in, MGMT_GROUP_SET_IN)
RPC_EMPTY(mgmt_group_set_out)

/** daos_debug_set_params and daos_debug_add_mark. */
#define MGMT_PARAM_SET_IN(F, A)  \
	F(u32, key)              \
	F(u64, value)            \
	F(u64, value_extra)
RPC_STRUCT(mgmt_param_set_in, MGMT_PARAM_SET_IN)
RPC_EMPTY(mgmt_param_set_out)

#define MGMT_MARK_IN(F, A)       \
	F(str, mark)
RPC_STRUCT(mgmt_mark_in, MGMT_MARK_IN)
RPC_EMPTY(mgmt_mark_out)

/*         stem              class     flags         since */
#define MGMT_OPS(OP) \
	OP(mgmt_pool_find,   METADATA, RPC_ANYONE,   1) \
	OP(mgmt_pool_list,   METADATA, RPC_ANYONE,   1) \
	OP(mgmt_tgt_create,  METADATA, RPC_SERVERS,  1) \
	OP(mgmt_tgt_destroy, METADATA, RPC_SERVERS,  1) \
	OP(mgmt_tgt_list,    METADATA, RPC_SERVERS,  1) \
	OP(mgmt_group_set,   METADATA, RPC_SERVERS,  1) \
	OP(mgmt_param_set,   METADATA, RPC_SERVERS,  1) \
	OP(mgmt_mark,        METADATA, RPC_SERVERS,  1)

RPC_PROTO(mgmt, 2, 1, 1, MGMT_OPS)

#endif
