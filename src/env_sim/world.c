/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The world: virtual time, one heap of events, the digest of what happened, counters, last words.
 *
 * world I1: time never goes back; an event never fires before its time.
 * world I2: events of one time fire in the order of keys drawn when they were put in, so that a seed shuffles them.
 * world I3: nothing that enters the trace depends on an address or on the real machine.
 * Everything that happens, polls of streams included, happens in an event, or in the code that stands outside of sim_run and
 * of polls: the test itself. Events do not nest.
 */
#include <stdio.h>
#include "world.h"

enum { COUNTER_SLOTS = 4096 };

/* ---- events ------------------------------------------------------------------------------------------------------- */

static bool
earlier(const struct heap_node *node_a, const struct heap_node *node_b)
{
	const struct sim_event *a = container_of(node_a, struct sim_event, place);
	const struct sim_event *b = container_of(node_b, struct sim_event, place);

	if (a->time != b->time)
		return a->time < b->time;
	return a->tie != b->tie ? a->tie < b->tie : a->seq < b->seq;
}

void
sim__event_cancel(struct sim *sim, struct sim_event *event)
{
	if (sim__event_pending(event))
		heap_remove(&sim->heap, &event->place);
}

/** Puts event in, or moves it. */
void
sim__event_at(struct sim *sim, struct sim_event *event, uint64_t time)
{
	int rc;

	sim__event_cancel(sim, event);
	event->time = MAX(time, sim->now);
	event->tie = rand_u64(&sim->sched);
	event->seq = sim->seq++;
	rc = heap_insert(&sim->heap, &event->place);
	ASSERT(rc == 0);
}

/* ---- trace -------------------------------------------------------------------------------------------------------- */

void
sim__digest(struct sim *sim, const void *data, size_t len)
{
	sim->hash = hash64_bytes(data, len, sim->hash);
}

void
sim__trace(struct sim *sim, const char *what, uint32_t node, uint64_t a, uint64_t b)
{
	struct sim_trace *trace = &sim->trace[sim->trace_nr++ % SIM_TRACE];
	uint64_t words[4] = {sim->now, hash64_string(what, node), a, b};

	*trace = (struct sim_trace){.time = sim->now, .what = what, .node = node, .a = a, .b = b};
	sim__digest(sim, words, sizeof(words));
}

void
sim_trace_tail(struct sim *sim, void (*visit)(void *arg, const char *line), void *arg)
{
	uint64_t from = sim->trace_nr > SIM_TRACE ? sim->trace_nr - SIM_TRACE : 0;
	char line[160];

	for (uint64_t i = from; i < sim->trace_nr; i++) {
		const struct sim_trace *trace = &sim->trace[i % SIM_TRACE];

		snprintf(line, sizeof(line), "%llu.%09llu node %u %s %llu %llu",
			 (unsigned long long)(trace->time / NS_PER_S), (unsigned long long)(trace->time % NS_PER_S),
			 trace->node, trace->what, (unsigned long long)trace->a, (unsigned long long)trace->b);
		visit(arg, line);
	}
}

static void
print_line(void *arg, const char *text)
{
	char line[2200];
	int len = snprintf(line, sizeof(line), "sim: %s\n", text);

	machine_print(line, MIN((size_t)len, sizeof(line) - 1));
}

/** Also from a handler of SIGABRT: prints without allocating. */
void
sim__last_words(struct sim *sim)
{
	char text[2100];
	int len;

	sim_trace_tail(sim, print_line, NULL);
	len = snprintf(text, sizeof(text), "seed %llu at %llu.%09llu s, event %llu, trace %016llx; options: ",
		       (unsigned long long)sim->seed, (unsigned long long)(sim->now / NS_PER_S),
		       (unsigned long long)(sim->now % NS_PER_S), (unsigned long long)sim->events_run,
		       (unsigned long long)sim->hash);
	if (sim_options_print(&sim->options, text + len, sizeof(text) - (size_t)len) == 0)
		snprintf(text + len, sizeof(text) - (size_t)len, "calm");
	print_line(NULL, text);
}

