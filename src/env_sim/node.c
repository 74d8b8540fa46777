/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nodes: clocks, choices, the machine they believe to run on, life and death.
 *
 * node I1: whatever a dead life owned is gone at once: streams, loops, callbacks, memory, stacks, handles. A life struct itself
 * stays until the world ends, so that what still refers to it sees that it is dead.
 * node I2: a node never dies while it is polled; death asked for then is carried out after the poll, and from the asking on
 * nothing that it does leaves it.
 */
#include <stdio.h>
#include "world.h"

#define WALL_EPOCH 1735689600000000000ULL /* 2025-01-01 */

struct sim_life *
sim__life(struct env *env)
{
	struct sim_life *life = container_of(env, struct sim_life, env);

	ASSERTF(!life->dead, "an env used after the death of its node");
	return life;
}

/* ---- clocks ---------------------------------------------------------------------------------------------------------- */

uint64_t
sim__mono(const struct sim_node *node)
{
	uint64_t passed = node->sim->now - node->world_base;

	return node->mono_base + (uint64_t)((__int128)passed * (1000000 + node->drift_ppm) / 1000000);
}

uint64_t
sim__world_time(const struct sim_node *node, uint64_t mono_ns)
{
	__int128 ahead, time;

	if (mono_ns <= node->mono_base)
		return node->world_base;
	ahead = mono_ns - node->mono_base;
	time = node->world_base + (ahead * 1000000 + 999999 + node->drift_ppm) / (1000000 + node->drift_ppm);
	return time >= (__int128)ENV_FOREVER ? ENV_FOREVER - 1 : (uint64_t)time;
}

static uint64_t
mono_ns(struct env *env)
{
	return sim__mono(sim__life(env)->node);
}

static uint64_t
wall_ns(struct env *env)
{
	struct sim_node *node = sim__life(env)->node;

	return WALL_EPOCH + sim__mono(node) + (uint64_t)node->wall_offset;
}

void
sim_node_drift(struct sim *sim, uint32_t id, int64_t ppm)
{
	struct sim_node *node = &sim->nodes[id];

	ASSERT(ppm > -1000000);
	node->mono_base = sim__mono(node);
	node->world_base = sim->now;
	node->drift_ppm = ppm;
}

void
sim_node_jump_wall(struct sim *sim, uint32_t id, int64_t ns)
{
	sim->nodes[id].wall_offset += ns;
}

/* ---- randomness and choice -------------------------------------------------------------------------------------------- */

static uint64_t
node_rand(struct env *env)
{
	return rand_u64(&sim__life(env)->node->rand);
}

static int
rand_secure(struct env *env, void *buf, size_t len)
{
	rand_fill(&sim__life(env)->node->rand, buf, len);
	return 0;
}

static uint32_t
choose(struct env *env, uint32_t nr)
{
	struct sim_life *life = sim__life(env);

	sim__point(life);
	if (!sim__chance(&life->node->choose, life->sim->options.choose_ppm))
		return 0;
	return (uint32_t)rand_below(&life->node->choose, nr);
}

static bool
buggify(struct env *env, const char *site)
{
	struct sim *sim = sim__life(env)->sim;
	struct sim_counter *counter;

	if (sim->options.buggify == 0)
		return false;
	counter = sim__counter(sim, "buggify", site);
	if (!counter->active || !sim__chance(&sim->buggify, sim->options.buggify))
		return false;
	counter->hits++;
	return true;
}

static void
sometimes(struct env *env, const char *site)
{
	sim__count(sim__life(env)->sim, "sometimes", site);
}

/* ---- host -------------------------------------------------------------------------------------------------------------- */

static int
topology(struct env *env, struct env_topo *topo)
{
	struct sim *sim = sim__life(env)->sim;

	memset(topo, 0, sizeof(*topo));
	topo->numa_nr = 1;
	topo->core_nr = topo->pu_nr = (int)MIN(sim->options.cores, (uint64_t)ARRAY_SIZE(topo->core));
	topo->memory = 16 * GIB;
	for (int i = 0; i < topo->core_nr; i++)
		topo->core[i].pus.bits[i / 64] = 1ULL << (i % 64);
	return 0;
}

static int
thread_start(struct env *env, const char *name, const struct env_cpus *cpus, void (*body)(void *arg), void *arg,
	     struct env_thread **thread)
{
	return -DER_NOSYS;
}

static int
stack_alloc(struct env *env, size_t size, void **base)
{
	struct sim_life *life = sim__life(env);
	struct sim_stack *stack;
	int rc;

	if (sim__mem_strikes(&life->mem, __builtin_return_address(0)))
		return -DER_NOMEM;
	rc = machine_stack_alloc(size, &stack, base);
	if (rc != 0)
		return rc;
	list_append(&life->stacks, &stack->link);
	life->mem.stats.handles++;
	return 0;
}

