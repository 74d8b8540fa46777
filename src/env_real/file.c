/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file: small files for configuration and start-up, and files shared as memory. Everything blocks.
 *
 * file I1: a file is replaced by writing a temporary one beside it, fsync, rename, fsync of the directory: a crash leaves
 *          the old or the new content, and at most a stray PATH.tmp.*.
 * file I2: a mapped file is made anew under its name, never truncated in place: processes that have the old one mapped keep it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include "real.h"

/* Path of the directory that holds path. */
static int
parent_of(const char *path, char *parent, size_t size)
{
	size_t len = strlen(path);

	while (len > 1 && path[len - 1] == '/')
		len--;
	while (len > 0 && path[len - 1] != '/')
		len--;
	while (len > 1 && path[len - 1] == '/')
		len--;
	if (len >= size)
		return -ENAMETOOLONG;
	if (len == 0)
		snprintf(parent, size, ".");
	else
		snprintf(parent, size, "%.*s", (int)len, path);
	return 0;
}

int
real__sync_parent(const char *path)
{
	char parent[PATH_MAX];
	int fd, rc;

	rc = parent_of(path, parent, sizeof(parent));
	if (rc != 0)
		return rc;
	fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	rc = fsync(fd) != 0 ? -errno : 0;
	close(fd);
	/* Some file systems know no fsync of directories: there the entry is as durable as they make it. */
	return rc == -EINVAL || rc == -EBADF ? 0 : rc;
}

/* -DER_* of -errno, said in the log. Missing files are no news. */
static int
complain(struct env *env, const char *what, const char *path, int rc)
{
	if (rc == 0)
		return 0;
	if (rc != -ENOENT && rc != -EEXIST)
		log_info(env->log, "%s: cannot %s: %s", path, what, strerror(-rc));
	return real__errno(-rc);
}

static int
read_all(int fd, char *data, size_t room, size_t *len)
{
	ssize_t n;

	*len = 0;
	while (*len < room) {
		n = read(fd, data + *len, room - *len);
		if (n == 0)
			return 0;
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0)
			*len += (size_t)n;
	}
	return 0;
}

static int
file_read(struct env *env, const char *path, size_t max, char **datap, size_t *lenp)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc;
	size_t room = 4096, len = 0, got;
	char *data = NULL, *bigger;
	struct stat st;

	if (fd < 0)
		return complain(env, "open", path, -errno);
	rc = fstat(fd, &st) != 0 ? -errno : S_ISDIR(st.st_mode) ? -EISDIR : 0;
	if (rc == 0 && st.st_size > 0)
		room = MIN((size_t)st.st_size, max) + 2;
	/* Files of /proc and /sys have no size: read until the end, growing. */
	while (rc == 0) {
		bigger = mem_grow(env->mem, data, len, room, 1);
		if (bigger == NULL) {
			rc = -ENOMEM;
			break;
		}
		data = bigger;
		rc = read_all(fd, data + len, room - 1 - len, &got);
		len += got;
		if (rc != 0 || len < room - 1 || len > max)
			break;
		room = MIN(2 * room, max + 2);
	}
	close(fd);
	if (rc == 0 && len > max)
		rc = -EOVERFLOW;
	if (rc != 0) {
		mem_free(env->mem, data);
		return complain(env, "read", path, rc);
	}
	data[len] = '\0';
	*datap = data;
	*lenp = len;
	return 0;
}

