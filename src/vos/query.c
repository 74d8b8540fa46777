/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vos/query: the largest or smallest integer dkey, akey or record, and the newest change of an object.
 *
 * A dkey counts only when what is asked for below it is there: the search goes on to the next one otherwise. A body
 * looks at a bounded number of dkeys and is run again from where it stopped. Yields between bodies. A crash leaves
 * nothing.
 */
#include "inside.h"

enum { QUERY_WORK = 1024, SCAN_WORK = 64 };

struct query {
	const struct vos_key *key;
	struct vos_when *when;
	uint64_t flags;
	struct vos_cont *cont;
	const daos_key_t *akey;
	bool highest;
	/* where the last body stopped */
	bool resume;
	uint64_t at;
	/* of the last run */
	struct look look;
	bool more;
	uint64_t dkey_out, akey_out, rec_size;
	daos_recx_t recx;
	umem_off_t object;
};

/* ---- records ----------------------------------------------------------------------------------------------------- */
struct ends {
	const struct look *look;
	const struct sight *sight;
};

static int
extent_visible(void *arg, const struct evtree_extent *extent)
{
	const struct ends *ends = arg;
	int vis;

	if (!vos__above(extent->when.epoch, extent->when.minor, ends->sight->floor))
		return 1;
	vis = vos__visible(ends->look, extent->data.dtx);
	return vis == VIS_PENDING ? vos__in_the_way(ends->look, extent->data.dtx) : vis < 0 ? vis : vis == VIS_NO;
}

static int
query_extents(struct query *query, umem_off_t akey, const struct sight *sight)
{
	struct vos_pool *pool = query->cont->pool;
	struct ends ends = {.look = &query->look, .sight = sight};
	struct evtree tree = {.heap = pool->heap,
			      .root = akey + offsetof(struct vos_akey_rec, extents),
			      .visible = extent_visible,
			      .arg = &ends};
	struct evtree_when when = {.epoch = query->look.epoch, .minor = VOS_MINOR_MAX};
	struct evtree_piece piece;
	int rc = evtree_end(&tree, query->highest, when, &piece);

	if (rc != 0)
		return rc;
	query->recx = (daos_recx_t){.rx_idx = piece.lo, .rx_nr = piece.hi - piece.lo + 1};
	query->rec_size = ((const struct evtree_root *)umem_at(pool->heap, tree.root))->rec_size;
	return 0;
}

/* ---- akeys ------------------------------------------------------------------------------------------------------- */
/* 0 found, -DER_NONEXIST, or an error. */
static int
query_akey(struct query *query, umem_off_t off, const struct sight *dkey)
{
	struct sight sight;
	int rc = vos__record_check(query->cont->pool, off);

	if (rc == 0)
		rc = vos__sight(&query->look, off + offsetof(struct vos_akey_rec, ilog), dkey, &sight);
	if (rc == 0)
		rc = vos__sight_pass(&query->look, &sight);
	if (rc != 0)
		return rc;
	if ((query->flags & DAOS_GET_RECX) != 0)
		return query_extents(query, off, &sight);
	rc = vos__sight_exists(&query->look, &sight);
	return rc < 0 ? rc : rc == 0 ? -DER_NONEXIST : 0;
}

static int
query_akeys(struct query *query, umem_off_t dkey, const struct sight *sight)
{
	struct vos_pool *pool = query->cont->pool;
	umem_off_t root = dkey + offsetof(struct vos_dkey_rec, akeys), off;
	struct btree tree = vos__tree(pool, root);
	struct btree_cursor cursor;
	int rc;

	if ((query->flags & DAOS_GET_AKEY) == 0) {
		rc = vos__key_find(pool, root, query->akey, &off);
		return rc == 0 ? query_akey(query, off, sight) : rc;
	}
	rc = btree_seek(&tree, query->highest ? BTREE_LAST : BTREE_FIRST, NULL, 0, &cursor);
	for (; rc == 0; rc = query->highest ? btree_prev(&cursor) : btree_next(&cursor)) {
		rc = query_akey(query, btree_value(&cursor), sight);
		if (rc == 0)
			query->akey_out = vos__get_be64(btree_hkey(&cursor));
		if (rc != -DER_NONEXIST)
			return rc;
	}
	return rc;
}

