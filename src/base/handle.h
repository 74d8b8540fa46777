/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/handle: tables that give out 64-bit cookies for objects. A cookie is
 *
 *      63            32 31                    4 3    0
 *     | generation     | slot                  | type |
 *
 * so that a closed, foreign or made-up cookie is refused rather than followed: a slot changes its generation each time
 * it is given up, and slots are used again as late as possible. Zero is no cookie, as types are not zero.
 *
 * An object in use while its handle is closed stays until its last user puts it: handle_get counts users, handle_close
 * makes the cookie unknown at once, release(object) is called when both are done.
 */
#ifndef BASE_HANDLE_H
#define BASE_HANDLE_H

#include "base/base.h"

enum { HANDLE_TYPE_MASK = 15 };

struct handle_slot {
	void *object;
	uint32_t generation;
	uint32_t users; /* handle_get without handle_put */
	uint32_t next;  /* free slot given up after this one */
	uint8_t type;   /* 0: free */
	bool closed;
};

struct handle_table {
	struct mem *mem;
	void (*release)(void *object, int type, void *arg);
	void *arg;
	struct handle_slot *slots;
	uint32_t slot_nr, max_nr;
	uint32_t free_first, free_last; /* slot_nr at most: none */
	uint32_t free_nr;
	uint32_t open_nr; /* handles that are not closed */
	uint32_t generation;
};

/**
 * max_nr: most handles at once (0: as many as cookies allow, 2^28 - 1). first_generation: any number; a random one
 * makes it unlikely that a cookie of another table or process is taken for one of ours. release may be NULL; it may
 * use the table.
 */
void handle_table_init(struct handle_table *table, struct mem *mem, uint32_t max_nr, uint32_t first_generation,
		       void (*release)(void *object, int type, void *arg), void *arg);
/** Closes and releases every handle, in the order of slots. No user may be left. */
void handle_table_fini(struct handle_table *table);

/** A cookie for object (not NULL); type is 1 to 15. -DER_NOMEM; -DER_OVERFLOW when max_nr handles are in use. */
int handle_open(struct handle_table *table, int type, void *object, uint64_t *cookie);
/** The object, with one user more; NULL when the cookie is not an open handle of that type. */
void *handle_get(struct handle_table *table, uint64_t cookie, int type);
/** Ends one use that handle_get began. */
void handle_put(struct handle_table *table, uint64_t cookie);
/** The object without counting a user, for a caller that does not let go of the table meanwhile; NULL as above. */
void *handle_peek(const struct handle_table *table, uint64_t cookie, int type);
/** Forgets the cookie; the object is released now or with its last user. -DER_NO_HDL. */
int handle_close(struct handle_table *table, uint64_t cookie, int type);
/** Walks the open handles: *cookie is 0 to begin with, then the last one got. NULL at the end. */
void *handle_next(const struct handle_table *table, uint64_t *cookie);

static inline uint32_t
handle_count(const struct handle_table *table)
{
	return table->open_nr;
}

static inline int
handle_type(uint64_t cookie)
{
	return (int)(cookie & HANDLE_TYPE_MASK);
}

#endif
