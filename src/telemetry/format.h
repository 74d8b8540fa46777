/* SPDX-License-Identifier: Apache-2.0 */
/*
 * telemetry, private: the file. Little-endian, mapped by writer and readers.
 *
 *	0     struct tm_header, one page
 *	4096  struct tm_node, node_max times
 *	...   words of histograms, word_max times 8 bytes
 */
#ifndef TELEMETRY_FORMAT_H
#define TELEMETRY_FORMAT_H

#include "telemetry.h"

#define TM_MAGIC 0x314d4c4554534144ULL /* "DASTELM1" */
#define TM_VERSION 1
#define TM_HEADER_SIZE 4096
#define TM_NODES_LIMIT (1U << 20)
#define TM_ROOT UINT32_MAX

/** What does not change comes first, and is sealed; what is left of the page is zero. */
struct tm_header {
	uint64_t magic;
	uint32_t version, node_size;
	uint32_t node_max, word_max;
	uint64_t started_ns;
	char name[64];
	uint64_t seal; /* hash of the bytes before it */
	_Atomic int32_t pid;
	_Atomic uint32_t node_nr; /* nodes at or beyond were never used */
};

/** state: generation << 1 | used. A node is written while unused; its generation grows when it is freed. */
struct tm_node {
	_Atomic uint32_t state;
	uint32_t parent; /* index, TM_ROOT */
	uint32_t kind;
	/* Histogram: published by bucket_nr. */
	_Atomic uint32_t bucket_nr;
	uint32_t bucket_word; /* index of its first word */
	uint32_t bucket_growth;
	uint64_t bucket_width;
	char name[TELEMETRY_NAME_MAX];
	char description[TELEMETRY_TEXT_MAX];
	char unit[TELEMETRY_UNIT_MAX];
	struct metric metric;
};

_Static_assert(sizeof(struct metric) == 64, "the format of metrics is frozen");
_Static_assert(sizeof(struct tm_node) == 512, "the format of nodes is frozen");
_Static_assert(offsetof(struct tm_node, metric) == 448, "metrics lie on a cache line of their own");
_Static_assert(offsetof(struct tm_header, seal) == 96 && sizeof(struct tm_header) == 112, "the header is frozen");

static inline size_t
tm_file_size(uint32_t node_max, uint32_t word_max)
{
	return ALIGN_UP(TM_HEADER_SIZE + sizeof(struct tm_node) * node_max + sizeof(uint64_t) * word_max, 4096UL);
}

/** Where bucket i of a histogram begins; UINT64_MAX beyond what 64 bits hold. */
static inline uint64_t
tm_bucket_from(uint64_t width, uint32_t growth, uint32_t i)
{
	uint64_t from = 0;

	while (i-- > 0) {
		if (__builtin_add_overflow(from, width, &from))
			return UINT64_MAX;
		if (i > 0 && __builtin_mul_overflow(width, (uint64_t)growth, &width))
			return UINT64_MAX;
	}
	return from;
}

#endif
