/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bio/raw: the blob store of a raw device: a block device, or a file, that is used whole.
 *
 *	block 0, 1          the device's header, twice
 *	table A, table B    copies of the blob table
 *	blobs               extents; the first of a blob begins with the blob's header
 *
 * Creating: zeros for a WAL, the header, then the table with the new entry: durable in this order, so that an entry always
 * names a finished blob. Destroying: the table without it. A change goes to one copy, then to the other, so that always one is
 * whole: of two whole ones the higher generation counts. A crash in the middle leaves the table before or after; one
 * damaged copy later on loses nothing.
 *
 *	raw I1  Extents of entries do not overlap, and lie between first and the end of the device.
 *	raw I2  The table in memory is the one on the medium, or the operation that changed it failed and set it back.
 *
 * The table is small and rarely changed: one change at a time, the next caller waits (a ULT yields).
 */
#include "bio_private.h"
#include "pure/csum/csum.h"

#define TABLE_BYTES sizeof(struct bio_table)
#define ZERO_CHUNK (1 * MIB)

static void
lock(struct bio_dev *dev)
{
	while (atomic_flag_test_and_set_explicit(&dev->busy, memory_order_acquire))
		if (ult_self() != NULL)
			ult_yield();
}

static void
unlock(struct bio_dev *dev)
{
	atomic_flag_clear_explicit(&dev->busy, memory_order_release);
}

/* ---- the table -------------------------------------------------------------------------------------------------------- */

static int
table_write(struct bio_dev *dev)
{
	struct bio_table *table = dev->table;
	int rc = 0;

	table->generation++;
	bio__head_seal(&table->head, BIO_TABLE_MAGIC, TABLE_BYTES);
#ifdef PLANTED_ONE_TABLE_COPY
	return bio__disk_io(dev->bio, dev->disk, ENV_IO_WRITE, ENV_IO_DSYNC, dev->table_off[0], table, TABLE_BYTES);
#endif
	for (uint32_t i = 0; i < 2 && rc == 0; i++)
		rc = bio__disk_io(dev->bio, dev->disk, ENV_IO_WRITE, ENV_IO_DSYNC, dev->table_off[dev->first_copy ^ i], table,
				  TABLE_BYTES);
	if (rc == 0)
		dev->first_copy = 0;
	return rc;
}

static bool
overlaps(const struct bio_extent *a, const struct bio_extent *b)
{
	return a->off < b->off + b->len && b->off < a->off + a->len;
}

static bool
extent_valid(const struct bio_dev *dev, const struct bio_extent *e)
{
	return e->off % BIO_BLOCK == 0 && e->len % BIO_BLOCK == 0 && e->len != 0 && e->off >= dev->first &&
	       e->off <= dev->size && e->len <= dev->size - e->off;
}

/* raw I1, of a table that came from disk. */
static bool
table_valid(const struct bio_dev *dev)
{
	const struct bio_entry *entries = dev->table->entry;

	for (uint32_t i = 0; i < BIO_TABLE_BLOBS; i++) {
		uint64_t bytes = 0;

		if (entries[i].extents > BIO_EXTENTS)
			return false;
		for (uint32_t e = 0; e < entries[i].extents; e++) {
			if (!extent_valid(dev, &entries[i].extent[e]))
				return false;
			bytes += entries[i].extent[e].len;
		}
		if (entries[i].extents != 0 && (entries[i].size > bytes || entries[i].size + BIO_BLOCK > bytes))
			return false;
	}
	for (uint32_t i = 0; i < BIO_TABLE_BLOBS; i++)
		for (uint32_t j = 0; j <= i && entries[i].extents != 0; j++)
			for (uint32_t a = 0; a < entries[i].extents; a++)
				for (uint32_t b = 0; b < (i == j ? a : entries[j].extents); b++)
					if (overlaps(&entries[i].extent[a], &entries[j].extent[b]))
						return false;
	return true;
}

