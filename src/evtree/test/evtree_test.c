/* SPDX-License-Identifier: Apache-2.0 */
/* Single properties of trees of extents: what is seen, sizes, full heaps, corrupt nodes. */
#include "../../btree/test/heap_test.h"
#include "evtree/evtree.h"
#include "../evtree_format.h"

#define PIECES_MAX 64

struct fix {
	struct heap_test heap;
	struct evtree tree;
	struct rand rand;
	int (*script)(struct fix *fix);
	struct evtree_piece pieces[PIECES_MAX];
	uint32_t nr;
	uint64_t from, to; /* extents that a body inserts or verifies */
	uint64_t found_bad;
};

static struct fix *
fix_new(uint64_t heap_size)
{
	struct fix *fix = calloc(1, sizeof(*fix));

	heap_test_open(&fix->heap, heap_size);
	fix->tree = (struct evtree){.heap = fix->heap.heap, .root = umem_root(fix->heap.heap), .arg = fix, .log = &fix->heap.log};
	rand_init(&fix->rand, 1, 0);
	return fix;
}

static void
fix_free(struct fix *fix)
{
	heap_test_close(&fix->heap);
	free(fix);
}

static int
body_script(struct umem *heap, void *arg)
{
	struct fix *fix = arg;

	return fix->script(fix);
}

/** Runs script as a body that is undone. */
static void
run_script(int (*script)(struct fix *fix))
{
	struct fix *fix = fix_new(4 * MIB);

	fix->script = script;
	assert_int_equal(umem_write(fix->heap.heap, 0, body_script, fix, NULL), -DER_MISC);
	assert_int_equal(heap_test_used(&fix->heap), 0);
	fix_free(fix);
}

static int
put(struct fix *fix, uint64_t lo, uint64_t hi, uint64_t epoch, uint16_t minor, uint8_t media)
{
	struct evtree_extent extent = {
		.lo = lo,
		.hi = hi,
		.when = {epoch, minor},
		.data = {.addr = lo * 1000 + epoch, .media = media},
	};

	return evtree_insert(&fix->tree, &extent, media == EVTREE_HOLE ? 0 : 1, NULL);
}

static int
keep_piece(void *arg, const struct evtree_piece *piece)
{
	struct fix *fix = arg;

	assert_true(fix->nr < PIECES_MAX);
	fix->pieces[fix->nr++] = *piece;
	return 0;
}

static int
look(struct fix *fix, uint64_t lo, uint64_t hi, uint64_t epoch, uint16_t minor)
{
	fix->nr = 0;
	return evtree_find(&fix->tree, lo, hi, (struct evtree_when){epoch, minor}, keep_piece, fix);
}

static void
expect(struct fix *fix, uint32_t i, uint64_t lo, uint64_t hi, uint64_t epoch)
{
	assert_true(i < fix->nr);
	assert_int_equal(fix->pieces[i].lo, lo);
	assert_int_equal(fix->pieces[i].hi, hi);
	assert_int_equal(fix->pieces[i].whole.when.epoch, epoch);
}

/* ---- what is seen ------------------------------------------------------------------------------------------------ */

static int
script_cover(struct fix *fix)
{
	assert_int_equal(look(fix, 0, UINT64_MAX, UINT64_MAX, 0), 0);
	assert_int_equal(fix->nr, 0);
	assert_int_equal(put(fix, 0, 99, 10, 0, 1), 0);
	assert_int_equal(put(fix, 20, 39, 20, 0, 1), 0);
	assert_int_equal(put(fix, 30, 49, 30, 0, EVTREE_HOLE), 0);
	assert_int_equal(look(fix, 0, UINT64_MAX, 9, 9), 0);
	assert_int_equal(fix->nr, 0);
	assert_int_equal(look(fix, 5, 200, 10, 0), 0);
	assert_int_equal(fix->nr, 1);
	expect(fix, 0, 5, 99, 10);
	assert_int_equal(look(fix, 0, 200, 25, 0), 0);
	assert_int_equal(fix->nr, 3);
	expect(fix, 0, 0, 19, 10);
	expect(fix, 1, 20, 39, 20);
	expect(fix, 2, 40, 99, 10);
	assert_int_equal(look(fix, 0, 200, 30, 0), 0);
	assert_int_equal(fix->nr, 4);
	expect(fix, 1, 20, 29, 20);
	expect(fix, 2, 30, 49, 30);
	assert_int_equal(fix->pieces[2].whole.data.media, EVTREE_HOLE);
	expect(fix, 3, 50, 99, 10);
	return -DER_MISC;
}

