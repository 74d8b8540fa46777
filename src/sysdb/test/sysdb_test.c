/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's own database: values, tables, devices and pools, and what a loss of power leaves of them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <daos_types.h>
#include "base/rand.h"
#include "bio/bio.h"
#include "env_sim/env_sim.h"
#include "sysdb/sysdb.h"
#include "ult/ult.h"
#include "vos/vos.h"

struct stage {
	struct sim *sim;
	struct env *env;
	struct xs *xs;
	struct env_thread *thread;
	bool done, ram;
	void (*play)(struct stage *stage);
	void *arg;
	struct bio *bio;
	struct vos_xs *vx;
	struct sysdb *db;
};

static void
stage_ult(void *arg)
{
	struct stage *stage = arg;

	stage->play(stage);
	stage->done = true;
	xs_stop(stage->xs);
}

static bool
stage_over(void *arg)
{
	struct stage *stage = arg;

	return stage->done || sim_env(stage->sim, 0) == NULL;
}

static void
stage_open(struct stage *stage, uint64_t seed)
{
	struct sim_options options;

	sim_options_init(&options);
	options.log_level = 6;
	memset(stage, 0, sizeof(*stage));
	stage->sim = sim_create(seed, &options);
}

/* True when play came to its end, false when the host died under it. */
static bool
stage_play(struct stage *stage, void (*play)(struct stage *stage), void *arg)
{
	struct xs_config config = {.name = "stage"};

	stage->env = sim_env(stage->sim, 0);
	if (stage->env == NULL)
		stage->env = sim_node_restart(stage->sim, 0);
	config.env = stage->env;
	stage->play = play;
	stage->arg = arg;
	stage->done = false;
	stage->bio = NULL;
	stage->vx = NULL;
	stage->db = NULL;
	assert_int_equal(xs_create(&config, &stage->xs), 0);
	assert_int_equal(ult_spawn(stage->xs, ULT_IO, "play", stage_ult, stage, NULL), 0);
	assert_int_equal(xs_start(stage->xs, NULL, &stage->thread), 0);
	assert_int_equal(sim_run(stage->sim, ENV_FOREVER, stage_over, stage), 0);
	if (!stage->done)
		return false;
	stage->env->ops->host.thread_join(stage->thread);
	xs_destroy(stage->xs);
	return true;
}

static void
stage_close(struct stage *stage)
{
	struct sim_mem_stats stats;

	sim_mem_stats(stage->sim, 0, &stats);
	assert_int_equal(stats.blocks, 0);
	assert_int_equal(stats.handles, 0);
	sim_destroy(stage->sim);
}

static int
stage_up(struct stage *stage)
{
	struct bio_dev_config dev = {.path = "/storage/daos_sys"};
	struct vos_xs_config vos = {.env = stage->env, .xs = stage->xs, .first_epoch = 1ULL << 60};
	struct sysdb_config config = {.env = stage->env, .size = 8 * MIB, .ram = stage->ram};
	int rc = stage->ram ? 0 : bio_open(stage->env, &dev, 1, true, &stage->bio);

	vos.bio = stage->bio;
	if (rc == 0)
		rc = vos_xs_create(&vos, &stage->vx);
	config.vos = stage->vx;
	return rc == 0 ? sysdb_open(&config, &stage->db) : rc;
}

static void
stage_down(struct stage *stage)
{
	if (stage->db != NULL)
		sysdb_close(stage->db);
	if (stage->vx != NULL)
		vos_xs_destroy(stage->vx);
	if (stage->bio != NULL)
		bio_close(stage->bio);
}

static void
stage_run(void (*play)(struct stage *stage), bool ram)
{
	struct stage stage;

	stage_open(&stage, 1);
	stage.ram = ram;
	assert_true(stage_play(&stage, play, NULL));
	stage_close(&stage);
}

