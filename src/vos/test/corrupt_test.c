/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records with wrong bytes, as if somebody had written a pool by hand and fitted the checksums: every call answers with
 * an error or with something, and none crashes, hangs or leaves its allocation.
 */
#include "damage.h"

static void
play_damage(struct stage *stage)
{
	struct drive *drive = stage->arg;
	static struct damage damage;

	assert_int_equal(stage_up(stage, true), 0);
	for (int i = 0; i < 250; i++) {
		d_write(drive);
		if (i % 8 == 0)
			d_decide(drive);
	}
	damage.drive = drive;
	for (int i = 0; i < 1500; i++) {
		assert_int_equal(umem_read(stage->cont->pool->heap, note_all, &damage), 0);
		spoil(&damage);
		read_all(drive);
		try_writes(drive);
		repair(&damage);
	}
	assert_int_equal(vos_pool_check(stage->pool), 0);
	stage_down(stage);
}

static uint64_t
seeds_wanted(uint64_t usual)
{
	const char *text = getenv("SEEDS");

	return text != NULL ? strtoull(text, NULL, 0) : usual;
}

static void
a_record_with_wrong_bytes_does_no_harm(void **state)
{
	for (uint64_t seed = 1; seed <= seeds_wanted(2); seed++) {
		struct drive *drive = malloc(sizeof(*drive));
		struct sim_options options;
		struct stage stage;

		sim_options_init(&options);
		stage_open(&stage, seed, &options);
		sim_options(stage.sim)->log_level = 7;
		stage.ram = true;
		d_init(drive, &stage, seed);
		assert_true(stage_play(&stage, play_damage, drive));
		model_fini(&drive->model);
		stage_close(&stage);
		free(drive);
	}
}

/* The damage is there for good, and writes and deletes go on over it. */
static void
play_write_over(struct stage *stage)
{
	struct drive *drive = stage->arg;
	static struct damage damage;
	uuid_t uuid = STAGE_CONT;
	bool more = true;
	uint64_t lsn;

	assert_int_equal(stage_up(stage, true), 0);
	for (int i = 0; i < 150; i++)
		d_write(drive);
	damage.drive = drive;
	assert_int_equal(umem_read(stage->cont->pool->heap, note_all, &damage), 0);
	for (int i = 0; i < 3; i++)
		spoil(&damage);
	for (int i = 0; i < 60; i++) {
		struct vos_apply apply = {.cont = stage->cont, .epoch = drive->clock += 10, .mode = VOS_COMMIT};
		struct vos_op *begun;
		struct d_op op;

		d_random_op(drive, &op);
		if (d_begin(drive, &op, &begun) == 0)
			(void)vos_apply(&apply, &begun, 1);
	}
	read_all(drive);
	vos_cont_close(stage->cont);
	stage->cont = NULL;
	if (vos_cont_destroy(stage->pool, uuid, &lsn) == 0)
		for (int i = 0; i < 1000 && more && vos_gc_run(stage->vx, 100, &more) == 0; i++)
			;
	stage_down(stage);
}

static void
writes_deletes_and_garbage_collection_go_on_over_wrong_bytes(void **state)
{
	for (uint64_t seed = 1; seed <= seeds_wanted(150); seed++) {
		struct drive *drive = malloc(sizeof(*drive));
		struct stage stage;

		stage_open(&stage, seed, NULL);
		sim_options(stage.sim)->log_level = 7;
		stage.ram = true;
		d_init(drive, &stage, seed);
		assert_true(stage_play(&stage, play_write_over, drive));
		model_fini(&drive->model);
		stage_close(&stage);
		free(drive);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_record_with_wrong_bytes_does_no_harm),
		cmocka_unit_test(writes_deletes_and_garbage_collection_go_on_over_wrong_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
