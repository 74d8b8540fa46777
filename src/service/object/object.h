/* SPDX-License-Identifier: Apache-2.0 */
/*
 * service/object: serves proto/object at the targets of an engine: each call runs on the stream of the target that owns the
 * shard, from the bytes that arrived to the LSN that its answer waits for.
 */
#ifndef SERVICE_OBJECT_H
#define SERVICE_OBJECT_H

#include "base/base.h"
#include "env/env.h"
#include "rpc/rpc.h"
#include "service/target/target.h"
#include "service/dtx/dtx.h"
#include "telemetry/telemetry.h"

struct object_svc; /* of one engine */

int object_svc_create(struct env *env, struct targets *targets, struct dtx *dtx, struct object_svc **svc);
/** Counts and times calls below io/ and pool/ from now on; before it serves, and until it is destroyed. NULL: no telemetry. */
void object_svc_set_telemetry(struct object_svc *svc, struct telemetry *tel);
/**
 * Lets go of the metrics of a pool that is gone, so that they can be removed: none of pool/<uuid> is touched afterwards. -DER_BUSY: a
 * target still has the pool. Stream 0. YIELDS
 */
int object_svc_forget_pool(struct object_svc *svc, const uuid_t pool);
void object_svc_destroy(struct object_svc *svc);
/** Serves on the network context of a target; called on its stream. */
int object_svc_serve(struct object_svc *svc, struct target *target, struct rpc_ctx *ctx);

#endif
