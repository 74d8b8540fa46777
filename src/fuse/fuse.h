/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuse: hands a mounted dfs to the kernel. A struct dfuse is one mount point: it reads requests from /dev/fuse on the
 * client's stream, serves each in a ULT of its own by calls of fs_*, and answers. Names start with dfuse_, for fuse_ belongs
 * to libfuse.
 *
 *	fuse I1  The loop never waits: whatever may yield runs in a ULT; whatever blocks in the kernel runs on a thread aside.
 *	fuse I2  At most inflight_max requests are served at once; beyond that the kernel's queue is left unread. Waits for locks and
 *	         forgets are not counted, so that what would end a wait is always read.
 *	fuse I3  A node lives as long as the kernel counts lookups of it; a lookup whose answer the kernel did not take is not counted.
 *	fuse I4  Nothing is promised to the kernel's caches for longer than DFUSE_CACHE_NS, and nothing at all unless fs_sole().
 */
#ifndef FUSE_FUSE_H
#define FUSE_FUSE_H

#include "base/base.h"
#include "env/env.h"
#include "ult/ult.h"
#include "dfs/dfs.h"

struct dfuse;

/** How long attributes and names may be cached without asking. A recall waits as long. */
#define DFUSE_CACHE_NS (1 * NS_PER_S)

struct dfuse_config {
	struct env *env;
	struct xs *xs;          /* where fs lives */
	struct fs *fs;          /* stays the caller's */
	const char *mountpoint; /* an absolute path of an existing directory */
	const char *source;     /* what df and /proc/mounts show; NULL: "dfuse" */
	const char *options;    /* more mount options, separated by commas; may be NULL */
	bool read_only;
	bool caching;           /* the kernel may cache data, names and attributes */
	bool write_back;        /* write(2) returns before the data are durable; fsync and close push them. With caching only */
	bool allow_other;       /* users other than the one who mounts; permissions are the kernel's to check */
	uint32_t inflight_max;  /* 0: 64 */
};

/**
 * Mounts and begins to serve. Returns an errno; the log says what libfuse said. EPERM, ENOENT, ENODEV (no FUSE in this kernel), ENOMEM.
 * YIELDS
 */
int dfuse_start(const struct dfuse_config *config, struct dfuse **dfuse);
/** Asks for the end: writes back, takes the mount point away; waits a while for open files, then cuts off. From the stream; may be repeated. */
void dfuse_stop(struct dfuse *dfuse);
/** Waits until it is unmounted (by dfuse_stop or by anybody), lets requests end, closes what was left open, and frees it. YIELDS */
int dfuse_wait(struct dfuse *dfuse);

struct dfuse_stats {
	uint64_t requests, interrupts, pauses; /* pauses: times that the queue was left unread, see I2 */
	uint32_t inflight, waiting, nodes, handles;
};
void dfuse_stats(const struct dfuse *dfuse, struct dfuse_stats *stats);

/** A mount point whose server died ("Transport endpoint is not connected") is taken away; others are left. Errno. Blocks: for start-up. */
int dfuse_clean_stale(const char *mountpoint);

#endif
