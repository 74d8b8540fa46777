/* SPDX-License-Identifier: Apache-2.0 */
/*
 * frame: how messages and one-sided transfers are cut into frames on a byte stream. Pure: bytes in, events out; it asks
 * the machine nothing but memory. The format stands in README.md.
 */
#ifndef ENV_REAL_FRAME_H
#define ENV_REAL_FRAME_H

#include <sys/uio.h>
#include "base/base.h"
#include "base/sg.h"

#define FRAME_MAGIC 0x31465244u /* "DRF1" */
#define FRAME_VERSION 1
#define FRAME_HEAD 24
#define FRAME_FIELDS 4
#define FRAME_PREFIX_MAX (FRAME_HEAD + 8 * FRAME_FIELDS)
#define FRAME_MESSAGE_MAX MIB
#define FRAME_CHUNK_MAX (256 * KIB)
#define FRAME_PAD(len) ALIGN_UP((uint64_t)(len), 8)

/*        kind      fields  payload at most     flags allowed */
#define FRAME_KINDS(X) \
	X(HELLO,    2,      0,                 0)          /* newest | oldest << 32 version, features: first of all */ \
	X(MESSAGE,  0,      FRAME_MESSAGE_MAX, 0)          /* payload */ \
	X(GET,      4,      0,                 0)          /* key, secret, offset, length */ \
	X(GET_DATA, 1,      FRAME_CHUNK_MAX,   FRAME_LAST) /* offset within the get; payload */ \
	X(PUT_DATA, 3,      FRAME_CHUNK_MAX,   FRAME_LAST) /* key, secret, offset; payload */ \
	X(ACK,      0,      0,                 0)          /* the put is in memory */ \
	X(NAK,      1,      0,                 0)          /* error number, positive: the get or put failed */ \
	X(BYE,      0,      0,                 0)          /* last: the sender closed in order */

enum { FRAME_LAST = 1 };

enum frame_kind {
#define X(name, fields, payload, flags) FRAME_##name,
	FRAME_NONE,
	FRAME_KINDS(X)
#undef X
	FRAME_KIND_NR,
};

struct frame {
	uint8_t kind, flags;
	uint32_t len; /* bytes of payload, without padding */
	uint64_t id;  /* of the transfer; 0 for others */
	uint64_t field[FRAME_FIELDS];
};

/** Writes head and fields to out, which has room for FRAME_PREFIX_MAX. Returns how many bytes; payload and padding follow. */
size_t frame_encode(const struct frame *frame, uint8_t *out);
/** Bytes of head and fields of a kind. */
size_t frame_prefix_size(uint8_t kind);
const char *frame_kind_name(uint8_t kind);

/** What a reader tells. A negative return ends the reading and is handed on. */
struct frame_sink {
	/** HELLO, GET, ACK, NAK or BYE. */
	int (*control)(void *arg, const struct frame *frame);
	/** data is 8-byte aligned when the reads were laid out as frame_reader_want asked; lives until return. */
	int (*message)(void *arg, const void *data, size_t len);
	/**
	 * GET_DATA or PUT_DATA begins: where its payload goes. to stays untouched (or is cut short) to throw the rest away;
	 * what it points at must live until data_end or frame_reader_discard.
	 */
	int (*data_begin)(void *arg, const struct frame *frame, struct iov_cursor *to);
	int (*data_end)(void *arg, const struct frame *frame);
	/** len more (negative: fewer) bytes are wanted for an incomplete message. */
	int (*budget)(void *arg, int64_t len);
};

struct frame_reader {
	const struct frame_sink *sink;
	void *arg;
	struct mem *mem;
	struct frame frame;      /* valid once prefix_have reaches the prefix's size */
	uint8_t prefix[FRAME_PREFIX_MAX];
	uint32_t prefix_have, prefix_need;
	uint8_t *part;           /* payload of an incomplete message */
	uint32_t part_size;
	uint32_t have, need;     /* payload and padding */
	struct iov_cursor to;    /* of a data frame */
	const char *broken;      /* why the last error was returned, for the log; NULL: the sink's own error */
	bool greeted, said_bye;
};

void frame_reader_init(struct frame_reader *reader, const struct frame_sink *sink, void *arg, struct mem *mem);
void frame_reader_fini(struct frame_reader *reader);
/** Takes bytes of the stream. -DER_PROTO: they are no frames (broken says why); -DER_NOMEM; or what the sink returned. */
int frame_reader_feed(struct frame_reader *reader, const void *data, size_t len);
/**
 * Where the next bytes of the stream are best read to, at most max pieces; a buffer for frame_reader_feed, 8-byte aligned,
 * should follow them. waste: 8 bytes for what nobody wants. Returns the number of pieces, possibly 0.
 */
int frame_reader_want(struct frame_reader *reader, struct iovec *iov, int max, uint8_t *waste);
/** len bytes were read to where frame_reader_want said. */
int frame_reader_took(struct frame_reader *reader, size_t len);
/** The memory that the present data frame goes to is going away: its rest is thrown away. */
void frame_reader_discard(struct frame_reader *reader);
/** The kind of the frame whose payload is coming in; FRAME_NONE between frames. */
uint8_t frame_reader_kind(const struct frame_reader *reader);

#endif
