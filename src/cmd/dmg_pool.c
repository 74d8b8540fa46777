/* SPDX-License-Identifier: Apache-2.0 */
/* dmg pool. */
#include "dmg.h"

#include <stdlib.h>
#include "base/text.h"
#include "pure/acl/acl.h"
#include "pure/prop/prop.h"

/* --sys names the system that is meant. */
static int
check_system(struct cli *cli)
{
	const char *name = cli_text(cli, "sys");
	struct ctl_system_query_out out = {0};
	struct ctl_system_query_in in = {0};
	int rc;

	if (name == NULL)
		return 0;
	rc = dmg_call(cli, opc_ctl_system_query, &in, &out);
	if (rc == 0 && strcmp(out.system, name) != 0)
		rc = cli_fail(cli, -DER_MISMATCH, "%s failed: the server runs the system '%s', not '%s': leave --sys out, or set DAOS_AGENT_DRPC_DIR (%s)",
			      cli_command_name(cli), out.system, name, d_errstr(-DER_MISMATCH));
	return rc;
}

/* ---- create -------------------------------------------------------------------------------------------------------------------- */
static int
pack_props(struct cli *cli, const daos_prop_t *props, struct proto_bytes_type *bytes)
{
	struct packer packer;
	void *data;
	size_t len;
	int rc;

	packer_init_grow(&packer, dmg_arena(cli)->mem);
	prop_list_pack(&packer, props);
	rc = packer_take(&packer, &data, &len);
	packer_fini(&packer);
	if (rc != 0)
		return rc;
	bytes->data = arena_dup(dmg_arena(cli), data, len);
	bytes->len = (uint32_t)len;
	mem_free(dmg_arena(cli)->mem, data);
	return bytes->data == NULL ? -DER_NOMEM : 0;
}

/* Which of the properties is wrong, for the message: each alone. */
static int
blame_prop(struct cli *cli, unsigned int when, const char *text)
{
	struct mem *mem = dmg_arena(cli)->mem;
	struct text_span rest = text_span_of(text), one;
	daos_prop_t *props;

	while (text_split(&rest, ',', &one)) {
		struct text_span value = one, name;
		const struct prop_desc *desc;

		if (prop_list_parse(mem, PROP_POOL, when, one, ',', &props) == 0) {
			prop_list_free(mem, props);
			continue;
		}
		text_split(&value, ':', &name);
		desc = prop_find_name(PROP_POOL, text_trim(name));
		if (desc == NULL)
			return cli_misuse(cli, "there is no pool property '%.*s'; dmg pool get-prop lists them", (int)name.len, name.at);
		if ((desc->when & when) != when)
			return cli_misuse(cli, "the property %s cannot be set", desc->name);
		return cli_misuse(cli, "'%.*s': not a value of %s: NAME:VALUE is wanted", (int)one.len, one.at, desc->name);
	}
	return cli_misuse(cli, "'%s': properties are written NAME:VALUE,NAME:VALUE, each once", text);
}

static int
parse_props(struct cli *cli, unsigned int when, const char *text, struct proto_bytes_type *bytes)
{
	struct mem *mem = dmg_arena(cli)->mem;
	daos_prop_t *props = NULL;
	int rc;

	rc = prop_list_parse(mem, PROP_POOL, when, text_span_of(text), ',', &props);
	if (rc == -DER_NOMEM)
		return rc;
	if (rc != 0)
		return blame_prop(cli, when, text);
	rc = pack_props(cli, props, bytes);
	prop_list_free(mem, props);
	return rc;
}

static int
parse_acl(struct cli *cli, const char *path, struct proto_bytes_type *bytes)
{
	struct daos_acl *acl = NULL;
	struct packer packer;
	struct env *env;
	char *text;
	size_t len;
	void *data;
	int rc, line = 0;

	rc = dmg_env(cli, &env);
	if (rc != 0)
		return rc;
	rc = env->ops->file.read(env, path, MIB, &text, &len);
	if (rc != 0)
		return cli_fail(cli, rc, "the ACL file %s cannot be read: %s", path, d_errdesc(rc));
	rc = acl_parse(env->mem, text, len, &acl, &line);
	mem_free(env->mem, text);
	if (rc == 0)
		rc = acl_check_pool(acl);
	if (rc != 0)
		cli_fail(cli, rc, "the ACL file %s is wrong in line %d: entries are TYPE:FLAGS:PRINCIPAL:PERMISSIONS, as A::alice@:rw", path, line);
	packer_init_grow(&packer, env->mem);
	if (rc == 0) {
		acl_pack(&packer, acl);
		rc = packer_take(&packer, &data, &len);
	}
	if (rc == 0) {
		bytes->data = arena_dup(dmg_arena(cli), data, len);
		bytes->len = (uint32_t)len;
		mem_free(env->mem, data);
		rc = bytes->data == NULL ? -DER_NOMEM : 0;
	}
	packer_fini(&packer);
	mem_free(env->mem, acl);
	return rc;
}

