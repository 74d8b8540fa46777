/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io_kind DIRECTORY: says how an engine would do its I/O there: io_uring or threads, O_DIRECT or buffered.
 */
#include <fcntl.h>
#include <liburing.h>
#include <stdio.h>
#include <unistd.h>

int
main(int argc, char **argv)
{
	char path[4096];
	struct io_uring ring;
	int fd;

	if (argc != 2)
		return 2;
	snprintf(path, sizeof(path), "%s/io_kind.probe", argv[1]);
	fd = open(path, O_CREAT | O_RDWR | O_DIRECT, 0600);
	unlink(path);
	printf("%s, %s\n", io_uring_queue_init(8, &ring, 0) == 0 ? "io_uring" : "threads", fd >= 0 ? "O_DIRECT" : "buffered");
	return 0;
}
