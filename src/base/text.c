/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/text: parsing and printing (see text.h). No locale, no floating point: the same text everywhere.
 *
 * Invariants
 *  I1  A parser reads no further than the NUL and stores its result only when the whole text was understood.
 *  I2  Memory is taken only for counts that were checked against the caller's limit.
 *  I3  A strbuf's text is NUL-terminated whenever it is not NULL.
 */
#include <stdio.h>
#include "base/bitmap.h"
#include "base/text.h"

/* The C library's character classes depend on a locale; these do not. */
static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool
is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static char
to_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static int
hex_digit(char c)
{
	if (is_digit(c))
		return c - '0';
	c = to_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static const char *
skip_space(const char *text)
{
	while (is_space(*text))
		text++;
	return text;
}

/* ---- strings that grow -------------------------------------------------------------------------------------------- */

void
strbuf_init(struct strbuf *buf, struct mem *mem)
{
	*buf = (struct strbuf){.mem = mem};
}

void
strbuf_init_fixed(struct strbuf *buf, char *text, size_t size)
{
	ASSERT(size > 0);
	*buf = (struct strbuf){.text = text, .size = size};
	text[0] = '\0';
}

void
strbuf_fini(struct strbuf *buf)
{
	if (buf->mem != NULL)
		mem_free(buf->mem, buf->text);
	*buf = (struct strbuf){.mem = buf->mem};
}

/* Makes room for len more bytes and the NUL. */
static bool
make_room(struct strbuf *buf, size_t len)
{
	char *text;
	size_t size;

	if (buf->rc != 0)
		return false;
	if (len < buf->size - buf->len)
		return true;
	if (buf->mem == NULL) {
		buf->rc = -DER_TRUNC;
		return false;
	}
	if (len >= SIZE_MAX / 4) {
		buf->rc = -DER_NOMEM;
		return false;
	}
	size = MAX(MAX(buf->size * 2, (size_t)64), buf->len + len + 1);
	text = mem_grow(buf->mem, buf->text, buf->size, size, 1);
	if (text == NULL) {
		buf->rc = -DER_NOMEM;
		return false;
	}
	buf->text = text;
	buf->size = size;
	return true;
}

void
strbuf_add_bytes(struct strbuf *buf, const char *text, size_t len)
{
	if (!make_room(buf, len)) {
		/* A full fixed buffer shows as much as fits. */
		if (buf->rc != -DER_TRUNC || buf->mem != NULL)
			return;
		len = MIN(len, buf->size - buf->len - 1);
	}
	memcpy(buf->text + buf->len, text, len);
	buf->len += len;
	buf->text[buf->len] = '\0';
}

void
strbuf_add(struct strbuf *buf, const char *text)
{
	strbuf_add_bytes(buf, text, strlen(text));
}

void
strbuf_add_char(struct strbuf *buf, char c)
{
	strbuf_add_bytes(buf, &c, 1);
}

void
strbuf_vaddf(struct strbuf *buf, const char *fmt, va_list args)
{
	char small[256], *large;
	va_list again;
	int len;

	va_copy(again, args);
	len = vsnprintf(small, sizeof(small), fmt, args);
	if (len >= 0 && (size_t)len < sizeof(small)) {
		strbuf_add_bytes(buf, small, (size_t)len);
	} else if (len >= 0 && make_room(buf, (size_t)len)) {
		large = buf->text + buf->len;
		vsnprintf(large, (size_t)len + 1, fmt, again);
		buf->len += (size_t)len;
	} else if (len >= 0 && buf->rc == -DER_TRUNC && buf->mem == NULL) {
		vsnprintf(buf->text + buf->len, buf->size - buf->len, fmt, again);
		buf->len = buf->size - 1;
	}
	va_end(again);
}

void
strbuf_addf(struct strbuf *buf, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	strbuf_vaddf(buf, fmt, args);
	va_end(args);
}

const char *
strbuf_text(const struct strbuf *buf)
{
	return buf->text != NULL ? buf->text : "";
}

void
strbuf_cut(struct strbuf *buf, size_t len)
{
	if (len < buf->len) {
		buf->len = len;
		buf->text[len] = '\0';
	}
}

int
strbuf_take(struct strbuf *buf, char **text)
{
	int rc = make_room(buf, 0) ? 0 : buf->rc;

	if (rc == 0) {
		buf->text[buf->len] = '\0';
		*text = buf->text;
		buf->text = NULL;
	}
	strbuf_fini(buf);
	return rc;
}

/* ---- pieces of a text --------------------------------------------------------------------------------------------- */

struct text_span
text_span_of(const char *text)
{
	return (struct text_span){.at = text, .len = strlen(text)};
}

struct text_span
text_trim(struct text_span span)
{
	while (span.len > 0 && is_space(span.at[0])) {
		span.at++;
		span.len--;
	}
	while (span.len > 0 && is_space(span.at[span.len - 1]))
		span.len--;
	return span;
}

bool
text_split(struct text_span *rest, char sep, struct text_span *piece)
{
	const char *cut;

	if (rest->at == NULL)
		return false;
	cut = rest->len > 0 ? memchr(rest->at, sep, rest->len) : NULL;
	*piece = *rest;
	if (cut == NULL) {
		*rest = (struct text_span){0};
		return true;
	}
	piece->len = (size_t)(cut - rest->at);
	rest->len -= piece->len + 1;
	rest->at = cut + 1;
	return true;
}

bool
text_equal(struct text_span span, const char *word)
{
	return strlen(word) == span.len && (span.len == 0 || memcmp(span.at, word, span.len) == 0);
}

bool
text_equal_nocase(struct text_span span, const char *word)
{
	if (strlen(word) != span.len)
		return false;
	for (size_t i = 0; i < span.len; i++)
		if (to_lower(span.at[i]) != to_lower(word[i]))
			return false;
	return true;
}

int
text_copy(struct text_span span, char *buf, size_t size)
{
	if (span.len >= size)
		return -DER_OVERFLOW;
	if (span.len > 0 && memchr(span.at, '\0', span.len) != NULL)
		return -DER_INVAL;
	if (span.len > 0)
		memcpy(buf, span.at, span.len);
	buf[span.len] = '\0';
	return 0;
}

/* ---- numbers ------------------------------------------------------------------------------------------------------ */

/* Digits at *text, over which it moves; -DER_INVAL when there is none. */
static int
take_digits(const char **text, unsigned int base, uint64_t *value)
{
	const char *at = *text;
	uint64_t sum = 0;

	for (;; at++) {
		int digit = hex_digit(*at);

		if (digit < 0 || (unsigned int)digit >= base)
			break;
		if (__builtin_mul_overflow(sum, base, &sum) || __builtin_add_overflow(sum, (uint64_t)digit, &sum))
			return -DER_OVERFLOW;
	}
	if (at == *text)
		return -DER_INVAL;
	*text = at;
	*value = sum;
	return 0;
}

int
text_parse_u64(const char *text, uint64_t *value)
{
	bool hex = text[0] == '0' && to_lower(text[1]) == 'x';
	uint64_t sum;
	int rc;

	if (hex)
		text += 2;
	rc = take_digits(&text, hex ? 16 : 10, &sum);
	if (rc == 0 && *text != '\0')
		rc = -DER_INVAL;
	if (rc == 0)
		*value = sum;
	return rc;
}

int
text_parse_u32(const char *text, uint32_t *value)
{
	uint64_t wide;
	int rc = text_parse_u64(text, &wide);

	if (rc == 0 && wide > UINT32_MAX)
		rc = -DER_OVERFLOW;
	if (rc == 0)
		*value = (uint32_t)wide;
	return rc;
}

int
text_parse_i64(const char *text, int64_t *value)
{
	bool minus = *text == '-';
	uint64_t wide;
	int rc = text_parse_u64(text + minus, &wide);

	if (rc == 0 && wide > (uint64_t)INT64_MAX + minus)
		rc = -DER_OVERFLOW;
	if (rc == 0)
		*value = (int64_t)(minus ? 0 - wide : wide);
	return rc;
}

/* The factor that a unit stands for; 0 when it is none. */
static uint64_t
unit_factor(const char *unit)
{
	static const char letters[] = "kmgtpe";
	const char *letter;
	uint64_t factor = 1, step = 1000;

	if (*unit == '\0' || (to_lower(unit[0]) == 'b' && unit[1] == '\0'))
		return 1;
	letter = strchr(letters, to_lower(*unit++));
	if (letter == NULL)
		return 0;
	if (to_lower(*unit) == 'i') {
		step = 1024;
		unit++;
	}
	if (to_lower(*unit) == 'b')
		unit++;
	if (*unit != '\0')
		return 0;
	for (long i = 0; i <= letter - letters; i++)
		factor *= step;
	return factor;
}

/* What follows the point: nine digits are kept, more are read over. */
static int
take_fraction(const char **text, uint64_t *billionths)
{
	uint64_t sum = 0, weight = 100000000;

	if (!is_digit(**text))
		return -DER_INVAL;
	for (; is_digit(**text); (*text)++) {
		sum += weight * (uint64_t)(**text - '0');
		weight /= 10;
	}
	*billionths = sum;
	return 0;
}

int
text_parse_size(const char *text, uint64_t *bytes)
{
	uint64_t whole, billionths = 0, factor;
	unsigned __int128 sum;
	struct text_span unit_span;
	char unit[8];
	int rc;

	text = skip_space(text);
	rc = take_digits(&text, 10, &whole);
	if (rc == 0 && *text == '.') {
		text++;
		rc = take_fraction(&text, &billionths);
	}
	if (rc != 0)
		return rc;
	unit_span = text_trim(text_span_of(text));
	if (text_copy(unit_span, unit, sizeof(unit)) != 0)
		return -DER_INVAL;
	factor = unit_factor(unit);
	if (factor == 0)
		return -DER_INVAL;
	sum = (unsigned __int128)whole * factor + (unsigned __int128)billionths * factor / 1000000000;
	if (sum > UINT64_MAX)
		return -DER_OVERFLOW;
	*bytes = (uint64_t)sum;
	return 0;
}

int
text_parse_percent(const char *text, uint32_t *percent)
{
	uint64_t value;
	int rc;

	text = skip_space(text);
	rc = take_digits(&text, 10, &value);
	if (rc != 0)
		return rc;
	text = skip_space(text);
	if (*text == '%')
		text = skip_space(text + 1);
	if (*text != '\0' || value > 100)
		return -DER_INVAL;
	*percent = (uint32_t)value;
	return 0;
}

int
text_parse_share(const char *text, uint64_t total, uint64_t *bytes)
{
	uint32_t percent;
	int rc;

	if (strchr(text, '%') == NULL)
		return text_parse_size(text, bytes);
	rc = text_parse_percent(text, &percent);
	if (rc == 0)
		*bytes = (uint64_t)((unsigned __int128)total * percent / 100);
	return rc;
}

static char *
print_size(char *buf, uint64_t bytes, uint64_t step, const char *const units[])
{
	uint64_t factor = 1, tenths;
	int unit = 0;

	while (unit < 6 && bytes / factor >= step) {
		factor *= step;
		unit++;
	}
	if (unit == 0) {
		snprintf(buf, TEXT_SIZE_MAX, "%llu %s", (unsigned long long)bytes, units[0]);
		return buf;
	}
	tenths = (uint64_t)(((unsigned __int128)bytes * 10 + factor / 2) / factor);
	if (tenths < 100)
		snprintf(buf, TEXT_SIZE_MAX, "%llu.%llu %s", (unsigned long long)(tenths / 10),
			 (unsigned long long)(tenths % 10), units[unit]);
	else
		snprintf(buf, TEXT_SIZE_MAX, "%llu %s", (unsigned long long)((tenths + 5) / 10), units[unit]);
	return buf;
}

char *
text_print_size(char buf[TEXT_SIZE_MAX], uint64_t bytes)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};

	return print_size(buf, bytes, 1024, units);
}

