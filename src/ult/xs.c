/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Execution streams: the scheduler.
 *
 * A poll runs in this order: messages, completions of the loop, timers, ULTs. Of the ULTs, those that were ready when their
 * turn began: first all of class ULT_SYSTEM, then class by class by virtual time (time run divided by weight), until every
 * one has run once, XS_BATCH have, or the class whose turn it is has only ULTs that became ready meanwhile; the next
 * poll continues with it. So with room for all every class runs at once, and when there is competition the shares follow
 * the weights. Time is read once in XS_SLICE runs or when the class changes; in between a run is taken to cost
 * XS_RUN_COST_NS (in the simulator, where time stands still during a poll, that is the whole price).
 *
 * Messages: senders push onto the inbox with a compare-and-swap; the stream takes all of them at once and turns them round.
 * A stream about to sleep says so (sleeping) and looks into the inbox again; a sender looks at sleeping after its push.
 * Both in sequentially consistent order, so one of the two sees the other, and the machine is asked to wake only then.
 *
 * xs I1: ready_nr of a class is the length of its ready queue; eligible <= ready_nr.
 * xs I2: a class that was idle starts at the present virtual time.
 * xs I3: sleeping is false from the start of a poll to its end, and whenever the poll's answer is 0.
 */
#include <stdio.h>
#include "telemetry/telemetry.h"
#include "xs.h"

static const uint32_t default_weights[ULT_CLASS_NR] = {
	[ULT_SYSTEM] = 1000,    [ULT_IO] = 100,     [ULT_REPLICA] = 100, [ULT_METADATA] = 100, [ULT_CHECKPOINT] = 50,
	[ULT_REBUILD] = 30,     [ULT_AGGREGATE] = 20, [ULT_GC] = 20,     [ULT_SCRUB] = 10,
};

/* ---- life --------------------------------------------------------------------------------------------------------- */

static void
slabs_free(struct xs *xs)
{
	while (xs->slabs != NULL) {
		struct ult_slab *next = xs->slabs->next;

		mem_free(xs->env->mem, xs->slabs);
		xs->slabs = next;
	}
}

int
xs_create(const struct xs_config *config, struct xs **out)
{
	struct mem *mem = config->env->mem;
	struct xs *xs = mem_alloc_aligned(mem, sizeof(*xs), 64);
	int rc;

	if (xs == NULL)
		return -DER_NOMEM;
	memset(xs, 0, sizeof(*xs));
	xs->env = config->env;
	xs->id = config->id;
	snprintf(xs->name, sizeof(xs->name), "%s", config->name != NULL ? config->name : "xs");
	xs->stack_size = ALIGN_UP(config->stack_size != 0 ? config->stack_size : xs__stack_default_size(), 4096);
	xs->ult_max = config->ult_max != 0 ? config->ult_max : 65536;
	xs->stacks_free_max = config->stack_cache != 0 ? config->stack_cache : 256;
	list_init(&xs->ults);
	list_init(&xs->ults_free);
	list_init(&xs->stacks_free);
	for (int i = 0; i < ULT_CLASS_NR; i++) {
		list_init(&xs->classes[i].ready);
		xs->classes[i].weight = default_weights[i];
	}
	atomic_init(&xs->inbox, NULL);
	atomic_init(&xs->sleeping, true);
	atomic_init(&xs->stop, false);
	rc = xs__ults_grow(xs, config->ult_prealloc != 0 ? config->ult_prealloc : 64);
	if (rc == 0)
		rc = xs->env->ops->loop.open(xs->env, &xs->loop);
	if (rc != 0) {
		slabs_free(xs);
		mem_free(mem, xs);
		return rc;
	}
	*out = xs;
	return 0;
}

void
xs_destroy(struct xs *xs)
{
	struct mem *mem = xs->env->mem;

	ASSERTF(xs->ult_nr == 0, "a stream destroyed with ULTs left");
	ASSERTF(atomic_load(&xs->inbox) == NULL, "a stream destroyed with messages left");
	ASSERTF(xs->timers == NULL, "a stream destroyed with a timer armed");
	xs->env->ops->loop.close(xs->loop);
	xs__stacks_drop(xs);
	slabs_free(xs);
	mem_free(mem, xs);
}

