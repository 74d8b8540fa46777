/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vos/op: begun writes. What the caller said is checked and copied, values are cut into pieces, space is had: blocks
 * are reserved in DRAM, heap space is promised by a conservative estimate (object, dkey and akey all new).
 *
 *	op I1  A begun op owns its reservations until vos_apply publishes them; whatever else becomes of it gives them
 *	       back.
 *
 * vos_update_begin yields (for buffers); the others do not. A crash leaves nothing: reservations are in DRAM.
 */
#include "inside.h"

enum { OP_IDLE_MAX = 64 };

uint64_t
vos__hash_object(const struct vos_cont *cont, const daos_obj_id_t *oid, uint32_t shard)
{
	return hash64_pair(hash64_pair(cont->hash, oid->hi), hash64_pair(oid->lo, shard));
}

uint64_t
vos__hash_key(uint64_t parent, const daos_key_t *key)
{
	return hash64_bytes(key->iov_buf, key->iov_len, parent);
}

int
vos__where_check(const struct vos_key *key, bool dkey_needed)
{
	if (key->cont == NULL || (key->dkey == NULL && dkey_needed))
		return -DER_INVAL;
	return key->dkey != NULL ? vos__key_check(vos__dkey_class(&key->oid), key->dkey) : 0;
}

/* ---- making and dropping ----------------------------------------------------------------------------------------- */
static int
op_new(const struct vos_key *key, enum op_kind kind, uint64_t flags, uint32_t nr, struct vos_op **result)
{
	struct vos_xs *vx = key->cont->pool->vx;
	struct vos_op *op = list_pop(&vx->idle_ops, struct vos_op, link);

	if (op != NULL)
		vx->idle_op_nr--;
	else
		op = mem_alloc_aligned(vx->mem, sizeof(*op), 16);
	if (op == NULL)
		return -DER_NOMEM;
	memset(op, 0, offsetof(struct vos_op, scratch));
	vos__scratch_init(&op->scratch, vx->mem);
	list_init(&op->link);
	op->cont = key->cont;
	op->kind = kind;
	op->flags = flags;
	op->oid = key->oid;
	op->shard = key->shard;
	op->nr = nr;
	op->hash_object = vos__hash_object(op->cont, &op->oid, op->shard);
	op->whole = key->dkey == NULL;
	*result = op;
	if (key->dkey != NULL) {
		op->dkey = *key->dkey;
		op->dkey.iov_buf = vos__scratch_dup(&op->scratch, key->dkey->iov_buf, key->dkey->iov_len);
		if (op->dkey.iov_buf == NULL)
			return -DER_NOMEM;
		op->hash_dkey = vos__hash_key(op->hash_object, &op->dkey);
		vos__stamp_prefetch(&vx->stamps, STAMP_DKEY_ALL, op->hash_dkey);
	}
	op->iods = vos__scratch_array(&op->scratch, nr, sizeof(*op->iods));
	return op->iods != NULL ? 0 : -DER_NOMEM;
}

void
vos__op_free(struct vos_op *op)
{
	struct vos_pool *pool = op->cont->pool;
	struct vos_xs *vx = pool->vx;

	for (uint32_t i = 0; i < op->nr && op->iods != NULL && pool->vea != NULL; i++)
		for (uint32_t v = 0; v < op->iods[i].value_nr; v++)
			for (uint32_t p = 0; p < op->iods[i].values[v].part_nr; p++)
				if (op->iods[i].values[v].pieces[p].reserved)
					vea_cancel(pool->vea, &op->iods[i].values[v].pieces[p].extent);
	if (op->desc != NULL)
		bio_desc_free(op->desc);
	pool->held -= op->held;
	vos__scratch_fini(&op->scratch);
	if (vx->idle_op_nr < OP_IDLE_MAX) {
		list_push(&vx->idle_ops, &op->link);
		vx->idle_op_nr++;
	} else {
		mem_free(vx->mem, op);
	}
}

void
vos_op_cancel(struct vos_op *op)
{
	vos__op_free(op);
}

struct bio_desc *
vos_op_desc(struct vos_op *op)
{
	return op->desc;
}

