/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Supervision: for each engine a ULT that starts the process, waits for its end and decides what then.
 *
 *	                        format                 srv_ready, srv_open
 *	   UNFORMATTED ---------------> (wanted) --> STARTING ---------------> JOINED
 *	                                  ^  ^          | dies                   | dies
 *	                    system start  |  | back-off v                        v
 *	   STOPPED -----------------------+  +------- WAITING <------------------+----- too often ---> ERRORED (system start: again)
 *	      ^                                                                  |
 *	      +------------------------------- STOPPING <--- system stop --------+
 *
 *	engine I1  At most one process for each engine; the next is started only when the former has been reaped.
 *	engine I2  A process that dies without being asked is started again after back-off, at most deaths_most times in a row; then
 *	           the state says why. One that says that no start can mend it is given up at once. Living for calm_ns ends a row. Lives
 *	           that served and were ended by SIGKILL, which an engine never does to itself, have a row of their own with its own
 *	           limit, and no growing back-off.
 *	engine I3  client is used between control__engine_get and _put only, and is destroyed when nobody uses it.
 *
 * The engine dies with the server (PDEATHSIG), so a crash of the server leaves no process; the next start finds the state of
 * the last and starts engines anew.
 */
#include "internal.h"

#include <signal.h>
#include <sys/wait.h>
#include <stdarg.h>

enum { ARGS_MAX = 40 };
#define PORT_FIRST 31416U
#define PORT_STEP 1000U

const char *
control__state_name(enum engine_state state)
{
	static const char *const names[] = {
		[ENGINE_UNFORMATTED] = "awaitformat", [ENGINE_STOPPED] = "stopped", [ENGINE_STARTING] = "starting", [ENGINE_JOINED] = "joined",
		[ENGINE_STOPPING] = "stopping",       [ENGINE_WAITING] = "starting", [ENGINE_ERRORED] = "errored",
	};

	return names[state];
}

void
control__engine_set(struct engine *engine, enum engine_state state, const char *fmt, ...)
{
	struct control *control = engine->control;
	va_list args;

	va_start(args, fmt);
	vsnprintf(engine->info, sizeof(engine->info), fmt, args);
	va_end(args);
	if (engine->state != state)
		log_note(control->env->log, "engine %u: %s -> %s%s%s", engine->instance, control__state_name(engine->state),
			 control__state_name(state), engine->info[0] != '\0' ? ": " : "", engine->info);
	engine->state = state;
	engine->changed_s = env_wall(control->env) / NS_PER_S;
	ult_cond_broadcast(&control->changed);
	control__state_save(control);
}

static void
forget_addrs(struct engine *engine)
{
	for (uint32_t i = 0; i < engine->addr_nr; i++)
		mem_free(engine->control->mem, engine->addrs[i]);
	engine->addr_nr = 0;
}

int
control__engine_addrs(struct engine *engine, const char *const *addrs, uint32_t nr)
{
	forget_addrs(engine);
	for (uint32_t i = 0; i < nr && i < ENGINE_ADDRS_MAX; i++) {
		engine->addrs[i] = mem_strdup(engine->control->mem, addrs[i] != NULL ? addrs[i] : "");
		if (engine->addrs[i] == NULL)
			return -DER_NOMEM;
		engine->addr_nr++;
	}
	return 0;
}

void
control__engine_forget(struct engine *engine)
{
	forget_addrs(engine);
	mem_free(engine->control->mem, engine->socket);
	engine->socket = NULL;
}

/* ---- the process ------------------------------------------------------------------------------------------------------------------ */
struct words {
	struct arena *arena;
	char **list;
	uint32_t nr, max;
	int rc;
};

__attribute__((format(printf, 2, 3))) static void
add_word(struct words *words, const char *fmt, ...)
{
	va_list args, again;
	char *text;
	int len;

	va_start(args, fmt);
	va_copy(again, args);
	len = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (words->rc == 0 && (len < 0 || words->nr + 1 >= words->max))
		words->rc = -DER_OVERFLOW;
	text = words->rc == 0 ? arena_alloc(words->arena, (size_t)len + 1) : NULL;
	if (words->rc == 0 && text == NULL)
		words->rc = -DER_NOMEM;
	if (words->rc == 0) {
		vsnprintf(text, (size_t)len + 1, fmt, again);
		words->list[words->nr++] = text;
	}
	va_end(again);
}

static int
words_init(struct words *words, struct arena *arena, uint32_t max)
{
	*words = (struct words){.arena = arena, .max = max, .list = ARENA_NEW_ARRAY(arena, char *, max)};
	return words->list == NULL ? -DER_NOMEM : 0;
}

