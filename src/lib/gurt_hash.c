/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libgurt: hash tables of linked records.
 *
 *   ht_buckets[2^ht_bits] ── hb_head ── link ── link ── ...      a link is a member of its record
 *
 * Which lock: none (D_HASH_FT_NOLOCK), ht_lock (D_HASH_FT_GLOCK), or ht_locks[bucket]. A read lock suffices to find and
 * walk where nothing moves (not with D_HASH_FT_LRU).
 *
 *  I1  A record in the table is in the bucket of its key's hash.
 *  I2  The table holds one reference of each record in it, unless it is ephemeral: then it holds none, and who drops
 *      the last reference takes the record out under the lock before it is freed.
 *  I3  Records are freed without the lock of the table.
 *  I4  The link of a record that was taken out is an empty ring: d_hash_rec_unlinked().
 */
#include <gurt/common.h>
#include <gurt/hash.h>

#define BITS_MAX 31

/* ---- locks ------------------------------------------------------------------------------------------------------ */

static int
lock_init(uint32_t feats, union d_hash_lock *lock)
{
	if (feats & D_HASH_FT_MUTEX)
		return d_errno2der(pthread_mutex_init(&lock->mutex, NULL));
	if (feats & D_HASH_FT_RWLOCK)
		return d_errno2der(pthread_rwlock_init(&lock->rwlock, NULL));
	return d_errno2der(pthread_spin_init(&lock->spin, PTHREAD_PROCESS_PRIVATE));
}

static void
lock_fini(uint32_t feats, union d_hash_lock *lock)
{
	if (feats & D_HASH_FT_MUTEX)
		pthread_mutex_destroy(&lock->mutex);
	else if (feats & D_HASH_FT_RWLOCK)
		pthread_rwlock_destroy(&lock->rwlock);
	else
		pthread_spin_destroy(&lock->spin);
}

static union d_hash_lock *
lock_of(struct d_hash_table *table, uint32_t bucket)
{
	return table->ht_feats & D_HASH_FT_GLOCK ? &table->ht_lock : &table->ht_locks[bucket];
}

static void
lock(struct d_hash_table *table, uint32_t bucket, bool only_read)
{
	union d_hash_lock *l;

	if (table->ht_feats & D_HASH_FT_NOLOCK)
		return;
	l = lock_of(table, bucket);
	if (table->ht_feats & D_HASH_FT_MUTEX)
		D_MUTEX_LOCK(&l->mutex);
	else if (!(table->ht_feats & D_HASH_FT_RWLOCK))
		D_SPIN_LOCK(&l->spin);
	else if (only_read)
		D_RWLOCK_RDLOCK(&l->rwlock);
	else
		D_RWLOCK_WRLOCK(&l->rwlock);
}

static void
unlock(struct d_hash_table *table, uint32_t bucket)
{
	union d_hash_lock *l;

	if (table->ht_feats & D_HASH_FT_NOLOCK)
		return;
	l = lock_of(table, bucket);
	if (table->ht_feats & D_HASH_FT_MUTEX)
		D_MUTEX_UNLOCK(&l->mutex);
	else if (table->ht_feats & D_HASH_FT_RWLOCK)
		D_RWLOCK_UNLOCK(&l->rwlock);
	else
		D_SPIN_UNLOCK(&l->spin);
}

static bool
has_bucket_locks(const struct d_hash_table *table)
{
	return (table->ht_feats & (D_HASH_FT_NOLOCK | D_HASH_FT_GLOCK)) == 0;
}

/* ---- records ---------------------------------------------------------------------------------------------------- */

static uint32_t
buckets_nr(const struct d_hash_table *table)
{
	return 1U << table->ht_bits;
}

static uint32_t
bucket_of_hash(const struct d_hash_table *table, uint32_t hash)
{
	return hash & (buckets_nr(table) - 1);
}

static uint32_t
bucket_of_key(struct d_hash_table *table, const void *key, unsigned int ksize)
{
	if (table->ht_ops->hop_key_hash != NULL)
		return bucket_of_hash(table, table->ht_ops->hop_key_hash(table, key, ksize));
	return bucket_of_hash(table, d_hash_string_u32(key, ksize));
}

/** The bucket of a record, whose lock is needed; any number where buckets have no locks and it does not matter. */
static uint32_t
bucket_of_rec(struct d_hash_table *table, d_list_t *link)
{
	if (table->ht_ops->hop_rec_hash != NULL)
		return bucket_of_hash(table, table->ht_ops->hop_rec_hash(table, link));
	D_ASSERTF(!has_bucket_locks(table), "a table with locks for each bucket needs hop_rec_hash\n");
	return 0;
}

