/* SPDX-License-Identifier: Apache-2.0 */
/* User-level threads and streams in one simulated node: each primitive, and its failures. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include "env_sim/env_sim.h"
#include "telemetry/telemetry.h"
#include "ult/ult.h"

#if defined(ULT_TSAN) /* has no room for more */
enum { MANY = 4000 };
#else
enum { MANY = 100000 };
#endif

struct world {
	struct sim *sim;
	struct env *env;
	struct xs *xs;
	char text[256]; /* what happened, letter by letter */
	bool done;
};

static void
say(struct world *world, char letter)
{
	size_t len = strlen(world->text);

	assert_true(len + 1 < sizeof(world->text));
	world->text[len] = letter;
}

static int
setup(void **state)
{
	struct world *world = test_calloc(1, sizeof(*world));
	struct sim_options options;

	sim_options_init(&options);
	options.choose_ppm = 0;
	world->sim = sim_create(1, &options);
	world->env = sim_env(world->sim, 0);
	assert_int_equal(xs_create(&(struct xs_config){.env = world->env, .name = "test"}, &world->xs), 0);
	*state = world;
	return 0;
}

static int
teardown(void **state)
{
	struct world *world = *state;
	struct sim_mem_stats stats;

	xs_destroy(world->xs);
	sim_mem_stats(world->sim, 0, &stats);
	assert_int_equal(stats.blocks, 0);
	assert_int_equal(stats.handles, 0);
	sim_destroy(world->sim);
	test_free(world);
	return 0;
}

static void
spawn(struct world *world, enum ult_class cls, void (*fn)(void *arg), void *arg)
{
	assert_int_equal(ult_spawn(world->xs, cls, "test", fn, arg, NULL), 0);
}

/** Runs until no ULT is left. */
static void
drain(struct world *world)
{
	xs_stop(world->xs);
	xs_run(world->xs);
	assert_int_equal(xs_ults(world->xs), 0);
}

struct letter {
	struct world *world;
	char letter;
	int times;
	uint64_t ns;
};

static void
say_and_yield(void *arg)
{
	struct letter *l = arg;

	for (int i = 0; i < l->times; i++) {
		say(l->world, l->letter);
		ult_yield();
	}
}

static void
ults_take_turns_when_they_yield(void **state)
{
	struct world *world = *state;
	struct letter a = {world, 'a', 3}, b = {world, 'b', 2};

	spawn(world, ULT_IO, say_and_yield, &a);
	spawn(world, ULT_IO, say_and_yield, &b);
	drain(world);
	assert_string_equal(world->text, "ababa");
}

static void
system_ults_run_first(void **state)
{
	struct world *world = *state;
	struct letter a = {world, 'a', 2}, s = {world, 's', 2};

	spawn(world, ULT_IO, say_and_yield, &a);
	spawn(world, ULT_SYSTEM, say_and_yield, &s);
	drain(world);
	assert_string_equal(world->text, "sasa");
}

static void
count_and_yield(void *arg)
{
	struct letter *l = arg;

	while (!l->world->done) {
		l->times++;
		ult_yield();
	}
}

static void
classes_share_a_stream_by_weight(void **state)
{
	struct world *world = *state;
	struct letter io = {world}, scrub = {world};

	spawn(world, ULT_IO, count_and_yield, &io);
	spawn(world, ULT_SCRUB, count_and_yield, &scrub);
	for (int i = 0; i < 11000; i++)
		xs_poll(world->xs);
	/* 100 to 10. */
	assert_in_range(io.times, 9 * scrub.times, 11 * scrub.times);
	xs_set_weight(world->xs, ULT_SCRUB, 100);
	io.times = scrub.times = 0;
	for (int i = 0; i < 11000; i++)
		xs_poll(world->xs);
	assert_in_range(io.times, scrub.times * 9 / 10, scrub.times * 11 / 10);
	world->done = true;
	drain(world);
}

