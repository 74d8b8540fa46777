/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pool connection: found by the management service, opened at the pool's service, with the map that placement needs. Requests
 * carry an id, so that one repeated over a restart is carried out once. May yield everywhere but in the getters.
 *
 * Exported handle: u32 version, uuid pool, uuid handle, u64 flags, u64 rights, string label, string system (base/codec).
 */
#include "client/pool/pool.h"

#include "base/codec.h"
#include "base/text.h"
#include "proto/mgmt.h"
#include "proto/pool.h"
#include "proto/props.h"
#include "pure/map/map.h"
#include "pure/prop/prop.h"

#define EXPORT_VERSION 1
#define OLD_MAPS 8 /* maps of before, kept for who still looks at them */

struct pool {
	struct client *client;
	struct mem *mem;
	uint32_t refs;
	uuid_t uuid, handle;
	uint64_t flags, rights;
	char label[128];
	uint32_t svc_rank;
	struct pool_map *map;
	struct pool_map *old[OLD_MAPS];
	uint32_t old_nr;
	struct ult_mutex refreshing;
	bool imported; /* the connection is another process's, which ends it */
};

/* ---- calls to the service ---------------------------------------------------------------------------------------------------- */
/* Somebody else leads: go there. */
static int
ask_elsewhere(void *arg, struct client_call *call, int status)
{
	struct pool *pool = arg;
	const struct rpc_svc_out *out = call->out;

	if (status == -DER_NOTLEADER && out->leader != RPC_NO_RANK && out->leader != call->rank)
		call->rank = pool->svc_rank = out->leader;
	return 0;
}

int
pool_call(struct pool *pool, rpc_opc opc, void *in, void *out, struct arena *arena)
{
	return pool_call_until(pool, opc, in, out, arena, 0);
}

int
pool_call_until(struct pool *pool, rpc_opc opc, void *in, void *out, struct arena *arena, uint64_t deadline_ns)
{
	struct rpc_svc_in *head = in;
	struct client_call call = {.rank = pool->svc_rank, .opc = opc, .in = in, .out = out, .arena = arena, .again = ask_elsewhere, .arg = pool,
				   .deadline_ns = deadline_ns};

	memcpy(head->pool, pool->uuid, sizeof(uuid_t));
	memcpy(head->handle, pool->handle, sizeof(uuid_t));
	client_new_id(pool->client, head->request.client, &head->request.number);
	return client_call(pool->client, &call);
}

/* ---- finding ------------------------------------------------------------------------------------------------------------------- */
static int
find(struct client *client, const char *name, uuid_t uuid, uint32_t *svc_rank)
{
	const struct client_attach *attach = client_attach_info(client);
	struct mgmt_pool_find_in in = {.label = name};
	struct mgmt_pool_find_out out = {0};
	struct client_call call = {.opc = opc_mgmt_pool_find, .in = &in, .out = &out};
	struct arena arena;
	int rc;

	if (name == NULL || name[0] == '\0')
		return -DER_INVAL;
	if (daos_is_valid_uuid_string(name)) {
		in.label = NULL;
		(void)uuid_parse(name, in.pool);
	} else if (!text_label_is_valid(name)) {
		return -DER_INVAL;
	}
	if (attach->ms_rank_nr == 0)
		return -DER_NO_SERVICE;
	arena_init(&arena, client_mem(client));
	call.rank = attach->ms_ranks[0];
	call.arena = &arena;
	rc = client_call(client, &call);
	if (rc == 0 && out.replicas_nr == 0)
		rc = -DER_NO_SERVICE;
	if (rc == 0) {
		memcpy(uuid, out.pool, sizeof(uuid_t));
		*svc_rank = out.replicas[0];
	}
	arena_fini(&arena);
	return rc;
}

/* ---- the map -------------------------------------------------------------------------------------------------------------------- */
static int
take_map(struct pool *pool, const struct proto_bytes_type *bytes)
{
	struct unpacker in;
	struct pool_map *map;

	if (bytes->len == 0)
		return pool->map != NULL ? 0 : -DER_PROTO;
	unpacker_init(&in, bytes->data, bytes->len);
	map = pmap_unpack(pool->mem, &in);
	if (map == NULL)
		return unpacker_rc(&in);
	if (pool->map != NULL && pmap_version(map) <= pmap_version(pool->map)) {
		pmap_free(map);
		return 0;
	}
	if (pool->map != NULL) {
		if (pool->old_nr == OLD_MAPS) {
			pmap_free(pool->old[0]);
			memmove(&pool->old[0], &pool->old[1], sizeof(pool->old[0]) * --pool->old_nr);
		}
		pool->old[pool->old_nr++] = pool->map;
	}
	pool->map = map;
	return 0;
}

