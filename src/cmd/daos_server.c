/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daos_server: the control plane of a machine, with the agent's role: reads flags and configuration, makes the world (env_real), and runs
 * the rooms control and agent on one stream until a signal. `stop` and `status` look at the files that a running server keeps.
 *
 * --detach: a child in a session of its own becomes the server and tells the parent through a pipe how the start went: "open", or
 * the words of an error. The parent ends with that.
 */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <daos_version.h>
#include "agent/agent.h"
#include "base/text.h"
#include "control/control.h"
#include "env_real/env_real.h"

#define CONFIG_DEFAULT "/etc/daos/daos_server.yml"
#define OPEN_WITHIN_NS (60 * NS_PER_S)

struct server {
	struct cli *cli;
	struct env *env;
	struct xs *xs;
	struct control_config *config;
	struct control *control;
	struct agent *agent;
	struct arena arena;
	struct strbuf error;
	char *engine_path;
	bool stop, ended;
	uint64_t log_size; /* of D_LOG_SIZE; 0: the default */
	int told; /* the pipe to the parent; -1: in front */
	int rc;
	struct ult_cond changed;
};

/* ---- configuration ------------------------------------------------------------------------------------------------------- */
/* daos_engine lies beside us, unless the environment names another. */
static char *
find_engine(void)
{
	const char *named = getenv("DAOS_ENGINE");
	char path[PATH_MAX + 16], *slash;
	ssize_t len;

	if (named != NULL && named[0] != '\0')
		return strdup(named);
	len = readlink("/proc/self/exe", path, PATH_MAX);
	if (len <= 0)
		return strdup("daos_engine");
	path[len] = '\0';
	slash = strrchr(path, '/');
	if (slash != NULL)
		snprintf(slash + 1, 16, "daos_engine");
	return strdup(path);
}

/* Absolute, since the server changes its directory; it need not be there yet, but what it shall lie in must. */
static int
absolute_dir(struct cli *cli, const char *dir, char **path)
{
	char above[PATH_MAX], *parent;
	const char *name, *last = dir + strlen(dir);
	struct stat st;
	int len;

	*path = realpath(dir, NULL);
	if (*path != NULL && (stat(*path, &st) != 0 || !S_ISDIR(st.st_mode)))
		return cli_fail(cli, -DER_NOTDIR, "%s is no directory: name one with --dir, which is made when it is not there", dir);
	if (*path != NULL)
		return 0;
	while (last > dir && last[-1] == '/')
		last--;
	for (name = last; name > dir && name[-1] != '/'; name--)
		;
	len = snprintf(above, sizeof(above), "%.*s", (int)(name - dir), dir);
	if (errno != ENOENT || name == last || len < 0 || (size_t)len >= sizeof(above))
		return cli_fail(cli, -DER_NONEXIST, "the directory '%s' cannot be used: %s: name another with --dir", dir, strerror(errno));
	parent = realpath(len > 0 ? above : ".", NULL);
	if (parent == NULL)
		return cli_fail(cli, -DER_NONEXIST, "the directory '%s' cannot be made: %s: %s: mkdir -p %s", dir, len > 0 ? above : ".",
				strerror(errno), len > 0 ? above : ".");
	if (asprintf(path, "%s/%.*s", strcmp(parent, "/") != 0 ? parent : "", (int)(last - name), name) < 0)
		*path = NULL;
	free(parent);
	return *path == NULL ? -DER_NOMEM : 0;
}

static int
read_file(struct cli *cli, const char *path, char **text, size_t *len)
{
	FILE *file = fopen(path, "re");
	int rc = 0;

	if (file == NULL)
		return cli_fail(cli, -DER_NONEXIST, "the configuration %s cannot be read: %s", path, strerror(errno));
	*text = malloc(CONTROL_CONFIG_MAX + 1);
	if (*text == NULL)
		rc = -DER_NOMEM;
	else
		*len = fread(*text, 1, CONTROL_CONFIG_MAX + 1, file);
	if (rc == 0 && ferror(file))
		rc = cli_fail(cli, -DER_IO, "the configuration %s cannot be read", path);
	fclose(file);
	return rc;
}

