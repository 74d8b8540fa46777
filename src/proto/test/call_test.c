/* SPDX-License-Identifier: Apache-2.0 */
/* rpc over the simulated net, with the operations of proto/test: one sentence, one test. */
#include "net.h"

static struct net net;

#define ON(net, i, fn, arg) run_on(&(net)->sides[i], fn, arg)

/* ---- calls ------------------------------------------------------------------------------------------------------------- */
static void
all_types(struct side *side, void *arg)
{
	const struct rpc_op *op = &proto_test.ops[op_test_types];
	struct rpc_peer *peer = peer_of(side, 0);
	struct rand rand;

	for (int i = 0; i < 20; i++) {
		struct test_types_in in;
		struct test_types_out out;
		struct arena arena;
		bool answered;
		struct rpc_call call = test_types_call(peer, &in, &out, &arena);

		rand_init(&rand, 1, i);
		arena_init(&arena, side->env->mem);
		op->in.fill(&rand, &in, &arena);
		assert_int_equal(rpc_call(side->ctx, &call, &answered), 0);
		assert_true(answered);
		assert_true(op->out.equal(&in, &out));
		arena_fini(&arena);
	}
	rpc_peer_put(peer);
}

static void
an_answer_carries_what_the_handler_gave(void **state)
{

	net_start(&net, 1, 2);
	ON(&net, 1, all_types, NULL);
	net_stop(&net);
}

static void
status_of_handler(struct side *side, void *arg)
{
	struct rpc_peer *peer = peer_of(side, 0);
	bool answered;

	assert_int_equal(wait_at(side, peer, 0, -DER_TIMEDOUT, 0, &answered), -DER_TIMEDOUT);
	assert_true(answered);
	assert_int_equal(wait_at(side, peer, 0, 0, 0, &answered), 0);
	assert_true(answered);
	assert_int_equal(wait_at(side, peer, NS_PER_S, 0, env_mono(side->env) + 100 * NS_PER_MS, &answered), -DER_TIMEDOUT);
	assert_false(answered);
	rpc_peer_put(peer);
}

static void
a_handlers_status_is_told_from_our_own(void **state)
{

	net_start(&net, 2, 2);
	ON(&net, 1, status_of_handler, NULL);
	net_stop(&net);
}

static void
nobody_there(struct side *side, void *arg)
{
	struct rpc_peer *peer;
	bool answered = true;

	assert_int_equal(rpc_peer_addr(side->ctx, "tcp://10.0.0.1:9", &peer), 0);
	assert_int_equal(echo_to(side, peer, 1, &answered), -DER_UNREACH);
	assert_false(answered);
	assert_int_equal(echo_to(side, peer, 1, NULL), -DER_UNREACH);
	rpc_peer_put(peer);
	assert_int_equal(rpc_peer_addr(side->ctx, "nonsense", &peer), 0);
	assert_int_not_equal(echo_to(side, peer, 1, NULL), 0);
	rpc_peer_put(peer);
	assert_int_equal(rpc_peer_rank(side->ctx, 17, 0, &peer), -DER_OOG);
}

static void
a_call_to_nobody_ends_at_once(void **state)
{
	uint64_t start;

	net_start(&net, 3, 2);
	start = sim_now(net.sim);
	ON(&net, 1, nobody_there, NULL);
	assert_true(sim_now(net.sim) - start < NS_PER_S);
	net_stop(&net);
}

static void
to_alternatives(struct side *side, void *arg)
{
	struct rpc_peer *peer;
	char addr[300];

	snprintf(addr, sizeof(addr), " unix:///nowhere tcp://10.0.0.1:9  %s", side->net->sides[0].addr);
	assert_int_equal(rpc_peer_addr(side->ctx, addr, &peer), 0);
	assert_int_equal(echo_to(side, peer, 1, NULL), 0);
	assert_int_equal(echo_to(side, peer, 2, NULL), 0);
	rpc_peer_put(peer);
}

static void
addresses_are_tried_in_order_until_one_answers(void **state)
{

	net_start(&net, 4, 2);
	ON(&net, 1, to_alternatives, NULL);
	net_stop(&net);
}

enum { MANY = 100 };

static void
many(struct side *side, void *arg)
{
	struct rpc_peer *peer = peer_of(side, 0);
	static struct test_echo_in in[MANY];
	static struct test_echo_out out[MANY];
	static struct rpc_call call[MANY];
	struct arena arena;

	arena_init(&arena, side->env->mem);
	for (int i = 0; i < MANY; i++) {
		in[i].number = i;
		call[i] = test_echo_call(peer, &in[i], &out[i], &arena);
		assert_int_equal(rpc_call_start(side->ctx, &call[i]), 0);
	}
	for (int i = MANY - 1; i >= 0; i--)
		assert_int_equal(rpc_call_wait(side->ctx, &call[i], NULL), 0);
	for (int i = 0; i < MANY; i++)
		assert_int_equal(out[i].number, i);
	arena_fini(&arena);
	rpc_peer_put(peer);
}

