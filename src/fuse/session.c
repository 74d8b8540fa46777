/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session: the one binding to libfuse's session and the kernel's descriptor (so this file asks the machine itself). The loop of the
 * client's stream watches the descriptor; a turn reads up to READ_TURN requests, each of which becomes a ULT.
 *
 *	mounted -> serving <-> paused (fuse I2)
 *	              |  dfuse_stop: written back, detached; the kernel ends the connection when the last open file is closed
 *	           ended (ENODEV, or cut off after STOP_PATIENCE_NS) -> requests end -> handles closed, nodes put -> freed
 *
 *	session I1  What may wait for an answer of ours (notifications, sync, umount) runs on a thread aside: the loop that it
 *	            waits for goes on.
 *	session I2  The descriptor is non-blocking: a request that was taken back between poll and read stops nobody.
 *
 * dfuse_start, dfuse_wait and dfuse__recalled yield. A crash leaves a mount that answers ENOTCONN; dfuse_clean_stale takes it away.
 */
#include "internal.h"

#include <spawn.h>
#include <stdio.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define STOP_PATIENCE_NS (5 * NS_PER_S)

/* ---- aside: session I1 ----------------------------------------------------------------------------------------------------- */
struct aside {
	struct xs_msg msg;
	struct xs *xs;
	void (*work)(void *arg);
	void *arg;
	struct ult_eventual done;
};

static void
aside_done(struct xs_msg *msg)
{
	ult_eventual_set(&container_of(msg, struct aside, msg)->done, 0);
}

static void
aside_body(void *arg)
{
	struct aside *aside = arg;

	aside->work(aside->arg);
	xs_send(aside->xs, &aside->msg);
}

/* Runs work(arg) on a thread of its own and waits for it. YIELDS */
static int
aside(struct dfuse *dfuse, void (*work)(void *arg), void *arg)
{
	struct aside it = {.msg.run = aside_done, .xs = dfuse->xs, .work = work, .arg = arg};
	struct env_thread *thread;
	int rc;

	ult_eventual_init(&it.done);
	rc = dfuse->env->ops->host.thread_start(dfuse->env, "fuse_aside", NULL, aside_body, &it, &thread);
	if (rc != 0)
		return rc;
	(void)ult_eventual_wait(&it.done);
	dfuse->env->ops->host.thread_join(thread);
	return 0;
}

/* ---- reading ----------------------------------------------------------------------------------------------------------------- */
static void
end(struct dfuse *dfuse)
{
	if (dfuse->ended)
		return;
	dfuse->ended = true;
	if (dfuse->watching)
		dfuse->env->ops->loop.unwatch_fd(xs_loop(dfuse->xs), dfuse->fd);
	dfuse->watching = false;
	ult_cond_broadcast(&dfuse->changed);
}

static void
on_readable(void *arg)
{
	struct dfuse *dfuse = arg;

	for (int i = 0; i < READ_TURN && !dfuse->ended; i++) {
		int rc;

		if (dfuse->inflight >= dfuse->inflight_max) {
			dfuse->env->ops->loop.unwatch_fd(xs_loop(dfuse->xs), dfuse->fd);
			dfuse->watching = false;
			dfuse->pause_nr++;
			return;
		}
		if (dfuse->in.mem == NULL && dfuse->in_nr > 0)
			dfuse->in.mem = dfuse->ins[--dfuse->in_nr];
		rc = fuse_session_receive_buf(dfuse->session, &dfuse->in);
		if (rc == -EAGAIN || rc == -EINTR)
			return;
		if (rc > 0)
			fuse_session_process_buf(dfuse->session, &dfuse->in);
		else if (rc < 0)
			log_error(dfuse->env->log, "%s: reading from the kernel failed: %s; the mount ends", dfuse->mountpoint, strerror(-rc));
		if (rc < 0)
			dfuse->error = -rc;
		if (rc <= 0 || fuse_session_exited(dfuse->session))
			end(dfuse);
	}
}

