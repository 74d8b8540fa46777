/* SPDX-License-Identifier: Apache-2.0 */
/* Single properties of trees: kinds of keys, sizes, full heaps, corrupt nodes. */
#include "heap_test.h"
#include "btree/btree.h"
#include "../btree_format.h"

enum { INTEGER, HASHED, DIRECT, LEXICAL, TIED };

struct fix {
	struct heap_test heap;
	struct btree_registry registry;
	struct btree tree;
	uint32_t cls, order;
	/* what a body is to do */
	uint64_t from, to, step;
	struct rand rand;
	uint64_t found;
	int rcs[16];
};

static int
tie_text(struct umem *heap, uint64_t value, const void *key, size_t len)
{
	const char *text = umem_at(heap, value);
	size_t text_len = strnlen(text, 32);
	int rc = memcmp(key, text, MIN(len, text_len));

	return rc != 0 ? rc : (len > text_len) - (len < text_len);
}

/** All keys share a few short keys; the value is the key. */
static void
few_hkeys(const void *key, size_t len, uint8_t *hkey)
{
	memset(hkey, 0, 8);
	hkey[0] = ((const uint8_t *)key)[1] & 1;
}

static int
tie_number(struct umem *heap, uint64_t value, const void *key, size_t len)
{
	uint64_t number;

	memcpy(&number, key, 8);
	return (number > value) - (number < value);
}

static const struct btree_class classes[] = {
	[INTEGER] = {.features = BTREE_INTEGER, .hkey_size = 8},
	[HASHED] = {.features = BTREE_HASHED, .hkey_size = 16},
	[DIRECT] = {.features = BTREE_DIRECT, .hkey_size = 16},
	[LEXICAL] = {.features = BTREE_LEXICAL, .hkey_size = 8, .tie = tie_text},
	[TIED] = {.hkey_size = 8, .hkey = few_hkeys, .tie = tie_number},
};

static int
body_create(struct umem *heap, void *arg)
{
	struct fix *fix = arg;

	return btree_create(&fix->tree, fix->cls, (uint8_t)fix->order);
}

static struct fix *
fix_new(uint32_t cls, uint32_t order, uint64_t heap_size)
{
	struct fix *fix = calloc(1, sizeof(*fix));

	heap_test_open(&fix->heap, heap_size);
	for (uint32_t i = 0; i < ARRAY_SIZE(classes); i++)
		assert_int_equal(btree_register(&fix->registry, i, &classes[i]), 0);
	fix->tree = (struct btree){.heap = fix->heap.heap, .registry = &fix->registry, .root = umem_root(fix->heap.heap)};
	fix->tree.log = &fix->heap.log;
	fix->cls = cls;
	fix->order = order;
	fix->step = 1;
	rand_init(&fix->rand, 1, 0);
	assert_int_equal(umem_write(fix->heap.heap, 0, body_create, fix, NULL), 0);
	return fix;
}

static void
fix_free(struct fix *fix)
{
	heap_test_close(&fix->heap);
	free(fix);
}

static int
do_write(struct fix *fix, umem_body body)
{
	return umem_write(fix->heap.heap, 0, body, fix, NULL);
}

static int
do_read(struct fix *fix, umem_body body)
{
	return umem_read(fix->heap.heap, body, fix);
}

static int
body_insert(struct umem *heap, void *arg)
{
	struct fix *fix = arg;
	int rc = 0;

	for (uint64_t i = fix->from; i != fix->to && rc == 0; i += fix->step)
		rc = btree_insert(&fix->tree, &i, 8, i, NULL);
	return rc;
}

static int
body_remove(struct umem *heap, void *arg)
{
	struct fix *fix = arg;
	int rc = 0;

	for (uint64_t i = fix->from; i != fix->to && rc == 0; i += fix->step)
		rc = btree_remove(&fix->tree, &i, 8, NULL);
	return rc;
}

