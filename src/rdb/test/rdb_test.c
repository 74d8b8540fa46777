/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rdb alone on a simulated host: a model of nested stores through deaths of the host; a replica that cannot apply what is committed.
 */
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
#include "pure/hlc/hlc.h"
#include "rdb/rdb.h"
#include "vos/vos.h"

#define WAL "/store/07000000-0000-0000-0000-000000000000/vos-1024.wal"

struct stage {
	struct sim *sim;
	struct env *env;
	struct xs *xs;
	struct env_thread *thread;
	void (*play)(struct stage *stage);
	void *arg;
	bool done, made;
	struct bio *bio;
	struct vos_xs *vos;
	struct hlc_clock clock;
	struct rdb_config config;
	struct rdb *rdb;
	uint64_t term;       /* that it leads, 0: none */
	uint32_t ups, downs;
	uint64_t size;       /* of the database; 0: 32 MiB */
};

/* ---- the host ---------------------------------------------------------------------------------------------------------------- */
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
	options.log_level = LOG_CRIT;
	*stage = (struct stage){.sim = sim_create(seed, &options)};
	stage->env = sim_env(stage->sim, 0);
}

/* True when play came to its end, false when the host died under it; it is up again then. */
static bool
stage_play(struct stage *stage, void (*play)(struct stage *stage), void *arg)
{
	struct xs_config config = {.env = stage->env, .name = "stage"};

	stage->play = play;
	stage->arg = arg;
	stage->done = false;
	assert_int_equal(xs_create(&config, &stage->xs), 0);
	assert_int_equal(ult_spawn(stage->xs, ULT_IO, "play", stage_ult, stage, NULL), 0);
	assert_int_equal(xs_start(stage->xs, NULL, &stage->thread), 0);
	assert_int_equal(sim_run(stage->sim, ENV_FOREVER, stage_over, stage), 0);
	if (!stage->done) {
		stage->env = sim_node_restart(stage->sim, 0);
		return false;
	}
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
	sim_destroy(stage->sim);
}

/* ---- within a play ----------------------------------------------------------------------------------------------------------- */
static void
step_up(void *arg, uint64_t term)
{
	struct stage *stage = arg;

	stage->term = term;
	stage->ups++;
}

static void
step_down(void *arg, uint64_t term)
{
	struct stage *stage = arg;

	ASSERT(stage->term == term);
	stage->term = 0;
	stage->downs++;
}

static void
up(struct stage *stage)
{
	static const uint32_t replicas[] = {0};
	struct bio_dev_config dev = {.path = "/store"};
	struct vos_xs_config vos = {.env = stage->env, .xs = stage->xs, .tgt = 1024};

	ASSERT(bio_open(stage->env, &dev, 1, !stage->made, &stage->bio) == 0);
	vos.bio = stage->bio;
	ASSERT(vos_xs_create(&vos, &stage->vos) == 0);
	hlc_clock_init(&stage->clock, 0, HLC_NO_CEILING);
	stage->config = (struct rdb_config){.env = stage->env, .xs = stage->xs, .vos = stage->vos, .clock = &stage->clock, .uuid = {7},
					    .size = stage->size != 0 ? stage->size : 32 * MIB, .replicas = replicas, .replica_nr = 1, .step_up = step_up,
					    .step_down = step_down, .arg = stage};
	stage->term = 0;
	if (!stage->made)
		ASSERT(rdb_create(&stage->config) == 0);
	stage->made = true;
	ASSERT(rdb_start(&stage->config, &stage->rdb) == 0);
	ASSERT(stage->term != 0 && rdb_is_leader(stage->rdb, NULL));
}

static void
down(struct stage *stage)
{
	rdb_stop(stage->rdb);
	vos_xs_destroy(stage->vos);
	bio_close(stage->bio);
}

