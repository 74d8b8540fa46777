/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libdaos_common: tasks and schedulers.
 *
 *                         schedule                    progress           complete
 *      CREATED ──────────────┬────────────────> READY ────────> RUNNING ──────────> COMPLETING ──────> COMPLETED
 *         │                  ├─ deps > 0: WAITING ─┘ ^             │                    │ callbacks         │
 *         │                  └─ delay: SLEEPING ─────┘             └── reinit ──────────┴── reinit ─────────┤
 *         └── complete: COMPLETING                    DEFERRED <────────────────────────────────────────────┘
 *
 *  I1  A task is in the list of its scheduler for its state when it is READY, WAITING, SLEEPING or DEFERRED, else in
 *      none.
 *  I2  deps is the number of waiters of other tasks that name this one; each holds a reference to it.
 *  I3  inflight counts the tasks that were scheduled and are not COMPLETED; those are what a scheduler waits for.
 *  I4  Functions and callbacks are called without the lock, with a reference held by the caller.
 *  I5  The reference that a task is born with is dropped when it becomes COMPLETED, and taken again when it is used
 *      anew.
 *  I6  users counts the threads that are about to touch a scheduler after tasks of theirs may be done: it is
 *      complete, and may go, when there are neither these nor tasks under way.
 *  I7  DEFERRED tasks are not looked at before the next progress: a task that reinitialises itself lets others run.
 */
#include <daos/tse.h>
#include <gurt/common.h>

#define WAIT_SLICE_NS (1 * NSEC_PER_MSEC)

enum task_state { CREATED, WAITING, SLEEPING, READY, DEFERRED, RUNNING, COMPLETING, COMPLETED };

/** In dt_private of a task; the argument space first. */
struct task {
	char buf[TSE_TASK_ARG_LEN];
	d_list_t link;      /* I1 */
	d_list_t user_link; /* of tse_task_list_add() */
	d_list_t waiters;   /* of struct waiter: tasks that wait for this one */
	d_list_t prep_cbs, comp_cbs;
	tse_sched_t *sched;
	tse_task_func_t func;
	void *priv;
	uint64_t wakeup_ns; /* not to run before; 0: at any time */
	uint32_t refs, deps;
	uint8_t state;
	bool no_propagate, scheduled; /* scheduled: counted in inflight */
};

/** In ds_private of a scheduler. */
struct sched {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	d_list_t ready, waiting, sleeping, deferred;
	d_list_t comp_cbs;
	uint32_t refs, inflight, users;
	bool cancelling, completed;
};

struct waiter {
	d_list_t link;
	tse_task_t *task;
};

struct task_cb {
	d_list_t link;
	tse_task_cb_t fn;
	char arg[] __attribute__((aligned(16)));
};

struct sched_cb {
	d_list_t link;
	tse_sched_comp_cb_t fn;
	void *arg;
};

_Static_assert(sizeof(struct task) <= TSE_PRIV_SIZE, "a task must fit");
_Static_assert(sizeof(struct sched) <= sizeof(((tse_sched_t *)0)->ds_private), "a scheduler must fit");

static struct task *
priv_of(tse_task_t *task)
{
	return (struct task *)(void *)&task->dt_private;
}

static tse_task_t *
task_of(struct task *t)
{
	return (tse_task_t *)((char *)t - offsetof(tse_task_t, dt_private));
}

static struct sched *
sched_priv(tse_sched_t *sched)
{
	return (struct sched *)(void *)&sched->ds_private;
}

static struct sched *
sched_of(tse_task_t *task)
{
	return sched_priv(priv_of(task)->sched);
}

static uint64_t
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NSEC_PER_SEC + (uint64_t)now.tv_nsec;
}

/* ---- references ------------------------------------------------------------------------------------------------- */

static void
cbs_free(d_list_t *cbs)
{
	struct task_cb *cb;

	while ((cb = d_list_pop_entry(cbs, struct task_cb, link)) != NULL)
		d_free(cb);
}