static int
apply_flags(struct server *server)
{
	struct control_config *config = server->config;
	struct cli *cli = server->cli;
	static const char *const numbers[] = {"targets", "xshelpernr", "firstcore", "port"};

	if (cli_flag(cli, "syslog") || cli_flag(cli, "json-logging"))
		return cli_fail(cli, -DER_NOSYS, "%s is not supported yet: the log is text in the directory of logs (%s)",
				cli_flag(cli, "syslog") ? "--syslog" : "--json-logging", d_errstr(-DER_NOSYS));
	if (cli_flag(cli, "debug"))
		config->log_mask = "DEBUG";

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		if (cli_number(cli, numbers[i], 0) > 65535)
			return cli_misuse(cli, "--%s=%llu is too many", numbers[i], (unsigned long long)cli_number(cli, numbers[i], 0));
	if (cli_given(cli, "group"))
		config->system = cli_text(cli, "group");
	if (cli_given(cli, "socket_dir"))
		config->socket_dir = config->agent_dir = cli_text(cli, "socket_dir");
	if (cli_flag(cli, "auto-format"))
		config->auto_format = true;
	if (cli_given(cli, "storage") && config->engine_nr > 1)
		return cli_misuse(cli, "--storage is for one engine; the configuration has %u", config->engine_nr);
	if (cli_given(cli, "storage") && cli_text(cli, "storage")[0] != '/')
		return cli_misuse(cli, "--storage wants an absolute path, not '%s'", cli_text(cli, "storage"));
	for (uint32_t i = 0; i < config->engine_nr; i++) {
		struct control_engine_config *engine = &config->engines[i];

		engine->targets = (uint32_t)cli_number(cli, "targets", engine->targets);
		engine->targets_given = engine->targets_given || cli_given(cli, "targets");
		engine->helpers = (uint32_t)cli_number(cli, "xshelpernr", engine->helpers);
		engine->first_core = (uint32_t)cli_number(cli, "firstcore", engine->first_core);
		if (cli_given(cli, "storage"))
			engine->storage = cli_text(cli, "storage");
		if (cli_given(cli, "modules"))
			engine->modules = cli_text(cli, "modules");
	}
	return 0;
}

/* The server's log keeps the bound that the engines read from the same variable. */
static int
log_bound(struct server *server)
{
	const char *size = getenv("D_LOG_SIZE");

	if (size == NULL || size[0] == '\0')
		return 0;
	if (text_parse_size(size, &server->log_size) != 0 || server->log_size == 0)
		return cli_fail(server->cli, -DER_INVAL, "D_LOG_SIZE=%s: a size such as 100M is wanted: a log that grows beyond it becomes FILE.old", size);
	return 0;
}

static int
load_config(struct server *server, struct mem *mem)
{
	struct cli *cli = server->cli;
	const char *file = cli_text(cli, "config");
	char *dir = NULL, *text = NULL;
	size_t len = 0;
	int rc = 0;

	arena_init(&server->arena, mem);
	strbuf_init(&server->error, mem);
	if (cli_given(cli, "dir"))
		rc = absolute_dir(cli, cli_text(cli, "dir"), &dir);
	if (rc == 0 && file == NULL && dir == NULL && !cli_flag(cli, "ignore-config"))
		file = CONFIG_DEFAULT;
	if (rc == 0 && file == NULL && dir == NULL)
		return cli_misuse(cli, "where? give --dir DIR, or -o daos_server.yml");
	if (rc == 0 && file != NULL && !cli_given(cli, "config") && access(file, F_OK) != 0)
		return cli_misuse(cli, "there is no %s: give --dir DIR for a store that needs no configuration, or -o daos_server.yml", file);
	if (rc == 0 && file != NULL) {
		rc = read_file(cli, file, &text, &len);
		if (rc == 0)
			rc = control_config_parse(text, len, dir, &server->arena, &server->error, &server->config);
		if (rc != 0)
			cli_fail(cli, rc, "%s: %s", file, strbuf_text(&server->error));
		free(text);
	} else if (rc == 0) {
		rc = control_config_default(dir, &server->arena, &server->config);
	}
	free(dir);
	if (rc == 0)
		rc = log_bound(server);
	if (rc == 0)
		rc = apply_flags(server);
	if (rc != 0)
		return rc;
	server->config->engine_path = server->engine_path = find_engine();
	if (server->engine_path == NULL)
		return -DER_NOMEM;
	server->config->environ = (const char *const *)environ;
	server->config->uid = geteuid();
	rc = control_config_check(server->config, &server->error);
	return rc == 0 ? 0 : cli_fail(cli, rc, "%s", strbuf_text(&server->error));
}

