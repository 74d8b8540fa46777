/* SPDX-License-Identifier: Apache-2.0 */
/*
 * drpc over real sockets, with streams on threads of their own, and over simulated ones, where programs die, connections break and
 * memory runs out.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/mem_test.h"
#include "base/rand.h"
#include "drpc/drpc.h"
#include "env_real/env_real.h"
#include "env_sim/env_sim.h"
#include "../frame.h"

enum { METHOD_REVERSE = 1, METHOD_WAIT = 2, METHOD_WHO = 3, METHOD_LARGE = 4, METHOD_FAIL = 5 };

static uint8_t large[2 * MIB];

/* What a test may look at from its own thread. */
struct served {
	struct env *env;
	_Atomic uint32_t running, most_running, calls;
	struct env_cred cred;
};

static void
serve_test(void *owner, struct drpc_request *request)
{
	struct served *served = owner;
	uint8_t *answer;

	served->cred = request->cred;
	served->calls++;
	switch (request->method) {
	case METHOD_REVERSE:
		answer = arena_alloc(&request->arena, request->body_len);
		if (answer == NULL) {
			request->status = DRPC_FAILURE;
			return;
		}
		for (size_t i = 0; i < request->body_len; i++)
			answer[i] = request->body[request->body_len - 1 - i];
		request->answer = answer;
		request->answer_len = request->body_len;
		break;
	case METHOD_WAIT:
		served->running++;
		if (served->running > served->most_running)
			served->most_running = served->running;
		ult_sleep(100 * NS_PER_MS);
		served->running--;
		break;
	case METHOD_LARGE:
		request->answer = large;
		request->answer_len = *(const uint32_t *)request->body;
		break;
	case METHOD_WHO:
		request->answer = (const uint8_t *)&served->cred;
		request->answer_len = sizeof(served->cred);
		break;
	case METHOD_FAIL:
		request->status = DRPC_FAILURE;
		break;
	default:
		request->status = DRPC_UNKNOWN_METHOD;
	}
}

static int
call(struct drpc_client *client, struct env *env, uint32_t module, int32_t method, const void *body, size_t len, uint64_t deadline,
     enum drpc_status *status, uint8_t *answer, size_t *answer_len)
{
	const uint8_t *data;
	struct arena arena;
	int rc;

	arena_init(&arena, env->mem);
	rc = drpc_call(client, module, method, body, len, deadline, &arena, status, &data, answer_len);
	if (rc == 0 && answer != NULL && *answer_len > 0)
		memcpy(answer, data, *answer_len);
	arena_fini(&arena);
	return rc;
}

/* ---- frames ------------------------------------------------------------------------------------------------------------- */
static void
packets_are_protobuf_and_frozen(void **state)
{
	static const uint8_t golden_call[] = {0x08, 2, 0x10, 101, 0x18, 0x96, 0x01, 0x22, 3, 'a', 'b', 'c'};
	static const uint8_t golden_response[] = {0x08, 0x96, 0x01, 0x10, 4, 0x1a, 2, 'o', 'k'};
	struct drpc_frame frame = {.module = 2, .method = 101, .sequence = 150, .body = (const uint8_t *)"abc", .body_len = 3};
	struct mem_test mem;
	struct arena arena;
	size_t len;
	void *data;

	mem_test_init(&mem);
	arena_init(&arena, &mem.mem);
	assert_int_equal(drpc__call_encode(&frame, &arena, &data, &len), 0);
	assert_int_equal(len, sizeof(golden_call));
	assert_memory_equal(data, golden_call, len);
	frame = (struct drpc_frame){.sequence = 150, .status = DRPC_UNKNOWN_METHOD, .body = (const uint8_t *)"ok", .body_len = 2};
	assert_int_equal(drpc__response_encode(&frame, &arena, &data, &len), 0);
	assert_int_equal(len, sizeof(golden_response));
	assert_memory_equal(data, golden_response, len);
	memset(&frame, 0, sizeof(frame));
	assert_int_equal(drpc__call_decode(golden_call, sizeof(golden_call), &arena, &frame), 0);
	assert_true(frame.module == 2 && frame.method == 101 && frame.sequence == 150 && frame.body_len == 3);
	assert_memory_equal(frame.body, "abc", 3);
	arena_fini(&arena);
}

