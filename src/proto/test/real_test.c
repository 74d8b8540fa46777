/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rpc over real sockets: a rank with two streams on threads of their own, and a client on a third, by UNIX sockets and by TCP, while the
 * group changes under them.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/hash64.h"
#include "env_real/env_real.h"
#include "proto/registry.h"
#include "proto/test.h"
#include "pure/hlc/hlc.h"

enum { STREAMS = 3, CLIENT = 2, WORKERS = 16, CALLS = 150 };

static struct {
	struct env *env;
	char dir[64];
	bool tcp;
	struct xs *xs[STREAMS]; /* tags 0 and 1 of the rank, the client */
	struct env_thread *thread[STREAMS];
	struct hlc_clock clock[2];
	struct rpc_node *node[2];
	struct rpc_ctx *ctx[STREAMS];
	const char *addr[2];
	uint32_t working;
	struct ult_cond idle;
	_Atomic uint64_t served;
} r;

static int
serve_echo(void *owner, struct rpc_req *req)
{
	struct env_cred cred;

	rpc_peer_cred(req->peer, &cred);
	ASSERT(r.tcp ? !cred.known : cred.pid == getpid());
	*(struct test_echo_out *)req->out = *(const struct test_echo_out *)req->in;
	r.served++;
	return 0;
}

static int
serve_bulk(void *owner, struct rpc_req *req)
{
	const struct test_bulk_in *in = req->in;
	struct test_bulk_out *out = req->out;
	uint8_t *buf = mem_alloc(r.env->mem, in->len + 1);
	struct iovec iov = {buf, in->len};
	int rc;

	if (buf == NULL)
		return -DER_NOMEM;
	memset(buf, (int)in->seed, in->len);
	rc = (in->put ? rpc_bulk_put : rpc_bulk_get)(req, &in->bulk, in->off, &iov, 1);
	out->hash = hash64_bytes(buf, in->len, 1);
	mem_free(r.env->mem, buf);
	return rc;
}

static int
serve_sum(void *owner, struct rpc_req *req)
{
	((struct test_sum_out *)req->out)->sum = ((const struct test_sum_in *)req->in)->value;
	return 0;
}

static const rpc_handler handlers[test_op_nr] = {
	[op_test_echo] = serve_echo, [op_test_bulk] = serve_bulk, [op_test_sum] = serve_sum,
};

struct job {
	struct xs_msg msg;
	struct xs *xs;
	void (*fn)(void *arg);
	void *arg;
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	bool done;
};

static void
job_body(void *arg)
{
	struct job *job = arg;

	job->fn(job->arg);
	pthread_mutex_lock(&job->mutex);
	job->done = true;
	pthread_cond_signal(&job->cond);
	pthread_mutex_unlock(&job->mutex);
}

static void
job_begin(struct xs_msg *msg)
{
	struct job *job = container_of(msg, struct job, msg);

	ASSERT(ult_spawn(job->xs, ULT_IO, "job", job_body, job, NULL) == 0);
}

static void
job_wait(struct job *job)
{
	pthread_mutex_lock(&job->mutex);
	while (!job->done)
		pthread_cond_wait(&job->cond, &job->mutex);
	pthread_mutex_unlock(&job->mutex);
}

static void
job_start(struct job *job, uint32_t stream, void (*fn)(void *arg), void *arg)
{
	*job = (struct job){.msg.run = job_begin, .xs = r.xs[stream], .fn = fn, .arg = arg, .mutex = PTHREAD_MUTEX_INITIALIZER,
			    .cond = PTHREAD_COND_INITIALIZER};
	xs_send(r.xs[stream], &job->msg);
}

static void
run_on(uint32_t stream, void (*fn)(void *arg), void *arg)
{
	struct job job;

	job_start(&job, stream, fn, arg);
	job_wait(&job);
}

static void
ctx_begin(void *arg)
{
	uint32_t i = *(uint32_t *)arg;
	char addr[128];

	ASSERT(rpc_ctx_create(r.node[i / CLIENT], r.xs[i], i % CLIENT, &r.ctx[i]) == 0);
	if (i == CLIENT)
		return;
	snprintf(addr, sizeof(addr), r.tcp ? "tcp://127.0.0.1:0" : "unix://%s/%u", r.dir, i);
	ASSERT(rpc_listen(r.ctx[i], addr, &r.addr[i]) == 0);
	ASSERT(rpc_serve(r.ctx[i], &proto_test, handlers, NULL) == 0);
}

static void
ctx_end(void *arg)
{
	rpc_ctx_destroy(r.ctx[*(uint32_t *)arg]);
}

static void
set_group(uint32_t version)
{
	struct rpc_member member = {.rank = 0, .addr_nr = 2, .addrs = r.addr};

	assert_int_equal(rpc_group_set(r.node[0], version, &member, 1), 0);
	assert_int_equal(rpc_group_set(r.node[1], version, &member, 1), 0);
}

