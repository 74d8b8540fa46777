/* SPDX-License-Identifier: Apache-2.0 */
/* daos: properties, access control lists and owners of containers. */
#include "daos.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
#include <daos_security.h>
#include "pure/acl/acl.h"

/* ---- words ------------------------------------------------------------------------------------------------------------------ */
const char *
tool_principal(struct cli *cli, const char *name)
{
	char text[300];

	if (name == NULL || strchr(name, '@') != NULL)
		return name;
	snprintf(text, sizeof(text), "%s@", name);
	return arena_dup(&tool_of(cli)->arena, text, strlen(text) + 1);
}

const char *
tool_prop_text(struct cli *cli, const struct daos_prop_entry *entry)
{
	struct strbuf text;
	const char *copy;

	strbuf_init(&text, tool_of(cli)->env->mem);
	prop_print(entry, &text);
	copy = arena_dup(&tool_of(cli)->arena, strbuf_text(&text), text.len + 1);
	strbuf_fini(&text);
	return copy != NULL ? copy : "";
}

/* Which of the properties is wrong, for the message: each alone. */
static int
blame_prop(struct cli *cli, unsigned int when, const char *text)
{
	struct mem *mem = tool_of(cli)->env->mem;
	struct text_span rest = text_span_of(text), one;
	daos_prop_t *props;

	while (text_split(&rest, ',', &one)) {
		struct text_span value = one, name;
		const struct prop_desc *desc;

		if (prop_list_parse(mem, PROP_CONT, when, one, ',', &props) == 0) {
			prop_list_free(mem, props);
			continue;
		}
		text_split(&value, ':', &name);
		desc = prop_find_name(PROP_CONT, text_trim(name));
		if (desc == NULL)
			return cli_misuse(cli, "there is no container property '%.*s'; daos container get-prop lists them", (int)name.len, name.at);
		if ((desc->when & when) != when)
			return cli_misuse(cli, "the property %s cannot be set%s", desc->name,
					  desc->when & PROP_AT_CREATE ? " once the container is there" : "");
		return cli_misuse(cli, "'%.*s': not a value of %s: NAME:VALUE is wanted", (int)one.len, one.at, desc->name);
	}
	return cli_misuse(cli, "'%s': properties are written NAME:VALUE,NAME:VALUE, each once", text);
}

int
tool_parse_props(struct cli *cli, unsigned int when, const char *text, daos_prop_t **props)
{
	int rc = prop_list_parse(tool_of(cli)->env->mem, PROP_CONT, when, text_span_of(text), ',', props);

	return rc == 0 || rc == -DER_NOMEM ? rc : blame_prop(cli, when, text);
}

/* ---- get-prop, set-prop ------------------------------------------------------------------------------------------------------- */
static const char *
argument(struct cli *cli)
{
	return cli_arg_nr(cli) > 2 ? cli_arg(cli, 2) : cli_text(cli, "properties");
}

static int
wanted_ids(struct cli *cli, uint32_t ids[DAOS_PROP_ENTRIES_MAX_NR], uint32_t *nr)
{
	const char *names = argument(cli);
	struct text_span rest = text_span_of(names != NULL ? names : ""), name;

	*nr = 0;
	while (names != NULL && text_split(&rest, ',', &name)) {
		const struct prop_desc *desc = prop_find_name(PROP_CONT, text_trim(name));

		if (desc == NULL)
			return cli_misuse(cli, "there is no container property '%.*s'; daos container get-prop %s %s lists them", (int)name.len,
					  name.at, cli_arg(cli, 0), cli_arg(cli, 1));
		if (*nr >= DAOS_PROP_ENTRIES_MAX_NR)
			return cli_misuse(cli, "too many properties are named");
		ids[(*nr)++] = desc->id;
	}
	return 0;
}

static bool
is_wanted(const uint32_t *ids, uint32_t nr, uint32_t id)
{
	for (uint32_t i = 0; i < nr; i++)
		if (ids[i] == id)
			return true;
	return nr == 0;
}

static struct json_object *
value_json(const struct prop_desc *desc, const struct daos_prop_entry *entry, const char *text)
{
	bool number = desc->kind == PROP_NUMBER || desc->kind == PROP_BYTES || desc->kind == PROP_SECONDS || desc->kind == PROP_PERCENT;

	return number ? cli_json_u64(entry->dpe_val) : cli_json_string(text);
}

