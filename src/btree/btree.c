/* SPDX-License-Identifier: Apache-2.0 */
/*
 * btree: changing a tree: insertion, replacement, removal, tearing down. Format in btree_format.h, invariants in node.c.
 *
 * A tree's first node has room for one key; while it is the only one (or the top) it is replaced by larger ones up to
 * the order. A full node splits; at either edge of the tree the old node stays full, so that ascending and descending
 * keys fill their nodes. A node that falls below 3/8 is joined with a neighbour of the same parent when both fit into
 * one, else they share evenly.
 *
 * All of it runs within a umem body: what is changed is touched first, an error leaves the undoing to umem, a crash in
 * the middle leaves nothing. Nothing yields.
 */
#include "node.h"

struct entry {
	uint64_t key[BTREE_WORDS_MAX]; /* as stored */
	uint64_t value;
	umem_off_t child; /* in inner nodes */
};

/* ---- entries of one node ----------------------------------------------------------------------------------------- */

static void
touch_head(const struct walk *walk, umem_off_t off)
{
	umem_touch(walk->tree->heap, off, sizeof(struct btree_node));
}

/** Entries [from, to) are going to change. */
static void
touch_entries(const struct walk *walk, umem_off_t off, struct btree_node *node, uint32_t from, uint32_t to)
{
	umem_off_t keys = off + offsetof(struct btree_node, body), values = keys + (uint64_t)node->cap * node->words * 8;
	umem_off_t children = values + (uint64_t)node->cap * 8;
	size_t nr = to - from;

	if (from >= to)
		return;
	umem_touch(walk->tree->heap, keys + (uint64_t)from * node->words * 8, nr * node->words * 8);
	umem_touch(walk->tree->heap, values + (uint64_t)from * 8, nr * 8);
	if (node->level > 0)
		umem_touch(walk->tree->heap, children + (uint64_t)from * 8, nr * 8);
}

/** Moves nr entries, maybe within one node; the destination is touched. */
static void
move_entries(struct btree_node *to, uint32_t to_at, struct btree_node *from, uint32_t from_at, uint32_t nr)
{
	memmove(node_key(to, to_at), node_key(from, from_at), (size_t)nr * to->words * 8);
	memmove(node_values(to) + to_at, node_values(from) + from_at, (size_t)nr * 8);
	if (to->level > 0)
		memmove(node_children(to) + to_at, node_children(from) + from_at, (size_t)nr * 8);
}

static void
put_entry(struct btree_node *node, uint32_t at, const struct entry *entry)
{
	memcpy(node_key(node, at), entry->key, (size_t)node->words * 8);
	node_values(node)[at] = entry->value;
	if (node->level > 0)
		node_children(node)[at] = entry->child;
}

/** The entry that stands for node in its parent. */
static void
entry_of(struct btree_node *node, umem_off_t off, struct entry *entry)
{
	memcpy(entry->key, node_key(node, 0), (size_t)node->words * 8);
	entry->value = node_values(node)[0];
	entry->child = off;
}

static void
insert_at(const struct walk *walk, umem_off_t off, struct btree_node *node, uint32_t at, const struct entry *entry)
{
	touch_head(walk, off);
	touch_entries(walk, off, node, at, node->nr + 1U);
	move_entries(node, at + 1, node, at, node->nr - at);
	put_entry(node, at, entry);
	node->nr++;
}

static void
delete_at(const struct walk *walk, umem_off_t off, struct btree_node *node, uint32_t at)
{
	touch_head(walk, off);
	touch_entries(walk, off, node, at, node->nr - 1U);
	move_entries(node, at, node, at + 1, node->nr - at - 1U);
	node->nr--;
}