static void
a_newer_extent_covers_an_older_one_and_so_does_a_hole(void **state)
{
	run_script(script_cover);
}

static int
script_minor(struct fix *fix)
{
	assert_int_equal(put(fix, 0, 9, 10, 1, 1), 0);
	assert_int_equal(put(fix, 5, 9, 10, 2, 1), 0);
	assert_int_equal(put(fix, 0, 9, 10, 0, 1), 0);
	assert_int_equal(look(fix, 0, 9, 10, 0), 0);
	assert_int_equal(fix->nr, 1);
	assert_int_equal(fix->pieces[0].whole.when.minor, 0);
	assert_int_equal(look(fix, 0, 9, 10, UINT16_MAX), 0);
	assert_int_equal(fix->nr, 2);
	assert_int_equal(fix->pieces[0].whole.when.minor, 1);
	assert_int_equal(fix->pieces[1].whole.when.minor, 2);
	return -DER_MISC;
}

static void
minor_orders_the_writes_of_one_epoch(void **state)
{
	run_script(script_minor);
}

static int
script_same_time(struct fix *fix)
{
	struct evtree_extent extent = {.lo = 10, .hi = 19, .when = {5, 1}, .data = {.addr = 77, .media = 1}};
	struct evtree_data old;

	assert_int_equal(put(fix, 10, 19, 5, 1, 1), 0);
	assert_int_equal(put(fix, 15, 25, 5, 1, 1), -DER_VOS_PARTIAL_UPDATE);
	assert_int_equal(put(fix, 10, 18, 5, 1, 1), -DER_VOS_PARTIAL_UPDATE);
	assert_int_equal(put(fix, 0, 10, 5, 1, EVTREE_HOLE), -DER_VOS_PARTIAL_UPDATE);
	assert_int_equal(put(fix, 15, 25, 5, 2, 1), 0);
	assert_int_equal(put(fix, 20, 25, 5, 1, 1), 0);
	assert_int_equal(evtree_insert(&fix->tree, &extent, 1, &old), 1);
	assert_int_equal(old.addr, 10 * 1000 + 5);
	assert_int_equal(look(fix, 10, 12, 5, 1), 0);
	assert_int_equal(fix->pieces[0].whole.data.addr, 77);
	assert_int_equal(evtree_insert(&fix->tree, &extent, 2, &old), -DER_REC_SIZE);
	assert_int_equal(evtree_insert(&fix->tree, &extent, 0, &old), -DER_INVAL);
	extent.hi = 9;
	assert_int_equal(evtree_insert(&fix->tree, &extent, 1, &old), -DER_INVAL);
	assert_int_equal(evtree_check(&fix->tree), 0);
	return -DER_MISC;
}

static void
extents_of_one_time_are_equal_or_apart(void **state)
{
	run_script(script_same_time);
}

static int
blame(void *arg, const struct evtree_extent *extent)
{
	return extent->when.epoch == 20 ? -DER_INPROGRESS : extent->when.epoch == 25 ? 1 : 0;
}

static int
script_visible(struct fix *fix)
{
	fix->tree.visible = blame;
	put(fix, 0, 99, 10, 0, 1);
	put(fix, 20, 39, 20, 0, 1);
	put(fix, 50, 60, 25, 0, 1);
	assert_int_equal(look(fix, 40, 99, 99, 0), 0);
	assert_int_equal(fix->nr, 1); /* the skipped one does not even part the piece */
	assert_int_equal(look(fix, 0, 99, 99, 0), -DER_INPROGRESS);
	expect(fix, 0, 0, 19, 10);
	assert_int_equal(look(fix, 0, 99, 19, 0), 0);
	put(fix, 10, 45, 30, 0, 1);
	assert_int_equal(look(fix, 0, 99, 99, 0), 0); /* covered: nobody needs to know */
	assert_int_equal(fix->nr, 3);
	return -DER_MISC;
}

