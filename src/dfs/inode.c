/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inodes: the table of those that this mount refers to, their records, and attributes.
 *
 * When a name in a directory changes, only akey "t" is written, without being read: so two creations in one directory do
 * not conflict. mtime and ctime of a directory are the later ones of its record and "t". mtime of a file is its record's
 * unless data changed after mtime was set, which the store knows: the record's dkey does not count there.
 *
 *	inode I1  There is one struct fs_inode for an object in a mount, for as long as somebody refers to it.
 *	inode I2  A number is handed out once: the container reserves it, and what a crash leaves unused stays unused.
 *
 * What reads or writes records may yield.
 */
#include "internal.h"

#include <endian.h>
#include "base/hash64.h"
#include "pure/hlc/hlc.h"

enum { INO_BATCH = 256 };

/* ---- the table --------------------------------------------------------------------------------------------------------------------- */
static struct list *
bucket_of(struct list *table, uint32_t size, uint64_t ino)
{
	return &table[hash64_mix(ino) & (size - 1)];
}

struct fs_inode *
fs_inode_find(struct fs *fs, uint64_t ino)
{
	struct fs_inode *inode;

	list_each(inode, bucket_of(fs->table, fs->table_size, ino), link)
		if (inode->oid.lo == ino)
			return inode;
	return NULL;
}

struct fs_inode *
fs__inode_look(struct fs *fs, daos_obj_id_t oid)
{
	struct fs_inode *inode = fs_inode_find(fs, oid.lo);

	return inode != NULL && inode->oid.hi == oid.hi ? inode : NULL;
}

/* Without memory it stays as it is, only slower. */
static void
table_grow(struct fs *fs)
{
	uint32_t size = fs->table_size * 2;
	struct list *table = MEM_NEW_ARRAY(fs->mem, struct list, size);
	struct fs_inode *inode;

	if (table == NULL)
		return;
	for (uint32_t i = 0; i < size; i++)
		list_init(&table[i]);
	for (uint32_t i = 0; i < fs->table_size; i++)
		while ((inode = list_pop(&fs->table[i], struct fs_inode, link)) != NULL)
			list_append(bucket_of(table, size, inode->oid.lo), &inode->link);
	mem_free(fs->mem, fs->table);
	fs->table = table;
	fs->table_size = size;
}

int
fs__inode_of(struct fs *fs, daos_obj_id_t oid, uint32_t type, struct fs_inode **result)
{
	struct fs_inode *inode = fs_inode_find(fs, oid.lo);
	int rc;

	if (inode != NULL) {
		if (inode->oid.hi != oid.hi || inode->type != type) {
			log_error(fs->env->log, "inode %lu is two objects or of two types: an entry is damaged", (unsigned long)oid.lo);
			return EIO;
		}
		*result = fs_inode_get(inode);
		return 0;
	}
	inode = MEM_NEW(fs->mem, struct fs_inode);
	if (inode == NULL)
		return -DER_NOMEM;
	rc = object_open(fs->cont, oid, cont_writable(fs->cont) ? DAOS_OO_RW : DAOS_OO_RO, &inode->object);
	if (rc != 0) {
		mem_free(fs->mem, inode);
		return rc;
	}
	inode->fs = fs;
	inode->refs = 1;
	inode->oid = oid;
	inode->type = type;
	ult_mutex_init(&inode->append);
	if (fs->inode_nr >= fs->table_size * 2)
		table_grow(fs);
	list_append(bucket_of(fs->table, fs->table_size, oid.lo), &inode->link);
	fs->inode_nr++;
	*result = inode;
	return 0;
}

struct fs_inode *
fs_inode_get(struct fs_inode *inode)
{
	inode->refs++;
	return inode;
}

void
fs_inode_put(struct fs_inode *inode)
{
	struct fs *fs = inode->fs;

	ASSERT(inode->refs > 0);
	if (inode->refs == 1 && inode->orphan && !inode->disclaimed && !fs->readonly && fs->session_on)
		fs__orphan_close(inode); /* meanwhile somebody may come to refer to it */
	if (--inode->refs > 0)
		return;
	ASSERT(inode->opens == 0);
	list_remove(&inode->link);
	fs->inode_nr--;
	object_close(inode->object);
	mem_free(fs->mem, inode);
}

struct fs_inode *
fs_root(struct fs *fs)
{
	return fs_inode_get(fs->root);
}

uint64_t
fs_inode_ino(const struct fs_inode *inode)
{
	return inode->oid.lo;
}

