/* SPDX-License-Identifier: Apache-2.0 */
/*
 * env: the seams. Everything that is not a computation is asked of a struct env that was handed in: time, randomness,
 * disks, network, files, threads, memory, log. env_real answers with Linux, env_sim with one thread, virtual time and
 * seeded faults. This room is headers only.
 *
 * Completions arrive on a loop: the waiting side of one execution stream. All callbacks of a loop run inside
 * env_loop_poll of that loop, on its thread, never inside the call that started the operation.
 * Errors are 0 or -DER_*. Unless said otherwise a function may be called only from the thread that polls the loop.
 */
#ifndef ENV_ENV_H
#define ENV_ENV_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>
#include "base/base.h"

struct env;
struct env_loop;   /* where completions of one stream arrive */
struct env_disk;   /* an open block file or device */
struct env_conn;   /* one end of a connection */
struct env_listen; /* a place where connections arrive */
struct env_thread; /* a host thread */
struct env_proc;   /* a child process */

#define ENV_FOREVER UINT64_MAX

/* ---- loop ----------------------------------------------------------------------------------------------------- */
struct env_loop_ops {
	int (*open)(struct env *env, struct env_loop **loop);
	/** All operations on it have ended. */
	void (*close)(struct env_loop *loop);
	/**
	 * Runs the callbacks that are due. When none is due, sleeps until one is, until env_loop_wake, or until the
	 * monotonic time deadline_ns (0: do not sleep; ENV_FOREVER: no deadline). Returns how many callbacks ran.
	 * In the simulator time jumps instead of passing; within a stream's poll it never sleeps.
	 */
	int (*poll)(struct env_loop *loop, uint64_t deadline_ns);
	/** Ends the present or the next sleep. Any thread. */
	void (*wake)(struct env_loop *loop);
	/** Calls ready(arg) whenever fd is readable, until unwatched. Real only; the simulator answers -DER_NOSYS. */
	int (*watch_fd)(struct env_loop *loop, int fd, void (*ready)(void *arg), void *arg);
	void (*unwatch_fd)(struct env_loop *loop, int fd);
};

/* ---- disk ----------------------------------------------------------------------------------------------------- */
enum env_io_op { ENV_IO_READ, ENV_IO_WRITE, ENV_IO_FLUSH, ENV_IO_TRIM };
/** DSYNC: the write, and nothing else, is durable when it completes. CACHED: the read may be answered from the host's memory, and stay there. */
enum { ENV_IO_DSYNC = 1, ENV_IO_CACHED = 2 };
enum { ENV_DISK_CREATE = 1, ENV_DISK_RDONLY = 2, ENV_DISK_PREWRITE = 4 };

/**
 * One operation; the caller owns it and its buffers until done. Offsets, lengths and buffer addresses are multiples of
 * the disk's block size. A write is not durable until a DSYNC of its own or a later FLUSH completed without error; a
 * crash may keep, lose, reorder or tear (at 512-byte sectors) what is not durable. After a failed FLUSH or DSYNC the
 * state of everything not yet durable is unknown. A completed READ or WRITE moved all its bytes.
 */
struct env_io {
	struct env_disk *disk;
	enum env_io_op op;
	uint32_t flags;
	uint64_t off; /* bytes */
	uint64_t len; /* bytes; for READ and WRITE the sum of iov */
	const struct iovec *iov;
	int iov_nr;
	void (*done)(struct env_io *io, int rc);
	uint64_t priv[8]; /* the seam's own */
};

struct env_disk_info {
	uint64_t size;       /* bytes */
	uint32_t block_size; /* alignment of operations, bytes: 512 or 4096 */
	bool direct;         /* bypasses the page cache */
	char id[64];         /* which device, for logs and SMD */
};

struct env_disk_ops {
	/**
	 * Opens path. With CREATE it must not exist, and gets size bytes of allocated space (PREWRITE: written with
	 * zeros too); the file and its directory entry are durable on return. Blocking; for start-up and pool create.
	 * -DER_NONEXIST, -DER_EXIST, -DER_NOSPACE, -DER_NO_PERM, -DER_BUSY (locked by another opener), -DER_IO.
	 */
	int (*open)(struct env *env, const char *path, int flags, uint64_t size, struct env_disk **disk);
	void (*close)(struct env_disk *disk);
	void (*info)(struct env_disk *disk, struct env_disk_info *info);
	/** Starts io; done is called from loop, once, with 0, -DER_IO, -DER_NOSPACE or -DER_NOMEM. Any loop may be used. */
	void (*submit)(struct env_loop *loop, struct env_io *io);
};

/* ---- network -------------------------------------------------------------------------------------------------- */
/*
 * Addresses are text: "tcp://127.0.0.1:31416" (port 0: any), "unix:///path" (stream), "seqpacket:///path" (whole packets,
 * no framing: dRPC). A connection carries whole messages in order, or breaks: then closed is called once, and every
 * operation under way has ended with an error before it. Messages may be lost only by a break.
 */
