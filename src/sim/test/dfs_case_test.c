/* SPDX-License-Identifier: Apache-2.0 */
/* dfs on an engine in a simulated world, case by case: attributes and times, sparse files, locks, sessions, files without a name. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include "dfs_scene.c"

/* ---- attributes, contents ----------------------------------------------------------------------------------------------------------------- */
static void
attributes_body(struct scene *scene)
{
	struct fs_inode *root = fs_root(scene->fs[0]), *dir, *inode, *there;
	struct stat st, attr = {0}, now;
	struct fs_file *file;
	struct iovec iov = {.iov_base = (void *)"x", .iov_len = 1};
	char value[64], list[64];
	struct statvfs space;
	bool created;
	size_t n;

	/* owner, group and umask at creation; setgid directories */
	CHECK(fs_mkdir(root, "dir", 02777, &who, &dir, &st));
	SAME(st.st_mode, S_IFDIR | 02755);
	attr.st_gid = 77;
	attr.st_mode = 02755;
	CHECK(fs_setattr(dir, &attr, FS_SET_GID | FS_SET_MODE, &st));
	SAME(st.st_gid, 77);
	CHECK(fs_create(dir, "f", 06777, O_RDWR | O_EXCL, &who, &inode, &st, &file, &created));
	SAME(st.st_gid, 77);
	SAME(st.st_mode, S_IFREG | 06755);
	SAME(fs_create(dir, "f", 0600, O_RDWR | O_EXCL, &who, &there, &st, &file, &created), EEXIST);

	/* set-id bits go with a write */
	CHECK(fs_write(file, &iov, 1, 5000, &n, NULL));
	CHECK(fs_getattr(inode, &st));
	SAME(st.st_mode, S_IFREG | 0755);
	SAME(st.st_size, 5001);

	/* a time that was set stays until the next write, also over a chmod; then it is the write's */
	attr.st_mtim = (struct timespec){.tv_sec = 12345, .tv_nsec = 678};
	attr.st_atim = (struct timespec){.tv_sec = -5, .tv_nsec = 1};
	CHECK(fs_setattr(inode, &attr, FS_SET_MTIME | FS_SET_ATIME, &st));
	attr.st_mode = 0600;
	CHECK(fs_setattr(inode, &attr, FS_SET_MODE, &st));
	SAME(st.st_mtim.tv_sec, 12345);
	SAME(st.st_mtim.tv_nsec, 678);
	SAME(st.st_atim.tv_sec, -5);
	now = st;
	CHECK(fs_write(file, &iov, 1, 0, &n, NULL));
	CHECK(fs_getattr(inode, &st));
	assert_true(st.st_mtim.tv_sec >= now.st_ctim.tv_sec && st.st_ctim.tv_sec >= now.st_ctim.tv_sec);

	/* the other mount sees all of it */
	CHECK(fs_lookup(root, "dir", &there, &st));
	fs_inode_put(there);
	CHECK(fs_lookup(dir, "..", &there, &now));
	SAME(now.st_ino, FS_ROOT_INO);
	fs_inode_put(there);

	/* extended attributes */
	CHECK(fs_setxattr(inode, "user.a", "one", 3, XATTR_CREATE));
	SAME(fs_setxattr(inode, "user.a", "one", 3, XATTR_CREATE), EEXIST);
	SAME(fs_setxattr(inode, "user.b", "", 0, XATTR_REPLACE), ENODATA);
	CHECK(fs_setxattr(inode, "user.b", "", 0, 0));
	CHECK(fs_getxattr(inode, "user.a", value, sizeof(value), &n));
	SAME(n, 3);
	SAME(fs_getxattr(inode, "user.a", value, 2, &n), ERANGE);
	CHECK(fs_getxattr(inode, "user.b", value, sizeof(value), &n));
	SAME(n, 0);
	SAME(fs_getxattr(inode, "user.c", value, sizeof(value), &n), ENODATA);
	SAME(fs_getxattr(inode, "system.posix_acl_access", value, sizeof(value), &n), EOPNOTSUPP);
	CHECK(fs_listxattr(inode, list, sizeof(list), &n));
	SAME(n, 14);
	CHECK(fs_removexattr(inode, "user.a"));
	SAME(fs_removexattr(inode, "user.a"), ENODATA);
	CHECK(fs_setxattr(dir, "user.a", "dir", 3, 0));
	SAME(fs_rmdir(root, "dir"), ENOTEMPTY);

	/* names */
	SAME(fs_unlink(root, "dir"), EISDIR);
	SAME(fs_rmdir(dir, "f"), ENOTDIR);
	SAME(fs_rmdir(root, "."), EINVAL);
	SAME(fs_rename(root, "dir", dir, "below", 0), EINVAL);
	SAME(fs_link(dir, root, "hard", NULL), EPERM);
	memset(list, 'x', sizeof(list));

	/* a directory that was removed takes no more names, and its opener still sees it */
	CHECK(fs_close(file));
	CHECK(fs_unlink(dir, "f"));
	CHECK(fs_rmdir(root, "dir"));
	SAME(fs_mknod(dir, "late", S_IFREG | 0600, 0, &who, NULL, NULL), ENOENT);
	CHECK(fs_getattr(dir, &st));
	SAME(st.st_nlink, 0);
	CHECK(fs_statfs(scene->fs[0], &space));
	assert_true(space.f_blocks > 0 && space.f_bfree <= space.f_blocks);
	fs_inode_put(inode);
	fs_inode_put(dir);
	fs_inode_put(root);
}

