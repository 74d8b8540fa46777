/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Updates and fetches: sizes, checksums, and the way of the bytes: inline when they are few, else through the caller's own
 * buffers, which are exposed for the length of the call. Checksums are computed from the caller's buffers before they are
 * sent, and checked in them after they came (P6).
 */
#include "internal.h"

#include "base/sg.h"
#include "pure/csum/csum.h"

#define FETCH_ATTEMPTS 3U /* when bytes arrive wrong */

int
object__iod_bytes(const daos_iod_t *iod, uint64_t *bytes)
{
	uint64_t records = 0;

	if (iod->iod_name.iov_buf == NULL || iod->iod_name.iov_len == 0)
		return -DER_INVAL;
	if (iod->iod_type == DAOS_IOD_SINGLE) {
		if (iod->iod_nr > 1)
			return -DER_INVAL;
		records = 1;
	} else if (iod->iod_type == DAOS_IOD_ARRAY) {
		if (iod->iod_nr == 0 || iod->iod_recxs == NULL)
			return -DER_INVAL;
		for (uint32_t i = 0; i < iod->iod_nr; i++)
			if (iod->iod_recxs[i].rx_nr == 0 || __builtin_add_overflow(records, iod->iod_recxs[i].rx_nr, &records))
				return -DER_INVAL;
	} else {
		return -DER_INVAL;
	}
	return __builtin_mul_overflow(records, iod->iod_size, bytes) ? -DER_INVAL : 0;
}

static const daos_recx_t *
extents_of(const daos_iod_t *iod, const daos_recx_t *single, uint32_t *nr)
{
	*nr = iod->iod_type == DAOS_IOD_SINGLE ? 1 : iod->iod_nr;
	return iod->iod_type == DAOS_IOD_SINGLE ? single : iod->iod_recxs;
}

/* The checksums of one iod, whose extents lie one after another in iov. */
static int
iod_csums(const struct cont_props *props, const daos_iod_t *iod, const struct iovec *iov, int iov_nr, struct arena *arena,
	  struct rpc_csum *csum)
{
	static const daos_recx_t single = {.rx_idx = 0, .rx_nr = 1};
	uint64_t chunk = iod->iod_type == DAOS_IOD_SINGLE ? csum_chunk_bytes(props->csum_chunk, 1)
							  : csum_chunk_bytes(props->csum_chunk, iod->iod_size);
	size_t size = csum_size(props->csum_type), at = 0, off = 0;
	uint64_t chunks = 0;
	const daos_recx_t *recxs;
	uint8_t *sums;
	uint32_t nr;
	int rc;

	recxs = extents_of(iod, &single, &nr);
	for (uint32_t i = 0; i < nr; i++)
		chunks += csum_chunk_nr(recxs[i].rx_idx * iod->iod_size, recxs[i].rx_nr * iod->iod_size, chunk);
	sums = arena_alloc(arena, chunks * size + 1);
	if (sums == NULL)
		return -DER_NOMEM;
	for (uint32_t i = 0; i < nr; i++) {
		uint64_t start = recxs[i].rx_idx * iod->iod_size, len = recxs[i].rx_nr * iod->iod_size;

		rc = csum_chunks(props->csum_type, chunk, start, iov, iov_nr, off, len, sums + at);
		if (rc != 0)
			return rc;
		at += csum_chunk_nr(start, len, chunk) * size;
		off += len;
	}
	*csum = (struct rpc_csum){.type = (uint8_t)props->csum_type,
				  .size = (uint16_t)size,
				  .chunk = (uint32_t)chunk,
				  .sums = {.data = sums, .len = (uint32_t)at}};
	return 0;
}