static void
print_prop(struct cli *cli, const struct prop_desc *desc, const struct daos_prop_entry *entry, struct json_object *response,
	   struct cli_table *table)
{
	struct json_object *one = json_object_new_object();
	const char *text = tool_prop_text(cli, entry);

	cli_json_add(one, "name", cli_json_string(desc->name));
	cli_json_add(one, "description", cli_json_string(desc->name));
	cli_json_add(one, "value", value_json(desc, entry, text));
	json_object_array_add(response, one);
	cli_table_add(table, "%s", desc->name);
	cli_table_add(table, "%s", text);
}

int
tool_cont_get_prop(struct cli *cli)
{
	static const char *const heads[] = {"Name", "Value", NULL};
	uint32_t ids[DAOS_PROP_ENTRIES_MAX_NR], nr;
	struct json_object *response;
	daos_prop_t props = {0};
	struct cli_table table;
	int rc;

	rc = wanted_ids(cli, ids, &nr);
	if (rc == 0)
		rc = tool_open_cont(cli, DAOS_COO_RO);
	if (rc == 0)
		rc = tool_failed(cli, cont_prop_query(tool_of(cli)->cont, &tool_of(cli)->arena, &props), tool_name(cli));
	if (rc != 0)
		return rc;
	response = json_object_new_array();
	cli_table_init(&table, heads);
	for (uint32_t i = 0; i < props.dpp_nr; i++) {
		const struct prop_desc *desc = prop_find(props.dpp_entries[i].dpe_type);

		if (desc != NULL && desc->name != NULL && is_wanted(ids, nr, desc->id))
			print_prop(cli, desc, &props.dpp_entries[i], response, &table);
	}
	cli_respond(cli, response);
	cli_table_print(cli, &table, 0);
	return 0;
}

int
tool_cont_set_prop(struct cli *cli)
{
	daos_prop_t *props = NULL;
	int rc;

	if (argument(cli) == NULL)
		return cli_misuse(cli, "what to set is missing: daos container set-prop tank home label:house");
	rc = tool_parse_props(cli, PROP_AT_SET, argument(cli), &props);
	if (rc == 0)
		rc = tool_open_cont(cli, DAOS_COO_RW);
	if (rc == 0)
		rc = cont_prop_set(tool_of(cli)->cont, props);
	prop_list_free(tool_of(cli)->env->mem, props);
	if (rc == 0)
		cli_print(cli, "Properties of %s changed\n", tool_name(cli));
	return tool_failed(cli, rc, tool_name(cli));
}

/* ---- access control ------------------------------------------------------------------------------------------------------------ */
int
tool_read_acl(struct cli *cli, const char *path, struct daos_acl **acl)
{
	struct env *env = tool_of(cli)->env;
	int rc, line = 0;
	char *text;
	size_t len;

	rc = env->ops->file.read(env, path, MIB, &text, &len);
	if (rc != 0)
		return cli_fail(cli, rc, "the ACL file %s cannot be read: %s", path, d_errdesc(rc));
	rc = acl_parse(env->mem, text, len, acl, &line);
	mem_free(env->mem, text);
	if (rc == 0)
		rc = acl_check_cont(*acl);
	if (rc != 0)
		return cli_fail(cli, rc, "the ACL file %s is wrong%s%.0d: entries are TYPE:FLAGS:PRINCIPAL:PERMISSIONS, as A::alice@:rw", path,
				line > 0 ? " in line " : "", line);
	return 0;
}

struct access {
	const struct daos_acl *acl;
	const char *owner, *group;
};

static int
read_access(struct cli *cli, struct access *access)
{
	struct daos_prop_entry *entry;
	daos_prop_t props = {0};
	int rc;

	rc = cont_prop_query(tool_of(cli)->cont, &tool_of(cli)->arena, &props);
	if (rc != 0)
		return rc;
	entry = prop_list_find(&props, DAOS_PROP_CO_ACL);
	access->acl = entry != NULL ? entry->dpe_val_ptr : NULL;
	entry = prop_list_find(&props, DAOS_PROP_CO_OWNER);
	access->owner = entry != NULL ? entry->dpe_str : NULL;
	entry = prop_list_find(&props, DAOS_PROP_CO_OWNER_GROUP);
	access->group = entry != NULL ? entry->dpe_str : NULL;
	return 0;
}

