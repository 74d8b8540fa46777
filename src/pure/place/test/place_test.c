/* SPDX-License-Identifier: Apache-2.0 */
/* pure/place: evenness, separation, stability, and agreement of the goal with the present that it becomes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include "base/hash64.h"
#include "base/mem_test.h"
#include "base/rand.h"
#include "pure/place/place.h"

#define GOLDEN 0x8b4ddc59438ac41dULL

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

/* nodes nodes with ranks ranks each and targets targets each. */
static struct pool_map *
make_map(uint32_t nodes, uint32_t ranks, uint32_t targets)
{
	struct pmap_member *members = MEM_NEW_ARRAY(&test.mem, struct pmap_member, nodes * ranks);
	char(*paths)[16] = mem_alloc(&test.mem, nodes * sizeof(*paths));
	struct pool_map *map;

	for (uint32_t i = 0; i < nodes * ranks; i++) {
		snprintf(paths[i / ranks], sizeof(*paths), "/n%u", i / ranks);
		members[i] = (struct pmap_member){.rank = i, .target_nr = targets, .path = paths[i / ranks]};
	}
	assert_int_equal(pmap_create(&test.mem, members, nodes * ranks, &map), 0);
	mem_free(&test.mem, members);
	mem_free(&test.mem, paths);
	return map;
}

static void
add_node(struct pool_map *map, uint32_t rank, uint32_t targets)
{
	char path[16];
	const struct pmap_member member = {.rank = rank, .target_nr = targets, .path = path};

	snprintf(path, sizeof(path), "/x%u", rank);
	assert_int_equal(pmap_extend(map, &member, 1), 0);
}

static daos_obj_id_t
object(uint64_t i, daos_oclass_id_t class)
{
	return oclass_oid((daos_obj_id_t){.lo = i, .hi = i >> 20}, DAOS_OT_MULTI_HASHED, class);
}

static struct place *
prepare(const struct pool_map *map, uint32_t level)
{
	struct place *place;

	assert_int_equal(place_create(&test.mem, map, level, &place), 0);
	return place;
}

/* A whole layout, to be freed with mem_free. */
static struct place_layout
layout_of(struct place *place, daos_obj_id_t oid, struct arena *arena)
{
	struct place_layout layout;

	assert_int_equal(place_layout(place, oid, arena, &layout), 0);
	return layout;
}

static void
assert_separate(const struct pool_map *map, uint32_t level, const struct place_layout *layout)
{
	for (uint32_t g = 0; g < layout->oclass.groups; g++) {
		for (uint32_t i = 0; i < layout->oclass.group_size; i++) {
			const struct place_shard *a = place_shard(layout, g, i);

			for (uint32_t k = 0; k < i; k++) {
				const struct place_shard *b = place_shard(layout, g, k);

				if (a->target != PMAP_NONE && b->target != PMAP_NONE)
					assert_int_not_equal(pmap_domain_of(map, a->target, level),
							     pmap_domain_of(map, b->target, level));
				if (a->coming != PMAP_NONE && b->coming != PMAP_NONE)
					assert_int_not_equal(pmap_domain_of(map, a->coming, level),
							     pmap_domain_of(map, b->coming, level));
			}
		}
	}
}

static void
shards_of_a_group_stand_in_different_domains(void **state)
{
	static const daos_oclass_id_t classes[] = {OC_S1, OC_S16, OC_RP_2G1, OC_RP_3G4, OC_RP_4G8, OC_EC_2P1G1, OC_EC_2P2G2};
	struct pool_map *map = make_map(4, 2, 4);
	struct place *place = prepare(map, PMAP_LEVEL_NODE);
	struct arena arena;

	for (size_t c = 0; c < ARRAY_SIZE(classes); c++) {
		for (uint64_t i = 0; i < 500; i++) {
			struct place_layout layout;
			uint32_t used[32] = {0}, twice = 0;

			arena_init(&arena, &test.mem);
			layout = layout_of(place, object(i, classes[c]), &arena);
			assert_int_equal(layout.shard_nr, layout.oclass.groups * layout.oclass.group_size);
			for (uint32_t s = 0; s < layout.shard_nr; s++) {
				assert_true(layout.shards[s].target < 32 && layout.shards[s].readable);
				assert_int_equal(layout.shards[s].coming, PMAP_NONE);
				twice += used[layout.shards[s].target]++ > 0;
			}
			/* Wide groups over all of a pool may have to use a target again; others never. */
			assert_true(twice == 0 || (classes[c] == OC_RP_4G8 && twice <= 6));
			assert_separate(map, PMAP_LEVEL_NODE, &layout);
			arena_fini(&arena);
		}
	}
	place_free(place);
	pmap_free(map);
}

