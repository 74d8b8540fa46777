/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/mem_test: memory for tests. Takes it from the C library, counts what is outstanding, and fails the n-th request
 * or every one from there on. Only tests include this header.
 */
#ifndef BASE_MEM_TEST_H
#define BASE_MEM_TEST_H

#include <stdlib.h>
#include "base/base.h"

struct mem_test {
	struct mem mem;
	size_t outstanding; /* blocks not freed */
	size_t asked;       /* requests so far */
	size_t fail_at;     /* this request fails (1: the next after a reset); 0: none */
	bool fail_after;    /* and all that follow */
};

static inline void *
mem_test__alloc(struct mem *mem, size_t size, size_t align, const void *site)
{
	struct mem_test *test = container_of(mem, struct mem_test, mem);
	void *ptr;

	test->asked++;
	if (test->fail_at != 0 && (test->asked == test->fail_at || (test->fail_after && test->asked > test->fail_at)))
		return NULL;
	/* Not rounded up, so that an address sanitizer sees the true end. */
	if (posix_memalign(&ptr, align < sizeof(void *) ? sizeof(void *) : align, size) != 0)
		return NULL;
	memset(ptr, 0xa5, size);
	test->outstanding++;
	return ptr;
}

static inline void
mem_test__free(struct mem *mem, void *ptr)
{
	struct mem_test *test = container_of(mem, struct mem_test, mem);

	ASSERT(test->outstanding > 0);
	test->outstanding--;
	free(ptr);
}

static inline void
mem_test_init(struct mem_test *test)
{
	*test = (struct mem_test){.mem = {.alloc = mem_test__alloc, .free = mem_test__free}};
}

/** Counts requests from zero and fails the n-th (0: none). */
static inline void
mem_test_fail(struct mem_test *test, size_t nth)
{
	test->asked = 0;
	test->fail_at = nth;
}

#endif
