/* SPDX-License-Identifier: Apache-2.0 */
/* The simulated world keeps env's promises: the suite that env_real passes too. */
#include "env_sim/env_sim.h"

static struct env *
conformance_open(char *dir, size_t size);
static void conformance_close(struct env *env, const char *dir);

#include "conformance.inc"

static struct env *
conformance_open(char *dir, size_t size)
{
	static uint64_t seed;
	struct env *env = sim_env(sim_create(++seed, NULL), 0);

	snprintf(dir, size, "/store");
	assert_int_equal(env->ops->file.mkdir(env, dir, 0700), 0);
	return env;
}

static void
conformance_close(struct env *env, const char *dir)
{
	struct sim *sim = sim_of(env);
	struct sim_mem_stats stats;

	sim_mem_stats(sim, 0, &stats);
	assert_int_equal(stats.blocks, 0);
	assert_int_equal(stats.handles, 0);
	sim_destroy(sim);
}

int
main(void)
{
	return conformance_run("env_sim");
}
