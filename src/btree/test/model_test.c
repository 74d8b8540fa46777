/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random operations on a tree against a model: an array of all keys that can be, in order, with what each maps to. Bodies
 * hold several operations and are aborted now and then; then the model goes back as well.
 */
#include "heap_test.h"
#include "btree/btree.h"

#define UNIVERSE 1500
#define KEY_MAX 24

struct ukey {
	uint8_t bytes[KEY_MAX];
	size_t len;
	uint8_t hkey[BTREE_HKEY_MAX];
};

/** A record that a value points at: the key, for tie. */
struct record {
	uint64_t len, mark;
	uint8_t bytes[KEY_MAX];
};

struct kind {
	const char *name;
	struct btree_class cls;
	uint8_t order;
	void (*make)(struct rand *rand, uint32_t i, struct ukey *key);
};

static const struct kind *sorting; /* for qsort's callback */

struct world {
	struct heap_test heap;
	struct btree_registry registry;
	const struct kind *kind;
	struct rand rand;
	struct ukey keys[UNIVERSE];
	uint64_t marks[UNIVERSE], marks_saved[UNIVERSE]; /* 0: absent, else what the record bears */
	uint64_t next_mark;
	uint32_t count;
	umem_off_t root;
	uint64_t aborted, batches;
	bool abort_this;
	uint32_t ops;
	int level; /* percent of insertions among changes: drifts, so that the tree fills and empties */
};

/* ---- classes ----------------------------------------------------------------------------------------------------- */

static int
tie(struct umem *heap, uint64_t value, const void *key, size_t len)
{
	const struct record *record = umem_at(heap, value);
	int rc = memcmp(key, record->bytes, MIN(len, (size_t)record->len));

	return rc != 0 ? rc : (len > record->len) - (len < record->len);
}

/** Three short keys for all: nearly everything is decided by tie. */
static void
weak_hkey(const void *key, size_t len, uint8_t *hkey)
{
	memset(hkey, 0, 16);
	hkey[11] = ((const uint8_t *)key)[0] % 3;
}

static void
make_integer(struct rand *rand, uint32_t i, struct ukey *key)
{
	uint64_t number = rand_one_in(rand, 3) ? i : rand_u64(rand);
	uint64_t big = __builtin_bswap64(number);

	memcpy(key->bytes, &number, 8);
	memcpy(key->hkey, &big, 8);
	key->len = 8;
}

static void
make_direct(struct rand *rand, uint32_t i, struct ukey *key)
{
	rand_fill(rand, key->bytes, 20);
	key->bytes[0] = 7;
	memset(key->bytes + 1, 0, 8); /* the first word says nothing */
	memcpy(key->hkey, key->bytes, 20);
	key->len = 20;
}

static void
make_lexical(struct rand *rand, uint32_t i, struct ukey *key)
{
	uint32_t at, len = (uint32_t)rand_between(rand, 1, KEY_MAX);

	for (at = 0; at < len; at++)
		key->bytes[at] = (uint8_t)('a' + rand_below(rand, at < 8 ? 2 : 4));
	key->len = len;
	memcpy(key->hkey, key->bytes, MIN(len, 8U));
}

static void
make_weak(struct rand *rand, uint32_t i, struct ukey *key)
{
	rand_fill(rand, key->bytes, 8);
	key->len = 8;
	weak_hkey(key->bytes, 8, key->hkey);
}

static const struct kind kinds[] = {
	{"integer", {.features = BTREE_INTEGER, .hkey_size = 8}, 4, make_integer},
	{"integer, wide nodes", {.features = BTREE_INTEGER, .hkey_size = 8}, 0, make_integer},
	{"direct", {.features = BTREE_DIRECT, .hkey_size = 24}, 6, make_direct},
	{"lexical", {.features = BTREE_LEXICAL, .hkey_size = 8, .tie = tie}, 5, make_lexical},
	{"hashed, colliding", {.features = BTREE_HASHED, .hkey_size = 16, .hkey = weak_hkey, .tie = tie}, 0, make_weak},
	{"hashed, colliding, narrow", {.features = BTREE_HASHED, .hkey_size = 16, .hkey = weak_hkey, .tie = tie}, 4, make_weak},
};

