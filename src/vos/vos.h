/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vos: the versioned object store of one target. container > object > dkey > akey > single value or array, every
 * version keyed by (epoch, minor). One target owns its slice of every pool alone: all calls on a vos_xs and what was
 * opened from it come from ULTs of its stream. vos knows no network: a prepared transaction that stands in the way
 * is named in struct vos_conflict with -DER_INPROGRESS, and the caller resolves it and tries again.
 *
 * Writing has three steps: an op is begun (conditions looked at, space reserved), its bytes are copied into the
 * descriptor's buffers, and one or several ops are applied as one transaction. Concurrency is multi-version timestamp
 * ordering: a write at epoch e is refused (-DER_TX_RESTART) when another transaction has read at a later epoch what the write changes.
 *
 *	vos I1  An applied list of ops is wholly there or not at all, also after a crash (P3).
 *	vos I2  Nothing is shown before it is durable: every result names the LSN that its reply must wait for (P2).
 *	vos I3  Data extents are durable before the record that names them is logged.
 *	vos I4  A transaction id is applied at most once; its stored answer outlives crashes for the retention time.
 *	vos I5  What a reader saw at epoch e, a later reader at e sees again, until e is aggregated.
 */
#ifndef VOS_VOS_H
#define VOS_VOS_H

#include <daos_types.h>
#include <daos_obj.h>
#include "base/base.h"
#include "env/env.h"
#include "ult/ult.h"

struct bio;
struct bio_desc;
struct vos_xs;   /* vos of one stream: tree classes, open pools and containers, object cache, read timestamps, garbage */
struct vos_pool; /* an open pool shard, counted */
struct vos_cont; /* an open container shard, counted */
struct vos_op;   /* a begun write */
struct vos_read; /* a begun fetch */

/* ---- the stream's part --------------------------------------------------------------------------------------------- */
struct vos_xs_config {
	struct env *env;
	struct xs *xs;
	struct bio *bio;           /* may be NULL when only volatile pools are made */
	uint32_t tgt;              /* target index in the engine: names the blobs */
	uint64_t first_epoch;      /* read timestamps start here: not below any epoch handed out before the start */
	uint32_t object_cache;     /* objects kept open; 0: 4096 */
	uint64_t heap_budget;      /* bytes of DRAM for all heaps of this stream; 0: no bound */
	uint64_t retention_ns;     /* how long stored answers are kept; 0: 60 s */
};
int vos_xs_create(const struct vos_xs_config *config, struct vos_xs **vx);
/** Nothing is open any more. */
void vos_xs_destroy(struct vos_xs *vx);
/** Frees punched trees and destroyed containers, up to credits records; *more tells whether work is left. YIELDS */
int vos_gc_run(struct vos_xs *vx, uint32_t credits, bool *more);

/* ---- pools ------------------------------------------------------------------------------------------------------------ */
struct vos_pool_config {
	uuid_t uuid;
	uint64_t meta_size, wal_size, data_size; /* bytes; data may be 0 */
	bool ram;                                /* volatile: no blobs, data in memory */
	uint32_t data_threshold;                 /* values of this many bytes and more go to data; 0: 4096 */
};
/** Makes blobs, heap and allocator, durably. YIELDS. -DER_EXIST, -DER_NOSPACE, -DER_NVME_IO. */
int vos_pool_create(struct vos_xs *vx, const struct vos_pool_config *config);
/**
 * Opens (recovers) it, or takes another reference. YIELDS. -DER_NONEXIST, -DER_DF_INVAL, -DER_DF_INCOMPT, -DER_UNINIT: its creation was cut
 * short, nothing was ever stored in it; destroy it.
 */
int vos_pool_open(struct vos_xs *vx, const uuid_t uuid, struct vos_pool **pool);
void vos_pool_close(struct vos_pool *pool); /* YIELDS: the last reference closes the heap */
/** -DER_BUSY while open. YIELDS */
int vos_pool_destroy(struct vos_xs *vx, const uuid_t uuid);
struct vos_pool_info {
	uuid_t uuid;
	uint64_t meta_used, meta_empty; /* bytes of heap in use; of wholly free segments, the reserve's included */
	uint64_t meta_total, meta_free; /* bytes: heap (ram: with the data); free: without the reserve */
	uint64_t data_total, data_free; /* bytes: data blob */
	uint64_t containers;
	uint64_t lsn_last, lsn_durable;
	uint64_t checkpoints, checkpoint_ns; /* since it was opened, and what they took */
	uint32_t format_version;
	bool ram;
	int failed; /* 0, or the error that took it out of service */
};
void vos_pool_query(const struct vos_pool *pool, struct vos_pool_info *info);
/** 0, or the error that took it out of service: what is durable can be read, all else is -DER_IO until it is opened again. */
int vos_pool_failed(const struct vos_pool *pool);
/** Waits until lsn is durable: what a reply calls last. YIELDS. -DER_IO. */
int vos_wait(struct vos_pool *pool, uint64_t lsn);
int vos_checkpoint(struct vos_pool *pool); /* YIELDS */
int vos_pool_check(struct vos_pool *pool); /* walks everything; -DER_DF_INVAL with log lines. YIELDS */

