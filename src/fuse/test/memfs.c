/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memfs: see memfs.h. An inode lives while an entry or a reference holds it; an open file and an open directory hold a reference. Entries of a
 * directory stand in the order of their cookies, which count up and are never used again (dfs I5).
 */
#include "memfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include "base/hash.h"
#include "base/list.h"

struct entry {
	struct hash_node by_name;
	struct list link;
	uint64_t cookie;
	struct fs_inode *inode;
	char name[FS_NAME_MAX + 1];
};

struct xattr {
	struct list link;
	char name[FS_NAME_MAX + 1];
	size_t size;
	char value[];
};

struct held {
	struct list link;
	uint64_t owner;
	struct fs_lock lock;
};

struct fs_inode {
	struct fs *fs;
	struct list link;
	uint32_t refs;
	struct stat st;
	struct fs_inode *parent; /* of a directory */
	struct hash names;
	struct list entries, xattrs, locks, flocks;
	char *data;  /* of a file; a symlink's target */
	size_t room;
};

struct fs {
	struct env *env;
	struct list inodes;
	struct fs_inode *root;
	uint64_t next_ino, next_cookie, delay_ns;
	uint32_t handles, busy, busiest;
	bool sole;
	void (*recalled)(void *arg);
	void *arg;
	struct ult_cond unlocked;
};

struct fs_file {
	struct fs_inode *inode;
	int flags;
};

struct fs_dir {
	struct fs_inode *inode;
};

static bool
name_equal(const struct hash_node *node, const void *key)
{
	return strcmp(hash_entry(node, struct entry, by_name)->name, key) == 0;
}

static const struct hash_ops by_name_ops = {.hash = hash_key_string, .equal = name_equal};

/* ---- inodes -------------------------------------------------------------------------------------------------------------------------- */
static struct timespec
now(struct fs *fs)
{
	uint64_t ns = env_wall(fs->env);

	return (struct timespec){.tv_sec = (time_t)(ns / NS_PER_S), .tv_nsec = (long)(ns % NS_PER_S)};
}

static void
touch(struct fs_inode *inode, bool modified)
{
	inode->st.st_ctim = now(inode->fs);
	if (modified)
		inode->st.st_mtim = inode->st.st_ctim;
}

static struct fs_inode *
inode_new(struct fs *fs, mode_t mode, const struct fs_who *who)
{
	struct fs_inode *inode = MEM_NEW(fs->env->mem, struct fs_inode);

	if (inode == NULL)
		return NULL;
	inode->fs = fs;
	inode->refs = 1;
	inode->st = (struct stat){.st_ino = fs->next_ino++, .st_mode = mode, .st_uid = who->uid, .st_gid = who->gid, .st_blksize = 1 << 20};
	inode->st.st_atim = inode->st.st_mtim = inode->st.st_ctim = now(fs);
	hash_init(&inode->names, fs->env->mem, &by_name_ops, 0);
	list_init(&inode->entries);
	list_init(&inode->xattrs);
	list_init(&inode->locks);
	list_init(&inode->flocks);
	list_append(&fs->inodes, &inode->link);
	return inode;
}

static void
inode_free(struct fs_inode *inode)
{
	struct mem *mem = inode->fs->env->mem;
	struct list *lists[] = {&inode->locks, &inode->flocks};
	struct xattr *xattr;
	struct entry *entry;
	struct held *held;

	while ((xattr = list_pop(&inode->xattrs, struct xattr, link)) != NULL)
		mem_free(mem, xattr);
	while ((entry = list_pop(&inode->entries, struct entry, link)) != NULL)
		mem_free(mem, entry);
	for (int i = 0; i < 2; i++)
		while ((held = list_pop(lists[i], struct held, link)) != NULL)
			mem_free(mem, held);
	hash_fini(&inode->names);
	list_remove(&inode->link);
	mem_free(mem, inode->data);
	mem_free(mem, inode);
}

struct fs *
memfs_make(struct env *env)
{
	struct fs_who who = {0};
	struct fs *fs = MEM_NEW(env->mem, struct fs);

	if (fs == NULL)
		return NULL;
	fs->env = env;
	fs->sole = true;
	fs->next_ino = FS_ROOT_INO;
	fs->next_cookie = 3;
	list_init(&fs->inodes);
	ult_cond_init(&fs->unlocked);
	fs->root = inode_new(fs, S_IFDIR | 0755, &who);
	if (fs->root == NULL) {
		mem_free(env->mem, fs);
		return NULL;
	}
	fs->root->st.st_nlink = 2;
	fs->root->parent = fs->root;
	fs->root->refs = 0;
	return fs;
}

