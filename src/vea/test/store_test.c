/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The allocator on a stored heap whose host loses power: what is allocated afterwards is what a prefix of the transactions
 * allocated, all durable ones among them; and no block is given out before the transaction that freed it is durable.
 */
#include "../../umem/test/stage.h"
#include "vea/vea.h"

#define BLOCKS 1200
#define PENDING_MAX 2000
#define PARTS_MAX 6

struct change { /* of one transaction */
	uint64_t lsn;
	struct vea_extent publish[PARTS_MAX], give[PARTS_MAX];
	uint32_t publish_nr, give_nr;
};

struct world {
	struct rand rand;
	uint32_t lives, steps;
	bool made, abort;
	struct vea *vea;
	umem_off_t root;
	bool allocated[BLOCKS];       /* by what is settled */
	bool now[BLOCKS];             /* by what has committed */
	bool reserved[BLOCKS];
	uint64_t freed_lsn[BLOCKS];
	struct change pending[PENDING_MAX];
	uint32_t pending_nr;
	struct change change;
	uint64_t durable, lost, reused, refused;
};

static int
body_format(struct umem *heap, void *arg)
{
	struct world *world = arg;

	return vea_format(heap, world->root, BLOCKS, 0);
}

static int
body_change(struct umem *heap, void *arg)
{
	struct world *world = arg;
	int rc = 0;

	for (uint32_t i = 0; i < world->change.publish_nr && rc == 0; i++)
		rc = vea_publish(world->vea, &world->change.publish[i]);
	for (uint32_t i = 0; i < world->change.give_nr && rc == 0; i++)
		rc = vea_free(world->vea, world->change.give[i].block, world->change.give[i].nr);
	return rc != 0 ? rc : world->abort ? -DER_MISC : 0;
}

static void
apply(bool *allocated, const struct change *change)
{
	for (uint32_t i = 0; i < change->publish_nr; i++)
		memset(allocated + change->publish[i].block, true, change->publish[i].nr);
	for (uint32_t i = 0; i < change->give_nr; i++)
		memset(allocated + change->give[i].block, false, change->give[i].nr);
}

static void
settle(struct world *world, uint64_t lsn)
{
	for (uint32_t i = 0; i < world->pending_nr; i++) {
		if (world->pending[i].lsn <= lsn)
			apply(world->allocated, &world->pending[i]);
		else
			world->lost++;
	}
	world->pending_nr = 0;
	memcpy(world->now, world->allocated, sizeof(world->now));
	memset(world->reserved, 0, sizeof(world->reserved));
	memset(world->freed_lsn, 0, sizeof(world->freed_lsn));
}

/** What is free is what the model says: takes it all, block by block, and gives it back. */
static void
compare(struct world *world)
{
	static struct vea_extent extents[BLOCKS];
	uint32_t nr = 0, wanted = 0;

	assert_int_equal(vea_check(world->vea), 0);
	for (uint32_t i = 0; i < BLOCKS; i++)
		wanted += !world->allocated[i];
	while (nr < BLOCKS && vea_reserve(world->vea, 1, NULL, true, &extents[nr]) == 0) {
		assert_false(world->allocated[extents[nr].block]);
		nr++;
	}
	assert_int_equal(nr, wanted);
	while (nr-- > 0)
		vea_cancel(world->vea, &extents[nr]);
}

static void
reserve_some(struct stage *stage, struct world *world)
{
	struct change *change = &world->change;
	uint64_t durable = umem_lsn_durable(stage->heap);
	struct vea_extent extent;

	for (uint64_t want = rand_below(&world->rand, PARTS_MAX + 1); want > 0; want--) {
		if (vea_reserve(world->vea, (uint32_t)rand_between(&world->rand, 1, 20), NULL, true, &extent) != 0) {
			world->refused++;
			continue;
		}
		for (uint32_t i = 0; i < extent.nr; i++) {
			uint64_t block = extent.block + i;

			assert_false(world->now[block] || world->reserved[block]);
			assert_true(world->freed_lsn[block] <= durable);
			world->reused += world->freed_lsn[block] != 0;
			world->reserved[block] = true;
		}
		if (rand_one_in(&world->rand, 5)) {
			vea_cancel(world->vea, &extent);
			memset(world->reserved + extent.block, false, extent.nr);
			continue;
		}
		change->publish[change->publish_nr++] = extent;
	}
}

