/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client/array: one-dimensional arrays of fixed-size cells over many dkeys: cell i lives in dkey i / chunk + 1, akey "0",
 * record i mod chunk. Types as in daos_obj.h: ARRAY keeps its attributes in dkey 0, ARRAY_ATTR and ARRAY_BYTE are told them.
 * Every call may yield; 0 or -DER_*.
 */
#ifndef CLIENT_ARRAY_H
#define CLIENT_ARRAY_H

#include <daos_types.h>
#include <daos_obj.h>
#include "client/object/object.h"

struct array;
struct array_range {
	uint64_t idx, len; /* cells */
};

/** Whether an array may have cells of so many bytes and so many cells a chunk, wherever the numbers came from. Local. */
#define ARRAY_CELL_MAX (256 * MIB) /* more no call moves */
bool array_shape_ok(daos_size_t cell, daos_size_t chunk);
/** -DER_INVAL: no such cells and chunks, or no array. */
int array_create(struct cont *cont, daos_obj_id_t oid, struct tx *tx, daos_size_t cell, daos_size_t chunk, struct array **array);
int array_open(struct cont *cont, daos_obj_id_t oid, struct tx *tx, uint32_t mode, daos_size_t *cell, daos_size_t *chunk, struct array **array);
/** Attributes given: nothing is read. */
int array_open_with(struct cont *cont, daos_obj_id_t oid, uint32_t mode, daos_size_t cell, daos_size_t chunk, struct array **array);
void array_close(struct array *array);
struct object *array_object(struct array *array);
void array_attrs(const struct array *array, daos_size_t *cell, daos_size_t *chunk);
/** ARRAY_BYTE: holes are zeroed, *read_len (may be NULL) is short at the end of the array. Others leave holes untouched. */
int array_read(struct array *array, struct tx *tx, const struct array_range *ranges, uint32_t nr, d_sg_list_t *sgl, daos_size_t *read_len, bool *short_read);
int array_write(struct array *array, struct tx *tx, const struct array_range *ranges, uint32_t nr, d_sg_list_t *sgl);
int array_punch(struct array *array, struct tx *tx, const struct array_range *ranges, uint32_t nr);
int array_get_size(struct array *array, struct tx *tx, daos_size_t *size);
int array_set_size(struct array *array, struct tx *tx, daos_size_t size);
/** Size and epoch of the newest change. */
int array_stat(struct array *array, struct tx *tx, daos_size_t *size, daos_epoch_t *epoch);
int array_destroy(struct array *array, struct tx *tx);

#endif