static int
write_all(int fd, const char *data, size_t len)
{
	ssize_t n;

	while (len > 0) {
		n = write(fd, data, len);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			data += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

/* A new file beside path, open for reading and writing. Its descriptor or -errno. */
static int
open_temporary(struct env *env, const char *path, mode_t mode, char *name, size_t size)
{
	int fd;

	if ((size_t)snprintf(name, size, "%s.tmp.%016llx", path, (unsigned long long)env_rand(env)) >= size)
		return -ENAMETOOLONG;
	fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	return fd < 0 ? -errno : fd;
}

/* Puts the finished temporary file in place of path. 0 or -errno; then the temporary file is gone. */
static int
put_in_place(int rc, const char *name, const char *path)
{
	if (rc == 0 && rename(name, path) != 0)
		rc = -errno;
	if (rc != 0)
		unlink(name);
	else
		rc = real__sync_parent(path);
	return rc;
}

static int
file_write(struct env *env, const char *path, const void *data, size_t len, mode_t mode)
{
	char name[PATH_MAX];
	int fd = open_temporary(env, path, mode, name, sizeof(name)), rc;

	if (fd < 0)
		return complain(env, "create a temporary file for", path, fd);
	rc = write_all(fd, data, len);
	if (rc == 0 && fsync(fd) != 0)
		rc = -errno;
	if (close(fd) != 0 && rc == 0)
		rc = -errno;
	return complain(env, "write", path, put_in_place(rc, name, path));
}

static int
make_one(const char *path, mode_t mode)
{
	struct stat st;

	if (mkdir(path, mode) == 0)
		return real__sync_parent(path);
	if (errno != EEXIST)
		return -errno;
	if (stat(path, &st) != 0)
		return -errno;
	return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

static int
file_mkdir(struct env *env, const char *path, mode_t mode)
{
	char part[PATH_MAX];
	size_t len = strlen(path);
	int rc = 0;

	if (len == 0 || len >= sizeof(part))
		return complain(env, "make the directory", path, len == 0 ? -ENOENT : -ENAMETOOLONG);
	memcpy(part, path, len + 1);
	for (size_t i = 1; i < len && rc == 0; i++) {
		if (part[i] != '/')
			continue;
		part[i] = '\0';
		rc = make_one(part, mode);
		/* Parents may lie where we may look but not write. */
		if ((rc == -EACCES || rc == -EROFS || rc == -EPERM) && access(part, F_OK) == 0)
			rc = 0;
		part[i] = '/';
	}
	if (rc == 0)
		rc = make_one(part, mode);
	return complain(env, "make the directory", path, rc);
}

static int
file_remove(struct env *env, const char *path)
{
	int rc = unlink(path) == 0 ? 0 : -errno;

	if (rc == -EISDIR || rc == -EPERM)
		rc = rmdir(path) == 0 ? 0 : errno == ENOTDIR ? rc : -errno;
	if (rc == 0)
		rc = real__sync_parent(path);
	return complain(env, "remove", path, rc);
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(((const struct env_dirent *)a)->name, ((const struct env_dirent *)b)->name);
}

static bool
is_directory(int dirfd, const struct dirent *d)
{
	struct stat st;

	if (d->d_type != DT_UNKNOWN && d->d_type != DT_LNK)
		return d->d_type == DT_DIR;
	return fstatat(dirfd, d->d_name, &st, 0) == 0 && S_ISDIR(st.st_mode);
}

/* Reads the next entry that is neither . nor .. into entry. 1, 0 at the end, or -errno. */
static int
next_entry(DIR *dir, struct env_dirent *entry)
{
	struct dirent *d;

	do {
		errno = 0;
		d = readdir(dir);
		if (d == NULL)
			return -errno;
	} while (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0);
	snprintf(entry->name, sizeof(entry->name), "%s", d->d_name);
	entry->is_dir = is_directory(dirfd(dir), d);
	return 1;
}

static int
file_list(struct env *env, const char *path, struct env_dirent **entriesp, int *nrp)
{
	struct env_dirent *entries = MEM_NEW_ARRAY(env->mem, struct env_dirent, 16), *bigger, entry;
	int nr = 0, room = 16, rc = 0;
	DIR *dir;

	if (entries == NULL)
		return -DER_NOMEM;
	dir = opendir(path);
	if (dir == NULL) {
		rc = -errno;
		mem_free(env->mem, entries);
		return complain(env, "list", path, rc);
	}
	while ((rc = next_entry(dir, &entry)) > 0) {
		if (nr == room) {
			bigger = mem_grow(env->mem, entries, room, 2 * (size_t)room, sizeof(*entries));
			if (bigger == NULL) {
				rc = -ENOMEM;
				break;
			}
			entries = bigger;
			room *= 2;
		}
		entries[nr++] = entry;
	}
	closedir(dir);
	if (rc != 0) {
		mem_free(env->mem, entries);
		return complain(env, "list", path, rc);
	}
	qsort(entries, nr, sizeof(*entries), by_name);
	*entriesp = entries;
	*nrp = nr;
	return 0;
}

static int
file_stat(struct env *env, const char *path, uint64_t *size, bool *is_dir)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return real__errno(errno == ENOTDIR ? ENOENT : errno);
	if (size != NULL)
		*size = (uint64_t)st.st_size;
	if (is_dir != NULL)
		*is_dir = S_ISDIR(st.st_mode);
	return 0;
}

static int
file_chmod(struct env *env, const char *path, mode_t mode)
{
	return chmod(path, mode) == 0 ? 0 : complain(env, "set the permissions of", path, -errno);
}

static int
file_space(struct env *env, const char *path, uint64_t *free, uint64_t *total)
{
	struct statvfs st;

	if (statvfs(path, &st) != 0)
		return complain(env, "ask the space of", path, -errno);
	*free = (uint64_t)st.f_bavail * st.f_frsize;
	*total = (uint64_t)st.f_blocks * st.f_frsize;
	return 0;
}

static int
file_lock(struct env *env, const char *path, int *token)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600), rc;

	if (fd < 0 && errno == EISDIR)
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return complain(env, "open the lock", path, -errno);
	real__fd_note(fd);
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		rc = errno == EWOULDBLOCK ? -DER_BUSY : complain(env, "lock", path, -errno);
		real__fd_close(fd);
		return rc;
	}
	*token = fd;
	return 0;
}

