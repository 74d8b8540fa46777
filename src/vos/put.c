/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vos/put: one op inside the transaction of vos_apply: conditions and read timestamps are looked at, then records are
 * made and changed from the object down to the values.
 *
 *	update    object -> dkey -> akeys: each gets a creation in its log unless one stands there that nobody else's
 *	          transaction can take away (look I1), and "last" moves to the write's epoch
 *	punch     one event in the log of the object, the dkey, or each akey. Where there is nothing to punch, nothing
 *	          is written; a read timestamp keeps older writes from coming in below it afterwards.
 *
 *	put I1  A punch below the newest write of what it punches is refused: the writes above it rely on older
 *	        creations.
 *	put I2  Two transactions with one epoch never write below the same record: the second is refused.
 *
 * Runs inside a umem_write body: it may run again from the start, so it changes the heap and the op's "last run" fields
 * only.
 */
#include "inside.h"

/* ---- timestamps -------------------------------------------------------------------------------------------------- */
/* Has anybody else read, at our epoch or later, what this write changes? */
static int
check_stamp(const struct put *put, enum stamp_kind kind, uint64_t hash)
{
	if (put->plain)
		return 0;
	return vos__stamp_of(&put->pool->vx->stamps, kind, hash, put->reader) >= put->epoch ? -DER_TX_RESTART : 0;
}

static int
check_stamps(const struct put *put, const struct vos_op *op)
{
	int rc = check_stamp(put, STAMP_CONT_ALL, op->cont->hash);

	if (rc == 0)
		rc = check_stamp(put, STAMP_OBJECT_ALL, op->hash_object);
	if (rc == 0 && op->whole)
		return check_stamp(put, STAMP_OBJECT_SUB, op->hash_object);
	if (rc == 0)
		rc = check_stamp(put, STAMP_DKEY_ALL, op->hash_dkey);
	if (rc == 0 && op->nr == 0)
		return check_stamp(put, STAMP_DKEY_SUB, op->hash_dkey);
	for (uint32_t i = 0; i < op->nr && rc == 0; i++)
		rc = check_stamp(put, STAMP_AKEY, op->iods[i].hash);
	return rc;
}

/* ---- last -------------------------------------------------------------------------------------------------------- */
/* *late: somebody has written below this record at a newer epoch. */
static int
note_last(const struct put *put, umem_off_t off, bool punch, bool *late)
{
	struct vos_last *last = umem_at(put->pool->heap, off);

	*late = last->epoch > put->epoch;
	if (!put->plain && (*late ? punch : last->epoch == put->epoch && last->tag != put->tag))
		return -DER_TX_RESTART;
	if (*late || (last->epoch == put->epoch && last->tag == put->tag && last->flags == 0))
		return 0;
	last = umem_touch(put->pool->heap, off, sizeof(*last));
	*last = (struct vos_last){.epoch = put->epoch, .tag = put->tag};
	return 0;
}

static int
note_event(const struct put *put, umem_off_t root, uint16_t minor, bool punch)
{
	struct ilog log = {.heap = put->pool->heap, .root = root};
	struct ilog_entry entry = {.epoch = put->epoch, .minor = minor, .punch = punch, .dtx = put->local};

	return ilog_add(&log, &entry, true);
}

/* ---- where the op's keys are ------------------------------------------------------------------------------------- */
/** A record and what is seen of it; off 0: there is none. */
struct place {
	umem_off_t off;
	struct sight sight;
};

struct path {
	struct place object, dkey;
	bool flat;
	struct version_view view; /* of a flat dkey */
};

static int
find_object(const struct put *put, struct vos_op *op, struct place *object)
{
	int rc = vos__object_find(put->cont, &op->oid, op->shard, &object->off);

	if (rc == 0)
		return vos__sight(&put->look, object->off + offsetof(struct vos_obj_rec, ilog), NULL, &object->sight);
	object->off = UMEM_NULL;
	vos__sight_none(NULL, &object->sight);
	return rc == -DER_NONEXIST ? 0 : rc;
}

