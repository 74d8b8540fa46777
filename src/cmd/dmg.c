/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dmg: what an administrator says to a running store. A command fills a request of proto/control, calls the local server over dRPC at
 * the agent's socket, and prints the answer. The socket is in DAOS_AGENT_DRPC_DIR, else in the default place; identity is the
 * socket's, so no certificates are needed on one machine.
 */
#include "dmg.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>
#include <daos_version.h>
#include "control/control.h"
#include "env_real/env_real.h"
#include "proto/local.h"

/* The server itself waits 30 s for an engine that is down, and two minutes for its answer. */
#define CALL_WITHIN_NS (180 * NS_PER_S)

struct dmg {
	struct env *env;
	struct xs *xs;
	struct drpc_client *client;
	struct arena arena;
	bool have_arena;
	char path[4096];
};

/* ---- connection ------------------------------------------------------------------------------------------------------------ */
int
dmg_env(struct cli *cli, struct env **env)
{
	struct env_real_options options = {.log = {.mask = cli_flag(cli, "debug") ? "DEBUG" : "CRIT", .identity = "dmg"}};
	struct dmg *dmg = cli_owner(cli);
	int rc = 0;

	options.log.file = cli_text(cli, "log-file");
	if (dmg->env == NULL)
		rc = env_real_create(&options, &dmg->env);
	if (rc != 0)
		return cli_fail(cli, rc, "cannot begin: %s%s%s", d_errdesc(rc), options.log.file != NULL ? ": look at --log-file=" : "",
				options.log.file != NULL ? options.log.file : "");
	*env = dmg->env;
	return 0;
}

static void *
no_alloc(struct mem *mem, size_t size, size_t align, const void *site)
{
	return NULL;
}

static void
no_free(struct mem *mem, void *ptr)
{
}

/* Without a world (the error is set) it has no memory to give. */
struct arena *
dmg_arena(struct cli *cli)
{
	static struct mem none = {.alloc = no_alloc, .free = no_free};
	struct dmg *dmg = cli_owner(cli);
	struct env *env;

	if (!dmg->have_arena) {
		arena_init(&dmg->arena, dmg_env(cli, &env) == 0 ? env->mem : &none);
		dmg->have_arena = true;
	}
	return &dmg->arena;
}

/* daos_control.yml has nothing that a local store needs, but may say that another one is meant. */
static int
read_config(struct cli *cli)
{
	const char *path = cli_text(cli, "config-path");
	struct strbuf error;
	struct env *env;
	char *text;
	size_t len;
	int rc;

	if (path == NULL)
		return 0;
	rc = dmg_env(cli, &env);
	if (rc != 0)
		return rc;
	rc = env->ops->file.read(env, path, CONTROL_CONFIG_MAX, &text, &len);
	if (rc != 0)
		return cli_fail(cli, rc, "the configuration %s cannot be read: %s", path, d_errdesc(rc));
	strbuf_init(&error, env->mem);
	rc = control_tool_config_check(text, len, dmg_arena(cli), &error);
	if (rc != 0)
		cli_fail(cli, rc, "%s: %s", path, strbuf_text(&error));
	strbuf_fini(&error);
	mem_free(env->mem, text);
	return rc;
}

bool
dmg_is_here(struct text_span host)
{
	char self[256] = "";

	(void)gethostname(self, sizeof(self) - 1);
	return text_equal_nocase(host, "localhost") || text_equal_nocase(host, "127.0.0.1") || text_equal_nocase(host, self);
}

static int
check_hosts(struct cli *cli)
{
	const char *hosts = cli_text(cli, "host-list");
	struct text_span rest = text_span_of(hosts != NULL ? hosts : ""), one, name;
	bool other = false;

	while (hosts != NULL && text_split(&rest, ',', &one)) {
		if (!text_split(&one, ':', &name))
			name = one;
		other = other || !dmg_is_here(name);
	}
	if (!other)
		return 0;
	return cli_fail(cli, -DER_NOTSUPPORTED, "--host-list=%s: other hosts cannot be reached yet; run dmg on the host of the store", hosts);
}

