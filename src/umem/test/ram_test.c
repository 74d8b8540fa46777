/* SPDX-License-Identifier: Apache-2.0 */
/* umem without blobs: bodies, undo, allocator, errors. The heap is plain memory, so nothing here yields. */
#include <stdlib.h>
#include "base/mem_test.h"
#include "model.h"

struct world {
	struct mem_test mem;
	struct env env;
	struct umem *heap;
};

static void
world_open(struct world *world, uint64_t size)
{
	struct umem_config config = { .env = &world->env, .heap_size = size, .name = "ram" };

	mem_test_init(&world->mem);
	world->env = (struct env){ .mem = &world->mem.mem };
	assert_int_equal(umem_format(&config), 0);
	assert_int_equal(umem_open(&config, &world->heap), 0);
}

static void
world_close(struct world *world)
{
	umem_close(world->heap);
	assert_int_equal(world->mem.outstanding, 0);
}

static void
the_heap_follows_a_model_through_random_transactions(void **state)
{
	for (uint64_t seed = 1; seed <= 8; seed++) {
		struct world world;
		struct model *model;

		world_open(&world, (seed % 2 == 0 ? 4 : 32) * MIB);
		model = model_new(seed, 64 + (uint32_t)seed * 50, seed % 3 == 0 ? 2000 : 400000);
		for (uint32_t i = 0; i < 3000; i++) {
			model_step(model, world.heap, 0);
			if (i % 500 == 0) {
				assert_int_equal(model_compare(model, world.heap, umem_lsn_last(world.heap)), 0);
				assert_int_equal(umem_check(world.heap), 0);
			}
		}
		assert_int_equal(model_compare(model, world.heap, umem_lsn_last(world.heap)), 0);
		assert_true(model->committed > 100 && model->aborted > 10);
		assert_int_equal(umem_lsn_last(world.heap), umem_lsn_durable(world.heap));
		model_free(model);
		world_close(&world);
	}
}

struct sizes {
	umem_off_t off[100];
	uint32_t nr;
	size_t size;
};

static int
alloc_all(struct umem *heap, void *arg)
{
	struct sizes *sizes = arg;

	for (sizes->nr = 0; sizes->nr < 100; sizes->nr++) {
		umem_off_t off = umem_alloc(heap, sizes->size);

		if (off == UMEM_NULL)
			return -DER_NOSPACE;
		sizes->off[sizes->nr] = off;
	}
	return 0;
}

static int
free_all(struct umem *heap, void *arg)
{
	struct sizes *sizes = arg;

	for (uint32_t i = 0; i < sizes->nr; i++)
		umem_free(heap, sizes->off[i]);
	return 0;
}

static void
every_size_can_be_allocated_and_freed_without_a_trace(void **state)
{
	struct umem_space before, after;
	struct sizes sizes;
	struct world world;

	world_open(&world, 64 * MIB);
	umem_space(world.heap, &before);
	for (size_t size = 1; size < 300000; size += 1 + size / 9) {
		sizes.size = size;
		assert_int_equal(umem_write(world.heap, 0, alloc_all, &sizes, NULL), 0);
		for (uint32_t i = 1; i < sizes.nr; i++)
			assert_int_not_equal(sizes.off[i], sizes.off[i - 1]);
		umem_space(world.heap, &after);
		assert_true(after.used >= before.used + 100 * size);
		assert_true(size < 600 || after.used <= before.used + 100 * (size + size / 2 + 65536));
		assert_int_equal(umem_check(world.heap), 0);
		assert_int_equal(umem_write(world.heap, 0, free_all, &sizes, NULL), 0);
		assert_int_equal(umem_check(world.heap), 0);
	}
	umem_space(world.heap, &after);
	assert_int_equal(before.used, after.used);
	world_close(&world);
}

static int
bail_out(struct umem *heap, void *arg)
{
	int rc = alloc_all(heap, arg);

	*(uint64_t *)umem_touch(heap, umem_root(heap), 8) = 42;
	return rc == 0 ? -DER_AGAIN : rc;
}

static void
an_undone_body_leaves_no_trace(void **state)
{
	struct umem_space before, after;
	struct sizes sizes;
	struct world world;

	world_open(&world, 64 * MIB);
	umem_space(world.heap, &before);
	for (size_t size = 8; size < 200000; size *= 3) {
		sizes.size = size;
		assert_int_equal(umem_write(world.heap, 0, bail_out, &sizes, NULL), -DER_AGAIN);
		umem_space(world.heap, &after);
		assert_memory_equal(&before, &after, sizeof(before));
		assert_int_equal(umem_check(world.heap), 0);
	}
	assert_int_equal(umem_lsn_last(world.heap), 0);
	world_close(&world);
}

