/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Locks of two mounts on two machines of a simulated world: counters that are only right when nobody comes between, over deaths of the
 * engine and of a mount's link; how locks pass on; what becomes of a mount that others stopped waiting for; how long coming in takes.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include "base/rand.h"
#include "dfs/dfs.h"
#include "fuse/fuse.h"
#include "sim/cluster.h"
#include "check.h"

#define TRUE(what) SAME((what) != 0, 1)

enum { MACHINES = 2, WORKERS = 3, COUNTERS = 2, BREAKS_MAX = 2, LEASE_S = 5, STEP_MS = 5 };

static const struct fs_who who = {.uid = 10, .gid = 20, .umask = 022};

/* ---- a container, and a mount of it on each machine ------------------------------------------------------------------------------------- */
enum trouble { NONE, KILL, POWER, POWER_HEARD, CUT }; /* POWER_HEARD: one mount hears of it at once, the other by silence */

struct scene {
	uint64_t seed;
	void (*body)(struct scene *scene, uint32_t machine);
	void (*at_mount)(struct scene *scene, uint32_t machine); /* in place of mounting; or NULL */
	enum trouble breaks[BREAKS_MAX];                         /* what happens, spread over the rounds */
	uint32_t rounds;                                         /* of each worker */
	struct cluster *cluster;
	struct client *clients[MACHINES];
	struct cont *conts[MACHINES];
	struct fs *fs[MACHINES];
	struct fs_inode *roots[MACHINES];
	bool made, left[MACHINES], dead[MACHINES];
	uint32_t step;                     /* of a play of two */
	uint64_t good[COUNTERS], done, lost; /* increments */
	uint64_t ended_ms, lapses;
	struct rand rand;
};

static struct sim *
world(const struct scene *scene)
{
	return cluster_sim(scene->cluster);
}

static uint64_t
now_ms(const struct scene *scene)
{
	return sim_now(world(scene)) / NS_PER_MS;
}

/* Until the play has come to a step; two minutes at most. */
static void
await(const struct scene *scene, uint32_t step)
{
	for (uint32_t i = 0; scene->step < step && i < 120 * 1000 / STEP_MS; i++)
		ult_sleep(STEP_MS * NS_PER_MS);
	TRUE(scene->step >= step);
}

/* What machine sends does not arrive any more; what is sent to it does. */
static void
cut(const struct scene *scene, uint32_t machine, bool on)
{
	sim_net_cut(world(scene), (int)machine + 1, 0, on);
}

static void
open_container(struct scene *scene, uint32_t machine, struct pool **pool)
{
	struct fs_format format = {.chunk_size = 4096};
	uuid_t uuid;
	char text[37];

	memset(uuid, 0x70, sizeof(uuid));
	uuid_unparse_lower(uuid, text);
	CHECK(pool_connect(scene->clients[machine], "sim", DAOS_PC_RW, pool));
	if (machine == 0)
		CHECK(cont_create(*pool, uuid, NULL));
	for (uint32_t i = 0; machine != 0 && !scene->made && i < 1000; i++)
		ult_sleep(STEP_MS * NS_PER_MS);
	CHECK(cont_open(*pool, text, 2, &scene->conts[machine]));
	if (machine == 0)
		CHECK(fs_make(scene->conts[0], &format));
	scene->made = true;
}

static void
program(void *arg, struct cluster *cluster, uint32_t machine, struct client *client)
{
	struct scene *scene = arg;
	struct pool *pool;

	scene->cluster = cluster;
	scene->clients[machine] = client;
	open_container(scene, machine, &pool);
	if (scene->at_mount != NULL)
		scene->at_mount(scene, machine);
	else
		CHECK(fs_mount(scene->conts[machine], 0, &scene->fs[machine]));
	scene->roots[machine] = fs_root(scene->fs[machine]);
	scene->body(scene, machine);
	fs_inode_put(scene->roots[machine]);
	CHECK(fs_umount(scene->fs[machine]));
	CHECK(cont_close(scene->conts[machine]));
	CHECK(pool_disconnect(pool));
	scene->left[machine] = true;
}

