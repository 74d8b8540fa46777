/* SPDX-License-Identifier: Apache-2.0 */
/* The network in bad weather: cuts, silence, deaths of the peer, resets, delays; what was sent and what arrived. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include "env_sim/env_sim.h"

struct end {
	struct env *env;
	struct env_loop *loop;
	struct env_conn *conn;
	uint64_t got, last, closed, moves, moves_ok;
	int rc;
	uint64_t closed_ns;
	struct net *net;
};

/** Node 0 connects to node 1. */
struct net {
	struct sim *sim;
	struct end a, b;
	struct env_listen *listen;
	uint64_t accepted;
};

static void
received(void *arg, struct env_conn *conn, const void *data, size_t len)
{
	struct end *end = arg;
	uint64_t number;

	assert_int_equal(len, 8);
	memcpy(&number, data, 8);
	assert_true(number > end->last); /* in order, none twice */
	end->last = number;
	end->got++;
	assert_int_equal(end->closed, 0);
}

static void
closed(void *arg, struct env_conn *conn, int rc)
{
	struct end *end = arg;

	assert_int_equal(end->moves, 0); /* every transfer ended before */
	end->closed++;
	end->rc = rc;
	end->conn = NULL;
	end->closed_ns = sim_now(end->net->sim);
}

static const struct env_conn_ops ops = {.received = received, .closed = closed};

static void
accepted(void *arg, struct env_conn *conn)
{
	struct net *net = arg;

	net->accepted++;
	net->b.conn = conn;
	net->b.env->ops->net.bind(conn, &ops, &net->b);
}

static bool
nothing(void *arg)
{
	struct net *net = arg;

	/* The loops are polled by nobody but us: their streams, as it were. */
	if (sim_env(net->sim, 0) == net->a.env)
		net->a.env->ops->loop.poll(net->a.loop, 0);
	if (sim_env(net->sim, 1) == net->b.env)
		net->b.env->ops->loop.poll(net->b.loop, 0);
	return false;
}

static void
pass(struct net *net, uint64_t ns)
{
	assert_int_equal(sim_run(net->sim, ns, nothing, net), -DER_TIMEDOUT);
}

static void
dial(struct net *net)
{
	net->a.got = net->a.last = net->a.closed = net->b.got = net->b.last = net->b.closed = 0;
	assert_int_equal(net->a.env->ops->net.connect(net->a.loop, "tcp://host1:777", &ops, &net->a, &net->a.conn), 0);
}

static void
begin(struct net *net, uint64_t seed, const struct sim_options *given)
{
	struct sim_options options;

	sim_options_init(&options);
	if (given != NULL)
		options = *given;
	options.nodes = 2;
	*net = (struct net){.sim = sim_create(seed, &options)};
	net->a.net = net->b.net = net;
	net->a.env = sim_env(net->sim, 0);
	net->b.env = sim_env(net->sim, 1);
	assert_int_equal(net->a.env->ops->loop.open(net->a.env, &net->a.loop), 0);
	assert_int_equal(net->b.env->ops->loop.open(net->b.env, &net->b.loop), 0);
	assert_int_equal(net->b.env->ops->net.listen(net->b.loop, "tcp://0.0.0.0:777", accepted, net, &net->listen), 0);
	dial(net);
	pass(net, given != NULL ? NS_PER_S : 10 * NS_PER_MS);
	assert_int_equal(net->accepted, 1);
}

static int
say(struct end *end, uint64_t number)
{
	struct iovec iov = {&number, 8};

	return end->env->ops->net.send(end->conn, &iov, 1);
}

static void
a_cut_holds_messages_until_it_is_mended(void **state)
{
	struct net net;

	begin(&net, 1, NULL);
	sim_net_cut(net.sim, 0, 1, true);
	for (uint64_t i = 1; i <= 10; i++) {
		assert_int_equal(say(&net.a, i), 0);
		assert_int_equal(say(&net.b, i), 0);
	}
	pass(&net, 5 * NS_PER_S);
	assert_int_equal(net.b.got, 0);
	assert_int_equal(net.a.got, 10); /* the other direction works */
	sim_net_cut(net.sim, SIM_ANY, 1, false);
	pass(&net, NS_PER_S);
	assert_int_equal(net.b.got, 10);
	assert_true(net.a.closed == 0 && net.b.closed == 0);
	sim_destroy(net.sim);
}

