/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proto/pool: requests to the service of a pool, and of that service to the targets (pool_tgt_*). Every request to the service begins with
 * struct rpc_svc_in and every answer with struct rpc_svc_out.
 */
#ifndef PROTO_POOL_H
#define PROTO_POOL_H

#include "proto/types.h"

/* ---- life of a pool: from the management service ---------------------------------------------------------------------- */
/** Makes and starts the service on its replicas; targets are there already. */
#define POOL_CREATE_IN(F, A)     \
	F(rpc_svc_in, svc)       \
	F(bytes, map)            /* packed as pure/map says */ \
	A(u32, replicas)         \
	A(rpc_prop, props)
RPC_STRUCT(pool_create_in, POOL_CREATE_IN)
#define POOL_SVC_OUT(F, A)       \
	F(rpc_svc_out, svc)
RPC_STRUCT(pool_create_out, POOL_SVC_OUT)

/** Ends the service; with force also when handles are open. */
#define POOL_DESTROY_IN(F, A)    \
	F(rpc_svc_in, svc)       \
	F(bool, force)
RPC_STRUCT(pool_destroy_in, POOL_DESTROY_IN)
RPC_STRUCT(pool_destroy_out, POOL_SVC_OUT)

/* ---- handles -------------------------------------------------------------------------------------------------------------- */
/** svc.handle is the new handle, made by the client: repeating it is harmless. */
#define POOL_CONNECT_IN(F, A)    \
	F(rpc_svc_in, svc)       \
	F(u64, flags)            /* DAOS_PC_* */ \
	F(secret, cred)
#define POOL_CONNECT_OUT(F, A)   \
	F(rpc_svc_out, svc)      \
	F(bytes, map)            \
	F(u64, rights)           /* DAOS_ACL_PERM_* */ \
	F(str, label)            \
	F(u32, redun_fac)        /* defaults of containers */ \
	F(u32, ec_cell)          \
	F(bool, ram)
RPC_STRUCT(pool_connect_in, POOL_CONNECT_IN)
RPC_STRUCT(pool_connect_out, POOL_CONNECT_OUT)

/** Closes the handles of containers that were opened through it, too. */
#define POOL_SVC_IN(F, A)        \
	F(rpc_svc_in, svc)
RPC_STRUCT(pool_disconnect_in, POOL_SVC_IN)
RPC_STRUCT(pool_disconnect_out, POOL_SVC_OUT)

#define POOL_EVICT_IN(F, A)      \
	F(rpc_svc_in, svc)       \
	A(uuid, handles)         /* none: all */ \
	F(str, machine)          /* or those of one client machine; may be NULL */
#define POOL_EVICT_OUT(F, A)     \
	F(rpc_svc_out, svc)      \
	F(u32, evicted)
RPC_STRUCT(pool_evict_in, POOL_EVICT_IN)
RPC_STRUCT(pool_evict_out, POOL_EVICT_OUT)

/* ---- asking ----------------------------------------------------------------------------------------------------------------- */
#define POOL_REBUILD(F, A)       \
	F(u32, version)          \
	F(u32, seconds)          \
	F(i32, error)            \
	F(i32, state)            \
	F(i32, fail_rank)        \
	F(u64, objects_todo)     \
	F(u64, objects)          \
	F(u64, records)          \
	F(u64, bytes)
RPC_STRUCT(pool_rebuild, POOL_REBUILD)

#define POOL_QUERY_IN(F, A)      \
	F(rpc_svc_in, svc)       \
	F(u64, bits)             /* DPI_*: what costs asking the targets */
#define POOL_QUERY_OUT(F, A)     \
	F(rpc_svc_out, svc)      \
	F(str, label)            \
	F(u32, targets)          \
	F(u32, targets_disabled) \
	F(u32, ranks)            \
	F(u32, layout_version)   \
	F(bool, ram)             \
	A(rpc_space, tiers)      /* heap, data */ \
	F(pool_rebuild, rebuild) \
	A(u32, ranks_enabled)    \
	A(u32, ranks_disabled)   \
	A(u32, ranks_dead)       \
	F(hlc, clock)            \
	F(u32, containers)       \
	F(u32, handles)
RPC_STRUCT(pool_query_in, POOL_QUERY_IN)
RPC_STRUCT(pool_query_out, POOL_QUERY_OUT)

#define POOL_QUERY_TARGET_IN(F, A) \
	F(rpc_svc_in, svc)       \
	F(rpc_target, target)
#define POOL_QUERY_TARGET_OUT(F, A) \
	F(rpc_svc_out, svc)      \
	F(u32, state)            /* as in pure/map */ \
	A(rpc_space, tiers)
RPC_STRUCT(pool_query_target_in, POOL_QUERY_TARGET_IN)
RPC_STRUCT(pool_query_target_out, POOL_QUERY_TARGET_OUT)

