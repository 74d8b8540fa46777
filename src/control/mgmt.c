/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What dmg asks (proto/control): storage and system are answered here, pools by an engine. Whoever reaches the agent's socket may
 * look; what changes the system is for those who run it, root and the user of the server; what is about pools is decided by the engine,
 * which is told who asks.
 *
 *	mgmt I1  ctl_who is always written here, from the socket; what the caller put there is thrown away.
 *	mgmt I2  A call to an engine that dies in the middle is repeated with the next process, until its deadline: every such call
 *	         may be applied twice without harm (a create carries its uuid; a destroyed pool that is gone is destroyed).
 */
#include "internal.h"

#define CALL_WITHIN_NS (120 * NS_PER_S)
#define START_WITHIN_NS (60 * NS_PER_S)

bool
control__is_admin(const struct control *control, const struct env_cred *cred)
{
	return cred->known && (cred->uid == 0 || cred->uid == control->config->uid);
}

/* ---- storage -------------------------------------------------------------------------------------------------------------------- */
#define SCAN_WITHIN_NS (5 * NS_PER_S)

/* One that has no engine yet: the directory as it will be used. */
static int
device_of_config(const struct engine *engine, struct arena *arena, struct ctl_storage_engine *one)
{
	if (engine->config->ram)
		return 0;
	one->devices = ARENA_NEW(arena, struct ctl_device);
	if (one->devices == NULL)
		return -DER_NOMEM;
	one->devices_nr = 1;
	one->devices[0] = (struct ctl_device){.path = engine->config->storage, .class = "file", .rank = engine->rank,
					      .state = one->formatted ? CTL_DEVICE_UNPLUGGED : CTL_DEVICE_NEW, .total = one->total, .free = one->free};
	return 0;
}

/* What a running engine says of its devices; one that does not answer in time is shown as if it did not run. YIELDS */
static int
ask_devices(struct engine *engine, struct arena *arena, const struct ctl_storage_scan_in *in, struct ctl_storage_engine *one)
{
	struct ctl_storage_scan_in copy = *in;
	struct ctl_storage_scan_out out = {0};
	struct control *control = engine->control;
	int rc = -DER_SHUTDOWN;

	if (engine->state == ENGINE_JOINED && engine->client != NULL) {
		engine->callers++;
		rc = proto_local_call(engine->client, DRPC_MODULE_MGMT, &proto_control, opc_ctl_storage_scan, &copy, &out,
				      env_mono(control->env) + SCAN_WITHIN_NS, arena);
		control__engine_put(engine);
	}
	if (rc != 0 || out.engines_nr != 1)
		return device_of_config(engine, arena, one);
	one->devices = out.engines[0].devices;
	one->devices_nr = out.engines[0].devices_nr;
	return 0;
}

static int
storage_scan(void *owner, const struct env_cred *cred, struct arena *arena, const void *body, void *answer)
{
	const struct ctl_storage_scan_in *in = body;
	struct ctl_storage_scan_out *out = answer;
	struct control *control = owner;
	struct env *env = control->env;
	struct env_topo *topo;
	int rc = 0;

	topo = ARENA_NEW(arena, struct env_topo);
	out->host = control->host;
	out->engines = ARENA_NEW_ARRAY(arena, struct ctl_storage_engine, control->engine_nr);
	if (topo == NULL || out->engines == NULL)
		return -DER_NOMEM;
	if (env->ops->host.topology(env, topo) == 0)
		out->memory = topo->memory;
	for (uint32_t i = 0; rc == 0 && i < control->engine_nr; i++) {
		struct engine *engine = &control->engines[i];
		struct ctl_storage_engine *one = &out->engines[i];

		one->instance = i;
		one->rank = engine->rank;
		one->class = engine->config->ram ? "ram" : "file";
		one->path = engine->config->storage;
		one->formatted = engine->state != ENGINE_UNFORMATTED;
		if (env->ops->file.space(env, one->path, &one->free, &one->total) != 0)
			one->free = one->total = 0;
		if (in->devices || in->health)
			rc = ask_devices(engine, arena, in, one);
	}
	out->engines_nr = control->engine_nr;
	return rc;
}

