/* SPDX-License-Identifier: Apache-2.0 */
/*
 * posix_edges DIR DIR [--names N]
 * Corners of POSIX over two mounts of one container (or twice the same): limits, links, rights of several users, holes, large offsets, open
 * files without a name, figures of the file system, a big directory. Each function says what it is about; the first wrong answer ends it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

enum { SOMEBODY = 65534, GROUP = 7 };

struct edge {
	const char *a, *b; /* directories of ours at both mounts */
	int names;
};

#define NEED(x) do { if (!(x)) { printf("FAILED: %s:%d: %s (%s)\n", __func__, __LINE__, #x, strerror(errno)); exit(1); } } while (0)
#define FAILS(x, e) do { errno = 0; if ((x) != -1 || errno != (e)) { \
	printf("FAILED: %s:%d: %s: %s instead of %s\n", __func__, __LINE__, #x, strerror(errno), strerror(e)); exit(1); } } while (0)

static char *
at(const char *dir, const char *name)
{
	static char paths[8][8192];
	static int next;
	char *path = paths[next++ % 8];

	snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
	return path;
}

static void
put(const char *path, const char *text)
{
	int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0666);

	NEED(fd >= 0);
	NEED(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	NEED(close(fd) == 0);
}

static void
limits(struct edge *e)
{
	char name[258], target[4200], got[4200];
	struct stat st;

	memset(name, 'n', sizeof(name));
	name[255] = 0;
	put(at(e->a, name), "x");
	NEED(stat(at(e->b, name), &st) == 0);
	NEED(rename(at(e->b, name), at(e->b, "short")) == 0 && rename(at(e->a, "short"), at(e->a, name)) == 0);
	NEED(unlink(at(e->b, name)) == 0);
	name[255] = 'n';
	name[256] = 0;
	FAILS(open(at(e->a, name), O_CREAT | O_RDWR, 0600), ENAMETOOLONG);
	FAILS(mkdir(at(e->a, name), 0700), ENAMETOOLONG);
	FAILS(stat(at(e->a, name), &st), ENAMETOOLONG);
	FAILS(symlink("x", at(e->a, name)), ENAMETOOLONG);
	put(at(e->a, "f"), "x");
	FAILS(rename(at(e->a, "f"), at(e->a, name)), ENAMETOOLONG);
	FAILS(link(at(e->a, "f"), at(e->a, name)), ENAMETOOLONG);
	FAILS(unlink(at(e->a, name)), ENAMETOOLONG);
	memset(target, 't', sizeof(target));
	target[4095] = 0;
	NEED(symlink(target, at(e->a, "long")) == 0);
	NEED(readlink(at(e->b, "long"), got, sizeof(got)) == 4095 && memcmp(got, target, 4095) == 0);
	NEED(lstat(at(e->b, "long"), &st) == 0 && st.st_size == 4095);
	NEED(readlink(at(e->b, "long"), got, 10) == 10);
	target[4095] = 't';
	target[4096] = 0;
	FAILS(symlink(target, at(e->a, "longer")), ENAMETOOLONG);
	FAILS(symlink("", at(e->a, "empty")), ENOENT);
	FAILS(setxattr(at(e->a, "f"), "user.x", "", 0, XATTR_REPLACE), ENODATA);
	NEED(setxattr(at(e->a, "f"), "user.x", "", 0, XATTR_CREATE) == 0 && getxattr(at(e->b, "f"), "user.x", got, 1) == 0);
	memset(name, 'x', sizeof(name));
	memcpy(name, "user.", 5);
	name[255] = 0;
	NEED(setxattr(at(e->a, "f"), name, "v", 1, 0) == 0 && getxattr(at(e->b, "f"), name, got, 0) == 1);
	FAILS(getxattr(at(e->b, "f"), "user.none", got, 9), ENODATA);
	NEED(setxattr(at(e->a, "f"), "user.x", "12345", 5, 0) == 0);
	FAILS(getxattr(at(e->b, "f"), "user.x", got, 4), ERANGE);
	FAILS(listxattr(at(e->b, "f"), got, 7), ERANGE);
}

static void
links(struct edge *e)
{
	char path[8192];
	struct stat st, up;

	NEED(symlink("loop2", at(e->a, "loop1")) == 0 && symlink("loop1", at(e->b, "loop2")) == 0 && symlink("self/x", at(e->a, "self")) == 0);
	FAILS(stat(at(e->a, "loop1"), &st), ELOOP);
	FAILS(open(at(e->b, "loop2"), O_RDONLY), ELOOP);
	FAILS(open(at(e->b, "self"), O_RDWR | O_CREAT, 0600), ELOOP);
	NEED(lstat(at(e->b, "self"), &st) == 0 && S_ISLNK(st.st_mode));
	put(at(e->a, "file"), "x");
	FAILS(rename(at(e->a, "file"), "/tmp/posix-edges-elsewhere"), EXDEV);
	FAILS(link(at(e->a, "file"), "/tmp/posix-edges-elsewhere"), EXDEV);
	if (strcmp(e->a, e->b) != 0)
		FAILS(rename(at(e->a, "file"), at(e->b, "file2")), EXDEV);
	NEED(mkdir(at(e->a, "dir"), 0755) == 0 && mkdir(at(e->b, "dir/sub"), 0755) == 0);
	FAILS(link(at(e->a, "dir"), at(e->a, "dir2")), EPERM);
	FAILS(rmdir(at(e->a, "dir")), ENOTEMPTY);
	NEED(mkdir(at(e->a, "other"), 0755) == 0);
	FAILS(rename(at(e->a, "other"), at(e->a, "dir")), ENOTEMPTY);
	FAILS(rename(at(e->a, "dir"), at(e->a, "dir/sub/x")), EINVAL);
	FAILS(rmdir(at(e->a, "file")), ENOTDIR);
	FAILS(unlink(at(e->a, "dir")), EISDIR);
	FAILS(open(at(e->a, "file/x"), O_RDONLY), ENOTDIR);
	FAILS(open(at(e->a, "dir"), O_WRONLY), EISDIR);
	FAILS(open(at(e->a, "."), O_TMPFILE | O_RDWR, 0600), EOPNOTSUPP);
	NEED(stat(at(e->a, "dir/sub/.."), &st) == 0 && stat(at(e->b, "dir"), &up) == 0 && st.st_ino == up.st_ino && st.st_nlink == 3);
	NEED(stat(at(e->a, "dir/."), &st) == 0 && st.st_ino == up.st_ino);
	NEED(rename(at(e->b, "dir/sub"), at(e->b, "other/sub")) == 0);
	NEED(stat(at(e->a, "other/sub/.."), &st) == 0 && stat(at(e->b, "other"), &up) == 0 && st.st_ino == up.st_ino && up.st_nlink == 3);
	strcpy(path, e->a);
	for (int i = 0; strlen(path) < 3900; i++) {
		strcat(path, "/a-rather-long-name-of-a-directory");
		NEED(mkdir(path, 0755) == 0);
	}
	NEED(stat(path, &st) == 0 && st.st_nlink == 2);
}

/* Runs it as somebody else; 0 or the errno. */
static int
as(uid_t uid, gid_t gid, int (*what)(const char *path), const char *path)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (setgid(gid) != 0 || setuid(uid) != 0)
			_exit(255);
		_exit(what(path) < 0 ? errno : 0);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 254;
}