/** Exactly the keys of [from, to) by step are there. */
static int
body_verify(struct umem *heap, void *arg)
{
	struct fix *fix = arg;
	uint64_t value, nr = 0;

	for (uint64_t i = fix->from; i != fix->to; i += fix->step, nr++) {
		assert_int_equal(btree_find(&fix->tree, &i, 8, &value), 0);
		assert_int_equal(value, i);
	}
	assert_int_equal(btree_count(&fix->tree), nr);
	return btree_check(&fix->tree);
}

/* ---- classes ----------------------------------------------------------------------------------------------------- */

static void
a_class_is_refused_when_it_cannot_order_keys(void **state)
{
	static const struct btree_class bad[] = {
		{.features = BTREE_INTEGER, .hkey_size = 0},
		{.features = BTREE_INTEGER, .hkey_size = 12},
		{.features = BTREE_INTEGER, .hkey_size = 40},
		{.features = 0, .hkey_size = 8},
		{.features = BTREE_INTEGER | BTREE_DIRECT, .hkey_size = 8},
		{.features = 16, .hkey_size = 8, .hkey = few_hkeys},
		{.features = BTREE_HASHED, .hkey_size = 24},
		{.features = BTREE_LEXICAL, .hkey_size = 8},
	};
	struct btree_registry registry = {{NULL}};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(btree_register(&registry, 1, &bad[i]), -DER_INVAL);
	assert_int_equal(btree_register(&registry, BTREE_CLASS_MAX, &classes[0]), -DER_INVAL);
	assert_int_equal(btree_register(&registry, 1, &classes[0]), 0);
	assert_int_equal(btree_register(&registry, 1, &classes[0]), -DER_EXIST);
}

static int
body_wrong_lengths(struct umem *heap, void *arg)
{
	struct fix *fix = arg;
	char key[40] = "";

	fix->rcs[0] = btree_insert(&fix->tree, key, 7, 1, NULL);
	fix->rcs[1] = btree_find(&fix->tree, key, 17, NULL);
	return 0;
}

static void
a_key_of_a_wrong_length_is_refused(void **state)
{
	struct fix *fix = fix_new(INTEGER, 0, 4 * MIB);

	assert_int_equal(do_write(fix, body_wrong_lengths), 0);
	assert_int_equal(fix->rcs[0], -DER_INVAL);
	assert_int_equal(fix->rcs[1], -DER_NONEXIST); /* nothing is looked up in an empty tree */
	fix_free(fix);
	fix = fix_new(DIRECT, 0, 4 * MIB);
	assert_int_equal(do_write(fix, body_wrong_lengths), 0);
	assert_int_equal(fix->rcs[0], 0);
	assert_int_equal(fix->rcs[1], -DER_INVAL);
	fix_free(fix);
}

static int
body_texts(struct umem *heap, void *arg)
{
	static const char *const texts[] = {"b", "abcdefgh", "abcdefghb", "", "abcdefgha", "a", "abcdefg", "abcdefghab"};
	static const char *const sorted[] = {"", "a", "abcdefg", "abcdefgh", "abcdefgha", "abcdefghab", "abcdefghb", "b"};
	struct fix *fix = arg;
	struct btree_cursor cursor;
	uint64_t value;
	int rc;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		umem_off_t off = umem_alloc(heap, 32);

		memcpy(umem_at(heap, off), texts[i], strlen(texts[i]));
		assert_int_equal(btree_insert(&fix->tree, texts[i], strlen(texts[i]), off, NULL), 0);
		assert_int_equal(btree_insert(&fix->tree, texts[i], strlen(texts[i]), 1, &value), -DER_EXIST);
		assert_int_equal(value, off);
	}
	rc = btree_seek(&fix->tree, BTREE_FIRST, NULL, 0, &cursor);
	for (size_t i = 0; i < ARRAY_SIZE(sorted); i++, rc = btree_next(&cursor)) {
		assert_int_equal(rc, 0);
		assert_string_equal((char *)umem_at(heap, btree_value(&cursor)), sorted[i]);
	}
	assert_int_equal(rc, -DER_NONEXIST);
	return -DER_MISC;
}

