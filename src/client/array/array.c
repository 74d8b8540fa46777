/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client/array: ranges of cells to dkeys and back.
 *
 *   cell i  ->  dkey i / chunk + 1, akey "0", record i mod chunk, record size = cell size
 *   type ARRAY: dkey 0, akey "0": a single value of 24 bytes: u64 magic, u64 cell size, u64 chunk (little-endian)
 *
 * A range that crosses dkeys becomes one update or fetch a dkey, all under way at once. The size is what the highest dkey
 * holds; growing an array writes one zero cell at the new end, shrinking punches what lies behind. May yield everywhere.
 */
#include "client/array/array.h"

#include "base/sg.h"

#define ATTR_MAGIC 0xdaca55a9daca55a9ULL
#define PARALLEL_MAX 16U /* dkeys under way at once */
#define PUNCH_BATCH 64U

struct array {
	struct object *object;
	struct mem *mem;
	daos_size_t cell, chunk;
	bool bytes; /* ARRAY_BYTE: holes read as zeros, reads end at the end */
};

static char
data_akey(void)
{
	return '0';
}

/* ---- life -------------------------------------------------------------------------------------------------------------- */
static int
array_new(struct cont *cont, daos_obj_id_t oid, uint32_t mode, daos_size_t cell, daos_size_t chunk, struct array **result)
{
	struct mem *mem = client_mem(cont_client(cont));
	struct array *array;
	int rc;

	if (!daos_is_array(oid))
		return -DER_INVAL;
	array = MEM_NEW(mem, struct array);
	if (array == NULL)
		return -DER_NOMEM;
	array->mem = mem;
	array->cell = cell;
	array->chunk = chunk;
	array->bytes = daos_obj_id2type(oid) == DAOS_OT_ARRAY_BYTE;
	rc = object_open(cont, oid, mode, &array->object);
	if (rc != 0) {
		mem_free(mem, array);
		return rc;
	}
	*result = array;
	return 0;
}

static void
attr_key(uint64_t *dkey_value, daos_key_t *dkey, char *akey, daos_iod_t *iod, daos_size_t size)
{
	*dkey_value = 0;
	d_iov_set(dkey, dkey_value, sizeof(*dkey_value));
	*akey = data_akey();
	*iod = (daos_iod_t){.iod_type = DAOS_IOD_SINGLE, .iod_size = size, .iod_nr = 1};
	d_iov_set(&iod->iod_name, akey, 1);
}

bool
array_shape_ok(daos_size_t cell, daos_size_t chunk)
{
	return cell > 0 && chunk > 0 && cell <= ARRAY_CELL_MAX && chunk <= (uint64_t)INT64_MAX / cell;
}

int
array_create(struct cont *cont, daos_obj_id_t oid, struct tx *tx, daos_size_t cell, daos_size_t chunk, struct array **result)
{
	uint64_t attr[3] = {ATTR_MAGIC, cell, chunk}, dkey_value;
	d_iov_t iov;
	d_sg_list_t sgl = {.sg_nr = 1, .sg_iovs = &iov};
	struct array *array;
	daos_key_t dkey;
	daos_iod_t iod;
	char akey;
	int rc;

	if (!array_shape_ok(cell, chunk) || daos_obj_id2type(oid) != DAOS_OT_ARRAY)
		return -DER_INVAL;
	rc = array_new(cont, oid, DAOS_OO_RW, cell, chunk, &array);
	if (rc != 0)
		return rc;
	attr_key(&dkey_value, &dkey, &akey, &iod, sizeof(attr));
	d_iov_set(&iov, attr, sizeof(attr));
	rc = object_update(array->object, tx, DAOS_COND_DKEY_INSERT, &dkey, 1, &iod, &sgl);
	if (rc != 0) {
		array_close(array);
		return rc;
	}
	*result = array;
	return 0;
}

