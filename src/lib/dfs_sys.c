/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths: daos_fs_sys.h over the calls of daos_fs.h. A path is absolute. Of calls that make or remove a name the last link is not
 * followed; of all others it is unless O_NOFOLLOW is given.
 *
 * There is no cache of directories here, and no lock: what a mount may remember is the business of its session (src/dfs), so a path never
 * leads where it led before another client renamed something. DFS_SYS_NO_CACHE and DFS_SYS_NO_LOCK change nothing.
 */
#include "dfs.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <daos_fs_sys.h>

enum { READ_BATCH = 64 };

struct dfs_sys {
	struct dfs *dfs;
};

/* What DIR points to; the C library's functions must not see it. */
struct sys_dir {
	struct dfs_obj *obj;
	daos_anchor_t anchor;
	uint32_t nr, next;
	struct dirent entries[READ_BATCH];
};

/* ---- mounts ------------------------------------------------------------------------------------------------------------------- */
/* Takes dfs over; give_up undoes what brought it. */
static int
wrap(struct dfs *dfs, int (*give_up)(dfs_t *dfs), dfs_sys_t **result)
{
	struct dfs_sys *sys = malloc(sizeof(*sys));

	if (sys == NULL) {
		(void)give_up(dfs);
		return ENOMEM;
	}
	sys->dfs = dfs;
	*result = sys;
	return 0;
}

static int
unwrap(struct dfs_sys *sys, int (*give_up)(dfs_t *dfs))
{
	int rc = sys != NULL ? give_up(sys->dfs) : EINVAL;

	if (rc == 0)
		free(sys);
	return rc;
}

static bool
flags_known(int sflags)
{
	return (sflags & ~(DFS_SYS_NO_CACHE | DFS_SYS_NO_LOCK)) == 0;
}

int
dfs_sys_connect(const char *pool, const char *sys, const char *cont, int mflags, int sflags, dfs_attr_t *attr, dfs_sys_t **dfs_sys)
{
	dfs_t *dfs;
	int rc = dfs_sys != NULL && flags_known(sflags) ? dfs_connect(pool, sys, cont, mflags, attr, &dfs) : EINVAL;

	return rc == 0 ? wrap(dfs, dfs_disconnect, dfs_sys) : rc;
}

int
dfs_sys_disconnect(dfs_sys_t *dfs_sys)
{
	return unwrap(dfs_sys, dfs_disconnect);
}

int
dfs_sys_mount(daos_handle_t poh, daos_handle_t coh, int mflags, int sflags, dfs_sys_t **dfs_sys)
{
	dfs_t *dfs;
	int rc = dfs_sys != NULL && flags_known(sflags) ? dfs_mount(poh, coh, mflags, &dfs) : EINVAL;

	return rc == 0 ? wrap(dfs, dfs_umount, dfs_sys) : rc;
}

int
dfs_sys_umount(dfs_sys_t *dfs_sys)
{
	return unwrap(dfs_sys, dfs_umount);
}

int
dfs_sys_local2global_all(dfs_sys_t *dfs_sys, d_iov_t *glob)
{
	return dfs_sys != NULL ? dfs_local2global_all(dfs_sys->dfs, glob) : EINVAL;
}

int
dfs_sys_global2local_all(int mflags, int sflags, d_iov_t glob, dfs_sys_t **dfs_sys)
{
	dfs_t *dfs;
	int rc = dfs_sys != NULL && flags_known(sflags) ? dfs_global2local_all(mflags, glob, &dfs) : EINVAL;

	return rc == 0 ? wrap(dfs, dfs_disconnect, dfs_sys) : rc;
}

int
dfs_sys_local2global(dfs_sys_t *dfs_sys, d_iov_t *glob)
{
	return dfs_sys != NULL ? dfs_local2global(dfs_sys->dfs, glob) : EINVAL;
}

int
dfs_sys_global2local(daos_handle_t poh, daos_handle_t coh, int mflags, int sflags, d_iov_t glob, dfs_sys_t **dfs_sys)
{
	dfs_t *dfs;
	int rc = dfs_sys != NULL && flags_known(sflags) ? dfs_global2local(poh, coh, mflags, glob, &dfs) : EINVAL;

	return rc == 0 ? wrap(dfs, dfs_umount, dfs_sys) : rc;
}

int
dfs_sys2base(dfs_sys_t *dfs_sys, dfs_t **dfs)
{
	if (dfs_sys == NULL || dfs == NULL)
		return EINVAL;
	*dfs = dfs_sys->dfs;
	return 0;
}

