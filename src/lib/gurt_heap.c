/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libgurt: binary heaps. All node pointers are in one array, d_bh_nodes1 with room for d_bh_hwm; the levels above it
 * are not used.
 *
 *  I1  A node at place i > 0 does not compare before its parent at (i - 1) / 2.
 *  I2  chn_idx of a node in the heap is its place; of any other that has been in one it is DBH_POISON.
 */
#include <gurt/common.h>
#include <gurt/heap.h>

static void
lock(struct d_binheap *h, bool only_read)
{
	if (h->d_bh_feats & DBH_FT_NOLOCK)
		return;
	if (!(h->d_bh_feats & DBH_FT_RWLOCK))
		D_MUTEX_LOCK(&h->d_bh_mutex);
	else if (only_read)
		D_RWLOCK_RDLOCK(&h->d_bh_rwlock);
	else
		D_RWLOCK_WRLOCK(&h->d_bh_rwlock);
}

static void
unlock(struct d_binheap *h)
{
	if (h->d_bh_feats & DBH_FT_NOLOCK)
		return;
	if (h->d_bh_feats & DBH_FT_RWLOCK)
		D_RWLOCK_UNLOCK(&h->d_bh_rwlock);
	else
		D_MUTEX_UNLOCK(&h->d_bh_mutex);
}

static int
make_room(struct d_binheap *h, uint32_t count)
{
	struct d_binheap_node **nodes;
	uint32_t room = h->d_bh_hwm == 0 ? DBH_SIZE : h->d_bh_hwm;

	if (count <= h->d_bh_hwm)
		return 0;
	while (room < count) {
		if (room > UINT32_MAX / 2)
			return -DER_OVERFLOW;
		room *= 2;
	}
	nodes = d_realloc(h->d_bh_nodes1, (size_t)room * sizeof(*nodes));
	if (nodes == NULL)
		return -DER_NOMEM;
	h->d_bh_nodes1 = nodes;
	h->d_bh_hwm = room;
	return 0;
}

static void
place(struct d_binheap *h, uint32_t idx, struct d_binheap_node *e)
{
	h->d_bh_nodes1[idx] = e;
	e->chn_idx = idx;
}

/** Moves a node towards the root until its parent is not after it; its place then. */
static uint32_t
sift_up(struct d_binheap *h, uint32_t idx)
{
	struct d_binheap_node *e = h->d_bh_nodes1[idx];

	while (idx > 0) {
		uint32_t parent = (idx - 1) / 2;

		if (!h->d_bh_ops->hop_compare(e, h->d_bh_nodes1[parent]))
			break;
		place(h, idx, h->d_bh_nodes1[parent]);
		idx = parent;
	}
	place(h, idx, e);
	return idx;
}

/** Moves a node away from the root until its children are not before it. */
static void
sift_down(struct d_binheap *h, uint32_t idx)
{
	struct d_binheap_node *e = h->d_bh_nodes1[idx];
	uint64_t child;

	while ((child = 2 * (uint64_t)idx + 1) < h->d_bh_nodes_cnt) {
		if (child + 1 < h->d_bh_nodes_cnt &&
		    h->d_bh_ops->hop_compare(h->d_bh_nodes1[child + 1], h->d_bh_nodes1[child]))
			child++;
		if (!h->d_bh_ops->hop_compare(h->d_bh_nodes1[child], e))
			break;
		place(h, idx, h->d_bh_nodes1[child]);
		idx = (uint32_t)child;
	}
	place(h, idx, e);
}

static void
remove_at(struct d_binheap *h, uint32_t idx)
{
	struct d_binheap_node *e = h->d_bh_nodes1[idx], *last = h->d_bh_nodes1[--h->d_bh_nodes_cnt];

	if (last != e) {
		place(h, idx, last);
		if (sift_up(h, idx) == idx)
			sift_down(h, idx);
	}
	e->chn_idx = DBH_POISON;
	if (h->d_bh_ops->hop_exit != NULL)
		h->d_bh_ops->hop_exit(h, e);
}

