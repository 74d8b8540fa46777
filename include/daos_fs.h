/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files and directories in a container, without a mount.
 *
 * Calls return 0 or a positive errno. An object (file, directory, symbolic link) is looked up or opened relative to a
 * directory, NULL being the root, and released with dfs_release(). Names hold no '/', except the paths of dfs_lookup().
 * With an event, a read or write returns after the launch and ev_error holds a positive errno at its end.
 * Common errors: EINVAL, ENOENT, EPERM (read-only mount), ENOTDIR, ENOMEM, EIO.
 */
#ifndef DAOS_FS_H
#define DAOS_FS_H

#include <dirent.h>
#include <fcntl.h>
#include <time.h>
#include <linux/limits.h>
#include <sys/stat.h>
#include <daos_types.h>
#include <daos_prop.h>
#include <daos_obj.h>
#include <daos_obj_class.h>
#include <daos_array.h>
#include <daos_cont.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

#define DFS_MAX_NAME NAME_MAX
#define DFS_MAX_PATH PATH_MAX
#define DFS_MAX_FSIZE (~0ULL)
/** Bytes in a chunk of a file, unless the file, its directory or the container says otherwise. */
#define DFS_DEFAULT_CHUNK_SIZE 1048576
#define DFS_MAX_XATTR_NAME 255
#define DFS_MAX_XATTR_LEN 65536
/** What statfs() reports as the type of a mount. */
#define DAOS_SUPER_MAGIC 0xDA05AD10

/** da_mode and flag of dfs_mount(): operations on names are consistent in the face of concurrent clients. */
#define DFS_BALANCED 4
/** da_mode: operations on names may interleave with those of other clients. */
#define DFS_RELAXED 0
#define DFS_RDONLY O_RDONLY
#define DFS_RDWR O_RDWR

/* dfs_osetattr(): which fields count. */
#define DFS_SET_ATTR_MODE (1 << 0)
#define DFS_SET_ATTR_ATIME (1 << 1)
#define DFS_SET_ATTR_MTIME (1 << 2)
#define DFS_SET_ATTR_SIZE (1 << 3)
#define DFS_SET_ATTR_UID (1 << 4)
#define DFS_SET_ATTR_GID (1 << 5)

/** Flags of dfs_cont_check(). */
enum {
	DFS_CHECK_PRINT = (1 << 0),     /**< print objects without a name */
	DFS_CHECK_REMOVE = (1 << 1),    /**< remove them */
	DFS_CHECK_RELINK = (1 << 2),    /**< or give them names below lost+found */
	DFS_CHECK_VERIFY = (1 << 3),    /**< compare replicas of all objects */
	DFS_CHECK_EVICT_ALL = (1 << 4), /**< take away other handles first */
};

/** Flags of dfs_pipeline_create(). */
enum {
	DFS_FILTER_NAME = (1 << 1),         /**< names that match dp_name */
	DFS_FILTER_NEWER = (1 << 2),        /**< changed after dp_newer */
	DFS_FILTER_INCLUDE_DIRS = (1 << 3), /**< directories pass always */
};

/** A file, directory or symbolic link. */
typedef struct dfs_obj dfs_obj_t;
/** A mounted container. */
typedef struct dfs dfs_t;
/** A filter for reading directories. */
typedef struct dfs_pipeline dfs_pipeline_t;

/** How a container is made; zeroed fields mean defaults. */
typedef struct {
	uint64_t da_id;                       /**< reserved, 0 */
	daos_size_t da_chunk_size;            /**< bytes in a chunk of a file */
	daos_oclass_id_t da_oclass_id;        /**< class of files and directories */
	daos_prop_t *da_props;                /**< container properties; or NULL */
	uint32_t da_mode;                     /**< DFS_BALANCED or DFS_RELAXED */
	daos_oclass_id_t da_dir_oclass_id;    /**< class of directories */
	daos_oclass_id_t da_file_oclass_id;   /**< class of files */
	char da_hints[DAOS_CONT_HINT_MAX_LEN]; /**< e.g. "file:single,dir:max" */
} dfs_attr_t;

/** What to read or write: ranges of bytes. */
typedef struct {
	daos_size_t iod_nr;
	daos_range_t *iod_rgs;
} dfs_iod_t;

/** What dfs_obj_get_info() tells. */
typedef struct {
	daos_oclass_id_t doi_oclass_id;      /**< class of the object */
	daos_size_t doi_chunk_size;          /**< of the file, or of new files in the directory */
	daos_oclass_id_t doi_dir_oclass_id;  /**< class of new directories in the directory */
	daos_oclass_id_t doi_file_oclass_id; /**< class of new files in the directory */
	daos_obj_id_t doi_oid;
} dfs_obj_info_t;