static void
texts_with_a_common_head_stand_in_their_order(void **state)
{
	struct fix *fix = fix_new(LEXICAL, 4, 4 * MIB);

	assert_int_equal(do_write(fix, body_texts), -DER_MISC);
	fix_free(fix);
}

static int
body_numbers(struct umem *heap, void *arg)
{
	static const uint64_t numbers[] = {256, 1, UINT64_MAX, 255, 1ULL << 63, 0, 65536};
	static const uint64_t sorted[] = {0, 1, 255, 256, 65536, 1ULL << 63, UINT64_MAX};
	struct fix *fix = arg;
	struct btree_cursor cursor;
	uint8_t all[8];
	int rc;

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		assert_int_equal(btree_insert(&fix->tree, &numbers[i], 8, numbers[i], NULL), 0);
	rc = btree_seek(&fix->tree, BTREE_FIRST, NULL, 0, &cursor);
	for (size_t i = 0; i < ARRAY_SIZE(sorted); i++, rc = btree_next(&cursor)) {
		assert_int_equal(rc, 0);
		assert_int_equal(btree_value(&cursor), sorted[i]);
	}
	assert_int_equal(rc, -DER_NONEXIST);
	/* Behind the largest short key there is nothing; at it there is one. */
	memset(all, 0xff, sizeof(all));
	assert_int_equal(btree_seek_hkey(&fix->tree, BTREE_GT, all, &cursor), -DER_NONEXIST);
	assert_int_equal(btree_seek_hkey(&fix->tree, BTREE_LE, all, &cursor), 0);
	assert_int_equal(btree_value(&cursor), UINT64_MAX);
	return -DER_MISC;
}

static void
integer_keys_stand_in_numeric_order(void **state)
{
	struct fix *fix = fix_new(INTEGER, 4, 4 * MIB);

	assert_int_equal(do_write(fix, body_numbers), -DER_MISC);
	fix_free(fix);
}

static void
hashed_keys_are_found_again(void **state)
{
	struct fix *fix = fix_new(HASHED, 0, 16 * MIB);

	fix->to = 20000;
	assert_int_equal(do_write(fix, body_insert), 0);
	assert_int_equal(do_read(fix, body_verify), 0);
	fix_free(fix);
}

/* ---- empty roots ------------------------------------------------------------------------------------------------- */

static int
no_drop(void *arg, uint64_t value)
{
	return 0;
}

static int
body_unformatted(struct umem *heap, void *arg)
{
	struct fix *fix = arg;
	struct btree tree = fix->tree;
	struct btree_cursor cursor;
	uint32_t credits = 1;
	uint64_t key = 1;

	tree.root += 256;
	fix->rcs[0] = btree_find(&tree, &key, 8, NULL);
	fix->rcs[1] = btree_remove(&tree, &key, 8, NULL);
	fix->rcs[2] = btree_seek(&tree, BTREE_FIRST, NULL, 0, &cursor);
	fix->rcs[3] = btree_insert(&tree, &key, 8, 1, NULL);
	fix->rcs[4] = btree_drain(&tree, &credits, no_drop, NULL);
	fix->rcs[5] = btree_check(&tree);
	assert_true(btree_empty(&tree));
	assert_int_equal(btree_create(&tree, 63, 0), -DER_INVAL);
	assert_int_equal(btree_create(&tree, INTEGER, 3), -DER_INVAL);
	assert_int_equal(btree_create(&tree, INTEGER, 255), 0);
	assert_int_equal(btree_create(&tree, HASHED, 0), 0);
	assert_int_equal(btree_insert(&tree, &key, 8, 1, NULL), 0);
	assert_int_equal(btree_create(&tree, HASHED, 0), -DER_EXIST);
	return -DER_MISC;
}

