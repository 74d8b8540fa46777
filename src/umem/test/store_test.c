/* SPDX-License-Identifier: Apache-2.0 */
/* umem on simulated disks while nothing dies: durability, checkpoints, absent segments, full logs and heaps, errors. */
#include "model.h"
#include "stage.h"

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_heap_follows_a_model_through_restarts),
		cmocka_unit_test(a_heap_larger_than_its_memory_follows_the_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
