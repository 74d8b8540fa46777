/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vos/read: fetch. One body looks everything up and lays the pieces; bytes that lie in the heap are copied while the
 * body runs, those of the data blob are read by vos_read_prepare. When the body ends the read timestamps are left and
 * the LSN is taken down, before anybody else runs.
 *
 *	read I1  The pieces of an iod follow each other without gaps: what is not there is a hole.
 *	read I2  Blocks that are read are not given out again meanwhile (vea_io_begin).
 *
 * vos_fetch_begin yields. A crash leaves nothing.
 */
#include "pure/csum/csum.h"
#include "inside.h"

enum { READ_IDLE_MAX = 64, PIECES_MAX = 1 << 18 };

struct read_piece {
	enum bio_media media;
	uint64_t off, len;
	uint64_t before, behind;
	struct vos_csum csum;
	uint64_t chunk, start;    /* bytes of a chunk; where the piece begins, from byte 0 of the value */
	const char *copy;         /* heap bytes that wait for their buffer */
	const char *head, *tail;  /* heap bytes of the margins */
};

struct read_iod {
	struct read_piece *pieces;
	struct vos_csum *csums; /* made when asked for */
	uint32_t nr, room;
	uint64_t size;
	bool single;
};

struct vos_read {
	struct list link;
	struct vos_cont *cont;
	struct bio_desc *desc;
	uint64_t lsn, token;
	uint32_t nr;
	bool on_blob;  /* some pieces are; then the descriptor is prepared later, */
	bool guarded;  /* and the blocks are kept until then */
	struct read_iod *iods;
	struct scratch scratch; /* of the last run of the body */
};

/** One fetch, for its body. */
struct fetch {
	struct vos_read *read;
	const struct vos_key *key;
	struct vos_when *when;
	uint64_t flags;
	uint64_t hash_object, hash_dkey;
	daos_iod_t *iods;
	uint32_t nr;
	/* of the last run */
	struct look look;
	umem_off_t object;
	bool missed;              /* the object was not in the cache */
	bool is_flat;             /* the dkey is: */
	struct version_view flat;
};

/* ---- pieces ------------------------------------------------------------------------------------------------------ */
static int
add_piece(struct fetch *fetch, struct read_iod *iod, const struct read_piece *piece)
{
	if (iod->nr == iod->room) {
		uint32_t room = iod->room == 0 ? 1 : iod->room * 4;
		struct read_piece *grown;

		if (room > PIECES_MAX)
			return -DER_REC2BIG;
		grown = vos__scratch_array(&fetch->read->scratch, room, sizeof(*grown));
		if (grown == NULL)
			return -DER_NOMEM;
		if (iod->nr > 0)
			memcpy(grown, iod->pieces, iod->nr * sizeof(*grown));
		iod->pieces = grown;
		iod->room = room;
	}
	iod->pieces[iod->nr++] = *piece;
	fetch->read->on_blob |= piece->media == BIO_BLOB;
	return 0;
}

static int
add_hole(struct fetch *fetch, struct read_iod *iod, uint64_t len)
{
	return add_piece(fetch, iod, &(struct read_piece){.media = BIO_HOLE, .len = len});
}

static int
copy_csums(struct fetch *fetch, struct read_piece *piece, const uint8_t *csums, uint64_t nr, uint8_t type,
	   uint32_t size, uint32_t chunk)
{
	void *copy = vos__scratch_alloc(&fetch->read->scratch, nr * size);

	if (copy == NULL)
		return -DER_NOMEM;
	memcpy(copy, csums, nr * size);
	piece->csum = (struct vos_csum){
		.type = type, .size = (uint16_t)size, .chunk = chunk, .nr = (uint32_t)nr, .data = copy};
	return 0;
}

/* ---- single values ----------------------------------------------------------------------------------------------- */
/* Whether this version is the one: 1 yes, 0 an older one may be. */
static int
is_version(const struct fetch *fetch, const struct vos_version *version, const struct sight *sight)
{
	int vis;

	if (!vos__above(version->epoch, version->minor, sight->floor))
		return 1; /* hidden, and older ones are, too */
	vis = vos__visible(&fetch->look, version->dtx);
	return vis == VIS_PENDING ? vos__in_the_way(&fetch->look, version->dtx) : vis < 0 ? vis : vis == VIS_YES;
}

static int
is_uncertain(const struct fetch *fetch, uint64_t epoch, uint32_t dtx)
{
	int vis;

	if (epoch <= fetch->look.epoch || epoch > fetch->look.bound)
		return 0;
	vis = vos__visible(&fetch->look, dtx);
	return vis < 0 ? vis : vis != VIS_NO ? -DER_TX_RESTART : 0;
}