static int
table_read(struct bio_dev *dev)
{
	struct bio *bio = dev->bio;
	struct bio_table *copy = mem_alloc_aligned(bio->env->mem, TABLE_BYTES, BIO_BLOCK);
	bool found = false;
	int rc = 0;

	if (copy == NULL)
		return -DER_NOMEM;
	for (int i = 0; i < 2 && rc == 0; i++) {
		rc = bio__disk_io(bio, dev->disk, ENV_IO_READ, 0, dev->table_off[i], copy, TABLE_BYTES);
		if (rc != 0 || copy->head.magic != BIO_TABLE_MAGIC || uuid_compare(copy->dev, dev->uuid) != 0)
			continue;
		/* A torn copy is what a crash leaves; the other one is whole then. */
		if (bio__head_check(bio, &copy->head, BIO_TABLE_MAGIC, TABLE_BYTES, "blob table", dev->path) != 0)
			continue;
		/* The copy that is not used is written first: the whole one must not be torn before there is another. */
		if (!found || copy->generation > dev->table->generation) {
			memcpy(dev->table, copy, TABLE_BYTES);
			dev->first_copy = 1 - i;
		}
		found = true;
	}
	mem_free(bio->env->mem, copy);
	if (rc == 0 && (!found || !table_valid(dev))) {
		log_error(bio->env->log, "%s: %s", dev->path, found ? "the blob table contradicts itself" :
			  "no copy of the blob table is whole");
		rc = -DER_DF_INVAL;
	}
	return rc;
}

/* ---- the device ---------------------------------------------------------------------------------------------------------- */

static void
geometry(struct bio_dev *dev)
{
	dev->table_off[0] = 2 * BIO_BLOCK;
	dev->table_off[1] = dev->table_off[0] + TABLE_BYTES;
	dev->first = ALIGN_UP(dev->table_off[1] + TABLE_BYTES, MIB);
}

static int
raw_format(struct bio *bio, struct bio_dev *dev, struct bio_dev_head *head)
{
	uint64_t random[2] = { env_rand(bio->env), env_rand(bio->env) };
	int rc;

	memset(head, 0, sizeof(*head));
	memcpy(dev->uuid, random, sizeof(dev->uuid));
	dev->uuid[6] = (uint8_t)((dev->uuid[6] & 0x0f) | 0x40);
	dev->uuid[8] = (uint8_t)((dev->uuid[8] & 0x3f) | 0x80);
	memset(dev->table, 0, TABLE_BYTES);
	uuid_copy(dev->table->dev, dev->uuid);
	rc = table_write(dev);
	uuid_copy(head->uuid, dev->uuid);
	head->raw = 1;
	head->roles = dev->roles;
	head->size = dev->size;
	memcpy(head->table, dev->table_off, sizeof(head->table));
	head->table_bytes = TABLE_BYTES;
	head->first = dev->first;
	bio__head_seal(&head->head, BIO_DEV_MAGIC, sizeof(*head));
	for (uint32_t i = 0; i < 2 && rc == 0; i++)
		rc = bio__disk_io(bio, dev->disk, ENV_IO_WRITE, ENV_IO_DSYNC, (1 - i) * BIO_BLOCK, head, sizeof(*head));
	return rc;
}

static bool
all_zero(const void *data, size_t len)
{
	const char *p = data;

	return len == 0 || (p[0] == 0 && memcmp(p, p + 1, len - 1) == 0);
}

/* The header from the first of its two places that is whole. -DER_UNINIT: neither was ever written. */
static int
raw_head(struct bio *bio, struct bio_dev *dev, struct bio_dev_head *head)
{
	bool unused = true;
	int rc = 0, bad = 0;

	for (uint32_t i = 0; i < 2; i++) {
		rc = bio__disk_io(bio, dev->disk, ENV_IO_READ, 0, i * BIO_BLOCK, head, sizeof(*head));
		if (rc != 0)
			return rc;
		if (all_zero(head, sizeof(*head)))
			continue;
		unused = false;
		bad = bio__head_check(bio, &head->head, BIO_DEV_MAGIC, sizeof(*head), "device header", dev->path);
		if (bad == 0)
			break;
	}
	if (unused)
		return -DER_UNINIT;
	if (bad != 0)
		return bad;
	if (head->raw != 1 || head->size > dev->size || head->table[0] != dev->table_off[0] ||
	    head->table[1] != dev->table_off[1] || head->table_bytes != TABLE_BYTES || head->first != dev->first) {
		log_error(bio->env->log, "%s: the device header describes another device (%lu bytes, this one has %lu)",
			  dev->path, head->size, dev->size);
		return -DER_DF_INVAL;
	}
	uuid_copy(dev->uuid, head->uuid);
	dev->size = head->size;
	return table_read(dev);
}

