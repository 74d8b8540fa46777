/* SPDX-License-Identifier: Apache-2.0 */
/*
 * disk: opening and making block files and devices. How operations run: io.c.
 *
 * Making a file: create, lock, allocate, write zeros (PREWRITE), fsync the file, fsync its directory. A crash in the middle
 * leaves a file of the wrong content under its name, which is why owners write their header last; an error removes it.
 *
 * disk I1: an open disk holds an flock: exclusive, or shared when read-only. A block device is opened with O_EXCL too, so
 *          that a mounted one is refused.
 * disk I2: block_size is what O_DIRECT asks for here, 512 or 4096, whether O_DIRECT could be had or not.
 * disk I3: what is read through the page cache is what the last direct write that ended left: the kernel drops its pages before and after each.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include "real.h"

#define PREWRITE_CHUNK (4 * MIB)

/* The alignment that the file system asks for, 0 when it does not say or says that O_DIRECT does not work. */
static uint32_t
stated_alignment(int fd)
{
#ifdef STATX_DIOALIGN
	struct statx stx = {0};

	if (statx(fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &stx) == 0 && (stx.stx_mask & STATX_DIOALIGN) != 0)
		return MAX(stx.stx_dio_mem_align, stx.stx_dio_offset_align);
#endif
	return 0;
}

static bool
reads_at(int fd, void *buf, uint32_t alignment)
{
	return pread(fd, buf, alignment, alignment) == (ssize_t)alignment;
}

/* The alignment with which O_DIRECT works on fd: 512, 4096, or 0 for none. */
static uint32_t
direct_alignment(int fd)
{
	uint32_t stated = stated_alignment(fd), found = 0;
	void *buf;

	if (stated > 0)
		return stated <= 512 ? 512 : stated <= 4096 ? 4096 : 0;
	buf = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (buf == MAP_FAILED)
		return 0;
	if (reads_at(fd, (char *)buf + 512, 512))
		found = 512;
	else if (reads_at(fd, buf, 4096))
		found = 4096;
	munmap(buf, 8192);
	return found;
}

static int
set_direct(int fd, bool direct)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return -errno;
	return fcntl(fd, F_SETFL, direct ? flags | O_DIRECT : flags & ~O_DIRECT) != 0 ? -errno : 0;
}

static void
choose_direct(struct env_disk *disk)
{
	struct real *real = disk->real;
	uint32_t alignment = 0;
	int sector;

	disk->info.block_size = 4096;
	if (disk->is_device && ioctl(disk->fd, BLKSSZGET, &sector) == 0 && sector <= 512)
		disk->info.block_size = 512;
	if (!real->no_direct && set_direct(disk->fd, true) == 0) {
		alignment = direct_alignment(disk->fd);
		if (alignment == 0)
			set_direct(disk->fd, false);
	}
	if (alignment > 0) {
		disk->info.block_size = alignment;
		disk->info.direct = true;
	} else if (real__first(&real->said_no_direct)) {
		log_note(real->env.log, "%s: %s: I/O goes through the page cache", disk->path,
			 real->no_direct ? "direct I/O is switched off" : "O_DIRECT is refused here");
	}
}

static int
lock_disk(struct env_disk *disk, bool shared)
{
	if (flock(disk->fd, (shared ? LOCK_SH : LOCK_EX) | LOCK_NB) == 0)
		return 0;
	return errno == EWOULDBLOCK ? -DER_BUSY : real__errno(errno);
}