struct env_cred { /* who is at the other end of a local socket */
	uint32_t uid, gid;
	int32_t pid;
	bool known; /* false on TCP */
};

/** A piece of memory that the other end of a connection may read or write while it is registered. */
struct env_rkey {
	uint64_t id, secret; /* random: cannot be guessed */
};
enum { ENV_REG_READ = 1, ENV_REG_WRITE = 2 };

struct env_conn_ops { /* given by the user of a connection */
	/** A message came; data lives until return. */
	void (*received)(void *arg, struct env_conn *conn, const void *data, size_t len);
	/** The connection is gone (rc: -DER_UNREACH, -DER_TIMEDOUT, -DER_CANCELED after close by us, 0 closed in order). */
	void (*closed)(void *arg, struct env_conn *conn, int rc);
};

struct env_net_ops {
	/** accepted must set handlers with conn_bind before it returns, or close the connection. */
	int (*listen)(struct env_loop *loop, const char *addr,
		      void (*accepted)(void *arg, struct env_conn *conn), void *arg, struct env_listen **listen);
	/** The address that others connect to, ports filled in; lives as long as listen. */
	const char *(*listen_addr)(struct env_listen *listen);
	void (*listen_close)(struct env_listen *listen);
	/** Starts connecting; messages may be sent at once and wait. Failure arrives as closed. */
	int (*connect)(struct env_loop *loop, const char *addr, const struct env_conn_ops *ops, void *arg,
		       struct env_conn **conn);
	void (*bind)(struct env_conn *conn, const struct env_conn_ops *ops, void *arg);
	/** Queues a message (copied before return). -DER_UNREACH once broken, -DER_NOMEM, -DER_OVERFLOW beyond 1 MiB. */
	int (*send)(struct env_conn *conn, const struct iovec *iov, int iov_nr);
	/** Bytes queued and not yet taken by the machine: for back-pressure. */
	size_t (*queued)(struct env_conn *conn);
	/** Breaks it from our side: closed follows from the loop with -DER_CANCELED. Idempotent. */
	void (*close)(struct env_conn *conn);
	void (*cred)(struct env_conn *conn, struct env_cred *cred);
	/** Opens iov to the other end of conn until mem_unreg or the break of conn. iov (the array) is copied. */
	int (*mem_reg)(struct env_conn *conn, const struct iovec *iov, int iov_nr, int access, struct env_rkey *key);
	/** After return the other end can no longer touch the memory. */
	void (*mem_unreg)(struct env_conn *conn, struct env_rkey key);
	/**
	 * Moves bytes between the other end's registered memory, from its byte off on, and iov of ours. done once:
	 * 0, -DER_UNREACH, -DER_NO_PERM (key, range or access wrong), -DER_NOMEM. iov (the array) is copied.
	 */
	int (*get)(struct env_conn *conn, struct env_rkey key, uint64_t off, const struct iovec *iov, int iov_nr,
		   void (*done)(void *arg, int rc), void *arg);
	int (*put)(struct env_conn *conn, struct env_rkey key, uint64_t off, const struct iovec *iov, int iov_nr,
		   void (*done)(void *arg, int rc), void *arg);
};

/* ---- files: small, blocking, for configuration and start-up ------------------------------------------------------ */
struct env_dirent {
	char name[256];
	bool is_dir;
};

struct env_file_ops {
	/** Whole file into a buffer of env->mem that the caller frees; NUL behind it. -DER_OVERFLOW beyond max. */
	int (*read)(struct env *env, const char *path, size_t max, char **data, size_t *len);
	/** Replaces path by data, atomically and durably (temporary name, sync, rename, sync of the directory). */
	int (*write)(struct env *env, const char *path, const void *data, size_t len, mode_t mode);
	/** Makes the directory and its parents, durably; existing is fine. */
	int (*mkdir)(struct env *env, const char *path, mode_t mode);
	/** Removes a file or an empty directory, durably. -DER_NONEXIST. */
	int (*remove)(struct env *env, const char *path);
	/** Entries but . and .., sorted by name, in an array of env->mem that the caller frees. */
	int (*list)(struct env *env, const char *path, struct env_dirent **entries, int *nr);
	/** 0, -DER_NONEXIST, -DER_NO_PERM. size, is_dir may be NULL. */
	int (*stat)(struct env *env, const char *path, uint64_t *size, bool *is_dir);
	/** Sets the permissions of a file, directory or socket. -DER_NONEXIST, -DER_NO_PERM. */
	int (*chmod)(struct env *env, const char *path, mode_t mode);
	/** Bytes free and in all of the file system that holds path. */
	int (*space)(struct env *env, const char *path, uint64_t *free, uint64_t *total);
	/** An exclusive lock on path, held until unlock or death. -DER_BUSY when another holds it. */
	int (*lock)(struct env *env, const char *path, int *token);
	void (*unlock)(struct env *env, int token);
	/** Maps a file of size bytes, shared with other processes; created and zeroed when create. */
	int (*map)(struct env *env, const char *path, size_t size, bool create, void **addr);
	void (*unmap)(struct env *env, void *addr, size_t size);
};

