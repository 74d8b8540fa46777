/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/codec: the less frequent halves of packing and unpacking (format: see codec.h).
 *
 * Invariants
 *  I1  Packer: while rc is 0 and buf is not NULL, len <= size. Nothing is stored after an error.
 *  I2  Unpacker: next <= end always; after an error next == end.
 *  I3  What is allocated for a count is bounded by the input: count * elem_min <= bytes left.
 */
#include "base/codec.h"

enum { GROW_FIRST = 256 };

/* ---- packer ------------------------------------------------------------------------------------------------------- */

void
packer_init(struct packer *packer, void *buf, size_t size)
{
	*packer = (struct packer){.buf = buf, .size = buf != NULL ? size : 0};
}

void
packer_init_count(struct packer *packer)
{
	*packer = (struct packer){.counting = true};
}

void
packer_init_grow(struct packer *packer, struct mem *mem)
{
	*packer = (struct packer){.mem = mem};
}

void
packer_fini(struct packer *packer)
{
	if (packer->mem != NULL)
		mem_free(packer->mem, packer->buf);
	*packer = (struct packer){.mem = packer->mem};
}

int
packer_take(struct packer *packer, void **data, size_t *len)
{
	int rc = packer->rc;

	ASSERT(packer->mem != NULL);
	/* Nothing packed is still a buffer that can be freed, so that NULL always means an error. */
	if (rc == 0 && packer->buf == NULL) {
		packer->buf = mem_alloc(packer->mem, 1);
		rc = packer->buf != NULL ? 0 : -DER_NOMEM;
	}
	if (rc == 0) {
		*data = packer->buf;
		*len = packer->len;
		packer->buf = NULL;
	}
	packer_fini(packer);
	return rc;
}

static bool
grow(struct packer *packer, size_t len)
{
	size_t need, size;
	uint8_t *buf;

	if (__builtin_add_overflow(packer->len, len, &need) || need > SIZE_MAX / 2)
		return false;
	size = MAX(need, MAX(packer->size * 2, (size_t)GROW_FIRST));
	buf = mem_alloc_aligned(packer->mem, size, 16);
	if (buf == NULL)
		return false;
	if (packer->len > 0)
		memcpy(buf, packer->buf, packer->len);
	mem_free(packer->mem, packer->buf);
	packer->buf = buf;
	packer->size = size;
	return true;
}

void *
packer__room_slow(struct packer *packer, size_t len)
{
	void *room = NULL;

	if (len == 0)
		return NULL;
	if (packer->rc == 0 && !packer->counting) {
		if (packer->mem != NULL && grow(packer, len))
			room = packer->buf + packer->len;
		else
			packer->rc = packer->mem != NULL ? -DER_NOMEM : -DER_TRUNC;
	}
	if (__builtin_add_overflow(packer->len, len, &packer->len)) {
		packer->len = SIZE_MAX;
		packer_fail(packer, -DER_OVERFLOW);
	}
	return room;
}

void
pack_count(struct packer *packer, size_t nr)
{
	if (nr > UINT32_MAX)
		packer_fail(packer, -DER_OVERFLOW);
	pack_u32(packer, (uint32_t)nr);
}

void
pack_bytes(struct packer *packer, const void *data, size_t len)
{
	pack_count(packer, len);
	pack_raw(packer, data, len);
}

void
pack_iov(struct packer *packer, const struct iovec *iov, int nr)
{
	size_t mark = pack_section_begin(packer);

	for (int i = 0; i < nr; i++)
		pack_raw(packer, iov[i].iov_base, iov[i].iov_len);
	pack_section_end(packer, mark);
}

void
pack_string(struct packer *packer, const char *text)
{
	if (text != NULL)
		pack_bytes(packer, text, strlen(text) + 1);
	else
		pack_u32(packer, 0);
}

void
pack_u32_array(struct packer *packer, const uint32_t *values, size_t nr)
{
	pack_count(packer, nr);
	for (size_t i = 0; i < nr; i++)
		pack_u32(packer, values[i]);
}

void
pack_u64_array(struct packer *packer, const uint64_t *values, size_t nr)
{
	pack_count(packer, nr);
	for (size_t i = 0; i < nr; i++)
		pack_u64(packer, values[i]);
}

size_t
pack_section_begin(struct packer *packer)
{
	size_t mark = packer->len;

	pack_u32(packer, 0);
	return mark;
}