/** The map, when the service has one newer than version; else empty. */
#define POOL_MAP_GET_IN(F, A)    \
	F(rpc_svc_in, svc)       \
	F(u32, version)
#define POOL_MAP_GET_OUT(F, A)   \
	F(rpc_svc_out, svc)      \
	F(bytes, map)
RPC_STRUCT(pool_map_get_in, POOL_MAP_GET_IN)
RPC_STRUCT(pool_map_get_out, POOL_MAP_GET_OUT)

/* ---- properties, ACL, attributes ------------------------------------------------------------------------------------------------ */
#define POOL_PROP_GET_IN(F, A)   \
	F(rpc_svc_in, svc)       \
	A(u32, types)            /* none: all */
#define POOL_PROP_GET_OUT(F, A)  \
	F(rpc_svc_out, svc)      \
	A(rpc_prop, props)
RPC_STRUCT(pool_prop_get_in, POOL_PROP_GET_IN)
RPC_STRUCT(pool_prop_get_out, POOL_PROP_GET_OUT)

#define POOL_PROP_SET_IN(F, A)   \
	F(rpc_svc_in, svc)       \
	A(rpc_prop, props)
RPC_STRUCT(pool_prop_set_in, POOL_PROP_SET_IN)
RPC_STRUCT(pool_prop_set_out, POOL_SVC_OUT)

/** Adds or replaces entries; replacing the whole ACL is pool_prop_set. */
#define POOL_ACL_UPDATE_IN(F, A) \
	F(rpc_svc_in, svc)       \
	F(bytes, acl)
RPC_STRUCT(pool_acl_update_in, POOL_ACL_UPDATE_IN)
RPC_STRUCT(pool_acl_update_out, POOL_SVC_OUT)

#define POOL_ACL_DELETE_IN(F, A) \
	F(rpc_svc_in, svc)       \
	F(u8, type)              /* enum daos_acl_principal_type */ \
	F(str, principal)
RPC_STRUCT(pool_acl_delete_in, POOL_ACL_DELETE_IN)
RPC_STRUCT(pool_acl_delete_out, POOL_SVC_OUT)

RPC_STRUCT(pool_attr_list_in, POOL_SVC_IN)
#define POOL_ATTR_LIST_OUT(F, A) \
	F(rpc_svc_out, svc)      \
	A(str, names)
RPC_STRUCT(pool_attr_list_out, POOL_ATTR_LIST_OUT)

#define POOL_ATTR_NAMES_IN(F, A) \
	F(rpc_svc_in, svc)       \
	A(str, names)
/** In the order of names; one that is absent has a NULL name. */
#define POOL_ATTR_GET_OUT(F, A)  \
	F(rpc_svc_out, svc)      \
	A(rpc_attr, attrs)
RPC_STRUCT(pool_attr_get_in, POOL_ATTR_NAMES_IN)
RPC_STRUCT(pool_attr_get_out, POOL_ATTR_GET_OUT)

#define POOL_ATTR_SET_IN(F, A)   \
	F(rpc_svc_in, svc)       \
	A(rpc_attr, attrs)
RPC_STRUCT(pool_attr_set_in, POOL_ATTR_SET_IN)
RPC_STRUCT(pool_attr_set_out, POOL_SVC_OUT)

RPC_STRUCT(pool_attr_del_in, POOL_ATTR_NAMES_IN)
RPC_STRUCT(pool_attr_del_out, POOL_SVC_OUT)

/* ---- containers of the pool -------------------------------------------------------------------------------------------------------- */
#define POOL_CONT_ENTRY(F, A)    \
	F(uuid, cont)            \
	F(str, label)            \
	F(hlc, last_snapshot)    \
	F(u32, handles)          \
	F(u32, snapshots)        \
	F(hlc, opened)           \
	F(hlc, modified)
RPC_STRUCT(pool_cont_entry_out, POOL_CONT_ENTRY)

/** One condition: a value of the container compared by func with value. */
#define POOL_CONT_FILTER(F, A)   \
	F(u32, func)             /* PCF_FUNC_* */ \
	F(u32, key)              /* PCF_KEY_* */ \
	F(u64, value)
RPC_STRUCT(pool_cont_filter_in, POOL_CONT_FILTER)

/** In the order of uuids, behind after; more: ask again behind the last. */
#define POOL_CONT_LIST_IN(F, A)  \
	F(rpc_svc_in, svc)       \
	F(uuid, after)           \
	F(bool, details)         /* else uuid and label only */ \
	F(u32, combine)          /* PCF_COMBINE_* */ \
	A(pool_cont_filter_in, filters)
#define POOL_CONT_LIST_OUT(F, A) \
	F(rpc_svc_out, svc)      \
	A(pool_cont_entry_out, conts) \
	F(bool, more)            \
	F(u64, total)            /* containers of the pool, unfiltered */
