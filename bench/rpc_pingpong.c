/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc_pingpong: what a small call costs over the bare machine. Two processes over a UNIX stream, both asleep in between:
 * a call that carries 64 bytes there and back, packed, checked, dispatched to a user-level thread and answered, against 64
 * bytes through plain epoll, read and write. Both run alternately; a row is the median of its rounds, the last column ours / theirs.
 * The last rows need no second process: a call to ourselves, and packing alone.
 *
 *   rpc_pingpong [rounds [trips per round]]
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "env_real/env_real.h"
#include "proto/object.h"
#include "proto/registry.h"
#include "proto/test.h"
#include "pure/hlc/hlc.h"
#include "report.h"

#define SIZE 64
#define ROUNDS_MAX 101

static char dir[] = "/tmp/rpc_pingpong.XXXXXX";

static uint64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

static void
must(bool ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	exit(1);
}

/* ---- bare ----------------------------------------------------------------------------------------------------------- */

static bool
bare_receive(int set, int fd, char *buf)
{
	struct epoll_event event;
	ssize_t n;

	for (;;) {
		if (epoll_wait(set, &event, 1, -1) < 0)
			continue;
		n = read(fd, buf, SIZE);
		if (n == SIZE)
			return true;
		if (n == 0)
			return false;
	}
}

static int
bare_set(int fd)
{
	struct epoll_event event = {.events = EPOLLIN};
	int set = epoll_create1(0);

	fcntl(fd, F_SETFL, O_NONBLOCK);
	must(epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) == 0, "epoll_ctl");
	return set;
}

static double
bare_trips(int trips)
{
	char buf[SIZE] = {0};
	uint64_t begin, took;
	int fd[2], set;
	pid_t pid;

	must(socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0, "socketpair");
	pid = fork();
	if (pid == 0) {
		close(fd[0]);
		set = bare_set(fd[1]);
		while (bare_receive(set, fd[1], buf))
			must(write(fd[1], buf, SIZE) == SIZE, "write");
		_exit(0);
	}
	close(fd[1]);
	set = bare_set(fd[0]);
	begin = now_ns();
	for (int i = 0; i < trips; i++) {
		must(write(fd[0], buf, SIZE) == SIZE, "write");
		bare_receive(set, fd[0], buf);
	}
	took = now_ns() - begin;
	close(fd[0]);
	close(set);
	waitpid(pid, NULL, 0);
	return (double)took / trips / 1000;
}

/* ---- ours -------------------------------------------------------------------------------------------------------------- */

struct side {
	struct env *env;
	struct xs *xs;
	struct hlc_clock clock;
	struct rpc_node *node;
	struct rpc_ctx *ctx;
	const char *addr;
	int trips;
	double us;
	bool done;
};

static int
serve_echo(void *owner, struct rpc_req *req)
{
	const struct test_echo_in *in = req->in;

	*(struct test_echo_out *)req->out = *(const struct test_echo_out *)req->in;
	if (in->number == 0)
		((struct side *)owner)->done = true;
	return 0;
}

static const rpc_handler handlers[test_op_nr] = {[op_test_echo] = serve_echo};

static void
side_open(struct side *side, uint32_t rank)
{
	struct rpc_node_config config;

	memset(side, 0, sizeof(*side));
	must(env_real_create(NULL, &side->env) == 0, "env_real_create");
	must(xs_create(&(struct xs_config){.env = side->env, .name = "bench"}, &side->xs) == 0, "xs_create");
	hlc_clock_init(&side->clock, 0, HLC_NO_CEILING);
	config = (struct rpc_node_config){.env = side->env, .rank = rank, .hlc = &side->clock, .protos = proto_all};
	must(rpc_node_create(&config, &side->node) == 0, "node");
	must(rpc_ctx_create(side->node, side->xs, 0, &side->ctx) == 0, "ctx");
	must(rpc_serve(side->ctx, &proto_test, handlers, side) == 0, "serve");
}

static void
end_side(void *arg)
{
	struct side *side = arg;

	rpc_ctx_destroy(side->ctx);
	side->done = true;
}

static void
side_close(struct side *side)
{
	side->done = false;
	must(ult_spawn(side->xs, ULT_SYSTEM, "end", end_side, side, NULL) == 0, "spawn");
	xs_run_until(side->xs, &side->done, ENV_FOREVER);
	xs_stop(side->xs);
	xs_run(side->xs);
	rpc_node_destroy(side->node);
	xs_destroy(side->xs);
	env_real_destroy(side->env);
}

static void
echo_main(int tell)
{
	struct side side;
	char addr[128];

	side_open(&side, 0);
	snprintf(addr, sizeof(addr), "unix://%s/sock", dir);
	must(rpc_listen(side.ctx, addr, NULL) == 0, "listen");
	must(write(tell, addr, sizeof(addr)) == (ssize_t)sizeof(addr), "tell");
	xs_run_until(side.xs, &side.done, ENV_FOREVER);
	side_close(&side);
	_exit(0);
}

static void
trip(struct side *side, struct rpc_peer *peer, uint64_t number)
{
	static char payload[SIZE - 24];
	struct test_echo_in in = {.number = number, .data = {payload, sizeof(payload)}};
	struct test_echo_out out;
	struct arena arena;
	struct rpc_call call = test_echo_call(peer, &in, &out, &arena);

	arena_init(&arena, side->env->mem);
	must(rpc_call(side->ctx, &call, NULL) == 0 && out.data.len == sizeof(payload), "call");
	arena_fini(&arena);
}