static int
compare(const void *a, const void *b)
{
	const struct ukey *x = a, *y = b;
	int rc = memcmp(x->hkey, y->hkey, sorting->cls.hkey_size);

	if (rc == 0)
		rc = memcmp(x->bytes, y->bytes, MIN(x->len, y->len));
	return rc != 0 ? rc : (x->len > y->len) - (x->len < y->len);
}

static void
make_universe(struct world *world)
{
	uint32_t i, j = 1;

	memset(world->keys, 0, sizeof(world->keys));
	for (i = 0; i < UNIVERSE; i++)
		world->kind->make(&world->rand, i, &world->keys[i]);
	sorting = world->kind;
	qsort(world->keys, UNIVERSE, sizeof(world->keys[0]), compare);
	for (i = 1; i < UNIVERSE; i++)
		if (compare(&world->keys[i], &world->keys[j - 1]) != 0)
			world->keys[j++] = world->keys[i];
	world->count = j;
}

/* ---- operations within a body ------------------------------------------------------------------------------------ */

static uint64_t
mark_of(struct world *world, uint64_t value)
{
	return world->kind->cls.tie == NULL ? value : ((struct record *)umem_at(world->heap.heap, value))->mark;
}

static uint64_t
make_value(struct world *world, uint32_t i, uint64_t mark)
{
	struct record *record;
	umem_off_t off;

	if (world->kind->cls.tie == NULL)
		return mark;
	off = umem_alloc(world->heap.heap, sizeof(*record));
	assert_int_not_equal(off, 0);
	record = umem_at(world->heap.heap, off);
	record->len = world->keys[i].len;
	record->mark = mark;
	memcpy(record->bytes, world->keys[i].bytes, KEY_MAX);
	return off;
}

static void
drop_value(struct world *world, uint64_t value)
{
	if (world->kind->cls.tie == NULL)
		return;
	memset(umem_touch(world->heap.heap, value, sizeof(struct record)), 0xee, sizeof(struct record));
	umem_free(world->heap.heap, value);
}

static void
op_insert(struct world *world, struct btree *tree, uint32_t i)
{
	uint64_t value = make_value(world, i, world->next_mark), found = 0;
	int rc = btree_insert(tree, world->keys[i].bytes, world->keys[i].len, value, &found);

	if (world->marks[i] != 0) {
		assert_int_equal(rc, -DER_EXIST);
		assert_int_equal(mark_of(world, found), world->marks[i]);
		drop_value(world, value);
		return;
	}
	assert_int_equal(rc, 0);
	world->marks[i] = world->next_mark++;
}

static void
op_remove(struct world *world, struct btree *tree, uint32_t i)
{
	uint64_t value;
	int rc = btree_remove(tree, world->keys[i].bytes, world->keys[i].len, &value);

	assert_int_equal(rc, world->marks[i] != 0 ? 0 : -DER_NONEXIST);
	if (rc != 0)
		return;
	assert_int_equal(mark_of(world, value), world->marks[i]);
	drop_value(world, value);
	world->marks[i] = 0;
}

static void
op_replace(struct world *world, struct btree *tree, uint32_t i)
{
	uint64_t value = make_value(world, i, world->next_mark), old;
	int rc = btree_find(tree, world->keys[i].bytes, world->keys[i].len, &old);

	assert_int_equal(rc, world->marks[i] != 0 ? 0 : -DER_NONEXIST);
	assert_int_equal(btree_replace(tree, world->keys[i].bytes, world->keys[i].len, value), rc);
	if (rc != 0) {
		drop_value(world, value);
		return;
	}
	drop_value(world, old);
	world->marks[i] = world->next_mark++;
}

/** The present key at or after (before) i in the model; -1: none. */
static int
model_near(const struct world *world, int i, int step)
{
	for (; i >= 0 && i < (int)world->count; i += step)
		if (world->marks[i] != 0)
			return i;
	return -1;
}