/* ---- running ----------------------------------------------------------------------------------------------------------------- */
/* To who started us: in front to standard output, detached through the pipe. */
static void
tell(struct server *server, int rc, const char *words)
{
	char line[2048];
	int len;

	if (server->told < 0) {
		if (rc == 0)
			cli_print(server->cli, "%s\n", words);
		fflush(stdout);
		return;
	}
	len = snprintf(line, sizeof(line), "%d %s", rc, words);
	if (len > 0 && write(server->told, line, MIN((size_t)len, sizeof(line) - 1)) < 0)
		log_warn(server->env->log, "nobody waits for the end of the start");
	close(server->told);
	server->told = -1;
}

static void
caught(void *arg, int signo)
{
	struct server *server = arg;

	if (server->stop && server->control != NULL) {
		log_note(server->env->log, "signal %d again: engines are killed", signo);
		control_hurry(server->control);
	}
	log_note(server->env->log, "signal %d: stopping", signo);
	server->stop = true;
	ult_cond_broadcast(&server->changed);
}

/* Says how the start went, and goes on: whatever it was, the server stays, since dmg can help an engine up. */
static void
watch_start(void *arg)
{
	struct server *server = arg;
	struct control_config *config = server->config;
	char words[2048];
	struct strbuf why;
	int rc;

	strbuf_init(&why, server->env->mem);
	rc = control_wait_open(server->control, env_mono(server->env) + OPEN_WITHIN_NS, &why);
	if (rc == 0)
		snprintf(words, sizeof(words), "daos_server is open: system %s, %u engine%s; export DAOS_AGENT_DRPC_DIR=%s", config->system,
			 config->engine_nr, config->engine_nr == 1 ? "" : "s", config->agent_dir);
	else if (rc == -DER_UNINIT)
		snprintf(words, sizeof(words), "daos_server waits until its storage is formatted: DAOS_AGENT_DRPC_DIR=%s dmg storage format",
			 config->agent_dir);
	else
		snprintf(words, sizeof(words), "%s", strbuf_text(&why));
	if (rc == 0 || rc == -DER_UNINIT) {
		log_note(server->env->log, "%s", words);
		tell(server, 0, words);
	} else if (!server->stop) {
		log_error(server->env->log, "%s", words);
		server->rc = cli_fail(server->cli, rc, "%s", words);
		tell(server, rc, words);
		server->stop = true;
		ult_cond_broadcast(&server->changed);
	}
	strbuf_fini(&why);
}

static void
server_main(void *arg)
{
	struct server *server = arg;
	struct ult *watcher = NULL;

	server->rc = control_start(server->env, server->xs, server->config, &server->error, &server->control);
	if (server->rc == 0) {
		server->rc = agent_start(server->env, server->xs, server->control, &server->agent);
		if (server->rc != 0)
			strbuf_addf(&server->error, "%s/" CONTROL_AGENT_SOCKET " cannot be listened at: %s", server->config->agent_dir,
				    d_errstr(server->rc));
	}
	if (server->rc == 0)
		server->rc = ult_spawn(server->xs, ULT_SYSTEM, "start", watch_start, server, &watcher);
	if (server->rc != 0) {
		cli_fail(server->cli, server->rc, "%s", strbuf_text(&server->error));
		tell(server, server->rc, strbuf_text(&server->error));
		server->stop = true;
	}
	while (!server->stop)
		ult_cond_wait(&server->changed, NULL);
	if (server->agent != NULL) {
		control_hush(server->control);
		agent_stop(server->agent);
	}
	if (server->control != NULL)
		control_stop(server->control);
	if (watcher != NULL)
		ult_join(watcher);
	log_note(server->env->log, "stopped");
	xs_stop(server->xs);
}

