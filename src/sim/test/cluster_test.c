/* SPDX-License-Identifier: Apache-2.0 */
/* A system in a simulated world: values that were put are got, also after the engine died. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include "client/kv/kv.h"
#include "proto/object.h"
#include "sim/cluster.h"

struct story {
	int crashes;      /* asked for on the way */
	int acknowledged;
	struct cluster *cluster;
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
open_all(struct client *client, uint32_t index, struct pool **pool, struct cont **cont, struct kv **kv)
{
	daos_obj_id_t oid = {.lo = 7 + index};
	uuid_t uuid;
	char text[37];

	memset(uuid, 0x60 + (int)index, sizeof(uuid));
	uuid_unparse_lower(uuid, text);
	CHECK(pool_connect(client, "sim", DAOS_PC_RW, pool));
	CHECK(cont_create(*pool, uuid, NULL));
	CHECK(cont_open(*pool, text, 2, cont));
	CHECK(cont_generate_oid(*cont, &oid, DAOS_OT_KV_HASHED, 0, 0));
	CHECK(kv_open(*cont, oid, DAOS_OO_RW, kv));
}

static void
put_and_get(void *arg, struct cluster *cluster, uint32_t index, struct client *client)
{
	struct story *story = arg;
	char key[32], value[64], back[64];
	struct pool *pool;
	struct cont *cont;
	struct kv *kv;
	daos_size_t size;

	open_all(client, index, &pool, &cont, &kv);
	for (int i = 0; i < 200; i++) {
		snprintf(key, sizeof(key), "key %d", i);
		snprintf(value, sizeof(value), "value %d of client %u", i, index);
		CHECK(kv_put(kv, NULL, 0, key, strlen(value) + 1, value));
		story->acknowledged++;
	}
	for (int i = 0; i < 200; i++) {
		snprintf(key, sizeof(key), "key %d", i);
		snprintf(value, sizeof(value), "value %d of client %u", i, index);
		size = sizeof(back);
		CHECK(kv_get(kv, NULL, 0, key, &size, back));
		assert_string_equal(back, value);
	}
	kv_close(kv);
	CHECK(cont_close(cont));
	CHECK(pool_disconnect(pool));
}

static void
what_was_put_is_got(void **state)
{
	struct story story = {0};
	struct cluster_config config = {.seed = 1, .targets = 2, .clients = 1, .program = put_and_get, .arg = &story};
	struct cluster *cluster;

	sim_options_init(&config.options);
	config.options.log_level = LOG_WARN;
	CHECK(cluster_create(&config, &cluster));
	CHECK(cluster_run(cluster, 600 * NS_PER_S));
	assert_int_equal(story.acknowledged, 200);
	cluster_destroy(cluster);
}

static bool
some_acknowledged(void *arg)
{
	struct story *story = arg;

	return story->acknowledged >= 100 * (story->crashes + 1);
}

static void
nothing_acknowledged_is_lost_when_the_engine_dies(void **state)
{
	struct story story = {0};
	struct cluster_config config = {.seed = 2, .targets = 2, .clients = 3, .program = put_and_get, .arg = &story};
	struct cluster *cluster;

	sim_options_init(&config.options);
	config.options.log_level = LOG_ERR;
	CHECK(cluster_create(&config, &cluster));
	(void)cluster_run(cluster, 1);
	for (story.crashes = 0; story.crashes < 4; story.crashes++) {
		CHECK(sim_run(cluster_sim(cluster), 600 * NS_PER_S, some_acknowledged, &story));
		cluster_crash(cluster, story.crashes % 2 == 0 ? SIM_POWER : SIM_KILL);
	}
	CHECK(cluster_run(cluster, 600 * NS_PER_S));
	assert_int_equal(story.acknowledged, 600);
	assert_int_equal(cluster_starts(cluster), 5);
	cluster_destroy(cluster);
}

#define DAY_NS ((int64_t)(24 * 3600 * NS_PER_S))

/* One key is written over and over; each read must show the last, and epochs must grow, whatever wall clocks do. */
static void
overwrite(void *arg, struct cluster *cluster, uint32_t index, struct client *client)
{
	struct story *story = arg;
	daos_epoch_t before = 0, epoch;
	struct pool *pool;
	struct cont *cont;
	struct kv *kv;
	daos_size_t size;
	int value;

	open_all(client, index, &pool, &cont, &kv);
	for (int i = 1; i <= 300; i++) {
		if (i % 3 == 0)
			CHECK(kv_remove(kv, NULL, 0, "key"));
		else
			CHECK(kv_put(kv, NULL, 0, "key", sizeof(i), &i));
		story->acknowledged++;
		size = sizeof(value);
		value = -1;
		CHECK(kv_get(kv, NULL, 0, "key", &size, &value));
		ASSERTF(i % 3 == 0 ? size == 0 : size == sizeof(value) && value == i, "a read shows the last write");
		if (i % 20 == 0) {
			CHECK(cont_snap_create(cont, NULL, &epoch));
			ASSERTF(epoch > before, "epochs grow");
			before = epoch;
		}
	}
	kv_close(kv);
	CHECK(cont_close(cont));
	CHECK(pool_disconnect(pool));
}

