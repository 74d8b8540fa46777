/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bio/blob: creating, destroying and opening blobs. In a directory a blob is the file
 * <path>/<pool uuid>/vos-<tgt>.<meta|wal|data>; on a raw device an entry of its table (raw.c). Either way its first block
 * is a header that says whose it is; it is written last, so that a blob without a whole one was never finished.
 *
 *	blob I1  A blob whose header names another pool, target or kind, or another size than it has, is not opened.
 *
 * Which device: the ones that have the kind's role share the targets in turn. An existing blob is found wherever it is.
 */
#include <stdio.h>
#include "bio_private.h"
#include "pure/csum/csum.h"

#define PATH_SIZE 512

static const char *
kind_name(enum bio_blob_kind kind)
{
	return kind == BIO_META ? "meta" : kind == BIO_WAL ? "wal" : "data";
}

static bool
id_valid(const struct bio_blob_id *id)
{
	return id->kind == BIO_META || id->kind == BIO_WAL || id->kind == BIO_DATA;
}

static void
blob_path(const struct bio_dev *dev, const struct bio_blob_id *id, char path[PATH_SIZE], bool dir)
{
	char pool[UUID_STR_LEN];

	uuid_unparse_lower(id->pool, pool);
	if (dir)
		snprintf(path, PATH_SIZE, "%s/%s", dev->path, pool);
	else
		snprintf(path, PATH_SIZE, "%s/%s/vos-%u.%s", dev->path, pool, id->tgt, kind_name(id->kind));
}

/* The nth device to look at for a blob, its own first. NULL: no more. */
static struct bio_dev *
candidate(struct bio *bio, const struct bio_blob_id *id, int nth)
{
	int able = 0;

	for (int i = 0; i < bio->dev_nr; i++)
		able += (bio->devs[i].roles >> id->kind & 1) != 0;
	if (nth >= able)
		return NULL;
	nth = (int)((id->tgt + (unsigned int)nth) % (unsigned int)able);
	for (int i = 0; i < bio->dev_nr; i++)
		if ((bio->devs[i].roles >> id->kind & 1) != 0 && nth-- == 0)
			return &bio->devs[i];
	return NULL;
}

void
bio__blob_head(const struct bio_dev *dev, const struct bio_blob_id *id, uint64_t size, struct bio_blob_head *head)
{
	memset(head, 0, sizeof(*head));
	uuid_copy(head->pool, id->pool);
	uuid_copy(head->dev, dev->uuid);
	head->tgt = id->tgt;
	head->kind = id->kind;
	head->size = size;
	bio__head_seal(&head->head, BIO_BLOB_MAGIC, sizeof(*head));
}

static int
file_create(struct bio_dev *dev, const struct bio_blob_id *id, uint64_t size)
{
	struct env *env = dev->bio->env;
	struct bio_blob_head *head = mem_alloc_aligned(env->mem, sizeof(*head), BIO_BLOCK);
	struct env_disk *disk = NULL;
	char path[PATH_SIZE];
	int rc;

	if (head == NULL)
		return -DER_NOMEM;
	blob_path(dev, id, path, true);
	rc = env->ops->file.mkdir(env, path, 0700);
	blob_path(dev, id, path, false);
	if (rc == 0)
		rc = env->ops->disk.open(env, path, ENV_DISK_CREATE | (id->kind == BIO_WAL ? ENV_DISK_PREWRITE : 0),
					 size + BIO_BLOCK, &disk);
	if (rc == 0) {
		bio__blob_head(dev, id, size, head);
		rc = bio__disk_io(dev->bio, disk, ENV_IO_WRITE, ENV_IO_DSYNC, 0, head, sizeof(*head));
		env->ops->disk.close(disk);
		if (rc != 0)
			env->ops->file.remove(env, path);
	}
	mem_free(env->mem, head);
	if (rc != 0)
		log_error(env->log, "%s: cannot create %lu bytes: " RCF, path, size, RCP(rc));
	return rc;
}