/* ---- messages ----------------------------------------------------------------------------------------------------- */

void
xs_send(struct xs *to, struct xs_msg *msg)
{
	struct xs_msg *head = atomic_load_explicit(&to->inbox, memory_order_relaxed);

	do {
		msg->next = head;
	} while (!atomic_compare_exchange_weak(&to->inbox, &head, msg));
	if (atomic_load(&to->sleeping) && atomic_exchange(&to->sleeping, false))
		to->env->ops->loop.wake(to->loop);
}

static void
run_messages(struct xs *xs)
{
	struct xs_msg *newest, *oldest = NULL;

	if (atomic_load_explicit(&xs->inbox, memory_order_relaxed) == NULL)
		return;
	newest = atomic_exchange(&xs->inbox, NULL);
	while (newest != NULL) {
		struct xs_msg *next = newest->next;

		newest->next = oldest;
		oldest = newest;
		newest = next;
	}
	while (oldest != NULL) {
		struct xs_msg *next = oldest->next;

		oldest->run(oldest);
		oldest = next;
	}
}

/* ---- the scheduler ------------------------------------------------------------------------------------------------ */

/** One look at the clock for several runs of one class. */
struct slice {
	struct xs_class *class;
	uint64_t start_ns;
	uint32_t runs;
};

static void
charge(struct xs_class *class, uint64_t ns)
{
	class->vtime += ns * XS_WEIGHT_MAX / class->weight;
}

/** What the clock says beyond what was charged already. */
static void
slice_end(struct xs *xs, struct slice *slice, uint64_t now_ns)
{
	uint64_t charged = (uint64_t)slice->runs * XS_RUN_COST_NS;
	uint64_t took = now_ns - slice->start_ns;

	if (slice->class == NULL || slice->runs == 0)
		return;
	slice->class->run_ns += took;
	metric_set(slice->class->run_metric, slice->class->run_ns);
	if (took > charged)
		charge(slice->class, took - charged);
	slice->class = NULL;
	slice->runs = 0;
}

static void
slice_count(struct xs *xs, struct slice *slice, struct xs_class *class)
{
	if (slice->class != class || slice->runs >= XS_SLICE) {
		uint64_t now = env_mono(xs->env);

		slice_end(xs, slice, now);
		*slice = (struct slice){.class = class, .start_ns = now};
	}
	slice->runs++;
	charge(class, XS_RUN_COST_NS);
}

static struct xs_class *
next_class(struct xs *xs)
{
	struct xs_class *best = NULL;

	if (xs->classes[ULT_SYSTEM].eligible > 0)
		return &xs->classes[ULT_SYSTEM];
	for (int i = ULT_SYSTEM + 1; i < ULT_CLASS_NR; i++) {
		struct xs_class *class = &xs->classes[i];

		if (class->ready_nr > 0 && (best == NULL || (int64_t)(class->vtime - best->vtime) < 0))
			best = class;
	}
	return best;
}

/** Takes a ready ULT out of its queue: the first, or in the simulator one of the first. */
static struct ult *
next_ult(struct xs *xs, struct xs_class *class)
{
	struct ult *ult = list_first(&class->ready, struct ult, link);
	uint32_t nr = MIN(class->eligible, (uint32_t)XS_CHOICES);

	if (xs->env->ops->choose != NULL && nr > 1)
		for (uint32_t skip = xs->env->ops->choose(xs->env, nr); skip > 0; skip--)
			ult = list_entry(ult->link.next, struct ult, link);
	list_remove(&ult->link);
	class->ready_nr--;
	xs->ready_nr--;
	class->eligible--;
	return ult;
}