static int
find_dkey(const struct put *put, struct vos_op *op, struct path *path)
{
	struct vos_pool *pool = put->pool;
	struct vos_key_head *head;
	int rc;

	path->flat = false;
	path->dkey.off = UMEM_NULL;
	vos__sight_none(&path->object.sight, &path->dkey.sight);
	if (path->object.off == UMEM_NULL)
		return 0;
	rc = vos__key_find(pool, path->object.off + offsetof(struct vos_obj_rec, dkeys), &op->dkey, &path->dkey.off);
	if (rc != 0) {
		path->dkey.off = UMEM_NULL;
		return rc == -DER_NONEXIST ? 0 : rc;
	}
	head = vos__head(pool, path->dkey.off);
	path->flat = vos__is_flat(head);
	if (path->flat) {
		rc = vos__flat_view(pool, path->dkey.off, &path->view);
		return rc != 0 ?
			       rc :
			       vos__sight_flat(&put->look, path->view.version, &path->object.sight, &path->dkey.sight);
	}
	if (head->kind != VOS_KIND_DKEY)
		return vos__corrupt(pool, path->dkey.off, "no dkey record in a tree of dkeys");
	return vos__sight(&put->look, path->dkey.off + offsetof(struct vos_dkey_rec, ilog), &path->object.sight,
			  &path->dkey.sight);
}

static bool
flat_akey_is(const struct put *put, const struct path *path, const daos_key_t *akey)
{
	const struct vos_key_head *head = vos__head(put->pool, path->dkey.off);

	return head->akey_len == akey->iov_len && memcmp(path->view.akey, akey->iov_buf, akey->iov_len) == 0;
}

/* The akey below a dkey that may still be flat; off 0: none. */
static int
find_akey(const struct put *put, const struct path *path, const daos_key_t *akey, struct place *place)
{
	struct vos_pool *pool = put->pool;
	int rc;

	place->off = UMEM_NULL;
	vos__sight_none(&path->dkey.sight, &place->sight);
	if (path->dkey.off == UMEM_NULL)
		return 0;
	if (path->flat)
		return flat_akey_is(put, path, akey) ?
		       vos__sight_flat(&put->look, path->view.version, &path->object.sight, &place->sight) : 0;
	rc = vos__key_find(pool, path->dkey.off + offsetof(struct vos_dkey_rec, akeys), akey, &place->off);
	if (rc != 0) {
		place->off = UMEM_NULL;
		return rc == -DER_NONEXIST ? 0 : rc;
	}
	if (vos__head(pool, place->off)->kind != VOS_KIND_AKEY)
		return vos__corrupt(pool, place->off, "no akey record in a tree of akeys");
	return vos__sight(&put->look, place->off + offsetof(struct vos_akey_rec, ilog), &path->dkey.sight,
			  &place->sight);
}

/* ---- conditions -------------------------------------------------------------------------------------------------- */
static int
want(const struct put *put, const struct sight *sight, bool insert)
{
	int exists = vos__sight_exists(&put->look, sight);

	if (exists < 0)
		return exists;
	return insert && exists ? -DER_EXIST : !insert && !exists ? -DER_NONEXIST : 0;
}

static uint64_t
akey_flags(const struct vos_op *op, uint32_t i)
{
	return (op->flags & DAOS_COND_PER_AKEY) != 0 ? op->iods[i].flags : op->flags;
}

enum {
	COND_DKEY_THERE = DAOS_COND_DKEY_UPDATE | DAOS_COND_DKEY_FETCH,
	COND_AKEY_THERE = DAOS_COND_AKEY_UPDATE | DAOS_COND_AKEY_FETCH,
};

static int
check_conditions(const struct put *put, struct vos_op *op, const struct path *path)
{
	bool punch = op->kind != OP_UPDATE && (op->flags & DAOS_COND_PUNCH) != 0;
	int rc = 0;

	if (punch && op->whole)
		return want(put, &path->object.sight, false);
	if ((op->flags & DAOS_COND_DKEY_INSERT) != 0)
		rc = want(put, &path->dkey.sight, true);
	else if ((op->flags & COND_DKEY_THERE) != 0 || (punch && op->nr == 0))
		rc = want(put, &path->dkey.sight, false);
	for (uint32_t i = 0; i < op->nr && rc == 0; i++) {
		uint64_t flags = akey_flags(op, i);
		bool insert = (flags & DAOS_COND_AKEY_INSERT) != 0;
		struct place akey;

		if (!insert && !punch && (flags & COND_AKEY_THERE) == 0)
			continue;
		rc = find_akey(put, path, &op->iods[i].akey, &akey);
		if (rc == 0)
			rc = want(put, &akey.sight, insert);
	}
	return rc;
}

