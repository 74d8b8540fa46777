/* SPDX-License-Identifier: Apache-2.0 */
/* Names, directories and extended attributes of a file system. Functions named *_body run in ULTs and may yield. */
#include "dfs.h"

#include <stdio.h>
#include <stdlib.h>

#ifndef RENAME_EXCHANGE
#define RENAME_EXCHANGE (1 << 1)
#endif

/* ---- names ------------------------------------------------------------------------------------------------------------------- */
static bool
is_name(const char *name)
{
	return name != NULL && name[0] != '\0' && strlen(name) <= FS_NAME_MAX && strchr(name, '/') == NULL;
}

int
dfs_mkdir(dfs_t *dfs, dfs_obj_t *parent, const char *name, mode_t mode, daos_oclass_id_t cid)
{
	dfs_obj_t *obj;
	int rc = dfs_open(dfs, parent, name, S_IFDIR | (mode & 07777), O_CREAT | O_EXCL | O_RDWR, cid, 0, NULL, &obj);

	return rc != 0 ? rc : dfs_release(obj);
}

struct remove_args {
	struct dfs *dfs;
	struct dfs_obj *parent;
	const char *name;
	bool force;
	daos_obj_id_t *oid;
};

struct first {
	char name[FS_NAME_MAX + 1];
	bool found;
};

static int
take_first(void *arg, const struct fs_entry *entry)
{
	struct first *first = arg;

	if (strcmp(entry->name, ".") == 0 || strcmp(entry->name, "..") == 0)
		return 0;
	snprintf(first->name, sizeof(first->name), "%s", entry->name);
	first->found = true;
	return 1;
}

static int
first_entry(struct fs_inode *dir, struct first *first)
{
	struct fs_dir *handle;
	int rc = fs_opendir(dir, &handle);

	first->found = false;
	if (rc != 0)
		return rc;
	rc = fs_readdir(handle, 0, false, take_first, first);
	fs_closedir(handle);
	return rc;
}

/* Goes down to what can be removed and up again, without recursion: a tree may be deep. */
static int
remove_tree(struct fs_inode *top, const char *name)
{
	struct fs_inode *dir = fs_inode_get(top), *child, *up;
	struct first first;
	int rc;

	snprintf(first.name, sizeof(first.name), "%s", name);
	for (;;) {
		rc = fs_unlink(dir, first.name);
		if (rc == EISDIR || rc == EPERM)
			rc = fs_rmdir(dir, first.name);
		if (rc == ENOTEMPTY) {
			rc = fs_lookup(dir, first.name, &child, NULL);
			if (rc != 0)
				break;
			fs_inode_put(dir);
			dir = child;
		} else if (rc != 0) {
			break;
		} else if (fs_inode_ino(dir) == fs_inode_ino(top)) {
			break; /* what was asked for is gone */
		}
		rc = first_entry(dir, &first);
		if (rc != 0)
			break;
		if (!first.found) { /* empty now: up, and begin again with the name asked for */
			rc = fs_lookup(dir, "..", &up, NULL);
			if (rc != 0)
				break;
			fs_inode_put(dir);
			dir = up;
			if (fs_inode_ino(dir) == fs_inode_ino(top))
				snprintf(first.name, sizeof(first.name), "%s", name);
			else if ((rc = first_entry(dir, &first)) != 0)
				break;
		}
	}
	fs_inode_put(dir);
	return rc;
}

static int
remove_body(void *args)
{
	struct remove_args *in = args;
	struct fs_inode *dir = dfs__dir(in->dfs, in->parent), *inode;
	int rc = fs_lookup(dir, in->name, &inode, NULL);

	if (rc == 0) {
		if (in->oid != NULL)
			*in->oid = fs_inode_oid(inode);
		if (fs_inode_type(inode) != S_IFDIR)
			rc = fs_unlink(dir, in->name);
		else if (!in->force)
			rc = fs_rmdir(dir, in->name);
		else
			rc = remove_tree(dir, in->name);
		fs_inode_put(inode);
	}
	fs_inode_put(dir);
	return rc;
}

int
dfs_remove(dfs_t *dfs, dfs_obj_t *parent, const char *name, bool force, daos_obj_id_t *oid)
{
	struct remove_args args = {.dfs = dfs, .parent = parent, .name = name, .force = force, .oid = oid};

	return dfs != NULL && is_name(name) ? dfs__run(remove_body, &args, sizeof(args)) : EINVAL;
}

struct move_args {
	struct dfs *dfs;
	struct dfs_obj *from, *to;
	const char *name, *new_name;
	uint32_t flags;
	daos_obj_id_t *oid;
};

