/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proto/pool, served: each handler is what its operation means; finding the service, its lock, replays and commit are
 * pool_svc_run's and rsvc's. A handle record: u64 flags, u64 rights, string user, string group, string machine.
 */
#include "internal.h"

#include "base/codec.h"
#include "pure/acl/acl.h"

#define RIGHTS_ALL UINT64_MAX

/* What a handler works on. */
struct work {
	struct rpc_req *req;
	struct pool_svcs *svcs;
	struct pool_svc *svc;
	void *extra;
};

static int
run(struct pool_svcs *svcs, struct rpc_req *req, const struct rpc_svc_in *in, struct rpc_svc_out *out, bool write,
    int (*body)(void *arg, struct pool_svc *svc, struct rdb_tx *tx), void (*committed)(void *arg, struct pool_svc *svc), void *extra)
{
	struct work work = {.req = req, .svcs = svcs, .svc = pool_svc_find(svcs, in->pool), .extra = extra};
	struct pool_svc_op op = {.svc = work.svc, .in = in, .write = write, .run = body, .committed = committed, .arg = &work};
	int rc;

	if (work.svc == NULL)
		return -DER_NONEXIST;
	rc = pool_svc_run(&op);
	if (pool_svc_find(svcs, in->pool) == work.svc) { /* still there */
		pool_svc_answer(work.svc, out);
		if (rc == 0)
			pool_svc_count(work.svc, req->op->name);
	}
	return rc;
}

void
pool_svc_count(struct pool_svc *svc, const char *name)
{
	uint32_t i = 0;

	while (i < svc->count_nr && strcmp(svc->counts[i].name, name) != 0)
		i++;
	if (i == POOL_SVC_COUNTS_MAX)
		return;
	if (i == svc->count_nr)
		svc->counts[svc->count_nr++].name = name;
	svc->counts[i].count++;
}

const struct pool_svc_count *
pool_svc_counts(const struct pool_svc *svc, uint32_t *nr)
{
	*nr = svc->count_nr;
	return svc->counts;
}

/* ---- handles ---------------------------------------------------------------------------------------------------------------- */
int
pool_svc_handle(struct pool_svc *svc, struct rdb_tx *tx, const uuid_t handle, struct pool_handle *out)
{
	const char *user, *group;
	struct unpacker in;
	struct arena arena;
	const void *value;
	size_t len;
	int rc;

	arena_init(&arena, svc->all->mem);
	rc = rdb_lookup(tx, PATH_HANDLES, handle, sizeof(uuid_t), &arena, &value, &len);
	if (rc == 0) {
		unpacker_init(&in, value, len);
		out->flags = unpack_u64(&in);
		out->rights = unpack_u64(&in);
		user = unpack_string(&in);
		group = unpack_string(&in);
		if (unpacker_rc(&in) != 0 || user == NULL || group == NULL || strlen(user) >= sizeof(out->user) || strlen(group) >= sizeof(out->group)) {
			rc = -DER_DF_INVAL;
		} else {
			strcpy(out->user, user);
			strcpy(out->group, group);
		}
	}
	arena_fini(&arena);
	return rc == -DER_NONEXIST ? -DER_NO_HDL : rc;
}

/* The handle of a request, with the rights that it needs. */
static int
need(struct work *work, struct rdb_tx *tx, const struct rpc_svc_in *in, bool write)
{
	struct pool_handle handle;
	int rc;

	rc = pool_svc_handle(work->svc, tx, in->handle, &handle);
	if (rc == 0 && write && (handle.flags & (DAOS_PC_RW | DAOS_PC_EX)) == 0)
		rc = -DER_NO_PERM;
	return rc;
}

struct connecting {
	const struct security_identity *who;
	uint64_t rights;
	bool fresh;
};

static uint64_t
rights_of(struct pool_svc *svc, const struct security_identity *who)
{
	const struct daos_prop_entry *acl = pool__prop(svc, DAOS_PROP_PO_ACL), *owner = pool__prop(svc, DAOS_PROP_PO_OWNER);
	const struct daos_prop_entry *group = pool__prop(svc, DAOS_PROP_PO_OWNER_GROUP);

	return security_pool_rights(acl != NULL ? acl->dpe_val_ptr : NULL, owner != NULL ? owner->dpe_str : NULL,
				    group != NULL ? group->dpe_str : NULL, who);
}

