/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/hash: an intrusive chained hash table. The entry carries a struct hash_node; the table owns only its buckets.
 * Insertion never fails: when there is no memory to grow, chains get longer. Iteration goes by bucket, that is by hash
 * of the keys and order of insertion, never by address. Growing moves all entries at once.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include "base/base.h"

struct hash_node {
	struct hash_node *next;
	uint64_t hash;
};

struct hash_ops {
	/** Hash of a key. seed is the table's; use it where strangers choose keys. */
	uint64_t (*hash)(const void *key, uint64_t seed);
	/** True when the entry of node has this key. */
	bool (*equal)(const struct hash_node *node, const void *key);
};

/** Not to be copied or moved: a small table lives inside. */
struct hash {
	const struct hash_ops *ops;
	struct mem *mem;
	uint64_t seed;
	size_t count;
	uint32_t bits; /* 1 << bits buckets */
	struct hash_node **buckets;
	struct hash_node *small[4];
};

void hash_init(struct hash *hash, struct mem *mem, const struct hash_ops *ops, uint64_t seed);
/** Frees the buckets. Entries that are still in it are forgotten, not freed. The table can be used again. */
void hash_fini(struct hash *hash);

/** The entry with that key inserted last; NULL when there is none. */
struct hash_node *hash_find(const struct hash *hash, const void *key);
/** Adds an entry; does not look whether the key is there already. */
void hash_insert(struct hash *hash, struct hash_node *node, const void *key);
/** Takes out an entry that is in the table. */
void hash_remove(struct hash *hash, struct hash_node *node);

static inline size_t
hash_count(const struct hash *hash)
{
	return hash->count;
}

/** Walks all entries. The current entry may be removed (and freed); nothing may be inserted meanwhile. */
struct hash_iter {
	const struct hash *hash;
	size_t bucket;
	struct hash_node *next;
};

void hash_iter_init(struct hash_iter *iter, const struct hash *hash);
/** NULL at the end. */
struct hash_node *hash_iter_next(struct hash_iter *iter);

#define hash_entry(node, type, member) container_of(node, type, member)

/* Hash functions for common keys: key points at a uint64_t, at a uuid (16 bytes), at a string. */
uint64_t hash_key_u64(const void *key, uint64_t seed);
uint64_t hash_key_uuid(const void *key, uint64_t seed);
uint64_t hash_key_string(const void *key, uint64_t seed);

#endif
