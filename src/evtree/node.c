/* SPDX-License-Identifier: Apache-2.0 */
/*
 * evtree/node: the root and nodes as checked views of hostile bytes, search within a node, the way down. Nothing here
 * changes the heap, nothing yields.
 *
 * Invariants
 *  evtree I1  Extents are strictly ascending by (lo, epoch, minor) over the whole tree; lo <= hi.
 *  evtree I2  An inner entry bears the key of the first extent below it, the highest hi, the newest and the oldest time.
 *  evtree I3  A node's children stand one level below it; leaves have level 0; no node is empty; only a top node has a
 *             capacity below the order; an inner top node has two children or more.
 *  evtree I4  root.count is the number of extents; the root of an empty tree is zero but for its order.
 *  evtree I5  Extents of the same (epoch, minor) do not overlap.
 *  evtree I6  No search enters a node twice, since it goes only where keys ascend: corrupt bytes end in -DER_DF_INVAL.
 */
#include "node.h"

int
evtree__corrupt(const struct evtree *tree, umem_off_t off, const char *what)
{
	log_error(tree->log, "evtree at heap offset %#llx: node %#llx: %s", (unsigned long long)tree->root,
		  (unsigned long long)off, what);
	return -DER_DF_INVAL;
}

int
evtree__begin(struct walk *walk, const struct evtree *tree)
{
	struct evtree_root *root = umem_at(tree->heap, tree->root);

	walk->tree = tree;
	walk->root = root;
	if (root->depth > EVTREE_DEPTH_MAX || root->order > EVTREE_ORDER_MAX ||
	    (root->order < EVTREE_ORDER_MIN && (root->depth != 0 || root->order != 0)))
		return evtree__corrupt(tree, 0, "root with a wrong order or depth");
	if ((root->depth == 0) != (root->node == UMEM_NULL) || (root->depth == 0) != (root->count == 0))
		return evtree__corrupt(tree, 0, "root half empty");
	return 0;
}

int
evtree__node(const struct walk *walk, umem_off_t off, uint32_t level, struct evtree_node **found)
{
	struct evtree_node *node;
	uint32_t i, bad = 0;

	/* umem_at itself ends the body when off lies in no allocation. */
	if (off % 16 != 0)
		return evtree__corrupt(walk->tree, off, "is no place of a node");
	node = umem_at(walk->tree->heap, off);
	/* A search looks at many of the entries: fetch their lines at once, not in turn. */
	for (i = 64; i < node_size(EVTREE_ORDER); i += 64)
		__builtin_prefetch((char *)node + i);
	if (node->magic != EVTREE_NODE_MAGIC || node->level != level)
		return evtree__corrupt(walk->tree, off, "is no node of this tree");
	if (node->nr == 0 || node->nr > node->cap || node->cap > walk->root->order)
		return evtree__corrupt(walk->tree, off, "has a wrong count");
	if (off % UMEM_SEGMENT + node_size(node->cap) > UMEM_SEGMENT)
		return evtree__corrupt(walk->tree, off, "reaches over its end");
	for (i = 0; i < node->nr; i++)
		bad |= node->sorted[i] >= node->cap;
	if (bad)
		return evtree__corrupt(walk->tree, off, "has a wrong slot");
	*found = node;
	return 0;
}

