/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this room share: the environment, its loops, and what an epoll set points at. */
#ifndef ENV_REAL_REAL_H
#define ENV_REAL_REAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include "base/base.h"
#include "base/list.h"
#include "env/env.h"
#include "env_real/env_real.h"

struct real_helpers;
struct real_log;
struct real_ring;
struct real_signals;

struct real {
	struct env env; /* first */
	struct mem mem;
	struct env_ops ops;
	struct real_log *log;
	bool no_direct;
	atomic_bool no_io_uring;
	atomic_bool said_no_io_uring, said_no_direct, said_no_dsync, said_no_trim, said_no_bind;
	_Atomic uint64_t rand_state;
	uint64_t spin_max_ns;         /* spin.c */
	pthread_mutex_t lock;         /* over what follows */
	struct real_helpers *helpers; /* threads for block I/O without io_uring; made when first needed */
	void *topology;               /* hwloc's; loaded when first needed */
};

static inline struct real *
real_of(struct env *env)
{
	return container_of(env, struct real, env);
}

/* ---- loop ----------------------------------------------------------------------------------------------------- */

/* A descriptor in a loop's epoll set. */
struct real_source {
	void (*ready)(struct real_source *source, uint32_t events);
	int fd;
	uint32_t events; /* asked for; 0: not in the set */
};

/* Memory of a connection's incomplete messages, over all connections of a loop. */
#define REAL_PART_MAX (64 * MIB)
#define REAL_EVENTS 64
#define REAL_SPARE_MAX 16

struct env_loop {
	struct real *real;
	int epfd, wakefd;
	struct real_source wake_source;
	atomic_bool woken;    /* a wake that has not yet ended a sleep */
	atomic_bool sleeping; /* wake has to write to wakefd */
	bool polling;
	int ran;              /* callbacks in this poll */
	int source_nr;        /* descriptors in the set, the loop's own left out */
	uint64_t spin_ns;     /* spin.c: how long to look before a sleep, */
	uint64_t away_ns;     /* for how long it does not, */
	uint64_t away_until_ns; /* and until when */
	uint64_t looked_ns;   /* when the kernel was last asked for events */
	struct epoll_event events[REAL_EVENTS];
	int event_nr, event_at;

	/* disk */
	struct real_ring *ring;                /* NULL: none yet, or helper threads */
	struct env_io *ready_head, *ready_tail; /* whose rc is known */
	uint32_t io_nr;                        /* submitted and not done */
	pthread_mutex_t remote_lock;
	struct env_io *remote_head, *remote_tail; /* what helper threads finished */
	atomic_bool remote;                    /* there are some */

	/* network */
	struct list dirty;    /* connections with something to write */
	struct list dead;     /* connections to be closed, their user told, and freed */
	struct list young;    /* connections still to be greeted, oldest first */
	struct list retry;    /* connections whose connect has to be tried again */
	struct list conns;    /* all of them */
	struct list dead_listens;
	struct list spare;    /* empty chunks of queues, at most REAL_SPARE_MAX */
	int spare_nr;
	uint8_t *rbuf;        /* what is read before it is cut into messages; shared by all connections, empty between reads */
	uint64_t part_bytes;  /* see REAL_PART_MAX */
	uint8_t secrets[512]; /* random bytes not yet given out */
	size_t secrets_left;

	/* watched descriptors, children, signals */
	struct list watches, gone_watches;
	struct list procs;
	struct real_signals *signals;
};

/* ---- looking before sleeping ---------------------------------------------------------------------------------- */
void real__spin_init(struct real *real);
/** Whether a loop that waits since then should look once more rather than sleep. */
bool real__spin_wanted(struct env_loop *loop, uint64_t now, uint64_t since);
/** Lets others have the core. */
void real__spin_yield(struct env_loop *loop);
/** A wait is over. */
void real__spin_learn(struct env_loop *loop, uint64_t waited_ns);