static void
rec_addref(struct d_hash_table *table, d_list_t *link)
{
	if (table->ht_ops->hop_rec_addref != NULL)
		table->ht_ops->hop_rec_addref(table, link);
}

static bool
rec_decref(struct d_hash_table *table, d_list_t *link)
{
	return table->ht_ops->hop_rec_decref != NULL && table->ht_ops->hop_rec_decref(table, link);
}

static void
rec_free(struct d_hash_table *table, d_list_t *link)
{
	if (table->ht_ops->hop_rec_free != NULL)
		table->ht_ops->hop_rec_free(table, link);
}

static void
rec_insert(struct d_hash_table *table, uint32_t bucket, d_list_t *link)
{
	d_list_add(link, &table->ht_buckets[bucket].hb_head);
	if (!(table->ht_feats & D_HASH_FT_EPHEMERAL))
		rec_addref(table, link);
}

/** Takes a record out; whether it is to be freed. */
static bool
rec_remove(struct d_hash_table *table, d_list_t *link)
{
	d_list_del_init(link);
	return !(table->ht_feats & D_HASH_FT_EPHEMERAL) && rec_decref(table, link);
}

static d_list_t *
rec_find(struct d_hash_table *table, uint32_t bucket, const void *key, unsigned int ksize)
{
	d_list_t *head = &table->ht_buckets[bucket].hb_head, *link;

	d_list_for_each(link, head) {
		if (table->ht_ops->hop_key_cmp(table, link, key, ksize))
			return link;
	}
	return NULL;
}

/** What a find does with what it found. */
static void
rec_found(struct d_hash_table *table, uint32_t bucket, d_list_t *link)
{
	rec_addref(table, link);
	if (table->ht_feats & D_HASH_FT_LRU)
		d_list_move(link, &table->ht_buckets[bucket].hb_head);
}

/* ---- calls with keys -------------------------------------------------------------------------------------------- */

d_list_t *
d_hash_rec_find(struct d_hash_table *htable, const void *key, unsigned int ksize)
{
	uint32_t bucket = bucket_of_key(htable, key, ksize);
	d_list_t *link;

	lock(htable, bucket, !(htable->ht_feats & D_HASH_FT_LRU));
	link = rec_find(htable, bucket, key, ksize);
	if (link != NULL)
		rec_found(htable, bucket, link);
	unlock(htable, bucket);
	return link;
}

d_list_t *
d_hash_rec_find_insert(struct d_hash_table *htable, const void *key, unsigned int ksize, d_list_t *link)
{
	uint32_t bucket = bucket_of_key(htable, key, ksize);
	d_list_t *found;

	lock(htable, bucket, false);
	found = rec_find(htable, bucket, key, ksize);
	if (found != NULL)
		rec_found(htable, bucket, found);
	else
		rec_insert(htable, bucket, link);
	unlock(htable, bucket);
	return found != NULL ? found : link;
}

int
d_hash_rec_insert(struct d_hash_table *htable, const void *key, unsigned int ksize, d_list_t *link, bool exclusive)
{
	uint32_t bucket;
	int rc = 0;

	if (ksize == 0 || key == NULL)
		return -DER_INVAL;
	bucket = bucket_of_key(htable, key, ksize);
	lock(htable, bucket, false);
	if (exclusive && rec_find(htable, bucket, key, ksize) != NULL)
		rc = -DER_EXIST;
	else
		rec_insert(htable, bucket, link);
	unlock(htable, bucket);
	return rc;
}

int
d_hash_rec_insert_anonym(struct d_hash_table *htable, d_list_t *link, void *arg)
{
	d_hash_table_ops_t *ops = htable->ht_ops;
	uint32_t bucket;

	if (ops->hop_key_init == NULL || ops->hop_rec_hash == NULL)
		return -DER_INVAL;
	/* Where the key comes from is guarded by one lock of the table: that of its first bucket, or the only one. */
	if (!(htable->ht_feats & D_HASH_FT_NO_KEYINIT_LOCK)) {
		lock(htable, 0, false);
		ops->hop_key_init(htable, link, arg);
		unlock(htable, 0);
	} else {
		ops->hop_key_init(htable, link, arg);
	}
	bucket = bucket_of_rec(htable, link);
	lock(htable, bucket, false);
	rec_insert(htable, bucket, link);
	unlock(htable, bucket);
	return 0;
}

bool
d_hash_rec_delete(struct d_hash_table *htable, const void *key, unsigned int ksize)
{
	uint32_t bucket = bucket_of_key(htable, key, ksize);
	bool zombie = false;
	d_list_t *link;

	lock(htable, bucket, false);
	link = rec_find(htable, bucket, key, ksize);
	if (link != NULL)
		zombie = rec_remove(htable, link);
	unlock(htable, bucket);
	if (zombie)
		rec_free(htable, link);
	return link != NULL;
}