static void
call_body(void *arg)
{
	struct side *side = arg;
	struct rpc_peer *peer;
	uint64_t begin;

	must(rpc_peer_addr(side->ctx, side->addr, &peer) == 0, "peer");
	trip(side, peer, 1);
	begin = now_ns();
	for (int i = 0; i < side->trips; i++)
		trip(side, peer, 1);
	side->us = (double)(now_ns() - begin) / side->trips / 1000;
	trip(side, peer, 0);
	rpc_peer_put(peer);
	side->done = true;
}

static double
our_trips(int trips)
{
	struct side side;
	char addr[128];
	int tell[2];
	pid_t pid;

	must(pipe(tell) == 0, "pipe");
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		echo_main(tell[1]);
	}
	must(read(tell[0], addr, sizeof(addr)) == (ssize_t)sizeof(addr), "address");
	close(tell[0]);
	close(tell[1]);
	side_open(&side, RPC_NO_RANK);
	side.addr = addr;
	side.trips = trips;
	must(ult_spawn(side.xs, ULT_IO, "call", call_body, &side, NULL) == 0, "spawn");
	xs_run_until(side.xs, &side.done, ENV_FOREVER);
	waitpid(pid, NULL, 0);
	side_close(&side);
	return side.us;
}

static double
local_trips(int trips)
{
	struct side side;
	char addr[128];

	side_open(&side, 0);
	snprintf(addr, sizeof(addr), "unix://%s/own", dir);
	must(rpc_listen(side.ctx, addr, &side.addr) == 0, "listen");
	side.trips = trips;
	must(ult_spawn(side.xs, ULT_IO, "call", call_body, &side, NULL) == 0, "spawn");
	xs_run_until(side.xs, &side.done, ENV_FOREVER);
	side_close(&side);
	return side.us;
}

/* ---- packing -------------------------------------------------------------------------------------------------------------- */

static void
packing(struct env *env, const char *name, const struct rpc_body *body, const void *value, int times)
{
	uint64_t begin, pack, unpack;
	struct unpacker unpacker;
	struct packer packer;
	struct arena arena;
	uint8_t buf[4096];
	char text[64];
	void *copy;

	begin = now_ns();
	for (int i = 0; i < times; i++) {
		packer_init(&packer, buf, sizeof(buf));
		body->pack(&packer, value, 1);
	}
	pack = now_ns() - begin;
	arena_init(&arena, env->mem);
	copy = arena_alloc(&arena, body->size);
	begin = now_ns();
	for (int i = 0; i < times; i++) {
		struct arena own;

		arena_init(&own, env->mem);
		unpacker_init(&unpacker, buf, packer_len(&packer));
		body->unpack(&unpacker, copy, 1, &own);
		arena_fini(&own);
	}
	unpack = now_ns() - begin;
	must(packer_rc(&packer) == 0 && unpacker_finish(&unpacker) == 0, name);
	snprintf(text, sizeof(text), "%s (%zu B): pack, ns", name, packer_len(&packer));
	report_figure(text, (double)pack / times, 0, REPORT_NONE, 0);
	snprintf(text, sizeof(text), "%s (%zu B): unpack, ns", name, packer_len(&packer));
	report_figure(text, (double)unpack / times, 0, REPORT_NONE, 0);
	arena_fini(&arena);
}

int
main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 7, trips = argc > 2 ? atoi(argv[2]) : 20000;
	double theirs[ROUNDS_MAX], ours[ROUNDS_MAX];
	struct test_echo_in echo = {.number = 1, .data = {dir, 20}};
	daos_recx_t recx = {0, 4096};
	daos_iod_t iod = {.iod_type = DAOS_IOD_ARRAY, .iod_size = 1, .iod_nr = 1, .iod_recxs = &recx};
	struct object_update_in update = {.iods = &iod, .iods_nr = 1};
	struct env *env;

	rounds = MIN(MAX(rounds, 1), ROUNDS_MAX);
	must(mkdtemp(dir) != NULL, "mkdtemp");
	/* The bar is for processes that sleep between messages, as the bare ones do; then as they are. */
	must(setenv("DAOS_POLL_US", "0", 1) == 0, "setenv");
	for (int i = 0; i < rounds; i++) {
		theirs[i] = bare_trips(trips);
		ours[i] = our_trips(trips);
	}
	must(unsetenv("DAOS_POLL_US") == 0, "unsetenv");
	report_figure("rpc round trip of 64 B, asleep, us; bare epoll", report_median(ours, rounds), report_median(theirs, rounds), REPORT_AT_MOST,
		      1.5);
	for (int i = 0; i < rounds; i++)
		ours[i] = our_trips(trips);
	report_figure("rpc round trip of 64 B, awake, us; bare epoll", report_median(ours, rounds), report_median(theirs, rounds), REPORT_NONE, 0);
	for (int i = 0; i < rounds; i++)
		ours[i] = local_trips(trips);
	report_figure("rpc call to ourselves, us", report_median(ours, rounds), 0, REPORT_NONE, 0);
	rmdir(dir);

	must(env_real_create(NULL, &env) == 0, "env_real_create");
	d_iov_set(&update.dkey, "dkey", 4);
	d_iov_set(&iod.iod_name, "akey", 4);
	packing(env, "test_echo_in", &proto_test.ops[op_test_echo].in, &echo, 1000000);
	packing(env, "object_update_in", &proto_object.ops[op_object_update].in, &update, 1000000);
	env_real_destroy(env);
	return 0;
}
