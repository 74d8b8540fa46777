/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A mount of memfs, used through the kernel. A child serves it, so that a failure on either side leaves a connection that ends, not a process that
 * waits for itself. The child's exit status says whether everything was given back. Without a usable /dev/fuse the tests are skipped.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "env_real/env_real.h"
#include "fuse/fuse.h"
#include "memfs.c"

struct options {
	bool no_caching, write_back, read_only;
	uint32_t inflight_max;
	uint64_t delay_ns;
};

struct scene {
	char dir[64];
	pid_t child;
	int told; /* the child's words, one byte each */
};

/* ---- the child ------------------------------------------------------------------------------------------------------------------------- */
struct server {
	struct env *env;
	struct xs *xs;
	struct fs *fs;
	struct dfuse *dfuse;
	const struct options *options;
	const char *dir;
	int tell, failed;
};

static void
tell(struct server *server, char word)
{
	if (write(server->tell, &word, 1) != 1)
		server->failed = 3;
}

static void
intrude(void *arg)
{
	struct server *server = arg;

	memfs_intrude(server->fs, "watched", "NEW");
	tell(server, 'r');
}

static void
on_usr1(void *arg, int signo)
{
	struct server *server = arg;

	if (ult_spawn(server->xs, ULT_SYSTEM, "intrude", intrude, server, NULL) != 0)
		server->failed = 4;
}

static void
on_term(void *arg, int signo)
{
	struct server *server = arg;

	dfuse_stop(server->dfuse);
}

static void
serve(void *arg)
{
	struct server *server = arg;
	const struct options *options = server->options;
	struct dfuse_config config = {.env = server->env, .xs = server->xs, .fs = server->fs, .mountpoint = server->dir, .caching = !options->no_caching,
				      .write_back = options->write_back, .read_only = options->read_only, .inflight_max = options->inflight_max};
	int rc = dfuse_start(&config, &server->dfuse);

	tell(server, rc == 0 ? 'm' : 'x');
	if (rc == 0)
		server->failed = dfuse_wait(server->dfuse) != 0 ? 5 : server->failed;
	if (options->inflight_max != 0 && memfs_busiest(server->fs) > options->inflight_max)
		server->failed = 6;
	xs_stop(server->xs);
}

static int
child_main(struct scene *scene, const struct options *options, int end)
{
	struct server server = {.options = options, .dir = scene->dir, .tell = end};
	struct xs_config config = {.name = "test"};

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (env_real_create(NULL, &server.env) != 0)
		return 2;
	config.env = server.env;
	if (xs_create(&config, &server.xs) != 0 || (server.fs = memfs_make(server.env)) == NULL)
		return 2;
	memfs_set_delay(server.fs, options->delay_ns);
	server.env->ops->host.watch_signal(xs_loop(server.xs), SIGUSR1, on_usr1, &server);
	server.env->ops->host.watch_signal(xs_loop(server.xs), SIGTERM, on_term, &server);
	if (ult_spawn(server.xs, ULT_SYSTEM, "serve", serve, &server, NULL) != 0)
		return 2;
	xs_run(server.xs);
	if (memfs_free(server.fs) != 0 && server.failed == 0)
		server.failed = 7;
	xs_destroy(server.xs);
	env_real_destroy(server.env);
	return server.failed;
}

/* ---- the parent ------------------------------------------------------------------------------------------------------------------------ */
static void
scene_open(struct scene *scene, const struct options *options)
{
	int ends[2];
	char word;

	strcpy(scene->dir, "/tmp/fuse-test-XXXXXX");
	assert_non_null(mkdtemp(scene->dir));
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	scene->child = fork();
	assert_true(scene->child >= 0);
	if (scene->child == 0)
		exit(child_main(scene, options, ends[1]));
	close(ends[1]);
	scene->told = ends[0];
	assert_int_equal(read(scene->told, &word, 1), 1);
	assert_int_equal(word, 'm');
	assert_int_equal(chdir(scene->dir), 0);
}

