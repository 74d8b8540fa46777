/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/sg: scatter lists (see sg.h). Everything walks with an iov_cursor.
 *
 * Invariants
 *  I1  No byte outside the buffers of a list is touched, whatever offsets and lengths are asked for.
 *  I2  No sum of lengths wraps.
 */
#include "base/sg.h"

void
iov_cursor_init(struct iov_cursor *cursor, const struct iovec *iov, int nr, size_t off)
{
	while (nr > 0 && off >= iov->iov_len) {
		off -= iov->iov_len;
		iov++;
		nr--;
	}
	*cursor = (struct iov_cursor){.iov = iov, .nr = nr, .off = nr > 0 ? off : 0};
}

size_t
iov_cursor_next(struct iov_cursor *cursor, size_t max, void **piece)
{
	size_t len;

	while (cursor->nr > 0 && cursor->off == cursor->iov->iov_len) {
		cursor->iov++;
		cursor->nr--;
		cursor->off = 0;
	}
	if (cursor->nr <= 0)
		return 0;
	len = MIN(cursor->iov->iov_len - cursor->off, max);
	*piece = (char *)cursor->iov->iov_base + cursor->off;
	cursor->off += len;
	return len;
}

size_t
iov_total(const struct iovec *iov, int nr)
{
	size_t total = 0;

	for (int i = 0; i < nr; i++)
		if (__builtin_add_overflow(total, iov[i].iov_len, &total))
			return SIZE_MAX;
	return total;
}

size_t
iov_copy_in(const struct iovec *iov, int nr, size_t off, const void *data, size_t len)
{
	struct iov_cursor cursor;
	size_t done = 0, got;
	void *piece;

	iov_cursor_init(&cursor, iov, nr, off);
	while (done < len && (got = iov_cursor_next(&cursor, len - done, &piece)) > 0) {
		memcpy(piece, (const char *)data + done, got);
		done += got;
	}
	return done;
}

size_t
iov_copy_out(const struct iovec *iov, int nr, size_t off, void *data, size_t len)
{
	struct iov_cursor cursor;
	size_t done = 0, got;
	void *piece;

	iov_cursor_init(&cursor, iov, nr, off);
	while (done < len && (got = iov_cursor_next(&cursor, len - done, &piece)) > 0) {
		memcpy((char *)data + done, piece, got);
		done += got;
	}
	return done;
}

size_t
iov_copy(const struct iovec *to, int to_nr, size_t to_off, const struct iovec *from, int from_nr, size_t from_off,
	 size_t len)
{
	struct iov_cursor in, out;
	size_t done = 0, got;
	void *target, *source;

	iov_cursor_init(&out, to, to_nr, to_off);
	iov_cursor_init(&in, from, from_nr, from_off);
	while (done < len && (got = iov_cursor_next(&out, len - done, &target)) > 0) {
		size_t end = done + got;

		while (done < end) {
			size_t part = iov_cursor_next(&in, end - done, &source);

			if (part == 0)
				return done;
			memcpy(target, source, part);
			target = (char *)target + part;
			done += part;
		}
	}
	return done;
}

size_t
iov_fill(const struct iovec *iov, int nr, size_t off, int byte, size_t len)
{
	struct iov_cursor cursor;
	size_t done = 0, got;
	void *piece;

	iov_cursor_init(&cursor, iov, nr, off);
	while (done < len && (got = iov_cursor_next(&cursor, len - done, &piece)) > 0) {
		memset(piece, byte, got);
		done += got;
	}
	return done;
}

int
iov_compare(const struct iovec *a, int a_nr, size_t a_off, const struct iovec *b, int b_nr, size_t b_off, size_t len)
{
	struct iov_cursor left, right;
	void *x = NULL, *y = NULL;
	size_t x_len = 0, y_len = 0;

	iov_cursor_init(&left, a, a_nr, a_off);
	iov_cursor_init(&right, b, b_nr, b_off);
	while (len > 0) {
		size_t part;
		int order;

		if (x_len == 0)
			x_len = iov_cursor_next(&left, len, &x);
		if (y_len == 0)
			y_len = iov_cursor_next(&right, len, &y);
		if (x_len == 0 || y_len == 0)
			return (x_len > 0) - (y_len > 0);
		part = MIN(x_len, y_len);
		order = memcmp(x, y, part);
		if (order != 0)
			return order;
		x = (char *)x + part;
		y = (char *)y + part;
		x_len -= part;
		y_len -= part;
		len -= part;
	}
	return 0;
}

