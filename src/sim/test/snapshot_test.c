/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Snapshots while transactions over all targets run and the engine dies: what a snapshot showed right after its creation it shows for ever
 * (cont I1: nothing is written at or below its epoch any more), and a transaction is in it wholly or not at all.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <daos_obj_class.h>
#include "client/kv/kv.h"
#include "sim/cluster.h"

enum { GROUPS = 3, KEYS = 8, ALONE = 8, KEPT = 6, SNAPS = 60 };
#define VALUES_MAX 2500 /* of a writer: history stays, and the pool must not fill */
#define LARGE (48 * KIB) /* a part of a transaction writes its data before it is prepared: that takes as long as a snapshot */

struct shot {
	daos_epoch_t epoch;
	uint64_t in_group[GROUPS][KEYS], alone[ALONE];
};

struct story {
	struct cluster *cluster;
	uint32_t snaps, crashes, commits, restarts;
	bool done;
};

#define CHECK(what)                                                                                                    \
	do {                                                                                                           \
		int _rc = (what);                                                                                      \
		if (_rc != 0) {                                                                                        \
			print_error("%s: %s\n", #what, d_errstr(_rc));                                                 \
			ASSERTF(_rc == 0, "a simulated program's call failed");                                        \
		}                                                                                                      \
	} while (0)

static void
open_all(struct client *client, struct pool **pool, struct cont **cont, struct kv **kv)
{
	daos_obj_id_t oid = {.lo = 7};
	uuid_t uuid;
	char text[37];
	int rc;

	memset(uuid, 0x60, sizeof(uuid));
	uuid_unparse_lower(uuid, text);
	CHECK(pool_connect(client, "sim", DAOS_PC_RW, pool));
	rc = cont_create(*pool, uuid, NULL);
	CHECK(rc == -DER_EXIST ? 0 : rc); /* another was quicker */
	CHECK(cont_open(*pool, text, 2, cont));
	CHECK(cont_generate_oid(*cont, &oid, DAOS_OT_KV_HASHED, OC_SX, 0));
	CHECK(kv_open(*cont, oid, DAOS_OO_RW, kv));
}

static void
group_key(char key[16], int group, int i)
{
	snprintf(key, 16, "%d/%d", group, i);
}

/* One of the keys has a large value. */
static int
write_group(struct kv *kv, struct tx *tx, int group, const uint64_t *value)
{
	char key[16];
	int rc = 0;

	for (int i = 0; i < KEYS && rc == 0; i++) {
		group_key(key, group, i);
		rc = kv_put(kv, tx, 0, key, (uint64_t)i == *value % KEYS ? LARGE : sizeof(*value), value);
	}
	return rc;
}

/* A group's keys get one value in one transaction; between them keys of its own are written alone. */
static void
write_on(struct story *story, struct cont *cont, struct kv *kv, int group)
{
	uint64_t *buf = calloc(1, LARGE), value = 0;
	struct tx *tx;
	char key[16];
	int rc;

	while (!story->done && value < VALUES_MAX) {
		*buf = ++value;
		CHECK(tx_open(cont, 0, &tx));
		for (;;) {
			rc = write_group(kv, tx, group, buf);
			if (rc == 0)
				rc = tx_commit(tx);
			if (rc != -DER_TX_RESTART)
				break;
			story->restarts++;
			CHECK(tx_restart(tx));
		}
		CHECK(rc);
		tx_close(tx);
		snprintf(key, sizeof(key), "alone %d", (int)(value * GROUPS + (uint64_t)group) % ALONE);
		CHECK(kv_put(kv, NULL, 0, key, sizeof(value), &value));
		story->commits++;
	}
	free(buf);
}

static void
look(struct cont *cont, struct kv *kv, struct shot *shot)
{
	uint64_t *buf = calloc(1, LARGE);
	daos_size_t size;
	struct tx *tx;
	char key[16];

	CHECK(tx_open_snap(cont, shot->epoch, &tx));
	for (int group = GROUPS - 1; group >= 0; group--)
		for (int i = KEYS - 1; i >= 0; i--) {
			size = LARGE;
			*buf = 0;
			group_key(key, group, i);
			CHECK(kv_get(kv, tx, 0, key, &size, buf));
			shot->in_group[group][i] = *buf;
		}
	for (int i = 0; i < ALONE; i++) {
		size = sizeof(uint64_t);
		snprintf(key, sizeof(key), "alone %d", i);
		shot->alone[i] = 0;
		CHECK(kv_get(kv, tx, 0, key, &size, &shot->alone[i]));
	}
	tx_close(tx);
	free(buf);
}

static void
snap_on(struct story *story, struct cont *cont, struct kv *kv)
{
	static const daos_epoch_range_t none;
	struct shot shots[KEPT] = {0}, again;

	for (story->snaps = 0; story->snaps < SNAPS; story->snaps++) {
		struct shot *shot = &shots[story->snaps % KEPT];
		daos_epoch_range_t range = none;

		if (shot->epoch != 0) {
			range.epr_lo = range.epr_hi = shot->epoch;
			CHECK(cont_snap_destroy(cont, range));
		}
		CHECK(cont_snap_create(cont, NULL, &shot->epoch));
		look(cont, kv, shot);
		for (int group = 0; group < GROUPS; group++)
			for (int i = 1; i < KEYS; i++)
				ASSERTF(shot->in_group[group][i] == shot->in_group[group][0], "a snapshot shows a transaction wholly or not at all");
		for (uint32_t i = 0; i < KEPT; i++) {
			if (shots[i].epoch == 0)
				continue;
			memset(&again, 0, sizeof(again));
			again.epoch = shots[i].epoch;
			look(cont, kv, &again);
			ASSERTF(memcmp(&again, &shots[i], sizeof(again)) == 0, "a snapshot shows what it showed");
		}
	}
	story->done = true;
}

static void
program(void *arg, struct cluster *cluster, uint32_t index, struct client *client)
{
	struct story *story = arg;
	struct pool *pool;
	struct cont *cont;
	struct kv *kv;

	open_all(client, &pool, &cont, &kv);
	if (index < GROUPS)
		write_on(story, cont, kv, (int)index);
	else
		snap_on(story, cont, kv);
	kv_close(kv);
	CHECK(cont_close(cont));
	CHECK(pool_disconnect(pool));
}

static bool
some_more(void *arg)
{
	struct story *story = arg;

	return story->done || story->snaps >= 10 * (story->crashes + 1);
}

static void
run(uint64_t seed, uint32_t crashes)
{
	struct story story = {0};
	struct cluster_config config = {.seed = seed, .targets = 4, .clients = GROUPS + 1, .program = program, .arg = &story};

	sim_options_init(&config.options);
	config.options.log_level = LOG_CRIT;
	CHECK(cluster_create(&config, &story.cluster));
	(void)cluster_run(story.cluster, 1);
	while (story.crashes < crashes) {
		CHECK(sim_run(cluster_sim(story.cluster), 600 * NS_PER_S, some_more, &story));
		story.crashes++;
		cluster_crash(story.cluster, seed % 2 == 0 ? SIM_POWER : SIM_KILL);
	}
	CHECK(cluster_run(story.cluster, 600 * NS_PER_S));
	assert_int_equal(story.snaps, SNAPS);
	assert_true(story.commits > SNAPS);
	cluster_destroy(story.cluster);
}

static void
a_snapshot_does_not_change_while_transactions_go_on(void **state)
{
	for (uint64_t seed = 1; seed <= 1 + 5 / TEST_PARTS; seed++)
		run(seed, 0);
}

static void
a_snapshot_does_not_change_when_the_engine_dies(void **state)
{
	for (uint64_t seed = 101; seed <= 101 + 3 / TEST_PARTS; seed++)
		run(seed, 4);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_snapshot_does_not_change_while_transactions_go_on),
		cmocka_unit_test(a_snapshot_does_not_change_when_the_engine_dies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