void
dfuse__resume(struct dfuse *dfuse)
{
	int rc;

	if (dfuse->watching || dfuse->ended || dfuse->inflight > dfuse->inflight_max / 2)
		return;
	rc = dfuse->env->ops->loop.watch_fd(xs_loop(dfuse->xs), dfuse->fd, on_readable, dfuse);
	dfuse->watching = rc == 0;
	if (rc != 0)
		ult_timer_arm(&dfuse->retry, env_mono(dfuse->env) + 10 * NS_PER_MS);
}

static void
on_retry(void *arg)
{
	struct dfuse *dfuse = arg;

	dfuse__resume(dfuse);
	dfuse__chores(dfuse);
}

void *
dfuse__buffer_steal(struct dfuse *dfuse)
{
	void *stolen = dfuse->in.mem;

	dfuse->in = (struct fuse_buf){.fd = -1};
	return stolen;
}

void
dfuse__buffer_return(struct dfuse *dfuse, void *stolen)
{
	if (dfuse->in_nr < SPARES_MAX)
		dfuse->ins[dfuse->in_nr++] = stolen;
	else
		free(stolen);
}

/* ---- recall ------------------------------------------------------------------------------------------------------------------- */
struct recall {
	struct fuse_session *session;
	uint64_t *inos;
	size_t nr;
};

static void
invalidate(void *arg)
{
	struct recall *recall = arg;

	/* -ENOENT: the kernel does not know it any more. */
	for (size_t i = 0; i < recall->nr; i++)
		(void)fuse_lowlevel_notify_inval_inode(recall->session, recall->inos[i], 0, 0);
}

/*
 * fs_sole is over, so nothing is promised any more. Pages and attributes are taken back one by one. Names are not listed
 * here: they were promised for DFUSE_CACHE_NS at most, so the promises are waited out.
 */
void
dfuse__recalled(void *arg)
{
	struct dfuse *dfuse = arg;
	struct recall recall = {.session = dfuse->session};
	struct hash_iter iter;
	struct hash_node *at;

	if (!dfuse->caching || dfuse->ended)
		return;
	recall.inos = MEM_NEW_ARRAY(dfuse->env->mem, uint64_t, hash_count(&dfuse->nodes));
	hash_iter_init(&iter, &dfuse->nodes);
	while (recall.inos != NULL && (at = hash_iter_next(&iter)) != NULL)
		recall.inos[recall.nr++] = hash_entry(at, struct node, by_ino)->ino;
	if (recall.inos == NULL || aside(dfuse, invalidate, &recall) != 0)
		log_error(dfuse->env->log, "%s: no memory to take back what the kernel caches: open files may show old data until they are "
			  "opened again", dfuse->mountpoint);
	mem_free(dfuse->env->mem, recall.inos);
	ult_sleep_until(dfuse->granted_ns);
}

/* ---- mounting ------------------------------------------------------------------------------------------------------------------ */
static void
on_init(void *userdata, struct fuse_conn_info *conn)
{
	struct dfuse *dfuse = userdata;
	unsigned int want = FUSE_CAP_ASYNC_READ | FUSE_CAP_ASYNC_DIO | FUSE_CAP_PARALLEL_DIROPS | FUSE_CAP_READDIRPLUS |
			    FUSE_CAP_READDIRPLUS_AUTO | FUSE_CAP_POSIX_LOCKS | FUSE_CAP_FLOCK_LOCKS | FUSE_CAP_ATOMIC_O_TRUNC;

	want |= dfuse->write_back ? FUSE_CAP_WRITEBACK_CACHE : FUSE_CAP_AUTO_INVAL_DATA;
	conn->want = want & conn->capable;
	if (dfuse->write_back && (conn->capable & FUSE_CAP_WRITEBACK_CACHE) == 0)
		dfuse->write_back = false;
	conn->max_write = WRITE_MAX;
	conn->max_readahead = WRITE_MAX;
	conn->max_background = 64;
	conn->congestion_threshold = 48;
	conn->time_gran = 1;
}