/* "6,94" or "6%,94%": how much of total each gets. */
static int
split_size(struct cli *cli, uint64_t total, struct ctl_pool_create_in *in)
{
	const char *text = cli_text(cli, "tier-ratio");
	struct text_span rest = text_span_of(text != NULL ? text : ""), first;
	char word[2][16];
	uint32_t share[2];

	if (text == NULL) { /* the engine divides it */
		in->scm_bytes = total;
		return 0;
	}
	if (!text_split(&rest, ',', &first) || text_copy(text_trim(first), word[0], 16) != 0 || text_copy(text_trim(rest), word[1], 16) != 0 ||
	    text_parse_percent(word[0], &share[0]) != 0 || text_parse_percent(word[1], &share[1]) != 0 || share[0] + share[1] != 100 ||
	    share[0] == 0)
		return cli_misuse(cli, "--tier-ratio wants two shares that make 100, as 6,94, not '%s'", text);
	in->scm_bytes = total / 100 * share[0];
	in->nvme_bytes = total - in->scm_bytes;
	return 0;
}

static int
parse_size(struct cli *cli, struct ctl_pool_create_in *in)
{
	const char *size = cli_text(cli, "size");
	uint64_t ranks = in->ranks_nr > 0 ? in->ranks_nr : 1, bytes;
	bool by_tier = cli_given(cli, "scm-size") || cli_given(cli, "nvme-size") || cli_given(cli, "meta-size");

	if (size != NULL && by_tier)
		return cli_misuse(cli, "--size and --scm-size, --nvme-size exclude each other: give the one or the others");
	if (by_tier) {
		in->scm_bytes = cli_size(cli, "scm-size", cli_size(cli, "meta-size", 0)) * ranks;
		in->nvme_bytes = cli_size(cli, "nvme-size", 0) * ranks;
		return in->scm_bytes > 0 ? 0 : cli_misuse(cli, "--nvme-size needs --scm-size besides: metadata must lie somewhere");
	}
	if (size == NULL)
		return 0;
	if (strchr(size, '%') != NULL) {
		if (text_parse_percent(size, &in->percent) != 0 || in->percent == 0)
			return cli_misuse(cli, "--size=%s: 1%% to 100%% are possible", size);
		return 0;
	}
	if (text_parse_size(size, &bytes) != 0 || bytes == 0)
		return cli_misuse(cli, "--size wants a size such as 8GiB or 50%%, not '%s'", size);
	return split_size(cli, bytes, in);
}

/* A principal ends with @. */
static const char *
principal(struct cli *cli, const char *name)
{
	char text[300];

	if (name == NULL || strchr(name, '@') != NULL)
		return name;
	snprintf(text, sizeof(text), "%s@", name);
	return arena_dup(dmg_arena(cli), text, strlen(text) + 1);
}

static struct json_object *
u64_array(const uint64_t *values, uint32_t nr)
{
	struct json_object *array = json_object_new_array();

	for (uint32_t i = 0; i < nr; i++)
		json_object_array_add(array, cli_json_u64(values[i]));
	return array;
}

