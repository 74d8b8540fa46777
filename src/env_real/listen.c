/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listen: places where connections arrive.
 *
 * listen I1: a UNIX socket file is removed before binding only when it is a socket and nobody answers there; closing removes
 *            it only while it is still ours. Who may connect is decided by the umask and the directory's permissions.
 * listen I2: without descriptors left, a connection that arrives is taken with one kept in reserve and closed, so that it
 *            fails at once instead of keeping the loop busy.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include "conn.h"

#define ACCEPT_MAX 64 /* connections in one turn */

struct env_listen {
	struct real_source source;
	struct env_loop *loop;
	struct list link; /* among the dead */
	struct net_addr addr;
	char text[160];
	int reserve;
	dev_t dev;
	ino_t ino;
	uint64_t shed; /* connections turned away for want of descriptors */
	uint64_t shed_said_ns;
	void (*accepted)(void *arg, struct env_conn *conn);
	void *arg;
};

static void
shed_one(struct env_listen *listen)
{
	uint64_t now = real__now();
	int fd;

	close(listen->reserve);
	fd = accept4(listen->source.fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0)
		close(fd);
	listen->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
	listen->shed++;
	if (listen->shed_said_ns != 0 && now - listen->shed_said_ns < 10 * NS_PER_S)
		return;
	listen->shed_said_ns = now;
	log_error(listen->loop->real->env.log, "%s: no descriptors left for new connections (%llu turned away): raise the limit "
		  "of open files", listen->text, (unsigned long long)listen->shed);
}

static void
listen_ready(struct real_source *source, uint32_t events)
{
	struct env_listen *listen = container_of(source, struct env_listen, source);
	struct env_loop *loop = listen->loop;
	struct env_conn *conn;
	int fd;

	for (int i = 0; i < ACCEPT_MAX && source->fd >= 0; i++) {
		fd = accept4(source->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0 && (errno == EMFILE || errno == ENFILE)) {
			shed_one(listen);
			continue;
		}
		if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
			continue;
		if (fd < 0)
			return;
		if (real__conn_accepted(loop, real__fd_note(fd), listen->addr.local, listen->addr.packets, &conn) != 0)
			continue;
		real__loop_ran(loop);
		listen->accepted(listen->arg, conn);
		if (conn->ops == NULL)
			real__conn_close(conn);
	}
}

/* Does anybody listen at addr? */
static bool
answers(const struct net_addr *addr)
{
	int fd = real__addr_socket(addr), rc;

	if (fd < 0)
		return true;
	rc = connect(fd, &addr->any, addr->len) == 0 ? 0 : errno;
	real__fd_close(fd);
	return rc != ECONNREFUSED && rc != ENOENT;
}

static int
bind_local(int fd, const struct net_addr *addr)
{
	struct stat st;

	if (bind(fd, &addr->any, addr->len) == 0)
		return 0;
	/* listen I1 */
	if (errno != EADDRINUSE || lstat(addr->un.sun_path, &st) != 0)
		return -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	if (answers(addr))
		return -EADDRINUSE;
	if (unlink(addr->un.sun_path) != 0 && errno != ENOENT)
		return -errno;
	return bind(fd, &addr->any, addr->len) == 0 ? 0 : -errno;
}

static int
bind_tcp(int fd, struct net_addr *addr)
{
	int one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, &addr->any, addr->len) != 0)
		return -errno;
	return getsockname(fd, &addr->any, &addr->len) == 0 ? 0 : -errno;
}

static int
begin(struct env_listen *place)
{
	return listen(place->source.fd, SOMAXCONN) != 0 ? -errno : real__source_set(place->loop, &place->source, EPOLLIN);
}

static int
open_listen(struct env_listen *listen)
{
	struct net_addr *addr = &listen->addr;
	struct stat st;
	int fd = real__addr_socket(addr), rc;

	if (fd < 0)
		return fd;
	listen->source.fd = fd;
	rc = addr->local ? bind_local(fd, addr) : bind_tcp(fd, addr);
	if (rc != 0)
		return rc;
	if (addr->local && lstat(addr->un.sun_path, &st) == 0) {
		listen->dev = st.st_dev;
		listen->ino = st.st_ino;
	}
	listen->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (listen->reserve < 0)
		return -errno;
	return begin(listen);
}

int
real__listen(struct env_loop *loop, const char *text, void (*accepted)(void *arg, struct env_conn *conn), void *arg,
	     struct env_listen **listenp)
{
	struct env_listen *listen = MEM_NEW(&loop->real->mem, struct env_listen);
	int rc;

	if (listen == NULL)
		return -DER_NOMEM;
	listen->loop = loop;
	listen->source = (struct real_source){.ready = listen_ready, .fd = -1};
	listen->reserve = -1;
	listen->accepted = accepted;
	listen->arg = arg;
	list_init(&listen->link);
	rc = real__addr_parse(text, &listen->addr);
	if (rc == 0) {
		rc = open_listen(listen);
		if (rc != 0) {
			/* A port that is taken is no fault: callers try the next, or say what it means. */
			log_at(loop->real->env.log, rc == -EADDRINUSE ? LOG_INFO : LOG_ERR, "cannot listen on %s: %s", text, strerror(-rc));
			rc = real__errno(-rc);
		}
	}
	if (rc != 0) {
		real__listen_close(listen);
		return rc;
	}
	real__addr_print(&listen->addr, listen->text, sizeof(listen->text));
	*listenp = listen;
	return 0;
}

const char *
real__listen_addr(struct env_listen *listen)
{
	return listen->text;
}

void
real__listen_close(struct env_listen *listen)
{
	struct net_addr *addr = &listen->addr;
	struct stat st;

	/* listen I1 */
	if (listen->ino != 0 && lstat(addr->un.sun_path, &st) == 0 && st.st_dev == listen->dev && st.st_ino == listen->ino)
		unlink(addr->un.sun_path);
	if (listen->source.events != 0)
		real__source_set(listen->loop, &listen->source, 0);
	real__fd_close(listen->source.fd);
	if (listen->reserve >= 0)
		close(listen->reserve);
	listen->source.fd = -1;
	/* It may be its accepted that runs now. */
	list_append(&listen->loop->dead_listens, &listen->link);
}

void
real__listens_free(struct env_loop *loop)
{
	struct env_listen *listen;

	while ((listen = list_pop(&loop->dead_listens, struct env_listen, link)) != NULL)
		mem_free(&loop->real->mem, listen);
}