static void
attributes_are_kept_as_posix_says(void **state)
{
	run(&(struct scene){.seed = 61, .mounts = 1, .body = attributes_body});
}

/* A large sparse file, cut: more chunks than one transaction takes. */
static void
sparse_body(struct scene *scene)
{
	struct fs_inode *root = fs_root(scene->fs[0]), *inode;
	struct stat attr = {0}, st;
	struct iovec iov = {.iov_base = (void *)"x", .iov_len = 1};
	char byte = 'y';
	struct iovec back = {.iov_base = &byte, .iov_len = 1};
	struct fs_file *file;
	bool created;
	size_t n;

	CHECK(fs_create(root, "sparse", 0600, O_RDWR, &who, &inode, NULL, &file, &created));
	for (uint64_t i = 0; i < 700; i++)
		CHECK(fs_write(file, &iov, 1, i * CHUNK + 5, &n, NULL));
	attr.st_size = (off_t)(1ULL << 40);
	CHECK(fs_setattr(inode, &attr, FS_SET_SIZE, &st));
	SAME(st.st_size, 1ULL << 40);
	attr.st_size = 3 * CHUNK + 2;
	CHECK(fs_setattr(inode, &attr, FS_SET_SIZE, &st));
	SAME(st.st_size, 3 * CHUNK + 2);
	attr.st_size = 4 * CHUNK;
	CHECK(fs_setattr(inode, &attr, FS_SET_SIZE, &st));
	CHECK(fs_read(file, &back, 1, 3 * CHUNK + 5, &n));
	SAME(n, 1);
	SAME(byte, 0);
	CHECK(fs_read(file, &back, 1, 2 * CHUNK + 5, &n));
	SAME(byte, 'x');
	CHECK(fs_read(file, &back, 1, 4 * CHUNK, &n));
	SAME(n, 0);
	SAME(fs_setattr(inode, &(struct stat){.st_size = -1}, FS_SET_SIZE, NULL), EINVAL);
	CHECK(fs_close(file));
	fs_inode_put(inode);
	fs_inode_put(root);
}

static void
a_file_of_many_chunks_is_cut(void **state)
{
	run(&(struct scene){.seed = 71, .mounts = 1, .body = sparse_body});
}

/* ---- locks and sessions ------------------------------------------------------------------------------------------------------------------- */
struct locker {
	struct fs_inode *inode;
	uint64_t owner;
	struct fs_lock lock;
	bool interrupted;
	int rc;
	bool done;
};

static void
lock_and_wait(void *arg)
{
	struct locker *locker = arg;

	locker->rc = fs_setlk(locker->inode, locker->owner, &locker->lock, true, &locker->interrupted);
	locker->done = true;
}

