/* SPDX-License-Identifier: Apache-2.0 */
/* file: small files, directories, locks, shared mappings. */
#include "world.h"
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

static struct world w;

static int
setup(void **state)
{
	world_open(&w, NULL);
	return 0;
}

static int
teardown(void **state)
{
	world_close(&w);
	return 0;
}

#define FILE_OPS (w.ops->file)

static void
a_file_reads_as_it_was_written(void **state)
{
	static const size_t sizes[] = {0, 1, 4095, 4096, 4097, 100000};
	const char *path = world_path(&w, "f");
	char *big = malloc(100000), *data;
	struct stat st;
	uint64_t size;
	size_t len;
	bool is_dir;

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		memset(big, 'a' + (int)i, sizes[i]);
		assert_int_equal(FILE_OPS.write(w.env, path, big, sizes[i], 0600), 0);
		assert_int_equal(FILE_OPS.stat(w.env, path, &size, &is_dir), 0);
		assert_int_equal(size, sizes[i]);
		assert_false(is_dir);
		assert_int_equal(FILE_OPS.read(w.env, path, sizes[i], &data, &len), 0);
		assert_int_equal(len, sizes[i]);
		if (len > 0)
			assert_memory_equal(data, big, len);
		assert_int_equal(data[len], 0);
		mem_free(w.env->mem, data);
		if (sizes[i] > 0)
			assert_int_equal(FILE_OPS.read(w.env, path, sizes[i] - 1, &data, &len), -DER_OVERFLOW);
	}
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	free(big);
}

static void
files_of_the_kernel_without_a_size_are_read_to_their_end(void **state)
{
	char *data;
	size_t len;

	assert_int_equal(FILE_OPS.read(w.env, "/proc/self/maps", MIB, &data, &len), 0);
	assert_true(len > 1000 && len == strlen(data));
	mem_free(w.env->mem, data);
	assert_int_equal(FILE_OPS.read(w.env, "/proc/self/maps", 1000, &data, &len), -DER_OVERFLOW);
}

static void
a_failed_write_leaves_the_old_content_and_no_litter(void **state)
{
	const char *path = world_path(&w, "sub");
	struct env_dirent *entries;
	char *data;
	size_t len;
	int nr;

	assert_int_equal(FILE_OPS.mkdir(w.env, path, 0755), 0);
	assert_int_equal(FILE_OPS.write(w.env, path, "x", 1, 0600), -DER_INVAL); /* a directory is there */
	assert_int_equal(FILE_OPS.write(w.env, world_path(&w, "no/f"), "x", 1, 0600), -DER_NONEXIST);
	assert_int_equal(FILE_OPS.read(w.env, path, 10, &data, &len), -DER_INVAL);
	assert_int_equal(FILE_OPS.read(w.env, world_path(&w, "none"), 10, &data, &len), -DER_NONEXIST);
	assert_int_equal(FILE_OPS.list(w.env, w.dir, &entries, &nr), 0);
	assert_int_equal(nr, 1);
	assert_string_equal(entries[0].name, "sub");
	assert_true(entries[0].is_dir);
	mem_free(w.env->mem, entries);
}