static void
a_silent_peer_is_given_up_by_both_ends(void **state)
{
	struct net net;
	uint64_t start;

	for (int direction = 0; direction < 2; direction++) {
		begin(&net, 1, NULL);
		start = sim_now(net.sim);
		sim_net_cut(net.sim, direction, 1 - direction, true);
		pass(&net, 20 * NS_PER_S);
		assert_int_equal(net.a.closed, 1);
		assert_int_equal(net.b.closed, 1);
		assert_int_equal(net.a.rc, -DER_TIMEDOUT);
		assert_int_equal(net.b.rc, -DER_TIMEDOUT);
		assert_in_range(net.a.closed_ns - start, 5 * NS_PER_S, 10 * NS_PER_S);
		/* A new connection finds nobody until the cut is mended. */
		dial(&net);
		pass(&net, 20 * NS_PER_S);
		assert_int_equal(net.a.rc, -DER_TIMEDOUT);
		sim_net_cut(net.sim, SIM_ANY, SIM_ANY, false);
		dial(&net);
		pass(&net, NS_PER_S);
		assert_int_equal(net.a.closed, 0);
		assert_true(net.accepted >= 2);
		sim_destroy(net.sim);
	}
}

static void
a_killed_peer_is_missed_within_a_second_and_a_dark_one_within_ten(void **state)
{
	struct net net;

	begin(&net, 1, NULL);
	assert_int_equal(say(&net.b, 1), 0);
	sim_node_crash(net.sim, 1, SIM_KILL);
	pass(&net, NS_PER_S);
	assert_int_equal(net.a.closed, 1);
	assert_int_equal(net.a.rc, -DER_UNREACH);
	assert_int_equal(net.a.got, 1); /* what the kernel had is delivered */
	dial(&net); /* nobody listens */
	pass(&net, NS_PER_S);
	assert_int_equal(net.a.rc, -DER_UNREACH);
	sim_destroy(net.sim);

	begin(&net, 1, NULL);
	sim_node_crash(net.sim, 1, SIM_POWER);
	pass(&net, 5 * NS_PER_S);
	assert_int_equal(net.a.closed, 0);
	pass(&net, 6 * NS_PER_S);
	assert_int_equal(net.a.closed, 1);
	assert_int_equal(net.a.rc, -DER_TIMEDOUT);
	dial(&net); /* without power nobody says that nobody is there */
	pass(&net, 5 * NS_PER_S);
	assert_int_equal(net.a.closed, 0);
	pass(&net, 6 * NS_PER_S);
	assert_int_equal(net.a.rc, -DER_TIMEDOUT);
	sim_node_restart(net.sim, 1);
	dial(&net);
	pass(&net, NS_PER_S);
	assert_int_equal(net.a.rc, -DER_UNREACH);
	sim_destroy(net.sim);
}

static void
the_nth_message_breaks_its_connection(void **state)
{
	for (uint64_t nth = 1; nth <= 5; nth++) {
		struct net net;

		begin(&net, nth, NULL);
		sim_net_break_at(net.sim, nth);
		for (uint64_t i = 1; i <= 5; i++)
			(void)say(&net.a, i);
		pass(&net, NS_PER_S);
		assert_int_equal(net.b.got, nth - 1);
		assert_true(net.a.closed == 1 && net.b.closed == 1);
		sim_destroy(net.sim);
	}
}

static void
a_listener_that_closes_leaves_connections_to_nobody(void **state)
{
	struct net net;
	struct env_listen *listen;

	begin(&net, 1, NULL);
	assert_int_equal(net.a.env->ops->net.listen(net.a.loop, "unix:///here", accepted, &net, &listen), 0);
	net.a.env->ops->net.close(net.a.conn);
	pass(&net, NS_PER_S);
	assert_int_equal(net.a.env->ops->net.connect(net.a.loop, "unix:///here", &ops, &net.a, &net.a.conn), 0);
	net.a.closed = 0;
	net.a.env->ops->net.listen_close(listen);
	pass(&net, NS_PER_S);
	assert_true(net.a.closed == 1 && net.a.rc == -DER_UNREACH);
	sim_destroy(net.sim);
}

