/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks and schedulers: orders of dependencies, results, callbacks, repetition, cancellation, threads. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <daos/tse.h>
#include <gurt/common.h>
#include <unistd.h>

#define TASKS 300

/** What tasks write down. */
static struct {
	int order[TASKS * 4];
	int nr;
	pthread_mutex_t lock;
} diary = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void
note(int what)
{
	pthread_mutex_lock(&diary.lock);
	diary.order[diary.nr++] = what;
	pthread_mutex_unlock(&diary.lock);
}

/** Where in the diary something stands; -1: nowhere. */
static int
place_of(int what)
{
	int i;

	for (i = 0; i < diary.nr; i++) {
		if (diary.order[i] == what)
			return i;
	}
	return -1;
}

struct args {
	int id, rc;
};

static int
note_and_complete(tse_task_t *task)
{
	struct args *args = tse_task_buf_embedded(task, sizeof(*args));

	note(args->id);
	tse_task_complete(task, args->rc);
	return 0;
}

static tse_task_t *
task_new(tse_sched_t *sched, int id, int rc)
{
	struct args *args;
	tse_task_t *task;

	assert_int_equal(tse_task_create(note_and_complete, sched, NULL, &task), 0);
	args = tse_task_buf_embedded(task, sizeof(*args));
	assert_int_equal(args->id, 0);
	*args = (struct args){.id = id, .rc = rc};
	return task;
}

static void
sched_new(tse_sched_t *sched)
{
	diary.nr = 0;
	assert_int_equal(tse_sched_init(sched, NULL, NULL), 0);
}

static void
a_task_runs_when_it_is_scheduled_and_progressed(void **state)
{
	tse_sched_t sched;
	tse_task_t *task;

	sched_new(&sched);
	task = task_new(&sched, 1, 0);
	assert_ptr_equal(tse_task2sched(task), &sched);
	assert_ptr_equal(tse_task2arg(task), tse_task_buf_embedded(task, 8));
	assert_null(tse_task_set_priv(task, &sched));
	assert_ptr_equal(tse_task_get_priv(task), &sched);
	tse_sched_progress(&sched);
	assert_int_equal(diary.nr, 0);
	assert_true(tse_sched_check_complete(&sched));
	assert_int_equal(tse_task_schedule(task, false), 0);
	assert_int_equal(tse_task_schedule(task, false), -DER_NO_PERM);
	assert_false(tse_sched_check_complete(&sched));
	assert_int_equal(diary.nr, 0);
	tse_sched_progress(&sched);
	assert_int_equal(diary.nr, 1);
	assert_true(tse_sched_check_complete(&sched));
	assert_int_equal(tse_task_schedule(task_new(&sched, 2, 0), true), 0);
	assert_int_equal(diary.nr, 2);
	tse_sched_complete(&sched, 0, false);
	tse_sched_fini(&sched);
}

/** Random graphs without circles: every task runs once, after all that it waits for. */
static void
tasks_run_after_what_they_depend_on(void **state)
{
	static bool depends[TASKS][TASKS];
	tse_task_t *tasks[TASKS], *deps[TASKS];
	tse_sched_t sched;
	unsigned int seed;
	int i, j, nr;

	for (seed = 1; seed <= 5; seed++) {
		srand(seed);
		sched_new(&sched);
		for (i = 0; i < TASKS; i++) {
			tasks[i] = task_new(&sched, i + 1, 0);
			tse_task_addref(tasks[i]);
			for (j = 0, nr = 0; j < i; j++) {
				depends[i][j] = rand() % 40 == 0;
				if (depends[i][j])
					deps[nr++] = tasks[j];
			}
			assert_int_equal(tse_task_register_deps(tasks[i], nr, deps), 0);
		}
		/* Scheduled backwards, now and then worked on. */
		for (i = TASKS - 1; i >= 0; i--) {
			assert_int_equal(tse_task_schedule(tasks[i], rand() % 2), 0);
			if (rand() % 10 == 0)
				tse_sched_progress(&sched);
		}
		tse_sched_progress(&sched);
		assert_true(tse_sched_check_complete(&sched));
		assert_int_equal(diary.nr, TASKS);
		for (i = 0; i < TASKS; i++) {
			assert_true(place_of(i + 1) >= 0);
			for (j = 0; j < i; j++)
				assert_true(!depends[i][j] || place_of(j + 1) < place_of(i + 1));
		}
		/* What is done is no dependency. */
		tasks[0]->dt_result = 0;
		deps[0] = tasks[0];
		assert_int_equal(tse_task_register_deps(tasks[1], 1, deps), -DER_NO_PERM);
		for (i = 0; i < TASKS; i++)
			tse_task_decref(tasks[i]);
		tse_sched_complete(&sched, 0, false);
		tse_sched_fini(&sched);
	}
}

