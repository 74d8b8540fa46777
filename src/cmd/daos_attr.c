/* SPDX-License-Identifier: Apache-2.0 */
/* daos: attributes of pools and containers, snapshots of containers, layouts of objects. */
#include "daos.h"

#include <stdio.h>
#include <daos_obj.h>
#include "client/object/object.h"
#include "pure/oclass/oclass.h"

/* ---- attributes: of the container where one is open, else of the pool ------------------------------------------------------ */
static bool
of_cont(struct cli *cli)
{
	return strncmp(cli_command_name(cli), "container", 9) == 0;
}

static int
open_for(struct cli *cli, bool write)
{
	if (of_cont(cli))
		return tool_open_cont(cli, write ? DAOS_COO_RW : DAOS_COO_RO);
	return tool_open_pool(cli, write ? DAOS_PC_RW : DAOS_PC_RO);
}

static int
get_attrs(struct cli *cli, struct attr *attrs, uint32_t nr)
{
	struct daos *daos = tool_of(cli);

	return daos->cont != NULL ? cont_attr_get(daos->cont, &daos->arena, attrs, nr) : pool_attr_get(daos->pool, &daos->arena, attrs, nr);
}

static int
list_names(struct cli *cli, const char ***names, uint32_t *nr)
{
	struct daos *daos = tool_of(cli);

	return daos->cont != NULL ? cont_attr_list(daos->cont, &daos->arena, names, nr) : pool_attr_list(daos->pool, &daos->arena, names, nr);
}

static int
no_attr(struct cli *cli, const char *name)
{
	return cli_fail(cli, -DER_NONEXIST, "%s has no attribute '%s': list-attr shows what there is (%s)", tool_name(cli), name,
			d_errstr(-DER_NONEXIST));
}

static const char *
argument(struct cli *cli)
{
	int i = of_cont(cli) ? 2 : 1;

	return cli_arg_nr(cli) > i ? cli_arg(cli, i) : cli_text(cli, "attr");
}

static const char *
keep(struct cli *cli, struct text_span span)
{
	char *copy = arena_alloc(&tool_of(cli)->arena, span.len + 1);

	if (copy != NULL)
		memcpy(copy, span.at, span.len);
	return copy;
}

enum { ATTRS_MAX = 256 };

static int
parse_names(struct cli *cli, const char *names[ATTRS_MAX], uint32_t *nr)
{
	const char *text = argument(cli);
	struct text_span rest = text_span_of(text != NULL ? text : ""), one;

	*nr = 0;
	while (text != NULL && text_split(&rest, ',', &one)) {
		if (one.len == 0)
			return cli_misuse(cli, "'%s': names joined by commas are wanted", text);
		if (*nr == ATTRS_MAX)
			return cli_misuse(cli, "too many attributes: at most %d at once", ATTRS_MAX);
		names[*nr] = keep(cli, one);
		if (names[(*nr)++] == NULL)
			return -DER_NOMEM;
	}
	return *nr > 0 ? 0 : cli_misuse(cli, "the name of an attribute is missing");
}

/* Values are bytes; for people and JSON what is not printable text is escaped. */
static const char *
printable(struct cli *cli, const struct attr *attr)
{
	const unsigned char *bytes = attr->value;
	struct strbuf text;
	const char *copy;

	strbuf_init(&text, tool_of(cli)->env->mem);
	for (uint64_t i = 0; i < attr->size; i++)
		if (bytes[i] >= 0x20 && bytes[i] != 0x7f)
			strbuf_add_char(&text, (char)bytes[i]);
		else if (bytes[i] != '\0' || i + 1 < attr->size) /* a NUL at the end is how C programs store strings */
			strbuf_addf(&text, "\\x%02x", bytes[i]);
	copy = arena_dup(&tool_of(cli)->arena, strbuf_text(&text), text.len + 1);
	strbuf_fini(&text);
	return copy != NULL ? copy : "";
}

static struct json_object *
attr_json(struct cli *cli, const struct attr *attr)
{
	struct json_object *one = json_object_new_object();

	cli_json_add(one, "name", cli_json_string(attr->name));
	cli_json_add(one, "value", cli_json_string(printable(cli, attr)));
	return one;
}