static void
locks_body(struct scene *scene)
{
	struct fs_inode *root = fs_root(scene->fs[0]), *inode;
	struct fs_lock lock = {.start = 0, .end = 99, .type = F_WRLCK, .pid = 1}, ask;
	struct locker waiting;
	struct ult *ult;

	CHECK(fs_mknod(root, "locked", S_IFREG | 0600, 0, &who, &inode, NULL));
	CHECK(fs_setlk(inode, 1, &lock, false, NULL));
	lock = (struct fs_lock){.start = 40, .end = 59, .type = F_UNLCK};
	CHECK(fs_setlk(inode, 1, &lock, false, NULL)); /* two are left */
	lock = (struct fs_lock){.start = 40, .end = 59, .type = F_WRLCK, .pid = 2};
	CHECK(fs_setlk(inode, 2, &lock, false, NULL));
	ask = (struct fs_lock){.start = 0, .end = UINT64_MAX, .type = F_RDLCK};
	CHECK(fs_getlk(inode, 2, &ask));
	SAME(ask.type, F_WRLCK);
	SAME(ask.pid, 1);
	ask = (struct fs_lock){.start = 59, .end = 60, .type = F_WRLCK};
	SAME(fs_setlk(inode, 1, &ask, false, NULL), EAGAIN);

	/* 2 waits for 1; then 1 must not wait for 2 */
	waiting = (struct locker){.inode = inode, .owner = 2, .lock = {.start = 0, .end = 9, .type = F_RDLCK}};
	CHECK(ult_spawn(xs_self(), ULT_IO, "locker", lock_and_wait, &waiting, &ult));
	ult_sleep(NS_PER_MS);
	assert_false(waiting.done);
	SAME(fs_setlk(inode, 1, &ask, true, NULL), EDEADLK);
	CHECK(fs_lock_release(inode, 1));
	ult_join(ult);
	SAME(waiting.rc, 0);

	/* a wait can be interrupted */
	waiting = (struct locker){.inode = inode, .owner = 3, .lock = {.start = 45, .end = 45, .type = F_WRLCK}};
	CHECK(ult_spawn(xs_self(), ULT_IO, "locker", lock_and_wait, &waiting, &ult));
	ult_sleep(NS_PER_MS);
	waiting.interrupted = true;
	fs_lock_interrupt(scene->fs[0]);
	ult_join(ult);
	SAME(waiting.rc, EINTR);

	CHECK(fs_flock(inode, 1, LOCK_SH, NULL));
	CHECK(fs_flock(inode, 2, LOCK_SH, NULL));
	SAME(fs_flock(inode, 2, LOCK_EX | LOCK_NB, NULL), EAGAIN);
	CHECK(fs_flock(inode, 1, LOCK_EX | LOCK_NB, NULL)); /* 2 lost its own on the way, as flock(2) says */
	CHECK(fs_flock(inode, 1, LOCK_UN, NULL));
	fs_inode_put(inode);
	fs_inode_put(root);
}

static void
locks_split_wait_and_refuse_circles(void **state)
{
	run(&(struct scene){.seed = 81, .mounts = 1, .body = locks_body});
}

static void
recalled(void *arg)
{
	++*(int *)arg;
}

static void
session_body(struct scene *scene)
{
	struct fs *second;
	int recalls = 0;

	assert_true(fs_sole(scene->fs[0]));
	fs_on_recall(scene->fs[0], recalled, &recalls);
	CHECK(fs_mount(scene->cont, 0, &second));
	SAME(recalls, 1);
	assert_false(fs_sole(scene->fs[0]));
	assert_false(fs_sole(second));
	CHECK(fs_umount(second));
	ult_sleep(3 * NS_PER_S);
	assert_true(fs_sole(scene->fs[0]));
}

static void
a_second_mount_comes_in_when_the_first_has_dropped_its_caches(void **state)
{
	run(&(struct scene){.seed = 91, .mounts = 1, .body = session_body});
}

