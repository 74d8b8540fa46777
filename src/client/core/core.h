/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client/core: one client of a system: its stream, its rpc node, what the agent told it, and the rule by which calls are
 * repeated. All calls of client/ run in ULTs of the client's stream and may yield; many may be under way at once.
 *
 *	client I1  A repeated call carries the same body, request id included: the service applies it once.
 *	client I2  While a rank is restarting, calls to it wait and are repeated, up to patience_ns; then -DER_TIMEDOUT.
 */
#ifndef CLIENT_CORE_H
#define CLIENT_CORE_H

#include <daos_types.h>
#include "base/base.h"
#include "env/env.h"
#include "ult/ult.h"
#include "rpc/rpc.h"

struct client;

struct client_config {
	struct env *env;
	struct xs *xs;           /* the stream on which everything of this client runs */
	const char *agent_dir;   /* where daos_agent.sock is; NULL: DAOS_AGENT_DRPC_DIR, else the default directory */
	const char *system;      /* NULL: the agent's */
	uint64_t patience_ns;    /* 0: 60 s */
	uint64_t attach_within_ns; /* so long client_create waits for an engine that serves; 0: patience_ns */
	/** Simulator and engines: no agent; attach info and credentials are handed in. May be NULL. */
	const struct client_attach *attach;
};

/** What a client must know to reach a system: from the agent (GetAttachInfo), or handed in. */
struct client_attach {
	char system[16];
	uint32_t version;                  /* of the group */
	const struct rpc_member *members;
	uint32_t member_nr;
	const uint32_t *ms_ranks;          /* who serves management */
	uint32_t ms_rank_nr;
	const void *cred;                  /* a signed credential; NULL: none */
	size_t cred_len;
};

/**
 * YIELDS. -DER_AGENT_COMM nobody answers at the agent's socket (the log says where and what to do), -DER_TIMEDOUT no engine serves
 * (it was waited for), -DER_MISMATCH another system, -DER_NOMEM.
 */
int client_create(const struct client_config *config, struct client **client);
/** Everything opened through it is closed. YIELDS */
void client_destroy(struct client *client);
/** From now on calls, also those under way, wait for a silent engine until mono_ns at the latest: for a program that winds up. */
void client_end_by(struct client *client, uint64_t mono_ns);
struct env *client_env(const struct client *client);
struct xs *client_xs(const struct client *client);
struct mem *client_mem(const struct client *client);
struct rpc_ctx *client_rpc(const struct client *client);
const char *client_system(const struct client *client);
/** A fresh id for a request or transaction: this client's uuid and a clock value that was never handed out. */
void client_new_id(struct client *client, uuid_t uuid, uint64_t *hlc);
/** The clock now (HLC). */
uint64_t client_hlc(struct client *client);
/** The credential of this process from the agent, as bytes for pool_connect and cont_open. Cached until it expires. YIELDS */
int client_credential(struct client *client, const void **cred, size_t *len);
/** Attach information again (after the group changed). YIELDS */
int client_refresh(struct client *client);
const struct client_attach *client_attach_info(const struct client *client);

/** Where a call goes, and how it is repeated. */
struct client_call {
	uint32_t rank, tag;
	rpc_opc opc;
	const void *in;
	void *out;
	struct arena *arena;         /* of the answer */
	const struct iovec *expose;  /* as in struct rpc_call */
	int expose_nr;
	int expose_access;
	struct rpc_bulk *bulk;
	uint64_t deadline_ns;        /* 0: patience from now */
	/** Asked before each repetition: 0 go on (it may change rank and tag), or the error to give up with. May be NULL. */
	int (*again)(void *arg, struct client_call *call, int status);
	void *arg;
};
/**
 * Calls, and repeats on -DER_UNREACH, -DER_TIMEDOUT of one attempt, -DER_NOTLEADER, -DER_STALE and -DER_OVERLOAD_RETRY with back-off.
 * The handler's status otherwise. YIELDS
 */
int client_call(struct client *client, struct client_call *call);

/** Counts of what this client did, for telemetry and tests. */
struct client_stats {
	uint64_t calls, repeats, timeouts, unreachable;
};
void client_stats(const struct client *client, struct client_stats *stats);

#endif