/* A condition alone: what is in the way is in the way of the transaction. */
static int
put_check(struct put *put, struct vos_op *op)
{
	struct path path;
	int rc = find_object(put, op, &path.object);

	if (rc == 0)
		rc = vos__sight_pass(&put->look, &path.object.sight);
	if (rc == 0 && !op->whole)
		rc = find_dkey(put, op, &path);
	if (rc == 0 && !op->whole)
		rc = vos__sight_pass(&put->look, &path.dkey.sight);
	op->object = path.object.off;
	return rc != 0 ? rc : check_conditions(put, op, &path);
}

/* ---- reads that must still hold ---------------------------------------------------------------------------------- */
static bool
changed_since(const struct put *put, umem_off_t last, uint64_t epoch)
{
	return ((const struct vos_last *)umem_at(put->pool->heap, last))->epoch > epoch;
}

/* Was it punched since, by anybody, finally or not? */
static int
punched_since(const struct put *put, umem_off_t root, uint64_t epoch)
{
	struct ilog log = {.heap = put->pool->heap, .root = root, .log = put->pool->vx->log};
	const struct ilog_entry *entries;
	uint32_t nr;

	entries = ilog_entries(&log, &nr);
	if (entries == NULL)
		return -DER_DF_INVAL;
	for (uint32_t i = nr; i > 0 && entries[i - 1].epoch > epoch; i--)
		if (entries[i - 1].punch != 0)
			return -DER_TX_RESTART;
	return 0;
}

int
vos__put_unchanged(struct put *put, struct vos_op *op)
{
	uint64_t since = op->read_epoch;
	struct path path;
	int rc = find_object(put, op, &path.object);

	if (rc != 0 || path.object.off == UMEM_NULL)
		return rc;
	/* Nothing newer anywhere below the object: the usual case. */
	if (!changed_since(put, path.object.off + offsetof(struct vos_obj_rec, last), since))
		return 0;
	if (op->whole)
		return -DER_TX_RESTART;
	rc = punched_since(put, path.object.off + offsetof(struct vos_obj_rec, ilog), since);
	if (rc == 0)
		rc = find_dkey(put, op, &path);
	if (rc != 0 || path.dkey.off == UMEM_NULL)
		return rc;
	if (path.flat)
		return path.view.version->epoch > since ? -DER_TX_RESTART : 0;
	if (!changed_since(put, path.dkey.off + offsetof(struct vos_dkey_rec, last), since))
		return 0;
	if (op->nr == 0)
		return -DER_TX_RESTART;
	rc = punched_since(put, path.dkey.off + offsetof(struct vos_dkey_rec, ilog), since);
	for (uint32_t i = 0; i < op->nr && rc == 0; i++) {
		struct place akey;

		rc = find_akey(put, &path, &op->iods[i].akey, &akey);
		if (rc == 0 && akey.off != UMEM_NULL &&
		    changed_since(put, akey.off + offsetof(struct vos_akey_rec, last), since))
			rc = -DER_TX_RESTART;
	}
	return rc;
}

/* ---- update ------------------------------------------------------------------------------------------------------ */
static struct stamp_of_write
stamp_of(const struct put *put, uint16_t minor)
{
	return (struct stamp_of_write){.epoch = put->epoch, .minor = minor, .dtx = put->local,
				       .map_version = put->apply->version, .tag = put->tag};
}