static void
an_idle_class_saves_up_no_claim(void **state)
{
	struct world *world = *state;
	struct letter io = {world}, scrub = {world};

	spawn(world, ULT_SCRUB, count_and_yield, &scrub);
	for (int i = 0; i < 1000; i++)
		xs_poll(world->xs);
	spawn(world, ULT_IO, count_and_yield, &io);
	scrub.times = 0;
	for (int i = 0; i < 1100; i++)
		xs_poll(world->xs);
	assert_in_range(scrub.times, 80, 120);
	world->done = true;
	drain(world);
}

static void
sleep_and_say(void *arg)
{
	struct letter *l = arg;
	uint64_t before = env_mono(l->world->env);

	ult_sleep(l->ns);
	assert_true(env_mono(l->world->env) >= before + l->ns);
	say(l->world, l->letter);
}

static void
sleepers_wake_in_order_of_their_deadlines(void **state)
{
	struct world *world = *state;
	struct letter c = {world, 'c', .ns = 3000000}, a = {world, 'a', .ns = 1000000}, b = {world, 'b', .ns = 2000000};

	spawn(world, ULT_IO, sleep_and_say, &c);
	spawn(world, ULT_IO, sleep_and_say, &a);
	spawn(world, ULT_IO, sleep_and_say, &b);
	drain(world);
	assert_string_equal(world->text, "abc");
}

static void
join_all(void *arg)
{
	struct world *world = arg;
	struct letter a = {world, 'a', .ns = 1000000}, b = {world, 'b', .times = 1};
	struct ult *ults[2];

	assert_int_equal(ult_spawn(world->xs, ULT_IO, "a", sleep_and_say, &a, &ults[0]), 0);
	assert_int_equal(ult_spawn(world->xs, ULT_IO, "b", say_and_yield, &b, &ults[1]), 0);
	assert_string_equal(ult_name(ults[0]), "a");
	ult_join(ults[0]);
	ult_join(ults[1]);
	say(world, 'j');
}

static void
a_join_waits_for_the_end(void **state)
{
	struct world *world = *state;

	spawn(world, ULT_IO, join_all, world);
	drain(world);
	assert_string_equal(world->text, "baj");
}

struct shared {
	struct world *world;
	struct ult_mutex mutex;
	struct ult_cond cond;
	struct ult_rwlock lock;
	struct ult_eventual ev;
	struct ult_barrier barrier;
	int inside, most, rounds, value;
	uint64_t deadline_ns;
};

static void
critical(void *arg)
{
	struct shared *shared = arg;

	for (int i = 0; i < 10; i++) {
		ult_mutex_lock(&shared->mutex);
		assert_int_equal(shared->inside++, 0);
		assert_false(ult_mutex_trylock(&shared->mutex));
		ult_yield();
		ult_sleep(1000);
		shared->inside--;
		shared->rounds++;
		ult_mutex_unlock(&shared->mutex);
	}
}

static void
a_mutex_admits_one_at_a_time_in_order(void **state)
{
	struct world *world = *state;
	struct shared shared = {.world = world};

	ult_mutex_init(&shared.mutex);
	for (int i = 0; i < 20; i++)
		spawn(world, ULT_IO, critical, &shared);
	drain(world);
	assert_int_equal(shared.rounds, 200);
	assert_null(shared.mutex.owner);
}

static void
reader(void *arg)
{
	struct shared *shared = arg;

	ult_rwlock_rdlock(&shared->lock);
	shared->inside++;
	shared->most = MAX(shared->most, shared->inside);
	ult_sleep(1000);
	shared->inside--;
	say(shared->world, 'r');
	ult_rwlock_unlock(&shared->lock);
}

static void
writer(void *arg)
{
	struct shared *shared = arg;

	ult_rwlock_wrlock(&shared->lock);
	assert_int_equal(shared->inside, 0);
	shared->inside = -100;
	ult_sleep(1000);
	assert_int_equal(shared->inside, -100);
	shared->inside = 0;
	say(shared->world, 'w');
	ult_rwlock_unlock(&shared->lock);
}

