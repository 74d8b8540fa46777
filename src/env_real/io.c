/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io: block operations from submit to done, whoever carries them out: io_uring of the loop (ring.c) or helper threads
 * (helpers.c). Both are handed one step at a time and report bytes or -errno:
 *
 *   submit -> MAIN --short--> MAIN again from where it stands --all moved--> [SYNC] -> ready -> done
 *
 * SYNC follows a DSYNC write only where the file system refuses RWF_DSYNC. A transfer that moves nothing, or was
 * interrupted TRIES_MAX times in a row, is -DER_IO.
 *
 * io I1: done runs once, in poll of the loop of submit, with no lock held.
 * io I2: an operation counts in io_nr of its loop and its disk from submit until just before done.
 */
#include <errno.h>
#include <limits.h>
#include "real.h"

#define TRIES_MAX 64

static const char *const op_names[] = {[ENV_IO_READ] = "read", [ENV_IO_WRITE] = "write", [ENV_IO_FLUSH] = "flush",
				       [ENV_IO_TRIM] = "trim"};

static void
make_ready(struct env_io *io, int rc)
{
	struct env_loop *loop = real_io(io)->loop;

	real_io(io)->res = rc;
	real_io(io)->next = NULL;
	if (loop->ready_tail == NULL)
		loop->ready_head = io;
	else
		real_io(loop->ready_tail)->next = io;
	loop->ready_tail = io;
}

static void
start_step(struct env_io *io)
{
	struct env_loop *loop = real_io(io)->loop;

	if (loop->ring != NULL)
		real__ring_start(loop, io);
	else
		real__helpers_push(loop->real, io);
}

/* The loop's way to the disk, chosen at its first operation. */
static int
choose_way(struct env_loop *loop)
{
	struct real *real = loop->real;
	int rc;

	if (loop->ring != NULL)
		return 0;
	if (!atomic_load(&real->no_io_uring)) {
		rc = real__ring_open(loop);
		if (rc == 0)
			return 0;
		/* Loops that have a ring keep it. */
		atomic_store(&real->no_io_uring, true);
		if (real__first(&real->said_no_io_uring))
			log_note(real->env.log, "io_uring is not available (%s): helper threads do the block I/O", strerror(-rc));
	}
	return real__helpers_start(real);
}

static void
fail(struct env_io *io, int err, const char *why)
{
	struct env_disk *disk = io->disk;

	log_error(disk->real->env.log, "%s: %s of %llu bytes at %llu failed: %s", disk->path, op_names[io->op],
		  (unsigned long long)io->len, (unsigned long long)io->off, why != NULL ? why : strerror(err));
	make_ready(io, err == ENOSPC || err == EDQUOT ? -DER_NOSPACE : err == ENOMEM ? -DER_NOMEM : -DER_IO);
}

/* Skips empty pieces, so that a span always has something to move. */
static void
settle(struct env_io *io)
{
	struct real_io *p = real_io(io);

	while (p->iov_at < io->iov_nr && p->iov_off >= io->iov[p->iov_at].iov_len) {
		p->iov_off -= io->iov[p->iov_at].iov_len;
		p->iov_at++;
	}
}

void
real__io_span(struct env_io *io, struct real_io_span *span)
{
	struct real_io *p = real_io(io);
	const struct iovec *piece = &io->iov[p->iov_at];

	span->off = io->off + p->moved;
	if (p->iov_off == 0) {
		span->iov = piece;
		span->nr = MIN(io->iov_nr - p->iov_at, IOV_MAX);
		return;
	}
	p->rest = (struct iovec){(char *)piece->iov_base + p->iov_off, piece->iov_len - p->iov_off};
	span->iov = &p->rest;
	span->nr = 1;
}

int
real__io_rwf(const struct env_io *io)
{
	return io->op == ENV_IO_WRITE && (io->flags & ENV_IO_DSYNC) != 0 && !atomic_load(&io->disk->no_dsync) ? RWF_DSYNC : 0;
}

int
real__io_fd(const struct env_io *io)
{
	bool cached = io->op == ENV_IO_READ && (io->flags & ENV_IO_CACHED) != 0 && io->disk->cached_fd >= 0;

	return cached ? io->disk->cached_fd : io->disk->fd;
}

static void
retry(struct env_io *io, int err)
{
	if (++real_io(io)->tries > TRIES_MAX)
		fail(io, err, NULL);
	else
		start_step(io);
}