int
memfs_free(struct fs *fs)
{
	int forgotten = (int)fs->handles;

	while (!list_empty(&fs->inodes)) {
		struct fs_inode *inode = list_first(&fs->inodes, struct fs_inode, link);

		forgotten += (int)inode->refs;
		inode_free(inode);
	}
	mem_free(fs->env->mem, fs);
	return forgotten;
}

void
memfs_set_delay(struct fs *fs, uint64_t ns)
{
	fs->delay_ns = ns;
}

uint32_t
memfs_busiest(const struct fs *fs)
{
	return fs->busiest;
}

struct fs_inode *
fs_root(struct fs *fs)
{
	return fs_inode_get(fs->root);
}

struct fs_inode *
fs_inode_get(struct fs_inode *inode)
{
	inode->refs++;
	return inode;
}

void
fs_inode_put(struct fs_inode *inode)
{
	ASSERT(inode->refs > 0);
	if (--inode->refs == 0 && inode->st.st_nlink == 0)
		inode_free(inode);
}

uint64_t
fs_inode_ino(const struct fs_inode *inode)
{
	return inode->st.st_ino;
}

bool
fs_sole(const struct fs *fs)
{
	return fs->sole;
}

void
fs_on_recall(struct fs *fs, void (*recalled)(void *arg), void *arg)
{
	fs->recalled = recalled;
	fs->arg = arg;
}

int
fs_getattr(struct fs_inode *inode, struct stat *st)
{
	*st = inode->st;
	st->st_blocks = (blkcnt_t)DIV_UP((uint64_t)inode->st.st_size, 512);
	return 0;
}

/* Makes room for size bytes; what is new is zero. */
static int
resize(struct fs_inode *inode, size_t size)
{
	size_t room = MAX(size, inode->room * 2);
	char *data;

	if (size > inode->room) {
		data = mem_grow(inode->fs->env->mem, inode->data, inode->room, room, 1);
		if (data == NULL)
			return ENOSPC;
		inode->data = data;
		inode->room = room;
	}
	if ((size_t)inode->st.st_size > size)
		memset(inode->data + size, 0, (size_t)inode->st.st_size - size);
	inode->st.st_size = (off_t)size;
	return 0;
}

int
fs_setattr(struct fs_inode *inode, const struct stat *attr, uint32_t set, struct stat *st)
{
	struct stat *mine = &inode->st;
	int rc = set & FS_SET_SIZE ? resize(inode, (size_t)attr->st_size) : 0;

	if (rc != 0)
		return rc;
	touch(inode, (set & FS_SET_SIZE) != 0);
	if (set & FS_SET_MODE)
		mine->st_mode = (mine->st_mode & S_IFMT) | (attr->st_mode & 07777);
	if (set & FS_SET_UID)
		mine->st_uid = attr->st_uid;
	if (set & FS_SET_GID)
		mine->st_gid = attr->st_gid;
	if (set & FS_SET_ATIME)
		mine->st_atim = attr->st_atim;
	if (set & FS_SET_ATIME_NOW)
		mine->st_atim = mine->st_ctim;
	if (set & FS_SET_MTIME)
		mine->st_mtim = attr->st_mtim;
	if (set & FS_SET_MTIME_NOW)
		mine->st_mtim = mine->st_ctim;
	return st != NULL ? fs_getattr(inode, st) : 0;
}

/* ---- names ----------------------------------------------------------------------------------------------------------------------------- */
static struct entry *
find(struct fs_inode *dir, const char *name)
{
	struct hash_node *node = hash_find(&dir->names, name);

	return node != NULL ? hash_entry(node, struct entry, by_name) : NULL;
}

static int
insert(struct fs_inode *dir, const char *name, struct fs_inode *inode)
{
	struct entry *entry = MEM_NEW(dir->fs->env->mem, struct entry);

	if (entry == NULL)
		return ENOSPC;
	snprintf(entry->name, sizeof(entry->name), "%s", name);
	entry->cookie = dir->fs->next_cookie++;
	entry->inode = inode;
	hash_insert(&dir->names, &entry->by_name, entry->name);
	list_append(&dir->entries, &entry->link);
	touch(dir, true);
	return 0;
}

