/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stranger on the wire: it speaks the transport, but sends what it likes. Whatever it does, the server goes on serving others, holds no
 * more than it said, and leaks nothing.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include "base/codec.h"
#include "base/rand.h"
#include "env_sim/env_sim.h"
#include "pure/hlc/hlc.h"
#include "../format.h"

/* ---- a protocol made by hand: one number there, one back ---------------------------------------------------------------- */
struct number {
	uint64_t value;
	const void *rest;
	size_t rest_len;
};

static void
number_pack(struct packer *packer, const void *body, uint32_t version)
{
	const struct number *number = body;

	pack_u64(packer, number->value);
	pack_bytes(packer, number->rest, number->rest_len);
}

static void
number_unpack(struct unpacker *unpacker, void *body, uint32_t version, struct arena *arena)
{
	struct number *number = body;

	number->value = unpack_u64(unpacker);
	number->rest = unpack_bytes(unpacker, &number->rest_len);
}

#define NUMBER {.name = "number", .size = sizeof(struct number), .pack = number_pack, .unpack = number_unpack}
enum { OP_DOUBLE, OP_HOLD, OP_NOTE, OP_LARGE };
static const struct rpc_op ops[] = {
	{.name = "double", .cls = ULT_IO, .since = 1, .in = NUMBER, .out = NUMBER},
	{.name = "hold", .cls = ULT_IO, .since = 1, .in = NUMBER, .out = NUMBER},
	{.name = "note", .flags = RPC_ONEWAY, .cls = ULT_IO, .since = 1, .in = NUMBER, .out = NUMBER},
	{.name = "large", .cls = ULT_IO, .since = 1, .in = NUMBER, .out = NUMBER},
};
static const struct rpc_proto proto = {.name = "number", .id = 7, .version = 1, .oldest = 1, .ops = ops, .nr = 4};
static const struct rpc_proto *const protos[] = {&proto, NULL};

static struct {
	struct sim *sim;
	/* the server, node 0, and an honest client, node 1 */
	struct xs *xs[3];
	struct env_thread *thread[3];
	struct hlc_clock clock[2];
	struct rpc_node *node[2];
	struct rpc_ctx *ctx[2];
	struct sim_mem_stats before[3];
	char addr[64];
	uint32_t holding, most_holding, notes, doubled;
	/* the stranger, node 2 */
	struct env_conn *conn[2000];
	uint32_t conn_nr, closed_nr, answer_nr;
	int closed_rc;
	struct rpc_header last_answer;
	uint64_t number;
} w;

static uint8_t large[900 * KIB];

static int
serve_double(void *owner, struct rpc_req *req)
{
	w.doubled++;
	((struct number *)req->out)->value = 2 * ((const struct number *)req->in)->value;
	return 0;
}

static int
serve_hold(void *owner, struct rpc_req *req)
{
	w.holding++;
	w.most_holding = MAX(w.most_holding, w.holding);
	while (!req->canceled)
		ult_sleep(10 * NS_PER_MS);
	w.holding--;
	return 0;
}

static int
serve_note(void *owner, struct rpc_req *req)
{
	w.notes++;
	ult_sleep(NS_PER_S);
	return 0;
}

static int
serve_large(void *owner, struct rpc_req *req)
{
	((struct number *)req->out)->rest = large;
	((struct number *)req->out)->rest_len = sizeof(large);
	return 0;
}

static const rpc_handler handlers[] = {serve_double, serve_hold, serve_note, serve_large};

/* ---- the world ------------------------------------------------------------------------------------------------------------ */
struct job {
	struct xs_msg msg;
	uint32_t side;
	void (*fn)(void *arg);
	void *arg;
	bool done;
};

static void
job_body(void *arg)
{
	struct job *job = arg;

	job->fn(job->arg);
	job->done = true;
}

static void
job_begin(struct xs_msg *msg)
{
	struct job *job = container_of(msg, struct job, msg);

	assert_int_equal(ult_spawn(w.xs[job->side], ULT_IO, "job", job_body, job, NULL), 0);
}

static bool
is_done(void *arg)
{
	return ((struct job *)arg)->done;
}

static void
run_on(uint32_t side, void (*fn)(void *arg), void *arg)
{
	struct job job = {.msg.run = job_begin, .side = side, .fn = fn, .arg = arg};

	xs_send(w.xs[side], &job.msg);
	assert_int_equal(sim_run(w.sim, 1000 * NS_PER_S, is_done, &job), 0);
}

