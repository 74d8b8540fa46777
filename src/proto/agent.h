/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proto/agent: what a local process asks of the agent over dRPC (module DRPC_MODULE_SECURITY_AGENT), and an engine of its
 * server (module DRPC_MODULE_SRV): the rows of these tables are methods; bodies are packed as everywhere (proto/local.h).
 */
#ifndef PROTO_AGENT_H
#define PROTO_AGENT_H

#include "proto/codec.h"

/* Where the streams of a rank listen: one text a tag, alternatives separated by a space. */
#define AGENT_RANK(F, A)                                                                                               \
	F(u32, rank)                                                                                                   \
	F(u64, incarnation)                                                                                            \
	A(str, addrs)
RPC_STRUCT(agent_rank, AGENT_RANK)

#define AGENT_ATTACH_IN(F, A) F(str, system) /* NULL: the agent's own; otherwise it must be that: -DER_MISMATCH */
#define AGENT_ATTACH_OUT(F, A)                                                                                         \
	F(str, system)                                                                                                 \
	F(str, provider)                                                                                               \
	F(u32, group_version)                                                                                          \
	A(agent_rank, ranks)                                                                                           \
	A(u32, ms_ranks)                                                                                               \
	A(str, env) /* NAME=value, for clients */
RPC_STRUCT(agent_attach_in, AGENT_ATTACH_IN)
RPC_STRUCT(agent_attach_out, AGENT_ATTACH_OUT)

/* A signed credential for the process at the other end of the socket. */
RPC_EMPTY(agent_credential_in)
#define AGENT_CREDENTIAL_OUT(F, A)                                                                                     \
	F(secret, cred)                                                                                                \
	F(u64, expires_s)
RPC_STRUCT(agent_credential_out, AGENT_CREDENTIAL_OUT)

#define AGENT_OPS(OP)                                                                                                  \
	OP(agent_attach, METADATA, 0, 1)                                                                               \
	OP(agent_credential, METADATA, 0, 1)
RPC_PROTO(agent, 16, 1, 1, AGENT_OPS)

/* ---- engine to server -------------------------------------------------------------------------------------------------- */
/* "I am ready": where my streams listen. The answer assigns the rank and lets the engine set its modules up. */
#define SRV_READY_IN(F, A)                                                                                             \
	F(u32, instance)                                                                                               \
	F(i32, pid)                                                                                                    \
	F(uuid, engine)   /* stays with the storage */                                                                 \
	F(u64, incarnation)                                                                                            \
	F(str, socket)    /* where the engine listens for dRPC */                                                      \
	F(u32, targets)                                                                                                \
	F(bool, ram)                                                                                                   \
	A(str, addrs)
#define SRV_READY_OUT(F, A)                                                                                            \
	F(u32, rank)                                                                                                   \
	F(u32, group_version)                                                                                          \
	A(agent_rank, ranks)
RPC_STRUCT(srv_ready_in, SRV_READY_IN)
RPC_STRUCT(srv_ready_out, SRV_READY_OUT)

/* Modules are set up and clients are let in, or the start failed (status). */
#define SRV_OPEN_IN(F, A)                                                                                              \
	F(u32, instance)                                                                                               \
	F(i32, status)                                                                                                 \
	F(str, message)
RPC_STRUCT(srv_open_in, SRV_OPEN_IN)
RPC_EMPTY(srv_open_out)

/* Something an administrator should know. */
#define SRV_EVENT_IN(F, A)                                                                                             \
	F(u32, instance)                                                                                               \
	F(u32, id)                                                                                                     \
	F(u32, severity)                                                                                               \
	F(str, message)
RPC_STRUCT(srv_event_in, SRV_EVENT_IN)
RPC_EMPTY(srv_event_out)

#define SRV_OPS(OP)                                                                                                    \
	OP(srv_ready, METADATA, 0, 1)                                                                                  \
	OP(srv_open, METADATA, 0, 1)                                                                                   \
	OP(srv_event, METADATA, 0, 1)
RPC_PROTO(srv, 17, 1, 1, SRV_OPS)

#endif