static bool
all_left(void *arg)
{
	const struct scene *scene = arg;

	for (uint32_t i = 0; i < MACHINES; i++)
		if (!scene->left[i] && !scene->dead[i])
			return false;
	return true;
}

struct until {
	const struct scene *scene;
	uint64_t done;
};

static bool
is_done(void *arg)
{
	const struct until *until = arg;

	return until->scene->done >= until->done;
}

static void
strike(struct scene *scene, enum trouble trouble)
{
	struct sim *sim = world(scene);

	if (trouble == KILL || trouble == POWER || trouble == POWER_HEARD) {
		cluster_crash(scene->cluster, trouble == KILL ? SIM_KILL : SIM_POWER);
		if (trouble == POWER_HEARD)
			sim_net_break(sim, 0, 1);
	} else if (trouble == CUT) {
		cut(scene, 1, true);
		assert_int_equal(sim_run(sim, (LEASE_S + 3) * NS_PER_S, NULL, NULL), -DER_TIMEDOUT);
		cut(scene, 1, false);
	}
}

static void
run(struct scene *scene)
{
	struct cluster_config config = {.seed = scene->seed, .targets = 2, .clients = MACHINES, .program = program, .arg = scene};
	struct cluster *cluster;

	sim_options_init(&config.options);
	config.options.log_level = LOG_ERR;
	rand_init(&scene->rand, scene->seed, 17);
	assert_int_equal(cluster_create(&config, &cluster), 0);
	(void)cluster_run(cluster, 1);
	for (uint32_t i = 0; i < BREAKS_MAX && scene->breaks[i] != NONE; i++) {
		struct until until = {scene, (uint64_t)MACHINES * WORKERS * scene->rounds * (i + 1) / (BREAKS_MAX + 1)};

		assert_int_equal(sim_run(cluster_sim(cluster), 3600 * NS_PER_S, is_done, &until), 0);
		strike(scene, scene->breaks[i]);
	}
	assert_int_equal(sim_run(cluster_sim(cluster), 3600 * NS_PER_S, all_left, scene), 0);
	scene->ended_ms = now_ms(scene);
	scene->lapses = sim_counter(cluster_sim(cluster), "sometimes", "dfs: a session lapsed");
	cluster_destroy(cluster);
}

/* ---- small words --------------------------------------------------------------------------------------------------------------------------- */
static int
put(struct fs_file *file, uint64_t value)
{
	struct iovec iov = {.iov_base = &value, .iov_len = sizeof(value)};
	size_t n;

	return fs_write(file, &iov, 1, 0, &n, NULL);
}

static int
get(struct fs_file *file, uint64_t *value)
{
	struct iovec iov = {.iov_base = value, .iov_len = sizeof(*value)};
	size_t n;
	int rc;

	*value = 0;
	rc = fs_read(file, &iov, 1, 0, &n);
	SAME(rc == 0 && n != 0 && n != sizeof(*value), 0);
	return rc;
}

static int
lock_bytes(struct fs_inode *inode, uint64_t owner, int type, uint64_t start, uint64_t end, bool wait)
{
	struct fs_lock lock = {.start = start, .end = end, .type = type, .pid = (uint32_t)owner};

	return fs_setlk(inode, owner, &lock, wait, NULL);
}

/* A file that either machine may be the first to make. */
static struct fs_inode *
file_of(struct scene *scene, uint32_t machine, const char *name, struct fs_file **file)
{
	struct fs_inode *inode;
	bool created;

	CHECK(fs_create(scene->roots[machine], name, 0600, O_RDWR, &who, &inode, NULL, file, &created));
	return inode;
}

/* ---- counters --------------------------------------------------------------------------------------------------------------------------- */
static const char *const counters[COUNTERS] = {"by-fcntl", "by-flock"};

