/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waiting within one stream: mutex, condition, read-write lock, eventual, barrier. A waiter is a struct ult_wait on its
 * ULT's stack in the queue of what it waits for; whoever wakes it takes it out of the queue first.
 *
 * wait I1: a mutex or rwlock that is free has no waiters: it is handed over, never dropped and raced for.
 */
#include "xs.h"

/** Waits in the queue until woken. YIELDS */
void
ult__wait(struct list *waiters, struct ult_wait *wait)
{
	struct ult *ult = ult_self();

	ASSERTF(ult != NULL, "waiting outside of a ULT");
	wait->ult = ult;
	wait->timed_out = false;
	list_append(waiters, &wait->link);
	ult->wait = wait;
	ult__block(ult);
}

/** The same; 0 or -DER_TIMEDOUT. YIELDS */
int
ult__wait_until(struct list *waiters, struct ult_wait *wait, uint64_t deadline_ns)
{
	struct ult *ult = ult_self();

	ASSERTF(ult != NULL, "waiting outside of a ULT");
	if (deadline_ns != ENV_FOREVER)
		ult_timer_arm(&ult->timer, deadline_ns);
	ult__wait(waiters, wait);
	return wait->timed_out ? -DER_TIMEDOUT : 0;
}

static void
wake(struct ult_wait *wait)
{
	struct ult *ult = wait->ult;

	list_remove(&wait->link);
	ult_timer_cancel(&ult->timer);
	ult->wait = NULL;
	ult__ready(ult);
}

static void
wake_all(struct list *waiters)
{
	while (!list_empty(waiters))
		wake(list_first(waiters, struct ult_wait, link));
}

/* ---- mutex -------------------------------------------------------------------------------------------------------- */

void
ult_mutex_init(struct ult_mutex *mutex)
{
	mutex->owner = NULL;
	list_init(&mutex->waiters);
}

bool
ult_mutex_trylock(struct ult_mutex *mutex)
{
	if (mutex->owner != NULL)
		return false;
	mutex->owner = ult_self();
	ASSERTF(mutex->owner != NULL, "a mutex locked outside of a ULT");
	return true;
}

void
ult_mutex_lock(struct ult_mutex *mutex)
{
	struct ult_wait wait;

	if (ult_mutex_trylock(mutex))
		return;
	ASSERTF(mutex->owner != ult_self(), "a mutex locked twice by one ULT");
	ult__wait(&mutex->waiters, &wait);
}

void
ult_mutex_unlock(struct ult_mutex *mutex)
{
	struct ult_wait *next;

	ASSERTF(mutex->owner != NULL && mutex->owner == ult_self(), "a mutex unlocked by another than its owner");
	mutex->owner = NULL;
	if (list_empty(&mutex->waiters))
		return;
	next = list_first(&mutex->waiters, struct ult_wait, link);
	mutex->owner = next->ult;
	wake(next);
}

/* ---- condition ---------------------------------------------------------------------------------------------------- */

void
ult_cond_init(struct ult_cond *cond)
{
	list_init(&cond->waiters);
}

int
ult_cond_wait_until(struct ult_cond *cond, struct ult_mutex *mutex, uint64_t deadline_ns)
{
	struct ult_wait wait;
	int rc;

	if (mutex != NULL)
		ult_mutex_unlock(mutex);
	rc = ult__wait_until(&cond->waiters, &wait, deadline_ns);
	if (mutex != NULL)
		ult_mutex_lock(mutex);
	return rc;
}

void
ult_cond_wait(struct ult_cond *cond, struct ult_mutex *mutex)
{
	(void)ult_cond_wait_until(cond, mutex, ENV_FOREVER);
}

void
ult_cond_signal(struct ult_cond *cond)
{
	if (!list_empty(&cond->waiters))
		wake(list_first(&cond->waiters, struct ult_wait, link));
}

void
ult_cond_broadcast(struct ult_cond *cond)
{
	wake_all(&cond->waiters);
}

/* ---- read-write lock ---------------------------------------------------------------------------------------------- */

void
ult_rwlock_init(struct ult_rwlock *lock)
{
	lock->readers = 0;
	list_init(&lock->waiters);
}

void
ult_rwlock_rdlock(struct ult_rwlock *lock)
{
	struct ult_wait wait = {.write = false};

	if (lock->readers >= 0 && list_empty(&lock->waiters))
		lock->readers++;
	else
		ult__wait(&lock->waiters, &wait);
}

void
ult_rwlock_wrlock(struct ult_rwlock *lock)
{
	struct ult_wait wait = {.write = true};

	if (lock->readers == 0)
		lock->readers = -1;
	else
		ult__wait(&lock->waiters, &wait);
}

void
ult_rwlock_unlock(struct ult_rwlock *lock)
{
	ASSERTF(lock->readers != 0, "an rwlock unlocked that nobody holds");
	lock->readers = lock->readers < 0 ? 0 : lock->readers - 1;
	while (!list_empty(&lock->waiters)) {
		struct ult_wait *next = list_first(&lock->waiters, struct ult_wait, link);

		if (next->write ? lock->readers != 0 : lock->readers < 0)
			break;
		lock->readers = next->write ? -1 : lock->readers + 1;
		wake(next);
	}
}

/* ---- eventual ----------------------------------------------------------------------------------------------------- */

void
ult_eventual_init(struct ult_eventual *ev)
{
	ev->set = false;
	ev->value = 0;
	list_init(&ev->waiters);
}

void
ult_eventual_set(struct ult_eventual *ev, int value)
{
	ASSERTF(!ev->set, "an eventual set twice");
	ev->set = true;
	ev->value = value;
	while (!list_empty(&ev->waiters)) {
		struct ult_wait *waiter = list_first(&ev->waiters, struct ult_wait, link);

		waiter->value = value; /* the eventual may be gone when the waiter runs */
		wake(waiter);
	}
}

bool
ult_eventual_ready(const struct ult_eventual *ev)
{
	return ev->set;
}

int
ult_eventual_wait_until(struct ult_eventual *ev, uint64_t deadline_ns, int *value)
{
	struct ult_wait wait;

	if (ev->set) {
		wait.value = ev->value;
	} else {
		int rc = ult__wait_until(&ev->waiters, &wait, deadline_ns);

		if (rc != 0)
			return rc;
	}
	if (value != NULL)
		*value = wait.value;
	return 0;
}

int
ult_eventual_wait(struct ult_eventual *ev)
{
	int value = 0;

	(void)ult_eventual_wait_until(ev, ENV_FOREVER, &value);
	return value;
}

/* ---- barrier ------------------------------------------------------------------------------------------------------ */

void
ult_barrier_init(struct ult_barrier *barrier, uint32_t wanted)
{
	ASSERT(wanted > 0);
	barrier->wanted = wanted;
	barrier->arrived = 0;
	barrier->round = 0;
	list_init(&barrier->waiters);
}

void
ult_barrier_wait(struct ult_barrier *barrier)
{
	struct ult_wait wait;

	if (++barrier->arrived < barrier->wanted) {
		ult__wait(&barrier->waiters, &wait);
		return;
	}
	barrier->arrived = 0;
	barrier->round++;
	wake_all(&barrier->waiters);
}