static void
stack_free(struct env *env, void *base, size_t size)
{
	struct sim_life *life = sim__life(env);
	struct sim_stack *stack = machine_stack_of(base);

	ASSERTF(stack->base == base && stack->size == size, "a stack freed that was not allocated");
	list_remove(&stack->link);
	machine_stack_free(stack);
	life->mem.stats.handles--;
}

static const char *
host_getenv(struct env *env, const char *name)
{
	struct sim_setting *setting;

	list_each(setting, &sim__life(env)->node->settings, link)
		if (strcmp(setting->name, name) == 0)
			return setting->value;
	return NULL;
}

static char *
copy_text(const char *text)
{
	size_t len = strlen(text) + 1;

	return memcpy(machine_alloc(len), text, len);
}

void
sim_node_setenv(struct sim *sim, uint32_t node, const char *name, const char *value)
{
	struct sim_setting *setting = machine_alloc(sizeof(*setting));

	*setting = (struct sim_setting){.name = copy_text(name), .value = copy_text(value)};
	list_push(&sim->nodes[node].settings, &setting->link); /* the newest is found first */
}

static int
hostname(struct env *env, char *name, size_t size)
{
	snprintf(name, size, "%s", sim__life(env)->node->host->name);
	return 0;
}

static int32_t
host_getpid(struct env *env)
{
	struct sim_life *life = sim__life(env);

	return (int32_t)(1000 + life->node->id + life->number * SIM_NODES_MAX);
}

static int
spawn(struct env_loop *loop, char *const argv[], char *const envp[], void (*exited)(void *arg, int status), void *arg,
      struct env_proc **proc)
{
	return -DER_NOSYS;
}

static int32_t
proc_pid(struct env_proc *proc)
{
	return -1;
}

static int
proc_signal(struct env_proc *proc, int signo)
{
	return -DER_NOSYS;
}

/* ---- signals ------------------------------------------------------------------------------------------------------------ */

static void
signal_due(struct sim_due *due, bool dropped)
{
	struct sim_watch *watch = container_of(due, struct sim_watch, due);
	uint32_t pending = watch->pending;

	watch->pending = 0;
	for (; pending > 0 && !dropped; pending--)
		watch->caught(watch->arg, watch->signo);
}

static int
watch_signal(struct env_loop *loop, int signo, void (*caught)(void *arg, int signo), void *arg)
{
	struct sim_watch *watch;

	if (sim__mem_strikes(&loop->life->mem, __builtin_return_address(0)))
		return -DER_NOMEM;
	watch = machine_alloc_zeroed(sizeof(*watch));
	*watch = (struct sim_watch){.loop = loop, .signo = signo, .caught = caught, .arg = arg, .due.run = signal_due};
	list_append(&loop->life->watches, &watch->link);
	return 0;
}

void
sim__watches_drop(struct env_loop *loop)
{
	struct sim_watch *watch, *next;

	list_each_safe(watch, next, &loop->life->watches, link)
		if (watch->loop == loop) {
			list_remove(&watch->link);
			machine_free(watch);
		}
}

bool
sim_node_signal(struct sim *sim, uint32_t node, int signo)
{
	struct sim_life *life = sim->nodes[node].life;
	struct sim_watch *watch;
	bool caught = false;

	if (life == NULL)
		return false;
	list_each(watch, &life->watches, link) {
		if (watch->signo != signo)
			continue;
		if (watch->pending++ == 0)
			sim__loop_add(watch->loop, &watch->due);
		caught = true;
	}
	return caught;
}

/* ---- log ------------------------------------------------------------------------------------------------------------------ */

static void
log_write(struct log *log, enum log_level level, const char *facility, const char *line)
{
	static const char *const names[] = {"DEBUG", "INFO", "NOTE", "WARN", "ERR", "CRIT", "EMIT"};
	struct sim_life *life = container_of(log, struct sim_life, log);
	uint64_t now = life->sim->now;
	char text[1024];
	int len = snprintf(text, sizeof(text), "%llu.%09llu node %u %s %s: %s\n", (unsigned long long)(now / NS_PER_S),
			   (unsigned long long)(now % NS_PER_S), life->node->id, names[MIN((int)level, 6)], facility, line);

	if ((uint64_t)level >= life->sim->options.log_level)
		machine_print(text, MIN((size_t)len, sizeof(text) - 1));
}

/* ---- life and death --------------------------------------------------------------------------------------------------- */

