/* SPDX-License-Identifier: Apache-2.0 */
/* dmg storage and dmg system. */
#include "dmg.h"

#include <stdlib.h>
#include <time.h>
#include "base/text.h"

/* ---- storage -------------------------------------------------------------------------------------------------------------- */
/* One host: {hash: {hosts, storage}}. */
static struct json_object *
host_map(const char *host, struct json_object *storage)
{
	struct json_object *map = json_object_new_object(), *one = json_object_new_object();

	cli_json_add(one, "hosts", cli_json_string(host));
	cli_json_add(one, "storage", storage);
	cli_json_add(map, "0", one);
	return map;
}

static struct json_object *
host_response(struct json_object *map, struct json_object *errors)
{
	struct json_object *response = json_object_new_object();

	cli_json_add(response, "host_errors", errors);
	cli_json_add(response, "host_storage_map", map);
	return response;
}

static struct json_object *
mount_json(const struct ctl_storage_engine *engine)
{
	struct json_object *mount = json_object_new_object();

	cli_json_add(mount, "path", cli_json_string(engine->path));
	cli_json_add(mount, "class", cli_json_string(engine->class));
	cli_json_add(mount, "instance_idx", cli_json_u64(engine->instance));
	cli_json_add(mount, "rank", engine->rank != UINT32_MAX ? cli_json_u64(engine->rank) : NULL);
	cli_json_add(mount, "formatted", json_object_new_boolean(engine->formatted));
	cli_json_add(mount, "total_bytes", cli_json_u64(engine->total));
	cli_json_add(mount, "avail_bytes", cli_json_u64(engine->free));
	return mount;
}

static void
scan_json(struct cli *cli, const struct ctl_storage_scan_out *out)
{
	struct json_object *storage = json_object_new_object(), *mounts = json_object_new_array(), *memory = json_object_new_object();

	for (uint32_t i = 0; i < out->engines_nr; i++)
		json_object_array_add(mounts, mount_json(&out->engines[i]));
	cli_json_add(storage, "nvme_devices", json_object_new_array());
	cli_json_add(storage, "scm_modules", json_object_new_array());
	cli_json_add(storage, "scm_namespaces", json_object_new_array());
	cli_json_add(storage, "scm_mount_points", mounts);
	cli_json_add(storage, "smd_info", NULL);
	cli_json_add(storage, "reboot_required", json_object_new_boolean(false));
	cli_json_add(memory, "mem_total_kb", cli_json_u64(out->memory / KIB));
	cli_json_add(storage, "mem_info", memory);
	cli_respond(cli, host_response(host_map(out->host, storage), json_object_new_object()));
}

int
dmg_storage_scan(struct cli *cli)
{
	static const char *const heads[] = {"Engine", "Rank", "Class", "Formatted", "Free", "Total", "Storage", NULL};
	struct ctl_storage_scan_in in = {.devices = cli_flag(cli, "verbose"), .health = cli_flag(cli, "nvme-health")};
	struct ctl_storage_scan_out out = {0};
	char size[2][TEXT_SIZE_MAX], rank[16];
	struct cli_table table;
	int rc;

	rc = dmg_call(cli, opc_ctl_storage_scan, &in, &out);
	if (rc != 0)
		return dmg_failed(cli, rc, NULL);
	scan_json(cli, &out);
	cli_print(cli, "Host %s, memory %s\n", out.host, text_print_size(size[0], out.memory));
	cli_table_init(&table, heads);
	for (uint32_t i = 0; i < out.engines_nr; i++) {
		const struct ctl_storage_engine *engine = &out.engines[i];

		snprintf(rank, sizeof(rank), engine->rank != UINT32_MAX ? "%u" : "-", engine->rank);
		cli_table_add(&table, "%u", engine->instance);
		cli_table_add(&table, "%s", rank);
		cli_table_add(&table, "%s", engine->class);
		cli_table_add(&table, "%s", engine->formatted ? "yes" : "no");
		cli_table_add(&table, "%s", text_print_size(size[0], engine->free));
		cli_table_add(&table, "%s", text_print_size(size[1], engine->total));
		cli_table_add(&table, "%s", engine->path);
	}
	cli_table_print(cli, &table, 0);
	return 0;
}

