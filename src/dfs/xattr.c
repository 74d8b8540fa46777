/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Extended attributes: akeys "x:NAME" beside the inode's record, each with a version byte before the value (a value may be
 * empty, a stored one not). A change and the new ctime are one transaction. All of it yields.
 */
#include "internal.h"

#include <sys/xattr.h>

#define CAPABILITY "security.capability"
enum { NAME_MAX_LEN = 255, VALUE_MAX = 65536, PREFIX = 2, KEY_SIZE = PREFIX + NAME_MAX_LEN + 1 };

static int
xattr_key(const char *name, char key[KEY_SIZE], daos_key_t *akey)
{
	size_t len = strlen(name);

	if (len == 0 || len > NAME_MAX_LEN)
		return ERANGE;
	if (strncmp(name, "user.", 5) != 0 && strncmp(name, "trusted.", 8) != 0 && strncmp(name, "security.", 9) != 0)
		return EOPNOTSUPP;
	memcpy(key, DFS_XATTR_PREFIX, PREFIX);
	memcpy(key + PREFIX, name, len + 1);
	d_iov_set(akey, key, PREFIX + len);
	return 0;
}

struct xattr_change {
	struct fs_inode *inode;
	daos_key_t akey;
	const void *value; /* with its version byte; NULL: remove */
	size_t size;
	int flags;
};

/* *size of the stored bytes: 0 there is none. */
static int
stored_size(struct fs_inode *inode, struct tx *tx, const daos_key_t *akey, size_t *size)
{
	daos_iod_t iod = {.iod_name = *akey, .iod_type = DAOS_IOD_SINGLE, .iod_size = DAOS_REC_ANY, .iod_nr = 1};
	uint64_t value;
	daos_key_t dkey;
	int rc;

	fs__inode_dkey(inode->oid, &value, &dkey);
	rc = object_fetch(inode->object, tx, 0, &dkey, 1, &iod, NULL, NULL);
	*size = rc == 0 ? iod.iod_size : 0;
	return rc == -DER_NONEXIST ? 0 : rc;
}

static int
xattr_body(struct tx *tx, void *arg)
{
	struct xattr_change *change = arg;
	struct fs_inode *inode = change->inode;
	daos_iod_t iod = {.iod_name = change->akey, .iod_type = DAOS_IOD_SINGLE, .iod_size = change->size, .iod_nr = 1};
	d_iov_t iov;
	d_sg_list_t sgl = {.sg_nr = 1, .sg_iovs = &iov};
	struct fs_record record;
	uint64_t value;
	daos_key_t dkey;
	size_t size;
	int rc;

	rc = fs__record_load(inode, tx, &record);
	if (rc == 0)
		rc = stored_size(inode, tx, &change->akey, &size);
	if (rc != 0)
		return rc;
	if (size == 0 && (change->value == NULL || (change->flags & XATTR_REPLACE) != 0))
		return ENODATA;
	if (size != 0 && (change->flags & XATTR_CREATE) != 0)
		return EEXIST;
	(void)fs__now(inode->fs, &record.ctime);
	rc = fs__record_store(inode, tx, 0, &record);
	if (rc != 0)
		return rc;
	fs__inode_dkey(inode->oid, &value, &dkey);
	if (change->value == NULL)
		return object_punch_akeys(inode->object, tx, 0, &dkey, 1, &change->akey);
	d_iov_set(&iov, (void *)change->value, change->size);
	return object_update(inode->object, tx, 0, &dkey, 1, &iod, &sgl);
}

/* Nobody else can have given it one since. Local. */
static bool
known_bare(const struct fs_inode *inode, const char *name)
{
	uint32_t now = inode->fs->reign + 1;

	if (!fs__alone(inode->fs))
		return false;
	return inode->bare_reign == now || (inode->no_caps_reign == now && strcmp(name, CAPABILITY) == 0);
}

