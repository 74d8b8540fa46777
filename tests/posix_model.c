/* SPDX-License-Identifier: Apache-2.0 */
/*
 * posix_model DIR [DIR] [--ops N] [--seed S] [--reopen] [--mapping] [--looks N]
 * Random operations over one or two mounts of one container, each at a mount of chance, against the model of posix_model.h: what
 * each call returns, its errno, and what the mounts show afterwards. All is drawn from the seed: the same seed does the same again.
 *   --reopen   a file that the other mount changed is opened again before it is read (close-to-open coherence)
 *   --mapping  shared writable mappings too
 *   --looks    everything is compared each N operations (512)
 */
#include "posix_model.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

/* What an operation is told beforehand. */
struct op {
	int mount, at; /* the mount, its root's descriptor */
	char path[8192], path2[8192];
	struct found found, found2;
};

__attribute__((format(printf, 2, 3))) static void
trace(struct world *w, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(w->trace[w->op % TRACE], TRACE_LEN, format, args);
	va_end(args);
}

static int expect(struct world *w, long rc, int error);

/* The call's answer: error 0 success. Whether it succeeded. */
static int
expect(struct world *w, long rc, int error)
{
	int got = rc < 0 ? errno : 0;

	if (got != error)
		fail(w, "%s instead of %s", got == 0 ? "success" : strerror(got), error == 0 ? "success" : strerror(error));
	return error == 0;
}

/* ---- choosing ---------------------------------------------------------------------------------------------------------------------- */
static struct node *
any_dir(struct world *w)
{
	struct node *dirs[NODES_MAX];
	uint32_t nr = 0;

	for (uint32_t i = 0; i < w->node_nr; i++)
		if (w->nodes[i]->type == S_IFDIR && w->nodes[i]->nlink > 0)
			dirs[nr++] = w->nodes[i];
	return dirs[rnd(w, nr)];
}

/* A name in dir; there: one that is there, if any is. */
static int
any_name(struct world *w, const struct node *dir, bool there)
{
	int name = (int)rnd(w, NAMES);

	for (int i = 0; there && i < NAMES; i++)
		if (dir->child[(name + i) % NAMES] != NULL)
			return (name + i) % NAMES;
	return name;
}

/* A path: mostly plain, sometimes through links, "." and "..". */
static void
any_path(struct world *w, char *path, struct found *found, bool follow, bool there)
{
	for (;;) {
		struct node *dir = any_dir(w);
		uint32_t more = chance(w, 20) ? 1 + (uint32_t)rnd(w, 3) : 0;

		tree_path(w, dir, path);
		for (uint32_t i = 0; i < more; i++) {
			strcat(path, "/");
			strcat(path, chance(w, 25) ? ".." : chance(w, 10) ? "." : model_names[any_name(w, dir, chance(w, 80))]);
		}
		if (more == 0 || chance(w, 80)) {
			strcat(path, "/");
			strcat(path, model_names[any_name(w, dir, there)]);
		}
		tree_walk(w, path, follow, found);
		if (found->err != -1)
			return;
	}
}

static void
choose(struct world *w, struct op *op, bool follow, bool there)
{
	op->mount = (int)rnd(w, (uint64_t)w->mount_nr);
	op->at = w->root[op->mount];
	any_path(w, op->path, &op->found, follow, there);
}

/* The error of an operation upon what is there. */
static int
missing(const struct found *found)
{
	return found->err != 0 ? found->err : found->node == NULL ? ENOENT : 0;
}

/* The error of one that makes a name. */
static int
taken(const struct found *found)
{
	return found->err != 0 ? found->err : found->node != NULL ? EEXIST : found->dir->nlink == 0 ? ENOENT : 0;
}

/* Sticky directories that others can write are left out: there the kernel refuses root some links and files (fs.protected_symlinks). */
static uint32_t
any_mode(struct world *w)
{
	uint32_t mode = (uint32_t)rnd(w, 01000) | (chance(w, 15) ? (uint32_t)rnd(w, 8) << 9 : 0);

	return (mode & S_ISVTX) != 0 ? mode & ~(uint32_t)(S_IWGRP | S_IWOTH) : mode;
}

static void
fill(struct world *w, uint8_t *data, size_t size)
{
	uint64_t word = w->seed * 1000003 + w->op;

	for (size_t i = 0; i < size; i++) {
		word = word * 6364136223846793005ULL + 1442695040888963407ULL;
		data[i] = (uint8_t)(word >> 56);
	}
}

static struct file *
any_file(struct world *w, uint32_t type)
{
	int first = (int)rnd(w, FDS);

	for (int i = 0; i < FDS; i++) {
		struct file *file = &w->files[(first + i) % FDS];

		if (file->fd >= 0 && (type == 0 || file->node->type == type))
			return file;
	}
	return NULL;
}