static int
nothing(struct umem *heap, void *arg)
{
	return 0;
}

static int
count_root(struct umem *heap, void *arg)
{
	uint64_t *root = umem_touch(heap, umem_root(heap) + 16, 8);

	assert_true(umem_writing(heap));
	assert_int_equal(umem_lsn_next(heap), umem_lsn_last(heap) + 1);
	*root += *(uint64_t *)arg;
	return 0;
}

static int
read_root(struct umem *heap, void *arg)
{
	assert_false(umem_writing(heap));
	*(uint64_t *)arg = *(uint64_t *)umem_at(heap, umem_root(heap) + 16);
	return 0;
}

static void
lsns_are_dense_and_a_body_without_changes_gets_the_one_before(void **state)
{
	uint64_t lsn = 9, add = 5, sum = 0;
	struct world world;

	world_open(&world, 4 * MIB);
	assert_int_equal(umem_write(world.heap, 0, nothing, NULL, &lsn), 0);
	assert_int_equal(lsn, 0);
	for (uint64_t i = 1; i < 10; i++) {
		assert_int_equal(umem_write(world.heap, 0, count_root, &add, &lsn), 0);
		assert_int_equal(lsn, i);
		assert_int_equal(umem_write(world.heap, 0, nothing, NULL, &lsn), 0);
		assert_int_equal(lsn, i);
		assert_int_equal(umem_wait(world.heap, lsn), 0);
	}
	assert_int_equal(umem_read(world.heap, read_root, &sum), 0);
	assert_int_equal(sum, 45);
	world_close(&world);
}

static void
fills_up_and_keeps_its_reserve_for_those_who_free(void **state)
{
	struct sizes *sizes = calloc(40, sizeof(*sizes));
	struct umem_space space;
	struct world world;
	int rc = 0, nr;

	world_open(&world, 16 * MIB);
	for (nr = 0; nr < 40 && rc == 0; nr++) {
		sizes[nr].size = 5000;
		rc = umem_write(world.heap, 0, alloc_all, &sizes[nr], NULL);
	}
	assert_int_equal(rc, -DER_NOSPACE);
	nr--;
	umem_space(world.heap, &space);
	assert_true(space.used + space.reserved + space.total / 4 > space.total);
	/* Who frees may still allocate. */
	assert_int_equal(umem_write(world.heap, UMEM_RESERVE, alloc_all, &sizes[nr], NULL), 0);
	assert_int_equal(umem_write(world.heap, UMEM_RESERVE, free_all, &sizes[nr], NULL), 0);
	/* Space that comes free in one class is usable by another. */
	for (int i = 0; i < nr; i++)
		assert_int_equal(umem_write(world.heap, 0, free_all, &sizes[i], NULL), 0);
	sizes[0].size = 100000;
	assert_int_equal(umem_write(world.heap, 0, alloc_all, &sizes[0], NULL), 0);
	assert_int_equal(umem_write(world.heap, 0, free_all, &sizes[0], NULL), 0);
	assert_int_equal(umem_check(world.heap), 0);
	free(sizes);
	world_close(&world);
}

static int
bad_free(struct umem *heap, void *arg)
{
	umem_free(heap, *(umem_off_t *)arg);
	return 0;
}

static int
bad_at(struct umem *heap, void *arg)
{
	*(uint8_t *)umem_touch(heap, *(umem_off_t *)arg, 64) = 1;
	return 0;
}

static void
places_that_were_never_given_out_are_refused(void **state)
{
	struct sizes sizes = { .size = 100000 };
	struct world world;
	umem_off_t bad;

	world_open(&world, 16 * MIB);
	assert_int_equal(umem_write(world.heap, 0, alloc_all, &sizes, NULL), 0);
	for (uint32_t i = 0; i < 6; i++) {
		bad = (umem_off_t[]){ 8, 4096, 1ULL << 40, UINT64_MAX, sizes.off[3] + 16, 15 * MIB + 100 }[i];
		assert_int_equal(umem_write(world.heap, 0, bad_free, &bad, NULL), -DER_DF_INVAL);
	}
	assert_int_equal(umem_write(world.heap, 0, bad_free, &sizes.off[3], NULL), 0);
	assert_int_equal(umem_write(world.heap, 0, bad_free, &sizes.off[3], NULL), -DER_DF_INVAL);
	for (uint32_t i = 0; i < 3; i++) {
		bad = (umem_off_t[]){ sizes.off[3], UINT64_MAX, sizes.off[2] + 2 * UMEM_SEGMENT - 8 }[i];
		assert_int_equal(umem_write(world.heap, 0, bad_at, &bad, NULL), -DER_DF_INVAL);
	}
	assert_int_equal(umem_check(world.heap), 0);
	world_close(&world);
}

