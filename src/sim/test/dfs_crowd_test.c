/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dfs on an engine in a simulated world, where many work in the same directories and files at once: appends, names that move, a listing
 * while names change; with a census afterwards.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include "dfs_scene.c"

enum { WRITERS = 8, RECORDS = 25, RECORD = 700 };

struct worker {
	struct scene *scene;
	uint32_t index;
	struct ult *ult;
	struct rand rand;
};

static void
workers_run(struct scene *scene, uint32_t nr, void (*body)(void *arg))
{
	struct worker workers[WRITERS];

	for (uint32_t i = 0; i < nr; i++) {
		workers[i] = (struct worker){.scene = scene, .index = i};
		rand_init(&workers[i].rand, scene->seed, 100 + i);
		CHECK(ult_spawn(xs_self(), ULT_IO, "worker", body, &workers[i], &workers[i].ult));
	}
	for (uint32_t i = 0; i < nr; i++)
		ult_join(workers[i].ult);
}

static void
append_records(void *arg)
{
	struct worker *worker = arg;
	struct fs *fs = worker->scene->fs[worker->index % 2];
	struct fs_inode *root = fs_root(fs), *inode;
	struct fs_file *file;
	uint8_t record[RECORD];
	struct iovec iov = {.iov_base = record, .iov_len = RECORD};
	bool created;
	size_t done;

	CHECK(fs_create(root, "log", 0644, O_WRONLY | O_APPEND, &who, &inode, NULL, &file, &created));
	for (int i = 0; i < RECORDS; i++) {
		memset(record, (int)worker->index, RECORD);
		record[0] = (uint8_t)i;
		CHECK(fs_write(file, &iov, 1, 0, &done, NULL));
		worker->scene->done++;
	}
	CHECK(fs_close(file));
	fs_inode_put(inode);
	fs_inode_put(root);
}

static void
append_body(struct scene *scene)
{
	struct fs_inode *root = fs_root(scene->fs[0]), *inode;
	uint8_t record[RECORD], next[WRITERS] = {0};
	struct iovec iov = {.iov_base = record, .iov_len = RECORD};
	struct fs_file *file;
	struct stat st;
	size_t done;

	workers_run(scene, WRITERS, append_records);
	CHECK(fs_lookup(root, "log", &inode, &st));
	SAME(st.st_size, WRITERS * RECORDS * RECORD);
	CHECK(fs_open(inode, O_RDONLY, &file));
	for (int i = 0; i < WRITERS * RECORDS; i++) {
		CHECK(fs_read(file, &iov, 1, (uint64_t)i * RECORD, &done));
		SAME(done, RECORD);
		assert_true(record[1] < WRITERS);
		SAME(record[0], next[record[1]]++);
		for (int j = 2; j < RECORD; j++)
			SAME(record[j], record[1]);
	}
	CHECK(fs_close(file));
	fs_inode_put(inode);
	fs_inode_put(root);
}

static void
appends_of_two_mounts_never_overlap(void **state)
{
	for (uint64_t seed = 31; seed <= 34; seed++)
		run(&(struct scene){.seed = seed, .mounts = 2, .ops = WRITERS * RECORDS - 10, .crashes = seed % 2 == 0 ? 5 : 0, .body = append_body});
}

/* Each worker makes, moves and removes directories and links in the same four directories. */
static void
move_about(void *arg)
{
	struct worker *worker = arg;
	struct fs *fs = worker->scene->fs[worker->index % 2];
	struct fs_inode *root = fs_root(fs), *dirs[2], *inode;
	char top[2][8], name[2][8];
	int rc;

	for (int i = 0; i < 120; i++) {
		for (int j = 0; j < 2; j++) {
			snprintf(top[j], sizeof(top[j]), "d%d", (int)rand_below(&worker->rand, 4));
			snprintf(name[j], sizeof(name[j]), "d%d", (int)rand_below(&worker->rand, 4));
			dirs[j] = NULL;
			if (rand_one_in(&worker->rand, 3) || fs_lookup(root, top[j], &dirs[j], NULL) != 0)
				dirs[j] = fs_inode_get(root);
			if (fs_inode_type(dirs[j]) != S_IFDIR) {
				fs_inode_put(dirs[j]);
				dirs[j] = fs_inode_get(root);
			}
		}
		switch (rand_below(&worker->rand, 6)) {
		case 0:
			rc = fs_mkdir(dirs[0], name[0], 0755, &who, NULL, NULL);
			break;
		case 1:
			rc = fs_mknod(dirs[0], name[0], S_IFREG | 0644, 0, &who, NULL, NULL);
			break;
		case 2:
			rc = fs_unlink(dirs[0], name[0]);
			break;
		case 3:
			rc = fs_rmdir(dirs[0], name[0]);
			break;
		case 4:
			rc = fs_lookup(dirs[0], name[0], &inode, NULL);
			if (rc == 0) {
				rc = fs_link(inode, dirs[1], name[1], NULL);
				fs_inode_put(inode);
			}
			break;
		default:
			rc = fs_rename(dirs[0], name[0], dirs[1], name[1], rand_one_in(&worker->rand, 3) ? RENAME_EXCHANGE : 0);
			break;
		}
		if (rc != 0 && rc != ENOENT && rc != EEXIST && rc != EISDIR && rc != ENOTDIR && rc != ENOTEMPTY && rc != EINVAL && rc != EPERM) {
			print_error("worker %u, round %d: %d\n", worker->index, i, rc);
			abort();
		}
		fs_inode_put(dirs[0]);
		fs_inode_put(dirs[1]);
		worker->scene->done++;
	}
	fs_inode_put(root);
}

