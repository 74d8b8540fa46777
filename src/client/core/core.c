/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client's life: what the agent tells it, its rpc node, its ids. Everything runs on the client's stream; yields are
 * marked in the door. A crash leaves nothing.
 *
 *	client I3  Ids handed out by client_new_id are never the same twice: the clock only goes forward, and the uuid is new each start.
 */
#include "internal.h"

#include <stdio.h>

#include "proto/agent.h"
#include "proto/cont.h"
#include "proto/local.h"
#include "proto/mgmt.h"
#include "proto/object.h"
#include "proto/pool.h"

#define AGENT_DIR_DEFAULT "/var/run/daos_agent"
#define AGENT_SOCKET "daos_agent.sock"
#define AGENT_WITHIN_NS (10 * NS_PER_S)
#define ATTACH_AGAIN_NS (50 * NS_PER_MS)
#define PATIENCE_DEFAULT_NS (60 * NS_PER_S)

/* What a client speaks. */
static const struct rpc_proto *const client_protos[] = {&proto_mgmt, &proto_pool, &proto_cont, &proto_object, NULL};

static int
copy_attach(struct client *client, const struct client_attach *from)
{
	struct arena *arena = &client->attach_arena;
	struct rpc_member *members = ARENA_NEW_ARRAY(arena, struct rpc_member, from->member_nr + 1);
	uint32_t *ms = arena_dup(arena, from->ms_ranks, sizeof(uint32_t) * from->ms_rank_nr);

	if (members == NULL || ms == NULL)
		return -DER_NOMEM;
	for (uint32_t i = 0; i < from->member_nr; i++) {
		const struct rpc_member *member = &from->members[i];
		const char **addrs = ARENA_NEW_ARRAY(arena, const char *, member->addr_nr + 1);

		if (addrs == NULL)
			return -DER_NOMEM;
		for (uint32_t a = 0; a < member->addr_nr; a++) {
			addrs[a] = arena_dup(arena, member->addrs[a], strlen(member->addrs[a]) + 1);
			if (addrs[a] == NULL)
				return -DER_NOMEM;
		}
		members[i] = *member;
		members[i].addrs = addrs;
	}
	client->attach = *from;
	client->attach.members = members;
	client->attach.ms_ranks = ms;
	return 0;
}

/* Replaces what is known of the system: the old strings live until nobody can hold them any more (the next refresh). */
static int
set_attach(struct client *client, const struct client_attach *attach)
{
	struct arena old = client->attach_arena;
	struct client_attach before = client->attach;
	int rc;

	arena_init(&client->attach_arena, client->env->mem);
	rc = copy_attach(client, attach);
	if (rc == 0)
		rc = rpc_group_set(client->node, client->attach.version, client->attach.members, client->attach.member_nr);
	if (rc != 0) {
		arena_fini(&client->attach_arena);
		client->attach_arena = old;
		client->attach = before;
		return rc;
	}
	arena_fini(&client->attach_retired);
	client->attach_retired = old;
	return 0;
}

static int
agent_path(struct client *client, char *path, size_t size)
{
	const char *dir = client->config.agent_dir;
	int len;

	if (dir == NULL)
		dir = client->env->ops->host.getenv(client->env, "DAOS_AGENT_DRPC_DIR");
	if (dir == NULL || dir[0] == '\0')
		dir = AGENT_DIR_DEFAULT;
	len = snprintf(path, size, "%s/%s", dir, AGENT_SOCKET);
	return len > 0 && (size_t)len < size ? 0 : -DER_EXCEEDS_PATH_LEN;
}

static int
ask_agent(struct client *client, struct arena *arena, struct agent_attach_out *out)
{
	struct agent_attach_in in = {.system = client->config.system};
	int rc;

	rc = proto_local_call(client->agent, DRPC_MODULE_SECURITY_AGENT, &proto_agent, opc_agent_attach, &in, out,
			      env_mono(client->env) + AGENT_WITHIN_NS, arena);
	if (rc == -DER_UNREACH || rc == -DER_TIMEDOUT) {
		if (!client->agent_missing) /* once, until one answers: calls ask again and again */
			log_error(client->env->log,
				  "no agent answers at %s (%s): is the store running? For a store in DIR, set DAOS_AGENT_DRPC_DIR=DIR/run",
				  client->agent_path, d_errstr(rc));
		client->agent_missing = true;
		return -DER_AGENT_COMM;
	}
	client->agent_missing = false;
	if (rc == -DER_MISMATCH)
		log_error(client->env->log, "the agent at %s serves another system than '%s'", client->agent_path, client->config.system);
	else if (rc != 0 && rc != -DER_AGAIN)
		log_error(client->env->log, "the agent at %s refused: " RCF, client->agent_path, RCP(rc));
	return rc;
}

