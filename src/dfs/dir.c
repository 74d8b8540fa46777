/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading directories. A handle takes all names at its first read, and again when it is rewound, sorted by (cookie, name);
 * the cookie of a name is its hash, so that a position of one handle means the same in any other. Each entry is looked up
 * when it is delivered, many at once: a name that is gone by then is left out.
 *
 *	dir I1  A name that is there from the first read to the end is delivered exactly once (dfs I5).
 *	dir I2  Within a handle names of equal cookies are not skipped: the handle knows behind which of them it stopped.
 *
 * readdir yields. Nothing is stored.
 */
#include "internal.h"

#include <stdlib.h>
#include "base/hash64.h"

enum { LIST_BATCH = 128, LOOK_BATCH = 32, LOOK_ROUNDS = 16 };

struct dir_name {
	uint64_t cookie;
	uint32_t at; /* in text */
};

struct fs_dir {
	struct fs_inode *inode;
	struct dir_name *names;
	uint32_t nr, room;
	char *text; /* the names, each with a NUL */
	size_t text_len, text_room;
	bool filled;
	uint64_t last_cookie; /* delivered last, and where the next one is */
	uint32_t next;
	bool busy;
};

static uint64_t
cookie_of(const char *name, size_t len)
{
	return MAX(hash64_bytes(name, len, DFS_COOKIE_SEED) >> 1, (uint64_t)DFS_COOKIE_MIN);
}

uint64_t
fs_dir_cookie(const char *name)
{
	return cookie_of(name, strlen(name));
}

int
fs_opendir(struct fs_inode *inode, struct fs_dir **result)
{
	struct fs_dir *dir;

	if (inode->type != S_IFDIR)
		return ENOTDIR;
	dir = MEM_NEW(inode->fs->mem, struct fs_dir);
	if (dir == NULL)
		return ENOMEM;
	dir->inode = fs_inode_get(inode);
	*result = dir;
	return 0;
}

static void
drop_names(struct fs_dir *dir)
{
	struct mem *mem = dir->inode->fs->mem;

	mem_free(mem, dir->names);
	mem_free(mem, dir->text);
	dir->names = NULL;
	dir->text = NULL;
	dir->nr = dir->room = 0;
	dir->text_len = dir->text_room = 0;
	dir->filled = false;
	dir->last_cookie = 0;
	dir->next = 0;
}

void
fs_closedir(struct fs_dir *dir)
{
	struct fs_inode *inode = dir->inode;

	drop_names(dir);
	mem_free(inode->fs->mem, dir);
	fs_inode_put(inode);
}

static int
add_name(struct fs_dir *dir, const char *name, size_t len)
{
	struct mem *mem = dir->inode->fs->mem;

	if (dir->nr == dir->room) {
		uint32_t room = MAX(dir->room * 2, 64U);
		struct dir_name *names = mem_grow(mem, dir->names, dir->room, room, sizeof(*names));

		if (names == NULL)
			return -DER_NOMEM;
		dir->names = names;
		dir->room = room;
	}
	if (dir->text_room - dir->text_len < len + 1) {
		size_t room = MAX(dir->text_room * 2, (size_t)4096);
		char *text = mem_grow(mem, dir->text, dir->text_room, room, 1);

		if (text == NULL)
			return -DER_NOMEM;
		dir->text = text;
		dir->text_room = room;
	}
	if (dir->text_len + len + 1 > UINT32_MAX)
		return -DER_OVERFLOW;
	dir->names[dir->nr++] = (struct dir_name){.cookie = cookie_of(name, len), .at = (uint32_t)dir->text_len};
	memcpy(dir->text + dir->text_len, name, len);
	dir->text_len += len;
	dir->text[dir->text_len++] = 0;
	return 0;
}

static int
compare_names(const void *a, const void *b, void *arg)
{
	const struct dir_name *x = a, *y = b;
	const struct fs_dir *dir = arg;

	if (x->cookie != y->cookie)
		return x->cookie < y->cookie ? -1 : 1;
	return strcmp(dir->text + x->at, dir->text + y->at);
}

/* Sifts the name at top down a heap of nr. */
static void
sift(struct fs_dir *dir, uint32_t top, uint32_t nr)
{
	for (uint32_t child; (child = 2 * top + 1) < nr; top = child) {
		struct dir_name name = dir->names[top];

		if (child + 1 < nr && compare_names(&dir->names[child], &dir->names[child + 1], dir) < 0)
			child++;
		if (compare_names(&name, &dir->names[child], dir) >= 0)
			return;
		dir->names[top] = dir->names[child];
		dir->names[child] = name;
	}
}

