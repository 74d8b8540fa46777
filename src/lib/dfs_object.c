/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects of a file system: daos_fs.h over src/dfs, which speaks in inodes; here are paths. Data calls with an event complete with
 * a positive errno.
 *
 * An anchor holds the cookie of the entry that was given last.
 */
#include "dfs.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#define LINKS_MAX 40

/* ---- finding -------------------------------------------------------------------------------------------------------------------- */
struct fs_inode *
dfs__dir(struct dfs *dfs, struct dfs_obj *parent)
{
	return parent != NULL ? fs_inode_get(parent->inode) : fs_root(dfs->fs);
}

/* Puts a link's target before what is left of the path. *path is freed. */
static int
splice_link(struct fs_inode *link, const char *rest, char **path)
{
	size_t len, size = strlen(rest) + PATH_MAX + 2;
	char *joined = malloc(size);
	int rc;

	if (joined == NULL)
		return ENOMEM;
	rc = fs_readlink(link, joined, PATH_MAX, &len);
	if (rc == 0 && len >= PATH_MAX)
		rc = ENAMETOOLONG;
	if (rc != 0) {
		free(joined);
		return rc;
	}
	if (rest[0] != '\0')
		snprintf(joined + len, size - len, "/%s", rest);
	free(*path);
	*path = joined;
	return 0;
}

/* Walks from dir, whose reference it takes. */
static int
walk(struct dfs *dfs, struct fs_inode *dir, const char *from, bool follow, struct fs_inode **result)
{
	char *path = strdup(from), *at = path;
	int links = 0, rc = path != NULL ? 0 : ENOMEM;

	while (rc == 0) {
		struct fs_inode *next;
		char name[FS_NAME_MAX + 1];
		size_t len;

		at += strspn(at, "/");
		len = strcspn(at, "/");
		if (len == 0)
			break;
		if (len > FS_NAME_MAX) {
			rc = ENAMETOOLONG;
			break;
		}
		memcpy(name, at, len);
		name[len] = '\0';
		at += len;
		at += strspn(at, "/");
		rc = fs_lookup(dir, name, &next, NULL);
		if (rc != 0)
			break;
		if (fs_inode_type(next) == S_IFLNK && (follow || at[0] != '\0')) {
			rc = ++links <= LINKS_MAX ? splice_link(next, at, &path) : ELOOP;
			fs_inode_put(next);
			at = path;
			if (rc == 0 && path[0] == '/') {
				fs_inode_put(dir);
				dir = fs_root(dfs->fs);
			}
			continue;
		}
		fs_inode_put(dir);
		dir = next;
	}
	free(path);
	if (rc != 0)
		fs_inode_put(dir);
	else
		*result = dir;
	return rc;
}

int
dfs__find(struct dfs *dfs, struct dfs_obj *parent, const char *path, bool follow, struct fs_inode **inode)
{
	return walk(dfs, dfs__dir(dfs, parent), path != NULL ? path : "", follow, inode);
}

static bool
is_name(const char *name)
{
	return name != NULL && name[0] != '\0' && strlen(name) <= FS_NAME_MAX && strchr(name, '/') == NULL;
}

int
dfs__give(struct dfs *dfs, struct fs_inode *inode, struct fs_file *file, int flags, const char *name, struct dfs_obj **result)
{
	struct dfs_obj *obj = calloc(1, sizeof(*obj));
	int rc = 0;

	if (obj == NULL)
		rc = ENOMEM;
	else if (file == NULL && fs_inode_type(inode) == S_IFREG)
		rc = fs_open(inode, flags & (O_ACCMODE | O_TRUNC), &file);
	if (rc != 0) {
		if (file != NULL)
			(void)fs_close(file);
		fs_inode_put(inode);
		free(obj);
		return rc;
	}
	*obj = (struct dfs_obj){.dfs = dfs, .inode = inode, .file = file, .flags = flags};
	if (name != NULL)
		snprintf(obj->name, sizeof(obj->name), "%s", name);
	*result = obj;
	return 0;
}

