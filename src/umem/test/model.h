/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The executable model that the tests of umem compare it with: a table of values in the owner's root. Each transaction
 * changes a few values; the model keeps every version of every value with the LSN that made it, and so knows the state
 * after any prefix of the history.
 */
#ifndef UMEM_TEST_MODEL_H
#define UMEM_TEST_MODEL_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/base.h"
#include "base/rand.h"
#include "umem/umem.h"

#define MODEL_SLOTS (UMEM_ROOT_SIZE / 8)
#define MODEL_OPS 12

struct model_version {
	uint64_t lsn;
	uint32_t size; /* 0: no value */
	uint8_t *bytes;
};

struct model_slot {
	struct model_version *versions;
	uint32_t nr, max;
};

enum model_kind { MODEL_PUT, MODEL_PATCH, MODEL_DROP };

struct model_op {
	enum model_kind kind;
	uint32_t slot, size, off, len;
	uint64_t seed;
};

struct model {
	struct rand rand;
	uint32_t base, slots;   /* of the root in use; several models share a heap by having their own */
	uint32_t size_max;      /* of a value */
	uint32_t abort_percent;
	uint32_t drop_percent;
	struct model_slot slot[MODEL_SLOTS];
	uint64_t committed, aborted, full, too_large, bytes;
	/* the transaction under way */
	struct model_op ops[MODEL_OPS];
	uint32_t op_nr;
	bool abort;
};

static inline struct model *
model_new(uint64_t seed, uint32_t slots, uint32_t size_max)
{
	struct model *model = calloc(1, sizeof(*model));

	assert_non_null(model);
	rand_init(&model->rand, seed, 77);
	model->slots = slots;
	model->size_max = size_max;
	model->abort_percent = 10;
	model->drop_percent = 20;
	return model;
}

static inline void
model_free(struct model *model)
{
	for (uint32_t i = 0; i < MODEL_SLOTS; i++) {
		for (uint32_t v = 0; v < model->slot[i].nr; v++)
			free(model->slot[i].versions[v].bytes);
		free(model->slot[i].versions);
	}
	free(model);
}

/* What value slot is after transaction lsn; size 0: none. */
static inline struct model_version
model_at(const struct model *model, uint32_t slot, uint64_t lsn)
{
	const struct model_slot *s = &model->slot[slot];

	for (uint32_t v = s->nr; v > 0; v--)
		if (s->versions[v - 1].lsn <= lsn)
			return s->versions[v - 1];
	return (struct model_version){0};
}

static inline void
model_push(struct model *model, uint32_t slot, uint64_t lsn, uint32_t size, uint8_t *bytes)
{
	struct model_slot *s = &model->slot[slot];

	if (s->nr == s->max) {
		s->max = s->max == 0 ? 4 : s->max * 2;
		s->versions = realloc(s->versions, s->max * sizeof(*s->versions));
		assert_non_null(s->versions);
	}
	s->versions[s->nr++] = (struct model_version){ .lsn = lsn, .size = size, .bytes = bytes };
}

static inline void
model_fill(uint8_t *to, uint32_t len, uint64_t seed)
{
	if (seed % 8 == 0) {
		memset(to, 0, len); /* stretches of zeros are a case of their own */
		if (len > 3)
			to[len / 2] = (uint8_t)(seed >> 8);
		return;
	}
	for (uint32_t i = 0; i < len; i++) {
		if (i % 8 == 0)
			seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
		to[i] = (uint8_t)(seed >> (i % 8 * 8));
	}
}

static inline uint32_t
model_size(struct model *model)
{
	uint64_t kind = rand_below(&model->rand, 100);
	uint64_t max = kind < 70 ? 300 : kind < 92 ? 5000 : kind < 98 ? 40000 : 400000;

	return 1 + (uint32_t)rand_below(&model->rand, MIN(max, (uint64_t)model->size_max));
}

/* Draws the next transaction: ops on distinct slots. */
static inline void
model_plan(struct model *model, uint64_t lsn)
{
	uint32_t want = 1 + (uint32_t)rand_below(&model->rand, MODEL_OPS);

	model->op_nr = 0;
	model->abort = rand_below(&model->rand, 100) < model->abort_percent;
	while (want-- > 0) {
		struct model_op op = { .slot = model->base + (uint32_t)rand_below(&model->rand, model->slots),
				       .seed = rand_u64(&model->rand) };
		uint32_t size = model_at(model, op.slot, lsn).size;
		bool seen = false;

		for (uint32_t i = 0; i < model->op_nr; i++)
			seen |= model->ops[i].slot == op.slot;
		if (seen)
			continue;
		if (size == 0) {
			op.kind = MODEL_PUT;
			op.size = model_size(model);
		} else if (rand_below(&model->rand, 100) < model->drop_percent) {
			op.kind = MODEL_DROP;
		} else {
			op.kind = MODEL_PATCH;
			op.off = (uint32_t)rand_below(&model->rand, size);
			op.len = 1 + (uint32_t)rand_below(&model->rand, size - op.off);
		}
		model->ops[model->op_nr++] = op;
	}
}

