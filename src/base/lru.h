/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/lru: a cache of reference-counted entries that forgets the ones unused longest. Intrusive: the entry carries a
 * struct lru_entry. Referenced entries are never forgotten, so the cache may hold more than its capacity while they are
 * in use; what stands idle beyond the capacity is freed at once.
 */
#ifndef BASE_LRU_H
#define BASE_LRU_H

#include "base/base.h"
#include "base/hash.h"
#include "base/list.h"

struct lru_entry {
	struct hash_node node;
	struct list link; /* in lru->idle when refs is 0 */
	uint32_t refs;
	bool cached; /* can still be found */
};

struct lru_ops {
	/** Hash of a key, and comparison of a key with the entry around a lru_entry's node. */
	struct hash_ops key;
	/** The entry left the cache and nobody refers to it. It may use the cache. */
	void (*free)(struct lru_entry *entry, void *arg);
};

/** Not to be copied or moved. */
struct lru {
	struct hash hash;
	const struct lru_ops *ops;
	void *arg;
	struct list idle; /* unused longest first */
	size_t capacity;
	size_t busy_nr; /* entries with references, cached or not */
};

/** capacity: most entries to keep; 0 keeps none beyond its last reference. arg is handed to ops->free. */
void lru_init(struct lru *lru, struct mem *mem, const struct lru_ops *ops, void *arg, size_t capacity, uint64_t seed);
/** Frees every entry. No reference may be left. */
void lru_fini(struct lru *lru);

/** The entry with that key and a reference on it for the caller; NULL when it is not cached. */
struct lru_entry *lru_get(struct lru *lru, const void *key);
/** Puts a new entry in, referenced once for the caller. The key must not be in the cache. */
void lru_insert(struct lru *lru, struct lru_entry *entry, const void *key);
/** One more reference on an entry that the caller has one on. */
void lru_ref(struct lru *lru, struct lru_entry *entry);
/** Drops a reference. The last one makes the entry the youngest idle one, or frees it when it was evicted. */
void lru_put(struct lru *lru, struct lru_entry *entry);
/** The entry cannot be found any more; freed now when idle, else with its last reference. */
void lru_evict(struct lru *lru, struct lru_entry *entry);
/** Evicts all entries for which wanted says true (all when NULL). wanted must not use the cache. */
void lru_evict_if(struct lru *lru, bool (*wanted)(const struct lru_entry *entry, void *arg), void *arg);
/** Changes the capacity; frees idle entries beyond it. */
void lru_set_capacity(struct lru *lru, size_t capacity);

/** How many entries can be found. */
static inline size_t
lru_count(const struct lru *lru)
{
	return hash_count(&lru->hash);
}

/** How many entries are referenced, evicted ones too. */
static inline size_t
lru_busy(const struct lru *lru)
{
	return lru->busy_nr;
}

/** The entry of type that carries its lru_entry as member; and the same from the node that hash_ops.equal is given. */
#define lru_container(entry, type, member) container_of(entry, type, member)
#define lru_container_of_node(node, type, member) container_of(node, type, member.node)

#endif
