/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daos: what users do with pools and containers of a running store. The program is one client: a stream of its own, the agent's
 * socket in DAOS_AGENT_DRPC_DIR or the default place, calls to the engines over their network.
 *
 *	main -> cli_main -> in_ult: stream, ULT { client, command, close what it opened } -> envelope, exit status
 *
 * An interrupted command leaves what its last request made; creations and destructions are one request each, or say what is left.
 */
#include "daos.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <daos_version.h>
#include "env_real/env_real.h"
#include "pure/hlc/hlc.h"

#define AGENT_DIR_DEFAULT "/var/run/daos_agent"

/* ---- errors ------------------------------------------------------------------------------------------------------------------- */
/* What a person can do about it; NULL: no advice. */
static const char *
advice(int rc)
{
	switch (rc) {
	case -DER_NO_PERM: return "ask the owner of the pool or container for the right: dmg pool get-acl, daos container get-acl";
	case -DER_TIMEDOUT:
	case -DER_UNREACH: return "no engine answered in time: dmg system query shows how they are";
	case -DER_AGAIN:
	case -DER_NO_SERVICE:
	case -DER_SHUTDOWN: return "no engine serves: dmg system query shows why, dmg system start starts them";
	case -DER_NOSPACE: return "the pool is full: daos pool query shows how full; delete something, or make a larger pool";
	case -DER_BUSY: return "it is in use: close what uses it, or add --force";
	case -DER_NOSYS: return "not supported yet";
	case -DER_PROTO: return "the store speaks another version: update the client and the server together";
	case -DER_AGENT_COMM: return "is the store running? For a store in DIR: export DAOS_AGENT_DRPC_DIR=DIR/run";
	default: return NULL;
	}
}

int
tool_failed(struct cli *cli, int rc, const char *what)
{
	const char *how = advice(rc);
	uuid_t uuid;

	if (rc == 0)
		return 0;
	for (int i = 0; rc == -DER_INVAL && i < MIN(cli_arg_nr(cli), 2); i++)
		if (!text_label_is_valid(cli_arg(cli, i)) && text_parse_uuid(cli_arg(cli, i), uuid) != 0)
			return cli_fail(cli, rc, "%s failed: '%s' is neither a label (1 to 127 of letters, digits, . _ : and -) nor a UUID: daos pool list "
					"and daos container list show names (%s)", cli_command_name(cli), cli_arg(cli, i), d_errstr(rc));
	return cli_fail(cli, rc, "%s%s%s failed: %s%s%s (%s)", cli_command_name(cli), what != NULL ? " " : "", what != NULL ? what : "",
			d_errdesc(rc), how != NULL ? ": " : "", how != NULL ? how : "", d_errstr(rc));
}

int
tool_absent(struct cli *cli, const char *what)
{
	return cli_fail(cli, -DER_NOSYS, "%s: %s is not supported yet (%s)", cli_command_name(cli), what, d_errstr(-DER_NOSYS));
}

/* ---- connection ------------------------------------------------------------------------------------------------------------------ */
struct command {
	struct cli *cli;
	int (*body)(struct cli *cli);
	int rc;
	bool done;
};

static int
unreachable(struct cli *cli, int rc)
{
	struct daos *daos = tool_of(cli);

	if (access(daos->agent, F_OK) != 0 && errno == EACCES)
		return cli_fail(cli, -DER_NO_PERM, "%s may not be reached by this user: ask who runs the store to open its directory for you",
				daos->agent);
	return cli_fail(cli, rc,
			"no agent answers at %s: is the store running? For a store in DIR: export DAOS_AGENT_DRPC_DIR=DIR/run; to start one: "
			"daos_server start --dir DIR (%s)",
			daos->agent, d_errstr(rc));
}

