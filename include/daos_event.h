/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events and event queues: how asynchronous calls tell that they are done.
 *
 * An event is memory of the caller. It is initialised once, handed to one call at a time, and found complete by polling
 * its queue or by testing it alone; ev_error then holds the result. A parent event completes when its children have.
 */
#ifndef DAOS_EVENT_H
#define DAOS_EVENT_H

#include <daos_types.h>
#include <daos_errno.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** daos_eq_destroy(): throw away events that are still in the queue. */
#define DAOS_EQ_DESTROY_FORCE 1

/** Called when an event completes, with the result so far; what it returns becomes the result. */
typedef int (*daos_event_comp_cb_t)(void *arg, daos_event_t *ev, int ret);

/**
 * Creates an event queue.
 *
 * \param[out]	eqh	handle, destroyed with daos_eq_destroy()
 * \return		0; -DER_UNINIT: daos_init() was not called; -DER_NOMEM
 */
int daos_eq_create(daos_handle_t *eqh);

/**
 * Destroys an event queue.
 *
 * \param[in]	flags	0 or DAOS_EQ_DESTROY_FORCE
 * \return		0; -DER_BUSY: events are in it; -DER_NO_HDL
 */
int daos_eq_destroy(daos_handle_t eqh, int flags);

/**
 * Takes completed events out of a queue.
 *
 * \param[in]	eqh		queue
 * \param[in]	wait_running	1: return at once when no event is in flight; 0: wait for events launched later too
 * \param[in]	timeout		longest wait in microseconds; DAOS_EQ_WAIT: no limit; DAOS_EQ_NOWAIT: only look
 * \param[in]	nevents		room in events, > 0
 * \param[out]	events		completed events
 * \return			number of events stored, or a negative error: -DER_NO_HDL, -DER_INVAL
 */
int daos_eq_poll(daos_handle_t eqh, int wait_running, int64_t timeout, unsigned int nevents, daos_event_t **events);

/**
 * Counts the events in a queue and leaves them there.
 *
 * \param[in]	query	which ones: DAOS_EQR_* bits
 * \param[in]	nevents	room in events
 * \param[out]	events	events; or NULL
 * \return		their number, or a negative error
 */
int daos_eq_query(daos_handle_t eqh, daos_eq_query_t query, unsigned int nevents, daos_event_t **events);

/**
 * Initialises an event.
 *
 * \param[out]	ev	event
 * \param[in]	eqh	queue that it completes to; DAOS_HDL_INVAL: none, daos_event_test() finds it
 * \param[in]	parent	initialised event of which it becomes a child; or NULL
 * \return		0; -DER_NO_HDL; -DER_INVAL
 */
int daos_event_init(daos_event_t *ev, daos_handle_t eqh, daos_event_t *parent);

/** Ends the use of an event. 0; -DER_BUSY: in flight, or a child is. */
int daos_event_fini(daos_event_t *ev);

/** The child behind child, the first for NULL; NULL: no more. */
daos_event_t *daos_event_next(daos_event_t *parent, daos_event_t *child);

/**
 * Waits for one event that has no queue.
 *
 * \param[in]	ev	event
 * \param[in]	timeout	as in daos_eq_poll()
 * \param[out]	flag	whether it has completed
 * \return		0 or a negative error; the result of the operation is in ev_error
 */
int daos_event_test(struct daos_event *ev, int64_t timeout, bool *flag);

/** Adds a callback for the completion of an event that is not launched yet. 0; -DER_NOMEM; -DER_INVAL. */
int daos_event_register_comp_cb(struct daos_event *ev, daos_event_comp_cb_t cb, void *arg);

/** Says that a parent gets no more children: it completes when all have. 0; -DER_INVAL; -DER_NO_PERM: not a parent. */
int daos_event_parent_barrier(struct daos_event *ev);

/** Tries to end an operation early. The event still completes, with -DER_CANCELED or with its result. */
int daos_event_abort(daos_event_t *ev);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