static void
errors_go_to_those_who_wait_unless_they_refuse(void **state)
{
	tse_task_t *first, *second, *third;
	tse_sched_t sched;

	sched_new(&sched);
	first = task_new(&sched, 1, -DER_NOSPACE);
	second = task_new(&sched, 2, -DER_BUSY);
	third = task_new(&sched, 3, 0);
	tse_task_addref(second);
	tse_task_addref(third);
	tse_disable_propagate(third);
	assert_int_equal(tse_task_register_deps(second, 1, &first), 0);
	assert_int_equal(tse_task_register_deps(third, 1, &second), 0);
	assert_int_equal(tse_task_register_deps(third, 1, &third), -DER_INVAL);
	tse_task_schedule(third, false);
	tse_task_schedule(second, false);
	tse_task_schedule(first, false);
	tse_sched_complete(&sched, 0, false);
	assert_int_equal(diary.nr, 3);
	assert_int_equal(second->dt_result, -DER_NOSPACE);
	assert_int_equal(third->dt_result, 0);
	assert_int_equal(sched.ds_result, -DER_NOSPACE);
	tse_task_decref(second);
	tse_task_decref(third);
	tse_sched_fini(&sched);
}

/* ---- callbacks -------------------------------------------------------------------------------------------------- */

static int
note_arg(tse_task_t *task, void *arg)
{
	note(*(int *)arg);
	return 0;
}

static int
fail_with_arg(tse_task_t *task, void *arg)
{
	return *(int *)arg;
}

static int
complete_with_arg(tse_task_t *task, void *arg)
{
	tse_task_complete(task, *(int *)arg);
	return 0;
}

static void
callbacks_surround_a_task_last_added_first(void **state)
{
	int ten = 10, eleven = 11, twenty = 20, busy = -DER_BUSY;
	tse_sched_t sched;
	tse_task_t *task;

	sched_new(&sched);
	task = task_new(&sched, 1, 0);
	tse_task_addref(task);
	assert_int_equal(tse_task_register_cbs(task, note_arg, &twenty, sizeof(int), note_arg, &ten, sizeof(int)), 0);
	assert_int_equal(tse_task_register_comp_cb(task, note_arg, &eleven, sizeof(int)), 0);
	assert_int_equal(tse_task_register_comp_cb(task, fail_with_arg, &busy, sizeof(int)), 0);
	ten = eleven = twenty = 0;
	tse_task_schedule(task, true);
	assert_int_equal(diary.nr, 4);
	assert_int_equal(diary.order[0], 20);
	assert_int_equal(diary.order[1], 1);
	assert_int_equal(diary.order[2], 11);
	assert_int_equal(diary.order[3], 10);
	assert_int_equal(task->dt_result, -DER_BUSY);
	tse_task_decref(task);
	/* What a prepare callback completes does not run. */
	task = task_new(&sched, 2, 0);
	tse_task_addref(task);
	ten = 10;
	assert_int_equal(tse_task_register_cbs(task, complete_with_arg, &busy, sizeof(int), note_arg, &ten, sizeof(int)), 0);
	tse_task_schedule(task, false);
	tse_sched_progress(&sched);
	assert_int_equal(place_of(2), -1);
	assert_int_equal(diary.order[4], 10);
	assert_int_equal(task->dt_result, -DER_BUSY);
	tse_task_decref(task);
	/* Nor does what was never scheduled, but its callbacks are called. */
	task = task_new(&sched, 3, 0);
	assert_int_equal(tse_task_register_comp_cb(task, note_arg, &ten, sizeof(int)), 0);
	tse_task_complete(task, -DER_INVAL);
	assert_int_equal(diary.nr, 6);
	tse_sched_complete(&sched, 0, false);
	tse_sched_fini(&sched);
}

