/* SPDX-License-Identifier: Apache-2.0 */
/*
 * umem: a byte-addressed transactional heap, the memory in which a target keeps its metadata. It lives in DRAM in 64 KiB
 * segments that are loaded when touched; a write-ahead log makes transactions durable, shadow checkpoints bound the log.
 *
 * The big idea: work on the heap is a body, a function that umem runs. A body never yields, may be run more than once
 * (when it touches an absent segment it is unwound by a long jump, the segment is loaded, and it starts again), and so
 * touches only the heap, its argument, and what its argument points to; it must hold nothing that needs a cleanup.
 * No pointer into the heap survives the end of the body: keep offsets.
 *
 *	umem I1  A body that returns non-zero leaves no trace in the heap.
 *	umem I2  LSNs are dense and ordered as bodies ended; LSN n is durable only when all LSNs up to n are.
 *	umem I3  After a crash the heap is the result of a prefix of the committed bodies that contains every durable one.
 *	umem I4  Freed heap space is not given out again until the LSN that freed it is durable.
 */
#ifndef UMEM_UMEM_H
#define UMEM_UMEM_H

#include "base/base.h"
#include "env/env.h"
#include "ult/ult.h"
#include <uuid/uuid.h>

struct umem;
struct bio_blob;

/** An offset in the heap; 0 is no place. */
typedef uint64_t umem_off_t;
#define UMEM_NULL ((umem_off_t)0)

#define UMEM_SEGMENT (64 * KIB)
#define UMEM_ROOT_SIZE 4096U       /* bytes of the root, zero at format */
#define UMEM_ALLOC_MAX (32 * MIB)  /* largest single allocation; beyond one segment it occupies whole segments */

/* ---- life cycle --------------------------------------------------------------------------------------------------- */
struct umem_config {
	struct env *env;
	struct xs *xs;          /* the stream that owns the heap */
	struct bio_blob *meta;  /* NULL with wal NULL: plain memory, volatile (class ram) */
	struct bio_blob *wal;
	uint64_t heap_size;     /* bytes of heap at the most; fixed at format for blobs */
	uint64_t dram_budget;   /* bytes of resident segments at the most; 0: no bound */
	uint64_t checkpoint_ns; /* time between checkpoints when dirty; 0: 5 s */
	uint32_t checkpoint_wal_percent; /* log use that starts one; 0: 50 */
	uuid_t uuid;            /* of the pool shard, sealed into every checksum */
	const char *name;       /* for logs; copied */
};

/** Bytes of a meta blob that suffices for a heap of heap_size bytes. */
uint64_t umem_meta_size(uint64_t heap_size);
#define UMEM_WAL_MIN (256 * KIB) /* bytes of the smallest log; a transaction may change a sixteenth of the log */
/** Writes an empty heap; destroys what was there. YIELDS. -DER_NOSPACE when the blobs are too small, -DER_NVME_IO. */
int umem_format(const struct umem_config *config);
/**
 * Opens and recovers it (superblock + replay). YIELDS. -DER_DF_INVAL no heap here or corrupt (the log says where),
 * -DER_DF_INCOMPT newer format, -DER_CSUM, -DER_NVME_IO, -DER_NOMEM.
 */
int umem_open(const struct umem_config *config, struct umem **heap);
/** Waits for what is under way, writes a last checkpoint unless the heap has failed, frees. YIELDS */
void umem_close(struct umem *heap);

/* ---- bodies ------------------------------------------------------------------------------------------------------- */
typedef int (*umem_body)(struct umem *heap, void *arg);

/** Runs body for reading. YIELDS before and between runs only. Returns what body returned, or -DER_NVME_IO, -DER_CSUM, -DER_NOMEM. */
int umem_read(struct umem *heap, umem_body body, void *arg);

enum { UMEM_RESERVE = 1 }; /* may use the space kept for deleting and aggregating */
/**
 * Runs body as a transaction. When it returns 0 its changes are visible at once, durable once *lsn is (umem_wait); lsn
 * may be NULL; a body that changed nothing gets the LSN before it. Any other value undoes all changes and is returned.
 * Waits for log space before the body runs. YIELDS before and between runs only.
 * -DER_NOSPACE, -DER_OVERFLOW (changes beyond 1/16 of the log: split the work), -DER_IO once the heap has failed.
 */
int umem_write(struct umem *heap, uint32_t flags, umem_body body, void *arg, uint64_t *lsn);

/* Within a body: */
/** Address of off; good for the bytes of the allocation it lies in, until the body ends. off is a place got from umem_alloc or umem_root. */
void *umem_at(struct umem *heap, umem_off_t off);
/** Address of [off, off + len), which the body may now change. Call before each change; overlapping calls are fine. */
void *umem_touch(struct umem *heap, umem_off_t off, size_t len);
/** New space of size bytes, 16-byte aligned, zeroed, already touched. 0 when there is none (return -DER_NOSPACE then). */
umem_off_t umem_alloc(struct umem *heap, size_t size);
/** Gives back a place got from umem_alloc. UMEM_NULL is allowed. */
void umem_free(struct umem *heap, umem_off_t off);
/** Bytes that can be used at off (at least what was asked for). */
size_t umem_usable(struct umem *heap, umem_off_t off);
/** The root: UMEM_ROOT_SIZE bytes for the owner. */
umem_off_t umem_root(const struct umem *heap);
/**
 * Runs fn(arg) when this body's transaction has committed in memory (durable false) or has become durable (true); never when
 * it is undone, nor when the heap fails before it is durable. fn must not yield. -DER_NOMEM.
 */
int umem_defer(struct umem *heap, bool durable, void (*fn)(void *arg), void *arg);
/** True inside a umem_write body. */
bool umem_writing(const struct umem *heap);
/** The LSN that the running umem_write body will get when it commits with changes. */
uint64_t umem_lsn_next(const struct umem *heap);

/* ---- durability ------------------------------------------------------------------------------------------------------ */
uint64_t umem_lsn_last(const struct umem *heap);    /* committed in memory */
uint64_t umem_lsn_durable(const struct umem *heap); /* survives */
/** Waits until lsn is durable. YIELDS. -DER_IO when the heap failed before that. */
int umem_wait(struct umem *heap, uint64_t lsn);
/** Writes a checkpoint now. YIELDS */
int umem_checkpoint(struct umem *heap);
/** 0, or the error that stopped the heap for good (a write or flush failed). */
int umem_failed(const struct umem *heap);
/** Called once, from the scheduler, when the heap fails. */
void umem_on_failure(struct umem *heap, void (*failed)(void *arg, int rc), void *arg);

struct umem_space {
	uint64_t total, used, reserved; /* bytes of heap */
	uint64_t empty;                 /* bytes of segments that any size can be allocated from; other free space is for sizes that were freed */
	uint64_t resident;              /* bytes of segments in DRAM */
	uint64_t wal_total, wal_used;
	uint64_t checkpoints, replayed; /* since open */
	uint64_t checkpoint_ns;         /* that checkpoints took, since open */
};
void umem_space(const struct umem *heap, struct umem_space *space);
/** Walks allocator and map and says whether they agree; for tests and the checker. YIELDS. -DER_DF_INVAL with a log line. */
int umem_check(struct umem *heap);

#endif
