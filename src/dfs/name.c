/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names: lookup, creation, removal, rename.
 *
 * Everything is one transaction: it reads what it needs, then writes. Creation reads nothing (but the record of the parent, where the
 * number of its links changes): it writes the entry if its name is free and the directory still there, and the new inode's record, in one call
 * to the directory's target. Nothing leaks, nothing dangles.
 *
 *	name I1  The dkey of a directory's record exists exactly as long as the directory: whoever adds a name demands it, whoever
 *	         removes the directory has read in the same transaction that no name is left.
 *	name I2  A directory that moves has read every directory between its new place and the root: no two such moves can close a circle.
 *
 * All of it yields.
 */
#include "internal.h"

#include <endian.h>
#include <stdio.h>
#include "base/hash64.h"

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE (1 << 0)
#endif
#ifndef RENAME_EXCHANGE
#define RENAME_EXCHANGE (1 << 1)
#endif

enum { LINK_MAX_NR = 1 << 20, TARGET_MAX = 4095, DEPTH_MAX = 65536, CREATE_ROUNDS = 64, LOOK_ROUNDS = 16 };

static bool
is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

int
fs__name_check(const char *name)
{
	size_t len = strlen(name);

	if (len == 0)
		return ENOENT;
	if (len > FS_NAME_MAX)
		return ENAMETOOLONG;
	return strchr(name, '/') != NULL ? EINVAL : 0;
}

/* ---- entries ------------------------------------------------------------------------------------------------------------------------ */
int
fs__entry_load(struct fs_inode *dir, struct tx *tx, const char *name, struct fs_named *named)
{
	struct dfs_entry_record raw = {0};
	daos_key_t dkey;
	size_t size;
	int rc;

	d_iov_set(&dkey, (void *)name, strlen(name));
	rc = fs__fetch(dir->object, tx, &dkey, DFS_ENTRY_AKEY, &raw, sizeof(raw), &size);
	if (rc != 0)
		return rc;
	if (size == 0)
		return ENOENT;
	if (fs__entry_decode(&raw, size, named))
		return 0;
	log_error(dir->fs->env->log, "inode %lu: entry '%s' is damaged", (unsigned long)dir->oid.lo, name);
	return EIO;
}

static int
entry_store(struct fs_inode *dir, struct tx *tx, uint64_t flags, const char *name, const struct fs_named *named)
{
	struct dfs_entry_record raw = {.version = htole16(DFS_VERSION), .type = htole32(named->type), .oid_lo = htole64(named->oid.lo),
				       .oid_hi = htole64(named->oid.hi)};
	daos_iod_t iod = {.iod_type = DAOS_IOD_SINGLE, .iod_size = sizeof(raw), .iod_nr = 1};
	d_iov_t iov;
	d_sg_list_t sgl = {.sg_nr = 1, .sg_iovs = &iov};
	daos_key_t dkey;

	d_iov_set(&dkey, (void *)name, strlen(name));
	d_iov_set(&iod.iod_name, (void *)DFS_ENTRY_AKEY, strlen(DFS_ENTRY_AKEY));
	d_iov_set(&iov, &raw, sizeof(raw));
	return object_update(dir->object, tx, flags, &dkey, 1, &iod, &sgl);
}

static int
entry_remove(struct fs_inode *dir, struct tx *tx, const char *name)
{
	daos_key_t dkey;

	d_iov_set(&dkey, (void *)name, strlen(name));
	return object_punch_dkeys(dir->object, tx, DAOS_COND_PUNCH, 1, &dkey);
}

/* ---- lookup --------------------------------------------------------------------------------------------------------------------------- */
static int
lookup(struct fs_inode *dir, const char *name, struct fs_inode **inode)
{
	struct fs_record record;
	struct fs_named named;
	int rc;

	if (dir->type != S_IFDIR)
		return ENOTDIR;
	rc = fs__name_check(name);
	if (rc != 0)
		return rc;
	if (strcmp(name, ".") == 0) {
		*inode = fs_inode_get(dir);
		return 0;
	}
	if (strcmp(name, "..") == 0) {
		rc = fs__record_load(dir, NULL, &record);
		named = (struct fs_named){.oid = record.parent, .type = S_IFDIR};
	} else {
		rc = fs__entry_load(dir, NULL, name, &named);
	}
	return rc == 0 ? fs__inode_of(dir->fs, named.oid, named.type, inode) : rc;
}

