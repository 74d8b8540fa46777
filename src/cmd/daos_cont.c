/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daos container: create, destroy, list, query. A container of type POSIX gets a file system when it is created; when that fails
 * it is destroyed again, so that none without a root is left.
 */
#include "daos.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>
#include <daos_obj_class.h>
#include <daos_security.h>
#include "dfs/dfs.h"
#include "env_real/env_real.h"
#include "proto/pool.h"
#include "pure/acl/acl.h"
#include "pure/oclass/oclass.h"

static int
fs_explain(struct cli *cli, int err, const char *what)
{
	return cli_fail(cli, -DER_MISC, "%s %s failed: the file system cannot be made: %s", cli_command_name(cli), what, strerror(err));
}

/* ---- the command line of create -------------------------------------------------------------------------------------------- */
static int
parse_class(struct cli *cli, const char *option, uint32_t fallback, uint32_t *cls)
{
	const char *text = cli_text(cli, option);

	*cls = text == NULL ? fallback : oclass_parse(text);
	if (text != NULL && *cls == OC_UNKNOWN)
		return cli_misuse(cli, "--%s=%s is no object class: S1 to SX, RP_2G1 to RP_6GX, EC_2P1G1 to EC_16P2GX are", option, text);
	return 0;
}

/* "file:single,dir:max" */
static int
parse_hints(struct cli *cli, char hints[128])
{
	const char *text = cli_text(cli, "hints");
	struct text_span rest = text_span_of(text != NULL ? text : ""), one, type;
	bool good = true;

	if (text == NULL)
		return 0;
	while (good && text_split(&rest, ',', &one)) {
		good = text_split(&one, ':', &type) && (text_equal(type, "file") || text_equal(type, "dir") || text_equal(type, "directory")) &&
		       (text_equal(one, "single") || text_equal(one, "max"));
	}
	if (!good || strlen(text) >= 128)
		return cli_misuse(cli, "--hints wants file:single or max, dir:single or max, joined by commas, not '%s'", text);
	strcpy(hints, text);
	return 0;
}

static int
parse_format(struct cli *cli, struct fs_format *format)
{
	const char *mode = cli_text(cli, "mode");
	uint32_t cls;
	int rc;

	rc = parse_class(cli, "oclass", OC_UNKNOWN, &cls);
	if (rc == 0)
		rc = parse_class(cli, "dir-oclass", cls, &format->dir_class);
	if (rc == 0)
		rc = parse_class(cli, "file-oclass", cls, &format->file_class);
	if (rc == 0)
		rc = parse_hints(cli, format->hints);
	if (rc != 0)
		return rc;
	if (mode != NULL && strcmp(mode, "relaxed") != 0 && strcmp(mode, "balanced") != 0)
		return cli_misuse(cli, "--mode is relaxed or balanced, not '%s'", mode);
	format->mode = mode != NULL && mode[0] == 'b' ? 4 : 0;
	format->chunk_size = cli_size(cli, "chunk-size", 0);
	if (cli_given(cli, "chunk-size") && format->chunk_size == 0)
		return cli_misuse(cli, "--chunk-size cannot be 0");
	format->uid = geteuid();
	format->gid = getegid();
	return 0;
}

static int
parse_type(struct cli *cli, uint64_t *layout)
{
	static const char *const only[] = {"chunk-size", "oclass", "dir-oclass", "file-oclass", "hints", "mode"};
	const char *text = cli_text(cli, "type");
	const struct prop_word *word = prop_find(DAOS_PROP_CO_LAYOUT_TYPE)->words;

	*layout = DAOS_PROP_CO_LAYOUT_UNKNOWN;
	while (text != NULL && word->word != NULL && strcasecmp(word->word, text) != 0)
		word++;
	if (text != NULL && word->word == NULL)
		return cli_misuse(cli, "--type=%s is none: POSIX, HDF5, PYTHON, SPARK, DATABASE, ROOT, SEISMIC, METEO, unknown are", text);
	if (text != NULL)
		*layout = word->value;
	for (size_t i = 0; i < ARRAY_SIZE(only) && *layout != DAOS_PROP_CO_LAYOUT_POSIX; i++)
		if (cli_given(cli, only[i]))
			return cli_misuse(cli, "--%s is for file systems: add --type=POSIX", only[i]);
	return 0;
}

