/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vos/check: walks a pool: every tree, log and record from the root down, garbage included, a bounded number of dkeys a
 * body; then compares the blocks that records name with what the allocator says is in use.
 *
 *	check I1  Blocks in use by the allocator = blocks named by parts and extents (unless the pool changed
 *	          meanwhile).
 *
 * Yields between bodies. Changes nothing.
 */
#include "inside.h"

enum { CHECK_DKEYS = 64 };

struct check {
	struct vos_pool *pool;
	umem_off_t cont;
	struct vos_cont *open; /* the same container, when it is open */
	/* where the last body stopped */
	uint8_t object[VOS_OBJECT_KEY];
	uint8_t dkey[BTREE_HKEY_MAX];
	bool in_object, in_dkey;
	uint64_t blocks;
	/* of the last run */
	uint8_t next_object[VOS_OBJECT_KEY], next_dkey[BTREE_HKEY_MAX];
	bool more, stop_in_dkey;
	uint64_t counted;
};

static int
check_dtx(const struct check *check, umem_off_t off, uint32_t dtx)
{
	if (dtx == 0 || check->open == NULL || vos__dtx_by_local(check->open, dtx) != NULL)
		return 0;
	return vos__corrupt(check->pool, off, "dtx I1: a record names a transaction that is in no table");
}

static int
check_log(const struct check *check, umem_off_t root)
{
	struct ilog log = {.heap = check->pool->heap, .root = root, .log = check->pool->vx->log};
	const struct ilog_entry *entries;
	uint32_t nr;
	int rc = ilog_check(&log);

	if (rc != 0)
		return rc;
	entries = ilog_entries(&log, &nr);
	for (uint32_t i = 0; i < nr && rc == 0; i++)
		rc = check_dtx(check, root, entries[i].dtx);
	return rc;
}

static int
check_view(struct check *check, const struct version_view *view)
{
	for (uint32_t p = 0; p < view->version->parts; p++) {
		if (view->version->media == BIO_BLOB)
			check->counted += DIV_UP(view->parts[p].len, (uint64_t)BIO_BLOCK);
		else if (!vos__sound(check->pool->heap, view->parts[p].addr, view->parts[p].len))
			return vos__corrupt(check->pool, view->off, "a part is longer than its allocation");
	}
	return check_dtx(check, view->off, view->version->dtx);
}

struct extent_arg {
	struct check *check;
	umem_off_t root;
	uint64_t rec_size;
};

static int
check_extent(void *arg, const struct evtree_extent *extent)
{
	struct extent_arg *a = arg;
	const struct evtree_data *data = &extent->data;
	uint64_t bytes;

	if (data->media == BIO_HOLE)
		return check_dtx(a->check, a->root, data->dtx);
	if (__builtin_mul_overflow(extent->hi - extent->lo + 1, a->rec_size, &bytes) || data->media > BIO_HOLE)
		return vos__corrupt(a->check->pool, a->root, "media or length of an extent");
	if (data->media == BIO_BLOB)
		a->check->counted += DIV_UP(bytes, (uint64_t)BIO_BLOCK);
	else if (!vos__sound(a->check->pool->heap, data->addr, bytes))
		return vos__corrupt(a->check->pool, a->root, "an extent is longer than its allocation");
	return check_dtx(a->check, a->root, data->dtx);
}

/* covered: the dkey has a creation. Without one there may be punches below it, whose victims were undone, but no versions (look I1). */
static int
check_akey(struct check *check, umem_off_t off, bool covered)
{
	struct vos_pool *pool = check->pool;
	struct vos_akey_rec *rec = umem_at(pool->heap, off);
	struct btree singles = vos__tree(pool, off + offsetof(struct vos_akey_rec, singles));
	struct evtree extents = {
		.heap = pool->heap, .root = off + offsetof(struct vos_akey_rec, extents), .log = pool->vx->log};
	struct extent_arg arg = {.check = check, .root = extents.root, .rec_size = rec->extents.rec_size};
	struct btree_cursor cursor;
	int rc;

	if (vos__record_check(pool, off) != 0 || rec->head.kind != VOS_KIND_AKEY ||
	    umem_usable(pool->heap, off) < sizeof(*rec) + rec->head.key_len)
		return vos__corrupt(pool, off, "no akey record in a tree of akeys");
	if (rec->ilog.nr == 0)
		return vos__corrupt(pool, off, "look I1: an akey without a creation");
	if (!covered && (rec->singles.count > 0 || rec->extents.count > 0))
		return vos__corrupt(pool, off, "look I1: a version below a dkey without a creation");
	rc = check_log(check, off + offsetof(struct vos_akey_rec, ilog));
	if (rc == 0)
		rc = btree_check(&singles);
	if (rc == 0)
		rc = evtree_check(&extents);
	if (rc == 0)
		rc = evtree_each(&extents, 0, UINT64_MAX, 0, UINT64_MAX, check_extent, &arg);
	if (rc != 0)
		return rc;
	rc = btree_seek(&singles, BTREE_FIRST, NULL, 0, &cursor);
	for (; rc == 0; rc = btree_next(&cursor)) {
		struct version_view view;
		uint8_t key[VOS_SINGLE_KEY];

		rc = vos__single_view(pool, btree_value(&cursor), &view);
		if (rc == 0)
			rc = check_view(check, &view);
		if (rc != 0)
			return rc;
		vos__single_key(view.version->epoch, view.version->minor, key);
		if (memcmp(key, btree_hkey(&cursor), sizeof(key)) != 0)
			return vos__corrupt(pool, view.off, "a version under another's epoch");
	}
	return rc == -DER_NONEXIST ? 0 : rc;
}