static int
lay_single(struct fetch *fetch, uint32_t i, struct read_iod *iod, const struct version_view *view)
{
	const struct vos_version *version = view->version;
	uint32_t first = iod->nr;
	int rc = 0;

	iod->single = true;
	iod->size = version->size;
	if (fetch->iods[i].iod_size != DAOS_REC_ANY && fetch->iods[i].iod_size < version->size)
		return -DER_REC2BIG;
	if ((fetch->flags & VOS_SIZE_ONLY) != 0)
		return 0;
	if ((version->flags & VOS_VERSION_REMOTE) == 0)
		rc = add_piece(fetch, iod,
			       &(struct read_piece){.media = BIO_HEAP, .off = view->data_off, .len = view->bytes});
	for (uint32_t p = 0; p < version->parts && rc == 0; p++) {
		if (version->media == BIO_HEAP &&
		    !vos__sound(fetch->read->cont->pool->heap, view->parts[p].addr, view->parts[p].len))
			return vos__corrupt(fetch->read->cont->pool, view->off, "a part of a value");
		rc = add_piece(fetch, iod,
			       &(struct read_piece){
				       .media = version->media, .off = view->parts[p].addr, .len = view->parts[p].len});
	}
	if (rc == 0 && view->csum_bytes > 0)
		rc = copy_csums(fetch, &iod->pieces[first], view->csum, view->csum_bytes / version->csum_size,
				version->csum_type, version->csum_size, version->csum_chunk);
	return rc;
}

static int
fetch_single(struct fetch *fetch, uint32_t i, struct read_iod *iod, umem_off_t akey, const struct sight *sight)
{
	struct vos_pool *pool = fetch->read->cont->pool;
	struct btree tree = vos__tree(pool, akey + offsetof(struct vos_akey_rec, singles));
	struct btree_cursor cursor;
	struct version_view view;
	uint8_t key[VOS_SINGLE_KEY];
	int rc;

	vos__single_key(fetch->look.epoch, VOS_MINOR_MAX, key);
	if (fetch->look.bound > fetch->look.epoch) {
		rc = btree_seek(&tree, BTREE_GT, key, sizeof(key), &cursor);
		for (; rc == 0 && vos__get_be64(btree_hkey(&cursor)) <= fetch->look.bound; rc = btree_next(&cursor)) {
			rc = vos__single_view(pool, btree_value(&cursor), &view);
			if (rc == 0)
				rc = is_uncertain(fetch, view.version->epoch, view.version->dtx);
			if (rc != 0)
				return rc;
		}
		if (rc != 0 && rc != -DER_NONEXIST)
			return rc;
	}
	rc = btree_seek(&tree, BTREE_LE, key, sizeof(key), &cursor);
	for (; rc == 0; rc = btree_prev(&cursor)) {
		int one;

		rc = vos__single_view(pool, btree_value(&cursor), &view);
		if (rc != 0)
			return rc;
		one = is_version(fetch, view.version, sight);
		if (one < 0)
			return one;
		if (one == 1)
			return view.version->media == BIO_HOLE ||
					       !vos__above(view.version->epoch, view.version->minor, sight->floor) ?
				       0 :
				       lay_single(fetch, i, iod, &view);
	}
	return rc == -DER_NONEXIST ? 0 : rc;
}

/* ---- arrays ------------------------------------------------------------------------------------------------------ */
struct array {
	struct fetch *fetch;
	struct read_iod *iod;
	const struct sight *sight;
	uint64_t next;     /* first record that no piece covers yet */
	uint64_t rec_size; /* bytes of one, also of those in holes */
	bool found;
};

static int
gap(struct array *array, uint64_t nr)
{
	uint64_t bytes;

	if ((array->fetch->flags & VOS_SIZE_ONLY) != 0)
		return 0;
	return __builtin_mul_overflow(nr, array->rec_size, &bytes) ? -DER_REC2BIG :
								     add_hole(array->fetch, array->iod, bytes);
}

