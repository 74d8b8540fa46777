/* SPDX-License-Identifier: Apache-2.0 */
/* dmg storage and dmg system. */
#include "dmg.h"

#include <stdlib.h>
#include <time.h>
#include "base/text.h"

/* ---- storage -------------------------------------------------------------------------------------------------------------- */
enum { CONTROL_PORT = 10001 }; /* programs expect host:port; the conventional one, nothing listens there */

/* One host: {hash: {hosts, storage}}. */
static struct json_object *
host_map(const char *host, struct json_object *storage)
{
	struct json_object *map = json_object_new_object(), *one = json_object_new_object();
	char hosts[300];

	snprintf(hosts, sizeof(hosts), "%s:%d", host, CONTROL_PORT);
	cli_json_add(one, "hosts", cli_json_string(hosts));
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

static const char *
dev_state(const struct ctl_device *device)
{
	static const char *const names[] = {"NORMAL", "NEW", "EVICTED", "UNPLUGGED"};

	return device->state < ARRAY_SIZE(names) ? names[device->state] : "UNKNOWN";
}

/* What a file has no counter of, a temperature say, is left out. */
static struct json_object *
health_json(const struct ctl_device *device)
{
	struct json_object *health = json_object_new_object();
	const struct { const char *name; uint64_t value; } stats[] = {
		{"bio_read_errs", device->read_errors}, {"bio_write_errs", device->write_errors}, {"bio_flush_errs", device->flush_errors},
		{"checksum_errs", device->csum_errors}, {"host_read_cmds", device->reads},        {"host_write_cmds", device->writes},
		{"host_flush_cmds", device->flushes},   {"bytes_read", device->bytes_read},       {"bytes_written", device->bytes_written},
		{"slowest_ns", device->slowest_ns},
	};

	for (size_t i = 0; i < ARRAY_SIZE(stats); i++)
		cli_json_add(health, stats[i].name, cli_json_u64(stats[i].value));
	return health;
}

static struct json_object *
ctrlr_json(const struct ctl_device *device, bool health)
{
	struct json_object *ctrlr = json_object_new_object();

	cli_json_add(ctrlr, "info", cli_json_string(device->path));
	cli_json_add(ctrlr, "model", cli_json_string(device->class));
	cli_json_add(ctrlr, "serial", cli_json_uuid(device->uuid));
	cli_json_add(ctrlr, "pci_addr", cli_json_string(""));
	cli_json_add(ctrlr, "fw_rev", cli_json_string(""));
	cli_json_add(ctrlr, "socket_id", json_object_new_int(0));
	cli_json_add(ctrlr, "health_stats", health && device->health ? health_json(device) : NULL);
	cli_json_add(ctrlr, "namespaces", json_object_new_array());
	cli_json_add(ctrlr, "dev_state", cli_json_string(dev_state(device)));
	cli_json_add(ctrlr, "led_state", cli_json_string("NA"));
	return ctrlr;
}

/* roles: bits of kinds of blobs: meta, wal, data; 0: all */
static char *
roles_text(const struct ctl_device *device, char buf[32])
{
	uint32_t roles = device->roles != 0 ? device->roles : 7;

	snprintf(buf, 32, "%s%s%s", (roles & 1) != 0 ? ",meta" : "", (roles & 2) != 0 ? ",wal" : "", (roles & 4) != 0 ? ",data" : "");
	return buf[0] == ',' ? buf + 1 : buf;
}

static struct json_object *
smd_json(const struct ctl_device *device, struct json_object *ctrlr)
{
	struct json_object *one = json_object_new_object();
	char roles[32];

	cli_json_add(one, "uuid", cli_json_uuid(device->uuid));
	cli_json_add(one, "tgt_ids", cli_json_u32_array(device->targets, device->targets_nr));
	cli_json_add(one, "rank", device->rank != UINT32_MAX ? cli_json_u64(device->rank) : NULL);
	cli_json_add(one, "total_bytes", cli_json_u64(device->total));
	cli_json_add(one, "avail_bytes", cli_json_u64(device->free));
	cli_json_add(one, "usable_bytes", cli_json_u64(device->free));
	cli_json_add(one, "roles", cli_json_string(roles_text(device, roles)));
	cli_json_add(one, "has_sys_xs", json_object_new_boolean(false));
	cli_json_add(one, "path", cli_json_string(device->path));
	if (ctrlr != NULL)
		cli_json_add(one, "ctrlr", ctrlr);
	return one;
}

static void
scan_json(struct cli *cli, const struct ctl_storage_scan_out *out)
{
	struct json_object *storage = json_object_new_object(), *mounts = json_object_new_array(), *memory = json_object_new_object();
	struct json_object *nvme = json_object_new_array(), *smd = json_object_new_object(), *devices = json_object_new_array();
	bool health = cli_flag(cli, "nvme-health");

	for (uint32_t i = 0; i < out->engines_nr; i++) {
		const struct ctl_storage_engine *engine = &out->engines[i];

		json_object_array_add(mounts, mount_json(engine));
		for (uint32_t d = 0; d < engine->devices_nr; d++) {
			struct json_object *ctrlr = ctrlr_json(&engine->devices[d], health), *own = json_object_new_array();

			json_object_array_add(own, smd_json(&engine->devices[d], NULL));
			cli_json_add(ctrlr, "smd_devices", own);
			json_object_array_add(nvme, ctrlr);
			json_object_array_add(devices, smd_json(&engine->devices[d], ctrlr_json(&engine->devices[d], health)));
		}
	}
	cli_json_add(smd, "devices", devices);
	cli_json_add(smd, "pools", json_object_new_object());
	cli_json_add(storage, "nvme_devices", nvme);
	cli_json_add(storage, "scm_modules", json_object_new_array());
	cli_json_add(storage, "scm_namespaces", json_object_new_array());
	cli_json_add(storage, "scm_mount_points", mounts);
	cli_json_add(storage, "smd_info", smd);
	cli_json_add(storage, "reboot_required", json_object_new_boolean(false));
	cli_json_add(memory, "mem_total_kb", cli_json_u64(out->memory / KIB));
	cli_json_add(storage, "mem_info", memory);
	cli_respond(cli, host_response(host_map(out->host, storage), json_object_new_object()));
}

static void
add_rank(struct cli_table *table, uint32_t rank)
{
	if (rank != UINT32_MAX)
		cli_table_add(table, "%u", rank);
	else
		cli_table_add(table, "-");
}

static void
print_engines(struct cli *cli, const struct ctl_storage_scan_out *out)
{
	static const char *const heads[] = {"Engine", "Rank", "Class", "Formatted", "Free", "Total", "Storage", NULL};
	char size[TEXT_SIZE_MAX];
	struct cli_table table;

	cli_table_init(&table, heads);
	for (uint32_t i = 0; i < out->engines_nr; i++) {
		const struct ctl_storage_engine *engine = &out->engines[i];

		cli_table_add(&table, "%u", engine->instance);
		add_rank(&table, engine->rank);
		cli_table_add(&table, "%s", engine->class);
		cli_table_add(&table, "%s", engine->formatted ? "yes" : "no");
		cli_table_add(&table, "%s", text_print_size(size, engine->free));
		cli_table_add(&table, "%s", text_print_size(size, engine->total));
		cli_table_add(&table, "%s", engine->path);
	}
	cli_table_print(cli, &table, 0);
}

static void
print_devices(struct cli *cli, const struct ctl_storage_scan_out *out)
{
	static const char *const heads[] = {"Device", "Rank", "Class", "State", "Targets", "Free", "Total", "Path", "Roles", NULL};
	static const char *const brief[] = {"Device", "Rank", "Class", "State", "Targets", "Free", "Total", NULL};
	char uuid[TEXT_UUID_SIZE], size[TEXT_SIZE_MAX], set[256], roles[32];
	bool all = cli_flag(cli, "verbose");
	struct cli_table table;

	cli_table_init(&table, all ? heads : brief);
	for (uint32_t i = 0; i < out->engines_nr; i++)
		for (uint32_t d = 0; d < out->engines[i].devices_nr; d++) {
			const struct ctl_device *device = &out->engines[i].devices[d];

			cli_table_add(&table, "%s", uuid_is_null(device->uuid) ? "-" : text_print_uuid(uuid, device->uuid));
			add_rank(&table, device->rank);
			cli_table_add(&table, "%s", device->class);
			cli_table_add(&table, "%s", dev_state(device));
			cli_table_add(&table, "%s", device->targets_nr > 0 ? cli_rank_set(set, sizeof(set), device->targets, device->targets_nr) : "-");
			cli_table_add(&table, "%s", text_print_size(size, device->free));
			cli_table_add(&table, "%s", text_print_size(size, device->total));
			if (!all)
				continue;
			cli_table_add(&table, "%s", device->path);
			cli_table_add(&table, "%s", roles_text(device, roles));
		}
	if (table.cell_nr > 0)
		cli_print(cli, "\n");
	cli_table_print(cli, &table, 0);
}

static void
print_health(struct cli *cli, const struct ctl_device *device)
{
	char uuid[TEXT_UUID_SIZE], size[2][TEXT_SIZE_MAX];

	if (!device->health) {
		cli_print(cli, "\nHealth of %s: unknown, no engine runs on it\n", device->path);
		return;
	}
	cli_print(cli, "\nHealth of %s, %s\n", text_print_uuid(uuid, device->uuid), dev_state(device));
	cli_print(cli, "  Read           : %s in %llu commands\n", text_print_size(size[0], device->bytes_read), (unsigned long long)device->reads);
	cli_print(cli, "  Written        : %s in %llu commands, %llu flushes\n", text_print_size(size[1], device->bytes_written),
		  (unsigned long long)device->writes, (unsigned long long)device->flushes);
	cli_print(cli, "  Errors         : %llu read, %llu write, %llu flush, %llu checksum\n", (unsigned long long)device->read_errors,
		  (unsigned long long)device->write_errors, (unsigned long long)device->flush_errors, (unsigned long long)device->csum_errors);
	cli_print(cli, "  Slowest        : %.3f ms\n", (double)device->slowest_ns / 1e6);
	cli_print(cli, "  Temperature    : not told by a %s\n", device->class);
}

int
dmg_storage_scan(struct cli *cli)
{
	struct ctl_storage_scan_in in = {.devices = true, .health = cli_flag(cli, "nvme-health")};
	struct ctl_storage_scan_out out = {0};
	char size[TEXT_SIZE_MAX];
	int rc;

	rc = dmg_call(cli, opc_ctl_storage_scan, &in, &out);
	if (rc != 0)
		return dmg_failed(cli, rc, NULL);
	scan_json(cli, &out);
	cli_print(cli, "Host %s, memory %s\n", out.host, text_print_size(size, out.memory));
	print_engines(cli, &out);
	print_devices(cli, &out);
	for (uint32_t i = 0; in.health && i < out.engines_nr; i++)
		for (uint32_t d = 0; d < out.engines[i].devices_nr; d++)
			print_health(cli, &out.engines[i].devices[d]);
	return 0;
}

int
dmg_storage_format(struct cli *cli)
{
	static const char *const heads[] = {"Engine", "Result", "Storage", NULL};
	struct ctl_storage_format_in in = {.force = cli_flag(cli, "force")};
	struct ctl_storage_format_out out = {0};
	struct json_object *results, *storage;
	struct cli_table table;
	int rc, first = 0;

	if (cli_flag(cli, "replace"))
		return cli_fail(cli, -DER_NOSYS, "storage format: --replace is not supported yet: without it wiped storage gets a rank of its own (%s)",
				d_errstr(-DER_NOSYS));
	rc = dmg_call(cli, opc_ctl_storage_format, &in, &out);
	cli_table_init(&table, heads);
	results = json_object_new_array();
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
	cli_respond(cli, host_response(host_map(out.host, storage), json_object_new_object()));
	if (rc == 0)
		cli_table_print(cli, &table, 0);
	return rc != 0 ? dmg_failed(cli, rc, NULL) : first;
}

/* ---- system ------------------------------------------------------------------------------------------------------------------ */
/* --rank-hosts: engines run on this host alone. Hosts without any, joined by commas, in absent; *here: this one is among the given ones. */
static void
look_at_hosts(struct cli *cli, char *absent, size_t size, bool *here)
{
	const char *hosts = cli_text(cli, "rank-hosts");
	struct text_span rest = text_span_of(hosts != NULL ? hosts : ""), one, name;
	struct strbuf text;

	*here = hosts == NULL;
	absent[0] = '\0';
	strbuf_init_fixed(&text, absent, size);
	while (hosts != NULL && text_split(&rest, ',', &one)) {
		struct text_span whole = one;

		text_split(&one, ':', &name);
		if (dmg_is_here(name))
			*here = true;
		else
			strbuf_addf(&text, "%s%.*s", text.len > 0 ? "," : "", (int)MIN(whole.len, (size_t)256), whole.at);
	}
}

/* Ranks that a command changes: --ranks, or all; every host of --rank-hosts must be this one. */
static int
ranks_to_change(struct cli *cli, uint32_t **ranks, uint32_t *nr)
{
	char absent[1024];
	bool here;

	if (cli_given(cli, "ranks") && cli_given(cli, "rank-hosts"))
		return cli_misuse(cli, "--ranks and --rank-hosts exclude each other");
	look_at_hosts(cli, absent, sizeof(absent), &here);
	if (absent[0] != '\0' || !here)
		return cli_fail(cli, -DER_NONEXIST, "%s: no engine of this system runs on %s: dmg system query -v shows the hosts; nothing was changed",
				cli_command_name(cli), absent);
	return dmg_ranks(cli, "ranks", ranks, nr);
}

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
	char text[1024], absent[1024];
	uint32_t nr = 0;
	bool here;
	int rc;

	if (cli_given(cli, "ranks") && cli_given(cli, "rank-hosts"))
		return cli_misuse(cli, "--ranks and --rank-hosts exclude each other");
	if (cli_given(cli, "not-ok") && cli_given(cli, "with-states"))
		return cli_misuse(cli, "--not-ok and --with-states exclude each other");
	look_at_hosts(cli, absent, sizeof(absent), &here);
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
		if (here && is_wanted(cli, &out.members[i])) {
			wanted[nr++] = &out.members[i];
			json_object_array_add(members, member_json(&out.members[i]));
		}
	cli_json_add(response, "members", members);
	cli_json_add(response, "absent_ranks", cli_json_string(cli_rank_set(text, sizeof(text), out.absent, out.absent_nr)));
	cli_json_add(response, "absent_hosts", cli_json_string(absent));
	cli_json_add(response, "data_version", cli_json_u64(out.data_version));
	members = json_object_new_array();
	json_object_array_add(members, cli_json_string(out.provider));
	cli_json_add(response, "providers", members);
	cli_respond(cli, response);
	print_members(cli, wanted, nr);
	if (out.absent_nr > 0)
		return cli_fail(cli, -DER_NONEXIST, "there is no rank %s", text);
	if (absent[0] != '\0')
		return cli_fail(cli, -DER_NONEXIST, "no engine of this system runs on %s", absent);
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

	if (cli_flag(cli, "full") && (in.force || cli_given(cli, "ranks") || cli_given(cli, "rank-hosts")))
		return cli_misuse(cli, "--full stops the whole system in order: without --force, --ranks and --rank-hosts");
	rc = ranks_to_change(cli, &in.ranks, &in.ranks_nr);
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

	rc = ranks_to_change(cli, &in.ranks, &in.ranks_nr);
	if (rc == 0)
		rc = dmg_call(cli, opc_ctl_system_start, &in, &out);
	return rc != 0 ? dmg_failed(cli, rc, NULL) : print_results(cli, out.results, out.results_nr);
}