static void
begin(void *arg)
{
	uint32_t i = *(uint32_t *)arg;
	struct rpc_node_config config = {.env = sim_env(w.sim, i), .rank = i == 0 ? 0 : RPC_NO_RANK, .hlc = &w.clock[i], .protos = protos};
	const char *bound;

	hlc_clock_init(&w.clock[i], 0, HLC_NO_CEILING);
	config.id[0] = (uint8_t)(i + 1);
	assert_int_equal(rpc_node_create(&config, &w.node[i]), 0);
	assert_int_equal(rpc_ctx_create(w.node[i], w.xs[i], 0, &w.ctx[i]), 0);
	if (i != 0)
		return;
	assert_int_equal(rpc_listen(w.ctx[i], "tcp://10.0.0.1:0", &bound), 0);
	snprintf(w.addr, sizeof(w.addr), "%s", bound);
	assert_int_equal(rpc_serve(w.ctx[i], &proto, handlers, NULL), 0);
}

static void
world_begin(uint64_t seed)
{
	struct sim_options options;

	memset(&w, 0, sizeof(w));
	sim_options_init(&options);
	options.nodes = 3;
	w.sim = sim_create(seed, &options);
	for (uint32_t i = 0; i < 3; i++) {
		sim_mem_stats(w.sim, i, &w.before[i]);
		assert_int_equal(xs_create(&(struct xs_config){.env = sim_env(w.sim, i), .name = "test"}, &w.xs[i]), 0);
		assert_int_equal(xs_start(w.xs[i], NULL, &w.thread[i]), 0);
		if (i < 2)
			run_on(i, begin, &i);
	}
}

static void
honest_call(void *arg)
{
	struct number in = {.value = 21}, out;
	struct rpc_peer *peer;
	struct arena arena;
	struct rpc_call call = {.opc = RPC_OPC(7, OP_DOUBLE), .in = &in, .out = &out, .arena = &arena};

	arena_init(&arena, sim_env(w.sim, 1)->mem);
	assert_int_equal(rpc_peer_addr(w.ctx[1], w.addr, &peer), 0);
	call.peer = peer;
	assert_int_equal(rpc_call(w.ctx[1], &call, NULL), 0);
	assert_int_equal(out.value, 42);
	rpc_peer_put(peer);
	arena_fini(&arena);
}

static void
finish(void *arg)
{
	uint32_t i = *(uint32_t *)arg;

	rpc_ctx_destroy(w.ctx[i]);
	rpc_node_destroy(w.node[i]);
}

static void
hang_up(void *arg)
{
	struct env *env = sim_env(w.sim, 2);

	for (uint32_t i = 0; i < w.conn_nr; i++)
		if (w.conn[i] != NULL)
			env->ops->net.close(w.conn[i]);
	while (w.closed_nr < w.conn_nr)
		ult_sleep(NS_PER_MS);
}

/* Others are served throughout, and nothing is left behind. */
static void
world_end(void)
{
	struct sim_mem_stats after;

	run_on(1, honest_call, NULL);
	run_on(2, hang_up, NULL);
	for (uint32_t i = 3; i-- > 0;) {
		if (i < 2)
			run_on(i, finish, &i);
		xs_stop(w.xs[i]);
		sim_env(w.sim, i)->ops->host.thread_join(w.thread[i]);
		xs_destroy(w.xs[i]);
		sim_mem_stats(w.sim, i, &after);
		assert_int_equal(after.blocks, w.before[i].blocks);
		assert_int_equal(after.handles, w.before[i].handles);
	}
	sim_destroy(w.sim);
}

/* ---- the stranger -------------------------------------------------------------------------------------------------------------- */
static void
stranger_received(void *arg, struct env_conn *conn, const void *data, size_t len)
{
	const char *why;
	const void *body;

	assert_int_equal(rpc__header_open(data, len, &w.last_answer, &body, &why), 0);
	w.answer_nr++;
}

static void
stranger_closed(void *arg, struct env_conn *conn, int rc)
{
	w.conn[(uintptr_t)arg] = NULL;
	w.closed_nr++;
	w.closed_rc = rc;
}

static const struct env_conn_ops stranger = {.received = stranger_received, .closed = stranger_closed};

