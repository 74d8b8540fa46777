/* SPDX-License-Identifier: Apache-2.0 */
/* pure/map: making, states, goals, domains, bytes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/mem_test.h"
#include "base/rand.h"
#include "pure/map/map.h"

static struct mem_test test;

static int
setup(void **state)
{
	mem_test_init(&test);
	return 0;
}

static int
nothing_is_left(void **state)
{
	assert_int_equal(test.outstanding, 0);
	return 0;
}

static const struct pmap_member four[] = {
	{.rank = 0, .target_nr = 2, .path = "/r0/a"}, {.rank = 1, .target_nr = 2, .path = "/r0/a"},
	{.rank = 2, .target_nr = 2, .path = "/r0/b"}, {.rank = 7, .target_nr = 3, .path = "/r1/a"},
};
static const struct pmap_member two_more[] = {
	{.rank = 4, .target_nr = 2, .path = "/r1/a"}, {.rank = 5, .target_nr = 1, .path = "/r2/z"},
};

static struct pool_map *
four_ranks(void)
{
	struct pool_map *map;

	assert_int_equal(pmap_create(&test.mem, four, ARRAY_SIZE(four), &map), 0);
	return map;
}

static void
pack(const struct pool_map *map, void **bytes, size_t *len)
{
	struct packer packer;

	packer_init_grow(&packer, &test.mem);
	pmap_pack(&packer, map);
	assert_int_equal(packer_take(&packer, bytes, len), 0);
}

static bool
same(const struct pool_map *a, const struct pool_map *b)
{
	void *x, *y;
	size_t x_len, y_len;
	bool equal;

	pack(a, &x, &x_len);
	pack(b, &y, &y_len);
	equal = x_len == y_len && memcmp(x, y, x_len) == 0;
	mem_free(&test.mem, x);
	mem_free(&test.mem, y);
	return equal;
}

static void
a_new_map_is_all_in_service(void **state)
{
	struct pool_map *map = four_ranks();

	assert_int_equal(pmap_version(map), 1);
	assert_int_equal(pmap_goal(map), 0);
	assert_int_equal(pmap_rank_nr(map), 4);
	assert_int_equal(pmap_target_nr(map), 9);
	assert_int_equal(pmap_count(map, PMAP_BIT(PMAP_UP_IN)), 9);
	assert_int_equal(pmap_count(map, PMAP_ANY_STATE), 9);
	assert_int_equal(pmap_find(map, 7, 2), 8);
	assert_int_equal(pmap_target(map, 8)->rank, 7);
	assert_int_equal(pmap_target(map, 8)->index, 2);
	assert_int_equal(pmap_find(map, 7, 3), PMAP_NONE);
	assert_int_equal(pmap_find(map, 3, 0), PMAP_NONE);
	assert_int_equal(pmap_find_rank(map, 7), 3);
	assert_int_equal(pmap_rank(map, 3)->first, 6);
	assert_false(pmap_has_pending(map));
	pmap_free(map);
}

static void
domains_follow_the_paths(void **state)
{
	struct pool_map *map = four_ranks();
	const struct pmap_member bare = {.rank = 3, .target_nr = 1};

	assert_int_equal(pmap_level_nr(map), 3);
	assert_int_equal(pmap_domain_nr(map, PMAP_LEVEL_RANK), 4);
	assert_int_equal(pmap_domain_nr(map, PMAP_LEVEL_NODE), 3); /* /r0/a and /r1/a are two */
	assert_int_equal(pmap_domain_nr(map, 3), 2);
	assert_int_equal(pmap_domain_nr(map, 9), 2);
	assert_int_equal(pmap_domain_of(map, 3, PMAP_LEVEL_NODE), 0);
	assert_int_equal(pmap_domain_of(map, 8, PMAP_LEVEL_NODE), 2);
	assert_int_equal(pmap_domain_of(map, 8, 3), 1);
	assert_string_equal(pmap_domain_path(map, PMAP_LEVEL_NODE, 2), "/r1/a");
	assert_string_equal(pmap_domain_path(map, 3, 1), "/r1");
	assert_null(pmap_domain_path(map, PMAP_LEVEL_RANK, 1));
	pmap_free(map);
	assert_int_equal(pmap_create(&test.mem, &bare, 1, &map), 0);
	assert_int_equal(pmap_level_nr(map), 1);
	assert_int_equal(pmap_domain_nr(map, PMAP_LEVEL_NODE), 1);
	assert_int_equal(pmap_domain_of(map, 0, PMAP_LEVEL_NODE), 0);
	pmap_free(map);
}

