/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vos/settle: what a prepared transaction touched, as a list of keys, and what becomes of it: on commit its local id is
 * taken off events and versions, on abort events and versions go, and records that are empty then.
 *
 *	list      one struct vos_touch an op, in order: | touch | dkey | { akey head | akey | extents } ... |
 *
 * Keys, not offsets: records move when others make trees of them. Settling a touch twice does nothing the second time.
 *
 * The list comes from memory or from disk: it is bounds-checked. vos__settle runs inside a body; nothing yields.
 */
#include "inside.h"

/* ---- writing the list -------------------------------------------------------------------------------------------- */
static size_t
akey_size(const struct op_iod *iod, bool values)
{
	size_t size = sizeof(struct vos_touch_akey) + iod->akey.iov_len;

	return values && iod->type == DAOS_IOD_ARRAY ? size + iod->value_nr * 2 * sizeof(uint64_t) : size;
}

static size_t
op_size(const struct vos_op *op)
{
	size_t size = sizeof(struct vos_touch) + op->dkey.iov_len;

	for (uint32_t i = 0; i < op->nr; i++)
		size += akey_size(&op->iods[i], op->kind == OP_UPDATE);
	return size;
}

static char *
encode_op(const struct vos_op *op, uint16_t minor, char *at)
{
	struct vos_touch touch = {.hi = op->oid.hi, .lo = op->oid.lo, .shard = op->shard, .minor = minor,
				  .dkey_len = (uint16_t)op->dkey.iov_len, .akey_nr = op->nr};

	touch.kind = op->kind == OP_UPDATE ? VOS_TOUCH_UPDATE : op->whole ? VOS_TOUCH_PUNCH_OBJECT :
		     op->nr == 0 ? VOS_TOUCH_PUNCH_DKEY : VOS_TOUCH_PUNCH_AKEYS;
	at = (char *)mempcpy(at, &touch, sizeof(touch));
	if (op->dkey.iov_len > 0)
		at = (char *)mempcpy(at, op->dkey.iov_buf, op->dkey.iov_len);
	for (uint32_t i = 0; i < op->nr; i++) {
		const struct op_iod *iod = &op->iods[i];
		bool extents = op->kind == OP_UPDATE && iod->type == DAOS_IOD_ARRAY;
		struct vos_touch_akey akey = {.key_len = (uint16_t)iod->akey.iov_len,
					      .extent_nr = extents ? iod->value_nr : 0,
					      .type = op->kind == OP_UPDATE ? (uint16_t)iod->type : 0};

		at = (char *)mempcpy(at, &akey, sizeof(akey));
		at = (char *)mempcpy(at, iod->akey.iov_buf, iod->akey.iov_len);
		for (uint32_t v = 0; extents && v < iod->value_nr; v++) {
			at = (char *)mempcpy(at, &iod->values[v].lo, sizeof(uint64_t));
			at = (char *)mempcpy(at, &iod->values[v].hi, sizeof(uint64_t));
		}
	}
	return at;
}

int
vos__touch_encode(struct vos_op **ops, uint32_t nr, struct mem *mem, uint8_t **touch, uint32_t *len)
{
	size_t size = 0;
	char *at;

	for (uint32_t i = 0; i < nr; i++)
		size += ops[i]->kind == OP_CHECK ? 0 : op_size(ops[i]);
	if (size > UMEM_ALLOC_MAX / 2)
		return -DER_REC2BIG;
	at = mem_alloc(mem, MAX(size, (size_t)1));
	if (at == NULL)
		return -DER_NOMEM;
	*touch = (uint8_t *)at;
	*len = (uint32_t)size;
	for (uint32_t i = 0; i < nr; i++)
		if (ops[i]->kind != OP_CHECK)
			at = encode_op(ops[i], (uint16_t)(i + 1), at);
	return 0;
}

/* ---- reading it -------------------------------------------------------------------------------------------------- */
struct reader {
	const uint8_t *at, *end;
	bool bad;
};

static const void *
take(struct reader *reader, size_t len)
{
	const void *at = reader->at;

	if (reader->bad || len > (size_t)(reader->end - reader->at)) {
		reader->bad = true;
		return NULL;
	}
	reader->at += len;
	return at;
}

