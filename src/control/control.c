/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server's life: directories, lock, keys, what is known from the last time; then the socket; then the engines. Stopping goes the
 * other way. See the door for what it is, engine.c for supervision, state.c for what is kept.
 *
 *	control I1  Of two servers with the same socket_dir one holds the lock; the other changes nothing.
 *	control I2  Everything lives on one stream; between two yields nothing else changes.
 *	control I3  What is refused is not written to: storage and lock are looked at before the first file is made.
 */
#include "internal.h"

#include <stdarg.h>

/* Makes the directories. The sockets' is closed to others unless root serves a machine. */
static int
make_dirs(struct env *env, const struct control_config *config, struct strbuf *error)
{
	mode_t mode = config->uid == 0 ? 0755 : 0700;
	const struct {
		const char *path;
		mode_t mode;
	} dirs[] = {{config->dir, 0755}, {config->socket_dir, mode}, {config->agent_dir, mode}, {config->log_dir, 0755}, {config->meta_dir, 0700}};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(dirs); i++) {
		if (dirs[i].path == NULL)
			continue;
		rc = env->ops->file.mkdir(env, dirs[i].path, dirs[i].mode);
		if (rc != 0)
			strbuf_addf(error, "the directory %s cannot be made: %s: choose another with --dir, or ask for permission", dirs[i].path,
				    d_errstr(rc));
	}
	return rc;
}

static void
say_busy(struct env *env, const struct control_config *config, struct strbuf *error)
{
	int32_t pid = control__state_pid(env, config->state_file);

	strbuf_addf(error, "another daos_server");
	if (pid != 0)
		strbuf_addf(error, " (process %d)", pid);
	strbuf_addf(error, " runs in %s: stop it first, or choose another directory with --dir", config->socket_dir);
}

static void
say_storage(uint32_t i, const char *path, int rc, struct strbuf *error)
{
	strbuf_addf(error, "engine %u: the storage %s %s (%s)", i, path,
		    rc == -DER_EXIST      ? "is not empty and not ours: choose another directory, or empty it" :
		    rc == -DER_MISMATCH   ? "was made for another system, class or number of targets: start it with what stands in its file superblock (-g, -t), or without these" :
		    rc == -DER_DF_INCOMPT ? "was made by a newer version: run that one" :
		    rc == -DER_DF_INVAL   ? "holds a file 'superblock' that is damaged or not ours: bring it back from a copy, or choose another directory" :
		    rc == -DER_NO_PERM    ? "may not be read by this user: start as its owner, or choose another directory" :
					    "cannot be used: is it a directory?",
		    d_errstr(rc));
}

/* control I3: looks only. */
static int
check_storage(struct env *env, const struct control_config *config, uint32_t i, struct strbuf *error)
{
	struct control control = {.env = env, .config = config, .mem = env->mem};
	struct engine engine = {.control = &control, .config = &config->engines[i], .instance = i};
	int rc = control__superblock_read(&engine);

	if (rc == -DER_NONEXIST && config->auto_format)
		rc = control__storage_vacant(env, engine.config->storage);
	if (rc == -DER_NONEXIST)
		rc = 0;
	if (rc != 0)
		say_storage(i, engine.config->storage, rc, error);
	return rc;
}

int
control_place_check(struct env *env, const struct control_config *config, struct strbuf *error)
{
	char path[CONTROL_SOCKET_DIR_MAX + 8];
	int rc, token;

	rc = control_config_check(config, error);
	if (rc != 0)
		return rc;
	snprintf(path, sizeof(path), "%s/lock", config->socket_dir);
	if (env->ops->file.stat(env, path, NULL, NULL) == 0) {
		rc = env->ops->file.lock(env, path, &token);
		if (rc == 0)
			env->ops->file.unlock(env, token);
		if (rc == -DER_BUSY)
			say_busy(env, config, error);
	}
	/* What else is wrong with the lock is told by who takes it. */
	for (uint32_t i = 0; rc != -DER_BUSY && i < config->engine_nr; i++) {
		rc = check_storage(env, config, i, error);
		if (rc != 0)
			return rc;
	}
	return rc;
}

static int
take_lock(struct control *control, struct strbuf *error)
{
	struct env *env = control->env;
	const char *path = control__path(&control->arena, "%s/lock", control->config->socket_dir);
	int rc;

	if (path == NULL)
		return -DER_NOMEM;
	rc = env->ops->file.lock(env, path, &control->lock);
	if (rc == -DER_BUSY)
		say_busy(env, control->config, error);
	else if (rc != 0)
		strbuf_addf(error, "%s cannot be locked: %s: may this user write there?", path, d_errstr(rc));
	control->locked = rc == 0;
	return rc;
}

