/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One write of a body, begun at a target: sizes and checksums of the body are hostile and checked here, once, for plain
 * updates and transactions alike.
 */
#include "service/dtx/dtx.h"

#include "base/sg.h"
#include "bio/bio.h"
#include "pure/csum/csum.h"

#define IODS_MAX 65536U

int
dtx_iods_bytes(const daos_iod_t *iods, uint32_t nr, uint64_t most, uint64_t *bytes)
{
	uint64_t sum = 0;

	if (nr > IODS_MAX)
		return -DER_INVAL;
	for (uint32_t i = 0; i < nr; i++) {
		uint64_t records = 0, all;

		if (iods[i].iod_type == DAOS_IOD_SINGLE) {
			records = 1;
		} else if (iods[i].iod_type == DAOS_IOD_ARRAY) {
			if (iods[i].iod_nr > 0 && iods[i].iod_recxs == NULL)
				return -DER_INVAL;
			for (uint32_t r = 0; r < iods[i].iod_nr; r++) {
				const daos_recx_t *recx = &iods[i].iod_recxs[r];
				uint64_t end;

				if (recx->rx_nr == 0 || __builtin_add_overflow(recx->rx_idx, recx->rx_nr - 1, &end) ||
				    __builtin_add_overflow(records, recx->rx_nr, &records))
					return -DER_INVAL;
			}
		} else {
			return -DER_INVAL;
		}
		if (__builtin_mul_overflow(records, iods[i].iod_size, &all) || __builtin_add_overflow(sum, all, &sum))
			return -DER_INVAL;
		if (sum > most)
			return -DER_REC2BIG;
	}
	*bytes = sum;
	return 0;
}

int
dtx_csums(const struct rpc_csum *from, uint32_t nr, uint32_t iod_nr, struct arena *arena, struct vos_csum **result)
{
	struct vos_csum *csums;

	*result = NULL;
	if (nr == 0)
		return 0;
	if (nr != iod_nr)
		return -DER_INVAL;
	csums = ARENA_NEW_ARRAY(arena, struct vos_csum, nr);
	if (csums == NULL)
		return -DER_NOMEM;
	for (uint32_t i = 0; i < nr; i++) {
		if (from[i].type == CSUM_OFF)
			continue;
		if (from[i].size == 0 || from[i].size != csum_size(from[i].type) || from[i].chunk == 0 ||
		    from[i].sums.len % from[i].size != 0)
			return -DER_INVAL;
		csums[i] = (struct vos_csum){.type = from[i].type,
					     .size = from[i].size,
					     .chunk = from[i].chunk,
					     .nr = from[i].sums.len / from[i].size,
					     .data = from[i].sums.data};
	}
	*result = csums;
	return 0;
}

/* Checks the bytes of one iod, which begin at off of data, against its checksums: those of its extents follow each other. */
static int
verify_iod(const daos_iod_t *iod, const struct vos_csum *csum, const struct iovec *data, int data_nr, uint64_t off)
{
	daos_recx_t single = {.rx_idx = 0, .rx_nr = 1};
	const daos_recx_t *recxs = iod->iod_type == DAOS_IOD_SINGLE ? &single : iod->iod_recxs;
	uint32_t nr = iod->iod_type == DAOS_IOD_SINGLE ? 1 : iod->iod_nr, used = 0;
	int rc;

	for (uint32_t r = 0; r < nr; r++) {
		uint64_t len = recxs[r].rx_nr * iod->iod_size, start = 0, chunks;

		if (__builtin_mul_overflow(recxs[r].rx_idx, iod->iod_size, &start))
			return -DER_INVAL;
		chunks = csum_chunk_nr(start, len, csum->chunk);
		if (chunks > csum->nr - used)
			return -DER_INVAL;
		rc = csum_verify(csum->type, csum->chunk, start, data, data_nr, off, len, csum->data + (size_t)used * csum->size, NULL);
		if (rc != 0)
			return rc;
		used += chunks;
		off += len;
	}
	return used == csum->nr ? 0 : -DER_INVAL;
}

int
dtx_op_copy(struct vos_op *op, const daos_iod_t *iods, uint32_t nr, const struct vos_csum *csums, const struct iovec *data, int data_nr)
{
	struct bio_desc *desc = vos_op_desc(op);
	uint64_t off = 0, bytes;
	int rc, piece_nr;

	for (uint32_t i = 0; i < nr; i++) {
		rc = dtx_iods_bytes(&iods[i], 1, UINT64_MAX, &bytes);
		if (rc != 0)
			return rc;
		if (bytes == 0)
			continue;
		if (csums != NULL && csums[i].type != CSUM_OFF) {
			rc = verify_iod(&iods[i], &csums[i], data, data_nr, off);
			if (rc != 0)
				return rc;
		}
		if (desc != NULL && nr == 1 && data_nr == 1 && data[0].iov_len == bytes && bio_desc_lend(desc, data[0].iov_base, bytes))
			return 0;
		struct bio_piece *pieces = desc != NULL ? bio_desc_pieces(desc, (int)i, &piece_nr) : NULL;
		uint64_t at = off;

		for (int p = 0; pieces != NULL && p < piece_nr; p++) {
			if (pieces[p].buf == NULL)
				continue;
			if (iov_copy_out(data, data_nr, at, pieces[p].buf, pieces[p].len) != pieces[p].len)
				return -DER_IO_INVAL;
			at += pieces[p].len;
		}
		if (at != off + bytes)
			return -DER_IO_INVAL;
		off += bytes;
	}
	return 0;
}

static int
update_begin(const struct vos_key *key, const struct dtx_write *write, struct vos_op **op)
{
	const struct object_write *body = write->write;
	struct vos_csum *csums;
	struct arena arena;
	uint64_t bytes;
	int rc;

	arena_init(&arena, write->mem);
	rc = dtx_csums(body->csums, body->csums_nr, body->iods_nr, &arena, &csums);
	if (rc == 0)
		rc = dtx_iods_bytes(body->iods, body->iods_nr, UINT64_MAX, &bytes);
	if (rc == 0)
		rc = vos_update_begin(key, body->flags, body->iods_nr, body->iods, csums, op);
	if (rc == 0) {
		rc = dtx_op_copy(*op, body->iods, body->iods_nr, csums, write->data, write->data_nr);
		if (rc != 0)
			vos_op_cancel(*op);
	}
	arena_fini(&arena);
	return rc;
}

int
dtx_op_begin(struct target_cont *cont, const struct dtx_write *write, struct vos_op **op)
{
	const struct object_write *body = write->write;
	daos_key_t dkey = body->dkey;
	struct vos_key key = {.cont = target_cont_vos(cont),
			      .oid = body->oid,
			      .shard = body->shard,
			      .dkey = daos_key_is_null(dkey) ? NULL : &dkey};

	switch (body->kind) {
	case OBJECT_UPDATE:
		return key.dkey == NULL || body->iods_nr == 0 ? -DER_INVAL : update_begin(&key, write, op);
	case OBJECT_PUNCH:
		return vos_punch_begin(&key, body->flags, body->akeys_nr, body->akeys, op);
	case OBJECT_CHECK:
		return vos_check_begin(&key, body->flags, body->akeys_nr, body->akeys, body->read_epoch, op);
	default:
		return -DER_INVAL;
	}
}
