/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loops and streams. A completion reaches its loop in an event (sim__loop_add) and is run when the loop is polled. A stream
 * that the world polls has one event, its next poll: at the time it asked for, or soon after a completion or a wake.
 *
 * loop I1: callbacks run only inside poll of their loop, those that were due when the poll began, in order of arrival.
 * loop I2: a started stream whose loop has something due or was woken has its event pending.
 * A poll of a loop from outside of any event is the test's own sleep: the world runs until something is due.
 */
#include <stdio.h>
#include "world.h"

/* ---- streams -------------------------------------------------------------------------------------------------------- */

static void
poll_at(struct env_thread *thread, uint64_t time)
{
	struct sim *sim = thread->life->sim;

	time = MAX(time, thread->busy_until);
	if (!thread->finished && !thread->life->node->paused && (!sim__event_pending(&thread->event) || thread->event.time > time))
		sim__event_at(sim, &thread->event, time);
}

/** Something came for the stream. */
void
sim__stream_poke(struct env_thread *thread)
{
	struct sim *sim = thread->life->sim;

	if (sim->polling != thread) /* its own poll looks at the end */
		poll_at(thread, sim->now + sim__delay(&sim->sched, 0, sim->options.wake_ns));
}

static void
poll_stream(struct sim_event *event)
{
	struct env_thread *thread = container_of(event, struct env_thread, event);
	struct sim_life *life = thread->life;
	struct sim *sim = life->sim;
	uint64_t wanted;

	sim->polling = thread;
	thread->stream.loop->woken = false;
	wanted = thread->stream.poll(thread->stream.arg);
	sim->polling = NULL;
	if (life->dying) {
		sim__node_bury(life->node);
		return;
	}
	thread->busy_until = sim->now + 1 + sim__delay(&sim->sched, sim->options.poll_ns / 10, sim->options.poll_ns);
	if (thread->stream.finished(thread->stream.arg)) {
		thread->finished = true;
		return;
	}
	if (wanted == 0 || thread->stream.loop->woken || !list_empty(&thread->stream.loop->due))
		poll_at(thread, thread->busy_until);
	else if (wanted != ENV_FOREVER)
		poll_at(thread, sim__world_time(life->node, wanted));
}

int
sim__stream_start(struct env *env, const char *name, const struct env_cpus *cpus, const struct env_stream *stream,
		  struct env_thread **out)
{
	struct sim_life *life = sim__life(env);
	struct env_thread *thread;

	if (sim__mem_strikes(&life->mem, __builtin_return_address(0)))
		return -DER_NOMEM;
	thread = machine_alloc_zeroed(sizeof(*thread));
	thread->life = life;
	thread->stream = *stream;
	snprintf(thread->name, sizeof(thread->name), "%s", name);
	thread->event.node = life->node->id;
	thread->event.what = "poll";
	thread->event.fire = poll_stream;
	ASSERTF(stream->loop->stream == NULL, "two streams on one loop");
	stream->loop->stream = thread;
	list_append(&life->streams, &thread->link);
	life->mem.stats.handles++;
	sim__stream_poke(thread);
	*out = thread;
	return 0;
}

static bool
thread_finished(void *arg)
{
	return ((struct env_thread *)arg)->finished;
}

void
sim__thread_join(struct env_thread *thread)
{
	struct sim_life *life = thread->life;

	if (!thread->finished && thread->stream.finished(thread->stream.arg))
		thread->finished = true;
	if (!thread->finished && sim_run(life->sim, ENV_FOREVER, thread_finished, thread) != 0)
		sim__fail(life->sim, "a stream is waited for that will never end");
	sim__event_cancel(life->sim, &thread->event);
	thread->stream.loop->stream = NULL;
	list_remove(&thread->link);
	life->mem.stats.handles--;
	machine_free(thread);
}

/* ---- loops ---------------------------------------------------------------------------------------------------------- */

