/* SPDX-License-Identifier: Apache-2.0 */
/*
 * service/cont: the containers of a pool, kept in the pool's service: create, open, properties, attributes, snapshots, object
 * ids, sessions of mounts; and what a handle is worth, for the targets. All on stream 0.
 *
 * Key-value stores: "conts" (uuid -> record), "labels" (label -> uuid), "chdl" (handle -> record), and for each container
 * "cont"/<uuid>/"prop", "attr", "snap" (big-endian epoch -> name), "sess" (session -> record).
 */
#ifndef SERVICE_CONT_H
#define SERVICE_CONT_H

#include "base/base.h"
#include "env/env.h"
#include "rpc/rpc.h"
#include "service/pool/pool.h"
#include "service/target/target.h"

struct cont_svcs; /* of one engine */

int cont_svcs_create(struct env *env, struct pool_svcs *pools, struct cont_svcs **svcs);
void cont_svcs_destroy(struct cont_svcs *svcs);
/** Serves proto/cont on stream 0's context. */
int cont_svcs_serve(struct cont_svcs *svcs);
/** What a handle is worth: the target_resolve of this engine (arg: struct cont_svcs). From any stream. YIELDS */
int cont_svcs_resolve(void *arg, const uuid_t pool, const uuid_t handle, struct target_access *access);

#endif
