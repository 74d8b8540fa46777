/* SPDX-License-Identifier: Apache-2.0 */
/*
 * btree/cursor: walking a tree in order. A cursor keeps the way from the top as offsets and indexes; nodes have no links
 * to their parent or neighbours. Each step between leaves checks that keys still ascend and that no more steps were made
 * than there are keys, so that a walk over corrupt nodes ends (btree I5). Nothing changes, nothing yields.
 */
#include <stdlib.h>
#include "node.h"

static void
keep(struct btree_cursor *cursor, const struct btree *tree, const struct walk *walk, const struct path *path)
{
	uint32_t level;

	cursor->tree = *tree;
	cursor->depth = walk->root->depth;
	cursor->moved = 0;
	for (level = 0; level < cursor->depth; level++) {
		cursor->path[level].node = path->step[level].off;
		cursor->path[level].at = (uint16_t)path->step[level].at;
	}
}

/** Down from level's entry to the first (or last) key below it; old_off and *old: the leaf that the cursor leaves. */
static int
down(struct btree_cursor *cursor, const struct walk *walk, uint32_t level, struct btree_node *node, bool last,
     struct btree_node *old)
{
	uint32_t at = cursor->path[level].at;
	struct umem_space space;
	struct btree_node *child;
	umem_off_t off;
	int rc;

	/*
	 * A seek may land between two keys, one step from either. A count that is corrupt too must not let a walk go on
	 * for ever: a key takes 16 bytes at least.
	 */
	umem_space(walk->tree->heap, &space);
	if ((uint64_t)llabs(cursor->moved) > MIN(walk->root->count, space.total / 16))
		return btree__corrupt(walk->tree, cursor->path[0].node, "more keys than the root counts");
	for (; level > 0; level--, node = child) {
		off = node_children(node)[at];
		rc = btree__node(walk, off, level - 1, &child);
		if (rc != 0)
			return rc;
		if (btree__compare(node_key(node, at), node_key(child, 0), walk->words) != 0)
			return btree__corrupt(walk->tree, off, "does not begin as its parent says");
		at = last ? child->nr - 1U : 0;
		cursor->path[level - 1].node = off;
		cursor->path[level - 1].at = (uint16_t)at;
	}
	rc = last ? btree__compare(node_key(node, at), node_key(old, 0), walk->words)
		  : btree__compare(node_key(old, old->nr - 1U), node_key(node, 0), walk->words);
	if (rc > 0 || (rc == 0 && walk->cls->tie == NULL))
		return btree__corrupt(walk->tree, cursor->path[0].node, "holds keys out of order");
	return 0;
}

static int
move(struct btree_cursor *cursor, bool back)
{
	struct btree_node *node, *leaf;
	struct walk walk;
	uint32_t level;
	int rc;

	rc = btree__begin(&walk, &cursor->tree);
	if (rc != 0)
		return rc;
	if (cursor->depth == 0 || cursor->depth != walk.root->depth)
		return -DER_INVAL;
	for (level = 0; level < cursor->depth; level++) {
		rc = btree__node(&walk, cursor->path[level].node, level, &node);
		if (rc != 0)
			return rc;
		if (level == 0)
			leaf = node;
		if (back ? cursor->path[level].at == 0 : cursor->path[level].at + 1U >= node->nr)
			continue;
		cursor->path[level].at = (uint16_t)(cursor->path[level].at + (back ? -1 : 1));
		cursor->moved += back ? -1 : 1;
		return level == 0 ? 0 : down(cursor, &walk, level, node, back, leaf);
	}
	return -DER_NONEXIST;
}

int
btree_next(struct btree_cursor *cursor)
{
	return move(cursor, false);
}

int
btree_prev(struct btree_cursor *cursor)
{
	return move(cursor, true);
}

