/* SPDX-License-Identifier: Apache-2.0 */
/* lib_calls, the calls of libdfs and of paths that stand for containers. */
#include "calls.h"
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <daos_fs.h>
#include <daos_fs_sys.h>
#include <daos_uns.h>

static void
write_file(dfs_t *dfs, dfs_obj_t *parent, const char *name, const char *text)
{
	dfs_obj_t *file;
	d_iov_t iov;
	d_sg_list_t sgl = {.sg_nr = 1, .sg_iovs = &iov};

	d_iov_set(&iov, (void *)text, strlen(text));
	assert_int_equal(dfs_open(dfs, parent, name, S_IFREG | 0644, O_CREAT | O_RDWR, 0, 0, NULL, &file), 0);
	assert_int_equal(dfs_write(dfs, file, &sgl, 0, NULL), 0);
	assert_int_equal(dfs_release(file), 0);
}

static void
read_file(dfs_t *dfs, const char *path, const char *text)
{
	char buf[64] = "";
	daos_size_t got;
	dfs_obj_t *file;
	d_iov_t iov;
	d_sg_list_t sgl = {.sg_nr = 1, .sg_iovs = &iov};

	d_iov_set(&iov, buf, sizeof(buf));
	assert_int_equal(dfs_lookup(dfs, path, O_RDONLY, &file, NULL, NULL), 0);
	assert_int_equal(dfs_read(dfs, file, &sgl, 0, &got, NULL), 0);
	assert_int_equal(got, strlen(text));
	assert_string_equal(buf, text);
	assert_int_equal(dfs_release(file), 0);
}

