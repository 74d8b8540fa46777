/* SPDX-License-Identifier: Apache-2.0 */
/*
 * umem/heap: what the files of the room share: the heap's volatile state.
 *
 *	umem.c        bodies: the runner, addresses, deferred work, life cycle
 *	tx.c          one transaction: before-images, and the redo record made from them
 *	alloc.c       the allocator: directory, size classes, quarantine
 *	residency.c   segments in DRAM: loading, evicting
 *	wal.c         the log: batches, writes, durability, credit
 *	map.c         where heap pages lie on meta: references, slots
 *	checkpoint.c  dirty pages to slots, the map, the superblock
 *	walread.c     reading the log
 *	recover.c     format, superblocks, replay
 *	check.c       the checker
 */
#ifndef UMEM_HEAP_H
#define UMEM_HEAP_H

#include <setjmp.h>
#include "base/base.h"
#include "base/list.h"
#include "bio/bio.h"
#include "env/env.h"
#include "ult/ult.h"
#include "umem.h"
#include "umem_format.h"

/* ---- size classes -------------------------------------------------------------------------------------------------- */
#define CLASS_NR 38U
#define CLASS_MID_MIN 1024U /* classes from this size on have their bitmap in the directory */
#define SLOT_MAX 32768U
#define NO_SEG UINT32_MAX

struct size_class {
	uint32_t size;  /* bytes of a slot */
	uint32_t slots; /* in a segment */
	uint32_t data;  /* where they begin */
	uint32_t words; /* of the bitmap */
	uint32_t resident, absent; /* heads of the lists of segments with free slots, NO_SEG: none */
};

/* ---- segments ------------------------------------------------------------------------------------------------------- */
enum seg_list { LIST_NONE, LIST_RESIDENT, LIST_ABSENT };
enum {
	SEG_UNMAP = 1, /* freed since the last checkpoint: its pages must leave the map */

	SEG_LOADING = 4,
	SEG_EMPTY = 8, /* slots, all of them free and none held */
};

/** Volatile state of one segment. Segments of one LARGE allocation share one unit: contiguous memory, loaded as a whole. */
struct seg {
	char *mem;           /* NULL: absent */
	uint64_t *held;      /* bitmap of slots in quarantine; NULL: none was yet */
	uint32_t prev, next; /* in a class's list */
	uint32_t gen;        /* changes whenever the segment is freed or taken */
	uint32_t pins;       /* runners that loaded it and still need it (first segment of the unit) */
	uint32_t clock_prev, clock_next; /* among resident units (first segment) */
	uint16_t unit;       /* segments of the unit that begins here; 0: not the first of a unit */
	uint16_t held_nr;    /* entries of the quarantine that name this segment */
	uint16_t dirty;      /* pages changed since their last copy by a checkpoint */
	uint16_t flight;     /* pages copied by a checkpoint that is not published yet */
	uint8_t list;        /* enum seg_list */
	uint8_t list_cls;
	uint8_t flags;
	uint8_t hint;        /* bitmap word to look at first */
};

/* ---- transactions --------------------------------------------------------------------------------------------------- */
#define TX_BLOCK 256U        /* bytes: the unit of before-images */
#define TX_BLOCK_SHIFT 8
#define TX_FRESH_MIN 512U    /* larger new allocations need no before-image */

struct tx_block {
	uint64_t number; /* heap offset / TX_BLOCK */
	uint32_t mask;   /* 8-byte words that were touched */
	uint32_t at;     /* its place in the table */
};

struct tx_range {
	uint64_t off;
	uint64_t len;
};

struct tx_defer {
	bool durable;
	uint64_t lsn;
	void (*fn)(void *arg);
	void *arg;
};

struct tx {
	uint32_t flags;
	uint32_t last;     /* index of the block found last */
	uint32_t block_nr, block_max, image_max;
	struct tx_block *blocks;
	char *images;      /* TX_BLOCK bytes for each block */
	uint32_t *table;   /* open addressing, index + 1 of a block; 0: empty */
	uint32_t table_size;
	struct tx_range *fresh; /* new allocations whose old bytes nobody needs */
	uint32_t fresh_nr, fresh_max;
	struct tx_range *runs;  /* what the redo record will hold, ascending */
	uint32_t run_nr, run_max;
	struct tx_defer *defers;
	uint32_t defer_nr, defer_max;
	uint64_t used_before;
	uint64_t quarantine_before;
	bool starved; /* an allocation found no space */
};