/** NULL when the heap has no space. */
static struct btree_node *
node_new(const struct walk *walk, uint32_t level, uint32_t cap, umem_off_t *off)
{
	struct btree_node *node;

	*off = umem_alloc(walk->tree->heap, node_size(walk->words, cap, level));
	if (*off == UMEM_NULL)
		return NULL;
	node = umem_at(walk->tree->heap, *off);
	node->magic = BTREE_NODE_MAGIC;
	node->level = (uint8_t)level;
	node->words = (uint8_t)walk->words;
	node->cap = (uint16_t)cap;
	return node;
}

static void
touch_root(const struct walk *walk)
{
	umem_touch(walk->tree->heap, walk->tree->root, sizeof(*walk->root));
}

/** The smallest key below level's node is another one or has another value: tells the nodes above (btree I2). */
static void
fix_least(const struct walk *walk, struct path *path, uint32_t level)
{
	struct btree_node *node = path->step[level].node, *parent;
	struct entry entry;
	uint32_t at;

	for (level++; level < walk->root->depth; level++) {
		parent = path->step[level].node;
		at = path->step[level].at;
		entry_of(node, node_children(parent)[at], &entry);
		touch_entries(walk, path->step[level].off, parent, at, at + 1);
		put_entry(parent, at, &entry);
		if (at != 0)
			return;
#ifdef PLANTED_btree_separator_stale
		return;
#endif
	}
}

/* ---- insertion --------------------------------------------------------------------------------------------------- */

/** The top node, full but below the order, makes place for a larger one. */
static int
grow(const struct walk *walk, struct path *path)
{
	uint32_t level = walk->root->depth - 1U, cap;
	struct btree_node *old = path->step[level].node, *node;
	umem_off_t off;

	cap = old->cap * 2U + 1;
	if (cap + 1 >= walk->root->order)
		cap = walk->root->order;
	node = node_new(walk, level, cap, &off);
	if (node == NULL)
		return -DER_NOSPACE;
	move_entries(node, 0, old, 0, old->nr);
	node->nr = old->nr;
	btree__node_free(walk, path->step[level].off);
	touch_root(walk);
	walk->root->node = off;
	path->step[level].node = node;
	path->step[level].off = off;
	return 0;
}

static bool
at_edge(const struct walk *walk, const struct path *path, uint32_t level, bool last)
{
	for (level++; level < walk->root->depth; level++)
		if (path->step[level].at != (last ? path->step[level].node->nr - 1U : 0))
			return false;
	return true;
}

/**
 * Puts entry into level's full node at path.at, and what no longer fits into a new one right of it: *risen goes to the
 * parent.
 */
static int
split(const struct walk *walk, struct path *path, uint32_t level, const struct entry *entry, struct entry *risen)
{
	struct btree_node *node = path->step[level].node, *right;
	umem_off_t off = path->step[level].off, right_off;
	uint32_t at = path->step[level].at, cut = (node->nr + 1U) / 2;

	right = node_new(walk, level, walk->root->order, &right_off);
	if (right == NULL)
		return -DER_NOSPACE;
	if (at == node->nr && at_edge(walk, path, level, true))
		cut = node->nr;
	else if (at == 0 && at_edge(walk, path, level, false))
		cut = 0;
	move_entries(right, 0, node, cut, node->nr - cut);
	right->nr = (uint16_t)(node->nr - cut);
	touch_head(walk, off);
	node->nr = (uint16_t)cut;
	if (at < cut || cut == 0)
		insert_at(walk, off, node, at, entry);
	else
		insert_at(walk, right_off, right, at - cut, entry);
	entry_of(right, right_off, risen);
	return 0;
}

static int
new_top(const struct walk *walk, const struct path *path, const struct entry *risen)
{
	uint32_t level = walk->root->depth;
	struct btree_node *node;
	struct entry entry;
	umem_off_t off;

	/* Sixteen levels of at least two children each are more than fits a heap, but for tiny orders. */
	if (level == BTREE_DEPTH_MAX)
		return -DER_NOSPACE;
	node = node_new(walk, level, MIN(3U, (uint32_t)walk->root->order), &off);
	if (node == NULL)
		return -DER_NOSPACE;
	entry_of(path->step[level - 1].node, path->step[level - 1].off, &entry);
	put_entry(node, 0, &entry);
	put_entry(node, 1, risen);
	node->nr = 2;
	touch_root(walk);
	walk->root->node = off;
	walk->root->depth++;
	return 0;
}