void
a_file_system_lives_in_a_container(void **state)
{
	daos_anchor_t anchor = {0};
	struct dirent entries[3];
	daos_handle_t coh, none;
	char value[8] = "", link[32];
	daos_size_t size = sizeof(value);
	dfs_obj_t *dir, *sub, *obj;
	uint32_t nr, seen = 0;
	daos_event_t ev;
	d_iov_t iov;
	d_sg_list_t sgl = {.sg_nr = 1, .sg_iovs = &iov};
	struct stat st;
	uuid_t uuid;
	bool flag;
	dfs_t *dfs;

	assert_int_equal(dfs_mount(here.poh, here.coh, O_RDWR, &dfs), EINVAL);
	assert_int_equal(dfs_cont_create_with_label(here.poh, "files", NULL, &uuid, &coh, &dfs), 0);
	assert_int_equal(dfs_cont_create_with_label(here.poh, "files", NULL, &uuid, &none, NULL), EEXIST);
	assert_int_equal(dfs_mkdir(dfs, NULL, "dir", 0755, 0), 0);
	assert_int_equal(dfs_mkdir(dfs, NULL, "dir", 0755, 0), EEXIST);
	assert_int_equal(dfs_lookup(dfs, "/dir", O_RDWR, &dir, NULL, &st), 0);
	assert_true(S_ISDIR(st.st_mode));
	write_file(dfs, dir, "a", "first");
	write_file(dfs, dir, "b", "second");
	assert_int_equal(dfs_open(dfs, NULL, "link", S_IFLNK | 0777, O_CREAT | O_RDWR, 0, 0, "dir/a", &obj), 0);
	size = sizeof(link);
	assert_int_equal(dfs_get_symlink_value(obj, link, &size), 0);
	assert_string_equal(link, "dir/a");
	assert_int_equal(size, sizeof("dir/a"));
	assert_int_equal(dfs_release(obj), 0);
	read_file(dfs, "/link", "first");
	assert_int_equal(dfs_move(dfs, dir, "b", NULL, "moved", NULL), 0);
	read_file(dfs, "/moved", "second");
	assert_int_equal(dfs_lookup_rel(dfs, dir, "b", O_RDONLY, &obj, NULL, NULL), ENOENT);
	for (int i = 0; i < 10; i++) {
		char name[8];

		snprintf(name, sizeof(name), "n%d", i);
		write_file(dfs, dir, name, "x");
	}
	while (!daos_anchor_is_eof(&anchor)) {
		nr = 3;
		assert_int_equal(dfs_readdir(dfs, dir, &anchor, &nr, entries), 0);
		seen += nr;
	}
	assert_int_equal(seen, 11);
	assert_int_equal(dfs_setxattr(dfs, dir, "user.k", "v", 2, 0), 0);
	size = sizeof(value);
	assert_int_equal(dfs_getxattr(dfs, dir, "user.k", value, &size), 0);
	assert_string_equal(value, "v");
	assert_int_equal(dfs_chmod(dfs, dir, "a", 0600), 0);
	assert_int_equal(dfs_stat(dfs, dir, "a", &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	assert_int_equal(st.st_size, 5);
	/* Asynchronously; truncated. */
	assert_int_equal(dfs_lookup(dfs, "/dir/a", O_RDWR, &obj, NULL, NULL), 0);
	assert_int_equal(daos_event_init(&ev, DAOS_HDL_INVAL, NULL), 0);
	d_iov_set(&iov, "0123456789", 10);
	assert_int_equal(dfs_write(dfs, obj, &sgl, 5, &ev), 0);
	assert_int_equal(daos_event_test(&ev, DAOS_EQ_WAIT, &flag), 0);
	assert_int_equal(ev.ev_error, 0);
	assert_int_equal(daos_event_fini(&ev), 0);
	assert_int_equal(dfs_punch(dfs, obj, 7, DFS_MAX_FSIZE), 0);
	assert_int_equal(dfs_get_size(dfs, obj, &size), 0);
	assert_int_equal(size, 7);
	assert_int_equal(dfs_release(obj), 0);
	read_file(dfs, "/dir/a", "first01");
	assert_int_equal(dfs_open(dfs, dir, "sub", S_IFDIR | 0755, O_CREAT | O_RDWR, 0, 0, NULL, &sub), 0);
	write_file(dfs, sub, "deep", "x");
	assert_int_equal(dfs_release(sub), 0);
	assert_int_equal(dfs_release(dir), 0);
	assert_int_equal(dfs_remove(dfs, NULL, "dir", false, NULL), ENOTEMPTY);
	assert_int_equal(dfs_remove(dfs, NULL, "dir", true, NULL), 0);
	assert_int_equal(dfs_stat(dfs, NULL, "dir", &st), ENOENT);
	assert_int_equal(daos_fini(), -DER_BUSY); /* there is a mount */
	/* The session outlives its lease while nobody calls: it is renewed. */
	sleep(6);
	read_file(dfs, "/moved", "second");
	assert_int_equal(dfs_umount(dfs), 0);
	assert_int_equal(daos_cont_close(coh, NULL), 0);
	assert_int_equal(daos_cont_destroy(here.poh, "files", 0, NULL), 0);
}

static uint32_t
count_entries(dfs_sys_t *sys, const char *path)
{
	struct dirent *entry;
	uint32_t nr = 0;
	DIR *dir;

	assert_int_equal(dfs_sys_opendir(sys, path, 0, &dir), 0);
	for (;;) {
		assert_int_equal(dfs_sys_readdir(sys, dir, &entry), 0);
		if (entry == NULL)
			break;
		nr++;
	}
	assert_int_equal(dfs_sys_closedir(dir), 0);
	return nr;
}

void
files_are_reached_by_paths(void **state)
{
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = 1000, .tv_nsec = 5}};
	char text[64], name[32];
	daos_size_t size;
	dfs_sys_t *sys;
	daos_handle_t coh;
	struct stat st;
	dfs_obj_t *obj;
	dfs_attr_t attr = {.da_chunk_size = 4096};
	daos_event_t ev;
	bool flag;
	DIR *dir;

	assert_int_equal(dfs_cont_create_with_label(here.poh, "paths", &attr, NULL, &coh, NULL), 0);
	assert_int_equal(dfs_sys_mount(here.poh, coh, O_RDWR, 64, &sys), EINVAL);
	assert_int_equal(dfs_sys_mount(here.poh, coh, O_RDWR, 0, &sys), 0);
	assert_int_equal(dfs_sys_mkdir(sys, "/a", 0755, 0), 0);
	assert_int_equal(dfs_sys_mkdir(sys, "/a/", 0755, 0), EEXIST);
	assert_int_equal(dfs_sys_mkdir(sys, "/", 0755, 0), EEXIST);
	assert_int_equal(dfs_sys_mkdir(sys, "a", 0755, 0), EINVAL);
	assert_int_equal(dfs_sys_mkdir(sys, "/no/b", 0755, 0), ENOENT);
	assert_int_equal(dfs_sys_mkdir(sys, "//a//b/", 0755, 0), 0);
	assert_int_equal(dfs_sys_open(sys, "/a/b/f", S_IFREG | 0640, O_CREAT | O_RDWR, 0, 0, NULL, &obj), 0);
	size = 10;
	assert_int_equal(dfs_sys_write(sys, obj, "0123456789", 4090, &size, NULL), 0);
	assert_int_equal(size, 10);
	assert_int_equal(daos_event_init(&ev, DAOS_HDL_INVAL, NULL), 0);
	size = sizeof(text);
	assert_int_equal(dfs_sys_read(sys, obj, text, 4095, &size, &ev), 0);
	assert_int_equal(daos_event_test(&ev, DAOS_EQ_WAIT, &flag), 0);
	assert_int_equal(ev.ev_error, 0);
	assert_int_equal(daos_event_fini(&ev), 0);
	assert_int_equal(size, 5);
	assert_memory_equal(text, "56789", 5);
	assert_int_equal(dfs_sys_close(obj), 0);
	/* Links are followed where system calls would. */
	assert_int_equal(dfs_sys_symlink(sys, "b/f", "/a/l"), 0);
	assert_int_equal(dfs_sys_stat(sys, "/a/l", 0, &st), 0);
	assert_int_equal(st.st_size, 4100);
	assert_int_equal(dfs_sys_stat(sys, "/a/l", O_NOFOLLOW, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	size = sizeof(text);
	assert_int_equal(dfs_sys_readlink(sys, "/a/l", text, &size), 0);
	assert_string_equal(text, "b/f");
	assert_int_equal(dfs_sys_chmod(sys, "/a/l", 0600), 0);
	assert_int_equal(dfs_sys_utimens(sys, "/a/l", times, 0), 0);
	assert_int_equal(dfs_sys_stat(sys, "/a/b/f", 0, &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	assert_int_equal(st.st_mtim.tv_sec, 1000);
	assert_int_equal(st.st_mtim.tv_nsec, 5);
	assert_int_equal(dfs_sys_open(sys, "/a/l", S_IFREG, O_RDWR, 0, 0, NULL, &obj), 0);
	assert_int_equal(dfs_sys_close(obj), 0);
	assert_int_equal(dfs_sys_open(sys, "/a/l", S_IFREG | 0600, O_RDWR | O_CREAT | O_EXCL, 0, 0, NULL, &obj), EEXIST);
	assert_int_equal(dfs_sys_open(sys, "/a/l", S_IFREG | 0600, O_RDWR | O_CREAT | O_TRUNC, 0, 0, NULL, &obj), 0);
	assert_int_equal(dfs_sys_close(obj), 0);
	assert_int_equal(dfs_sys_stat(sys, "/a/b/f", 0, &st), 0);
	assert_int_equal(st.st_size, 0);
	assert_int_equal(dfs_sys_open(sys, "/a", S_IFREG, O_RDWR, 0, 0, NULL, &obj), EINVAL);
	assert_int_equal(dfs_sys_open(sys, "/a/l", S_IFDIR, O_RDWR, 0, 0, NULL, &obj), ENOTDIR);
	assert_int_equal(dfs_sys_access(sys, "/a/none", F_OK, 0), ENOENT);
	assert_int_equal(dfs_sys_access(sys, "/a/b", R_OK | X_OK, 0), 0);
	/* Attributes. */
	assert_int_equal(dfs_sys_setxattr(sys, "/a/b", "user.x", "y", 1, 0, 0), 0);
	size = sizeof(text);
	assert_int_equal(dfs_sys_getxattr(sys, "/a/b", "user.x", text, &size, 0), 0);
	assert_int_equal(size, 1);
	size = sizeof(text);
	assert_int_equal(dfs_sys_listxattr(sys, "/a/b", text, &size, 0), 0);
	assert_string_equal(text, "user.x");
	assert_int_equal(dfs_sys_removexattr(sys, "/a/b", "user.x", 0), 0);
	assert_int_equal(dfs_sys_getxattr(sys, "/a/b", "user.x", text, &size, 0), ENODATA);
	/* A hole. */
	assert_int_equal(dfs_sys_open(sys, "/h", S_IFREG | 0600, O_CREAT | O_RDWR, 0, 0, NULL, &obj), 0);
	size = 9;
	assert_int_equal(dfs_sys_write(sys, obj, "xxxxxxxxx", 0, &size, NULL), 0);
	assert_int_equal(dfs_sys_punch(sys, "/h", 3, 3), 0);
	assert_int_equal(dfs_sys_read(sys, obj, text, 0, &size, NULL), 0);
	assert_int_equal(size, 9);
	assert_memory_equal(text, "xxx\0\0\0xxx", 9);
	assert_int_equal(dfs_sys_close(obj), 0);
	/* Directories of more than one batch. */
	for (int i = 0; i < 150; i++) {
		snprintf(name, sizeof(name), "/a/b/n%d", i);
		assert_int_equal(dfs_sys_mknod(sys, name, S_IFREG | 0600, 0, 0), 0);
	}
	assert_int_equal(count_entries(sys, "/a/b"), 151);
	assert_int_equal(count_entries(sys, "/"), 2);
	assert_int_equal(dfs_sys_opendir(sys, "/h", 0, &dir), ENOTDIR);
	assert_int_equal(dfs_sys_remove_type(sys, "/a/b", false, S_IFREG, NULL), EINVAL);
	assert_int_equal(dfs_sys_remove_type(sys, "/h", false, S_IFDIR, NULL), ENOTDIR);
	assert_int_equal(dfs_sys_remove(sys, "/", true, NULL), EBUSY);
	assert_int_equal(dfs_sys_remove(sys, "/a", false, NULL), ENOTEMPTY);
	assert_int_equal(dfs_sys_remove(sys, "/a", true, NULL), 0);
	assert_int_equal(count_entries(sys, "/"), 1);
	assert_int_equal(dfs_sys_umount(sys), 0);
	assert_int_equal(daos_cont_close(coh, NULL), 0);
	assert_int_equal(daos_cont_destroy(here.poh, "paths", 0, NULL), 0);
}

void
mounts_and_files_are_handed_to_other_processes(void **state)
{
	d_iov_t glob = {0}, file_glob = {0};
	daos_size_t size = 5, by_oid;
	dfs_t *dfs, *other;
	dfs_obj_t *obj, *again;
	daos_handle_t coh, oh;
	daos_oclass_id_t cid;
	daos_obj_id_t oid;
	char text[8] = "";
	dfs_sys_t *sys;

	assert_int_equal(dfs_cont_create_with_label(here.poh, "shared", NULL, NULL, &coh, &dfs), 0);
	write_file(dfs, NULL, "f", "hello");
	/* The mount alone, then with its handles. */
	assert_int_equal(dfs_local2global(dfs, &glob), 0);
	glob.iov_buf = malloc(glob.iov_buf_len);
	glob.iov_buf_len--;
	assert_int_equal(dfs_local2global(dfs, &glob), ENOBUFS);
	assert_int_equal(dfs_local2global(dfs, &glob), 0);
	assert_int_equal(dfs_global2local(here.poh, here.coh, O_RDWR, glob, &other), EINVAL); /* another container's handle */
	assert_int_equal(dfs_global2local(here.poh, coh, O_RDWR, glob, &other), 0);
	read_file(other, "/f", "hello");
	assert_int_equal(dfs_umount(other), 0);
	((uint8_t *)glob.iov_buf)[0] ^= 1;
	assert_int_equal(dfs_global2local(here.poh, coh, O_RDWR, glob, &other), EINVAL);
	free(glob.iov_buf);
	glob = (d_iov_t){0};
	assert_int_equal(dfs_local2global_all(dfs, &glob), 0);
	glob.iov_buf = malloc(glob.iov_buf_len);
	assert_int_equal(dfs_local2global_all(dfs, &glob), 0);
	assert_int_equal(dfs_sys_global2local_all(O_RDWR, 0, glob, &sys), 0);
	assert_int_equal(dfs_sys2base(sys, &other), 0);
	/* A file by its bytes, and as an array. */
	assert_int_equal(dfs_lookup(dfs, "/f", O_RDONLY, &obj, NULL, NULL), 0);
	assert_int_equal(dfs_obj_local2global(dfs, obj, &file_glob), 0);
	file_glob.iov_buf = malloc(file_glob.iov_buf_len);
	assert_int_equal(dfs_obj_local2global(dfs, obj, &file_glob), 0);
	assert_int_equal(dfs_obj_global2local(other, 0, file_glob, &again), 0);
	assert_int_equal(dfs_sys_read(sys, again, text, 0, &size, NULL), 0);
	assert_string_equal(text, "hello");
	assert_int_equal(dfs_get_file_oh(again, &oh), 0);
	assert_int_equal(daos_array_get_size(oh, DAOS_TX_NONE, &by_oid, NULL), 0);
	assert_int_equal(by_oid, 5);
	assert_int_equal(dfs_obj2id(obj, &oid), 0);
	assert_int_equal(dfs_get_size_by_oid(dfs, oid, 0, &by_oid), 0);
	assert_int_equal(by_oid, 5);
	assert_int_equal(dfs_release(again), 0);
	assert_int_equal(dfs_release(obj), 0);
	/* Gone meanwhile. */
	assert_int_equal(dfs_remove(dfs, NULL, "f", false, NULL), 0);
	assert_int_equal(dfs_obj_global2local(other, 0, file_glob, &again), ENOENT);
	file_glob.iov_len--;
	assert_int_equal(dfs_obj_global2local(other, 0, file_glob, &again), EINVAL);
	free(file_glob.iov_buf);
	free(glob.iov_buf);
	assert_int_equal(dfs_suggest_oclass(dfs, "file:single", &cid), 0);
	assert_int_equal(cid, OC_S1);
	assert_int_equal(dfs_suggest_oclass(dfs, "disk:single", &cid), EINVAL);
	assert_int_equal(dfs_sys_disconnect(sys), 0);
	assert_int_equal(dfs_umount(dfs), 0);
	assert_int_equal(daos_cont_close(coh, NULL), 0);
	assert_int_equal(daos_cont_destroy(here.poh, "shared", 0, NULL), 0);
}

void
classes_and_chunks_are_inherited(void **state)
{
	dfs_obj_info_t info;
	dfs_obj_t *dir, *obj;
	daos_handle_t coh;
	daos_size_t chunk;
	dfs_t *dfs;

	assert_int_equal(dfs_cont_create_with_label(here.poh, "classes", NULL, NULL, &coh, &dfs), 0);
	assert_int_equal(dfs_mkdir(dfs, NULL, "d", 0755, OC_SX), 0);
	assert_int_equal(dfs_lookup(dfs, "/d", O_RDWR, &dir, NULL, NULL), 0);
	assert_int_equal(dfs_obj_set_chunk_size(dfs, dir, 0, 100), EINVAL);
	assert_int_equal(dfs_obj_set_chunk_size(dfs, dir, 0, 65536), 0);
	assert_int_equal(dfs_obj_set_oclass(dfs, dir, 0, OC_S2), 0);
	assert_int_equal(dfs_obj_get_info(dfs, dir, &info), 0);
	assert_int_equal(info.doi_file_oclass_id, OC_S2);
	assert_int_equal(info.doi_chunk_size, 65536);
	/* As the directory says; as the caller says; a level deeper. */
	write_file(dfs, dir, "f", "x");
	assert_int_equal(dfs_lookup(dfs, "/d/f", O_RDONLY, &obj, NULL, NULL), 0);
	assert_int_equal(dfs_obj_get_info(dfs, obj, &info), 0);
	assert_int_equal(info.doi_oclass_id, OC_S2);
	assert_int_equal(info.doi_chunk_size, 65536);
	assert_int_equal(dfs_release(obj), 0);
	assert_int_equal(dfs_open(dfs, dir, "g", S_IFREG | 0600, O_CREAT | O_RDWR, OC_S1, 8192, NULL, &obj), 0);
	assert_int_equal(dfs_get_chunk_size(obj, &chunk), 0);
	assert_int_equal(chunk, 8192);
	assert_int_equal(dfs_obj_get_info(dfs, obj, &info), 0);
	assert_int_equal(info.doi_oclass_id, OC_S1);
	assert_int_equal(dfs_release(obj), 0);
	assert_int_equal(dfs_open(dfs, dir, "h", S_IFREG | 0600, O_CREAT | O_RDWR, 0, 5, NULL, &obj), EINVAL);
	assert_int_equal(dfs_mkdir(dfs, dir, "sub", 0755, 0), 0);
	assert_int_equal(dfs_release(dir), 0);
	assert_int_equal(dfs_lookup(dfs, "/d/sub", O_RDWR, &dir, NULL, NULL), 0);
	write_file(dfs, dir, "f", "deep");
	read_file(dfs, "/d/sub/f", "deep");
	assert_int_equal(dfs_lookup(dfs, "/d/sub/f", O_RDONLY, &obj, NULL, NULL), 0);
	assert_int_equal(dfs_get_chunk_size(obj, &chunk), 0);
	assert_int_equal(chunk, 65536);
	assert_int_equal(dfs_release(obj), 0);
	assert_int_equal(dfs_release(dir), 0);
	assert_int_equal(dfs_umount(dfs), 0);
	assert_int_equal(daos_cont_close(coh, NULL), 0);
	assert_int_equal(daos_cont_destroy(here.poh, "classes", 0, NULL), 0);
}

void
directories_are_read_through_filters(void **state)
{
	dfs_predicate_t pred = {.dp_name = "a%.t%t"};
	daos_anchor_t anchor = {0}, behind;
	struct dirent entries[4];
	daos_obj_id_t oids[4];
	daos_size_t sizes[4];
	dfs_pipeline_t *filter;
	uint64_t scanned, all = 0;
	uint32_t nr, seen = 0, last = 0;
	daos_handle_t coh;
	dfs_obj_t *dir;
	char name[32];
	dfs_t *dfs;

	assert_int_equal(dfs_cont_create_with_label(here.poh, "filtered", NULL, NULL, &coh, &dfs), 0);
	for (int i = 0; i < 30; i++) {
		snprintf(name, sizeof(name), i % 3 == 0 ? "a%d.txt" : i % 3 == 1 ? "a%d.tx" : "b%d.txt", i);
		write_file(dfs, NULL, name, "x");
	}
	assert_int_equal(dfs_mkdir(dfs, NULL, "dir", 0755, 0), 0);
	assert_int_equal(dfs_lookup(dfs, "/", O_RDONLY, &dir, NULL, NULL), 0);
	assert_int_equal(dfs_pipeline_create(dfs, pred, 1, &filter), EINVAL);
	assert_int_equal(dfs_pipeline_create(dfs, pred, DFS_FILTER_NAME | DFS_FILTER_INCLUDE_DIRS, &filter), 0);
	for (int i = 0; i < 100 && !daos_anchor_is_eof(&anchor); i++) {
		nr = ARRAY_SIZE(entries);
		assert_int_equal(dfs_readdir_with_filter(dfs, dir, filter, &anchor, &nr, entries, oids, sizes, &scanned), 0);
		for (uint32_t k = 0; k < nr; k++) {
			assert_int_not_equal(oids[k].lo, 0);
			assert_int_equal(sizes[k], entries[k].d_type == DT_DIR ? 0 : DFS_DEFAULT_CHUNK_SIZE);
		}
		seen += nr;
		all += scanned;
	}
	assert_int_equal(seen, 11);
	assert_int_equal(all, 31);
	assert_int_equal(dfs_pipeline_destroy(filter), 0);
	/* An anchor at the second name goes on with the third. */
	anchor = (daos_anchor_t)DAOS_ANCHOR_INIT;
	nr = 3;
	assert_int_equal(dfs_readdir(dfs, dir, &anchor, &nr, entries), 0);
	assert_int_equal(nr, 3);
	assert_int_equal(dfs_dir_anchor_set(dir, entries[1].d_name, &behind), 0);
	snprintf(name, sizeof(name), "%s", entries[2].d_name);
	last = 1;
	assert_int_equal(dfs_readdir(dfs, dir, &behind, &last, entries), 0);
	assert_string_equal(entries[0].d_name, name);
	assert_int_equal(dfs_set_prefix(dfs, "/mnt/x/"), 0);
	assert_int_equal(dfs_release(dir), 0);
	assert_int_equal(dfs_lookup(dfs, "/mnt/x/dir", O_RDONLY, &dir, NULL, NULL), 0);
	assert_int_equal(dfs_release(dir), 0);
	assert_int_equal(dfs_lookup(dfs, "/mnt/xdir", O_RDONLY, &dir, NULL, NULL), EINVAL);
	assert_int_equal(dfs_umount(dfs), 0);
	assert_int_equal(daos_cont_close(coh, NULL), 0);
	assert_int_equal(daos_cont_destroy(here.poh, "filtered", 0, NULL), 0);
}

void
paths_of_other_file_systems_stand_for_containers(void **state)
{
	struct duns_attr_t attr = {.da_type = DAOS_PROP_CO_LAYOUT_POSIX}, found = {0};
	char dir[] = "/var/tmp/uns.XXXXXX", path[64], below[128], text[DUNS_MAX_XATTR_LEN];
	int rc;

	assert_int_equal(duns_resolve_path("daos://pool/cont/a/b", &found), 0);
	assert_string_equal(found.da_pool, "pool");
	assert_string_equal(found.da_cont, "cont");
	assert_string_equal(found.da_rel_path, "/a/b");
	duns_destroy_attr(&found);
	assert_int_equal(duns_resolve_path("daos://pool/", &found), 0);
	assert_string_equal(found.da_cont, "");
	assert_int_equal(duns_resolve_path("daos:///cont", &found), EINVAL);
	assert_int_equal(duns_resolve_path("daos://bad label/cont", &found), EINVAL);
	snprintf(text, sizeof(text), "daos.posix://%036d/x", 0);
	assert_int_equal(duns_parse_attr(text, strlen(text) + 1, &found), EINVAL);
	snprintf(text, sizeof(text), "DAOS.hdf5://00000000-0000-0000-0000-000000000001/00000000-0000-0000-0000-000000000002");
	assert_int_equal(duns_parse_attr(text, strlen(text) + 1, &found), 0);
	assert_int_equal(found.da_type, DAOS_PROP_CO_LAYOUT_HDF5);
	/* A directory with an attribute; without such attributes there is nothing to try. */
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/c", dir);
	rc = duns_create_path(here.poh, path, &attr);
	if (rc != ENOTSUP) {
		assert_int_equal(rc, 0);
		assert_int_equal(duns_create_path(here.poh, path, &attr), EEXIST);
		snprintf(below, sizeof(below), "%s/sub", path);
		assert_int_equal(mkdir(below, 0700), 0);
		found = (struct duns_attr_t){0};
		assert_int_equal(duns_resolve_path(below, &found), 0);
		assert_string_equal(found.da_cont, attr.da_cont);
		assert_string_equal(found.da_rel_path, "/sub");
		assert_int_equal(found.da_type, DAOS_PROP_CO_LAYOUT_POSIX);
		duns_destroy_attr(&found);
		found = (struct duns_attr_t){.da_flags = DUNS_NO_REVERSE_LOOKUP};
		assert_int_equal(duns_resolve_path(below, &found), ENODATA);
		assert_int_equal(rmdir(below), 0);
		snprintf(below, sizeof(below), "%s/again", dir);
		assert_int_equal(duns_link_cont(here.poh, attr.da_cont, below), 0);
		assert_int_equal(duns_destroy_path(here.poh, path), 0);
		assert_int_equal(duns_destroy_path(here.poh, below), 0); /* only the entry is left */
		assert_int_equal(duns_resolve_path(path, &found), ENOENT);
	}
	assert_int_equal(rmdir(dir), 0);
}
