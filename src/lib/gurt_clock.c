/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libgurt: the hybrid clock of the process, over pure/hlc and the time of day. It remembers nothing beyond the process.
 */
#include "pure/hlc/hlc.h"
#include <gurt/common.h>

static struct hlc_clock process_clock;
static pthread_once_t process_clock_once = PTHREAD_ONCE_INIT;
static _Atomic uint64_t epsilon_units = (HLC_EPSILON_NS) << 4;
/** How far the values that d_hlct_sync() saw were ahead of local time. */
static _Atomic uint64_t lead_units;

static void
clock_start(void)
{
	hlc_clock_init(&process_clock, 0, HLC_NO_CEILING);
}

static struct hlc_clock *
clock_of_process(void)
{
	pthread_once(&process_clock_once, clock_start);
	return &process_clock;
}

static uint64_t
wall_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * NSEC_PER_SEC + (uint64_t)now.tv_nsec;
}

/* ---- stamps ----------------------------------------------------------------------------------------------------- */

uint64_t
d_hlc_get(void)
{
	uint64_t stamp = 0;

	hlc_clock_now(clock_of_process(), wall_ns(), &stamp);
	return stamp;
}

int
d_hlc_get_msg(uint64_t msg, uint64_t *hlc_out, uint64_t *offset)
{
	uint64_t now = wall_ns(), local = hlc_from_wall(now);
	int rc;

	rc = hlc_clock_receive(clock_of_process(), msg, now, d_hlc2nsec(d_hlc_epsilon_get()));
	if (offset != NULL)
		*offset = msg > local ? msg - local : 0;
	if (rc == 0 && hlc_out != NULL)
		rc = hlc_clock_now(clock_of_process(), now, hlc_out);
	return rc;
}

uint64_t
d_hlct_get(void)
{
	return hlc_from_wall(wall_ns()) + atomic_load(&lead_units);
}

void
d_hlct_sync(uint64_t msg)
{
	uint64_t local = hlc_from_wall(wall_ns()), old, lead = msg > local ? msg - local : 0;

	old = atomic_load(&lead_units);
	while (lead > old && !atomic_compare_exchange_weak(&lead_units, &old, lead))
		;
}

/* ---- durations and points in time ------------------------------------------------------------------------------- */

uint64_t
d_hlc2nsec(uint64_t hlc)
{
	return hlc >> 4;
}

uint64_t
d_nsec2hlc(uint64_t nsec)
{
	return nsec << 4;
}

uint64_t
d_hlc2unixnsec(uint64_t hlc)
{
	return hlc_to_wall(hlc);
}

uint64_t
d_unixnsec2hlc(uint64_t unixnsec)
{
	uint64_t start = HLC_START_S * NSEC_PER_SEC;

	return unixnsec > start ? (unixnsec - start) << 4 : 0;
}

int
d_hlc2timespec(uint64_t hlc, struct timespec *ts)
{
	if (ts == NULL)
		return -DER_INVAL;
	hlc_to_timespec(hlc, ts);
	return 0;
}

int
d_timespec2hlc(struct timespec ts, uint64_t *hlc)
{
	return hlc == NULL ? -DER_INVAL : hlc_from_timespec(&ts, hlc);
}

void
d_hlc_epsilon_set(uint64_t epsilon)
{
	atomic_store(&epsilon_units, (epsilon + HLC_COUNTER_MASK) & ~HLC_COUNTER_MASK);
}

uint64_t
d_hlc_epsilon_get(void)
{
	return atomic_load(&epsilon_units);
}

uint64_t
d_hlc_epsilon_get_bound(uint64_t hlc)
{
	return (hlc + d_hlc_epsilon_get()) | HLC_COUNTER_MASK;
}

uint64_t
d_hlc_age2sec(uint64_t hlc)
{
	uint64_t now = hlc_from_wall(wall_ns());

	return now > hlc ? d_hlc2sec(now - hlc) : 0;
}
