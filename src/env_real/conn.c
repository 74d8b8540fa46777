/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conn: the life of a connection and what it reads.
 *
 *   connect -> CONNECTING (or RETRY, a local listener's queue being full) -> OPEN --close--> CLOSING --> closed, freed
 *   accept  -> OPEN                                     any of these --error, end, silence--> BROKEN --> closed, freed
 *
 * conn I1: a connection leaves OPEN once, by conn_break or conn_close, and stands on the dead list from then on; net_run ends
 *          its transfers, calls closed, and frees it. Nothing else frees one.
 * conn I2: after it left OPEN no message is handed out and no registered memory is touched.
 * conn I3: the stream ends in order only when BYE came; the end of a stream without it is the death of the other end. On
 *          seqpacket sockets, which have no frames, every end counts as in order.
 * conn I4: a stream connection whose other end has not greeted within CONN_YOUNG_NS is broken with -DER_TIMEDOUT.
 * conn I5: what is read goes to the loop's buffer or straight to where it belongs; the loop's buffer is empty when the
 *          read returns. Incomplete messages of all connections of a loop hold at most REAL_PART_MAX.
 *
 * What the other end sends is hostile: it ends its connection at worst, with one line in the log.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>
#include "conn.h"

#define READ_ROUNDS 16
#define DRAIN_ROUNDS 65536
#define DRAIN_BYTES (32 * MIB)
#define RETRY_NS (2 * NS_PER_MS)
#define RBUF (PACKET_MAX + 4096)
#define WANT_PIECES 48

static void conn_ready(struct real_source *source, uint32_t events);
static const struct frame_sink conn_sink;

int
real__conn_rc(int err)
{
	return err == ETIMEDOUT ? -DER_TIMEDOUT : err == ENOMEM ? -DER_NOMEM : -DER_UNREACH;
}

static struct env_conn *
conn_new(struct env_loop *loop, int fd, bool local, bool packets)
{
	struct env_conn *conn = MEM_NEW(&loop->real->mem, struct env_conn);

	if (conn == NULL)
		return NULL;
	conn->loop = loop;
	conn->source = (struct real_source){.ready = conn_ready, .fd = fd};
	conn->local = local;
	conn->packets = packets;
	conn->packet_max = PACKET_MAX;
	conn->born_ns = real__now();
	list_init(&conn->link);
	list_init(&conn->dirty);
	list_init(&conn->dead);
	list_init(&conn->young);
	list_init(&conn->retry);
	list_init(&conn->chunks);
	list_init(&conn->bulks);
	list_init(&conn->waiting);
	frame_reader_init(&conn->reader, &conn_sink, conn, &loop->real->mem);
	if (!packets && real__out_hello(conn) != 0) {
		mem_free(&loop->real->mem, conn);
		return NULL;
	}
	list_append(&loop->conns, &conn->link);
	if (loop->rbuf == NULL) {
		void *rbuf = mmap(NULL, RBUF, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		loop->rbuf = rbuf == MAP_FAILED ? NULL : rbuf;
	}
	return conn;
}

static void
conn_free(struct env_conn *conn)
{
	if (conn->source.events != 0)
		real__source_set(conn->loop, &conn->source, 0);
	real__fd_close(conn->source.fd);
	list_remove(&conn->link);
	list_remove(&conn->dirty);
	list_remove(&conn->dead);
	list_remove(&conn->young);
	list_remove(&conn->retry);
	real__bulk_fini(conn);
	real__out_fini(conn);
	frame_reader_fini(&conn->reader);
	mem_free(&conn->loop->real->mem, conn);
}

/* The connection works: who is there, how long may packets be, begin to listen to it. */
static int
conn_open(struct env_conn *conn)
{
	struct ucred ucred;
	socklen_t len = sizeof(ucred);
	int size;

	conn->state = CONN_OPEN;
	if (conn->local && getsockopt(conn->source.fd, SOL_SOCKET, SO_PEERCRED, &ucred, &len) == 0)
		conn->cred = (struct env_cred){.uid = ucred.uid, .gid = ucred.gid, .pid = ucred.pid, .known = true};
	len = sizeof(size);
	if (conn->packets && getsockopt(conn->source.fd, SOL_SOCKET, SO_SNDBUF, &size, &len) == 0)
		conn->packet_max = MIN((size_t)MAX(size - 1024, 1024), (size_t)PACKET_MAX);
	if (conn->packets)
		list_remove(&conn->young);
	real__out_dirty(conn);
	return real__source_set(conn->loop, &conn->source, EPOLLIN);
}

/* ---- connecting ---------------------------------------------------------------------------------------------------- */

static void
try_connect(struct env_conn *conn)
{
	int rc = connect(conn->source.fd, &conn->to.any, conn->to.len) == 0 ? 0 : errno;

	if (rc == EAGAIN) {
		conn->state = CONN_RETRY;
		if (!list_linked(&conn->retry))
			list_append(&conn->loop->retry, &conn->retry);
		return;
	}
	list_remove(&conn->retry);
	conn->state = CONN_CONNECTING;
	if (rc == EINPROGRESS || rc == EINTR)
		rc = -real__source_set(conn->loop, &conn->source, EPOLLOUT);
	else if (rc == 0)
		rc = -conn_open(conn);
	if (rc != 0) {
		log_info(conn->loop->real->env.log, "cannot connect to %s: %s", conn->name, strerror(rc));
		real__conn_break(conn, real__conn_rc(rc));
	}
}

static void
connected(struct env_conn *conn)
{
	socklen_t len = sizeof(int);
	int err = 0;

	if (getsockopt(conn->source.fd, SOL_SOCKET, SO_ERROR, &err, &len) != 0)
		err = errno;
	if (err == 0)
		err = -conn_open(conn);
	if (err != 0) {
		log_info(conn->loop->real->env.log, "cannot connect to %s: %s", conn->name, strerror(err));
		real__conn_break(conn, real__conn_rc(err));
	}
}

int
real__conn_connect(struct env_loop *loop, const char *addr, const struct env_conn_ops *ops, void *arg, struct env_conn **connp)
{
	struct env_conn *conn;
	struct net_addr to;
	int rc = real__addr_parse(addr, &to), fd;

	if (rc != 0)
		return rc;
	fd = real__addr_socket(&to);
	if (fd < 0) {
		log_error(loop->real->env.log, "cannot connect to %s: %s", addr, strerror(-fd));
		return real__errno(-fd);
	}
	conn = conn_new(loop, fd, to.local, to.packets);
	if (conn == NULL || loop->rbuf == NULL) {
		if (conn != NULL)
			conn_free(conn);
		else
			real__fd_close(fd);
		return -DER_NOMEM;
	}
	conn->to = to;
	conn->ops = ops;
	conn->arg = arg;
	real__addr_print(&to, conn->name, sizeof(conn->name));
	real__socket_options(fd, to.local, to.packets);
	list_append(&loop->young, &conn->young);
	try_connect(conn);
	*connp = conn;
	return 0;
}

int
real__conn_accepted(struct env_loop *loop, int fd, bool local, bool packets, struct env_conn **connp)
{
	struct env_conn *conn = conn_new(loop, fd, local, packets);
	struct net_addr from = {0};
	int rc;

	if (conn == NULL) {
		real__fd_close(fd);
		return -DER_NOMEM;
	}
	real__socket_options(fd, local, packets);
	rc = loop->rbuf == NULL ? -ENOMEM : conn_open(conn);
	if (rc != 0) {
		conn_free(conn);
		return real__errno(-rc);
	}
	if (!packets)
		list_append(&loop->young, &conn->young);
	from.len = sizeof(from.in6);
	if (local)
		snprintf(conn->name, sizeof(conn->name), "local process %d (uid %u)", conn->cred.pid, conn->cred.uid);
	else if (getpeername(fd, &from.any, &from.len) == 0)
		real__addr_print(&from, conn->name, sizeof(conn->name));
	*connp = conn;
	return 0;
}

void
real__conn_bind(struct env_conn *conn, const struct env_conn_ops *ops, void *arg)
{
	conn->ops = ops;
	conn->arg = arg;
}

void
real__conn_cred(struct env_conn *conn, struct env_cred *cred)
{
	*cred = conn->cred;
}

/* ---- the end -------------------------------------------------------------------------------------------------------- */

/* conn I1 */
static void
leave(struct env_conn *conn, enum conn_state state, int rc)
{
	conn->state = state;
	conn->rc = rc;
	if (conn->source.events != 0)
		real__source_set(conn->loop, &conn->source, 0);
	list_remove(&conn->dirty);
	list_remove(&conn->young);
	list_remove(&conn->retry);
	list_append(&conn->loop->dead, &conn->dead);
}

void
real__conn_break(struct env_conn *conn, int rc)
{
	if (conn_alive(conn))
		leave(conn, CONN_BROKEN, rc);
}

void
real__conn_close(struct env_conn *conn)
{
	bool was_open = conn->state == CONN_OPEN;

	if (conn_alive(conn))
		leave(conn, was_open ? CONN_CLOSING : CONN_BROKEN, -DER_CANCELED);
}

static void
finish(struct env_conn *conn)
{
	if (conn->state == CONN_CLOSING)
		real__out_farewell(conn);
	conn->state = CONN_BROKEN;
	real__fd_close(conn->source.fd);
	conn->source.fd = -1;
	real__bulk_abort(conn, -DER_UNREACH);
	if (conn->ops != NULL) {
		real__loop_ran(conn->loop);
		conn->ops->closed(conn->arg, conn, conn->rc);
	}
	conn_free(conn);
}

void
real__net_run(struct env_loop *loop)
{
	struct env_conn *conn, *tmp;
	uint64_t now;

	if (!list_empty(&loop->young)) {
		now = real__now();
		list_each_safe(conn, tmp, &loop->young, young) {
			if (now - conn->born_ns < CONN_YOUNG_NS)
				break;
			log_info(loop->real->env.log, "%s: no greeting within %llu s", conn->name,
				 (unsigned long long)(CONN_YOUNG_NS / NS_PER_S));
			real__conn_break(conn, -DER_TIMEDOUT);
		}
		list_each_safe(conn, tmp, &loop->retry, retry)
			try_connect(conn);
	}
	while ((conn = list_pop(&loop->dead, struct env_conn, dead)) != NULL)
		finish(conn);
	if (!list_empty(&loop->dead_listens))
		real__listens_free(loop);
}

uint64_t
real__net_deadline(struct env_loop *loop)
{
	uint64_t deadline = ENV_FOREVER;

	if (!list_empty(&loop->young))
		deadline = list_first(&loop->young, struct env_conn, young)->born_ns + CONN_YOUNG_NS;
	if (!list_empty(&loop->retry))
		deadline = MIN(deadline, real__now() + RETRY_NS);
	return deadline;
}

void
real__net_close(struct env_loop *loop)
{
	struct env_conn *conn, *tmp;
	struct chunk *chunk;

	list_each_safe(conn, tmp, &loop->conns, link)
		real__conn_close(conn);
	real__net_run(loop);
	ASSERT(list_empty(&loop->conns));
	real__listens_free(loop);
	while ((chunk = list_pop(&loop->spare, struct chunk, link)) != NULL)
		mem_free(&loop->real->mem, chunk);
	if (loop->rbuf != NULL)
		munmap(loop->rbuf, RBUF);
	loop->rbuf = NULL;
}

/* ---- what comes in --------------------------------------------------------------------------------------------------- */

static int
sink_control(void *arg, const struct frame *frame)
{
	struct env_conn *conn = arg;

	switch (frame->kind) {
	case FRAME_HELLO:
		/* Both speak the newest version that both know; there is only one yet. */
		if ((uint32_t)frame->field[0] < FRAME_VERSION || frame->field[0] >> 32 > FRAME_VERSION) {
			conn->reader.broken = "no common version of the transport";
			return -DER_PROTO;
		}
		conn->greeted = true;
		list_remove(&conn->young);
		return 0;
	case FRAME_BYE:
		real__conn_break(conn, 0);
		return -DER_CANCELED;
	default:
		return real__bulk_control(conn, frame);
	}
}

static int
sink_message(void *arg, const void *data, size_t len)
{
	struct env_conn *conn = arg;

	real__loop_ran(conn->loop);
	conn->ops->received(conn->arg, conn, data, len);
	/* conn I2 */
	return conn_alive(conn) ? 0 : -DER_CANCELED;
}

static int
sink_begin(void *arg, const struct frame *frame, struct iov_cursor *to)
{
	return real__bulk_begin(arg, frame, to);
}

static int
sink_end(void *arg, const struct frame *frame)
{
	return real__bulk_end(arg, frame);
}

static int
sink_budget(void *arg, int64_t len)
{
	struct env_conn *conn = arg;
	struct env_loop *loop = conn->loop;

	if (len > 0 && loop->part_bytes + (uint64_t)len > REAL_PART_MAX) {
		conn->reader.broken = "too many incomplete messages";
		return -DER_NOMEM;
	}
	loop->part_bytes += (uint64_t)len;
	return 0;
}

static const struct frame_sink conn_sink = {
	.control = sink_control,
	.message = sink_message,
	.data_begin = sink_begin,
	.data_end = sink_end,
	.budget = sink_budget,
};

/* The stream ended or failed. */
static void
read_ended(struct env_conn *conn, ssize_t n, int err)
{
	if (n == 0)
		real__conn_break(conn, conn->packets ? 0 : -DER_UNREACH);
	else
		real__conn_break(conn, real__conn_rc(err));
}

static void
read_failed(struct env_conn *conn, int rc)
{
	struct frame_reader *reader = &conn->reader;

	if (!conn_alive(conn))
		return;
	log_warn(conn->loop->real->env.log, "%s: connection broken: %s " RCF, conn->name,
		 reader->broken != NULL ? reader->broken : "no memory", RCP(rc));
	real__conn_break(conn, rc == -DER_NOMEM ? -DER_NOMEM : -DER_UNREACH);
}

/* One system call and what it brought. Returns true when there may be more. */
static bool
read_stream(struct env_conn *conn)
{
	struct iovec iov[WANT_PIECES + 1];
	uint8_t waste[8];
	int nr = frame_reader_want(&conn->reader, iov, WANT_PIECES, waste), rc = 0;
	/* Behind the data of a transfer there is mostly more of it: only its head should come to the loop's buffer. */
	size_t beside = nr > 0 && frame_reader_kind(&conn->reader) != FRAME_MESSAGE ? CONN_READ_BESIDE : CONN_READ_MAX;
	size_t direct = iov_total(iov, nr), asked = direct + beside;
	ssize_t n;

	if (nr == 0) {
		n = recv(conn->source.fd, conn->loop->rbuf, beside, 0);
	} else {
		iov[nr] = (struct iovec){conn->loop->rbuf, beside};
		n = readv(conn->source.fd, iov, nr + 1);
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return errno == EINTR;
	if (n <= 0) {
		read_ended(conn, n, errno);
		return false;
	}
	conn->in_bytes += (uint64_t)n;
	direct = MIN(direct, (size_t)n);
	if (direct > 0)
		rc = frame_reader_took(&conn->reader, direct);
	if (rc == 0)
		rc = frame_reader_feed(&conn->reader, conn->loop->rbuf, (size_t)n - direct);
	if (rc != 0)
		read_failed(conn, rc);
	return rc == 0 && (size_t)n == asked;
}

static bool
read_packet(struct env_conn *conn)
{
	struct iovec iov = {conn->loop->rbuf, PACKET_MAX};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n = recvmsg(conn->source.fd, &msg, 0);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return errno == EINTR;
	if (n <= 0) {
		read_ended(conn, n, errno);
	} else if ((msg.msg_flags & MSG_TRUNC) != 0) {
		conn->reader.broken = "packet too long";
		read_failed(conn, -DER_PROTO);
	} else {
		conn->in_bytes += (uint64_t)n;
		sink_message(conn, conn->loop->rbuf, (size_t)n);
		return true;
	}
	return false;
}

static void
read_some(struct env_conn *conn, int rounds, uint64_t bytes)
{
	uint64_t until = conn->in_bytes + bytes;

	while (rounds-- > 0 && conn->state == CONN_OPEN && conn->in_bytes < until)
		if (!(conn->packets ? read_packet(conn) : read_stream(conn)))
			break;
}

void
real__conn_drain(struct env_conn *conn, int err)
{
	if (conn->draining)
		return;
	conn->draining = true;
	/* What is left is finite, but for one who only shut his ears. */
	read_some(conn, DRAIN_ROUNDS, DRAIN_BYTES);
	real__conn_break(conn, real__conn_rc(err));
}

static void
conn_ready(struct real_source *source, uint32_t events)
{
	struct env_conn *conn = container_of(source, struct env_conn, source);

	if (conn->state == CONN_CONNECTING) {
		connected(conn);
		return;
	}
	if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
		read_some(conn, READ_ROUNDS, MIB);
	if ((events & EPOLLOUT) != 0 && conn->state == CONN_OPEN)
		real__out_write(conn);
}