void
pack_section_end(struct packer *packer, size_t mark)
{
	size_t len = packer->len - mark - sizeof(uint32_t);

	if (len > UINT32_MAX)
		packer_fail(packer, -DER_OVERFLOW);
	pack_patch_u32(packer, mark, (uint32_t)len);
}

void
pack_patch_u32(struct packer *packer, size_t at, uint32_t value)
{
	value = htole32(value);
	if (packer->rc != 0 || packer->counting)
		return;
	ASSERT(packer->len >= sizeof(value) && at <= packer->len - sizeof(value));
	memcpy(packer->buf + at, &value, sizeof(value));
}

/* ---- unpacker ----------------------------------------------------------------------------------------------------- */

int
unpacker_finish(struct unpacker *unpacker)
{
	if (unpacker_left(unpacker) > 0)
		unpacker_fail(unpacker, -DER_PROTO);
	return unpacker->rc;
}

const void *
unpack_bytes(struct unpacker *unpacker, size_t *len)
{
	const void *data;

	*len = unpack_u32(unpacker);
	data = unpack_raw(unpacker, *len);
	if (data == NULL)
		*len = 0;
	return data;
}

const char *
unpack_string(struct unpacker *unpacker)
{
	size_t len;
	const char *text = unpack_bytes(unpacker, &len);

	if (text == NULL || len == 0)
		return NULL;
	/* The first NUL is the last byte: what one reader takes for the whole string is the whole string. */
	if (memchr(text, '\0', len) != text + len - 1) {
		unpacker_fail(unpacker, -DER_PROTO);
		return NULL;
	}
	return text;
}

static void *
dup_in(struct unpacker *unpacker, struct arena *arena, const void *data, size_t len)
{
	void *copy = arena_dup(arena, data, len);

	if (copy == NULL)
		unpacker_fail(unpacker, -DER_NOMEM);
	return copy;
}

void *
unpack_bytes_dup(struct unpacker *unpacker, struct arena *arena, size_t *len)
{
	const void *data = unpack_bytes(unpacker, len);
	void *copy = data != NULL ? dup_in(unpacker, arena, data, *len) : NULL;

	if (copy == NULL)
		*len = 0;
	return copy;
}

char *
unpack_string_dup(struct unpacker *unpacker, struct arena *arena)
{
	const char *text = unpack_string(unpacker);

	return text != NULL ? dup_in(unpacker, arena, text, strlen(text) + 1) : NULL;
}

uint32_t
unpack_count(struct unpacker *unpacker, size_t elem_min)
{
	uint32_t nr = unpack_u32(unpacker);

	ASSERT(elem_min > 0);
	if (nr > unpacker_left(unpacker) / elem_min) {
		unpacker_fail(unpacker, -DER_PROTO);
		return 0;
	}
	return nr;
}

void *
unpack_array(struct unpacker *unpacker, struct arena *arena, size_t elem_min, size_t elem_size, uint32_t *nr)
{
	void *array;

	*nr = unpack_count(unpacker, elem_min);
	if (*nr == 0)
		return NULL;
	array = arena_alloc_array(arena, elem_size, *nr);
	if (array == NULL) {
		unpacker_fail(unpacker, -DER_NOMEM);
		*nr = 0;
	}
	return array;
}

uint32_t *
unpack_u32_array(struct unpacker *unpacker, struct arena *arena, uint32_t *nr)
{
	uint32_t *values = unpack_array(unpacker, arena, sizeof(*values), sizeof(*values), nr);

	for (uint32_t i = 0; i < *nr; i++)
		values[i] = unpack_u32(unpacker);
	return values;
}

uint64_t *
unpack_u64_array(struct unpacker *unpacker, struct arena *arena, uint32_t *nr)
{
	uint64_t *values = unpack_array(unpacker, arena, sizeof(*values), sizeof(*values), nr);

	for (uint32_t i = 0; i < *nr; i++)
		values[i] = unpack_u64(unpacker);
	return values;
}

void
unpack_section(struct unpacker *unpacker, struct unpacker *inner)
{
	size_t len;
	const void *data = unpack_bytes(unpacker, &len);

	unpacker_init(inner, data, len);
	if (data == NULL)
		unpacker_fail(inner, unpacker->rc);
}