/* Attributes of the inode that a name most likely has, asked for while the name is looked up. */
struct foresight {
	struct fs_inode *inode; /* NULL: no guess */
	struct stat st;
	struct ult *ult;
	int rc;
};

static struct fs_guess *
guess_of(struct fs_inode *dir, const char *name, uint64_t *key)
{
	*key = hash64_string(name, dir->oid.lo);
	return &dir->fs->guesses[*key % FS_GUESS_NR];
}

static void
guess_set(struct fs_inode *dir, const char *name, const struct fs_inode *inode)
{
	uint64_t key;
	struct fs_guess *guess = guess_of(dir, name, &key);

	*guess = (struct fs_guess){.key = key, .ino = inode->oid.lo};
}

static void
foresee(void *arg)
{
	struct foresight *foresight = arg;

	foresight->rc = fs__getattr(foresight->inode, &foresight->st);
}

/* lookup with attributes, both asked at once where the name named an inode before that is still known here. */
static int
lookup_foreseen(struct fs_inode *dir, const char *name, struct fs_inode **inode, struct stat *st, bool *have)
{
	struct foresight foresight = {.rc = ENOENT};
	uint64_t key;
	struct fs_guess *guess = guess_of(dir, name, &key);
	int rc;

	if (guess->key == key && guess->ino != dir->oid.lo)
		foresight.inode = fs_inode_find(dir->fs, guess->ino);
	if (foresight.inode != NULL) {
		fs_inode_get(foresight.inode);
		(void)ult_spawn(xs_self(), ULT_IO, "dfs_foresee", foresee, &foresight, &foresight.ult);
	}
	rc = lookup(dir, name, inode);
	if (foresight.ult != NULL)
		ult_join(foresight.ult);
	*have = rc == 0 && *inode == foresight.inode && foresight.rc == 0;
	if (*have)
		*st = foresight.st;
	if (rc == 0)
		guess_set(dir, name, *inode);
	if (foresight.inode != NULL)
		fs_inode_put(foresight.inode);
	return rc;
}

int
fs_lookup(struct fs_inode *dir, const char *name, struct fs_inode **result, struct stat *st)
{
	struct fs_inode *inode;
	int rc = ENOENT;
	bool have;

	for (uint32_t round = 0; round < LOOK_ROUNDS; round++) {
		have = false;
		rc = st != NULL ? lookup_foreseen(dir, name, &inode, st, &have) : lookup(dir, name, &inode);
		if (rc != 0 || st == NULL || have)
			break;
		rc = fs__getattr(inode, st);
		if (rc == 0)
			break;
		fs_inode_put(inode);
		if (rc != ENOENT) /* else the name was taken over by another file, or it is gone */
			break;
	}
	if (rc == 0)
		*result = inode;
	return fs__errno(rc);
}

/* ---- creation --------------------------------------------------------------------------------------------------------------------------- */
struct creation {
	struct fs_inode *dir, *inode;
	const char *name;
	const struct fs_record *record; /* of the new inode */
	const char *target;             /* of a symlink */
};

static int
insert_body(struct tx *tx, void *arg)
{
	struct creation *creation = arg;
	struct fs_inode *dir = creation->dir, *inode = creation->inode;
	struct fs_named named = {.oid = inode->oid, .type = inode->type};
	struct fs_record record;
	struct timespec now;
	uint64_t hlc;
	int rc = 0;

	if (inode->type == S_IFDIR) {
		rc = fs__record_load(dir, tx, &record);
		if (rc == 0 && record.nlink >= LINK_MAX_NR)
			rc = EMLINK;
		record.nlink++;
		if (rc == 0)
			rc = fs__record_store(dir, tx, 0, &record);
	}
	hlc = fs__now(dir->fs, &now);
	if (rc == 0)
		rc = fs__dir_touch(dir, tx, hlc); /* the first write: its target leads, and there the name is judged */
	if (rc == 0)
		rc = entry_store(dir, tx, DAOS_COND_DKEY_INSERT, creation->name, &named);
	if (rc != 0)
		return rc;
	return creation->target != NULL ? fs__record_store_link(inode, tx, creation->record, creation->target)
					: fs__record_store(inode, tx, 0, creation->record);
}

