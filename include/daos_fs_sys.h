/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files and directories by absolute path, in the manner of the system calls they are named for.
 *
 * Calls return 0 or a positive errno. Calls of one mount may come from several threads. What is remembered of directories
 * on the way is never stale: it goes with the lease of the mount's session. flags may hold O_NOFOLLOW.
 */
#ifndef DAOS_FS_SYS_H
#define DAOS_FS_SYS_H

#include <dirent.h>
#include <daos.h>
#include <daos_fs.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** sflags: accepted; nothing is remembered that could be stale. */
#define DFS_SYS_NO_CACHE 1
/** sflags: accepted; calls from several threads are always safe. */
#define DFS_SYS_NO_LOCK 2

/** A mounted container with its cache. */
typedef struct dfs_sys dfs_sys_t;

/** As dfs_connect(); given up with dfs_sys_disconnect(). */
int dfs_sys_connect(const char *pool, const char *sys, const char *cont, int mflags, int sflags, dfs_attr_t *attr,
		    dfs_sys_t **dfs_sys);
int dfs_sys_disconnect(dfs_sys_t *dfs_sys);

/** As dfs_local2global_all() and dfs_global2local_all(). */
int dfs_sys_local2global_all(dfs_sys_t *dfs_sys, d_iov_t *glob);
int dfs_sys_global2local_all(int mflags, int sflags, d_iov_t glob, dfs_sys_t **dfs_sys);

/** As dfs_mount(); given up with dfs_sys_umount(). */
int dfs_sys_mount(daos_handle_t poh, daos_handle_t coh, int mflags, int sflags, dfs_sys_t **dfs_sys);
int dfs_sys_umount(dfs_sys_t *dfs_sys);

/** As dfs_local2global() and dfs_global2local(). */
int dfs_sys_local2global(dfs_sys_t *dfs_sys, d_iov_t *glob);
int dfs_sys_global2local(daos_handle_t poh, daos_handle_t coh, int mflags, int sflags, d_iov_t glob,
			 dfs_sys_t **dfs_sys);

/** The mount below, which goes with dfs_sys. */
int dfs_sys2base(dfs_sys_t *dfs_sys, dfs_t **dfs);

int dfs_sys_access(dfs_sys_t *dfs_sys, const char *path, int mask, int flags);
int dfs_sys_chmod(dfs_sys_t *dfs_sys, const char *path, mode_t mode);
int dfs_sys_chown(dfs_sys_t *dfs_sys, const char *path, uid_t uid, gid_t gid, int flags);

/** Sets the fields of stbuf that flags (DFS_SET_ATTR_*) names; sflags: 0 or O_NOFOLLOW. */
int dfs_sys_setattr(dfs_sys_t *dfs_sys, const char *path, struct stat *stbuf, int flags, int sflags);
int dfs_sys_utimens(dfs_sys_t *dfs_sys, const char *path, const struct timespec times[2], int flags);
int dfs_sys_stat(dfs_sys_t *dfs_sys, const char *path, int flags, struct stat *stbuf);

/** Creates a regular file or a directory. cid, chunk_size: 0: as the parent says. */
int dfs_sys_mknod(dfs_sys_t *dfs_sys, const char *path, mode_t mode, daos_oclass_id_t cid, daos_size_t chunk_size);

/** size: in: bytes at the buffer, out: bytes of all. */
int dfs_sys_listxattr(dfs_sys_t *dfs_sys, const char *path, char *list, daos_size_t *size, int flags);
int dfs_sys_getxattr(dfs_sys_t *dfs_sys, const char *path, const char *name, void *value, daos_size_t *size, int flags);

/** flags: 0, XATTR_CREATE or XATTR_REPLACE; sflags: 0 or O_NOFOLLOW. */
int dfs_sys_setxattr(dfs_sys_t *dfs_sys, const char *path, const char *name, const void *value, daos_size_t size,
		     int flags, int sflags);
int dfs_sys_removexattr(dfs_sys_t *dfs_sys, const char *path, const char *name, int flags);

/** size: in: bytes at buf; out: length with NUL. */
int dfs_sys_readlink(dfs_sys_t *dfs_sys, const char *path, char *buf, daos_size_t *size);
int dfs_sys_symlink(dfs_sys_t *dfs_sys, const char *target, const char *path);

/** As dfs_open(); given up with dfs_sys_close(). */
int dfs_sys_open(dfs_sys_t *dfs_sys, const char *path, mode_t mode, int flags, daos_oclass_id_t cid,
		 daos_size_t chunk_size, const char *value, dfs_obj_t **obj);
int dfs_sys_close(dfs_obj_t *obj);

/** size: in: bytes to read or write; out: bytes done. With an event it returns after the launch. */
int dfs_sys_read(dfs_sys_t *dfs_sys, dfs_obj_t *obj, void *buf, daos_off_t off, daos_size_t *size, daos_event_t *ev);
int dfs_sys_write(dfs_sys_t *dfs_sys, dfs_obj_t *obj, const void *buf, daos_off_t off, daos_size_t *size,
		  daos_event_t *ev);

/** As dfs_punch(). */
int dfs_sys_punch(dfs_sys_t *dfs_sys, const char *path, daos_off_t offset, daos_off_t len);

/** As dfs_remove(). */
int dfs_sys_remove(dfs_sys_t *dfs_sys, const char *path, bool force, daos_obj_id_t *oid);

/** dfs_sys_remove() of something whose type is that of mode. 0; ENOTDIR or EINVAL: another type; others. */
int dfs_sys_remove_type(dfs_sys_t *dfs_sys, const char *path, bool force, mode_t mode, daos_obj_id_t *oid);

int dfs_sys_mkdir(dfs_sys_t *dfs_sys, const char *dir, mode_t mode, daos_oclass_id_t cid);

/** Opens a directory for dfs_sys_readdir(). Not a directory stream of the C library: only these calls take it. */
int dfs_sys_opendir(dfs_sys_t *dfs_sys, const char *dir, int flags, DIR **dirp);
int dfs_sys_closedir(DIR *dirp);

/** The next entry, valid until the next call; NULL at the end. */
int dfs_sys_readdir(dfs_sys_t *dfs_sys, DIR *dirp, struct dirent **dirent);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
