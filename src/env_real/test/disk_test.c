/* SPDX-License-Identifier: Apache-2.0 */
/*
 * disk: random operations against a model (an array of bytes), by every way there is: io_uring with O_DIRECT, io_uring through
 * the page cache, helper threads, and io_uring truly refused by a seccomp filter in a child. Then each error by name.
 */
#include "world.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/loop.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define DISK_SIZE (4 * MIB)
#define DEPTH 24
#define PIECES 5

static struct world w;

/* ---- model ----------------------------------------------------------------------------------------------------- */

struct slot {
	struct env_io io;
	bool busy;
	struct iovec iov[PIECES];
	uint8_t *buf;
	uint8_t *expect; /* of a read: as the model was when it began; regions under way do not overlap */
	int *done;
};

static void
on_done(struct env_io *io, int rc)
{
	struct slot *slot = container_of(io, struct slot, io);

	assert_int_equal(rc, 0);
	if (io->op == ENV_IO_READ)
		assert_memory_equal(slot->buf, slot->expect, io->len);
	slot->busy = false;
	++*slot->done;
}

static bool
overlaps(struct slot *slots, uint64_t off, uint64_t len)
{
	for (int i = 0; i < DEPTH; i++)
		if (slots[i].busy && slots[i].io.op != ENV_IO_FLUSH && off < slots[i].io.off + slots[i].io.len &&
		    slots[i].io.off < off + len)
			return true;
	return false;
}

static void
cut(struct rand *rand, struct slot *slot, uint64_t len, uint32_t block)
{
	uint64_t left = len / block, part;

	for (int i = 0; i < PIECES; i++) {
		part = i + 1 == PIECES ? left : rand_below(rand, left + 1);
		slot->iov[i] = (struct iovec){slot->buf + (len - left * block), part * block};
		left -= part;
	}
	slot->io.iov = slot->iov;
	slot->io.iov_nr = PIECES;
}

static void
start(struct rand *rand, struct env_disk *disk, struct slot *slots, struct slot *slot, uint8_t *model, uint32_t block)
{
	uint64_t len = block * (1 + rand_below(rand, rand_one_in(rand, 4) ? 64 : 4)), off;
	enum env_io_op op = rand_below(rand, 20) == 0 ? ENV_IO_FLUSH : rand_below(rand, 2) == 0 ? ENV_IO_READ : ENV_IO_WRITE;

	off = rand_below(rand, (DISK_SIZE - len) / block) * block;
	if (op != ENV_IO_FLUSH && overlaps(slots, off, len))
		return;
	slot->io = (struct env_io){.disk = disk, .op = op, .off = off, .len = op == ENV_IO_FLUSH ? 0 : len, .done = on_done};
	if (op != ENV_IO_FLUSH)
		cut(rand, slot, len, block);
	if (op == ENV_IO_READ) {
		slot->io.flags = rand_below(rand, 2) == 0 ? ENV_IO_CACHED : 0; /* coherent with direct writes: disk I3 */
		memset(slot->buf, 0xdd, len);
		memcpy(slot->expect, model + off, len);
	} else if (op == ENV_IO_WRITE) {
		slot->io.flags = rand_one_in(rand, 4) ? ENV_IO_DSYNC : 0;
		for (uint64_t i = 0; i < len; i += 8)
			*(uint64_t *)(slot->buf + i) = rand_u64(rand);
		memcpy(model + off, slot->buf, len);
	}
	slot->busy = true;
	w.ops->disk.submit(w.loop, &slot->io);
	assert_true(slot->busy); /* never from within submit */
}