static void
readers_share_and_writers_do_not_starve(void **state)
{
	struct world *world = *state;
	struct shared shared = {.world = world};

	ult_rwlock_init(&shared.lock);
	for (int i = 0; i < 3; i++)
		spawn(world, ULT_IO, reader, &shared);
	spawn(world, ULT_IO, writer, &shared);
	for (int i = 0; i < 2; i++)
		spawn(world, ULT_IO, reader, &shared);
	spawn(world, ULT_IO, writer, &shared);
	spawn(world, ULT_IO, writer, &shared);
	drain(world);
	assert_string_equal(world->text, "rrrwrrww");
	assert_int_equal(shared.most, 3);
}

static void
wait_cond(void *arg)
{
	struct shared *shared = arg;

	ult_mutex_lock(&shared->mutex);
	while (shared->value == 0)
		ult_cond_wait(&shared->cond, &shared->mutex);
	shared->value--;
	say(shared->world, 'c');
	ult_mutex_unlock(&shared->mutex);
}

static void
signal_cond(void *arg)
{
	struct shared *shared = arg;

	ult_sleep(1000);
	shared->value = 1;
	ult_cond_signal(&shared->cond);
	ult_cond_signal(&shared->cond);
	ult_sleep(1000);
	say(shared->world, 's');
	shared->value = 2;
	ult_cond_broadcast(&shared->cond);
}

static void
a_condition_wakes_one_or_all(void **state)
{
	struct world *world = *state;
	struct shared shared = {.world = world};

	ult_mutex_init(&shared.mutex);
	ult_cond_init(&shared.cond);
	for (int i = 0; i < 3; i++)
		spawn(world, ULT_IO, wait_cond, &shared);
	spawn(world, ULT_IO, signal_cond, &shared);
	drain(world);
	assert_string_equal(world->text, "cscc");
}

static void
wait_in_vain(void *arg)
{
	struct shared *shared = arg;
	uint64_t deadline = env_mono(shared->world->env) + NS_PER_MS;
	int value;

	ult_mutex_lock(&shared->mutex);
	assert_int_equal(ult_cond_wait_until(&shared->cond, &shared->mutex, deadline), -DER_TIMEDOUT);
	assert_ptr_equal(shared->mutex.owner, ult_self());
	ult_mutex_unlock(&shared->mutex);
	assert_true(env_mono(shared->world->env) >= deadline);
	deadline += NS_PER_MS;
	assert_int_equal(ult_eventual_wait_until(&shared->ev, deadline, &value), -DER_TIMEDOUT);
	assert_true(list_empty(&shared->ev.waiters));
	ult_eventual_set(&shared->ev, 5);
	assert_int_equal(ult_eventual_wait_until(&shared->ev, deadline, &value), 0);
	assert_int_equal(value, 5);
}

static void
a_wait_ends_at_its_deadline(void **state)
{
	struct world *world = *state;
	struct shared shared = {.world = world};

	ult_mutex_init(&shared.mutex);
	ult_cond_init(&shared.cond);
	ult_eventual_init(&shared.ev);
	spawn(world, ULT_IO, wait_in_vain, &shared);
	drain(world);
}

static void
wait_eventual(void *arg)
{
	struct shared *shared = arg;
	int value = 0;

	if (shared->deadline_ns == 0)
		value = ult_eventual_wait(&shared->ev);
	else
		assert_int_equal(ult_eventual_wait_until(&shared->ev, shared->deadline_ns, &value), 0);
	assert_int_equal(value, 42);
	shared->rounds++;
}

static void
set_eventual(void *arg)
{
	struct shared *shared = arg;

	assert_false(ult_eventual_ready(&shared->ev));
	ult_eventual_set(&shared->ev, 42);
}

