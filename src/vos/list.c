/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vos/list: enumeration. Each call runs one body that looks at a bounded number of records and fills the caller's
 * entries.
 *
 * An anchor says what was passed, never where a record lies, so that updates between calls do no harm:
 *
 *	keys, hashed     HKEY  16 bytes: all keys with a hash up to this one were passed
 *	keys, integer    KEY   8 bytes (host order), lexical: the key, objects: 24 bytes of the tree's key: up to this
 *	one extents          KEY   8 bytes: the next record (reverse: the last one) to look at
 *
 * The bytes stand in da_buf behind one byte of length. They come from outside and are checked.
 *
 *	list I1  A key that is there throughout is listed exactly once: keys of one hash are listed in one call or not
 *	         at all.
 *
 * Yields before and after the body. A crash leaves nothing.
 */
#include "inside.h"

enum { WORK_MAX = 512, EXTENT_MAX = 4096 };

struct listing {
	const struct vos_key *key;
	struct vos_when *when;
	uint64_t flags;
	struct vos_list *list;
	struct vos_cont *cont;
	uint64_t hash_object, hash_dkey;
	struct evtree_piece *ring; /* reverse lists of extents */
	/* of the last run */
	struct look look;
	daos_anchor_t anchor; /* what is handed out */
	uint32_t nr, buf_used, key_needed;
};

/* ---- anchors ----------------------------------------------------------------------------------------------------- */
static void
anchor_set(daos_anchor_t *anchor, uint16_t type, const void *bytes, size_t len)
{
	ASSERT(len < sizeof(anchor->da_buf));
	anchor->da_type = type;
	anchor->da_buf[0] = (uint8_t)len;
	memcpy(anchor->da_buf + 1, bytes, len);
}

/* The bytes of an anchor of the given type; NULL: it is none. */
static const uint8_t *
anchor_get(const daos_anchor_t *anchor, uint16_t type, size_t min, size_t max, size_t *len)
{
	*len = anchor->da_buf[0];
	return anchor->da_type == type && *len >= min && *len <= max && *len < sizeof(anchor->da_buf) ?
		       anchor->da_buf + 1 :
		       NULL;
}

/* ---- entries ----------------------------------------------------------------------------------------------------- */
static bool
add_key(struct listing *listing, const void *key, uint32_t len, const struct vos_entry *entry)
{
	struct vos_list *list = listing->list;

	if (listing->nr == list->max || len > list->buf_size - listing->buf_used)
		return false;
	list->entries[listing->nr] = *entry;
	list->entries[listing->nr].key_off = listing->buf_used;
	list->entries[listing->nr].key_len = len;
	memcpy(list->buf + listing->buf_used, key, len);
	listing->buf_used += len;
	listing->nr++;
	return true;
}

/* Does it belong into the list? 1, 0, or an error. */
static int
wanted(const struct listing *listing, const struct sight *sight)
{
	return (listing->flags & VOS_PUNCHED) != 0 ? 1 : vos__sight_exists(&listing->look, sight);
}

static uint64_t
newest(const struct listing *listing, const struct vos_last *last, const struct sight *sight)
{
	return last->epoch <= listing->look.epoch ? last->epoch : sight->created.epoch;
}

/** A key on its way into the list. */
struct item {
	const void *key;
	uint32_t len;
	struct vos_entry entry;
	uint8_t bytes[20]; /* object ids are put together here */
};

