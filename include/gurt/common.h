/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ground library for client programs: memory, locks, lists of ranks, environment, time, hashes.
 *
 * Calls return 0 or a negative DER number unless said otherwise.
 */
#ifndef GURT_COMMON_H
#define GURT_COMMON_H

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <gurt/types.h>
#include <gurt/debug.h>
#include <gurt/fault_inject.h>
#include <daos_errno.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* ---- the compiler -------------------------------------------------------------------------------------------- */

#define D_ON_VALGRIND 0
#define VALGRIND_MAKE_MEM_DEFINED(addr, len) ((void)(addr), (void)(len))
#define VALGRIND_DISABLE_ADDR_ERROR_REPORTING_IN_RANGE(addr, len) ((void)(addr), (void)(len))
#define VALGRIND_ENABLE_ADDR_ERROR_REPORTING_IN_RANGE(addr, len) ((void)(addr), (void)(len))

#ifndef likely
#define likely(x) __builtin_expect((unsigned long)!!(x), 1)
#endif
#ifndef unlikely
#define unlikely(x) __builtin_expect((unsigned long)!!(x), 0)
#endif

/** The structure of which ptr is a member. */
#ifndef container_of
#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
#endif
#ifndef ARRAY_SIZE
#define ARRAY_SIZE(arr) (sizeof(arr) / sizeof((arr)[0]))
#endif

/* Each use has variables of its own, so that uses can be nested. */
#define D_PICK_NAMED(type_x, type_y, x, op, y, n)                                                                      \
	({                                                                                                             \
		type_x _x##n = (x);                                                                                    \
		type_y _y##n = (y);                                                                                    \
                                                                                                                       \
		_x##n op _y##n ? _x##n : _y##n;                                                                        \
	})
#define D_PICK(type_x, type_y, x, op, y, n) D_PICK_NAMED(type_x, type_y, x, op, y, n)

#ifndef MIN
#define MIN(a, b) D_PICK(__typeof__(a), __typeof__(b), a, <, b, __COUNTER__)
#endif
#ifndef MAX
#define MAX(a, b) D_PICK(__typeof__(a), __typeof__(b), a, >, b, __COUNTER__)
#endif
/* Not in C++, whose library has functions of these names. */
#ifndef __cplusplus
#ifndef min
#define min(x, y) D_PICK(__typeof__(x), __typeof__(y), x, <, y, __COUNTER__)
#endif
#ifndef max
#define max(x, y) D_PICK(__typeof__(x), __typeof__(y), x, >, y, __COUNTER__)
#endif
#endif
#ifndef min_t
#define min_t(type, x, y) D_PICK(type, type, x, <, y, __COUNTER__)
#endif
#ifndef max_t
#define max_t(type, x, y) D_PICK(type, type, x, >, y, __COUNTER__)
#endif

#define D_BIT_IS_SET(val, bit) (((val) & (bit)) ? 1 : 0)
#define LOWEST_BIT_SET(x) ((x) & ~((x)-1))
/** x rounded up to a multiple of a, a power of two. */
#define D_ALIGNUP(x, a) (((x) + ((a)-1)) & ~((a)-1))

/* Other byte order: of a value, and of a variable in place. */
#define D_SWAP16(x) __builtin_bswap16(x)
#define D_SWAP32(x) __builtin_bswap32(x)
#define D_SWAP64(x) __builtin_bswap64(x)
#define D_SWAP16S(x) ((x) = D_SWAP16(x))
#define D_SWAP32S(x) ((x) = D_SWAP32(x))
#define D_SWAP64S(x) ((x) = D_SWAP64(x))

/** Jumps; rc, often an assignment, is evaluated. */
#define D_GOTO(label, rc)                                                                                              \
	do {                                                                                                           \
		(void)(rc);                                                                                            \
		goto label;                                                                                            \
	} while (0)

#define D_FPRINTF(...)                                                                                                 \
	({                                                                                                             \
		int _printed = fprintf(__VA_ARGS__);                                                                   \
                                                                                                                       \
		_printed < 0 ? -DER_IO : -DER_SUCCESS;                                                                 \
	})

