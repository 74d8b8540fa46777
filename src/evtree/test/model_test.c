/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random operations on a tree against a model: an unordered array of extents, and questions answered record by record.
 * Bodies hold several operations and are aborted now and then; then the model goes back as well.
 */
#include "../../btree/test/heap_test.h"
#include "evtree/evtree.h"

#define EXTENTS_MAX 4000

struct shape {
	uint64_t records;  /* of the array */
	uint64_t base;     /* of its first record */
	uint32_t epochs;
	uint32_t length;   /* most records of most extents */
	uint32_t want;     /* extents to drift around */
	uint8_t order;     /* 0: the usual one */
};

static const struct shape shapes[] = {
	{60, 0, 20, 12, 60, 4},
	{60, UINT64_MAX - 59, 20, 20, 60, 4},
	{200, 1000, 60, 20, 250, 5},
	{200, 0, 6, 4, 250, 0},
	{3000, 1ULL << 40, 1000, 60, 1500, 0},
	{3000, 7, 400, 2, 1500, 6},
};

struct world {
	struct heap_test heap;
	struct evtree tree;
	const struct shape *shape;
	struct rand rand;
	struct evtree_extent model[EXTENTS_MAX], saved[EXTENTS_MAX];
	uint32_t nr, saved_nr;
	uint32_t rec_size, saved_rec_size;
	bool abort_this, hide;
	uint32_t ops;
	uint64_t next_addr;
	uint64_t calls, bad_calls;
	struct evtree_when asked; /* nothing later may be shown to visible */
};

static int
when_order(struct evtree_when a, struct evtree_when b)
{
	if (a.epoch != b.epoch)
		return a.epoch < b.epoch ? -1 : 1;
	return (int)a.minor - (int)b.minor;
}

static int
extent_order(const void *a, const void *b)
{
	const struct evtree_extent *x = a, *y = b;

	if (x->lo != y->lo)
		return x->lo < y->lo ? -1 : 1;
	return when_order(x->when, y->when);
}

static bool
data_equal(const struct evtree_data *a, const struct evtree_data *b)
{
	return a->addr == b->addr && a->media == b->media && a->csum_type == b->csum_type && a->csum_size == b->csum_size &&
	       a->csum_chunk == b->csum_chunk && a->csum == b->csum && a->dtx == b->dtx && a->version == b->version;
}

static void
assert_extent(const struct evtree_extent *a, const struct evtree_extent *b)
{
	assert_int_equal(a->lo, b->lo);
	assert_int_equal(a->hi, b->hi);
	assert_int_equal(when_order(a->when, b->when), 0);
	assert_true(data_equal(&a->data, &b->data));
}

static int
use_of(const struct evtree_extent *extent)
{
	return extent->data.dtx % 8 == 1 ? 1 : extent->data.dtx % 16 == 2 ? -DER_INPROGRESS : 0;
}

static int
visible(void *arg, const struct evtree_extent *extent)
{
	struct world *world = arg;

	if (when_order(extent->when, world->asked) > 0)
		world->bad_calls++;
	world->calls++;
	return use_of(extent);
}

/** The newest extent over a record, or NULL; *error when it is one that cannot be told. */
static const struct evtree_extent *
model_newest(const struct world *world, uint64_t at, struct evtree_when when, int *error)
{
	const struct evtree_extent *best = NULL;
	uint32_t i;

	for (i = 0; i < world->nr; i++) {
		const struct evtree_extent *extent = &world->model[i];

		if (extent->lo > at || extent->hi < at || when_order(extent->when, when) > 0 ||
		    (world->hide && use_of(extent) > 0))
			continue;
		if (best == NULL || when_order(extent->when, best->when) > 0)
			best = extent;
	}
	*error = best != NULL && world->hide ? use_of(best) : 0;
	return best;
}

/* ---- operations -------------------------------------------------------------------------------------------------- */

static uint64_t
any_record(struct world *world)
{
	return world->shape->base + rand_below(&world->rand, world->shape->records);
}

