/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events and event queues. All under the lock of core_drive.c; callbacks of programs run without it, on the stack of who polls.
 *
 *   ready ──launch──> running ──its ULT ended──> (ended list of its home) ──callbacks, in poll or test──> completed ──taken──> ready
 *
 * The home of an event is its queue; without one it is the event itself, or its parent. A parent is running from its barrier
 * on, ends when no child is running, and with the first error of a child. Children are taken with their parent.
 *
 *	event I1  An event is in at most one list of its home: running, ended, completed.
 *	event I2  A queue goes when it is closed and nobody polls it.
 *	event I3  An event whose queue went with the library (daos_fini, or the parent of a fork) is in no list, whatever it says itself:
 *	          the list was the queue's. It is detached before it is used again.
 *
 * Nothing yields here. A crash leaves nothing.
 */
#include "core.h"

#include <stdlib.h>

#define EVENT_MAGIC 0x45564e54U

struct home {
	struct list running, ended, completed; /* struct event */
	struct list waiters;                   /* struct poller */
};

struct eq {
	struct home home;
	uint32_t events;  /* running and completed, parents' children not counted */
	uint32_t pollers;
	bool closed;
};

struct callback {
	struct callback *next;
	daos_event_comp_cb_t fn;
	void *arg;
};

/* In ev_private of a daos_event_t. */
struct event {
	uint32_t magic;
	uint8_t state; /* daos_ev_status_t */
	bool barrier;
	int rc;
	uint32_t children_running;
	struct list link;     /* in a list of its home */
	struct list sibling;  /* in children of its parent */
	struct list children;
	daos_handle_t eqh;    /* of the queue, which may be gone */
	struct event *parent;
	struct callback *callbacks;
	struct home *own;     /* made at launch where there is no queue */
};
_Static_assert(sizeof(struct event) <= sizeof(((daos_event_t *)0)->ev_private), "an event's state fits into its private part");

struct poller {
	struct core_waiter waiter;
	struct list link; /* in waiters of a home */
};

/* Queues by handle. Under the lock. */
static struct {
	struct handle_table table;
	bool made;
} queues;

static struct event *
private_of(daos_event_t *ev)
{
	return (struct event *)&ev->ev_private;
}

static daos_event_t *
public_of(struct event *event)
{
	return (daos_event_t *)((char *)event - offsetof(daos_event_t, ev_private));
}

/* The queue of an event; NULL: none, or it is gone. */
static struct eq *
eq_of(const struct event *event)
{
	return queues.made ? handle_peek(&queues.table, event->eqh.cookie, DAOS_HTYPE_EQ) : NULL;
}

static struct eq *
eq_find(daos_handle_t eqh)
{
	struct eq *eq = queues.made ? handle_peek(&queues.table, eqh.cookie, DAOS_HTYPE_EQ) : NULL;

	return eq != NULL && !eq->closed ? eq : NULL;
}

static struct event *
root_of(struct event *event)
{
	while (event->parent != NULL)
		event = event->parent;
	return event;
}

/* event I3 */
static void
detach(struct event *event)
{
	struct event *root = root_of(event);

	if (!daos_handle_is_valid(root->eqh) || eq_of(root) != NULL)
		return;
	list_init(&event->link);
	event->state = DAOS_EVS_READY;
	event->barrier = false;
	event->children_running = 0;
}

/* ---- homes ------------------------------------------------------------------------------------------------------------------ */
static void
home_init(struct home *home)
{
	list_init(&home->running);
	list_init(&home->ended);
	list_init(&home->completed);
	list_init(&home->waiters);
}

/* NULL: its queue is gone, or no memory. */
static struct home *
home_of(struct event *event)
{
	struct event *root = root_of(event);
	struct eq *eq;

	if (daos_handle_is_valid(root->eqh)) {
		eq = eq_of(root);
		return eq != NULL ? &eq->home : NULL;
	}
	if (root->own == NULL) {
		root->own = malloc(sizeof(*root->own));
		if (root->own != NULL)
			home_init(root->own);
	}
	return root->own;
}