int
object__csums(struct cont *cont, uint32_t nr, const daos_iod_t *iods, const d_sg_list_t *sgls, struct arena *arena, struct rpc_csum **result)
{
	const struct cont_props *props = cont_props(cont);
	struct rpc_csum *csums;
	int rc;

	*result = NULL;
	if (props->csum_type == CSUM_OFF)
		return 0;
	csums = ARENA_NEW_ARRAY(arena, struct rpc_csum, nr);
	if (csums == NULL)
		return -DER_NOMEM;
	for (uint32_t i = 0; i < nr; i++) {
		struct iovec *iov;
		int iov_nr;

		if (iods[i].iod_size == 0)
			continue;
		iov = ARENA_NEW_ARRAY(arena, struct iovec, sgls[i].sg_nr + 1);
		if (iov == NULL)
			return -DER_NOMEM;
		iov_nr = sgl_to_iov(&sgls[i], SGL_VALID, iov);
		rc = iod_csums(props, &iods[i], iov, iov_nr, arena, &csums[i]);
		if (rc != 0)
			return rc;
	}
	*result = csums;
	return 0;
}

/* All valid (or all possible) bytes of the lists, in order. */
static int
gather(const d_sg_list_t *sgls, uint32_t nr, enum sgl_part part, struct arena *arena, struct iovec **iov, int *iov_nr)
{
	size_t most = 0;
	int used = 0;

	for (uint32_t i = 0; i < nr; i++)
		most += sgls[i].sg_nr;
	*iov = ARENA_NEW_ARRAY(arena, struct iovec, most + 1);
	if (*iov == NULL)
		return -DER_NOMEM;
	for (uint32_t i = 0; i < nr; i++)
		used += sgl_to_iov(&sgls[i], part, *iov + used);
	*iov_nr = used;
	return 0;
}

static int
keys_ok(const struct object *object, const daos_key_t *dkey, uint32_t nr, const void *array, bool write)
{
	if (dkey == NULL || dkey->iov_buf == NULL || dkey->iov_len == 0 || (nr > 0 && array == NULL))
		return -DER_INVAL;
	if (daos_is_dkey_uint64(object->oid) && dkey->iov_len != sizeof(uint64_t))
		return -DER_INVAL;
	return write && (object->mode & (DAOS_OO_RW | DAOS_OO_EXCL)) == 0 ? -DER_NO_PERM : 0;
}

/* ---- update ---------------------------------------------------------------------------------------------------------------- */
static int
update_bytes(uint32_t nr, const daos_iod_t *iods, const d_sg_list_t *sgls, uint64_t *all)
{
	uint64_t bytes;
	int rc;

	*all = 0;
	for (uint32_t i = 0; i < nr; i++) {
		rc = object__iod_bytes(&iods[i], &bytes);
		if (rc != 0)
			return rc;
		if (bytes == 0)
			continue;
		if (sgls == NULL || !sgl_is_valid(&sgls[i]))
			return -DER_INVAL;
		if (bytes > sgl_length(&sgls[i]))
			return -DER_REC2BIG;
		if (bytes < sgl_length(&sgls[i]))
			return -DER_IO_INVAL;
		*all += bytes;
	}
	return 0;
}

static int
update_now(struct object *object, uint64_t flags, daos_key_t *dkey, uint32_t nr, daos_iod_t *iods, d_sg_list_t *sgls, uint64_t bytes)
{
	struct object_update_in in = {.flags = flags, .dkey = *dkey, .iods = iods, .iods_nr = nr};
	struct object_update_out out = {0};
	struct client *client = cont_client(object->cont);
	struct object_call call = {.object = object, .group = object__group_of(object, dkey), .opc = opc_object_update, .in = &in, .out = &out};
	struct rpc_csum *csums;
	struct arena arena;
	struct iovec *iov;
	void *data;
	int rc, iov_nr = 0;

	arena_init(&arena, client_mem(client));
	call.arena = &arena;
	client_new_id(client, in.dtx.client, &in.dtx.hlc);
	rc = object__csums(object->cont, nr, iods, sgls, &arena, &csums);
	if (rc == 0 && bytes > 0)
		rc = gather(sgls, nr, SGL_VALID, &arena, &iov, &iov_nr);
	if (rc != 0)
		goto out;
	in.csums = csums;
	in.csums_nr = csums != NULL ? nr : 0;
	if (bytes > 0 && bytes <= RPC_INLINE_MAX) {
		data = arena_alloc(&arena, bytes);
		if (data == NULL) {
			rc = -DER_NOMEM;
			goto out;
		}
		iov_copy_out(iov, iov_nr, 0, data, bytes);
		in.data = (struct proto_bytes_type){.data = data, .len = (uint32_t)bytes};
	} else if (bytes > 0) {
		call.expose = iov;
		call.expose_nr = iov_nr;
		call.expose_access = ENV_REG_READ;
		call.bulk = &in.bulk;
	}
	rc = object__call(&call);
out:
	arena_fini(&arena);
	return rc;
}