struct find_args {
	struct dfs *dfs;
	const char *path;
	bool follow;
	struct fs_inode **inode;
};

static int
find_body(void *args)
{
	struct find_args *in = args;

	return dfs__find(in->dfs, NULL, in->path, in->follow, in->inode);
}

int
dfs__open_path(struct dfs *dfs, const char *path, bool follow, struct dfs_obj **result)
{
	struct dfs_obj *obj;
	struct find_args args = {.dfs = dfs, .path = path, .follow = follow};
	int rc;

	if (path == NULL || path[0] != '/')
		return EINVAL;
	if (strlen(path) >= PATH_MAX)
		return ENAMETOOLONG;
	obj = calloc(1, sizeof(*obj));
	if (obj == NULL)
		return ENOMEM;
	*obj = (struct dfs_obj){.dfs = dfs, .flags = dfs->flags & O_ACCMODE};
	args.inode = &obj->inode;
	rc = dfs__run(find_body, &args, sizeof(args));
	if (rc != 0)
		free(obj);
	else
		*result = obj;
	return rc;
}

struct lookup_args {
	struct dfs *dfs;
	struct dfs_obj *parent;
	const char *path;
	int flags;
	struct dfs_obj **obj;
	mode_t *mode;
	struct stat *stbuf;
};

static int
lookup_body(void *args)
{
	struct lookup_args *in = args;
	struct fs_inode *inode;
	struct stat st;
	int rc = dfs__find(in->dfs, in->parent, in->path, (in->flags & O_NOFOLLOW) == 0, &inode);

	if (rc != 0)
		return rc;
	rc = fs_getattr(inode, &st);
	if (rc != 0) {
		fs_inode_put(inode);
		return rc;
	}
	if (in->mode != NULL)
		*in->mode = st.st_mode;
	if (in->stbuf != NULL)
		*in->stbuf = st;
	return dfs__give(in->dfs, inode, NULL, in->flags & O_ACCMODE, strrchr(in->path, '/') != NULL ? strrchr(in->path, '/') + 1 : in->path,
			   in->obj);
}

int
dfs_lookup(dfs_t *dfs, const char *path, int flags, dfs_obj_t **obj, mode_t *mode, struct stat *stbuf)
{
	struct lookup_args args = {.dfs = dfs, .path = path, .flags = flags, .obj = obj, .mode = mode, .stbuf = stbuf};
	size_t prefix = dfs != NULL && dfs->prefix != NULL ? strlen(dfs->prefix) : 0;

	if (dfs == NULL || obj == NULL || path == NULL || path[0] != '/' || strlen(path) >= PATH_MAX)
		return EINVAL;
	if (prefix > 0) {
		if (strncmp(path, dfs->prefix, prefix) != 0 || (path[prefix] != '/' && path[prefix] != '\0'))
			return EINVAL;
		args.path = path[prefix] != '\0' ? path + prefix : "/";
	}
	return dfs__run(lookup_body, &args, sizeof(args));
}

int
dfs_lookup_rel(dfs_t *dfs, dfs_obj_t *parent, const char *name, int flags, dfs_obj_t **obj, mode_t *mode, struct stat *stbuf)
{
	struct lookup_args args = {.dfs = dfs, .parent = parent, .path = name, .flags = flags, .obj = obj, .mode = mode, .stbuf = stbuf};

	return dfs != NULL && obj != NULL && is_name(name) ? dfs__run(lookup_body, &args, sizeof(args)) : EINVAL;
}

/* ---- opening ---------------------------------------------------------------------------------------------------------------------- */
struct open_args {
	struct dfs *dfs;
	struct dfs_obj *parent;
	const char *name;
	mode_t mode;
	int flags;
	daos_oclass_id_t cid;
	daos_size_t chunk_size;
	const char *value;
	struct dfs_obj **obj;
};