static void
objects_spread_evenly_over_targets(void **state)
{
	static const daos_oclass_id_t classes[] = {OC_S1, OC_S8, OC_RP_3G1, OC_EC_4P2G1, OC_EC_8P1G2};
	enum { OBJECTS = 20000 };
	struct pool_map *map = make_map(10, 1, 4);
	struct place *place = prepare(map, PMAP_LEVEL_NODE);
	struct arena arena;

	for (size_t c = 0; c < ARRAY_SIZE(classes); c++) {
		uint32_t count[40] = {0}, first[40] = {0}, total = 0, nr = 0;

		for (uint64_t i = 0; i < OBJECTS; i++) {
			struct place_layout layout;

			arena_init(&arena, &test.mem);
			layout = layout_of(place, object(i, classes[c]), &arena);
			for (uint32_t s = 0; s < layout.shard_nr; s++)
				count[layout.shards[s].target]++;
			first[layout.shards[0].target]++;
			nr = layout.shard_nr;
			total += nr;
			arena_fini(&arena);
		}
		for (uint32_t t = 0; t < 40; t++) {
			/* Within five standard deviations of the mean; 15 % for the first shards. */
			uint32_t mean = total / 40, slack = mean / 20 + 1;

			if (nr <= 6)
				slack = (uint32_t)(5 * 142 * (nr > 2 ? 2 : 1));
			assert_in_range(count[t], mean - MIN(slack, mean), mean + slack);
			assert_in_range(first[t], OBJECTS / 40 * 75 / 100, OBJECTS / 40 * 125 / 100);
		}
	}
	place_free(place);
	pmap_free(map);
}

static void
wide_objects_use_every_target_once(void **state)
{
	struct pool_map *map = make_map(8, 1, 8);
	struct place *place = prepare(map, PMAP_LEVEL_NODE);
	struct arena arena;

	for (uint64_t i = 0; i < 200; i++) {
		struct place_layout layout;
		uint32_t used[64] = {0};

		arena_init(&arena, &test.mem);
		layout = layout_of(place, object(i, OC_S1 + 63), &arena);
		for (uint32_t s = 0; s < 64; s++)
			assert_int_equal(used[layout.shards[s].target]++, 0);
		arena_fini(&arena);
	}
	place_free(place);
	pmap_free(map);
}

/* Counts shards that differ, and among them those that were not on a target of `leaving`. */
static void
compare(const struct place_layout *a, const struct place_layout *b, const bool *leaving, uint32_t *moved, uint32_t *needless)
{
	for (uint32_t s = 0; s < a->shard_nr; s++) {
		if (a->shards[s].target == b->shards[s].target)
			continue;
		(*moved)++;
		*needless += !leaving[a->shards[s].target];
	}
}

static void
settle_all(struct pool_map *map)
{
	pmap_set_goal(map);
	pmap_bump(map);
	pmap_settle(map);
}

