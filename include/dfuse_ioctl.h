/* SPDX-License-Identifier: Apache-2.0 */
/* Requests that a process makes of the mount daemon through ioctl() on an open file, to reach its data directly. */
#ifndef DFUSE_IOCTL_H
#define DFUSE_IOCTL_H

#include <sys/ioctl.h>
#include <sys/types.h>
#include <daos_types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DFUSE_IOCTL_TYPE 0xA3
#define DFUSE_IOCTL_REPLY_BASE 0xC1

/** Version of the structures below; a reply with another one is not to be used. */
#define DFUSE_IOCTL_VERSION 7

#define DFUSE_IOCTL_REPLY_CORE (DFUSE_IOCTL_REPLY_BASE)
#define DFUSE_IOCTL_REPLY_POH (DFUSE_IOCTL_REPLY_BASE + 2)
#define DFUSE_IOCTL_REPLY_COH (DFUSE_IOCTL_REPLY_BASE + 3)
#define DFUSE_IOCTL_REPLY_DOH (DFUSE_IOCTL_REPLY_BASE + 4)
#define DFUSE_IOCTL_REPLY_DOOH (DFUSE_IOCTL_REPLY_BASE + 5)
#define DFUSE_IOCTL_REPLY_SIZE (DFUSE_IOCTL_REPLY_BASE + 6)
#define DFUSE_IOCTL_REPLY_DSIZE (DFUSE_IOCTL_REPLY_BASE + 7)
#define DFUSE_IOCTL_REPLY_PFILE (DFUSE_IOCTL_REPLY_BASE + 8)
#define DFUSE_IOCTL_R_DFUSE_USER (DFUSE_IOCTL_REPLY_BASE + 9)
#define DFUSE_COUNT_QUERY_CMD (DFUSE_IOCTL_REPLY_BASE + 10)
#define DFUSE_IOCTL_EVICT_NR (DFUSE_IOCTL_REPLY_BASE + 11)
#define DFUSE_IOCTL_STAT_NR (DFUSE_IOCTL_REPLY_BASE + 12)

/** fir_flags: the mount caches metadata. */
#define DFUSE_IOCTL_FLAGS_MCACHE (0x1)

/** Which file, in which container. */
struct dfuse_il_reply {
	int fir_version;
	daos_obj_id_t fir_oid;
	uuid_t fir_pool;
	uuid_t fir_cont;
	uint64_t fir_flags;
};

/** Sizes of the blobs that stand for pool handle, container handle and mount. */
struct dfuse_hs_reply {
	int fsr_version;
	size_t fsr_pool_size;
	size_t fsr_cont_size;
	size_t fsr_dfs_size;
};

/** Size of the blob that stands for the open file. */
struct dfuse_hsd_reply {
	int fsr_version;
	size_t fsr_dobj_size;
};

/** Whom the daemon runs as. */
struct dfuse_user_reply {
	uid_t uid;
	gid_t gid;
};

/** What the daemon holds in memory. */
struct dfuse_mem_query {
	uint64_t inode_count;
	uint64_t fh_count;
	uint64_t pool_count;
	uint64_t container_count;
	ino_t ino;           /**< in: look for this inode; 0: none */
	uint32_t stat_count; /**< number of struct dfuse_stat there are */
	bool found;          /**< out: it is in memory */
};

/** A count of requests by kind. */
struct dfuse_stat {
	uint64_t value;
	char name[16];
};

#define DFUSE_IOCTL_IL ((int)_IOR(DFUSE_IOCTL_TYPE, DFUSE_IOCTL_REPLY_CORE, struct dfuse_il_reply))
#define DFUSE_IOCTL_IL_SIZE ((int)_IOR(DFUSE_IOCTL_TYPE, DFUSE_IOCTL_REPLY_SIZE, struct dfuse_hs_reply))
#define DFUSE_IOCTL_IL_DSIZE ((int)_IOR(DFUSE_IOCTL_TYPE, DFUSE_IOCTL_REPLY_DSIZE, struct dfuse_hsd_reply))
#define DFUSE_IOCTL_DFUSE_USER ((int)_IOR(DFUSE_IOCTL_TYPE, DFUSE_IOCTL_R_DFUSE_USER, struct dfuse_user_reply))
#define DFUSE_IOCTL_COUNT_QUERY ((int)_IOWR(DFUSE_IOCTL_TYPE, DFUSE_COUNT_QUERY_CMD, struct dfuse_mem_query))
#define DFUSE_IOCTL_DFUSE_EVICT ((int)_IOR(DFUSE_IOCTL_TYPE, DFUSE_IOCTL_EVICT_NR, struct dfuse_mem_query))

#ifdef __cplusplus
}
#endif
#endif
