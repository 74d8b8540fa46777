/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Operations as tasks: daos_task.h over tse.c. The operation runs in a ULT; the task completes when it ends, and what is to be done
 * then is done by the program's next daos_progress(), on its stack.
 *
 * Space of a task: struct head, then the arguments of its operation.
 */
#include "core.h"

#include <daos_task.h>

struct head {
	const struct core_task *what;
	uint64_t unused; /* keeps the arguments aligned */
};
_Static_assert(sizeof(struct head) % 16 == 0, "arguments are aligned");

struct poller {
	struct core_waiter waiter;
	struct list link;
};

/* Threads in daos_progress(). Under the lock. */
static struct list pollers = LIST_HEAD_INIT(pollers);

static const struct core_task *
find(daos_opc_t opc)
{
	const struct core_task *tables[] = {core__pool_tasks, core__cont_tasks, core__object_tasks, core__tx_tasks,
					    core__kv_tasks, core__array_tasks, core__mgmt_tasks};

	for (size_t t = 0; t < ARRAY_SIZE(tables); t++)
		for (const struct core_task *task = tables[t]; task->fn != NULL; task++)
			if (task->opc == (int)opc)
				return task;
	return NULL;
}

static struct head *
head_of(tse_task_t *task)
{
	return tse_task_buf_embedded(task, sizeof(struct head));
}

static void
ended(void *arg, int rc)
{
	tse_task_t *task = arg;
	struct poller *poller;

	tse_task_complete(task, rc);
	tse_task_decref(task);
	if (core__lock() != 0)
		return;
	list_each(poller, &pollers, link)
		core__wake(&poller->waiter);
	core__unlock();
}

static int
run(tse_task_t *task)
{
	struct head *head = head_of(task);
	int rc = task->dt_result;

	if (rc == 0) {
		tse_task_addref(task);
		rc = core__launch(head->what->fn, head + 1, head->what->size, ended, task);
		if (rc == 0)
			return 0;
		tse_task_decref(task);
	}
	tse_task_complete(task, rc);
	return rc;
}

int
daos_task_create(daos_opc_t opc, tse_sched_t *sched, unsigned int num_deps, tse_task_t *dep_tasks[], tse_task_t **taskp)
{
	const struct core_task *what = find(opc);
	tse_task_t *task;
	int rc;

	if (what == NULL)
		return -DER_NOSYS;
	if (taskp == NULL || (num_deps > 0 && dep_tasks == NULL))
		return -DER_INVAL;
	rc = tse_task_create(run, sched, NULL, &task);
	if (rc != 0)
		return rc;
	if (num_deps > 0)
		rc = tse_task_register_deps(task, (int)num_deps, dep_tasks);
	if (rc != 0) {
		tse_task_complete(task, rc);
		return rc;
	}
	head_of(task)->what = what;
	*taskp = task;
	return 0;
}

int
daos_task_reset(tse_task_t *task, daos_opc_t opc)
{
	const struct core_task *what = find(opc);
	int rc;

	if (what == NULL)
		return -DER_NOSYS;
	rc = tse_task_reset(task, run, NULL);
	if (rc != 0)
		return rc == -DER_NO_PERM ? -DER_BUSY : rc;
	head_of(task)->what = what;
	return 0;
}

void *
daos_task_get_args(tse_task_t *task)
{
	return head_of(task) + 1;
}

void *
daos_task_get_priv(tse_task_t *task)
{
	return tse_task_get_priv(task);
}

void *
daos_task_set_priv(tse_task_t *task, void *priv)
{
	return tse_task_set_priv(task, priv);
}

int
daos_progress(tse_sched_t *sched, int64_t timeout, bool *is_empty)
{
	uint64_t deadline_ns = 0;
	bool empty;
	int rc;

	if (sched == NULL)
		return -DER_INVAL;
	for (bool first = true;; first = false) {
		struct poller poller = {.waiter = CORE_WAITER_INIT};

		rc = core__lock();
		if (rc != 0)
			return rc;
		if (first)
			deadline_ns = timeout == DAOS_EQ_NOWAIT ? 0 : core__deadline(timeout);
		/* In the list before looking: an end between the look and the wait is not missed. */
		list_append(&pollers, &poller.link);
		core__unlock();
		tse_sched_progress(sched);
		empty = tse_sched_check_complete(sched);
		rc = core__lock();
		if (rc != 0)
			return rc;
		if (!empty && deadline_ns == 0)
			core__poll();
		else if (!empty)
			core__wait(&poller.waiter, deadline_ns);
		list_remove(&poller.link);
		rc = !empty && deadline_ns != 0 && deadline_ns != ENV_FOREVER && core__deadline(0) >= deadline_ns ? -DER_TIMEDOUT : 0;
		core__unlock();
		if (empty || deadline_ns == 0 || rc != 0)
			break;
	}
	if (!empty) {
		tse_sched_progress(sched);
		empty = tse_sched_check_complete(sched);
		rc = empty || deadline_ns == 0 ? 0 : rc;
	}
	if (is_empty != NULL)
		*is_empty = empty;
	return rc;
}
