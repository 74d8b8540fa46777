/* SPDX-License-Identifier: Apache-2.0 */
/* loop: sleeping, waking, watched descriptors, stacks and threads. */
#include "world.h"
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

static struct world w;

static int
setup(void **state)
{
	world_open(&w, NULL);
	return 0;
}

static int
teardown(void **state)
{
	world_close(&w);
	return 0;
}

static void
poll_sleeps_until_its_deadline(void **state)
{
	for (uint64_t ms = 0; ms <= 20; ms += 10) {
		uint64_t begin = env_mono(w.env), deadline = begin + ms * NS_PER_MS, took;

		assert_int_equal(w.ops->loop.poll(w.loop, ms == 0 ? 0 : deadline), 0);
		took = env_mono(w.env) - begin;
		assert_true(took >= ms * NS_PER_MS);
		assert_true(took < ms * NS_PER_MS + NS_PER_S);
	}
}

static void
a_wake_before_the_sleep_ends_it_and_only_it(void **state)
{
	uint64_t begin = env_mono(w.env);

	w.ops->loop.wake(w.loop);
	w.ops->loop.wake(w.loop);
	assert_int_equal(w.ops->loop.poll(w.loop, begin + 30 * NS_PER_S), 0);
	assert_true(env_mono(w.env) - begin < 10 * NS_PER_S);
	begin = env_mono(w.env);
	w.ops->loop.poll(w.loop, begin + 20 * NS_PER_MS);
	assert_true(env_mono(w.env) - begin >= 20 * NS_PER_MS);
}

static void
waker(void *arg)
{
	for (int i = 0; i < 20000; i++) {
		__atomic_fetch_add((unsigned *)arg, 1, __ATOMIC_SEQ_CST);
		w.ops->loop.wake(w.loop);
		if (i % 64 == 0)
			sched_yield();
	}
}

static void
no_wake_of_other_threads_is_lost(void **state)
{
	struct env_thread *thread[2];
	unsigned counter = 0, seen = 0;

	for (int i = 0; i < 2; i++)
		assert_int_equal(w.ops->host.thread_start(w.env, "waker", NULL, waker, &counter, &thread[i]), 0);
	/* Whoever sleeps with news unseen sleeps too long here. */
	while (seen < 40000) {
		uint64_t begin = env_mono(w.env);

		seen = __atomic_load_n(&counter, __ATOMIC_SEQ_CST);
		if (seen < 40000)
			w.ops->loop.poll(w.loop, begin + 20 * NS_PER_S);
		assert_true(env_mono(w.env) - begin < 15 * NS_PER_S);
	}
	for (int i = 0; i < 2; i++)
		w.ops->host.thread_join(thread[i]);
}

static void
on_readable(void *arg)
{
	char c;

	assert_int_equal(read(*(int *)arg, &c, 1), 1);
	w.ops->loop.unwatch_fd(w.loop, *(int *)arg);
}

static void
a_watched_descriptor_is_told_until_unwatched(void **state)
{
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_int_equal(w.ops->loop.watch_fd(w.loop, fds[0], on_readable, &fds[0]), 0);
	assert_int_equal(w.ops->loop.poll(w.loop, 0), 0);
	assert_int_equal(write(fds[1], "ab", 2), 2);
	assert_int_equal(w.ops->loop.poll(w.loop, ENV_FOREVER), 1);
	assert_int_equal(w.ops->loop.poll(w.loop, env_mono(w.env) + 10 * NS_PER_MS), 0);
	close(fds[0]);
	close(fds[1]);
}

static void
an_idle_loop_uses_no_processor(void **state)
{
	struct rusage before, after;
	uint64_t us;

	getrusage(RUSAGE_SELF, &before);
	w.ops->loop.poll(w.loop, env_mono(w.env) + 300 * NS_PER_MS);
	getrusage(RUSAGE_SELF, &after);
	us = (uint64_t)(after.ru_utime.tv_sec + after.ru_stime.tv_sec - before.ru_utime.tv_sec - before.ru_stime.tv_sec) * 1000000 +
	     (uint64_t)(after.ru_utime.tv_usec + after.ru_stime.tv_usec - before.ru_utime.tv_usec - before.ru_stime.tv_usec);
	assert_true(us < 3000);
}