static void
any_range(struct world *world, uint64_t *lo, uint64_t *hi)
{
	uint64_t length = 1 + rand_below(&world->rand, rand_one_in(&world->rand, 20) ? world->shape->records : world->shape->length);

	*lo = any_record(world);
	*hi = *lo + MIN(length - 1, world->shape->base + (world->shape->records - 1) - *lo);
}

static struct evtree_when
any_when(struct world *world)
{
	return (struct evtree_when){
		.epoch = rand_between(&world->rand, 1, world->shape->epochs),
		.minor = (uint16_t)rand_below(&world->rand, 2),
	};
}

static void
any_data(struct world *world, struct evtree_data *data)
{
	*data = (struct evtree_data){
		.addr = world->next_addr++,
		.media = (uint8_t)rand_below(&world->rand, 3),
		.csum_type = (uint8_t)rand_u64(&world->rand),
		.csum_size = (uint16_t)rand_u64(&world->rand),
		.csum_chunk = rand_u32(&world->rand),
		.csum = rand_u64(&world->rand),
		.dtx = rand_one_in(&world->rand, 2) ? 0 : (uint32_t)rand_below(&world->rand, 40),
		.version = rand_u32(&world->rand),
	};
}

static void
op_insert(struct world *world)
{
	struct evtree_extent extent;
	struct evtree_data old;
	bool partial = false;
	int same = -1, rc;
	uint32_t i;

	any_range(world, &extent.lo, &extent.hi);
	extent.when = any_when(world);
	any_data(world, &extent.data);
	/* Now and then just what is there already. */
	if (world->nr > 0 && rand_one_in(&world->rand, 16)) {
		const struct evtree_extent *present = &world->model[rand_below(&world->rand, world->nr)];

		extent.lo = present->lo;
		extent.hi = present->hi;
		extent.when = present->when;
	}
	for (i = 0; i < world->nr; i++) {
		const struct evtree_extent *other = &world->model[i];

		if (when_order(other->when, extent.when) != 0 || other->lo > extent.hi || other->hi < extent.lo)
			continue;
		if (other->lo == extent.lo && other->hi == extent.hi)
			same = (int)i;
		else
			partial = true;
	}
	if (extent.data.media != EVTREE_HOLE && world->rec_size != 0 && rand_one_in(&world->rand, 50)) {
		assert_int_equal(evtree_insert(&world->tree, &extent, 7, &old), -DER_REC_SIZE);
		return;
	}
	rc = evtree_insert(&world->tree, &extent, extent.data.media == EVTREE_HOLE ? 0 : 4, &old);
	assert_int_equal(rc, partial ? -DER_VOS_PARTIAL_UPDATE : same >= 0 ? 1 : 0);
	if (partial)
		return;
	if (extent.data.media != EVTREE_HOLE)
		world->rec_size = 4;
	if (same >= 0) {
		assert_true(data_equal(&old, &world->model[same].data));
		world->model[same].data = extent.data;
		return;
	}
	assert_true(world->nr < EXTENTS_MAX);
	world->model[world->nr++] = extent;
}

static void
op_remove(struct world *world)
{
	struct evtree_extent which;
	struct evtree_data data;
	uint32_t i;

	if (world->nr == 0)
		return;
	i = (uint32_t)rand_below(&world->rand, world->nr);
	which = world->model[i];
	if (rand_one_in(&world->rand, 10)) {
		struct evtree_extent wrong = which;

		wrong.hi++;
		assert_int_equal(evtree_remove(&world->tree, &wrong, &data), -DER_NONEXIST);
		assert_int_equal(evtree_set_dtx(&world->tree, &wrong, 3), -DER_NONEXIST);
	}
	assert_int_equal(evtree_remove(&world->tree, &which, &data), 0);
	assert_true(data_equal(&data, &which.data));
	world->model[i] = world->model[--world->nr];
	if (world->nr == 0)
		world->rec_size = 0;
}