uint32_t
fs_inode_type(const struct fs_inode *inode)
{
	return inode->type;
}

daos_obj_id_t
fs_inode_oid(const struct fs_inode *inode)
{
	return inode->oid;
}

int
fs__inode_new(struct fs *fs, uint32_t type, uint32_t cls, struct fs_inode **inode)
{
	bool file = type == S_IFREG;
	daos_obj_id_t oid = {0};
	int rc = 0;

	ult_mutex_lock(&fs->ino_mutex);
	if (fs->ino_left == 0) {
		rc = cont_alloc_oids(fs->cont, INO_BATCH, &fs->next_ino);
		if (rc == 0)
			fs->ino_left = INO_BATCH;
	}
	if (rc == 0) {
		oid.lo = fs->next_ino++;
		fs->ino_left--;
	}
	ult_mutex_unlock(&fs->ino_mutex);
	if (rc == 0)
		rc = cont_generate_oid(fs->cont, &oid, file ? DAOS_OT_ARRAY_BYTE : DAOS_OT_MULTI_HASHED,
				       cls != 0 ? cls : file ? fs->file_class : fs->dir_class, 0);
	return rc == 0 ? fs__inode_of(fs, oid, type, inode) : rc;
}

/* ---- records ------------------------------------------------------------------------------------------------------------------------- */
void
fs__inode_dkey(daos_obj_id_t oid, uint64_t *value, daos_key_t *dkey)
{
	*value = 0;
	if (daos_is_dkey_uint64(oid)) {
		d_iov_set(dkey, value, sizeof(*value));
	} else {
		memcpy(value, DFS_INODE_DKEY, strlen(DFS_INODE_DKEY));
		d_iov_set(dkey, value, strlen(DFS_INODE_DKEY));
	}
}

static bool
later(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec != b->tv_sec ? a->tv_sec > b->tv_sec : a->tv_nsec > b->tv_nsec;
}

/* Something below the record changed at hlc. */
static void
record_touched(struct fs_record *record, uint64_t hlc)
{
	struct timespec when;

	if (hlc == 0)
		return;
	fs__time_of(hlc, &when);
	if (hlc > record->mtime_hlc) {
		record->mtime = when;
		record->mtime_hlc = hlc;
		if (later(&when, &record->ctime))
			record->ctime = when;
	}
}

/* glance: what else is asked in the same call; may be NULL. */
static int
load(struct fs_inode *inode, struct tx *tx, struct fs_record *record, struct object_glance *glance)
{
	uint32_t nr = inode->type == S_IFDIR ? 2 : 1;
	struct dfs_inode_record raw = {0};
	struct dfs_times_record times = {0};
	daos_iod_t iods[2] = {{.iod_type = DAOS_IOD_SINGLE, .iod_nr = 1}, {.iod_type = DAOS_IOD_SINGLE, .iod_nr = 1}};
	d_iov_t iovs[2] = {{.iov_buf = &raw, .iov_buf_len = sizeof(raw)}, {.iov_buf = &times, .iov_buf_len = sizeof(times)}};
	d_sg_list_t sgls[2] = {{.sg_nr = 1, .sg_iovs = &iovs[0]}, {.sg_nr = 1, .sg_iovs = &iovs[1]}};
	uint64_t value;
	daos_key_t dkey, akey;
	int rc;

	fs__inode_dkey(inode->oid, &value, &dkey);
	d_iov_set(&iods[0].iod_name, (void *)DFS_INODE_AKEY, strlen(DFS_INODE_AKEY));
	d_iov_set(&iods[1].iod_name, (void *)DFS_TIMES_AKEY, strlen(DFS_TIMES_AKEY));
	if (glance != NULL) {
		d_iov_set(&akey, (void *)DFS_DATA_AKEY, strlen(DFS_DATA_AKEY));
		rc = object_glance(inode->object, &dkey, nr, iods, sgls, &akey, glance);
	} else {
		rc = object_fetch(inode->object, tx, 0, &dkey, nr, iods, sgls, NULL);
	}
	if (rc == -DER_NONEXIST || (rc == 0 && iods[0].iod_size == 0))
		return ENOENT;
	if (rc == 0 && !fs__record_decode(&raw, iods[0].iod_size, inode->type, record)) {
		log_error(inode->fs->env->log, "inode %lu: its record is damaged (version %u, mode %o, %lu bytes)", (unsigned long)inode->oid.lo,
			  le16toh(raw.version), le32toh(raw.mode), (unsigned long)iods[0].iod_size);
		rc = EIO;
	}
	if (rc == 0 && nr == 2 && iods[1].iod_size == sizeof(times))
		record_touched(record, le64toh(times.hlc));
	if (rc == 0) {
		inode->last = *record;
		inode->seen = true;
		inode->seen_reign = inode->fs->reign;
		inode->orphan |= record->nlink == 0 && inode->type == S_IFREG; /* another mount took its last name */
	}
	return rc;
}

