/* SPDX-License-Identifier: Apache-2.0 */
/*
 * umem/format: what lies on the medium: the heap's own layout, the blocks of the `meta` blob and of the `wal` blob.
 * Every struct is little-endian, naturally aligned, and frozen by the assertions below it. README.md tells the story.
 */
#ifndef UMEM_FORMAT_H
#define UMEM_FORMAT_H

#include <stddef.h>
#include <stdint.h>
#include "umem.h"

#define UMEM_BLOCK 4096U          /* bytes of a block of meta and wal, and of a heap page */
#define UMEM_PAGE 4096U           /* bytes of a heap page: the unit of checkpoints */
#define UMEM_PAGES_PER_SEG 16U
#define UMEM_SEG_SHIFT 16

/* ---- the heap: offsets ---------------------------------------------------------------------------------------------- */
/*
 *	0        reserved, never given out: offset 0 is "no place"
 *	4096     the root of the owner, UMEM_ROOT_SIZE bytes
 *	8192     the directory: one struct umem_dir a segment
 *	...      segments that hold allocations, from the first one behind the directory on
 *
 * A heap of zeros is a valid empty heap.
 */
#define UMEM_ROOT_OFF 4096U
#define UMEM_DIR_OFF 8192U

enum umem_dir_kind {
	UMEM_DIR_FREE = 0,
	UMEM_DIR_SMALL = 1, /* slots of one size class; bitmap in the segment's header */
	UMEM_DIR_MID = 2,   /* slots of one size class (at most 64); bitmap here, the whole segment is slots */
	UMEM_DIR_LARGE = 3, /* first segment of one allocation of `run` segments */
	UMEM_DIR_TAIL = 4,  /* further segment of it; run is the distance to the first */
};

/** What a segment is used for: the allocator decides by this alone, without loading the segment. */
struct umem_dir {
	uint8_t kind;
	uint8_t cls;     /* size class of SMALL and MID */
	uint16_t free;   /* free slots of SMALL and MID */
	uint32_t run;    /* LARGE: segments; TAIL: distance to the first */
	uint64_t bitmap; /* MID: 1 = used */
};
_Static_assert(sizeof(struct umem_dir) == 16, "FORMAT: umem_dir");
_Static_assert(offsetof(struct umem_dir, bitmap) == 8, "FORMAT: umem_dir.bitmap");

#define UMEM_SMALL_MAGIC 0x67536d75U /* "umSg" */

/** Head of a SMALL segment; the bitmap (1 = used) follows, then the slots. */
struct umem_small {
	uint32_t magic;
	uint16_t cls;
	uint16_t slots;
	uint32_t data;     /* where the slots begin, bytes from the segment's start */
	uint32_t seg;      /* its own number */
	uint64_t reserved[2];
	uint64_t bitmap[];
};
_Static_assert(sizeof(struct umem_small) == 32, "FORMAT: umem_small");

/* ---- wal ------------------------------------------------------------------------------------------------------------- */
/*
 * The ring: blob block i holds log block p with p % blocks == i. A batch is what one write carries: a header, records,
 * zeros up to the end of its last block. Each batch starts on a fresh block and names its predecessor's checksum.
 */
#define UMEM_BATCH_MAGIC 0x61426d75U /* "umBa" */

struct umem_batch {
	uint32_t magic;
	uint32_t crc;         /* CRC32C of the shard's uuid, then of all bytes behind this field */
	uint64_t heap_id;     /* random, of this format */
	uint64_t incarnation; /* bumped by each recovery; never falls along the chain */
	uint64_t pos;         /* log block at which it starts */
	uint64_t durable;     /* log blocks before this one were durable when it was submitted */
	uint64_t lsn;         /* of its first record */
	uint32_t records;
	uint32_t bytes;       /* header and records, without the padding */
	uint32_t prev_crc;    /* of the batch before */
	uint32_t reserved;
};
_Static_assert(sizeof(struct umem_batch) == 64, "FORMAT: umem_batch");
_Static_assert(offsetof(struct umem_batch, heap_id) == 8, "FORMAT: umem_batch.heap_id");

/** A transaction's redo: entries follow, byte-packed. LSNs within a batch are dense. */
struct umem_record {
	uint64_t lsn;
	uint32_t bytes; /* header and entries; the next record starts at the next multiple of 8 */
	uint32_t count; /* entries */
};
_Static_assert(sizeof(struct umem_record) == 16, "FORMAT: umem_record");