static int
put(struct stage *stage, const char *key, const char *value)
{
	struct rdb_tx *tx;
	int rc = rdb_tx_begin(stage->rdb, stage->term, &tx);

	if (rc != 0)
		return rc;
	rc = rdb_tx_update(tx, (struct rdb_path){0}, key, strlen(key), value, strlen(value) + 1);
	if (rc == 0)
		rc = rdb_tx_commit(tx);
	rdb_tx_end(tx);
	return rc;
}

/* 0 and the value in back, or the error of the lookup. */
static int
get(struct stage *stage, struct rdb_path path, const char *key, char *back, size_t size)
{
	struct rdb_tx *tx;
	const void *value;
	struct arena arena;
	size_t len;
	int rc = rdb_tx_begin(stage->rdb, stage->term, &tx);

	if (rc != 0)
		return rc;
	arena_init(&arena, rdb_tx_mem(tx));
	rc = rdb_lookup(tx, path, key, strlen(key), &arena, &value, &len);
	if (rc == 0) {
		ASSERT(len <= size);
		memcpy(back, value, len);
	}
	arena_fini(&arena);
	rdb_tx_end(tx);
	return rc;
}

/* ---- a replica that cannot apply ---------------------------------------------------------------------------------------------- */
struct commit {
	struct stage *stage;
	const char *key;
	int rc;
	struct ult *ult;
};

static void
commit(void *arg)
{
	struct commit *commit = arg;

	commit->rc = put(commit->stage, commit->key, "new");
}

/* Memory is gone from the moment on when the entries are on their way to the log, for longer than an apply waits for it. */
static void
play_no_memory(struct stage *stage)
{
	struct commit commits[2] = {{.stage = stage, .key = "first"}, {.stage = stage, .key = "second"}};
	struct sim_disk_stats stats = {0};
	char back[16];

	up(stage);
	ASSERT(put(stage, "kept", "old") == 0);
	for (int i = 0; i < 2; i++)
		ASSERT(ult_spawn(xs_self(), ULT_IO, "commit", commit, &commits[i], &commits[i].ult) == 0);
	for (int i = 0; i < 1000 && stats.in_flight == 0; i++) {
		ult_yield();
		sim_disk_stats(sim_disk(stage->sim, 0, WAL), &stats);
	}
	ASSERT(stats.in_flight > 0);
	sim_mem_fail(stage->sim, 0, 1, true);
	ult_sleep(90 * NS_PER_S);
	sim_mem_fail(stage->sim, 0, 0, false);
	for (int i = 0; i < 2; i++) {
		ult_join(commits[i].ult);
		ASSERT(commits[i].rc != 0);
	}
	ASSERT(stage->downs == 1 && !rdb_is_leader(stage->rdb, NULL));
	ult_sleep(NS_PER_S);
	ASSERT(put(stage, "third", "new") == -DER_NOTLEADER);
	ASSERT(get(stage, (struct rdb_path){0}, "kept", back, sizeof(back)) == -DER_NOTLEADER);
	ASSERT(stage->ups == 1 && stage->downs == 1);
	/* Opened again, it leads, and has what was committed: the first entry was durable in the log when its apply failed. */
	rdb_stop(stage->rdb);
	ASSERT(rdb_start(&stage->config, &stage->rdb) == 0);
	ASSERT(stage->ups == 2 && rdb_is_leader(stage->rdb, NULL));
	ASSERT(get(stage, (struct rdb_path){0}, "kept", back, sizeof(back)) == 0 && strcmp(back, "old") == 0);
	ASSERT(get(stage, (struct rdb_path){0}, "first", back, sizeof(back)) == 0 && strcmp(back, "new") == 0);
	ASSERT(put(stage, "third", "new") == 0);
	down(stage);
}

static void
a_replica_whose_apply_failed_steps_down_until_it_is_opened_again(void **state)
{
	for (uint64_t seed = 1; seed <= 5; seed++) {
		struct stage stage;

		stage_open(&stage, seed);
		assert_true(stage_play(&stage, play_no_memory, NULL));
		stage_close(&stage);
	}
}