/* ---- paths -------------------------------------------------------------------------------------------------------------------- */
/* The directory of a path's last name, and that name: "" for the root. *dir is released. */
static int
place(struct dfs_sys *sys, const char *path, struct dfs_obj **dir, char name[FS_NAME_MAX + 1])
{
	size_t end, begin;
	char *above;
	int rc;

	if (sys == NULL || path == NULL || path[0] != '/')
		return EINVAL;
	end = strlen(path);
	if (end >= PATH_MAX)
		return ENAMETOOLONG;
	while (end > 0 && path[end - 1] == '/')
		end--;
	for (begin = end; begin > 0 && path[begin - 1] != '/';)
		begin--;
	if (end - begin > FS_NAME_MAX)
		return ENAMETOOLONG;
	memcpy(name, path + begin, end - begin);
	name[end - begin] = '\0';
	above = begin > 0 ? strndup(path, begin) : strdup("/");
	if (above == NULL)
		return ENOMEM;
	rc = dfs__open_path(sys->dfs, above, true, dir);
	free(above);
	return rc;
}

static int
find(struct dfs_sys *sys, const char *path, int flags, struct dfs_obj **obj)
{
	if (sys == NULL || (flags & ~O_NOFOLLOW) != 0)
		return EINVAL;
	return dfs__open_path(sys->dfs, path, (flags & O_NOFOLLOW) == 0, obj);
}

/* Ends a call with its object; rc is the call's answer. */
static int
done(struct dfs_obj *obj, int rc)
{
	int more = dfs_release(obj);

	return rc != 0 ? rc : more;
}

/* ---- attributes --------------------------------------------------------------------------------------------------------------- */
int
dfs_sys_access(dfs_sys_t *dfs_sys, const char *path, int mask, int flags)
{
	struct dfs_obj *obj;
	int rc = find(dfs_sys, path, flags, &obj);

	return rc == 0 ? done(obj, dfs_access(dfs_sys->dfs, obj, NULL, mask)) : rc;
}

int
dfs_sys_chmod(dfs_sys_t *dfs_sys, const char *path, mode_t mode)
{
	struct dfs_obj *obj;
	int rc = find(dfs_sys, path, 0, &obj);

	return rc == 0 ? done(obj, dfs_chmod(dfs_sys->dfs, obj, NULL, mode)) : rc;
}

int
dfs_sys_chown(dfs_sys_t *dfs_sys, const char *path, uid_t uid, gid_t gid, int flags)
{
	struct dfs_obj *obj;
	int rc = find(dfs_sys, path, flags, &obj);

	return rc == 0 ? done(obj, dfs_chown(dfs_sys->dfs, obj, NULL, uid, gid, 0)) : rc;
}

int
dfs_sys_setattr(dfs_sys_t *dfs_sys, const char *path, struct stat *stbuf, int flags, int sflags)
{
	struct dfs_obj *obj;
	int rc = stbuf != NULL ? find(dfs_sys, path, sflags, &obj) : EINVAL;

	return rc == 0 ? done(obj, dfs_osetattr(dfs_sys->dfs, obj, stbuf, flags)) : rc;
}

int
dfs_sys_utimens(dfs_sys_t *dfs_sys, const char *path, const struct timespec times[2], int flags)
{
	static const int fields[2] = {DFS_SET_ATTR_ATIME, DFS_SET_ATTR_MTIME};
	struct timespec now, to[2];
	struct stat st = {0};
	int set = 0;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	for (int i = 0; i < 2; i++) {
		to[i] = times == NULL || times[i].tv_nsec == UTIME_NOW ? now : times[i];
		if (times != NULL && times[i].tv_nsec == UTIME_OMIT)
			continue;
		if (to[i].tv_nsec < 0 || to[i].tv_nsec > 999999999)
			return EINVAL;
		set |= fields[i];
	}
	st.st_atim = to[0];
	st.st_mtim = to[1];
	if (set == 0)
		return dfs_sys_stat(dfs_sys, path, flags, &st);
	return dfs_sys_setattr(dfs_sys, path, &st, set, flags);
}

int
dfs_sys_stat(dfs_sys_t *dfs_sys, const char *path, int flags, struct stat *stbuf)
{
	struct dfs_obj *obj;
	int rc = stbuf != NULL ? find(dfs_sys, path, flags, &obj) : EINVAL;

	return rc == 0 ? done(obj, dfs_ostat(dfs_sys->dfs, obj, stbuf)) : rc;
}

int
dfs_sys_listxattr(dfs_sys_t *dfs_sys, const char *path, char *list, daos_size_t *size, int flags)
{
	struct dfs_obj *obj;
	int rc = find(dfs_sys, path, flags, &obj);

	return rc == 0 ? done(obj, dfs_listxattr(dfs_sys->dfs, obj, list, size)) : rc;
}

