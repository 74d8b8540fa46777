/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the writers of tests/kills.sh share: the log of what was begun and what was acknowledged, which lies outside the store, the counters that
 * the driver looks at, and the pattern that every value is made of.
 *
 *	log lines:  B <op> <what...>   about to be asked for
 *	            A <op>             acknowledged
 *	            N <op>             was in flight when its writer was killed, and a check found that it had not happened
 *	counters:   <acknowledged> <begun> <held>, one line of fixed width beside the log (LOG.count); they go on where the log ends
 *	control:    files in the directory of the logs:
 *	  hold      a number: finish what is under way, say the number as held, wait until the file is gone
 *	  stop      finish and end
 *	  phase     NUMBER SHARED OWN KILL_AT PID: what may be begun until there is another phase. SHARED operations by all writers together, and OWN by
 *	            each in any case: so what is written does not depend on how fast the machine is. Who begins the KILL_AT-th or a later one, when
 *	            each writer has KILLS_LEAST acknowledged in the phase, kills PID a moment later, in mid-write wherever that is (PID 0: nobody does).
 *	  killed    by who killed: NUMBER UNDER_WAY TIME, how many operations were under way then, and the wall clock in ns
 *	  shared    memory of all writers: what was begun and acknowledged
 */
#ifndef TESTS_KILLS_H
#define TESTS_KILLS_H

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define KILLS_WRITERS 4
#define KILLS_LEAST 5
#define KILLS_PHASES 65536
#define KILLS_DELAY_US 2000

struct kills_phase {
	_Atomic uint64_t begun, fired, own_begun[KILLS_WRITERS], own_acked[KILLS_WRITERS];
};

struct kills_shared {
	_Atomic uint64_t begun[KILLS_WRITERS], acked[KILLS_WRITERS];
	struct kills_phase phases[KILLS_PHASES]; /* most of it a hole */
};

/* To the hand of a writer: the process that kills while the writer writes. */
struct kills_order {
	uint64_t number, delay_us;
	pid_t pid;
};

struct kills_log {
	int fd, count_fd, hand;
	uint32_t id;
	uint64_t acked, begun, held;
	uint64_t number, shared_max, own_max, kill_at; /* of the phase */
	long pid;
	struct kills_shared *shared;
	char hold[PATH_MAX], stop[PATH_MAX], phase[PATH_MAX], killed[PATH_MAX];
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
	log->shared->begun[log->id] = log->begun;
	log->shared->acked[log->id] = log->acked;
}

