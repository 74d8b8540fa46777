/* SPDX-License-Identifier: Apache-2.0 */
/*
 * umem and blocks that can be read and are not durable (recover I3): a write or a flush failed, or the process died while it was
 * under way; the next process reads what it left, tells others, and then power is lost.
 */
#include "model.h"
#include "stage.h"

#define WRITERS 2
#define COVERED "umem: a checkpoint covers the end of the log"
#define ROUNDS "umem: a checkpoint needs more than one round"

static int
set_word(struct umem *heap, void *arg)
{
	*(uint64_t *)umem_touch(heap, umem_root(heap), 8) = *(uint64_t *)arg;
	return 0;
}

static int
get_word(struct umem *heap, void *arg)
{
	*(uint64_t *)arg = *(uint64_t *)umem_at(heap, umem_root(heap));
	return 0;
}

static uint64_t
word(struct stage *stage)
{
	uint64_t value = 0;

	assert_int_equal(umem_read(stage->heap, get_word, &value), 0);
	return value;
}

/* One transaction in a log write of its own. */
static int
put_word(struct stage *stage, uint64_t value)
{
	uint64_t lsn;
	int rc = umem_write(stage->heap, 0, set_word, &value, &lsn);

	return rc != 0 ? rc : umem_wait(stage->heap, lsn);
}

static uint64_t
checkpoints(struct stage *stage)
{
	struct umem_space space;

	umem_space(stage->heap, &space);
	return space.checkpoints;
}

static void
die(struct stage *stage, enum sim_crash how)
{
	sim_node_crash(stage->sim, 0, how);
	ult_sleep(NS_PER_S);
}

/* ---- a block of the log ---------------------------------------------------------------------------------------------------- */

static void
play_failed_write(struct stage *stage)
{
	assert_int_equal(stage_up(stage, true), 0);
	for (uint64_t value = 1; value <= 5; value++)
		assert_int_equal(put_word(stage, value), 0);
	sim_disk_fail(sim_disk(stage->sim, 0, STAGE_WAL), 1U << ENV_IO_WRITE, 1, false);
	assert_int_equal(put_word(stage, 6), -DER_IO);
	die(stage, SIM_KILL);
}

static void
play_told(struct stage *stage)
{
	uint64_t *found = stage->arg;

	assert_int_equal(stage_up(stage, false), 0);
	*found = word(stage);
	assert_true(*found == 5 || *found == 6);
	for (uint64_t value = 7; value <= 9; value++)
		assert_int_equal(put_word(stage, value), 0);
	die(stage, SIM_POWER);
}

static void
play_found(struct stage *stage)
{
	assert_int_equal(stage_up(stage, false), 0);
	assert_int_equal(word(stage), 9);
	assert_int_equal(umem_check(stage->heap), 0);
	stage_down(stage);
}

static void
a_block_whose_write_failed_is_not_missed_when_power_takes_it(void **state)
{
	uint32_t seen = 0;

	for (uint64_t seed = 1; seed <= 60; seed++) {
		struct stage stage;
		uint64_t found = 0;

		stage_open(&stage, seed, NULL);
		assert_false(stage_play(&stage, play_failed_write, NULL));
		stage_revive(&stage);
		assert_false(stage_play(&stage, play_told, &found));
		seen += found == 6;
		assert_true(found != 6 || sim_counter(stage.sim, "sometimes", COVERED) > 0);
		stage_revive(&stage);
		assert_true(stage_play(&stage, play_found, NULL));
		stage_close(&stage);
	}
	assert_in_range(seen, 5, 55);
}

/* ---- a superblock ------------------------------------------------------------------------------------------------------------ */

struct supers {
	uint64_t nth, durable;
};

/* Checkpoints reuse the slots of those before; the process dies while the last is written. */
static void
play_dies_in_checkpoint(struct stage *stage)
{
	struct supers *supers = stage->arg;

	assert_int_equal(stage_up(stage, true), 0);
	for (uint64_t value = 1; value <= 6; value++) {
		assert_int_equal(put_word(stage, value), 0);
		supers->durable = value;
		if (value == 6)
			sim_disk_crash_at(sim_disk(stage->sim, 0, STAGE_META), supers->nth, SIM_KILL);
		assert_int_equal(umem_checkpoint(stage->heap), 0);
	}
	die(stage, SIM_KILL);
}

static void
play_dies_in_recovery(struct stage *stage)
{
	assert_int_equal(stage_blobs(stage, false), 0);
	sim_disk_crash_at(sim_disk(stage->sim, 0, STAGE_META), 1, SIM_POWER);
	(void)umem_open(&stage->config, &stage->heap);
	die(stage, SIM_POWER);
}

static void
play_last_word(struct stage *stage)
{
	struct supers *supers = stage->arg;

	assert_int_equal(stage_up(stage, false), 0);
	assert_int_equal(word(stage), supers->durable);
	assert_int_equal(umem_check(stage->heap), 0);
	stage_down(stage);
}

