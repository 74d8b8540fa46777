/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dfs: a POSIX namespace over the objects of a container. A directory is an object whose dkeys are names; an entry is
 * {name -> object, type}. The inode record lives in the file's own object, so that hard links and renames from other
 * mounts cannot strand it. This door speaks in inodes and returns 0 or a positive errno (what POSIX callers hand on);
 * paths are lib's, the kernel's are fuse's. Names start with fs_, for dfs_ belongs to the public interface.
 *
 *	dfs I1  An entry never dangles: an inode is durable before an entry names it, and outlives the last entry and the last opener.
 *	dfs I2  link, unlink, rename, and every change of several objects are one transaction.
 *	dfs I3  nlink of an inode is the number of entries that name it (directories: 2 + subdirectories).
 *	dfs I4  Inode numbers are allocated once and never used again; the number is the low word of the object id.
 *	dfs I5  A readdir cookie stays good while its directory changes; an entry that is there throughout is listed exactly once.
 *
 * All functions marked by an fs or inode argument may yield and run on the client's stream.
 */
#ifndef DFS_DFS_H
#define DFS_DFS_H

#include <daos_types.h>
#include <sys/stat.h>
#include "base/base.h"
#include "client/core/core.h"
#include "client/pool/pool.h"
#include "client/cont/cont.h"
#include "client/object/object.h"

struct fs;        /* a mount: a session of the container */
struct fs_inode;  /* a file, directory, symlink or special file, counted */
struct fs_file;   /* an open file */
struct fs_dir;    /* an open directory */

/* ---- making and mounting -------------------------------------------------------------------------------------------------- */
struct fs_format { /* of a new file system; zeros: defaults */
	uint64_t chunk_size;              /* bytes; 1 MiB */
	uint32_t file_class, dir_class;   /* object classes */
	uint32_t mode;                    /* 0 relaxed, 4 balanced (DAOS's numbers) */
	char hints[128];
	uint32_t uid, gid;                /* of the root directory */
	uint32_t root_mode;               /* permission bits; 0: 0755 */
};
/** Writes superblock and root into a container (of layout POSIX). Repeating it is harmless; EEXIST never. */
int fs_make(struct cont *cont, const struct fs_format *format);
int fs_format_query(struct fs *fs, struct fs_format *format);

enum { FS_RDONLY = 1, FS_NO_CACHE = 2, FS_SYNC_ATIME = 4 };
/** Mounts: reads the superblock, opens a session with a lease. ENOENT no superblock, EINVAL not ours or newer. */
int fs_mount(struct cont *cont, uint32_t flags, struct fs **fs);
/** Ends the session: locks go, unlinked files whose last opener this was are reaped. */
int fs_umount(struct fs *fs);
struct cont *fs_cont(const struct fs *fs);
/** True while this session is the only one and may cache freely; changes come through fs_on_recall. */
bool fs_sole(const struct fs *fs);
/** recalled(arg) is called when another mount appears: caches must be dropped before it returns. From a ULT, may yield. */
void fs_on_recall(struct fs *fs, void (*recalled)(void *arg), void *arg);

/* ---- inodes ----------------------------------------------------------------------------------------------------------------- */
#define FS_ROOT_INO 1
struct fs_inode *fs_root(struct fs *fs); /* with a reference */
struct fs_inode *fs_inode_get(struct fs_inode *inode);
void fs_inode_put(struct fs_inode *inode);
uint64_t fs_inode_ino(const struct fs_inode *inode);
uint32_t fs_inode_type(const struct fs_inode *inode); /* S_IFMT bits */
daos_obj_id_t fs_inode_oid(const struct fs_inode *inode);
/** The inode of a number that somebody of this mount still refers to; NULL otherwise. Local. */
struct fs_inode *fs_inode_find(struct fs *fs, uint64_t ino);

