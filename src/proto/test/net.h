/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small net for tests: simulated nodes that serve proto/test, each with one stream (tag 0), and ULTs that the test runs on
 * them. Node i has rank i unless it is a client.
 */
#ifndef PROTO_TEST_NET_H
#define PROTO_TEST_NET_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/hash64.h"
#include "base/sg.h"
#include "env_sim/env_sim.h"
#include "proto/registry.h"
#include "proto/test.h"
#include "pure/hlc/hlc.h"

#define NET_MAX 64

struct side {
	struct net *net;
	uint32_t id;
	struct env *env;
	struct xs *xs;
	struct env_thread *thread;
	struct hlc_clock clock;
	struct rpc_node *node;
	struct rpc_ctx *ctx;
	struct rpc_node_config config;
	char addr[128];
	bool up, down;
	struct sim_mem_stats before;
	/* what its handlers saw */
	uint32_t running, most_running;
	uint64_t notes, last_note;
	uint64_t waits_canceled;
	struct rpc_peer *last_peer;   /* not referenced */
	uint64_t order[512];
	uint32_t order_nr;
	uint32_t hlc_errors, gone, dropped;
	int (*on_echo)(struct side *side, struct rpc_req *req);
};

struct net {
	struct sim *sim;
	uint32_t nr;
	struct side sides[NET_MAX];
};

/* ---- handlers --------------------------------------------------------------------------------------------------------- */
static UNUSED int
serve_echo(void *owner, struct rpc_req *req)
{
	const struct test_echo_in *in = req->in;
	struct side *side = owner;

	side->last_peer = req->peer;
	if (side->order_nr < ARRAY_SIZE(side->order))
		side->order[side->order_nr++] = in->number;
	*(struct test_echo_out *)req->out = *(const struct test_echo_out *)in;
	return side->on_echo != NULL ? side->on_echo(side, req) : 0;
}

static UNUSED int
serve_wait(void *owner, struct rpc_req *req)
{
	const struct test_wait_in *in = req->in;
	struct side *side = owner;
	uint64_t end = env_mono(side->env) + in->ns;

	side->running++;
	side->most_running = MAX(side->most_running, side->running);
	while (env_mono(side->env) < end && !req->canceled)
		ult_sleep(NS_PER_MS);
	side->waits_canceled += req->canceled;
	side->running--;
	return in->status;
}

static uint8_t
pattern(uint64_t seed, uint64_t off)
{
	return (uint8_t)hash64_pair(seed, off);
}

static UNUSED int
serve_bulk(void *owner, struct rpc_req *req)
{
	const struct test_bulk_in *in = req->in;
	struct test_bulk_out *out = req->out;
	struct side *side = owner;
	uint8_t *buf = mem_alloc(side->env->mem, in->len + 1);
	struct iovec iov[2];
	int rc;

	if (buf == NULL)
		return -DER_NOMEM;
	iov[0] = (struct iovec){buf, in->len / 3};
	iov[1] = (struct iovec){buf + in->len / 3, in->len - in->len / 3};
	for (uint64_t i = 0; in->put && i < in->len; i++)
		buf[i] = pattern(in->seed, in->off + i);
	rc = (in->put ? rpc_bulk_put : rpc_bulk_get)(req, &in->bulk, in->off, iov, 2);
	out->hash = hash64_bytes(buf, in->len, 1);
	mem_free(side->env->mem, buf);
	return rc;
}

static UNUSED int
serve_note(void *owner, struct rpc_req *req)
{
	struct side *side = owner;

	side->notes++;
	side->last_note = ((const struct test_note_in *)req->in)->number;
	return 0;
}

static UNUSED int
serve_sum(void *owner, struct rpc_req *req)
{
	const struct test_sum_in *in = req->in;
	struct test_sum_out *out = req->out;
	struct side *side = owner;

	ult_sleep(NS_PER_MS);
	out->sum = in->value + side->id;
	out->nr = 1;
	out->ranks = ARENA_NEW_ARRAY(&req->arena, uint32_t, 1);
	if (out->ranks == NULL)
		return -DER_NOMEM;
	out->ranks_nr = 1;
	out->ranks[0] = side->id;
	return in->value == 13 && side->id == 2 ? -DER_BUSY : 0;
}

