/* SPDX-License-Identifier: Apache-2.0 */
/*
 * frame: the codec and the reader of the byte stream between two connections.
 *
 * Reader, one frame at a time:
 *
 *   HEAD --24 bytes--> FIELDS --8 bytes each--> PAYLOAD --len bytes, padded to 8--> HEAD
 *
 * frame I1: the first frame is HELLO and no other is; nothing follows BYE.
 * frame I2: a frame whose magic, kind, flags, reserved bits or length are out of bounds ends the reading at its head:
 *           no byte of its payload is looked at, no memory is taken for it.
 * frame I3: an incomplete message holds at most twice the bytes that came, and 16 KiB.
 * frame I4: a payload never goes beyond what data_begin gave; the rest is thrown away.
 *
 * Nothing here yields, blocks or asserts on the bytes.
 */
#include <endian.h>
#include "frame.h"

#define PART_MIN (16 * KIB)

static const struct {
	const char *name;
	uint8_t fields;
	uint8_t flags;
	uint32_t payload_max;
} kinds[FRAME_KIND_NR] = {
#define X(kind, nr, payload, allowed) \
	[FRAME_##kind] = {.name = #kind, .fields = (nr), .flags = (allowed), .payload_max = (payload)},
	FRAME_KINDS(X)
#undef X
};

const char *
frame_kind_name(uint8_t kind)
{
	return kind < FRAME_KIND_NR && kinds[kind].name != NULL ? kinds[kind].name : "?";
}

size_t
frame_prefix_size(uint8_t kind)
{
	ASSERT(kind < FRAME_KIND_NR);
	return FRAME_HEAD + 8 * kinds[kind].fields;
}

static void
put_u32(uint8_t *out, uint32_t value)
{
	value = htole32(value);
	memcpy(out, &value, sizeof(value));
}

static void
put_u64(uint8_t *out, uint64_t value)
{
	value = htole64(value);
	memcpy(out, &value, sizeof(value));
}

static uint32_t
get_u32(const uint8_t *in)
{
	uint32_t value;

	memcpy(&value, in, sizeof(value));
	return le32toh(value);
}

static uint64_t
get_u64(const uint8_t *in)
{
	uint64_t value;

	memcpy(&value, in, sizeof(value));
	return le64toh(value);
}

size_t
frame_encode(const struct frame *frame, uint8_t *out)
{
	ASSERT(frame->kind > FRAME_NONE && frame->kind < FRAME_KIND_NR);
	ASSERT(frame->len <= kinds[frame->kind].payload_max && (frame->flags & ~kinds[frame->kind].flags) == 0);
	put_u32(out, FRAME_MAGIC);
	put_u32(out + 4, (uint32_t)frame->kind | (uint32_t)frame->flags << 8);
	put_u32(out + 8, frame->len);
	put_u32(out + 12, 0);
	put_u64(out + 16, frame->id);
	for (int i = 0; i < kinds[frame->kind].fields; i++)
		put_u64(out + FRAME_HEAD + 8 * i, frame->field[i]);
	return frame_prefix_size(frame->kind);
}

void
frame_reader_init(struct frame_reader *reader, const struct frame_sink *sink, void *arg, struct mem *mem)
{
	*reader = (struct frame_reader){.sink = sink, .arg = arg, .mem = mem, .prefix_need = FRAME_HEAD};
}

static void
drop_part(struct frame_reader *reader)
{
	if (reader->part == NULL)
		return;
	mem_free(reader->mem, reader->part);
	reader->sink->budget(reader->arg, -(int64_t)reader->part_size);
	reader->part = NULL;
	reader->part_size = 0;
}

void
frame_reader_fini(struct frame_reader *reader)
{
	drop_part(reader);
}

uint8_t
frame_reader_kind(const struct frame_reader *reader)
{
	return reader->need > 0 ? reader->frame.kind : FRAME_NONE;
}

void
frame_reader_discard(struct frame_reader *reader)
{
	reader->to = (struct iov_cursor){0};
}

static int
broken(struct frame_reader *reader, const char *why)
{
	reader->broken = why;
	return -DER_PROTO;
}

/* The frame is complete: make room for the next. Call before the sink hears of it, which may close everything. */
static void
next_frame(struct frame_reader *reader)
{
	reader->prefix_have = 0;
	reader->prefix_need = FRAME_HEAD;
	reader->have = reader->need = 0;
	reader->to = (struct iov_cursor){0};
}

/* frame I1, I2 */
static int
decode_head(struct frame_reader *reader)
{
	const uint8_t *in = reader->prefix;
	uint32_t word = get_u32(in + 4);
	struct frame *frame = &reader->frame;

	*frame = (struct frame){.kind = (uint8_t)word, .flags = (uint8_t)(word >> 8), .len = get_u32(in + 8),
				.id = get_u64(in + 16)};
	if (get_u32(in) != FRAME_MAGIC)
		return broken(reader, "bad magic number");
	if (frame->kind == FRAME_NONE || frame->kind >= FRAME_KIND_NR)
		return broken(reader, "unknown kind of frame");
	if (word >> 16 != 0 || get_u32(in + 12) != 0 || (frame->flags & ~kinds[frame->kind].flags) != 0)
		return broken(reader, "unknown flags");
	if (frame->len > kinds[frame->kind].payload_max)
		return broken(reader, "frame too long");
	if (reader->said_bye)
		return broken(reader, "frame after BYE");
	if ((frame->kind == FRAME_HELLO) == reader->greeted)
		return broken(reader, reader->greeted ? "second HELLO" : "no HELLO first");
	reader->prefix_need = frame_prefix_size(frame->kind);
	return 0;
}

static int
message_done(struct frame_reader *reader, const void *data)
{
	uint32_t len = reader->frame.len;

	next_frame(reader);
	return reader->sink->message(reader->arg, data, len);
}

static int
data_done(struct frame_reader *reader)
{
	next_frame(reader);
	return reader->sink->data_end(reader->arg, &reader->frame);
}

static int
begin_frame(struct frame_reader *reader)
{
	static const uint64_t nothing = 0;
	struct frame *frame = &reader->frame;
	int rc;

	for (int i = 0; i < kinds[frame->kind].fields; i++)
		frame->field[i] = get_u64(reader->prefix + FRAME_HEAD + 8 * i);
	reader->need = FRAME_PAD(frame->len);
	switch (frame->kind) {
	case FRAME_MESSAGE:
		return reader->need == 0 ? message_done(reader, &nothing) : 0;
	case FRAME_GET_DATA:
	case FRAME_PUT_DATA:
		rc = reader->sink->data_begin(reader->arg, frame, &reader->to);
		return rc == 0 && reader->need == 0 ? data_done(reader) : rc;
	case FRAME_HELLO:
		reader->greeted = true;
		break;
	case FRAME_BYE:
		reader->said_bye = true;
		break;
	default:
		break;
	}
	next_frame(reader);
	return reader->sink->control(reader->arg, frame);
}

/* prefix_have moved: see what that completes. */
static int
prefix_moved(struct frame_reader *reader)
{
	int rc;

	if (reader->prefix_have == FRAME_HEAD) {
		rc = decode_head(reader);
		if (rc != 0)
			return rc;
	}
	return reader->prefix_have == reader->prefix_need ? begin_frame(reader) : 0;
}

/* frame I3 */
static int
grow_part(struct frame_reader *reader)
{
	uint32_t size = MIN(reader->need, (uint32_t)MAX(PART_MIN, 2 * (uint64_t)reader->part_size));
	uint8_t *bigger;
	int rc;

	rc = reader->sink->budget(reader->arg, (int64_t)size);
	if (rc != 0)
		return rc;
	bigger = mem_alloc_aligned(reader->mem, size, 16);
	if (bigger == NULL) {
		reader->sink->budget(reader->arg, -(int64_t)size);
		return -DER_NOMEM;
	}
	if (reader->part != NULL)
		memcpy(bigger, reader->part, reader->have);
	drop_part(reader);
	reader->part = bigger;
	reader->part_size = size;
	return 0;
}

static int
part_done(struct frame_reader *reader)
{
	int rc = message_done(reader, reader->part);

	drop_part(reader);
	return rc;
}

/* Returns how many bytes of data it took, or an error. */
static ssize_t
feed_message(struct frame_reader *reader, const uint8_t *data, size_t len)
{
	size_t taken = MIN(len, (size_t)(reader->need - reader->have));
	int rc;

	if (reader->have == 0 && taken == reader->need && (uintptr_t)data % 8 == 0) {
		rc = message_done(reader, data);
		return rc < 0 ? rc : (ssize_t)taken;
	}
	if (reader->have == reader->part_size) {
		rc = grow_part(reader);
		if (rc != 0)
			return rc;
	}
	taken = MIN(taken, (size_t)(reader->part_size - reader->have));
	memcpy(reader->part + reader->have, data, taken);
	reader->have += taken;
	rc = reader->have == reader->need ? part_done(reader) : 0;
	return rc < 0 ? rc : (ssize_t)taken;
}

/* frame I4 */
static ssize_t
feed_data(struct frame_reader *reader, const uint8_t *data, size_t len)
{
	size_t taken = MIN(len, (size_t)(reader->need - reader->have)), off = 0, piece_len;
	size_t payload = reader->have < reader->frame.len ? MIN(taken, (size_t)(reader->frame.len - reader->have)) : 0;
	void *piece;
	int rc;

	while (off < payload) {
		piece_len = iov_cursor_next(&reader->to, payload - off, &piece);
		if (piece_len == 0)
			break;
		memcpy(piece, data + off, piece_len);
		off += piece_len;
	}
	reader->have += taken;
	rc = reader->have == reader->need ? data_done(reader) : 0;
	return rc < 0 ? rc : (ssize_t)taken;
}

int
frame_reader_feed(struct frame_reader *reader, const void *data, size_t len)
{
	const uint8_t *in = data;
	ssize_t taken;
	int rc;

	while (len > 0) {
		if (reader->need > 0) {
			taken = reader->frame.kind == FRAME_MESSAGE ? feed_message(reader, in, len) :
								      feed_data(reader, in, len);
			if (taken < 0)
				return (int)taken;
		} else {
			taken = MIN(len, (size_t)(reader->prefix_need - reader->prefix_have));
			memcpy(reader->prefix + reader->prefix_have, in, taken);
			reader->prefix_have += taken;
			rc = prefix_moved(reader);
			if (rc != 0)
				return rc;
		}
		in += taken;
		len -= taken;
	}
	return 0;
}

int
frame_reader_want(struct frame_reader *reader, struct iovec *iov, int max, uint8_t *waste)
{
	struct iov_cursor to = reader->to;
	size_t left;
	int nr = 0;

	if (reader->need == 0) {
		if (reader->prefix_have == 0)
			return 0;
		iov[nr++] = (struct iovec){reader->prefix + reader->prefix_have, reader->prefix_need - reader->prefix_have};
		return nr;
	}
	if (reader->frame.kind == FRAME_MESSAGE) {
		if (reader->have < reader->part_size)
			iov[nr++] = (struct iovec){reader->part + reader->have, reader->part_size - reader->have};
		return nr;
	}
	left = reader->have < reader->frame.len ? reader->frame.len - reader->have : 0;
	while (left > 0 && nr < max - 1) {
		iov[nr].iov_len = iov_cursor_next(&to, left, &iov[nr].iov_base);
		if (iov[nr].iov_len == 0)
			return nr;
		left -= iov[nr++].iov_len;
	}
	if (left == 0 && reader->need > MAX(reader->frame.len, reader->have))
		iov[nr++] = (struct iovec){waste, reader->need - MAX(reader->frame.len, reader->have)};
	return nr;
}

int
frame_reader_took(struct frame_reader *reader, size_t len)
{
	size_t payload;
	void *piece;

	if (reader->need == 0) {
		reader->prefix_have += len;
		ASSERT(reader->prefix_have <= reader->prefix_need);
		return prefix_moved(reader);
	}
	ASSERT(len <= reader->need - reader->have);
	if (reader->frame.kind == FRAME_MESSAGE) {
		reader->have += len;
		ASSERT(reader->have <= reader->part_size);
		return reader->have == reader->need ? part_done(reader) : 0;
	}
	payload = reader->have < reader->frame.len ? MIN(len, (size_t)(reader->frame.len - reader->have)) : 0;
	while (payload > 0) {
		size_t piece_len = iov_cursor_next(&reader->to, payload, &piece);

		if (piece_len == 0)
			break;
		payload -= piece_len;
	}
	reader->have += len;
	return reader->have == reader->need ? data_done(reader) : 0;
}