/** Under the lock. Whether it was the last. */
static bool
drop(tse_task_t *task)
{
	D_ASSERTF(priv_of(task)->refs > 0, "more references of a task dropped than taken\n");
	return --priv_of(task)->refs == 0;
}

static void
task_free(tse_task_t *task)
{
	struct task *t = priv_of(task);

	D_ASSERTF(d_list_empty(&t->waiters), "a task goes while others wait for it\n");
	cbs_free(&t->prep_cbs);
	cbs_free(&t->comp_cbs);
	d_free(task);
}

void
tse_task_addref(tse_task_t *task)
{
	struct sched *s = sched_of(task);

	D_MUTEX_LOCK(&s->lock);
	priv_of(task)->refs++;
	D_MUTEX_UNLOCK(&s->lock);
}

void
tse_task_decref(tse_task_t *task)
{
	struct sched *s = sched_of(task);
	bool last;

	D_MUTEX_LOCK(&s->lock);
	last = drop(task);
	D_MUTEX_UNLOCK(&s->lock);
	if (last)
		task_free(task);
}

/** I6: between these two a scheduler stays. */
static void
enter(struct sched *s)
{
	D_MUTEX_LOCK(&s->lock);
	s->users++;
	D_MUTEX_UNLOCK(&s->lock);
}

static void
leave(struct sched *s)
{
	D_MUTEX_LOCK(&s->lock);
	s->users--;
	pthread_cond_broadcast(&s->changed);
	D_MUTEX_UNLOCK(&s->lock);
}

/* ---- states ----------------------------------------------------------------------------------------------------- */

/** Under the lock. Puts a task that may run, sooner or later, where it belongs; `when` is for now. */
static void
enqueue(struct sched *s, struct task *t, enum task_state when)
{
	d_list_t *list;

	t->state = (uint8_t)(t->deps > 0 ? WAITING : t->wakeup_ns != 0 ? SLEEPING : when);
	list = t->state == WAITING    ? &s->waiting :
	       t->state == SLEEPING   ? &s->sleeping :
	       t->state == DEFERRED   ? &s->deferred :
					&s->ready;
	d_list_add_tail(&t->link, list);
	pthread_cond_broadcast(&s->changed);
}

/** Under the lock. Takes a task out of the list of its state. */
static void
dequeue(struct task *t)
{
	if (!d_list_empty(&t->link))
		d_list_del_init(&t->link);
}

/** Under the lock. Tells a task that one it waited for is done. */
static void
dep_done(struct sched *s, tse_task_t *task, int result, d_list_t *more)
{
	struct task *t = priv_of(task);

	D_ASSERT(t->deps > 0);
	t->deps--;
	if (t->state == COMPLETED || t->state == COMPLETING)
		return;
	if (result != 0 && task->dt_result == 0 && !t->no_propagate)
		task->dt_result = result;
	if (t->deps > 0)
		return;
	if (t->state == WAITING) {
		dequeue(t);
		enqueue(s, t, READY);
	} else if (t->state == RUNNING) {
		/* Its function left it to its dependencies. */
		t->state = COMPLETING;
		t->refs++;
		d_list_add_tail(&t->link, more);
	}
}

/** Ends a task whose callbacks have run; tasks to be completed with it come to `more`, with a reference each. */
static void
finish(tse_task_t *task, d_list_t *more)
{
	struct task *t = priv_of(task);
	struct sched *s = sched_of(task);
	struct waiter *waiter;
	d_list_t gone;
	bool last;

	D_INIT_LIST_HEAD(&gone);
	D_MUTEX_LOCK(&s->lock);
	t->state = COMPLETED;
	if (t->scheduled) {
		t->scheduled = false;
		s->inflight--;
		if (t->sched->ds_result == 0)
			t->sched->ds_result = task->dt_result;
	}
	d_list_splice_init(&t->waiters, &gone);
	d_list_for_each_entry(waiter, &gone, link)
		dep_done(s, waiter->task, task->dt_result, more);
	pthread_cond_broadcast(&s->changed);
	last = drop(task);
	D_MUTEX_UNLOCK(&s->lock);
	if (last)
		task_free(task);
	while ((waiter = d_list_pop_entry(&gone, struct waiter, link)) != NULL) {
		tse_task_decref(waiter->task);
		d_free(waiter);
	}
}