static void
wake_pollers(struct home *home)
{
	struct poller *poller;

	list_each(poller, &home->waiters, link)
		core__wake(&poller->waiter);
}

static void
move_to(struct list *list, struct event *event)
{
	list_remove(&event->link);
	list_append(list, &event->link);
}

/* Ends a parent whose children are done. */
static void
parent_look(struct event *parent, struct home *home)
{
	if (parent->barrier && parent->state == DAOS_EVS_RUNNING && parent->children_running == 0)
		move_to(&home->ended, parent);
}

static void
complete(struct event *event, struct home *home, int rc)
{
	struct event *parent = event->parent;

	event->rc = rc;
	public_of(event)->ev_error = rc;
	event->state = DAOS_EVS_COMPLETED;
	event->barrier = false;
	list_remove(&event->link);
	if (parent == NULL) {
		list_append(&home->completed, &event->link);
		return;
	}
	parent->children_running--;
	if (parent->rc == 0)
		parent->rc = rc;
	parent_look(parent, home);
}

/* Runs the callbacks of what has ended. Locked, but not meanwhile. */
static void
settle(struct home *home)
{
	while (!list_empty(&home->ended)) {
		struct event *event = list_pop(&home->ended, struct event, link);
		struct callback *callback = event->callbacks;
		int rc = event->rc;

		event->callbacks = NULL;
		while (callback != NULL) {
			struct callback *next = callback->next;

			core__unlock();
			rc = callback->fn(callback->arg, public_of(event), rc);
			free(callback);
			(void)core__lock();
			callback = next;
		}
		complete(event, home, rc);
	}
}

static void
take(struct event *event)
{
	struct event *child;
	struct eq *eq = eq_of(event);

	list_remove(&event->link);
	event->state = DAOS_EVS_READY;
	event->rc = 0;
	if (eq != NULL)
		eq->events--;
	list_each(child, &event->children, sibling)
		if (child->state == DAOS_EVS_COMPLETED)
			child->state = DAOS_EVS_READY;
}

/* ---- for the driver ----------------------------------------------------------------------------------------------------------- */
static void
launch(struct event *event, struct home *home)
{
	struct eq *eq = eq_of(event);

	event->state = DAOS_EVS_RUNNING;
	event->rc = 0;
	list_append(&home->running, &event->link);
	if (event->parent != NULL)
		event->parent->children_running++;
	else if (eq != NULL)
		eq->events++;
}

int
core__event_launch(daos_event_t *ev)
{
	struct event *event = private_of(ev);
	struct home *home;

	if (event->magic != EVENT_MAGIC || event->state != DAOS_EVS_READY || !list_empty(&event->children))
		return -DER_INVAL;
	if (event->parent != NULL && event->parent->barrier)
		return -DER_NO_PERM;
	if (daos_handle_is_valid(event->eqh) && eq_find(event->eqh) == NULL)
		return -DER_NO_HDL;
	home = home_of(event);
	if (home == NULL)
		return -DER_NOMEM;
	ev->ev_error = 0;
	launch(event, home);
	return 0;
}

void
core__event_ended(daos_event_t *ev, int rc)
{
	struct event *event = private_of(ev);
	struct home *home = home_of(event); /* was made at launch */

	event->rc = rc;
	move_to(&home->ended, event);
	wake_pollers(home);
}

static void
eq_free(struct eq *eq)
{
	if (eq->closed && eq->pollers == 0)
		free(eq);
}

void
core__events_fini(void)
{
	uint64_t cookie = 0;
	struct eq *eq;

	if (!queues.made)
		return;
	while ((eq = handle_next(&queues.table, &cookie)) != NULL)
		free(eq);
	handle_table_fini(&queues.table);
	queues.made = false;
}

