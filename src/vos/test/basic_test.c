/* SPDX-License-Identifier: Apache-2.0 */
/* What vos promises, one sentence a test. */
#include "stage.h"

static const daos_obj_id_t hashed = {.hi = 0, .lo = 7};

static void
play_single(struct stage *stage)
{
	assert_int_equal(stage_up(stage, true), 0);
	assert_text(stage, hashed, "d", "a", 100, "-");
	assert_int_equal(put_single(stage, hashed, "d", "a", 10, "one", 3), 0);
	assert_text(stage, hashed, "d", "a", 9, "-");
	assert_text(stage, hashed, "d", "a", 10, "one");
	assert_int_equal(put_single(stage, hashed, "d", "a", 20, "three", 5), 0);
	assert_int_equal(put_single(stage, hashed, "d", "a", 15, "2", 1), 0);
	assert_int_equal(put_single(stage, hashed, "d", "b", 12, "bee", 3), 0);
	assert_text(stage, hashed, "d", "a", 14, "one");
	assert_text(stage, hashed, "d", "a", 19, "2");
	assert_text(stage, hashed, "d", "a", DAOS_EPOCH_MAX, "three");
	assert_text(stage, hashed, "d", "b", 11, "-");
	assert_text(stage, hashed, "d", "b", 12, "bee");
	assert_int_equal(put_single(stage, hashed, "d", "a", 25, "", 0), 0);
	assert_text(stage, hashed, "d", "a", 24, "three");
	assert_text(stage, hashed, "d", "a", 25, "-");
	assert_int_equal(vos_pool_check(stage->pool), 0);
	stage_down(stage);
}

static void
a_single_value_is_read_as_of_any_epoch(void **state)
{
	stage_run(play_single, true);
}

static void
play_array(struct stage *stage)
{
	assert_int_equal(stage_up(stage, true), 0);
	assert_int_equal(put_array(stage, hashed, "d", "a", 10, 2, 6, "aaaaaa"), 0);
	assert_records(stage, hashed, "d", "a", 10, 0, 10, "..aaaaaa..");
	assert_int_equal(put_array(stage, hashed, "d", "a", 20, 4, 2, "bb"), 0);
	assert_int_equal(put_array(stage, hashed, "d", "a", 30, 7, 5, "ccccc"), 0);
	assert_int_equal(put_array(stage, hashed, "d", "a", 40, 0, 5, NULL), 0);
	assert_records(stage, hashed, "d", "a", 10, 0, 14, "..aaaaaa......");
	assert_records(stage, hashed, "d", "a", 20, 0, 14, "..aabbaa......");
	assert_records(stage, hashed, "d", "a", 35, 0, 14, "..aabbaccccc..");
	assert_records(stage, hashed, "d", "a", 40, 0, 14, ".....baccccc..");
	assert_records(stage, hashed, "d", "a", 40, 5, 3, "bac");
	assert_int_equal(vos_pool_check(stage->pool), 0);
	stage_down(stage);
}

static void
newer_extents_cover_older_ones_and_holes_cut_through_both(void **state)
{
	stage_run(play_array, true);
}

static void
play_punch(struct stage *stage)
{
	assert_int_equal(stage_up(stage, true), 0);
	assert_int_equal(put_single(stage, hashed, "d", "a", 10, "1", 1), 0);
	assert_int_equal(put_single(stage, hashed, "d", "b", 11, "2", 1), 0);
	assert_int_equal(put_single(stage, hashed, "e", "a", 12, "3", 1), 0);
	assert_int_equal(punch_at(stage, hashed, "d", "a", 20, 0), 0);
	assert_text(stage, hashed, "d", "a", 19, "1");
	assert_text(stage, hashed, "d", "a", 20, "-");
	assert_text(stage, hashed, "d", "b", 20, "2");
	assert_int_equal(punch_at(stage, hashed, "d", NULL, 30, 0), 0);
	assert_text(stage, hashed, "d", "b", 30, "-");
	assert_text(stage, hashed, "e", "a", 30, "3");
	assert_int_equal(punch_at(stage, hashed, NULL, NULL, 40, 0), 0);
	assert_text(stage, hashed, "e", "a", 40, "-");
	assert_text(stage, hashed, "e", "a", 39, "3");
	assert_int_equal(put_single(stage, hashed, "e", "a", 50, "4", 1), 0);
	assert_text(stage, hashed, "e", "a", 50, "4");
	assert_text(stage, hashed, "d", "b", 50, "-");
	assert_int_equal(punch_at(stage, hashed, "x", NULL, 60, DAOS_COND_PUNCH), -DER_NONEXIST);
	assert_int_equal(punch_at(stage, hashed, "e", NULL, 60, DAOS_COND_PUNCH), 0);
	assert_int_equal(vos_pool_check(stage->pool), 0);
	stage_down(stage);
}

static void
a_punch_hides_what_is_older_and_nothing_else(void **state)
{
	stage_run(play_punch, true);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_single_value_is_read_as_of_any_epoch),
		cmocka_unit_test(newer_extents_cover_older_ones_and_holes_cut_through_both),
		cmocka_unit_test(a_punch_hides_what_is_older_and_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
