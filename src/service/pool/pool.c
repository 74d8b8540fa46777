/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pool services of an engine: made, begun, ended; what they keep in memory of what is committed.
 *
 *	pool I1  map and props in memory are those of the last committed change (rsvc I3).
 *	pool I2  A pool serves clients only after its shards are open and what a crash left prepared in them is decided.
 *
 * Stream 0; everything that reaches the database or the targets may yield.
 */
#include "internal.h"

#include "base/codec.h"
#include "pure/acl/acl.h"

#define UP_WITHIN_NS (30 * NS_PER_S)

static int step_up(void *owner, struct rsvc *rsvc, uint64_t term);
static void step_down(void *owner, struct rsvc *rsvc);

static const struct rsvc_class pool_class = {.name = "pool", .step_up = step_up, .step_down = step_down};

int
pool_svcs_create(const struct pool_svcs_config *config, struct pool_svcs **result)
{
	struct pool_svcs *svcs = MEM_NEW(config->env->mem, struct pool_svcs);

	if (svcs == NULL)
		return -DER_NOMEM;
	svcs->config = *config;
	svcs->env = config->env;
	svcs->mem = config->env->mem;
	list_init(&svcs->svcs);
	*result = svcs;
	return 0;
}

void
pool_svcs_set_hooks(struct pool_svcs *svcs, const struct pool_svc_hooks *hooks)
{
	svcs->hooks = *hooks;
}

int
pool_svcs_serve(struct pool_svcs *svcs)
{
	return pool__serve(svcs);
}

const struct pool_svcs_config *
pool_svcs_config(const struct pool_svcs *svcs)
{
	return &svcs->config;
}

static void
svc_free(struct pool_svc *svc)
{
	list_remove(&svc->link);
	if (svc->rsvc != NULL)
		rsvc_stop(svc->rsvc);
	pool__state_drop(svc);
	mem_free(svc->all->mem, svc);
}

void
pool_svcs_destroy(struct pool_svcs *svcs)
{
	while (!list_empty(&svcs->svcs))
		svc_free(list_first(&svcs->svcs, struct pool_svc, link));
	mem_free(svcs->mem, svcs);
}

/* ---- finding -------------------------------------------------------------------------------------------------------------- */
struct pool_svc *
pool_svc_find(struct pool_svcs *svcs, const uuid_t pool)
{
	struct pool_svc *svc;

	list_each(svc, &svcs->svcs, link)
		if (uuid_compare(svc->uuid, pool) == 0)
			return svc;
	return NULL;
}

struct daos_prop_entry *
pool__prop(const struct pool_svc *svc, uint32_t id)
{
	return svc->props != NULL ? prop_list_find(svc->props, id) : NULL;
}

const char *
pool__label(const struct pool_svc *svc)
{
	struct daos_prop_entry *entry = pool__prop(svc, DAOS_PROP_PO_LABEL);

	return entry != NULL && entry->dpe_str != NULL ? entry->dpe_str : "";
}

struct pool_svc *
pool_svc_find_label(struct pool_svcs *svcs, const char *label)
{
	struct pool_svc *svc;

	list_each(svc, &svcs->svcs, link)
		if (strcmp(pool__label(svc), label) == 0)
			return svc;
	return NULL;
}

struct pool_svc *
pool_svc_next(struct pool_svcs *svcs, struct pool_svc *svc)
{
	struct list *next = svc != NULL ? svc->link.next : svcs->svcs.next;

	return next == &svcs->svcs ? NULL : list_entry(next, struct pool_svc, link);
}

const uint8_t *
pool_svc_uuid(const struct pool_svc *svc)
{
	return svc->uuid;
}

struct rsvc *
pool_svc_rsvc(struct pool_svc *svc)
{
	return svc->rsvc;
}

const struct pool_map *
pool_svc_map(const struct pool_svc *svc)
{
	return svc->map;
}

const daos_prop_t *
pool_svc_props(const struct pool_svc *svc)
{
	return svc->props;
}

