/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tasks and schedulers: functions that run when the tasks they depend on are done.
 *
 * A task belongs to a scheduler. After tse_task_schedule() it runs in tse_sched_progress() (or at once) when all its
 * dependencies have completed. Its function, or whoever it hands the task to, in any thread, ends it with
 * tse_task_complete(). A function may instead register dependencies and return: the task then completes with the last
 * of them. Callbacks run before (prepare) and after (completion) it.
 *
 * The first error of a dependency becomes the result of the tasks that wait for it (but see tse_disable_propagate()).
 * They run nevertheless and can look at dt_result; operations of daos_task.h do nothing then.
 *
 * References: a task is born with one, which its completion drops. Who wants to look at it later takes another.
 */
#ifndef DAOS_TSE_H
#define DAOS_TSE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <gurt/list.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** Bytes of a task: argument space of tse_task_buf_embedded(), with what the library keeps, with the result. */
#define TSE_TASK_ARG_LEN (840 + sizeof(pthread_mutex_t))
#define TSE_PRIV_SIZE (TSE_TASK_ARG_LEN + 136)
#define TSE_TASK_SIZE (TSE_PRIV_SIZE + 8)

typedef struct tse_task {
	int dt_result; /**< 0 or a negative DER number, when it is done */
	int dt_pad32;
	struct {
		char dt_space[TSE_PRIV_SIZE];
	} dt_private;
} tse_task_t;

/** A scheduler, in memory of the caller. */
typedef struct {
	int ds_result;  /**< 0 or the first error of a task */
	void *ds_udata; /**< what tse_sched_init() was given */
	struct {
		uint64_t ds_space[48];
	} ds_private;
} tse_sched_t;

/** Called when a scheduler completes. */
typedef int (*tse_sched_comp_cb_t)(void *args, int rc);
/** What a task does. It calls tse_task_complete() once, itself or from somewhere else later. */
typedef int (*tse_task_func_t)(tse_task_t *task);
/** Called before or after a task, with a copy of the argument that was registered. */
typedef int (*tse_task_cb_t)(tse_task_t *task, void *arg);

/* ---- schedulers ---------------------------------------------------------------------------------------------- */

/** Makes a scheduler. comp_cb: called by tse_sched_complete() with udata; or NULL. 0; -DER_NOMEM. */
int tse_sched_init(tse_sched_t *sched, tse_sched_comp_cb_t comp_cb, void *udata);

/** Ends a scheduler whose tasks are done. */
void tse_sched_fini(tse_sched_t *sched);
void tse_sched_addref(tse_sched_t *sched);
void tse_sched_decref(tse_sched_t *sched);

/**
 * Works until all tasks are done, then calls the callbacks, last added first.
 *
 * \param[in]	ret	result of the scheduler when no task failed
 * \param[in]	cancel	tasks that have not started end with -DER_CANCELED
 */
void tse_sched_complete(tse_sched_t *sched, int ret, bool cancel);

/** Adds a callback for the completion. 0; -DER_NOMEM. */
int tse_sched_register_comp_cb(tse_sched_t *sched, tse_sched_comp_cb_t comp_cb, void *arg);

/** Runs the tasks that are ready, and what is to be done about those that completed. */
void tse_sched_progress(tse_sched_t *sched);

/** Whether no task is left. */
bool tse_sched_check_complete(tse_sched_t *sched);

/* ---- tasks --------------------------------------------------------------------------------------------------- */

/** Makes a task. priv: see tse_task_get_priv(). 0; -DER_NO_PERM: the scheduler is being cancelled; -DER_NOMEM. */
int tse_task_create(tse_task_func_t task_func, tse_sched_t *sched, void *priv, tse_task_t **taskp);

/** Hands a task to its scheduler. instant: it runs now if nothing keeps it. 0; -DER_NO_PERM: it was before. */
int tse_task_schedule(tse_task_t *task, bool instant);

/** The same, not to run before delay microseconds have passed; excludes instant. */
int tse_task_schedule_with_delay(tse_task_t *task, bool instant, uint64_t delay);

/**
 * Ends a task, scheduled or not, with a result unless it has one. The caller uses it no more unless it holds a
 * reference.
 */
void tse_task_complete(tse_task_t *task, int ret);

/**
 * Makes a task wait for others of its scheduler; those that are done do not count. 0; -DER_NO_PERM: it is done itself;
 * -DER_INVAL; -DER_NOMEM.
 */
int tse_task_register_deps(tse_task_t *task, int num_deps, tse_task_t *dep_tasks[]);

/** Adds a callback for the completion, last added first called; it may tse_task_reinit() the task. */
int tse_task_register_comp_cb(tse_task_t *task, tse_task_cb_t comp_cb, void *arg, size_t arg_size);

/** Adds a callback before the function runs and one for the completion; either may be NULL. */
int tse_task_register_cbs(tse_task_t *task, tse_task_cb_t prep_cb, void *prep_data, size_t prep_data_size,
			  tse_task_cb_t comp_cb, void *comp_data, size_t comp_data_size);

/**
 * Has a task run again in the next tse_sched_progress(): from its function, a callback, or after its completion. New
 * dependencies may follow. 0; -DER_NO_PERM: it has not run, or the scheduler is being cancelled.
 */
int tse_task_reinit(tse_task_t *task);
int tse_task_reinit_with_delay(tse_task_t *task, uint64_t delay);

/** Makes a task that is done, and referred to, as if new, but for its argument space. 0; -DER_NO_PERM. */
int tse_task_reset(tse_task_t *task, tse_task_func_t task_func, void *priv);

void tse_task_addref(tse_task_t *task);
void tse_task_decref(tse_task_t *task);

/** Space in the task for the arguments of its function: the same each time, zeroed at first. size: bytes needed. */
void *tse_task_buf_embedded(tse_task_t *task, int size);

/** A pointer of the creator; the setter returns the former one. */
void *tse_task_get_priv(tse_task_t *task);
void *tse_task_set_priv(tse_task_t *task, void *priv);

/** What tse_task_buf_embedded() gives. */
void *tse_task2arg(tse_task_t *task);
tse_sched_t *tse_task2sched(tse_task_t *task);

/** The errors of the tasks that this one waits for do not become its own. */
void tse_disable_propagate(tse_task_t *task);

/* ---- lists of tasks ------------------------------------------------------------------------------------------ */

/** Adds a task that is not scheduled to the end of a list; the list holds a reference. 0. */
int tse_task_list_add(tse_task_t *task, d_list_t *head);

/** Takes a task out of its list and drops the reference. */
void tse_task_list_del(tse_task_t *task);
tse_task_t *tse_task_list_first(d_list_t *head);

/** Schedules all tasks of a list and empties it. */
void tse_task_list_sched(d_list_t *head, bool instant);

/** Completes all tasks of a list with an error and empties it. */
void tse_task_list_abort(d_list_t *head, int rc);

/** Makes all tasks of a list wait for task. */
int tse_task_list_depend(d_list_t *head, tse_task_t *task);

/** Makes task wait for all tasks of a list. */
int tse_task_depend_list(tse_task_t *task, d_list_t *head);

/** Calls cb for the tasks of a list, which it may take out; not 0 ends the walk. */
int tse_task_list_traverse(d_list_t *head, tse_task_cb_t cb, void *arg);

/** The same; what cb did not take out is behind the rest after it. */
int tse_task_list_traverse_adv(d_list_t *head, tse_task_cb_t cb, void *arg);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
