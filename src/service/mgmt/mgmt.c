/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pools as a whole: their making in steps that a crash may cut off (shards, noted in SMD; then the service), finding, listing,
 * destroying. Stream 0; all may yield.
 *
 *	mgmt I1  A pool exists when its service has committed its first transaction; shards without one are removed when a start finds them,
 *	         unless SMD says that there was one: then something was lost, and nothing is removed.
 */
#include "service/mgmt/mgmt.h"

#include "base/codec.h"
#include "base/list.h"
#include "base/text.h"
#include "proto/control.h"
#include "proto/local.h"
#include "proto/mgmt.h"
#include "pure/acl/acl.h"
#include "pure/prop/prop.h"

#define WAL_BYTES (128 * MIB)
#define META_LEAST (64 * MIB)
#define DATA_LEAST (64 * MIB)
#define DEFAULT_MOST (8 * GIB)
#define POOL_LEAST (512 * MIB)

/* A pool that is there and does not come up. */
struct wreck {
	struct list link;
	uuid_t pool;
	int rc;
};

struct mgmt {
	struct mgmt_config config;
	struct list wrecks; /* by uuid, as SMD lists them */
	struct ult_mutex changing; /* pools are made and removed one at a time */
	struct env *env;
	struct mem *mem;
	struct proto_local local;
	uint64_t started_ns;
};

static const struct pool_svcs_config *
conf(const struct mgmt *mgmt)
{
	return pool_svcs_config(mgmt->config.pools);
}

/* ---- sizes -------------------------------------------------------------------------------------------------------------------- */
static uint64_t
round_down(uint64_t bytes)
{
	return bytes & ~(MIB - 1);
}

int
mgmt_pool_sizes(struct mgmt *mgmt, uint64_t scm_bytes, uint64_t nvme_bytes, uint32_t percent, struct target_pool_sizes *sizes)
{
	uint32_t nr = targets_nr(conf(mgmt)->targets);
	bool ram = conf(mgmt)->ram;
	uint64_t left, all, total = scm_bytes + nvme_bytes;
	int rc;

	if (ram) {
		left = mgmt->config.heap_budget;
		rc = 0;
	} else {
		rc = mgmt->env->ops->file.space(mgmt->env, mgmt->config.storage, &left, &all);
	}
	if (rc != 0)
		return rc;
	if (total == 0) {
		total = percent != 0 ? left / 100 * percent : MIN(DEFAULT_MOST, left / 3);
		scm_bytes = MAX(total / 8, (uint64_t)META_LEAST * nr);
		nvme_bytes = total > scm_bytes ? total - scm_bytes : 0;
	} else if (nvme_bytes == 0) {
		scm_bytes = MAX(total / 8, (uint64_t)META_LEAST * nr);
		nvme_bytes = total > scm_bytes ? total - scm_bytes : 0;
	}
	sizes->meta = round_down(scm_bytes / nr);
	sizes->data = round_down(nvme_bytes / nr);
	sizes->wal = ram ? 0 : MIN((uint64_t)WAL_BYTES, MAX(sizes->meta / 4, 16 * MIB));
	sizes->wal = round_down(sizes->wal);
	if (sizes->meta < META_LEAST || (sizes->data < DATA_LEAST && (sizes->data != 0 || !ram))) {
		log_error(mgmt->env->log, "a pool of %llu MiB is too small for %u targets: give at least %llu MiB", total / MIB, nr,
			  POOL_LEAST / MIB);
		return -DER_INVAL;
	}
	if (mgmt->config.wal_bytes != 0 && !ram)
		sizes->wal = mgmt->config.wal_bytes;
	if (mgmt->config.data_bytes != 0)
		sizes->data = mgmt->config.data_bytes;
	if ((sizes->meta + sizes->data + sizes->wal) * nr > left) {
		log_error(mgmt->env->log, "a pool of %llu MiB does not fit into the %llu MiB that are free", total / MIB, left / MIB);
		return -DER_NOSPACE;
	}
	return 0;
}

/* ---- create ------------------------------------------------------------------------------------------------------------------- */
static int
set_text(struct mgmt *mgmt, daos_prop_t *props, uint32_t id, const char *text)
{
	struct daos_prop_entry *entry = prop_list_find(props, id);

	return text == NULL || entry == NULL ? 0 : prop_set_text(mgmt->mem, entry, text_span_of(text));
}