static int
move_body(void *args)
{
	struct move_args *in = args;
	struct fs_inode *from = dfs__dir(in->dfs, in->from), *to = dfs__dir(in->dfs, in->to), *old = NULL;
	int rc;

	if (in->oid != NULL) {
		*in->oid = (daos_obj_id_t){0};
		if (fs_lookup(to, in->new_name, &old, NULL) == 0) {
			*in->oid = fs_inode_oid(old);
			fs_inode_put(old);
		}
	}
	rc = fs_rename(from, in->name, to, in->new_name, in->flags);
	fs_inode_put(from);
	fs_inode_put(to);
	return rc;
}

int
dfs_move(dfs_t *dfs, dfs_obj_t *parent, const char *name, dfs_obj_t *new_parent, const char *new_name, daos_obj_id_t *oid)
{
	struct move_args args = {.dfs = dfs, .from = parent, .to = new_parent, .name = name, .new_name = new_name, .oid = oid};

	return dfs != NULL && is_name(name) && is_name(new_name) ? dfs__run(move_body, &args, sizeof(args)) : EINVAL;
}

int
dfs_exchange(dfs_t *dfs, dfs_obj_t *parent1, const char *name1, dfs_obj_t *parent2, const char *name2)
{
	struct move_args args = {.dfs = dfs, .from = parent1, .to = parent2, .name = name1, .new_name = name2, .flags = RENAME_EXCHANGE};

	return dfs != NULL && is_name(name1) && is_name(name2) ? dfs__run(move_body, &args, sizeof(args)) : EINVAL;
}

/* ---- directories ----------------------------------------------------------------------------------------------------------------- */
/* A filter for reading: entries pass when all that flags name holds. */
struct dfs_pipeline {
	dfs_predicate_t pred;
	uint64_t flags; /* DFS_FILTER_* */
};

struct list_args {
	struct dfs_obj *obj;
	daos_anchor_t *anchor;
	uint32_t *nr;
	struct dirent *dirs;
	struct stat *stbufs;
	const struct dfs_pipeline *filter; /* or NULL */
	daos_obj_id_t *oids;
	daos_size_t *csizes;
	uint64_t *scanned;
	uint32_t got;
	bool full;
};

/* '%' stands for any characters, also for none. */
static bool
matches(const char *pattern, const char *name)
{
	const char *star = NULL, *from = NULL;

	while (*name != '\0') {
		if (*pattern == '%') {
			star = ++pattern;
			from = name;
		} else if (*pattern == *name) {
			pattern++;
			name++;
		} else if (star != NULL) { /* the last '%' takes one character more */
			pattern = star;
			name = ++from;
		} else {
			return false;
		}
	}
	while (*pattern == '%')
		pattern++;
	return *pattern == '\0';
}

static bool
passes(const struct dfs_pipeline *filter, const struct fs_entry *entry)
{
	if ((filter->flags & DFS_FILTER_INCLUDE_DIRS) != 0 && entry->type == S_IFDIR)
		return true;
	if ((filter->flags & DFS_FILTER_NAME) != 0 && !matches(filter->pred.dp_name, entry->name))
		return false;
	return (filter->flags & DFS_FILTER_NEWER) == 0 || entry->st == NULL ||
	       MAX(entry->st->st_mtime, entry->st->st_ctime) > filter->pred.dp_newer;
}

static int
take_entry(void *arg, const struct fs_entry *entry)
{
	struct list_args *in = arg;
	struct dirent *to;

	if (strcmp(entry->name, ".") == 0 || strcmp(entry->name, "..") == 0)
		return 0;
	if (in->got == *in->nr) {
		in->full = true;
		return 1;
	}
	memcpy(in->anchor->da_buf, &entry->cookie, sizeof(entry->cookie));
	if (in->filter != NULL) {
		(*in->scanned)++;
		if (!passes(in->filter, entry))
			return 0;
		if (in->oids != NULL)
			in->oids[in->got] = fs_inode_oid(entry->inode);
		if (in->csizes != NULL)
			in->csizes[in->got] = entry->st != NULL && entry->type == S_IFREG ? (daos_size_t)entry->st->st_blksize : 0;
	}
	to = &in->dirs[in->got];
	memset(to, 0, sizeof(*to));
	snprintf(to->d_name, sizeof(to->d_name), "%s", entry->name);
	to->d_ino = entry->ino;
	to->d_type = IFTODT(entry->type);
	to->d_off = (off_t)entry->cookie;
	if (in->stbufs != NULL && entry->st != NULL)
		in->stbufs[in->got] = *entry->st;
	in->got++;
	return 0;
}

