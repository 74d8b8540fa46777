/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dsync_append: the bare machine under a log. One 4 KiB block after the other, each write waited for: O_DIRECT and RWF_DSYNC
 * into a file that was written before, as umem's log does it (through the page cache where O_DIRECT is refused). Prints writes a second.
 *
 *   dsync_append FILE SECONDS
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define BLOCK 4096
#define FILE_SIZE (32 << 20)
#define CHUNK (1 << 20)

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void
must(int ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	exit(1);
}

int
main(int argc, char **argv)
{
	struct iovec iov;
	double begin, end;
	long nr = 0;
	int fd;

	if (argc != 3) {
		fprintf(stderr, "usage: dsync_append FILE SECONDS\n");
		return 2;
	}
	iov.iov_base = aligned_alloc(BLOCK, CHUNK);
	must(iov.iov_base != NULL, "memory");
	memset(iov.iov_base, 1, CHUNK);
	fd = open(argv[1], O_CREAT | O_TRUNC | O_RDWR | O_DIRECT, 0600);
	if (fd < 0)
		fd = open(argv[1], O_CREAT | O_TRUNC | O_RDWR, 0600);
	must(fd >= 0, argv[1]);
	for (off_t at = 0; at < FILE_SIZE; at += CHUNK)
		must(pwrite(fd, iov.iov_base, CHUNK, at) == CHUNK, "write");
	must(fsync(fd) == 0, "fsync");
	iov.iov_len = BLOCK;
	begin = now();
	end = begin + atof(argv[2]);
	while (now() < end) {
		must(pwritev2(fd, &iov, 1, nr % (FILE_SIZE / BLOCK) * BLOCK, RWF_DSYNC) == BLOCK, "write");
		nr++;
	}
	printf("%.1f\n", (double)nr / (now() - begin));
	close(fd);
	unlink(argv[1]);
	return 0;
}