int
pool_map_refresh(struct pool *pool, uint32_t version)
{
	struct pool_map_get_in in = {0};
	struct pool_map_get_out out = {0};
	struct arena arena;
	int rc = 0;

	ult_mutex_lock(&pool->refreshing);
	if (version == 0 || version > pmap_version(pool->map)) {
		arena_init(&arena, pool->mem);
		in.version = pmap_version(pool->map);
		rc = pool_call(pool, opc_pool_map_get, &in, &out, &arena);
		if (rc == 0)
			rc = take_map(pool, &out.map);
		arena_fini(&arena);
	}
	ult_mutex_unlock(&pool->refreshing);
	return rc;
}

/* ---- life ------------------------------------------------------------------------------------------------------------------------- */
static struct pool *
pool_new(struct client *client)
{
	struct pool *pool = MEM_NEW(client_mem(client), struct pool);

	if (pool == NULL)
		return NULL;
	pool->client = client;
	pool->mem = client_mem(client);
	pool->refs = 1;
	ult_mutex_init(&pool->refreshing);
	return pool;
}

struct pool *
pool_get(struct pool *pool)
{
	pool->refs++;
	return pool;
}

void
pool_put(struct pool *pool)
{
	ASSERT(pool->refs > 0);
	if (--pool->refs > 0)
		return;
	if (pool->map != NULL)
		pmap_free(pool->map);
	for (uint32_t i = 0; i < pool->old_nr; i++)
		pmap_free(pool->old[i]);
	mem_free(pool->mem, pool);
}

static void
new_uuid(struct client *client, uuid_t uuid)
{
	uint64_t words[2] = {env_rand(client_env(client)), env_rand(client_env(client))};

	memcpy(uuid, words, sizeof(words));
	uuid[6] = (uuid[6] & 0x0f) | 0x40;
	uuid[8] = (uuid[8] & 0x3f) | 0x80;
}

int
pool_connect(struct client *client, const char *name, uint32_t flags, struct pool **result)
{
	struct pool_connect_in in = {.flags = flags};
	struct pool_connect_out out = {0};
	struct pool *pool;
	struct arena arena;
	const void *cred;
	size_t cred_len;
	int rc;

	if ((flags & ~DAOS_PC_MASK) != 0 || (flags & (flags - 1)) != 0 || flags == 0)
		return -DER_INVAL;
	pool = pool_new(client);
	if (pool == NULL)
		return -DER_NOMEM;
	rc = find(client, name, pool->uuid, &pool->svc_rank);
	if (rc == 0)
		rc = client_credential(client, &cred, &cred_len);
	if (rc != 0) {
		pool_put(pool);
		return rc;
	}
	new_uuid(client, pool->handle);
	pool->flags = flags;
	in.cred = (struct proto_bytes_type){.data = cred, .len = (uint32_t)cred_len};
	arena_init(&arena, pool->mem);
	rc = pool_call(pool, opc_pool_connect, &in, &out, &arena);
	if (rc == 0)
		rc = take_map(pool, &out.map);
	if (rc == 0) {
		pool->rights = out.rights;
		if (out.label != NULL && strlen(out.label) < sizeof(pool->label))
			strcpy(pool->label, out.label);
	}
	arena_fini(&arena);
	if (rc != 0) {
		pool_put(pool);
		return rc;
	}
	*result = pool;
	return 0;
}

int
pool_disconnect(struct pool *pool)
{
	struct pool_disconnect_in in = {0};
	struct pool_disconnect_out out = {0};
	struct arena arena;
	int rc = 0;

	if (!pool->imported) {
		arena_init(&arena, pool->mem);
		rc = pool_call(pool, opc_pool_disconnect, &in, &out, &arena);
		arena_fini(&arena);
	}
	if (rc == 0)
		pool_put(pool);
	return rc;
}

struct client *
pool_client(const struct pool *pool)
{
	return pool->client;
}

const uint8_t *
pool_uuid(const struct pool *pool)
{
	return pool->uuid;
}

const uint8_t *
pool_handle(const struct pool *pool)
{
	return pool->handle;
}

const struct pool_map *
pool_map(const struct pool *pool)
{
	return pool->map;
}

uint32_t
pool_map_version(const struct pool *pool)
{
	return pmap_version(pool->map);
}

uint32_t
pool_svc_rank(const struct pool *pool)
{
	return pool->svc_rank;
}