/* What an akey record holds, at the epoch of the list. */
static uint32_t
akey_type(const struct listing *listing, umem_off_t off, const struct sight *sight)
{
	struct vos_pool *pool = listing->cont->pool;
	const struct vos_akey_rec *rec = umem_at(pool->heap, off);
	struct btree tree = vos__tree(pool, off + offsetof(struct vos_akey_rec, singles));
	struct btree_cursor cursor;
	uint8_t key[VOS_SINGLE_KEY];
	const struct vos_single_rec *single;

	if (rec->singles.count == 0 || rec->extents.count == 0)
		return rec->extents.count > 0 ? DAOS_IOD_ARRAY : DAOS_IOD_SINGLE;
	vos__single_key(listing->look.epoch, VOS_MINOR_MAX, key);
	if (btree_seek(&tree, BTREE_LE, key, sizeof(key), &cursor) != 0)
		return DAOS_IOD_ARRAY;
	if (!vos__sound(pool->heap, btree_value(&cursor), sizeof(*single)))
		return DAOS_IOD_SINGLE;
	single = umem_at(pool->heap, btree_value(&cursor));
	return single->version.media != BIO_HOLE &&
			       vos__above(single->version.epoch, single->version.minor, sight->floor) ?
		       DAOS_IOD_SINGLE :
		       DAOS_IOD_ARRAY;
}

/* Takes a record of a tree: 1 the item belongs into the list, 0 not, < 0. */
static int
look_at(const struct listing *listing, umem_off_t off, const struct sight *parent, struct item *item)
{
	struct vos_pool *pool = listing->cont->pool;
	struct sight sight;
	int rc;

	item->entry = (struct vos_entry){0};
	if (listing->list->kind == VOS_LIST_OBJECT) {
		const struct vos_obj_rec *rec = umem_at(pool->heap, off);
		daos_obj_id_t oid;

		if (!vos__sound(pool->heap, off, sizeof(*rec)))
			return vos__corrupt(pool, off, "no object record");
		oid = (daos_obj_id_t){.hi = rec->hi, .lo = rec->lo};
		memcpy(item->bytes, &oid, sizeof(oid));
		memcpy(item->bytes + sizeof(oid), &rec->shard, sizeof(rec->shard));
		item->key = item->bytes;
		item->len = sizeof(item->bytes);
		rc = vos__sight(&listing->look, off + offsetof(struct vos_obj_rec, ilog), NULL, &sight);
		if (rc == 0)
			item->entry.epoch = newest(listing, &rec->last, &sight);
		return rc == 0 ? wanted(listing, &sight) : rc;
	}
	struct vos_key_head *head = vos__head(pool, off);

	rc = vos__record_check(pool, off);
	if (rc != 0)
		return rc;
	item->key = vos__key_bytes(head);
	item->len = head->key_len;
	if (vos__is_flat(head) && listing->list->kind == VOS_LIST_DKEY) {
		struct version_view view;

		rc = vos__flat_view(pool, off, &view);
		if (rc == 0)
			rc = vos__sight_flat(&listing->look, view.version, parent, &sight);
		if (rc == 0)
			item->entry.epoch = view.version->epoch;
	} else if (head->kind == VOS_KIND_DKEY && listing->list->kind == VOS_LIST_DKEY) {
		rc = vos__sight(&listing->look, off + offsetof(struct vos_dkey_rec, ilog), parent, &sight);
		if (rc == 0)
			item->entry.epoch = newest(listing, &container_of(head, struct vos_dkey_rec, head)->last,
						   &sight);
	} else if (head->kind == VOS_KIND_AKEY && listing->list->kind == VOS_LIST_AKEY) {
		rc = vos__sight(&listing->look, off + offsetof(struct vos_akey_rec, ilog), parent, &sight);
		if (rc == 0) {
			item->entry.epoch = newest(listing, &container_of(head, struct vos_akey_rec, head)->last,
						   &sight);
			item->entry.iod_type = akey_type(listing, off, &sight);
		}
	} else {
		rc = vos__corrupt(pool, off, "a record of another kind in a tree of keys");
	}
	return rc == 0 ? wanted(listing, &sight) : rc;
}

