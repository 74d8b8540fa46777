/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/hash: the table (see hash.h).
 *
 * Invariants
 *  I1  A node stands in the chain of the bucket that its stored hash names; count is the number of nodes.
 *  I2  buckets is `small` or memory of its own of 1 << bits pointers.
 *  I3  Within a chain the entry inserted last stands first; growing keeps that order.
 */
#include "base/hash.h"
#include "base/hash64.h"

enum { HASH_SMALL_BITS = 2, HASH_MAX_BITS = 40 };

/* The upper bits of a product with the golden ratio (D. Knuth, TAOCP 6.4): spreads poor hashes too. */
static size_t
bucket_of(const struct hash *hash, uint64_t value)
{
	return (size_t)((value * 0x9e3779b97f4a7c15ULL) >> (64 - hash->bits));
}

void
hash_init(struct hash *hash, struct mem *mem, const struct hash_ops *ops, uint64_t seed)
{
	memset(hash, 0, sizeof(*hash));
	hash->mem = mem;
	hash->ops = ops;
	hash->seed = seed;
	hash->bits = HASH_SMALL_BITS;
	hash->buckets = hash->small;
	_Static_assert(ARRAY_SIZE(hash->small) == 1 << HASH_SMALL_BITS, "small table");
}

void
hash_fini(struct hash *hash)
{
	if (hash->buckets != hash->small)
		mem_free(hash->mem, hash->buckets);
	hash_init(hash, hash->mem, hash->ops, hash->seed);
}

static void
grow(struct hash *hash)
{
	size_t old_nr = (size_t)1 << hash->bits;
	struct hash_node **old = hash->buckets;
	struct hash_node **bigger = MEM_NEW_ARRAY(hash->mem, struct hash_node *, old_nr * 2);

	if (bigger == NULL)
		return;
	hash->buckets = bigger;
	hash->bits++;
	for (size_t i = 0; i < old_nr; i++) {
		/* A bucket splits into the two that share its upper bits; appending keeps the order (I3). */
		struct hash_node **tail[2] = {&bigger[2 * i], &bigger[2 * i + 1]};

		for (struct hash_node *node = old[i], *next; node != NULL; node = next) {
			size_t half = bucket_of(hash, node->hash) - 2 * i;

			next = node->next;
			node->next = NULL;
			*tail[half] = node;
			tail[half] = &node->next;
		}
	}
	if (old != hash->small)
		mem_free(hash->mem, old);
}

struct hash_node *
hash_find(const struct hash *hash, const void *key)
{
	uint64_t value = hash->ops->hash(key, hash->seed);
	struct hash_node *node = hash->buckets[bucket_of(hash, value)];

	while (node != NULL && !(node->hash == value && hash->ops->equal(node, key)))
		node = node->next;
	return node;
}

void
hash_insert(struct hash *hash, struct hash_node *node, const void *key)
{
	struct hash_node **bucket;

	if (hash->count >= (size_t)1 << hash->bits && hash->bits < HASH_MAX_BITS)
		grow(hash);
	node->hash = hash->ops->hash(key, hash->seed);
	bucket = &hash->buckets[bucket_of(hash, node->hash)];
	node->next = *bucket;
	*bucket = node;
	hash->count++;
}

void
hash_remove(struct hash *hash, struct hash_node *node)
{
	struct hash_node **link = &hash->buckets[bucket_of(hash, node->hash)];

	while (*link != node) {
		ASSERTF(*link != NULL, "hash I1: removed entry is not in the table");
		link = &(*link)->next;
	}
	*link = node->next;
	node->next = NULL;
	hash->count--;
}

void
hash_iter_init(struct hash_iter *iter, const struct hash *hash)
{
	iter->hash = hash;
	iter->bucket = 0;
	iter->next = hash->buckets[0];
}

struct hash_node *
hash_iter_next(struct hash_iter *iter)
{
	size_t nr = (size_t)1 << iter->hash->bits;
	struct hash_node *node;

	while (iter->next == NULL && iter->bucket + 1 < nr)
		iter->next = iter->hash->buckets[++iter->bucket];
	node = iter->next;
	if (node != NULL)
		iter->next = node->next;
	return node;
}

uint64_t
hash_key_u64(const void *key, uint64_t seed)
{
	uint64_t value;

	memcpy(&value, key, sizeof(value));
	return hash64_pair(seed, value);
}

uint64_t
hash_key_uuid(const void *key, uint64_t seed)
{
	return hash64_bytes(key, 16, seed);
}

uint64_t
hash_key_string(const void *key, uint64_t seed)
{
	return hash64_string(key, seed);
}
