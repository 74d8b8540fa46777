/* SPDX-License-Identifier: Apache-2.0 */
/*
 * env_real: the table of everything, time, randomness, memory, and what each errno means here.
 *
 * All of it may be called from any thread. Random ids come from a counter stirred by splitmix64, seeded once by the kernel;
 * keys come from the kernel each time.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>
#include "real.h"

int
real__errno(int err)
{
	switch (err) {
	case 0:
		return 0;
	case EPERM:
	case EACCES:
	case EROFS:
		return -DER_NO_PERM;
	case ENOENT:
		return -DER_NONEXIST;
	case EEXIST:
		return -DER_EXIST;
	case ENOSPC:
	case EDQUOT:
		return -DER_NOSPACE;
	case ENOMEM:
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
		return -DER_NOMEM;
	case EBUSY:
	case EADDRINUSE:
	case ENOTEMPTY:
	case ETXTBSY:
		return -DER_BUSY;
	case EINVAL:
	case EBADF:
	case EISDIR:
		return -DER_INVAL;
	case ENOTDIR:
		return -DER_NOTDIR;
	case ENAMETOOLONG:
		return -DER_EXCEEDS_PATH_LEN;
	case EOVERFLOW:
	case EFBIG:
		return -DER_OVERFLOW;
	case ENOSYS:
	case EOPNOTSUPP:
		return -DER_NOSYS;
	case ETIMEDOUT:
		return -DER_TIMEDOUT;
	case ECONNREFUSED:
	case ECONNRESET:
	case ECONNABORTED:
	case EPIPE:
	case EHOSTUNREACH:
	case ENETUNREACH:
	case EADDRNOTAVAIL:
		return -DER_UNREACH;
	case EAGAIN:
	case EINTR:
		return -DER_AGAIN;
	case EIO:
		return -DER_IO;
	default:
		return -DER_MISC;
	}
}

/* ---- memory --------------------------------------------------------------------------------------------------- */

static void *
real_alloc(struct mem *mem, size_t size, size_t align, const void *site)
{
	void *ptr;

	if (align <= 16)
		return malloc(size);
	return posix_memalign(&ptr, align, size) == 0 ? ptr : NULL;
}

static void
real_free(struct mem *mem, void *ptr)
{
	free(ptr);
}

/* ---- time, randomness -------------------------------------------------------------------------------------------- */

static uint64_t
clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

uint64_t
real__now(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

static uint64_t
mono_ns(struct env *env)
{
	return real__now();
}

static uint64_t
wall_ns(struct env *env)
{
	return clock_ns(CLOCK_REALTIME);
}

static uint64_t
random_u64(struct env *env)
{
	uint64_t z = atomic_fetch_add_explicit(&real_of(env)->rand_state, 0x9e3779b97f4a7c15ULL, memory_order_relaxed);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

static int
rand_secure(struct env *env, void *buf, size_t len)
{
	char *at = buf;
	ssize_t n;

	while (len > 0) {
		n = getrandom(at, len, 0);
		if (n < 0 && errno != EINTR)
			return real__errno(errno);
		if (n > 0) {
			at += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

/* ---- what only the simulator does ---------------------------------------------------------------------------------- */

static bool
never(struct env *env, const char *site)
{
	return false;
}

static void
ignore(struct env *env, const char *site)
{
}

/* ---- names --------------------------------------------------------------------------------------------------------- */

static const char *
env_getenv(struct env *env, const char *name)
{
	return getenv(name);
}

static int
env_hostname(struct env *env, char *name, size_t size)
{
	char full[HOST_NAME_MAX + 1] = "";

	if (gethostname(full, sizeof(full) - 1) != 0)
		return real__errno(errno);
	if (strlen(full) >= size)
		return -DER_TRUNC;
	memcpy(name, full, strlen(full) + 1);
	return 0;
}

static int32_t
env_getpid(struct env *env)
{
	return (int32_t)getpid();
}

static const struct env_ops real_ops = {
	.mono_ns = mono_ns,
	.wall_ns = wall_ns,
	.rand_u64 = random_u64,
	.rand_secure = rand_secure,
	.buggify = never,
	.sometimes = ignore,
	.loop = {
		.open = real__loop_open,
		.close = real__loop_close,
		.poll = real__loop_poll,
		.wake = real__loop_wake,
		.watch_fd = real__loop_watch_fd,
		.unwatch_fd = real__loop_unwatch_fd,
	},
	.disk = {
		.open = real__disk_open,
		.close = real__disk_close,
		.info = real__disk_info,
		.submit = real__disk_submit,
	},
	.net = {
		.listen = real__listen,
		.listen_addr = real__listen_addr,
		.listen_close = real__listen_close,
		.connect = real__conn_connect,
		.bind = real__conn_bind,
		.send = real__conn_send,
		.queued = real__conn_queued,
		.close = real__conn_close,
		.cred = real__conn_cred,
		.mem_reg = real__mem_reg,
		.mem_unreg = real__mem_unreg,
		.get = real__get,
		.put = real__put,
	},
	.host = {
		.topology = real__topology,
		.stream_start = real__stream_start,
		.stack_alloc = real__stack_alloc,
		.stack_free = real__stack_free,
		.thread_start = real__thread_start,
		.thread_join = real__thread_join,
		.getenv = env_getenv,
		.hostname = env_hostname,
		.getpid = env_getpid,
		.spawn = real__spawn,
		.proc_pid = real__proc_pid,
		.proc_signal = real__proc_signal,
		.watch_signal = real__watch_signal,
	},
};

int
env_real_create(const struct env_real_options *options, struct env **env)
{
	struct real *real = calloc(1, sizeof(*real));
	uint64_t seed;
	int rc;

	if (real == NULL)
		return -DER_NOMEM;
	real->mem = (struct mem){.alloc = real_alloc, .free = real_free};
	real->ops = real_ops;
	real->ops.file = real__file_ops;
	real->env = (struct env){.ops = &real->ops, .mem = &real->mem};
	pthread_mutex_init(&real->lock, NULL);
	real__fds_init();
	if (options != NULL) {
		real->no_direct = options->no_direct;
		atomic_store(&real->no_io_uring, options->no_io_uring);
	}
	rc = real__log_create(options, real);
	if (rc == 0)
		rc = rand_secure(&real->env, &seed, sizeof(seed));
	if (rc != 0) {
		env_real_destroy(&real->env);
		return rc;
	}
	atomic_store(&real->rand_state, seed);
	real__spin_init(real);
	*env = &real->env;
	return 0;
}

void
env_real_destroy(struct env *env)
{
	struct real *real = real_of(env);

	real__helpers_stop(real);
	real__host_fini(real);
	real__log_destroy(real);
	pthread_mutex_destroy(&real->lock);
	free(real);
}