static void
failed_step(struct env_io *io, int err)
{
	struct env_disk *disk = io->disk;
	struct real *real = disk->real;

	if (err == EAGAIN || err == EINTR) {
		retry(io, err);
	} else if (err == EOPNOTSUPP && io->op == ENV_IO_TRIM) {
		/* A hint that this place cannot follow. */
		if (real__first(&real->said_no_trim))
			log_note(real->env.log, "%s: the file system cannot give back space inside a file", disk->path);
		make_ready(io, 0);
	} else if (err == EOPNOTSUPP && real__io_rwf(io) != 0) {
		atomic_store(&disk->no_dsync, true);
		if (real__first(&real->said_no_dsync))
			log_note(real->env.log, "%s: RWF_DSYNC is refused: a flush follows each durable write", disk->path);
		start_step(io);
	} else if (err == EOPNOTSUPP && (io->flags & ENV_IO_DSYNC) != 0 && real_io(io)->step == REAL_IO_MAIN &&
		   real_io(io)->tries == 0) {
		/* Started with RWF_DSYNC before another write learnt that it is refused. */
		retry(io, err);
	} else {
		fail(io, err, NULL);
	}
}

void
real__io_step_done(struct env_io *io, int res)
{
	struct real_io *p = real_io(io);

	if (res < 0) {
		failed_step(io, -res);
		return;
	}
	if (p->step == REAL_IO_SYNC || io->op == ENV_IO_FLUSH || io->op == ENV_IO_TRIM) {
		make_ready(io, 0);
		return;
	}
	if (res == 0) {
		fail(io, EIO, "the file or device ends there");
		return;
	}
	p->moved += res;
	p->iov_off += res;
	p->tries = 0;
	settle(io);
	if (p->moved < io->len) {
		start_step(io);
	} else if ((io->flags & ENV_IO_DSYNC) != 0 && io->op == ENV_IO_WRITE && atomic_load(&io->disk->no_dsync)) {
		p->step = REAL_IO_SYNC;
		start_step(io);
	} else {
		make_ready(io, 0);
	}
}

static bool
within(const struct env_disk *disk, const struct env_io *io)
{
	uint64_t mask = disk->info.block_size - 1;

	if (io->op == ENV_IO_FLUSH)
		return true;
	return io->off <= disk->info.size && io->len <= disk->info.size - io->off && ((io->off | io->len) & mask) == 0;
}

void
real__disk_submit(struct env_loop *loop, struct env_io *io)
{
	struct env_disk *disk = io->disk;
	uint64_t sum = 0, mask = disk->info.block_size - 1;

	*real_io(io) = (struct real_io){.loop = loop};
	loop->io_nr++;
	atomic_fetch_add(&disk->io_nr, 1);
	if (io->op == ENV_IO_READ || io->op == ENV_IO_WRITE) {
		for (int i = 0; i < io->iov_nr; i++) {
			sum += io->iov[i].iov_len;
			ASSERTF((((uintptr_t)io->iov[i].iov_base | io->iov[i].iov_len) & mask) == 0,
				"env: a buffer of block I/O is not aligned");
		}
		ASSERTF(sum == io->len, "env: the buffers of block I/O do not add up to its length");
		settle(io);
	}
	if (!within(disk, io))
		fail(io, EINVAL, "it lies outside of the disk, or askew");
	else if (io->op != ENV_IO_FLUSH && io->len == 0)
		make_ready(io, 0);
	else if (choose_way(loop) != 0)
		fail(io, ENOMEM, "no thread could be started for it");
	else
		start_step(io);
}

static void
take_remote(struct env_loop *loop)
{
	struct env_io *io, *next;

	pthread_mutex_lock(&loop->remote_lock);
	io = loop->remote_head;
	loop->remote_head = loop->remote_tail = NULL;
	atomic_store(&loop->remote, false);
	pthread_mutex_unlock(&loop->remote_lock);
	for (; io != NULL; io = next) {
		next = real_io(io)->next;
		real__io_step_done(io, real_io(io)->res);
	}
}

void
real__disk_run(struct env_loop *loop)
{
	struct env_io *io, *last;

	if (loop->ring != NULL)
		real__ring_reap(loop);
	if (atomic_load(&loop->remote))
		take_remote(loop);
	/* Not what these callbacks make ready in turn: others want their turn too. */
	last = loop->ready_tail;
	while (loop->ready_head != NULL) {
		bool was_last = loop->ready_head == last;

		io = loop->ready_head;
		loop->ready_head = real_io(io)->next;
		if (loop->ready_head == NULL)
			loop->ready_tail = NULL;
		loop->io_nr--;
		atomic_fetch_sub(&io->disk->io_nr, 1);
		real__loop_ran(loop);
		io->done(io, real_io(io)->res);
		if (was_last)
			break;
	}
}
