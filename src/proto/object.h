/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proto/object: reading and writing objects at a target. Data travels inline in the body (up to RPC_INLINE_MAX), or through the
 * memory that the caller exposes for the call; in both cases it is the values of all iods one after another, a value's extents in the
 * order of its recxs.
 */
#ifndef PROTO_OBJECT_H
#define PROTO_OBJECT_H

#include "proto/types.h"

/** Which shard of which object, by which right, and with which map it was found. */
#define OBJECT_AT(F, A)          \
	F(uuid, pool)            \
	F(uuid, handle)          /* of the container */ \
	F(oid, oid)              \
	F(u32, shard)            \
	F(u32, map_version)
RPC_STRUCT(object_at, OBJECT_AT)

/** When a read looks. */
#define OBJECT_WHEN(F, A)        \
	F(hlc, epoch)            /* DAOS_EPOCH_MAX: the newest; 0: the target chooses now, and says so in its hint */ \
	F(hlc, bound)            /* above epoch: a write in between is uncertain and restarts the reader */ \
	F(rpc_dtx_id, dtx)       /* of the transaction that reads; zero: none */
RPC_STRUCT(object_when, OBJECT_WHEN)

/** Ends every answer: what the caller needs to go on, errors included. */
#define OBJECT_HINT(F, A)        \
	F(u32, map_version)      /* with -DER_STALE: get this one at least */ \
	F(hlc, epoch)            /* at which it was read or written; with -DER_TX_RESTART: begin above */ \
	F(rpc_conflict, conflict) /* with -DER_INPROGRESS */
RPC_STRUCT(object_hint, OBJECT_HINT)

/* ---- writing -------------------------------------------------------------------------------------------------------------- */
enum object_write_kind { OBJECT_UPDATE = 1, OBJECT_PUNCH = 2, OBJECT_CHECK = 3 };

/**
 * One write. UPDATE: iods of dkey, with data. PUNCH: akeys of dkey, else dkey, else (no dkey) the object. CHECK: nothing
 * changes, but the conditions in flags, or what a transaction read of these keys, must hold at its epoch.
 */
#define OBJECT_WRITE(F, A)       \
	F(u8, kind)              \
	F(oid, oid)              \
	F(u32, shard)            \
	F(u64, flags)            /* DAOS_COND_* and the like */ \
	F(key, dkey)             \
	A(key, akeys)            \
	A(iod, iods)             \
	A(rpc_csum, csums)       /* one for each iod, or none at all */ \
	F(bytes, data)           /* inline */ \
	F(u64, bulk_off)         /* else where its data begins in the memory of the call */ \
	F(u64, read_epoch)       /* CHECK: at which it was read */
RPC_STRUCT(object_write, OBJECT_WRITE)

#define OBJECT_UPDATE_IN(F, A)   \
	F(object_at, at)         \
	F(rpc_dtx_id, dtx)       /* a repeated request carries the same */ \
	F(hlc, epoch)            /* 0: the target chooses */ \
	F(u64, flags)            \
	F(key, dkey)             \
	A(iod, iods)             \
	A(rpc_csum, csums)       /* one for each iod, or none at all */ \
	F(bytes, data)           \
	F(bulk, bulk)
#define OBJECT_WRITE_OUT(F, A)   \
	F(object_hint, hint)
RPC_STRUCT(object_update_in, OBJECT_UPDATE_IN)
RPC_STRUCT(object_update_out, OBJECT_WRITE_OUT)

/** No dkey: the object; no akeys: the dkeys; else akeys of the one dkey. */
#define OBJECT_PUNCH_IN(F, A)    \
	F(object_at, at)         \
	F(rpc_dtx_id, dtx)       \
	F(hlc, epoch)            \
	F(u64, flags)            \
	A(key, dkeys)            \
	A(key, akeys)
RPC_STRUCT(object_punch_in, OBJECT_PUNCH_IN)
RPC_STRUCT(object_punch_out, OBJECT_WRITE_OUT)

/** A whole transaction; at names the object whose target leads. */
#define OBJECT_TX_COMMIT_IN(F, A) \
	F(object_at, at)         \
	F(rpc_dtx_id, dtx)       \
	F(hlc, epoch)            /* at which it read */ \
	A(object_write, writes)  /* in order */ \
	A(rpc_target, targets)   /* where each write goes, by the map of at */ \
	F(bulk, bulk)
RPC_STRUCT(object_tx_commit_in, OBJECT_TX_COMMIT_IN)
RPC_STRUCT(object_tx_commit_out, OBJECT_WRITE_OUT)

/* ---- reading ---------------------------------------------------------------------------------------------------------------- */
#define OBJECT_FETCH_IN(F, A)    \
	F(object_at, at)         \
	F(object_when, when)     \
	F(u64, flags)            /* DAOS_COND_*_FETCH and OBJECT_FETCH_* */ \
	F(key, dkey)             \
	A(iod, iods)             \
	A(u64, rooms)            /* bytes that the caller has for each iod; none: sizes only */ \
	F(bulk, bulk)            /* where to put what does not go inline */
/** A part of a value, in the order of the data: a hole (no bytes are sent), or bytes with what covers them. */
#define OBJECT_PIECE(F, A)       \
	F(recx, recx)            /* records; {0, 1} for a single value */ \
	F(bool, hole)            \
	F(u32, before)           /* bytes that were sent in front of and behind it, so that its checksums can be checked */ \
	F(u32, behind)           \
	F(rpc_csum, csum)