static int do_unlink(const char *path) { return unlink(path); }
static int do_mkdir(const char *path) { return mkdir(path, 0777); }
static int do_chmod(const char *path) { return chmod(path, 02755); }
static int do_chown(const char *path) { return chown(path, 0, (gid_t)-1); }
static int do_read(const char *path) { return open(path, O_RDONLY); }
static int do_create(const char *path) { return open(path, O_CREAT | O_EXCL | O_WRONLY, 0640); }
static int do_touch(const char *path) { return utimensat(AT_FDCWD, path, NULL, 0); }
static int do_stat(const char *path) { struct stat st; return stat(path, &st); }

static int
do_write(const char *path)
{
	int fd = open(path, O_WRONLY | O_APPEND);

	return fd < 0 ? fd : (int)write(fd, "more", 4);
}

static void
rights(struct edge *e)
{
	struct stat st;

	umask(027);
	put(at(e->a, "masked"), "");
	NEED(mkdir(at(e->a, "masked-dir"), 0777) == 0);
	umask(0);
	NEED(stat(at(e->b, "masked"), &st) == 0 && (st.st_mode & 07777) == 0640);
	NEED(stat(at(e->b, "masked-dir"), &st) == 0 && (st.st_mode & 07777) == 0750);
	/* group and bit of a setgid directory go down */
	NEED(mkdir(at(e->a, "team"), 0777) == 0 && chown(at(e->a, "team"), 0, GROUP) == 0 && chmod(at(e->a, "team"), 02777) == 0);
	NEED(mkdir(at(e->b, "team/sub"), 0755) == 0);
	put(at(e->b, "team/sub/f"), "");
	NEED(stat(at(e->a, "team/sub"), &st) == 0 && st.st_gid == GROUP && (st.st_mode & S_ISGID) != 0);
	NEED(stat(at(e->a, "team/sub/f"), &st) == 0 && st.st_gid == GROUP && (st.st_mode & S_ISGID) == 0);
	if (as(SOMEBODY, SOMEBODY, do_stat, at(e->a, ".")) != 0) {
		printf("(other users cannot enter this mount: their rights are not looked at) ");
		return;
	}
	NEED(as(SOMEBODY, SOMEBODY, do_create, at(e->a, "team/theirs")) == 0);
	NEED(stat(at(e->b, "team/theirs"), &st) == 0 && st.st_uid == SOMEBODY && st.st_gid == GROUP && (st.st_mode & 07777) == 0640);
	/* sticky: only the owner takes names away */
	NEED(mkdir(at(e->a, "sticky"), 0777) == 0 && chmod(at(e->a, "sticky"), 01777) == 0);
	put(at(e->a, "sticky/ours"), "");
	NEED(as(SOMEBODY, SOMEBODY, do_unlink, at(e->b, "sticky/ours")) == EPERM);
	NEED(as(SOMEBODY, SOMEBODY, do_create, at(e->b, "sticky/theirs")) == 0);
	NEED(as(SOMEBODY + 0, SOMEBODY, do_unlink, at(e->a, "sticky/theirs")) == 0);
	/* rights to read, write, change */
	NEED(mkdir(at(e->a, "closed"), 0700) == 0 && as(SOMEBODY, SOMEBODY, do_stat, at(e->b, "closed/x")) == EACCES);
	NEED(as(SOMEBODY, SOMEBODY, do_mkdir, at(e->b, "masked-dir/x")) == EACCES);
	NEED(as(SOMEBODY, SOMEBODY, do_read, at(e->b, "masked")) == EACCES && as(SOMEBODY, SOMEBODY, do_touch, at(e->b, "masked")) == EACCES);
	NEED(as(SOMEBODY, SOMEBODY, do_chmod, at(e->b, "masked")) == EPERM && as(SOMEBODY, SOMEBODY, do_chown, at(e->b, "team/theirs")) == EPERM);
	/* who is not of the group cannot set the bit; who writes loses it */
	put(at(e->a, "bits"), "");
	NEED(chown(at(e->a, "bits"), SOMEBODY, GROUP) == 0);
	NEED(as(SOMEBODY, SOMEBODY, do_chmod, at(e->b, "bits")) == 0 && stat(at(e->a, "bits"), &st) == 0 && (st.st_mode & 07777) == 0755);
	NEED(chmod(at(e->a, "bits"), 06777) == 0 && as(SOMEBODY, SOMEBODY, do_write, at(e->b, "bits")) == 0);
	NEED(stat(at(e->a, "bits"), &st) == 0 && (st.st_mode & 07777) == 0777 && st.st_size == 4);
}

