/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proto/control: what dmg asks of the server, and the server of an engine, over dRPC (module DRPC_MODULE_MGMT). The server
 * answers the storage_* and system_* rows itself and hands the pool_* rows on to an engine that runs the management service.
 * Who asks is known by the socket, and told to the engine in ctl_who by the server alone.
 */
#ifndef PROTO_CONTROL_H
#define PROTO_CONTROL_H

#include "proto/codec.h"
#include "proto/agent.h"

/* as enum bio_dev_state */
enum { CTL_DEVICE_NORMAL, CTL_DEVICE_NEW, CTL_DEVICE_FAULTY, CTL_DEVICE_UNPLUGGED };

/* ---- storage ------------------------------------------------------------------------------------------------------------ */
#define CTL_DEVICE(F, A)                                                                                               \
	F(uuid, uuid)                                                                                                  \
	F(str, path)                                                                                                   \
	F(str, class)     /* "file", "ram", "kdev" */                                                                  \
	F(u32, rank)                                                                                                   \
	F(u32, state)     /* enum bio_dev_state */                                                                     \
	F(u32, roles)                                                                                                  \
	F(u64, total)     /* bytes */                                                                                  \
	F(u64, free)                                                                                                   \
	A(u32, targets)                                                                                                \
	F(bool, health)   /* what follows is known */                                                                  \
	F(u64, reads)                                                                                                  \
	F(u64, writes)                                                                                                 \
	F(u64, flushes)                                                                                                \
	F(u64, bytes_read)                                                                                             \
	F(u64, bytes_written)                                                                                          \
	F(u64, read_errors)                                                                                            \
	F(u64, write_errors)                                                                                           \
	F(u64, flush_errors)                                                                                           \
	F(u64, csum_errors)                                                                                            \
	F(u64, slowest_ns)
RPC_STRUCT(ctl_device, CTL_DEVICE)

#define CTL_STORAGE_SCAN_IN(F, A)                                                                                      \
	F(bool, devices) /* those in use by engines */                                                                 \
	F(bool, health)
#define CTL_STORAGE_ENGINE(F, A)                                                                                       \
	F(u32, instance)                                                                                               \
	F(u32, rank)                                                                                                   \
	F(str, class)                                                                                                  \
	F(str, path)                                                                                                   \
	F(bool, formatted)                                                                                             \
	F(u64, total)                                                                                                  \
	F(u64, free)                                                                                                   \
	A(ctl_device, devices)
RPC_STRUCT(ctl_storage_scan_in, CTL_STORAGE_SCAN_IN)
RPC_STRUCT(ctl_storage_engine, CTL_STORAGE_ENGINE)
#define CTL_STORAGE_SCAN_OUT(F, A)                                                                                     \
	F(str, host)                                                                                                   \
	F(u64, memory)                                                                                                 \
	A(ctl_storage_engine, engines)
RPC_STRUCT(ctl_storage_scan_out, CTL_STORAGE_SCAN_OUT)

#define CTL_STORAGE_FORMAT_IN(F, A) F(bool, force)
#define CTL_FORMAT_RESULT(F, A)                                                                                        \
	F(u32, instance)                                                                                               \
	F(str, path)                                                                                                   \
	F(i32, status)                                                                                                 \
	F(str, message)
RPC_STRUCT(ctl_storage_format_in, CTL_STORAGE_FORMAT_IN)
RPC_STRUCT(ctl_format_result, CTL_FORMAT_RESULT)
#define CTL_STORAGE_FORMAT_OUT(F, A) F(str, host) A(ctl_format_result, results)
RPC_STRUCT(ctl_storage_format_out, CTL_STORAGE_FORMAT_OUT)

/* ---- system ---------------------------------------------------------------------------------------------------------------- */
#define CTL_MEMBER(F, A)                                                                                               \
	F(u32, rank)                                                                                                   \
	F(uuid, uuid)                                                                                                  \
	F(str, addr)                                                                                                   \
	F(str, uri)                                                                                                    \
	F(str, state)  /* "joined", "stopped", "errored", "starting", "stopping" */                                    \
	F(str, info)                                                                                                   \
	F(str, fault_domain)                                                                                           \
	F(u64, incarnation)                                                                                            \
	F(u64, last_update_s)                                                                                          \
	F(i32, pid)                                                                                                    \
	F(u32, targets)                                                                                                \
	F(u32, restarts)