/* [lo, hi] is part of an extent [whole_lo, whole_hi] whose bytes begin at addr. */
static int
lay_extent(struct array *array, uint64_t lo, uint64_t hi, const struct evtree_extent *whole, const uint8_t *csums)
{
	struct fetch *fetch = array->fetch;
	const struct evtree_data *data = &whole->data;
	uint64_t size = array->rec_size;
	struct read_piece piece = {
		.media = data->media, .off = data->addr + (lo - whole->lo) * size, .len = (hi - lo + 1) * size};
	int rc = 0;

	array->found = true;
	if ((fetch->flags & VOS_SIZE_ONLY) != 0)
		return 0;
	if (data->csum_type != 0) {
		uint64_t chunk = vos__chunk_records(size, data->csum_chunk);
		uint64_t skip = lo / chunk - whole->lo / chunk, nr = hi / chunk - lo / chunk + 1;

		piece.before = (lo - MAX(whole->lo, lo / chunk * chunk)) * size;
		piece.behind = (MIN(whole->hi - hi, chunk - 1 - hi % chunk)) * size;
		piece.chunk = chunk * size;
		piece.start = lo * size;
		rc = copy_csums(fetch, &piece, csums + skip * data->csum_size, nr, data->csum_type, data->csum_size,
				data->csum_chunk);
	}
	return rc == 0 ? add_piece(fetch, array->iod, &piece) : rc;
}

static int
found_piece(void *arg, const struct evtree_piece *piece)
{
	struct array *array = arg;
	const struct evtree_data *data = &piece->whole.data;
	struct vos_pool *pool = array->fetch->read->cont->pool;
	const uint8_t *csums = NULL;
	int rc = 0;

	if (data->media == BIO_HOLE)
		return 0;
	if (data->media > BIO_HOLE)
		return vos__corrupt(pool, data->addr, "unknown media of an extent");
	if (data->media == BIO_HEAP && (array->rec_size == 0 ||
	    !vos__sound(pool->heap, data->addr, (piece->whole.hi - piece->whole.lo + 1) * array->rec_size)))
		return vos__corrupt(pool, data->addr, "the bytes of an extent");
	if (piece->lo > array->next)
		rc = gap(array, piece->lo - array->next);
	array->next = piece->hi + 1;
	if (data->csum_type != 0) {
		uint64_t nr = vos__csum_count_array(piece->whole.lo, piece->whole.hi, array->rec_size,
						    data->csum_chunk);

		if (nr == 1 && data->csum_size <= sizeof(data->csum))
			csums = (const uint8_t *)&data->csum;
		else if (data->csum_size == 0 || nr > UMEM_ALLOC_MAX ||
			 !vos__sound(pool->heap, data->csum, nr * data->csum_size))
			return vos__corrupt(pool, data->csum, "checksums of an extent");
		else
			csums = umem_at(pool->heap, data->csum);
	}
	return rc != 0 ? rc : lay_extent(array, piece->lo, piece->hi, &piece->whole, csums);
}

static int
visible_extent(void *arg, const struct evtree_extent *extent)
{
	struct array *array = arg;
	const struct look *look = &array->fetch->look;
	int vis;

	if (!vos__above(extent->when.epoch, extent->when.minor, array->sight->floor))
		return 1;
	vis = vos__visible(look, extent->data.dtx);
	return vis == VIS_PENDING ? vos__in_the_way(look, extent->data.dtx) : vis < 0 ? vis : vis == VIS_NO;
}

static int
uncertain_extent(void *arg, const struct evtree_extent *extent)
{
	struct array *array = arg;

	return is_uncertain(array->fetch, extent->when.epoch, extent->data.dtx);
}

static int
fetch_array(struct fetch *fetch, uint32_t i, struct read_iod *iod, umem_off_t akey, const struct sight *sight)
{
	struct vos_pool *pool = fetch->read->cont->pool;
	const daos_iod_t *in = &fetch->iods[i];
	struct array array = {.fetch = fetch, .iod = iod, .sight = sight};
	struct evtree tree = {.heap = pool->heap, .root = akey + offsetof(struct vos_akey_rec, extents),
			      .visible = visible_extent, .arg = &array};
	const struct evtree_root *root = umem_at(pool->heap, tree.root);
	struct evtree_when when = {.epoch = fetch->look.epoch, .minor = VOS_MINOR_MAX};

	array.rec_size = root->rec_size != 0 ? root->rec_size : in->iod_size;
	for (uint32_t r = 0; r < in->iod_nr; r++) {
		const daos_recx_t *recx = &in->iod_recxs[r];
		uint64_t lo = recx->rx_idx, hi = lo + recx->rx_nr - 1;
		int rc = 0;

		array.next = lo;
		if (fetch->look.bound > fetch->look.epoch)
			rc = evtree_each(&tree, lo, hi, fetch->look.epoch + 1, fetch->look.bound, uncertain_extent,
					 &array);
		if (rc == 0)
			rc = evtree_find(&tree, lo, hi, when, found_piece, &array);
		if (rc == 0 && array.next <= hi)
			rc = gap(&array, hi - array.next + 1);
		if (rc != 0)
			return rc;
	}
	if (array.found && in->iod_size != DAOS_REC_ANY && in->iod_size != root->rec_size)
		return -DER_REC_SIZE;
	iod->size = array.found ? root->rec_size : 0;
	return 0;
}