int
bio_blob_create(struct bio *bio, const struct bio_blob_id *id, uint64_t size)
{
	struct bio_dev *dev;

	if (!id_valid(id) || size == 0 || size % BIO_BLOCK != 0 || size > 1ULL << 50)
		return -DER_INVAL;
	for (int i = 0; (dev = candidate(bio, id, i)) != NULL; i++) {
		if (atomic_load(&dev->state) != BIO_DEV_NORMAL)
			continue;
		return dev->raw ? bio__raw_create(dev, id, size) : file_create(dev, id, size);
	}
	log_error(bio->env->log, "no working device for %s blobs", kind_name(id->kind));
	return -DER_NONEXIST;
}

static struct bio_blob *
find_open(struct bio *bio, const struct bio_blob_id *id)
{
	struct bio_blob *blob;

	list_each(blob, &bio->blobs, link)
		if (blob->id.tgt == id->tgt && blob->id.kind == id->kind && uuid_compare(blob->id.pool, id->pool) == 0)
			return blob;
	return NULL;
}

/* Blobs of several streams are in the list. */
static void
lock(struct bio *bio)
{
	while (atomic_flag_test_and_set_explicit(&bio->blobs_lock, memory_order_acquire))
		;
}

static void
unlock(struct bio *bio)
{
	atomic_flag_clear_explicit(&bio->blobs_lock, memory_order_release);
}

static int
file_destroy(struct bio_dev *dev, const struct bio_blob_id *id)
{
	struct env *env = dev->bio->env;
	struct env_disk *disk = NULL;
	char path[PATH_SIZE];
	int rc;

	blob_path(dev, id, path, false);
	/* Whoever has it open holds its lock. */
	rc = bio__disk_open(dev->bio, path, &disk);
	if (rc == -DER_NONEXIST || rc == -DER_BUSY)
		return rc;
	if (rc == 0)
		env->ops->disk.close(disk);
	rc = env->ops->file.remove(env, path);
	if (rc != 0) {
		log_error(env->log, "%s: cannot remove: " RCF, path, RCP(rc));
		return rc;
	}
	blob_path(dev, id, path, true);
	env->ops->file.remove(env, path); /* succeeds with the last blob of the pool */
	return 0;
}

int
bio_blob_destroy(struct bio *bio, const struct bio_blob_id *id)
{
	struct bio_dev *dev;
	int rc = -DER_NONEXIST;
	bool open;

	if (!id_valid(id))
		return -DER_INVAL;
	lock(bio);
	open = find_open(bio, id) != NULL;
	unlock(bio);
	if (open)
		return -DER_BUSY;
	for (int i = 0; (dev = candidate(bio, id, i)) != NULL && rc == -DER_NONEXIST; i++)
		rc = dev->raw ? bio__raw_destroy(dev, id) : file_destroy(dev, id);
	return rc;
}

/* ---- opening ------------------------------------------------------------------------------------------------------------ */

