/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The modules of an engine (walk-through 1.10), in the order in which they are initialised and set up; ended the other way round. A module that
 * -m leaves out is neither; those that others need cannot be left out.
 *
 *   loaded ──init──> initialised ──(rank known) setup──> set up ──cleanup──> ──fini──> gone
 */
#include "internal.h"

#include <stdio.h>
#include "base/text.h"

/* ---- vos: the targets' streams --------------------------------------------------------------------------------------------------- */
static int
vos_init(struct engine *engine)
{
	struct xs *xs[ENGINE_TARGETS_MAX];
	struct rpc_ctx *rpc[ENGINE_TARGETS_MAX];
	struct targets_config config = {.env = engine->env,
					.clock = &engine->clock,
					.bio = engine->bio,
					.sysdb = engine->sysdb,
					.nr = engine->config.targets,
					.first_epoch = engine->first_epoch,
					.heap_budget = engine->config.memory,
					.ram = engine->config.ram};
	struct xs **xs_keep = arena_alloc(&engine->strings, sizeof(xs));
	struct rpc_ctx **rpc_keep = arena_alloc(&engine->strings, sizeof(rpc));
	int rc;

	if (xs_keep == NULL || rpc_keep == NULL)
		return -DER_NOMEM;
	for (uint32_t i = 0; i < engine->config.targets; i++) {
		xs_keep[i] = engine__target_stream(engine, i)->xs;
		rpc_keep[i] = engine__target_stream(engine, i)->rpc;
	}
	config.xs = xs_keep;
	config.rpc = rpc_keep;
	rc = targets_create(&config, &engine->targets);
	if (rc == 0)
		targets_set_reserve(engine->targets, engine__clock_reserve, engine);
	return rc;
}

static void
vos_fini(struct engine *engine)
{
	targets_destroy(engine->targets);
}

/* ---- security ---------------------------------------------------------------------------------------------------------------------- */
static int
security_init(struct engine *engine)
{
	char path[256];
	int rc;

	snprintf(path, sizeof(path), "%s/daos_server.sock", engine->config.socket_dir != NULL ? engine->config.socket_dir : "");
	rc = security_create(engine->env, engine->streams[0].xs, engine->config.socket_dir != NULL ? path : NULL, &engine->security);
	if (rc == 0 && engine->config.cred_key != NULL)
		security_set_key(engine->security, engine->config.cred_key);
	return rc;
}

static void
security_fini(struct engine *engine)
{
	security_destroy(engine->security);
}

/* ---- dtx ---------------------------------------------------------------------------------------------------------------------------- */
static int
dtx_init(struct engine *engine)
{
	return dtx_create(engine->env, engine->targets, engine->config.rank, &engine->dtx);
}

static void
dtx_fini(struct engine *engine)
{
	dtx_destroy(engine->dtx);
}

/* ---- pool, cont ----------------------------------------------------------------------------------------------------------------------- */
static int
pool_opened(void *arg, const uuid_t pool)
{
	struct engine *engine = arg;

	return dtx_resync(engine->dtx, pool);
}

static int
pool_init(struct engine *engine)
{
	struct pool_svcs_config config = {.env = engine->env,
					  .xs = engine->streams[0].xs,
					  .rpc = engine->streams[0].rpc,
					  .node = engine->node,
					  .vos = engine->sys_vos,
					  .clock = &engine->clock,
					  .targets = engine->targets,
					  .security = engine->security,
					  .ram = engine->config.ram,
					  .opened = pool_opened,
					  .arg = engine};

	return pool_svcs_create(&config, &engine->pools);
}

static int
pool_setup(struct engine *engine)
{
	return pool_svcs_serve(engine->pools);
}

static void
pool_fini(struct engine *engine)
{
	pool_svcs_destroy(engine->pools);
}

static int
cont_init(struct engine *engine)
{
	int rc = cont_svcs_create(engine->env, engine->pools, &engine->conts);

	if (rc == 0)
		targets_set_resolve(engine->targets, cont_svcs_resolve, engine->conts);
	return rc;
}

static int
cont_setup(struct engine *engine)
{
	return cont_svcs_serve(engine->conts);
}

static void
cont_fini(struct engine *engine)
{
	targets_set_resolve(engine->targets, NULL, NULL);
	cont_svcs_destroy(engine->conts);
}

/* ---- obj ---------------------------------------------------------------------------------------------------------------------------------- */
static int
obj_init(struct engine *engine)
{
	int rc = object_svc_create(engine->env, engine->targets, engine->dtx, &engine->objects);

	if (rc == 0)
		object_svc_set_telemetry(engine->objects, engine->telemetry);
	return rc;
}

struct serving {
	struct engine *engine;
	uint32_t target;
};

static int
serve_there(void *arg)
{
	struct serving *serving = arg;

	return object_svc_serve(serving->engine->objects, targets_at(serving->engine->targets, serving->target),
				engine__target_stream(serving->engine, serving->target)->rpc);
}