static int
insert_entry(const struct walk *walk, struct path *path, struct entry *entry)
{
	struct btree_node *node;
	struct entry risen;
	uint32_t level;
	int rc;

	for (level = 0; level < walk->root->depth; level++) {
		node = path->step[level].node;
		if (node->nr == node->cap && node->cap < walk->root->order) {
			if (level + 1U != walk->root->depth)
				return btree__corrupt(walk->tree, path->step[level].off, "is small but not the top");
			rc = grow(walk, path);
			if (rc != 0)
				return rc;
			node = path->step[level].node;
		}
		if (node->nr < node->cap) {
			insert_at(walk, path->step[level].off, node, path->step[level].at, entry);
			if (level == 0 && path->step[0].at == 0)
				fix_least(walk, path, 0);
			return 0;
		}
		rc = split(walk, path, level, entry, &risen);
		if (rc != 0)
			return rc;
		if (level == 0 && path->step[0].at == 0)
			fix_least(walk, path, 0);
		/* The new node stands right behind the old one. */
		if (level + 1U < walk->root->depth)
			path->step[level + 1].at++;
		*entry = risen;
	}
	return new_top(walk, path, entry);
}

int
btree_insert(struct btree *tree, const void *key, size_t len, uint64_t value, uint64_t *value_found)
{
	struct target target;
	struct entry entry;
	struct walk walk;
	struct path path;
	bool exact;
	uint32_t i;
	int rc;

	rc = btree__begin(&walk, tree);
	if (rc != 0)
		return rc == -DER_NONEXIST ? -DER_UNINIT : rc;
	rc = btree__target(&walk, key, len, &target);
	if (rc != 0)
		return rc;
	for (i = 0; i < walk.words; i++)
		entry.key[i] = node_word(target.words[i]);
	entry.value = value;
	entry.child = UMEM_NULL;
	if (walk.root->depth == 0) {
		path.step[0].node = node_new(&walk, 0, 1, &path.step[0].off);
		if (path.step[0].node == NULL)
			return -DER_NOSPACE;
		path.step[0].at = 0;
		touch_root(&walk);
		walk.root->node = path.step[0].off;
		walk.root->depth = 1;
	} else {
		rc = btree__descend(&walk, &target, &path, &exact);
		if (rc != 0)
			return rc;
		if (exact) {
			if (value_found != NULL)
				*value_found = node_values(path.step[0].node)[path.step[0].at];
			return -DER_EXIST;
		}
	}
	rc = insert_entry(&walk, &path, &entry);
	if (rc != 0)
		return rc;
	touch_root(&walk);
	walk.root->count++;
	return 0;
}

/* ---- finding, replacing ------------------------------------------------------------------------------------------ */

/** The way to a key that must be there. */
static int
find(const struct btree *tree, const void *key, size_t len, struct walk *walk, struct path *path)
{
	struct target target;
	bool exact;
	int rc;

	rc = btree__begin(walk, tree);
	if (rc != 0)
		return rc;
	if (walk->root->depth == 0)
		return -DER_NONEXIST;
	rc = btree__target(walk, key, len, &target);
	if (rc != 0)
		return rc;
	rc = btree__descend(walk, &target, path, &exact);
	if (rc != 0)
		return rc;
	return exact ? 0 : -DER_NONEXIST;
}

int
btree_find(struct btree *tree, const void *key, size_t len, uint64_t *value)
{
	struct walk walk;
	struct path path;
	int rc;

	rc = find(tree, key, len, &walk, &path);
	if (rc == 0 && value != NULL)
		*value = node_values(path.step[0].node)[path.step[0].at];
	return rc;
}

