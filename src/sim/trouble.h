/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim/trouble: for a while the engine's machine is broken in one way: a disk fails or garbles, memory is refused. Calls may fail then, with
 * an error that says so; nothing acknowledged may be lost, nothing wrong may be returned, and after a restart on a sound machine
 * everything works again (P6, P8).
 */
#ifndef SIM_TROUBLE_H
#define SIM_TROUBLE_H

#include "env_sim/env_sim.h"
#include "sim/cluster.h"

enum trouble {
	TROUBLE_NONE,
	TROUBLE_READ,    /* the next read of each data blob fails */
	TROUBLE_GARBLE,  /* in the next read of each data blob a bit is wrong */
	TROUBLE_WRITE,   /* a write to each blob of the pool fails */
	TROUBLE_FLUSH,   /* the next flush of each blob of the pool fails, and what was not durable may never be */
	TROUBLE_MEMORY,  /* now and then an allocation of the engine fails */
	TROUBLE_NR
};

/** pool: how the paths of its blobs begin. */
void trouble_begin(struct sim *sim, enum trouble trouble, const char *pool);
/** Once more, while it lasts: reads and memory, which the engine survives, are struck again. */
void trouble_again(struct sim *sim, enum trouble trouble, const char *pool);
/** The machine is sound again. What it has done to the engine's state stays until its next start. */
void trouble_end(struct sim *sim);
/** May a call fail like that while trouble lasts, and until the restart after it? */
bool trouble_explains(enum trouble trouble, int rc);

/**
 * Faults within what the promises claim to survive with one copy: no rot, no lying disk, no failing memory but by trouble_begin; deaths
 * by trouble_die. A swarm drawn from seed, nothing when calm.
 */
void trouble_options(struct sim_options *options, uint64_t seed, bool calm, bool loud);

enum death {
	DEATH_BETWEEN,  /* two events */
	DEATH_IN_POLL,  /* of a stream, soon */
	DEATH_IN_WRITE, /* of a blob of the pool other than its log, if one comes soon: within a checkpoint, or while data is on its way */
};
/** Within 3 ms, or a little later, the engine dies; then its machine is sound and starts it again. */
void trouble_die(struct cluster *cluster, struct sim *sim, enum death death, enum sim_crash how, const char *pool);

#endif
