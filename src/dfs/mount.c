/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making and mounting: the superblock, and what every other file of the room stands on: errors, time, transactions.
 *
 *	mount I1  The root directory is durable before a superblock names it; making twice finds what is there.
 *	mount I2  A mount has a handle of its own: when its session is fenced, nobody else is.
 *	mount I3  A body of a transaction is run again from its start after a conflict: it keeps nothing from the run before.
 *
 * Everything but fs__errno and fs__now may yield. A crash while making leaves no superblock, and it is made again.
 */
#include "internal.h"

#include <endian.h>
#include <sys/statvfs.h>
#include "base/errmap.h"
#include "pure/hlc/hlc.h"

enum { RESTARTS_MAX = 1000, TABLE_FIRST = 256 };
#define CHUNK_DEFAULT MIB
#define CHUNK_MIN 4096ULL
#define CHUNK_MAX (1ULL << 30)
#define BACKOFF_NS (50 * NS_PER_US)
#define BACKOFF_MAX_NS (20 * NS_PER_MS)

bool
fs__chunk_ok(uint64_t size)
{
	return size >= CHUNK_MIN && size <= CHUNK_MAX;
}

int
fs__errno(int rc)
{
	if (rc >= 0)
		return rc;
	switch (-(long)rc) {
	case DER_NOSPACE:
		return ENOSPC;
	case DER_NOMEM:
		return ENOMEM;
	case DER_TX_RESTART:
		return EAGAIN;
	case DER_REC2BIG:
	case DER_KEY2BIG:
	case DER_TIMEDOUT:
	case DER_UNREACH:
	case DER_INVAL:
		return EIO; /* nothing that a caller of ours asked for */
	default:
		return err_to_errno(rc);
	}
}

void
fs__time_of(uint64_t hlc, struct timespec *ts)
{
	uint64_t ns = hlc_to_wall(hlc);

	*ts = (struct timespec){.tv_sec = (time_t)(ns / NS_PER_S), .tv_nsec = (long)(ns % NS_PER_S)};
}

uint64_t
fs__now(struct fs *fs, struct timespec *ts)
{
	uint64_t hlc = client_hlc(fs->client);

	fs__time_of(hlc, ts);
	return hlc;
}

int
fs__transact(struct fs *fs, int (*body)(struct tx *tx, void *arg), void *arg)
{
	uint64_t backoff = BACKOFF_NS;
	struct tx *tx;
	int rc;

	rc = tx_open(fs->cont, 0, &tx);
	if (rc != 0)
		return rc;
	for (uint32_t attempt = 0;; attempt++) {
		rc = body(tx, arg);
		if (rc == 0)
			rc = tx_commit(tx);
		if (rc != -DER_TX_RESTART || attempt == RESTARTS_MAX)
			break;
		ult_sleep(backoff / 2 + env_rand(fs->env) % backoff);
		backoff = MIN(backoff * 2, BACKOFF_MAX_NS);
		rc = tx_restart(tx);
		if (rc != 0)
			break;
	}
	tx_close(tx);
	return rc;
}

int
fs__fetch(struct object *object, struct tx *tx, daos_key_t *dkey, const char *akey, void *value, size_t room, size_t *size)
{
	daos_iod_t iod = {.iod_type = DAOS_IOD_SINGLE, .iod_size = DAOS_REC_ANY, .iod_nr = 1};
	d_iov_t iov = {.iov_buf = value, .iov_buf_len = room};
	d_sg_list_t sgl = {.sg_nr = 1, .sg_iovs = &iov};
	int rc;

	d_iov_set(&iod.iod_name, (void *)akey, strlen(akey));
	rc = object_fetch(object, tx, 0, dkey, 1, &iod, &sgl, NULL);
	*size = rc == 0 ? iod.iod_size : 0;
	return rc == -DER_NONEXIST ? 0 : rc;
}

/* ---- superblock ------------------------------------------------------------------------------------------------------------------ */
/* The class of what must be found without being told: as many replicas as the container survives failures and one. */
static uint32_t
fixed_class(const struct cont *cont)
{
	static const uint32_t classes[] = {OC_S1, OC_RP_2G1, OC_RP_3G1, OC_RP_4G1, OC_RP_5G1, OC_RP_6G1};
	uint32_t failures = cont_props(cont)->redun_fac;

	return classes[MIN(failures, (uint32_t)ARRAY_SIZE(classes) - 1)];
}