/* ---- queues --------------------------------------------------------------------------------------------------------------------- */
int
daos_eq_create(daos_handle_t *eqh)
{
	struct eq *eq;
	int rc;

	if (eqh == NULL)
		return -DER_INVAL;
	rc = core__lock();
	if (rc != 0)
		return rc;
	if (!queues.made)
		handle_table_init(&queues.table, lib__heap(), 0, (uint32_t)core__deadline(0), NULL, NULL);
	queues.made = true;
	eq = calloc(1, sizeof(*eq));
	rc = eq != NULL ? handle_open(&queues.table, DAOS_HTYPE_EQ, eq, &eqh->cookie) : -DER_NOMEM;
	if (rc == 0)
		home_init(&eq->home);
	else
		free(eq);
	core__unlock();
	return rc;
}

/* Waits for something to end at home, until then or deadline_ns; 0: looks once. Locked, but not meanwhile. */
static void
wait_at(struct home *home, uint64_t deadline_ns)
{
	struct poller poller = {.waiter = CORE_WAITER_INIT};

	if (deadline_ns == 0) {
		core__poll();
		return;
	}
	list_append(&home->waiters, &poller.link);
	core__wait(&poller.waiter, deadline_ns);
	list_remove(&poller.link);
}

int
daos_eq_destroy(daos_handle_t eqh, int flags)
{
	struct eq *eq;
	int rc = core__lock();

	if (rc != 0)
		return rc;
	eq = eq_find(eqh);
	if (eq == NULL) {
		core__unlock();
		return -DER_NO_HDL;
	}
	if ((flags & DAOS_EQ_DESTROY_FORCE) == 0 && (eq->events > 0 || !list_empty(&eq->home.running))) {
		core__unlock();
		return -DER_BUSY;
	}
	eq->pollers++;
	eq->closed = true;
	/* Operations use the program's buffers: they end before the queue does. Parents that were never finished do not hold it. */
	for (;;) {
		struct event *event;
		bool operations = false;

		settle(&eq->home);
		list_each(event, &eq->home.running, link)
			operations = operations || list_empty(&event->children);
		if (!operations)
			break;
		wait_at(&eq->home, ENV_FOREVER);
	}
	while (!list_empty(&eq->home.running)) {
		struct event *event = list_pop(&eq->home.running, struct event, link);

		event->state = DAOS_EVS_READY;
		event->barrier = false;
	}
	while (!list_empty(&eq->home.completed))
		take(list_first(&eq->home.completed, struct event, link));
	wake_pollers(&eq->home);
	(void)handle_close(&queues.table, eqh.cookie, DAOS_HTYPE_EQ);
	eq->pollers--;
	eq_free(eq);
	core__unlock();
	return 0;
}

static int
take_completed(struct eq *eq, unsigned int nevents, daos_event_t **events)
{
	int nr = 0;

	settle(&eq->home);
	while ((unsigned int)nr < nevents && !list_empty(&eq->home.completed)) {
		struct event *event = list_first(&eq->home.completed, struct event, link);

		take(event);
		events[nr++] = public_of(event);
	}
	return nr;
}

int
daos_eq_poll(daos_handle_t eqh, int wait_running, int64_t timeout, unsigned int nevents, daos_event_t **events)
{
	uint64_t deadline_ns;
	struct eq *eq;
	int nr, rc;

	if (nevents == 0 || events == NULL)
		return -DER_INVAL;
	rc = core__lock();
	if (rc != 0)
		return rc;
	eq = eq_find(eqh);
	if (eq == NULL) {
		core__unlock();
		return -DER_NO_HDL;
	}
	eq->pollers++;
	deadline_ns = timeout == DAOS_EQ_NOWAIT ? 0 : core__deadline(timeout);
	for (nr = take_completed(eq, nevents, events); nr == 0 && !eq->closed; nr = take_completed(eq, nevents, events)) {
		if (wait_running != 0 && list_empty(&eq->home.running))
			break;
		if (deadline_ns != 0 && deadline_ns != ENV_FOREVER && core__deadline(0) >= deadline_ns)
			break;
		wait_at(&eq->home, deadline_ns);
		if (deadline_ns == 0) {
			nr = take_completed(eq, nevents, events);
			break;
		}
	}
	eq->pollers--;
	eq_free(eq);
	core__unlock();
	return nr;
}

