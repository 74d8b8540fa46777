/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/heap: an intrusive binary heap: the entry carries a struct heap_node that knows its place, so that any entry can
 * be taken out or moved in O(log n). The smallest by `less` is on top; among equals the order is that of the operations,
 * not of addresses.
 */
#ifndef BASE_HEAP_H
#define BASE_HEAP_H

#include "base/base.h"

struct heap_node {
	size_t place; /* index in the array plus one; 0: in no heap. Zero it once before first use */
};

struct heap {
	struct mem *mem;
	bool (*less)(const struct heap_node *a, const struct heap_node *b);
	struct heap_node **nodes;
	size_t count, capacity;
};

void heap_init(struct heap *heap, struct mem *mem, bool (*less)(const struct heap_node *a, const struct heap_node *b));
/** Frees the array; entries still in it are forgotten. */
void heap_fini(struct heap *heap);
/** Makes room for nr entries in all, so that as many insertions cannot fail. -DER_NOMEM. */
int heap_reserve(struct heap *heap, size_t nr);
/** -DER_NOMEM. */
int heap_insert(struct heap *heap, struct heap_node *node);
/** The smallest entry, which stays; NULL when empty. */
struct heap_node *heap_top(const struct heap *heap);
/** Takes out the smallest entry; NULL when empty. */
struct heap_node *heap_pop(struct heap *heap);
/** Takes out an entry that is in the heap. */
void heap_remove(struct heap *heap, struct heap_node *node);
/** The entry's order has changed: moves it to its place. */
void heap_update(struct heap *heap, struct heap_node *node);

static inline bool
heap_linked(const struct heap_node *node)
{
	return node->place != 0;
}

static inline size_t
heap_count(const struct heap *heap)
{
	return heap->count;
}

#endif
