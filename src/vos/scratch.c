/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vos/scratch: memory of one operation: the first KiB lies in the operation itself, more comes from an arena. Nothing
 * yields; a crash leaves nothing.
 */
#include "inside.h"

void
vos__scratch_init(struct scratch *scratch, struct mem *mem)
{
	scratch->next = scratch->here;
	arena_init(&scratch->arena, mem);
}

void *
vos__scratch_alloc(struct scratch *scratch, size_t size)
{
	size_t room = (size_t)(scratch->here + sizeof(scratch->here) - scratch->next);
	void *ptr = scratch->next;

	if (size > room)
		return arena_alloc(&scratch->arena, size);
	scratch->next += MIN(ALIGN_UP(size, (size_t)16), room);
	return memset(ptr, 0, size);
}

void *
vos__scratch_array(struct scratch *scratch, size_t nr, size_t size)
{
	size_t bytes;

	return __builtin_mul_overflow(nr, size, &bytes) ? NULL : vos__scratch_alloc(scratch, bytes);
}

void *
vos__scratch_dup(struct scratch *scratch, const void *data, size_t size)
{
	void *ptr = vos__scratch_alloc(scratch, size);

	if (ptr != NULL && size > 0)
		memcpy(ptr, data, size);
	return ptr;
}

void
vos__scratch_fini(struct scratch *scratch)
{
	scratch->next = scratch->here;
	arena_fini(&scratch->arena);
}
