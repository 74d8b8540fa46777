/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bio/io: operations on a blob. An operation runs extent by extent: nearly always the blob is one extent and the
 * operation one of the disk; else part after part is submitted as its predecessor completes.
 *
 *	io I1  done is called once, from the scheduler of the blob's stream, never from within bio_submit.
 *	io I2  An operation that reports 0 moved all its bytes.
 *
 * bio_read, bio_write, bio_flush, bio_trim yield.
 */
#include "bio_private.h"

/* ---- health ---------------------------------------------------------------------------------------------------------- */

static void
count(atomic_uint_fast64_t *counter, uint64_t n)
{
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

void
bio__dev_error(struct bio_dev *dev, int tgt, enum env_io_op op, int rc)
{
	struct bio *bio = dev->bio;

	count(op == ENV_IO_READ    ? &dev->health.read_errors
	      : op == ENV_IO_FLUSH ? &dev->health.flush_errors
				   : &dev->health.write_errors, 1);
	if (bio->reactions.io_error != NULL)
		bio->reactions.io_error(bio->reactions_arg, dev->uuid, tgt, rc);
}

void
bio_blob_csum_error(struct bio_blob *blob)
{
	count(&blob->dev->health.csum_errors, 1);
}

static void
account(struct bio_io *io, int rc)
{
	struct bio_dev *dev = io->blob->dev;
	struct health *h = &dev->health;
	uint64_t took = env_mono(dev->bio->env) - io->started_ns, slowest = atomic_load_explicit(&h->slowest_ns, memory_order_relaxed);

	switch (io->op) {
	case ENV_IO_READ:
		count(&h->reads, 1);
		count(&h->bytes_read, io->moved);
		break;
	case ENV_IO_WRITE:
		count(&h->writes, 1);
		count(&h->bytes_written, io->moved);
		break;
	case ENV_IO_FLUSH:
		count(&h->flushes, 1);
		break;
	case ENV_IO_TRIM:
		break;
	}
	if (took > slowest)
		atomic_store_explicit(&h->slowest_ns, took, memory_order_relaxed);
	if (rc == -DER_NVME_IO)
		bio__dev_error(dev, (int)io->blob->id.tgt, io->op, rc);
}

/* ---- parts ------------------------------------------------------------------------------------------------------------- */

static const char *
op_name(enum env_io_op op)
{
	return op == ENV_IO_READ ? "read" : op == ENV_IO_WRITE ? "write" : op == ENV_IO_FLUSH ? "flush" : "trim";
}

static void
finish(struct bio_io *io, int rc)
{
	struct bio_blob *blob = io->blob;

	mem_free(blob->dev->bio->env->mem, io->part);
	io->part = NULL;
	if (rc != 0 && rc != -DER_NOMEM && rc != -DER_INVAL) {
		log_error(blob->dev->bio->env->log, "%s: target %u: %s at 0x%lx failed: " RCF, blob->dev->path, blob->id.tgt,
			  op_name(io->op), io->off, RCP(rc));
		rc = -DER_NVME_IO;
	}
	blob->under_way--;
	account(io, rc);
	io->done(io, rc);
}

static void
finish_msg(struct xs_msg *msg)
{
	struct bio_io *io = container_of(msg, struct bio_io, msg);

	finish(io, io->rc);
}

/* Ends an operation that never reached the disk. */
static void
finish_later(struct bio_io *io, int rc)
{
	io->rc = rc;
	io->msg.run = finish_msg;
	xs_send(io->blob->xs, &io->msg);
}

/* Where byte off of the blob lies on the disk, and how many bytes follow it in one piece. */
static void
locate(const struct bio_blob *blob, uint64_t off, uint64_t *at, uint64_t *left)
{
	for (int i = 0; i < blob->extents; i++) {
		if (off < blob->extent[i].len) {
			*at = blob->extent[i].off + off;
			*left = blob->extent[i].len - off;
			return;
		}
		off -= blob->extent[i].len;
	}
	ASSERTF(false, "an operation beyond the end of a blob");
}

/* The iov of len bytes from byte skip of the whole on. */
static int
part_iov(struct bio_io *io, uint64_t skip, uint64_t len)
{
	int nr = 0;

	for (int i = 0; i < io->iov_nr && len != 0; i++) {
		size_t size = io->iov[i].iov_len, use;

		if (skip >= size) {
			skip -= size;
			continue;
		}
		use = (size_t)MIN(len, (uint64_t)(size - skip));
		io->part[nr].iov_base = (char *)io->iov[i].iov_base + skip;
		io->part[nr++].iov_len = use;
		skip = 0;
		len -= use;
	}
	return nr;
}

static void part_done(struct env_io *env_io, int rc);

/* Submits what lies in one extent, from io->moved on. */
static void
part_submit(struct bio_io *io)
{
	struct bio_blob *blob = io->blob;
	uint64_t at, left, rest = io->total - io->moved;

	locate(blob, io->off + io->moved, &at, &left);
	io->io.off = at;
	io->io.len = MIN(rest, left);
	if (io->moved == 0 && rest <= left) {
		io->io.iov = io->iov;
		io->io.iov_nr = io->iov_nr;
	} else {
		if (io->part == NULL)
			io->part = MEM_NEW_ARRAY(blob->dev->bio->env->mem, struct iovec, io->iov_nr);
		if (io->part == NULL) {
			finish_later(io, -DER_NOMEM);
			return;
		}
		io->io.iov_nr = part_iov(io, io->moved, io->io.len);
		io->io.iov = io->part;
	}
	if (io->op == ENV_IO_TRIM)
		io->io.iov_nr = 0;
	blob->dev->bio->env->ops->disk.submit(xs_loop(blob->xs), &io->io);
}

static void
part_done(struct env_io *env_io, int rc)
{
	struct bio_io *io = container_of(env_io, struct bio_io, io);

	if (rc == 0)
		io->moved += io->io.len;
	if (rc == 0 && io->moved < io->total)
		part_submit(io);
	else
		finish(io, rc);
}

static bool
io_valid(const struct bio_io *io)
{
	if (io->off % BIO_BLOCK != 0 || io->total % BIO_BLOCK != 0 || io->off > io->blob->size ||
	    io->total > io->blob->size - io->off)
		return false;
	for (int i = 0; i < io->iov_nr && io->op != ENV_IO_TRIM; i++)
		if ((uintptr_t)io->iov[i].iov_base % BIO_BLOCK != 0 || io->iov[i].iov_len % BIO_BLOCK != 0)
			return false;
	return io->total != 0 || io->op == ENV_IO_FLUSH;
}

void
bio_submit(struct bio_io *io)
{
	struct bio_blob *blob = io->blob;
	struct env *env = blob->dev->bio->env;

	io->part = NULL;
	io->moved = io->total = 0;
	io->started_ns = env_mono(env);
	for (int i = 0; i < io->iov_nr; i++)
		io->total += io->iov[i].iov_len;
	blob->under_way++;
	if (!io_valid(io)) {
		finish_later(io, -DER_INVAL);
		return;
	}
	io->io.disk = blob->disk;
	io->io.op = io->op;
	io->io.flags = io->durable && io->op == ENV_IO_WRITE ? ENV_IO_DSYNC : io->cached && io->op == ENV_IO_READ ? ENV_IO_CACHED : 0;
	io->io.done = part_done;
	if (io->op == ENV_IO_FLUSH) {
		io->io.off = io->io.len = 0;
		io->io.iov = NULL;
		io->io.iov_nr = 0;
		env->ops->disk.submit(xs_loop(blob->xs), &io->io);
		return;
	}
	part_submit(io);
}

/* ---- waiting ---------------------------------------------------------------------------------------------------------- */

static void
wake(struct bio_io *io, int rc)
{
	ult_eventual_set(io->arg, rc);
}

static int
submit_and_wait(struct bio_blob *blob, enum env_io_op op, uint64_t off, const struct iovec *iov, int iov_nr, bool durable)
{
	struct ult_eventual done;
	struct bio_io io = { .blob = blob, .op = op, .off = off, .iov = iov, .iov_nr = iov_nr, .durable = durable,
			     .done = wake, .arg = &done };

	ult_eventual_init(&done);
	bio_submit(&io);
	return ult_eventual_wait(&done);
}

int
bio_read(struct bio_blob *blob, uint64_t off, const struct iovec *iov, int iov_nr)
{
	return submit_and_wait(blob, ENV_IO_READ, off, iov, iov_nr, false);
}

int
bio_write(struct bio_blob *blob, uint64_t off, const struct iovec *iov, int iov_nr, bool durable)
{
	return submit_and_wait(blob, ENV_IO_WRITE, off, iov, iov_nr, durable);
}

int
bio_flush(struct bio_blob *blob)
{
	return submit_and_wait(blob, ENV_IO_FLUSH, 0, NULL, 0, false);
}

int
bio_trim(struct bio_blob *blob, uint64_t off, uint64_t len)
{
	struct iovec iov = { .iov_len = len };

	return submit_and_wait(blob, ENV_IO_TRIM, off, &iov, 1, false);
}
