/* SPDX-License-Identifier: Apache-2.0 */
/* daos pool: what the management service and the service of a pool tell. */
#include "daos.h"

#include <stdio.h>
#include "pure/map/map.h"
#include "proto/pool.h"

/* ---- what the service says of a pool ------------------------------------------------------------------------------------------ */
struct facts {
	uuid_t uuid;
	const char *label;
	const struct pool_entry *entry; /* from the list; NULL: not had */
	bool queried;                   /* else only the names are known */
	int failed;                     /* why not; 0: it was not tried */
	struct pool_query_out out;
};

static int
ask(struct cli *cli, uint64_t bits, struct facts *facts)
{
	struct daos *daos = tool_of(cli);
	struct pool_query_in in = {.bits = bits};
	int rc;

	rc = pool_call(daos->pool, opc_pool_query, &in, &facts->out, &daos->arena);
	if (rc != 0)
		return rc;
	memcpy(facts->uuid, pool_uuid(daos->pool), sizeof(uuid_t));
	facts->label = facts->out.label != NULL ? facts->out.label : "";
	facts->queried = true;
	return 0;
}

static const char *
state_word(const struct facts *facts)
{
	bool served = facts->entry == NULL || facts->entry->svc_nr > 0;

	if (!facts->queried && facts->failed == -DER_DF_INCOMPT)
		return "Newer";
	if (!facts->queried && (facts->failed == -DER_DF_INVAL || !served))
		return "Damaged";
	return !facts->queried ? "Unknown" : facts->out.targets_disabled > 0 ? "Degraded" : "Ready";
}

static const char *
rebuild_word(const struct facts *facts)
{
	static const char *const names[] = {"idle", "done", "busy"};
	uint32_t state = (uint32_t)facts->out.rebuild.state;

	return state < ARRAY_SIZE(names) ? names[state] : "unknown";
}

static struct json_object *
tiers_json(const struct facts *facts)
{
	static const char *const media[] = {"scm", "nvme"};
	struct json_object *array = json_object_new_array();

	for (uint32_t i = 0; i < facts->out.tiers_nr && i < ARRAY_SIZE(media); i++) {
		const struct rpc_space *tier = &facts->out.tiers[i];
		struct json_object *one = json_object_new_object();

		cli_json_add(one, "total", cli_json_u64(tier->total));
		cli_json_add(one, "free", cli_json_u64(tier->free));
		cli_json_add(one, "min", cli_json_u64(tier->min));
		cli_json_add(one, "max", cli_json_u64(tier->max));
		cli_json_add(one, "mean", cli_json_u64(tier->mean));
		cli_json_add(one, "media_type", cli_json_string(media[i]));
		json_object_array_add(array, one);
	}
	return array;
}

static void
add_services(struct json_object *one, const struct facts *facts)
{
	cli_json_add(one, "svc_ldr", cli_json_u64(facts->queried ? facts->out.svc.leader : 0));
	if (facts->entry != NULL)
		cli_json_add(one, "svc_reps", cli_json_u32_array(facts->entry->svc, facts->entry->svc_nr));
	else
		cli_json_add(one, "svc_reps", cli_json_u32_array(&facts->out.svc.leader, 1));
}

static struct json_object *
facts_json(const struct facts *facts)
{
	struct json_object *one = json_object_new_object(), *rebuild = json_object_new_object();
	const struct pool_query_out *out = &facts->out;

	cli_json_add(one, "query_mask", cli_json_string(!facts->queried ? "" : out->tiers_nr > 0 ? "rebuild,space" : "rebuild"));
	cli_json_add(one, "state", cli_json_string(state_word(facts)));
	cli_json_add(one, "uuid", cli_json_uuid(facts->uuid));
	cli_json_add(one, "label", cli_json_string(facts->label));
	cli_json_add(one, "total_targets", cli_json_u64(out->targets));
	cli_json_add(one, "active_targets", cli_json_u64(out->targets - out->targets_disabled));
	cli_json_add(one, "total_engines", cli_json_u64(out->ranks));
	cli_json_add(one, "disabled_targets", cli_json_u64(out->targets_disabled));
	cli_json_add(one, "version", cli_json_u64(out->svc.map_version));
	add_services(one, facts);
	cli_json_add(rebuild, "status", json_object_new_int(out->rebuild.error));
	cli_json_add(rebuild, "state", cli_json_string(rebuild_word(facts)));
	cli_json_add(rebuild, "objects", cli_json_u64(out->rebuild.objects));
	cli_json_add(rebuild, "records", cli_json_u64(out->rebuild.records));
	cli_json_add(one, "rebuild", rebuild);
	cli_json_add(one, "tier_stats", tiers_json(facts));
	cli_json_add(one, "pool_layout_ver", cli_json_u64(out->layout_version));
	cli_json_add(one, "upgrade_layout_ver", cli_json_u64(out->layout_version));
	return one;
}

