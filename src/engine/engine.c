/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An engine's life, as one ULT of stream 0 that reads from top to bottom.
 *
 *	engine I1  Nothing is served before all modules are set up; nothing is served after stopping has begun.
 *	engine I2  What was started is ended in the reverse order, also when a start fails half way.
 *
 * A crash anywhere leaves what the disks hold; the next start recovers from that alone.
 */
#include "internal.h"

#include <stdio.h>

#define STACK_SIZE (128 * KIB)

/* ---- storage ---------------------------------------------------------------------------------------------------------------- */
static int
open_bio(struct engine *engine, const char *path, struct bio **bio)
{
	struct bio_dev_config dev = {.path = path};
	int rc;

	if (engine->config.ram)
		return bio_open(engine->env, NULL, 0, false, bio);
	rc = engine->env->ops->file.mkdir(engine->env, path, 0700);
	return rc != 0 ? rc : bio_open(engine->env, &dev, 1, true, bio);
}

static int
open_devices(struct engine *engine)
{
	struct bio_dev_config *devs;
	char *json;
	size_t len;
	int rc, nr;

	if (engine->config.nvme_config == NULL || engine->config.ram)
		return open_bio(engine, engine->config.storage, &engine->bio);
	rc = engine->env->ops->file.read(engine->env, engine->config.nvme_config, 1 * MIB, &json, &len);
	if (rc != 0) {
		log_error(engine->env->log, "the device list %s cannot be read: " RCF, engine->config.nvme_config, RCP(rc));
		return rc;
	}
	rc = bio_config_parse(engine->mem, json, len, &devs, &nr);
	mem_free(engine->mem, json);
	if (rc != 0) {
		log_error(engine->env->log, "the device list %s makes no sense: " RCF, engine->config.nvme_config, RCP(rc));
		return rc;
	}
	rc = nr == 0 ? open_bio(engine, engine->config.storage, &engine->bio) : bio_open(engine->env, devs, nr, true, &engine->bio);
	mem_free(engine->mem, devs);
	return rc;
}

static int
note_devices(struct engine *engine)
{
	struct bio_dev_info info;
	struct smd_dev dev;
	int rc = 0;

	for (int i = 0; rc == 0 && i < bio_dev_count(engine->bio); i++) {
		bio_dev_info(engine->bio, i, &info);
		memset(&dev, 0, sizeof(dev));
		memcpy(dev.uuid, info.uuid, sizeof(uuid_t));
		memcpy(dev.path, info.path, sizeof(dev.path));
		dev.state = info.state;
		for (uint32_t t = 0; t < engine->config.targets && t < ARRAY_SIZE(dev.tgts); t++)
			if ((int)(t % (uint32_t)bio_dev_count(engine->bio)) == i)
				dev.tgts[dev.tgt_nr++] = t;
		rc = smd_dev_put(engine->sysdb, &dev);
	}
	return rc;
}

/* Directories of pools that a former run left. */
static bool
has_pools(struct engine *engine)
{
	struct env_dirent *entries;
	bool found = false;
	int nr;

	if (engine->config.ram || engine->env->ops->file.list(engine->env, engine->config.storage, &entries, &nr) != 0)
		return false;
	for (int i = 0; i < nr && !found; i++) {
		uuid_t uuid;

		found = entries[i].is_dir && uuid_parse(entries[i].name, uuid) == 0;
	}
	mem_free(engine->mem, entries);
	return found;
}

static int
storage_start(struct engine *engine)
{
	struct vos_xs_config vos = {.env = engine->env, .xs = engine->streams[0].xs, .tgt = ENGINE_SYS_TGT};
	struct sysdb_config sysdb = {.env = engine->env, .ram = engine->config.ram, .must_exist = has_pools(engine)};
	char path[512];
	int rc;

	snprintf(path, sizeof(path), "%s/daos_sys", engine->config.storage != NULL ? engine->config.storage : "");
	rc = open_bio(engine, path, &engine->sys_bio);
	if (rc == 0)
		rc = open_devices(engine);
	vos.bio = engine->sys_bio;
	if (rc == 0)
		rc = vos_xs_create(&vos, &engine->sys_vos);
	sysdb.vos = engine->sys_vos;
	if (rc == 0)
		rc = sysdb_open(&sysdb, &engine->sysdb);
	if (rc == 0)
		rc = engine__clock_begin(engine);
	if (rc == 0 && !engine->config.ram)
		rc = note_devices(engine);
	return rc;
}