static void
look_some(struct world *w, struct node *node)
{
	if (node != NULL && node->nlink > 0)
		look_node(w, node, (int)rnd(w, (uint64_t)w->mount_nr));
}

/* ---- open files -------------------------------------------------------------------------------------------------------------------- */
static void
close_file(struct world *w, struct file *file)
{
	struct node *node = file->node;

	expect(w, close(file->fd), 0);
	file->fd = -1;
	node->opens--;
	tree_drop(w, node);
}

/* A stale file of a mount that promises no more than close-to-open. */
static void
reopen(struct world *w, struct file *file)
{
	char path[64];
	int fd;

	if (!file->stale)
		return;
	if (w->reopen) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", file->fd);
		fd = open(path, file->flags & (O_ACCMODE | O_APPEND));
		if (fd < 0)
			fail(w, "opening again: %s", strerror(errno));
		close(file->fd);
		file->fd = fd;
	}
	if (lseek(file->fd, (off_t)file->pos, SEEK_SET) < 0)
		fail(w, "lseek: %s", strerror(errno));
	file->stale = false;
}

static struct file *
free_slot(struct world *w)
{
	struct file *file = NULL;

	for (int i = 0; i < FDS; i++)
		if (w->files[i].fd < 0)
			return &w->files[i];
	file = &w->files[rnd(w, FDS)];
	close_file(w, file);
	return file;
}

static int
open_error(const struct found *found, int flags)
{
	bool creat = (flags & O_CREAT) != 0, writes = (flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC) != 0;
	const struct node *node = found->node;

	if (found->err != 0)
		return found->err;
	if (node == NULL)
		return !creat || found->dir->nlink == 0 ? ENOENT : 0;
	if (creat && (flags & O_EXCL) != 0)
		return EEXIST;
	if (node->type == S_IFLNK) /* O_NOFOLLOW */
		return (flags & O_DIRECTORY) != 0 ? ENOTDIR : ELOOP;
	if (creat && node->type == S_IFDIR)
		return EISDIR;
	if ((flags & O_DIRECTORY) != 0 && node->type != S_IFDIR)
		return ENOTDIR;
	return node->type == S_IFDIR && writes ? EISDIR : 0;
}

static void
op_open(struct world *w, struct op *op)
{
	static const int modes[] = {O_RDONLY, O_WRONLY, O_RDWR, O_RDWR};
	int flags = modes[rnd(w, 4)];
	bool follow = true;
	uint32_t mode = any_mode(w);
	struct file *file = free_slot(w);
	struct node *node;
	int fd;

	flags |= chance(w, 50) ? O_CREAT : 0;
	flags |= chance(w, 20) ? O_TRUNC : 0;
	flags |= chance(w, 25) ? O_APPEND : 0;
	if ((flags & O_CREAT) != 0 && chance(w, 30))
		flags |= O_EXCL;
	else if ((flags & O_CREAT) == 0 && chance(w, 15))
		flags |= O_DIRECTORY;
	if (chance(w, 10))
		flags |= O_NOFOLLOW;
	follow = (flags & O_NOFOLLOW) == 0 && (flags & (O_CREAT | O_EXCL)) != (O_CREAT | O_EXCL);
	choose(w, op, follow, chance(w, 70));
	trace(w, "%d open %s flags %o mode %o", op->mount, op->path, flags, mode);
	node = op->found.node;
	if (node != NULL && node->type != S_IFREG && node->type != S_IFDIR && node->type != S_IFLNK)
		return;
	fd = openat(op->at, op->path, flags, mode);
	if (!expect(w, fd, open_error(&op->found, flags)))
		return;
	if (node == NULL) {
		node = tree_new(w, S_IFREG, mode, op->found.dir);
		op->found.dir->child[op->found.name] = node;
		tree_names_changed(w, op->found.dir);
	} else if ((flags & O_TRUNC) != 0) {
		tree_resize(node, 0);
		tree_data_changed(w, node, op->mount);
	}
	node->opens++;
	*file = (struct file){.fd = fd, .mount = op->mount, .flags = flags, .node = node};
	look_some(w, node);
	look_some(w, op->found.dir);
}

static void
op_close(struct world *w, struct op *op)
{
	struct file *file = any_file(w, 0);

	if (file == NULL)
		return;
	trace(w, "%d close of inode %lu", file->mount, (unsigned long)file->node->ino);
	close_file(w, file);
}