static void
op_set_dtx(struct world *world)
{
	uint32_t i, dtx = (uint32_t)rand_below(&world->rand, 40);

	if (world->nr == 0)
		return;
	i = (uint32_t)rand_below(&world->rand, world->nr);
	assert_int_equal(evtree_set_dtx(&world->tree, &world->model[i], dtx), 0);
	world->model[i].data.dtx = dtx;
}

struct finding {
	struct world *world;
	uint64_t at, hi; /* next record not told yet */
	bool done;       /* the whole range is */
	struct evtree_when when;
	uint32_t stop_after;
};

/** Skips records that nothing covers; the extent that is to come next, or NULL. */
static const struct evtree_extent *
skip_gap(struct finding *finding, int *error)
{
	const struct evtree_extent *extent;

	*error = 0;
	while (!finding->done) {
		extent = model_newest(finding->world, finding->at, finding->when, error);
		if (extent != NULL)
			return extent;
		finding->done = finding->at == finding->hi;
		finding->at++;
	}
	return NULL;
}

static int
found_piece(void *arg, const struct evtree_piece *piece)
{
	struct finding *finding = arg;
	const struct evtree_extent *extent;
	int error;

	extent = skip_gap(finding, &error);
	assert_non_null(extent);
	assert_int_equal(error, 0);
	assert_int_equal(piece->lo, finding->at);
	assert_extent(&piece->whole, extent);
	/* It goes on as long as the same extent is the newest. */
	for (;; finding->at++) {
		assert_ptr_equal(model_newest(finding->world, finding->at, finding->when, &error), extent);
		if (finding->at == piece->hi)
			break;
	}
	finding->done = piece->hi == finding->hi;
	finding->at = piece->hi + 1;
	if (!finding->done)
		assert_ptr_not_equal(model_newest(finding->world, finding->at, finding->when, &error), extent);
	return finding->stop_after-- == 0 ? 77 : 0;
}

static void
ask_with(struct world *world, struct evtree_when when)
{
	world->hide = rand_one_in(&world->rand, 2);
	world->tree.visible = world->hide ? visible : NULL;
	world->asked = when;
}

static void
op_find(struct world *world)
{
	struct finding finding = {.world = world, .when = any_when(world), .stop_after = UINT32_MAX};
	int rc, error;

	if (rand_one_in(&world->rand, 3))
		finding.when.epoch = UINT64_MAX;
	if (rand_one_in(&world->rand, 5))
		finding.stop_after = (uint32_t)rand_below(&world->rand, 4);
	any_range(world, &finding.at, &finding.hi);
	ask_with(world, finding.when);
	rc = evtree_find(&world->tree, finding.at, finding.hi, finding.when, found_piece, &finding);
	if (rc == 77)
		return;
	skip_gap(&finding, &error);
	if (rc != 0)
		assert_int_equal(rc, error);
	else
		assert_true(finding.done);
}

struct listing {
	const struct evtree_extent *expected[EXTENTS_MAX];
	uint32_t nr, at, stop_after;
};

static int
found_extent(void *arg, const struct evtree_extent *extent)
{
	struct listing *listing = arg;

	assert_true(listing->at < listing->nr);
	assert_extent(extent, listing->expected[listing->at++]);
	return listing->stop_after-- == 0 ? 77 : 0;
}

static int
pointer_order(const void *a, const void *b)
{
	return extent_order(*(const struct evtree_extent *const *)a, *(const struct evtree_extent *const *)b);
}