static void
calls_are_sent_in_the_order_of_their_start(void **state)
{
	struct sim_options options;

	sim_options_init(&options);
	options.choose_ppm = 0; /* so that ULTs run in the order of their making */
	net_create(&net, 5, 2, &options);
	side_start(&net, 0, NULL);
	side_start(&net, 1, &(struct rpc_node_config){.rank = RPC_NO_RANK, .credits = 3});
	ON(&net, 1, many, NULL);
	assert_int_equal(net.sides[0].order_nr, MANY);
	for (uint64_t i = 0; i < MANY; i++)
		assert_int_equal(net.sides[0].order[i], i);
	net_stop(&net);
}

static void
waits(struct side *side, void *arg)
{
	struct rpc_peer *peer = peer_of(side, 0);
	struct test_wait_in in = {.ns = 20 * NS_PER_MS};
	struct test_wait_out out;
	static struct rpc_call call[40];
	struct arena arena;

	arena_init(&arena, side->env->mem);
	for (int i = 0; i < 40; i++) {
		call[i] = test_wait_call(peer, &in, &out, &arena);
		assert_int_equal(rpc_call_start(side->ctx, &call[i]), 0);
	}
	for (int i = 0; i < 40; i++)
		assert_int_equal(rpc_call_wait(side->ctx, &call[i], NULL), 0);
	arena_fini(&arena);
	rpc_peer_put(peer);
}

static void
no_more_calls_are_under_way_than_credits(void **state)
{

	net_create(&net, 6, 2, NULL);
	side_start(&net, 0, NULL);
	side_start(&net, 1, &(struct rpc_node_config){.rank = RPC_NO_RANK, .credits = 4});
	ON(&net, 1, waits, NULL);
	assert_int_equal(net.sides[0].most_running, 4);
	net_stop(&net);
}

static void
given_up(struct side *side, void *arg)
{
	struct rpc_peer *peer = peer_of(side, 0);
	uint64_t start = env_mono(side->env);

	/* Both credits are taken by calls that the server never ends; their own end does not give the credits back. */
	assert_int_equal(wait_at(side, peer, 20 * NS_PER_MS, 0, start + 5 * NS_PER_MS, NULL), -DER_TIMEDOUT);
	assert_int_equal(wait_at(side, peer, 0, 0, 0, NULL), 0);
	assert_true(side->net->sides[0].waits_canceled >= 1);
	rpc_peer_put(peer);
}

static void
a_late_call_is_canceled_at_the_server(void **state)
{

	net_create(&net, 7, 2, NULL);
	side_start(&net, 0, NULL);
	side_start(&net, 1, &(struct rpc_node_config){.rank = RPC_NO_RANK, .credits = 1});
	ON(&net, 1, given_up, NULL);
	net_stop(&net);
}

static void
canceling(struct side *side, void *arg)
{
	struct rpc_peer *peer = peer_of(side, 0);
	struct test_wait_in in = {.ns = 10 * NS_PER_S};
	struct test_wait_out out[2];
	struct arena arena;
	struct rpc_call call[2] = {test_wait_call(peer, &in, &out[0], &arena), test_wait_call(peer, &in, &out[1], &arena)};
	uint64_t start;
	bool answered;

	arena_init(&arena, side->env->mem);
	assert_int_equal(echo_to(side, peer, 0, NULL), 0);
	/* One is in flight, the other waits for a credit. */
	assert_int_equal(rpc_call_start(side->ctx, &call[0]), 0);
	assert_int_equal(rpc_call_start(side->ctx, &call[1]), 0);
	ult_sleep(100 * NS_PER_MS);
	start = env_mono(side->env);
	for (int i = 0; i < 2; i++) {
		rpc_call_cancel(side->ctx, &call[i]);
		rpc_call_cancel(side->ctx, &call[i]);
		assert_int_equal(rpc_call_wait(side->ctx, &call[i], &answered), -DER_CANCELED);
		assert_false(answered);
	}
	assert_int_equal(env_mono(side->env), start);
	ult_sleep(100 * NS_PER_MS);
	assert_int_equal(side->net->sides[0].waits_canceled, 1);
	assert_int_equal(side->net->sides[0].most_running, 1);
	assert_int_equal(echo_to(side, peer, 0, NULL), 0);
	arena_fini(&arena);
	rpc_peer_put(peer);
}

static void
a_canceled_call_ends_at_once_and_frees_its_credit_when_the_server_let_go(void **state)
{

	net_create(&net, 8, 2, NULL);
	side_start(&net, 0, NULL);
	side_start(&net, 1, &(struct rpc_node_config){.rank = RPC_NO_RANK, .credits = 1});
	ON(&net, 1, canceling, NULL);
	net_stop(&net);
}