/* Another type of value must not be visible: an akey is a single value or an array. */
static int
check_type(const struct put *put, umem_off_t off, const struct sight *sight, daos_iod_type_t type)
{
	struct vos_pool *pool = put->pool;
	const struct vos_akey_rec *rec = umem_at(pool->heap, off);

	if (type == DAOS_IOD_ARRAY && rec->singles.count > 0) {
		struct btree tree = vos__tree(pool, off + offsetof(struct vos_akey_rec, singles));
		struct btree_cursor cursor;
		uint8_t key[VOS_SINGLE_KEY];
		const struct vos_single_rec *single;

		vos__single_key(put->epoch, VOS_MINOR_MAX, key);
		if (btree_seek(&tree, BTREE_LE, key, sizeof(key), &cursor) != 0)
			return 0;
		if (!vos__sound(pool->heap, btree_value(&cursor), sizeof(*single)))
			return vos__corrupt(pool, btree_value(&cursor), "no record of a single value");
		single = umem_at(pool->heap, btree_value(&cursor));
		return single->version.media != BIO_HOLE &&
				       vos__above(single->version.epoch, single->version.minor, sight->floor) ?
			       -DER_NO_PERM :
			       0;
	}
	if (type == DAOS_IOD_SINGLE && rec->extents.count > 0) {
		struct evtree tree = {.heap = pool->heap, .root = off + offsetof(struct vos_akey_rec, extents)};
		struct evtree_piece piece;
		int rc = evtree_end(&tree, true, (struct evtree_when){put->epoch, VOS_MINOR_MAX}, &piece);

		return rc == 0 && vos__above(piece.whole.when.epoch, piece.whole.when.minor, sight->floor) ?
			       -DER_NO_PERM :
			       0;
	}
	return 0;
}

/* Does an older write of this epoch stand here that is not ours? Asked when newer ones hide it from `last`. */
static int
check_same_epoch(const struct put *put, umem_off_t off, const struct value *value, daos_iod_type_t type)
{
	struct vos_pool *pool = put->pool;

	if (type == DAOS_IOD_SINGLE) {
		struct btree tree = vos__tree(pool, off + offsetof(struct vos_akey_rec, singles));
		struct btree_cursor cursor;
		uint8_t key[VOS_SINGLE_KEY];

		vos__single_key(put->epoch, 0, key);
		return btree_seek(&tree, BTREE_GE, key, sizeof(key), &cursor) == 0 &&
		       vos__get_be64(btree_hkey(&cursor)) == put->epoch ? -DER_TX_RESTART : 0;
	}
	return 0;
}

static int
put_values(struct put *put, struct vos_op *op, struct op_iod *iod, umem_off_t off, uint16_t minor, bool late)
{
	struct stamp_of_write when = stamp_of(put, minor);
	int rc = 0;

	for (uint32_t v = 0; v < iod->value_nr && rc == 0; v++) {
		if (late && !put->plain)
			rc = check_same_epoch(put, off, &iod->values[v], iod->type);
		if (rc == 0)
			rc = iod->type == DAOS_IOD_SINGLE ?
				     vos__single_put(put->pool, off, &iod->values[v], &when, late && !put->plain) :
				     vos__extent_put(put->pool, off, &iod->values[v], &when, late && !put->plain);
	}
	return rc;
}

static int
put_akey(struct put *put, struct vos_op *op, struct path *path, uint32_t i, uint16_t minor)
{
	struct op_iod *iod = &op->iods[i];
	struct place akey;
	bool late;
	int rc = find_akey(put, path, &iod->akey, &akey);

	if (rc == 0 && akey.off == UMEM_NULL)
		rc = vos__akey_make(put->pool, path->dkey.off + offsetof(struct vos_dkey_rec, akeys), &iod->akey,
				    &akey.off);
	else if (rc == 0)
		rc = check_type(put, akey.off, &akey.sight, iod->type);
	if (rc == 0 && vos__sight_needs_creation(&akey.sight))
		rc = note_event(put, akey.off + offsetof(struct vos_akey_rec, ilog), minor, false);
	if (rc == 0)
		rc = note_last(put, akey.off + offsetof(struct vos_akey_rec, last), false, &late);
	return rc != 0 ? rc : put_values(put, op, iod, akey.off, minor, late);
}

static int
ensure_object(struct put *put, struct vos_op *op, struct place *object, uint16_t minor)
{
	bool late;
	int rc = 0;

	if (object->off == UMEM_NULL)
		rc = vos__object_make(put->cont, &op->oid, op->shard, &object->off);
	op->object = object->off;
	if (rc == 0 && vos__sight_needs_creation(&object->sight))
		rc = note_event(put, object->off + offsetof(struct vos_obj_rec, ilog), minor, false);
	return rc != 0 ? rc : note_last(put, object->off + offsetof(struct vos_obj_rec, last), false, &late);
}