/* Which engines can start at once, and which wait for their format. */
static int
look_at_storage(struct control *control, struct strbuf *error)
{
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < control->engine_nr; i++) {
		struct engine *engine = &control->engines[i];

		rc = control__superblock_read(engine);
		if (rc == -DER_NONEXIST && control->config->auto_format)
			rc = control__format(engine, false);
		engine->wanted = rc == 0;
		engine->state = rc == 0 ? ENGINE_STOPPED : ENGINE_UNFORMATTED;
		if (rc == -DER_NONEXIST) {
			log_note(control->env->log, "engine %u waits until its storage is formatted: dmg storage format", i);
			snprintf(engine->info, sizeof(engine->info), "storage is not formatted: dmg storage format");
			rc = 0;
		}
		if (rc != 0)
			say_storage(i, engine->config->storage, rc, error);
	}
	return rc;
}

static int
make_engines(struct control *control)
{
	const struct control_config *config = control->config;

	control->engines = MEM_NEW_ARRAY(control->mem, struct engine, config->engine_nr);
	if (control->engines == NULL)
		return -DER_NOMEM;
	control->engine_nr = config->engine_nr;
	for (uint32_t i = 0; i < config->engine_nr; i++) {
		struct engine *engine = &control->engines[i];

		engine->control = control;
		engine->config = &config->engines[i];
		engine->instance = i;
		engine->rank = UINT32_MAX;
		engine->targets = config->engines[i].targets;
		engine->state = ENGINE_STOPPED;
	}
	return 0;
}