static void
notes(struct side *side, void *arg)
{
	struct rpc_peer *peer = peer_of(side, 0);

	for (uint64_t i = 1; i <= 50; i++) {
		struct test_note_in in = {.number = i};
		struct rpc_call call = {.peer = peer, .opc = opc_test_note, .in = &in};

		assert_int_equal(rpc_call(side->ctx, &call, NULL), 0);
	}
	ult_sleep(NS_PER_S);
	rpc_peer_put(peer);
}

static void
one_way_calls_arrive_without_an_answer(void **state)
{

	net_start(&net, 9, 2);
	ON(&net, 1, notes, NULL);
	assert_int_equal(net.sides[0].notes, 50);
	net_stop(&net);
}

static int
answer_early(struct side *side, struct rpc_req *req)
{
	rpc_answer_early(req, -DER_BUSY);
	ult_sleep(NS_PER_S);
	side->notes++;
	return 0;
}

static void
early(struct side *side, void *arg)
{
	struct rpc_peer *peer = peer_of(side, 0);
	uint64_t start = env_mono(side->env);

	assert_int_equal(echo_to(side, peer, 1, NULL), -DER_BUSY);
	assert_true(env_mono(side->env) - start < NS_PER_S / 2);
	assert_int_equal(side->net->sides[0].notes, 0);
	rpc_peer_put(peer);
}

static void
a_handler_may_answer_before_it_is_done(void **state)
{

	net_start(&net, 10, 2);
	net.sides[0].on_echo = answer_early;
	ON(&net, 1, early, NULL);
	net_stop(&net);
	assert_int_equal(net.sides[0].notes, 1);
}

static void
to_myself(struct side *side, void *arg)
{
	struct rpc_peer *peer = peer_of(side, side->id), *same;
	struct rpc_stats stats;
	uint8_t buf[100];
	struct iovec iov = {buf, sizeof(buf)};
	struct test_bulk_in in = {.off = 10, .len = 50, .put = true, .seed = 4};
	struct test_bulk_out out;
	struct arena arena;
	struct rpc_call call = test_bulk_call(peer, &in, &out, &arena);

	arena_init(&arena, side->env->mem);
	assert_int_equal(echo_to(side, peer, 1, NULL), 0);
	call.expose = &iov;
	call.expose_nr = 1;
	call.expose_access = ENV_REG_WRITE;
	call.bulk = &in.bulk;
	assert_int_equal(rpc_call(side->ctx, &call, NULL), 0);
	for (int i = 0; i < 50; i++)
		assert_int_equal(buf[10 + i], pattern(4, 10 + i));
	assert_int_equal(rpc_peer_rank(side->ctx, side->id, 0, &same), 0);
	assert_int_equal(echo_to(side, same, 2, NULL), 0);
	assert_int_equal(wait_at(side, same, NS_PER_S, 0, env_mono(side->env) + NS_PER_MS, NULL), -DER_TIMEDOUT);
	rpc_ctx_stats(side->ctx, &stats);
	assert_int_equal(stats.connects, 2);
	arena_fini(&arena);
	rpc_peer_put(peer);
	rpc_peer_put(same);
}

static void
a_call_to_ourselves_needs_no_socket(void **state)
{
	struct sim_net_stats stats;

	net_start(&net, 11, 1);
	ON(&net, 0, to_myself, NULL);
	sim_net_stats(net.sim, &stats);
	assert_int_equal(stats.connects, 0);
	net_stop(&net);
}

static int
call_back(struct side *side, struct rpc_req *req)
{
	struct test_late_in in;
	struct test_late_out out = {0};
	struct rpc_call call = test_late_call(req->peer, &in, &out, &req->arena);
	int rc = rpc_call(side->ctx, &call, NULL);

	assert_int_equal(out.answer, rc == 0 ? 42 : 0);
	return rc;
}

static void
one_echo(struct side *side, void *arg)
{
	struct rpc_peer *peer = peer_of(side, 0);

	*(int *)arg = echo_to(side, peer, 1, NULL);
	rpc_peer_put(peer);
}

static void
who_was_called_can_call_back_over_the_same_connection(void **state)
{
	struct sim_net_stats stats;
	int rc;

	net_start(&net, 12, 2);
	net.sides[0].on_echo = call_back;
	ON(&net, 1, one_echo, &rc);
	assert_int_equal(rc, 0);
	sim_net_stats(net.sim, &stats);
	assert_int_equal(stats.connects, 1);
	net_stop(&net);
}

/* ---- breaks --------------------------------------------------------------------------------------------------------------- */
static void
gone(void *arg, struct rpc_peer *peer)
{
	((struct side *)arg)->gone++;
}

static void
dropped(void *session)
{
	((struct side *)session)->dropped++;
}

