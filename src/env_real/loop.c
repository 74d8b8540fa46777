/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loop: the waiting side of a stream: one epoll set that holds sockets, watched descriptors, children, signals, the io_uring
 * of the loop and an eventfd that ends a sleep.
 *
 * One turn of poll:
 *
 *   hand over what was queued (sockets, io_uring) -> run what is due in memory -> ask the kernel, sleeping if nothing ran
 *   -> run what that brought -> again, unless a callback ran, a wake came, or the deadline passed
 *
 * loop I1: callbacks run only inside poll, and poll is not entered again by them.
 * loop I2: everything queued before a sleep was handed over before it.
 * loop I3: wake sets woken before it looks at sleeping; poll sets sleeping before it looks at woken. So one of them sees the
 *          other, and a wake is never lost. Only the first wake since the last sleep writes to the eventfd.
 * loop I4: the eventfd is edge-triggered and never read: a write makes it ready again whatever its count is.
 * loop I5: before it sleeps a loop looks without sleeping, if and as long as spin.c says.
 *
 * System calls are saved where they would tell nothing new: a poll that must not sleep asks the kernel at most every
 * LOOK_NS, and never when there is no descriptor to hear from.
 */
#include <errno.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>
#include "real.h"

#define LOOK_NS (3 * NS_PER_US)

struct watch {
	struct real_source source;
	struct env_loop *loop;
	struct list link;
	void (*ready)(void *arg);
	void *arg;
};

static void
wake_ready(struct real_source *source, uint32_t events)
{
}

int
real__source_set(struct env_loop *loop, struct real_source *source, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = source};
	int op = source->events == 0 ? EPOLL_CTL_ADD : events == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD;

	if (source->events == events)
		return 0;
	if (events == 0)
		for (int i = loop->event_at; i < loop->event_nr; i++)
			if (loop->events[i].data.ptr == source)
				loop->events[i].data.ptr = NULL;
	if (epoll_ctl(loop->epfd, op, source->fd, &event) != 0 && op != EPOLL_CTL_DEL)
		return -errno;
	loop->source_nr += op == EPOLL_CTL_ADD ? 1 : op == EPOLL_CTL_DEL ? -1 : 0;
	source->events = events;
	return 0;
}