static void
take_out(struct fs_inode *dir, struct entry *entry)
{
	hash_remove(&dir->names, &entry->by_name);
	list_remove(&entry->link);
	mem_free(dir->fs->env->mem, entry);
	touch(dir, true);
}

/* The inode lost an entry. */
static void
drop_link(struct fs_inode *dir, struct fs_inode *inode)
{
	touch(inode, false);
	if (S_ISDIR(inode->st.st_mode)) {
		dir->st.st_nlink--;
		inode->st.st_nlink = 0;
	} else {
		inode->st.st_nlink--;
	}
	if (inode->st.st_nlink == 0 && inode->refs == 0)
		inode_free(inode);
}

int
fs_lookup(struct fs_inode *dir, const char *name, struct fs_inode **inode, struct stat *st)
{
	struct entry *entry = find(dir, name);

	if (!S_ISDIR(dir->st.st_mode))
		return ENOTDIR;
	if (entry == NULL)
		return ENOENT;
	*inode = fs_inode_get(entry->inode);
	return st != NULL ? fs_getattr(*inode, st) : 0;
}

static int
make(struct fs_inode *dir, const char *name, mode_t mode, const struct fs_who *who, struct fs_inode **inodep, struct stat *st)
{
	struct fs_inode *inode;

	if (find(dir, name) != NULL)
		return EEXIST;
	if (dir->st.st_nlink == 0)
		return ENOENT;
	inode = inode_new(dir->fs, (mode & S_IFMT) | (mode & 07777 & ~who->umask), who);
	if (inode == NULL)
		return ENOSPC;
	if (insert(dir, name, inode) != 0) {
		inode_free(inode);
		return ENOSPC;
	}
	inode->st.st_nlink = S_ISDIR(mode) ? 2 : 1;
	inode->parent = dir;
	if (S_ISDIR(mode))
		dir->st.st_nlink++;
	*inodep = inode;
	return st != NULL ? fs_getattr(inode, st) : 0;
}

int
fs_mknod(struct fs_inode *dir, const char *name, mode_t mode, dev_t rdev, const struct fs_who *who, struct fs_inode **inode, struct stat *st)
{
	int rc = make(dir, name, (mode & S_IFMT) == 0 ? mode | S_IFREG : mode, who, inode, st);

	if (rc == 0)
		(*inode)->st.st_rdev = st->st_rdev = rdev;
	return rc;
}

int
fs_create(struct fs_inode *dir, const char *name, mode_t mode, int flags, const struct fs_who *who, struct fs_inode **inode, struct stat *st,
	  struct fs_file **file, bool *created)
{
	int rc = make(dir, name, S_IFREG | (mode & 07777), who, inode, st);

	*created = rc == 0;
	if (rc == EEXIST && (flags & O_EXCL) == 0)
		rc = fs_lookup(dir, name, inode, st);
	return rc == 0 ? fs_open(*inode, flags, file) : rc;
}

int
fs_mkdir(struct fs_inode *dir, const char *name, mode_t mode, const struct fs_who *who, struct fs_inode **inode, struct stat *st)
{
	return make(dir, name, S_IFDIR | (mode & 07777), who, inode, st);
}

int
fs_symlink(struct fs_inode *dir, const char *name, const char *target, const struct fs_who *who, struct fs_inode **inode, struct stat *st)
{
	int rc = make(dir, name, S_IFLNK | 0777, who, inode, st);

	if (rc == 0)
		rc = resize(*inode, strlen(target));
	if (rc == 0)
		memcpy((*inode)->data, target, strlen(target));
	return rc == 0 ? fs_getattr(*inode, st) : rc;
}

int
fs_readlink(struct fs_inode *inode, char *target, size_t size, size_t *len)
{
	*len = (size_t)inode->st.st_size;
	snprintf(target, size, "%.*s", (int)*len, inode->data);
	return 0;
}

int
fs_link(struct fs_inode *inode, struct fs_inode *dir, const char *name, struct stat *st)
{
	int rc = find(dir, name) != NULL ? EEXIST : insert(dir, name, inode);

	if (rc != 0)
		return rc;
	inode->st.st_nlink++;
	touch(inode, false);
	return fs_getattr(inode, st);
}

static int
take_away(struct fs_inode *dir, const char *name, bool directory)
{
	struct entry *entry = find(dir, name);
	struct fs_inode *inode;

	if (entry == NULL)
		return ENOENT;
	inode = entry->inode;
	if (S_ISDIR(inode->st.st_mode) != directory)
		return directory ? ENOTDIR : EISDIR;
	if (directory && !list_empty(&inode->entries))
		return ENOTEMPTY;
	take_out(dir, entry);
	drop_link(dir, inode);
	return 0;
}