/* Defaults, what was given, and who owns it. */
static int
new_props(struct mgmt *mgmt, const struct ctl_pool_create_in *in, daos_prop_t **result)
{
	daos_prop_t *defaults = NULL, *given = NULL, *props = NULL;
	struct unpacker unpacker;
	struct daos_acl *acl = NULL;
	int rc;

	rc = prop_list_default(mgmt->mem, PROP_POOL, &defaults);
	if (rc == 0 && in->props.len > 0) {
		unpacker_init(&unpacker, in->props.data, in->props.len);
		given = prop_list_unpack(mgmt->mem, &unpacker);
		rc = given == NULL ? -DER_INVAL : prop_list_check(given, PROP_POOL, PROP_AT_CREATE);
	}
	if (rc == 0)
		rc = prop_list_merge(mgmt->mem, defaults, given, &props);
	if (rc == 0)
		rc = set_text(mgmt, props, DAOS_PROP_PO_LABEL, in->label);
	if (rc == 0)
		rc = set_text(mgmt, props, DAOS_PROP_PO_OWNER, in->user != NULL ? in->user : in->who.user);
	if (rc == 0)
		rc = set_text(mgmt, props, DAOS_PROP_PO_OWNER_GROUP, in->group != NULL ? in->group : in->who.group);
	if (rc == 0 && in->acl.len > 0) {
		unpacker_init(&unpacker, in->acl.data, in->acl.len);
		acl = acl_unpack(mgmt->mem, &unpacker);
		rc = acl == NULL ? -DER_INVAL : acl_check_pool(acl);
		if (rc == 0 && prop_list_find(props, DAOS_PROP_PO_ACL) != NULL)
			rc = prop_set_acl(mgmt->mem, prop_list_find(props, DAOS_PROP_PO_ACL), acl);
	}
	mem_free(mgmt->mem, acl);
	prop_list_free(mgmt->mem, defaults);
	prop_list_free(mgmt->mem, given);
	if (rc != 0) {
		prop_list_free(mgmt->mem, props);
		return rc;
	}
	*result = props;
	return 0;
}

/* What a creation or destruction that failed left of a pool that does not exist (mgmt I1). -DER_EXIST: it is one, and damaged. */
static int
sweep(struct mgmt *mgmt, const uuid_t pool)
{
	struct wreck *wreck;
	int rc;

	if (targets_pool_is_served(conf(mgmt)->targets, pool))
		return -DER_EXIST;
	rc = pool_svc_scrap(mgmt->config.pools, pool);
	if (rc == 0 || rc == -DER_NONEXIST)
		rc = targets_pool_destroy(conf(mgmt)->targets, pool);
	if (rc != 0 && rc != -DER_NONEXIST)
		return rc;
	list_each(wreck, &mgmt->wrecks, link)
		if (uuid_compare(wreck->pool, pool) == 0) {
			list_remove(&wreck->link);
			mem_free(mgmt->mem, wreck);
			break;
		}
	return 0;
}

static int
make_pool(struct mgmt *mgmt, const struct ctl_pool_create_in *in, const struct target_pool_sizes *sizes, const daos_prop_t *props)
{
	struct pmap_member self = {.rank = rpc_node_rank(conf(mgmt)->node), .target_nr = targets_nr(conf(mgmt)->targets), .path = "/local"};
	struct pool_map *map;
	int rc;

	rc = pmap_create(mgmt->mem, &self, 1, &map);
	if (rc != 0)
		return rc;
	rc = targets_pool_create(conf(mgmt)->targets, in->pool, in->label, sizes);
	if (rc == 0) {
		rc = pool_svc_make(mgmt->config.pools, in->pool, map, props);
		if (rc == 0)
			(void)targets_pool_set_served(conf(mgmt)->targets, in->pool, true); /* else the next start does */
		if (rc != 0)
			(void)targets_pool_destroy(conf(mgmt)->targets, in->pool);
	}
	pmap_free(map);
	return rc;
}

