/* SPDX-License-Identifier: Apache-2.0 */
/*
 * btree/node: finding: classes and short keys, the root and nodes as checked views of hostile bytes, the search within a
 * node and the way down. Nothing here changes the heap but btree__node_free and btree__collapse. Nothing yields.
 *
 * Invariants
 *  btree I1  Keys are strictly ascending by (hkey, tie) over the whole tree.
 *  btree I2  hkey and value of an inner entry are those of the smallest key below it, so that tie never asks about a
 *            record that is gone.
 *  btree I3  A node's children stand one level below it; leaves have level 0; no node is empty; only a top node has a
 *            capacity below the order; an inner top node has two children or more.
 *  btree I4  root.count is the number of keys; depth 0, node 0 and count 0 go together.
 *  btree I5  A call looks at no byte of a node before its head was found sound, and follows no child more often than
 *            there are levels, so that corrupt bytes end in -DER_DF_INVAL, never in a loop.
 */
#include <xxhash.h>
#include "node.h"

/* ---- classes ----------------------------------------------------------------------------------------------------- */

#define FEATURES (BTREE_HASHED | BTREE_INTEGER | BTREE_DIRECT | BTREE_LEXICAL)

int
btree_register(struct btree_registry *registry, uint32_t number, const struct btree_class *cls)
{
	uint32_t kind = cls->features & FEATURES;

	if (number >= BTREE_CLASS_MAX || cls->hkey_size < 8 || cls->hkey_size > BTREE_HKEY_MAX || cls->hkey_size % 8 != 0)
		return -DER_INVAL;
	if (kind != cls->features || (kind & (kind - 1)) != 0 || (kind == 0 && cls->hkey == NULL))
		return -DER_INVAL;
	if (kind == BTREE_HASHED && cls->hkey == NULL && cls->hkey_size > sizeof(XXH128_canonical_t))
		return -DER_INVAL;
	/* The head of a key is not the key. */
	if (kind == BTREE_LEXICAL && cls->tie == NULL)
		return -DER_INVAL;
	if (registry->classes[number] != NULL)
		return -DER_EXIST;
	registry->classes[number] = cls;
	return 0;
}

static int
usual_hkey(const struct btree_class *cls, const void *key, size_t len, uint8_t *hkey)
{
	XXH128_canonical_t hash;
	uint64_t number;

	if (cls->features & BTREE_HASHED) {
		XXH128_canonicalFromHash(&hash, XXH3_128bits(key, len));
		memcpy(hkey, hash.digest, cls->hkey_size);
		return 0;
	}
	memset(hkey, 0, cls->hkey_size);
	if (cls->features & BTREE_INTEGER) {
		if (len != sizeof(number))
			return -DER_INVAL;
		memcpy(&number, key, sizeof(number));
		number = __builtin_bswap64(number);
		memcpy(hkey, &number, sizeof(number));
		return 0;
	}
	if ((cls->features & BTREE_DIRECT) && len > cls->hkey_size)
		return -DER_INVAL;
	if (len > 0)
		memcpy(hkey, key, MIN(len, (size_t)cls->hkey_size));
	return 0;
}

int
btree__target(const struct walk *walk, const void *key, size_t len, struct target *target)
{
	uint8_t hkey[BTREE_HKEY_MAX];
	uint32_t i;
	int rc = 0;

	if (walk->cls->hkey != NULL)
		walk->cls->hkey(key, len, hkey);
	else
		rc = usual_hkey(walk->cls, key, len, hkey);
	if (rc != 0)
		return rc;
	for (i = 0; i < walk->words; i++) {
		memcpy(&target->words[i], hkey + 8 * i, 8);
		target->words[i] = node_word(target->words[i]);
	}
	target->key = key;
	target->len = len;
	return 0;
}

/* ---- the root and nodes, checked --------------------------------------------------------------------------------- */

int
btree__corrupt(const struct btree *tree, umem_off_t off, const char *what)
{
	log_error(tree->log, "btree at heap offset %#llx: node %#llx: %s", (unsigned long long)tree->root,
		  (unsigned long long)off, what);
	return -DER_DF_INVAL;
}

int
btree__begin(struct walk *walk, const struct btree *tree)
{
	struct btree_root *root = umem_at(tree->heap, tree->root);

	if (root->order == 0)
		return -DER_NONEXIST;
	if (root->cls >= BTREE_CLASS_MAX || tree->registry->classes[root->cls] == NULL)
		return btree__corrupt(tree, 0, "root of an unknown class");
	if (root->order < BTREE_ORDER_MIN || root->depth > BTREE_DEPTH_MAX)
		return btree__corrupt(tree, 0, "root with a wrong order or depth");
	if ((root->depth == 0) != (root->node == UMEM_NULL) || (root->depth == 0) != (root->count == 0))
		return btree__corrupt(tree, 0, "root half empty");
	walk->tree = tree;
	walk->root = root;
	walk->cls = tree->registry->classes[root->cls];
	walk->words = walk->cls->hkey_size / 8;
	return 0;
}

int
btree__node(const struct walk *walk, umem_off_t off, uint32_t level, struct btree_node **found)
{
	struct umem *heap = walk->tree->heap;
	struct btree_node *node;
	size_t bytes, line;

	/* umem_at itself ends the body when off lies in no allocation. */
	if (off % 16 != 0)
		return btree__corrupt(walk->tree, off, "is no place of a node");
	node = umem_at(heap, off);
	/* The search is going to need all of the hkeys, and here and there of the rest: fetch the lines at once, not in turn. */
	bytes = node_size(walk->words, walk->root->order, level);
	for (line = 64; line < MIN(bytes, (size_t)512); line += 64)
		__builtin_prefetch((char *)node + line);
	if (node->magic != BTREE_NODE_MAGIC || node->level != level || node->words != walk->words)
		return btree__corrupt(walk->tree, off, "is no node of this tree");
	if (node->nr == 0 || node->nr > node->cap || node->cap > walk->root->order)
		return btree__corrupt(walk->tree, off, "has a wrong count");
	if (off % UMEM_SEGMENT + node_size(walk->words, node->cap, level) > UMEM_SEGMENT)
		return btree__corrupt(walk->tree, off, "reaches over its end");
	*found = node;
	return 0;
}

