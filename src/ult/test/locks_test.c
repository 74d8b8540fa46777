/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Locks under random use, against models that are arrays: who may hold a mutex is who arrived first; an rwlock admits who has
 * nobody ahead that excludes him; what a queue guarded by a condition gives is what was put in. Many seeds, ULTs chosen at random.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "env_sim/env_sim.h"
#include "ult/ult.h"

enum { ULTS = 24, STEPS = 60, LOCKS = 3, QUEUE = 8, SEEDS = 40 };

/** Who wants or holds a lock, by arrival. */
struct line {
	int who[ULTS];
	bool write[ULTS];
	int nr;
};

struct world {
	struct sim *sim;
	struct xs *xs;
	struct ult_mutex mutexes[LOCKS], guard;
	struct ult_rwlock rwlocks[LOCKS];
	struct line mutex_lines[LOCKS], rw_lines[LOCKS];
	struct ult_cond filled, emptied;
	int items[QUEUE], item_nr, put, got, put_sum, got_sum, timeouts;
	struct ult_eventual ev;
	uint64_t ev_at;
	int met;
	int ended;
};

struct worker {
	struct world *world;
	int id;
};

static void
arrive(struct line *line, int who, bool write)
{
	line->who[line->nr] = who;
	line->write[line->nr++] = write;
}

static int
place(const struct line *line, int who)
{
	for (int i = 0; i < line->nr; i++)
		if (line->who[i] == who)
			return i;
	return -1;
}

static void
leave(struct line *line, int who)
{
	int at = place(line, who);

	assert_true(at >= 0);
	for (line->nr--; at < line->nr; at++) {
		line->who[at] = line->who[at + 1];
		line->write[at] = line->write[at + 1];
	}
}

static void
dawdle(struct world *w)
{
	switch (sim_rand_nr(w->sim, 4)) {
	case 0:
		ult_yield();
		break;
	case 1:
		ult_sleep(sim_rand_nr(w->sim, 10000));
		break;
	}
}

static void
use_mutex(struct world *w, int who, int i)
{
	struct line *line = &w->mutex_lines[i];

	if (sim_rand_nr(w->sim, 4) == 0) {
		bool had = ult_mutex_trylock(&w->mutexes[i]);

		assert_int_equal(had, line->nr == 0);
		if (!had)
			return;
		arrive(line, who, true);
	} else {
		arrive(line, who, true);
		ult_mutex_lock(&w->mutexes[i]);
	}
	assert_int_equal(place(line, who), 0);
	dawdle(w);
	assert_int_equal(place(line, who), 0);
	leave(line, who);
	ult_mutex_unlock(&w->mutexes[i]);
}

static void
check_admitted(const struct line *line, int who, bool write)
{
	int at = place(line, who);

	assert_true(at >= 0);
	if (write)
		assert_int_equal(at, 0);
	for (int i = 0; i < at; i++)
		assert_false(line->write[i]);
}

static void
use_rwlock(struct world *w, int who, int i)
{
	struct line *line = &w->rw_lines[i];
	bool write = sim_rand_nr(w->sim, 3) == 0;

	arrive(line, who, write);
	if (write)
		ult_rwlock_wrlock(&w->rwlocks[i]);
	else
		ult_rwlock_rdlock(&w->rwlocks[i]);
	check_admitted(line, who, write);
	dawdle(w);
	check_admitted(line, who, write);
	leave(line, who);
	ult_rwlock_unlock(&w->rwlocks[i]);
}

static bool
wait_on(struct world *w, struct ult_cond *cond)
{
	struct env *env = xs_env(w->xs);

	if (sim_rand_nr(w->sim, 2) == 0) {
		ult_cond_wait(cond, &w->guard);
		return true;
	}
	if (ult_cond_wait_until(cond, &w->guard, env_mono(env) + sim_rand_nr(w->sim, 20000)) == 0)
		return true;
	w->timeouts++;
	return false;
}

static void
put_or_get(struct world *w, bool put)
{
	ult_mutex_lock(&w->guard);
	while (put ? w->item_nr == QUEUE : w->item_nr == 0)
		(void)wait_on(w, put ? &w->emptied : &w->filled);
	if (put) {
		w->items[w->item_nr++] = ++w->put;
		w->put_sum += w->put;
		ult_cond_signal(&w->filled);
	} else {
		w->got++;
		w->got_sum += w->items[--w->item_nr];
		ult_cond_signal(&w->emptied);
	}
	ult_mutex_unlock(&w->guard);
}