static int
make_session(struct dfuse *dfuse, const struct dfuse_config *config)
{
	static const char name[] = "dfuse";
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	struct fuse_lowlevel_ops ops = {.init = on_init};
	char options[1024];
	int n = snprintf(options, sizeof(options), "default_permissions,subtype=daos,fsname=%s%s%s%s%s",
			 config->source != NULL ? config->source : name, config->allow_other ? ",allow_other" : "",
			 config->read_only ? ",ro" : "", config->options != NULL ? "," : "", config->options != NULL ? config->options : "");

	if (n >= (int)sizeof(options))
		return E2BIG;
	dfuse__names_ops(&ops);
	dfuse__attr_ops(&ops);
	dfuse__file_ops(&ops);
	dfuse__dir_ops(&ops);
	if (fuse_opt_add_arg(&args, name) == 0 && fuse_opt_add_arg(&args, "-o") == 0 && fuse_opt_add_arg(&args, options) == 0)
		dfuse->session = fuse_session_new(&args, &ops, sizeof(ops), dfuse);
	fuse_opt_free_args(&args);
	return dfuse->session != NULL ? 0 : EINVAL;
}

struct mounting {
	struct dfuse *dfuse;
	int error;
};

static void
mount_it(void *arg)
{
	struct mounting *mounting = arg;

	errno = 0;
	if (fuse_session_mount(mounting->dfuse->session, mounting->dfuse->mountpoint) != 0)
		mounting->error = errno != 0 ? errno : EPERM;
}

static void
free_all(struct dfuse *dfuse)
{
	ult_timer_fini(&dfuse->retry);
	if (dfuse->session != NULL)
		fuse_session_destroy(dfuse->session);
	free(dfuse->in.mem);
	while (dfuse->in_nr > 0)
		free(dfuse->ins[--dfuse->in_nr]);
	dfuse__requests_fini(dfuse);
	dfuse__nodes_fini(dfuse);
	mem_free(dfuse->env->mem, dfuse->mountpoint);
	mem_free(dfuse->env->mem, dfuse);
}

static int
serve(struct dfuse *dfuse)
{
	int flags, rc = dfuse__node_add(dfuse, fs_root(dfuse->fs));

	if (rc != 0)
		return rc;
	dfuse->fd = fuse_session_fd(dfuse->session);
	flags = fcntl(dfuse->fd, F_GETFL);
	if (flags < 0 || fcntl(dfuse->fd, F_SETFL, flags | O_NONBLOCK) != 0) /* session I2 */
		return errno;
	rc = dfuse->env->ops->loop.watch_fd(xs_loop(dfuse->xs), dfuse->fd, on_readable, dfuse);
	if (rc != 0)
		return rc == -DER_NOSYS ? ENOSYS : ENOMEM;
	dfuse->watching = true;
	fs_on_recall(dfuse->fs, dfuse__recalled, dfuse);
	return 0;
}

int
dfuse_start(const struct dfuse_config *config, struct dfuse **dfusep)
{
	struct dfuse *dfuse = MEM_NEW(config->env->mem, struct dfuse);
	struct mounting mounting = {.dfuse = dfuse};
	int rc;

	if (dfuse == NULL)
		return ENOMEM;
	dfuse->env = config->env;
	dfuse->xs = config->xs;
	dfuse->fs = config->fs;
	dfuse->fd = -1;
	dfuse->in.fd = -1;
	dfuse->read_only = config->read_only;
	dfuse->caching = config->caching;
	dfuse->write_back = config->write_back && config->caching && !config->read_only;
	dfuse->inflight_max = config->inflight_max != 0 ? config->inflight_max : INFLIGHT_DEFAULT;
	list_init(&dfuse->handles);
	list_init(&dfuse->spare);
	list_init(&dfuse->waits);
	ult_cond_init(&dfuse->changed);
	ult_timer_init(&dfuse->retry, dfuse->xs, on_retry, dfuse);
	dfuse__nodes_init(dfuse);
	dfuse->mountpoint = mem_strdup(dfuse->env->mem, config->mountpoint);
	rc = dfuse->mountpoint == NULL ? ENOMEM : make_session(dfuse, config);
	if (rc == 0)
		rc = aside(dfuse, mount_it, &mounting) != 0 ? ENOMEM : mounting.error;
	if (rc == 0) {
		rc = serve(dfuse);
		if (rc != 0)
			fuse_session_unmount(dfuse->session);
	}
	if (rc != 0) {
		free_all(dfuse);
		return rc;
	}
	*dfusep = dfuse;
	return 0;
}