static int
list_body(void *args)
{
	struct list_args *in = args;
	struct fs_dir *handle;
	uint64_t cookie = 0;
	int rc = fs_opendir(in->obj->inode, &handle);

	if (rc != 0)
		return rc;
	if (in->anchor->da_type != DAOS_ANCHOR_TYPE_ZERO)
		memcpy(&cookie, in->anchor->da_buf, sizeof(cookie));
	rc = fs_readdir(handle, cookie, in->stbufs != NULL || in->filter != NULL, take_entry, in);
	fs_closedir(handle);
	if (rc == 0) {
		in->anchor->da_type = in->full ? DAOS_ANCHOR_TYPE_HKEY : DAOS_ANCHOR_TYPE_EOF;
		*in->nr = in->got;
	}
	return rc;
}

static int
list(struct list_args *args)
{
	if (args->obj == NULL || args->anchor == NULL || args->nr == NULL || args->dirs == NULL)
		return EINVAL;
	if (fs_inode_type(args->obj->inode) != S_IFDIR)
		return ENOTDIR;
	if (daos_anchor_is_eof(args->anchor)) {
		*args->nr = 0;
		return 0;
	}
	return *args->nr > 0 ? dfs__run(list_body, args, sizeof(*args)) : 0;
}

int
dfs_readdirplus(dfs_t *dfs, dfs_obj_t *obj, daos_anchor_t *anchor, uint32_t *nr, struct dirent *dirs, struct stat *stbufs)
{
	struct list_args args = {.obj = obj, .anchor = anchor, .nr = nr, .dirs = dirs, .stbufs = stbufs};

	return dfs != NULL ? list(&args) : EINVAL;
}

int
dfs_readdir(dfs_t *dfs, dfs_obj_t *obj, daos_anchor_t *anchor, uint32_t *nr, struct dirent *dirs)
{
	return dfs_readdirplus(dfs, obj, anchor, nr, dirs, NULL);
}

int
dfs_pipeline_create(dfs_t *dfs, dfs_predicate_t pred, uint64_t flags, dfs_pipeline_t **dpipe)
{
	struct dfs_pipeline *filter;

	if (dfs == NULL || dpipe == NULL || (flags & ~(uint64_t)(DFS_FILTER_NAME | DFS_FILTER_NEWER | DFS_FILTER_INCLUDE_DIRS)) != 0 ||
	    ((flags & DFS_FILTER_NAME) != 0 && memchr(pred.dp_name, '\0', sizeof(pred.dp_name)) == NULL))
		return EINVAL;
	filter = malloc(sizeof(*filter));
	if (filter == NULL)
		return ENOMEM;
	*filter = (struct dfs_pipeline){.pred = pred, .flags = flags};
	*dpipe = filter;
	return 0;
}

int
dfs_pipeline_destroy(dfs_pipeline_t *dpipe)
{
	free(dpipe);
	return 0;
}

int
dfs_readdir_with_filter(dfs_t *dfs, dfs_obj_t *obj, dfs_pipeline_t *dpipe, daos_anchor_t *anchor, uint32_t *nr, struct dirent *dirs,
			daos_obj_id_t *oids, daos_size_t *csizes, uint64_t *nr_scanned)
{
	uint64_t scanned = 0;
	struct list_args args = {.obj = obj, .anchor = anchor, .nr = nr, .dirs = dirs, .filter = dpipe, .oids = oids, .csizes = csizes,
				 .scanned = &scanned};
	int rc = dfs != NULL && dpipe != NULL ? list(&args) : EINVAL;

	if (nr_scanned != NULL)
		*nr_scanned = scanned;
	return rc;
}

/* Entries come in the order of their cookies, from one stream: a directory is not split. */
int
dfs_obj_anchor_split(dfs_obj_t *obj, uint32_t *nr, daos_anchor_t *anchors)
{
	if (obj == NULL || nr == NULL || fs_inode_type(obj->inode) != S_IFDIR)
		return EINVAL;
	*nr = 1;
	if (anchors != NULL)
		anchors[0] = (daos_anchor_t)DAOS_ANCHOR_INIT;
	return 0;
}

int
dfs_obj_anchor_set(dfs_obj_t *obj, uint32_t index, daos_anchor_t *anchor)
{
	if (obj == NULL || anchor == NULL || index > 0 || fs_inode_type(obj->inode) != S_IFDIR)
		return EINVAL;
	*anchor = (daos_anchor_t)DAOS_ANCHOR_INIT;
	return 0;
}