int
array_open(struct cont *cont, daos_obj_id_t oid, struct tx *tx, uint32_t mode, daos_size_t *cell, daos_size_t *chunk, struct array **result)
{
	uint64_t attr[3] = {0}, dkey_value;
	d_iov_t iov;
	d_sg_list_t sgl = {.sg_nr = 1, .sg_iovs = &iov};
	struct array *array;
	daos_key_t dkey;
	daos_iod_t iod;
	char akey;
	int rc;

	if (daos_obj_id2type(oid) != DAOS_OT_ARRAY)
		return -DER_INVAL;
	rc = array_new(cont, oid, mode, 0, 0, &array);
	if (rc != 0)
		return rc;
	attr_key(&dkey_value, &dkey, &akey, &iod, DAOS_REC_ANY);
	d_iov_set(&iov, attr, sizeof(attr));
	rc = object_fetch(array->object, tx, 0, &dkey, 1, &iod, &sgl, NULL);
	if (rc == 0 && iod.iod_size == 0)
		rc = -DER_NONEXIST;
	else if (rc == 0 && (iod.iod_size != sizeof(attr) || attr[0] != ATTR_MAGIC || !array_shape_ok(attr[1], attr[2])))
		rc = -DER_NO_PERM; /* an object, but no array with attributes */
	if (rc != 0) {
		array_close(array);
		return rc;
	}
	array->cell = *cell = attr[1];
	array->chunk = *chunk = attr[2];
	*result = array;
	return 0;
}

int
array_open_with(struct cont *cont, daos_obj_id_t oid, uint32_t mode, daos_size_t cell, daos_size_t chunk, struct array **result)
{
	if (!array_shape_ok(cell, chunk))
		return -DER_INVAL;
	return array_new(cont, oid, mode, cell, chunk, result);
}

void
array_close(struct array *array)
{
	object_close(array->object);
	mem_free(array->mem, array);
}

struct object *
array_object(struct array *array)
{
	return array->object;
}

void
array_attrs(const struct array *array, daos_size_t *cell, daos_size_t *chunk)
{
	*cell = array->cell;
	*chunk = array->chunk;
}

/* ---- reading, writing, punching ----------------------------------------------------------------------------------------------- */
enum io_kind { IO_READ, IO_WRITE, IO_PUNCH };

/* The cells of one dkey that one call moves, and where their bytes are. */
struct piece {
	struct array *array;
	struct tx *tx;
	enum io_kind kind;
	uint64_t dkey;
	daos_recx_t recx;
	d_iov_t *iovs; /* of sgl */
	d_sg_list_t sgl;
	struct ult *ult;
	int rc;
};

static void
piece_run(void *arg)
{
	struct piece *piece = arg;
	daos_iod_t iod = {.iod_type = DAOS_IOD_ARRAY,
			  .iod_size = piece->kind == IO_PUNCH ? 0 : piece->array->cell,
			  .iod_nr = 1,
			  .iod_recxs = &piece->recx};
	daos_key_t dkey;
	char akey = data_akey();

	d_iov_set(&dkey, &piece->dkey, sizeof(piece->dkey));
	d_iov_set(&iod.iod_name, &akey, 1);
	if (piece->kind == IO_READ)
		piece->rc = object_fetch(piece->array->object, piece->tx, 0, &dkey, 1, &iod, &piece->sgl, NULL);
	else
		piece->rc = object_update(piece->array->object, piece->tx, 0, &dkey, 1, &iod, piece->kind == IO_WRITE ? &piece->sgl : NULL);
}

/* Where the caller's ranges stand, cut at dkeys. */
struct cut {
	struct array *array;
	const struct array_range *ranges;
	uint32_t nr, at;
	uint64_t done; /* cells of range at */
};

static bool
cut_next(struct cut *cut, uint64_t *dkey, daos_recx_t *recx)
{
	const struct array_range *range;
	uint64_t idx;

	while (cut->at < cut->nr && cut->done == cut->ranges[cut->at].len) {
		cut->at++;
		cut->done = 0;
	}
	if (cut->at == cut->nr)
		return false;
	range = &cut->ranges[cut->at];
	idx = range->idx + cut->done;
	*dkey = idx / cut->array->chunk + 1;
	recx->rx_idx = idx % cut->array->chunk;
	recx->rx_nr = MIN(cut->array->chunk - recx->rx_idx, range->len - cut->done);
	cut->done += recx->rx_nr;
	return true;
}