bool
d_hash_rec_evict(struct d_hash_table *htable, const void *key, unsigned int ksize)
{
	uint32_t bucket;
	d_list_t *link;

	if (!(htable->ht_feats & D_HASH_FT_LRU))
		return false;
	bucket = bucket_of_key(htable, key, ksize);
	lock(htable, bucket, false);
	link = rec_find(htable, bucket, key, ksize);
	if (link != NULL)
		d_list_move_tail(link, &htable->ht_buckets[bucket].hb_head);
	unlock(htable, bucket);
	return link != NULL;
}

/* ---- calls with records ----------------------------------------------------------------------------------------- */

bool
d_hash_rec_unlinked(d_list_t *link)
{
	return d_list_empty(link);
}

bool
d_hash_rec_delete_at(struct d_hash_table *htable, d_list_t *link)
{
	uint32_t bucket = bucket_of_rec(htable, link);
	bool deleted = false, zombie = false;

	lock(htable, bucket, false);
	if (!d_list_empty(link)) {
		zombie = rec_remove(htable, link);
		deleted = true;
	}
	unlock(htable, bucket);
	if (zombie)
		rec_free(htable, link);
	return deleted;
}

bool
d_hash_rec_evict_at(struct d_hash_table *htable, d_list_t *link)
{
	uint32_t bucket;
	bool evicted;

	if (!(htable->ht_feats & D_HASH_FT_LRU) || htable->ht_ops->hop_rec_hash == NULL)
		return false;
	bucket = bucket_of_rec(htable, link);
	lock(htable, bucket, false);
	evicted = !d_list_empty(link);
	if (evicted)
		d_list_move_tail(link, &htable->ht_buckets[bucket].hb_head);
	unlock(htable, bucket);
	return evicted;
}

void
d_hash_rec_addref(struct d_hash_table *htable, d_list_t *link)
{
	uint32_t bucket = bucket_of_rec(htable, link);

	lock(htable, bucket, true);
	rec_addref(htable, link);
	unlock(htable, bucket);
}

/** I2: whoever drops the last reference takes the record out. */
static void
rec_dropped(struct d_hash_table *table, d_list_t *link, bool zombie)
{
	if (!zombie || d_list_empty(link))
		return;
	D_ASSERTF(table->ht_feats & D_HASH_FT_EPHEMERAL, "the last reference was dropped, but the table holds one\n");
	d_list_del_init(link);
}

void
d_hash_rec_decref(struct d_hash_table *htable, d_list_t *link)
{
	uint32_t bucket = bucket_of_rec(htable, link);
	bool zombie;

	lock(htable, bucket, !(htable->ht_feats & D_HASH_FT_EPHEMERAL));
	zombie = rec_decref(htable, link);
	rec_dropped(htable, link, zombie);
	unlock(htable, bucket);
	if (zombie)
		rec_free(htable, link);
}

int
d_hash_rec_ndecref(struct d_hash_table *htable, int count, d_list_t *link)
{
	uint32_t bucket = bucket_of_rec(htable, link);
	int rc = 0;

	lock(htable, bucket, !(htable->ht_feats & D_HASH_FT_EPHEMERAL));
	if (htable->ht_ops->hop_rec_ndecref != NULL) {
		rc = htable->ht_ops->hop_rec_ndecref(htable, link, count);
	} else {
		for (; count > 0; count--) {
			rc = rec_decref(htable, link);
			if (rc != 0)
				break;
		}
		if (count > 1)
			rc = -DER_INVAL;
	}
	rec_dropped(htable, link, rc == 1);
	unlock(htable, bucket);
	if (rc == 1)
		rec_free(htable, link);
	return rc < 0 ? rc : 0;
}

/* ---- the whole table -------------------------------------------------------------------------------------------- */

d_list_t *
d_hash_rec_first(struct d_hash_table *htable)
{
	d_list_t *first = NULL, *head;
	uint32_t i;

	for (i = 0; i < buckets_nr(htable) && first == NULL; i++) {
		head = &htable->ht_buckets[i].hb_head;
		lock(htable, i, true);
		if (!d_list_empty(head))
			first = head->next;
		unlock(htable, i);
	}
	return first;
}

int
d_hash_table_traverse(struct d_hash_table *htable, d_hash_traverse_cb_t cb, void *arg)
{
	d_list_t *link;
	uint32_t i;
	int rc = 0;

	if (cb == NULL)
		return -DER_INVAL;
	for (i = 0; i < buckets_nr(htable) && rc == 0; i++) {
		lock(htable, i, true);
		d_list_for_each(link, &htable->ht_buckets[i].hb_head) {
			rc = cb(link, arg);
			if (rc != 0)
				break;
		}
		unlock(htable, i);
	}
	return rc;
}

