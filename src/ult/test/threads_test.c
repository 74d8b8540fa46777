/* SPDX-License-Identifier: Apache-2.0 */
/* Streams on real threads: what passes between them, and that they sleep when there is nothing to do. Also run under TSan. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdatomic.h>
#include "env_real/env_real.h"
#include "ult/ult.h"

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
enum { STREAMS = 4, MESSAGES = 2000, CALLS = 100, ULTS = 200 };
#else
enum { STREAMS = 4, MESSAGES = 20000, CALLS = 1000, ULTS = 2000 };
#endif

struct house;

struct room {
	struct house *house;
	struct xs *xs;
	struct env_thread *thread;
	uint32_t id;
	uint64_t last[STREAMS], got, calls;
};

struct house {
	struct env *env;
	struct room rooms[STREAMS];
	_Atomic uint32_t finished;
};

struct note {
	struct xs_msg msg;
	struct room *to;
	uint32_t from;
	uint64_t number;
};

static void
note_run(struct xs_msg *msg)
{
	struct note *note = container_of(msg, struct note, msg);
	struct room *room = note->to;

	assert_ptr_equal(xs_self(), room->xs);
	assert_true(note->number > room->last[note->from]);
	room->last[note->from] = note->number;
	room->got++;
	mem_free(room->house->env->mem, note);
}

static int
add_one(void *arg)
{
	struct room *room = arg;

	assert_ptr_equal(xs_self(), room->xs);
	if (room->calls % 3 == 0)
		ult_yield();
	return (int)++room->calls;
}

static void
send_to_all(void *arg)
{
	struct room *room = arg;
	struct house *house = room->house;

	for (uint64_t i = 1; i <= MESSAGES; i++) {
		struct note *note = MEM_NEW(house->env->mem, struct note);

		note->msg.run = note_run;
		note->to = &house->rooms[(room->id + i) % STREAMS];
		note->from = room->id;
		note->number = i;
		xs_send(note->to->xs, &note->msg);
		if (i % 64 == 0)
			ult_yield();
	}
	atomic_fetch_add(&house->finished, 1);
}

static void
call_all(void *arg)
{
	struct room *room = arg;
	struct house *house = room->house;

	for (int i = 0; i < CALLS; i++) {
		struct room *to = &house->rooms[(room->id + (uint32_t)i) % STREAMS];

		assert_true(xs_call(to->xs, ULT_IO, add_one, to) > 0);
	}
	atomic_fetch_add(&house->finished, 1);
}

static void
live_briefly(void *arg)
{
	ult_yield();
	ult_sleep(1000);
	++*(int *)arg;
}

static void
spawn_many(void *arg)
{
	struct room *room = arg;
	struct ult *ults[16];
	int count = 0;

	for (int i = 0; i < ULTS / 16; i++) {
		for (int n = 0; n < 16; n++)
			assert_int_equal(ult_spawn(room->xs, ULT_IO, "brief", live_briefly, &count, &ults[n]), 0);
		for (int n = 0; n < 16; n++)
			ult_join(ults[n]);
	}
	assert_int_equal(count, ULTS / 16 * 16);
	atomic_fetch_add(&room->house->finished, 1);
}

static void
open_house(struct house *house)
{
	struct env_real_options quiet = {.log.mask = "CRIT"};

	memset(house, 0, sizeof(*house));
	assert_int_equal(env_real_create(&quiet, &house->env), 0);
	for (uint32_t i = 0; i < STREAMS; i++) {
		struct room *room = &house->rooms[i];

		room->house = house;
		room->id = i;
		assert_int_equal(xs_create(&(struct xs_config){.env = house->env, .name = "room", .id = i}, &room->xs), 0);
	}
}

static void
start_house(struct house *house)
{
	for (int i = 0; i < STREAMS; i++)
		assert_int_equal(xs_start(house->rooms[i].xs, NULL, &house->rooms[i].thread), 0);
}

static void
close_house(struct house *house)
{
	for (int i = 0; i < STREAMS; i++)
		xs_stop(house->rooms[i].xs);
	for (int i = 0; i < STREAMS; i++)
		house->env->ops->host.thread_join(house->rooms[i].thread);
	for (int i = 0; i < STREAMS; i++)
		xs_destroy(house->rooms[i].xs);
	env_real_destroy(house->env);
}

static void
wait_finished(struct house *house, uint32_t nr)
{
	struct env_loop *loop;

	assert_int_equal(house->env->ops->loop.open(house->env, &loop), 0);
	while (atomic_load(&house->finished) < nr)
		house->env->ops->loop.poll(loop, env_mono(house->env) + NS_PER_MS);
	house->env->ops->loop.close(loop);
}

static void
messages_between_threads_arrive_in_order_and_all(void **state)
{
	struct house house;
	uint64_t got = 0;

	open_house(&house);
	for (int i = 0; i < STREAMS; i++)
		assert_int_equal(ult_spawn(house.rooms[i].xs, ULT_IO, "send", send_to_all, &house.rooms[i], NULL), 0);
	start_house(&house);
	wait_finished(&house, STREAMS);
	close_house(&house); /* a stream ends when its inbox is empty and nobody is left who could fill it */
	for (int i = 0; i < STREAMS; i++)
		got += house.rooms[i].got;
	assert_int_equal(got, (uint64_t)STREAMS * MESSAGES);
}