/* ---- trees of keys ----------------------------------------------------------------------------------------------- */
static int
seek(const struct listing *listing, struct btree *tree, uint32_t features, struct btree_cursor *cursor)
{
	const daos_anchor_t *anchor = listing->list->anchor;
	const uint8_t *bytes;
	uint64_t integer;
	size_t len;

	if (anchor->da_type == DAOS_ANCHOR_TYPE_ZERO)
		return btree_seek(tree, BTREE_FIRST, NULL, 0, cursor);
	if ((features & BTREE_HASHED) != 0) {
		bytes = anchor_get(anchor, DAOS_ANCHOR_TYPE_HKEY, 16, 16, &len);
		return bytes != NULL ? btree_seek_hkey(tree, BTREE_GT, bytes, cursor) : -DER_INVAL;
	}
	if ((features & BTREE_INTEGER) != 0) {
		bytes = anchor_get(anchor, DAOS_ANCHOR_TYPE_KEY, 8, 8, &len);
		return bytes != NULL ? btree_seek(tree, BTREE_GT, memcpy(&integer, bytes, 8), 8, cursor) : -DER_INVAL;
	}
	if ((features & BTREE_LEXICAL) != 0)
		bytes = anchor_get(anchor, DAOS_ANCHOR_TYPE_KEY, 1, VOS_LEXICAL_MAX, &len);
	else
		bytes = anchor_get(anchor, DAOS_ANCHOR_TYPE_KEY, VOS_OBJECT_KEY, VOS_OBJECT_KEY, &len);
	return bytes != NULL ? btree_seek(tree, BTREE_GT, bytes, len, cursor) : -DER_INVAL;
}

/* The anchor that passes the key under the cursor (hashed: all keys of its hash). */
static void
pass(struct listing *listing, const struct btree_class *cls, struct btree_cursor *cursor, const struct item *item)
{
	const uint8_t *hkey = btree_hkey(cursor);

	if ((cls->features & BTREE_HASHED) != 0) {
		anchor_set(&listing->anchor, DAOS_ANCHOR_TYPE_HKEY, hkey, cls->hkey_size);
	} else if ((cls->features & BTREE_INTEGER) != 0) {
		uint64_t integer = vos__get_be64(hkey);

		anchor_set(&listing->anchor, DAOS_ANCHOR_TYPE_KEY, &integer, sizeof(integer));
	} else if ((cls->features & BTREE_LEXICAL) != 0) {
		anchor_set(&listing->anchor, DAOS_ANCHOR_TYPE_KEY, item->key, item->len);
	} else {
		anchor_set(&listing->anchor, DAOS_ANCHOR_TYPE_KEY, hkey, cls->hkey_size);
	}
}

/* Lists the keys of one hash, the cursor being at the first of them: 0, 1 when they do not fit, or an error. */
static int
list_group(struct listing *listing, const struct btree_class *cls, struct btree_cursor *cursor,
	   const struct sight *parent, uint32_t *work, bool *end)
{
	bool grouped = (cls->features & BTREE_HASHED) != 0, fits = true;
	uint8_t hkey[BTREE_HKEY_MAX];
	uint32_t needed = 0;
	struct item item;
	int rc;

	memcpy(hkey, btree_hkey(cursor), cls->hkey_size);
	do {
		(*work)++;
		rc = look_at(listing, btree_value(cursor), parent, &item);
		if (rc < 0)
			return rc;
		if (rc == 1) {
			needed += item.len;
			fits = fits && add_key(listing, item.key, item.len, &item.entry);
		}
		if (fits)
			pass(listing, cls, cursor, &item);
		rc = btree_next(cursor);
	} while (rc == 0 && grouped && memcmp(hkey, btree_hkey(cursor), cls->hkey_size) == 0);
	*end = rc == -DER_NONEXIST;
	if (!fits)
		listing->key_needed = needed;
	return *end || rc == 0 ? !fits : rc;
}

