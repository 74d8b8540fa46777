/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pools whose creation fails: without memory, without room, with failing files, with the power gone at any moment of it. A creation that
 * failed leaves nothing that keeps the same pool from being made when the cause is gone, and no engine dies of it.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include "engine/engine.h"
#include "env_sim/env_sim.h"
#include "proto/control.h"
#include "service/security/security.h"

#define TARGETS 2

enum fault { NO_MEMORY, NO_ROOM, BAD_FILES, POWER };

struct scene {
	struct sim *sim;
	struct engine *engine;
	enum fault fault;
	uint64_t level;      /* of the fault, or when the power goes */
	uint32_t starts;
	uint64_t began_ns;   /* of the creation */
	bool creating, done, ended;
	int first, again;    /* what creations said */
	uint8_t secret[SECURITY_KEY_LEN], pub[SECURITY_KEY_LEN];
};

static int
call(struct scene *scene, uint32_t opc, const void *in, void *out)
{
	struct arena arena;
	int rc;

	arena_init(&arena, sim_env(scene->sim, 0)->mem);
	rc = engine_control(scene->engine, opc, &arena, in, out);
	arena_fini(&arena);
	return rc;
}

static int
create(struct scene *scene)
{
	struct ctl_pool_create_in in = {.who = {.user = "sim@", .group = "sim@", .admin = true}, .label = "pool", .user = "sim@",
					.group = "sim@", .scm_bytes = 256 * MIB};
	struct ctl_pool_create_out out = {0};

	memset(in.pool, 0x51, sizeof(in.pool));
	return call(scene, opc_ctl_pool_create, &in, &out);
}

static int
destroy(struct scene *scene)
{
	struct ctl_pool_destroy_in in = {.who = {.user = "sim@", .group = "sim@", .admin = true}, .pool = "pool", .force = true};
	struct ctl_pool_destroy_out out = {};

	return call(scene, opc_ctl_pool_destroy, &in, &out);
}

static void
set_fault(struct scene *scene, bool on)
{
	struct sim_options *options = sim_options(scene->sim);

	switch (scene->fault) {
	case NO_MEMORY: options->mem_fail_ppm = on ? scene->level : 0; break;
	case NO_ROOM: options->capacity = on ? scene->level : 1ULL << 40; break;
	case BAD_FILES: options->file_error_ppm = on ? scene->level : 0; break;
	case POWER: break;
	}
}

/* What the engine is asked for once it is open: with the fault, and again without. */
static void
on_ready(void *arg, int rc)
{
	struct scene *scene = arg;

	ASSERTF(rc == 0, "the engine starts");
	if (scene->starts == 1) {
		scene->began_ns = sim_now(scene->sim);
		scene->creating = true;
		set_fault(scene, true);
		scene->first = create(scene);
		set_fault(scene, false);
	}
	/* It is there already, or half of it is: asked again, it is whole. */
	scene->again = create(scene);
	if (scene->again == 0)
		scene->again = destroy(scene);
	if (scene->again == 0)
		scene->again = create(scene);
	scene->done = true;
}

static void
on_ended(void *arg, int rc)
{
	((struct scene *)arg)->ended = true;
}

static void
boot(void *arg, struct env *env)
{
	static const char *const addrs[] = {"tcp://10.0.0.1:31416", "tcp://10.0.0.1:31417", "tcp://10.0.0.1:31418"};
	struct scene *scene = arg;
	struct engine_config config = {.env = env, .storage = "/store", .group = "sim", .listen = addrs, .listen_nr = TARGETS + 1,
				       .targets = TARGETS, .tiers = 2, .numa = -1, .memory = 256 * MIB, .oversubscribe = true,
				       .cred_key = scene->pub, .ready = on_ready, .ended = on_ended, .arg = scene};
	int rc;

	scene->starts++;
	scene->creating = scene->done = scene->ended = false;
	rc = engine_start(&config, &scene->engine);
	ASSERT(rc == 0);
}

static bool
is_done(void *arg)
{
	return ((struct scene *)arg)->done;
}

static bool
is_creating(void *arg)
{
	return ((struct scene *)arg)->creating;
}

static bool
is_ended(void *arg)
{
	return ((struct scene *)arg)->ended;
}

static int
play(enum fault fault, uint64_t level, uint64_t seed, bool *whole)
{
	struct scene scene = {.fault = fault, .level = level};
	struct sim_options options;

	sim_options_init(&options);
	options.log_level = 6;
	options.nodes = 1;
	options.watchdog_s = 60;
	scene.sim = sim_create(seed, &options);
	assert_int_equal(security_key_make(sim_env(scene.sim, 0), scene.secret, scene.pub), 0);
	sim_node_set_boot(scene.sim, 0, boot, &scene);
	if (fault == POWER) {
		assert_int_equal(sim_run(scene.sim, 60 * NS_PER_S, is_creating, &scene), 0);
		(void)sim_run(scene.sim, level, NULL, NULL);
		*whole = scene.done;
		sim_node_crash(scene.sim, 0, SIM_POWER);
		scene.done = false;
		sim_node_restart(scene.sim, 0);
	}
	if (sim_run(scene.sim, 600 * NS_PER_S, is_done, &scene) != 0)
		fail_msg("fault %d, level %lu, seed %lu: it hangs", fault, level, seed);
	if (scene.again != 0)
		print_error("fault %d, level %lu, seed %lu: first %s, then %s\n", fault, level, seed, d_errstr(scene.first), d_errstr(scene.again));
	assert_int_equal(scene.again, 0);
	engine_stop(scene.engine);
	assert_int_equal(sim_run(scene.sim, 60 * NS_PER_S, is_ended, &scene), 0);
	engine_join(scene.engine);
	sim_destroy(scene.sim);
	return scene.first;
}

static void
without_memory_a_creation_fails_and_can_be_repeated(void **state)
{
	static const uint64_t levels[] = {1000, 5000, 20000, 100000};
	uint32_t failed = 0;

	for (uint64_t seed = 0; seed < 32 / TEST_PARTS; seed++)
		failed += play(NO_MEMORY, levels[seed % ARRAY_SIZE(levels)], seed, NULL) != 0;
	assert_true(failed > 10 / TEST_PARTS);
}

static void
without_room_a_creation_fails_and_can_be_repeated(void **state)
{
	uint32_t failed = 0;

	for (uint64_t mib = 1; mib < 800; mib += 37 * TEST_PARTS)
		failed += play(NO_ROOM, mib * MIB, mib, NULL) != 0;
	assert_true(failed > 5 / TEST_PARTS);
}

static void
with_failing_files_a_creation_fails_and_can_be_repeated(void **state)
{
	uint32_t failed = 0;

	for (uint64_t seed = 0; seed < 20 / TEST_PARTS; seed++)
		failed += play(BAD_FILES, 50000 * (1 + seed % 10), seed, NULL) != 0;
	assert_true(failed > 5 / TEST_PARTS);
}

static void
a_creation_cut_by_a_loss_of_power_can_be_repeated(void **state)
{
	bool whole = false;
	uint64_t ns = 0;

	for (uint64_t seed = 0; !whole && seed < 400; seed++) {
		(void)play(POWER, ns, seed, &whole);
		ns += 300 * NS_PER_US * TEST_PARTS;
	}
	assert_true(whole);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_memory_a_creation_fails_and_can_be_repeated),
		cmocka_unit_test(without_room_a_creation_fails_and_can_be_repeated),
		cmocka_unit_test(with_failing_files_a_creation_fails_and_can_be_repeated),
		cmocka_unit_test(a_creation_cut_by_a_loss_of_power_can_be_repeated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
