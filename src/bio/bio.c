/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bio: devices. A directory is a device that holds its blobs as files; its identity is the file `bio_device` in it, and a
 * lock file keeps a second process out. A raw device is a disk used whole (raw.c). Blobs are in blob.c, I/O in io.c,
 * buffers in buf.c, descriptors in desc.c.
 *
 *	bio I1  A device is used only after its header was read and found whole, ours, and not newer than we are.
 *
 * Blocking calls yield when they come from a ULT. A crash while a device is formatted leaves it unformatted: the header is
 * written last.
 */
#include <stdio.h>
#include "bio_private.h"
#include "pure/csum/csum.h"

#define PATH_SIZE 512
#define PATIENCE_NS (5 * NS_PER_S)
#define PATIENCE_STEP_NS (5 * NS_PER_MS)

/* ---- headers ------------------------------------------------------------------------------------------------------- */

void
bio__head_seal(struct bio_head *head, uint64_t magic, size_t size)
{
	head->magic = magic;
	head->version = BIO_FORMAT_VERSION;
	head->byte_order = BIO_FORMAT_BYTE_ORDER;
	head->crc = 0;
	head->crc = csum_crc32c(0, head, size);
}

int
bio__head_check(struct bio *bio, struct bio_head *head, uint64_t magic, size_t size, const char *what, const char *path)
{
	uint32_t crc = head->crc;
	bool whole;

	if (head->magic != magic || head->byte_order != BIO_FORMAT_BYTE_ORDER) {
		log_error(bio->env->log, "%s: this is no %s of ours (magic %016lx, byte order %08x)", path, what, head->magic,
			  head->byte_order);
		return -DER_DF_INVAL;
	}
	head->crc = 0;
	whole = csum_crc32c(0, head, size) == crc;
	head->crc = crc;
	if (!whole) {
		log_error(bio->env->log, "%s: the %s is damaged: its checksum does not match", path, what);
		return -DER_DF_INVAL;
	}
	if (head->version > BIO_FORMAT_VERSION || head->incompat != 0 || head->ro_compat != 0) {
		log_error(bio->env->log, "%s: the %s has version %u, features %lx/%lx; this program knows version %u: use a "
			  "newer one", path, what, head->version, head->incompat, head->ro_compat, BIO_FORMAT_VERSION);
		return -DER_DF_INCOMPT;
	}
	return 0;
}

/* ---- one operation, waited for ----------------------------------------------------------------------------------------- */

struct waited {
	struct env_io io;
	struct ult_eventual done;
	bool finished;
	int rc;
};

static void
waited_done(struct env_io *io, int rc)
{
	struct waited *w = container_of(io, struct waited, io);

	w->rc = rc;
	w->finished = true;
	ult_eventual_set(&w->done, rc);
}

int
bio__disk_io(struct bio *bio, struct env_disk *disk, enum env_io_op op, uint32_t flags, uint64_t off, void *buf, size_t len)
{
	struct iovec iov = { .iov_base = buf, .iov_len = len };
	struct waited w = { .io = { .disk = disk, .op = op, .flags = flags, .off = off, .len = len, .iov = &iov,
				    .iov_nr = len != 0 ? 1 : 0, .done = waited_done } };
	struct env_loop *loop;
	int rc;

	ult_eventual_init(&w.done);
	if (ult_self() != NULL) {
		bio->env->ops->disk.submit(xs_loop(xs_self()), &w.io);
		return ult_eventual_wait(&w.done);
	}
	rc = bio->env->ops->loop.open(bio->env, &loop);
	if (rc != 0)
		return rc;
	bio->env->ops->disk.submit(loop, &w.io);
	while (!w.finished)
		bio->env->ops->loop.poll(loop, ENV_FOREVER);
	bio->env->ops->loop.close(loop);
	return w.rc;
}

/* ---- opening disks ---------------------------------------------------------------------------------------------------- */

static void
sleep_a_little(struct bio *bio)
{
	uint64_t until = env_mono(bio->env) + PATIENCE_STEP_NS;
	struct env_loop *loop;

	if (ult_self() != NULL) {
		ult_sleep(PATIENCE_STEP_NS);
		return;
	}
	if (bio->env->ops->loop.open(bio->env, &loop) != 0)
		return;
	while (env_mono(bio->env) < until)
		bio->env->ops->loop.poll(loop, until);
	bio->env->ops->loop.close(loop);
}