static const struct env_host_ops host_ops = {
	.topology = topology,
	.stream_start = sim__stream_start,
	.stack_alloc = stack_alloc,
	.stack_free = stack_free,
	.thread_start = thread_start,
	.thread_join = sim__thread_join,
	.getenv = host_getenv,
	.hostname = hostname,
	.getpid = host_getpid,
	.spawn = spawn,
	.proc_pid = proc_pid,
	.proc_signal = proc_signal,
	.watch_signal = watch_signal,
};

static struct env *
begin_life(struct sim_node *node)
{
	struct sim *sim = node->sim;
	struct sim_life *life = machine_alloc_zeroed(sizeof(*life));

	life->sim = sim;
	life->node = node;
	life->number = ++node->lives;
	list_init(&life->loops);
	list_init(&life->streams);
	list_init(&life->stacks);
	list_init(&life->conns);
	list_init(&life->listens);
	list_init(&life->disks);
	list_init(&life->watches);
	list_init(&life->maps);
	sim__mem_init(&life->mem, life);
	life->log.write = log_write;
	life->log.base_level = (enum log_level)sim->options.log_level;
	life->env = (struct env){.ops = &sim->ops, .mem = &life->mem.mem, .log = &life->log};
	list_append(&sim->lives, &life->link);
	node->life = life;
	node->paused = false;
	node->host->dark = false;
	sim__trace(sim, "life", node->id, life->number, 0);
	return &life->env;
}

static void
end_life(struct sim_life *life, enum sim_crash how)
{
	struct sim_watch *watch;
	struct sim_stack *stack;

	sim__trace(life->sim, how == SIM_POWER ? "power lost" : "killed", life->node->id, life->number, 0);
	life->node->life = NULL;
	sim__net_node_died(life, how);
	sim__loops_drop(life);
	sim__disks_drop(life);
	sim__files_drop(life);
	while ((watch = list_pop(&life->watches, struct sim_watch, link)) != NULL)
		machine_free(watch);
	while ((stack = list_pop(&life->stacks, struct sim_stack, link)) != NULL)
		machine_stack_free(stack);
	sim__mem_drop(&life->mem);
	life->dead = true;
}

void
sim__node_bury(struct sim_node *node)
{
	struct sim *sim = node->sim;
	struct sim_host *host = node->host;
	struct sim_life *life = node->life;
	enum sim_crash how = node->crash_how;

	if (how == SIM_KILL) {
		sim__disks_killed(host, life);
		end_life(life, how);
		return;
	}
	for (uint32_t i = 0; i < sim->node_nr; i++)
		if (sim->nodes[i].host == host && sim->nodes[i].life != NULL)
			end_life(sim->nodes[i].life, how);
	host->dark = true;
	sim__disks_power_lost(host);
}

void
sim_node_crash(struct sim *sim, uint32_t id, enum sim_crash how)
{
	struct sim_node *node = &sim->nodes[id];

	ASSERT(id < sim->node_nr);
	if (node->life == NULL)
		return;
	sim__struck(sim, how == SIM_POWER ? SIM_POWER_LOST : SIM_KILLED);
	/* The one that must not be pulled from under its own feet. */
	if (sim->polling != NULL && (sim->polling->life == node->life ||
				     (how == SIM_POWER && sim->polling->life->node->host == node->host))) {
		sim->polling->life->dying = true;
		sim__struck(sim, SIM_DIED_WITHIN);
		sim->polling->life->node->crash_how = how;
		return;
	}
	node->crash_how = how;
	sim__node_bury(node);
}

void
sim_node_crash_at(struct sim *sim, uint32_t id, uint64_t nth, enum sim_crash how)
{
	sim->nodes[id].crash_nth = nth;
	sim->nodes[id].crash_at_how = how;
}

void
sim__point(struct sim_life *life)
{
	struct sim_node *node = life->node;

	if (likely(node->crash_nth == 0) || life->dying || life->sim->polling == NULL || life->sim->polling->life != life ||
	    --node->crash_nth > 0)
		return;
	sim_node_crash(life->sim, node->id, node->crash_at_how);
}

struct env *
sim_node_restart(struct sim *sim, uint32_t id)
{
	struct sim_node *node = &sim->nodes[id];
	struct env *env;

	ASSERTF(node->life == NULL, "a node started that is up");
	env = begin_life(node);
	if (node->boot != NULL)
		node->boot(node->boot_arg, env);
	return env;
}

void
sim_node_set_boot(struct sim *sim, uint32_t id, void (*boot)(void *arg, struct env *env), void *arg)
{
	struct sim_node *node = &sim->nodes[id];

	node->boot = boot;
	node->boot_arg = arg;
	if (node->life != NULL)
		boot(arg, &node->life->env);
}