static void
holes(struct edge *e)
{
	static const off_t places[] = {5, (1L << 32) - 3, (1L << 32) + 7, 1L << 40, (1L << 50) + 1};
	char got[64];
	struct stat st;
	int a = open(at(e->a, "holes"), O_CREAT | O_RDWR, 0600), b;

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		NEED(pwrite(a, "mark", 4, places[i]) == 4);
	NEED(close(a) == 0);
	b = open(at(e->b, "holes"), O_RDWR);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		NEED(pread(b, got, 6, places[i] - 1) == (i + 1 < sizeof(places) / sizeof(places[0]) ? 6 : 5));
		NEED(got[0] == 0 && memcmp(got + 1, "mark", 4) == 0);
	}
	NEED(fstat(b, &st) == 0 && st.st_size == (1L << 50) + 5);
	NEED(pread(b, got, 10, 1L << 45) == 10 && memcmp(got, "\0\0\0\0\0\0\0\0\0", 10) == 0);
	NEED(pread(b, got, 10, 1L << 51) == 0);
	NEED(ftruncate(b, (1L << 32) + 8) == 0 && fstat(b, &st) == 0 && st.st_size == (1L << 32) + 8);
	NEED(pread(b, got, 10, 1L << 32) == 8 && memcmp(got, "k\0\0\0\0\0\0m", 8) == 0);
	NEED(ftruncate(b, 3) == 0 && ftruncate(b, 20) == 0 && pread(b, got, 30, 0) == 20);
	for (int i = 0; i < 20; i++)
		NEED(got[i] == 0);
	FAILS(pwrite(b, "x", 1, INT64_MAX), EINVAL);
	FAILS(ftruncate(b, -1), EINVAL);
	FAILS(lseek(b, -1, SEEK_SET), EINVAL);
	NEED(ftruncate(b, INT64_MAX - 4096) == 0 && fstat(b, &st) == 0 && st.st_size == INT64_MAX - 4096 && ftruncate(b, 0) == 0);
	NEED(lseek(b, 0, SEEK_DATA) == -1 && errno == ENXIO);
	NEED(close(b) == 0);
}

