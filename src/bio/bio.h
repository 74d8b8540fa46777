/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bio: block I/O. The devices of one engine, the blobs of pool shards on them, and the descriptors that move the data
 * of one update or fetch. A device is a directory with one file a blob (the default), or a raw block device with a small
 * blob store. Every blob belongs to one stream: all calls on it come from that stream.
 */
#ifndef BIO_BIO_H
#define BIO_BIO_H

#include "base/base.h"
#include "env/env.h"
#include "ult/ult.h"
#include <uuid/uuid.h>

#define BIO_BLOCK 4096U /* bytes: the unit of all offsets and lengths on a blob */

struct bio;      /* the block devices of one engine */
struct bio_dev;  /* one of them */
struct bio_blob; /* an open blob */

/* ---- devices ----------------------------------------------------------------------------------------------------- */
enum bio_dev_state { BIO_DEV_NORMAL, BIO_DEV_NEW, BIO_DEV_FAULTY, BIO_DEV_UNPLUGGED };

struct bio_dev_config {
	const char *path;  /* a directory, or a block device or file that is used whole as a raw device */
	bool raw;
	uint32_t roles;    /* bits of 1 << enum bio_blob_kind; 0: all */
};
#define BIO_DEV_MAX 64

/**
 * What must be done when a device turns faulty, comes back, or reports an error: registered by the engine. Called from
 * the scheduler of the stream that met it (io_error) or by the caller of the function that changed the state; must not yield.
 */
struct bio_reactions {
	void (*faulty)(void *arg, const uuid_t dev);
	void (*rejoined)(void *arg, const uuid_t dev);
	void (*io_error)(void *arg, const uuid_t dev, int tgt, int rc);
};

/*
 * Blocking, here and below: called from a ULT it YIELDS while blocks are read and written, called from outside of any
 * stream it waits for them; files are opened and made on the spot.
 */
/**
 * Opens the devices; formats those that were never used when format is true, else -DER_UNINIT names the path in the log. With nr 0 it
 * only hands out buffers and descriptors (class ram).
 */
int bio_open(struct env *env, const struct bio_dev_config *devs, int nr, bool format, struct bio **bio); /* blocking */
void bio_close(struct bio *bio);
void bio_set_reactions(struct bio *bio, const struct bio_reactions *reactions, void *arg);
/**
 * The JSON device list that daos_engine -n names ({"subsystems":[{"subsystem":"bdev","config":[...]}]}): hostile bytes.
 * README.md has the methods. *devs with the paths in it is one allocation of mem. -DER_INVAL, -DER_NOMEM, -DER_OVERFLOW.
 */
int bio_config_parse(struct mem *mem, const char *json, size_t len, struct bio_dev_config **devs, int *nr);

struct bio_health {
	uint64_t reads, writes, flushes, bytes_read, bytes_written;
	uint64_t read_errors, write_errors, flush_errors, csum_errors;
	uint64_t slowest_ns;
};
struct bio_dev_info {
	uuid_t uuid;
	char path[256];
	enum bio_dev_state state;
	uint64_t total, free; /* bytes */
	struct bio_health health;
};
int bio_dev_count(const struct bio *bio);
int bio_dev_info(const struct bio *bio, int index, struct bio_dev_info *info);
/** Marks a device faulty by hand; its reactions follow. */
int bio_dev_set_faulty(struct bio *bio, const uuid_t dev);

/* ---- blobs ------------------------------------------------------------------------------------------------------- */
enum bio_blob_kind { BIO_META, BIO_WAL, BIO_DATA };

/** Name of a blob: which pool, which target of this engine, what for. */
struct bio_blob_id {
	uuid_t pool;
	uint32_t tgt;
	enum bio_blob_kind kind;
};

/**
 * Creates a blob of size bytes (a multiple of BIO_BLOCK), durably; WAL blobs are written with zeros. Blocking.
 * -DER_EXIST, -DER_NOSPACE, -DER_IO.
 */
int bio_blob_create(struct bio *bio, const struct bio_blob_id *id, uint64_t size);
/** Durably. -DER_NONEXIST, -DER_BUSY when open. Blocking. */
int bio_blob_destroy(struct bio *bio, const struct bio_blob_id *id);
/** For use on stream xs (its loop carries the completions). Blocking. -DER_NONEXIST, -DER_DF_INVAL, -DER_BUSY. */
int bio_blob_open(struct bio *bio, const struct bio_blob_id *id, struct xs *xs, struct bio_blob **blob);
/** No I/O under way. */
void bio_blob_close(struct bio_blob *blob);
/** Usable bytes. */
uint64_t bio_blob_size(const struct bio_blob *blob);
/** Bytes of the blob did not match their checksum: counts against its device. */
void bio_blob_csum_error(struct bio_blob *blob);

