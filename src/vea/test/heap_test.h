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
};

static inline void
heap_test_open(struct heap_test *test, uint64_t size)
{
	struct umem_config config = {.heap_size = size, .name = "test"};

	mem_test_init(&test->mem);
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

#endif