static void
print_created(struct cli *cli, const struct ctl_pool_create_in *in, const struct ctl_pool_create_out *out)
{
	static const char *const tiers[] = {"metadata", "data"};
	struct json_object *response = json_object_new_object();
	char uuid[TEXT_UUID_SIZE], set[256], size[TEXT_SIZE_MAX];

	cli_json_add(response, "uuid", cli_json_uuid(out->pool));
	cli_json_add(response, "svc_ldr", cli_json_u64(out->svc_leader));
	cli_json_add(response, "svc_reps", cli_json_u32_array(out->svc_ranks, out->svc_ranks_nr));
	cli_json_add(response, "tgt_ranks", cli_json_u32_array(out->tgt_ranks, out->tgt_ranks_nr));
	cli_json_add(response, "tier_bytes", u64_array(out->tier_bytes, out->tier_bytes_nr));
	cli_json_add(response, "meta_blob_size", cli_json_u64(out->meta_bytes));
	cli_respond(cli, response);
	cli_print(cli, "Pool created: %s\n  UUID           : %s\n  Service leader : %u\n", in->label != NULL ? in->label : "",
		  text_print_uuid(uuid, out->pool), out->svc_leader);
	cli_print(cli, "  Service ranks  : %s\n", cli_rank_set(set, sizeof(set), out->svc_ranks, out->svc_ranks_nr));
	cli_print(cli, "  Storage ranks  : %s\n", cli_rank_set(set, sizeof(set), out->tgt_ranks, out->tgt_ranks_nr));
	for (uint32_t i = 0; i < out->tier_bytes_nr; i++)
		cli_print(cli, "  %-14s : %s on each rank\n", i < ARRAY_SIZE(tiers) ? tiers[i] : "tier", text_print_size(size, out->tier_bytes[i]));
}

/* --nranks of more than one: the first ones, so that the service can say that they are not there. */
static int
first_ranks(struct cli *cli, struct ctl_pool_create_in *in)
{
	uint64_t nr = cli_number(cli, "nranks", 1);

	if (nr == 0 || nr > 65536)
		return cli_misuse(cli, "--nranks wants 1 to 65536, not %llu", (unsigned long long)nr);
	if (nr == 1)
		return 0;
	in->ranks = ARENA_NEW_ARRAY(dmg_arena(cli), uint32_t, nr);
	if (in->ranks == NULL)
		return -DER_NOMEM;
	for (in->ranks_nr = 0; in->ranks_nr < nr; in->ranks_nr++)
		in->ranks[in->ranks_nr] = in->ranks_nr;
	return 0;
}

int
dmg_pool_create(struct cli *cli)
{
	struct ctl_pool_create_in in = {.label = cli_arg(cli, 0), .svc_nr = (uint32_t)cli_number(cli, "nsvc", 0)};
	struct ctl_pool_create_out out = {0};
	struct env *env;
	int rc;

	if (cli_given(cli, "ranks") && cli_given(cli, "nranks"))
		return cli_misuse(cli, "--ranks and --nranks exclude each other");
	if (in.label == NULL)
		return cli_misuse(cli, "the label of the new pool is missing: dmg pool create --size=8GiB tank");
	if (!text_label_is_valid(in.label))
		return cli_misuse(cli, "'%s' cannot be a label: 1 to %d of letters, digits, . _ : and -, not shaped like a UUID", in.label,
				  TEXT_LABEL_MAX);
	rc = check_system(cli);
	if (rc == 0)
		rc = dmg_ranks(cli, "ranks", &in.ranks, &in.ranks_nr);
	if (rc == 0)
		rc = first_ranks(cli, &in);
	if (rc == 0)
		rc = parse_size(cli, &in);
	if (rc == 0 && cli_given(cli, "properties"))
		rc = parse_props(cli, PROP_AT_CREATE, cli_text(cli, "properties"), &in.props);
	if (rc == 0 && cli_given(cli, "acl-file"))
		rc = parse_acl(cli, cli_text(cli, "acl-file"), &in.acl);
	if (rc == 0)
		rc = dmg_env(cli, &env);
	if (rc == 0)
		rc = env->ops->rand_secure(env, in.pool, sizeof(uuid_t));
	if (rc != 0)
		return rc;
	in.pool[6] = (uint8_t)((in.pool[6] & 0x0f) | 0x40); /* random, version 4 */
	in.pool[8] = (uint8_t)((in.pool[8] & 0x3f) | 0x80);
	in.user = principal(cli, cli_text(cli, "user"));
	in.group = principal(cli, cli_text(cli, "group"));
	rc = dmg_call(cli, opc_ctl_pool_create, &in, &out);
	if (rc == -DER_EXIST)
		return cli_fail(cli, rc, "pool create failed: there is a pool '%s' already: choose another label, or dmg pool destroy it (%s)",
				in.label, d_errstr(rc));
	if (rc == -DER_OOG && cli_given(cli, "nranks"))
		return cli_fail(cli, rc, "pool create %s failed: there are not %u ranks: dmg system query lists them (%s)", in.label, in.ranks_nr,
				d_errstr(rc));
	if (rc == -DER_OOG)
		return cli_fail(cli, rc, "pool create %s failed: there is no rank %s: dmg system query lists them (%s)", in.label,
				cli_text(cli, "ranks") != NULL ? cli_text(cli, "ranks") : "to put it on", d_errstr(rc));
	if (rc == -DER_INVAL)
		return cli_fail(cli, rc, "pool create %s failed: sizes or properties do not do; each target needs 64 MiB for metadata and 64 MiB for data: "
				"give a larger --size (%s)", in.label, d_errstr(rc));
	if (rc != 0)
		return dmg_failed(cli, rc, in.label);
	print_created(cli, &in, &out);
	return 0;
}