static void
a_superblock_that_was_under_way_is_durable_before_the_other_is_overwritten(void **state)
{
	for (uint64_t seed = 1; seed <= 200; seed++) {
		struct supers supers = { .nth = 1 + seed % 8 };
		struct stage stage;

		stage_open(&stage, seed, NULL);
		assert_false(stage_play(&stage, play_dies_in_checkpoint, &supers));
		stage_revive(&stage);
		assert_false(stage_play(&stage, play_dies_in_recovery, NULL));
		stage_revive(&stage);
		assert_true(stage_play(&stage, play_last_word, &supers));
		stage_close(&stage);
	}
}

/* ---- when it costs nothing ------------------------------------------------------------------------------------------------- */

static void
play_clean(struct stage *stage)
{
	assert_int_equal(stage_up(stage, true), 0);
	assert_int_equal(put_word(stage, 1), 0);
	stage_down(stage);
	assert_int_equal(stage_up(stage, false), 0);
	assert_int_equal(checkpoints(stage), 0);
	assert_int_equal(put_word(stage, 2), 0);
	assert_int_equal(umem_checkpoint(stage->heap), 0);
	die(stage, SIM_KILL);
}

static void
play_after_a_checkpoint(struct stage *stage)
{
	assert_int_equal(stage_up(stage, false), 0);
	assert_int_equal(word(stage), 2);
	assert_int_equal(checkpoints(stage), 0);
	assert_int_equal(put_word(stage, 3), 0);
	die(stage, SIM_KILL);
}

static void
play_after_a_write(struct stage *stage)
{
	assert_int_equal(stage_up(stage, false), 0);
	assert_int_equal(word(stage), 3);
	assert_int_equal(checkpoints(stage), 1);
	stage_down(stage);
}

static void
only_an_end_of_the_log_that_is_not_proven_costs_a_checkpoint(void **state)
{
	struct stage stage;

	stage_open(&stage, 1, NULL);
	assert_false(stage_play(&stage, play_clean, NULL));
	stage_revive(&stage);
	assert_false(stage_play(&stage, play_after_a_checkpoint, NULL));
	stage_revive(&stage);
	assert_true(stage_play(&stage, play_after_a_write, NULL));
	stage_close(&stage);
}

/* ---- a full heap ------------------------------------------------------------------------------------------------------------- */

#define CHUNK (16 * KIB)

static int
take_chunk(struct umem *heap, void *arg)
{
	umem_off_t *off = arg;

	*off = umem_alloc(heap, CHUNK);
	if (*off == UMEM_NULL)
		return -DER_NOSPACE;
	memset(umem_at(heap, *off), 1, CHUNK);
	return 0;
}

struct scatter {
	umem_off_t *chunks;
	uint64_t nr, at, value;
};

/* A word in each of some pages. */
static int
touch_pages(struct umem *heap, void *arg)
{
	const struct scatter *scatter = arg;

	for (uint64_t i = 0; i < 8; i++) {
		umem_off_t off = scatter->chunks[(scatter->at + i / 4) % scatter->nr] + i % 4 * 4096 + 64;

		*(uint64_t *)umem_touch(heap, off, 8) = scatter->value;
	}
	return 0;
}

static void
play_full(struct stage *stage)
{
	struct scatter *scatter = stage->arg;
	uint64_t lsn = 0;

	assert_int_equal(stage_up(stage, true), 0);
	while (umem_write(stage->heap, 0, take_chunk, &scatter->chunks[scatter->nr], NULL) == 0)
		scatter->nr++;
	for (scatter->value = 1; scatter->value <= 300; scatter->value++) {
		assert_int_equal(umem_write(stage->heap, 0, touch_pages, scatter, &lsn), 0);
		scatter->at = (scatter->at + 2) % scatter->nr;
		if (scatter->value % 4 == 0)
			assert_int_equal(umem_wait(stage->heap, lsn), 0);
	}
	die(stage, SIM_KILL);
}

static void
play_recover_full(struct stage *stage)
{
	assert_int_equal(stage_up(stage, false), 0);
	assert_true(checkpoints(stage) > 1);
	assert_int_equal(umem_check(stage->heap), 0);
	stage_down(stage);
}

static void
recovery_of_a_full_heap_never_publishes_in_rounds(void **state)
{
	struct scatter scatter = { .chunks = calloc(4096, sizeof(umem_off_t)) };
	struct stage stage;
	uint64_t rounds;

	stage_open(&stage, 1, NULL);
	stage.heap_size = 16 * MIB;
	stage.wal_size = 2 * MIB;
	stage.wal_percent = 90;
	stage.checkpoint_ns = 3600 * NS_PER_S;
	assert_false(stage_play(&stage, play_full, &scatter));
	rounds = sim_counter(stage.sim, "sometimes", ROUNDS);
	stage_revive(&stage);
	assert_true(stage_play(&stage, play_recover_full, NULL));
	assert_true(sim_counter(stage.sim, "sometimes", "umem: replay needs more slots than it may take") > 0);
	assert_int_equal(sim_counter(stage.sim, "sometimes", ROUNDS), rounds);
	stage_close(&stage);
	free(scatter.chunks);
}