/* The barrier: clients reach the targets from here on. */
static int
obj_setup(struct engine *engine)
{
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < engine->config.targets; i++) {
		struct serving serving = {.engine = engine, .target = i};

		rc = xs_call(engine__target_stream(engine, i)->xs, ULT_SYSTEM, serve_there, &serving);
	}
	return rc;
}

static void
obj_fini(struct engine *engine)
{
	object_svc_destroy(engine->objects);
}

/* ---- mgmt ---------------------------------------------------------------------------------------------------------------------------------- */
static void
stop_wanted(void *arg)
{
	engine_stop(arg);
}

static int
mgmt_init(struct engine *engine)
{
	struct mgmt_config config = {.env = engine->env,
				     .pools = engine->pools,
				     .storage = engine->config.ram ? NULL : engine->config.storage,
				     .heap_budget = engine->config.memory,
				     .wal_bytes = engine->config.wal_bytes,
				     .data_bytes = engine->config.data_bytes,
				     .uid = engine->config.uid,
				     .stop = stop_wanted,
				     .group = engine__group_set,
				     .devices = engine__devices,
				     .arg = engine};
	int rc = mgmt_create(&config, &engine->mgmt);

	return rc == 0 ? mgmt_register(engine->mgmt, &engine->registry) : rc;
}

static int
mgmt_setup(struct engine *engine)
{
	int rc = mgmt_begin_pools(engine->mgmt);

	return rc == 0 ? mgmt_serve(engine->mgmt) : rc;
}

static void
mgmt_fini(struct engine *engine)
{
	mgmt_destroy(engine->mgmt);
}

/* ---- the table ------------------------------------------------------------------------------------------------------------------------------- */
static const struct engine_module modules[] = {
	{.name = "vos", .init = vos_init, .fini = vos_fini},
	{.name = "rdb"},
	{.name = "rsvc"},
	{.name = "security", .init = security_init, .fini = security_fini},
	{.name = "dtx", .init = dtx_init, .fini = dtx_fini},
	{.name = "pool", .init = pool_init, .fini = pool_fini},
	{.name = "cont", .init = cont_init, .fini = cont_fini},
	{.name = "mgmt", .init = mgmt_init, .setup = mgmt_setup, .fini = mgmt_fini},
	{.name = "pool_open", .setup = pool_setup},
	{.name = "cont_open", .setup = cont_setup},
	{.name = "obj", .init = obj_init, .setup = obj_setup, .fini = obj_fini},
};

static bool
wanted(const struct engine *engine, const char *name)
{
	struct text_span rest, piece;

	if (engine->config.modules == NULL)
		return true;
	rest = text_span_of(engine->config.modules);
	while (text_split(&rest, ',', &piece))
		if (text_equal(text_trim(piece), name))
			return true;
	return false;
}

static bool
known(struct text_span name)
{
	for (size_t i = 0; i < ARRAY_SIZE(modules); i++)
		if (text_equal(name, modules[i].name))
			return true;
	return text_equal(name, "rebuild");
}

/* -m names all modules or it is an error: in this stage each of them is needed by another. */
int
engine__modules_load(struct engine *engine)
{
	struct text_span rest, piece;

	if (engine->config.modules != NULL) {
		rest = text_span_of(engine->config.modules);
		while (text_split(&rest, ',', &piece))
			if (!known(text_trim(piece))) {
				log_error(engine->env->log, "there is no module '%.*s': leave -m out to load all", (int)piece.len, piece.at);
				return -DER_NONEXIST;
			}
	}
	for (size_t i = 0; i < ARRAY_SIZE(modules); i++) {
		if (strchr(modules[i].name, '_') == NULL && !wanted(engine, modules[i].name)) {
			log_error(engine->env->log, "module '%s' is needed: leave -m out to load all", modules[i].name);
			return -DER_INVAL;
		}
		engine->modules[engine->module_nr++] = &modules[i];
	}
	return 0;
}

int
engine__modules_init(struct engine *engine)
{
	for (; engine->inited_nr < engine->module_nr; engine->inited_nr++) {
		const struct engine_module *module = engine->modules[engine->inited_nr];
		int rc = module->init != NULL ? module->init(engine) : 0;

		if (rc != 0) {
			log_error(engine->env->log, "module %s does not start: " RCF, module->name, RCP(rc));
			return rc;
		}
	}
	return 0;
}

int
engine__modules_setup(struct engine *engine)
{
	for (; engine->setup_nr < engine->module_nr; engine->setup_nr++) {
		const struct engine_module *module = engine->modules[engine->setup_nr];
		int rc = module->setup != NULL ? module->setup(engine) : 0;

		if (rc != 0) {
			log_error(engine->env->log, "module %s cannot be set up: " RCF, module->name, RCP(rc));
			return rc;
		}
	}
	return 0;
}

void
engine__modules_end(struct engine *engine)
{
	while (engine->setup_nr > 0) {
		const struct engine_module *module = engine->modules[--engine->setup_nr];

		if (module->cleanup != NULL)
			module->cleanup(engine);
	}
	while (engine->inited_nr > 0) {
		const struct engine_module *module = engine->modules[--engine->inited_nr];

		if (module->fini != NULL)
			module->fini(engine);
	}
}