static void
jump_all(struct cluster *cluster, uint32_t nodes, int64_t ns)
{
	for (uint32_t i = 0; i < nodes; i++)
		sim_node_jump_wall(cluster_sim(cluster), i, ns);
}

static bool
open_again(void *arg)
{
	struct story *story = arg;

	return cluster_starts(story->cluster) == (uint32_t)story->crashes + 1 && story->acknowledged > 100 * story->crashes;
}

static void
a_wall_clock_set_back_by_a_day_neither_stops_the_store_nor_turns_epochs_back(void **state)
{
	struct story story = {0};
	struct cluster_config config = {.seed = 3, .targets = 2, .clients = 2, .program = overwrite, .arg = &story};
	uint64_t began;

	sim_options_init(&config.options);
	config.options.log_level = LOG_CRIT;
	CHECK(cluster_create(&config, &story.cluster));
	jump_all(story.cluster, 3, -DAY_NS); /* clients start with the earlier time */
	(void)cluster_run(story.cluster, 1);
	for (int i = 0; i < 4; i++) {
		CHECK(sim_run(cluster_sim(story.cluster), 60 * NS_PER_S, some_acknowledged, &story));
		/* Together with a crash; of the engine's machine alone; while it runs; and forward again. */
		if (i < 2)
			jump_all(story.cluster, i == 0 ? 3 : 1, -DAY_NS);
		else
			jump_all(story.cluster, 3, i == 2 ? -DAY_NS : 3 * DAY_NS);
		if (i == 2)
			continue;
		story.crashes++;
		began = sim_now(cluster_sim(story.cluster));
		cluster_crash(story.cluster, i == 0 ? SIM_POWER : SIM_KILL);
		CHECK(sim_run(cluster_sim(story.cluster), 60 * NS_PER_S, open_again, &story));
		/* Loss of power is silent: clients notice it in 10 s. */
		assert_true(sim_now(cluster_sim(story.cluster)) - began < (i == 0 ? 15 : 3) * NS_PER_S);
	}
	CHECK(cluster_run(story.cluster, 60 * NS_PER_S));
	assert_int_equal(story.acknowledged, 600);
	cluster_destroy(story.cluster);
}

/* A copy of a request that was refused comes late, when its condition holds by now: it gets the same answer and changes nothing (dtx I4). */
static void
punch_late(void *arg, struct cluster *cluster, uint32_t index, struct client *client)
{
	struct story *story = arg;
	daos_obj_id_t oid = {.lo = 99};
	char name[] = "key", back[8];
	daos_key_t dkey = {.iov_buf = name, .iov_buf_len = 3, .iov_len = 3};
	struct object_punch_in in = {.flags = DAOS_COND_PUNCH, .dkeys = &dkey, .dkeys_nr = 1};
	struct object_punch_out out = {0};
	struct client_call call = {.tag = 1, .opc = opc_object_punch, .in = &in, .out = &out};
	daos_size_t size = sizeof(back);
	struct arena arena;
	struct pool *pool;
	struct cont *cont;
	struct kv *kv;

	open_all(client, index, &pool, &cont, &kv);
	kv_close(kv);
	CHECK(cont_generate_oid(cont, &oid, DAOS_OT_KV_HASHED, 0x1000001, 0));
	CHECK(kv_open(cont, oid, DAOS_OO_RW, &kv));
	memcpy(in.at.pool, pool_uuid(pool), sizeof(uuid_t));
	memcpy(in.at.handle, cont_handle(cont), sizeof(uuid_t));
	in.at.oid = oid;
	in.at.map_version = pool_map_version(pool);
	client_new_id(client, in.dtx.client, &in.dtx.hlc);
	arena_init(&arena, xs_env(xs_self())->mem);
	call.arena = &arena;
	ASSERT(client_call(client, &call) == -DER_NONEXIST);
	CHECK(kv_put(kv, NULL, 0, name, 6, "value"));
	ASSERT(client_call(client, &call) == -DER_NONEXIST);
	CHECK(kv_get(kv, NULL, 0, name, &size, back));
	ASSERT(size == 6 && memcmp(back, "value", 6) == 0);
	client_new_id(client, in.dtx.client, &in.dtx.hlc);
	CHECK(client_call(client, &call));
	size = sizeof(back);
	CHECK(kv_get(kv, NULL, 0, name, &size, back));
	ASSERT(size == 0);
	story->acknowledged++;
	arena_fini(&arena);
	kv_close(kv);
	CHECK(cont_close(cont));
	CHECK(pool_disconnect(pool));
}