/* ---- key-value --------------------------------------------------------------------------------------------------- */
static void
assert_value(struct stage *stage, const char *table, const char *key, const char *expected)
{
	struct arena arena;
	void *value;
	size_t len;

	arena_init(&arena, stage->env->mem);
	if (expected == NULL) {
		assert_int_equal(sysdb_fetch(stage->db, table, key, &arena, &value, &len), -DER_NONEXIST);
	} else {
		assert_int_equal(sysdb_fetch(stage->db, table, key, &arena, &value, &len), 0);
		assert_int_equal(len, strlen(expected));
		assert_memory_equal(value, expected, len);
	}
	arena_fini(&arena);
}

static int
collect(void *arg, const char *key, const void *value, size_t len)
{
	char *text = arg;

	strcat(text, key);
	strcat(text, "=");
	strncat(text, value, len);
	strcat(text, " ");
	return 0;
}

static int
stop_at_b(void *arg, const char *key, const void *value, size_t len)
{
	return strcmp(key, "b") == 0 ? 42 : 0;
}

static void
play_values(struct stage *stage)
{
	struct vos_pool_info before, after;
	uuid_t pool = {'d', 'a', 'o', 's', '_', 's', 0x40, 's', 0x80, '/', 's', 'y', 's', '_', 'd', 'b'};
	struct vos_pool *shard;
	char text[200] = "", *large = malloc(20000);

	assert_int_equal(stage_up(stage), 0);
	assert_value(stage, "t", "a", NULL);
	assert_int_equal(sysdb_upsert(stage->db, "t", "b", "two", 3), 0);
	assert_int_equal(sysdb_upsert(stage->db, "t", "a", "one", 3), 0);
	assert_int_equal(sysdb_upsert(stage->db, "t", "c", "", 0), 0);
	assert_int_equal(sysdb_upsert(stage->db, "other", "a", "x", 1), 0);
	assert_value(stage, "t", "a", "one");
	assert_value(stage, "t", "c", "");
	assert_value(stage, "t", "d", NULL);
	assert_int_equal(sysdb_upsert(stage->db, "t", "a", "another", 7), 0);
	assert_value(stage, "t", "a", "another");
	assert_int_equal(sysdb_traverse(stage->db, "t", collect, text), 0);
	assert_non_null(strstr(text, "a=another "));
	assert_non_null(strstr(text, "b=two "));
	assert_non_null(strstr(text, "c= "));
	assert_int_equal(strlen(text), strlen("a=another b=two c= "));
	assert_int_equal(sysdb_traverse(stage->db, "t", stop_at_b, text), 42);
	assert_int_equal(sysdb_delete(stage->db, "t", "b"), 0);
	assert_int_equal(sysdb_delete(stage->db, "t", "b"), -DER_NONEXIST);
	assert_value(stage, "t", "b", NULL);
	text[0] = '\0';
	assert_int_equal(sysdb_traverse(stage->db, "t", collect, text), 0);
	assert_null(strstr(text, "b="));
	assert_int_equal(strlen(text), strlen("a=another c= "));
	assert_int_equal(sysdb_upsert(stage->db, "t", "b", "again", 5), 0);
	assert_value(stage, "t", "b", "again");
	memset(large, 'l', 20000);
	large[19999] = '\0';
	assert_int_equal(sysdb_upsert(stage->db, "t", "large", large, strlen(large)), 0);
	assert_value(stage, "t", "large", large);
	/* The past is not kept: the thousandth upsert takes no more space than the first. */
	assert_int_equal(vos_pool_open(stage->vx, pool, &shard), 0);
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(sysdb_upsert(stage->db, "t", "clock", &i, sizeof(i)), 0);
		if (i == 10)
			vos_pool_query(shard, &before);
	}
	vos_pool_query(shard, &after);
	assert_true(after.meta_free + 4096 >= before.meta_free);
	assert_int_equal(vos_pool_check(shard), 0);
	vos_pool_close(shard);
	stage_down(stage);
	if (stage->ram) {
		free(large);
		return;
	}
	assert_int_equal(stage_up(stage), 0);
	assert_value(stage, "t", "b", "again");
	assert_value(stage, "t", "large", large);
	assert_value(stage, "other", "a", "x");
	stage_down(stage);
	free(large);
}

