/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pure/csum: checksums of bytes, from the client's buffer to the medium and back. Values are stored and sent: they are
 * frozen. The numbers of the types are those of the container property.
 */
#ifndef PURE_CSUM_H
#define PURE_CSUM_H

#include <sys/uio.h>
#include "base/base.h"

enum csum_type {
	CSUM_OFF = 0,
	CSUM_CRC16 = 1, /* T10 DIF, begun with ones, so that zeros do not check as zero */
	CSUM_CRC32 = 2, /* CRC-32C (Castagnoli), as iSCSI's */
	CSUM_CRC64 = 3, /* ECMA-182 reflected, as XZ's */
	CSUM_SHA1 = 4,  /* the three SHA are not supported */
	CSUM_SHA256 = 5,
	CSUM_SHA512 = 6,
	CSUM_ADLER32 = 7,
	CSUM_TYPE_NR,
};

/** Bytes that a stored value takes at most. */
enum { CSUM_SIZE_MAX = 8 };

/** Bytes of a stored value; 0 for CSUM_OFF and for what is not supported. */
size_t csum_size(enum csum_type type);
/** True for CSUM_OFF and every type that can be computed. Any number may be asked. */
bool csum_is_supported(uint64_t type);

/* ---- of one run of bytes ------------------------------------------------------------------------------------------- */

/** A checksum that is being computed. */
struct csum {
	enum csum_type type;
	uint64_t state;
};

/** -DER_NOTSUPPORTED; -DER_INVAL for a number that is no type. */
int csum_init(struct csum *csum, enum csum_type type);
void csum_update(struct csum *csum, const void *data, size_t len);
/** The value so far, in the low csum_size bytes; updating may go on. */
uint64_t csum_value(const struct csum *csum);
/** Writes a value as csum_size bytes, little-endian; reads it. */
void csum_store(enum csum_type type, uint64_t value, void *out);
uint64_t csum_load(enum csum_type type, const void *in);

/* ---- of chunks ------------------------------------------------------------------------------------------------------ */

/**
 * Data is checked in chunks, so that a part can be read and checked without the rest. Chunk boundaries lie at multiples
 * of chunk bytes from position 0 of the value or array, wherever an extent begins: the first and last chunk of an
 * extent may be shorter.
 */

/** Bytes of a chunk when records of rec_size bytes are not to be cut: chunk_size rounded down to them, at least one. */
uint64_t csum_chunk_bytes(uint64_t chunk_size, uint64_t rec_size);
/** Chunks that the bytes [start, start + len) touch; 0 for none. chunk > 0. */
uint64_t csum_chunk_nr(uint64_t start, uint64_t len, uint64_t chunk);
/**
 * The values of all chunks of len bytes, which lie in iov from off on and at position start of the value, into out, which
 * has room for csum_chunk_nr * csum_size bytes. -DER_NOTSUPPORTED; -DER_INVAL when the list is shorter.
 */
int csum_chunks(enum csum_type type, uint64_t chunk, uint64_t start, const struct iovec *iov, int nr, size_t off, size_t len,
		void *out);
/** Compares with stored values. -DER_CSUM and, unless NULL, the number of the first chunk that differs; else as above. */
int csum_verify(enum csum_type type, uint64_t chunk, uint64_t start, const struct iovec *iov, int nr, size_t off, size_t len,
		const void *stored, uint64_t *bad);

/* ---- shorthands --------------------------------------------------------------------------------------------------- */

/** CRC-32C of data, continuing crc (0 to begin with): csum_crc32c(csum_crc32c(0, a), b) is that of a and b joined. */
uint32_t csum_crc32c(uint32_t crc, const void *data, size_t len);
/** XXH64: a fast hash of bytes (Y. Collet). For lookup, not for integrity. */
uint64_t csum_xxh64(const void *data, size_t len, uint64_t seed);

#endif
