/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file: open files and locks. write(2) is durable when it is answered (fs_write), so flush only drops the fcntl locks of who closes.
 *
 *	file I1  A handle is in dfuse's list from the answer to open until release, so that the end of a mount closes it.
 *	file I3  Locks of an open file (F_OFD_SETLK) go with its release. Its owner is nobody who flushes: all others who locked through a handle
 *	         have flushed it before its release, so who is left on its list is that owner.
 *	file I2  With write_back the kernel places appends itself and reads pages of files that were opened for writing only.
 *	file I3  A page of a mapping goes to its own place, whichever of the file's handles the kernel sends it with: that may be one for
 *	         appending.
 */
#include "internal.h"

struct handle *
dfuse__handle_new(struct dfuse *dfuse)
{
	struct handle *handle = MEM_NEW(dfuse->env->mem, struct handle);

	if (handle == NULL)
		return NULL;
	ult_mutex_init(&handle->lock);
	list_append(&dfuse->handles, &handle->link);
	dfuse->handle_nr++;
	return handle;
}

void
dfuse__handle_free(struct dfuse *dfuse, struct handle *handle)
{
	list_remove(&handle->link);
	dfuse->handle_nr--;
	if (handle->file != NULL)
		(void)fs_close(handle->file);
	if (handle->dir != NULL)
		fs_closedir(handle->dir);
	mem_free(dfuse->env->mem, handle->owners);
	mem_free(dfuse->env->mem, handle);
}

static int
open_flags(const struct dfuse *dfuse, int flags)
{
	flags &= O_ACCMODE | O_APPEND | O_TRUNC | O_EXCL | O_CREAT;
	if (dfuse->write_back) { /* file I2 */
		flags &= ~O_APPEND;
		if ((flags & O_ACCMODE) == O_WRONLY)
			flags = (flags & ~O_ACCMODE) | O_RDWR;
	}
	return flags;
}

/*
 * The kernel cuts a write to its page cache at the first page that it does not have: two appends of two mounts would be torn. Past its
 * cache a write comes whole, up to WRITE_MAX bytes; but then there is no shared mapping, which a file opened for writing only has not anyway.
 */
static bool
append_whole(const struct dfuse *dfuse, int flags)
{
	return (flags & O_APPEND) != 0 && !dfuse->write_back && ((flags & O_ACCMODE) == O_WRONLY || !fs_sole(dfuse->fs));
}

/* Without caching all goes past the page cache. With it pages outlive an open only while nobody else can change them. */
static void
opened(struct dfuse *dfuse, struct fuse_file_info *fi, struct handle *handle)
{
	fi->fh = (uint64_t)(uintptr_t)handle;
	fi->direct_io = !dfuse->caching || append_whole(dfuse, fi->flags);
	fi->keep_cache = dfuse->caching && fs_sole(dfuse->fs) && (fi->flags & O_TRUNC) == 0;
}

static int
run_open(struct request *r)
{
	struct handle *handle = dfuse__handle_new(r->dfuse);
	int rc;

	if (handle == NULL)
		return ENOMEM;
	rc = fs_open(r->inode, open_flags(r->dfuse, r->fi.flags), &handle->file);
	if (rc != 0)
		handle->file = NULL;
	if (rc == 0) {
		opened(r->dfuse, &r->fi, handle);
		if (fuse_reply_open(r->req, &r->fi) == 0)
			return 0;
	}
	dfuse__handle_free(r->dfuse, handle);
	return rc == ENOENT ? ESTALE : rc; /* the name may be another file's by now: the kernel looks it up again */
}

static void
on_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct request *r = dfuse__request(req, ino, NULL, run_open);

	if (r == NULL)
		return;
	dfuse__request_file(r, fi);
	dfuse__request_go(r);
}