/* ---- dkeys ------------------------------------------------------------------------------------------------------- */
static int
query_flat(struct query *query, umem_off_t off, const struct sight *object)
{
	struct vos_pool *pool = query->cont->pool;
	struct version_view view;
	struct sight sight;
	int rc = vos__flat_view(pool, off, &view);

	if (rc == 0)
		rc = vos__sight_flat(&query->look, view.version, object, &sight);
	if (rc == 0)
		rc = vos__sight_exists(&query->look, &sight);
	if (rc <= 0)
		return rc == 0 ? -DER_NONEXIST : rc;
	if ((query->flags & (DAOS_GET_AKEY | DAOS_GET_RECX)) == 0)
		return 0;
	if ((query->flags & DAOS_GET_AKEY) != 0)
		memcpy(&query->akey_out, view.akey, sizeof(query->akey_out));
	else if (vos__head(pool, off)->akey_len != query->akey->iov_len ||
		 memcmp(view.akey, query->akey->iov_buf, query->akey->iov_len) != 0)
		return -DER_NONEXIST;
	if ((query->flags & DAOS_GET_RECX) == 0)
		return 0;
	if (!view.array || view.version->media == BIO_HOLE)
		return -DER_NONEXIST;
	query->recx = (daos_recx_t){.rx_idx = view.lo, .rx_nr = view.hi - view.lo + 1};
	query->rec_size = view.version->size;
	return 0;
}

static int
query_dkey(struct query *query, umem_off_t off, const struct sight *object)
{
	struct vos_pool *pool = query->cont->pool;
	struct sight sight;
	int rc = vos__record_check(pool, off);

	if (rc != 0)
		return rc;
	if (vos__is_flat(vos__head(pool, off)))
		return query_flat(query, off, object);
	if (vos__head(pool, off)->kind != VOS_KIND_DKEY)
		return vos__corrupt(pool, off, "no dkey record in a tree of dkeys");
	rc = vos__sight(&query->look, off + offsetof(struct vos_dkey_rec, ilog), object, &sight);
	if (rc == 0)
		rc = vos__sight_pass(&query->look, &sight);
	if (rc == 0)
		rc = vos__sight_exists(&query->look, &sight);
	if (rc <= 0)
		return rc == 0 ? -DER_NONEXIST : rc;
	return (query->flags & (DAOS_GET_AKEY | DAOS_GET_RECX)) != 0 ? query_akeys(query, off, &sight) : 0;
}

static int
query_dkeys(struct query *query, const struct sight *object)
{
	struct vos_pool *pool = query->cont->pool;
	struct btree tree = vos__tree(pool, query->object + offsetof(struct vos_obj_rec, dkeys));
	struct btree_cursor cursor;
	uint32_t work = 0;
	int rc;

	if (query->resume)
		rc = btree_seek(&tree, query->highest ? BTREE_LE : BTREE_GE, &query->at, sizeof(query->at), &cursor);
	else
		rc = btree_seek(&tree, query->highest ? BTREE_LAST : BTREE_FIRST, NULL, 0, &cursor);
	for (; rc == 0; rc = query->highest ? btree_prev(&cursor) : btree_next(&cursor)) {
		query->dkey_out = vos__get_be64(btree_hkey(&cursor));
		if (work++ == QUERY_WORK) {
			query->more = true;
			return 0;
		}
		rc = query_dkey(query, btree_value(&cursor), object);
		if (rc != -DER_NONEXIST)
			return rc;
	}
	return rc;
}

static int
query_body(struct umem *heap, void *arg)
{
	struct query *query = arg;
	struct sight object;
	umem_off_t off;
	int rc;

	query->look = vos__look_of(query->cont, query->when);
	query->more = false;
	rc = vos__object_find(query->cont, &query->key->oid, query->key->shard, &query->object);
	if (rc == 0)
		rc = vos__sight(&query->look, query->object + offsetof(struct vos_obj_rec, ilog), NULL, &object);
	if (rc == 0)
		rc = vos__sight_pass(&query->look, &object);
	if (rc != 0)
		return rc;
	if ((query->flags & DAOS_GET_DKEY) != 0)
		return query_dkeys(query, &object);
	rc = vos__key_find(query->cont->pool, query->object + offsetof(struct vos_obj_rec, dkeys), query->key->dkey,
			   &off);
	return rc == 0 ? query_dkey(query, off, &object) : rc;
}

