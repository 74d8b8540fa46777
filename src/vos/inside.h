/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vos/inside: what the files of the room share.
 *
 *	xs.c       a stream's part: tree classes, open pools, object cache
 *	pool.c     pools: create, open, close, the root record
 *	cont.c     containers
 *	stamp.c    volatile tables: read timestamps, last LSNs
 *	scratch.c  memory of one operation
 *	key.c      tree classes, keys: how they are found and made
 *	look.c     what exists when: incarnation logs, transactions in the way
 *	value.c    versions: stored, replaced, dropped
 *	op.c       begun writes: checking, space, descriptor
 *	apply.c    ops become one transaction
 *	put.c      one update or punch inside that transaction
 *	dtx.c      tables of transactions
 *	settle.c   a prepared transaction is committed or undone in the trees
 *	read.c     fetch
 *	list.c     enumeration
 *	query.c    key queries
 *	gc.c       destroyed containers
 *	check.c    the checker
 */
#ifndef VOS_INSIDE_H
#define VOS_INSIDE_H

#include <daos_types.h>
#include <daos_obj.h>
#include "base/base.h"
#include "base/hash.h"
#include "base/hash64.h"
#include "base/list.h"
#include "bio/bio.h"
#include "btree/btree.h"
#include "env/env.h"
#include "evtree/evtree.h"
#include "ilog/ilog.h"
#include "ult/ult.h"
#include "umem/umem.h"
#include "vea/vea.h"
#include "vos.h"
#include "vos_format.h"

#define VOS_KEY_MAX 32768U          /* bytes of a key */
#define VOS_LEXICAL_MAX 96U         /* bytes of a lexical key: an anchor holds it */
#define VOS_IODS_MAX 4096U          /* akeys of one op */
#define VOS_OPS_MAX 65535U          /* ops of one transaction: minor epochs */
#define VOS_OP_BYTES_MAX (1ULL << 30)
#define VOS_DTX_BLOB_MAX 8192U
#define VOS_MINOR_MAX UINT16_MAX

/* ---- scratch: what one operation allocates ----------------------------------------------------------------------- */
struct scratch {
	char *next;
	struct arena arena;
	char here[1024] __attribute__((aligned(16)));
};
void vos__scratch_init(struct scratch *scratch, struct mem *mem);
/** Zeroed, 16-byte aligned; NULL without memory. */
void *vos__scratch_alloc(struct scratch *scratch, size_t size);
void *vos__scratch_array(struct scratch *scratch, size_t nr, size_t size);
void *vos__scratch_dup(struct scratch *scratch, const void *data, size_t size);
void vos__scratch_fini(struct scratch *scratch);

/* ---- volatile tables (stamp.c) ----------------------------------------------------------------------------------- */
#define STAMP_WAYS 4
#define STAMP_SETS 8192U

/** Who read what when: the newest read, who made it, and the newest by anybody else. */
struct stamp_entry {
	uint64_t tag; /* hash of what was read; 0: free */
	uint64_t epoch;
	uint64_t reader; /* hash of the transaction id; 0: nobody's */
	uint64_t other;  /* newest epoch of readers that are not `reader` */
};
struct stamp_set {
	struct stamp_entry way[STAMP_WAYS];
	uint64_t low; /* newest read of any entry that was pushed out of this set */
};
struct stamps {
	struct mem *mem;
	struct stamp_set *sets;
	uint64_t first_epoch;
};
/** What was read, or relied upon: kinds of entries. */
enum stamp_kind {
	STAMP_CONT_ALL,   /* which objects exist */
	STAMP_OBJECT_SUB, /* something below the object: a punch of the object would change it */
	STAMP_OBJECT_ALL, /* which dkeys exist: any write would */
	STAMP_DKEY_SUB,
	STAMP_DKEY_ALL,
	STAMP_AKEY,       /* a value: a write of this akey would */
};
int vos__stamps_init(struct stamps *stamps, struct mem *mem, uint64_t first_epoch);
void vos__stamps_fini(struct stamps *stamps);
/** reader: vos__reader() of the transaction, 0 for none. */
void vos__stamp(struct stamps *stamps, enum stamp_kind kind, uint64_t hash, uint64_t epoch, uint64_t reader);
/** Newest epoch at which anybody but reader read it (or may have). */
uint64_t vos__stamp_of(const struct stamps *stamps, enum stamp_kind kind, uint64_t hash, uint64_t reader);
uint64_t vos__reader(const struct vos_dtx_id *id);
/** It will be wanted soon. */
void vos__stamp_prefetch(const struct stamps *stamps, enum stamp_kind kind, uint64_t hash);