static int
list_tree(struct listing *listing, umem_off_t root, uint32_t number, const struct sight *parent)
{
	struct vos_pool *pool = listing->cont->pool;
	const struct btree_class *cls = pool->vx->registry.classes[number];
	struct btree tree = vos__tree(pool, root);
	struct btree_cursor cursor;
	uint32_t work = 0;
	bool end;
	int rc = seek(listing, &tree, cls->features, &cursor);

	end = rc == -DER_NONEXIST;
	while (rc == 0 && !end && work < WORK_MAX && listing->nr < listing->list->max) {
		daos_anchor_t anchor = listing->anchor;
		uint32_t nr = listing->nr, buf_used = listing->buf_used;

		rc = list_group(listing, cls, &cursor, parent, &work, &end);
		if (rc != 0) {
			listing->anchor = anchor;
			listing->nr = nr;
			listing->buf_used = buf_used;
			end = false;
		}
	}
	if (rc == 1 || (rc == -DER_INPROGRESS && listing->nr > 0)) {
		/*
		 * What was gathered is handed out; the next call begins with the one that did not fit, or stands in the
		 * way.
		 */
		return listing->nr > 0 ? 0 : -DER_KEY2BIG;
	}
	if (end)
		listing->anchor.da_type = DAOS_ANCHOR_TYPE_EOF;
	return end ? 0 : rc;
}

/* ---- finding the way down ---------------------------------------------------------------------------------------- */
static int
find_object(const struct listing *listing, umem_off_t *off, struct sight *sight)
{
	int rc = vos__object_find(listing->cont, &listing->key->oid, listing->key->shard, off);

	if (rc == 0)
		rc = vos__sight(&listing->look, *off + offsetof(struct vos_obj_rec, ilog), NULL, sight);
	if (rc == 0 && (listing->flags & VOS_PUNCHED) == 0)
		rc = vos__sight_pass(&listing->look, sight);
	return rc;
}

static int
find_dkey(const struct listing *listing, umem_off_t *off, struct sight *object, struct sight *sight)
{
	struct vos_pool *pool = listing->cont->pool;
	int rc = find_object(listing, off, object);

	if (rc == 0)
		rc = vos__key_find(pool, *off + offsetof(struct vos_obj_rec, dkeys), listing->key->dkey, off);
	if (rc != 0)
		return rc;
	if (vos__is_flat(vos__head(pool, *off))) {
		struct version_view view;

		rc = vos__flat_view(pool, *off, &view);
		return rc == 0 ? vos__sight_flat(&listing->look, view.version, object, sight) : rc;
	}
	if (vos__head(pool, *off)->kind != VOS_KIND_DKEY)
		return vos__corrupt(pool, *off, "no dkey record in a tree of dkeys");
	rc = vos__sight(&listing->look, *off + offsetof(struct vos_dkey_rec, ilog), object, sight);
	if (rc == 0 && (listing->flags & VOS_PUNCHED) == 0)
		rc = vos__sight_pass(&listing->look, sight);
	return rc;
}

/* ---- akeys, single values ---------------------------------------------------------------------------------------- */
static int
list_flat_akey(struct listing *listing, umem_off_t off, const struct sight *object)
{
	struct vos_pool *pool = listing->cont->pool;
	struct version_view view;
	struct sight sight;
	struct vos_entry entry = {0};
	int rc;

	/* A dkey is flat only from its beginning on: with an anchor of a former time nothing is left to list. */
	if (listing->list->anchor->da_type != DAOS_ANCHOR_TYPE_ZERO) {
		listing->anchor.da_type = DAOS_ANCHOR_TYPE_EOF;
		return 0;
	}
	rc = vos__flat_view(pool, off, &view);
	if (rc == 0)
		rc = vos__sight_flat(&listing->look, view.version, object, &sight);
	if (rc == 0)
		rc = wanted(listing, &sight);
	if (rc < 0)
		return rc;
	entry.epoch = view.version->epoch;
	entry.iod_type = view.array ? DAOS_IOD_ARRAY : DAOS_IOD_SINGLE;
	listing->key_needed = vos__head(pool, off)->akey_len;
	if (rc == 1 && !add_key(listing, view.akey, listing->key_needed, &entry))
		return -DER_KEY2BIG;
	listing->anchor.da_type = DAOS_ANCHOR_TYPE_EOF;
	return 0;
}