/* A write of its log fails instead: the same, and what was acknowledged is there in the next life. */
static void
play_failed_log(struct stage *stage)
{
	up(stage);
	ASSERT(put(stage, "kept", "old") == 0);
	sim_disk_fail(sim_disk(stage->sim, 0, WAL), 1U << ENV_IO_WRITE, 1, false);
	ASSERT(put(stage, "first", "new") != 0);
	ASSERT(stage->downs == 1 && !rdb_is_leader(stage->rdb, NULL));
	ASSERT(put(stage, "third", "new") == -DER_NOTLEADER);
	down(stage);
}

static void
play_next_life(struct stage *stage)
{
	char back[16];
	int rc;

	up(stage);
	ASSERT(get(stage, (struct rdb_path){0}, "kept", back, sizeof(back)) == 0 && strcmp(back, "old") == 0);
	rc = get(stage, (struct rdb_path){0}, "first", back, sizeof(back));
	ASSERT(rc == -DER_NONEXIST || (rc == 0 && strcmp(back, "new") == 0));
	ASSERT(put(stage, "third", "new") == 0);
	down(stage);
}

static void
a_replica_whose_log_failed_steps_down_until_it_is_opened_again(void **state)
{
	for (uint64_t seed = 1; seed <= 10; seed++) {
		struct stage stage;

		stage_open(&stage, seed);
		assert_true(stage_play(&stage, play_failed_log, NULL));
		assert_true(stage_play(&stage, play_next_life, NULL));
		stage_close(&stage);
	}
}

/* ---- a model ---------------------------------------------------------------------------------------------------------------------- */
#define STORES 3 /* the root, "a", and "a/b" */
#define KEYS 12

struct model {
	struct rand rand;
	uint32_t value[STORES][KEYS]; /* 0: absent */
	bool there[STORES];
	uint32_t version, commits;
	uint64_t most; /* bytes used when no key is there */
	bool doubt; /* the last one was cut off: before it happened, or after */
	uint32_t old_value[STORES][KEYS];
	bool old_there[STORES];
};

static struct rdb_path
store_path(int store)
{
	static const char *const names[] = {"a", "b"};

	return rdb_path_of(names, (uint32_t)store);
}

/* What a transaction does to the model it does to tx, too. */
static int
draw_change(struct model *model, struct rdb_tx *tx)
{
	int store = (int)rand_below(&model->rand, STORES), key = (int)rand_below(&model->rand, KEYS);
	char name[16];

	snprintf(name, sizeof(name), "k%d", key);
	if (!model->there[store]) {
		for (int s = 1; s <= store; s++)
			model->there[s] = true;
		return store == 2 && rdb_tx_create_kvs(tx, store_path(1)) != 0 ? -DER_NOMEM : rdb_tx_create_kvs(tx, store_path(store));
	}
	if (store > 0 && rand_below(&model->rand, 12) == 0) {
		for (int s = store; s < STORES; s++) {
			model->there[s] = false;
			memset(model->value[s], 0, sizeof(model->value[s]));
		}
		return rdb_tx_destroy_kvs(tx, store_path(store));
	}
	if (rand_below(&model->rand, 4) == 0) {
		model->value[store][key] = 0;
		return rdb_tx_delete(tx, store_path(store), name, strlen(name));
	}
	model->value[store][key] = ++model->version;
	return rdb_tx_update(tx, store_path(store), name, strlen(name), &model->version, sizeof(model->version));
}

static bool
is_state(struct stage *stage, bool there[STORES], uint32_t value[STORES][KEYS])
{
	for (int store = 0; store < STORES; store++)
		for (int key = 0; key < KEYS; key++) {
			uint32_t found = 0;
			char name[16];
			int rc;

			snprintf(name, sizeof(name), "k%d", key);
			rc = get(stage, store_path(store), name, (char *)&found, sizeof(found));
			ASSERT(rc == 0 || rc == -DER_NONEXIST);
			if (found != (there[store] ? value[store][key] : 0))
				return false;
		}
	return true;
}