static int
make_session(struct side *side, struct rpc_req *req)
{
	if (rpc_peer_session(req->peer) == NULL) {
		rpc_peer_set_session(req->peer, side, dropped);
		assert_int_equal(rpc_peer_watch(req->peer, gone, side), 0);
	}
	return 0;
}

static void
broken_under_way(struct side *side, void *arg)
{
	struct rpc_peer *peer = peer_of(side, 0);
	struct test_wait_in in = {.ns = 10 * NS_PER_S};
	struct test_wait_out out;
	struct arena arena;
	struct rpc_call call = test_wait_call(peer, &in, &out, &arena);
	bool answered;

	arena_init(&arena, side->env->mem);
	assert_int_equal(echo_to(side, peer, 1, NULL), 0);
	assert_int_equal(rpc_peer_watch(peer, gone, side), 0);
	assert_int_equal(rpc_call_start(side->ctx, &call), 0);
	ult_sleep(10 * NS_PER_MS);
	sim_net_break(side->net->sim, 0, 1);
	assert_int_equal(rpc_call_wait(side->ctx, &call, &answered), -DER_UNREACH);
	assert_false(answered);
	assert_int_equal(side->gone, 1);
	ult_sleep(10 * NS_PER_MS);
	assert_int_equal(side->net->sides[0].gone, 1);
	assert_int_equal(side->net->sides[0].dropped, 1);
	assert_int_equal(side->net->sides[0].waits_canceled, 1);
	assert_int_equal(echo_to(side, peer, 2, NULL), 0);
	assert_int_equal(side->gone, 1);
	arena_fini(&arena);
	rpc_peer_put(peer);
}

static void
a_break_ends_calls_tells_watchers_once_and_the_next_call_connects_again(void **state)
{

	net_start(&net, 13, 2);
	net.sides[0].on_echo = make_session;
	ON(&net, 1, broken_under_way, NULL);
	net_stop(&net);
	assert_int_equal(net.sides[0].gone, 2);
	assert_int_equal(net.sides[0].dropped, 2);
}

static void
echo_until(struct side *side, void *arg)
{
	struct rpc_peer *peer = peer_of(side, 0);
	uint64_t start = env_mono(side->env);

	*(int *)arg = wait_at(side, peer, 100 * NS_PER_S, 0, start + 50 * NS_PER_S, NULL);
	/* 1 s when killed; silence is noticed in ten. */
	assert_true(env_mono(side->env) - start < 12 * NS_PER_S);
	rpc_peer_put(peer);
}

static void
kill_first(struct side *side, void *arg)
{
	ult_sleep(NS_PER_S);
	sim_node_crash(side->net->sim, 0, SIM_KILL);
}

static void
a_killed_peer_and_a_silent_one_end_the_calls_to_them(void **state)
{
	struct job job;
	int rc = 0;

	net_start(&net, 14, 3);
	job = (struct job){.msg.run = job_begin, .side = &net.sides[2], .fn = kill_first};
	xs_send(net.sides[2].xs, &job.msg);
	ON(&net, 1, echo_until, &rc);
	assert_int_equal(rc, -DER_UNREACH);
	ON(&net, 1, one_echo, &rc);
	assert_int_equal(rc, -DER_UNREACH);
	sim_node_restart(net.sim, 0);
	side_start(&net, 0, NULL);
	ON(&net, 1, one_echo, &rc);
	assert_int_equal(rc, 0);
	sim_net_cut(net.sim, 1, 0, true);
	ON(&net, 1, echo_until, &rc);
	assert_int_equal(rc, -DER_UNREACH);
	sim_net_cut(net.sim, 1, 0, false);
	ON(&net, 1, one_echo, &rc);
	assert_int_equal(rc, 0);
	net_stop(&net);
}

struct ending {
	bool ended;
	int rc;
};

static void
call_for_ever(struct side *side, void *arg)
{
	struct ending *ending = arg;
	struct rpc_peer *peer = peer_of(side, 0);

	ending->rc = wait_at(side, peer, 100 * NS_PER_S, 0, 0, NULL);
	ending->ended = true;
	rpc_peer_put(peer);
}

static void
the_end_of_a_context_ends_its_calls_and_waits_for_its_handlers(void **state)
{
	struct ending ending = {0};
	struct job job;

	net_start(&net, 15, 2);
	job = (struct job){.msg.run = job_begin, .side = &net.sides[1], .fn = call_for_ever, .arg = &ending};
	xs_send(net.sides[1].xs, &job.msg);
	sim_run(net.sim, NS_PER_S, NULL, NULL);
	assert_int_equal(net.sides[0].running, 1);
	side_stop(&net, 1);
	assert_true(ending.ended);
	assert_int_equal(ending.rc, -DER_CANCELED);
	sim_run(net.sim, NS_PER_S, NULL, NULL);
	assert_int_equal(net.sides[0].waits_canceled, 1);

	/* And at the end that serves. */
	side_start(&net, 1, NULL);
	ending = (struct ending){0};
	job = (struct job){.msg.run = job_begin, .side = &net.sides[1], .fn = call_for_ever, .arg = &ending};
	xs_send(net.sides[1].xs, &job.msg);
	sim_run(net.sim, NS_PER_S, NULL, NULL);
	side_stop(&net, 0);
	assert_int_equal(net.sides[0].waits_canceled, 2);
	sim_run(net.sim, NS_PER_S, is_up, &ending.ended);
	assert_true(ending.rc == 0 || ending.rc == -DER_UNREACH);
	net_stop(&net);
}

