/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records as they come from the store: the first byte says which, and whether it looks like one. What decodes must be usable and encode to
 * what it was (record I1).
 */
#include "../internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
try_inode(const uint8_t *data, size_t size, uint32_t type, bool likely)
{
	struct dfs_inode_record raw = {0}, again;
	struct fs_record record, twice;

	memcpy(&raw, data, MIN(size, sizeof(raw)));
	if (likely) { /* so that what lies behind version and type is reached */
		raw.version = DFS_VERSION;
		raw.mode = type | (raw.mode & 07777);
		size = sizeof(raw);
	}
	if (!fs__record_decode(&raw, size, type, &record))
		return;
	ASSERT((record.mode & S_IFMT) == type && record.mtime.tv_nsec >= 0 && record.mtime.tv_nsec < (long)NS_PER_S);
	ASSERT(type != S_IFREG || fs__chunk_ok(record.chunk_size));
	fs__record_encode(&record, &again);
	raw.pad = 0;
	memset(raw.reserve, 0, sizeof(raw.reserve));
	ASSERT(memcmp(&raw, &again, sizeof(raw)) == 0);
	ASSERT(fs__record_decode(&again, sizeof(again), type, &twice));
}

static void
try_entry(const uint8_t *data, size_t size)
{
	struct dfs_entry_record raw = {0};
	struct fs_named named;

	memcpy(&raw, data, MIN(size, sizeof(raw)));
	if (fs__entry_decode(&raw, size, &named))
		ASSERT((named.type & ~(uint32_t)S_IFMT) == 0 && named.type != 0);
}

static void
try_super(const uint8_t *data, size_t size)
{
	struct dfs_super_record raw = {0};

	memcpy(&raw, data, MIN(size, sizeof(raw)));
	if (fs__super_ok(&raw, size))
		ASSERT(size == sizeof(raw) && fs__chunk_ok(raw.chunk_size));
}

static void
try_orphan(const uint8_t *data, size_t size)
{
	enum { SESSIONS = 64 };
	struct {
		struct dfs_orphan_record head;
		uuid_t sessions[SESSIONS];
	} raw = {0};
	uint64_t ino;
	uint32_t nr;

	memcpy(&raw, data, MIN(size, sizeof(raw)));
	ino = raw.head.oid_lo;
	if (fs__orphan_decode(&raw.head, size, ino, SESSIONS, &nr))
		ASSERT(nr <= SESSIONS && sizeof(raw.head) + nr * sizeof(uuid_t) == size);
	ASSERT(!fs__orphan_decode(&raw.head, size, ino + 1, SESSIONS, &nr));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint32_t types[] = {S_IFREG, S_IFDIR, S_IFLNK, S_IFIFO, S_IFCHR};

	if (size < 1)
		return 0;
	switch (data[0] % 8) {
	case 5:
		try_entry(data + 1, size - 1);
		break;
	case 6:
		try_super(data + 1, size - 1);
		break;
	case 7:
		try_orphan(data + 1, size - 1);
		break;
	default:
		try_inode(data + 1, size - 1, types[data[0] % 8], data[0] >= 128);
	}
	return 0;
}
