/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log: the sink of log lines: stderr or a file. A line:
 *
 *   2025/11/22-15:01:02.123456 host IDENTITY[pid/tid] facility LEVEL text
 *
 * log I1: a line is one write(2) to a descriptor opened with O_APPEND: lines of several processes do not mix, and nothing is
 *         held back when the process dies.
 * log I2: a file longer than max_size becomes FILE.old, replacing the one before; a file that somebody else moved away or
 *         removed is opened anew within a second.
 * log I3: a line that cannot be written is counted, and the count is written when writing works again; nobody waits.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "logmask.h"
#include "real.h"

struct real_log {
	struct log log; /* first */
	pthread_mutex_t lock;
	struct logmask mask;
	char identity[32], host[64];
	char path[PATH_MAX]; /* empty: stderr */
	int fd;
	bool stderr_in_log;
	enum log_level stderr_at;
	uint64_t size, size_max, lost;
	time_t checked;
	char first[256]; /* the first line of an error */
	dev_t dev;
	ino_t ino;
};

static int
open_file(struct real_log *log, int flags)
{
	int fd = open(log->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | flags, 0644);
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) == 0) {
		log->size = (uint64_t)st.st_size;
		log->dev = st.st_dev;
		log->ino = st.st_ino;
	}
	if (log->stderr_in_log)
		dup2(fd, STDERR_FILENO);
	if (log->fd < 0) {
		log->fd = fd;
		return 0;
	}
	/* The number stays the same, for signal handlers that write to it. */
	dup3(fd, log->fd, O_CLOEXEC);
	close(fd);
	return 0;
}

/* log I2 */
static void
look_after_file(struct real_log *log, time_t now)
{
	char old[PATH_MAX + 4];
	struct stat st;

	if (log->size > log->size_max) {
		snprintf(old, sizeof(old), "%s.old", log->path);
		if (rename(log->path, old) == 0)
			open_file(log, 0);
		log->size = 0;
	} else if (now != log->checked) {
		log->checked = now;
		if (stat(log->path, &st) != 0 || st.st_dev != log->dev || st.st_ino != log->ino)
			open_file(log, 0);
		else
			log->size = (uint64_t)st.st_size;
	}
}

static size_t
format(struct real_log *log, char *out, size_t size, enum log_level level, const char *facility, const char *line)
{
	struct timespec now;
	struct tm tm;
	int len;

	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &tm);
	len = snprintf(out, size, "%04d/%02d/%02d-%02d:%02d:%02d.%06ld %s %s[%d/%d] %-8s %-5s %s\n", tm.tm_year + 1900,
		       tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, now.tv_nsec / 1000, log->host,
		       log->identity, (int)getpid(), (int)gettid(), facility, logmask_level_name(level), line);
	if (len < (int)size)
		return (size_t)MAX(len, 0);
	out[size - 2] = '\n';
	return size - 1;
}

static void
put(struct real_log *log, const char *text, size_t len)
{
	ssize_t n;

	do
		n = write(log->fd, text, len);
	while (n < 0 && errno == EINTR);
	if (n == (ssize_t)len)
		log->size += len;
	else
		log->lost++;
}

static void
log_write(struct log *base, enum log_level level, const char *facility, const char *line)
{
	struct real_log *log = container_of(base, struct real_log, log);
	char text[1400], note[64];
	int err = errno;
	uint64_t lost;
	size_t len;

	pthread_mutex_lock(&log->lock);
	if (log->path[0] != '\0')
		look_after_file(log, time(NULL));
	/* log I3 */
	if (log->lost > 0) {
		lost = log->lost;
		snprintf(note, sizeof(note), "%llu lines could not be written", (unsigned long long)lost);
		put(log, text, format(log, text, sizeof(text), LOG_ERR, ROOM, note));
		if (log->lost == lost)
			log->lost = 0;
	}
	if (level >= LOG_ERR && level <= LOG_CRIT && log->first[0] == '\0')
		snprintf(log->first, sizeof(log->first), "%s", line);
	len = format(log, text, sizeof(text), level, facility, line);
	put(log, text, len);
	/* stderr may be closed: that loses nothing, the line is in the file. */
	if (log->path[0] != '\0' && level >= log->stderr_at && !log->stderr_in_log && write(STDERR_FILENO, text, len) < 0)
		errno = 0;
	pthread_mutex_unlock(&log->lock);
	errno = err;
}

static enum log_level
log_level_of(struct log *base, const char *facility)
{
	struct real_log *log = container_of(base, struct real_log, log);
	enum log_level level;

	pthread_mutex_lock(&log->lock);
	level = logmask_level(&log->mask, facility);
	pthread_mutex_unlock(&log->lock);
	return level;
}

int
real__log_fd(struct real_log *log)
{
	return log->fd;
}

void
env_real_log_set_identity(struct env *env, const char *identity)
{
	struct real_log *log = real_of(env)->log;

	pthread_mutex_lock(&log->lock);
	snprintf(log->identity, sizeof(log->identity), "%s", identity);
	pthread_mutex_unlock(&log->lock);
}

void
env_real_log_first_error(struct env *env, char *buf, size_t size)
{
	struct real_log *log = real_of(env)->log;

	pthread_mutex_lock(&log->lock);
	snprintf(buf, size, "%s", log->first);
	pthread_mutex_unlock(&log->lock);
}

