/* SPDX-License-Identifier: Apache-2.0 */
/* Trees of extents on a stored heap: absent segments, restarts, loss of power (see btree/test/store.h). */
#include "../../btree/test/store.h"
#include "evtree/evtree.h"

#define RECORDS 6000
#define EXTENTS_MAX 60000
#define PARTS 30

struct state {
	struct evtree_extent extents[EXTENTS_MAX];
	uint32_t nr;
};

static struct evtree
tree_of(struct umem *heap)
{
	return (struct evtree){.heap = heap, .root = umem_root(heap) + 320};
}

static void
create(struct umem *heap, struct store *store)
{
}

/** An operation: an extent to put, or (drop) one to take away if it is there. Extents are equal or of different time. */
static bool
draw(struct rand *rand, struct evtree_extent *extent)
{
	uint64_t id = rand_below(rand, 9000), x = id * 0x9e3779b97f4a7c15ULL;

	*extent = (struct evtree_extent){
		.lo = (x >> 20) % RECORDS,
		.when = {.epoch = id + 1},
		.data = {.addr = rand_u64(rand), .media = (uint8_t)(x >> 60) % 3},
	};
	extent->hi = extent->lo + (x >> 40) % 20;
	return rand_one_in(rand, 4);
}

static int
apply(struct umem *heap, struct store *store, uint64_t seed)
{
	struct evtree tree = tree_of(heap);
	struct evtree_extent extent;
	struct rand rand;
	int rc = 0;

	rand_init(&rand, seed, 0);
	for (uint64_t nr = rand_between(&rand, 1, 20); nr > 0 && rc == 0; nr--) {
		if (draw(&rand, &extent))
			rc = evtree_remove(&tree, &extent, NULL);
		else
			rc = evtree_insert(&tree, &extent, 1, NULL);
		if (rc == -DER_NONEXIST || rc == 1)
			rc = 0;
	}
	return rc;
}

static void
model(struct store *store, uint64_t seed)
{
	struct state *state = store->state;
	struct evtree_extent extent;
	struct rand rand;
	uint32_t i;

	rand_init(&rand, seed, 0);
	for (uint64_t nr = rand_between(&rand, 1, 20); nr > 0; nr--) {
		bool drop = draw(&rand, &extent);

		for (i = 0; i < state->nr; i++)
			if (state->extents[i].when.epoch == extent.when.epoch)
				break;
		if (drop && i < state->nr)
			state->extents[i] = state->extents[--state->nr];
		else if (!drop)
			state->extents[i] = extent;
		state->nr += !drop && i == state->nr;
		assert_true(state->nr < EXTENTS_MAX);
	}
}

struct seen {
	const struct evtree_extent *newest[RECORDS];
	uint64_t at, end;
};

static int
found(void *arg, const struct evtree_piece *piece)
{
	struct seen *seen = arg;

	for (; seen->at < piece->lo; seen->at++)
		assert_null(seen->newest[seen->at]);
	for (; seen->at <= piece->hi; seen->at++) {
		assert_non_null(seen->newest[seen->at]);
		assert_int_equal(seen->newest[seen->at]->when.epoch, piece->whole.when.epoch);
		assert_int_equal(seen->newest[seen->at]->data.addr, piece->whole.data.addr);
	}
	return 0;
}

static int
compare(struct umem *heap, struct store *store, uint32_t part)
{
	uint64_t lo = (uint64_t)part * (RECORDS / PARTS), hi = lo + RECORDS / PARTS - 1, epoch = 1 + store->seed % 9000;
	static struct seen seen;
	struct evtree tree = tree_of(heap);
	struct state *state = store->state;

	memset(&seen, 0, sizeof(seen));
	seen.at = lo;
	for (uint32_t i = 0; i < state->nr; i++) {
		const struct evtree_extent *extent = &state->extents[i];

		for (uint64_t at = MAX(lo, extent->lo); at <= MIN(hi, extent->hi) && extent->when.epoch <= epoch; at++)
			if (seen.newest[at] == NULL || seen.newest[at]->when.epoch < extent->when.epoch)
				seen.newest[at] = extent;
	}
	assert_int_equal(evtree_find(&tree, lo, hi, (struct evtree_when){epoch, 0}, found, &seen), 0);
	for (; seen.at <= hi; seen.at++)
		assert_null(seen.newest[seen.at]);
	return 0;
}

static int
check(struct umem *heap, struct store *store)
{
	struct evtree tree = tree_of(heap);
	struct state *state = store->state;
	const struct evtree_root *root = umem_at(heap, tree.root);

	assert_int_equal(root->count, state->nr);
	return evtree_check(&tree);
}

static const struct store_kind kind = {create, apply, model, compare, PARTS, check};

static void
run(uint64_t first, uint64_t budget)
{
	uint64_t lost = 0;

	for (uint64_t seed = first; seed < first + 3; seed++) {
		struct state *state = calloc(1, sizeof(*state));

		lost += store_run(&kind, state, seed, 8, 200, budget);
		free(state);
	}
	assert_true(lost > 0);
}

static void
a_tree_survives_restarts_and_loss_of_power(void **state)
{
	run(1, 0);
}

static void
a_tree_larger_than_memory_survives_them_too(void **state)
{
	run(11, 4 * UMEM_SEGMENT);
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
