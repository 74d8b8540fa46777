/* SPDX-License-Identifier: Apache-2.0 */
/* A binary heap whose nodes are members of the elements: the root is the element that compares before all others. */
#ifndef GURT_HEAP_H
#define GURT_HEAP_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* Room grows by doubling, from DBH_SIZE nodes on. */
#define DBH_SHIFT (9)
#define DBH_SIZE (1U << DBH_SHIFT)
#define DBH_MASK (DBH_SIZE - 1)
#define DBH_NOB (DBH_SIZE * sizeof(struct d_binheap_node *))
/** chn_idx of a node that is in no heap. */
#define DBH_POISON (0xdeadbeef)

enum d_bh_feats {
	DBH_FT_NOLOCK = (1 << 0), /**< the caller locks */
	DBH_FT_RWLOCK = (1 << 1), /**< a read-write lock; without either: a mutex */
};

struct d_binheap_node {
	uint32_t chn_idx; /**< where it is in the heap */
};

struct d_binheap;

struct d_binheap_ops {
	/** Called before a node enters; not 0 refuses it; may be NULL. */
	int (*hop_enter)(struct d_binheap *h, struct d_binheap_node *e);
	/** Called after a node left; may be NULL. */
	int (*hop_exit)(struct d_binheap *h, struct d_binheap_node *e);
	/** Whether a comes before b. */
	bool (*hop_compare)(struct d_binheap_node *a, struct d_binheap_node *b);
};

struct d_binheap {
	union {
		pthread_mutex_t d_bh_mutex;
		pthread_rwlock_t d_bh_rwlock;
	};
	uint32_t d_bh_feats;
	struct d_binheap_node ****d_bh_nodes3; /**< not used */
	struct d_binheap_node ***d_bh_nodes2;  /**< not used */
	struct d_binheap_node **d_bh_nodes1;   /**< nodes in heap order */
	struct d_binheap_ops *d_bh_ops;
	void *d_bh_priv;
	uint32_t d_bh_nodes_cnt; /**< nodes in it */
	uint32_t d_bh_hwm;       /**< nodes there is room for */
};

/**
 * Creates a heap.
 *
 * \param[in]	feats	enum d_bh_feats bits
 * \param[in]	count	nodes to make room for at once
 * \param[in]	priv	for the operations
 * \param[in]	ops	operations, which outlive the heap
 * \param[out]	h	heap, destroyed with d_binheap_destroy()
 * \return		0; -DER_INVAL; -DER_NOMEM
 */
int d_binheap_create(uint32_t feats, uint32_t count, void *priv, struct d_binheap_ops *ops, struct d_binheap **h);

/** The same for a heap in memory of the caller, destroyed with d_binheap_destroy_inplace(). */
int d_binheap_create_inplace(uint32_t feats, uint32_t count, void *priv, struct d_binheap_ops *ops,
			     struct d_binheap *h);
void d_binheap_destroy(struct d_binheap *h);
void d_binheap_destroy_inplace(struct d_binheap *h);

/** The node at a place, 0 being the root; NULL: none. */
struct d_binheap_node *d_binheap_find(struct d_binheap *h, uint32_t idx);

/** Adds a node. 0; -DER_NOMEM; what hop_enter said. */
int d_binheap_insert(struct d_binheap *h, struct d_binheap_node *e);

/** Takes a node out. */
void d_binheap_remove(struct d_binheap *h, struct d_binheap_node *e);

/** Takes the root out; NULL: the heap is empty. */
struct d_binheap_node *d_binheap_remove_root(struct d_binheap *h);

/** Number of nodes. */
static inline int
d_binheap_size(struct d_binheap *h)
{
	return (int)h->d_bh_nodes_cnt;
}

static inline bool
d_binheap_is_empty(struct d_binheap *h)
{
	return h->d_bh_nodes_cnt == 0;
}

/** The root, which stays; NULL: the heap is empty. */
static inline struct d_binheap_node *
d_binheap_root(struct d_binheap *h)
{
	return d_binheap_find(h, 0);
}

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
