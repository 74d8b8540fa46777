/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dfuse: mounts a container of layout POSIX. Detached by default: the parent forks before anything is begun, the child does everything and
 * tells through a pipe when it serves, so that errors reach the terminal and the exit status is true.
 *
 *	parent:  clean a dead mount -> fork -> wait for "serving" (exit 0) or for the child's end (its exit status)
 *	child:   client -> pool -> container -> fs -> mount -> "serving" -> until unmounted -> fs, container, pool, client closed
 *
 * SIGTERM, SIGINT and SIGHUP end it cleanly, as does fusermount3 -u.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <daos_cont.h>
#include <daos_pool.h>
#include <daos_version.h>
#include "client/cont/cont.h"
#include "client/core/core.h"
#include "client/pool/pool.h"
#include "cli.h"
#include "dfs/dfs.h"
#include "env_real/env_real.h"
#include "fuse/fuse.h"

#define WIND_UP_NS (5 * NS_PER_S) /* for the last calls to an engine that is silent */

struct run {
	struct cli *cli;
	struct env *env;
	struct xs *xs;
	char mountpoint[PATH_MAX];
	char source[300];
	const char *pool_name, *cont_name, *system, *options;
	bool read_only, caching, write_back;
	int told; /* the pipe to the parent; -1: in the foreground */
	struct client *client;
	struct pool *pool;
	struct cont *cont;
	struct fs *fs;
	struct dfuse *dfuse;
	bool stop; /* a signal came before there was a mount */
	int rc;    /* of cli_fail */
};

/* ---- messages: what, why, what to do --------------------------------------------------------------------------------------------- */
static int
say_client(struct run *run, int rc)
{
	const char *dir = getenv("DAOS_AGENT_DRPC_DIR");

	return cli_fail(run->cli, rc, "cannot reach a DAOS system: %s. Looked for an agent's socket in %s. Start the store (daos_server start), "
			"and set DAOS_AGENT_DRPC_DIR to its directory 'run'", d_errdesc(rc), dir != NULL ? dir : "/var/run/daos_agent");
}

static int
say_pool(struct run *run, int rc)
{
	if (rc == -DER_NONEXIST)
		return cli_fail(run->cli, rc, "there is no pool '%s' that you may see. 'daos pool list' shows the pools", run->pool_name);
	if (rc == -DER_NO_PERM)
		return cli_fail(run->cli, rc, "pool '%s' does not let you %s. 'dmg pool get-acl %s' shows who may; --read-only asks for less",
				run->pool_name, run->read_only ? "read" : "write", run->pool_name);
	return cli_fail(run->cli, rc, "cannot connect to pool '%s': %s (%s). 'dmg system query' shows whether its engines are up", run->pool_name,
			d_errdesc(rc), d_errstr(rc));
}

static int
say_cont(struct run *run, int rc)
{
	if (rc == -DER_NONEXIST)
		return cli_fail(run->cli, rc, "there is no container '%s' in pool '%s'. Make one: daos container create --type POSIX %s %s",
				run->cont_name, run->pool_name, run->pool_name, run->cont_name);
	if (rc == -DER_NO_PERM)
		return cli_fail(run->cli, rc, "container '%s' does not let you %s. 'daos container get-acl %s %s' shows who may; --read-only asks "
				"for less", run->cont_name, run->read_only ? "read" : "write", run->pool_name, run->cont_name);
	return cli_fail(run->cli, rc, "cannot open container '%s' of pool '%s': %s (%s)", run->cont_name, run->pool_name, d_errdesc(rc),
			d_errstr(rc));
}

static int
say_fs(struct run *run, int error)
{
	if (error == ENOENT)
		return cli_fail(run->cli, -DER_NONEXIST, "container '%s' holds no file system. Make one that does: daos container create --type POSIX "
				"%s <label>", run->cont_name, run->pool_name);
	if (error == EINVAL)
		return cli_fail(run->cli, -DER_INVAL, "the file system in container '%s' is not one that this version understands: it was made by "
				"something else, or by a newer version", run->cont_name);
	return cli_fail(run->cli, -DER_MISC, "cannot mount the file system in container '%s': %s", run->cont_name, strerror(error));
}

static int
say_mount(struct run *run, int error)
{
	if (access("/dev/fuse", F_OK) != 0)
		return cli_fail(run->cli, -DER_NOSYS, "cannot mount at %s: there is no /dev/fuse. Load the kernel module (modprobe fuse), or give the "
				"container the device", run->mountpoint);
	return cli_fail(run->cli, -DER_MISC, "cannot mount at %s: %s. The mount point must be a directory that you may write, and fusermount3 must "
			"be installed when you are not root", run->mountpoint, strerror(error));
}

