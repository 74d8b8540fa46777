/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pure/csum: checksums over ISA-L and xxHash (see csum.h).
 *
 * Invariants
 *  I1  A value depends on the bytes alone, not on how they are cut into updates or buffers.
 *  I2  csum.state holds the value that the bytes so far have.
 */
#include <daos_prop.h>
#include <endian.h>
#include <isa-l/crc.h>
#include <isa-l/crc64.h>
#include <isa-l/igzip_lib.h>
#include <xxhash.h>
#include "base/sg.h"
#include "pure/csum/csum.h"

#define SAME_NUMBER(name) _Static_assert((int)CSUM_##name == (int)DAOS_PROP_CO_CSUM_##name, "number of " #name)
SAME_NUMBER(OFF);
SAME_NUMBER(CRC16);
SAME_NUMBER(CRC32);
SAME_NUMBER(CRC64);
SAME_NUMBER(SHA1);
SAME_NUMBER(SHA256);
SAME_NUMBER(SHA512);
SAME_NUMBER(ADLER32);

static const struct {
	uint8_t size;
	uint64_t first; /* the value of no bytes */
} kinds[CSUM_TYPE_NR] = {
	[CSUM_CRC16] = {2, 0xffff},
	[CSUM_CRC32] = {4, 0},
	[CSUM_CRC64] = {8, 0},
	[CSUM_ADLER32] = {4, 1},
};

size_t
csum_size(enum csum_type type)
{
	return type < CSUM_TYPE_NR ? kinds[type].size : 0;
}

bool
csum_is_supported(uint64_t type)
{
	return type == CSUM_OFF || (type < CSUM_TYPE_NR && kinds[type].size > 0);
}

int
csum_init(struct csum *csum, enum csum_type type)
{
	if (type >= CSUM_TYPE_NR)
		return -DER_INVAL;
	if (!csum_is_supported(type))
		return -DER_NOTSUPPORTED;
	*csum = (struct csum){.type = type, .state = kinds[type].first};
	return 0;
}

uint32_t
csum_crc32c(uint32_t crc, const void *data, size_t len)
{
	const unsigned char *at = data;

	/* The library takes the length as an int, and leaves the customary inversion to its caller. */
	crc = ~crc;
	while (len > 0) {
		int piece = (int)MIN(len, (size_t)1 << 30);

		crc = crc32_iscsi((unsigned char *)at, piece, crc);
		at += piece;
		len -= (size_t)piece;
	}
	return ~crc;
}

uint64_t
csum_xxh64(const void *data, size_t len, uint64_t seed)
{
	return XXH64(data, len, seed);
}

void
csum_update(struct csum *csum, const void *data, size_t len)
{
	if (len == 0)
		return;
	switch (csum->type) {
	case CSUM_CRC16:
		csum->state = crc16_t10dif((uint16_t)csum->state, data, len);
		break;
	case CSUM_CRC32:
		csum->state = csum_crc32c((uint32_t)csum->state, data, len);
		break;
	case CSUM_CRC64:
		csum->state = crc64_ecma_refl(csum->state, data, len);
		break;
	case CSUM_ADLER32:
		csum->state = isal_adler32((uint32_t)csum->state, data, len);
		break;
	default:
		break;
	}
}

uint64_t
csum_value(const struct csum *csum)
{
	return csum->state;
}

void
csum_store(enum csum_type type, uint64_t value, void *out)
{
	value = htole64(value);
	memcpy(out, &value, csum_size(type));
}

uint64_t
csum_load(enum csum_type type, const void *in)
{
	uint64_t value = 0;

	memcpy(&value, in, csum_size(type));
	return le64toh(value);
}

uint64_t
csum_chunk_bytes(uint64_t chunk_size, uint64_t rec_size)
{
	if (rec_size == 0)
		return MAX(chunk_size, (uint64_t)1);
	return MAX(chunk_size - chunk_size % rec_size, rec_size);
}

uint64_t
csum_chunk_nr(uint64_t start, uint64_t len, uint64_t chunk)
{
	ASSERT(chunk > 0);
	return len > 0 ? (start + (len - 1)) / chunk - start / chunk + 1 : 0;
}

/* The value of the next len bytes under the cursor; false when there are not so many. */
static bool
next_chunk(struct iov_cursor *cursor, enum csum_type type, uint64_t len, uint64_t *value)
{
	struct csum csum = {.type = type, .state = kinds[type].first};
	size_t got;
	void *piece;

	for (; len > 0; len -= got) {
		got = iov_cursor_next(cursor, len, &piece);
		if (got == 0)
			return false;
		csum_update(&csum, piece, got);
	}
	*value = csum.state;
	return true;
}

/* Computes chunk by chunk; stores each value in out, or compares it with stored. */
static int
walk_chunks(enum csum_type type, uint64_t chunk, uint64_t start, const struct iovec *iov, int nr, size_t off, size_t len,
	    uint8_t *out, const uint8_t *stored, uint64_t *bad)
{
	struct iov_cursor cursor;
	struct csum check;
	int rc = csum_init(&check, type);

	ASSERT(chunk > 0);
	if (rc != 0)
		return rc;
	iov_cursor_init(&cursor, iov, nr, off);
	for (uint64_t i = 0; len > 0; i++) {
		uint64_t part = MIN((uint64_t)len, chunk - start % chunk), value;

		if (!next_chunk(&cursor, type, part, &value))
			return -DER_INVAL;
		if (out != NULL) {
			csum_store(type, value, out + i * csum_size(type));
		} else if (value != csum_load(type, stored + i * csum_size(type))) {
			if (bad != NULL)
				*bad = i;
			return -DER_CSUM;
		}
		start += part;
		len -= part;
	}
	return 0;
}

int
csum_chunks(enum csum_type type, uint64_t chunk, uint64_t start, const struct iovec *iov, int nr, size_t off, size_t len,
	    void *out)
{
	return type == CSUM_OFF ? 0 : walk_chunks(type, chunk, start, iov, nr, off, len, out, NULL, NULL);
}

int
csum_verify(enum csum_type type, uint64_t chunk, uint64_t start, const struct iovec *iov, int nr, size_t off, size_t len,
	    const void *stored, uint64_t *bad)
{
	return type == CSUM_OFF ? 0 : walk_chunks(type, chunk, start, iov, nr, off, len, NULL, stored, bad);
}
