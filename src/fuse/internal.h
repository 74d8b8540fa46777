/* SPDX-License-Identifier: Apache-2.0 */
/* fuse/internal: what the files of the room share. See fuse.h for the invariants. */
#ifndef FUSE_INTERNAL_H
#define FUSE_INTERNAL_H

#define FUSE_USE_VERSION 312
#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <string.h>
#include <sys/file.h>
#include "base/hash.h"
#include "base/list.h"
#include "fuse.h"

enum {
	INFLIGHT_DEFAULT = 64,
	WAITING_MAX = 4096,          /* blocking locks at once */
	READ_TURN = 32,              /* requests read before other ULTs get their turn */
	WRITE_MAX = 1 << 20,         /* bytes of one read or write */
	COPY_MAX = 64 << 10,         /* data up to here are copied, beyond it the buffer changes hands */
	SPARES_MAX = 16,             /* large buffers and requests kept for the next one */
};

struct node { /* fuse I3 */
	struct hash_node by_ino;
	struct list link; /* in dead */
	uint64_t ino, lookups;
	struct fs_inode *inode; /* one reference */
};

struct handle { /* what fi->fh points at */
	struct list link;
	struct fs_file *file; /* one of both */
	struct fs_dir *dir;
	struct ult_mutex lock; /* of dir: one readdir at a time */
	uint64_t *owners;      /* who took fcntl locks through it and did not flush since: file I3 */
	uint32_t owner_nr;
};

/* A request between its reading and its answer. Arguments stand where their operation expects them. */
struct request {
	struct list link; /* in spare or in waits */
	struct dfuse *dfuse;
	fuse_req_t req;
	int (*run)(struct request *request); /* errno to answer with, or 0 when it has answered */
	struct fs_inode *inode, *other;      /* counted; other may be NULL */
	struct handle *handle;
	struct fs_who who;
	struct fuse_file_info fi;
	struct stat attr;
	struct fs_lock lock;
	uint64_t off, owner;
	size_t size;
	uint32_t mode, flags;
	dev_t rdev;
	bool has_fi, waits, interrupted, plus;
	char name[FS_NAME_MAX + 1], new_name[FS_NAME_MAX + 1];
	void *data;    /* of write, setxattr, symlink: a copy from env's memory, or within stolen */
	void *stolen;  /* the buffer that was read into, ours until the end */
};

struct buffer { /* for reads of more than COPY_MAX; lies at the start of the memory that it names while it is spare */
	struct buffer *next;
};

struct dfuse {
	struct env *env;
	struct xs *xs;
	struct fs *fs;
	struct fuse_session *session;
	int fd;
	bool caching, write_back, read_only;
	char *mountpoint;
	struct hash nodes;
	struct list dead;     /* nodes that the kernel forgot, to be put */
	struct list handles;
	struct list spare;    /* requests */
	struct list waits;    /* requests that wait for locks */
	struct buffer *reads; /* spare, WRITE_MAX bytes each */
	uint32_t spare_nr, read_nr, inflight, inflight_max, waiting, handle_nr;
	struct fuse_buf in;   /* what is read into */
	void *ins[SPARES_MAX];
	uint32_t in_nr;
	bool watching, ended, chores, lock_chore, stopping, detached;
	uint64_t granted_ns;  /* when the last promise to the caches is over */
	struct ult_timer retry;
	struct ult_cond changed; /* ended, or fewer requests */
	uint64_t request_nr, interrupt_nr, pause_nr;
	int error;
};

/* ---- nodes.c --------------------------------------------------------------------------------------------------------------- */
void dfuse__nodes_init(struct dfuse *dfuse);
/** Puts them all. YIELDS */
void dfuse__nodes_fini(struct dfuse *dfuse);
struct node *dfuse__node_find(struct dfuse *dfuse, uint64_t ino);
/** Counts a lookup; takes over the reference to inode, on failure too. ENOMEM. YIELDS */
int dfuse__node_add(struct dfuse *dfuse, struct fs_inode *inode);
/** Uncounts; what nobody counts is put by the chores. */
void dfuse__node_forget(struct dfuse *dfuse, uint64_t ino, uint64_t lookups);
/** YIELDS */
void dfuse__nodes_bury(struct dfuse *dfuse);

/* ---- request.c ------------------------------------------------------------------------------------------------------------- */
/** A request upon node ino, name copied (may be NULL); NULL: it was answered with an error. */
struct request *dfuse__request(fuse_req_t req, fuse_ino_t ino, const char *name, int (*run)(struct request *request));
/** A second node and name; false: it was answered with an error and is gone. */
bool dfuse__request_other(struct request *request, fuse_ino_t ino, const char *name);
/** A copy of data; false as above. */
bool dfuse__request_data(struct request *request, const void *data, size_t size);
void dfuse__request_file(struct request *request, const struct fuse_file_info *fi);
/** Runs it. With waits it may sleep for a lock and can be interrupted. */
void dfuse__request_go(struct request *request);
/** Answers error and forgets it, before it ran. */
void dfuse__request_fail(struct request *request, int error);
void dfuse__requests_fini(struct dfuse *dfuse);
/** Sees to it that the dead are buried and waiters woken, soon. */
void dfuse__chores(struct dfuse *dfuse);
void dfuse__interrupt_all(struct dfuse *dfuse);
void *dfuse__buffer_get(struct dfuse *dfuse, size_t size);
void dfuse__buffer_put(struct dfuse *dfuse, void *buffer, size_t size);

/* ---- session.c ------------------------------------------------------------------------------------------------------------- */
/** Reads on, if it had stopped and there is room again. */
void dfuse__resume(struct dfuse *dfuse);
/** The buffer that is being processed becomes the caller's; give it back with dfuse__buffer_return. */
void *dfuse__buffer_steal(struct dfuse *dfuse);
void dfuse__buffer_return(struct dfuse *dfuse, void *stolen);
/** fs_on_recall's: arg is the dfuse. YIELDS */
void dfuse__recalled(void *arg);

/* ---- the operations -------------------------------------------------------------------------------------------------------- */
/** Seconds for which the kernel may believe what it is told now: fuse I4. */
double dfuse__trust(struct dfuse *dfuse);
/** Answers with a looked-up inode, whose reference it takes over. YIELDS */
int dfuse__reply_entry(struct request *request, struct fs_inode *inode, const struct stat *st);
void dfuse__entry(struct dfuse *dfuse, struct fuse_entry_param *entry, uint64_t ino, const struct stat *st);
struct handle *dfuse__handle_new(struct dfuse *dfuse);
void dfuse__handle_free(struct dfuse *dfuse, struct handle *handle);
void dfuse__names_ops(struct fuse_lowlevel_ops *ops);
void dfuse__attr_ops(struct fuse_lowlevel_ops *ops);
void dfuse__file_ops(struct fuse_lowlevel_ops *ops);
void dfuse__dir_ops(struct fuse_lowlevel_ops *ops);

static inline struct handle *
handle_of(const struct fuse_file_info *fi)
{
	return (struct handle *)(uintptr_t)fi->fh;
}

#endif
