/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vos/value: versions of values: how they are stored, replaced, made of one form into the other, and dropped.
 *
 *	flat record     dkey, akey and one version in one allocation: the usual case of small keys
 *	                | head | version | (lo, hi) | parts | dkey | akey | checksums | bytes |
 *	single record   one version of a single value
 *	                | version | parts | checksums | bytes |
 *	extent          an entry of the akey's extent tree; bytes and checksums are allocations of their own
 *
 *	value I1  Blocks of the data blob, and allocations of bytes, have one owner: one part, or one extent.
 *	value I2  What is freed here is quarantined by umem and vea until that is durable and readers are gone.
 *
 * Runs inside bodies; nothing yields. A crash leaves what the transaction leaves.
 */
#include "inside.h"

/* ---- checksums: chunks are counted from record 0 of an array, from byte 0 of a single value ---------------------- */
uint64_t
vos__chunk_records(uint64_t rec_size, uint32_t chunk)
{
	return rec_size == 0 || chunk < rec_size ? 1 : chunk / rec_size;
}

uint64_t
vos__csum_count_array(uint64_t lo, uint64_t hi, uint64_t rec_size, uint32_t chunk)
{
	uint64_t records = vos__chunk_records(rec_size, chunk);

	return hi / records - lo / records + 1;
}

uint64_t
vos__csum_count_single(uint64_t size, uint32_t chunk)
{
	return chunk == 0 || size == 0 ? 1 : DIV_UP(size, (uint64_t)chunk);
}

/* ---- taking records apart ---------------------------------------------------------------------------------------- */
/* Fills the view from at on, where parts begin. Everything is checked against the end of the allocation. */
static int
view_rest(struct vos_pool *pool, size_t fixed, size_t dkey_len, size_t akey_len, struct version_view *view)
{
	struct vos_version *version = view->version;
	char *base = umem_at(pool->heap, view->off);
	uint64_t at = fixed, room, nr = 0;
	bool hole = version->media == BIO_HOLE, remote = (version->flags & VOS_VERSION_REMOTE) != 0;

	room = umem_usable(pool->heap, view->off);
	if (view->off % UMEM_SEGMENT != 0)
		room = MIN(room, UMEM_SEGMENT - view->off % UMEM_SEGMENT);
	if (version->media > BIO_HOLE || (version->flags & ~VOS_VERSION_REMOTE) != 0)
		return vos__corrupt(pool, view->off, "unknown media or flags of a version");
	if (!view->array)
		view->bytes = hole ? 0 : version->size;
	else if (view->hi < view->lo ||
		 __builtin_mul_overflow(hole ? 0 : version->size, view->hi - view->lo + 1, &view->bytes))
		return vos__corrupt(pool, view->off, "the range of an extent");
	if (version->csum_type != 0 && !hole)
		nr = view->array ? vos__csum_count_array(view->lo, view->hi, version->size, version->csum_chunk)
				 : vos__csum_count_single(version->size, version->csum_chunk);
	view->parts = (struct vos_part *)(base + at);
	at += version->parts * sizeof(struct vos_part);
	view->dkey = base + at;
	at += dkey_len;
	view->akey = base + at;
	at += akey_len;
	if (at > room || nr > room || (view->csum_bytes = nr * version->csum_size) > room - at)
		return vos__corrupt(pool, view->off, "a version record is longer than its space");
	view->csum_off = view->off + at;
	view->csum = (const uint8_t *)base + at;
	at += view->csum_bytes;
	view->data_off = UMEM_NULL;
	if (!hole && !remote) {
		if (version->media != BIO_HEAP || view->bytes > room - at)
			return vos__corrupt(pool, view->off, "a value is longer than its record");
		view->data_off = view->off + at;
	} else if (!hole) {
		uint64_t sum = 0;

		for (uint32_t i = 0; i < version->parts; i++)
			sum += view->parts[i].len;
		if (sum != view->bytes || (view->array && version->parts != 1))
			return vos__corrupt(pool, view->off, "the parts of a value are not its bytes");
	}
	return 0;
}