static int
format_one(struct engine *engine, bool force, struct arena *arena, struct ctl_format_result *result)
{
	char text[256];
	int rc = 0;

	result->instance = engine->instance;
	result->path = engine->config->storage;
	if (engine->state != ENGINE_UNFORMATTED && force)
		rc = control__engine_halt(engine, true);
	if (rc == 0)
		rc = engine->state != ENGINE_UNFORMATTED && !force ? -DER_EXIST : control__format(engine, force);
	result->status = rc;
	if (rc == 0) {
		engine->deaths = engine->kills = 0;
		engine->wanted = true;
		control__engine_set(engine, ENGINE_STOPPED, "formatted");
		snprintf(text, sizeof(text), "formatted");
	} else if (rc == -DER_EXIST) {
		snprintf(text, sizeof(text), engine->state != ENGINE_UNFORMATTED ?
						     "is formatted already: --force wipes it, with all pools" :
						     "is not empty and not ours: empty the directory, or choose another");
	} else {
		snprintf(text, sizeof(text), "cannot be formatted: %s", d_errdesc(rc));
	}
	result->message = arena_dup(arena, text, strlen(text) + 1);
	return result->message == NULL ? -DER_NOMEM : 0;
}

static int
storage_format(void *owner, const struct env_cred *cred, struct arena *arena, const void *body, void *answer)
{
	const struct ctl_storage_format_in *in = body;
	struct ctl_storage_format_out *out = answer;
	struct control *control = owner;
	int rc = 0;

	if (!control__is_admin(control, cred))
		return -DER_NO_PERM;
	out->host = control->host;
	out->results = ARENA_NEW_ARRAY(arena, struct ctl_format_result, control->engine_nr);
	if (out->results == NULL)
		return -DER_NOMEM;
	for (uint32_t i = 0; rc == 0 && i < control->engine_nr; i++)
		rc = format_one(&control->engines[i], in->force, arena, &out->results[i]);
	out->results_nr = control->engine_nr;
	return rc;
}

/* ---- system ----------------------------------------------------------------------------------------------------------------------- */
static bool
is_meant(uint32_t rank, const uint32_t *ranks, uint32_t nr)
{
	for (uint32_t i = 0; i < nr; i++)
		if (ranks[i] == rank)
			return true;
	return nr == 0;
}

static struct engine *
find_rank(struct control *control, uint32_t rank)
{
	for (uint32_t i = 0; i < control->engine_nr; i++)
		if (control->engines[i].rank == rank)
			return &control->engines[i];
	return NULL;
}

static const char *
keep(struct arena *arena, const char *text)
{
	return arena_dup(arena, text, strlen(text) + 1);
}

static int
fill_member(const struct engine *engine, struct arena *arena, struct ctl_member *member)
{
	const struct control *control = engine->control;
	char text[300];

	*member = (struct ctl_member){
		.rank = engine->rank,
		.incarnation = engine->incarnation,
		.last_update_s = engine->changed_s,
		.pid = engine->pid,
		.targets = engine->targets,
		.restarts = engine->restarts,
		.state = control__state_name(engine->state),
		.addr = "127.0.0.1",
	};
	memcpy(member->uuid, engine->uuid, sizeof(uuid_t));
	snprintf(text, sizeof(text), "/%s", control->host);
	member->fault_domain = keep(arena, text);
	member->info = keep(arena, engine->info);
	member->uri = keep(arena, engine->addr_nr > 0 ? engine->addrs[0] : "");
	return member->fault_domain != NULL && member->info != NULL && member->uri != NULL ? 0 : -DER_NOMEM;
}

static int
system_query(void *owner, const struct env_cred *cred, struct arena *arena, const void *body, void *answer)
{
	const struct ctl_system_query_in *in = body;
	struct ctl_system_query_out *out = answer;
	struct control *control = owner;
	int rc = 0;

	out->system = control->config->system;
	out->provider = "tcp";
	out->data_version = control->group_version;
	out->members = ARENA_NEW_ARRAY(arena, struct ctl_member, control->engine_nr);
	out->absent = ARENA_NEW_ARRAY(arena, uint32_t, in->ranks_nr);
	if (out->members == NULL || out->absent == NULL)
		return -DER_NOMEM;
	for (uint32_t i = 0; rc == 0 && i < control->engine_nr; i++)
		if (is_meant(control->engines[i].rank, in->ranks, in->ranks_nr))
			rc = fill_member(&control->engines[i], arena, &out->members[out->members_nr++]);
	for (uint32_t i = 0; i < in->ranks_nr; i++)
		if (find_rank(control, in->ranks[i]) == NULL)
			out->absent[out->absent_nr++] = in->ranks[i];
	return rc;
}