void
sim_node_pause(struct sim *sim, uint32_t id)
{
	struct sim_node *node = &sim->nodes[id];
	struct env_thread *thread;

	if (node->life == NULL || node->paused)
		return;
	node->paused = true;
	sim__struck(sim, SIM_PAUSED);
	list_each(thread, &node->life->streams, link)
		sim__event_cancel(sim, &thread->event);
	sim__net_review(sim);
}

void
sim_node_resume(struct sim *sim, uint32_t id)
{
	struct sim_node *node = &sim->nodes[id];
	struct env_thread *thread;

	if (node->life == NULL || !node->paused)
		return;
	node->paused = false;
	list_each(thread, &node->life->streams, link)
		sim__stream_poke(thread);
	sim__net_review(sim);
}

/* ---- nemesis -------------------------------------------------------------------------------------------------------------- */

static void
draw(struct sim *sim, struct sim_event *event, uint64_t mean_ns)
{
	sim__event_cancel(sim, event);
	if (mean_ns != 0)
		sim__event_at(sim, event, sim->now + sim__delay(&sim->nemesis, mean_ns / 100, mean_ns));
}

static void
strike_die(struct sim_event *event)
{
	struct sim_node *node = container_of(event, struct sim_node, die);
	struct sim *sim = node->sim;
	enum sim_crash how = sim__chance(&sim->nemesis, sim->options.power_ppm) ? SIM_POWER : SIM_KILL;

	if (sim->options.crash_ns != 0 && node->life != NULL && node->boot != NULL)
		sim_node_crash(sim, node->id, how);
	for (uint32_t i = 0; i < sim->node_nr; i++)
		if (sim->nodes[i].host == node->host && sim->nodes[i].life == NULL && sim->nodes[i].boot != NULL &&
		    !sim__event_pending(&sim->nodes[i].revive))
			draw(sim, &sim->nodes[i].revive, sim->options.down_ns);
	draw(sim, &node->die, sim->options.crash_ns);
}

static void
strike_revive(struct sim_event *event)
{
	struct sim_node *node = container_of(event, struct sim_node, revive);

	if (node->life == NULL)
		sim_node_restart(node->sim, node->id);
}

static void
strike_stop(struct sim_event *event)
{
	struct sim_node *node = container_of(event, struct sim_node, stop);
	struct sim *sim = node->sim;

	if (sim->options.pause_ns == 0)
		return;
	sim_node_pause(sim, node->id);
	draw(sim, &node->go_on, sim->options.paused_ns);
}

static void
strike_go_on(struct sim_event *event)
{
	struct sim_node *node = container_of(event, struct sim_node, go_on);

	sim_node_resume(node->sim, node->id);
	draw(node->sim, &node->stop, node->sim->options.pause_ns);
}

static void
strike_clock(struct sim_event *event)
{
	struct sim_node *node = container_of(event, struct sim_node, clock);
	struct sim *sim = node->sim;
	uint64_t drift = sim->options.drift_ppm, skew = sim->options.wall_skew_ns;
	int64_t ppm, offset;

	if (drift != 0) {
		ppm = (int64_t)rand_below(&node->fault, 2 * drift + 1) - (int64_t)drift;
		/* Of the wall clock too, which is the other one and an offset. */
		sim_node_drift(sim, node->id, ppm);
		sim__struck(sim, SIM_CLOCK_DRIFTS);
	}
	if (skew != 0) {
		offset = (int64_t)rand_below(&node->fault, 2 * skew + 1) - (int64_t)skew;
		offset += (int64_t)(sim->now - sim__mono(node)); /* what drifting has added up to is set right, too */
		sim__struck(sim, offset > node->wall_offset ? SIM_CLOCK_FORWARD : SIM_CLOCK_BACK);
		sim__trace(sim, "clock jumps", node->id, (uint64_t)(offset - node->wall_offset), 0);
		node->wall_offset = offset;
	}
	draw(sim, &node->clock, sim->options.clock_ns);
}

void
sim_storm(struct sim *sim)
{
	for (uint32_t i = 0; i < sim->node_nr; i++) {
		draw(sim, &sim->nodes[i].clock, sim->options.clock_ns);
		draw(sim, &sim->nodes[i].die, sim->options.crash_ns);
		draw(sim, &sim->nodes[i].stop, sim->options.pause_ns);
	}
	sim__net_storm(sim);
}

/* ---- all of them ------------------------------------------------------------------------------------------------------------ */

