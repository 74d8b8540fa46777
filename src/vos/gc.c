/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vos/gc: destroyed containers are taken apart, from the leaves up, a bounded number of records a transaction; so is,
 * within a write, what its table does not want remembered (VOS_FORGET).
 *
 *	gc I1  The garbage list is intact at every commit: the first container on it is complete or partly taken apart,
 *	       and leaves the list in the transaction that frees its record.
 *
 * vos_gc_run yields. A crash loses nothing but the place: the next run starts at the end of the same trees.
 */
#include "inside.h"

enum { GC_STEP = 64 };

/* ---- within a body ----------------------------------------------------------------------------------------------- */
static int
keep(void *arg, uint64_t value)
{
	return 0;
}

/* Removes the last key of a tree whose record has been freed. */
static int
pop(struct btree *tree)
{
	uint32_t one = 1;
	int rc = btree_drain(tree, &one, keep, NULL);

	return rc < 0 ? rc : 0;
}

static int
drop_single(void *arg, uint64_t value)
{
	return vos__single_free(arg, value);
}

struct drop_extent {
	struct vos_pool *pool;
	uint64_t rec_size;
};

static int
drop_extent(void *arg, const struct evtree_extent *extent)
{
	struct drop_extent *drop = arg;

	return vos__extent_free(drop->pool, &extent->data, extent->lo, extent->hi, drop->rec_size);
}

static int
drain_akey(struct vos_pool *pool, umem_off_t off, uint32_t *credits)
{
	struct btree singles = vos__tree(pool, off + offsetof(struct vos_akey_rec, singles));
	struct evtree extents = {.heap = pool->heap, .root = off + offsetof(struct vos_akey_rec, extents)};
	struct drop_extent drop = {.pool = pool};
	struct ilog log = {.heap = pool->heap, .root = off + offsetof(struct vos_akey_rec, ilog)};
	int rc = vos__record_check(pool, off);

	if (rc != 0)
		return rc;
	drop.rec_size = ((const struct evtree_root *)umem_at(pool->heap, extents.root))->rec_size;
	rc = btree_drain(&singles, credits, drop_single, pool);
	if (rc == 0)
		rc = evtree_drain(&extents, credits, drop_extent, &drop);
	if (rc == 0)
		ilog_destroy(&log);
	return rc;
}

typedef int (*drain_fn)(struct vos_pool *pool, umem_off_t off, uint32_t *credits);

/* Takes apart a tree of records, last first; each is drained, then freed. 1: credits are used up. */
static int
drain_tree(struct vos_pool *pool, umem_off_t root, drain_fn drain, uint32_t *credits)
{
	struct btree tree = vos__tree(pool, root);

	for (;;) {
		struct btree_cursor cursor;
		umem_off_t off;
		int rc = btree_seek(&tree, BTREE_LAST, NULL, 0, &cursor);

		if (rc != 0)
			return rc == -DER_NONEXIST ? 0 : rc;
		if (*credits == 0)
			return 1;
		off = btree_value(&cursor);
		rc = drain(pool, off, credits);
		if (rc == 0)
			rc = pop(&tree);
		if (rc != 0)
			return rc;
		umem_free(pool->heap, off);
		*credits -= *credits > 0;
	}
}

static int
drain_dkey(struct vos_pool *pool, umem_off_t off, uint32_t *credits)
{
	struct ilog log = {.heap = pool->heap, .root = off + offsetof(struct vos_dkey_rec, ilog)};
	int rc = vos__record_check(pool, off);

	if (rc != 0)
		return rc;
	if (vos__is_flat(vos__head(pool, off)))
		return vos__flat_free_parts(pool, off);
	rc = drain_tree(pool, off + offsetof(struct vos_dkey_rec, akeys), drain_akey, credits);
	if (rc == 0)
		ilog_destroy(&log);
	return rc;
}

static int
drain_object(struct vos_pool *pool, umem_off_t off, uint32_t *credits)
{
	struct ilog log = {.heap = pool->heap, .root = off + offsetof(struct vos_obj_rec, ilog)};
	int rc;

	if (!vos__sound(pool->heap, off, sizeof(struct vos_obj_rec)))
		return vos__corrupt(pool, off, "no object record");
	rc = drain_tree(pool, off + offsetof(struct vos_obj_rec, dkeys), drain_dkey, credits);

	if (rc == 0)
		ilog_destroy(&log);
	return rc;
}

static int
drain_dtx(struct vos_pool *pool, umem_off_t off, uint32_t *credits)
{
	return 0;
}