/** The cursor stands where target is (exact) or would be: takes it to the key that is wanted. */
static int
settle(struct btree_cursor *cursor, enum btree_seek how, const struct path *path, bool exact)
{
	switch (how) {
	case BTREE_EQ:
		return exact ? 0 : -DER_NONEXIST;
	case BTREE_LE:
		return exact ? 0 : move(cursor, true);
	case BTREE_LT:
		return move(cursor, true);
	case BTREE_GT:
		if (exact)
			return move(cursor, false);
		break;
	default:
		break;
	}
	/* Behind the last entry of a leaf: a step forward lands on the first one of the next. */
	return path->step[0].at < path->step[0].node->nr ? 0 : move(cursor, false);
}

static int
seek_end(struct btree *tree, const struct walk *walk, bool last, struct btree_cursor *cursor)
{
	struct path path;
	int rc;

	rc = btree__descend_end(walk, last, &path);
	if (rc == 0)
		keep(cursor, tree, walk, &path);
	return rc;
}

int
btree_seek(struct btree *tree, enum btree_seek how, const void *key, size_t len, struct btree_cursor *cursor)
{
	struct target target;
	struct walk walk;
	struct path path;
	bool exact;
	int rc;

	rc = btree__begin(&walk, tree);
	if (rc != 0)
		return rc;
	if (walk.root->depth == 0)
		return -DER_NONEXIST;
	if (how == BTREE_FIRST || how == BTREE_LAST)
		return seek_end(tree, &walk, how == BTREE_LAST, cursor);
	rc = btree__target(&walk, key, len, &target);
	if (rc == 0)
		rc = btree__descend(&walk, &target, &path, &exact);
	if (rc != 0)
		return rc;
	keep(cursor, tree, &walk, &path);
	return settle(cursor, how, &path, exact);
}

/** The hkey that follows as a number; false when there is none. */
static bool
successor(struct target *target, uint32_t words)
{
	while (words-- > 0)
		if (++target->words[words] != 0)
			return true;
	return false;
}

int
btree_seek_hkey(struct btree *tree, enum btree_seek how, const uint8_t *hkey, struct btree_cursor *cursor)
{
	struct target target = {.key = NULL};
	struct walk walk;
	struct path path;
	bool exact;
	uint32_t i;
	int rc;

	rc = btree__begin(&walk, tree);
	if (rc != 0)
		return rc;
	if (walk.root->depth == 0)
		return -DER_NONEXIST;
	if (how == BTREE_FIRST || how == BTREE_LAST)
		return seek_end(tree, &walk, how == BTREE_LAST, cursor);
	for (i = 0; i < walk.words; i++) {
		memcpy(&target.words[i], hkey + 8 * i, 8);
		target.words[i] = node_word(target.words[i]);
	}
	/* Behind all that have this hkey is where the next hkey would be. */
	if (how == BTREE_GT || how == BTREE_LE) {
		if (!successor(&target, walk.words))
			return how == BTREE_GT ? -DER_NONEXIST : seek_end(tree, &walk, true, cursor);
		how = how == BTREE_GT ? BTREE_GE : BTREE_LT;
	}
	rc = btree__descend(&walk, &target, &path, &exact);
	if (rc != 0)
		return rc;
	keep(cursor, tree, &walk, &path);
	rc = settle(cursor, how == BTREE_EQ ? BTREE_GE : how, &path, exact);
	if (rc == 0 && how == BTREE_EQ && memcmp(btree_hkey(cursor), hkey, walk.cls->hkey_size) != 0)
		return -DER_NONEXIST;
	return rc;
}

uint64_t
btree_value(struct btree_cursor *cursor)
{
	struct btree_node *node = umem_at(cursor->tree.heap, cursor->path[0].node);

	return node_values(node)[cursor->path[0].at];
}

const uint8_t *
btree_hkey(struct btree_cursor *cursor)
{
	struct btree_node *node = umem_at(cursor->tree.heap, cursor->path[0].node);

	return (const uint8_t *)node_key(node, cursor->path[0].at);
}
