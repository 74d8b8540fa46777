/* SPDX-License-Identifier: Apache-2.0 */
/* Within client/core. */
#ifndef CLIENT_CORE_INTERNAL_H
#define CLIENT_CORE_INTERNAL_H

#include "client/core/core.h"
#include "drpc/drpc.h"
#include "pure/hlc/hlc.h"

struct client {
	struct client_config config;
	struct env *env;
	struct xs *xs;
	struct hlc_clock clock;
	uuid_t id; /* of this process */
	struct rpc_node *node;
	struct rpc_ctx *rpc;
	uint64_t patience_ns;
	uint64_t end_ns; /* no call waits longer */
	struct client_attach attach; /* strings in attach_arena */
	struct arena attach_arena, attach_retired;
	struct drpc_client *agent; /* NULL: attach was handed in */
	char agent_path[4096];
	bool agent_missing; /* said already */
	void *cred;
	size_t cred_len;
	uint64_t cred_expires_s;
	struct client_stats stats;
};

#endif