/* ---- threads, processes, machine --------------------------------------------------------------------------------- */
struct env_cpus { /* a set of processing units as a bitmap */
	uint64_t bits[16];
};

struct env_topo {
	int numa_nr, core_nr, pu_nr;
	uint64_t memory; /* bytes */
	struct {
		int numa;
		struct env_cpus pus;
	} core[256]; /* in hwloc's logical order, as many as this process may use */
};

/**
 * An execution stream as the host sees it; made by ult (xs_start), copied by stream_start. In reality a thread calls
 * run(arg), which returns when finished(arg). The simulator calls poll(arg) instead, whenever the loop has callbacks due or
 * was woken or the time that poll returned has come (0: again soon; ENV_FOREVER: never), until finished(arg).
 */
struct env_stream {
	struct env_loop *loop;
	void (*run)(void *arg);
	uint64_t (*poll)(void *arg);
	bool (*finished)(void *arg);
	void (*abandon)(void *arg); /* the simulated node died: let go of what lies outside of env, free nothing */
	void *arg;
};

struct env_host_ops {
	int (*topology)(struct env *env, struct env_topo *topo);
	/**
	 * Starts a stream on a host thread of its own, bound to cpus and to the memory of its node when cpus is not NULL.
	 * Ended by thread_join.
	 */
	int (*stream_start)(struct env *env, const char *name, const struct env_cpus *cpus,
			    const struct env_stream *stream, struct env_thread **thread);
	/**
	 * Memory for the stack of a user-level thread: size bytes (a multiple of 4 KiB), zeroed, with an inaccessible
	 * guard below it. -DER_NOMEM. Any thread.
	 */
	int (*stack_alloc)(struct env *env, size_t size, void **base);
	void (*stack_free)(struct env *env, void *base, size_t size);
	/**
	 * Runs body(arg) on a new host thread, bound as above: for what may block. -DER_NOSYS in the simulator.
	 */
	int (*thread_start)(struct env *env, const char *name, const struct env_cpus *cpus, void (*body)(void *arg),
			    void *arg, struct env_thread **thread);
	/** Waits for its end and frees it. */
	void (*thread_join)(struct env_thread *thread);
	const char *(*getenv)(struct env *env, const char *name);
	int (*hostname)(struct env *env, char *name, size_t size);
	int32_t (*getpid)(struct env *env);
	/** argv and envp end with NULL. The child dies with us. exited runs on loop, once. */
	int (*spawn)(struct env_loop *loop, char *const argv[], char *const envp[],
		     void (*exited)(void *arg, int status), void *arg, struct env_proc **proc);
	int32_t (*proc_pid)(struct env_proc *proc);
	/** Sends a signal to the child. */
	int (*proc_signal)(struct env_proc *proc, int signo);
	/** Calls caught(arg, signo) on loop when this process gets signo. */
	int (*watch_signal)(struct env_loop *loop, int signo, void (*caught)(void *arg, int signo), void *arg);
};

/* ---- the whole --------------------------------------------------------------------------------------------------- */
struct env_ops {
	uint64_t (*mono_ns)(struct env *env); /* never goes back; may drift. Any thread */
	uint64_t (*wall_ns)(struct env *env); /* since 1970; may jump. Any thread */
	uint64_t (*rand_u64)(struct env *env);                        /* for jitter and ids. Any thread */
	int (*rand_secure)(struct env *env, void *buf, size_t len);  /* for keys. Any thread */
	/** Which of nr equally good choices to take; NULL in reality (always the first), seeded in the simulator. */
	uint32_t (*choose)(struct env *env, uint32_t nr);
	/** A place where rare paths may be forced: false in reality. site: a string literal. */
	bool (*buggify)(struct env *env, const char *site);
	/** A rare branch was reached (the simulator counts them). */
	void (*sometimes)(struct env *env, const char *site);
	struct env_loop_ops loop;
	struct env_disk_ops disk;
	struct env_net_ops net;
	struct env_file_ops file;
	struct env_host_ops host;
};

struct env {
	const struct env_ops *ops;
	struct mem *mem; /* any thread in reality */
	struct log *log; /* any thread in reality */
};

/* Short spellings of what is called all the time. */
static inline uint64_t
env_mono(struct env *env)
{
	return env->ops->mono_ns(env);
}

static inline uint64_t
env_wall(struct env *env)
{
	return env->ops->wall_ns(env);
}

static inline uint64_t
env_rand(struct env *env)
{
	return env->ops->rand_u64(env);
}

/** A rare path to force in the simulator, never in reality. */
#define env_buggify(env, site) unlikely((env)->ops->buggify((env), (site)))
#define env_sometimes(env, site) ((env)->ops->sometimes((env), (site)))

#endif