RPC_STRUCT(ctl_member, CTL_MEMBER)
#define CTL_SYSTEM_QUERY_IN(F, A) A(u32, ranks) /* none: all */
#define CTL_SYSTEM_QUERY_OUT(F, A)                                                                                     \
	F(str, system)                                                                                                 \
	F(str, provider)                                                                                               \
	F(u32, data_version)                                                                                           \
	A(ctl_member, members)                                                                                         \
	A(u32, absent)
RPC_STRUCT(ctl_system_query_in, CTL_SYSTEM_QUERY_IN)
RPC_STRUCT(ctl_system_query_out, CTL_SYSTEM_QUERY_OUT)

#define CTL_RANK_RESULT(F, A)                                                                                          \
	F(u32, rank)                                                                                                   \
	F(str, addr)                                                                                                   \
	F(str, action)                                                                                                 \
	F(bool, errored)                                                                                               \
	F(str, message)                                                                                                \
	F(str, state)
RPC_STRUCT(ctl_rank_result, CTL_RANK_RESULT)
#define CTL_SYSTEM_STOP_IN(F, A) F(bool, force) A(u32, ranks)
#define CTL_SYSTEM_STOP_OUT(F, A) A(ctl_rank_result, results)
RPC_STRUCT(ctl_system_stop_in, CTL_SYSTEM_STOP_IN)
RPC_STRUCT(ctl_system_stop_out, CTL_SYSTEM_STOP_OUT)
#define CTL_SYSTEM_START_IN(F, A) A(u32, ranks)
#define CTL_SYSTEM_START_OUT(F, A) A(ctl_rank_result, results)
RPC_STRUCT(ctl_system_start_in, CTL_SYSTEM_START_IN)
RPC_STRUCT(ctl_system_start_out, CTL_SYSTEM_START_OUT)

/* ---- pools: answered by an engine --------------------------------------------------------------------------------------------- */
#define CTL_WHO(F, A)                                                                                                  \
	F(u32, uid)                                                                                                    \
	F(u32, gid)                                                                                                    \
	F(str, user)  /* "alice@" */                                                                                   \
	F(str, group)                                                                                                  \
	F(bool, admin) /* runs the store: may do everything to every pool */
RPC_STRUCT(ctl_who, CTL_WHO)

#define CTL_POOL_CREATE_IN(F, A)                                                                                       \
	F(ctl_who, who)                                                                                                \
	F(uuid, pool)      /* made by the caller: a repeated request gives the first answer */                        \
	F(str, label)                                                                                                  \
	F(str, user)       /* owner; NULL: who asks */                                                                 \
	F(str, group)                                                                                                  \
	F(bytes, acl)      /* struct daos_acl as in memory; empty: the default */                                      \
	F(bytes, props)    /* packed list of pure/prop */                                                              \
	F(u64, scm_bytes)  /* over all targets; both 0: the default size */                                            \
	F(u64, nvme_bytes)                                                                                             \
	F(u32, percent)    /* of what is free, instead of bytes; 0: bytes */                                           \
	F(u32, svc_nr)                                                                                                 \
	A(u32, ranks)
#define CTL_POOL_CREATE_OUT(F, A)                                                                                      \
	F(uuid, pool)                                                                                                  \
	F(u32, svc_leader)                                                                                             \
	A(u32, svc_ranks)                                                                                              \
	A(u32, tgt_ranks)                                                                                              \
	A(u64, tier_bytes) /* of one rank: scm, nvme */                                                                \
	F(u64, meta_bytes)
RPC_STRUCT(ctl_pool_create_in, CTL_POOL_CREATE_IN)
RPC_STRUCT(ctl_pool_create_out, CTL_POOL_CREATE_OUT)

#define CTL_POOL_IN(F, A)                                                                                              \
	F(ctl_who, who)                                                                                                \
	F(str, pool) /* label or uuid */
#define CTL_POOL_DESTROY_IN(F, A) CTL_POOL_IN(F, A) F(bool, force) F(bool, recursive)
RPC_STRUCT(ctl_pool_destroy_in, CTL_POOL_DESTROY_IN)
RPC_EMPTY(ctl_pool_destroy_out)

RPC_STRUCT(ctl_pool_evict_in, CTL_POOL_IN)
#define CTL_POOL_EVICT_OUT(F, A) F(u32, count)
RPC_STRUCT(ctl_pool_evict_out, CTL_POOL_EVICT_OUT)