/* Alone. Left-overs of an earlier attempt are removed first. */
static int
make_anew(struct mgmt *mgmt, const struct ctl_pool_create_in *in, const struct target_pool_sizes *sizes, const daos_prop_t *props)
{
	int rc;

	ult_mutex_lock(&mgmt->changing);
	if (pool_svc_find(mgmt->config.pools, in->pool) != NULL) {
		rc = 0; /* another request was first with the same */
	} else if (pool_svc_find_label(mgmt->config.pools, in->label) != NULL) {
		rc = -DER_EXIST;
	} else {
		rc = make_pool(mgmt, in, sizes, props);
		if (rc == -DER_EXIST) {
			rc = sweep(mgmt, in->pool);
			if (rc == 0)
				rc = make_pool(mgmt, in, sizes, props);
		}
	}
	ult_mutex_unlock(&mgmt->changing);
	return rc;
}

static int
ctl_create(void *owner, const struct env_cred *cred, struct arena *arena, const void *body, void *answer)
{
	struct mgmt *mgmt = owner;
	const struct ctl_pool_create_in *in = body;
	struct ctl_pool_create_out *out = answer;
	struct target_pool_sizes sizes;
	daos_prop_t *props;
	uint32_t nr = targets_nr(conf(mgmt)->targets);
	int rc;

	if (uuid_is_null(in->pool) || in->label == NULL || !text_label_is_valid(in->label))
		return -DER_INVAL;
	if (!in->who.admin)
		return -DER_NO_PERM;
	if (in->ranks_nr > 0 && (in->ranks_nr > 1 || in->ranks[0] != rpc_node_rank(conf(mgmt)->node)))
		return -DER_OOG;
	rc = mgmt_pool_sizes(mgmt, in->scm_bytes, in->nvme_bytes, in->percent, &sizes);
	if (rc != 0)
		return rc;
	if (pool_svc_find(mgmt->config.pools, in->pool) == NULL) { /* else: asked again */
		if (pool_svc_find_label(mgmt->config.pools, in->label) != NULL)
			return -DER_EXIST;
		rc = new_props(mgmt, in, &props);
		if (rc != 0)
			return rc;
		rc = make_anew(mgmt, in, &sizes, props);
		prop_list_free(mgmt->mem, props);
		if (rc != 0)
			return rc;
	}
	memcpy(out->pool, in->pool, sizeof(uuid_t));
	out->svc_leader = rpc_node_rank(conf(mgmt)->node);
	out->svc_ranks = arena_dup(arena, &out->svc_leader, sizeof(uint32_t));
	out->tgt_ranks = arena_dup(arena, &out->svc_leader, sizeof(uint32_t));
	out->tier_bytes = ARENA_NEW_ARRAY(arena, uint64_t, 2);
	if (out->svc_ranks == NULL || out->tgt_ranks == NULL || out->tier_bytes == NULL)
		return -DER_NOMEM;
	out->svc_ranks_nr = out->tgt_ranks_nr = 1;
	out->tier_bytes_nr = 2;
	out->tier_bytes[0] = sizes.meta * nr;
	out->tier_bytes[1] = sizes.data * nr;
	out->meta_bytes = sizes.wal * nr;
	return 0;
}

/* ---- finding, and who may --------------------------------------------------------------------------------------------------------- */
static struct pool_svc *
find(struct mgmt *mgmt, const char *name)
{
	uuid_t uuid;

	if (name == NULL)
		return NULL;
	if (daos_is_valid_uuid_string(name) && uuid_parse(name, uuid) == 0)
		return pool_svc_find(mgmt->config.pools, uuid);
	return pool_svc_find_label(mgmt->config.pools, name);
}

static const char *
text_of(const daos_prop_t *props, uint32_t id)
{
	struct daos_prop_entry *entry = props != NULL ? prop_list_find(props, id) : NULL;

	return entry != NULL && entry->dpe_str != NULL ? entry->dpe_str : "";
}

static bool
may_see(struct pool_svc *svc, const struct security_identity *who)
{
	const daos_prop_t *props = pool_svc_props(svc);
	struct daos_prop_entry *acl = props != NULL ? prop_list_find(props, DAOS_PROP_PO_ACL) : NULL;

	return acl_pool_can_read(security_pool_rights(acl != NULL ? acl->dpe_val_ptr : NULL, text_of(props, DAOS_PROP_PO_OWNER),
						      text_of(props, DAOS_PROP_PO_OWNER_GROUP), who));
}

static bool
ctl_may_see(struct pool_svc *svc, const struct ctl_who *who)
{
	struct security_identity identity = {.user = who->user, .group = who->group};

	return who->admin || may_see(svc, &identity);
}