struct pool_svcs *
pool_svc_all(struct pool_svc *svc)
{
	return svc->all;
}

uint32_t
pool_svc_handle_nr(const struct pool_svc *svc)
{
	return svc->handle_nr;
}

/* ---- making --------------------------------------------------------------------------------------------------------------- */
/* The database of a pool has an id of its own: shards of the pool carry the pool's. */
static void
database_id(const uuid_t pool, uuid_t id)
{
	memcpy(id, pool, sizeof(uuid_t));
	for (int i = 0; i < 16; i++)
		id[i] ^= (uint8_t)("rdb of this pool"[i]);
}

static int
reserve(void *arg)
{
	struct pool_svcs *svcs = arg;

	return targets_reserve_epochs(svcs->config.targets);
}

static int
svc_new(struct pool_svcs *svcs, const uuid_t pool, struct pool_svc **result)
{
	struct pool_svc *svc = MEM_NEW(svcs->mem, struct pool_svc);

	if (svc == NULL)
		return -DER_NOMEM;
	svc->all = svcs;
	memcpy(svc->uuid, pool, sizeof(uuid_t));
	svc->replicas[0] = rpc_node_rank(svcs->config.node);
	svc->rdb = (struct rdb_config){.env = svcs->env,
				       .xs = svcs->config.xs,
				       .vos = svcs->config.vos,
				       .clock = svcs->config.clock,
				       .reserve = reserve,
				       .reserve_arg = svcs,
				       .rpc = svcs->config.rpc,
				       .ram = svcs->config.ram,
				       .replicas = svc->replicas,
				       .replica_nr = 1};
	database_id(pool, svc->rdb.uuid);
	list_init(&svc->link);
	*result = svc;
	return 0;
}

struct making {
	const struct pool_map *map;
	const daos_prop_t *props;
};

static int
store_map(struct rdb_tx *tx, const struct pool_map *map, struct mem *mem)
{
	struct packer packer;
	int rc;

	packer_init_grow(&packer, mem);
	pmap_pack(&packer, map);
	rc = packer_rc(&packer);
	if (rc == 0)
		rc = rdb_tx_update(tx, PATH_POOL, "map", 3, packer.buf, packer_len(&packer));
	packer_fini(&packer);
	return rc;
}

/* The first transaction of a pool: everything that makes it one. */
static int
store_new(struct pool_svc *svc, uint64_t term, const struct pool_map *map, const daos_prop_t *props)
{
	static const char *const stores[] = {"pool", "prop", "attr", "handles", "conts", "labels", "chdl", "cont"};
	struct rdb_tx *tx;
	int rc;

	rc = rdb_tx_begin(rsvc_rdb(svc->rsvc), term, &tx);
	for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(stores); i++)
		rc = rdb_tx_create_kvs(tx, rdb_path_of(&stores[i], 1));
	if (rc == 0)
		rc = store_map(tx, map, svc->all->mem);
	if (rc == 0)
		rc = pool_svc_props_store(tx, PATH_PROP, props, svc->all->mem);
	if (rc == 0)
		rc = rdb_tx_commit(tx);
	if (tx != NULL)
		rdb_tx_end(tx);
	return rc;
}

static int
begin(struct pool_svcs *svcs, struct pool_svc *svc)
{
	int rc;

	rc = rsvc_start(&pool_class, &svc->rdb, svc, &svc->rsvc);
	if (rc != 0)
		return rc;
	rc = rsvc_wait_up(svc->rsvc, env_mono(svcs->env) + UP_WITHIN_NS);
	/* There is a pool, and a part of it is missing: not the same as no pool. */
	return rc == -DER_NONEXIST ? -DER_DF_INVAL : rc;
}