static int
fixed_oid(struct cont *cont, uint64_t lo, uint32_t cls, daos_obj_id_t *oid)
{
	*oid = (daos_obj_id_t){.lo = lo};
	return cont_generate_oid(cont, oid, DAOS_OT_MULTI_HASHED, cls != 0 ? cls : fixed_class(cont), 0);
}

static uint32_t
open_mode(const struct cont *cont)
{
	return cont_writable(cont) ? DAOS_OO_RW : DAOS_OO_RO;
}

static int
super_read(struct cont *cont, struct dfs_super_record *super)
{
	struct object *object;
	daos_obj_id_t oid;
	daos_key_t dkey;
	size_t size;
	int rc;

	rc = fixed_oid(cont, DFS_LO_SUPER, 0, &oid);
	if (rc == 0)
		rc = object_open(cont, oid, DAOS_OO_RO, &object);
	if (rc != 0)
		return rc;
	d_iov_set(&dkey, (void *)DFS_SUPER_DKEY, strlen(DFS_SUPER_DKEY));
	memset(super, 0, sizeof(*super));
	rc = fs__fetch(object, NULL, &dkey, DFS_SUPER_AKEY, super, sizeof(*super), &size);
	object_close(object);
	if (rc == -DER_REC2BIG) /* of a newer one, or none of ours */
		return EINVAL;
	if (rc != 0)
		return rc;
	if (size == 0)
		return ENOENT;
	return fs__super_ok(super, size) ? 0 : EINVAL;
}

static int
super_write(struct cont *cont, const struct fs_format *format, daos_obj_id_t root, daos_obj_id_t orphans)
{
	struct dfs_super_record super = {.magic = htole64(DFS_MAGIC), .version = htole16(DFS_VERSION), .mode = htole32(format->mode),
					 .file_class = htole32(format->file_class), .dir_class = htole32(format->dir_class),
					 .root_hi = htole64(root.hi), .orphans_hi = htole64(orphans.hi)};
	daos_iod_t iod = {.iod_type = DAOS_IOD_SINGLE, .iod_size = sizeof(super), .iod_nr = 1};
	d_iov_t iov;
	d_sg_list_t sgl = {.sg_nr = 1, .sg_iovs = &iov};
	struct object *object;
	daos_obj_id_t oid;
	daos_key_t dkey;
	int rc;

	super.chunk_size = htole64(format->chunk_size != 0 ? format->chunk_size : CHUNK_DEFAULT);
	memcpy(super.hints, format->hints, sizeof(super.hints));
	rc = fixed_oid(cont, DFS_LO_SUPER, 0, &oid);
	if (rc == 0)
		rc = object_open(cont, oid, DAOS_OO_RW, &object);
	if (rc != 0)
		return rc;
	d_iov_set(&dkey, (void *)DFS_SUPER_DKEY, strlen(DFS_SUPER_DKEY));
	d_iov_set(&iod.iod_name, (void *)DFS_SUPER_AKEY, strlen(DFS_SUPER_AKEY));
	d_iov_set(&iov, &super, sizeof(super));
	rc = object_update(object, NULL, DAOS_COND_DKEY_INSERT, &dkey, 1, &iod, &sgl);
	object_close(object);
	return rc == -DER_EXIST ? 0 : rc;
}

/* A struct fs that is just enough to write an inode with. */
static int
root_write(struct cont *cont, const struct fs_format *format, daos_obj_id_t oid)
{
	struct fs fs = {.cont = cont, .client = cont_client(cont)};
	struct fs_inode root = {.fs = &fs, .oid = oid, .type = S_IFDIR};
	struct fs_record record = {.mode = S_IFDIR | (format->root_mode != 0 ? format->root_mode & 07777 : 0755),
				   .uid = format->uid, .gid = format->gid, .nlink = 2, .parent = oid};
	int rc;

	record.mtime_hlc = fs__now(&fs, &record.mtime);
	record.atime = record.ctime = record.btime = record.mtime;
	rc = object_open(cont, oid, DAOS_OO_RW, &root.object);
	if (rc != 0)
		return rc;
	rc = fs__record_store(&root, NULL, DAOS_COND_DKEY_INSERT, &record);
	object_close(root.object);
	return rc == -DER_EXIST ? 0 : rc;
}