static int
run(struct server *server)
{
	struct env_real_options options = {
		.log = {.file = server->config->log_file, .mask = server->config->log_mask, .identity = "SERVER",
			.stderr_at = server->told < 0 ? "ERR" : "EMIT", .max_size = server->log_size,
			/* detached, standard error is the log, and follows it when it is put aside */
			.stderr_in_log = server->told >= 0},
		.log_from_environment = getenv("D_LOG_MASK") != NULL && server->told < 0,
	};
	struct xs_config stream = {.name = "server", .stack_size = CONTROL_STACK_SIZE};
	int rc;

	rc = env_real_create(&options, &server->env);
	if (rc != 0)
		return cli_fail(server->cli, rc, "the log %s cannot be written: %s", server->config->log_file, d_errstr(rc));
	env_real_backtrace_install(server->env);
	stream.env = server->env;
	ult_cond_init(&server->changed);
	rc = xs_create(&stream, &server->xs);
	if (rc == 0)
		rc = server->env->ops->host.watch_signal(xs_loop(server->xs), SIGTERM, caught, server);
	if (rc == 0)
		rc = server->env->ops->host.watch_signal(xs_loop(server->xs), SIGINT, caught, server);
	if (rc == 0)
		rc = ult_spawn(server->xs, ULT_SYSTEM, "server", server_main, server, NULL);
	if (rc == 0) {
		xs_run(server->xs);
		rc = server->rc;
	}
	if (server->xs != NULL)
		xs_destroy(server->xs);
	env_real_destroy(server->env);
	return rc;
}