int
fs_inode_open(struct fs *fs, daos_obj_id_t oid, uint32_t type, struct fs_inode **result)
{
	struct fs_record record;
	struct fs_inode *inode;
	int rc;

	if (oid.lo < FS_ROOT_INO || oid.lo == DFS_LO_ORPHANS || (type == S_IFREG) != (daos_obj_id2type(oid) == DAOS_OT_ARRAY_BYTE))
		return ENOENT;
	rc = fs__inode_of(fs, oid, type, &inode);
	if (rc != 0)
		return fs__errno(rc);
	rc = fs__record_load(inode, NULL, &record);
	if (rc == 0 && record.nlink == 0) /* waits for mounts that may have it open */
		rc = ENOENT;
	if (rc != 0)
		fs_inode_put(inode);
	else
		*result = inode;
	return fs__errno(rc);
}

int
fs__record_load(struct fs_inode *inode, struct tx *tx, struct fs_record *record)
{
	return load(inode, tx, record, NULL);
}

static void
single(daos_iod_t *iod, d_iov_t *iov, d_sg_list_t *sgl, const char *akey, const void *value, size_t size)
{
	*iod = (daos_iod_t){.iod_type = DAOS_IOD_SINGLE, .iod_size = size, .iod_nr = 1};
	d_iov_set(&iod->iod_name, (void *)akey, strlen(akey));
	d_iov_set(iov, (void *)value, size);
	*sgl = (d_sg_list_t){.sg_nr = 1, .sg_iovs = iov};
}

int
fs__record_store(struct fs_inode *inode, struct tx *tx, uint64_t flags, const struct fs_record *record)
{
	struct dfs_inode_record raw;
	uint64_t value;
	daos_key_t dkey;
	daos_iod_t iod;
	d_iov_t iov;
	d_sg_list_t sgl;
	int rc;

	fs__record_encode(record, &raw);
	fs__inode_dkey(inode->oid, &value, &dkey);
	single(&iod, &iov, &sgl, DFS_INODE_AKEY, &raw, sizeof(raw));
	rc = object_update(inode->object, tx, flags, &dkey, 1, &iod, &sgl);
	if (rc == 0 && tx == NULL) {
		inode->last = *record;
		inode->seen = true;
	}
	return rc;
}

int
fs__record_store_link(struct fs_inode *inode, struct tx *tx, const struct fs_record *record, const char *target)
{
	struct dfs_inode_record raw;
	uint64_t value;
	daos_key_t dkey;
	daos_iod_t iods[2];
	d_iov_t iovs[2];
	d_sg_list_t sgls[2];

	fs__record_encode(record, &raw);
	fs__inode_dkey(inode->oid, &value, &dkey);
	single(&iods[0], &iovs[0], &sgls[0], DFS_INODE_AKEY, &raw, sizeof(raw));
	single(&iods[1], &iovs[1], &sgls[1], DFS_LINK_AKEY, target, strlen(target));
	return object_update(inode->object, tx, 0, &dkey, 2, iods, sgls);
}

void
fs__made(struct fs_inode *inode, const struct fs_record *record, uint32_t reign)
{
	inode->last = *record;
	inode->seen = true;
	inode->seen_reign = reign;
	inode->bare_reign = reign + 1;
}

int
fs__dir_touch(struct fs_inode *dir, struct tx *tx, uint64_t hlc)
{
	struct dfs_times_record times = {.version = htole16(DFS_VERSION), .hlc = htole64(hlc)};
	uint64_t value;
	daos_key_t dkey;
	daos_iod_t iod;
	d_iov_t iov;
	d_sg_list_t sgl;

	fs__inode_dkey(dir->oid, &value, &dkey);
	single(&iod, &iov, &sgl, DFS_TIMES_AKEY, &times, sizeof(times));
#ifdef PLANTED_dfs_makes_in_removed
	return object_update(dir->object, tx, 0, &dkey, 1, &iod, &sgl);
#endif
	return object_update(dir->object, tx, DAOS_COND_DKEY_UPDATE, &dkey, 1, &iod, &sgl);
}

/* ---- attributes ------------------------------------------------------------------------------------------------------------------------ */
struct data_query {
	struct fs_inode *inode;
	uint64_t size, epoch;
	int rc_size, rc_epoch;
};