/* ---- I/O on a blob: off and the lengths are multiples of BIO_BLOCK, buffers BIO_BLOCK aligned --------------------------- */
/** YIELDS. 0, -DER_NVME_IO, -DER_NOMEM, -DER_INVAL beyond the end. All bytes or an error. */
int bio_read(struct bio_blob *blob, uint64_t off, const struct iovec *iov, int iov_nr);
/** durable: the write survives a loss of power when it returns 0. YIELDS */
int bio_write(struct bio_blob *blob, uint64_t off, const struct iovec *iov, int iov_nr, bool durable);
/** All completed writes of the blob become durable. After an error their state is unknown. YIELDS */
int bio_flush(struct bio_blob *blob);
/** Tells the device that the bytes are not needed. YIELDS */
int bio_trim(struct bio_blob *blob, uint64_t off, uint64_t len);

/** The same without waiting; the caller owns it until done, which runs in the scheduler of the blob's stream. */
struct bio_io {
	struct env_io io; /* filled by bio; the caller fills the lines below */
	struct bio_blob *blob;
	enum env_io_op op;
	bool durable;
	bool cached;             /* READ: may be answered from the host's memory */
	uint64_t off;
	const struct iovec *iov; /* TRIM: only the lengths count; FLUSH: none */
	int iov_nr;
	void (*done)(struct bio_io *io, int rc);
	void *arg;
	uint64_t started_ns;
	/* bio's own */
	struct xs_msg msg;
	struct iovec *part;    /* iov of the present part when the blob is not one piece */
	uint64_t total, moved; /* bytes in all, and in the parts that are done */
	int rc;
};
void bio_submit(struct bio_io *io);

/** Buffers for I/O, BIO_BLOCK aligned, recycled per stream. NULL when the stream's budget is used up. Content undefined. */
void *bio_buf_get(struct bio *bio, size_t size);
void bio_buf_put(struct bio *bio, void *buf, size_t size);
/** Bytes of buffers that a stream may have at once (256 MiB unless set). */
void bio_buf_set_budget(struct bio *bio, size_t bytes);

/* ---- descriptors: where the bytes of one update or fetch come from and go to ---------------------------------------------- */
enum bio_media { BIO_HEAP, BIO_BLOB, BIO_HOLE };

/** A piece of one value. Heap pieces are staged in buf: umem bytes never leave their transaction by pointer. */
struct bio_piece {
	enum bio_media media;
	uint64_t off;    /* on the data blob in bytes (any alignment on fetch) or heap offset */
	uint64_t len;    /* bytes */
	char *buf;       /* the staging bytes of this piece; NULL for holes */
};

/** A list of pieces for each value of a request, with one staging buffer for all of them. */
struct bio_desc;

/** update: bytes flow to the blob. blob may be NULL when no piece lies on it. */
int bio_desc_create(struct bio *bio, struct bio_blob *blob, bool update, int values, struct bio_desc **desc);
/** Appends a piece to value v. The piece array may move: use bio_desc_pieces after the last one. */
int bio_desc_add(struct bio_desc *desc, int v, enum bio_media media, uint64_t off, uint64_t len);
struct bio_piece *bio_desc_pieces(struct bio_desc *desc, int v, int *nr);
/**
 * Gets the staging buffers: buf of each piece is set. For a fetch it also reads the blob's pieces. YIELDS
 * -DER_NOMEM, -DER_NVME_IO
 */
int bio_desc_prepare(struct bio_desc *desc);
/**
 * For an update, instead of copying into its pieces: true when it is one piece in whole blocks and data, BIO_BLOCK aligned, has all its len
 * bytes. They stay the caller's, who neither changes nor frees them before the descriptor is freed.
 */
bool bio_desc_lend(struct bio_desc *desc, void *data, size_t len);
/** For an update: writes the staged blob pieces (tail blocks padded with zeros), durable: survive a power loss. YIELDS */
int bio_desc_post(struct bio_desc *desc, bool durable);
void bio_desc_free(struct bio_desc *desc);

#endif