/* Sessions of two mounts that died: nobody renews them. When the engine restarts as well, it gives them 12 s more, in which they could find it. */
static void
lone_body(struct scene *scene)
{
	struct cont_renewal dead = {.lease_ms = 5000, .number = 1, .fresh = true, .machine = "gone"};
	struct cont_renewed renewed;
	struct arena arena;

	arena_init(&arena, client_mem(cont_client(scene->cont)));
	for (int i = 0; i < 2; i++) {
		struct cont *cont; /* each had a handle of its own */

		memset(dead.session, 0x11 * (i + 1), sizeof(dead.session));
		CHECK(cont_clone(scene->cont, &cont));
		CHECK(cont_session_renew(cont, &dead, &arena, &renewed));
		cont_put(cont);
	}
	arena_fini(&arena);
	ult_sleep(NS_PER_S);
	scene->done++; /* now the engine dies */
	ult_sleep(NS_PER_S);
	assert_false(fs_sole(scene->fs[0]));
	ult_sleep((scene->crashes > 0 ? 19 : 6) * NS_PER_S);
	assert_true(fs_sole(scene->fs[0]));
}

static void
a_lone_mount_is_alone_a_lease_after_others_and_the_engine_died(void **state)
{
	run(&(struct scene){.seed = 92, .mounts = 1, .body = lone_body});
	run(&(struct scene){.seed = 93, .mounts = 1, .ops = 2, .crashes = 1, .body = lone_body});
}

/* The session of a mount that died, for a while. */
static void
pretend_session(struct scene *scene, uint64_t lease_ms)
{
	struct cont_renewal dead = {.lease_ms = lease_ms, .number = 1, .fresh = true, .machine = "gone"};
	struct cont_renewed renewed;
	struct arena arena;
	struct cont *cont;

	arena_init(&arena, client_mem(cont_client(scene->cont)));
	memset(dead.session, 0x33, sizeof(dead.session));
	CHECK(cont_clone(scene->cont, &cont));
	CHECK(cont_session_renew(cont, &dead, &arena, &renewed));
	cont_put(cont);
	arena_fini(&arena);
}

static void
left_body(struct scene *scene)
{
	struct fs_inode *root = fs_root(scene->fs[0]);

	CHECK(fs_mknod(root, "f", S_IFREG | 0600, 0, &who, NULL, NULL));
	pretend_session(scene, 20000);
	ult_sleep(3 * NS_PER_S);
	CHECK(fs_unlink(root, "f"));
	ult_sleep(10 * NS_PER_S);
	SAME(orphans_of(scene->cont), 1); /* the other may have it open */
	ult_sleep(25 * NS_PER_S);
	assert_true(fs_sole(scene->fs[0]));
	SAME(orphans_of(scene->cont), 0);
	fs_inode_put(root);
}

static void
what_a_mount_that_died_may_have_had_open_goes_when_its_lease_is_over(void **state)
{
	run(&(struct scene){.seed = 98, .mounts = 1, .body = left_body});
}

static void
orphan_body(struct scene *scene)
{
	struct fs_inode *roots[2] = {fs_root(scene->fs[0]), fs_root(scene->fs[1])}, *inode, *same;
	struct iovec iov = {.iov_base = (void *)"still here", .iov_len = 10};
	char back[16] = "";
	struct iovec to = {.iov_base = back, .iov_len = sizeof(back)};
	struct fs_file *file;
	daos_obj_id_t oid;
	struct stat st;
	bool created;
	size_t n;

	/* open here, unlinked there, by a mount that then goes */
	CHECK(fs_create(roots[0], "f", 0600, O_RDWR, &who, &inode, NULL, &file, &created));
	CHECK(fs_write(file, &iov, 1, 0, &n, NULL));
	CHECK(fs_lookup(roots[1], "f", &same, NULL));
	fs_inode_put(same);
	oid = fs_inode_oid(inode);
	CHECK(fs_unlink(roots[1], "f"));
	SAME(orphans_of(scene->cont), 1);
	fs_inode_put(roots[1]);
	CHECK(fs_umount(scene->fs[1]));
	scene->mounts = 1;
	ult_sleep(30 * NS_PER_S);
	CHECK(fs_read(file, &to, 1, 0, &n));
	SAME(n, 10);
	CHECK(fs_getattr(inode, &st));
	SAME(st.st_nlink, 0);
	SAME(fs_link(inode, roots[0], "again", NULL), ENOENT);
	CHECK(fs_close(file));
	fs_inode_put(inode);
	SAME(orphans_of(scene->cont), 0);
	SAME(dkeys_of(scene->cont, oid), 0);
	fs_inode_put(roots[0]);
}

