/* SPDX-License-Identifier: Apache-2.0 */
/* Within lib, files dfs_*.c: what stands behind dfs_t and dfs_obj_t. Functions below with an inode run in ULTs and may yield. */
#ifndef LIB_DFS_H
#define LIB_DFS_H

#include <errno.h>
#include <fcntl.h>
#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>
#include "core.h"
#include <daos_fs.h>
#include "base/errmap.h"
#include "dfs/dfs.h"

struct dfs {
	struct fs *fs;
	daos_handle_t poh, coh;
	int flags;
	bool connected; /* poh and coh are ours */
	char *prefix;   /* dfs_lookup() takes it off; or NULL */
};

struct dfs_obj {
	struct dfs *dfs;
	struct fs_inode *inode;
	struct fs_file *file; /* of regular files */
	int flags;
	daos_handle_t array; /* dfs_get_file_oh() */
	char name[FS_NAME_MAX + 1];
};

/** What a function of the file system answers: 0 or a positive errno. */
static inline int
dfs__verdict(int rc)
{
	return rc < 0 ? err_to_errno(rc) : rc;
}

static inline int
dfs__run(core_fn fn, void *args, size_t size)
{
	return dfs__verdict(core__call(fn, NULL, args, size, NULL));
}

/** The directory an object is, with a reference; the root for NULL. */
struct fs_inode *dfs__dir(struct dfs *dfs, struct dfs_obj *parent);
/** Entry of a directory; symbolic links are followed. */
int dfs__find(struct dfs *dfs, struct dfs_obj *parent, const char *path, bool follow, struct fs_inode **inode);
/** What an absolute path leads to, as an object for anything but data: no file is opened. */
int dfs__open_path(struct dfs *dfs, const char *path, bool follow, struct dfs_obj **obj);
/** Opens what inode is; takes its reference, and file's when there is one. In a ULT. */
int dfs__give(struct dfs *dfs, struct fs_inode *inode, struct fs_file *file, int flags, const char *name, struct dfs_obj **obj);
/** Moves *size bytes between buf and the file; *size: bytes moved. */
int dfs__move(struct dfs_obj *obj, void *buf, daos_off_t off, daos_size_t *size, bool write, daos_event_t *ev);

#endif
