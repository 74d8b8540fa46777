/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading: fetch, lists, queries. Data is moved while the log catches up; the answer leaves when what it shows is durable (P2).
 * A prepared transaction in the way is waited for.
 *
 * The caller's memory, when data goes by bulk: the rooms of all iods one after another; a piece goes to its place in the
 * extents of its iod, holes are left alone. Inline data is the pieces that are no holes, one after another.
 */
#include "internal.h"

#include "bio/bio.h"
#include "pure/csum/csum.h"

#define PIECES_MAX 65536U
#define LIST_ROOM_MAX (512 * KIB)
#define LIST_ENTRIES_MAX 16384U

/* A read of one call: what it looks at, and the transaction it belongs to. */
struct look {
	struct object_svc_at *at;
	struct target_cont *cont;
	daos_key_t dkey;
	struct vos_key key;
	struct vos_when when;
	struct vos_dtx_id self;
};

static int
look_begin(struct object_svc_at *at, const struct object_at *where, const struct object_when *when, const daos_key_t *dkey,
	   struct look *look)
{
	int rc;

	rc = object__access(at, where, TARGET_CAP_READ, &look->cont);
	if (rc != 0)
		return rc;
	look->at = at;
	look->key = (struct vos_key){.cont = target_cont_vos(look->cont), .oid = where->oid, .shard = where->shard};
	if (dkey != NULL && !daos_key_is_null(*dkey)) {
		look->dkey = *dkey;
		look->key.dkey = &look->dkey;
	}
	look->when = (struct vos_when){.epoch = when->epoch, .bound = MAX(when->bound, when->epoch)};
	if (when->epoch == 0)
		look->when.epoch = look->when.bound = targets_epoch(at->svc->targets);
	if (look->when.epoch == 0) {
		target_cont_put(look->cont);
		return -DER_OVERLOAD_RETRY;
	}
	if (!uuid_is_null(when->dtx.client)) {
		memcpy(look->self.client, when->dtx.client, sizeof(uuid_t));
		look->self.hlc = when->dtx.hlc;
		look->when.self = &look->self;
	}
	return 0;
}

/* The end of a read: its answer waits for lsn. */
static int
look_end(struct look *look, int rc, uint64_t lsn, struct object_hint *hint)
{
	int waited = 0;

	if (rc != -DER_INPROGRESS)
		waited = vos_wait(target_cont_pool(look->cont), lsn);
	hint->map_version = target_cont_map_version(look->cont);
	hint->epoch = look->when.epoch;
	object__conflict(hint, &look->when.conflict);
	target_cont_put(look->cont);
	return waited != 0 ? waited : rc;
}

static int
in_the_way(struct look *look, int rc, uint32_t attempt)
{
	if (rc != -DER_INPROGRESS)
		return rc;
	return dtx_resolve(look->at->svc->dtx, look->at->target, look->cont, &look->when.conflict, attempt);
}

/* ---- fetch --------------------------------------------------------------------------------------------------------------- */
static uint64_t
iod_records(const daos_iod_t *iod)
{
	uint64_t nr = 0;

	if (iod->iod_type == DAOS_IOD_SINGLE)
		return 1;
	for (uint32_t i = 0; i < iod->iod_nr; i++)
		nr += iod->iod_recxs[i].rx_nr;
	return nr;
}

/* Walks the extents of an iod record by record, as its pieces do. */
struct walk {
	const daos_iod_t *iod;
	uint32_t extent;
	uint64_t done; /* records of it */
};

static daos_recx_t
walk_on(struct walk *walk, uint64_t records)
{
	daos_recx_t recx = {.rx_idx = 0, .rx_nr = records};

	if (walk->iod->iod_type == DAOS_IOD_SINGLE) {
		recx.rx_nr = 1;
		return recx;
	}
	if (walk->done == walk->iod->iod_recxs[walk->extent].rx_nr) {
		walk->extent++;
		walk->done = 0;
	}
	recx.rx_idx = walk->iod->iod_recxs[walk->extent].rx_idx + walk->done;
	walk->done += records;
	return recx;
}

