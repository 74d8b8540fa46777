/* SPDX-License-Identifier: Apache-2.0 */
/* umem on simulated disks while nothing dies: durability, checkpoints, absent segments, full logs and heaps, errors. */
#include "model.h"
#include "stage.h"
#include "pure/csum/csum.h"

static void
in_stage(void (*play)(struct stage *stage), uint64_t seed, uint64_t heap_size, uint64_t wal_size, uint64_t budget)
{
	struct stage stage;

	stage_open(&stage, seed, NULL);
	stage.heap_size = heap_size;
	stage.wal_size = wal_size;
	stage.budget = budget;
	assert_true(stage_play(&stage, play, NULL));
	stage_close(&stage);
}

/* ---- the model -------------------------------------------------------------------------------------------------------- */

static void
play_model(struct stage *stage)
{
	uint64_t seed = sim_seed(stage->sim), lsn = 0;
	struct model *model = model_new(seed, 300, stage->wal_size / 20);

	assert_int_equal(stage_up(stage, true), 0);
	for (uint32_t life = 0; life < 5; life++) {
		for (uint32_t i = 0; i < 400; i++) {
			uint64_t mine = model_step(model, stage->heap, 0);

			lsn = MAX(lsn, mine);
			if (rand_below(&model->rand, 40) == 0)
				assert_int_equal(umem_wait(stage->heap, lsn), 0);
			if (rand_below(&model->rand, 100) == 0)
				assert_int_equal(umem_checkpoint(stage->heap), 0);
		}
		assert_int_equal(umem_lsn_last(stage->heap), lsn);
		assert_int_equal(model_compare(model, stage->heap, lsn), 0);
		assert_int_equal(umem_check(stage->heap), 0);
		stage_down(stage);
		assert_int_equal(stage_up(stage, false), 0);
		assert_int_equal(umem_lsn_last(stage->heap), lsn);
		assert_int_equal(umem_lsn_durable(stage->heap), lsn);
		assert_int_equal(model_compare(model, stage->heap, lsn), 0);
		assert_int_equal(umem_check(stage->heap), 0);
	}
	assert_true(model->committed > 300);
	stage_down(stage);
	model_free(model);
}

static void
the_heap_follows_a_model_through_restarts(void **state)
{
	for (uint64_t seed = 1; seed <= 4; seed++)
		in_stage(play_model, seed, 8 * MIB, seed % 2 == 0 ? UMEM_WAL_MIN : 4 * MIB, 0);
}

static void
a_heap_larger_than_its_memory_follows_the_model(void **state)
{
	for (uint64_t seed = 10; seed <= 13; seed++)
		in_stage(play_model, seed, 8 * MIB, 4 * MIB, (seed % 2 == 0 ? 4 : 12) * UMEM_SEGMENT);
}

/* ---- durability ---------------------------------------------------------------------------------------------------------- */

struct order {
	uint64_t ran[8];
	uint32_t nr;
	struct umem *heap;
};

static void
on_durable(void *arg)
{
	struct order *order = arg;

	order->ran[order->nr++] = umem_lsn_durable(order->heap);
}

static int
add_one(struct umem *heap, void *arg)
{
	uint64_t *word = umem_touch(heap, umem_root(heap), 8);

	*word += 1;
	return arg == NULL ? 0 : umem_defer(heap, true, on_durable, arg);
}

static void
play_durability(struct stage *stage)
{
	struct order order = {0};
	uint64_t lsn = 0;

	assert_int_equal(stage_up(stage, true), 0);
	order.heap = stage->heap;
	for (uint64_t i = 1; i <= 3; i++) {
		assert_int_equal(umem_write(stage->heap, 0, add_one, &order, &lsn), 0);
		assert_int_equal(lsn, i);
	}
	/* Visible, not durable, and nothing ran that waits for it. */
	assert_int_equal(umem_lsn_last(stage->heap), 3);
	assert_int_equal(umem_lsn_durable(stage->heap), 0);
	assert_int_equal(order.nr, 0);
	assert_int_equal(umem_wait(stage->heap, 4), -DER_INVAL);
	assert_int_equal(umem_wait(stage->heap, 2), 0);
	/* One write carried all three. */
	assert_int_equal(umem_lsn_durable(stage->heap), 3);
	assert_int_equal(order.nr, 3);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(order.ran[i], 3);
	stage_down(stage);
}

