/* SPDX-License-Identifier: Apache-2.0 */
/* ult, private: what a stream and a ULT are made of. */
#ifndef ULT_XS_H
#define ULT_XS_H

#include <stdatomic.h>
#include "ult/ult.h"
#include "context.h"

enum {
	XS_BATCH = 64,          /* most ULTs that one poll runs */
	XS_CHOICES = 8,         /* most ready ULTs of a class that the simulator chooses among */
	XS_SLICE = 16,          /* runs of one class between two looks at the clock */
	XS_RUN_COST_NS = 1000,  /* what a run is taken to cost until the clock says more */
	XS_WEIGHT_MAX = 1000,
};

/** Lies at the upper end of the memory that it describes. */
struct ult_stack {
	struct list link; /* in xs->stacks_free */
	char *base;       /* lowest byte; the guard lies below */
	char *top;        /* where use begins, downwards */
	char *mark;       /* the lowest byte that is known to have been used */
	struct context_side side;
	unsigned int valgrind_id;
};

enum ult_state { ULT_READY, ULT_RUNNING, ULT_WAITING, ULT_DONE };

struct ult {
	struct list link; /* in a ready queue, or among the free */
	struct list all;  /* in xs->ults */
	struct xs *xs;
	void *context;
	struct ult_stack *stack; /* NULL once done */
	const char *name;
	void (*fn)(void *arg);
	void *arg;
	enum ult_class cls;
	enum ult_state state;
	bool joinable;
	struct ult_wait *wait; /* what it waits in, while ULT_WAITING */
	struct ult_eventual ended;
	struct ult_timer timer;
};

/** A ULT's place in a queue of waiters; lives on its stack. */
struct ult_wait {
	struct list link;
	struct ult *ult;
	bool write;     /* rwlock */
	bool timed_out;
	int value;      /* eventual */
};

struct ult_slab {
	struct ult_slab *next;
	uint32_t nr;
	struct ult ults[];
};

struct xs_class {
	struct list ready;
	uint32_t ready_nr;
	uint32_t eligible; /* of them, how many this poll may still run */
	uint32_t weight;
	uint64_t vtime; /* run time over weight */
	uint64_t run_ns;
	struct metric *run_metric;
};

struct xs {
	struct env *env;
	struct env_loop *loop;
	void *owner;
	uint32_t id;
	char name[32];
	struct ult *current;
	void *sched_context; /* while a ULT runs */
	struct context_side sched_side;
	struct xs_class classes[ULT_CLASS_NR];
	uint32_t ready_nr; /* in all classes */
	uint64_t vtime_now;
	/* descriptors and stacks */
	struct list ults, ults_free;
	struct ult_slab *slabs;
	uint32_t ult_nr, ult_max;
	size_t stack_size;
	struct list stacks_free;
	uint32_t stacks_free_nr, stacks_free_max, stacks_released;
	/* timers */
	struct ult_timer *timers;
	uint64_t timer_order;
	struct xs_stats stats;
	struct metric *ults_metric, *stack_metric;
	/* Other threads come here; on cache lines of their own. */
	_Alignas(64) _Atomic(struct xs_msg *) inbox; /* newest first */
	_Atomic bool sleeping; /* nobody will look into the inbox before a wake */
	_Atomic bool stop;
};

/* self.c */
struct xs *xs__set_self(struct xs *xs);

/* stack.c */
int xs__stack_get(struct xs *xs, struct ult_stack **stack);
void xs__stack_put(struct xs *xs, struct ult_stack *stack);
void xs__stacks_drop(struct xs *xs);
void xs__stack_measure(struct xs *xs, struct ult_stack *stack);
size_t xs__stack_default_size(void);
/** Its node died: tells sanitizers, frees nothing. */
void xs__stack_abandon(struct ult_stack *stack);

/* ult.c */
int xs__ults_grow(struct xs *xs, uint32_t nr);
void ult__run(struct xs *xs, struct ult *ult);
/** Makes a waiting or new ULT ready. */
void ult__ready(struct ult *ult);
/** Suspends the current ULT until ult__ready. YIELDS */
void ult__block(struct ult *ult);

/* wait.c */
void ult__wait(struct list *waiters, struct ult_wait *wait);
int ult__wait_until(struct list *waiters, struct ult_wait *wait, uint64_t deadline_ns);

/* timer.c */
void xs__timers_run(struct xs *xs, uint64_t now_ns);

#endif