/* A heap sort: the library's may allocate. */
static void
sort_names(struct fs_dir *dir)
{
	for (uint32_t top = dir->nr / 2; top-- > 0;)
		sift(dir, top, dir->nr);
	for (uint32_t end = dir->nr; end-- > 1;) {
		struct dir_name name = dir->names[0];

		dir->names[0] = dir->names[end];
		dir->names[end] = name;
		sift(dir, 0, end);
	}
}

static int
take_names(struct fs_dir *dir)
{
	daos_anchor_t anchor = DAOS_ANCHOR_INIT;
	size_t room = LIST_BATCH * (FS_NAME_MAX + 1);
	char *buf = mem_alloc(dir->inode->fs->mem, room);
	daos_key_desc_t kds[LIST_BATCH];
	d_iov_t iov;
	d_sg_list_t sgl = {.sg_nr = 1, .sg_iovs = &iov};
	uint32_t nr;
	int rc = buf != NULL ? 0 : -DER_NOMEM;

	drop_names(dir);
	while (rc == 0 && anchor.da_type != DAOS_ANCHOR_TYPE_EOF) {
		nr = LIST_BATCH;
		d_iov_set(&iov, buf, room);
		rc = object_list(dir->inode->object, NULL, NULL, &nr, kds, &sgl, &anchor);
		for (size_t i = 0, at = 0; rc == 0 && i < nr; at += kds[i].kd_key_len, i++) {
			size_t len = kds[i].kd_key_len;

			if (len == 0 || len > FS_NAME_MAX || memchr(buf + at, 0, len) != NULL || memchr(buf + at, '/', len) != NULL)
				continue; /* not a name of ours */
			if (len != strlen(DFS_INODE_DKEY) || buf[at] != DFS_INODE_DKEY[0])
				rc = add_name(dir, buf + at, len);
		}
	}
	mem_free(dir->inode->fs->mem, buf);
	if (rc == -DER_NONEXIST)
		rc = 0;
	if (rc != 0)
		return rc;
	sort_names(dir);
	dir->filled = true;
	return 0;
}

