/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base: errors, assertions, memory, arenas and log lines (see base.h). Nothing here yields, keeps state of its own or
 * asks the machine; a failed assertion is handed to the C library, which prints it and aborts.
 *
 * Invariants
 *  I1  A failed allocation changes nothing: the caller's array or arena is as it was.
 *  I2  Sizes are checked before they are multiplied or added: no product of hostile counts wraps to a small block.
 *  I3  In an arena, next is 16-byte aligned and [next, end) is free space of the first chunk of the list.
 */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include "base/base.h"

/* ---- assertions --------------------------------------------------------------------------------------------------- */

void
assert_fail(const char *expr, const char *file, int line, const char *func, const char *words)
{
	char text[512];

	snprintf(text, sizeof(text), "%s%s%s", expr, words != NULL ? ": " : "", words != NULL ? words : "");
	__assert_fail(text, file, (unsigned int)line, func);
}

/* ---- memory ------------------------------------------------------------------------------------------------------- */

enum { MEM_ALIGN = 16 };

static void *
alloc_zeroed(struct mem *mem, size_t size, const void *site)
{
	void *ptr = mem->alloc(mem, size > 0 ? size : 1, MEM_ALIGN, site);

	if (ptr != NULL)
		memset(ptr, 0, size);
	return ptr;
}

void *
mem_alloc(struct mem *mem, size_t size)
{
	return alloc_zeroed(mem, size, __builtin_return_address(0));
}

void *
mem_alloc_array(struct mem *mem, size_t elem_size, size_t nr)
{
	size_t size;

	if (__builtin_mul_overflow(elem_size, nr, &size))
		return NULL;
	return alloc_zeroed(mem, size, __builtin_return_address(0));
}

void *
mem_alloc_aligned(struct mem *mem, size_t size, size_t align)
{
	ASSERT(align != 0 && (align & (align - 1)) == 0);
	return mem->alloc(mem, size > 0 ? size : 1, align, __builtin_return_address(0));
}

void
mem_free(struct mem *mem, void *ptr)
{
	if (ptr != NULL)
		mem->free(mem, ptr);
}

static char *
dup_text(struct mem *mem, const char *text, size_t len, const void *site)
{
	char *copy = mem->alloc(mem, len + 1, MEM_ALIGN, site);

	if (copy == NULL)
		return NULL;
	memcpy(copy, text, len);
	copy[len] = '\0';
	return copy;
}

char *
mem_strndup(struct mem *mem, const char *text, size_t len)
{
	return dup_text(mem, text, strnlen(text, len), __builtin_return_address(0));
}

char *
mem_strdup(struct mem *mem, const char *text)
{
	return dup_text(mem, text, strlen(text), __builtin_return_address(0));
}

void *
mem_grow(struct mem *mem, void *old, size_t old_nr, size_t new_nr, size_t elem_size)
{
	size_t size;
	char *grown;

	ASSERT(new_nr >= old_nr);
	if (__builtin_mul_overflow(new_nr, elem_size, &size))
		return NULL;
	grown = mem->alloc(mem, size > 0 ? size : 1, MEM_ALIGN, __builtin_return_address(0));
	if (grown == NULL)
		return NULL;
	if (old_nr > 0)
		memcpy(grown, old, old_nr * elem_size);
	memset(grown + old_nr * elem_size, 0, size - old_nr * elem_size);
	mem_free(mem, old);
	return grown;
}

/* ---- arena -------------------------------------------------------------------------------------------------------- */

struct arena_chunk {
	struct arena_chunk *next;
	uint64_t pad; /* data begins 16-byte aligned behind this header */
};

enum { ARENA_CHUNK_FIRST = 4096, ARENA_CHUNK_MAX = 64 << 10, ARENA_ALIGN = 16 };

void
arena_init(struct arena *arena, struct mem *mem)
{
	arena->mem = mem;
	arena->chunks = NULL;
	arena->next = arena->end = NULL;
}

/* A piece too large to share a chunk gets one of its own, behind the current one, which stays in use. */
static void *
alloc_alone(struct arena *arena, size_t size, const void *site)
{
	struct arena_chunk *chunk = arena->mem->alloc(arena->mem, sizeof(*chunk) + size, ARENA_ALIGN, site);

	if (chunk == NULL)
		return NULL;
	if (arena->chunks != NULL) {
		chunk->next = arena->chunks->next;
		arena->chunks->next = chunk;
	} else {
		chunk->next = NULL;
		arena->chunks = chunk;
	}
	return chunk + 1;
}

