/* SPDX-License-Identifier: Apache-2.0 */
/*
 * out: what a connection has to send: a queue of messages, copied, and a round of transfers that send data frames straight
 * from memory.
 *
 * Order on the stream: a frame that has begun goes on to its end; then all messages; then one frame of the transfer whose
 * turn it is. So a message waits for one frame (256 KiB) at most, and transfers share what is left equally.
 *
 * out I1: connections with something to send and nothing in their way stand in loop.dirty and are written when the loop polls;
 *         those the socket had no room for wait for EPOLLOUT and do not.
 * out I2: a chunk holds whole frames; of packets, one each.
 */
#include <errno.h>
#include <sys/uio.h>
#include <unistd.h>
#include "conn.h"

#define CHUNK_SIZE (16 * KIB)
#define WRITE_PIECES 64
#define WRITE_BUDGET MIB /* bytes of one connection in one turn */

void
real__out_dirty(struct env_conn *conn)
{
	/* out I1 */
	if (conn->state == CONN_OPEN && !conn->asked_out && !list_linked(&conn->dirty))
		list_append(&conn->loop->dirty, &conn->dirty);
}

static struct chunk *
new_chunk(struct env_conn *conn, size_t size)
{
	struct env_loop *loop = conn->loop;
	struct chunk *chunk;

	if (size <= CHUNK_SIZE && loop->spare_nr > 0) {
		loop->spare_nr--;
		chunk = list_pop(&loop->spare, struct chunk, link);
	} else {
		size = MAX(size, (size_t)CHUNK_SIZE);
		chunk = mem_alloc_aligned(&loop->real->mem, sizeof(*chunk) + size, 16);
		if (chunk == NULL)
			return NULL;
		chunk->size = (uint32_t)size;
	}
	chunk->start = chunk->end = 0;
	list_append(&conn->chunks, &chunk->link);
	return chunk;
}

static void
free_chunk(struct env_conn *conn, struct chunk *chunk)
{
	struct env_loop *loop = conn->loop;

	list_remove(&chunk->link);
	if (chunk->size == CHUNK_SIZE && loop->spare_nr < REAL_SPARE_MAX) {
		list_push(&loop->spare, &chunk->link);
		loop->spare_nr++;
	} else {
		mem_free(&loop->real->mem, chunk);
	}
}

/* size bytes at the end of the queue. NULL: no memory. */
static uint8_t *
reserve(struct env_conn *conn, size_t size)
{
	struct chunk *chunk = list_empty(&conn->chunks) ? NULL : list_last(&conn->chunks, struct chunk, link);
	uint8_t *at;

	if (chunk == NULL || conn->packets || chunk->size - chunk->end < size)
		chunk = new_chunk(conn, size);
	if (chunk == NULL)
		return NULL;
	at = chunk->data + chunk->end;
	chunk->end += (uint32_t)size;
	conn->out_bytes += size;
	conn->out_put += size;
	real__out_dirty(conn);
	return at;
}

int
real__out_control(struct env_conn *conn, const struct frame *frame)
{
	uint8_t prefix[FRAME_PREFIX_MAX], *at;
	size_t size = frame_encode(frame, prefix);

	at = reserve(conn, size);
	if (at == NULL)
		return -DER_NOMEM;
	memcpy(at, prefix, size);
	return 0;
}

int
real__out_hello(struct env_conn *conn)
{
	struct frame hello = {.kind = FRAME_HELLO, .field = {FRAME_VERSION | (uint64_t)FRAME_VERSION << 32, 0}};

	return real__out_control(conn, &hello);
}

