/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dir: reading directories, with attributes (readdirplus) or without. Cookies are dfs's (dfs I5). Every entry that goes out with
 * attributes, but . and .., counts a lookup of its inode; if the kernel does not take the answer they are uncounted (fuse I3).
 */
#include "internal.h"

#define ENTRY_PLUS_MIN 152 /* bytes of the smallest entry with attributes */

struct listing {
	struct request *request;
	char *buffer;
	size_t used, room;
	uint64_t *counted;
	size_t counted_nr, counted_max;
	int error;
};

static int
run_opendir(struct request *r)
{
	struct handle *handle = dfuse__handle_new(r->dfuse);
	int rc;

	if (handle == NULL)
		return ENOMEM;
	rc = fs_opendir(r->inode, &handle->dir);
	if (rc != 0)
		handle->dir = NULL;
	if (rc == 0) {
		r->fi.fh = (uint64_t)(uintptr_t)handle;
		if (fuse_reply_open(r->req, &r->fi) == 0)
			return 0;
	}
	dfuse__handle_free(r->dfuse, handle);
	return rc;
}

static void
on_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct request *r = dfuse__request(req, ino, NULL, run_opendir);

	if (r == NULL)
		return;
	dfuse__request_file(r, fi);
	dfuse__request_go(r);
}

static int
emit(void *arg, const struct fs_entry *entry)
{
	struct listing *list = arg;
	struct stat st = {.st_ino = entry->ino, .st_mode = entry->type};
	size_t need = fuse_add_direntry(list->request->req, list->buffer + list->used, list->room - list->used, entry->name, &st,
					(off_t)entry->cookie);

	if (need > list->room - list->used)
		return 1;
	list->used += need;
	return 0;
}

static int
emit_plus(void *arg, const struct fs_entry *entry)
{
	struct listing *list = arg;
	struct dfuse *dfuse = list->request->dfuse;
	struct fuse_entry_param param = {.attr = {.st_ino = entry->ino, .st_mode = entry->type}};
	bool dots = strcmp(entry->name, ".") == 0 || strcmp(entry->name, "..") == 0;
	bool counts = !dots && entry->st != NULL && entry->inode != NULL && list->counted_nr < list->counted_max;
	size_t need;

	if (counts)
		dfuse__entry(dfuse, &param, entry->ino, entry->st);
	need = fuse_add_direntry_plus(list->request->req, list->buffer + list->used, list->room - list->used, entry->name, &param,
				      (off_t)entry->cookie);
	if (need > list->room - list->used)
		return 1;
	if (counts) {
		list->error = dfuse__node_add(dfuse, fs_inode_get(entry->inode));
		if (list->error != 0)
			return 1;
		list->counted[list->counted_nr++] = entry->ino;
	}
	list->used += need;
	return 0;
}

static void
uncount(struct listing *list)
{
	for (size_t i = 0; i < list->counted_nr; i++)
		dfuse__node_forget(list->request->dfuse, list->counted[i], 1);
	dfuse__chores(list->request->dfuse);
}

static int
run_readdir(struct request *r)
{
	struct dfuse *dfuse = r->dfuse;
	struct listing list = {.request = r, .room = r->size, .buffer = dfuse__buffer_get(dfuse, r->size)};
	int rc = 0;

	if (r->plus) {
		list.counted_max = r->size / ENTRY_PLUS_MIN + 1;
		list.counted = MEM_NEW_ARRAY(dfuse->env->mem, uint64_t, list.counted_max);
	}
	if (list.buffer == NULL || (r->plus && list.counted == NULL)) {
		rc = ENOMEM;
	} else {
		ult_mutex_lock(&r->handle->lock);
		rc = fs_readdir(r->handle->dir, r->off, r->plus, r->plus ? emit_plus : emit, &list);
		ult_mutex_unlock(&r->handle->lock);
		if (rc == 0 && list.used == 0)
			rc = list.error;
		if (rc != 0 || fuse_reply_buf(r->req, list.buffer, list.used) != 0)
			uncount(&list);
	}
	mem_free(dfuse->env->mem, list.counted);
	dfuse__buffer_put(dfuse, list.buffer, r->size);
	return rc;
}

static void
begin_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi, bool plus)
{
	struct request *r = dfuse__request(req, ino, NULL, run_readdir);

	if (r == NULL)
		return;
	r->size = size;
	r->off = (uint64_t)off;
	r->plus = plus;
	dfuse__request_file(r, fi);
	dfuse__request_go(r);
}

static void
on_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	begin_readdir(req, ino, size, off, fi, false);
}

static void
on_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	begin_readdir(req, ino, size, off, fi, true);
}

static int
run_releasedir(struct request *r)
{
	dfuse__handle_free(r->dfuse, r->handle);
	fuse_reply_err(r->req, 0);
	return 0;
}

static void
on_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct request *r = dfuse__request(req, ino, NULL, run_releasedir);

	if (r == NULL)
		return;
	dfuse__request_file(r, fi);
	dfuse__request_go(r);
}

void
dfuse__dir_ops(struct fuse_lowlevel_ops *ops)
{
	ops->opendir = on_opendir;
	ops->readdir = on_readdir;
	ops->readdirplus = on_readdirplus;
	ops->releasedir = on_releasedir;
}
