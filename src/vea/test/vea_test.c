/* SPDX-License-Identifier: Apache-2.0 */
/* The allocator of blocks: single properties, and random operations against an array with a state for each block. */
#include "../../btree/test/heap_test.h"
#include "vea/vea.h"

#define BLOCKS_MAX 3000
#define LIVE_MAX 64
#define TOKENS_MAX 24

enum state { ALLOCATED, FREE, RESERVED, HELD };

struct fix {
	struct heap_test heap;
	struct vea *vea;
	umem_off_t root;
	uint64_t blocks, skip;
	struct rand rand;
	/* what a body is to do */
	int (*script)(struct fix *fix);
	const struct vea_extent *publish;
	uint64_t free_block;
	uint32_t free_nr;
	/* the model */
	uint8_t state[BLOCKS_MAX];
	uint32_t held_by[BLOCKS_MAX];     /* tokens that were open when it was freed, a bit each */
	struct vea_extent reserved[LIVE_MAX];
	uint32_t reserved_nr;
	uint64_t tokens[TOKENS_MAX];
	uint32_t open;                    /* tokens */
	struct vea_hint hints[3];
	/* a body's plan, kept apart so that it may run twice */
	struct vea_extent plan_publish[8], plan_free[8];
	uint32_t plan_publish_nr, plan_free_nr;
	bool plan_abort;
};

static int
body_format(struct umem *heap, void *arg)
{
	struct fix *fix = arg;

	return vea_format(heap, fix->root, fix->blocks, fix->skip);
}

static struct fix *
fix_new(uint64_t blocks, uint64_t skip)
{
	struct fix *fix = calloc(1, sizeof(*fix));

	heap_test_open(&fix->heap, 4 * MIB);
	fix->root = umem_root(fix->heap.heap) + 128;
	fix->blocks = blocks;
	fix->skip = skip;
	rand_init(&fix->rand, 1, 0);
	assert_int_equal(umem_write(fix->heap.heap, 0, body_format, fix, NULL), 0);
	assert_int_equal(vea_load(&fix->heap.mem.mem, fix->heap.heap, fix->root, &fix->vea), 0);
	return fix;
}

static void
fix_free(struct fix *fix)
{
	vea_unload(fix->vea);
	heap_test_close(&fix->heap);
	free(fix);
}

static void
reload(struct fix *fix)
{
	vea_unload(fix->vea);
	assert_int_equal(vea_load(&fix->heap.mem.mem, fix->heap.heap, fix->root, &fix->vea), 0);
}

static struct vea_space
space_of(struct fix *fix)
{
	struct vea_space space;

	vea_space(fix->vea, &space);
	return space;
}

static int
body_publish(struct umem *heap, void *arg)
{
	struct fix *fix = arg;

	return vea_publish(fix->vea, fix->publish);
}

static int
body_free(struct umem *heap, void *arg)
{
	struct fix *fix = arg;

	return vea_free(fix->vea, fix->free_block, fix->free_nr);
}

static int
publish(struct fix *fix, const struct vea_extent *extent)
{
	fix->publish = extent;
	return umem_write(fix->heap.heap, 0, body_publish, fix, NULL);
}

static int
give_back(struct fix *fix, uint64_t block, uint32_t nr)
{
	fix->free_block = block;
	fix->free_nr = nr;
	return umem_write(fix->heap.heap, 0, body_free, fix, NULL);
}

/* ---- properties -------------------------------------------------------------------------------------------------- */

static void
what_was_reserved_and_not_published_is_free_again_after_a_restart(void **state)
{
	struct fix *fix = fix_new(1000, 10);
	struct vea_extent a, b;

	assert_int_equal(space_of(fix).total, 990);
	assert_int_equal(space_of(fix).free, 990);
	assert_int_equal(vea_reserve(fix->vea, 100, NULL, false, &a), 0);
	assert_int_equal(vea_reserve(fix->vea, 50, NULL, false, &b), 0);
	assert_int_equal(space_of(fix).reserved, 150);
	assert_int_equal(publish(fix, &a), 0);
	assert_int_equal(space_of(fix).reserved, 50);
	assert_int_equal(vea_check(fix->vea), 0);
	reload(fix);
	assert_int_equal(space_of(fix).reserved, 0);
	assert_int_equal(space_of(fix).free, 890);
	assert_int_equal(publish(fix, &b), -DER_INVAL); /* it is none any more */
	assert_int_equal(vea_check(fix->vea), 0);
	fix_free(fix);
}