static int
make_args(const struct engine *engine, struct arena *arena, char ***argv)
{
	const struct control_config *config = engine->control->config;
	const struct control_engine_config *mine = engine->config;
	struct words words;
	int rc;

	rc = words_init(&words, arena, ARGS_MAX);
	if (rc != 0)
		return rc;
	add_word(&words, "%s", config->engine_path);
	add_word(&words, "-t");
	add_word(&words, "%u", engine->targets);
	add_word(&words, "-x");
	add_word(&words, "%u", mine->helpers);
	add_word(&words, "-g");
	add_word(&words, "%s", config->system);
	add_word(&words, "-d");
	add_word(&words, "%s", config->socket_dir);
	add_word(&words, "-T");
	add_word(&words, "%d", mine->ram ? 1 : 2);
	add_word(&words, "-I");
	add_word(&words, "%u", engine->instance);
	add_word(&words, "-s");
	add_word(&words, "%s", mine->storage);
	add_word(&words, "-c");
	add_word(&words, "%s", mine->ram ? "ram" : "file");
	add_word(&words, "-P");
	add_word(&words, "%u", engine->port);
	add_word(&words, "-f");
	add_word(&words, "%u", mine->first_core);
	if (mine->numa >= 0) {
		add_word(&words, "-p");
		add_word(&words, "%d", mine->numa);
	}
	if (mine->modules != NULL && mine->modules[0] != '\0') {
		add_word(&words, "-m");
		add_word(&words, "%s", mine->modules);
	}
	*argv = words.list;
	return words.rc;
}

static size_t
name_len(const char *var)
{
	const char *equals = strchr(var, '=');

	return equals != NULL ? (size_t)(equals - var) : strlen(var);
}

static bool
same_name(const char *a, const char *b)
{
	size_t len = name_len(a);

	return len == name_len(b) && memcmp(a, b, len) == 0;
}

static bool
is_passed(const struct control_engine_config *mine, const char *var)
{
	if (mine->env_pass_nr == 0)
		return true;
	for (uint32_t i = 0; i < mine->env_pass_nr; i++)
		if (mine->env_pass[i] != NULL && same_name(mine->env_pass[i], var))
			return true;
	return same_name(var, "PATH") || same_name(var, "HOME");
}

/* Ours and the configuration's first; then what the server's own environment has besides. */
static int
make_environment(const struct engine *engine, struct arena *arena, char ***envp)
{
	const struct control_engine_config *mine = engine->config;
	const char *const *outer = engine->control->config->environ;
	uint32_t outer_nr = 0, ours;
	bool mask = false;
	struct words words;
	int rc;

	while (outer != NULL && outer[outer_nr] != NULL) {
		mask = mask || same_name(outer[outer_nr], "D_LOG_MASK");
		outer_nr++;
	}
	rc = words_init(&words, arena, outer_nr + mine->env_nr + 16);
	if (rc != 0)
		return rc;
	for (uint32_t i = 0; i < mine->env_nr; i++)
		add_word(&words, "%s", mine->env[i]);
	add_word(&words, "D_LOG_FILE=%s", mine->log_file);
	add_word(&words, "D_LOG_STDERR_IN_LOG=1");
	if (!mask && mine->log_mask != NULL)
		add_word(&words, "D_LOG_MASK=%s", mine->log_mask);
	ours = words.nr;
	for (uint32_t o = 0; o < outer_nr && words.rc == 0; o++) {
		bool passed = is_passed(mine, outer[o]);

		for (uint32_t i = 0; passed && i < ours; i++)
			passed = !same_name(words.list[i], outer[o]);
		if (passed && words.nr + 1 < words.max)
			words.list[words.nr++] = (char *)outer[o];
	}
	*envp = words.list;
	return words.rc;
}

static void
engine_exited(void *arg, int status)
{
	struct engine *engine = arg;

	engine->proc = NULL;
	engine->exited = true;
	engine->exit_status = status;
	ult_cond_broadcast(&engine->control->changed);
}

static int
spawn(struct engine *engine)
{
	struct env *env = engine->control->env;
	char **argv, **envp;
	struct arena arena;
	int rc;

	if (engine->port == 0)
		engine->port = engine->config->port != 0 ? engine->config->port : PORT_FIRST + PORT_STEP * engine->instance;
	arena_init(&arena, engine->control->mem);
	rc = make_args(engine, &arena, &argv);
	if (rc == 0)
		rc = make_environment(engine, &arena, &envp);
	engine->exited = engine->ready = false;
	if (rc == 0)
		rc = env->ops->host.spawn(xs_loop(engine->control->xs), argv, envp, engine_exited, engine, &engine->proc);
	if (rc == 0)
		engine->pid = env->ops->host.proc_pid(engine->proc);
	arena_fini(&arena);
	return rc;
}