int
bio__raw_open(struct bio *bio, struct bio_dev *dev, bool format)
{
	struct env *env = bio->env;
	struct bio_dev_head *head;
	struct env_disk_info info;
	int rc;

	rc = bio__disk_open(bio, dev->path, &dev->disk);
	if (rc != 0) {
		dev->disk = NULL;
		log_error(env->log, "%s: cannot be opened: " RCF, dev->path, RCP(rc));
		return rc;
	}
	env->ops->disk.info(dev->disk, &info);
	dev->size = ALIGN_DOWN(info.size, (uint64_t)BIO_BLOCK);
	geometry(dev);
	if (dev->size < dev->first + MIB || BIO_BLOCK % info.block_size != 0) {
		log_error(env->log, "%s: %lu bytes are too few for a device", dev->path, info.size);
		return -DER_NOSPACE;
	}
	dev->table = mem_alloc_aligned(env->mem, TABLE_BYTES, BIO_BLOCK);
	head = mem_alloc_aligned(env->mem, sizeof(*head), BIO_BLOCK);
	rc = dev->table == NULL || head == NULL ? -DER_NOMEM : raw_head(bio, dev, head);
	if (rc == -DER_UNINIT && format)
		rc = raw_format(bio, dev, head);
	else if (rc == -DER_UNINIT)
		log_error(env->log, "%s: never used by this system: it must be formatted first", dev->path);
	mem_free(env->mem, head);
	return rc;
}

void
bio__raw_close(struct bio_dev *dev)
{
	if (dev->disk != NULL)
		dev->bio->env->ops->disk.close(dev->disk);
	mem_free(dev->bio->env->mem, dev->table);
}

void
bio__raw_space(struct bio_dev *dev, uint64_t *total, uint64_t *free)
{
	*total = *free = dev->size - dev->first;
	lock(dev);
	for (uint32_t i = 0; i < BIO_TABLE_BLOBS; i++)
		for (uint32_t e = 0; e < dev->table->entry[i].extents; e++)
			*free -= dev->table->entry[i].extent[e].len;
	unlock(dev);
}

/* ---- blobs ------------------------------------------------------------------------------------------------------------------ */

static struct bio_entry *
entry_find(struct bio_dev *dev, const struct bio_blob_id *id)
{
	for (uint32_t i = 0; i < BIO_TABLE_BLOBS; i++) {
		struct bio_entry *e = &dev->table->entry[i];

		if (e->extents != 0 && e->tgt == id->tgt && e->kind == id->kind && uuid_compare(e->pool, id->pool) == 0)
			return e;
	}
	return NULL;
}

static struct bio_entry *
entry_unused(struct bio_dev *dev)
{
	for (uint32_t i = 0; i < BIO_TABLE_BLOBS; i++)
		if (dev->table->entry[i].extents == 0)
			return &dev->table->entry[i];
	return NULL;
}

/* The first free gap at or after *off, and its length; 0: no more. */
static uint64_t
gap(const struct bio_dev *dev, uint64_t *off)
{
	uint64_t next = dev->size;
	bool moved = true;

	while (moved) {
		moved = false;
		for (uint32_t i = 0; i < BIO_TABLE_BLOBS; i++) {
			for (uint32_t e = 0; e < dev->table->entry[i].extents; e++) {
				const struct bio_extent *x = &dev->table->entry[i].extent[e];

				if (x->off <= *off && x->off + x->len > *off) {
					*off = x->off + x->len;
					moved = true;
				}
			}
		}
	}
	for (uint32_t i = 0; i < BIO_TABLE_BLOBS; i++)
		for (uint32_t e = 0; e < dev->table->entry[i].extents; e++)
			if (dev->table->entry[i].extent[e].off > *off)
				next = MIN(next, dev->table->entry[i].extent[e].off);
	return next - *off;
}

/* Finds len bytes: in one piece if there is one, else the gaps in order. */
static int
find_space(struct bio_dev *dev, uint64_t len, struct bio_entry *entry)
{
	uint64_t off, size, rest = len;

	for (off = dev->first; (size = gap(dev, &off)) != 0; off += size) {
		if (size >= len) {
			entry->extent[0] = (struct bio_extent){ off, len };
			entry->extents = 1;
			return 0;
		}
	}
	entry->extents = 0;
	for (off = dev->first; rest != 0 && (size = gap(dev, &off)) != 0; off += size) {
		if (entry->extents == BIO_EXTENTS)
			break;
		/* The header block and a usable one at least. */
		if (entry->extents == 0 && size < 2 * BIO_BLOCK)
			continue;
		entry->extent[entry->extents++] = (struct bio_extent){ off, MIN(size, rest) };
		rest -= MIN(size, rest);
	}
	return rest == 0 ? 0 : -DER_NOSPACE;
}