static void
only_what_stood_on_a_leaving_target_moves_and_comes_back(void **state)
{
	static const daos_oclass_id_t classes[] = {OC_S1, OC_S16, OC_RP_2G4, OC_RP_3G1, OC_EC_4P2G2};
	struct pool_map *map = make_map(8, 1, 4), *less;
	struct place *before = prepare(map, PMAP_LEVEL_NODE), *after, *back;
	bool leaving[32] = {false};
	uint32_t changed;

	assert_int_equal(pmap_copy(&test.mem, map, &less), 0);
	pmap_bump(less);
	pmap_change(less, PMAP_EXCLUDE, 2, PMAP_ALL_TARGETS, &changed);
	pmap_change(less, PMAP_EXCLUDE, 5, 1, &changed);
	settle_all(less);
	for (uint32_t t = 0; t < 32; t++)
		leaving[t] = t / 4 == 2 || t == 21;
	after = prepare(less, PMAP_LEVEL_NODE);
	for (size_t c = 0; c < ARRAY_SIZE(classes); c++) {
		uint32_t moved = 0, needless = 0, landed[32] = {0};

		for (uint64_t i = 0; i < 2000; i++) {
			struct place_layout x, y;
			struct arena arena;

			arena_init(&arena, &test.mem);
			x = layout_of(before, object(i, classes[c]), &arena);
			y = layout_of(after, object(i, classes[c]), &arena);
			compare(&x, &y, leaving, &moved, &needless);
			assert_separate(less, PMAP_LEVEL_NODE, &y);
			for (uint32_t s = 0; s < y.shard_nr; s++) {
				assert_true(y.shards[s].target != PMAP_NONE && !leaving[y.shards[s].target]);
				landed[y.shards[s].target] += x.shards[s].target != y.shards[s].target;
			}
			arena_fini(&arena);
		}
		assert_true(moved > 0);
		assert_int_equal(needless, 0);
		/* What the five targets held went to all of the others. */
		for (uint32_t t = 0; t < 32; t++)
			if (!leaving[t])
				assert_in_range(landed[t], moved / 27 / 3, moved / 27 * 5 / 2);
	}
	place_free(after);
	pmap_bump(less);
	pmap_change(less, PMAP_REINTEGRATE, 2, PMAP_ALL_TARGETS, &changed);
	pmap_change(less, PMAP_REINTEGRATE, 5, 1, &changed);
	settle_all(less);
	back = prepare(less, PMAP_LEVEL_NODE);
	for (size_t c = 0; c < ARRAY_SIZE(classes); c++) {
		for (uint64_t i = 0; i < 2000; i++) {
			uint32_t moved = 0, needless = 0;
			struct place_layout x, y;
			struct arena arena;

			arena_init(&arena, &test.mem);
			x = layout_of(before, object(i, classes[c]), &arena);
			y = layout_of(back, object(i, classes[c]), &arena);
			compare(&x, &y, leaving, &moved, &needless);
			assert_int_equal(moved, 0);
			arena_fini(&arena);
		}
	}
	place_free(back);
	place_free(before);
	pmap_free(less);
	pmap_free(map);
}

static void
an_extension_moves_little_more_than_its_share(void **state)
{
	/* class, most shards moved in percent of the share of the new targets */
	static const struct {
		daos_oclass_id_t class;
		uint32_t most;
	} cases[] = {{OC_S1, 110}, {OC_S16, 105}, {OC_S32, 105}, {OC_RP_2G1, 115}, {OC_RP_3G1, 125}, {OC_RP_2G8, 170},
		     {OC_EC_4P2G1, 190}};
	struct pool_map *map = make_map(8, 1, 4), *more;
	struct place *before = prepare(map, PMAP_LEVEL_NODE), *after;

	assert_int_equal(pmap_copy(&test.mem, map, &more), 0);
	pmap_bump(more);
	add_node(more, 100, 4);
	add_node(more, 101, 4);
	settle_all(more);
	after = prepare(more, PMAP_LEVEL_NODE);
	for (size_t c = 0; c < ARRAY_SIZE(cases); c++) {
		uint32_t moved = 0, total = 0, to_new = 0;

		for (uint64_t i = 0; i < 4000; i++) {
			struct place_layout x, y;
			struct arena arena;

			arena_init(&arena, &test.mem);
			x = layout_of(before, object(i, cases[c].class), &arena);
			y = layout_of(after, object(i, cases[c].class), &arena);
			assert_separate(more, PMAP_LEVEL_NODE, &y);
			for (uint32_t s = 0; s < x.shard_nr; s++) {
				moved += x.shards[s].target != y.shards[s].target;
				to_new += y.shards[s].target >= 32;
			}
			total += x.shard_nr;
			arena_fini(&arena);
		}
		/* The new targets, a fifth, got their share. */
		assert_in_range(to_new, total / 5 * 9 / 10, total / 5 * 11 / 10);
		assert_in_range(moved, to_new, total / 5 * cases[c].most / 100);
	}
	place_free(before);
	place_free(after);
	pmap_free(more);
	pmap_free(map);
}