static void
a_stopped_peer_is_given_up_when_it_stays_so(void **state)
{
	struct net net;

	begin(&net, 1, NULL);
	sim_node_pause(net.sim, 1);
	pass(&net, 5 * NS_PER_S);
	sim_node_resume(net.sim, 1);
	pass(&net, 20 * NS_PER_S);
	assert_int_equal(net.a.closed, 0);
	sim_node_pause(net.sim, 1);
	pass(&net, 11 * NS_PER_S);
	assert_int_equal(net.a.closed, 1);
	sim_destroy(net.sim);
}

static void
a_reset_breaks_both_ends_at_once(void **state)
{
	struct net net;

	begin(&net, 1, NULL);
	for (uint64_t i = 1; i <= 10; i++)
		assert_int_equal(say(&net.a, i), 0);
	sim_net_break(net.sim, 1, 0);
	pass(&net, NS_PER_MS);
	assert_true(net.a.closed == 1 && net.b.closed == 1);
	assert_true(net.a.rc == -DER_UNREACH && net.b.rc == -DER_UNREACH);
	assert_int_equal(net.b.got, 0);
	sim_destroy(net.sim);
}

static void
what_arrives_is_a_prefix_of_what_was_sent(void **state)
{
	struct sim_options options;
	int broken = 0, whole = 0;

	sim_options_init(&options);
	options.net_break_ppm = 5000;
	options.net_clog_ppm = 5000;
	for (uint64_t seed = 1; seed <= 100; seed++) {
		struct net net;
		uint64_t sent = 0;

		begin(&net, seed, &options);
		for (uint64_t i = 1; i <= 100 && net.a.conn != NULL; i++) {
			sent += say(&net.a, i) == 0;
			pass(&net, 10000);
		}
		pass(&net, 5 * NS_PER_S);
		assert_int_equal(net.b.last, net.b.got); /* no gap */
		assert_true(net.b.got <= sent);
		assert_int_equal(net.a.closed, net.b.closed);
		broken += net.a.closed > 0;
		whole += net.b.got == 100;
		sim_destroy(net.sim);
	}
	assert_true(broken > 10 && whole > 10);
}

/* ---- transfers ------------------------------------------------------------------------------------------------------------ */

struct move {
	struct end *end;
	char *buf;
	int done, rc;
};

static void
moved(void *arg, int rc)
{
	struct move *move = arg;

	move->done++;
	move->rc = rc;
	move->end->moves--;
	move->end->moves_ok += rc == 0;
}