/** Calls callbacks until there are none or the task leaves the state; whether it is still in it. */
static bool
call_cbs(tse_task_t *task, d_list_t *cbs, enum task_state state)
{
	struct sched *s = sched_of(task);
	struct task_cb *cb;
	bool still;
	int rc;

	for (;;) {
		D_MUTEX_LOCK(&s->lock);
		still = priv_of(task)->state == state;
		cb = still ? d_list_pop_entry(cbs, struct task_cb, link) : NULL;
		D_MUTEX_UNLOCK(&s->lock);
		if (cb == NULL)
			return still;
		rc = cb->fn(task, cb->arg);
		if (rc != 0 && task->dt_result == 0)
			task->dt_result = rc;
		d_free(cb);
	}
}

void
tse_task_complete(tse_task_t *task, int ret)
{
	struct task *t = priv_of(task);
	struct sched *s = sched_of(task);
	d_list_t more;

	D_INIT_LIST_HEAD(&more);
	D_MUTEX_LOCK(&s->lock);
	if (t->state == COMPLETING || t->state == COMPLETED) {
		D_MUTEX_UNLOCK(&s->lock);
		return;
	}
	s->users++;
	dequeue(t);
	t->state = COMPLETING;
	t->refs++;
	if (task->dt_result == 0)
		task->dt_result = ret;
	d_list_add_tail(&t->link, &more);
	D_MUTEX_UNLOCK(&s->lock);
	while ((t = d_list_pop_entry(&more, struct task, link)) != NULL) {
		D_INIT_LIST_HEAD(&t->link);
		task = task_of(t);
		if (call_cbs(task, &t->comp_cbs, COMPLETING))
			finish(task, &more);
		tse_task_decref(task);
	}
	leave(s);
}

/** Runs a task that is RUNNING; the caller holds a reference. */
static void
run(tse_task_t *task)
{
	struct task *t = priv_of(task);
	struct sched *s = sched_of(task);
	bool cancelled, waits;

	D_MUTEX_LOCK(&s->lock);
	cancelled = s->cancelling;
	D_MUTEX_UNLOCK(&s->lock);
	if (cancelled) {
		tse_task_complete(task, -DER_CANCELED);
		return;
	}
	if (!call_cbs(task, &t->prep_cbs, RUNNING))
		return;
	/* What it is to wait for may have come with the callbacks. */
	D_MUTEX_LOCK(&s->lock);
	waits = t->state == RUNNING && t->deps > 0;
	if (waits)
		enqueue(s, t, READY);
	D_MUTEX_UNLOCK(&s->lock);
	if (!waits)
		t->func(task);
}

/* ---- tasks ------------------------------------------------------------------------------------------------------ */

int
tse_task_create(tse_task_func_t task_func, tse_sched_t *sched, void *priv, tse_task_t **taskp)
{
	struct sched *s = sched_priv(sched);
	tse_task_t *task;
	struct task *t;
	bool cancelled;

	if (task_func == NULL || taskp == NULL)
		return -DER_INVAL;
	D_MUTEX_LOCK(&s->lock);
	cancelled = s->cancelling;
	D_MUTEX_UNLOCK(&s->lock);
	if (cancelled)
		return -DER_NO_PERM;
	D_ALLOC_PTR(task);
	if (task == NULL)
		return -DER_NOMEM;
	t = priv_of(task);
	D_INIT_LIST_HEAD(&t->link);
	D_INIT_LIST_HEAD(&t->user_link);
	D_INIT_LIST_HEAD(&t->waiters);
	D_INIT_LIST_HEAD(&t->prep_cbs);
	D_INIT_LIST_HEAD(&t->comp_cbs);
	t->sched = sched;
	t->func = task_func;
	t->priv = priv;
	t->refs = 1;
	t->state = CREATED;
	*taskp = task;
	return 0;
}

