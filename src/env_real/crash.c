/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crash: last words. A fatal signal prints what, where and a backtrace to stderr and to the log file, then strikes again with
 * its default action (core dump, exit status).
 *
 * The handler runs on an alternative stack, so that the overflow of a stack can be told too. File-scope state: a handler
 * has no other place to find it.
 */
#include <errno.h>
#include <execinfo.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>
#include "real.h"

#define SIGSTACK_SIZE (64 * KIB)

static const int fatal[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
static atomic_int log_fd = -1;
static atomic_bool installed;
static atomic_int speaking; /* the thread that prints */
static pthread_key_t sigstack_key;

static void
print(const char *text)
{
	size_t len = strlen(text);
	int fd = atomic_load(&log_fd);

	if (write(STDERR_FILENO, text, len) < 0 || (fd > STDERR_FILENO && write(fd, text, len) < 0))
		return;
}

static void
die(int signo, siginfo_t *info, void *context)
{
	char text[256], name[17] = "";
	void *frames[64];
	int nr, nobody = 0, err = errno, fd = atomic_load(&log_fd);

	/* One thread prints; another that falls meanwhile waits for the end that the first brings. */
	if (!atomic_compare_exchange_strong(&speaking, &nobody, gettid()) && nobody != gettid()) {
		for (;;)
			pause();
	}
	prctl(PR_GET_NAME, name);
	snprintf(text, sizeof(text), "*** process %d, thread %d (%s): signal %d (%s), code %d, address %p ***\n", (int)getpid(),
		 (int)gettid(), name, signo, sigabbrev_np(signo), info->si_code, info->si_addr);
	print(text);
	nr = backtrace(frames, ARRAY_SIZE(frames));
	backtrace_symbols_fd(frames, nr, STDERR_FILENO);
	if (fd > STDERR_FILENO)
		backtrace_symbols_fd(frames, nr, fd);
	errno = err;
	/* SA_RESETHAND restored the default; the signal is blocked until we return, then it strikes. */
	raise(signo);
}

static void
sigstack_free(void *stack)
{
	stack_t off = {.ss_flags = SS_DISABLE};

	sigaltstack(&off, NULL);
	munmap(stack, SIGSTACK_SIZE);
}

void
real__sigstack_install(void)
{
	stack_t alt = {.ss_size = SIGSTACK_SIZE};

	if (!atomic_load(&installed) || pthread_getspecific(sigstack_key) != NULL)
		return;
	alt.ss_sp = mmap(NULL, SIGSTACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (alt.ss_sp == MAP_FAILED)
		return;
	if (sigaltstack(&alt, NULL) != 0 || pthread_setspecific(sigstack_key, alt.ss_sp) != 0)
		sigstack_free(alt.ss_sp);
}

int
env_real_backtrace_install(struct env *env)
{
	struct sigaction action = {.sa_sigaction = die, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESETHAND};
	void *frame[1];

	atomic_store(&log_fd, env != NULL ? real__log_fd(real_of(env)->log) : -1);
	if (!atomic_exchange(&installed, true) && pthread_key_create(&sigstack_key, sigstack_free) != 0) {
		atomic_store(&installed, false);
		return -DER_NOMEM;
	}
	/* The first call loads libgcc, which must not happen in a handler. */
	backtrace(frame, 1);
	real__sigstack_install();
	sigfillset(&action.sa_mask);
	for (size_t i = 0; i < ARRAY_SIZE(fatal); i++)
		if (sigaction(fatal[i], &action, NULL) != 0)
			return real__errno(errno);
	return 0;
}

int
env_real_disable_thp(void)
{
	return prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) != 0 ? real__errno(errno) : 0;
}