int
vos__flat_view(struct vos_pool *pool, umem_off_t off, struct version_view *view)
{
	struct vos_flat_array_rec *rec = umem_at(pool->heap, off);

	*view = (struct version_view){
		.off = off, .version = &rec->version, .array = rec->head.kind == VOS_KIND_FLAT_ARRAY};
	if (!vos__is_flat(&rec->head))
		return vos__corrupt(pool, off, "no flat record");
	if (view->array) {
		view->lo = rec->lo;
		view->hi = rec->hi;
	}
	return view_rest(pool, view->array ? sizeof(*rec) : sizeof(struct vos_flat_rec), rec->head.key_len,
			 rec->head.akey_len, view);
}

int
vos__single_view(struct vos_pool *pool, umem_off_t off, struct version_view *view)
{
	struct vos_single_rec *rec;

	if (!vos__sound(pool->heap, off, sizeof(*rec)))
		return vos__corrupt(pool, off, "no record of a single value");
	rec = umem_at(pool->heap, off);
	*view = (struct version_view){.off = off, .version = &rec->version};
	return view_rest(pool, sizeof(*rec), 0, 0, view);
}

/* ---- storing ----------------------------------------------------------------------------------------------------- */
static size_t
tail_size(const struct value *value)
{
	return (value->remote ? value->part_nr * sizeof(struct vos_part) : value->bytes) +
	       value->csum_nr * value->csum_size;
}

size_t
vos__flat_size(uint32_t dkey_len, uint32_t akey_len, const struct value *value, bool array)
{
	return (array ? sizeof(struct vos_flat_array_rec) : sizeof(struct vos_flat_rec)) + dkey_len + akey_len +
	       tail_size(value);
}

static void
fill_version(struct vos_version *version, const struct value *value, const struct stamp_of_write *when)
{
	*version = (struct vos_version){
		.epoch = when->epoch, .dtx = when->dtx, .minor = when->minor, .media = value->media,
		.csum_type = value->csum_type, .size = value->size, .csum_size = value->csum_size,
		.flags = value->remote ? VOS_VERSION_REMOTE : 0, .parts = value->remote ? value->part_nr : 0,
		.csum_chunk = value->csum_chunk, .map_version = when->map_version, .tag = when->tag,
	};
}

/* Bytes of one remote piece: published blocks, or an allocation with a copy. */
static int
store_piece(struct vos_pool *pool, const struct value *value, const struct piece *piece, uint64_t *addr)
{
	if (value->media == BIO_BLOB) {
		*addr = piece->extent.block * BIO_BLOCK;
		return vea_publish(pool->vea, &piece->extent);
	}
	*addr = umem_alloc(pool->heap, piece->len);
	if (*addr == UMEM_NULL)
		return -DER_NOSPACE;
	memcpy(umem_at(pool->heap, *addr), piece->buf, piece->len);
	return 0;
}

/* Parts at `parts`, checksums and bytes at `tail`: all in one fresh allocation. */
static int
store_tail(struct vos_pool *pool, const struct value *value, struct vos_part *parts, char *tail)
{
	for (uint32_t i = 0; value->remote && i < value->part_nr; i++) {
		int rc = store_piece(pool, value, &value->pieces[i], &parts[i].addr);

		if (rc != 0)
			return rc;
		parts[i].len = value->pieces[i].len;
	}
	if (value->csum_nr > 0)
		memcpy(tail, value->csum, (size_t)value->csum_nr * value->csum_size);
	if (!value->remote && value->bytes > 0)
		memcpy(tail + (size_t)value->csum_nr * value->csum_size, value->pieces[0].buf, value->bytes);
	return 0;
}

int
vos__flat_make(struct vos_pool *pool, const daos_key_t *dkey, const daos_key_t *akey, bool array,
	       const struct value *value, const struct stamp_of_write *when, umem_off_t *off)
{
	size_t fixed = array ? sizeof(struct vos_flat_array_rec) : sizeof(struct vos_flat_rec);
	struct vos_flat_array_rec *rec;
	char *at;

	*off = umem_alloc(pool->heap, vos__flat_size(dkey->iov_len, akey->iov_len, value, array));
	if (*off == UMEM_NULL)
		return -DER_NOSPACE;
	rec = umem_at(pool->heap, *off);
	rec->head = (struct vos_key_head){.kind = array ? VOS_KIND_FLAT_ARRAY : VOS_KIND_FLAT_SINGLE,
					  .key_len = (uint16_t)dkey->iov_len, .akey_len = (uint16_t)akey->iov_len};
	fill_version(&rec->version, value, when);
	if (array) {
		rec->lo = value->lo;
		rec->hi = value->hi;
	}
	at = (char *)rec + fixed + rec->version.parts * sizeof(struct vos_part);
	memcpy(at, dkey->iov_buf, dkey->iov_len);
	memcpy(at + dkey->iov_len, akey->iov_buf, akey->iov_len);
	return store_tail(pool, value, (struct vos_part *)((char *)rec + fixed), at + dkey->iov_len + akey->iov_len);
}

