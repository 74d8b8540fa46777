/* SPDX-License-Identifier: Apache-2.0 */
/* The C library's allocator behind struct mem. */
#include <stdlib.h>
#include "heap.h"

#define MALLOC_ALIGN 16

static void *
heap_alloc(struct mem *mem, size_t size, size_t align, const void *site)
{
	(void)mem;
	(void)site;
	if (align <= MALLOC_ALIGN)
		return malloc(size);
	return size > SIZE_MAX - align ? NULL : aligned_alloc(align, ALIGN_UP(size, align));
}

static void
heap_free(struct mem *mem, void *ptr)
{
	(void)mem;
	free(ptr);
}

struct mem *
lib__heap(void)
{
	static struct mem heap = {.alloc = heap_alloc, .free = heap_free};

	return &heap;
}