static void
plan_frees(struct world *world)
{
	struct change *change = &world->change;
	bool after[BLOCKS];

	memcpy(after, world->now, sizeof(after));
	for (uint64_t want = rand_below(&world->rand, PARTS_MAX + 1); want > 0; want--) {
		uint64_t block = rand_below(&world->rand, BLOCKS);
		struct vea_extent run = {.block = block};

		while (block < BLOCKS && run.nr < 20 && after[block]) {
			after[block++] = false;
			run.nr++;
		}
		if (run.nr > 0)
			change->give[change->give_nr++] = run;
	}
}

static void
step(struct stage *stage, struct world *world)
{
	struct change *change = &world->change;
	int rc;

	*change = (struct change){0};
	reserve_some(stage, world);
	plan_frees(world);
	world->abort = rand_one_in(&world->rand, 6);
	rc = umem_write(stage->heap, 0, body_change, world, &change->lsn);
	assert_int_equal(rc, world->abort ? -DER_MISC : 0);
	for (uint32_t i = 0; i < change->publish_nr; i++) {
		if (rc != 0)
			vea_cancel(world->vea, &change->publish[i]);
		memset(world->reserved + change->publish[i].block, false, change->publish[i].nr);
	}
	if (rc == 0) {
		apply(world->now, change);
		for (uint32_t i = 0; i < change->give_nr; i++)
			for (uint32_t j = 0; j < change->give[i].nr; j++)
				world->freed_lsn[change->give[i].block + j] = change->lsn;
		assert_true(world->pending_nr < PENDING_MAX);
		world->pending[world->pending_nr++] = *change;
	}
	if (rand_one_in(&world->rand, 12)) {
		world->durable = umem_lsn_last(stage->heap);
		assert_int_equal(umem_wait(stage->heap, world->durable), 0);
	}
	if (rand_one_in(&world->rand, 40))
		assert_int_equal(vea_check(world->vea), 0);
}

static void
life(struct stage *stage)
{
	struct world *world = stage->arg;

	assert_int_equal(stage_up(stage, !world->made), 0);
	world->root = umem_root(stage->heap);
	if (!world->made) {
		assert_int_equal(umem_write(stage->heap, 0, body_format, world, &world->durable), 0);
		assert_int_equal(umem_wait(stage->heap, world->durable), 0);
		world->made = true;
	}
	assert_true(umem_lsn_last(stage->heap) >= world->durable);
	settle(world, umem_lsn_last(stage->heap));
	assert_int_equal(vea_load(stage->env->mem, stage->heap, world->root, &world->vea), 0);
	compare(world);
	for (uint32_t i = 0; i < world->steps; i++)
		step(stage, world);
	if (rand_one_in(&world->rand, 2)) {
		sim_node_crash(stage->sim, 0, SIM_POWER);
		for (;;)
			ult_sleep(NS_PER_MS);
	}
	world->durable = umem_lsn_last(stage->heap);
	assert_int_equal(umem_wait(stage->heap, world->durable), 0);
	settle(world, UINT64_MAX);
	compare(world);
	vea_unload(world->vea);
	stage_down(stage);
}

static void
allocations_survive_and_frees_wait_until_they_are_durable(void **state)
{
	uint64_t lost = 0, reused = 0, refused = 0;

	for (uint64_t seed = 1; seed <= 4; seed++) {
		struct world *world = calloc(1, sizeof(*world));
		struct stage stage;

		world->steps = 300;
		rand_init(&world->rand, seed, 1);
		stage_open(&stage, seed, NULL);
		stage.heap_size = 4 * MIB;
		stage.wal_size = 1 * MIB;
		for (; world->lives < 8; world->lives++)
			if (!stage_play(&stage, life, world))
				stage_revive(&stage);
		stage_close(&stage);
		lost += world->lost;
		reused += world->reused;
		refused += world->refused;
		free(world);
	}
	assert_true(lost > 0 && reused > 1000 && refused > 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(allocations_survive_and_frees_wait_until_they_are_durable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