static void
op_each(struct world *world)
{
	static struct listing listing;
	uint64_t lo, hi, from = rand_below(&world->rand, world->shape->epochs + 1), to = from + rand_below(&world->rand, world->shape->epochs);
	struct evtree_extent after = {.lo = any_record(world), .when = any_when(world)};
	bool resume = rand_one_in(&world->rand, 2);
	uint32_t i;
	int rc;

	listing.nr = listing.at = 0;
	listing.stop_after = rand_one_in(&world->rand, 5) ? (uint32_t)rand_below(&world->rand, 4) : UINT32_MAX;
	if (world->nr > 0 && rand_one_in(&world->rand, 2))
		after = world->model[rand_below(&world->rand, world->nr)];
	any_range(world, &lo, &hi);
	for (i = 0; i < world->nr; i++) {
		const struct evtree_extent *extent = &world->model[i];

		if (extent->lo <= hi && extent->hi >= lo && extent->when.epoch >= from && extent->when.epoch <= to &&
		    (!resume || extent_order(extent, &after) > 0))
			listing.expected[listing.nr++] = extent;
	}
	qsort(listing.expected, listing.nr, sizeof(listing.expected[0]), pointer_order);
	rc = resume ? evtree_each_after(&world->tree, &after, lo, hi, from, to, found_extent, &listing)
		    : evtree_each(&world->tree, lo, hi, from, to, found_extent, &listing);
	if (rc != 77) {
		assert_int_equal(rc, 0);
		assert_int_equal(listing.at, listing.nr);
	}
}

static void
op_end(struct world *world)
{
	bool highest = rand_one_in(&world->rand, 2);
	struct evtree_when when = any_when(world);
	uint64_t at = world->shape->base + (highest ? world->shape->records - 1 : 0);
	const struct evtree_extent *extent = NULL;
	struct evtree_piece piece;
	uint64_t i;
	int rc, error = 0;

	ask_with(world, when);
	rc = evtree_end(&world->tree, highest, when, &piece);
	for (i = 0; i < world->shape->records; i++, at += highest ? -1ULL : 1ULL) {
		extent = model_newest(world, at, when, &error);
		if (error != 0 || (extent != NULL && extent->data.media != EVTREE_HOLE))
			break;
	}
	if (error != 0 || i == world->shape->records) {
		assert_int_equal(rc, error != 0 ? error : -DER_NONEXIST);
		return;
	}
	assert_int_equal(rc, 0);
	assert_extent(&piece.whole, extent);
	assert_int_equal(highest ? piece.hi : piece.lo, at);
	for (; at != (highest ? piece.lo : piece.hi); at += highest ? -1ULL : 1ULL)
		assert_ptr_equal(model_newest(world, at, when, &error), extent);
	if (extent->lo < piece.lo)
		assert_ptr_not_equal(model_newest(world, piece.lo - 1, when, &error), extent);
	if (extent->hi > piece.hi)
		assert_ptr_not_equal(model_newest(world, piece.hi + 1, when, &error), extent);
}

static int
drop(void *arg, const struct evtree_extent *extent)
{
	struct world *world = arg;
	uint32_t last = 0, i;

	assert_true(world->nr > 0);
	for (i = 1; i < world->nr; i++)
		if (extent_order(&world->model[i], &world->model[last]) > 0)
			last = i;
	assert_extent(extent, &world->model[last]);
	world->model[last] = world->model[--world->nr];
	return 0;
}

static void
op_drain(struct world *world)
{
	uint32_t credits = (uint32_t)rand_below(&world->rand, 40);
	int rc = evtree_drain(&world->tree, &credits, drop, world);

	assert_int_equal(rc, world->nr > 0 ? 1 : 0);
	if (world->nr > 0)
		assert_int_equal(credits, 0);
	else
		world->rec_size = 0;
}

/* ---- bodies ------------------------------------------------------------------------------------------------------ */

/** Narrow nodes make deep trees; an empty tree forgets them. */
static void
set_order(struct world *world)
{
	struct evtree_root *root = umem_at(world->heap.heap, world->tree.root);

	if (root->node == UMEM_NULL && world->shape->order != 0) {
		root = umem_touch(world->heap.heap, world->tree.root, sizeof(*root));
		root->order = world->shape->order;
	}
}