int
iov_slice(const struct iovec *iov, int nr, size_t off, size_t len, struct iovec *piece, int piece_max)
{
	struct iov_cursor cursor;
	int count = 0;

	iov_cursor_init(&cursor, iov, nr, off);
	while (len > 0) {
		void *base;
		size_t got = iov_cursor_next(&cursor, len, &base);

		if (got == 0)
			return -DER_INVAL;
		if (count == piece_max)
			return -DER_OVERFLOW;
		piece[count++] = (struct iovec){.iov_base = base, .iov_len = got};
		len -= got;
	}
	return count;
}

/* ---- d_sg_list_t -------------------------------------------------------------------------------------------------- */

static size_t
part_len(const d_iov_t *iov, enum sgl_part part)
{
	return part == SGL_VALID ? iov->iov_len : iov->iov_buf_len;
}

static size_t
sgl_sum(const d_sg_list_t *sgl, enum sgl_part part)
{
	size_t total = 0;

	for (uint32_t i = 0; i < sgl->sg_nr; i++)
		if (__builtin_add_overflow(total, part_len(&sgl->sg_iovs[i], part), &total))
			return SIZE_MAX;
	return total;
}

size_t
sgl_length(const d_sg_list_t *sgl)
{
	return sgl_sum(sgl, SGL_VALID);
}

size_t
sgl_capacity(const d_sg_list_t *sgl)
{
	return sgl_sum(sgl, SGL_ROOM);
}

bool
sgl_is_valid(const d_sg_list_t *sgl)
{
	if (sgl->sg_nr > 0 && sgl->sg_iovs == NULL)
		return false;
	for (uint32_t i = 0; i < sgl->sg_nr; i++) {
		const d_iov_t *iov = &sgl->sg_iovs[i];

		if (iov->iov_len > iov->iov_buf_len || (iov->iov_buf == NULL && iov->iov_buf_len > 0))
			return false;
	}
	return sgl_capacity(sgl) != SIZE_MAX;
}

int
sgl_to_iov(const d_sg_list_t *sgl, enum sgl_part part, struct iovec *iov)
{
	int count = 0;

	for (uint32_t i = 0; i < sgl->sg_nr; i++) {
		size_t len = part_len(&sgl->sg_iovs[i], part);

		if (len > 0)
			iov[count++] = (struct iovec){.iov_base = sgl->sg_iovs[i].iov_buf, .iov_len = len};
	}
	return count;
}

void
sgl_set_length(d_sg_list_t *sgl, size_t len)
{
	sgl->sg_nr_out = 0;
	for (uint32_t i = 0; i < sgl->sg_nr; i++) {
		d_iov_t *iov = &sgl->sg_iovs[i];

		iov->iov_len = MIN(len, iov->iov_buf_len);
		len -= iov->iov_len;
		if (iov->iov_len > 0)
			sgl->sg_nr_out = i + 1;
	}
}

/* Where [off, off + len) meets buffer i, whose bytes begin at start: the common part, 0 bytes when there is none. */
static size_t
overlap(size_t start, size_t size, size_t off, size_t len, size_t *skip)
{
	if (off >= start + size)
		return 0;
	*skip = off > start ? off - start : 0;
	return MIN(size - *skip, len);
}

size_t
sgl_copy_in(const d_sg_list_t *sgl, size_t off, const void *data, size_t len)
{
	size_t start = 0, done = 0, skip;

	for (uint32_t i = 0; i < sgl->sg_nr && done < len; i++) {
		const d_iov_t *iov = &sgl->sg_iovs[i];
		size_t part = overlap(start, iov->iov_buf_len, off + done, len - done, &skip);

		if (part > 0)
			memcpy((char *)iov->iov_buf + skip, (const char *)data + done, part);
		done += part;
		start += iov->iov_buf_len;
	}
	return done;
}

size_t
sgl_copy_out(const d_sg_list_t *sgl, size_t off, void *data, size_t len)
{
	size_t start = 0, done = 0, skip;

	for (uint32_t i = 0; i < sgl->sg_nr && done < len; i++) {
		const d_iov_t *iov = &sgl->sg_iovs[i];
		size_t part = overlap(start, iov->iov_len, off + done, len - done, &skip);

		if (part > 0)
			memcpy((char *)data + done, (const char *)iov->iov_buf + skip, part);
		done += part;
		start += iov->iov_len;
	}
	return done;
}
