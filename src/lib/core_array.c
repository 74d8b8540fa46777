/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arrays: daos_array.h over client/array. Functions that run in ULTs may yield.
 *
 * Exported handle: struct core_array_share, as it lies in memory: it goes to processes of the same program.
 */
#include "core.h"

#include <stdlib.h>
#include <daos_task.h>

#define EXPORT_MAGIC 0x79617261U

/* Ranges of the interface are ranges of client/array. */
_Static_assert(sizeof(daos_range_t) == sizeof(struct array_range) && offsetof(daos_range_t, rg_len) == offsetof(struct array_range, len),
	       "ranges are alike");

static const struct array_range *
ranges_of(const daos_array_iod_t *iod)
{
	return (const struct array_range *)iod->arr_rgs;
}

/* ---- life ------------------------------------------------------------------------------------------------------------------ */
/* Takes array over. */
static int
give_handle(struct cont *cont, daos_obj_id_t oid, uint32_t mode, struct array *array, daos_handle_t *oh)
{
	struct core_array *held = malloc(sizeof(*held));

	if (held == NULL) {
		array_close(array);
		return -DER_NOMEM;
	}
	*held = (struct core_array){.array = array, .cont = cont_get(cont), .oid = oid, .mode = mode};
	return core__handle(DAOS_HTYPE_ARRAY, held, oh);
}

/* A use of a container and, unless it is DAOS_TX_NONE, a transaction. */
static int
create_body(void *args)
{
	daos_array_create_t *in = args;
	struct core_use use;
	struct array *array;
	int rc = core__use(&use, in->coh, DAOS_HTYPE_CO, in->th);

	if (rc == 0)
		rc = array_create(use.object, in->oid, use.tx, in->cell_size, in->chunk_size, &array);
	if (rc == 0)
		rc = give_handle(use.object, in->oid, DAOS_OO_RW, array, in->oh);
	return core__done(&use, rc);
}

int
daos_array_create(daos_handle_t coh, daos_obj_id_t oid, daos_handle_t th, daos_size_t cell_size, daos_size_t chunk_size, daos_handle_t *oh,
		  daos_event_t *ev)
{
	daos_array_create_t args = {.coh = coh, .oid = oid, .th = th, .cell_size = cell_size, .chunk_size = chunk_size, .oh = oh};

	if (oh == NULL || cell_size == 0 || chunk_size == 0)
		return -DER_INVAL;
	return core__call(create_body, NULL, &args, sizeof(args), ev);
}

static int
open_body(void *args)
{
	daos_array_open_t *in = args;
	struct core_use use;
	struct array *array;
	int rc = core__use(&use, in->coh, DAOS_HTYPE_CO, in->th);

	if (rc == 0)
		rc = array_open(use.object, in->oid, use.tx, in->mode, in->cell_size, in->chunk_size, &array);
	if (rc == 0)
		rc = give_handle(use.object, in->oid, in->mode, array, in->oh);
	return core__done(&use, rc);
}

int
daos_array_open(daos_handle_t coh, daos_obj_id_t oid, daos_handle_t th, unsigned int mode, daos_size_t *cell_size, daos_size_t *chunk_size,
		daos_handle_t *oh, daos_event_t *ev)
{
	daos_array_open_t args = {.coh = coh, .oid = oid, .th = th, .mode = mode, .cell_size = cell_size, .chunk_size = chunk_size, .oh = oh};

	if (oh == NULL || cell_size == NULL || chunk_size == NULL)
		return -DER_INVAL;
	return core__call(open_body, NULL, &args, sizeof(args), ev);
}

struct open_with {
	daos_handle_t coh, th;
	daos_obj_id_t oid;
	uint32_t mode;
	daos_size_t cell, chunk;
	daos_handle_t *oh;
};

static int
open_with_body(void *args)
{
	struct open_with *in = args;
	struct core_use use;
	struct array *array;
	int rc = core__use(&use, in->coh, DAOS_HTYPE_CO, in->th);

	if (rc == 0)
		rc = array_open_with(use.object, in->oid, in->mode, in->cell, in->chunk, &array);
	if (rc == 0)
		rc = give_handle(use.object, in->oid, in->mode, array, in->oh);
	return core__done(&use, rc);
}

int
daos_array_open_with_attr(daos_handle_t coh, daos_obj_id_t oid, daos_handle_t th, unsigned int mode, daos_size_t cell_size,
			  daos_size_t chunk_size, daos_handle_t *oh, daos_event_t *ev)
{
	struct open_with args = {.coh = coh, .th = th, .oid = oid, .mode = mode, .cell = cell_size, .chunk = chunk_size, .oh = oh};

	if (oh == NULL || cell_size == 0 || chunk_size == 0)
		return -DER_INVAL;
	return core__call(open_with_body, NULL, &args, sizeof(args), ev);
}