struct census {
	struct fs_inode *dir;
	uint32_t subdirs, names;
	struct found {
		uint64_t ino;
		uint32_t nlink, names;
	} found[256];
	uint32_t found_nr;
	struct fs_inode *kids[64];
	uint32_t kid_nr;
};

static int
census_one(void *arg, const struct fs_entry *entry)
{
	struct census *census = arg;
	uint32_t i;

	if (entry->name[0] == '.')
		return 0;
	if (entry->type == S_IFDIR) {
		census->subdirs++;
		census->kids[census->kid_nr++] = fs_inode_get(entry->inode);
		return 0;
	}
	for (i = 0; i < census->found_nr && census->found[i].ino != entry->ino; i++)
		;
	census->found[i].ino = entry->ino;
	census->found[i].nlink = (uint32_t)entry->st->st_nlink;
	census->found[i].names++;
	census->found_nr = MAX(census->found_nr, i + 1);
	return 0;
}

/* Every directory counts its subdirectories and knows its parent; every entry leads somewhere. */
static void
census_dir(struct census *census, struct fs_inode *dir, uint64_t parent, int depth)
{
	struct fs_dir *handle;
	struct fs_inode *up;
	uint32_t first = census->kid_nr, end;
	struct stat st;

	assert_true(depth < 32);
	census->subdirs = 0;
	CHECK(fs_opendir(dir, &handle));
	CHECK(fs_readdir(handle, 0, true, census_one, census));
	fs_closedir(handle);
	end = census->kid_nr;
	CHECK(fs_getattr(dir, &st));
	SAME(st.st_nlink, 2 + census->subdirs);
	CHECK(fs_lookup(dir, "..", &up, NULL));
	SAME(fs_inode_ino(up), parent);
	fs_inode_put(up);
	for (uint32_t i = first; i < end; i++)
		census_dir(census, census->kids[i], fs_inode_ino(dir), depth + 1);
	while (census->kid_nr > first)
		fs_inode_put(census->kids[--census->kid_nr]);
}

static void
move_body(struct scene *scene)
{
	struct fs_inode *root = fs_root(scene->fs[0]);
	struct census *census = calloc(1, sizeof(*census));

	workers_run(scene, 6, move_about);
	census_dir(census, root, FS_ROOT_INO, 0);
	for (uint32_t i = 0; i < census->found_nr; i++)
		SAME(census->found[i].nlink, census->found[i].names);
	free(census);
	fs_inode_put(root);
}

static void
names_count_right_when_many_move_them_at_once(void **state)
{
	for (uint64_t seed = 41; seed <= 46; seed++)
		run(&(struct scene){.seed = seed, .mounts = 2, .ops = 700, .crashes = seed % 2 == 0 ? 5 : 0, .body = move_body});
}

/* ---- one inode, many names ---------------------------------------------------------------------------------------------------------------- */
static void
link_it(void *arg)
{
	struct worker *worker = arg;
	struct fs_inode *root = fs_root(worker->scene->fs[worker->index % 2]), *inode;
	char name[16];

	CHECK(fs_lookup(root, "f", &inode, NULL));
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "l%u-%d", worker->index, i);
		CHECK(fs_link(inode, root, name, NULL));
		worker->scene->done++;
	}
	fs_inode_put(inode);
	fs_inode_put(root);
}

static void
links_body(struct scene *scene)
{
	struct fs_inode *root = fs_root(scene->fs[0]), *inode;
	struct stat st;

	CHECK(fs_mknod(root, "f", S_IFREG | 0600, 0, &who, &inode, NULL));
	workers_run(scene, WRITERS, link_it);
	CHECK(fs_getattr(inode, &st));
	SAME(st.st_nlink, 1 + WRITERS * 20);
	fs_inode_put(inode);
	fs_inode_put(root);
}

static void
links_of_one_file_made_at_once_are_all_counted(void **state)
{
	for (uint64_t seed = 47; seed <= 48; seed++)
		run(&(struct scene){.seed = seed, .mounts = 2, .ops = 120, .crashes = seed % 2 == 0 ? 2 : 0, .body = links_body});
}