#define LSN_DKEYS 16384U
#define LSN_OBJECTS 4096U
#define LSN_CONTS 256U
/** The last LSN that changed something, by hash: too high an answer makes a reply wait longer, nothing else. */
struct lsn_tables {
	uint64_t dkey[LSN_DKEYS];
	uint64_t object[LSN_OBJECTS];
	uint64_t punch[LSN_OBJECTS]; /* of whole objects */
	uint64_t cont[LSN_CONTS];
	uint64_t pool;               /* the tree of containers */
};

/* ---- stream, pool, container ------------------------------------------------------------------------------------- */
#define CACHE_WAYS 4
struct cache_slot {
	uint64_t cont; /* struct vos_cont.seq; 0: free */
	uint64_t hi, lo;
	uint32_t shard;
	uint32_t used; /* clock of the last use */
	umem_off_t off;
};

struct vos_xs {
	struct env *env;
	struct mem *mem;
	struct log *log;
	struct xs *xs;
	struct bio *bio;
	bool own_bio;
	uint32_t tgt;
	uint64_t heap_budget, heap_granted;
	uint64_t retention;          /* in units of the hybrid clock */
	struct btree_registry registry;
	struct stamps stamps;
	struct ult_mutex pools_lock; /* opening, closing, creating, destroying pools */
	struct hash pools;
	struct cache_slot *cache;
	uint32_t cache_sets, cache_clock;
	bool cache_missed;           /* the last look-up of an object went to the tree */
	uint64_t cont_seq;
	struct list idle_ops, idle_reads;
	uint32_t idle_op_nr, idle_read_nr;
};

struct vos_pool {
	struct hash_node node;
	uuid_t uuid;
	struct vos_xs *vx;
	uint32_t refs;
	bool ram;
	uint64_t granted;
	struct umem *heap;
	struct bio_blob *meta, *wal, *data;
	struct vea *vea; /* NULL: no data blob */
	uint32_t threshold;
	uint64_t heap_value_max; /* bytes of the largest piece of a value in the heap */
	uint64_t held;           /* bytes of heap promised to begun ops */
	uint64_t done_max;       /* stored answers of a container */
	uint64_t conts_nr;
	bool garbage;
	struct ult_mutex conts_lock;
	struct hash conts;
	struct lsn_tables *lsn;
};

struct vos_cont {
	struct hash_node node;
	uuid_t uuid;
	struct vos_pool *pool;
	uint32_t refs;
	umem_off_t off;
	uint64_t seq;  /* unique in the stream: names the container in the object cache */
	uint64_t hash; /* of the uuid: names it in the tables */
	struct hash dtx_by_id, dtx_by_local;
	struct list dtx_list; /* by hlc, oldest first */
	uint32_t dtx_nr;
	uint32_t dtx_local;   /* last local id given out */
	uint64_t dtx_lsn;     /* last change of the tables */
	struct ult_cond dtx_settled;
};

/** A prepared transaction, or one that is being settled, in DRAM. */
struct dtx {
	struct hash_node by_id, by_local;
	struct list link;
	struct vos_dtx_id id;
	uint64_t epoch;
	umem_off_t off;
	uint8_t *touch;     /* what it touched: a copy of what the record says */
	uint32_t touch_len;
	uint32_t local;
	uint16_t state;     /* enum vos_dtx_rec_state */
	bool busy;          /* a ULT settles it */
};

/* xs.c */
umem_off_t vos__cache_get(struct vos_cont *cont, const daos_obj_id_t *oid, uint32_t shard);
void vos__cache_put(struct vos_cont *cont, const daos_obj_id_t *oid, uint32_t shard, umem_off_t off);
void vos__cache_drop(struct vos_cont *cont, const daos_obj_id_t *oid, uint32_t shard);
/** Logs corruption found at off of a pool's heap; returns -DER_DF_INVAL. */
int vos__corrupt(const struct vos_pool *pool, umem_off_t off, const char *what);

