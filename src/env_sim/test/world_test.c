/* SPDX-License-Identifier: Apache-2.0 */
/* The world itself: the same seed is the same run; clocks, memory, options, lives and deaths. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include "base/hash64.h"
#include "env_sim/env_sim.h"
#include "ult/ult.h"

/* ---- determinism --------------------------------------------------------------------------------------------------------- */
/*
 * A small cluster that does a bit of everything: each node writes to its disk, sends to random peers, answers what it receives,
 * allocates and frees, sleeps, and dies and comes back.
 */
enum { NODES = 5 };

struct member {
	struct cluster *cluster;
	uint32_t id;
	struct env *env;
	struct xs *xs;
	struct env_thread *thread;
	struct env_disk *disk;
	struct env_listen *listen;
	struct env_conn *conns[NODES];
	uint64_t received, writes, reads, errors;
	uint64_t state;
};

struct cluster {
	struct sim *sim;
	struct member members[NODES];
	uint64_t rounds, answers, closed;
};

static void
mix(struct member *m, uint64_t a)
{
	m->state = hash64_pair(m->state, a);
}

struct incoming {
	struct member *member;
	struct env_conn *conn;
};

static void
in_received(void *arg, struct env_conn *conn, const void *data, size_t len)
{
	struct incoming *in = arg;
	struct iovec iov = {(void *)data, len};

	in->member->received++;
	mix(in->member, hash64_bytes(data, len, 1));
	(void)in->member->env->ops->net.send(conn, &iov, 1);
}

static void
in_closed(void *arg, struct env_conn *conn, int rc)
{
	struct incoming *in = arg;

	mix(in->member, (uint64_t)(uint32_t)rc);
	in->member->cluster->closed++;
	mem_free(in->member->env->mem, in);
}

static const struct env_conn_ops in_ops = {.received = in_received, .closed = in_closed};

static void
accepted(void *arg, struct env_conn *conn)
{
	struct member *m = arg;
	struct incoming *in = MEM_NEW(m->env->mem, struct incoming);

	if (in == NULL) {
		m->env->ops->net.close(conn);
		return;
	}
	*in = (struct incoming){m, conn};
	m->env->ops->net.bind(conn, &in_ops, in);
}

static void
out_received(void *arg, struct env_conn *conn, const void *data, size_t len)
{
	struct member *m = arg;

	m->cluster->answers++;
	mix(m, hash64_bytes(data, len, 2));
}

static void
out_closed(void *arg, struct env_conn *conn, int rc)
{
	struct member *m = arg;

	mix(m, (uint64_t)(uint32_t)rc);
	for (int i = 0; i < NODES; i++)
		if (m->conns[i] == conn)
			m->conns[i] = NULL;
}

static const struct env_conn_ops out_ops = {.received = out_received, .closed = out_closed};

static void
talk(struct member *m)
{
	uint32_t to = (uint32_t)(env_rand(m->env) % NODES);
	char addr[64], text[512];
	struct iovec iov = {text, 1 + env_rand(m->env) % sizeof(text)};

	memset(text, (int)env_rand(m->env), sizeof(text));
	snprintf(addr, sizeof(addr), "tcp://10.0.0.%u:1000", to + 1);
	if (m->conns[to] == NULL && m->env->ops->net.connect(xs_loop(m->xs), addr, &out_ops, m, &m->conns[to]) != 0) {
		m->errors++;
		return;
	}
	if (m->env->ops->net.send(m->conns[to], &iov, 1) != 0)
		m->errors++;
}

struct op {
	struct env_io io;
	struct iovec iov;
	struct ult_eventual done;
};

static void
op_done(struct env_io *io, int rc)
{
	ult_eventual_set(&container_of(io, struct op, io)->done, rc);
}

static int
disk_op(struct member *m, enum env_io_op what, uint64_t off, void *buf)
{
	struct op op = {.io = {.disk = m->disk, .op = what, .off = off, .len = 4096, .iov = &op.iov, .iov_nr = 1,
			       .done = op_done}, .iov = {buf, 4096}};

	ult_eventual_init(&op.done);
	m->env->ops->disk.submit(xs_loop(m->xs), &op.io);
	return ult_eventual_wait(&op.done);
}