static void
run_model(uint64_t seed, int steps)
{
	uint8_t *model = calloc(1, DISK_SIZE), *whole = aligned_alloc(4096, DISK_SIZE);
	const char *path = world_path(&w, "disk");
	struct slot slots[DEPTH] = {0};
	struct env_disk_info info;
	struct env_disk *disk;
	struct rand rand;
	int done = 0, fd;
	bool busy = true;

	rand_init(&rand, seed, 0);
	assert_int_equal(w.ops->disk.open(w.env, path, ENV_DISK_CREATE | ENV_DISK_PREWRITE, DISK_SIZE, &disk), 0);
	w.ops->disk.info(disk, &info);
	assert_int_equal(info.size, DISK_SIZE);
	assert_true(info.block_size == 512 || info.block_size == 4096);
	assert_true(strlen(info.id) > 0);
	for (int i = 0; i < DEPTH; i++) {
		slots[i].buf = aligned_alloc(4096, 64 * 4096);
		slots[i].expect = malloc(64 * 4096);
		slots[i].done = &done;
	}
	for (int i = 0; i < steps; i++) {
		struct slot *slot = &slots[rand_below(&rand, DEPTH)];

		if (!slot->busy)
			start(&rand, disk, slots, slot, model, info.block_size);
		if (rand_one_in(&rand, 6))
			w.ops->loop.poll(w.loop, rand_one_in(&rand, 2) ? 0 : env_mono(w.env) + NS_PER_MS);
	}
	while (busy) {
		w.ops->loop.poll(w.loop, env_mono(w.env) + NS_PER_S);
		busy = false;
		for (int i = 0; i < DEPTH; i++)
			busy |= slots[i].busy;
	}
	w.ops->disk.close(disk);
	fd = open(path, O_RDONLY);
	assert_int_equal(read(fd, whole, DISK_SIZE), DISK_SIZE);
	assert_memory_equal(whole, model, DISK_SIZE);
	close(fd);
	unlink(path);
	for (int i = 0; i < DEPTH; i++) {
		free(slots[i].buf);
		free(slots[i].expect);
	}
	free(model);
	free(whole);
}

static void
with_options(bool no_io_uring, bool no_direct)
{
	struct env_real_options options = {.log.mask = "CRIT", .no_io_uring = no_io_uring, .no_direct = no_direct};

	world_open(&w, &options);
	for (uint64_t seed = 0; seed < 3; seed++)
		run_model(seed, 1500);
	world_close(&w);
}

static void
by_io_uring_a_disk_is_an_array_of_bytes(void **state)
{
	with_options(false, false);
}

static void
by_io_uring_through_the_page_cache_too(void **state)
{
	with_options(false, true);
}

static void
by_helper_threads_too(void **state)
{
	with_options(true, false);
	with_options(true, true);
}

/* ---- io_uring refused ------------------------------------------------------------------------------------------- */

static int
deny_io_uring(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = ARRAY_SIZE(filter), .filter = filter};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return -errno;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0 ? -errno : 0;
}

