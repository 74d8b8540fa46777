/* SPDX-License-Identifier: Apache-2.0 */
/* A volatile heap for tests, and bodies as plain functions of it. */
#ifndef HEAP_TEST_H
#define HEAP_TEST_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "base/mem_test.h"
#include "base/rand.h"
#include "umem/umem.h"

struct heap_test {
	struct mem_test mem;
	struct env env;
	struct umem *heap;
	struct log log; /* counts */
	uint64_t lines;
};

static inline void
heap_test__line(struct log *log, enum log_level level, const char *facility, const char *line)
{
	struct heap_test *test = container_of(log, struct heap_test, log);

	assert_true(level == LOG_ERR && strlen(line) > 20);
	test->lines++;
}

static inline void
heap_test_open(struct heap_test *test, uint64_t size)
{
	struct umem_config config = {.heap_size = size, .name = "test"};

	mem_test_init(&test->mem);
	test->log = (struct log){.write = heap_test__line};
	test->env = (struct env){.mem = &test->mem.mem};
	config.env = &test->env;
	assert_int_equal(umem_open(&config, &test->heap), 0);
}

static inline void
heap_test_close(struct heap_test *test)
{
	umem_close(test->heap);
	assert_int_equal(test->mem.outstanding, 0);
}

/** Bytes in use, once quarantine and caches are settled. */
static inline uint64_t
heap_test_used(const struct heap_test *test)
{
	struct umem_space space;

	umem_space(test->heap, &space);
	return space.used;
}

/* ---- a full heap ------------------------------------------------------------------------------------------------- */

#define BALLAST_MAX 20000

/** Takes all space of a heap, to be given back piece by piece. */
struct ballast {
	const size_t *sizes; /* what will be wanted; ends with 0 */
	umem_off_t pieces[BALLAST_MAX];
	uint32_t nr;
	uint32_t victim;
};

static inline int
ballast__body_take(struct umem *heap, void *arg)
{
	struct ballast *ballast = arg;
	const size_t *size;
	umem_off_t off;

	ballast->nr = 0;
	for (uint32_t i = 0; i < 200; i++)
		for (size = ballast->sizes; *size != 0; size++)
			ballast->pieces[ballast->nr++] = umem_alloc(heap, *size);
	for (size = ballast->sizes; *size != 0; size++)
		while ((off = umem_alloc(heap, *size)) != UMEM_NULL && ballast->nr < BALLAST_MAX)
			ballast->pieces[ballast->nr++] = off;
	return off == UMEM_NULL ? 0 : -DER_MISC;
}

static inline int
ballast__body_drop(struct umem *heap, void *arg)
{
	struct ballast *ballast = arg;

	umem_free(heap, ballast->pieces[ballast->victim]);
	return 0;
}

static inline void
ballast_take(struct ballast *ballast, struct umem *heap, const size_t *sizes)
{
	ballast->sizes = sizes;
	assert_int_equal(umem_write(heap, 0, ballast__body_take, ballast, NULL), 0);
}

/** Gives one piece back: i counts over all sizes in turn, the first ones of each. */
static inline void
ballast_drop(struct ballast *ballast, struct umem *heap, uint32_t i)
{
	ballast->victim = i;
	assert_int_equal(umem_write(heap, 0, ballast__body_drop, ballast, NULL), 0);
}

#endif