static int
describe_value(struct rpc_req *req, struct vos_read *read, uint32_t i, const daos_iod_t *iod, struct object_value *value)
{
	struct bio_desc *desc = vos_read_desc(read);
	const struct vos_csum *csums;
	struct walk walk = {.iod = iod};
	struct bio_piece *pieces;
	uint32_t csum_nr;
	int nr = 0;

	value->size = iod->iod_size;
	if (desc == NULL || iod->iod_size == 0)
		return 0;
	pieces = bio_desc_pieces(desc, (int)i, &nr);
	csums = vos_read_csums(read, i, &csum_nr);
	if (nr > (int)PIECES_MAX)
		return -DER_OVERFLOW;
	value->pieces = ARENA_NEW_ARRAY(&req->arena, struct object_piece, nr + 1);
	if (value->pieces == NULL)
		return -DER_NOMEM;
	value->pieces_nr = (uint32_t)nr;
	for (int p = 0; p < nr; p++) {
		struct object_piece *piece = &value->pieces[p];
		uint64_t before = 0, behind = 0;

		piece->recx = walk_on(&walk, iod->iod_type == DAOS_IOD_SINGLE ? 1 : pieces[p].len / iod->iod_size);
		piece->hole = pieces[p].media == BIO_HOLE;
		if (piece->hole || csums == NULL || (uint32_t)p >= csum_nr || csums[p].type == CSUM_OFF)
			continue;
		vos_read_margin(read, i, (uint32_t)p, &before, &behind);
		if (before != 0 || behind != 0)
			continue; /* part of a chunk: vos has checked it, and it travels under the connection's checksum */
		piece->csum = (struct rpc_csum){.type = csums[p].type,
						.size = csums[p].size,
						.chunk = csums[p].chunk,
						.sums = {.data = csums[p].data, .len = csums[p].nr * csums[p].size}};
	}
	return 0;
}

/* All pieces that hold bytes, as a list, with their place in the caller's memory. */
static int
send_data(struct rpc_req *req, const struct object_fetch_in *in, struct vos_read *read, const daos_iod_t *iods, struct object_fetch_out *out)
{
	struct bio_desc *desc = vos_read_desc(read);
	uint64_t held = 0, base = 0, at;
	char *inline_data;
	int nr, rc;

	for (uint32_t i = 0; i < in->iods_nr; i++) {
		struct bio_piece *pieces = bio_desc_pieces(desc, (int)i, &nr);

		for (int p = 0; p < nr; p++)
			held += pieces[p].media == BIO_HOLE ? 0 : pieces[p].len;
	}
	out->len = held;
	if (held == 0)
		return 0;
	inline_data = NULL;
	if (held <= RPC_INLINE_MAX || in->bulk.len == 0) {
		if (held > RPC_BODY_MAX / 2)
			return -DER_OVERFLOW;
		inline_data = arena_alloc(&req->arena, held);
		if (inline_data == NULL)
			return -DER_NOMEM;
		out->data = (struct proto_bytes_type){.data = inline_data, .len = (uint32_t)held};
	}
	for (uint32_t i = 0; i < in->iods_nr; base += in->rooms[i], i++) {
		struct bio_piece *pieces = bio_desc_pieces(desc, (int)i, &nr);

		at = base;
		for (int p = 0; p < nr; at += pieces[p].len, p++) {
			struct iovec iov = {.iov_base = pieces[p].buf, .iov_len = pieces[p].len};

			if (pieces[p].media == BIO_HOLE)
				continue;
			if (inline_data != NULL) {
				memcpy(inline_data, pieces[p].buf, pieces[p].len);
				inline_data += pieces[p].len;
				continue;
			}
			rc = rpc_bulk_put(req, &in->bulk, at, &iov, 1);
			if (rc != 0)
				return rc;
		}
	}
	return 0;
}

static int
fits(const struct object_fetch_in *in, const daos_iod_t *iods)
{
	uint64_t bytes;

	for (uint32_t i = 0; i < in->iods_nr; i++)
		if (__builtin_mul_overflow(iod_records(&iods[i]), iods[i].iod_size, &bytes) || bytes > in->rooms[i])
			return -DER_REC2BIG;
	return 0;
}