int
fs_make(struct cont *cont, const struct fs_format *format)
{
	static const struct fs_format defaults;
	struct dfs_super_record super;
	daos_obj_id_t root, orphans;
	int rc;

	if (format == NULL)
		format = &defaults;
	if (!cont_writable(cont))
		return EROFS;
	if ((format->mode != 0 && format->mode != 4) ||
	    (format->chunk_size != 0 && !fs__chunk_ok(format->chunk_size)))
		return EINVAL;
	rc = super_read(cont, &super);
	if (rc != ENOENT)
		return fs__errno(rc);
	rc = fixed_oid(cont, DFS_LO_ROOT, format->dir_class, &root);
	if (rc == -DER_INVAL)
		return EINVAL; /* no such class */
	if (rc == 0)
		rc = fixed_oid(cont, DFS_LO_ORPHANS, 0, &orphans);
	if (rc == 0)
		rc = root_write(cont, format, root);
	if (rc == 0)
		rc = super_write(cont, format, root, orphans);
	return fs__errno(rc);
}

int
fs_format_query(struct fs *fs, struct fs_format *format)
{
	struct fs_record record;
	int rc = fs__record_load(fs->root, NULL, &record);

	*format = fs->format;
	if (rc == 0) {
		format->uid = record.uid;
		format->gid = record.gid;
		format->root_mode = record.mode & 07777;
	}
	return fs__errno(rc);
}

/* ---- mounting ---------------------------------------------------------------------------------------------------------------------- */
/* Few targets: a file in one piece costs one less hop to find its end. */
static int
choose_classes(struct fs *fs)
{
	enum { FEW_TARGETS = 8 };
	struct pool_info info;
	int rc;

	fs->file_class = fs->format.file_class;
	fs->dir_class = fs->format.dir_class != 0 ? fs->format.dir_class : fixed_class(fs->cont);
	if (fs->file_class != 0 || cont_props(fs->cont)->redun_fac != 0)
		return 0;
	rc = pool_query(cont_pool(fs->cont), &info);
	if (rc == 0 && info.targets < FEW_TARGETS)
		fs->file_class = OC_S1;
	return rc;
}

static void
fs_free(struct fs *fs)
{
	struct mem *mem = fs->mem;

	if (fs->root != NULL)
		fs_inode_put(fs->root);
	if (fs->orphans != NULL)
		object_close(fs->orphans);
	if (fs->inode_nr > 0)
		log_warn(fs->env->log, "a mount ends while %u of its inodes are still referred to", fs->inode_nr);
	ASSERTF(fs->inode_nr == 0, "dfs: inodes are still referred to at umount");
	mem_free(mem, fs->table);
	mem_free(mem, fs->heard);
	mem_free(mem, fs->guesses);
	lock_session_drop(&fs->locks, &fs->held);
	lock_table_fini(&fs->locks);
	if (cont_close(fs->cont) != 0)
		cont_put(fs->cont);
	mem_free(mem, fs);
}