static bool
fits_flat(const struct vos_op *op)
{
	return op->nr == 1 && op->iods[0].value_nr == 1 && vos__flat_size(op->dkey.iov_len, op->iods[0].akey.iov_len,
		&op->iods[0].values[0], true) <= UMEM_SEGMENT / 2;
}

static int
put_flat(struct put *put, struct vos_op *op, umem_off_t root, uint16_t minor)
{
	struct op_iod *iod = &op->iods[0];
	struct stamp_of_write when = stamp_of(put, minor);
	umem_off_t off;
	int rc = vos__flat_make(put->pool, &op->dkey, &iod->akey, iod->type == DAOS_IOD_ARRAY, &iod->values[0], &when,
				&off);

	return rc != 0 ? rc : vos__key_insert(put->pool, root, &op->dkey, off);
}

/* Extents that an update replaces, as many as one takes away. */
struct covered {
	const struct op_iod *iod;
	struct evtree_extent found[32];
	uint32_t nr;
};

/* Do the values of an update cover records [lo, hi], each for itself? */
static bool
covers(const struct op_iod *iod, uint64_t lo, uint64_t hi)
{
	for (uint32_t v = 0; v < iod->value_nr; v++)
		if (iod->values[v].lo <= lo && iod->values[v].hi >= hi)
			return true;
	return false;
}

static int
note_extent(void *arg, const struct evtree_extent *extent)
{
	struct covered *covered = arg;

	if (covers(covered->iod, extent->lo, extent->hi))
		covered->found[covered->nr++] = *extent;
	return covered->nr == ARRAY_SIZE(covered->found);
}

/* The extents that lie wholly below those that are written; others keep records that are still to be seen. */
static int
forget_extents(struct put *put, umem_off_t off, const struct op_iod *iod)
{
	struct evtree tree = {.heap = put->pool->heap, .root = off + offsetof(struct vos_akey_rec, extents)};
	struct covered covered = {.iod = iod};
	int rc = 0;

	for (uint32_t v = 0; v < iod->value_nr && rc == 0; v++)
		rc = evtree_each(&tree, iod->values[v].lo, iod->values[v].hi, 0, put->epoch, note_extent, &covered);
	rc = MIN(rc, 0);
	for (uint32_t i = 0; i < covered.nr && rc == 0; i++) {
		const struct evtree_extent *extent = &covered.found[i];

		rc = vos__extent_drop(put->pool, off, extent->lo, extent->hi, extent->when.epoch, extent->when.minor);
		if (rc == -DER_NONEXIST) /* two values of the update met it */
			rc = 0;
	}
	return rc;
}

static int
forget_akey(struct put *put, struct path *path, const struct op_iod *iod)
{
	const struct vos_akey_rec *rec;
	struct place akey;
	int rc = find_akey(put, path, &iod->akey, &akey);

	if (rc != 0 || akey.off == UMEM_NULL)
		return rc;
	if (akey.sight.exists) {
		rc = check_type(put, akey.off, &akey.sight, iod->type);
		if (rc != 0)
			return rc;
		if (iod->type == DAOS_IOD_ARRAY)
			return forget_extents(put, akey.off, iod);
		/* An array of holes only: taken apart in pieces it would show what the holes hide. */
		rec = umem_at(put->pool->heap, akey.off);
		if (rec->extents.count > 0)
			return 0;
	}
	return vos__akey_forget(put->pool, path->dkey.off + offsetof(struct vos_dkey_rec, akeys), &iod->akey, akey.off);
}

/* Does the update replace all that a flat dkey holds? */
static bool
replaces_flat(struct put *put, const struct vos_op *op, const struct path *path)
{
	const struct op_iod *iod = &op->iods[0];

	if (op->nr != 1 || !flat_akey_is(put, path, &iod->akey))
		return false;
	if (!path->dkey.sight.exists)
		return true;
	if (path->view.array != (iod->type == DAOS_IOD_ARRAY))
		return false;
	return !path->view.array || covers(iod, path->view.lo, path->view.hi);
}

