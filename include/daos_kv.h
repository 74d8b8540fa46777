/* SPDX-License-Identifier: Apache-2.0 */
/* Flat key-value stores: an object whose keys are strings, with one value each. */
#ifndef DAOS_KV_H
#define DAOS_KV_H

#include <daos_types.h>
#include <daos_obj.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* Conditions of put, get and remove. */
#define DAOS_COND_KEY_INSERT DAOS_COND_DKEY_INSERT
#define DAOS_COND_KEY_UPDATE DAOS_COND_DKEY_UPDATE
#define DAOS_COND_KEY_GET DAOS_COND_DKEY_FETCH
#define DAOS_COND_KEY_REMOVE DAOS_COND_PUNCH

/**
 * Opens a store.
 *
 * \param[in]	coh	open container
 * \param[in]	oid	id whose type is one of DAOS_OT_KV_*
 * \param[in]	mode	DAOS_OO_*
 * \param[out]	oh	handle, closed with daos_kv_close()
 * \param[in]	ev	event, or NULL to wait
 * \return		0; -DER_INVAL: another type of object; -DER_NO_HDL; others
 */
int daos_kv_open(daos_handle_t coh, daos_obj_id_t oid, unsigned int mode, daos_handle_t *oh, daos_event_t *ev);

/** Closes the handle of a store. */
int daos_kv_close(daos_handle_t oh, daos_event_t *ev);

/** Removes all keys of a store. The handle stays to be closed. */
int daos_kv_destroy(daos_handle_t oh, daos_handle_t th, daos_event_t *ev);

/**
 * Sets the value of a key.
 *
 * \param[in]	oh	open store
 * \param[in]	th	transaction, or DAOS_TX_NONE
 * \param[in]	flags	0, DAOS_COND_KEY_INSERT (-DER_EXIST) or DAOS_COND_KEY_UPDATE (-DER_NONEXIST)
 * \param[in]	key	key, NUL-terminated
 * \param[in]	size	bytes of the value
 * \param[in]	buf	value
 * \param[in]	ev	event, or NULL to wait
 */
int daos_kv_put(daos_handle_t oh, daos_handle_t th, uint64_t flags, const char *key, daos_size_t size, const void *buf,
		daos_event_t *ev);

/**
 * Reads the value of a key.
 *
 * \param[in]	flags	0 or DAOS_COND_KEY_GET (-DER_NONEXIST)
 * \param[in]	key	key, NUL-terminated
 * \param[in,out] size	in: bytes at buf; out: bytes of the value, 0 when there is none
 * \param[out]	buf	value; NULL: only its size
 * \return		0; -DER_REC2BIG: the buffer is too small; others
 */
int daos_kv_get(daos_handle_t oh, daos_handle_t th, uint64_t flags, const char *key, daos_size_t *size, void *buf,
		daos_event_t *ev);

/** Removes a key. With DAOS_COND_KEY_REMOVE it must be there (-DER_NONEXIST). */
int daos_kv_remove(daos_handle_t oh, daos_handle_t th, uint64_t flags, const char *key, daos_event_t *ev);

/** Enumerates keys; as daos_obj_list_dkey(). */
int daos_kv_list(daos_handle_t oh, daos_handle_t th, uint32_t *nr, daos_key_desc_t *kds, d_sg_list_t *sgl,
		 daos_anchor_t *anchor, daos_event_t *ev);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
