/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Engine and server: we call it ("I am ready", "open"), it calls us (proto/control). Our socket: <socket_dir>/daos_engine_<pid>.sock, listened
 * to on stream 1, served on stream 0 (walk-through 4). Without a server (simulator, embedded) the configuration says what it would.
 */
#include "internal.h"

#include <stdio.h>
#include "proto/agent.h"
#include "proto/control.h"
#include "proto/local.h"

#define WITHIN_NS (60 * NS_PER_S)

static int
listen_there(void *arg)
{
	struct engine *engine = arg;

	return drpc_listen(engine->streams[1].xs, engine->streams[0].xs, engine->drpc_path, 0600, &engine->registry, &engine->listener);
}

static void
fill_device(struct engine *engine, const struct bio_dev_info *info, struct ctl_device *device)
{
	const struct bio_health *health = &info->health;

	*device = (struct ctl_device){
		.class = "file", .rank = engine->config.rank, .state = info->state, .total = info->total, .free = info->free, .health = true,
		.reads = health->reads, .writes = health->writes, .flushes = health->flushes, .bytes_read = health->bytes_read,
		.bytes_written = health->bytes_written, .read_errors = health->read_errors, .write_errors = health->write_errors,
		.flush_errors = health->flush_errors, .csum_errors = health->csum_errors, .slowest_ns = health->slowest_ns,
	};
	memcpy(device->uuid, info->uuid, sizeof(uuid_t));
}

/* What bio says of its devices, and the system database of their targets. */
int
engine__devices(void *arg, struct arena *arena, struct ctl_device **devices, uint32_t *nr)
{
	struct engine *engine = arg;
	uint32_t known = engine->bio != NULL ? (uint32_t)bio_dev_count(engine->bio) : 0;

	*nr = 0;
	*devices = ARENA_NEW_ARRAY(arena, struct ctl_device, known + 1);
	if (*devices == NULL)
		return -DER_NOMEM;
	for (uint32_t i = 0; i < known; i++) {
		struct ctl_device *device = &(*devices)[*nr];
		struct bio_dev_info info;
		struct smd_dev smd;

		if (bio_dev_info(engine->bio, (int)i, &info) != 0)
			continue;
		fill_device(engine, &info, device);
		device->path = arena_dup(arena, info.path, strlen(info.path) + 1);
		if (smd_dev_get(engine->sysdb, info.uuid, &smd) == 0) {
			device->roles = smd.roles;
			device->targets = arena_dup(arena, smd.tgts, (smd.tgt_nr + 1) * sizeof(uint32_t));
			device->targets_nr = device->targets != NULL ? smd.tgt_nr : 0;
		}
		if (device->path == NULL)
			return -DER_NOMEM;
		(*nr)++;
	}
	return 0;
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