char *
text_print_size_si(char buf[TEXT_SIZE_MAX], uint64_t bytes)
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};

	return print_size(buf, bytes, 1000, units);
}

static const struct {
	const char *name;
	uint64_t ns;
} time_units[] = {
	{"d", 86400 * NS_PER_S}, {"h", 3600 * NS_PER_S}, {"m", 60 * NS_PER_S}, {"s", NS_PER_S},
	{"ms", NS_PER_MS},       {"us", NS_PER_US},      {"ns", 1},
};

/* Which unit stands at *text, over which it moves; none: the number of units. */
static size_t
take_time_unit(const char **text)
{
	size_t len = 0;

	while (is_letter((*text)[len]))
		len++;
	for (size_t i = 0; i < ARRAY_SIZE(time_units); i++) {
		if (text_equal((struct text_span){.at = *text, .len = len}, time_units[i].name)) {
			*text += len;
			return i;
		}
	}
	return ARRAY_SIZE(time_units);
}

int
text_parse_duration(const char *text, uint64_t *ns)
{
	uint64_t sum = 0, number, part;
	size_t least = 0; /* the largest unit that may follow */
	int rc;

	text = skip_space(text);
	do {
		size_t unit;

		rc = take_digits(&text, 10, &number);
		if (rc != 0)
			return rc;
		text = skip_space(text);
		if (least == 0 && *text == '\0') {
			if (__builtin_mul_overflow(number, NS_PER_S, &sum))
				return -DER_OVERFLOW;
			break;
		}
		unit = take_time_unit(&text);
		if (unit == ARRAY_SIZE(time_units) || unit < least)
			return -DER_INVAL;
		least = unit + 1;
		if (__builtin_mul_overflow(number, time_units[unit].ns, &part) || __builtin_add_overflow(sum, part, &sum))
			return -DER_OVERFLOW;
		text = skip_space(text);
	} while (*text != '\0');
	*ns = sum;
	return 0;
}

