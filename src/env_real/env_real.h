/* SPDX-License-Identifier: Apache-2.0 */
/*
 * env_real: the seams answered with Linux: epoll and io_uring for loops and disks, TCP and UNIX sockets for the network,
 * pthreads, hwloc, files, child processes, signals, and a log in a file or on stderr. One struct env is one world of a
 * process; several may live side by side. See README.md for formats and for what happens when something breaks.
 */
#ifndef ENV_REAL_ENV_REAL_H
#define ENV_REAL_ENV_REAL_H

#include "env/env.h"

/** Where log lines go and which ones. Strings are copied; zero and NULL mean the default. */
struct env_real_log_options {
	const char *file;      /* NULL: stderr */
	const char *mask;      /* "LEVEL[,facility=LEVEL]...", as D_LOG_MASK; default WARN */
	const char *streams;   /* facilities and streams whose DEBUG lines are wanted, as DD_MASK; default all */
	const char *stderr_at; /* lines of this level and above go to stderr too when there is a file; default CRIT */
	const char *identity;  /* default DAOS */
	uint64_t max_size;     /* bytes; a longer file becomes FILE.old; default 2 GiB */
	bool append_pid;       /* FILE.<pid> instead of FILE */
	bool truncate;         /* start with an empty file */
	bool stderr_in_log;    /* what the process writes to stderr goes to the file */
};

struct env_real_options {
	struct env_real_log_options log;
	/**
	 * D_LOG_FILE, D_LOG_MASK, D_LOG_SIZE, D_LOG_FILE_APPEND_PID, D_LOG_TRUNCATE, D_LOG_STDERR_IN_LOG, DD_MASK,
	 * DD_SUBSYS and DD_STDERR, where set, override log.
	 */
	bool log_from_environment;
	bool no_io_uring; /* block I/O by helper threads, as where the kernel refuses io_uring */
	bool no_direct;   /* block I/O through the page cache, as where the file system refuses O_DIRECT */
};

/**
 * A process that forks without exec: the child's first act is to close every descriptor of every env_real that it inherited,
 * so that connections and locks end with the parent. Such an env must not be used or destroyed in the child; it makes its own.
 *
 * DAOS_POLL_US, where set: for how many microseconds at most a loop looks for work before it sleeps (250; 0: sleep at once).
 *
 * options may be NULL. The environment and its log live until env_real_destroy. -DER_NOMEM, -DER_INVAL (mask), -DER_IO (log). */
int env_real_create(const struct env_real_options *options, struct env **env);
/** All loops, disks, threads and files of env are closed. */
void env_real_destroy(struct env *env);

/** Names this process in its log lines from now on, e.g. "engine 3". Any thread. */
void env_real_log_set_identity(struct env *env, const char *identity);
/** The first line of an error that this process logged, or "". Any thread. */
void env_real_log_first_error(struct env *env, char *buf, size_t size);
/** Replaces the mask and streams (NULL: leave). Any thread. -DER_INVAL: nothing was changed. */
int env_real_log_set_mask(struct env *env, const char *mask, const char *streams);

/**
 * From now on SIGSEGV, SIGBUS, SIGILL, SIGFPE and SIGABRT print what happened and a backtrace to stderr and to the log file
 * of env (NULL: stderr only), then kill the process as they would have done. For main programs, never for libraries.
 */
int env_real_backtrace_install(struct env *env);
/** Keeps huge pages, which multiply the memory of sparse heaps, out of this process. */
int env_real_disable_thp(void);

#endif