/* ---- extents ----------------------------------------------------------------------------------------------------- */
static struct evtree
extents_of(struct vos_pool *pool, umem_off_t akey)
{
	return (struct evtree){.heap = pool->heap, .root = akey + offsetof(struct vos_akey_rec, extents)};
}

/* One checksum of at most 8 bytes lies in the entry itself. */
static bool
csum_inline(uint64_t nr, uint32_t size)
{
	return nr == 1 && size <= sizeof(uint64_t);
}

static int
store_csums(struct vos_pool *pool, const uint8_t *csum, uint64_t nr, uint32_t size, uint64_t *at)
{
	*at = 0;
	if (nr == 0)
		return 0;
	if (csum_inline(nr, size)) {
		memcpy(at, csum, size);
		return 0;
	}
	*at = umem_alloc(pool->heap, nr * size);
	if (*at == UMEM_NULL)
		return -DER_NOSPACE;
	memcpy(umem_at(pool->heap, *at), csum, nr * size);
	return 0;
}

int
vos__extent_free(struct vos_pool *pool, const struct evtree_data *data, uint64_t lo, uint64_t hi, uint64_t rec_size)
{
	uint64_t bytes = (hi - lo + 1) * rec_size;

	if (data->media == BIO_HOLE)
		return 0;
	if (data->csum_type != 0 &&
	    !csum_inline(vos__csum_count_array(lo, hi, rec_size, data->csum_chunk), data->csum_size))
		umem_free(pool->heap, data->csum);
	if (data->media == BIO_HEAP)
		umem_free(pool->heap, data->addr);
	else if (pool->vea == NULL)
		return vos__corrupt(pool, 0, "an extent on a data blob that is not there");
	else
		return vea_free(pool->vea, data->addr / BIO_BLOCK, (uint32_t)DIV_UP(bytes, (uint64_t)BIO_BLOCK));
	return 0;
}

static int
insert_extent(struct vos_pool *pool, umem_off_t akey, const struct evtree_extent *extent, uint64_t rec_size,
	      bool foreign)
{
	struct evtree tree = extents_of(pool, akey);
	struct evtree_data replaced;
	int rc = evtree_insert(&tree, extent, extent->data.media == BIO_HOLE ? 0 : (uint32_t)rec_size, &replaced);

	if (foreign && (rc == 1 || rc == -DER_VOS_PARTIAL_UPDATE))
		return -DER_TX_RESTART;
	if (rc == 1) {
		const struct evtree_root *root = umem_at(pool->heap, tree.root);

		return vos__extent_free(pool, &replaced, extent->lo, extent->hi, root->rec_size);
	}
	return rc;
}

int
vos__extent_put(struct vos_pool *pool, umem_off_t akey, const struct value *value, const struct stamp_of_write *when,
		bool foreign)
{
	struct evtree_extent extent = {
		.lo = value->lo, .hi = value->hi, .when = {.epoch = when->epoch, .minor = when->minor},
		.data = {.media = value->media, .csum_type = value->csum_type, .csum_size = value->csum_size,
			 .csum_chunk = value->csum_chunk, .dtx = when->dtx, .version = when->map_version},
	};
	int rc = 0;

	if (value->media != BIO_HOLE) {
		rc = store_piece(pool, value, &value->pieces[0], &extent.data.addr);
		if (rc == 0)
			rc = store_csums(pool, value->csum, value->csum_nr, value->csum_size, &extent.data.csum);
	}
	return rc != 0 ? rc : insert_extent(pool, akey, &extent, value->size, foreign);
}