/* ---- the child ---------------------------------------------------------------------------------------------------------------------- */
/* root may let everybody in; others where the administrator says so. */
static bool
may_allow_others(void)
{
	char line[256];
	bool may = geteuid() == 0;
	FILE *conf = may ? NULL : fopen("/etc/fuse.conf", "re");

	while (conf != NULL && !may && fgets(line, sizeof(line), conf) != NULL)
		may = strncmp(line, "user_allow_other", 16) == 0 && (line[16] == '\n' || line[16] == '\0' || line[16] == ' ');
	if (conf != NULL)
		fclose(conf);
	return may;
}

static void
detach_from_terminal(struct run *run)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (run->told < 0)
		return;
	if (null >= 0) {
		for (int fd = 0; fd <= 2; fd++)
			dup2(null, fd);
		close(null);
	}
	if (write(run->told, "", 1) != 1)
		log_warn(run->env->log, "nobody waits to hear that %s is mounted", run->mountpoint);
	close(run->told);
	run->told = -1;
}

static int
mount_all(struct run *run)
{
	struct client_config client = {.env = run->env, .xs = run->xs, .system = run->system};
	struct dfuse_config dfuse = {.env = run->env, .xs = run->xs, .mountpoint = run->mountpoint, .source = run->source, .options = run->options,
				     .read_only = run->read_only, .caching = run->caching, .write_back = run->write_back,
				     .allow_other = may_allow_others()};
	int rc = client_create(&client, &run->client);

	if (rc != 0)
		return say_client(run, rc);
	rc = pool_connect(run->client, run->pool_name, run->read_only ? DAOS_PC_RO : DAOS_PC_RW, &run->pool);
	if (rc != 0)
		return say_pool(run, rc);
	rc = cont_open(run->pool, run->cont_name, run->read_only ? DAOS_COO_RO : DAOS_COO_RW, &run->cont);
	if (rc != 0)
		return say_cont(run, rc);
	rc = fs_mount(run->cont, (run->read_only ? FS_RDONLY : 0) | (run->caching ? 0 : FS_NO_CACHE), &run->fs);
	if (rc != 0)
		return say_fs(run, rc);
	dfuse.fs = run->fs;
	if (!dfuse.allow_other && run->told < 0)
		cli_note(run->cli, "only you can use this mount: user_allow_other is not set in /etc/fuse.conf");
	rc = dfuse_start(&dfuse, &run->dfuse);
	return rc != 0 ? say_mount(run, rc) : 0;
}

/* With no engine to hear it, the mount ends all the same: the session goes when its lease is over. */
static void
close_all(struct run *run)
{
	if (run->client != NULL)
		client_end_by(run->client, env_mono(run->env) + WIND_UP_NS);
	if (run->fs != NULL && fs_umount(run->fs) != 0)
		log_warn(run->env->log, "the session of %s could not be ended; its locks go when its lease is over", run->mountpoint);
	if (run->cont != NULL && cont_close(run->cont) != 0)
		cont_put(run->cont);
	if (run->pool != NULL && pool_disconnect(run->pool) != 0)
		pool_put(run->pool);
	if (run->client != NULL)
		client_destroy(run->client);
}

static void
serve(void *arg)
{
	struct run *run = arg;

	run->rc = mount_all(run);
	if (run->rc == 0) {
		int error;

		if (run->stop)
			dfuse_stop(run->dfuse);
		else if (run->told < 0)
			cli_print(run->cli, "%s is mounted at %s\n", run->source, run->mountpoint);
		detach_from_terminal(run);
		error = dfuse_wait(run->dfuse);
		run->dfuse = NULL;
		if (error != 0)
			run->rc = cli_fail(run->cli, -DER_MISC, "%s: the kernel ended the mount: %s", run->mountpoint, strerror(error));
	}
	close_all(run);
	xs_stop(run->xs);
}

static void
on_signal(void *arg, int signo)
{
	struct run *run = arg;

	run->stop = true;
	if (run->client != NULL)
		client_end_by(run->client, env_mono(run->env) + 2 * WIND_UP_NS);
	if (run->dfuse != NULL)
		dfuse_stop(run->dfuse);
}