static bool
take_copy(struct reader *reader, void *to, size_t len)
{
	const void *from = take(reader, len);

	if (from != NULL)
		memcpy(to, from, len);
	return from != NULL;
}

/** A key of the list; integers must be aligned. */
struct key_copy {
	daos_key_t key;
	uint64_t aligned;
};

static bool
take_key(struct reader *reader, size_t len, struct key_copy *copy)
{
	const void *bytes = take(reader, len);

	d_iov_set(&copy->key, (void *)bytes, len);
	if (bytes != NULL && len == sizeof(copy->aligned))
		copy->key.iov_buf = memcpy(&copy->aligned, bytes, len);
	return bytes != NULL;
}

/* ---- one touch --------------------------------------------------------------------------------------------------- */
struct context {
	struct vos_cont *cont;
	struct vos_pool *pool;
	const struct dtx *dtx;
	bool commit;
	daos_obj_id_t oid;
	uint16_t minor;
};

static int
settle_log(const struct context *context, umem_off_t root)
{
	struct ilog log = {.heap = context->pool->heap, .root = root};

	return context->commit ? ilog_commit(&log, context->dtx->local) : ilog_abort(&log, context->dtx->local);
}

static bool
log_empty(const struct context *context, umem_off_t root)
{
	const struct ilog_root *rec = umem_at(context->pool->heap, root);

	return rec->nr == 0;
}

/* The epoch of an undone transaction may stay behind as "last": it is a bound from now on. */
static void
doubt_last(const struct context *context, umem_off_t off)
{
	struct vos_last *last = umem_at(context->pool->heap, off);

	if (context->commit || last->epoch != context->dtx->epoch || last->flags == VOS_LAST_ABORTED)
		return;
	last = umem_touch(context->pool->heap, off, sizeof(*last));
	last->flags = VOS_LAST_ABORTED;
}

static int
settle_single(const struct context *context, umem_off_t akey)
{
	struct vos_pool *pool = context->pool;
	struct btree tree = vos__tree(pool, akey + offsetof(struct vos_akey_rec, singles));
	struct vos_single_rec *rec;
	uint8_t key[VOS_SINGLE_KEY];
	uint64_t off;
	int rc;

	vos__single_key(context->dtx->epoch, context->minor, key);
	rc = btree_find(&tree, key, sizeof(key), &off);
	if (rc != 0)
		return rc == -DER_NONEXIST ? 0 : rc;
	if (!vos__sound(pool->heap, off, sizeof(*rec)))
		return vos__corrupt(pool, off, "no record of a single value");
	rec = umem_at(pool->heap, off);
	if (rec->version.dtx != context->dtx->local)
		return 0;
	if (!context->commit)
		return vos__single_drop(pool, akey, context->dtx->epoch, context->minor);
	rec = umem_touch(pool->heap, off, sizeof(*rec));
	rec->version.dtx = 0;
	return 0;
}

static int
settle_extent(const struct context *context, umem_off_t akey, uint64_t lo, uint64_t hi)
{
	struct evtree tree = {.heap = context->pool->heap, .root = akey + offsetof(struct vos_akey_rec, extents)};
	struct evtree_extent which = {
		.lo = lo, .hi = hi, .when = {.epoch = context->dtx->epoch, .minor = context->minor}};
	int rc;

	if (context->commit)
		rc = evtree_set_dtx(&tree, &which, 0);
	else
		rc = vos__extent_drop(context->pool, akey, lo, hi, which.when.epoch, which.when.minor);
	return rc == -DER_NONEXIST ? 0 : rc;
}

/* An akey that an undone transaction made goes when nothing is left of it. */
static int
drop_empty_akey(const struct context *context, umem_off_t akeys, const daos_key_t *key, umem_off_t off)
{
	const struct vos_akey_rec *rec = umem_at(context->pool->heap, off);
	int rc;

	if (context->commit || rec->singles.count > 0 || rec->extents.count > 0 || rec->ilog.nr > 0)
		return 0;
	rc = vos__key_remove(context->pool, akeys, key);
	if (rc == 0)
		umem_free(context->pool->heap, off);
	return rc;
}