static inline uint64_t
mix(uint64_t x)
{
	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9ULL;
	x ^= x >> 27;
	x *= 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

static inline void
log_tally(struct kills_log *log, char what)
{
	log->begun += what == 'B';
	log->begun -= what == 'N';
	log->acked += what == 'A';
}

/* The name of a file beside the log. */
static inline void
log_beside(const char *path, const char *name, char *result)
{
	char copy[PATH_MAX];

	snprintf(copy, sizeof(copy), "%s", path);
	snprintf(result, PATH_MAX, "%.*s/%s", PATH_MAX - 20, dirname(copy), name);
}

static inline struct kills_shared *
log_share(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT, 0600);
	void *shared;

	if (fd < 0 || ftruncate(fd, sizeof(struct kills_shared)) != 0)
		die("%s: %s", path, strerror(errno));
	shared = mmap(NULL, sizeof(struct kills_shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (shared == MAP_FAILED)
		die("%s: %s", path, strerror(errno));
	close(fd);
	return shared;
}

/* writer: 0 to KILLS_WRITERS - 1 */
static inline void
log_open(struct kills_log *log, const char *path, uint32_t writer)
{
	char name[PATH_MAX], line[256];
	FILE *file = fopen(path, "r");

	if (writer >= KILLS_WRITERS)
		die("writer is 0 to %d", KILLS_WRITERS - 1);
	log->id = writer;
	log->hand = -1;
	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		log_tally(log, line[0]);
	if (file != NULL)
		fclose(file);
	snprintf(name, sizeof(name), "%.*s.count", PATH_MAX - 20, path);
	log->fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
	log->count_fd = open(name, O_WRONLY | O_CREAT, 0600);
	if (log->fd < 0 || log->count_fd < 0)
		die("the log %s cannot be opened: %s", path, strerror(errno));
	log_beside(path, "hold", log->hold);
	log_beside(path, "stop", log->stop);
	log_beside(path, "phase", log->phase);
	log_beside(path, "killed", log->killed);
	log_beside(path, "shared", name);
	log->shared = log_share(name);
	log_count(log);
}

static inline void
log_kill(const struct kills_log *log, const struct kills_order *order)
{
	uint64_t under_way = 0;
	struct timespec now;
	char name[PATH_MAX];
	FILE *file;

	usleep((useconds_t)order->delay_us);
	if (kill(order->pid, SIGKILL) != 0)
		die("%d cannot be killed: %s", order->pid, strerror(errno));
	clock_gettime(CLOCK_REALTIME, &now);
	for (uint32_t i = 0; i < KILLS_WRITERS; i++)
		under_way += log->shared->begun[i] - log->shared->acked[i];
	snprintf(name, sizeof(name), "%.*s.new", PATH_MAX - 20, log->killed);
	file = fopen(name, "w");
	if (file == NULL || fprintf(file, "%lu %lu %ld%09ld\n", order->number, under_way, now.tv_sec, now.tv_nsec) < 0 || fclose(file) != 0 ||
	    rename(name, log->killed) != 0)
		die("%s: %s", log->killed, strerror(errno));
}

/* A process of its own, made before the writer has threads; it ends with the writer. */
static inline void
log_hand(struct kills_log *log)
{
	struct kills_order order;
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) != 0)
		die("no pipe: %s", strerror(errno));
	pid = fork();
	if (pid < 0)
		die("no hand: %s", strerror(errno));
	if (pid == 0) {
		close(ends[1]);
		while (read(ends[0], &order, sizeof(order)) == sizeof(order))
			log_kill(log, &order);
		_exit(0);
	}
	close(ends[0]);
	log->hand = ends[1];
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
	log_tally(log, line[0]);
	if (line[0] == 'A')
		log->shared->phases[log->number].own_acked[log->id]++;
	log_count(log);
}

/* Whether another operation may begin in this phase; then it counts as begun, and the caller logs it. */
static inline bool
log_may_begin(struct kills_log *log)
{
	struct kills_phase *phase;
	char text[128] = "";
	int fd = open(log->phase, O_RDONLY);

	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0 ||
	    sscanf(text, "%lu %lu %lu %lu %ld", &log->number, &log->shared_max, &log->own_max, &log->kill_at, &log->pid) != 5 ||
	    log->number >= KILLS_PHASES)
		die("%s says nothing sensible: '%s'", log->phase, text);
	close(fd);
	phase = &log->shared->phases[log->number];
	if (phase->own_begun[log->id] >= log->own_max && phase->begun >= log->shared_max)
		return false;
	phase->own_begun[log->id]++;
	phase->begun++;
	return true;
}

/* Between the log of an operation and its call: now may be the time. */
static inline void
log_strike(struct kills_log *log)
{
	struct kills_phase *phase = &log->shared->phases[log->number];
	struct kills_order order = {.number = log->number, .pid = (pid_t)log->pid};

	if (log->pid <= 0 || phase->begun < log->kill_at)
		return;
	for (uint32_t i = 0; i < KILLS_WRITERS; i++)
		if (phase->own_acked[i] < KILLS_LEAST)
			return;
	if (atomic_exchange(&phase->fired, 1) != 0)
		return;
	order.delay_us = mix(log->begun * KILLS_WRITERS + log->id) % KILLS_DELAY_US;
	if (write(log->hand, &order, sizeof(order)) != sizeof(order))
		die("the hand does not listen: %s", strerror(errno));
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