static struct ctl_rank_result *
new_result(struct ctl_rank_result *results, uint32_t *nr, uint32_t rank, const char *action)
{
	struct ctl_rank_result *result = &results[(*nr)++];

	*result = (struct ctl_rank_result){.rank = rank, .addr = "127.0.0.1", .action = action, .state = "unknown"};
	return result;
}

static int
system_stop(void *owner, const struct env_cred *cred, struct arena *arena, const void *body, void *answer)
{
	const struct ctl_system_stop_in *in = body;
	struct ctl_system_stop_out *out = answer;
	struct control *control = owner;
	int rc;

	if (!control__is_admin(control, cred))
		return -DER_NO_PERM;
	out->results = ARENA_NEW_ARRAY(arena, struct ctl_rank_result, control->engine_nr);
	if (out->results == NULL)
		return -DER_NOMEM;
	for (uint32_t i = 0; i < control->engine_nr; i++) {
		struct engine *engine = &control->engines[i];
		struct ctl_rank_result *result;

		if (engine->rank == UINT32_MAX || !is_meant(engine->rank, in->ranks, in->ranks_nr))
			continue;
		rc = control__engine_halt(engine, in->force);
		if (engine->state == ENGINE_ERRORED)
			control__engine_set(engine, ENGINE_STOPPED, "%s", "");
		result = new_result(out->results, &out->results_nr, engine->rank, "stop");
		result->errored = rc != 0;
		result->message = rc != 0 ? d_errstr(rc) : "";
		result->state = control__state_name(engine->state);
	}
	return 0;
}

static int
start_one(struct engine *engine, struct arena *arena, struct ctl_rank_result *result)
{
	struct control *control = engine->control;
	uint64_t until = env_mono(control->env) + START_WITHIN_NS;

	/* One that is being stopped comes to its end first. */
	while (engine->state == ENGINE_STOPPING && env_mono(control->env) < until)
		ult_cond_wait_until(&control->changed, NULL, until);
	engine->deaths = engine->kills = 0;
	engine->wanted = true;
	ult_cond_broadcast(&control->changed);
	while (engine->wanted && engine->state != ENGINE_JOINED && !control->stopping && env_mono(control->env) < until)
		ult_cond_wait_until(&control->changed, NULL, until);
	result->errored = engine->state != ENGINE_JOINED;
	result->message = keep(arena, result->errored ? engine->info : "");
	result->state = control__state_name(engine->state);
	return result->message == NULL ? -DER_NOMEM : 0;
}

static int
system_start(void *owner, const struct env_cred *cred, struct arena *arena, const void *body, void *answer)
{
	const struct ctl_system_start_in *in = body;
	struct ctl_system_start_out *out = answer;
	struct control *control = owner;
	int rc = 0;

	if (!control__is_admin(control, cred))
		return -DER_NO_PERM;
	out->results = ARENA_NEW_ARRAY(arena, struct ctl_rank_result, control->engine_nr);
	if (out->results == NULL)
		return -DER_NOMEM;
	for (uint32_t i = 0; rc == 0 && i < control->engine_nr; i++) {
		struct engine *engine = &control->engines[i];

		if (engine->state == ENGINE_UNFORMATTED || !is_meant(engine->rank, in->ranks, in->ranks_nr))
			continue;
		rc = start_one(engine, arena, new_result(out->results, &out->results_nr, engine->rank, "start"));
	}
	return rc;
}

