/* SPDX-License-Identifier: Apache-2.0 */
/* What the mounts show, compared with the model of posix_model.h. */
#include "posix_model.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { SLACK_NS = 5000000 };

void
fail(struct world *w, const char *format, ...)
{
	va_list args;

	for (uint64_t i = w->op >= TRACE ? w->op - TRACE + 1 : 0; i <= w->op; i++)
		printf("  %lu: %s\n", (unsigned long)i, w->trace[i % TRACE]);
	printf("FAILED at operation %lu of seed %lu: ", (unsigned long)w->op, (unsigned long)w->seed);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\nreplay: --seed %lu --ops %lu\n", (unsigned long)w->seed, (unsigned long)w->op + 1);
	exit(1);
}

static int
compare(const struct timespec *a, const struct timespec *b)
{
	if (a->tv_sec != b->tv_sec)
		return a->tv_sec < b->tv_sec ? -1 : 1;
	return a->tv_nsec < b->tv_nsec ? -1 : a->tv_nsec > b->tv_nsec;
}

/* when: shown now; before: shown last; up: it had to be renewed then (NULL: it had not). */
static void
look_time(struct world *w, const struct node *node, const char *what, const char *how, const struct timespec *when, const struct timespec *before,
	  const struct timespec *up)
{
	struct timespec since = up != NULL ? *up : *before, now;

	clock_gettime(CLOCK_REALTIME, &now);
	now.tv_sec += 1;
	since.tv_nsec -= SLACK_NS;
	if (since.tv_nsec < 0) {
		since.tv_nsec += 1000000000;
		since.tv_sec--;
	}
	if (up == NULL && compare(when, before) != 0)
		fail(w, "%s: %s of inode %lu is %ld.%09ld but was %ld.%09ld and nothing happened to it", how, what, (unsigned long)node->ino,
		     when->tv_sec, when->tv_nsec, before->tv_sec, before->tv_nsec);
	if (up != NULL && (compare(when, &since) < 0 || compare(when, &now) > 0))
		fail(w, "%s: %s of inode %lu is %ld.%09ld, but it changed at %ld.%09ld (was %ld.%09ld)", how, what, (unsigned long)node->ino,
		     when->tv_sec, when->tv_nsec, up->tv_sec, up->tv_nsec, before->tv_sec, before->tv_nsec);
	if (up != NULL && compare(before, &since) < 0 && compare(when, before) <= 0)
		fail(w, "%s: %s of inode %lu did not move from %ld.%09ld", how, what, (unsigned long)node->ino, when->tv_sec, when->tv_nsec);
}

static void
look_times(struct world *w, struct node *node, const struct stat *st, const char *how)
{
	if (node->mtime_exact)
		look_time(w, node, "mtime", how, &st->st_mtim, &node->mtime, NULL);
	else if (node->seen || node->mtime_up)
		look_time(w, node, "mtime", how, &st->st_mtim, &node->mtime, node->mtime_up ? &node->mtime_since : NULL);
	if (node->seen || node->ctime_up)
		look_time(w, node, "ctime", how, &st->st_ctim, &node->ctime, node->ctime_up ? &node->ctime_since : NULL);
	if (node->atime_known)
		look_time(w, node, "atime", how, &st->st_atim, &node->atime, NULL);
	node->atime = st->st_atim;
	node->mtime = st->st_mtim;
	node->ctime = st->st_ctim;
	node->seen = node->atime_known = true;
	node->mtime_up = node->ctime_up = false;
}