static void
values_are_kept_replaced_deleted_and_found_again(void **state)
{
	stage_run(play_values, false);
}

static void
the_same_in_memory(void **state)
{
	stage_run(play_values, true);
}

/* ---- SMD --------------------------------------------------------------------------------------------------------- */
static void
play_smd(struct stage *stage)
{
	struct smd_dev one = {.uuid = {1},
			      .path = "/nvme0",
			      .state = BIO_DEV_NORMAL,
			      .roles = 1 << BIO_DATA,
			      .tgts = {0, 2},
			      .tgt_nr = 2};
	struct smd_dev two = {.uuid = {2}, .path = "/nvme1", .roles = 0, .tgts = {0, 1}, .tgt_nr = 2}, dev, *devs;
	struct smd_pool pool = {.uuid = {9},
				.label = "tank",
				.tgt_nr = 3,
				.meta_size = GIB,
				.wal_size = MIB,
				.data_size = 7,
				.state = SMD_POOL_READY};
	struct smd_pool found, *pools;
	struct arena arena;
	uint32_t nr;

	assert_int_equal(stage_up(stage), 0);
	arena_init(&arena, stage->env->mem);
	assert_int_equal(smd_dev_list(stage->db, &arena, &devs, &nr), 0);
	assert_int_equal(nr, 0);
	assert_int_equal(smd_dev_put(stage->db, &one), 0);
	assert_int_equal(smd_dev_put(stage->db, &two), 0);
	one.state = BIO_DEV_FAULTY;
	assert_int_equal(smd_dev_put(stage->db, &one), 0);
	assert_int_equal(smd_dev_get(stage->db, one.uuid, &dev), 0);
	assert_memory_equal(&dev, &one, sizeof(dev));
	assert_int_equal(smd_dev_get(stage->db, pool.uuid, &dev), -DER_NONEXIST);
	assert_int_equal(smd_dev_of_tgt(stage->db, 2, BIO_DATA, &dev), 0);
	assert_string_equal(dev.path, "/nvme0");
	assert_int_equal(smd_dev_of_tgt(stage->db, 2, BIO_WAL, &dev), -DER_NONEXIST);
	assert_int_equal(smd_dev_of_tgt(stage->db, 0, BIO_WAL, &dev), 0);
	assert_string_equal(dev.path, "/nvme1");
	assert_int_equal(smd_pool_put(stage->db, &pool), 0);
	assert_int_equal(smd_pool_get(stage->db, pool.uuid, &found), 0);
	assert_memory_equal(&found, &pool, sizeof(pool));
	for (uint8_t i = 10; i < 90; i++) {
		pool.uuid[0] = i;
		assert_int_equal(smd_pool_put(stage->db, &pool), 0);
	}
	pool.uuid[0] = 50;
	assert_int_equal(smd_pool_del(stage->db, pool.uuid), 0);
	assert_int_equal(smd_pool_del(stage->db, pool.uuid), -DER_NONEXIST);
	assert_int_equal(smd_pool_get(stage->db, pool.uuid, &found), -DER_NONEXIST);
	assert_int_equal(smd_pool_list(stage->db, &arena, &pools, &nr), 0);
	assert_int_equal(nr, 80);
	/* Bytes that are no record. */
	assert_int_equal(sysdb_upsert(stage->db, "smd_pool", "0200000-0000-0000-0000-000000000000", "rubbish", 7), 0);
	assert_int_equal(smd_pool_list(stage->db, &arena, &pools, &nr), -DER_DF_INVAL);
	arena_fini(&arena);
	stage_down(stage);
}

static void
devices_targets_and_pools_are_found_again(void **state)
{
	stage_run(play_smd, false);
}