static void
run_ults(struct xs *xs)
{
	struct slice slice = {0};
	uint32_t batch = XS_BATCH;

	if (xs->ready_nr == 0)
		return;
	for (int i = 0; i < ULT_CLASS_NR; i++)
		xs->classes[i].eligible = xs->classes[i].ready_nr;
	/* So that a simulated node may die between any two runs. */
	if (env_buggify(xs->env, "ult: one ULT a poll"))
		batch = 1;
	while (batch-- > 0) {
		struct xs_class *class = next_class(xs);

		if (class == NULL || class->eligible == 0)
			break;
		xs->vtime_now = class != &xs->classes[ULT_SYSTEM] ? class->vtime : xs->vtime_now;
		slice_count(xs, &slice, class);
		ult__run(xs, next_ult(xs, class));
	}
	if (slice.class != NULL)
		slice_end(xs, &slice, env_mono(xs->env));
	metric_set(xs->ults_metric, xs->ult_nr);
}

uint64_t
xs_poll(struct xs *xs)
{
	struct xs *before = xs__set_self(xs);
	uint64_t wanted = ENV_FOREVER;

	ASSERTF(xs->current == NULL, "a stream polled from one of its ULTs");
	atomic_store_explicit(&xs->sleeping, false, memory_order_relaxed);
	xs->stats.polls++;
	run_messages(xs);
	xs->env->ops->loop.poll(xs->loop, 0);
	if (xs->timers != NULL)
		xs__timers_run(xs, env_mono(xs->env));
	run_ults(xs);
	if (xs->ready_nr > 0) {
		wanted = 0;
	} else {
		if (xs->timers != NULL)
			wanted = MAX(xs->timers->deadline_ns, 1ULL);
		atomic_store(&xs->sleeping, true);
		if (atomic_load(&xs->inbox) != NULL) {
			atomic_store(&xs->sleeping, false);
			wanted = 0;
		}
	}
	xs__set_self(before);
	return wanted;
}

static void
sleep_until(struct xs *xs, uint64_t deadline_ns)
{
	struct xs *before = xs__set_self(xs);

	xs->stats.sleeps++;
	xs->env->ops->loop.poll(xs->loop, deadline_ns);
	xs__set_self(before);
}

static bool
finished(void *arg)
{
	struct xs *xs = arg;

	return atomic_load(&xs->stop) && xs->ult_nr == 0 && atomic_load(&xs->inbox) == NULL;
}

void
xs_run(void *arg)
{
	struct xs *xs = arg;

	while (!finished(xs)) {
		uint64_t wanted = xs_poll(xs);

		if (wanted != 0 && !finished(xs))
			sleep_until(xs, wanted);
	}
}

int
xs_run_until(struct xs *xs, const bool *flag, uint64_t deadline_ns)
{
	while (!*(const volatile bool *)flag) {
		uint64_t wanted;

		if (deadline_ns != ENV_FOREVER && env_mono(xs->env) >= deadline_ns)
			return -DER_TIMEDOUT;
		wanted = xs_poll(xs);
		if (wanted != 0 && !*(const volatile bool *)flag)
			sleep_until(xs, MIN(wanted, deadline_ns));
	}
	return 0;
}

/* ---- under a host thread ------------------------------------------------------------------------------------------- */

static uint64_t
polled(void *arg)
{
	return xs_poll(arg);
}

/** The simulated node died: nothing is run or freed, but sanitizers learn that the stacks are gone. */
static void
abandoned(void *arg)
{
	struct xs *xs = arg;
	struct ult_stack *stack;
	struct ult *ult;

	list_each(ult, &xs->ults, all)
		if (ult->stack != NULL)
			xs__stack_abandon(ult->stack);
	list_each(stack, &xs->stacks_free, link)
		xs__stack_abandon(stack);
}

int
xs_start(struct xs *xs, const struct env_cpus *cpus, struct env_thread **thread)
{
	struct env_stream stream = {.loop = xs->loop, .run = xs_run, .poll = polled, .finished = finished,
				    .abandon = abandoned, .arg = xs};

	return xs->env->ops->host.stream_start(xs->env, xs->name, cpus, &stream, thread);
}

void
xs_stop(struct xs *xs)
{
	atomic_store(&xs->stop, true);
	xs->env->ops->loop.wake(xs->loop);
}

bool
xs_stopping(const struct xs *xs)
{
	return atomic_load(&xs->stop);
}

/* ---- calls between streams ----------------------------------------------------------------------------------------- */

struct call {
	struct xs_msg msg;
	struct xs *from, *to;
	enum ult_class cls;
	int (*fn)(void *arg);
	void *arg;
	int rc;
	struct ult_eventual done;
};

