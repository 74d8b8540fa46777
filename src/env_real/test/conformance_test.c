/* SPDX-License-Identifier: Apache-2.0 */
/* The suite of what env promises, shared with env_sim: once as the machine is, once with neither io_uring nor O_DIRECT. */
#include "world.h"

static struct env *conformance_open(char *dir, size_t size);
static void conformance_close(struct env *env, const char *dir);

#include "../../env_sim/test/conformance.inc"

static struct env_real_options options = {.log.mask = "CRIT"};

static struct env *
conformance_open(char *dir, size_t size)
{
	struct env *env;

	snprintf(dir, size, "/tmp/env_real.XXXXXX");
	assert_non_null(mkdtemp(dir));
	assert_int_equal(env_real_create(&options, &env), 0);
	return env;
}

static void
conformance_close(struct env *env, const char *dir)
{
	env_real_destroy(env);
	nftw(dir, world_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int
main(void)
{
	int failed = conformance_run("env_real");

	options.no_io_uring = options.no_direct = true;
	failed += conformance_run("env_real, helpers");
	/* Loops that sleep at once, and loops that look for long. */
	options = (struct env_real_options){.log.mask = options.log.mask};
	setenv("DAOS_POLL_US", "0", 1);
	failed += conformance_run("env_real, asleep");
	setenv("DAOS_POLL_US", "20000", 1);
	return failed + conformance_run("env_real, awake");
}