static void
storage_stop(struct engine *engine)
{
	if (engine->sysdb != NULL)
		sysdb_close(engine->sysdb);
	if (engine->sys_vos != NULL)
		vos_xs_destroy(engine->sys_vos);
	if (engine->bio != NULL)
		bio_close(engine->bio);
	if (engine->sys_bio != NULL)
		bio_close(engine->sys_bio);
}

/* ---- the life ULT -------------------------------------------------------------------------------------------------------------- */
static int
start(struct engine *engine)
{
	int rc;

	rc = engine__drpc_connect(engine);
	engine__metrics_start(engine);
	if (rc == 0)
		rc = storage_start(engine);
	if (rc == 0)
		rc = engine__network_start(engine);
	if (rc == 0)
		rc = engine__modules_load(engine);
	if (rc == 0)
		rc = engine__modules_init(engine);
	if (rc == 0)
		rc = engine__drpc_start(engine);
	if (rc == 0)
		rc = engine__tell_ready(engine);
	if (rc == 0)
		rc = engine__modules_setup(engine);
	if (rc == 0)
		rc = engine__network_open(engine);
	if (rc == 0)
		engine__metrics_open(engine);
	return rc;
}

static void
end(struct engine *engine)
{
	engine__metrics_hush(engine);
	engine__drpc_stop(engine);
	engine__network_stop(engine); /* no call comes in any more, and those under way have ended */
	engine__modules_end(engine);
	storage_stop(engine);
	engine__metrics_stop(engine);
	if (engine->node != NULL)
		rpc_node_destroy(engine->node);
}

static void
report(struct engine *engine, int rc)
{
	engine__tell_open(engine, rc);
	if (engine->config.ready != NULL)
		engine->config.ready(engine->config.arg, rc);
}

static void
life(void *arg)
{
	struct engine *engine = arg;
	int rc;

	rc = start(engine);
	engine->rc = rc;
	if (rc == 0)
		log_note(engine->env->log, "engine %u, rank %u: open for clients after %lu ms", engine->config.instance, engine->config.rank,
			 (unsigned long)((env_mono(engine->env) - engine->started_ns) / NS_PER_MS));
	else
		log_error(engine->env->log, "engine %u does not start: " RCF, engine->config.instance, RCP(rc));
	report(engine, rc);
	while (rc == 0 && !engine->stopping)
		ult_cond_wait(&engine->stop, NULL);
	end(engine);
	for (uint32_t i = 1; i < engine->stream_nr; i++)
		xs_stop(engine->streams[i].xs);
	if (engine->config.ended != NULL)
		engine->config.ended(engine->config.arg, rc);
	xs_stop(engine->streams[0].xs);
}

/* ---- streams -------------------------------------------------------------------------------------------------------------------- */
static void
free_streams(struct engine *engine)
{
	for (uint32_t i = 0; i < engine->stream_nr; i++)
		if (engine->streams[i].thread != NULL)
			engine->env->ops->host.thread_join(engine->streams[i].thread);
	for (uint32_t i = 0; i < engine->stream_nr; i++)
		if (engine->streams[i].xs != NULL)
			xs_destroy(engine->streams[i].xs);
	mem_free(engine->mem, engine->streams);
}

static int
make_streams(struct engine *engine)
{
	struct xs_config config = {.env = engine->env, .stack_size = STACK_SIZE};
	char name[32];
	int rc = 0;

	engine->target_at = 2;
	engine->helper_at = 2 + engine->config.targets;
	engine->stream_nr = engine->helper_at + engine->config.helpers;
	engine->streams = MEM_NEW_ARRAY(engine->mem, struct engine_stream, engine->stream_nr);
	if (engine->streams == NULL)
		return -DER_NOMEM;
	config.name = name;
	for (uint32_t i = 0; rc == 0 && i < engine->stream_nr; i++) {
		struct engine_stream *stream = &engine->streams[i];

		if (i < engine->target_at)
			snprintf(name, sizeof(name), "daos_sys_%u", i);
		else if (i < engine->helper_at)
			snprintf(name, sizeof(name), "daos_io_%u", i - engine->target_at);
		else
			snprintf(name, sizeof(name), "daos_off_%u", i - engine->helper_at);
		stream->engine = engine;
		stream->tag = i == 0 ? 0 : i - 1;
		config.id = i;
		rc = xs_create(&config, &stream->xs);
	}
	return rc;
}