static void
op_write(struct world *w, struct op *op)
{
	struct file *file = any_file(w, S_IFREG);
	bool positioned = chance(w, 50);
	size_t size = chance(w, 70) ? 1 + rnd(w, 6000) : rnd(w, 40000);
	uint64_t at;
	ssize_t done;

	if (file == NULL)
		return;
	if (!positioned && (file->flags & O_APPEND) == 0)
		reopen(w, file);
	at = positioned ? rnd(w, DATA_MAX - size) : file->pos;
	if ((file->flags & O_APPEND) != 0)
		at = file->node->size;
	trace(w, "%d %s%s of %zu at %lu to inode %lu (size %zu)", file->mount, positioned ? "pwrite" : "write",
	      (file->flags & O_APPEND) != 0 ? " (append)" : "", size, (unsigned long)at, (unsigned long)file->node->ino, file->node->size);
	if (at + size > DATA_MAX)
		return;
	fill(w, w->buf, size);
	done = positioned ? pwrite(file->fd, w->buf, size, (off_t)at) : write(file->fd, w->buf, size);
	if (!expect(w, done, (file->flags & O_ACCMODE) == O_RDONLY ? EBADF : 0))
		return;
	if ((size_t)done != size)
		fail(w, "%zd bytes written instead of %zu", done, size);
	if (size == 0)
		return;
	if (at + size > file->node->size)
		tree_resize(file->node, at + size);
	memcpy(file->node->data + at, w->buf, size);
	if (!positioned)
		file->pos = at + size;
	/* The kernel counts an append from the size it knows, which another mount may have changed: only bytes are right then. */
	if (!positioned && file->stale && lseek(file->fd, (off_t)file->pos, SEEK_SET) < 0)
		fail(w, "lseek: %s", strerror(errno));
	if (!positioned && lseek(file->fd, 0, SEEK_CUR) != (off_t)file->pos)
		fail(w, "the position is %ld, not %lu", (long)lseek(file->fd, 0, SEEK_CUR), (unsigned long)file->pos);
	tree_data_changed(w, file->node, file->mount);
	look_some(w, file->node);
}

static void
op_read(struct world *w, struct op *op)
{
	struct file *file = any_file(w, S_IFREG);
	bool positioned = chance(w, 50);
	size_t size = chance(w, 70) ? rnd(w, 6000) : rnd(w, DATA_MAX), want;
	uint64_t at;
	ssize_t done;

	if (file == NULL)
		return;
	reopen(w, file);
	at = positioned ? rnd(w, DATA_MAX) : file->pos;
	trace(w, "%d %s of %zu at %lu from inode %lu (size %zu)", file->mount, positioned ? "pread" : "read", size, (unsigned long)at,
	      (unsigned long)file->node->ino, file->node->size);
	done = positioned ? pread(file->fd, w->buf, size, (off_t)at) : read(file->fd, w->buf, size);
	if (!expect(w, done, (file->flags & O_ACCMODE) == O_WRONLY ? EBADF : 0))
		return;
	want = at >= file->node->size ? 0 : size < file->node->size - at ? size : file->node->size - at;
	if ((size_t)done != want)
		fail(w, "%zd bytes read instead of %zu", done, want);
	for (size_t i = 0; i < want; i++)
		if (w->buf[i] != file->node->data[at + i])
			fail(w, "byte %lu is %02x, not %02x", (unsigned long)(at + i), w->buf[i], file->node->data[at + i]);
	if (!positioned)
		file->pos += want;
}

static void
op_seek(struct world *w, struct op *op)
{
	struct file *file = any_file(w, S_IFREG);
	uint64_t to;

	if (file == NULL)
		return;
	reopen(w, file);
	if (chance(w, 30)) {
		trace(w, "%d seek to the end of inode %lu", file->mount, (unsigned long)file->node->ino);
		to = (uint64_t)lseek(file->fd, 0, SEEK_END);
		if (to != file->node->size)
			fail(w, "the end is at %lu, not %zu", (unsigned long)to, file->node->size);
	} else {
		to = rnd(w, DATA_MAX / 2);
		trace(w, "%d seek to %lu in inode %lu", file->mount, (unsigned long)to, (unsigned long)file->node->ino);
		expect(w, lseek(file->fd, (off_t)to, SEEK_SET), 0);
	}
	file->pos = to;
}

static void
op_fd_attr(struct world *w, struct op *op)
{
	struct file *file = any_file(w, 0);
	struct stat st;
	uint32_t mode;

	if (file == NULL)
		return;
	trace(w, "%d fstat, fchmod, fsync of inode %lu", file->mount, (unsigned long)file->node->ino);
	if (chance(w, 30)) {
		mode = any_mode(w);
		if (file->node->type == S_IFREG || file->node->nlink > 0) {
			expect(w, fchmod(file->fd, mode), 0);
			file->node->mode = mode;
			file->node->setid_loose = false;
			tree_ctime(w, file->node);
		}
	}
	if (chance(w, 20))
		expect(w, fsync(file->fd), 0);
	expect(w, fstat(file->fd, &st), 0);
	look_stat(w, file->node, &st, "fstat");
}

static void
op_fd_truncate(struct world *w, struct op *op)
{
	struct file *file = any_file(w, S_IFREG);
	size_t size = rnd(w, DATA_MAX);

	if (file == NULL)
		return;
	trace(w, "%d ftruncate of inode %lu from %zu to %zu", file->mount, (unsigned long)file->node->ino, file->node->size, size);
	if (!expect(w, ftruncate(file->fd, (off_t)size), (file->flags & O_ACCMODE) == O_RDONLY ? EINVAL : 0))
		return;
	tree_resize(file->node, size);
	tree_data_changed(w, file->node, file->mount);
	look_some(w, file->node);
}