static UNUSED int
serve_types(void *owner, struct rpc_req *req)
{
	*(struct test_types_out *)req->out = *(const struct test_types_out *)req->in;
	return 0;
}

static UNUSED int
serve_late(void *owner, struct rpc_req *req)
{
	((struct test_late_out *)req->out)->answer = 42;
	return 0;
}

static const rpc_handler net_handlers[test_op_nr] = {
	[op_test_echo] = serve_echo, [op_test_wait] = serve_wait, [op_test_bulk] = serve_bulk, [op_test_note] = serve_note,
	[op_test_sum] = serve_sum,   [op_test_types] = serve_types, [op_test_late] = serve_late,
};

/* ---- sides ------------------------------------------------------------------------------------------------------------- */
static UNUSED void
net_hlc_error(void *arg, uint32_t rank, uint64_t remote, uint64_t local)
{
	((struct side *)arg)->hlc_errors++;
	assert_true(remote > local);
}

static UNUSED void
side_begin(void *arg)
{
	struct side *side = arg;
	const char *bound;
	char addr[64];

	assert_int_equal(rpc_node_create(&side->config, &side->node), 0);
	assert_int_equal(rpc_ctx_create(side->node, side->xs, 0, &side->ctx), 0);
	snprintf(addr, sizeof(addr), "tcp://10.0.0.%u:%u", side->id + 1, 7000);
	assert_int_equal(rpc_listen(side->ctx, addr, &bound), 0);
	snprintf(side->addr, sizeof(side->addr), "%s", bound);
	if (side->config.protos == proto_all)
		assert_int_equal(rpc_serve(side->ctx, &proto_test, net_handlers, side), 0);
	side->up = true;
}

static UNUSED bool
is_up(void *arg)
{
	return *(bool *)arg;
}

/* config: what differs from the usual; may be NULL. */
static UNUSED void
side_start(struct net *net, uint32_t id, const struct rpc_node_config *config)
{
	struct side *side = &net->sides[id];
	uint64_t seed[2];

	memset(side, 0, sizeof(*side));
	side->net = net;
	side->id = id;
	side->env = sim_env(net->sim, id);
	sim_mem_stats(net->sim, id, &side->before);
	hlc_clock_init(&side->clock, 0, HLC_NO_CEILING);
	if (config != NULL)
		side->config = *config;
	else
		side->config.rank = id;
	side->config.env = side->env;
	side->config.hlc = &side->clock;
	side->config.hlc_error = net_hlc_error;
	side->config.arg = side;
	if (side->config.protos == NULL)
		side->config.protos = proto_all;
	seed[0] = seed[1] = env_rand(side->env);
	memcpy(side->config.id, seed, 16);
	assert_int_equal(xs_create(&(struct xs_config){.env = side->env, .name = "test"}, &side->xs), 0);
	assert_int_equal(ult_spawn(side->xs, ULT_SYSTEM, "begin", side_begin, side, NULL), 0);
	assert_int_equal(xs_start(side->xs, NULL, &side->thread), 0);
	assert_int_equal(sim_run(net->sim, 10 * NS_PER_S, is_up, &side->up), 0);
}

struct job {
	struct xs_msg msg;
	struct side *side;
	void (*fn)(struct side *side, void *arg);
	void *arg;
	bool done;
};

static UNUSED void
job_body(void *arg)
{
	struct job *job = arg;

	job->fn(job->side, job->arg);
	job->done = true;
}

static UNUSED void
job_begin(struct xs_msg *msg)
{
	struct job *job = container_of(msg, struct job, msg);

	assert_int_equal(ult_spawn(job->side->xs, ULT_IO, "job", job_body, job, NULL), 0);
}

/* Runs fn in a ULT of the side and lets the world run until it returned. */
static UNUSED void
run_on(struct side *side, void (*fn)(struct side *side, void *arg), void *arg)
{
	struct job job = {.msg.run = job_begin, .side = side, .fn = fn, .arg = arg};

	xs_send(side->xs, &job.msg);
	assert_int_equal(sim_run(side->net->sim, 1000 * NS_PER_S, is_up, &job.done), 0);
}

