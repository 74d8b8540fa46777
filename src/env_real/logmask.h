/* SPDX-License-Identifier: Apache-2.0 */
/* logmask: which lines of which facility are wanted, read from the words of D_LOG_MASK, DD_MASK and DD_SUBSYS. Pure. */
#ifndef ENV_REAL_LOGMASK_H
#define ENV_REAL_LOGMASK_H

#include "base/base.h"

#define LOGMASK_RULES 32
#define LOGMASK_NAME 32

struct logmask {
	enum log_level level; /* of facilities without a rule */
	int rule_nr;
	struct {
		char name[LOGMASK_NAME];
		enum log_level level;
	} rule[LOGMASK_RULES]; /* the last that fits counts */
	struct logmask_words {
		bool all;
		int nr;
		char name[LOGMASK_RULES][LOGMASK_NAME];
	} streams, facilities; /* whose DEBUG lines are wanted: named by both */
};

void logmask_init(struct logmask *mask);
/** "LEVEL[,facility=LEVEL]...". -DER_INVAL: mask is unchanged. */
int logmask_set_levels(struct logmask *mask, const char *text);
/** Names separated by comma, colon, bar or space; unknown ones are facilities. -DER_INVAL when there are too many. */
int logmask_set_words(struct logmask_words *words, const char *text);
/** The lowest level that a facility ("vos", "client/pool") may log. */
enum log_level logmask_level(const struct logmask *mask, const char *facility);
/** The lowest level of any. */
enum log_level logmask_base(const struct logmask *mask);
/** -DER_INVAL when text (its first len bytes) names no level. */
int logmask_parse_level(const char *text, size_t len, enum log_level *level);
const char *logmask_level_name(enum log_level level);
/** "64M": bytes with a unit of 1024, k, m or g. -DER_INVAL. */
int logmask_parse_size(const char *text, uint64_t *size);

#endif