/** What new files and directories in a directory are made with, unless their maker says otherwise. Zeros: the file system's. */
struct fs_defaults {
	uint32_t file_class, dir_class;
	uint64_t chunk_size;
};
/** As last seen; zeros for anything but a directory. Local. */
void fs_defaults(const struct fs_inode *inode, struct fs_defaults *defaults);
/** ENOTDIR; EINVAL: no such chunk size. */
int fs_set_defaults(struct fs_inode *dir, const struct fs_defaults *defaults);

/** The inode of an object id that was learned elsewhere; type: S_IFMT bits. ENOENT: no such inode, or of another type. */
int fs_inode_open(struct fs *fs, daos_obj_id_t oid, uint32_t type, struct fs_inode **inode);

/** Who acts, and how a new inode is made: owner and group (setgid directories are honoured), and what 0 leaves to the directory. */
struct fs_who {
	uint32_t uid, gid, umask;
	uint32_t oclass;     /* of its object */
	uint64_t chunk_size; /* of a regular file, bytes */
};

/** Attributes: all of struct stat that POSIX knows; st_ino, st_nlink, sizes, times in ns, st_blocks by what is stored, st_blksize the chunk. */
int fs_getattr(struct fs_inode *inode, struct stat *st);
enum { FS_SET_MODE = 1, FS_SET_UID = 2, FS_SET_GID = 4, FS_SET_SIZE = 8, FS_SET_ATIME = 16, FS_SET_MTIME = 32,
       FS_SET_ATIME_NOW = 64, FS_SET_MTIME_NOW = 128, FS_SET_CTIME = 256 };
/** One transaction; set-user-id bits are cleared as POSIX says on chown and truncate. *st (may be NULL): afterwards. */
int fs_setattr(struct fs_inode *inode, const struct stat *attr, uint32_t set, struct stat *st);

/* ---- names --------------------------------------------------------------------------------------------------------------------- */
#define FS_NAME_MAX 255
/** *inode with a reference; st may be NULL. ENOENT, ENOTDIR, ENAMETOOLONG. "." and ".." work. */
int fs_lookup(struct fs_inode *dir, const char *name, struct fs_inode **inode, struct stat *st);
/** Regular file, device, fifo or socket by mode. EEXIST. */
int fs_mknod(struct fs_inode *dir, const char *name, mode_t mode, dev_t rdev, const struct fs_who *who, struct fs_inode **inode, struct stat *st);
/** Creates and opens in one: flags as open(2); without O_EXCL an existing file is opened (*created tells). */
int fs_create(struct fs_inode *dir, const char *name, mode_t mode, int flags, const struct fs_who *who, struct fs_inode **inode, struct stat *st,
	      struct fs_file **file, bool *created);
int fs_mkdir(struct fs_inode *dir, const char *name, mode_t mode, const struct fs_who *who, struct fs_inode **inode, struct stat *st);
int fs_symlink(struct fs_inode *dir, const char *name, const char *target, const struct fs_who *who, struct fs_inode **inode, struct stat *st);
/** Target, NUL-terminated, cut at size. *len: its whole length. */
int fs_readlink(struct fs_inode *inode, char *target, size_t size, size_t *len);
int fs_link(struct fs_inode *inode, struct fs_inode *dir, const char *name, struct stat *st);
/** Unlinks a non-directory. Its data go when the last entry and the last opener anywhere are gone. EISDIR. */
int fs_unlink(struct fs_inode *dir, const char *name);
int fs_rmdir(struct fs_inode *dir, const char *name);
/** flags: RENAME_NOREPLACE, RENAME_EXCHANGE. Atomic; refuses to move a directory below itself (EINVAL). */
int fs_rename(struct fs_inode *from, const char *old, struct fs_inode *to, const char *name, uint32_t flags);