/* ---- pools that do not come up ---------------------------------------------------------------------------------------------------- */
static int
note_wreck(struct mgmt *mgmt, const uuid_t pool, int rc)
{
	struct wreck *wreck = MEM_NEW(mgmt->mem, struct wreck);

	if (wreck == NULL)
		return -DER_NOMEM;
	memcpy(wreck->pool, pool, sizeof(uuid_t));
	wreck->rc = rc;
	list_append(&mgmt->wrecks, &wreck->link);
	return 0;
}

static struct wreck *
find_wreck(struct mgmt *mgmt, const char *text)
{
	struct wreck *wreck;
	uuid_t uuid;

	if (text == NULL || text_parse_uuid(text, uuid) != 0)
		return NULL;
	list_each(wreck, &mgmt->wrecks, link)
		if (uuid_compare(wreck->pool, uuid) == 0)
			return wreck;
	return NULL;
}

static int
scrap(struct mgmt *mgmt, const char *pool)
{
	struct wreck *wreck;
	uuid_t uuid;
	int rc;

	memcpy(uuid, find_wreck(mgmt, pool)->pool, sizeof(uuid_t));
	rc = pool_svc_scrap(mgmt->config.pools, uuid);
	if (rc == 0 || rc == -DER_NONEXIST)
		rc = targets_pool_destroy(conf(mgmt)->targets, uuid);
	if (rc != 0 && rc != -DER_NONEXIST)
		return rc;
	wreck = find_wreck(mgmt, pool); /* we yielded: somebody else may have been here */
	if (wreck != NULL)
		list_remove(&wreck->link);
	mem_free(mgmt->mem, wreck);
	return 0;
}

static void
fill_wreck(const struct mgmt *mgmt, const struct wreck *wreck, struct ctl_pool_info *info)
{
	memcpy(info->uuid, wreck->pool, sizeof(uuid_t));
	info->label = "";
	info->svc_leader = rpc_node_rank(conf(mgmt)->node);
	info->state = wreck->rc == -DER_DF_INCOMPT ? "Newer" : "Damaged";
	info->ram = conf(mgmt)->ram;
}

/* ---- destroy, evict --------------------------------------------------------------------------------------------------------------- */
static int
destroy(struct mgmt *mgmt, const struct ctl_pool_destroy_in *in)
{
	struct pool_svc *svc = find(mgmt, in->pool);
	uuid_t uuid;
	int rc;

	if (svc == NULL && find_wreck(mgmt, in->pool) != NULL)
		return in->force ? scrap(mgmt, in->pool) : -DER_BUSY;
	if (svc == NULL)
		return -DER_NONEXIST;
	memcpy(uuid, pool_svc_uuid(svc), sizeof(uuid_t));
	rc = targets_pool_set_served(conf(mgmt)->targets, uuid, false);
	if (rc != 0)
		return rc;
	rc = pool_svc_remove(mgmt->config.pools, uuid, in->force);
	if (rc == 0)
		return targets_pool_destroy(conf(mgmt)->targets, uuid);
	if (pool_svc_find(mgmt->config.pools, uuid) != NULL)
		(void)targets_pool_set_served(conf(mgmt)->targets, uuid, true);
	return rc;
}

static int
ctl_destroy(void *owner, const struct env_cred *cred, struct arena *arena, const void *body, void *answer)
{
	struct mgmt *mgmt = owner;
	const struct ctl_pool_destroy_in *in = body;
	int rc;

	if (!in->who.admin)
		return -DER_NO_PERM;
	ult_mutex_lock(&mgmt->changing);
	rc = destroy(mgmt, in);
	ult_mutex_unlock(&mgmt->changing);
	return rc;
}

static int
ctl_evict(void *owner, const struct env_cred *cred, struct arena *arena, const void *body, void *answer)
{
	struct mgmt *mgmt = owner;
	const struct ctl_pool_evict_in *in = body;
	struct ctl_pool_evict_out *out = answer;
	struct pool_svc *svc = find(mgmt, in->pool);

	if (!in->who.admin)
		return -DER_NO_PERM;
	return svc == NULL ? -DER_NONEXIST : pool_svc_evict(svc, &out->count);
}