static void
play_life(struct stage *stage)
{
	struct model *model = stage->arg;

	up(stage);
	if (!is_state(stage, model->there, model->value)) {
		ASSERTF(model->doubt && is_state(stage, model->old_there, model->old_value), "rdb lost or made up something");
		memcpy(model->value, model->old_value, sizeof(model->value));
		memcpy(model->there, model->old_there, sizeof(model->there));
	}
	model->doubt = false;
	sim_disk_crash_at(sim_disk(stage->sim, 0, WAL), 1 + rand_below(&model->rand, 250), rand_below(&model->rand, 2) == 0 ? SIM_KILL : SIM_POWER);
	for (;;) {
		struct rdb_tx *tx;

		memcpy(model->old_value, model->value, sizeof(model->value));
		memcpy(model->old_there, model->there, sizeof(model->there));
		ASSERT(rdb_tx_begin(stage->rdb, stage->term, &tx) == 0);
		ASSERT(draw_change(model, tx) == 0);
		model->doubt = true;
		ASSERT(rdb_tx_commit(tx) == 0);
		model->doubt = false;
		model->commits++;
		rdb_tx_end(tx);
	}
}

static void
what_is_committed_outlives_deaths_and_nothing_else_does(void **state)
{
	for (uint64_t seed = 1; seed <= 3; seed++) {
		struct model model = {.there = {true}};
		struct stage stage;

		rand_init(&model.rand, seed, 3);
		stage_open(&stage, seed);
		for (int life = 0; life < 25; life++)
			assert_false(stage_play(&stage, play_life, &model));
		assert_in_range(model.commits, 1000, 100000);
		sim_destroy(stage.sim);
	}
}

/* ---- space ------------------------------------------------------------------------------------------------------------------------ */
static uint64_t
used(struct stage *stage)
{
	struct vos_pool_info info;
	struct vos_pool *pool;

	ASSERT(vos_pool_open(stage->vos, stage->config.uuid, &pool) == 0);
	vos_pool_query(pool, &info);
	vos_pool_close(pool);
	return info.meta_used;
}

static void
check(struct stage *stage)
{
	struct vos_pool *pool;

	ASSERT(vos_pool_open(stage->vos, stage->config.uuid, &pool) == 0);
	ASSERT(vos_pool_check(pool) == 0);
	vos_pool_close(pool);
}

#define CHURN_CHANGES 50000
#define CHURN_BATCH 8 /* changes of a transaction, at most */

/* Values of up to 500 bytes under a few keys of three stores, overwritten, deleted, destroyed. */
static void
churn_one(struct model *model, struct rdb_tx *tx)
{
	int store = (int)rand_below(&model->rand, STORES), key = (int)rand_below(&model->rand, KEYS);
	uint32_t draw = (uint32_t)rand_below(&model->rand, 100);
	static const char value[500];
	char name[16];

	snprintf(name, sizeof(name), "k%d", key);
	if (store > 0 && draw < 2)
		ASSERT(rdb_tx_destroy_kvs(tx, store_path(store)) == 0);
	else if (draw < 30)
		ASSERT(rdb_tx_delete(tx, store_path(store), name, strlen(name)) == 0);
	else
		ASSERT(rdb_tx_update(tx, store_path(store), name, strlen(name), value, rand_below(&model->rand, sizeof(value))) == 0);
}

static void
churn(struct stage *stage, struct model *model)
{
	uint32_t nr = 1 + (uint32_t)rand_below(&model->rand, CHURN_BATCH);
	struct rdb_tx *tx;
	int rc;

	/* Each makes sure that its stores are there, so that a destroyed one comes back. */
	ASSERT(rdb_tx_begin(stage->rdb, stage->term, &tx) == 0);
	ASSERT(rdb_tx_create_kvs(tx, store_path(1)) == 0 && rdb_tx_create_kvs(tx, store_path(2)) == 0);
	rc = rdb_tx_commit(tx);
	rdb_tx_end(tx);
	ASSERT(rc == 0);
	ASSERT(rdb_tx_begin(stage->rdb, stage->term, &tx) == 0);
	for (uint32_t i = 0; i < nr; i++)
		churn_one(model, tx);
	rc = rdb_tx_commit(tx);
	rdb_tx_end(tx);
	ASSERT(rc == 0 || rc == -DER_NONEXIST);
	model->version += nr;
}