int
tse_task_schedule_with_delay(tse_task_t *task, bool instant, uint64_t delay)
{
	struct task *t = priv_of(task);
	struct sched *s = sched_of(task);
	bool run_now = false;

	if (instant && delay != 0)
		return -DER_INVAL;
	D_MUTEX_LOCK(&s->lock);
	if (t->state != CREATED) {
		D_MUTEX_UNLOCK(&s->lock);
		return -DER_NO_PERM;
	}
	t->scheduled = true;
	s->inflight++;
	t->wakeup_ns = delay == 0 ? 0 : now_ns() + delay * NSEC_PER_USEC;
	if (instant && t->deps == 0) {
		t->state = RUNNING;
		t->refs++;
		s->users++;
		run_now = true;
	} else {
		enqueue(s, t, READY);
	}
	D_MUTEX_UNLOCK(&s->lock);
	if (run_now) {
		run(task);
		tse_task_decref(task);
		leave(s);
	}
	return 0;
}

int
tse_task_schedule(tse_task_t *task, bool instant)
{
	return tse_task_schedule_with_delay(task, instant, 0);
}

int
tse_task_reinit_with_delay(tse_task_t *task, uint64_t delay)
{
	struct task *t = priv_of(task);
	struct sched *s = sched_of(task);
	int rc = 0;

	D_MUTEX_LOCK(&s->lock);
	if (s->cancelling || (t->state != RUNNING && t->state != COMPLETING && t->state != COMPLETED)) {
		rc = -DER_NO_PERM;
	} else {
		if (t->state == COMPLETED)
			t->refs++;
		if (!t->scheduled) {
			t->scheduled = true;
			s->inflight++;
		}
		task->dt_result = 0;
		t->wakeup_ns = delay == 0 ? 0 : now_ns() + delay * NSEC_PER_USEC;
		enqueue(s, t, DEFERRED);
	}
	D_MUTEX_UNLOCK(&s->lock);
	return rc;
}

int
tse_task_reinit(tse_task_t *task)
{
	return tse_task_reinit_with_delay(task, 0);
}

int
tse_task_reset(tse_task_t *task, tse_task_func_t task_func, void *priv)
{
	struct task *t = priv_of(task);
	struct sched *s = sched_of(task);
	int rc = 0;

	if (task_func == NULL)
		return -DER_INVAL;
	D_MUTEX_LOCK(&s->lock);
	if (t->state != COMPLETED) {
		rc = -DER_NO_PERM;
	} else {
		t->refs++;
		t->state = CREATED;
		t->func = task_func;
		t->priv = priv;
		t->wakeup_ns = 0;
		task->dt_result = 0;
	}
	D_MUTEX_UNLOCK(&s->lock);
	return rc;
}

static int
depend(tse_task_t *task, tse_task_t *on)
{
	struct task *t = priv_of(task), *other = priv_of(on);
	struct sched *s = sched_of(task);
	struct waiter *waiter;
	int rc = 0;

	if (on == task || other->sched != t->sched)
		return -DER_INVAL;
	D_ALLOC_PTR(waiter);
	if (waiter == NULL)
		return -DER_NOMEM;
	D_MUTEX_LOCK(&s->lock);
	if (t->state == COMPLETING || t->state == COMPLETED) {
		rc = -DER_NO_PERM;
	} else if (other->state != COMPLETED) {
		waiter->task = task;
		d_list_add_tail(&waiter->link, &other->waiters);
		t->refs++;
		t->deps++;
		/* It may stand in line already. */
		if (t->state == READY || t->state == SLEEPING || t->state == DEFERRED) {
			dequeue(t);
			enqueue(s, t, READY);
		}
		waiter = NULL;
	}
	D_MUTEX_UNLOCK(&s->lock);
	d_free(waiter);
	return rc;
}

int
tse_task_register_deps(tse_task_t *task, int num_deps, tse_task_t *dep_tasks[])
{
	int i, rc = 0;

	if (num_deps < 0 || (num_deps > 0 && dep_tasks == NULL))
		return -DER_INVAL;
	for (i = 0; i < num_deps && rc == 0; i++)
		rc = depend(task, dep_tasks[i]);
	return rc;
}