static void
a_file_unlinked_by_another_mount_stays_until_it_is_closed(void **state)
{
	run(&(struct scene){.seed = 95, .mounts = 2, .body = orphan_body});
}

/* As open(2) does: looks the name up, then opens what it found. In between another file takes the name, here (mount 0) or there (1). */
static void
replaced_body(struct scene *scene)
{
	struct iovec iov = {.iov_base = (void *)"the old one", .iov_len = 11};
	char back[16] = "";
	struct iovec to = {.iov_base = back, .iov_len = sizeof(back)};
	struct fs_inode *roots[2] = {fs_root(scene->fs[0]), fs_root(scene->fs[1])}, *inode, *other;
	struct fs_file *file;
	struct stat st;
	bool created;
	size_t n;

	for (int by = 0; by < 2; by++) {
		CHECK(fs_create(roots[0], "name", 0600, O_RDWR, &who, &inode, NULL, &file, &created));
		CHECK(fs_write(file, &iov, 1, 0, &n, NULL));
		CHECK(fs_close(file));
		fs_inode_put(inode);
		CHECK(fs_mknod(roots[by], "new", 0600, 0, &who, &other, NULL));
		CHECK(fs_lookup(roots[0], "name", &inode, &st));
		CHECK(fs_rename(roots[by], "new", roots[by], "name", 0));
		CHECK(fs_open(inode, O_RDONLY, &file));
		CHECK(fs_read(file, &to, 1, 0, &n));
		SAME(n, 11);
		assert_memory_equal(back, "the old one", 11);
		CHECK(fs_getattr(inode, &st));
		SAME(st.st_nlink, 0);
		CHECK(fs_close(file));
		fs_inode_put(inode);
		fs_inode_put(other);
		CHECK(fs_unlink(roots[0], "name"));
		ult_sleep(30 * NS_PER_S);
		SAME(orphans_of(scene->cont), 0);
	}
	fs_inode_put(roots[0]);
	fs_inode_put(roots[1]);
}

static void
who_looked_up_a_name_can_open_it_although_another_file_has_taken_it(void **state)
{
	run(&(struct scene){.seed = 97, .mounts = 2, .body = replaced_body});
}

static void
removed_dir_body(struct scene *scene)
{
	struct fs_inode *roots[2] = {fs_root(scene->fs[0]), fs_root(scene->fs[1])}, *dir, *none;
	struct fs_dir *handle;
	struct stat st;

	CHECK(fs_mkdir(roots[0], "d", 0750, &who, &dir, NULL));
	CHECK(fs_opendir(dir, &handle));
	CHECK(fs_rmdir(roots[1], "d"));
	CHECK(fs_getattr(dir, &st));
	SAME(st.st_nlink, 0);
	SAME(st.st_mode, S_IFDIR | 0750);
	SAME(fs_lookup(dir, "x", &none, NULL), ENOENT);
	SAME(fs_mknod(dir, "x", 0600, 0, &who, &none, NULL), ENOENT);
	SAME(fs_lookup(roots[0], "d", &none, &st), ENOENT);
	fs_closedir(handle);
	fs_inode_put(dir);
	fs_inode_put(roots[0]);
	fs_inode_put(roots[1]);
}

static void
who_stands_in_a_directory_that_another_mount_removed_can_look_at_it(void **state)
{
	run(&(struct scene){.seed = 96, .mounts = 2, .body = removed_dir_body});
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(attributes_are_kept_as_posix_says),
		cmocka_unit_test(a_file_of_many_chunks_is_cut),
		cmocka_unit_test(locks_split_wait_and_refuse_circles),
		cmocka_unit_test(a_second_mount_comes_in_when_the_first_has_dropped_its_caches),
		cmocka_unit_test(a_lone_mount_is_alone_a_lease_after_others_and_the_engine_died),
		cmocka_unit_test(what_a_mount_that_died_may_have_had_open_goes_when_its_lease_is_over),
		cmocka_unit_test(a_file_unlinked_by_another_mount_stays_until_it_is_closed),
		cmocka_unit_test(who_looked_up_a_name_can_open_it_although_another_file_has_taken_it),
		cmocka_unit_test(who_stands_in_a_directory_that_another_mount_removed_can_look_at_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
