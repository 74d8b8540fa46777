/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a file system leaves in a container. All numbers are little-endian; every record begins with its version, and a reader
 * takes only versions it knows. Records may become longer: a reader knows what it needs by the version.
 *
 *   superblock  {lo 0}: dkey "DFS_SB_METADATA", akey "sb": struct dfs_super_record
 *   root        {lo 1}
 *   orphans     {lo 2}: dkey inode number in decimal, akey "o": struct dfs_orphan_record, then session uuids of 16 bytes
 *
 *   any inode   "its dkey": 8 bytes of zero for regular files, "." for everything else
 *                 akey "i"       struct dfs_inode_record
 *                 akey "t"       struct dfs_times_record: of a directory, when a name in it last changed
 *                 akey "l"       target of a symlink
 *                 akey "x:NAME"  a byte 1, then the value of an extended attribute
 *   directory   dkey NAME, akey "e": struct dfs_entry_record
 *   file        dkey offset / chunk + 1 (8 bytes), akey "0": an array of bytes, record offset % chunk
 */
#ifndef DFS_DFS_FORMAT_H
#define DFS_DFS_FORMAT_H

#include <stddef.h>
#include <stdint.h>

#define DFS_MAGIC 0x31305346534f4144ULL /* "DAOSFS01" */
#define DFS_VERSION 1
#define DFS_SUPER_DKEY "DFS_SB_METADATA"
#define DFS_SUPER_AKEY "sb"
#define DFS_INODE_DKEY "."
#define DFS_INODE_AKEY "i"
#define DFS_TIMES_AKEY "t"
#define DFS_LINK_AKEY "l"
#define DFS_XATTR_PREFIX "x:"
#define DFS_XATTR_VERSION 1
#define DFS_ENTRY_AKEY "e"
#define DFS_DATA_AKEY "0"
#define DFS_ORPHAN_AKEY "o"

enum { DFS_LO_SUPER = 0, DFS_LO_ROOT = 1, DFS_LO_ORPHANS = 2 };

/* Names of the cookies of a directory: hash64_bytes(name, length, DFS_COOKIE_SEED) >> 1, at least DFS_COOKIE_MIN. */
#define DFS_COOKIE_SEED 0x6466732d636f6f6bULL
enum { DFS_COOKIE_DOT = 1, DFS_COOKIE_DOTDOT = 2, DFS_COOKIE_MIN = 3 };

struct dfs_super_record {
	uint64_t magic;
	uint16_t version, pad;
	uint32_t mode;                    /* consistency: 0 relaxed, 4 balanced */
	uint64_t features_compat;         /* unknown bits: no matter */
	uint64_t features_ro;             /* unknown bits: mount read-only */
	uint64_t features_incompat;       /* unknown bits: refuse */
	uint64_t chunk_size;
	uint32_t file_class, dir_class;   /* 0: chosen */
	uint64_t root_hi, orphans_hi;     /* object ids */
	char hints[128];
	uint64_t reserve[4];
};
_Static_assert(sizeof(struct dfs_super_record) == 232, "superblock");
_Static_assert(offsetof(struct dfs_super_record, chunk_size) == 40, "superblock");
_Static_assert(offsetof(struct dfs_super_record, root_hi) == 56, "superblock");
_Static_assert(offsetof(struct dfs_super_record, hints) == 72, "superblock");

struct dfs_inode_record {
	uint16_t version, pad;
	uint32_t mode;                    /* type and permissions, as st_mode */
	uint32_t uid, gid;
	uint32_t nlink;
	uint32_t flags;
	uint64_t rdev;                    /* device; of a symlink: bytes of its target */
	uint64_t chunk_size;              /* regular files; directories: of new files, 0: the file system's */
	uint64_t generation;
	int64_t atime_s, mtime_s, ctime_s, btime_s;
	uint32_t atime_ns, mtime_ns, ctime_ns, btime_ns;
	uint64_t mtime_hlc;               /* when mtime was set: data (or names) changed later give a later mtime */
	uint64_t parent_lo, parent_hi;    /* directories: object id of ".." */
	uint32_t file_class, dir_class;   /* directories: of what is made in them, 0: the file system's */
	uint64_t reserve[3];
};
_Static_assert(sizeof(struct dfs_inode_record) == 152, "inode");
_Static_assert(offsetof(struct dfs_inode_record, rdev) == 24, "inode");
_Static_assert(offsetof(struct dfs_inode_record, atime_s) == 48, "inode");
_Static_assert(offsetof(struct dfs_inode_record, mtime_hlc) == 96, "inode");
_Static_assert(offsetof(struct dfs_inode_record, file_class) == 120, "inode");

struct dfs_times_record {
	uint16_t version, pad[3];
	uint64_t hlc;                     /* mtime and ctime of the directory are not before this */
};
_Static_assert(sizeof(struct dfs_times_record) == 16, "times");

struct dfs_entry_record {
	uint16_t version, pad;
	uint32_t type;                    /* S_IFMT bits */
	uint64_t oid_lo, oid_hi;
};
_Static_assert(sizeof(struct dfs_entry_record) == 24, "entry");

struct dfs_orphan_record {
	uint16_t version, pad;
	uint32_t session_nr;              /* mounts that were live at the unlink and have not disclaimed the file since */
	uint64_t oid_lo, oid_hi;
};
_Static_assert(sizeof(struct dfs_orphan_record) == 24, "orphan");

#endif