static struct task_cb *
cb_new(tse_task_cb_t fn, const void *arg, size_t arg_size)
{
	struct task_cb *cb = d_calloc(1, sizeof(*cb) + arg_size);

	if (cb == NULL)
		return NULL;
	cb->fn = fn;
	if (arg != NULL && arg_size > 0)
		memcpy(cb->arg, arg, arg_size);
	return cb;
}

int
tse_task_register_cbs(tse_task_t *task, tse_task_cb_t prep_cb, void *prep_data, size_t prep_data_size,
		      tse_task_cb_t comp_cb, void *comp_data, size_t comp_data_size)
{
	struct task *t = priv_of(task);
	struct sched *s = sched_of(task);
	struct task_cb *prep = NULL, *comp = NULL;
	int rc = 0;

	if (prep_cb == NULL && comp_cb == NULL)
		return -DER_INVAL;
	if (prep_cb != NULL)
		prep = cb_new(prep_cb, prep_data, prep_data_size);
	if (comp_cb != NULL)
		comp = cb_new(comp_cb, comp_data, comp_data_size);
	if ((prep_cb != NULL && prep == NULL) || (comp_cb != NULL && comp == NULL)) {
		d_free(prep);
		d_free(comp);
		return -DER_NOMEM;
	}
	D_MUTEX_LOCK(&s->lock);
	if (t->state == COMPLETED) {
		rc = -DER_NO_PERM;
	} else {
		if (prep != NULL)
			d_list_add(&prep->link, &t->prep_cbs);
		if (comp != NULL)
			d_list_add(&comp->link, &t->comp_cbs);
	}
	D_MUTEX_UNLOCK(&s->lock);
	if (rc != 0) {
		d_free(prep);
		d_free(comp);
	}
	return rc;
}

int
tse_task_register_comp_cb(tse_task_t *task, tse_task_cb_t comp_cb, void *arg, size_t arg_size)
{
	return tse_task_register_cbs(task, NULL, NULL, 0, comp_cb, arg, arg_size);
}

void *
tse_task_buf_embedded(tse_task_t *task, int size)
{
	D_ASSERTF(size >= 0 && (size_t)size <= TSE_TASK_ARG_LEN, "arguments of %d bytes do not fit\n", size);
	return priv_of(task)->buf;
}

void *
tse_task2arg(tse_task_t *task)
{
	return priv_of(task)->buf;
}

tse_sched_t *
tse_task2sched(tse_task_t *task)
{
	return priv_of(task)->sched;
}

void *
tse_task_get_priv(tse_task_t *task)
{
	return priv_of(task)->priv;
}

void *
tse_task_set_priv(tse_task_t *task, void *priv)
{
	void *former = priv_of(task)->priv;

	priv_of(task)->priv = priv;
	return former;
}

void
tse_disable_propagate(tse_task_t *task)
{
	priv_of(task)->no_propagate = true;
}

/* ---- schedulers ------------------------------------------------------------------------------------------------- */

int
tse_sched_init(tse_sched_t *sched, tse_sched_comp_cb_t comp_cb, void *udata)
{
	struct sched *s = sched_priv(sched);
	pthread_condattr_t attr;
	int rc;

	memset(sched, 0, sizeof(*sched));
	sched->ds_udata = udata;
	D_INIT_LIST_HEAD(&s->ready);
	D_INIT_LIST_HEAD(&s->waiting);
	D_INIT_LIST_HEAD(&s->sleeping);
	D_INIT_LIST_HEAD(&s->deferred);
	D_INIT_LIST_HEAD(&s->comp_cbs);
	s->refs = 1;
	rc = D_MUTEX_INIT(&s->lock, NULL);
	if (rc != 0)
		return rc;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->changed, &attr);
	pthread_condattr_destroy(&attr);
	if (comp_cb != NULL)
		rc = tse_sched_register_comp_cb(sched, comp_cb, udata);
	if (rc != 0)
		tse_sched_fini(sched);
	return rc;
}

