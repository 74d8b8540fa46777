/* SPDX-License-Identifier: Apache-2.0 */
/*
 * evtree/check: walks a tree and tests the invariants of node.c. It ends on any bytes, since it goes only where keys
 * ascend. That extents of the same time do not overlap (evtree I5) is asked of the tree itself, extent by extent.
 * Nothing changes, nothing yields.
 */
#include "node.h"

static int
check_leaf(const struct walk *walk, umem_off_t off, struct evtree_node *node)
{
	struct evtree_extent extent, other;
	uint32_t i;
	int rc;

	for (i = 0; i < node->nr; i++) {
		evtree__to_extent(node_entry(node, i), &extent);
		if (extent.lo > extent.hi)
			return evtree__corrupt(walk->tree, off, "evtree I1: an extent ends before it begins");
		rc = evtree__same_time(walk, &extent, &other);
		if (rc < 0)
			return rc;
		if (rc == 0 || other.lo != extent.lo || other.hi != extent.hi)
			return evtree__corrupt(walk->tree, off, "evtree I5: extents of the same time overlap");
	}
	return 0;
}

/** The node on path at level by itself, against its parent's entry, and against the next entry on the right. */
static int
check_node(const struct walk *walk, const struct path *path, uint32_t level)
{
	struct evtree_node *node = path->step[level].node;
	umem_off_t off = path->step[level].off;
	struct key key, next;
	union evtree_entry sum;
	uint32_t i, used = 0, up;

	if (level + 1U == walk->root->depth) {
		if (level > 0 && node->nr < 2)
			return evtree__corrupt(walk->tree, off, "evtree I3: is the top and has one child");
	} else {
		if (node->cap != walk->root->order)
			return evtree__corrupt(walk->tree, off, "evtree I3: is small but not the top");
		evtree__sum_up(node, off, &sum);
		if (memcmp(&sum, node_entry(path->step[level + 1].node, path->step[level + 1].at), sizeof(sum)) != 0)
			return evtree__corrupt(walk->tree, off, "evtree I2: is not what its parent says");
	}
	for (i = 0; i < node->nr; i++) {
		if (used & 1U << node->sorted[i])
			return evtree__corrupt(walk->tree, off, "names a slot twice");
		used |= 1U << node->sorted[i];
		next = entry_key(node_entry(node, i));
		if (i > 0 && key_compare(&key, &next) >= 0)
			return evtree__corrupt(walk->tree, off, "evtree I1: keys do not ascend");
		key = next;
	}
	for (up = level + 1; up < walk->root->depth; up++) {
		if (path->step[up].at + 1 >= path->step[up].node->nr)
			continue;
		next = entry_key(node_entry(path->step[up].node, path->step[up].at + 1));
		if (key_compare(&key, &next) >= 0)
			return evtree__corrupt(walk->tree, off, "evtree I1: keys reach over the next node");
		break;
	}
	return level == 0 ? check_leaf(walk, off, node) : 0;
}

/** Down to the leaf below level's entry, checking what is met. */
static int
check_down(const struct walk *walk, struct path *path, uint32_t level)
{
	umem_off_t off;
	int rc;

	for (; level > 0; level--) {
		off = node_entry(path->step[level].node, path->step[level].at)->inner.child;
		path->step[level - 1].off = off;
		path->step[level - 1].at = 0;
		rc = evtree__node(walk, off, level - 1, &path->step[level - 1].node);
		if (rc == 0)
			rc = check_node(walk, path, level - 1);
		if (rc != 0)
			return rc;
	}
	return 0;
}

int
evtree_check(struct evtree *tree)
{
	uint64_t count = 0;
	struct walk walk;
	struct path path;
	uint32_t level;
	int rc;

	rc = evtree__begin(&walk, tree);
	if (rc != 0 || walk.root->depth == 0)
		return rc;
	level = walk.root->depth - 1U;
	path.step[level].off = walk.root->node;
	path.step[level].at = 0;
	rc = evtree__node(&walk, walk.root->node, level, &path.step[level].node);
	if (rc == 0)
		rc = check_node(&walk, &path, level);
	if (rc == 0)
		rc = check_down(&walk, &path, level);
	while (rc == 0) {
		count += path.step[0].node->nr;
		if (count > walk.root->count)
			return evtree__corrupt(tree, path.step[0].off, "evtree I4: more extents than the root counts");
		for (level = 1; level < walk.root->depth; level++)
			if (++path.step[level].at < path.step[level].node->nr)
				break;
		if (level >= walk.root->depth)
			break;
		rc = check_down(&walk, &path, level);
	}
	if (rc == 0 && count != walk.root->count)
		return evtree__corrupt(tree, walk.root->node, "evtree I4: fewer extents than the root counts");
	return rc;
}