int
fs_unlink(struct fs_inode *dir, const char *name)
{
	return take_away(dir, name, false);
}

int
fs_rmdir(struct fs_inode *dir, const char *name)
{
	return take_away(dir, name, true);
}

static bool
below(const struct fs_inode *dir, const struct fs_inode *top)
{
	for (; dir != dir->parent; dir = dir->parent)
		if (dir == top)
			return true;
	return dir == top;
}

static void
moved(struct fs_inode *inode, struct fs_inode *from, struct fs_inode *to)
{
	if (S_ISDIR(inode->st.st_mode)) {
		from->st.st_nlink--;
		to->st.st_nlink++;
		inode->parent = to;
	}
	touch(inode, false);
}

int
fs_rename(struct fs_inode *from, const char *old, struct fs_inode *to, const char *name, uint32_t flags)
{
	struct entry *source = find(from, old), *target = find(to, name);
	struct fs_inode *inode = source != NULL ? source->inode : NULL;
	int rc;

	if (source == NULL || (target == NULL && (flags & RENAME_EXCHANGE)))
		return ENOENT;
	if (target != NULL && (flags & RENAME_NOREPLACE))
		return EEXIST;
	if (S_ISDIR(inode->st.st_mode) && below(to, inode))
		return EINVAL;
	if (target != NULL && target->inode == inode)
		return 0;
	if (flags & RENAME_EXCHANGE) {
		source->inode = target->inode;
		target->inode = inode;
		moved(inode, from, to);
		moved(source->inode, to, from);
		return 0;
	}
	if (target != NULL) {
		rc = take_away(to, name, S_ISDIR(inode->st.st_mode));
		if (rc != 0)
			return rc;
	}
	rc = insert(to, name, inode);
	if (rc != 0)
		return rc;
	take_out(from, source);
	moved(inode, from, to);
	return 0;
}

/* ---- directories ---------------------------------------------------------------------------------------------------------------------- */
int
fs_opendir(struct fs_inode *dir, struct fs_dir **handle)
{
	*handle = MEM_NEW(dir->fs->env->mem, struct fs_dir);
	if (*handle == NULL)
		return ENOMEM;
	(*handle)->inode = fs_inode_get(dir);
	dir->fs->handles++;
	return 0;
}

int
fs_readdir(struct fs_dir *handle, uint64_t cookie, bool attributes, int (*emit_entry)(void *arg, const struct fs_entry *entry), void *arg)
{
	struct fs_inode *dir = handle->inode;
	struct entry *at;

	for (uint64_t dots = 1; dots <= 2; dots++) {
		struct fs_inode *inode = dots == 1 ? dir : dir->parent;
		struct fs_entry entry = {.name = dots == 1 ? "." : "..", .ino = inode->st.st_ino, .type = S_IFDIR, .cookie = dots,
					 .st = attributes ? &inode->st : NULL, .inode = attributes ? inode : NULL};

		if (cookie < dots && emit_entry(arg, &entry) != 0)
			return 0;
	}
	list_each(at, &dir->entries, link) {
		struct fs_entry entry = {.name = at->name, .ino = at->inode->st.st_ino, .type = at->inode->st.st_mode & S_IFMT,
					 .cookie = at->cookie, .st = attributes ? &at->inode->st : NULL,
					 .inode = attributes ? at->inode : NULL};

		if (at->cookie > cookie && emit_entry(arg, &entry) != 0)
			return 0;
	}
	return 0;
}

void
fs_closedir(struct fs_dir *handle)
{
	handle->inode->fs->handles--;
	fs_inode_put(handle->inode);
	mem_free(handle->inode->fs->env->mem, handle);
}

/* ---- files ----------------------------------------------------------------------------------------------------------------------------- */
int
fs_open(struct fs_inode *inode, int flags, struct fs_file **file)
{
	*file = MEM_NEW(inode->fs->env->mem, struct fs_file);
	if (*file == NULL)
		return ENOMEM;
	(*file)->inode = fs_inode_get(inode);
	(*file)->flags = flags;
	inode->fs->handles++;
	if (flags & O_TRUNC) {
		(void)resize(inode, 0);
		touch(inode, true);
	}
	return 0;
}

int
fs_close(struct fs_file *file)
{
	struct fs *fs = file->inode->fs;

	fs->handles--;
	fs_inode_put(file->inode);
	mem_free(fs->env->mem, file);
	return 0;
}

