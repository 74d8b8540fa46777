/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client that a process has once, and who drives its stream.
 *
 * Every call is a ULT on one stream. The stream belongs to no thread: whoever waits for something drives it, one at a time; the
 * others sleep on conditions of their own, and the first of them takes over when the driver has what it waited for.
 *
 *   thread:  call ──> nobody drives: spawn, drive until done ──> hand the stream to the next waiter ──> return
 *                └──> another drives: message to it, sleep ──> woken: done, or told to drive
 *
 * With an event the ULT runs once, until it blocks; then daos_eq_poll(), daos_event_test() or a waiting call drive it on.
 *
 *	core I1  One thread at a time drives (core.driving); ULTs, client/ and the handle table are touched by it alone.
 *	core I2  Who stops driving wakes one waiter, if there is one: while somebody waits, somebody drives.
 *	core I3  A waiter is told of its end under the lock, and not touched after it.
 *	core I4  In the child of a fork nothing of this is used: calls say -DER_UNINIT until daos_reinit() starts anew.
 *
 * A crash leaves nothing here; the services forget handles of clients that are gone.
 */
#include "core.h"

#include <signal.h>
#include <stdlib.h>
#include "env_real/env_real.h"

static struct {
	pthread_mutex_t lock;    /* all below, events and queues */
	pthread_mutex_t life;    /* init, fini */
	uint32_t count;          /* daos_init() without daos_fini() */
	bool started;
	bool forked;             /* this is a child, and all below its parent's */
	bool fork_watched;
	bool driving;
	struct list waiters;     /* struct core_waiter */
	uint64_t ops;            /* calls under way */
	struct env *env;
	struct xs *xs;
	struct client *client;
	struct handle_table handles;
	const struct client_attach *attach;
	uint32_t awake;          /* who needs the keeper */
	bool keeping;
	pthread_t keeper;
	pthread_cond_t asleep;   /* of the keeper */
} core = {.lock = PTHREAD_MUTEX_INITIALIZER, .life = PTHREAD_MUTEX_INITIALIZER,
	  .asleep = PTHREAD_COND_INITIALIZER};

/* A call under way. One without an event lies on the caller's stack, with `waiter`; others in the heap, with their arguments. */
struct op {
	struct xs_msg msg;
	core_fn fn;
	void *args;
	int rc;
	bool on_heap;
	daos_event_t *ev;
	void (*done)(void *arg, int rc);
	void *done_arg;
	struct arena kept;
	struct core_waiter waiter;
};

/* ---- driving -------------------------------------------------------------------------------------------------------------- */
int
core__lock(void)
{
	if (core.forked)
		return -DER_UNINIT;
	pthread_mutex_lock(&core.lock);
	if (core.started)
		return 0;
	pthread_mutex_unlock(&core.lock);
	return -DER_UNINIT;
}

void
core__unlock(void)
{
	pthread_mutex_unlock(&core.lock);
}

void
core__wake(struct core_waiter *waiter)
{
	waiter->done = true;
	pthread_cond_signal(&waiter->wake);
}

/* core I2 */
static void
hand_over(void)
{
	if (!core.driving && !list_empty(&core.waiters))
		pthread_cond_signal(&list_first(&core.waiters, struct core_waiter, link)->wake);
}

void
core__poll(void)
{
	if (core.driving)
		return;
	core.driving = true;
	pthread_mutex_unlock(&core.lock);
	(void)xs_poll(core.xs);
	pthread_mutex_lock(&core.lock);
	core.driving = false;
	hand_over();
}

static int
sleep_until(struct core_waiter *waiter, uint64_t deadline_ns)
{
	struct timespec until = {.tv_sec = (time_t)(deadline_ns / NS_PER_S), .tv_nsec = (long)(deadline_ns % NS_PER_S)};

	if (deadline_ns == ENV_FOREVER)
		return pthread_cond_wait(&waiter->wake, &core.lock);
	return pthread_cond_clockwait(&waiter->wake, &core.lock, CLOCK_MONOTONIC, &until);
}

void
core__wait(struct core_waiter *waiter, uint64_t deadline_ns)
{
	list_append(&core.waiters, &waiter->link);
	while (!waiter->done) {
		if (core.driving) {
			if (sleep_until(waiter, deadline_ns) != 0)
				break;
			continue;
		}
		core.driving = true;
		pthread_mutex_unlock(&core.lock);
		int rc = xs_run_until(core.xs, &waiter->done, deadline_ns);

		pthread_mutex_lock(&core.lock);
		core.driving = false;
		if (rc != 0)
			break;
	}
	list_remove(&waiter->link);
	hand_over();
}

