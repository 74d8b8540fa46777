/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spin: for how long a loop looks for work before it sleeps. To be woken from a sleep costs several times what a round trip takes;
 * to look costs a core that others may want.
 *
 * spin I1: a loop looks for as long as that lately paid: twice as long after each wait that was shorter than spin_max_ns, half as
 *          long after each longer one, down to not at all. An idle loop sleeps.
 * spin I2: it looks only while there are, on the mean of some counts, no more runnable threads on the machine than cores. So the number of those that look fits
 *          itself to what is free. Where /proc/loadavg cannot be read that is not known, and only spin I3 holds.
 * spin I3: between two looks it gives its core to whoever wants it, and if somebody did, sleeps.
 */
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/text.h"
#include "real.h"

#define SPIN_MIN_NS (16 * NS_PER_US)
/* Longer than a durable write takes on flash; what a slower disk needs is worth a sleep. */
#define SPIN_MAX_NS (250 * NS_PER_US)
#define SPIN_LIMIT_US 100000
#define CROWD_NS (4 * NS_PER_US) /* a yield that took so long gave the core to somebody */
/* How long a count of runnable threads is believed: who found a crowd leaves it alone for longer. */
#define FREE_NS (20 * NS_PER_US)
#define CROWDED_NS (100 * NS_PER_US)
#define ONE_THREAD 16 /* in the mean of counts */

void
real__spin_init(struct real *real)
{
	const char *text = getenv("DAOS_POLL_US");
	uint64_t us = SPIN_MAX_NS / NS_PER_US;

	if (text != NULL && text[0] != 0 && (text_parse_u64(text, &us) != 0 || us > SPIN_LIMIT_US)) {
		us = SPIN_MAX_NS / NS_PER_US;
		log_warn(real->env.log, "DAOS_POLL_US='%s' is no number of microseconds up to %d: %lu is taken", text, SPIN_LIMIT_US,
			 (unsigned long)us);
	}
	real->spin_max_ns = us * NS_PER_US;
	real->cores = (uint64_t)MAX(sysconf(_SC_NPROCESSORS_ONLN), 1);
	real->load_fd = us > 0 ? real__fd_note(open("/proc/loadavg", O_RDONLY | O_CLOEXEC)) : -1;
}

void
real__spin_fini(struct real *real)
{
	if (real->load_fd >= 0)
		real__fd_close(real->load_fd);
}

/* spin I2: "0.20 0.18 0.12 RUNNABLE/ALL LAST" */
static bool
crowded(struct env_loop *loop, uint64_t now)
{
	struct real *real = loop->real;
	char text[64], *at = text;
	uint64_t nr = 0;
	ssize_t n;

	if (real->load_fd < 0 || now - loop->counted_ns < (loop->crowded ? CROWDED_NS : FREE_NS))
		return loop->crowded;
	loop->counted_ns = now;
	n = pread(real->load_fd, text, sizeof(text) - 1, 0);
	text[MAX(n, 0)] = 0;
	for (int field = 0; at != NULL && field < 3; field++) {
		at = strchr(at, ' ');
		at = at != NULL ? at + 1 : NULL;
	}
	if (at != NULL)
		nr = MIN(strtoul(at, NULL, 10), 4096UL);
	loop->runnable = (3 * loop->runnable + ONE_THREAD * (uint32_t)nr) / 4;
	loop->crowded = loop->runnable > ONE_THREAD * real->cores + ONE_THREAD / 2;
	return loop->crowded;
}

bool
real__spin_wanted(struct env_loop *loop, uint64_t now, uint64_t since)
{
	return now - since < loop->spin_ns && !crowded(loop, now);
}

bool
real__spin_yield(void)
{
	uint64_t begun = real__now();

	sched_yield();
	return real__now() - begun > CROWD_NS;
}

void
real__spin_learn(struct env_loop *loop, uint64_t waited_ns)
{
	uint64_t max = loop->real->spin_max_ns;

	if (waited_ns <= max)
		loop->spin_ns = MIN(MAX(2 * loop->spin_ns, SPIN_MIN_NS), max);
	else
		loop->spin_ns = loop->spin_ns >= SPIN_MIN_NS ? loop->spin_ns / 2 : 0;
}