int
tool_attr_list(struct cli *cli)
{
	static const char *const heads[] = {"Name", "Value", NULL}, *const brief[] = {"Name", NULL};
	bool verbose = cli_flag(cli, "verbose");
	struct daos *daos = tool_of(cli);
	struct json_object *response;
	const char **names = NULL;
	struct cli_table table;
	struct attr *attrs;
	uint32_t nr = 0;
	int rc;

	rc = open_for(cli, false);
	if (rc != 0)
		return rc;
	rc = list_names(cli, &names, &nr);
	attrs = rc == 0 ? ARENA_NEW_ARRAY(&daos->arena, struct attr, nr + 1) : NULL;
	if (rc == 0 && attrs == NULL)
		rc = -DER_NOMEM;
	for (uint32_t i = 0; rc == 0 && i < nr; i++)
		attrs[i].name = names[i];
	if (rc == 0 && verbose && nr > 0)
		rc = get_attrs(cli, attrs, nr);
	if (rc != 0)
		return tool_failed(cli, rc, tool_name(cli));
	response = json_object_new_array();
	cli_table_init(&table, verbose ? heads : brief);
	for (uint32_t i = 0; i < nr; i++) {
		json_object_array_add(response, verbose ? attr_json(cli, &attrs[i]) : cli_json_string(names[i]));
		cli_table_add(&table, "%s", names[i]);
		if (verbose)
			cli_table_add(&table, "%s", printable(cli, &attrs[i]));
	}
	cli_respond(cli, response);
	if (nr > 0)
		cli_table_print(cli, &table, 0);
	else
		cli_print(cli, "No attributes\n");
	return 0;
}

int
tool_attr_get(struct cli *cli)
{
	static const char *const heads[] = {"Name", "Value", NULL};
	const char *names[ATTRS_MAX];
	struct json_object *response;
	struct attr *attrs = NULL;
	struct cli_table table;
	uint32_t nr;
	int rc;

	rc = parse_names(cli, names, &nr);
	if (rc == 0)
		rc = open_for(cli, false);
	if (rc != 0)
		return rc;
	attrs = ARENA_NEW_ARRAY(&tool_of(cli)->arena, struct attr, nr);
	for (uint32_t i = 0; attrs != NULL && i < nr; i++)
		attrs[i].name = names[i];
	rc = attrs != NULL ? get_attrs(cli, attrs, nr) : -DER_NOMEM;
	for (uint32_t i = 0; rc == 0 && i < nr; i++)
		if (attrs[i].value == NULL)
			rc = no_attr(cli, names[i]);
	if (rc != 0)
		return tool_failed(cli, rc, tool_name(cli));
	response = json_object_new_array();
	cli_table_init(&table, heads);
	for (uint32_t i = 0; i < nr; i++) {
		attrs[i].name = names[i];
		json_object_array_add(response, attr_json(cli, &attrs[i]));
		cli_table_add(&table, "%s", names[i]);
		cli_table_add(&table, "%s", printable(cli, &attrs[i]));
	}
	if (nr == 1) {
		json_object_put(response);
		response = attr_json(cli, &attrs[0]);
	}
	cli_respond(cli, response);
	cli_table_print(cli, &table, 0);
	return 0;
}

static int
parse_attrs(struct cli *cli, const char *text, struct attr attrs[ATTRS_MAX], uint32_t *nr)
{
	struct text_span rest = text_span_of(text), one, name;

	*nr = 0;
	while (text_split(&rest, ',', &one)) {
		struct text_span value = one;
		bool colon = memchr(one.at, ':', one.len) != NULL;

		if (!colon || !text_split(&value, ':', &name) || name.len == 0 || value.len == 0)
			return cli_misuse(cli, "'%.*s': attributes are written NAME:VALUE,NAME:VALUE", (int)one.len, one.at);
		if (*nr == ATTRS_MAX)
			return cli_misuse(cli, "too many attributes: at most %d at once", ATTRS_MAX);
		attrs[*nr] = (struct attr){.name = keep(cli, name), .value = keep(cli, value), .size = value.len};
		if (attrs[*nr].name == NULL || attrs[*nr].value == NULL)
			return -DER_NOMEM;
		(*nr)++;
	}
	return 0;
}

static int
put_attrs(struct cli *cli, const struct attr *attrs, uint32_t nr)
{
	struct daos *daos = tool_of(cli);

	return daos->cont != NULL ? cont_attr_set(daos->cont, attrs, nr) : pool_attr_set(daos->pool, attrs, nr);
}