static void
a_failed_target_is_missing_until_it_is_worked_on(void **state)
{
	struct pool_map *map = make_map(6, 1, 2);
	struct place *place;
	struct place_layout layout;
	struct arena arena;
	uint32_t changed, seen = 0;

	pmap_bump(map);
	pmap_change(map, PMAP_EXCLUDE, 3, 0, &changed); /* target 6 */
	for (int step = 0; step < 3; step++) {
		if (step == 1)
			pmap_set_goal(map);
		if (step == 2) {
			pmap_bump(map);
			pmap_settle(map);
		}
		place = prepare(map, PMAP_LEVEL_RANK);
		for (uint64_t i = 0; i < 300; i++) {
			arena_init(&arena, &test.mem);
			layout = layout_of(place, object(i, OC_RP_3G1), &arena);
			for (uint32_t s = 0; s < 3; s++) {
				const struct place_shard *shard = place_shard(&layout, 0, s);

				assert_int_equal(shard->readable, shard->target != 6);
				if (shard->target == 6) {
					assert_int_equal(shard->coming != PMAP_NONE, step == 1);
					assert_int_equal(place_readable(&layout, 0), 2);
					assert_true(place_is_intact(&layout, 0));
					seen++;
				} else {
					assert_int_equal(shard->coming, PMAP_NONE);
				}
				assert_true(step < 2 || shard->target != 6);
			}
			arena_fini(&arena);
		}
		place_free(place);
	}
	assert_true(seen > 50);
	/* It comes back: written to at once, read from when it is settled. */
	pmap_bump(map);
	pmap_change(map, PMAP_REINTEGRATE, 3, 0, &changed);
	pmap_set_goal(map);
	place = prepare(map, PMAP_LEVEL_RANK);
	seen = 0;
	for (uint64_t i = 0; i < 300; i++) {
		arena_init(&arena, &test.mem);
		layout = layout_of(place, object(i, OC_RP_3G1), &arena);
		for (uint32_t s = 0; s < 3; s++) {
			assert_true(layout.shards[s].readable && layout.shards[s].target != 6);
			seen += layout.shards[s].coming == 6;
		}
		arena_fini(&arena);
	}
	assert_true(seen > 25);
	place_free(place);
	pmap_free(map);
}

static void
a_target_that_comes_back_before_it_was_replaced_catches_up(void **state)
{
	struct pool_map *map = make_map(3, 1, 1);
	struct place *place;
	struct place_layout layout;
	struct arena arena;
	uint32_t changed;

	arena_init(&arena, &test.mem);
	pmap_bump(map);
	pmap_change(map, PMAP_EXCLUDE, 1, 0, &changed);
	pmap_bump(map);
	pmap_change(map, PMAP_REINTEGRATE, 1, 0, &changed);
	for (int goal = 0; goal < 2; goal++) {
		if (goal)
			pmap_set_goal(map);
		place = prepare(map, PMAP_LEVEL_RANK);
		layout = layout_of(place, object(1, OC_RP_3G1), &arena);
		for (uint32_t s = 0; s < 3; s++) {
			if (layout.shards[s].target != 1)
				continue;
			assert_false(layout.shards[s].readable);
			assert_int_equal(layout.shards[s].coming, goal ? 1 : PMAP_NONE);
		}
		place_free(place);
	}
	arena_fini(&arena);
	pmap_free(map);
}