static int
script_undone(struct fix *fix)
{
	assert_int_equal(vea_publish(fix->vea, fix->publish), 0);
	return -DER_MISC;
}

static int
body_script(struct umem *heap, void *arg)
{
	struct fix *fix = arg;

	return fix->script(fix);
}

static void
a_publication_that_is_undone_stays_a_reservation(void **state)
{
	struct fix *fix = fix_new(1000, 0);
	struct vea_extent a;

	assert_int_equal(vea_reserve(fix->vea, 100, NULL, false, &a), 0);
	fix->publish = &a;
	fix->script = script_undone;
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(umem_write(fix->heap.heap, 0, body_script, fix, NULL), -DER_MISC);
	assert_int_equal(space_of(fix).reserved, 100);
	assert_int_equal(vea_check(fix->vea), 0);
	vea_cancel(fix->vea, &a);
	assert_int_equal(space_of(fix).free, 1000);
	assert_int_equal(space_of(fix).extents, 1);
	assert_int_equal(vea_check(fix->vea), 0);
	fix_free(fix);
}

static void
only_allocated_blocks_can_be_freed(void **state)
{
	struct fix *fix = fix_new(1000, 10);
	struct vea_extent a;

	assert_int_equal(vea_reserve(fix->vea, 100, NULL, false, &a), 0);
	assert_int_equal(a.block, 10);
	assert_int_equal(give_back(fix, a.block, 100), -DER_INVAL);
	assert_int_equal(publish(fix, &a), 0);
	assert_int_equal(give_back(fix, a.block, 101), -DER_INVAL);
	assert_int_equal(give_back(fix, a.block - 1, 2), -DER_INVAL);
	assert_int_equal(give_back(fix, a.block, 0), -DER_INVAL);
	assert_int_equal(give_back(fix, 999, 2), -DER_INVAL);
	assert_int_equal(give_back(fix, UINT64_MAX, 2), -DER_INVAL);
	assert_int_equal(give_back(fix, a.block + 20, 10), 0);
	assert_int_equal(give_back(fix, a.block + 20, 10), -DER_INVAL);
	assert_int_equal(give_back(fix, a.block, 20), 0);
	assert_int_equal(give_back(fix, a.block + 30, 70), 0);
	assert_int_equal(vea_check(fix->vea), 0);
	assert_int_equal(space_of(fix).free, 990);
	assert_int_equal(vea_reserve(fix->vea, 990, NULL, true, &a), 0);
	fix_free(fix);
}

static void
freed_blocks_wait_for_the_io_that_began_before(void **state)
{
	struct fix *fix = fix_new(100, 0);
	uint64_t before, after;
	struct vea_extent a, b;

	assert_int_equal(vea_reserve(fix->vea, 100, NULL, true, &a), 0);
	assert_int_equal(publish(fix, &a), 0);
	before = vea_io_begin(fix->vea);
	assert_int_equal(give_back(fix, 0, 60), 0);
	after = vea_io_begin(fix->vea);
	assert_int_equal(space_of(fix).quarantined, 60);
	assert_int_equal(space_of(fix).free, 0);
	assert_int_equal(vea_reserve(fix->vea, 1, NULL, true, &b), -DER_NOSPACE);
	assert_int_equal(vea_check(fix->vea), 0);
	vea_io_end(fix->vea, before);
	assert_int_equal(space_of(fix).quarantined, 0);
	assert_int_equal(vea_reserve(fix->vea, 60, NULL, true, &b), 0);
	vea_io_end(fix->vea, after);
	assert_int_equal(vea_check(fix->vea), 0);
	fix_free(fix);
}