static void
scene_close(struct scene *scene)
{
	int status;

	assert_int_equal(chdir("/"), 0);
	assert_int_equal(umount2(scene->dir, 0), 0);
	assert_int_equal(waitpid(scene->child, &status, 0), scene->child);
	scene->child = 0;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* Also after a failure: nothing stays mounted, nobody stays alive. */
static int
teardown(void **state)
{
	struct scene *scene = *state;

	if (chdir("/") != 0)
		return -1;
	if (scene->child > 0) {
		umount2(scene->dir, MNT_DETACH);
		kill(scene->child, SIGKILL);
		waitpid(scene->child, NULL, 0);
	}
	umount2(scene->dir, MNT_DETACH);
	rmdir(scene->dir);
	close(scene->told);
	*scene = (struct scene){.told = -1};
	return 0;
}

static void
put_file(const char *name, const char *text)
{
	int fd = open(name, O_CREAT | O_TRUNC | O_WRONLY, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(close(fd), 0);
}

static void
assert_file(const char *name, const char *text)
{
	char got[256] = "";
	int fd = open(name, O_RDONLY);

	assert_true(fd >= 0);
	assert_int_equal(read(fd, got, sizeof(got) - 1), strlen(text));
	close(fd);
	assert_string_equal(got, text);
}

static void
what_posix_says_of_names_holds_through_the_mount(void **state)
{
	struct scene *scene = *state;
	struct options options = {0};
	char target[64] = "", longest[FS_NAME_MAX + 2];
	struct stat st, other;

	scene_open(scene, &options);
	put_file("a", "one");
	assert_file("a", "one");
	assert_int_equal(mkdir("d", 0700), 0);
	assert_int_equal(rename("a", "d/b"), 0);
	assert_int_equal(stat("a", &st), -1);
	assert_int_equal(link("d/b", "h"), 0);
	assert_int_equal(stat("h", &st), 0);
	assert_int_equal(stat("d/b", &other), 0);
	assert_int_equal(st.st_ino, other.st_ino);
	assert_int_equal(other.st_nlink, 2);
	assert_int_equal(symlink("d/b", "s"), 0);
	assert_int_equal(readlink("s", target, sizeof(target)), 3);
	assert_string_equal(target, "d/b");
	assert_file("s", "one");
	assert_int_equal(mkfifo("f", 0600), 0);
	assert_int_equal(stat("f", &st), 0);
	assert_true(S_ISFIFO(st.st_mode));
	put_file("x", "x");
	assert_int_equal(renameat2(AT_FDCWD, "x", AT_FDCWD, "h", RENAME_NOREPLACE), -1);
	assert_int_equal(errno, EEXIST);
	assert_int_equal(renameat2(AT_FDCWD, "x", AT_FDCWD, "h", RENAME_EXCHANGE), 0);
	assert_file("h", "x");
	assert_file("x", "one");
	assert_int_equal(rmdir("d"), -1);
	assert_int_equal(errno, ENOTEMPTY);
	assert_int_equal(rename("d", "d/e"), -1);
	assert_int_equal(errno, EINVAL);
	memset(longest, 'n', sizeof(longest) - 1);
	longest[FS_NAME_MAX + 1] = '\0';
	assert_int_equal(mkdir(longest, 0700), -1);
	assert_int_equal(errno, ENAMETOOLONG);
	longest[FS_NAME_MAX] = '\0';
	assert_int_equal(mkdir(longest, 0700), 0);
	assert_int_equal(rmdir(longest), 0);
	assert_int_equal(unlink("d/b"), 0);
	assert_int_equal(rmdir("d"), 0);
	scene_close(scene);
}

static void
attributes_are_set_and_kept(void **state)
{
	struct scene *scene = *state;
	struct options options = {0};
	struct timespec times[2] = {{.tv_sec = 1000, .tv_nsec = 1}, {.tv_sec = 2000, .tv_nsec = 999999999}};
	char value[4096], list[64];
	struct statvfs fs;
	struct stat st;

	scene_open(scene, &options);
	put_file("a", "0123456789");
	assert_int_equal(truncate("a", 4), 0);
	assert_file("a", "0123");
	assert_int_equal(chmod("a", 0640), 0);
	assert_int_equal(utimensat(AT_FDCWD, "a", times, 0), 0);
	assert_int_equal(stat("a", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	assert_int_equal(st.st_size, 4);
	assert_int_equal(st.st_atim.tv_sec, 1000);
	assert_int_equal(st.st_mtim.tv_nsec, 999999999);
	memset(value, 'v', sizeof(value));
	assert_int_equal(setxattr("a", "user.k", value, sizeof(value), XATTR_CREATE), 0);
	assert_int_equal(setxattr("a", "user.k", value, 1, XATTR_CREATE), -1);
	assert_int_equal(errno, EEXIST);
	assert_int_equal(getxattr("a", "user.k", NULL, 0), sizeof(value));
	assert_int_equal(getxattr("a", "user.k", list, sizeof(list)), -1);
	assert_int_equal(errno, ERANGE);
	memset(value, 0, sizeof(value));
	assert_int_equal(getxattr("a", "user.k", value, sizeof(value)), sizeof(value));
	assert_int_equal(value[sizeof(value) - 1], 'v');
	assert_int_equal(listxattr("a", list, sizeof(list)), 7);
	assert_string_equal(list, "user.k");
	assert_int_equal(removexattr("a", "user.k"), 0);
	assert_int_equal(getxattr("a", "user.k", NULL, 0), -1);
	assert_int_equal(errno, ENODATA);
	assert_int_equal(statvfs(".", &fs), 0);
	assert_int_equal(fs.f_blocks, 1 << 20);
	scene_close(scene);
}

static void
an_open_file_outlives_its_name_and_a_rename_over_it(void **state)
{
	struct scene *scene = *state;
	struct options options = {0};
	struct stat st;
	char got[8] = "";
	int fd;

	scene_open(scene, &options);
	put_file("a", "old");
	put_file("b", "new");
	fd = open("a", O_RDWR);
	assert_int_equal(rename("b", "a"), 0);
	assert_file("a", "new");
	assert_int_equal(pread(fd, got, sizeof(got), 0), 3);
	assert_string_equal(got, "old");
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_nlink, 0);
	assert_int_equal(pwrite(fd, "more", 4, 0), 4);
	assert_int_equal(close(fd), 0);
	fd = open("a", O_RDONLY);
	assert_int_equal(unlink("a"), 0);
	assert_int_equal(pread(fd, got, sizeof(got), 0), 3);
	close(fd);
	scene_close(scene);
}

static void
large_and_small_data_come_back_in_every_cache_mode(void **state)
{
	struct scene *scene = *state;
	static char data[3 << 20], got[3 << 20];

	for (int mode = 0; mode < 3; mode++) {
		struct options options = {.no_caching = mode == 1, .write_back = mode == 2};
		char *map;
		int fd, rc;

		scene_open(scene, &options);
		for (size_t i = 0; i < sizeof(data); i++)
			data[i] = (char)(i * 31 >> 7);
		fd = open("f", O_CREAT | O_RDWR, 0600);
		assert_int_equal(pwrite(fd, data, sizeof(data), 5), sizeof(data));
		assert_int_equal(pwrite(fd, "small", 5, 0), 5);
		assert_int_equal(fsync(fd), 0);
		assert_int_equal(pread(fd, got, sizeof(got), 5), sizeof(got));
		assert_memory_equal(data, got, sizeof(data));
		assert_int_equal(pread(fd, got, 100, sizeof(data)), 5);
		close(fd);
		fd = open("f", O_WRONLY | O_APPEND);
		assert_int_equal(write(fd, "tail", 4), 4);
		close(fd);
		fd = open("f", O_RDONLY | (mode != 2 ? O_DIRECT : 0));
		assert_int_equal(lseek(fd, 0, SEEK_END), (off_t)sizeof(data) + 9);
		rc = (int)pread(fd, got, 4, (off_t)sizeof(data) + 5);
		assert_int_equal(rc, 4);
		assert_memory_equal(got, "tail", 4);
		close(fd);
		fd = open("f", O_RDWR | O_APPEND);
		map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		if (map != MAP_FAILED) { /* not without caching */
			map[0] = 'M';
			assert_int_equal(msync(map, 4096, MS_SYNC), 0);
			munmap(map, 4096);
			assert_int_equal(lseek(fd, 0, SEEK_END), (off_t)sizeof(data) + 9);
			assert_int_equal(pread(fd, got, 2, 0), 2);
			assert_memory_equal(got, "Mm", 2);
		}
		close(fd);
		scene_close(scene);
		teardown(state);
	}
}

static void
five_thousand_names_are_each_listed_once(void **state)
{
	struct scene *scene = *state;
	struct options options = {0};
	static bool seen[5000];
	struct dirent *entry;
	char name[32];
	DIR *dir;
	int nr = 0;

	scene_open(scene, &options);
	for (int i = 0; i < 5000; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		assert_int_equal(mknod(name, S_IFREG | 0600, 0), 0);
	}
	dir = opendir(".");
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		assert_false(seen[atoi(entry->d_name + 1)]);
		seen[atoi(entry->d_name + 1)] = true;
		assert_int_equal(unlink(entry->d_name), 0);
		nr++;
	}
	closedir(dir);
	assert_int_equal(nr, 5000);
	scene_close(scene);
}

/* Each thread has its files and its pattern; all share a directory. */
static void *
worker(void *arg)
{
	int id = (int)(intptr_t)arg;
	char name[32], data[3000], got[3000];

	memset(data, 'a' + id, sizeof(data));
	for (int i = 0; i < 20; i++) {
		int fd;

		snprintf(name, sizeof(name), "w%d.%d", id, i);
		fd = open(name, O_CREAT | O_EXCL | O_RDWR, 0600);
		if (fd < 0 || write(fd, data, sizeof(data)) != (ssize_t)sizeof(data) || pread(fd, got, sizeof(got), 0) != (ssize_t)sizeof(got) ||
		    memcmp(data, got, sizeof(got)) != 0 || close(fd) != 0 || (i % 2 == 0 && unlink(name) != 0))
			return (void *)(intptr_t)1;
	}
	return NULL;
}

static void
many_at_once_are_served_within_the_bound(void **state)
{
	struct scene *scene = *state;
	struct options options = {.no_caching = true, .inflight_max = 3, .delay_ns = 2 * NS_PER_MS};
	pthread_t threads[16];
	void *failed;

	scene_open(scene, &options);
	for (int i = 0; i < 16; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, worker, (void *)(intptr_t)i), 0);
	for (int i = 0; i < 16; i++) {
		assert_int_equal(pthread_join(threads[i], &failed), 0);
		assert_null(failed);
	}
	scene_close(scene);
}

/* Waits until a child of ours waits in fcntl or flock. */
static void
wait_blocked(pid_t pid)
{
	char path[64], text[64];
	long nr = -1;

	snprintf(path, sizeof(path), "/proc/%d/syscall", (int)pid);
	for (int i = 0; i < 5000 && nr != SYS_fcntl && nr != SYS_flock; i++) {
		int fd = open(path, O_RDONLY);
		ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;

		if (fd >= 0)
			close(fd);
		text[n > 0 ? n : 0] = 0;
		nr = n > 0 && text[0] >= '0' && text[0] <= '9' ? strtol(text, NULL, 10) : -1; /* "running" while it runs */
		usleep(1000);
	}
	assert_true(nr == SYS_fcntl || nr == SYS_flock);
}

/* Exit status of a child of ours that does body and may be killed by a signal once it waits for a lock. */
static int
in_child(int (*body)(void), int signo, pid_t *pid)
{
	int status;

	*pid = fork();
	if (*pid == 0)
		_exit(body());
	if (signo == 0)
		return 0;
	wait_blocked(*pid);
	kill(*pid, signo);
	assert_int_equal(waitpid(*pid, &status, 0), *pid);
	return status;
}

static int
wait_for_fcntl(void)
{
	struct flock lock = {.l_type = F_WRLCK};
	int fd = open("l", O_RDWR);

	return fcntl(fd, F_SETLKW, &lock) == 0 ? 0 : 1;
}

static int
wait_for_flock(void)
{
	return flock(open("l", O_RDWR), LOCK_EX) == 0 ? 0 : 1;
}

static void
a_waiting_lock_holds_nobody_else_and_can_be_interrupted(void **state)
{
	struct scene *scene = *state;
	struct options options = {.inflight_max = 1};
	struct flock lock = {.l_type = F_WRLCK}, seen = {.l_type = F_WRLCK};
	pid_t waiters[8], pid;
	int fd, other, status;

	scene_open(scene, &options);
	put_file("l", "l");
	fd = open("l", O_RDWR);
	assert_int_equal(fcntl(fd, F_SETLK, &lock), 0);
	for (int i = 0; i < 8; i++)
		in_child(wait_for_fcntl, 0, &waiters[i]);
	status = in_child(wait_for_fcntl, SIGTERM, &pid);
	assert_true(WIFSIGNALED(status));
	put_file("meanwhile", "served");
	pid = fork();
	if (pid == 0) {
		int rc = fcntl(open("l", O_RDWR), F_GETLK, &seen);

		_exit(rc == 0 && seen.l_type == F_WRLCK && seen.l_pid == getppid() ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	/* Any close gives up the fcntl locks of this process. */
	close(open("l", O_RDONLY));
	for (int i = 0; i < 8; i++) {
		assert_int_equal(waitpid(waiters[i], &status, 0), waiters[i]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(flock(fd, LOCK_EX), 0);
	other = open("l", O_RDWR);
	assert_int_equal(flock(other, LOCK_EX | LOCK_NB), -1);
	assert_int_equal(errno, EWOULDBLOCK);
	status = in_child(wait_for_flock, SIGINT, &pid);
	assert_true(WIFSIGNALED(status));
	close(fd);
	assert_int_equal(flock(other, LOCK_EX | LOCK_NB), 0);
	close(other);
	scene_close(scene);
}

static void
shared_memory_of_a_file_works_with_caching(void **state)
{
	struct scene *scene = *state;
	struct options options = {0};
	char got[4] = "";
	char *map;
	int fd;

	scene_open(scene, &options);
	fd = open("m", O_CREAT | O_RDWR, 0600);
	assert_int_equal(ftruncate(fd, 8192), 0);
	map = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(map, MAP_FAILED);
	memcpy(map + 4095, "map", 3); /* NOLINT(bugprone-not-null-terminated-result): bytes of a file */
	assert_int_equal(msync(map, 8192, MS_SYNC), 0);
	assert_int_equal(pread(fd, got, 3, 4095), 3);
	assert_string_equal(got, "map");
	munmap(map, 8192);
	close(fd);
	scene_close(scene);
}

static void
a_recall_takes_back_what_the_kernel_caches(void **state)
{
	struct scene *scene = *state;
	struct options options = {0};
	char got[8] = "", word;
	int fd;

	scene_open(scene, &options);
	put_file("watched", "old");
	fd = open("watched", O_RDONLY);
	assert_int_equal(pread(fd, got, 3, 0), 3);
	kill(scene->child, SIGUSR1);
	assert_int_equal(read(scene->told, &word, 1), 1);
	assert_int_equal(word, 'r');
	assert_int_equal(pread(fd, got, 3, 0), 3);
	assert_string_equal(got, "NEW");
	close(fd);
	scene_close(scene);
}

static void
a_read_only_mount_refuses_changes(void **state)
{
	struct scene *scene = *state;
	struct options options = {.read_only = true};

	scene_open(scene, &options);
	assert_int_equal(mkdir("d", 0700), -1);
	assert_int_equal(errno, EROFS);
	scene_close(scene);
}

static void
a_stop_pushes_what_was_written_and_cuts_off_who_stays(void **state)
{
	struct scene *scene = *state;
	struct options options = {.write_back = true};
	int fd, status;

	scene_open(scene, &options);
	put_file("a", "data");
	fd = open("a", O_RDWR);
	assert_int_equal(write(fd, "more", 4), 4);
	kill(scene->child, SIGTERM);
	assert_int_equal(waitpid(scene->child, &status, 0), scene->child);
	scene->child = 0;
	assert_int_equal(status, 0);
	assert_int_equal(write(fd, "late", 4) == 4 && fsync(fd) == 0, false);
	close(fd);
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(rmdir(scene->dir), 0);
}

static void
a_mount_whose_server_died_is_cleaned_and_others_are_left(void **state)
{
	struct scene *scene = *state;
	struct options options = {0};
	struct stat st;

	scene_open(scene, &options);
	assert_int_equal(dfuse_clean_stale(scene->dir), 0);
	put_file("alive", "yes");
	assert_int_equal(chdir("/"), 0);
	kill(scene->child, SIGKILL);
	waitpid(scene->child, NULL, 0);
	scene->child = 0;
	assert_int_equal(stat(scene->dir, &st), -1);
	assert_int_equal(errno, ENOTCONN);
	assert_int_equal(dfuse_clean_stale(scene->dir), 0);
	assert_int_equal(stat(scene->dir, &st), 0);
	assert_int_equal(dfuse_clean_stale("/nonexistent"), ENOENT);
}

int
main(void)
{
	static struct scene scene = {.told = -1};
	static struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(what_posix_says_of_names_holds_through_the_mount, teardown),
		cmocka_unit_test_teardown(attributes_are_set_and_kept, teardown),
		cmocka_unit_test_teardown(an_open_file_outlives_its_name_and_a_rename_over_it, teardown),
		cmocka_unit_test_teardown(large_and_small_data_come_back_in_every_cache_mode, teardown),
		cmocka_unit_test_teardown(five_thousand_names_are_each_listed_once, teardown),
		cmocka_unit_test_teardown(many_at_once_are_served_within_the_bound, teardown),
		cmocka_unit_test_teardown(a_waiting_lock_holds_nobody_else_and_can_be_interrupted, teardown),
		cmocka_unit_test_teardown(shared_memory_of_a_file_works_with_caching, teardown),
		cmocka_unit_test_teardown(a_recall_takes_back_what_the_kernel_caches, teardown),
		cmocka_unit_test_teardown(a_read_only_mount_refuses_changes, teardown),
		cmocka_unit_test_teardown(a_stop_pushes_what_was_written_and_cuts_off_who_stays, teardown),
		cmocka_unit_test_teardown(a_mount_whose_server_died_is_cleaned_and_others_are_left, teardown),
	};
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	if (fd < 0 || geteuid() != 0) {
		print_message("skipped: /dev/fuse cannot be used here, or we are not root\n");
		return 77;
	}
	close(fd);
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		tests[i].initial_state = &scene;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