void
tse_sched_fini(tse_sched_t *sched)
{
	struct sched *s = sched_priv(sched);
	struct sched_cb *cb;

	D_ASSERTF(s->inflight == 0, "a scheduler ends with %u tasks under way\n", s->inflight);
	while ((cb = d_list_pop_entry(&s->comp_cbs, struct sched_cb, link)) != NULL)
		d_free(cb);
	pthread_cond_destroy(&s->changed);
	D_MUTEX_DESTROY(&s->lock);
}

void
tse_sched_addref(tse_sched_t *sched)
{
	struct sched *s = sched_priv(sched);

	D_MUTEX_LOCK(&s->lock);
	s->refs++;
	D_MUTEX_UNLOCK(&s->lock);
}

void
tse_sched_decref(tse_sched_t *sched)
{
	struct sched *s = sched_priv(sched);
	bool last;

	D_MUTEX_LOCK(&s->lock);
	D_ASSERT(s->refs > 0);
	last = --s->refs == 0;
	D_MUTEX_UNLOCK(&s->lock);
	if (last)
		tse_sched_fini(sched);
}

int
tse_sched_register_comp_cb(tse_sched_t *sched, tse_sched_comp_cb_t comp_cb, void *arg)
{
	struct sched *s = sched_priv(sched);
	struct sched_cb *cb;

	if (comp_cb == NULL)
		return -DER_INVAL;
	D_ALLOC_PTR(cb);
	if (cb == NULL)
		return -DER_NOMEM;
	cb->fn = comp_cb;
	cb->arg = arg;
	D_MUTEX_LOCK(&s->lock);
	d_list_add(&cb->link, &s->comp_cbs);
	D_MUTEX_UNLOCK(&s->lock);
	return 0;
}

/** Under the lock. Makes all tasks of a list READY. */
static void
all_ready(struct sched *s, d_list_t *list)
{
	struct task *t;

	while ((t = d_list_pop_entry(list, struct task, link)) != NULL) {
		t->state = READY;
		t->wakeup_ns = 0;
		d_list_add_tail(&t->link, &s->ready);
	}
}

/** Under the lock. Makes tasks whose time has come READY. */
static void
wake(struct sched *s)
{
	struct task *t, *next;
	uint64_t now;

	if (d_list_empty(&s->sleeping))
		return;
	now = now_ns();
	d_list_for_each_entry_safe(t, next, &s->sleeping, link) {
		if (t->wakeup_ns > now)
			continue;
		t->wakeup_ns = 0;
		t->state = READY;
		d_list_move_tail(&t->link, &s->ready);
	}
}

void
tse_sched_progress(tse_sched_t *sched)
{
	struct sched *s = sched_priv(sched);
	struct task *t;

	enter(s);
	D_MUTEX_LOCK(&s->lock);
	all_ready(s, &s->deferred);
	for (;;) {
		wake(s);
		if (s->cancelling) {
			all_ready(s, &s->waiting);
			all_ready(s, &s->sleeping);
		}
		t = d_list_pop_entry(&s->ready, struct task, link);
		if (t == NULL)
			break;
		D_INIT_LIST_HEAD(&t->link);
		t->state = RUNNING;
		t->refs++;
		D_MUTEX_UNLOCK(&s->lock);
		run(task_of(t));
		tse_task_decref(task_of(t));
		D_MUTEX_LOCK(&s->lock);
	}
	D_MUTEX_UNLOCK(&s->lock);
	leave(s);
}

bool
tse_sched_check_complete(tse_sched_t *sched)
{
	struct sched *s = sched_priv(sched);
	bool complete;

	D_MUTEX_LOCK(&s->lock);
	complete = s->inflight == 0 && s->users == 0;
	D_MUTEX_UNLOCK(&s->lock);
	return complete;
}

/** Under the lock. Waits until something happens to a task, or a moment. */
static void
wait_a_moment(struct sched *s)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	d_timeinc(&until, WAIT_SLICE_NS);
	pthread_cond_timedwait(&s->changed, &s->lock, &until);
}