static int
make_node(struct open_args *in, struct fs_inode *dir, struct fs_inode **inode, struct fs_file **file)
{
	struct fs_who who = {.uid = geteuid(), .gid = getegid(), .oclass = in->cid, .chunk_size = in->chunk_size};
	struct stat st;
	bool created;

	switch (in->mode & S_IFMT) {
	case S_IFREG:
		return fs_create(dir, in->name, in->mode, in->flags & (O_ACCMODE | O_EXCL | O_TRUNC | O_CREAT), &who, inode, &st, file, &created);
	case S_IFDIR:
		return fs_mkdir(dir, in->name, in->mode, &who, inode, &st);
	case S_IFLNK:
		return in->value != NULL ? fs_symlink(dir, in->name, in->value, &who, inode, &st) : EINVAL;
	default:
		return fs_mknod(dir, in->name, in->mode, 0, &who, inode, &st);
	}
}

static int
open_body(void *args)
{
	struct open_args *in = args;
	struct fs_inode *dir = dfs__dir(in->dfs, in->parent), *inode = NULL;
	struct fs_file *file = NULL;
	bool make = (in->flags & O_CREAT) != 0;
	int rc = make ? make_node(in, dir, &inode, &file) : ENOENT;

	if (!make || (rc == EEXIST && (in->flags & O_EXCL) == 0 && (in->mode & S_IFMT) != S_IFLNK))
		rc = fs_lookup(dir, in->name, &inode, NULL);
	fs_inode_put(dir);
	if (rc != 0)
		return rc;
	if (fs_inode_type(inode) != (in->mode & S_IFMT)) {
		if (file != NULL)
			(void)fs_close(file);
		fs_inode_put(inode);
		return S_ISDIR(in->mode) ? ENOTDIR : EINVAL;
	}
	return dfs__give(in->dfs, inode, file, in->flags, in->name, in->obj);
}

int
dfs_open(dfs_t *dfs, dfs_obj_t *parent, const char *name, mode_t mode, int flags, daos_oclass_id_t cid, daos_size_t chunk_size,
	 const char *value, dfs_obj_t **obj)
{
	struct open_args args = {.dfs = dfs, .parent = parent, .name = name, .mode = mode, .flags = flags, .cid = cid, .chunk_size = chunk_size,
				 .value = value, .obj = obj};

	if (dfs == NULL || obj == NULL || !is_name(name))
		return EINVAL;
	if ((flags & O_APPEND) != 0)
		return ENOTSUP;
	if ((flags & O_CREAT) != 0 && (dfs->flags & O_ACCMODE) == O_RDONLY)
		return EPERM;
	return dfs__run(open_body, &args, sizeof(args));
}

struct two_args {
	struct dfs_obj *obj;
	int flags;
	struct dfs_obj **result;
};

static int
dup_body(void *args)
{
	struct two_args *in = args;

	return dfs__give(in->obj->dfs, fs_inode_get(in->obj->inode), NULL, in->flags & O_ACCMODE, in->obj->name, in->result);
}

int
dfs_dup(dfs_t *dfs, dfs_obj_t *obj, int flags, dfs_obj_t **new_obj)
{
	struct two_args args = {.obj = obj, .flags = flags, .result = new_obj};

	return dfs != NULL && obj != NULL && new_obj != NULL ? dfs__run(dup_body, &args, sizeof(args)) : EINVAL;
}

static int
release_body(void *args)
{
	struct dfs_obj *obj = args;
	int rc = obj->file != NULL ? fs_close(obj->file) : 0;

	fs_inode_put(obj->inode);
	return rc;
}

int
dfs_release(dfs_obj_t *obj)
{
	int rc;

	if (obj == NULL)
		return EINVAL;
	if (daos_handle_is_valid(obj->array))
		(void)daos_array_close(obj->array, NULL);
	rc = dfs__run(release_body, obj, sizeof(*obj));
	free(obj);
	return rc;
}

/* ---- data --------------------------------------------------------------------------------------------------------------------------- */
struct io_args {
	struct dfs_obj *obj;
	daos_off_t off;
	dfs_iod_t *iod; /* NULL: one range at off */
	d_sg_list_t *sgl;
	daos_size_t *read_size; /* NULL: a write */
	d_iov_t buffer;         /* sgl NULL: this is moved */
	d_sg_list_t one;
};

