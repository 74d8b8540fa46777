/* SPDX-License-Identifier: Apache-2.0 */
/* Trees on a stored heap: absent segments, restarts, loss of power (see store.h). */
#include "store.h"
#include "btree/btree.h"

#define KEYS 30000
#define PART 500

struct state {
	struct btree_registry registry;
	uint64_t values[KEYS]; /* 0: absent */
	uint32_t present;
};

/** Half of the keys share each short key. */
static void
half_hkey(const void *key, size_t len, uint8_t *hkey)
{
	uint64_t number;

	memcpy(&number, key, sizeof(number));
	number = __builtin_bswap64(number / 2);
	memcpy(hkey, &number, sizeof(number));
}

/** Values are the key and a mark. */
static int
tie(struct umem *heap, uint64_t value, const void *key, size_t len)
{
	uint64_t number;

	memcpy(&number, key, sizeof(number));
	return (number > value >> 32) - (number < value >> 32);
}

static const struct btree_class cls = {.hkey_size = 8, .hkey = half_hkey, .tie = tie};

static struct btree
tree_of(struct umem *heap, struct store *store)
{
	struct state *state = store->state;

	return (struct btree){.heap = heap, .registry = &state->registry, .root = umem_root(heap) + 320};
}

static void
create(struct umem *heap, struct store *store)
{
	struct btree tree = tree_of(heap, store);

	assert_int_equal(btree_create(&tree, 9, 6), 0);
}

/** The n-th operation of a transaction: which key, and its value (0: remove it). */
static void
draw(struct rand *rand, uint64_t *key, uint64_t *value)
{
	uint32_t mark = rand_u32(rand);

	*key = rand_below(rand, KEYS);
	*value = mark % 5 < 2 ? 0 : *key << 32 | mark;
}

static int
apply(struct umem *heap, struct store *store, uint64_t seed)
{
	struct btree tree = tree_of(heap, store);
	uint64_t key, value;
	struct rand rand;
	int rc = 0;

	rand_init(&rand, seed, 0);
	for (uint64_t nr = rand_between(&rand, 1, 40); nr > 0 && rc == 0; nr--) {
		draw(&rand, &key, &value);
		if (value == 0)
			rc = btree_remove(&tree, &key, sizeof(key), NULL);
		else
			rc = btree_insert(&tree, &key, sizeof(key), value, NULL);
		if (rc == -DER_EXIST)
			rc = btree_replace(&tree, &key, sizeof(key), value);
		if (rc == -DER_NONEXIST)
			rc = 0;
	}
	return rc;
}

static void
model(struct store *store, uint64_t seed)
{
	struct state *state = store->state;
	uint64_t key, value;
	struct rand rand;

	rand_init(&rand, seed, 0);
	for (uint64_t nr = rand_between(&rand, 1, 40); nr > 0; nr--) {
		draw(&rand, &key, &value);
		state->present += (value != 0) - (state->values[key] != 0);
		state->values[key] = value;
	}
}

static int
compare(struct umem *heap, struct store *store, uint32_t part)
{
	struct btree tree = tree_of(heap, store);
	struct state *state = store->state;
	uint64_t key = (uint64_t)part * PART, end = key + PART, value;
	struct btree_cursor cursor;
	int rc = btree_seek(&tree, BTREE_GE, &key, sizeof(key), &cursor);

	for (; key < end; key++) {
		int found = btree_find(&tree, &key, sizeof(key), &value);

		assert_int_equal(found, state->values[key] != 0 ? 0 : -DER_NONEXIST);
		if (found != 0)
			continue;
		assert_int_equal(value, state->values[key]);
		assert_int_equal(rc, 0);
		assert_int_equal(btree_value(&cursor), value);
		rc = btree_next(&cursor);
	}
	assert_int_equal(btree_count(&tree), state->present);
	return 0;
}

static int
check(struct umem *heap, struct store *store)
{
	struct btree tree = tree_of(heap, store);

	return btree_check(&tree);
}

static const struct store_kind kind = {create, apply, model, compare, KEYS / PART, check};

static uint64_t
run(uint64_t seed, uint64_t budget)
{
	struct state *state = calloc(1, sizeof(*state));
	uint64_t lost;

	assert_int_equal(btree_register(&state->registry, 9, &cls), 0);
	lost = store_run(&kind, state, seed, 8, 400, budget);
	free(state);
	return lost;
}

static void
a_tree_survives_restarts_and_loss_of_power(void **state)
{
	uint64_t lost = 0;

	for (uint64_t seed = 1; seed <= 3; seed++)
		lost += run(seed, 0);
	assert_true(lost > 0);
}

static void
a_tree_larger_than_memory_survives_them_too(void **state)
{
	uint64_t lost = 0;

	for (uint64_t seed = 11; seed <= 13; seed++)
		lost += run(seed, 4 * UMEM_SEGMENT);
	assert_true(lost > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tree_survives_restarts_and_loss_of_power),
		cmocka_unit_test(a_tree_larger_than_memory_survives_them_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