static void
an_lsn_is_durable_when_its_write_is_and_deferred_work_runs_then(void **state)
{
	in_stage(play_durability, 1, 8 * MIB, UMEM_WAL_MIN, 0);
}

struct crowd {
	struct stage *stage;
	uint32_t left;
};

static void
commit_ten(void *arg)
{
	struct crowd *crowd = arg;
	uint64_t lsn;

	for (uint32_t i = 0; i < 10; i++) {
		assert_int_equal(umem_write(crowd->stage->heap, 0, add_one, NULL, &lsn), 0);
		assert_int_equal(umem_wait(crowd->stage->heap, lsn), 0);
	}
	crowd->left--;
}

static void
play_crowd(struct stage *stage)
{
	struct crowd crowd = { .stage = stage, .left = 64 };
	struct sim_disk_stats before, after;

	assert_int_equal(stage_up(stage, true), 0);
	sim_disk_stats(sim_disk(stage->sim, 0, STAGE_WAL), &before);
	for (uint32_t i = 0; i < 64; i++)
		assert_int_equal(ult_spawn(stage->xs, ULT_IO, "committer", commit_ten, &crowd, NULL), 0);
	while (crowd.left != 0)
		ult_sleep(NS_PER_MS);
	sim_disk_stats(sim_disk(stage->sim, 0, STAGE_WAL), &after);
	assert_true(after.writes - before.writes >= 10 && after.writes - before.writes <= 60);
	stage_down(stage);
}

static void
committers_of_a_turn_share_a_write(void **state)
{
	in_stage(play_crowd, 2, 8 * MIB, UMEM_WAL_MIN, 0);
}

/* ---- limits ---------------------------------------------------------------------------------------------------------------- */

struct bulk {
	umem_off_t *offs;
	uint32_t nr, max;
	size_t size;
};

static int
bulk_add(struct umem *heap, void *arg)
{
	struct bulk *bulk = arg;
	umem_off_t off = umem_alloc(heap, bulk->size);

	if (off == UMEM_NULL)
		return -DER_NOSPACE;
	memset(umem_at(heap, off), 1, MIN(bulk->size, (size_t)6000));
	bulk->offs[bulk->nr] = off;
	return 0;
}

static int
bulk_drop(struct umem *heap, void *arg)
{
	struct bulk *bulk = arg;

	umem_free(heap, bulk->offs[bulk->nr - 1]);
	return 0;
}

static void
play_full(struct stage *stage)
{
	struct bulk bulk = { .offs = calloc(10001, 8), .max = 10000 };
	struct umem_space space;
	uint32_t full = 0;
	int rc = 0;

	assert_int_equal(stage_up(stage, true), 0);
	for (uint32_t round = 0; round < 6; round++) {
		bulk.size = (size_t[]){ 700, 5000, 70000, 100, 16000, 3000 }[round];
		while (bulk.nr < bulk.max && (rc = umem_write(stage->heap, 0, bulk_add, &bulk, NULL)) == 0)
			bulk.nr++;
		full += rc == -DER_NOSPACE;
		assert_true(rc == 0 || rc == -DER_NOSPACE);
		assert_int_equal(umem_check(stage->heap), 0);
		/* Freeing and the reserve work in a full heap. */
		bulk.size = 2000;
		assert_int_equal(umem_write(stage->heap, UMEM_RESERVE, bulk_add, &bulk, NULL), 0);
		bulk.nr++;
		for (; bulk.nr > 0; bulk.nr--)
			assert_int_equal(umem_write(stage->heap, UMEM_RESERVE, bulk_drop, &bulk, NULL), 0);
		umem_space(stage->heap, &space);
		assert_int_equal(space.used, 0);
	}
	assert_true(full >= 4);
	stage_down(stage);
	free(bulk.offs);
}

static void
a_full_heap_says_so_and_every_class_finds_the_space_that_comes_free(void **state)
{
	in_stage(play_full, 3, 4 * MIB, UMEM_WAL_MIN, 0);
	in_stage(play_full, 4, 4 * MIB, MIB, 5 * UMEM_SEGMENT);
}