/* ---- detaching ---------------------------------------------------------------------------------------------------------------------- */
/* In the parent: what the child said, as our own end. */
static int
hear(struct cli *cli, int fd, pid_t child)
{
	char line[2048];
	size_t len = 0;
	ssize_t n;
	int status, rc;
	char *words;

	while (len < sizeof(line) - 1) {
		n = read(fd, line + len, sizeof(line) - 1 - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	line[len] = '\0';
	if (len == 0) {
		waitpid(child, &status, 0);
		return cli_fail(cli, -DER_SHUTDOWN, "the server ended before it was open (status %d); its log says why", status);
	}
	rc = (int)strtol(line, &words, 10);
	if (rc != 0) {
		waitpid(child, &status, 0);
		return cli_fail(cli, rc, "%s", words[0] == ' ' ? words + 1 : words);
	}
	cli_print(cli, "%s\n", words[0] == ' ' ? words + 1 : words);
	return 0;
}

/* Directories of the log first: everything the child says goes there. */
static int
detach(struct server *server, bool *parent)
{
	int pipes[2], fd;
	pid_t child;

	*parent = false;
	if (pipe2(pipes, O_CLOEXEC) != 0)
		return cli_fail(server->cli, -DER_MISC, "cannot detach: %s", strerror(errno));
	fflush(NULL);
	child = fork();
	if (child < 0)
		return cli_fail(server->cli, -DER_MISC, "cannot detach: %s", strerror(errno));
	if (child > 0) {
		close(pipes[1]);
		*parent = true;
		return hear(server->cli, pipes[0], child);
	}
	close(pipes[0]);
	setsid();
	if (chdir("/") != 0)
		_exit(1);
	fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (fd >= 0)
		dup2(fd, STDIN_FILENO);
	if (fd >= 0)
		dup2(fd, STDOUT_FILENO);
	fd = open(server->config->log_file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
	if (fd >= 0)
		dup2(fd, STDERR_FILENO);
	server->told = pipes[1];
	return 0;
}

static int
make_log_dir(struct server *server, struct env *env)
{
	const struct control_config *config = server->config;
	int rc;

	rc = config->dir != NULL ? env->ops->file.mkdir(env, config->dir, 0755) : 0;
	if (rc == 0)
		rc = env->ops->file.mkdir(env, config->log_dir, 0755);
	if (rc == 0)
		return 0;
	return cli_fail(server->cli, rc, "the directory of logs, %s, cannot be made: %s: choose another directory, or let this user write there",
			config->log_dir, d_errstr(rc));
}

static int
start(struct cli *cli)
{
	const struct env_real_options quiet = {.log = {.mask = "EMIT", .identity = "SERVER"}}; /* what is wrong is told once, below */
	struct server server = {.cli = cli, .told = -1};
	struct env *env;
	bool parent = false, child = false;
	int rc;

	/* A world for the configuration alone; the server's own begins after the fork. */
	rc = env_real_create(&quiet, &env);
	if (rc != 0)
		return rc;
	rc = load_config(&server, env->mem);
	if (rc == 0) {
		rc = control_place_check(env, server.config, &server.error);
		if (rc != 0)
			cli_fail(cli, rc, "%s", strbuf_text(&server.error));
	}
	if (rc == 0)
		rc = make_log_dir(&server, env);
	if (rc == 0 && cli_flag(cli, "detach")) {
		rc = detach(&server, &parent);
		child = rc == 0 && !parent;
	}
	if (rc == 0 && !parent)
		rc = run(&server);
	if (server.told >= 0)
		tell(&server, rc != 0 ? rc : -DER_SHUTDOWN, "the server ended before it was open; its log says why");
	free(server.engine_path);
	strbuf_fini(&server.error);
	arena_fini(&server.arena);
	if (child)
		_exit(rc == 0 ? 0 : 1);
	env_real_destroy(env);
	return rc;
}

/* ---- stop -------------------------------------------------------------------------------------------------------------------------------- */
/* The process that holds DIR/run/lock, as the state file names it; 0: nobody does. */
static int
find_server(struct cli *cli, pid_t *pid, char **dirp)
{
	struct env *env;
	char path[PATH_MAX + 64], *text = NULL, *at, *dir;
	int token, rc;
	size_t len;

	*pid = 0;
	*dirp = dir = realpath(cli_text(cli, "dir"), NULL);
	if (dir == NULL)
		return cli_fail(cli, -DER_NONEXIST, "the directory %s: %s", cli_text(cli, "dir"), strerror(errno));
	rc = env_real_create(NULL, &env);
	if (rc != 0)
		return rc;
	snprintf(path, sizeof(path), "%s/run/lock", dir);
	rc = env->ops->file.stat(env, path, NULL, NULL);
	if (rc == 0)
		rc = env->ops->file.lock(env, path, &token);
	if (rc == 0)
		env->ops->file.unlock(env, token);
	if (rc == -DER_BUSY) {
		snprintf(path, sizeof(path), "%s/daos_server.state", dir);
		rc = env->ops->file.read(env, path, 256 * KIB, &text, &len);
		at = rc == 0 ? strstr(text, "\npid ") : NULL;
		*pid = at != NULL ? (pid_t)strtol(at + 5, NULL, 10) : 0;
		mem_free(env->mem, text);
		if (*pid <= 0)
			rc = cli_fail(cli, -DER_NONEXIST, "a server runs in %s, but %s does not name its process", dir, path);
	} else if (rc == -DER_NONEXIST) {
		rc = 0;
	}
	env_real_destroy(env);
	return rc;
}

static int
end_server(struct cli *cli, pid_t pid, const char *dir)
{
	struct pollfd wait = {.fd = pidfd_open(pid, 0), .events = POLLIN};
	bool ended;

	if (wait.fd < 0 || pidfd_send_signal(wait.fd, SIGTERM, NULL, 0) != 0) {
		cli_fail(cli, -DER_NO_PERM, "process %d cannot be told to stop: %s", pid, strerror(errno));
		close(wait.fd);
		return -DER_NO_PERM;
	}
	/* 30 s for the engine, some more for the rest. */
	ended = poll(&wait, 1, 45000) == 1;
	close(wait.fd);
	if (!ended)
		return cli_fail(cli, -DER_TIMEDOUT, "process %d has not stopped yet; %s/log/daos_server.log says why", pid, dir);
	cli_print(cli, "stopped\n");
	return 0;
}

static int
stop(struct cli *cli)
{
	char *dir = NULL;
	pid_t pid;
	int rc = find_server(cli, &pid, &dir);

	if (rc == 0 && pid != 0)
		rc = end_server(cli, pid, dir);
	else if (rc == 0)
		cli_print(cli, "no daos_server runs in %s\n", dir);
	free(dir);
	return rc;
}

static int
version(struct cli *cli)
{
	char text[32];

	snprintf(text, sizeof(text), "%d.%d.%d", DAOS_VERSION_MAJOR, DAOS_VERSION_MINOR, DAOS_VERSION_FIX);
	cli_print(cli, "daos_server version %s\n", text);
	cli_respond(cli, json_object_new_string(text));
	return 0;
}

/* ---- the command line ----------------------------------------------------------------------------------------------------------------------- */
static const struct cli_option globals[] = {
	{'b', "debug", CLI_FLAG, NULL, "log everything", 0},
	{0, "syslog", CLI_FLAG, NULL, "log to the system's log (not supported yet)", 0},
	{'J', "json-logging", CLI_FLAG, NULL, "log in JSON (not supported yet)", 0},
	{0, "allow-proxy", CLI_FLAG, NULL, "accepted: no proxy is ever used", CLI_HIDDEN},
	{0},
};

static const struct cli_option start_options[] = {
	{0, "dir", CLI_TEXT, "DIR", "everything below DIR; no configuration is needed", 0},
	{'o', "config", CLI_TEXT, "FILE", "the configuration (default " CONFIG_DEFAULT " without --dir)", 0},
	{'p', "port", CLI_NUMBER, "PORT", "accepted: dmg reaches the server by its socket, no port is opened", 0},
	{0, "ignore-config", CLI_FLAG, NULL, "do not read " CONFIG_DEFAULT, 0},
	{'t', "targets", CLI_NUMBER, "N", "targets of each engine (default 2)", 0},
	{'x', "xshelpernr", CLI_NUMBER, "N", "helper streams of each engine (default 0)", 0},
	{'f', "firstcore", CLI_NUMBER, "N", "first core to use (default 0)", 0},
	{'g', "group", CLI_TEXT, "NAME", "name of the system (default daos_server)", 0},
	{'d', "socket_dir", CLI_TEXT, "DIR", "where the sockets are (default DIR/run, or /var/run/daos_server)", 0},
	{'s', "storage", CLI_TEXT, "DIR", "storage of the engine (default DIR/storage)", 0},
	{'m', "modules", CLI_TEXT, "LIST", "modules of the engines (default all)", 0},
	{'i', "insecure", CLI_FLAG, NULL, "accepted: local connections need no certificates", 0},
	{0, "auto-format", CLI_FLAG, NULL, "format storage that is not (the default with --dir)", 0},
	{0, "detach", CLI_FLAG, NULL, "go to the background when the store is open", 0},
	{0, "foreground", CLI_FLAG, NULL, "stay in front (the default)", 0},
	{0},
};
static const struct cli_option stop_options[] = {
	{0, "dir", CLI_TEXT, "DIR", "the server's directory", CLI_REQUIRED},
	{0},
};

static const struct cli_command commands[] = {
	{"start", "", 0, 0, start_options, "starts the server and its engines",
	 "daos_server start --dir /tmp/store --detach\ndaos_server start -o daos_server.yml", start, 0},
	{"stop", "", 0, 0, stop_options, "stops a server that was started with --dir, and waits for it", "daos_server stop --dir /tmp/store", stop, 0},
	{"version", "", 0, 0, NULL, "says the version", "daos_server version", version, 0},
	{"scm prepare", "", 0, 0, NULL, "persistent memory", "daos_server scm prepare", NULL, CLI_ABSENT},
	{"scm reset", "", 0, 0, NULL, "persistent memory", "daos_server scm reset", NULL, CLI_ABSENT},
	{"scm scan", "", 0, 0, NULL, "persistent memory", "daos_server scm scan", NULL, CLI_ABSENT},
	{"nvme prepare", "", 0, 0, NULL, "devices of user-space drivers", "daos_server nvme prepare", NULL, CLI_ABSENT},
	{"nvme reset", "", 0, 0, NULL, "devices of user-space drivers", "daos_server nvme reset", NULL, CLI_ABSENT},
	{"nvme scan", "", 0, 0, NULL, "devices; dmg storage scan shows the storage of engines", "daos_server nvme scan", NULL, CLI_ABSENT},
	{"network scan", "", 0, 0, NULL, "interfaces of this host", "daos_server network scan", NULL, CLI_ABSENT},
	{"ms status", "", 0, 0, NULL, "state of the system database", "daos_server ms status", NULL, CLI_ABSENT},
	{"ms recover", "", 0, 0, NULL, "takes up the system database here", "daos_server ms recover", NULL, CLI_ABSENT},
	{"ms restore", "", 0, 0, NULL, "brings back the system database", "daos_server ms restore", NULL, CLI_ABSENT},
	{"dump-topology", "", 0, 0, NULL, "cores and memory of this host", "daos_server dump-topology", NULL, CLI_ABSENT},
	{"support collect-log", "", 0, 0, NULL, "collects logs", "daos_server support collect-log", NULL, CLI_ABSENT},
	{"config|cfg generate|gen", "", 0, 0, NULL, "writes a configuration for this host", "daos_server config generate", NULL, CLI_ABSENT},
	{0},
};

static const struct cli_program program = {
	.name = "daos_server",
	.help = "the control plane of a machine: starts and supervises engines, serves local clients",
	.globals = globals,
	.commands = commands,
	.json = true,
};

int
main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	return cli_main(&program, argc, argv, NULL);
}
