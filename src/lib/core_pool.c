/* SPDX-License-Identifier: Apache-2.0 */
/* Pools: daos_pool.h over client/pool. Each call is a function that runs in a ULT, where it may yield, and what launches it. */
#include "core.h"

#include <daos_task.h>
#include <gurt/common.h>
#include "pure/map/map.h"

/* ---- connecting --------------------------------------------------------------------------------------------------------- */
static void
fill_info(const struct pool_info *from, daos_pool_info_t *info)
{
	uint64_t bits = info->pi_bits;

	memset(info, 0, sizeof(*info));
	info->pi_bits = bits;
	memcpy(info->pi_uuid, from->uuid, sizeof(uuid_t));
	info->pi_ntargets = from->targets;
	info->pi_nnodes = from->ranks;
	info->pi_ndisabled = from->targets_disabled;
	info->pi_map_ver = from->map_version;
	info->pi_leader = from->leader;
	if ((bits & DPI_SPACE) != 0) {
		info->pi_space.ps_ntargets = from->targets - from->targets_disabled;
		for (int t = 0; t < DAOS_MEDIA_MAX; t++) {
			info->pi_space.ps_space.s_total[t] = from->space[t].total;
			info->pi_space.ps_space.s_free[t] = from->space[t].free;
			info->pi_space.ps_free_min[t] = from->space[t].min;
			info->pi_space.ps_free_max[t] = from->space[t].max;
			info->pi_space.ps_free_mean[t] = from->space[t].mean;
		}
	}
	/* No rebuild was ever begun. */
	info->pi_rebuild_st.rs_state = DRS_NOT_STARTED;
	info->pi_rebuild_st.rs_fail_rank = -1;
	info->pi_rebuild_st.rs_max_supported_layout_ver = (uint16_t)from->layout_version;
}

static int
connect_body(void *args)
{
	daos_pool_connect_t *in = args;
	struct pool_info known;
	struct pool *pool;
	char uuid[DAOS_UUID_STR_SIZE];
	const char *name = in->pool;
	int rc;

	if (in->poh == NULL)
		return -DER_INVAL;
	if (in->grp != NULL && in->grp[0] != '\0' && strcmp(in->grp, client_system(core__client())) != 0)
		return -DER_NONEXIST;
	if (name == NULL) {
		uuid_unparse_lower(in->uuid, uuid);
		name = uuid;
	}
	rc = pool_connect(core__client(), name, in->flags, &pool);
	if (rc != 0)
		return rc;
	if (in->info != NULL) {
		rc = pool_query(pool, &known);
		if (rc == 0)
			fill_info(&known, in->info);
	}
	if (rc != 0) {
		if (pool_disconnect(pool) != 0)
			pool_put(pool);
		return rc;
	}
	return core__handle(DAOS_HTYPE_POOL, pool, in->poh);
}

static int
connect_keep(void *args, struct arena *arena)
{
	daos_pool_connect_t *in = args;
	int rc = core__keep_text(&in->pool, arena);

	return rc != 0 ? rc : core__keep_text(&in->grp, arena);
}

int
daos_pool_connect2(const char *pool, const char *sys, unsigned int flags, daos_handle_t *poh, daos_pool_info_t *info, daos_event_t *ev)
{
	daos_pool_connect_t args = {.grp = sys, .flags = flags, .poh = poh, .info = info, .pool = pool};

	return pool != NULL ? core__call(connect_body, connect_keep, &args, sizeof(args), ev) : -DER_INVAL;
}

#undef daos_pool_connect
int daos_pool_connect(const char *pool, const char *sys, unsigned int flags, daos_handle_t *poh, daos_pool_info_t *info, daos_event_t *ev)
	__attribute__((alias("daos_pool_connect2"), visibility("default")));

static int
disconnect_body(void *args)
{
	daos_pool_disconnect_t *in = args;
	struct core_use use;
	daos_handle_t coh;
	int rc = core__use(&use, in->poh, DAOS_HTYPE_POOL, DAOS_TX_NONE);

	if (rc != 0)
		return core__done(&use, rc);
	while (rc == 0 && core__cont_of(use.object, &coh))
		rc = core__close_cont(coh);
	/* Our own reference goes with the connection; that of the handle when it is closed. */
	if (rc == 0) {
		rc = pool_disconnect(pool_get(use.object));
		if (rc != 0)
			pool_put(use.object);
	}
	if (rc == 0)
		(void)core__handle_close(in->poh, DAOS_HTYPE_POOL);
	return core__done(&use, rc);
}