/**
 * Whether need bytes at off, a place that was read from the heap, lie in one allocation: hostile places do not. Within
 * a body.
 */
static inline bool
vos__sound(struct umem *heap, umem_off_t off, uint64_t need)
{
	return off != UMEM_NULL && off % 16 == 0 && need <= umem_usable(heap, off) &&
	       (off % UMEM_SEGMENT == 0 || off % UMEM_SEGMENT + need <= UMEM_SEGMENT);
}

/* pool.c */
/** Closes and forgets it. YIELDS */
void vos__pool_drop(struct vos_pool *pool);
static inline struct vos_root *
vos__root(struct vos_pool *pool)
{
	return umem_at(pool->heap, umem_root(pool->heap));
}

static inline struct btree
vos__tree(struct vos_pool *pool, umem_off_t root)
{
	return (struct btree){.heap = pool->heap, .registry = &pool->vx->registry, .root = root, .log = pool->vx->log};
}

/* ---- keys (key.c) ------------------------------------------------------------------------------------------------ */
int vos__classes_register(struct btree_registry *registry);
uint32_t vos__dkey_class(const daos_obj_id_t *oid);
uint32_t vos__akey_class(const daos_obj_id_t *oid);
/** 0, -DER_INVAL (empty; an integer key of other than 8 bytes), -DER_KEY2BIG. */
int vos__key_check(uint32_t cls, const daos_key_t *key);
static inline void
vos__put_be64(uint8_t *at, uint64_t value)
{
	value = __builtin_bswap64(value);
	memcpy(at, &value, sizeof(value));
}

static inline uint64_t
vos__get_be64(const uint8_t *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof(value));
	return __builtin_bswap64(value);
}

void vos__object_key(const daos_obj_id_t *oid, uint32_t shard, uint8_t key[VOS_OBJECT_KEY]);
void vos__single_key(uint64_t epoch, uint16_t minor, uint8_t key[VOS_SINGLE_KEY]);

/** Within a body: offset of the object's record. -DER_NONEXIST. */
int vos__object_find(struct vos_cont *cont, const daos_obj_id_t *oid, uint32_t shard, umem_off_t *off);
int vos__object_make(struct vos_cont *cont, const daos_obj_id_t *oid, uint32_t shard, umem_off_t *off);
/** Whether a record under a key is one, key included. -DER_DF_INVAL. */
int vos__record_check(struct vos_pool *pool, umem_off_t off);
/** Offset of what lies under a key of the tree at root; a sound record. */
int vos__key_find(struct vos_pool *pool, umem_off_t root, const daos_key_t *key, umem_off_t *off);
/** A new, empty dkey or akey record, inserted into the tree at root. */
/** A new, empty record that is in no tree yet. */
int vos__dkey_new(struct vos_pool *pool, const daos_key_t *dkey, uint32_t akey_cls, umem_off_t *off);
int vos__dkey_make(struct vos_pool *pool, umem_off_t root, const daos_key_t *dkey, uint32_t akey_cls, umem_off_t *off);
int vos__akey_make(struct vos_pool *pool, umem_off_t root, const daos_key_t *akey, umem_off_t *off);
/** Key bytes of a flat, dkey or akey record; their length is head.key_len. NULL: corrupt. */
const void *vos__key_bytes(const struct vos_key_head *head);
int vos__key_insert(struct vos_pool *pool, umem_off_t root, const daos_key_t *key, umem_off_t off);
int vos__key_remove(struct vos_pool *pool, umem_off_t root, const daos_key_t *key);

static inline struct vos_key_head *
vos__head(struct vos_pool *pool, umem_off_t off)
{
	return umem_at(pool->heap, off);
}

static inline bool
vos__is_flat(const struct vos_key_head *head)
{
	return head->kind == VOS_KIND_FLAT_SINGLE || head->kind == VOS_KIND_FLAT_ARRAY;
}

/* ---- what exists when (look.c) ----------------------------------------------------------------------------------- */
/** A moment in the life of a key: what lies at or before it is hidden. */
struct floor {
	uint64_t epoch;
	uint16_t minor;
};