struct worker {
	struct scene *scene;
	uint32_t machine;
	uint64_t owner;
	struct ult *ult;
};

static int
take(struct fs_inode *inode, uint64_t owner, uint32_t counter)
{
	return counter == 0 ? lock_bytes(inode, owner, F_WRLCK, 0, 7, true) : fs_flock(inode, owner, LOCK_EX, NULL);
}

static int
let_go(struct fs_inode *inode, uint64_t owner, uint32_t counter)
{
	return counter == 0 ? lock_bytes(inode, owner, F_UNLCK, 0, 7, false) : fs_flock(inode, owner, LOCK_UN, NULL);
}

/* EIO: the locks were lost on the way, and nothing was changed. */
static int
increment(struct worker *worker, struct fs_inode *inode, struct fs_file *file, uint32_t counter)
{
	struct scene *scene = worker->scene;
	uint64_t value;
	int rc;

	CHECK(take(inode, worker->owner, counter));
	rc = get(file, &value);
	if (rand_below(&scene->rand, 4) == 0)
		ult_sleep(rand_below(&scene->rand, 3000) * NS_PER_US);
	if (rc == 0)
		rc = put(file, value + 1);
	CHECK(let_go(inode, worker->owner, counter));
	return rc;
}

static void
work(void *arg)
{
	struct worker *worker = arg;
	struct scene *scene = worker->scene;
	struct fs_inode *inodes[COUNTERS];
	struct fs_file *files[COUNTERS];

	for (uint32_t i = 0; i < COUNTERS; i++)
		inodes[i] = file_of(scene, worker->machine, counters[i], &files[i]);
	for (uint32_t i = 0; i < scene->rounds; i++) {
		uint32_t counter = (uint32_t)rand_below(&scene->rand, COUNTERS);
		int rc = increment(worker, inodes[counter], files[counter], counter);

		scene->done++;
		if (rc == 0) {
			scene->good[counter]++;
			continue;
		}
		SAME(rc, EIO);
		scene->lost++;
		CHECK(fs_close(files[counter]));
		CHECK(fs_open(inodes[counter], O_RDWR, &files[counter]));
	}
	for (uint32_t i = 0; i < COUNTERS; i++) {
		CHECK(fs_close(files[i]));
		fs_inode_put(inodes[i]);
	}
}

static void
counter_body(struct scene *scene, uint32_t machine)
{
	struct worker workers[WORKERS];
	struct fs_inode *inode;
	struct fs_file *file;
	uint64_t value;

	for (uint32_t i = 0; i < WORKERS; i++) {
		workers[i] = (struct worker){.scene = scene, .machine = machine, .owner = 100 * machine + i + 1};
		CHECK(ult_spawn(xs_self(), ULT_IO, "worker", work, &workers[i], &workers[i].ult));
	}
	for (uint32_t i = 0; i < WORKERS; i++)
		ult_join(workers[i].ult);
	scene->step++;
	if (machine != 0)
		return;
	await(scene, MACHINES);
	for (uint32_t i = 0; i < COUNTERS; i++) {
		inode = file_of(scene, 0, counters[i], &file);
		CHECK(get(file, &value));
		SAME(value, scene->good[i]);
		CHECK(fs_close(file));
		fs_inode_put(inode);
	}
}

static void
counters_of_two_mounts_are_exact(void **state)
{
	struct scene scene = {.seed = 201, .rounds = 40, .body = counter_body};

	run(&scene);
	assert_int_equal(scene.lost, 0);
}

static void
they_are_exact_over_deaths_of_the_engine(void **state)
{
	for (uint64_t seed = 211; seed < 211 + 6 / TEST_PARTS; seed++) {
		struct scene scene = {.seed = seed, .rounds = 30, .body = counter_body, .breaks = {KILL, KILL}};

		run(&scene);
		assert_int_equal(scene.lost, 0);
		assert_true(scene.ended_ms < LEASE_S * 1000); /* no session lapsed on the way */
	}
}