static void
linger(struct fs *fs)
{
	if (fs->delay_ns == 0)
		return;
	fs->busy++;
	fs->busiest = MAX(fs->busiest, fs->busy);
	ult_sleep(fs->delay_ns);
	fs->busy--;
}

int
fs_read(struct fs_file *file, const struct iovec *iov, int iov_nr, uint64_t off, size_t *done)
{
	struct fs_inode *inode = file->inode;

	linger(inode->fs);
	*done = 0;
	for (int i = 0; i < iov_nr && off < (uint64_t)inode->st.st_size; i++) {
		size_t len = MIN(iov[i].iov_len, (size_t)((uint64_t)inode->st.st_size - off));

		memcpy(iov[i].iov_base, inode->data + off, len);
		off += len;
		*done += len;
	}
	return 0;
}

static int
write_file(struct fs_file *file, bool append, const struct iovec *iov, int iov_nr, uint64_t off, size_t *done, uint64_t *last)
{
	struct fs_inode *inode = file->inode;
	size_t total = 0;

	linger(inode->fs);
	for (int i = 0; i < iov_nr; i++)
		total += iov[i].iov_len;
	if (append)
		off = (uint64_t)inode->st.st_size;
	if (off + total > (uint64_t)inode->st.st_size && resize(inode, off + total) != 0)
		return ENOSPC;
	for (int i = 0; i < iov_nr; off += iov[i++].iov_len)
		memcpy(inode->data + off, iov[i].iov_base, iov[i].iov_len);
	touch(inode, true);
	*done = total;
	if (last != NULL)
		*last = off;
	return 0;
}

int
fs_write(struct fs_file *file, const struct iovec *iov, int iov_nr, uint64_t off, size_t *done, uint64_t *last)
{
	return write_file(file, file->flags & O_APPEND, iov, iov_nr, off, done, last);
}

int
fs_write_at(struct fs_file *file, const struct iovec *iov, int iov_nr, uint64_t off, size_t *done)
{
	return write_file(file, false, iov, iov_nr, off, done, NULL);
}

int
fs_fsync(struct fs_file *file)
{
	return 0;
}

int
fs_statfs(struct fs *fs, struct statvfs *st)
{
	*st = (struct statvfs){.f_bsize = 4096, .f_frsize = 4096, .f_blocks = 1 << 20, .f_bfree = 1 << 19, .f_bavail = 1 << 19,
			       .f_namemax = FS_NAME_MAX};
	return 0;
}

/* ---- extended attributes --------------------------------------------------------------------------------------------------------------- */
static struct xattr *
xattr_find(struct fs_inode *inode, const char *name)
{
	struct xattr *xattr;

	list_each(xattr, &inode->xattrs, link)
		if (strcmp(xattr->name, name) == 0)
			return xattr;
	return NULL;
}

int
fs_setxattr(struct fs_inode *inode, const char *name, const void *value, size_t size, int flags)
{
	struct xattr *old = xattr_find(inode, name), *xattr;

	if (old != NULL && (flags & XATTR_CREATE))
		return EEXIST;
	if (old == NULL && (flags & XATTR_REPLACE))
		return ENODATA;
	xattr = mem_alloc(inode->fs->env->mem, sizeof(*xattr) + size);
	if (xattr == NULL)
		return ENOSPC;
	snprintf(xattr->name, sizeof(xattr->name), "%s", name);
	xattr->size = size;
	memcpy(xattr->value, value, size);
	list_append(&inode->xattrs, &xattr->link);
	if (old != NULL) {
		list_remove(&old->link);
		mem_free(inode->fs->env->mem, old);
	}
	return 0;
}

int
fs_getxattr(struct fs_inode *inode, const char *name, void *value, size_t size, size_t *needed)
{
	struct xattr *xattr = xattr_find(inode, name);

	if (xattr == NULL)
		return ENODATA;
	*needed = xattr->size;
	if (size != 0 && size < xattr->size)
		return ERANGE;
	memcpy(value, xattr->value, MIN(size, xattr->size));
	return 0;
}

int
fs_listxattr(struct fs_inode *inode, char *list, size_t size, size_t *needed)
{
	struct xattr *xattr;

	*needed = 0;
	list_each(xattr, &inode->xattrs, link) {
		size_t len = strlen(xattr->name) + 1;

		if (*needed + len <= size)
			memcpy(list + *needed, xattr->name, len);
		*needed += len;
	}
	return size != 0 && *needed > size ? ERANGE : 0;
}

