/* SPDX-License-Identifier: Apache-2.0 */
/* proto/types: structs that more than one protocol carries. */
#ifndef PROTO_TYPES_H
#define PROTO_TYPES_H

#include "proto/codec.h"

/** Made by a client: unique for ever; hlc orders and ages it. The shape of struct vos_dtx_id. */
#define RPC_DTX_ID(F, A) \
	F(uuid, client)  \
	F(hlc, hlc)
RPC_STRUCT(rpc_dtx_id, RPC_DTX_ID)

/** The id of a request to a replicated service: a repeated request carries the same. */
#define RPC_REQUEST_ID(F, A) \
	F(uuid, client)      \
	F(u64, number)
RPC_STRUCT(rpc_request_id, RPC_REQUEST_ID)

/** Begins every request to a pool's service: whose service, with which right, and which request. */
#define RPC_SVC_IN(F, A)         \
	F(uuid, pool)            \
	F(uuid, handle)          /* of the pool; zero from servers */ \
	F(rpc_request_id, request)
RPC_STRUCT(rpc_svc_in, RPC_SVC_IN)

/** Begins every answer of a pool's service, errors included. */
#define RPC_SVC_OUT(F, A)        \
	F(u32, leader)           /* rank to ask instead, with -DER_NOTLEADER; RPC_NO_RANK: unknown */ \
	F(u64, term)             \
	F(u32, map_version)      /* of the pool map now */
RPC_STRUCT(rpc_svc_out, RPC_SVC_OUT)

/** A property; which of value, text and blob counts follows from its type. */
#define RPC_PROP(F, A)           \
	F(u32, type)             /* DAOS_PROP_PO_*, DAOS_PROP_CO_* */ \
	F(u16, flags)            /* DAOS_PROP_ENTRY_* */ \
	F(u64, value)            \
	F(str, text)             \
	F(bytes, blob)           /* ACL, roots, list of ranks: packed as pure/prop and pure/acl say */
RPC_STRUCT(rpc_prop, RPC_PROP)

/** A user attribute. */
#define RPC_ATTR(F, A)           \
	F(str, name)             \
	F(bytes, value)
RPC_STRUCT(rpc_attr, RPC_ATTR)

/** Checksums over consecutive chunks of one value or one extent. The shape of struct vos_csum. */
#define RPC_CSUM(F, A)           \
	F(u8, type)              /* DAOS_PROP_CO_CSUM_*; 0: none */ \
	F(u16, size)             /* bytes of one */ \
	F(u32, chunk)            /* bytes that one covers */ \
	F(bytes, sums)
RPC_STRUCT(rpc_csum, RPC_CSUM)

/** A transaction that stands in the way, with -DER_INPROGRESS. */
#define RPC_CONFLICT(F, A)       \
	F(rpc_dtx_id, dtx)       \
	F(hlc, epoch)
RPC_STRUCT(rpc_conflict, RPC_CONFLICT)

/** One target. */
#define RPC_TARGET(F, A)         \
	F(u32, rank)             \
	F(u32, target)
RPC_STRUCT(rpc_target, RPC_TARGET)

/** Space of a kind (heap or data) in bytes; min, max and mean of what is free on a target. */
#define RPC_SPACE(F, A)          \
	F(u64, total)            \
	F(u64, free)             \
	F(u64, min)              \
	F(u64, max)              \
	F(u64, mean)
RPC_STRUCT(rpc_space, RPC_SPACE)

/** How one rank is reached: an address a tag. */
#define RPC_RANK_ADDR(F, A)      \
	F(u32, rank)             \
	F(u64, incarnation)      \
	A(str, addrs)
RPC_STRUCT(rpc_rank_addr, RPC_RANK_ADDR)

#endif