static void
where_the_kernel_refuses_io_uring_helpers_take_over_and_the_log_says_so_once(void **state)
{
	char log[] = "/tmp/env_real_log.XXXXXX", text[4096] = "";
	struct env_real_options options = {.log = {.file = log, .mask = "NOTE"}};
	int status, fd = mkstemp(log);
	char *first;
	pid_t pid;

	pid = fork();
	if (pid == 0) {
		if (deny_io_uring() != 0)
			_exit(2);
		world_open(&w, &options);
		run_model(7, 800);
		run_model(8, 800);
		world_close(&w);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_true(read(fd, text, sizeof(text) - 1) > 0);
	first = strstr(text, "io_uring is not available (Operation not permitted)");
	assert_non_null(first);
	assert_null(strstr(first + 1, "io_uring"));
	close(fd);
	unlink(log);
}

/* ---- errors ------------------------------------------------------------------------------------------------------ */

static int one_rc;
static bool one_done;

static void
on_one(struct env_io *io, int rc)
{
	one_rc = rc;
	one_done = true;
}

static int
one(struct env_disk *disk, enum env_io_op op, uint32_t flags, uint64_t off, void *buf, uint64_t len)
{
	struct iovec iov = {buf, len};
	struct env_io io = {.disk = disk, .op = op, .flags = flags, .off = off, .len = len, .iov = &iov, .iov_nr = 1, .done = on_one};

	one_done = false;
	w.ops->disk.submit(w.loop, &io);
	assert_false(one_done);
	POLL_UNTIL(&w, one_done, 10);
	return one_rc;
}

static int
setup(void **state)
{
	world_open(&w, NULL);
	return 0;
}

static int
setup_helpers(void **state)
{
	struct env_real_options options = {.log.mask = "EMIT", .no_io_uring = true, .no_direct = true};

	world_open(&w, &options);
	return 0;
}

static int
teardown(void **state)
{
	world_close(&w);
	return 0;
}

static void
opening_says_what_is_wrong(void **state)
{
	const char *path = world_path(&w, "d");
	struct env_disk *disk, *second;

	assert_int_equal(w.ops->disk.open(w.env, path, 0, 0, &disk), -DER_NONEXIST);
	assert_int_equal(w.ops->disk.open(w.env, world_path(&w, "no/d"), ENV_DISK_CREATE, MIB, &disk), -DER_NONEXIST);
	assert_int_equal(w.ops->disk.open(w.env, path, ENV_DISK_CREATE, 100, &disk), -DER_INVAL);
	assert_int_equal(w.ops->disk.open(w.env, path, ENV_DISK_CREATE, 1ULL << 55, &disk), -DER_OVERFLOW);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(w.ops->disk.open(w.env, path, ENV_DISK_CREATE, MIB, &disk), 0);
	assert_int_equal(w.ops->disk.open(w.env, path, 0, 0, &second), -DER_BUSY);
	assert_int_equal(w.ops->disk.open(w.env, path, ENV_DISK_RDONLY, 0, &second), -DER_BUSY);
	w.ops->disk.close(disk);
	assert_int_equal(w.ops->disk.open(w.env, path, ENV_DISK_CREATE, MIB, &disk), -DER_EXIST);
	assert_int_equal(w.ops->disk.open(w.env, path, ENV_DISK_RDONLY, 0, &disk), 0);
	assert_int_equal(w.ops->disk.open(w.env, path, ENV_DISK_RDONLY, 0, &second), 0);
	w.ops->disk.close(disk);
	w.ops->disk.close(second);
	assert_int_equal(w.ops->disk.open(w.env, w.dir, 0, 0, &disk), -DER_INVAL);
}

static void
a_disk_without_room_is_refused_and_leaves_nothing(void **state)
{
	const char *path = world_path(&w, "d");
	uint64_t space, total;
	struct env_disk *disk;

	assert_int_equal(w.ops->file.space(w.env, w.dir, &space, &total), 0);
	assert_true(space <= total && space > 0);
	if (space > 4ULL << 40)
		skip();
	assert_int_equal(w.ops->disk.open(w.env, path, ENV_DISK_CREATE, ALIGN_UP(space + 64 * GIB, 4096), &disk), -DER_NOSPACE);
	assert_int_equal(access(path, F_OK), -1);
}

static void
what_lies_outside_or_is_gone_is_an_io_error(void **state)
{
	const char *path = world_path(&w, "d");
	uint8_t *buf = aligned_alloc(4096, 64 * KIB);
	struct env_disk *disk;

	assert_int_equal(w.ops->disk.open(w.env, path, ENV_DISK_CREATE, MIB, &disk), 0);
	memset(buf, 1, 64 * KIB);
	assert_int_equal(one(disk, ENV_IO_WRITE, 0, MIB - 32 * KIB, buf, 64 * KIB), -DER_IO);
	assert_int_equal(one(disk, ENV_IO_READ, 0, UINT64_MAX - 4095, buf, 8192), -DER_IO);
	assert_int_equal(one(disk, ENV_IO_READ, 0, 100, buf, 4096), -DER_IO);
	assert_int_equal(one(disk, ENV_IO_READ, 0, 0, buf, 0), 0);
	/* Cut short behind our back: what is there comes, then it ends. */
	assert_int_equal(truncate(path, (off_t)(MIB / 2)), 0);
	assert_int_equal(one(disk, ENV_IO_READ, 0, MIB / 2 - 32 * KIB, buf, 64 * KIB), -DER_IO);
	assert_int_equal(one(disk, ENV_IO_READ, 0, 0, buf, 64 * KIB), 0);
	w.ops->disk.close(disk);
	/* A disk that may only be read. */
	assert_int_equal(w.ops->disk.open(w.env, path, ENV_DISK_RDONLY, 0, &disk), 0);
	assert_int_equal(one(disk, ENV_IO_WRITE, 0, 0, buf, 4096), -DER_IO);
	assert_int_equal(one(disk, ENV_IO_READ, 0, 0, buf, 4096), 0);
	w.ops->disk.close(disk);
	free(buf);
}

static void
a_refused_write_is_an_error_not_a_signal(void **state)
{
	struct rlimit before, small;
	uint8_t *buf = aligned_alloc(4096, 64 * KIB);
	struct env_disk *disk;

	memset(buf, 1, 64 * KIB);
	assert_int_equal(w.ops->disk.open(w.env, world_path(&w, "d"), ENV_DISK_CREATE, MIB, &disk), 0);
	assert_int_equal(one(disk, ENV_IO_TRIM, 0, 0, NULL, 128 * KIB), 0);
	assert_int_equal(one(disk, ENV_IO_READ, 0, 64 * KIB, buf, 4096), 0);
	for (int i = 0; i < 4096; i++)
		assert_int_equal(buf[i], 0);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &before);
	small = (struct rlimit){.rlim_cur = 32 * KIB, .rlim_max = before.rlim_max};
	setrlimit(RLIMIT_FSIZE, &small);
	/* The first half fits, is written, and the rest is refused. */
	assert_int_equal(one(disk, ENV_IO_WRITE, 0, 0, buf, 64 * KIB), -DER_IO);
	setrlimit(RLIMIT_FSIZE, &before);
	assert_int_equal(one(disk, ENV_IO_WRITE, ENV_IO_DSYNC, 0, buf, 64 * KIB), 0);
	assert_int_equal(one(disk, ENV_IO_FLUSH, 0, 0, NULL, 0), 0);
	w.ops->disk.close(disk);
	free(buf);
}

