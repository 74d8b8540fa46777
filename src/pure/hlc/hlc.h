/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pure/hlc: hybrid logical clocks (S. Kulkarni et al., Logical Physical Clocks, 2014): 64-bit stamps that order what
 * happened before what across machines and stay close to wall time. Epochs are such stamps.
 *
 *      63                             18 17            0
 *     | time: (ns since 2021-01-01) * 16 | counter       |     one step of the time part is 16.384 us; ends in 2057
 *
 * Nanoseconds on the wall = stamp / 16 + 1609459200 s: the counter reads as a fraction of a step. A counter that
 * runs over simply borrows the next step.
 *
 * A clock that must stay monotone across crashes has a durable ceiling: its owner reserves stamps ahead, on the disk,
 * and the clock hands out none above. After a crash it begins above the ceiling, and best waits until the wall clock is
 * there too (hlc_clock_lead), lest crash after crash carry it away; but no longer than was reserved ahead: a clock that is
 * still ahead then met a wall clock that was set back, and goes on from where it was (hlc_clock_go_on).
 */
#ifndef PURE_HLC_H
#define PURE_HLC_H

#include <stdatomic.h>
#include <time.h>
#include "base/base.h"

/** 2021-01-01 00:00:00 UTC in seconds since 1970. */
#define HLC_START_S 1609459200ULL
/** Largest offset between the clocks of two machines that is put up with. */
#define HLC_EPSILON_NS (500 * NS_PER_MS)
#define HLC_COUNTER_BITS 18
#define HLC_COUNTER_MASK ((1ULL << HLC_COUNTER_BITS) - 1)
/** The ceiling of a clock that needs none. */
#define HLC_NO_CEILING UINT64_MAX

/* ---- stamps ------------------------------------------------------------------------------------------------------- */

/** The first stamp of the step that holds this wall time (ns since 1970); 0 before 2021, the last step after 2057. */
uint64_t hlc_from_wall(uint64_t wall_ns);
/** Wall time of a stamp in ns since 1970. */
uint64_t hlc_to_wall(uint64_t stamp);
/** A stamp that is ns later; the largest one when there is none. */
uint64_t hlc_add(uint64_t stamp, uint64_t ns);
/** How many ns a lies after b; 0 when it does not. */
uint64_t hlc_distance(uint64_t a, uint64_t b);

void hlc_to_timespec(uint64_t stamp, struct timespec *ts);
/** -DER_INVAL when ts is no time between 2021 and 2057. */
int hlc_from_timespec(const struct timespec *ts, uint64_t *stamp);

/* ---- clocks ------------------------------------------------------------------------------------------------------- */

/** May be used by any thread at any time. */
struct hlc_clock {
	_Atomic uint64_t last;    /* the largest stamp handed out or heard of */
	_Atomic uint64_t ceiling; /* none above is handed out */
	_Atomic uint64_t shift;   /* ns from monotonic time to the clock's own sense of wall time; only grows */
};

/**
 * Begins above floor: the durable ceiling of the former life, 0 for a new clock. ceiling: floor when stamps are to be
 * reserved before the first is handed out, HLC_NO_CEILING for a clock without memory.
 */
void hlc_clock_init(struct hlc_clock *clock, uint64_t floor, uint64_t ceiling);
/**
 * Wall time as the clock sees it, to be given to the calls below: the machine's, or, after that was set back, what it was plus
 * the monotonic time that has passed since. Never goes back.
 */
uint64_t hlc_clock_wall(struct hlc_clock *clock, uint64_t wall_ns, uint64_t mono_ns);
/** From now on hlc_clock_wall is not before the largest stamp so far. */
void hlc_clock_go_on(struct hlc_clock *clock, uint64_t mono_ns);
/**
 * A new stamp, larger than all before and all heard of, and not before wall_ns. -DER_AGAIN: the ceiling is reached, call
 * again after hlc_clock_raise_ceiling; -DER_OVERFLOW: it is 2057.
 */
int hlc_clock_now(struct hlc_clock *clock, uint64_t wall_ns, uint64_t *stamp);
/**
 * Hears of another clock's stamp: every later stamp of ours is larger. -DER_HLC_SYNC when it is more than epsilon_ns
 * ahead of our wall clock; nothing changes then: one of the two is out of order.
 */
int hlc_clock_receive(struct hlc_clock *clock, uint64_t remote, uint64_t wall_ns, uint64_t epsilon_ns);
/** The largest stamp handed out or heard of. */
uint64_t hlc_clock_last(const struct hlc_clock *clock);
/** How far our stamps run ahead of our wall clock: beyond epsilon others refuse them, and we must stop serving. */
uint64_t hlc_clock_lead(const struct hlc_clock *clock, uint64_t wall_ns);

/**
 * True when less than half of ahead_ns is left below the ceiling: make *ceiling durable, then raise to it. Stamps up to
 * ahead_ns from now can be handed out then.
 */
bool hlc_clock_needs_reserve(const struct hlc_clock *clock, uint64_t wall_ns, uint64_t ahead_ns, uint64_t *ceiling);
/** ceiling is durable now. A lower one than before is ignored. */
void hlc_clock_raise_ceiling(struct hlc_clock *clock, uint64_t ceiling);

#endif