static int
ranges_check(const struct array *array, const struct array_range *ranges, uint32_t nr, uint64_t *bytes)
{
	uint64_t end, len, sum = 0;

	for (uint32_t i = 0; i < nr; i++)
		if (__builtin_add_overflow(ranges[i].idx, ranges[i].len, &end) || __builtin_mul_overflow(end, array->cell, &end) ||
		    __builtin_mul_overflow(ranges[i].len, array->cell, &len) || __builtin_add_overflow(sum, len, &sum))
			return -DER_INVAL;
	*bytes = sum;
	return 0;
}

/* Runs pieces at once; in a transaction one by one, since the order of its writes matters. */
static int
run_pieces(struct piece *pieces, uint32_t nr)
{
	bool alone = nr == 1 || pieces[0].tx != NULL;
	int rc = 0;

	for (uint32_t i = alone ? 0 : 1; i < nr; i++)
		if (alone || ult_spawn(xs_self(), ULT_IO, "array_piece", piece_run, &pieces[i], &pieces[i].ult) != 0) {
			pieces[i].ult = NULL;
			piece_run(&pieces[i]);
		}
	if (!alone)
		piece_run(&pieces[0]);
	for (uint32_t i = 0; i < nr; i++)
		if (pieces[i].ult != NULL)
			ult_join(pieces[i].ult);
	for (uint32_t i = 0; i < nr && rc == 0; i++)
		rc = pieces[i].rc;
	return rc;
}

static int
slice_sgl(struct piece *piece, const struct iovec *iov, int iov_nr, uint64_t off, uint64_t len, struct arena *arena)
{
	struct iovec *slice = ARENA_NEW_ARRAY(arena, struct iovec, iov_nr + 1);
	int n;

	piece->iovs = ARENA_NEW_ARRAY(arena, d_iov_t, iov_nr + 1);
	if (slice == NULL || piece->iovs == NULL)
		return -DER_NOMEM;
	n = iov_slice(iov, iov_nr, off, len, slice, iov_nr);
	if (n < 0)
		return n;
	for (int i = 0; i < n; i++)
		d_iov_set(&piece->iovs[i], slice[i].iov_base, slice[i].iov_len);
	piece->sgl = (d_sg_list_t){.sg_nr = (uint32_t)n, .sg_iovs = piece->iovs};
	return 0;
}

static int
move(struct array *array, struct tx *tx, enum io_kind kind, const struct array_range *ranges, uint32_t nr, const struct iovec *iov, int iov_nr)
{
	struct cut cut = {.array = array, .ranges = ranges, .nr = nr};
	struct piece pieces[PARALLEL_MAX];
	uint64_t off = 0, len;
	struct arena arena;
	uint32_t n;
	int rc = 0;

	do {
		arena_init(&arena, array->mem);
		for (n = 0; rc == 0 && n < PARALLEL_MAX; n++) {
			pieces[n] = (struct piece){.array = array, .tx = tx, .kind = kind};
			if (!cut_next(&cut, &pieces[n].dkey, &pieces[n].recx))
				break;
			len = pieces[n].recx.rx_nr * array->cell;
			if (kind != IO_PUNCH)
				rc = slice_sgl(&pieces[n], iov, iov_nr, off, len, &arena);
			off += len;
		}
		if (rc == 0 && n > 0)
			rc = run_pieces(pieces, n);
		arena_fini(&arena);
	} while (rc == 0 && n == PARALLEL_MAX);
	return rc;
}