static int
head_read(struct bio_blob *blob, const char *name)
{
	struct bio *bio = blob->dev->bio;
	struct bio_blob_head *head = mem_alloc_aligned(bio->env->mem, sizeof(*head), BIO_BLOCK);
	uint64_t usable = 0;
	int rc;

	if (head == NULL)
		return -DER_NOMEM;
	for (int i = 0; i < blob->extents; i++)
		usable += blob->extent[i].len;
	rc = bio__disk_io(bio, blob->disk, ENV_IO_READ, 0, blob->extent[0].off - BIO_BLOCK, head, sizeof(*head));
	if (rc != 0) {
		log_error(bio->env->log, "%s: cannot read the header: " RCF, name, RCP(rc));
		rc = rc == -DER_NOMEM ? rc : -DER_NVME_IO;
	} else {
		rc = bio__head_check(bio, &head->head, BIO_BLOB_MAGIC, sizeof(*head), "blob header", name);
	}
	if (rc == 0 && (uuid_compare(head->pool, blob->id.pool) != 0 || head->tgt != blob->id.tgt ||
			head->kind != blob->id.kind)) {
		char pool[UUID_STR_LEN];

		uuid_unparse_lower(head->pool, pool);
		log_error(bio->env->log, "%s: this blob belongs to pool %s, target %u, kind %u", name, pool, head->tgt, head->kind);
		rc = -DER_DF_INVAL;
	}
	if (rc == 0 && (head->size == 0 || head->size % BIO_BLOCK != 0 || head->size > usable)) {
		log_error(bio->env->log, "%s: the header says %lu bytes, there are %lu", name, head->size, usable);
		rc = -DER_DF_INVAL;
	}
	if (rc == 0)
		blob->size = head->size;
	mem_free(bio->env->mem, head);
	return rc;
}

static int
file_find(struct bio_dev *dev, struct bio_blob *blob, const char *path)
{
	struct env *env = dev->bio->env;
	struct env_disk_info info;
	int rc;

	rc = bio__disk_open(dev->bio, path, &blob->disk);
	if (rc != 0)
		return rc;
	env->ops->disk.info(blob->disk, &info);
	blob->entry = -1;
	blob->extents = 1;
	blob->extent[0].off = BIO_BLOCK;
	blob->extent[0].len = info.size > BIO_BLOCK ? info.size - BIO_BLOCK : 0;
	if (info.size <= BIO_BLOCK || BIO_BLOCK % info.block_size != 0) {
		log_error(env->log, "%s: %lu bytes in blocks of %u: no blob", path, info.size, info.block_size);
		env->ops->disk.close(blob->disk);
		return -DER_DF_INVAL;
	}
	return 0;
}

static void
release(struct bio_blob *blob)
{
	if (blob->entry >= 0)
		bio__raw_release(blob->dev, blob);
	else
		blob->dev->bio->env->ops->disk.close(blob->disk);
}

/* Out of the list of open ones. */
static void
forget(struct bio_blob *blob)
{
	struct bio *bio = blob->bio;

	lock(bio);
	list_remove(&blob->link);
	unlock(bio);
	mem_free(bio->env->mem, blob);
}

int
bio_blob_open(struct bio *bio, const struct bio_blob_id *id, struct xs *xs, struct bio_blob **result)
{
	struct bio_blob *blob;
	struct bio_dev *dev;
	char name[PATH_SIZE];
	int rc = -DER_NONEXIST;
	bool open;

	if (!id_valid(id))
		return -DER_INVAL;
	blob = MEM_NEW(bio->env->mem, struct bio_blob);
	if (blob == NULL)
		return -DER_NOMEM;
	blob->bio = bio;
	blob->id = *id;
	blob->xs = xs;
	lock(bio);
	open = find_open(bio, id) != NULL;
	if (!open)
		list_append(&bio->blobs, &blob->link);
	unlock(bio);
	if (open) {
		mem_free(bio->env->mem, blob);
		return -DER_BUSY;
	}
	for (int i = 0; (dev = candidate(bio, id, i)) != NULL && rc == -DER_NONEXIST; i++) {
		blob->dev = dev;
		blob_path(dev, id, name, false);
		rc = dev->raw ? bio__raw_find(dev, blob) : file_find(dev, blob, name);
	}
	if (rc == 0) {
		rc = head_read(blob, name);
		if (rc != 0)
			release(blob);
	}
	if (rc != 0)
		forget(blob);
	else
		*result = blob;
	return rc;
}

void
bio_blob_close(struct bio_blob *blob)
{
	ASSERTF(blob->under_way == 0, "a blob closed with I/O under way");
	release(blob);
	forget(blob);
}

uint64_t
bio_blob_size(const struct bio_blob *blob)
{
	return blob->size;
}
