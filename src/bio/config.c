/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bio/config: the JSON device list that daos_engine is started with:
 *
 *	{ "subsystems": [ { "subsystem": "bdev", "config": [
 *	    { "method": "bdev_aio_create", "params": { "filename": "/dev/vdb", "roles": ["meta", "wal"] } },
 *	    { "method": "bdev_dir_create", "params": { "path": "/srv/store/0" } } ] } ] }
 *
 * Strict JSON (RFC 8259), read in one pass without building a tree: each object's reader takes the members it knows and
 * skips the rest. Methods that make no device (options, other subsystems) are skipped too.
 *
 *	config I1  at <= end always; every step takes at least one byte; depth is bounded, so is the stack.
 */
#include "bio_private.h"

#define JSON_MAX (1 * MIB)
#define DEPTH_MAX 32
#define TEXT_MAX 256

struct reader {
	const char *at, *end;
	int depth;
	bool bad;
};

struct found {
	struct bio_dev_config devs[BIO_DEV_MAX];
	char paths[BIO_DEV_MAX][TEXT_MAX];
	int nr;
	bool overflow;
};

/* ---- tokens --------------------------------------------------------------------------------------------------------- */

static void
blanks(struct reader *r)
{
	while (r->at < r->end && (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r'))
		r->at++;
}

/* The next byte that is no blank; 0 at the end. */
static char
peek(struct reader *r)
{
	blanks(r);
	return r->at < r->end && !r->bad ? *r->at : 0;
}

static bool
take(struct reader *r, char c)
{
	if (peek(r) != c)
		return false;
	r->at++;
	return true;
}

static bool
need(struct reader *r, char c)
{
	if (!take(r, c))
		r->bad = true;
	return !r->bad;
}

static int
hex4(struct reader *r)
{
	int value = 0;

	for (int i = 0; i < 4; i++) {
		char c = r->at < r->end ? *r->at++ : 0;
		int digit = c >= '0' && c <= '9'   ? c - '0'
			    : c >= 'a' && c <= 'f' ? c - 'a' + 10
			    : c >= 'A' && c <= 'F' ? c - 'A' + 10
						   : -1;

		if (digit < 0) {
			r->bad = true;
			return 0;
		}
		value = value * 16 + digit;
	}
	return value;
}

static size_t
utf8(uint32_t code, char out[4])
{
	if (code < 0x80) {
		out[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		out[0] = (char)(0xc0 | code >> 6);
		out[1] = (char)(0x80 | (code & 63));
		return 2;
	}
	if (code < 0x10000) {
		out[0] = (char)(0xe0 | code >> 12);
		out[1] = (char)(0x80 | (code >> 6 & 63));
		out[2] = (char)(0x80 | (code & 63));
		return 3;
	}
	out[0] = (char)(0xf0 | code >> 18);
	out[1] = (char)(0x80 | (code >> 12 & 63));
	out[2] = (char)(0x80 | (code >> 6 & 63));
	out[3] = (char)(0x80 | (code & 63));
	return 4;
}

/* What follows a backslash, as bytes; 0: bad. */
static size_t
escape(struct reader *r, char out[4])
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	char c = r->at < r->end ? *r->at++ : 0;
	const char *known = c != 0 ? strchr(from, c) : NULL;
	uint32_t code;

	if (known != NULL) {
		out[0] = to[known - from];
		return 1;
	}
	code = c == 'u' ? (uint32_t)hex4(r) : 0;
	if (code >= 0xd800 && code < 0xdc00 && r->end - r->at >= 6 && r->at[0] == '\\' && r->at[1] == 'u') {
		uint32_t low;

		r->at += 2;
		low = (uint32_t)hex4(r);
		code = low >= 0xdc00 && low < 0xe000 ? 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00) : 0;
	}
	if (code == 0 || (code >= 0xd800 && code < 0xe000))
		r->bad = true;
	return r->bad ? 0 : utf8(code, out);
}

/* A string into out (TEXT_MAX bytes, ends with 0); one that is too long, or has a NUL in it, becomes "". NULL: skip it. */
static void
string(struct reader *r, char *out)
{
	bool fits = true;
	size_t len = 0;

	if (!need(r, '"'))
		return;
	while (!r->bad) {
		char bytes[4];
		size_t nr = 1;

		if (r->at == r->end || (unsigned char)*r->at < 0x20) {
			r->bad = true;
			return;
		}
		bytes[0] = *r->at++;
		if (bytes[0] == '"')
			break;
		if (bytes[0] == '\\')
			nr = escape(r, bytes);
		fits = fits && len + nr < TEXT_MAX;
		if (out != NULL && fits)
			memcpy(out + len, bytes, nr);
		len += nr;
	}
	if (out != NULL)
		out[fits && !r->bad ? len : 0] = '\0';
}

static void
number(struct reader *r)
{
	const char *from = r->at;

	if (r->at < r->end && *r->at == '-')
		r->at++;
	while (r->at < r->end && ((*r->at >= '0' && *r->at <= '9') || (r->at > from && strchr("+-.eE", *r->at) != NULL && *r->at != 0)))
		r->at++;
	if (r->at == from || (r->at == from + 1 && *from == '-'))
		r->bad = true;
}

static void
word(struct reader *r, const char *text)
{
	size_t len = strlen(text);

	if ((size_t)(r->end - r->at) < len || memcmp(r->at, text, len) != 0)
		r->bad = true;
	else
		r->at += len;
}

/* ---- structure -------------------------------------------------------------------------------------------------------- */

typedef void (*member_fn)(struct reader *r, const char *name, void *arg);

static void skip(struct reader *r);

/* An object; member reads, or skips, the value of each. */
static void
object(struct reader *r, member_fn member, void *arg)
{
	char name[TEXT_MAX] = "";

	if (++r->depth > DEPTH_MAX)
		r->bad = true;
	need(r, '{');
	if (!r->bad && !take(r, '}')) {
		do {
			string(r, name);
			if (need(r, ':'))
				member(r, name, arg);
		} while (!r->bad && take(r, ','));
		need(r, '}');
	}
	r->depth--;
}

static void
array(struct reader *r, void (*element)(struct reader *r, void *arg), void *arg)
{
	if (++r->depth > DEPTH_MAX)
		r->bad = true;
	need(r, '[');
	if (!r->bad && !take(r, ']')) {
		do {
			element(r, arg);
		} while (!r->bad && take(r, ','));
		need(r, ']');
	}
	r->depth--;
}

static void
skip_member(struct reader *r, const char *name, void *arg)
{
	skip(r);
}

static void
skip_element(struct reader *r, void *arg)
{
	skip(r);
}

static void
skip(struct reader *r)
{
	switch (peek(r)) {
	case '{':
		object(r, skip_member, NULL);
		return;
	case '[':
		array(r, skip_element, NULL);
		return;
	case '"':
		string(r, NULL);
		return;
	case 't':
		word(r, "true");
		return;
	case 'f':
		word(r, "false");
		return;
	case 'n':
		word(r, "null");
		return;
	default:
		number(r);
	}
}

/* ---- the device list ------------------------------------------------------------------------------------------------------- */

struct method {
	char name[TEXT_MAX], path[TEXT_MAX];
	uint32_t roles;
	bool has_path, bad_roles;
};

static void
role(struct reader *r, void *arg)
{
	struct method *m = arg;
	char text[TEXT_MAX] = "";

	string(r, text);
	if (strcmp(text, "meta") == 0)
		m->roles |= 1U << BIO_META;
	else if (strcmp(text, "wal") == 0)
		m->roles |= 1U << BIO_WAL;
	else if (strcmp(text, "data") == 0)
		m->roles |= 1U << BIO_DATA;
	else
		m->bad_roles = true;
}

static void
param(struct reader *r, const char *name, void *arg)
{
	struct method *m = arg;

	if ((strcmp(name, "filename") == 0 || strcmp(name, "path") == 0) && peek(r) == '"') {
		string(r, m->path);
		m->has_path = true;
	} else if (strcmp(name, "roles") == 0 && peek(r) == '[') {
		array(r, role, m);
	} else {
		skip(r);
	}
}

static void
method_member(struct reader *r, const char *name, void *arg)
{
	struct method *m = arg;

	if (strcmp(name, "method") == 0 && peek(r) == '"')
		string(r, m->name);
	else if (strcmp(name, "params") == 0 && peek(r) == '{')
		object(r, param, m);
	else
		skip(r);
}

static void
method(struct reader *r, void *arg)
{
	struct found *found = arg;
	struct method m = { .path = "" };
	bool raw;

	object(r, method_member, &m);
	raw = strcmp(m.name, "bdev_aio_create") == 0;
	if (r->bad || (!raw && strcmp(m.name, "bdev_dir_create") != 0))
		return;
	if (!m.has_path || m.path[0] != '/' || m.bad_roles) {
		r->bad = true;
		return;
	}
	if (found->nr == BIO_DEV_MAX) {
		found->overflow = true;
		return;
	}
	memcpy(found->paths[found->nr], m.path, TEXT_MAX);
	found->devs[found->nr].raw = raw;
	found->devs[found->nr++].roles = m.roles;
}

struct subsystem {
	struct found *found;
	char name[TEXT_MAX];
	const char *config; /* where its list begins */
};

static void
subsystem_member(struct reader *r, const char *name, void *arg)
{
	struct subsystem *s = arg;

	if (strcmp(name, "subsystem") == 0 && peek(r) == '"') {
		string(r, s->name);
		return;
	}
	if (strcmp(name, "config") == 0 && peek(r) == '[')
		s->config = r->at;
	skip(r);
}

/* Its name may come after its list: the list is skipped first, and read when the name is known. */
static void
subsystem(struct reader *r, void *arg)
{
	struct subsystem s = { .found = arg };
	struct reader again;

	object(r, subsystem_member, &s);
	if (r->bad || s.config == NULL || strcmp(s.name, "bdev") != 0)
		return;
	again = *r;
	again.at = s.config;
	array(&again, method, s.found);
	r->bad = again.bad;
}

static void
top(struct reader *r, const char *name, void *arg)
{
	if (strcmp(name, "subsystems") == 0 && peek(r) == '[')
		array(r, subsystem, arg);
	else
		skip(r);
}

int
bio_config_parse(struct mem *mem, const char *json, size_t len, struct bio_dev_config **devs, int *nr)
{
	struct reader r = { .at = json, .end = json + len };
	struct found *found;
	char *text;
	int rc = 0;

	if (len > JSON_MAX)
		return -DER_OVERFLOW;
	found = MEM_NEW(mem, struct found);
	if (found == NULL)
		return -DER_NOMEM;
	object(&r, top, found);
	if (r.bad || peek(&r) != 0 || r.at != r.end)
		rc = -DER_INVAL;
	else if (found->overflow)
		rc = -DER_OVERFLOW;
	if (rc == 0) {
		*nr = found->nr;
		*devs = mem_alloc(mem, (size_t)(found->nr + 1) * sizeof(**devs) + (size_t)found->nr * TEXT_MAX);
		rc = *devs == NULL ? -DER_NOMEM : 0;
	}
	if (rc == 0) {
		memcpy(*devs, found->devs, (size_t)found->nr * sizeof(**devs));
		text = (char *)(*devs + found->nr);
		memcpy(text, found->paths, (size_t)found->nr * TEXT_MAX);
		for (int i = 0; i < found->nr; i++)
			(*devs)[i].path = text + (size_t)i * TEXT_MAX;
	}
	mem_free(mem, found);
	return rc;
}