static inline bool
vos__above(uint64_t epoch, uint16_t minor, struct floor floor)
{
	return epoch > floor.epoch || (epoch == floor.epoch && minor > floor.minor);
}

/** Who looks, and from when. */
struct look {
	struct vos_cont *cont;
	uint64_t epoch;
	uint64_t bound;              /* > epoch: what happened in between is uncertain */
	uint32_t local;              /* own transaction's local id: its changes are seen; 0 none */
	uint16_t minor;
	struct vos_conflict *conflict;
};

/** A reader's. Inside the body, since transactions come and go. */
struct look vos__look_of(struct vos_cont *cont, struct vos_when *when);

enum vis { VIS_YES, VIS_NO, VIS_PENDING };
/** What the reader may make of a change by transaction dtx (local id; 0 committed). < 0: -DER_DF_INVAL. */
int vos__visible(const struct look *look, uint32_t dtx);
/** Notes who stands in the way; returns -DER_INPROGRESS. */
int vos__in_the_way(const struct look *look, uint32_t dtx);

/** What a log says, together with what the logs above it say. */
struct sight {
	struct floor floor;     /* the last punch of it or of what it lies in */
	struct floor doubt;     /* the last prepared punch above the floor; epoch 0: none */
	struct floor created;   /* the newest creation above the floor; epoch 0: none */
	uint32_t doubt_dtx;     /* whose; local id */
	uint32_t pending_create;/* who prepared a creation above the floor, none else being there; local id */
	bool exists;            /* unless doubted */
	bool uncertain;         /* something happened in (epoch, bound] */
	bool uncertain_punch;
};
/** Reads the log at off. parent: what was seen above, NULL for objects. 0 or -DER_DF_INVAL. */
int vos__sight(const struct look *look, umem_off_t ilog, const struct sight *parent, struct sight *sight);
/** The same for a flat record's only event. */
int vos__sight_flat(const struct look *look, const struct vos_version *version, const struct sight *parent,
		    struct sight *sight);
/** What is seen of a key that has no record. */
void vos__sight_none(const struct sight *parent, struct sight *sight);
/** A reader that asks whether it exists: 1, 0, -DER_INPROGRESS, -DER_TX_RESTART. */
int vos__sight_exists(const struct look *look, const struct sight *sight);
/** A reader of what is below: 0 go on with sight->floor, -DER_INPROGRESS, -DER_TX_RESTART. */
int vos__sight_pass(const struct look *look, const struct sight *sight);
/**
 * A writer below it: whether it needs a creation of its own, so that it exists whatever becomes of others'
 * transactions.
 */
bool vos__sight_needs_creation(const struct sight *sight);

/* ---- versions (value.c) ------------------------------------------------------------------------------------------ */
/** A value to be stored: one single value, or one piece of an array; in the op. */
struct value {
	uint64_t size;      /* single: bytes; array: of one record; 0 hole */
	uint64_t lo, hi;    /* array: records */
	uint64_t bytes;
	uint16_t part_nr;
	uint8_t media;
	bool remote;
	uint8_t csum_type, csum_size;
	uint32_t csum_chunk;
	uint32_t csum_nr;
	const uint8_t *csum;
	struct piece *pieces; /* one a part; when not remote exactly one (none for a hole) */
};
/** A piece of the op's descriptor. */
struct piece {
	const char *buf;      /* staged bytes */
	uint64_t len;
	bool reserved;        /* blocks are had */
	struct vea_extent extent;
};
/** When and by whom it is stored. */
struct stamp_of_write {
	uint64_t epoch;
	uint16_t minor;
	uint32_t dtx, map_version, tag;
};

uint64_t vos__chunk_records(uint64_t rec_size, uint32_t chunk);
/** Checksums that cover [lo, hi] of an array, or size bytes of a single value. */
uint64_t vos__csum_count_array(uint64_t lo, uint64_t hi, uint64_t rec_size, uint32_t chunk);
uint64_t vos__csum_count_single(uint64_t size, uint32_t chunk);

