/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mount_load: what is done to a mount, by programs that wait for every answer. Prints one number: operations (or MB) per second.
 *
 *   mount_load fill     FILE MIB                     writes it, 1 MiB at a time, and fsync
 *   mount_load randread FILE DEPTH SECONDS           4 KiB at random places, O_DIRECT, DEPTH under way (native aio)
 *   mount_load cached   FILE SECONDS                 4 KiB at random places, from the page cache
 *   mount_load creates  DIR PROCESSES COUNT          each process COUNT times: create, write 64 bytes, close
 *   mount_load creates_apart DIR PROCESSES COUNT     the same, each process in a directory of its own
 *   mount_load stats    DIR PROCESSES SECONDS COUNT  stat of the files that `creates` made
 *   mount_load unlinks  DIR PROCESSES COUNT
 *   mount_load write    FILE MIB DEPTH               sequential, 1 MiB at a time, O_DIRECT
 *   mount_load read     FILE MIB DEPTH
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SMALL = 4096, LARGE = 1 << 20, DEPTH_MAX = 256, FILES_MAX = 1 << 20 };

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void
die(const char *what)
{
	fprintf(stderr, "mount_load: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t
next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static int
open_or_die(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0644);

	if (fd < 0)
		die(path);
	return fd;
}

static char *
buffer_of(size_t size)
{
	void *buffer;

	if (posix_memalign(&buffer, SMALL, size) != 0)
		die("memory");
	memset(buffer, 0x5a, size);
	return buffer;
}

/* DEPTH operations of size bytes under way, at the places that next() says, until it says none. Returns how many were done. */
struct stream {
	int fd, op;
	uint32_t size, depth;
	int64_t (*next)(void *arg);
	void *arg;
};

static uint64_t
stream_run(const struct stream *stream)
{
	static struct iocb iocbs[DEPTH_MAX];
	static struct io_event events[DEPTH_MAX];
	char *memory = buffer_of((size_t)stream->size * stream->depth);
	aio_context_t ctx = 0;
	uint64_t done = 0;
	uint32_t busy = 0;
	long n;

	if (syscall(SYS_io_setup, stream->depth, &ctx) != 0)
		die("io_setup");
	for (uint32_t i = 0; i < stream->depth; i++) {
		int64_t at = stream->next(stream->arg);
		struct iocb *iocb = &iocbs[i];

		if (at < 0)
			break;
		*iocb = (struct iocb){.aio_fildes = (uint32_t)stream->fd, .aio_lio_opcode = (uint16_t)stream->op, .aio_nbytes = stream->size,
				      .aio_buf = (uint64_t)(uintptr_t)(memory + (size_t)i * stream->size), .aio_offset = at};
		if (syscall(SYS_io_submit, ctx, 1L, &iocb) != 1)
			die("io_submit");
		busy++;
	}
	while (busy > 0) {
		struct iocb *again[DEPTH_MAX];
		long nr = 0;

		n = syscall(SYS_io_getevents, ctx, 1L, (long)stream->depth, events, NULL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			die("io_getevents");
		for (long i = 0; i < n; i++) {
			struct iocb *iocb = (struct iocb *)(uintptr_t)events[i].obj;
			int64_t at;

			if (events[i].res != (int64_t)stream->size) {
				errno = events[i].res < 0 ? (int)-events[i].res : EIO;
				die("an operation");
			}
			done++;
			busy--;
			at = stream->next(stream->arg);
			if (at >= 0) {
				iocb->aio_offset = at;
				again[nr++] = iocb;
			}
		}
		for (long sent = 0; sent < nr; sent += n) {
			n = syscall(SYS_io_submit, ctx, nr - sent, again + sent);
			if (n <= 0)
				die("io_submit");
		}
		busy += (uint32_t)nr;
	}
	syscall(SYS_io_destroy, ctx);
	free(memory);
	return done;
}

struct places {
	uint64_t state, nr, at;
	double until;
};

static int64_t
random_place(void *arg)
{
	struct places *places = arg;

	return now() < places->until ? (int64_t)(next_random(&places->state) % places->nr * SMALL) : -1;
}

static int64_t
following_place(void *arg)
{
	struct places *places = arg;

	return places->at < places->nr ? (int64_t)(places->at++ * LARGE) : -1;
}

static uint64_t
blocks_of(int fd)
{
	struct stat st;

	if (fstat(fd, &st) != 0 || st.st_size < SMALL)
		die("the file's size");
	return (uint64_t)st.st_size / SMALL;
}

static double
fill(const char *path, uint64_t mib)
{
	int fd = open_or_die(path, O_RDWR | O_CREAT | O_TRUNC);
	uint64_t state = 88172645463325252ULL;
	char *data = buffer_of(LARGE);
	double begun = now();

	for (uint64_t i = 0; i < mib; i++) {
		for (size_t at = 0; at < LARGE; at += sizeof(state)) {
			uint64_t word = next_random(&state);

			memcpy(data + at, &word, sizeof(word));
		}
		if (write(fd, data, LARGE) != LARGE)
			die("write");
	}
	if (fsync(fd) != 0)
		die("fsync");
	close(fd);
	free(data);
	return (double)mib * LARGE / 1e6 / (now() - begun);
}

static double
randread(const char *path, uint32_t depth, double seconds)
{
	int fd = open_or_die(path, O_RDONLY | O_DIRECT);
	double begun = now();
	struct places places = {.state = 0x9e3779b97f4a7c15ULL, .nr = blocks_of(fd), .until = begun + seconds};
	struct stream stream = {.fd = fd, .op = IOCB_CMD_PREAD, .size = SMALL, .depth = depth, .next = random_place, .arg = &places};
	uint64_t done = stream_run(&stream);

	close(fd);
	return (double)done / (now() - begun);
}

static double
sequential(const char *path, uint64_t mib, uint32_t depth, int write_it)
{
	int fd = open_or_die(path, (write_it ? O_WRONLY | O_CREAT : O_RDONLY) | O_DIRECT);
	struct places places = {.nr = mib};
	struct stream stream = {.fd = fd, .op = write_it ? IOCB_CMD_PWRITE : IOCB_CMD_PREAD, .size = LARGE, .depth = depth,
				.next = following_place, .arg = &places};
	double begun = now();
	uint64_t done = stream_run(&stream);

	if (write_it && fsync(fd) != 0)
		die("fsync");
	close(fd);
	return (double)done * LARGE / 1e6 / (now() - begun);
}

static double
cached(const char *path, double seconds)
{
	int fd = open_or_die(path, O_RDONLY);
	uint64_t nr = blocks_of(fd), state = 1234567, done = 0;
	char *data = buffer_of(LARGE);
	double begun;

	for (uint64_t at = 0; at < nr * SMALL; at += LARGE)
		if (pread(fd, data, LARGE, (off_t)at) < 0)
			die("pread");
	for (begun = now(); now() - begun < seconds; done += 64)
		for (int i = 0; i < 64; i++)
			if (pread(fd, data, SMALL, (off_t)(next_random(&state) % nr * SMALL)) != SMALL)
				die("pread");
	close(fd);
	return (double)done / (now() - begun);
}

/* ---- several processes ------------------------------------------------------------------------------------------------------ */
struct job {
	const char *dir;
	uint32_t process;
	int own; /* each process in a directory of its own, which `creates` makes */
	uint64_t count;
	double seconds;
};

static void
name_file(const struct job *job, uint64_t i, char path[4096])
{
	snprintf(path, 4096, job->own ? "%s/p%u/f%lu" : "%s/f%u.%lu", job->dir, job->process, (unsigned long)i);
}

static uint64_t
job_creates(const struct job *job)
{
	char path[4096], data[64];

	snprintf(path, sizeof(path), "%s/p%u", job->dir, job->process);
	if (job->own && mkdir(path, 0755) != 0)
		die(path);
	memset(data, 'x', sizeof(data));
	for (uint64_t i = 0; i < job->count; i++) {
		int fd;

		name_file(job, i, path);
		fd = open_or_die(path, O_WRONLY | O_CREAT | O_EXCL);
		if (write(fd, data, sizeof(data)) != (ssize_t)sizeof(data))
			die("write");
		if (close(fd) != 0)
			die("close");
	}
	return job->count;
}

static uint64_t
job_unlinks(const struct job *job)
{
	char path[4096];

	for (uint64_t i = 0; i < job->count; i++) {
		name_file(job, i, path);
		if (unlink(path) != 0)
			die(path);
	}
	return job->count;
}

static uint64_t
job_stats(const struct job *job)
{
	double until = now() + job->seconds;
	uint64_t done = 0;
	char path[4096];
	struct stat st;

	while (now() < until) {
		name_file(job, done % job->count, path);
		if (stat(path, &st) != 0 || st.st_size != 64)
			die(path);
		done++;
	}
	return done;
}

static double
many(uint64_t (*run)(const struct job *job), struct job job, uint32_t processes)
{
	uint64_t done = 0, part;
	double begun;
	int ends[2];

	if (pipe(ends) != 0)
		die("pipe");
	begun = now();
	for (job.process = 0; job.process < processes; job.process++) {
		pid_t pid = fork();

		if (pid < 0)
			die("fork");
		if (pid == 0) {
			part = run(&job);
			_exit(write(ends[1], &part, sizeof(part)) != sizeof(part));
		}
	}
	close(ends[1]);
	for (uint32_t i = 0; i < processes; i++) {
		int status;

		if (wait(&status) < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
			exit(1);
	}
	begun = now() - begun;
	while (read(ends[0], &part, sizeof(part)) == sizeof(part))
		done += part;
	return (double)done / begun;
}

int
main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[1] : "", *path = argc > 2 ? argv[2] : NULL;
	double a = argc > 3 ? atof(argv[3]) : 0, b = argc > 4 ? atof(argv[4]) : 0, figure;
	struct job job = {.dir = path, .count = (uint64_t)b, .seconds = b};
	uint32_t depth = b >= 1 && b <= DEPTH_MAX ? (uint32_t)b : 1;

	if (strcmp(what, "fill") == 0)
		figure = fill(path, (uint64_t)a);
	else if (strcmp(what, "randread") == 0)
		figure = randread(path, a >= 1 && a <= DEPTH_MAX ? (uint32_t)a : 1, b);
	else if (strcmp(what, "cached") == 0)
		figure = cached(path, a);
	else if (strcmp(what, "write") == 0 || strcmp(what, "read") == 0)
		figure = sequential(path, (uint64_t)a, depth, what[0] == 'w');
	else if (strcmp(what, "creates_apart") == 0)
		job.own = 1, figure = many(job_creates, job, (uint32_t)a);
	else if (strcmp(what, "creates") == 0)
		figure = many(job_creates, job, (uint32_t)a);
	else if (strcmp(what, "unlinks") == 0)
		figure = many(job_unlinks, job, (uint32_t)a);
	else if (strcmp(what, "stats") == 0)
		job.count = argc > 5 ? (uint64_t)atol(argv[5]) : 1, figure = many(job_stats, job, (uint32_t)a);
	else
		return fprintf(stderr, "mount_load: see the head of its source\n"), 2;
	printf("%.1f\n", figure);
	return 0;
}