static void
more_operations_and_pieces_than_the_kernel_takes_at_once_all_end(void **state)
{
	enum { NR = 3000, MANY = 1500 };
	struct slot *slots = calloc(NR, sizeof(*slots));
	struct iovec *iov = calloc(MANY, sizeof(*iov));
	uint8_t *buf = aligned_alloc(4096, 8192), *big = aligned_alloc(4096, (size_t)MANY * 4096);
	struct env_disk *disk;
	int done = 0;

	memset(buf, 3, 8192);
	assert_int_equal(w.ops->disk.open(w.env, world_path(&w, "d"), ENV_DISK_CREATE, 8 * MIB, &disk), 0);
	for (int i = 0; i < NR; i++) {
		slots[i].done = &done;
		slots[i].iov[0] = (struct iovec){buf, 4096};
		slots[i].io = (struct env_io){.disk = disk, .op = ENV_IO_WRITE, .off = (uint64_t)(i % 2000) * 4096, .len = 4096,
					      .iov = slots[i].iov, .iov_nr = 1, .done = on_done};
		w.ops->disk.submit(w.loop, &slots[i].io);
	}
	POLL_UNTIL(&w, done == NR, 60);
	for (int i = 0; i < MANY; i++)
		iov[i] = (struct iovec){big + (size_t)i * 4096, 4096};
	slots[0].buf = big;
	slots[0].expect = malloc((size_t)MANY * 4096);
	memset(slots[0].expect, 3, (size_t)MANY * 4096);
	slots[0].io = (struct env_io){.disk = disk, .op = ENV_IO_READ, .len = (uint64_t)MANY * 4096, .iov = iov, .iov_nr = MANY,
				      .done = on_done};
	w.ops->disk.submit(w.loop, &slots[0].io);
	POLL_UNTIL(&w, done == NR + 1, 60);
	w.ops->disk.close(disk);
	free(slots[0].expect);
	free(slots);
	free(iov);
	free(buf);
	free(big);
}

/* ---- block devices ------------------------------------------------------------------------------------------------ */