static void
await_event(struct world *w)
{
	struct env *env = xs_env(w->xs);
	uint64_t deadline = env_mono(env) + sim_rand_nr(w->sim, 2 * NS_PER_MS);
	int value = 0;

	if (ult_eventual_wait_until(&w->ev, deadline, &value) == 0) {
		assert_int_equal(value, 77);
		assert_true(ult_eventual_ready(&w->ev));
		w->met++;
	} else {
		assert_true(env_mono(env) >= deadline);
	}
}

static void
work(void *arg)
{
	struct worker *worker = arg;
	struct world *w = worker->world;

	for (int i = 0; i < STEPS; i++) {
		int lock = (int)sim_rand_nr(w->sim, LOCKS);

		use_mutex(w, worker->id, lock);
		use_rwlock(w, worker->id, lock);
		/* As many put as get, so that all end. */
		put_or_get(w, worker->id % 2 == 0);
		if (i % 10 == 0)
			await_event(w);
		dawdle(w);
	}
	w->ended++;
}

static void
happen(void *arg)
{
	struct world *w = arg;

	ult_eventual_set(&w->ev, 77);
}

static uint64_t
one_seed(uint64_t seed)
{
	struct world *w = test_calloc(1, sizeof(*w));
	struct worker workers[ULTS];
	struct sim_options options;
	struct ult_timer timer;
	uint64_t hash;

	sim_options_init(&options);
	options.choose_ppm = seed % 3 * 500000;
	options.buggify = seed % 2 * 250000;
	w->sim = sim_create(seed, &options);
	assert_int_equal(xs_create(&(struct xs_config){.env = sim_env(w->sim, 0), .name = "locks"}, &w->xs), 0);
	for (int i = 0; i < LOCKS; i++) {
		ult_mutex_init(&w->mutexes[i]);
		ult_rwlock_init(&w->rwlocks[i]);
	}
	ult_mutex_init(&w->guard);
	ult_cond_init(&w->filled);
	ult_cond_init(&w->emptied);
	ult_eventual_init(&w->ev);
	ult_timer_init(&timer, w->xs, happen, w);
	ult_timer_arm(&timer, env_mono(sim_env(w->sim, 0)) + NS_PER_MS);
	for (int i = 0; i < ULTS; i++) {
		workers[i] = (struct worker){w, i};
		assert_int_equal(ult_spawn(w->xs, (enum ult_class)(1 + sim_rand_nr(w->sim, ULT_CLASS_NR - 1)), "work", work,
					   &workers[i], NULL), 0);
	}
	xs_stop(w->xs);
	xs_run(w->xs);
	assert_int_equal(w->ended, ULTS);
	assert_true(w->put == w->got && w->put_sum == w->got_sum && w->item_nr == 0);
	assert_true(w->put == ULTS / 2 * STEPS && w->met > 0);
	for (int i = 0; i < LOCKS; i++)
		assert_true(w->mutex_lines[i].nr == 0 && w->rw_lines[i].nr == 0 && w->mutexes[i].owner == NULL &&
			    w->rwlocks[i].readers == 0);
	hash = sim_trace_hash(w->sim) + (uint64_t)w->timeouts;
	xs_destroy(w->xs);
	sim_destroy(w->sim);
	test_free(w);
	return hash;
}

static void
locks_admit_whom_their_models_admit(void **state)
{
	for (uint64_t seed = 1; seed <= SEEDS; seed++)
		(void)one_seed(seed);
}

static void
a_seed_schedules_the_same_every_time(void **state)
{
	for (uint64_t seed = 1; seed <= 5; seed++)
		assert_int_equal(one_seed(seed), one_seed(seed));
	assert_int_not_equal(one_seed(1), one_seed(2));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(locks_admit_whom_their_models_admit),
		cmocka_unit_test(a_seed_schedules_the_same_every_time),
	};

	return cmocka_run_group_tests_name("ult locks", tests, NULL, NULL);
}