/** What a filter looks for. */
typedef struct {
	char dp_name[NAME_MAX]; /**< pattern of names, '%' stands for any characters */
	time_t dp_newer;        /**< seconds since 1970 */
	size_t dp_size;         /**< bytes */
} dfs_predicate_t;

/** Called for an entry of a directory; not 0 ends the iteration with that error. */
typedef int (*dfs_filler_cb_t)(dfs_t *dfs, dfs_obj_t *obj, const char *name, void *arg);

/* ---- library, containers, mounts ----------------------------------------------------------------------------- */

/** Starts the library in a process, with a cache of pool and container handles for dfs_connect(). Counted. */
int dfs_init(void);

/** Undoes one dfs_init(). */
int dfs_fini(void);

/**
 * Connects, opens and mounts at once; handles are shared by all such mounts of the process.
 *
 * \param[in]	pool	label or UUID
 * \param[in]	sys	name of the system; NULL: the one that the agent knows
 * \param[in]	cont	label or UUID; a label with O_CREAT
 * \param[in]	flags	O_RDONLY or O_RDWR, O_CREAT: make it when it is not there, DFS_BALANCED
 * \param[in]	attr	how it is made; or NULL
 * \param[out]	dfs	mount, given up with dfs_disconnect()
 * \return		0; EACCES: dfs_init() was not called; ENOENT; others
 */
int dfs_connect(const char *pool, const char *sys, const char *cont, int flags, dfs_attr_t *attr, dfs_t **dfs);

/** Gives up a mount of dfs_connect(). */
int dfs_disconnect(dfs_t *dfs);

/** Destroys a container, as daos_cont_destroy(), after dropping cached handles. EBUSY: open and not forced. */
int dfs_destroy(const char *pool, const char *sys, const char *cont, int force, daos_event_t *ev);

/**
 * Creates a container with an empty file system.
 *
 * \param[in]	poh	connected pool
 * \param[out]	uuid	its UUID
 * \param[in]	attr	how it is made; or NULL
 * \param[out]	coh	open handle; or NULL
 * \param[out]	dfs	mount, needs coh; or NULL
 */
int dfs_cont_create(daos_handle_t poh, uuid_t *uuid, dfs_attr_t *attr, daos_handle_t *coh, dfs_t **dfs);

/** dfs_cont_create() with a label; uuid may be NULL. EEXIST: another has it. */
int dfs_cont_create_with_label(daos_handle_t poh, const char *label, dfs_attr_t *attr, uuid_t *uuid, daos_handle_t *coh,
			       dfs_t **dfs);

/**
 * Mounts an open container.
 *
 * \param[in]	flags	O_RDONLY or O_RDWR, DFS_BALANCED
 * \param[out]	dfs	mount, given up with dfs_umount()
 * \return		0; EINVAL: no file system; ENOENT: no superblock; EPERM: needs DFS_BALANCED; others
 */
int dfs_mount(daos_handle_t poh, daos_handle_t coh, int flags, dfs_t **dfs);

/** Gives up a mount of dfs_mount() or dfs_global2local(); pool and container stay open. */
int dfs_umount(dfs_t *dfs);

/** The pool handle of a mount, given back with dfs_pool_put() before the mount goes. */
int dfs_pool_get(dfs_t *dfs, daos_handle_t *poh);
int dfs_pool_put(dfs_t *dfs, daos_handle_t poh);

/** The container handle of a mount, given back with dfs_cont_put() before the mount goes. */
int dfs_cont_get(dfs_t *dfs, daos_handle_t *coh);
int dfs_cont_put(dfs_t *dfs, daos_handle_t coh);

/** How the container was made. */
int dfs_query(dfs_t *dfs, dfs_attr_t *attr);

/**
 * Writes a mount into a buffer from which other processes of the same user can rebuild it.
 *
 * \param[in,out] glob	iov_buf NULL: iov_buf_len is set to the size needed; else filled, iov_len set
 * \return		0; ENOBUFS: too small, iov_buf_len says what is needed; EINVAL
 */
int dfs_local2global(dfs_t *dfs, d_iov_t *glob);

/** Rebuilds a mount from dfs_local2global(); pool and container were rebuilt before. flags: O_RDONLY or O_RDWR. */
int dfs_global2local(daos_handle_t poh, daos_handle_t coh, int flags, d_iov_t glob, dfs_t **dfs);