static int
create(struct fs_inode *dir, const char *name, mode_t mode, dev_t rdev, const struct fs_who *who, const char *target, struct fs_inode **result)
{
	struct fs *fs = dir->fs;
	struct fs_record record = {.mode = mode, .uid = who->uid, .gid = who->gid, .nlink = 1, .rdev = rdev}, parent;
	struct creation creation = {.dir = dir, .name = name, .record = &record, .target = target};
	uint32_t reign = fs->reign;
	int rc;

	if (dir->type != S_IFDIR)
		return ENOTDIR;
	if (fs->readonly)
		return EROFS;
	rc = is_dots(name) ? EEXIST : fs__name_check(name);
	if (rc == 0 && fs__known(dir))
		parent = dir->last; /* nobody else could have changed it */
	else if (rc == 0)
		rc = fs__record_load(dir, NULL, &parent);
	if (rc != 0)
		return rc;
	if (target == NULL)
		record.mode &= ~(who->umask & 0777);
	if ((parent.mode & S_ISGID) != 0) {
		record.gid = parent.gid;
		if (S_ISDIR(mode))
			record.mode |= S_ISGID;
	}
	if (S_ISDIR(mode)) {
		record.nlink = 2;
		record.parent = dir->oid;
		record.file_class = parent.file_class;
		record.dir_class = parent.dir_class;
		record.chunk_size = parent.chunk_size;
	}
	if (S_ISREG(mode))
		record.chunk_size = who->chunk_size != 0 ? who->chunk_size : parent.chunk_size != 0 ? parent.chunk_size : fs->format.chunk_size;
	if (S_ISREG(mode) && !fs__chunk_ok(record.chunk_size))
		return EINVAL;
	if (target != NULL)
		record.rdev = strlen(target);
	record.mtime_hlc = fs__now(fs, &record.mtime);
	record.atime = record.ctime = record.btime = record.mtime;
	rc = fs__inode_new(fs, mode & S_IFMT, who->oclass != 0 ? who->oclass : S_ISREG(mode) ? parent.file_class : parent.dir_class,
			   &creation.inode);
	if (rc != 0)
		return rc;
	rc = fs__transact(fs, insert_body, &creation);
	if (rc != 0) {
		fs_inode_put(creation.inode);
		return rc;
	}
	fs__made(creation.inode, &record, reign);
	guess_set(dir, name, creation.inode);
	*result = creation.inode;
	return 0;
}

/* With attributes, when they are wanted. */
static int
create_and_stat(struct fs_inode *dir, const char *name, mode_t mode, dev_t rdev, const struct fs_who *who, const char *target,
		struct fs_inode **result, struct stat *st)
{
	struct fs_inode *inode;
	int rc = create(dir, name, mode, rdev, who, target, &inode);

	if (rc != 0)
		return rc;
	if (st != NULL)
		fs__fill_stat(inode, &inode->last, 0, st);
	if (result != NULL)
		*result = inode;
	else
		fs_inode_put(inode);
	return 0;
}

int
fs_mknod(struct fs_inode *dir, const char *name, mode_t mode, dev_t rdev, const struct fs_who *who, struct fs_inode **inode, struct stat *st)
{
	if ((mode & S_IFMT) == 0)
		mode |= S_IFREG;
	if (!fs__type_known(mode & S_IFMT) || S_ISDIR(mode) || S_ISLNK(mode))
		return EINVAL;
	return fs__errno(create_and_stat(dir, name, mode, S_ISCHR(mode) || S_ISBLK(mode) ? rdev : 0, who, NULL, inode, st));
}

int
fs_mkdir(struct fs_inode *dir, const char *name, mode_t mode, const struct fs_who *who, struct fs_inode **inode, struct stat *st)
{
	return fs__errno(create_and_stat(dir, name, S_IFDIR | (mode & 07777), 0, who, NULL, inode, st));
}