static void
time_goes_on_and_random_numbers_differ(void **state)
{
	uint64_t last = 0, now, wall = env_wall(w.env), seen[500];
	uint8_t key[32], zero[32] = {0};

	for (int i = 0; i < 500; i++) {
		now = env_mono(w.env);
		assert_true(now >= last);
		last = now;
		seen[i] = env_rand(w.env);
		for (int j = 0; j < i; j++)
			assert_true(seen[i] != seen[j]);
	}
	assert_true(wall > 1700000000 * NS_PER_S);
	memset(key, 0, sizeof(key));
	assert_int_equal(w.ops->rand_secure(w.env, key, sizeof(key)), 0);
	assert_memory_not_equal(key, zero, sizeof(key));
}

static void
the_topology_names_cores_and_threads_can_be_bound_to_them(void **state)
{
	struct env_topo *topo = calloc(1, sizeof(*topo));
	struct env_thread *thread;
	unsigned counter = 0;

	assert_int_equal(w.ops->host.topology(w.env, topo), 0);
	assert_in_range(topo->core_nr, 1, 256);
	assert_in_range(topo->pu_nr, topo->core_nr, 4096);
	assert_in_range(topo->numa_nr, 1, 64);
	assert_true(topo->memory > 64 * MIB);
	for (int i = 0; i < topo->core_nr; i++) {
		uint64_t any = 0;

		for (size_t b = 0; b < ARRAY_SIZE(topo->core[i].pus.bits); b++)
			any |= topo->core[i].pus.bits[b];
		assert_true(any != 0);
	}
	assert_int_equal(w.ops->host.thread_start(w.env, "a long name of a thread", &topo->core[topo->core_nr - 1].pus, waker,
						  &counter, &thread), 0);
	w.ops->host.thread_join(thread);
	assert_int_equal(counter, 20000);
	free(topo);
}

static void
stacks_are_zeroed_and_guarded(void **state)
{
	char *base[50];
	pid_t pid;
	int status;

	for (int i = 0; i < 50; i++) {
		assert_int_equal(w.ops->host.stack_alloc(w.env, 64 * KIB, (void **)&base[i]), 0);
		for (size_t off = 0; off < 64 * KIB; off++)
			assert_int_equal(base[i][off], 0);
		memset(base[i], 1, 64 * KIB);
	}
	pid = fork();
	if (pid == 0) {
		struct rlimit none = {0};

		setrlimit(RLIMIT_CORE, &none);
		signal(SIGSEGV, SIG_DFL);
		*(volatile char *)(base[7] - 1) = 1;
		_exit(0);
	}
	waitpid(pid, &status, 0);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
	for (int i = 0; i < 50; i++)
		w.ops->host.stack_free(w.env, base[i], 64 * KIB);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(poll_sleeps_until_its_deadline, setup, teardown),
		cmocka_unit_test_setup_teardown(a_wake_before_the_sleep_ends_it_and_only_it, setup, teardown),
		cmocka_unit_test_setup_teardown(no_wake_of_other_threads_is_lost, setup, teardown),
		cmocka_unit_test_setup_teardown(a_watched_descriptor_is_told_until_unwatched, setup, teardown),
		cmocka_unit_test_setup_teardown(an_idle_loop_uses_no_processor, setup, teardown),
		cmocka_unit_test_setup_teardown(time_goes_on_and_random_numbers_differ, setup, teardown),
		cmocka_unit_test_setup_teardown(the_topology_names_cores_and_threads_can_be_bound_to_them, setup, teardown),
		cmocka_unit_test_setup_teardown(stacks_are_zeroed_and_guarded, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