static void
play_churn(struct stage *stage)
{
	struct model *model = stage->arg;
	uint64_t now, early = 0, late = 0;

	up(stage);
	while (model->version < CHURN_CHANGES) {
		churn(stage, model);
		now = used(stage);
		if (model->version < CHURN_CHANGES / 5)
			early = MAX(early, now);
		else
			late = MAX(late, now);
	}
	ASSERTF(late <= early + early / 8, "the space in use grew");
	check(stage);
	down(stage);
}

static void
the_space_in_use_goes_with_the_keys_and_not_with_the_changes(void **state)
{
	struct model model = {0};
	struct stage stage;

	rand_init(&model.rand, 1, 4);
	stage_open(&stage, 1);
	stage.size = 16 * MIB;
	assert_true(stage_play(&stage, play_churn, &model));
	stage_close(&stage);
}

static int
put_sized(struct stage *stage, struct rdb_path path, uint32_t number, bool delete, uint32_t size)
{
	char name[16], value[4096] = {0};
	struct rdb_tx *tx;
	int rc = rdb_tx_begin(stage->rdb, stage->term, &tx);

	if (rc != 0)
		return rc;
	snprintf(name, sizeof(name), "k%06u", number);
	memcpy(value, &number, sizeof(number));
	rc = delete ? rdb_tx_delete(tx, path, name, strlen(name)) : rdb_tx_update(tx, path, name, strlen(name), value, size);
	if (rc == 0)
		rc = rdb_tx_commit(tx);
	rdb_tx_end(tx);
	return rc;
}

static int
change_store(struct stage *stage, bool destroy)
{
	struct rdb_tx *tx;
	int rc = rdb_tx_begin(stage->rdb, stage->term, &tx);

	if (rc != 0)
		return rc;
	rc = destroy ? rdb_tx_destroy_kvs(tx, store_path(1)) : rdb_tx_create_kvs(tx, store_path(1));
	if (rc == 0)
		rc = rdb_tx_commit(tx);
	rdb_tx_end(tx);
	return rc;
}

/* Distinct keys from first on until one is refused; the number of it. */
static uint32_t
fill(struct stage *stage, struct rdb_path path, uint32_t first)
{
	int rc = 0;

	for (uint32_t number = first; number < first + 100000; number++) {
		rc = put_sized(stage, path, number, false, 1000 + number * 7919 % 3000);
		if (rc != 0) {
			ASSERT(rc == -DER_NOSPACE);
			ASSERT(rdb_is_leader(stage->rdb, NULL) && stage->downs == stage->ups - 1);
			return number;
		}
	}
	ASSERTF(false, "it is never full");
	return 0;
}

static void
play_full(struct stage *stage)
{
	struct rdb_path root = {0};
	uint32_t first, second, third;
	uint64_t before;
	char back[4096];

	up(stage);
	ASSERT(change_store(stage, false) == 0);
	before = used(stage);
	first = fill(stage, root, 0);
	ASSERT(first > 500);
	/* Refused again and again it stays as it was, also over a restart; what replaces, and what deletes, is not refused. */
	for (uint32_t i = 0; i < 1000; i++)
		ASSERT(put_sized(stage, root, first, false, 4000) == -DER_NOSPACE);
	rdb_stop(stage->rdb);
	ASSERT(rdb_start(&stage->config, &stage->rdb) == 0);
	ASSERT(get(stage, root, "k000000", back, sizeof(back)) == 0);
	for (uint32_t i = 0; i < first; i += 16)
		ASSERT(put_sized(stage, root, i, false, 1000) == 0);
	for (uint32_t i = 0; i < first; i += 2)
		ASSERT(put_sized(stage, root, i, true, 0) == 0);
	second = fill(stage, store_path(1), first);
	ASSERT(second - first > first / 4);
	/* A store that goes makes room at once, however many keys it had. */
	ASSERT(change_store(stage, true) == 0);
	ASSERT(change_store(stage, false) == 0);
	third = fill(stage, store_path(1), second);
	ASSERT(third - second > (second - first) * 3 / 4);
	check(stage);
	ASSERT(change_store(stage, true) == 0);
	for (uint32_t i = 1; i < first; i += 2)
		ASSERT(put_sized(stage, root, i, true, 0) == 0);
	ASSERT(used(stage) < before + 512 * KIB);
	check(stage);
	down(stage);
}