/* The arguments of a task serve both ways of opening. */
static int
task_open_body(void *args)
{
	daos_array_open_t *in = args;
	struct open_with with = {.coh = in->coh, .th = in->th, .oid = in->oid, .mode = in->mode, .oh = in->oh};

	if (in->oh == NULL || in->cell_size == NULL || in->chunk_size == NULL)
		return -DER_INVAL;
	if (!in->open_with_attr)
		return open_body(in);
	with.cell = *in->cell_size;
	with.chunk = *in->chunk_size;
	return with.cell > 0 && with.chunk > 0 ? open_with_body(&with) : -DER_INVAL;
}

static int
close_body(void *args)
{
	daos_array_close_t *in = args;

	return core__handle_close(in->oh, DAOS_HTYPE_ARRAY);
}

int
daos_array_close(daos_handle_t oh, daos_event_t *ev)
{
	daos_array_close_t args = {.oh = oh};

	return core__call(close_body, NULL, &args, sizeof(args), ev);
}

/* ---- sharing ------------------------------------------------------------------------------------------------------------------ */
int
core__array_share_read(const d_iov_t *glob, struct core_array_share *from)
{
	size_t len = glob->iov_len != 0 ? glob->iov_len : glob->iov_buf_len;

	if (glob->iov_buf == NULL || len < sizeof(*from) || glob->iov_buf_len < len)
		return -DER_INVAL;
	memcpy(from, glob->iov_buf, sizeof(*from));
	if (from->magic != EXPORT_MAGIC || !array_shape_ok(from->cell, from->chunk))
		return -DER_INVAL;
	return 0;
}

struct share {
	daos_handle_t handle;
	d_iov_t *glob;
	uint32_t mode;
	daos_handle_t *result;
};

static int
array_out(void *object, void *buf, size_t *size)
{
	struct core_array *held = object;
	struct core_array_share out = {.magic = EXPORT_MAGIC, .mode = held->mode, .oid = held->oid};

	*size = sizeof(out);
	if (buf == NULL)
		return 0;
	memcpy(out.cont, cont_uuid(held->cont), sizeof(uuid_t));
	array_attrs(held->array, &out.cell, &out.chunk);
	memcpy(buf, &out, sizeof(out));
	return 0;
}

static int
export_body(void *args)
{
	struct share *in = args;
	struct core_use use;
	int rc = core__use(&use, in->handle, DAOS_HTYPE_ARRAY, DAOS_TX_NONE);

	return core__done(&use, rc != 0 ? rc : core__export_give(array_out, use.object, in->glob));
}

int
daos_array_local2global(daos_handle_t oh, d_iov_t *glob)
{
	struct share args = {.handle = oh, .glob = glob};

	return glob != NULL ? core__call(export_body, NULL, &args, sizeof(args), NULL) : -DER_INVAL;
}

static int
import_body(void *args)
{
	struct share *in = args;
	struct core_array_share from;
	struct core_use use;
	struct array *array;
	int rc = core__use(&use, in->handle, DAOS_HTYPE_CO, DAOS_TX_NONE);

	if (rc == 0)
		rc = core__array_share_read(in->glob, &from);
	if (rc == 0 && memcmp(from.cont, cont_uuid(use.object), sizeof(uuid_t)) != 0)
		rc = -DER_INVAL;
	if (rc == 0 && in->mode != 0)
		from.mode = in->mode;
	if (rc == 0)
		rc = array_open_with(use.object, from.oid, from.mode, from.cell, from.chunk, &array);
	if (rc == 0)
		rc = give_handle(use.object, from.oid, from.mode, array, in->result);
	return core__done(&use, rc);
}

int
daos_array_global2local(daos_handle_t coh, d_iov_t glob, unsigned int mode, daos_handle_t *oh)
{
	struct share args = {.handle = coh, .glob = &glob, .mode = mode, .result = oh};

	if (oh == NULL)
		return -DER_INVAL;
	return core__call(import_body, NULL, &args, sizeof(args), NULL);
}