#define CTL_TIER(F, A) F(str, media) F(u64, total) F(u64, free) F(u64, min) F(u64, max) F(u64, mean)
RPC_STRUCT(ctl_tier, CTL_TIER)
#define CTL_POOL_INFO(F, A)                                                                                            \
	F(uuid, uuid)                                                                                                  \
	F(str, label)                                                                                                  \
	F(str, state) /* "Ready", "Degraded" */                                                                        \
	F(u32, total_targets)                                                                                          \
	F(u32, active_targets)                                                                                         \
	F(u32, total_engines)                                                                                          \
	F(u32, disabled_targets)                                                                                       \
	F(u32, version)                                                                                                \
	F(u32, svc_leader)                                                                                             \
	F(u32, layout_version)                                                                                         \
	F(bool, ram)                                                                                                   \
	F(u32, rebuild_state)                                                                                          \
	F(i32, rebuild_status)                                                                                         \
	F(u64, rebuild_objects)                                                                                        \
	F(u64, rebuild_records)                                                                                        \
	A(u32, svc_ranks)                                                                                              \
	A(u32, enabled_ranks)                                                                                          \
	A(u32, disabled_ranks)                                                                                         \
	A(ctl_tier, tiers)
RPC_STRUCT(ctl_pool_info, CTL_POOL_INFO)
RPC_STRUCT(ctl_pool_query_in, CTL_POOL_IN)
#define CTL_POOL_QUERY_OUT(F, A) F(ctl_pool_info, info)
RPC_STRUCT(ctl_pool_query_out, CTL_POOL_QUERY_OUT)

#define CTL_POOL_LIST_IN(F, A) F(ctl_who, who) F(bool, query) /* fill everything, not only the name */
#define CTL_POOL_LIST_OUT(F, A) A(ctl_pool_info, pools)
RPC_STRUCT(ctl_pool_list_in, CTL_POOL_LIST_IN)
RPC_STRUCT(ctl_pool_list_out, CTL_POOL_LIST_OUT)

#define CTL_POOL_GET_PROP_IN(F, A) CTL_POOL_IN(F, A) A(u32, ids) /* none: all */
#define CTL_POOL_GET_PROP_OUT(F, A) F(bytes, props)
RPC_STRUCT(ctl_pool_get_prop_in, CTL_POOL_GET_PROP_IN)
RPC_STRUCT(ctl_pool_get_prop_out, CTL_POOL_GET_PROP_OUT)
#define CTL_POOL_SET_PROP_IN(F, A) CTL_POOL_IN(F, A) F(bytes, props)
RPC_STRUCT(ctl_pool_set_prop_in, CTL_POOL_SET_PROP_IN)
RPC_EMPTY(ctl_pool_set_prop_out)

/* ---- server to engine --------------------------------------------------------------------------------------------------------- */
/* The ranks that are, after a change. */
#define CTL_GROUP_IN(F, A) F(u32, version) A(agent_rank, ranks)
RPC_STRUCT(ctl_group_in, CTL_GROUP_IN)
RPC_EMPTY(ctl_group_out)
/* Alive? */
RPC_EMPTY(ctl_ping_in)
#define CTL_PING_OUT(F, A) F(u32, rank) F(u64, uptime_ns)
RPC_STRUCT(ctl_ping_out, CTL_PING_OUT)
/* Stop serving, write checkpoints, end. */
RPC_EMPTY(ctl_stop_in)
RPC_EMPTY(ctl_stop_out)

#define CONTROL_OPS(OP)                                                                                                \
	OP(ctl_storage_scan, METADATA, 0, 1)                                                                           \
	OP(ctl_storage_format, METADATA, 0, 1)                                                                         \
	OP(ctl_system_query, METADATA, 0, 1)                                                                           \
	OP(ctl_system_stop, METADATA, 0, 1)                                                                            \
	OP(ctl_system_start, METADATA, 0, 1)                                                                           \
	OP(ctl_pool_create, METADATA, 0, 1)                                                                            \
	OP(ctl_pool_destroy, METADATA, 0, 1)                                                                           \
	OP(ctl_pool_evict, METADATA, 0, 1)                                                                             \
	OP(ctl_pool_query, METADATA, 0, 1)                                                                             \
	OP(ctl_pool_list, METADATA, 0, 1)                                                                              \
	OP(ctl_pool_get_prop, METADATA, 0, 1)                                                                          \
	OP(ctl_pool_set_prop, METADATA, 0, 1)                                                                          \
	OP(ctl_group, METADATA, 0, 1)                                                                                  \
	OP(ctl_ping, METADATA, 0, 1)                                                                                   \
	OP(ctl_stop, METADATA, 0, 1)
RPC_PROTO(control, 18, 1, 1, CONTROL_OPS)

#endif
