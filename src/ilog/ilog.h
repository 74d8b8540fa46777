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
	struct log *log; /* where corruption is reported; may be NULL */
};

/*
 * Besides the errors named every call says -DER_DF_INVAL when the root is corrupt; a body that changes things must then
 * not return 0.
 */

/**
 * Notes an event. A creation after a creation with no punch in between that a reader could tell apart adds nothing unless
 * always is set; the earlier one must be committed or of the same transaction for that. A punch is always noted. At an
 * equal (epoch, minor) of the same transaction the punch stays. -DER_NOSPACE, -DER_TX_RESTART when an equal (epoch, minor) of
 * another transaction is there, -DER_INVAL for epoch 0.
 */
int ilog_add(struct ilog *log, const struct ilog_entry *entry, bool always);
/** The entries, oldest first; the array is the heap's own, valid until the body ends or the log changes. NULL: corrupt (nr 0). */
const struct ilog_entry *ilog_entries(struct ilog *log, uint32_t *nr);
/** The transaction dtx (not 0) committed: its entries become dtx 0. */
int ilog_commit(struct ilog *log, uint32_t dtx);
/** The transaction dtx (not 0) was undone: its entries go. */
int ilog_abort(struct ilog *log, uint32_t dtx);
/**
 * Drops entries within [from, to] that no reader at to or later, nor at the nr snapshots (in any order), can tell are gone:
 * at those epochs ilog_state says the same of exists, created and punched as before. One exception: when nothing but a last punch
 * would be left, that goes too, and the owner drops the whole thing with all below it. Nothing from the first entry of
 * an uncommitted transaction on is dropped. *empty: no entry is left.
 */
int ilog_aggregate(struct ilog *log, uint64_t from, uint64_t to, const uint64_t *snapshots, uint32_t nr, bool *empty);
/** Frees the array and zeroes the root. */
void ilog_destroy(struct ilog *log);
/** Checks root and order. -DER_DF_INVAL. */
int ilog_check(struct ilog *log);

/**
 * What the log says at (epoch, minor): created since when, last punched when. Pure; visible as in evtree (0 use, 1 skip,
 * < 0 stop with that), NULL: all. It is asked from the newest entry at or before (epoch, minor) back to the last punch; an uncertain
 * creation before a usable one does not count. Later entries count for next_punch and uncertain whoever wrote them.
 */
struct ilog_state {
	bool exists;
	uint64_t created;              /* epoch of the first creation since the last punch, by which it exists; 0 none */
	uint64_t punched;              /* epoch of the last punch at or before; 0 none */
	uint16_t created_minor, punched_minor;
	uint64_t next_punch;           /* first punch after (epoch, minor); 0 none */
	bool uncertain;                /* an event lies in (epoch, bound] */
};
int ilog_state(const struct ilog_entry *entries, uint32_t nr, uint64_t epoch, uint16_t minor, uint64_t bound,
	       int (*visible)(void *arg, const struct ilog_entry *entry), void *arg, struct ilog_state *state);

#endif