static int
run_create(struct request *r)
{
	struct dfuse *dfuse = r->dfuse;
	struct handle *handle = dfuse__handle_new(dfuse);
	struct fuse_entry_param entry;
	struct fs_inode *inode;
	struct stat st;
	bool created;
	uint64_t ino = 0;
	int rc;

	if (handle == NULL)
		return ENOMEM;
	rc = fs_create(r->inode, r->name, r->mode, open_flags(dfuse, r->fi.flags), &r->who, &inode, &st, &handle->file, &created);
	if (rc != 0) {
		handle->file = NULL;
	} else {
		ino = fs_inode_ino(inode);
		rc = dfuse__node_add(dfuse, inode);
	}
	if (rc == 0) {
		dfuse__entry(dfuse, &entry, ino, &st);
		opened(dfuse, &r->fi, handle);
		if (fuse_reply_create(r->req, &entry, &r->fi) == 0)
			return 0;
		dfuse__node_forget(dfuse, ino, 1);
		dfuse__chores(dfuse);
	}
	dfuse__handle_free(dfuse, handle);
	return rc;
}

static void
on_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, struct fuse_file_info *fi)
{
	struct request *r = dfuse__request(req, parent, name, run_create);

	if (r == NULL)
		return;
	r->mode = mode;
	dfuse__request_file(r, fi);
	r->handle = NULL;
	dfuse__request_go(r);
}

static int
run_read(struct request *r)
{
	void *buffer = dfuse__buffer_get(r->dfuse, r->size);
	struct iovec iov = {.iov_base = buffer, .iov_len = r->size};
	size_t done = 0;
	int rc;

	if (buffer == NULL)
		return ENOMEM;
	rc = fs_read(r->handle->file, &iov, 1, r->off, &done);
	if (rc == 0)
		fuse_reply_buf(r->req, buffer, done);
	dfuse__buffer_put(r->dfuse, buffer, r->size);
	return rc;
}

static void
on_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	struct request *r = dfuse__request(req, ino, NULL, run_read);

	if (r == NULL)
		return;
	r->size = size;
	r->off = (uint64_t)off;
	dfuse__request_file(r, fi);
	dfuse__request_go(r);
}

static int
run_write(struct request *r)
{
	struct iovec iov = {.iov_base = r->data, .iov_len = r->size};
	size_t done = 0;
	int rc;

	if (r->fi.writepage)
		rc = fs_write_at(r->handle->file, &iov, 1, r->off, &done); /* file I3 */
	else
		rc = fs_write(r->handle->file, &iov, 1, r->off, &done, NULL);
	if (rc == 0)
		fuse_reply_write(r->req, done);
	return rc;
}

static void
on_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size, off_t off, struct fuse_file_info *fi)
{
	struct request *r = dfuse__request(req, ino, NULL, run_write);

	if (r == NULL)
		return;
	r->off = (uint64_t)off;
	dfuse__request_file(r, fi);
	if (size > COPY_MAX) {
		r->stolen = dfuse__buffer_steal(r->dfuse);
		r->data = (void *)(uintptr_t)data;
		r->size = size;
	} else if (!dfuse__request_data(r, data, size)) {
		return;
	}
	dfuse__request_go(r);
}

static int
owner_add(struct request *r)
{
	struct handle *handle = r->handle;
	struct mem *mem = r->dfuse->env->mem;
	uint64_t *more;

	for (uint32_t i = 0; i < handle->owner_nr; i++)
		if (handle->owners[i] == r->owner)
			return 0;
	more = MEM_NEW_ARRAY(mem, uint64_t, handle->owner_nr + 1);
	if (more == NULL)
		return ENOLCK;
	if (handle->owner_nr > 0)
		memcpy(more, handle->owners, handle->owner_nr * sizeof(*more));
	more[handle->owner_nr++] = r->owner;
	mem_free(mem, handle->owners);
	handle->owners = more;
	return 0;
}

static void
owner_remove(struct handle *handle, uint64_t owner)
{
	for (uint32_t i = 0; i < handle->owner_nr; i++)
		if (handle->owners[i] == owner)
			handle->owners[i--] = handle->owners[--handle->owner_nr];
}

static int
run_flush(struct request *r)
{
	int rc;

	owner_remove(r->handle, r->owner);
	rc = fs_lock_release(r->inode, r->owner);

	if (rc == 0)
		fuse_reply_err(r->req, 0);
	return rc;
}

static void
on_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct request *r = dfuse__request(req, ino, NULL, run_flush);

	if (r == NULL)
		return;
	dfuse__request_file(r, fi);
	dfuse__request_go(r);
}