/* The versions that the update replaces; those that remain are hidden by what is written. */
static int
forget_below(struct put *put, struct vos_op *op, struct path *path)
{
	int rc = 0;

	if (path->flat) {
		if (!replaces_flat(put, op, path))
			return 0;
		rc = vos__dkey_forget(put->pool, path->object.off + offsetof(struct vos_obj_rec, dkeys), &op->dkey, path->dkey.off);
		path->flat = false;
		path->dkey.off = UMEM_NULL;
		vos__sight_none(&path->object.sight, &path->dkey.sight);
		return rc;
	}
	for (uint32_t i = 0; i < op->nr && rc >= 0; i++)
		rc = forget_akey(put, path, &op->iods[i]);
	return MIN(rc, 0);
}

static int
put_update(struct put *put, struct vos_op *op, uint16_t minor)
{
	struct vos_pool *pool = put->pool;
	struct path path;
	umem_off_t root;
	bool late;
	int rc = find_object(put, op, &path.object);

	if (rc == 0)
		rc = find_dkey(put, op, &path);
	if (rc == 0 && (op->flags & DAOS_COND_MASK) != 0)
		rc = check_conditions(put, op, &path);
	if (rc == 0)
		rc = ensure_object(put, op, &path.object, minor);
	if (rc == 0 && (op->flags & VOS_FORGET) != 0 && path.dkey.off != UMEM_NULL)
		rc = forget_below(put, op, &path);
	if (rc != 0)
		return rc;
	root = path.object.off + offsetof(struct vos_obj_rec, dkeys);
	if (path.dkey.off == UMEM_NULL && fits_flat(op))
		return put_flat(put, op, root, minor);
	if (path.dkey.off == UMEM_NULL)
		rc = vos__dkey_make(pool, root, &op->dkey, vos__akey_class(&op->oid), &path.dkey.off);
	else if (path.flat)
		rc = vos__flat_promote(pool, root, &op->dkey, vos__akey_class(&op->oid), &path.dkey.off);
	path.flat = false;
	if (rc == 0 && vos__sight_needs_creation(&path.dkey.sight))
		rc = note_event(put, path.dkey.off + offsetof(struct vos_dkey_rec, ilog), minor, false);
	if (rc == 0)
		rc = note_last(put, path.dkey.off + offsetof(struct vos_dkey_rec, last), false, &late);
	for (uint32_t i = 0; i < op->nr && rc == 0; i++)
		rc = put_akey(put, op, &path, i, minor);
	return rc;
}

/* ---- punch ------------------------------------------------------------------------------------------------------- */
/* Is there anything a punch could end? Prepared creations count, in case they commit. */
static bool
worth_punching(const struct put *put, const struct sight *sight)
{
	return put->plain || sight->exists || sight->pending_create != 0 || sight->doubt_dtx != 0;
}

static int
punch_at(struct put *put, umem_off_t off, size_t ilog, size_t last, uint16_t minor)
{
	bool late;
	int rc = note_last(put, off + last, true, &late);

	return rc != 0 ? rc : note_event(put, off + ilog, minor, true);
}

static int
punch_object(struct put *put, struct vos_op *op, struct place *object, uint16_t minor)
{
	int rc = 0;

	if (!worth_punching(put, &object->sight)) {
		op->stamp_all = true;
		return 0;
	}
	if (object->off == UMEM_NULL)
		rc = vos__object_make(put->cont, &op->oid, op->shard, &object->off);
	op->object = object->off;
	return rc != 0 ? rc :
			 punch_at(put, object->off, offsetof(struct vos_obj_rec, ilog),
				  offsetof(struct vos_obj_rec, last), minor);
}

static int
punch_akeys(struct put *put, struct vos_op *op, struct path *path, uint16_t minor)
{
	bool late;
	int rc = note_last(put, path->dkey.off + offsetof(struct vos_dkey_rec, last), false, &late);

	for (uint32_t i = 0; i < op->nr && rc == 0; i++) {
		struct place akey;

		rc = find_akey(put, path, &op->iods[i].akey, &akey);
		if (rc == 0 && !worth_punching(put, &akey.sight)) {
			op->stamp_all = true;
			continue;
		}
		if (rc == 0 && akey.off == UMEM_NULL)
			rc = vos__akey_make(put->pool, path->dkey.off + offsetof(struct vos_dkey_rec, akeys),
					    &op->iods[i].akey, &akey.off);
		if (rc == 0)
			rc = punch_at(put, akey.off, offsetof(struct vos_akey_rec, ilog),
				      offsetof(struct vos_akey_rec, last), minor);
	}
	return rc;
}