int
bio__disk_open(struct bio *bio, const char *path, struct env_disk **disk)
{
	uint64_t give_up = env_mono(bio->env) + PATIENCE_NS;
	int rc;

	/*
	 * An engine that was killed keeps its lock until the operations that it had under way have ended: until then they may
	 * still reach the medium, and what is read now may change.
	 */
	for (;;) {
		rc = bio->env->ops->disk.open(bio->env, path, 0, 0, disk);
		if (rc != -DER_BUSY || env_mono(bio->env) >= give_up)
			return rc;
		env_sometimes(bio->env, "bio: waits for the last life's operations");
		sleep_a_little(bio);
	}
}

/* ---- directories --------------------------------------------------------------------------------------------------------- */

static int
dir_format(struct bio *bio, struct bio_dev *dev, const char *file)
{
	struct bio_dev_head *head = mem_alloc_aligned(bio->env->mem, sizeof(*head), 64);
	uint64_t random[2] = { env_rand(bio->env), env_rand(bio->env) };
	int rc;

	if (head == NULL)
		return -DER_NOMEM;
	memset(head, 0, sizeof(*head));
	memcpy(head->uuid, random, sizeof(head->uuid));
	head->uuid[6] = (uint8_t)((head->uuid[6] & 0x0f) | 0x40); /* version 4, variant 1 */
	head->uuid[8] = (uint8_t)((head->uuid[8] & 0x3f) | 0x80);
	head->roles = dev->roles;
	bio__head_seal(&head->head, BIO_DEV_MAGIC, sizeof(*head));
	uuid_copy(dev->uuid, head->uuid);
	rc = bio->env->ops->file.write(bio->env, file, head, sizeof(*head), 0600);
	mem_free(bio->env->mem, head);
	return rc;
}

static int
dir_read(struct bio *bio, struct bio_dev *dev, const char *file)
{
	struct bio_dev_head *head;
	size_t len = 0;
	char *data = NULL;
	int rc;

	rc = bio->env->ops->file.read(bio->env, file, sizeof(*head), &data, &len);
	if (rc != 0)
		return rc;
	head = (struct bio_dev_head *)data;
	if (len != sizeof(*head)) {
		log_error(bio->env->log, "%s: %zu bytes, expected %zu", file, len, sizeof(*head));
		rc = -DER_DF_INVAL;
	} else {
		rc = bio__head_check(bio, &head->head, BIO_DEV_MAGIC, sizeof(*head), "device header", file);
	}
	if (rc == 0)
		uuid_copy(dev->uuid, head->uuid);
	mem_free(bio->env->mem, data);
	return rc;
}

static int
dir_open(struct bio *bio, struct bio_dev *dev, bool format)
{
	struct env *env = bio->env;
	char file[PATH_SIZE];
	int rc = 0;

	if (format)
		rc = env->ops->file.mkdir(env, dev->path, 0700);
	if (rc != 0)
		return rc;
	snprintf(file, sizeof(file), "%s/bio_lock", dev->path);
	rc = env->ops->file.lock(env, file, &dev->lock);
	if (rc != 0) {
		dev->lock = -1;
		log_error(env->log, "%s: cannot be locked: " RCF "%s", dev->path, RCP(rc),
			  rc == -DER_BUSY ? ": another engine uses this directory" : "");
		return rc == -DER_NONEXIST ? -DER_UNINIT : rc;
	}
	snprintf(file, sizeof(file), "%s/bio_device", dev->path);
	rc = dir_read(bio, dev, file);
	if (rc == -DER_NONEXIST && format)
		rc = dir_format(bio, dev, file);
	if (rc == -DER_NONEXIST) {
		log_error(env->log, "%s: never used by this system: it must be formatted first", dev->path);
		rc = -DER_UNINIT;
	}
	return rc;
}

/* ---- life ---------------------------------------------------------------------------------------------------------------------- */