/* A power loss is noticed by silence, which is longer than a lease, and the engine is back at once: it waits for who was there before. */
static void
power_loss(uint64_t seed, enum trouble first, enum trouble second)
{
	struct scene scene = {.seed = seed, .rounds = 30, .body = counter_body, .breaks = {first, second}};

	run(&scene);
	assert_int_equal(scene.lost, 0);
	assert_int_equal(scene.lapses, 0);
}

static void
they_are_exact_over_losses_of_power(void **state)
{
	for (uint64_t seed = 291; seed < 291 + 4 / TEST_PARTS; seed++) {
		power_loss(seed, POWER, seed % 2 == 0 ? KILL : POWER);
		power_loss(seed, POWER_HEARD, seed % 2 == 0 ? POWER_HEARD : KILL);
	}
}

static void
they_are_exact_when_a_mount_was_not_heard_of_for_a_while(void **state)
{
	uint64_t lost = 0;

	for (uint64_t seed = 221; seed < 225; seed++) {
		struct scene scene = {.seed = seed, .rounds = 400, .body = counter_body, .breaks = {CUT, seed % 2 == 0 ? KILL : POWER}};

		run(&scene);
		lost += scene.lost;
	}
	assert_true(lost > 0); /* it was in the middle of something */
}

/* ---- passing on ----------------------------------------------------------------------------------------------------------------------------- */
struct waiter {
	struct fs_inode *inode;
	uint64_t owner;
	bool by_flock, done;
	int rc;
	struct ult *ult;
};

static void
wait_for_it(void *arg)
{
	struct waiter *waiter = arg;

	waiter->rc = waiter->by_flock ? fs_flock(waiter->inode, waiter->owner, LOCK_EX, NULL)
				      : lock_bytes(waiter->inode, waiter->owner, F_WRLCK, 0, 99, true);
	waiter->done = true;
}

static void
begin_waiting(struct waiter *waiter, struct fs_inode *inode, bool by_flock)
{
	*waiter = (struct waiter){.inode = inode, .owner = 7, .by_flock = by_flock};
	CHECK(ult_spawn(xs_self(), ULT_IO, "waiter", wait_for_it, waiter, &waiter->ult));
	ult_sleep(2 * NS_PER_S); /* longer than a renewal listens */
	SAME(waiter->done, false);
}

static void
end_waiting(struct waiter *waiter)
{
	ult_join(waiter->ult);
	CHECK(waiter->rc);
	CHECK(waiter->by_flock ? fs_flock(waiter->inode, 7, LOCK_UN, NULL) : fs_lock_release(waiter->inode, 7));
}

static void
holder(struct scene *scene, struct fs_inode *inode)
{
	CHECK(lock_bytes(inode, 1, F_WRLCK, 10, 19, false));
	scene->step = 1;
	await(scene, 2);
	CHECK(lock_bytes(inode, 1, F_UNLCK, 0, 99, false)); /* unlocked */
	await(scene, 3);
	CHECK(lock_bytes(inode, 1, F_RDLCK, 50, 50, false));
	CHECK(lock_bytes(inode, 2, F_RDLCK, 60, 69, false));
	scene->step = 4;
	await(scene, 5);
	CHECK(fs_lock_release(inode, 1)); /* closed, one after the other */
	ult_sleep(NS_PER_S);
	CHECK(fs_lock_release(inode, 2));
	await(scene, 6);
	CHECK(fs_flock(inode, 1, LOCK_SH, NULL));
	scene->step = 7;
	await(scene, 8);
	CHECK(fs_flock(inode, 1, LOCK_UN, NULL));
	await(scene, 9);
	CHECK(lock_bytes(inode, 1, F_WRLCK, 0, UINT64_MAX, false));
	CHECK(fs_flock(inode, 1, LOCK_EX, NULL));
	scene->step = 10;
	await(scene, 11);
	scene->dead[0] = true;
	sim_node_crash(world(scene), 1, SIM_KILL); /* dead */
	ult_sleep(NS_PER_S);
}