static void
work(void *arg)
{
	struct member *m = arg;
	char *buf;

	for (;;) {
		m->cluster->rounds++;
		talk(m);
		buf = mem_alloc_aligned(m->env->mem, 4096, 4096);
		if (buf == NULL) {
			m->errors++;
		} else {
			uint64_t off = env_rand(m->env) % 64 * 4096;

			memset(buf, (int)env_rand(m->env), 4096);
			m->errors += disk_op(m, ENV_IO_WRITE, off, buf) != 0;
			if (env_rand(m->env) % 4 == 0)
				m->errors += disk_op(m, ENV_IO_FLUSH, 0, NULL) != 0;
			if (disk_op(m, ENV_IO_READ, off, buf) == 0)
				mix(m, hash64_bytes(buf, 4096, 3));
			mem_free(m->env->mem, buf);
		}
		mix(m, env_mono(m->env));
		mix(m, env_wall(m->env));
		if (env_buggify(m->env, "test: no sleep"))
			ult_yield();
		else
			ult_sleep(env_rand(m->env) % (20 * NS_PER_MS));
	}
}

static void
member_boot(void *arg, struct env *env)
{
	struct member *m = arg;
	char addr[64];

	m->env = env;
	m->disk = NULL;
	memset(m->conns, 0, sizeof(m->conns));
	snprintf(addr, sizeof(addr), "tcp://0.0.0.0:1000");
	/* Any of these may fail for want of memory: then this life does nothing. */
	if (xs_create(&(struct xs_config){.env = env, .name = "member", .id = m->id}, &m->xs) != 0)
		return;
	if (env->ops->disk.open(env, "/disk", 0, 0, &m->disk) != 0 &&
	    env->ops->disk.open(env, "/disk", ENV_DISK_CREATE, 64 * 4096, &m->disk) != 0)
		return;
	if (env->ops->net.listen(xs_loop(m->xs), addr, accepted, m, &m->listen) != 0)
		return;
	for (int i = 0; i < 3; i++)
		if (ult_spawn(m->xs, ULT_IO, "work", work, m, NULL) != 0)
			return;
	(void)xs_start(m->xs, NULL, &m->thread);
}

struct result {
	uint64_t hash, state, events, rounds, answers;
};

static struct result
run_cluster(uint64_t seed, uint64_t fill, uint64_t ns)
{
	struct cluster *cluster = test_calloc(1, sizeof(*cluster));
	struct sim_options options;
	struct result result = {0};

	sim_options_init(&options);
	sim_options_swarm(&options, seed);
	options.nodes = NODES;
	options.fill = fill;
	options.misdirect_ppm = 0;
	if (seed % 3 == 0) /* everything at once: the order is that of the keys */
		options.disk_read_ns = options.disk_write_ns = options.disk_flush_ns = options.net_ns = options.wake_ns =
			options.poll_ns = 0;
	cluster->sim = sim_create(seed, &options);
	for (uint32_t i = 0; i < NODES; i++) {
		cluster->members[i] = (struct member){.cluster = cluster, .id = i};
		sim_node_set_boot(cluster->sim, i, member_boot, &cluster->members[i]);
	}
	assert_int_equal(sim_run(cluster->sim, ns, NULL, NULL), -DER_TIMEDOUT);
	result.hash = sim_trace_hash(cluster->sim);
	result.events = sim_events(cluster->sim);
	result.rounds = cluster->rounds;
	result.answers = cluster->answers;
	for (int i = 0; i < NODES; i++)
		result.state = hash64_pair(result.state, cluster->members[i].state);
	sim_destroy(cluster->sim);
	test_free(cluster);
	return result;
}

static void
the_same_seed_is_the_same_run_whatever_fills_memory(void **state)
{
	uint64_t rounds = 0, answers = 0, last = 0;

	for (uint64_t seed = 1; seed <= 12; seed++) {
		void *shift = test_malloc(1 + seed * 777); /* other addresses the second time */
		struct result a = run_cluster(seed, 0xA5, NS_PER_S / 2), b;

		test_free(shift);
		b = run_cluster(seed, 0x3C, NS_PER_S / 2);
		assert_int_equal(a.hash, b.hash);
		assert_int_equal(a.state, b.state);
		assert_int_equal(a.events, b.events);
		assert_int_not_equal(a.hash, last);
		last = a.hash;
		rounds += a.rounds;
		answers += a.answers;
	}
	assert_true(rounds > 1000);
	assert_true(answers > 300);
}