int real__loop_open(struct env *env, struct env_loop **loop);
void real__loop_close(struct env_loop *loop);
int real__loop_poll(struct env_loop *loop, uint64_t deadline_ns);
void real__loop_wake(struct env_loop *loop);
int real__loop_watch_fd(struct env_loop *loop, int fd, void (*ready)(void *arg), void *arg);
void real__loop_unwatch_fd(struct env_loop *loop, int fd);

/* Puts source->fd into the set or changes what is asked for; events 0 takes it out. */
int real__source_set(struct env_loop *loop, struct real_source *source, uint32_t events);
/* A callback of the user is about to run. */
static inline void
real__loop_ran(struct env_loop *loop)
{
	loop->ran++;
}

/* ---- disk ----------------------------------------------------------------------------------------------------- */

struct env_disk {
	struct real *real;
	int fd;
	int cached_fd;           /* the same through the page cache, for reads; -1: fd has to do */
	bool is_device;
	atomic_bool no_dsync;    /* RWF_DSYNC is refused: a flush follows the write */
	atomic_uint_fast32_t io_nr;
	struct env_disk_info info;
	char *path;
};

/* What of an operation is under way; lives in env_io.priv. */
enum real_io_step { REAL_IO_MAIN, REAL_IO_SYNC };
struct real_io {
	struct env_io *next;
	struct env_loop *loop;
	uint64_t moved; /* bytes */
	int32_t res;    /* of the step: bytes or -errno; once ready: -DER_* */
	uint16_t tries;
	uint8_t step;
	int iov_at;            /* the piece where the transfer stands ... */
	uint64_t iov_off;      /* ... and where in it */
	struct iovec rest;     /* what is left of that piece */
};

static inline struct real_io *
real_io(struct env_io *io)
{
	_Static_assert(sizeof(struct real_io) <= sizeof(io->priv), "env_io.priv is too small");
	return (struct real_io *)io->priv;
}

/* The pieces that a step moves: from where the transfer stands, as much as one system call takes. */
struct real_io_span {
	const struct iovec *iov;
	int nr;
	uint64_t off;
};
void real__io_span(struct env_io *io, struct real_io_span *span);
/** The descriptor that an operation goes through. */
int real__io_fd(const struct env_io *io);
int real__io_rwf(const struct env_io *io);
/* The step ended with res: starts the next or makes io ready. On the loop's thread. */
void real__io_step_done(struct env_io *io, int res);
/* Runs done of what is ready. */
void real__disk_run(struct env_loop *loop);

int real__disk_open(struct env *env, const char *path, int flags, uint64_t size, struct env_disk **disk);
void real__disk_close(struct env_disk *disk);
void real__disk_info(struct env_disk *disk, struct env_disk_info *info);
void real__disk_submit(struct env_loop *loop, struct env_io *io);

/* io_uring of a loop. -errno when the kernel refuses. */
int real__ring_open(struct env_loop *loop);
void real__ring_close(struct env_loop *loop);
void real__ring_start(struct env_loop *loop, struct env_io *io);
/* Hands over what was started. Returns true when something could not be handed over and must be tried again soon. */
bool real__ring_flush(struct env_loop *loop);
void real__ring_reap(struct env_loop *loop);

/* Helper threads of an environment. */
int real__helpers_start(struct real *real);
void real__helpers_stop(struct real *real);
void real__helpers_push(struct real *real, struct env_io *io);

/* ---- network -------------------------------------------------------------------------------------------------- */
/* See conn.h. */
int real__listen(struct env_loop *loop, const char *addr, void (*accepted)(void *arg, struct env_conn *conn), void *arg,
		 struct env_listen **listen);
const char *real__listen_addr(struct env_listen *listen);
void real__listen_close(struct env_listen *listen);
int real__conn_connect(struct env_loop *loop, const char *addr, const struct env_conn_ops *ops, void *arg,
		       struct env_conn **conn);
