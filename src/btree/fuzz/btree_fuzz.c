/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random bytes as the root and nodes of a tree: every call must end, with or without an error, and the heap must be what
 * it was once the body is undone. Input: class, order, depth, number of nodes, then the nodes' bytes. A byte of flags
 * before each node says whether its head and its children are made plausible, so that the depths are reached.
 */
#include <stdlib.h>
#include "base/mem_test.h"
#include "btree/btree.h"
#include "../btree_format.h"

#define NODES_MAX 32U

struct input {
	const uint8_t *data;
	size_t left;
};

struct fuzz {
	struct umem *heap;
	struct btree_registry registry;
	struct input input;
};

static int
tie_number(struct umem *heap, uint64_t value, const void *key, size_t len)
{
	uint64_t number;

	memcpy(&number, key, 8);
	return (number > value) - (number < value);
}

static const struct btree_class classes[] = {
	{.features = BTREE_INTEGER, .hkey_size = 8},
	{.features = BTREE_HASHED, .hkey_size = 16},
	{.features = BTREE_LEXICAL, .hkey_size = 8, .tie = tie_number},
	{.features = BTREE_DIRECT, .hkey_size = 32, .tie = tie_number},
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
make_node(struct fuzz *fuzz, const struct btree_class *cls, struct btree_root *root, umem_off_t *nodes, uint32_t nr, uint32_t i)
{
	uint8_t flags = take_byte(&fuzz->input);
	uint32_t words = cls->hkey_size / 8U, cap = root->order, level = (flags >> 2) % (root->depth + 1U), at;
	size_t size = 8 + (size_t)cap * 8 * (words + 2);
	struct btree_node *node;

	nodes[i] = umem_alloc(fuzz->heap, size);
	if (nodes[i] == UMEM_NULL)
		return;
	node = umem_at(fuzz->heap, nodes[i]);
	if ((flags & 1) == 0) {
		take(&fuzz->input, node, MIN(size, (size_t)take_byte(&fuzz->input)));
		return;
	}
	node->magic = BTREE_NODE_MAGIC;
	node->level = (uint8_t)level;
	node->words = (uint8_t)words;
	node->cap = (uint16_t)cap;
	node->nr = (uint16_t)(1 + take_byte(&fuzz->input) % cap);
	for (at = 0; at < node->nr; at++) {
		/* Short keys of one byte each, so that their order is often right. */
		((uint8_t *)node->body)[((size_t)at + 1) * words * 8 - 1] = take_byte(&fuzz->input);
		node->body[(size_t)cap * words + at] = take_byte(&fuzz->input);
		if (level > 0)
			node->body[(size_t)cap * (words + 1) + at] =
				(flags & 2) ? nodes[take_byte(&fuzz->input) % nr] : take_byte(&fuzz->input) * 40961ULL;
	}
}

static int
no_drop(void *arg, uint64_t value)
{
	return 0;
}

static void
use(struct btree *tree, struct input *input)
{
	struct btree_cursor cursor;
	uint8_t key[32] = {0};
	uint32_t credits = 1000, i;

	btree_check(tree);
	for (int how = BTREE_FIRST; how <= BTREE_EQ; how++) {
		key[0] = key[7] = take_byte(input);
		if (btree_seek(tree, (enum btree_seek)how, key, 8, &cursor) == 0)
			while (btree_next(&cursor) == 0)
				btree_value(&cursor);
		if (btree_seek_hkey(tree, (enum btree_seek)how, key, &cursor) == 0)
			while (btree_prev(&cursor) == 0)
				btree_value(&cursor);
	}
	for (i = 0; i < 32; i++) {
		uint8_t op = take_byte(input);

		key[0] = op & 1 ? 0 : take_byte(input);
		key[7] = take_byte(input);
		switch (op % 4) {
		case 0:
			btree_insert(tree, key, 8, 0x1234, NULL);
			break;
		case 1:
			btree_remove(tree, key, 8, NULL);
			break;
		case 2:
			btree_replace(tree, key, 8, 0x4321);
			break;
		default:
			btree_drain(tree, &credits, no_drop, NULL);
		}
	}
}

static int
body(struct umem *heap, void *arg)
{
	struct fuzz *fuzz = arg;
	struct btree tree = {.heap = heap, .registry = &fuzz->registry, .root = umem_root(heap)};
	struct btree_root *root = umem_touch(heap, tree.root, sizeof(*root));
	uint32_t cls = take_byte(&fuzz->input) % ARRAY_SIZE(classes), nr, i;
	umem_off_t nodes[NODES_MAX] = {0};

	root->cls = (uint16_t)cls;
	root->order = (uint8_t)MAX(4, take_byte(&fuzz->input) % 24);
	root->depth = take_byte(&fuzz->input) % (BTREE_DEPTH_MAX + 2);
	nr = 1 + take_byte(&fuzz->input) % NODES_MAX;
	/* The leaves first, so that inner nodes find children. */
	for (i = 0; i < nr; i++)
		make_node(fuzz, &classes[cls], root, nodes, MAX(i, 1U), i);
	root->node = nodes[nr - 1];
	take(&fuzz->input, &root->count, take_byte(&fuzz->input) % 9);
	use(&tree, &fuzz->input);
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
		for (uint32_t i = 0; i < ARRAY_SIZE(classes); i++)
			btree_register(&fuzz.registry, i, &classes[i]);
	}
	fuzz.input = (struct input){data, size};
	rc = umem_write(fuzz.heap, 0, body, &fuzz, NULL);
	umem_space(fuzz.heap, &space);
	if ((rc != -DER_MISC && rc != -DER_DF_INVAL) || space.used != 0)
		abort();
	return 0;
}