/* Writes through a shared mapping, synced before anyone else looks. */
static void
op_map(struct world *w, struct op *op)
{
	struct file *file = any_file(w, S_IFREG);
	size_t at, size;
	uint8_t *map;

	if (!w->mapping || file == NULL || (file->flags & O_ACCMODE) != O_RDWR || file->node->size == 0)
		return;
	if ((file->flags & O_APPEND) != 0 && w->mount_nr > 1)
		return; /* has no mapping while there are other mounts, so that appends are whole */
	reopen(w, file);
	at = rnd(w, file->node->size);
	size = 1 + rnd(w, file->node->size - at);
	trace(w, "%d mapped write of %zu at %zu to inode %lu (size %zu)", file->mount, size, at, (unsigned long)file->node->ino, file->node->size);
	map = mmap(NULL, file->node->size, PROT_READ | PROT_WRITE, MAP_SHARED, file->fd, 0);
	if (map == MAP_FAILED)
		fail(w, "mmap: %s", strerror(errno));
	fill(w, w->buf, size);
	if (memcmp(map, file->node->data, file->node->size) != 0)
		fail(w, "the mapping shows other bytes");
	memcpy(map + at, w->buf, size);
	expect(w, msync(map, file->node->size, MS_SYNC), 0);
	munmap(map, file->node->size);
	memcpy(file->node->data + at, w->buf, size);
	tree_data_changed(w, file->node, file->mount);
	look_some(w, file->node);
}

/* ---- names -------------------------------------------------------------------------------------------------------------------------- */
static void
made(struct world *w, struct op *op, struct node *node)
{
	op->found.dir->child[op->found.name] = node;
	if (node->type == S_IFDIR)
		op->found.dir->nlink++;
	tree_names_changed(w, op->found.dir);
	look_some(w, node);
	look_some(w, op->found.dir);
}

static void
op_mkdir(struct world *w, struct op *op)
{
	uint32_t mode = any_mode(w) & 01777, dirs = 0;

	choose(w, op, false, chance(w, 20));
	for (uint32_t i = 0; i < w->node_nr; i++)
		dirs += w->nodes[i]->type == S_IFDIR;
	trace(w, "%d mkdir %s mode %o", op->mount, op->path, mode);
	if (dirs >= DIRS_MAX || strlen(op->path) > 1500)
		return;
	if (expect(w, mkdirat(op->at, op->path, mode), taken(&op->found)))
		made(w, op, tree_new(w, S_IFDIR, mode, op->found.dir));
}

static void
op_mknod(struct world *w, struct op *op)
{
	static const uint32_t types[] = {S_IFREG, S_IFIFO, S_IFSOCK};
	uint32_t mode = any_mode(w), type = types[rnd(w, 3)];

	choose(w, op, false, chance(w, 20));
	trace(w, "%d mknod %s mode %o", op->mount, op->path, type | mode);
	if (expect(w, mknodat(op->at, op->path, type | mode, 0), taken(&op->found)))
		made(w, op, tree_new(w, type, mode, op->found.dir));
}

static void
op_symlink(struct world *w, struct op *op)
{
	char target[8192];
	struct found to;
	struct node *node;

	do {
		any_path(w, target, &to, false, true);
	} while (strlen(target) >= sizeof(node->target));
	choose(w, op, false, chance(w, 20));
	trace(w, "%d symlink %s to %s", op->mount, op->path, target);
	if (!expect(w, symlinkat(target, op->at, op->path), taken(&op->found)))
		return;
	node = tree_new(w, S_IFLNK, 0777, op->found.dir);
	strcpy(node->target, target);
	made(w, op, node);
}

static void
op_readlink(struct world *w, struct op *op)
{
	char target[600];
	ssize_t len;
	int error;

	choose(w, op, false, true);
	trace(w, "%d readlink %s", op->mount, op->path);
	error = missing(&op->found);
	len = readlinkat(op->at, op->path, target, sizeof(target));
	if (!expect(w, len, error == 0 && op->found.node->type != S_IFLNK ? EINVAL : error))
		return;
	if ((size_t)len != strlen(op->found.node->target) || memcmp(target, op->found.node->target, (size_t)len) != 0)
		fail(w, "the target is %.*s", (int)len, target);
}