/* ---- time ------------------------------------------------------------------------------------------------------------------ */

static void
idle_time_costs_nothing(void **state)
{
	struct sim *sim = sim_create(1, NULL);
	struct env *env = sim_env(sim, 0);
	bool never = false;
	struct xs *xs;

	assert_int_equal(xs_create(&(struct xs_config){.env = env, .name = "idle"}, &xs), 0);
	assert_int_equal(xs_run_until(xs, &never, env_mono(env) + 365 * 24 * 3600 * NS_PER_S), -DER_TIMEDOUT);
	assert_true(sim_now(sim) > 365 * 24 * 3600 * NS_PER_S);
	assert_true(sim_events(sim) < 10);
	xs_destroy(xs);
	sim_destroy(sim);
}

static void
clocks_drift_and_jump(void **state)
{
	struct sim_options options;
	struct sim *sim;
	uint64_t mono[2], wall[2], deadline;
	struct env_loop *loop;

	sim_options_init(&options);
	options.nodes = 2;
	sim = sim_create(1, &options);
	sim_node_drift(sim, 0, 1000);
	sim_node_drift(sim, 1, -1000);
	for (int i = 0; i < 2; i++)
		mono[i] = env_mono(sim_env(sim, (uint32_t)i));
	sim_run(sim, 1000 * NS_PER_S, NULL, NULL);
	assert_int_equal(env_mono(sim_env(sim, 0)) - mono[0], 1001 * NS_PER_S);
	assert_int_equal(env_mono(sim_env(sim, 1)) - mono[1], 999 * NS_PER_S);
	for (int i = 0; i < 2; i++)
		wall[i] = env_wall(sim_env(sim, (uint32_t)i));
	mono[0] = env_mono(sim_env(sim, 0));
	sim_node_jump_wall(sim, 0, -3600 * (int64_t)NS_PER_S);
	assert_int_equal(env_wall(sim_env(sim, 0)), wall[0] - 3600 * NS_PER_S);
	assert_int_equal(env_wall(sim_env(sim, 1)), wall[1]);
	assert_int_equal(env_mono(sim_env(sim, 0)), mono[0]);
	/* A drifting clock's deadline is met exactly or a little late, never early. */
	for (uint32_t i = 0; i < 2; i++) {
		struct env *env = sim_env(sim, i);

		assert_int_equal(env->ops->loop.open(env, &loop), 0);
		for (uint64_t ns = 1; ns < NS_PER_S; ns = ns * 3 + 1) {
			deadline = env_mono(env) + ns;
			env->ops->loop.poll(loop, deadline);
			assert_in_range(env_mono(env), deadline, deadline + 2);
		}
		env->ops->loop.close(loop);
	}
	sim_destroy(sim);
}

/* ---- memory ------------------------------------------------------------------------------------------------------------------ */

static void
memory_is_counted_limited_filled_and_failed(void **state)
{
	struct sim *sim = sim_create(1, NULL);
	struct env *env = sim_env(sim, 0);
	struct sim_mem_stats stats;
	uint8_t *p, *q;

	p = env->mem->alloc(env->mem, 100, 16, NULL);
	for (int i = 0; i < 100; i++)
		assert_int_equal(p[i], 0xA5);
	q = mem_alloc_aligned(env->mem, 5000, 4096);
	assert_int_equal((uintptr_t)q % 4096, 0);
	sim_mem_stats(sim, 0, &stats);
	assert_true(stats.blocks == 2 && stats.bytes == 5100 && stats.allocs == 2 && stats.failed == 0);
	sim_mem_fail(sim, 0, 2, false);
	mem_free(env->mem, p);
	p = mem_alloc(env->mem, 1);
	assert_non_null(p);
	assert_null(mem_alloc(env->mem, 1));
	mem_free(env->mem, q);
	q = mem_alloc(env->mem, 1);
	assert_non_null(q);
	sim_mem_fail(sim, 0, 1, true);
	for (int i = 0; i < 3; i++)
		assert_null(mem_alloc(env->mem, 1));
	sim_mem_fail(sim, 0, 0, false);
	sim_mem_limit(sim, 0, 100);
	assert_null(mem_alloc(env->mem, 99));
	mem_free(env->mem, p);
	p = mem_alloc(env->mem, 99);
	assert_non_null(p);
	mem_free(env->mem, p);
	mem_free(env->mem, q);
	sim_mem_stats(sim, 0, &stats);
	assert_true(stats.blocks == 0 && stats.bytes == 0 && stats.failed == 5 && stats.bytes_peak == 5100);
	assert_true(sim_mem_sites_failed(sim) >= 3);
	sim_destroy(sim);
}

