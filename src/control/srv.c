/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What engines say to the server (proto/agent, module DRPC_MODULE_SRV), and whether a credential is sound (DRPC_MODULE_SECURITY).
 *
 *	srv I1  Only the process that the server started for an instance speaks for it: the kernel says who is at the other end.
 *	srv I2  The group's version grows with every change of its members or their addresses, also over restarts of the server.
 *
 * A handler may yield; the engine may have died meanwhile, so its process is looked at again after each.
 */
#include "internal.h"

#include "base/codec.h"

#define METHOD_VALIDATE 1

static struct engine *
engine_of(struct control *control, const struct env_cred *cred, uint32_t instance)
{
	struct engine *engine;

	if (instance >= control->engine_nr)
		return NULL;
	engine = &control->engines[instance];
	/* srv I1 */
	return engine->pid != 0 && cred->known && cred->pid == engine->pid ? engine : NULL;
}

static int
unknown_caller(struct control *control, const struct env_cred *cred, uint32_t instance)
{
	log_warn(control->env->log, "process %d of user %u speaks for engine %u, but is not it", cred->pid, cred->uid, instance);
	return -DER_NO_PERM;
}

int
control__group(struct control *control, struct arena *arena, bool joined_only, struct agent_rank **ranks, uint32_t *nr)
{
	struct agent_rank *all = ARENA_NEW_ARRAY(arena, struct agent_rank, control->engine_nr);
	uint32_t n = 0;

	if (all == NULL)
		return -DER_NOMEM;
	for (uint32_t i = 0; i < control->engine_nr; i++) {
		const struct engine *engine = &control->engines[i];
		const char **addrs;

		if (engine->rank == UINT32_MAX || !engine->ready || (joined_only && engine->state != ENGINE_JOINED))
			continue;
		addrs = ARENA_NEW_ARRAY(arena, const char *, engine->addr_nr);
		if (addrs == NULL)
			return -DER_NOMEM;
		/* The engine may go while the answer is on its way: a copy. */
		for (uint32_t a = 0; a < engine->addr_nr; a++) {
			addrs[a] = arena_dup(arena, engine->addrs[a], strlen(engine->addrs[a]) + 1);
			if (addrs[a] == NULL)
				return -DER_NOMEM;
		}
		all[n++] = (struct agent_rank){
			.rank = engine->rank, .incarnation = engine->incarnation, .addrs = addrs, .addrs_nr = engine->addr_nr};
	}
	*ranks = all;
	*nr = n;
	return 0;
}

/* ---- telling the others ------------------------------------------------------------------------------------------------------------ */
/* One engine hears the newest group. Ends without an answer when the engine does; it asks for the group when it starts. */
static void
tell_main(void *arg)
{
	struct engine *engine = arg;
	struct control *control = engine->control;
	struct ctl_group_in in = {.version = control->group_version};
	struct ctl_group_out out;
	struct arena arena;
	int rc;

	arena_init(&arena, control->mem);
	rc = control__group(control, &arena, false, &in.ranks, &in.ranks_nr);
	if (rc == 0 && engine->client != NULL && engine->ready) {
		engine->callers++;
		rc = proto_local_call(engine->client, DRPC_MODULE_MGMT, &proto_control, opc_ctl_group, &in, &out,
				      env_mono(control->env) + 10 * NS_PER_S, &arena);
		control__engine_put(engine);
	}
	if (rc != 0 && rc != -DER_UNREACH)
		log_warn(control->env->log, "engine %u was not told of the group %u: " RCF, engine->instance, in.version, RCP(rc));
	arena_fini(&arena);
	control->guests--;
	ult_cond_broadcast(&control->changed);
}

static void
tell_others(struct engine *except)
{
	struct control *control = except->control;

	for (uint32_t i = 0; i < control->engine_nr; i++) {
		struct engine *engine = &control->engines[i];

		if (engine == except || !engine->ready)
			continue;
		control->guests++;
		if (ult_spawn(control->xs, ULT_SYSTEM, "group", tell_main, engine, NULL) != 0)
			control->guests--;
	}
}

/* ---- handlers ----------------------------------------------------------------------------------------------------------------------------- */
static uint32_t
lowest_free_rank(const struct control *control)
{
	for (uint32_t rank = 0;; rank++) {
		bool taken = false;

		for (uint32_t i = 0; i < control->engine_nr; i++)
			taken = taken || control->engines[i].rank == rank;
		if (!taken)
			return rank;
	}
}

/* The port that the next start shall ask for. */
static void
keep_port(struct engine *engine)
{
	const char *tcp = engine->addr_nr > 0 ? strstr(engine->addrs[0], "tcp://") : NULL, *end, *colon;
	uint32_t port;
	char text[8];

	if (tcp == NULL)
		return;
	end = tcp + strcspn(tcp, " ");
	for (colon = end; colon > tcp && *colon != ':'; colon--)
		;
	snprintf(text, sizeof(text), "%.*s", (int)MIN(end - colon - 1, 7), colon + 1);
	if (colon > tcp && text_parse_u32(text, &port) == 0 && port > 0 && port <= 65535)
		engine->port = port;
}