static void
without_a_free_domain_a_shard_has_no_place(void **state)
{
	struct pool_map *map = make_map(3, 1, 2);
	struct place *place;
	struct place_layout layout;
	struct arena arena;
	uint32_t changed, none = 0;

	arena_init(&arena, &test.mem);
	pmap_bump(map);
	pmap_change(map, PMAP_EXCLUDE, 1, PMAP_ALL_TARGETS, &changed);
	settle_all(map);
	place = prepare(map, PMAP_LEVEL_NODE);
	layout = layout_of(place, object(1, OC_RP_3G1), &arena);
	for (uint32_t s = 0; s < 3; s++)
		none += layout.shards[s].target == PMAP_NONE;
	assert_int_equal(none, 1);
	assert_int_equal(place_readable(&layout, 0), 2);
	/* Two replicas go on with the two nodes that are left. */
	layout = layout_of(place, object(1, OC_RP_2G1), &arena);
	assert_int_equal(place_readable(&layout, 0), 2);
	/* And a code loses data with the second node only. */
	layout = layout_of(place, object(1, OC_EC_2P1G1), &arena);
	assert_true(place_is_intact(&layout, 0));
	place_free(place);
	pmap_bump(map);
	pmap_change(map, PMAP_EXCLUDE, 0, PMAP_ALL_TARGETS, &changed);
	place = prepare(map, PMAP_LEVEL_NODE);
	layout = layout_of(place, object(1, OC_EC_2P1G1), &arena);
	assert_false(place_is_intact(&layout, 0));
	place_free(place);
	arena_fini(&arena);
	pmap_free(map);
}

static void
ids_that_do_not_fit_are_refused(void **state)
{
	struct pool_map *map = make_map(3, 1, 2);
	struct place *place = prepare(map, PMAP_LEVEL_NODE);
	struct place_layout layout;
	struct arena arena;

	arena_init(&arena, &test.mem);
	assert_int_equal(place_layout(place, object(1, OC_RP_4G1), &arena, &layout), -DER_INVAL);
	assert_int_equal(place_layout(place, object(1, OC_S8), &arena, &layout), -DER_INVAL);
	assert_int_equal(place_layout(place, object(1, OC_SX), &arena, &layout), -DER_INVAL);
	assert_int_equal(place_layout(place, object(1, OC_RP_3G4), &arena, &layout), -DER_INVAL);
	assert_int_equal(place_layout(place, (daos_obj_id_t){0}, &arena, &layout), -DER_INVAL);
	assert_int_equal(place_layout(place, (daos_obj_id_t){.hi = UINT64_MAX, .lo = UINT64_MAX}, &arena, &layout), -DER_INVAL);
	assert_int_equal(place_layout(place, object(1, OC_RP_3G2), &arena, &layout), 0);
	arena_fini(&arena);
	place_free(place);
	pmap_free(map);
}