static void
an_undecided_extent_matters_only_where_it_would_be_seen(void **state)
{
	run_script(script_visible);
}

static int
script_end(struct fix *fix)
{
	struct evtree_when now = {UINT64_MAX, 0};
	struct evtree_piece piece;

	assert_int_equal(evtree_end(&fix->tree, true, now, &piece), -DER_NONEXIST);
	put(fix, 100, UINT64_MAX, 5, 0, EVTREE_HOLE);
	assert_int_equal(evtree_end(&fix->tree, true, now, &piece), -DER_NONEXIST);
	assert_int_equal(evtree_end(&fix->tree, false, now, &piece), -DER_NONEXIST);
	put(fix, 10, 199, 10, 0, 1);
	put(fix, 50, 149, 20, 0, 1);
	put(fix, 120, UINT64_MAX, 30, 0, EVTREE_HOLE); /* truncated to 120 records */
	put(fix, 0, 12, 40, 0, EVTREE_HOLE);
	assert_int_equal(evtree_end(&fix->tree, true, now, &piece), 0);
	assert_int_equal(piece.lo, 50);
	assert_int_equal(piece.hi, 119);
	assert_int_equal(piece.whole.when.epoch, 20);
	assert_int_equal(evtree_end(&fix->tree, false, now, &piece), 0);
	assert_int_equal(piece.lo, 13);
	assert_int_equal(piece.hi, 49);
	assert_int_equal(evtree_end(&fix->tree, true, (struct evtree_when){15, 0}, &piece), 0);
	assert_int_equal(piece.lo, 10);
	assert_int_equal(piece.hi, 199);
	return -DER_MISC;
}

static void
a_truncated_array_ends_where_the_hole_begins(void **state)
{
	run_script(script_end);
}

static int
script_last_moment(struct fix *fix)
{
	struct evtree_piece piece;

	put(fix, 0, 9, UINT64_MAX, UINT16_MAX, 1);
	put(fix, 0, 20, 5, UINT16_MAX, 1);
	put(fix, 3, 4, 6, 0, 1);
	assert_int_equal(look(fix, 0, 20, UINT64_MAX, UINT16_MAX), 0);
	assert_int_equal(fix->nr, 2);
	assert_int_equal(look(fix, 0, 20, 6, 0), 0);
	assert_int_equal(fix->nr, 3);
	assert_int_equal(look(fix, 9, 3, 6, 0), 0);
	assert_int_equal(fix->nr, 0);
	assert_int_equal(evtree_end(&fix->tree, true, (struct evtree_when){UINT64_MAX, UINT16_MAX}, &piece), 0);
	assert_int_equal(piece.lo, 10);
	assert_int_equal(evtree_end(&fix->tree, false, (struct evtree_when){UINT64_MAX, UINT16_MAX}, &piece), 0);
	assert_int_equal(piece.hi, 9);
	put(fix, 5, 30, 7, 0, 1);
	assert_int_equal(evtree_end(&fix->tree, true, (struct evtree_when){UINT64_MAX, UINT16_MAX}, &piece), 0);
	assert_int_equal(piece.lo, 10);
	assert_int_equal(piece.hi, 30);
	fix->tree.visible = blame;
	put(fix, 40, 50, 20, 0, 1);
	assert_int_equal(evtree_end(&fix->tree, true, (struct evtree_when){UINT64_MAX, 0}, &piece), -DER_INPROGRESS);
	return -DER_MISC;
}

static void
nothing_comes_after_the_last_moment(void **state)
{
	run_script(script_last_moment);
}

/* ---- size, faults ------------------------------------------------------------------------------------------------ */

/** Extents from..to - 1 in an order of their own, many over others. */
static struct evtree_extent
numbered(uint64_t i)
{
	uint64_t x = i * 0x9e3779b97f4a7c15ULL;

	return (struct evtree_extent){
		.lo = (x >> 20) % 4000,
		.hi = (x >> 20) % 4000 + (x >> 50) % 30,
		.when = {i + 1, 0},
		.data = {.addr = x, .media = (uint8_t)(i % 3)},
	};
}

static int
body_insert(struct umem *heap, void *arg)
{
	struct fix *fix = arg;
	int rc = 0;

	for (uint64_t i = fix->from; i < fix->to && rc == 0; i++) {
		struct evtree_extent extent = numbered(i);

		rc = evtree_insert(&fix->tree, &extent, 1, NULL);
	}
	return rc;
}