/* The newest visible version of a single value; media BIO_HOLE when there is none. */
static int
visible_single(const struct listing *listing, umem_off_t akey, const struct sight *sight, struct version_view *view)
{
	struct vos_pool *pool = listing->cont->pool;
	struct btree tree = vos__tree(pool, akey + offsetof(struct vos_akey_rec, singles));
	struct btree_cursor cursor;
	uint8_t key[VOS_SINGLE_KEY];
	int rc;

	vos__single_key(listing->look.epoch, VOS_MINOR_MAX, key);
	rc = btree_seek(&tree, BTREE_LE, key, sizeof(key), &cursor);
	for (; rc == 0; rc = btree_prev(&cursor)) {
		rc = vos__single_view(pool, btree_value(&cursor), view);
		if (rc == 0 && vos__above(view->version->epoch, view->version->minor, sight->floor))
			rc = vos__visible(&listing->look, view->version->dtx);
		else if (rc == 0)
			return -DER_NONEXIST;
		if (rc == VIS_PENDING)
			return vos__in_the_way(&listing->look, view->version->dtx);
		if (rc <= VIS_YES)
			return rc;
	}
	return rc;
}

/* ---- extents ----------------------------------------------------------------------------------------------------- */
struct extents {
	struct listing *listing;
	const struct sight *sight;
	uint64_t rec_size;
	uint64_t next;      /* forward: record behind the last piece */
	uint64_t from;      /* reverse: low end of the window */
	uint64_t ring_nr;   /* reverse: pieces seen, the last `max` are kept */
	uint32_t work;
	bool more;
};

static int
extent_visible(void *arg, const struct evtree_extent *extent)
{
	struct extents *extents = arg;
	const struct look *look = &extents->listing->look;
	int vis;

	if (!vos__above(extent->when.epoch, extent->when.minor, extents->sight->floor))
		return 1;
	vis = vos__visible(look, extent->data.dtx);
	return vis == VIS_PENDING ? vos__in_the_way(look, extent->data.dtx) : vis < 0 ? vis : vis == VIS_NO;
}

static void
add_extent(struct extents *extents, const struct evtree_piece *piece)
{
	struct listing *listing = extents->listing;
	bool hole = piece->whole.data.media == BIO_HOLE;

	listing->list->entries[listing->nr++] = (struct vos_entry){
		.epoch = piece->whole.when.epoch, .iod_type = DAOS_IOD_ARRAY, .size = hole ? 0 : extents->rec_size,
		.recx = {.rx_idx = piece->lo, .rx_nr = piece->hi - piece->lo + 1},
	};
}

static bool
skipped(const struct extents *extents, const struct evtree_piece *piece)
{
	return piece->whole.data.media == BIO_HOLE && (extents->listing->flags & VOS_PUNCHED) == 0;
}

static int
extent_forward(void *arg, const struct evtree_piece *piece)
{
	struct extents *extents = arg;
	struct listing *listing = extents->listing;

	if (listing->nr == listing->list->max || extents->work++ == EXTENT_MAX) {
		extents->next = piece->lo;
		extents->more = true;
		return 1;
	}
	extents->next = piece->hi + 1;
	if (!skipped(extents, piece))
		add_extent(extents, piece);
	return 0;
}

static int
extent_reverse(void *arg, const struct evtree_piece *piece)
{
	struct extents *extents = arg;

	/* What begins at the low end of the window may go on below it. */
	if (skipped(extents, piece) || (piece->lo == extents->from && extents->from > 0))
		return 0;
	extents->listing->ring[extents->ring_nr++ % extents->listing->list->max] = *piece;
	return 0;
}