void
sim__fail(struct sim *sim, const char *why)
{
	print_line(NULL, why);
	machine_abort();
}

/* ---- counters ------------------------------------------------------------------------------------------------------ */

/** By text: one site may be compiled several times. */
static size_t
find_counter(struct sim *sim, const char *kind, const char *site)
{
	struct sim_counter *counter;

	for (size_t i = 0; i < sim->counter_nr; i++) {
		counter = &sim->counters[i];
		if (strcmp(counter->kind, kind) == 0 && strcmp(counter->site, site) == 0)
			return i;
	}
	if (sim->counter_nr == sim->counter_max) {
		sim->counter_max = MAX(sim->counter_max * 2, (size_t)64);
		sim->counters = machine_realloc(sim->counters, sim->counter_max * sizeof(*sim->counters));
	}
	counter = &sim->counters[sim->counter_nr++];
	*counter = (struct sim_counter){.kind = kind, .site = site};
	counter->active = hash64_pair(hash64_string(site, sim->seed), RAND_BUGGIFY) % 4 == 0;
	return sim->counter_nr - 1;
}

/** Literals are found again by address; a full table of addresses only costs time. */
struct sim_counter *
sim__counter(struct sim *sim, const char *kind, const char *site)
{
	uint64_t at = hash64_pair((uintptr_t)kind, (uintptr_t)site);

	for (int tries = 0; tries < 16; tries++, at++) {
		struct sim_counter_slot *slot = &sim->counter_slots[at % COUNTER_SLOTS];

		if (slot->site == NULL)
			*slot = (struct sim_counter_slot){kind, site, find_counter(sim, kind, site)};
		if (slot->site == site && slot->kind == kind)
			return &sim->counters[slot->index];
	}
	return &sim->counters[find_counter(sim, kind, site)];
}

void
sim__count(struct sim *sim, const char *kind, const char *site)
{
	sim__counter(sim, kind, site)->hits++;
}

static const char *const fault_names[SIM_FAULT_NR] = {
#define X(name, text) text,
	SIM_FAULTS(X)
#undef X
};

const char *
sim_fault_name(enum sim_fault fault)
{
	return fault_names[fault];
}

uint64_t
sim_fault_count(const struct sim *sim, enum sim_fault fault)
{
	return sim->faults[fault];
}

void
sim__struck(struct sim *sim, enum sim_fault fault)
{
	sim->faults[fault]++;
}

bool
sim__fault(struct sim *sim, struct rand *rand, uint64_t ppm, enum sim_fault fault)
{
	if (!sim__chance(rand, ppm))
		return false;
	sim__struck(sim, fault);
	return true;
}

void
sim_counters(struct sim *sim, void (*visit)(void *arg, const char *kind, const char *site, uint64_t hits), void *arg)
{
	for (size_t i = 0; i < sim->counter_nr; i++)
		visit(arg, sim->counters[i].kind, sim->counters[i].site, sim->counters[i].hits);
	for (int i = 0; i < SIM_FAULT_NR; i++)
		if (sim->faults[i] != 0)
			visit(arg, "fault", fault_names[i], sim->faults[i]);
}

uint64_t
sim_counter(const struct sim *sim, const char *kind, const char *site)
{
	for (size_t i = 0; i < sim->counter_nr; i++)
		if (strcmp(sim->counters[i].kind, kind) == 0 && strcmp(sim->counters[i].site, site) == 0)
			return sim->counters[i].hits;
	for (int i = 0; i < SIM_FAULT_NR; i++)
		if (strcmp(kind, "fault") == 0 && strcmp(fault_names[i], site) == 0)
			return sim->faults[i];
	return 0;
}

/* ---- life ---------------------------------------------------------------------------------------------------------- */