static int
write_zeros(struct env_disk *disk, uint64_t size)
{
	void *zeros = mmap(NULL, PREWRITE_CHUNK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int err = 0;
	ssize_t n;

	if (zeros == MAP_FAILED)
		return -ENOMEM;
	for (uint64_t off = 0; off < size && err == 0;) {
		n = pwrite(disk->fd, zeros, MIN(size - off, PREWRITE_CHUNK), (off_t)off);
		if (n > 0)
			off += (uint64_t)n;
		else if (n == 0 || errno != EINTR)
			err = n == 0 ? EIO : errno;
	}
	munmap(zeros, PREWRITE_CHUNK);
	return -err;
}

/* Gives a new file its space. 0 or -errno. */
static int
allocate(struct env_disk *disk, int flags, uint64_t size)
{
	bool prewrite = (flags & ENV_DISK_PREWRITE) != 0;
	int rc;

	do
		rc = fallocate(disk->fd, 0, 0, (off_t)size) == 0 ? 0 : -errno;
	while (rc == -EINTR);
	if (rc == -EOPNOTSUPP) {
		/* Only writing takes the space there. */
		prewrite = true;
		rc = ftruncate(disk->fd, (off_t)size) == 0 ? 0 : -errno;
	}
	if (rc != 0)
		return rc;
	choose_direct(disk);
	if (prewrite)
		rc = write_zeros(disk, size);
	if (rc == 0 && fsync(disk->fd) != 0)
		rc = -errno;
	return rc != 0 ? rc : real__sync_parent(disk->path);
}

static int
create(struct env_disk *disk, int flags, uint64_t size)
{
	int rc;

	if (size == 0 || size % 4096 != 0 || size > INT64_MAX)
		return -DER_INVAL;
	disk->fd = real__fd_note(open(disk->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
	if (disk->fd < 0)
		return real__errno(errno);
	rc = lock_disk(disk, false);
	if (rc == 0) {
		rc = allocate(disk, flags, size);
		if (rc != 0) {
			log_error(disk->real->env.log, "%s: cannot make a file of %llu bytes: %s", disk->path,
				  (unsigned long long)size, strerror(-rc));
			rc = real__errno(-rc);
		}
	}
	if (rc != 0)
		unlink(disk->path);
	disk->info.size = size;
	return rc;
}

static int
open_present(struct env_disk *disk, int flags)
{
	int mode = (flags & ENV_DISK_RDONLY) != 0 ? O_RDONLY : O_RDWR;
	struct stat st;
	int rc;

	if (stat(disk->path, &st) != 0)
		return real__errno(errno);
	disk->is_device = S_ISBLK(st.st_mode);
	if (!disk->is_device && !S_ISREG(st.st_mode))
		return -DER_INVAL;
	disk->fd = real__fd_note(open(disk->path, mode | O_CLOEXEC | (disk->is_device && mode == O_RDWR ? O_EXCL : 0)));
	if (disk->fd < 0)
		return real__errno(errno);
	rc = lock_disk(disk, mode == O_RDONLY);
	if (rc != 0)
		return rc;
	if (fstat(disk->fd, &st) != 0)
		return real__errno(errno);
	disk->info.size = (uint64_t)st.st_size;
	if (disk->is_device && ioctl(disk->fd, BLKGETSIZE64, &disk->info.size) != 0)
		return real__errno(errno);
	choose_direct(disk);
	disk->info.size = ALIGN_DOWN(disk->info.size, disk->info.block_size);
	return 0;
}

/* A name that stays with the device: the serial number, else its number; for a file, its file system and inode. */
static void
identify(struct env_disk *disk)
{
	char path[96], serial[48] = "";
	struct statfs fs;
	struct stat st;
	ssize_t n;
	int fd;

	if (fstat(disk->fd, &st) != 0)
		return;
	if (!disk->is_device) {
		uint32_t fsid[2] = {0};

		if (fstatfs(disk->fd, &fs) == 0)
			memcpy(fsid, &fs.f_fsid, sizeof(fsid));
		snprintf(disk->info.id, sizeof(disk->info.id), "file-%08x%08x-%llu", fsid[0], fsid[1],
			 (unsigned long long)st.st_ino);
		return;
	}
	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/device/serial", major(st.st_rdev), minor(st.st_rdev));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, serial, sizeof(serial) - 1);
		close(fd);
		serial[MAX(n, (ssize_t)0)] = '\0';
		serial[strcspn(serial, " \n")] = '\0';
	}
	if (serial[0] != '\0')
		snprintf(disk->info.id, sizeof(disk->info.id), "disk-%s", serial);
	else
		snprintf(disk->info.id, sizeof(disk->info.id), "disk-%u-%u", major(st.st_rdev), minor(st.st_rdev));
}

/*
 * A second descriptor for reads through the page cache. The kernel takes pages out of it before and after each direct write below them (disk I3),
 * and nothing is ever written through it. Without read-ahead, for these reads are small and anywhere.
 */
static void
open_cached(struct env_disk *disk)
{
	if (!disk->info.direct || disk->is_device)
		return;
	disk->cached_fd = real__fd_note(open(disk->path, O_RDONLY | O_CLOEXEC));
	if (disk->cached_fd >= 0)
		(void)posix_fadvise(disk->cached_fd, 0, 0, POSIX_FADV_RANDOM);
}

int
real__disk_open(struct env *env, const char *path, int flags, uint64_t size, struct env_disk **diskp)
{
	struct env_disk *disk = MEM_NEW(env->mem, struct env_disk);
	int rc;

	if (disk == NULL)
		return -DER_NOMEM;
	disk->real = real_of(env);
	disk->fd = disk->cached_fd = -1;
	disk->path = mem_strdup(env->mem, path);
	if (disk->path == NULL)
		rc = -DER_NOMEM;
	else if ((flags & ENV_DISK_CREATE) != 0)
		rc = create(disk, flags, size);
	else
		rc = open_present(disk, flags);
	if (rc != 0) {
		real__disk_close(disk);
		return rc;
	}
	identify(disk);
	open_cached(disk);
	*diskp = disk;
	return 0;
}

void
real__disk_close(struct env_disk *disk)
{
	ASSERTF(atomic_load(&disk->io_nr) == 0, "env: a disk is closed while I/O is under way");
	real__fd_close(disk->fd);
	real__fd_close(disk->cached_fd);
	mem_free(&disk->real->mem, disk->path);
	mem_free(&disk->real->mem, disk);
}

void
real__disk_info(struct env_disk *disk, struct env_disk_info *info)
{
	*info = disk->info;
}