/* ---- containers --------------------------------------------------------------------------------------------------------- */
int vos_cont_create(struct vos_pool *pool, const uuid_t uuid, uint64_t *lsn); /* -DER_EXIST. YIELDS */
int vos_cont_open(struct vos_pool *pool, const uuid_t uuid, struct vos_cont **cont); /* -DER_NONEXIST. YIELDS */
void vos_cont_close(struct vos_cont *cont);
/** Gone at once; its records are garbage that vos_gc_run frees. -DER_NONEXIST, -DER_BUSY. YIELDS */
int vos_cont_destroy(struct vos_pool *pool, const uuid_t uuid, uint64_t *lsn);
struct vos_cont_info {
	uuid_t uuid;
	uint64_t objects;
	uint64_t aggregated; /* epochs up to here may be folded */
	uint32_t dtx_active, dtx_committed;
};
int vos_cont_query(struct vos_cont *cont, struct vos_cont_info *info); /* YIELDS */
struct vos_pool *vos_cont_pool(const struct vos_cont *cont);
/** Copies up to max uuids behind *after (zero uuid: from the start) in order. YIELDS */
int vos_cont_list(struct vos_pool *pool, const uuid_t after, uuid_t *uuids, uint32_t max, uint32_t *nr);

/* ---- transactions ----------------------------------------------------------------------------------------------------------- */
/** Made by the client: unique for ever; hlc orders and ages it. */
struct vos_dtx_id {
	uuid_t client;
	uint64_t hlc;
};

struct vos_conflict { /* who stands in the way (-DER_INPROGRESS) */
	struct vos_dtx_id dtx;
	uint64_t epoch;
};

enum vos_dtx_state { VOS_DTX_UNKNOWN, VOS_DTX_PREPARED, VOS_DTX_COMMITTED, VOS_DTX_ABORTED };

/** Members and what else a leader needs to finish a prepared transaction: bytes that vos keeps and does not read. */
struct vos_dtx_blob {
	const void *data;
	uint32_t len; /* at most 8 KiB */
};

/** What was the outcome: state, epoch, and for committed ones the answer stored with it. YIELDS. -DER_NONEXIST, -DER_EP_OLD past retention. */
int vos_dtx_check(struct vos_cont *cont, const struct vos_dtx_id *id, enum vos_dtx_state *state, uint64_t *epoch, int32_t *answer);
/** Makes prepared transactions visible, in one step. Unknown and already committed ones are skipped. YIELDS */
int vos_dtx_commit(struct vos_cont *cont, const struct vos_dtx_id *ids, uint32_t nr, uint64_t *lsn);
/** Undoes a prepared transaction and remembers that it was. -DER_EXIST when it is committed. YIELDS */
int vos_dtx_abort(struct vos_cont *cont, const struct vos_dtx_id *id, uint64_t *lsn);
/** Copies prepared transactions, oldest first, from index *at on; blobs are copied into the arena. YIELDS */
struct vos_dtx_entry {
	struct vos_dtx_id id;
	uint64_t epoch;
	struct vos_dtx_blob blob;
};
int vos_dtx_list(struct vos_cont *cont, uint32_t *at, struct vos_dtx_entry *entries, uint32_t max, uint32_t *nr, struct arena *arena);
/** Drops stored answers older than the retention time; called now and then by the owner. YIELDS */
int vos_dtx_reap(struct vos_cont *cont, uint64_t now_hlc);

/* ---- writing ------------------------------------------------------------------------------------------------------------------ */
/**
 * Checksums of one iod, as the client sent them: one for each chunk of each extent. Chunks are counted from record 0 of the array
 * (byte 0 of a single value), as pure/csum does.
 */
struct vos_csum {
	uint8_t type;    /* DAOS_PROP_CO_CSUM_*; 0 none */
	uint16_t size;   /* bytes of one */
	uint32_t chunk;  /* bytes that one covers */
	uint32_t nr;
	const uint8_t *data;
};

struct vos_key { /* where: an object of a container, a dkey of it */
	struct vos_cont *cont;
	daos_obj_id_t oid;
	uint32_t shard;
	const daos_key_t *dkey; /* NULL for whole-object calls */
};

