/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ilog: incarnation log of an object or key in a umem heap: when it came into being and when it was punched. The root is
 * embedded in the owner's record; one entry lives in it, more in an array beside it. Inside umem bodies; nothing yields.
 */
#ifndef ILOG_ILOG_H
#define ILOG_ILOG_H

#include "base/base.h"
#include "umem/umem.h"

/** One event. punch 0: exists from here on; 1: gone from here on (writes of the same epoch with a higher minor come after). */
struct ilog_entry {
	uint64_t epoch;
	uint16_t minor;
	uint16_t punch;
	uint32_t dtx; /* 0 committed, else the local id of the transaction that wrote it */
};

/** On the heap, all zero when empty; 32 bytes. */
struct ilog_root {
	struct ilog_entry first; /* when nr is 1 */
	uint64_t array;          /* umem_off_t of the sorted entries when nr > 1 */
	uint32_t nr;
	uint32_t flags;
};
_Static_assert(sizeof(struct ilog_root) == 32, "FORMAT: ilog_root");

struct ilog {
	struct umem *heap;
	umem_off_t root;
};

/**
 * Notes an event. A creation after a creation with no punch in between that a reader could tell apart adds nothing unless
 * always is set. -DER_NOSPACE, -DER_TX_RESTART when an equal (epoch, minor) of another transaction is there.
 */
int ilog_add(struct ilog *log, const struct ilog_entry *entry, bool always);
/** Copies the entries, oldest first; the array is the heap's own, valid until the body ends or the log changes. */
const struct ilog_entry *ilog_entries(struct ilog *log, uint32_t *nr);
/** The transaction dtx committed: its entries become dtx 0. */
int ilog_commit(struct ilog *log, uint32_t dtx);
/** The transaction dtx was undone: its entries go. */
int ilog_abort(struct ilog *log, uint32_t dtx);
/** Drops entries within [from, to] that no reader at to or later, nor at the nr snapshots, can tell are gone; *empty: none is left. */
int ilog_aggregate(struct ilog *log, uint64_t from, uint64_t to, const uint64_t *snapshots, uint32_t nr, bool *empty);
/** Frees the array and zeroes the root. */
void ilog_destroy(struct ilog *log);

/** What the log says at (epoch, minor): created since when, last punched when. Pure; visible as in evtree (0 use, 1 skip, < 0 stop). */
struct ilog_state {
	bool exists;
	uint64_t created;              /* epoch of the creation it exists by; 0 none */
	uint64_t punched;              /* epoch of the last punch at or before; 0 none */
	uint16_t created_minor, punched_minor;
	uint64_t next_punch;           /* first punch after (epoch, minor); 0 none */
	bool uncertain;                /* an event lies in (epoch, bound] */
};
int ilog_state(const struct ilog_entry *entries, uint32_t nr, uint64_t epoch, uint16_t minor, uint64_t bound,
	       int (*visible)(void *arg, const struct ilog_entry *entry), void *arg, struct ilog_state *state);

#endif