static void
begin(bool tcp)
{
	struct env_real_options options = {.log.mask = "ERR"};

	memset(&r, 0, sizeof(r));
	r.tcp = tcp;
	strcpy(r.dir, "/tmp/rpc_test.XXXXXX");
	assert_non_null(mkdtemp(r.dir));
	assert_int_equal(env_real_create(&options, &r.env), 0);
	for (uint32_t i = 0; i < 2; i++) {
		struct rpc_node_config config = {.env = r.env, .rank = i == 0 ? 0 : RPC_NO_RANK, .hlc = &r.clock[i], .protos = proto_all};

		hlc_clock_init(&r.clock[i], 0, HLC_NO_CEILING);
		assert_int_equal(rpc_node_create(&config, &r.node[i]), 0);
	}
	for (uint32_t i = 0; i < STREAMS; i++) {
		assert_int_equal(xs_create(&(struct xs_config){.env = r.env, .name = "test"}, &r.xs[i]), 0);
		assert_int_equal(xs_start(r.xs[i], NULL, &r.thread[i]), 0);
		run_on(i, ctx_begin, &i);
	}
	set_group(1);
}

static void
end(void)
{
	for (uint32_t i = STREAMS; i-- > 0;) {
		run_on(i, ctx_end, &i);
		xs_stop(r.xs[i]);
		r.env->ops->host.thread_join(r.thread[i]);
		xs_destroy(r.xs[i]);
	}
	rpc_node_destroy(r.node[0]);
	rpc_node_destroy(r.node[1]);
	env_real_destroy(r.env);
	assert_int_equal(rmdir(r.dir), 0);
}

/* ---- the client ------------------------------------------------------------------------------------------------------ */
static void
one_bulk(struct rpc_peer *peer, struct arena *arena, uint64_t len, bool put)
{
	uint8_t *buf = mem_alloc(r.env->mem, len + 200);
	struct iovec iov = {buf, len + 200};
	struct test_bulk_in in = {.off = 100, .len = len, .put = put, .seed = 7};
	struct test_bulk_out out;
	struct rpc_call call = test_bulk_call(peer, &in, &out, arena);

	ASSERT(buf != NULL);
	for (uint64_t i = 0; i < len; i++)
		buf[100 + i] = (uint8_t)(i * 13);
	call.expose = &iov;
	call.expose_nr = 1;
	call.expose_access = put ? ENV_REG_WRITE : ENV_REG_READ;
	call.bulk = &in.bulk;
	ASSERT(rpc_call(r.ctx[CLIENT], &call, NULL) == 0);
	if (!put)
		ASSERT(out.hash == hash64_bytes(buf + 100, len, 1));
	for (uint64_t i = 0; i < len; i++)
		ASSERT(buf[100 + i] == (put ? 7 : (uint8_t)(i * 13)));
	ASSERT(buf[99] == 0 && buf[len + 100] == 0);
	mem_free(r.env->mem, buf);
}

static void
worker(void *arg)
{
	uint32_t index = *(uint32_t *)arg;

	for (uint64_t i = 0; i < CALLS; i++) {
		struct test_echo_in in = {.number = i, .text = "real", .extra = index};
		struct test_echo_out out;
		struct rpc_peer *peer;
		struct arena arena;

		ASSERT(rpc_peer_rank(r.ctx[CLIENT], 0, (uint32_t)(i + index) % 2, &peer) == 0);
		struct rpc_call call = test_echo_call(peer, &in, &out, &arena);

		arena_init(&arena, r.env->mem);
		ASSERT(rpc_call(r.ctx[CLIENT], &call, NULL) == 0);
		ASSERT(out.number == i && out.extra == index && strcmp(out.text, "real") == 0);
		if (i % 50 == 49)
			one_bulk(peer, &arena, i * index * 1000 + 1, i % 100 == 49);
		arena_fini(&arena);
		rpc_peer_put(peer);
	}
	r.working--;
	ult_cond_signal(&r.idle);
}

static void
client(void *arg)
{
	static uint32_t index[WORKERS];

	ult_cond_init(&r.idle);
	r.working = WORKERS;
	for (uint32_t i = 0; i < WORKERS; i++) {
		index[i] = i;
		ASSERT(ult_spawn(r.xs[CLIENT], ULT_IO, "worker", worker, &index[i], NULL) == 0);
	}
	while (r.working > 0)
		ult_cond_wait(&r.idle, NULL);
}

static void
several_streams_talk_while_the_group_changes(bool tcp)
{
	struct job job;

	begin(tcp);
	job_start(&job, CLIENT, client, NULL);
	/* From a thread that is no stream. */
	for (uint32_t version = 2; version < 30; version++) {
		set_group(version);
		usleep(500);
	}
	job_wait(&job);
	assert_int_equal(r.served, WORKERS * CALLS);
	assert_int_equal(rpc_group_version(r.node[1]), 29);
	end();
}

static void
several_streams_talk_over_unix_sockets(void **state)
{
	several_streams_talk_while_the_group_changes(false);
}

static void
several_streams_talk_over_tcp(void **state)
{
	several_streams_talk_while_the_group_changes(true);
}

static void
sum_everywhere(void *arg)
{
	struct test_sum_in in = {.value = 5};
	struct test_sum_out out = {0};
	struct arena arena;
	struct rpc_collect collect = {.opc = opc_test_sum, .in = &in, .out = &out, .arena = &arena, .tag = 1};

	arena_init(&arena, r.env->mem);
	ASSERT(rpc_collect(r.ctx[0], &collect) == 0);
	arena_fini(&arena);
}

static void
a_collective_reaches_another_stream_of_its_own_rank(void **state)
{
	begin(false);
	run_on(0, sum_everywhere, NULL);
	end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(several_streams_talk_over_unix_sockets),
		cmocka_unit_test(several_streams_talk_over_tcp),
		cmocka_unit_test(a_collective_reaches_another_stream_of_its_own_rank),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