static void
a_root_of_zeros_is_an_empty_tree(void **state)
{
	struct fix *fix = fix_new(INTEGER, 0, 4 * MIB);

	assert_int_equal(do_write(fix, body_unformatted), -DER_MISC);
	assert_int_equal(fix->rcs[0], -DER_NONEXIST);
	assert_int_equal(fix->rcs[1], -DER_NONEXIST);
	assert_int_equal(fix->rcs[2], -DER_NONEXIST);
	assert_int_equal(fix->rcs[3], -DER_UNINIT);
	assert_int_equal(fix->rcs[4], 0);
	assert_int_equal(fix->rcs[5], 0);
	fix_free(fix);
}

static int
body_drain_three(struct umem *heap, void *arg)
{
	struct fix *fix = arg;
	uint32_t credits = 3;

	return btree_drain(&fix->tree, &credits, no_drop, NULL) == 1 ? 0 : -DER_MISC;
}

static void
a_drained_part_leaves_a_sound_tree(void **state)
{
	struct fix *fix = fix_new(INTEGER, 4, 4 * MIB);

	fix->to = 300;
	assert_int_equal(do_write(fix, body_insert), 0);
	for (uint32_t left = 297; left > 0; left -= 3) {
		assert_int_equal(do_write(fix, body_drain_three), 0);
		fix->to = left;
		assert_int_equal(do_read(fix, body_verify), 0);
	}
	assert_int_equal(do_write(fix, body_drain_three), -DER_MISC); /* 0: it was the rest */
	fix_free(fix);
}

/* ---- size -------------------------------------------------------------------------------------------------------- */

static void
a_tree_of_few_keys_takes_little_space(void **state)
{
	static const uint64_t most[] = {0, 64, 96, 96};
	struct fix *fix = fix_new(HASHED, 0, 4 * MIB);

	for (uint64_t nr = 1; nr < ARRAY_SIZE(most); nr++) {
		fix->from = nr - 1;
		fix->to = nr;
		assert_int_equal(do_write(fix, body_insert), 0);
		assert_true(heap_test_used(&fix->heap) <= most[nr]);
	}
	fix_free(fix);
}

static void
keys_in_either_order_fill_their_nodes(void **state)
{
	struct fix *fix = fix_new(INTEGER, 0, 16 * MIB);

	fix->to = 50000;
	assert_int_equal(do_write(fix, body_insert), 0);
	assert_int_equal(do_read(fix, body_verify), 0);
	assert_true(heap_test_used(&fix->heap) < 50000 * 24);
	fix_free(fix);

	fix = fix_new(INTEGER, 0, 16 * MIB);
	fix->from = 50000;
	fix->step = UINT64_MAX;
	assert_int_equal(do_write(fix, body_insert), 0);
	assert_int_equal(do_read(fix, body_verify), 0);
	assert_true(heap_test_used(&fix->heap) < 50000 * 24);
	fix_free(fix);
}

static void
removing_everything_gives_all_space_back(void **state)
{
	struct fix *fix = fix_new(TIED, 4, 16 * MIB);

	fix->to = 5000;
	assert_int_equal(do_write(fix, body_insert), 0);
	assert_int_equal(do_write(fix, body_remove), 0);
	assert_int_equal(heap_test_used(&fix->heap), 0);
	fix->to = 0;
	assert_int_equal(do_read(fix, body_verify), 0);
	fix_free(fix);
}

/* ---- no space, no memory ----------------------------------------------------------------------------------------- */