static int
count_list(const struct list *list, unsigned int room, daos_event_t **events, int nr)
{
	struct event *event;

	list_each(event, list, link) {
		if (event->parent != NULL)
			continue;
		if (events != NULL && (unsigned int)nr < room)
			events[nr] = public_of(event);
		nr++;
	}
	return nr;
}

int
daos_eq_query(daos_handle_t eqh, daos_eq_query_t query, unsigned int nevents, daos_event_t **events)
{
	struct eq *eq;
	int nr = core__lock();

	if (nr != 0)
		return nr;
	eq = eq_find(eqh);
	if (eq == NULL) {
		nr = -DER_NO_HDL;
	} else {
		settle(&eq->home);
		if ((query & DAOS_EQR_COMPLETED) != 0)
			nr = count_list(&eq->home.completed, nevents, events, nr);
		if ((query & DAOS_EQR_WAITING) != 0)
			nr = count_list(&eq->home.running, nevents, events, nr);
	}
	core__unlock();
	return nr;
}

/* ---- events --------------------------------------------------------------------------------------------------------------------- */
int
daos_event_init(daos_event_t *ev, daos_handle_t eqh, daos_event_t *parent)
{
	struct event *event, *above = parent != NULL ? private_of(parent) : NULL;
	int rc;

	if (ev == NULL)
		return -DER_INVAL;
	event = private_of(ev);
	rc = core__lock();
	if (rc != 0)
		return rc;
	memset(ev, 0, sizeof(*ev));
	list_init(&event->link);
	list_init(&event->sibling);
	list_init(&event->children);
	if (above != NULL) {
		if (above->magic != EVENT_MAGIC || above->parent != NULL || above->barrier || above->state != DAOS_EVS_READY) {
			rc = -DER_INVAL;
		} else {
			event->parent = above;
			event->eqh = above->eqh;
			list_append(&above->children, &event->sibling);
		}
	} else if (daos_handle_is_valid(eqh)) {
		event->eqh = eqh;
		rc = eq_find(eqh) != NULL ? 0 : -DER_NO_HDL;
	}
	if (rc == 0)
		event->magic = EVENT_MAGIC;
	core__unlock();
	return rc;
}

/* Locked. */
static int
event_end(struct event *event)
{
	struct event *child, *next;

	if (event->magic != EVENT_MAGIC)
		return -DER_INVAL;
	detach(event);
	if (event->state == DAOS_EVS_RUNNING || event->children_running > 0)
		return -DER_BUSY;
	list_each_safe(child, next, &event->children, sibling) {
		list_remove(&child->sibling);
		child->parent = NULL;
	}
	if (event->state == DAOS_EVS_COMPLETED && event->parent == NULL)
		take(event);
	list_remove(&event->link);
	list_remove(&event->sibling);
	while (event->callbacks != NULL) {
		struct callback *next_callback = event->callbacks->next;

		free(event->callbacks);
		event->callbacks = next_callback;
	}
	free(event->own);
	event->own = NULL;
	event->magic = 0;
	return 0;
}

int
daos_event_fini(daos_event_t *ev)
{
	int rc;

	if (ev == NULL)
		return -DER_INVAL;
	rc = core__lock();
	if (rc != 0)
		return rc;
	rc = event_end(private_of(ev));
	core__unlock();
	return rc;
}

daos_event_t *
daos_event_next(daos_event_t *parent, daos_event_t *child)
{
	struct event *above, *event;
	daos_event_t *found = NULL;
	struct list *next;

	if (parent == NULL || core__lock() != 0)
		return NULL;
	above = private_of(parent);
	if (above->magic == EVENT_MAGIC) {
		next = child == NULL ? above->children.next : private_of(child)->sibling.next;
		event = list_entry(next, struct event, sibling);
		found = next != &above->children ? public_of(event) : NULL;
	}
	core__unlock();
	return found;
}