/** dfs_local2global() with the pool and container handles. */
int dfs_local2global_all(dfs_t *dfs, d_iov_t *glob);

/** Rebuilds a mount from dfs_local2global_all(); given up with dfs_disconnect(). */
int dfs_global2local_all(int flags, d_iov_t glob, dfs_t **dfs);

/** Sets a path prefix that dfs_lookup() takes off; NULL: none. */
int dfs_set_prefix(dfs_t *dfs, const char *prefix);

/** Makes what was written so far durable. */
int dfs_sync(dfs_t *dfs);

/* ---- objects ------------------------------------------------------------------------------------------------- */

/** Id of an open object. */
int dfs_obj2id(dfs_obj_t *obj, daos_obj_id_t *oid);

/**
 * Opens what an absolute path leads to; symbolic links on the way are followed.
 *
 * \param[in]	flags	O_RDONLY or O_RDWR; O_NOFOLLOW: a link at the end is opened itself
 * \param[out]	obj	object, given up with dfs_release()
 * \param[out]	mode	type and permissions; or NULL
 * \param[out]	stbuf	as dfs_stat(); or NULL
 * \return		0; ENOENT; ENOTDIR; ELOOP: more than 40 links; others
 */
int dfs_lookup(dfs_t *dfs, const char *path, int flags, dfs_obj_t **obj, mode_t *mode, struct stat *stbuf);

/** dfs_lookup() for one name in a directory. */
int dfs_lookup_rel(dfs_t *dfs, dfs_obj_t *parent, const char *name, int flags, dfs_obj_t **obj, mode_t *mode,
		   struct stat *stbuf);

/** The class that a hint ("file:single", "file:max", "dir:single", "dir:max") stands for in this container. */
int dfs_suggest_oclass(dfs_t *dfs, const char *hint, daos_oclass_id_t *cid);

/**
 * Opens or creates an object.
 *
 * \param[in]	parent		directory; NULL: root
 * \param[in]	name		name in it
 * \param[in]	mode		type (S_IFREG, S_IFDIR, S_IFLNK), with permissions when it is created
 * \param[in]	flags		O_RDONLY or O_RDWR; O_CREAT, O_EXCL, O_TRUNC, O_NOFOLLOW
 * \param[in]	cid		class of a new object; 0: as the directory says
 * \param[in]	chunk_size	bytes in a chunk of a new file; 0: as the directory says
 * \param[in]	value		target of a new symbolic link
 * \param[out]	obj		object, given up with dfs_release()
 * \return			0; EEXIST; ENOENT; EINVAL: another type; ENOTDIR; ENOTSUP: O_APPEND; others
 */
int dfs_open(dfs_t *dfs, dfs_obj_t *parent, const char *name, mode_t mode, int flags, daos_oclass_id_t cid,
	     daos_size_t chunk_size, const char *value, dfs_obj_t **obj);

/** A second handle of an object. */
int dfs_dup(dfs_t *dfs, dfs_obj_t *obj, int flags, dfs_obj_t **new_obj);

/** Writes an open file into a buffer for other processes; as dfs_local2global(). */
int dfs_obj_local2global(dfs_t *dfs, dfs_obj_t *obj, d_iov_t *glob);

/** Rebuilds an open file. */
int dfs_obj_global2local(dfs_t *dfs, int flags, d_iov_t glob, dfs_obj_t **obj);

/** Gives up an object of any type. */
int dfs_release(dfs_obj_t *obj);

/** Changes where an object is: it takes name and directory of src_obj. name: its new name, or NULL. */
int dfs_update_parent(dfs_obj_t *obj, dfs_obj_t *src_obj, const char *name);

/** Type and permissions of an open object. */
int dfs_get_mode(dfs_obj_t *obj, mode_t *mode);

int dfs_obj_get_info(dfs_t *dfs, dfs_obj_t *obj, dfs_obj_info_t *info);

/** Class of what is created in a directory from now on. flags is reserved: 0. */
int dfs_obj_set_oclass(dfs_t *dfs, dfs_obj_t *obj, int flags, daos_oclass_id_t cid);

/** Chunk size of what is created in a directory from now on. flags is reserved: 0. */
int dfs_obj_set_chunk_size(dfs_t *dfs, dfs_obj_t *obj, int flags, daos_size_t csize);

/** The array handle of an open file, which stays its own. */
int dfs_get_file_oh(dfs_obj_t *obj, daos_handle_t *oh);