/* ---- keys -------------------------------------------------------------------------------------------------------- */
static int
copy_akey(struct vos_op *op, uint32_t i, const daos_key_t *akey)
{
	struct op_iod *iod = &op->iods[i];
	int rc = vos__key_check(vos__akey_class(&op->oid), akey);

	if (rc != 0)
		return rc;
	iod->akey = *akey;
	iod->akey.iov_buf = vos__scratch_dup(&op->scratch, akey->iov_buf, akey->iov_len);
	if (iod->akey.iov_buf == NULL)
		return -DER_NOMEM;
	iod->hash = vos__hash_key(op->hash_dkey, &iod->akey);
	vos__stamp_prefetch(&op->cont->pool->vx->stamps, STAMP_AKEY, iod->hash);
	return 0;
}

/* An akey may stand in an op once. Hashes are looked at first, in a small open table. */
static int
check_twice(struct vos_op *op)
{
	uint32_t size = 4, *table;

	if (op->nr < 2)
		return 0;
	while (size < op->nr * 2)
		size *= 2;
	table = vos__scratch_array(&op->scratch, size, sizeof(*table));
	if (table == NULL)
		return -DER_NOMEM;
	for (uint32_t i = 0; i < op->nr; i++) {
		const struct op_iod *iod = &op->iods[i];
		uint32_t at = (uint32_t)iod->hash & (size - 1);

		for (; table[at] != 0; at = (at + 1) & (size - 1)) {
			const struct op_iod *other = &op->iods[table[at] - 1];

			if (other->hash == iod->hash && other->akey.iov_len == iod->akey.iov_len &&
			    memcmp(other->akey.iov_buf, iod->akey.iov_buf, iod->akey.iov_len) == 0)
				return -DER_INVAL;
		}
		table[at] = i + 1;
	}
	return 0;
}

/* ---- values ------------------------------------------------------------------------------------------------------ */
static uint64_t
largest_piece(const struct vos_pool *pool, uint8_t media)
{
	return media == BIO_BLOB ? VOS_OP_BYTES_MAX : pool->heap_value_max;
}

/* Where bytes of this size go. */
static void
choose_media(const struct vos_pool *pool, struct value *value)
{
	value->remote = value->bytes >= pool->threshold || value->bytes > pool->heap_value_max;
	value->media = value->bytes == 0 ? BIO_HOLE : value->remote && pool->vea != NULL ? BIO_BLOB : BIO_HEAP;
	value->remote &= value->media != BIO_HOLE;
}

static int
reserve_piece(struct vos_op *op, const struct value *value, struct piece *piece, uint64_t len)
{
	struct vos_pool *pool = op->cont->pool;
	int rc;

	piece->len = len;
	if (value->media != BIO_BLOB)
		return 0;
	rc = vea_reserve(pool->vea, (uint32_t)DIV_UP(len, (uint64_t)BIO_BLOCK), NULL, (op->flags & VOS_RECLAIM) != 0,
			 &piece->extent);
	piece->reserved = rc == 0;
	return rc;
}

/* Of a single value, which may be cut anywhere at whole blocks. */
static int
make_pieces(struct vos_op *op, struct value *value)
{
	uint64_t max = largest_piece(op->cont->pool, value->media), left = value->bytes, room = 0;

	while (left > 0) {
		uint64_t len = MIN(left, max);
		struct piece piece = {0};
		int rc = reserve_piece(op, value, &piece, len);

		if (rc == -DER_NOSPACE && len > BIO_BLOCK) {
			/* Not in one piece: perhaps in smaller ones. */
			max = ALIGN_UP(len / 2, (uint64_t)BIO_BLOCK);
			if (max >= len)
				max = BIO_BLOCK;
			continue;
		}
		if (rc == 0 && value->part_nr == room) {
			struct piece *grown = room < UINT16_MAX / 2 ?
						      vos__scratch_array(&op->scratch, room * 2 + 1, sizeof(piece)) :
						      NULL;

			if (grown == NULL) {
				if (piece.reserved)
					vea_cancel(op->cont->pool->vea, &piece.extent);
				return room < UINT16_MAX / 2 ? -DER_NOMEM : -DER_NOSPACE;
			}
			if (room > 0)
				memcpy(grown, value->pieces, room * sizeof(piece));
			value->pieces = grown;
			room = room * 2 + 1;
		}
		if (rc != 0)
			return rc;
		value->pieces[value->part_nr++] = piece;
		left -= len;
	}
	return 0;
}