int
fs_symlink(struct fs_inode *dir, const char *name, const char *target, const struct fs_who *who, struct fs_inode **inode, struct stat *st)
{
	size_t len = strlen(target);

	if (len == 0 || len > TARGET_MAX)
		return len == 0 ? ENOENT : ENAMETOOLONG;
	return fs__errno(create_and_stat(dir, name, S_IFLNK | 0777, 0, who, target, inode, st));
}

/* What is there under the name, opened as open(2) would. */
static int
open_existing(struct fs_inode *dir, const char *name, int flags, struct fs_inode **inode, struct fs_file **file)
{
	int rc = lookup(dir, name, inode);

	if (rc != 0)
		return rc;
	rc = fs_open(*inode, flags, file);
	if (rc != 0)
		fs_inode_put(*inode);
	return rc;
}

int
fs_create(struct fs_inode *dir, const char *name, mode_t mode, int flags, const struct fs_who *who, struct fs_inode **result, struct stat *st,
	  struct fs_file **file, bool *created)
{
	struct fs_inode *inode;
	int rc = 0;

	for (uint32_t round = 0; round < CREATE_ROUNDS; round++) {
		*created = false;
		rc = create(dir, name, S_IFREG | (mode & 07777), 0, who, NULL, &inode);
		if (rc == 0) {
			*created = true;
			rc = fs__open_new(inode, flags, file);
			if (rc != 0)
				fs_inode_put(inode);
			else if (st != NULL)
				fs__fill_stat(inode, &inode->last, 0, st);
			break;
		}
		rc = fs__errno(rc);
		if (rc != EEXIST || (flags & O_EXCL) != 0)
			break;
		rc = open_existing(dir, name, flags, &inode, file);
		if (rc != ENOENT) /* gone again: try to make it */
			break;
	}
	if (rc == 0 && st != NULL && !*created) {
		rc = fs__getattr(inode, st);
		if (rc != 0) {
			(void)fs_close(*file);
			fs_inode_put(inode);
		}
	}
	if (rc == 0)
		*result = inode;
	return fs__errno(rc);
}

int
fs_readlink(struct fs_inode *inode, char *target, size_t size, size_t *len)
{
	char whole[TARGET_MAX + 1];
	uint64_t value;
	daos_key_t dkey;
	size_t got;
	int rc;

	if (inode->type != S_IFLNK)
		return EINVAL;
	fs__inode_dkey(inode->oid, &value, &dkey);
	rc = fs__fetch(inode->object, NULL, &dkey, DFS_LINK_AKEY, whole, TARGET_MAX, &got);
	if (rc == 0 && got == 0)
		rc = ENOENT;
	if (rc != 0)
		return fs__errno(rc);
	whole[got] = 0;
	if (len != NULL)
		*len = got;
	if (size > 0)
		(void)snprintf(target, size, "%s", whole);
	return 0;
}

/* ---- link --------------------------------------------------------------------------------------------------------------------------------- */
static int
link_body(struct tx *tx, void *arg)
{
	struct creation *creation = arg;
	struct fs_inode *dir = creation->dir, *inode = creation->inode;
	struct fs_named named = {.oid = inode->oid, .type = inode->type}, there;
	struct fs_record record;
	uint64_t hlc;
	int rc;

#ifdef PLANTED_dfs_link_count_unread
	rc = fs__record_load(inode, NULL, &record);
#else
	rc = fs__record_load(inode, tx, &record);
#endif
	if (rc != 0)
		return rc;
	if (record.nlink == 0)
		return ENOENT;
	if (record.nlink >= LINK_MAX_NR)
		return EMLINK;
	rc = fs__entry_load(dir, tx, creation->name, &there);
	if (rc != ENOENT)
		return rc == 0 ? EEXIST : rc;
	record.nlink++;
	hlc = fs__now(dir->fs, &record.ctime);
	rc = fs__record_store(inode, tx, 0, &record);
	if (rc == 0)
		rc = fs__dir_touch(dir, tx, hlc);
	return rc == 0 ? entry_store(dir, tx, DAOS_COND_DKEY_INSERT, creation->name, &named) : rc;
}

