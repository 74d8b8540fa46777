/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bio/buf: aligned buffers for I/O, recycled. Sizes are rounded up to powers of two; what a stream gives back it keeps for
 * its next request, up to a bound. A stream's part of the table is claimed once and then touched by that stream alone.
 *
 *	buf I1  out is the sum of the rounded sizes that the stream has; out <= budget.
 */
#include "bio_private.h"

#define CACHE_MAX (16 * MIB)

int
bio__buf_init(struct bio *bio)
{
	bio->streams = MEM_NEW_ARRAY(bio->env->mem, struct bio_stream, STREAM_MAX);
	return bio->streams == NULL ? -DER_NOMEM : 0;
}

void
bio__buf_fini(struct bio *bio)
{
	for (uint32_t i = 0; bio->streams != NULL && i < STREAM_MAX; i++) {
		struct bio_stream *stream = &bio->streams[i];

		for (uint32_t c = 0; c < BUF_CLASSES; c++) {
			while (stream->free[c] != NULL) {
				struct buf_free *next = stream->free[c]->next;

				mem_free(bio->env->mem, stream->free[c]);
				stream->free[c] = next;
			}
		}
	}
	mem_free(bio->env->mem, bio->streams);
}

/* The caller's part of the table. NULL: more streams than it has room for. */
static struct bio_stream *
mine(struct bio *bio)
{
	struct xs *self = xs_self();
	uint32_t first = self != NULL ? xs_id(self) : 0;

	ASSERTF(self != NULL, "buffers are handed out to streams only");
	for (uint32_t i = 0; i < STREAM_MAX; i++) {
		struct bio_stream *stream = &bio->streams[(first + i) % STREAM_MAX];
		struct xs *owner = atomic_load_explicit(&stream->xs, memory_order_relaxed);

		if (owner == self)
			return stream;
		if (owner == NULL && atomic_compare_exchange_strong(&stream->xs, &owner, self))
			return stream;
	}
	return NULL;
}

static uint32_t
class_of(size_t size)
{
	uint32_t cls = 0;

	while (cls < BUF_CLASSES && ((size_t)BIO_BLOCK << cls) < size)
		cls++;
	return cls;
}

static size_t
rounded(size_t size, uint32_t cls)
{
	return cls < BUF_CLASSES ? (size_t)BIO_BLOCK << cls : ALIGN_UP(size, BIO_BLOCK);
}

void *
bio_buf_get(struct bio *bio, size_t size)
{
	struct bio_stream *stream = mine(bio);
	uint32_t cls = class_of(size);
	struct buf_free *buf;

	if (stream == NULL || size > bio->budget || stream->out + rounded(size, cls) > bio->budget)
		return NULL;
	if (cls < BUF_CLASSES && stream->free[cls] != NULL) {
		buf = stream->free[cls];
		stream->free[cls] = buf->next;
		stream->cached -= rounded(size, cls);
	} else {
		buf = mem_alloc_aligned(bio->env->mem, rounded(size, cls), BIO_BLOCK);
		if (buf == NULL)
			return NULL;
	}
	stream->out += rounded(size, cls);
	return buf;
}

void
bio_buf_put(struct bio *bio, void *ptr, size_t size)
{
	struct bio_stream *stream;
	uint32_t cls = class_of(size);
	struct buf_free *buf = ptr;

	if (ptr == NULL)
		return;
	stream = mine(bio);
	ASSERTF(stream != NULL && stream->out >= rounded(size, cls), "buf I1: a buffer comes back that was not handed out");
	stream->out -= rounded(size, cls);
	if (cls >= BUF_CLASSES || stream->cached + rounded(size, cls) > CACHE_MAX) {
		mem_free(bio->env->mem, buf);
		return;
	}
	buf->next = stream->free[cls];
	stream->free[cls] = buf;
	stream->cached += rounded(size, cls);
}

void
bio_buf_set_budget(struct bio *bio, size_t bytes)
{
	bio->budget = bytes;
}