/* ---- query ------------------------------------------------------------------------------------------------------------------------ */
static void
print_query(struct cli *cli, const struct facts *facts)
{
	static const char *const tiers[] = {"metadata", "data"};
	const struct pool_query_out *out = &facts->out;
	char uuid[TEXT_UUID_SIZE], size[5][TEXT_SIZE_MAX], set[512];

	cli_print(cli, "Pool %s, %s: %s%s\n", text_print_uuid(uuid, facts->uuid), facts->label, state_word(facts),
		  out->ram ? " (class ram: lost when an engine ends)" : "");
	cli_print(cli, "  Targets        : %u, %u disabled; on %u engine%s\n", out->targets, out->targets_disabled, out->ranks,
		  out->ranks == 1 ? "" : "s");
	cli_print(cli, "  Map version    : %u, layout %u\n", out->svc.map_version, out->layout_version);
	cli_print(cli, "  Service leader : rank %u\n", out->svc.leader);
	cli_print(cli, "  In use         : %u container%s, %u connection%s\n", out->containers, out->containers == 1 ? "" : "s", out->handles,
		  out->handles == 1 ? "" : "s");
	if (cli_flag(cli, "show-enabled"))
		cli_print(cli, "  Enabled ranks  : %s\n", cli_rank_set(set, sizeof(set), out->ranks_enabled, out->ranks_enabled_nr));
	if (cli_flag(cli, "show-disabled"))
		cli_print(cli, "  Disabled ranks : %s\n", cli_rank_set(set, sizeof(set), out->ranks_disabled, out->ranks_disabled_nr));
	if (out->ranks_dead_nr > 0)
		cli_print(cli, "  Dead ranks     : %s\n", cli_rank_set(set, sizeof(set), out->ranks_dead, out->ranks_dead_nr));
	cli_print(cli, "  Rebuild        : %s, %llu objects, %llu records\n", rebuild_word(facts), (unsigned long long)out->rebuild.objects,
		  (unsigned long long)out->rebuild.records);
	for (uint32_t i = 0; i < out->tiers_nr && i < ARRAY_SIZE(tiers); i++) {
		const struct rpc_space *tier = &out->tiers[i];

		cli_print(cli, "  %-14s : %s free of %s; a target %s to %s, mean %s\n", tiers[i], text_print_size(size[0], tier->free),
			  text_print_size(size[1], tier->total), text_print_size(size[2], tier->min), text_print_size(size[3], tier->max),
			  text_print_size(size[4], tier->mean));
	}
}

int
tool_pool_query(struct cli *cli)
{
	bool health = cli_flag(cli, "health-only");
	struct json_object *response;
	struct facts facts = {0};
	int rc;

	rc = tool_open_pool(cli, DAOS_PC_RO);
	if (rc == 0)
		rc = tool_failed(cli, ask(cli, health ? DPI_ALL & ~DPI_SPACE : DPI_ALL, &facts), cli_arg(cli, 0));
	if (rc != 0)
		return rc;
	if (health)
		facts.out.tiers_nr = 0;
	response = facts_json(&facts);
	if (cli_flag(cli, "show-enabled"))
		cli_json_add(response, "enabled_ranks", cli_json_rank_set(facts.out.ranks_enabled, facts.out.ranks_enabled_nr));
	if (cli_flag(cli, "show-disabled"))
		cli_json_add(response, "disabled_ranks", cli_json_rank_set(facts.out.ranks_disabled, facts.out.ranks_disabled_nr));
	if (facts.out.ranks_dead_nr > 0)
		cli_json_add(response, "dead_ranks", cli_json_rank_set(facts.out.ranks_dead, facts.out.ranks_dead_nr));
	cli_json_add(response, "status", json_object_new_int(0));
	cli_respond(cli, response);
	print_query(cli, &facts);
	return 0;
}