static void
a_full_database_refuses_what_grows_it_and_goes_on(void **state)
{
	struct stage stage;

	stage_open(&stage, 1);
	stage.size = 16 * MIB;
	assert_true(stage_play(&stage, play_full, NULL));
	stage_close(&stage);
}

/* A store of more keys than one step frees is made and destroyed until the host dies, in the middle of the freeing more often than not. */
#define MANY 300

static void
play_destroy_life(struct stage *stage)
{
	struct model *model = stage->arg;

	up(stage);
	/* What the last life left is freed by opening; what is reachable goes now. */
	ASSERT(change_store(stage, true) == 0);
	model->most = MAX(model->most, used(stage));
	check(stage);
	sim_disk_crash_at(sim_disk(stage->sim, 0, WAL), 1 + rand_below(&model->rand, 12), rand_below(&model->rand, 2) == 0 ? SIM_KILL : SIM_POWER);
	for (;;) {
		struct rdb_tx *tx;

		ASSERT(change_store(stage, false) == 0);
		ASSERT(rdb_tx_begin(stage->rdb, stage->term, &tx) == 0);
		for (uint32_t i = 0; i < MANY; i++)
			ASSERT(rdb_tx_update(tx, store_path(1), &i, sizeof(i), stage, 200) == 0);
		ASSERT(rdb_tx_commit(tx) == 0);
		rdb_tx_end(tx);
		ASSERT(change_store(stage, true) == 0);
		model->commits++;
	}
}

static void
a_destroyed_store_is_freed_whenever_the_host_dies(void **state)
{
	struct model model = {0};
	struct stage stage;

	rand_init(&model.rand, 1, 5);
	stage_open(&stage, 1);
	stage.size = 16 * MIB;
	for (int life = 0; life < 60; life++)
		assert_false(stage_play(&stage, play_destroy_life, &model));
	assert_in_range(model.commits, 30, 100000);
	/* The log's share, its entries of 70 KB in two segments each, however many and short the lives. */
	assert_in_range(model.most, 0, 1536 * KIB);
	sim_destroy(stage.sim);
}

/* ---- transactions too large for the log --------------------------------------------------------------------------------------- */
/* nr changes of the root, keys far from each other, len bytes each; len 0: deletes them. */
static int
change_many(struct stage *stage, uint32_t round, uint32_t nr, const void *value, size_t len)
{
	struct rdb_tx *tx;
	char key[32];
	int rc = rdb_tx_begin(stage->rdb, stage->term, &tx);

	ASSERT(rc == 0);
	for (uint32_t i = 0; i < nr; i++) {
		snprintf(key, sizeof(key), "%08x.%03u", i * 2654435761U, round);
		ASSERT((len > 0 ? rdb_tx_update(tx, (struct rdb_path){0}, key, strlen(key), value, len) :
				  rdb_tx_delete(tx, (struct rdb_path){0}, key, strlen(key))) == 0);
	}
	rc = rdb_tx_commit(tx);
	rdb_tx_end(tx);
	return rc;
}

struct large {
	struct stage *stage;
	uint32_t round;
	const char *value;
	int rc;
	struct ult *ult;
};