int
tool_connect(struct cli *cli)
{
	struct daos *daos = tool_of(cli);
	const char *dir = getenv("DAOS_AGENT_DRPC_DIR"), *system = cli_text(cli, "sys-name");
	struct client_config config = {.env = daos->env, .xs = daos->xs, .system = system, .attach_within_ns = 5 * NS_PER_S};
	int rc;

	if (daos->client != NULL)
		return 0;
	if (dir == NULL || dir[0] == '\0')
		dir = AGENT_DIR_DEFAULT;
	snprintf(daos->agent, sizeof(daos->agent), "%s/daos_agent.sock", dir);
	rc = client_create(&config, &daos->client);
	if (rc == -DER_AGENT_COMM)
		return unreachable(cli, rc);
	if (rc == -DER_EXCEEDS_PATH_LEN)
		return cli_fail(cli, rc, "the path %s is too long for a socket: start the store with --socket_dir", daos->agent);
	if (rc == -DER_MISMATCH || rc == -DER_NONEXIST)
		return cli_fail(cli, rc, "the agent at %s serves another system than '%s': leave --sys-name out, or set DAOS_AGENT_DRPC_DIR (%s)",
				daos->agent, system != NULL ? system : "", d_errstr(rc));
	return tool_failed(cli, rc == -DER_TIMEDOUT ? -DER_NO_SERVICE : rc, NULL);
}

static void
close_all(struct daos *daos)
{
	if (daos->cont != NULL && cont_close(daos->cont) != 0)
		cont_put(daos->cont);
	if (daos->pool != NULL && pool_disconnect(daos->pool) != 0)
		pool_put(daos->pool);
	if (daos->client != NULL)
		client_destroy(daos->client);
	daos->cont = NULL;
	daos->pool = NULL;
	daos->client = NULL;
}

static void
command_main(void *arg)
{
	struct command *command = arg;

	command->rc = command->body(command->cli);
	close_all(tool_of(command->cli));
	command->done = true;
}

static int
world_begin(struct cli *cli)
{
	struct env_real_options options = {.log = {.mask = "CRIT", .identity = "daos"}, .log_from_environment = true};
	struct xs_config stream = {.name = "daos", .stack_size = 512 * KIB};
	struct daos *daos = tool_of(cli);
	int rc;

	if (cli_flag(cli, "verbose"))
		options.log.mask = "INFO";
	if (cli_flag(cli, "debug"))
		options.log.mask = "DEBUG";
	rc = env_real_create(&options, &daos->env);
	if (rc != 0)
		return cli_fail(cli, rc, "cannot begin: %s: look at D_LOG_FILE and D_LOG_MASK", d_errdesc(rc));
	arena_init(&daos->arena, daos->env->mem);
	stream.env = daos->env;
	rc = xs_create(&stream, &daos->xs);
	return rc != 0 ? cli_fail(cli, rc, "cannot begin: %s", d_errdesc(rc)) : 0;
}

/* A container is named by two arguments, or would be by --path. */
static int
check_names(struct cli *cli)
{
	const char *name = cli_command_name(cli);
	bool cont = strncmp(name, "container ", 10) == 0;
	bool make = strcmp(name, "container create") == 0;

	if (!(cont || strncmp(name, "object ", 7) == 0) || strcmp(name, "container list") == 0)
		return 0;
	if (cli_text(cli, "path") != NULL)
		return tool_absent(cli, "--path (give pool and container instead)");
	if (!make && cli_arg_nr(cli) < 2)
		return cli_misuse(cli, "pool and container are needed: daos %s tank home", name);
	return 0;
}

static int
in_ult(struct cli *cli, int (*body)(struct cli *cli))
{
	struct command command = {.cli = cli, .body = body};
	struct daos *daos = tool_of(cli);
	int rc;

	rc = check_names(cli);
	if (rc == 0)
		rc = world_begin(cli);
	if (rc != 0)
		return rc;
	rc = ult_spawn(daos->xs, ULT_SYSTEM, "command", command_main, &command, NULL);
	if (rc != 0)
		return cli_fail(cli, rc, "cannot begin: %s", d_errdesc(rc));
	xs_run_until(daos->xs, &command.done, ENV_FOREVER);
	return command.rc;
}

static void
world_end(struct daos *daos)
{
	/* What the connection still has to do ends here. */
	for (int i = 0; daos->xs != NULL && i < 1000 && xs_ults(daos->xs) > 0; i++)
		xs_poll(daos->xs);
	if (daos->xs != NULL)
		xs_destroy(daos->xs);
	if (daos->env != NULL) {
		arena_fini(&daos->arena);
		env_real_destroy(daos->env);
	}
}