/* ---- who may ------------------------------------------------------------------------------------------------------------------- */
static int
sum_at(struct side *side, struct rpc_peer *peer)
{
	struct test_sum_in in = {.value = 1};
	struct test_sum_out out;
	struct arena arena;
	struct rpc_call call = test_sum_call(peer, &in, &out, &arena);
	int rc;

	arena_init(&arena, side->env->mem);
	rc = rpc_call(side->ctx, &call, NULL);
	arena_fini(&arena);
	return rc;
}

static void
one_sum(struct side *side, void *arg)
{
	struct rpc_peer *peer = peer_of(side, 0);

	*(int *)arg = sum_at(side, peer);
	rpc_peer_put(peer);
}

static void
one_wait(struct side *side, void *arg)
{
	struct rpc_peer *peer = peer_of(side, 0);

	*(int *)arg = wait_at(side, peer, 0, 0, 0, NULL);
	rpc_peer_put(peer);
}

static void
operations_of_servers_are_for_ranks_of_the_group(void **state)
{
	int rc = 0;

	net_create(&net, 16, 4, NULL);
	side_start(&net, 0, NULL);
	side_start(&net, 1, NULL);
	side_start(&net, 2, &(struct rpc_node_config){.rank = RPC_NO_RANK});
	net_group(&net, 1);
	side_start(&net, 3, NULL); /* a rank that is not in the group */
	ON(&net, 1, one_sum, &rc);
	assert_int_equal(rc, 0);
	ON(&net, 2, one_sum, &rc);
	assert_int_equal(rc, -DER_NO_PERM);
	ON(&net, 2, one_wait, &rc);
	assert_int_equal(rc, 0);
	ON(&net, 3, one_sum, &rc);
	assert_int_equal(rc, -DER_NO_PERM);
	net_stop(&net);
}

static int
admit(void *arg, struct rpc_peer *peer, const void *cred, size_t len)
{
	return len == 6 && memcmp(cred, "secret", 6) == 0 ? 0 : -DER_NO_PERM;
}

static void
set_cred(struct side *side, void *arg)
{
	const char *cred = arg;

	assert_int_equal(rpc_node_set_cred(side->node, cred, strlen(cred)), 0);
}

static void
who_has_no_credential_may_call_only_what_is_for_anyone(void **state)
{
	int rc = 0;

	net_create(&net, 17, 4, NULL);
	side_start(&net, 0, &(struct rpc_node_config){.rank = 0, .admit = admit});
	side_start(&net, 1, &(struct rpc_node_config){.rank = RPC_NO_RANK});
	side_start(&net, 2, NULL);
	side_start(&net, 3, &(struct rpc_node_config){.rank = RPC_NO_RANK});
	ON(&net, 1, one_echo, &rc);
	assert_int_equal(rc, 0);
	ON(&net, 1, one_wait, &rc);
	assert_int_equal(rc, -DER_NO_PERM);
	/* A rank without a credential is turned away altogether. */
	ON(&net, 2, one_echo, &rc);
	assert_int_equal(rc, -DER_NO_PERM);
	ON(&net, 2, set_cred, "secret");
	ON(&net, 2, one_wait, &rc);
	assert_int_equal(rc, 0);
	ON(&net, 3, set_cred, "secre!");
	ON(&net, 3, one_wait, &rc);
	assert_int_equal(rc, -DER_NO_PERM);
	net_stop(&net);
}

/* ---- versions -------------------------------------------------------------------------------------------------------------------- */
static struct rpc_proto old_test, future_test;
static const struct rpc_proto *const with_old[] = {&old_test, NULL};
static const struct rpc_proto *const with_future[] = {&future_test, NULL};

static void
serve_old(struct side *side, void *arg)
{
	assert_int_equal(rpc_serve(side->ctx, arg, net_handlers, side), 0);
}

static void
echo_extra(struct side *side, void *arg)
{
	struct test_echo_in in = {.number = 1, .text = "x", .extra = 77};
	struct rpc_peer *peer = peer_of(side, 0);
	struct test_echo_out out;
	struct arena arena;
	struct rpc_call call = test_echo_call(peer, &in, &out, &arena);

	arena_init(&arena, side->env->mem);
	*(int *)arg = rpc_call(side->ctx, &call, NULL);
	if (*(int *)arg == 0)
		*(int *)arg = (int)out.extra;
	arena_fini(&arena);
	rpc_peer_put(peer);
}