/* ---- lives ------------------------------------------------------------------------------------------------------------------- */

struct mortal {
	struct sim *sim;
	int boots, steps, after;
	bool suicide;
	struct xs *xs;
	struct env_thread *thread;
};

static void
mortal_ult(void *arg)
{
	struct mortal *m = arg;
	char *leak = mem_alloc(xs_env(xs_self())->mem, 1000);

	leak[0] = 1;
	for (;;) {
		m->steps++;
		if (m->suicide && m->steps == 10) {
			sim_node_crash(m->sim, 0, SIM_KILL);
			m->after++; /* runs on, but nobody hears of it */
			assert_int_equal(xs_env(xs_self())->ops->file.write(xs_env(xs_self()), "/f", "x", 1, 0600), -DER_IO);
		}
		ult_sleep(NS_PER_MS);
	}
}

static void
mortal_boot(void *arg, struct env *env)
{
	struct mortal *m = arg;

	m->boots++;
	assert_int_equal(xs_create(&(struct xs_config){.env = env, .name = "mortal"}, &m->xs), 0);
	for (int i = 0; i < 5; i++)
		assert_int_equal(ult_spawn(m->xs, ULT_IO, "mortal", mortal_ult, m, NULL), 0);
	assert_int_equal(xs_start(m->xs, NULL, &m->thread), 0);
}

static void
a_node_dies_without_a_trace_and_lives_again(void **state)
{
	struct mortal m = {.sim = sim_create(1, NULL)};
	struct sim_mem_stats stats;
	struct env *first = sim_env(m.sim, 0);
	int steps;

	sim_node_set_boot(m.sim, 0, mortal_boot, &m);
	for (int life = 1; life <= 20; life++) {
		assert_int_equal(m.boots, life);
		assert_int_equal(sim_node_lives(m.sim, 0), life);
		sim_run(m.sim, 20 * NS_PER_MS, NULL, NULL);
		sim_node_crash(m.sim, 0, life % 2 == 0 ? SIM_KILL : SIM_POWER);
		assert_null(sim_env(m.sim, 0));
		steps = m.steps;
		sim_run(m.sim, NS_PER_S, NULL, NULL);
		assert_int_equal(m.steps, steps);
		assert_ptr_not_equal(sim_node_restart(m.sim, 0), first);
		sim_mem_stats(m.sim, 0, &stats);
		assert_true(stats.blocks < 10); /* nothing of the former life */
	}
	assert_true(m.steps > 20 * 5 * 15);
	sim_destroy(m.sim);
}

static void
a_node_may_die_by_its_own_hand(void **state)
{
	struct mortal m = {.sim = sim_create(1, NULL), .suicide = true};

	sim_node_set_boot(m.sim, 0, mortal_boot, &m);
	sim_run(m.sim, NS_PER_S, NULL, NULL);
	assert_null(sim_env(m.sim, 0));
	assert_int_equal(m.after, 1);
	sim_node_restart(m.sim, 0);
	assert_int_equal(sim_env(m.sim, 0)->ops->file.stat(sim_env(m.sim, 0), "/f", NULL, NULL), -DER_NONEXIST);
	sim_destroy(m.sim);
}

static void
a_stopped_node_stands_still(void **state)
{
	struct mortal m = {.sim = sim_create(1, NULL)};
	int steps;

	sim_node_set_boot(m.sim, 0, mortal_boot, &m);
	sim_run(m.sim, 10 * NS_PER_MS, NULL, NULL);
	sim_node_pause(m.sim, 0);
	steps = m.steps;
	sim_run(m.sim, NS_PER_S, NULL, NULL);
	assert_int_equal(m.steps, steps);
	sim_node_resume(m.sim, 0);
	sim_run(m.sim, 10 * NS_PER_MS, NULL, NULL);
	assert_true(m.steps > steps + 20);
	sim_destroy(m.sim);
}