/* ---- flat records ------------------------------------------------------------------------------------------------ */
static int
flat_array(struct fetch *fetch, uint32_t i, struct read_iod *iod, const struct version_view *view)
{
	const daos_iod_t *in = &fetch->iods[i];
	const struct vos_version *version = view->version;
	struct array array = {.fetch = fetch, .iod = iod, .rec_size = version->size};
	struct evtree_extent whole = {
		.lo = view->lo,
		.hi = view->hi,
		.data = {.media = version->media,
			 .csum_type = version->csum_type,
			 .csum_size = version->csum_size,
			 .csum_chunk = version->csum_chunk,
			 .addr = view->data_off != UMEM_NULL ? view->data_off : view->parts[0].addr},
	};

	for (uint32_t r = 0; r < in->iod_nr; r++) {
		uint64_t lo = in->iod_recxs[r].rx_idx, hi = lo + in->iod_recxs[r].rx_nr - 1;
		uint64_t from = MAX(lo, view->lo), to = MIN(hi, view->hi);
		int rc = 0;

		if (from > to) {
			rc = gap(&array, hi - lo + 1);
		} else {
			if (from > lo)
				rc = gap(&array, from - lo);
			if (rc == 0)
				rc = lay_extent(&array, from, to, &whole, view->csum);
			if (rc == 0 && hi > to)
				rc = gap(&array, hi - to);
		}
		if (rc != 0)
			return rc;
	}
	if (array.found && in->iod_size != DAOS_REC_ANY && in->iod_size != version->size)
		return -DER_REC_SIZE;
	iod->size = array.found ? version->size : 0;
	return 0;
}

static int
absent(struct fetch *fetch, uint32_t i, struct read_iod *iod)
{
	const daos_iod_t *in = &fetch->iods[i];
	struct array array = {.fetch = fetch, .iod = iod, .rec_size = in->iod_size};
	int rc = 0;

	iod->size = 0;
	for (uint32_t r = 0; in->iod_type == DAOS_IOD_ARRAY && r < in->iod_nr && rc == 0; r++)
		rc = gap(&array, in->iod_recxs[r].rx_nr);
	return rc;
}

static int
fetch_flat(struct fetch *fetch, uint32_t i, struct read_iod *iod, struct version_view *view, const struct sight *sight)
{
	const struct vos_version *version = view->version;
	bool newer = version->epoch > fetch->look.epoch;
	int rc = newer ? is_uncertain(fetch, version->epoch, version->dtx) : is_version(fetch, version, sight);

	if (rc < 0)
		return rc;
	if (newer || rc == 0 || version->media == BIO_HOLE ||
	    !vos__above(version->epoch, version->minor, sight->floor) ||
	    view->array != (fetch->iods[i].iod_type == DAOS_IOD_ARRAY))
		return absent(fetch, i, iod);
	return view->array ? flat_array(fetch, i, iod, view) : lay_single(fetch, i, iod, view);
}

/* ---- the body ---------------------------------------------------------------------------------------------------- */
static uint64_t
akey_flags(const struct fetch *fetch, uint32_t i)
{
	return (fetch->flags & DAOS_COND_PER_AKEY) != 0 ? fetch->iods[i].iod_flags : fetch->flags;
}

static int
want(const struct fetch *fetch, const struct sight *sight)
{
	int exists = vos__sight_exists(&fetch->look, sight);

	return exists < 0 ? exists : exists ? 0 : -DER_NONEXIST;
}

/* One akey below a dkey that is flat, a tree, or (dkey 0) not there. */
static int
fetch_akey(struct fetch *fetch, uint32_t i, umem_off_t dkey, const struct sight *object, const struct sight *sight)
{
	struct vos_pool *pool = fetch->read->cont->pool;
	struct read_iod *iod = &fetch->read->iods[i];
	const daos_key_t *name = &fetch->iods[i].iod_name;
	bool cond = (akey_flags(fetch, i) & DAOS_COND_AKEY_FETCH) != 0, flat;
	struct version_view *view = &fetch->flat;
	umem_off_t off = UMEM_NULL;
	struct sight akey;
	int rc = 0;

	vos__sight_none(sight, &akey);
	flat = dkey != UMEM_NULL && fetch->is_flat;
	if (flat) {
		if (vos__head(pool, dkey)->akey_len == name->iov_len &&
		    memcmp(view->akey, name->iov_buf, name->iov_len) == 0) {
			off = dkey;
			rc = vos__sight_flat(&fetch->look, view->version, object, &akey);
		}
	} else if (dkey != UMEM_NULL) {
		rc = vos__key_find(pool, dkey + offsetof(struct vos_dkey_rec, akeys), name, &off);
		if (rc == 0)
			rc = vos__sight(&fetch->look, off + offsetof(struct vos_akey_rec, ilog), sight, &akey);
		else if (rc == -DER_NONEXIST)
			rc = off = UMEM_NULL;
	}
	if (rc == 0 && off != UMEM_NULL)
		rc = vos__sight_pass(&fetch->look, &akey);
	if (rc == 0 && cond)
		rc = want(fetch, &akey);
	if (rc != 0)
		return rc;
	if (off == UMEM_NULL)
		return absent(fetch, i, iod);
	if (flat)
		return fetch_flat(fetch, i, iod, view, &akey);
	if (vos__head(pool, off)->kind != VOS_KIND_AKEY)
		return vos__corrupt(pool, off, "no akey record in a tree of akeys");
	return fetch->iods[i].iod_type == DAOS_IOD_ARRAY ? fetch_array(fetch, i, iod, off, &akey) :
							   fetch_single(fetch, i, iod, off, &akey);
}

