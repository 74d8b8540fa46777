/* SPDX-License-Identifier: Apache-2.0 */
/*
 * signal: signals as callbacks of a loop, through a signalfd. A watched signal is blocked in the thread that asks, and in
 * threads started later; so ask before starting any. When the loop closes, its signals get back the treatment they had.
 */
#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>
#include "real.h"

#define SIGNO_NR 65

struct real_signals {
	struct real_source source;
	struct env_loop *loop;
	sigset_t mask;
	sigset_t ours; /* of mask, those that were not blocked before */
	struct {
		void (*caught)(void *arg, int signo);
		void *arg;
	} on[SIGNO_NR];
};

static void
signals_ready(struct real_source *source, uint32_t events)
{
	struct real_signals *signals = container_of(source, struct real_signals, source);
	struct signalfd_siginfo info;
	int signo;

	/* One at a time: a callback may close nothing of this, but others want their turn; the set is level-triggered. */
	if (read(source->fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	signo = (int)info.ssi_signo;
	if (signo > 0 && signo < SIGNO_NR && signals->on[signo].caught != NULL) {
		real__loop_ran(signals->loop);
		signals->on[signo].caught(signals->on[signo].arg, signo);
	}
}

static int
signals_open(struct env_loop *loop)
{
	struct real_signals *signals = MEM_NEW(&loop->real->mem, struct real_signals);
	int rc;

	if (signals == NULL)
		return -ENOMEM;
	signals->loop = loop;
	sigemptyset(&signals->mask);
	sigemptyset(&signals->ours);
	signals->source = (struct real_source){
		.ready = signals_ready, .fd = real__fd_note(signalfd(-1, &signals->mask, SFD_CLOEXEC | SFD_NONBLOCK))};
	rc = signals->source.fd < 0 ? -errno : real__source_set(loop, &signals->source, EPOLLIN);
	if (rc != 0) {
		real__fd_close(signals->source.fd);
		mem_free(&loop->real->mem, signals);
		return rc;
	}
	loop->signals = signals;
	return 0;
}

int
real__watch_signal(struct env_loop *loop, int signo, void (*caught)(void *arg, int signo), void *arg)
{
	struct real_signals *signals;
	sigset_t one, before;
	int rc = 0;

	if (signo <= 0 || signo >= SIGNO_NR || signo == SIGKILL || signo == SIGSTOP)
		return -DER_INVAL;
	if (loop->signals == NULL)
		rc = signals_open(loop);
	if (rc != 0)
		return real__errno(-rc);
	signals = loop->signals;
	signals->on[signo].caught = caught;
	signals->on[signo].arg = arg;
	sigemptyset(&one);
	sigaddset(&one, signo);
	pthread_sigmask(SIG_BLOCK, &one, &before);
	if (!sigismember(&before, signo))
		sigaddset(&signals->ours, signo);
	sigaddset(&signals->mask, signo);
	if (signalfd(signals->source.fd, &signals->mask, 0) < 0)
		return real__errno(errno);
	return 0;
}

void
real__signals_close(struct env_loop *loop)
{
	struct real_signals *signals = loop->signals;
	const struct timespec now = {0};

	if (signals == NULL)
		return;
	real__source_set(loop, &signals->source, 0);
	real__fd_close(signals->source.fd);
	/* What came too late to be told must not strike now. */
	for (int i = 0; i < SIGNO_NR && sigtimedwait(&signals->ours, NULL, &now) > 0; i++)
		;
	pthread_sigmask(SIG_UNBLOCK, &signals->ours, NULL);
	mem_free(&loop->real->mem, signals);
	loop->signals = NULL;
}