/* Its socket must lie where ours are: we connect to it, and remove it after its death. */
static bool
socket_is_fine(const struct control *control, const char *socket)
{
	size_t len = strlen(control->config->socket_dir);

	return socket != NULL && strncmp(socket, control->config->socket_dir, len) == 0 && socket[len] == '/' &&
	       strncmp(socket + len + 1, "daos_engine_", 12) == 0 && strchr(socket + len + 1, '/') == NULL;
}

static int
srv_ready(void *owner, const struct env_cred *cred, struct arena *arena, const void *body, void *answer)
{
	const struct srv_ready_in *in = body;
	struct srv_ready_out *out = answer;
	struct control *control = owner;
	struct engine *engine = engine_of(control, cred, in->instance);
	int rc = 0;

	if (engine == NULL)
		return unknown_caller(control, cred, in->instance);
	if (engine->ready || !socket_is_fine(control, in->socket) || in->addrs_nr > ENGINE_ADDRS_MAX)
		return -DER_INVAL;
	if (engine->rank == UINT32_MAX) {
		engine->rank = lowest_free_rank(control);
		rc = control__superblock_write(engine); /* state I1 */
		if (rc != 0) {
			log_error(control->env->log, "engine %u: its rank cannot be kept in %s: " RCF, engine->instance, engine->config->storage,
				  RCP(rc));
			engine->rank = UINT32_MAX;
			return rc;
		}
	}
	rc = control__engine_addrs(engine, in->addrs, in->addrs_nr);
	if (rc == 0)
		rc = drpc_client_create(control->xs, in->socket, &engine->client);
	if (rc != 0)
		return rc;
	mem_free(control->mem, engine->socket);
	engine->socket = mem_strdup(control->mem, in->socket);
	engine->targets = in->targets;
	engine->incarnation = in->incarnation;
	keep_port(engine);
	engine->ready = true;
	control->group_version++;
	control__engine_set(engine, engine->state, "process %d, ready", engine->pid);
	out->rank = engine->rank;
	out->group_version = control->group_version;
	rc = control__group(control, arena, false, &out->ranks, &out->ranks_nr);
	tell_others(engine);
	return rc;
}

static int
srv_open(void *owner, const struct env_cred *cred, struct arena *arena, const void *body, void *answer)
{
	const struct srv_open_in *in = body;
	struct control *control = owner;
	struct engine *engine = engine_of(control, cred, in->instance);

	if (engine == NULL)
		return unknown_caller(control, cred, in->instance);
	if (in->status != 0) {
		engine->failed = in->status;
		snprintf(engine->failure, sizeof(engine->failure), "%s (%s)", in->message != NULL ? in->message : "its start failed",
			 d_errstr(in->status));
		log_error(control->env->log, "engine %u: %s", engine->instance, engine->failure);
		return 0;
	}
	if (!engine->ready)
		return -DER_INVAL;
	if (engine->state == ENGINE_STARTING) {
		control->group_version++;
		engine->joined_ns = env_mono(control->env);
		control__engine_set(engine, ENGINE_JOINED, "%s", engine->config->ram ? "class ram: pools are lost when it ends" : "");
	}
	return 0;
}

static int
srv_event(void *owner, const struct env_cred *cred, struct arena *arena, const void *body, void *answer)
{
	const struct srv_event_in *in = body;
	struct control *control = owner;
	struct engine *engine = engine_of(control, cred, in->instance);

	if (engine == NULL)
		return unknown_caller(control, cred, in->instance);
	log_at(control->env->log, in->severity <= LOG_CRIT ? (enum log_level)in->severity : LOG_WARN, "engine %u: event %u: %s", engine->instance,
	       in->id, in->message != NULL ? in->message : "");
	return 0;
}

/* Is a token sound? Any local process that reaches the socket may ask: it learns what it could try anyway. */
static void
validate(void *owner, struct drpc_request *request)
{
	struct control *control = owner;
	struct security_identity *who;
	struct packer packer;
	uint8_t *answer;
	int verdict;

	if (request->method != METHOD_VALIDATE) {
		request->status = DRPC_UNKNOWN_METHOD;
		return;
	}
	answer = arena_alloc(&request->arena, sizeof(int32_t));
	if (answer == NULL) {
		request->status = DRPC_FAILURE;
		return;
	}
	verdict = security_cred_check(request->body, request->body_len, control->pub, env_wall(control->env) / NS_PER_S, &request->arena, &who);
	packer_init(&packer, answer, sizeof(int32_t));
	pack_i32(&packer, verdict);
	request->answer = answer;
	request->answer_len = packer_len(&packer);
	request->status = DRPC_SUCCESS;
}

int
control__srv_register(struct control *control)
{
	static const proto_local_handler rows[srv_op_nr] = {
		[op_srv_ready] = srv_ready,
		[op_srv_open] = srv_open,
		[op_srv_event] = srv_event,
	};
	int rc;

	control->srv_rows = (struct proto_local){.proto = &proto_srv, .handlers = rows, .owner = control};
	rc = drpc_register(&control->registry, DRPC_MODULE_SRV, proto_local_serve, &control->srv_rows);
	if (rc == 0)
		rc = drpc_register(&control->registry, DRPC_MODULE_SECURITY, validate, control);
	if (rc == 0)
		rc = control_register(control, &control->registry);
	return rc;
}