int
fs_link(struct fs_inode *inode, struct fs_inode *dir, const char *name, struct stat *st)
{
	struct creation creation = {.dir = dir, .inode = inode, .name = name};
	int rc;

	if (dir->type != S_IFDIR)
		return ENOTDIR;
	if (inode->type == S_IFDIR)
		return EPERM;
	if (dir->fs->readonly)
		return EROFS;
	rc = is_dots(name) ? EEXIST : fs__name_check(name);
	if (rc == 0)
		rc = fs__transact(dir->fs, link_body, &creation);
	if (rc == 0 && st != NULL)
		rc = fs__getattr(inode, st);
	return fs__errno(rc);
}

/* ---- removal ------------------------------------------------------------------------------------------------------------------------------- */
/* What a removal or rename does to the inode that loses a name, and what it needs to know for that. */
struct victim {
	struct fs_inode *inode;   /* with a reference; NULL: none */
	struct fs_record record;
	bool last;                /* it lost its last name */
	bool keep;                /* and is kept for those who have it open */
	bool replaced;            /* another file takes the name: who has looked it up here and not opened it yet keeps it, too */
	struct fs_leaving leaving; /* not kept: orphan I3 */
	uuid_t *live;             /* sessions, in arena */
	uint32_t live_nr;
	struct arena arena;
};

static void
victim_init(struct victim *victim, struct fs *fs)
{
	*victim = (struct victim){0};
	arena_init(&victim->arena, fs->mem);
}

/* After the transaction. */
static void
victim_fini(struct victim *victim, bool committed)
{
	if (victim->inode != NULL) {
		if (committed && victim->last) {
			victim->inode->gone = true;
			victim->inode->orphan = victim->keep;
			victim->inode->last.nlink = 0;
		}
		victim->inode->fs->lingering |= victim->inode->orphan;
		fs__leaving_end(victim->inode->fs, &victim->leaving);
		fs_inode_put(victim->inode);
	}
	arena_fini(&victim->arena);
}

static void
victim_drop(struct victim *victim)
{
	if (victim->inode != NULL) {
		fs__leaving_end(victim->inode->fs, &victim->leaving);
		fs_inode_put(victim->inode);
	}
	victim->inode = NULL;
	victim->last = victim->keep = false;
}

/* Takes up the inode of an entry; a second run of the body may find another one. */
static int
victim_take(struct victim *victim, struct fs *fs, const struct fs_named *named)
{
	victim_drop(victim);
	return fs__inode_of(fs, named->oid, named->type, &victim->inode);
}

/* Reads what is to be known of a file that loses a name. */
static int
victim_read_file(struct victim *victim, struct tx *tx)
{
	struct fs *fs = victim->inode->fs;
	int rc = fs__record_load(victim->inode, tx, &victim->record);

	if (rc != 0)
		return rc == ENOENT ? EIO : rc; /* an entry dangles */
	victim->last = victim->record.nlink <= 1;
	if (!victim->last || victim->inode->type != S_IFREG)
		return 0;
	if (victim->live == NULL && !fs__alone(fs)) {
		rc = fs__session_live(fs, &victim->arena, &victim->live, &victim->live_nr);
		if (rc != 0)
			return rc;
	}
#ifdef PLANTED_dfs_forgets_others
	victim->live_nr = 0;
#endif
	victim->keep = victim->inode->opens > 0 || victim->live_nr > 1 || (victim->replaced && victim->inode->refs > 1);
	if (!victim->keep)
		fs__leaving_begin(fs, &victim->leaving, victim->inode->oid.lo);
	return 0;
}

/* Whether no name is left in a directory: ENOTEMPTY. */
static int
dir_empty(struct fs_inode *dir, struct tx *tx)
{
	enum { ROUNDS = 1 << 20 };
	daos_anchor_t anchor = DAOS_ANCHOR_INIT;
	char names[2 * FS_NAME_MAX + 2];
	daos_key_desc_t kds[2];
	d_iov_t iov;
	d_sg_list_t sgl = {.sg_nr = 1, .sg_iovs = &iov};
	uint32_t nr;
	int rc = 0;

	for (uint32_t round = 0; rc == 0 && round < ROUNDS && anchor.da_type != DAOS_ANCHOR_TYPE_EOF; round++) {
		nr = ARRAY_SIZE(kds);
		d_iov_set(&iov, names, sizeof(names));
		rc = object_list(dir->object, tx, NULL, &nr, kds, &sgl, &anchor);
		for (uint32_t i = 0, at = 0; rc == 0 && i < nr; at += (uint32_t)kds[i].kd_key_len, i++)
			if (kds[i].kd_key_len != strlen(DFS_INODE_DKEY) || names[at] != DFS_INODE_DKEY[0])
				return ENOTEMPTY;
	}
	return rc;
}