int
object_update(struct object *object, struct tx *tx, uint64_t flags, daos_key_t *dkey, uint32_t nr, daos_iod_t *iods, d_sg_list_t *sgls)
{
	struct rpc_csum *csums;
	uint64_t bytes;
	int rc;

	rc = keys_ok(object, dkey, nr, iods, true);
	if (rc == 0)
		rc = nr > 0 ? update_bytes(nr, iods, sgls, &bytes) : -DER_INVAL;
	if (rc != 0)
		return rc;
	if (tx == NULL)
		return update_now(object, flags, dkey, nr, iods, sgls, bytes);
	rc = tx__usable(tx, true);
	if (rc == 0)
		rc = object__csums(object->cont, nr, iods, sgls, &tx->arena, &csums);
	return rc != 0 ? rc : tx__add_update(tx, object, flags, dkey, nr, iods, csums, sgls);
}

/* ---- fetch -------------------------------------------------------------------------------------------------------------------- */
struct fetch {
	struct object *object;
	struct tx *tx;
	uint64_t flags;
	daos_key_t *dkey;
	uint32_t nr;
	daos_iod_t *iods;
	d_sg_list_t *sgls; /* NULL: sizes only */
	struct arena *arena;
	struct object_fetch_out out;
	const daos_key_t *akey;       /* with glance */
	struct object_glance *glance; /* asked besides; NULL: a plain fetch */
	uint64_t *ends;    /* for each iod: bytes of its room up to the end of the last piece that is no hole */
};

/* Checks a piece in the caller's memory. */
static int
verify_piece(const struct object_piece *piece, const daos_iod_t *iod, uint64_t size, const d_sg_list_t *sgl, uint64_t at, uint64_t len,
	     struct arena *arena)
{
	const struct rpc_csum *csum = &piece->csum;
	uint64_t start = iod->iod_type == DAOS_IOD_SINGLE ? 0 : piece->recx.rx_idx * size;
	struct iovec *iov;
	int iov_nr;

	if (csum->type == CSUM_OFF)
		return 0;
	if (csum->chunk == 0 || csum->size != csum_size(csum->type) ||
	    csum_chunk_nr(start, len, csum->chunk) * csum->size != csum->sums.len)
		return -DER_PROTO;
	iov = ARENA_NEW_ARRAY(arena, struct iovec, sgl->sg_nr + 1);
	if (iov == NULL)
		return -DER_NOMEM;
	iov_nr = sgl_to_iov(sgl, SGL_ROOM, iov);
	return csum_verify(csum->type, csum->chunk, start, iov, iov_nr, at, len, csum->sums.data, NULL);
}

/* Lays inline data out in the caller's memory, checks every piece, and notes where the data ends. */
static int
take_values(struct fetch *fetch)
{
	const char *data = fetch->out.data.data;
	uint64_t left = fetch->out.data.len;
	bool here = fetch->out.data.len > 0;
	int rc;

	if (fetch->out.values_nr != fetch->nr)
		return -DER_PROTO;
	for (uint32_t i = 0; i < fetch->nr; i++) {
		const struct object_value *value = &fetch->out.values[i];
		daos_iod_t *iod = &fetch->iods[i];
		uint64_t at = 0, len;

		iod->iod_size = value->size;
		for (uint32_t p = 0; fetch->sgls != NULL && p < value->pieces_nr; p++, at += len) {
			const struct object_piece *piece = &value->pieces[p];

			if (__builtin_mul_overflow(piece->recx.rx_nr, value->size, &len) || len > sgl_capacity(&fetch->sgls[i]) ||
			    at > sgl_capacity(&fetch->sgls[i]) - len)
				return -DER_PROTO;
			if (piece->hole)
				continue;
			if (here) {
				if (len > left)
					return -DER_PROTO;
				sgl_copy_in(&fetch->sgls[i], at, data, len);
				data += len;
				left -= len;
			}
			rc = verify_piece(piece, iod, value->size, &fetch->sgls[i], at, len, fetch->arena);
			if (rc != 0)
				return rc;
			fetch->ends[i] = at + len;
		}
	}
	return 0;
}