static void
the_nemesis_kills_and_revives(void **state)
{
	struct sim_options options;
	struct mortal m = {0};

	sim_options_init(&options);
	options.crash_ns = NS_PER_S / 10;
	options.power_ppm = 500000;
	options.down_ns = NS_PER_S / 100;
	m.sim = sim_create(1, &options);
	sim_node_set_boot(m.sim, 0, mortal_boot, &m);
	sim_run(m.sim, 10 * NS_PER_S, NULL, NULL);
	assert_in_range(m.boots, 50, 150);
	assert_true(sim_counter(m.sim, "fault", "killed") > 20 && sim_counter(m.sim, "fault", "power lost") > 20);
	/* Healed: whoever is down comes back, and stays. */
	sim_options_heal(sim_options(m.sim));
	sim_run(m.sim, NS_PER_S, NULL, NULL);
	m.boots = 0;
	sim_run(m.sim, 10 * NS_PER_S, NULL, NULL);
	assert_int_equal(m.boots, 0);
	assert_non_null(sim_env(m.sim, 0));
	sim_destroy(m.sim);
}

static void
hosts_share_files_among_their_nodes_and_with_nobody_else(void **state)
{
	struct sim_options options;
	struct sim *sim;
	struct env *a, *b, *c;
	int lock;

	sim_options_init(&options);
	options.nodes = 3;
	options.nodes_per_host = 2;
	sim = sim_create(1, &options);
	a = sim_env(sim, 0);
	b = sim_env(sim, 1);
	c = sim_env(sim, 2);
	assert_int_equal(a->ops->file.write(a, "/f", "x", 1, 0600), 0);
	assert_int_equal(b->ops->file.stat(b, "/f", NULL, NULL), 0);
	assert_int_equal(c->ops->file.stat(c, "/f", NULL, NULL), -DER_NONEXIST);
	assert_int_equal(a->ops->file.lock(a, "/f", &lock), 0);
	assert_int_equal(b->ops->file.lock(b, "/f", &lock), -DER_BUSY);
	sim_node_crash(sim, 0, SIM_KILL); /* a lock dies with its holder */
	assert_int_equal(b->ops->file.lock(b, "/f", &lock), 0);
	sim_node_setenv(sim, 2, "NAME", "one");
	sim_node_setenv(sim, 2, "NAME", "two");
	assert_string_equal(c->ops->host.getenv(c, "NAME"), "two");
	assert_null(b->ops->host.getenv(b, "NAME"));
	sim_destroy(sim);
}

/* ---- signals ------------------------------------------------------------------------------------------------------------------ */

static void
signal_caught(void *arg, int signo)
{
	*(int *)arg += signo;
}

static void
signals_reach_whoever_watches(void **state)
{
	struct sim *sim = sim_create(1, NULL);
	struct env *env = sim_env(sim, 0);
	struct env_loop *loop;
	int sum = 0;

	assert_int_equal(env->ops->loop.open(env, &loop), 0);
	assert_false(sim_node_signal(sim, 0, 15));
	assert_int_equal(env->ops->host.watch_signal(loop, 15, signal_caught, &sum), 0);
	assert_true(sim_node_signal(sim, 0, 15));
	assert_true(sim_node_signal(sim, 0, 15));
	assert_false(sim_node_signal(sim, 0, 1));
	assert_int_equal(sum, 0);
	env->ops->loop.poll(loop, 0);
	assert_int_equal(sum, 30);
	env->ops->loop.close(loop);
	sim_destroy(sim);
}

/* ---- files --------------------------------------------------------------------------------------------------------------------- */

static void
file_operations_fail_on_demand_and_change_nothing(void **state)
{
	struct sim *sim = sim_create(1, NULL);
	struct env *env = sim_env(sim, 0);
	char *data;
	size_t len;

	assert_int_equal(env->ops->file.write(env, "/f", "old", 3, 0600), 0);
	sim_file_fail(sim, 0, 2, false);
	assert_int_equal(env->ops->file.mkdir(env, "/d", 0700), 0);
	assert_int_equal(env->ops->file.write(env, "/f", "new", 3, 0600), -DER_IO);
	assert_int_equal(env->ops->file.read(env, "/f", 3, &data, &len), 0);
	assert_string_equal(data, "old");
	mem_free(env->mem, data);
	sim_file_fail(sim, 0, 1, true);
	for (int i = 0; i < 3; i++)
		assert_int_equal(env->ops->file.remove(env, "/f"), -DER_IO);
	sim_file_fail(sim, 0, 0, false);
	assert_int_equal(env->ops->file.remove(env, "/f"), 0);
	sim_destroy(sim);
}

