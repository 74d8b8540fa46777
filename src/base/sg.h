/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/sg: bytes scattered over buffers. Two spellings: struct iovec, which machines read, and d_sg_list_t, which programs
 * hand us (a capacity and a length per buffer). Positions are byte offsets from the first buffer's first byte.
 */
#ifndef BASE_SG_H
#define BASE_SG_H

#include <sys/uio.h>
#include <gurt/types.h>
#include "base/base.h"

/* ---- struct iovec ------------------------------------------------------------------------------------------------- */

/** Sum of the lengths; SIZE_MAX when it does not fit. */
size_t iov_total(const struct iovec *iov, int nr);
/** Copies len bytes of data into the list from off on. Returns how many fitted. */
size_t iov_copy_in(const struct iovec *iov, int nr, size_t off, const void *data, size_t len);
/** Copies len bytes of the list from off on to data. Returns how many there were. */
size_t iov_copy_out(const struct iovec *iov, int nr, size_t off, void *data, size_t len);
/** Copies between lists that do not overlap. Returns how many bytes both had. */
size_t iov_copy(const struct iovec *to, int to_nr, size_t to_off, const struct iovec *from, int from_nr, size_t from_off,
		size_t len);
/** Fills len bytes from off on with byte. Returns how many there were. */
size_t iov_fill(const struct iovec *iov, int nr, size_t off, int byte, size_t len);
/** Compares like memcmp; bytes that a list does not have count as less than all others. */
int iov_compare(const struct iovec *a, int a_nr, size_t a_off, const struct iovec *b, int b_nr, size_t b_off, size_t len);
/**
 * The part [off, off + len) of the list as a list, without empty pieces, in piece, which has room for piece_max.
 * Returns the number of pieces; -DER_OVERFLOW when there is no room, -DER_INVAL when the list is shorter.
 * nr pieces always suffice.
 */
int iov_slice(const struct iovec *iov, int nr, size_t off, size_t len, struct iovec *piece, int piece_max);

/** A place in a list that moves forward. */
struct iov_cursor {
	const struct iovec *iov;
	int nr;
	size_t off; /* within the first of iov */
};

/** At off, or at the end when the list is shorter. */
void iov_cursor_init(struct iov_cursor *cursor, const struct iovec *iov, int nr, size_t off);
/** The next contiguous piece of at most max bytes (max > 0), over which the cursor moves. Returns its length; 0 at the end. */
size_t iov_cursor_next(struct iov_cursor *cursor, size_t max, void **piece);

/* ---- d_sg_list_t -------------------------------------------------------------------------------------------------- */

/** Bytes that are valid (iov_len); bytes there is room for (iov_buf_len). SIZE_MAX when the sum does not fit. */
size_t sgl_length(const d_sg_list_t *sgl);
size_t sgl_capacity(const d_sg_list_t *sgl);
/** True when every length lies within its capacity, no buffer with a capacity is NULL, and the sums fit. */
bool sgl_is_valid(const d_sg_list_t *sgl);

/** Which bytes of each buffer make up the list. */
enum sgl_part {
	SGL_VALID, /* iov_len: what to write out */
	SGL_ROOM,  /* iov_buf_len: where to read to */
};

/** The same bytes as iovecs; iov has room for sgl->sg_nr. Returns their number; empty ones are left out. */
int sgl_to_iov(const d_sg_list_t *sgl, enum sgl_part part, struct iovec *iov);
/** Says that the first len bytes of the room are now valid: sets every iov_len, and sg_nr_out to the buffers in use. */
void sgl_set_length(d_sg_list_t *sgl, size_t len);
/** Copies data into the room from off on; changes no length. Returns how many bytes fitted. */
size_t sgl_copy_in(const d_sg_list_t *sgl, size_t off, const void *data, size_t len);
/** Copies valid bytes from off on to data. Returns how many there were. */
size_t sgl_copy_out(const d_sg_list_t *sgl, size_t off, void *data, size_t len);

#endif