static void
bad_members_are_refused(void **state)
{
	static const struct {
		struct pmap_member members[2];
		uint32_t nr;
	} bad[] = {
		{{{0}}, 0},
		{{{.rank = 1, .target_nr = 0}}, 1},
		{{{.rank = 1, .target_nr = 1}, {.rank = 1, .target_nr = 1}}, 2},
		{{{.rank = 1, .target_nr = 1, .path = "/a"}, {.rank = 2, .target_nr = 1}}, 2},
		{{{.rank = 1, .target_nr = 1, .path = "a"}}, 1},
		{{{.rank = 1, .target_nr = 1, .path = "/a/"}}, 1},
		{{{.rank = 1, .target_nr = 1, .path = "/"}}, 1},
		{{{.rank = 1, .target_nr = 1, .path = "/a//b"}}, 1},
		{{{.rank = 1, .target_nr = 1, .path = "/a b"}}, 1},
		{{{.rank = 1, .target_nr = 1, .path = "/1/2/3/4/5/6/7/8"}}, 1},
		{{{.rank = 1, .target_nr = 1U << 30}}, 1},
		{{{.rank = UINT32_MAX, .target_nr = 1}}, 1},
	};
	struct pool_map *map;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(pmap_create(&test.mem, bad[i].members, bad[i].nr, &map), -DER_INVAL);
}

/* The table of the states, written out: state before, change, state after, whether that counts as a change. */
static void
states_change_as_in_the_table(void **state)
{
	enum { EXC = PMAP_EXCLUDE, DRA = PMAP_DRAIN_OUT, REI = PMAP_REINTEGRATE, SET };
	static const struct {
		int steps[6]; /* ends with -1; SET settles */
		int expect;
		bool fresh;
	} cases[] = {
		{{-1}, PMAP_UP_IN, false},
		{{REI, -1}, PMAP_UP_IN, false},
		{{EXC, -1}, PMAP_DOWN, false},
		{{EXC, EXC, -1}, PMAP_DOWN, false},
		{{EXC, DRA, -1}, PMAP_DOWN, false},
		{{EXC, SET, -1}, PMAP_DOWN_OUT, false},
		{{EXC, SET, EXC, -1}, PMAP_DOWN_OUT, false},
		{{EXC, SET, DRA, -1}, PMAP_DOWN_OUT, false},
		{{EXC, SET, REI, -1}, PMAP_UP, false},
		{{EXC, SET, REI, REI, -1}, PMAP_UP, false},
		{{EXC, SET, REI, SET, -1}, PMAP_UP_IN, false},
		{{EXC, SET, REI, EXC, -1}, PMAP_DOWN_OUT, false},
		{{EXC, REI, -1}, PMAP_UP, true},
		{{EXC, REI, SET, -1}, PMAP_UP_IN, false},
		{{EXC, REI, EXC, -1}, PMAP_DOWN, false},
		{{EXC, REI, EXC, SET, -1}, PMAP_DOWN_OUT, false},
		{{DRA, -1}, PMAP_DRAIN, false},
		{{DRA, DRA, -1}, PMAP_DRAIN, false},
		{{DRA, REI, -1}, PMAP_UP_IN, false},
		{{DRA, EXC, -1}, PMAP_DOWN, false},
		{{DRA, SET, -1}, PMAP_DOWN_OUT, false},
		{{DRA, EXC, SET, -1}, PMAP_DOWN_OUT, false},
	};
	uint32_t changed;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct pool_map *map = four_ranks();

		for (int k = 0; cases[i].steps[k] >= 0; k++) {
			pmap_bump(map);
			if (cases[i].steps[k] == SET) {
				pmap_set_goal(map);
				pmap_settle(map);
			} else {
				assert_int_equal(pmap_change(map, cases[i].steps[k], 2, 1, &changed), 0);
			}
		}
		assert_int_equal(pmap_target(map, 5)->state, cases[i].expect);
		assert_int_equal(pmap_target(map, 5)->fresh, cases[i].fresh);
		assert_int_equal(pmap_count(map, PMAP_BIT(PMAP_UP_IN)), cases[i].expect == PMAP_UP_IN ? 9 : 8);
		pmap_free(map);
	}
}