static int
glance_once(struct fetch *fetch, struct object_fetch_in *plain)
{
	struct object_glance_in in = {.when = plain->when, .dkey = plain->dkey, .iods = plain->iods, .iods_nr = plain->iods_nr,
				      .rooms = plain->rooms, .rooms_nr = plain->rooms_nr, .akey = *fetch->akey};
	struct object_glance_out out = {0};
	struct object_call call = {.object = fetch->object, .opc = opc_object_glance, .in = &in, .out = &out, .arena = fetch->arena};
	int rc = object__call(&call);

	fetch->out = (struct object_fetch_out){.hint = out.hint, .values = out.values, .values_nr = out.values_nr, .data = out.data, .len = out.len};
	*fetch->glance = (struct object_glance){.last = out.last, .recx = out.recx, .newest = out.newest};
	return rc;
}

static int
fetch_once(struct fetch *fetch, const daos_iod_t *asked)
{
	struct object_fetch_in in = {.when = object__when(fetch->tx), .flags = fetch->flags, .dkey = *fetch->dkey,
				     .iods = (daos_iod_t *)asked, .iods_nr = fetch->nr};
	struct object_call call = {.object = fetch->object, .group = object__group_of(fetch->object, fetch->dkey), .opc = opc_object_fetch,
				   .in = &in, .out = &fetch->out, .arena = fetch->arena};
	struct iovec *iov;
	uint64_t room = 0;
	int rc, iov_nr;

	memset(fetch->ends, 0, sizeof(uint64_t) * fetch->nr);
	if (fetch->sgls != NULL) {
		in.rooms = ARENA_NEW_ARRAY(fetch->arena, uint64_t, fetch->nr);
		if (in.rooms == NULL)
			return -DER_NOMEM;
		in.rooms_nr = fetch->nr;
		for (uint32_t i = 0; i < fetch->nr; i++)
			room += in.rooms[i] = sgl_capacity(&fetch->sgls[i]);
	}
	if (room > RPC_INLINE_MAX) {
		rc = gather(fetch->sgls, fetch->nr, SGL_ROOM, fetch->arena, &iov, &iov_nr);
		if (rc != 0)
			return rc;
		call.expose = iov;
		call.expose_nr = iov_nr;
		call.expose_access = ENV_REG_WRITE;
		call.bulk = &in.bulk;
	}
	memset(&fetch->out, 0, sizeof(fetch->out));
	rc = fetch->glance != NULL ? glance_once(fetch, &in) : object__call(&call);
	object__when_answered(fetch->tx, &fetch->out.hint);
	if (rc == -DER_REC2BIG) /* the sizes tell how much room is needed */
		for (uint32_t i = 0; i < MIN(fetch->nr, fetch->out.values_nr); i++)
			fetch->iods[i].iod_size = fetch->out.values[i].size;
	return rc != 0 ? rc : take_values(fetch);
}

static void
map_value(const struct object_value *value, const daos_iod_t *iod, daos_iom_t *iom)
{
	uint32_t room = iom->iom_recxs != NULL ? iom->iom_nr : 0, nr = 0;

	iom->iom_type = iod->iod_type;
	iom->iom_size = value->size;
	for (uint32_t p = 0; p < value->pieces_nr; p++) {
		const daos_recx_t *recx = &value->pieces[p].recx;

		if (value->pieces[p].hole)
			continue;
		if (nr == 0 || recx->rx_idx < iom->iom_recx_lo.rx_idx)
			iom->iom_recx_lo = *recx;
		if (nr == 0 || recx->rx_idx > iom->iom_recx_hi.rx_idx)
			iom->iom_recx_hi = *recx;
		if ((iom->iom_flags & DAOS_IOMF_DETAIL) != 0 && nr < room)
			iom->iom_recxs[nr] = *recx;
		nr++;
	}
	iom->iom_nr_out = nr;
}