static void
an_eventual_reaches_waiters_before_and_after(void **state)
{
	struct world *world = *state;
	struct shared shared = {.world = world};
	struct ult_timer timer;

	ult_eventual_init(&shared.ev);
	spawn(world, ULT_IO, wait_eventual, &shared);
	spawn(world, ULT_IO, wait_eventual, &shared);
	ult_timer_init(&timer, world->xs, set_eventual, &shared);
	ult_timer_arm(&timer, env_mono(world->env) + NS_PER_MS);
	drain(world);
	shared.deadline_ns = env_mono(world->env) + NS_PER_MS;
	spawn(world, ULT_IO, wait_eventual, &shared);
	drain(world);
	assert_int_equal(shared.rounds, 3);
}

static void
meet(void *arg)
{
	struct shared *shared = arg;

	for (int i = 0; i < 5; i++) {
		ult_sleep(sim_rand_nr(shared->world->sim, 1000));
		assert_int_equal(shared->rounds / 4, i);
		shared->rounds++;
		ult_barrier_wait(&shared->barrier);
		assert_true(shared->rounds >= 4 * (i + 1));
	}
}

static void
a_barrier_lets_nobody_through_early_and_works_again(void **state)
{
	struct world *world = *state;
	struct shared shared = {.world = world};

	ult_barrier_init(&shared.barrier, 4);
	for (int i = 0; i < 4; i++)
		spawn(world, ULT_IO, meet, &shared);
	drain(world);
	assert_int_equal(shared.rounds, 20);
}

/* ---- timers against a model: an array that is searched --------------------------------------------------------------- */

enum { TIMERS = 200 };

struct timers {
	struct world *world;
	struct ult_timer timers[TIMERS];
	uint64_t due[TIMERS], order[TIMERS], last_due, last_order, orders;
	int fired;
};

struct timer_arg {
	struct timers *timers;
	int index;
};

static void
model_fired(void *arg)
{
	struct timer_arg *a = arg;
	struct timers *t = a->timers;

	assert_true(env_mono(t->world->env) >= t->due[a->index]);
	assert_int_not_equal(t->order[a->index], 0);
	/* The least of all that are armed. */
	for (int i = 0; i < TIMERS; i++)
		if (t->order[i] != 0 && i != a->index)
			assert_true(t->due[i] > t->due[a->index] ||
				    (t->due[i] == t->due[a->index] && t->order[i] > t->order[a->index]));
	t->order[a->index] = 0;
	t->fired++;
}

static void
timers_fire_as_a_sorted_list_would(void **state)
{
	struct world *world = *state;
	struct timers *t = test_calloc(1, sizeof(*t));
	struct timer_arg args[TIMERS];

	t->world = world;
	for (int i = 0; i < TIMERS; i++) {
		args[i] = (struct timer_arg){t, i};
		ult_timer_init(&t->timers[i], world->xs, model_fired, &args[i]);
	}
	for (int step = 0; step < 20000; step++) {
		int i = (int)sim_rand_nr(world->sim, TIMERS);
		uint64_t now = env_mono(world->env);

		switch (sim_rand_nr(world->sim, 8)) {
		case 0:
			ult_timer_cancel(&t->timers[i]);
			t->order[i] = 0;
			break;
		case 1:
			sim_run(world->sim, sim_rand_nr(world->sim, 20), NULL, NULL);
			xs_poll(world->xs);
			break;
		default:
			t->due[i] = now + sim_rand_nr(world->sim, 100);
			t->order[i] = ++t->orders;
			ult_timer_arm(&t->timers[i], t->due[i]);
		}
		assert_int_equal(t->timers[i].armed, t->order[i] != 0);
	}
	assert_true(t->fired > 1000);
	for (int i = 0; i < TIMERS; i++)
		ult_timer_fini(&t->timers[i]);
	test_free(t);
}

/* ---- many, and limits ------------------------------------------------------------------------------------------------ */

static void
count_one(void *arg)
{
	int *count = arg;

	ult_yield();
	(*count)++;
}

