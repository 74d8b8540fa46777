/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hash tables whose links are members of the records: d_hash_table for any keys, d_hhash for 64-bit handle cookies,
 * d_uhash for UUIDs. The table counts no references itself: the record does, through the table's operations.
 */
#ifndef GURT_HASH_H
#define GURT_HASH_H

#include <pthread.h>
#include <gurt/atomic.h>
#include <gurt/list.h>
#include <gurt/types.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

#define D_HASH_DEBUG 0

/** Bits of a handle table. */
#define D_HHASH_BITS 16
/** Bits of a cookie that hold its type. */
#define D_HTYPE_BITS 4
#define D_HTYPE_MASK ((1ULL << D_HTYPE_BITS) - 1)

struct d_hash_table;

/** What a table calls for its records. */
typedef struct {
	/** Whether the record has this key. Needed for all calls with keys. */
	bool (*hop_key_cmp)(struct d_hash_table *htable, d_list_t *link, const void *key, unsigned int ksize);
	/** Gives a record a new key. Needed for d_hash_rec_insert_anonym(). */
	void (*hop_key_init)(struct d_hash_table *htable, d_list_t *link, void *arg);
	/** Hash of a key; NULL: a hash of its bytes. */
	uint32_t (*hop_key_hash)(struct d_hash_table *htable, const void *key, unsigned int ksize);
	/** Hash of a record's key. Needed for deletion by link and with own locks. */
	uint32_t (*hop_rec_hash)(struct d_hash_table *htable, d_list_t *link);
	/** Takes a reference to a record; NULL: records are not counted. */
	void (*hop_rec_addref)(struct d_hash_table *htable, d_list_t *link);
	/** Drops a reference; true: it was the last, hop_rec_free follows. */
	bool (*hop_rec_decref)(struct d_hash_table *htable, d_list_t *link);
	/** Drops count references; 1: the last is gone, 0: not, or a negative error. */
	int (*hop_rec_ndecref)(struct d_hash_table *htable, d_list_t *link, int count);
	/** Frees a record. */
	void (*hop_rec_free)(struct d_hash_table *htable, d_list_t *link);
} d_hash_table_ops_t;

union d_hash_lock {
	pthread_spinlock_t spin;
	pthread_mutex_t mutex;
	pthread_rwlock_t rwlock;
};

struct d_hash_bucket {
	d_list_t hb_head;
};

/** How a table behaves. */
enum d_hash_feats {
	D_HASH_FT_NOLOCK = (1 << 0),          /**< the caller locks */
	D_HASH_FT_MUTEX = (1 << 1),           /**< mutexes; without this and the next: spin locks */
	D_HASH_FT_RWLOCK = (1 << 2),          /**< read-write locks */
	D_HASH_FT_EPHEMERAL = (1 << 3),       /**< the table holds no reference: the last one elsewhere removes */
	D_HASH_FT_LRU = (1 << 4),             /**< a bucket keeps what was found last in front */
	D_HASH_FT_NO_KEYINIT_LOCK = (1 << 5), /**< hop_key_init is called without a lock */
	D_HASH_FT_GLOCK = (1 << 15),          /**< one lock for the table, not one for each bucket */
};

struct d_hash_table {
	union d_hash_lock ht_lock; /**< lock of the table */
	uint32_t ht_bits;          /**< 2 to this power buckets */
	uint32_t ht_feats;         /**< enum d_hash_feats */
	void *ht_priv;             /**< what the creator gave */
	d_hash_table_ops_t *ht_ops;
	struct d_hash_bucket *ht_buckets;
	union d_hash_lock *ht_locks; /**< a lock for each bucket */
};

/** Called for a record; not 0 ends the walk with that value. */
typedef int (*d_hash_traverse_cb_t)(d_list_t *link, void *arg);

/**
 * Creates a table.
 *
 * \param[in]	feats	enum d_hash_feats bits
 * \param[in]	bits	2 to this power buckets
 * \param[in]	priv	for the operations
 * \param[in]	hops	operations, which outlive the table
 * \param[out]	htable_pp	table, destroyed with d_hash_table_destroy()
 * \return		0; -DER_INVAL; -DER_NOMEM
 */