static void
expect(struct world *world, struct btree_cursor *cursor, int rc, int i)
{
	if (i < 0) {
		assert_int_equal(rc, -DER_NONEXIST);
		return;
	}
	assert_int_equal(rc, 0);
	assert_int_equal(mark_of(world, btree_value(cursor)), world->marks[i]);
	assert_memory_equal(btree_hkey(cursor), world->keys[i].hkey, world->kind->cls.hkey_size);
}

static void
op_walk(struct world *world, struct btree *tree, uint32_t i)
{
	enum btree_seek how = (enum btree_seek)rand_below(&world->rand, 7);
	int at = -1, rc, steps, hkey_lo = (int)i, hkey_hi = (int)i;
	bool by_hkey = rand_one_in(&world->rand, 3);
	struct btree_cursor cursor;

	if (by_hkey) {
		while (hkey_lo > 0 && memcmp(world->keys[hkey_lo - 1].hkey, world->keys[i].hkey, BTREE_HKEY_MAX) == 0)
			hkey_lo--;
		while (hkey_hi + 1 < (int)world->count &&
		       memcmp(world->keys[hkey_hi + 1].hkey, world->keys[i].hkey, BTREE_HKEY_MAX) == 0)
			hkey_hi++;
		rc = btree_seek_hkey(tree, how, world->keys[i].hkey, &cursor);
	} else {
		rc = btree_seek(tree, how, world->keys[i].bytes, world->keys[i].len, &cursor);
	}
	switch (how) {
	case BTREE_FIRST: at = model_near(world, 0, 1); break;
	case BTREE_LAST: at = model_near(world, (int)world->count - 1, -1); break;
	case BTREE_GE: at = model_near(world, hkey_lo, 1); break;
	case BTREE_GT: at = model_near(world, hkey_hi + 1, 1); break;
	case BTREE_LE: at = model_near(world, hkey_hi, -1); break;
	case BTREE_LT: at = model_near(world, hkey_lo - 1, -1); break;
	case BTREE_EQ:
		at = model_near(world, hkey_lo, 1);
		if (at > hkey_hi)
			at = -1;
		break;
	}
	expect(world, &cursor, rc, at);
	for (steps = (int)rand_below(&world->rand, 40); steps > 0 && at >= 0; steps--) {
		bool back = rand_one_in(&world->rand, 3);
		int next = model_near(world, at + (back ? -1 : 1), back ? -1 : 1);

		rc = back ? btree_prev(&cursor) : btree_next(&cursor);
		expect(world, &cursor, rc, next);
		if (next >= 0)
			at = next;
	}
}

struct dropped {
	struct world *world;
	int last; /* model index of the key dropped last */
};

static int
drop(void *arg, uint64_t value)
{
	struct dropped *dropped = arg;
	struct world *world = dropped->world;

	dropped->last = model_near(world, dropped->last - 1, -1);
	assert_true(dropped->last >= 0);
	assert_int_equal(mark_of(world, value), world->marks[dropped->last]);
	drop_value(world, value);
	world->marks[dropped->last] = 0;
	return 0;
}

static void
op_drain(struct world *world, struct btree *tree)
{
	struct dropped dropped = {world, (int)world->count};
	uint32_t credits = (uint32_t)rand_below(&world->rand, 60);
	bool empty;
	int rc;

	rc = btree_drain(tree, &credits, drop, &dropped);
	empty = model_near(world, 0, 1) < 0;
	assert_int_equal(rc, empty ? 0 : 1);
	if (!empty)
		assert_int_equal(credits, 0);
	else
		assert_int_equal(btree_create(tree, 5, world->kind->order), 0);
}

static void
op_full_check(struct world *world, struct btree *tree)
{
	struct btree_cursor cursor;
	uint64_t nr = 0;
	uint32_t i;
	int rc;

	assert_int_equal(btree_check(tree), 0);
	rc = btree_seek(tree, BTREE_FIRST, NULL, 0, &cursor);
	for (i = 0; i < world->count; i++) {
		if (world->marks[i] == 0)
			continue;
		expect(world, &cursor, rc, (int)i);
		nr++;
		rc = btree_next(&cursor);
	}
	assert_int_equal(rc, -DER_NONEXIST);
	assert_int_equal(btree_count(tree), nr);
	assert_int_equal(btree_empty(tree), nr == 0);
}