/** Freed, not reusable yet. */
struct held {
	uint64_t lsn;
	uint32_t seg;
	uint16_t slot; /* of the class; HELD_WHOLE: run segments from seg on */
	uint16_t run;
};
#define HELD_WHOLE UINT16_MAX

/** A queue in a growing ring of elements. */
struct ring {
	char *elems;
	uint64_t head, tail; /* count up for ever */
	uint64_t size;       /* power of two, 0 at first */
	size_t elem_size;
};

enum body_kind { BODY_NONE, BODY_READ, BODY_WRITE };

/** Why a body was left by a long jump. */
enum unwind { UNWIND_NOT, UNWIND_ABSENT, UNWIND_ERROR };

/* ---- the log ----------------------------------------------------------------------------------------------------------- */
#define WAL_CHUNK (64 * KIB)      /* batches are gathered in pieces of this size */
#define WAL_BATCH_SOFT (1 * MIB)  /* a batch is closed rather than grown beyond this */
#define WAL_IN_FLIGHT 2
#define WAL_BLOCKS_MIN 64U
#define WAL_CHUNKS_KEPT 32U

struct wal_chunk {
	struct list link;
	char *data; /* WAL_CHUNK bytes, UMEM_BLOCK aligned */
};

/** What one write carries. */
struct batch {
	struct list link;   /* in wal->batches */
	struct umem *heap;
	uint64_t pos;       /* log block */
	uint64_t bytes;     /* header and records */
	uint64_t room;      /* bytes of its chunks */
	uint64_t lsn_first, lsn_last;
	uint32_t records;
	uint32_t crc;
	bool sealed, submitted;
	uint32_t writes;    /* of it still under way */
	struct list chunks;
	struct iovec *iov;
	struct bio_io io[2]; /* two when it goes round the end of the ring */
};

struct wal_waiter {
	struct list link;
	uint64_t lsn;
	struct ult_eventual done;
};

struct wal {
	uint64_t blocks;      /* of the ring */
	uint64_t tail;        /* first log block behind the newest sealed batch */
	uint64_t freed;       /* log blocks before this one may be overwritten */
	uint64_t durable;     /* log blocks before this one are durable */
	uint64_t incarnation;
	uint32_t prev_crc;    /* of the newest sealed batch */
	struct list batches;  /* oldest first; the last may be open */
	struct batch *open;
	uint32_t batch_nr;
	uint64_t batch_soft;  /* bytes beyond which a batch is closed rather than grown */
	uint64_t buffered;    /* bytes of chunks in batches */
	struct list chunks;   /* unused */
	uint32_t chunk_nr;
	bool kicked;          /* kick is on its way */
	struct xs_msg kick;
	struct ult_timer patience; /* kicks for records that nobody waits for */
	struct ult_cond room; /* space in ring or buffers came free, or the heap failed */
	struct ult_cond idle; /* no batch is left */
};

/** Where replay begins: a batch boundary. */
struct wal_point {
	uint64_t pos, lsn, incarnation;
	uint32_t prev_crc;
};

/* ---- the map of pages ----------------------------------------------------------------------------------------------------- */
struct map {
	uint64_t slots;     /* blocks of meta */
	uint64_t free_nr;
	uint64_t hint;
	uint64_t *used;     /* bitmap: superblocks, and what the published or the coming map names */
	uint64_t *release;  /* bitmap: free once the coming map is published */
	uint64_t leaf_nr;
	struct umem_ref **leaves;   /* UMEM_REFS_PER_PAGE references each; NULL: no page of it was ever written */
	struct umem_ref *leaf_refs; /* of each leaf; in groups of UMEM_REFS_PER_PAGE the inner pages */
	struct umem_ref inner[UMEM_INNER_MAX];
	uint64_t *leaf_dirty; /* bitmap */
	uint64_t inner_dirty[DIV_UP(UMEM_INNER_MAX, 64)];
	struct umem_super *super; /* the newest on the medium; UMEM_BLOCK aligned */
};

/* ---- checkpoints ----------------------------------------------------------------------------------------------------------- */
struct checkpoint {
	struct ult *ult;        /* NULL: not started */
	struct ult_cond wake;   /* something to do */
	struct ult_cond done;   /* finished, or the heap failed */
	uint64_t wanted;        /* requests so far */
	uint64_t served;        /* requests that a finished checkpoint covers */
	int rc;                 /* of the last */
	uint64_t covered;       /* LSN up to which all is in the published map */
	uint64_t period_ns, due_ns;
	uint32_t wal_percent;
	bool dozing;            /* waits without a deadline: nothing is dirty */
	bool running;
	char *staging;          /* for pages on their way */
};