int
fs_removexattr(struct fs_inode *inode, const char *name)
{
	struct xattr *xattr = xattr_find(inode, name);

	if (xattr == NULL)
		return ENODATA;
	list_remove(&xattr->link);
	mem_free(inode->fs->env->mem, xattr);
	return 0;
}

/* ---- locks ------------------------------------------------------------------------------------------------------------------------------ */
static struct held *
conflict(struct list *locks, uint64_t owner, const struct fs_lock *lock)
{
	struct held *held;

	list_each(held, locks, link)
		if (held->owner != owner && held->lock.start <= lock->end && lock->start <= held->lock.end &&
		    (held->lock.type == F_WRLCK || lock->type == F_WRLCK))
			return held;
	return NULL;
}

static int
hold(struct fs_inode *inode, struct list *locks, uint64_t owner, const struct fs_lock *lock)
{
	struct held *held = MEM_NEW(inode->fs->env->mem, struct held);

	if (held == NULL)
		return ENOLCK;
	held->owner = owner;
	held->lock = *lock;
	list_append(locks, &held->link);
	return 0;
}

/* Takes the range out of what owner holds; what lies on either side stays. */
static int
carve(struct fs_inode *inode, struct list *locks, uint64_t owner, const struct fs_lock *lock)
{
	struct held *held, *tmp;
	struct list kept;
	int rc = 0;

	list_init(&kept);
	list_each_safe(held, tmp, locks, link) {
		struct fs_lock left = held->lock, right = held->lock;

		if (held->owner != owner || held->lock.start > lock->end || lock->start > held->lock.end)
			continue;
		left.end = lock->start - 1;
		right.start = lock->end + 1;
		if (held->lock.start < lock->start)
			rc |= hold(inode, &kept, owner, &left);
		if (held->lock.end > lock->end)
			rc |= hold(inode, &kept, owner, &right);
		list_remove(&held->link);
		mem_free(inode->fs->env->mem, held);
	}
	list_splice(locks, &kept);
	return rc;
}

static int
set_lock(struct fs_inode *inode, struct list *locks, uint64_t owner, const struct fs_lock *lock, bool wait, const bool *interrupted)
{
	int rc = 0;

	while (lock->type != F_UNLCK && conflict(locks, owner, lock) != NULL) {
		if (!wait)
			return EAGAIN;
		ult_cond_wait(&inode->fs->unlocked, NULL);
		if (*interrupted)
			return EINTR;
	}
	rc = carve(inode, locks, owner, lock);
	if (rc == 0 && lock->type != F_UNLCK)
		rc = hold(inode, locks, owner, lock);
	ult_cond_broadcast(&inode->fs->unlocked);
	return rc;
}

int
fs_setlk(struct fs_inode *inode, uint64_t owner, const struct fs_lock *lock, bool wait, const bool *interrupted)
{
	return set_lock(inode, &inode->locks, owner, lock, wait, interrupted);
}

int
fs_getlk(struct fs_inode *inode, uint64_t owner, struct fs_lock *lock)
{
	struct held *held = conflict(&inode->locks, owner, lock);

	if (held != NULL)
		*lock = held->lock;
	else
		lock->type = F_UNLCK;
	return 0;
}

int
fs_flock(struct fs_inode *inode, uint64_t owner, int op, const bool *interrupted)
{
	struct fs_lock lock = {.end = UINT64_MAX, .type = op & LOCK_EX ? F_WRLCK : op & LOCK_SH ? F_RDLCK : F_UNLCK};

	return set_lock(inode, &inode->flocks, owner, &lock, (op & LOCK_NB) == 0, interrupted);
}

void
fs_lock_interrupt(struct fs *fs)
{
	ult_cond_broadcast(&fs->unlocked);
}

int
fs_lock_release(struct fs_inode *inode, uint64_t owner)
{
	struct fs_lock all = {.end = UINT64_MAX, .type = F_UNLCK};

	return set_lock(inode, &inode->locks, owner, &all, false, NULL);
}

void
memfs_intrude(struct fs *fs, const char *name, const char *text)
{
	struct entry *entry = find(fs->root, name);

	fs->sole = false;
	if (entry != NULL)
		memcpy(entry->inode->data, text, MIN(strlen(text), (size_t)entry->inode->st.st_size));
	if (fs->recalled != NULL)
		fs->recalled(fs->arg);
}
