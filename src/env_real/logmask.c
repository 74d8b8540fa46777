/* SPDX-License-Identifier: Apache-2.0 */
/* logmask: parsing and asking. Nothing here allocates, yields or keeps state outside of struct logmask. */
#include <stdlib.h>
#include <strings.h>
#include "logmask.h"

static const struct {
	const char *name;
	enum log_level level;
} level_names[] = {
	{"DEBUG", LOG_DEBUG}, {"DBUG", LOG_DEBUG}, {"DBG", LOG_DEBUG},  {"TRACE", LOG_DEBUG}, {"INFO", LOG_INFO},
	{"NOTE", LOG_NOTE},   {"NOTICE", LOG_NOTE}, {"WARN", LOG_WARN}, {"WARNING", LOG_WARN}, {"ERR", LOG_ERR},
	{"ERROR", LOG_ERR},   {"CRIT", LOG_CRIT},   {"ALRT", LOG_CRIT}, {"ALERT", LOG_CRIT},  {"FATAL", LOG_CRIT},
	{"EMRG", LOG_CRIT},   {"EMIT", LOG_EMIT},
};

/* What the debug streams of the original mean in rooms of this house. "" fits every room. */
static const struct {
	const char *stream;
	const char *rooms[8];
} streams[] = {
	{"all", {""}},
	{"any", {""}},
	{"trace", {""}},
	{"mem", {"base", "umem"}},
	{"net", {"rpc", "drpc", "env_real", "member", "iv"}},
	{"io", {"bio", "umem", "vea", "vos", "object", "kv", "array"}},
	{"md", {"rdb", "rsvc", "pool", "cont", "sysdb"}},
	{"mgmt", {"mgmt", "control", "agent", "engine"}},
	{"epc", {"vos", "dtx"}},
	{"df", {"dfs", "fuse"}},
	{"rebuild", {"rebuild"}},
	{"pl", {"place", "map"}},
	{"sec", {"security", "acl"}},
	{"csum", {"csum"}},
	{"group_default", {""}},
};

const char *
logmask_level_name(enum log_level level)
{
	static const char *const names[] = {"DEBUG", "INFO", "NOTE", "WARN", "ERR", "CRIT", "EMIT"};

	return (size_t)level < ARRAY_SIZE(names) ? names[level] : "?";
}

int
logmask_parse_level(const char *text, size_t len, enum log_level *level)
{
	for (size_t i = 0; i < ARRAY_SIZE(level_names); i++) {
		if (strlen(level_names[i].name) == len && strncasecmp(text, level_names[i].name, len) == 0) {
			*level = level_names[i].level;
			return 0;
		}
	}
	return -DER_INVAL;
}

int
logmask_parse_size(const char *text, uint64_t *size)
{
	char *end;
	unsigned long long value;
	int shift = 0;

	if (*text < '0' || *text > '9')
		return -DER_INVAL;
	value = strtoull(text, &end, 10);
	if (*end == 'k' || *end == 'K')
		shift = 10;
	else if (*end == 'm' || *end == 'M')
		shift = 20;
	else if (*end == 'g' || *end == 'G')
		shift = 30;
	if (end[shift != 0] != '\0' || value > UINT64_MAX >> shift)
		return -DER_INVAL;
	*size = (uint64_t)value << shift;
	return 0;
}

void
logmask_init(struct logmask *mask)
{
	*mask = (struct logmask){.level = LOG_WARN, .streams.all = true, .facilities.all = true};
}

int
logmask_set_levels(struct logmask *mask, const char *text)
{
	struct logmask next = *mask;
	const char *equals;
	size_t len;

	next.rule_nr = 0;
	while (*text != '\0') {
		len = strcspn(text, ",");
		equals = memchr(text, '=', len);
		if (equals == NULL) {
			if (len > 0 && logmask_parse_level(text, len, &next.level) != 0)
				return -DER_INVAL;
		} else {
			size_t name_len = (size_t)(equals - text);

			if (next.rule_nr == LOGMASK_RULES || name_len == 0 || name_len >= LOGMASK_NAME ||
			    logmask_parse_level(equals + 1, len - name_len - 1, &next.rule[next.rule_nr].level) != 0)
				return -DER_INVAL;
			memcpy(next.rule[next.rule_nr].name, text, name_len);
			next.rule[next.rule_nr++].name[name_len] = '\0';
		}
		text += len + (text[len] == ',');
	}
	*mask = next;
	return 0;
}

static int
add_word(struct logmask_words *words, const char *name)
{
	if (*name == '\0')
		words->all = true;
	if (words->nr == LOGMASK_RULES || strlen(name) >= LOGMASK_NAME)
		return -DER_INVAL;
	memcpy(words->name[words->nr++], name, strlen(name) + 1);
	return 0;
}

/* A stream's rooms, or the word itself. */
static int
add_stream(struct logmask_words *words, const char *text, size_t len)
{
	char name[LOGMASK_NAME];
	int rc = 0;

	for (size_t i = 0; i < ARRAY_SIZE(streams); i++) {
		if (strlen(streams[i].stream) != len || strncasecmp(streams[i].stream, text, len) != 0)
			continue;
		for (size_t r = 0; r < ARRAY_SIZE(streams[i].rooms) && streams[i].rooms[r] != NULL && rc == 0; r++)
			rc = add_word(words, streams[i].rooms[r]);
		return rc;
	}
	if (len >= sizeof(name))
		return -DER_INVAL;
	memcpy(name, text, len);
	name[len] = '\0';
	return add_word(words, name);
}

int
logmask_set_words(struct logmask_words *words, const char *text)
{
	static const char separators[] = ",:| ";
	struct logmask_words next = {0};
	size_t len;
	int rc;

	while (*text != '\0') {
		len = strcspn(text, separators);
		rc = len > 0 ? add_stream(&next, text, len) : 0;
		if (rc != 0)
			return rc;
		text += len + (text[len] != '\0');
	}
	*words = next;
	return 0;
}

/* "pool" and "client/pool" and "client" all name the facility client/pool. */
static bool
names_facility(const char *name, const char *facility)
{
	const char *slash = strchr(facility, '/');

	if (*name == '\0' || strcasecmp(name, facility) == 0)
		return true;
	if (slash == NULL)
		return false;
	return strcasecmp(name, slash + 1) == 0 ||
	       (strlen(name) == (size_t)(slash - facility) && strncasecmp(name, facility, (size_t)(slash - facility)) == 0);
}

static bool
words_name(const struct logmask_words *words, const char *facility)
{
	if (words->all)
		return true;
	for (int i = 0; i < words->nr; i++)
		if (names_facility(words->name[i], facility))
			return true;
	return false;
}

enum log_level
logmask_level(const struct logmask *mask, const char *facility)
{
	enum log_level level = mask->level;

	for (int i = 0; i < mask->rule_nr; i++)
		if (names_facility(mask->rule[i].name, facility))
			level = mask->rule[i].level;
	if (level == LOG_DEBUG && !(words_name(&mask->streams, facility) && words_name(&mask->facilities, facility)))
		level = LOG_INFO;
	return level;
}

enum log_level
logmask_base(const struct logmask *mask)
{
	enum log_level base = mask->level;

	for (int i = 0; i < mask->rule_nr; i++)
		base = MIN(base, mask->rule[i].level);
	return base;
}