/* Moves one range, out of or into bytes from skip on of the caller's buffers. */
static int
move_range(const struct io_args *in, size_t skip, size_t len, uint64_t off, size_t *moved)
{
	struct iovec *iov = malloc(sizeof(*iov) * (in->sgl->sg_nr + 1));
	size_t left = len;
	int nr = 0, rc = 0;

	if (iov == NULL)
		return ENOMEM;
	for (uint32_t i = 0; i < in->sgl->sg_nr && left > 0; i++) {
		const d_iov_t *from = &in->sgl->sg_iovs[i];
		size_t part;

		if (skip >= from->iov_len) {
			skip -= from->iov_len;
			continue;
		}
		part = MIN(from->iov_len - skip, left);
		iov[nr++] = (struct iovec){.iov_base = (char *)from->iov_buf + skip, .iov_len = part};
		skip = 0;
		left -= part;
	}
	*moved = 0;
	if (left > 0)
		rc = EINVAL; /* the buffers are shorter than the ranges */
	else if (nr > 0 && in->read_size != NULL)
		rc = fs_read(in->obj->file, iov, nr, off, moved);
	else if (nr > 0)
		rc = fs_write(in->obj->file, iov, nr, off, moved, NULL);
	free(iov);
	return rc;
}

static int
io_body(void *args)
{
	struct io_args *in = args;
	size_t whole = 0, skip = 0, moved;
	daos_size_t total = 0;
	int rc = 0;

	if (in->sgl == NULL) {
		in->one = (d_sg_list_t){.sg_nr = 1, .sg_iovs = &in->buffer};
		in->sgl = &in->one;
	}
	for (uint32_t i = 0; i < in->sgl->sg_nr; i++)
		whole += in->sgl->sg_iovs[i].iov_len;
	if (in->iod == NULL) {
		rc = move_range(in, 0, whole, in->off, &moved);
		total = moved;
	}
	for (daos_size_t i = 0; in->iod != NULL && rc == 0 && i < in->iod->iod_nr; i++) {
		rc = move_range(in, skip, in->iod->iod_rgs[i].rg_len, in->iod->iod_rgs[i].rg_idx, &moved);
		skip += in->iod->iod_rgs[i].rg_len;
		total += moved;
	}
	if (rc == 0 && in->read_size != NULL) {
		*in->read_size = total;
		in->sgl->sg_nr_out = total > 0 ? in->sgl->sg_nr : 0;
	}
	return rc;
}

static int
io(struct dfs_obj *obj, daos_off_t off, dfs_iod_t *iod, d_sg_list_t *sgl, daos_size_t *read_size, daos_event_t *ev)
{
	struct io_args args = {.obj = obj, .off = off, .iod = iod, .sgl = sgl, .read_size = read_size};

	if (obj == NULL || obj->file == NULL || sgl == NULL)
		return EINVAL;
	if (read_size == NULL && (obj->flags & O_ACCMODE) == O_RDONLY)
		return EPERM;
	return dfs__verdict(core__call(io_body, NULL, &args, sizeof(args), ev));
}

int
dfs__move(struct dfs_obj *obj, void *buf, daos_off_t off, daos_size_t *size, bool write, daos_event_t *ev)
{
	struct io_args args = {.obj = obj, .off = off, .read_size = write ? NULL : size};

	if (obj->file == NULL)
		return EINVAL;
	if (write && (obj->flags & O_ACCMODE) == O_RDONLY)
		return EPERM;
	d_iov_set(&args.buffer, buf, *size);
	return dfs__verdict(core__call(io_body, NULL, &args, sizeof(args), ev));
}

int
dfs_read(dfs_t *dfs, dfs_obj_t *obj, d_sg_list_t *sgl, daos_off_t off, daos_size_t *read_size, daos_event_t *ev)
{
	return read_size != NULL ? io(obj, off, NULL, sgl, read_size, ev) : EINVAL;
}

