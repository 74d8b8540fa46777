/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fds: descriptors and fork. A program that uses the library may fork without exec (daemons, worker pools). What the child
 * inherits is useless to it, but would hold connections and locks open when the parent dies, so that nobody notices. So
 * every descriptor of this room is noted, and the child closes them all as its first act.
 *
 * fds I1: closing a descriptor here sends nothing and changes no epoll set: the parent's copies stay as they are.
 * fds I2: the handler takes no lock and follows no pointer: other threads may have been anywhere when fork came.
 *
 * File-scope state: a fork handler has no other place to find it. Children that exec close theirs by O_CLOEXEC.
 */
#include <pthread.h>
#include <unistd.h>
#include "real.h"

#define FD_NR (1 << 20)

static _Atomic uint64_t noted[FD_NR / 64];
static atomic_int noted_max; /* words in use */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
in_child(void)
{
	int words = atomic_load(&noted_max);
	uint64_t word;

	for (int i = 0; i < words; i++) {
		word = atomic_exchange(&noted[i], 0);
		while (word != 0) {
			close(i * 64 + __builtin_ctzll(word));
			word &= word - 1;
		}
	}
}

static void
install(void)
{
	pthread_atfork(NULL, NULL, in_child);
}

void
real__fds_init(void)
{
	pthread_once(&once, install);
}

int
real__fd_note(int fd)
{
	int words = fd / 64 + 1, before;

	if (fd < 0 || fd >= FD_NR)
		return fd;
	atomic_fetch_or(&noted[fd / 64], 1ULL << (fd % 64));
	before = atomic_load(&noted_max);
	while (before < words && !atomic_compare_exchange_weak(&noted_max, &before, words))
		;
	return fd;
}

void
real__fd_forget(int fd)
{
	if (fd >= 0 && fd < FD_NR)
		atomic_fetch_and(&noted[fd / 64], ~(1ULL << (fd % 64)));
}

void
real__fd_close(int fd)
{
	if (fd < 0)
		return;
	real__fd_forget(fd);
	close(fd);
}