static void
more_generations_of_io_than_the_ring_has_only_wait_longer(void **state)
{
	struct fix *fix = fix_new(400, 0);
	uint64_t tokens[300], stuck;
	struct vea_extent a;

	assert_int_equal(vea_reserve(fix->vea, 400, NULL, true, &a), 0);
	assert_int_equal(publish(fix, &a), 0);
	stuck = vea_io_begin(fix->vea);
	for (uint32_t i = 0; i < 300; i++) {
		assert_int_equal(give_back(fix, i, 1), 0);
		tokens[i] = vea_io_begin(fix->vea);
		assert_int_equal(vea_reserve(fix->vea, 1, NULL, true, &a), -DER_NOSPACE);
	}
	for (uint32_t i = 0; i < 300; i++)
		vea_io_end(fix->vea, tokens[299 - i]);
	assert_int_equal(space_of(fix).quarantined, 300);
	/* I/O goes on all the time; still the stuck one's end frees what it held. */
	tokens[0] = vea_io_begin(fix->vea);
	vea_io_end(fix->vea, stuck);
	tokens[1] = vea_io_begin(fix->vea);
	vea_io_end(fix->vea, tokens[0]);
	assert_int_equal(space_of(fix).quarantined, 0);
	vea_io_end(fix->vea, tokens[1]);
	assert_int_equal(vea_check(fix->vea), 0);
	fix_free(fix);
}

static void
a_twentieth_is_kept_for_reclaiming(void **state)
{
	struct fix *fix = fix_new(1000, 0);
	struct vea_extent a;

	assert_int_equal(vea_reserve(fix->vea, 951, NULL, false, &a), -DER_NOSPACE);
	assert_int_equal(vea_reserve(fix->vea, 950, NULL, false, &a), 0);
	assert_int_equal(vea_reserve(fix->vea, 1, NULL, false, &a), -DER_NOSPACE);
	assert_int_equal(vea_reserve(fix->vea, 50, NULL, true, &a), 0);
	assert_int_equal(vea_reserve(fix->vea, 1, NULL, true, &a), -DER_NOSPACE);
	fix_free(fix);
}

static void
streams_with_hints_stay_in_one_piece(void **state)
{
	struct fix *fix = fix_new(1 << 20, 0);
	struct vea_hint hints[4] = {{0}};
	struct vea_extent last[4], extent;

	for (uint32_t round = 0; round < 100; round++) {
		for (uint32_t i = 0; i < 4; i++) {
			assert_int_equal(vea_reserve(fix->vea, 16, &hints[i], false, &extent), 0);
			if (round > 0)
				assert_int_equal(extent.block, last[i].block + 16);
			last[i] = extent;
		}
	}
	assert_int_equal(vea_check(fix->vea), 0);
	fix_free(fix);
}

static void
a_small_request_takes_the_smallest_gap_that_fits(void **state)
{
	struct fix *fix = fix_new(1000, 0);
	struct vea_extent all, a;

	assert_int_equal(vea_reserve(fix->vea, 600, NULL, false, &all), 0);
	assert_int_equal(publish(fix, &all), 0);
	assert_int_equal(give_back(fix, 100, 50), 0);
	assert_int_equal(give_back(fix, 200, 20), 0);
	assert_int_equal(give_back(fix, 300, 30), 0);
	assert_int_equal(vea_reserve(fix->vea, 18, NULL, false, &a), 0);
	assert_int_equal(a.block, 200);
	assert_int_equal(vea_reserve(fix->vea, 18, NULL, false, &a), 0);
	assert_int_equal(a.block, 300);
	fix_free(fix);
}

static int
script_bad_formats(struct fix *fix)
{
	assert_int_equal(vea_format(fix->heap.heap, fix->root + 256, 10, 11), -DER_INVAL);
	assert_int_equal(vea_format(fix->heap.heap, fix->root + 256, 10, 10), 0);
	return 0;
}

static void
an_allocator_without_blocks_gives_none(void **state)
{
	struct fix *fix = fix_new(100, 0);
	struct vea_extent a;
	struct vea *none;

	assert_int_equal(vea_load(&fix->heap.mem.mem, fix->heap.heap, fix->root + 256, &none), -DER_DF_INVAL);
	fix->script = script_bad_formats;
	assert_int_equal(umem_write(fix->heap.heap, 0, body_script, fix, NULL), 0);
	assert_int_equal(vea_load(&fix->heap.mem.mem, fix->heap.heap, fix->root + 256, &none), 0);
	assert_int_equal(vea_reserve(none, 1, NULL, true, &a), -DER_NOSPACE);
	assert_int_equal(vea_reserve(none, 0, NULL, true, &a), -DER_INVAL);
	assert_int_equal(vea_check(none), 0);
	vea_unload(none);
	fix_free(fix);
}

