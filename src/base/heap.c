/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/heap: the heap (see heap.h).
 *
 * Invariants
 *  I1  nodes[i]->place == i + 1 for i < count; a node in no heap has place 0.
 *  I2  No node is less than its parent nodes[(i - 1) / 2].
 */
#include "base/heap.h"

enum { FIRST_CAPACITY = 16 };

void
heap_init(struct heap *heap, struct mem *mem, bool (*less)(const struct heap_node *a, const struct heap_node *b))
{
	*heap = (struct heap){.mem = mem, .less = less};
}

void
heap_fini(struct heap *heap)
{
	mem_free(heap->mem, heap->nodes);
	heap_init(heap, heap->mem, heap->less);
}

int
heap_reserve(struct heap *heap, size_t nr)
{
	struct heap_node **nodes;

	if (nr <= heap->capacity)
		return 0;
	nodes = mem_grow(heap->mem, heap->nodes, heap->count, nr, sizeof(*nodes));
	if (nodes == NULL)
		return -DER_NOMEM;
	heap->nodes = nodes;
	heap->capacity = nr;
	return 0;
}

static void
set(struct heap *heap, size_t i, struct heap_node *node)
{
	heap->nodes[i] = node;
	node->place = i + 1;
}

static void
sift_up(struct heap *heap, size_t i, struct heap_node *node)
{
	while (i > 0 && heap->less(node, heap->nodes[(i - 1) / 2])) {
		set(heap, i, heap->nodes[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	set(heap, i, node);
}

static void
sift_down(struct heap *heap, size_t i, struct heap_node *node)
{
	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= heap->count)
			break;
		if (child + 1 < heap->count && heap->less(heap->nodes[child + 1], heap->nodes[child]))
			child++;
		if (!heap->less(heap->nodes[child], node))
			break;
		set(heap, i, heap->nodes[child]);
		i = child;
	}
	set(heap, i, node);
}

static void
settle(struct heap *heap, size_t i, struct heap_node *node)
{
	if (i > 0 && heap->less(node, heap->nodes[(i - 1) / 2]))
		sift_up(heap, i, node);
	else
		sift_down(heap, i, node);
}

int
heap_insert(struct heap *heap, struct heap_node *node)
{
	if (heap->count == heap->capacity) {
		int rc = heap_reserve(heap, heap->capacity == 0 ? FIRST_CAPACITY : heap->capacity * 2);

		if (rc != 0)
			return rc;
	}
	sift_up(heap, heap->count++, node);
	return 0;
}

struct heap_node *
heap_top(const struct heap *heap)
{
	return heap->count > 0 ? heap->nodes[0] : NULL;
}

void
heap_remove(struct heap *heap, struct heap_node *node)
{
	size_t i = node->place - 1;
	struct heap_node *last;

	ASSERTF(node->place != 0 && i < heap->count && heap->nodes[i] == node, "heap I1: entry is not in this heap");
	node->place = 0;
	last = heap->nodes[--heap->count];
	if (last != node)
		settle(heap, i, last);
}

struct heap_node *
heap_pop(struct heap *heap)
{
	struct heap_node *top = heap_top(heap);

	if (top != NULL)
		heap_remove(heap, top);
	return top;
}

void
heap_update(struct heap *heap, struct heap_node *node)
{
	ASSERTF(node->place != 0 && heap->nodes[node->place - 1] == node, "heap I1: entry is not in this heap");
	settle(heap, node->place - 1, node);
}
