/* SPDX-License-Identifier: Apache-2.0 */
/* evtree/node: what the files of the room share: nodes in memory, one call's view of its tree, paths, order. */
#ifndef EVTREE_NODE_H
#define EVTREE_NODE_H

#include "evtree_format.h"
#include "evtree/evtree.h"

#define EVTREE_ORDER 16U
#define EVTREE_ORDER_MIN 4U
#define EVTREE_ORDER_MAX 32U
#define EVTREE_DEPTH_MAX 16U

/** A tree during one call: what its root says, checked. */
struct walk {
	const struct evtree *tree;
	struct evtree_root *root;
};

/** The order of extents. */
struct key {
	uint64_t lo;
	struct evtree_when when;
};

/** The way from the top to an entry of a leaf, by level: [0] is the leaf. */
struct path {
	struct {
		struct evtree_node *node;
		umem_off_t off;
		uint32_t at;
	} step[EVTREE_DEPTH_MAX];
};

static inline size_t
node_slots_off(uint32_t cap)
{
	return sizeof(struct evtree_node) + ALIGN_UP((size_t)cap, 8);
}

static inline size_t
node_size(uint32_t cap)
{
	return node_slots_off(cap) + (size_t)cap * sizeof(union evtree_entry);
}

static inline union evtree_entry *
node_slots(struct evtree_node *node)
{
	return (union evtree_entry *)((char *)node + node_slots_off(node->cap));
}

/** Entry i in order. */
static inline union evtree_entry *
node_entry(struct evtree_node *node, uint32_t i)
{
	return node_slots(node) + node->sorted[i];
}

static inline int
when_compare(struct evtree_when a, struct evtree_when b)
{
	if (a.epoch != b.epoch)
		return a.epoch < b.epoch ? -1 : 1;
	return (a.minor > b.minor) - (a.minor < b.minor);
}

static inline struct evtree_when
entry_when(const union evtree_entry *entry)
{
	return (struct evtree_when){.epoch = entry->epoch, .minor = entry->minor};
}

static inline struct key
entry_key(const union evtree_entry *entry)
{
	return (struct key){.lo = entry->lo, .when = entry_when(entry)};
}

static inline struct evtree_when
entry_newest(const union evtree_entry *entry)
{
	return (struct evtree_when){.epoch = entry->inner.newest_epoch, .minor = entry->inner.newest_minor};
}

static inline struct evtree_when
entry_oldest(const union evtree_entry *entry)
{
	return (struct evtree_when){.epoch = entry->inner.oldest_epoch, .minor = entry->inner.oldest_minor};
}

static inline int
key_compare(const struct key *a, const struct key *b)
{
	if (a->lo != b->lo)
		return a->lo < b->lo ? -1 : 1;
	return when_compare(a->when, b->when);
}

/** Says where and what is wrong; returns -DER_DF_INVAL. */
int evtree__corrupt(const struct evtree *tree, umem_off_t off, const char *what);
/** Reads and checks the root. */
int evtree__begin(struct walk *walk, const struct evtree *tree);
/** The node at off, which must stand at that level. -DER_DF_INVAL. */
int evtree__node(const struct walk *walk, umem_off_t off, uint32_t level, struct evtree_node **node);
/** The first entry at or behind key, or nr. */
uint32_t evtree__search(struct evtree_node *node, const struct key *key);
/** How many entries have lo at most that. */
uint32_t evtree__until(struct evtree_node *node, uint64_t lo);
/** Where key stands or would stand; path.at of the leaf may be its nr. The tree is not empty. */
int evtree__descend(const struct walk *walk, const struct key *key, struct path *path);
/** The way to the last extent. The tree is not empty. */
int evtree__descend_last(const struct walk *walk, struct path *path);
/** The way to the extent with exactly (lo, hi, when). -DER_NONEXIST. */
int evtree__find_exact(const struct walk *walk, const struct evtree_extent *which, struct path *path);
/** What node's parent is to say of it. */
void evtree__sum_up(struct evtree_node *node, umem_off_t off, union evtree_entry *entry);
void evtree__to_extent(const union evtree_entry *entry, struct evtree_extent *extent);
void evtree__to_data(const union evtree_entry *entry, struct evtree_data *data);
/** Looks for an extent of exactly this time that meets [lo, hi]: 1 and the extent, 0, or an error. */
int evtree__same_time(const struct walk *walk, const struct evtree_extent *extent, struct evtree_extent *other);

#endif