static struct env_conn *
dial(void)
{
	struct env *env = sim_env(w.sim, 2);

	assert_int_equal(env->ops->net.connect(xs_loop(w.xs[2]), w.addr, &stranger, (void *)(uintptr_t)w.conn_nr, &w.conn[w.conn_nr]), 0);
	return w.conn[w.conn_nr++];
}

static void
say_raw(struct env_conn *conn, const void *data, size_t len)
{
	struct iovec iov = {(void *)(uintptr_t)data, len};

	sim_env(w.sim, 2)->ops->net.send(conn, &iov, 1);
}

static uint64_t
now_stamp(void)
{
	return hlc_from_wall(env_wall(sim_env(w.sim, 2)));
}

static void
say(struct env_conn *conn, struct rpc_header header, const void *body, size_t len)
{
	static uint8_t message[sizeof(struct rpc_header) + MIB];

	if (header.hlc == 0)
		header.hlc = now_stamp();
	rpc__header_seal(&header, body, len);
	memcpy(message, &header, sizeof(header));
	memcpy(message + sizeof(header), body, len);
	say_raw(conn, message, sizeof(header) + len);
}

static void
say_hello(struct env_conn *conn)
{
	static struct rpc_hello hello;
	struct packer packer;
	uint8_t buf[512];

	hello = (struct rpc_hello){.requests = 10, .bytes = 1000};
	hello.protos[7].version = hello.protos[7].oldest = 1;
	packer_init(&packer, buf, sizeof(buf));
	rpc__hello_pack(&packer, &hello);
	say(conn, (struct rpc_header){.kind = RPC_KIND_HELLO, .rank = RPC_NO_RANK}, buf, packer_len(&packer));
}

static void
say_request(struct env_conn *conn, uint32_t op, uint64_t number, size_t extra)
{
	static uint8_t buf[MIB];
	struct packer packer;

	packer_init(&packer, buf, sizeof(buf));
	number_pack(&packer, &(struct number){.value = number, .rest = large, .rest_len = extra}, 1);
	say(conn, (struct rpc_header){.kind = op == OP_NOTE ? RPC_KIND_ONEWAY : RPC_KIND_REQUEST, .opc = RPC_OPC(7, op), .number = number,
				      .proto_version = 1, .deadline_ms = 100000, .rank = RPC_NO_RANK}, buf, packer_len(&packer));
}

static void
expect_break(void)
{
	uint32_t closed = w.closed_nr;

	for (int i = 0; i < 1000 && w.closed_nr == closed; i++)
		ult_sleep(NS_PER_MS);
	assert_int_equal(w.closed_nr, closed + 1);
}

static void
greet_and(struct env_conn **conn)
{
	*conn = dial();
	say_hello(*conn);
	ult_sleep(10 * NS_PER_MS);
	assert_int_equal(w.last_answer.kind, RPC_KIND_HELLO);
	assert_int_equal(w.last_answer.status, 0);
}

/* ---- what it tries ------------------------------------------------------------------------------------------------------------------ */
static void
nonsense(void *arg)
{
	struct rpc_header header = {.kind = RPC_KIND_HELLO};
	struct env_conn *conn;

	say_raw(dial(), "GET / HTTP/1.1\r\n\r\n", 18);
	expect_break();
	say_raw(dial(), "", 0);
	expect_break();
	/* Requests, answers and cancels before a hello. */
	for (uint8_t kind = RPC_KIND_REQUEST; kind <= RPC_KIND_ONEWAY; kind++) {
		header.kind = kind;
		say(dial(), header, "", 0);
		expect_break();
	}
	/* A hello that is none. */
	header.kind = RPC_KIND_HELLO;
	say(dial(), header, "xxxx", 4);
	expect_break();
	/* Two. */
	greet_and(&conn);
	say_hello(conn);
	expect_break();
	/* An answer to nothing. */
	greet_and(&conn);
	header.kind = RPC_KIND_ANSWER;
	header.number = 1;
	say(conn, header, "", 0);
	expect_break();
	assert_int_equal(w.doubled, 0);
}

static void
what_is_no_rpc_breaks_its_own_connection_only(void **state)
{
	struct rpc_stats stats;

	world_begin(1);
	run_on(2, nonsense, NULL);
	rpc_ctx_stats(w.ctx[0], &stats);
	assert_int_equal(stats.violations, 9);
	world_end();
}

