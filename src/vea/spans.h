/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vea/spans: what the files of the room share. A span is a run of blocks that are free in the persistent tree, in one of
 * three states; all spans lie in one order by block, the free ones in another by size. Spans of work that a body did and
 * has not committed stand on a list of their own.
 *
 *	           reserve               publish, commit
 *	  FREE -----------> RESERVED ------------------> (allocated: no span)
 *	   ^  ^--- cancel ------|                              |
 *	   |                                                   | free, commit
 *	   +------- durable, I/O ended ------- HELD <----------+
 */
#ifndef VEA_SPANS_H
#define VEA_SPANS_H

#include "base/list.h"
#include "btree/btree.h"
#include "treap.h"
#include "vea/vea.h"

#define VEA_MAGIC 0x31616576U /* "vea1" */
#define VEA_VERSION 1U
#define VEA_KEEP 20U      /* one part in so many is kept for reclaiming */
#define VEA_SPARE_MAX 256U
#define VEA_STREAM_MIN 8192U /* blocks: a new stream parts a free span of at least this size */

enum span_state { SPAN_FREE, SPAN_RESERVED, SPAN_HELD, SPAN_PUBLISHING, SPAN_FREEING };

struct span {
	struct treap_node by_block; /* FREE, RESERVED, HELD */
	struct treap_node by_size;  /* FREE */
	struct list link;           /* HELD: in held; PUBLISHING, FREEING: in pending; unused: in spare */
	struct vea *vea;
	uint64_t block, nr;
	uint64_t lsn;               /* HELD: that freed it */
	uint64_t generation;        /* HELD: I/O of this one and those before may still read it */
	enum span_state state;
};

/*
 * I/O is counted by generations. What is freed bears the present one; the next I/O begins another. A ring of counters
 * is enough: when it is full, new I/O joins the present generation, and what is freed waits for it too.
 */
#define VEA_GENERATIONS 64U
struct vea_io {
	uint64_t present, oldest; /* oldest: the first with I/O under way, or the present one */
	uint32_t counts[VEA_GENERATIONS];
};

struct vea {
	struct mem *mem;
	struct umem *heap;
	umem_off_t root;
	uint64_t total, keep;            /* blocks */
	struct treap by_block, by_size;
	struct list held;                /* in order of commit: LSNs and generations ascend */
	struct list pending;             /* of the body that runs, or left by one that was undone */
	struct list spare;
	uint32_t spare_nr;
	uint64_t free, reserved, held_nr; /* blocks */
	uint64_t extents;                 /* FREE spans */
	struct vea_io io;
};

/* ---- spans.c ----------------------------------------------------------------------------------------------------- */
/** NULL when there is no memory. */
struct span *vea__span_new(struct vea *vea, uint64_t block, uint64_t nr, enum span_state state);
/** It is in no order and no list. */
void vea__span_free(struct vea *vea, struct span *span);
/** A new span, or one that changes its state, joins the free ones and melts with its neighbours. It is in no list. */
void vea__span_release(struct vea *vea, struct span *span, bool listed);
/** Puts a new span of state RESERVED or HELD into the order by block. */
void vea__span_add(struct vea *vea, struct span *span);
/** Takes a span out of the order by block. */
void vea__span_remove(struct vea *vea, struct span *span);
/** The span of that state that begins at block and has nr blocks; NULL. */
struct span *vea__span_find(const struct vea *vea, uint64_t block, uint64_t nr, enum span_state state);
/** Makes [block, block + nr) of a FREE span RESERVED. -DER_NOMEM. */
int vea__span_carve(struct vea *vea, struct span *span, uint64_t block, uint64_t nr);
static inline struct span *
span_of_block(struct treap_node *node)
{
	return node != NULL ? container_of(node, struct span, by_block) : NULL;
}

static inline struct span *
span_of_size(struct treap_node *node)
{
	return node != NULL ? container_of(node, struct span, by_size) : NULL;
}

/* ---- persist.c --------------------------------------------------------------------------------------------------- */
/** Within a umem_write body: [block, block + nr) is free and becomes allocated. -DER_INVAL when it is not free. */
int vea__tree_take(struct umem *heap, umem_off_t root, uint64_t block, uint64_t nr);
/** The other way. -DER_INVAL when it is not allocated. */
int vea__tree_give(struct umem *heap, umem_off_t root, uint64_t block, uint64_t nr);
int vea__tree_format(struct umem *heap, umem_off_t root, uint64_t blocks, uint64_t skip);
/**
 * Within any body: calls each for the free extents from block `from` on, in order; stops when it returns non-zero and
 * returns that. -DER_DF_INVAL, -DER_DF_INCOMPT.
 */
int vea__tree_each(struct umem *heap, umem_off_t root, uint64_t from, int (*each)(void *arg, uint64_t block, uint64_t nr),
		   void *arg);

#endif