static void
whole_ranks_change_at_once(void **state)
{
	struct pool_map *map = four_ranks();
	uint32_t changed = 99, ranks[4];

	pmap_bump(map);
	assert_int_equal(pmap_change(map, PMAP_EXCLUDE, 7, PMAP_ALL_TARGETS, &changed), 0);
	assert_int_equal(changed, 3);
	assert_int_equal(pmap_change(map, PMAP_EXCLUDE, 7, 0, &changed), 0);
	assert_int_equal(changed, 0);
	assert_int_equal(pmap_change(map, PMAP_EXCLUDE, 3, 0, &changed), -DER_NONEXIST);
	assert_int_equal(pmap_change(map, PMAP_EXCLUDE, 7, 3, &changed), -DER_NONEXIST);
	assert_int_equal(pmap_ranks(map, PMAP_BIT(PMAP_DOWN), ranks), 1);
	assert_int_equal(ranks[0], 7);
	assert_int_equal(pmap_ranks(map, PMAP_BIT(PMAP_UP_IN), ranks), 3);
	assert_int_equal(pmap_domains_in(map, PMAP_LEVEL_NODE, PMAP_BIT(PMAP_DOWN)), 1);
	assert_int_equal(pmap_change(map, PMAP_EXCLUDE, 0, 0, &changed), 0);
	assert_int_equal(pmap_change(map, PMAP_EXCLUDE, 1, 0, &changed), 0);
	assert_int_equal(pmap_domains_in(map, PMAP_LEVEL_RANK, PMAP_BIT(PMAP_DOWN)), 3);
	assert_int_equal(pmap_domains_in(map, PMAP_LEVEL_NODE, PMAP_BIT(PMAP_DOWN)), 2);
	assert_int_equal(pmap_domains_in(map, 3, PMAP_BIT(PMAP_DOWN)), 2);
	assert_int_equal(pmap_domains_in(map, 3, PMAP_BIT(PMAP_UP)), 0);
	/* What is still coming in cannot be drained. */
	pmap_bump(map);
	assert_int_equal(pmap_change(map, PMAP_REINTEGRATE, 7, 0, &changed), 0);
	assert_int_equal(pmap_change(map, PMAP_DRAIN_OUT, 7, PMAP_ALL_TARGETS, &changed), -DER_BUSY);
	assert_int_equal(pmap_count(map, PMAP_BIT(PMAP_DRAIN)), 0);
	pmap_free(map);
}

static void
only_what_the_goal_covers_is_settled(void **state)
{
	struct pool_map *map = four_ranks();
	uint32_t changed;

	pmap_bump(map);
	pmap_change(map, PMAP_EXCLUDE, 0, 0, &changed);
	pmap_set_goal(map);
	assert_int_equal(pmap_goal(map), 2);
	assert_true(pmap_is_moving(map));
	pmap_bump(map);
	pmap_change(map, PMAP_EXCLUDE, 0, 1, &changed);
	pmap_bump(map);
	assert_int_equal(pmap_settle(map), 1);
	assert_int_equal(pmap_target(map, 0)->state, PMAP_DOWN_OUT);
	assert_int_equal(pmap_target(map, 1)->state, PMAP_DOWN);
	assert_int_equal(pmap_goal(map), 0);
	assert_false(pmap_is_moving(map));
	assert_true(pmap_has_pending(map));
	assert_int_equal(pmap_settle(map), 0);
	pmap_set_goal(map);
	assert_true(pmap_is_moving(map));
	pmap_clear_goal(map);
	assert_false(pmap_is_moving(map));
	/* The order in which targets left survives what comes later. */
	assert_int_equal(pmap_target(map, 0)->failed, 2);
	assert_int_equal(pmap_target(map, 1)->failed, 3);
	pmap_bump(map);
	pmap_change(map, PMAP_REINTEGRATE, 0, 0, &changed);
	pmap_bump(map);
	pmap_change(map, PMAP_EXCLUDE, 0, 0, &changed);
	assert_int_equal(pmap_target(map, 0)->state, PMAP_DOWN_OUT);
	assert_int_equal(pmap_target(map, 0)->failed, 2);
	pmap_free(map);
}