static void
damaged_packets_are_refused_and_leak_nothing(void **state)
{
	struct drpc_frame frame = {.module = 2, .method = 101, .sequence = -5, .body = large, .body_len = 40}, copy;
	struct mem_test mem;
	struct arena arena;
	struct rand rand;
	size_t len;
	void *data;

	rand_init(&rand, 1, 1);
	mem_test_init(&mem);
	for (int round = 0; round < 5000; round++) {
		arena_init(&arena, &mem.mem);
		assert_int_equal(drpc__call_encode(&frame, &arena, &data, &len), 0);
		for (int i = 0; i < 3; i++)
			((uint8_t *)data)[rand_below(&rand, len)] = (uint8_t)rand_u64(&rand);
		(void)drpc__call_decode(data, rand_below(&rand, len + 1), &arena, &copy);
		(void)drpc__response_decode(data, len, &arena, &copy);
		arena_fini(&arena);
	}
	assert_int_equal(mem.outstanding, 0);
	/* No memory is told apart from nonsense. */
	arena_init(&arena, &mem.mem);
	assert_int_equal(drpc__call_encode(&frame, &arena, &data, &len), 0);
	struct arena empty;
	arena_init(&empty, &mem.mem);
	mem_test_fail(&mem, 1);
	assert_int_equal(drpc__call_decode(data, len, &empty, &copy), -DER_NOMEM);
	mem_test_fail(&mem, 0);
	arena_fini(&empty);
	arena_fini(&arena);
}

/* ---- real sockets --------------------------------------------------------------------------------------------------------------- */
static struct {
	struct env *env;
	char dir[64], path[80];
	struct xs *xs[3]; /* listener, work, client */
	struct env_thread *thread[3];
	struct drpc_registry registry;
	struct drpc_listener *listener;
	struct served served;
} r;

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

	ASSERT(ult_spawn(job->xs, ULT_METADATA, "job", job_body, job, NULL) == 0);
}

static void
run_on(struct xs *xs, void (*fn)(void *arg), void *arg)
{
	struct job job = {.msg.run = job_begin, .xs = xs, .fn = fn, .arg = arg, .mutex = PTHREAD_MUTEX_INITIALIZER,
			  .cond = PTHREAD_COND_INITIALIZER};

	xs_send(xs, &job.msg);
	pthread_mutex_lock(&job.mutex);
	while (!job.done)
		pthread_cond_wait(&job.cond, &job.mutex);
	pthread_mutex_unlock(&job.mutex);
}

static void
start_listener(void *arg)
{
	ASSERT(drpc_listen(r.xs[0], r.xs[1], r.path, 0640, &r.registry, &r.listener) == 0);
}

static void
stop_listener(void *arg)
{
	drpc_listener_stop(r.listener);
}

static void
real_begin(void)
{
	static const char *const names[] = {"listen", "work", "client"};
	struct env_real_options options = {.log.mask = "CRIT"};

	memset(&r, 0, sizeof(r));
	strcpy(r.dir, "/tmp/drpc_test.XXXXXX");
	assert_non_null(mkdtemp(r.dir));
	snprintf(r.path, sizeof(r.path), "%s/test.sock", r.dir);
	assert_int_equal(env_real_create(&options, &r.env), 0);
	r.served.env = r.env;
	assert_int_equal(drpc_register(&r.registry, DRPC_MODULE_TEST, serve_test, &r.served), 0);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(xs_create(&(struct xs_config){.env = r.env, .name = names[i]}, &r.xs[i]), 0);
		assert_int_equal(xs_start(r.xs[i], NULL, &r.thread[i]), 0);
	}
	run_on(r.xs[1], start_listener, NULL);
}

