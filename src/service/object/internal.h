/* SPDX-License-Identifier: Apache-2.0 */
/* Within service/object. */
#ifndef OBJECT_SVC_INTERNAL_H
#define OBJECT_SVC_INTERNAL_H

#include "service/object/object.h"
#include "base/list.h"
#include "proto/object.h"

#define OBJECT_BULK_MAX (256 * MIB) /* data of one call at the most */

struct object_svc_at;

struct object_svc {
	struct env *env;
	struct targets *targets;
	struct dtx *dtx;
	struct telemetry *tel;
	struct object_svc_at *at; /* one a target: what the handlers of its context get */
};

enum { OBJECT_SIZES = 16 };

/* What is counted of a pool at a target, until the pool is gone. */
struct object_pool_metrics {
	struct list link;
	uuid_t pool;
	struct metric *ops[object_op_nr], *fetched, *updated;
};

struct object_svc_at {
	struct object_svc *svc;
	struct target *target;
	struct metric *active[object_op_nr], *latency[object_op_nr];
	struct metric *update_of[OBJECT_SIZES], *fetch_of[OBJECT_SIZES]; /* latency by size; made when first needed */
	struct list pools; /* the one that was asked for last stands in front */
};

/** The container shard of a call. YIELDS */
static inline int
object__access(struct object_svc_at *at, const struct object_at *where, uint64_t caps, struct target_cont **cont)
{
	return target_cont_access(at->target, where->pool, where->handle, caps, where->map_version, cont);
}

/** What a conflict looks like on the wire. */
void object__conflict(struct object_hint *hint, const struct vos_conflict *conflict);

/** Bytes of a call that arrived inline or lie in the caller's memory, from off on: in the arena, or where they arrived. YIELDS */
int object__data(struct rpc_req *req, const struct proto_bytes_type *inline_data, const struct rpc_bulk *bulk, uint64_t off, uint64_t len,
		 struct iovec *iov, void **owned);

/** Runs a handler, and counts and times it. YIELDS */
int object__measure(struct object_svc_at *at, struct rpc_req *req, uint32_t op, rpc_handler handler);

int object__update(void *owner, struct rpc_req *req);
int object__punch(void *owner, struct rpc_req *req);
int object__tx_commit(void *owner, struct rpc_req *req);
int object__fetch(void *owner, struct rpc_req *req);
int object__list(void *owner, struct rpc_req *req);
int object__query_key(void *owner, struct rpc_req *req);
int object__query_epoch(void *owner, struct rpc_req *req);
int object__glance(void *owner, struct rpc_req *req);

#endif