/* *read stays until the answer is packed, whose checksums point into it; NULL: there is none. */
static int
fetch(void *owner, struct rpc_req *req, const struct object_fetch_in *in, struct object_fetch_out *out, struct vos_read **result)
{
	daos_iod_t *iods = arena_dup(&req->arena, in->iods, sizeof(*iods) * in->iods_nr);
	uint64_t flags = in->flags, bytes, lsn = 0;
	struct vos_read *read = NULL;
	struct look look = {0};
	int rc;

	out->values = ARENA_NEW_ARRAY(&req->arena, struct object_value, in->iods_nr + 1);
	if (iods == NULL || out->values == NULL)
		return -DER_NOMEM;
	if (in->rooms_nr != 0 && in->rooms_nr != in->iods_nr)
		return -DER_INVAL;
	if (in->rooms_nr == 0)
		flags |= VOS_SIZE_ONLY;
	rc = dtx_iods_bytes(in->iods, in->iods_nr, UINT64_MAX, &bytes);
	if (rc == 0)
		rc = look_begin(owner, &in->at, &in->when, &in->dkey, &look);
	if (rc != 0)
		return rc;
	for (uint32_t attempt = 0;; attempt++) {
		memcpy(iods, in->iods, sizeof(*iods) * in->iods_nr);
		rc = vos_fetch_begin(&look.key, &look.when, flags, in->iods_nr, iods, &read);
		if (rc != -DER_INPROGRESS)
			break;
		rc = in_the_way(&look, rc, attempt);
		if (rc != 0)
			break;
	}
	if (rc == 0) {
		lsn = vos_read_lsn(read);
		out->values_nr = in->iods_nr;
		for (uint32_t i = 0; rc == 0 && i < in->iods_nr; i++)
			out->values[i].size = iods[i].iod_size;
		if (in->rooms_nr != 0) {
			rc = fits(in, iods);
			if (rc == 0)
				rc = vos_read_prepare(read);
			for (uint32_t i = 0; rc == 0 && i < in->iods_nr; i++)
				rc = describe_value(req, read, i, &iods[i], &out->values[i]);
			if (rc == 0 && vos_read_desc(read) != NULL)
				rc = send_data(req, in, read, iods, out);
		}
	} else {
		lsn = look.when.lsn;
	}
	*result = read;
	return look_end(&look, rc, lsn, &out->hint);
}

static int
fetched(struct rpc_req *req, struct vos_read *read, int rc)
{
	if (read != NULL) {
		rpc_answer_early(req, rc);
		vos_fetch_end(read);
	}
	return rc;
}

int
object__fetch(void *owner, struct rpc_req *req)
{
	struct vos_read *read = NULL;
	int rc = fetch(owner, req, req->in, req->out, &read);

	return fetched(req, read, rc);
}

/* ---- lists --------------------------------------------------------------------------------------------------------------------- */
int
object__list(void *owner, struct rpc_req *req)
{
	const struct object_list_in *in = req->in;
	struct object_list_out *out = req->out;
	uint32_t max = MIN(in->max, LIST_ENTRIES_MAX);
	struct vos_list list = {.reverse = in->reverse, .anchor = &out->anchor, .max = max};
	struct look look = {0};
	int rc;

	if (max == 0 || in->kind > OBJECT_LIST_SINGLE)
		return -DER_INVAL;
	list.kind = (enum vos_list_kind)in->kind;
	list.buf_size = (uint32_t)MIN((uint64_t)in->room, LIST_ROOM_MAX);
	list.buf = arena_alloc(&req->arena, list.buf_size);
	list.entries = ARENA_NEW_ARRAY(&req->arena, struct vos_entry, max);
	out->entries = ARENA_NEW_ARRAY(&req->arena, struct object_entry, max);
	if (list.buf == NULL || list.entries == NULL || out->entries == NULL)
		return -DER_NOMEM;
	if (!daos_key_is_null(in->akey))
		list.akey = &in->akey;
	rc = look_begin(owner, &in->at, &in->when, &in->dkey, &look);
	if (rc != 0)
		return rc;
	for (uint32_t attempt = 0;; attempt++) {
		out->anchor = in->anchor;
		rc = vos_list(&look.key, &look.when, in->flags, &list);
		if (rc != -DER_INPROGRESS)
			break;
		rc = in_the_way(&look, rc, attempt);
		if (rc != 0)
			break;
	}
	if (rc == 0) {
		for (uint32_t i = 0; i < list.nr; i++)
			out->entries[i] = (struct object_entry){.key_len = list.entries[i].key_len,
								.epoch = list.entries[i].epoch,
								.recx = list.entries[i].recx,
								.size = list.entries[i].size,
								.type = (uint8_t)list.entries[i].iod_type};
		out->entries_nr = list.nr;
		out->data = (struct proto_bytes_type){.data = list.buf, .len = list.buf_used};
		out->len = list.buf_used;
	}
	out->key_needed = list.key_needed;
	return look_end(&look, rc, list.lsn, &out->hint);
}