static int
loop_open(struct env *env, struct env_loop **out)
{
	struct sim_life *life = sim__life(env);
	struct env_loop *loop;

	if (sim__mem_strikes(&life->mem, __builtin_return_address(0)))
		return -DER_NOMEM;
	loop = machine_alloc_zeroed(sizeof(*loop));
	loop->life = life;
	list_init(&loop->due);
	list_append(&life->loops, &loop->link);
	life->mem.stats.handles++;
	*out = loop;
	return 0;
}

static void
drop_due(struct env_loop *loop)
{
	struct sim_due *due;

	while ((due = list_pop(&loop->due, struct sim_due, link)) != NULL)
		due->run(due, true);
}

void
sim__loop_add(struct env_loop *loop, struct sim_due *due)
{
	list_append(&loop->due, &due->link);
	if (loop->stream != NULL)
		sim__stream_poke(loop->stream);
}

static int
run_due(struct env_loop *loop)
{
	struct list now;
	struct sim_due *due;
	int nr = 0;

	list_init(&now);
	list_splice(&now, &loop->due);
	while ((due = list_pop(&now, struct sim_due, link)) != NULL) {
		due->run(due, loop->life->dying);
		nr++;
	}
	return nr;
}

/** Lets the world run until the loop has something to do, as a sleeping thread would. */
static void
sleep_outside(struct env_loop *loop, uint64_t deadline_ns)
{
	struct sim_life *life = loop->life;
	struct sim *sim = life->sim;
	uint64_t limit = deadline_ns == ENV_FOREVER ? ENV_FOREVER : sim__world_time(life->node, deadline_ns);

	while (list_empty(&loop->due) && !loop->woken) {
		if (limit <= sim->now)
			return;
		if (sim_step(sim, limit))
			continue;
		if (limit == ENV_FOREVER)
			sim__fail(sim, "asleep forever: nothing will ever happen again");
		sim->now = limit;
	}
	loop->woken = false;
}

static int
loop_poll(struct env_loop *loop, uint64_t deadline_ns)
{
	int nr;

	ASSERTF(!loop->polling, "a loop polled from one of its callbacks");
	loop->polling = true;
	nr = run_due(loop);
	if (nr == 0 && deadline_ns != 0 && !loop->life->sim->stepping) {
		sleep_outside(loop, deadline_ns);
		nr = run_due(loop);
	}
	loop->polling = false;
	return nr;
}

static void
loop_close(struct env_loop *loop)
{
	ASSERTF(loop->stream == NULL, "a loop closed under its stream");
	sim__net_loop_closing(loop);
	while (!list_empty(&loop->due))
		loop_poll(loop, 0);
	sim__watches_drop(loop);
	list_remove(&loop->link);
	loop->life->mem.stats.handles--;
	machine_free(loop);
}

static void
loop_wake(struct env_loop *loop)
{
	loop->woken = true;
	if (loop->stream != NULL)
		sim__stream_poke(loop->stream);
}

static int
loop_watch_fd(struct env_loop *loop, int fd, void (*ready)(void *arg), void *arg)
{
	return -DER_NOSYS;
}

static void
loop_unwatch_fd(struct env_loop *loop, int fd)
{
}

/** The node died. */
void
sim__loops_drop(struct sim_life *life)
{
	struct env_thread *thread;
	struct env_loop *loop;

	while ((thread = list_pop(&life->streams, struct env_thread, link)) != NULL) {
		if (thread->stream.abandon != NULL)
			thread->stream.abandon(thread->stream.arg);
		sim__event_cancel(life->sim, &thread->event);
		machine_free(thread);
	}
	while ((loop = list_pop(&life->loops, struct env_loop, link)) != NULL) {
		ASSERTF(!loop->polling, "a node dies whose loop is polled from outside of the world: give it a stream");
		drop_due(loop);
		machine_free(loop);
	}
}

const struct env_loop_ops sim__loop_ops = {
	.open = loop_open,
	.close = loop_close,
	.poll = loop_poll,
	.wake = loop_wake,
	.watch_fd = loop_watch_fd,
	.unwatch_fd = loop_unwatch_fd,
};
