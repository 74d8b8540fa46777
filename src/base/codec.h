/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/codec: values to bytes and back, little-endian, without padding. Both sides keep the first error and go on
 * harmlessly, so that a caller writes down all fields and asks once at the end.
 *
 *   integers   their 1, 2, 4 or 8 bytes         bytes     u32 length, the bytes
 *   bool       one byte, 0 or 1                 string    u32 length with the NUL (0: no string), the bytes, a NUL
 *   uuid       its 16 bytes                     array     u32 count, the elements
 *   section    u32 length, whatever is inside: a reader that knows fewer fields skips the rest
 *
 * The unpacker takes its bytes as hostile: it never reads beyond them, and a count is refused when the bytes that are
 * left could not hold so many elements, before anything is allocated.
 */
#ifndef BASE_CODEC_H
#define BASE_CODEC_H

#include <endian.h>
#include <sys/uio.h>
#include "base/base.h"

/* ---- packer ------------------------------------------------------------------------------------------------------- */

struct packer {
	uint8_t *buf;
	size_t size;     /* room in buf */
	size_t len;      /* bytes packed; goes on counting after an error */
	int rc;          /* the first error */
	bool counting;   /* nothing is stored */
	struct mem *mem; /* not NULL: buf grows, and is the packer's own */
};

/** Packs into size bytes of buf: -DER_TRUNC beyond, and packer_len says what it would have taken. */
void packer_init(struct packer *packer, void *buf, size_t size);
/** Only counts the bytes. */
void packer_init_count(struct packer *packer);
/** Packs into memory that grows: -DER_NOMEM. */
void packer_init_grow(struct packer *packer, struct mem *mem);
/** Frees the memory of a growing packer that was not taken. */
void packer_fini(struct packer *packer);
/** A growing packer's bytes, which the caller frees with mem_free; the packer is empty again. The first error otherwise. */
int packer_take(struct packer *packer, void **data, size_t *len);

/** 0 or the first error. */
static inline int
packer_rc(const struct packer *packer)
{
	return packer->rc;
}

static inline size_t
packer_len(const struct packer *packer)
{
	return packer->len;
}

/** Sets an error of the caller's own, unless there is one. */
static inline void
packer_fail(struct packer *packer, int rc)
{
	if (packer->rc == 0)
		packer->rc = rc;
}

/** Room for len bytes that the caller fills before the next call; NULL when nothing is to be stored. */
void *packer__room_slow(struct packer *packer, size_t len);

static inline void *
packer_room(struct packer *packer, size_t len)
{
	if (likely(packer->buf != NULL && packer->rc == 0 && len <= packer->size - packer->len)) {
		void *room = packer->buf + packer->len;

		packer->len += len;
		return room;
	}
	return packer__room_slow(packer, len);
}

/** len bytes as they are, without a length. */
static inline void
pack_raw(struct packer *packer, const void *data, size_t len)
{
	void *room = packer_room(packer, len);

	if (likely(room != NULL) && len > 0)
		memcpy(room, data, len);
}

static inline void
pack_u8(struct packer *packer, uint8_t value)
{
	pack_raw(packer, &value, sizeof(value));
}

static inline void
pack_bool(struct packer *packer, bool value)
{
	pack_u8(packer, value ? 1 : 0);
}

static inline void
pack_u16(struct packer *packer, uint16_t value)
{
	value = htole16(value);
	pack_raw(packer, &value, sizeof(value));
}

static inline void
pack_u32(struct packer *packer, uint32_t value)
{
	value = htole32(value);
	pack_raw(packer, &value, sizeof(value));
}

static inline void
pack_u64(struct packer *packer, uint64_t value)
{
	value = htole64(value);
	pack_raw(packer, &value, sizeof(value));
}

static inline void
pack_i32(struct packer *packer, int32_t value)
{
	pack_u32(packer, (uint32_t)value);
}

static inline void
pack_i64(struct packer *packer, int64_t value)
{
	pack_u64(packer, (uint64_t)value);
}

static inline void
pack_uuid(struct packer *packer, const unsigned char uuid[16])
{
	pack_raw(packer, uuid, 16);
}

/** Length and bytes. Beyond 4 GiB: -DER_OVERFLOW. */
void pack_bytes(struct packer *packer, const void *data, size_t len);
/** The same, gathered from a list. */
void pack_iov(struct packer *packer, const struct iovec *iov, int nr);
/** A NUL-terminated string, or NULL, which is told apart from "". */
void pack_string(struct packer *packer, const char *text);
/** The count in front of an array whose elements the caller packs. Beyond 2^32 - 1: -DER_OVERFLOW. */
void pack_count(struct packer *packer, size_t nr);
void pack_u32_array(struct packer *packer, const uint32_t *values, size_t nr);
void pack_u64_array(struct packer *packer, const uint64_t *values, size_t nr);

/** Begins a section; what is packed until pack_section_end(packer, mark) lies within. Sections may nest. */
size_t pack_section_begin(struct packer *packer);
void pack_section_end(struct packer *packer, size_t mark);
/** Overwrites the u32 that was packed when packer_len was at. */
void pack_patch_u32(struct packer *packer, size_t at, uint32_t value);