int
dmg_storage_format(struct cli *cli)
{
	static const char *const heads[] = {"Engine", "Result", "Storage", NULL};
	struct ctl_storage_format_in in = {.force = cli_flag(cli, "force")};
	struct json_object *results = json_object_new_array(), *errors = json_object_new_object(), *storage;
	struct ctl_storage_format_out out = {0};
	struct cli_table table;
	int rc, first = 0;

	rc = dmg_call(cli, opc_ctl_storage_format, &in, &out);
	cli_table_init(&table, heads);
	for (uint32_t i = 0; i < out.results_nr; i++) {
		const struct ctl_format_result *result = &out.results[i];
		struct json_object *one = json_object_new_object();

		cli_json_add(one, "instance_idx", cli_json_u64(result->instance));
		cli_json_add(one, "path", cli_json_string(result->path));
		cli_json_add(one, "status", json_object_new_int(result->status));
		cli_json_add(one, "info", cli_json_string(result->message));
		json_object_array_add(results, one);
		cli_table_add(&table, "%u", result->instance);
		cli_table_add(&table, "%s", result->message);
		cli_table_add(&table, "%s", result->path);
		if (result->status != 0 && first == 0)
			first = cli_fail(cli, result->status, "storage format failed: engine %u: %s %s", result->instance, result->path,
					 result->message);
	}
	storage = json_object_new_object();
	cli_json_add(storage, "scm_mount_points", results);
	cli_respond(cli, host_response(host_map(out.host, storage), errors));
	if (rc == 0)
		cli_table_print(cli, &table, 0);
	return rc != 0 ? dmg_failed(cli, rc, NULL) : first;
}

/* ---- system ------------------------------------------------------------------------------------------------------------------ */
static bool
is_wanted(struct cli *cli, const struct ctl_member *member)
{
	const char *states = cli_text(cli, "with-states");
	struct text_span rest = text_span_of(states != NULL ? states : ""), one;

	if (cli_flag(cli, "not-ok") && strcmp(member->state, "joined") == 0)
		return false;
	if (states == NULL)
		return true;
	while (text_split(&rest, ',', &one))
		if (text_equal_nocase(text_trim(one), member->state))
			return true;
	return false;
}