static int
io(struct array *array, struct tx *tx, enum io_kind kind, const struct array_range *ranges, uint32_t nr, d_sg_list_t *sgl, uint64_t *bytes)
{
	struct iovec *iov = NULL;
	int rc, iov_nr = 0;

	if (ranges == NULL || nr == 0)
		return -DER_INVAL;
	rc = ranges_check(array, ranges, nr, bytes);
	if (rc != 0 || *bytes == 0)
		return rc;
	if (kind != IO_PUNCH) {
		if (sgl == NULL || (kind == IO_READ ? sgl_capacity(sgl) : sgl_length(sgl)) != *bytes)
			return -DER_INVAL;
		iov = MEM_NEW_ARRAY(array->mem, struct iovec, sgl->sg_nr + 1);
		if (iov == NULL)
			return -DER_NOMEM;
		iov_nr = sgl_to_iov(sgl, kind == IO_READ ? SGL_ROOM : SGL_VALID, iov);
		if (kind == IO_READ && array->bytes)
			iov_fill(iov, iov_nr, 0, 0, *bytes);
	}
	rc = move(array, tx, kind, ranges, nr, iov, iov_nr);
	mem_free(array->mem, iov);
	return rc;
}

/* How many of the bytes of ranges lie before the end of the array. */
static uint64_t
bytes_before(const struct array *array, const struct array_range *ranges, uint32_t nr, uint64_t size)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < nr; i++)
		if (ranges[i].idx < size)
			sum += MIN(ranges[i].len, size - ranges[i].idx) * array->cell;
	return sum;
}

int
array_read(struct array *array, struct tx *tx, const struct array_range *ranges, uint32_t nr, d_sg_list_t *sgl, daos_size_t *read_len,
	   bool *short_read)
{
	uint64_t bytes, got;
	daos_size_t size;
	int rc;

	rc = io(array, tx, IO_READ, ranges, nr, sgl, &bytes);
	if (rc != 0)
		return rc;
	got = bytes;
	if (array->bytes && bytes > 0 && (read_len != NULL || short_read != NULL)) {
		rc = array_get_size(array, tx, &size);
		if (rc != 0)
			return rc;
		got = bytes_before(array, ranges, nr, size);
	}
	if (bytes > 0)
		sgl_set_length(sgl, got);
	if (read_len != NULL)
		*read_len = got;
	if (short_read != NULL)
		*short_read = got < bytes;
	return 0;
}

int
array_write(struct array *array, struct tx *tx, const struct array_range *ranges, uint32_t nr, d_sg_list_t *sgl)
{
	uint64_t bytes;

	return io(array, tx, IO_WRITE, ranges, nr, sgl, &bytes);
}

int
array_punch(struct array *array, struct tx *tx, const struct array_range *ranges, uint32_t nr)
{
	uint64_t bytes;

	return io(array, tx, IO_PUNCH, ranges, nr, NULL, &bytes);
}

/* ---- size ------------------------------------------------------------------------------------------------------------------------ */
int
array_get_size(struct array *array, struct tx *tx, daos_size_t *size)
{
	uint64_t dkey_value = 0;
	char akey_value = data_akey();
	daos_key_t dkey, akey;
	daos_recx_t recx = {0};
	int rc;

	d_iov_set(&dkey, &dkey_value, sizeof(dkey_value));
	d_iov_set(&akey, &akey_value, 1);
	rc = object_query_key(array->object, tx, DAOS_GET_DKEY | DAOS_GET_RECX | DAOS_GET_MAX, &dkey, &akey, &recx);
	if (rc == -DER_NONEXIST || (rc == 0 && dkey_value == 0)) {
		*size = 0;
		return 0;
	}
	if (rc != 0)
		return rc;
	if (__builtin_mul_overflow(dkey_value - 1, array->chunk, size) ||
	    __builtin_add_overflow(*size, recx.rx_idx + recx.rx_nr, size))
		return -DER_IO;
	return 0;
}

int
array_stat(struct array *array, struct tx *tx, daos_size_t *size, daos_epoch_t *epoch)
{
	int rc = array_get_size(array, tx, size);

	return rc != 0 ? rc : object_query_epoch(array->object, tx, epoch);
}