char *
text_print_duration(char buf[TEXT_DURATION_MAX], uint64_t ns)
{
	struct strbuf out;

	strbuf_init_fixed(&out, buf, TEXT_DURATION_MAX);
	for (size_t i = 0; i < ARRAY_SIZE(time_units); i++) {
		uint64_t number = ns / time_units[i].ns;

		if (number > 0)
			strbuf_addf(&out, "%llu%s", (unsigned long long)number, time_units[i].name);
		ns -= number * time_units[i].ns;
	}
	if (out.len == 0)
		strbuf_add(&out, "0s");
	return buf;
}

/* ---- names -------------------------------------------------------------------------------------------------------- */

static bool
uuid_dash_at(size_t i)
{
	return i == 8 || i == 13 || i == 18 || i == 23;
}

int
text_parse_uuid(const char *text, unsigned char uuid[16])
{
	unsigned char bytes[16] = {0};
	size_t digits = 0;

	for (size_t i = 0; i < TEXT_UUID_SIZE - 1; i++) {
		int digit;

		if (uuid_dash_at(i)) {
			if (text[i] != '-')
				return -DER_INVAL;
			continue;
		}
		digit = hex_digit(text[i]);
		if (digit < 0)
			return -DER_INVAL;
		bytes[digits / 2] = (unsigned char)(bytes[digits / 2] << 4 | digit);
		digits++;
	}
	if (text[TEXT_UUID_SIZE - 1] != '\0')
		return -DER_INVAL;
	memcpy(uuid, bytes, sizeof(bytes));
	return 0;
}

