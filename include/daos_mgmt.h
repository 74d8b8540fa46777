/* SPDX-License-Identifier: Apache-2.0 */
/* The system as a whole: what the agent knows of it, its pools, and switches for tests. */
#ifndef DAOS_MGMT_H
#define DAOS_MGMT_H

#include <daos_types.h>
#include <daos_prop.h>
#include <daos_pool.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** Keys of daos_debug_set_params(). */
enum {
	DMG_KEY_FAIL_LOC = 0,   /**< which fault to provoke */
	DMG_KEY_FAIL_VALUE = 1, /**< its argument */
	DMG_KEY_FAIL_NUM = 2,   /**< how often */
	DMG_KEY_NUM = 3,
};

/** A pool of the system. */
typedef struct {
	uuid_t mgpi_uuid;
	d_string_t mgpi_label;   /**< allocated */
	d_rank_list_t *mgpi_svc; /**< ranks of its service, allocated */
	d_rank_t mgpi_ldr;       /**< leader of its service */
} daos_mgmt_pool_info_t;

/**
 * What the agent knows of a system.
 *
 * \param[in]	sys	name of the system; NULL: the one that the agent knows
 * \param[out]	info	given back with daos_mgmt_put_sys_info()
 * \return		0; -DER_AGENT_COMM: no agent; -DER_INVAL; -DER_NOMEM
 */
int daos_mgmt_get_sys_info(const char *sys, struct daos_sys_info **info);

/** Frees what daos_mgmt_get_sys_info() gave. */
void daos_mgmt_put_sys_info(struct daos_sys_info *info);

/** Makes the leader of a pool service step down (tests). */
int daos_pool_stop_svc(daos_handle_t poh, daos_event_t *ev);

/**
 * Lists the pools of a system.
 *
 * \param[in]	group	name of the system; NULL: the one that the agent knows
 * \param[in,out] npools	in: room in pools; out: number of pools
 * \param[out]	pools	pools, in an array of the caller, who frees label and ranks of each; NULL: only count
 * \param[in]	ev	event, or NULL to wait
 * \return		0; -DER_TRUNC: more than fit; others
 */
int daos_mgmt_list_pools(const char *group, daos_size_t *npools, daos_mgmt_pool_info_t *pools, daos_event_t *ev);

/**
 * Sets a switch for tests in an engine.
 *
 * \param[in]	grp		name of the system
 * \param[in]	rank		engine; -1: all
 * \param[in]	key_id		DMG_KEY_*
 * \param[in]	value		its value
 * \param[in]	value_extra	more of it
 */
int daos_debug_set_params(const char *grp, d_rank_t rank, unsigned int key_id, uint64_t value, uint64_t value_extra,
			  daos_event_t *ev);

/** Writes a line into the logs of all engines. */
int daos_debug_add_mark(const char *mark);

/** State of the device store with a UUID (tests). */
int daos_mgmt_get_bs_state(const char *group, uuid_t blobstore_uuid, int *blobstore_state, daos_event_t *ev);

/** Version of the servers; tag: more about the build, freed by the caller. 0; -DER_UNINIT; others. */
int dc_mgmt_srv_version(uint32_t *major, uint32_t *minor, uint32_t *patch, char **tag);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