static int
find_dkey(struct fetch *fetch, umem_off_t *dkey, struct sight *object, struct sight *sight)
{
	struct vos_cont *cont = fetch->read->cont;
	struct vos_pool *pool = cont->pool;
	int rc = vos__object_find(cont, &fetch->key->oid, fetch->key->shard, &fetch->object);

	fetch->missed = cont->pool->vx->cache_missed;
	*dkey = UMEM_NULL;
	vos__sight_none(NULL, object);
	vos__sight_none(NULL, sight);
	if (rc != 0) {
		fetch->object = UMEM_NULL;
		return rc == -DER_NONEXIST ? 0 : rc;
	}
	rc = vos__sight(&fetch->look, fetch->object + offsetof(struct vos_obj_rec, ilog), NULL, object);
	if (rc == 0)
		rc = vos__sight_pass(&fetch->look, object);
	if (rc != 0)
		return rc;
	vos__sight_none(object, sight);
	rc = vos__key_find(pool, fetch->object + offsetof(struct vos_obj_rec, dkeys), fetch->key->dkey, dkey);
	if (rc != 0) {
		*dkey = UMEM_NULL;
		return rc == -DER_NONEXIST ? 0 : rc;
	}
	fetch->is_flat = vos__is_flat(vos__head(pool, *dkey));
	if (fetch->is_flat) {
		rc = vos__flat_view(pool, *dkey, &fetch->flat);
		return rc != 0 ? rc : vos__sight_flat(&fetch->look, fetch->flat.version, object, sight);
	}
	if (vos__head(pool, *dkey)->kind != VOS_KIND_DKEY)
		return vos__corrupt(pool, *dkey, "no dkey record in a tree of dkeys");
	rc = vos__sight(&fetch->look, *dkey + offsetof(struct vos_dkey_rec, ilog), object, sight);
	return rc == 0 ? vos__sight_pass(&fetch->look, sight) : rc;
}

/* The bytes around a piece that its checksums cover, too. */
static int
copy_margins(struct fetch *fetch, struct read_piece *piece)
{
	struct vos_read *read = fetch->read;
	struct umem *heap = read->cont->pool->heap;

	if (piece->before > 0)
		piece->head = vos__scratch_dup(&read->scratch, umem_at(heap, piece->off - piece->before),
					       piece->before);
	if (piece->behind > 0)
		piece->tail = vos__scratch_dup(&read->scratch, umem_at(heap, piece->off + piece->len), piece->behind);
	return (piece->before > 0 && piece->head == NULL) || (piece->behind > 0 && piece->tail == NULL) ? -DER_NOMEM :
													  0;
}

/*
 * Makes the descriptor. Bytes of the heap are copied now: into their buffers, or aside when buffers come after a yield.
 */
static int
lay_pieces(struct fetch *fetch)
{
	struct vos_read *read = fetch->read;
	struct vos_pool *pool = read->cont->pool;
	int rc = bio_desc_create(pool->vx->bio, pool->data, false, (int)read->nr, &read->desc);

	for (uint32_t i = 0; i < read->nr && rc == 0; i++)
		for (uint32_t p = 0; p < read->iods[i].nr && rc == 0; p++) {
			struct read_piece *piece = &read->iods[i].pieces[p];

			rc = bio_desc_add(read->desc, (int)i, piece->media, piece->off, piece->len);
		}
	if (rc == 0 && !read->on_blob)
		rc = bio_desc_prepare(read->desc);
	for (uint32_t i = 0; i < read->nr && rc == 0; i++) {
		int nr;
		struct bio_piece *bufs = bio_desc_pieces(read->desc, (int)i, &nr);

		for (uint32_t p = 0; p < read->iods[i].nr && rc == 0; p++) {
			struct read_piece *piece = &read->iods[i].pieces[p];
			char *to = bufs[p].buf;

			if (piece->media != BIO_HEAP || piece->len == 0)
				continue;
			if (read->on_blob)
				piece->copy = to = vos__scratch_alloc(&read->scratch, piece->len);
			if (to == NULL)
				return -DER_NOMEM;
			memcpy(to, umem_at(pool->heap, piece->off), piece->len);
			rc = copy_margins(fetch, piece);
		}
	}
	return rc;
}