static void
replay(void *arg)
{
	struct env_conn *conn;

	greet_and(&conn);
	say_request(conn, OP_DOUBLE, 5, 0);
	say_request(conn, OP_DOUBLE, 6, 0);
	ult_sleep(10 * NS_PER_MS);
	assert_int_equal(w.doubled, 2);
	say_request(conn, OP_DOUBLE, 6, 0);
	expect_break();
	ult_sleep(10 * NS_PER_MS);
	assert_int_equal(w.doubled, 2);
}

static void
a_replayed_request_is_not_run_again(void **state)
{
	world_begin(2);
	run_on(2, replay, NULL);
	world_end();
}

static void
flood(void *arg)
{
	struct env_conn *conn;

	greet_and(&conn);
	for (uint64_t i = 1; i <= 1024; i++)
		say_request(conn, OP_HOLD, i, 0);
	ult_sleep(100 * NS_PER_MS);
	assert_int_equal(w.holding, 1024);
	say_request(conn, OP_HOLD, 1025, 0);
	expect_break();
	ult_sleep(100 * NS_PER_MS);
	assert_int_equal(w.holding, 0);
	assert_int_equal(w.most_holding, 1024);
	/* Bytes count too. */
	greet_and(&conn);
	for (uint64_t i = 1; i <= 37; i++)
		say_request(conn, OP_HOLD, i, 900 * KIB);
	expect_break();
	ult_sleep(100 * NS_PER_MS);
	assert_int_equal(w.holding, 0);
}

static void
requests_beyond_what_was_granted_break_the_connection(void **state)
{
	struct sim_mem_stats stats;

	world_begin(3);
	run_on(2, flood, NULL);
	sim_mem_stats(w.sim, 0, &stats);
	assert_true(stats.bytes_peak - w.before[0].bytes < 64 * MIB);
	world_end();
}

static void
flood_of_notes(void *arg)
{
	struct env_conn *conn;

	greet_and(&conn);
	for (uint64_t i = 1; i <= 3000; i++)
		say_request(conn, OP_NOTE, i, 0);
	ult_sleep(100 * NS_PER_MS);
	assert_int_equal(w.notes, 1024);
	say_request(conn, OP_DOUBLE, 4000, 0);
}

static void
one_way_messages_beyond_the_bound_are_dropped(void **state)
{
	world_begin(4);
	run_on(2, flood_of_notes, NULL);
	world_end();
}

static void
unread_answers(void *arg)
{
	struct env_conn *conn;

	greet_and(&conn);
	/* Nothing comes through to us any more, and we go on asking. */
	sim_net_slow(w.sim, 0, 2, 1000000);
	for (uint64_t i = 1; i <= 600; i++) {
		say_request(conn, OP_LARGE, i, 0);
		if (i % 10 == 0)
			ult_sleep(NS_PER_MS);
	}
	ult_sleep(100 * NS_PER_MS);
	sim_net_slow(w.sim, 0, 2, 1);
}

static void
who_does_not_take_its_answers_is_cut_off(void **state)
{
	struct sim_mem_stats stats;
	struct rpc_stats rpc_stats;

	world_begin(5);
	run_on(2, unread_answers, NULL);
	rpc_ctx_stats(w.ctx[0], &rpc_stats);
	assert_int_equal(rpc_stats.violations, 1);
	sim_mem_stats(w.sim, 0, &stats);
	assert_true(stats.bytes_peak - w.before[0].bytes < 64 * MIB);
	world_end();
}

static void
half_open(void *arg)
{
	for (int i = 0; i < 1500; i++)
		dial();
	ult_sleep(NS_PER_S);
	/* The oldest had to go for the youngest. */
	assert_int_equal(w.closed_nr, 1500 - 1024);
	ult_sleep(10 * NS_PER_S);
	assert_int_equal(w.closed_nr, 1500);
}

static void
connections_that_say_nothing_are_few_and_end_in_time(void **state)
{
	world_begin(6);
	run_on(2, half_open, NULL);
	world_end();
}

