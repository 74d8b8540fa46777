/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files without a name that somebody may have open. The transaction that takes the last name away records the file in the
 * orphan directory, with the sessions that were live then. Each session disclaims it: when nobody refers to the inode there any
 * longer, when it finds at a sweep that it does not have the file open, or at its end. Whoever leaves no live session behind reaps
 * the file. So who has looked a name up can open what it found, although another file has taken the name since.
 *
 *	orphan I1  A regular file with nlink 0 is in the orphan directory; its object goes in the transaction that takes it out.
 *	orphan I2  A file is reaped only when each recorded session has disclaimed it or is no longer live.
 *	orphan I3  Between the finding that a file is not open and the end of the transaction that builds on it (a removal, a disclaim)
 *	           the file is in `leaving`, and who would open it waits. What was disclaimed is not opened any more.
 *
 * All of it yields. A crash leaves a record whose sessions end with their leases; the next sole mount reaps it.
 */
#include "internal.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>

enum { SESSIONS_MAX = 1024, SWEEP_MAX = 65536, NAME_SIZE = 24 };

struct orphan_buf {
	struct dfs_orphan_record head;
	uuid_t sessions[SESSIONS_MAX];
};

static void
orphan_dkey(uint64_t ino, char name[NAME_SIZE], daos_key_t *dkey)
{
	int len = snprintf(name, NAME_SIZE, "%lu", (unsigned long)ino);

	d_iov_set(dkey, name, (size_t)len);
}

static int
orphan_store(struct fs *fs, struct tx *tx, struct orphan_buf *buf, daos_obj_id_t oid, uint32_t nr)
{
	daos_iod_t iod = {.iod_type = DAOS_IOD_SINGLE, .iod_size = sizeof(buf->head) + nr * sizeof(uuid_t), .iod_nr = 1};
	d_iov_t iov;
	d_sg_list_t sgl = {.sg_nr = 1, .sg_iovs = &iov};
	char name[NAME_SIZE];
	daos_key_t dkey;

	buf->head = (struct dfs_orphan_record){.version = htole16(DFS_VERSION), .session_nr = htole32(nr), .oid_lo = htole64(oid.lo),
					       .oid_hi = htole64(oid.hi)};
	orphan_dkey(oid.lo, name, &dkey);
	d_iov_set(&iod.iod_name, (void *)DFS_ORPHAN_AKEY, strlen(DFS_ORPHAN_AKEY));
	d_iov_set(&iov, buf, iod.iod_size);
	return object_update(fs->orphans, tx, 0, &dkey, 1, &iod, &sgl);
}

int
fs__orphan_or_punch(struct fs_inode *inode, struct tx *tx, const struct fs_record *record, bool keep, const uuid_t *live, uint32_t live_nr)
{
	struct fs *fs = inode->fs;
	struct orphan_buf *buf;
	bool own = false;
	uint32_t nr;
	int rc;

	if (!keep)
		return object_punch(inode->object, tx, 0);
	buf = MEM_NEW(fs->mem, struct orphan_buf);
	if (buf == NULL)
		return -DER_NOMEM;
	nr = MIN(live_nr, (uint32_t)SESSIONS_MAX - 1);
	for (uint32_t i = 0; i < nr; i++) {
		memcpy(buf->sessions[i], live[i], sizeof(uuid_t));
		own |= uuid_compare(live[i], fs->session) == 0;
	}
	if (!own)
		memcpy(buf->sessions[nr++], fs->session, sizeof(uuid_t));
	rc = fs__record_store(inode, tx, 0, record);
	if (rc == 0)
		rc = orphan_store(fs, tx, buf, inode->oid, nr);
	mem_free(fs->mem, buf);
	return rc;
}

/* ---- leaving ------------------------------------------------------------------------------------------------------------------------------ */
void
fs__leaving_begin(struct fs *fs, struct fs_leaving *leaving, uint64_t ino)
{
	*leaving = (struct fs_leaving){.ino = ino};
	list_append(&fs->leaving, &leaving->link);
}

void
fs__leaving_end(struct fs *fs, struct fs_leaving *leaving)
{
	if (leaving->ino == 0)
		return;
	list_remove(&leaving->link);
	leaving->ino = 0;
	ult_cond_broadcast(&fs->left);
}

static bool
is_leaving(const struct fs_inode *inode)
{
	struct fs_leaving *leaving;

	list_each(leaving, &inode->fs->leaving, link)
		if (leaving->ino == inode->oid.lo)
			return true;
	return false;
}

void
fs__leaving_wait(struct fs_inode *inode)
{
	while (is_leaving(inode))
		ult_cond_wait(&inode->fs->left, NULL);
}

/* ---- disclaiming ------------------------------------------------------------------------------------------------------------------------- */
struct disclaim {
	struct fs *fs;
	uint64_t ino;
	uuid_t *live;
	uint32_t live_nr;
	struct orphan_buf *buf;
};

static bool
still_holds(const struct disclaim *disclaim, const uuid_t session)
{
	if (uuid_compare(session, disclaim->fs->session) == 0)
		return false;
	for (uint32_t i = 0; i < disclaim->live_nr; i++)
		if (uuid_compare(disclaim->live[i], session) == 0)
			return true;
	return false;
}