static int
write_file(struct cli *cli, const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | (cli_flag(cli, "force") ? O_TRUNC : O_EXCL), 0644);
	size_t len = strlen(text), done = 0;
	ssize_t n = 0;

	if (fd < 0)
		return cli_fail(cli, errno == EEXIST ? -DER_EXIST : -DER_MISC, "%s cannot be written: %s%s", path, strerror(errno),
				errno == EEXIST ? "; add --force to replace it" : "");
	while (done < len && (n = write(fd, text + done, len - done)) > 0)
		done += (size_t)n;
	if (close(fd) != 0 || done < len)
		return cli_fail(cli, -DER_MISC, "%s cannot be written: %s", path, strerror(errno));
	return 0;
}

static struct json_object *
access_json(struct cli *cli, const struct access *access)
{
	struct json_object *one = json_object_new_object(), *entries = json_object_new_array();
	const struct daos_ace *ace = NULL;

	while (access->acl != NULL && (ace = acl_next(access->acl, ace)) != NULL) {
		struct strbuf text;

		strbuf_init(&text, tool_of(cli)->env->mem);
		if (ace_print(ace, &text) == 0)
			json_object_array_add(entries, cli_json_string(strbuf_text(&text)));
		strbuf_fini(&text);
	}
	cli_json_add(one, "entries", entries);
	cli_json_add(one, "owner_user", cli_json_string(access->owner));
	cli_json_add(one, "owner_group", cli_json_string(access->group));
	return one;
}

/* What every command of this kind ends with. */
static int
show_access(struct cli *cli, const char *outfile)
{
	struct access access = {0};
	struct strbuf text;
	int rc;

	rc = read_access(cli, &access);
	if (rc != 0)
		return tool_failed(cli, rc, tool_name(cli));
	cli_respond(cli, access_json(cli, &access));
	strbuf_init(&text, tool_of(cli)->env->mem);
	rc = access.acl != NULL ? acl_print(access.acl, access.owner, access.group, strcmp(cli_command_name(cli), "container get-acl") == 0 &&
					    cli_flag(cli, "verbose"), &text) : 0;
	if (rc == 0 && outfile != NULL)
		rc = write_file(cli, outfile, strbuf_text(&text));
	else if (rc == 0)
		cli_print(cli, "%s", strbuf_text(&text));
	strbuf_fini(&text);
	return tool_failed(cli, rc, tool_name(cli));
}

int
tool_cont_get_acl(struct cli *cli)
{
	int rc = tool_open_cont(cli, DAOS_COO_RO);

	return rc != 0 ? rc : show_access(cli, cli_text(cli, "outfile"));
}

static int
set_acl(struct cli *cli, const struct daos_acl *acl)
{
	struct mem *mem = tool_of(cli)->env->mem;
	daos_prop_t *props;
	int rc;

	rc = prop_list_create(mem, 1, &props);
	if (rc != 0)
		return rc;
	props->dpp_entries[0].dpe_type = DAOS_PROP_CO_ACL;
	rc = prop_set_acl(mem, &props->dpp_entries[0], acl);
	if (rc == 0)
		rc = cont_prop_set(tool_of(cli)->cont, props);
	prop_list_free(mem, props);
	return rc;
}

int
tool_cont_overwrite_acl(struct cli *cli)
{
	struct daos_acl *acl = NULL;
	int rc;

	rc = tool_read_acl(cli, cli_text(cli, "acl-file"), &acl);
	if (rc == 0)
		rc = tool_open_cont(cli, DAOS_COO_RW);
	if (rc == 0)
		rc = set_acl(cli, acl);
	mem_free(tool_of(cli)->env->mem, acl);
	return rc != 0 ? tool_failed(cli, rc, tool_name(cli)) : show_access(cli, NULL);
}

/* One entry of the command line as a list. */
static int
parse_entry(struct cli *cli, const char *text, struct daos_acl **acl)
{
	struct mem *mem = tool_of(cli)->env->mem;
	struct daos_ace *ace = NULL;
	int rc;

	rc = ace_parse(mem, text_span_of(text), &ace);
	if (rc == 0)
		rc = acl_create(mem, (const struct daos_ace *const *)&ace, 1, acl);
	mem_free(mem, ace);
	if (rc == 0)
		rc = acl_check_cont(*acl);
	return rc == -DER_INVAL ? cli_misuse(cli, "--entry=%s is none: TYPE:FLAGS:PRINCIPAL:PERMISSIONS is wanted, as A::alice@:rw", text) : rc;
}