static int
connect_body(void *arg, struct pool_svc *svc, struct rdb_tx *tx)
{
	struct work *work = arg;
	struct connecting *connecting = work->extra;
	const struct pool_connect_in *in = work->req->in;
	struct pool_handle known;
	struct packer packer;
	uint8_t buf[1024];
	int rc;

	connecting->rights = rights_of(svc, connecting->who);
	rc = security_pool_allows(connecting->rights, (uint32_t)in->flags);
	if (rc != 0)
		return rc;
	rc = pool_svc_handle(svc, tx, in->svc.handle, &known);
	if (rc != -DER_NO_HDL) /* repeated: the same handle is there */
		return rc == 0 && known.flags != in->flags ? -DER_EXIST : rc;
	if ((in->flags & DAOS_PC_EX) != 0 && svc->handle_nr > 0)
		return -DER_BUSY;
	connecting->fresh = true;
	rdb_tx_session(tx);
	packer_init(&packer, buf, sizeof(buf));
	pack_u64(&packer, in->flags);
	pack_u64(&packer, connecting->rights);
	pack_string(&packer, connecting->who->user);
	pack_string(&packer, connecting->who->group);
	pack_string(&packer, connecting->who->machine);
	return packer_rc(&packer) != 0 ? packer_rc(&packer)
				       : rdb_tx_update(tx, PATH_HANDLES, in->svc.handle, sizeof(uuid_t), buf, packer_len(&packer));
}

static void
connect_committed(void *arg, struct pool_svc *svc)
{
	struct work *work = arg;
	struct connecting *connecting = work->extra;

	svc->handle_nr += connecting->fresh;
}

static int
map_bytes(const struct pool_map *map, struct arena *arena, struct proto_bytes_type *bytes)
{
	struct packer packer;
	void *copy;
	int rc;

	packer_init_grow(&packer, arena->mem);
	pmap_pack(&packer, map);
	rc = packer_rc(&packer);
	copy = rc == 0 ? arena_dup(arena, packer.buf, packer_len(&packer)) : NULL;
	*bytes = (struct proto_bytes_type){.data = copy, .len = (uint32_t)packer_len(&packer)};
	packer_fini(&packer);
	return rc != 0 ? rc : copy == NULL ? -DER_NOMEM : 0;
}

static int
h_connect(void *owner, struct rpc_req *req)
{
	struct pool_svcs *svcs = owner;
	const struct pool_connect_in *in = req->in;
	struct pool_connect_out *out = req->out;
	struct security_identity *who;
	struct connecting connecting = {0};
	struct daos_prop_entry *entry;
	struct pool_svc *svc;
	int rc;

	if ((in->flags & ~(uint64_t)DAOS_PC_MASK) != 0 || uuid_is_null(in->svc.handle))
		return -DER_INVAL;
	rc = security_validate(svcs->config.security, in->cred.data, in->cred.len, &req->arena, &who);
	if (rc != 0)
		return rc;
	connecting.who = who;
	rc = run(svcs, req, &in->svc, &out->svc, true, connect_body, connect_committed, &connecting);
	svc = pool_svc_find(svcs, in->svc.pool);
	if (rc != 0 || svc == NULL || svc->map == NULL)
		return rc != 0 ? rc : -DER_NOTLEADER;
	out->rights = rights_of(svc, who); /* a repeated request has only its result in the replay cache */
	out->label = pool__label(svc);
	out->ram = svcs->config.ram;
	entry = pool__prop(svc, DAOS_PROP_PO_REDUN_FAC);
	out->redun_fac = entry != NULL ? (uint32_t)entry->dpe_val : 0;
	entry = pool__prop(svc, DAOS_PROP_PO_EC_CELL_SZ);
	out->ec_cell = entry != NULL ? (uint32_t)entry->dpe_val : 0;
	return map_bytes(svc->map, &req->arena, &out->map);
}