int
real__conn_send(struct env_conn *conn, const struct iovec *iov, int iov_nr)
{
	size_t len = iov_total(iov, iov_nr), head = conn->packets ? 0 : FRAME_HEAD;
	struct frame frame = {.kind = FRAME_MESSAGE, .len = (uint32_t)len};
	uint8_t *at;

	if (!conn_alive(conn))
		return -DER_UNREACH;
	if (len > conn->packet_max)
		return -DER_OVERFLOW;
	if (conn->packets && len == 0)
		return -DER_INVAL; /* would look like the end */
	if (conn->out_bytes + len > CONN_QUEUE_MAX)
		return -DER_NOMEM;
	at = reserve(conn, head + (conn->packets ? len : FRAME_PAD(len)));
	if (at == NULL)
		return -DER_NOMEM;
	if (!conn->packets) {
		at += frame_encode(&frame, at);
		memset(at + len, 0, FRAME_PAD(len) - len);
	}
	iov_copy_out(iov, iov_nr, 0, at, len);
	return 0;
}

size_t
real__conn_queued(struct env_conn *conn)
{
	return conn->out_bytes + conn->put_bytes;
}

/* ---- writing --------------------------------------------------------------------------------------------------------- */

static void
messages_sent(struct env_conn *conn, size_t len)
{
	struct chunk *chunk;
	size_t part;

	conn->out_bytes -= len;
	conn->out_sent += len;
	while (len > 0) {
		chunk = list_first(&conn->chunks, struct chunk, link);
		part = MIN(len, (size_t)(chunk->end - chunk->start));
		chunk->start += (uint32_t)part;
		len -= part;
		if (chunk->start == chunk->end)
			free_chunk(conn, chunk);
	}
}

static void
frame_sent(struct env_conn *conn, size_t len)
{
	struct frame_out *out = conn->out;
	struct bulk *bulk;
	size_t part;

	out->started = true;
	out->left -= len;
	while (len > 0) {
		part = MIN(len, out->piece[out->at].iov_len);
		out->piece[out->at].iov_base = (char *)out->piece[out->at].iov_base + part;
		out->piece[out->at].iov_len -= part;
		len -= part;
		if (out->piece[out->at].iov_len == 0)
			out->at++;
	}
	if (out->left > 0)
		return;
	bulk = conn->bulk_now;
	conn->bulk_now = NULL;
	real__bulk_sent(conn, bulk);
}

static int
lay_out_messages(struct env_conn *conn, struct iovec *iov, int max, size_t *len)
{
	struct chunk *chunk;
	int nr = 0;

	*len = 0;
	list_each(chunk, &conn->chunks, link) {
		if (nr == max)
			break;
		iov[nr].iov_base = chunk->data + chunk->start;
		iov[nr].iov_len = chunk->end - chunk->start;
		*len += iov[nr++].iov_len;
	}
	return nr;
}

static int
lay_out_frame(struct env_conn *conn, struct iovec *iov, int max)
{
	struct frame_out *out = conn->out;
	int nr = MIN(out->nr - out->at, max);

	memcpy(iov, &out->piece[out->at], (size_t)nr * sizeof(*iov));
	return nr;
}

/* Lays out what goes next; *first: bytes of messages in front of the frame, *rest: behind it. */
static int
lay_out(struct env_conn *conn, struct iovec *iov, size_t *first, size_t *rest)
{
	bool begun = conn->bulk_now != NULL && conn->out->started;
	int nr = 0;

	*first = *rest = 0;
	if (!begun)
		nr = lay_out_messages(conn, iov, WRITE_PIECES - FRAME_PIECES - 2, first);
	if (conn->bulk_now == NULL && !list_empty(&conn->bulks)) {
		conn->bulk_now = list_pop(&conn->bulks, struct bulk, link);
		real__bulk_frame(conn, conn->bulk_now);
	}
	if (conn->bulk_now != NULL)
		nr += lay_out_frame(conn, iov + nr, WRITE_PIECES - nr);
	if (begun && nr < WRITE_PIECES)
		nr += lay_out_messages(conn, iov + nr, WRITE_PIECES - nr, rest);
	return nr;
}

