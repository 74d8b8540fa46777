/* SPDX-License-Identifier: Apache-2.0 */
/* Collectives over the simulated net: every rank once, whatever the size of the group and whoever is dead. */
#include "net.h"

static struct net net;

struct sum {
	uint64_t value;
	const uint32_t *ranks;
	uint32_t rank_nr;
	int rc;
	/* folded */
	uint64_t sum;
	uint32_t nr, failed, seen[NET_MAX];
	int status[NET_MAX];
};

static void
fold(void *arg, void *into, const void *from, uint32_t rank, int status)
{
	struct sum *sum = arg;
	const struct test_sum_out *out = from;
	struct test_sum_out *total = into;

	assert_true(rank < NET_MAX);
	sum->seen[rank]++;
	sum->status[rank] = status;
	if (out == NULL) {
		sum->failed++;
		assert_int_not_equal(status, 0);
		return;
	}
	assert_int_equal(out->ranks_nr, 1);
	assert_int_equal(out->ranks[0], rank);
	total->sum += out->sum;
	total->nr += out->nr;
}

static void
collect_sum(struct side *side, void *arg)
{
	struct sum *sum = arg;
	struct test_sum_in in = {.value = sum->value};
	struct test_sum_out out = {0};
	struct arena arena;
	struct rpc_collect collect = {.opc = opc_test_sum, .in = &in, .out = &out, .arena = &arena, .ranks = sum->ranks, .rank_nr = sum->rank_nr,
				      .fold = fold, .arg = sum};

	arena_init(&arena, side->env->mem);
	sum->rc = rpc_collect(side->ctx, &collect);
	sum->sum = out.sum;
	sum->nr = out.nr;
	arena_fini(&arena);
}

static void
every_rank_is_asked_once(void **state)
{
	static const uint32_t sizes[] = {1, 2, 4, 5, 17, 33};

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		uint32_t nr = sizes[i], root = nr > 2 ? 2 : 0;
		struct sum sum = {.value = 100};
		uint64_t start;

		net_start(&net, i, nr);
		net_group(&net, 1);
		start = sim_now(net.sim);
		run_on(&net.sides[root], collect_sum, &sum);
		assert_int_equal(sum.rc, 0);
		assert_int_equal(sum.nr, nr);
		assert_int_equal(sum.sum, 100 * nr + nr * (nr - 1) / 2);
		for (uint32_t rank = 0; rank < nr; rank++)
			assert_int_equal(sum.seen[rank], 1);
		/* In parallel, not one after another. */
		assert_true(sim_now(net.sim) - start < 15 * NS_PER_MS);
		net_stop(&net);
	}
}

static void
a_list_of_ranks_may_leave_out_the_caller(void **state)
{
	static const uint32_t ranks[] = {4, 1, 3}, with[] = {0, 4, 2};
	struct sum sum = {.value = 1, .ranks = ranks, .rank_nr = 3}, other = {.value = 1, .ranks = with, .rank_nr = 3};

	net_start(&net, 1, 6);
	net_group(&net, 1);
	run_on(&net.sides[0], collect_sum, &sum);
	assert_int_equal(sum.rc, 0);
	assert_int_equal(sum.nr, 3);
	assert_int_equal(sum.sum, 3 + 8);
	assert_int_equal(sum.seen[0], 0);
	run_on(&net.sides[0], collect_sum, &other);
	assert_int_equal(other.rc, 0);
	assert_int_equal(other.sum, 3 + 6);
	net_stop(&net);
}

static void
an_error_of_one_rank_is_the_result_and_the_others_still_count(void **state)
{
	struct sum sum = {.value = 13};

	net_start(&net, 2, 7);
	net_group(&net, 1);
	run_on(&net.sides[0], collect_sum, &sum);
	assert_int_equal(sum.rc, -DER_BUSY);
	assert_int_equal(sum.nr, 7);
	assert_int_equal(sum.status[2], -DER_BUSY);
	assert_int_equal(sum.failed, 0);
	net_stop(&net);
}

static void
what_is_below_a_dead_rank_is_reported(void **state)
{
	for (uint32_t dead = 1; dead < 17; dead++) {
		struct sum sum = {.value = 1};
		uint32_t below = 0;

		net_start(&net, dead, 17);
		net_group(&net, 1);
		sim_node_crash(net.sim, dead, SIM_KILL);
		net.sides[dead].up = false;
		run_on(&net.sides[0], collect_sum, &sum);
		assert_int_equal(sum.rc, -DER_UNREACH);
		for (uint32_t rank = 0; rank < 17; rank++) {
			assert_int_equal(sum.seen[rank], 1);
			below += sum.status[rank] != 0;
		}
		assert_int_equal(sum.status[dead], -DER_UNREACH);
		assert_int_equal(sum.failed, below);
		assert_int_equal(sum.nr + sum.failed, 17);
		/* 4, 8 and 12 have three below them, the others none. */
		assert_int_equal(below, dead % 4 == 0 && dead < 16 ? 4 : 1);
		net_stop(&net);
	}
}

static void
a_client_cannot_start_one(void **state)
{
	struct sum sum = {.value = 1};

	net_create(&net, 3, 3, NULL);
	side_start(&net, 0, NULL);
	side_start(&net, 1, NULL);
	side_start(&net, 2, &(struct rpc_node_config){.rank = RPC_NO_RANK});
	net_group(&net, 1);
	run_on(&net.sides[2], collect_sum, &sum);
	assert_int_equal(sum.rc, -DER_NO_PERM);
	assert_int_equal(sum.nr, 0);
	net_stop(&net);
}

static void
without_memory_ranks_are_reported_and_nothing_leaks(void **state)
{
	for (uint32_t who = 0; who < 3; who++)
		for (uint64_t nth = 1; nth < 60; nth += 3) {
			struct sum sum = {.value = 1};

			net_start(&net, nth, 6);
			net_group(&net, 1);
			sim_mem_fail(net.sim, who, nth, false);
			run_on(&net.sides[0], collect_sum, &sum);
			sim_mem_fail(net.sim, who, 0, false);
			for (uint32_t rank = 0; rank < 6; rank++)
				assert_true(sum.seen[rank] == (sum.rc == -DER_NOMEM && sum.nr + sum.failed == 0 ? 0 : 1));
			net_stop(&net);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_rank_is_asked_once),
		cmocka_unit_test(a_list_of_ranks_may_leave_out_the_caller),
		cmocka_unit_test(an_error_of_one_rank_is_the_result_and_the_others_still_count),
		cmocka_unit_test(what_is_below_a_dead_rank_is_reported),
		cmocka_unit_test(a_client_cannot_start_one),
		cmocka_unit_test(without_memory_ranks_are_reported_and_nothing_leaks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