static int
run_release(struct request *r)
{
	if (r->fi.flock_release)
		(void)fs_flock(r->inode, r->owner, LOCK_UN, NULL);
	for (uint32_t i = 0; i < r->handle->owner_nr; i++)
		(void)fs_lock_release(r->inode, r->handle->owners[i]);
	dfuse__handle_free(r->dfuse, r->handle);
	fuse_reply_err(r->req, 0);
	return 0;
}

static void
on_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct request *r = dfuse__request(req, ino, NULL, run_release);

	if (r == NULL)
		return;
	dfuse__request_file(r, fi);
	dfuse__request_go(r);
}

static int
run_fsync(struct request *r)
{
	int rc = fs_fsync(r->handle->file);

	if (rc == 0)
		fuse_reply_err(r->req, 0);
	return rc;
}

static void
on_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	struct request *r = dfuse__request(req, ino, NULL, run_fsync);

	if (r == NULL)
		return;
	dfuse__request_file(r, fi);
	dfuse__request_go(r);
}

/* ---- locks --------------------------------------------------------------------------------------------------------------------- */
static void
to_lock(const struct flock *flock, struct fs_lock *lock)
{
	*lock = (struct fs_lock){.type = flock->l_type, .start = (uint64_t)flock->l_start, .end = UINT64_MAX, .pid = (uint32_t)flock->l_pid};
	if (flock->l_len > 0)
		lock->end = lock->start + (uint64_t)flock->l_len - 1;
}

static int
run_getlk(struct request *r)
{
	struct flock flock = {.l_whence = SEEK_SET};
	int rc = fs_getlk(r->inode, r->owner, &r->lock);

	if (rc != 0)
		return rc;
	flock.l_type = (short)r->lock.type;
	flock.l_start = (off_t)r->lock.start;
	flock.l_len = r->lock.end >= INT64_MAX ? 0 : (off_t)(r->lock.end - r->lock.start + 1);
	flock.l_pid = (pid_t)r->lock.pid;
	fuse_reply_lock(r->req, &flock);
	return 0;
}

static void
on_getlk(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, struct flock *lock)
{
	struct request *r = dfuse__request(req, ino, NULL, run_getlk);

	if (r == NULL)
		return;
	dfuse__request_file(r, fi);
	to_lock(lock, &r->lock);
	dfuse__request_go(r);
}

static int
run_setlk(struct request *r)
{
	int rc = r->lock.type != F_UNLCK ? owner_add(r) : 0;

	if (rc == 0)
		rc = fs_setlk(r->inode, r->owner, &r->lock, r->waits, &r->interrupted);
	if (rc == 0)
		fuse_reply_err(r->req, 0);
	return rc;
}

static void
on_setlk(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, struct flock *lock, int sleep)
{
	struct request *r = dfuse__request(req, ino, NULL, run_setlk);

	if (r == NULL)
		return;
	dfuse__request_file(r, fi);
	to_lock(lock, &r->lock);
	r->waits = sleep != 0 && lock->l_type != F_UNLCK;
	dfuse__request_go(r);
}

static int
run_flock(struct request *r)
{
	int rc = fs_flock(r->inode, r->owner, (int)r->flags, &r->interrupted);

	if (rc == 0)
		fuse_reply_err(r->req, 0);
	return rc;
}

static void
on_flock(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, int op)
{
	struct request *r = dfuse__request(req, ino, NULL, run_flock);

	if (r == NULL)
		return;
	dfuse__request_file(r, fi);
	r->flags = (uint32_t)op;
	r->waits = (op & (LOCK_NB | LOCK_UN)) == 0;
	dfuse__request_go(r);
}

void
dfuse__file_ops(struct fuse_lowlevel_ops *ops)
{
	ops->open = on_open;
	ops->create = on_create;
	ops->read = on_read;
	ops->write = on_write;
	ops->flush = on_flush;
	ops->release = on_release;
	ops->fsync = on_fsync;
	ops->getlk = on_getlk;
	ops->setlk = on_setlk;
	ops->flock = on_flock;
}