static int
settle_akey(const struct context *context, umem_off_t dkey, struct reader *reader)
{
	umem_off_t akeys = dkey + offsetof(struct vos_dkey_rec, akeys), off = UMEM_NULL;
	struct vos_touch_akey head;
	struct key_copy key;
	int rc = 0;

	if (!take_copy(reader, &head, sizeof(head)) || !take_key(reader, head.key_len, &key))
		return -DER_DF_INVAL;
	if (dkey != UMEM_NULL) {
		rc = vos__key_find(context->pool, akeys, &key.key, &off);
		if (rc == -DER_NONEXIST)
			off = UMEM_NULL;
		rc = rc == -DER_NONEXIST ? 0 : rc;
	}
	if (rc == 0 && off != UMEM_NULL && head.type == DAOS_IOD_SINGLE)
		rc = settle_single(context, off);
	for (uint32_t i = 0; i < head.extent_nr && rc == 0; i++) {
		uint64_t range[2];

		if (!take_copy(reader, range, sizeof(range)))
			return -DER_DF_INVAL;
		if (off != UMEM_NULL)
			rc = settle_extent(context, off, range[0], range[1]);
	}
	if (rc != 0 || off == UMEM_NULL)
		return rc;
	rc = settle_log(context, off + offsetof(struct vos_akey_rec, ilog));
	if (rc != 0)
		return rc;
	doubt_last(context, off + offsetof(struct vos_akey_rec, last));
	return drop_empty_akey(context, akeys, &key.key, off);
}

static int
settle_flat(const struct context *context, umem_off_t dkeys, const daos_key_t *key, umem_off_t off)
{
	struct vos_flat_rec *rec = umem_at(context->pool->heap, off);
	int rc;

	if (rec->version.dtx != context->dtx->local)
		return 0;
	if (context->commit) {
		rec = umem_touch(context->pool->heap, off, sizeof(*rec));
		rec->version.dtx = 0;
		return 0;
	}
	rc = vos__key_remove(context->pool, dkeys, key);
	return rc != 0 ? rc : vos__flat_free(context->pool, off);
}

static int
settle_dkey(const struct context *context, umem_off_t dkeys, const struct vos_touch *touch, struct reader *reader)
{
	struct vos_pool *pool = context->pool;
	umem_off_t off = UMEM_NULL, dkey;
	const struct vos_dkey_rec *rec;
	struct key_copy key;
	bool flat = false;
	int rc = 0;

	if (!take_key(reader, touch->dkey_len, &key))
		return -DER_DF_INVAL;
	if (dkeys != UMEM_NULL) {
		rc = vos__key_find(pool, dkeys, &key.key, &off);
		if (rc != 0 && rc != -DER_NONEXIST)
			return rc;
		off = rc == 0 ? off : UMEM_NULL;
		flat = off != UMEM_NULL && vos__is_flat(vos__head(pool, off));
		rc = flat ? settle_flat(context, dkeys, &key.key, off) : 0;
	}
	dkey = flat ? UMEM_NULL : off;
	for (uint32_t i = 0; i < touch->akey_nr && rc == 0; i++)
		rc = settle_akey(context, dkey, reader);
	if (rc != 0 || dkey == UMEM_NULL)
		return rc;
	rc = settle_log(context, dkey + offsetof(struct vos_dkey_rec, ilog));
	if (rc != 0)
		return rc;
	doubt_last(context, dkey + offsetof(struct vos_dkey_rec, last));
	rec = umem_at(pool->heap, dkey);
	if (context->commit || rec->akeys.count > 0 || rec->ilog.nr > 0)
		return 0;
	rc = vos__key_remove(pool, dkeys, &key.key);
	if (rc == 0)
		umem_free(pool->heap, dkey);
	return rc;
}

static int
drop_empty_object(struct context *context, const struct vos_touch *touch, umem_off_t off)
{
	const struct vos_obj_rec *rec = umem_at(context->pool->heap, off);
	struct btree tree = vos__tree(context->pool, context->cont->off + offsetof(struct vos_cont_rec, objects));
	uint8_t key[VOS_OBJECT_KEY];
	int rc;

	if (context->commit || rec->dkeys.count > 0 || !log_empty(context, off + offsetof(struct vos_obj_rec, ilog)))
		return 0;
	vos__object_key(&context->oid, touch->shard, key);
	rc = btree_remove(&tree, key, sizeof(key), NULL);
	if (rc == 0)
		umem_free(context->pool->heap, off);
	return rc;
}