/* ---- destroy, evict -------------------------------------------------------------------------------------------------------------- */
/* What a pool command makes of its answer. */
static int
pool_failed(struct cli *cli, int rc)
{
	if (rc == -DER_NONEXIST)
		return cli_fail(cli, rc, "%s failed: there is no pool '%s': dmg pool list shows what there is (%s)", cli_command_name(cli),
				cli_arg(cli, 0), d_errstr(rc));
	return dmg_failed(cli, rc, cli_arg(cli, 0));
}

int
dmg_pool_destroy(struct cli *cli)
{
	struct ctl_pool_destroy_in in = {
		.pool = cli_arg(cli, 0), .force = cli_flag(cli, "force"), .recursive = cli_flag(cli, "recursive") || cli_flag(cli, "force")};
	struct ctl_pool_destroy_out out;
	int rc;

	rc = check_system(cli);
	if (rc == 0)
		rc = dmg_call(cli, opc_ctl_pool_destroy, &in, &out);
	if (rc == -DER_BUSY)
		return cli_fail(cli, rc, "pool destroy failed: '%s' is in use, is damaged, or holds containers: --recursive takes these along, --force also breaks connections (%s)",
				in.pool, d_errstr(rc));
	if (rc != 0)
		return pool_failed(cli, rc);
	cli_print(cli, "Pool destroyed: %s\n", in.pool);
	return 0;
}

int
dmg_pool_evict(struct cli *cli)
{
	struct ctl_pool_evict_in in = {.pool = cli_arg(cli, 0)};
	struct ctl_pool_evict_out out = {0};
	struct json_object *response;
	int rc;

	rc = dmg_call(cli, opc_ctl_pool_evict, &in, &out);
	if (rc != 0)
		return pool_failed(cli, rc);
	response = json_object_new_object();
	cli_json_add(response, "count", cli_json_u64(out.count));
	cli_respond(cli, response);
	cli_print(cli, "Pool %s: %u connection%s closed\n", in.pool, out.count, out.count == 1 ? "" : "s");
	return 0;
}

/* ---- query, list --------------------------------------------------------------------------------------------------------------------- */
static const char *
rebuild_state(uint32_t state)
{
	static const char *const names[] = {"idle", "done", "busy"};

	return state < ARRAY_SIZE(names) ? names[state] : "unknown";
}

static struct json_object *
tiers_json(const struct ctl_pool_info *info)
{
	struct json_object *tiers = json_object_new_array();

	for (uint32_t i = 0; i < info->tiers_nr; i++) {
		const struct ctl_tier *tier = &info->tiers[i];
		struct json_object *one = json_object_new_object();

		cli_json_add(one, "total", cli_json_u64(tier->total));
		cli_json_add(one, "free", cli_json_u64(tier->free));
		cli_json_add(one, "min", cli_json_u64(tier->min));
		cli_json_add(one, "max", cli_json_u64(tier->max));
		cli_json_add(one, "mean", cli_json_u64(tier->mean));
		cli_json_add(one, "media_type", cli_json_string(tier->media));
		json_object_array_add(tiers, one);
	}
	return tiers;
}

