/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vos/cont: container shards: a record in the pool's tree, and while it is open its tables of transactions in DRAM.
 *
 *	created -> open (counted) -> closed -> destroyed: out of the tree, on the garbage list -> freed by vos_gc_run
 *
 *	cont I1  A container is in the tree or on the garbage list, never both; the change is one transaction.
 *
 * All but close yield; opening and destroying hold conts_lock. What these calls show is durable when they return,
 * except for what carries an LSN.
 */
#include "inside.h"

struct cont_arg {
	struct vos_pool *pool;
	const uint8_t *uuid;
	umem_off_t off;
	struct vos_cont_info *info;
};

static struct btree
conts_tree(struct vos_pool *pool)
{
	return vos__tree(pool, umem_root(pool->heap) + offsetof(struct vos_root, conts));
}

/* ---- create ------------------------------------------------------------------------------------------------------ */
static int
create_body(struct umem *heap, void *arg)
{
	struct cont_arg *a = arg;
	struct btree tree = conts_tree(a->pool);
	static const struct {
		size_t root;
		uint32_t cls;
	} trees[] = {
		{offsetof(struct vos_cont_rec, objects), VOS_CLASS_OBJECT},
		{offsetof(struct vos_cont_rec, active), VOS_CLASS_DTX_ACTIVE},
		{offsetof(struct vos_cont_rec, done), VOS_CLASS_DTX_DONE},
	};
	struct vos_cont_rec *rec;
	umem_off_t off;
	int rc = btree_find(&tree, a->uuid, sizeof(uuid_t), &off);

	if (rc != -DER_NONEXIST)
		return rc == 0 ? -DER_EXIST : rc;
	off = umem_alloc(heap, sizeof(*rec));
	if (off == UMEM_NULL)
		return -DER_NOSPACE;
	rec = umem_at(heap, off);
	memcpy(rec->uuid, a->uuid, sizeof(rec->uuid));
	rec->version = 1;
	for (size_t i = 0; i < ARRAY_SIZE(trees); i++) {
		struct btree below = vos__tree(a->pool, off + trees[i].root);

		rc = btree_create(&below, trees[i].cls, 0);
		if (rc != 0)
			return rc;
	}
	return btree_insert(&tree, a->uuid, sizeof(uuid_t), off, NULL);
}

int
vos_cont_create(struct vos_pool *pool, const uuid_t uuid, uint64_t *lsn)
{
	struct cont_arg arg = {.pool = pool, .uuid = uuid};
	uint64_t mine;
	int rc;

	if (uuid_is_null(uuid))
		return -DER_INVAL;
	rc = umem_write(pool->heap, 0, create_body, &arg, &mine);
	if (rc == 0) {
		pool->lsn->pool = mine;
		pool->conts_nr++;
	}
	if (lsn != NULL)
		*lsn = pool->lsn->pool;
	return rc;
}

/* ---- open, close ------------------------------------------------------------------------------------------------- */
static int
find_body(struct umem *heap, void *arg)
{
	struct cont_arg *a = arg;
	struct btree tree = conts_tree(a->pool);
	const struct vos_cont_rec *rec;
	int rc = btree_find(&tree, a->uuid, sizeof(uuid_t), &a->off);

	if (rc != 0)
		return rc;
	if (!vos__sound(heap, a->off, sizeof(*rec)))
		return vos__corrupt(a->pool, a->off, "no container record");
	rec = umem_at(heap, a->off);
	return rec->version == 1 && rec->flags == 0 ? 0 :
						      vos__corrupt(a->pool, a->off, "version or flags of a container");
}

static struct vos_cont *
cont_find(struct vos_pool *pool, const uuid_t uuid)
{
	struct hash_node *node = hash_find(&pool->conts, uuid);

	return node != NULL ? hash_entry(node, struct vos_cont, node) : NULL;
}

static int
cont_load(struct vos_pool *pool, const uuid_t uuid, struct vos_cont **result)
{
	struct cont_arg arg = {.pool = pool, .uuid = uuid};
	struct vos_xs *vx = pool->vx;
	struct vos_cont *cont;
	int rc = umem_read(pool->heap, find_body, &arg), rc2;

	rc2 = vos_wait(pool, pool->lsn->pool);
	if (rc != 0 || rc2 != 0)
		return rc != 0 ? rc : rc2;
	cont = MEM_NEW(vx->mem, struct vos_cont);
	if (cont == NULL)
		return -DER_NOMEM;
	uuid_copy(cont->uuid, uuid);
	cont->pool = pool;
	cont->off = arg.off;
	cont->seq = ++vx->cont_seq;
	cont->hash = hash_key_uuid(uuid, 0);
	vos__dtx_init(cont);
	rc = vos__dtx_load(cont);
	if (rc == 0)
		rc = vos__dtx_finish(cont);
	if (rc != 0) {
		vos__dtx_fini(cont);
		mem_free(vx->mem, cont);
		return rc;
	}
	hash_insert(&pool->conts, &cont->node, cont->uuid);
	*result = cont;
	return 0;
}

