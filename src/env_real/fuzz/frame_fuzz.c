/* SPDX-License-Identifier: Apache-2.0 */
/*
 * frame_fuzz: any bytes, cut into reads anywhere, through both ways into the reader. The first byte of the input says how the
 * rest is cut and how much of each data frame is wanted. Checked: no payload outside of what was given, messages aligned and
 * within their limit, the budget never negative and gone at the end, nothing told after an error.
 */
#include <stdlib.h>
#include "base/rand.h"
#include "../frame.h"

struct sunk {
	struct rand rand;
	uint8_t *into;
	uint32_t given;
	volatile uint8_t sum;
	int64_t budget;
	bool over, in_data;
	struct iovec piece[3];
};

static int
on_control(void *arg, const struct frame *frame)
{
	struct sunk *s = arg;

	ASSERT(!s->over && !s->in_data && frame->kind > FRAME_NONE && frame->kind < FRAME_KIND_NR);
	return 0;
}

static int
on_message(void *arg, const void *data, size_t len)
{
	struct sunk *s = arg;
	const uint8_t *bytes = data;
	uint8_t sum = 0;

	ASSERT(!s->over && !s->in_data && len <= FRAME_MESSAGE_MAX && (uintptr_t)data % 8 == 0);
	for (size_t i = 0; i < len; i++)
		sum ^= bytes[i];
	s->sum = sum; /* so that every byte is read */
	return rand_one_in(&s->rand, 500) ? -DER_CANCELED : 0;
}

static int
on_begin(void *arg, const struct frame *frame, struct iov_cursor *to)
{
	struct sunk *s = arg;
	uint32_t third;

	ASSERT(!s->over && !s->in_data && frame->len <= FRAME_CHUNK_MAX);
	s->in_data = true;
	s->given = rand_one_in(&s->rand, 3) ? (uint32_t)rand_below(&s->rand, (uint64_t)frame->len + 1) : frame->len;
	/* On the heap at its exact size, so that one byte too many is seen. */
	s->into = malloc(s->given + (s->given == 0));
	third = s->given / 3;
	s->piece[0] = (struct iovec){s->into, third};
	s->piece[1] = (struct iovec){s->into + third, third};
	s->piece[2] = (struct iovec){s->into + 2 * third, s->given - 2 * third};
	iov_cursor_init(to, s->piece, 3, 0);
	return rand_one_in(&s->rand, 500) ? -DER_NOMEM : 0;
}

static int
on_end(void *arg, const struct frame *frame)
{
	struct sunk *s = arg;

	ASSERT(!s->over && s->in_data);
	s->in_data = false;
	free(s->into);
	s->into = NULL;
	return 0;
}

static int
on_budget(void *arg, int64_t len)
{
	struct sunk *s = arg;

	if (len > 0 && rand_one_in(&s->rand, 100))
		return -DER_NOMEM;
	s->budget += len;
	ASSERT(s->budget >= 0 && s->budget <= (int64_t)(2 * FRAME_MESSAGE_MAX));
	return 0;
}

static const struct frame_sink sink = {on_control, on_message, on_begin, on_end, on_budget};

static void *
plain_alloc(struct mem *mem, size_t size, size_t align, const void *site)
{
	return malloc(size);
}

static void
plain_free(struct mem *mem, void *ptr)
{
	free(ptr);
}

static int
step(struct sunk *s, struct frame_reader *reader, const uint8_t *data, size_t len)
{
	struct iovec iov[8];
	uint8_t waste[8], *copy;
	size_t direct = 0;
	int rc = 0;

	if (s->in_data && rand_one_in(&s->rand, 10))
		frame_reader_discard(reader);
	if (rand_one_in(&s->rand, 2)) {
		int nr = frame_reader_want(reader, iov, ARRAY_SIZE(iov), waste);

		direct = iov_copy_in(iov, nr, 0, data, MIN(len, iov_total(iov, nr)));
		if (direct > 0)
			rc = frame_reader_took(reader, direct);
	}
	if (rc != 0)
		return rc;
	copy = malloc(len - direct + 1);
	memcpy(copy, data + direct, len - direct);
	rc = frame_reader_feed(reader, copy, len - direct);
	free(copy);
	return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mem mem = {.alloc = plain_alloc, .free = plain_free};
	struct sunk s = {0};
	struct frame_reader reader;
	size_t part;

	if (size == 0)
		return 0;
	rand_init(&s.rand, data[0], size);
	data++;
	size--;
	frame_reader_init(&reader, &sink, &s, &mem);
	while (size > 0) {
		part = MIN(size, 1 + rand_below(&s.rand, rand_one_in(&s.rand, 2) ? 40 : 4000));
		if (step(&s, &reader, data, part) != 0) {
			s.over = true;
			break;
		}
		data += part;
		size -= part;
	}
	frame_reader_fini(&reader);
	ASSERT(s.budget == 0);
	free(s.into);
	return 0;
}