static int
zero_extents(struct bio_dev *dev, const struct bio_entry *entry)
{
	void *zeros = mem_alloc_aligned(dev->bio->env->mem, ZERO_CHUNK, BIO_BLOCK);
	int rc = 0;

	if (zeros == NULL)
		return -DER_NOMEM;
	memset(zeros, 0, ZERO_CHUNK);
	for (uint32_t e = 0; e < entry->extents; e++) {
		const struct bio_extent *x = &entry->extent[e];

		for (uint64_t at = 0; at < x->len && rc == 0; at += ZERO_CHUNK)
			rc = bio__disk_io(dev->bio, dev->disk, ENV_IO_WRITE, 0, x->off + at, zeros,
					  MIN(x->len - at, (uint64_t)ZERO_CHUNK));
	}
	if (rc == 0)
		rc = bio__disk_io(dev->bio, dev->disk, ENV_IO_FLUSH, 0, 0, NULL, 0);
	mem_free(dev->bio->env->mem, zeros);
	return rc;
}

static int
create_locked(struct bio_dev *dev, const struct bio_blob_id *id, uint64_t size, struct bio_blob_head *head)
{
	struct bio_entry entry = { .tgt = id->tgt, .kind = (uint16_t)id->kind, .size = size }, *place;
	int rc;

	if (entry_find(dev, id) != NULL)
		return -DER_EXIST;
	place = entry_unused(dev);
	if (place == NULL)
		return -DER_NOSPACE;
	uuid_copy(entry.pool, id->pool);
	rc = find_space(dev, size + BIO_BLOCK, &entry);
	if (rc == 0 && id->kind == BIO_WAL)
		rc = zero_extents(dev, &entry);
	bio__blob_head(dev, id, size, head);
	if (rc == 0)
		rc = bio__disk_io(dev->bio, dev->disk, ENV_IO_WRITE, ENV_IO_DSYNC, entry.extent[0].off, head, sizeof(*head));
	if (rc != 0)
		return rc;
	*place = entry;
	rc = table_write(dev);
	if (rc != 0)
		memset(place, 0, sizeof(*place));
	return rc;
}

int
bio__raw_create(struct bio_dev *dev, const struct bio_blob_id *id, uint64_t size)
{
	struct bio_blob_head *head = mem_alloc_aligned(dev->bio->env->mem, sizeof(*head), BIO_BLOCK);
	int rc;

	if (head == NULL)
		return -DER_NOMEM;
	lock(dev);
	rc = create_locked(dev, id, size, head);
	unlock(dev);
	mem_free(dev->bio->env->mem, head);
	if (rc != 0)
		log_error(dev->bio->env->log, "%s: cannot create a blob of %lu bytes: " RCF, dev->path, size, RCP(rc));
	return rc;
}

static bool
is_open(const struct bio_dev *dev, uint32_t entry)
{
	return (dev->open_map[entry / 64] >> (entry % 64) & 1) != 0;
}

int
bio__raw_destroy(struct bio_dev *dev, const struct bio_blob_id *id)
{
	struct bio_entry *entry, old;
	int rc;

	lock(dev);
	entry = entry_find(dev, id);
	rc = entry == NULL ? -DER_NONEXIST : is_open(dev, (uint32_t)(entry - dev->table->entry)) ? -DER_BUSY : 0;
	if (rc == 0) {
		old = *entry;
		memset(entry, 0, sizeof(*entry));
		rc = table_write(dev);
		if (rc != 0)
			*entry = old;
	}
	unlock(dev);
	return rc;
}

int
bio__raw_find(struct bio_dev *dev, struct bio_blob *blob)
{
	struct bio_entry *entry;
	uint32_t index;
	int rc = 0;

	lock(dev);
	entry = entry_find(dev, &blob->id);
	index = entry != NULL ? (uint32_t)(entry - dev->table->entry) : 0;
	if (entry == NULL) {
		rc = -DER_NONEXIST;
	} else if (is_open(dev, index)) {
		rc = -DER_BUSY;
	} else {
		dev->open_map[index / 64] |= 1ULL << (index % 64);
		blob->entry = (int)index;
		blob->disk = dev->disk;
		blob->extents = entry->extents;
		memcpy(blob->extent, entry->extent, sizeof(blob->extent));
		blob->extent[0].off += BIO_BLOCK;
		blob->extent[0].len -= BIO_BLOCK;
	}
	unlock(dev);
	return rc;
}

void
bio__raw_release(struct bio_dev *dev, struct bio_blob *blob)
{
	lock(dev);
	dev->open_map[blob->entry / 64] &= ~(1ULL << (blob->entry % 64));
	unlock(dev);
}
