/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For the tests of control and agent: an engine that only talks (the test program, started again by the server with FAKE_ENGINE in its
 * environment), and a world to run a server in.
 *
 * FAKE_ENGINE: good    says ready and open, serves until ctl_stop
 *              dies    ends with status 3 at once
 *              refuses says ready, then that its start failed, and ends
 *              deaf    good, but ctl_stop and SIGTERM do nothing
 */
#ifndef CONTROL_TEST_FAKE_ENGINE_H
#define CONTROL_TEST_FAKE_ENGINE_H

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "control/control.h"
#include "env_real/env_real.h"
#include "proto/local.h"

/* ---- the engine -------------------------------------------------------------------------------------------------------------- */
struct fake {
	struct env *env;
	struct xs *xs;
	const char *how, *socket_dir;
	uint32_t instance, port, rank;
	bool stop;
	struct ult_cond changed;
};

static int
fake_stop(void *owner, const struct env_cred *cred, struct arena *arena, const void *in, void *out)
{
	struct fake *fake = owner;

	if (strcmp(fake->how, "deaf") == 0)
		return 0;
	fake->stop = true;
	ult_cond_broadcast(&fake->changed);
	return 0;
}

/* One "pool", whose label says who asked. */
static int
fake_list(void *owner, const struct env_cred *cred, struct arena *arena, const void *body, void *answer)
{
	const struct ctl_pool_list_in *in = body;
	struct ctl_pool_list_out *out = answer;
	char text[256];

	snprintf(text, sizeof(text), "%u %u %s %s %s", in->who.uid, in->who.gid, in->who.user, in->who.group, in->who.admin ? "admin" : "user");
	out->pools = ARENA_NEW_ARRAY(arena, struct ctl_pool_info, 1);
	out->pools_nr = 1;
	out->pools[0].label = arena_dup(arena, text, strlen(text) + 1);
	return 0;
}

static void
fake_say(struct fake *fake)
{
	char path[256], mine[256], addr[64];
	const char *addrs[] = {addr};
	struct srv_ready_in ready = {.instance = fake->instance, .pid = getpid(), .incarnation = env_wall(fake->env), .socket = mine,
				     .targets = 2, .addrs = addrs, .addrs_nr = 1};
	struct srv_ready_out answer = {0};
	struct srv_open_in opening = {.instance = fake->instance};
	struct srv_open_out opened;
	struct drpc_client *server;
	struct arena arena;
	int rc;

	snprintf(path, sizeof(path), "%s/" CONTROL_SERVER_SOCKET, fake->socket_dir);
	snprintf(mine, sizeof(mine), "%s/daos_engine_%d.sock", fake->socket_dir, getpid());
	snprintf(addr, sizeof(addr), "tcp://127.0.0.1:%u", fake->port);
	arena_init(&arena, fake->env->mem);
	if (drpc_client_create(fake->xs, path, &server) != 0)
		_exit(4);
	rc = proto_local_call(server, DRPC_MODULE_SRV, &proto_srv, opc_srv_ready, &ready, &answer, env_mono(fake->env) + 10 * NS_PER_S, &arena);
	if (rc != 0)
		_exit(5);
	fake->rank = answer.rank;
	if (strcmp(fake->how, "refuses") == 0) {
		opening.status = -DER_NOSPACE;
		opening.message = "the disk is full";
	}
	rc = proto_local_call(server, DRPC_MODULE_SRV, &proto_srv, opc_srv_open, &opening, &opened, env_mono(fake->env) + 10 * NS_PER_S, &arena);
	if (rc != 0 || opening.status != 0)
		_exit(6);
	drpc_client_destroy(server);
	arena_fini(&arena);
}

static void
fake_main_ult(void *arg)
{
	static const proto_local_handler rows[control_op_nr] = {[op_ctl_stop] = fake_stop, [op_ctl_pool_list] = fake_list};
	struct fake *fake = arg;
	struct proto_local local = {.proto = &proto_control, .handlers = rows, .owner = fake};
	struct drpc_registry registry = {0};
	struct drpc_listener *listener;
	char path[256];

	snprintf(path, sizeof(path), "%s/daos_engine_%d.sock", fake->socket_dir, getpid());
	drpc_register(&registry, DRPC_MODULE_MGMT, proto_local_serve, &local);
	if (drpc_listen(fake->xs, fake->xs, path, 0600, &registry, &listener) != 0)
		_exit(7);
	fake_say(fake);
	while (!fake->stop)
		ult_cond_wait(&fake->changed, NULL);
	drpc_listener_stop(listener);
	xs_stop(fake->xs);
}