int
daos_pool_disconnect(daos_handle_t poh, daos_event_t *ev)
{
	daos_pool_disconnect_t args = {.poh = poh};

	return core__call(disconnect_body, NULL, &args, sizeof(args), ev);
}

/* ---- sharing ---------------------------------------------------------------------------------------------------------------- */
struct share {
	daos_handle_t handle;
	d_iov_t *glob;
	daos_handle_t *result;
};

static int
pool_out(void *object, void *buf, size_t *size)
{
	return pool_export(object, buf, size);
}

static int
export_body(void *args)
{
	struct share *in = args;
	struct core_use use;
	int rc = core__use(&use, in->handle, DAOS_HTYPE_POOL, DAOS_TX_NONE);

	return core__done(&use, rc != 0 ? rc : core__export_give(pool_out, use.object, in->glob));
}

int
daos_pool_local2global(daos_handle_t poh, d_iov_t *glob)
{
	struct share args = {.handle = poh, .glob = glob};

	return glob != NULL ? core__call(export_body, NULL, &args, sizeof(args), NULL) : -DER_INVAL;
}

static int
import_body(void *args)
{
	struct share *in = args;
	struct pool *pool;
	int rc = pool_import(core__client(), in->glob->iov_buf, in->glob->iov_len, &pool);

	return rc != 0 ? rc : core__handle(DAOS_HTYPE_POOL, pool, in->result);
}

int
daos_pool_global2local(d_iov_t glob, daos_handle_t *poh)
{
	struct share args = {.glob = &glob, .result = poh};

	if (glob.iov_len == 0)
		glob.iov_len = glob.iov_buf_len;
	if (poh == NULL || glob.iov_buf == NULL || glob.iov_buf_len < glob.iov_len)
		return -DER_INVAL;
	return core__call(import_body, NULL, &args, sizeof(args), NULL);
}

/* ---- asking ------------------------------------------------------------------------------------------------------------------- */
static int
list_ranks(const struct pool *pool, uint64_t bits, d_rank_list_t **result)
{
	const struct pool_map *map = pool_map(pool);
	unsigned int serving = PMAP_BIT(PMAP_UP_IN) | PMAP_BIT(PMAP_DRAIN) | PMAP_BIT(PMAP_UP) | PMAP_BIT(PMAP_NEW);
	d_rank_list_t *ranks = d_rank_list_alloc(pmap_rank_nr(map));

	if (ranks == NULL)
		return -DER_NOMEM;
	if ((bits & DPI_ENGINES_ENABLED) == 0 && (bits & (DPI_ENGINES_DISABLED | DPI_ENGINES_DEAD)) != 0)
		serving = PMAP_BIT(PMAP_DOWN) | PMAP_BIT(PMAP_DOWN_OUT);
	ranks->rl_nr = pmap_ranks(map, serving, ranks->rl_ranks);
	*result = ranks;
	return 0;
}

static int
give_props(struct pool *pool, daos_prop_t *props)
{
	daos_prop_t got = {.dpp_nr = props->dpp_nr};
	struct arena arena;
	int rc = 0;

	arena_init(&arena, core__mem());
	if (props->dpp_nr > 0) {
		got.dpp_entries = arena_dup(&arena, props->dpp_entries, sizeof(got.dpp_entries[0]) * got.dpp_nr);
		rc = got.dpp_entries != NULL ? 0 : -DER_NOMEM;
	}
	if (rc == 0)
		rc = pool_prop_query(pool, &arena, &got);
	if (rc == 0)
		rc = core__props_give(props, &got);
	arena_fini(&arena);
	return rc;
}

static int
query_body(void *args)
{
	daos_pool_query_t *in = args;
	uint64_t bits = in->info != NULL ? in->info->pi_bits : 0;
	struct pool_info known;
	struct core_use use;
	int rc = core__use(&use, in->poh, DAOS_HTYPE_POOL, DAOS_TX_NONE);

	if (rc == 0 && (in->info != NULL || in->ranks != NULL)) {
		rc = pool_query(use.object, &known);
		if (rc == 0 && known.map_version > pool_map_version(use.object))
			rc = pool_map_refresh(use.object, known.map_version);
		if (rc == 0 && in->info != NULL)
			fill_info(&known, in->info);
	}
	if (rc == 0 && in->prop != NULL)
		rc = give_props(use.object, in->prop);
	if (rc == 0 && in->ranks != NULL)
		rc = list_ranks(use.object, bits, in->ranks);
	return core__done(&use, rc);
}