/* ---- lives with disks that fail ------------------------------------------------------------------------------------------------- */

struct lives {
	struct model *models[WRITERS];
	struct stage *stage;
	uint64_t durable, last;
	bool first;
	struct rand rand;
	uint32_t stopped;
};

static void
live_writer(void *arg)
{
	struct lives *lives = ((void **)arg)[0];
	struct model *model = ((void **)arg)[1];

	while (umem_failed(lives->stage->heap) == 0) {
		uint64_t lsn;
		int rc;

		model_plan(model, lives->last);
		model->abort = false;
		rc = umem_write(lives->stage->heap, 0, model_body, model, &lsn);
		if (rc == 0) {
			model_apply(model, lsn);
			lives->last = MAX(lives->last, lsn);
			if (rand_below(&model->rand, 3) == 0 && umem_wait(lives->stage->heap, lsn) == 0)
				lives->durable = MAX(lives->durable, lsn);
		}
		if (rand_below(&model->rand, 5) == 0)
			ult_yield();
	}
	lives->stopped++;
}

static void
play_life(struct stage *stage)
{
	static const uint32_t ops[] = { 1U << ENV_IO_WRITE, 1U << ENV_IO_FLUSH };
	struct lives *lives = stage->arg;
	static void *args[WRITERS][2]; /* must outlive the ULT of this play */
	uint64_t found;

	lives->stage = stage;
	assert_int_equal(stage_up(stage, lives->first), 0);
	lives->first = false;
	found = umem_lsn_last(stage->heap);
	assert_true(found >= lives->durable && found <= lives->last);
	for (uint32_t i = 0; i < WRITERS; i++) {
		model_cut(lives->models[i], found);
		assert_int_equal(model_compare(lives->models[i], stage->heap, found), 0);
	}
	assert_int_equal(umem_check(stage->heap), 0);
	lives->durable = lives->last = found;
	for (uint32_t i = 0; i < 2; i++)
		if (rand_below(&lives->rand, 3) != 0)
			sim_disk_fail(sim_disk(stage->sim, 0, i == 0 ? STAGE_WAL : STAGE_META), ops[rand_below(&lives->rand, 3) == 0],
				      1 + rand_below(&lives->rand, 20), false);
	for (uint32_t i = 0; i < WRITERS; i++) {
		args[i][0] = lives;
		args[i][1] = lives->models[i];
		assert_int_equal(ult_spawn(stage->xs, ULT_IO, "writer", live_writer, args[i], NULL), 0);
	}
	ult_sleep(rand_below(&lives->rand, 20) * NS_PER_MS);
	for (uint32_t i = 0; i < 2; i++)
		sim_disk_fail(sim_disk(stage->sim, 0, i == 0 ? STAGE_WAL : STAGE_META), 0, 0, false);
	die(stage, rand_below(&lives->rand, 2) == 0 ? SIM_KILL : SIM_POWER);
}

static void
lives_with_disks_that_fail_follow_each_other(void **state)
{
	uint64_t covered = 0;

	for (uint64_t seed = 1; seed <= 4; seed++) {
		struct lives lives = { .first = true };
		struct stage stage;

		stage_open(&stage, seed, NULL);
		stage.budget = seed == 4 ? 8 * UMEM_SEGMENT : 0;
		rand_init(&lives.rand, seed, 9);
		for (uint32_t i = 0; i < WRITERS; i++) {
			lives.models[i] = model_new(seed * 10 + i, 60, 4000);
			lives.models[i]->base = i * 60;
		}
		for (uint32_t life = 0; life < 60; life++) {
			assert_false(stage_play(&stage, play_life, &lives));
			stage_revive(&stage);
		}
		covered += sim_counter(stage.sim, "sometimes", COVERED);
		assert_true(lives.stopped > 10);
		sim_destroy(stage.sim);
		for (uint32_t i = 0; i < WRITERS; i++)
			model_free(lives.models[i]);
	}
	assert_true(covered > 20);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_block_whose_write_failed_is_not_missed_when_power_takes_it),
		cmocka_unit_test(a_superblock_that_was_under_way_is_durable_before_the_other_is_overwritten),
		cmocka_unit_test(only_an_end_of_the_log_that_is_not_proven_costs_a_checkpoint),
		cmocka_unit_test(recovery_of_a_full_heap_never_publishes_in_rounds),
		cmocka_unit_test(lives_with_disks_that_fail_follow_each_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