int
btree_replace(struct btree *tree, const void *key, size_t len, uint64_t value)
{
	struct btree_node *node;
	struct walk walk;
	struct path path;
	uint64_t *place;
	int rc;

	rc = find(tree, key, len, &walk, &path);
	if (rc != 0)
		return rc;
	node = path.step[0].node;
	place = node_values(node) + path.step[0].at;
	umem_touch(tree->heap, path.step[0].off + (uint64_t)((char *)place - (char *)node), sizeof(*place));
	*place = value;
	if (path.step[0].at == 0)
		fix_least(&walk, &path, 0);
	return 0;
}

/* ---- removal ----------------------------------------------------------------------------------------------------- */

static void
join(const struct walk *walk, umem_off_t left_off, struct btree_node *left, umem_off_t right_off, struct btree_node *right)
{
	touch_head(walk, left_off);
	touch_entries(walk, left_off, left, left->nr, (uint32_t)left->nr + right->nr);
	move_entries(left, left->nr, right, 0, right->nr);
	left->nr += right->nr;
	btree__node_free(walk, right_off);
}

static void
share(const struct walk *walk, umem_off_t left_off, struct btree_node *left, umem_off_t right_off, struct btree_node *right)
{
	uint32_t sum = (uint32_t)left->nr + right->nr, want = sum / 2, nr;

	touch_head(walk, left_off);
	touch_head(walk, right_off);
	touch_entries(walk, right_off, right, 0, MAX(sum - want, (uint32_t)right->nr));
	if (left->nr > want) {
		nr = left->nr - want;
		move_entries(right, nr, right, 0, right->nr);
		move_entries(right, 0, left, want, nr);
	} else {
		nr = want - left->nr;
		touch_entries(walk, left_off, left, left->nr, want);
		move_entries(left, left->nr, right, 0, nr);
		move_entries(right, 0, right, nr, right->nr - nr);
	}
	left->nr = (uint16_t)want;
	right->nr = (uint16_t)(sum - want);
}

/** Level's node has few entries: joins it with a neighbour (then the parent's entry at path.at is to go) or shares. */
static int
rebalance(const struct walk *walk, struct path *path, uint32_t level, bool *joined)
{
	struct btree_node *parent = path->step[level + 1].node, *left, *right;
	uint32_t at = path->step[level + 1].at;
	umem_off_t left_off, right_off;
	struct entry entry;
	int rc;

	*joined = false;
	if (parent->nr < 2)
		return 0;
	if (at == 0)
		at = 1;
	left_off = node_children(parent)[at - 1];
	right_off = node_children(parent)[at];
	rc = btree__node(walk, left_off, level, &left);
	if (rc == 0)
		rc = btree__node(walk, right_off, level, &right);
	if (rc != 0)
		return rc;
	if (left == right || left->cap != right->cap)
		return btree__corrupt(walk->tree, right_off, "does not fit its neighbour");
	if (left->nr + right->nr <= left->cap) {
		join(walk, left_off, left, right_off, right);
		path->step[level + 1].at = at;
		*joined = true;
		return 0;
	}
	share(walk, left_off, left, right_off, right);
	entry_of(right, right_off, &entry);
	touch_entries(walk, path->step[level + 1].off, parent, at, at + 1);
	put_entry(parent, at, &entry);
	return 0;
}

/** The top lost its last entry. */
static int
emptied(const struct walk *walk)
{
	umem_off_t off = walk->root->node;

	if (walk->root->count != 0)
		return btree__corrupt(walk->tree, off, "is empty but the root counts more keys");
	touch_root(walk);
	walk->root->node = UMEM_NULL;
	walk->root->depth = 0;
	btree__node_free(walk, off);
	return 0;
}