static void
op_link(struct world *w, struct op *op)
{
	bool follow = chance(w, 30);
	int error;

	any_path(w, op->path2, &op->found2, follow, true);
	choose(w, op, false, chance(w, 20));
	trace(w, "%d link %s to %s%s", op->mount, op->path, op->path2, follow ? " (followed)" : "");
	error = missing(&op->found2);
	if (error == 0)
		error = taken(&op->found);
	if (error == 0 && op->found2.node->type == S_IFDIR)
		error = EPERM;
	if (!expect(w, linkat(op->at, op->path2, op->at, op->path, follow ? AT_SYMLINK_FOLLOW : 0), error))
		return;
	op->found2.node->nlink++;
	tree_ctime(w, op->found2.node);
	made(w, op, op->found2.node);
}

static void
lose(struct world *w, struct node *node)
{
	node->nlink = node->type == S_IFDIR ? 0 : node->nlink - 1;
	tree_ctime(w, node);
	tree_drop(w, node);
}

static void
op_unlink(struct world *w, struct op *op)
{
	int error;

	choose(w, op, false, chance(w, 80));
	trace(w, "%d unlink %s", op->mount, op->path);
	error = op->found.err != 0 ? op->found.err : op->found.name < 0 ? EISDIR : missing(&op->found);
	if (error == 0 && op->found.node->type == S_IFDIR)
		error = EISDIR;
	if (!expect(w, unlinkat(op->at, op->path, 0), error))
		return;
	op->found.dir->child[op->found.name] = NULL;
	tree_names_changed(w, op->found.dir);
	if (op->found.node->nlink > 1 && chance(w, 50)) {
		lose(w, op->found.node);
		look_some(w, op->found.node);
	} else {
		lose(w, op->found.node);
	}
	look_some(w, op->found.dir);
}

static void
op_rmdir(struct world *w, struct op *op)
{
	struct node *node;
	int error;

	choose(w, op, false, true);
	trace(w, "%d rmdir %s", op->mount, op->path);
	node = op->found.node;
	if (op->found.err == 0 && op->found.name < 0)
		error = op->found.dotdot ? ENOTEMPTY : EINVAL;
	else
		error = missing(&op->found);
	if (error == 0 && node->type != S_IFDIR)
		error = ENOTDIR;
	if (error == 0 && !tree_empty(node))
		error = ENOTEMPTY;
	if (!expect(w, unlinkat(op->at, op->path, AT_REMOVEDIR), error))
		return;
	op->found.dir->child[op->found.name] = NULL;
	op->found.dir->nlink--;
	tree_names_changed(w, op->found.dir);
	node->parent = NULL;
	lose(w, node);
	look_some(w, op->found.dir);
}

static int
rename_error(const struct op *op, uint32_t flags)
{
	const struct found *old = &op->found, *new = &op->found2;
	bool exchange = (flags & RENAME_EXCHANGE) != 0;

	if (old->err != 0 || new->err != 0)
		return old->err != 0 ? old->err : new->err;
	if (old->name < 0)
		return EBUSY;
	if (new->name < 0)
		return (flags & RENAME_NOREPLACE) != 0 ? EEXIST : EBUSY;
	if (old->node == NULL)
		return ENOENT;
	if (new->node != NULL && (flags & RENAME_NOREPLACE) != 0)
		return EEXIST;
	if (new->node == NULL && exchange)
		return ENOENT;
	if (old->node->type == S_IFDIR && tree_below(new->dir, old->node))
		return EINVAL;
	if (new->node != NULL && new->node->type == S_IFDIR && tree_below(old->dir, new->node))
		return exchange ? EINVAL : ENOTEMPTY;
	if (new->node == NULL || new->node == old->node || exchange)
		return 0;
	if (old->node->type == S_IFDIR && new->node->type != S_IFDIR)
		return ENOTDIR;
	if (old->node->type != S_IFDIR && new->node->type == S_IFDIR)
		return EISDIR;
	return new->node->type == S_IFDIR && !tree_empty(new->node) ? ENOTEMPTY : 0;
}

/* node now lies in dir under name. */
static void
place(struct world *w, struct node *node, struct node *from, struct node *dir, int name)
{
	dir->child[name] = node;
	tree_ctime(w, node);
	if (node->type == S_IFDIR) {
		from->nlink--;
		dir->nlink++;
		node->parent = dir;
	}
}

/*
 * The kernel cannot move its own name of a directory that another mount moved while it renames across directories (ESTALE); a look at
 * the names, as mv takes one, sets it right.
 */
static int
rename_it(struct world *w, const struct op *op, uint32_t flags)
{
	int rc = renameat2(op->at, op->path, op->at, op->path2, flags);
	struct stat st;

	if (rc == 0 || errno != ESTALE || w->mount_nr == 1)
		return rc;
	(void)fstatat(op->at, op->path, &st, AT_SYMLINK_NOFOLLOW);
	(void)fstatat(op->at, op->path2, &st, AT_SYMLINK_NOFOLLOW);
	return renameat2(op->at, op->path, op->at, op->path2, flags);
}