/* ---- asking -------------------------------------------------------------------------------------------------------------------------- */
int
pool_query(struct pool *pool, struct pool_info *info)
{
	struct pool_query_in in = {.bits = UINT64_MAX};
	struct pool_query_out out = {0};
	struct arena arena;
	int rc;

	arena_init(&arena, pool->mem);
	rc = pool_call(pool, opc_pool_query, &in, &out, &arena);
	if (rc == 0 && out.tiers_nr != 2)
		rc = -DER_PROTO;
	if (rc == 0) {
		memset(info, 0, sizeof(*info));
		memcpy(info->uuid, pool->uuid, sizeof(uuid_t));
		if (out.label != NULL && strlen(out.label) < sizeof(info->label))
			strcpy(info->label, out.label);
		info->targets = out.targets;
		info->targets_disabled = out.targets_disabled;
		info->ranks = out.ranks;
		info->map_version = out.svc.map_version;
		info->leader = out.svc.leader;
		info->layout_version = out.layout_version;
		info->ram = out.ram;
		info->clock = out.clock;
		for (int t = 0; t < 2; t++) {
			info->space[t].total = out.tiers[t].total;
			info->space[t].free = out.tiers[t].free;
			info->space[t].min = out.tiers[t].min;
			info->space[t].max = out.tiers[t].max;
			info->space[t].mean = out.tiers[t].mean;
		}
	}
	arena_fini(&arena);
	return rc;
}

int
pool_query_target(struct pool *pool, uint32_t rank, uint32_t tgt, struct pool_target_space *space, uint32_t *state)
{
	struct pool_query_target_in in = {.target = {.rank = rank, .target = tgt}};
	struct pool_query_target_out out = {0};
	struct arena arena;
	int rc;

	arena_init(&arena, pool->mem);
	rc = pool_call(pool, opc_pool_query_target, &in, &out, &arena);
	if (rc == 0 && out.tiers_nr != 2)
		rc = -DER_PROTO;
	if (rc == 0) {
		*space = (struct pool_target_space){.scm_total = out.tiers[0].total, .scm_free = out.tiers[0].free,
						    .nvme_total = out.tiers[1].total, .nvme_free = out.tiers[1].free};
		*state = out.state;
	}
	arena_fini(&arena);
	return rc;
}

static void *
blob_dup(enum prop_kind kind, const void *blob, struct arena *arena)
{
	const d_rank_list_t *ranks = blob;
	d_rank_list_t *copy;

	switch (kind) {
	case PROP_ACL:
		return arena_dup(arena, blob, acl_size(blob));
	case PROP_ROOTS:
		return arena_dup(arena, blob, sizeof(struct daos_prop_co_roots));
	case PROP_RANKS:
		copy = arena_alloc(arena, sizeof(*copy) + sizeof(d_rank_t) * ranks->rl_nr);
		if (copy == NULL)
			return NULL;
		copy->rl_nr = ranks->rl_nr;
		copy->rl_ranks = (d_rank_t *)(copy + 1);
		memcpy(copy->rl_ranks, ranks->rl_ranks, sizeof(d_rank_t) * ranks->rl_nr);
		return copy;
	default:
		return NULL;
	}
}

/* Copies a list of our memory into the caller's entries and arena: what they carry lives as long as the arena. */
int
pool_props_deliver(const struct rpc_prop *got, uint32_t nr, struct arena *arena, daos_prop_t *props)
{
	daos_prop_t *list;
	int rc;

	rc = proto_props_from(got, nr, arena->mem, &list);
	if (rc != 0)
		return rc;
	if (props->dpp_nr == 0) {
		props->dpp_entries = ARENA_NEW_ARRAY(arena, struct daos_prop_entry, nr + 1);
		if (props->dpp_entries == NULL)
			rc = -DER_NOMEM;
		else
			props->dpp_nr = nr;
	}
	for (uint32_t i = 0; rc == 0 && i < MIN(props->dpp_nr, nr); i++) {
		struct daos_prop_entry *entry = &list->dpp_entries[i];
		const struct prop_desc *desc = prop_find(entry->dpe_type);

		props->dpp_entries[i] = *entry;
		if (desc != NULL && prop_is_string(desc->kind) && entry->dpe_str != NULL)
			props->dpp_entries[i].dpe_str = arena_dup(arena, entry->dpe_str, strlen(entry->dpe_str) + 1);
		else if (desc != NULL && prop_is_pointer(desc->kind) && entry->dpe_val_ptr != NULL)
			props->dpp_entries[i].dpe_val_ptr = blob_dup(desc->kind, entry->dpe_val_ptr, arena);
	}
	prop_list_free(arena->mem, list);
	return rc;
}