size_t vos__flat_size(uint32_t dkey_len, uint32_t akey_len, const struct value *value, bool array);
/** Writes a flat record of one value. Publishes its blocks. */
int vos__flat_make(struct vos_pool *pool, const daos_key_t *dkey, const daos_key_t *akey, bool array,
		   const struct value *value, const struct stamp_of_write *when, umem_off_t *off);
/** Where the pieces of a version record are; all inside the heap. */
struct version_view {
	umem_off_t off;
	struct vos_version *version;
	struct vos_part *parts;
	const char *dkey, *akey;
	umem_off_t csum_off, data_off; /* data_off 0 when remote or hole */
	const uint8_t *csum;
	uint64_t lo, hi;
	uint64_t bytes;
	uint64_t csum_bytes;
	bool array;
};
/**
 * Takes apart a flat record that vos__record_check has seen; checks and takes apart a single value record.
 * -DER_DF_INVAL.
 */
int vos__flat_view(struct vos_pool *pool, umem_off_t off, struct version_view *view);
int vos__single_view(struct vos_pool *pool, umem_off_t off, struct version_view *view);
/**
 * Makes trees of a flat record: *off becomes the dkey record's. The value, its epoch and transaction stay as they were.
 */
int vos__flat_promote(struct vos_pool *pool, umem_off_t dkeys, const daos_key_t *dkey, uint32_t akey_cls,
		      umem_off_t *off);
/** Frees a record with its bytes and checksums. */
int vos__flat_free(struct vos_pool *pool, umem_off_t off);
/** Frees what lies outside of it only. */
int vos__flat_free_parts(struct vos_pool *pool, umem_off_t off);
int vos__single_free(struct vos_pool *pool, umem_off_t off);
int vos__extent_free(struct vos_pool *pool, const struct evtree_data *data, uint64_t lo, uint64_t hi,
		     uint64_t rec_size);
/**
 * Stores a version below an akey record. foreign: another one with this (epoch, minor) is somebody else's:
 * -DER_TX_RESTART.
 */
int vos__single_put(struct vos_pool *pool, umem_off_t akey, const struct value *value,
		    const struct stamp_of_write *when, bool foreign);
int vos__extent_put(struct vos_pool *pool, umem_off_t akey, const struct value *value,
		    const struct stamp_of_write *when, bool foreign);
/** Removes one version. -DER_NONEXIST. */
int vos__single_drop(struct vos_pool *pool, umem_off_t akey, uint64_t epoch, uint16_t minor);
int vos__extent_drop(struct vos_pool *pool, umem_off_t akey, uint64_t lo, uint64_t hi, uint64_t epoch, uint16_t minor);

/* ---- ops (op.c, put.c) ------------------------------------------------------------------------------------------- */
enum op_kind { OP_UPDATE, OP_PUNCH, OP_CHECK };

struct op_iod {
	daos_key_t akey;
	uint64_t hash;       /* of container, object, dkey, akey */
	uint64_t flags;
	daos_iod_type_t type;
	uint32_t value_nr;
	struct value *values;
};

struct vos_op {
	struct list link; /* of idle ones */
	struct vos_cont *cont;
	enum op_kind kind;
	bool whole;       /* no dkey: the object */
	uint64_t flags;
	uint64_t read_epoch; /* OP_CHECK: what is named must not have changed since; 0: not asked */
	daos_obj_id_t oid;
	uint32_t shard;
	daos_key_t dkey;
	uint64_t hash_object, hash_dkey;
	uint32_t nr;
	struct op_iod *iods;
	struct bio_desc *desc;
	bool on_blob;     /* some pieces lie on the data blob */
	uint64_t held;
	uint32_t piece_nr;
	/* of the last run of the body */
	umem_off_t object;
	bool stamp_all;   /* found nothing to punch: what comes later at an older epoch must not get past it */
	struct scratch scratch;
};