static bool
add_chunk(struct arena *arena, const void *site)
{
	size_t size = ARENA_CHUNK_FIRST;
	struct arena_chunk *chunk;

	/* Chunks double, so that a large request makes few of them. */
	if (arena->end != NULL)
		size = MIN((size_t)(arena->end - (char *)arena->chunks) * 2, (size_t)ARENA_CHUNK_MAX);
	chunk = arena->mem->alloc(arena->mem, size, ARENA_ALIGN, site);
	if (chunk == NULL)
		return false;
	chunk->next = arena->chunks;
	arena->chunks = chunk;
	arena->next = (char *)(chunk + 1);
	arena->end = (char *)chunk + size;
	return true;
}

static void *
take(struct arena *arena, size_t size, const void *site)
{
	void *ptr;

	if (size > SIZE_MAX / 2)
		return NULL;
	size = size > 0 ? ALIGN_UP(size, ARENA_ALIGN) : ARENA_ALIGN;
	if (size > (size_t)(arena->end - arena->next)) {
		if (size > ARENA_CHUNK_FIRST / 4)
			return alloc_alone(arena, size, site);
		if (!add_chunk(arena, site))
			return NULL;
	}
	ptr = arena->next;
	arena->next += size;
	return ptr;
}

void *
arena_alloc(struct arena *arena, size_t size)
{
	void *ptr = take(arena, size, __builtin_return_address(0));

	return ptr != NULL ? memset(ptr, 0, size) : NULL;
}

void *
arena_alloc_array(struct arena *arena, size_t elem_size, size_t nr)
{
	void *ptr;
	size_t size;

	if (__builtin_mul_overflow(elem_size, nr, &size))
		return NULL;
	ptr = take(arena, size, __builtin_return_address(0));
	return ptr != NULL ? memset(ptr, 0, size) : NULL;
}

void *
arena_dup(struct arena *arena, const void *data, size_t size)
{
	void *ptr = take(arena, size, __builtin_return_address(0));

	if (ptr != NULL && size > 0)
		memcpy(ptr, data, size);
	return ptr;
}

void
arena_fini(struct arena *arena)
{
	struct arena_chunk *chunk, *next;

	for (chunk = arena->chunks; chunk != NULL; chunk = next) {
		next = chunk->next;
		mem_free(arena->mem, chunk);
	}
	arena_init(arena, arena->mem);
}

/* ---- log lines ---------------------------------------------------------------------------------------------------- */

void
log_line(struct log *log, enum log_level level, const char *facility, const char *fmt, ...)
{
	char line[1024];
	va_list args;
	int len;

	if (log == NULL || level < (log->level_of != NULL ? log->level_of(log, facility) : log->base_level))
		return;
	va_start(args, fmt);
	len = vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	if (len < 0)
		return;
	if ((size_t)len >= sizeof(line))
		memcpy(line + sizeof(line) - 4, "...", 4);
	/* One call is one line, whatever text from outside was printed into it. */
	for (char *c = line; *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = ' ';
	log->write(log, level, facility, line);
}

/* ---- error names -------------------------------------------------------------------------------------------------- */

struct err_entry {
	const char *name, *desc;
};

#define ERR_ENTRY(name, desc) {#name, desc},
static const struct err_entry gurt_errors[] = {D_FOREACH_GURT_ERR(ERR_ENTRY)};
static const struct err_entry daos_errors[] = {D_FOREACH_DAOS_ERR(ERR_ENTRY)};

static struct err_entry
err_find(int errnum)
{
	/* The most negative int has no positive twin; as unsigned it falls out of both ranges. */
	unsigned int num = errnum < 0 ? 0U - (unsigned int)errnum : (unsigned int)errnum;

	if (num == DER_SUCCESS)
		return (struct err_entry){"DER_SUCCESS", "Success"};
	if (num > DER_ERR_GURT_BASE && num <= DER_ERR_GURT_BASE + ARRAY_SIZE(gurt_errors))
		return gurt_errors[num - DER_ERR_GURT_BASE - 1];
	if (num > DER_ERR_DAOS_BASE && num <= DER_ERR_DAOS_BASE + ARRAY_SIZE(daos_errors))
		return daos_errors[num - DER_ERR_DAOS_BASE - 1];
	return (struct err_entry){"DER_UNKNOWN", "Unknown error"};
}

__attribute__((visibility("default"))) const char *
d_errstr(int errnum)
{
	return err_find(errnum).name;
}

__attribute__((visibility("default"))) const char *
d_errdesc(int errnum)
{
	return err_find(errnum).desc;
}
