/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proto/cont: requests to the container service, which lives with the service of its pool, and of that service to the targets
 * (cont_tgt_*). The heads rpc_svc_in and rpc_svc_out are those of the pool's service.
 */
#ifndef PROTO_CONT_H
#define PROTO_CONT_H

#include "proto/types.h"

#define CONT_SVC_OUT(F, A)       \
	F(rpc_svc_out, svc)

/** An open container. */
#define CONT_IN(F, A)            \
	F(rpc_svc_in, svc)       \
	F(uuid, cont)            \
	F(uuid, handle)          /* of the container */
RPC_STRUCT(cont_in, CONT_IN)

/* ---- life --------------------------------------------------------------------------------------------------------------- */
/** The uuid is made by the client: repeating it is harmless. */
#define CONT_CREATE_IN(F, A)     \
	F(rpc_svc_in, svc)       \
	F(uuid, cont)            \
	A(rpc_prop, props)
RPC_STRUCT(cont_create_in, CONT_CREATE_IN)
RPC_STRUCT(cont_create_out, CONT_SVC_OUT)

#define CONT_DESTROY_IN(F, A)    \
	F(rpc_svc_in, svc)       \
	F(str, label)            /* or NULL and */ \
	F(uuid, cont)            \
	F(bool, force)
RPC_STRUCT(cont_destroy_in, CONT_DESTROY_IN)
RPC_STRUCT(cont_destroy_out, CONT_SVC_OUT)

/** What daos_cont_info_t tells. */
#define CONT_INFO(F, A)          \
	F(hlc, last_snapshot)    \
	F(u32, handles)          \
	F(u32, snapshots)        \
	F(hlc, opened)           \
	F(hlc, modified)
RPC_STRUCT(cont_info, CONT_INFO)

/** The handle is made by the client: repeating it is harmless. */
#define CONT_OPEN_IN(F, A)       \
	F(rpc_svc_in, svc)       \
	F(str, label)            /* or NULL and */ \
	F(uuid, cont)            \
	F(uuid, handle)          \
	F(u64, flags)            /* DAOS_COO_* */ \
	F(secret, cred)
#define CONT_OPEN_OUT(F, A)      \
	F(rpc_svc_out, svc)      \
	F(uuid, cont)            \
	F(u64, rights)           /* DAOS_ACL_PERM_* */ \
	A(rpc_prop, props)       /* all */ \
	F(cont_info, info)
RPC_STRUCT(cont_open_in, CONT_OPEN_IN)
RPC_STRUCT(cont_open_out, CONT_OPEN_OUT)

#define CONT_AT(F, A)            \
	F(cont_in, at)
RPC_STRUCT(cont_close_in, CONT_AT)
RPC_STRUCT(cont_close_out, CONT_SVC_OUT)

/* ---- asking, properties, ACL ---------------------------------------------------------------------------------------------- */
RPC_STRUCT(cont_query_in, CONT_AT)
#define CONT_QUERY_OUT(F, A)     \
	F(rpc_svc_out, svc)      \
	F(cont_info, info)
RPC_STRUCT(cont_query_out, CONT_QUERY_OUT)

#define CONT_PROP_GET_IN(F, A)   \
	F(cont_in, at)           \
	A(u32, types)            /* none: all */
#define CONT_PROP_GET_OUT(F, A)  \
	F(rpc_svc_out, svc)      \
	A(rpc_prop, props)
RPC_STRUCT(cont_prop_get_in, CONT_PROP_GET_IN)
RPC_STRUCT(cont_prop_get_out, CONT_PROP_GET_OUT)

#define CONT_PROP_SET_IN(F, A)   \
	F(cont_in, at)           \
	A(rpc_prop, props)
RPC_STRUCT(cont_prop_set_in, CONT_PROP_SET_IN)
RPC_STRUCT(cont_prop_set_out, CONT_SVC_OUT)

/** Adds or replaces entries; replacing the whole ACL is cont_prop_set. */
#define CONT_ACL_UPDATE_IN(F, A) \
	F(cont_in, at)           \
	F(bytes, acl)
RPC_STRUCT(cont_acl_update_in, CONT_ACL_UPDATE_IN)
RPC_STRUCT(cont_acl_update_out, CONT_SVC_OUT)

#define CONT_ACL_DELETE_IN(F, A) \
	F(cont_in, at)           \
	F(u8, type)              /* enum daos_acl_principal_type */ \
	F(str, principal)
RPC_STRUCT(cont_acl_delete_in, CONT_ACL_DELETE_IN)
RPC_STRUCT(cont_acl_delete_out, CONT_SVC_OUT)