int
daos_pool_query(daos_handle_t poh, d_rank_list_t **ranks, daos_pool_info_t *info, daos_prop_t *pool_prop, daos_event_t *ev)
{
	daos_pool_query_t args = {.poh = poh, .ranks = ranks, .info = info, .prop = pool_prop};

	return core__call(query_body, NULL, &args, sizeof(args), ev);
}

static int
query_target_body(void *args)
{
	daos_pool_query_target_t *in = args;
	struct pool_target_space space;
	struct core_use use;
	uint32_t state;
	int rc = core__use(&use, in->poh, DAOS_HTYPE_POOL, DAOS_TX_NONE);

	if (rc == 0 && in->info == NULL)
		rc = -DER_INVAL;
	if (rc == 0)
		rc = pool_query_target(use.object, in->rank, in->tgt_idx, &space, &state);
	if (rc == 0) {
		*in->info = (daos_target_info_t){.ta_type = DAOS_TP_UNKNOWN, .ta_state = (daos_target_state_t)state};
		in->info->ta_space.s_total[DAOS_MEDIA_SCM] = space.scm_total;
		in->info->ta_space.s_free[DAOS_MEDIA_SCM] = space.scm_free;
		in->info->ta_space.s_total[DAOS_MEDIA_NVME] = space.nvme_total;
		in->info->ta_space.s_free[DAOS_MEDIA_NVME] = space.nvme_free;
	}
	return core__done(&use, rc);
}

int
daos_pool_query_target(daos_handle_t poh, uint32_t tgt, d_rank_t rank, daos_target_info_t *info, daos_event_t *ev)
{
	daos_pool_query_target_t args = {.poh = poh, .tgt_idx = tgt, .rank = rank, .info = info};

	return core__call(query_target_body, NULL, &args, sizeof(args), ev);
}

/* ---- attributes ----------------------------------------------------------------------------------------------------------------- */
static int
list_attr_body(void *args)
{
	daos_pool_list_attr_t *in = args;
	const char **names;
	struct core_use use;
	struct arena arena;
	uint32_t nr;
	int rc = core__use(&use, in->poh, DAOS_HTYPE_POOL, DAOS_TX_NONE);

	arena_init(&arena, core__mem());
	if (rc == 0)
		rc = pool_attr_list(use.object, &arena, &names, &nr);
	if (rc == 0)
		core__names_give(names, nr, in->buf, in->size);
	arena_fini(&arena);
	return core__done(&use, rc);
}

int
daos_pool_list_attr(daos_handle_t poh, char *buffer, size_t *size, daos_event_t *ev)
{
	daos_pool_list_attr_t args = {.poh = poh, .buf = buffer, .size = size};

	return size != NULL ? core__call(list_attr_body, NULL, &args, sizeof(args), ev) : -DER_INVAL;
}

static int
get_attr(void *object, struct arena *arena, struct attr *attrs, uint32_t nr)
{
	return pool_attr_get(object, arena, attrs, nr);
}

static int
set_attr(void *object, const struct attr *attrs, uint32_t nr)
{
	return pool_attr_set(object, attrs, nr);
}

static int
get_attr_body(void *args)
{
	daos_pool_get_attr_t *in = args;
	struct core_use use;
	int rc = core__use(&use, in->poh, DAOS_HTYPE_POOL, DAOS_TX_NONE);

	return core__done(&use, rc != 0 ? rc : core__attrs_give(get_attr, use.object, in->n, in->names, in->values, in->sizes));
}

static int
get_attr_keep(void *args, struct arena *arena)
{
	daos_pool_get_attr_t *in = args;

	return core__keep_names(&in->names, in->n, arena);
}

int
daos_pool_get_attr(daos_handle_t poh, int n, const char *const names[], void *const buffers[], size_t sizes[], daos_event_t *ev)
{
	daos_pool_get_attr_t args = {.poh = poh, .n = n, .names = names, .values = buffers, .sizes = sizes};
	int rc = core__names_check(names, n);

	if (rc == 0 && sizes == NULL)
		rc = -DER_INVAL;
	return rc != 0 ? rc : core__call(get_attr_body, get_attr_keep, &args, sizeof(args), ev);
}

static int
set_attr_body(void *args)
{
	daos_pool_set_attr_t *in = args;
	struct core_use use;
	int rc = core__use(&use, in->poh, DAOS_HTYPE_POOL, DAOS_TX_NONE);

	return core__done(&use, rc != 0 ? rc : core__attrs_take(set_attr, use.object, in->n, in->names, in->values, in->sizes));
}

