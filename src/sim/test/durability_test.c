/* SPDX-License-Identifier: Apache-2.0 */
/* A few seeds of the durability story; tools/test.sh runs more of them with the program sim. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "sim/durability.h"

static void
acknowledged_writes_survive_crashes_in_a_calm_world(void **state)
{
	struct durability_options options = {.calm = true};
	struct durability_sums sums = {0};

	for (uint64_t seed = 1; seed <= 4; seed++)
		durability_run(seed, &options, &sums, NULL);
	assert_true(sums.acknowledged >= 4 * 200);
	assert_true(sums.crashes == 12);
}

static void
the_same_seed_gives_the_same_run(void **state)
{
	struct durability_options options = {0};
	struct durability_sums sums = {0};
	uint64_t first, again;

	durability_run(7, &options, &sums, &first);
	durability_run(7, &options, &sums, &again);
	assert_int_equal(first, again);
}

/* Kept with what they found; later changes of what is drawn may make them harmless. */
static void
seeds_that_found_bugs_pass(void **state)
{
	static const uint64_t seeds[] = {
		22,   /* memory refused while an engine began to listen */
		2848, /* a container opened again after its reply was lost: the second reply had no properties, so no checksums */
		1933, /* a transaction sent again while its commit lacked memory at one member: undone there, done elsewhere */
	};
	struct durability_options options = {0};
	struct durability_sums sums = {0};

	for (size_t i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++)
		durability_run(seeds[i], &options, &sums, NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(acknowledged_writes_survive_crashes_in_a_calm_world),
		cmocka_unit_test(the_same_seed_gives_the_same_run),
		cmocka_unit_test(seeds_that_found_bugs_pass),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