/* ---- model ------------------------------------------------------------------------------------------------------- */

static void
mark(struct fix *fix, uint64_t block, uint64_t nr, enum state from, enum state to)
{
	for (; nr > 0; nr--, block++) {
		assert_true(block < fix->blocks);
		assert_int_equal(fix->state[block], from);
		fix->state[block] = (uint8_t)to;
	}
}

static uint64_t
count(struct fix *fix, enum state state)
{
	uint64_t nr = 0;

	for (uint64_t i = fix->skip; i < fix->blocks; i++)
		nr += fix->state[i] == state;
	return nr;
}

static uint64_t
longest_run(struct fix *fix)
{
	uint64_t best = 0, run = 0;

	for (uint64_t i = fix->skip; i < fix->blocks; i++) {
		run = fix->state[i] == FREE ? run + 1 : 0;
		best = MAX(best, run);
	}
	return best;
}

static void
let_go(struct fix *fix)
{
	for (uint64_t i = fix->skip; i < fix->blocks; i++)
		if (fix->state[i] == HELD && fix->held_by[i] == 0)
			fix->state[i] = FREE;
}

static void
compare(struct fix *fix)
{
	struct vea_space space = space_of(fix);

	assert_int_equal(space.total, fix->blocks - fix->skip);
	assert_int_equal(space.free, count(fix, FREE));
	assert_int_equal(space.reserved, count(fix, RESERVED));
	assert_int_equal(space.quarantined, count(fix, HELD));
	assert_int_equal(vea_check(fix->vea), 0);
}

static void
op_reserve(struct fix *fix)
{
	uint32_t nr = (uint32_t)rand_between(&fix->rand, 1, rand_one_in(&fix->rand, 8) ? 200 : 12);
	struct vea_hint *hint = rand_one_in(&fix->rand, 2) ? &fix->hints[rand_below(&fix->rand, 3)] : NULL;
	bool too = rand_one_in(&fix->rand, 4), fits;
	struct vea_extent extent;
	uint64_t unused = count(fix, FREE), keep = (fix->blocks - fix->skip) / 20;
	int rc;

	if (fix->reserved_nr == LIVE_MAX)
		return;
	fits = unused >= nr && (too || unused - nr >= keep) && longest_run(fix) >= nr;
	rc = vea_reserve(fix->vea, nr, hint, too, &extent);
	assert_int_equal(rc, fits ? 0 : -DER_NOSPACE);
	if (rc != 0)
		return;
	assert_int_equal(extent.nr, nr);
	assert_true(extent.block >= fix->skip);
	mark(fix, extent.block, nr, FREE, RESERVED);
	fix->reserved[fix->reserved_nr++] = extent;
}

static struct vea_extent
take_reserved(struct fix *fix, uint32_t i)
{
	struct vea_extent extent = fix->reserved[i];

	fix->reserved[i] = fix->reserved[--fix->reserved_nr];
	return extent;
}

static void
op_cancel(struct fix *fix)
{
	struct vea_extent extent;

	if (fix->reserved_nr == 0)
		return;
	extent = take_reserved(fix, (uint32_t)rand_below(&fix->rand, fix->reserved_nr));
	vea_cancel(fix->vea, &extent);
	mark(fix, extent.block, extent.nr, RESERVED, FREE);
}

static int
body_plan(struct umem *heap, void *arg)
{
	struct fix *fix = arg;
	uint32_t i;

	for (i = 0; i < fix->plan_publish_nr; i++)
		assert_int_equal(vea_publish(fix->vea, &fix->plan_publish[i]), 0);
	for (i = 0; i < fix->plan_free_nr; i++)
		assert_int_equal(vea_free(fix->vea, fix->plan_free[i].block, fix->plan_free[i].nr), 0);
	return fix->plan_abort ? -DER_MISC : 0;
}

/** A run of allocated blocks that no other part of the plan has. */
static bool
plan_run(struct fix *fix, const uint8_t *after, struct vea_extent *extent)
{
	uint64_t block = fix->skip + rand_below(&fix->rand, fix->blocks - fix->skip);
	uint32_t most = (uint32_t)rand_between(&fix->rand, 1, rand_one_in(&fix->rand, 4) ? 150 : 10);

	extent->block = block;
	extent->nr = 0;
	while (block < fix->blocks && extent->nr < most && after[block] == ALLOCATED) {
		block++;
		extent->nr++;
	}
	return extent->nr > 0;
}