int
pool_prop_query(struct pool *pool, struct arena *arena, daos_prop_t *props)
{
	struct pool_prop_get_in in = {0};
	struct pool_prop_get_out out = {0};
	int rc;

	in.types = ARENA_NEW_ARRAY(arena, uint32_t, props->dpp_nr + 1);
	if (in.types == NULL)
		return -DER_NOMEM;
	for (uint32_t i = 0; i < props->dpp_nr; i++)
		in.types[in.types_nr++] = props->dpp_entries[i].dpe_type;
	rc = pool_call(pool, opc_pool_prop_get, &in, &out, arena);
	return rc != 0 ? rc : pool_props_deliver(out.props, out.props_nr, arena, props);
}

/* ---- attributes -------------------------------------------------------------------------------------------------------------------- */
int
pool_attr_list(struct pool *pool, struct arena *arena, const char ***names, uint32_t *nr)
{
	struct pool_attr_list_in in = {0};
	struct pool_attr_list_out out = {0};
	int rc = pool_call(pool, opc_pool_attr_list, &in, &out, arena);

	*names = out.names;
	*nr = out.names_nr;
	return rc;
}

int
pool_attr_get(struct pool *pool, struct arena *arena, struct attr *attrs, uint32_t nr)
{
	struct pool_attr_get_in in = {0};
	struct pool_attr_get_out out = {0};
	int rc;

	in.names = ARENA_NEW_ARRAY(arena, const char *, nr + 1);
	if (in.names == NULL)
		return -DER_NOMEM;
	for (uint32_t i = 0; i < nr; i++)
		in.names[in.names_nr++] = attrs[i].name;
	rc = pool_call(pool, opc_pool_attr_get, &in, &out, arena);
	if (rc == 0 && out.attrs_nr != nr)
		rc = -DER_PROTO;
	for (uint32_t i = 0; rc == 0 && i < nr; i++) {
		attrs[i].value = out.attrs[i].name != NULL ? out.attrs[i].value.data : NULL;
		attrs[i].size = out.attrs[i].name != NULL ? out.attrs[i].value.len : 0;
	}
	return rc;
}

int
pool_attr_set(struct pool *pool, const struct attr *attrs, uint32_t nr)
{
	struct pool_attr_set_in in = {0};
	struct pool_attr_set_out out = {0};
	struct arena arena;
	int rc = -DER_NOMEM;

	arena_init(&arena, pool->mem);
	in.attrs = ARENA_NEW_ARRAY(&arena, struct rpc_attr, nr + 1);
	if (in.attrs != NULL) {
		for (uint32_t i = 0; i < nr; i++)
			in.attrs[in.attrs_nr++] = (struct rpc_attr){.name = attrs[i].name,
								    .value = {.data = attrs[i].value, .len = (uint32_t)attrs[i].size}};
		rc = pool_call(pool, opc_pool_attr_set, &in, &out, &arena);
	}
	arena_fini(&arena);
	return rc;
}

int
pool_attr_del(struct pool *pool, const char *const *names, uint32_t nr)
{
	struct pool_attr_del_in in = {.names = (const char **)names, .names_nr = nr};
	struct pool_attr_del_out out = {0};
	struct arena arena;
	int rc;

	arena_init(&arena, pool->mem);
	rc = pool_call(pool, opc_pool_attr_del, &in, &out, &arena);
	arena_fini(&arena);
	return rc;
}

/* ---- lists --------------------------------------------------------------------------------------------------------------------------- */
int
pool_list_containers(struct pool *pool, struct arena *arena, struct pool_cont_entry **result, uint32_t *result_nr)
{
	struct pool_cont_list_in in = {0};
	struct pool_cont_list_out out;
	struct pool_cont_entry *entries = NULL, *more;
	uint32_t nr = 0;
	int rc;

	do {
		memset(&out, 0, sizeof(out));
		rc = pool_call(pool, opc_pool_cont_list, &in, &out, arena);
		if (rc != 0)
			return rc;
		more = ARENA_NEW_ARRAY(arena, struct pool_cont_entry, nr + out.conts_nr + 1);
		if (more == NULL)
			return -DER_NOMEM;
		if (nr > 0)
			memcpy(more, entries, sizeof(*more) * nr);
		entries = more;
		for (uint32_t i = 0; i < out.conts_nr; i++, nr++) {
			memcpy(entries[nr].uuid, out.conts[i].cont, sizeof(uuid_t));
			memcpy(in.after, out.conts[i].cont, sizeof(uuid_t));
			if (out.conts[i].label != NULL && strlen(out.conts[i].label) < sizeof(entries[nr].label))
				strcpy(entries[nr].label, out.conts[i].label);
		}
	} while (out.more && out.conts_nr > 0);
	*result = entries;
	*result_nr = nr;
	return 0;
}