/* Sockets of engines that died with a server before us. */
static void
sweep_sockets(struct control *control)
{
	struct env *env = control->env;
	struct env_dirent *entries;
	char path[4096];
	int nr;

	if (env->ops->file.list(env, control->config->socket_dir, &entries, &nr) != 0)
		return;
	for (int i = 0; i < nr; i++) {
		size_t len = strlen(entries[i].name);

		if (strncmp(entries[i].name, "daos_engine_", 12) != 0 || len < 5 || strcmp(entries[i].name + len - 5, ".sock") != 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", control->config->socket_dir, entries[i].name);
		env->ops->file.remove(env, path);
	}
	mem_free(env->mem, entries);
}

static int
serve(struct control *control, struct strbuf *error)
{
	const char *path = control__path(&control->arena, "%s/" CONTROL_SERVER_SOCKET, control->config->socket_dir);
	int rc = path == NULL ? -DER_NOMEM : control__srv_register(control);

	if (rc == 0)
		rc = drpc_listen(control->xs, control->xs, path, 0600, &control->registry, &control->listener);
	if (rc != 0)
		strbuf_addf(error, "%s/" CONTROL_SERVER_SOCKET " cannot be listened at: %s", control->config->socket_dir, d_errstr(rc));
	for (uint32_t i = 0; rc == 0 && i < control->engine_nr; i++)
		rc = control__engine_start(&control->engines[i]);
	return rc;
}

int
control_start(struct env *env, struct xs *xs, const struct control_config *config, struct strbuf *error, struct control **result)
{
	struct control *control = MEM_NEW(env->mem, struct control);
	int rc;

	if (control == NULL)
		return -DER_NOMEM;
	control->env = env;
	control->xs = xs;
	control->mem = env->mem;
	control->config = config;
	arena_init(&control->arena, env->mem);
	ult_cond_init(&control->changed);
	if (env->ops->host.hostname(env, control->host, sizeof(control->host)) != 0)
		snprintf(control->host, sizeof(control->host), "localhost");
	rc = control_config_check(config, error);
	if (rc == 0)
		rc = make_dirs(env, config, error);
	if (rc == 0)
		rc = take_lock(control, error);
	if (rc == 0)
		rc = make_engines(control);
	if (rc == 0)
		rc = control__keys_load(control, error);
	if (rc == 0)
		rc = control__state_load(control);
	if (rc == 0)
		rc = look_at_storage(control, error);
	if (rc == 0) {
		control->group_version++;
		sweep_sockets(control);
		rc = control__state_save(control);
	}
	if (rc == 0)
		rc = serve(control, error);
	if (rc != 0) {
		if (error->len == 0)
			strbuf_addf(error, "cannot start: %s", d_errstr(rc));
		control_stop(control);
		return rc;
	}
	*result = control;
	return 0;
}

struct halting {
	struct engine *engine;
	struct ult *ult;
};

static void
halt_main(void *arg)
{
	struct halting *halting = arg;

	control__engine_halt(halting->engine, false);
}

/* All at once. YIELDS */
static void
halt_all(struct control *control)
{
	struct halting *all = MEM_NEW_ARRAY(control->mem, struct halting, control->engine_nr);

	for (uint32_t i = 0; i < control->engine_nr; i++) {
		if (all == NULL) {
			control__engine_halt(&control->engines[i], false);
			continue;
		}
		all[i].engine = &control->engines[i];
		if (ult_spawn(control->xs, ULT_SYSTEM, "halt", halt_main, &all[i], &all[i].ult) != 0)
			control__engine_halt(&control->engines[i], false);
	}
	for (uint32_t i = 0; all != NULL && i < control->engine_nr; i++)
		if (all[i].ult != NULL)
			ult_join(all[i].ult);
	mem_free(control->mem, all);
}

void
control_hush(struct control *control)
{
	control->stopping = true;
	ult_cond_broadcast(&control->changed);
}

void
control_stop(struct control *control)
{
	control_hush(control);
	if (control->engines != NULL) {
		halt_all(control);
		for (uint32_t i = 0; i < control->engine_nr; i++)
			control__engine_end(&control->engines[i]);
	}
	if (control->listener != NULL)
		drpc_listener_stop(control->listener);
	while (control->guests > 0)
		ult_cond_wait(&control->changed, NULL);
	control->ended = true;
	if (control->locked) {
		control__state_save(control);
		control->env->ops->file.unlock(control->env, control->lock);
	}
	memset(control->secret, 0, sizeof(control->secret));
	mem_free(control->mem, control->engines);
	arena_fini(&control->arena);
	mem_free(control->mem, control);
}

/* ---- how it stands ---------------------------------------------------------------------------------------------------------------- */
bool
control_is_idle(const struct control *control)
{
	for (uint32_t i = 0; i < control->engine_nr; i++)
		if (control->engines[i].wanted || control->engines[i].pid != 0 || control->engines[i].state != ENGINE_ERRORED)
			return false;
	return true;
}

static uint32_t
count(const struct control *control, enum engine_state state, const struct engine **one)
{
	uint32_t nr = 0;

	for (uint32_t i = 0; i < control->engine_nr; i++)
		if (control->engines[i].state == state) {
			*one = &control->engines[i];
			nr++;
		}
	return nr;
}

int
control_wait_open(struct control *control, uint64_t deadline_ns, struct strbuf *why)
{
	const struct engine *one = NULL;

	for (;;) {
		uint32_t errored = count(control, ENGINE_ERRORED, &one), joined, unformatted;

		if (errored > 0 || control->stopping) {
			strbuf_addf(why, "engine %u: %s; see %s", one != NULL ? one->instance : 0, one != NULL ? one->info : "stopped",
				    one != NULL ? one->config->log_file : control->config->log_file);
			return -DER_SHUTDOWN;
		}
		unformatted = count(control, ENGINE_UNFORMATTED, &one);
		joined = count(control, ENGINE_JOINED, &one);
		if (joined == control->engine_nr)
			return 0;
		if (unformatted > 0 && unformatted + joined == control->engine_nr)
			return -DER_UNINIT;
		if (ult_cond_wait_until(&control->changed, NULL, deadline_ns) != 0) {
			for (uint32_t i = 0; i < control->engine_nr; i++)
				if (control->engines[i].state != ENGINE_JOINED)
					one = &control->engines[i];
			strbuf_addf(why, "engine %u is %s%s%s; see %s", one->instance, control__state_name(one->state),
				    one->info[0] != '\0' ? ": " : "", one->info, one->config->log_file);
			return -DER_TIMEDOUT;
		}
	}
}

const struct control_config *
control_configuration(const struct control *control)
{
	return control->config;
}

const uint8_t *
control_secret_key(const struct control *control)
{
	return control->secret;
}

int
control_members(struct control *control, struct arena *arena, struct agent_rank **ranks, uint32_t *nr, uint32_t *version)
{
	uint64_t deadline_ns = env_mono(control->env) + control->config->pace.attach_within_ns;
	const struct engine *one;
	int rc;

	/* Those that are on their way are waited for, so that a client learns of all at once. */
	while (count(control, ENGINE_STARTING, &one) + count(control, ENGINE_WAITING, &one) > 0 || count(control, ENGINE_JOINED, &one) == 0)
		if (control->stopping || ult_cond_wait_until(&control->changed, NULL, deadline_ns) != 0)
			break;
	rc = control__group(control, arena, true, ranks, nr);
	*version = control->group_version;
	return rc != 0 ? rc : *nr == 0 ? -DER_AGAIN : 0;
}