static void
op_body(struct fix *fix)
{
	static uint8_t after[BLOCKS_MAX];
	struct vea_extent run;
	uint32_t i, nr;

	memcpy(after, fix->state, sizeof(after));
	fix->plan_publish_nr = fix->plan_free_nr = 0;
	fix->plan_abort = rand_one_in(&fix->rand, 4);
	for (nr = (uint32_t)rand_below(&fix->rand, 4); nr > 0 && fix->plan_publish_nr < fix->reserved_nr; nr--) {
		/* The last ones reserved, so that an undone body leaves the list as it was. */
		run = fix->reserved[fix->reserved_nr - 1 - fix->plan_publish_nr];
		fix->plan_publish[fix->plan_publish_nr++] = run;
		memset(after + run.block, ALLOCATED, run.nr);
	}
	for (nr = (uint32_t)rand_below(&fix->rand, 5); nr > 0; nr--) {
		if (!plan_run(fix, after, &run))
			continue;
		fix->plan_free[fix->plan_free_nr++] = run;
		memset(after + run.block, HELD, run.nr);
	}
	assert_int_equal(umem_write(fix->heap.heap, 0, body_plan, fix, NULL), fix->plan_abort ? -DER_MISC : 0);
	if (fix->plan_abort)
		return;
	fix->reserved_nr -= fix->plan_publish_nr;
	for (i = 0; i < fix->plan_publish_nr; i++)
		mark(fix, fix->plan_publish[i].block, fix->plan_publish[i].nr, RESERVED, ALLOCATED);
	for (i = 0; i < fix->plan_free_nr; i++) {
		mark(fix, fix->plan_free[i].block, fix->plan_free[i].nr, ALLOCATED, HELD);
		for (nr = 0; nr < fix->plan_free[i].nr; nr++)
			fix->held_by[fix->plan_free[i].block + nr] = fix->open;
	}
	let_go(fix);
}

static void
op_io(struct fix *fix)
{
	uint32_t i = (uint32_t)rand_below(&fix->rand, TOKENS_MAX);

	if ((fix->open & 1U << i) == 0) {
		fix->tokens[i] = vea_io_begin(fix->vea);
		fix->open |= 1U << i;
		return;
	}
	vea_io_end(fix->vea, fix->tokens[i]);
	fix->open &= ~(1U << i);
	for (uint64_t block = fix->skip; block < fix->blocks; block++)
		fix->held_by[block] &= ~(1U << i);
	let_go(fix);
}

static void
op_reload(struct fix *fix)
{
	reload(fix);
	fix->open = 0;
	fix->reserved_nr = 0;
	for (uint64_t block = fix->skip; block < fix->blocks; block++) {
		fix->held_by[block] = 0;
		if (fix->state[block] == RESERVED || fix->state[block] == HELD)
			fix->state[block] = FREE;
	}
}

static void
the_allocator_does_what_its_model_does(void **state)
{
	static const uint64_t sizes[][2] = {{600, 7}, {2900, 0}};

	for (uint64_t seed = 1; seed <= 6; seed++) {
		struct fix *fix = fix_new(sizes[seed % 2][0], sizes[seed % 2][1]);

		rand_init(&fix->rand, seed, 0);
		memset(fix->state + fix->skip, FREE, fix->blocks - fix->skip);
		for (uint32_t op = 0; op < 17000; op++) {
			switch (rand_below(&fix->rand, 16)) {
			case 0 ... 6:
				op_reserve(fix);
				break;
			case 7:
				op_cancel(fix);
				break;
			case 8 ... 12:
				op_body(fix);
				break;
			default:
				op_io(fix);
			}
			if (rand_one_in(&fix->rand, 1500))
				op_reload(fix);
			if (op % 16 == 0)
				compare(fix);
		}
		compare(fix);
		fix_free(fix);
	}
}

/* ---- faults ------------------------------------------------------------------------------------------------------ */