static uint64_t
granted_after_ms(const struct scene *scene, struct waiter *waiter)
{
	uint64_t begun = now_ms(scene);

	end_waiting(waiter);
	return now_ms(scene) - begun;
}

static void
follower(struct scene *scene, struct fs_inode *inode)
{
	struct waiter waiter, other;
	uint64_t after[4];

	await(scene, 1);
	SAME(lock_bytes(inode, 7, F_WRLCK, 0, 99, false), EAGAIN);
	CHECK(lock_bytes(inode, 7, F_WRLCK, 0, 9, false));
	begin_waiting(&waiter, inode, false);
	scene->step = 2;
	after[0] = granted_after_ms(scene, &waiter);
	scene->step = 3;
	await(scene, 4);
	begin_waiting(&waiter, inode, false);
	scene->step = 5;
	after[1] = granted_after_ms(scene, &waiter);
	TRUE(after[1] >= 1000); /* both have to go */
	scene->step = 6;
	await(scene, 7);
	SAME(fs_flock(inode, 7, LOCK_EX | LOCK_NB, NULL), EAGAIN);
	begin_waiting(&waiter, inode, true);
	scene->step = 8;
	after[2] = granted_after_ms(scene, &waiter);
	scene->step = 9;
	await(scene, 10);
	begin_waiting(&waiter, inode, false);
	begin_waiting(&other, inode, true);
	scene->step = 11;
	after[3] = granted_after_ms(scene, &waiter);
	end_waiting(&other);
	print_message("granted %lu ms after unlock, %lu after the last close, %lu after unlock (flock), %lu after the death of the holder\n",
		      (unsigned long)after[0], (unsigned long)after[1] - 1000, (unsigned long)after[2], (unsigned long)after[3]);
	TRUE(after[0] < 50 && after[1] < 1050 && after[2] < 50 && after[3] < (LEASE_S + 2) * 1000);
}

static void
pass_on_body(struct scene *scene, uint32_t machine)
{
	struct fs_file *file;
	struct fs_inode *inode = file_of(scene, machine, "f", &file);

	if (machine == 0)
		holder(scene, inode);
	else
		follower(scene, inode);
	CHECK(fs_close(file));
	fs_inode_put(inode);
}

static void
who_waits_is_granted_after_unlock_close_and_death_of_the_holder(void **state)
{
	run(&(struct scene){.seed = 231, .body = pass_on_body});
}

static void
circle_body(struct scene *scene, uint32_t machine)
{
	struct fs_file *file;
	struct fs_inode *inode = file_of(scene, machine, "f", &file);

	if (machine == 0) {
		CHECK(lock_bytes(inode, 1, F_WRLCK, 0, 0, false));
		scene->step = 1;
		await(scene, 2);
		SAME(lock_bytes(inode, 1, F_WRLCK, 1, 1, true), 0); /* waits; it is the other that closes the circle */
		scene->step = 3;
		CHECK(fs_lock_release(inode, 1));
	} else {
		await(scene, 1);
		CHECK(lock_bytes(inode, 1, F_WRLCK, 1, 1, false)); /* same number, another owner */
		scene->step = 2;
		ult_sleep(NS_PER_S);
		SAME(lock_bytes(inode, 1, F_WRLCK, 0, 0, true), EDEADLK);
		SAME(scene->step, 2);
		CHECK(fs_lock_release(inode, 1));
		await(scene, 3);
	}
	CHECK(fs_close(file));
	fs_inode_put(inode);
}

static void
a_circle_over_two_mounts_is_refused(void **state)
{
	run(&(struct scene){.seed = 241, .body = circle_body});
}

/* ---- a mount that is not waited for any longer ---------------------------------------------------------------------------------------- */
enum { OLD = 1111, ZOMBIE = 2222, NEW = 3333 };

struct late {
	struct fs_file *file;
	int rc;
	bool done;
	struct ult *ult;
};