/* ---- query-targets -------------------------------------------------------------------------------------------------------------------- */
static struct json_object *
target_json(const struct pool_target_space *space, uint32_t state)
{
	struct json_object *one = json_object_new_object(), *spaces = json_object_new_array();
	const struct { const char *media; uint64_t total, free; } tiers[] = {
		{"scm", space->scm_total, space->scm_free}, {"nvme", space->nvme_total, space->nvme_free}};

	cli_json_add(one, "type", cli_json_string("unknown"));
	cli_json_add(one, "state", cli_json_string(pmap_state_name(state)));
	for (size_t i = 0; i < ARRAY_SIZE(tiers); i++) {
		struct json_object *tier = json_object_new_object();

		cli_json_add(tier, "total", cli_json_u64(tiers[i].total));
		cli_json_add(tier, "free", cli_json_u64(tiers[i].free));
		cli_json_add(tier, "media_type", cli_json_string(tiers[i].media));
		json_object_array_add(spaces, tier);
	}
	cli_json_add(one, "space", spaces);
	return one;
}

/* Those of the command line, else all of the rank. */
static int
targets_wanted(struct cli *cli, uint32_t rank, uint32_t **targets, uint32_t *nr)
{
	struct daos *daos = tool_of(cli);
	const struct pool_map *map = pool_map(daos->pool);
	const char *text = cli_text(cli, "target-idx");
	uint32_t *list = NULL;

	*nr = 0;
	if (text != NULL) {
		if (text_parse_ranks(daos->env->mem, text, 65536, &list, nr) != 0 || *nr == 0)
			return cli_misuse(cli, "--target-idx wants numbers such as 0-3,5, not '%s'", text);
		*targets = arena_dup(&daos->arena, list, *nr * sizeof(uint32_t));
		mem_free(daos->env->mem, list);
		return *targets != NULL ? 0 : -DER_NOMEM;
	}
	*targets = ARENA_NEW_ARRAY(&daos->arena, uint32_t, pmap_target_nr(map) + 1);
	if (*targets == NULL)
		return -DER_NOMEM;
	for (uint32_t i = 0; i < pmap_target_nr(map); i++)
		if (pmap_target(map, i)->rank == rank)
			(*targets)[(*nr)++] = pmap_target(map, i)->index;
	return *nr > 0 ? 0 : cli_fail(cli, -DER_NONEXIST, "rank %u is not in pool %s: daos pool query --show-enabled lists its ranks", rank, cli_arg(cli, 0));
}

int
tool_pool_query_targets(struct cli *cli)
{
	static const char *const heads[] = {"Target", "State", "Metadata free", "of", "Data free", "of", NULL};
	struct json_object *response, *infos;
	uint32_t rank = (uint32_t)cli_number(cli, "rank", 0), *targets, nr;
	char size[TEXT_SIZE_MAX];
	struct cli_table table;
	int rc;

	rc = tool_open_pool(cli, DAOS_PC_RO);
	if (rc == 0)
		rc = tool_failed(cli, targets_wanted(cli, rank, &targets, &nr), cli_arg(cli, 0));
	if (rc != 0)
		return rc;
	response = json_object_new_object();
	infos = json_object_new_array();
	cli_table_init(&table, heads);
	cli_json_add(response, "status", json_object_new_int(0));
	cli_json_add(response, "infos", infos);
	cli_respond(cli, response);
	for (uint32_t i = 0; rc == 0 && i < nr; i++) {
		struct pool_target_space space = {0};
		uint32_t state = 0;

		rc = pool_query_target(tool_of(cli)->pool, rank, targets[i], &space, &state);
		if (rc == -DER_NONEXIST || rc == -DER_INVAL)
			cli_fail(cli, rc, "rank %u has no target %u in pool %s (%s)", rank, targets[i], cli_arg(cli, 0), d_errstr(rc));
		if (rc != 0)
			break;
		json_object_array_add(infos, target_json(&space, state));
		cli_table_add(&table, "%u", targets[i]);
		cli_table_add(&table, "%s", pmap_state_name(state));
		cli_table_add(&table, "%s", text_print_size(size, space.scm_free));
		cli_table_add(&table, "%s", text_print_size(size, space.scm_total));
		cli_table_add(&table, "%s", text_print_size(size, space.nvme_free));
		cli_table_add(&table, "%s", text_print_size(size, space.nvme_total));
	}
	cli_table_print(cli, &table, 0);
	return tool_failed(cli, rc, cli_arg(cli, 0));
}

/* ---- list --------------------------------------------------------------------------------------------------------------------------------- */
/* A pool that may be listed may still not be opened by this user: only its names are told then. */
static void
look(struct cli *cli, const struct pool_entry *entry, struct facts *facts)
{
	struct daos *daos = tool_of(cli);
	char uuid[TEXT_UUID_SIZE];

	facts->failed = pool_connect(daos->client, text_print_uuid(uuid, entry->uuid), DAOS_PC_RO, &daos->pool);
	if (facts->failed == 0) {
		facts->failed = ask(cli, DPI_ALL, facts);
		if (pool_disconnect(daos->pool) != 0)
			pool_put(daos->pool);
		daos->pool = NULL;
	}
	memcpy(facts->uuid, entry->uuid, sizeof(uuid_t));
	facts->label = entry->label;
}