/* ---- opening ---------------------------------------------------------------------------------------------------------------------- */
const char *
tool_name(struct cli *cli)
{
	const char *pool = cli_arg_nr(cli) > 0 ? cli_arg(cli, 0) : "";
	const char *cont = strncmp(cli_command_name(cli), "pool", 4) != 0 && cli_arg_nr(cli) > 1 ? cli_arg(cli, 1) : NULL;
	char text[600];

	snprintf(text, sizeof(text), "%s%s%s", pool, cont != NULL ? "/" : "", cont != NULL ? cont : "");
	return arena_dup(&tool_of(cli)->arena, text, strlen(text) + 1);
}

static const char *
take_names(struct cli *cli, struct strbuf *text)
{
	const char *names = text->len > 0 ? arena_dup(&tool_of(cli)->arena, strbuf_text(text), text->len + 1) : NULL;

	strbuf_fini(text);
	return names;
}

static void
add_name(struct strbuf *text, const char *label, const uint8_t *uuid, uint32_t i)
{
	char buf[TEXT_UUID_SIZE];

	if (i < 10)
		strbuf_addf(text, "%s%s", i > 0 ? ", " : "", label[0] != '\0' ? label : text_print_uuid(buf, uuid));
	else if (i == 10)
		strbuf_add(text, ", ...");
}

const char *
tool_pool_names(struct cli *cli)
{
	struct daos *daos = tool_of(cli);
	struct pool_entry *pools = NULL;
	struct strbuf text;
	uint32_t nr = 0;

	strbuf_init(&text, daos->env->mem);
	if (pool_list(daos->client, &daos->arena, &pools, &nr) == 0)
		for (uint32_t i = 0; i < nr; i++)
			add_name(&text, pools[i].label, pools[i].uuid, i);
	return take_names(cli, &text);
}

const char *
tool_cont_names(struct cli *cli)
{
	struct daos *daos = tool_of(cli);
	struct pool_cont_entry *conts = NULL;
	struct strbuf text;
	uint32_t nr = 0;

	strbuf_init(&text, daos->env->mem);
	if (pool_list_containers(daos->pool, &daos->arena, &conts, &nr) == 0)
		for (uint32_t i = 0; i < nr; i++)
			add_name(&text, conts[i].label, conts[i].uuid, i);
	return take_names(cli, &text);
}

int
tool_open_pool(struct cli *cli, uint32_t flags)
{
	struct daos *daos = tool_of(cli);
	const char *names, *name;
	int rc;

	name = cli_arg(cli, 0);
	rc = tool_connect(cli);
	if (rc != 0)
		return rc;
	rc = pool_connect(daos->client, name, flags, &daos->pool);
	if (rc == -DER_DF_INVAL || rc == -DER_DF_INCOMPT)
		return cli_fail(cli, rc, "%s failed: the pool %s %s: the engine's log says more (%s)", cli_command_name(cli), name,
				rc == -DER_DF_INVAL ? "is damaged and does not come up" : "was written by a newer version", d_errstr(rc));
	if (rc != -DER_NONEXIST)
		return tool_failed(cli, rc, name);
	names = tool_pool_names(cli);
	return cli_fail(cli, rc, "%s failed: there is no pool '%s': %s%s (%s)", cli_command_name(cli), name,
			names != NULL ? "pools are: " : "there are no pools that you may see; dmg pool create --size=8GiB tank makes one",
			names != NULL ? names : "", d_errstr(rc));
}

int
tool_open_cont(struct cli *cli, uint32_t flags)
{
	struct daos *daos = tool_of(cli);
	const char *names;
	int rc;

	rc = tool_open_pool(cli, (flags & DAOS_COO_RO) != 0 ? DAOS_PC_RO : DAOS_PC_RW);
	if (rc != 0)
		return rc;
	rc = cont_open(daos->pool, cli_arg(cli, 1), flags, &daos->cont);
	if (rc != -DER_NONEXIST)
		return tool_failed(cli, rc, tool_name(cli));
	names = tool_cont_names(cli);
	return cli_fail(cli, rc, "%s failed: there is no container '%s' in pool '%s': %s%s (%s)", cli_command_name(cli), cli_arg(cli, 1),
			cli_arg(cli, 0), names != NULL ? "containers are: " : "it has none; daos container create makes one",
			names != NULL ? names : "", d_errstr(rc));
}