static int
check_dkey(struct check *check, umem_off_t off)
{
	struct vos_pool *pool = check->pool;
	struct vos_dkey_rec *rec = umem_at(pool->heap, off);
	struct btree akeys = vos__tree(pool, off + offsetof(struct vos_dkey_rec, akeys));
	struct btree_cursor cursor;
	int rc = vos__record_check(pool, off);

	if (rc != 0)
		return rc;
	if (vos__is_flat(&rec->head)) {
		struct version_view view;

		rc = vos__flat_view(pool, off, &view);
		return rc == 0 ? check_view(check, &view) : rc;
	}
	if (rec->head.kind != VOS_KIND_DKEY || umem_usable(pool->heap, off) < sizeof(*rec) + rec->head.key_len)
		return vos__corrupt(pool, off, "no dkey record in a tree of dkeys");
	if (rec->ilog.nr == 0 && rec->akeys.count == 0)
		return vos__corrupt(pool, off, "look I1: a dkey without a creation");
	rc = check_log(check, off + offsetof(struct vos_dkey_rec, ilog));
	if (rc == 0)
		rc = btree_check(&akeys);
	if (rc != 0)
		return rc;
	rc = btree_seek(&akeys, BTREE_FIRST, NULL, 0, &cursor);
	for (; rc == 0; rc = btree_next(&cursor)) {
		rc = check_akey(check, btree_value(&cursor), rec->ilog.nr > 0);
		if (rc != 0)
			return rc;
	}
	return rc == -DER_NONEXIST ? 0 : rc;
}

/* Some dkeys of one object: 1 when there are more. */
static int
check_object(struct check *check, umem_off_t off, bool resume)
{
	struct vos_pool *pool = check->pool;
	struct btree dkeys = vos__tree(pool, off + offsetof(struct vos_obj_rec, dkeys));
	const struct vos_obj_rec *rec = umem_at(pool->heap, off);
	const struct btree_class *cls;
	struct btree_cursor cursor;
	uint32_t work = 0;
	int rc = 0;

	if (!vos__sound(pool->heap, off, sizeof(*rec)))
		return vos__corrupt(pool, off, "no object record");
	if (rec->version != 1 || rec->flags != 0)
		return vos__corrupt(pool, off, "version or flags of an object");
	if (rec->dkeys.cls >= BTREE_CLASS_MAX || (cls = pool->vx->registry.classes[rec->dkeys.cls]) == NULL)
		return vos__corrupt(pool, off, "the class of a tree of dkeys");
	if (!resume) {
		rc = check_log(check, off + offsetof(struct vos_obj_rec, ilog));
		if (rc == 0)
			rc = btree_check(&dkeys);
	}
	if (rc == 0)
		rc = resume ? btree_seek_hkey(&dkeys, BTREE_GT, check->dkey, &cursor) :
			      btree_seek(&dkeys, BTREE_FIRST, NULL, 0, &cursor);
	for (; rc == 0; rc = btree_next(&cursor)) {
		if (work++ >= CHECK_DKEYS && memcmp(check->next_dkey, btree_hkey(&cursor), cls->hkey_size) != 0)
			return 1;
		memcpy(check->next_dkey, btree_hkey(&cursor), cls->hkey_size);
		rc = check_dkey(check, btree_value(&cursor));
		if (rc != 0)
			return rc;
	}
	return rc == -DER_NONEXIST ? 0 : rc;
}