static int
take_csums(struct value *value, const struct vos_csum *csum, uint64_t *at, uint64_t nr)
{
	if (csum == NULL || csum->type == 0 || value->media == BIO_HOLE)
		return 0;
	if (csum->size == 0 || csum->size > UINT8_MAX || csum->chunk == 0 || csum->data == NULL || nr > csum->nr - *at)
		return -DER_INVAL;
	value->csum_type = csum->type;
	value->csum_size = (uint8_t)csum->size;
	value->csum_chunk = csum->chunk;
	value->csum_nr = (uint32_t)nr;
	value->csum = csum->data + *at * csum->size;
	*at += nr;
	return 0;
}

static int
single_values(struct vos_op *op, struct op_iod *out, const daos_iod_t *iod, const struct vos_csum *csum)
{
	struct value *value = vos__scratch_alloc(&op->scratch, sizeof(*value));
	uint64_t at = 0;
	int rc;

	if (iod->iod_nr != 1)
		return -DER_INVAL;
	if (iod->iod_size > VOS_OP_BYTES_MAX)
		return -DER_REC2BIG;
	if (value == NULL)
		return -DER_NOMEM;
	out->values = value;
	out->value_nr = 1;
	value->size = value->bytes = iod->iod_size;
	choose_media(op->cont->pool, value);
	rc = take_csums(value, csum, &at, csum != NULL ? vos__csum_count_single(value->size, csum->chunk) : 0);
	return rc != 0 ? rc : make_pieces(op, value);
}

/* How many records of an extent fit a value of its own, cut at a chunk of checksums when it is not the last. */
static uint64_t
records_at_once(uint64_t lo, uint64_t hi, uint64_t rec_size, uint64_t max_bytes, uint64_t chunk_records)
{
	uint64_t nr = hi - lo + 1, most = max_bytes / rec_size, end;

	if (nr <= most)
		return nr;
	end = (lo + most) / chunk_records * chunk_records;
	return end > lo ? end - lo : most;
}

/* One extent of the caller becomes one value, or several when it is too large or space is in pieces. */
static int
extent_values(struct vos_op *op, struct op_iod *out, uint32_t *room, const daos_recx_t *recx, uint64_t rec_size,
	      const struct vos_csum *csum, uint64_t *csum_at)
{
	struct vos_pool *pool = op->cont->pool;
	uint64_t lo = recx->rx_idx, hi = lo + recx->rx_nr - 1, max = VOS_OP_BYTES_MAX, chunk;
	bool summed = csum != NULL && csum->type != 0;

	chunk = summed ? vos__chunk_records(rec_size, csum->chunk) : 1;
	while (true) {
		struct value value = {.size = rec_size, .lo = lo, .hi = hi};
		struct piece *piece;
		int rc;

		if (rec_size > 0) {
			value.hi = lo + records_at_once(lo, hi, rec_size, max, chunk) - 1;
			value.bytes = (value.hi - lo + 1) * rec_size;
			choose_media(pool, &value);
			if (value.bytes > largest_piece(pool, value.media)) {
				max = largest_piece(pool, value.media);
				value.hi = lo + records_at_once(lo, hi, rec_size, max, chunk) - 1;
				value.bytes = (value.hi - lo + 1) * rec_size;
			}
			if (max < rec_size || (summed && value.hi != hi && (value.hi + 1) % chunk != 0))
				return -DER_NOSPACE;
		} else {
			value.media = BIO_HOLE;
		}
		if (out->value_nr == *room) {
			struct value *grown = vos__scratch_array(&op->scratch, *room * 2 + 1, sizeof(value));

			if (grown == NULL)
				return -DER_NOMEM;
			memcpy(grown, out->values, *room * sizeof(value));
			out->values = grown;
			*room = *room * 2 + 1;
		}
		if (value.media != BIO_HOLE) {
			piece = vos__scratch_alloc(&op->scratch, sizeof(*piece));
			if (piece == NULL)
				return -DER_NOMEM;
			rc = reserve_piece(op, &value, piece, value.bytes);
			if (rc == -DER_NOSPACE && value.bytes > BIO_BLOCK && value.hi > value.lo) {
				max = MAX(ALIGN_UP(value.bytes / 2, (uint64_t)BIO_BLOCK), rec_size);
				if (max >= value.bytes)
					max = value.bytes / 2;
				continue;
			}
			if (rc != 0)
				return rc;
			value.pieces = piece;
			value.part_nr = 1;
		}
		out->values[out->value_nr++] = value;
		rc = take_csums(&out->values[out->value_nr - 1], csum, csum_at,
				summed ? vos__csum_count_array(value.lo, value.hi, rec_size, csum->chunk) : 0);
		if (rc != 0 || value.hi == hi)
			return rc;
		lo = value.hi + 1;
	}
}