uint64_t
core__deadline(int64_t timeout_us)
{
	uint64_t now = env_mono(core.env);

	if (timeout_us < 0 || (uint64_t)timeout_us > (ENV_FOREVER - now) / NS_PER_US - 1)
		return ENV_FOREVER;
	return now + (uint64_t)timeout_us * NS_PER_US;
}

/* ---- the keeper: leases are renewed while nobody calls ------------------------------------------------------------------------ */
#define KEEP_EVERY_NS (200 * NS_PER_MS)

static void *
keeper_life(void *arg)
{
	pthread_mutex_lock(&core.lock);
	while (core.awake > 0) {
		uint64_t at = env_mono(core.env) + KEEP_EVERY_NS;
		struct timespec until = {.tv_sec = (time_t)(at / NS_PER_S), .tv_nsec = (long)(at % NS_PER_S)};

		(void)pthread_cond_clockwait(&core.asleep, &core.lock, CLOCK_MONOTONIC, &until);
		if (core.awake > 0)
			core__poll();
	}
	pthread_mutex_unlock(&core.lock);
	return NULL;
}

/* The program's signals are not the keeper's. */
static int
keeper_start(void)
{
	sigset_t all, before;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	rc = pthread_create(&core.keeper, NULL, keeper_life, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc == 0 ? 0 : -DER_NOMEM;
}

int
core__keep_awake(bool more)
{
	bool ended;
	int rc;

	pthread_mutex_lock(&core.life);
	rc = core__lock();
	if (rc != 0) {
		pthread_mutex_unlock(&core.life);
		return rc;
	}
	core.awake += more ? 1 : -1;
	ended = core.awake == 0;
	pthread_cond_signal(&core.asleep);
	core__unlock();
	if (!core.keeping) {
		rc = keeper_start();
		core.keeping = rc == 0;
		if (rc != 0)
			core.awake--;
	} else if (ended) {
		pthread_join(core.keeper, NULL);
		core.keeping = false;
	}
	pthread_mutex_unlock(&core.life);
	return rc;
}

/* ---- calls ------------------------------------------------------------------------------------------------------------------- */
static void
op_ended(struct op *op)
{
	daos_event_t *ev = op->ev;
	void (*done)(void *arg, int rc) = op->done;
	void *done_arg = op->done_arg;
	int rc = op->rc;

	if (op->on_heap) {
		arena_fini(&op->kept);
		free(op); /* NOLINT(clang-analyzer-unix.Malloc): one on a caller's stack is not on_heap, from its initializer on */
		op = NULL;
	}
	if (done != NULL)
		done(done_arg, rc);
	pthread_mutex_lock(&core.lock);
	core.ops--;
	if (ev != NULL)
		core__event_ended(ev, rc);
	else if (op != NULL)
		core__wake(&op->waiter); /* core I3: gone from here on */
	pthread_mutex_unlock(&core.lock);
}

static void
op_body(void *arg)
{
	struct op *op = arg;

	op->rc = op->fn(op->args);
	op_ended(op);
}

static void
op_spawn(struct op *op)
{
	op->rc = ult_spawn(core.xs, ULT_IO, "call", op_body, op, NULL);
	if (op->rc != 0)
		op_ended(op);
}

static void
op_arrived(struct xs_msg *msg)
{
	op_spawn(container_of(msg, struct op, msg));
}

/* Locked, but not meanwhile. run: until it blocks. */
static void
op_start(struct op *op, bool run)
{
	core.ops++;
	if (core.driving) {
		op->msg.run = op_arrived;
		xs_send(core.xs, &op->msg);
		return;
	}
	core.driving = true;
	pthread_mutex_unlock(&core.lock);
	op_spawn(op);
	if (run)
		(void)xs_poll(core.xs);
	pthread_mutex_lock(&core.lock);
	core.driving = false;
	if (run)
		hand_over(); /* else the caller drives on */
}

static struct op *
op_new(core_fn fn, const void *args, size_t size)
{
	struct op *op = calloc(1, sizeof(*op) + size);

	if (op == NULL)
		return NULL;
	op->fn = fn;
	op->on_heap = true;
	op->args = op + 1;
	if (size > 0)
		memcpy(op->args, args, size);
	arena_init(&op->kept, lib__heap());
	return op;
}

static int
call_async(core_fn fn, core_keep_fn keep, const void *args, size_t size, daos_event_t *ev)
{
	struct op *op = op_new(fn, args, size);
	int rc = op == NULL ? -DER_NOMEM : 0;

	if (rc == 0 && keep != NULL)
		rc = keep(op->args, &op->kept);
	if (rc == 0)
		rc = core__lock();
	if (rc == 0) {
		op->ev = ev;
		rc = core__event_launch(ev);
		if (rc == 0)
			op_start(op, true);
		core__unlock();
	}
	if (rc != 0 && op != NULL) {
		arena_fini(&op->kept);
		free(op);
	}
	return rc;
}

int
core__call(core_fn fn, core_keep_fn keep, void *args, size_t size, daos_event_t *ev)
{
	struct op op = {.fn = fn, .args = args, .waiter = CORE_WAITER_INIT};
	int rc;

	if (ev != NULL)
		return call_async(fn, keep, args, size, ev);
	rc = core__lock();
	if (rc != 0)
		return rc;
	op_start(&op, false);
	core__wait(&op.waiter, ENV_FOREVER);
	core__unlock();
	return op.rc;
}

int
core__launch(core_fn fn, const void *args, size_t size, void (*done)(void *arg, int rc), void *arg)
{
	struct op *op = op_new(fn, args, size);
	int rc;

	if (op == NULL)
		return -DER_NOMEM;
	op->done = done;
	op->done_arg = arg;
	rc = core__lock();
	if (rc != 0) {
		free(op);
		return rc;
	}
	op_start(op, true);
	core__unlock();
	return 0;
}

struct client *
core__client(void)
{
	return core.client;
}

struct mem *
core__mem(void)
{
	return core.env->mem;
}

/* ---- handles ------------------------------------------------------------------------------------------------------------------- */
void
core__array_release(struct core_array *array)
{
	array_close(array->array);
	cont_put(array->cont);
	free(array);
}

static void
release(void *object, int type, void *arg)
{
	switch (type) {
	case DAOS_HTYPE_POOL: pool_put(object); break;
	case DAOS_HTYPE_CO: cont_put(object); break;
	case DAOS_HTYPE_OBJ: object_close(object); break;
	case DAOS_HTYPE_ARRAY: core__array_release(object); break;
	case DAOS_HTYPE_TX: tx_close(object); break;
	case DAOS_HTYPE_KV: kv_close(object); break;
	default: break;
	}
}

int
core__use(struct core_use *use, daos_handle_t oh, int type, daos_handle_t th)
{
	*use = (struct core_use){.oh = oh, .th = th};
	use->object = handle_get(&core.handles, oh.cookie, type);
	if (use->object == NULL)
		return -DER_NO_HDL;
	if (daos_handle_is_inval(th))
		return 0;
	use->tx = handle_get(&core.handles, th.cookie, DAOS_HTYPE_TX);
	return use->tx != NULL ? 0 : -DER_NO_HDL;
}

int
core__done(struct core_use *use, int rc)
{
	if (use->tx != NULL)
		handle_put(&core.handles, use->th.cookie);
	if (use->object != NULL)
		handle_put(&core.handles, use->oh.cookie);
	return rc;
}

int
core__handle(int type, void *object, daos_handle_t *handle)
{
	int rc = handle_open(&core.handles, type, object, &handle->cookie);

	if (rc != 0)
		release(object, type, NULL);
	return rc;
}

int
core__handle_close(daos_handle_t handle, int type)
{
	return handle_close(&core.handles, handle.cookie, type);
}

static struct cont *
cont_of(void *object, int type)
{
	switch (type) {
	case DAOS_HTYPE_OBJ: return object_cont(object);
	case DAOS_HTYPE_ARRAY: return ((struct core_array *)object)->cont;
	case DAOS_HTYPE_TX: return tx_cont(object);
	case DAOS_HTYPE_KV: return object_cont(kv_object(object));
	default: return NULL;
	}
}

void
core__close_below(const struct cont *cont)
{
	uint64_t cookie = 0;
	void *object;

	while ((object = handle_next(&core.handles, &cookie)) != NULL)
		if (cont_of(object, handle_type(cookie)) == cont)
			(void)handle_close(&core.handles, cookie, handle_type(cookie));
}

bool
core__cont_of(const struct pool *pool, daos_handle_t *coh)
{
	void *object;

	coh->cookie = 0;
	while ((object = handle_next(&core.handles, &coh->cookie)) != NULL)
		if (handle_type(coh->cookie) == DAOS_HTYPE_CO && cont_pool(object) == pool)
			return true;
	return false;
}

/* ---- life ---------------------------------------------------------------------------------------------------------------------- */
void
core__attach(const struct client_attach *attach)
{
	core.attach = attach;
}

static void
in_child(void)
{
	core.forked = core.count > 0;
	if (!core.forked) { /* a call may have been starting in another thread */
		core.life = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
		core.lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	}
}

static int
client_start(void *args)
{
	struct client_config config = {.env = core.env, .xs = core.xs, .attach = core.attach};

	return client_create(&config, &core.client);
}

static int
client_stop(void *args)
{
	uint64_t cookie = 0;
	void *object;

	/* Objects before containers before pools: what refers goes before what it refers to; the services are told. */
	while ((object = handle_next(&core.handles, &cookie)) != NULL)
		if (cont_of(object, handle_type(cookie)) != NULL)
			(void)handle_close(&core.handles, cookie, handle_type(cookie));
	for (cookie = 0; (object = handle_next(&core.handles, &cookie)) != NULL;)
		if (handle_type(cookie) == DAOS_HTYPE_CO) {
			if (cont_close(cont_get(object)) != 0)
				cont_put(object);
			(void)handle_close(&core.handles, cookie, DAOS_HTYPE_CO);
		}
	for (cookie = 0; (object = handle_next(&core.handles, &cookie)) != NULL;)
		if (handle_type(cookie) == DAOS_HTYPE_POOL && pool_disconnect(pool_get(object)) != 0)
			pool_put(object);
	handle_table_fini(&core.handles);
	client_destroy(core.client);
	core.client = NULL;
	return 0;
}

static void
world_end(void)
{
	if (core.xs != NULL) {
		xs_stop(core.xs);
		xs_run(core.xs);
		xs_destroy(core.xs);
	}
	if (core.env != NULL)
		env_real_destroy(core.env);
	core.xs = NULL;
	core.env = NULL;
}

static int
world_begin(void)
{
	struct env_real_options options = {.log = {.mask = "WARN", .identity = "CLI"}, .log_from_environment = true};
	struct xs_config config = {.name = "client"};
	int rc;

	rc = env_real_create(&options, &core.env);
	if (rc != 0)
		return rc;
	config.env = core.env;
	rc = xs_create(&config, &core.xs);
	if (rc != 0) {
		world_end();
		return rc;
	}
	list_init(&core.waiters);
	handle_table_init(&core.handles, core.env->mem, 0, (uint32_t)env_rand(core.env), release, NULL);
	core.driving = false;
	core.ops = 0;
	core.started = true;
	rc = core__call(client_start, NULL, NULL, 0, NULL);
	if (rc != 0) {
		core.started = false;
		handle_table_fini(&core.handles);
		world_end();
	}
	return rc;
}

/* In a child: its parent's world is left where it is (env_real closed its descriptors), and locks that a thread there held are made anew. */
static void
forget_parent(void)
{
	core.lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	core.life = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	core.asleep = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
	core.awake = 0;
	core.keeping = false;
	core.count = 0;
	core.started = false;
	core.xs = NULL;
	core.env = NULL;
	core.client = NULL;
	core__events_fini();
	core.forked = false;
}

int
daos_init(void)
{
	int rc = 0;

	if (core.forked)
		forget_parent();
	pthread_mutex_lock(&core.life);
	if (!core.fork_watched) {
		rc = pthread_atfork(NULL, NULL, in_child) == 0 ? 0 : -DER_NOMEM;
		core.fork_watched = rc == 0;
	}
	if (rc == 0 && core.count == 0)
		rc = world_begin();
	if (rc == 0)
		core.count++;
	pthread_mutex_unlock(&core.life);
	return rc;
}

int
daos_fini(void)
{
	int rc = 0;

	if (core.forked)
		return -DER_UNINIT;
	pthread_mutex_lock(&core.life);
	if (core.count == 0) {
		rc = -DER_UNINIT;
	} else if (core.count > 1) {
		core.count--;
	} else {
		pthread_mutex_lock(&core.lock);
		rc = core.ops > 0 || core.awake > 0 || core.driving || !list_empty(&core.waiters) ? -DER_BUSY : 0;
		pthread_mutex_unlock(&core.lock);
		if (rc == 0) {
			(void)core__call(client_stop, NULL, NULL, 0, NULL);
			pthread_mutex_lock(&core.lock);
			core.started = false;
			core__events_fini();
			pthread_mutex_unlock(&core.lock);
			world_end();
			core.count = 0;
		}
	}
	pthread_mutex_unlock(&core.life);
	return rc;
}

int
daos_reinit(void)
{
	if (!core.forked)
		return core.started ? 0 : -DER_UNINIT;
	return daos_init();
}