/* Windows below `last`, each twice the one before, until enough extents begin in one. */
static int
list_reverse(struct listing *listing, struct evtree *tree, struct extents *extents, uint64_t last)
{
	struct evtree_when when = {.epoch = listing->look.epoch, .minor = VOS_MINOR_MAX};
	uint32_t max = listing->list->max;
	uint64_t width = 1ULL << 16;

	do {
		int rc;

		extents->from = last > width ? last - width : 0;
		extents->ring_nr = 0;
		rc = evtree_find(tree, extents->from, last, when, extent_reverse, extents);
		if (rc != 0)
			return rc;
		width = width < 1ULL << 62 ? width * 2 : UINT64_MAX;
	} while (extents->ring_nr < max && extents->from > 0);
	for (uint64_t i = 0; i < MIN(extents->ring_nr, (uint64_t)max); i++)
		add_extent(extents, &listing->ring[(extents->ring_nr - 1 - i) % max]);
	extents->more = extents->ring_nr > max || (extents->from > 0 && listing->nr > 0);
	if (listing->nr > 0) {
		uint64_t lowest = listing->list->entries[listing->nr - 1].recx.rx_idx;

		extents->more &= lowest > 0;
		extents->next = lowest - 1;
	}
	return 0;
}

static int
list_extents(struct listing *listing, struct evtree *tree, struct extents *extents)
{
	const daos_anchor_t *anchor = listing->list->anchor;
	struct evtree_when when = {.epoch = listing->look.epoch, .minor = VOS_MINOR_MAX};
	bool reverse = listing->list->reverse;
	uint64_t start = reverse ? UINT64_MAX - 1 : 0;
	size_t len;
	int rc;

	if (anchor->da_type != DAOS_ANCHOR_TYPE_ZERO) {
		const uint8_t *bytes = anchor_get(anchor, DAOS_ANCHOR_TYPE_KEY, sizeof(start), sizeof(start), &len);

		if (bytes == NULL)
			return -DER_INVAL;
		memcpy(&start, bytes, sizeof(start));
	}
	if (reverse)
		rc = list_reverse(listing, tree, extents, start);
	else
		rc = evtree_find(tree, start, UINT64_MAX - 1, when, extent_forward, extents);
	/* An extent that stands in the way is the business of the next call, when this one has something to show. */
	if (rc == -DER_INPROGRESS && listing->nr > 0 && !reverse)
		extents->more = true;
	else if (rc < 0)
		return rc;
	if (extents->more)
		anchor_set(&listing->anchor, DAOS_ANCHOR_TYPE_KEY, &extents->next, sizeof(extents->next));
	else
		listing->anchor.da_type = DAOS_ANCHOR_TYPE_EOF;
	return 0;
}

/* ---- what lies below one akey ------------------------------------------------------------------------------------ */
static int
list_flat_value(struct listing *listing, umem_off_t off, const struct sight *object)
{
	struct vos_pool *pool = listing->cont->pool;
	const daos_key_t *akey = listing->list->akey;
	bool array = listing->list->kind == VOS_LIST_EXTENT, hole;
	struct version_view view;
	struct sight sight;
	int rc = vos__flat_view(pool, off, &view);

	listing->anchor.da_type = DAOS_ANCHOR_TYPE_EOF;
	if (rc == 0)
		rc = vos__sight_flat(&listing->look, view.version, object, &sight);
	if (rc == 0)
		rc = wanted(listing, &sight);
	hole = view.version->media == BIO_HOLE && (listing->flags & VOS_PUNCHED) == 0;
	if (rc <= 0 || view.array != array || hole || listing->list->anchor->da_type != DAOS_ANCHOR_TYPE_ZERO ||
	    vos__head(pool, off)->akey_len != akey->iov_len || memcmp(view.akey, akey->iov_buf, akey->iov_len) != 0)
		return rc < 0 ? rc : 0;
	listing->list->entries[listing->nr++] = (struct vos_entry){
		.epoch = view.version->epoch, .iod_type = array ? DAOS_IOD_ARRAY : DAOS_IOD_SINGLE,
		.size = view.version->media == BIO_HOLE ? 0 : view.version->size,
		.recx = {.rx_idx = view.lo, .rx_nr = array ? view.hi - view.lo + 1 : 1},
	};
	return 0;
}