static void
node_init(struct sim *sim, uint32_t id)
{
	struct sim_node *node = &sim->nodes[id];
	uint64_t drift = sim->options.drift_ppm, skew = sim->options.wall_skew_ns;

	node->sim = sim;
	node->id = id;
	node->host = &sim->hosts[id / sim->options.nodes_per_host];
	rand_init(&node->rand, sim->seed, RAND_NODE + id);
	rand_init(&node->choose, sim->seed, RAND_NODE_CHOOSE + id);
	rand_init(&node->fault, sim->seed, RAND_NODE_FAULT + id);
	list_init(&node->settings);
	node->world_base = node->mono_base = sim->now;
	if (drift != 0)
		node->drift_ppm = (int64_t)rand_below(&node->fault, 2 * drift + 1) - (int64_t)drift;
	if (skew != 0)
		node->wall_offset = (int64_t)rand_below(&node->fault, 2 * skew + 1) - (int64_t)skew;
	node->die = (struct sim_event){.node = id, .what = "strike: die", .fire = strike_die};
	node->revive = (struct sim_event){.node = id, .what = "strike: revive", .fire = strike_revive};
	node->stop = (struct sim_event){.node = id, .what = "strike: stop", .fire = strike_stop};
	node->go_on = (struct sim_event){.node = id, .what = "strike: go on", .fire = strike_go_on};
	node->clock = (struct sim_event){.node = id, .what = "strike: clock", .fire = strike_clock};
	begin_life(node);
}

void
sim__nodes_init(struct sim *sim)
{
	sim->ops = (struct env_ops){
		.mono_ns = mono_ns, .wall_ns = wall_ns, .rand_u64 = node_rand, .rand_secure = rand_secure,
		.choose = choose, .buggify = buggify, .sometimes = sometimes,
		.loop = sim__loop_ops, .disk = sim__disk_ops, .net = sim__net_ops, .file = sim__file_ops, .host = host_ops,
	};
	sim->node_nr = (uint32_t)sim->options.nodes;
	sim->host_nr = (uint32_t)DIV_UP(sim->options.nodes, sim->options.nodes_per_host);
	sim->hosts = machine_alloc_zeroed(sizeof(*sim->hosts) * sim->host_nr);
	sim->nodes = machine_alloc_zeroed(sizeof(*sim->nodes) * sim->node_nr);
	for (uint32_t i = 0; i < sim->host_nr; i++) {
		struct sim_host *host = &sim->hosts[i];

		host->sim = sim;
		host->id = i;
		host->next_port = 40000;
		list_init(&host->files);
		snprintf(host->name, sizeof(host->name), "host%u", i);
	}
	for (uint32_t i = 0; i < sim->node_nr; i++)
		node_init(sim, i);
}

void
sim__nodes_fini(struct sim *sim)
{
	struct sim_setting *setting;
	struct sim_life *life;

	for (uint32_t i = 0; i < sim->node_nr; i++) {
		struct sim_node *node = &sim->nodes[i];

		if (node->life != NULL)
			end_life(node->life, SIM_KILL);
		sim__event_cancel(sim, &node->die);
		sim__event_cancel(sim, &node->revive);
		sim__event_cancel(sim, &node->stop);
		sim__event_cancel(sim, &node->go_on);
		sim__event_cancel(sim, &node->clock);
		while ((setting = list_pop(&node->settings, struct sim_setting, link)) != NULL) {
			machine_free(setting->name);
			machine_free(setting->value);
			machine_free(setting);
		}
	}
	for (uint32_t i = 0; i < sim->host_nr; i++)
		sim__files_free(&sim->hosts[i]);
	while ((life = list_pop(&sim->lives, struct sim_life, link)) != NULL)
		machine_free(life);
	machine_free(sim->hosts);
	machine_free(sim->nodes);
}

struct env *
sim_env(struct sim *sim, uint32_t node)
{
	ASSERT(node < sim->node_nr);
	return sim->nodes[node].life != NULL ? &sim->nodes[node].life->env : NULL;
}

uint32_t
sim_node_nr(const struct sim *sim)
{
	return sim->node_nr;
}

struct sim *
sim_of(struct env *env)
{
	return sim__life(env)->sim;
}

uint32_t
sim_node_of(struct env *env)
{
	return sim__life(env)->node->id;
}

uint32_t
sim_node_lives(const struct sim *sim, uint32_t node)
{
	return sim->nodes[node].lives;
}

void
sim_node_set_cred(struct sim *sim, uint32_t node, uint32_t uid, uint32_t gid)
{
	sim->nodes[node].uid = uid;
	sim->nodes[node].gid = gid;
}
