/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base: the ground. Words that every room uses and that ask the machine nothing: errors, assertions, memory through a
 * handed-in allocator, logging to a handed-in sink, and small containers. Every header of this room is a door of its
 * own; this one holds what nearly every file needs.
 */
#ifndef BASE_BASE_H
#define BASE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <daos_errno.h>

#define KIB (1ULL << 10)
#define MIB (1ULL << 20)
#define GIB (1ULL << 30)
#define NS_PER_US 1000ULL
#define NS_PER_MS 1000000ULL
#define NS_PER_S 1000000000ULL

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
/* Each use has names of its own, so that MIN(a, MAX(b, c)) shadows nothing. */
#define MIN(a, b) BASE__PICK(a, <, b, __COUNTER__)
#define MAX(a, b) BASE__PICK(a, >, b, __COUNTER__)
#define BASE__PICK(a, op, b, n) BASE__PICK_AS(a, op, b, BASE__JOIN(_a, n), BASE__JOIN(_b, n))
#define BASE__PICK_AS(a, op, b, x, y) ({ __typeof__(a) x = (a); __typeof__(b) y = (b); x op y ? x : y; })
#define BASE__JOIN(a, b) BASE__JOIN_AS(a, b)
#define BASE__JOIN_AS(a, b) a##b
#define ALIGN_UP(x, a) (((x) + ((__typeof__(x))(a) - 1)) & ~((__typeof__(x))(a) - 1))
#define ALIGN_DOWN(x, a) ((x) & ~((__typeof__(x))(a) - 1))
#define DIV_UP(x, a) (((x) + (a) - 1) / (a))
#define container_of(ptr, type, member) ((type *)((char *)(ptr) - offsetof(type, member)))
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define NODISCARD __attribute__((warn_unused_result))
#define UNUSED __attribute__((unused))

/** Our bug, never bad input: prints the expression and where, then aborts. Stays on in release builds. */
#define ASSERT(cond) (likely(cond) ? (void)0 : assert_fail(#cond, __FILE__, __LINE__, __func__, NULL))
/** The same with words (a string literal) that say which invariant broke, e.g. "umem I3: ...". */
#define ASSERTF(cond, words) (likely(cond) ? (void)0 : assert_fail(#cond, __FILE__, __LINE__, __func__, words))

__attribute__((noreturn, cold)) void assert_fail(const char *expr, const char *file, int line, const char *func,
						 const char *words);

/* ---- memory -------------------------------------------------------------------------------------------------- */

/**
 * Where a room's memory comes from: handed in, so that a simulated node can fail the n-th allocation, count what is
 * outstanding, and drop everything at a crash. Not shared between threads unless its maker says so.
 */
struct mem {
	/** size > 0, align a power of two (16 suffices for any type); NULL when there is no memory. Content undefined. */
	void *(*alloc)(struct mem *mem, size_t size, size_t align, const void *site);
	/** ptr came from alloc of the same mem. */
	void (*free)(struct mem *mem, void *ptr);
};

/** size zeroed bytes, 16-byte aligned; NULL when there is no memory. Freed with mem_free of the same mem. */
void *mem_alloc(struct mem *mem, size_t size);
/** nr zeroed elements; NULL also when nr * elem_size does not fit. */
void *mem_alloc_array(struct mem *mem, size_t elem_size, size_t nr);
/** The same as mem_alloc, uninitialised, with an alignment (a power of two). */
void *mem_alloc_aligned(struct mem *mem, size_t size, size_t align);
/** Frees ptr; NULL is allowed. */
void mem_free(struct mem *mem, void *ptr);
/** A NUL-terminated copy of at most len bytes of text; NULL when there is no memory. */
char *mem_strndup(struct mem *mem, const char *text, size_t len);
char *mem_strdup(struct mem *mem, const char *text);
/** New array of new_nr elements with the first old_nr copied and the rest zero; the old one is freed. NULL leaves the old one. */
void *mem_grow(struct mem *mem, void *old, size_t old_nr, size_t new_nr, size_t elem_size);

#define MEM_NEW(mem, type) ((type *)mem_alloc((mem), sizeof(type)))
/** The count may come from outside: a product that does not fit gives NULL. */
#define MEM_NEW_ARRAY(mem, type, nr) ((type *)mem_alloc_array((mem), sizeof(type), (size_t)(nr)))

/**
 * An arena: what one request allocates and what dies with it. Not for large buffers (chunks of 4 KiB and up).
 * Never fails half way: a failed allocation returns NULL and the arena stays usable.
 */
struct arena {
	struct mem *mem;
	struct arena_chunk *chunks;
	char *next, *end;
};

void arena_init(struct arena *arena, struct mem *mem);
/** Zeroed, 16-byte aligned; NULL when there is no memory. size 0 gives a valid unique pointer. */
void *arena_alloc(struct arena *arena, size_t size);
/** The same for an array; NULL also when nr * elem_size does not fit. */
void *arena_alloc_array(struct arena *arena, size_t elem_size, size_t nr);
void *arena_dup(struct arena *arena, const void *data, size_t size);
/** Frees all that was allocated; the arena can be used again. */
void arena_fini(struct arena *arena);

#define ARENA_NEW(arena, type) ((type *)arena_alloc((arena), sizeof(type)))
#define ARENA_NEW_ARRAY(arena, type, nr) ((type *)arena_alloc_array((arena), sizeof(type), (size_t)(nr)))

/* ---- logging -------------------------------------------------------------------------------------------------- */

enum log_level { LOG_DEBUG, LOG_INFO, LOG_NOTE, LOG_WARN, LOG_ERR, LOG_CRIT, LOG_EMIT };

/** Where log lines go: handed in. Lines below level are dropped before they are formatted. */
struct log {
	/** One whole line without newline. facility: the room that speaks, e.g. "vos". */
	void (*write)(struct log *log, enum log_level level, const char *facility, const char *line);
	/** The lowest level of a facility that is wanted; NULL: base_level for all. */
	enum log_level (*level_of)(struct log *log, const char *facility);
	enum log_level base_level;
};

void log_line(struct log *log, enum log_level level, const char *facility, const char *fmt, ...) PRINTF_LIKE(4, 5);

/* ROOM is the name of the room, defined by the build. */
#define log_at(sink, lvl, ...)                                                                                         \
	do {                                                                                                           \
		struct log *_log = (sink);                                                                             \
		if (_log != NULL && (_log->level_of != NULL || (lvl) >= _log->base_level))                             \
			log_line(_log, (lvl), ROOM, __VA_ARGS__);                                                      \
	} while (0)
#define log_debug(sink, ...) log_at(sink, LOG_DEBUG, __VA_ARGS__)
#define log_info(sink, ...) log_at(sink, LOG_INFO, __VA_ARGS__)
#define log_note(sink, ...) log_at(sink, LOG_NOTE, __VA_ARGS__)
#define log_warn(sink, ...) log_at(sink, LOG_WARN, __VA_ARGS__)
#define log_error(sink, ...) log_at(sink, LOG_ERR, __VA_ARGS__)
#define log_crit(sink, ...) log_at(sink, LOG_CRIT, __VA_ARGS__)

/** Text of an error for a log line: "-DER_NOSPACE(-1007)". The string lives in a constant table. */
#define RCF "%s(%d)"
#define RCP(rc) d_errstr(rc), (rc)

#endif