static void
nameless(struct edge *e)
{
	char got[16];
	struct stat st;
	int a = open(at(e->a, "f"), O_CREAT | O_RDWR, 0600), b;

	NEED(write(a, "before", 6) == 6);
	b = open(at(e->b, "f"), O_RDWR);
	NEED(unlink(at(e->b, "f")) == 0);
	FAILS(stat(at(e->a, "f"), &st), ENOENT);
	for (int i = 0; i < 2; i++) {
		int fd = i == 0 ? a : b;

		NEED(fstat(fd, &st) == 0 && st.st_nlink == 0 && st.st_size == 6 + i * 5);
		NEED(pread(fd, got, 6, 0) == 6 && memcmp(got, "before", 6) == 0);
		NEED(pwrite(fd, "after", 5, 6 + i * 5) == 5);
		NEED(fchmod(fd, 0640) == 0 && fchown(fd, 0, GROUP) == 0 && fsetxattr(fd, "user.x", "y", 1, 0) == 0);
	}
	NEED(fstat(b, &st) == 0 && st.st_size == 16 && (st.st_mode & 07777) == 0640 && st.st_gid == GROUP);
	NEED(close(b) == 0);
	put(at(e->b, "f"), "new");
	NEED(pread(a, got, 16, 0) == 16 && memcmp(got, "beforeafterafter", 16) == 0);
	NEED(ftruncate(a, 3) == 0 && fstat(a, &st) == 0 && st.st_size == 3);
	NEED(close(a) == 0 && stat(at(e->a, "f"), &st) == 0 && st.st_size == 3 && st.st_nlink == 1);
}