int
tool_cont_update_acl(struct cli *cli)
{
	struct mem *mem = tool_of(cli)->env->mem;
	struct daos_acl *change = NULL, *merged = NULL;
	struct access access = {0};
	int rc;

	if (cli_given(cli, "entry") == cli_given(cli, "acl-file"))
		return cli_misuse(cli, "either --entry or --acl-file is needed: daos container update-acl tank home --entry=A::alice@:rw");
	rc = cli_given(cli, "entry") ? parse_entry(cli, cli_text(cli, "entry"), &change) :
				       tool_read_acl(cli, cli_text(cli, "acl-file"), &change);
	if (rc == 0)
		rc = tool_open_cont(cli, DAOS_COO_RW);
	if (rc == 0)
		rc = read_access(cli, &access);
	if (rc == 0 && access.acl != NULL)
		rc = acl_merge(mem, access.acl, change, &merged);
	if (rc == 0)
		rc = set_acl(cli, merged != NULL ? merged : change);
	mem_free(mem, change);
	mem_free(mem, merged);
	return rc != 0 ? tool_failed(cli, rc, tool_name(cli)) : show_access(cli, NULL);
}

int
tool_cont_delete_acl(struct cli *cli)
{
	struct mem *mem = tool_of(cli)->env->mem;
	char name[DAOS_ACL_MAX_PRINCIPAL_BUF_LEN];
	enum daos_acl_principal_type type;
	struct daos_acl *without = NULL;
	struct access access = {0};
	int rc;

	if (acl_principal_parse(cli_text(cli, "principal"), &type, name) != 0)
		return cli_misuse(cli, "--principal=%s: u:alice@, g:staff@, OWNER@, GROUP@ or EVERYONE@ is wanted", cli_text(cli, "principal"));
	rc = tool_open_cont(cli, DAOS_COO_RW);
	if (rc == 0)
		rc = read_access(cli, &access);
	if (rc == 0)
		rc = access.acl != NULL ? acl_without(mem, access.acl, type, name, &without) : -DER_NONEXIST;
	if (rc == -DER_NONEXIST)
		cli_fail(cli, rc, "%s has no entry for %s: daos container get-acl shows what there is (%s)", tool_name(cli),
			 cli_text(cli, "principal"), d_errstr(rc));
	if (rc == 0)
		rc = set_acl(cli, without);
	mem_free(mem, without);
	return rc != 0 ? tool_failed(cli, rc, tool_name(cli)) : show_access(cli, NULL);
}

int
tool_cont_set_owner(struct cli *cli)
{
	struct mem *mem = tool_of(cli)->env->mem;
	const char *names[2] = {tool_principal(cli, cli_text(cli, "user")), tool_principal(cli, cli_text(cli, "group"))};
	static const uint32_t ids[2] = {DAOS_PROP_CO_OWNER, DAOS_PROP_CO_OWNER_GROUP};
	daos_prop_t *props;
	uint32_t n = 0;
	int rc;

	if (cli_given(cli, "uid") || cli_given(cli, "gid"))
		return tool_absent(cli, "--uid, --gid");
	if (names[0] == NULL && names[1] == NULL)
		return cli_misuse(cli, "--user or --group is needed: daos container set-owner tank home --user=alice");
	rc = prop_list_create(mem, 2, &props);
	if (rc != 0)
		return rc;
	for (int i = 0; rc == 0 && i < 2; i++)
		if (names[i] != NULL) {
			props->dpp_entries[n].dpe_type = ids[i];
			rc = prop_set_text(mem, &props->dpp_entries[n++], text_span_of(names[i]));
		}
	if (rc == -DER_INVAL)
		cli_misuse(cli, "'%s' is no name of a user or group", names[0] != NULL ? names[0] : names[1]);
	props->dpp_nr = n;
	if (rc == 0)
		rc = tool_open_cont(cli, DAOS_COO_RW);
	if (rc == 0)
		rc = cont_prop_set(tool_of(cli)->cont, props);
	props->dpp_nr = 2;
	prop_list_free(mem, props);
	if (rc == 0)
		cli_print(cli, "Owner of %s changed\n", tool_name(cli));
	return tool_failed(cli, rc, tool_name(cli));
}