/* Label, type, ACL and group as properties beside those of --properties. */
static int
own_props(struct cli *cli, const char *label, uint64_t layout, daos_prop_t *own)
{
	struct mem *mem = tool_of(cli)->env->mem;
	struct daos_prop_entry *entries = own->dpp_entries;
	struct daos_acl *acl = NULL;
	uint32_t n = 0;
	int rc = 0;

	entries[n].dpe_type = DAOS_PROP_CO_LAYOUT_TYPE;
	entries[n++].dpe_val = layout;
	if (label != NULL) {
		entries[n].dpe_type = DAOS_PROP_CO_LABEL;
		rc = prop_set_text(mem, &entries[n++], text_span_of(label));
	}
	if (rc == 0 && cli_given(cli, "group")) {
		const char *group = tool_principal(cli, cli_text(cli, "group"));

		entries[n].dpe_type = DAOS_PROP_CO_OWNER_GROUP;
		rc = prop_set_text(mem, &entries[n++], text_span_of(group));
		if (rc == -DER_INVAL)
			return cli_misuse(cli, "--group=%s is no name of a group", group);
	}
	if (rc == 0 && cli_given(cli, "acl-file")) {
		rc = tool_read_acl(cli, cli_text(cli, "acl-file"), &acl);
		entries[n].dpe_type = DAOS_PROP_CO_ACL;
		if (rc == 0)
			rc = prop_set_acl(mem, &entries[n++], acl);
		mem_free(mem, acl);
	}
	own->dpp_nr = n;
	return rc;
}

static int
parse_create(struct cli *cli, const char *label, uint64_t layout, daos_prop_t **props)
{
	struct mem *mem = tool_of(cli)->env->mem;
	daos_prop_t *given = NULL, *own = NULL;
	struct daos_prop_entry *named;
	int rc = 0;

	if (label != NULL && !text_label_is_valid(label))
		return cli_misuse(cli, "'%s' cannot be a label: 1 to %d of letters, digits, . _ : and -, not shaped like a UUID", label, TEXT_LABEL_MAX);
	if (cli_given(cli, "properties"))
		rc = tool_parse_props(cli, PROP_AT_CREATE, cli_text(cli, "properties"), &given);
	named = given != NULL ? prop_list_find(given, DAOS_PROP_CO_LABEL) : NULL;
	if (rc == 0 && label != NULL && named != NULL && strcmp(named->dpe_str, label) != 0)
		rc = cli_misuse(cli, "two labels: '%s' and, among the properties, '%s'", label, named->dpe_str);
	if (rc == 0)
		rc = prop_list_create(mem, 4, &own);
	if (rc == 0) {
		rc = own_props(cli, label, layout, own);
		if (rc == 0)
			rc = prop_list_merge(mem, given, own, props);
		own->dpp_nr = 4;
		prop_list_free(mem, own);
	}
	prop_list_free(mem, given);
	return rc;
}

/* ---- what is told of a container ------------------------------------------------------------------------------------------------ */
struct told {
	const char *type, *label, *health;
	uint64_t redun_fac;
	daos_cont_info_t info;
	struct fs_format format;
	bool posix; /* format is had */
};

static const char *
class_name(uint32_t cls, char name[MAX_OBJ_CLASS_NAME_LEN + 1])
{
	if (cls == OC_UNKNOWN)
		return strcpy(name, "default");
	(void)oclass_print(cls, name);
	return name;
}

static int
look(struct cli *cli, struct told *told)
{
	struct daos *daos = tool_of(cli);
	struct daos_prop_entry *entry;
	struct daos_co_status status = {0};
	daos_prop_t props = {0};
	struct fs *fs;
	int rc;

	rc = cont_query(daos->cont, &told->info);
	if (rc == 0)
		rc = cont_prop_query(daos->cont, &daos->arena, &props);
	if (rc != 0)
		return rc;
	entry = prop_list_find(&props, DAOS_PROP_CO_LAYOUT_TYPE);
	told->type = entry != NULL ? tool_prop_text(cli, entry) : "unknown";
	entry = prop_list_find(&props, DAOS_PROP_CO_LABEL);
	told->label = entry != NULL && entry->dpe_str != NULL ? entry->dpe_str : "";
	entry = prop_list_find(&props, DAOS_PROP_CO_REDUN_FAC);
	told->redun_fac = entry != NULL ? entry->dpe_val : 0;
	entry = prop_list_find(&props, DAOS_PROP_CO_STATUS);
	if (entry != NULL)
		daos_prop_val_2_co_status(entry->dpe_val, &status);
	told->health = status.dcs_status == DAOS_PROP_CO_HEALTHY ? "HEALTHY" : "UNCLEAN";
	if (cont_props(daos->cont)->layout_type == DAOS_PROP_CO_LAYOUT_POSIX && fs_mount(daos->cont, FS_RDONLY, &fs) == 0) {
		told->posix = fs_format_query(fs, &told->format) == 0;
		(void)fs_umount(fs);
	}
	return 0;
}