/** The transaction that is being applied. */
struct put {
	struct vos_apply *apply;
	struct vos_pool *pool;
	struct vos_cont *cont;
	struct vos_op **ops;
	uint32_t nr;
	bool plain;        /* internal write at a given epoch: read timestamps are not asked, equal epochs replace */
	uint64_t reader;   /* hash of the id */
	uint32_t tag;
	struct dtx *dtx;   /* VOS_PREPARE: the new entry, in the tables after the body */
	/* of the last run */
	uint64_t epoch;
	struct look look;
	uint32_t local;
	uint32_t at;       /* op that failed */
	bool seen;         /* the id was known: answer and epoch are the stored ones */
	int answer;
};
/** Applies one op inside the body. */
int vos__put_op(struct put *put, struct vos_op *op, uint16_t minor);
/** -DER_TX_RESTART when what an OP_CHECK with a read epoch names has changed since. Before any op is applied. */
int vos__put_unchanged(struct put *put, struct vos_op *op);
void vos__op_free(struct vos_op *op);
uint64_t vos__hash_object(const struct vos_cont *cont, const daos_obj_id_t *oid, uint32_t shard);
uint64_t vos__hash_key(uint64_t parent, const daos_key_t *key);
/** Checks container, object, dkey of a call. */
int vos__where_check(const struct vos_key *key, bool dkey_needed);

/* ---- transactions (dtx.c, settle.c) ------------------------------------------------------------------------------ */
void vos__dtx_init(struct vos_cont *cont);
void vos__dtx_fini(struct vos_cont *cont);
/** Loads the active ones, oldest first. YIELDS */
int vos__dtx_load(struct vos_cont *cont);
struct dtx *vos__dtx_by_id(struct vos_cont *cont, const struct vos_dtx_id *id);
struct dtx *vos__dtx_by_local(struct vos_cont *cont, uint32_t local);
void vos__dtx_key(const struct vos_dtx_id *id, uint8_t key[VOS_DTX_KEY]);
/** Within a body: what became of id: 0 and state, epoch, answer; -DER_NONEXIST; -DER_EP_OLD. */
int vos__done_find(struct vos_cont *cont, const struct vos_dtx_id *id, enum vos_dtx_state *state, uint64_t *epoch,
		   int32_t *answer);
int vos__done_add(struct vos_cont *cont, const struct vos_dtx_id *id, enum vos_dtx_state state, uint64_t epoch,
		  int32_t answer);
uint32_t vos__dtx_next_local(struct vos_cont *cont);
void vos__dtx_link(struct vos_cont *cont, struct dtx *dtx);
void vos__dtx_unlink(struct vos_cont *cont, struct dtx *dtx);
void vos__dtx_free(struct vos_cont *cont, struct dtx *dtx);
/** Settles what was decided and not finished. YIELDS */
int vos__dtx_finish(struct vos_cont *cont);
/** Writes the record of a prepared transaction. */
int vos__dtx_write(struct put *put, umem_off_t *off);
/** The touches of a list of ops, encoded; from mem. */
int vos__touch_encode(struct vos_op **ops, uint32_t nr, struct mem *mem, uint8_t **touch, uint32_t *len);
/**
 * Within a body: settles what the transaction touched from byte *at of the list on, at most max ops; *at == touch_len:
 * all.
 */
int vos__settle(struct vos_cont *cont, const struct dtx *dtx, bool commit, uint32_t *at, uint32_t max);
/**
 * Marks the LSN of what the touches name; undone: forgets cached objects, whose records may be gone. Outside of bodies.
 */
void vos__touch_mark(struct vos_cont *cont, const uint8_t *touch, uint32_t len, uint64_t lsn, bool undone);
void vos__mark(struct vos_pool *pool, uint64_t hash_cont, uint64_t hash_object, uint64_t hash_dkey, bool whole,
	       uint64_t lsn);

/* read.c */
struct vos_read *vos__read_idle(struct vos_xs *vx);

/* gc.c */
/** Within a body: frees at most *credits records below the container; 1: more is left. */
int vos__gc_cont(struct vos_pool *pool, umem_off_t cont, uint32_t *credits);
/**
 * Within a body: frees a record and all below, and takes it out of its tree; at most GC_STEP records. 1: more is left, in trees that
 * are whole.
 */
int vos__akey_forget(struct vos_pool *pool, umem_off_t akeys, const daos_key_t *akey, umem_off_t off);
int vos__dkey_forget(struct vos_pool *pool, umem_off_t dkeys, const daos_key_t *dkey, umem_off_t off);
int vos__object_forget(struct vos_cont *cont, const daos_obj_id_t *oid, uint32_t shard, umem_off_t off);

#endif