int d_hash_table_create(uint32_t feats, uint32_t bits, void *priv, d_hash_table_ops_t *hops,
			struct d_hash_table **htable_pp);

/** The same for a table in memory of the caller, destroyed with d_hash_table_destroy_inplace(). */
int d_hash_table_create_inplace(uint32_t feats, uint32_t bits, void *priv, d_hash_table_ops_t *hops,
				struct d_hash_table *htable);

/** Calls cb for all records; cb may not change the table. 0 or what ended the walk. */
int d_hash_table_traverse(struct d_hash_table *htable, d_hash_traverse_cb_t cb, void *arg);

/** Destroys a table. 0; -DER_BUSY: it has records and force is false. force: all are removed first. */
int d_hash_table_destroy(struct d_hash_table *htable, bool force);
int d_hash_table_destroy_inplace(struct d_hash_table *htable, bool force);

/** The record with a key, with a reference for the caller; NULL: none. */
d_list_t *d_hash_rec_find(struct d_hash_table *htable, const void *key, unsigned int ksize);

/** The record with a key as d_hash_rec_find(), or link after it was inserted. */
d_list_t *d_hash_rec_find_insert(struct d_hash_table *htable, const void *key, unsigned int ksize, d_list_t *link);

/** Inserts a record. 0; -DER_EXIST: exclusive and there is one with that key; -DER_INVAL. */
int d_hash_rec_insert(struct d_hash_table *htable, const void *key, unsigned int ksize, d_list_t *link, bool exclusive);

/** Inserts a record with a key that hop_key_init gives it. 0; -DER_INVAL: no such operation. */
int d_hash_rec_insert_anonym(struct d_hash_table *htable, d_list_t *link, void *arg);

/** Removes the record with a key. Whether there was one. */
bool d_hash_rec_delete(struct d_hash_table *htable, const void *key, unsigned int ksize);

/** Removes a record. Whether it was in the table. */
bool d_hash_rec_delete_at(struct d_hash_table *htable, d_list_t *link);

/** In a table with D_HASH_FT_LRU: makes the record the first to go. Whether it is in the table. */
bool d_hash_rec_evict(struct d_hash_table *htable, const void *key, unsigned int ksize);
bool d_hash_rec_evict_at(struct d_hash_table *htable, d_list_t *link);

/** Takes a reference. */
void d_hash_rec_addref(struct d_hash_table *htable, d_list_t *link);

/** Drops a reference; the last one frees the record (and, in an ephemeral table, removes it first). */
void d_hash_rec_decref(struct d_hash_table *htable, d_list_t *link);

/** Drops count references. 0 or a negative error. */
int d_hash_rec_ndecref(struct d_hash_table *htable, int count, d_list_t *link);

/** Whether a record is in no table. */
bool d_hash_rec_unlinked(d_list_t *link);

/** Some record of the table, without a reference; NULL: it is empty. */
d_list_t *d_hash_rec_first(struct d_hash_table *htable);

/** Checks the shape of a table: aborts when it is damaged. */
void d_hash_table_debug(struct d_hash_table *htable);

/* ---- handles ------------------------------------------------------------------------------------------------- */

/** Types of cookies. */
enum {
	D_HTYPE_PTR = 0, /**< the cookie is a pointer; must be even */
};

struct d_hlink;

struct d_hlink_ops {
	/** Frees the record of a link whose last reference is gone; may be NULL. */
	void (*hop_free)(struct d_hlink *hlink);
};

/** A link with a reference count. */
struct d_rlink {
	d_list_t rl_link;
	ATOMIC uint32_t rl_ref;
	uint32_t rl_initialized : 1;
};

/** The link of a record in a handle table. */
struct d_hlink {
	struct d_rlink hl_link;
	uint64_t hl_key;
	struct d_hlink_ops *hl_ops;
};