/* ---- attributes --------------------------------------------------------------------------------------------------------------- */
RPC_STRUCT(cont_attr_list_in, CONT_AT)
#define CONT_ATTR_LIST_OUT(F, A) \
	F(rpc_svc_out, svc)      \
	A(str, names)
RPC_STRUCT(cont_attr_list_out, CONT_ATTR_LIST_OUT)

#define CONT_ATTR_NAMES_IN(F, A) \
	F(cont_in, at)           \
	A(str, names)
/** In the order of names; one that is absent has a NULL name. */
#define CONT_ATTR_GET_OUT(F, A)  \
	F(rpc_svc_out, svc)      \
	A(rpc_attr, attrs)
RPC_STRUCT(cont_attr_get_in, CONT_ATTR_NAMES_IN)
RPC_STRUCT(cont_attr_get_out, CONT_ATTR_GET_OUT)

#define CONT_ATTR_SET_IN(F, A)   \
	F(cont_in, at)           \
	A(rpc_attr, attrs)
RPC_STRUCT(cont_attr_set_in, CONT_ATTR_SET_IN)
RPC_STRUCT(cont_attr_set_out, CONT_SVC_OUT)

RPC_STRUCT(cont_attr_del_in, CONT_ATTR_NAMES_IN)
RPC_STRUCT(cont_attr_del_out, CONT_SVC_OUT)

/* ---- object ids, snapshots, aggregation -------------------------------------------------------------------------------------------- */
#define CONT_ALLOC_OIDS_IN(F, A) \
	F(cont_in, at)           \
	F(u64, nr)
#define CONT_ALLOC_OIDS_OUT(F, A) \
	F(rpc_svc_out, svc)      \
	F(u64, first)
RPC_STRUCT(cont_alloc_oids_in, CONT_ALLOC_OIDS_IN)
RPC_STRUCT(cont_alloc_oids_out, CONT_ALLOC_OIDS_OUT)

#define CONT_SNAP_CREATE_IN(F, A) \
	F(cont_in, at)           \
	F(str, name)             /* or NULL */ \
	F(u64, opts)             /* DAOS_SNAP_OPT_* */
#define CONT_SNAP_CREATE_OUT(F, A) \
	F(rpc_svc_out, svc)      \
	F(hlc, epoch)
RPC_STRUCT(cont_snap_create_in, CONT_SNAP_CREATE_IN)
RPC_STRUCT(cont_snap_create_out, CONT_SNAP_CREATE_OUT)

#define CONT_SNAP(F, A)          \
	F(hlc, epoch)            \
	F(str, name)
RPC_STRUCT(cont_snap_out, CONT_SNAP)
/** In the order of epochs, behind after; more: ask again behind the last. */
#define CONT_SNAP_LIST_IN(F, A)  \
	F(cont_in, at)           \
	F(hlc, after)
#define CONT_SNAP_LIST_OUT(F, A) \
	F(rpc_svc_out, svc)      \
	A(cont_snap_out, snaps)  \
	F(bool, more)
RPC_STRUCT(cont_snap_list_in, CONT_SNAP_LIST_IN)
RPC_STRUCT(cont_snap_list_out, CONT_SNAP_LIST_OUT)

#define CONT_SNAP_DESTROY_IN(F, A) \
	F(cont_in, at)           \
	F(epr, range)
RPC_STRUCT(cont_snap_destroy_in, CONT_SNAP_DESTROY_IN)
RPC_STRUCT(cont_snap_destroy_out, CONT_SVC_OUT)

/** Builds or drops the table of object ids of a snapshot. */
#define CONT_EPOCH_IN(F, A)      \
	F(cont_in, at)           \
	F(hlc, epoch)
RPC_STRUCT(cont_oit_create_in, CONT_EPOCH_IN)
RPC_STRUCT(cont_oit_create_out, CONT_SVC_OUT)
RPC_STRUCT(cont_oit_destroy_in, CONT_EPOCH_IN)
RPC_STRUCT(cont_oit_destroy_out, CONT_SVC_OUT)
RPC_STRUCT(cont_aggregate_in, CONT_EPOCH_IN)
RPC_STRUCT(cont_aggregate_out, CONT_SVC_OUT)

/* ---- sessions of mounts -------------------------------------------------------------------------------------------------------------- */
/** Opens a leased session, or renews it; exclusive asks for the container's cache. */
#define CONT_SESSION_LEASE_IN(F, A) \
	F(cont_in, at)           \
	F(uuid, session)         \
	F(u64, lease_ms)         /* 0: ends it */ \
	F(bool, exclusive)       \
	F(str, machine)
#define CONT_SESSION_LEASE_OUT(F, A) \
	F(rpc_svc_out, svc)      \
	F(u64, lease_ms)         /* granted */ \
	F(bool, exclusive)       \
	F(u32, sessions)         \
	F(bool, recalled)        /* another session wants in: give the cache up */