static int
list_values(struct listing *listing, umem_off_t dkey, const struct sight *dkey_sight)
{
	struct vos_pool *pool = listing->cont->pool;
	struct sight sight;
	struct version_view view;
	umem_off_t off;
	int rc = vos__key_find(pool, dkey + offsetof(struct vos_dkey_rec, akeys), listing->list->akey, &off);

	if (rc == 0)
		rc = vos__sight(&listing->look, off + offsetof(struct vos_akey_rec, ilog), dkey_sight, &sight);
	if (rc == 0)
		rc = vos__sight_pass(&listing->look, &sight);
	if (rc != 0)
		return rc;
	if (listing->list->kind == VOS_LIST_EXTENT) {
		struct extents extents = {.listing = listing, .sight = &sight};
		struct evtree tree = {.heap = pool->heap, .root = off + offsetof(struct vos_akey_rec, extents),
				      .visible = extent_visible, .arg = &extents};

		extents.rec_size = ((const struct evtree_root *)umem_at(pool->heap, tree.root))->rec_size;
		return list_extents(listing, &tree, &extents);
	}
	listing->anchor.da_type = DAOS_ANCHOR_TYPE_EOF;
	rc = visible_single(listing, off, &sight, &view);
	if (rc != 0)
		return rc == -DER_NONEXIST ? 0 : rc;
	if (listing->list->anchor->da_type != DAOS_ANCHOR_TYPE_ZERO ||
	    (view.version->media == BIO_HOLE && (listing->flags & VOS_PUNCHED) == 0))
		return 0;
	listing->list->entries[listing->nr++] = (struct vos_entry){
		.epoch = view.version->epoch,
		.iod_type = DAOS_IOD_SINGLE,
		.size = view.version->media == BIO_HOLE ? 0 : view.version->size,
	};
	return 0;
}

/* ---- the body ---------------------------------------------------------------------------------------------------- */
static int
list_body(struct umem *heap, void *arg)
{
	struct listing *listing = arg;
	struct vos_list *list = listing->list;
	struct sight object, sight;
	umem_off_t off;
	bool flat;
	int rc;

	listing->anchor = *list->anchor;
	listing->nr = listing->buf_used = listing->key_needed = 0;
	listing->look = vos__look_of(listing->cont, listing->when);
	if (list->kind == VOS_LIST_OBJECT)
		return list_tree(listing, listing->cont->off + offsetof(struct vos_cont_rec, objects), VOS_CLASS_OBJECT,
				 NULL);
	if (list->kind == VOS_LIST_DKEY) {
		rc = find_object(listing, &off, &object);
		if (rc == 0)
			return list_tree(listing, off + offsetof(struct vos_obj_rec, dkeys),
					 vos__dkey_class(&listing->key->oid), &object);
	} else {
		rc = find_dkey(listing, &off, &object, &sight);
		flat = rc == 0 && vos__is_flat(vos__head(listing->cont->pool, off));
		if (rc == 0 && list->kind == VOS_LIST_AKEY)
			rc = flat ? list_flat_akey(listing, off, &object) :
				    list_tree(listing, off + offsetof(struct vos_dkey_rec, akeys),
					      vos__akey_class(&listing->key->oid), &sight);
		else if (rc == 0)
			rc = flat ? list_flat_value(listing, off, &object) : list_values(listing, off, &sight);
	}
	if (rc != -DER_NONEXIST)
		return rc;
	listing->anchor.da_type = DAOS_ANCHOR_TYPE_EOF;
	return 0;
}

