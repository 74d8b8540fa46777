/* SPDX-License-Identifier: Apache-2.0 */
/*
 * evtree: versioned extents of one array value in a umem heap: a set of rectangles (record range x epoch). The newest
 * version of each record at an epoch is what a reader sees; a hole is a punched extent. The root is embedded in the
 * owner's record. All calls run inside a umem body; nothing yields.
 */
#ifndef EVTREE_EVTREE_H
#define EVTREE_EVTREE_H

#include "base/base.h"
#include "umem/umem.h"

/** On the heap, all zero when empty; 48 bytes, 8-byte aligned. */
struct evtree_root {
	uint64_t node;
	uint64_t count;      /* extents */
	uint32_t rec_size;   /* bytes of one record; set by the first insert that is no hole */
	uint8_t depth, order;
	uint16_t flags;
	uint64_t hint;
	uint64_t reserved[2];
};
_Static_assert(sizeof(struct evtree_root) == 48, "FORMAT: evtree_root");

/** When something was written: minor orders the writes of one transaction. */
struct evtree_when {
	uint64_t epoch;
	uint16_t minor;
};

/** Where the bytes of an extent are, and what vouches for them. */
struct evtree_data {
	uint64_t addr;      /* byte offset on the data blob, or umem_off_t; 0 for a hole */
	uint8_t media;      /* enum bio_media of the owner: 0 heap, 1 blob, 2 hole (EVTREE_HOLE) */
	uint8_t csum_type;
	uint16_t csum_size; /* bytes of one checksum */
	uint32_t csum_chunk;/* bytes that one checksum covers */
	uint64_t csum;      /* umem_off_t of the checksum array, or the checksum itself when there is one of at most 8 bytes */
	uint32_t dtx;       /* 0 committed, else the local id of the transaction that wrote it */
	uint32_t version;   /* pool map version */
};

#define EVTREE_HOLE 2

struct evtree_extent {
	uint64_t lo, hi; /* records, both included */
	struct evtree_when when;
	struct evtree_data data;
};

/** A visible piece of an extent: [lo, hi] of the caller's range; the extent it is part of is whole. */
struct evtree_piece {
	uint64_t lo, hi;
	struct evtree_extent whole;
};

/** What the owner knows of a transaction: 0 use it, 1 skip it, < 0 stop with that error (-DER_INPROGRESS). */
typedef int (*evtree_visible)(void *arg, const struct evtree_extent *extent);

struct evtree {
	struct umem *heap;
	umem_off_t root;
	evtree_visible visible; /* NULL: all */
	void *arg;
	struct log *log; /* where corruption is reported; may be NULL */
};

/*
 * Besides the errors named every call says -DER_DF_INVAL when it meets a corrupt root or node; a body that changes things
 * must then not return 0. Callbacks must not change the tree that calls them. visible is asked only about extents that
 * would be seen if it said 0; an error counts only where nothing newer covers the extent.
 */

/**
 * Adds an extent; the older ones stay. An equal (lo, hi, when) is replaced: *replaced (may be NULL) gets its old data and
 * 1 is returned. rec_size 0 for a hole. -DER_REC_SIZE when it differs, -DER_VOS_PARTIAL_UPDATE when it overlaps but is
 * not equal to one of the same (epoch, minor), -DER_NOSPACE, -DER_INVAL for lo > hi or no rec_size.
 */
int evtree_insert(struct evtree *tree, const struct evtree_extent *extent, uint32_t rec_size, struct evtree_data *replaced);
/**
 * Calls found for each visible piece of [lo, hi] at when (later ones do not exist), in order of records, holes included,
 * gaps left out. found returns non-zero to stop. Returns that, or 0, or the visible callback's error.
 */
int evtree_find(struct evtree *tree, uint64_t lo, uint64_t hi, struct evtree_when when,
		int (*found)(void *arg, const struct evtree_piece *piece), void *arg);
/** Calls found for every extent that meets [lo, hi] and epochs [from, to], covered or not, in order of (lo, when). */
int evtree_each(struct evtree *tree, uint64_t lo, uint64_t hi, uint64_t from, uint64_t to,
		int (*found)(void *arg, const struct evtree_extent *extent), void *arg);
/** The same, but only what comes behind (after->lo, after->when) in that order: goes on where another body ended. */
int evtree_each_after(struct evtree *tree, const struct evtree_extent *after, uint64_t lo, uint64_t hi, uint64_t from,
		      uint64_t to, int (*found)(void *arg, const struct evtree_extent *extent), void *arg);
/** Removes the extent with exactly (lo, hi, when); its data is handed out. -DER_NONEXIST. */
int evtree_remove(struct evtree *tree, const struct evtree_extent *which, struct evtree_data *data);
/** Changes data.dtx of the extent with exactly (lo, hi, when). -DER_NONEXIST. */
int evtree_set_dtx(struct evtree *tree, const struct evtree_extent *which, uint32_t dtx);
/** The highest (or lowest) visible record that is no hole at when. -DER_NONEXIST. The piece it lies in is handed out. */
int evtree_end(struct evtree *tree, bool highest, struct evtree_when when, struct evtree_piece *piece);
/** Tears down at most *credits extents from the end: 0 when the root is zero, 1 when credits ran out, or what drop said. */
int evtree_drain(struct evtree *tree, uint32_t *credits, int (*drop)(void *arg, const struct evtree_extent *extent), void *arg);
/** Walks the whole tree and checks order, counts, links and bounds. -DER_DF_INVAL. */
int evtree_check(struct evtree *tree);

#endif