void real__conn_bind(struct env_conn *conn, const struct env_conn_ops *ops, void *arg);
int real__conn_send(struct env_conn *conn, const struct iovec *iov, int iov_nr);
size_t real__conn_queued(struct env_conn *conn);
void real__conn_close(struct env_conn *conn);
void real__conn_cred(struct env_conn *conn, struct env_cred *cred);
int real__mem_reg(struct env_conn *conn, const struct iovec *iov, int iov_nr, int access, struct env_rkey *key);
void real__mem_unreg(struct env_conn *conn, struct env_rkey key);
int real__get(struct env_conn *conn, struct env_rkey key, uint64_t off, const struct iovec *iov, int iov_nr,
	      void (*done)(void *arg, int rc), void *arg);
int real__put(struct env_conn *conn, struct env_rkey key, uint64_t off, const struct iovec *iov, int iov_nr,
	      void (*done)(void *arg, int rc), void *arg);

/* Writes what connections have to say. */
void real__net_flush(struct env_loop *loop);
/* Ends what is dead or too late, retries what has to be. */
void real__net_run(struct env_loop *loop);
/* When net_run wants to be called again, at latest; monotonic. */
uint64_t real__net_deadline(struct env_loop *loop);
/* Breaks every connection of a loop that closes. */
void real__net_close(struct env_loop *loop);

/* ---- files ---------------------------------------------------------------------------------------------------- */
extern const struct env_file_ops real__file_ops;
/* fsync of the directory that holds path. 0 or -errno. */
int real__sync_parent(const char *path);

/* ---- threads, processes, machine -------------------------------------------------------------------------------- */
int real__topology(struct env *env, struct env_topo *topo);
int real__stream_start(struct env *env, const char *name, const struct env_cpus *cpus, const struct env_stream *stream,
		       struct env_thread **thread);
int real__stack_alloc(struct env *env, size_t size, void **base);
void real__stack_free(struct env *env, void *base, size_t size);
int real__thread_start(struct env *env, const char *name, const struct env_cpus *cpus, void (*body)(void *arg), void *arg,
		       struct env_thread **thread);
void real__thread_join(struct env_thread *thread);
void real__host_fini(struct real *real);
/* Starts a thread of ours with all signals blocked but those that a fault raises. 0 or -errno. */
int real__pthread_start(pthread_t *thread, void *(*body)(void *arg), void *arg);

int real__spawn(struct env_loop *loop, char *const argv[], char *const envp[], void (*exited)(void *arg, int status),
		void *arg, struct env_proc **proc);
int32_t real__proc_pid(struct env_proc *proc);
int real__proc_signal(struct env_proc *proc, int signo);
void real__procs_close(struct env_loop *loop);

int real__watch_signal(struct env_loop *loop, int signo, void (*caught)(void *arg, int signo), void *arg);
void real__signals_close(struct env_loop *loop);

/* ---- log, errors ------------------------------------------------------------------------------------------------ */
int real__log_create(const struct env_real_options *options, struct real *real);
void real__log_destroy(struct real *real);
/* The descriptor that log lines are written to now; for signal handlers. */
int real__log_fd(struct real_log *log);
/* An alternative signal stack for the calling thread, where fatal signals are caught; freed with the thread. */
void real__sigstack_install(void);

/* ---- descriptors that a forked child must not keep: fds.c ---------------------------------------------------------- */
void real__fds_init(void);
/* Returns fd, which may be -1. */
int real__fd_note(int fd);
/* Somebody else closes it. */
void real__fd_forget(int fd);
void real__fd_close(int fd);

/* -DER_* of an errno. */
int real__errno(int err);
/* Monotonic time. */
uint64_t real__now(void);
/* Warns once: true for the first caller. */
static inline bool
real__first(atomic_bool *said)
{
	return !atomic_exchange(said, true);
}

#endif
