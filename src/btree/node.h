/* SPDX-License-Identifier: Apache-2.0 */
/* btree/node: what the files of the room share: nodes in memory, one call's view of its tree, and paths. */
#ifndef BTREE_NODE_H
#define BTREE_NODE_H

#include "btree_format.h"
#include "btree/btree.h"

#define BTREE_ORDER_DEFAULT 16U
#define BTREE_ORDER_MIN 4U
#define BTREE_WORDS_MAX (BTREE_HKEY_MAX / 8)

/** A tree during one call: what its root says, checked. */
struct walk {
	const struct btree *tree;
	struct btree_root *root;
	const struct btree_class *cls;
	uint32_t words; /* of an hkey */
};

/** What is looked for. */
struct target {
	uint64_t words[BTREE_WORDS_MAX]; /* the hkey in the machine's order */
	const void *key;                 /* for tie; NULL: the hkey alone counts */
	size_t len;
};

/** The way from the top to an entry of a leaf, by level: [0] is the leaf. */
struct path {
	struct {
		struct btree_node *node;
		umem_off_t off;
		uint32_t at;
	} step[BTREE_DEPTH_MAX];
};

static inline uint64_t
node_word(uint64_t stored)
{
	return __builtin_bswap64(stored);
}

static inline uint64_t *
node_key(struct btree_node *node, uint32_t i)
{
	return node->body + (size_t)i * node->words;
}

static inline uint64_t *
node_values(struct btree_node *node)
{
	return node->body + (size_t)node->cap * node->words;
}

static inline uint64_t *
node_children(struct btree_node *node)
{
	return node->body + (size_t)node->cap * (node->words + 1U);
}

static inline size_t
node_size(uint32_t words, uint32_t cap, uint32_t level)
{
	return sizeof(struct btree_node) + (size_t)cap * 8 * (words + 1 + (level > 0));
}

/** Says where and what is wrong; returns -DER_DF_INVAL. */
int btree__corrupt(const struct btree *tree, umem_off_t off, const char *what);
/** Makes the short key. -DER_INVAL when the class takes no key of this length. */
int btree__target(const struct walk *walk, const void *key, size_t len, struct target *target);
/** Reads and checks the root. -DER_NONEXIST when it was never formatted, -DER_DF_INVAL. */
int btree__begin(struct walk *walk, const struct btree *tree);
/** The node at off, which must stand at that level. -DER_DF_INVAL. */
int btree__node(const struct walk *walk, umem_off_t off, uint32_t level, struct btree_node **node);
/** The child of path's entry at level, put on the path one level below. */
int btree__down(const struct walk *walk, struct path *path, uint32_t level);
/** Where target stands or would stand; path.at of the leaf may be its nr. *exact: it is there. The tree is not empty. */
int btree__descend(const struct walk *walk, const struct target *target, struct path *path, bool *exact);
/** The way to the first (or last) key. The tree is not empty. */
int btree__descend_end(const struct walk *walk, bool last, struct path *path);
/** Compares two stored hkeys. */
int btree__compare(const uint64_t *a, const uint64_t *b, uint32_t words);
/** A node out of use: it is no node any more, even if something still points at it. */
void btree__node_free(const struct walk *walk, umem_off_t off);
/** Takes inner top nodes with one child out. */
int btree__collapse(const struct walk *walk);

#endif