static int
child(struct run *run)
{
	struct env_real_options real = {.log = {.mask = "WARN", .identity = "DFUSE"}, .log_from_environment = true};
	struct xs_config config = {.name = "dfuse", .stack_size = 128 << 10};
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
	int rc = env_real_create(&real, &run->env);

	if (rc != 0)
		return cli_fail(run->cli, rc, "cannot begin: %s; look at D_LOG_FILE and D_LOG_MASK", d_errdesc(rc));
	signal(SIGPIPE, SIG_IGN);
	(void)env_real_disable_thp();
	(void)env_real_backtrace_install(run->env);
	config.env = run->env;
	rc = xs_create(&config, &run->xs);
	if (rc == 0) {
		for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]) && rc == 0; i++)
			rc = run->env->ops->host.watch_signal(xs_loop(run->xs), signals[i], on_signal, run);
		if (rc == 0)
			rc = ult_spawn(run->xs, ULT_SYSTEM, "dfuse", serve, run, NULL);
		if (rc == 0)
			xs_run(run->xs);
		xs_destroy(run->xs);
	}
	env_real_destroy(run->env);
	return rc != 0 ? cli_fail(run->cli, rc, "cannot begin: %s", d_errdesc(rc)) : run->rc;
}

/* ---- the parent ---------------------------------------------------------------------------------------------------------------------- */
/* Returns in the child with the pipe's end in *told; in the parent never. */
static int
fork_and_wait(struct run *run)
{
	int ends[2], status = 0;
	char serving;
	ssize_t n;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return cli_fail(run->cli, -DER_MISC, "cannot make a pipe: %s", strerror(errno));
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		return cli_fail(run->cli, -DER_MISC, "cannot start a process: %s; --foreground needs none", strerror(errno));
	if (pid == 0) {
		close(ends[0]);
		run->told = ends[1];
		setsid();
		if (chdir("/") != 0)
			return cli_fail(run->cli, -DER_MISC, "cannot change to /: %s", strerror(errno));
		return 0;
	}
	close(ends[1]);
	do
		n = read(ends[0], &serving, 1);
	while (n < 0 && errno == EINTR);
	if (n == 1)
		_exit(0);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFSIGNALED(status))
		fprintf(stderr, "dfuse: ended by signal %d (%s) before the mount was there\n", WTERMSIG(status), strsignal(WTERMSIG(status)));
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

/* Another file system begins there. */
static bool
is_mount(const char *path, const struct stat *st)
{
	int dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat parent;
	bool known = dir >= 0 && fstatat(dir, "..", &parent, 0) == 0;

	if (dir >= 0)
		close(dir);
	return known && (parent.st_dev != st->st_dev || parent.st_ino == st->st_ino);
}

static bool
is_empty(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	bool empty = true;

	while (dir != NULL && empty && (entry = readdir(dir)) != NULL)
		empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
	if (dir != NULL)
		closedir(dir);
	return empty;
}

static int
check_mountpoint(struct run *run, const char *path)
{
	struct stat st;
	int error = dfuse_clean_stale(path);

	if (error == 0 && realpath(path, run->mountpoint) == NULL)
		error = errno;
	if (error == ENOENT)
		return cli_fail(run->cli, -DER_NONEXIST, "mount point '%s' does not exist. Make it: mkdir -p %s", path, path);
	if (error != 0)
		return cli_fail(run->cli, -DER_INVAL, "mount point '%s' cannot be used: %s. If it is a mount that died: fusermount3 -u %s", path,
				strerror(error), path);
	if (stat(run->mountpoint, &st) != 0 || !S_ISDIR(st.st_mode))
		return cli_fail(run->cli, -DER_NOTDIR, "mount point '%s' is no directory: name an empty directory", path);
	if (is_mount(run->mountpoint, &st))
		return cli_fail(run->cli, -DER_BUSY, "something is mounted at '%s' already: unmount it first (fusermount3 -u %s), or choose another "
				"directory", path, path);
	if (!is_empty(run->mountpoint))
		return cli_fail(run->cli, -DER_EXIST, "mount point '%s' is not empty, and a mount would hide what is in it: choose an empty directory",
				path);
	return 0;
}

static int
either(struct run *run, const char *option, int at, const char **value)
{
	bool positional = cli_arg_nr(run->cli) > at;

	*value = cli_text(run->cli, option);
	if (*value != NULL && positional)
		return cli_misuse(run->cli, "--%s and the argument '%s' say the same thing: give one of them", option, cli_arg(run->cli, at));
	if (*value == NULL && positional)
		*value = cli_arg(run->cli, at);
	if (*value == NULL || (*value)[0] == '\0')
		return cli_misuse(run->cli, "the %s is missing: dfuse MOUNTPOINT POOL CONTAINER, or --%s",
				  strcmp(option, "mountpoint") == 0 ? "mount point" : option, option);
	return 0;
}