static void
play_large(struct stage *stage)
{
	struct bulk bulk = { .offs = calloc(10, 8), .size = UMEM_ALLOC_MAX };
	uint64_t lsn;

	assert_int_equal(stage_up(stage, true), 0);
	assert_int_equal(umem_write(stage->heap, 0, bulk_add, &bulk, &lsn), 0);
	bulk.nr++;
	bulk.size++;
	assert_int_equal(umem_write(stage->heap, 0, bulk_add, &bulk, &lsn), -DER_NOSPACE);
	assert_int_equal(umem_checkpoint(stage->heap), 0);
	stage_down(stage);
	assert_int_equal(stage_up(stage, false), 0);
	assert_int_equal(umem_check(stage->heap), 0);
	assert_int_equal(umem_write(stage->heap, 0, bulk_drop, &bulk, &lsn), 0);
	stage_down(stage);
	free(bulk.offs);
}

static void
the_largest_allocation_needs_little_log_while_it_is_zero(void **state)
{
	in_stage(play_large, 5, 80 * MIB, UMEM_WAL_MIN, 0);
}

static int
touch_much(struct umem *heap, void *arg)
{
	for (uint32_t i = 0; i < 100; i++) {
		umem_off_t off = umem_alloc(heap, 4000);

		if (off == UMEM_NULL)
			return -DER_NOSPACE;
		memset(umem_at(heap, off), (int)i + 1, 4000);
	}
	return 0;
}

static void
play_overflow(struct stage *stage)
{
	struct umem_space before, after;

	assert_int_equal(stage_up(stage, true), 0);
	umem_space(stage->heap, &before);
	assert_int_equal(umem_write(stage->heap, 0, touch_much, NULL, NULL), -DER_OVERFLOW);
	umem_space(stage->heap, &after);
	assert_memory_equal(&before, &after, sizeof(before));
	stage_down(stage);
}

static void
a_transaction_too_large_for_the_log_is_undone(void **state)
{
	in_stage(play_overflow, 6, 8 * MIB, UMEM_WAL_MIN, 0);
}

static void
play_pressure(struct stage *stage)
{
	struct bulk bulk = { .offs = calloc(4000, 8), .size = 6000 };
	struct umem_space space;
	uint64_t most = 0;

	stage->checkpoint_ns = 3600 * NS_PER_S;
	assert_int_equal(stage_up(stage, true), 0);
	for (uint32_t i = 0; i < 3000; i++) {
		if (i % 2 == 0) {
			assert_int_equal(umem_write(stage->heap, 0, bulk_add, &bulk, NULL), 0);
			bulk.nr++;
		} else {
			assert_int_equal(umem_write(stage->heap, 0, bulk_drop, &bulk, NULL), 0);
			bulk.nr--;
		}
		umem_space(stage->heap, &space);
		most = MAX(most, space.wal_used);
	}
	assert_true(most <= space.wal_total);
	assert_true(space.checkpoints > 3);
	stage_down(stage);
	free(bulk.offs);
}

static void
writers_outrun_the_log_only_until_the_checkpoint_frees_it(void **state)
{
	in_stage(play_pressure, 7, 8 * MIB, UMEM_WAL_MIN, 0);
}

/* ---- memory, time ------------------------------------------------------------------------------------------------------------- */

static void
play_budget(struct stage *stage)
{
	struct bulk bulk = { .offs = calloc(2000, 8), .size = 8000 };
	struct umem_space space;
	uint64_t most = 0;

	assert_int_equal(stage_up(stage, true), 0);
	for (; bulk.nr < 1000; bulk.nr++) {
		assert_int_equal(umem_write(stage->heap, 0, bulk_add, &bulk, NULL), 0);
		umem_space(stage->heap, &space);
		most = MAX(most, space.resident);
	}
	assert_true(space.used >= 1000 * 8000);
	assert_true(most <= stage->budget + stage->budget / 4 + 4 * UMEM_SEGMENT);
	stage_down(stage);
	free(bulk.offs);
}

static void
resident_segments_stay_near_the_budget(void **state)
{
	in_stage(play_budget, 8, 16 * MIB, 4 * MIB, 16 * UMEM_SEGMENT);
}