static void
a_pool_is_extended_at_the_end(void **state)
{
	struct pool_map *map = four_ranks(), *before;
	const struct pmap_member there[] = {two_more[0], {.rank = 7, .target_nr = 1, .path = "/x/y"}};
	const struct pmap_member twice[] = {two_more[0], two_more[1], two_more[0]};
	const struct pmap_member shallow[] = {two_more[0], {.rank = 8, .target_nr = 1, .path = "/x"}};
	uint32_t changed;

	assert_int_equal(pmap_copy(&test.mem, map, &before), 0);
	assert_true(same(map, before));
	assert_int_equal(pmap_extend(map, there, 2), -DER_EXIST);
	assert_int_equal(pmap_extend(map, twice, 3), -DER_INVAL);
	assert_int_equal(pmap_extend(map, shallow, 2), -DER_INVAL);
	assert_true(same(map, before));
	assert_int_equal(pmap_find_rank(map, 4), PMAP_NONE);
	pmap_bump(map);
	assert_int_equal(pmap_extend(map, two_more, 2), 0);
	assert_int_equal(pmap_target_nr(map), 12);
	assert_int_equal(pmap_count(map, PMAP_BIT(PMAP_NEW)), 3);
	assert_int_equal(pmap_domain_nr(map, PMAP_LEVEL_NODE), 4);
	assert_int_equal(pmap_domain_of(map, 9, PMAP_LEVEL_NODE), 2);
	assert_int_equal(pmap_domain_of(map, 11, 3), 2);
	assert_int_equal(pmap_find(map, 7, 1), 7);
	/* One of them dies before it came in, and is asked back. */
	pmap_change(map, PMAP_EXCLUDE, 5, 0, &changed);
	assert_int_equal(pmap_target(map, 11)->state, PMAP_DOWN_OUT);
	assert_int_equal(pmap_target(map, 11)->in, 0);
	pmap_change(map, PMAP_REINTEGRATE, 5, 0, &changed);
	assert_int_equal(pmap_target(map, 11)->state, PMAP_NEW);
	pmap_set_goal(map);
	pmap_bump(map);
	assert_int_equal(pmap_settle(map), 3);
	assert_int_equal(pmap_count(map, PMAP_BIT(PMAP_UP_IN)), 12);
	assert_int_equal(pmap_target(map, 11)->in, 3);
	pmap_free(map);
	pmap_free(before);
}

static void
random_lives_keep_the_invariants_and_their_bytes(void **state)
{
	struct rand rand;

	rand_init(&rand, 1, 0);
	for (int life = 0; life < 60; life++) {
		struct pool_map *map = four_ranks();
		uint32_t next_rank = 100, changed;

		for (int step = 0; step < 80; step++) {
			struct unpacker unpacker;
			struct pool_map *again;
			uint32_t in = pmap_count(map, PMAP_BIT(PMAP_UP_IN)), before[PMAP_STATE_NR] = {0};
			void *bytes;
			size_t len;

			for (int s = 0; s < PMAP_STATE_NR; s++)
				before[s] = pmap_count(map, PMAP_BIT(s));
			pmap_bump(map);
			switch (rand_below(&rand, 7)) {
			case 0: {
				struct pmap_member more = {.rank = next_rank++, .target_nr = 2, .path = "/r9/n9"};

				assert_int_equal(pmap_extend(map, &more, 1), 0);
				assert_int_equal(pmap_count(map, PMAP_BIT(PMAP_NEW)), before[PMAP_NEW] + 2);
				break;
			}
			case 1:
				pmap_set_goal(map);
				break;
			case 2:
				if (pmap_goal(map) == pmap_version(map) - 1) {
					pmap_settle(map);
					assert_false(pmap_has_pending(map));
				} else {
					pmap_settle(map);
				}
				break;
			default: {
				uint32_t t = (uint32_t)rand_below(&rand, pmap_target_nr(map)), total = 0;
				const struct pmap_target *target = pmap_target(map, t);

				pmap_change(map, (enum pmap_change)rand_below(&rand, 3), target->rank,
					    rand_one_in(&rand, 2) ? target->index : PMAP_ALL_TARGETS, &changed);
				for (int s = 0; s < PMAP_STATE_NR; s++)
					total += pmap_count(map, PMAP_BIT(s));
				assert_int_equal(total, pmap_target_nr(map));
			}
			}
			assert_int_equal(pmap_count(map, PMAP_BIT(PMAP_UNKNOWN)), 0);
			assert_true(pmap_count(map, PMAP_BIT(PMAP_UP_IN)) <= in + pmap_target_nr(map));
			pack(map, &bytes, &len);
			unpacker_init(&unpacker, bytes, len);
			again = pmap_unpack(&test.mem, &unpacker);
			assert_int_equal(unpacker_finish(&unpacker), 0);
			assert_true(same(map, again));
			mem_free(&test.mem, bytes);
			/* Life goes on with the copy: it must serve as well. */
			pmap_free(map);
			map = again;
		}
		pmap_free(map);
	}
}