static UNUSED void
side_end(struct side *side, void *arg)
{
	rpc_ctx_destroy(side->ctx);
	rpc_node_destroy(side->node);
}

static UNUSED void
leaked(void *arg, const void *site, size_t size)
{
	print_message("leaked %zu bytes from %p\n", size, site);
}

static UNUSED void
side_stop(struct net *net, uint32_t id)
{
	struct side *side = &net->sides[id];
	struct sim_mem_stats after;

	run_on(side, side_end, NULL);
	xs_stop(side->xs);
	side->env->ops->host.thread_join(side->thread);
	xs_destroy(side->xs);
	sim_mem_stats(net->sim, id, &after);
	if (after.blocks != side->before.blocks)
		sim_mem_each(net->sim, id, leaked, NULL);
	assert_int_equal(after.blocks, side->before.blocks);
	assert_int_equal(after.handles, side->before.handles);
	side->up = false;
}

static UNUSED void
net_create(struct net *net, uint64_t seed, uint32_t nr, const struct sim_options *with)
{
	struct sim_options options;

	memset(net, 0, sizeof(*net));
	if (with != NULL)
		options = *with;
	else
		sim_options_init(&options);
	options.nodes = nr;
	net->sim = sim_create(seed, &options);
	net->nr = nr;
}

static UNUSED void
net_start(struct net *net, uint64_t seed, uint32_t nr)
{
	net_create(net, seed, nr, NULL);
	for (uint32_t i = 0; i < nr; i++)
		side_start(net, i, NULL);
}

static UNUSED void
net_stop(struct net *net)
{
	for (uint32_t i = 0; i < net->nr; i++)
		if (net->sides[i].up)
			side_stop(net, i);
	sim_destroy(net->sim);
}

/* Tells every side who the ranks are: all that are up. */
static UNUSED void
net_group(struct net *net, uint32_t version)
{
	const char *addrs[NET_MAX];
	struct rpc_member members[NET_MAX];
	uint32_t nr = 0;

	for (uint32_t i = 0; i < net->nr; i++) {
		if (!net->sides[i].up || net->sides[i].config.rank == RPC_NO_RANK)
			continue;
		addrs[nr] = net->sides[i].addr;
		members[nr] = (struct rpc_member){.rank = i, .incarnation = net->sides[i].config.incarnation, .addr_nr = 1,
						  .addrs = &addrs[nr]};
		nr++;
	}
	for (uint32_t i = 0; i < net->nr; i++)
		if (net->sides[i].up)
			assert_int_equal(rpc_group_set(net->sides[i].node, version, members, nr), 0);
}

/* ---- calls -------------------------------------------------------------------------------------------------------------------- */
static UNUSED int
echo_to(struct side *side, struct rpc_peer *peer, uint64_t number, bool *answered)
{
	struct test_echo_in in = {.number = number, .text = "hello", .data = {"\1\2\3", 3}, .extra = 5};
	struct test_echo_out out;
	struct arena arena;
	struct rpc_call call = test_echo_call(peer, &in, &out, &arena);
	int rc;

	arena_init(&arena, side->env->mem);
	rc = rpc_call(side->ctx, &call, answered);
	if (rc == 0) {
		assert_int_equal(out.number, number);
		assert_string_equal(out.text, "hello");
	}
	arena_fini(&arena);
	return rc;
}

static UNUSED struct rpc_peer *
peer_of(struct side *side, uint32_t to)
{
	struct rpc_peer *peer;

	assert_int_equal(rpc_peer_addr(side->ctx, side->net->sides[to].addr, &peer), 0);
	return peer;
}

static UNUSED int
wait_at(struct side *side, struct rpc_peer *peer, uint64_t ns, int status, uint64_t deadline_ns, bool *answered)
{
	struct test_wait_in in = {.ns = ns, .status = status};
	struct test_wait_out out;
	struct arena arena;
	struct rpc_call call = test_wait_call(peer, &in, &out, &arena);
	int rc;

	arena_init(&arena, side->env->mem);
	call.deadline_ns = deadline_ns;
	rc = rpc_call(side->ctx, &call, answered);
	arena_fini(&arena);
	return rc;
}

#endif
