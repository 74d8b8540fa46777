/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spin: for how long a loop looks for work before it sleeps. To be woken from a sleep costs several times what a round trip takes;
 * to look costs a core that others may want.
 *
 * spin I1: a loop looks for spin_max_ns after a wait that was shorter than that, for half as long as before after each longer one,
 *          down to not at all. An idle loop sleeps.
 * spin I2: between two looks it gives its core to whoever wants it. If that one kept it for long, cores are wanted for other things:
 *          for a while it sleeps at once, longer each time that happens anew. Others that look, or do little, are no such thing.
 */
#include <sched.h>
#include <stdlib.h>
#include "base/text.h"
#include "real.h"

#define SPIN_MIN_NS (16 * NS_PER_US)
/* Longer than a durable write takes on flash; what a slower disk needs is worth a sleep. */
#define SPIN_MAX_NS (250 * NS_PER_US)
#define SPIN_LIMIT_US 100000
#define LONG_NS (2 * NS_PER_MS)        /* a yield that took so long: nearly a slice of the scheduler's */
#define AWAY_MIN_NS (10 * NS_PER_MS)   /* keeps from looking for so long at first, */
#define AWAY_MAX_NS (500 * NS_PER_MS)  /* and at most */

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
}

bool
real__spin_wanted(struct env_loop *loop, uint64_t now, uint64_t since)
{
	return now - since < loop->spin_ns && now >= loop->away_until_ns;
}

void
real__spin_yield(struct env_loop *loop)
{
	uint64_t begun = real__now(), now;

	sched_yield();
	now = real__now();
	if (now - begun < LONG_NS)
		return;
	/* Soon after the last time: twice as long. */
	loop->away_ns = begun - loop->away_until_ns < AWAY_MAX_NS ? MIN(MAX(2 * loop->away_ns, AWAY_MIN_NS), AWAY_MAX_NS) : AWAY_MIN_NS;
	loop->away_until_ns = now + loop->away_ns;
}

void
real__spin_learn(struct env_loop *loop, uint64_t waited_ns)
{
	uint64_t max = loop->real->spin_max_ns;

	if (waited_ns <= max)
		loop->spin_ns = max;
	else
		loop->spin_ns = loop->spin_ns >= SPIN_MIN_NS ? loop->spin_ns / 2 : 0;
}
