/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Engine and server: we call it ("I am ready", "open"), it calls us (proto/control). Our socket: <socket_dir>/daos_engine_<pid>.sock, listened
 * to on stream 1, served on stream 0 (walk-through 4). Without a server (simulator, embedded) the configuration says what it would.
 */
#include "internal.h"

#include <stdio.h>
#include "proto/agent.h"
#include "proto/local.h"

#define WITHIN_NS (60 * NS_PER_S)

static int
listen_there(void *arg)
{
	struct engine *engine = arg;

	return drpc_listen(engine->streams[1].xs, engine->streams[0].xs, engine->drpc_path, 0600, &engine->registry, &engine->listener);
}

/* Before anything else: a start that fails shall be told why. */
int
engine__drpc_connect(struct engine *engine)
{
	char path[256];

	if (engine->config.socket_dir == NULL)
		return 0;
	snprintf(path, sizeof(path), "%s/daos_server.sock", engine->config.socket_dir);
	return drpc_client_create(engine->streams[0].xs, path, &engine->server);
}

int
engine__drpc_start(struct engine *engine)
{
	if (engine->config.socket_dir == NULL)
		return 0;
	snprintf(engine->drpc_path, sizeof(engine->drpc_path), "%s/daos_engine_%d.sock", engine->config.socket_dir,
		 engine->env->ops->host.getpid(engine->env));
	return xs_call(engine->streams[1].xs, ULT_SYSTEM, listen_there, engine);
}

static int
unlisten_there(void *arg)
{
	struct engine *engine = arg;

	drpc_listener_stop(engine->listener);
	engine->listener = NULL;
	return 0;
}

void
engine__drpc_stop(struct engine *engine)
{
	if (engine->listener != NULL)
		while (xs_call(engine->streams[1].xs, ULT_SYSTEM, unlisten_there, engine) != 0)
			ult_sleep(NS_PER_MS);
	if (engine->server != NULL)
		drpc_client_destroy(engine->server);
	engine->server = NULL;
}

/* The group of an engine without a server: itself. */
static int
group_of_one(struct engine *engine)
{
	struct rpc_member self = {.rank = engine->config.rank, .incarnation = engine->incarnation, .addr_nr = engine->addr_nr,
				  .addrs = (const char *const *)engine->addrs};

	return rpc_group_set(engine->node, 1, &self, 1);
}

int
engine__tell_ready(struct engine *engine)
{
	struct srv_ready_in in = {.instance = engine->config.instance, .pid = engine->env->ops->host.getpid(engine->env),
				  .incarnation = engine->incarnation, .socket = engine->drpc_path, .targets = engine->config.targets,
				  .ram = engine->config.ram, .addrs = (const char **)engine->addrs, .addrs_nr = engine->addr_nr};
	struct srv_ready_out out = {0};
	struct rpc_member *members;
	struct arena arena;
	int rc;

	if (engine->config.socket_dir == NULL)
		return group_of_one(engine);
	arena_init(&arena, engine->mem);
	rc = proto_local_call(engine->server, DRPC_MODULE_SRV, &proto_srv, opc_srv_ready, &in, &out, env_mono(engine->env) + WITHIN_NS, &arena);
	members = rc == 0 ? ARENA_NEW_ARRAY(&arena, struct rpc_member, out.ranks_nr + 1) : NULL;
	if (rc != 0) {
		log_error(engine->env->log, "the server does not answer in %s: " RCF, engine->config.socket_dir, RCP(rc));
	} else if (members == NULL) {
		rc = -DER_NOMEM;
	} else {
		for (uint32_t i = 0; i < out.ranks_nr; i++)
			members[i] = (struct rpc_member){.rank = out.ranks[i].rank, .incarnation = out.ranks[i].incarnation,
							 .addr_nr = out.ranks[i].addrs_nr, .addrs = out.ranks[i].addrs};
		engine->config.rank = out.rank;
		rpc_node_set_rank(engine->node, out.rank);
		rc = rpc_group_set(engine->node, out.group_version, members, out.ranks_nr);
	}
	arena_fini(&arena);
	return rc;
}

void
engine__tell_open(struct engine *engine, int status)
{
	struct srv_open_in in = {.instance = engine->config.instance, .status = status, .message = status != 0 ? d_errdesc(status) : NULL};
	struct srv_open_out out;
	struct arena arena;
	char why[256] = "";
	int rc;

	if (engine->server == NULL)
		return;
	if (status != 0 && engine->config.why != NULL)
		engine->config.why(engine->config.arg, why, sizeof(why));
	if (why[0] != '\0')
		in.message = why;
	arena_init(&arena, engine->mem);
	rc = proto_local_call(engine->server, DRPC_MODULE_SRV, &proto_srv, opc_srv_open, &in, &out, env_mono(engine->env) + WITHIN_NS, &arena);
	if (rc != 0)
		log_warn(engine->env->log, "the server was not told that the engine %s: " RCF, status == 0 ? "is open" : "failed", RCP(rc));
	arena_fini(&arena);
}