/* ---- repetition ------------------------------------------------------------------------------------------------- */

static int
again_three_times(tse_task_t *task, void *arg)
{
	struct args *args = tse_task2arg(task);

	if (args->id < 3) {
		args->id++;
		assert_int_equal(tse_task_reinit(task), 0);
		assert_int_equal(tse_task_register_comp_cb(task, again_three_times, NULL, 0), 0);
	}
	return 0;
}

static void
a_callback_can_have_the_task_run_again(void **state)
{
	tse_task_t *task, *after;
	tse_sched_t sched;
	int rounds;

	sched_new(&sched);
	task = task_new(&sched, 1, -DER_AGAIN);
	after = task_new(&sched, 99, 0);
	assert_int_equal(tse_task_register_comp_cb(task, again_three_times, NULL, 0), 0);
	assert_int_equal(tse_task_register_deps(after, 1, &task), 0);
	assert_int_equal(tse_task_reinit(task), -DER_NO_PERM);
	tse_task_schedule(task, false);
	tse_task_schedule(after, false);
	for (rounds = 0; !tse_sched_check_complete(&sched); rounds++) {
		assert_int_equal(place_of(99), -1);
		tse_sched_progress(&sched);
	}
	assert_int_equal(rounds, 3);
	assert_int_equal(diary.nr, 4);
	assert_int_equal(diary.order[2], 3);
	assert_int_equal(diary.order[3], 99);
	tse_sched_complete(&sched, 0, false);
	tse_sched_fini(&sched);
}

static void
a_task_that_is_done_serves_again(void **state)
{
	tse_sched_t sched;
	tse_task_t *task;

	sched_new(&sched);
	task = task_new(&sched, 1, -DER_BUSY);
	tse_task_addref(task);
	assert_int_equal(tse_task_reset(task, note_and_complete, NULL), -DER_NO_PERM);
	tse_task_schedule(task, true);
	assert_int_equal(task->dt_result, -DER_BUSY);
	assert_int_equal(tse_task_reset(task, note_and_complete, &sched), 0);
	assert_int_equal(task->dt_result, 0);
	assert_ptr_equal(tse_task_get_priv(task), &sched);
	tse_task_schedule(task, true);
	assert_int_equal(diary.nr, 2);
	/* Once more, after its completion. */
	assert_int_equal(tse_task_reinit(task), 0);
	tse_sched_progress(&sched);
	assert_int_equal(diary.nr, 3);
	tse_task_decref(task);
	tse_sched_complete(&sched, 0, false);
	tse_sched_fini(&sched);
}

static void
a_delayed_task_waits_for_its_time(void **state)
{
	struct timespec start, end;
	tse_sched_t sched;
	tse_task_t *task;

	sched_new(&sched);
	task = task_new(&sched, 1, 0);
	assert_int_equal(tse_task_schedule_with_delay(task, true, 1), -DER_INVAL);
	d_gettime(&start);
	assert_int_equal(tse_task_schedule_with_delay(task, false, 20000), 0);
	tse_sched_progress(&sched);
	assert_int_equal(diary.nr, 0);
	assert_int_equal(tse_task_schedule(task_new(&sched, 2, 0), false), 0);
	tse_sched_complete(&sched, 0, false);
	d_gettime(&end);
	assert_true(d_timediff_ns(&start, &end) >= 20 * NSEC_PER_MSEC);
	assert_int_equal(diary.order[0], 2);
	assert_int_equal(diary.order[1], 1);
	tse_sched_fini(&sched);
}

/* ---- tasks in tasks --------------------------------------------------------------------------------------------- */

static int
leave_it_to_children(tse_task_t *task)
{
	struct args *args = tse_task2arg(task);
	tse_task_t *children[2] = {task_new(tse_task2sched(task), 101, 0), task_new(tse_task2sched(task), 102, args->rc)};

	note(args->id);
	assert_int_equal(tse_task_register_deps(task, 2, children), 0);
	assert_int_equal(tse_task_schedule(children[0], false), 0);
	assert_int_equal(tse_task_schedule(children[1], true), 0);
	return 0;
}

