/* SPDX-License-Identifier: Apache-2.0 */
/* proto/dtx: the leader of a transaction and its members. All between servers. */
#ifndef PROTO_DTX_H
#define PROTO_DTX_H

#include "proto/object.h"

/** A container at one target. */
#define DTX_AT(F, A)             \
	F(uuid, pool)            \
	F(uuid, cont)            \
	F(u32, map_version)
RPC_STRUCT(dtx_at, DTX_AT)

/** A shard and the target that takes part with it. */
#define DTX_MEMBER(F, A)         \
	F(rpc_target, target)    \
	F(oid, oid)              \
	F(u32, shard)
RPC_STRUCT(dtx_member, DTX_MEMBER)

/** Applies writes as prepared. Refused with -DER_STALE when older than the last resync that the member answered. */
#define DTX_PREPARE_IN(F, A)     \
	F(dtx_at, at)            \
	F(rpc_dtx_id, dtx)       \
	F(hlc, epoch)            \
	F(rpc_target, leader)    \
	A(dtx_member, members)   \
	A(object_write, writes)  /* this member's, in order */ \
	F(bulk, bulk)
#define DTX_PREPARE_OUT(F, A)    \
	F(object_hint, hint)
RPC_STRUCT(dtx_prepare_in, DTX_PREPARE_IN)
RPC_STRUCT(dtx_prepare_out, DTX_PREPARE_OUT)

/** Prepared ones become visible together; unknown and committed ones are skipped. */
#define DTX_IDS_IN(F, A)         \
	F(dtx_at, at)            \
	A(rpc_dtx_id, ids)
RPC_STRUCT(dtx_commit_in, DTX_IDS_IN)
RPC_EMPTY(dtx_commit_out)

#define DTX_ABORT_IN(F, A)       \
	F(dtx_at, at)            \
	F(rpc_dtx_id, dtx)
RPC_STRUCT(dtx_abort_in, DTX_ABORT_IN)
RPC_EMPTY(dtx_abort_out)

/** What became of them: in the order of ids. */
#define DTX_STATE(F, A)          \
	F(u8, state)             /* enum vos_dtx_state */ \
	F(hlc, epoch)            \
	F(i32, answer)           /* stored with a committed one */
RPC_STRUCT(dtx_state_out, DTX_STATE)
#define DTX_STATES_OUT(F, A)     \
	A(dtx_state_out, states)
RPC_STRUCT(dtx_check_in, DTX_IDS_IN)
RPC_STRUCT(dtx_check_out, DTX_STATES_OUT)

/** Asked of the leader by a member that met them prepared: it commits or aborts what can be decided, and says. */
RPC_STRUCT(dtx_resolve_in, DTX_IDS_IN)
RPC_STRUCT(dtx_resolve_out, DTX_STATES_OUT)

/*         stem            class     flags        since */
#define DTX_OPS(OP) \
	OP(dtx_prepare,    REPLICA,  RPC_SERVERS, 1) \
	OP(dtx_commit,     REPLICA,  RPC_SERVERS, 1) \
	OP(dtx_abort,      REPLICA,  RPC_SERVERS, 1) \
	OP(dtx_check,      REPLICA,  RPC_SERVERS, 1) \
	OP(dtx_resolve,    REPLICA,  RPC_SERVERS, 1)

RPC_PROTO(dtx, 6, 1, 1, DTX_OPS)

#endif
