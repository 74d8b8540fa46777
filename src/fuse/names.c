/* SPDX-License-Identifier: Apache-2.0 */
/*
 * names: the operations upon entries of directories. Each is a pair: on_x copies the arguments on the loop, run_x calls fs_x in a
 * ULT. An answer that names an inode counts a lookup of it first, and uncounts it when the kernel did not take the answer (fuse I3).
 */
#include "internal.h"

double
dfuse__trust(struct dfuse *dfuse)
{
	if (!dfuse->caching || !fs_sole(dfuse->fs))
		return 0;
	dfuse->granted_ns = env_mono(dfuse->env) + DFUSE_CACHE_NS;
	return (double)DFUSE_CACHE_NS / NS_PER_S;
}

void
dfuse__entry(struct dfuse *dfuse, struct fuse_entry_param *entry, uint64_t ino, const struct stat *st)
{
	*entry = (struct fuse_entry_param){.ino = ino, .attr = *st};
	entry->attr_timeout = entry->entry_timeout = dfuse__trust(dfuse);
}

int
dfuse__reply_entry(struct request *request, struct fs_inode *inode, const struct stat *st)
{
	struct dfuse *dfuse = request->dfuse;
	uint64_t ino = fs_inode_ino(inode);
	struct fuse_entry_param entry;
	int rc = dfuse__node_add(dfuse, inode);

	if (rc != 0)
		return rc;
	dfuse__entry(dfuse, &entry, ino, st);
	if (fuse_reply_entry(request->req, &entry) != 0) {
		dfuse__node_forget(dfuse, ino, 1);
		dfuse__chores(dfuse);
	}
	return 0;
}

static int
run_lookup(struct request *r)
{
	struct fs_inode *inode;
	struct stat st;
	int rc = fs_lookup(r->inode, r->name, &inode, &st);
	double trust;

	if (rc == 0)
		return dfuse__reply_entry(r, inode, &st);
	if (rc == ENOENT && (trust = dfuse__trust(r->dfuse)) > 0) {
		struct fuse_entry_param none = {.entry_timeout = trust};

		fuse_reply_entry(r->req, &none);
		return 0;
	}
	return rc;
}

static void
on_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct request *r = dfuse__request(req, parent, name, run_lookup);

	if (r != NULL)
		dfuse__request_go(r);
}

static void
on_forget(fuse_req_t req, fuse_ino_t ino, uint64_t lookups)
{
	struct dfuse *dfuse = fuse_req_userdata(req);

	dfuse__node_forget(dfuse, ino, lookups);
	dfuse__chores(dfuse);
	fuse_reply_none(req);
}

static void
on_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
	struct dfuse *dfuse = fuse_req_userdata(req);

	for (size_t i = 0; i < count; i++)
		dfuse__node_forget(dfuse, forgets[i].ino, forgets[i].nlookup);
	dfuse__chores(dfuse);
	fuse_reply_none(req);
}

static int
run_mknod(struct request *r)
{
	struct fs_inode *inode;
	struct stat st;
	int rc = fs_mknod(r->inode, r->name, r->mode, r->rdev, &r->who, &inode, &st);

	return rc == 0 ? dfuse__reply_entry(r, inode, &st) : rc;
}

static void
on_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev)
{
	struct request *r = dfuse__request(req, parent, name, run_mknod);

	if (r == NULL)
		return;
	r->mode = mode;
	r->rdev = rdev;
	dfuse__request_go(r);
}

static int
run_mkdir(struct request *r)
{
	struct fs_inode *inode;
	struct stat st;
	int rc = fs_mkdir(r->inode, r->name, r->mode, &r->who, &inode, &st);

	return rc == 0 ? dfuse__reply_entry(r, inode, &st) : rc;
}

static void
on_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	struct request *r = dfuse__request(req, parent, name, run_mkdir);

	if (r == NULL)
		return;
	r->mode = mode;
	dfuse__request_go(r);
}

static int
run_symlink(struct request *r)
{
	struct fs_inode *inode;
	struct stat st;
	int rc = fs_symlink(r->inode, r->name, r->data, &r->who, &inode, &st);

	return rc == 0 ? dfuse__reply_entry(r, inode, &st) : rc;
}

static void
on_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
	struct request *r = dfuse__request(req, parent, name, run_symlink);

	if (r != NULL && dfuse__request_data(r, target, strlen(target) + 1))
		dfuse__request_go(r);
}

static int
run_link(struct request *r)
{
	struct stat st;
	int rc = fs_link(r->inode, r->other, r->new_name, &st);

	return rc == 0 ? dfuse__reply_entry(r, fs_inode_get(r->inode), &st) : rc;
}

static void
on_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name)
{
	struct request *r = dfuse__request(req, ino, NULL, run_link);

	if (r != NULL && dfuse__request_other(r, parent, name))
		dfuse__request_go(r);
}

/* Answers success too: nothing to say but that it was done. */
static int
answer(struct request *r, int rc)
{
	if (rc == 0)
		fuse_reply_err(r->req, 0);
	return rc;
}

static int
run_unlink(struct request *r)
{
	return answer(r, fs_unlink(r->inode, r->name));
}

static void
on_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct request *r = dfuse__request(req, parent, name, run_unlink);

	if (r != NULL)
		dfuse__request_go(r);
}

static int
run_rmdir(struct request *r)
{
	return answer(r, fs_rmdir(r->inode, r->name));
}

static void
on_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct request *r = dfuse__request(req, parent, name, run_rmdir);

	if (r != NULL)
		dfuse__request_go(r);
}

static int
run_rename(struct request *r)
{
	return answer(r, fs_rename(r->inode, r->name, r->other, r->new_name, r->flags));
}

static void
on_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent, const char *new_name, unsigned int flags)
{
	struct request *r = dfuse__request(req, parent, name, run_rename);

	if (r == NULL)
		return;
	r->flags = flags;
	if (dfuse__request_other(r, new_parent, new_name))
		dfuse__request_go(r);
}

static int
run_readlink(struct request *r)
{
	char target[4096];
	size_t len;
	int rc = fs_readlink(r->inode, target, sizeof(target), &len);

	if (rc == 0)
		fuse_reply_readlink(r->req, target);
	return rc;
}

static void
on_readlink(fuse_req_t req, fuse_ino_t ino)
{
	struct request *r = dfuse__request(req, ino, NULL, run_readlink);

	if (r != NULL)
		dfuse__request_go(r);
}

void
dfuse__names_ops(struct fuse_lowlevel_ops *ops)
{
	ops->lookup = on_lookup;
	ops->forget = on_forget;
	ops->forget_multi = on_forget_multi;
	ops->mknod = on_mknod;
	ops->mkdir = on_mkdir;
	ops->symlink = on_symlink;
	ops->link = on_link;
	ops->unlink = on_unlink;
	ops->rmdir = on_rmdir;
	ops->rename = on_rename;
	ops->readlink = on_readlink;
}