static void
a_full_heap_leaves_the_tree_as_it_was(void **state)
{
	struct fix *fix = fix_new(INTEGER, 4, 512 * KIB);
	uint64_t end = 0, more = 500;
	uint32_t full = 0;

	/* Batches of different lengths run out at different allocations. */
	for (uint32_t round = 0; round < 200; round++) {
		fix->from = end;
		fix->to = end + more;
		if (do_write(fix, body_insert) == 0) {
			end += more;
			continue;
		}
		full++;
		fix->from = 0;
		fix->to = end;
		assert_int_equal(do_read(fix, body_verify), 0);
		if (more == 1) {
			fix->from = end - 400;
			assert_int_equal(do_write(fix, body_remove), 0);
			end -= 400;
		}
		more = more == 1 ? 90 + full : more / 2;
	}
	assert_true(full > 40);
	fix_free(fix);
}

static void
every_missing_node_is_noticed(void **state)
{
	/* Top nodes as they grow, and the others, of order 4. */
	static const size_t sizes[] = {8 + 16, 8 + 3 * 16, 8 + 4 * 16, 8 + 4 * 24, 0};
	struct fix *fix = fix_new(INTEGER, 4, 512 * KIB);
	struct ballast *ballast = calloc(1, sizeof(*ballast));
	uint32_t dropped = 0, full = 0;

	ballast_take(ballast, fix->heap.heap, sizes);
	for (uint64_t i = 0; i < 120; i++) {
		for (;;) {
			fix->from = i;
			fix->to = i + 1;
			if (do_write(fix, body_insert) == 0)
				break;
			full++;
			fix->from = 0;
			fix->to = i;
			assert_int_equal(do_read(fix, body_verify), 0);
			ballast_drop(ballast, fix->heap.heap, dropped++);
		}
	}
	assert_true(full > 40);
	fix->from = 0;
	fix->to = 120;
	assert_int_equal(do_read(fix, body_verify), 0);
	free(ballast);
	fix_free(fix);
}

static void
a_failed_request_for_memory_leaves_the_tree_as_it_was(void **state)
{
	int rc = -DER_NOMEM;
	size_t nth;

	for (nth = 1; rc != 0; nth++) {
		struct fix *fix = fix_new(TIED, 4, 16 * MIB);

		fix->to = 200;
		assert_int_equal(do_write(fix, body_insert), 0);
		fix->from = 200;
		fix->to = 3000;
		mem_test_fail(&fix->heap.mem, nth);
		rc = do_write(fix, body_insert);
		mem_test_fail(&fix->heap.mem, 0);
		fix->from = 0;
		if (rc != 0) {
			assert_int_equal(rc, -DER_NOMEM);
			fix->to = 200;
		}
		assert_int_equal(do_read(fix, body_verify), 0);
		fix_free(fix);
	}
	assert_true(nth > 3);
}

/* ---- corrupt nodes ----------------------------------------------------------------------------------------------- */

static size_t
size_of(const struct btree_node *node)
{
	return 8 + (size_t)node->cap * 8 * (node->words + 1U + (node->level > 0));
}

static uint64_t *
children_of(struct btree_node *node)
{
	return node->body + (size_t)node->cap * (node->words + 1U);
}

/** A node at a random level. */
static umem_off_t
any_node(struct fix *fix)
{
	struct umem *heap = fix->heap.heap;
	struct btree_root *root = umem_at(heap, fix->tree.root);
	umem_off_t off = root->node;
	struct btree_node *node = umem_at(heap, off);

	for (uint64_t down = rand_below(&fix->rand, root->depth); down > 0; down--) {
		off = children_of(node)[rand_below(&fix->rand, node->nr)];
		node = umem_at(heap, off);
	}
	return off;
}