static int
remove_entry(const struct walk *walk, struct path *path)
{
	uint32_t level, least = MAX(2U, walk->root->order * 3U / 8);
	struct btree_node *node;
	bool joined;
	int rc;

	for (level = 0;; level++) {
		node = path->step[level].node;
		delete_at(walk, path->step[level].off, node, path->step[level].at);
		if (level + 1U == walk->root->depth)
			return node->nr == 0 ? emptied(walk) : btree__collapse(walk);
		if (node->nr == 0) {
			/* Only a node whose parent has no other child runs empty; the parent's entry goes with it. */
			btree__node_free(walk, path->step[level].off);
			continue;
		}
		if (path->step[level].at == 0)
			fix_least(walk, path, level);
		if (node->nr >= least)
			return 0;
		rc = rebalance(walk, path, level, &joined);
		if (rc != 0 || !joined)
			return rc;
	}
}

int
btree_remove(struct btree *tree, const void *key, size_t len, uint64_t *value)
{
	struct walk walk;
	struct path path;
	int rc;

	rc = find(tree, key, len, &walk, &path);
	if (rc != 0)
		return rc;
	if (value != NULL)
		*value = node_values(path.step[0].node)[path.step[0].at];
	touch_root(&walk);
	walk.root->count--;
	return remove_entry(&walk, &path);
}

/* ---- the whole tree ---------------------------------------------------------------------------------------------- */

int
btree_create(struct btree *tree, uint32_t cls, uint8_t order)
{
	struct btree_root *root = umem_at(tree->heap, tree->root);

	if (cls >= BTREE_CLASS_MAX || tree->registry->classes[cls] == NULL || (order != 0 && order < BTREE_ORDER_MIN))
		return -DER_INVAL;
	if (root->node != UMEM_NULL)
		return -DER_EXIST;
	root = umem_touch(tree->heap, tree->root, sizeof(*root));
	memset(root, 0, sizeof(*root));
	root->cls = (uint16_t)cls;
	root->order = order != 0 ? order : BTREE_ORDER_DEFAULT;
	return 0;
}

bool
btree_empty(struct btree *tree)
{
	return btree_count(tree) == 0;
}

uint64_t
btree_count(struct btree *tree)
{
	const struct btree_root *root = umem_at(tree->heap, tree->root);

	return root->count;
}

/** The last leaf is empty: frees it and what holds nothing else. */
static int
drop_last(const struct walk *walk, struct path *path)
{
	uint32_t level;

	for (level = 0; level < walk->root->depth; level++) {
		if (level > 0) {
			touch_head(walk, path->step[level].off);
			path->step[level].node->nr--;
		}
		if (level + 1U == walk->root->depth)
			return path->step[level].node->nr == 0 ? emptied(walk) : btree__collapse(walk);
		if (path->step[level].node->nr > 0)
			return 0;
		btree__node_free(walk, path->step[level].off);
	}
	return 0;
}

int
btree_drain(struct btree *tree, uint32_t *credits, int (*drop)(void *arg, uint64_t value), void *arg)
{
	struct btree_node *leaf;
	struct walk walk;
	struct path path;
	uint32_t nr;
	int rc;

	rc = btree__begin(&walk, tree);
	if (rc != 0)
		return rc == -DER_NONEXIST ? 0 : rc;
	while (walk.root->depth > 0 && *credits > 0) {
		rc = btree__descend_end(&walk, true, &path);
		if (rc != 0)
			return rc;
		leaf = path.step[0].node;
		for (nr = leaf->nr; nr > 0 && *credits > 0; nr--, --*credits) {
			rc = drop(arg, node_values(leaf)[nr - 1]);
			if (rc != 0)
				return rc;
		}
		if (walk.root->count < leaf->nr - nr)
			return btree__corrupt(tree, path.step[0].off, "holds more keys than the root counts");
		touch_root(&walk);
		walk.root->count -= leaf->nr - nr;
		touch_head(&walk, path.step[0].off);
		leaf->nr = (uint16_t)nr;
		rc = nr == 0 ? drop_last(&walk, &path) : 0;
		if (rc != 0)
			return rc;
	}
	if (walk.root->depth > 0)
		return 1;
	touch_root(&walk);
	memset(walk.root, 0, sizeof(*walk.root));
	return 0;
}