static void
query_size(void *arg)
{
	struct data_query *query = arg;

	query->rc_size = fs__size(query->inode, NULL, &query->size);
}

static void
query_epoch(void *arg)
{
	struct data_query *query = arg;

	query->rc_epoch = object_query_epoch(query->inode->object, NULL, &query->epoch);
}

/* The record, and of a regular file size and newest change: in one call, or, when it is spread over targets, all asked at once. */
static int
gather(struct fs_inode *inode, struct fs_record *record, uint64_t *size)
{
	struct data_query query = {.inode = inode};
	struct ult *size_ult = NULL, *epoch_ult = NULL;
	struct object_glance glance = {0};
	int rc;

	*size = 0;
	if (inode->type != S_IFREG)
		return fs__record_load(inode, NULL, record);
	rc = load(inode, NULL, record, &glance);
	if (rc == 0) {
		record_touched(record, glance.newest);
		return fs__end_of(record->chunk_size, glance.last, &glance.recx, size);
	}
	if (rc != -DER_NOTSUPPORTED)
		return rc;
	if (!inode->seen) { /* the chunk size is needed first */
		rc = fs__record_load(inode, NULL, record);
		if (rc != 0)
			return rc;
	}
	if (ult_spawn(xs_self(), ULT_IO, "dfs_size", query_size, &query, &size_ult) != 0)
		query_size(&query);
	if (ult_spawn(xs_self(), ULT_IO, "dfs_epoch", query_epoch, &query, &epoch_ult) != 0)
		query_epoch(&query);
	rc = fs__record_load(inode, NULL, record);
	if (size_ult != NULL)
		ult_join(size_ult);
	if (epoch_ult != NULL)
		ult_join(epoch_ult);
	if (rc == 0)
		rc = query.rc_size != 0 ? query.rc_size : query.rc_epoch;
	if (rc == 0) {
		*size = query.size;
		record_touched(record, query.epoch);
	}
	return rc;
}

void
fs__fill_stat(const struct fs_inode *inode, const struct fs_record *record, uint64_t size, struct stat *st)
{
	enum { SECTOR = 512, DIR_SIZE = 4096 };

	memset(st, 0, sizeof(*st));
	st->st_ino = inode->oid.lo;
	st->st_mode = record->mode;
	st->st_nlink = record->nlink;
	st->st_uid = record->uid;
	st->st_gid = record->gid;
	st->st_rdev = record->rdev;
	st->st_size = (off_t)(inode->type == S_IFDIR ? DIR_SIZE : inode->type == S_IFLNK ? record->rdev : size);
	if (inode->type == S_IFLNK)
		st->st_rdev = 0;
	st->st_blksize = (blksize_t)(record->chunk_size != 0 ? record->chunk_size : inode->fs->format.chunk_size);
	st->st_blocks = inode->type == S_IFREG ? (blkcnt_t)DIV_UP(size, SECTOR) : 0;
	st->st_atim = record->atime;
	st->st_mtim = record->mtime;
	st->st_ctim = record->ctime;
}

int
fs__getattr(struct fs_inode *inode, struct stat *st)
{
	struct fs_record record;
	uint64_t size = 0;
	int rc = gather(inode, &record, &size);

	if (rc == ENOENT && inode->gone && inode->seen) { /* removed, but somebody here still stands in it */
		record = inode->last;
		record.nlink = 0;
		rc = 0;
	}
	if (rc == 0)
		fs__fill_stat(inode, &record, size, st);
	return rc;
}

/* Who asks for an inode that he holds gets its attributes also when another mount has removed it. */
int
fs_getattr(struct fs_inode *inode, struct stat *st)
{
	int rc = fs__getattr(inode, st);

	if (rc == ENOENT && inode->seen && !inode->gone) {
		inode->gone = true;
		rc = fs__getattr(inode, st);
	}
	return fs__errno(rc);
}

/* What a change of contents or owner by whoever does to the set-id bits. */
void
fs__kill_suid(struct fs_record *record)
{
	if ((record->mode & S_IFMT) == S_IFDIR)
		return;
	record->mode &= ~(uint32_t)S_ISUID;
	if ((record->mode & S_IXGRP) != 0)
		record->mode &= ~(uint32_t)S_ISGID;
}

struct change {
	struct fs_inode *inode;
	const struct stat *attr;
	uint32_t set;
	struct fs_record record; /* as written */
};

