/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store's client interface: pools, containers, objects, key-value stores, arrays, transactions. File systems
 * (daos_fs.h, daos_fs_sys.h, daos_uns.h), tasks (daos_task.h), pipelines and S3 have headers of their own.
 */
#ifndef DAOS_H
#define DAOS_H

#include <daos_version.h>
#include <daos_types.h>
#include <daos_event.h>
#include <daos_obj.h>
#include <daos_array.h>
#include <daos_kv.h>
#include <daos_prop.h>
#include <daos_cont.h>
#include <daos_pool.h>
#include <daos_mgmt.h>
#include <daos_security.h>
#include <daos_api.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/**
 * Starts the library in a process: finds the system through the agent. Counted; to be called before all else.
 *
 * \return	0; -DER_AGENT_COMM: no agent; -DER_NONEXIST: no system; -DER_NOMEM; others
 */
int daos_init(void);

/** Undoes one daos_init(); the last one closes all. 0 or a negative error. */
int daos_fini(void);

/** Starts the library anew in a child after fork(). Handles of the parent are of no use there. */
int daos_reinit(void);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