/* ---- unmounting ----------------------------------------------------------------------------------------------------------------- */
/* umount2 where we may, else fusermount3, which may. Detached: open files stay usable, and the kernel ends the connection after the last. */
static int
detach(const char *mountpoint)
{
	char *const argv[] = {"fusermount3", "-u", "-q", "-z", "--", (char *)mountpoint, NULL};
	char *const envp[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/bin", NULL};
	int status = 0;
	pid_t pid;

	if (umount2(mountpoint, MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
		return 0;
	if (errno != EPERM)
		return errno;
	if (posix_spawn(&pid, "/usr/bin/fusermount3", NULL, NULL, argv, envp) != 0 &&
	    posix_spawnp(&pid, "fusermount3", NULL, NULL, argv, envp) != 0)
		return ENOENT;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return errno;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : EPERM;
}

static void
write_back_and_detach(void *arg)
{
	struct dfuse *dfuse = arg;
	int fd = dfuse->write_back ? open(dfuse->mountpoint, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	if (fd >= 0) {
		(void)syncfs(fd);
		close(fd);
	}
	dfuse->detached = detach(dfuse->mountpoint) == 0;
}

static void
stopper(void *arg)
{
	struct dfuse *dfuse = arg;
	uint64_t deadline = env_mono(dfuse->env) + STOP_PATIENCE_NS;

	(void)aside(dfuse, write_back_and_detach, dfuse);
	while (!dfuse->ended && ult_cond_wait_until(&dfuse->changed, NULL, deadline) == 0)
		;
	if (!dfuse->ended)
		log_warn(dfuse->env->log, "%s: files are still open; the mount is cut off, they will see ENOTCONN", dfuse->mountpoint);
	end(dfuse);
	dfuse->stopping = false;
	ult_cond_broadcast(&dfuse->changed);
}

void
dfuse_stop(struct dfuse *dfuse)
{
	if (dfuse->stopping || dfuse->ended)
		return;
	dfuse->stopping = ult_spawn(dfuse->xs, ULT_SYSTEM, "fuse_stop", stopper, dfuse, NULL) == 0;
	if (!dfuse->stopping)
		end(dfuse);
}

/*
 * Ends the connection so that libfuse sees an error on its descriptor, as after an unmount: else it would unmount the path, where something
 * else may be mounted by now. A pipe that nobody reads shows that error.
 */
static void
sever(int fd)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) != 0)
		return;
	close(ends[0]);
	(void)dup2(ends[1], fd);
	close(ends[1]);
}

int
dfuse_wait(struct dfuse *dfuse)
{
	struct handle *handle;
	int rc;

	while (!dfuse->ended || dfuse->stopping)
		ult_cond_wait(&dfuse->changed, NULL);
	fs_on_recall(dfuse->fs, NULL, NULL);
	dfuse__interrupt_all(dfuse);
	while (dfuse->inflight + dfuse->waiting > 0 || dfuse->chores)
		ult_cond_wait(&dfuse->changed, NULL);
	if (dfuse->detached)
		sever(dfuse->fd);
	fuse_session_unmount(dfuse->session);
	while ((handle = list_pop(&dfuse->handles, struct handle, link)) != NULL) {
		list_append(&dfuse->handles, &handle->link);
		dfuse__handle_free(dfuse, handle);
	}
	rc = dfuse->error;
	free_all(dfuse);
	return rc;
}

void
dfuse_stats(const struct dfuse *dfuse, struct dfuse_stats *stats)
{
	*stats = (struct dfuse_stats){.requests = dfuse->request_nr, .interrupts = dfuse->interrupt_nr, .pauses = dfuse->pause_nr,
				      .inflight = dfuse->inflight, .waiting = dfuse->waiting,
				      .nodes = (uint32_t)hash_count(&dfuse->nodes), .handles = dfuse->handle_nr};
}

int
dfuse_clean_stale(const char *mountpoint)
{
	struct stat st;

	if (stat(mountpoint, &st) == 0)
		return 0;
	return errno == ENOTCONN ? detach(mountpoint) : errno;
}