static void
call_returned(struct xs_msg *msg)
{
	struct call *call = container_of(msg, struct call, msg);

	ult_eventual_set(&call->done, call->rc);
}

static void
call_return(struct call *call, int rc)
{
	call->rc = rc;
	call->msg.run = call_returned;
	xs_send(call->from, &call->msg);
}

static void
call_body(void *arg)
{
	struct call *call = arg;

	call_return(call, call->fn(call->arg));
}

static void
call_arrived(struct xs_msg *msg)
{
	struct call *call = container_of(msg, struct call, msg);
	int rc = ult_spawn(call->to, call->cls, "xs_call", call_body, call, NULL);

	if (rc != 0)
		call_return(call, rc);
}

int
xs_call(struct xs *to, enum ult_class cls, int (*fn)(void *arg), void *arg)
{
	struct call call = {.msg.run = call_arrived, .from = xs_self(), .to = to, .cls = cls, .fn = fn, .arg = arg};

	ASSERTF(ult_self() != NULL, "xs_call outside of a ULT");
	if (to == call.from)
		return fn(arg);
	ult_eventual_init(&call.done);
	xs_send(to, &call.msg);
	return ult_eventual_wait(&call.done);
}

static const char *const class_names[ULT_CLASS_NR] = {
	[ULT_SYSTEM] = "system",   [ULT_IO] = "io",   [ULT_REPLICA] = "replica",     [ULT_METADATA] = "metadata",
	[ULT_CHECKPOINT] = "checkpoint", [ULT_REBUILD] = "rebuild", [ULT_AGGREGATE] = "aggregate", [ULT_GC] = "gc",
	[ULT_SCRUB] = "scrub",
};

void
xs_set_telemetry(struct xs *xs, struct telemetry *tel)
{
	for (int i = 0; i < ULT_CLASS_NR; i++)
		(void)telemetry_add(tel, &xs->classes[i].run_metric, TM_SCHED_RUN, class_names[i], xs->id);
	(void)telemetry_add(tel, &xs->ults_metric, TM_SCHED_ULTS, xs->id);
	(void)telemetry_add(tel, &xs->stack_metric, TM_SCHED_STACK, xs->id);
}

/* ---- to be asked --------------------------------------------------------------------------------------------------- */

struct env *
xs_env(const struct xs *xs)
{
	return xs->env;
}

struct env_loop *
xs_loop(const struct xs *xs)
{
	return xs->loop;
}

uint32_t
xs_id(const struct xs *xs)
{
	return xs->id;
}

const char *
xs_name(const struct xs *xs)
{
	return xs->name;
}

uint32_t
xs_ults(const struct xs *xs)
{
	return xs->ult_nr;
}

void
xs_set_owner(struct xs *xs, void *owner)
{
	xs->owner = owner;
}

void *
xs_owner(const struct xs *xs)
{
	return xs->owner;
}

void
xs_set_weight(struct xs *xs, enum ult_class cls, uint32_t weight)
{
	ASSERT((unsigned int)cls < ULT_CLASS_NR && weight >= 1 && weight <= XS_WEIGHT_MAX);
	xs->classes[cls].weight = weight;
}

void
xs_stats(const struct xs *const_xs, struct xs_stats *stats)
{
	struct xs *xs = (struct xs *)const_xs; /* measuring moves the marks of stacks */
	struct ult_stack *stack;
	struct ult *ult;

	list_each(ult, &xs->ults, all)
		if (ult->stack != NULL)
			xs__stack_measure(xs, ult->stack);
	list_each(stack, &xs->stacks_free, link)
		xs__stack_measure(xs, stack);
	*stats = xs->stats;
	stats->ults = xs->ult_nr;
	for (int i = 0; i < ULT_CLASS_NR; i++)
		stats->run_ns[i] = xs->classes[i].run_ns;
}

void
xs_each_ult(struct xs *xs, void (*visit)(void *arg, struct ult *ult), void *arg)
{
	struct ult *ult, *next;

	list_each_safe(ult, next, &xs->ults, all)
		visit(arg, ult);
}