static void
directories_are_made_listed_in_order_and_removed(void **state)
{
	struct env_dirent *entries;
	char name[32];
	bool is_dir;
	int nr;

	assert_int_equal(FILE_OPS.mkdir(w.env, world_path(&w, "a/b/c"), 0755), 0);
	assert_int_equal(FILE_OPS.mkdir(w.env, world_path(&w, "a/b/c"), 0755), 0);
	assert_int_equal(FILE_OPS.mkdir(w.env, world_path(&w, "a//b/d/"), 0755), 0);
	assert_int_equal(FILE_OPS.stat(w.env, world_path(&w, "a/b/d"), NULL, &is_dir), 0);
	assert_true(is_dir);
	assert_int_equal(FILE_OPS.stat(w.env, world_path(&w, "a/x"), NULL, NULL), -DER_NONEXIST);
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "a/b/c/f%02d", 99 - i);
		assert_int_equal(FILE_OPS.write(w.env, world_path(&w, name), "", 0, 0600), 0);
	}
	assert_int_equal(FILE_OPS.list(w.env, world_path(&w, "a/b/c"), &entries, &nr), 0);
	assert_int_equal(nr, 100);
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "f%02d", i);
		assert_string_equal(entries[i].name, name);
		assert_false(entries[i].is_dir);
	}
	mem_free(w.env->mem, entries);
	assert_int_equal(FILE_OPS.mkdir(w.env, world_path(&w, "a/b/c/f00"), 0755), -DER_NOTDIR);
	assert_int_equal(FILE_OPS.mkdir(w.env, world_path(&w, "a/b/c/f00/x"), 0755), -DER_NOTDIR);
	assert_int_equal(FILE_OPS.remove(w.env, world_path(&w, "a/b/c")), -DER_BUSY);
	assert_int_equal(FILE_OPS.remove(w.env, world_path(&w, "a/b/d")), 0);
	assert_int_equal(FILE_OPS.remove(w.env, world_path(&w, "a/b/d")), -DER_NONEXIST);
	assert_int_equal(FILE_OPS.list(w.env, world_path(&w, "a/b/d"), &entries, &nr), -DER_NONEXIST);
	assert_int_equal(FILE_OPS.list(w.env, world_path(&w, "a/b/c/f00"), &entries, &nr), -DER_NOTDIR);
}

static void
a_lock_is_exclusive_and_ends_with_its_holder(void **state)
{
	const char *path = world_path(&w, "lock");
	int token, second, fds[2];
	char byte;
	pid_t pid;

	assert_int_equal(FILE_OPS.lock(w.env, path, &token), 0);
	assert_int_equal(FILE_OPS.lock(w.env, path, &second), -DER_BUSY);
	FILE_OPS.unlock(w.env, token);
	assert_int_equal(FILE_OPS.lock(w.env, path, &second), 0);
	FILE_OPS.unlock(w.env, second);
	assert_int_equal(FILE_OPS.lock(w.env, w.dir, &token), 0);
	FILE_OPS.unlock(w.env, token);
	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		if (FILE_OPS.lock(w.env, path, &token) == 0 && write(fds[1], "x", 1) == 1)
			pause();
		_exit(1);
	}
	assert_int_equal(read(fds[0], &byte, 1), 1);
	assert_int_equal(FILE_OPS.lock(w.env, path, &token), -DER_BUSY);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_int_equal(FILE_OPS.lock(w.env, path, &token), 0);
	FILE_OPS.unlock(w.env, token);
	close(fds[0]);
	close(fds[1]);
}

static void
a_mapping_is_shared_and_making_it_anew_leaves_the_old_one_whole(void **state)
{
	const char *path = world_path(&w, "map");
	uint8_t *one, *two, *other;

	assert_int_equal(FILE_OPS.map(w.env, path, 8192, false, (void **)&one), -DER_NONEXIST);
	assert_int_equal(FILE_OPS.map(w.env, path, 8192, true, (void **)&one), 0);
	for (int i = 0; i < 8192; i++)
		assert_int_equal(one[i], 0);
	assert_int_equal(FILE_OPS.map(w.env, path, 8192, false, (void **)&two), 0);
	one[5000] = 42;
	assert_int_equal(two[5000], 42);
	assert_int_equal(FILE_OPS.map(w.env, path, 8193, false, (void **)&other), -DER_INVAL);
	assert_int_equal(FILE_OPS.map(w.env, path, 4096, true, (void **)&other), 0);
	assert_int_equal(other[0], 0);
	assert_int_equal(two[5000], 42);
	other[0] = 1;
	assert_int_equal(two[0], 0);
	FILE_OPS.unmap(w.env, one, 8192);
	FILE_OPS.unmap(w.env, two, 8192);
	FILE_OPS.unmap(w.env, other, 4096);
	assert_int_equal(FILE_OPS.map(w.env, w.dir, 4096, false, (void **)&other), -DER_INVAL);
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_file_reads_as_it_was_written),
		T(files_of_the_kernel_without_a_size_are_read_to_their_end),
		T(a_failed_write_leaves_the_old_content_and_no_litter),
		T(directories_are_made_listed_in_order_and_removed),
		T(a_lock_is_exclusive_and_ends_with_its_holder),
		T(a_mapping_is_shared_and_making_it_anew_leaves_the_old_one_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