static int
run_dfuse(struct cli *cli)
{
	struct run run = {.cli = cli, .told = -1};
	const char *mountpoint;
	int rc = 0;

	if (cli_flag(cli, "version")) {
		cli_print(cli, "dfuse version %d.%d.%d\n", DAOS_VERSION_MAJOR, DAOS_VERSION_MINOR, DAOS_VERSION_FIX);
		return 0;
	}
	if (cli_flag(cli, "multi-user"))
		return cli_fail(cli, -DER_NOSYS, "--multi-user is not there yet: every access is made with the rights of who mounts. Mount as root to let "
				"others in, under the file permissions");
	if (cli_flag(cli, "enable-caching") && cli_flag(cli, "disable-caching"))
		return cli_misuse(cli, "--enable-caching and --disable-caching contradict each other");
	if (cli_flag(cli, "enable-wb-cache") && (cli_flag(cli, "disable-wb-cache") || cli_flag(cli, "disable-caching")))
		return cli_misuse(cli, "--enable-wb-cache needs caching, and cannot stand with --disable-caching or --disable-wb-cache");
	rc = either(&run, "mountpoint", 0, &mountpoint);
	if (rc == 0)
		rc = either(&run, "pool", 1, &run.pool_name);
	if (rc == 0)
		rc = either(&run, "container", 2, &run.cont_name);
	if (rc == 0)
		rc = check_mountpoint(&run, mountpoint);
	if (rc != 0)
		return rc;
	run.system = cli_text(cli, "sys-name");
	run.options = cli_text(cli, "options");
	run.read_only = cli_flag(cli, "read-only");
	run.caching = !cli_flag(cli, "disable-caching");
	run.write_back = cli_flag(cli, "enable-wb-cache");
	snprintf(run.source, sizeof(run.source), "dfuse:%s/%s", run.pool_name, run.cont_name);
	for (char *c = run.source; *c != '\0'; c++)
		if (*c == ',' || *c == ' ' || *c == '\\')
			*c = '_';
	rc = cli_flag(cli, "foreground") ? 0 : fork_and_wait(&run);
	return rc != 0 ? rc : child(&run);
}

static const struct cli_option options[] = {
	{'m', "mountpoint", CLI_TEXT, "DIR", "where to mount: an existing directory", 0},
	{'p', "pool", CLI_TEXT, "POOL", "label or uuid of the pool", 0},
	{'c', "container", CLI_TEXT, "CONT", "label or uuid of the container", 0},
	{'G', "sys-name", CLI_TEXT, "NAME", "name of the system; by default the agent's", 0},
	{'f', "foreground", CLI_FLAG, NULL, "stays in front; by default it detaches once the mount is there", 0},
	{'r', "read-only", CLI_FLAG, NULL, "mounts read-only", 0},
	{'E', "enable-caching", CLI_FLAG, NULL, "lets the kernel cache data, names and attributes (the default)", 0},
	{'A', "disable-caching", CLI_FLAG, NULL, "every access goes to the store; no shared writable mmap", 0},
	{'F', "enable-wb-cache", CLI_FLAG, NULL, "write returns before data are durable; fsync and close push them", 0},
	{'B', "disable-wb-cache", CLI_FLAG, NULL, "data are durable when write returns (the default)", 0},
	{'o', "options", CLI_TEXT, "LIST", "more mount options, separated by commas", 0},
	{'M', "multi-user", CLI_FLAG, NULL, "not there yet: says so", 0},
	{'S', "singlethread", CLI_FLAG, NULL, "accepted: one thread serves in any case", 0},
	{'t', "thread-count", CLI_NUMBER, "N", "accepted: one thread serves in any case", 0},
	{'e', "eq-count", CLI_NUMBER, "N", "accepted: there is one stream", 0},
	{'v', "version", CLI_FLAG, NULL, "prints the version", 0},
	{0},
};

static const struct cli_command commands[] = {
	{"", "[MOUNTPOINT [POOL [CONTAINER]]]", 0, 3, options, "mounts a container of type POSIX",
	 "daos container create --type POSIX mypool mycont\nmkdir -p /tmp/mnt\ndfuse /tmp/mnt mypool mycont\nfusermount3 -u /tmp/mnt", run_dfuse, 0},
	{0},
};

static const struct cli_program program = {.name = "dfuse", .help = "mounts a DAOS container as a file system", .commands = commands};

int
main(int argc, char **argv)
{
	return cli_main(&program, argc, argv, NULL);
}
