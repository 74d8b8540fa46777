/* SPDX-License-Identifier: Apache-2.0 */
/* Arrays: an object that holds cells of equal size under 64-bit indices, cut into chunks spread over targets. */
#ifndef DAOS_ARRAY_H
#define DAOS_ARRAY_H

#include <daos_types.h>
#include <daos_obj.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** One call takes at most DAOS_ARRAY_LIST_IO_LIMIT ranges that are shorter than DAOS_ARRAY_RG_LEN_THD cells. */
#define DAOS_ARRAY_LIST_IO_LIMIT 16384
#define DAOS_ARRAY_RG_LEN_THD 16

/** A range of cells. */
typedef struct {
	daos_off_t rg_idx;  /**< first cell */
	daos_size_t rg_len; /**< number of cells */
} daos_range_t;

/** What to read or write. */
typedef struct {
	daos_size_t arr_nr;    /**< number of ranges */
	daos_range_t *arr_rgs; /**< ranges, which do not overlap when writing */
	daos_size_t arr_nr_short_read; /**< out: cells behind the end that were asked for (byte arrays) */
	daos_size_t arr_nr_read;       /**< out: cells that were read (byte arrays) */
} daos_array_iod_t;

/** What daos_array_stat() tells. */
typedef struct {
	daos_size_t st_size;       /**< cells up to the last one written */
	daos_epoch_t st_max_epoch; /**< clock value of the latest change */
} daos_array_stbuf_t;

/** daos_obj_generate_oid() for an array; add_attr: the array stores its cell and chunk size. */
static inline int
daos_array_generate_oid(daos_handle_t coh, daos_obj_id_t *oid, bool add_attr, daos_oclass_id_t cid,
			daos_oclass_hints_t hints, uint32_t args)
{
	return daos_obj_generate_oid(coh, oid, add_attr ? DAOS_OT_ARRAY : DAOS_OT_ARRAY_ATTR, cid, hints, args);
}

/**
 * Creates an array that stores its cell and chunk size, and opens it for writing.
 *
 * \param[in]	coh		open container
 * \param[in]	oid		id of type DAOS_OT_ARRAY
 * \param[in]	th		transaction, or DAOS_TX_NONE
 * \param[in]	cell_size	bytes in a cell, > 0
 * \param[in]	chunk_size	cells in a chunk, > 0
 * \param[out]	oh		handle, closed with daos_array_close()
 * \param[in]	ev		event, or NULL to wait
 * \return			0; -DER_EXIST; -DER_INVAL; -DER_NO_PERM; others
 */
int daos_array_create(daos_handle_t coh, daos_obj_id_t oid, daos_handle_t th, daos_size_t cell_size,
		      daos_size_t chunk_size, daos_handle_t *oh, daos_event_t *ev);

/**
 * Opens an array that was made with daos_array_create().
 *
 * \param[in]	mode		DAOS_OO_*
 * \param[out]	cell_size	bytes in a cell
 * \param[out]	chunk_size	cells in a chunk
 * \param[out]	oh		handle
 * \return			0; -DER_NONEXIST: no such array; -DER_NO_PERM: not an array; -DER_INVAL; others
 */
int daos_array_open(daos_handle_t coh, daos_obj_id_t oid, daos_handle_t th, unsigned int mode, daos_size_t *cell_size,
		    daos_size_t *chunk_size, daos_handle_t *oh, daos_event_t *ev);

/** Opens an array of type DAOS_OT_ARRAY_ATTR or DAOS_OT_ARRAY_BYTE, whose cell and chunk size the program knows. */
int daos_array_open_with_attr(daos_handle_t coh, daos_obj_id_t oid, daos_handle_t th, unsigned int mode,
			      daos_size_t cell_size, daos_size_t chunk_size, daos_handle_t *oh, daos_event_t *ev);

/**
 * Writes an array handle into a buffer from which other processes of the same user can rebuild it.
 *
 * \param[in,out] glob	iov_buf NULL: iov_buf_len is set to the size needed; else filled, iov_len set
 * \return		0; -DER_TRUNC; -DER_NO_HDL; -DER_INVAL
 */
int daos_array_local2global(daos_handle_t oh, d_iov_t *glob);

/** Rebuilds an array handle; mode: DAOS_OO_*, 0: as the original. */
int daos_array_global2local(daos_handle_t coh, d_iov_t glob, unsigned int mode, daos_handle_t *oh);

/** Closes an array handle. */
int daos_array_close(daos_handle_t oh, daos_event_t *ev);

/**
 * Reads ranges. Cells that were never written leave the buffer as it was; in byte arrays they are read as zeros.
 *
 * \param[in]	th	transaction or snapshot, or DAOS_TX_NONE
 * \param[in,out] iod	ranges; counts are set
 * \param[in,out] sgl	buffers of the same total size
 * \return		0; -DER_INVAL: sizes differ; others
 */
int daos_array_read(daos_handle_t oh, daos_handle_t th, daos_array_iod_t *iod, d_sg_list_t *sgl, daos_event_t *ev);

/** Writes ranges; as daos_array_read(). */
int daos_array_write(daos_handle_t oh, daos_handle_t th, daos_array_iod_t *iod, d_sg_list_t *sgl, daos_event_t *ev);

/** Number of cells up to the last one. */
int daos_array_get_size(daos_handle_t oh, daos_handle_t th, daos_size_t *size, daos_event_t *ev);

/** Number of cells and time of the latest change. */
int daos_array_stat(daos_handle_t oh, daos_handle_t th, daos_array_stbuf_t *stbuf, daos_event_t *ev);

/** Cuts or extends an array to size cells. */
int daos_array_set_size(daos_handle_t oh, daos_handle_t th, daos_size_t size, daos_event_t *ev);

/** Removes an array. The handle stays to be closed. */
int daos_array_destroy(daos_handle_t oh, daos_handle_t th, daos_event_t *ev);

/** Makes holes of ranges. */
int daos_array_punch(daos_handle_t oh, daos_handle_t th, daos_array_iod_t *iod, daos_event_t *ev);

/** Cells in a chunk and bytes in a cell of an open array. */
int daos_array_get_attr(daos_handle_t oh, daos_size_t *chunk_size, daos_size_t *cell_size);

/** Changes the chunk size of the handle of a still empty array that does not store it. 0; -DER_NO_HDL; -DER_INVAL. */
int daos_array_update_chunk_size(daos_handle_t oh, daos_size_t chunk_size);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