static void
op_rename(struct world *w, struct op *op)
{
	static const uint32_t all[] = {0, 0, 0, RENAME_NOREPLACE, RENAME_EXCHANGE};
	uint32_t flags = all[rnd(w, 5)];
	struct found *old = &op->found, *new = &op->found2;

	choose(w, op, false, true);
	any_path(w, op->path2, new, false, chance(w, 50));
	trace(w, "%d rename %s to %s flags %u", op->mount, op->path, op->path2, flags);
	if (strlen(op->path2) > 2000)
		return;
	if (!expect(w, rename_it(w, op, flags), rename_error(op, flags)) || old->node == new->node)
		return;
	tree_names_changed(w, old->dir);
	tree_names_changed(w, new->dir);
	old->dir->child[old->name] = NULL;
	if (new->node != NULL && flags != RENAME_EXCHANGE) {
		if (new->node->type == S_IFDIR) {
			new->dir->nlink--;
			new->node->parent = NULL;
		}
		new->dir->child[new->name] = NULL;
		lose(w, new->node);
	} else if (new->node != NULL) {
		place(w, new->node, new->dir, old->dir, old->name);
	}
	place(w, old->node, old->dir, new->dir, new->name);
	look_some(w, old->node);
	look_some(w, old->dir);
	look_some(w, new->dir);
}

/* ---- attributes -------------------------------------------------------------------------------------------------------------------- */
static void
op_stat(struct world *w, struct op *op)
{
	bool follow = chance(w, 50);
	struct stat st;

	choose(w, op, follow, chance(w, 80));
	trace(w, "%d stat %s", op->mount, op->path);
	if (expect(w, fstatat(op->at, op->path, &st, follow ? 0 : AT_SYMLINK_NOFOLLOW), missing(&op->found)))
		look_stat(w, op->found.node, &st, "stat");
}

static void
op_chmod(struct world *w, struct op *op)
{
	uint32_t mode = any_mode(w);

	choose(w, op, true, chance(w, 90));
	trace(w, "%d chmod %o %s", op->mount, mode, op->path);
	if (!expect(w, fchmodat(op->at, op->path, mode, 0), missing(&op->found)))
		return;
	op->found.node->mode = mode;
	op->found.node->setid_loose = false;
	tree_ctime(w, op->found.node);
	look_some(w, op->found.node);
}

static void
op_chown(struct world *w, struct op *op)
{
	uint32_t uid = chance(w, 30) ? UINT32_MAX : (uint32_t)rnd(w, 3), gid = chance(w, 30) ? UINT32_MAX : (uint32_t)rnd(w, 3);
	struct node *node;

	choose(w, op, false, true);
	trace(w, "%d chown %d:%d %s", op->mount, (int)uid, (int)gid, op->path);
	if (uid == UINT32_MAX && gid == UINT32_MAX)
		return;
	if (!expect(w, fchownat(op->at, op->path, uid, gid, AT_SYMLINK_NOFOLLOW), missing(&op->found)))
		return;
	node = op->found.node;
	node->uid = uid != UINT32_MAX ? uid : node->uid;
	node->gid = gid != UINT32_MAX ? gid : node->gid;
	if (node->type != S_IFDIR) {
		node->mode &= ~(uint32_t)S_ISUID;
		if ((node->mode & S_IXGRP) != 0)
			node->mode &= ~(uint32_t)S_ISGID;
	}
	tree_ctime(w, node);
	look_some(w, node);
}

static void
op_utimens(struct world *w, struct op *op)
{
	struct timespec ts[2];
	struct node *node;

	for (int i = 0; i < 2; i++) {
		ts[i] = (struct timespec){.tv_sec = (time_t)rnd(w, 3000000000), .tv_nsec = (long)rnd(w, 1000000000)};
		if (chance(w, 20))
			ts[i].tv_sec = -(time_t)rnd(w, 100000000);
		if (chance(w, 40))
			ts[i].tv_nsec = chance(w, 50) ? UTIME_OMIT : UTIME_NOW;
	}
	choose(w, op, false, true);
	trace(w, "%d utimens %s atime %ld.%ld mtime %ld.%ld", op->mount, op->path, ts[0].tv_sec, ts[0].tv_nsec, ts[1].tv_sec, ts[1].tv_nsec);
	if (ts[0].tv_nsec == UTIME_OMIT && ts[1].tv_nsec == UTIME_OMIT)
		return;
	if (!expect(w, utimensat(op->at, op->path, ts, AT_SYMLINK_NOFOLLOW), missing(&op->found)))
		return;
	node = op->found.node;
	if (ts[0].tv_nsec == UTIME_NOW)
		node->atime_known = false;
	else if (ts[0].tv_nsec != UTIME_OMIT)
		node->atime = ts[0];
	if (ts[1].tv_nsec == UTIME_NOW) {
		tree_mtime(w, node);
	} else if (ts[1].tv_nsec != UTIME_OMIT) {
		node->mtime = ts[1];
		node->mtime_exact = true;
	}
	tree_ctime(w, node);
	look_some(w, node);
}