int
dfs_readx(dfs_t *dfs, dfs_obj_t *obj, dfs_iod_t *iod, d_sg_list_t *sgl, daos_size_t *read_size, daos_event_t *ev)
{
	return iod != NULL && read_size != NULL ? io(obj, 0, iod, sgl, read_size, ev) : EINVAL;
}

int
dfs_write(dfs_t *dfs, dfs_obj_t *obj, d_sg_list_t *sgl, daos_off_t off, daos_event_t *ev)
{
	return io(obj, off, NULL, sgl, NULL, ev);
}

int
dfs_writex(dfs_t *dfs, dfs_obj_t *obj, dfs_iod_t *iod, d_sg_list_t *sgl, daos_event_t *ev)
{
	return iod != NULL ? io(obj, 0, iod, sgl, NULL, ev) : EINVAL;
}

/* ---- attributes ------------------------------------------------------------------------------------------------------------------------ */
struct attr_args {
	struct dfs *dfs;
	struct dfs_obj *obj;
	const char *name; /* below obj; NULL: obj itself */
	bool follow;
	struct stat *st;
	uint32_t set; /* FS_SET_*; 0: ask */
};

static int
attr_body(void *args)
{
	struct attr_args *in = args;
	struct fs_inode *inode;
	struct stat to;
	int rc = dfs__find(in->dfs, in->obj, in->name, in->follow, &inode);

	if (rc != 0)
		return rc;
	if (in->set == 0) {
		rc = fs_getattr(inode, in->st);
	} else {
		to = *in->st;
		rc = fs_setattr(inode, &to, in->set, in->st);
	}
	fs_inode_put(inode);
	return rc;
}

int
dfs_stat(dfs_t *dfs, dfs_obj_t *parent, const char *name, struct stat *stbuf)
{
	struct attr_args args = {.dfs = dfs, .obj = parent, .name = name, .st = stbuf};

	if (dfs == NULL || stbuf == NULL || (name != NULL && strcmp(name, "/") != 0 && !is_name(name)))
		return EINVAL;
	return dfs__run(attr_body, &args, sizeof(args));
}

int
dfs_ostat(dfs_t *dfs, dfs_obj_t *obj, struct stat *stbuf)
{
	struct attr_args args = {.dfs = dfs, .obj = obj, .st = stbuf};

	return dfs != NULL && obj != NULL && stbuf != NULL ? dfs__run(attr_body, &args, sizeof(args)) : EINVAL;
}

int
dfs_osetattr(dfs_t *dfs, dfs_obj_t *obj, struct stat *stbuf, int flags)
{
	static const struct {
		int theirs;
		uint32_t ours;
	} bits[] = {{DFS_SET_ATTR_MODE, FS_SET_MODE}, {DFS_SET_ATTR_ATIME, FS_SET_ATIME}, {DFS_SET_ATTR_MTIME, FS_SET_MTIME},
		    {DFS_SET_ATTR_SIZE, FS_SET_SIZE}, {DFS_SET_ATTR_UID, FS_SET_UID},     {DFS_SET_ATTR_GID, FS_SET_GID}};
	struct attr_args args = {.dfs = dfs, .obj = obj, .st = stbuf};

	if (dfs == NULL || obj == NULL || stbuf == NULL || flags == 0)
		return EINVAL;
	for (size_t i = 0; i < ARRAY_SIZE(bits); i++) {
		if ((flags & bits[i].theirs) != 0)
			args.set |= bits[i].ours;
		flags &= ~bits[i].theirs;
	}
	return flags == 0 ? dfs__run(attr_body, &args, sizeof(args)) : EINVAL;
}

int
dfs_chmod(dfs_t *dfs, dfs_obj_t *parent, const char *name, mode_t mode)
{
	struct stat st = {.st_mode = mode};
	struct attr_args args = {.dfs = dfs, .obj = parent, .name = name, .follow = true, .st = &st, .set = FS_SET_MODE};

	return dfs != NULL && (name == NULL || is_name(name)) ? dfs__run(attr_body, &args, sizeof(args)) : EINVAL;
}