static int
array_values(struct vos_op *op, struct op_iod *out, const daos_iod_t *iod, const struct vos_csum *csum)
{
	uint32_t room = iod->iod_nr;
	uint64_t total = 0, csum_at = 0;

	if (iod->iod_nr == 0 || iod->iod_recxs == NULL)
		return -DER_INVAL;
	if (iod->iod_size > UINT32_MAX)
		return -DER_REC2BIG;
	for (uint32_t i = 0; i < iod->iod_nr; i++) {
		const daos_recx_t *recx = &iod->iod_recxs[i];
		uint64_t bytes;

		if (recx->rx_nr == 0 || recx->rx_idx > UINT64_MAX - recx->rx_nr)
			return -DER_INVAL;
		if (__builtin_mul_overflow(recx->rx_nr, iod->iod_size, &bytes) ||
		    __builtin_add_overflow(total, bytes, &total) || total > VOS_OP_BYTES_MAX)
			return -DER_REC2BIG;
	}
	out->values = vos__scratch_array(&op->scratch, room, sizeof(*out->values));
	if (out->values == NULL)
		return -DER_NOMEM;
	for (uint32_t i = 0; i < iod->iod_nr; i++) {
		int rc = extent_values(op, out, &room, &iod->iod_recxs[i], iod->iod_size, csum, &csum_at);

		if (rc != 0)
			return rc;
	}
	return 0;
}

static int
copy_iod(struct vos_op *op, uint32_t i, const daos_iod_t *iod, const struct vos_csum *csum)
{
	struct op_iod *out = &op->iods[i];
	int rc = copy_akey(op, i, &iod->iod_name);

	if (rc != 0)
		return rc;
	out->flags = iod->iod_flags;
	out->type = iod->iod_type;
	if (iod->iod_type == DAOS_IOD_SINGLE)
		return single_values(op, out, iod, csum);
	if (iod->iod_type == DAOS_IOD_ARRAY)
		return array_values(op, out, iod, csum);
	return -DER_INVAL;
}

/* ---- space ------------------------------------------------------------------------------------------------------- */
/* Bytes of heap that the op can need at most, in the usual case: everything new, a node split at each level. */
static uint64_t
estimate(const struct vos_op *op)
{
	const uint64_t node = 1024, per_key = node + 256;
	uint64_t bytes = 2 * per_key + 512 + op->dkey.iov_len;

	for (uint32_t i = 0; i < op->nr; i++) {
		const struct op_iod *iod = &op->iods[i];

		bytes += per_key + iod->akey.iov_len;
		for (uint32_t v = 0; v < iod->value_nr; v++) {
			const struct value *value = &iod->values[v];

			bytes += 512 + (uint64_t)value->csum_nr * value->csum_size +
				 value->part_nr * sizeof(struct vos_part);
			if (value->media == BIO_HEAP)
				bytes += value->bytes + value->bytes / 8;
		}
	}
	return bytes;
}

static int
hold_space(struct vos_op *op)
{
	struct vos_pool *pool = op->cont->pool;
	struct umem_space space;
	uint64_t need, taken;

	if ((op->flags & VOS_RECLAIM) != 0)
		return 0;
	need = estimate(op);
	umem_space(pool->heap, &space);
	taken = space.used + space.reserved + pool->held;
	if (taken > space.total || need > space.total - taken)
		return -DER_NOSPACE;
	op->held = need;
	pool->held += need;
	return 0;
}

/* ---- the descriptor ---------------------------------------------------------------------------------------------- */
static int
add_pieces(struct vos_op *op, uint32_t i)
{
	const struct op_iod *iod = &op->iods[i];

	for (uint32_t v = 0; v < iod->value_nr; v++) {
		const struct value *value = &iod->values[v];

		for (uint32_t p = 0; p < value->part_nr; p++) {
			const struct piece *piece = &value->pieces[p];
			int rc = bio_desc_add(op->desc, (int)i, value->media,
					      value->media == BIO_BLOB ? piece->extent.block * BIO_BLOCK : 0,
					      piece->len);

			if (rc != 0)
				return rc;
			op->on_blob |= value->media == BIO_BLOB;
			op->piece_nr++;
		}
	}
	return 0;
}