static int
body_batch(struct umem *heap, void *arg)
{
	struct world *world = arg;
	uint32_t nr = (uint32_t)rand_between(&world->rand, 1, 20);

	for (; nr > 0; nr--, world->ops++) {
		set_order(world);
		switch (rand_below(&world->rand, 12)) {
		case 0 ... 3:
			if (rand_below(&world->rand, world->shape->want * 2) >= world->nr)
				op_insert(world);
			else
				op_remove(world);
			break;
		case 4:
			op_remove(world);
			break;
		case 5:
			op_set_dtx(world);
			break;
		case 6 ... 8:
			op_find(world);
			break;
		case 9:
			op_each(world);
			break;
		case 10:
			op_end(world);
			break;
		default:
			if (rand_one_in(&world->rand, 40))
				op_drain(world);
		}
	}
	return world->abort_this ? -DER_MISC : 0;
}

static int
body_fill(struct umem *heap, void *arg)
{
	struct world *world = arg;

	set_order(world);
	while (world->nr < world->shape->want)
		op_insert(world);
	return 0;
}

static int
body_check(struct umem *heap, void *arg)
{
	static struct listing listing;
	struct world *world = arg;
	struct evtree_root *root = umem_at(heap, world->tree.root);
	uint32_t i;

	assert_int_equal(evtree_check(&world->tree), 0);
	assert_int_equal(root->count, world->nr);
	assert_int_equal(root->rec_size, world->rec_size);
	listing.nr = world->nr;
	listing.at = 0;
	listing.stop_after = UINT32_MAX;
	for (i = 0; i < world->nr; i++)
		listing.expected[i] = &world->model[i];
	qsort(listing.expected, listing.nr, sizeof(listing.expected[0]), pointer_order);
	assert_int_equal(evtree_each(&world->tree, 0, UINT64_MAX, 0, UINT64_MAX, found_extent, &listing), 0);
	assert_int_equal(listing.at, listing.nr);
	return 0;
}

static int
body_end(struct umem *heap, void *arg)
{
	static const struct evtree_root zero;
	struct world *world = arg;
	uint32_t credits = UINT32_MAX;

	assert_int_equal(evtree_drain(&world->tree, &credits, drop, world), 0);
	assert_int_equal(world->nr, 0);
	assert_memory_equal(umem_at(heap, world->tree.root), &zero, sizeof(zero));
	return 0;
}

static void
run(const struct shape *shape, uint64_t seed, uint32_t ops)
{
	struct world *world = calloc(1, sizeof(*world));
	uint64_t batch;
	int rc;

	heap_test_open(&world->heap, 16 * MIB);
	world->shape = shape;
	world->tree = (struct evtree){.heap = world->heap.heap, .root = umem_root(world->heap.heap) + 64, .arg = world};
	rand_init(&world->rand, seed, 0);
	assert_int_equal(umem_write(world->heap.heap, 0, body_fill, world, NULL), 0);
	for (batch = 0; world->ops < ops; batch++) {
		world->abort_this = rand_one_in(&world->rand, 4);
		memcpy(world->saved, world->model, world->nr * sizeof(world->model[0]));
		world->saved_nr = world->nr;
		world->saved_rec_size = world->rec_size;
		rc = umem_write(world->heap.heap, 0, body_batch, world, NULL);
		assert_int_equal(rc, world->abort_this ? -DER_MISC : 0);
		if (world->abort_this) {
			world->nr = world->saved_nr;
			world->rec_size = world->saved_rec_size;
			memcpy(world->model, world->saved, world->nr * sizeof(world->model[0]));
		}
		if (world->abort_this || batch % 16 == 0)
			assert_int_equal(umem_read(world->heap.heap, body_check, world), 0);
	}
	assert_int_equal(world->bad_calls, 0);
	assert_true(world->calls > 0);
	assert_int_equal(umem_write(world->heap.heap, 0, body_end, world, NULL), 0);
	assert_int_equal(heap_test_used(&world->heap), 0);
	heap_test_close(&world->heap);
	free(world);
}

static void
a_tree_does_what_its_model_does(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++)
		for (uint64_t seed = 1; seed <= 3; seed++)
			run(&shapes[i], seed, (shapes[i].records > 1000 ? 3000 : 8000) / TEST_PARTS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tree_does_what_its_model_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