/* Punches the dkeys in [first, last] that are there; only listed ones, so that a sparse array costs no more than it holds. */
static int
punch_dkeys(struct array *array, struct tx *tx, uint64_t first)
{
	uint64_t values[PUNCH_BATCH], gone[PUNCH_BATCH];
	daos_key_desc_t kds[PUNCH_BATCH];
	daos_key_t keys[PUNCH_BATCH];
	daos_anchor_t anchor = DAOS_ANCHOR_INIT;
	uint32_t nr, n;
	d_iov_t iov;
	d_sg_list_t sgl = {.sg_nr = 1, .sg_iovs = &iov};
	int rc = 0;

	while (rc == 0 && anchor.da_type != DAOS_ANCHOR_TYPE_EOF) {
		nr = PUNCH_BATCH;
		d_iov_set(&iov, values, sizeof(values));
		rc = object_list(array->object, NULL, NULL, &nr, kds, &sgl, &anchor);
		n = 0;
		for (uint32_t i = 0; rc == 0 && i < nr; i++) {
			if (kds[i].kd_key_len != sizeof(uint64_t))
				return -DER_IO;
			if (values[i] < first)
				continue;
			gone[n] = values[i];
			d_iov_set(&keys[n], &gone[n], sizeof(gone[n]));
			n++;
		}
		if (rc == 0 && n > 0)
			rc = object_punch_dkeys(array->object, tx, 0, n, keys);
	}
	return rc;
}

static int
shrink(struct array *array, struct tx *tx, daos_size_t size)
{
	uint64_t in_chunk = size % array->chunk;
	struct array_range rest = {.idx = size, .len = array->chunk - in_chunk};
	int rc;

	rc = punch_dkeys(array, tx, size / array->chunk + 1 + (in_chunk > 0 ? 1 : 0));
	if (rc == 0 && in_chunk > 0)
		rc = array_punch(array, tx, &rest, 1);
	return rc;
}

static int
write_end(struct array *array, struct tx *tx, daos_size_t size)
{
	struct array_range last = {.idx = size - 1, .len = 1};
	void *zero = mem_alloc(array->mem, array->cell);
	d_iov_t iov;
	d_sg_list_t sgl = {.sg_nr = 1, .sg_iovs = &iov};
	int rc;

	if (zero == NULL)
		return -DER_NOMEM;
	d_iov_set(&iov, zero, array->cell);
	rc = array_write(array, tx, &last, 1, &sgl);
	mem_free(array->mem, zero);
	return rc;
}

/* The last cell must be there for the size to be this: a zero is written when there is a hole. */
int
array_set_size(struct array *array, struct tx *tx, daos_size_t size)
{
	daos_size_t now;
	int rc;

	rc = array_get_size(array, tx, &now);
	if (rc == 0 && size < now) {
		rc = shrink(array, tx, size);
		if (rc == 0 && tx == NULL)
			rc = array_get_size(array, NULL, &now);
		else
			now = 0; /* within a transaction its own punches are not seen by queries: write the end when in doubt */
	}
	if (rc != 0 || size == 0 || size == now)
		return rc;
	if (size > now && tx == NULL)
		return write_end(array, tx, size);
	{ /* the cell may hold data: keep it */
		struct array_range last = {.idx = size - 1, .len = 1};
		void *cell = mem_alloc(array->mem, array->cell);
		d_iov_t iov;
		d_sg_list_t sgl = {.sg_nr = 1, .sg_iovs = &iov};

		if (cell == NULL)
			return -DER_NOMEM;
		d_iov_set(&iov, cell, array->cell);
		rc = array_read(array, tx, &last, 1, &sgl, NULL, NULL);
		d_iov_set(&iov, cell, array->cell);
		if (rc == 0)
			rc = array_write(array, tx, &last, 1, &sgl);
		mem_free(array->mem, cell);
	}
	return rc;
}

int
array_destroy(struct array *array, struct tx *tx)
{
	return object_punch(array->object, tx, 0);
}