static struct json_object *
info_json(const struct ctl_pool_info *info, bool enabled, bool disabled)
{
	struct json_object *one = json_object_new_object(), *rebuild = json_object_new_object();

	cli_json_add(one, "query_mask", cli_json_string(info->tiers_nr > 0 ? "rebuild,space" : "rebuild"));
	cli_json_add(one, "state", cli_json_string(info->state));
	cli_json_add(one, "uuid", cli_json_uuid(info->uuid));
	cli_json_add(one, "label", cli_json_string(info->label));
	cli_json_add(one, "total_targets", cli_json_u64(info->total_targets));
	cli_json_add(one, "active_targets", cli_json_u64(info->active_targets));
	cli_json_add(one, "total_engines", cli_json_u64(info->total_engines));
	cli_json_add(one, "disabled_targets", cli_json_u64(info->disabled_targets));
	cli_json_add(one, "version", cli_json_u64(info->version));
	cli_json_add(one, "svc_ldr", cli_json_u64(info->svc_leader));
	cli_json_add(one, "svc_reps", cli_json_u32_array(info->svc_ranks, info->svc_ranks_nr));
	cli_json_add(rebuild, "status", json_object_new_int(info->rebuild_status));
	cli_json_add(rebuild, "state", cli_json_string(rebuild_state(info->rebuild_state)));
	cli_json_add(rebuild, "objects", cli_json_u64(info->rebuild_objects));
	cli_json_add(rebuild, "records", cli_json_u64(info->rebuild_records));
	cli_json_add(one, "rebuild", rebuild);
	cli_json_add(one, "tier_stats", tiers_json(info));
	if (enabled)
		cli_json_add(one, "enabled_ranks", cli_json_rank_set(info->enabled_ranks, info->enabled_ranks_nr));
	if (disabled)
		cli_json_add(one, "disabled_ranks", cli_json_rank_set(info->disabled_ranks, info->disabled_ranks_nr));
	cli_json_add(one, "pool_layout_ver", cli_json_u64(info->layout_version));
	cli_json_add(one, "upgrade_layout_ver", cli_json_u64(info->layout_version));
	return one;
}

static void
print_info(struct cli *cli, const struct ctl_pool_info *info)
{
	char uuid[TEXT_UUID_SIZE], size[5][TEXT_SIZE_MAX], set[512];
	bool space = !cli_flag(cli, "health-only");

	cli_print(cli, "Pool %s, %s: %s%s\n", text_print_uuid(uuid, info->uuid), info->label != NULL ? info->label : "", info->state,
		  info->ram ? " (class ram: lost when an engine ends)" : "");
	cli_print(cli, "  Targets        : %u, %u disabled; on %u engine%s\n", info->total_targets, info->disabled_targets, info->total_engines,
		  info->total_engines == 1 ? "" : "s");
	cli_print(cli, "  Map version    : %u, layout %u\n", info->version, info->layout_version);
	cli_print(cli, "  Service        : leader %u of ranks %s\n", info->svc_leader,
		  cli_rank_set(set, sizeof(set), info->svc_ranks, info->svc_ranks_nr));
	if (cli_flag(cli, "show-enabled"))
		cli_print(cli, "  Enabled ranks  : %s\n", cli_rank_set(set, sizeof(set), info->enabled_ranks, info->enabled_ranks_nr));
	if (cli_flag(cli, "show-disabled"))
		cli_print(cli, "  Disabled ranks : %s\n", cli_rank_set(set, sizeof(set), info->disabled_ranks, info->disabled_ranks_nr));
	cli_print(cli, "  Rebuild        : %s, %llu objects, %llu records\n", rebuild_state(info->rebuild_state),
		  (unsigned long long)info->rebuild_objects, (unsigned long long)info->rebuild_records);
	for (uint32_t i = 0; space && i < info->tiers_nr; i++) {
		const struct ctl_tier *tier = &info->tiers[i];

		cli_print(cli, "  %-14s : %s free of %s; a target %s to %s, mean %s\n", tier->media, text_print_size(size[0], tier->free),
			  text_print_size(size[1], tier->total), text_print_size(size[2], tier->min), text_print_size(size[3], tier->max),
			  text_print_size(size[4], tier->mean));
	}
}

int
dmg_pool_query(struct cli *cli)
{
	struct ctl_pool_query_in in = {.pool = cli_arg(cli, 0)};
	struct ctl_pool_query_out out = {0};
	struct json_object *response;
	int rc;

	rc = dmg_call(cli, opc_ctl_pool_query, &in, &out);
	if (rc != 0)
		return pool_failed(cli, rc);
	if (cli_flag(cli, "health-only"))
		out.info.tiers_nr = 0;
	response = info_json(&out.info, cli_flag(cli, "show-enabled"), cli_flag(cli, "show-disabled"));
	cli_json_add(response, "status", json_object_new_int(0));
	cli_respond(cli, response);
	print_info(cli, &out.info);
	return 0;
}

