/* SPDX-License-Identifier: Apache-2.0 */
/*
 * User-level threads: birth, switch, death.
 *
 *	spawn -> READY -> RUNNING -> DONE (joinable: until joined, else freed at once)
 *	           ^         |
 *	           |         +-> WAITING (in a queue of waiters, on a timer, or both)
 *	           +---------+------+
 *
 * ult I1: a ULT stands in a ready queue exactly when it is READY; nothing but the scheduler takes it out.
 * ult I2: only its own stream changes a ULT. A waker on another stream sends a message.
 * ult I3: a ULT that waits has either run out of reasons to be woken by nobody (no deadline) or its timer armed.
 */
#include "xs.h"

/* ---- descriptors -------------------------------------------------------------------------------------------------- */

int
xs__ults_grow(struct xs *xs, uint32_t nr)
{
	struct ult_slab *slab = mem_alloc(xs->env->mem, sizeof(*slab) + sizeof(struct ult) * nr);

	if (slab == NULL)
		return -DER_NOMEM;
	slab->nr = nr;
	slab->next = xs->slabs;
	xs->slabs = slab;
	for (uint32_t i = 0; i < nr; i++) {
		struct ult *ult = &slab->ults[i];

		ult->xs = xs;
		list_init(&ult->all);
		list_append(&xs->ults_free, &ult->link);
	}
	return 0;
}

static void
ult_free(struct ult *ult)
{
	struct xs *xs = ult->xs;

	list_remove(&ult->all);
	xs->ult_nr--;
	list_push(&xs->ults_free, &ult->link);
}

/* ---- the switch --------------------------------------------------------------------------------------------------- */

/** Back to the scheduler; returns when the scheduler runs this ULT again. */
static inline __attribute__((always_inline)) void
leave(struct xs *xs, struct ult *ult, bool dying)
{
	struct context_transfer transfer =
		context_switch(&ult->stack->side, &xs->sched_side, xs->sched_context, NULL, dying);

	xs->sched_context = transfer.from;
}

NO_ASAN NO_TSAN static void
body(struct context_transfer transfer)
{
	struct ult *ult = transfer.data;
	struct xs *xs = ult->xs;

	context_landed(&xs->sched_side);
	xs->sched_context = transfer.from;
	ult->fn(ult->arg);
	ult->state = ULT_DONE;
	leave(xs, ult, true);
	__builtin_unreachable();
}

/** Runs ult until it waits, yields or ends. Called by the scheduler. */
void
ult__run(struct xs *xs, struct ult *ult)
{
	struct context_transfer transfer;

	ult->state = ULT_RUNNING;
	xs->current = ult;
	xs->stats.switches++;
#ifdef ULT_TSAN
	xs->sched_side.fiber = __tsan_get_current_fiber();
#endif
	transfer = context_switch(&xs->sched_side, &ult->stack->side, ult->context, ult, false);
	xs->current = NULL;
	if (ult->state != ULT_DONE) {
		ult->context = transfer.from;
		return;
	}
	xs__stack_put(xs, ult->stack);
	ult->stack = NULL;
	if (ult->joinable)
		ult_eventual_set(&ult->ended, 0);
	else
		ult_free(ult);
}

void
ult__ready(struct ult *ult)
{
	struct xs *xs = ult->xs;
	struct xs_class *class = &xs->classes[ult->cls];
	struct xs *self = xs_self();

	ASSERTF(self == xs || self == NULL, "ult I2: woken from another stream");
	ASSERTF(ult->state != ULT_READY && ult->state != ULT_DONE, "ult I1");
	ult->state = ULT_READY;
	/* A class that was idle has no claim on the time that passed. */
	if (class->ready_nr == 0 && (int64_t)(class->vtime - xs->vtime_now) < 0)
		class->vtime = xs->vtime_now;
	list_append(&class->ready, &ult->link);
	class->ready_nr++;
	xs->ready_nr++;
	if (self == NULL && atomic_load(&xs->sleeping))
		xs->env->ops->loop.wake(xs->loop);
}

void
ult__block(struct ult *ult)
{
	ASSERT(ult->state == ULT_RUNNING);
	ult->state = ULT_WAITING;
	leave(ult->xs, ult, false);
}

/* ---- verbs -------------------------------------------------------------------------------------------------------- */

static void
timer_fired(void *arg)
{
	struct ult *ult = arg;

	if (ult->wait != NULL) {
		list_remove(&ult->wait->link);
		ult->wait->timed_out = true;
		ult->wait = NULL;
	}
	ult__ready(ult);
}

int
ult_spawn(struct xs *xs, enum ult_class cls, const char *name, void (*fn)(void *arg), void *arg, struct ult **joinable)
{
	struct ult_stack *stack;
	struct ult *ult;
	int rc;

	ASSERT((unsigned int)cls < ULT_CLASS_NR);
	if (xs->ult_nr >= xs->ult_max)
		return -DER_AGAIN;
	if (list_empty(&xs->ults_free)) {
		rc = xs__ults_grow(xs, 64);
		if (rc != 0)
			return rc;
	}
	rc = xs__stack_get(xs, &stack);
	if (rc != 0)
		return rc;
	ult = list_pop(&xs->ults_free, struct ult, link);
	*ult = (struct ult){.xs = xs, .stack = stack, .name = name, .fn = fn, .arg = arg, .cls = cls,
			    .state = ULT_WAITING, .joinable = joinable != NULL};
	list_init(&ult->link);
	ult_eventual_init(&ult->ended);
	ult_timer_init(&ult->timer, xs, timer_fired, ult);
	ult->context = make_fcontext(stack->top, (size_t)(stack->top - stack->base), body);
	list_append(&xs->ults, &ult->all);
	xs->ult_nr++;
	xs->stats.ults_peak = MAX(xs->stats.ults_peak, xs->ult_nr);
	ult__ready(ult);
	if (joinable != NULL)
		*joinable = ult;
	return 0;
}

void
ult_join(struct ult *ult)
{
	ASSERT(ult->joinable);
	ult_eventual_wait(&ult->ended);
	ult_free(ult);
}

struct ult *
ult_self(void)
{
	struct xs *xs = xs_self();

	return xs != NULL ? xs->current : NULL;
}

const char *
ult_name(const struct ult *ult)
{
	return ult->name;
}

void
ult_yield(void)
{
	struct ult *ult = ult_self();

	ASSERTF(ult != NULL, "yield outside of a ULT");
	ult__ready(ult);
	leave(ult->xs, ult, false);
}

void
ult_sleep_until(uint64_t mono_ns)
{
	struct ult *ult = ult_self();

	ASSERTF(ult != NULL, "sleep outside of a ULT");
	ult_timer_arm(&ult->timer, mono_ns);
	ult__block(ult);
}

void
ult_sleep(uint64_t ns)
{
	struct ult *ult = ult_self();
	uint64_t now;

	ASSERTF(ult != NULL, "sleep outside of a ULT");
	now = env_mono(ult->xs->env);
	ult_sleep_until(ns > ENV_FOREVER - 1 - now ? ENV_FOREVER - 1 : now + ns);
}
