/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pure/lock: a table of advisory locks on byte ranges: who holds what, who waits for what. The engine keeps one for each container
 * that several mounts share; a mount keeps one of its own locks. No clock, no waiting: a wait is an entry, a grant is a callback.
 *
 * An owner is a number within a session (a process or an open file of a mount); a session is one mount. Two spaces know nothing
 * of each other: LOCK_POSIX (fcntl: ranges, deadlocks are refused) and LOCK_FLOCK (whole files; taking another type lets go first).
 *
 *	lock I1  Ranges of different owners of one file and space overlap only when both are shared.
 *	lock I2  Ranges of one owner do not overlap, and neighbours of one type are one range.
 *	lock I3  Who waits is kept from its range by somebody else's: what could be granted is granted at once.
 *	lock I4  When a wait in LOCK_POSIX begins, it closes no circle of owners who wait for each other.
 *
 * Nothing yields. Memory comes from mem; a grant needs none, for the wait brought it along.
 */
#ifndef PURE_LOCK_H
#define PURE_LOCK_H

#include "base/base.h"
#include "base/hash.h"
#include "base/list.h"

enum lock_space { LOCK_POSIX, LOCK_FLOCK, LOCK_SPACE_NR };
enum lock_kind { LOCK_NONE, LOCK_SHARED, LOCK_ALONE }; /* NONE: let go */
enum lock_verdict { LOCK_GRANTED, LOCK_DENIED, LOCK_WAITS, LOCK_CIRCLE };

/** Most ranges and waits of one session, and ranges of one file: -DER_NOSPACE beyond. */
enum { LOCK_RANGES_MAX = 65536, LOCK_WAITS_MAX = 4096, LOCK_FILE_MAX = 4096 };

/** A lock, held or wanted. */
struct lock_want {
	uint64_t file, owner;
	uint64_t start, end; /* both included */
	uint32_t pid;        /* told to others, of no meaning here */
	uint8_t space, kind;
};

struct lock_session {
	struct hash owners;  /* by number */
	struct list granted; /* waits that were granted, and not yet taken */
	struct list waits;
	uint32_t range_nr, wait_nr; /* wait_nr: granted ones that were not taken among them */
};

struct lock_table {
	struct mem *mem;
	struct hash files;
	uint64_t seed;
	uint64_t mark; /* of the last search for circles */
	/** A wait of session was granted: see lock_granted. Must not call back into the table. May be NULL. */
	void (*granted)(void *arg, struct lock_session *session);
	void *arg;
};

void lock_table_init(struct lock_table *table, struct mem *mem, uint64_t seed, void (*granted)(void *arg, struct lock_session *session),
		     void *arg);
/** Every session was dropped before. */
void lock_table_fini(struct lock_table *table);
void lock_session_init(struct lock_table *table, struct lock_session *session);
/** All that it holds and waits for goes; others get what that sets free. It can be used again. */
void lock_session_drop(struct lock_table *table, struct lock_session *session);

/**
 * Takes or lets go. wait 0: LOCK_DENIED when somebody is in the way; else it waits under that number, LOCK_WAITS. *holder (may be NULL): who
 * is in the way; its session, or NULL when it is the caller's, in *other (may be NULL). -DER_INVAL, -DER_NOMEM, -DER_NOSPACE: nothing changed.
 */
int lock_set(struct lock_table *table, struct lock_session *session, const struct lock_want *want, uint64_t wait, enum lock_verdict *verdict,
	     struct lock_want *holder, const struct lock_session **other);
/** Who would be in the way: the one with the lowest start. False: nobody. */
bool lock_test(struct lock_table *table, struct lock_session *session, const struct lock_want *want, struct lock_want *holder,
	       const struct lock_session **other);
/** Ends a wait. False: there is none of that number (it was granted, perhaps). */
bool lock_cancel(struct lock_table *table, struct lock_session *session, uint64_t wait);
/** Ends all waits of the session. */
void lock_cancel_all(struct lock_table *table, struct lock_session *session);
/** The number of a wait that was granted, each once; 0: no more. */
uint64_t lock_granted(struct lock_table *table, struct lock_session *session);
/** What became of a wait: LOCK_WAITS, LOCK_GRANTED (and not taken yet), or LOCK_DENIED: there is none of that number. */
enum lock_verdict lock_wait_state(const struct lock_session *session, uint64_t wait);
/** The first max numbers of waits that were granted and not taken; returns how many. */
uint32_t lock_granted_list(const struct lock_session *session, uint64_t *numbers, uint32_t max);
/** Takes a granted wait, if there is one of that number. */
void lock_granted_take(struct lock_table *table, struct lock_session *session, uint64_t wait);
/**
 * From now on the session holds these and nothing else, and waits for nothing; others get what that sets free. -DER_BUSY: another session
 * is in the way of some, which were left out. -DER_NOMEM, -DER_INVAL, -DER_NOSPACE: it holds nothing.
 */
int lock_replace(struct lock_table *table, struct lock_session *session, const struct lock_want *wants, uint32_t nr);
/** Notes what was decided elsewhere: nobody is asked, nobody gets a turn. -DER_INVAL, -DER_NOMEM, -DER_NOSPACE. */
int lock_note(struct lock_table *table, struct lock_session *session, const struct lock_want *want);
/** Whether owner holds anything of file in space. */
bool lock_holds(const struct lock_session *session, uint64_t file, uint8_t space, uint64_t owner);
/** Visits what the session holds until visit returns non-zero, which it returns. The table must not change meanwhile. */
int lock_each(const struct lock_session *session, int (*visit)(void *arg, const struct lock_want *held), void *arg);
/** The invariants, for tests: 0 or the number of the one that is broken. */
int lock_table_check(struct lock_table *table);

#endif