static int
body_remove(struct umem *heap, void *arg)
{
	struct fix *fix = arg;
	int rc = 0;

	for (uint64_t i = fix->from; i < fix->to && rc == 0; i++) {
		struct evtree_extent extent = numbered(i);

		rc = evtree_remove(&fix->tree, &extent, NULL);
	}
	return rc;
}

/** Exactly the extents 0..to - 1 are there. */
static int
body_verify(struct umem *heap, void *arg)
{
	struct fix *fix = arg;
	struct evtree_root *root = umem_at(heap, fix->tree.root);

	for (uint64_t i = 0; i < fix->to; i++) {
		struct evtree_extent extent = numbered(i);

		fix->nr = 0;
		assert_int_equal(evtree_find(&fix->tree, extent.hi, extent.hi, extent.when, keep_piece, fix), 0);
		assert_int_equal(fix->nr, 1);
		assert_int_equal(fix->pieces[0].whole.data.addr, extent.data.addr);
	}
	assert_int_equal(root->count, fix->to);
	return evtree_check(&fix->tree);
}

static void
a_tree_of_few_extents_takes_little_space(void **state)
{
	static const uint64_t most[] = {0, 96, 224, 224};
	struct fix *fix = fix_new(4 * MIB);

	for (uint64_t nr = 1; nr < ARRAY_SIZE(most); nr++) {
		fix->from = nr - 1;
		fix->to = nr;
		assert_int_equal(umem_write(fix->heap.heap, 0, body_insert, fix, NULL), 0);
		assert_true(heap_test_used(&fix->heap) <= most[nr]);
	}
	fix_free(fix);
}

static void
removing_everything_gives_all_space_back(void **state)
{
	static const struct evtree_root zero;
	struct fix *fix = fix_new(8 * MIB);

	fix->to = 5000;
	assert_int_equal(umem_write(fix->heap.heap, 0, body_insert, fix, NULL), 0);
	assert_int_equal(umem_read(fix->heap.heap, body_verify, fix), 0);
	assert_int_equal(umem_write(fix->heap.heap, 0, body_remove, fix, NULL), 0);
	assert_int_equal(heap_test_used(&fix->heap), 0);
	fix->to = 0;
	assert_int_equal(umem_read(fix->heap.heap, body_verify, fix), 0);
	assert_memory_equal((char *)umem_at(fix->heap.heap, fix->tree.root), &zero, sizeof(zero));
	fix_free(fix);
}

static void
a_full_heap_leaves_the_tree_as_it_was(void **state)
{
	struct fix *fix = fix_new(512 * KIB);
	uint64_t end = 0, more = 500;
	uint32_t full = 0;

	for (uint32_t round = 0; round < 150; round++) {
		fix->from = end;
		fix->to = end + more;
		if (umem_write(fix->heap.heap, 0, body_insert, fix, NULL) == 0) {
			end += more;
			continue;
		}
		full++;
		fix->to = end;
		assert_int_equal(umem_read(fix->heap.heap, body_verify, fix), 0);
		if (more == 1) {
			fix->from = end - 300;
			assert_int_equal(umem_write(fix->heap.heap, 0, body_remove, fix, NULL), 0);
			end -= 300;
		}
		more = more == 1 ? 90 + full : more / 2;
	}
	assert_true(full > 30);
	fix_free(fix);
}

static int
script_narrow(struct fix *fix)
{
	struct evtree_root *root = umem_touch(fix->heap.heap, fix->tree.root, sizeof(*root));

	root->order = 4;
	return 0;
}