struct d_binheap_node *
d_binheap_find(struct d_binheap *h, uint32_t idx)
{
	struct d_binheap_node *e;

	lock(h, true);
	e = idx < h->d_bh_nodes_cnt ? h->d_bh_nodes1[idx] : NULL;
	unlock(h);
	return e;
}

int
d_binheap_insert(struct d_binheap *h, struct d_binheap_node *e)
{
	int rc;

	if (e == NULL)
		return -DER_INVAL;
	lock(h, false);
	rc = h->d_bh_nodes_cnt == UINT32_MAX ? -DER_OVERFLOW : make_room(h, h->d_bh_nodes_cnt + 1);
	if (rc == 0 && h->d_bh_ops->hop_enter != NULL)
		rc = h->d_bh_ops->hop_enter(h, e);
	if (rc == 0) {
		place(h, h->d_bh_nodes_cnt++, e);
		sift_up(h, e->chn_idx);
	}
	unlock(h);
	return rc;
}

void
d_binheap_remove(struct d_binheap *h, struct d_binheap_node *e)
{
	lock(h, false);
	D_ASSERTF(e->chn_idx < h->d_bh_nodes_cnt && h->d_bh_nodes1[e->chn_idx] == e, "node is not in the heap\n");
	remove_at(h, e->chn_idx);
	unlock(h);
}

struct d_binheap_node *
d_binheap_remove_root(struct d_binheap *h)
{
	struct d_binheap_node *root = NULL;

	lock(h, false);
	if (h->d_bh_nodes_cnt > 0) {
		root = h->d_bh_nodes1[0];
		remove_at(h, 0);
	}
	unlock(h);
	return root;
}

/* ---- life ------------------------------------------------------------------------------------------------------- */

int
d_binheap_create_inplace(uint32_t feats, uint32_t count, void *priv, struct d_binheap_ops *ops, struct d_binheap *h)
{
	int rc;

	if (ops == NULL || ops->hop_compare == NULL || h == NULL)
		return -DER_INVAL;
	memset(h, 0, sizeof(*h));
	h->d_bh_feats = feats;
	h->d_bh_ops = ops;
	h->d_bh_priv = priv;
	rc = make_room(h, count);
	if (rc == 0 && (feats & DBH_FT_RWLOCK))
		rc = d_errno2der(pthread_rwlock_init(&h->d_bh_rwlock, NULL));
	else if (rc == 0 && !(feats & DBH_FT_NOLOCK))
		rc = d_errno2der(pthread_mutex_init(&h->d_bh_mutex, NULL));
	if (rc != 0)
		d_free(h->d_bh_nodes1);
	return rc;
}

int
d_binheap_create(uint32_t feats, uint32_t count, void *priv, struct d_binheap_ops *ops, struct d_binheap **h)
{
	struct d_binheap *heap;
	int rc;

	if (h == NULL)
		return -DER_INVAL;
	heap = d_calloc(1, sizeof(*heap));
	if (heap == NULL)
		return -DER_NOMEM;
	rc = d_binheap_create_inplace(feats, count, priv, ops, heap);
	if (rc != 0) {
		d_free(heap);
		return rc;
	}
	*h = heap;
	return 0;
}

void
d_binheap_destroy_inplace(struct d_binheap *h)
{
	if (h == NULL)
		return;
	if (h->d_bh_feats & DBH_FT_RWLOCK)
		pthread_rwlock_destroy(&h->d_bh_rwlock);
	else if (!(h->d_bh_feats & DBH_FT_NOLOCK))
		pthread_mutex_destroy(&h->d_bh_mutex);
	d_free(h->d_bh_nodes1);
	memset(h, 0, sizeof(*h));
}

void
d_binheap_destroy(struct d_binheap *h)
{
	d_binheap_destroy_inplace(h);
	d_free(h);
}