RPC_STRUCT(cont_session_lease_in, CONT_SESSION_LEASE_IN)
RPC_STRUCT(cont_session_lease_out, CONT_SESSION_LEASE_OUT)

#define CONT_SESSION(F, A)       \
	F(uuid, session)         \
	F(u64, left_ms)          \
	F(bool, exclusive)       \
	F(str, machine)
RPC_STRUCT(cont_session_out, CONT_SESSION)
#define CONT_SESSION_LIST_OUT(F, A) \
	F(rpc_svc_out, svc)      \
	A(cont_session_out, sessions)
RPC_STRUCT(cont_session_list_in, CONT_AT)
RPC_STRUCT(cont_session_list_out, CONT_SESSION_LIST_OUT)

/**
 * Opens a session or renews it, says what became of its waits, and listens: answered when there is something to hear, or when wait_ms are over. An answer
 * without events says how things are. Who is recalled still is exclusive: it gives that up by renewing with CONT_WANT_SHARED.
 */
enum cont_want { CONT_WANT_SHARED, CONT_WANT_EXCLUSIVE, CONT_HAS_EXCLUSIVE }; /* HAS: was granted it, perhaps by a service that has forgotten */
#define CONT_SESSION_RENEW_IN(F, A) \
	F(cont_in, at)           \
	F(uuid, session)         \
	F(u64, number)           /* grows; an older one is not carried out any more */ \
	F(u64, lease_ms)         /* 0: ends it */ \
	F(u64, wait_ms)          \
	F(u8, want)              /* enum cont_want */ \
	F(bool, fresh)           /* opens it: may be unknown */ \
	F(str, machine)          \
	A(u64, heard)            /* waits that were granted, and the mount knows */
#define CONT_SESSION_RENEW_OUT(F, A) \
	F(rpc_svc_out, svc)      \
	F(u64, lease_ms)         /* granted, from when it was asked for */ \
	F(bool, exclusive)       \
	F(bool, recalled)        /* exclusive, and another is waiting to come in */ \
	F(bool, shut)            /* an exclusive one has not given up yet: nothing may be done but renew */ \
	F(u32, sessions)         \
	F(u64, locks)            /* the table of locks: another number is another table, to which locks have to be told */ \
	A(u64, granted)          /* waits that were granted and not heard of */
RPC_STRUCT(cont_session_renew_in, CONT_SESSION_RENEW_IN)
RPC_STRUCT(cont_session_renew_out, CONT_SESSION_RENEW_OUT)

/* ---- locks ------------------------------------------------------------------------------------------------------------------------------- */
/** A lock, held or wanted: pure/lock. */
#define CONT_LOCK(F, A)          \
	F(u64, file)             /* inode number */ \
	F(u64, owner)            \
	F(u64, start)            \
	F(u64, end)              /* included */ \
	F(u32, pid)              \
	F(u8, space)             /* enum lock_space */ \
	F(u8, kind)              /* enum lock_kind */
RPC_STRUCT(cont_lock_range, CONT_LOCK)

enum cont_lock_op { CONT_LOCK_SET, CONT_LOCK_TEST, CONT_LOCK_CANCEL };
enum cont_lock_verdict {
	CONT_LOCK_GRANTED, CONT_LOCK_DENIED, CONT_LOCK_WAITS, CONT_LOCK_CIRCLE, /* enum lock_verdict */
	CONT_LOCK_UNKNOWN, /* the service does not know this session's locks: tell them (cont_locks_put), then ask again */
	CONT_LOCK_LATER,   /* others have not told theirs yet: ask again */
};
/** number grows with each request of a session; what is below floor was given up by the mount, and is not carried out any more. */
#define CONT_LOCK_IN(F, A)       \
	F(cont_in, at)           \
	F(uuid, session)         \
	F(u64, locks)            /* the table it means */ \
	F(u64, number)           \
	F(u64, floor)            \
	F(u8, op)                /* enum cont_lock_op */ \
	F(cont_lock_range, lock) \
	F(u64, wait)             /* SET: 0: does not wait; else the number to wait under. CANCEL: which */
#define CONT_LOCK_OUT(F, A)      \
	F(rpc_svc_out, svc)      \
	F(u8, verdict)           /* enum cont_lock_verdict. CANCEL: GRANTED it had been granted, DENIED it waits no more */ \
	F(cont_lock_range, holder) /* with DENIED */ \
	F(bool, own)             /* the holder is of this session */
RPC_STRUCT(cont_lock_in, CONT_LOCK_IN)
RPC_STRUCT(cont_lock_out, CONT_LOCK_OUT)