/** Bytes in a chunk of an open file. */
int dfs_get_chunk_size(dfs_obj_t *obj, daos_size_t *chunk_size);

/** Target of a symbolic link. size: in: bytes at buf, out: length with NUL; buf NULL: only the length. */
int dfs_get_symlink_value(dfs_obj_t *obj, char *buf, daos_size_t *size);

/* ---- files --------------------------------------------------------------------------------------------------- */

/**
 * Reads a file from byte off on into buffers.
 *
 * \param[in,out] sgl		buffers
 * \param[out]	read_size	bytes read, fewer than asked for at the end of the file
 * \param[in]	ev		event, or NULL to wait
 */
int dfs_read(dfs_t *dfs, dfs_obj_t *obj, d_sg_list_t *sgl, daos_off_t off, daos_size_t *read_size, daos_event_t *ev);

/** Reads several ranges of a file. */
int dfs_readx(dfs_t *dfs, dfs_obj_t *obj, dfs_iod_t *iod, d_sg_list_t *sgl, daos_size_t *read_size, daos_event_t *ev);

/** Writes buffers to a file from byte off on. */
int dfs_write(dfs_t *dfs, dfs_obj_t *obj, d_sg_list_t *sgl, daos_off_t off, daos_event_t *ev);

/** Writes several ranges of a file. */
int dfs_writex(dfs_t *dfs, dfs_obj_t *obj, dfs_iod_t *iod, d_sg_list_t *sgl, daos_event_t *ev);

/** Size of a file in bytes. */
int dfs_get_size(dfs_t *dfs, dfs_obj_t *obj, daos_size_t *size);

/** Size of the file with an object id; chunk_size 0: the default. */
int dfs_get_size_by_oid(dfs_t *dfs, daos_obj_id_t oid, daos_size_t chunk_size, daos_size_t *size);

/** Makes a hole of len bytes. len DFS_MAX_FSIZE: cuts or extends the file to offset. */
int dfs_punch(dfs_t *dfs, dfs_obj_t *obj, daos_off_t offset, daos_size_t len);

/* ---- directories --------------------------------------------------------------------------------------------- */

/**
 * Reads a directory. "." and ".." are not among the entries.
 *
 * \param[in,out] anchor	zeroed at first; the end is reached when daos_anchor_is_eof()
 * \param[in,out] nr		in: room in dirs; out: entries returned
 * \param[out]	dirs		entries: d_name is set
 */
int dfs_readdir(dfs_t *dfs, dfs_obj_t *obj, daos_anchor_t *anchor, uint32_t *nr, struct dirent *dirs);

/** dfs_readdir() with what dfs_stat() would tell of each entry. */
int dfs_readdirplus(dfs_t *dfs, dfs_obj_t *obj, daos_anchor_t *anchor, uint32_t *nr, struct dirent *dirs,
		    struct stat *stbufs);

/**
 * Calls op for entries of a directory.
 *
 * \param[in,out] nr	in: most entries; out: entries that op was called for
 * \param[in]	size	bytes for names to fetch at once
 */
int dfs_iterate(dfs_t *dfs, dfs_obj_t *obj, daos_anchor_t *anchor, uint32_t *nr, size_t size, dfs_filler_cb_t op,
		void *arg);

/** Sets an anchor to a name, behind which reading then goes on. */
int dfs_dir_anchor_set(dfs_obj_t *obj, const char name[], daos_anchor_t *anchor);

/** Splits the reading of a directory into parts for several readers; as daos_obj_anchor_split(). */
int dfs_obj_anchor_split(dfs_obj_t *obj, uint32_t *nr, daos_anchor_t *anchors);

/** Sets an anchor to the start of part index. */
int dfs_obj_anchor_set(dfs_obj_t *obj, uint32_t index, daos_anchor_t *anchor);

/** Creates a directory; cid 0: class as the parent says. EEXIST. */
int dfs_mkdir(dfs_t *dfs, dfs_obj_t *parent, const char *name, mode_t mode, daos_oclass_id_t cid);

/** Removes a name and what it stands for; force: a directory with all below. oid: its id; or NULL. ENOTEMPTY. */
int dfs_remove(dfs_t *dfs, dfs_obj_t *parent, const char *name, bool force, daos_obj_id_t *oid);

/** Renames; something of that name is replaced. oid: id of what was replaced; or NULL. */
int dfs_move(dfs_t *dfs, dfs_obj_t *parent, const char *name, dfs_obj_t *new_parent, const char *new_name,
	     daos_obj_id_t *oid);

