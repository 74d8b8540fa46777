/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of dfs_format.h to the machine's words and back. What is not exactly as this version writes it is damaged: no number of a record
 * is used before it was looked at here.
 *
 *	record I1  What decodes encodes to the same bytes, but for padding and reserves.
 *
 * Nothing yields, nothing is kept.
 */
#include "internal.h"

#include <endian.h>

static void
time_put(const struct timespec *ts, int64_t *s, uint32_t *ns)
{
	*s = (int64_t)htole64((uint64_t)ts->tv_sec);
	*ns = htole32((uint32_t)ts->tv_nsec);
}

static bool
time_get(int64_t s, uint32_t ns, struct timespec *ts)
{
	*ts = (struct timespec){.tv_sec = (time_t)le64toh((uint64_t)s), .tv_nsec = (long)le32toh(ns)};
	return ts->tv_nsec < (long)NS_PER_S;
}

void
fs__record_encode(const struct fs_record *record, struct dfs_inode_record *out)
{
	*out = (struct dfs_inode_record){.version = htole16(DFS_VERSION), .mode = htole32(record->mode), .uid = htole32(record->uid),
					 .gid = htole32(record->gid), .nlink = htole32(record->nlink), .flags = htole32(record->flags),
					 .rdev = htole64(record->rdev), .chunk_size = htole64(record->chunk_size),
					 .generation = htole64(record->generation), .mtime_hlc = htole64(record->mtime_hlc),
					 .file_class = htole32(record->file_class), .dir_class = htole32(record->dir_class),
					 .parent_lo = htole64(record->parent.lo), .parent_hi = htole64(record->parent.hi)};
	time_put(&record->atime, &out->atime_s, &out->atime_ns);
	time_put(&record->mtime, &out->mtime_s, &out->mtime_ns);
	time_put(&record->ctime, &out->ctime_s, &out->ctime_ns);
	time_put(&record->btime, &out->btime_s, &out->btime_ns);
}

/* Of a regular file as it was made; of a directory what is made in it, 0: the file system's. */
static bool
chunk_fits(uint32_t type, uint64_t chunk)
{
	return type == S_IFREG ? fs__chunk_ok(chunk) : type != S_IFDIR || chunk == 0 || fs__chunk_ok(chunk);
}

bool
fs__record_decode(const struct dfs_inode_record *in, size_t size, uint32_t type, struct fs_record *record)
{
	*record = (struct fs_record){.mode = le32toh(in->mode), .uid = le32toh(in->uid), .gid = le32toh(in->gid), .nlink = le32toh(in->nlink),
				     .flags = le32toh(in->flags), .rdev = le64toh(in->rdev), .chunk_size = le64toh(in->chunk_size),
				     .generation = le64toh(in->generation), .mtime_hlc = le64toh(in->mtime_hlc),
				     .file_class = le32toh(in->file_class), .dir_class = le32toh(in->dir_class),
				     .parent = {.lo = le64toh(in->parent_lo), .hi = le64toh(in->parent_hi)}};
	return size == sizeof(*in) && le16toh(in->version) == DFS_VERSION && (record->mode & S_IFMT) == type &&
	       (record->mode & ~(uint32_t)(S_IFMT | 07777)) == 0 && chunk_fits(type, record->chunk_size) &&
	       time_get(in->atime_s, in->atime_ns, &record->atime) && time_get(in->mtime_s, in->mtime_ns, &record->mtime) &&
	       time_get(in->ctime_s, in->ctime_ns, &record->ctime) && time_get(in->btime_s, in->btime_ns, &record->btime);
}

bool
fs__type_known(uint32_t type)
{
	return type == S_IFREG || type == S_IFDIR || type == S_IFLNK || type == S_IFIFO || type == S_IFSOCK || type == S_IFCHR || type == S_IFBLK;
}

bool
fs__entry_decode(const struct dfs_entry_record *in, size_t size, struct fs_named *named)
{
	*named = (struct fs_named){.oid = {.lo = le64toh(in->oid_lo), .hi = le64toh(in->oid_hi)}, .type = le32toh(in->type)};
	return size == sizeof(*in) && le16toh(in->version) == DFS_VERSION && fs__type_known(named->type) &&
	       (named->type == S_IFREG) == (daos_obj_id2type(named->oid) == DAOS_OT_ARRAY_BYTE);
}

bool
fs__super_ok(const struct dfs_super_record *super, size_t size)
{
	return size == sizeof(*super) && le64toh(super->magic) == DFS_MAGIC && le16toh(super->version) == DFS_VERSION &&
	       le64toh(super->features_incompat) == 0 && fs__chunk_ok(le64toh(super->chunk_size));
}

bool
fs__orphan_decode(const struct dfs_orphan_record *head, size_t size, uint64_t ino, uint32_t max, uint32_t *nr)
{
	if (size < sizeof(*head) || le16toh(head->version) != DFS_VERSION || le64toh(head->oid_lo) != ino)
		return false;
	*nr = le32toh(head->session_nr);
	return *nr <= max && size == sizeof(*head) + *nr * sizeof(uuid_t);
}