/* ---- directories ----------------------------------------------------------------------------------------------------------------- */
struct fs_entry {
	const char *name;
	uint64_t ino;
	uint32_t type;   /* S_IFMT bits */
	uint64_t cookie; /* seek here to go on behind it */
	const struct stat *st;       /* with attributes wanted; else NULL */
	struct fs_inode *inode;      /* with attributes wanted: borrowed for the call */
};
int fs_opendir(struct fs_inode *dir, struct fs_dir **handle);
/** Calls emit for entries behind cookie (0: start), . and .. first, until it returns non-zero (that entry is not consumed) or the end. */
int fs_readdir(struct fs_dir *handle, uint64_t cookie, bool attributes, int (*emit)(void *arg, const struct fs_entry *entry), void *arg);
void fs_closedir(struct fs_dir *handle);
/** Where reading goes on behind name, in any directory. */
uint64_t fs_dir_cookie(const char *name);

/* ---- files ------------------------------------------------------------------------------------------------------------------------ */
/** flags: O_ACCMODE, O_APPEND, O_TRUNC. */
int fs_open(struct fs_inode *inode, int flags, struct fs_file **file);
int fs_close(struct fs_file *file);
struct fs_inode *fs_file_inode(const struct fs_file *file);
/** Short only at the end of the file. */
int fs_read(struct fs_file *file, const struct iovec *iov, int iov_nr, uint64_t off, size_t *done);
/** All or an error; durable when it returns. With O_APPEND off is ignored: atomic across mounts. *end (may be NULL): offset behind what was written. */
int fs_write(struct fs_file *file, const struct iovec *iov, int iov_nr, uint64_t off, size_t *done, uint64_t *end);
/** The same at off, O_APPEND or not: for pages of mappings, whose place is given. */
int fs_write_at(struct fs_file *file, const struct iovec *iov, int iov_nr, uint64_t off, size_t *done);
/** The bytes become a hole, which reads as zeros; the size stays. Whole up to 256 chunks, beyond that in steps. */
int fs_punch(struct fs_file *file, uint64_t off, uint64_t len);
int fs_fsync(struct fs_file *file);
/** Bytes used and free of the pool as this container may use it, and how many inodes there are. */
struct statvfs;
int fs_statfs(struct fs *fs, struct statvfs *st);

/* ---- extended attributes ------------------------------------------------------------------------------------------------------------ */
/** flags: XATTR_CREATE, XATTR_REPLACE. Up to 64 KiB. */
int fs_setxattr(struct fs_inode *inode, const char *name, const void *value, size_t size, int flags);
/** size 0 asks. ERANGE, ENODATA. */
int fs_getxattr(struct fs_inode *inode, const char *name, void *value, size_t size, size_t *needed);
int fs_listxattr(struct fs_inode *inode, char *list, size_t size, size_t *needed);
int fs_removexattr(struct fs_inode *inode, const char *name);

/* ---- locks: live in the container, owned by sessions --------------------------------------------------------------------------------- */
struct fs_lock {
	uint64_t start, end; /* bytes, both included; end UINT64_MAX: to the end */
	int type;            /* F_RDLCK, F_WRLCK, F_UNLCK */
	uint32_t pid;
};
/** fcntl locks of owner. wait: sleeps until it can be had, or until *interrupted turns true (EINTR). EAGAIN, EDEADLK. */
int fs_setlk(struct fs_inode *inode, uint64_t owner, const struct fs_lock *lock, bool wait, const bool *interrupted);
int fs_getlk(struct fs_inode *inode, uint64_t owner, struct fs_lock *lock);
/** flock: op LOCK_SH, LOCK_EX, LOCK_UN, with LOCK_NB. */
int fs_flock(struct fs_inode *inode, uint64_t owner, int op, const bool *interrupted);
/** Wakes who waits so that it looks at *interrupted. */
void fs_lock_interrupt(struct fs *fs);
/** Drops every fcntl lock of owner on inode (close) . */
int fs_lock_release(struct fs_inode *inode, uint64_t owner);

#endif