static void
very_many_ults_live_at_once(void **state)
{
	struct world *world = *state;
	struct xs_stats stats;
	struct xs *xs;
	int count = 0;

	assert_int_equal(xs_create(&(struct xs_config){.env = world->env, .name = "many", .ult_max = MANY,
						       .stack_size = 16384, .ult_prealloc = 8192}, &xs), 0);
	for (int i = 0; i < MANY; i++)
		assert_int_equal(ult_spawn(xs, ULT_IO, "one", count_one, &count, NULL), 0);
	assert_int_equal(ult_spawn(xs, ULT_IO, "one", count_one, &count, NULL), -DER_AGAIN);
	xs_stop(xs);
	xs_run(xs);
	assert_int_equal(count, MANY);
	xs_stats(xs, &stats);
	assert_int_equal(stats.ults, 0);
	assert_int_equal(stats.ults_peak, MANY);
	assert_true(stats.switches >= 2 * MANY);
	xs_destroy(xs);
}

static void
create_and_use(struct world *world, int *rc)
{
	struct xs *xs;
	int count = 0;

	*rc = xs_create(&(struct xs_config){.env = world->env, .name = "poor", .ult_prealloc = 1}, &xs);
	if (*rc != 0)
		return;
	for (int i = 0; i < 3 && *rc == 0; i++)
		*rc = ult_spawn(xs, ULT_IO, "one", count_one, &count, NULL);
	xs_stop(xs);
	xs_run(xs);
	xs_destroy(xs);
}

static void
every_failed_allocation_is_an_error_and_leaks_nothing(void **state)
{
	struct world *world = *state;
	struct sim_mem_stats before, after;
	int rc = -DER_NOMEM, n;

	sim_mem_stats(world->sim, 0, &before);
	for (n = 1; rc != 0; n++) {
		sim_mem_fail(world->sim, 0, (uint64_t)n, false);
		create_and_use(world, &rc);
		assert_true(rc == 0 || rc == -DER_NOMEM);
		sim_mem_stats(world->sim, 0, &after);
		assert_int_equal(before.blocks, after.blocks);
		assert_int_equal(before.handles, after.handles);
	}
	assert_true(n > 5);
}

/* On the stack itself, not on the one that ASan gives to what may be used after a return. */
__attribute__((no_sanitize_address)) static int
descend(int depth)
{
	volatile char frame[1000];

	for (size_t i = 0; i < sizeof(frame); i++)
		frame[i] = (char)(depth + 1);
	return depth == 0 ? 0 : descend(depth - 1) + frame[depth];
}

static void
use_stack(void *arg)
{
	*(int *)arg = descend(20);
}

static void
the_deepest_stack_is_known(void **state)
{
	struct world *world = *state;
	struct xs_stats stats;
	int sink;

	spawn(world, ULT_IO, use_stack, &sink);
	drain(world);
	xs_stats(world->xs, &stats);
	assert_in_range(stats.stack_peak, 20000, 40000);
}

/* ---- several streams -------------------------------------------------------------------------------------------------- */

struct pair {
	struct world *world;
	struct xs *other;
	struct xs_msg msgs[100];
	int got, calls;
};

static void
msg_run(struct xs_msg *msg)
{
	struct pair *pair = xs_owner(xs_self());

	assert_null(ult_self());
	assert_ptr_equal(msg, &pair->msgs[pair->got]);
	pair->got++;
}

static int
called(void *arg)
{
	struct pair *pair = arg;

	assert_ptr_equal(xs_self(), pair->other);
	ult_sleep(1000);
	return ++pair->calls;
}

static int
called_at_home(void *arg)
{
	struct pair *pair = arg;

	assert_ptr_equal(xs_self(), pair->world->xs);
	return -7;
}

