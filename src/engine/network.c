/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A network context on stream 0 and on every target (walk-through 1.11, 3.3): tag 0 and tag 1 + target. Each listens at a UNIX socket for
 * this machine and at TCP on the loopback; the first port that is free from the configured one on is taken.
 */
#include "internal.h"

#include <stdio.h>
#include "proto/registry.h"

#define PORT_FIRST 31416U
#define PORTS_TRIED 512U

struct starting {
	struct engine *engine;
	struct engine_stream *stream;
	const char *addr;  /* given, or NULL */
	uint32_t port;     /* next to try */
	int rc;
};

static int
listen_given(struct starting *starting)
{
	const char *bound = NULL;
	int rc = rpc_listen(starting->stream->rpc, starting->addr, &bound);

	if (rc != 0)
		return rc;
	starting->engine->addrs[starting->stream->tag] = mem_strdup(starting->engine->mem, bound);
	return starting->engine->addrs[starting->stream->tag] != NULL ? 0 : -DER_NOMEM;
}

static int
listen_local(struct starting *starting)
{
	struct engine *engine = starting->engine;
	const char *bound = NULL;
	char tcp[64], path[256], both[512];
	int rc = -DER_BUSY;

	for (uint32_t i = 0; rc == -DER_BUSY && i < PORTS_TRIED; i++) {
		snprintf(tcp, sizeof(tcp), "tcp://127.0.0.1:%u", starting->port++);
		rc = rpc_listen(starting->stream->rpc, tcp, &bound);
	}
	if (rc != 0)
		return rc;
	snprintf(tcp, sizeof(tcp), "%s", bound);
	both[0] = '\0';
	if (engine->config.socket_dir != NULL) {
		snprintf(path, sizeof(path), "unix://%s/e%u.%u", engine->config.socket_dir, engine->config.instance, starting->stream->tag);
		rc = rpc_listen(starting->stream->rpc, path, NULL);
		/* Whoever may enter the directory may connect: rights come with credentials, as over TCP. */
		if (rc == 0)
			rc = engine->env->ops->file.chmod(engine->env, path + strlen("unix://"), 0666);
		if (rc == 0)
			snprintf(both, sizeof(both), "%s %s", path, tcp);
		else
			log_warn(engine->env->log, "no UNIX socket at %s (" RCF "): local clients use TCP", path + strlen("unix://"), RCP(rc));
	}
	engine->addrs[starting->stream->tag] = mem_strdup(engine->mem, both[0] != '\0' ? both : tcp);
	return engine->addrs[starting->stream->tag] != NULL ? 0 : -DER_NOMEM;
}

static int
start_there(void *arg)
{
	struct starting *starting = arg;
	struct engine_stream *stream = starting->stream;
	int rc;

	rc = rpc_ctx_create(starting->engine->node, stream->xs, stream->tag, &stream->rpc);
	if (rc != 0)
		return rc;
	rpc_hold(stream->rpc, true); /* engine I1 */
	return starting->addr != NULL ? listen_given(starting) : listen_local(starting);
}

static void
hlc_error(void *arg, uint32_t rank, uint64_t remote, uint64_t local)
{
	struct engine *engine = arg;

	log_error(engine->env->log, "the clock of rank %u is %lu ms ahead of ours: its message was refused; synchronise the clocks of these machines",
		  rank, (unsigned long)(hlc_distance(remote, local) / NS_PER_MS));
}

static bool
talks(const struct engine *engine, uint32_t i)
{
	return i == 0 || (i >= engine->target_at && i < engine->helper_at);
}

int
engine__network_start(struct engine *engine)
{
	struct rpc_node_config node = {.env = engine->env,
				       .rank = engine->config.rank,
				       .hlc = &engine->clock,
				       .protos = proto_all,
				       .hlc_error = hlc_error,
				       .arg = engine};
	struct starting starting = {.engine = engine};
	uint64_t words[2] = {env_rand(engine->env), env_rand(engine->env)};
	int rc;

	memcpy(node.id, words, sizeof(node.id));
	rc = rpc_node_create(&node, &engine->node);
	starting.port = engine->config.port != 0 ? engine->config.port : PORT_FIRST + 1000 * engine->config.instance;
	engine->addr_nr = 1 + engine->config.targets;
	for (uint32_t i = 0; rc == 0 && i < engine->stream_nr; i++) {
		if (!talks(engine, i))
			continue;
		starting.stream = &engine->streams[i];
		starting.addr = starting.stream->tag < engine->config.listen_nr ? engine->config.listen[starting.stream->tag] : NULL;
		rc = xs_call(starting.stream->xs, ULT_SYSTEM, start_there, &starting);
	}
	return rc;
}

static int
open_there(void *arg)
{
	struct engine_stream *stream = arg;

	rpc_hold(stream->rpc, false);
	return 0;
}

int
engine__network_open(struct engine *engine)
{
	int rc = 0;

	for (uint32_t i = engine->stream_nr; rc == 0 && i > 0; i--)
		if (talks(engine, i - 1))
			rc = xs_call(engine->streams[i - 1].xs, ULT_SYSTEM, open_there, &engine->streams[i - 1]);
	return rc;
}

static int
stop_there(void *arg)
{
	struct engine_stream *stream = arg;

	rpc_ctx_destroy(stream->rpc);
	stream->rpc = NULL;
	return 0;
}

void
engine__network_stop(struct engine *engine)
{
	if (engine->node != NULL)
		rpc_node_stop(engine->node);
	for (uint32_t i = 0; i < engine->stream_nr; i++)
		if (engine->streams[i].rpc != NULL)
			while (xs_call(engine->streams[i].xs, ULT_SYSTEM, stop_there, &engine->streams[i]) != 0)
				ult_sleep(NS_PER_MS); /* only memory can be missing */
	for (uint32_t i = 0; i <= engine->config.targets; i++)
		mem_free(engine->mem, engine->addrs[i]);
}

int
engine__group_set(void *arg, uint32_t version, const struct rpc_member *members, uint32_t nr)
{
	struct engine *engine = arg;

	return rpc_group_set(engine->node, version, members, nr);
}