/* Random changes; after each settling the present must be what the goal was, for shards whose goal could be written to. */
static void
the_goal_becomes_the_present(void **state)
{
	static const daos_oclass_id_t classes[] = {OC_S1, OC_S16, OC_RP_2G4, OC_RP_3G1, OC_EC_2P1G2, OC_EC_4P1G1};
	enum { OBJECTS = 60 };
	struct rand rand;
	uint32_t coming = 0, settled = 0;

	rand_init(&rand, 5, 0);
	for (int life = 0; life < 25; life++) {
		struct pool_map *map = make_map(6, 2, 2);
		uint32_t next = 100, changed;

		for (int step = 0; step < 60; step++) {
			pmap_bump(map);
			if (rand_one_in(&rand, 12) && pmap_target_nr(map) < 60) {
				add_node(map, next++, 2);
			} else if (rand_one_in(&rand, 5)) {
				pmap_set_goal(map);
			} else if (rand_one_in(&rand, 4)) {
				struct place *before = prepare(map, PMAP_LEVEL_NODE), *after;
				struct pool_map *done;
				struct arena arena;

				arena_init(&arena, &test.mem);
				assert_int_equal(pmap_copy(&test.mem, map, &done), 0);
				settled += pmap_settle(done);
				after = prepare(done, PMAP_LEVEL_NODE);
				for (uint64_t i = 0; i < OBJECTS; i++) {
					daos_obj_id_t oid = object(i, classes[i % ARRAY_SIZE(classes)]);
					struct place_layout x = layout_of(before, oid, &arena), y = layout_of(after, oid, &arena);

					assert_separate(map, PMAP_LEVEL_NODE, &x);
					for (uint32_t s = 0; s < x.shard_nr; s++) {
						const struct place_shard *a = &x.shards[s], *b = &y.shards[s];

						coming += a->coming != PMAP_NONE;
						/* What was coming has come. */
						if (a->coming != PMAP_NONE) {
							assert_int_equal(b->target, a->coming);
							/* Unless it came to one that is itself still coming back. */
							assert_true(b->readable ||
								    pmap_target(done, b->target)->state == PMAP_UP);
						} else if (b->target != a->target) {
							/* Nothing could be moved to where it belongs: no place, or a dead one. */
							assert_false(b->readable);
						}
						/* What could not be read before and did not come cannot be read now. */
						if (!a->readable && a->coming == PMAP_NONE)
							assert_false(b->readable);
					}
				}
				place_free(before);
				place_free(after);
				arena_fini(&arena);
				pmap_free(map);
				map = done;
			} else {
				uint32_t t = (uint32_t)rand_below(&rand, pmap_target_nr(map));
				enum pmap_change change = rand_one_in(&rand, 2) ? PMAP_REINTEGRATE
									 : rand_one_in(&rand, 3) ? PMAP_DRAIN_OUT : PMAP_EXCLUDE;

				pmap_change(map, change, pmap_target(map, t)->rank,
					    rand_one_in(&rand, 3) ? PMAP_ALL_TARGETS : pmap_target(map, t)->index, &changed);
			}
		}
		pmap_free(map);
	}
	assert_true(coming > 1000 && settled > 100);
}

static void
layouts_are_frozen(void **state)
{
	static const daos_oclass_id_t classes[] = {OC_S1, OC_S16, OC_RP_2G4, OC_RP_3G1, OC_EC_2P1G2, OC_EC_4P2G1};
	struct pool_map *map = make_map(7, 2, 3);
	struct place *place;
	struct arena arena;
	uint64_t sum = 0;
	uint32_t changed;

	pmap_bump(map);
	pmap_change(map, PMAP_EXCLUDE, 4, PMAP_ALL_TARGETS, &changed);
	settle_all(map);
	pmap_bump(map);
	pmap_change(map, PMAP_EXCLUDE, 9, 1, &changed);
	add_node(map, 50, 3);
	pmap_set_goal(map);
	place = prepare(map, PMAP_LEVEL_NODE);
	for (uint64_t i = 0; i < 600; i++) {
		struct place_layout layout;

		arena_init(&arena, &test.mem);
		layout = layout_of(place, object(i, classes[i % ARRAY_SIZE(classes)]), &arena);
		for (uint32_t s = 0; s < layout.shard_nr; s++)
			sum = hash64_pair(sum, (uint64_t)layout.shards[s].target << 32 | layout.shards[s].coming);
		arena_fini(&arena);
	}
	/* Data stands where this says: a change of this number loses every pool. */
	assert_int_equal(PLACE_VERSION, 1);
	if (sum != GOLDEN)
		print_error("layouts hash to 0x%llx\n", (unsigned long long)sum);
	assert_true(sum == GOLDEN);
	place_free(place);
	pmap_free(map);
}