/* ---- a directory that goes while names are made in it ---------------------------------------------------------------------------------- */
static void
make_or_remove(void *arg)
{
	struct worker *worker = arg;
	struct fs_inode *root = fs_root(worker->scene->fs[worker->index % 2]), *dir;
	char name[16];
	int rc;

	snprintf(name, sizeof(name), "n%u", worker->index);
	CHECK(fs_lookup(root, "d", &dir, NULL));
	ult_sleep(rand_below(&worker->rand, 400) * NS_PER_US);
	rc = worker->index == 0 ? fs_rmdir(root, "d") : fs_mknod(dir, name, S_IFREG | 0600, 0, &who, NULL, NULL);
	if (worker->index == 0) {
		assert_true(rc == 0 || rc == ENOTEMPTY);
		worker->scene->ops = rc == 0;
	} else {
		assert_true(rc == 0 || rc == ENOENT);
		worker->scene->done += rc == 0;
	}
	fs_inode_put(dir);
	fs_inode_put(root);
}

static void
removed_body(struct scene *scene)
{
	struct fs_inode *root = fs_root(scene->fs[0]), *dir, *inode;
	uint32_t removed = 0, kept = 0;
	daos_obj_id_t oid;
	char name[16];

	for (uint32_t round = 0; round < 150; round++) {
		CHECK(fs_mkdir(root, "d", 0755, &who, &dir, NULL));
		oid = fs_inode_oid(dir);
		scene->done = 0;
		scene->seed++;
		workers_run(scene, 3, make_or_remove);
		removed += scene->ops;
		kept += !scene->ops;
		if (scene->ops) {
			SAME(scene->done, 0);
			SAME(dkeys_of(scene->cont, oid), 0);
			fs_inode_put(dir);
			continue;
		}
		for (uint32_t i = 1; i < 3; i++) {
			snprintf(name, sizeof(name), "n%u", i);
			if (fs_lookup(dir, name, &inode, NULL) != 0)
				continue;
			fs_inode_put(inode);
			CHECK(fs_unlink(dir, name));
		}
		fs_inode_put(dir);
		CHECK(fs_rmdir(root, "d"));
	}
	assert_true(removed > 0 && kept > 0);
	fs_inode_put(root);
}

static void
nothing_is_made_in_a_directory_that_goes(void **state)
{
	run(&(struct scene){.seed = 5000, .mounts = 2, .body = removed_body});
}

enum { STABLE = 150 };

struct walk {
	uint32_t seen[STABLE];
	uint64_t cookie;
	int left;
};

static int
walk_one(void *arg, const struct fs_entry *entry)
{
	struct walk *walk = arg;

	if (walk->left-- == 0)
		return 1;
	if (entry->name[0] == 's')
		walk->seen[atoi(entry->name + 1)]++;
	walk->cookie = entry->cookie;
	return 0;
}

static void
walk_body(struct scene *scene)
{
	struct fs_inode *root = fs_root(scene->fs[0]);
	struct walk walk = {0};
	struct fs_dir *dir;
	uint64_t before;
	char name[32];

	for (int i = 0; i < STABLE; i++) {
		snprintf(name, sizeof(name), "s%d", i);
		CHECK(fs_mknod(root, name, S_IFREG | 0600, 0, &who, NULL, NULL));
		snprintf(name, sizeof(name), "v%d", i);
		CHECK(fs_mknod(root, name, S_IFREG | 0600, 0, &who, NULL, NULL));
	}
	CHECK(fs_opendir(root, &dir));
	for (int i = 0; i < STABLE; i++) {
		before = walk.cookie;
		walk.left = 4;
		CHECK(fs_readdir(dir, walk.cookie, false, walk_one, &walk));
		if (walk.cookie == before)
			break;
		snprintf(name, sizeof(name), "v%d", i);
		CHECK(fs_unlink(root, name));
		snprintf(name, sizeof(name), "w%d", i);
		CHECK(fs_mknod(root, name, S_IFREG | 0600, 0, &who, NULL, NULL));
		if (i % 3 == 0) { /* go on in a fresh handle */
			fs_closedir(dir);
			CHECK(fs_opendir(root, &dir));
		}
	}
	fs_closedir(dir);
	for (int i = 0; i < STABLE; i++)
		SAME(walk.seen[i], 1);
	fs_inode_put(root);
}

static void
what_stays_is_listed_once_while_names_come_and_go(void **state)
{
	run(&(struct scene){.seed = 51, .mounts = 1, .body = walk_body});
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(appends_of_two_mounts_never_overlap),
		cmocka_unit_test(names_count_right_when_many_move_them_at_once),
		cmocka_unit_test(links_of_one_file_made_at_once_are_all_counted),
		cmocka_unit_test(nothing_is_made_in_a_directory_that_goes),
		cmocka_unit_test(what_stays_is_listed_once_while_names_come_and_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