struct umem {
	char **table; /* address of each segment, NULL: ask seg_fault */
	uint64_t seg_nr;
	struct seg *segs;
	struct umem_dir *dir;  /* the directory within the heap, always resident */
	char *sys_mem;
	uint64_t sys_segs;     /* segments that hold root and directory */

	struct env *env;
	struct mem *mem;
	struct log *log;
	struct xs *xs;
	char *name;
	uint8_t uuid[16];
	uint64_t heap_size;
	bool ram; /* no blobs */

	/* the body that runs now */
	enum body_kind body;
	enum unwind unwind;
	int unwind_rc;
	uint32_t unwind_seg;
	jmp_buf jump;
	struct tx tx;
	uint32_t tx_block_max; /* touched blocks that can still fit a record */
	uint64_t record_max;   /* bytes */

	/* LSNs */
	uint64_t lsn;         /* committed in memory */
	uint64_t lsn_durable;
	int failed;
	void (*on_failure)(void *arg, int rc);
	void *on_failure_arg;
	struct ring defers;   /* struct tx_defer that wait for their LSN */
	struct list waiters;  /* struct wal_waiter, by LSN */

	/* allocator */
	struct size_class classes[CLASS_NR];
	uint8_t class_of_16[CLASS_MID_MIN / 16 + 1]; /* by (size + 15) / 16 */
	uint64_t *free_map;   /* 1: a free segment that is not held */
	uint64_t free_segs, free_hint;
	uint64_t held_segs;   /* of FREE segments in quarantine */
	uint64_t reserve_segs;
	uint64_t empty_segs;  /* SMALL and MID segments without a used or held slot */
	uint64_t used;        /* bytes of slots and runs in use */
	struct ring quarantine; /* struct held */

	/* residency */
	uint64_t resident;    /* segments */
	uint64_t budget;      /* segments; 0: no bound */
	uint32_t clock_hand;  /* a resident unit, NO_SEG: none */
	struct ult_cond loaded;

	uint64_t *dirty_map;  /* segments with dirty pages or SEG_UNMAP */
	uint64_t *flight_map; /* segments with pages in flight */

	/* with blobs */
	struct bio_blob *meta_blob, *wal_blob;
	uint64_t heap_id;
	struct wal wal;
	struct map map;
	struct checkpoint checkpoint;
	uint64_t checkpoints, checkpoint_ns, replayed;
	uint64_t replay_dirty; /* pages that replay made dirty since its last checkpoint, at the most */
	bool closing;
	bool failing;         /* fail_msg is on its way */
	struct xs_msg fail_msg;
};

/* ---- umem.c ------------------------------------------------------------------------------------------------------------ */
/** Leaves the running body with an error. */
__attribute__((noreturn)) void umem__bail(struct umem *heap, int rc);
/** Leaves it because a segment is absent: it is loaded, then the body runs again. */
__attribute__((noreturn)) void umem__fault(struct umem *heap, uint32_t seg);
/** The address of a segment within a body; faults when it is absent. */
char *umem__seg(struct umem *heap, uint32_t seg);
/** Runs what waits for LSNs that are durable now. */
void umem__durable(struct umem *heap, uint64_t lsn);
void *umem__ring_push(struct mem *mem, struct ring *ring);
void *umem__ring_at(struct ring *ring, uint64_t index);
void umem__ring_fini(struct mem *mem, struct ring *ring);

/* ---- tx.c -------------------------------------------------------------------------------------------------------------- */
void umem__tx_begin(struct umem *heap, uint32_t flags);
/** Notes that [off, off + len) will change; addr is its address. Bails out. */
void umem__tx_touch(struct umem *heap, uint64_t off, size_t len);
void umem__tx_fresh(struct umem *heap, uint64_t off, size_t len);
void umem__tx_forget_fresh(struct umem *heap, uint64_t off);
bool umem__tx_changed(const struct umem *heap);
/** Gathers runs; the bytes the redo record needs in *bytes. */
int umem__tx_gather(struct umem *heap, uint64_t *bytes, uint32_t *entries);
/** Hands the entries to put in order. */
void umem__tx_emit(struct umem *heap, void (*put)(void *arg, const void *data, size_t len), void *arg);
/** Marks pages dirty. */
void umem__tx_dirty(struct umem *heap);
void umem__tx_undo(struct umem *heap);
void umem__tx_end(struct umem *heap);
void umem__tx_fini(struct umem *heap);

