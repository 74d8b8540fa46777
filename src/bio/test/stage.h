/* SPDX-License-Identifier: Apache-2.0 */
/* A simulated host with one stream for the tests of bio: runs a function in a ULT until it returns, or the host dies. */
#ifndef BIO_TEST_STAGE_H
#define BIO_TEST_STAGE_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/base.h"
#include "base/rand.h"
#include "bio/bio.h"
#include "env_sim/env_sim.h"
#include "ult/ult.h"

struct stage {
	struct sim *sim;
	struct env *env;
	struct xs *xs;
	bool done;
	void (*play)(struct stage *stage, void *arg);
	void *arg;
};

static inline void
stage_open(struct stage *stage, uint64_t seed)
{
	struct sim_options options;

	sim_options_init(&options);
	options.log_level = 6;
	memset(stage, 0, sizeof(*stage));
	stage->sim = sim_create(seed, &options);
	stage->env = sim_env(stage->sim, 0);
}

static inline void
stage__ult(void *arg)
{
	struct stage *stage = arg;

	stage->play(stage, stage->arg);
	stage->done = true;
	xs_stop(stage->xs);
}

static inline bool
stage__over(void *arg)
{
	struct stage *stage = arg;

	return stage->done || sim_env(stage->sim, 0) == NULL;
}

/* True when play came to its end, false when the host died under it. */
static inline bool
stage_play(struct stage *stage, void (*play)(struct stage *stage, void *arg), void *arg)
{
	struct xs_config config = { .env = stage->env, .name = "stage" };
	struct env_thread *thread;

	stage->play = play;
	stage->arg = arg;
	stage->done = false;
	assert_int_equal(xs_create(&config, &stage->xs), 0);
	assert_int_equal(ult_spawn(stage->xs, ULT_IO, "play", stage__ult, stage, NULL), 0);
	assert_int_equal(xs_start(stage->xs, NULL, &thread), 0);
	assert_int_equal(sim_run(stage->sim, ENV_FOREVER, stage__over, stage), 0);
	if (!stage->done)
		return false;
	stage->env->ops->host.thread_join(thread);
	xs_destroy(stage->xs);
	return true;
}

/* Nothing is left allocated. */
static inline void
stage_close(struct stage *stage)
{
	struct sim_mem_stats stats;

	sim_mem_stats(stage->sim, 0, &stats);
	assert_int_equal(stats.blocks, 0);
	assert_int_equal(stats.handles, 0);
	sim_destroy(stage->sim);
}

static inline void *
stage_buf(size_t size)
{
	void *buf = NULL;

	assert_int_equal(posix_memalign(&buf, BIO_BLOCK, size), 0);
	memset(buf, 0, size);
	return buf;
}

#endif
