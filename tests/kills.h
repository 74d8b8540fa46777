/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the writers of tests/kills.sh share: the log of what was begun and what was acknowledged, which lies outside the store, the counters that
 * the driver looks at, and the pattern that every value is made of.
 *
 *	log lines:  B <op> <what...>   about to be asked for
 *	            A <op>             acknowledged
 *	            N <op>             was in flight when its writer was killed, and a check found that it had not happened
 *	counters:   <acknowledged> <begun> <held>, one line of fixed width beside the log (LOG.count)
 *	control:    a file "hold" in the directory of the logs with a number in it: finish what is under way, say the number as
 *	            held, wait until the file is gone; a file "stop": finish and end
 */
#ifndef TESTS_KILLS_H
#define TESTS_KILLS_H

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct kills_log {
	int fd, count_fd;
	uint64_t acked, begun, held;
	char hold[PATH_MAX], stop[PATH_MAX];
};

__attribute__((format(printf, 1, 2))) static inline void
die(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

static inline void
log_count(struct kills_log *log)
{
	char line[64];
	int len = snprintf(line, sizeof(line), "%012lu %012lu %012lu\n", log->acked, log->begun, log->held);

	if (pwrite(log->count_fd, line, (size_t)len, 0) != len)
		die("the counters cannot be written: %s", strerror(errno));
}

/* The name of a file beside the log. */
static inline void
log_beside(const char *path, const char *name, char *result)
{
	char copy[PATH_MAX];

	snprintf(copy, sizeof(copy), "%s", path);
	snprintf(result, PATH_MAX, "%.*s/%s", PATH_MAX - 20, dirname(copy), name);
}

static inline void
log_open(struct kills_log *log, const char *path)
{
	char counts[PATH_MAX];

	snprintf(counts, sizeof(counts), "%.*s.count", PATH_MAX - 20, path);
	log->fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
	log->count_fd = open(counts, O_WRONLY | O_CREAT, 0600);
	if (log->fd < 0 || log->count_fd < 0)
		die("the log %s cannot be opened: %s", path, strerror(errno));
	log_beside(path, "hold", log->hold);
	log_beside(path, "stop", log->stop);
	log_count(log);
}

__attribute__((format(printf, 2, 3))) static inline void
log_line(struct kills_log *log, const char *fmt, ...)
{
	char line[256];
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	if (write(log->fd, line, (size_t)len) != len)
		die("the log cannot be written: %s", strerror(errno));
	log->begun += line[0] == 'B';
	log->acked += line[0] == 'A';
	log_count(log);
}

/* The number of the hold that is wanted; 0: none. */
static inline uint64_t
log_hold(const struct kills_log *log)
{
	char text[32] = "";
	int fd = open(log->hold, O_RDONLY);
	ssize_t len;

	if (fd < 0)
		return 0;
	len = read(fd, text, sizeof(text) - 1);
	close(fd);
	return len > 0 ? strtoull(text, NULL, 10) : 0;
}

/* Says that nothing is under way, and waits. */
static inline void
log_wait(struct kills_log *log, uint64_t number)
{
	log->held = number;
	log_count(log);
	while (log_hold(log) == number)
		usleep(2000);
}

/* ---- randomness and patterns: never the machine's ------------------------------------------------------------------------- */
static inline uint64_t
mix(uint64_t x)
{
	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9ULL;
	x ^= x >> 27;
	x *= 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

static inline uint64_t
draw(uint64_t *state, uint64_t nr)
{
	*state += 0x9e3779b97f4a7c15ULL;
	return mix(*state) % nr;
}

/* size >= 16 bytes that say whose they are, and are unlike any others. */
static inline void
pattern(char *buf, uint32_t size, uint32_t writer, uint32_t item, uint64_t version)
{
	uint32_t head[4] = {writer, item, (uint32_t)version, size};
	uint64_t x = mix(version << 20 ^ (uint64_t)item << 8 ^ writer);

	for (uint32_t i = 0; i < size; i++) {
		x = x * 6364136223846793005ULL + 1442695040888963407ULL;
		buf[i] = (char)(x >> 56);
	}
	memcpy(buf, head, size < sizeof(head) ? size : sizeof(head));
}

#endif
