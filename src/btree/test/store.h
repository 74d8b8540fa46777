/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The trees on a heap that is stored, larger than its memory, and whose host now and then loses power. A transaction
 * follows from a seed alone, so that its body may run again and the model can do it later. After each new life the
 * heap must be what the model is after a prefix of the transactions that contains all durable ones.
 */
#ifndef STORE_H
#define STORE_H

#include "../../umem/test/stage.h"

#define STORE_PENDING 4096

struct store;

struct store_kind {
	void (*create)(struct umem *heap, struct store *store);
	/** What transaction seed does to the heap; within a body. */
	int (*apply)(struct umem *heap, struct store *store, uint64_t seed);
	/** And to the model. */
	void (*model)(struct store *store, uint64_t seed);
	/** Compares a part of it with the model; within a body. */
	int (*compare)(struct umem *heap, struct store *store, uint32_t part);
	uint32_t parts;
	/** Walks all of it; within a body. */
	int (*check)(struct umem *heap, struct store *store);
};

struct store {
	const struct store_kind *kind;
	void *state; /* of the kind */
	struct rand rand;
	bool made;
	uint32_t lives, steps;
	uint64_t durable; /* LSN that was */
	/* transactions that the model has not done yet */
	struct {
		uint64_t seed, lsn;
	} pending[STORE_PENDING];
	uint32_t pending_nr;
	/* the body's */
	uint64_t seed;
	bool abort;
	uint32_t part;
	uint64_t committed, lost;
	uint64_t used; /* bytes of heap at the end of a life */
};

static inline int
store__body_create(struct umem *heap, void *arg)
{
	struct store *store = arg;

	store->kind->create(heap, store);
	return 0;
}

static inline int
store__body_apply(struct umem *heap, void *arg)
{
	struct store *store = arg;
	int rc = store->kind->apply(heap, store, store->seed);

	return rc != 0 ? rc : store->abort ? -DER_MISC : 0;
}

static inline int
store__body_compare(struct umem *heap, void *arg)
{
	struct store *store = arg;

	return store->kind->compare(heap, store, store->part);
}

static inline int
store__body_check(struct umem *heap, void *arg)
{
	struct store *store = arg;

	return store->kind->check(heap, store);
}

/** The model does what is known to have committed up to lsn, and forgets what never will have. */
static inline void
store__settle(struct store *store, uint64_t lsn)
{
	for (uint32_t i = 0; i < store->pending_nr; i++) {
		if (store->pending[i].lsn <= lsn)
			store->kind->model(store, store->pending[i].seed);
		else
			store->lost++;
	}
	store->pending_nr = 0;
}

static inline void
store__compare(struct stage *stage, struct store *store)
{
	for (store->part = 0; store->part < store->kind->parts; store->part++)
		assert_int_equal(umem_read(stage->heap, store__body_compare, store), 0);
	assert_int_equal(umem_read(stage->heap, store__body_check, store), 0);
}

static inline void
store__step(struct stage *stage, struct store *store)
{
	uint64_t lsn = 0;
	int rc;

	store->seed = rand_u64(&store->rand);
	store->abort = rand_one_in(&store->rand, 8);
	rc = umem_write(stage->heap, 0, store__body_apply, store, &lsn);
	assert_int_equal(rc, store->abort ? -DER_MISC : 0);
	if (rc != 0)
		return;
	store->committed++;
	assert_true(store->pending_nr < STORE_PENDING);
	store->pending[store->pending_nr].seed = store->seed;
	store->pending[store->pending_nr++].lsn = lsn;
	if (rand_one_in(&store->rand, 10)) {
		assert_int_equal(umem_wait(stage->heap, lsn), 0);
		store->durable = lsn;
	}
	if (rand_one_in(&store->rand, 50))
		assert_int_equal(umem_checkpoint(stage->heap), 0);
}

/** One life: ends in order, or never returns because the power is gone. */
static inline void
store__life(struct stage *stage)
{
	struct store *store = stage->arg;
	struct umem_space space;

	assert_int_equal(stage_up(stage, !store->made), 0);
	if (!store->made) {
		assert_int_equal(umem_write(stage->heap, 0, store__body_create, store, &store->durable), 0);
		assert_int_equal(umem_wait(stage->heap, store->durable), 0);
		store->made = true;
	}
	assert_true(umem_lsn_last(stage->heap) >= store->durable);
	store__settle(store, umem_lsn_last(stage->heap));
	store__compare(stage, store);
	for (uint32_t i = 0; i < store->steps; i++)
		store__step(stage, store);
	umem_space(stage->heap, &space);
	store->used = space.used;
	if (rand_one_in(&store->rand, 2)) {
		sim_node_crash(stage->sim, 0, SIM_POWER);
		for (;;)
			ult_sleep(NS_PER_MS);
	}
	store__settle(store, UINT64_MAX);
	store__compare(stage, store);
	store->durable = umem_lsn_last(stage->heap);
	stage_down(stage);
}

/** Returns how many transactions losses of power took away. */
static inline uint64_t
store_run(const struct store_kind *kind, void *state, uint64_t seed, uint32_t lives, uint32_t steps, uint64_t budget)
{
	struct store *store = calloc(1, sizeof(*store));
	struct stage stage;
	uint64_t lost;

	store->kind = kind;
	store->state = state;
	store->steps = steps;
	rand_init(&store->rand, seed, 3);
	stage_open(&stage, seed, NULL);
	stage.heap_size = 8 * MIB;
	stage.wal_size = 4 * MIB;
	stage.budget = budget;
	for (; store->lives < lives; store->lives++)
		if (!stage_play(&stage, store__life, store))
			stage_revive(&stage);
	assert_true(store->committed > (uint64_t)lives * steps / 2);
	assert_true(store->used > budget);
	stage_close(&stage);
	lost = store->lost;
	free(store);
	return lost;
}

#endif