static void
cut_and_mangled_bytes_do_no_harm(void **state)
{
	struct pool_map *map = four_ranks(), *again;
	struct unpacker unpacker;
	struct rand rand;
	void *bytes;
	size_t len;

	rand_init(&rand, 2, 0);
	pmap_bump(map);
	assert_int_equal(pmap_extend(map, two_more, 2), 0);
	pack(map, &bytes, &len);
	for (size_t cut = 0; cut < len; cut++) {
		char *copy = mem_alloc(&test.mem, cut);

		memcpy(copy, bytes, cut);
		unpacker_init(&unpacker, copy, cut);
		assert_null(pmap_unpack(&test.mem, &unpacker));
		assert_int_equal(unpacker_rc(&unpacker), -DER_PROTO);
		mem_free(&test.mem, copy);
	}
	for (int round = 0; round < 20000; round++) {
		unsigned char *copy = mem_alloc(&test.mem, len);

		memcpy(copy, bytes, len);
		for (int i = 0; i < 2; i++)
			copy[rand_below(&rand, len)] = (unsigned char)rand_u64(&rand);
		unpacker_init(&unpacker, copy, len);
		again = pmap_unpack(&test.mem, &unpacker);
		if (again != NULL)
			assert_true(pmap_domains_in(again, 2, PMAP_ANY_STATE) <= pmap_domain_nr(again, 2));
		pmap_free(again);
		mem_free(&test.mem, copy);
	}
	mem_free(&test.mem, bytes);
	pmap_free(map);
}

static void
members_travel_as_bytes(void **state)
{
	struct unpacker unpacker;
	struct packer packer;
	struct arena arena;
	struct pmap_member *got;
	unsigned char buf[200];
	uint32_t nr;

	arena_init(&arena, &test.mem);
	packer_init(&packer, buf, sizeof(buf));
	pmap_members_pack(&packer, two_more, 2);
	unpacker_init(&unpacker, buf, packer_len(&packer));
	got = pmap_members_unpack(&unpacker, &arena, &nr);
	assert_int_equal(unpacker_finish(&unpacker), 0);
	assert_int_equal(nr, 2);
	assert_int_equal(got[1].rank, 5);
	assert_string_equal(got[1].path, "/r2/z");
	arena_fini(&arena);
}

static void
every_failed_allocation_is_survived(void **state)
{
	int rc = -1;

	for (size_t nth = 1; rc != 0; nth++) {
		struct pool_map *map = NULL, *copy = NULL, *again = NULL;
		struct unpacker unpacker;
		struct packer packer;
		char buf[4000];

		mem_test_fail(&test, nth);
		rc = pmap_create(&test.mem, four, ARRAY_SIZE(four), &map);
		if (rc != 0)
			map = NULL;
		if (rc == 0) {
			pmap_bump(map);
			rc = pmap_extend(map, two_more, 2);
			assert_int_equal(pmap_rank_nr(map), rc == 0 ? 6 : 4);
		}
		if (rc == 0)
			rc = pmap_copy(&test.mem, map, &copy);
		if (rc == 0) {
			packer_init(&packer, buf, sizeof(buf));
			pmap_pack(&packer, copy);
			unpacker_init(&unpacker, buf, packer_len(&packer));
			again = pmap_unpack(&test.mem, &unpacker);
			rc = unpacker_rc(&unpacker);
		}
		assert_true(rc == 0 || rc == -DER_NOMEM);
		pmap_free(map);
		pmap_free(copy);
		pmap_free(again);
		assert_int_equal(test.outstanding, 0);
	}
	mem_test_fail(&test, 0);
}

static void
states_have_names_and_frozen_numbers(void **state)
{
	static const char *const names[] = {"unknown", "down-out", "down", "up", "up-in", "new", "drain", "unknown"};

	for (int i = 0; i < 8; i++)
		assert_string_equal(pmap_state_name((enum pmap_state)i), names[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_new_map_is_all_in_service, setup, nothing_is_left),
		cmocka_unit_test_setup_teardown(domains_follow_the_paths, setup, nothing_is_left),
		cmocka_unit_test_setup_teardown(bad_members_are_refused, setup, nothing_is_left),
		cmocka_unit_test_setup_teardown(states_change_as_in_the_table, setup, nothing_is_left),
		cmocka_unit_test_setup_teardown(whole_ranks_change_at_once, setup, nothing_is_left),
		cmocka_unit_test_setup_teardown(only_what_the_goal_covers_is_settled, setup, nothing_is_left),
		cmocka_unit_test_setup_teardown(a_pool_is_extended_at_the_end, setup, nothing_is_left),
		cmocka_unit_test_setup_teardown(random_lives_keep_the_invariants_and_their_bytes, setup, nothing_is_left),
		cmocka_unit_test_setup_teardown(cut_and_mangled_bytes_do_no_harm, setup, nothing_is_left),
		cmocka_unit_test_setup_teardown(members_travel_as_bytes, setup, nothing_is_left),
		cmocka_unit_test_setup_teardown(every_failed_allocation_is_survived, setup, nothing_is_left),
		cmocka_unit_test_setup_teardown(states_have_names_and_frozen_numbers, setup, nothing_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