static int
connect_server(struct cli *cli)
{
	struct dmg *dmg = cli_owner(cli);
	struct xs_config stream = {.name = "dmg", .stack_size = 256 * KIB};
	const char *dir = getenv("DAOS_AGENT_DRPC_DIR");
	int rc;

	rc = check_hosts(cli);
	if (rc == 0)
		rc = read_config(cli);
	if (rc == 0)
		rc = dmg_env(cli, &dmg->env);
	if (rc != 0)
		return rc;
	stream.env = dmg->env;
	snprintf(dmg->path, sizeof(dmg->path), "%s/" CONTROL_AGENT_SOCKET, dir != NULL && dir[0] != '\0' ? dir : CONTROL_AGENT_DIR_DEFAULT);
	rc = xs_create(&stream, &dmg->xs);
	if (rc == 0)
		rc = drpc_client_create(dmg->xs, dmg->path, &dmg->client);
	if (rc == -DER_EXCEEDS_PATH_LEN)
		return cli_fail(cli, rc, "the path %s is too long for a socket: start the store with --socket_dir", dmg->path);
	return rc;
}

struct calling {
	struct dmg *dmg;
	rpc_opc opc;
	const void *in;
	void *out;
	struct arena *arena;
	bool done;
	int rc;
};

static void
call_main(void *arg)
{
	struct calling *calling = arg;

	calling->rc = proto_local_call(calling->dmg->client, DRPC_MODULE_MGMT, &proto_control, calling->opc, calling->in, calling->out,
				       env_mono(calling->dmg->env) + CALL_WITHIN_NS, calling->arena);
	calling->done = true;
}

static int
unreachable(struct cli *cli, int rc)
{
	struct dmg *dmg = cli_owner(cli);

	if (access(dmg->path, F_OK) != 0 && errno == EACCES)
		return cli_fail(cli, -DER_NO_PERM, "%s may not be reached by this user: run dmg as the user who started the store, or root",
				dmg->path);
	return cli_fail(cli, rc,
			"no server answers at %s: is the store running? For a store in DIR: export DAOS_AGENT_DRPC_DIR=DIR/run; to start one: "
			"daos_server start --dir DIR",
			dmg->path);
}

int
dmg_call(struct cli *cli, rpc_opc opc, const void *in, void *out)
{
	struct dmg *dmg = cli_owner(cli);
	struct calling calling = {.dmg = dmg, .opc = opc, .in = in, .out = out, .arena = dmg_arena(cli)};
	int rc = 0;

	if (dmg->client == NULL)
		rc = connect_server(cli);
	if (rc == 0)
		rc = ult_spawn(dmg->xs, ULT_SYSTEM, "call", call_main, &calling, NULL);
	if (rc != 0)
		return cli_fail(cli, rc, "cannot call the server: %s", d_errdesc(rc));
	xs_run_until(dmg->xs, &calling.done, ENV_FOREVER);
	if (calling.rc == -DER_UNREACH)
		return unreachable(cli, calling.rc);
	return calling.rc;
}

/* What a person can do about it; NULL: no advice. */
static const char *
advice(int rc)
{
	switch (rc) {
	case -DER_NO_PERM: return "only root and the user who runs the store may do this, or who owns the pool";
	case -DER_TIMEDOUT: return "no engine answered in time: dmg system query shows how they are";
	case -DER_SHUTDOWN: return "no engine runs: dmg system query shows why, dmg system start starts them";
	case -DER_NOSPACE: return "dmg storage scan shows what is free; a smaller --size may do";
	case -DER_BUSY: return "it is in use: close what uses it, or add --force";
	case -DER_NOSYS: return "this version cannot do that";
	case -DER_PROTO: return "the server speaks another version: update dmg and daos_server together";
	default: return NULL;
	}
}

int
dmg_failed(struct cli *cli, int rc, const char *what)
{
	const char *how = advice(rc);

	return cli_fail(cli, rc, "%s%s%s failed: %s%s%s (%s)", cli_command_name(cli), what != NULL ? " " : "", what != NULL ? what : "",
			d_errdesc(rc), how != NULL ? ": " : "", how != NULL ? how : "", d_errstr(rc));
}

int
dmg_ranks(struct cli *cli, const char *option, uint32_t **ranks, uint32_t *nr)
{
	const char *text = cli_text(cli, option);
	struct env *env;
	uint32_t *list = NULL;
	int rc;

	*ranks = NULL;
	*nr = 0;
	if (text == NULL)
		return 0;
	rc = dmg_env(cli, &env);
	if (rc != 0)
		return rc;
	if (text_parse_ranks(env->mem, text, 65536, &list, nr) != 0 || *nr == 0)
		return cli_misuse(cli, "--%s wants ranks such as 0-3,5, not '%s'", option, text);
	*ranks = arena_dup(dmg_arena(cli), list, *nr * sizeof(uint32_t));
	mem_free(env->mem, list);
	return *ranks == NULL ? -DER_NOMEM : 0;
}