int
client_refresh(struct client *client)
{
	struct agent_attach_out out = {0};
	struct client_attach attach = {0};
	struct rpc_member *members;
	struct arena arena;
	int rc;

	if (client->agent == NULL)
		return 0;
	arena_init(&arena, client->env->mem);
	rc = ask_agent(client, &arena, &out);
	if (rc != 0)
		goto out;
	members = ARENA_NEW_ARRAY(&arena, struct rpc_member, out.ranks_nr + 1);
	if (members == NULL || out.system == NULL || strlen(out.system) > DAOS_SYS_NAME_MAX) {
		rc = members == NULL ? -DER_NOMEM : -DER_PROTO;
		goto out;
	}
	for (uint32_t i = 0; i < out.ranks_nr; i++)
		members[i] = (struct rpc_member){.rank = out.ranks[i].rank,
						 .incarnation = out.ranks[i].incarnation,
						 .addr_nr = out.ranks[i].addrs_nr,
						 .addrs = out.ranks[i].addrs};
	strcpy(attach.system, out.system);
	attach.version = out.group_version;
	attach.members = members;
	attach.member_nr = out.ranks_nr;
	attach.ms_ranks = out.ms_ranks;
	attach.ms_rank_nr = out.ms_ranks_nr;
	rc = set_attach(client, &attach);
out:
	arena_fini(&arena);
	return rc;
}

/* Engines may be on their way: patience as for calls, then why it was given up. */
static int
attach_patiently(struct client *client)
{
	uint64_t within = client->config.attach_within_ns != 0 ? client->config.attach_within_ns : client->patience_ns;
	uint64_t until = env_mono(client->env) + within;
	int rc;

	for (;;) {
		rc = client_refresh(client);
		if (rc != -DER_AGAIN)
			return rc;
		if (env_mono(client->env) >= until)
			break;
		ult_sleep(ATTACH_AGAIN_NS);
	}
	log_error(client->env->log, "no engine of the store at %s serves; waited %llu s: dmg system query shows why, dmg system start starts them",
		  client->agent_path, (unsigned long long)(within / NS_PER_S));
	return -DER_TIMEDOUT;
}

static int
connect_system(struct client *client)
{
	int rc;

	if (client->config.attach != NULL)
		return set_attach(client, client->config.attach);
	rc = agent_path(client, client->agent_path, sizeof(client->agent_path));
	if (rc != 0)
		return rc;
	rc = drpc_client_create(client->xs, client->agent_path, &client->agent);
	return rc != 0 ? rc : attach_patiently(client);
}

static void
make_uuid(struct env *env, uuid_t uuid)
{
	uint64_t words[2] = {env_rand(env), env_rand(env)};

	memcpy(uuid, words, sizeof(words));
	uuid[6] = (uuid[6] & 0x0f) | 0x40;
	uuid[8] = (uuid[8] & 0x3f) | 0x80;
}

int
client_create(const struct client_config *config, struct client **result)
{
	struct client *client = MEM_NEW(config->env->mem, struct client);
	struct rpc_node_config node = {.env = config->env, .rank = RPC_NO_RANK, .follows = true, .protos = client_protos};
	int rc;

	if (client == NULL)
		return -DER_NOMEM;
	client->config = *config;
	client->env = config->env;
	client->xs = config->xs;
	client->end_ns = ENV_FOREVER;
	client->patience_ns = config->patience_ns != 0 ? config->patience_ns : PATIENCE_DEFAULT_NS;
	arena_init(&client->attach_arena, config->env->mem);
	arena_init(&client->attach_retired, config->env->mem);
	hlc_clock_init(&client->clock, 0, HLC_NO_CEILING);
	make_uuid(config->env, client->id);
	memcpy(node.id, client->id, sizeof(node.id));
	node.hlc = &client->clock;
	rc = rpc_node_create(&node, &client->node);
	if (rc == 0)
		rc = rpc_ctx_create(client->node, client->xs, 0, &client->rpc);
	if (rc == 0)
		rc = connect_system(client);
	if (rc != 0) {
		client_destroy(client);
		return rc;
	}
	*result = client;
	return 0;
}

