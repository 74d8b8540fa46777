/* SPDX-License-Identifier: Apache-2.0 */
/*
 * evtree: changing a tree: insertion, removal, tearing down. Format in evtree_format.h, invariants in node.c, questions
 * in find.c.
 *
 * A B+tree ordered by (lo, epoch, minor) whose inner entries sum up what lies below. Insertion widens the sums on its
 * way, removal reckons them anew. A full node splits, at either edge of the tree so that the old node stays full; a node
 * below 3/8 is joined with a neighbour or shares with it. The first node has room for one extent and grows.
 *
 * All of it runs within a umem body: what is changed is touched first, an error leaves the undoing to umem, a crash in
 * the middle leaves nothing. Nothing yields.
 */
#include "node.h"

/* ---- entries of one node ----------------------------------------------------------------------------------------- */

/** Head and order. */
static void
touch_head(const struct walk *walk, umem_off_t off, const struct evtree_node *node)
{
	umem_touch(walk->tree->heap, off, sizeof(*node) + node->cap);
}

/** The place of [from, to) within an entry, about to change. */
static void
touch_part(const struct walk *walk, umem_off_t off, const struct evtree_node *node, const union evtree_entry *entry,
	   size_t from, size_t to)
{
	umem_touch(walk->tree->heap, off + (uint64_t)((const char *)entry - (const char *)node) + from, to - from);
}

static void
write_entry(const struct walk *walk, umem_off_t off, struct evtree_node *node, union evtree_entry *place,
	    const union evtree_entry *entry)
{
	touch_part(walk, off, node, place, 0, sizeof(*place));
	*place = *entry;
}

/** Puts an entry before entry `at`; there is a free slot. The head is touched. */
static void
put_entry(const struct walk *walk, umem_off_t off, struct evtree_node *node, uint32_t at, const union evtree_entry *entry)
{
	uint32_t used = 0, slot, i;

	for (i = 0; i < node->nr; i++)
		used |= 1U << node->sorted[i];
	slot = (uint32_t)__builtin_ctz(~used);
	memmove(node->sorted + at + 1, node->sorted + at, node->nr - at);
	node->sorted[at] = (uint8_t)slot;
	node->nr++;
	write_entry(walk, off, node, node_slots(node) + slot, entry);
}

static void
insert_at(const struct walk *walk, umem_off_t off, struct evtree_node *node, uint32_t at, const union evtree_entry *entry)
{
	touch_head(walk, off, node);
	put_entry(walk, off, node, at, entry);
}

/** Takes nr entries out of the order from `at` on; the head is touched. */
static void
cut_entries(struct evtree_node *node, uint32_t at, uint32_t nr)
{
	memmove(node->sorted + at, node->sorted + at + nr, node->nr - at - nr);
	node->nr = (uint8_t)(node->nr - nr);
}

/** NULL when the heap has no space. */
static struct evtree_node *
node_new(const struct walk *walk, uint32_t level, uint32_t cap, umem_off_t *off)
{
	struct evtree_node *node;

	*off = umem_alloc(walk->tree->heap, node_size(cap));
	if (*off == UMEM_NULL)
		return NULL;
	node = umem_at(walk->tree->heap, *off);
	node->magic = EVTREE_NODE_MAGIC;
	node->level = (uint8_t)level;
	node->cap = (uint8_t)cap;
	return node;
}

static void
node_free(const struct walk *walk, umem_off_t off)
{
	struct evtree_node *node = umem_touch(walk->tree->heap, off, sizeof(*node));

	node->magic = 0;
	umem_free(walk->tree->heap, off);
}

/** A new node takes nr entries of another one, in order. */
static void
fill(struct evtree_node *to, struct evtree_node *from, uint32_t from_at, uint32_t nr)
{
	uint32_t i;

	for (i = 0; i < nr; i++) {
		to->sorted[i] = (uint8_t)i;
		node_slots(to)[i] = *node_entry(from, from_at + i);
	}
	to->nr = (uint8_t)nr;
}

static void
touch_root(const struct walk *walk)
{
	umem_touch(walk->tree->heap, walk->tree->root, sizeof(*walk->root));
}

/* ---- sums -------------------------------------------------------------------------------------------------------- */