RPC_STRUCT(pool_cont_list_in, POOL_CONT_LIST_IN)
RPC_STRUCT(pool_cont_list_out, POOL_CONT_LIST_OUT)

/* ---- membership: from the management service ------------------------------------------------------------------------------------------ */
/** exclude, drain, reintegrate: targets change state; the map gets a new version. */
#define POOL_TARGET_SET_IN(F, A) \
	F(rpc_svc_in, svc)       \
	F(u32, state)            /* wanted, as in pure/map */ \
	A(rpc_target, targets)   /* target RPC_NO_RANK: all of the rank */
RPC_STRUCT(pool_target_set_in, POOL_TARGET_SET_IN)
RPC_STRUCT(pool_target_set_out, POOL_SVC_OUT)

#define POOL_EXTEND_IN(F, A)     \
	F(rpc_svc_in, svc)       \
	F(bytes, domains)        /* packed as pure/map says */ \
	A(u32, ranks)
RPC_STRUCT(pool_extend_in, POOL_EXTEND_IN)
RPC_STRUCT(pool_extend_out, POOL_SVC_OUT)

RPC_STRUCT(pool_upgrade_in, POOL_SVC_IN)
RPC_STRUCT(pool_upgrade_out, POOL_SVC_OUT)

/** The leader steps down. */
RPC_STRUCT(pool_svc_stop_in, POOL_SVC_IN)
RPC_STRUCT(pool_svc_stop_out, POOL_SVC_OUT)

/* ---- from the service to engines ----------------------------------------------------------------------------------------------------------- */
/** Opens the shards of an engine, or brings the map up to date. */
#define POOL_TGT_OPEN_IN(F, A)   \
	F(uuid, pool)            \
	F(u32, map_version)      \
	F(bytes, map)
RPC_STRUCT(pool_tgt_open_in, POOL_TGT_OPEN_IN)
RPC_EMPTY(pool_tgt_open_out)

#define POOL_TGT_IN(F, A)        \
	F(uuid, pool)
RPC_STRUCT(pool_tgt_close_in, POOL_TGT_IN)
RPC_EMPTY(pool_tgt_close_out)

#define POOL_TGT_USAGE(F, A)     \
	F(rpc_target, target)    \
	F(u64, meta_total)       \
	F(u64, meta_free)        \
	F(u64, data_total)       \
	F(u64, data_free)        \
	F(i32, failed)           /* 0, or what took it out of service */
RPC_STRUCT(pool_tgt_usage, POOL_TGT_USAGE)
#define POOL_TGT_QUERY_OUT(F, A) \
	A(pool_tgt_usage, targets)
RPC_STRUCT(pool_tgt_query_in, POOL_TGT_IN)
RPC_STRUCT(pool_tgt_query_out, POOL_TGT_QUERY_OUT)

/*         stem               class     flags        since */
#define POOL_OPS(OP) \
	OP(pool_create,       METADATA, RPC_SERVERS, 1) \
	OP(pool_destroy,      METADATA, RPC_SERVERS, 1) \
	OP(pool_connect,      METADATA, RPC_ANYONE,  1) \
	OP(pool_disconnect,   METADATA, 0,           1) \
	OP(pool_evict,        METADATA, RPC_SERVERS, 1) \
	OP(pool_query,        METADATA, 0,           1) \
	OP(pool_query_target, METADATA, 0,           1) \
	OP(pool_map_get,      METADATA, 0,           1) \
	OP(pool_prop_get,     METADATA, 0,           1) \
	OP(pool_prop_set,     METADATA, 0,           1) \
	OP(pool_acl_update,   METADATA, 0,           1) \
	OP(pool_acl_delete,   METADATA, 0,           1) \
	OP(pool_attr_list,    METADATA, 0,           1) \
	OP(pool_attr_get,     METADATA, 0,           1) \
	OP(pool_attr_set,     METADATA, 0,           1) \
	OP(pool_attr_del,     METADATA, 0,           1) \
	OP(pool_cont_list,    METADATA, 0,           1) \
	OP(pool_target_set,   METADATA, RPC_SERVERS, 1) \
	OP(pool_extend,       METADATA, RPC_SERVERS, 1) \
	OP(pool_upgrade,      METADATA, RPC_SERVERS, 1) \
	OP(pool_svc_stop,     METADATA, 0,           1) \
	OP(pool_tgt_open,     METADATA, RPC_SERVERS, 1) \
	OP(pool_tgt_close,    METADATA, RPC_SERVERS, 1) \
	OP(pool_tgt_query,    METADATA, RPC_SERVERS, 1)

RPC_PROTO(pool, 3, 1, 1, POOL_OPS)

#endif