static int
fetch_body(struct umem *heap, void *arg)
{
	struct fetch *fetch = arg;
	struct vos_read *read = fetch->read;
	struct sight object, sight;
	umem_off_t dkey;
	int rc;

	if (read->desc != NULL)
		bio_desc_free(read->desc);
	read->desc = NULL;
	vos__scratch_fini(&read->scratch);
	read->on_blob = false;
	fetch->look = vos__look_of(read->cont, fetch->when);
	read->iods = vos__scratch_array(&read->scratch, fetch->nr, sizeof(*read->iods));
	if (read->iods == NULL)
		return -DER_NOMEM;
	rc = find_dkey(fetch, &dkey, &object, &sight);
	if (rc == 0 && (fetch->flags & DAOS_COND_DKEY_FETCH) != 0)
		rc = want(fetch, &sight);
	for (uint32_t i = 0; i < fetch->nr && rc == 0; i++)
		rc = fetch_akey(fetch, i, dkey, &object, &sight);
	return rc == 0 && (fetch->flags & VOS_SIZE_ONLY) == 0 ? lay_pieces(fetch) : rc;
}

/* ---- around it --------------------------------------------------------------------------------------------------- */
static int
check_iods(const struct fetch *fetch)
{
	uint32_t cls = vos__akey_class(&fetch->key->oid);

	if (fetch->nr == 0 || fetch->nr > VOS_IODS_MAX)
		return -DER_INVAL;
	for (uint32_t i = 0; i < fetch->nr; i++) {
		const daos_iod_t *iod = &fetch->iods[i];
		int rc = vos__key_check(cls, &iod->iod_name);

		if (rc != 0)
			return rc;
		if (iod->iod_type == DAOS_IOD_SINGLE ? iod->iod_nr != 1 :
		    iod->iod_type != DAOS_IOD_ARRAY || iod->iod_nr == 0 || iod->iod_recxs == NULL)
			return -DER_INVAL;
		for (uint32_t r = 0; iod->iod_type == DAOS_IOD_ARRAY && r < iod->iod_nr; r++)
			if (iod->iod_recxs[r].rx_nr == 0 ||
			    iod->iod_recxs[r].rx_idx > UINT64_MAX - iod->iod_recxs[r].rx_nr)
				return -DER_INVAL;
	}
	return 0;
}

static void
leave_stamps(const struct fetch *fetch)
{
	struct stamps *stamps = &fetch->read->cont->pool->vx->stamps;
	uint64_t epoch = fetch->when->epoch, reader = vos__reader(fetch->when->self);

	if (epoch == DAOS_EPOCH_MAX || (fetch->flags & VOS_NO_TIMESTAMP) != 0)
		return;
	vos__stamp(stamps, STAMP_OBJECT_SUB, fetch->hash_object, epoch, reader);
	vos__stamp(stamps, (fetch->flags & DAOS_COND_DKEY_FETCH) != 0 ? STAMP_DKEY_ALL : STAMP_DKEY_SUB,
		   fetch->hash_dkey, epoch, reader);
	for (uint32_t i = 0; i < fetch->nr; i++)
		vos__stamp(stamps, STAMP_AKEY, vos__hash_key(fetch->hash_dkey, &fetch->iods[i].iod_name), epoch,
			   reader);
}

static struct vos_read *
read_new(struct vos_cont *cont, uint32_t nr)
{
	struct vos_xs *vx = cont->pool->vx;
	struct vos_read *read = list_pop(&vx->idle_reads, struct vos_read, link);

	if (read != NULL)
		vx->idle_read_nr--;
	else
		read = mem_alloc_aligned(vx->mem, sizeof(*read), 16);
	if (read == NULL)
		return NULL;
	memset(read, 0, offsetof(struct vos_read, scratch));
	vos__scratch_init(&read->scratch, vx->mem);
	list_init(&read->link);
	read->cont = cont;
	read->nr = nr;
	return read;
}

struct vos_read *
vos__read_idle(struct vos_xs *vx)
{
	return list_pop(&vx->idle_reads, struct vos_read, link);
}

