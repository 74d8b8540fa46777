/* SPDX-License-Identifier: Apache-2.0 */
/*
 * service/mgmt: an engine's part in the management of the system: pools made, found, listed, destroyed; what the server asks by
 * dRPC (proto/control), and what clients ask by RPC (proto/mgmt). On stream 0.
 */
#ifndef SERVICE_MGMT_H
#define SERVICE_MGMT_H

#include "base/base.h"
#include "env/env.h"
#include "rpc/rpc.h"
#include "drpc/drpc.h"
#include "service/pool/pool.h"

struct mgmt;

struct ctl_device;
struct mgmt_config {
	struct env *env;
	struct pool_svcs *pools;
	const char *storage;       /* directory whose file system pools take space of; NULL: class ram */
	uint64_t heap_budget;      /* bytes of memory for heaps of the engine */
	uint64_t wal_bytes, data_bytes; /* of a target's part of a new pool; 0: by the pool's size */
	uint32_t uid;              /* whose process the engine is: besides root, who may see pools that do not come up */
	void (*stop)(void *arg);   /* the server wants the engine to end */
	/** The ranks that are, from the server. */
	int (*group)(void *arg, uint32_t version, const struct rpc_member *members, uint32_t nr);
	/** The devices of the engine, in arena; NULL: none are told. YIELDS */
	int (*devices)(void *arg, struct arena *arena, struct ctl_device **devices, uint32_t *nr);
	void *arg;
};
int mgmt_create(const struct mgmt_config *config, struct mgmt **mgmt);
void mgmt_destroy(struct mgmt *mgmt);
/** Serves proto/mgmt on stream 0's context. */
int mgmt_serve(struct mgmt *mgmt);
/** Adds itself to the dRPC registry (module DRPC_MODULE_MGMT). */
int mgmt_register(struct mgmt *mgmt, struct drpc_registry *registry);
/** One of its operations called within the engine, on stream 0: in and out as over dRPC, out from arena. YIELDS */
int mgmt_control(struct mgmt *mgmt, rpc_opc opc, struct arena *arena, const void *in, void *out);
/** Begins the services of all pools that this engine knows. A pool that does not come up is logged and left out. YIELDS */
int mgmt_begin_pools(struct mgmt *mgmt);

/** What a pool of total bytes over all targets (0: the default) takes a target. Pure but for the space that is asked for. */
int mgmt_pool_sizes(struct mgmt *mgmt, uint64_t scm_bytes, uint64_t nvme_bytes, uint32_t percent, struct target_pool_sizes *sizes);

#endif