static uint64_t
sum(const struct ctl_pool_info *info, bool total)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < info->tiers_nr; i++)
		bytes += total ? info->tiers[i].total : info->tiers[i].free;
	return bytes;
}

static void
print_list(struct cli *cli, const struct ctl_pool_list_out *out)
{
	static const char *const brief[] = {"Pool", "Size", "State", "Used", "Disabled", NULL};
	static const char *const verbose[] = {"Label", "UUID", "State", "Size", "Used", "Service", "Disabled", "Rebuild", NULL};
	static const char *const rebuilds[] = {"Pool", "State", "Rebuild", "Objects", "Records", NULL};
	bool all = cli_flag(cli, "verbose");
	char uuid[TEXT_UUID_SIZE], size[TEXT_SIZE_MAX], set[256];
	struct cli_table table;

	if (cli_flag(cli, "rebuild-only")) {
		cli_table_init(&table, rebuilds);
		for (uint32_t i = 0; i < out->pools_nr; i++) {
			const struct ctl_pool_info *info = &out->pools[i];

			cli_table_add(&table, "%s", info->label != NULL && info->label[0] != '\0' ? info->label : text_print_uuid(uuid, info->uuid));
			cli_table_add(&table, "%s", info->state != NULL ? info->state : "");
			cli_table_add(&table, "%s", rebuild_state(info->rebuild_state));
			cli_table_add(&table, "%llu", (unsigned long long)info->rebuild_objects);
			cli_table_add(&table, "%llu", (unsigned long long)info->rebuild_records);
		}
		cli_table_print(cli, &table, 0);
		return;
	}
	cli_table_init(&table, all ? verbose : brief);
	for (uint32_t i = 0; i < out->pools_nr; i++) {
		const struct ctl_pool_info *info = &out->pools[i];
		uint64_t total = sum(info, true), used = total - MIN(sum(info, false), total);

		cli_table_add(&table, "%s", info->label != NULL && info->label[0] != '\0' ? info->label : text_print_uuid(uuid, info->uuid));
		if (all)
			cli_table_add(&table, "%s", text_print_uuid(uuid, info->uuid));
		if (all)
			cli_table_add(&table, "%s", info->state != NULL ? info->state : "");
		cli_table_add(&table, "%s", total > 0 ? text_print_size(size, total) : "-");
		if (!all)
			cli_table_add(&table, "%s", info->state != NULL ? info->state : "");
		if (total > 0)
			cli_table_add(&table, "%llu%%", (unsigned long long)(used * 100.0 / total));
		else
			cli_table_add(&table, "-");
		if (all)
			cli_table_add(&table, "%s", cli_rank_set(set, sizeof(set), info->svc_ranks, info->svc_ranks_nr));
		cli_table_add(&table, "%u/%u", info->disabled_targets, info->total_targets);
		if (all)
			cli_table_add(&table, "%s", rebuild_state(info->rebuild_state));
	}
	if (out->pools_nr > 0)
		cli_table_print(cli, &table, 0);
	else
		cli_print(cli, "No pools; dmg pool create --size=8GiB tank makes one.\n");
}

int
dmg_pool_list(struct cli *cli)
{
	struct ctl_pool_list_in in = {.query = !cli_flag(cli, "no-query")};
	struct ctl_pool_list_out out = {0};
	struct json_object *response, *pools;
	int rc;

	rc = dmg_call(cli, opc_ctl_pool_list, &in, &out);
	if (rc != 0)
		return dmg_failed(cli, rc, NULL);
	response = json_object_new_object();
	pools = json_object_new_array();
	for (uint32_t i = 0; cli_flag(cli, "rebuild-only") && i < out.pools_nr; i++)
		out.pools[i].tiers_nr = 0;
	for (uint32_t i = 0; i < out.pools_nr; i++)
		json_object_array_add(pools, info_json(&out.pools[i], false, false));
	cli_json_add(response, "status", json_object_new_int(0));
	cli_json_add(response, "pools", pools);
	cli_respond(cli, response);
	print_list(cli, &out);
	return 0;
}