int
vos__extent_drop(struct vos_pool *pool, umem_off_t akey, uint64_t lo, uint64_t hi, uint64_t epoch, uint16_t minor)
{
	struct evtree tree = extents_of(pool, akey);
	const struct evtree_root *root = umem_at(pool->heap, tree.root);
	struct evtree_extent which = {.lo = lo, .hi = hi, .when = {.epoch = epoch, .minor = minor}};
	uint64_t rec_size = root->rec_size;
	struct evtree_data data;
	int rc = evtree_remove(&tree, &which, &data);

	return rc != 0 ? rc : vos__extent_free(pool, &data, lo, hi, rec_size);
}

/* ---- single values ----------------------------------------------------------------------------------------------- */
static struct btree
singles_of(struct vos_pool *pool, umem_off_t akey)
{
	return vos__tree(pool, akey + offsetof(struct vos_akey_rec, singles));
}

static int
free_parts(struct vos_pool *pool, const struct version_view *view)
{
	int rc = 0;

	for (uint32_t i = 0; i < view->version->parts && rc == 0; i++) {
		const struct vos_part *part = &view->parts[i];

		if (view->version->media == BIO_HEAP)
			umem_free(pool->heap, part->addr);
		else if (view->version->media != BIO_BLOB || pool->vea == NULL)
			rc = vos__corrupt(pool, view->off, "a part on a data blob that is not there");
		else
			rc = vea_free(pool->vea, part->addr / BIO_BLOCK,
				      (uint32_t)DIV_UP(part->len, (uint64_t)BIO_BLOCK));
	}
	return rc;
}

int
vos__single_free(struct vos_pool *pool, umem_off_t off)
{
	struct version_view view;
	int rc = vos__single_view(pool, off, &view);

	if (rc == 0)
		rc = free_parts(pool, &view);
	if (rc == 0)
		umem_free(pool->heap, off);
	return rc;
}

int
vos__flat_free_parts(struct vos_pool *pool, umem_off_t off)
{
	struct version_view view;
	int rc = vos__flat_view(pool, off, &view);

	return rc == 0 ? free_parts(pool, &view) : rc;
}

int
vos__flat_free(struct vos_pool *pool, umem_off_t off)
{
	int rc = vos__flat_free_parts(pool, off);

	if (rc == 0)
		umem_free(pool->heap, off);
	return rc;
}

static int
insert_single(struct vos_pool *pool, umem_off_t akey, uint64_t epoch, uint16_t minor, umem_off_t off, bool foreign)
{
	struct btree tree = singles_of(pool, akey);
	uint8_t key[VOS_SINGLE_KEY];
	uint64_t found;
	int rc;

	vos__single_key(epoch, minor, key);
	rc = btree_insert(&tree, key, sizeof(key), off, &found);
	if (rc != -DER_EXIST)
		return rc;
	if (foreign)
		return -DER_TX_RESTART;
	rc = btree_replace(&tree, key, sizeof(key), off);
	return rc != 0 ? rc : vos__single_free(pool, found);
}

int
vos__single_put(struct vos_pool *pool, umem_off_t akey, const struct value *value, const struct stamp_of_write *when,
		bool foreign)
{
	umem_off_t off = umem_alloc(pool->heap, sizeof(struct vos_single_rec) + tail_size(value));
	struct vos_single_rec *rec;
	struct vos_part *parts;
	int rc;

	if (off == UMEM_NULL)
		return -DER_NOSPACE;
	rec = umem_at(pool->heap, off);
	fill_version(&rec->version, value, when);
	parts = (struct vos_part *)(rec + 1);
	rc = store_tail(pool, value, parts, (char *)(parts + rec->version.parts));
	return rc != 0 ? rc : insert_single(pool, akey, when->epoch, when->minor, off, foreign);
}

int
vos__single_drop(struct vos_pool *pool, umem_off_t akey, uint64_t epoch, uint16_t minor)
{
	struct btree tree = singles_of(pool, akey);
	uint8_t key[VOS_SINGLE_KEY];
	uint64_t off;
	int rc;

	vos__single_key(epoch, minor, key);
	rc = btree_remove(&tree, key, sizeof(key), &off);
	return rc != 0 ? rc : vos__single_free(pool, off);
}