/* ---- around it --------------------------------------------------------------------------------------------------- */
static int
check_query(const struct vos_key *key, uint64_t flags, const daos_key_t *dkey, const daos_key_t *akey,
	    const daos_recx_t *recx)
{
	bool max = (flags & DAOS_GET_MAX) != 0, min = (flags & DAOS_GET_MIN) != 0;
	int rc = 0;

	if (key->cont == NULL || max == min || (flags & (DAOS_GET_DKEY | DAOS_GET_AKEY | DAOS_GET_RECX)) == 0 ||
	    (flags & ~(uint64_t)(DAOS_GET_MAX | DAOS_GET_MIN | DAOS_GET_DKEY | DAOS_GET_AKEY | DAOS_GET_RECX |
				 VOS_NO_TIMESTAMP)) != 0)
		return -DER_INVAL;
	if ((flags & DAOS_GET_DKEY) != 0) {
		if (!daos_is_dkey_uint64(key->oid) || dkey == NULL || dkey->iov_buf == NULL ||
		    dkey->iov_buf_len < sizeof(uint64_t))
			return -DER_INVAL;
	} else {
		rc = dkey != NULL ? vos__key_check(vos__dkey_class(&key->oid), dkey) : -DER_INVAL;
	}
	if (rc == 0 && (flags & DAOS_GET_AKEY) != 0) {
		if (!daos_is_akey_uint64(key->oid) || akey == NULL || akey->iov_buf == NULL ||
		    akey->iov_buf_len < sizeof(uint64_t))
			return -DER_INVAL;
	} else if (rc == 0 && (flags & DAOS_GET_RECX) != 0) {
		rc = akey != NULL ? vos__key_check(vos__akey_class(&key->oid), akey) : -DER_INVAL;
	}
	return rc == 0 && (flags & DAOS_GET_RECX) != 0 && recx == NULL ? -DER_INVAL : rc;
}

static void
leave_stamps(const struct query *query, uint64_t hash_object, uint64_t hash_dkey)
{
	struct stamps *stamps = &query->cont->pool->vx->stamps;
	uint64_t epoch = query->when->epoch, reader = vos__reader(query->when->self);

	if (epoch == DAOS_EPOCH_MAX || (query->flags & VOS_NO_TIMESTAMP) != 0)
		return;
	if ((query->flags & DAOS_GET_DKEY) != 0) {
		vos__stamp(stamps, STAMP_OBJECT_ALL, hash_object, epoch, reader);
		return;
	}
	vos__stamp(stamps, STAMP_DKEY_ALL, hash_dkey, epoch, reader);
	vos__stamp(stamps, STAMP_OBJECT_SUB, hash_object, epoch, reader);
}

static void
put_integer(daos_key_t *key, uint64_t value)
{
	memcpy(key->iov_buf, &value, sizeof(value));
	key->iov_len = sizeof(value);
}

int
vos_query_key(const struct vos_key *key, struct vos_when *when, uint64_t flags, daos_key_t *dkey, daos_key_t *akey,
	      daos_recx_t *recx, uint64_t *size, uint64_t *lsn)
{
	struct vos_key where = *key;
	struct query query = {.key = &where, .when = when, .flags = flags, .cont = key->cont, .akey = akey,
			      .highest = (flags & DAOS_GET_MAX) != 0};
	const struct lsn_tables *tables;
	uint64_t hash_object, hash_dkey = 0;
	int rc;

	if (dkey == NULL)
		dkey = (daos_key_t *)key->dkey;
	rc = check_query(key, flags, dkey, akey, recx);
	if (rc != 0)
		return rc;
	where.dkey = dkey;
	hash_object = vos__hash_object(key->cont, &key->oid, key->shard);
	if ((flags & DAOS_GET_DKEY) == 0)
		hash_dkey = vos__hash_key(hash_object, dkey);
	do {
		rc = umem_read(key->cont->pool->heap, query_body, &query);
		query.resume = query.more;
		query.at = query.dkey_out;
	} while (rc == 0 && query.more);
	tables = key->cont->pool->lsn;
	when->lsn = (flags & DAOS_GET_DKEY) != 0 ? tables->object[hash_object % LSN_OBJECTS] :
						   tables->dkey[hash_dkey % LSN_DKEYS];
	when->lsn = MAX(when->lsn, tables->punch[hash_object % LSN_OBJECTS]);
	if (lsn != NULL)
		*lsn = when->lsn;
	if (rc == 0 || rc == -DER_NONEXIST)
		leave_stamps(&query, hash_object, hash_dkey);
	if (rc != 0)
		return rc;
	if ((flags & DAOS_GET_DKEY) != 0)
		put_integer(dkey, query.dkey_out);
	if ((flags & DAOS_GET_AKEY) != 0)
		put_integer(akey, query.akey_out);
	if ((flags & DAOS_GET_RECX) != 0)
		*recx = query.recx;
	if (size != NULL)
		*size = query.rec_size;
	return 0;
}

