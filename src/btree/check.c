/* SPDX-License-Identifier: Apache-2.0 */
/*
 * btree/check: walks a tree and tests the invariants of node.c. Of keys with equal short keys it can only say that they
 * are neighbours: their order needs the keys themselves. It looks at no more leaves than the root's count allows, so it
 * ends on any bytes. Nothing changes, nothing yields.
 */
#include "node.h"

/** The node on path at level against its parent's entry and the bound on its right. */
static int
check_node(const struct walk *walk, const struct path *path, uint32_t level)
{
	struct btree_node *node = path->step[level].node, *parent;
	umem_off_t off = path->step[level].off;
	uint32_t i, up, at;
	int rc, most = walk->cls->tie == NULL ? -1 : 0; /* what neighbours may compare to */

	if (level + 1U < walk->root->depth) {
		parent = path->step[level + 1].node;
		at = path->step[level + 1].at;
		if (node->cap != walk->root->order)
			return btree__corrupt(walk->tree, off, "is small but not the top");
		if (btree__compare(node_key(node, 0), node_key(parent, at), walk->words) != 0 ||
		    node_values(node)[0] != node_values(parent)[at])
			return btree__corrupt(walk->tree, off, "btree I2: does not begin as its parent says");
	} else if (level > 0 && node->nr < 2) {
		return btree__corrupt(walk->tree, off, "btree I3: is the top and has one child");
	}
	for (i = 1; i < node->nr; i++)
		if (btree__compare(node_key(node, i - 1), node_key(node, i), walk->words) > most)
			return btree__corrupt(walk->tree, off, "btree I1: keys do not ascend");
	/* The nearest entry on the right, of whichever node above. */
	for (up = level + 1; up < walk->root->depth; up++) {
		parent = path->step[up].node;
		at = path->step[up].at;
		if (at + 1U >= parent->nr)
			continue;
		rc = btree__compare(node_key(node, node->nr - 1U), node_key(parent, at + 1), walk->words);
		return rc > most ? btree__corrupt(walk->tree, off, "btree I1: keys reach over the next node") : 0;
	}
	return 0;
}

/** Down to the leaf below level's entry, checking what is met. */
static int
check_down(const struct walk *walk, struct path *path, uint32_t level)
{
	int rc;

	for (; level > 0; level--) {
		rc = btree__down(walk, path, level);
		if (rc != 0)
			return rc;
		path->step[level - 1].at = 0;
		rc = check_node(walk, path, level - 1);
		if (rc != 0)
			return rc;
	}
	return 0;
}

int
btree_check(struct btree *tree)
{
	struct umem_space space;
	struct walk walk;
	struct path path;
	uint64_t count = 0;
	uint32_t level;
	int rc;

	rc = btree__begin(&walk, tree);
	if (rc != 0)
		return rc == -DER_NONEXIST ? 0 : rc;
	if (walk.root->depth == 0)
		return 0;
	umem_space(tree->heap, &space);
	if (walk.root->count > space.total / 16)
		return btree__corrupt(tree, walk.root->node, "btree I4: the root counts more keys than the heap has room for");
	level = walk.root->depth - 1U;
	path.step[level].off = walk.root->node;
	path.step[level].at = 0;
	rc = btree__node(&walk, walk.root->node, level, &path.step[level].node);
	if (rc == 0)
		rc = check_node(&walk, &path, level);
	if (rc == 0)
		rc = check_down(&walk, &path, level);
	while (rc == 0) {
		count += path.step[0].node->nr;
		if (count > walk.root->count)
			return btree__corrupt(tree, path.step[0].off, "btree I4: more keys than the root counts");
		for (level = 1; level < walk.root->depth; level++)
			if (++path.step[level].at < path.step[level].node->nr)
				break;
		if (level >= walk.root->depth)
			break;
		rc = check_down(&walk, &path, level);
	}
	if (rc == 0 && count != walk.root->count)
		return btree__corrupt(tree, walk.root->node, "btree I4: fewer keys than the root counts");
	return rc;
}