int
dfs_chown(dfs_t *dfs, dfs_obj_t *parent, const char *name, uid_t uid, gid_t gid, int flags)
{
	struct stat st = {.st_uid = uid, .st_gid = gid};
	struct attr_args args = {.dfs = dfs, .obj = parent, .name = name, .follow = (flags & O_NOFOLLOW) == 0, .st = &st};

	args.set = (uid != (uid_t)-1 ? FS_SET_UID : 0) | (gid != (gid_t)-1 ? FS_SET_GID : 0);
	if (dfs == NULL || (name != NULL && !is_name(name)))
		return EINVAL;
	return args.set != 0 ? dfs__run(attr_body, &args, sizeof(args)) : 0;
}

int
dfs_access(dfs_t *dfs, dfs_obj_t *parent, const char *name, int mask)
{
	struct stat st;
	struct attr_args args = {.dfs = dfs, .obj = parent, .name = name, .follow = true, .st = &st};
	mode_t bits;
	int rc;

	if (dfs == NULL || (name != NULL && !is_name(name)) || (mask & ~(R_OK | W_OK | X_OK)) != 0)
		return EINVAL;
	if ((mask & W_OK) != 0 && (dfs->flags & O_ACCMODE) == O_RDONLY)
		return EPERM;
	rc = dfs__run(attr_body, &args, sizeof(args));
	if (rc != 0 || mask == F_OK || geteuid() == 0)
		return rc;
	bits = st.st_uid == geteuid() ? st.st_mode >> 6 : st.st_gid == getegid() ? st.st_mode >> 3 : st.st_mode;
	return ((mode_t)mask & ~bits & 7) == 0 ? 0 : EACCES;
}

int
dfs_get_size(dfs_t *dfs, dfs_obj_t *obj, daos_size_t *size)
{
	struct stat st;
	int rc;

	if (obj == NULL || obj->file == NULL || size == NULL)
		return EINVAL;
	rc = dfs_ostat(dfs, obj, &st);
	if (rc == 0)
		*size = (daos_size_t)st.st_size;
	return rc;
}

struct punch_args {
	struct dfs_obj *obj;
	daos_off_t off;
	daos_size_t len;
};

static int
punch_body(void *args)
{
	struct punch_args *in = args;

	return fs_punch(in->obj->file, in->off, in->len);
}

int
dfs_punch(dfs_t *dfs, dfs_obj_t *obj, daos_off_t offset, daos_size_t len)
{
	struct punch_args args = {.obj = obj, .off = offset, .len = len};
	struct stat st = {.st_size = (off_t)offset};
	daos_size_t size;
	int rc;

	if (dfs == NULL || obj == NULL || obj->file == NULL)
		return EINVAL;
	if ((obj->flags & O_ACCMODE) == O_RDONLY)
		return EPERM;
	if (len != DFS_MAX_FSIZE) {
		rc = dfs_get_size(dfs, obj, &size);
		if (rc != 0)
			return rc;
		if (len == 0 || offset >= size)
			return 0;
		if (len < size - offset)
			return dfs__run(punch_body, &args, sizeof(args));
	}
	return dfs_osetattr(dfs, obj, &st, DFS_SET_ATTR_SIZE);
}

int
dfs_get_mode(dfs_obj_t *obj, mode_t *mode)
{
	struct stat st;
	int rc;

	if (obj == NULL || mode == NULL)
		return EINVAL;
	rc = dfs_ostat(obj->dfs, obj, &st);
	if (rc == 0)
		*mode = st.st_mode;
	return rc;
}

int
dfs_get_chunk_size(dfs_obj_t *obj, daos_size_t *chunk_size)
{
	struct stat st;
	int rc;

	if (obj == NULL || obj->file == NULL || chunk_size == NULL)
		return EINVAL;
	rc = dfs_ostat(obj->dfs, obj, &st);
	if (rc == 0)
		*chunk_size = (daos_size_t)st.st_blksize;
	return rc;
}