/* ---- pools: handed on ----------------------------------------------------------------------------------------------------------------- */
int
control__engine_get(struct control *control, uint64_t deadline_ns, struct engine **result)
{
	for (;;) {
		struct engine *best = NULL;

		for (uint32_t i = 0; i < control->engine_nr; i++) {
			struct engine *engine = &control->engines[i];

			if (engine->state == ENGINE_JOINED && engine->client != NULL && (best == NULL || engine->rank < best->rank))
				best = engine;
		}
		if (best != NULL) {
			best->callers++;
			*result = best;
			return 0;
		}
		if (control->stopping || control_is_idle(control))
			return -DER_SHUTDOWN;
		if (ult_cond_wait_until(&control->changed, NULL, deadline_ns) != 0)
			return -DER_TIMEDOUT;
	}
}

void
control__engine_put(struct engine *engine)
{
	ASSERT(engine->callers > 0);
	engine->callers--;
	ult_cond_broadcast(&engine->control->changed);
}

static int
fill_who(struct control *control, const struct env_cred *cred, struct arena *arena, struct ctl_who *who)
{
	struct control_identity identity;
	int rc;

	if (!cred->known)
		return -DER_NO_PERM;
	rc = control->config->identify(arena, cred->uid, cred->gid, &identity);
	if (rc != 0)
		return rc;
	*who = (struct ctl_who){
		.uid = cred->uid, .gid = cred->gid, .user = identity.user, .group = identity.group, .admin = control__is_admin(control, cred)};
	return 0;
}

/* The engine died while it had the request. */
static bool
is_broken(int rc)
{
	return rc == -DER_UNREACH || rc == -DER_CANCELED;
}

static int
hand_on(struct control *control, const struct env_cred *cred, struct arena *arena, rpc_opc opc, void *in, struct ctl_who *who, void *out)
{
	uint64_t deadline_ns = env_mono(control->env) + control->config->pace.forward_within_ns;
	struct engine *engine;
	bool again = false;
	int rc;

	rc = fill_who(control, cred, arena, who); /* mgmt I1 */
	while (rc == 0) {
		rc = control__engine_get(control, deadline_ns, &engine);
		if (rc != 0)
			break;
		rc = proto_local_call(engine->client, DRPC_MODULE_MGMT, &proto_control, opc, in, out, env_mono(control->env) + CALL_WITHIN_NS,
				      arena);
		control__engine_put(engine);
		/* mgmt I2 */
		if (rc == -DER_NONEXIST && again && opc == opc_ctl_pool_destroy)
			rc = 0;
		if (!is_broken(rc) || env_mono(control->env) >= deadline_ns)
			break;
		again = true;
		ult_sleep(50 * NS_PER_MS);
		rc = 0;
	}
	return rc;
}

#define HAND_ON(stem)                                                                                                          \
	static int stem(void *owner, const struct env_cred *cred, struct arena *arena, const void *body, void *out)            \
	{                                                                                                                      \
		struct ctl_##stem##_in in = *(const struct ctl_##stem##_in *)body;                                             \
                                                                                                                               \
		return hand_on(owner, cred, arena, opc_ctl_##stem, &in, &in.who, out);                                         \
	}
HAND_ON(pool_create)
HAND_ON(pool_destroy)
HAND_ON(pool_evict)
HAND_ON(pool_query)
HAND_ON(pool_list)
HAND_ON(pool_get_prop)
HAND_ON(pool_set_prop)

int
control_register(struct control *control, struct drpc_registry *registry)
{
	static const proto_local_handler rows[control_op_nr] = {
		[op_ctl_storage_scan] = storage_scan,
		[op_ctl_storage_format] = storage_format,
		[op_ctl_system_query] = system_query,
		[op_ctl_system_stop] = system_stop,
		[op_ctl_system_start] = system_start,
		[op_ctl_pool_create] = pool_create,
		[op_ctl_pool_destroy] = pool_destroy,
		[op_ctl_pool_evict] = pool_evict,
		[op_ctl_pool_query] = pool_query,
		[op_ctl_pool_list] = pool_list,
		[op_ctl_pool_get_prop] = pool_get_prop,
		[op_ctl_pool_set_prop] = pool_set_prop,
	};

	control->control_rows = (struct proto_local){.proto = &proto_control, .handlers = rows, .owner = control};
	return drpc_register(registry, DRPC_MODULE_MGMT, proto_local_serve, &control->control_rows);
}