int
real__loop_open(struct env *env, struct env_loop **loopp)
{
	struct env_loop *loop = MEM_NEW(env->mem, struct env_loop);
	int rc = 0;

	if (loop == NULL)
		return -DER_NOMEM;
	loop->real = real_of(env);
	list_init(&loop->dirty);
	list_init(&loop->dead);
	list_init(&loop->young);
	list_init(&loop->retry);
	list_init(&loop->conns);
	list_init(&loop->dead_listens);
	list_init(&loop->spare);
	list_init(&loop->watches);
	list_init(&loop->gone_watches);
	list_init(&loop->procs);
	pthread_mutex_init(&loop->remote_lock, NULL);
	loop->epfd = real__fd_note(epoll_create1(EPOLL_CLOEXEC));
	loop->wakefd = real__fd_note(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
	loop->wake_source = (struct real_source){.ready = wake_ready, .fd = loop->wakefd};
	if (loop->epfd < 0 || loop->wakefd < 0)
		rc = -errno;
	else
		rc = real__source_set(loop, &loop->wake_source, EPOLLIN | EPOLLET);
	if (rc != 0) {
		log_error(env->log, "cannot make an event loop: %s", strerror(-rc));
		real__loop_close(loop);
		return real__errno(-rc);
	}
	loop->source_nr = 0;
	*loopp = loop;
	return 0;
}

static void
free_watches(struct env_loop *loop)
{
	struct watch *watch;

	while ((watch = list_pop(&loop->gone_watches, struct watch, link)) != NULL)
		mem_free(&loop->real->mem, watch);
}

void
real__loop_close(struct env_loop *loop)
{
	struct watch *watch, *tmp;

	ASSERTF(loop->io_nr == 0, "env: a loop is closed while block I/O is under way");
	real__net_close(loop);
	real__procs_close(loop);
	real__signals_close(loop);
	list_each_safe(watch, tmp, &loop->watches, link)
		real__loop_unwatch_fd(loop, watch->source.fd);
	free_watches(loop);
	real__ring_close(loop);
	real__fd_close(loop->wakefd);
	real__fd_close(loop->epfd);
	pthread_mutex_destroy(&loop->remote_lock);
	explicit_bzero(loop->secrets, sizeof(loop->secrets));
	mem_free(&loop->real->mem, loop);
}

void
real__loop_wake(struct env_loop *loop)
{
	uint64_t one = 1;
	ssize_t n;

	/* loop I3 */
	if (atomic_exchange(&loop->woken, true) || !atomic_load(&loop->sleeping))
		return;
	do
		n = write(loop->wakefd, &one, sizeof(one));
	while (n < 0 && errno == EINTR);
}

/* ---- watched descriptors ---------------------------------------------------------------------------------------- */

static void
watch_ready(struct real_source *source, uint32_t events)
{
	struct watch *watch = container_of(source, struct watch, source);

	real__loop_ran(watch->loop);
	watch->ready(watch->arg);
}

int
real__loop_watch_fd(struct env_loop *loop, int fd, void (*ready)(void *arg), void *arg)
{
	struct watch *watch = MEM_NEW(&loop->real->mem, struct watch);
	int rc;

	if (watch == NULL)
		return -DER_NOMEM;
	watch->source = (struct real_source){.ready = watch_ready, .fd = fd};
	watch->loop = loop;
	watch->ready = ready;
	watch->arg = arg;
	rc = real__source_set(loop, &watch->source, EPOLLIN);
	if (rc != 0) {
		mem_free(&loop->real->mem, watch);
		return real__errno(-rc);
	}
	list_append(&loop->watches, &watch->link);
	return 0;
}

void
real__loop_unwatch_fd(struct env_loop *loop, int fd)
{
	struct watch *watch;

	list_each(watch, &loop->watches, link) {
		if (watch->source.fd != fd)
			continue;
		real__source_set(loop, &watch->source, 0);
		list_remove(&watch->link);
		/* It may be the one whose ready runs now. */
		list_append(&loop->gone_watches, &watch->link);
		return;
	}
}

/* ---- poll --------------------------------------------------------------------------------------------------------- */

static int
wait_events(struct env_loop *loop, uint64_t ns)
{
	struct timespec limit = {(time_t)(ns / NS_PER_S), (long)(ns % NS_PER_S)};
	int nr = epoll_pwait2(loop->epfd, loop->events, REAL_EVENTS, ns == ENV_FOREVER ? NULL : &limit, NULL);

	/* A kernel before 5.11, or a sandbox that does not know the call: in milliseconds, rounded up. */
	if (nr < 0 && (errno == ENOSYS || errno == EPERM))
		nr = epoll_wait(loop->epfd, loop->events, REAL_EVENTS,
				ns == ENV_FOREVER ? -1 : (int)MIN(DIV_UP(ns, NS_PER_MS), (uint64_t)INT32_MAX));
	return nr;
}

/* Asks the kernel for events and handles them; sleeps until deadline_ns at most. Returns true when a wake ended it. */
static bool
look(struct env_loop *loop, uint64_t now, uint64_t deadline_ns)
{
	bool sleep = deadline_ns > now, woken = false;
	struct real_source *source;

	if (sleep) {
		atomic_store(&loop->sleeping, true);
		/* loop I3 */
		if (atomic_load(&loop->woken))
			deadline_ns = now;
	}
	loop->event_at = 0;
	loop->event_nr = wait_events(loop, deadline_ns == ENV_FOREVER ? ENV_FOREVER : deadline_ns - MIN(now, deadline_ns));
	if (sleep) {
		atomic_store(&loop->sleeping, false);
		woken = atomic_exchange(&loop->woken, false);
	}
	loop->looked_ns = sleep ? real__now() : now;
	while (loop->event_at < loop->event_nr) {
		struct epoll_event *event = &loop->events[loop->event_at++];

		source = event->data.ptr;
		if (source != NULL)
			source->ready(source, event->events);
	}
	loop->event_nr = loop->event_at = 0;
	free_watches(loop);
	return woken;
}

static void
run_due(struct env_loop *loop)
{
	if (loop->io_nr > 0)
		real__disk_run(loop);
	real__net_run(loop);
}

/* Waits from since on, until then at most: one look, with sleep unless looking again soon is wanted. Returns true when a wake ended the wait. */
static bool
wait_more(struct env_loop *loop, uint64_t now, uint64_t since, uint64_t until)
{
	if (until <= now || !real__spin_wanted(loop, now, since))
		return look(loop, now, until);
	look(loop, now, 0);
	if (atomic_load(&loop->woken) && atomic_exchange(&loop->woken, false))
		return true;
	if (loop->ran == 0)
		real__spin_yield(loop);
	return false;
}

int
real__loop_poll(struct env_loop *loop, uint64_t deadline_ns)
{
	bool again_soon, woken = false;
	uint64_t now, until, since = 0;

	ASSERTF(!loop->polling, "loop I1: a callback polls its loop");
	loop->polling = true;
	loop->ran = 0;
	do {
		/* loop I2 */
		again_soon = loop->ring != NULL && real__ring_flush(loop);
		real__net_flush(loop);
		run_due(loop);
		now = real__now();
		if (loop->ran > 0 || deadline_ns <= now) {
			if (loop->source_nr > 0 && now - loop->looked_ns >= LOOK_NS) {
				look(loop, now, 0);
				run_due(loop);
			}
			break;
		}
		until = MIN(deadline_ns, real__net_deadline(loop));
		if (!list_empty(&loop->dirty))
			until = now;
		else if (again_soon)
			until = MIN(until, now + NS_PER_MS);
		if (since == 0)
			since = now;
		woken = wait_more(loop, now, since, until);
		run_due(loop);
	} while (loop->ran == 0 && !woken);
	if (since != 0)
		real__spin_learn(loop, real__now() - since);
	loop->polling = false;
	return loop->ran;
}