static void
figures(struct edge *e)
{
	enum { MIB = 1 << 20, MIBS = 24 };
	struct statvfs before, full, after;
	char *data = malloc(MIB);
	int fd = open(at(e->a, "big"), O_CREAT | O_WRONLY, 0600);
	uint64_t taken = 0;

	NEED(statvfs(e->b, &before) == 0 && before.f_blocks > 0 && before.f_bfree <= before.f_blocks && before.f_namemax == 255);
	NEED(before.f_files > 0 && before.f_ffree <= before.f_files);
	for (int i = 0; i < MIBS; i++) {
		for (int k = 0; k < MIB; k++)
			data[k] = (char)(rand() >> 8);
		NEED(write(fd, data, MIB) == MIB);
	}
	NEED(close(fd) == 0 && statvfs(e->b, &full) == 0);
	taken = (before.f_bfree - full.f_bfree) * full.f_frsize;
	NEED(full.f_blocks == before.f_blocks && full.f_bfree < before.f_bfree && taken >= (uint64_t)MIBS * MIB * 9 / 10 && taken < (uint64_t)MIBS * MIB * 2);
	NEED(unlink(at(e->b, "big")) == 0);
	NEED(statvfs(e->a, &after) == 0 && after.f_blocks == before.f_blocks && after.f_bfree >= full.f_bfree && after.f_bavail <= after.f_bfree);
	free(data);
}

/* Names come and go at the other mount while one lists: those that stay are listed once each. */
static void
crowd(struct edge *e)
{
	bool *seen = calloc((size_t)e->names, sizeof(*seen));
	char name[64];
	struct dirent *entry;
	int fd, status, nr = 0, lists = 0;
	struct stat st;
	pid_t pid;
	DIR *dir;

	NEED(mkdir(at(e->a, "crowd"), 0755) == 0);
	for (int i = 0; i < e->names; i++) {
		snprintf(name, sizeof(name), "crowd/stays-%d", i);
		fd = mknod(at(i % 2 ? e->a : e->b, name), S_IFREG | 0600, 0);
		NEED(fd == 0);
	}
	pid = fork();
	if (pid == 0) {
		for (int i = 0; i < 1000000; i++) {
			snprintf(name, sizeof(name), "crowd/comes-%d", i % 50);
			if (mknod(at(e->b, name), S_IFREG | 0600, 0) != 0)
				NEED(unlink(at(e->b, name)) == 0);
		}
		_exit(0);
	}
	dir = opendir(at(e->a, "crowd"));
	for (lists = 0; lists < 2; lists++) {
		memset(seen, 0, (size_t)e->names * sizeof(*seen));
		nr = 0;
		rewinddir(dir);
		errno = 0;
		while ((entry = readdir(dir)) != NULL) {
			int i;

			if (sscanf(entry->d_name, "stays-%d", &i) != 1)
				continue;
			NEED(i >= 0 && i < e->names && !seen[i] && entry->d_ino != 0);
			seen[i] = true;
			nr++;
		}
		NEED(errno == 0 && nr == e->names);
	}
	closedir(dir);
	NEED(waitpid(pid, &status, WNOHANG) == 0); /* it was busy all the time */
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	NEED(stat(at(e->a, "crowd"), &st) == 0 && st.st_nlink == 2);
	free(seen);
}

int
main(int argc, char **argv)
{
	static const struct { const char *name; void (*run)(struct edge *e); } edges[] = {
		{"limits", limits}, {"links", links}, {"rights", rights}, {"holes", holes}, {"nameless", nameless}, {"figures", figures}, {"crowd", crowd},
	};
	char a[4096], b[4096];
	struct timespec from, to;
	int bad = 0, status;

	if (argc < 3)
		return 2;
	umask(0);
	for (size_t i = 0; i < sizeof(edges) / sizeof(edges[0]); i++) {
		struct edge e = {.a = a, .b = b, .names = argc > 4 && strcmp(argv[3], "--names") == 0 ? atoi(argv[4]) : 10000};

		snprintf(a, sizeof(a), "%s/edge-%s-%d", argv[1], edges[i].name, (int)getpid());
		snprintf(b, sizeof(b), "%s/edge-%s-%d", argv[2], edges[i].name, (int)getpid());
		NEED(mkdir(a, 0777) == 0);
		clock_gettime(CLOCK_MONOTONIC, &from);
		fflush(stdout);
		if (fork() == 0) {
			edges[i].run(&e);
			fflush(stdout);
			_exit(0);
		}
		wait(&status);
		clock_gettime(CLOCK_MONOTONIC, &to);
		printf("%-10s %s %6.2f s\n", edges[i].name, status == 0 ? "ok    " : "FAILED",
		       (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9);
		bad += status != 0;
	}
	return bad > 0;
}
