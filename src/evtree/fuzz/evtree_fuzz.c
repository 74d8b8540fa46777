/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random bytes as the root and nodes of a tree of extents: every call must end, with or without an error, and the heap
 * must be what it was once the body is undone. Input: order, depth, number of nodes, then the nodes. A byte of flags
 * before each node says whether its head, its entries and its children are made plausible, so that the depths are reached.
 */
#include <stdlib.h>
#include "base/mem_test.h"
#include "evtree/evtree.h"
#include "../evtree_format.h"

#define NODES_MAX 32U
#define ORDER_MAX 32U

struct input {
	const uint8_t *data;
	size_t left;
};

struct fuzz {
	struct umem *heap;
	struct input input;
	uint64_t calls;
};

static void
take(struct input *input, void *to, size_t len)
{
	size_t have = MIN(len, input->left);

	memset(to, 0, len);
	memcpy(to, input->data, have);
	input->data += have;
	input->left -= have;
}

static uint8_t
take_byte(struct input *input)
{
	uint8_t byte;

	take(input, &byte, 1);
	return byte;
}

static void
make_entry(struct input *input, union evtree_entry *entry, uint32_t level, umem_off_t child, const union evtree_entry *first)
{
	uint8_t kind = take_byte(input);

	if (kind & 1) {
		take(input, entry, MIN(sizeof(*entry), (size_t)take_byte(input)));
		return;
	}
	entry->lo = take_byte(input);
	entry->hi = entry->lo + (kind >> 4);
	entry->epoch = take_byte(input) % 16;
	if (level == 0) {
		entry->leaf.media = kind >> 1 & 3;
		return;
	}
	/* Often what its child really begins with. */
	if ((kind & 8) && first != NULL) {
		entry->lo = first->lo;
		entry->epoch = first->epoch;
		entry->minor = first->minor;
	}
	if (kind & 2)
		entry->hi = UINT64_MAX;
	entry->inner.newest_epoch = (kind & 4) ? UINT64_MAX : take_byte(input);
	entry->inner.child = child;
}

static void
make_node(struct fuzz *fuzz, struct evtree_root *root, umem_off_t *nodes, uint32_t i)
{
	struct input *input = &fuzz->input;
	uint8_t flags = take_byte(input);
	uint32_t cap = root->order, level = (flags >> 2) % (root->depth + 1U), at;
	size_t slots = sizeof(struct evtree_node) + ALIGN_UP((size_t)cap, 8);
	struct evtree_node *node;

	nodes[i] = umem_alloc(fuzz->heap, slots + cap * sizeof(union evtree_entry));
	if (nodes[i] == UMEM_NULL)
		return;
	node = umem_at(fuzz->heap, nodes[i]);
	if ((flags & 1) == 0) {
		take(input, node, take_byte(input));
		return;
	}
	node->magic = EVTREE_NODE_MAGIC;
	node->level = (uint8_t)level;
	node->cap = (uint8_t)cap;
	node->nr = (uint8_t)(1 + take_byte(input) % cap);
	for (at = 0; at < node->nr; at++) {
		umem_off_t child = (flags & 2) && i > 0 ? nodes[take_byte(input) % i] : take_byte(input) * 40960ULL;
		const union evtree_entry *first = NULL;

		if ((flags & 2) && i > 0 && child != UMEM_NULL)
			first = (union evtree_entry *)((char *)umem_at(fuzz->heap, child) + slots);
		node->sorted[at] = (uint8_t)at;
		make_entry(input, (union evtree_entry *)((char *)node + slots) + at, level, child, first);
	}
}

static int
found_piece(void *arg, const struct evtree_piece *piece)
{
	struct fuzz *fuzz = arg;

	if (++fuzz->calls > 1000000)
		abort();
	return 0;
}

static int
found_extent(void *arg, const struct evtree_extent *extent)
{
	return found_piece(arg, NULL);
}

static int
visible(void *arg, const struct evtree_extent *extent)
{
	return (int)(extent->data.media % 4) - 2;
}

static void
use(struct evtree *tree, struct fuzz *fuzz)
{
	struct evtree_piece piece;
	uint32_t credits = 1000, i;

	evtree_check(tree);
	for (i = 0; i < 24; i++) {
		uint8_t op = take_byte(&fuzz->input);
		struct evtree_extent extent = {.data = {.media = op >> 6}};

		extent.lo = take_byte(&fuzz->input);
		extent.hi = extent.lo + take_byte(&fuzz->input) % 32;
		extent.when.epoch = take_byte(&fuzz->input) % 32;
		tree->visible = (op & 32) ? visible : NULL;
		switch (op % 8) {
		case 0:
			evtree_find(tree, extent.lo, extent.hi, extent.when, found_piece, fuzz);
			break;
		case 1:
			evtree_find(tree, 0, UINT64_MAX, extent.when, found_piece, fuzz);
			break;
		case 2:
			evtree_each_after(tree, (op & 16) ? &extent : NULL, 0, UINT64_MAX, 0, UINT64_MAX, found_extent, fuzz);
			break;
		case 3:
			evtree_end(tree, op & 16, extent.when, &piece);
			break;
		case 4:
			evtree_remove(tree, &extent, NULL);
			break;
		case 5:
			evtree_set_dtx(tree, &extent, 1);
			break;
		case 6:
			if (op & 16)
				evtree_drain(tree, &credits, found_extent, fuzz);
			break;
		default:
			evtree_insert(tree, &extent, 1, NULL);
		}
	}
}

static int
body(struct umem *heap, void *arg)
{
	struct fuzz *fuzz = arg;
	struct evtree tree = {.heap = heap, .root = umem_root(heap)};
	struct evtree_root *root = umem_touch(heap, tree.root, sizeof(*root));
	umem_off_t nodes[NODES_MAX] = {0};
	uint32_t nr, i;

	root->order = (uint8_t)(4 + take_byte(&fuzz->input) % (ORDER_MAX - 3));
	root->depth = take_byte(&fuzz->input) % 5;
	nr = 1 + take_byte(&fuzz->input) % NODES_MAX;
	for (i = 0; i < nr; i++)
		make_node(fuzz, root, nodes, i);
	root->node = root->depth > 0 ? nodes[nr - 1] : UMEM_NULL;
	root->count = root->depth > 0 ? take_byte(&fuzz->input) : 0;
	use(&tree, fuzz);
	return -DER_MISC;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct fuzz fuzz;
	static struct mem_test mem;
	static struct env env;
	struct umem_config config = {.env = &env, .heap_size = 1 * MIB, .name = "fuzz"};
	struct umem_space space;
	int rc;

	if (fuzz.heap == NULL) {
		mem_test_init(&mem);
		env.mem = &mem.mem;
		if (umem_open(&config, &fuzz.heap) != 0)
			abort();
	}
	fuzz.input = (struct input){data, size};
	fuzz.calls = 0;
	rc = umem_write(fuzz.heap, 0, body, &fuzz, NULL);
	umem_space(fuzz.heap, &space);
	if ((rc != -DER_MISC && rc != -DER_DF_INVAL) || space.used != 0)
		abort();
	return 0;
}
