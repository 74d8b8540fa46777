/* SPDX-License-Identifier: Apache-2.0 */
/*
 * umem/pool: a few block operations at once, for one ULT that waits for them: loading, the map, checkpoints.
 * The bookkeeping lives on that ULT's stack or in what it owns; starting yields while all operations are busy.
 */
#include "heap.h"

void
umem__pool_init(struct pool *pool, struct bio_blob *blob)
{
	memset(pool, 0, sizeof(*pool));
	pool->blob = blob;
	ult_cond_init(&pool->changed);
}

static void
op_done(struct bio_io *io, int rc)
{
	struct pool_op *op = io->arg;
	struct pool *pool = op->pool;

	op->busy = false;
	pool->busy--;
	if (rc != 0 && pool->rc == 0)
		pool->rc = rc;
	ult_cond_signal(&pool->changed);
}

void
umem__pool_start(struct pool *pool, enum env_io_op what, uint64_t off, void *buf, size_t len)
{
	struct pool_op *op = pool->ops;

	while (pool->busy == POOL_OPS)
		ult_cond_wait(&pool->changed, NULL);
	while (op->busy)
		op++;
	op->busy = true;
	op->pool = pool;
	op->iov = (struct iovec){ .iov_base = buf, .iov_len = len };
	op->io = (struct bio_io){ .blob = pool->blob, .op = what, .off = off, .iov = &op->iov, .iov_nr = 1,
				  .done = op_done, .arg = op };
	pool->busy++;
	bio_submit(&op->io);
}

int
umem__pool_wait(struct pool *pool)
{
	while (pool->busy != 0)
		ult_cond_wait(&pool->changed, NULL);
	return pool->rc;
}