static void
write_late(void *arg)
{
	struct late *late = arg;

	late->rc = put(late->file, ZOMBIE);
	late->done = true;
}

/* Cut off, or stopped, while it holds the lock: then it writes, believing that it still has it. */
static void
zombie(struct scene *scene, struct fs_inode *inode, struct fs_file *file)
{
	struct late late = {.file = file};
	uint64_t value;

	CHECK(lock_bytes(inode, 1, F_WRLCK, 0, 99, false));
	CHECK(fs_flock(inode, 1, LOCK_EX, NULL));
	CHECK(put(file, OLD));
	scene->step = 1;
	await(scene, 2); /* cut off by now, or stopped in here */
	CHECK(ult_spawn(xs_self(), ULT_IO, "late", write_late, &late, &late.ult));
	ult_join(late.ult);
	SAME(scene->step, 3);
	SAME(late.rc, EIO);
	SAME(get(file, &value), EIO);
	SAME(put(file, ZOMBIE), EIO); /* this file stays as it is */
	CHECK(lock_bytes(inode, 1, F_UNLCK, 0, 99, false));
	CHECK(fs_flock(inode, 1, LOCK_UN, NULL));
	CHECK(fs_open(inode, O_RDWR, &file));
	CHECK(get(file, &value));
	SAME(value, NEW);
	SAME(lock_bytes(inode, 1, F_RDLCK, 0, 0, false), EAGAIN); /* the other has it */
	CHECK(fs_close(file));
	scene->step = 4;
	await(scene, 5);
	CHECK(lock_bytes(inode, 1, F_WRLCK, 0, 99, false));
	CHECK(fs_lock_release(inode, 1));
}

static void
heir(struct scene *scene, struct fs_inode *inode, struct fs_file *file, bool stopped)
{
	struct sim *sim = world(scene);
	struct waiter waiter = {.inode = inode, .owner = 7}, other = {.inode = inode, .owner = 7, .by_flock = true};
	uint64_t value, begun;

	await(scene, 1);
	CHECK(ult_spawn(xs_self(), ULT_IO, "waiter", wait_for_it, &waiter, &waiter.ult));
	CHECK(ult_spawn(xs_self(), ULT_IO, "other", wait_for_it, &other, &other.ult));
	ult_sleep(NS_PER_S);
	if (stopped)
		sim_node_pause(sim, 1);
	else
		cut(scene, 0, true);
	begun = now_ms(scene);
	scene->step = 2;
	ult_join(waiter.ult);
	ult_join(other.ult);
	begun = now_ms(scene) - begun;
	print_message("locks passed on %lu ms after their holder was %s\n", (unsigned long)begun, stopped ? "stopped" : "cut off");
	TRUE(begun >= (LEASE_S - 1) * 1000 - 100 && begun < (LEASE_S + 2) * 1000);
	CHECK(waiter.rc);
	CHECK(other.rc);
	CHECK(get(file, &value));
	SAME(value, OLD);
	CHECK(put(file, NEW));
	scene->step = 3;
	if (stopped)
		sim_node_resume(sim, 1);
	else
		cut(scene, 0, false);
	await(scene, 4);
	CHECK(get(file, &value));
	SAME(value, NEW);
	CHECK(fs_lock_release(inode, 7));
	CHECK(fs_flock(inode, 7, LOCK_UN, NULL));
	scene->step = 5;
}

static void
zombie_body(struct scene *scene, uint32_t machine)
{
	struct fs_file *file;
	struct fs_inode *inode = file_of(scene, machine, "f", &file);

	if (machine == 0)
		zombie(scene, inode, file);
	else
		heir(scene, inode, file, scene->rounds != 0);
	CHECK(fs_close(file));
	fs_inode_put(inode);
}

static void
locks_of_a_mount_that_is_cut_off_pass_on_and_its_late_write_is_refused(void **state)
{
	for (uint64_t seed = 251; seed <= 251 + 2 / TEST_PARTS; seed++)
		run(&(struct scene){.seed = seed, .body = zombie_body});
}

