/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vos and loss of power. A workload of random operations runs while everything that reaches the disks is recorded; then
 * the record is cut short at many places, what was not durable is kept, lost or torn by turns, and a new life opens
 * what is left. It must find the model's state after a prefix of the steps (P3) that has every step that was waited
 * for, and every step whose effect a reader was shown after it had waited (P1, P2).
 *
 * CRASH_TEST_IMAGES: how many images each workload tries at most.
 */
#include "crash.h"

static uint64_t
images_wanted(uint64_t usual)
{
	const char *text = getenv("CRASH_TEST_IMAGES");

	return text != NULL ? strtoull(text, NULL, 10) : usual;
}

/* Cuts at every step-th entry, each time with the next policy. */
static void
check_prefixes(struct workload *load, uint64_t wanted)
{
	struct sim_record *rec = record(load);
	struct image image = {.load = load};
	size_t nr = sim_record_nr(rec), step = MAX((size_t)1, (size_t)(nr / wanted));
	uint32_t n = 0;

	for (size_t prefix = 1 + load->seed % step; prefix <= nr; prefix += step, n++) {
		image.go_on = n % 11 == 0;
		check_image(rec, prefix, (enum policy)(n % POLICY_NR), &image);
	}
	sim_record_free(rec);
	load_fini(load);
}

static void
every_cut_leaves_a_prefix_with_all_that_was_acknowledged(void **state)
{
	struct workload loads[] = {
		{.seed = 1, .steps = 150, .writers = 1, .big = true, .wal_size = 4 * MIB},
		{.seed = 2, .steps = 200, .writers = 1, .big = true, .wal_size = 2 * MIB},
		{.seed = 3, .steps = 150, .writers = 1, .big = false, .wal_size = 512 * KIB},
	};

	for (size_t i = 0; i < ARRAY_SIZE(loads); i++)
		check_prefixes(&loads[i], images_wanted(80));
}

static void
every_cut_among_several_writers_leaves_a_prefix_too(void **state)
{
	struct workload loads[] = {
		{.seed = 11, .steps = 160, .writers = 3, .wal_size = 4 * MIB},
		{.seed = 12, .steps = 160, .writers = 4, .wal_size = MIB},
	};

	for (size_t i = 0; i < ARRAY_SIZE(loads); i++)
		check_prefixes(&loads[i], images_wanted(80));
}

static void
a_short_workload_survives_a_cut_after_every_single_write(void **state)
{
	struct workload load = {.seed = 21, .steps = 25, .writers = 1, .big = true, .wal_size = 2 * MIB};

	check_prefixes(&load, images_wanted(1000000));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_cut_leaves_a_prefix_with_all_that_was_acknowledged),
		cmocka_unit_test(every_cut_among_several_writers_leaves_a_prefix_too),
		cmocka_unit_test(a_short_workload_survives_a_cut_after_every_single_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
