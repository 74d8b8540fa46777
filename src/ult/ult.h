/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ult: execution streams and user-level threads. A stream (xs) is passive: xs_poll runs what is ready and says when it
 * wants to run next; xs_run is the loop around it that sleeps on the stream's env_loop. ULTs of one stream switch only
 * where a function is marked YIELDS, never migrate, and need no locks against each other. Streams share nothing but
 * messages (xs_send, xs_call).
 *
 * A ULT must not read errno or cached thread-locals after a yield.
 */
#ifndef ULT_ULT_H
#define ULT_ULT_H

#include "base/base.h"
#include "base/list.h"
#include "env/env.h"

struct xs;
struct ult;

/** What a ULT works for: the scheduler shares a stream among classes by weight; see ult/README.md for the table. */
enum ult_class {
	ULT_SYSTEM,     /* service threads: network, disk; always first */
	ULT_IO,         /* client I/O */
	ULT_REPLICA,    /* work for another server's client */
	ULT_METADATA,   /* pool, container, management services */
	ULT_CHECKPOINT, /* write-back of heaps */
	ULT_REBUILD,
	ULT_AGGREGATE,
	ULT_GC,
	ULT_SCRUB,
	ULT_CLASS_NR,
};

/* ---- streams ---------------------------------------------------------------------------------------------------- */
struct xs_config {
	struct env *env;
	const char *name;  /* for logs and debuggers; copied */
	uint32_t id;       /* free for the owner: number of the stream */
	size_t stack_size; /* of its ULTs in bytes; 0: 64 KiB (256 KiB in sanitizer builds). A guard page lies below */
	uint32_t ult_max;  /* most ULTs at once; 0: 65536. Beyond it ult_spawn says -DER_AGAIN */
	uint32_t ult_prealloc; /* descriptors had from the start; 0: 64. More are made when needed */
	uint32_t stack_cache;  /* most stacks kept for the next ULT; 0: 256 */
};

/** A stream with a loop of its own. Call from the thread that will poll it, or before that thread starts. */
int xs_create(const struct xs_config *config, struct xs **xs);
/** Stopped and drained: asserts that no ULT is left. Nobody sends to it any more: join all streams before destroying one. */
void xs_destroy(struct xs *xs);
/**
 * Runs messages, completions and due timers, then ULTs that were ready by then, each at most once and a class no further
 * than its share of the stream. Returns the monotonic time at which it wants to be polled again: 0 at once, ENV_FOREVER
 * only after a completion or a message.
 */
uint64_t xs_poll(struct xs *xs);
/** Polls until xs_stop, sleeping on the loop in between; then until no ULT is left. The body of a stream's thread. */
void xs_run(void *xs);
/**
 * Gives xs a host thread that runs it (in the simulator: has it polled), bound to cpus unless NULL. After xs_stop wait for
 * its end with env's thread_join, then xs_destroy.
 */
int xs_start(struct xs *xs, const struct env_cpus *cpus, struct env_thread **thread);
/** Polls, sleeping in between, until *flag is true or deadline_ns (monotonic) passed. Returns 0 or -DER_TIMEDOUT. */
int xs_run_until(struct xs *xs, const bool *flag, uint64_t deadline_ns);
/** Asks xs_run to return once no ULT is left. Any thread. */
void xs_stop(struct xs *xs);
bool xs_stopping(const struct xs *xs);
struct env *xs_env(const struct xs *xs);
struct env_loop *xs_loop(const struct xs *xs);
uint32_t xs_id(const struct xs *xs);
const char *xs_name(const struct xs *xs);
/** The stream that runs the caller; NULL outside of any. */
struct xs *xs_self(void);
/** ULTs alive now. */
uint32_t xs_ults(const struct xs *xs);
/** A slot for the owner of the stream (its own per-stream state). */
void xs_set_owner(struct xs *xs, void *owner);
void *xs_owner(const struct xs *xs);
/** ULTs alive now, the most that ever were, and the deepest stack use in bytes seen so far. */
struct xs_stats {
	uint32_t ults, ults_peak;
	size_t stack_peak;
	uint64_t switches, polls, sleeps;
	uint64_t run_ns[ULT_CLASS_NR];
};
void xs_stats(const struct xs *xs, struct xs_stats *stats);
struct telemetry;
/** Publishes run time by class, ULTs and stack use below sched/ from now on; NULL: no more. The stream's thread, or before it starts. */
void xs_set_telemetry(struct xs *xs, struct telemetry *tel);
/** Weight of a class, 1..1000, for throttling under space pressure. */
void xs_set_weight(struct xs *xs, enum ult_class cls, uint32_t weight);
/** Calls visit for every ULT of xs (for debug dumps). */
void xs_each_ult(struct xs *xs, void (*visit)(void *arg, struct ult *ult), void *arg);