void
client_destroy(struct client *client)
{
	if (client->rpc != NULL)
		rpc_ctx_destroy(client->rpc);
	if (client->node != NULL)
		rpc_node_destroy(client->node);
	if (client->agent != NULL)
		drpc_client_destroy(client->agent);
	mem_free(client->env->mem, client->cred);
	arena_fini(&client->attach_arena);
	arena_fini(&client->attach_retired);
	mem_free(client->env->mem, client);
}

int
client_credential(struct client *client, const void **cred, size_t *len)
{
	struct agent_credential_in in = {};
	struct agent_credential_out out = {0};
	struct arena arena;
	uint64_t until;
	void *copy;
	int rc;

	if (client->agent == NULL) {
		*cred = client->attach.cred;
		*len = client->attach.cred_len;
		return client->attach.cred != NULL ? 0 : -DER_NO_PERM;
	}
	if (client->cred != NULL && env_wall(client->env) / NS_PER_S + 60 < client->cred_expires_s) {
		*cred = client->cred;
		*len = client->cred_len;
		return 0;
	}
	arena_init(&arena, client->env->mem);
	until = env_mono(client->env) + client->patience_ns;
	for (;;) {
		rc = proto_local_call(client->agent, DRPC_MODULE_SECURITY_AGENT, &proto_agent, opc_agent_credential, &in, &out,
				      env_mono(client->env) + AGENT_WITHIN_NS, &arena);
		/* It was there when we attached: it is being started again. */
		if ((rc != -DER_UNREACH && rc != -DER_TIMEDOUT) || env_mono(client->env) >= until)
			break;
		ult_sleep(ATTACH_AGAIN_NS);
	}
	if (rc != 0) {
		log_error(client->env->log, "the agent at %s gave no credential: " RCF, client->agent_path, RCP(rc));
		rc = rc == -DER_UNREACH || rc == -DER_TIMEDOUT ? -DER_AGENT_COMM : rc;
		goto out;
	}
	copy = mem_alloc(client->env->mem, out.cred.len + 1);
	if (copy == NULL) {
		rc = -DER_NOMEM;
		goto out;
	}
	memcpy(copy, out.cred.data, out.cred.len);
	mem_free(client->env->mem, client->cred);
	client->cred = copy;
	client->cred_len = out.cred.len;
	client->cred_expires_s = out.expires_s;
	*cred = client->cred;
	*len = client->cred_len;
out:
	arena_fini(&arena);
	return rc;
}

uint64_t
client_hlc(struct client *client)
{
	uint64_t stamp = 0;

	if (hlc_clock_now(&client->clock, hlc_clock_wall(&client->clock, env_wall(client->env), env_mono(client->env)), &stamp) != 0)
		stamp = hlc_clock_last(&client->clock);
	return stamp;
}

void
client_new_id(struct client *client, uuid_t uuid, uint64_t *hlc)
{
	memcpy(uuid, client->id, sizeof(uuid_t));
	*hlc = client_hlc(client);
}

void
client_end_by(struct client *client, uint64_t mono_ns)
{
	client->end_ns = mono_ns;
}

struct env *
client_env(const struct client *client)
{
	return client->env;
}

struct xs *
client_xs(const struct client *client)
{
	return client->xs;
}

struct mem *
client_mem(const struct client *client)
{
	return client->env->mem;
}

struct rpc_ctx *
client_rpc(const struct client *client)
{
	return client->rpc;
}

const char *
client_system(const struct client *client)
{
	return client->attach.system;
}

const struct client_attach *
client_attach_info(const struct client *client)
{
	return &client->attach;
}

void
client_stats(const struct client *client, struct client_stats *stats)
{
	*stats = client->stats;
}
