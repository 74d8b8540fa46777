/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pure/hlc: stamps and clocks (format: see hlc.h).
 *
 * Invariants
 *  I1  Stamps that a clock hands out increase strictly, whatever the wall clock does.
 *  I2  A stamp handed out is larger than every stamp that hlc_clock_receive accepted before.
 *  I3  No stamp above the ceiling is handed out, so none above the durable ceiling exists after a crash.
 *  I4  After each accepted stamp, last <= wall + epsilon or last is one of our own.
 *  I5  hlc_clock_wall never goes back while monotonic time does not, and is at least the wall clock.
 * Nothing yields. A crash forgets `last`; the next life begins above the durable ceiling (I3).
 */
#include "pure/hlc/hlc.h"

enum { TICKS_PER_NS = 16 };

#define START_NS (HLC_START_S * NS_PER_S)
#define LAST_STEP (UINT64_MAX & ~HLC_COUNTER_MASK)

uint64_t
hlc_from_wall(uint64_t wall_ns)
{
	uint64_t ns = wall_ns > START_NS ? wall_ns - START_NS : 0;

	if (ns > UINT64_MAX / TICKS_PER_NS)
		return LAST_STEP;
	return ns * TICKS_PER_NS & ~HLC_COUNTER_MASK;
}

uint64_t
hlc_to_wall(uint64_t stamp)
{
	return stamp / TICKS_PER_NS + START_NS;
}

uint64_t
hlc_add(uint64_t stamp, uint64_t ns)
{
	uint64_t ticks;

	if (__builtin_mul_overflow(ns, (uint64_t)TICKS_PER_NS, &ticks) || __builtin_add_overflow(stamp, ticks, &stamp))
		return UINT64_MAX;
	return stamp;
}

uint64_t
hlc_distance(uint64_t a, uint64_t b)
{
	return a > b ? (a - b) / TICKS_PER_NS : 0;
}

void
hlc_to_timespec(uint64_t stamp, struct timespec *ts)
{
	uint64_t ns = hlc_to_wall(stamp);

	ts->tv_sec = (time_t)(ns / NS_PER_S);
	ts->tv_nsec = (long)(ns % NS_PER_S);
}

int
hlc_from_timespec(const struct timespec *ts, uint64_t *stamp)
{
	uint64_t seconds;

	if (ts->tv_nsec < 0 || ts->tv_nsec >= (long)NS_PER_S || ts->tv_sec < (time_t)HLC_START_S)
		return -DER_INVAL;
	seconds = (uint64_t)ts->tv_sec - HLC_START_S;
	if (seconds >= UINT64_MAX / TICKS_PER_NS / NS_PER_S)
		return -DER_INVAL;
	*stamp = (seconds * NS_PER_S + (uint64_t)ts->tv_nsec) * TICKS_PER_NS;
	return 0;
}

void
hlc_clock_init(struct hlc_clock *clock, uint64_t floor, uint64_t ceiling)
{
	atomic_init(&clock->last, floor);
	atomic_init(&clock->ceiling, MAX(floor, ceiling));
	atomic_init(&clock->shift, 0);
}

static uint64_t
grow_shift(struct hlc_clock *clock, uint64_t shift)
{
	uint64_t old = atomic_load(&clock->shift);

	while (shift > old && !atomic_compare_exchange_weak(&clock->shift, &old, shift))
		;
	return MAX(shift, old);
}

uint64_t
hlc_clock_wall(struct hlc_clock *clock, uint64_t wall_ns, uint64_t mono_ns)
{
	return mono_ns + grow_shift(clock, wall_ns > mono_ns ? wall_ns - mono_ns : 0);
}

void
hlc_clock_go_on(struct hlc_clock *clock, uint64_t mono_ns)
{
	(void)hlc_clock_wall(clock, hlc_to_wall(atomic_load(&clock->last)), mono_ns);
}

int
hlc_clock_now(struct hlc_clock *clock, uint64_t wall_ns, uint64_t *stamp)
{
	uint64_t wall = hlc_from_wall(wall_ns), last = atomic_load(&clock->last), next;

	do {
		if (last == UINT64_MAX)
			return -DER_OVERFLOW;
		next = MAX(wall, last + 1);
		if (next > atomic_load(&clock->ceiling))
			return -DER_AGAIN;
	} while (!atomic_compare_exchange_weak(&clock->last, &last, next));
	*stamp = next;
	return 0;
}

int
hlc_clock_receive(struct hlc_clock *clock, uint64_t remote, uint64_t wall_ns, uint64_t epsilon_ns)
{
	uint64_t last = atomic_load(&clock->last);

	if (remote <= last)
		return 0;
	if (remote > (hlc_add(hlc_from_wall(wall_ns), epsilon_ns) | HLC_COUNTER_MASK) || remote == UINT64_MAX)
		return -DER_HLC_SYNC;
	while (remote > last && !atomic_compare_exchange_weak(&clock->last, &last, remote))
		;
	return 0;
}

uint64_t
hlc_clock_last(const struct hlc_clock *clock)
{
	return atomic_load(&clock->last);
}

uint64_t
hlc_clock_lead(const struct hlc_clock *clock, uint64_t wall_ns)
{
	return hlc_distance(atomic_load(&clock->last), hlc_from_wall(wall_ns));
}

bool
hlc_clock_needs_reserve(const struct hlc_clock *clock, uint64_t wall_ns, uint64_t ahead_ns, uint64_t *ceiling)
{
	uint64_t now = MAX(hlc_from_wall(wall_ns), atomic_load(&clock->last));

	if (hlc_add(now, ahead_ns / 2) <= atomic_load(&clock->ceiling))
		return false;
	*ceiling = hlc_add(now, ahead_ns);
	return true;
}

void
hlc_clock_raise_ceiling(struct hlc_clock *clock, uint64_t ceiling)
{
	uint64_t old = atomic_load(&clock->ceiling);

	while (ceiling > old && !atomic_compare_exchange_weak(&clock->ceiling, &old, ceiling))
		;
}