int
tool_set_attrs(struct cli *cli, const char *text)
{
	struct attr *attrs = ARENA_NEW_ARRAY(&tool_of(cli)->arena, struct attr, ATTRS_MAX);
	uint32_t nr;
	int rc;

	rc = attrs != NULL ? parse_attrs(cli, text, attrs, &nr) : -DER_NOMEM;
	return rc != 0 ? rc : tool_failed(cli, put_attrs(cli, attrs, nr), tool_name(cli));
}

int
tool_attr_set(struct cli *cli)
{
	struct attr *attrs = ARENA_NEW_ARRAY(&tool_of(cli)->arena, struct attr, ATTRS_MAX);
	const char *name = cli_text(cli, "attr"), *value = cli_text(cli, "value");
	uint32_t nr = 1;
	int rc = 0;

	if (attrs == NULL)
		return -DER_NOMEM;
	if ((name == NULL) != (value == NULL) || (name == NULL && argument(cli) == NULL))
		return cli_misuse(cli, "what to set is missing: NAME:VALUE, or --attr=NAME --value=VALUE");
	if (name != NULL)
		attrs[0] = (struct attr){.name = name, .value = value, .size = strlen(value)};
	else
		rc = parse_attrs(cli, argument(cli), attrs, &nr);
	if (rc == 0)
		rc = open_for(cli, true);
	if (rc == 0)
		rc = put_attrs(cli, attrs, nr);
	if (rc == 0)
		cli_print(cli, "%u attribute%s of %s set\n", nr, nr == 1 ? "" : "s",
			  of_cont(cli) ? cli_arg(cli, 1) : cli_arg(cli, 0));
	return tool_failed(cli, rc, tool_name(cli));
}

/* Removing what is not there succeeds for programs; a person who mistyped a name is told. */
static int
check_present(struct cli *cli, const char *const *names, uint32_t nr)
{
	const char **known = NULL;
	uint32_t known_nr = 0, k;
	int rc;

	rc = list_names(cli, &known, &known_nr);
	for (uint32_t i = 0; rc == 0 && i < nr; i++) {
		for (k = 0; k < known_nr && strcmp(known[k], names[i]) != 0; k++)
			;
		if (k == known_nr)
			rc = no_attr(cli, names[i]);
	}
	return rc;
}

int
tool_attr_del(struct cli *cli)
{
	struct daos *daos = tool_of(cli);
	const char *names[ATTRS_MAX];
	uint32_t nr;
	int rc;

	rc = parse_names(cli, names, &nr);
	if (rc == 0)
		rc = open_for(cli, true);
	if (rc == 0)
		rc = check_present(cli, names, nr);
	if (rc == 0)
		rc = daos->cont != NULL ? cont_attr_del(daos->cont, names, nr) : pool_attr_del(daos->pool, names, nr);
	if (rc == 0)
		cli_print(cli, "%u attribute%s removed\n", nr, nr == 1 ? "" : "s");
	return tool_failed(cli, rc, tool_name(cli));
}

/* ---- snapshots ------------------------------------------------------------------------------------------------------------------------ */
static struct json_object *
snap_json(daos_epoch_t epoch, const char *name)
{
	struct json_object *one = json_object_new_object();
	char time[DAOS_TIME_MAX];

	cli_json_add(one, "epoch", cli_json_u64(epoch));
	cli_json_add(one, "timestamp", cli_json_string(tool_time(time, epoch)));
	cli_json_add(one, "name", cli_json_string(name));
	return one;
}

static int
list_snaps(struct cli *cli, struct cont_snap **snaps, uint32_t *nr)
{
	return tool_failed(cli, cont_snap_list(tool_of(cli)->cont, &tool_of(cli)->arena, snaps, nr), tool_name(cli));
}