static bool
has_bytes(const struct vos_op *op)
{
	for (uint32_t i = 0; i < op->nr; i++)
		for (uint32_t v = 0; v < op->iods[i].value_nr; v++)
			if (op->iods[i].values[v].part_nr > 0)
				return true;
	return false;
}

static int
lay_pieces(struct vos_op *op)
{
	struct vos_pool *pool = op->cont->pool;
	int rc;

	if (!has_bytes(op))
		return 0;
	rc = bio_desc_create(pool->vx->bio, pool->data, true, (int)op->nr, &op->desc);
	for (uint32_t i = 0; i < op->nr && rc == 0; i++)
		rc = add_pieces(op, i);
	if (rc == 0)
		rc = bio_desc_prepare(op->desc);
	if (rc != 0)
		return rc;
	for (uint32_t i = 0; i < op->nr; i++) {
		int nr, at = 0;
		struct bio_piece *pieces = bio_desc_pieces(op->desc, (int)i, &nr);

		for (uint32_t v = 0; v < op->iods[i].value_nr; v++)
			for (uint32_t p = 0; p < op->iods[i].values[v].part_nr; p++)
				op->iods[i].values[v].pieces[p].buf = pieces[at++].buf;
		ASSERT(at == nr);
	}
	return 0;
}

/* ---- the door ---------------------------------------------------------------------------------------------------- */
int
vos_update_begin(const struct vos_key *key, uint64_t flags, uint32_t nr, const daos_iod_t *iods,
		 const struct vos_csum *csums, struct vos_op **result)
{
	struct vos_op *op = NULL;
	int rc = vos__where_check(key, true);

	if (rc != 0)
		return rc;
	if (nr == 0 || nr > VOS_IODS_MAX)
		return -DER_INVAL;
	rc = op_new(key, OP_UPDATE, flags, nr, &op);
	if (op == NULL)
		return rc;
	for (uint32_t i = 0; i < nr && rc == 0; i++)
		rc = copy_iod(op, i, &iods[i], csums != NULL ? &csums[i] : NULL);
	for (uint32_t i = 0; i < nr && rc == 0; i++)
		for (uint32_t v = 0; v < op->iods[i].value_nr && rc == 0; v++) {
			struct value *value = &op->iods[i].values[v];

			if (value->csum_nr > 0)
				value->csum = vos__scratch_dup(&op->scratch, value->csum,
							       (size_t)value->csum_nr * value->csum_size);
			rc = value->csum_nr > 0 && value->csum == NULL ? -DER_NOMEM : 0;
		}
	if (rc == 0)
		rc = check_twice(op);
	if (rc == 0)
		rc = hold_space(op);
	if (rc == 0)
		rc = lay_pieces(op);
	if (rc != 0) {
		vos__op_free(op);
		return rc;
	}
	*result = op;
	return 0;
}

static int
keys_begin(const struct vos_key *key, enum op_kind kind, uint64_t flags, uint32_t nr, const daos_key_t *akeys,
	   struct vos_op **result)
{
	struct vos_op *op = NULL;
	int rc = vos__where_check(key, nr > 0);

	if (rc != 0)
		return rc;
	if (nr > VOS_IODS_MAX)
		return -DER_INVAL;
	rc = op_new(key, kind, flags, nr, &op);
	if (op == NULL)
		return rc;
	for (uint32_t i = 0; i < nr && rc == 0; i++)
		rc = copy_akey(op, i, &akeys[i]);
	if (rc == 0)
		rc = check_twice(op);
	if (rc != 0) {
		vos__op_free(op);
		return rc;
	}
	*result = op;
	return 0;
}

int
vos_punch_begin(const struct vos_key *key, uint64_t flags, uint32_t nr, const daos_key_t *akeys, struct vos_op **op)
{
	return keys_begin(key, OP_PUNCH, flags | VOS_RECLAIM, nr, akeys, op);
}

int
vos_check_begin(const struct vos_key *key, uint64_t flags, uint32_t nr, const daos_key_t *akeys, uint64_t read_epoch,
		struct vos_op **op)
{
	int rc = keys_begin(key, OP_CHECK, flags | VOS_RECLAIM, nr, akeys, op);

	if (rc == 0)
		(*op)->read_epoch = read_epoch;
	return rc;
}