static struct json_object *
told_json(struct cli *cli, const struct told *told, bool all)
{
	struct json_object *one = json_object_new_object();
	struct daos *daos = tool_of(cli);
	char name[MAX_OBJ_CLASS_NAME_LEN + 1], time[DAOS_TIME_MAX];

	cli_json_add(one, "pool_uuid", cli_json_uuid(pool_uuid(daos->pool)));
	cli_json_add(one, "container_uuid", cli_json_uuid(cont_uuid(daos->cont)));
	cli_json_add(one, "container_label", cli_json_string(told->label));
	cli_json_add(one, "latest_snapshot", cli_json_u64(told->info.ci_lsnapshot));
	cli_json_add(one, "redundancy_factor", cli_json_u64(told->redun_fac));
	cli_json_add(one, "num_handles", cli_json_u64(told->info.ci_nhandles));
	cli_json_add(one, "num_snapshots", cli_json_u64(told->info.ci_nsnapshots));
	cli_json_add(one, "open_time", cli_json_string(tool_time(time, told->info.ci_md_otime)));
	cli_json_add(one, "close_modify_time", cli_json_string(tool_time(time, told->info.ci_md_mtime)));
	if (!all)
		return one;
	cli_json_add(one, "container_type", cli_json_string(told->type));
	if (told->posix) {
		cli_json_add(one, "object_class", cli_json_string(class_name(told->format.file_class, name)));
		cli_json_add(one, "dir_object_class", cli_json_string(class_name(told->format.dir_class, name)));
		cli_json_add(one, "file_object_class", cli_json_string(class_name(told->format.file_class, name)));
		cli_json_add(one, "hints", cli_json_string(told->format.hints));
		cli_json_add(one, "chunk_size", cli_json_u64(told->format.chunk_size));
	}
	cli_json_add(one, "health", cli_json_string(told->health));
	return one;
}

static void
print_told(struct cli *cli, const struct told *told, bool all)
{
	char text[TEXT_UUID_SIZE], time[DAOS_TIME_MAX], size[TEXT_SIZE_MAX], name[MAX_OBJ_CLASS_NAME_LEN + 1];
	struct daos *daos = tool_of(cli);

	cli_print(cli, "  Container UUID  : %s\n", text_print_uuid(text, cont_uuid(daos->cont)));
	if (told->label[0] != '\0')
		cli_print(cli, "  Container label : %s\n", told->label);
	if (all) {
		cli_print(cli, "  Container type  : %s\n", told->type);
		cli_print(cli, "  Pool UUID       : %s\n", text_print_uuid(text, pool_uuid(daos->pool)));
		cli_print(cli, "  Health          : %s, redundancy factor %llu\n", told->health, (unsigned long long)told->redun_fac);
	}
	cli_print(cli, "  Open handles    : %u\n", told->info.ci_nhandles);
	cli_print(cli, "  Snapshots       : %u", told->info.ci_nsnapshots);
	if (told->info.ci_lsnapshot != 0)
		cli_print(cli, ", latest %llu (%s)", (unsigned long long)told->info.ci_lsnapshot, tool_time(time, told->info.ci_lsnapshot));
	cli_print(cli, "\n  Latest open     : %s\n", tool_time(time, told->info.ci_md_otime));
	cli_print(cli, "  Latest change   : %s\n", tool_time(time, told->info.ci_md_mtime));
	if (!all || !told->posix)
		return;
	cli_print(cli, "  Chunk size      : %s\n", text_print_size(size, told->format.chunk_size));
	cli_print(cli, "  Directory class : %s\n", class_name(told->format.dir_class, name));
	cli_print(cli, "  File class      : %s\n", class_name(told->format.file_class, name));
	if (told->format.hints[0] != '\0')
		cli_print(cli, "  Hints           : %s\n", told->format.hints);
}