void
d_hash_table_debug(struct d_hash_table *htable)
{
	uint32_t i, nr = 0, longest = 0;

	for (i = 0; i < buckets_nr(htable); i++) {
		d_list_t *head = &htable->ht_buckets[i].hb_head, *link;
		uint32_t len = 0;

		lock(htable, i, true);
		d_list_for_each(link, head) {
			D_ASSERTF(link->next->prev == link && link->prev->next == link, "bucket %u is torn\n", i);
			if (htable->ht_ops->hop_rec_hash != NULL)
				D_ASSERTF(bucket_of_rec(htable, link) == i, "a record is in bucket %u by mistake\n", i);
			len++;
		}
		unlock(htable, i);
		nr += len;
		longest = MAX(longest, len);
	}
	D_DEBUG(DB_TRACE, "%u records in %u buckets, at most %u in one\n", nr, buckets_nr(htable), longest);
}

/* ---- life ------------------------------------------------------------------------------------------------------- */

static void
locks_fini(struct d_hash_table *table, uint32_t nr)
{
	if (table->ht_locks == NULL)
		return;
	while (nr-- > 0)
		lock_fini(table->ht_feats, &table->ht_locks[nr]);
	d_free(table->ht_locks);
	table->ht_locks = NULL;
}

static int
locks_init(struct d_hash_table *table)
{
	uint32_t i;
	int rc;

	if (table->ht_feats & D_HASH_FT_NOLOCK)
		return 0;
	if (table->ht_feats & D_HASH_FT_GLOCK)
		return lock_init(table->ht_feats, &table->ht_lock);
	table->ht_locks = d_calloc(buckets_nr(table), sizeof(*table->ht_locks));
	if (table->ht_locks == NULL)
		return -DER_NOMEM;
	for (i = 0; i < buckets_nr(table); i++) {
		rc = lock_init(table->ht_feats, &table->ht_locks[i]);
		if (rc != 0) {
			locks_fini(table, i);
			return rc;
		}
	}
	return 0;
}

int
d_hash_table_create_inplace(uint32_t feats, uint32_t bits, void *priv, d_hash_table_ops_t *hops,
			    struct d_hash_table *htable)
{
	uint32_t i;
	int rc;

	if (hops == NULL || hops->hop_key_cmp == NULL || htable == NULL || bits > BITS_MAX)
		return -DER_INVAL;
	memset(htable, 0, sizeof(*htable));
	htable->ht_feats = feats;
	htable->ht_bits = bits;
	htable->ht_ops = hops;
	htable->ht_priv = priv;
	htable->ht_buckets = d_calloc(buckets_nr(htable), sizeof(*htable->ht_buckets));
	if (htable->ht_buckets == NULL)
		return -DER_NOMEM;
	for (i = 0; i < buckets_nr(htable); i++)
		D_INIT_LIST_HEAD(&htable->ht_buckets[i].hb_head);
	rc = locks_init(htable);
	if (rc != 0) {
		d_free(htable->ht_buckets);
		htable->ht_buckets = NULL;
	}
	return rc;
}

int
d_hash_table_create(uint32_t feats, uint32_t bits, void *priv, d_hash_table_ops_t *hops,
		    struct d_hash_table **htable_pp)
{
	struct d_hash_table *table;
	int rc;

	if (htable_pp == NULL)
		return -DER_INVAL;
	table = d_calloc(1, sizeof(*table));
	if (table == NULL)
		return -DER_NOMEM;
	rc = d_hash_table_create_inplace(feats, bits, priv, hops, table);
	if (rc != 0) {
		d_free(table);
		return rc;
	}
	*htable_pp = table;
	return 0;
}

int
d_hash_table_destroy_inplace(struct d_hash_table *htable, bool force)
{
	uint32_t i;

	for (i = 0; i < buckets_nr(htable); i++) {
		d_list_t *head = &htable->ht_buckets[i].hb_head;

		while (!d_list_empty(head)) {
			if (!force)
				return -DER_BUSY;
			d_hash_rec_delete_at(htable, head->next);
		}
	}
	if (htable->ht_feats & D_HASH_FT_GLOCK && !(htable->ht_feats & D_HASH_FT_NOLOCK))
		lock_fini(htable->ht_feats, &htable->ht_lock);
	locks_fini(htable, buckets_nr(htable));
	d_free(htable->ht_buckets);
	memset(htable, 0, sizeof(*htable));
	return 0;
}

int
d_hash_table_destroy(struct d_hash_table *htable, bool force)
{
	int rc = d_hash_table_destroy_inplace(htable, force);

	if (rc == 0)
		d_free(htable);
	return rc;
}