int
daos_event_test(struct daos_event *ev, int64_t timeout, bool *flag)
{
	struct event *event;
	struct home *home;
	uint64_t deadline_ns;
	int rc;

	if (ev == NULL || flag == NULL)
		return -DER_INVAL;
	event = private_of(ev);
	rc = core__lock();
	if (rc != 0)
		return rc;
	home = event->magic == EVENT_MAGIC ? home_of(event) : NULL;
	if (event->magic != EVENT_MAGIC)
		rc = -DER_INVAL;
	else if (event->parent != NULL)
		rc = -DER_NO_PERM;
	else if (home == NULL)
		rc = daos_handle_is_valid(event->eqh) ? -DER_NO_HDL : -DER_NOMEM;
	if (rc != 0) {
		core__unlock();
		return rc;
	}
	deadline_ns = timeout == DAOS_EQ_NOWAIT ? 0 : core__deadline(timeout);
	for (settle(home); event->state == DAOS_EVS_RUNNING; settle(home)) {
		if (deadline_ns != 0 && deadline_ns != ENV_FOREVER && core__deadline(0) >= deadline_ns)
			break;
		wait_at(home, deadline_ns);
		if (deadline_ns == 0) {
			settle(home);
			break;
		}
	}
	*flag = event->state != DAOS_EVS_RUNNING;
	if (event->state == DAOS_EVS_COMPLETED)
		take(event);
	core__unlock();
	return 0;
}

int
daos_event_register_comp_cb(struct daos_event *ev, daos_event_comp_cb_t cb, void *arg)
{
	struct callback *callback;
	struct event *event;
	int rc;

	if (ev == NULL || cb == NULL)
		return -DER_INVAL;
	callback = malloc(sizeof(*callback));
	if (callback == NULL)
		return -DER_NOMEM;
	event = private_of(ev);
	rc = core__lock();
	if (rc == 0) {
		rc = event->magic == EVENT_MAGIC && event->state == DAOS_EVS_READY ? 0 : -DER_INVAL;
		if (rc == 0) {
			*callback = (struct callback){.next = event->callbacks, .fn = cb, .arg = arg};
			event->callbacks = callback;
			callback = NULL;
		}
		core__unlock();
	}
	free(callback);
	return rc;
}

int
daos_event_parent_barrier(struct daos_event *ev)
{
	struct event *event;
	struct home *home;
	int rc;

	if (ev == NULL)
		return -DER_INVAL;
	event = private_of(ev);
	rc = core__lock();
	if (rc != 0)
		return rc;
	if (event->magic != EVENT_MAGIC)
		rc = -DER_INVAL;
	else if (list_empty(&event->children) || event->parent != NULL)
		rc = -DER_NO_PERM;
	else if (event->barrier || event->state != DAOS_EVS_READY)
		rc = -DER_INVAL;
	home = rc == 0 ? home_of(event) : NULL;
	if (rc == 0 && home == NULL)
		rc = -DER_NOMEM;
	if (rc == 0) {
		int first = event->rc; /* of children that are done already */

		launch(event, home);
		event->rc = first;
		event->barrier = true;
		parent_look(event, home);
		if (!list_empty(&home->ended))
			wake_pollers(home);
	}
	core__unlock();
	return rc;
}

int
daos_event_abort(daos_event_t *ev)
{
	int rc;

	if (ev == NULL)
		return -DER_INVAL;
	rc = core__lock();
	if (rc != 0)
		return rc;
	/* An operation that is under way is carried through: it ends with its result. */
	rc = private_of(ev)->magic == EVENT_MAGIC ? 0 : -DER_INVAL;
	core__unlock();
	return rc;
}