int
dfs_obj2id(dfs_obj_t *obj, daos_obj_id_t *oid)
{
	if (obj == NULL || oid == NULL)
		return EINVAL;
	*oid = fs_inode_oid(obj->inode);
	return 0;
}

int
dfs_obj_get_info(dfs_t *dfs, dfs_obj_t *obj, dfs_obj_info_t *info)
{
	struct fs_defaults defaults;
	dfs_attr_t attr;
	struct stat st;
	int rc;

	if (dfs == NULL || obj == NULL || info == NULL)
		return EINVAL;
	rc = dfs_query(dfs, &attr);
	if (rc == 0)
		rc = dfs_ostat(dfs, obj, &st);
	if (rc != 0)
		return rc;
	fs_defaults(obj->inode, &defaults);
	if (defaults.file_class != 0)
		attr.da_file_oclass_id = defaults.file_class;
	if (defaults.dir_class != 0)
		attr.da_dir_oclass_id = defaults.dir_class;
	*info = (dfs_obj_info_t){.doi_oclass_id = daos_obj_id2class(fs_inode_oid(obj->inode)), .doi_chunk_size = (daos_size_t)st.st_blksize,
				 .doi_dir_oclass_id = attr.da_dir_oclass_id, .doi_file_oclass_id = attr.da_file_oclass_id,
				 .doi_oid = fs_inode_oid(obj->inode)};
	return 0;
}

/* A file's data are an array of bytes: data calls of arrays work on it. */
static int
open_array(struct dfs *dfs, daos_obj_id_t oid, daos_size_t chunk_size, int flags, daos_handle_t *oh)
{
	unsigned int mode = (flags & O_ACCMODE) == O_RDONLY ? DAOS_OO_RO : DAOS_OO_RW;

	return dfs__verdict(daos_array_open_with_attr(dfs->coh, oid, DAOS_TX_NONE, mode, 1, chunk_size, oh, NULL));
}

int
dfs_get_file_oh(dfs_obj_t *obj, daos_handle_t *oh)
{
	daos_size_t chunk_size;
	int rc;

	if (obj == NULL || obj->file == NULL || oh == NULL)
		return EINVAL;
	if (!daos_handle_is_valid(obj->array)) {
		rc = dfs_get_chunk_size(obj, &chunk_size);
		if (rc == 0)
			rc = open_array(obj->dfs, fs_inode_oid(obj->inode), chunk_size, obj->flags, &obj->array);
		if (rc != 0)
			return rc;
	}
	*oh = obj->array;
	return 0;
}

int
dfs_get_size_by_oid(dfs_t *dfs, daos_obj_id_t oid, daos_size_t chunk_size, daos_size_t *size)
{
	daos_handle_t oh;
	int rc, more;

	if (dfs == NULL || size == NULL || daos_obj_id2type(oid) != DAOS_OT_ARRAY_BYTE)
		return EINVAL;
	rc = open_array(dfs, oid, chunk_size != 0 ? chunk_size : DFS_DEFAULT_CHUNK_SIZE, O_RDONLY, &oh);
	if (rc != 0)
		return rc;
	rc = dfs__verdict(daos_array_get_size(oh, DAOS_TX_NONE, size, NULL));
	more = dfs__verdict(daos_array_close(oh, NULL));
	return rc != 0 ? rc : more;
}

/* Where an object is found is its inode's business: only the name it was opened by changes. */
int
dfs_update_parent(dfs_obj_t *obj, dfs_obj_t *src_obj, const char *name)
{
	if (obj == NULL || src_obj == NULL || (name != NULL && !is_name(name)))
		return EINVAL;
	snprintf(obj->name, sizeof(obj->name), "%s", name != NULL ? name : src_obj->name);
	return 0;
}