/* ---- alloc.c ----------------------------------------------------------------------------------------------------------- */
int umem__alloc_init(struct umem *heap);
void umem__alloc_fini(struct umem *heap);
/** Reads the directory again: lists, counters. -DER_DF_INVAL. */
int umem__alloc_scan(struct umem *heap);
/** A directory entry may have changed. */
void umem__alloc_refresh(struct umem *heap, uint32_t seg);
/** The running transaction is undone: its part of the quarantine goes. Before the before-images are restored. */
void umem__alloc_undo(struct umem *heap);
/** It has committed with heap->lsn: memory of freed segments goes. */
void umem__alloc_commit(struct umem *heap);
/** What was freed up to lsn can be given out again. */
void umem__alloc_release(struct umem *heap, uint64_t lsn);
/** A body: gives segments whose slots are all free back to the free ones. */
int umem__alloc_reclaim(struct umem *heap, void *arg);
/** Which used unit segment seg belongs to: first segment and count; false when it is free. */
bool umem__alloc_unit(const struct umem *heap, uint32_t seg, uint32_t *first, uint32_t *nr);

/* ---- residency.c --------------------------------------------------------------------------------------------------------- */
/** Segments that a runner loaded: not evicted before it ends. */
struct pin {
	struct list link;
	uint32_t seg;
};
/** Memory for the unit of nr segments that begins at seg, zeroed. */
int umem__unit_new(struct umem *heap, uint32_t seg, uint32_t nr);
/** Frees the memory of the unit that begins at seg. */
void umem__unit_drop(struct umem *heap, uint32_t seg);
void umem__page_dirty(struct umem *heap, uint64_t page);
/** Loads the unit that seg belongs to, and pins it for the runner. YIELDS. 0 also when it is no longer wanted. */
int umem__load(struct umem *heap, uint32_t seg, struct list *pins);
void umem__unpin(struct umem *heap, struct list *pins);
/** Evicts until nr more segments fit the budget, as far as it can be done. YIELDS: then it returns true. */
bool umem__make_room(struct umem *heap, uint32_t nr);
/** More is resident than the budget says. YIELDS */
void umem__trim(struct umem *heap);
void umem__units_fini(struct umem *heap);
/** Memory for one segment whatever the directory says, filled from the map: for replay. YIELDS */
int umem__seg_raw(struct umem *heap, uint32_t seg);
/** Makes units of what replay loaded, drops free segments. YIELDS */
int umem__units_settle(struct umem *heap);
/** Reads pages [page, page + nr) into mem and checks them. YIELDS. -DER_CSUM, -DER_NVME_IO, -DER_NOMEM. */
int umem__pages_load(struct umem *heap, uint64_t page, uint32_t nr, char *mem);
/** The head of a SMALL segment agrees with the directory. -DER_DF_INVAL. */
int umem__small_valid(struct umem *heap, uint32_t seg, const char *mem);

/* ---- pool.c: several operations at once ------------------------------------------------------------------------------------ */
#define POOL_OPS 16

struct pool;
struct pool_op {
	struct bio_io io;
	struct iovec iov;
	struct pool *pool;
	bool busy;
};

struct pool {
	struct bio_blob *blob;
	uint32_t busy;
	int rc; /* the first error */
	struct ult_cond changed;
	struct pool_op ops[POOL_OPS];
};

void umem__pool_init(struct pool *pool, struct bio_blob *blob);
/** Starts one; buf stays with the pool until waited for. YIELDS when all operations are busy. */
void umem__pool_start(struct pool *pool, enum env_io_op op, uint64_t off, void *buf, size_t len);
/** Waits until all have ended; returns the first error. YIELDS */
int umem__pool_wait(struct pool *pool);

/* ---- wal.c ------------------------------------------------------------------------------------------------------------------ */
void umem__wal_init(struct umem *heap);
void umem__wal_fini(struct umem *heap);
/** Room in ring and buffers for a record of any size. YIELDS. -DER_IO when the heap has failed. */
int umem__wal_credit(struct umem *heap);
/** Memory for a record of bytes. -DER_NOMEM. */
int umem__wal_reserve(struct umem *heap, uint64_t bytes);
/** Puts the gathered transaction into the log as heap->lsn + 1. */
void umem__wal_append(struct umem *heap, uint64_t bytes, uint32_t entries);
void umem__wal_point(const struct umem *heap, struct wal_point *point);
/** A checkpoint was published: log blocks before pos are not needed. */
void umem__wal_free(struct umem *heap, uint64_t pos);
uint64_t umem__wal_used(const struct umem *heap);
uint32_t umem__wal_batch_blocks_max(uint64_t ring_blocks);
uint32_t umem__wal_crc(const uint8_t uuid[16], const struct umem_batch *head, size_t bytes);
/** Waits until no write is under way. YIELDS */
void umem__wal_drain(struct umem *heap);
/** The heap stops for good. */
void umem__fail(struct umem *heap, int rc);