/* ---- loss of power ----------------------------------------------------------------------------------------------- */
enum { KEYS = 6 };

struct history {
	struct rand rand;
	uint32_t pending[KEYS], acked[KEYS]; /* value of each key; 0: none */
	int writing;                         /* key under way; -1 none */
	uint32_t next, opens;
};

static void
check_history(struct stage *stage, struct history *history)
{
	for (int k = 0; k < KEYS; k++) {
		char key[8];
		struct arena arena;
		uint32_t found = 0;
		void *value;
		size_t len;
		int rc;

		snprintf(key, sizeof(key), "k%d", k);
		arena_init(&arena, stage->env->mem);
		rc = sysdb_fetch(stage->db, "t", key, &arena, &value, &len);
		assert_true(rc == 0 || rc == -DER_NONEXIST);
		if (rc == 0)
			memcpy(&found, value, sizeof(found));
		arena_fini(&arena);
		if (found != history->acked[k])
			assert_true(k == history->writing && found == history->pending[k]);
		history->acked[k] = found;
	}
	history->writing = -1;
}

static void
play_history(struct stage *stage)
{
	struct history *history = stage->arg;
	int rc = stage_up(stage);

	assert_int_equal(rc, 0);
	history->opens++;
	check_history(stage, history);
	for (int i = 0; i < 60; i++) {
		int k = (int)rand_below(&history->rand, KEYS);
		bool drop = rand_one_in(&history->rand, 4);
		char key[8];

		snprintf(key, sizeof(key), "k%d", k);
		history->writing = k;
		history->pending[k] = drop ? 0 : ++history->next;
		if (drop)
			rc = sysdb_delete(stage->db, "t", key);
		else
			rc = sysdb_upsert(stage->db, "t", key, &history->next, sizeof(history->next));
		assert_int_equal(rc, drop && history->acked[k] == 0 ? -DER_NONEXIST : 0);
		history->acked[k] = history->pending[k];
		history->writing = -1;
	}
	stage_down(stage);
}

/* The host loses power at some moment, over and over, also while the database is being made. */
static void
what_was_acknowledged_survives_loss_of_power(void **state)
{
	for (uint64_t seed = 1; seed <= 12; seed++) {
		struct history history = {.writing = -1};
		struct stage stage;
		struct rand rand;

		rand_init(&history.rand, seed, 1);
		rand_init(&rand, seed, 2);
		stage_open(&stage, seed);
		for (int life = 0; life < 12; life++) {
			struct sim *sim = stage.sim;
			uint64_t events = rand_below(&rand, life % 3 == 0 ? 60 : 800);
			struct xs_config config = {.name = "stage"};

			if (sim_env(sim, 0) == NULL)
				sim_node_restart(sim, 0);
			stage.env = sim_env(sim, 0);
			config.env = stage.env;
			stage.play = play_history;
			stage.arg = &history;
			stage.done = false;
			stage.bio = NULL;
			stage.vx = NULL;
			stage.db = NULL;
			assert_int_equal(xs_create(&config, &stage.xs), 0);
			assert_int_equal(ult_spawn(stage.xs, ULT_IO, "play", stage_ult, &stage, NULL), 0);
			assert_int_equal(xs_start(stage.xs, NULL, &stage.thread), 0);
			for (uint64_t i = 0; i < events && !stage.done; i++)
				sim_step(sim, ENV_FOREVER);
			if (stage.done) {
				stage.env->ops->host.thread_join(stage.thread);
				xs_destroy(stage.xs);
			} else {
				sim_node_crash(sim, 0, SIM_POWER);
			}
		}
		assert_true(stage_play(&stage, play_history, &history));
		assert_true(history.opens > 2);
		stage_close(&stage);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_kept_replaced_deleted_and_found_again),
		cmocka_unit_test(the_same_in_memory),
		cmocka_unit_test(devices_targets_and_pools_are_found_again),
		cmocka_unit_test(what_was_acknowledged_survives_loss_of_power),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