char *
text_print_uuid(char buf[TEXT_UUID_SIZE], const unsigned char uuid[16])
{
	static const char hex[] = "0123456789abcdef";
	size_t digits = 0;

	for (size_t i = 0; i < TEXT_UUID_SIZE - 1; i++) {
		if (uuid_dash_at(i)) {
			buf[i] = '-';
			continue;
		}
		buf[i] = hex[uuid[digits / 2] >> (digits % 2 == 0 ? 4 : 0) & 15];
		digits++;
	}
	buf[TEXT_UUID_SIZE - 1] = '\0';
	return buf;
}

bool
text_label_is_valid(const char *label)
{
	unsigned char uuid[16];
	size_t len = 0;

	if (label == NULL)
		return false;
	for (; label[len] != '\0'; len++)
		if (len == TEXT_LABEL_MAX ||
		    !(is_letter(label[len]) || is_digit(label[len]) || strchr("._:-", label[len]) != NULL))
			return false;
	return len > 0 && text_parse_uuid(label, uuid) != 0;
}

/* One "a" or "a-b" of a rank set. */
static int
take_rank_range(const char **text, uint32_t limit, uint32_t *low, uint32_t *high)
{
	uint64_t first, last;
	int rc;

	*text = skip_space(*text);
	rc = take_digits(text, 10, &first);
	last = first;
	if (rc == 0 && **text == '-') {
		(*text)++;
		rc = take_digits(text, 10, &last);
	}
	*text = skip_space(*text);
	if (rc == 0 && last < first)
		rc = -DER_INVAL;
	if (rc == 0 && last >= limit)
		rc = -DER_OVERFLOW;
	*low = (uint32_t)first;
	*high = (uint32_t)last;
	return rc;
}