static void
say_end(const struct engine *engine, char *text, size_t size)
{
	int status = engine->exit_status;
	const char *said = engine->failure[0] != '\0' ? engine->failure : "";

	if (WIFSIGNALED(status))
		snprintf(text, size, "was killed by signal %d%s%s", WTERMSIG(status), said[0] != '\0' ? ", after saying: " : "", said);
	else
		snprintf(text, size, "ended with status %d%s%s", WEXITSTATUS(status), said[0] != '\0' ? ": " : "", said);
}

/* The process has ended: nothing of it is kept. YIELDS */
static void
clean_up(struct engine *engine)
{
	struct control *control = engine->control;

	engine->ready = false;
	engine->pid = 0;
	/* engine I3: calls under way end, since the other end of their connection is gone. */
	while (engine->callers > 0)
		ult_cond_wait(&control->changed, NULL);
	if (engine->client != NULL)
		drpc_client_destroy(engine->client);
	engine->client = NULL;
	/* A process that was killed leaves its socket behind. */
	if (engine->socket != NULL)
		control->env->ops->file.remove(control->env, engine->socket);
	control__engine_forget(engine);
}

/* From a start to the end. 0, or why it could not be started. YIELDS */
static int
run_once(struct engine *engine)
{
	struct control *control = engine->control;
	int rc;

	engine->failure[0] = '\0';
	engine->failed = 0;
	engine->joined_ns = 0;
	engine->started_ns = env_mono(control->env);
	rc = spawn(engine);
	if (rc != 0) {
		engine->failed = rc;
		snprintf(engine->failure, sizeof(engine->failure), "%s cannot be run: %s: is it installed beside daos_server?",
			 control->config->engine_path, d_errstr(rc));
		return rc;
	}
	control__engine_set(engine, ENGINE_STARTING, "process %d", engine->pid);
	while (!engine->exited)
		ult_cond_wait(&control->changed, NULL);
	clean_up(engine);
	return 0;
}

static uint64_t
backoff(const struct control_pace *pace, uint32_t deaths)
{
	uint64_t ns = pace->backoff_first_ns;

	for (uint32_t i = 1; i < deaths && ns < pace->backoff_most_ns; i++)
		ns *= 2;
	return MIN(ns, pace->backoff_most_ns);
}

/* What no further start can mend, since it lies on the disks or stands in the configuration: what can. NULL: the next may do. */
static const char *
hopeless(const struct engine *engine)
{
	switch (engine->failed) {
	case -DER_DF_INVAL:
	case -DER_CSUM: return "bring the storage back from a copy, or name another directory";
	case -DER_DF_INCOMPT: return "run the version that wrote the storage, or a newer one";
	case -DER_INVAL:
	case -DER_NONEXIST:
	case -DER_MISMATCH: return "mend the configuration";
	case -DER_NO_PERM: return "give it to the user who runs daos_server";
	default: return NULL;
	}
}

/* Into the row it belongs to (I2). False: it was killed while it served. */
static bool
count_death(struct engine *engine, const struct control_pace *pace, int start_rc, uint64_t now)
{
	bool served = start_rc == 0 && engine->joined_ns != 0 && now - engine->joined_ns >= pace->served_ns;

	if (start_rc == 0 && now - engine->started_ns >= pace->calm_ns)
		engine->deaths = engine->kills = 0;
	if (served && WIFSIGNALED(engine->exit_status) && WTERMSIG(engine->exit_status) == SIGKILL) {
		engine->kills++;
		engine->deaths = 0;
		return false;
	}
	engine->deaths++;
	return true;
}