/* ---- unpacker ----------------------------------------------------------------------------------------------------- */

struct unpacker {
	const uint8_t *next, *end;
	int rc; /* the first error */
};

/** Reads len bytes of data, which outlive the unpacker and every pointer that it gives out. */
static inline void
unpacker_init(struct unpacker *unpacker, const void *data, size_t len)
{
	unpacker->next = data;
	unpacker->end = len > 0 ? unpacker->next + len : unpacker->next;
	unpacker->rc = 0;
}

/** 0; -DER_PROTO when the bytes are not what was asked for; -DER_NOMEM; or what unpacker_fail set. */
static inline int
unpacker_rc(const struct unpacker *unpacker)
{
	return unpacker->rc;
}

/** The same, and -DER_PROTO when bytes are left over: for formats that have no further fields. */
int unpacker_finish(struct unpacker *unpacker);

/** Bytes not yet read. */
static inline size_t
unpacker_left(const struct unpacker *unpacker)
{
	return (size_t)(unpacker->end - unpacker->next);
}

/** Sets an error unless there is one: a value did not make sense. Everything after it reads as zero. */
static inline void
unpacker_fail(struct unpacker *unpacker, int rc)
{
	if (unpacker->rc == 0)
		unpacker->rc = rc;
	unpacker->next = unpacker->end;
}

/** A pointer to the next len bytes in the input; NULL when there are not so many. */
static inline const void *
unpack_raw(struct unpacker *unpacker, size_t len)
{
	const uint8_t *at = unpacker->next;

	if (unlikely(unpacker->rc != 0 || len > unpacker_left(unpacker))) {
		unpacker_fail(unpacker, -DER_PROTO);
		return NULL;
	}
	unpacker->next = at + len;
	return at;
}

/* Values; zero after an error. */
static inline uint8_t
unpack_u8(struct unpacker *unpacker)
{
	const uint8_t *at = unpack_raw(unpacker, 1);

	return at != NULL ? *at : 0;
}

/** A byte other than 0 and 1 is an error. */
static inline bool
unpack_bool(struct unpacker *unpacker)
{
	uint8_t value = unpack_u8(unpacker);

	if (unlikely(value > 1))
		unpacker_fail(unpacker, -DER_PROTO);
	return value == 1;
}

static inline uint16_t
unpack_u16(struct unpacker *unpacker)
{
	const void *at = unpack_raw(unpacker, sizeof(uint16_t));
	uint16_t value = 0;

	if (likely(at != NULL))
		memcpy(&value, at, sizeof(value));
	return le16toh(value);
}

static inline uint32_t
unpack_u32(struct unpacker *unpacker)
{
	const void *at = unpack_raw(unpacker, sizeof(uint32_t));
	uint32_t value = 0;

	if (likely(at != NULL))
		memcpy(&value, at, sizeof(value));
	return le32toh(value);
}

static inline uint64_t
unpack_u64(struct unpacker *unpacker)
{
	const void *at = unpack_raw(unpacker, sizeof(uint64_t));
	uint64_t value = 0;

	if (likely(at != NULL))
		memcpy(&value, at, sizeof(value));
	return le64toh(value);
}

static inline int32_t
unpack_i32(struct unpacker *unpacker)
{
	return (int32_t)unpack_u32(unpacker);
}

static inline int64_t
unpack_i64(struct unpacker *unpacker)
{
	return (int64_t)unpack_u64(unpacker);
}

/** Zeros after an error. */
static inline void
unpack_uuid(struct unpacker *unpacker, unsigned char uuid[16])
{
	const void *at = unpack_raw(unpacker, 16);

	if (likely(at != NULL))
		memcpy(uuid, at, 16);
	else
		memset(uuid, 0, 16);
}

/** Bytes in the input, not copied. *len is 0 and the result not NULL for none; NULL after an error. */
const void *unpack_bytes(struct unpacker *unpacker, size_t *len);
/** A string in the input, not copied; NULL for "no string" and after an error. One with a NUL inside is an error. */
const char *unpack_string(struct unpacker *unpacker);
/** Copies in arena, for readers that outlive the input. NULL also when there is no memory (-DER_NOMEM). */
void *unpack_bytes_dup(struct unpacker *unpacker, struct arena *arena, size_t *len);
char *unpack_string_dup(struct unpacker *unpacker, struct arena *arena);

/** A count of elements that take at least elem_min (> 0) packed bytes each; 0 after an error. */
uint32_t unpack_count(struct unpacker *unpacker, size_t elem_min);
/**
 * A count, and a zeroed array in arena for as many elements of elem_size bytes, into which the caller unpacks them.
 * NULL when the count is 0 or after an error; *nr is 0 then.
 */
void *unpack_array(struct unpacker *unpacker, struct arena *arena, size_t elem_min, size_t elem_size, uint32_t *nr);
uint32_t *unpack_u32_array(struct unpacker *unpacker, struct arena *arena, uint32_t *nr);
uint64_t *unpack_u64_array(struct unpacker *unpacker, struct arena *arena, uint32_t *nr);

/** Opens the next section for reading with inner and passes over it. inner fails at once after an error. */
void unpack_section(struct unpacker *unpacker, struct unpacker *inner);

#endif
