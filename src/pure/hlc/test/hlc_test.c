/* SPDX-License-Identifier: Apache-2.0 */
/* pure/hlc: stamps, and several clocks that drift, jump, talk and crash. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/rand.h"
#include "pure/hlc/hlc.h"

#define WALL_2024 (1704067200ULL * NS_PER_S)

static void
stamps_encode_wall_time(void **state)
{
	struct timespec ts;
	struct rand rand;
	uint64_t stamp;

	rand_init(&rand, 1, 0);
	assert_true(hlc_from_wall(HLC_START_S * NS_PER_S) == 0);
	assert_true(hlc_from_wall(0) == 0);
	assert_true(hlc_to_wall(0) == HLC_START_S * NS_PER_S);
	assert_true(hlc_from_wall((HLC_START_S + 1) * NS_PER_S) == (16000000000ULL & ~HLC_COUNTER_MASK));
	assert_true(hlc_to_wall(16) == HLC_START_S * NS_PER_S + 1);
	for (int i = 0; i < 10000; i++) {
		uint64_t wall = HLC_START_S * NS_PER_S + rand_below(&rand, 36ULL * 365 * 86400 * NS_PER_S);

		stamp = hlc_from_wall(wall);
		assert_int_equal(stamp & HLC_COUNTER_MASK, 0);
		assert_true(hlc_to_wall(stamp) <= wall && wall - hlc_to_wall(stamp) < 16384);
		hlc_to_timespec(stamp, &ts);
		assert_true((uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec == hlc_to_wall(stamp));
		assert_int_equal(hlc_from_timespec(&ts, &stamp), 0);
		assert_true(stamp == hlc_from_wall(wall));
	}
	/* Beyond 2057. */
	assert_true(hlc_from_wall(UINT64_MAX) == (UINT64_MAX & ~HLC_COUNTER_MASK));
	assert_true(hlc_add(UINT64_MAX - 5, 1) == UINT64_MAX);
	assert_true(hlc_add(0, UINT64_MAX) == UINT64_MAX);
	assert_true(hlc_distance(160, 0) == 10 && hlc_distance(0, 160) == 0);
	ts = (struct timespec){.tv_sec = 0};
	assert_int_equal(hlc_from_timespec(&ts, &stamp), -DER_INVAL);
	ts = (struct timespec){.tv_sec = INT64_MAX};
	assert_int_equal(hlc_from_timespec(&ts, &stamp), -DER_INVAL);
	ts = (struct timespec){.tv_sec = HLC_START_S, .tv_nsec = 1000000000};
	assert_int_equal(hlc_from_timespec(&ts, &stamp), -DER_INVAL);
}

static void
stamps_increase_whatever_the_wall_clock_does(void **state)
{
	struct hlc_clock clock;
	struct rand rand;
	uint64_t wall = WALL_2024, before = 0, stamp;

	rand_init(&rand, 2, 0);
	hlc_clock_init(&clock, 0, HLC_NO_CEILING);
	for (int i = 0; i < 100000; i++) {
		if (rand_one_in(&rand, 100))
			wall -= rand_below(&rand, 3600 * NS_PER_S);
		else if (rand_one_in(&rand, 3))
			wall += rand_below(&rand, NS_PER_MS);
		assert_int_equal(hlc_clock_now(&clock, wall, &stamp), 0);
		assert_true(stamp > before && stamp >= hlc_from_wall(wall));
		before = stamp;
	}
}