/** extent is going to be below all entries on the path above the leaf (evtree I2). */
static void
widen(const struct walk *walk, const struct path *path, const union evtree_entry *extent)
{
	struct evtree_when when = entry_when(extent);
	struct key key = entry_key(extent), first;
	struct evtree_node *node;
	union evtree_entry *sum;
	umem_off_t off;
	uint32_t level;

	for (level = 1; level < walk->root->depth; level++) {
		node = path->step[level].node;
		off = path->step[level].off;
		sum = node_entry(node, path->step[level].at);
		first = entry_key(sum);
		if (key_compare(&key, &first) < 0) {
			touch_part(walk, off, node, sum, 0, 8);
			touch_part(walk, off, node, sum, 16, 26);
			sum->lo = key.lo;
			sum->epoch = key.when.epoch;
			sum->minor = key.when.minor;
		}
#ifdef PLANTED_evtree_max_hi_stale
		if (level == 1)
#endif
		if (extent->hi > sum->hi) {
			touch_part(walk, off, node, sum, 8, 16);
			sum->hi = extent->hi;
		}
		if (when_compare(when, entry_newest(sum)) > 0) {
			touch_part(walk, off, node, sum, 28, 40);
			sum->inner.newest_epoch = when.epoch;
			sum->inner.newest_minor = when.minor;
		}
		if (when_compare(when, entry_oldest(sum)) < 0) {
			touch_part(walk, off, node, sum, 26, 28);
			touch_part(walk, off, node, sum, 40, 48);
			sum->inner.oldest_epoch = when.epoch;
			sum->inner.oldest_minor = when.minor;
		}
	}
}

/** Level's node has changed: tells the nodes above, as far as it matters to them. */
static void
refresh(const struct walk *walk, const struct path *path, uint32_t level)
{
	union evtree_entry sum, *place;

	for (; level + 1U < walk->root->depth; level++) {
		evtree__sum_up(path->step[level].node, path->step[level].off, &sum);
		place = node_entry(path->step[level + 1].node, path->step[level + 1].at);
		if (memcmp(place, &sum, sizeof(sum)) == 0)
			return;
		write_entry(walk, path->step[level + 1].off, path->step[level + 1].node, place, &sum);
	}
}

/* ---- insertion --------------------------------------------------------------------------------------------------- */