static void
a_task_can_leave_its_end_to_its_dependencies(void **state)
{
	int done = 55;
	tse_sched_t sched;
	tse_task_t *task;

	sched_new(&sched);
	assert_int_equal(tse_task_create(leave_it_to_children, &sched, NULL, &task), 0);
	*(struct args *)tse_task2arg(task) = (struct args){.id = 1, .rc = -DER_TIMEDOUT};
	tse_task_addref(task);
	assert_int_equal(tse_task_register_comp_cb(task, note_arg, &done, sizeof(done)), 0);
	tse_task_schedule(task, false);
	tse_sched_progress(&sched);
	assert_true(tse_sched_check_complete(&sched));
	assert_int_equal(diary.nr, 4);
	assert_int_equal(diary.order[0], 1);
	assert_int_equal(diary.order[3], 55);
	assert_int_equal(task->dt_result, -DER_TIMEDOUT);
	tse_task_decref(task);
	tse_sched_complete(&sched, 0, false);
	tse_sched_fini(&sched);
}

/* ---- the end ---------------------------------------------------------------------------------------------------- */

static int
sched_done(void *arg, int rc)
{
	*(int *)arg = rc;
	note(1000);
	return 0;
}

static void
cancellation_ends_what_has_not_started(void **state)
{
	tse_task_t *never, *waits, *sleeps;
	tse_sched_t sched;
	int result = 1, other = 1;

	diary.nr = 0;
	assert_int_equal(tse_sched_init(&sched, sched_done, &result), 0);
	assert_int_equal(tse_sched_register_comp_cb(&sched, sched_done, &other), 0);
	never = task_new(&sched, 1, 0);
	waits = task_new(&sched, 2, 0);
	sleeps = task_new(&sched, 3, 0);
	tse_task_addref(waits);
	assert_int_equal(tse_task_register_deps(waits, 1, &never), 0);
	tse_task_schedule(waits, false);
	tse_task_schedule_with_delay(sleeps, false, 3600ULL * 1000000);
	tse_sched_complete(&sched, -DER_BUSY, true);
	assert_int_equal(waits->dt_result, -DER_CANCELED);
	assert_int_equal(diary.nr, 2);
	assert_int_equal(result, -DER_CANCELED);
	assert_int_equal(other, -DER_CANCELED);
	tse_task_complete(never, 0);
	tse_task_decref(waits);
	assert_int_equal(tse_task_create(note_and_complete, &sched, NULL, &never), -DER_NO_PERM);
	tse_sched_addref(&sched);
	tse_sched_decref(&sched);
	tse_sched_decref(&sched);
}

/* ---- lists ------------------------------------------------------------------------------------------------------ */

static int
take_out_odd(tse_task_t *task, void *arg)
{
	int id = ((struct args *)tse_task2arg(task))->id;

	if (id % 2 == 1) {
		tse_task_list_del(task);
		tse_task_complete(task, 0);
	}
	return id == *(int *)arg ? 77 : 0;
}

static void
lists_hold_depend_and_schedule(void **state)
{
	int i, stop = 4, none = -1;
	tse_sched_t sched;
	tse_task_t *first, *last;
	d_list_t list;

	sched_new(&sched);
	D_INIT_LIST_HEAD(&list);
	first = task_new(&sched, 100, 0);
	last = task_new(&sched, 200, 0);
	for (i = 1; i <= 8; i++)
		assert_int_equal(tse_task_list_add(task_new(&sched, i, 0), &list), 0);
	assert_int_equal(tse_task_list_traverse_adv(&list, take_out_odd, &stop), 77);
	/* 5..8 are ahead of 2 and 4 now. */
	assert_int_equal(((struct args *)tse_task2arg(tse_task_list_first(&list)))->id, 5);
	assert_int_equal(tse_task_list_traverse(&list, take_out_odd, &none), 0);
	assert_int_equal(((struct args *)tse_task2arg(tse_task_list_first(&list)))->id, 6);
	assert_int_equal(tse_task_list_depend(&list, first), 0);
	assert_int_equal(tse_task_depend_list(last, &list), 0);
	tse_task_list_sched(&list, true);
	assert_null(tse_task_list_first(&list));
	tse_task_schedule(last, true);
	tse_sched_progress(&sched);
	assert_int_equal(diary.nr, 0);
	tse_task_schedule(first, false);
	tse_sched_progress(&sched);
	assert_int_equal(diary.nr, 6);
	assert_int_equal(diary.order[0], 100);
	assert_int_equal(diary.order[5], 200);
	for (i = 1; i <= 3; i++)
		assert_int_equal(tse_task_list_add(task_new(&sched, i, 0), &list), 0);
	tse_task_list_abort(&list, -DER_CANCELED);
	assert_int_equal(diary.nr, 6);
	tse_sched_complete(&sched, 0, false);
	tse_sched_fini(&sched);
}