/* One transaction after the other; each is tried with its n-th allocation failing until none fails. */
static uint32_t
fail_everywhere(struct world *world, struct model *model, uint32_t steps)
{
	uint32_t failures = 0;

	for (uint32_t i = 0; i < steps; i++) {
		uint64_t lsn;
		int rc = -DER_NOMEM;

		model_plan(model, umem_lsn_last(world->heap));
		for (size_t n = 1; rc == -DER_NOMEM; n++) {
			mem_test_fail(&world->mem, n);
			world->mem.fail_after = n % 2 == 0;
			rc = umem_write(world->heap, 0, model_body, model, &lsn);
			mem_test_fail(&world->mem, 0);
			failures += rc == -DER_NOMEM;
			if (n % 3 == 0 && rc != 0)
				assert_int_equal(model_compare(model, world->heap, umem_lsn_last(world->heap)), 0);
		}
		if (rc == 0)
			model_apply(model, lsn);
		else
			assert_int_equal(rc, -DER_NOSPACE);
	}
	return failures;
}

static void
a_failed_allocation_anywhere_undoes_the_body(void **state)
{
	uint32_t failures = 0;

	for (uint64_t seed = 0; seed < 10; seed++) {
		struct model *model;
		struct world world;

		world_open(&world, 16 * MIB);
		model = model_new(seed, 300, 100000);
		model->abort_percent = 0;
		failures += fail_everywhere(&world, model, 60);
		assert_int_equal(model_compare(model, world.heap, umem_lsn_last(world.heap)), 0);
		assert_int_equal(umem_check(world.heap), 0);
		model_free(model);
		world_close(&world);
	}
	assert_true(failures > 200);
}

static void
opening_fails_cleanly_at_every_allocation(void **state)
{
	struct umem_config config = { .heap_size = 4 * MIB };
	struct mem_test mem;
	struct env env = { .mem = &mem.mem };
	struct umem *heap = NULL;
	int rc = -DER_NOMEM;

	mem_test_init(&mem);
	config.env = &env;
	for (size_t n = 1; rc == -DER_NOMEM; n++) {
		mem_test_fail(&mem, n);
		rc = umem_open(&config, &heap);
		if (rc != 0)
			assert_int_equal(mem.outstanding, 0);
	}
	assert_int_equal(rc, 0);
	umem_close(heap);
	assert_int_equal(mem.outstanding, 0);
	config.heap_size = 64 * KIB;
	assert_int_equal(umem_open(&config, &heap), -DER_INVAL);
}

struct deferred {
	uint32_t ran[8];
	bool undo;
};

static void
ran(void *arg)
{
	*(uint32_t *)arg += 1;
}

static int
defer_some(struct umem *heap, void *arg)
{
	struct deferred *d = arg;

	assert_int_equal(umem_defer(heap, false, ran, &d->ran[0]), 0);
	assert_int_equal(umem_defer(heap, true, ran, &d->ran[1]), 0);
	if (d->undo)
		return -DER_CANCELED;
	*(uint8_t *)umem_touch(heap, umem_root(heap), 1) = 1;
	return 0;
}

static void
deferred_work_runs_once_after_a_commit_and_never_after_an_undo(void **state)
{
	struct deferred d = { .undo = true };
	struct world world;

	world_open(&world, 4 * MIB);
	assert_int_equal(umem_write(world.heap, 0, defer_some, &d, NULL), -DER_CANCELED);
	assert_int_equal(d.ran[0] + d.ran[1], 0);
	d.undo = false;
	assert_int_equal(umem_write(world.heap, 0, defer_some, &d, NULL), 0);
	assert_int_equal(d.ran[0], 1);
	assert_int_equal(d.ran[1], 1);
	world_close(&world);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_heap_follows_a_model_through_random_transactions),
		cmocka_unit_test(every_size_can_be_allocated_and_freed_without_a_trace),
		cmocka_unit_test(an_undone_body_leaves_no_trace),
		cmocka_unit_test(lsns_are_dense_and_a_body_without_changes_gets_the_one_before),
		cmocka_unit_test(fills_up_and_keeps_its_reserve_for_those_who_free),
		cmocka_unit_test(places_that_were_never_given_out_are_refused),
		cmocka_unit_test(a_failed_allocation_anywhere_undoes_the_body),
		cmocka_unit_test(opening_fails_cleanly_at_every_allocation),
		cmocka_unit_test(deferred_work_runs_once_after_a_commit_and_never_after_an_undo),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