void
look_stat(struct world *w, struct node *node, const struct stat *st, const char *how)
{
	uint32_t mode = node->mode, killed = mode & ~(uint32_t)S_ISUID;
	uint64_t size = node->type == S_IFREG ? node->size : node->type == S_IFLNK ? strlen(node->target) : (uint64_t)st->st_size;

	if ((killed & S_IXGRP) != 0)
		killed &= ~(uint32_t)S_ISGID;
	if (node->setid_loose && (st->st_mode & 07777) == killed)
		node->mode = mode = killed;
	node->setid_loose = false;
	if ((st->st_mode & S_IFMT) != node->type || (st->st_mode & 07777) != mode)
		fail(w, "%s: mode is %o, not %o", how, st->st_mode, node->type | mode);
	if (st->st_nlink != node->nlink)
		fail(w, "%s: nlink of inode %lu is %lu, not %u", how, (unsigned long)st->st_ino, (unsigned long)st->st_nlink, node->nlink);
	if (st->st_uid != node->uid || st->st_gid != node->gid)
		fail(w, "%s: owner is %u:%u, not %u:%u", how, st->st_uid, st->st_gid, node->uid, node->gid);
	if ((uint64_t)st->st_size != size)
		fail(w, "%s: size of inode %lu is %ld, not %lu", how, (unsigned long)st->st_ino, (long)st->st_size, (unsigned long)size);
	if (node->ino == 0)
		node->ino = st->st_ino;
	if (st->st_ino != node->ino)
		fail(w, "%s: inode number is %lu, not %lu", how, (unsigned long)st->st_ino, (unsigned long)node->ino);
	look_times(w, node, st, how);
}

/* By its name, if it has one. */
static bool
path_of(const struct world *w, const struct node *node, char *path)
{
	struct node *dir;
	int name;

	if (node == w->top) {
		strcpy(path, ".");
		return true;
	}
	if (!tree_find_name(w, node, &dir, &name))
		return false;
	tree_path(w, dir, path);
	strcat(path, "/");
	strcat(path, model_names[name]);
	return true;
}

void
look_node(struct world *w, struct node *node, int mount)
{
	char path[8192], how[8300];
	struct stat st;

	if (!path_of(w, node, path))
		return;
	snprintf(how, sizeof(how), "stat of %s at mount %d", path, mount);
	if (fstatat(w->root[mount], path, &st, AT_SYMLINK_NOFOLLOW) != 0)
		fail(w, "%s: %s", how, strerror(errno));
	look_stat(w, node, &st, how);
}

/* ---- directories -------------------------------------------------------------------------------------------------------------- */
static void
look_entry(struct world *w, struct node *dir, const struct dirent *entry, bool seen[NAMES + 2])
{
	struct node *node = NULL;
	int at = -1;

	if (strcmp(entry->d_name, ".") == 0) {
		at = NAMES;
		node = dir;
	} else if (strcmp(entry->d_name, "..") == 0) {
		at = NAMES + 1;
		node = dir == w->top ? NULL : dir->parent; /* of the top: another file system's */
	}
	for (int i = 0; i < NAMES; i++)
		if (strcmp(entry->d_name, model_names[i]) == 0) {
			at = i;
			node = dir->child[i];
		}
	if (at < 0 || (at < NAMES && node == NULL))
		fail(w, "inode %lu lists '%s', which is not there", (unsigned long)dir->ino, entry->d_name);
	if (seen[at])
		fail(w, "inode %lu lists '%s' twice", (unsigned long)dir->ino, entry->d_name);
	seen[at] = true;
	if (node == NULL)
		return;
	if (entry->d_type != DT_UNKNOWN && entry->d_type != IFTODT(node->type))
		fail(w, "inode %lu: type of '%s' is listed as %d, not %d", (unsigned long)dir->ino, entry->d_name, entry->d_type, IFTODT(node->type));
	if (node->ino != 0 && entry->d_ino != node->ino)
		fail(w, "inode %lu: '%s' is listed with inode %lu, not %lu", (unsigned long)dir->ino, entry->d_name, (unsigned long)entry->d_ino,
		     (unsigned long)node->ino);
}

/* Reads on from where it stands; all: everything that is there must have come. */
static uint32_t
look_entries(struct world *w, struct node *dir, DIR *stream, uint32_t most, bool seen[NAMES + 2], bool all)
{
	struct dirent *entry;
	uint32_t nr = 0;

	errno = 0;
	while (nr < most && (entry = readdir(stream)) != NULL) {
		look_entry(w, dir, entry, seen);
		nr++;
	}
	if (errno != 0)
		fail(w, "readdir: %s", strerror(errno));
	for (int i = 0; all && i < NAMES + 2; i++)
		if (!seen[i] && (i >= NAMES || dir->child[i] != NULL))
			fail(w, "inode %lu does not list '%s'", (unsigned long)dir->ino, i < NAMES ? model_names[i] : i == NAMES ? "." : "..");
	return nr;
}

