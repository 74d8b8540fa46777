/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent: see the door. Nothing is kept between calls; a crash in the middle leaves the socket's name, which the next start takes over.
 *
 *	agent I1  A credential names whom the kernel says is at the other end of the socket, and nobody else.
 *	agent I2  The answer to an attach names only ranks that were open for clients when it was made.
 *
 * Handlers run in ULTs of control's stream; attach yields while engines start, credential does not (but the user database may block).
 */
#include "agent.h"

#include <stdio.h>
#include "proto/local.h"

struct agent {
	struct env *env;
	struct control *control;
	struct drpc_registry registry;
	struct proto_local rows;
	struct drpc_listener *listener;
	char host[256];
};

static int
attach(void *owner, const struct env_cred *cred, struct arena *arena, const void *body, void *answer)
{
	const struct agent_attach_in *in = body;
	struct agent_attach_out *out = answer;
	struct agent *agent = owner;
	const struct control_config *config = control_configuration(agent->control);
	int rc;

	if (in->system != NULL && in->system[0] != '\0' && strcmp(in->system, config->system) != 0)
		return -DER_MISMATCH;
	rc = control_members(agent->control, arena, &out->ranks, &out->ranks_nr, &out->group_version);
	if (rc != 0)
		return rc;
	out->system = config->system;
	out->provider = "tcp";
	out->ms_ranks = ARENA_NEW_ARRAY(arena, uint32_t, out->ranks_nr);
	if (out->ms_ranks == NULL)
		return -DER_NOMEM;
	for (uint32_t i = 0; i < out->ranks_nr; i++)
		out->ms_ranks[out->ms_ranks_nr++] = out->ranks[i].rank;
	out->env = (const char **)config->client_env;
	out->env_nr = config->client_env_nr;
	return 0;
}

static int
credential(void *owner, const struct env_cred *cred, struct arena *arena, const void *body, void *answer)
{
	struct agent_credential_out *out = answer;
	struct agent *agent = owner;
	struct control_identity names;
	struct security_identity who;
	void *token;
	size_t len;
	int rc;

	if (!cred->known)
		return -DER_NO_PERM;
	rc = control_configuration(agent->control)->identify(arena, cred->uid, cred->gid, &names);
	if (rc != 0)
		return rc;
	who = (struct security_identity){
		.uid = cred->uid,
		.gid = cred->gid,
		.user = names.user,
		.group = names.group,
		.groups = names.groups,
		.group_nr = names.group_nr,
		.machine = agent->host,
		.issued_s = env_wall(agent->env) / NS_PER_S,
	};
	who.expires_s = who.issued_s + AGENT_CREDENTIAL_S;
	rc = agent->env->ops->rand_secure(agent->env, who.nonce, sizeof(who.nonce));
	if (rc == 0)
		rc = security_cred_sign(&who, control_secret_key(agent->control), arena, &token, &len);
	if (rc != 0) {
		log_error(agent->env->log, "no credential for user %u: " RCF, cred->uid, RCP(rc));
		return rc;
	}
	out->cred.data = token;
	out->cred.len = (uint32_t)len;
	out->expires_s = who.expires_s;
	return 0;
}

static int
serve(struct agent *agent, struct xs *xs)
{
	static const proto_local_handler rows[agent_op_nr] = {
		[op_agent_attach] = attach,
		[op_agent_credential] = credential,
	};
	const struct control_config *config = control_configuration(agent->control);
	char path[4096];
	int len, rc;

	agent->rows = (struct proto_local){.proto = &proto_agent, .handlers = rows, .owner = agent};
	rc = drpc_register(&agent->registry, DRPC_MODULE_SECURITY_AGENT, proto_local_serve, &agent->rows);
	if (rc == 0)
		rc = control_register(agent->control, &agent->registry);
	len = snprintf(path, sizeof(path), "%s/" CONTROL_AGENT_SOCKET, config->agent_dir);
	if (rc == 0 && (len < 0 || (size_t)len >= sizeof(path)))
		rc = -DER_EXCEEDS_PATH_LEN;
	if (rc == 0)
		rc = drpc_listen(xs, xs, path, config->uid == 0 ? 0666 : 0600, &agent->registry, &agent->listener);
	if (rc != 0)
		log_error(agent->env->log, "%s cannot be listened at: " RCF, path, RCP(rc));
	return rc;
}

int
agent_start(struct env *env, struct xs *xs, struct control *control, struct agent **result)
{
	struct agent *agent = MEM_NEW(env->mem, struct agent);
	int rc;

	if (agent == NULL)
		return -DER_NOMEM;
	agent->env = env;
	agent->control = control;
	if (env->ops->host.hostname(env, agent->host, sizeof(agent->host)) != 0)
		snprintf(agent->host, sizeof(agent->host), "localhost");
	rc = serve(agent, xs);
	if (rc != 0) {
		mem_free(env->mem, agent);
		return rc;
	}
	*result = agent;
	return 0;
}

void
agent_stop(struct agent *agent)
{
	drpc_listener_stop(agent->listener);
	mem_free(agent->env->mem, agent);
}
