/* SPDX-License-Identifier: Apache-2.0 */
/* The system as a whole: what attach information says, and the list of pools. Functions that run in ULTs may yield. */
#include "core.h"

#include <stdio.h>
#include <stdlib.h>
#include <daos_task.h>
#include <gurt/common.h>

/* ---- what the agent said ----------------------------------------------------------------------------------------------------- */
struct sys_info {
	const char *sys;
	struct daos_sys_info **info;
};

void
daos_mgmt_put_sys_info(struct daos_sys_info *info)
{
	if (info == NULL)
		return;
	for (uint32_t i = 0; info->dsi_ranks != NULL && i < info->dsi_nr_ranks; i++)
		free(info->dsi_ranks[i].dru_uri);
	free(info->dsi_ranks);
	free(info->dsi_ms_ranks);
	free(info);
}

static int
copy_info(const struct client_attach *attach, struct daos_sys_info *info)
{
	const char *agent = getenv("DAOS_AGENT_DRPC_DIR");

	snprintf(info->dsi_system_name, sizeof(info->dsi_system_name), "%s", attach->system);
	snprintf(info->dsi_fabric_provider, sizeof(info->dsi_fabric_provider), "tcp");
	snprintf(info->dsi_agent_path, sizeof(info->dsi_agent_path), "%s/daos_agent.sock",
		 agent != NULL && agent[0] != '\0' ? agent : "/var/run/daos_agent");
	info->dsi_ranks = calloc(attach->member_nr + 1, sizeof(info->dsi_ranks[0]));
	info->dsi_ms_ranks = calloc(attach->ms_rank_nr + 1, sizeof(info->dsi_ms_ranks[0]));
	if (info->dsi_ranks == NULL || info->dsi_ms_ranks == NULL)
		return -DER_NOMEM;
	memcpy(info->dsi_ms_ranks, attach->ms_ranks, sizeof(info->dsi_ms_ranks[0]) * attach->ms_rank_nr);
	info->dsi_nr_ms_ranks = attach->ms_rank_nr;
	for (uint32_t i = 0; i < attach->member_nr; i++) {
		const struct rpc_member *member = &attach->members[i];

		info->dsi_ranks[i].dru_rank = member->rank;
		info->dsi_ranks[i].dru_uri = strdup(member->addr_nr > 0 ? member->addrs[0] : "");
		if (info->dsi_ranks[i].dru_uri == NULL)
			return -DER_NOMEM;
		info->dsi_nr_ranks++;
	}
	return 0;
}

static int
sys_info_body(void *args)
{
	struct sys_info *in = args;
	const struct client_attach *attach = client_attach_info(core__client());
	struct daos_sys_info *info;
	int rc;

	if (in->sys != NULL && in->sys[0] != '\0' && strcmp(in->sys, attach->system) != 0)
		return -DER_NONEXIST;
	info = calloc(1, sizeof(*info));
	if (info == NULL)
		return -DER_NOMEM;
	rc = copy_info(attach, info);
	if (rc != 0)
		daos_mgmt_put_sys_info(info);
	else
		*in->info = info;
	return rc;
}

int
daos_mgmt_get_sys_info(const char *sys, struct daos_sys_info **info)
{
	struct sys_info args = {.sys = sys, .info = info};

	return info != NULL ? core__call(sys_info_body, NULL, &args, sizeof(args), NULL) : -DER_INVAL;
}

/* ---- pools ------------------------------------------------------------------------------------------------------------------------ */
static int
give_pool(const struct pool_entry *entry, daos_mgmt_pool_info_t *pool)
{
	memset(pool, 0, sizeof(*pool));
	memcpy(pool->mgpi_uuid, entry->uuid, sizeof(uuid_t));
	pool->mgpi_label = strdup(entry->label);
	pool->mgpi_svc = d_rank_list_alloc(entry->svc_nr);
	if (pool->mgpi_label == NULL || pool->mgpi_svc == NULL) {
		free(pool->mgpi_label);
		d_rank_list_free(pool->mgpi_svc);
		return -DER_NOMEM;
	}
	if (entry->svc_nr > 0)
		memcpy(pool->mgpi_svc->rl_ranks, entry->svc, sizeof(d_rank_t) * entry->svc_nr);
	pool->mgpi_ldr = entry->svc_nr > 0 ? entry->svc[0] : (d_rank_t)-1;
	return 0;
}

static int
list_pools_body(void *args)
{
	daos_mgmt_pool_list_t *in = args;
	struct pool_entry *entries = NULL;
	struct arena arena;
	uint32_t nr = 0;
	daos_size_t room = *in->npools;
	int rc;

	if (in->grp != NULL && in->grp[0] != '\0' && strcmp(in->grp, client_system(core__client())) != 0)
		return -DER_NONEXIST;
	arena_init(&arena, core__mem());
	rc = pool_list(core__client(), &arena, &entries, &nr);
	if (rc == 0) {
		*in->npools = nr;
		if (in->pools != NULL && nr > room)
			rc = -DER_TRUNC;
	}
	for (uint32_t i = 0; rc == 0 && in->pools != NULL && i < nr; i++) {
		rc = give_pool(&entries[i], &in->pools[i]);
		for (uint32_t k = 0; rc != 0 && k < i; k++) {
			free(in->pools[k].mgpi_label);
			d_rank_list_free(in->pools[k].mgpi_svc);
		}
	}
	arena_fini(&arena);
	return rc;
}

static int
list_pools_keep(void *args, struct arena *arena)
{
	daos_mgmt_pool_list_t *in = args;

	return core__keep_text(&in->grp, arena);
}

int
daos_mgmt_list_pools(const char *group, daos_size_t *npools, daos_mgmt_pool_info_t *pools, daos_event_t *ev)
{
	daos_mgmt_pool_list_t args = {.grp = group, .pools = pools, .npools = npools};

	return npools != NULL ? core__call(list_pools_body, list_pools_keep, &args, sizeof(args), ev) : -DER_INVAL;
}

const struct core_task core__mgmt_tasks[] = {
	{DAOS_OPC_MGMT_LIST_POOLS, list_pools_body, sizeof(daos_mgmt_pool_list_t)},
	{DAOS_OPC_INVALID, NULL, 0},
};