/* ---- data ------------------------------------------------------------------------------------------------------------------------ */
static int
read_body(void *args)
{
	daos_array_io_t *in = args;
	daos_size_t read = 0, asked = 0;
	struct core_array *held;
	struct core_use use;
	bool cut;
	int rc = core__use(&use, in->oh, DAOS_HTYPE_ARRAY, in->th);

	if (rc == 0) {
		held = use.object;
		for (daos_size_t i = 0; i < in->iod->arr_nr; i++)
			asked += in->iod->arr_rgs[i].rg_len;
		read = asked;
		rc = array_read(held->array, use.tx, ranges_of(in->iod), (uint32_t)in->iod->arr_nr, in->sgl, &read, &cut);
	}
	if (rc == 0) {
		in->iod->arr_nr_read = read;
		in->iod->arr_nr_short_read = asked - MIN(read, asked);
	}
	return core__done(&use, rc);
}

static bool
io_makes_sense(const daos_array_iod_t *iod)
{
	return iod != NULL && iod->arr_nr > 0 && iod->arr_nr <= UINT32_MAX && iod->arr_rgs != NULL;
}

int
daos_array_read(daos_handle_t oh, daos_handle_t th, daos_array_iod_t *iod, d_sg_list_t *sgl, daos_event_t *ev)
{
	daos_array_io_t args = {.oh = oh, .th = th, .iod = iod, .sgl = sgl};

	return io_makes_sense(iod) && sgl != NULL ? core__call(read_body, NULL, &args, sizeof(args), ev) : -DER_INVAL;
}

static int
write_body(void *args)
{
	daos_array_io_t *in = args;
	struct core_use use;
	int rc = core__use(&use, in->oh, DAOS_HTYPE_ARRAY, in->th);

	if (rc == 0)
		rc = array_write(((struct core_array *)use.object)->array, use.tx, ranges_of(in->iod), (uint32_t)in->iod->arr_nr, in->sgl);
	return core__done(&use, rc);
}

int
daos_array_write(daos_handle_t oh, daos_handle_t th, daos_array_iod_t *iod, d_sg_list_t *sgl, daos_event_t *ev)
{
	daos_array_io_t args = {.oh = oh, .th = th, .iod = iod, .sgl = sgl};

	return io_makes_sense(iod) && sgl != NULL ? core__call(write_body, NULL, &args, sizeof(args), ev) : -DER_INVAL;
}

static int
punch_body(void *args)
{
	daos_array_io_t *in = args;
	struct core_use use;
	int rc = core__use(&use, in->oh, DAOS_HTYPE_ARRAY, in->th);

	if (rc == 0)
		rc = array_punch(((struct core_array *)use.object)->array, use.tx, ranges_of(in->iod), (uint32_t)in->iod->arr_nr);
	return core__done(&use, rc);
}

int
daos_array_punch(daos_handle_t oh, daos_handle_t th, daos_array_iod_t *iod, daos_event_t *ev)
{
	daos_array_io_t args = {.oh = oh, .th = th, .iod = iod};

	return io_makes_sense(iod) ? core__call(punch_body, NULL, &args, sizeof(args), ev) : -DER_INVAL;
}

/* ---- size ------------------------------------------------------------------------------------------------------------------------- */
static int
get_size_body(void *args)
{
	daos_array_get_size_t *in = args;
	struct core_use use;
	int rc = core__use(&use, in->oh, DAOS_HTYPE_ARRAY, in->th);

	return core__done(&use, rc != 0 ? rc : array_get_size(((struct core_array *)use.object)->array, use.tx, in->size));
}

int
daos_array_get_size(daos_handle_t oh, daos_handle_t th, daos_size_t *size, daos_event_t *ev)
{
	daos_array_get_size_t args = {.oh = oh, .th = th, .size = size};

	return size != NULL ? core__call(get_size_body, NULL, &args, sizeof(args), ev) : -DER_INVAL;
}

static int
stat_body(void *args)
{
	daos_array_stat_t *in = args;
	struct core_use use;
	int rc = core__use(&use, in->oh, DAOS_HTYPE_ARRAY, in->th);

	if (rc == 0)
		rc = array_stat(((struct core_array *)use.object)->array, use.tx, &in->stbuf->st_size, &in->stbuf->st_max_epoch);
	return core__done(&use, rc);
}

int
daos_array_stat(daos_handle_t oh, daos_handle_t th, daos_array_stbuf_t *stbuf, daos_event_t *ev)
{
	daos_array_stat_t args = {.oh = oh, .th = th, .stbuf = stbuf};

	return stbuf != NULL ? core__call(stat_body, NULL, &args, sizeof(args), ev) : -DER_INVAL;
}

