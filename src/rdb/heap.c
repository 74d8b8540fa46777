/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libraft's memory: its hook is one for the process, so it goes by who calls: the node whose stream runs. What a simulated
 * node allocated dies with it. Sizes are kept in front, since the allocator of a node has no realloc.
 */
#include "internal.h"

#define HEAD 16

static struct mem *
here(void)
{
	return xs_env(xs_self())->mem;
}

static void *
heap_malloc(void *data, size_t size)
{
	char *block = mem_alloc_aligned(here(), size + HEAD, 16);

	if (block == NULL)
		return NULL;
	memcpy(block, &size, sizeof(size));
	return block + HEAD;
}

static void
heap_free(void *data, void *ptr)
{
	if (ptr != NULL)
		mem_free(here(), (char *)ptr - HEAD);
}

static void *
heap_calloc(void *data, size_t nr, size_t size)
{
	size_t all;
	void *ptr;

	if (__builtin_mul_overflow(nr, size, &all))
		return NULL;
	ptr = heap_malloc(data, all);
	if (ptr != NULL)
		memset(ptr, 0, all);
	return ptr;
}

static void *
heap_realloc(void *data, void *ptr, size_t size)
{
	void *more = heap_malloc(data, size);
	size_t old;

	if (more == NULL || ptr == NULL)
		return more;
	memcpy(&old, (char *)ptr - HEAD, sizeof(old));
	memcpy(more, ptr, MIN(old, size));
	heap_free(data, ptr);
	return more;
}

static void *
heap_aligned_alloc(void *data, size_t alignment, size_t size)
{
	return alignment <= 16 ? heap_malloc(data, size) : NULL;
}

static void
heap_aligned_free(void *data, size_t alignment, void *ptr)
{
	heap_free(data, ptr);
}

static const struct raft_heap heap = {
	.malloc = heap_malloc,
	.free = heap_free,
	.calloc = heap_calloc,
	.realloc = heap_realloc,
	.aligned_alloc = heap_aligned_alloc,
	.aligned_free = heap_aligned_free,
};

void
rdb__heap_use(void)
{
	raft_heap_set((struct raft_heap *)&heap);
}
