/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mounts and open files as bytes, from which other processes of the job rebuild them. A rebuilt mount has a session of its own; a
 * rebuilt object finds its inode by object id. Format: the structs below, in the machine's byte order (the magic tells), followed for
 * "all" by the handles of pool and container as daos_*_local2global() wrote them. Bytes are checked: EINVAL when they are not ours.
 */
#include "dfs.h"

#include <stdlib.h>
#include <uuid/uuid.h>

enum { SHARE_VERSION = 1 };
#define MOUNT_MAGIC 0xda05df50U
#define OBJECT_MAGIC 0xdf500b90U

struct mount_share {
	uint32_t magic, version;
	uuid_t cont;
	uint32_t pool_len, cont_len; /* bytes of handles that follow; 0: none */
};

struct object_share {
	uint32_t magic, version;
	daos_obj_id_t oid;
	uint32_t type, flags;
	char name[FS_NAME_MAX + 1];
};

/* Whether glob has room for size bytes; NULL asks for the size, which is the answer. *fill: go on. */
static int
room(d_iov_t *glob, size_t size, bool *fill)
{
	*fill = false;
	if (glob->iov_buf != NULL && glob->iov_buf_len >= size) {
		*fill = true;
		glob->iov_len = size;
		return 0;
	}
	glob->iov_buf_len = size;
	return glob->iov_buf != NULL ? ENOBUFS : 0;
}

static int
uuid_of(daos_handle_t coh, uuid_t uuid)
{
	daos_cont_info_t info = {0};
	int rc = dfs__verdict(daos_cont_query(coh, &info, NULL, NULL));

	if (rc == 0)
		uuid_copy(uuid, info.ci_uuid);
	return rc;
}

/* ---- mounts ------------------------------------------------------------------------------------------------------------------- */
static int
take_mount(const d_iov_t *glob, struct mount_share *share)
{
	if (glob->iov_buf == NULL || glob->iov_len < sizeof(*share) || glob->iov_buf_len < glob->iov_len)
		return EINVAL;
	memcpy(share, glob->iov_buf, sizeof(*share));
	if (share->magic != MOUNT_MAGIC || share->version != SHARE_VERSION ||
	    (uint64_t)share->pool_len + share->cont_len != glob->iov_len - sizeof(*share))
		return EINVAL;
	return 0;
}

int
dfs_local2global(dfs_t *dfs, d_iov_t *glob)
{
	struct mount_share share = {.magic = MOUNT_MAGIC, .version = SHARE_VERSION};
	bool fill;
	int rc;

	if (dfs == NULL || glob == NULL)
		return EINVAL;
	rc = room(glob, sizeof(share), &fill);
	if (rc == 0 && fill)
		rc = uuid_of(dfs->coh, share.cont);
	if (rc == 0 && fill)
		memcpy(glob->iov_buf, &share, sizeof(share));
	return rc;
}

int
dfs_global2local(daos_handle_t poh, daos_handle_t coh, int flags, d_iov_t glob, dfs_t **dfs)
{
	struct mount_share share;
	uuid_t uuid;
	int rc = dfs != NULL ? take_mount(&glob, &share) : EINVAL;

	if (rc == 0)
		rc = uuid_of(coh, uuid);
	if (rc == 0 && uuid_compare(uuid, share.cont) != 0)
		rc = EINVAL; /* another container */
	return rc == 0 ? dfs_mount(poh, coh, flags, dfs) : rc;
}

