/* SPDX-License-Identifier: Apache-2.0 */
/* Within service/pool. */
#ifndef POOL_SVC_INTERNAL_H
#define POOL_SVC_INTERNAL_H

#include "service/pool/pool.h"
#include "base/list.h"
#include "pure/prop/prop.h"

#define POOL_LAYOUT_VERSION 1
#define PATH_POOL rdb_path_of((const char *const[]){"pool"}, 1)
#define PATH_PROP rdb_path_of((const char *const[]){"prop"}, 1)
#define PATH_ATTR rdb_path_of((const char *const[]){"attr"}, 1)
#define PATH_HANDLES rdb_path_of((const char *const[]){"handles"}, 1)

struct pool_svcs {
	struct pool_svcs_config config;
	struct env *env;
	struct mem *mem;
	struct list svcs;
	struct pool_svc_hooks hooks;
};

struct making;

struct pool_svc {
	struct list link;
	struct pool_svcs *all;
	uuid_t uuid;
	uint32_t replicas[1];
	struct rdb_config rdb;
	struct rsvc *rsvc;
	struct pool_map *map;  /* as committed; NULL until stepped up */
	daos_prop_t *props;
	uint32_t handle_nr;
	struct pool_svc_count counts[POOL_SVC_COUNTS_MAX];
	uint32_t count_nr;
	const struct making *making; /* what a new pool begins with */
};

int pool__serve(struct pool_svcs *svcs);
int pool__state_load(struct pool_svc *svc, struct rdb_tx *tx);
void pool__state_drop(struct pool_svc *svc);
const char *pool__label(const struct pool_svc *svc);
struct daos_prop_entry *pool__prop(const struct pool_svc *svc, uint32_t id);

#endif