/* ---- ULTs -------------------------------------------------------------------------------------------------------- */
/**
 * Makes fn(arg) ready on xs, which must be the caller's stream (or not yet running). joinable may be NULL: then it frees
 * itself. name: a string literal. -DER_NOMEM, -DER_AGAIN.
 */
int ult_spawn(struct xs *xs, enum ult_class cls, const char *name, void (*fn)(void *arg), void *arg,
	      struct ult **joinable);
/** Waits for its end and frees it. YIELDS */
void ult_join(struct ult *ult);
/** The ULT that runs now; NULL in the scheduler or outside. */
struct ult *ult_self(void);
const char *ult_name(const struct ult *ult);
/** Goes to the back of its class's queue. YIELDS */
void ult_yield(void);
/** YIELDS */
void ult_sleep(uint64_t ns);
void ult_sleep_until(uint64_t mono_ns);

/* ---- waiting: all live within one stream --------------------------------------------------------------------------- */
struct ult_mutex {
	struct ult *owner;
	struct list waiters;
};
void ult_mutex_init(struct ult_mutex *mutex);
void ult_mutex_lock(struct ult_mutex *mutex); /* YIELDS. Fair: in order of arrival */
bool ult_mutex_trylock(struct ult_mutex *mutex);
void ult_mutex_unlock(struct ult_mutex *mutex);

struct ult_cond {
	struct list waiters;
};
void ult_cond_init(struct ult_cond *cond);
/** Unlocks mutex (NULL: none), waits, locks again. No spurious wake-ups are promised away: test in a loop. YIELDS */
void ult_cond_wait(struct ult_cond *cond, struct ult_mutex *mutex);
/** 0 or -DER_TIMEDOUT at monotonic deadline_ns. YIELDS */
int ult_cond_wait_until(struct ult_cond *cond, struct ult_mutex *mutex, uint64_t deadline_ns);
void ult_cond_signal(struct ult_cond *cond);
void ult_cond_broadcast(struct ult_cond *cond);

struct ult_rwlock {
	int readers; /* -1: a writer */
	struct list waiters;
};
void ult_rwlock_init(struct ult_rwlock *lock);
void ult_rwlock_rdlock(struct ult_rwlock *lock); /* YIELDS. In order of arrival: writers do not starve */
void ult_rwlock_wrlock(struct ult_rwlock *lock); /* YIELDS */
void ult_rwlock_unlock(struct ult_rwlock *lock);

/** Set once; carries an int. Waiters see the value also when they come later. */
struct ult_eventual {
	bool set;
	int value;
	struct list waiters;
};
void ult_eventual_init(struct ult_eventual *ev);
/** From the eventual's own stream: a ULT, a timer, or a completion callback. */
void ult_eventual_set(struct ult_eventual *ev, int value);
bool ult_eventual_ready(const struct ult_eventual *ev);
int ult_eventual_wait(struct ult_eventual *ev); /* YIELDS. Returns the value */
/** *value as set, or returns -DER_TIMEDOUT. YIELDS */
int ult_eventual_wait_until(struct ult_eventual *ev, uint64_t deadline_ns, int *value);

struct ult_barrier {
	uint32_t wanted, arrived;
	uint64_t round;
	struct list waiters;
};
void ult_barrier_init(struct ult_barrier *barrier, uint32_t wanted);
void ult_barrier_wait(struct ult_barrier *barrier); /* YIELDS */

/* ---- timers: fire(arg) runs in the scheduler of xs, must not yield ----------------------------------------------------- */
struct ult_timer { /* a node of the stream's pairing heap, so that arming needs no memory */
	uint64_t deadline_ns, order;
	void (*fire)(void *arg);
	void *arg;
	struct xs *xs;
	struct ult_timer *child, *next, *prev; /* prev: of the first child its parent */
	bool armed;
};
void ult_timer_init(struct ult_timer *timer, struct xs *xs, void (*fire)(void *arg), void *arg);
/** Arms, or moves. Never fails. Timers of one deadline fire in the order of arming. */
void ult_timer_arm(struct ult_timer *timer, uint64_t deadline_ns);
/** Harmless when it is not armed. */
void ult_timer_cancel(struct ult_timer *timer);
void ult_timer_fini(struct ult_timer *timer);

/* ---- between streams --------------------------------------------------------------------------------------------------- */
/** A message: run(msg) is called in the scheduler of the receiving stream and must not yield. Owned by run from then on. */
struct xs_msg {
	struct xs_msg *next;
	void (*run)(struct xs_msg *msg);
};
/** In order per sender. Never fails, never blocks. Any thread. */
void xs_send(struct xs *to, struct xs_msg *msg);
/**
 * Runs fn(arg) in a ULT of stream to and waits for its result. to may be the caller's stream. YIELDS
 * -DER_NOMEM, -DER_AGAIN, or what fn returned.
 */
int xs_call(struct xs *to, enum ult_class cls, int (*fn)(void *arg), void *arg);

#endif