static int
close_handle(struct work *work, struct rdb_tx *tx, const uuid_t handle)
{
	struct pool_svc_hooks *hooks = &work->svcs->hooks;
	int rc = 0;

	if (hooks->handle_closing != NULL)
		rc = hooks->handle_closing(hooks->arg, work->svc, tx, handle);
	return rc != 0 ? rc : rdb_tx_delete(tx, PATH_HANDLES, handle, sizeof(uuid_t));
}

static int
disconnect_body(void *arg, struct pool_svc *svc, struct rdb_tx *tx)
{
	struct work *work = arg;
	const struct pool_disconnect_in *in = work->req->in;
	struct pool_handle known;
	int rc;

	rc = pool_svc_handle(svc, tx, in->svc.handle, &known);
	if (rc != 0)
		return rc == -DER_NO_HDL ? 0 : rc; /* gone is gone */
	*(uint32_t *)work->extra = 1;
	return close_handle(work, tx, in->svc.handle);
}

static void
handles_gone(void *arg, struct pool_svc *svc)
{
	struct work *work = arg;

	svc->handle_nr -= MIN(svc->handle_nr, *(uint32_t *)work->extra);
	(void)targets_handle_forget(work->svcs->config.targets, svc->uuid, (uuid_t){0}, (uuid_t){0});
}

static int
h_disconnect(void *owner, struct rpc_req *req)
{
	const struct pool_disconnect_in *in = req->in;
	struct pool_disconnect_out *out = req->out;
	uint32_t gone = 0;

	return run(owner, req, &in->svc, &out->svc, true, disconnect_body, handles_gone, &gone);
}

/* ---- asking ------------------------------------------------------------------------------------------------------------------- */
static int
check_only(void *arg, struct pool_svc *svc, struct rdb_tx *tx)
{
	struct work *work = arg;

	return need(work, tx, work->extra, false);
}

static int
rank_list(const struct pool_map *map, uint32_t states, struct arena *arena, uint32_t **ranks, uint32_t *nr)
{
	*ranks = ARENA_NEW_ARRAY(arena, uint32_t, pmap_rank_nr(map) + 1);
	if (*ranks == NULL)
		return -DER_NOMEM;
	*nr = pmap_ranks(map, states, *ranks);
	return 0;
}

static int
count_conts(void *arg, const void *key, size_t key_len, const void *value, size_t value_len)
{
	(*(uint32_t *)arg)++;
	return 0;
}

static int
query_body(void *arg, struct pool_svc *svc, struct rdb_tx *tx)
{
	struct work *work = arg;
	const struct pool_query_in *in = work->req->in;
	struct pool_query_out *out = work->req->out;
	int rc;

	rc = need(work, tx, &in->svc, false);
	return rc != 0 ? rc : rdb_iterate(tx, rdb_path_of((const char *const[]){"conts"}, 1), count_conts, &out->containers);
}

static int
h_query(void *owner, struct rpc_req *req)
{
	struct pool_svcs *svcs = owner;
	const struct pool_query_in *in = req->in;
	struct pool_query_out *out = req->out;
	struct pool_svc *svc;
	uint32_t failed;
	int rc;

	rc = run(svcs, req, &in->svc, &out->svc, false, query_body, NULL, NULL);
	svc = pool_svc_find(svcs, in->svc.pool);
	if (rc != 0 || svc == NULL || svc->map == NULL)
		return rc != 0 ? rc : -DER_NOTLEADER;
	out->tiers = ARENA_NEW_ARRAY(&req->arena, struct rpc_space, 2);
	if (out->tiers == NULL)
		return -DER_NOMEM;
	out->tiers_nr = 2;
	out->label = pool__label(svc);
	out->targets = pmap_target_nr(svc->map);
	out->ranks = pmap_rank_nr(svc->map);
	out->layout_version = POOL_LAYOUT_VERSION;
	out->ram = svcs->config.ram;
	out->handles = svc->handle_nr;
	out->clock = targets_epoch(svcs->config.targets);
	rc = rank_list(svc->map, PMAP_BIT(PMAP_UP_IN) | PMAP_BIT(PMAP_DRAIN), &req->arena, &out->ranks_enabled, &out->ranks_enabled_nr);
	if (rc == 0)
		rc = rank_list(svc->map, PMAP_BIT(PMAP_DOWN) | PMAP_BIT(PMAP_DOWN_OUT), &req->arena, &out->ranks_disabled, &out->ranks_disabled_nr);
	if (rc == 0)
		rc = pool_svc_space(svc, out->tiers, &failed);
	if (rc == 0)
		out->targets_disabled = pmap_count(svc->map, PMAP_BIT(PMAP_DOWN) | PMAP_BIT(PMAP_DOWN_OUT)) + failed;
	return rc;
}

