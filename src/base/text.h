/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/text: what people write and read: sizes, durations, numbers, UUIDs, labels, sets of ranks; and strings that grow.
 * Parsers take a whole NUL-terminated text, from anywhere: -DER_INVAL when it is not what it should be, -DER_OVERFLOW
 * when the value does not fit; the result is untouched then.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdarg.h>
#include "base/base.h"

/* ---- strings that grow -------------------------------------------------------------------------------------------- */

/** Keeps the first error and goes on harmlessly; asked once at the end. */
struct strbuf {
	char *text; /* NUL-terminated; NULL before the first byte */
	size_t len, size;
	int rc;
	struct mem *mem; /* NULL: text is the caller's, and does not grow */
};

/** Grows in mem: -DER_NOMEM. */
void strbuf_init(struct strbuf *buf, struct mem *mem);
/** Writes to size bytes of text: -DER_TRUNC when they are full; the text is cut then, never unterminated. */
void strbuf_init_fixed(struct strbuf *buf, char *text, size_t size);
/** Frees a growing text that was not taken. */
void strbuf_fini(struct strbuf *buf);
void strbuf_add(struct strbuf *buf, const char *text);
void strbuf_add_bytes(struct strbuf *buf, const char *text, size_t len);
void strbuf_add_char(struct strbuf *buf, char c);
void strbuf_addf(struct strbuf *buf, const char *fmt, ...) PRINTF_LIKE(2, 3);
void strbuf_vaddf(struct strbuf *buf, const char *fmt, va_list args) PRINTF_LIKE(2, 0);
/** The text so far, never NULL; until the next change. */
const char *strbuf_text(const struct strbuf *buf);
/** Drops everything behind the first len bytes. */
void strbuf_cut(struct strbuf *buf, size_t len);
/** The text, which the caller frees with mem_free of a growing buffer's mem; the buffer is empty again. Else its error. */
int strbuf_take(struct strbuf *buf, char **text);

/* ---- pieces of a text --------------------------------------------------------------------------------------------- */

struct text_span {
	const char *at;
	size_t len;
};

/** The whole of a string. */
struct text_span text_span_of(const char *text);
/** Without white space at both ends. */
struct text_span text_trim(struct text_span span);
/** Takes the piece before the next sep off the front of rest; false when rest was used up. "a,,b" has three pieces. */
bool text_split(struct text_span *rest, char sep, struct text_span *piece);
/** Are they the same, with and without regard to case (of ASCII letters)? */
bool text_equal(struct text_span span, const char *word);
bool text_equal_nocase(struct text_span span, const char *word);
/** Copies span as a string; -DER_OVERFLOW when it does not fit with its NUL, -DER_INVAL when it holds a NUL. */
int text_copy(struct text_span span, char *buf, size_t size);

/* ---- numbers ------------------------------------------------------------------------------------------------------ */

/** Decimal, or hexadecimal after 0x. */
int text_parse_u64(const char *text, uint64_t *value);
int text_parse_u32(const char *text, uint32_t *value);
int text_parse_i64(const char *text, int64_t *value);

/**
 * Bytes: a number, perhaps with a fraction, and a unit in upper or lower case: none or B; K, KB, M, MB ... E, EB for powers
 * of 1000; Ki, KiB ... Ei, EiB for powers of 1024. "8 GiB", "10MB", "1.5TiB". Fractions of a byte are cut off.
 */
int text_parse_size(const char *text, uint64_t *bytes);
/** "50%" or "50": 0 to 100. */
int text_parse_percent(const char *text, uint32_t *percent);
/** A size, or a percentage of total. */
int text_parse_share(const char *text, uint64_t total, uint64_t *bytes);

enum { TEXT_SIZE_MAX = 24, TEXT_DURATION_MAX = 32, TEXT_UUID_SIZE = 37, TEXT_LABEL_MAX = 127 };

/** "8.0 GiB", "512 B"; "8.6 GB": rounded to a decimal below 10 of a unit, to whole units from there. Returns buf. */
char *text_print_size(char buf[TEXT_SIZE_MAX], uint64_t bytes);
char *text_print_size_si(char buf[TEXT_SIZE_MAX], uint64_t bytes);

/** Time: numbers with units d, h, m, s, ms, us, ns, largest first: "1h30m", "250ms"; a number alone is seconds. */
int text_parse_duration(const char *text, uint64_t *ns);
/** In the same notation, exactly. Returns buf. */
char *text_print_duration(char buf[TEXT_DURATION_MAX], uint64_t ns);

/* ---- names -------------------------------------------------------------------------------------------------------- */

/** 36 characters, hexadecimal in either case. */
int text_parse_uuid(const char *text, unsigned char uuid[16]);
/** In lower case. Returns buf. */
char *text_print_uuid(char buf[TEXT_UUID_SIZE], const unsigned char uuid[16]);
/** 1 to 127 of A-Z a-z 0-9 . _ : -, and not the shape of a UUID: names pools and containers. */
bool text_label_is_valid(const char *label);

/**
 * A set of ranks: "0-3,5", "[0-3,5]", "7". ranks comes sorted, each once, in memory of mem that the caller frees (NULL for
 * the empty text). Ranks are below limit, which bounds the memory: -DER_OVERFLOW beyond it. -DER_NOMEM.
 */
int text_parse_ranks(struct mem *mem, const char *text, uint32_t limit, uint32_t **ranks, uint32_t *nr);
/** Adds the set in the same notation, without brackets, runs joined where ranks ascend by one. */
void text_print_ranks(struct strbuf *buf, const uint32_t *ranks, uint32_t nr);

#endif