static void
add_row(struct cli *cli, struct cli_table *table, const struct facts *facts)
{
	char uuid[TEXT_UUID_SIZE], size[TEXT_SIZE_MAX], set[256];
	uint64_t total = 0, left = 0;

	for (uint32_t i = 0; i < facts->out.tiers_nr; i++) {
		total += facts->out.tiers[i].total;
		left += facts->out.tiers[i].free;
	}
	cli_table_add(table, "%s", facts->label[0] != '\0' ? facts->label : text_print_uuid(uuid, facts->uuid));
	if (cli_flag(cli, "verbose"))
		cli_table_add(table, "%s", text_print_uuid(uuid, facts->uuid));
	cli_table_add(table, "%s", total > 0 ? text_print_size(size, total) : "-");
	cli_table_add(table, "%s", state_word(facts));
	if (total > 0)
		cli_table_add(table, "%.0f%%", (double)(total - MIN(left, total)) * 100.0 / (double)total);
	else
		cli_table_add(table, "-");
	if (cli_flag(cli, "verbose"))
		cli_table_add(table, "%s", cli_rank_set(set, sizeof(set), facts->entry->svc, facts->entry->svc_nr));
	cli_table_add(table, "%u/%u", facts->out.targets_disabled, facts->out.targets);
}

int
tool_pool_list(struct cli *cli)
{
	static const char *const brief[] = {"Pool", "Size", "State", "Used", "Disabled", NULL};
	static const char *const verbose[] = {"Pool", "UUID", "Size", "State", "Used", "Service", "Disabled", NULL};
	struct json_object *response, *pools;
	struct daos *daos = tool_of(cli);
	struct pool_entry *entries = NULL;
	struct cli_table table;
	uint32_t nr = 0;
	int rc;

	rc = tool_connect(cli);
	if (rc != 0)
		return rc;
	response = json_object_new_object();
	pools = json_object_new_array();
	cli_json_add(response, "status", json_object_new_int(0));
	cli_json_add(response, "pools", pools);
	cli_respond(cli, response);
	rc = pool_list(daos->client, &daos->arena, &entries, &nr);
	if (rc != 0)
		return tool_failed(cli, rc, NULL);
	cli_table_init(&table, cli_flag(cli, "verbose") ? verbose : brief);
	for (uint32_t i = 0; i < nr; i++) {
		struct facts facts = {.entry = &entries[i], .label = entries[i].label};

		memcpy(facts.uuid, entries[i].uuid, sizeof(uuid_t));
		if (!cli_flag(cli, "no-query"))
			look(cli, &entries[i], &facts);
		json_object_array_add(pools, facts_json(&facts));
		add_row(cli, &table, &facts);
	}
	if (nr > 0)
		cli_table_print(cli, &table, 0);
	else
		cli_print(cli, "No pools that you may see; dmg pool create --size=8GiB tank makes one.\n");
	return 0;
}

/* ---- health ---------------------------------------------------------------------------------------------------------------------------------- */
int
tool_health(struct cli *cli)
{
	struct daos *daos = tool_of(cli);
	const struct client_attach *attach;
	struct json_object *response, *pools;
	struct pool_entry *entries = NULL;
	uint32_t nr = 0;
	int rc;

	rc = tool_connect(cli);
	if (rc != 0)
		return rc;
	attach = client_attach_info(daos->client);
	response = json_object_new_object();
	pools = json_object_new_array();
	cli_json_add(response, "system", cli_json_string(attach->system));
	cli_json_add(response, "ranks", cli_json_u64(attach->member_nr));
	cli_json_add(response, "pools", pools);
	cli_respond(cli, response);
	cli_print(cli, "Agent   : %s answers\nSystem  : %s, %u rank%s\n", daos->agent, attach->system, attach->member_nr,
		  attach->member_nr == 1 ? "" : "s");
	rc = pool_list(daos->client, &daos->arena, &entries, &nr);
	for (uint32_t i = 0; rc == 0 && i < nr; i++) {
		struct facts facts = {.entry = &entries[i]};

		look(cli, &entries[i], &facts);
		json_object_array_add(pools, facts_json(&facts));
		cli_print(cli, "Pool    : %s %s\n", facts.label, state_word(&facts));
	}
	return tool_failed(cli, rc, NULL);
}
