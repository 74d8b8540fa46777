/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim/durability: a story for one seed: clients put, remove and change keys, alone and in transactions over two objects, while the engine
 * dies (losing, tearing and reordering what was not synced), connections break, links are cut and nodes stop. What was
 * acknowledged must be there, what was removed must not, nothing may be made up, no call may fail (P1, P2, P3).
 */
#ifndef SIM_DURABILITY_H
#define SIM_DURABILITY_H

#include <stdbool.h>
#include <stdint.h>
#include "env_sim/env_sim.h"

struct durability_sums { /* added up over seeds */
	uint64_t seeds, acknowledged, reads, transactions, restarts, crashes, starts, checkpoints, wraps, failed, repeats;
	uint64_t refused, space_back; /* writes by a full pool; times that a pool which was full took as much again */
	uint64_t faults[SIM_FAULT_NR];
};

/** The fault classes that the story promises to have fired, and requests that were sent again; NULL past the last. */
const char *durability_class(const struct durability_sums *sums, uint32_t index, uint64_t *fired);

struct durability_options {
	uint32_t writes;  /* acknowledged writes a client; 0: 100 */
	uint32_t clients; /* 0: drawn, 1 to 4 */
	bool calm;        /* no faults but the crashes */
	bool loud;        /* the product's log is printed */
};

/** Runs the story of a seed. A broken promise prints the seed and aborts. *hash: what the run was (P10). */
void durability_run(uint64_t seed, const struct durability_options *options, struct durability_sums *sums, uint64_t *hash);

#endif