/** A few of everything; an error anywhere may end it. */
static int
little_of_all(struct fix *fix)
{
	struct vea_hint hint = {0};
	struct vea_extent extents[40];
	uint32_t nr = 0, i;
	int rc = 0;

	for (i = 0; i < 40 && rc == 0; i++, nr += rc == 0)
		rc = vea_reserve(fix->vea, 1 + i % 3, i % 2 ? &hint : NULL, false, &extents[i]);
	for (i = 0; i < nr && rc == 0; i++) {
		rc = publish(fix, &extents[i]);
		if (rc != 0)
			break;
	}
	for (; i < nr; i++)
		vea_cancel(fix->vea, &extents[i]);
	for (i = 0; i < nr && rc == 0; i += 2)
		rc = give_back(fix, extents[i].block, extents[i].nr);
	return rc;
}

static void
a_failed_request_for_memory_leaves_both_views_as_they_were(void **state)
{
	int rc = -DER_NOMEM;
	size_t nth;

	for (nth = 1; rc != 0; nth++) {
		struct fix *fix = fix_new(1000, 0);
		struct vea *other;
		int loaded;

		mem_test_fail(&fix->heap.mem, nth);
		rc = little_of_all(fix);
		loaded = vea_load(&fix->heap.mem.mem, fix->heap.heap, fix->root, &other);
		mem_test_fail(&fix->heap.mem, 0);
		assert_true(rc == 0 || rc == -DER_NOMEM);
		assert_int_equal(vea_check(fix->vea), 0);
		if (loaded == 0)
			vea_unload(other);
		else
			rc = loaded;
		assert_true(rc == 0 || rc == -DER_NOMEM);
		fix_free(fix);
	}
	assert_true(nth > 20);
}

static int
script_ballast(struct fix *fix)
{
	while (umem_alloc(fix->heap.heap, 480) != UMEM_NULL)
		;
	return 0;
}

static void
a_full_heap_leaves_both_views_as_they_were(void **state)
{
	struct fix *fix = calloc(1, sizeof(*fix));
	struct vea_extent all, extent;
	uint32_t block, failed = 0;

	heap_test_open(&fix->heap, 320 * KIB);
	fix->root = umem_root(fix->heap.heap);
	fix->blocks = 2000;
	assert_int_equal(umem_write(fix->heap.heap, 0, body_format, fix, NULL), 0);
	assert_int_equal(vea_load(&fix->heap.mem.mem, fix->heap.heap, fix->root, &fix->vea), 0);
	assert_int_equal(vea_reserve(fix->vea, 2000, NULL, true, &all), 0);
	assert_int_equal(publish(fix, &all), 0);
	fix->script = script_ballast;
	assert_int_equal(umem_write(fix->heap.heap, 0, body_script, fix, NULL), 0);
	/* Single blocks freed here and there need ever more nodes. */
	for (block = 0; block < 2000; block += 2) {
		int rc = give_back(fix, block, 1);

		assert_true(rc == 0 || rc == -DER_NOSPACE);
		failed += rc != 0;
		if (block % 100 == 0)
			assert_int_equal(vea_check(fix->vea), 0);
	}
	assert_true(failed > 0);
	assert_int_equal(space_of(fix).free, 1000 - failed);
	assert_int_equal(vea_check(fix->vea), 0);
	while (vea_reserve(fix->vea, 1, NULL, true, &extent) == 0)
		assert_int_equal(publish(fix, &extent), 0);
	assert_int_equal(space_of(fix).free, 0);
	fix_free(fix);
}

static int
script_corrupt(struct fix *fix)
{
	uint8_t *root = umem_touch(fix->heap.heap, fix->root, sizeof(struct vea_root));

	for (uint64_t nr = rand_between(&fix->rand, 1, 3); nr > 0; nr--)
		root[rand_below(&fix->rand, sizeof(struct vea_root))] ^= (uint8_t)(1U << rand_below(&fix->rand, 8));
	return 0;
}

static int
script_restore(struct fix *fix)
{
	memcpy(umem_touch(fix->heap.heap, fix->root, sizeof(struct vea_root)), fix->held_by, sizeof(struct vea_root));
	return 0;
}

static int
script_keep(struct fix *fix)
{
	memcpy(fix->held_by, umem_at(fix->heap.heap, fix->root), sizeof(struct vea_root));
	return 0;
}