static int
check_body(struct umem *heap, void *arg)
{
	struct check *check = arg;
	struct btree objects = vos__tree(check->pool, check->cont + offsetof(struct vos_cont_rec, objects));
	struct btree active = vos__tree(check->pool, check->cont + offsetof(struct vos_cont_rec, active));
	struct btree done = vos__tree(check->pool, check->cont + offsetof(struct vos_cont_rec, done));
	struct btree_cursor cursor;
	int rc = 0;

	check->counted = 0;
	check->more = check->stop_in_dkey = false;
	if (!check->in_object) {
		rc = btree_check(&objects);
		if (rc == 0)
			rc = btree_check(&active);
		if (rc == 0)
			rc = btree_check(&done);
		if (rc == 0)
			rc = btree_seek(&objects, BTREE_FIRST, NULL, 0, &cursor);
	} else {
		rc = btree_seek(&objects, check->in_dkey ? BTREE_GE : BTREE_GT, check->object, VOS_OBJECT_KEY, &cursor);
	}
	if (rc != 0)
		return rc == -DER_NONEXIST ? 0 : rc;
	memcpy(check->next_object, btree_hkey(&cursor), VOS_OBJECT_KEY);
	rc = check_object(check, btree_value(&cursor),
			  check->in_dkey && memcmp(check->object, check->next_object, VOS_OBJECT_KEY) == 0);
	check->stop_in_dkey = rc == 1;
	check->more = true;
	return rc < 0 ? rc : 0;
}

static int
check_cont(struct check *check)
{
	int rc;

	check->in_object = check->in_dkey = false;
	do {
		rc = umem_read(check->pool->heap, check_body, check);
		check->blocks += check->counted;
		check->in_object = true;
		check->in_dkey = check->stop_in_dkey;
		memcpy(check->object, check->next_object, sizeof(check->object));
		memcpy(check->dkey, check->next_dkey, sizeof(check->dkey));
	} while (rc == 0 && check->more);
	return rc;
}

/* ---- containers -------------------------------------------------------------------------------------------------- */
struct conts {
	struct vos_pool *pool;
	umem_off_t off;    /* garbage: the last one; in the tree: found */
	uint8_t uuid[16];  /* the last one */
	bool begun, tree_done;
	uint64_t used;     /* blocks, as the allocator's record says */
};

/* The next container: those of the tree, then the garbage. -DER_NONEXIST at the end. */
static int
next_body(struct umem *heap, void *arg)
{
	struct conts *conts = arg;
	struct btree tree = vos__tree(conts->pool, umem_root(heap) + offsetof(struct vos_root, conts));
	const struct vos_root *root = umem_at(heap, umem_root(heap));
	struct btree_cursor cursor;
	umem_off_t off;
	int rc = -DER_NONEXIST;

	conts->used = root->vea.blocks - root->vea.free;
	if (!conts->tree_done)
		rc = conts->begun ? btree_seek(&tree, BTREE_GT, conts->uuid, sizeof(conts->uuid), &cursor)
				  : btree_seek(&tree, BTREE_FIRST, NULL, 0, &cursor);
	if (rc == 0) {
		conts->begun = true;
		conts->off = btree_value(&cursor);
		memcpy(conts->uuid, btree_hkey(&cursor), sizeof(conts->uuid));
		return 0;
	}
	if (rc != -DER_NONEXIST)
		return rc;
	off = conts->tree_done ? ((const struct vos_cont_rec *)umem_at(heap, conts->off))->next : root->garbage;
	if (off == UMEM_NULL)
		return -DER_NONEXIST;
	conts->tree_done = true;
	conts->off = off;
	return 0;
}

int
vos_pool_check(struct vos_pool *pool)
{
	struct conts conts = {.pool = pool};
	struct check *check = MEM_NEW(pool->vx->mem, struct check);
	uint64_t lsn = umem_lsn_last(pool->heap);
	int rc;

	if (check == NULL)
		return -DER_NOMEM;
	check->pool = pool;
	rc = umem_check(pool->heap);
	if (rc == 0 && pool->vea != NULL)
		rc = vea_check(pool->vea);
	while (rc == 0) {
		struct hash_node *node;

		rc = umem_read(pool->heap, next_body, &conts);
		if (rc != 0)
			break;
		check->cont = conts.off;
		node = conts.tree_done ? NULL : hash_find(&pool->conts, conts.uuid);
		check->open = node != NULL ? hash_entry(node, struct vos_cont, node) : NULL;
		rc = check_cont(check);
	}
	if (rc == -DER_NONEXIST)
		rc = 0;
	if (rc == 0 && pool->vea != NULL && lsn == umem_lsn_last(pool->heap) && check->blocks != conts.used) {
		log_error(pool->vx->log, "check I1: records name %llu blocks, the allocator says %llu are in use",
			  (unsigned long long)check->blocks, (unsigned long long)conts.used);
		rc = -DER_DF_INVAL;
	}
	mem_free(pool->vx->mem, check);
	return rc;
}