static void
op_truncate(struct world *w, struct op *op)
{
	size_t size = rnd(w, DATA_MAX);
	char path[9000];
	int error;

	choose(w, op, true, true);
	trace(w, "%d truncate %s to %zu", op->mount, op->path, size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", op->at, op->path);
	error = missing(&op->found);
	if (error == 0 && op->found.node->type != S_IFREG)
		error = op->found.node->type == S_IFDIR ? EISDIR : EINVAL;
	if (strlen(path) >= 4096 || !expect(w, truncate(path, (off_t)size), error))
		return;
	tree_resize(op->found.node, size);
	tree_data_changed(w, op->found.node, op->mount);
	look_some(w, op->found.node);
}

static void
op_xattr(struct world *w, struct op *op)
{
	int which = (int)rnd(w, XATTRS), flags = chance(w, 60) ? 0 : chance(w, 50) ? XATTR_CREATE : XATTR_REPLACE, error;
	size_t size = rnd(w, 300);
	char path[9000];
	struct node *node;
	bool there;

	choose(w, op, true, true);
	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", op->at, op->path);
	error = missing(&op->found);
	node = op->found.node;
	if (strlen(path) >= 4096 || (error == 0 && node->type != S_IFREG && node->type != S_IFDIR))
		return;
	there = error == 0 && node->xattr[which].there;
	if (chance(w, 70)) {
		trace(w, "%d setxattr %s %s of %zu flags %d", op->mount, op->path, model_xattrs[which], size, flags);
		fill(w, w->buf, size);
		if (error == 0 && flags != 0 && there == (flags == XATTR_CREATE))
			error = there ? EEXIST : ENODATA;
		if (!expect(w, setxattr(path, model_xattrs[which], w->buf, size, flags), error))
			return;
		node->xattr[which].there = true;
		node->xattr[which].len = size;
		memcpy(node->xattr[which].value, w->buf, size);
	} else {
		trace(w, "%d removexattr %s %s", op->mount, op->path, model_xattrs[which]);
		if (!expect(w, removexattr(path, model_xattrs[which]), error == 0 && !there ? ENODATA : error))
			return;
		node->xattr[which].there = false;
	}
	tree_ctime(w, node);
	look_some(w, node);
}

static void
op_readdir(struct world *w, struct op *op)
{
	struct node *dir = any_dir(w);
	int mount = (int)rnd(w, (uint64_t)w->mount_nr);

	trace(w, "%d readdir of inode %lu", mount, (unsigned long)dir->ino);
	look_dir(w, dir, mount, chance(w, 50));
}

/* In an open directory, which may have been removed. */
static void
op_in_dir(struct world *w, struct op *op)
{
	struct file *file = any_file(w, S_IFDIR);
	int name = (int)rnd(w, NAMES);
	struct node *dir, *node;
	struct stat st;

	if (file == NULL)
		return;
	dir = file->node;
	node = dir->child[name];
	trace(w, "%d mknod, stat of %s in open directory %lu", file->mount, model_names[name], (unsigned long)dir->ino);
	if (node == NULL && chance(w, 50)) {
		if (!expect(w, mknodat(file->fd, model_names[name], S_IFREG | 0644, 0), dir->nlink == 0 ? ENOENT : 0))
			return;
		node = dir->child[name] = tree_new(w, S_IFREG, 0644, dir);
		tree_names_changed(w, dir);
	}
	if (expect(w, fstatat(file->fd, model_names[name], &st, AT_SYMLINK_NOFOLLOW), node == NULL ? ENOENT : 0))
		look_stat(w, node, &st, "stat");
}

static void
op_statfs(struct world *w, struct op *op)
{
	struct statvfs st;

	op->mount = (int)rnd(w, (uint64_t)w->mount_nr);
	trace(w, "%d statfs", op->mount);
	expect(w, fstatvfs(w->root[op->mount], &st), 0);
	if (st.f_bfree > st.f_blocks || st.f_bavail > st.f_bfree || st.f_blocks == 0 || st.f_namemax != 255 || st.f_ffree > st.f_files)
		fail(w, "%lu of %lu blocks free, names of %lu", (unsigned long)st.f_bfree, (unsigned long)st.f_blocks, (unsigned long)st.f_namemax);
}

/* ---- the run ------------------------------------------------------------------------------------------------------------------------ */
static const struct { void (*run)(struct world *w, struct op *op); unsigned int weight; const char *name; } ops[] = {
	{op_open, 16, "open"}, {op_close, 10, "close"}, {op_write, 14, "write"}, {op_read, 14, "read"}, {op_seek, 3, "seek"},
	{op_fd_attr, 4, "fstat"}, {op_fd_truncate, 3, "ftruncate"}, {op_map, 3, "map"}, {op_mkdir, 4, "mkdir"}, {op_mknod, 2, "mknod"},
	{op_symlink, 2, "symlink"}, {op_readlink, 1, "readlink"}, {op_link, 3, "link"}, {op_unlink, 7, "unlink"}, {op_rmdir, 3, "rmdir"},
	{op_rename, 8, "rename"}, {op_stat, 6, "stat"}, {op_chmod, 2, "chmod"}, {op_chown, 2, "chown"}, {op_utimens, 3, "utimens"},
	{op_truncate, 2, "truncate"}, {op_xattr, 4, "xattr"}, {op_readdir, 3, "readdir"}, {op_in_dir, 2, "in a directory"}, {op_statfs, 1, "statfs"},
};

static void
one_op(struct world *w)
{
	unsigned int total = 0, at;
	struct op op = {0};

	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		total += ops[i].weight;
	at = (unsigned int)rnd(w, total);
	clock_gettime(CLOCK_REALTIME, &w->begun);
	trace(w, "nothing");
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		if (at < ops[i].weight) {
			w->counts[i]++;
			ops[i].run(w, &op);
			return;
		}
		at -= ops[i].weight;
	}
}