int
tool_snap_create(struct cli *cli)
{
	const char *name = cli_text(cli, "snap");
	struct cont_snap *snaps = NULL;
	char time[DAOS_TIME_MAX];
	daos_epoch_t epoch = 0;
	uint32_t nr = 0;
	int rc;

	if (name != NULL && (name[0] == '\0' || strlen(name) >= DAOS_SNAPSHOT_MAX_LEN))
		return cli_misuse(cli, "--snap wants a name of 1 to %d characters", DAOS_SNAPSHOT_MAX_LEN - 1);
	rc = tool_open_cont(cli, DAOS_COO_RW);
	if (rc == 0 && name != NULL)
		rc = list_snaps(cli, &snaps, &nr);
	for (uint32_t i = 0; rc == 0 && i < nr; i++)
		if (strcmp(snaps[i].name, name) == 0)
			rc = cli_fail(cli, -DER_EXIST, "%s has a snapshot '%s' already: choose another name (%s)", tool_name(cli), name,
				      d_errstr(-DER_EXIST));
	if (rc == 0)
		rc = cont_snap_create(tool_of(cli)->cont, name, &epoch);
	if (rc != 0)
		return tool_failed(cli, rc, tool_name(cli));
	cli_respond(cli, snap_json(epoch, name));
	cli_print(cli, "Snapshot created: epoch %llu, %s%s%s\n", (unsigned long long)epoch, tool_time(time, epoch), name != NULL ? ", " : "",
		  name != NULL ? name : "");
	return 0;
}

int
tool_snap_list(struct cli *cli)
{
	static const char *const heads[] = {"Name", "Epoch", "Time", NULL};
	struct cont_snap *snaps = NULL;
	struct json_object *response;
	char time[DAOS_TIME_MAX];
	struct cli_table table;
	uint32_t nr = 0;
	int rc;

	rc = tool_open_cont(cli, DAOS_COO_RO);
	if (rc == 0)
		rc = list_snaps(cli, &snaps, &nr);
	if (rc != 0)
		return rc;
	response = json_object_new_array();
	cli_table_init(&table, heads);
	for (uint32_t i = 0; i < nr; i++) {
		json_object_array_add(response, snap_json(snaps[i].epoch, snaps[i].name));
		cli_table_add(&table, "%s", snaps[i].name[0] != '\0' ? snaps[i].name : "-");
		cli_table_add(&table, "%llu", (unsigned long long)snaps[i].epoch);
		cli_table_add(&table, "%s", tool_time(time, snaps[i].epoch));
	}
	cli_respond(cli, response);
	if (nr > 0)
		cli_table_print(cli, &table, 0);
	else
		cli_print(cli, "No snapshots\n");
	return 0;
}

/* Which epochs the command line means; a name is looked up when the container is open. */
static int
parse_range(struct cli *cli, daos_epoch_range_t *range)
{
	const char *text = cli_text(cli, "epcrange");
	struct text_span rest = text_span_of(text != NULL ? text : ""), first;
	char from[24], to[24];

	if ((int)cli_given(cli, "epc") + (text != NULL) + (cli_text(cli, "snap") != NULL) != 1)
		return cli_misuse(cli, "one of --snap, --epc and --epcrange is needed: daos container list-snap shows what there is");
	range->epr_lo = range->epr_hi = cli_number(cli, "epc", 0);
	if (text == NULL)
		return 0;
	if (!text_split(&rest, '-', &first) || text_copy(text_trim(first), from, sizeof(from)) != 0 ||
	    text_copy(text_trim(rest), to, sizeof(to)) != 0 || text_parse_u64(from, &range->epr_lo) != 0 ||
	    text_parse_u64(to, &range->epr_hi) != 0 || range->epr_lo > range->epr_hi)
		return cli_misuse(cli, "--epcrange wants two epochs, as 100-200, not '%s'", text);
	return 0;
}

int
tool_snap_destroy(struct cli *cli)
{
	const char *name = cli_text(cli, "snap");
	daos_epoch_range_t range = {0};
	struct cont_snap *snaps = NULL;
	uint32_t nr = 0, hit = 0;
	int rc;

	rc = parse_range(cli, &range);
	if (rc == 0)
		rc = tool_open_cont(cli, DAOS_COO_RW);
	if (rc == 0)
		rc = list_snaps(cli, &snaps, &nr);
	for (uint32_t i = 0; rc == 0 && i < nr; i++) {
		if (name != NULL && strcmp(snaps[i].name, name) == 0)
			range.epr_lo = range.epr_hi = snaps[i].epoch;
		hit += snaps[i].epoch >= range.epr_lo && snaps[i].epoch <= range.epr_hi && range.epr_hi != 0;
	}
	if (rc == 0 && hit == 0)
		rc = cli_fail(cli, -DER_NONEXIST, "%s has no such snapshot: daos container list-snap shows what there is (%s)", tool_name(cli),
			      d_errstr(-DER_NONEXIST));
	if (rc == 0)
		rc = cont_snap_destroy(tool_of(cli)->cont, range);
	if (rc == 0)
		cli_print(cli, "%u snapshot%s destroyed\n", hit, hit == 1 ? "" : "s");
	return tool_failed(cli, rc, tool_name(cli));
}