static void
every_missing_node_is_noticed(void **state)
{
	/* Top nodes as they grow, and the others, of order 4. */
	static const size_t sizes[] = {16 + 64, 16 + 3 * 64, 16 + 4 * 64, 0};
	struct fix *fix = fix_new(640 * KIB);
	struct ballast *ballast = calloc(1, sizeof(*ballast));
	uint32_t dropped = 0, full = 0;

	fix->script = script_narrow;
	assert_int_equal(umem_write(fix->heap.heap, 0, body_script, fix, NULL), 0);
	ballast_take(ballast, fix->heap.heap, sizes);
	for (uint64_t i = 0; i < 120; i++) {
		for (;;) {
			fix->from = i;
			fix->to = i + 1;
			if (umem_write(fix->heap.heap, 0, body_insert, fix, NULL) == 0)
				break;
			full++;
			fix->to = i;
			assert_int_equal(umem_read(fix->heap.heap, body_verify, fix), 0);
			ballast_drop(ballast, fix->heap.heap, dropped++);
		}
	}
	assert_true(full > 40);
	fix->to = 120;
	assert_int_equal(umem_read(fix->heap.heap, body_verify, fix), 0);
	free(ballast);
	fix_free(fix);
}

static void
a_failed_request_for_memory_leaves_the_tree_as_it_was(void **state)
{
	int rc = -DER_NOMEM;
	size_t nth;

	for (nth = 1; rc != 0; nth++) {
		struct fix *fix = fix_new(8 * MIB);

		fix->to = 100;
		assert_int_equal(umem_write(fix->heap.heap, 0, body_insert, fix, NULL), 0);
		fix->from = 100;
		fix->to = 1500;
		mem_test_fail(&fix->heap.mem, nth);
		rc = umem_write(fix->heap.heap, 0, body_insert, fix, NULL);
		mem_test_fail(&fix->heap.mem, 0);
		if (rc != 0) {
			assert_int_equal(rc, -DER_NOMEM);
			fix->to = 100;
		}
		assert_int_equal(umem_read(fix->heap.heap, body_verify, fix), 0);
		fix_free(fix);
	}
	assert_true(nth > 3);
}

/* ---- corrupt nodes ----------------------------------------------------------------------------------------------- */

static int
count_piece(void *arg, const struct evtree_piece *piece)
{
	uint64_t *left = arg;

	assert_true(*left > 0);
	--*left;
	return 0;
}

static int
count_extent(void *arg, const struct evtree_extent *extent)
{
	uint64_t *left = arg;

	assert_true(*left > 0);
	--*left;
	return 0;
}

static size_t
head_of(const struct evtree_node *node)
{
	return 8 + ALIGN_UP((size_t)node->cap, 8);
}

static union evtree_entry *
entry_of(struct evtree_node *node, uint64_t i)
{
	return (union evtree_entry *)((char *)node + head_of(node)) + node->sorted[i];
}

/** A node at a random level. */
static umem_off_t
any_node(struct fix *fix)
{
	struct umem *heap = fix->heap.heap;
	struct evtree_root *root = umem_at(heap, fix->tree.root);
	umem_off_t off = root->node;
	struct evtree_node *node = umem_at(heap, off);

	for (uint64_t down = rand_below(&fix->rand, root->depth); down > 0; down--) {
		off = entry_of(node, rand_below(&fix->rand, node->nr))->inner.child;
		node = umem_at(heap, off);
	}
	return off;
}

static void
damage(struct fix *fix)
{
	struct umem *heap = fix->heap.heap;
	umem_off_t off = any_node(fix), other = any_node(fix);
	struct evtree_root *root = umem_touch(heap, fix->tree.root, sizeof(*root));
	struct evtree_node *node = umem_at(heap, off);
	size_t size = head_of(node) + node->cap * sizeof(union evtree_entry);
	union evtree_entry *entry = entry_of(node, rand_below(&fix->rand, node->nr));

	umem_touch(heap, off, size);
	switch (rand_below(&fix->rand, 14)) {
	case 0:
		((uint8_t *)root)[rand_below(&fix->rand, sizeof(*root))] ^= (uint8_t)(1U << rand_below(&fix->rand, 8));
		break;
	case 1:
		root->count = rand_below(&fix->rand, 20);
		break;
	case 2:
		root->node = rand_one_in(&fix->rand, 2) ? other : UMEM_NULL;
		break;
	case 3:
		root->depth = (uint8_t)(root->depth + rand_between(&fix->rand, 0, 2) - 1);
		break;
	case 4:
		node->nr = (uint8_t)rand_below(&fix->rand, node->cap + 2U);
		break;
	case 5:
		node->cap = (uint8_t)MAX(rand_below(&fix->rand, node->cap + 2U), (uint64_t)node->nr);
		break;
	case 6:
		node->level = (uint8_t)rand_below(&fix->rand, 4);
		break;
	case 7:
		if (node->level > 0)
			entry->inner.child = other;
		break;
	case 8:
		if (node->level > 0)
			entry->inner.child = rand_one_in(&fix->rand, 2) ? rand_u64(&fix->rand) : ALIGN_UP(off, UMEM_SEGMENT) - 16;
		break;
	case 9:
		*entry = *entry_of(node, rand_below(&fix->rand, node->nr));
		break;
	case 10:
		node->sorted[rand_below(&fix->rand, node->nr)] = (uint8_t)rand_below(&fix->rand, node->cap + 1U);
		break;
	case 11:
		entry->hi = rand_below(&fix->rand, 4000);
		break;
	default:
		((uint8_t *)node)[rand_below(&fix->rand, size)] ^= (uint8_t)(1U << rand_below(&fix->rand, 8));
	}
}