/* The first name behind cookie. */
static uint32_t
seek(const struct fs_dir *dir, uint64_t cookie)
{
	uint32_t lo = 0, hi = dir->nr;

	if (cookie == dir->last_cookie && cookie >= DFS_COOKIE_MIN)
		return dir->next;
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (dir->names[mid].cookie <= cookie)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* ---- looking entries up, many at once ------------------------------------------------------------------------------------------------ */
struct look {
	struct fs_inode *dir;
	const char *name;
	bool attributes;
	struct fs_named named;
	struct fs_inode *inode; /* with attributes */
	struct stat st;
	struct ult *ult;
	int rc;
};

static void
look_up(void *arg)
{
	struct look *look = arg;
	int rc = 0;

	for (uint32_t round = 0; round < LOOK_ROUNDS; round++) {
		rc = fs__entry_load(look->dir, NULL, look->name, &look->named);
		if (rc != 0 || !look->attributes)
			break;
		rc = fs__inode_of(look->dir->fs, look->named.oid, look->named.type, &look->inode);
		if (rc == 0)
			rc = fs__getattr(look->inode, &look->st);
		if (rc != ENOENT)
			break;
		fs_inode_put(look->inode); /* another file took the name, or it is gone */
		look->inode = NULL;
	}
	look->rc = rc;
}

static void
look_all(struct look *looks, uint32_t nr)
{
	for (uint32_t i = 1; i < nr; i++)
		if (ult_spawn(xs_self(), ULT_IO, "dfs_look", look_up, &looks[i], &looks[i].ult) != 0) {
			looks[i].ult = NULL;
			look_up(&looks[i]);
		}
	if (nr > 0)
		look_up(&looks[0]);
	for (uint32_t i = 1; i < nr; i++)
		if (looks[i].ult != NULL)
			ult_join(looks[i].ult);
}

struct delivery {
	struct fs_dir *dir;
	bool attributes;
	int (*emit)(void *arg, const struct fs_entry *entry);
	void *arg;
};

/* . and .. */
static int
deliver_dots(const struct delivery *to, uint64_t cookie, int *stop)
{
	struct fs_inode *dir = to->dir->inode, *up;
	struct fs_entry entry = {.name = ".", .ino = dir->oid.lo, .type = S_IFDIR, .cookie = DFS_COOKIE_DOT};
	struct fs_record record;
	struct stat st;
	int rc;

	rc = fs__record_load(dir, NULL, &record);
	if (rc != 0)
		return rc;
	if (cookie < DFS_COOKIE_DOT) {
		if (to->attributes) {
			rc = fs__getattr(dir, &st);
			entry.st = &st;
			entry.inode = dir;
		}
		if (rc == 0)
			*stop = to->emit(to->arg, &entry);
	}
	if (rc != 0 || *stop != 0 || cookie >= DFS_COOKIE_DOTDOT)
		return rc;
	entry = (struct fs_entry){.name = "..", .ino = record.parent.lo, .type = S_IFDIR, .cookie = DFS_COOKIE_DOTDOT};
	if (!to->attributes) {
		*stop = to->emit(to->arg, &entry);
		return 0;
	}
	rc = fs__inode_of(dir->fs, record.parent, S_IFDIR, &up);
	if (rc != 0)
		return rc;
	rc = fs__getattr(up, &st);
	entry.st = &st;
	entry.inode = up;
	if (rc == 0)
		*stop = to->emit(to->arg, &entry);
	fs_inode_put(up);
	return rc;
}

static int
deliver_one(const struct delivery *to, const struct look *look, uint32_t at, int *stop)
{
	struct fs_dir *dir = to->dir;
	struct fs_entry entry = {.name = look->name, .ino = look->named.oid.lo, .type = look->named.type, .cookie = dir->names[at].cookie};

	if (look->rc == ENOENT)
		return 0;
	if (look->rc != 0)
		return look->rc;
	if (to->attributes) {
		entry.st = &look->st;
		entry.inode = look->inode;
	}
	*stop = to->emit(to->arg, &entry);
	if (*stop == 0) {
		dir->last_cookie = entry.cookie;
		dir->next = at + 1;
	}
	return 0;
}

/* One batch from at on. */
static int
deliver_batch(const struct delivery *to, struct look *looks, uint32_t at, uint32_t nr, int *stop)
{
	struct fs_dir *dir = to->dir;
	int rc = 0;

	for (uint32_t i = 0; i < nr; i++)
		looks[i] = (struct look){.dir = dir->inode, .name = dir->text + dir->names[at + i].at, .attributes = to->attributes};
	look_all(looks, nr);
	for (uint32_t i = 0; i < nr; i++) {
		if (rc == 0 && *stop == 0)
			rc = deliver_one(to, &looks[i], at + i, stop);
		if (looks[i].inode != NULL)
			fs_inode_put(looks[i].inode);
	}
	return rc;
}

static int
deliver(const struct delivery *to, uint64_t cookie)
{
	struct fs_dir *dir = to->dir;
	struct look *looks;
	int rc = 0, stop = 0;

	if (cookie == 0 || !dir->filled)
		rc = take_names(dir);
	if (rc == 0 && cookie < DFS_COOKIE_DOTDOT)
		rc = deliver_dots(to, cookie, &stop);
	if (rc != 0 || stop != 0)
		return rc;
	looks = MEM_NEW_ARRAY(dir->inode->fs->mem, struct look, LOOK_BATCH);
	if (looks == NULL)
		return -DER_NOMEM;
	for (uint32_t at = seek(dir, cookie); rc == 0 && stop == 0 && at < dir->nr; at += LOOK_BATCH)
		rc = deliver_batch(to, looks, at, MIN(dir->nr - at, (uint32_t)LOOK_BATCH), &stop);
	mem_free(dir->inode->fs->mem, looks);
	return rc;
}

int
fs_readdir(struct fs_dir *dir, uint64_t cookie, bool attributes, int (*emit)(void *arg, const struct fs_entry *entry), void *arg)
{
	struct delivery to = {.dir = dir, .attributes = attributes, .emit = emit, .arg = arg};
	int rc;

	if (dir->busy)
		return EBUSY; /* a handle is read by one at a time */
	dir->busy = true;
	rc = deliver(&to, cookie);
	dir->busy = false;
	return fs__errno(rc);
}