/* ---- queries ---------------------------------------------------------------------------------------------------------------------- */
static int
query_key(void *owner, struct rpc_req *req, const struct object_query_key_in *in, struct object_query_key_out *out)
{
	uint64_t *words = ARENA_NEW_ARRAY(&req->arena, uint64_t, 2), lsn = 0;
	struct look look = {0};
	int rc;

	if (words == NULL)
		return -DER_NOMEM;
	rc = look_begin(owner, &in->at, &in->when, NULL, &look);
	if (rc != 0)
		return rc;
	for (uint32_t attempt = 0;; attempt++) {
		out->dkey = in->dkey;
		out->akey = in->akey;
		if ((in->flags & DAOS_GET_DKEY) != 0)
			d_iov_set(&out->dkey, &words[0], sizeof(words[0]));
		if ((in->flags & DAOS_GET_AKEY) != 0)
			d_iov_set(&out->akey, &words[1], sizeof(words[1]));
		rc = vos_query_key(&look.key, &look.when, in->flags, &out->dkey, &out->akey, &out->recx, &out->size, &lsn);
		if (rc != -DER_INPROGRESS)
			break;
		rc = in_the_way(&look, rc, attempt);
		if (rc != 0)
			break;
	}
	return look_end(&look, rc, lsn, &out->hint);
}

int
object__query_key(void *owner, struct rpc_req *req)
{
	return query_key(owner, req, req->in, req->out);
}

static int
query_epoch(void *owner, const struct object_query_epoch_in *in, struct object_query_epoch_out *out)
{
	struct look look = {0};
	uint64_t lsn = 0;
	int rc;

	rc = look_begin(owner, &in->at, &in->when, NULL, &look);
	if (rc != 0)
		return rc;
	for (uint32_t attempt = 0;; attempt++) {
		rc = vos_query_epoch(&look.key, &look.when, &out->newest, &lsn);
		if (rc != -DER_INPROGRESS)
			break;
		rc = in_the_way(&look, rc, attempt);
		if (rc != 0)
			break;
	}
	return look_end(&look, rc, lsn, &out->hint);
}

int
object__query_epoch(void *owner, struct rpc_req *req)
{
	return query_epoch(owner, req->in, req->out);
}

/* ---- all that attributes need ------------------------------------------------------------------------------------------------- */
int
object__glance(void *owner, struct rpc_req *req)
{
	const struct object_glance_in *in = req->in;
	struct object_glance_out *out = req->out;
	struct object_fetch_in fetch_in = {.at = in->at, .when = in->when, .dkey = in->dkey, .iods = in->iods, .iods_nr = in->iods_nr,
					   .rooms = in->rooms, .rooms_nr = in->rooms_nr};
	struct object_query_key_in end_in = {.at = in->at, .when = in->when, .flags = DAOS_GET_DKEY | DAOS_GET_RECX | DAOS_GET_MAX,
					     .akey = in->akey};
	struct object_query_epoch_in epoch_in = {.at = in->at, .when = in->when};
	struct object_fetch_out fetch_out = {0};
	struct object_query_key_out end_out = {0};
	struct object_query_epoch_out epoch_out = {0};
	struct vos_read *read = NULL;
	int rc = fetch(owner, req, &fetch_in, &fetch_out, &read);

	out->hint = fetch_out.hint;
	if (rc == 0) {
		out->values = fetch_out.values;
		out->values_nr = fetch_out.values_nr;
		out->data = fetch_out.data;
		out->len = fetch_out.len;
		rc = query_key(owner, req, &end_in, &end_out);
		if (rc != 0)
			out->hint = end_out.hint;
		if (rc == 0 && end_out.dkey.iov_len == sizeof(out->last)) {
			memcpy(&out->last, end_out.dkey.iov_buf, sizeof(out->last));
			out->recx = end_out.recx;
		}
		if (rc == -DER_NONEXIST)
			rc = 0;
	}
	if (rc == 0) {
		rc = query_epoch(owner, &epoch_in, &epoch_out);
		out->newest = epoch_out.newest;
		if (rc != 0)
			out->hint = epoch_out.hint;
	}
	return fetched(req, read, rc);
}
