/* SPDX-License-Identifier: Apache-2.0 */
/*
 * helpers: block I/O where io_uring is refused: a few threads of the environment take steps from one queue, carry them out
 * with blocking calls, put the result into the remote list of the loop that asked, and wake it.
 *
 * helpers I1: a helper touches an operation only between taking it from the queue and putting it into the remote list.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/uio.h>
#include <unistd.h>
#include "real.h"

#define HELPER_NR 4

struct real_helpers {
	pthread_mutex_t lock;
	pthread_cond_t work;
	struct env_io *head, *tail;
	bool stop;
	int nr;
	pthread_t thread[HELPER_NR];
};

static int
carry_out(struct env_io *io)
{
	int fd = real__io_fd(io);
	struct real_io_span span;
	ssize_t n;

	if (io->op == ENV_IO_FLUSH || real_io(io)->step == REAL_IO_SYNC) {
		n = fdatasync(fd);
	} else if (io->op == ENV_IO_TRIM) {
		n = fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)io->off, (off_t)io->len);
	} else {
		real__io_span(io, &span);
		n = io->op == ENV_IO_READ ? preadv2(fd, span.iov, span.nr, (off_t)span.off, 0) :
					    pwritev2(fd, span.iov, span.nr, (off_t)span.off, real__io_rwf(io));
	}
	return n < 0 ? -errno : (int)n;
}

static void
give_back(struct env_io *io, int res)
{
	struct env_loop *loop = real_io(io)->loop;

	real_io(io)->res = res;
	real_io(io)->next = NULL;
	pthread_mutex_lock(&loop->remote_lock);
	if (loop->remote_tail == NULL)
		loop->remote_head = io;
	else
		real_io(loop->remote_tail)->next = io;
	loop->remote_tail = io;
	atomic_store(&loop->remote, true);
	/* Within the lock: the loop takes it before this operation ends, so the loop cannot be closed under us. */
	real__loop_wake(loop);
	pthread_mutex_unlock(&loop->remote_lock);
}

static void *
helper(void *arg)
{
	struct real_helpers *helpers = arg;
	struct env_io *io;

	pthread_setname_np(pthread_self(), "disk helper");
	pthread_mutex_lock(&helpers->lock);
	while (!helpers->stop) {
		io = helpers->head;
		if (io == NULL) {
			pthread_cond_wait(&helpers->work, &helpers->lock);
			continue;
		}
		helpers->head = real_io(io)->next;
		if (helpers->head == NULL)
			helpers->tail = NULL;
		pthread_mutex_unlock(&helpers->lock);
		give_back(io, carry_out(io));
		pthread_mutex_lock(&helpers->lock);
	}
	pthread_mutex_unlock(&helpers->lock);
	return NULL;
}

static void
stop(struct real *real, struct real_helpers *helpers)
{
	pthread_mutex_lock(&helpers->lock);
	helpers->stop = true;
	pthread_cond_broadcast(&helpers->work);
	pthread_mutex_unlock(&helpers->lock);
	for (int i = 0; i < helpers->nr; i++)
		pthread_join(helpers->thread[i], NULL);
	ASSERT(helpers->head == NULL);
	pthread_cond_destroy(&helpers->work);
	pthread_mutex_destroy(&helpers->lock);
	mem_free(&real->mem, helpers);
}

int
real__helpers_start(struct real *real)
{
	struct real_helpers *helpers;
	int rc = 0;

	pthread_mutex_lock(&real->lock);
	if (real->helpers == NULL) {
		helpers = MEM_NEW(&real->mem, struct real_helpers);
		if (helpers == NULL) {
			rc = -DER_NOMEM;
		} else {
			pthread_mutex_init(&helpers->lock, NULL);
			pthread_cond_init(&helpers->work, NULL);
			while (helpers->nr < HELPER_NR &&
			       real__pthread_start(&helpers->thread[helpers->nr], helper, helpers) == 0)
				helpers->nr++;
			if (helpers->nr == 0) {
				stop(real, helpers);
				rc = -DER_NOMEM;
			} else {
				real->helpers = helpers;
			}
		}
	}
	pthread_mutex_unlock(&real->lock);
	return rc;
}

void
real__helpers_stop(struct real *real)
{
	if (real->helpers != NULL)
		stop(real, real->helpers);
	real->helpers = NULL;
}

void
real__helpers_push(struct real *real, struct env_io *io)
{
	struct real_helpers *helpers = real->helpers;

	real_io(io)->next = NULL;
	pthread_mutex_lock(&helpers->lock);
	if (helpers->tail == NULL)
		helpers->head = io;
	else
		real_io(helpers->tail)->next = io;
	helpers->tail = io;
	pthread_cond_signal(&helpers->work);
	pthread_mutex_unlock(&helpers->lock);
}
