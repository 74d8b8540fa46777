/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ring: io_uring of a loop. Operations are put into the submission queue as they come and handed to the kernel together
 * when the loop polls; completions are read from shared memory. The ring's descriptor is in the epoll set, so a sleeping
 * loop wakes when a completion arrives. Plain buffers: nothing is registered, nothing counts against RLIMIT_MEMLOCK.
 *
 * ring I1: at most cap operations are in the kernel's hands, no more than the completion queue holds; others wait in order.
 */
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <linux/falloc.h>
#include "real.h"

#define ENTRIES 256
#define CQ_ENTRIES 1024

struct real_ring {
	struct io_uring uring;
	struct real_source source;
	uint32_t in_kernel, cap;
	uint32_t unsent; /* in the submission queue, not yet handed over */
	struct env_io *wait_head, *wait_tail;
};

static void
ring_ready(struct real_source *source, uint32_t events)
{
	/* disk_run reads the completions. */
}

static int
setup(struct io_uring *uring)
{
	static const unsigned flags[] = {IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP | IORING_SETUP_COOP_TASKRUN |
						 IORING_SETUP_TASKRUN_FLAG,
					 IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP, 0};
	struct io_uring_params params;
	int rc = -ENOSYS;

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		params = (struct io_uring_params){.flags = flags[i], .cq_entries = flags[i] != 0 ? CQ_ENTRIES : 0};
		rc = io_uring_queue_init_params(flags[i] != 0 ? ENTRIES : 32, uring, &params);
		/* EINVAL: a kernel that does not know the flags; ENOMEM: no room below RLIMIT_MEMLOCK for so large a ring. */
		if (rc != -EINVAL && rc != -ENOMEM)
			break;
	}
	return rc;
}

static bool
can_all(struct io_uring *uring)
{
	static const int ops[] = {IORING_OP_READ, IORING_OP_WRITE, IORING_OP_READV, IORING_OP_WRITEV, IORING_OP_FSYNC,
				  IORING_OP_FALLOCATE};
	struct io_uring_probe *probe = io_uring_get_probe_ring(uring);
	bool can = probe != NULL;

	for (size_t i = 0; can && i < ARRAY_SIZE(ops); i++)
		can = io_uring_opcode_supported(probe, ops[i]);
	io_uring_free_probe(probe);
	return can;
}

static void
queue_exit(struct real_ring *ring)
{
	real__fd_forget(ring->uring.ring_fd);
	io_uring_queue_exit(&ring->uring);
}

int
real__ring_open(struct env_loop *loop)
{
	struct real_ring *ring = MEM_NEW(&loop->real->mem, struct real_ring);
	int rc;

	if (ring == NULL)
		return -ENOMEM;
	rc = setup(&ring->uring);
	if (rc == 0 && !can_all(&ring->uring)) {
		io_uring_queue_exit(&ring->uring);
		rc = -EOPNOTSUPP;
	}
	if (rc == 0) {
		ring->cap = ring->uring.cq.ring_entries;
		ring->source = (struct real_source){.ready = ring_ready, .fd = real__fd_note(ring->uring.ring_fd)};
		rc = real__source_set(loop, &ring->source, EPOLLIN);
		if (rc != 0)
			queue_exit(ring);
	}
	if (rc != 0) {
		mem_free(&loop->real->mem, ring);
		return rc;
	}
	loop->source_nr--; /* heard without system calls */
	loop->ring = ring;
	return 0;
}

void
real__ring_close(struct env_loop *loop)
{
	struct real_ring *ring = loop->ring;

	if (ring == NULL)
		return;
	loop->source_nr++;
	real__source_set(loop, &ring->source, 0);
	queue_exit(ring);
	mem_free(&loop->real->mem, ring);
	loop->ring = NULL;
}

static void
prepare(struct io_uring_sqe *sqe, struct env_io *io)
{
	struct real_io_span span;
	int fd = real__io_fd(io);

	if (io->op == ENV_IO_FLUSH || real_io(io)->step == REAL_IO_SYNC) {
		io_uring_prep_fsync(sqe, fd, IORING_FSYNC_DATASYNC);
	} else if (io->op == ENV_IO_TRIM) {
		io_uring_prep_fallocate(sqe, fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)io->off, (off_t)io->len);
	} else {
		real__io_span(io, &span);
		if (span.nr == 1 && span.iov->iov_len <= INT32_MAX) {
			if (io->op == ENV_IO_READ)
				io_uring_prep_read(sqe, fd, span.iov->iov_base, (unsigned)span.iov->iov_len, span.off);
			else
				io_uring_prep_write(sqe, fd, span.iov->iov_base, (unsigned)span.iov->iov_len, span.off);
		} else if (io->op == ENV_IO_READ) {
			io_uring_prep_readv(sqe, fd, span.iov, span.nr, span.off);
		} else {
			io_uring_prep_writev(sqe, fd, span.iov, span.nr, span.off);
		}
		sqe->rw_flags = real__io_rwf(io);
	}
	io_uring_sqe_set_data(sqe, io);
}

static void
hand_over(struct real_ring *ring)
{
	int n = io_uring_submit(&ring->uring);

	if (n > 0)
		ring->unsent -= MIN((uint32_t)n, ring->unsent);
}

static bool
try_start(struct real_ring *ring, struct env_io *io)
{
	struct io_uring_sqe *sqe;

	/* ring I1 */
	if (ring->in_kernel >= ring->cap)
		return false;
	sqe = io_uring_get_sqe(&ring->uring);
	if (sqe == NULL) {
		hand_over(ring);
		sqe = io_uring_get_sqe(&ring->uring);
	}
	if (sqe == NULL)
		return false;
	prepare(sqe, io);
	ring->in_kernel++;
	ring->unsent++;
	return true;
}

void
real__ring_start(struct env_loop *loop, struct env_io *io)
{
	struct real_ring *ring = loop->ring;

	real_io(io)->next = NULL;
	if (ring->wait_head == NULL && try_start(ring, io))
		return;
	if (ring->wait_tail == NULL)
		ring->wait_head = io;
	else
		real_io(ring->wait_tail)->next = io;
	ring->wait_tail = io;
}

static void
start_waiting(struct real_ring *ring)
{
	struct env_io *next;

	while (ring->wait_head != NULL) {
		next = real_io(ring->wait_head)->next;
		if (!try_start(ring, ring->wait_head))
			return;
		ring->wait_head = next;
	}
	ring->wait_tail = NULL;
}

bool
real__ring_flush(struct env_loop *loop)
{
	struct real_ring *ring = loop->ring;

	if (ring->wait_head != NULL)
		start_waiting(ring);
	if (ring->unsent > 0)
		hand_over(ring);
	return ring->unsent > 0 || ring->wait_head != NULL;
}

void
real__ring_reap(struct env_loop *loop)
{
	struct real_ring *ring = loop->ring;
	struct io_uring_cqe *cqe;
	struct env_io *io;
	int res;

	/* Bounded: what is started from here completes in a later turn. */
	for (uint32_t left = ring->in_kernel; left > 0; left--) {
		if (io_uring_peek_cqe(&ring->uring, &cqe) != 0)
			return;
		io = io_uring_cqe_get_data(cqe);
		res = cqe->res;
		io_uring_cqe_seen(&ring->uring, cqe);
		ring->in_kernel--;
		real__io_step_done(io, res);
	}
}
