/* SPDX-License-Identifier: Apache-2.0 */
/* Basic types of the interface: ranks, buffers, scatter-gather lists. */
#ifndef GURT_TYPES_H
#define GURT_TYPES_H

#include <stdint.h>
#include <stddef.h>
#include <stdbool.h>
#include <sys/types.h>
#include <uuid/uuid.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef uint32_t d_rank_t;
typedef char *d_string_t;
typedef const char *d_const_string_t;

struct d_uuid {
	uuid_t uuid;
};

/** A buffer: where, how large, how much of it is valid. */
typedef struct {
	void *iov_buf;
	size_t iov_buf_len; /**< capacity in bytes */
	size_t iov_len;     /**< valid bytes */
} d_iov_t;

typedef struct {
	d_rank_t *rl_ranks;
	uint32_t rl_nr;
} d_rank_list_t;

typedef d_rank_list_t *d_rank_list_ptr_t;

typedef struct {
	d_rank_t lo;
	d_rank_t hi;
} d_rank_range_t;

typedef struct {
	d_rank_range_t *rrl_ranges;
	uint32_t rrl_nr;
} d_rank_range_list_t;

/** A list of buffers; sg_nr_out counts those that an operation filled. */
typedef struct {
	uint32_t sg_nr;
	uint32_t sg_nr_out;
	d_iov_t *sg_iovs;
} d_sg_list_t;

struct d_string_buffer_t {
	int status;
	size_t str_size;
	size_t buf_size;
	char *str;
};

/** Point iov at size valid bytes of buf. */
static inline void
d_iov_set(d_iov_t *iov, void *buf, size_t size)
{
	iov->iov_buf = buf;
	iov->iov_len = size;
	iov->iov_buf_len = size;
}

/** Whether the compiler knows a warning: gcc does from a version on (major * 10000 + minor * 100 + patch). */
#if defined(__GNUC__) && !defined(__clang__)
#define D_HAS_WARNING(gcc_version, warning)                                                                            \
	(__GNUC__ * 10000 + __GNUC_MINOR__ * 100 + __GNUC_PATCHLEVEL__ >= (gcc_version))
#elif defined(__has_warning)
#define D_HAS_WARNING(gcc_version, warning) __has_warning(warning)
#else
#define D_HAS_WARNING(gcc_version, warning) 0
#endif

#ifndef __cplusplus
/* Which kind of thing a macro was given, known at compile time. C only. */
#define d_is_uuid(var) \
	(__builtin_types_compatible_p(__typeof__(var), uuid_t) ||                                                      \
	 __builtin_types_compatible_p(__typeof__(var), unsigned char *) ||                                             \
	 __builtin_types_compatible_p(__typeof__(var), const unsigned char *))
#define d_is_string(var) \
	(__builtin_types_compatible_p(__typeof__(var), char *) ||                                                      \
	 __builtin_types_compatible_p(__typeof__(var), const char *) ||                                                \
	 __builtin_types_compatible_p(__typeof__(var), char[]) ||                                                      \
	 __builtin_types_compatible_p(__typeof__(var), const char[]))
#endif

#ifdef __cplusplus
}
#endif
#endif