static void
dmg_end(struct dmg *dmg)
{
	if (dmg->client != NULL)
		drpc_client_destroy(dmg->client);
	/* What the connection still has to do ends here. */
	for (int i = 0; dmg->xs != NULL && i < 1000 && xs_ults(dmg->xs) > 0; i++)
		xs_poll(dmg->xs);
	if (dmg->xs != NULL)
		xs_destroy(dmg->xs);
	if (dmg->have_arena)
		arena_fini(&dmg->arena);
	if (dmg->env != NULL)
		env_real_destroy(dmg->env);
}

static int
version(struct cli *cli)
{
	char text[32];

	snprintf(text, sizeof(text), "%d.%d.%d", DAOS_VERSION_MAJOR, DAOS_VERSION_MINOR, DAOS_VERSION_FIX);
	cli_print(cli, "dmg version %s\n", text);
	cli_respond(cli, json_object_new_string(text));
	return 0;
}

/* ---- the tables -------------------------------------------------------------------------------------------------------------------- */
#define HOSTS {'l', "host-list", CLI_TEXT, "HOSTS", "hosts that are meant; only this one can be reached", 0}
#define RANKS {'r', "ranks", CLI_TEXT, "RANKS", "ranks that are meant, as 0-3,5 (default all)", 0}
#define RANK_HOSTS {0, "rank-hosts", CLI_TEXT, "HOSTS", "ranks of these hosts", 0}

static const struct cli_option globals[] = {
	{'o', "config-path", CLI_TEXT, "FILE", "a daos_control.yml", 0},
	{'i', "insecure", CLI_FLAG, NULL, "accepted: local connections need no certificates", 0},
	{'d', "debug", CLI_FLAG, NULL, "log everything", 0},
	{0, "log-file", CLI_TEXT, "FILE", "log there, not to standard error", 0},
	{'J', "json-logging", CLI_FLAG, NULL, "accepted", CLI_HIDDEN},
	{'l', "host-list", CLI_TEXT, "HOSTS", "hosts that are asked", CLI_HIDDEN},
	{0, "allow-proxy", CLI_FLAG, NULL, "accepted", CLI_HIDDEN},
	{0},
};

static const struct cli_option scan_options[] = {
	HOSTS,
	{'v', "verbose", CLI_FLAG, NULL, "more of each engine", 0},
	{'n', "nvme-health", CLI_FLAG, NULL, "health of devices", 0},
	{0},
};
static const struct cli_option format_options[] = {
	HOSTS,
	{'v', "verbose", CLI_FLAG, NULL, "more of each engine", 0},
	{0, "force", CLI_FLAG, NULL, "wipe storage that is formatted, with all pools", 0},
	{0, "replace", CLI_FLAG, NULL, "keep the rank of wiped storage (not supported yet)", 0},
	{0},
};
static const struct cli_option query_options[] = {
	RANKS,
	RANK_HOSTS,
	{'v', "verbose", CLI_FLAG, NULL, "addresses, processes, restarts", 0},
	{0, "not-ok", CLI_FLAG, NULL, "only ranks that do not serve", 0},
	{0, "with-states", CLI_TEXT, "STATES", "only ranks in these states, as joined,stopped", 0},
	{0},
};
static const struct cli_option stop_options[] = {
	RANKS,
	RANK_HOSTS,
	{0, "ignore-admin-excluded", CLI_FLAG, NULL, "leave out ranks that were excluded; there are none", 0},
	{0, "force", CLI_FLAG, NULL, "kill engines at once; nothing acknowledged is lost", 0},
	{0, "full", CLI_FLAG, NULL, "stop in order, the whole system: the same as without --force and --ranks", 0},
	{0},
};
static const struct cli_option start_options[] = {
	RANKS,
	RANK_HOSTS,
	{0, "ignore-admin-excluded", CLI_FLAG, NULL, "leave out ranks that were excluded; there are none", 0},
	{0},
};
static const struct cli_option create_options[] = {
	{'g', "group", CLI_TEXT, "GROUP", "group that owns the pool (default the caller's)", 0},
	{'u', "user", CLI_TEXT, "USER", "user who owns the pool (default the caller)", 0},
	{'P', "properties", CLI_TEXT, "NAME:VALUE,...", "properties of the pool", 0},
	{'a', "acl-file", CLI_TEXT, "FILE", "access control list: an entry a line", 0},
	{'z', "size", CLI_TEXT, "SIZE", "over all targets, as 8GiB, or 50% of what is free", 0},
	{'t', "tier-ratio", CLI_TEXT, "SCM,NVME", "shares of --size for metadata and data, as 6,94", 0},
	{'k', "nranks", CLI_NUMBER, "N", "so many ranks", 0},
	{'v', "nsvc", CLI_NUMBER, "N", "replicas of the pool service", 0},
	{'s', "scm-size", CLI_SIZE, "SIZE", "for metadata and small values, on each rank", 0},
	{'n', "nvme-size", CLI_SIZE, "SIZE", "for data, on each rank", 0},
	{0, "meta-size", CLI_SIZE, "SIZE", "the same as --scm-size", 0},
	{'r', "ranks", CLI_TEXT, "RANKS", "ranks of the pool, as 0-3,5 (default all)", 0},
	{0, "sys", CLI_TEXT, "NAME", "name of the system", CLI_HIDDEN},
	{0},
};
static const struct cli_option destroy_options[] = {
	{'r', "recursive", CLI_FLAG, NULL, "with all its containers", 0},
	{'f', "force", CLI_FLAG, NULL, "also when it is in use", 0},
	{0, "sys", CLI_TEXT, "NAME", "name of the system", CLI_HIDDEN},
	{0},
};
static const struct cli_option list_options[] = {
	{'v', "verbose", CLI_FLAG, NULL, "more of each pool", 0},
	{'n', "no-query", CLI_FLAG, NULL, "names only: ask no engine for details", 0},
	{'r', "rebuild-only", CLI_FLAG, NULL, "state of the rebuild only", 0},
	{0},
};
static const struct cli_option pool_query_options[] = {
	{'e', "show-enabled", CLI_FLAG, NULL, "ranks that serve", 0},
	{'b', "show-disabled", CLI_FLAG, NULL, "ranks that do not", 0},
	{'t', "health-only", CLI_FLAG, NULL, "without space", 0},
	{0},
};