static int
query(struct cli *cli, bool all)
{
	struct told told = {0};
	int rc;

	rc = tool_open_cont(cli, DAOS_COO_RO | DAOS_COO_RO_MDSTATS);
	if (rc == 0)
		rc = tool_failed(cli, look(cli, &told), tool_name(cli));
	if (rc != 0)
		return rc;
	cli_respond(cli, told_json(cli, &told, all));
	cli_print(cli, "Container %s\n", tool_name(cli));
	print_told(cli, &told, all);
	return 0;
}

int
tool_cont_query(struct cli *cli)
{
	return query(cli, true);
}

int
tool_cont_stat(struct cli *cli)
{
	return query(cli, false);
}

/* ---- create, destroy ---------------------------------------------------------------------------------------------------------------- */
/* A hint names a class where none is given; with a redundancy factor the choice is left to the file system. */
static void
follow_hints(const struct cont_props *props, struct fs_format *format)
{
	struct text_span rest = text_span_of(format->hints), one, type;

	while (format->hints[0] != '\0' && props->redun_fac == 0 && text_split(&rest, ',', &one)) {
		uint32_t *cls;

		(void)text_split(&one, ':', &type);
		cls = text_equal(type, "file") ? &format->file_class : &format->dir_class;
		if (*cls == OC_UNKNOWN)
			*cls = text_equal(one, "max") ? OC_SX : OC_S1;
	}
}

/* Opens what was made, fills it, tells of it. */
static int
furnish(struct cli *cli, const char *name, uint64_t layout, struct fs_format *format)
{
	struct daos *daos = tool_of(cli);
	struct told told = {0};
	int rc;

	rc = cont_open(daos->pool, name, DAOS_COO_RW, &daos->cont);
	if (rc != 0)
		return tool_failed(cli, rc, name);
	if (layout == DAOS_PROP_CO_LAYOUT_POSIX) {
		follow_hints(cont_props(daos->cont), format);
		rc = fs_make(daos->cont, format);
		if (rc == EINVAL)
			return cli_fail(cli, -DER_INVAL, "container create %s failed: the pool has too few ranks for that object class, or the "
					"chunk size is out of range", name);
		if (rc != 0)
			return fs_explain(cli, rc, name);
	}
	if (cli_given(cli, "attrs")) {
		rc = tool_set_attrs(cli, cli_text(cli, "attrs"));
		if (rc != 0)
			return rc;
	}
	rc = look(cli, &told);
	if (rc != 0)
		return tool_failed(cli, rc, name);
	cli_respond(cli, told_json(cli, &told, true));
	cli_print(cli, "Container created: %s\n", tool_name(cli));
	print_told(cli, &told, true);
	return 0;
}

int
tool_cont_create(struct cli *cli)
{
	const char *label = cli_arg_nr(cli) > 1 ? cli_arg(cli, 1) : NULL;
	struct daos *daos = tool_of(cli);
	struct fs_format format = {0};
	char name[TEXT_UUID_SIZE];
	daos_prop_t *props = NULL;
	uint64_t layout;
	uuid_t uuid;
	int rc;

	rc = parse_type(cli, &layout);
	if (rc == 0)
		rc = parse_format(cli, &format);
	if (rc == 0)
		rc = parse_create(cli, label, layout, &props);
	if (rc == 0)
		rc = tool_open_pool(cli, DAOS_PC_RW);
	if (rc == 0) {
		uuid_generate_random(uuid);
		text_print_uuid(name, uuid);
		rc = cont_create(daos->pool, uuid, props);
		if (rc == -DER_EXIST)
			cli_fail(cli, rc, "container create %s failed: pool %s has a container of that label: choose another, or daos container destroy "
				 "it (%s)", tool_name(cli), cli_arg(cli, 0), d_errstr(rc));
		if (rc == 0) {
			rc = furnish(cli, name, layout, &format);
			if (rc != 0) { /* nothing half-made stays */
				if (daos->cont != NULL && cont_close(daos->cont) == 0)
					daos->cont = NULL;
				(void)cont_destroy(daos->pool, name, true);
			}
		}
	}
	if (daos->env != NULL)
		prop_list_free(daos->env->mem, props);
	return tool_failed(cli, rc, tool_name(cli));
}