static void
one_late(struct side *side, void *arg)
{
	struct test_late_in in;
	struct test_late_out out;
	struct rpc_peer *peer = peer_of(side, 0);
	struct arena arena;
	struct rpc_call call = test_late_call(peer, &in, &out, &arena);

	arena_init(&arena, side->env->mem);
	*(int *)arg = rpc_call(side->ctx, &call, NULL);
	arena_fini(&arena);
	rpc_peer_put(peer);
}

static void
a_newer_node_talks_to_an_older_one_in_its_version(void **state)
{
	int rc;

	old_test = future_test = proto_test;
	old_test.version = 1;
	future_test.version = 4;
	future_test.oldest = 3;
	net_create(&net, 18, 3, NULL);
	side_start(&net, 0, &(struct rpc_node_config){.rank = 0, .protos = with_old});
	ON(&net, 0, serve_old, &old_test);
	side_start(&net, 1, NULL);
	side_start(&net, 2, &(struct rpc_node_config){.rank = 2, .protos = with_future});
	/* Fields and operations that came later are left out. */
	ON(&net, 1, echo_extra, &rc);
	assert_int_equal(rc, 0);
	ON(&net, 1, one_late, &rc);
	assert_int_equal(rc, -DER_PROTO);
	/* Too far apart. */
	ON(&net, 2, echo_extra, &rc);
	assert_int_equal(rc, -DER_PROTO);
	net_stop(&net);

	net_create(&net, 18, 2, NULL);
	side_start(&net, 0, NULL);
	side_start(&net, 1, NULL);
	ON(&net, 1, echo_extra, &rc);
	assert_int_equal(rc, 77);
	ON(&net, 1, one_late, &rc);
	assert_int_equal(rc, 0);
	net_stop(&net);
}

static void
an_older_node_is_understood_by_a_newer_one(void **state)
{
	int rc;

	old_test = proto_test;
	old_test.version = 1;
	net_create(&net, 19, 2, NULL);
	side_start(&net, 0, NULL);
	side_start(&net, 1, &(struct rpc_node_config){.rank = 1, .protos = with_old});
	ON(&net, 1, echo_extra, &rc);
	assert_int_equal(rc, 0);
	ON(&net, 1, one_wait, &rc);
	assert_int_equal(rc, 0);
	net_stop(&net);
}

/* ---- clocks ------------------------------------------------------------------------------------------------------------------------ */
static void
clocks_move_each_other_and_a_clock_beyond_epsilon_is_refused(void **state)
{
	int rc;

	net_start(&net, 20, 3);
	sim_node_jump_wall(net.sim, 1, 400 * NS_PER_MS);
	ON(&net, 1, one_echo, &rc);
	assert_int_equal(rc, 0);
	assert_true(hlc_clock_lead(&net.sides[0].clock, env_wall(net.sides[0].env)) > 300 * NS_PER_MS);
	assert_int_equal(net.sides[0].hlc_errors, 0);
	sim_node_jump_wall(net.sim, 1, 400 * NS_PER_MS);
	ON(&net, 1, one_echo, &rc);
	assert_int_equal(rc, -DER_HLC_SYNC);
	assert_int_equal(net.sides[0].hlc_errors, 1);
	assert_int_equal(net.sides[0].order_nr, 1);
	/* A new connection is refused with its hello. */
	sim_node_jump_wall(net.sim, 2, 800 * NS_PER_MS);
	ON(&net, 2, one_echo, &rc);
	assert_int_equal(rc, -DER_HLC_SYNC);
	/* And a server whose clock is ahead is not believed. */
	sim_node_jump_wall(net.sim, 0, 3 * NS_PER_S);
	ON(&net, 1, one_echo, &rc);
	assert_int_equal(rc, -DER_HLC_SYNC);
	assert_true(net.sides[1].hlc_errors >= 1);
	net_stop(&net);
}

/* ---- bulk -------------------------------------------------------------------------------------------------------------------------- */
struct bulk_case {
	uint64_t size, off, len;
	bool put;
	int access;
	uint64_t spoil; /* of the key */
	bool stale;     /* the key of an earlier call */
	int rc;
};

