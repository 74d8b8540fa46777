/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Transactions, anchors, clock values.
 *
 * A transaction reads one state of the container and changes it all at once: its writes become visible at its commit,
 * or not at all. A conflict makes a call or the commit fail with -DER_TX_RESTART; the program then restarts the
 * transaction and does its calls anew.
 */
#ifndef DAOS_API_H
#define DAOS_API_H

#include <time.h>
#include <daos_types.h>
#include <daos_errno.h>
#include <daos_obj.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** Flags of daos_tx_open(). */
enum {
	DAOS_TF_RDONLY = (1 << 0),    /**< no writes */
	DAOS_TF_ZERO_COPY = (1 << 1), /**< buffers of updates stay as they are until the commit */
};

/**
 * Reads ranks from text, e.g. "0:1:2" with sep ":".
 *
 * \return	a new list, freed with d_rank_list_free(); NULL: no ranks, or no memory
 */
d_rank_list_t *daos_rank_list_parse(const char *str, const char *sep);

/**
 * Opens a transaction.
 *
 * \param[in]	coh	open container
 * \param[out]	th	handle, closed with daos_tx_close()
 * \param[in]	flags	DAOS_TF_*, or 0
 * \param[in]	ev	event, or NULL to wait
 */
int daos_tx_open(daos_handle_t coh, daos_handle_t *th, uint64_t flags, daos_event_t *ev);

/** Makes the writes of a transaction visible. 0; -DER_TX_RESTART: a conflict; others. */
int daos_tx_commit(daos_handle_t th, daos_event_t *ev);

/**
 * Opens a read-only transaction that sees a snapshot.
 *
 * \param[in]	epoch	epoch of the snapshot
 * \param[out]	th	handle, closed with daos_tx_close()
 */
int daos_tx_open_snap(daos_handle_t coh, daos_epoch_t epoch, daos_handle_t *th, daos_event_t *ev);

/** Gives up a transaction: none of its writes will be seen. The handle stays to be closed. */
int daos_tx_abort(daos_handle_t th, daos_event_t *ev);

/** Closes the handle of a transaction that is committed, aborted or of a snapshot. 0; -DER_BUSY. */
int daos_tx_close(daos_handle_t th, daos_event_t *ev);

/** Drops the calls of a transaction that got -DER_TX_RESTART; the handle serves for another try. */
int daos_tx_restart(daos_handle_t th, daos_event_t *ev);

/** The epoch of a transaction. 0; -DER_UNINIT: none is chosen yet. */
int daos_tx_hdl2epoch(daos_handle_t th, daos_epoch_t *epoch);

/** Sets an anchor to the start of an enumeration. opts is reserved: 0. */
static inline int
daos_anchor_init(daos_anchor_t *anchor, unsigned int opts)
{
	(void)opts;
	memset(anchor, 0, sizeof(*anchor));
	return 0;
}

/** Ends the use of an anchor. */
static inline void
daos_anchor_fini(daos_anchor_t *anchor)
{
	(void)anchor;
}

/** Whether an enumeration has reached its end. */
static inline bool
daos_anchor_is_eof(daos_anchor_t *anchor)
{
	return anchor->da_type == DAOS_ANCHOR_TYPE_EOF;
}

/** The time of day that a clock value (an epoch) stands for. 0 or -DER_INVAL. */
int daos_hlc2timespec(uint64_t hlc, struct timespec *ts);

/** The same in whole seconds. */
int daos_hlc2timestamp(uint64_t hlc, time_t *ts);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