static void
threads_call_each_other(void **state)
{
	struct house house;
	uint64_t calls = 0;

	open_house(&house);
	for (int i = 0; i < STREAMS; i++)
		assert_int_equal(ult_spawn(house.rooms[i].xs, ULT_IO, "call", call_all, &house.rooms[i], NULL), 0);
	start_house(&house);
	wait_finished(&house, STREAMS);
	close_house(&house);
	for (int i = 0; i < STREAMS; i++)
		calls += house.rooms[i].calls;
	assert_int_equal(calls, STREAMS * CALLS);
}

static void
every_thread_has_its_own_ults(void **state)
{
	struct house house;

	open_house(&house);
	for (int i = 0; i < STREAMS; i++)
		assert_int_equal(ult_spawn(house.rooms[i].xs, ULT_IO, "many", spawn_many, &house.rooms[i], NULL), 0);
	start_house(&house);
	wait_finished(&house, STREAMS);
	close_house(&house);
}

static void
an_idle_stream_sleeps(void **state)
{
	struct house house;
	struct env_loop *loop;

	open_house(&house);
	start_house(&house);
	assert_int_equal(house.env->ops->loop.open(house.env, &loop), 0);
	house.env->ops->loop.poll(loop, env_mono(house.env) + 200 * NS_PER_MS);
	house.env->ops->loop.close(loop);
	for (int i = 0; i < STREAMS; i++)
		xs_stop(house.rooms[i].xs);
	for (int i = 0; i < STREAMS; i++) {
		struct xs_stats stats;

		house.env->ops->host.thread_join(house.rooms[i].thread);
		xs_stats(house.rooms[i].xs, &stats);
		assert_true(stats.polls < 10);
		assert_true(stats.sleeps >= 1);
	}
	for (int i = 0; i < STREAMS; i++)
		xs_destroy(house.rooms[i].xs);
	env_real_destroy(house.env);
}

static void
sleep_precisely(void *arg)
{
	struct room *room = arg;
	struct env *env = room->house->env;

	for (int i = 0; i < 5; i++) {
		uint64_t start = env_mono(env);

		ult_sleep(2 * NS_PER_MS);
		assert_true(env_mono(env) >= start + 2 * NS_PER_MS);
	}
	atomic_fetch_add(&room->house->finished, 1);
}

static void
sleepers_wake_on_time_on_real_clocks(void **state)
{
	struct house house;
	uint64_t start;

	open_house(&house);
	start = env_mono(house.env);
	for (int i = 0; i < STREAMS; i++)
		assert_int_equal(ult_spawn(house.rooms[i].xs, ULT_IO, "sleep", sleep_precisely, &house.rooms[i], NULL), 0);
	start_house(&house);
	wait_finished(&house, STREAMS);
	assert_true(env_mono(house.env) < start + 5 * NS_PER_S);
	close_house(&house);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_between_threads_arrive_in_order_and_all),
		cmocka_unit_test(threads_call_each_other),
		cmocka_unit_test(every_thread_has_its_own_ults),
		cmocka_unit_test(an_idle_stream_sleeps),
		cmocka_unit_test(sleepers_wake_on_time_on_real_clocks),
	};

	return cmocka_run_group_tests_name("ult on threads", tests, NULL, NULL);
}