uint32_t
evtree__search(struct evtree_node *node, const struct key *key)
{
	uint32_t low = 0, high = node->nr, mid;
	struct key here;

	while (low < high) {
		mid = (low + high) / 2;
		here = entry_key(node_entry(node, mid));
		if (key_compare(&here, key) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

uint32_t
evtree__until(struct evtree_node *node, uint64_t lo)
{
	uint32_t low = 0, high = node->nr, mid;

	while (low < high) {
		mid = (low + high) / 2;
		if (node_entry(node, mid)->lo <= lo)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

int
evtree__descend(const struct walk *walk, const struct key *key, struct path *path)
{
	uint32_t level = walk->root->depth - 1U, at;
	umem_off_t off = walk->root->node;
	struct evtree_node *node;
	struct key here;
	int rc;

	for (;; level--) {
		rc = evtree__node(walk, off, level, &node);
		if (rc != 0)
			return rc;
		at = evtree__search(node, key);
		path->step[level].node = node;
		path->step[level].off = off;
		path->step[level].at = at;
		if (level == 0)
			return 0;
		/* The child that begins at key or before it. */
		if (at == node->nr) {
			at--;
		} else if (at > 0) {
			here = entry_key(node_entry(node, at));
			at -= key_compare(&here, key) != 0;
		}
		path->step[level].at = at;
		off = node_entry(node, at)->inner.child;
	}
}

int
evtree__descend_last(const struct walk *walk, struct path *path)
{
	uint32_t level = walk->root->depth - 1U;
	umem_off_t off = walk->root->node;
	struct evtree_node *node;
	int rc;

	for (;; level--) {
		rc = evtree__node(walk, off, level, &node);
		if (rc != 0)
			return rc;
		path->step[level].node = node;
		path->step[level].off = off;
		path->step[level].at = node->nr - 1U;
		if (level == 0)
			return 0;
		off = node_entry(node, node->nr - 1U)->inner.child;
	}
}

int
evtree__find_exact(const struct walk *walk, const struct evtree_extent *which, struct path *path)
{
	struct key key = {.lo = which->lo, .when = which->when}, here;
	union evtree_entry *entry;
	int rc;

	if (walk->root->depth == 0)
		return -DER_NONEXIST;
	rc = evtree__descend(walk, &key, path);
	if (rc != 0)
		return rc;
	if (path->step[0].at == path->step[0].node->nr)
		return -DER_NONEXIST;
	entry = node_entry(path->step[0].node, path->step[0].at);
	here = entry_key(entry);
	return key_compare(&here, &key) == 0 && entry->hi == which->hi ? 0 : -DER_NONEXIST;
}

void
evtree__sum_up(struct evtree_node *node, umem_off_t off, union evtree_entry *sum)
{
	const union evtree_entry *entry = node_entry(node, 0);
	struct evtree_when newest, oldest, when;
	uint32_t i;

	memset(sum, 0, sizeof(*sum));
	sum->lo = entry->lo;
	sum->hi = entry->hi;
	sum->epoch = entry->epoch;
	sum->minor = entry->minor;
	newest = node->level > 0 ? entry_newest(entry) : entry_when(entry);
	oldest = node->level > 0 ? entry_oldest(entry) : entry_when(entry);
	for (i = 1; i < node->nr; i++) {
		entry = node_entry(node, i);
		sum->hi = MAX(sum->hi, entry->hi);
		when = node->level > 0 ? entry_newest(entry) : entry_when(entry);
		if (when_compare(when, newest) > 0)
			newest = when;
		when = node->level > 0 ? entry_oldest(entry) : when;
		if (when_compare(when, oldest) < 0)
			oldest = when;
	}
	sum->inner.newest_epoch = newest.epoch;
	sum->inner.newest_minor = newest.minor;
	sum->inner.oldest_epoch = oldest.epoch;
	sum->inner.oldest_minor = oldest.minor;
	sum->inner.child = off;
}

void
evtree__to_data(const union evtree_entry *entry, struct evtree_data *data)
{
	*data = (struct evtree_data){
		.addr = entry->leaf.addr,
		.media = entry->leaf.media,
		.csum_type = entry->leaf.csum_type,
		.csum_size = entry->leaf.csum_size,
		.csum_chunk = entry->leaf.csum_chunk,
		.csum = entry->leaf.csum,
		.dtx = entry->leaf.dtx,
		.version = entry->leaf.version,
	};
}

void
evtree__to_extent(const union evtree_entry *entry, struct evtree_extent *extent)
{
	extent->lo = entry->lo;
	extent->hi = entry->hi;
	extent->when = entry_when(entry);
	evtree__to_data(entry, &extent->data);
}