static void
wild_requests(void *arg)
{
	struct env_conn *conn;
	uint64_t answers;

	greet_and(&conn);
	answers = w.answer_nr;
	/* Unknown protocol, unknown operation, unknown version: refused, the connection stays. */
	say(conn, (struct rpc_header){.kind = RPC_KIND_REQUEST, .opc = RPC_OPC(99, 0), .number = 1, .proto_version = 1}, "", 0);
	say(conn, (struct rpc_header){.kind = RPC_KIND_REQUEST, .opc = RPC_OPC(7, 77), .number = 2, .proto_version = 1}, "", 0);
	say(conn, (struct rpc_header){.kind = RPC_KIND_REQUEST, .opc = RPC_OPC(7, OP_DOUBLE), .number = 3, .proto_version = 9}, "", 0);
	say(conn, (struct rpc_header){.kind = RPC_KIND_REQUEST, .opc = RPC_OPC(7, OP_DOUBLE), .number = 4, .proto_version = 1,
				      .deadline_ms = 1000}, "bad body", 8);
	say(conn, (struct rpc_header){.kind = RPC_KIND_REQUEST, .opc = RPC_OPC(7, OP_DOUBLE), .number = 5, .proto_version = 1,
				      .deadline_ms = 0}, "", 0);
	say(conn, (struct rpc_header){.kind = RPC_KIND_CANCEL, .number = 12345}, "", 0);
	ult_sleep(100 * NS_PER_MS);
	assert_int_equal(w.answer_nr, answers + 5);
	assert_int_equal(w.closed_nr, 0);
	/* A clock from the future. */
	say(conn, (struct rpc_header){.kind = RPC_KIND_REQUEST, .opc = RPC_OPC(7, OP_DOUBLE), .number = 6, .proto_version = 1,
				      .hlc = hlc_add(now_stamp(), 3600 * NS_PER_S)}, "", 0);
	ult_sleep(100 * NS_PER_MS);
	assert_int_equal(w.last_answer.status, -DER_HLC_SYNC);
	assert_true(hlc_clock_lead(&w.clock[0], env_wall(sim_env(w.sim, 0))) < NS_PER_S);
	/* A one-way message for an operation that answers. */
	say(conn, (struct rpc_header){.kind = RPC_KIND_ONEWAY, .opc = RPC_OPC(7, OP_DOUBLE), .number = 7, .proto_version = 1}, "", 0);
	expect_break();
	assert_int_equal(w.doubled, 0);
}

static void
requests_that_make_no_sense_are_refused_one_by_one(void **state)
{
	world_begin(7);
	run_on(2, wild_requests, NULL);
	world_end();
}

static void
random_frames(void *arg)
{
	struct rand rand;

	rand_init(&rand, *(uint64_t *)arg, 1);
	for (int i = 0; i < 300; i++) {
		struct env_conn *conn = dial();
		uint32_t index = w.conn_nr - 1;

		if (rand_below(&rand, 8) > 0)
			say_hello(conn);
		for (uint64_t n = rand_below(&rand, 10); n > 0 && w.conn[index] != NULL; n--) {
			struct rpc_header header = {.kind = (uint8_t)rand_between(&rand, 1, 5), .number = rand_below(&rand, 20),
						    .opc = RPC_OPC(rand_one_in(&rand, 3) ? 0 : 7, rand_below(&rand, 5)),
						    .proto_version = (uint16_t)rand_below(&rand, 3),
						    .status = (int32_t)rand_u64(&rand), .flags = (uint32_t)rand_below(&rand, 2),
						    .deadline_ms = (uint32_t)(rand_u64(&rand) >> rand_below(&rand, 64)),
						    .rank = (uint32_t)rand_below(&rand, 3)};
			uint8_t body[64];

			rand_fill(&rand, body, sizeof(body));
			if (rand_one_in(&rand, 2))
				body[8] = body[9] = body[10] = body[11] = 0;
			say(conn, header, body, rand_one_in(&rand, 3) ? 12 : rand_below(&rand, 64));
		}
		ult_sleep(rand_below(&rand, 3 * NS_PER_MS));
	}
}

static void
well_sealed_random_frames_do_no_harm(void **state)
{
	for (uint64_t seed = 100; seed < 110; seed++) {
		world_begin(seed);
		run_on(2, random_frames, &seed);
		world_end();
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_no_rpc_breaks_its_own_connection_only),
		cmocka_unit_test(a_replayed_request_is_not_run_again),
		cmocka_unit_test(requests_beyond_what_was_granted_break_the_connection),
		cmocka_unit_test(one_way_messages_beyond_the_bound_are_dropped),
		cmocka_unit_test(who_does_not_take_its_answers_is_cut_off),
		cmocka_unit_test(connections_that_say_nothing_are_few_and_end_in_time),
		cmocka_unit_test(requests_that_make_no_sense_are_refused_one_by_one),
		cmocka_unit_test(well_sealed_random_frames_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