int
vos__gc_cont(struct vos_pool *pool, umem_off_t cont, uint32_t *credits)
{
	struct btree done = vos__tree(pool, cont + offsetof(struct vos_cont_rec, done));
	int rc = drain_tree(pool, cont + offsetof(struct vos_cont_rec, objects), drain_object, credits);

	if (rc == 0)
		rc = drain_tree(pool, cont + offsetof(struct vos_cont_rec, active), drain_dtx, credits);
	if (rc == 0)
		rc = btree_drain(&done, credits, keep, NULL);
	return rc;
}

/* ---- histories that nobody reads (VOS_FORGET) --------------------------------------------------------------------- */
static int
forget_key(struct vos_pool *pool, umem_off_t root, const daos_key_t *key, umem_off_t off, drain_fn drain)
{
	uint32_t credits = GC_STEP;
	int rc = drain(pool, off, &credits);

	if (rc == 0)
		rc = vos__key_remove(pool, root, key);
	if (rc == 0)
		umem_free(pool->heap, off);
	return rc;
}

int
vos__akey_forget(struct vos_pool *pool, umem_off_t akeys, const daos_key_t *akey, umem_off_t off)
{
	return forget_key(pool, akeys, akey, off, drain_akey);
}

int
vos__dkey_forget(struct vos_pool *pool, umem_off_t dkeys, const daos_key_t *dkey, umem_off_t off)
{
	return forget_key(pool, dkeys, dkey, off, drain_dkey);
}

int
vos__object_forget(struct vos_cont *cont, const daos_obj_id_t *oid, uint32_t shard, umem_off_t off)
{
	struct btree tree = vos__tree(cont->pool, cont->off + offsetof(struct vos_cont_rec, objects));
	uint8_t key[VOS_OBJECT_KEY];
	uint32_t credits = GC_STEP;
	int rc = drain_object(cont->pool, off, &credits);

	if (rc != 0)
		return rc;
	/* Dropping is right whatever becomes of the body: the cache only saves a search. */
	vos__cache_drop(cont, oid, shard);
	vos__object_key(oid, shard, key);
	rc = btree_remove(&tree, key, sizeof(key), NULL);
	if (rc == 0)
		umem_free(cont->pool->heap, off);
	return rc;
}

/* ---- around it --------------------------------------------------------------------------------------------------- */
struct gc {
	struct vos_pool *pool;
	uint32_t step, left;
	bool more;
};

static int
gc_body(struct umem *heap, void *arg)
{
	struct gc *gc = arg;
	struct vos_root *root = umem_at(heap, umem_root(heap));
	umem_off_t off = root->garbage;
	int rc;

	gc->left = gc->step;
	gc->more = off != UMEM_NULL;
	if (off == UMEM_NULL)
		return 0;
	if (!vos__sound(heap, off, sizeof(struct vos_cont_rec)))
		return vos__corrupt(gc->pool, off, "the list of destroyed containers");
	rc = vos__gc_cont(gc->pool, off, &gc->left);
	if (rc != 0)
		return rc < 0 ? rc : 0;
	root = umem_touch(heap, umem_root(heap), sizeof(*root));
	root->garbage = ((const struct vos_cont_rec *)umem_at(heap, off))->next;
	gc->more = root->garbage != UMEM_NULL;
	umem_free(heap, off);
	return 0;
}

/* One pool, until nothing is left or credits are used up. */
static int
gc_pool(struct vos_pool *pool, uint32_t *credits)
{
	struct gc gc = {.pool = pool, .more = true};
	uint32_t most = GC_STEP;

	while (gc.more && *credits > 0) {
		int rc;

		gc.step = MIN(*credits, most);
		rc = umem_write(pool->heap, UMEM_RESERVE, gc_body, &gc, NULL);
		if (rc == -DER_OVERFLOW && most > 1) {
			most /= 4;
			continue;
		}
		if (rc != 0)
			return rc;
		*credits -= MAX(gc.step - gc.left, 1U);
		ult_yield();
	}
	pool->garbage = gc.more;
	return 0;
}

/* A pool that has garbage and works; NULL: none. */
static struct vos_pool *
next_pool(struct vos_xs *vx)
{
	struct hash_node *node;
	struct hash_iter iter;

	for (hash_iter_init(&iter, &vx->pools); (node = hash_iter_next(&iter)) != NULL;) {
		struct vos_pool *pool = hash_entry(node, struct vos_pool, node);

		if (pool->garbage && umem_failed(pool->heap) == 0)
			return pool;
	}
	return NULL;
}

int
vos_gc_run(struct vos_xs *vx, uint32_t credits, bool *more)
{
	struct vos_pool *pool;
	int rc = 0;

	while (credits > 0 && rc == 0 && (pool = next_pool(vx)) != NULL) {
		pool->refs++;
		rc = gc_pool(pool, &credits);
		vos_pool_close(pool);
	}
	*more = next_pool(vx) != NULL;
	return rc;
}