/* ---- from flat to trees ------------------------------------------------------------------------------------------ */
static int
promote_single(struct vos_pool *pool, const struct version_view *view, umem_off_t akey)
{
	size_t parts = view->version->parts * sizeof(struct vos_part);
	size_t tail = view->csum_bytes + (view->data_off != UMEM_NULL ? view->bytes : 0);
	umem_off_t off = umem_alloc(pool->heap, sizeof(struct vos_single_rec) + parts + tail);
	struct vos_single_rec *rec;

	if (off == UMEM_NULL)
		return -DER_NOSPACE;
	rec = umem_at(pool->heap, off);
	rec->version = *view->version;
	memcpy(rec + 1, view->parts, parts);
	memcpy((char *)(rec + 1) + parts, view->csum, tail);
	return insert_single(pool, akey, view->version->epoch, view->version->minor, off, false);
}

static int
promote_extent(struct vos_pool *pool, const struct version_view *view, umem_off_t akey)
{
	const struct vos_version *version = view->version;
	struct evtree_extent extent = {
		.lo = view->lo, .hi = view->hi, .when = {.epoch = version->epoch, .minor = version->minor},
		.data = {.media = version->media, .csum_type = version->csum_type, .csum_size = version->csum_size,
			 .csum_chunk = version->csum_chunk, .dtx = version->dtx, .version = version->map_version},
	};
	int rc = 0;

	if (view->data_off != UMEM_NULL) {
		extent.data.addr = umem_alloc(pool->heap, view->bytes);
		if (extent.data.addr == UMEM_NULL)
			return -DER_NOSPACE;
		memcpy(umem_at(pool->heap, extent.data.addr), umem_at(pool->heap, view->data_off), view->bytes);
	} else if (version->media != BIO_HOLE) {
		extent.data.addr = view->parts[0].addr;
	}
	if (view->csum_bytes > 0)
		rc = store_csums(pool, view->csum, view->csum_bytes / version->csum_size, version->csum_size,
				 &extent.data.csum);
	return rc != 0 ? rc : insert_extent(pool, akey, &extent, version->size, false);
}

int
vos__flat_promote(struct vos_pool *pool, umem_off_t dkeys, const daos_key_t *dkey, uint32_t akey_cls, umem_off_t *off)
{
	struct version_view view;
	struct ilog_entry event;
	struct btree tree = vos__tree(pool, dkeys);
	struct vos_dkey_rec *rec;
	struct vos_akey_rec *akey_rec;
	umem_off_t dkey_off, akey_off;
	struct ilog log = {.heap = pool->heap};
	uint64_t aligned;
	daos_key_t akey;
	int rc = vos__flat_view(pool, *off, &view);

	if (rc != 0)
		return rc;
	event = (struct ilog_entry){
		.epoch = view.version->epoch, .minor = view.version->minor, .dtx = view.version->dtx};
	rc = vos__dkey_new(pool, dkey, akey_cls, &dkey_off);
	if (rc != 0)
		return rc;
	d_iov_set(&akey, (void *)view.akey, vos__head(pool, *off)->akey_len);
	if (akey.iov_len == sizeof(aligned)) /* perhaps an integer */
		akey.iov_buf = memcpy(&aligned, akey.iov_buf, sizeof(aligned));
	rc = vos__akey_make(pool, dkey_off + offsetof(struct vos_dkey_rec, akeys), &akey, &akey_off);
	if (rc != 0)
		return rc;
	rec = umem_touch(pool->heap, dkey_off, sizeof(*rec));
	akey_rec = umem_touch(pool->heap, akey_off, sizeof(*akey_rec));
	rec->last = akey_rec->last = (struct vos_last){.epoch = event.epoch, .tag = view.version->tag};
	log.root = dkey_off + offsetof(struct vos_dkey_rec, ilog);
	rc = ilog_add(&log, &event, true);
	log.root = akey_off + offsetof(struct vos_akey_rec, ilog);
	if (rc == 0)
		rc = ilog_add(&log, &event, true);
	if (rc == 0)
		rc = view.array ? promote_extent(pool, &view, akey_off) : promote_single(pool, &view, akey_off);
	if (rc == 0)
		rc = btree_replace(&tree, dkey->iov_buf, dkey->iov_len, dkey_off);
	if (rc != 0)
		return rc;
	umem_free(pool->heap, *off);
	*off = dkey_off;
	return 0;
}