/* Whether punching akeys of this dkey would change anything. */
static int
any_akey_worth(struct put *put, struct vos_op *op, struct path *path, bool *worth)
{
	int rc = 0;

	*worth = false;
	for (uint32_t i = 0; i < op->nr && rc == 0 && !*worth; i++) {
		struct place akey;

		rc = find_akey(put, path, &op->iods[i].akey, &akey);
		*worth = rc == 0 && worth_punching(put, &akey.sight);
	}
	return rc;
}

static int
punch_below(struct put *put, struct vos_op *op, struct path *path, uint16_t minor)
{
	struct vos_pool *pool = put->pool;
	uint32_t akey_cls = vos__akey_class(&op->oid);
	bool worth = worth_punching(put, &path->dkey.sight), late;
	umem_off_t root;
	int rc = 0;

	if (op->nr > 0)
		rc = any_akey_worth(put, op, path, &worth);
	if (rc != 0)
		return rc;
	if (!worth) {
		op->stamp_all = true;
		return 0;
	}
	if (path->object.off == UMEM_NULL)
		rc = vos__object_make(put->cont, &op->oid, op->shard, &path->object.off);
	op->object = path->object.off;
	if (rc == 0)
		rc = note_last(put, path->object.off + offsetof(struct vos_obj_rec, last), false, &late);
	if (rc != 0)
		return rc;
	root = path->object.off + offsetof(struct vos_obj_rec, dkeys);
	if (path->dkey.off == UMEM_NULL)
		rc = vos__dkey_make(pool, root, &op->dkey, akey_cls, &path->dkey.off);
	else if (path->flat)
		rc = vos__flat_promote(pool, root, &op->dkey, akey_cls, &path->dkey.off);
	path->flat = false;
	if (rc != 0)
		return rc;
	return op->nr > 0 ? punch_akeys(put, op, path, minor) :
			    punch_at(put, path->dkey.off, offsetof(struct vos_dkey_rec, ilog),
				     offsetof(struct vos_dkey_rec, last), minor);
}

/* 1: some of it is left, to be punched. */
static int
forget_all(struct put *put, struct vos_op *op, struct path *path)
{
	bool late;
	int rc = 0;

	if (op->whole && path->object.off != UMEM_NULL) {
		rc = vos__object_forget(put->cont, &op->oid, op->shard, path->object.off);
		if (rc == 0)
			op->object = UMEM_NULL;
	} else if (!op->whole && path->dkey.off != UMEM_NULL) {
		rc = note_last(put, path->object.off + offsetof(struct vos_obj_rec, last), false, &late);
		if (rc == 0)
			rc = vos__dkey_forget(put->pool, path->object.off + offsetof(struct vos_obj_rec, dkeys), &op->dkey, path->dkey.off);
	}
	return rc;
}

static int
put_punch(struct put *put, struct vos_op *op, uint16_t minor)
{
	struct path path;
	int rc = find_object(put, op, &path.object);

	op->object = path.object.off;
	if (rc == 0 && !op->whole)
		rc = find_dkey(put, op, &path);
	if (rc == 0 && (op->flags & DAOS_COND_MASK) != 0)
		rc = check_conditions(put, op, &path);
	if (rc == 0 && (op->flags & VOS_FORGET) != 0) {
		rc = forget_all(put, op, &path);
		if (rc != 1)
			return rc;
	} else if (rc != 0) {
		return rc;
	}
	return op->whole ? punch_object(put, op, &path.object, minor) : punch_below(put, op, &path, minor);
}

int
vos__put_op(struct put *put, struct vos_op *op, uint16_t minor)
{
	int rc;

	if ((op->flags & VOS_FORGET) != 0) {
		if (put->apply->id != NULL || (op->kind == OP_PUNCH && op->nr > 0))
			return -DER_INVAL;
		if (put->cont->dtx_nr > 0)
			return -DER_BUSY;
	}
	put->look.minor = put->plain ? minor : minor - 1;
	if (op->kind == OP_CHECK)
		return put_check(put, op);
	rc = check_stamps(put, op);
	if (rc != 0)
		return rc;
	return op->kind == OP_UPDATE ? put_update(put, op, minor) : put_punch(put, op, minor);
}