int
tool_cont_destroy(struct cli *cli)
{
	struct daos *daos = tool_of(cli);
	const char *names;
	int rc;

	rc = tool_open_pool(cli, DAOS_PC_RW);
	if (rc != 0)
		return rc;
	rc = cont_destroy(daos->pool, cli_arg(cli, 1), cli_flag(cli, "force"));
	if (rc == -DER_NONEXIST) {
		names = tool_cont_names(cli);
		return cli_fail(cli, rc, "container destroy failed: there is no container '%s' in pool '%s'%s%s (%s)", cli_arg(cli, 1),
				cli_arg(cli, 0), names != NULL ? ": containers are: " : ", nor any other", names != NULL ? names : "", d_errstr(rc));
	}
	if (rc == -DER_BUSY)
		return cli_fail(cli, rc, "container destroy %s failed: it is open somewhere: unmount and close it, or add --force, which breaks "
				"its users (%s)", tool_name(cli), d_errstr(rc));
	if (rc == 0)
		cli_print(cli, "Container destroyed: %s\n", tool_name(cli));
	return tool_failed(cli, rc, tool_name(cli));
}

/* ---- list --------------------------------------------------------------------------------------------------------------------------------- */
static struct json_object *
entry_json(const struct pool_cont_entry_out *entry)
{
	struct json_object *one = json_object_new_object();
	char time[DAOS_TIME_MAX];

	cli_json_add(one, "uuid", cli_json_uuid(entry->cont));
	cli_json_add(one, "label", cli_json_string(entry->label));
	cli_json_add(one, "container_uuid", cli_json_uuid(entry->cont));
	cli_json_add(one, "container_label", cli_json_string(entry->label));
	cli_json_add(one, "latest_snapshot", cli_json_u64(entry->last_snapshot));
	cli_json_add(one, "num_handles", cli_json_u64(entry->handles));
	cli_json_add(one, "num_snapshots", cli_json_u64(entry->snapshots));
	cli_json_add(one, "open_time", cli_json_string(tool_time(time, entry->opened)));
	cli_json_add(one, "close_modify_time", cli_json_string(tool_time(time, entry->modified)));
	return one;
}

static void
add_row(struct cli *cli, struct cli_table *table, const struct pool_cont_entry_out *entry)
{
	char uuid[TEXT_UUID_SIZE], time[DAOS_TIME_MAX];

	cli_table_add(table, "%s", entry->label != NULL && entry->label[0] != '\0' ? entry->label : "-");
	cli_table_add(table, "%s", text_print_uuid(uuid, entry->cont));
	if (!cli_flag(cli, "verbose"))
		return;
	cli_table_add(table, "%u", entry->handles);
	cli_table_add(table, "%u", entry->snapshots);
	cli_table_add(table, "%s", tool_time(time, entry->opened));
	cli_table_add(table, "%s", tool_time(time, entry->modified));
}

static int
list_page(struct cli *cli, struct pool_cont_list_in *in, struct json_object *conts, struct cli_table *table, bool *more)
{
	struct pool_cont_list_out out = {0};
	int rc;

	rc = pool_call(tool_of(cli)->pool, opc_pool_cont_list, in, &out, &tool_of(cli)->arena);
	if (rc != 0)
		return rc;
	for (uint32_t i = 0; i < out.conts_nr; i++) {
		json_object_array_add(conts, entry_json(&out.conts[i]));
		add_row(cli, table, &out.conts[i]);
		memcpy(in->after, out.conts[i].cont, sizeof(uuid_t));
	}
	*more = out.more && out.conts_nr > 0;
	return 0;
}

int
tool_cont_list(struct cli *cli)
{
	static const char *const brief[] = {"Label", "UUID", NULL};
	static const char *const verbose[] = {"Label", "UUID", "Handles", "Snapshots", "Opened", "Changed", NULL};
	struct pool_cont_list_in in = {.details = true};
	struct json_object *conts;
	struct cli_table table;
	bool more = true;
	int rc;

	rc = tool_open_pool(cli, DAOS_PC_RO);
	if (rc != 0)
		return rc;
	conts = json_object_new_array();
	cli_respond(cli, conts);
	cli_table_init(&table, cli_flag(cli, "verbose") ? verbose : brief);
	while (rc == 0 && more)
		rc = list_page(cli, &in, conts, &table, &more);
	if (table.cell_nr > 0)
		cli_table_print(cli, &table, 0);
	else if (rc == 0)
		cli_print(cli, "Pool %s has no containers; daos container create --type=POSIX %s home makes one.\n", cli_arg(cli, 0), cli_arg(cli, 0));
	return tool_failed(cli, rc, cli_arg(cli, 0));
}

int
tool_pool_list_cont(struct cli *cli)
{
	return tool_cont_list(cli);
}