static void
locks_of_a_mount_that_was_stopped_pass_on_and_its_late_write_is_refused(void **state)
{
	for (uint64_t seed = 261; seed <= 261 + 2 / TEST_PARTS; seed++)
		run(&(struct scene){.seed = seed, .rounds = 1, .body = zombie_body});
}

/* ---- a write whose data are still coming when its mount is fenced -------------------------------------------------------------------- */
enum { BIG = 256 * 1024 };

struct big {
	struct scene *scene;
	struct fs_file *file;
	uint64_t off;
	char fill;
	int rc;
	struct ult *ult;
};

static void
write_big(void *arg)
{
	struct big *big = arg;
	char *data = malloc(BIG);
	struct iovec iov = {.iov_base = data, .iov_len = BIG};
	size_t n;

	memset(data, big->fill, BIG);
	big->rc = fs_write(big->file, &iov, 1, big->off, &n, NULL);
	free(data);
}

static int
fill_big(struct fs_file *file, char fill)
{
	struct big big = {.file = file, .fill = fill};

	write_big(&big);
	return big.rc;
}

/* All of the file, which is as long as one write, is of one fill. */
static void
is_filled(struct fs_file *file, char fill)
{
	char *data = malloc(2 * BIG);
	struct iovec iov = {.iov_base = data, .iov_len = 2 * BIG};
	size_t n;

	CHECK(fs_read(file, &iov, 1, 0, &n));
	SAME(n, BIG);
	for (size_t i = 0; i < n; i++)
		SAME(data[i], fill);
	free(data);
}

static uint64_t
transfers(const struct scene *scene)
{
	struct sim_net_stats stats;

	sim_net_stats(world(scene), &stats);
	return stats.transfers;
}

/* Cut off as soon as the engine has begun to fetch what it writes. */
static void
stalled(struct scene *scene, struct fs_inode *inode, struct fs_file *file, bool append)
{
	struct big late = {.scene = scene, .fill = 'z'};
	uint64_t before;

	CHECK(lock_bytes(inode, 1, F_WRLCK, 0, 99, false));
	CHECK(fill_big(file, 'o'));
	CHECK(fs_open(inode, O_RDWR | (append ? O_APPEND : 0), &late.file));
	scene->step = 1;
	await(scene, 2);
	before = transfers(scene);
	CHECK(ult_spawn(xs_self(), ULT_IO, "late", write_big, &late, &late.ult));
	for (int i = 0; transfers(scene) == before && i < 100000; i++)
		ult_sleep(NS_PER_US);
	TRUE(transfers(scene) > before);
	cut(scene, 0, true);
	ult_join(late.ult);
	SAME(scene->step, 3);
	SAME(late.rc, EIO);
	TRUE(sim_counter(world(scene), "sometimes", "object: fenced while its data came") > 0);
	CHECK(lock_bytes(inode, 1, F_UNLCK, 0, 99, false));
	CHECK(fs_close(late.file));
	scene->step = 4;
}

static void
stalled_heir(struct scene *scene, struct fs_inode *inode, struct fs_file *file)
{
	struct waiter waiter = {.inode = inode, .owner = 7};
	struct stat st = {.st_size = 0};

	await(scene, 1);
	CHECK(ult_spawn(xs_self(), ULT_IO, "waiter", wait_for_it, &waiter, &waiter.ult));
	ult_sleep(NS_PER_S);
	scene->step = 2;
	ult_join(waiter.ult);
	CHECK(waiter.rc);
	CHECK(fs_setattr(inode, &st, FS_SET_SIZE, NULL));
	CHECK(fill_big(file, 'n'));
	scene->step = 3;
	cut(scene, 0, false); /* before the silence breaks the connection: the data come after all */
	await(scene, 4);
	is_filled(file, 'n');
	ult_sleep(20 * NS_PER_S);
	is_filled(file, 'n');
	CHECK(fs_lock_release(inode, 7));
}