/** Damages a node or the root, does everything, and undoes it all. */
static int
body_corrupt(struct umem *heap, void *arg)
{
	struct fix *fix = arg;
	struct evtree_when when = {rand_below(&fix->rand, 2000), 0};
	struct evtree_extent extent;
	struct evtree_piece piece;
	uint32_t credits = 50, i;
	uint64_t left;

	damage(fix);
	fix->found_bad += evtree_check(&fix->tree) != 0;
	left = 100000;
	evtree_find(&fix->tree, 0, UINT64_MAX, when, count_piece, &left);
	left = 20000;
	evtree_each(&fix->tree, 0, UINT64_MAX, 0, UINT64_MAX, count_extent, &left);
	evtree_end(&fix->tree, true, when, &piece);
	evtree_end(&fix->tree, false, when, &piece);
	for (i = (uint32_t)rand_below(&fix->rand, 80); i > 0; i--) {
		extent = numbered(rand_below(&fix->rand, 1200));
		switch (rand_below(&fix->rand, 4)) {
		case 0:
			evtree_set_dtx(&fix->tree, &extent, 9);
			break;
		case 1:
			evtree_remove(&fix->tree, &extent, NULL);
			break;
		default:
			evtree_insert(&fix->tree, &extent, 1, NULL);
		}
	}
	evtree_drain(&fix->tree, &credits, count_extent, &left);
	return -DER_MISC;
}

static void
corrupt_nodes_are_errors_and_nothing_worse(void **state)
{
	for (uint32_t narrow = 0; narrow < 2; narrow++) {
		struct fix *fix = fix_new(1 * MIB);

		fix->script = script_narrow;
		if (narrow)
			assert_int_equal(umem_write(fix->heap.heap, 0, body_script, fix, NULL), 0);
		fix->to = 800;
		assert_int_equal(umem_write(fix->heap.heap, 0, body_insert, fix, NULL), 0);
		for (uint32_t round = 0; round < 5000 / TEST_PARTS; round++) {
			int rc = umem_write(fix->heap.heap, 0, body_corrupt, fix, NULL);

			assert_true(rc == -DER_MISC || rc == -DER_DF_INVAL);
		}
		assert_true(fix->found_bad > 500 / TEST_PARTS);
		assert_true(fix->heap.lines > fix->found_bad);
		assert_int_equal(umem_read(fix->heap.heap, body_verify, fix), 0);
		fix_free(fix);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_newer_extent_covers_an_older_one_and_so_does_a_hole),
		cmocka_unit_test(minor_orders_the_writes_of_one_epoch),
		cmocka_unit_test(extents_of_one_time_are_equal_or_apart),
		cmocka_unit_test(an_undecided_extent_matters_only_where_it_would_be_seen),
		cmocka_unit_test(a_truncated_array_ends_where_the_hole_begins),
		cmocka_unit_test(nothing_comes_after_the_last_moment),
		cmocka_unit_test(a_tree_of_few_extents_takes_little_space),
		cmocka_unit_test(removing_everything_gives_all_space_back),
		cmocka_unit_test(a_full_heap_leaves_the_tree_as_it_was),
		cmocka_unit_test(every_missing_node_is_noticed),
		cmocka_unit_test(a_failed_request_for_memory_leaves_the_tree_as_it_was),
		cmocka_unit_test(corrupt_nodes_are_errors_and_nothing_worse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