static int
fake_engine_main(int argc, char **argv)
{
	struct fake fake = {.how = getenv("FAKE_ENGINE")};
	struct xs_config stream = {.name = "fake"};
	int opt;

	while ((opt = getopt(argc, argv, "t:x:g:d:T:n:p:I:r:H:s:f:m:c:P:")) != -1) {
		if (opt == 'd')
			fake.socket_dir = optarg;
		else if (opt == 'I')
			fake.instance = (uint32_t)atoi(optarg);
		else if (opt == 'P')
			fake.port = (uint32_t)atoi(optarg);
		else if (opt == '?')
			return 9;
	}
	if (strcmp(fake.how, "dies") == 0)
		return 3;
	if (strcmp(fake.how, "deaf") == 0)
		signal(SIGTERM, SIG_IGN);
	if (env_real_create(NULL, &fake.env) != 0)
		return 8;
	stream.env = fake.env;
	ult_cond_init(&fake.changed);
	if (xs_create(&stream, &fake.xs) != 0 || ult_spawn(fake.xs, ULT_SYSTEM, "fake", fake_main_ult, &fake, NULL) != 0)
		return 8;
	xs_run(fake.xs);
	xs_destroy(fake.xs);
	env_real_destroy(fake.env);
	return 0;
}

/* ---- the world of a test ----------------------------------------------------------------------------------------------------------- */
struct scene {
	struct env *env;
	struct xs *xs;
	char dir[64];
	struct arena arena;
	struct control_config *config;
	struct control *control;
	struct strbuf error;
	void (*play)(struct scene *scene);
	bool done;
};

/* A configuration below a new directory with one engine that behaves as told. */
static struct control_config *
scene_config(struct scene *scene, const char *dir, const char *how)
{
	const char **vars = ARENA_NEW_ARRAY(&scene->arena, const char *, 2);
	struct control_config *config;
	char text[64];

	assert_int_equal(0, control_config_default(dir, &scene->arena, &config));
	snprintf(text, sizeof(text), "FAKE_ENGINE=%s", how);
	vars[0] = arena_dup(&scene->arena, text, strlen(text) + 1);
	config->engines[0].env = vars;
	config->engines[0].env_nr = 1;
	config->engine_path = "/proc/self/exe";
	config->environ = (const char *const *)environ;
	config->uid = geteuid();
	config->pace = (struct control_pace){.backoff_first_ns = 5 * NS_PER_MS,
					     .backoff_most_ns = 20 * NS_PER_MS,
					     .calm_ns = 60 * NS_PER_S,
					     .deaths_most = 4,
					     .served_ns = 20 * NS_PER_MS,
					     .kills_most = 8,
					     .stop_within_ns = 300 * NS_PER_MS,
					     .forward_within_ns = 10 * NS_PER_S,
					     .attach_within_ns = 5 * NS_PER_S};
	return config;
}

static void
scene_play(void *arg)
{
	struct scene *scene = arg;

	scene->play(scene);
	scene->done = true;
}

static void
remove_tree(const char *dir)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", dir);
	assert_int_equal(0, system(command));
}

/* Plays in a ULT of a stream as the server's. */
static void
scene_run(const char *how, void (*play)(struct scene *scene))
{
	struct env_real_options options = {.log = {.mask = getenv("SCENE_LOG") != NULL ? getenv("SCENE_LOG") : "EMIT"}};
	struct xs_config stream = {.name = "server", .stack_size = CONTROL_STACK_SIZE};
	struct scene scene = {.play = play};

	snprintf(scene.dir, sizeof(scene.dir), "/tmp/control-test-XXXXXX");
	assert_non_null(mkdtemp(scene.dir));
	assert_int_equal(0, env_real_create(&options, &scene.env));
	stream.env = scene.env;
	assert_int_equal(0, xs_create(&stream, &scene.xs));
	arena_init(&scene.arena, scene.env->mem);
	strbuf_init(&scene.error, scene.env->mem);
	scene.config = scene_config(&scene, scene.dir, how);
	assert_int_equal(0, ult_spawn(scene.xs, ULT_SYSTEM, "scene", scene_play, &scene, NULL));
	assert_int_equal(0, xs_run_until(scene.xs, &scene.done, env_mono(scene.env) + 60 * NS_PER_S));
	/* Connections that were closed have something left to do. */
	for (int i = 0; i < 1000 && xs_ults(scene.xs) > 0; i++)
		xs_poll(scene.xs);
	strbuf_fini(&scene.error);
	arena_fini(&scene.arena);
	xs_destroy(scene.xs);
	env_real_destroy(scene.env);
	remove_tree(scene.dir);
}

static void
scene_start(struct scene *scene)
{
	int rc = control_start(scene->env, scene->xs, scene->config, &scene->error, &scene->control);

	if (rc != 0)
		fail_msg("start: %s", strbuf_text(&scene->error));
}

static int
scene_wait_open(struct scene *scene)
{
	return control_wait_open(scene->control, env_mono(scene->env) + 20 * NS_PER_S, &scene->error);
}

/* Calls a row at one of the sockets below the server's directory. */
static int
scene_call(struct scene *scene, const char *socket, uint32_t module, const struct rpc_proto *proto, rpc_opc opc, const void *in, void *out)
{
	struct drpc_client *client;
	char path[128];
	int rc;

	snprintf(path, sizeof(path), "%s/run/%s", scene->dir, socket);
	assert_int_equal(0, drpc_client_create(scene->xs, path, &client));
	rc = proto_local_call(client, module, proto, opc, in, out, env_mono(scene->env) + 30 * NS_PER_S, &scene->arena);
	drpc_client_destroy(client);
	return rc;
}

#endif