static void
file_unlock(struct env *env, int token)
{
	real__fd_close(token);
}

static int
make_mapped(struct env *env, const char *path, size_t size)
{
	char name[PATH_MAX];
	int fd = open_temporary(env, path, 0600, name, sizeof(name)), rc;

	if (fd < 0)
		return fd;
	/* Allocated, so that a full disk is an error here and no SIGBUS later. */
	rc = -posix_fallocate(fd, 0, (off_t)size);
	if (rc == 0 && rename(name, path) != 0)
		rc = -errno;
	if (rc == 0)
		return fd;
	unlink(name);
	close(fd);
	return rc;
}

static int
file_map(struct env *env, const char *path, size_t size, bool create, void **addrp)
{
	int prot = PROT_READ | PROT_WRITE, fd;
	void *addr = MAP_FAILED;
	struct stat st;
	int rc = 0;

	if (size == 0)
		return -DER_INVAL;
	fd = create ? make_mapped(env, path, size) : open(path, O_RDWR | O_CLOEXEC);
	if (!create && fd < 0 && (errno == EACCES || errno == EROFS)) {
		prot = PROT_READ;
		fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	if (fd < 0)
		return complain(env, "map", path, create ? fd : -errno);
	if (fstat(fd, &st) != 0)
		rc = -errno;
	else if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size < size)
		rc = -EINVAL;
	if (rc == 0) {
		addr = mmap(NULL, size, prot, MAP_SHARED, fd, 0);
		rc = addr == MAP_FAILED ? -errno : 0;
	}
	close(fd);
	if (rc == 0)
		*addrp = addr;
	return complain(env, "map", path, rc);
}

static void
file_unmap(struct env *env, void *addr, size_t size)
{
	munmap(addr, size);
}

const struct env_file_ops real__file_ops = {
	.read = file_read,
	.write = file_write,
	.mkdir = file_mkdir,
	.remove = file_remove,
	.list = file_list,
	.stat = file_stat,
	.chmod = file_chmod,
	.space = file_space,
	.lock = file_lock,
	.unlock = file_unlock,
	.map = file_map,
	.unmap = file_unmap,
};