/* ---- properties ---------------------------------------------------------------------------------------------------------------------------- */
static int
prop_ids(struct cli *cli, const char *names, struct ctl_pool_get_prop_in *in)
{
	struct text_span rest = text_span_of(names != NULL ? names : ""), name;

	in->ids = ARENA_NEW_ARRAY(dmg_arena(cli), uint32_t, DAOS_PROP_ENTRIES_MAX_NR);
	if (in->ids == NULL)
		return -DER_NOMEM;
	while (names != NULL && text_split(&rest, ',', &name)) {
		const struct prop_desc *desc = prop_find_name(PROP_POOL, text_trim(name));

		if (desc == NULL)
			return cli_misuse(cli, "there is no pool property '%.*s'; dmg pool get-prop %s lists them", (int)name.len, name.at,
					  cli_arg(cli, 0));
		if (in->ids_nr >= DAOS_PROP_ENTRIES_MAX_NR)
			return cli_misuse(cli, "too many properties are named");
		in->ids[in->ids_nr++] = desc->id;
	}
	return 0;
}

static struct json_object *
value_json(const struct prop_desc *desc, const struct daos_prop_entry *entry, const char *text)
{
	bool number = desc->kind == PROP_NUMBER || desc->kind == PROP_BYTES || desc->kind == PROP_SECONDS || desc->kind == PROP_PERCENT;

	return number ? cli_json_u64(entry->dpe_val) : cli_json_string(text);
}

static bool
is_asked(const struct ctl_pool_get_prop_in *in, uint32_t id)
{
	for (uint32_t i = 0; i < in->ids_nr; i++)
		if (in->ids[i] == id)
			return true;
	return in->ids_nr == 0;
}

static int
print_props(struct cli *cli, const struct ctl_pool_get_prop_in *in, const daos_prop_t *props)
{
	static const char *const heads[] = {"Name", "Value", NULL};
	struct json_object *response = json_object_new_array();
	struct mem *mem = dmg_arena(cli)->mem;
	struct cli_table table;

	cli_table_init(&table, heads);
	for (uint32_t i = 0; i < props->dpp_nr; i++) {
		const struct daos_prop_entry *entry = &props->dpp_entries[i];
		const struct prop_desc *desc = prop_find(entry->dpe_type);
		struct json_object *one;
		struct strbuf text;

		if (desc == NULL || desc->name == NULL || !is_asked(in, entry->dpe_type))
			continue;
		strbuf_init(&text, mem);
		prop_print(entry, &text);
		one = json_object_new_object();
		cli_json_add(one, "name", cli_json_string(desc->name));
		cli_json_add(one, "description", cli_json_string(desc->name));
		cli_json_add(one, "value", value_json(desc, entry, strbuf_text(&text)));
		json_object_array_add(response, one);
		cli_table_add(&table, "%s", desc->name);
		cli_table_add(&table, "%s", strbuf_text(&text));
		strbuf_fini(&text);
	}
	cli_respond(cli, response);
	cli_table_print(cli, &table, 0);
	return 0;
}

int
dmg_pool_get_prop(struct cli *cli)
{
	struct ctl_pool_get_prop_in in = {.pool = cli_arg(cli, 0)};
	struct ctl_pool_get_prop_out out = {0};
	struct mem *mem = dmg_arena(cli)->mem;
	struct unpacker unpacker;
	daos_prop_t *props;
	int rc;

	rc = prop_ids(cli, cli_arg(cli, 1), &in);
	if (rc != 0)
		return rc;
	rc = dmg_call(cli, opc_ctl_pool_get_prop, &in, &out);
	if (rc != 0)
		return pool_failed(cli, rc);
	unpacker_init(&unpacker, out.props.data, out.props.len);
	props = prop_list_unpack(mem, &unpacker);
	if (props == NULL)
		return dmg_failed(cli, unpacker_rc(&unpacker) != 0 ? unpacker_rc(&unpacker) : -DER_PROTO, in.pool);
	rc = print_props(cli, &in, props);
	prop_list_free(mem, props);
	return rc;
}

int
dmg_pool_set_prop(struct cli *cli)
{
	struct ctl_pool_set_prop_in in = {.pool = cli_arg(cli, 0)};
	struct ctl_pool_set_prop_out out;
	int rc;

	rc = parse_props(cli, PROP_AT_SET, cli_arg(cli, 1), &in.props);
	if (rc != 0)
		return rc;
	rc = dmg_call(cli, opc_ctl_pool_set_prop, &in, &out);
	if (rc != 0)
		return pool_failed(cli, rc);
	cli_print(cli, "Properties of %s changed\n", in.pool);
	return 0;
}