/* ---- bodies ------------------------------------------------------------------------------------------------------ */

static struct btree
tree_of(struct world *world)
{
	return (struct btree){.heap = world->heap.heap, .registry = &world->registry, .root = world->root};
}

static int
body_create(struct umem *heap, void *arg)
{
	struct world *world = arg;
	struct btree tree;

	world->root = umem_root(heap) + 64;
	tree = tree_of(world);
	return btree_create(&tree, 5, world->kind->order);
}

static int
body_batch(struct umem *heap, void *arg)
{
	struct world *world = arg;
	struct btree tree = tree_of(world);
	uint32_t nr = (uint32_t)rand_between(&world->rand, 1, 30), i;

	for (; nr > 0; nr--, world->ops++) {
		/* Runs of neighbours as well as single keys. */
		i = (uint32_t)rand_below(&world->rand, world->count);
		switch (rand_below(&world->rand, 12)) {
		case 0 ... 5:
			if ((int)rand_below(&world->rand, 100) < world->level)
				op_insert(world, &tree, i);
			else
				op_remove(world, &tree, i);
			break;
		case 6: {
			uint32_t run = (uint32_t)rand_below(&world->rand, 12);
			bool add = (int)rand_below(&world->rand, 100) < world->level;

			for (; run > 0 && i < world->count; run--, i++)
				add ? op_insert(world, &tree, i) : op_remove(world, &tree, i);
			break;
		}
		case 7:
			op_replace(world, &tree, i);
			break;
		case 8:
			if (rand_one_in(&world->rand, 60))
				op_drain(world, &tree);
			break;
		default:
			op_walk(world, &tree, i);
		}
	}
	return world->abort_this ? -DER_MISC : 0;
}

static int
body_check(struct umem *heap, void *arg)
{
	struct btree tree = tree_of(arg);

	op_full_check(arg, &tree);
	return 0;
}

static int
body_end(struct umem *heap, void *arg)
{
	struct world *world = arg;
	struct btree tree = tree_of(world);
	struct dropped dropped = {world, (int)world->count};
	uint32_t credits = UINT32_MAX, i;
	struct btree_root zero = {0};

	assert_int_equal(btree_drain(&tree, &credits, drop, &dropped), 0);
	for (i = 0; i < world->count; i++)
		assert_int_equal(world->marks[i], 0);
	assert_memory_equal(umem_at(heap, world->root), &zero, sizeof(zero));
	return 0;
}

static void
run(const struct kind *kind, uint64_t seed, uint32_t ops)
{
	struct world *world = calloc(1, sizeof(*world));
	int rc;

	heap_test_open(&world->heap, 16 * MIB);
	world->kind = kind;
	world->next_mark = 1;
	rand_init(&world->rand, seed, 0);
	make_universe(world);
	assert_int_equal(btree_register(&world->registry, 5, &kind->cls), 0);
	assert_int_equal(umem_write(world->heap.heap, 0, body_create, world, NULL), 0);
	while (world->ops < ops) {
		if (world->batches % 64 == 0)
			world->level = (int)rand_between(&world->rand, 15, 85);
		world->abort_this = rand_one_in(&world->rand, 4);
		memcpy(world->marks_saved, world->marks, sizeof(world->marks));
		rc = umem_write(world->heap.heap, 0, body_batch, world, NULL);
		assert_int_equal(rc, world->abort_this ? -DER_MISC : 0);
		if (world->abort_this)
			memcpy(world->marks, world->marks_saved, sizeof(world->marks));
		if (world->abort_this || world->batches % 16 == 0)
			assert_int_equal(umem_read(world->heap.heap, body_check, world), 0);
		world->batches++;
	}
	assert_int_equal(umem_write(world->heap.heap, 0, body_end, world, NULL), 0);
	assert_int_equal(heap_test_used(&world->heap), 0);
	heap_test_close(&world->heap);
	free(world);
}

static void
a_tree_does_what_its_model_does(void **state)
{
	uint64_t seed;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		for (seed = 1; seed <= 3; seed++)
			run(&kinds[i], seed, 12000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tree_does_what_its_model_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