int
dfs_sys_getxattr(dfs_sys_t *dfs_sys, const char *path, const char *name, void *value, daos_size_t *size, int flags)
{
	struct dfs_obj *obj;
	int rc = find(dfs_sys, path, flags, &obj);

	return rc == 0 ? done(obj, dfs_getxattr(dfs_sys->dfs, obj, name, value, size)) : rc;
}

int
dfs_sys_setxattr(dfs_sys_t *dfs_sys, const char *path, const char *name, const void *value, daos_size_t size, int flags, int sflags)
{
	struct dfs_obj *obj;
	int rc = find(dfs_sys, path, sflags, &obj);

	return rc == 0 ? done(obj, dfs_setxattr(dfs_sys->dfs, obj, name, value, size, flags)) : rc;
}

int
dfs_sys_removexattr(dfs_sys_t *dfs_sys, const char *path, const char *name, int flags)
{
	struct dfs_obj *obj;
	int rc = find(dfs_sys, path, flags, &obj);

	return rc == 0 ? done(obj, dfs_removexattr(dfs_sys->dfs, obj, name)) : rc;
}

int
dfs_sys_readlink(dfs_sys_t *dfs_sys, const char *path, char *buf, daos_size_t *size)
{
	struct dfs_obj *obj;
	int rc = find(dfs_sys, path, O_NOFOLLOW, &obj);

	return rc == 0 ? done(obj, dfs_get_symlink_value(obj, buf, size)) : rc;
}

/* ---- making and removing ------------------------------------------------------------------------------------------------------- */
static int
make(dfs_sys_t *dfs_sys, const char *path, mode_t mode, daos_oclass_id_t cid, daos_size_t chunk_size, const char *value)
{
	char name[FS_NAME_MAX + 1];
	struct dfs_obj *dir, *obj;
	int rc = place(dfs_sys, path, &dir, name);

	if (rc != 0)
		return rc;
	rc = name[0] == '\0' ? EEXIST : dfs_open(dfs_sys->dfs, dir, name, mode, O_CREAT | O_EXCL | O_RDWR, cid, chunk_size, value, &obj);
	if (rc == 0)
		rc = dfs_release(obj);
	return done(dir, rc);
}

int
dfs_sys_mknod(dfs_sys_t *dfs_sys, const char *path, mode_t mode, daos_oclass_id_t cid, daos_size_t chunk_size)
{
	return S_ISLNK(mode) ? EINVAL : make(dfs_sys, path, mode, cid, chunk_size, NULL);
}

int
dfs_sys_mkdir(dfs_sys_t *dfs_sys, const char *dir, mode_t mode, daos_oclass_id_t cid)
{
	return make(dfs_sys, dir, S_IFDIR | (mode & 07777), cid, 0, NULL);
}

int
dfs_sys_symlink(dfs_sys_t *dfs_sys, const char *target, const char *path)
{
	return target != NULL ? make(dfs_sys, path, S_IFLNK | 0777, 0, 0, target) : EINVAL;
}

int
dfs_sys_remove_type(dfs_sys_t *dfs_sys, const char *path, bool force, mode_t mode, daos_obj_id_t *oid)
{
	char name[FS_NAME_MAX + 1];
	struct dfs_obj *dir;
	struct stat st;
	int rc = place(dfs_sys, path, &dir, name);

	if (rc != 0)
		return rc;
	rc = name[0] == '\0' ? EBUSY : 0;
	if (rc == 0 && (mode & S_IFMT) != 0) {
		rc = dfs_stat(dfs_sys->dfs, dir, name, &st);
		if (rc == 0 && (st.st_mode & S_IFMT) != (mode & S_IFMT))
			rc = S_ISDIR(mode) ? ENOTDIR : EINVAL;
	}
	if (rc == 0)
		rc = dfs_remove(dfs_sys->dfs, dir, name, force, oid);
	return done(dir, rc);
}

int
dfs_sys_remove(dfs_sys_t *dfs_sys, const char *path, bool force, daos_obj_id_t *oid)
{
	return dfs_sys_remove_type(dfs_sys, path, force, 0, oid);
}