static void
real_end(bool stopped)
{
	if (!stopped)
		run_on(r.xs[1], stop_listener, NULL);
	for (int i = 0; i < 3; i++) {
		xs_stop(r.xs[i]);
		r.env->ops->host.thread_join(r.thread[i]);
		xs_destroy(r.xs[i]);
	}
	env_real_destroy(r.env);
	assert_int_equal(access(r.path, F_OK), -1); /* the socket went with its listener */
	assert_int_equal(rmdir(r.dir), 0);
}

static void
one_of_each(void *arg)
{
	struct drpc_client *client;
	enum drpc_status status;
	struct env_cred cred;
	uint8_t answer[64];
	size_t len;

	ASSERT(drpc_client_create(r.xs[2], r.path, &client) == 0);
	ASSERT(call(client, r.env, 0, METHOD_REVERSE, "abcdef", 6, 0, &status, answer, &len) == 0);
	ASSERT(status == DRPC_SUCCESS && len == 6 && memcmp(answer, "fedcba", 6) == 0);
	ASSERT(call(client, r.env, 0, METHOD_REVERSE, NULL, 0, 0, &status, answer, &len) == 0);
	ASSERT(status == DRPC_SUCCESS && len == 0);
	ASSERT(call(client, r.env, 0, METHOD_FAIL, NULL, 0, 0, &status, answer, &len) == 0 && status == DRPC_FAILURE);
	ASSERT(call(client, r.env, 0, 99, NULL, 0, 0, &status, answer, &len) == 0 && status == DRPC_UNKNOWN_METHOD);
	ASSERT(call(client, r.env, 3, 1, NULL, 0, 0, &status, answer, &len) == 0 && status == DRPC_UNKNOWN_MODULE);
	ASSERT(call(client, r.env, 3000000000u, 1, NULL, 0, 0, &status, answer, &len) == 0 && status == DRPC_UNKNOWN_MODULE);
	ASSERT(call(client, r.env, 0, METHOD_WHO, NULL, 0, 0, &status, (uint8_t *)&cred, &len) == 0);
	ASSERT(cred.known && cred.pid == getpid() && cred.uid == getuid() && cred.gid == getgid());
	drpc_client_destroy(client);
}