/* ---- query, list --------------------------------------------------------------------------------------------------------------------- */
static int
fill_info(struct mgmt *mgmt, struct pool_svc *svc, bool all, struct arena *arena, struct ctl_pool_info *info)
{
	static const char *const media[2] = {"scm", "nvme"};
	const struct pool_map *map = pool_svc_map(svc);
	struct rpc_space tiers[2];
	uint32_t failed = 0;
	int rc;

	memcpy(info->uuid, pool_svc_uuid(svc), sizeof(uuid_t));
	info->label = arena_dup(arena, text_of(pool_svc_props(svc), DAOS_PROP_PO_LABEL), strlen(text_of(pool_svc_props(svc), DAOS_PROP_PO_LABEL)) + 1);
	info->svc_leader = rpc_node_rank(conf(mgmt)->node);
	info->svc_ranks = arena_dup(arena, &info->svc_leader, sizeof(uint32_t));
	if (info->label == NULL || info->svc_ranks == NULL)
		return -DER_NOMEM;
	info->svc_ranks_nr = 1;
	info->state = map != NULL ? "Ready" : "Starting";
	info->ram = conf(mgmt)->ram;
	if (!all || map == NULL)
		return 0;
	rc = pool_svc_space(svc, tiers, &failed);
	if (rc != 0)
		return rc;
	map = pool_svc_map(svc); /* it may have changed while we waited */
	if (map == NULL)
		return -DER_NOTLEADER;
	info->total_targets = pmap_target_nr(map);
	info->disabled_targets = pmap_count(map, PMAP_BIT(PMAP_DOWN) | PMAP_BIT(PMAP_DOWN_OUT)) + failed;
	info->active_targets = info->total_targets - info->disabled_targets;
	info->total_engines = pmap_rank_nr(map);
	info->version = pmap_version(map);
	info->layout_version = 1;
	if (failed > 0)
		info->state = "Degraded";
	info->enabled_ranks = ARENA_NEW_ARRAY(arena, uint32_t, pmap_rank_nr(map) + 1);
	info->tiers = ARENA_NEW_ARRAY(arena, struct ctl_tier, 2);
	if (info->enabled_ranks == NULL || info->tiers == NULL)
		return -DER_NOMEM;
	info->enabled_ranks_nr = pmap_ranks(map, PMAP_BIT(PMAP_UP_IN) | PMAP_BIT(PMAP_DRAIN), info->enabled_ranks);
	info->tiers_nr = 2;
	for (int t = 0; t < 2; t++)
		info->tiers[t] = (struct ctl_tier){.media = media[t], .total = tiers[t].total, .free = tiers[t].free, .min = tiers[t].min,
						   .max = tiers[t].max, .mean = tiers[t].mean};
	return 0;
}

static int
ctl_query(void *owner, const struct env_cred *cred, struct arena *arena, const void *body, void *answer)
{
	struct mgmt *mgmt = owner;
	const struct ctl_pool_query_in *in = body;
	struct ctl_pool_query_out *out = answer;
	struct pool_svc *svc = find(mgmt, in->pool);

	if (svc == NULL && in->who.admin && find_wreck(mgmt, in->pool) != NULL) {
		fill_wreck(mgmt, find_wreck(mgmt, in->pool), &out->info);
		return 0;
	}
	if (svc == NULL)
		return -DER_NONEXIST;
	if (!ctl_may_see(svc, &in->who))
		return -DER_NO_PERM;
	return fill_info(mgmt, svc, true, arena, &out->info);
}