enum { /* flags above the DAOS_COND_* bits */
	VOS_RECLAIM = 1U << 16, /* may use the reserve: deleting and aggregating */
	VOS_SIZE_ONLY = 1U << 17, /* fetch: sizes, no data */
	VOS_NO_TIMESTAMP = 1U << 18, /* fetch: leave no read timestamp (snapshot and internal reads) */
	VOS_PUNCHED = 1U << 19, /* list: also what is punched (rebuild, checker) */
	/**
	 * For tables whose readers read the present only. Update: the versions that it replaces are freed: the single values of the named
	 * akeys, extents that lie wholly below one that is written (some dozens an update; what shows beside it stays). Punch of a
	 * dkey (nr 0) or an object: it is freed with all below, its record too. A long history goes in steps of some dozens of records:
	 * what is left is hidden as ever, and the next call frees more of it. Only without an id (-DER_INVAL) and in containers without
	 * prepared transactions (-DER_BUSY); a punch of akeys is no forgetting (-DER_INVAL).
	 */
	VOS_FORGET = 1U << 20,
};

/**
 * Begins an update: for each iod reserves space and lays the pieces of the descriptor. iods, csums (may be NULL) and keys
 * are copied. An iod_size of 0 punches the value or the extents. Keys have 1 to 32768 bytes, lexical ones at most 96. YIELDS.
 * -DER_NOSPACE, -DER_INVAL, -DER_IO_INVAL, -DER_REC2BIG, -DER_KEY2BIG.
 */
int vos_update_begin(const struct vos_key *key, uint64_t flags, uint32_t nr, const daos_iod_t *iods,
		     const struct vos_csum *csums, struct vos_op **op);
/** Where the bytes go: value i of it is iod i, its pieces follow the extents. Prepared already. NULL when there are none. */
struct bio_desc *vos_op_desc(struct vos_op *op);
/** Begins a punch of an object (dkey NULL), a dkey (nr 0) or akeys. Nothing to copy. */
int vos_punch_begin(const struct vos_key *key, uint64_t flags, uint32_t nr, const daos_key_t *akeys, struct vos_op **op);
/**
 * A condition alone (DAOS_COND_* in flags), or a read that must still hold: with read_epoch != 0 the transaction is refused (-DER_TX_RESTART)
 * when what is named (the akeys; nr 0: the dkey with all below; dkey NULL: the object with all below) changed in (read_epoch, epoch
 * of the transaction]. Applied, it counts as read at the transaction's epoch.
 */
int vos_check_begin(const struct vos_key *key, uint64_t flags, uint32_t nr, const daos_key_t *akeys, uint64_t read_epoch, struct vos_op **op);
/** Drops a begun op that is not to be applied: space is given back. YIELDS not. */
void vos_op_cancel(struct vos_op *op);

enum vos_mode { VOS_COMMIT, VOS_PREPARE };
struct vos_apply {
	struct vos_cont *cont;
	/**
	 * NULL: not remembered (internal writes). NULL with an epoch given (rebuild, an engine's own tables): read timestamps are
	 * not asked, and a write of an (epoch, minor) that is there replaces it.
	 */
	const struct vos_dtx_id *id;
	uint64_t epoch;               /* 0 with VOS_COMMIT: next_epoch is asked for inside the transaction */
	uint64_t (*next_epoch)(void *arg);
	int (*more_epochs)(void *arg);           /* called when next_epoch gave 0: sees to it that it can go on. YIELDS. May be NULL */
	void *next_epoch_arg;
	uint32_t version;             /* pool map version */
	enum vos_mode mode;
	struct vos_dtx_blob blob;     /* with VOS_PREPARE */
	/* out */
	uint64_t epoch_used;
	uint64_t lsn;                 /* the reply waits for it; also set when a condition failed (what was seen must be durable) */
	struct vos_conflict conflict;
};
/**
 * Writes the ops' data, then applies them in order (minor epochs 1..nr) as one transaction; they see each other. Frees the ops in any
 * case. With an id seen before nothing is done and its stored answer returned (-DER_ALREADY is never seen); that of an undone
 * transaction is -DER_TX_RESTART: begin again with a new id. An answer is stored only for what was applied, prepared or
 * undone, not for a condition that failed. YIELDS.
 * -DER_EXIST, -DER_NONEXIST (conditions), -DER_TX_RESTART, -DER_INPROGRESS, -DER_EP_OLD, -DER_NOSPACE, -DER_REC_SIZE, -DER_IO,
 * -DER_OVERLOAD_RETRY (next_epoch gave 0, and there is no more_epochs), -DER_REC2BIG (too large for the log), -DER_NO_PERM (a single value
 * where an array is, or the other way round), -DER_VOS_PARTIAL_UPDATE (extents of one op overlap).
 */