/* ---- objects ---------------------------------------------------------------------------------------------------------------------------- */
static int
parse_oid(struct cli *cli, daos_obj_id_t *oid)
{
	const char *text = cli_arg_nr(cli) > 2 ? cli_arg(cli, 2) : cli_text(cli, "oid");
	struct text_span rest = text_span_of(text != NULL ? text : ""), first;
	char hi[24], lo[24];

	if (text == NULL)
		return cli_misuse(cli, "the id of the object is missing: daos object query tank home HI.LO");
	if (!text_split(&rest, '.', &first) || text_copy(first, hi, sizeof(hi)) != 0 || text_copy(rest, lo, sizeof(lo)) != 0 ||
	    text_parse_u64(hi, &oid->hi) != 0 || text_parse_u64(lo, &oid->lo) != 0)
		return cli_misuse(cli, "'%s' is no object id: HI.LO is wanted, two numbers", text);
	if (!oclass_oid_is_valid(*oid))
		return cli_misuse(cli, "'%s' is no object id: its upper bits name no known type and class", text);
	return 0;
}

static void
print_layout(struct cli *cli, daos_obj_id_t oid, const struct object_shard *shards, uint32_t nr, uint32_t group_nr)
{
	static const char *const heads[] = {"Group", "Shard", "Rank", "Target", NULL};
	struct json_object *response = json_object_new_object(), *groups = json_object_new_array(), *group = NULL;
	uint32_t version = pool_map_version(tool_of(cli)->pool);
	char text[48], name[MAX_OBJ_CLASS_NAME_LEN + 1];
	struct cli_table table;

	snprintf(text, sizeof(text), "%llu.%llu", (unsigned long long)oid.hi, (unsigned long long)oid.lo);
	(void)oclass_print(daos_obj_id2class(oid), name);
	cli_json_add(response, "oid", cli_json_string(text));
	cli_json_add(response, "version", cli_json_u64(version));
	cli_json_add(response, "class", cli_json_string(name));
	cli_json_add(response, "groups", groups);
	cli_table_init(&table, heads);
	for (uint32_t i = 0; i < nr; i++) {
		struct json_object *one = json_object_new_object();

		if (i == 0 || shards[i].group != shards[i - 1].group) {
			group = json_object_new_array();
			json_object_array_add(groups, group);
		}
		cli_json_add(one, "shard", cli_json_u64(shards[i].shard));
		cli_json_add(one, "rank", cli_json_u64(shards[i].rank));
		cli_json_add(one, "target", cli_json_u64(shards[i].target));
		json_object_array_add(group, one);
		cli_table_add(&table, "%u", shards[i].group);
		cli_table_add(&table, "%u", shards[i].shard);
		cli_table_add(&table, "%u", shards[i].rank);
		cli_table_add(&table, "%u", shards[i].target);
	}
	cli_respond(cli, response);
	cli_print(cli, "Object %s: class %s, map version %u, %u group%s\n", text, name, version, group_nr, group_nr == 1 ? "" : "s");
	cli_table_print(cli, &table, 0);
}

int
tool_object_query(struct cli *cli)
{
	struct object_shard *shards = NULL;
	uint32_t nr = 0, group_nr = 0;
	struct object *object = NULL;
	daos_obj_id_t oid;
	int rc;

	rc = parse_oid(cli, &oid);
	if (rc == 0)
		rc = tool_open_cont(cli, DAOS_COO_RO);
	if (rc == 0)
		rc = object_open(tool_of(cli)->cont, oid, DAOS_OO_RO, &object);
	if (rc == 0)
		rc = object_layout(object, &tool_of(cli)->arena, &shards, &nr, &group_nr);
	if (rc == 0)
		print_layout(cli, oid, shards, nr, group_nr);
	if (object != NULL)
		object_close(object);
	return tool_failed(cli, rc, tool_name(cli));
}