static int
victim_read_dir(struct victim *victim, struct tx *tx)
{
	int rc = dir_empty(victim->inode, tx);

	if (rc == 0)
		rc = fs__record_load(victim->inode, tx, &victim->record);
	victim->last = true;
	return rc == ENOENT ? EIO : rc;
}

static int
victim_write(struct victim *victim, struct tx *tx)
{
	struct fs_record *record = &victim->record;

	(void)fs__now(victim->inode->fs, &record->ctime);
	record->nlink = victim->last ? 0 : record->nlink - 1;
	if (!victim->last)
		return fs__record_store(victim->inode, tx, 0, record);
	return fs__orphan_or_punch(victim->inode, tx, record, victim->keep, victim->live, victim->live_nr);
}

struct removal {
	struct fs_inode *dir;
	const char *name;
	bool rmdir;
	struct victim victim;
};

/* The directory lost (or gained) a subdirectory: by how many. */
static int
dir_count(struct fs_inode *dir, struct tx *tx, struct fs_record *record, int subdirs)
{
	if (subdirs == 0)
		return 0;
	record->nlink += (uint32_t)subdirs;
	return fs__record_store(dir, tx, 0, record);
}

static int
remove_body(struct tx *tx, void *arg)
{
	struct removal *removal = arg;
	struct fs_inode *dir = removal->dir;
	struct fs_record parent;
	struct fs_named named;
	struct timespec now;
	uint64_t hlc;
	int rc;

	rc = fs__entry_load(dir, tx, removal->name, &named);
	if (rc != 0)
		return rc;
	if (removal->rmdir != (named.type == S_IFDIR))
		return removal->rmdir ? ENOTDIR : EISDIR;
	rc = victim_take(&removal->victim, dir->fs, &named);
	if (rc == 0)
		rc = removal->rmdir ? victim_read_dir(&removal->victim, tx) : victim_read_file(&removal->victim, tx);
	if (rc == 0 && removal->rmdir)
		rc = fs__record_load(dir, tx, &parent);
	if (rc != 0)
		return rc;
	hlc = fs__now(dir->fs, &now);
	rc = entry_remove(dir, tx, removal->name);
	if (rc == 0 && removal->rmdir)
		rc = dir_count(dir, tx, &parent, -1);
	if (rc == 0)
		rc = fs__dir_touch(dir, tx, hlc);
	return rc == 0 ? victim_write(&removal->victim, tx) : rc;
}

static int
remove_name(struct fs_inode *dir, const char *name, bool rmdir)
{
	struct removal removal = {.dir = dir, .name = name, .rmdir = rmdir};
	int rc;

	if (dir->type != S_IFDIR)
		return ENOTDIR;
	rc = fs__name_check(name);
	if (rc != 0)
		return rc;
	if (is_dots(name))
		return !rmdir ? EISDIR : name[1] == 0 ? EINVAL : ENOTEMPTY;
	if (dir->fs->readonly)
		return EROFS;
	victim_init(&removal.victim, dir->fs);
	rc = fs__transact(dir->fs, remove_body, &removal);
	victim_fini(&removal.victim, rc == 0);
	return rc;
}

int
fs_unlink(struct fs_inode *dir, const char *name)
{
	return fs__errno(remove_name(dir, name, false));
}

int
fs_rmdir(struct fs_inode *dir, const char *name)
{
	return fs__errno(remove_name(dir, name, true));
}

/* ---- rename ------------------------------------------------------------------------------------------------------------------------------------ */
struct renaming {
	struct fs_inode *from, *to;
	const char *old, *name;
	uint32_t flags;
	/* of the last run */
	struct fs_inode *moved, *other; /* with references; other: what changes places with it */
	struct victim victim;           /* what is replaced */
};

