/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/lru: the cache (see lru.h).
 *
 *      insert          put (last)            get
 *   --> busy, cached ------------> idle, cached ----> busy, cached
 *          | evict                    | evict, or too many
 *          v        put (last)        v
 *       busy, gone ------------->   freed
 *
 * Invariants
 *  I1  An entry is in the hash exactly when it is cached, in the idle list exactly when it is cached and refs is 0.
 *  I2  While there are idle entries, no more than capacity entries are cached.
 *  I3  An entry is out of hash and list before ops->free sees it.
 */
#include "base/lru.h"

void
lru_init(struct lru *lru, struct mem *mem, const struct lru_ops *ops, void *arg, size_t capacity, uint64_t seed)
{
	memset(lru, 0, sizeof(*lru));
	hash_init(&lru->hash, mem, &ops->key, seed);
	lru->ops = ops;
	lru->arg = arg;
	lru->capacity = capacity;
	list_init(&lru->idle);
}

static void
drop_idle(struct lru *lru, struct lru_entry *entry)
{
	list_remove(&entry->link);
	hash_remove(&lru->hash, &entry->node);
	entry->cached = false;
	lru->ops->free(entry, lru->arg);
}

/* Restores I2. ops->free may use the cache: each round looks afresh. */
static void
trim(struct lru *lru)
{
	while (hash_count(&lru->hash) > lru->capacity && !list_empty(&lru->idle))
		drop_idle(lru, list_first(&lru->idle, struct lru_entry, link));
}

void
lru_fini(struct lru *lru)
{
	while (!list_empty(&lru->idle))
		drop_idle(lru, list_first(&lru->idle, struct lru_entry, link));
	ASSERTF(lru->busy_nr == 0 && hash_count(&lru->hash) == 0, "lru: closed while entries are referenced");
	hash_fini(&lru->hash);
}

struct lru_entry *
lru_get(struct lru *lru, const void *key)
{
	struct hash_node *node = hash_find(&lru->hash, key);
	struct lru_entry *entry;

	if (node == NULL)
		return NULL;
	entry = container_of(node, struct lru_entry, node);
	if (entry->refs++ == 0) {
		list_remove(&entry->link);
		lru->busy_nr++;
	}
	return entry;
}

void
lru_insert(struct lru *lru, struct lru_entry *entry, const void *key)
{
	list_init(&entry->link);
	entry->refs = 1;
	entry->cached = true;
	lru->busy_nr++;
	hash_insert(&lru->hash, &entry->node, key);
	trim(lru);
}

void
lru_ref(struct lru *lru, struct lru_entry *entry)
{
	ASSERT(entry->refs > 0 && lru->busy_nr > 0);
	entry->refs++;
}

void
lru_put(struct lru *lru, struct lru_entry *entry)
{
	ASSERT(entry->refs > 0);
	if (--entry->refs > 0)
		return;
	lru->busy_nr--;
	if (!entry->cached) {
		lru->ops->free(entry, lru->arg);
		return;
	}
	list_append(&lru->idle, &entry->link);
	trim(lru);
}

void
lru_evict(struct lru *lru, struct lru_entry *entry)
{
	if (!entry->cached)
		return;
	if (entry->refs == 0) {
		drop_idle(lru, entry);
		return;
	}
	hash_remove(&lru->hash, &entry->node);
	entry->cached = false;
}

void
lru_evict_if(struct lru *lru, bool (*wanted)(const struct lru_entry *entry, void *arg), void *arg)
{
	struct list doomed = LIST_HEAD_INIT(doomed);
	struct hash_iter iter;
	struct hash_node *node;

	/* First everything leaves the cache, then it is freed: ops->free may change the cache, the walk may not see that. */
	hash_iter_init(&iter, &lru->hash);
	while ((node = hash_iter_next(&iter)) != NULL) {
		struct lru_entry *entry = container_of(node, struct lru_entry, node);

		if (wanted != NULL && !wanted(entry, arg))
			continue;
		hash_remove(&lru->hash, node);
		entry->cached = false;
		if (entry->refs == 0) {
			list_remove(&entry->link);
			list_append(&doomed, &entry->link);
		}
	}
	while (!list_empty(&doomed))
		lru->ops->free(list_pop(&doomed, struct lru_entry, link), lru->arg);
}

void
lru_set_capacity(struct lru *lru, size_t capacity)
{
	lru->capacity = capacity;
	trim(lru);
}