/** Exchanges two names at once. */
int dfs_exchange(dfs_t *dfs, dfs_obj_t *parent1, const char *name1, dfs_obj_t *parent2, const char *name2);

/* ---- attributes ---------------------------------------------------------------------------------------------- */

/** What stat() would tell, of a name without following a link; name NULL: of the directory. */
int dfs_stat(dfs_t *dfs, dfs_obj_t *parent, const char *name, struct stat *stbuf);

/** What stat() would tell of an open object. */
int dfs_ostat(dfs_t *dfs, dfs_obj_t *obj, struct stat *stbuf);

/** Sets the fields of stbuf that flags (DFS_SET_ATTR_*) names; stbuf is then as by dfs_ostat(). */
int dfs_osetattr(dfs_t *dfs, dfs_obj_t *obj, struct stat *stbuf, int flags);

/** Whether the caller may do what mask (R_OK, W_OK, X_OK or F_OK) says, by mode and owner. 0; EACCES; EPERM. */
int dfs_access(dfs_t *dfs, dfs_obj_t *parent, const char *name, int mask);

/** Changes permissions. */
int dfs_chmod(dfs_t *dfs, dfs_obj_t *parent, const char *name, mode_t mode);

/** Changes the owner; -1 leaves uid or gid as it is. flags: 0 or O_NOFOLLOW. */
int dfs_chown(dfs_t *dfs, dfs_obj_t *parent, const char *name, uid_t uid, gid_t gid, int flags);

/** Sets an extended attribute. flags: 0, XATTR_CREATE (EEXIST) or XATTR_REPLACE (ENODATA). */
int dfs_setxattr(dfs_t *dfs, dfs_obj_t *obj, const char *name, const void *value, daos_size_t size, int flags);

/** Reads an extended attribute. size: in: bytes at value, 0: only the size; out: size. ENODATA; E2BIG. */
int dfs_getxattr(dfs_t *dfs, dfs_obj_t *obj, const char *name, void *value, daos_size_t *size);

/** Removes an extended attribute. */
int dfs_removexattr(dfs_t *dfs, dfs_obj_t *obj, const char *name);

/** Lists names of extended attributes, each with its NUL; what does not fit is left out. size: out: bytes of all. */
int dfs_listxattr(dfs_t *dfs, dfs_obj_t *obj, char *list, daos_size_t *size);

/* ---- care of a container ------------------------------------------------------------------------------------- */

/**
 * Looks for objects that no name leads to. Nobody else has the container open meanwhile.
 *
 * \param[in]	cont	label or UUID
 * \param[in]	flags	DFS_CHECK_*
 * \param[in]	name	directory below lost+found for DFS_CHECK_RELINK; NULL: the time of day
 */
int dfs_cont_check(daos_handle_t poh, const char *cont, uint64_t flags, const char *name);

/** Prints figures about the files below a directory. */
int dfs_cont_scan(daos_handle_t poh, const char *cont, uint64_t flags, const char *name);

/**
 * Changes the owner of container and root directory.
 *
 * \param[in]	user	"name@", NULL: as it is
 * \param[in]	uid	number of the user for the root directory; -1: looked up
 * \param[in]	group	"name@", NULL: as it is
 * \param[in]	gid	number of the group for the root directory; -1: looked up
 */
int dfs_cont_set_owner(daos_handle_t coh, d_string_t user, uid_t uid, d_string_t group, gid_t gid);

/* ---- filters ------------------------------------------------------------------------------------------------- */

/** Makes a filter, destroyed with dfs_pipeline_destroy(). flags: DFS_FILTER_*. */
int dfs_pipeline_create(dfs_t *dfs, dfs_predicate_t pred, uint64_t flags, dfs_pipeline_t **dpipe);

int dfs_pipeline_destroy(dfs_pipeline_t *dpipe);

/**
 * Reads the entries of a directory that a filter lets pass.
 *
 * \param[out]	dirs		entries
 * \param[out]	oids		their object ids; or NULL
 * \param[out]	csizes		their chunk sizes; or NULL
 * \param[out]	nr_scanned	entries looked at
 */
int dfs_readdir_with_filter(dfs_t *dfs, dfs_obj_t *obj, dfs_pipeline_t *dpipe, daos_anchor_t *anchor, uint32_t *nr,
			    struct dirent *dirs, daos_obj_id_t *oids, daos_size_t *csizes, uint64_t *nr_scanned);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
