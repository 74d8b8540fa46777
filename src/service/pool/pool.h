/* SPDX-License-Identifier: Apache-2.0 */
/*
 * service/pool: the replicated service of each pool: its map, handles, properties and attributes; and the engine's part in
 * opening and closing shards. All on stream 0. service/cont adds its operations to the same service.
 *
 * Key-value stores of a pool service: "pool" (map, version), "prop" (u32 id -> packed property), "attr" (name -> value),
 * "handles" (uuid -> struct pool_handle_rec), "ops" (rsvc), "conts", "labels", "chdl", "cont"/<uuid>/... (service/cont).
 */
#ifndef SERVICE_POOL_H
#define SERVICE_POOL_H

#include <daos_types.h>
#include <daos_prop.h>
#include "base/base.h"
#include "env/env.h"
#include "rpc/rpc.h"
#include "rdb/rdb.h"
#include "rsvc/rsvc.h"
#include "proto/pool.h"
#include "proto/props.h"
#include "pure/map/map.h"
#include "service/security/security.h"
#include "service/target/target.h"

struct pool_svcs; /* all pool services of an engine */
struct pool_svc;  /* one of them */
struct vos_xs;

struct pool_svcs_config {
	struct env *env;
	struct xs *xs;             /* stream 0 */
	struct rpc_ctx *rpc;       /* of that stream */
	struct rpc_node *node;
	struct vos_xs *vos;        /* of that stream: where databases lie */
	struct hlc_clock *clock;
	struct targets *targets;
	struct security *security;
	bool ram;
	/** After the shards of a pool were opened, before it serves (dtx resync). May be NULL. YIELDS */
	int (*opened)(void *arg, const uuid_t pool);
	void *arg;
};
int pool_svcs_create(const struct pool_svcs_config *config, struct pool_svcs **svcs);
void pool_svcs_destroy(struct pool_svcs *svcs); /* stops them all. YIELDS */
/** Serves proto/pool on stream 0's context. */
int pool_svcs_serve(struct pool_svcs *svcs);
/** Makes and starts the service of a new pool whose shards are there. YIELDS. -DER_EXIST */
int pool_svc_make(struct pool_svcs *svcs, const uuid_t pool, const struct pool_map *map, const daos_prop_t *props);
/** Starts the service of a pool that SMD knows, and opens its shards. YIELDS. -DER_NONEXIST: it never had one. */
int pool_svc_begin(struct pool_svcs *svcs, const uuid_t pool);
/** Ends it and removes its database. -DER_BUSY with open handles unless force. YIELDS */
int pool_svc_remove(struct pool_svcs *svcs, const uuid_t pool, bool force);

/** Removes the database of a pool whose service does not come up. YIELDS */
int pool_svc_scrap(struct pool_svcs *svcs, const uuid_t pool);

struct pool_svc *pool_svc_find(struct pool_svcs *svcs, const uuid_t pool);
struct pool_svc *pool_svc_find_label(struct pool_svcs *svcs, const char *label);
struct pool_svc *pool_svc_next(struct pool_svcs *svcs, struct pool_svc *svc); /* NULL: the first; NULL at the end */
const uint8_t *pool_svc_uuid(const struct pool_svc *svc);
struct rsvc *pool_svc_rsvc(struct pool_svc *svc);
const struct pool_map *pool_svc_map(const struct pool_svc *svc);
const daos_prop_t *pool_svc_props(const struct pool_svc *svc);
struct pool_svcs *pool_svc_all(struct pool_svc *svc);
const struct pool_svcs_config *pool_svcs_config(const struct pool_svcs *svcs);
/** What heads every answer. */
void pool_svc_answer(struct pool_svc *svc, struct rpc_svc_out *out);
/** Space over all targets: [0] heap, [1] data. YIELDS */
int pool_svc_space(struct pool_svc *svc, struct rpc_space tiers[2], uint32_t *failed);

/** An open handle. */
struct pool_handle {
	uint64_t flags;  /* DAOS_PC_* */
	uint64_t rights; /* DAOS_ACL_PERM_* */
	char user[256], group[256];
};
/** -DER_NO_HDL. A zero handle from a server of the group has every right. YIELDS */
int pool_svc_handle(struct pool_svc *svc, struct rdb_tx *tx, const uuid_t handle, struct pool_handle *out);

/** One operation of a pool's service: fills an rsvc_op from a request's head and runs it. YIELDS */
struct pool_svc_op {
	struct pool_svc *svc;
	const struct rpc_svc_in *in;
	bool write;
	void *answer;
	size_t answer_size;
	int (*run)(void *arg, struct pool_svc *svc, struct rdb_tx *tx);
	void (*committed)(void *arg, struct pool_svc *svc);
	void *arg;
};
int pool_svc_run(struct pool_svc_op *op);

/** For the management service: an administrator's change of properties; every handle goes. YIELD */
int pool_svc_set_props(struct pool_svc *svc, const daos_prop_t *list);
int pool_svc_evict(struct pool_svc *svc, uint32_t *evicted);
uint32_t pool_svc_handle_nr(const struct pool_svc *svc);

/** Operations that went well since the service began, by name ("pool_connect", "cont_open", ...). name lives for ever. */
enum { POOL_SVC_COUNTS_MAX = 64 };
struct pool_svc_count {
	const char *name;
	uint64_t count;
};
void pool_svc_count(struct pool_svc *svc, const char *name);
const struct pool_svc_count *pool_svc_counts(const struct pool_svc *svc, uint32_t *nr);

/** service/cont's part when the service steps up or down, and when handles of a pool go. */
struct pool_svc_hooks {
	int (*step_up)(void *arg, struct pool_svc *svc, struct rdb_tx *tx);
	/** Handles of containers that were opened through this pool handle go in the same transaction. */
	int (*handle_closing)(void *arg, struct pool_svc *svc, struct rdb_tx *tx, const uuid_t handle);
	int (*list)(void *arg, struct pool_svc *svc, struct rdb_tx *tx, const struct pool_cont_list_in *in, struct arena *arena,
		    struct pool_cont_list_out *out);
	void *arg;
};
void pool_svcs_set_hooks(struct pool_svcs *svcs, const struct pool_svc_hooks *hooks);

/** Properties in a database: u32 id -> bytes; shared with service/cont. */
int pool_svc_props_store(struct rdb_tx *tx, struct rdb_path kvs, const daos_prop_t *props, struct mem *mem);
int pool_svc_props_load(struct rdb_tx *tx, struct rdb_path kvs, struct mem *mem, daos_prop_t **props); /* freed with prop_list_free */
/** User attributes under a path. */
int pool_svc_attr_list(struct rdb_tx *tx, struct rdb_path kvs, struct arena *arena, const char ***names, uint32_t *nr);
int pool_svc_attr_get(struct rdb_tx *tx, struct rdb_path kvs, struct arena *arena, const char *const *names, uint32_t nr, struct rpc_attr *attrs);
int pool_svc_attr_set(struct rdb_tx *tx, struct rdb_path kvs, const struct rpc_attr *attrs, uint32_t nr);
/** -DER_NONEXIST when one of them is not there: none is deleted then. */
int pool_svc_attr_del(struct rdb_tx *tx, struct rdb_path kvs, const char *const *names, uint32_t nr);

#endif