RPC_STRUCT(object_piece, OBJECT_PIECE)
#define OBJECT_VALUE(F, A)       \
	F(u64, size)             /* of the single value or of a record; 0: nothing there */ \
	A(object_piece, pieces)
RPC_STRUCT(object_value, OBJECT_VALUE)
#define OBJECT_FETCH_OUT(F, A)   \
	F(object_hint, hint)     \
	A(object_value, values)  /* one for each iod */ \
	F(bytes, data)           /* inline; else it was put, len bytes in all */ \
	F(u64, len)
RPC_STRUCT(object_fetch_in, OBJECT_FETCH_IN)
RPC_STRUCT(object_fetch_out, OBJECT_FETCH_OUT)

/** Keys, extents or objects of a shard. */
enum object_list_kind {
	OBJECT_LIST_OBJECT = 0, /* of the container at this target */
	OBJECT_LIST_DKEY = 1,
	OBJECT_LIST_AKEY = 2,
	OBJECT_LIST_RECX = 3,
	OBJECT_LIST_SINGLE = 4,
};
#define OBJECT_LIST_IN(F, A)     \
	F(object_at, at)         \
	F(object_when, when)     \
	F(u64, flags)            \
	F(u8, kind)              /* enum object_list_kind */ \
	F(bool, reverse)         /* extents: highest first */ \
	F(key, dkey)             \
	F(key, akey)             \
	F(anchor, anchor)        \
	F(u32, max)              /* entries */ \
	F(u32, room)             /* bytes of keys */ \
	F(bulk, bulk)            /* where to put keys that do not go inline */
#define OBJECT_ENTRY(F, A)       \
	F(u32, key_len)          /* keys follow each other in the data */ \
	F(hlc, epoch)            /* of the newest change */ \
	F(recx, recx)            \
	F(u64, size)             /* of a record or single value */ \
	F(u8, type)              /* akey: what it holds, DAOS_IOD_* */
RPC_STRUCT(object_entry, OBJECT_ENTRY)
#define OBJECT_LIST_OUT(F, A)    \
	F(object_hint, hint)     \
	F(anchor, anchor)        \
	A(object_entry, entries) \
	F(bytes, data)           /* inline; else it was put, len bytes */ \
	F(u64, len)              \
	F(u32, key_needed)       /* with -DER_KEY2BIG: bytes of the key that did not fit */
RPC_STRUCT(object_list_in, OBJECT_LIST_IN)
RPC_STRUCT(object_list_out, OBJECT_LIST_OUT)

/** flags: DAOS_GET_*. Keys that are not asked for are given. */
#define OBJECT_QUERY_KEY_IN(F, A) \
	F(object_at, at)         \
	F(object_when, when)     \
	F(u64, flags)            \
	F(key, dkey)             \
	F(key, akey)
#define OBJECT_QUERY_KEY_OUT(F, A) \
	F(object_hint, hint)     \
	F(key, dkey)             \
	F(key, akey)             \
	F(recx, recx)            \
	F(u64, size)             /* of a record */
RPC_STRUCT(object_query_key_in, OBJECT_QUERY_KEY_IN)
RPC_STRUCT(object_query_key_out, OBJECT_QUERY_KEY_OUT)

/** The epoch of the newest change. */
#define OBJECT_QUERY_EPOCH_IN(F, A) \
	F(object_at, at)         \
	F(object_when, when)
#define OBJECT_QUERY_EPOCH_OUT(F, A) \
	F(object_hint, hint)     \
	F(hlc, newest)
RPC_STRUCT(object_query_epoch_in, OBJECT_QUERY_EPOCH_IN)
RPC_STRUCT(object_query_epoch_out, OBJECT_QUERY_EPOCH_OUT)

/** What attributes of a file need, at once: values of a dkey as a fetch does, the end of the highest dkey, the newest change. */
#define OBJECT_GLANCE_IN(F, A)   \
	F(object_at, at)         \
	F(object_when, when)     \
	F(key, dkey)             /* of the values */ \
	A(iod, iods)             \
	A(u64, rooms)            \
	F(key, akey)             /* the array whose end is asked for, below the highest dkey */
#define OBJECT_GLANCE_OUT(F, A)  \
	F(object_hint, hint)     \
	A(object_value, values)  \
	F(bytes, data)           /* inline */ \
	F(u64, len)              \
	F(u64, last)             /* the highest dkey; 0: none */ \
	F(recx, recx)            /* the last extent there */ \
	F(hlc, newest)
RPC_STRUCT(object_glance_in, OBJECT_GLANCE_IN)
RPC_STRUCT(object_glance_out, OBJECT_GLANCE_OUT)

/*         stem                 class     flags        since */
#define OBJECT_OPS(OP) \
	OP(object_update,       IO,       0,           1) \
	OP(object_fetch,        IO,       0,           1) \
	OP(object_punch,        IO,       0,           1) \
	OP(object_tx_commit,    IO,       0,           1) \
	OP(object_list,         IO,       0,           1) \
	OP(object_query_key,    IO,       0,           1) \
	OP(object_query_epoch,  IO,       0,           1) \
	OP(object_glance,       IO,       0,           1)

RPC_PROTO(object, 5, 1, 1, OBJECT_OPS)

#endif