/* Walks the ranges; marks them in set unless it is NULL. *end is one more than the highest rank. */
static int
read_ranks(const char *text, uint32_t limit, uint64_t *set, uint32_t *end)
{
	bool bracket;

	*end = 0;
	text = skip_space(text);
	bracket = *text == '[';
	text = skip_space(text + bracket);
	if (*text == (bracket ? ']' : '\0'))
		return *skip_space(text + bracket) == '\0' ? 0 : -DER_INVAL;
	for (;;) {
		uint32_t low, high;
		int rc = take_rank_range(&text, limit, &low, &high);

		if (rc != 0)
			return rc;
		*end = MAX(*end, high + 1);
		if (set != NULL)
			bitmap_set_range(set, low, (size_t)high - low + 1);
		if (*text != ',')
			break;
		text++;
	}
	if (bracket && *text++ != ']')
		return -DER_INVAL;
	return *skip_space(text) == '\0' ? 0 : -DER_INVAL;
}

int
text_parse_ranks(struct mem *mem, const char *text, uint32_t limit, uint32_t **ranks, uint32_t *nr)
{
	uint32_t *list = NULL, end, count = 0;
	uint64_t *set;
	int rc = read_ranks(text, limit, NULL, &end);

	if (rc != 0)
		return rc;
	if (end == 0) {
		*ranks = NULL;
		*nr = 0;
		return 0;
	}
	set = MEM_NEW_ARRAY(mem, uint64_t, BITMAP_WORDS(end));
	if (set == NULL)
		return -DER_NOMEM;
	read_ranks(text, limit, set, &end);
	list = MEM_NEW_ARRAY(mem, uint32_t, bitmap_count(set, end));
	if (list != NULL) {
		bitmap_each_set(rank, set, end)
			list[count++] = (uint32_t)rank;
		*ranks = list;
		*nr = count;
	}
	mem_free(mem, set);
	return list != NULL ? 0 : -DER_NOMEM;
}

void
text_print_ranks(struct strbuf *buf, const uint32_t *ranks, uint32_t nr)
{
	for (uint32_t i = 0; i < nr;) {
		uint32_t run = 1;

		while (i + run < nr && ranks[i + run] == ranks[i] + run)
			run++;
		strbuf_addf(buf, "%s%u", i > 0 ? "," : "", ranks[i]);
		if (run > 1)
			strbuf_addf(buf, "-%u", ranks[i] + run - 1);
		i += run;
	}
}