static void
a_stamp_from_beyond_epsilon_is_refused(void **state)
{
	struct hlc_clock clock;
	uint64_t far = hlc_from_wall(WALL_2024 + HLC_EPSILON_NS + 20000), near = hlc_from_wall(WALL_2024 + HLC_EPSILON_NS);
	uint64_t stamp;

	hlc_clock_init(&clock, 0, HLC_NO_CEILING);
	assert_int_equal(hlc_clock_receive(&clock, far, WALL_2024, HLC_EPSILON_NS), -DER_HLC_SYNC);
	assert_int_equal(hlc_clock_receive(&clock, UINT64_MAX, WALL_2024, HLC_EPSILON_NS), -DER_HLC_SYNC);
	assert_int_equal(hlc_clock_receive(&clock, UINT64_MAX, UINT64_MAX, UINT64_MAX), -DER_HLC_SYNC);
	assert_int_equal(hlc_clock_last(&clock), 0);
	assert_int_equal(hlc_clock_receive(&clock, near, WALL_2024, HLC_EPSILON_NS), 0);
	assert_int_equal(hlc_clock_now(&clock, WALL_2024, &stamp), 0);
	assert_true(stamp == near + 1);
	assert_in_range(hlc_clock_lead(&clock, WALL_2024), HLC_EPSILON_NS - 20000, HLC_EPSILON_NS + 20000);
	/* Old news are accepted even when our wall clock has been set back. */
	assert_int_equal(hlc_clock_receive(&clock, near, WALL_2024 - 3600 * NS_PER_S, HLC_EPSILON_NS), 0);
	assert_true(hlc_clock_lead(&clock, WALL_2024 - 3600 * NS_PER_S) > HLC_EPSILON_NS);
}

static void
no_stamp_is_handed_out_above_the_ceiling(void **state)
{
	struct hlc_clock clock;
	uint64_t wall = WALL_2024, ceiling = 0, stamp, durable;

	hlc_clock_init(&clock, 0, 0);
	assert_int_equal(hlc_clock_now(&clock, wall, &stamp), -DER_AGAIN);
	assert_true(hlc_clock_needs_reserve(&clock, wall, NS_PER_S, &ceiling));
	hlc_clock_raise_ceiling(&clock, ceiling);
	durable = ceiling;
	assert_int_equal(hlc_clock_now(&clock, wall, &stamp), 0);
	assert_false(hlc_clock_needs_reserve(&clock, wall, NS_PER_S, &ceiling));
	assert_false(hlc_clock_needs_reserve(&clock, wall + NS_PER_S / 2 - 40000, NS_PER_S, &ceiling));
	assert_true(hlc_clock_needs_reserve(&clock, wall + NS_PER_S / 2 + 40000, NS_PER_S, &ceiling));
	hlc_clock_raise_ceiling(&clock, 5); /* ignored */
	assert_int_equal(hlc_clock_now(&clock, wall + NS_PER_S - 40000, &stamp), 0);
	assert_int_equal(hlc_clock_now(&clock, wall + NS_PER_S + 40000, &stamp), -DER_AGAIN);
	/* What was only heard of may lie above; handing out waits. */
	assert_int_equal(hlc_clock_receive(&clock, durable + 100, wall + NS_PER_S, HLC_EPSILON_NS), 0);
	assert_int_equal(hlc_clock_now(&clock, wall, &stamp), -DER_AGAIN);
	/* The next life begins above what was durable, with the wall clock behind it. */
	hlc_clock_init(&clock, durable, durable);
	assert_int_equal(hlc_clock_now(&clock, wall, &stamp), -DER_AGAIN);
	assert_true(hlc_clock_needs_reserve(&clock, wall, NS_PER_S, &ceiling));
	hlc_clock_raise_ceiling(&clock, ceiling);
	assert_int_equal(hlc_clock_now(&clock, wall, &stamp), 0);
	assert_true(stamp == durable + 1);
}

static void
the_end_of_time_is_an_error(void **state)
{
	struct hlc_clock clock;
	uint64_t stamp;

	hlc_clock_init(&clock, UINT64_MAX - 1, HLC_NO_CEILING);
	assert_int_equal(hlc_clock_now(&clock, 0, &stamp), 0);
	assert_int_equal(hlc_clock_now(&clock, 0, &stamp), -DER_OVERFLOW);
}