static int
ctl_list(void *owner, const struct env_cred *cred, struct arena *arena, const void *body, void *answer)
{
	struct mgmt *mgmt = owner;
	const struct ctl_pool_list_in *in = body;
	struct ctl_pool_list_out *out = answer;
	struct pool_svc *svc = NULL;
	struct wreck *wreck;
	uuid_t *uuids;
	uint32_t nr = 0, wrecks = 0;
	int rc;

	while ((svc = pool_svc_next(mgmt->config.pools, svc)) != NULL)
		nr++;
	list_each(wreck, &mgmt->wrecks, link)
		wrecks++;
	out->pools = ARENA_NEW_ARRAY(arena, struct ctl_pool_info, nr + wrecks + 1);
	uuids = ARENA_NEW_ARRAY(arena, uuid_t, nr + 1);
	if (out->pools == NULL || uuids == NULL)
		return -DER_NOMEM;
	nr = 0;
	while ((svc = pool_svc_next(mgmt->config.pools, svc)) != NULL)
		memcpy(uuids[nr++], pool_svc_uuid(svc), sizeof(uuid_t));
	for (uint32_t i = 0; i < nr; i++) { /* by uuid: asking for space yields, and pools come and go */
		svc = pool_svc_find(mgmt->config.pools, uuids[i]);
		if (svc == NULL || !ctl_may_see(svc, &in->who))
			continue;
		rc = fill_info(mgmt, svc, in->query, arena, &out->pools[out->pools_nr]);
		if (rc != 0)
			return rc;
		out->pools_nr++;
	}
	/* Whose they are cannot be read: only for who runs the system. */
	list_each(wreck, &mgmt->wrecks, link)
		if (in->who.admin && wrecks-- > 0)
			fill_wreck(mgmt, wreck, &out->pools[out->pools_nr++]);
	return 0;
}

/* ---- properties --------------------------------------------------------------------------------------------------------------------- */
static int
ctl_get_prop(void *owner, const struct env_cred *cred, struct arena *arena, const void *body, void *answer)
{
	struct mgmt *mgmt = owner;
	const struct ctl_pool_get_prop_in *in = body;
	struct ctl_pool_get_prop_out *out = answer;
	struct pool_svc *svc = find(mgmt, in->pool);
	struct packer packer;
	void *copy;
	int rc;

	if (svc == NULL || pool_svc_props(svc) == NULL)
		return -DER_NONEXIST;
	if (!ctl_may_see(svc, &in->who))
		return -DER_NO_PERM;
	packer_init_grow(&packer, mgmt->mem);
	prop_list_pack(&packer, pool_svc_props(svc));
	rc = packer_rc(&packer);
	copy = rc == 0 ? arena_dup(arena, packer.buf, packer_len(&packer)) : NULL;
	out->props = (struct proto_bytes_type){.data = copy, .len = (uint32_t)packer_len(&packer)};
	packer_fini(&packer);
	return rc != 0 ? rc : copy == NULL ? -DER_NOMEM : 0;
}

static int
ctl_set_prop(void *owner, const struct env_cred *cred, struct arena *arena, const void *body, void *answer)
{
	struct mgmt *mgmt = owner;
	const struct ctl_pool_set_prop_in *in = body;
	struct pool_svc *svc = find(mgmt, in->pool), *other;
	struct daos_prop_entry *label;
	struct unpacker unpacker;
	daos_prop_t *list;
	int rc = 0;

	if (!in->who.admin)
		return -DER_NO_PERM;
	if (svc == NULL)
		return -DER_NONEXIST;
	unpacker_init(&unpacker, in->props.data, in->props.len);
	list = prop_list_unpack(mgmt->mem, &unpacker);
	if (list == NULL)
		return -DER_INVAL;
	label = prop_list_find(list, DAOS_PROP_PO_LABEL);
	other = label != NULL && label->dpe_str != NULL ? pool_svc_find_label(mgmt->config.pools, label->dpe_str) : NULL;
	if (other != NULL && other != svc)
		rc = -DER_EXIST;
	if (rc == 0)
		rc = pool_svc_set_props(svc, list);
	prop_list_free(mgmt->mem, list);
	return rc;
}

/* ---- the server's own ------------------------------------------------------------------------------------------------------------------ */
static int
ctl_group(void *owner, const struct env_cred *cred, struct arena *arena, const void *body, void *answer)
{
	struct mgmt *mgmt = owner;
	const struct ctl_group_in *in = body;
	struct rpc_member *members = ARENA_NEW_ARRAY(arena, struct rpc_member, in->ranks_nr + 1);

	if (members == NULL)
		return -DER_NOMEM;
	for (uint32_t i = 0; i < in->ranks_nr; i++)
		members[i] = (struct rpc_member){.rank = in->ranks[i].rank, .incarnation = in->ranks[i].incarnation,
						 .addr_nr = in->ranks[i].addrs_nr, .addrs = in->ranks[i].addrs};
	return mgmt->config.group(mgmt->config.arg, in->version, members, in->ranks_nr);
}