static void
stalled_body(struct scene *scene, uint32_t machine)
{
	struct fs_who big = {.uid = 10, .gid = 20, .chunk_size = 1 << 20};
	struct fs_inode *inode;
	struct fs_file *file;
	bool created;

	CHECK(fs_create(scene->roots[machine], "big", 0600, O_RDWR, &big, &inode, NULL, &file, &created));
	if (machine == 0)
		stalled(scene, inode, file, scene->rounds != 0);
	else
		stalled_heir(scene, inode, file);
	await(scene, 4);
	CHECK(fs_close(file));
	fs_inode_put(inode);
}

static void
a_write_whose_data_come_after_its_mount_was_fenced_is_refused(void **state)
{
	for (uint64_t seed = 265; seed < 269; seed++)
		run(&(struct scene){.seed = seed, .rounds = seed % 2, .body = stalled_body});
}

/* ---- coming in -------------------------------------------------------------------------------------------------------------------------- */
/* As dfuse__recalled does: what was promised to the kernel about names is waited out. */
static void
wait_out_promises(void *arg)
{
	ult_sleep(*(const uint64_t *)arg);
}

static uint64_t
mounted_after_ms(struct scene *scene, uint32_t machine)
{
	uint64_t begun = now_ms(scene);

	CHECK(fs_mount(scene->conts[machine], 0, &scene->fs[machine]));
	return now_ms(scene) - begun;
}

static void
come_in(struct scene *scene, uint32_t machine)
{
	static const uint64_t promised[2] = {0, DFUSE_CACHE_NS};
	uint64_t after[2];

	if (machine == 0) {
		CHECK(fs_mount(scene->conts[0], 0, &scene->fs[0]));
		fs_on_recall(scene->fs[0], wait_out_promises, (void *)&promised[0]);
		scene->step = 1;
		await(scene, 2);
		TRUE(!fs_sole(scene->fs[0]));
		fs_on_recall(scene->fs[0], wait_out_promises, (void *)&promised[1]);
		for (int i = 0; !fs_sole(scene->fs[0]) && i < 1000; i++)
			ult_sleep(STEP_MS * NS_PER_MS);
		scene->step = 3;
		return;
	}
	await(scene, 1);
	after[0] = mounted_after_ms(scene, 1);
	scene->step = 2;
	ult_sleep(NS_PER_S);
	CHECK(fs_umount(scene->fs[1]));
	await(scene, 3);
	after[1] = mounted_after_ms(scene, 1);
	scene->step = 4;
	print_message("a second mount is in after %lu ms when the first has promised nothing, after %lu when it just did\n",
		      (unsigned long)after[0], (unsigned long)after[1]);
	TRUE(after[0] < 50 && after[1] >= 1000 && after[1] < 1050);
}

static void
in_body(struct scene *scene, uint32_t machine)
{
	await(scene, 4);
}

static void
a_second_mount_waits_for_what_the_first_promised_and_no_longer(void **state)
{
	run(&(struct scene){.seed = 271, .body = in_body, .at_mount = come_in});
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counters_of_two_mounts_are_exact),
		cmocka_unit_test(they_are_exact_over_deaths_of_the_engine),
		cmocka_unit_test(they_are_exact_over_losses_of_power),
		cmocka_unit_test(they_are_exact_when_a_mount_was_not_heard_of_for_a_while),
		cmocka_unit_test(who_waits_is_granted_after_unlock_close_and_death_of_the_holder),
		cmocka_unit_test(a_circle_over_two_mounts_is_refused),
		cmocka_unit_test(locks_of_a_mount_that_is_cut_off_pass_on_and_its_late_write_is_refused),
		cmocka_unit_test(locks_of_a_mount_that_was_stopped_pass_on_and_its_late_write_is_refused),
		cmocka_unit_test(a_write_whose_data_come_after_its_mount_was_fenced_is_refused),
		cmocka_unit_test(a_second_mount_waits_for_what_the_first_promised_and_no_longer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