/* Nodes with clocks off by up to 200 ms send messages, do work and crash; stamps must respect what happened before. */
static void
causes_come_before_effects_across_crashes(void **state)
{
	enum { NODES = 5, STEPS = 200000 };
	struct {
		struct hlc_clock clock;
		uint64_t durable;   /* the ceiling on its disk */
		uint64_t known;     /* the model: largest stamp that happened before this node's next event */
		int64_t offset_ns;
	} node[NODES];
	struct rand rand;
	uint64_t wall = WALL_2024;

	rand_init(&rand, 7, 0);
	for (int i = 0; i < NODES; i++) {
		node[i].durable = node[i].known = 0;
		node[i].offset_ns = (int64_t)rand_below(&rand, 400 * NS_PER_MS) - 200 * (int64_t)NS_PER_MS;
		hlc_clock_init(&node[i].clock, 0, 0);
	}
	for (int step = 0; step < STEPS; step++) {
		int from = (int)rand_below(&rand, NODES), to = (int)rand_below(&rand, NODES);
		uint64_t local = wall + (uint64_t)node[from].offset_ns, stamp, ceiling;

		wall += rand_below(&rand, 50 * NS_PER_US);
		if (rand_one_in(&rand, 500)) {
			/* A crash; sometimes it comes between writing the ceiling and raising to it. */
			if (rand_one_in(&rand, 2) &&
			    hlc_clock_needs_reserve(&node[from].clock, local, 100 * NS_PER_MS, &ceiling))
				node[from].durable = ceiling;
			hlc_clock_init(&node[from].clock, node[from].durable, node[from].durable);
			/* A start waits out the lead, else crash after crash would carry the clock away. */
			wall += hlc_clock_lead(&node[from].clock, local);
			local = wall + (uint64_t)node[from].offset_ns;
		}
		if (hlc_clock_now(&node[from].clock, local, &stamp) != 0) {
			assert_true(hlc_clock_needs_reserve(&node[from].clock, local, 100 * NS_PER_MS, &ceiling));
			node[from].durable = ceiling;
			hlc_clock_raise_ceiling(&node[from].clock, ceiling);
			assert_int_equal(hlc_clock_now(&node[from].clock, local, &stamp), 0);
		}
		assert_true(stamp > node[from].known);
		assert_true(stamp <= node[from].durable);
		node[from].known = stamp;
		assert_int_equal(hlc_clock_receive(&node[to].clock, stamp, wall + (uint64_t)node[to].offset_ns,
						   HLC_EPSILON_NS), 0);
		/* A message that was heard but led to nothing may be forgotten by a crash: the model counts what is sent on. */
		if (hlc_clock_now(&node[to].clock, wall + (uint64_t)node[to].offset_ns, &ceiling) == 0) {
			assert_true(ceiling > stamp && ceiling > node[to].known);
			node[to].known = ceiling;
		}
	}
}

static void
its_own_wall_time_never_goes_back(void **state)
{
	struct hlc_clock clock;
	struct rand rand;
	uint64_t mono = NS_PER_S, offset = WALL_2024, before = 0, now;

	rand_init(&rand, 9, 0);
	hlc_clock_init(&clock, 0, HLC_NO_CEILING);
	for (int i = 0; i < 10000; i++) {
		mono += rand_below(&rand, NS_PER_MS);
		if (rand_one_in(&rand, 100))
			offset = WALL_2024 + rand_below(&rand, 86400 * NS_PER_S);
		now = hlc_clock_wall(&clock, mono + offset, mono);
		assert_true(now >= before && now >= mono + offset);
		before = now;
	}
	/* After a crash with the clock set back: not before the stamps of the former life, and it runs on. */
	hlc_clock_init(&clock, hlc_from_wall(WALL_2024), HLC_NO_CEILING);
	hlc_clock_go_on(&clock, mono);
	now = hlc_clock_wall(&clock, WALL_2024 - 86400 * NS_PER_S, mono);
	assert_true(now + 16384 >= WALL_2024 && now <= WALL_2024);
	assert_true(hlc_clock_wall(&clock, WALL_2024 - 86400 * NS_PER_S, mono + NS_PER_S) == now + NS_PER_S);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stamps_encode_wall_time),
		cmocka_unit_test(stamps_increase_whatever_the_wall_clock_does),
		cmocka_unit_test(a_stamp_from_beyond_epsilon_is_refused),
		cmocka_unit_test(no_stamp_is_handed_out_above_the_ceiling),
		cmocka_unit_test(the_end_of_time_is_an_error),
		cmocka_unit_test(its_own_wall_time_never_goes_back),
		cmocka_unit_test(causes_come_before_effects_across_crashes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