/** All locks that a session holds, in one or several requests: the first forgets what was known. */
#define CONT_LOCKS_PUT_IN(F, A)  \
	F(cont_in, at)           \
	F(uuid, session)         \
	F(u64, locks)            \
	F(u64, floor)            \
	F(bool, first)           \
	F(bool, last)            \
	A(cont_lock_range, held)
#define CONT_LOCKS_PUT_OUT(F, A) \
	F(rpc_svc_out, svc)      \
	F(bool, known)           /* false: another table by now, or the session is not */
RPC_STRUCT(cont_locks_put_in, CONT_LOCKS_PUT_IN)
RPC_STRUCT(cont_locks_put_out, CONT_LOCKS_PUT_OUT)

/* ---- between the service and engines ---------------------------------------------------------------------------------------------------- */
/** What a handle that came with a request is worth: asked by a target. */
#define CONT_ACCESS_IN(F, A)     \
	F(uuid, pool)            \
	F(uuid, handle)
#define CONT_ACCESS_OUT(F, A)    \
	F(rpc_svc_out, svc)      \
	F(uuid, cont)            \
	F(u64, caps)             /* TARGET_CAP_* */ \
	F(u16, csum_type)        \
	F(bool, csum_server_verify) \
	F(u64, csum_chunk)       \
	F(hlc, snap_floor)       /* writes below it are refused */
RPC_STRUCT(cont_access_in, CONT_ACCESS_IN)
RPC_STRUCT(cont_access_out, CONT_ACCESS_OUT)

/** The shards of a container on an engine go. */
#define CONT_TGT_DESTROY_IN(F, A) \
	F(uuid, pool)            \
	F(uuid, cont)
RPC_STRUCT(cont_tgt_destroy_in, CONT_TGT_DESTROY_IN)
RPC_EMPTY(cont_tgt_destroy_out)

/** Forgets what was known of handles: zero handle: all of the container; zero container: all of the pool. */
#define CONT_TGT_FORGET_IN(F, A) \
	F(uuid, pool)            \
	F(uuid, cont)            \
	F(uuid, handle)
RPC_STRUCT(cont_tgt_forget_in, CONT_TGT_FORGET_IN)
RPC_EMPTY(cont_tgt_forget_out)

/** A snapshot is being taken: every target durably refuses writes below floor and resolves what is prepared up to it. */
#define CONT_TGT_FLOOR_IN(F, A)  \
	F(uuid, pool)            \
	F(uuid, cont)            \
	F(hlc, floor)
RPC_STRUCT(cont_tgt_floor_in, CONT_TGT_FLOOR_IN)
RPC_EMPTY(cont_tgt_floor_out)

/*         stem                 class     flags        since */
#define CONT_OPS(OP) \
	OP(cont_create,         METADATA, 0,           1) \
	OP(cont_destroy,        METADATA, 0,           1) \
	OP(cont_open,           METADATA, 0,           1) \
	OP(cont_close,          METADATA, 0,           1) \
	OP(cont_query,          METADATA, 0,           1) \
	OP(cont_prop_get,       METADATA, 0,           1) \
	OP(cont_prop_set,       METADATA, 0,           1) \
	OP(cont_acl_update,     METADATA, 0,           1) \
	OP(cont_acl_delete,     METADATA, 0,           1) \
	OP(cont_attr_list,      METADATA, 0,           1) \
	OP(cont_attr_get,       METADATA, 0,           1) \
	OP(cont_attr_set,       METADATA, 0,           1) \
	OP(cont_attr_del,       METADATA, 0,           1) \
	OP(cont_alloc_oids,     METADATA, 0,           1) \
	OP(cont_snap_create,    METADATA, 0,           1) \
	OP(cont_snap_list,      METADATA, 0,           1) \
	OP(cont_snap_destroy,   METADATA, 0,           1) \
	OP(cont_oit_create,     METADATA, 0,           1) \
	OP(cont_oit_destroy,    METADATA, 0,           1) \
	OP(cont_aggregate,      METADATA, 0,           1) \
	OP(cont_session_lease,  METADATA, 0,           1) \
	OP(cont_session_list,   METADATA, 0,           1) \
	OP(cont_access,         METADATA, RPC_SERVERS, 1) \
	OP(cont_tgt_destroy,    METADATA, RPC_SERVERS, 1) \
	OP(cont_tgt_forget,     METADATA, RPC_SERVERS, 1) \
	OP(cont_tgt_floor,      METADATA, RPC_SERVERS, 1) \
	OP(cont_session_renew,  METADATA, 0,           2) \
	OP(cont_lock,           METADATA, 0,           2) \
	OP(cont_locks_put,      METADATA, 0,           2)

RPC_PROTO(cont, 4, 2, 1, CONT_OPS)

#endif