static void
time_text(char *buf, size_t size, uint64_t seconds)
{
	time_t when = (time_t)seconds;
	struct tm tm;

	gmtime_r(&when, &tm);
	strftime(buf, size, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

static struct json_object *
member_json(const struct ctl_member *member)
{
	struct json_object *one = json_object_new_object();
	char when[40];

	time_text(when, sizeof(when), member->last_update_s);
	cli_json_add(one, "addr", cli_json_string(member->addr));
	cli_json_add(one, "state", cli_json_string(member->state));
	cli_json_add(one, "fault_domain", cli_json_string(member->fault_domain));
	cli_json_add(one, "rank", cli_json_u64(member->rank));
	cli_json_add(one, "incarnation", cli_json_u64(member->incarnation));
	cli_json_add(one, "uuid", cli_json_uuid(member->uuid));
	cli_json_add(one, "fabric_uri", cli_json_string(member->uri));
	cli_json_add(one, "secondary_fabric_uris", json_object_new_array());
	cli_json_add(one, "fabric_contexts", cli_json_u64(member->targets));
	cli_json_add(one, "info", cli_json_string(member->info));
	cli_json_add(one, "last_update", cli_json_string(when));
	cli_json_add(one, "pid", json_object_new_int(member->pid));
	cli_json_add(one, "restarts", cli_json_u64(member->restarts));
	return one;
}

static void
print_members(struct cli *cli, const struct ctl_member *const *members, uint32_t nr)
{
	static const char *const brief[] = {"Rank", "State", "Reason", NULL};
	static const char *const verbose[] = {"Rank", "UUID", "State", "Process", "Restarts", "Targets", "Address", "Reason", NULL};
	bool all = cli_flag(cli, "verbose");
	char uuid[TEXT_UUID_SIZE];
	struct cli_table table;

	cli_table_init(&table, all ? verbose : brief);
	for (uint32_t i = 0; i < nr; i++) {
		const struct ctl_member *member = members[i];

		cli_table_add(&table, member->rank != UINT32_MAX ? "%u" : "-", member->rank);
		if (all)
			cli_table_add(&table, "%s", text_print_uuid(uuid, member->uuid));
		cli_table_add(&table, "%s", member->state);
		if (all) {
			cli_table_add(&table, "%d", member->pid);
			cli_table_add(&table, "%u", member->restarts);
			cli_table_add(&table, "%u", member->targets);
			cli_table_add(&table, "%s", member->uri);
		}
		cli_table_add(&table, "%s", member->info);
	}
	cli_table_print(cli, &table, 0);
}

int
dmg_system_query(struct cli *cli)
{
	struct ctl_system_query_in in = {0};
	struct ctl_system_query_out out = {0};
	struct json_object *response, *members;
	const struct ctl_member **wanted;
	char text[1024];
	uint32_t nr = 0;
	int rc;

	rc = dmg_ranks(cli, "ranks", &in.ranks, &in.ranks_nr);
	if (rc == 0)
		rc = dmg_call(cli, opc_ctl_system_query, &in, &out);
	if (rc != 0)
		return dmg_failed(cli, rc, NULL);
	wanted = ARENA_NEW_ARRAY(dmg_arena(cli), const struct ctl_member *, out.members_nr + 1);
	if (wanted == NULL)
		return -DER_NOMEM;
	response = json_object_new_object();
	members = json_object_new_array();
	for (uint32_t i = 0; i < out.members_nr; i++)
		if (is_wanted(cli, &out.members[i])) {
			wanted[nr++] = &out.members[i];
			json_object_array_add(members, member_json(&out.members[i]));
		}
	cli_json_add(response, "members", members);
	cli_json_add(response, "absent_ranks", cli_json_string(cli_rank_set(text, sizeof(text), out.absent, out.absent_nr)));
	cli_json_add(response, "absent_hosts", cli_json_string(""));
	cli_json_add(response, "data_version", cli_json_u64(out.data_version));
	members = json_object_new_array();
	json_object_array_add(members, cli_json_string(out.provider));
	cli_json_add(response, "providers", members);
	cli_respond(cli, response);
	print_members(cli, wanted, nr);
	if (out.absent_nr > 0)
		return cli_fail(cli, -DER_NONEXIST, "there is no rank %s", text);
	return 0;
}

/* Also the envelope's error when a rank could not. */
static int
print_results(struct cli *cli, const struct ctl_rank_result *results, uint32_t nr)
{
	static const char *const heads[] = {"Rank", "Operation", "Result", "State", NULL};
	struct json_object *response = json_object_new_object(), *list = json_object_new_array();
	struct cli_table table;
	int rc = 0;

	cli_table_init(&table, heads);
	for (uint32_t i = 0; i < nr; i++) {
		struct json_object *one = json_object_new_object();

		cli_json_add(one, "Addr", cli_json_string(results[i].addr));
		cli_json_add(one, "Rank", cli_json_u64(results[i].rank));
		cli_json_add(one, "Action", cli_json_string(results[i].action));
		cli_json_add(one, "Errored", json_object_new_boolean(results[i].errored));
		cli_json_add(one, "Msg", cli_json_string(results[i].message));
		cli_json_add(one, "state", cli_json_string(results[i].state));
		json_object_array_add(list, one);
		cli_table_add(&table, "%u", results[i].rank);
		cli_table_add(&table, "%s", results[i].action);
		cli_table_add(&table, "%s", results[i].errored ? results[i].message : "OK");
		cli_table_add(&table, "%s", results[i].state);
		if (results[i].errored && rc == 0)
			rc = cli_fail(cli, -DER_MISC, "%s failed: rank %u: %s; dmg system query -v and the engine's log say more",
				      cli_command_name(cli), results[i].rank, results[i].message);
	}
	cli_json_add(response, "results", list);
	cli_respond(cli, response);
	cli_table_print(cli, &table, 0);
	if (nr == 0)
		return cli_fail(cli, -DER_NONEXIST, "%s: there is no such rank: dmg system query lists them", cli_command_name(cli));
	return rc;
}

int
dmg_system_stop(struct cli *cli)
{
	struct ctl_system_stop_in in = {.force = cli_flag(cli, "force")};
	struct ctl_system_stop_out out = {0};
	int rc;

	rc = dmg_ranks(cli, "ranks", &in.ranks, &in.ranks_nr);
	if (rc == 0)
		rc = dmg_call(cli, opc_ctl_system_stop, &in, &out);
	return rc != 0 ? dmg_failed(cli, rc, NULL) : print_results(cli, out.results, out.results_nr);
}

int
dmg_system_start(struct cli *cli)
{
	struct ctl_system_start_in in = {0};
	struct ctl_system_start_out out = {0};
	int rc;

	rc = dmg_ranks(cli, "ranks", &in.ranks, &in.ranks_nr);
	if (rc == 0)
		rc = dmg_call(cli, opc_ctl_system_start, &in, &out);
	return rc != 0 ? dmg_failed(cli, rc, NULL) : print_results(cli, out.results, out.results_nr);
}