static void
put_moved(struct renaming *renaming)
{
	if (renaming->moved != NULL)
		fs_inode_put(renaming->moved);
	if (renaming->other != NULL)
		fs_inode_put(renaming->other);
	renaming->moved = renaming->other = NULL;
}

/* EINVAL when dir is ancestor, or below it. Reads all the way up, so that no other move can come in between. */
static int
not_below(struct fs_inode *dir, struct tx *tx, daos_obj_id_t ancestor)
{
	struct fs *fs = dir->fs;
	struct fs_inode *at = fs_inode_get(dir), *up;
	struct fs_record record;
	int rc = 0;

	for (uint32_t depth = 0; rc == 0; depth++) {
		if (at->oid.lo == ancestor.lo)
			rc = EINVAL;
		else if (at->oid.lo == DFS_LO_ROOT)
			break;
		else if (depth == DEPTH_MAX)
			rc = ELOOP;
		if (rc == 0)
			rc = fs__record_load(at, tx, &record);
		if (rc == 0)
			rc = fs__inode_of(fs, record.parent, S_IFDIR, &up);
		if (rc != 0)
			break;
		fs_inode_put(at);
		at = up;
	}
	fs_inode_put(at);
	return rc;
}

/* What the name that is already there means. */
static int
check_target(struct renaming *renaming, struct tx *tx, const struct fs_named *moved, const struct fs_named *there)
{
	int rc;

	if ((renaming->flags & RENAME_NOREPLACE) != 0)
		return EEXIST;
	if ((renaming->flags & RENAME_EXCHANGE) != 0)
		return fs__inode_of(renaming->from->fs, there->oid, there->type, &renaming->other);
	if (there->type == S_IFDIR && moved->type != S_IFDIR)
		return EISDIR;
	if (there->type != S_IFDIR && moved->type == S_IFDIR)
		return ENOTDIR;
	rc = victim_take(&renaming->victim, renaming->from->fs, there);
	if (rc != 0)
		return rc;
	return there->type == S_IFDIR ? victim_read_dir(&renaming->victim, tx) : victim_read_file(&renaming->victim, tx);
}

/* The record of what got a new place. */
static int
moved_write(struct fs_inode *inode, struct tx *tx, struct fs_record *record, struct fs_inode *parent)
{
	(void)fs__now(inode->fs, &record->ctime);
	if (inode->type == S_IFDIR)
		record->parent = parent->oid;
	return fs__record_store(inode, tx, 0, record);
}

static int
rename_write(struct renaming *renaming, struct tx *tx, struct fs_record *moved, struct fs_record *other, struct fs_record *from,
	     struct fs_record *to)
{
	struct fs_named named = {.oid = renaming->moved->oid, .type = renaming->moved->type};
	bool across = renaming->from != renaming->to, dir = named.type == S_IFDIR;
	bool other_dir = renaming->other != NULL && renaming->other->type == S_IFDIR;
	bool victim_dir = renaming->victim.inode != NULL && renaming->victim.inode->type == S_IFDIR;
	struct timespec now;
	uint64_t hlc = fs__now(renaming->from->fs, &now);
	int rc;

	rc = moved_write(renaming->moved, tx, moved, renaming->to);
	if (rc == 0 && renaming->other != NULL)
		rc = moved_write(renaming->other, tx, other, renaming->from);
	if (rc == 0 && across)
		rc = dir_count(renaming->from, tx, from, (int)other_dir - (int)dir);
	if (rc == 0)
		rc = dir_count(renaming->to, tx, to, (across ? (int)dir - (int)other_dir : 0) - (int)victim_dir);
	if (rc == 0 && across)
		rc = fs__dir_touch(renaming->from, tx, hlc);
	if (rc == 0)
		rc = fs__dir_touch(renaming->to, tx, hlc);
	if (rc == 0)
		rc = entry_store(renaming->to, tx, 0, renaming->name, &named);
	if (rc == 0 && renaming->other != NULL) {
		named = (struct fs_named){.oid = renaming->other->oid, .type = renaming->other->type};
		rc = entry_store(renaming->from, tx, 0, renaming->old, &named);
	} else if (rc == 0) {
#ifdef PLANTED_dfs_rename_in_two
		rc = entry_remove(renaming->from, NULL, renaming->old);
#else
		rc = entry_remove(renaming->from, tx, renaming->old);
#endif
	}
	return rc == 0 && renaming->victim.inode != NULL ? victim_write(&renaming->victim, tx) : rc;
}

