/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim/files: the file-system story for one seed: mounts on several machines make, write, cut, link, move and remove what they own, contend for tokens
 * and lock files, and look at what others own, while the engine dies (losing, tearing and reordering what was not synced), its disks and memory
 * fail, connections break, links are cut, nodes stop, and one mount dies for good. Wanted (P1, P2, P3): every call answers as POSIX says,
 * also one whose request was sent again; what was acknowledged is there, nothing is made up; no moment shows both or neither name of a
 * rename; in the end a fresh mount finds the tree that the models say, link counts and directories included, and no file without a name.
 */
#ifndef SIM_FILES_H
#define SIM_FILES_H

#include <stdbool.h>
#include <stdint.h>
#include "env_sim/env_sim.h"

enum files_act {
	FILES_CREATED, /* with O_EXCL */
	FILES_REFUSED, /* EEXIST, ENOENT and the like, foreseen */
	FILES_MADE_DIR,
	FILES_SYMLINKED,
	FILES_LINKED,
	FILES_REMOVED,
	FILES_RENAMED,
	FILES_EXCHANGED,
	FILES_WRITTEN,
	FILES_APPENDED,
	FILES_TRUNCATED,
	FILES_NAMELESS, /* read or written after its last name went */
	FILES_GUESTS,   /* the same of a file of another mount */
	FILES_TOKENS_MOVED,
	FILES_TOKENS_COUNTED,
	FILES_LOCKED, /* by a file made with O_EXCL */
	FILES_SPIED,  /* what another mount did was seen at once */
	FILES_DOUBTS, /* a failed change was found to have happened or not */
	FILES_ACT_NR
};

struct files_sums { /* added up over seeds */
	uint64_t seeds, changes, crashes, starts, mounts_died, lapses, failed, repeats;
	uint64_t acts[FILES_ACT_NR];
	uint64_t faults[SIM_FAULT_NR];
};

/** What the story promises to have happened, and over 2,000 seeds at least how often; NULL past the last. */
const char *files_class(const struct files_sums *sums, uint32_t index, uint64_t *happened, uint64_t *least);

struct files_options {
	uint32_t changes; /* acknowledged changes a mount; 0: 60 */
	uint32_t clients; /* 0: drawn, 2 to 4 */
	bool calm;        /* no faults but the crashes of the engine */
	bool loud;        /* the product's log is printed */
};

/** Runs the story of a seed. A broken promise prints the seed and aborts. *hash: what the run was (P10). */
void files_run(uint64_t seed, const struct files_options *options, struct files_sums *sums, uint64_t *hash);

#endif