int
dfs_suggest_oclass(dfs_t *dfs, const char *hint, daos_oclass_id_t *cid)
{
	static const struct {
		const char *text;
		enum daos_otype_t type;
		daos_oclass_hints_t hints;
	} known[] = {
		{"file:single", DAOS_OT_ARRAY_BYTE, DAOS_OCH_SHD_TINY},     {"file:max", DAOS_OT_ARRAY_BYTE, DAOS_OCH_SHD_MAX},
		{"dir:single", DAOS_OT_MULTI_HASHED, DAOS_OCH_SHD_TINY},    {"dir:max", DAOS_OT_MULTI_HASHED, DAOS_OCH_SHD_MAX},
		{"directory:single", DAOS_OT_MULTI_HASHED, DAOS_OCH_SHD_TINY}, {"directory:max", DAOS_OT_MULTI_HASHED, DAOS_OCH_SHD_MAX},
	};
	daos_obj_id_t oid = {.lo = 1};
	int rc;

	if (dfs == NULL || hint == NULL || cid == NULL)
		return EINVAL;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		if (strcasecmp(hint, known[i].text) != 0)
			continue;
		rc = dfs__verdict(daos_obj_generate_oid(dfs->coh, &oid, known[i].type, OC_UNKNOWN, known[i].hints, 0));
		if (rc == 0)
			*cid = daos_obj_id2class(oid);
		return rc;
	}
	return EINVAL;
}

/* What new files and directories of a directory are made with: what is 0 here stays. */
struct defaults_args {
	struct dfs_obj *obj;
	struct fs_defaults to;
};

static int
defaults_body(void *args)
{
	struct defaults_args *in = args;
	struct fs_defaults now;
	struct stat st;
	int rc = fs_getattr(in->obj->inode, &st);

	if (rc != 0)
		return rc;
	fs_defaults(in->obj->inode, &now);
	if (in->to.file_class != 0)
		now.file_class = in->to.file_class;
	if (in->to.dir_class != 0)
		now.dir_class = in->to.dir_class;
	if (in->to.chunk_size != 0)
		now.chunk_size = in->to.chunk_size;
	return fs_set_defaults(in->obj->inode, &now);
}

/* Directories are never erasure coded: they keep theirs. */
int
dfs_obj_set_oclass(dfs_t *dfs, dfs_obj_t *obj, int flags, daos_oclass_id_t cid)
{
	struct defaults_args args = {.obj = obj, .to = {.file_class = cid}};
	char name[32];

	if (dfs == NULL || obj == NULL || flags != 0 || cid == OC_UNKNOWN || daos_oclass_id2name(cid, name) != 0)
		return EINVAL;
	if (strncmp(name, "EC_", 3) != 0)
		args.to.dir_class = cid;
	return fs_inode_type(obj->inode) == S_IFDIR ? dfs__run(defaults_body, &args, sizeof(args)) : EINVAL;
}

int
dfs_obj_set_chunk_size(dfs_t *dfs, dfs_obj_t *obj, int flags, daos_size_t csize)
{
	struct defaults_args args = {.obj = obj, .to = {.chunk_size = csize}};

	if (dfs == NULL || obj == NULL || flags != 0 || csize == 0)
		return EINVAL;
	return fs_inode_type(obj->inode) == S_IFDIR ? dfs__run(defaults_body, &args, sizeof(args)) : EINVAL;
}

struct link_args {
	struct dfs_obj *obj;
	char *buf;
	daos_size_t *size;
};

static int
link_body(void *args)
{
	struct link_args *in = args;
	size_t len;
	int rc = fs_readlink(in->obj->inode, in->buf, in->buf != NULL ? *in->size : 0, &len);

	if (rc == 0)
		*in->size = len + 1;
	return rc;
}

int
dfs_get_symlink_value(dfs_obj_t *obj, char *buf, daos_size_t *size)
{
	struct link_args args = {.obj = obj, .buf = buf, .size = size};

	return obj != NULL && size != NULL && fs_inode_type(obj->inode) == S_IFLNK ? dfs__run(link_body, &args, sizeof(args)) : EINVAL;
}