static int
set_attr_keep(void *args, struct arena *arena)
{
	daos_pool_set_attr_t *in = args;
	int rc = core__keep_names(&in->names, in->n, arena);

	return rc != 0 ? rc : core__keep_values(&in->values, &in->sizes, in->n, arena);
}

int
daos_pool_set_attr(daos_handle_t poh, int n, const char *const names[], const void *const values[], const size_t sizes[], daos_event_t *ev)
{
	daos_pool_set_attr_t args = {.poh = poh, .n = n, .names = names, .values = values, .sizes = sizes};
	int rc = core__names_check(names, n);

	if (rc == 0 && (values == NULL || sizes == NULL))
		rc = -DER_INVAL;
	return rc != 0 ? rc : core__call(set_attr_body, set_attr_keep, &args, sizeof(args), ev);
}

static int
del_attr_body(void *args)
{
	daos_pool_del_attr_t *in = args;
	struct core_use use;
	int rc = core__use(&use, in->poh, DAOS_HTYPE_POOL, DAOS_TX_NONE);

	return core__done(&use, rc != 0 ? rc : pool_attr_del(use.object, in->names, (uint32_t)in->n));
}

static int
del_attr_keep(void *args, struct arena *arena)
{
	daos_pool_del_attr_t *in = args;

	return core__keep_names(&in->names, in->n, arena);
}

int
daos_pool_del_attr(daos_handle_t poh, int n, const char *const names[], daos_event_t *ev)
{
	daos_pool_del_attr_t args = {.poh = poh, .n = n, .names = names};
	int rc = core__names_check(names, n);

	return rc != 0 ? rc : core__call(del_attr_body, del_attr_keep, &args, sizeof(args), ev);
}

/* ---- containers ------------------------------------------------------------------------------------------------------------------ */
static int
list_cont_body(void *args)
{
	daos_pool_list_cont_t *in = args;
	struct pool_cont_entry *entries = NULL;
	daos_size_t room = *in->ncont;
	struct core_use use;
	struct arena arena;
	uint32_t nr = 0;
	int rc = core__use(&use, in->poh, DAOS_HTYPE_POOL, DAOS_TX_NONE);

	arena_init(&arena, core__mem());
	if (rc == 0)
		rc = pool_list_containers(use.object, &arena, &entries, &nr);
	if (rc == 0) {
		*in->ncont = nr;
		if (in->cont_buf != NULL && nr > room)
			rc = -DER_TRUNC;
		for (uint32_t i = 0; in->cont_buf != NULL && i < MIN(nr, room); i++) {
			memcpy(in->cont_buf[i].pci_uuid, entries[i].uuid, sizeof(uuid_t));
			memcpy(in->cont_buf[i].pci_label, entries[i].label, sizeof(entries[i].label));
		}
	}
	arena_fini(&arena);
	return core__done(&use, rc);
}

int
daos_pool_list_cont(daos_handle_t poh, daos_size_t *ncont, struct daos_pool_cont_info *cbuf, daos_event_t *ev)
{
	daos_pool_list_cont_t args = {.poh = poh, .ncont = ncont, .cont_buf = cbuf};

	return ncont != NULL ? core__call(list_cont_body, NULL, &args, sizeof(args), ev) : -DER_INVAL;
}

/* ---- for tasks ---------------------------------------------------------------------------------------------------------------------- */
const struct core_task core__pool_tasks[] = {
	{DAOS_OPC_POOL_CONNECT, connect_body, sizeof(daos_pool_connect_t)},
	{DAOS_OPC_POOL_DISCONNECT, disconnect_body, sizeof(daos_pool_disconnect_t)},
	{DAOS_OPC_POOL_QUERY, query_body, sizeof(daos_pool_query_t)},
	{DAOS_OPC_POOL_QUERY_INFO, query_target_body, sizeof(daos_pool_query_target_t)},
	{DAOS_OPC_POOL_LIST_ATTR, list_attr_body, sizeof(daos_pool_list_attr_t)},
	{DAOS_OPC_POOL_GET_ATTR, get_attr_body, sizeof(daos_pool_get_attr_t)},
	{DAOS_OPC_POOL_SET_ATTR, set_attr_body, sizeof(daos_pool_set_attr_t)},
	{DAOS_OPC_POOL_DEL_ATTR, del_attr_body, sizeof(daos_pool_del_attr_t)},
	{DAOS_OPC_POOL_LIST_CONT, list_cont_body, sizeof(daos_pool_list_cont_t)},
	{DAOS_OPC_INVALID, NULL, 0},
};