static int
fs_new(struct cont *cont, uint32_t flags, const struct dfs_super_record *super, struct fs **result)
{
	struct client *client = cont_client(cont);
	struct fs *fs = MEM_NEW(client_mem(client), struct fs);
	int rc;

	if (fs == NULL)
		return -DER_NOMEM;
	fs->mem = client_mem(client);
	fs->table = MEM_NEW_ARRAY(fs->mem, struct list, TABLE_FIRST);
	fs->heard = MEM_NEW_ARRAY(fs->mem, uint64_t, FS_HEARD_MAX);
	fs->guesses = MEM_NEW_ARRAY(fs->mem, struct fs_guess, FS_GUESS_NR);
	rc = fs->table != NULL && fs->heard != NULL && fs->guesses != NULL ? cont_clone(cont, &fs->cont) : -DER_NOMEM;
	if (rc != 0) {
		mem_free(fs->mem, fs->guesses);
		mem_free(fs->mem, fs->heard);
		mem_free(fs->mem, fs->table);
		mem_free(fs->mem, fs);
		return rc;
	}
	fs->table_size = TABLE_FIRST;
	for (uint32_t i = 0; i < TABLE_FIRST; i++)
		list_init(&fs->table[i]);
	fs->client = client;
	fs->env = client_env(client);
	fs->flags = flags;
	fs->readonly = (flags & FS_RDONLY) != 0 || !cont_writable(cont) || le64toh(super->features_ro) != 0;
	ult_mutex_init(&fs->ino_mutex);
	ult_mutex_init(&fs->rename_mutex);
	ult_cond_init(&fs->renew_cond);
	ult_mutex_init(&fs->renewing);
	ult_rwlock_init(&fs->lock_mode);
	list_init(&fs->lock_waits);
	list_init(&fs->leaving);
	ult_cond_init(&fs->left);
	list_init(&fs->lock_questions);
	lock_table_init(&fs->locks, fs->mem, env_rand(client_env(client)), NULL, NULL);
	lock_session_init(&fs->locks, &fs->held);
	fs->format = (struct fs_format){.chunk_size = le64toh(super->chunk_size), .file_class = le32toh(super->file_class),
					.dir_class = le32toh(super->dir_class), .mode = le32toh(super->mode)};
	memcpy(fs->format.hints, super->hints, sizeof(fs->format.hints));
	fs->format.hints[sizeof(fs->format.hints) - 1] = 0;
	fs->root_oid = (daos_obj_id_t){.lo = DFS_LO_ROOT, .hi = le64toh(super->root_hi)};
	*result = fs;
	return 0;
}

int
fs_mount(struct cont *cont, uint32_t flags, struct fs **result)
{
	struct dfs_super_record super;
	struct fs_record record;
	struct fs *fs;
	int rc;

	rc = super_read(cont, &super);
	if (rc == 0)
		rc = fs_new(cont, flags, &super, &fs);
	if (rc != 0)
		return fs__errno(rc);
	rc = choose_classes(fs);
	if (rc == 0)
		rc = object_open(fs->cont, (daos_obj_id_t){.lo = DFS_LO_ORPHANS, .hi = le64toh(super.orphans_hi)}, open_mode(cont), &fs->orphans);
	if (rc == 0)
		rc = fs__inode_of(fs, fs->root_oid, S_IFDIR, &fs->root);
	if (rc == 0)
		rc = fs__record_load(fs->root, NULL, &record);
	if (rc == ENOENT)
		rc = EIO; /* a superblock without its root */
	if (rc == 0)
		rc = fs__session_begin(fs);
	if (rc != 0) {
		fs_free(fs);
		return fs__errno(rc);
	}
	if (!fs->readonly && fs->sessions == 1)
		fs__orphan_sweep(fs, false);
	*result = fs;
	return 0;
}

int
fs_umount(struct fs *fs)
{
	if (!fs->readonly)
		fs__orphan_sweep(fs, true);
	fs__session_end(fs);
	fs_free(fs);
	return 0;
}

struct cont *
fs_cont(const struct fs *fs)
{
	return fs->cont;
}

int
fs_statfs(struct fs *fs, struct statvfs *st)
{
	enum { BLOCK = 4096, INODE_BYTES = 1024 };
	struct pool_info info;
	int rc = pool_query(cont_pool(fs->cont), &info);

	if (rc != 0)
		return fs__errno(rc);
	memset(st, 0, sizeof(*st));
	st->f_bsize = st->f_frsize = BLOCK;
	st->f_blocks = (info.space[1].total != 0 ? info.space[1].total : info.space[0].total) / BLOCK;
	st->f_bfree = st->f_bavail = (info.space[1].total != 0 ? info.space[1].free : info.space[0].free) / BLOCK;
	st->f_files = info.space[0].total / INODE_BYTES; /* as many as the heap could hold */
	st->f_ffree = st->f_favail = info.space[0].free / INODE_BYTES;
	st->f_namemax = FS_NAME_MAX;
	memcpy(&st->f_fsid, cont_uuid(fs->cont), sizeof(st->f_fsid));
	return 0;
}
