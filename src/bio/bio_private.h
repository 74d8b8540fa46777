/* SPDX-License-Identifier: Apache-2.0 */
/* bio: what the files of the room share. */
#ifndef BIO_PRIVATE_H
#define BIO_PRIVATE_H

#include <stdatomic.h>
#include "base/list.h"
#include "bio.h"
#include "bio_format.h"

#define BUF_CLASSES 12 /* 4 KiB << 0 .. 8 MiB */
#define STREAM_MAX 512

struct buf_free {
	struct buf_free *next;
};

/** Buffers of one stream: touched by it alone. */
struct bio_stream {
	_Atomic(struct xs *) xs;
	size_t out, cached; /* bytes handed out, bytes kept */
	struct buf_free *free[BUF_CLASSES];
};

struct health {
	atomic_uint_fast64_t reads, writes, flushes, bytes_read, bytes_written;
	atomic_uint_fast64_t read_errors, write_errors, flush_errors, csum_errors, slowest_ns;
};

struct bio_dev {
	struct bio *bio;
	char *path;
	bool raw;
	uint32_t roles; /* never 0 */
	uuid_t uuid;
	_Atomic int state; /* enum bio_dev_state */
	int lock; /* token of the directory's lock file; -1: none */
	struct health health;
	/* raw */
	struct env_disk *disk;
	uint64_t size, first;
	struct bio_table *table; /* as on the medium */
	atomic_flag busy;        /* the table is being changed */
	uint64_t table_off[2];
	int first_copy;           /* the copy to write first */
	uint64_t open_map[BIO_TABLE_BLOBS / 64]; /* entries that are open */
};

struct bio {
	struct env *env;
	struct bio_dev *devs;
	int dev_nr;
	struct bio_reactions reactions;
	void *reactions_arg;
	size_t budget;
	struct list blobs;      /* open ones, and those being opened */
	atomic_flag blobs_lock; /* of that list: held for a few instructions */
	struct bio_stream *streams; /* STREAM_MAX */
};

struct bio_blob {
	struct list link; /* in bio->blobs */
	struct bio *bio;
	struct bio_dev *dev;
	struct xs *xs;
	struct bio_blob_id id;
	uint64_t size;
	struct env_disk *disk;
	int entry; /* in the table of a raw device; -1: a file of its own */
	int extents;
	struct bio_extent extent[BIO_EXTENTS]; /* the first without the header block */
	uint32_t under_way;
};

/* ---- bio.c: devices ---- */
void bio__head_seal(struct bio_head *head, uint64_t magic, size_t size);
/** 0, -DER_DF_INVAL (with the reason in the log), -DER_DF_INCOMPT. what, path: for the log. */
int bio__head_check(struct bio *bio, struct bio_head *head, uint64_t magic, size_t size, const char *what, const char *path);
/** One operation, waited for: see "Blocking" in bio.h. */
int bio__disk_io(struct bio *bio, struct env_disk *disk, enum env_io_op op, uint32_t flags, uint64_t off, void *buf, size_t len);

/** Opens an existing disk; waits a while for one that a former life holds. Blocking. */
int bio__disk_open(struct bio *bio, const char *path, struct env_disk **disk);

/* ---- io.c ---- */
void bio__dev_error(struct bio_dev *dev, int tgt, enum env_io_op op, int rc);

/* ---- raw.c ---- */
int bio__raw_open(struct bio *bio, struct bio_dev *dev, bool format);
void bio__raw_close(struct bio_dev *dev);
void bio__raw_space(struct bio_dev *dev, uint64_t *total, uint64_t *free);
int bio__raw_create(struct bio_dev *dev, const struct bio_blob_id *id, uint64_t size);
int bio__raw_destroy(struct bio_dev *dev, const struct bio_blob_id *id);
/** Fills disk, entry and extents of blob; the header is still to be read. */
int bio__raw_find(struct bio_dev *dev, struct bio_blob *blob);
void bio__raw_release(struct bio_dev *dev, struct bio_blob *blob);

/* ---- blob.c ---- */
void bio__blob_head(const struct bio_dev *dev, const struct bio_blob_id *id, uint64_t size, struct bio_blob_head *head);

/* ---- buf.c ---- */
int bio__buf_init(struct bio *bio);
void bio__buf_fini(struct bio *bio);

#endif