static int
ctl_ping(void *owner, const struct env_cred *cred, struct arena *arena, const void *body, void *answer)
{
	struct mgmt *mgmt = owner;
	struct ctl_ping_out *out = answer;

	out->rank = rpc_node_rank(conf(mgmt)->node);
	out->uptime_ns = env_mono(mgmt->env) - mgmt->started_ns;
	return 0;
}

/* Of ourselves alone: the server knows the rest. */
static int
ctl_scan(void *owner, const struct env_cred *cred, struct arena *arena, const void *body, void *answer)
{
	struct ctl_storage_scan_out *out = answer;
	struct mgmt *mgmt = owner;

	out->engines = ARENA_NEW(arena, struct ctl_storage_engine);
	if (out->engines == NULL)
		return -DER_NOMEM;
	out->engines_nr = 1;
	out->engines[0].rank = rpc_node_rank(conf(mgmt)->node);
	if (mgmt->config.devices == NULL)
		return 0;
	return mgmt->config.devices(mgmt->config.arg, arena, &out->engines[0].devices, &out->engines[0].devices_nr);
}

static int
ctl_stop(void *owner, const struct env_cred *cred, struct arena *arena, const void *body, void *answer)
{
	struct mgmt *mgmt = owner;

	mgmt->config.stop(mgmt->config.arg);
	return 0;
}

static const proto_local_handler locals[control_op_nr] = {
	[op_ctl_pool_create] = ctl_create,
	[op_ctl_pool_destroy] = ctl_destroy,
	[op_ctl_pool_evict] = ctl_evict,
	[op_ctl_pool_query] = ctl_query,
	[op_ctl_pool_list] = ctl_list,
	[op_ctl_pool_get_prop] = ctl_get_prop,
	[op_ctl_pool_set_prop] = ctl_set_prop,
	[op_ctl_storage_scan] = ctl_scan,
	[op_ctl_group] = ctl_group,
	[op_ctl_ping] = ctl_ping,
	[op_ctl_stop] = ctl_stop,
};

/* ---- clients --------------------------------------------------------------------------------------------------------------------------- */
static int
fill_replicas(struct mgmt *mgmt, struct arena *arena, uint32_t **ranks, uint32_t *nr)
{
	uint32_t self = rpc_node_rank(conf(mgmt)->node);

	*ranks = arena_dup(arena, &self, sizeof(self));
	*nr = 1;
	return *ranks == NULL ? -DER_NOMEM : 0;
}

static int
h_find(void *owner, struct rpc_req *req)
{
	struct mgmt *mgmt = owner;
	const struct mgmt_pool_find_in *in = req->in;
	struct mgmt_pool_find_out *out = req->out;
	struct wreck *wreck;
	struct pool_svc *svc = in->label != NULL ? pool_svc_find_label(mgmt->config.pools, in->label) : pool_svc_find(mgmt->config.pools, in->pool);

	if (svc == NULL && in->label == NULL)
		list_each(wreck, &mgmt->wrecks, link)
			if (uuid_compare(wreck->pool, in->pool) == 0)
				return wreck->rc == -DER_DF_INCOMPT ? -DER_DF_INCOMPT : -DER_DF_INVAL;
	if (svc == NULL)
		return -DER_NONEXIST;
	memcpy(out->pool, pool_svc_uuid(svc), sizeof(uuid_t));
	return fill_replicas(mgmt, &req->arena, &out->replicas, &out->replicas_nr);
}

static int
h_list(void *owner, struct rpc_req *req)
{
	struct mgmt *mgmt = owner;
	const struct mgmt_pool_list_in *in = req->in;
	struct mgmt_pool_list_out *out = req->out;
	struct security_identity *who;
	struct pool_svc *svc = NULL;
	struct wreck *wreck;
	uint32_t nr = 0;
	int rc;

	rc = security_validate(conf(mgmt)->security, in->cred.data, in->cred.len, &req->arena, &who);
	if (rc != 0)
		return rc;
	while ((svc = pool_svc_next(mgmt->config.pools, svc)) != NULL)
		nr++;
	list_each(wreck, &mgmt->wrecks, link)
		nr++;
	out->pools = ARENA_NEW_ARRAY(&req->arena, struct mgmt_pool_entry, nr + 1);
	if (out->pools == NULL)
		return -DER_NOMEM;
	while ((svc = pool_svc_next(mgmt->config.pools, svc)) != NULL) {
		struct mgmt_pool_entry *entry = &out->pools[out->pools_nr];
		const char *label = text_of(pool_svc_props(svc), DAOS_PROP_PO_LABEL);

		if (!may_see(svc, who))
			continue;
		memcpy(entry->pool, pool_svc_uuid(svc), sizeof(uuid_t));
		entry->label = arena_dup(&req->arena, label, strlen(label) + 1);
		rc = entry->label == NULL ? -DER_NOMEM : fill_replicas(mgmt, &req->arena, &entry->replicas, &entry->replicas_nr);
		if (rc != 0)
			return rc;
		out->pools_nr++;
	}
	/* Whose they are cannot be read: only for who runs the system. No replicas: nobody serves them. */
	list_each(wreck, &mgmt->wrecks, link)
		if (who->uid == 0 || who->uid == mgmt->config.uid)
			memcpy(out->pools[out->pools_nr++].pool, wreck->pool, sizeof(uuid_t));
	return 0;
}