/* ---- threads ---------------------------------------------------------------------------------------------------- */

static struct {
	tse_task_t *tasks[TASKS];
	int nr, done;
	pthread_mutex_t lock;
	pthread_cond_t cond;
} inbox = {.lock = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER};

static int
hand_over(tse_task_t *task)
{
	pthread_mutex_lock(&inbox.lock);
	inbox.tasks[inbox.nr++] = task;
	pthread_cond_signal(&inbox.cond);
	pthread_mutex_unlock(&inbox.lock);
	return 0;
}

static void *
worker(void *arg)
{
	tse_task_t *task;

	for (;;) {
		pthread_mutex_lock(&inbox.lock);
		while (inbox.nr == 0 && inbox.done < TASKS)
			pthread_cond_wait(&inbox.cond, &inbox.lock);
		if (inbox.done == TASKS) {
			pthread_cond_broadcast(&inbox.cond);
			pthread_mutex_unlock(&inbox.lock);
			return NULL;
		}
		task = inbox.tasks[--inbox.nr];
		inbox.done++;
		pthread_mutex_unlock(&inbox.lock);
		note(((struct args *)tse_task2arg(task))->id);
		tse_task_complete(task, 0);
	}
}

static void
tasks_may_be_completed_by_other_threads(void **state)
{
	tse_task_t *tasks[TASKS];
	tse_sched_t *sched = malloc(sizeof(*sched));
	pthread_t threads[3];
	int i;

	sched_new(sched);
	for (i = 0; i < TASKS; i++) {
		assert_int_equal(tse_task_create(hand_over, sched, NULL, &tasks[i]), 0);
		((struct args *)tse_task2arg(tasks[i]))->id = i + 1;
		if (i >= 10)
			assert_int_equal(tse_task_register_deps(tasks[i], 1, &tasks[i - 10]), 0);
	}
	for (i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, worker, NULL), 0);
	for (i = TASKS - 1; i >= 0; i--)
		assert_int_equal(tse_task_schedule(tasks[i], i % 2), 0);
	tse_sched_complete(sched, 0, false);
	tse_sched_fini(sched);
	/* Nobody touches a scheduler that is complete. */
	memset(sched, 0xee, sizeof(*sched));
	free(sched);
	for (i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(diary.nr, TASKS);
	for (i = 10; i < TASKS; i++)
		assert_true(place_of(i + 1) > place_of(i - 9));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_task_runs_when_it_is_scheduled_and_progressed),
		cmocka_unit_test(tasks_run_after_what_they_depend_on),
		cmocka_unit_test(errors_go_to_those_who_wait_unless_they_refuse),
		cmocka_unit_test(callbacks_surround_a_task_last_added_first),
		cmocka_unit_test(a_callback_can_have_the_task_run_again),
		cmocka_unit_test(a_task_that_is_done_serves_again),
		cmocka_unit_test(a_delayed_task_waits_for_its_time),
		cmocka_unit_test(a_task_can_leave_its_end_to_its_dependencies),
		cmocka_unit_test(cancellation_ends_what_has_not_started),
		cmocka_unit_test(lists_hold_depend_and_schedule),
		cmocka_unit_test(tasks_may_be_completed_by_other_threads),
	};

	return cmocka_run_group_tests_name("tse", tests, NULL, NULL);
}