struct sim *
sim_create(uint64_t seed, const struct sim_options *options)
{
	struct sim *sim = machine_alloc_zeroed(sizeof(*sim));

	sim->seed = seed;
	sim->now = NS_PER_S;
	if (options != NULL)
		sim->options = *options;
	else
		sim_options_init(&sim->options);
	ASSERT(sim->options.nodes >= 1 && sim->options.nodes <= SIM_NODES_MAX && sim->options.nodes_per_host >= 1);
	rand_init(&sim->sched, seed, RAND_SCHED);
	rand_init(&sim->work, seed, RAND_WORK);
	rand_init(&sim->nemesis, seed, RAND_NEMESIS);
	rand_init(&sim->buggify, seed, RAND_BUGGIFY);
	list_init(&sim->lives);
	heap_init(&sim->heap, &machine_mem, earlier);
	machine_watch_abort(sim);
	if (sim->options.watchdog_s != 0)
		machine_watchdog(sim, sim->options.watchdog_s);
	sim->counter_slots = machine_alloc_zeroed(sizeof(*sim->counter_slots) * COUNTER_SLOTS);
	sim__net_init(sim);
	sim__nodes_init(sim);
	sim_storm(sim);
	return sim;
}

void
sim_destroy(struct sim *sim)
{
	ASSERT(!sim->stepping);
	sim__nodes_fini(sim);
	sim__net_fini(sim);
	machine_unwatch_abort(sim);
	if (sim->options.watchdog_s != 0)
		machine_watchdog(sim, 0);
	heap_fini(&sim->heap);
	machine_free(sim->counters);
	machine_free(sim->counter_slots);
	machine_free(sim->sites_failed);
	machine_free(sim);
}

bool
sim_step(struct sim *sim, uint64_t limit_ns)
{
	struct heap_node *top = heap_top(&sim->heap);
	struct sim_event *event = top != NULL ? container_of(top, struct sim_event, place) : NULL;

	ASSERTF(!sim->stepping, "the world is moved from inside of an event");
	if (event == NULL || event->time > limit_ns)
		return false;
	heap_remove(&sim->heap, top);
	ASSERTF(event->time >= sim->now, "world I1");
	sim->now = event->time;
	sim->events_run++;
	sim->stepping = true;
	sim__trace(sim, event->what, event->node, 0, 0);
	event->fire(event);
	sim->stepping = false;
	return true;
}

int
sim_run(struct sim *sim, uint64_t ns, bool (*done)(void *arg), void *arg)
{
	uint64_t limit = ns >= ENV_FOREVER - sim->now ? ENV_FOREVER : sim->now + ns;

	for (;;) {
		if (done != NULL && done(arg))
			return 0;
		if (sim_step(sim, limit))
			continue;
		if (limit == ENV_FOREVER)
			return -DER_CANCELED;
		sim->now = limit;
		return done != NULL && done(arg) ? 0 : -DER_TIMEDOUT;
	}
}

struct sim_options *
sim_options(struct sim *sim)
{
	return &sim->options;
}

uint64_t
sim_now(const struct sim *sim)
{
	return sim->now;
}

uint64_t
sim_seed(const struct sim *sim)
{
	return sim->seed;
}

uint64_t
sim_events(const struct sim *sim)
{
	return sim->events_run;
}

uint64_t
sim_trace_hash(const struct sim *sim)
{
	return sim->hash;
}

void
sim_note(struct sim *sim, const char *what, uint64_t a, uint64_t b)
{
	sim__trace(sim, what, UINT32_MAX, a, b);
}

uint64_t
sim_rand(struct sim *sim)
{
	return rand_u64(&sim->work);
}

uint64_t
sim_rand_nr(struct sim *sim, uint64_t nr)
{
	return rand_below(&sim->work, nr);
}

/** The logarithm of a uniform number, from the position of its highest bit and a line between powers of two. */
uint64_t
sim__delay(struct rand *rand, uint64_t min_ns, uint64_t mean_ns)
{
	uint64_t u = rand_u64(rand) | 1;
	int zeros = __builtin_clzll(u);
	uint64_t fraction = (zeros == 63 ? 0 : u << (zeros + 1)) >> 48; /* 16 bits below the highest */
	/* -log2(u / 2^64) in 1/65536, taking log2(1 + f) for f. */
	uint64_t log2 = ((uint64_t)(zeros + 1) << 16) - fraction;

	/* Times ln 2 = 45426 / 65536. */
	return min_ns + (uint64_t)((unsigned __int128)mean_ns * log2 * 45426 >> 32);
}