static void
change_times(struct change *change, struct fs_record *record, const struct timespec *now, uint64_t hlc)
{
	uint32_t set = change->set;

	if ((set & (FS_SET_ATIME | FS_SET_ATIME_NOW)) != 0)
		record->atime = (set & FS_SET_ATIME_NOW) != 0 ? *now : change->attr->st_atim;
	if ((set & (FS_SET_MTIME | FS_SET_MTIME_NOW | FS_SET_SIZE)) != 0) {
		record->mtime = (set & FS_SET_MTIME) != 0 && (set & FS_SET_MTIME_NOW) == 0 ? change->attr->st_mtim : *now;
		record->mtime_hlc = hlc;
	}
	record->ctime = (set & FS_SET_CTIME) != 0 ? change->attr->st_ctim : *now;
}

static int
change_body(struct tx *tx, void *arg)
{
	struct change *change = arg;
	struct fs_inode *inode = change->inode;
	struct fs_record record;
	struct timespec now;
	uint64_t hlc;
	int rc;

	rc = fs__record_load(inode, tx, &record);
	if (rc != 0)
		return rc;
	if ((change->set & FS_SET_SIZE) != 0) {
		rc = fs__resize(inode, tx, (uint64_t)change->attr->st_size);
		if (rc != 0)
			return rc;
		fs__kill_suid(&record);
	}
	if ((change->set & (FS_SET_UID | FS_SET_GID)) != 0)
		fs__kill_suid(&record);
	if ((change->set & FS_SET_MODE) != 0)
		record.mode = (record.mode & S_IFMT) | (change->attr->st_mode & 07777);
	if ((change->set & FS_SET_UID) != 0)
		record.uid = change->attr->st_uid;
	if ((change->set & FS_SET_GID) != 0)
		record.gid = change->attr->st_gid;
	hlc = fs__now(inode->fs, &now);
	change_times(change, &record, &now, hlc);
	change->record = record;
	return fs__record_store(inode, tx, 0, &record);
}

void
fs_defaults(const struct fs_inode *inode, struct fs_defaults *defaults)
{
	*defaults = (struct fs_defaults){0};
	if (inode->type == S_IFDIR && inode->seen)
		*defaults = (struct fs_defaults){.file_class = inode->last.file_class, .dir_class = inode->last.dir_class,
						 .chunk_size = inode->last.chunk_size};
}

struct redefault {
	struct change change;
	const struct fs_defaults *to;
};

static int
redefault_body(struct tx *tx, void *arg)
{
	struct redefault *re = arg;
	struct fs_inode *dir = re->change.inode;
	struct fs_record record;
	int rc = fs__record_load(dir, tx, &record);

	if (rc != 0)
		return rc;
	record.file_class = re->to->file_class;
	record.dir_class = re->to->dir_class;
	record.chunk_size = re->to->chunk_size;
	(void)fs__now(dir->fs, &record.ctime);
	re->change.record = record;
	return fs__record_store(dir, tx, 0, &record);
}

int
fs_set_defaults(struct fs_inode *dir, const struct fs_defaults *defaults)
{
	struct redefault re = {.change = {.inode = dir}, .to = defaults};
	int rc;

	if (dir->fs->readonly)
		return EROFS;
	if (dir->type != S_IFDIR)
		return ENOTDIR;
	if (defaults->chunk_size != 0 && !fs__chunk_ok(defaults->chunk_size))
		return EINVAL;
	rc = fs__transact(dir->fs, redefault_body, &re);
	if (rc == 0) {
		dir->last = re.change.record;
		dir->seen = true;
	}
	return fs__errno(rc);
}

int
fs_setattr(struct fs_inode *inode, const struct stat *attr, uint32_t set, struct stat *st)
{
	struct change change = {.inode = inode, .attr = attr, .set = set};
	int rc = 0;

	if (inode->fs->readonly)
		return EROFS;
	if ((set & FS_SET_SIZE) != 0 && inode->type != S_IFREG)
		return inode->type == S_IFDIR ? EISDIR : EINVAL;
	if ((set & FS_SET_SIZE) != 0 && attr->st_size < 0)
		return EINVAL;
	if ((set & FS_SET_SIZE) != 0)
		rc = fs__resize_prepare(inode, (uint64_t)attr->st_size);
	if (rc == 0 && set != 0)
		rc = fs__transact(inode->fs, change_body, &change);
	if (rc == 0 && set != 0) {
		inode->last = change.record;
		inode->seen = true;
	}
	if (rc == 0 && st != NULL)
		rc = fs__getattr(inode, st);
	return fs__errno(rc);
}