static void
damage(struct fix *fix)
{
	struct umem *heap = fix->heap.heap;
	umem_off_t off = any_node(fix), other = any_node(fix);
	struct btree_root *root = umem_touch(heap, fix->tree.root, sizeof(*root));
	size_t size = size_of(umem_at(heap, off));
	struct btree_node *node = umem_touch(heap, off, size);
	uint64_t *child = &children_of(node)[rand_below(&fix->rand, node->nr)];

	switch (rand_below(&fix->rand, 12)) {
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
		node->nr = (uint16_t)rand_below(&fix->rand, node->cap + 2U);
		break;
	case 5:
		node->cap = (uint16_t)MAX(rand_below(&fix->rand, node->cap + 2U), (uint64_t)node->nr);
		break;
	case 6:
		node->level = (uint8_t)rand_below(&fix->rand, 4);
		break;
	case 7:
		if (node->level > 0)
			*child = other;
		break;
	case 8:
		if (node->level > 0)
			*child = rand_one_in(&fix->rand, 2) ? rand_u64(&fix->rand) : ALIGN_UP(off, UMEM_SEGMENT) - 16;
		break;
	case 9:
		if (node->level > 0 && node->nr > 1)
			*child = children_of(node)[0];
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
	struct btree_cursor cursor;
	uint32_t credits = 100, steps;
	uint64_t key, most;

	damage(fix);
	most = rand_one_in(&fix->rand, 2) ? 600 : 40;
	fix->found += btree_check(&fix->tree) != 0;
	for (int how = BTREE_FIRST; how <= BTREE_EQ; how++) {
		key = rand_below(&fix->rand, 600);
		if (btree_seek(&fix->tree, (enum btree_seek)how, &key, 8, &cursor) != 0)
			continue;
		for (steps = 0; btree_next(&cursor) == 0; steps++)
			assert_true(steps <= 70000);
		for (steps = 0; btree_prev(&cursor) == 0; steps++)
			assert_true(steps <= 70000);
	}
	for (steps = (uint32_t)rand_below(&fix->rand, 100); steps > 0; steps--) {
		key = rand_below(&fix->rand, most);
		switch (rand_below(&fix->rand, 3)) {
		case 0:
			btree_insert(&fix->tree, &key, 8, key, NULL);
			break;
		case 1:
			btree_remove(&fix->tree, &key, 8, NULL);
			break;
		default:
			btree_replace(&fix->tree, &key, 8, key);
		}
	}
	btree_drain(&fix->tree, &credits, no_drop, NULL);
	return -DER_MISC;
}

static void
corrupt_nodes_are_errors_and_nothing_worse(void **state)
{
	static const uint32_t cls[] = {INTEGER, TIED, HASHED};

	for (size_t i = 0; i < ARRAY_SIZE(cls); i++) {
		struct fix *fix = fix_new(cls[i], 4 + 6 * (uint32_t)i, 1 * MIB);

		fix->to = 500;
		assert_int_equal(do_write(fix, body_insert), 0);
		for (uint32_t round = 0; round < 4000 / TEST_PARTS; round++) {
			int rc = do_write(fix, body_corrupt);

			assert_true(rc == -DER_MISC || rc == -DER_DF_INVAL);
		}
		assert_true(fix->found > 500 / TEST_PARTS);
		assert_true(fix->heap.lines > fix->found);
		assert_int_equal(do_read(fix, body_verify), 0);
		fix_free(fix);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_class_is_refused_when_it_cannot_order_keys),
		cmocka_unit_test(a_key_of_a_wrong_length_is_refused),
		cmocka_unit_test(texts_with_a_common_head_stand_in_their_order),
		cmocka_unit_test(integer_keys_stand_in_numeric_order),
		cmocka_unit_test(hashed_keys_are_found_again),
		cmocka_unit_test(a_root_of_zeros_is_an_empty_tree),
		cmocka_unit_test(a_drained_part_leaves_a_sound_tree),
		cmocka_unit_test(a_tree_of_few_keys_takes_little_space),
		cmocka_unit_test(keys_in_either_order_fill_their_nodes),
		cmocka_unit_test(removing_everything_gives_all_space_back),
		cmocka_unit_test(a_full_heap_leaves_the_tree_as_it_was),
		cmocka_unit_test(every_missing_node_is_noticed),
		cmocka_unit_test(a_failed_request_for_memory_leaves_the_tree_as_it_was),
		cmocka_unit_test(corrupt_nodes_are_errors_and_nothing_worse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
