/* SPDX-License-Identifier: Apache-2.0 */
/* bio/format: what lies on a device beside the owners' bytes. Little-endian, frozen by the assertions. README.md explains. */
#ifndef BIO_FORMAT_H
#define BIO_FORMAT_H

#include <stddef.h>
#include <stdint.h>

#define BIO_FORMAT_BLOCK 4096U
#define BIO_FORMAT_VERSION 1U
#define BIO_FORMAT_BYTE_ORDER 0x01020304U

/** What every header starts with. */
struct bio_head {
	uint64_t magic;
	uint32_t version;
	uint32_t byte_order;
	uint64_t compat, ro_compat, incompat; /* feature bits */
	uint32_t crc;                         /* CRC32C of the whole block with this field zero */
	uint32_t reserved;
};
_Static_assert(sizeof(struct bio_head) == 48, "FORMAT: bio_head");
_Static_assert(offsetof(struct bio_head, crc) == 40, "FORMAT: bio_head.crc");

#define BIO_BLOB_MAGIC 0x31626c426f6942ULL /* "BioBlb1" */

/** First block of a blob, before its usable bytes. */
struct bio_blob_head {
	struct bio_head head;
	uint8_t pool[16];
	uint32_t tgt;
	uint32_t kind;
	uint64_t size; /* usable bytes */
	uint8_t dev[16];
	uint8_t reserved[BIO_FORMAT_BLOCK - 96];
};
_Static_assert(sizeof(struct bio_blob_head) == BIO_FORMAT_BLOCK, "FORMAT: bio_blob_head");
_Static_assert(offsetof(struct bio_blob_head, size) == 72, "FORMAT: bio_blob_head.size");

#define BIO_DEV_MAGIC 0x31766544426942ULL

/** Of a directory the file `bio_device`, of a raw device blocks 0 and 1 (the same bytes twice). */
struct bio_dev_head {
	struct bio_head head;
	uint8_t uuid[16];
	uint32_t raw;
	uint32_t roles;
	uint64_t size;        /* raw: bytes of the device */
	uint64_t table[2];    /* raw: where the copies of the blob table lie, bytes */
	uint64_t table_bytes; /* raw: of each copy */
	uint64_t first;       /* raw: where blobs may begin, bytes */
	uint8_t reserved[BIO_FORMAT_BLOCK - 112];
};
_Static_assert(sizeof(struct bio_dev_head) == BIO_FORMAT_BLOCK, "FORMAT: bio_dev_head");
_Static_assert(offsetof(struct bio_dev_head, size) == 72, "FORMAT: bio_dev_head.size");

#define BIO_TABLE_MAGIC 0x316c625462614cULL
#define BIO_TABLE_BLOBS 1024U
#define BIO_EXTENTS 14U

struct bio_extent {
	uint64_t off, len; /* bytes of the device, multiples of a block */
};

/** A blob of a raw device. Its first extent begins with the blob's header. */
struct bio_entry {
	uint8_t pool[16];
	uint32_t tgt;
	uint16_t kind;
	uint16_t extents; /* 0: no blob */
	uint64_t size;
	struct bio_extent extent[BIO_EXTENTS];
};
_Static_assert(sizeof(struct bio_entry) == 256, "FORMAT: bio_entry");

/** The blob table, twice: of whole copies the one with the higher generation counts. */
struct bio_table {
	struct bio_head head; /* crc: of this block and the entries */
	uint64_t generation;
	uint8_t dev[16];
	uint8_t reserved[BIO_FORMAT_BLOCK - 72];
	struct bio_entry entry[BIO_TABLE_BLOBS];
};
_Static_assert(offsetof(struct bio_table, entry) == BIO_FORMAT_BLOCK, "FORMAT: bio_table.entry");
_Static_assert(sizeof(struct bio_table) == BIO_FORMAT_BLOCK + 256 * 1024, "FORMAT: bio_table");

#endif