static int
h_query_target(void *owner, struct rpc_req *req)
{
	struct pool_svcs *svcs = owner;
	const struct pool_query_target_in *in = req->in;
	struct pool_query_target_out *out = req->out;
	uint32_t nr = targets_nr(svcs->config.targets), at;
	struct vos_pool_info *info;
	struct pool_svc *svc;
	int rc;

	rc = run(svcs, req, &in->svc, &out->svc, false, check_only, NULL, (void *)&in->svc);
	svc = pool_svc_find(svcs, in->svc.pool);
	if (rc != 0 || svc == NULL || svc->map == NULL)
		return rc != 0 ? rc : -DER_NOTLEADER;
	at = pmap_find(svc->map, in->target.rank, in->target.target);
	if (at == PMAP_NONE || in->target.target >= nr)
		return -DER_NONEXIST;
	info = ARENA_NEW_ARRAY(&req->arena, struct vos_pool_info, nr);
	out->tiers = ARENA_NEW_ARRAY(&req->arena, struct rpc_space, 2);
	if (info == NULL || out->tiers == NULL)
		return -DER_NOMEM;
	rc = targets_pool_query(svcs->config.targets, svc->uuid, info, nr);
	if (rc != 0)
		return rc;
	out->state = pmap_target(svc->map, at)->state;
	out->tiers_nr = 2;
	out->tiers[0] = (struct rpc_space){.total = info[in->target.target].meta_total, .free = info[in->target.target].meta_free};
	out->tiers[1] = (struct rpc_space){.total = info[in->target.target].data_total, .free = info[in->target.target].data_free};
	return 0;
}

static int
h_map_get(void *owner, struct rpc_req *req)
{
	struct pool_svcs *svcs = owner;
	const struct pool_map_get_in *in = req->in;
	struct pool_map_get_out *out = req->out;
	struct pool_svc *svc;
	int rc;

	rc = run(svcs, req, &in->svc, &out->svc, false, check_only, NULL, (void *)&in->svc);
	svc = pool_svc_find(svcs, in->svc.pool);
	if (rc != 0 || svc == NULL || svc->map == NULL)
		return rc != 0 ? rc : -DER_NOTLEADER;
	return pmap_version(svc->map) > in->version ? map_bytes(svc->map, &req->arena, &out->map) : 0;
}

/* ---- properties -------------------------------------------------------------------------------------------------------------- */
static int
h_prop_get(void *owner, struct rpc_req *req)
{
	struct pool_svcs *svcs = owner;
	const struct pool_prop_get_in *in = req->in;
	struct pool_prop_get_out *out = req->out;
	struct pool_svc *svc;
	int rc;

	rc = run(svcs, req, &in->svc, &out->svc, false, check_only, NULL, (void *)&in->svc);
	svc = pool_svc_find(svcs, in->svc.pool);
	if (rc != 0 || svc == NULL)
		return rc != 0 ? rc : -DER_NOTLEADER;
	return proto_props_to(svc->props, in->types, in->types_nr, &req->arena, &out->props, &out->props_nr);
}

static int
prop_set_body(void *arg, struct pool_svc *svc, struct rdb_tx *tx)
{
	struct work *work = arg;
	const daos_prop_t *list = work->extra;
	const struct pool_prop_set_in *in = work->req->in;
	struct daos_prop_entry *label = prop_list_find(list, DAOS_PROP_PO_LABEL);
	struct pool_svc *other;
	int rc;

	rc = need(work, tx, &in->svc, true);
	if (rc == 0)
		rc = prop_list_check(list, PROP_POOL, PROP_AT_SET);
	if (rc != 0)
		return rc;
	other = label != NULL ? pool_svc_find_label(work->svcs, label->dpe_str) : NULL;
	if (other != NULL && other != svc)
		return -DER_EXIST;
	return pool_svc_props_store(tx, PATH_PROP, list, work->svcs->mem);
}

