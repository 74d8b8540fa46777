/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim/cluster: a whole system in a simulated world: node 0 runs an engine, every other node a client program. The engine is
 * started again after each of its deaths; clients find it at the same addresses.
 */
#ifndef SIM_CLUSTER_H
#define SIM_CLUSTER_H

#include "base/base.h"
#include "env_sim/env_sim.h"
#include "client/core/core.h"
#include "engine/engine.h"
#include "ult/ult.h"

#define CLUSTER_TARGETS_MAX 8U
#define CLUSTER_CLIENTS_MAX 16U

struct cluster;

struct cluster_config {
	uint64_t seed;
	struct sim_options options; /* nodes is set here */
	uint32_t targets, clients;
	uint64_t wal_bytes, data_bytes; /* of each target's part of a pool; 0: by the pool's size */
	bool crowded;               /* first the making of another pool finds the disk full, somewhere in the middle */
	uint64_t pool_bytes;        /* of the pool "sim" that is made first; 0: 1 GiB */
	/** A client's program: a ULT on the client's own stream; client is connected to the system. */
	void (*program)(void *arg, struct cluster *cluster, uint32_t index, struct client *client);
	void *arg;
};
/** Makes the world; the engine is up and the pool "sim" with the container "sim" is there when it returns 0. */
int cluster_create(const struct cluster_config *config, struct cluster **cluster);
/** Lets the world run until all programs have ended, at most ns. -DER_TIMEDOUT */
int cluster_run(struct cluster *cluster, uint64_t ns);
/** Kills the engine's node; it starts again by itself. */
void cluster_crash(struct cluster *cluster, enum sim_crash how);
/** Stops the engine cleanly and drops the world. */
void cluster_destroy(struct cluster *cluster);
struct sim *cluster_sim(struct cluster *cluster);
/** The engine serves clients. */
bool cluster_is_ready(const struct cluster *cluster);
uint32_t cluster_starts(const struct cluster *cluster);

#endif
