/* SPDX-License-Identifier: Apache-2.0 */
/* base/ring: a first-in, first-out queue of pointers with a fixed capacity, so that adding never needs memory. */
#ifndef BASE_RING_H
#define BASE_RING_H

#include "base/base.h"

struct ring {
	struct mem *mem;
	void **slots;
	size_t capacity;
	size_t first, count;
};

/** Room for capacity pointers (at least 1). -DER_NOMEM. */
static inline int
ring_init(struct ring *ring, struct mem *mem, size_t capacity)
{
	ASSERT(capacity > 0);
	*ring = (struct ring){.mem = mem, .capacity = capacity, .slots = MEM_NEW_ARRAY(mem, void *, capacity)};
	return ring->slots != NULL ? 0 : -DER_NOMEM;
}

static inline void
ring_fini(struct ring *ring)
{
	mem_free(ring->mem, ring->slots);
	*ring = (struct ring){.mem = ring->mem};
}

static inline size_t
ring_count(const struct ring *ring)
{
	return ring->count;
}

static inline bool
ring_full(const struct ring *ring)
{
	return ring->count == ring->capacity;
}

/** The i-th from the front, i < ring_count. */
static inline void *
ring_at(const struct ring *ring, size_t i)
{
	size_t at = ring->first + i;

	ASSERT(i < ring->count);
	return ring->slots[at < ring->capacity ? at : at - ring->capacity];
}

/** Adds at the back. False when full. */
static inline bool
ring_push(struct ring *ring, void *item)
{
	size_t at = ring->first + ring->count;

	if (ring_full(ring))
		return false;
	ring->slots[at < ring->capacity ? at : at - ring->capacity] = item;
	ring->count++;
	return true;
}

/** The front one, which stays; NULL when empty. */
static inline void *
ring_peek(const struct ring *ring)
{
	return ring->count > 0 ? ring->slots[ring->first] : NULL;
}

/** Takes out the front one; NULL when empty. */
static inline void *
ring_pop(struct ring *ring)
{
	void *item = ring_peek(ring);

	if (ring->count > 0) {
		ring->first = ring->first + 1 < ring->capacity ? ring->first + 1 : 0;
		ring->count--;
	}
	return item;
}

#endif