int
vos_cont_open(struct vos_pool *pool, const uuid_t uuid, struct vos_cont **result)
{
	struct vos_cont *cont;
	int rc = 0;

	ult_mutex_lock(&pool->conts_lock);
	cont = cont_find(pool, uuid);
	if (cont == NULL)
		rc = cont_load(pool, uuid, &cont);
	if (rc == 0) {
		cont->refs++;
		*result = cont;
	}
	ult_mutex_unlock(&pool->conts_lock);
	return rc;
}

void
vos_cont_close(struct vos_cont *cont)
{
	ASSERT(cont->refs > 0);
	if (--cont->refs > 0)
		return;
	hash_remove(&cont->pool->conts, &cont->node);
	vos__dtx_fini(cont);
	mem_free(cont->pool->vx->mem, cont);
}

struct vos_pool *
vos_cont_pool(const struct vos_cont *cont)
{
	return cont->pool;
}

/* ---- destroy ----------------------------------------------------------------------------------------------------- */
static int
destroy_body(struct umem *heap, void *arg)
{
	struct cont_arg *a = arg;
	struct btree tree = conts_tree(a->pool);
	struct vos_cont_rec *rec;
	struct vos_root *root;
	int rc = btree_remove(&tree, a->uuid, sizeof(uuid_t), &a->off);

	if (rc != 0)
		return rc;
	if (!vos__sound(heap, a->off, sizeof(*rec)))
		return vos__corrupt(a->pool, a->off, "no container record");
	root = umem_touch(heap, umem_root(heap), sizeof(*root));
	rec = umem_touch(heap, a->off, sizeof(*rec));
	rec->flags = VOS_CONT_GARBAGE;
	rec->next = root->garbage;
	root->garbage = a->off;
	return 0;
}

int
vos_cont_destroy(struct vos_pool *pool, const uuid_t uuid, uint64_t *lsn)
{
	struct cont_arg arg = {.pool = pool, .uuid = uuid};
	uint64_t mine;
	int rc;

	ult_mutex_lock(&pool->conts_lock);
	rc = cont_find(pool, uuid) != NULL ? -DER_BUSY :
					     umem_write(pool->heap, UMEM_RESERVE, destroy_body, &arg, &mine);
	if (rc == 0) {
		pool->lsn->pool = mine;
		pool->conts_nr--;
		pool->garbage = true;
	}
	if (lsn != NULL)
		*lsn = pool->lsn->pool;
	ult_mutex_unlock(&pool->conts_lock);
	return rc;
}

/* ---- asking ------------------------------------------------------------------------------------------------------ */
static int
query_body(struct umem *heap, void *arg)
{
	struct cont_arg *a = arg;
	const struct vos_cont_rec *rec = umem_at(heap, a->off);

	a->info->objects = rec->objects.count;
	a->info->aggregated = rec->aggregated;
	a->info->dtx_committed = (uint32_t)MIN(rec->done.count, (uint64_t)UINT32_MAX);
	return 0;
}

int
vos_cont_query(struct vos_cont *cont, struct vos_cont_info *info)
{
	struct cont_arg arg = {.pool = cont->pool, .off = cont->off, .info = info};
	int rc;

	*info = (struct vos_cont_info){.dtx_active = cont->dtx_nr};
	uuid_copy(info->uuid, cont->uuid);
	rc = umem_read(cont->pool->heap, query_body, &arg);
	return rc != 0 ? rc : vos_wait(cont->pool, umem_lsn_last(cont->pool->heap));
}

struct names_arg {
	struct vos_pool *pool;
	const uint8_t *after;
	uuid_t *uuids;
	uint32_t max, nr;
};

static int
names_body(struct umem *heap, void *arg)
{
	struct names_arg *a = arg;
	struct btree tree = conts_tree(a->pool);
	struct btree_cursor cursor;
	int rc = btree_seek(&tree, BTREE_GT, a->after, sizeof(uuid_t), &cursor);

	for (a->nr = 0; rc == 0 && a->nr < a->max; rc = btree_next(&cursor))
		memcpy(a->uuids[a->nr++], btree_hkey(&cursor), sizeof(uuid_t));
	return rc == -DER_NONEXIST ? 0 : rc;
}

int
vos_cont_list(struct vos_pool *pool, const uuid_t after, uuid_t *uuids, uint32_t max, uint32_t *nr)
{
	struct names_arg arg = {.pool = pool, .after = after, .uuids = uuids, .max = max};
	int rc = umem_read(pool->heap, names_body, &arg);

	*nr = arg.nr;
	return rc != 0 ? rc : vos_wait(pool, pool->lsn->pool);
}
