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

struct wal;
struct map;
struct checkpoint;

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
	struct list waiters;  /* struct wal_waiter by LSN */

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

	struct bio_blob *meta_blob, *wal_blob;
	uint64_t heap_id;
	struct wal *wal;
	struct map *map;
	struct checkpoint *checkpoint;
	uint64_t checkpoints, replayed;
	bool closing;
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
void umem__units_fini(struct umem *heap);

#endif