/* Blocks that were freed meanwhile may be given out again. */
static void
unguard(struct vos_read *read)
{
	if (read->guarded)
		vea_io_end(read->cont->pool->vea, read->token);
	read->guarded = false;
}

void
vos_fetch_end(struct vos_read *read)
{
	struct vos_xs *vx = read->cont->pool->vx;

	unguard(read);
	if (read->desc != NULL)
		bio_desc_free(read->desc);
	vos__scratch_fini(&read->scratch);
	if (vx->idle_read_nr < READ_IDLE_MAX) {
		list_push(&vx->idle_reads, &read->link);
		vx->idle_read_nr++;
	} else {
		mem_free(vx->mem, read);
	}
}

int
vos_fetch_begin(const struct vos_key *key, struct vos_when *when, uint64_t flags, uint32_t nr, daos_iod_t *iods,
		struct vos_read **result)
{
	struct fetch fetch = {.key = key, .when = when, .flags = flags, .iods = iods, .nr = nr};
	const struct lsn_tables *tables;
	struct vos_read *read;
	int rc = vos__where_check(key, true);

	when->lsn = 0;
	if (rc == 0)
		rc = check_iods(&fetch);
	if (rc != 0)
		return rc;
	fetch.hash_object = vos__hash_object(key->cont, &key->oid, key->shard);
	fetch.hash_dkey = vos__hash_key(fetch.hash_object, key->dkey);
	if (when->epoch != DAOS_EPOCH_MAX && (flags & VOS_NO_TIMESTAMP) == 0) {
		vos__stamp_prefetch(&key->cont->pool->vx->stamps, STAMP_DKEY_SUB, fetch.hash_dkey);
		vos__stamp_prefetch(&key->cont->pool->vx->stamps, STAMP_AKEY,
				    vos__hash_key(fetch.hash_dkey, &iods[0].iod_name));
	}
	read = fetch.read = read_new(key->cont, nr);
	if (read == NULL)
		return -DER_NOMEM;
	rc = umem_read(key->cont->pool->heap, fetch_body, &fetch);
	tables = key->cont->pool->lsn;
	when->lsn = read->lsn = MAX(tables->dkey[fetch.hash_dkey % LSN_DKEYS],
				    tables->punch[fetch.hash_object % LSN_OBJECTS]);
	if (rc == 0 || rc == -DER_NONEXIST)
		leave_stamps(&fetch);
	if (rc == 0 && fetch.object != UMEM_NULL && fetch.missed)
		vos__cache_put(key->cont, &key->oid, key->shard, fetch.object);
	for (uint32_t i = 0; i < nr && rc == 0; i++)
		iods[i].iod_size = read->iods[i].size;
	read->guarded = rc == 0 && read->on_blob;
	if (read->guarded)
		read->token = vea_io_begin(key->cont->pool->vea);
	if (rc != 0)
		vos_fetch_end(read);
	else
		*result = read;
	return rc;
}

/* ---- data -------------------------------------------------------------------------------------------------------- */
/* The blob's bytes, and those of the heap that were kept aside. YIELDS */
static int
get_data(struct vos_read *read)
{
	int rc = bio_desc_prepare(read->desc);

	for (uint32_t i = 0; i < read->nr && rc == 0; i++) {
		int nr;
		struct bio_piece *bufs = bio_desc_pieces(read->desc, (int)i, &nr);

		for (uint32_t p = 0; p < read->iods[i].nr; p++)
			if (read->iods[i].pieces[p].copy != NULL)
				memcpy(bufs[p].buf, read->iods[i].pieces[p].copy, read->iods[i].pieces[p].len);
	}
	return rc;
}

static bool
can_check(const struct vos_csum *csum)
{
	return csum->type != 0 && csum_is_supported(csum->type) && csum_size((enum csum_type)csum->type) == csum->size;
}

/*
 * Reads the margins of pieces on the blob: two pieces a value of a descriptor of their own. *desc NULL: there are none.
 * YIELDS
 */
static int
get_margins(struct vos_read *read, const struct read_iod *iod, struct bio_desc **desc)
{
	struct vos_pool *pool = read->cont->pool;
	bool any = false;
	int rc;

	*desc = NULL;
	for (uint32_t p = 0; p < iod->nr; p++)
		any |= iod->pieces[p].media == BIO_BLOB && iod->pieces[p].before + iod->pieces[p].behind > 0;
	if (!any)
		return 0;
	rc = bio_desc_create(pool->vx->bio, pool->data, false, (int)iod->nr, desc);
	for (uint32_t p = 0; p < iod->nr && rc == 0; p++) {
		const struct read_piece *piece = &iod->pieces[p];

		if (piece->media != BIO_BLOB)
			continue;
		rc = bio_desc_add(*desc, (int)p, BIO_BLOB, piece->off - piece->before, piece->before);
		if (rc == 0)
			rc = bio_desc_add(*desc, (int)p, BIO_BLOB, piece->off + piece->len, piece->behind);
	}
	return rc == 0 ? bio_desc_prepare(*desc) : rc;
}