static void
one_bulk(struct side *side, void *arg)
{
	const struct bulk_case *is = arg;
	struct test_bulk_in in = {.off = is->off, .len = is->len, .put = is->put, .seed = 9};
	struct rpc_peer *peer = peer_of(side, 0);
	uint8_t *buf = malloc(is->size), *copy = malloc(is->size);
	struct iovec iov[3] = {{buf, is->size / 7}, {buf + is->size / 7, 0}, {buf + is->size / 7, is->size - is->size / 7}};
	struct test_bulk_out out;
	struct arena arena;
	struct rpc_call call = test_bulk_call(peer, &in, &out, &arena);

	arena_init(&arena, side->env->mem);
	for (uint64_t i = 0; i < is->size; i++)
		copy[i] = buf[i] = pattern(3, i);
	call.expose = iov;
	call.expose_nr = 3;
	call.expose_access = is->access;
	call.bulk = &in.bulk;
	if (is->stale) {
		struct test_bulk_in forged = {.off = is->off, .len = is->len, .put = is->put};

		assert_int_equal(rpc_call(side->ctx, &call, NULL), 0);
		forged.bulk = in.bulk;
		call = test_bulk_call(peer, &forged, &out, &arena);
		assert_int_equal(rpc_call(side->ctx, &call, NULL), is->rc);
	} else if (is->spoil != 0) {
		/* The exposed memory's own descriptor is elsewhere; the server is given another key. */
		struct rpc_bulk true_bulk;
		struct test_bulk_in forged = {.off = is->off, .len = is->len, .put = is->put,
					      .bulk = {.key = {.id = is->spoil, .secret = 1}, .len = is->size}};

		call.in = &forged;
		call.bulk = &true_bulk;
		assert_int_equal(rpc_call(side->ctx, &call, NULL), is->rc);
	} else {
		assert_int_equal(rpc_call(side->ctx, &call, NULL), is->rc);
	}
	if (is->rc == 0 && !is->put)
		assert_int_equal(out.hash, hash64_bytes(copy + is->off, is->len, 1));
	for (uint64_t i = 0; i < is->size; i++)
		if (is->rc == 0 && is->put && i >= is->off && i - is->off < is->len)
			assert_int_equal(buf[i], pattern(9, i));
		else if (!is->stale)
			assert_int_equal(buf[i], copy[i]);
	arena_fini(&arena);
	rpc_peer_put(peer);
	free(buf);
	free(copy);
}

static void
bulk_moves_exactly_what_was_exposed_and_while_it_was(void **state)
{
	static const struct bulk_case cases[] = {
		{100, 0, 100, false, ENV_REG_READ, 0, false, 0},
		{100, 0, 100, true, ENV_REG_WRITE, 0, false, 0},
		{100, 37, 20, true, ENV_REG_READ | ENV_REG_WRITE, 0, false, 0},
		{3 * MIB + 5, 11, 3 * MIB - 100, false, ENV_REG_READ, 0, false, 0},
		{3 * MIB + 5, 11, 3 * MIB - 100, true, ENV_REG_WRITE, 0, false, 0},
		{100, 50, 0, true, ENV_REG_WRITE, 0, false, 0},
		{100, 50, 51, false, ENV_REG_READ, 0, false, -DER_NO_PERM},
		{100, 101, 0, false, ENV_REG_READ, 0, false, -DER_NO_PERM},
		{100, UINT64_MAX, 2, false, ENV_REG_READ, 0, false, -DER_NO_PERM},
		{100, 0, 100, true, ENV_REG_READ, 0, false, -DER_NO_PERM},
		{100, 0, 100, false, ENV_REG_WRITE, 0, false, -DER_NO_PERM},
		{100, 0, 100, false, ENV_REG_READ, 12345, false, -DER_NO_PERM},
		{100, 0, 100, false, ENV_REG_READ, 0, true, -DER_NO_PERM},
	};

	net_start(&net, 21, 2);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		ON(&net, 1, one_bulk, (void *)&cases[i]);
	net_stop(&net);
}

/* ---- memory --------------------------------------------------------------------------------------------------------------------------- */
static void
short_echo(struct side *side, void *arg)
{
	struct rpc_peer *peer;
	int *rc = arg;

	*rc = rpc_peer_addr(side->ctx, side->net->sides[0].addr, &peer);
	if (*rc != 0)
		return;
	*rc = echo_to(side, peer, 1, NULL);
	rpc_peer_put(peer);
}

static void
without_memory_a_call_ends_with_a_definite_error_and_nothing_leaks(void **state)
{
	int failed = 0, rc;

	for (uint32_t who = 0; who < 2; who++)
		for (uint64_t nth = 1; nth < 40; nth++) {
			net_start(&net, 22, 2);
			sim_mem_fail(net.sim, who, nth, false);
			ON(&net, 1, short_echo, &rc);
			sim_mem_fail(net.sim, who, 0, false);
			failed += rc != 0;
			assert_true(rc == 0 || rc == -DER_NOMEM || rc == -DER_UNREACH);
			ON(&net, 1, short_echo, &rc);
			assert_int_equal(rc, 0);
			net_stop(&net);
		}
	assert_true(failed > 10);
}

/* ---- groups ---------------------------------------------------------------------------------------------------------------------------- */
static void
by_rank(struct side *side, void *arg)
{
	struct rpc_peer *peer;
	int *rc = arg;

	*rc = rpc_peer_rank(side->ctx, 0, 0, &peer);
	if (*rc != 0)
		return;
	*rc = echo_to(side, peer, 1, NULL);
	rpc_peer_put(peer);
}