/*
 * An entry is a 64-bit word, then its bytes:  off (43 bits) << 21 | zero (1 bit) << 20 | len (20 bits).
 * With zero set len bytes of the heap become zero and no bytes follow.
 */
#define UMEM_ENTRY_LEN_MAX ((1U << 20) - 1)
#define UMEM_ENTRY(off, zero, len) ((uint64_t)(off) << 21 | (uint64_t)((zero) ? 1 : 0) << 20 | (uint64_t)(len))
#define UMEM_ENTRY_OFF(word) ((word) >> 21)
#define UMEM_ENTRY_ZERO(word) (((word) >> 20 & 1) != 0)
#define UMEM_ENTRY_LEN(word) ((uint32_t)((word) & UMEM_ENTRY_LEN_MAX))

/* ---- meta ------------------------------------------------------------------------------------------------------------ */
/*
 * Blocks 0 and 1: the superblocks. All others are slots: each holds a heap page, a leaf or an inner page of the map, or
 * nothing. superblock -> inner pages -> leaves -> heap pages; every reference carries the checksum of what it names.
 */
#define UMEM_SUPER_SLOTS 2U

/** A reference. slot 0: the page is all zeros and lies nowhere. */
struct umem_ref {
	uint32_t slot;
	uint32_t crc; /* CRC32C of struct umem_seal, then of the page */
	uint64_t lsn; /* the last LSN the image can contain */
};
_Static_assert(sizeof(struct umem_ref) == 16, "FORMAT: umem_ref");

#define UMEM_REFS_PER_PAGE (UMEM_PAGE / sizeof(struct umem_ref)) /* 256 */

/** What is sealed into the checksum of a page with its bytes: who, what for, where in the heap, since when. */
struct umem_seal {
	uint8_t uuid[16];
	uint64_t heap_id;
	uint64_t number; /* of the page of its level */
	uint64_t lsn;
	uint32_t level;  /* 0 heap page, 1 leaf, 2 inner page */
	uint32_t slot;
};
_Static_assert(sizeof(struct umem_seal) == 48, "FORMAT: umem_seal");

#define UMEM_SUPER_MAGIC 0x31706165486d75ULL /* "umHeap1" */
#define UMEM_VERSION 1U
#define UMEM_BYTE_ORDER 0x01020304U
#define UMEM_INNER_MAX 240U /* inner pages: 256 MiB of heap each */
#define UMEM_FEATURES_COMPAT 0ULL
#define UMEM_FEATURES_RO 0ULL
#define UMEM_FEATURES_INCOMPAT 0ULL

struct umem_super {
	uint64_t magic;
	uint32_t version;
	uint32_t byte_order;
	uint64_t compat, ro_compat, incompat; /* feature bits */
	uint8_t uuid[16];
	uint64_t heap_id;
	uint64_t generation;  /* of superblocks; generation g lies in block g % 2 */
	uint64_t incarnation; /* of the log: batches written from now on carry it */
	uint64_t heap_size;
	uint64_t meta_blocks, wal_blocks;
	/* where replay begins */
	uint64_t replay_pos;         /* log block */
	uint64_t replay_lsn;         /* LSN of the first record there */
	uint64_t replay_incarnation; /* least that the first batch there can have */
	uint32_t replay_prev_crc;    /* of the batch before it */
	uint32_t crc;                /* CRC32C of the superblock with this field zero */
	uint64_t image_lsn;          /* a log that ends before this LSN has lost something */
	uint64_t closed;             /* 1: written when the heap was closed: nothing was under way, the log is empty */
	uint64_t reserved[3];
	struct umem_ref inner[UMEM_INNER_MAX];
	uint8_t padding[UMEM_BLOCK - 176 - UMEM_INNER_MAX * sizeof(struct umem_ref)];
};
_Static_assert(offsetof(struct umem_super, uuid) == 40, "FORMAT: umem_super.uuid");
_Static_assert(offsetof(struct umem_super, replay_pos) == 104, "FORMAT: umem_super.replay_pos");
_Static_assert(offsetof(struct umem_super, crc) == 132, "FORMAT: umem_super.crc");
_Static_assert(offsetof(struct umem_super, inner) == 176, "FORMAT: umem_super.inner");
_Static_assert(sizeof(struct umem_super) == UMEM_BLOCK, "FORMAT: umem_super");

#define UMEM_HEAP_MAX (UMEM_INNER_MAX * UMEM_REFS_PER_PAGE * UMEM_REFS_PER_PAGE * UMEM_PAGE) /* 60 GiB */

#endif
