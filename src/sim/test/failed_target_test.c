/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A target whose log fails while a transaction is prepared there and not committed: the transaction is answered by what is durable, the
 * target stops as a whole and says so at once, the others go on, and after the next start all have it (dtx I1, I2).
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include "client/kv/kv.h"
#include "client/object/object.h"
#include "sim/cluster.h"

#define POOL "/store/51515151-5151-5151-5151-515151515151/vos-"
#define S1 0x1000001

#define CHECK(what)                                                                                                    \
	do {                                                                                                           \
		int _rc = (what);                                                                                      \
		if (_rc != 0) {                                                                                        \
			print_error("%s: %s\n", #what, d_errstr(_rc));                                                 \
			ASSERTF(_rc == 0, "a simulated program's call failed");                                        \
		}                                                                                                      \
	} while (0)

struct scene {
	struct cluster *cluster;
	struct sim *sim;
	struct cont *cont;
	struct kv *kv[2]; /* each on a target of its own */
	struct sim_disk *log[2];
	uint32_t fails;   /* which target does */
	int answer;
	struct ult_eventual done;
	bool ready, over, again;
};

static uint64_t
writes_of(struct sim_disk *disk)
{
	struct sim_disk_stats stats;

	sim_disk_stats(disk, &stats);
	return stats.writes + stats.in_flight;
}

/* Opens objects until there is one on each target; which one it is its log tells. */
static void
open_both(struct scene *scene)
{
	uint64_t lo = 10;

	while (scene->kv[0] == NULL || scene->kv[1] == NULL) {
		daos_obj_id_t oid = {.lo = lo++};
		uint64_t before[2];
		struct kv *kv;
		int target;

		CHECK(cont_generate_oid(scene->cont, &oid, DAOS_OT_KV_HASHED, S1, 0));
		CHECK(kv_open(scene->cont, oid, DAOS_OO_RW, &kv));
		ult_sleep(100 * NS_PER_MS);
		before[0] = writes_of(scene->log[0]);
		before[1] = writes_of(scene->log[1]);
		CHECK(kv_put(kv, NULL, 0, "known", 6, "known"));
		target = writes_of(scene->log[1]) != before[1];
		ASSERT((writes_of(scene->log[0]) != before[0]) == (target == 0));
		if (scene->kv[target] == NULL)
			scene->kv[target] = kv;
		else
			kv_close(kv);
	}
}

static void
commit_both(void *arg)
{
	struct scene *scene = arg;
	struct tx *tx;
	int rc = tx_open(scene->cont, 0, &tx);

	if (rc == 0)
		rc = kv_put(scene->kv[0], tx, 0, "both", 4, "new");
	if (rc == 0)
		rc = kv_put(scene->kv[1], tx, 0, "both", 4, "new");
	if (rc == 0)
		rc = tx_commit(tx);
	tx_close(tx);
	ult_eventual_set(&scene->done, rc);
}

static void
expect(struct kv *kv, const char *key, const char *value, int rc)
{
	char back[16];
	daos_size_t size = sizeof(back);
	int got = kv_get(kv, NULL, 0, key, &size, back);

	if (got != rc)
		print_error("%s: %s\n", key, d_errstr(got));
	ASSERT(got == rc);
	ASSERT(rc != 0 || (size == strlen(value) + 1 && strcmp(back, value) == 0));
}

static void
fail_between(struct scene *scene)
{
	uint32_t fails = scene->fails, slow = 1 - fails;
	uint64_t began;

	/* The one prepares at once; the other takes its time, and meanwhile the first one's log fails under another write. */
	sim_disk_slow(scene->log[slow], 10000);
	ult_eventual_init(&scene->done);
	CHECK(ult_spawn(xs_self(), ULT_IO, "commit", commit_both, scene, NULL));
	ult_sleep(30 * NS_PER_MS);
	sim_disk_fail(scene->log[fails], 1U << ENV_IO_WRITE, 1, false);
	ASSERT(kv_put(scene->kv[fails], NULL, 0, "other", 6, "other") == -DER_IO);
	sim_disk_slow(scene->log[slow], 1);
	CHECK(ult_eventual_wait(&scene->done));
	began = sim_now(scene->sim);
	expect(scene->kv[fails], "both", NULL, -DER_IO);
	ASSERT(kv_put(scene->kv[fails], NULL, 0, "both", 6, "other") == -DER_IO);
	ASSERT(kv_put(scene->kv[fails], NULL, 0, "more", 5, "more") == -DER_IO);
	expect(scene->kv[fails], "known", "known", 0);
	expect(scene->kv[slow], "both", "new", 0);
	CHECK(kv_put(scene->kv[slow], NULL, 0, "more", 5, "more"));
	ASSERT(sim_now(scene->sim) - began < NS_PER_S);
}

static void
program(void *arg, struct cluster *cluster, uint32_t index, struct client *client)
{
	struct scene *scene = arg;
	struct pool *pool;
	char path[128];
	uuid_t uuid;
	char text[37];

	memset(uuid, 0x77, sizeof(uuid));
	uuid_unparse_lower(uuid, text);
	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), POOL "%d.wal", i);
		scene->log[i] = sim_disk(scene->sim, 0, path);
		ASSERT(scene->log[i] != NULL);
	}
	CHECK(pool_connect(client, "sim", DAOS_PC_RW, &pool));
	CHECK(cont_create(pool, uuid, NULL));
	CHECK(cont_open(pool, text, 2, &scene->cont));
	open_both(scene);
	fail_between(scene);
	scene->ready = true;
	while (!scene->again)
		ult_sleep(10 * NS_PER_MS);
	for (int i = 0; i < 2; i++) {
		expect(scene->kv[i], "known", "known", 0);
		expect(scene->kv[i], "both", "new", 0);
		CHECK(kv_put(scene->kv[i], NULL, 0, "both", 6, "newer"));
		expect(scene->kv[i], "both", "newer", 0);
		kv_close(scene->kv[i]);
	}
	CHECK(cont_close(scene->cont));
	CHECK(pool_disconnect(pool));
	scene->over = true;
}

static bool
is_ready(void *arg)
{
	return ((struct scene *)arg)->ready;
}

static void
play(uint64_t seed, uint32_t fails, enum sim_crash how)
{
	struct scene scene = {.fails = fails};
	struct cluster_config config = {.seed = seed, .targets = 2, .clients = 1, .program = program, .arg = &scene};

	sim_options_init(&config.options);
	config.options.log_level = LOG_CRIT;
	CHECK(cluster_create(&config, &scene.cluster));
	scene.sim = cluster_sim(scene.cluster);
	(void)cluster_run(scene.cluster, 1);
	assert_int_equal(sim_run(scene.sim, 600 * NS_PER_S, is_ready, &scene), 0);
	assert_true(sim_counter(scene.sim, "sometimes", "dtx: met a prepared transaction on a shard that failed") > 0);
	cluster_crash(scene.cluster, how);
	scene.again = true;
	assert_int_equal(cluster_run(scene.cluster, 600 * NS_PER_S), 0);
	assert_true(scene.over);
	cluster_destroy(scene.cluster);
}

static void
a_target_that_fails_between_preparing_and_committing_stops_alone_and_as_a_whole(void **state)
{
	for (uint64_t seed = 1; seed <= 6; seed++)
		play(seed, seed % 2, seed % 3 == 0 ? SIM_KILL : SIM_POWER);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_target_that_fails_between_preparing_and_committing_stops_alone_and_as_a_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
