/* SPDX-License-Identifier: Apache-2.0 */
/* Random operations against an executable model, answer by answer. */
#include "drive.h"

static void
play_model(struct stage *stage)
{
	struct drive *drive = stage->arg;
	struct m_view view;

	assert_int_equal(stage_up(stage, true), 0);
	for (int i = 0; i < (drive->fat ? 2500 : 1500); i++) {
		d_step(drive);
		if (i % 500 == 499)
			assert_int_equal(vos_pool_check(stage->pool), 0);
	}
	view = d_view(drive);
	d_compare_all(drive, &view, DAOS_EPOCH_MAX);
	d_compare_all(drive, &view, drive->clock - 300);
	for (uint32_t i = 0; i < READS_MAX; i++)
		d_read_again(drive);
	stage_down(stage);
}

enum where { MEMORY, DISK, SMALL_MEMORY };

static void
run_model(uint64_t seed, enum where where)
{
	struct drive *drive = malloc(sizeof(*drive));
	struct stage stage;

	stage_open(&stage, seed, NULL);
	stage.ram = where == MEMORY;
	stage.heap_budget = where == SMALL_MEMORY ? 1 : 0;
	d_init(drive, &stage, seed);
	drive->big = true;
	drive->fat = where == SMALL_MEMORY;
	assert_true(stage_play(&stage, play_model, drive));
	if (getenv("STAGE_LOG") != NULL)
		printf("seed %lu: %u applied, %u refused, %u restarted, %u in progress, %u compared\n", seed,
		       drive->applied, drive->refused, drive->restarted, drive->in_progress, drive->compared);
	assert_true(drive->applied > 200 && drive->compared > 200);
	model_fini(&drive->model);
	stage_close(&stage);
	free(drive);
}

static void
random_operations_in_memory_answer_as_the_model(void **state)
{
	uint64_t from = getenv("SEED") != NULL ? strtoull(getenv("SEED"), NULL, 0) : 1,
		 nr = getenv("SEEDS") != NULL ? strtoull(getenv("SEEDS"), NULL, 0) : 6;

	for (uint64_t seed = from; seed < from + nr; seed++)
		run_model(seed, MEMORY);
}

static void
random_operations_on_disk_answer_as_the_model(void **state)
{
	uint64_t from = getenv("SEED") != NULL ? strtoull(getenv("SEED"), NULL, 0) : 1,
		 nr = getenv("SEEDS") != NULL ? strtoull(getenv("SEEDS"), NULL, 0) : 3;

	for (uint64_t seed = from; seed < from + nr; seed++)
		run_model(seed, DISK);
}

static void
with_less_memory_than_metadata_the_answers_are_the_same(void **state)
{
	uint64_t from = getenv("SEED") != NULL ? strtoull(getenv("SEED"), NULL, 0) : 1,
		 nr = getenv("SEEDS") != NULL ? strtoull(getenv("SEEDS"), NULL, 0) : 1;

	for (uint64_t seed = from; seed < from + nr; seed++)
		run_model(seed, SMALL_MEMORY);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_operations_in_memory_answer_as_the_model),
		cmocka_unit_test(random_operations_on_disk_answer_as_the_model),
		cmocka_unit_test(with_less_memory_than_metadata_the_answers_are_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