static void
commit_large(void *arg)
{
	struct large *large = arg;

	large->rc = change_many(large->stage, large->round, 1, large->value, 600 * KIB);
}

static void
play_too_large(struct stage *stage)
{
	static char value[2 * MIB], back[2 * MIB];
	struct large large[3];
	size_t most = 0;
	uint32_t count = 0;

	memset(value, 'x', sizeof(value));
	up(stage);
	ASSERT(put(stage, "kept", "old") == 0);
	ASSERT(change_many(stage, 0, 1, value, sizeof(value)) == -DER_REC2BIG);
	ASSERT(change_many(stage, 0, 2000, value, 1) == -DER_REC2BIG);
	ASSERT(change_many(stage, 0, 2000, NULL, 0) == -DER_REC2BIG);
	ASSERT(stage->downs == 0 && get(stage, (struct rdb_path){0}, "kept", back, sizeof(back)) == 0 && strcmp(back, "old") == 0);
	/* What is just not refused does commit: one value, then many keys in a tree that grows, replaced and deleted. */
	for (size_t len = 900 * KIB; len < sizeof(value); len += 1000) {
		int rc = change_many(stage, 1, 1, value, len);

		ASSERT(rc == 0 || rc == -DER_REC2BIG);
		if (rc != 0)
			break;
		most = len;
	}
	ASSERT(most > 950 * KIB && most < MIB);
	ASSERT(get(stage, (struct rdb_path){0}, "00000000.001", back, sizeof(back)) == 0 && memcmp(back, value, most) == 0);
	ASSERT(change_many(stage, 1, 1, NULL, 0) == 0);
	for (count = 1000; count > 0 && change_many(stage, 2, count, value, 1) == -DER_REC2BIG; count--)
		;
	ASSERT(count > 950 && count < 1000);
	for (uint32_t round = 3; round < 13; round++)
		ASSERT(change_many(stage, round, count, value, 1) == 0);
	for (uint32_t round = 3; round < 13; round += 3)
		ASSERT(change_many(stage, round, count - 20, value, 20) == 0 && change_many(stage, round, count - 20, NULL, 0) == 0);
	/* Several at once come to the log together. */
	for (uint32_t i = 0; i < ARRAY_SIZE(large); i++) {
		large[i] = (struct large){.stage = stage, .round = 100 + i, .value = value};
		ASSERT(ult_spawn(xs_self(), ULT_IO, "large", commit_large, &large[i], &large[i].ult) == 0);
	}
	for (uint32_t i = 0; i < ARRAY_SIZE(large); i++) {
		ult_join(large[i].ult);
		ASSERT(large[i].rc == 0);
	}
	ASSERT(stage->downs == 0);
	down(stage);
	up(stage);
	ASSERT(get(stage, (struct rdb_path){0}, "kept", back, sizeof(back)) == 0 && strcmp(back, "old") == 0);
	ASSERT(get(stage, (struct rdb_path){0}, "00000000.102", back, sizeof(back)) == 0 && memcmp(back, value, 600 * KIB) == 0);
	down(stage);
}

static void
a_transaction_too_large_for_the_log_is_refused_and_nothing_stops(void **state)
{
	struct stage stage;

	stage_open(&stage, 1);
	stage.size = 64 * MIB;
	assert_true(stage_play(&stage, play_too_large, NULL));
	stage_close(&stage);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_replica_whose_apply_failed_steps_down_until_it_is_opened_again),
		cmocka_unit_test(a_replica_whose_log_failed_steps_down_until_it_is_opened_again),
		cmocka_unit_test(what_is_committed_outlives_deaths_and_nothing_else_does),
		cmocka_unit_test(the_space_in_use_goes_with_the_keys_and_not_with_the_changes),
		cmocka_unit_test(a_destroyed_store_is_freed_whenever_the_host_dies),
		cmocka_unit_test(a_full_database_refuses_what_grows_it_and_goes_on),
		cmocka_unit_test(a_transaction_too_large_for_the_log_is_refused_and_nothing_stops),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