int
pool_svc_make(struct pool_svcs *svcs, const uuid_t pool, const struct pool_map *map, const daos_prop_t *props)
{
	struct pool_svc *svc;
	int rc;

	if (pool_svc_find(svcs, pool) != NULL)
		return -DER_EXIST;
	rc = svc_new(svcs, pool, &svc);
	if (rc != 0)
		return rc;
	rc = rsvc_create(&pool_class, &svc->rdb);
	if (rc != 0) {
		mem_free(svcs->mem, svc);
		return rc;
	}
	svc->making = &(struct making){.map = map, .props = props};
	list_append(&svcs->svcs, &svc->link);
	rc = begin(svcs, svc);
	svc->making = NULL;
	if (rc != 0) {
		struct rdb_config rdb = svc->rdb;

		svc_free(svc);
		(void)rsvc_destroy(&pool_class, &rdb);
	}
	return rc;
}

int
pool_svc_begin(struct pool_svcs *svcs, const uuid_t pool)
{
	struct pool_svc *svc;
	int rc;

	if (pool_svc_find(svcs, pool) != NULL)
		return 0;
	rc = svc_new(svcs, pool, &svc);
	if (rc != 0)
		return rc;
	list_append(&svcs->svcs, &svc->link);
	rc = begin(svcs, svc);
	if (rc != 0)
		svc_free(svc);
	return rc;
}

int
pool_svc_remove(struct pool_svcs *svcs, const uuid_t pool, bool force)
{
	struct pool_svc *svc = pool_svc_find(svcs, pool);
	struct rdb_config rdb;

	if (svc == NULL)
		return -DER_NONEXIST;
	if (svc->handle_nr > 0 && !force)
		return -DER_BUSY;
	rdb = svc->rdb;
	svc_free(svc);
	return rsvc_destroy(&pool_class, &rdb);
}

int
pool_svc_scrap(struct pool_svcs *svcs, const uuid_t pool)
{
	struct rdb_config rdb;
	struct pool_svc *svc;
	int rc;

	if (pool_svc_find(svcs, pool) != NULL)
		return -DER_BUSY;
	rc = svc_new(svcs, pool, &svc);
	if (rc != 0)
		return rc;
	rdb = svc->rdb;
	mem_free(svcs->mem, svc);
	return rsvc_destroy(&pool_class, &rdb);
}

/* ---- stepping up ------------------------------------------------------------------------------------------------------------ */
int
pool__state_load(struct pool_svc *svc, struct rdb_tx *tx)
{
	struct mem *mem = svc->all->mem;
	struct pool_map *map = NULL;
	daos_prop_t *props = NULL;
	struct unpacker in;
	struct arena arena;
	const void *value;
	size_t len;
	int rc;

	arena_init(&arena, mem);
	rc = rdb_lookup(tx, PATH_POOL, "map", 3, &arena, &value, &len);
	if (rc == 0) {
		unpacker_init(&in, value, len);
		map = pmap_unpack(mem, &in);
		rc = map == NULL ? unpacker_rc(&in) : 0;
	}
	if (rc == 0)
		rc = pool_svc_props_load(tx, PATH_PROP, mem, &props);
	arena_fini(&arena);
	if (rc != 0) {
		pmap_free(map);
		return rc;
	}
	pool__state_drop(svc);
	svc->map = map;
	svc->props = props;
	return 0;
}

void
pool__state_drop(struct pool_svc *svc)
{
	if (svc->map != NULL)
		pmap_free(svc->map);
	prop_list_free(svc->all->mem, svc->props);
	svc->map = NULL;
	svc->props = NULL;
}

static int
count_one(void *arg, const void *key, size_t key_len, const void *value, size_t value_len)
{
	(*(uint32_t *)arg)++;
	return 0;
}

/* Every engine of the pool opens its shards; in this stage that is this one. */
static int
open_targets(struct pool_svc *svc)
{
	struct pool_svcs *svcs = svc->all;
	int rc;

	rc = targets_pool_open(svcs->config.targets, svc->uuid, pmap_version(svc->map), NULL, 0);
	if (rc == 0 && svcs->config.opened != NULL)
		rc = svcs->config.opened(svcs->config.arg, svc->uuid);
	return rc;
}