struct d_hhash;

typedef int (*d_hhash_traverse_cb_t)(struct d_hlink *hlink, void *arg);

/** Creates a handle table. 0; -DER_INVAL; -DER_NOMEM. */
int d_hhash_create(uint32_t feats, uint32_t bits, struct d_hhash **hhash);
void d_hhash_destroy(struct d_hhash *hhash);

/** Makes a link ready, with one reference for the caller. */
void d_hhash_hlink_init(struct d_hlink *hlink, struct d_hlink_ops *hl_ops);

/** Inserts a link and gives it a cookie of a type, 0 .. D_HTYPE_MASK. The table holds a reference. */
void d_hhash_link_insert(struct d_hhash *hhash, struct d_hlink *hlink, int type);

/** The link with a cookie, with a reference for the caller; NULL: none. */
struct d_hlink *d_hhash_link_lookup(struct d_hhash *hhash, uint64_t key);
void d_hhash_link_getref(struct d_hhash *hhash, struct d_hlink *hlink);
void d_hhash_link_putref(struct d_hhash *hhash, struct d_hlink *hlink);

/** Removes a link from the table. Whether it was there. */
bool d_hhash_link_delete(struct d_hhash *hhash, struct d_hlink *hlink);

/** Whether a link is in no table. */
bool d_hhash_link_empty(struct d_hlink *hlink);

/** The cookie of a link. */
void d_hhash_link_key(struct d_hlink *hlink, uint64_t *key);

/** The type of a cookie. */
int d_hhash_key_type(uint64_t key);

/** Whether a cookie is a pointer. */
bool d_hhash_key_isptr(uint64_t key);

/** Makes cookies of type D_HTYPE_PTR pointers; only while the table is empty. 0; -DER_ALREADY: it is not. */
int d_hhash_set_ptrtype(struct d_hhash *hhash);
bool d_hhash_is_ptrtype(struct d_hhash *hhash);

/** Calls cb for all links of a type. 0 or what ended the walk. */
int d_hhash_traverse(struct d_hhash *hhash, int type, d_hhash_traverse_cb_t cb, void *arg);

/* ---- UUIDs --------------------------------------------------------------------------------------------------- */

struct d_ulink;

struct d_ulink_ops {
	/** Frees the record of a link whose last reference is gone; may be NULL. */
	void (*uop_free)(struct d_ulink *ulink);
	/** Tells records with equal UUIDs apart; NULL: there are none. */
	bool (*uop_cmp)(struct d_ulink *ulink, void *cmp_args);
};

/** The link of a record in a UUID table. */
struct d_ulink {
	struct d_rlink ul_link;
	struct d_uuid ul_uuid;
	struct d_ulink_ops *ul_ops;
};

/** Creates a UUID table. 0; -DER_INVAL; -DER_NOMEM. */
int d_uhash_create(uint32_t feats, uint32_t bits, struct d_hash_table **htable);
void d_uhash_destroy(struct d_hash_table *htable);

/** Makes a link ready, with one reference for the caller. */
void d_uhash_ulink_init(struct d_ulink *ulink, struct d_ulink_ops *ul_ops);
bool d_uhash_link_empty(struct d_ulink *ulink);

/** Whether there is only one reference left. */
bool d_uhash_link_last_ref(struct d_ulink *ulink);
void d_uhash_link_addref(struct d_hash_table *htable, struct d_ulink *ulink);
void d_uhash_link_putref(struct d_hash_table *htable, struct d_ulink *ulink);
void d_uhash_link_delete(struct d_hash_table *htable, struct d_ulink *ulink);

/** Inserts a link. 0; -DER_EXIST. */
int d_uhash_link_insert(struct d_hash_table *htable, struct d_uuid *key, void *cmp_args, struct d_ulink *ulink);

/** The link with a UUID, with a reference for the caller; NULL: none. */
struct d_ulink *d_uhash_link_lookup(struct d_hash_table *htable, struct d_uuid *key, void *cmp_args);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
