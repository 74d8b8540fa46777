/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim/trouble: for a while the engine's machine is broken in one way: a disk fails or garbles, memory is refused. Calls may fail then, with
 * an error that says so; nothing acknowledged may be lost, nothing wrong may be returned, and after a restart on a sound machine
 * everything works again (P6, P8).
 */
#ifndef SIM_TROUBLE_H
#define SIM_TROUBLE_H

#include "env_sim/env_sim.h"

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

#endif