static const rpc_handler handlers[mgmt_op_nr] = {
	[op_mgmt_pool_find] = h_find,
	[op_mgmt_pool_list] = h_list,
};

/* ---- life -------------------------------------------------------------------------------------------------------------------------------- */
int
mgmt_create(const struct mgmt_config *config, struct mgmt **result)
{
	struct mgmt *mgmt = MEM_NEW(config->env->mem, struct mgmt);

	if (mgmt == NULL)
		return -DER_NOMEM;
	mgmt->config = *config;
	mgmt->env = config->env;
	mgmt->mem = config->env->mem;
	mgmt->local = (struct proto_local){.proto = &proto_control, .handlers = locals, .owner = mgmt};
	mgmt->started_ns = env_mono(config->env);
	list_init(&mgmt->wrecks);
	ult_mutex_init(&mgmt->changing);
	*result = mgmt;
	return 0;
}

void
mgmt_destroy(struct mgmt *mgmt)
{
	struct wreck *wreck;

	while ((wreck = list_pop(&mgmt->wrecks, struct wreck, link)) != NULL)
		mem_free(mgmt->mem, wreck);
	mem_free(mgmt->mem, mgmt);
}

int
mgmt_serve(struct mgmt *mgmt)
{
	return rpc_serve(conf(mgmt)->rpc, &proto_mgmt, handlers, mgmt);
}

int
mgmt_register(struct mgmt *mgmt, struct drpc_registry *registry)
{
	return drpc_register(registry, DRPC_MODULE_MGMT, proto_local_serve, &mgmt->local);
}

int
mgmt_control(struct mgmt *mgmt, rpc_opc opc, struct arena *arena, const void *in, void *out)
{
	struct env_cred self = {0};
	uint32_t row = opc & 0xffff;

	ASSERT(opc >> 16 == proto_control.id && row < proto_control.nr);
	return locals[row] == NULL ? -DER_NOSYS : locals[row](mgmt, &self, arena, in, out);
}

int
mgmt_begin_pools(struct mgmt *mgmt)
{
	struct arena arena;
	uuid_t *pools;
	uint32_t nr;
	int rc, begun;

	arena_init(&arena, mgmt->mem);
	rc = targets_pool_list(conf(mgmt)->targets, &arena, &pools, &nr);
	for (uint32_t i = 0; rc == 0 && i < nr; i++) {
		char text[37];

		begun = pool_svc_begin(mgmt->config.pools, pools[i]);
		if (begun == 0) {
			(void)targets_pool_set_served(conf(mgmt)->targets, pools[i], true);
			continue;
		}
		uuid_unparse_lower(pools[i], text);
		if (begun == -DER_NONEXIST && targets_pool_is_served(conf(mgmt)->targets, pools[i])) {
			log_error(mgmt->env->log, "pool %s: the database of its service is missing; its shards stay as they are", text);
			rc = note_wreck(mgmt, pools[i], -DER_DF_INVAL);
		} else if (begun == -DER_NONEXIST) { /* mgmt I1 */
			log_note(mgmt->env->log, "pool %s was never finished: removing its shards", text);
			(void)sweep(mgmt, pools[i]);
		} else {
			log_error(mgmt->env->log, "pool %s does not come up: " RCF "; the others go on", text, RCP(begun));
			rc = note_wreck(mgmt, pools[i], begun);
		}
	}
	arena_fini(&arena);
	return rc;
}