static int
run_streams(struct engine *engine)
{
	int rc;

	rc = ult_spawn(engine->streams[0].xs, ULT_SYSTEM, "engine_life", life, engine, NULL);
	for (uint32_t i = engine->stream_nr; rc == 0 && i > 0; i--) {
		struct engine_stream *stream = &engine->streams[i - 1];

		rc = xs_start(stream->xs, stream->bound ? &stream->cpus : NULL, &stream->thread);
	}
	return rc;
}

static int
check_config(const struct engine_config *config)
{
	struct log *log = config->env->log;

	if (config->targets == 0 || config->targets > ENGINE_TARGETS_MAX) {
		log_error(log, "an engine has 1 to %u targets, not %u", ENGINE_TARGETS_MAX, config->targets);
		return -DER_INVAL;
	}
	if (config->helpers > ENGINE_HELPERS_MAX) {
		log_error(log, "an engine has at most %u helper streams, not %u", ENGINE_HELPERS_MAX, config->helpers);
		return -DER_INVAL;
	}
	if (config->storage == NULL && !config->ram) {
		log_error(log, "an engine of class file needs a storage directory (-s)");
		return -DER_INVAL;
	}
	return 0;
}

static const char *
keep(struct engine *engine, const char *text, int *rc)
{
	const char *copy;

	if (text == NULL)
		return NULL;
	copy = arena_dup(&engine->strings, text, strlen(text) + 1);
	if (copy == NULL)
		*rc = -DER_NOMEM;
	return copy;
}

int
engine_start(const struct engine_config *config, struct engine **result)
{
	struct engine *engine;
	int rc;

	rc = check_config(config);
	if (rc != 0)
		return rc;
	engine = MEM_NEW(config->env->mem, struct engine);
	if (engine == NULL)
		return -DER_NOMEM;
	engine->config = *config;
	engine->env = config->env;
	engine->mem = config->env->mem;
	engine->started_ns = env_mono(config->env);
	engine->incarnation = env_wall(config->env);
	arena_init(&engine->strings, engine->mem);
	ult_mutex_init(&engine->reserving);
	ult_cond_init(&engine->stop);
	engine->config.storage = keep(engine, config->storage, &rc);
	engine->config.socket_dir = keep(engine, config->socket_dir, &rc);
	engine->config.group = keep(engine, config->group, &rc);
	engine->config.nvme_config = keep(engine, config->nvme_config, &rc);
	engine->config.modules = keep(engine, config->modules, &rc);
	if (rc == 0)
		rc = make_streams(engine);
	if (rc == 0)
		rc = engine__bind(engine);
	if (rc == 0) {
		*result = engine; /* ready may be told before we return */
		rc = run_streams(engine);
	}
	if (rc != 0) {
		*result = NULL;
		free_streams(engine);
		arena_fini(&engine->strings);
		mem_free(engine->mem, engine);
	}
	return rc;
}

static void
stop_here(struct xs_msg *msg)
{
	struct engine *engine = container_of(msg, struct engine, stop_msg);

	if (engine->stopping)
		return;
	engine->stopping = true;
	ult_cond_broadcast(&engine->stop);
}

void
engine_stop(struct engine *engine)
{
	if (__atomic_exchange_n(&engine->reported, true, __ATOMIC_ACQ_REL))
		return;
	engine->stop_msg.run = stop_here;
	xs_send(engine->streams[0].xs, &engine->stop_msg);
}

void
engine_join(struct engine *engine)
{
	free_streams(engine);
	arena_fini(&engine->strings);
	mem_free(engine->mem, engine);
}

const char *const *
engine_addrs(const struct engine *engine, uint32_t *nr)
{
	*nr = engine->addr_nr;
	return (const char *const *)engine->addrs;
}

uint32_t
engine_rank(const struct engine *engine)
{
	return engine->config.rank;
}

struct control {
	struct engine *engine;
	uint32_t opc;
	struct arena *arena;
	const void *in;
	void *out;
};

static int
control_here(void *arg)
{
	struct control *control = arg;

	return mgmt_control(control->engine->mgmt, control->opc, control->arena, control->in, control->out);
}

int
engine_control(struct engine *engine, uint32_t opc, struct arena *arena, const void *in, void *out)
{
	struct control control = {.engine = engine, .opc = opc, .arena = arena, .in = in, .out = out};

	return xs_call(engine->streams[0].xs, ULT_METADATA, control_here, &control);
}