/* A loop device over path; it goes away with its last opener. Its descriptor, or -1 where we may not. */
static int
loop_device(const char *path, char *name, size_t size)
{
	struct loop_info64 info = {.lo_flags = LO_FLAGS_AUTOCLEAR};
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC), number, file, device;

	if (control < 0)
		return -1;
	number = ioctl(control, LOOP_CTL_GET_FREE);
	close(control);
	if (number < 0)
		return -1;
	snprintf(name, size, "/dev/loop%d", number);
	device = open(name, O_RDWR | O_CLOEXEC);
	file = open(path, O_RDWR | O_CLOEXEC);
	if (device >= 0 && (ioctl(device, LOOP_SET_FD, file) != 0 || ioctl(device, LOOP_SET_STATUS64, &info) != 0)) {
		close(device);
		device = -1;
	}
	close(file);
	return device;
}

static void
a_block_device_serves_like_a_file(void **state)
{
	const char *path = world_path(&w, "backing");
	uint8_t *buf = aligned_alloc(4096, 64 * KIB);
	struct env_disk_info info;
	struct env_disk *disk;
	char name[32];
	int device;

	assert_int_equal(w.ops->disk.open(w.env, path, ENV_DISK_CREATE | ENV_DISK_PREWRITE, DISK_SIZE, &disk), 0);
	w.ops->disk.close(disk);
	device = loop_device(path, name, sizeof(name));
	if (device < 0) {
		free(buf);
		skip();
	}
	assert_int_equal(w.ops->disk.open(w.env, name, ENV_DISK_CREATE, DISK_SIZE, &disk), -DER_EXIST);
	assert_int_equal(w.ops->disk.open(w.env, name, 0, 0, &disk), 0);
	w.ops->disk.info(disk, &info);
	assert_int_equal(info.size, DISK_SIZE);
	assert_memory_equal(info.id, "disk-", 5);
	memset(buf, 9, 64 * KIB);
	assert_int_equal(one(disk, ENV_IO_WRITE, ENV_IO_DSYNC, DISK_SIZE - 64 * KIB, buf, 64 * KIB), 0);
	memset(buf, 0, 64 * KIB);
	assert_int_equal(one(disk, ENV_IO_READ, 0, DISK_SIZE - 64 * KIB, buf, 64 * KIB), 0);
	for (int i = 0; i < (int)(64 * KIB); i++)
		assert_int_equal(buf[i], 9);
	assert_int_equal(one(disk, ENV_IO_FLUSH, 0, 0, NULL, 0), 0);
	assert_int_equal(one(disk, ENV_IO_TRIM, 0, 0, NULL, 64 * KIB), 0);
	w.ops->disk.close(disk);
	close(device);
	free(buf);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_io_uring_a_disk_is_an_array_of_bytes),
		cmocka_unit_test(by_io_uring_through_the_page_cache_too),
		cmocka_unit_test(by_helper_threads_too),
		cmocka_unit_test(where_the_kernel_refuses_io_uring_helpers_take_over_and_the_log_says_so_once),
		cmocka_unit_test_setup_teardown(opening_says_what_is_wrong, setup, teardown),
		cmocka_unit_test_setup_teardown(a_disk_without_room_is_refused_and_leaves_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(what_lies_outside_or_is_gone_is_an_io_error, setup, teardown),
		cmocka_unit_test_setup_teardown(what_lies_outside_or_is_gone_is_an_io_error, setup_helpers, teardown),
		cmocka_unit_test_setup_teardown(a_refused_write_is_an_error_not_a_signal, setup, teardown),
		cmocka_unit_test_setup_teardown(a_refused_write_is_an_error_not_a_signal, setup_helpers, teardown),
		cmocka_unit_test_setup_teardown(more_operations_and_pieces_than_the_kernel_takes_at_once_all_end, setup, teardown),
		cmocka_unit_test_setup_teardown(more_operations_and_pieces_than_the_kernel_takes_at_once_all_end, setup_helpers, teardown),
		cmocka_unit_test_setup_teardown(a_block_device_serves_like_a_file, setup, teardown),
		cmocka_unit_test_setup_teardown(a_block_device_serves_like_a_file, setup_helpers, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