static void
call_other(void *arg)
{
	struct pair *pair = arg;

	for (int i = 0; i < 100; i++) {
		pair->msgs[i].run = msg_run;
		xs_send(pair->other, &pair->msgs[i]);
	}
	for (int i = 1; i <= 10; i++)
		assert_int_equal(xs_call(pair->other, ULT_IO, called, pair), i);
	assert_int_equal(pair->got, 100);
	assert_int_equal(xs_call(pair->world->xs, ULT_IO, called_at_home, pair), -7);
	xs_stop(pair->other);
	pair->world->done = true;
}

static void
streams_call_each_other(void **state)
{
	struct world *world = *state;
	struct env_thread *thread;
	struct pair pair = {.world = world};

	assert_int_equal(xs_create(&(struct xs_config){.env = world->env, .name = "other", .id = 2}, &pair.other), 0);
	xs_set_owner(pair.other, &pair);
	assert_int_equal(xs_start(pair.other, NULL, &thread), 0);
	spawn(world, ULT_IO, call_other, &pair);
	assert_int_equal(xs_run_until(world->xs, &world->done, ENV_FOREVER), 0);
	world->env->ops->host.thread_join(thread);
	assert_int_equal(xs_id(pair.other), 2);
	assert_string_equal(xs_name(pair.other), "other");
	xs_destroy(pair.other);
}

static void
run_until_gives_up_at_its_deadline(void **state)
{
	struct world *world = *state;
	uint64_t deadline = env_mono(world->env) + NS_PER_S;

	assert_int_equal(xs_run_until(world->xs, &world->done, deadline), -DER_TIMEDOUT);
	assert_in_range(env_mono(world->env), deadline, deadline + NS_PER_MS);
}

static int
count_sample(void *arg, const struct telemetry_sample *sample)
{
	int *seen = arg;

	seen[0]++;
	if (strcmp(sample->path, "sched/ults/xs_0") == 0)
		seen[1] = (int)sample->value;
	return 0;
}

static void
a_stream_publishes_its_metrics(void **state)
{
	struct world *world = *state;
	struct telemetry_reader *reader;
	struct telemetry *tel;
	struct letter a = {world, 'a', 1};
	int seen[2] = {0};

	assert_int_equal(telemetry_create(world->env, "/metrics", "test", 64, &tel), 0);
	xs_set_telemetry(world->xs, tel);
	for (int i = 0; i < 3; i++)
		spawn(world, ULT_IO, say_and_yield, &a);
	xs_poll(world->xs);
	assert_int_equal(telemetry_open(world->env, "/metrics", &reader), 0);
	assert_int_equal(telemetry_each(reader, count_sample, seen), 0);
	assert_int_equal(seen[0], ULT_CLASS_NR + 2);
	assert_int_equal(seen[1], 3);
	telemetry_close(reader);
	drain(world);
	xs_set_telemetry(world->xs, NULL);
	telemetry_destroy(tel, true);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(ults_take_turns_when_they_yield),
		TEST(system_ults_run_first),
		TEST(classes_share_a_stream_by_weight),
		TEST(an_idle_class_saves_up_no_claim),
		TEST(sleepers_wake_in_order_of_their_deadlines),
		TEST(a_join_waits_for_the_end),
		TEST(a_mutex_admits_one_at_a_time_in_order),
		TEST(readers_share_and_writers_do_not_starve),
		TEST(a_condition_wakes_one_or_all),
		TEST(a_wait_ends_at_its_deadline),
		TEST(an_eventual_reaches_waiters_before_and_after),
		TEST(a_barrier_lets_nobody_through_early_and_works_again),
		TEST(timers_fire_as_a_sorted_list_would),
		TEST(very_many_ults_live_at_once),
		TEST(every_failed_allocation_is_an_error_and_leaks_nothing),
		TEST(the_deepest_stack_is_known),
		TEST(streams_call_each_other),
		TEST(run_until_gives_up_at_its_deadline),
		TEST(a_stream_publishes_its_metrics),
	};

	return cmocka_run_group_tests_name("ult", tests, NULL, NULL);
}