/* Circles: neither of the two may come to lie below itself. */
static int
check_places(struct renaming *renaming, struct tx *tx)
{
	int rc = 0;

	if (renaming->from == renaming->to)
		return 0;
	if (renaming->moved->type == S_IFDIR)
		rc = not_below(renaming->to, tx, renaming->moved->oid);
	if (rc == 0 && renaming->other != NULL && renaming->other->type == S_IFDIR)
		rc = not_below(renaming->from, tx, renaming->other->oid);
	return rc;
}

static int
rename_body(struct tx *tx, void *arg)
{
	struct renaming *renaming = arg;
	struct fs *fs = renaming->from->fs;
	struct fs_record moved, other = {0}, from, to;
	struct fs_named named, there;
	bool exists;
	int rc;

	put_moved(renaming);
	victim_drop(&renaming->victim);
	renaming->victim.replaced = true;
	rc = fs__entry_load(renaming->from, tx, renaming->old, &named);
	if (rc != 0)
		return rc;
	rc = fs__inode_of(fs, named.oid, named.type, &renaming->moved);
	if (rc == 0)
		rc = fs__entry_load(renaming->to, tx, renaming->name, &there);
	exists = rc == 0;
	if (rc != 0 && rc != ENOENT)
		return rc;
	if (!exists && (renaming->flags & RENAME_EXCHANGE) != 0)
		return ENOENT;
	if (exists && there.oid.lo == named.oid.lo)
		return (renaming->flags & RENAME_NOREPLACE) != 0 ? EEXIST : 0; /* two names of one file: both stay */
	rc = named.type == S_IFDIR && (renaming->flags & RENAME_EXCHANGE) == 0 ? check_places(renaming, tx) : 0;
	if (rc == 0 && exists)
		rc = check_target(renaming, tx, &named, &there);
	if (rc == 0 && renaming->other != NULL)
		rc = check_places(renaming, tx);
	if (rc != 0)
		return rc; /* ENOENT: where it was to go is gone */
	rc = fs__record_load(renaming->moved, tx, &moved);
	if (rc == 0 && renaming->other != NULL)
		rc = fs__record_load(renaming->other, tx, &other);
	if (rc == ENOENT)
		return EIO; /* an entry dangles */
	if (rc == 0)
		rc = fs__record_load(renaming->from, tx, &from);
	if (rc == 0)
		rc = fs__record_load(renaming->to, tx, &to);
	return rc == 0 ? rename_write(renaming, tx, &moved, &other, &from, &to) : rc;
}

int
fs_rename(struct fs_inode *from, const char *old, struct fs_inode *to, const char *name, uint32_t flags)
{
	struct renaming renaming = {.from = from, .to = to, .old = old, .name = name, .flags = flags};
	struct fs *fs = from->fs;
	int rc;

	if (from->type != S_IFDIR || to->type != S_IFDIR)
		return ENOTDIR;
	if ((flags & ~(uint32_t)(RENAME_NOREPLACE | RENAME_EXCHANGE)) != 0 || flags == (RENAME_NOREPLACE | RENAME_EXCHANGE))
		return EINVAL;
	if (is_dots(old) || is_dots(name))
		return (flags & RENAME_NOREPLACE) != 0 ? EEXIST : EBUSY;
	if (fs->readonly)
		return EROFS;
	rc = fs__name_check(old);
	if (rc == 0)
		rc = fs__name_check(name);
	if (rc != 0)
		return rc;
	victim_init(&renaming.victim, fs);
	if (from != to)
		ult_mutex_lock(&fs->rename_mutex);
	rc = fs__transact(fs, rename_body, &renaming);
	if (from != to)
		ult_mutex_unlock(&fs->rename_mutex);
	put_moved(&renaming);
	victim_fini(&renaming.victim, rc == 0);
	return fs__errno(rc);
}