static int
set_size_body(void *args)
{
	daos_array_set_size_t *in = args;
	struct core_use use;
	int rc = core__use(&use, in->oh, DAOS_HTYPE_ARRAY, in->th);

	return core__done(&use, rc != 0 ? rc : array_set_size(((struct core_array *)use.object)->array, use.tx, in->size));
}

int
daos_array_set_size(daos_handle_t oh, daos_handle_t th, daos_size_t size, daos_event_t *ev)
{
	daos_array_set_size_t args = {.oh = oh, .th = th, .size = size};

	return core__call(set_size_body, NULL, &args, sizeof(args), ev);
}

static int
destroy_body(void *args)
{
	daos_array_destroy_t *in = args;
	struct core_use use;
	int rc = core__use(&use, in->oh, DAOS_HTYPE_ARRAY, in->th);

	return core__done(&use, rc != 0 ? rc : array_destroy(((struct core_array *)use.object)->array, use.tx));
}

int
daos_array_destroy(daos_handle_t oh, daos_handle_t th, daos_event_t *ev)
{
	daos_array_destroy_t args = {.oh = oh, .th = th};

	return core__call(destroy_body, NULL, &args, sizeof(args), ev);
}

/* ---- attributes: local ---------------------------------------------------------------------------------------------------------------- */
struct attr_args {
	daos_handle_t oh;
	daos_size_t *chunk, *cell;
	daos_size_t new_chunk;
};

static int
get_attr_body(void *args)
{
	struct attr_args *in = args;
	daos_size_t cell, chunk;
	struct core_use use;
	int rc = core__use(&use, in->oh, DAOS_HTYPE_ARRAY, DAOS_TX_NONE);

	if (rc == 0) {
		array_attrs(((struct core_array *)use.object)->array, &cell, &chunk);
		*in->cell = cell;
		*in->chunk = chunk;
	}
	return core__done(&use, rc);
}

int
daos_array_get_attr(daos_handle_t oh, daos_size_t *chunk_size, daos_size_t *cell_size)
{
	struct attr_args args = {.oh = oh, .chunk = chunk_size, .cell = cell_size};

	return chunk_size != NULL && cell_size != NULL ? core__call(get_attr_body, NULL, &args, sizeof(args), NULL) : -DER_INVAL;
}

/* What is under way goes on with the array as it was: it holds the handle's object, so the change waits for its turn as an error. */
static int
chunk_body(void *args)
{
	struct attr_args *in = args;
	struct core_array *held;
	daos_size_t cell, chunk;
	struct array *array;
	struct core_use use;
	int rc = core__use(&use, in->oh, DAOS_HTYPE_ARRAY, DAOS_TX_NONE);

	if (rc != 0)
		return core__done(&use, rc);
	held = use.object;
	array_attrs(held->array, &cell, &chunk);
	if (daos_obj_id2type(held->oid) == DAOS_OT_ARRAY)
		rc = -DER_INVAL;
	if (rc == 0)
		rc = array_open_with(held->cont, held->oid, held->mode, cell, in->new_chunk, &array);
	if (rc == 0) {
		array_close(held->array);
		held->array = array;
	}
	return core__done(&use, rc);
}

int
daos_array_update_chunk_size(daos_handle_t oh, daos_size_t chunk_size)
{
	struct attr_args args = {.oh = oh, .new_chunk = chunk_size};

	return chunk_size > 0 ? core__call(chunk_body, NULL, &args, sizeof(args), NULL) : -DER_INVAL;
}

const struct core_task core__array_tasks[] = {
	{DAOS_OPC_ARRAY_CREATE, create_body, sizeof(daos_array_create_t)},
	{DAOS_OPC_ARRAY_OPEN, task_open_body, sizeof(daos_array_open_t)},
	{DAOS_OPC_ARRAY_CLOSE, close_body, sizeof(daos_array_close_t)},
	{DAOS_OPC_ARRAY_DESTROY, destroy_body, sizeof(daos_array_destroy_t)},
	{DAOS_OPC_ARRAY_READ, read_body, sizeof(daos_array_io_t)},
	{DAOS_OPC_ARRAY_WRITE, write_body, sizeof(daos_array_io_t)},
	{DAOS_OPC_ARRAY_PUNCH, punch_body, sizeof(daos_array_io_t)},
	{DAOS_OPC_ARRAY_GET_SIZE, get_size_body, sizeof(daos_array_get_size_t)},
	{DAOS_OPC_ARRAY_SET_SIZE, set_size_body, sizeof(daos_array_set_size_t)},
	{DAOS_OPC_ARRAY_STAT, stat_body, sizeof(daos_array_stat_t)},
	{DAOS_OPC_INVALID, NULL, 0},
};