/* ---- memory -------------------------------------------------------------------------------------------------- */

#define _dalloc_ __attribute__((malloc))

void d_free(void *ptr);
void *d_calloc(size_t nmemb, size_t size) _dalloc_;
void *d_malloc(size_t size) _dalloc_;
void *d_realloc(void *ptr, size_t size);
char *d_strndup(const char *s, size_t n) _dalloc_;

/** As asprintf(); *strp is NULL on failure. */
int d_asprintf(char **strp, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/** The text, freed with d_free(); NULL on failure. rc: its length or -1. */
char *d_asprintf2(int *rc, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void *d_aligned_alloc(size_t alignment, size_t size, bool zero) _dalloc_;

/** As realpath(): NULL and errno on failure; freed with d_free() when resolved_path is NULL. */
char *d_realpath(const char *path, char *resolved_path);

/** Called with the place and size of what is allocated or freed. */
typedef void (*d_alloc_track_cb_t)(void *arg, size_t size);

/** Follows the memory that a thread allocates through these calls; NULL ends it. */
void d_set_alloc_track_cb(d_alloc_track_cb_t alloc_cb, d_alloc_track_cb_t free_cb, void *arg);

/** Says what failed to be allocated when ptr is NULL; on_error is added to the words. */
#define D_CHECK_ALLOC(func, cond, ptr, name, size, count, cname, on_error)                                             \
	do {                                                                                                           \
		if ((cond) && (ptr) == NULL)                                                                           \
			D_ERROR("out of memory: " #func " of '" name "', %zu bytes, %zu times (" cname ")" on_error    \
				"\n", (size_t)(size), (size_t)(count));                                                \
	} while (0)

#define D_ALLOC_CORE(ptr, size, count)                                                                                 \
	do {                                                                                                           \
		(ptr) = (__typeof__(ptr))d_calloc((count), (size));                                                    \
		D_CHECK_ALLOC(calloc, true, ptr, #ptr, size, count, #count, "");                                       \
	} while (0)
#define D_ALLOC_CORE_NZ(ptr, size, count)                                                                              \
	do {                                                                                                           \
		(ptr) = (__typeof__(ptr))d_malloc((count) * (size));                                                   \
		D_CHECK_ALLOC(malloc, true, ptr, #ptr, size, count, #count, "");                                       \
	} while (0)

/* Zeroed memory: bytes, an object, an array; _NZ: undefined content. ptr is NULL on failure. */
#define D_ALLOC(ptr, size) D_ALLOC_CORE(ptr, size, 1)
#define D_ALLOC_PTR(ptr) D_ALLOC(ptr, sizeof(*(ptr)))
#define D_ALLOC_ARRAY(ptr, count) D_ALLOC_CORE(ptr, sizeof(*(ptr)), count)
#define D_ALLOC_NZ(ptr, size) D_ALLOC_CORE_NZ(ptr, size, 1)
#define D_ALLOC_PTR_NZ(ptr) D_ALLOC_NZ(ptr, sizeof(*(ptr)))
#define D_ALLOC_ARRAY_NZ(ptr, count) D_ALLOC_CORE_NZ(ptr, sizeof(*(ptr)), count)

/** Frees and sets to NULL. */
#define D_FREE(ptr)                                                                                                    \
	do {                                                                                                           \
		d_free((void *)(ptr));                                                                                 \
		(ptr) = NULL;                                                                                          \
	} while (0)

/** A copy of at most n characters. */
#define D_STRNDUP(ptr, s, n)                                                                                           \
	do {                                                                                                           \
		(ptr) = d_strndup((s), (n));                                                                           \
		D_CHECK_ALLOC(strndup, true, ptr, #ptr, n, 1, #n, "");                                                 \
	} while (0)
/** A copy of a literal. */
#define D_STRNDUP_S(ptr, s) D_STRNDUP(ptr, s, sizeof(s))
#define D_ASPRINTF(ptr, ...)                                                                                           \
	do {                                                                                                           \
		int _length;                                                                                           \
                                                                                                                       \
		(ptr) = d_asprintf2(&_length, __VA_ARGS__);                                                            \
		D_CHECK_ALLOC(asprintf, true, ptr, #ptr, _length + 1, 1, #ptr, "");                                    \
	} while (0)
#define D_REALPATH(ptr, path) ((ptr) = d_realpath((path), NULL))
#define D_ALIGNED_ALLOC(ptr, alignment, size)                                                                          \
	do {                                                                                                           \
		(ptr) = (__typeof__(ptr))d_aligned_alloc((alignment), (size), true);                                   \
		D_CHECK_ALLOC(aligned_alloc, true, ptr, #ptr, size, 1, "1", "");                                       \
	} while (0)
#define D_ALIGNED_ALLOC_NZ(ptr, alignment, size)                                                                       \
	do {                                                                                                           \
		(ptr) = (__typeof__(ptr))d_aligned_alloc((alignment), (size), false);                                  \
		D_CHECK_ALLOC(aligned_alloc, true, ptr, #ptr, size, 1, "1", "");                                       \
	} while (0)

/*
 * New size for memory: on success oldptr becomes NULL and what is beyond oldsize elements of size bytes is zeroed; on
 * failure newptr is NULL and oldptr stays.
 */
#define D_REALLOC_COMMON(newptr, oldptr, oldsize, size, cnt)                                                           \
	do {                                                                                                           \
		size_t _elem = (size), _count = (cnt), _old_count = (oldsize);                                         \
		__typeof__(newptr) _new;                                                                               \
                                                                                                                       \
		_new = _elem != 0 && _count > SIZE_MAX / _elem ?                                                       \
			       NULL :                                                                                  \
			       (__typeof__(newptr))d_realloc((oldptr), _elem * _count);                                \
		D_CHECK_ALLOC(realloc, true, _new, #newptr, _elem, _count, #cnt, "");                                  \
		if (_new != NULL) {                                                                                    \
			(oldptr) = NULL;                                                                               \
			if (_count > _old_count)                                                                       \
				memset((char *)(void *)_new + _elem * _old_count, 0, _elem * (_count - _old_count));   \
		}                                                                                                      \
		(newptr) = _new;                                                                                       \
	} while (0)
#define D_REALLOC(newptr, oldptr, oldsize, size) D_REALLOC_COMMON(newptr, oldptr, oldsize, 1, size)
#define D_REALLOC_ARRAY(newptr, oldptr, oldcount, count)                                                               \
	D_REALLOC_COMMON(newptr, oldptr, oldcount, sizeof(*(oldptr)), count)
/** Nothing is zeroed. */
#define D_REALLOC_NZ(newptr, oldptr, size) D_REALLOC_COMMON(newptr, oldptr, SIZE_MAX, 1, size)
#define D_REALLOC_ARRAY_NZ(newptr, oldptr, count)                                                                      \
	D_REALLOC_COMMON(newptr, oldptr, SIZE_MAX, sizeof(*(oldptr)), count)
/** All is zeroed. */
#define D_REALLOC_Z(newptr, oldptr, size) D_REALLOC_COMMON(newptr, oldptr, 0, 1, size)
#define D_REALLOC_ARRAY_Z(newptr, oldptr, count) D_REALLOC_COMMON(newptr, oldptr, 0, sizeof(*(oldptr)), count)

/* ---- locks --------------------------------------------------------------------------------------------------- */

/* Calls of pthreads whose failure is a bug of the program; they yield 0. */
#define __D_PTHREAD(fn, x)                                                                                             \
	({                                                                                                             \
		int _prc = fn(x);                                                                                      \
                                                                                                                       \
		D_ASSERTF(_prc == 0, "%s failed; rc=%d\n", #fn, _prc);                                                 \
		_prc;                                                                                                  \
	})
#define __D_PTHREAD_TIMED(fn, x)                                                                                       \
	({                                                                                                             \
		int _prc = fn(x);                                                                                      \
                                                                                                                       \
		D_ASSERTF(_prc == 0 || _prc == ETIMEDOUT, "%s failed; rc=%d\n", #fn, _prc);                            \
		_prc;                                                                                                  \
	})
#define __D_PTHREAD_TRYLOCK(fn, x)                                                                                     \
	({                                                                                                             \
		int _prc = fn(x);                                                                                      \
                                                                                                                       \
		D_ASSERTF(_prc == 0 || _prc == EBUSY, "%s failed; rc=%d\n", #fn, _prc);                                \
		_prc;                                                                                                  \
	})
/* Yields 0 or a negative DER number. */
#define __D_PTHREAD_INIT(fn, x, y)                                                                                     \
	({                                                                                                             \
		int _prc = fn((x), (y));                                                                               \
                                                                                                                       \
		if (_prc != 0)                                                                                         \
			D_ERROR("%s failed; rc=%d\n", #fn, _prc);                                                      \
		d_errno2der(_prc);                                                                                     \
	})

#define D_MUTEX_INIT(x, y) __D_PTHREAD_INIT(pthread_mutex_init, x, y)
#define D_MUTEX_LOCK(x) __D_PTHREAD(pthread_mutex_lock, x)
#define D_MUTEX_UNLOCK(x) __D_PTHREAD(pthread_mutex_unlock, x)
#define D_MUTEX_DESTROY(x) __D_PTHREAD(pthread_mutex_destroy, x)
#define D_SPIN_INIT(x, y) __D_PTHREAD_INIT(pthread_spin_init, x, y)
#define D_SPIN_LOCK(x) __D_PTHREAD(pthread_spin_lock, x)
#define D_SPIN_UNLOCK(x) __D_PTHREAD(pthread_spin_unlock, x)
#define D_SPIN_DESTROY(x) __D_PTHREAD(pthread_spin_destroy, x)
#define D_RWLOCK_INIT(x, y) __D_PTHREAD_INIT(pthread_rwlock_init, x, y)
#define D_RWLOCK_RDLOCK(x) __D_PTHREAD(pthread_rwlock_rdlock, x)
#define D_RWLOCK_WRLOCK(x) __D_PTHREAD(pthread_rwlock_wrlock, x)
#define D_RWLOCK_TRYWRLOCK(x) __D_PTHREAD_TRYLOCK(pthread_rwlock_trywrlock, x)
#define D_RWLOCK_UNLOCK(x) __D_PTHREAD(pthread_rwlock_unlock, x)
#define D_RWLOCK_DESTROY(x) __D_PTHREAD(pthread_rwlock_destroy, x)

/* ---- numbers ------------------------------------------------------------------------------------------------- */

/** Largest value of d_rand(). */
#define D_RAND_MAX 0x7fffffff

/** Seeds, draws an integer of 0 .. D_RAND_MAX, draws a number of [0, 1). From any thread. */
void d_srand(long seed);
long d_rand(void);
double d_randd(void);

#define DGOLDEN_RATIO_PRIME_64 0xcbf29ce484222325ULL
#define DGOLDEN_RATIO_PRIME_32 0x9e370001UL

/** A hash with so many bits (1 .. 64). */
static inline uint64_t
d_u64_hash(uint64_t val, unsigned int bits)
{
	return (val * DGOLDEN_RATIO_PRIME_64) >> (64 - bits);
}

/** A hash with so many bits (1 .. 32). */
static inline uint32_t
d_u32_hash(uint64_t key, unsigned int bits)
{
	return (uint32_t)(DGOLDEN_RATIO_PRIME_32 * key) >> (32 - bits);
}

uint64_t d_hash_mix64(uint64_t key);
uint32_t d_hash_mix96(uint32_t a, uint32_t b, uint32_t c);

/** Place of the last of ascending hashes that is not larger than value; 0 when there is none. */
unsigned int d_hash_srch_u64(uint64_t *hashes, unsigned int nhashes, uint64_t value);
uint32_t d_hash_string_u32(const char *string, unsigned int len);
uint64_t d_hash_murmur64(const unsigned char *key, unsigned int key_len, unsigned int seed);

/** A bucket for a key; few keys move when the number of buckets changes. */
uint32_t d_hash_jump(uint64_t key, uint32_t num_buckets);

/** The least n with 2 to the power n not below val. */
static inline unsigned int
d_power2_nbits(unsigned int val)
{
	unsigned int bits = 0;

	while (bits < 32 && (1ULL << bits) < val)
		bits++;
	return bits;
}

/** Standard deviation of nr numbers. */
double d_stand_div(double *array, int nr);

/* ---- lists of ranks ------------------------------------------------------------------------------------------ */

/** A new list with size zeroed ranks, freed with d_rank_list_free(); NULL: no memory. */
d_rank_list_t *d_rank_list_alloc(uint32_t size);
void d_rank_list_free(d_rank_list_t *rank_list);

/** More or fewer ranks; new ones are zero. */
int d_rank_list_resize(d_rank_list_t *ptr, uint32_t size);

/** A copy; NULL of NULL. */
int d_rank_list_dup(d_rank_list_t **dst, const d_rank_list_t *src);

/** A copy in ascending order, each rank once. */
int d_rank_list_dup_sort_uniq(d_rank_list_t **dst, const d_rank_list_t *src);

/** Keeps those ranks of dst_set that are in src_set; exclude: that are not. */
void d_rank_list_filter(d_rank_list_t *src_set, d_rank_list_t *dst_set, bool exclude);

/** Adds to src_set the ranks of merge_set that it does not have. */
int d_rank_list_merge(d_rank_list_t *src_set, d_rank_list_t *merge_set);

/** Makes dst, a list of its own memory, a copy of src. */
int d_rank_list_copy(d_rank_list_t *dst, d_rank_list_t *src);
void d_rank_list_shuffle(d_rank_list_t *rank_list);
void d_rank_list_sort(d_rank_list_t *rank_list);

/** Whether a sorted list has a rank; idx: where, or NULL. */
bool d_rank_list_bsearch(d_rank_list_t *rank_list, d_rank_t rank, int *idx);

/** Whether a list has a rank; idx: where, or NULL. */
bool d_rank_list_find(d_rank_list_t *rank_list, d_rank_t rank, int *idx);
void d_rank_list_del_at(d_rank_list_t *list, int idx);

/** Removes a rank if it is there. */
int d_rank_list_del(d_rank_list_t *rank_list, d_rank_t rank);

/** Whether two lists have the same ranks in the same order; two NULLs have. */
bool d_rank_list_identical(d_rank_list_t *rank_list1, d_rank_list_t *rank_list2);
bool d_rank_in_rank_list(d_rank_list_t *rank_list, d_rank_t rank);

/** Where a rank is. 0; -DER_OOG: not in the list. */
int d_idx_in_rank_list(d_rank_list_t *rank_list, d_rank_t rank, uint32_t *idx);
int d_rank_list_append(d_rank_list_t *rank_list, d_rank_t rank);

/** Writes a list to the log, under the first name_len characters of name. */
int d_rank_list_dump(d_rank_list_t *rank_list, d_string_t name, int name_len);
d_rank_list_t *uint32_array_to_rank_list(uint32_t *ints, size_t len);
int rank_list_to_uint32_array(d_rank_list_t *rl, uint32_t **ints, size_t *len);

/** A list as text "[0-3,5]", freed by the caller. */
int d_rank_list_to_str(d_rank_list_t *rank_list, char **rank_str);

d_rank_range_list_t *d_rank_range_list_alloc(uint32_t size);

/** More or fewer ranges. NULL: no memory, the list stays. */
d_rank_range_list_t *d_rank_range_list_realloc(d_rank_range_list_t *range_list, uint32_t size);

/** The ranges that a list of ranks covers; the ranks are sorted first. */
d_rank_range_list_t *d_rank_range_list_create_from_ranks(d_rank_list_t *rank_list);

/** Ranges as text "[0-3,5]", freed by the caller. */
int d_rank_range_list_str(d_rank_range_list_t *list, char **ranks_str);
void d_rank_range_list_free(d_rank_range_list_t *range_list);

/* ---- buffers ------------------------------------------------------------------------------------------------- */

/** Points iov at a copy-free buffer of its own; one that it had is freed. */
static inline void
d_iov_set_safe(d_iov_t *iov, void *buf, size_t size)
{
	d_free(iov->iov_buf);
	d_iov_set(iov, buf, size);
}

/** Makes a list with nr zeroed buffers, ended with d_sgl_fini(). 0; -DER_NOMEM. */
static inline int
d_sgl_init(d_sg_list_t *sgl, unsigned int nr)
{
	memset(sgl, 0, sizeof(*sgl));
	sgl->sg_nr = nr;
	if (nr == 0)
		return 0;
	sgl->sg_iovs = (d_iov_t *)d_calloc(nr, sizeof(*sgl->sg_iovs));
	return sgl->sg_iovs == NULL ? -DER_NOMEM : 0;
}

/** Ends a list; free_iovs: with the buffers. */
static inline void
d_sgl_fini(d_sg_list_t *sgl, bool free_iovs)
{
	uint32_t i;

	if (sgl == NULL || sgl->sg_iovs == NULL)
		return;
	if (free_iovs) {
		for (i = 0; i < sgl->sg_nr; i++)
			d_free(sgl->sg_iovs[i].iov_buf);
	}
	d_free(sgl->sg_iovs);
	memset(sgl, 0, sizeof(*sgl));
}

/** Capacity of all buffers in bytes. */
static inline size_t
d_sgl_buf_size(d_sg_list_t *sgl)
{
	size_t size = 0;
	uint32_t i;

	if (sgl == NULL || sgl->sg_iovs == NULL)
		return 0;
	for (i = 0; i < sgl->sg_nr; i++)
		size += sgl->sg_iovs[i].iov_buf_len;
	return size;
}

/** Copies the valid bytes of each buffer of src_sgl into the same buffer of dst_sgl, as far as they fit. */
static inline void
d_sgl_buf_copy(d_sg_list_t *dst_sgl, d_sg_list_t *src_sgl)
{
	uint32_t i;

	for (i = 0; i < dst_sgl->sg_nr && i < src_sgl->sg_nr; i++) {
		d_iov_t *dst = &dst_sgl->sg_iovs[i];
		const d_iov_t *src = &src_sgl->sg_iovs[i];
		size_t len = src->iov_len < dst->iov_buf_len ? src->iov_len : dst->iov_buf_len;

		if (len != 0)
			memcpy(dst->iov_buf, src->iov_buf, len);
		dst->iov_len = len;
	}
}

/** Adds text to a growing buffer, which starts zeroed. 0; -DER_NOMEM. */
int d_write_string_buffer(struct d_string_buffer_t *buf, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void d_free_string(struct d_string_buffer_t *buf);

/** A growing array of pointers. */
struct d_vec_pointers {
	void **p_buf;
	uint32_t p_cap; /**< room */
	uint32_t p_len; /**< pointers in it */
};

int d_vec_pointers_init(struct d_vec_pointers *pointers, uint32_t cap);
void d_vec_pointers_fini(struct d_vec_pointers *pointers);
int d_vec_pointers_append(struct d_vec_pointers *pointers, void *pointer);

/* ---- environment --------------------------------------------------------------------------------------------- */

/* One lock guards all these calls. They return 0, -DER_NONEXIST (not set) or -DER_INVAL (not of that kind). */

bool d_isenv_def(char *name);

/** Copies a value into a buffer. -DER_TRUNC: it was cut off to fit. */
int d_getenv_str(char *str_val, size_t str_size, const char *name);

/** A copy of a value, freed with d_freeenv_str(). */
int d_agetenv_str(char **str_val, const char *name);
void d_freeenv_str(char **str_val);

/** "0", "no", "false", "off", "n", "f": false; "1", "yes", "true", "on", "y", "t": true. On error *bool_val stays. */
int d_getenv_bool(const char *name, bool *bool_val);
int d_getenv_char(const char *name, char *char_val);
int d_getenv_int(const char *name, unsigned int *uint_val);
int d_getenv_uint(const char *name, unsigned int *uint_val);
int d_getenv_uint32_t(const char *name, uint32_t *uint32_val);
int d_getenv_uint64_t(const char *name, uint64_t *uint64_val);

/* As putenv(), setenv(), unsetenv(), clearenv(). */
int d_putenv(char *name);
int d_setenv(const char *name, const char *value, int overwrite);
int d_unsetenv(const char *name);
int d_clearenv(void);

/* ---- errors and time ----------------------------------------------------------------------------------------- */

/** The negative DER number for an errno. */
static inline int
d_errno2der(int err)
{
	if (err < 0)
		return -DER_UNKNOWN;
	switch (err) {
	case 0:
		return -DER_SUCCESS;
	case EPERM:
	case EACCES:
		return -DER_NO_PERM;
	case ENOMEM:
		return -DER_NOMEM;
	case EDQUOT:
	case ENOSPC:
		return -DER_NOSPACE;
	case EEXIST:
		return -DER_EXIST;
	case ENOENT:
		return -DER_NONEXIST;
	case ECANCELED:
		return -DER_CANCELED;
	case EBUSY:
		return -DER_BUSY;
	case EOVERFLOW:
		return -DER_OVERFLOW;
	case EBADF:
		return -DER_NO_HDL;
	case ENOSYS:
		return -DER_NOSYS;
	case ETIMEDOUT:
		return -DER_TIMEDOUT;
	case EAGAIN:
		return -DER_AGAIN;
	case EPROTO:
		return -DER_PROTO;
	case EINVAL:
		return -DER_INVAL;
	case ENOTDIR:
		return -DER_NOTDIR;
	case EIO:
		return -DER_IO;
	case ENOTSUP:
		return -DER_NOTSUPPORTED;
	default:
		return -DER_MISC;
	}
}

#define NSEC_PER_SEC 1000000000
#define NSEC_PER_MSEC 1000000
#define NSEC_PER_USEC 1000

/* Time since some start: it does not jump. */
#define _gurt_gettime(ts) clock_gettime(CLOCK_MONOTONIC, ts)

static inline int
d_gettime(struct timespec *t)
{
	return _gurt_gettime(t) != 0 ? d_errno2der(errno) : 0;
}

/** Nanoseconds from t1 to t2. */
static inline int64_t
d_timediff_ns(const struct timespec *t1, const struct timespec *t2)
{
	return ((int64_t)t2->tv_sec - (int64_t)t1->tv_sec) * NSEC_PER_SEC + (t2->tv_nsec - t1->tv_nsec);
}

/** Time from start to end, which is not earlier. */
static inline struct timespec
d_timediff(struct timespec start, struct timespec end)
{
	int64_t ns = d_timediff_ns(&start, &end);
	struct timespec diff;

	diff.tv_sec = ns / NSEC_PER_SEC;
	diff.tv_nsec = ns % NSEC_PER_SEC;
	return diff;
}

/** Nanoseconds until expiration; 0 when it has passed. */
static inline int64_t
d_timeleft_ns(const struct timespec *expiration)
{
	struct timespec now;
	int64_t ns;

	_gurt_gettime(&now);
	ns = d_timediff_ns(&now, expiration);
	return ns > 0 ? ns : 0;
}

/** Time since start. */
static inline struct timespec
d_time_elapsed(const struct timespec start)
{
	struct timespec now;

	_gurt_gettime(&now);
	return d_timediff(start, now);
}

/** The time so many seconds from now, in microseconds. */
static inline uint64_t
d_timeus_secdiff(unsigned int sec_diff)
{
	struct timespec now;

	_gurt_gettime(&now);
	return ((uint64_t)now.tv_sec + sec_diff) * 1000000 + (uint64_t)now.tv_nsec / NSEC_PER_USEC;
}

/** Adds nanoseconds. */
static inline void
d_timeinc(struct timespec *now, uint64_t ns)
{
	ns += (uint64_t)now->tv_nsec;
	now->tv_sec += (time_t)(ns / NSEC_PER_SEC);
	now->tv_nsec = (long)(ns % NSEC_PER_SEC);
}

static inline double
d_time2ms(struct timespec t)
{
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static inline double
d_time2us(struct timespec t)
{
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static inline double
d_time2s(struct timespec t)
{
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/** A sequence of waits: nzeros zeros, then next, next * factor, ... up to max, each drawn at random below that. */
struct d_backoff_seq {
	uint8_t bos_flags;
	uint8_t bos_nzeros;
	uint16_t bos_factor;
	uint32_t bos_max;
	uint32_t bos_next;
};

/** Starts a sequence. 0; -DER_INVAL: factor or next is 0, or next is larger than max. */
int d_backoff_seq_init(struct d_backoff_seq *seq, uint8_t nzeros, uint16_t factor, uint32_t next, uint32_t max);
void d_backoff_seq_fini(struct d_backoff_seq *seq);

/** The next wait, in the unit of next and max. */
uint32_t d_backoff_seq_next(struct d_backoff_seq *seq);

/* ---- hybrid clock -------------------------------------------------------------------------------------------- */

/*
 * A value is sixteen times the nanoseconds since 2021-01-01 UTC, whose low 18 bits count. It never goes back, and is
 * pushed ahead by values that come from other processes.
 */

/** A new value, larger than all before. */
uint64_t d_hlc_get(void);

/**
 * A new value, larger than all before and than msg.
 *
 * \param[in]	msg	value from elsewhere
 * \param[out]	hlc_out	new value; or NULL
 * \param[out]	offset	how far msg was ahead of the time of day, as a duration in clock units; or NULL
 * \return		0; -DER_HLC_SYNC: msg is ahead by more than epsilon, the clock stays as it was
 */
int d_hlc_get_msg(uint64_t msg, uint64_t *hlc_out, uint64_t *offset);

/* Durations: from and to nanoseconds. */
uint64_t d_hlc2nsec(uint64_t hlc);
uint64_t d_nsec2hlc(uint64_t nsec);

static inline uint64_t
d_hlc2usec(uint64_t hlc)
{
	return d_hlc2nsec(hlc) / 1000;
}

static inline uint64_t
d_hlc2msec(uint64_t hlc)
{
	return d_hlc2nsec(hlc) / 1000000;
}

static inline uint64_t
d_hlc2sec(uint64_t hlc)
{
	return d_hlc2nsec(hlc) / NSEC_PER_SEC;
}

static inline uint64_t
d_usec2hlc(uint64_t usec)
{
	return d_nsec2hlc(usec * 1000);
}

static inline uint64_t
d_msec2hlc(uint64_t msec)
{
	return d_nsec2hlc(msec * 1000000);
}

static inline uint64_t
d_sec2hlc(uint64_t sec)
{
	return d_nsec2hlc(sec * NSEC_PER_SEC);
}

/* Points in time: from and to those since 1970. */
uint64_t d_hlc2unixnsec(uint64_t hlc);
uint64_t d_unixnsec2hlc(uint64_t unixnsec);
int d_hlc2timespec(uint64_t hlc, struct timespec *ts);
int d_timespec2hlc(struct timespec ts, uint64_t *hlc);

/** How far the clocks of a system may be apart, as a duration in clock units. */
void d_hlc_epsilon_set(uint64_t epsilon);
uint64_t d_hlc_epsilon_get(void);

/** The highest value that a clock may show where this one shows hlc. */
uint64_t d_hlc_epsilon_get_bound(uint64_t hlc);

/** Seconds since a value. */
uint64_t d_hlc_age2sec(uint64_t hlc);

/* The clock of a client: local time, as far ahead as the values that it saw were. It makes no unique stamps. */
uint64_t d_hlct_get(void);
void d_hlct_sync(uint64_t msg);

/* ---- more ---------------------------------------------------------------------------------------------------- */

/** Whether a pointer is on the stack of the caller, near it. */
static inline bool
is_on_stack(void *ptr)
{
	char *here = (char *)__builtin_frame_address(0);
	char *there = (char *)ptr;

	return there >= here - 8 * 1024 * 1024 && there <= here + 8 * 1024 * 1024;
}

/** Prints a stack trace when the process dies of a signal. */
void d_signal_register(void);

/** Gives signal handlers a stack of their own; before d_signal_register(). */
void d_signal_stack_enable(bool enabled);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