static void
a_late_copy_of_a_refused_request_changes_nothing(void **state)
{
	struct story story = {0};
	struct cluster_config config = {.seed = 5, .targets = 1, .clients = 1, .program = punch_late, .arg = &story};
	struct cluster *cluster;

	sim_options_init(&config.options);
	config.options.log_level = LOG_WARN;
	CHECK(cluster_create(&config, &cluster));
	CHECK(cluster_run(cluster, 600 * NS_PER_S));
	assert_int_equal(story.acknowledged, 1);
	assert_int_equal(sim_counter(cluster_sim(cluster), "sometimes", "dtx: a refusal is repeated"), 1);
	cluster_destroy(cluster);
}

#define FULL_SIZE 6000U /* goes to the data blob, and fits into a request */

/* A copy of a request that was applied comes when the pool is full: it gets the answer of the first, not -DER_NOSPACE. */
static void
write_again(void *arg, struct cluster *cluster, uint32_t index, struct client *client)
{
	static char value[64 * KIB], back[64 * KIB];
	struct story *story = arg;
	daos_obj_id_t oid = {.lo = 98};
	char name[] = "again", akey[] = "a", full[16];
	daos_iod_t iod = {.iod_name = {.iov_buf = akey, .iov_buf_len = 1, .iov_len = 1}, .iod_type = DAOS_IOD_SINGLE, .iod_size = FULL_SIZE,
			  .iod_nr = 1};
	struct object_update_in in = {.dkey = {.iov_buf = name, .iov_buf_len = 5, .iov_len = 5}, .iods = &iod, .iods_nr = 1,
				      .data = {.data = value, .len = FULL_SIZE}};
	struct object_update_out out = {0};
	struct client_call call = {.tag = 1, .opc = opc_object_update, .in = &in, .out = &out};
	daos_size_t size = sizeof(back);
	struct arena arena;
	struct pool *pool;
	struct cont *cont;
	struct kv *kv;
	int rc = 0;

	memset(value, 'v', sizeof(value));
	open_all(client, index, &pool, &cont, &kv);
	CHECK(cont_generate_oid(cont, &oid, DAOS_OT_KV_HASHED, 0x1000001, 0));
	memcpy(in.at.pool, pool_uuid(pool), sizeof(uuid_t));
	memcpy(in.at.handle, cont_handle(cont), sizeof(uuid_t));
	in.at.oid = oid;
	in.at.map_version = pool_map_version(pool);
	client_new_id(client, in.dtx.client, &in.dtx.hlc);
	arena_init(&arena, xs_env(xs_self())->mem);
	call.arena = &arena;
	CHECK(client_call(client, &call));
	for (int i = 0, bytes = sizeof(value); bytes > 4096 && i < 1000; i++) {
		snprintf(full, sizeof(full), "%d", i);
		rc = kv_put(kv, NULL, 0, full, (daos_size_t)bytes, value);
		ASSERT(rc == 0 || rc == -DER_NOSPACE);
		bytes -= rc == 0 ? 0 : 4096;
	}
	ASSERT(rc == -DER_NOSPACE);
	CHECK(client_call(client, &call));
	client_new_id(client, in.dtx.client, &in.dtx.hlc);
	ASSERT(client_call(client, &call) == -DER_NOSPACE);
	CHECK(kv_get(kv, NULL, 0, "0", &size, back));
	ASSERT(size == sizeof(value) && memcmp(back, value, size) == 0);
	story->acknowledged++;
	arena_fini(&arena);
	kv_close(kv);
	CHECK(cont_close(cont));
	CHECK(pool_disconnect(pool));
}

static void
a_late_copy_of_an_applied_request_gets_its_answer_from_a_full_pool_too(void **state)
{
	struct story story = {0};
	struct cluster_config config = {.seed = 6, .targets = 1, .clients = 1, .program = write_again, .arg = &story, .data_bytes = 4 * MIB};
	struct cluster *cluster;

	sim_options_init(&config.options);
	config.options.log_level = LOG_WARN;
	CHECK(cluster_create(&config, &cluster));
	CHECK(cluster_run(cluster, 600 * NS_PER_S));
	assert_int_equal(story.acknowledged, 1);
	cluster_destroy(cluster);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_put_is_got),
		cmocka_unit_test(nothing_acknowledged_is_lost_when_the_engine_dies),
		cmocka_unit_test(a_wall_clock_set_back_by_a_day_neither_stops_the_store_nor_turns_epochs_back),
		cmocka_unit_test(a_late_copy_of_a_refused_request_changes_nothing),
		cmocka_unit_test(a_late_copy_of_an_applied_request_gets_its_answer_from_a_full_pool_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
