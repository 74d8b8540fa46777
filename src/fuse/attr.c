/* SPDX-License-Identifier: Apache-2.0 */
/* attr: the operations upon attributes, extended attributes, and the file system as a whole. */
#include "internal.h"

#include <sys/statvfs.h>

static int
reply_attr(struct request *r, const struct stat *st)
{
	fuse_reply_attr(r->req, st, dfuse__trust(r->dfuse));
	return 0;
}

static int
run_getattr(struct request *r)
{
	struct stat st;
	int rc = fs_getattr(r->inode, &st);

	return rc == 0 ? reply_attr(r, &st) : rc;
}

static void
on_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct request *r = dfuse__request(req, ino, NULL, run_getattr);

	if (r != NULL)
		dfuse__request_go(r);
}

static int
run_setattr(struct request *r)
{
	static const struct { uint32_t theirs, ours; } bits[] = {
		{FUSE_SET_ATTR_MODE, FS_SET_MODE}, {FUSE_SET_ATTR_UID, FS_SET_UID}, {FUSE_SET_ATTR_GID, FS_SET_GID},
		{FUSE_SET_ATTR_SIZE, FS_SET_SIZE}, {FUSE_SET_ATTR_ATIME, FS_SET_ATIME}, {FUSE_SET_ATTR_MTIME, FS_SET_MTIME},
		{FUSE_SET_ATTR_ATIME_NOW, FS_SET_ATIME_NOW}, {FUSE_SET_ATTR_MTIME_NOW, FS_SET_MTIME_NOW},
		{FUSE_SET_ATTR_CTIME, FS_SET_CTIME},
	};
	uint32_t set = 0;
	struct stat st;
	int rc;

	/* The kernel names a time and "now" together: now wins. */
	for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++)
		if (r->flags & bits[i].theirs)
			set |= bits[i].ours;
	if (set & FS_SET_ATIME_NOW)
		set &= ~(uint32_t)FS_SET_ATIME;
	if (set & FS_SET_MTIME_NOW)
		set &= ~(uint32_t)FS_SET_MTIME;
	rc = set != 0 ? fs_setattr(r->inode, &r->attr, set, &st) : fs_getattr(r->inode, &st);
	return rc == 0 ? reply_attr(r, &st) : rc;
}

static void
on_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set, struct fuse_file_info *fi)
{
	struct request *r = dfuse__request(req, ino, NULL, run_setattr);

	if (r == NULL)
		return;
	r->attr = *attr;
	r->flags = (uint32_t)to_set;
	dfuse__request_go(r);
}

static int
run_statfs(struct request *r)
{
	struct statvfs st = {0};
	int rc = fs_statfs(r->dfuse->fs, &st);

	if (rc == 0)
		fuse_reply_statfs(r->req, &st);
	return rc;
}

static void
on_statfs(fuse_req_t req, fuse_ino_t ino)
{
	struct request *r = dfuse__request(req, ino != 0 ? ino : FS_ROOT_INO, NULL, run_statfs);

	if (r != NULL)
		dfuse__request_go(r);
}

/* ---- extended attributes ---------------------------------------------------------------------------------------------------- */
static int
run_setxattr(struct request *r)
{
	int rc = fs_setxattr(r->inode, r->name, r->data, r->size, (int)r->flags);

	if (rc == 0)
		fuse_reply_err(r->req, 0);
	return rc;
}

static void
on_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value, size_t size, int flags)
{
	struct request *r = dfuse__request(req, ino, name, run_setxattr);

	if (r == NULL)
		return;
	r->flags = (uint32_t)flags;
	if (dfuse__request_data(r, value, size))
		dfuse__request_go(r);
}

/* The value of an attribute, or the list of names; size 0 asks for the size. */
static int
run_getxattr(struct request *r)
{
	size_t needed = 0, room = r->size;
	void *value = dfuse__buffer_get(r->dfuse, room);
	int rc;

	if (value == NULL)
		return ENOMEM;
	rc = r->name[0] != '\0' ? fs_getxattr(r->inode, r->name, value, room, &needed) : fs_listxattr(r->inode, value, room, &needed);
	if (rc == 0 && room == 0)
		fuse_reply_xattr(r->req, needed);
	else if (rc == 0)
		fuse_reply_buf(r->req, value, MIN(needed, room));
	dfuse__buffer_put(r->dfuse, value, room);
	return rc;
}

static void
on_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
	struct request *r = dfuse__request(req, ino, name, run_getxattr);

	if (r == NULL)
		return;
	r->size = MIN(size, (size_t)COPY_MAX);
	dfuse__request_go(r);
}

static void
on_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
	on_getxattr(req, ino, "", size);
}

static int
run_removexattr(struct request *r)
{
	int rc = fs_removexattr(r->inode, r->name);

	if (rc == 0)
		fuse_reply_err(r->req, 0);
	return rc;
}

static void
on_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name)
{
	struct request *r = dfuse__request(req, ino, name, run_removexattr);

	if (r != NULL)
		dfuse__request_go(r);
}

void
dfuse__attr_ops(struct fuse_lowlevel_ops *ops)
{
	ops->getattr = on_getattr;
	ops->setattr = on_setattr;
	ops->statfs = on_statfs;
	ops->setxattr = on_setxattr;
	ops->getxattr = on_getxattr;
	ops->listxattr = on_listxattr;
	ops->removexattr = on_removexattr;
}