int
dfs_local2global_all(dfs_t *dfs, d_iov_t *glob)
{
	struct mount_share share = {.magic = MOUNT_MAGIC, .version = SHARE_VERSION};
	d_iov_t pool = {0}, cont = {0};
	uint8_t *at;
	bool fill;
	int rc;

	if (dfs == NULL || glob == NULL)
		return EINVAL;
	rc = dfs__verdict(daos_pool_local2global(dfs->poh, &pool));
	if (rc == 0)
		rc = dfs__verdict(daos_cont_local2global(dfs->coh, &cont));
	if (rc == 0)
		rc = room(glob, sizeof(share) + pool.iov_buf_len + cont.iov_buf_len, &fill);
	if (rc != 0 || !fill)
		return rc;
	rc = uuid_of(dfs->coh, share.cont);
	share.pool_len = (uint32_t)pool.iov_buf_len;
	share.cont_len = (uint32_t)cont.iov_buf_len;
	at = glob->iov_buf;
	memcpy(at, &share, sizeof(share));
	pool.iov_buf = at + sizeof(share);
	cont.iov_buf = at + sizeof(share) + pool.iov_buf_len;
	if (rc == 0)
		rc = dfs__verdict(daos_pool_local2global(dfs->poh, &pool));
	return rc != 0 ? rc : dfs__verdict(daos_cont_local2global(dfs->coh, &cont));
}

int
dfs_global2local_all(int flags, d_iov_t glob, dfs_t **dfs)
{
	daos_handle_t poh, coh;
	struct mount_share share;
	d_iov_t pool, cont;
	int rc = dfs != NULL ? take_mount(&glob, &share) : EINVAL;

	if (rc != 0 || share.pool_len == 0 || share.cont_len == 0)
		return EINVAL;
	d_iov_set(&pool, (uint8_t *)glob.iov_buf + sizeof(share), share.pool_len);
	d_iov_set(&cont, (uint8_t *)glob.iov_buf + sizeof(share) + share.pool_len, share.cont_len);
	rc = dfs__verdict(daos_pool_global2local(pool, &poh));
	if (rc != 0)
		return rc;
	rc = dfs__verdict(daos_cont_global2local(poh, cont, &coh));
	if (rc == 0) {
		rc = dfs_mount(poh, coh, flags, dfs);
		if (rc != 0)
			(void)daos_cont_close(coh, NULL);
	}
	if (rc != 0)
		(void)daos_pool_disconnect(poh, NULL);
	else
		(*dfs)->connected = true;
	return rc;
}

/* ---- objects ------------------------------------------------------------------------------------------------------------------ */
int
dfs_obj_local2global(dfs_t *dfs, dfs_obj_t *obj, d_iov_t *glob)
{
	struct object_share share = {.magic = OBJECT_MAGIC, .version = SHARE_VERSION};
	bool fill;
	int rc;

	if (dfs == NULL || obj == NULL || glob == NULL)
		return EINVAL;
	rc = room(glob, sizeof(share), &fill);
	if (rc != 0 || !fill)
		return rc;
	share.oid = fs_inode_oid(obj->inode);
	share.type = fs_inode_type(obj->inode);
	share.flags = (uint32_t)obj->flags & O_ACCMODE;
	memcpy(share.name, obj->name, sizeof(share.name));
	memcpy(glob->iov_buf, &share, sizeof(share));
	return 0;
}

struct open_args {
	struct dfs *dfs;
	struct object_share share;
	int flags;
	struct dfs_obj **obj;
};

static int
open_body(void *args)
{
	struct open_args *in = args;
	struct fs_inode *inode;
	int rc = fs_inode_open(in->dfs->fs, in->share.oid, in->share.type, &inode);

	return rc == 0 ? dfs__give(in->dfs, inode, NULL, in->flags, in->share.name, in->obj) : rc;
}

int
dfs_obj_global2local(dfs_t *dfs, int flags, d_iov_t glob, dfs_obj_t **obj)
{
	struct open_args args = {.dfs = dfs, .obj = obj};

	if (dfs == NULL || obj == NULL || glob.iov_buf == NULL || glob.iov_len != sizeof(args.share) || glob.iov_buf_len < glob.iov_len)
		return EINVAL;
	memcpy(&args.share, glob.iov_buf, sizeof(args.share));
	if (args.share.magic != OBJECT_MAGIC || args.share.version != SHARE_VERSION || (args.share.flags & ~(uint32_t)O_ACCMODE) != 0 ||
	    memchr(args.share.name, '\0', sizeof(args.share.name)) == NULL)
		return EINVAL;
	args.flags = flags != 0 ? flags & O_ACCMODE : (int)args.share.flags;
	return dfs__run(open_body, &args, sizeof(args));
}