void
look_dir(struct world *w, struct node *dir, int mount, bool seeking)
{
	bool seen[NAMES + 2] = {0}, first[NAMES + 2];
	char path[4096];
	uint32_t some, rest, again;
	DIR *stream;
	long at;
	int fd;

	tree_path(w, dir, path);
	fd = openat(w->root[mount], path, O_RDONLY | O_DIRECTORY);
	stream = fd >= 0 ? fdopendir(fd) : NULL;
	if (stream == NULL)
		fail(w, "opening directory %s at mount %d: %s", path, mount, strerror(errno));
	some = look_entries(w, dir, stream, seeking ? (uint32_t)rnd(w, NAMES + 3) : UINT32_MAX, seen, false);
	memcpy(first, seen, sizeof(seen));
	at = telldir(stream);
	rest = look_entries(w, dir, stream, UINT32_MAX, seen, true);
	if (seeking) {
		seekdir(stream, at);
		memcpy(seen, first, sizeof(seen));
		again = look_entries(w, dir, stream, UINT32_MAX, seen, true);
		if (again != rest)
			fail(w, "after seekdir %u entries of %s come, not %u (%u before it)", again, path, rest, some);
		rewinddir(stream);
		memset(seen, 0, sizeof(seen));
		look_entries(w, dir, stream, UINT32_MAX, seen, true);
	}
	closedir(stream);
}

/* ---- everything ------------------------------------------------------------------------------------------------------------------ */
static void
look_bytes(struct world *w, struct node *node, const char *path, int mount)
{
	int fd = openat(w->root[mount], path, O_RDONLY);
	ssize_t got;

	if (fd < 0)
		fail(w, "opening %s at mount %d: %s", path, mount, strerror(errno));
	got = read(fd, w->buf, sizeof(w->buf));
	if (got != (ssize_t)node->size)
		fail(w, "%s at mount %d: %zd bytes instead of %zu", path, mount, got, node->size);
	for (ssize_t i = 0; i < got; i++)
		if (w->buf[i] != node->data[i])
			fail(w, "%s at mount %d: byte %zd of %zd is %02x, not %02x", path, mount, i, got, w->buf[i], node->data[i]);
	close(fd);
}

static void
look_xattrs(struct world *w, struct node *node, const char *path, int mount)
{
	char proc[64], list[4096];
	ssize_t size, expected = 0;
	int fd = openat(w->root[mount], path, O_RDONLY);

	if (fd < 0)
		fail(w, "opening %s at mount %d: %s", path, mount, strerror(errno));
	(void)proc;
	size = flistxattr(fd, list, sizeof(list));
	for (int i = 0; i < XATTRS; i++)
		if (node->xattr[i].there)
			expected += (ssize_t)strlen(model_xattrs[i]) + 1;
	if (size != expected)
		fail(w, "%s at mount %d: %zd bytes of names of attributes, not %zd", path, mount, size, expected);
	for (int i = 0; i < XATTRS; i++) {
		size = fgetxattr(fd, model_xattrs[i], w->buf, sizeof(w->buf));
		if (size < 0 ? errno != ENODATA || node->xattr[i].there : !node->xattr[i].there)
			fail(w, "%s at mount %d: attribute %s: %zd (%s)", path, mount, model_xattrs[i], size, strerror(errno));
		if (size >= 0 && ((size_t)size != node->xattr[i].len || memcmp(w->buf, node->xattr[i].value, (size_t)size) != 0))
			fail(w, "%s at mount %d: attribute %s has another value", path, mount, model_xattrs[i]);
	}
	close(fd);
}

void
look_all(struct world *w, int mount)
{
	char path[8192];

	for (uint32_t i = 0; i < w->node_nr; i++) {
		struct node *node = w->nodes[i];

		if (!path_of(w, node, path))
			continue;
		look_node(w, node, mount);
		if (node->type == S_IFDIR)
			look_dir(w, node, mount, true);
		if (node->type == S_IFREG)
			look_bytes(w, node, path, mount);
		if (node->type == S_IFREG || node->type == S_IFDIR)
			look_xattrs(w, node, path, mount);
	}
}