/* ---- the newest change ------------------------------------------------------------------------------------------- */
struct newest {
	const struct vos_key *key;
	struct vos_when *when;
	struct vos_cont *cont;
	bool array; /* dkey 0 does not count */
	bool begun;
	uint8_t after[BTREE_HKEY_MAX];
	uint64_t so_far;
	/* of the last run */
	struct look look;
	uint64_t epoch;
	uint8_t stopped[BTREE_HKEY_MAX];
	bool more;
};

static int
newer(struct newest *newest, uint64_t epoch, uint32_t dtx)
{
	int vis;

	if (epoch > newest->look.epoch || epoch <= newest->epoch)
		return 0;
	vis = vos__visible(&newest->look, dtx);
	if (vis == VIS_YES)
		newest->epoch = epoch;
	return vis < 0 ? vis : 0;
}

static int
newest_log(struct newest *newest, umem_off_t root, bool punches_only)
{
	struct ilog log = {.heap = newest->cont->pool->heap, .root = root, .log = newest->cont->pool->vx->log};
	const struct ilog_entry *entries;
	uint32_t nr;
	int rc = 0;

	entries = ilog_entries(&log, &nr);
	if (entries == NULL)
		return -DER_DF_INVAL;
	for (uint32_t i = 0; i < nr && rc == 0; i++)
		if (!punches_only || entries[i].punch != 0)
			rc = newer(newest, entries[i].epoch, entries[i].dtx);
	return rc;
}

static int
newest_extent(void *arg, const struct evtree_extent *extent)
{
	return newer(arg, extent->when.epoch, extent->data.dtx);
}

static int
newest_akey(struct newest *newest, umem_off_t off)
{
	struct vos_pool *pool = newest->cont->pool;
	struct btree singles = vos__tree(pool, off + offsetof(struct vos_akey_rec, singles));
	struct evtree extents = {.heap = pool->heap, .root = off + offsetof(struct vos_akey_rec, extents)};
	struct btree_cursor cursor;
	uint8_t key[VOS_SINGLE_KEY];
	int rc = vos__record_check(pool, off);

	if (rc == 0)
		rc = newest_log(newest, off + offsetof(struct vos_akey_rec, ilog), false);

	if (rc != 0)
		return rc;
	vos__single_key(newest->look.epoch, VOS_MINOR_MAX, key);
	rc = btree_seek(&singles, BTREE_LE, key, sizeof(key), &cursor);
	for (; rc == 0; rc = btree_prev(&cursor)) {
		struct version_view view;

		rc = vos__single_view(pool, btree_value(&cursor), &view);
		if (rc != 0)
			return rc;
		if (view.version->epoch <= newest->epoch)
			break;
		rc = newer(newest, view.version->epoch, view.version->dtx);
		if (rc != 0)
			return rc;
	}
	if (rc != 0 && rc != -DER_NONEXIST)
		return rc;
	return evtree_each(&extents, 0, UINT64_MAX - 1, newest->epoch + 1, newest->look.epoch, newest_extent, newest);
}

static int
newest_dkey(struct newest *newest, umem_off_t off)
{
	struct vos_pool *pool = newest->cont->pool;
	struct btree akeys = vos__tree(pool, off + offsetof(struct vos_dkey_rec, akeys));
	struct btree_cursor cursor;
	int rc = vos__record_check(pool, off);

	if (rc != 0)
		return rc;
	if (vos__is_flat(vos__head(pool, off))) {
		const struct vos_flat_rec *rec = umem_at(pool->heap, off);

		return newer(newest, rec->version.epoch, rec->version.dtx);
	}
	rc = newest_log(newest, off + offsetof(struct vos_dkey_rec, ilog), false);
	if (rc != 0)
		return rc;
	rc = btree_seek(&akeys, BTREE_FIRST, NULL, 0, &cursor);
	for (; rc == 0; rc = btree_next(&cursor)) {
		rc = newest_akey(newest, btree_value(&cursor));
		if (rc != 0)
			return rc;
	}
	return rc == -DER_NONEXIST ? 0 : rc;
}