/* ---- files --------------------------------------------------------------------------------------------------------------------- */
/* What is there: links are followed unless the program says otherwise or opens links. */
static int
open_old(dfs_sys_t *dfs_sys, const char *path, mode_t mode, int flags, dfs_obj_t **result)
{
	int follow = S_ISLNK(mode) ? O_NOFOLLOW : flags & O_NOFOLLOW;
	struct dfs_obj *obj;
	mode_t is;
	int rc = dfs_lookup(dfs_sys->dfs, path, (flags & O_ACCMODE) | follow, &obj, &is, NULL);

	if (rc != 0)
		return rc;
	if ((mode & S_IFMT) != 0 && (is & S_IFMT) != (mode & S_IFMT))
		rc = S_ISDIR(mode) ? ENOTDIR : EINVAL;
	else if (S_ISREG(is) && (flags & O_TRUNC) != 0)
		rc = dfs_punch(dfs_sys->dfs, obj, 0, DFS_MAX_FSIZE);
	if (rc != 0)
		return done(obj, rc);
	*result = obj;
	return 0;
}

int
dfs_sys_open(dfs_sys_t *dfs_sys, const char *path, mode_t mode, int flags, daos_oclass_id_t cid, daos_size_t chunk_size, const char *value,
	     dfs_obj_t **obj)
{
	char name[FS_NAME_MAX + 1];
	struct dfs_obj *dir;
	int rc;

	if (dfs_sys == NULL || path == NULL || obj == NULL)
		return EINVAL;
	if ((flags & O_APPEND) != 0)
		return ENOTSUP;
	if ((flags & O_CREAT) == 0)
		return open_old(dfs_sys, path, mode, flags, obj);
	rc = place(dfs_sys, path, &dir, name);
	if (rc != 0)
		return rc;
	rc = name[0] == '\0' ? EEXIST : dfs_open(dfs_sys->dfs, dir, name, mode, flags | O_EXCL, cid, chunk_size, value, obj);
	rc = done(dir, rc);
	return rc == EEXIST && (flags & O_EXCL) == 0 ? open_old(dfs_sys, path, mode, flags, obj) : rc;
}

int
dfs_sys_close(dfs_obj_t *obj)
{
	return dfs_release(obj);
}

int
dfs_sys_read(dfs_sys_t *dfs_sys, dfs_obj_t *obj, void *buf, daos_off_t off, daos_size_t *size, daos_event_t *ev)
{
	return dfs_sys != NULL && obj != NULL && buf != NULL && size != NULL ? dfs__move(obj, buf, off, size, false, ev) : EINVAL;
}

int
dfs_sys_write(dfs_sys_t *dfs_sys, dfs_obj_t *obj, const void *buf, daos_off_t off, daos_size_t *size, daos_event_t *ev)
{
	return dfs_sys != NULL && obj != NULL && buf != NULL && size != NULL ? dfs__move(obj, (void *)buf, off, size, true, ev) : EINVAL;
}

int
dfs_sys_punch(dfs_sys_t *dfs_sys, const char *path, daos_off_t offset, daos_off_t len)
{
	struct dfs_obj *obj;
	int rc = dfs_sys != NULL ? dfs_lookup(dfs_sys->dfs, path, O_RDWR, &obj, NULL, NULL) : EINVAL;

	return rc == 0 ? done(obj, dfs_punch(dfs_sys->dfs, obj, offset, len)) : rc;
}

/* ---- directories --------------------------------------------------------------------------------------------------------------- */
int
dfs_sys_opendir(dfs_sys_t *dfs_sys, const char *path, int flags, DIR **dirp)
{
	struct sys_dir *dir;
	int rc;

	if (dirp == NULL)
		return EINVAL;
	dir = calloc(1, sizeof(*dir));
	if (dir == NULL)
		return ENOMEM;
	rc = find(dfs_sys, path, flags, &dir->obj);
	if (rc == 0 && fs_inode_type(dir->obj->inode) != S_IFDIR)
		rc = done(dir->obj, ENOTDIR);
	if (rc != 0)
		free(dir);
	else
		*dirp = (DIR *)dir;
	return rc;
}

int
dfs_sys_closedir(DIR *dirp)
{
	struct sys_dir *dir = (struct sys_dir *)dirp;
	int rc;

	if (dir == NULL)
		return EINVAL;
	rc = dfs_release(dir->obj);
	free(dir);
	return rc;
}

int
dfs_sys_readdir(dfs_sys_t *dfs_sys, DIR *dirp, struct dirent **dirent)
{
	struct sys_dir *dir = (struct sys_dir *)dirp;
	int rc;

	if (dfs_sys == NULL || dir == NULL || dirent == NULL)
		return EINVAL;
	while (dir->next == dir->nr) {
		*dirent = NULL;
		if (daos_anchor_is_eof(&dir->anchor))
			return 0;
		dir->next = 0;
		dir->nr = READ_BATCH;
		rc = dfs_readdir(dfs_sys->dfs, dir->obj, &dir->anchor, &dir->nr, dir->entries);
		if (rc != 0) {
			dir->nr = 0;
			return rc;
		}
	}
	*dirent = &dir->entries[dir->next++];
	return 0;
}