static inline umem_off_t *
model_root(struct umem *heap, uint32_t slot, bool touch)
{
	umem_off_t at = umem_root(heap) + slot * 8ULL;

	return touch ? umem_touch(heap, at, 8) : umem_at(heap, at);
}

static inline int
model_body(struct umem *heap, void *arg)
{
	struct model *model = arg;

	for (uint32_t i = 0; i < model->op_nr; i++) {
		const struct model_op *op = &model->ops[i];
		umem_off_t off = *model_root(heap, op->slot, false);

		switch (op->kind) {
		case MODEL_PUT:
			off = umem_alloc(heap, op->size);
			if (off == UMEM_NULL)
				return -DER_NOSPACE;
			if (off % 16 != 0 || umem_usable(heap, off) < op->size)
				return -DER_MISC;
			for (uint32_t b = 0; b < op->size; b += 7)
				if (((uint8_t *)umem_at(heap, off))[b] != 0)
					return -DER_MISC;
			model_fill(umem_at(heap, off), op->size, op->seed);
			*model_root(heap, op->slot, true) = off;
			break;
		case MODEL_PATCH:
			model_fill((uint8_t *)umem_touch(heap, off + op->off, op->len), op->len, op->seed);
			break;
		case MODEL_DROP:
			umem_free(heap, off);
			*model_root(heap, op->slot, true) = UMEM_NULL;
			break;
		}
	}
	return model->abort ? -DER_CANCELED : 0;
}

/* The planned transaction has committed as lsn. */
static inline void
model_apply(struct model *model, uint64_t lsn)
{
	for (uint32_t i = 0; i < model->op_nr; i++) {
		const struct model_op *op = &model->ops[i];
		struct model_version old = model_at(model, op->slot, lsn);
		uint32_t size = op->kind == MODEL_PUT ? op->size : op->kind == MODEL_PATCH ? old.size : 0;
		uint8_t *bytes = size != 0 ? malloc(size) : NULL;

		if (op->kind == MODEL_PUT) {
			model_fill(bytes, size, op->seed);
		} else if (op->kind == MODEL_PATCH) {
			memcpy(bytes, old.bytes, size);
			model_fill(bytes + op->off, op->len, op->seed);
		}
		model_push(model, op->slot, lsn, size, bytes);
		model->bytes += size;
	}
	model->committed++;
}

/* One transaction; returns its LSN, 0 when it was undone. */
static inline uint64_t
model_step(struct model *model, struct umem *heap, uint32_t flags)
{
	uint64_t before = umem_lsn_last(heap), lsn = 0;
	int rc;

	model_plan(model, before);
	rc = umem_write(heap, flags, model_body, model, &lsn);
	if (rc == 0) {
		model_apply(model, lsn);
		return lsn;
	}
	if (model->abort && rc == -DER_CANCELED)
		model->aborted++;
	else if (rc == -DER_NOSPACE)
		model->full++;
	else if (rc == -DER_OVERFLOW)
		model->too_large++;
	else
		fail_msg("umem_write: %d", rc);
	return 0;
}

struct model_look {
	const struct model *model;
	uint32_t slot;
	uint64_t lsn;
};

static inline int
model_compare_body(struct umem *heap, void *arg)
{
	const struct model_look *look = arg;
	struct model_version want = model_at(look->model, look->slot, look->lsn);
	umem_off_t off = *model_root(heap, look->slot, false);

	if ((off != UMEM_NULL) != (want.size != 0))
		return -DER_MISMATCH;
	if (off != UMEM_NULL && memcmp(umem_at(heap, off), want.bytes, want.size) != 0)
		return -DER_MISMATCH;
	return 0;
}

/* The heap is the state after transaction lsn: 0, -DER_MISMATCH, or an error of umem_read. */
static inline int
model_compare(const struct model *model, struct umem *heap, uint64_t lsn)
{
	for (uint32_t i = model->base; i < model->base + model->slots; i++) {
		struct model_look look = { .model = model, .slot = i, .lsn = lsn };
		int rc = umem_read(heap, model_compare_body, &look);

		if (rc != 0)
			return rc;
	}
	return 0;
}

/* History goes on from lsn: what came later never happened. */
static inline void
model_cut(struct model *model, uint64_t lsn)
{
	for (uint32_t i = 0; i < MODEL_SLOTS; i++) {
		struct model_slot *s = &model->slot[i];

		while (s->nr > 0 && s->versions[s->nr - 1].lsn > lsn)
			free(s->versions[--s->nr].bytes);
	}
}

#endif