static void
prop_set_committed(void *arg, struct pool_svc *svc)
{
	struct work *work = arg;
	daos_prop_t *merged;

	if (prop_list_merge(work->svcs->mem, svc->props, work->extra, &merged) != 0)
		return; /* committed; memory follows with the next change or start */
	prop_list_free(work->svcs->mem, svc->props);
	svc->props = merged;
}

static int
h_prop_set(void *owner, struct rpc_req *req)
{
	struct pool_svcs *svcs = owner;
	const struct pool_prop_set_in *in = req->in;
	struct pool_prop_set_out *out = req->out;
	daos_prop_t *list;
	int rc;

	rc = proto_props_from(in->props, in->props_nr, svcs->mem, &list);
	if (rc != 0)
		return rc;
	rc = run(svcs, req, &in->svc, &out->svc, true, prop_set_body, prop_set_committed, list);
	prop_list_free(svcs->mem, list);
	return rc;
}

static int
prop_set_admin(void *arg, struct pool_svc *svc, struct rdb_tx *tx)
{
	struct work *work = arg;
	int rc = prop_list_check(work->extra, PROP_POOL, PROP_AT_SET);

	return rc != 0 ? rc : pool_svc_props_store(tx, PATH_PROP, work->extra, work->svcs->mem);
}

int
pool_svc_set_props(struct pool_svc *svc, const daos_prop_t *list)
{
	struct work work = {.svcs = svc->all, .svc = svc, .extra = (void *)list};
	struct pool_svc_op op = {.svc = svc, .write = true, .run = prop_set_admin, .committed = prop_set_committed, .arg = &work};

	return pool_svc_run(&op);
}

/* ---- attributes ---------------------------------------------------------------------------------------------------------------- */
static int
attr_list_body(void *arg, struct pool_svc *svc, struct rdb_tx *tx)
{
	struct work *work = arg;
	const struct pool_attr_list_in *in = work->req->in;
	struct pool_attr_list_out *out = work->req->out;
	int rc = need(work, tx, &in->svc, false);

	return rc != 0 ? rc : pool_svc_attr_list(tx, PATH_ATTR, &work->req->arena, &out->names, &out->names_nr);
}

static int
h_attr_list(void *owner, struct rpc_req *req)
{
	const struct pool_attr_list_in *in = req->in;
	struct pool_attr_list_out *out = req->out;

	return run(owner, req, &in->svc, &out->svc, false, attr_list_body, NULL, NULL);
}

static int
attr_get_body(void *arg, struct pool_svc *svc, struct rdb_tx *tx)
{
	struct work *work = arg;
	const struct pool_attr_get_in *in = work->req->in;
	struct pool_attr_get_out *out = work->req->out;
	int rc = need(work, tx, &in->svc, false);

	out->attrs = ARENA_NEW_ARRAY(&work->req->arena, struct rpc_attr, in->names_nr + 1);
	out->attrs_nr = in->names_nr;
	if (rc == 0 && out->attrs == NULL)
		rc = -DER_NOMEM;
	return rc != 0 ? rc : pool_svc_attr_get(tx, PATH_ATTR, &work->req->arena, in->names, in->names_nr, out->attrs);
}

static int
h_attr_get(void *owner, struct rpc_req *req)
{
	const struct pool_attr_get_in *in = req->in;
	struct pool_attr_get_out *out = req->out;

	return run(owner, req, &in->svc, &out->svc, false, attr_get_body, NULL, NULL);
}

static int
attr_set_body(void *arg, struct pool_svc *svc, struct rdb_tx *tx)
{
	struct work *work = arg;
	const struct pool_attr_set_in *in = work->req->in;
	int rc = need(work, tx, &in->svc, true);

	return rc != 0 ? rc : pool_svc_attr_set(tx, PATH_ATTR, in->attrs, in->attrs_nr);
}