int
dfs_dir_anchor_set(dfs_obj_t *obj, const char name[], daos_anchor_t *anchor)
{
	uint64_t cookie;

	if (obj == NULL || anchor == NULL || !is_name(name))
		return EINVAL;
	if (fs_inode_type(obj->inode) != S_IFDIR)
		return ENOTDIR;
	cookie = fs_dir_cookie(name);
	*anchor = (daos_anchor_t){.da_type = DAOS_ANCHOR_TYPE_HKEY};
	memcpy(anchor->da_buf, &cookie, sizeof(cookie));
	return 0;
}

/* The program's function is called on its own stack, with nothing of ours held. */
int
dfs_iterate(dfs_t *dfs, dfs_obj_t *obj, daos_anchor_t *anchor, uint32_t *nr, size_t size, dfs_filler_cb_t op, void *arg)
{
	struct dirent *dirs;
	int rc;

	if (nr == NULL || anchor == NULL)
		return EINVAL;
	if (size == 0 || *nr == 0)
		return 0;
	dirs = calloc(*nr, sizeof(*dirs));
	if (dirs == NULL)
		return ENOMEM;
	rc = dfs_readdir(dfs, obj, anchor, nr, dirs);
	for (uint32_t i = 0; rc == 0 && op != NULL && i < *nr; i++)
		rc = op(dfs, obj, dirs[i].d_name, arg);
	free(dirs);
	return rc;
}

/* ---- extended attributes ------------------------------------------------------------------------------------------------------------ */
struct xattr_args {
	struct dfs_obj *obj;
	const char *name;
	void *value;
	daos_size_t *size;
	const void *new_value;
	daos_size_t new_size;
	int flags;
};

static int
set_body(void *args)
{
	struct xattr_args *in = args;

	return fs_setxattr(in->obj->inode, in->name, in->new_value, in->new_size, in->flags);
}

int
dfs_setxattr(dfs_t *dfs, dfs_obj_t *obj, const char *name, const void *value, daos_size_t size, int flags)
{
	struct xattr_args args = {.obj = obj, .name = name, .new_value = value, .new_size = size, .flags = flags};

	if (dfs == NULL || obj == NULL || name == NULL || (value == NULL && size > 0) || size > DFS_MAX_XATTR_LEN)
		return EINVAL;
	return dfs__run(set_body, &args, sizeof(args));
}

static int
get_body(void *args)
{
	struct xattr_args *in = args;
	size_t needed;
	int rc = fs_getxattr(in->obj->inode, in->name, in->value, in->value != NULL ? *in->size : 0, &needed);

	if (rc == 0)
		*in->size = needed;
	return rc == ERANGE ? E2BIG : rc;
}

int
dfs_getxattr(dfs_t *dfs, dfs_obj_t *obj, const char *name, void *value, daos_size_t *size)
{
	struct xattr_args args = {.obj = obj, .name = name, .value = value, .size = size};

	return dfs != NULL && obj != NULL && name != NULL && size != NULL ? dfs__run(get_body, &args, sizeof(args)) : EINVAL;
}

static int
remove_xattr_body(void *args)
{
	struct xattr_args *in = args;

	return fs_removexattr(in->obj->inode, in->name);
}

int
dfs_removexattr(dfs_t *dfs, dfs_obj_t *obj, const char *name)
{
	struct xattr_args args = {.obj = obj, .name = name};

	return dfs != NULL && obj != NULL && name != NULL ? dfs__run(remove_xattr_body, &args, sizeof(args)) : EINVAL;
}

/* All names are fetched; those that fit whole are given. */
static int
list_xattr_body(void *args)
{
	struct xattr_args *in = args;
	size_t needed = 0, room = in->value != NULL ? *in->size : 0, used = 0;
	int rc = fs_listxattr(in->obj->inode, NULL, 0, &needed);
	char *all = rc == 0 && needed > 0 ? malloc(needed) : NULL;

	*in->size = needed;
	if (rc != 0 || needed == 0)
		return rc;
	if (all == NULL)
		return ENOMEM;
	rc = fs_listxattr(in->obj->inode, all, needed, &needed);
	for (char *at = all; rc == 0 && at < all + needed; at += strlen(at) + 1) {
		size_t len = strlen(at) + 1;

		if (len > room - used)
			continue;
		memcpy((char *)in->value + used, at, len);
		used += len;
	}
	free(all);
	return rc;
}

int
dfs_listxattr(dfs_t *dfs, dfs_obj_t *obj, char *list, daos_size_t *size)
{
	struct xattr_args args = {.obj = obj, .value = list, .size = size};

	return dfs != NULL && obj != NULL && size != NULL ? dfs__run(list_xattr_body, &args, sizeof(args)) : EINVAL;
}