static int
fetch_all(struct fetch fetch, daos_iom_t *ioms)
{
	struct object *object = fetch.object;
	struct tx *tx = fetch.tx;
	daos_key_t *dkey = fetch.dkey;
	daos_iod_t *iods = fetch.iods;
	d_sg_list_t *sgls = fetch.sgls;
	uint32_t nr = fetch.nr;
	daos_iod_t *asked;
	struct arena arena;
	uint64_t bytes;
	int rc;

	rc = keys_ok(object, dkey, nr, iods, false);
	if (rc == 0 && tx != NULL)
		rc = tx__usable(tx, false);
	for (uint32_t i = 0; rc == 0 && i < nr; i++) {
		rc = object__iod_bytes(&iods[i], &bytes);
		if (rc == 0 && sgls != NULL && sgl_capacity(&sgls[i]) == SIZE_MAX)
			rc = -DER_INVAL;
		if (rc == 0 && sgls != NULL && bytes > sgl_capacity(&sgls[i]))
			rc = -DER_REC2BIG;
	}
	if (rc != 0 || nr == 0)
		return rc;
	arena_init(&arena, client_mem(cont_client(object->cont)));
	fetch.arena = &arena;
	fetch.ends = ARENA_NEW_ARRAY(&arena, uint64_t, nr);
	asked = arena_dup(&arena, iods, sizeof(*iods) * nr);
	rc = fetch.ends == NULL || asked == NULL ? -DER_NOMEM : -DER_CSUM;
	for (uint32_t attempt = 0; attempt < FETCH_ATTEMPTS && rc == -DER_CSUM; attempt++)
		rc = fetch_once(&fetch, asked);
	if (rc == 0 && tx != NULL) {
		daos_key_t *akeys = ARENA_NEW_ARRAY(&arena, daos_key_t, nr);

		rc = akeys != NULL ? 0 : -DER_NOMEM;
		for (uint32_t i = 0; rc == 0 && i < nr; i++)
			akeys[i] = iods[i].iod_name;
		if (rc == 0)
			rc = tx__add_read(tx, object, dkey, nr, akeys);
		if (rc == 0)
			rc = tx__overlay(tx, object, dkey, nr, iods, sgls, fetch.ends);
	}
	for (uint32_t i = 0; rc == 0 && i < nr; i++) {
		if (sgls != NULL) {
			if (fetch.ends[i] > 0)
				sgl_set_length(&sgls[i], fetch.ends[i]);
			else
				sgls[i].sg_nr_out = 0;
		}
		if (ioms != NULL)
			map_value(&fetch.out.values[i], &iods[i], &ioms[i]);
	}
	arena_fini(&arena);
	return rc;
}

int
object_fetch(struct object *object, struct tx *tx, uint64_t flags, daos_key_t *dkey, uint32_t nr, daos_iod_t *iods, d_sg_list_t *sgls,
	     daos_iom_t *ioms)
{
	struct fetch fetch = {.object = object, .tx = tx, .flags = flags, .dkey = dkey, .nr = nr, .iods = iods, .sgls = sgls};

	return fetch_all(fetch, ioms);
}

int
object_glance(struct object *object, daos_key_t *dkey, uint32_t nr, daos_iod_t *iods, d_sg_list_t *sgls, const daos_key_t *akey,
	      struct object_glance *glance)
{
	struct fetch fetch = {.object = object, .dkey = dkey, .nr = nr, .iods = iods, .sgls = sgls, .akey = akey, .glance = glance};
	uint64_t room = 0;

	if (object->group_nr != 1)
		return -DER_NOTSUPPORTED;
	for (uint32_t i = 0; i < nr; i++)
		room += sgl_capacity(&sgls[i]);
	return room > RPC_INLINE_MAX || nr == 0 ? -DER_INVAL : fetch_all(fetch, NULL);
}