static int
set_mask(struct real_log *log, const char *levels, const char *streams, const char *facilities)
{
	struct logmask next = log->mask;
	int rc = 0;

	if (levels != NULL)
		rc = logmask_set_levels(&next, levels);
	if (rc == 0 && streams != NULL)
		rc = logmask_set_words(&next.streams, streams);
	if (rc == 0 && facilities != NULL)
		rc = logmask_set_words(&next.facilities, facilities);
	if (rc != 0)
		return rc;
	log->mask = next;
	__atomic_store_n(&log->log.base_level, logmask_base(&next), __ATOMIC_RELAXED);
	return 0;
}

int
env_real_log_set_mask(struct env *env, const char *mask, const char *streams)
{
	struct real_log *log = real_of(env)->log;
	int rc;

	pthread_mutex_lock(&log->lock);
	rc = set_mask(log, mask, streams, NULL);
	pthread_mutex_unlock(&log->lock);
	return rc;
}

/* ---- options ------------------------------------------------------------------------------------------------------ */

static void
env_text(const char *name, const char **value)
{
	const char *text = getenv(name);

	if (text != NULL && *text != '\0')
		*value = text;
}

static void
env_bool(const char *name, bool *value)
{
	const char *text = getenv(name);

	if (text != NULL)
		*value = strcmp(text, "1") == 0 || strcasecmp(text, "yes") == 0 || strcasecmp(text, "true") == 0 ||
			 strcasecmp(text, "on") == 0;
}

static int
open_log(struct real_log *log, const struct env_real_log_options *options)
{
	int len, rc;

	if (options->file == NULL) {
		log->fd = STDERR_FILENO;
		return 0;
	}
	if (options->append_pid)
		len = snprintf(log->path, sizeof(log->path), "%s.%d", options->file, (int)getpid());
	else
		len = snprintf(log->path, sizeof(log->path), "%s", options->file);
	if (len >= (int)sizeof(log->path))
		return -DER_EXCEEDS_PATH_LEN;
	log->stderr_in_log = options->stderr_in_log;
	rc = open_file(log, options->truncate ? O_TRUNC : 0);
	if (rc == 0)
		return 0;
	fprintf(stderr, "%s: cannot open the log file: %s\n", log->path, strerror(-rc));
	return real__errno(-rc);
}

static int
apply(struct real_log *log, const struct env_real_log_options *options, const char *facilities)
{
	log->size_max = options->max_size != 0 ? options->max_size : 2 * GIB;
	log->stderr_at = LOG_CRIT;
	snprintf(log->identity, sizeof(log->identity), "%s", options->identity != NULL ? options->identity : "DAOS");
	if (options->stderr_at != NULL &&
	    logmask_parse_level(options->stderr_at, strlen(options->stderr_at), &log->stderr_at) != 0)
		return -DER_INVAL;
	return set_mask(log, options->mask, options->streams, facilities);
}

int
real__log_create(const struct env_real_options *given, struct real *real)
{
	struct env_real_log_options options = given != NULL ? given->log : (struct env_real_log_options){0};
	struct real_log *log = MEM_NEW(&real->mem, struct real_log);
	bool from_environment = given != NULL && given->log_from_environment;
	const char *facilities = NULL, *size = NULL;
	int rc;

	if (log == NULL)
		return -DER_NOMEM;
	real->log = log;
	log->fd = -1;
	pthread_mutex_init(&log->lock, NULL);
	logmask_init(&log->mask);
	log->log.base_level = logmask_base(&log->mask);
	log->log.write = log_write;
	log->log.level_of = log_level_of;
	if (gethostname(log->host, sizeof(log->host) - 1) != 0)
		snprintf(log->host, sizeof(log->host), "localhost");
	log->host[strcspn(log->host, ".")] = '\0';
	if (from_environment) {
		env_text("D_LOG_FILE", &options.file);
		env_text("D_LOG_MASK", &options.mask);
		env_text("DD_MASK", &options.streams);
		env_text("DD_SUBSYS", &facilities);
		env_text("DD_STDERR", &options.stderr_at);
		env_text("D_LOG_SIZE", &size);
		env_bool("D_LOG_FILE_APPEND_PID", &options.append_pid);
		env_bool("D_LOG_TRUNCATE", &options.truncate);
		env_bool("D_LOG_STDERR_IN_LOG", &options.stderr_in_log);
	}
	rc = apply(log, &options, facilities);
	if (rc == 0 && size != NULL && (logmask_parse_size(size, &log->size_max) != 0 || log->size_max == 0))
		rc = -DER_INVAL;
	if (rc == -DER_INVAL)
		fprintf(stderr, "log settings not understood: mask '%s', stderr level '%s', size '%s'\n",
			options.mask != NULL ? options.mask : "", options.stderr_at != NULL ? options.stderr_at : "",
			size != NULL ? size : "");
	if (rc == 0)
		rc = open_log(log, &options);
	real->env.log = &log->log;
	return rc;
}

void
real__log_destroy(struct real *real)
{
	struct real_log *log = real->log;

	if (log == NULL)
		return;
	if (log->fd > STDERR_FILENO)
		close(log->fd);
	pthread_mutex_destroy(&log->lock);
	mem_free(&real->mem, log);
	real->log = NULL;
	real->env.log = NULL;
}