static int
disclaim_body(struct tx *tx, void *arg)
{
	struct disclaim *disclaim = arg;
	struct orphan_buf *buf = disclaim->buf;
	struct fs *fs = disclaim->fs;
	struct object *object;
	char name[NAME_SIZE];
	daos_obj_id_t oid;
	daos_key_t dkey;
	uint32_t nr, left = 0;
	size_t size;
	int rc;

	orphan_dkey(disclaim->ino, name, &dkey);
	rc = fs__fetch(fs->orphans, tx, &dkey, DFS_ORPHAN_AKEY, buf, sizeof(*buf), &size);
	if (rc != 0 || size == 0)
		return rc != 0 ? rc : ENOENT;
	if (!fs__orphan_decode(&buf->head, size, disclaim->ino, SESSIONS_MAX, &nr))
		return EIO;
	oid = (daos_obj_id_t){.lo = disclaim->ino, .hi = le64toh(buf->head.oid_hi)};
	for (uint32_t i = 0; i < nr; i++)
		if (still_holds(disclaim, buf->sessions[i]))
			memmove(buf->sessions[left++], buf->sessions[i], sizeof(uuid_t));
	if (left == nr)
		return ECANCELED; /* nothing of ours in it */
	if (left > 0)
		return orphan_store(fs, tx, buf, oid, left);
	rc = object_punch_dkeys(fs->orphans, tx, DAOS_COND_PUNCH, 1, &dkey);
	if (rc == 0)
		rc = object_open(fs->cont, oid, DAOS_OO_RW, &object);
	if (rc == 0) {
		rc = object_punch(object, tx, 0);
		object_close(object);
	}
	return rc;
}

static void
disclaim_one(struct fs *fs, uint64_t ino, uuid_t *live, uint32_t live_nr)
{
	struct disclaim disclaim = {.fs = fs, .ino = ino, .live = live, .live_nr = live_nr, .buf = MEM_NEW(fs->mem, struct orphan_buf)};
	struct fs_leaving leaving;
	struct fs_inode *inode;
	int rc;

	fs__leaving_begin(fs, &leaving, ino);
	rc = disclaim.buf != NULL ? fs__transact(fs, disclaim_body, &disclaim) : -DER_NOMEM;
	inode = fs_inode_find(fs, ino);
	if (inode != NULL)
		inode->disclaimed = true;
	fs__leaving_end(fs, &leaving);
	mem_free(fs->mem, disclaim.buf);
	if (rc != 0 && rc != ENOENT && rc != ECANCELED) {
		log_warn(fs->env->log, "unlinked inode %lu could not be removed now (%d); a later sweep will", (unsigned long)ino, rc);
		fs->lingering = true;
	}
}

void
fs__orphan_close(struct fs_inode *inode)
{
	struct fs *fs = inode->fs;
	struct arena arena;
	uuid_t *live = NULL;
	uint32_t nr = 0;

	arena_init(&arena, fs->mem);
	if (fs__alone(fs) || fs__session_live(fs, &arena, &live, &nr) == 0)
		if (inode->opens == 0)
			disclaim_one(fs, inode->oid.lo, live, nr);
	arena_fini(&arena);
}

/* ---- sweeping ----------------------------------------------------------------------------------------------------------------------------- */
static int
list_orphans(struct fs *fs, uint64_t *inos, uint32_t *nr)
{
	enum { BATCH = 64 };
	daos_anchor_t anchor = DAOS_ANCHOR_INIT;
	char names[BATCH * NAME_SIZE], name[NAME_SIZE], *end;
	daos_key_desc_t kds[BATCH];
	d_iov_t iov;
	d_sg_list_t sgl = {.sg_nr = 1, .sg_iovs = &iov};
	uint32_t got;
	int rc = 0;

	*nr = 0;
	while (rc == 0 && anchor.da_type != DAOS_ANCHOR_TYPE_EOF && *nr + BATCH <= SWEEP_MAX) {
		got = BATCH;
		d_iov_set(&iov, names, sizeof(names));
		rc = object_list(fs->orphans, NULL, NULL, &got, kds, &sgl, &anchor);
		for (size_t i = 0, at = 0; rc == 0 && i < got; at += kds[i].kd_key_len, i++) {
			if (kds[i].kd_key_len >= NAME_SIZE)
				continue;
			memcpy(name, names + at, kds[i].kd_key_len);
			name[kds[i].kd_key_len] = 0;
			inos[*nr] = strtoul(name, &end, 10);
			*nr += *end == 0 && inos[*nr] > DFS_LO_ORPHANS;
		}
	}
	return rc;
}

void
fs__orphan_sweep(struct fs *fs, bool ending)
{
	uint64_t *inos = MEM_NEW_ARRAY(fs->mem, uint64_t, SWEEP_MAX);
	struct fs_inode *inode;
	struct arena arena;
	uint32_t nr = 0, live_nr = 0;
	uuid_t *live = NULL;
	int rc;

	fs->lingering = false;
	arena_init(&arena, fs->mem);
	rc = inos != NULL ? list_orphans(fs, inos, &nr) : -DER_NOMEM;
	if (rc == 0 && nr > 0)
		rc = fs__session_live(fs, &arena, &live, &live_nr);
	for (uint32_t i = 0; rc == 0 && i < nr; i++) {
		inode = fs_inode_find(fs, inos[i]);
		if (ending || inode == NULL || inode->opens == 0)
			disclaim_one(fs, inos[i], live, live_nr);
	}
	arena_fini(&arena);
	mem_free(fs->mem, inos);
	if (rc != 0 && rc != -DER_NONEXIST) {
		log_note(fs->env->log, "unlinked files were not swept: " RCF, RCP(rc));
		fs->lingering = true;
	}
}
