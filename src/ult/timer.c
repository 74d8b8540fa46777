/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Timers: a pairing heap of the nodes that users embed, so that neither arming nor moving needs memory. Least first by
 * (deadline, order of arming).
 *
 * timer I1: a child never comes before its parent.
 * timer I2: prev of a first child is its parent, of another its elder sibling; the root has neither prev nor next.
 * Nothing here yields.
 */
#include "xs.h"

static bool
before(const struct ult_timer *a, const struct ult_timer *b)
{
	return a->deadline_ns != b->deadline_ns ? a->deadline_ns < b->deadline_ns : a->order < b->order;
}

static struct ult_timer *
merge(struct ult_timer *a, struct ult_timer *b)
{
	struct ult_timer *upper, *lower;

	if (a == NULL || b == NULL)
		return a != NULL ? a : b;
	upper = before(a, b) ? a : b;
	lower = upper == a ? b : a;
	lower->prev = upper;
	lower->next = upper->child;
	if (lower->next != NULL)
		lower->next->prev = lower;
	upper->child = lower;
	return upper;
}

/** One heap out of a list of siblings: merged in pairs from the left, the pairs then from the right. */
static struct ult_timer *
merge_siblings(struct ult_timer *first)
{
	struct ult_timer *pairs = NULL, *heap = NULL;

	while (first != NULL) {
		struct ult_timer *a = first, *b = first->next;

		first = b != NULL ? b->next : NULL;
		a->next = a->prev = NULL;
		if (b != NULL)
			b->next = b->prev = NULL;
		a = merge(a, b);
		a->next = pairs;
		pairs = a;
	}
	while (pairs != NULL) {
		struct ult_timer *next = pairs->next;

		pairs->next = NULL;
		heap = merge(heap, pairs);
		pairs = next;
	}
	return heap;
}

static void
take_out(struct xs *xs, struct ult_timer *timer)
{
	struct ult_timer *orphans = merge_siblings(timer->child);

	if (timer == xs->timers) {
		xs->timers = orphans;
	} else {
		if (timer->prev->child == timer)
			timer->prev->child = timer->next;
		else
			timer->prev->next = timer->next;
		if (timer->next != NULL)
			timer->next->prev = timer->prev;
		xs->timers = merge(xs->timers, orphans);
	}
	timer->child = timer->next = timer->prev = NULL;
	timer->armed = false;
}

void
ult_timer_init(struct ult_timer *timer, struct xs *xs, void (*fire)(void *arg), void *arg)
{
	*timer = (struct ult_timer){.xs = xs, .fire = fire, .arg = arg};
}

void
ult_timer_arm(struct ult_timer *timer, uint64_t deadline_ns)
{
	struct xs *xs = timer->xs, *self = xs_self();

	ASSERTF(self == xs || self == NULL, "a timer armed from another stream");
	if (timer->armed)
		take_out(xs, timer);
	timer->deadline_ns = deadline_ns;
	timer->order = xs->timer_order++;
	timer->armed = true;
	xs->timers = merge(xs->timers, timer);
	/* Armed from outside, before the stream runs or between two simulated polls: it must learn of it. */
	if (xs->timers == timer && self == NULL)
		xs->env->ops->loop.wake(xs->loop);
}

void
ult_timer_cancel(struct ult_timer *timer)
{
	if (timer->armed)
		take_out(timer->xs, timer);
}

void
ult_timer_fini(struct ult_timer *timer)
{
	ult_timer_cancel(timer);
}

/** Fires what is due; what is armed meanwhile waits for the next poll. */
void
xs__timers_run(struct xs *xs, uint64_t now_ns)
{
	uint64_t end = xs->timer_order;

	while (xs->timers != NULL && xs->timers->deadline_ns <= now_ns && xs->timers->order < end) {
		struct ult_timer *timer = xs->timers;

		take_out(xs, timer);
		timer->fire(timer->arg);
	}
}