/* ---- small things --------------------------------------------------------------------------------------------------------------------- */
char *
tool_time(char buf[DAOS_TIME_MAX], uint64_t hlc)
{
	char day[24], zone[8];
	struct timespec ts;
	struct tm tm;

	if (hlc == 0)
		return strcpy(buf, "-");
	hlc_to_timespec(hlc, &ts);
	localtime_r(&ts.tv_sec, &tm);
	strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
	strftime(zone, sizeof(zone), "%z", &tm); /* +hhmm */
	snprintf(buf, DAOS_TIME_MAX, "%s.%03ld%.3s:%.2s", day, ts.tv_nsec / (long)NS_PER_MS, zone, zone + 3);
	return buf;
}

static int
say_version(struct cli *cli)
{
	char text[32];

	snprintf(text, sizeof(text), "%d.%d.%d", DAOS_VERSION_MAJOR, DAOS_VERSION_MINOR, DAOS_VERSION_FIX);
	cli_print(cli, "daos version %s\n", text);
	cli_respond(cli, json_object_new_string(text));
	return 0;
}

int
tool_system_query(struct cli *cli)
{
	static const char *const heads[] = {"Rank", "Address", "Role", NULL};
	struct json_object *response, *uris, *access;
	const struct client_attach *attach;
	struct cli_table table;
	int rc;

	rc = tool_connect(cli);
	if (rc != 0)
		return rc;
	attach = client_attach_info(tool_of(cli)->client);
	response = json_object_new_object();
	uris = json_object_new_array();
	access = json_object_new_array();
	cli_table_init(&table, heads);
	for (uint32_t i = 0; i < attach->member_nr; i++) {
		const struct rpc_member *member = &attach->members[i];
		const char *addr = member->addr_nr > 0 ? member->addrs[0] : "";
		struct json_object *one = json_object_new_object();
		bool serves = false;

		for (uint32_t m = 0; m < attach->ms_rank_nr; m++)
			serves = serves || attach->ms_ranks[m] == member->rank;
		cli_json_add(one, "rank", cli_json_u64(member->rank));
		cli_json_add(one, "uri", cli_json_string(addr));
		json_object_array_add(uris, one);
		if (serves)
			json_object_array_add(access, json_object_get(one));
		cli_table_add(&table, "%u", member->rank);
		cli_table_add(&table, "%s", addr);
		cli_table_add(&table, "%s", serves ? "management" : "-");
	}
	cli_json_add(response, "system_name", cli_json_string(attach->system));
	cli_json_add(response, "fabric_provider", cli_json_string("tcp"));
	cli_json_add(response, "agent_path", cli_json_string(tool_of(cli)->agent));
	cli_json_add(response, "rank_uris", uris);
	cli_json_add(response, "access_point_rank_uris", access);
	cli_respond(cli, response);
	cli_print(cli, "System %s, provider tcp, agent %s\n", attach->system, tool_of(cli)->agent);
	cli_table_print(cli, &table, 0);
	return 0;
}

/* ---- the tables --------------------------------------------------------------------------------------------------------------------------- */
static int
run_absent(struct cli *cli)
{
	return cli_fail(cli, -DER_NOSYS, "%s is not supported yet (%s)", cli_command_name(cli), d_errstr(-DER_NOSYS));
}

#define RUN(name) \
	static int run_##name(struct cli *cli) \
	{ \
		return in_ult(cli, tool_##name); \
	}
DAOS_COMMANDS(RUN)

#include "daos_options.h"

static const struct cli_program program = {
	.name = "daos",
	.help = "uses a store: pools, containers, objects",
	.globals = globals,
	.commands = commands,
	.json = true,
};

int
main(int argc, char **argv)
{
	struct daos daos = {0};
	int status;

	signal(SIGPIPE, SIG_IGN);
	status = cli_main(&program, argc, argv, &daos);
	world_end(&daos);
	return status;
}