static void
keys_go_round_the_groups(void **state)
{
	struct pool_map *map = make_map(4, 1, 4);
	struct place *place = prepare(map, PMAP_LEVEL_NODE);
	struct place_layout layout;
	struct arena arena;
	uint64_t hash, key = 7;
	uint32_t leaders[3] = {0};

	arena_init(&arena, &test.mem);
	layout = layout_of(place, object(1, OC_EC_2P1G4), &arena);
	assert_int_equal(place_dkey_hash(DAOS_OT_ARRAY_BYTE, &key, 8, &hash), 0);
	assert_int_equal(hash, 7);
	assert_int_equal(place_group(&layout, hash), 3);
	assert_int_equal(place_dkey_hash(DAOS_OT_ARRAY_BYTE, &key, 7, &hash), -DER_INVAL);
	assert_int_equal(place_dkey_hash(DAOS_OT_MULTI_HASHED, "", 0, &hash), -DER_INVAL);
	assert_int_equal(place_dkey_hash(DAOS_OT_MULTI_HASHED, "abc", 3, &hash), 0);
	assert_true(hash == hash64_bytes("abc", 3, 0));
	/* A code is led by its parity, replicas in turn. */
	assert_int_equal(place_leader(&layout, 0, 5), 2);
	layout.shards[2].readable = false;
	assert_int_equal(place_leader(&layout, 0, 5), 0);
	layout.shards[0].readable = layout.shards[1].readable = false;
	assert_int_equal(place_leader(&layout, 0, 5), PMAP_NONE);
	layout = layout_of(place, object(1, OC_RP_3G1), &arena);
	for (uint64_t i = 0; i < 3000; i++)
		leaders[place_leader(&layout, 0, i)]++;
	for (int i = 0; i < 3; i++)
		assert_in_range(leaders[i], 900, 1100);
	arena_fini(&arena);
	place_free(place);
	pmap_free(map);
}

static void
every_failed_allocation_is_survived(void **state)
{
	struct pool_map *map = make_map(4, 1, 2);
	uint32_t changed;
	int rc = -1;

	pmap_bump(map);
	pmap_change(map, PMAP_EXCLUDE, 1, 0, &changed);
	pmap_set_goal(map);
	for (size_t nth = 1; rc != 0; nth++) {
		struct place_layout layout;
		struct place *place = NULL;
		struct arena arena;

		arena_init(&arena, &test.mem);
		mem_test_fail(&test, nth);
		rc = place_create(&test.mem, map, PMAP_LEVEL_NODE, &place);
		if (rc == 0) {
			rc = place_layout(place, object(1, OC_RP_3G2), &arena, &layout);
			place_free(place);
		}
		assert_true(rc == 0 || rc == -DER_NOMEM);
		mem_test_fail(&test, 0);
		arena_fini(&arena);
	}
	pmap_free(map);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(shards_of_a_group_stand_in_different_domains, setup, nothing_is_left),
		cmocka_unit_test_setup_teardown(objects_spread_evenly_over_targets, setup, nothing_is_left),
		cmocka_unit_test_setup_teardown(wide_objects_use_every_target_once, setup, nothing_is_left),
		cmocka_unit_test_setup_teardown(only_what_stood_on_a_leaving_target_moves_and_comes_back, setup, nothing_is_left),
		cmocka_unit_test_setup_teardown(an_extension_moves_little_more_than_its_share, setup, nothing_is_left),
		cmocka_unit_test_setup_teardown(a_failed_target_is_missing_until_it_is_worked_on, setup, nothing_is_left),
		cmocka_unit_test_setup_teardown(a_target_that_comes_back_before_it_was_replaced_catches_up, setup, nothing_is_left),
		cmocka_unit_test_setup_teardown(without_a_free_domain_a_shard_has_no_place, setup, nothing_is_left),
		cmocka_unit_test_setup_teardown(ids_that_do_not_fit_are_refused, setup, nothing_is_left),
		cmocka_unit_test_setup_teardown(the_goal_becomes_the_present, setup, nothing_is_left),
		cmocka_unit_test_setup_teardown(layouts_are_frozen, setup, nothing_is_left),
		cmocka_unit_test_setup_teardown(keys_go_round_the_groups, setup, nothing_is_left),
		cmocka_unit_test_setup_teardown(every_failed_allocation_is_survived, setup, nothing_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