/* It died though it was wanted: wait, or give up. YIELDS */
static void
after_death(struct engine *engine, int start_rc)
{
	struct control *control = engine->control;
	const struct control_pace *pace = &control->config->pace;
	uint64_t now = env_mono(control->env), until;
	bool counted;
	char how[400];

	if (hopeless(engine) != NULL) {
		engine->wanted = false;
		log_error(control->env->log, "engine %u does not start: %s; %s, then dmg system start; see %s", engine->instance, engine->failure,
			  hopeless(engine), engine->config->log_file);
		control__engine_set(engine, ENGINE_ERRORED, "does not start: %s: %s", engine->failure, hopeless(engine));
		return;
	}
	if (start_rc == 0)
		say_end(engine, how, sizeof(how));
	else
		snprintf(how, sizeof(how), "%s", engine->failure);
	counted = count_death(engine, pace, start_rc, now);
	if (engine->deaths >= pace->deaths_most || engine->kills >= pace->kills_most) {
		engine->wanted = false;
		log_error(control->env->log, "engine %u: given up after %u deaths in a row: it %s; see %s, then dmg system start", engine->instance,
			  engine->deaths + engine->kills, how, engine->config->log_file);
		control__engine_set(engine, ENGINE_ERRORED, "given up after %u deaths in a row: it %s", engine->deaths + engine->kills, how);
		return;
	}
	until = now + (counted ? backoff(pace, engine->deaths) : pace->backoff_first_ns);
	log_error(control->env->log, "engine %u %s; started again in %llu ms (%u of %u deaths, %u of %u kills); see %s", engine->instance, how,
		  (unsigned long long)((until - now) / NS_PER_MS), engine->deaths, pace->deaths_most, engine->kills, pace->kills_most,
		  engine->config->log_file);
	control__engine_set(engine, ENGINE_WAITING, "%s", how);
	while (engine->wanted && !control->stopping && env_mono(control->env) < until)
		ult_cond_wait_until(&control->changed, NULL, until);
	engine->restarts++;
}

static void
engine_main(void *arg)
{
	struct engine *engine = arg;
	struct control *control = engine->control;
	int rc;

	while (!control->stopping) {
		if (!engine->wanted) {
			ult_cond_wait(&control->changed, NULL);
			continue;
		}
		rc = run_once(engine);
		if (!engine->wanted || control->stopping)
			control__engine_set(engine, ENGINE_STOPPED, "%s", "");
		else
			after_death(engine, rc);
		if ((!engine->wanted || control->stopping) && engine->state == ENGINE_WAITING)
			control__engine_set(engine, ENGINE_STOPPED, "%s", "");
	}
}

int
control__engine_start(struct engine *engine)
{
	return ult_spawn(engine->control->xs, ULT_SYSTEM, "engine", engine_main, engine, &engine->ult);
}

void
control__engine_end(struct engine *engine)
{
	if (engine->ult != NULL)
		ult_join(engine->ult);
	engine->ult = NULL;
	control__engine_forget(engine);
}

/* ---- stopping ----------------------------------------------------------------------------------------------------------------------- */
static void
signal_it(struct engine *engine, int signo)
{
	if (engine->proc != NULL)
		engine->control->env->ops->host.proc_signal(engine->proc, signo);
}

/* Asks it to end: over dRPC when it listens, else by a signal. YIELDS */
static void
ask_to_stop(struct engine *engine)
{
	struct control *control = engine->control;
	struct ctl_stop_in in;
	struct ctl_stop_out out;
	struct arena arena;
	int rc = -DER_UNREACH;

	if (engine->client != NULL && engine->ready) {
		arena_init(&arena, control->mem);
		engine->callers++;
		rc = proto_local_call(engine->client, DRPC_MODULE_MGMT, &proto_control, opc_ctl_stop, &in, &out,
				      env_mono(control->env) + MIN(5 * NS_PER_S, control->config->pace.stop_within_ns), &arena);
		control__engine_put(engine);
		arena_fini(&arena);
	}
	if (rc != 0)
		signal_it(engine, SIGTERM);
}

int
control__engine_halt(struct engine *engine, bool force)
{
	struct control *control = engine->control;
	uint64_t until = env_mono(control->env) + control->config->pace.stop_within_ns;
	int32_t pid = engine->pid;

	engine->wanted = false;
	ult_cond_broadcast(&control->changed);
	if (pid != 0 && engine->state != ENGINE_STOPPING) {
		control__engine_set(engine, ENGINE_STOPPING, force ? "killed on demand" : "asked to stop");
		if (force || control->hurried)
			signal_it(engine, SIGKILL);
		else
			ask_to_stop(engine);
	}
	while (pid != 0 && engine->pid == pid && env_mono(control->env) < until && !control->hurried)
		ult_cond_wait_until(&control->changed, NULL, until);
	if (pid != 0 && engine->pid == pid) {
		log_warn(control->env->log, "engine %u did not stop in time and is killed; nothing that was acknowledged is lost", engine->instance);
		signal_it(engine, SIGKILL);
	}
	/* Its ULT has the last word on the state. */
	while ((pid != 0 && engine->pid == pid) || engine->state == ENGINE_STOPPING || (engine->state == ENGINE_WAITING && !engine->wanted))
		ult_cond_wait(&control->changed, NULL);
	return 0;
}

void
control_hurry(struct control *control)
{
	control->hurried = true;
	for (uint32_t i = 0; i < control->engine_nr; i++)
		signal_it(&control->engines[i], SIGKILL);
	ult_cond_broadcast(&control->changed);
}