/* ---- around it --------------------------------------------------------------------------------------------------- */
static void
leave_stamps(const struct listing *listing)
{
	struct stamps *stamps = &listing->cont->pool->vx->stamps;
	uint64_t epoch = listing->when->epoch, reader = vos__reader(listing->when->self);

	if (epoch == DAOS_EPOCH_MAX || (listing->flags & VOS_NO_TIMESTAMP) != 0)
		return;
	switch (listing->list->kind) {
	case VOS_LIST_OBJECT:
		vos__stamp(stamps, STAMP_CONT_ALL, listing->cont->hash, epoch, reader);
		return;
	case VOS_LIST_DKEY:
		vos__stamp(stamps, STAMP_OBJECT_ALL, listing->hash_object, epoch, reader);
		return;
	case VOS_LIST_AKEY:
		vos__stamp(stamps, STAMP_DKEY_ALL, listing->hash_dkey, epoch, reader);
		break;
	case VOS_LIST_EXTENT:
	case VOS_LIST_SINGLE:
		vos__stamp(stamps, STAMP_AKEY, vos__hash_key(listing->hash_dkey, listing->list->akey), epoch, reader);
		vos__stamp(stamps, STAMP_DKEY_SUB, listing->hash_dkey, epoch, reader);
		break;
	}
	vos__stamp(stamps, STAMP_OBJECT_SUB, listing->hash_object, epoch, reader);
}

static uint64_t
lsn_of(const struct listing *listing)
{
	const struct lsn_tables *tables = listing->cont->pool->lsn;
	uint64_t lsn;

	switch (listing->list->kind) {
	case VOS_LIST_OBJECT:
		return tables->cont[listing->cont->hash % LSN_CONTS];
	case VOS_LIST_DKEY:
		lsn = tables->object[listing->hash_object % LSN_OBJECTS];
		break;
	default:
		lsn = tables->dkey[listing->hash_dkey % LSN_DKEYS];
		break;
	}
	return MAX(lsn, tables->punch[listing->hash_object % LSN_OBJECTS]);
}

static int
check_list(const struct vos_key *key, const struct vos_list *list)
{
	bool keys = list->kind <= VOS_LIST_AKEY;
	int rc;

	if (list->kind > VOS_LIST_SINGLE || key->cont == NULL || list->anchor == NULL || list->entries == NULL ||
	    list->max == 0 || (keys && list->buf == NULL))
		return -DER_INVAL;
	rc = vos__where_check(key, list->kind > VOS_LIST_DKEY);
	if (rc == 0 && !keys)
		rc = list->akey != NULL ? vos__key_check(vos__akey_class(&key->oid), list->akey) : -DER_INVAL;
	return rc;
}

int
vos_list(const struct vos_key *key, struct vos_when *when, uint64_t flags, struct vos_list *list)
{
	struct listing listing = {.key = key, .when = when, .flags = flags, .list = list, .cont = key->cont};
	struct mem *mem;
	int rc = check_list(key, list);

	list->nr = list->buf_used = list->key_needed = 0;
	list->lsn = when->lsn = 0;
	if (rc != 0 || list->anchor->da_type == DAOS_ANCHOR_TYPE_EOF)
		return rc;
	mem = key->cont->pool->vx->mem;
	listing.hash_object = vos__hash_object(key->cont, &key->oid, key->shard);
	listing.hash_dkey = key->dkey != NULL ? vos__hash_key(listing.hash_object, key->dkey) : 0;
	if (list->kind == VOS_LIST_EXTENT && list->reverse) {
		list->max = MIN(list->max, (uint32_t)EXTENT_MAX);
		listing.ring = MEM_NEW_ARRAY(mem, struct evtree_piece, list->max);
		if (listing.ring == NULL)
			return -DER_NOMEM;
	}
	rc = umem_read(key->cont->pool->heap, list_body, &listing);
	list->lsn = when->lsn = lsn_of(&listing);
	mem_free(mem, listing.ring);
	list->key_needed = listing.key_needed;
	if (rc != 0)
		return rc;
	leave_stamps(&listing);
	*list->anchor = listing.anchor;
	list->nr = listing.nr;
	list->buf_used = listing.buf_used;
	return 0;
}