static int
h_attr_set(void *owner, struct rpc_req *req)
{
	const struct pool_attr_set_in *in = req->in;
	struct pool_attr_set_out *out = req->out;

	return run(owner, req, &in->svc, &out->svc, true, attr_set_body, NULL, NULL);
}

static int
attr_del_body(void *arg, struct pool_svc *svc, struct rdb_tx *tx)
{
	struct work *work = arg;
	const struct pool_attr_del_in *in = work->req->in;
	int rc = need(work, tx, &in->svc, true);

	return rc != 0 ? rc : pool_svc_attr_del(tx, PATH_ATTR, in->names, in->names_nr);
}

static int
h_attr_del(void *owner, struct rpc_req *req)
{
	const struct pool_attr_del_in *in = req->in;
	struct pool_attr_del_out *out = req->out;

	return run(owner, req, &in->svc, &out->svc, true, attr_del_body, NULL, NULL);
}

/* ---- containers, in words of service/cont ------------------------------------------------------------------------------------ */
static int
cont_list_body(void *arg, struct pool_svc *svc, struct rdb_tx *tx)
{
	struct work *work = arg;
	const struct pool_cont_list_in *in = work->req->in;
	struct pool_svc_hooks *hooks = &work->svcs->hooks;
	int rc = need(work, tx, &in->svc, false);

	if (rc == 0)
		rc = hooks->list != NULL ? hooks->list(hooks->arg, svc, tx, in, &work->req->arena, work->req->out) : -DER_NOSYS;
	return rc;
}

static int
h_cont_list(void *owner, struct rpc_req *req)
{
	const struct pool_cont_list_in *in = req->in;
	struct pool_cont_list_out *out = req->out;

	return run(owner, req, &in->svc, &out->svc, false, cont_list_body, NULL, NULL);
}

/* ---- eviction, from the management service -------------------------------------------------------------------------------------- */
struct evicting {
	struct work *work;
	struct rdb_tx *tx;
	uint32_t nr;
};

static int
evict_one(void *arg, const void *key, size_t key_len, const void *value, size_t value_len)
{
	struct evicting *evicting = arg;

	if (key_len != sizeof(uuid_t))
		return -DER_DF_INVAL;
	evicting->nr++;
	return close_handle(evicting->work, evicting->tx, key);
}

static int
evict_body(void *arg, struct pool_svc *svc, struct rdb_tx *tx)
{
	struct work *work = arg;
	struct evicting evicting = {.work = work, .tx = tx};
	int rc = rdb_iterate(tx, PATH_HANDLES, evict_one, &evicting);

	*(uint32_t *)work->extra = evicting.nr;
	return rc;
}

int
pool_svc_evict(struct pool_svc *svc, uint32_t *evicted)
{
	struct work work = {.svcs = svc->all, .svc = svc, .extra = evicted};
	struct pool_svc_op op = {.svc = svc, .write = true, .run = evict_body, .committed = handles_gone, .arg = &work};
	uuid_t uuid;
	int rc;

	*evicted = 0;
	memcpy(uuid, svc->uuid, sizeof(uuid_t)); /* the service may go meanwhile */
	rc = pool_svc_run(&op);
	if (rc == 0 && pool_svc_find(work.svcs, uuid) == svc)
		pool_svc_count(svc, "pool_evict");
	return rc;
}

static const rpc_handler handlers[pool_op_nr] = {
	[op_pool_connect] = h_connect,
	[op_pool_disconnect] = h_disconnect,
	[op_pool_query] = h_query,
	[op_pool_query_target] = h_query_target,
	[op_pool_map_get] = h_map_get,
	[op_pool_prop_get] = h_prop_get,
	[op_pool_prop_set] = h_prop_set,
	[op_pool_attr_list] = h_attr_list,
	[op_pool_attr_get] = h_attr_get,
	[op_pool_attr_set] = h_attr_set,
	[op_pool_attr_del] = h_attr_del,
	[op_pool_cont_list] = h_cont_list,
};

int
pool__serve(struct pool_svcs *svcs)
{
	return rpc_serve(svcs->config.rpc, &proto_pool, handlers, svcs);
}