/* Everything goes, so that a next run finds it empty; also shows that nothing stands in the way of that. */
static void
clear(struct world *w)
{
	bool more = true;

	for (int i = 0; i < FDS; i++)
		if (w->files[i].fd >= 0)
			close_file(w, &w->files[i]);
	while (more) {
		more = false;
		for (uint32_t i = 0; i < w->node_nr; i++) {
			struct node *node = w->nodes[i], *dir;
			char path[8192];
			int name;

			if (node == w->top || (node->type == S_IFDIR && !tree_empty(node)) || !tree_find_name(w, node, &dir, &name))
				continue;
			tree_path(w, dir, path);
			strcat(strcat(path, "/"), model_names[name]);
			expect(w, unlinkat(w->root[0], path, node->type == S_IFDIR ? AT_REMOVEDIR : 0), 0);
			dir->child[name] = NULL;
			node->nlink = node->type == S_IFDIR ? 0 : node->nlink - 1;
			tree_drop(w, node);
			more = true;
			break;
		}
	}
}

/* In a directory of its own, so that several may run in one container. */
static void
begin(struct world *w, char **dirs)
{
	char path[4096];
	struct stat st;

	w->rng = w->seed;
	umask(0);
	for (int i = 0; i < FDS; i++)
		w->files[i].fd = -1;
	for (int i = 0; i < w->mount_nr; i++) {
		snprintf(path, sizeof(path), "%s/model-%lu", dirs[i], (unsigned long)w->seed);
		if (i == 0 && mkdir(path, 0755) != 0)
			fail(w, "mkdir %s: %s", path, strerror(errno));
		w->root[i] = open(path, O_RDONLY | O_DIRECTORY);
		if (w->root[i] < 0 || fstat(w->root[i], &st) != 0)
			fail(w, "opening %s: %s", path, strerror(errno));
	}
	w->top = tree_new(w, S_IFDIR, 0755, NULL);
	w->top->uid = st.st_uid;
	w->top->gid = st.st_gid;
	w->top->mtime_up = w->top->ctime_up = false;
}

int
main(int argc, char **argv)
{
	struct world *w = calloc(1, sizeof(*w));
	uint64_t looks = 512;
	char *dirs[2], path[4096];

	if (w == NULL)
		return 2;
	*w = (struct world){.seed = 1, .ops = 10000};
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--ops") == 0 && i + 1 < argc)
			w->ops = strtoul(argv[++i], NULL, 0);
		else if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc)
			w->seed = strtoul(argv[++i], NULL, 0);
		else if (strcmp(argv[i], "--looks") == 0 && i + 1 < argc)
			looks = strtoul(argv[++i], NULL, 0);
		else if (strcmp(argv[i], "--reopen") == 0)
			w->reopen = true;
		else if (strcmp(argv[i], "--mapping") == 0)
			w->mapping = true;
		else if (argv[i][0] != '-' && w->mount_nr < 2)
			dirs[w->mount_nr++] = argv[i];
		else
			return 2;
	}
	if (w->mount_nr == 0)
		return 2;
	begin(w, dirs);
	for (w->op = 0; w->op < w->ops; w->op++) {
		one_op(w);
		if (looks != 0 && w->op % looks == looks - 1)
			look_all(w, (int)(w->op / looks) % w->mount_nr);
	}
	w->op = w->ops - 1;
	for (int i = 0; i < w->mount_nr; i++)
		look_all(w, i);
	clear(w);
	snprintf(path, sizeof(path), "%s/model-%lu", dirs[0], (unsigned long)w->seed);
	expect(w, rmdir(path), 0);
	printf("%lu operations of seed %lu over %d mounts:", (unsigned long)w->ops, (unsigned long)w->seed, w->mount_nr);
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		printf(" %s %lu", ops[i].name, (unsigned long)w->counts[i]);
	printf("\n");
	return 0;
}