int
fs_setxattr(struct fs_inode *inode, const char *name, const void *value, size_t size, int flags)
{
	struct xattr_change change = {.inode = inode, .size = size + 1, .flags = flags};
	struct mem *mem = inode->fs->mem;
	char key[KEY_SIZE];
	uint8_t *stored;
	int rc;

	if (inode->fs->readonly)
		return EROFS;
	if ((flags & ~(XATTR_CREATE | XATTR_REPLACE)) != 0)
		return EINVAL;
	if (size > VALUE_MAX)
		return E2BIG;
	rc = xattr_key(name, key, &change.akey);
	if (rc != 0)
		return rc;
	stored = mem_alloc(mem, size + 1);
	if (stored == NULL)
		return ENOMEM;
	stored[0] = DFS_XATTR_VERSION;
	if (size > 0)
		memcpy(stored + 1, value, size);
	change.value = stored;
	inode->xattr_changes++;
	inode->bare_reign = inode->no_caps_reign = 0;
	rc = fs__transact(inode->fs, xattr_body, &change);
	inode->bare_reign = inode->no_caps_reign = 0;
	inode->xattr_changes++;
	mem_free(mem, stored);
	return fs__errno(rc);
}

int
fs_removexattr(struct fs_inode *inode, const char *name)
{
	struct xattr_change change = {.inode = inode};
	char key[KEY_SIZE];
	int rc;

	if (inode->fs->readonly)
		return EROFS;
	rc = xattr_key(name, key, &change.akey);
	return rc != 0 ? rc : fs__errno(fs__transact(inode->fs, xattr_body, &change));
}

int
fs_getxattr(struct fs_inode *inode, const char *name, void *value, size_t size, size_t *needed)
{
	char key[KEY_SIZE];
	struct mem *mem = inode->fs->mem;
	uint32_t reign = inode->fs->reign;
	uint32_t changes = inode->xattr_changes;
	bool alone = fs__alone(inode->fs);
	uint64_t dkey_value;
	daos_key_t akey, dkey;
	uint8_t *stored;
	size_t got;
	int rc;

	rc = xattr_key(name, key, &akey);
	if (rc != 0)
		return rc;
	if (known_bare(inode, name))
		return ENODATA;
	stored = mem_alloc(mem, VALUE_MAX + 1);
	if (stored == NULL)
		return ENOMEM;
	fs__inode_dkey(inode->oid, &dkey_value, &dkey);
	rc = fs__fetch(inode->object, NULL, &dkey, key, stored, VALUE_MAX + 1, &got);
	if (rc == 0 && got == 0) {
		rc = ENODATA;
		if (alone && strcmp(name, CAPABILITY) == 0 && inode->xattr_changes == changes)
			inode->no_caps_reign = reign + 1;
	}
	if (rc == 0 && stored[0] != DFS_XATTR_VERSION)
		rc = EIO;
	if (rc == 0) {
		*needed = got - 1;
		if (size > 0 && size < got - 1)
			rc = ERANGE;
		else if (size > 0)
			memcpy(value, stored + 1, got - 1);
	}
	mem_free(mem, stored);
	return fs__errno(rc);
}

int
fs_listxattr(struct fs_inode *inode, char *list, size_t size, size_t *needed)
{
	enum { BATCH = 16 };
	daos_anchor_t anchor = DAOS_ANCHOR_INIT;
	char names[BATCH * KEY_SIZE];
	daos_key_desc_t kds[BATCH];
	d_iov_t iov;
	d_sg_list_t sgl = {.sg_nr = 1, .sg_iovs = &iov};
	uint64_t value;
	daos_key_t dkey;
	uint32_t nr;
	int rc = 0;

	*needed = 0;
	fs__inode_dkey(inode->oid, &value, &dkey);
	while (rc == 0 && anchor.da_type != DAOS_ANCHOR_TYPE_EOF) {
		nr = BATCH;
		d_iov_set(&iov, names, sizeof(names));
		rc = object_list(inode->object, NULL, &dkey, &nr, kds, &sgl, &anchor);
		for (size_t i = 0, at = 0; rc == 0 && i < nr; at += kds[i].kd_key_len, i++) {
			size_t len = kds[i].kd_key_len;

			if (len <= PREFIX || len >= KEY_SIZE || memcmp(names + at, DFS_XATTR_PREFIX, PREFIX) != 0)
				continue;
			len -= PREFIX;
			if (size > 0 && *needed + len + 1 > size)
				return ERANGE;
			if (size > 0) {
				memcpy(list + *needed, names + at + PREFIX, len);
				list[*needed + len] = 0;
			}
			*needed += len + 1;
		}
	}
	return rc == -DER_NONEXIST ? 0 : fs__errno(rc);
}