static void
play_quiet(struct stage *stage)
{
	struct umem_space space;
	struct xs_stats before, after;

	stage->checkpoint_ns = NS_PER_S;
	assert_int_equal(stage_up(stage, true), 0);
	assert_int_equal(umem_write(stage->heap, 0, add_one, NULL, NULL), 0);
	ult_sleep(3 * NS_PER_S);
	umem_space(stage->heap, &space);
	assert_int_equal(space.checkpoints, 1);
	assert_int_equal(space.wal_used, 0);
	xs_stats(stage->xs, &before);
	ult_sleep(1000 * NS_PER_S);
	xs_stats(stage->xs, &after);
	assert_true(after.switches - before.switches < 5);
	stage_down(stage);
}

static void
a_heap_is_checkpointed_in_time_and_then_sleeps(void **state)
{
	in_stage(play_quiet, 9, 8 * MIB, UMEM_WAL_MIN, 0);
}

/* ---- what is no heap of ours ------------------------------------------------------------------------------------------------------ */

static void
play_strangers(struct stage *stage)
{
	struct sim_disk *meta;
	uint8_t *block = malloc(8192), *saved = malloc(8192);

	assert_int_equal(stage_blobs(stage, true), 0);
	assert_int_equal(umem_open(&stage->config, &stage->heap), -DER_DF_INVAL);
	stage->config.heap_size *= 3;
	assert_int_equal(umem_format(&stage->config), -DER_NOSPACE);
	stage->config.heap_size = UMEM_SEGMENT;
	assert_int_equal(umem_format(&stage->config), -DER_INVAL);
	stage->config.heap_size = stage->heap_size;
	assert_int_equal(umem_format(&stage->config), 0);
	stage->config.uuid[3] = 77;
	assert_int_equal(umem_open(&stage->config, &stage->heap), -DER_DF_INVAL);
	stage->config.uuid[3] = 0;
	assert_int_equal(umem_open(&stage->config, &stage->heap), 0);
	umem_close(stage->heap);
	meta = sim_disk(stage->sim, 0, STAGE_META);
	sim_disk_peek(meta, 4096, saved, 8192, false);
	for (uint32_t i = 0; i < 2; i++) {
		uint32_t crc = 0;

		/* A later version that is whole is refused; a damaged superblock is passed over for the other. */
		memcpy(block, saved, 8192);
		block[i * 4096 + 8] = 9;
		memcpy(block + i * 4096 + 132, &crc, 4);
		crc = csum_crc32c(0, block + i * 4096, 4096);
		memcpy(block + i * 4096 + 132, &crc, 4);
		sim_disk_poke(meta, 4096, block, 8192);
		assert_int_equal(umem_open(&stage->config, &stage->heap), -DER_DF_INCOMPT);
		block[i * 4096 + 8] = 8;
		sim_disk_poke(meta, 4096, block, 8192);
		assert_int_equal(umem_open(&stage->config, &stage->heap), 0);
		umem_close(stage->heap);
		sim_disk_peek(meta, 4096, saved, 8192, false);
	}
	memset(block, 0, 8192);
	sim_disk_poke(meta, 4096, block, 8192);
	assert_int_equal(umem_open(&stage->config, &stage->heap), -DER_DF_INVAL);
	stage->heap = NULL;
	stage_down(stage);
	free(block);
	free(saved);
}

static void
what_is_no_heap_of_ours_is_refused(void **state)
{
	in_stage(play_strangers, 10, 8 * MIB, UMEM_WAL_MIN, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_heap_follows_a_model_through_restarts),
		cmocka_unit_test(a_heap_larger_than_its_memory_follows_the_model),
		cmocka_unit_test(an_lsn_is_durable_when_its_write_is_and_deferred_work_runs_then),
		cmocka_unit_test(committers_of_a_turn_share_a_write),
		cmocka_unit_test(a_full_heap_says_so_and_every_class_finds_the_space_that_comes_free),
		cmocka_unit_test(the_largest_allocation_needs_little_log_while_it_is_zero),
		cmocka_unit_test(a_transaction_too_large_for_the_log_is_undone),
		cmocka_unit_test(writers_outrun_the_log_only_until_the_checkpoint_frees_it),
		cmocka_unit_test(resident_segments_stay_near_the_budget),
		cmocka_unit_test(a_heap_is_checkpointed_in_time_and_then_sleeps),
		cmocka_unit_test(what_is_no_heap_of_ours_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