/* By the tree, not by the cache: an earlier touch of this body may have removed the record. */
static int
find_object(const struct context *context, const struct vos_touch *touch, umem_off_t *off)
{
	struct btree tree = vos__tree(context->pool, context->cont->off + offsetof(struct vos_cont_rec, objects));
	uint8_t key[VOS_OBJECT_KEY];
	int rc;

	vos__object_key(&context->oid, touch->shard, key);
	rc = btree_find(&tree, key, sizeof(key), off);
	if (rc == -DER_NONEXIST)
		*off = UMEM_NULL;
	if (rc == 0 && !vos__sound(context->pool->heap, *off, sizeof(struct vos_obj_rec)))
		return vos__corrupt(context->pool, *off, "no object record");
	return rc == -DER_NONEXIST ? 0 : rc;
}

static int
settle_touch(struct context *context, struct reader *reader)
{
	struct vos_touch touch;
	umem_off_t off = UMEM_NULL;
	int rc;

	if (!take_copy(reader, &touch, sizeof(touch)))
		return -DER_DF_INVAL;
	context->oid = (daos_obj_id_t){.hi = touch.hi, .lo = touch.lo};
	context->minor = touch.minor;
	rc = find_object(context, &touch, &off);
	if (rc == 0 && touch.kind != VOS_TOUCH_PUNCH_OBJECT)
		rc = settle_dkey(context, off != UMEM_NULL ? off + offsetof(struct vos_obj_rec, dkeys) : UMEM_NULL,
				 &touch, reader);
	if (rc != 0 || off == UMEM_NULL)
		return rc;
	rc = settle_log(context, off + offsetof(struct vos_obj_rec, ilog));
	if (rc != 0)
		return rc;
	doubt_last(context, off + offsetof(struct vos_obj_rec, last));
	return drop_empty_object(context, &touch, off);
}

int
vos__settle(struct vos_cont *cont, const struct dtx *dtx, bool commit, uint32_t *at, uint32_t max)
{
	struct context context = {.cont = cont, .pool = cont->pool, .dtx = dtx, .commit = commit};
	struct reader reader = {.at = dtx->touch + *at, .end = dtx->touch + dtx->touch_len};

#ifdef PLANTED_vos_dtx_forget
	if (commit && dtx->touch_len > 100)
		reader.at = reader.end;
#endif
	for (uint32_t i = 0; i < max && reader.at < reader.end; i++) {
		int rc = settle_touch(&context, &reader);

		if (rc != 0)
			return reader.bad ?
				       vos__corrupt(cont->pool, dtx->off, "the list of what a transaction touched") :
				       rc;
	}
	*at = (uint32_t)(reader.at - dtx->touch);
	return 0;
}

/* ---- afterwards -------------------------------------------------------------------------------------------------- */
void
vos__touch_mark(struct vos_cont *cont, const uint8_t *list, uint32_t len, uint64_t lsn, bool undone)
{
	struct reader reader = {.at = list, .end = list + len};
	struct vos_touch touch;

	while (reader.at < reader.end && take_copy(&reader, &touch, sizeof(touch))) {
		daos_obj_id_t oid = {.hi = touch.hi, .lo = touch.lo};
		uint64_t hash = vos__hash_object(cont, &oid, touch.shard);
		struct key_copy dkey;

		if (!take_key(&reader, touch.dkey_len, &dkey))
			return;
		vos__mark(cont->pool, cont->hash, hash, touch.dkey_len > 0 ? vos__hash_key(hash, &dkey.key) : 0,
			  touch.kind == VOS_TOUCH_PUNCH_OBJECT, lsn);
		if (undone)
			vos__cache_drop(cont, &oid, touch.shard);
		for (uint32_t i = 0; i < touch.akey_nr; i++) {
			struct vos_touch_akey akey;

			if (!take_copy(&reader, &akey, sizeof(akey)))
				return;
			take(&reader, akey.key_len + (size_t)akey.extent_nr * 2 * sizeof(uint64_t));
		}
	}
}