/* When dkey 0 of an array, which does not count, was changed at the object's last epoch, `last` may be its. */
static int
is_of_attributes(const struct newest *newest, umem_off_t object, uint64_t epoch, bool *attributes)
{
	struct vos_pool *pool = newest->cont->pool;
	uint64_t zero = 0;
	daos_key_t key;
	umem_off_t off;
	int rc;

	*attributes = false;
	if (!newest->array)
		return 0;
	d_iov_set(&key, &zero, sizeof(zero));
	rc = vos__key_find(pool, object + offsetof(struct vos_obj_rec, dkeys), &key, &off);
	if (rc != 0)
		return rc == -DER_NONEXIST ? 0 : rc;
	if (vos__is_flat(vos__head(pool, off)))
		*attributes = ((const struct vos_flat_rec *)umem_at(pool->heap, off))->version.epoch == epoch;
	else
		*attributes = ((const struct vos_dkey_rec *)umem_at(pool->heap, off))->last.epoch == epoch;
	return 0;
}

/* Is `last` the answer? Not when a prepared or undone transaction set it, or it lies behind the reader. */
static bool
last_is_exact(const struct newest *newest, const struct vos_last *last)
{
	const struct dtx *dtx;

	if (last->epoch > newest->look.epoch || (last->flags & VOS_LAST_ABORTED) != 0)
		return false;
	list_each(dtx, &newest->cont->dtx_list, link)
		if (dtx->epoch == last->epoch)
			return false;
	return true;
}

static int
newest_body(struct umem *heap, void *arg)
{
	struct newest *newest = arg;
	struct vos_pool *pool = newest->cont->pool;
	const struct btree_class *cls = pool->vx->registry.classes[vos__dkey_class(&newest->key->oid)];
	const struct vos_obj_rec *rec;
	struct btree_cursor cursor;
	struct btree tree;
	umem_off_t off;
	uint32_t work = 0;
	bool attributes;
	int rc;

	newest->look = vos__look_of(newest->cont, newest->when);
	newest->epoch = newest->so_far;
	newest->more = false;
	rc = vos__object_find(newest->cont, &newest->key->oid, newest->key->shard, &off);
	if (rc != 0)
		return rc == -DER_NONEXIST ? 0 : rc;
	rec = umem_at(heap, off);
	rc = is_of_attributes(newest, off, rec->last.epoch, &attributes);
	if (rc != 0)
		return rc;
	if (!attributes && last_is_exact(newest, &rec->last)) {
		newest->epoch = rec->last.epoch;
		return 0;
	}
	rc = newest_log(newest, off + offsetof(struct vos_obj_rec, ilog), newest->array);
	if (rc != 0)
		return rc;
	tree = vos__tree(pool, off + offsetof(struct vos_obj_rec, dkeys));
	rc = newest->begun ? btree_seek_hkey(&tree, BTREE_GT, newest->after, &cursor) :
			     btree_seek(&tree, BTREE_FIRST, NULL, 0, &cursor);
	for (; rc == 0; rc = btree_next(&cursor)) {
		/* Keys of one hash are looked at together. */
		if (work++ >= SCAN_WORK && memcmp(newest->stopped, btree_hkey(&cursor), cls->hkey_size) != 0) {
			newest->more = true;
			return 0;
		}
		memcpy(newest->stopped, btree_hkey(&cursor), cls->hkey_size);
		if (newest->array && vos__get_be64(btree_hkey(&cursor)) == 0)
			continue;
		rc = newest_dkey(newest, btree_value(&cursor));
		if (rc != 0)
			return rc;
	}
	return rc == -DER_NONEXIST ? 0 : rc;
}

int
vos_query_epoch(const struct vos_key *key, struct vos_when *when, uint64_t *epoch, uint64_t *lsn)
{
	struct newest newest = {.key = key, .when = when, .cont = key->cont, .array = daos_is_array(key->oid)};
	const struct lsn_tables *tables;
	uint64_t hash;
	int rc = vos__where_check(key, false);

	if (rc != 0)
		return rc;
	do {
		rc = umem_read(key->cont->pool->heap, newest_body, &newest);
		newest.so_far = newest.epoch;
		newest.begun = newest.more;
		memcpy(newest.after, newest.stopped, sizeof(newest.after));
	} while (rc == 0 && newest.more);
	hash = vos__hash_object(key->cont, &key->oid, key->shard);
	tables = key->cont->pool->lsn;
	when->lsn = MAX(tables->object[hash % LSN_OBJECTS], tables->punch[hash % LSN_OBJECTS]);
	if (lsn != NULL)
		*lsn = when->lsn;
	*epoch = newest.epoch;
	return rc;
}

int
vos_aggregate(struct vos_cont *cont, uint64_t from, uint64_t to, const uint64_t *snapshots, uint32_t nr)
{
	return -DER_NOSYS;
}