int
pool_list(struct client *client, struct arena *arena, struct pool_entry **result, uint32_t *nr)
{
	const struct client_attach *attach = client_attach_info(client);
	struct mgmt_pool_list_in in = {0};
	struct mgmt_pool_list_out out = {0};
	struct client_call call = {.opc = opc_mgmt_pool_list, .in = &in, .out = &out, .arena = arena};
	struct pool_entry *entries;
	const void *cred;
	size_t cred_len;
	int rc;

	if (attach->ms_rank_nr == 0)
		return -DER_NO_SERVICE;
	rc = client_credential(client, &cred, &cred_len);
	if (rc != 0)
		return rc;
	in.cred = (struct proto_bytes_type){.data = cred, .len = (uint32_t)cred_len};
	call.rank = attach->ms_ranks[0];
	rc = client_call(client, &call);
	if (rc != 0)
		return rc;
	entries = ARENA_NEW_ARRAY(arena, struct pool_entry, out.pools_nr + 1);
	if (entries == NULL)
		return -DER_NOMEM;
	for (uint32_t i = 0; i < out.pools_nr; i++) {
		memcpy(entries[i].uuid, out.pools[i].pool, sizeof(uuid_t));
		if (out.pools[i].label != NULL && strlen(out.pools[i].label) < sizeof(entries[i].label))
			strcpy(entries[i].label, out.pools[i].label);
		entries[i].svc = out.pools[i].replicas;
		entries[i].svc_nr = out.pools[i].replicas_nr;
	}
	*result = entries;
	*nr = out.pools_nr;
	return 0;
}

/* ---- sharing ---------------------------------------------------------------------------------------------------------------------------- */
int
pool_export(struct pool *pool, void *buf, size_t *size)
{
	struct packer packer;

	if (buf == NULL)
		packer_init_count(&packer);
	else
		packer_init(&packer, buf, *size);
	pack_u32(&packer, EXPORT_VERSION);
	pack_uuid(&packer, pool->uuid);
	pack_uuid(&packer, pool->handle);
	pack_u64(&packer, pool->flags);
	pack_u64(&packer, pool->rights);
	pack_u32(&packer, pool->svc_rank);
	pack_string(&packer, pool->label);
	pack_string(&packer, client_system(pool->client));
	*size = packer_len(&packer);
	return packer_rc(&packer);
}

int
pool_export_read(const void *buf, size_t size, struct pool_exported *exported)
{
	struct unpacker unpacker;

	unpacker_init(&unpacker, buf, size);
	if (unpack_u32(&unpacker) != EXPORT_VERSION)
		unpacker_fail(&unpacker, -DER_PROTO);
	unpack_uuid(&unpacker, exported->uuid);
	unpack_uuid(&unpacker, exported->handle);
	exported->flags = unpack_u64(&unpacker);
	exported->rights = unpack_u64(&unpacker);
	exported->svc_rank = unpack_u32(&unpacker);
	exported->label = unpack_string(&unpacker);
	exported->system = unpack_string(&unpacker);
	if (unpacker_rc(&unpacker) != 0 || exported->label == NULL || exported->system == NULL ||
	    strlen(exported->label) >= sizeof(((struct pool *)0)->label))
		return -DER_INVAL;
	return 0;
}

int
pool_import(struct client *client, const void *buf, size_t size, struct pool **result)
{
	struct pool_map_get_in in = {0};
	struct pool_map_get_out out = {0};
	struct pool_exported from;
	struct pool *pool;
	struct arena arena;
	int rc = pool_export_read(buf, size, &from);

	if (rc == 0 && strcmp(from.system, client_system(client)) != 0)
		rc = -DER_MISMATCH;
	if (rc != 0)
		return rc;
	pool = pool_new(client);
	if (pool == NULL)
		return -DER_NOMEM;
	pool->imported = true;
	memcpy(pool->uuid, from.uuid, sizeof(uuid_t));
	memcpy(pool->handle, from.handle, sizeof(uuid_t));
	pool->flags = from.flags;
	pool->rights = from.rights;
	pool->svc_rank = from.svc_rank;
	strcpy(pool->label, from.label);
	arena_init(&arena, pool->mem);
	rc = pool_call(pool, opc_pool_map_get, &in, &out, &arena);
	if (rc == 0)
		rc = take_map(pool, &out.map);
	arena_fini(&arena);
	if (rc != 0) {
		pool_put(pool);
		return rc;
	}
	*result = pool;
	return 0;
}
