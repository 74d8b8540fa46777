/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of dfs in a simulated world stand on: an engine, a container, mounts of it by one client. dfs_scene.c is included by each. */
#ifndef SIM_TEST_DFS_SCENE_H
#define SIM_TEST_DFS_SCENE_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/rand.h"
#include "dfs/dfs.h"
#include "sim/cluster.h"
#include "check.h"

enum { CHUNK = 4096 };

extern const struct fs_who who;

struct scene {
	struct cluster *cluster;
	struct pool *pool;
	struct cont *cont;
	struct fs *fs[2];
	uint32_t mounts;
	uint64_t seed;
	uint32_t ops;
	uint32_t done;    /* operations */
	uint32_t crashes; /* of the engine */
	void (*body)(struct scene *scene);
	struct rand rand;
};

/** Runs scene->body in a fresh world, while the engine dies scene->crashes times; in the end no orphan is left. */
void run(struct scene *scene);
/** How many dkeys an object has. */
uint32_t dkeys_of(struct cont *cont, daos_obj_id_t oid);
uint32_t orphans_of(struct cont *cont);

#endif