static int
dev_open(struct bio *bio, struct bio_dev *dev, const struct bio_dev_config *config, bool format)
{
	dev->bio = bio;
	dev->raw = config->raw;
	dev->roles = config->roles != 0 ? config->roles : 1U << BIO_META | 1U << BIO_WAL | 1U << BIO_DATA;
	dev->lock = -1;
	atomic_flag_clear(&dev->busy);
	if (strlen(config->path) > 255 || (dev->roles & ~7U) != 0)
		return -DER_INVAL;
	dev->path = mem_strdup(bio->env->mem, config->path);
	if (dev->path == NULL)
		return -DER_NOMEM;
	return dev->raw ? bio__raw_open(bio, dev, format) : dir_open(bio, dev, format);
}

int
bio_open(struct env *env, const struct bio_dev_config *devs, int nr, bool format, struct bio **result)
{
	struct bio *bio;
	int rc;

	if (nr < 0 || nr > BIO_DEV_MAX)
		return -DER_INVAL;
	bio = MEM_NEW(env->mem, struct bio);
	if (bio == NULL)
		return -DER_NOMEM;
	bio->env = env;
	bio->budget = 256 * MIB;
	list_init(&bio->blobs);
	atomic_flag_clear(&bio->blobs_lock);
	bio->devs = MEM_NEW_ARRAY(env->mem, struct bio_dev, nr);
	rc = bio->devs == NULL ? -DER_NOMEM : bio__buf_init(bio);
	for (int i = 0; i < nr && rc == 0; i++) {
		bio->dev_nr = i + 1;
		rc = dev_open(bio, &bio->devs[i], &devs[i], format);
		for (int j = 0; j < i && rc == 0; j++) {
			if (uuid_compare(bio->devs[j].uuid, bio->devs[i].uuid) == 0) {
				log_error(env->log, "%s and %s are the same device", devs[j].path, devs[i].path);
				rc = -DER_EXIST;
			}
		}
	}
	if (rc != 0)
		bio_close(bio);
	else
		*result = bio;
	return rc;
}

void
bio_close(struct bio *bio)
{
	struct env *env = bio->env;

	for (int i = 0; i < bio->dev_nr; i++) {
		struct bio_dev *dev = &bio->devs[i];

		if (dev->raw)
			bio__raw_close(dev);
		if (dev->lock != -1)
			env->ops->file.unlock(env, dev->lock);
		mem_free(env->mem, dev->path);
	}
	bio__buf_fini(bio);
	mem_free(env->mem, bio->devs);
	mem_free(env->mem, bio);
}

void
bio_set_reactions(struct bio *bio, const struct bio_reactions *reactions, void *arg)
{
	bio->reactions = *reactions;
	bio->reactions_arg = arg;
}

int
bio_dev_count(const struct bio *bio)
{
	return bio->dev_nr;
}

int
bio_dev_info(const struct bio *bio, int index, struct bio_dev_info *info)
{
	struct bio_dev *dev;

	if (index < 0 || index >= bio->dev_nr)
		return -DER_NONEXIST;
	dev = &bio->devs[index];
	memset(info, 0, sizeof(*info));
	uuid_copy(info->uuid, dev->uuid);
	snprintf(info->path, sizeof(info->path), "%s", dev->path);
	info->state = (enum bio_dev_state)atomic_load(&dev->state);
#define HEALTH(field) info->health.field = atomic_load_explicit(&dev->health.field, memory_order_relaxed)
	HEALTH(reads);
	HEALTH(writes);
	HEALTH(flushes);
	HEALTH(bytes_read);
	HEALTH(bytes_written);
	HEALTH(read_errors);
	HEALTH(write_errors);
	HEALTH(flush_errors);
	HEALTH(csum_errors);
	HEALTH(slowest_ns);
#undef HEALTH
	if (dev->raw) {
		bio__raw_space(dev, &info->total, &info->free);
		return 0;
	}
	return bio->env->ops->file.space(bio->env, dev->path, &info->free, &info->total);
}

int
bio_dev_set_faulty(struct bio *bio, const uuid_t dev)
{
	for (int i = 0; i < bio->dev_nr; i++) {
		if (uuid_compare(bio->devs[i].uuid, dev) != 0)
			continue;
		if (atomic_exchange(&bio->devs[i].state, BIO_DEV_FAULTY) == BIO_DEV_FAULTY)
			return -DER_ALREADY;
		log_warn(bio->env->log, "%s: marked faulty", bio->devs[i].path);
		if (bio->reactions.faulty != NULL)
			bio->reactions.faulty(bio->reactions_arg, dev);
		return 0;
	}
	return -DER_NONEXIST;
}