/* Writes once. Bytes written, or -errno; *all: everything that was laid out. */
static ssize_t
write_once(struct env_conn *conn, bool *all)
{
	struct iovec iov[WRITE_PIECES];
	struct msghdr msg = {.msg_iov = iov};
	size_t first, rest, total, left, part;
	ssize_t n;

	msg.msg_iovlen = (size_t)lay_out(conn, iov, &first, &rest);
	total = iov_total(iov, (int)msg.msg_iovlen);
	if (msg.msg_iovlen == 1)
		n = send(conn->source.fd, iov[0].iov_base, iov[0].iov_len, MSG_NOSIGNAL | MSG_DONTWAIT);
	else
		n = sendmsg(conn->source.fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0)
		return -errno;
	*all = (size_t)n == total;
	left = (size_t)n;
	part = MIN(left, first);
	messages_sent(conn, part);
	left -= part;
	if (left > 0 && conn->bulk_now != NULL) {
		part = MIN(left, conn->out->left);
		frame_sent(conn, part);
		left -= part;
	}
	messages_sent(conn, MIN(left, rest));
	return n;
}

static ssize_t
write_packet(struct env_conn *conn, bool *all)
{
	struct chunk *chunk = list_first(&conn->chunks, struct chunk, link);
	ssize_t n = send(conn->source.fd, chunk->data, chunk->end, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (n < 0)
		return -errno;
	*all = true;
	messages_sent(conn, chunk->end);
	return n;
}

static void
ask_out(struct env_conn *conn, bool ask)
{
	if (conn->asked_out == ask)
		return;
	conn->asked_out = ask;
	real__source_set(conn->loop, &conn->source, EPOLLIN | (ask ? EPOLLOUT : 0));
}

static bool
has_more(const struct env_conn *conn)
{
	return !list_empty(&conn->chunks) || conn->bulk_now != NULL || !list_empty(&conn->bulks);
}

void
real__out_write(struct env_conn *conn)
{
	size_t written = 0;
	bool all = true;
	ssize_t n;

	while (conn->state == CONN_OPEN && has_more(conn) && all && written < WRITE_BUDGET) {
		n = conn->packets ? write_packet(conn, &all) : write_once(conn, &all);
		if (n == -EINTR)
			continue;
		if (n == -EAGAIN || n == -ENOBUFS)
			break;
		if (n < 0) {
			real__conn_drain(conn, (int)-n);
			return;
		}
		written += (size_t)n;
	}
	if (conn->state == CONN_OPEN)
		ask_out(conn, has_more(conn));
}

void
real__net_flush(struct env_loop *loop)
{
	struct env_conn *conn;
	struct list now;

	if (list_empty(&loop->dirty))
		return;
	list_init(&now);
	list_splice(&now, &loop->dirty);
	while ((conn = list_pop(&now, struct env_conn, dirty)) != NULL)
		real__out_write(conn);
}

void
real__out_farewell(struct env_conn *conn)
{
	struct frame bye = {.kind = FRAME_BYE};
	bool all = true;
	ssize_t n;

	if (conn->packets) {
		while (!list_empty(&conn->chunks) && write_packet(conn, &all) > 0)
			;
		return;
	}
	/* In the middle of a data frame the other end can only be told by the break. */
	if (conn->bulk_now != NULL && conn->out->started)
		return;
	conn->bulk_now = NULL;
	while (list_pop(&conn->bulks, struct bulk, link) != NULL)
		;
	if (real__out_control(conn, &bye) != 0)
		return;
	do
		n = write_once(conn, &all);
	while ((n > 0 && all && !list_empty(&conn->chunks)) || n == -EINTR);
}

void
real__out_fini(struct env_conn *conn)
{
	struct chunk *chunk, *tmp;

	list_each_safe(chunk, tmp, &conn->chunks, link)
		free_chunk(conn, chunk);
	mem_free(&conn->loop->real->mem, conn->out);
}