/* ---- options and counters ------------------------------------------------------------------------------------------------------ */

static void
options_are_drawn_set_and_printed(void **state)
{
	struct sim_options a, b;
	char text[4096];
	int calm = 0, off = 0;

	sim_options_init(&a);
	assert_int_equal(sim_options_print(&a, text, sizeof(text)), 0);
	assert_int_equal(sim_options_set(&a, "drift_ppm", 100), 0);
	assert_int_equal(sim_options_set(&a, "nodes", 3), 0);
	assert_int_equal(sim_options_set(&a, "no such thing", 3), -DER_NONEXIST);
	assert_int_equal(sim_options_set(&a, "nodes", 65), -DER_INVAL);
	sim_options_print(&a, text, sizeof(text));
	assert_string_equal(text, "nodes=3 drift_ppm=100");
	assert_int_equal(sim_options_print(&a, text, 5), 21);
	for (uint64_t seed = 1; seed <= 200; seed++) {
		sim_options_init(&a);
		sim_options_init(&b);
		sim_options_swarm(&a, seed);
		sim_options_swarm(&b, seed);
		assert_memory_equal(&a, &b, sizeof(a));
		off += a.crash_ns == 0;
		sim_options_heal(&b);
		calm += a.crash_ns == 0 && a.buggify == 0 && a.bit_rot_ppm == 0 && a.net_break_ppm == 0 && a.mem_fail_ppm == 0 &&
			a.read_error_ppm == 0 && a.partition_ns == 0 && a.pause_ns == 0;
		assert_true(b.crash_ns == 0 && b.buggify == 0 && b.net_break_ppm == 0);
	}
	assert_in_range(off, 80, 140);
	assert_in_range(calm, 10, 40);
}

static void
rare_paths_are_forced_and_counted(void **state)
{
	struct sim_options options;
	struct sim *sim;
	struct env *env;
	int active = 0, fired = 0;
	static const char *const sites[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p"};

	sim_options_init(&options);
	options.buggify = 250000;
	sim = sim_create(4, &options);
	env = sim_env(sim, 0);
	for (size_t i = 0; i < ARRAY_SIZE(sites); i++) {
		int hits = 0;

		for (int n = 0; n < 400; n++)
			hits += env_buggify(env, sites[i]);
		active += hits > 0;
		fired += hits;
		assert_int_equal(sim_counter(sim, "buggify", sites[i]), hits);
	}
	assert_in_range(active, 1, 10);
	assert_in_range(fired, active * 60, active * 140);
	env_sometimes(env, "seldom");
	env_sometimes(env, "seldom");
	assert_int_equal(sim_counter(sim, "sometimes", "seldom"), 2);
	sim_destroy(sim);
	sim = sim_create(4, NULL);
	for (int n = 0; n < 400; n++)
		assert_false(env_buggify(sim_env(sim, 0), "a"));
	sim_destroy(sim);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_seed_is_the_same_run_whatever_fills_memory),
		cmocka_unit_test(idle_time_costs_nothing),
		cmocka_unit_test(clocks_drift_and_jump),
		cmocka_unit_test(memory_is_counted_limited_filled_and_failed),
		cmocka_unit_test(a_node_dies_without_a_trace_and_lives_again),
		cmocka_unit_test(a_node_may_die_by_its_own_hand),
		cmocka_unit_test(a_stopped_node_stands_still),
		cmocka_unit_test(the_nemesis_kills_and_revives),
		cmocka_unit_test(hosts_share_files_among_their_nodes_and_with_nobody_else),
		cmocka_unit_test(signals_reach_whoever_watches),
		cmocka_unit_test(file_operations_fail_on_demand_and_change_nothing),
		cmocka_unit_test(options_are_drawn_set_and_printed),
		cmocka_unit_test(rare_paths_are_forced_and_counted),
	};

	return cmocka_run_group_tests_name("env_sim world", tests, NULL, NULL);
}