/* ---- walread.c -------------------------------------------------------------------------------------------------------------- */
#define WAL_PIECES 8U

struct wal_reader;
struct wal_piece {
	struct wal_reader *reader;
	uint64_t index;   /* of the piece + 1; 0: none */
	uint32_t pending; /* operations */
	int rc;
	char *buf;
	struct bio_io io[2];
	struct iovec iov[2];
};

struct wal_reader {
	struct umem *heap;
	uint64_t base;         /* log block at which piece 0 begins */
	uint32_t piece_blocks;
	bool ahead;            /* read further pieces before they are asked for */
	struct ult_cond changed;
	char *whole;           /* what lies in several pieces, put together */
	uint64_t whole_blocks;
	struct wal_piece pieces[WAL_PIECES];
};

void umem__reader_init(struct wal_reader *reader, struct umem *heap, uint64_t base);
/** Waits for what is under way. YIELDS */
void umem__reader_fini(struct wal_reader *reader);
/** Log blocks [pos, pos + nr), pos >= base, at *data until the next call. YIELDS. -DER_NVME_IO, -DER_NOMEM. */
int umem__reader_get(struct wal_reader *reader, uint64_t pos, uint64_t nr, char **data);
/** A batch that lies at pos, its checksum right; *batch NULL: there is none. YIELDS. -DER_NVME_IO, -DER_NOMEM. */
int umem__reader_batch(struct wal_reader *reader, uint64_t pos, struct umem_batch **batch);
uint64_t umem__batch_blocks(const struct umem_batch *head);
/** Could be the head of a batch of this heap. */
bool umem__batch_plausible(const struct umem *heap, const struct umem_batch *head);

/* ---- map.c ------------------------------------------------------------------------------------------------------------------- */
int umem__map_init(struct umem *heap, uint64_t meta_blocks);
void umem__map_fini(struct umem *heap);
/** Reads it as super says. YIELDS. -DER_DF_INVAL, -DER_CSUM, -DER_NVME_IO, -DER_NOMEM. */
int umem__map_load(struct umem *heap);
struct umem_ref umem__map_get(const struct umem *heap, uint64_t page);
/** -DER_NOMEM. */
int umem__map_set(struct umem *heap, uint64_t page, const struct umem_ref *ref);
/** Slots that heap pages can take. */
uint64_t umem__map_room(const struct umem *heap);
/** A free slot; 0: none but those that the map's own pages may need. */
uint32_t umem__map_take(struct umem *heap, bool for_map);
void umem__map_published(struct umem *heap);
uint32_t umem__map_crc(const struct umem *heap, uint32_t level, uint64_t number, const struct umem_ref *ref, const void *page);
uint32_t umem__super_crc(struct umem_super *super);

/* ---- checkpoint.c -------------------------------------------------------------------------------------------------------------- */
int umem__checkpoint_init(struct umem *heap);
/** Writes one in the caller's ULT: before the ULT of its own is there. YIELDS */
int umem__checkpoint_now(struct umem *heap);
int umem__checkpoint_start(struct umem *heap);
/** Writes a last one unless the heap has failed, and ends the ULT. YIELDS */
void umem__checkpoint_stop(struct umem *heap);
/** Something was committed, the log filled up, or memory is wanted: has a look whether it should begin. */
void umem__checkpoint_poke(struct umem *heap);
int umem__checkpoint_wait(struct umem *heap);
/** The same without waiting. */
void umem__checkpoint_ask(struct umem *heap);
/** Writes super as the next generation, durably. YIELDS */
int umem__super_write(struct umem *heap);

/* ---- recover.c ----------------------------------------------------------------------------------------------------------------- */
int umem__format(const struct umem_config *config);
/** Finds the newest superblock. YIELDS */
int umem__super_read(const struct umem_config *config, struct umem_super *super);
/** Loads map and system segments, replays the log. YIELDS */
int umem__recover(struct umem *heap);

#endif
