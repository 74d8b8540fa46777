/* SPDX-License-Identifier: Apache-2.0 */
/*
 * alone: a durable write that its stream can only wait for. With one request at a time the way through io_uring costs more than the
 * writing: the kernel hands the synchronous part to a thread of its own, then wakes us. So where nothing came in while the last such writes
 * were under way, and they were quick, the loop carries the next one out itself in place of the sleep:
 *
 *   start --nothing else under way, score--> parked --the loop would sleep now--> carried out by the loop
 *                                              └──another operation, a turn that did not sleep, a wake──> the ordinary way
 *
 * The score rises with each durable write in whose time no callback ran, and falls to nothing when one did: where requests
 * overlap, nobody ever waits here. A write that was slow puts it far below nothing. Which way is quicker differs between disks and with the
 * load of the machine: both are measured, the quicker is taken, and the other now and then to learn of it.
 *
 * alone I1: at most one operation is parked, it is the only one of its loop, and any other that starts sends it off first: order stays.
 * alone I2: a parked operation is carried out or sent off before the loop sleeps, and no later than in the second turn.
 */
#include "real.h"

#define SCORE_ENOUGH 16
#define SCORE_MOST 32
#define SCORE_SLOW (-512)          /* so many writes go the ordinary way after a slow one */
#define QUICK_NS NS_PER_MS         /* on average */
#define LOOK_ROUND 32              /* every so many writes go the other way */
#define SLOW_NS (20 * NS_PER_MS)
#define LEN_MAX (64 * KIB)

static bool
prefer_self(struct real_alone *alone)
{
	bool self = alone->self_ns <= alone->kernel_ns && alone->self_ns <= QUICK_NS;

	if (++alone->count % LOOK_ROUND == 0)
		self = !self && alone->kernel_ns <= QUICK_NS;
	return self;
}

/* Returns true when it takes an operation whose first step is about to start. */
bool
real__alone_take(struct env_loop *loop, struct env_io *io)
{
	struct real_alone *alone = &loop->alone;

	if (alone->parked != NULL || alone->watched != NULL) {
		alone->watched = NULL;
		alone->score = MIN(alone->score, 0);
		real__alone_send_off(loop);
	}
	if (loop->io_nr != 1 || io->op != ENV_IO_WRITE || real__io_rwf(io) == 0 || io->len > LEN_MAX || real_io(io)->moved != 0 ||
	    real_io(io)->tries != 0)
		return false;
	if (alone->score < SCORE_ENOUGH || !prefer_self(alone)) {
		alone->watched = io;
		alone->begun_ns = real__now();
		alone->ran = loop->ran_sum;
		return false;
	}
	alone->parked = io;
	alone->fresh = true;
	return true;
}

void
real__alone_send_off(struct env_loop *loop)
{
	struct env_io *io = loop->alone.parked;

	loop->alone.parked = NULL;
	if (io != NULL)
		real__io_start_step(io);
}

/* A write took so long, and others came meanwhile or not. */
static void
learn(struct real_alone *alone, uint64_t *mean_ns, uint64_t took_ns, bool others)
{
	*mean_ns = *mean_ns == 0 ? took_ns : (*mean_ns * 7 + took_ns) / 8;
	if (alone->score < 0)
		alone->score++;
	else
		alone->score = others ? 0 : MIN(alone->score + 1, SCORE_MOST);
}

void
real__alone_ended(struct env_loop *loop, struct env_io *io)
{
	struct real_alone *alone = &loop->alone;

	if (alone->watched != io)
		return;
	alone->watched = NULL;
	learn(alone, &alone->kernel_ns, real__now() - alone->begun_ns, loop->ran_sum != alone->ran);
}

/* A turn of the loop begins: sleep_ns it may sleep, 0: not at all. Returns true when a parked operation was carried out. */
bool
real__alone_turn(struct env_loop *loop, uint64_t now, uint64_t sleep_ns)
{
	struct real_alone *alone = &loop->alone;
	struct env_io *io = alone->parked;
	uint64_t ran = loop->ran_sum, took;
	int res;

	/* alone I2 */
	if (sleep_ns == 0 && alone->fresh) {
		alone->fresh = false;
		return false;
	}
	if (sleep_ns < 2 * (alone->self_ns + 1) || atomic_load(&loop->woken)) {
		real__alone_send_off(loop);
		return false;
	}
	alone->parked = NULL;
	res = real__io_carry_out(io);
	took = real__now() - now;
	real__loop_look(loop, now + took);
	learn(alone, &alone->self_ns, took, loop->ran_sum != ran || atomic_load(&loop->woken));
	if (took > SLOW_NS)
		alone->score = SCORE_SLOW;
	real__io_step_done(io, res);
	return true;
}