static int
check_array(const struct read_iod *iod, const struct bio_piece *bufs, struct bio_desc *margins)
{
	for (uint32_t p = 0; p < iod->nr; p++) {
		const struct read_piece *piece = &iod->pieces[p];
		struct iovec iov[3] = {{.iov_base = (void *)piece->head, .iov_len = piece->before},
				       {.iov_base = bufs[p].buf, .iov_len = piece->len},
				       {.iov_base = (void *)piece->tail, .iov_len = piece->behind}};
		int nr, rc;

		if (!can_check(&piece->csum))
			continue;
		if (margins != NULL && piece->media == BIO_BLOB) {
			const struct bio_piece *around = bio_desc_pieces(margins, (int)p, &nr);

			iov[0].iov_base = around[0].buf;
			iov[2].iov_base = around[1].buf;
		}
		rc = csum_verify((enum csum_type)piece->csum.type, piece->chunk, piece->start - piece->before, iov, 3,
				 0, piece->before + piece->len + piece->behind, piece->csum.data, NULL);
		if (rc != 0)
			return rc;
	}
	return 0;
}

/* The checksums of a single value stand with its first piece. */
static int
check_single(struct vos_read *read, const struct read_iod *iod, const struct bio_piece *bufs)
{
	const struct vos_csum *csum = &iod->pieces[0].csum;
	struct iovec *iov;

	if (!can_check(csum))
		return 0;
	iov = vos__scratch_array(&read->scratch, iod->nr, sizeof(*iov));
	if (iov == NULL)
		return -DER_NOMEM;
	for (uint32_t p = 0; p < iod->nr; p++)
		iov[p] = (struct iovec){.iov_base = bufs[p].buf, .iov_len = iod->pieces[p].len};
	return csum_verify((enum csum_type)csum->type, csum->chunk, 0, iov, (int)iod->nr, 0, iod->size, csum->data,
			   NULL);
}

static int
check_iod(struct vos_read *read, uint32_t i)
{
	const struct read_iod *iod = &read->iods[i];
	struct bio_desc *margins = NULL;
	struct bio_piece *bufs;
	int nr, rc;

	if (iod->nr == 0)
		return 0;
	bufs = bio_desc_pieces(read->desc, (int)i, &nr);
	rc = get_margins(read, iod, &margins);
	if (rc == 0)
		rc = iod->single ? check_single(read, iod, bufs) : check_array(iod, bufs, margins);
	if (margins != NULL)
		bio_desc_free(margins);
	return rc;
}

int
vos_read_prepare(struct vos_read *read)
{
	struct vos_pool *pool = read->cont->pool;
	int rc = 0;

	if (read->desc == NULL)
		return 0;
	if (read->guarded)
		rc = get_data(read);
	for (uint32_t i = 0; i < read->nr && rc == 0; i++)
		rc = check_iod(read, i);
	unguard(read);
	if (rc == -DER_CSUM) {
		log_error(pool->vx->log, "stored bytes do not match their checksums");
		if (read->on_blob)
			bio_blob_csum_error(pool->data);
	}
	return rc;
}

struct bio_desc *
vos_read_desc(struct vos_read *read)
{
	return read->desc;
}

const struct vos_csum *
vos_read_csums(struct vos_read *read, uint32_t i, uint32_t *nr)
{
	struct read_iod *iod;

	ASSERT(i < read->nr);
	iod = &read->iods[i];
	*nr = iod->nr;
	if (iod->csums == NULL && iod->nr > 0) {
		iod->csums = vos__scratch_array(&read->scratch, iod->nr, sizeof(*iod->csums));
		for (uint32_t p = 0; iod->csums != NULL && p < iod->nr; p++)
			iod->csums[p] = iod->pieces[p].csum;
	}
	return iod->csums;
}

void
vos_read_margin(struct vos_read *read, uint32_t i, uint32_t p, uint64_t *before, uint64_t *behind)
{
	ASSERT(i < read->nr && p < read->iods[i].nr);
	*before = read->iods[i].pieces[p].before;
	*behind = read->iods[i].pieces[p].behind;
}

uint64_t
vos_read_lsn(const struct vos_read *read)
{
	return read->lsn;
}