static void
hold_by_rank(struct side *side, void *arg)
{
	struct rpc_peer *peer;

	assert_int_equal(rpc_peer_rank(side->ctx, 0, 0, &peer), 0);
	assert_int_equal(rpc_peer_rank_of(peer), 0);
	*(int *)arg = wait_at(side, peer, 100 * NS_PER_S, 0, 0, NULL);
	assert_int_equal(echo_to(side, peer, 1, NULL), -DER_OOG);
	rpc_peer_put(peer);
}

static void
exclude_first(struct side *side, void *arg)
{
	struct rpc_member other = {.rank = 1, .addr_nr = 1, .addrs = (const char *const[]){side->net->sides[1].addr}};

	ult_sleep(NS_PER_S);
	assert_int_equal(rpc_group_set(side->net->sides[1].node, 2, &other, 1), 0);
	assert_int_equal(rpc_group_set(side->net->sides[1].node, 1, &other, 0), 0);
	assert_int_equal(rpc_group_version(side->net->sides[1].node), 2);
}

static void
calls_to_a_rank_that_left_the_group_end(void **state)
{
	struct job job;
	int rc;

	net_start(&net, 23, 3);
	ON(&net, 1, by_rank, &rc);
	assert_int_equal(rc, -DER_OOG);
	net_group(&net, 1);
	ON(&net, 1, by_rank, &rc);
	assert_int_equal(rc, 0);
	job = (struct job){.msg.run = job_begin, .side = &net.sides[2], .fn = exclude_first};
	xs_send(net.sides[2].xs, &job.msg);
	ON(&net, 1, hold_by_rank, &rc);
	assert_int_equal(rc, -DER_UNREACH);
	net_stop(&net);
}

static void
a_former_life_of_a_rank_is_turned_away(void **state)
{
	struct rpc_member member[2];
	int rc;

	net_create(&net, 24, 2, NULL);
	side_start(&net, 0, NULL);
	side_start(&net, 1, &(struct rpc_node_config){.rank = 1, .incarnation = 5});
	ON(&net, 1, one_sum, &rc);
	assert_int_equal(rc, 0);
	for (int i = 0; i < 2; i++)
		member[i] = (struct rpc_member){.rank = i, .incarnation = 6, .addr_nr = 0};
	/* The connection of that life ends, and a new one is refused. */
	assert_int_equal(rpc_group_set(net.sides[0].node, 1, member, 2), 0);
	ON(&net, 1, one_sum, &rc);
	assert_int_equal(rc, -DER_UNREACH);
	ON(&net, 1, one_sum, &rc);
	assert_int_equal(rc, -DER_EXCLUDED);
	net_stop(&net);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_carries_what_the_handler_gave),
		cmocka_unit_test(a_handlers_status_is_told_from_our_own),
		cmocka_unit_test(a_call_to_nobody_ends_at_once),
		cmocka_unit_test(addresses_are_tried_in_order_until_one_answers),
		cmocka_unit_test(calls_are_sent_in_the_order_of_their_start),
		cmocka_unit_test(no_more_calls_are_under_way_than_credits),
		cmocka_unit_test(a_late_call_is_canceled_at_the_server),
		cmocka_unit_test(a_canceled_call_ends_at_once_and_frees_its_credit_when_the_server_let_go),
		cmocka_unit_test(one_way_calls_arrive_without_an_answer),
		cmocka_unit_test(a_handler_may_answer_before_it_is_done),
		cmocka_unit_test(a_call_to_ourselves_needs_no_socket),
		cmocka_unit_test(who_was_called_can_call_back_over_the_same_connection),
		cmocka_unit_test(a_break_ends_calls_tells_watchers_once_and_the_next_call_connects_again),
		cmocka_unit_test(a_killed_peer_and_a_silent_one_end_the_calls_to_them),
		cmocka_unit_test(the_end_of_a_context_ends_its_calls_and_waits_for_its_handlers),
		cmocka_unit_test(operations_of_servers_are_for_ranks_of_the_group),
		cmocka_unit_test(who_has_no_credential_may_call_only_what_is_for_anyone),
		cmocka_unit_test(a_newer_node_talks_to_an_older_one_in_its_version),
		cmocka_unit_test(an_older_node_is_understood_by_a_newer_one),
		cmocka_unit_test(clocks_move_each_other_and_a_clock_beyond_epsilon_is_refused),
		cmocka_unit_test(bulk_moves_exactly_what_was_exposed_and_while_it_was),
		cmocka_unit_test(without_memory_a_call_ends_with_a_definite_error_and_nothing_leaks),
		cmocka_unit_test(calls_to_a_rank_that_left_the_group_end),
		cmocka_unit_test(a_former_life_of_a_rank_is_turned_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