static void
a_corrupt_root_is_an_error_and_nothing_worse(void **state)
{
	struct fix *fix = fix_new(1000, 0);
	uint32_t refused = 0;

	assert_int_equal(little_of_all(fix), 0);
	fix->script = script_keep;
	assert_int_equal(umem_read(fix->heap.heap, body_script, fix), 0);
	for (uint32_t i = 0; i < 2000; i++) {
		struct vea *other;
		int rc;

		fix->script = script_corrupt;
		assert_int_equal(umem_write(fix->heap.heap, 0, body_script, fix, NULL), 0);
		vea_check(fix->vea);
		rc = vea_load(&fix->heap.mem.mem, fix->heap.heap, fix->root, &other);
		if (rc == 0)
			vea_unload(other);
		else
			assert_true(rc == -DER_DF_INVAL || rc == -DER_DF_INCOMPT);
		refused += rc != 0;
		fix->script = script_restore;
		assert_int_equal(umem_write(fix->heap.heap, 0, body_script, fix, NULL), 0);
	}
	assert_true(refused > 1000);
	assert_int_equal(vea_check(fix->vea), 0);
	fix_free(fix);
}

/** Damages the tree, publishes and frees, and undoes it all. */
static int
script_corrupt_tree(struct fix *fix)
{
	const struct vea_root *root = umem_at(fix->heap.heap, fix->root);
	umem_off_t node = root->tree[1];
	uint8_t *bytes;

	if (rand_one_in(&fix->rand, 3)) {
		script_corrupt(fix);
	} else {
		bytes = umem_touch(fix->heap.heap, node, 8 + 16 * 16);
		bytes[rand_below(&fix->rand, 8 + 16 * 16)] ^= (uint8_t)(1U << rand_below(&fix->rand, 8));
	}
	for (uint32_t i = 0; i < fix->reserved_nr; i++)
		if (rand_one_in(&fix->rand, 2))
			vea_publish(fix->vea, &fix->reserved[i]);
	for (uint32_t i = 0; i < 10; i++)
		vea_free(fix->vea, rand_below(&fix->rand, 300), (uint32_t)rand_between(&fix->rand, 1, 5));
	return -DER_MISC;
}

static void
a_corrupt_tree_is_an_error_and_nothing_worse(void **state)
{
	struct fix *fix = fix_new(300, 20);
	struct vea_extent extent;

	assert_int_equal(vea_reserve(fix->vea, 200, NULL, false, &extent), 0);
	assert_int_equal(publish(fix, &extent), 0);
	for (uint64_t block = extent.block; block < extent.block + 100; block += 10)
		assert_int_equal(give_back(fix, block, 4), 0);
	while (fix->reserved_nr < 8)
		assert_int_equal(vea_reserve(fix->vea, 3, NULL, false, &fix->reserved[fix->reserved_nr++]), 0);
	fix->script = script_corrupt_tree;
	for (uint32_t i = 0; i < 5000; i++) {
		int rc = umem_write(fix->heap.heap, 0, body_script, fix, NULL);

		assert_true(rc == -DER_MISC || rc == -DER_DF_INVAL);
	}
	assert_int_equal(vea_check(fix->vea), 0);
	fix_free(fix);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_reserved_and_not_published_is_free_again_after_a_restart),
		cmocka_unit_test(a_publication_that_is_undone_stays_a_reservation),
		cmocka_unit_test(only_allocated_blocks_can_be_freed),
		cmocka_unit_test(freed_blocks_wait_for_the_io_that_began_before),
		cmocka_unit_test(more_generations_of_io_than_the_ring_has_only_wait_longer),
		cmocka_unit_test(a_twentieth_is_kept_for_reclaiming),
		cmocka_unit_test(streams_with_hints_stay_in_one_piece),
		cmocka_unit_test(a_small_request_takes_the_smallest_gap_that_fits),
		cmocka_unit_test(an_allocator_without_blocks_gives_none),
		cmocka_unit_test(the_allocator_does_what_its_model_does),
		cmocka_unit_test(a_failed_request_for_memory_leaves_both_views_as_they_were),
		cmocka_unit_test(a_full_heap_leaves_both_views_as_they_were),
		cmocka_unit_test(a_corrupt_root_is_an_error_and_nothing_worse),
		cmocka_unit_test(a_corrupt_tree_is_an_error_and_nothing_worse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