static void
a_call_reaches_the_handler_of_its_module_with_the_callers_identity(void **state)
{
	struct drpc_registry registry = {0};
	struct stat st;

	assert_int_equal(drpc_register(&registry, 2, serve_test, NULL), 0);
	assert_int_equal(drpc_register(&registry, 2, serve_test, NULL), -DER_EXIST);
	assert_int_equal(drpc_register(&registry, DRPC_MODULE_NR, serve_test, NULL), -DER_INVAL);
	real_begin();
	assert_int_equal(stat(r.path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	run_on(r.xs[2], one_of_each, NULL);
	real_end(false);
}

struct overlapping {
	struct drpc_client *client;
	uint32_t done, failed;
	struct ult_cond cond;
};

static void
waiting_call(void *arg)
{
	struct overlapping *all = arg;
	enum drpc_status status;
	size_t len;
	int rc = call(all->client, r.env, 0, METHOD_WAIT, NULL, 0, 0, &status, NULL, &len);

	all->failed += rc != 0 || status != DRPC_SUCCESS;
	all->done++;
	ult_cond_signal(&all->cond);
}

static void
many_at_once(void *arg)
{
	struct overlapping all = {0};

	ult_cond_init(&all.cond);
	ASSERT(drpc_client_create(r.xs[2], r.path, &all.client) == 0);
	for (int i = 0; i < 30; i++)
		ASSERT(ult_spawn(r.xs[2], ULT_METADATA, "call", waiting_call, &all, NULL) == 0);
	while (all.done < 30)
		ult_cond_wait(&all.cond, NULL);
	ASSERT(all.failed == 0);
	drpc_client_destroy(all.client);
}

static void
calls_of_one_client_overlap(void **state)
{
	real_begin();
	run_on(r.xs[2], many_at_once, NULL);
	assert_true(r.served.most_running > 10);
	real_end(false);
}

static void
sizes(void *arg)
{
	static const uint32_t size[] = {1, 1000, 60000, 100000, MIB - 100, MIB, 2 * MIB};
	static uint8_t answer[2 * MIB];
	struct drpc_client *client;
	enum drpc_status status;
	uint32_t fitted = 0;
	size_t len;

	for (size_t i = 0; i < sizeof(large); i++)
		large[i] = (uint8_t)(i * 31);
	ASSERT(drpc_client_create(r.xs[2], r.path, &client) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(size); i++) {
		ASSERT(call(client, r.env, 0, METHOD_LARGE, &size[i], 4, 0, &status, answer, &len) == 0);
		if (status == DRPC_SUCCESS) {
			ASSERT(len == size[i] && memcmp(answer, large, len) == 0);
			fitted = size[i];
		} else {
			ASSERT(status == DRPC_FAILED_MARSHAL && len == 0);
		}
		int rc = call(client, r.env, 0, METHOD_REVERSE, large, size[i], 0, &status, answer, &len);

		ASSERT(rc == -DER_OVERFLOW || (rc == 0 && status == DRPC_SUCCESS && len == size[i]));
	}
	ASSERT(fitted >= 100000 && fitted < 2 * MIB);
	drpc_client_destroy(client);
}

static void
what_fits_a_packet_goes_through_and_what_does_not_is_said(void **state)
{
	real_begin();
	run_on(r.xs[2], sizes, NULL);
	real_end(false);
}

static void
nobody_and_again(void *arg)
{
	struct drpc_client *client;
	enum drpc_status status;
	char other[100];
	size_t len;

	snprintf(other, sizeof(other), "%s/nobody.sock", r.dir);
	ASSERT(drpc_client_create(r.xs[2], other, &client) == 0);
	ASSERT(call(client, r.env, 0, METHOD_REVERSE, "a", 1, 0, &status, NULL, &len) == -DER_UNREACH);
	drpc_client_destroy(client);

	ASSERT(drpc_client_create(r.xs[2], r.path, &client) == 0);
	ASSERT(call(client, r.env, 0, METHOD_WAIT, NULL, 0, env_mono(r.env) + 10 * NS_PER_MS, &status, NULL, &len) == -DER_TIMEDOUT);
	ASSERT(call(client, r.env, 0, METHOD_REVERSE, "a", 1, 0, &status, NULL, &len) == 0);
	/* The late answer of the first comes while another is under way, and is nobody's. */
	ASSERT(call(client, r.env, 0, METHOD_WAIT, NULL, 0, 0, &status, NULL, &len) == 0);
	ASSERT(drpc_listen(r.xs[0], r.xs[1], r.path, 0600, &r.registry, &(struct drpc_listener *){NULL}) == -DER_BUSY);
	drpc_listener_stop(r.listener); /* from another stream than the listener's */
	ASSERT(call(client, r.env, 0, METHOD_REVERSE, "a", 1, 0, &status, NULL, &len) == -DER_UNREACH);
	ASSERT(drpc_listen(r.xs[0], r.xs[1], r.path, 0600, &r.registry, &r.listener) == 0);
	ASSERT(call(client, r.env, 0, METHOD_REVERSE, "a", 1, 0, &status, NULL, &len) == 0);
	drpc_client_destroy(client);
}

static void
a_client_survives_its_server_and_finds_the_next(void **state)
{
	real_begin();
	run_on(r.xs[2], nobody_and_again, NULL);
	real_end(false);
}

static int
stranger(void)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);

	snprintf(un.sun_path, sizeof(un.sun_path), "%s", r.path);
	assert_int_equal(connect(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	return fd;
}

static void
a_stranger_on_the_socket_harms_nobody(void **state)
{
	struct drpc_frame frame;
	struct mem_test mem;
	struct arena arena;
	uint8_t buf[4096];
	ssize_t n;
	size_t len;
	void *data;
	int fd;

	real_begin();
	mem_test_init(&mem);
	arena_init(&arena, &mem.mem);
	fd = stranger();
	assert_int_equal(send(fd, "\xff\xff\xff\xff", 4, 0), 4);
	n = recv(fd, buf, sizeof(buf), 0);
	assert_true(n > 0);
	assert_int_equal(drpc__response_decode(buf, (size_t)n, &arena, &frame), 0);
	assert_int_equal(frame.status, DRPC_FAILED_UNMARSHAL_CALL);
	/* More calls than anybody may have: cut off. */
	frame = (struct drpc_frame){.module = 0, .method = METHOD_WAIT, .sequence = 9};
	assert_int_equal(drpc__call_encode(&frame, &arena, &data, &len), 0);
	for (int i = 0; i < 200 && send(fd, data, len, MSG_NOSIGNAL) > 0; i++)
		;
	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0)
		;
	assert_true(n == 0 || errno == ECONNRESET);
	assert_true(r.served.most_running <= 64);
	close(fd);
	/* Half-open and hung up. */
	for (int i = 0; i < 100; i++)
		close(stranger());
	run_on(r.xs[2], one_of_each, NULL);
	arena_fini(&arena);
	real_end(false);
}

/* ---- simulated ones ------------------------------------------------------------------------------------------------------------------ */
static struct {
	struct sim *sim;
	struct xs *xs[2]; /* server, client: two programs on one host */
	struct env_thread *thread[2];
	struct drpc_registry registry;
	struct drpc_listener *listener;
	struct served served;
	struct sim_mem_stats before[2];
	bool up;
} s;

struct sim_job {
	struct xs_msg msg;
	struct xs *xs;
	void (*fn)(void *arg);
	void *arg;
	bool done;
};

static void
sim_job_body(void *arg)
{
	struct sim_job *job = arg;

	job->fn(job->arg);
	job->done = true;
}

static void
sim_job_begin(struct xs_msg *msg)
{
	struct sim_job *job = container_of(msg, struct sim_job, msg);

	while (ult_spawn(job->xs, ULT_METADATA, "job", sim_job_body, job, NULL) != 0)
		; /* memory may be short */
}

static bool
is_set(void *arg)
{
	return *(bool *)arg;
}

static void
sim_run_on(uint32_t i, void (*fn)(void *arg), void *arg)
{
	struct sim_job job = {.msg.run = sim_job_begin, .xs = s.xs[i], .fn = fn, .arg = arg};

	xs_send(s.xs[i], &job.msg);
	assert_int_equal(sim_run(s.sim, 10000 * NS_PER_S, is_set, &job.done), 0);
}

static void
sim_start_listener(void *arg)
{
	assert_int_equal(drpc_listen(s.xs[0], s.xs[0], "/run/test.sock", 0600, &s.registry, &s.listener), 0);
}

static void
sim_stop_listener(void *arg)
{
	drpc_listener_stop(s.listener);
}

static void
sim_start(uint32_t i)
{
	struct env *env = sim_env(s.sim, i);

	sim_mem_stats(s.sim, i, &s.before[i]);
	assert_int_equal(xs_create(&(struct xs_config){.env = env, .name = "test"}, &s.xs[i]), 0);
	assert_int_equal(xs_start(s.xs[i], NULL, &s.thread[i]), 0);
	if (i == 0) {
		s.served.env = env;
		sim_run_on(0, sim_start_listener, NULL);
	}
}

static void
sim_begin(uint64_t seed)
{
	struct sim_options options;

	memset(&s, 0, sizeof(s));
	sim_options_init(&options);
	options.nodes = options.nodes_per_host = 2;
	s.sim = sim_create(seed, &options);
	assert_int_equal(drpc_register(&s.registry, DRPC_MODULE_TEST, serve_test, &s.served), 0);
	sim_start(0);
	sim_start(1);
}

static void
sim_end(void)
{
	struct sim_mem_stats after;

	sim_run_on(0, sim_stop_listener, NULL);
	for (uint32_t i = 0; i < 2; i++) {
		xs_stop(s.xs[i]);
		sim_env(s.sim, i)->ops->host.thread_join(s.thread[i]);
		xs_destroy(s.xs[i]);
		sim_mem_stats(s.sim, i, &after);
		assert_int_equal(after.blocks, s.before[i].blocks);
		assert_int_equal(after.handles, s.before[i].handles);
	}
	sim_destroy(s.sim);
}

static void
reverse_until_answered(void *arg)
{
	struct env *env = sim_env(s.sim, 1);
	struct drpc_client *client;
	enum drpc_status status;
	uint8_t answer[16];
	uint32_t *failed = arg;
	size_t len;
	int rc;

	while (drpc_client_create(s.xs[1], "/run/test.sock", &client) != 0)
		(*failed)++;
	for (int answered = 0; answered < 50;) {
		rc = call(client, env, 0, METHOD_REVERSE, "0123456789", 10, env_mono(env) + 5 * NS_PER_S, &status, answer, &len);
		if (rc == 0 && status == DRPC_SUCCESS) {
			assert_int_equal(len, 10);
			assert_memory_equal(answer, "9876543210", 10);
			answered++;
		} else {
			assert_true(rc == 0 || rc == -DER_UNREACH || rc == -DER_NOMEM || rc == -DER_TIMEDOUT);
			(*failed)++;
			ult_sleep(NS_PER_MS);
		}
	}
	drpc_client_destroy(client);
}

static uint64_t
bad_weather(uint64_t seed, uint32_t *failed)
{
	struct sim_options *options;
	uint64_t hash;

	sim_begin(seed);
	options = sim_options(s.sim);
	options->net_break_ppm = 100000;
	options->mem_fail_ppm = 20000;
	sim_run_on(1, reverse_until_answered, failed);
	hash = sim_trace_hash(s.sim);
	sim_options_heal(options);
	sim_end();
	return hash;
}

static void
every_call_ends_whatever_breaks(void **state)
{
	uint32_t failed = 0;

	for (uint64_t seed = 1; seed <= 40; seed++)
		bad_weather(seed, &failed);
	assert_true(failed > 200);
	for (uint64_t seed = 1; seed <= 3; seed++)
		assert_true(bad_weather(seed, &failed) == bad_weather(seed, &failed));
}

static void
wait_and_die(void *arg)
{
	struct env *env = sim_env(s.sim, 1);
	struct drpc_client *client;
	enum drpc_status status;
	size_t len;

	assert_int_equal(drpc_client_create(s.xs[1], "/run/test.sock", &client), 0);
	assert_int_equal(call(client, env, 0, METHOD_REVERSE, "a", 1, 0, &status, NULL, &len), 0);
	s.up = true;
	assert_int_equal(call(client, env, 0, METHOD_WAIT, NULL, 0, 0, &status, NULL, &len), -DER_UNREACH);
	s.up = false;
	while (call(client, env, 0, METHOD_REVERSE, "a", 1, 0, &status, NULL, &len) != 0)
		ult_sleep(100 * NS_PER_MS);
	drpc_client_destroy(client);
}

static void
the_death_of_the_server_ends_calls_and_its_next_life_is_found(void **state)
{
	struct sim_job job = {.msg.run = sim_job_begin, .fn = wait_and_die};

	sim_begin(9);
	job.xs = s.xs[1];
	xs_send(s.xs[1], &job.msg);
	assert_int_equal(sim_run(s.sim, 10 * NS_PER_S, is_set, &s.up), 0);
	sim_run(s.sim, 10 * NS_PER_MS, NULL, NULL);
	sim_node_crash(s.sim, 0, SIM_KILL);
	sim_run(s.sim, NS_PER_S, NULL, NULL);
	assert_false(s.up);
	sim_node_restart(s.sim, 0);
	sim_start(0);
	assert_int_equal(sim_run(s.sim, 10 * NS_PER_S, is_set, &job.done), 0);
	sim_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_are_protobuf_and_frozen),
		cmocka_unit_test(damaged_packets_are_refused_and_leak_nothing),
		cmocka_unit_test(a_call_reaches_the_handler_of_its_module_with_the_callers_identity),
		cmocka_unit_test(calls_of_one_client_overlap),
		cmocka_unit_test(what_fits_a_packet_goes_through_and_what_does_not_is_said),
		cmocka_unit_test(a_client_survives_its_server_and_finds_the_next),
		cmocka_unit_test(a_stranger_on_the_socket_harms_nobody),
		cmocka_unit_test(every_call_ends_whatever_breaks),
		cmocka_unit_test(the_death_of_the_server_ends_calls_and_its_next_life_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
