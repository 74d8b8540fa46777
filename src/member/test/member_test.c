/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of ranks against a set that is compared by hand. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/mem_test.h"
#include "base/rand.h"
#include "env_sim/env_sim.h"
#include "member/member.h"
#include "proto/registry.h"
#include "pure/hlc/hlc.h"

enum { RANKS = 40 };

static struct {
	struct sim *sim;
	struct mem_test mem;
	struct hlc_clock clock;
	struct rpc_node *node;
	struct member *member;
	/* what was heard */
	uint64_t alive[RANKS]; /* incarnation; 0: not there */
	uint32_t events, last_rank;
} w;

static void
begin(void)
{
	struct rpc_node_config config;

	memset(&w, 0, sizeof(w));
	mem_test_init(&w.mem);
	w.sim = sim_create(1, NULL);
	hlc_clock_init(&w.clock, 0, HLC_NO_CEILING);
	config = (struct rpc_node_config){.env = sim_env(w.sim, 0), .hlc = &w.clock, .protos = proto_all};
	assert_int_equal(rpc_node_create(&config, &w.node), 0);
	assert_int_equal(member_create(&w.mem.mem, w.node, &w.member), 0);
}

static void
end(void)
{
	member_destroy(w.member);
	rpc_node_destroy(w.node);
	assert_int_equal(w.mem.outstanding, 0);
	sim_destroy(w.sim);
}

static void
heard(void *arg, enum member_event event, uint32_t rank, uint64_t incarnation)
{
	assert_true(rank >= w.last_rank);
	w.last_rank = rank;
	w.events++;
	/* rpc knows already. */
	assert_int_equal(rpc_group_version(w.node), *(uint32_t *)arg);
	switch (event) {
	case MEMBER_JOINED:
		assert_int_equal(w.alive[rank], 0);
		w.alive[rank] = incarnation;
		break;
	case MEMBER_RESTARTED:
		assert_true(w.alive[rank] != 0 && incarnation > w.alive[rank]);
		w.alive[rank] = incarnation;
		break;
	case MEMBER_LEFT:
		assert_true(w.alive[rank] == incarnation);
		w.alive[rank] = 0;
		break;
	}
}

static void
every_change_is_told_once(void **state)
{
	uint64_t truth[RANKS] = {0};
	uint32_t version = 0;
	struct rand rand;

	begin();
	rand_init(&rand, 7, 1);
	assert_int_equal(member_watch(w.member, heard, &version), 0);
	for (int round = 0; round < 500; round++) {
		struct rpc_member members[RANKS];
		const uint32_t *ranks;
		uint32_t nr = 0, at = 0;

		for (uint32_t rank = 0; rank < RANKS; rank++) {
			if (rand_one_in(&rand, 8))
				truth[rank] = truth[rank] != 0 ? 0 : 1 + rand_below(&rand, 100);
			else if (truth[rank] != 0 && rand_one_in(&rand, 8))
				truth[rank]++;
			if (truth[rank] != 0)
				members[nr++] = (struct rpc_member){.rank = rank, .incarnation = truth[rank]};
		}
		/* In any order. */
		for (uint32_t i = 0; i + 1 < nr; i++) {
			uint32_t j = i + (uint32_t)rand_below(&rand, nr - i);
			struct rpc_member swap = members[i];

			members[i] = members[j];
			members[j] = swap;
		}
		version += 1 + (uint32_t)rand_below(&rand, 3);
		w.last_rank = 0;
		assert_int_equal(member_set(w.member, version, members, nr), 0);
		assert_memory_equal(w.alive, truth, sizeof(truth));
		assert_int_equal(member_version(w.member), version);
		ranks = member_ranks(w.member, &nr);
		for (uint32_t rank = 0; rank < RANKS; rank++) {
			uint64_t incarnation = 0;

			assert_int_equal(member_find(w.member, rank, &incarnation), truth[rank] != 0);
			assert_int_equal(incarnation, truth[rank]);
			if (truth[rank] != 0)
				assert_int_equal(ranks[at++], rank);
		}
		assert_int_equal(at, nr);
	}
	assert_true(w.events > 1000);
	member_unwatch(w.member, &version);
	w.events = 0;
	assert_int_equal(member_set(w.member, version + 1, NULL, 0), 0);
	assert_int_equal(w.events, 0);
	end();
}

static void
old_and_broken_lists_change_nothing(void **state)
{
	struct rpc_member two[2] = {{.rank = 3}, {.rank = 3}}, one = {.rank = 1};
	uint32_t nr;

	begin();
	assert_int_equal(member_set(w.member, 5, &one, 1), 0);
	assert_int_equal(member_set(w.member, 5, NULL, 0), 0);
	assert_int_equal(member_set(w.member, 4, NULL, 0), 0);
	assert_int_equal(member_set(w.member, 0, NULL, 0), -DER_INVAL);
	assert_int_equal(member_set(w.member, 6, two, 2), -DER_INVAL);
	assert_int_equal(member_version(w.member), 5);
	assert_int_equal(member_ranks(w.member, &nr)[0], 1);
	assert_int_equal(nr, 1);
	for (size_t nth = 1; nth <= 2; nth++) {
		mem_test_fail(&w.mem, nth);
		assert_int_equal(member_set(w.member, 7, &one, 1), -DER_NOMEM);
		mem_test_fail(&w.mem, 0);
	}
	assert_int_equal(member_version(w.member), 5);
	assert_int_equal(member_set(w.member, 7, &one, 1), 0);
	end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_change_is_told_once),
		cmocka_unit_test(old_and_broken_lists_change_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