static void
transfers_end_whatever_happens_to_the_other_side(void **state)
{
	static const char *const ways[] = {"nothing", "kill", "power", "cut", "cut back", "reset", "close", "unregister"};

	for (uint64_t seed = 1; seed <= 10 * ARRAY_SIZE(ways); seed++) {
		const char *way = ways[seed % ARRAY_SIZE(ways)];
		struct net net;
		struct move moves[20] = {0};
		struct env_rkey key;
		char *memory;
		struct iovec iov;

		begin(&net, seed, NULL);
		memory = mem_alloc(net.b.env->mem, 4096);
		memset(memory, 'b', 4096);
		iov = (struct iovec){memory, 4096};
		assert_int_equal(net.b.env->ops->net.mem_reg(net.b.conn, &iov, 1, ENV_REG_READ | ENV_REG_WRITE, &key), 0);
		for (int i = 0; i < 20; i++) {
			moves[i] = (struct move){.end = &net.a, .buf = test_calloc(1, 4096)};
			iov = (struct iovec){moves[i].buf, 4096};
			memset(moves[i].buf, 'a', 4096);
			assert_int_equal((i % 2 == 0 ? net.a.env->ops->net.get : net.a.env->ops->net.put)(
						 net.a.conn, key, 0, &iov, 1, moved, &moves[i]), 0);
			net.a.moves++;
		}
		pass(&net, sim_rand_nr(net.sim, 200000));
		if (strcmp(way, "kill") == 0)
			sim_node_crash(net.sim, 1, SIM_KILL);
		else if (strcmp(way, "power") == 0)
			sim_node_crash(net.sim, 1, SIM_POWER);
		else if (strcmp(way, "cut") == 0)
			sim_net_cut(net.sim, 0, 1, true);
		else if (strcmp(way, "cut back") == 0)
			sim_net_cut(net.sim, 1, 0, true);
		else if (strcmp(way, "reset") == 0)
			sim_net_break(net.sim, 0, 1);
		else if (strcmp(way, "close") == 0)
			net.b.env->ops->net.close(net.b.conn);
		else if (strcmp(way, "unregister") == 0)
			net.b.env->ops->net.mem_unreg(net.b.conn, key);
		if (strcmp(way, "unregister") == 0 || strcmp(way, "close") == 0) {
			/* From now on nobody may touch it. */
			mem_free(net.b.env->mem, memory);
			memory = NULL;
		}
		pass(&net, 11 * NS_PER_S);
		assert_int_equal(net.a.moves, 0);
		for (int i = 0; i < 20; i++) {
			int rc = moves[i].rc;

			assert_int_equal(moves[i].done, 1);
			assert_true(rc == 0 || rc == -DER_UNREACH || (rc == -DER_NO_PERM && strcmp(way, "unregister") == 0));
			/* The puts write 'a', whole or, when cut short, the first bytes of it; the gets see that. */
			for (int at = 1; at < 4096 && rc == 0; at++)
				assert_true(moves[i].buf[at] == moves[i].buf[at - 1] || moves[i].buf[at] == 'b');
			assert_true(moves[i].buf[0] == 'a' || moves[i].buf[0] == 'b');
			test_free(moves[i].buf);
		}
		if (strcmp(way, "nothing") == 0)
			assert_int_equal(net.a.moves_ok, 20);
		sim_destroy(net.sim);
	}
}

static void
a_cut_that_is_mended_lets_transfers_finish(void **state)
{
	struct net net;
	struct move move;
	struct env_rkey key;
	char memory[64] = "there", here[64];
	struct iovec iov = {memory, 64};

	begin(&net, 1, NULL);
	assert_int_equal(net.b.env->ops->net.mem_reg(net.b.conn, &iov, 1, ENV_REG_READ, &key), 0);
	for (int direction = 0; direction < 2; direction++) {
		sim_net_cut(net.sim, direction, 1 - direction, true);
		iov.iov_base = here;
		move = (struct move){.end = &net.a};
		net.a.moves++;
		assert_int_equal(net.a.env->ops->net.get(net.a.conn, key, 0, &iov, 1, moved, &move), 0);
		pass(&net, NS_PER_S);
		assert_int_equal(move.done, 0);
		sim_net_cut(net.sim, direction, 1 - direction, false);
		pass(&net, NS_PER_S);
		assert_true(move.done == 1 && move.rc == 0);
		assert_string_equal(here, "there");
	}
	sim_destroy(net.sim);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cut_holds_messages_until_it_is_mended),
		cmocka_unit_test(a_silent_peer_is_given_up_by_both_ends),
		cmocka_unit_test(a_killed_peer_is_missed_within_a_second_and_a_dark_one_within_ten),
		cmocka_unit_test(the_nth_message_breaks_its_connection),
		cmocka_unit_test(a_listener_that_closes_leaves_connections_to_nobody),
		cmocka_unit_test(a_stopped_peer_is_given_up_when_it_stays_so),
		cmocka_unit_test(a_reset_breaks_both_ends_at_once),
		cmocka_unit_test(what_arrives_is_a_prefix_of_what_was_sent),
		cmocka_unit_test(transfers_end_whatever_happens_to_the_other_side),
		cmocka_unit_test(a_cut_that_is_mended_lets_transfers_finish),
	};

	return cmocka_run_group_tests_name("env_sim network", tests, NULL, NULL);
}