void
tse_sched_complete(tse_sched_t *sched, int ret, bool cancel)
{
	struct sched *s = sched_priv(sched);
	struct sched_cb *cb;
	bool again;

	D_MUTEX_LOCK(&s->lock);
	again = s->completed;
	s->completed = true;
	s->cancelling |= cancel;
	D_MUTEX_UNLOCK(&s->lock);
	if (again)
		return;
	for (;;) {
		tse_sched_progress(sched);
		D_MUTEX_LOCK(&s->lock);
		if (s->inflight == 0 && s->users == 0)
			break;
		if (d_list_empty(&s->ready) && d_list_empty(&s->deferred))
			wait_a_moment(s);
		D_MUTEX_UNLOCK(&s->lock);
	}
	D_MUTEX_UNLOCK(&s->lock);
	if (sched->ds_result == 0)
		sched->ds_result = ret;
	while ((cb = d_list_pop_entry(&s->comp_cbs, struct sched_cb, link)) != NULL) {
		cb->fn(cb->arg, sched->ds_result);
		d_free(cb);
	}
}

/* ---- lists of tasks --------------------------------------------------------------------------------------------- */

static struct task *
user_entry(d_list_t *link)
{
	return d_list_entry(link, struct task, user_link);
}

int
tse_task_list_add(tse_task_t *task, d_list_t *head)
{
	struct task *t = priv_of(task);

	D_ASSERTF(d_list_empty(&t->user_link), "a task is in one list at a time\n");
	tse_task_addref(task);
	d_list_add_tail(&t->user_link, head);
	return 0;
}

void
tse_task_list_del(tse_task_t *task)
{
	d_list_del_init(&priv_of(task)->user_link);
	tse_task_decref(task);
}

tse_task_t *
tse_task_list_first(d_list_t *head)
{
	return d_list_empty(head) ? NULL : task_of(user_entry(head->next));
}

void
tse_task_list_sched(d_list_t *head, bool instant)
{
	tse_task_t *task;

	while ((task = tse_task_list_first(head)) != NULL) {
		d_list_del_init(&priv_of(task)->user_link);
		tse_task_schedule(task, instant);
		tse_task_decref(task);
	}
}

void
tse_task_list_abort(d_list_t *head, int rc)
{
	tse_task_t *task;

	while ((task = tse_task_list_first(head)) != NULL) {
		d_list_del_init(&priv_of(task)->user_link);
		tse_task_complete(task, rc);
		tse_task_decref(task);
	}
}

int
tse_task_list_depend(d_list_t *head, tse_task_t *task)
{
	struct task *t;
	int rc = 0;

	d_list_for_each_entry(t, head, user_link) {
		rc = depend(task_of(t), task);
		if (rc != 0)
			break;
	}
	return rc;
}

int
tse_task_depend_list(tse_task_t *task, d_list_t *head)
{
	struct task *t;
	int rc = 0;

	d_list_for_each_entry(t, head, user_link) {
		rc = depend(task, task_of(t));
		if (rc != 0)
			break;
	}
	return rc;
}

int
tse_task_list_traverse(d_list_t *head, tse_task_cb_t cb, void *arg)
{
	struct task *t, *next;
	int rc = 0;

	d_list_for_each_entry_safe(t, next, head, user_link) {
		rc = cb(task_of(t), arg);
		if (rc != 0)
			break;
	}
	return rc;
}

int
tse_task_list_traverse_adv(d_list_t *head, tse_task_cb_t cb, void *arg)
{
	d_list_t todo;
	int rc = 0;

	D_INIT_LIST_HEAD(&todo);
	d_list_splice_init(head, &todo);
	while (rc == 0 && !d_list_empty(&todo)) {
		struct task *t = user_entry(todo.next);

		d_list_move_tail(&t->user_link, head);
		rc = cb(task_of(t), arg);
	}
	d_list_splice_init(&todo, head);
	return rc;
}