#define POOL "<pool label or UUID>"
static const struct cli_command commands[] = {
	{"storage|sto scan", "", 0, 0, scan_options, "storage of the engines, and what is free", "dmg storage scan", dmg_storage_scan, 0},
	{"storage|sto format", "", 0, 0, format_options, "prepares storage of engines that wait for it", "dmg storage format", dmg_storage_format, 0},
	{"system|sys query", "", 0, 0, query_options, "ranks and their states", "dmg system query -v", dmg_system_query, 0},
	{"system|sys stop", "", 0, 0, stop_options, "stops engines", "dmg system stop", dmg_system_stop, 0},
	{"system|sys start", "", 0, 0, start_options, "starts engines that were stopped", "dmg system start", dmg_system_start, 0},
	{"system|sys list-pools", "", 0, 0, list_options, "the same as pool list", "dmg system list-pools", dmg_pool_list, 0},
	{"pool create", "<label>", 0, 1, create_options, "makes a pool", "dmg pool create --size=8GiB tank\ndmg pool create -z 50% -P rd_fac:0 tank",
	 dmg_pool_create, 0},
	{"pool list|ls", "", 0, 0, list_options, "lists the pools", "dmg pool list", dmg_pool_list, 0},
	{"pool query", POOL, 1, 1, pool_query_options, "space and state of a pool", "dmg pool query tank", dmg_pool_query, 0},
	{"pool destroy", POOL, 1, 1, destroy_options, "destroys a pool and what is in it", "dmg pool destroy --recursive tank", dmg_pool_destroy, 0},
	{"pool evict", POOL, 1, 1, NULL, "closes all connections of clients with a pool", "dmg pool evict tank", dmg_pool_evict, 0},
	{"pool get-prop", POOL " [name[,name...]]", 1, 2, NULL, "properties of a pool", "dmg pool get-prop tank reclaim,label", dmg_pool_get_prop, 0},
	{"pool set-prop", POOL " <name:value[,name:value...]>", 2, 2, NULL, "changes properties of a pool", "dmg pool set-prop tank reclaim:lazy",
	 dmg_pool_set_prop, 0},
	{"version", "", 0, 0, NULL, "says the version", "dmg version", version, 0},
#include "dmg_absent.h"
	{0},
};

static const struct cli_program program = {
	.name = "dmg",
	.help = "manages a store: storage, system, pools",
	.globals = globals,
	.commands = commands,
	.json = true,
};

int
main(int argc, char **argv)
{
	struct dmg dmg = {0};
	int status;

	signal(SIGPIPE, SIG_IGN);
	status = cli_main(&program, argc, argv, &dmg);
	dmg_end(&dmg);
	return status;
}