int vos_apply(struct vos_apply *apply, struct vos_op **ops, uint32_t nr);

/* ---- reading --------------------------------------------------------------------------------------------------------------------- */
/** When: epoch DAOS_EPOCH_MAX reads the newest; bound > epoch: a write in (epoch, bound] is uncertain and restarts the reader. */
struct vos_when {
	uint64_t epoch, bound;
	struct vos_dtx_id *self; /* its own prepared writes are seen; may be NULL */
	struct vos_conflict conflict; /* out */
	uint64_t lsn;                 /* out: what the reply waits for, also when a call says -DER_NONEXIST or another error */
};
/**
 * Looks up the iods (iod_size is set; DAOS_REC_ANY asks) and lays the pieces: value i of the descriptor is iod i, holes
 * included, so that its pieces cover the extents exactly. Absent keys are holes and size 0. YIELDS.
 * -DER_NONEXIST (DAOS_COND_*_FETCH), -DER_INPROGRESS, -DER_TX_RESTART, -DER_REC2BIG, -DER_CSUM.
 */
int vos_fetch_begin(const struct vos_key *key, struct vos_when *when, uint64_t flags, uint32_t nr, daos_iod_t *iods, struct vos_read **read);
struct bio_desc *vos_read_desc(struct vos_read *read); /* bytes are there after vos_read_prepare; NULL with VOS_SIZE_ONLY */
/**
 * Reads the pieces' bytes into their buffers and checks every piece against its stored checksums (whole chunks are read for
 * it): what is in the buffers afterwards is what was written (P6). YIELDS. -DER_CSUM (counted on the device), -DER_NVME_IO, -DER_NOMEM.
 */
int vos_read_prepare(struct vos_read *read);
/** Checksums that cover the pieces of iod i: array of one vos_csum a piece (type 0: none). */
const struct vos_csum *vos_read_csums(struct vos_read *read, uint32_t i, uint32_t *nr);
/** Bytes of the piece p of iod i that its checksums cover before and behind the piece (whole chunks were stored). */
void vos_read_margin(struct vos_read *read, uint32_t i, uint32_t p, uint64_t *before, uint64_t *behind);
uint64_t vos_read_lsn(const struct vos_read *read);
void vos_fetch_end(struct vos_read *read);

enum vos_list_kind { VOS_LIST_OBJECT, VOS_LIST_DKEY, VOS_LIST_AKEY, VOS_LIST_EXTENT, VOS_LIST_SINGLE };
struct vos_entry {
	uint32_t key_off, key_len;  /* in buf; OBJECT: an oid of 16 bytes and the shard */
	uint64_t epoch;             /* of the newest change, as far as the kind has one */
	daos_recx_t recx;           /* EXTENT */
	uint64_t size;              /* record or value bytes: EXTENT, SINGLE */
	uint32_t iod_type;          /* AKEY: what it holds */
};
struct vos_list {
	enum vos_list_kind kind;
	const daos_key_t *akey;  /* for EXTENT, SINGLE */
	bool reverse;            /* EXTENT: highest first */
	daos_anchor_t *anchor;   /* in/out; survives updates: a key that is there throughout is listed exactly once */
	char *buf;               /* keys are packed here */
	uint32_t buf_size, max;  /* bytes, entries */
	struct vos_entry *entries;
	/* out */
	uint32_t nr, buf_used;
	uint32_t key_needed;     /* with -DER_KEY2BIG: the bytes of the key that did not fit an empty buffer */
	uint64_t lsn;
};
/** Fills entries until one limit is met or the end (anchor EOF). Bounded work a call: nr may be 0 without EOF. YIELDS */
int vos_list(const struct vos_key *key, struct vos_when *when, uint64_t flags, struct vos_list *list);

/** DAOS_GET_* flags; dkey, akey in or out (out: integer keys, 8 bytes at iov_buf); recx out. YIELDS. -DER_NONEXIST. */
int vos_query_key(const struct vos_key *key, struct vos_when *when, uint64_t flags, daos_key_t *dkey, daos_key_t *akey,
		  daos_recx_t *recx, uint64_t *size, uint64_t *lsn);
/** Epoch of the newest change of an object, 0 if none; of types ARRAY*, dkey 0 (attributes) does not count. YIELDS */
int vos_query_epoch(const struct vos_key *key, struct vos_when *when, uint64_t *epoch, uint64_t *lsn);
/** -DER_NOSYS until aggregation exists: folds versions in (from, to] that neither to nor a snapshot needs. YIELDS */
int vos_aggregate(struct vos_cont *cont, uint64_t from, uint64_t to, const uint64_t *snapshots, uint32_t nr);

#endif