static int
step_up(void *owner, struct rsvc *rsvc, uint64_t term)
{
	struct pool_svc *svc = owner;
	struct rdb_tx *tx;
	int rc = 0;

	svc->rsvc = rsvc;
	if (svc->making != NULL)
		rc = store_new(svc, term, svc->making->map, svc->making->props);
	if (rc == 0)
		rc = rdb_tx_begin(rsvc_rdb(rsvc), term, &tx);
	if (rc != 0)
		return rc;
	rc = pool__state_load(svc, tx);
	svc->handle_nr = 0;
	if (rc == 0)
		rc = rdb_iterate(tx, PATH_HANDLES, count_one, &svc->handle_nr);
	if (rc == 0 && svc->all->hooks.step_up != NULL)
		rc = svc->all->hooks.step_up(svc->all->hooks.arg, svc, tx);
	rdb_tx_end(tx);
	return rc == 0 ? open_targets(svc) : rc;
}

static void
step_down(void *owner, struct rsvc *rsvc)
{
	pool__state_drop(owner);
}

/* ---- operations --------------------------------------------------------------------------------------------------------------- */
void
pool_svc_answer(struct pool_svc *svc, struct rpc_svc_out *out)
{
	out->leader = svc->rsvc != NULL ? rsvc_leader_hint(svc->rsvc) : RPC_NO_RANK;
	out->term = svc->rsvc != NULL ? rsvc_term(svc->rsvc) : 0;
	out->map_version = svc->map != NULL ? pmap_version(svc->map) : 0;
}

static int
run_op(void *arg, struct rsvc *rsvc, struct rdb_tx *tx)
{
	struct pool_svc_op *op = arg;

	return op->run(op->arg, op->svc, tx);
}

static void
committed_op(void *arg, struct rsvc *rsvc)
{
	struct pool_svc_op *op = arg;

	op->committed(op->arg, op->svc);
}

int
pool_svc_run(struct pool_svc_op *op)
{
	struct rsvc_request request;
	struct rsvc_op rsvc = {.write = op->write, .answer = op->answer, .answer_size = op->answer_size, .run = run_op, .arg = op};
	int rc;

	if (op->svc->rsvc == NULL)
		return -DER_NOTLEADER;
	rc = targets_reserve_epochs(op->svc->all->config.targets);
	if (rc != 0)
		return rc;
	if (op->committed != NULL)
		rsvc.committed = committed_op;
	if (op->in != NULL && !uuid_is_null(op->in->request.client)) {
		memcpy(request.client, op->in->request.client, sizeof(uuid_t));
		request.number = op->in->request.number;
		rsvc.request = &request;
	}
	return rsvc_run(op->svc->rsvc, &rsvc);
}

int
pool_svc_space(struct pool_svc *svc, struct rpc_space tiers[2], uint32_t *failed)
{
	struct targets *targets = svc->all->config.targets;
	uint32_t nr = targets_nr(targets);
	struct vos_pool_info *info = MEM_NEW_ARRAY(svc->all->mem, struct vos_pool_info, nr);
	int rc;

	if (info == NULL)
		return -DER_NOMEM;
	rc = targets_pool_query(targets, svc->uuid, info, nr);
	memset(tiers, 0, sizeof(*tiers) * 2);
	*failed = 0;
	for (uint32_t i = 0; rc == 0 && i < nr; i++) {
		uint64_t total[2] = {info[i].meta_total, info[i].data_total}, left[2] = {info[i].meta_free, info[i].data_free};

		*failed += info[i].failed != 0;
		for (int t = 0; t < 2; t++) {
			tiers[t].total += total[t];
			tiers[t].free += left[t];
			tiers[t].min = i == 0 ? left[t] : MIN(tiers[t].min, left[t]);
			tiers[t].max = MAX(tiers[t].max, left[t]);
		}
	}
	for (int t = 0; t < 2; t++)
		tiers[t].mean = tiers[t].free / nr; /* NOLINT(clang-analyzer-core.DivideZero): an engine has a target */
	mem_free(svc->all->mem, info);
	return rc;
}