/** The top node, full but below the order, makes place for a larger one. */
static int
grow(const struct walk *walk, struct path *path)
{
	uint32_t level = walk->root->depth - 1U, cap;
	struct evtree_node *old = path->step[level].node, *node;
	umem_off_t off;

	cap = old->cap * 2U + 1;
	if (cap + 1 >= walk->root->order)
		cap = walk->root->order;
	node = node_new(walk, level, cap, &off);
	if (node == NULL)
		return -DER_NOSPACE;
	fill(node, old, 0, old->nr);
	node_free(walk, path->step[level].off);
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
split(const struct walk *walk, struct path *path, uint32_t level, const union evtree_entry *entry, union evtree_entry *risen)
{
	struct evtree_node *node = path->step[level].node, *right;
	umem_off_t off = path->step[level].off, right_off;
	uint32_t at = path->step[level].at, cut = (node->nr + 1U) / 2;
	union evtree_entry sum;

	right = node_new(walk, level, walk->root->order, &right_off);
	if (right == NULL)
		return -DER_NOSPACE;
	if (at == node->nr && at_edge(walk, path, level, true))
		cut = node->nr;
	else if (at == 0 && at_edge(walk, path, level, false))
		cut = 0;
	fill(right, node, cut, node->nr - cut);
	touch_head(walk, off, node);
	node->nr = (uint8_t)cut;
	if (at < cut || cut == 0)
		put_entry(walk, off, node, at, entry);
	else
		put_entry(walk, right_off, right, at - cut, entry);
	evtree__sum_up(right, right_off, risen);
	if (level + 1U < walk->root->depth) {
		evtree__sum_up(node, off, &sum);
		write_entry(walk, path->step[level + 1].off, path->step[level + 1].node,
			    node_entry(path->step[level + 1].node, path->step[level + 1].at), &sum);
	}
	return 0;
}

static int
new_top(const struct walk *walk, const struct path *path, const union evtree_entry *risen)
{
	uint32_t level = walk->root->depth;
	struct evtree_node *node;
	umem_off_t off;

	if (level == EVTREE_DEPTH_MAX)
		return -DER_NOSPACE;
	node = node_new(walk, level, MIN(3U, (uint32_t)walk->root->order), &off);
	if (node == NULL)
		return -DER_NOSPACE;
	node->nr = 2;
	node->sorted[1] = 1;
	evtree__sum_up(path->step[level - 1].node, path->step[level - 1].off, node_slots(node));
	node_slots(node)[1] = *risen;
	touch_root(walk);
	walk->root->node = off;
	walk->root->depth++;
	return 0;
}

static int
insert_entry(const struct walk *walk, struct path *path, union evtree_entry *entry)
{
	struct evtree_node *node;
	union evtree_entry risen;
	uint32_t level;
	int rc;

	widen(walk, path, entry);
	for (level = 0; level < walk->root->depth; level++) {
		node = path->step[level].node;
		if (node->nr == node->cap && node->cap < walk->root->order) {
			if (level + 1U != walk->root->depth)
				return evtree__corrupt(walk->tree, path->step[level].off, "is small but not the top");
			rc = grow(walk, path);
			if (rc != 0)
				return rc;
			node = path->step[level].node;
		}
		if (node->nr < node->cap) {
			insert_at(walk, path->step[level].off, node, path->step[level].at, entry);
			return 0;
		}
		rc = split(walk, path, level, entry, &risen);
		if (rc != 0)
			return rc;
		/* The new node stands right behind the old one. */
		if (level + 1U < walk->root->depth)
			path->step[level + 1].at++;
		*entry = risen;
	}
	return new_top(walk, path, entry);
}

static void
from_extent(const struct evtree_extent *extent, union evtree_entry *entry)
{
	const struct evtree_data *data = &extent->data;

	memset(entry, 0, sizeof(*entry));
	entry->lo = extent->lo;
	entry->hi = extent->hi;
	entry->epoch = extent->when.epoch;
	entry->minor = extent->when.minor;
	entry->leaf.csum_size = data->csum_size;
	entry->leaf.csum_chunk = data->csum_chunk;
	entry->leaf.addr = data->addr;
	entry->leaf.csum = data->csum;
	entry->leaf.dtx = data->dtx;
	entry->leaf.version = data->version;
	entry->leaf.media = data->media;
	entry->leaf.csum_type = data->csum_type;
}

/** Overwrites the extent that is equal but for its data. */
static int
replace(const struct walk *walk, const struct evtree_extent *extent, struct evtree_data *replaced)
{
	union evtree_entry entry, *place;
	struct path path;
	int rc;

	rc = evtree__find_exact(walk, extent, &path);
	if (rc != 0)
		return rc == -DER_NONEXIST ? evtree__corrupt(walk->tree, 0, "an extent is not found where it stands") : rc;
	place = node_entry(path.step[0].node, path.step[0].at);
	if (replaced != NULL)
		evtree__to_data(place, replaced);
	from_extent(extent, &entry);
	write_entry(walk, path.step[0].off, path.step[0].node, place, &entry);
	return 1;
}

static int
first_node(const struct walk *walk, struct path *path)
{
	path->step[0].node = node_new(walk, 0, 1, &path->step[0].off);
	if (path->step[0].node == NULL)
		return -DER_NOSPACE;
	path->step[0].at = 0;
	touch_root(walk);
	walk->root->node = path->step[0].off;
	walk->root->depth = 1;
	if (walk->root->order == 0)
		walk->root->order = EVTREE_ORDER;
	return 0;
}

int
evtree_insert(struct evtree *tree, const struct evtree_extent *extent, uint32_t rec_size, struct evtree_data *replaced)
{
	struct key key = {.lo = extent->lo, .when = extent->when};
	bool hole = extent->data.media == EVTREE_HOLE;
	struct evtree_extent other;
	union evtree_entry entry;
	struct walk walk;
	struct path path;
	int rc;

	if (extent->lo > extent->hi || (!hole && rec_size == 0))
		return -DER_INVAL;
	rc = evtree__begin(&walk, tree);
	if (rc != 0)
		return rc;
	if (!hole && walk.root->rec_size != 0 && walk.root->rec_size != rec_size)
		return -DER_REC_SIZE;
	if (walk.root->depth > 0) {
		rc = evtree__same_time(&walk, extent, &other);
		if (rc < 0)
			return rc;
		if (rc > 0 && (other.lo != extent->lo || other.hi != extent->hi))
			return -DER_VOS_PARTIAL_UPDATE;
	}
	if (!hole && walk.root->rec_size == 0) {
		touch_root(&walk);
		walk.root->rec_size = rec_size;
	}
	if (rc > 0)
		return replace(&walk, extent, replaced);
	rc = walk.root->depth == 0 ? first_node(&walk, &path) : evtree__descend(&walk, &key, &path);
	if (rc != 0)
		return rc;
	from_extent(extent, &entry);
	rc = insert_entry(&walk, &path, &entry);
	if (rc != 0)
		return rc;
	touch_root(&walk);
	walk.root->count++;
	return 0;
}

/* ---- removal ----------------------------------------------------------------------------------------------------- */

/** The tree has no extent any more. */
static int
emptied(const struct walk *walk)
{
	umem_off_t off = walk->root->node;

	if (walk->root->count != 0)
		return evtree__corrupt(walk->tree, off, "is empty but the root counts more extents");
	touch_root(walk);
	memset(walk->root, 0, sizeof(*walk->root));
	node_free(walk, off);
	return 0;
}

/** Takes inner top nodes with one child out. */
static int
collapse(const struct walk *walk)
{
	struct evtree_root *root = walk->root;
	struct evtree_node *node;
	umem_off_t off;
	int rc;

	while (root->depth > 1) {
		off = root->node;
		rc = evtree__node(walk, off, root->depth - 1U, &node);
		if (rc != 0)
			return rc;
		if (node->nr > 1)
			return 0;
		touch_root(walk);
		root->node = node_entry(node, 0)->inner.child;
		root->depth--;
		node_free(walk, off);
	}
	return 0;
}

/** Appends nr entries of right, from its beginning, to left; or prepends the last nr of left to right. Heads are touched. */
static void
shift(const struct walk *walk, umem_off_t left_off, struct evtree_node *left, umem_off_t right_off,
      struct evtree_node *right, uint32_t nr, bool to_left)
{
	uint32_t i;

	for (i = 0; i < nr; i++) {
		if (to_left) {
			put_entry(walk, left_off, left, left->nr, node_entry(right, 0));
			cut_entries(right, 0, 1);
		} else {
			put_entry(walk, right_off, right, 0, node_entry(left, left->nr - 1U));
			cut_entries(left, left->nr - 1U, 1);
		}
	}
}

/** Level's node has few entries: joins it with a neighbour (then the parent's entry at path.at is to go) or shares. */
static int
rebalance(const struct walk *walk, struct path *path, uint32_t level, bool *joined)
{
	struct evtree_node *parent = path->step[level + 1].node, *left, *right;
	umem_off_t parent_off = path->step[level + 1].off, left_off, right_off;
	uint32_t at = MAX(path->step[level + 1].at, 1U), sum;
	union evtree_entry entry;
	int rc;

	*joined = false;
	if (parent->nr < 2)
		return 0;
	left_off = node_entry(parent, at - 1)->inner.child;
	right_off = node_entry(parent, at)->inner.child;
	rc = evtree__node(walk, left_off, level, &left);
	if (rc == 0)
		rc = evtree__node(walk, right_off, level, &right);
	if (rc != 0)
		return rc;
	if (left == right || left->cap != right->cap)
		return evtree__corrupt(walk->tree, right_off, "does not fit its neighbour");
	sum = (uint32_t)left->nr + right->nr;
	touch_head(walk, left_off, left);
	touch_head(walk, right_off, right);
	if (sum <= left->cap) {
		shift(walk, left_off, left, right_off, right, right->nr, true);
		node_free(walk, right_off);
		path->step[level + 1].at = at;
		*joined = true;
	} else if (left->nr < right->nr) {
		shift(walk, left_off, left, right_off, right, sum / 2 - left->nr, true);
	} else {
		shift(walk, left_off, left, right_off, right, sum / 2 - right->nr, false);
	}
	evtree__sum_up(left, left_off, &entry);
	write_entry(walk, parent_off, parent, node_entry(parent, at - 1), &entry);
	if (!*joined) {
		evtree__sum_up(right, right_off, &entry);
		write_entry(walk, parent_off, parent, node_entry(parent, at), &entry);
	}
	return 0;
}

static int
remove_entry(const struct walk *walk, struct path *path)
{
	uint32_t level, least = MAX(2U, walk->root->order * 3U / 8);
	struct evtree_node *node;
	bool joined;
	int rc;

	for (level = 0;; level++) {
		node = path->step[level].node;
		touch_head(walk, path->step[level].off, node);
		cut_entries(node, path->step[level].at, 1);
		if (level + 1U == walk->root->depth)
			return node->nr == 0 ? emptied(walk) : collapse(walk);
		if (node->nr == 0) {
			/* Only a node whose parent has no other child runs empty; the parent's entry goes with it. */
			node_free(walk, path->step[level].off);
			continue;
		}
		refresh(walk, path, level);
		if (node->nr >= least)
			return 0;
		rc = rebalance(walk, path, level, &joined);
		if (rc != 0 || !joined)
			return rc;
	}
}

int
evtree_remove(struct evtree *tree, const struct evtree_extent *which, struct evtree_data *data)
{
	struct walk walk;
	struct path path;
	int rc;

	rc = evtree__begin(&walk, tree);
	if (rc == 0)
		rc = evtree__find_exact(&walk, which, &path);
	if (rc != 0)
		return rc;
	if (data != NULL)
		evtree__to_data(node_entry(path.step[0].node, path.step[0].at), data);
	touch_root(&walk);
	walk.root->count--;
	return remove_entry(&walk, &path);
}

int
evtree_set_dtx(struct evtree *tree, const struct evtree_extent *which, uint32_t dtx)
{
	union evtree_entry *entry;
	struct walk walk;
	struct path path;
	int rc;

	rc = evtree__begin(&walk, tree);
	if (rc == 0)
		rc = evtree__find_exact(&walk, which, &path);
	if (rc != 0)
		return rc;
	entry = node_entry(path.step[0].node, path.step[0].at);
	touch_part(&walk, path.step[0].off, path.step[0].node, entry, offsetof(union evtree_entry, leaf.dtx),
		   offsetof(union evtree_entry, leaf.version));
	entry->leaf.dtx = dtx;
	return 0;
}

/* ---- the whole tree ---------------------------------------------------------------------------------------------- */

/** The last leaf lost its last entries: tells the nodes above, frees what is empty. */
static int
drop_last(const struct walk *walk, struct path *path)
{
	uint32_t level;

	for (level = 0;; level++) {
		if (level + 1U == walk->root->depth)
			return path->step[level].node->nr == 0 ? emptied(walk) : collapse(walk);
		if (path->step[level].node->nr > 0) {
			refresh(walk, path, level);
			return collapse(walk);
		}
		node_free(walk, path->step[level].off);
		touch_head(walk, path->step[level + 1].off, path->step[level + 1].node);
		cut_entries(path->step[level + 1].node, path->step[level + 1].at, 1);
	}
}

int
evtree_drain(struct evtree *tree, uint32_t *credits, int (*drop)(void *arg, const struct evtree_extent *extent), void *arg)
{
	struct evtree_extent extent;
	struct evtree_node *leaf;
	struct walk walk;
	struct path path;
	uint32_t nr;
	int rc;

	rc = evtree__begin(&walk, tree);
	if (rc != 0)
		return rc;
	while (walk.root->depth > 0 && *credits > 0) {
		rc = evtree__descend_last(&walk, &path);
		if (rc != 0)
			return rc;
		leaf = path.step[0].node;
		for (nr = leaf->nr; nr > 0 && *credits > 0; nr--, --*credits) {
			evtree__to_extent(node_entry(leaf, nr - 1), &extent);
			rc = drop(arg, &extent);
			if (rc != 0)
				return rc;
		}
		if (walk.root->count < leaf->nr - nr)
			return evtree__corrupt(tree, path.step[0].off, "holds more extents than the root counts");
		touch_root(&walk);
		walk.root->count -= leaf->nr - nr;
		touch_head(&walk, path.step[0].off, leaf);
		leaf->nr = (uint8_t)nr;
		rc = drop_last(&walk, &path);
		if (rc != 0)
			return rc;
	}
	if (walk.root->depth > 0)
		return 1;
	if (walk.root->order != 0 || walk.root->rec_size != 0) {
		touch_root(&walk);
		memset(walk.root, 0, sizeof(*walk.root));
	}
	return 0;
}