int
btree__down(const struct walk *walk, struct path *path, uint32_t level)
{
	struct btree_node *parent = path->step[level].node;
	umem_off_t off = node_children(parent)[path->step[level].at];

	path->step[level - 1].off = off;
	return btree__node(walk, off, level - 1, &path->step[level - 1].node);
}

static int
top(const struct walk *walk, struct path *path)
{
	uint32_t level = walk->root->depth - 1U;

	path->step[level].off = walk->root->node;
	return btree__node(walk, walk->root->node, level, &path->step[level].node);
}

/* ---- search ------------------------------------------------------------------------------------------------------ */

int
btree__compare(const uint64_t *a, const uint64_t *b, uint32_t words)
{
	uint32_t i;

	for (i = 0; i < words; i++)
		if (a[i] != b[i])
			return node_word(a[i]) < node_word(b[i]) ? -1 : 1;
	return 0;
}

/** How many of nr > 0 entries have a first word below bound: branch-free, since what a branch would guess is random. */
static inline __attribute__((always_inline)) uint32_t
below(const uint64_t *keys, uint32_t words, uint32_t nr, uint64_t bound)
{
	uint32_t at = 0, half;

	while (nr > 1) {
		half = nr / 2;
		at += node_word(keys[(size_t)(at + half - 1) * words]) < bound ? half : 0;
		nr -= half;
	}
	return at + (node_word(keys[(size_t)at * words]) < bound);
}

static uint32_t
lower_bound(const struct btree_node *node, uint64_t bound)
{
	switch (node->words) { /* constants make the index arithmetic cheap */
	case 1:
		return below(node->body, 1, node->nr, bound);
	case 2:
		return below(node->body, 2, node->nr, bound);
	default:
		return below(node->body, node->words, node->nr, bound);
	}
}

/** target against entry i. */
static int
order(const struct walk *walk, struct btree_node *node, uint32_t i, const struct target *target)
{
	const uint64_t *stored = node_key(node, i);
	uint64_t word;
	uint32_t w;

	for (w = 0; w < walk->words; w++) {
		word = node_word(stored[w]);
		if (target->words[w] != word)
			return target->words[w] < word ? -1 : 1;
	}
	if (target->key == NULL || walk->cls->tie == NULL)
		return 0;
	return walk->cls->tie(walk->tree->heap, node_values(node)[i], target->key, target->len);
}

/** The first entry that is not before target; exact: it is equal. */
static uint32_t
search(const struct walk *walk, struct btree_node *node, const struct target *target, bool *exact)
{
	uint32_t low = lower_bound(node, target->words[0]), high, mid;
	int rc;

	*exact = false;
	if (low == node->nr || node_word(*node_key(node, low)) != target->words[0])
		return low;
	/* Among those with this first word the whole order counts. */
	high = low + 1;
	while (high < node->nr && *node_key(node, high) == *node_key(node, low))
		high++;
	while (low < high) {
		mid = (low + high) / 2;
		rc = order(walk, node, mid, target);
		if (rc == 0) {
			*exact = true;
			high = mid;
			/* Keys are unique; short keys alone are not. */
			if (target->key != NULL)
				return mid;
		} else if (rc < 0) {
			high = mid;
		} else {
			low = mid + 1;
		}
	}
	return low;
}

int
btree__descend(const struct walk *walk, const struct target *target, struct path *path, bool *exact)
{
	uint32_t level = walk->root->depth - 1U, at;
	int rc;

	for (rc = top(walk, path); rc == 0; rc = btree__down(walk, path, level--)) {
		at = search(walk, path->step[level].node, target, exact);
		path->step[level].at = at;
		if (level == 0)
			return 0;
		/*
		 * The child that begins at or before target. Short keys alone may begin within the child before the first
		 * one that starts with them.
		 */
		if ((!*exact || target->key == NULL) && at > 0)
			path->step[level].at = at - 1;
	}
	return rc;
}

int
btree__descend_end(const struct walk *walk, bool last, struct path *path)
{
	uint32_t level = walk->root->depth - 1U;
	int rc;

	for (rc = top(walk, path); rc == 0; rc = btree__down(walk, path, level--)) {
		path->step[level].at = last ? path->step[level].node->nr - 1U : 0;
		if (level == 0)
			return 0;
	}
	return rc;
}

/* ---- nodes going out of use -------------------------------------------------------------------------------------- */

void
btree__node_free(const struct walk *walk, umem_off_t off)
{
	struct btree_node *node = umem_touch(walk->tree->heap, off, sizeof(*node));

	node->magic = 0;
	umem_free(walk->tree->heap, off);
}

int
btree__collapse(const struct walk *walk)
{
	struct btree_root *root = walk->root;
	struct btree_node *node;
	umem_off_t off;
	int rc;

	while (root->depth > 1) {
		off = root->node;
		rc = btree__node(walk, off, root->depth - 1U, &node);
		if (rc != 0)
			return rc;
		if (node->nr > 1)
			return 0;
		umem_touch(walk->tree->heap, walk->tree->root, sizeof(*root));
		root->node = node_children(node)[0];
		root->depth--;
		btree__node_free(walk, off);
	}
	return 0;
}
