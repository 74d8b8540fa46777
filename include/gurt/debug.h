/* SPDX-License-Identifier: Apache-2.0 */
/* Macros that write to the log of gurt/dlog.h, and assertions. A text ends with a newline. */
#ifndef GURT_DEBUG_H
#define GURT_DEBUG_H

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <gurt/debug_setup.h>
#include <gurt/dlog.h>
#include <daos_errno.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

#define DB_ALL_BITS "all"

/* Environment of the log: file, size at which it is renamed to FILE.old, masks, what to do with the file. */
#define D_LOG_FILE_ENV "D_LOG_FILE"
#define D_LOG_SIZE_ENV "D_LOG_SIZE"
#define D_LOG_MASK_ENV "D_LOG_MASK"
#define D_LOG_FILE_APPEND_PID_ENV "D_LOG_FILE_APPEND_PID"
#define D_LOG_FILE_APPEND_RANK_ENV "D_LOG_FILE_APPEND_RANK"
#define D_LOG_TRUNCATE_ENV "D_LOG_TRUNCATE"
#define D_LOG_FLUSH_ENV "D_LOG_FLUSH"
#define D_LOG_STDERR_IN_LOG_ENV "D_LOG_STDERR_IN_LOG"

/* Formats. */
#define DF_U64 "%" PRIu64
#define DF_X64 "%" PRIx64
#define DF_HG_RC "%d (%s)"
#define DP_HG_RC(rc) (rc), d_errstr(rc)

/* ---- lines --------------------------------------------------------------------------------------------------- */

#define _D_LOG_NOCHECK(mask, fmt, ...)                                                                                 \
	d_log((int)(mask), "%s:%d %s() " fmt, __FILE__, __LINE__, __func__, ##__VA_ARGS__)
#define _D_TRACE_NOCHECK(mask, ptr, fmt, ...)                                                                          \
	d_log((int)(mask), "%s:%d %s(%p) " fmt, __FILE__, __LINE__, __func__, (void *)(ptr), ##__VA_ARGS__)

#define _D_LOG_CHECK(func, saved_mask, mask, ...)                                                                      \
	do {                                                                                                           \
		(saved_mask) = d_log_check((int)(mask));                                                               \
		if ((saved_mask) != 0)                                                                                 \
			func(saved_mask, __VA_ARGS__);                                                                 \
	} while (0)
#define _D_LOG(func, mask, ...)                                                                                        \
	do {                                                                                                           \
		int _log_mask;                                                                                         \
                                                                                                                       \
		_D_LOG_CHECK(func, _log_mask, (mask) | (unsigned int)D_LOGFAC, __VA_ARGS__);                           \
	} while (0)
#define _D_DEBUG_W_SAVED_MASK(func, saved_mask, level, ...)                                                            \
	_D_LOG_CHECK(func, saved_mask, (level) | (unsigned int)D_LOGFAC, __VA_ARGS__)
#define _D_DEBUG(func, flag, ...) _D_LOG(func, flag, __VA_ARGS__)

/** Whether lines of a priority or kind are written. */
#define D_LOG_ENABLED(flag) (d_log_check((int)((flag) | (unsigned int)D_LOGFAC)) != 0)

#define D_DEBUG(flag, fmt, ...) _D_DEBUG(_D_LOG_NOCHECK, flag, fmt, ##__VA_ARGS__)
#define D_TRACE_DEBUG(flag, ptr, fmt, ...) _D_DEBUG(_D_TRACE_NOCHECK, flag, ptr, fmt, ##__VA_ARGS__)

/** One of two priorities. */
#define D_CDEBUG(cond, flag_true, flag_false, ...)                                                                     \
	do {                                                                                                           \
		if (cond)                                                                                              \
			D_DEBUG(flag_true, __VA_ARGS__);                                                               \
		else                                                                                                   \
			D_DEBUG(flag_false, __VA_ARGS__);                                                              \
	} while (0)
/** The same with an error number behind the text, which has no newline. */
#define DL_CDEBUG(cond, flag_true, flag_false, _rc, _fmt, ...)                                                         \
	D_CDEBUG(cond, flag_true, flag_false, _fmt ": " DF_RC "\n", ##__VA_ARGS__, DP_RC(_rc))

/* Descent of a traced pointer: it has a parent, it is gone, it has none. */
#define D_TRACE_UP(flag, ptr, parent, type)                                                                            \
	D_TRACE_DEBUG(flag, ptr, "Registered new '%s' from %p\n", type, (void *)(parent))
#define D_TRACE_DOWN(flag, ptr) D_TRACE_DEBUG(flag, ptr, "Deregistered\n")
#define D_TRACE_ROOT(flag, ptr, type) D_TRACE_DEBUG(flag, ptr, "Registered new '%s' as root\n", type)

#define D_INFO(fmt, ...) D_DEBUG(DLOG_INFO, fmt, ##__VA_ARGS__)
#define D_NOTE(fmt, ...) D_DEBUG(DLOG_NOTE, fmt, ##__VA_ARGS__)
#define D_WARN(fmt, ...) D_DEBUG(DLOG_WARN, fmt, ##__VA_ARGS__)
#define D_ERROR(fmt, ...) D_DEBUG(DLOG_ERR, fmt, ##__VA_ARGS__)
#define D_ALERT(fmt, ...) D_DEBUG(DLOG_ALERT, fmt, ##__VA_ARGS__)
#define D_CRIT(fmt, ...) D_DEBUG(DLOG_CRIT, fmt, ##__VA_ARGS__)
#define D_FATAL(fmt, ...) D_DEBUG(DLOG_EMERG, fmt, ##__VA_ARGS__)
#define D_EMIT(fmt, ...) D_DEBUG(DLOG_EMIT, fmt, ##__VA_ARGS__)

#define D_TRACE_INFO(ptr, fmt, ...) D_TRACE_DEBUG(DLOG_INFO, ptr, fmt, ##__VA_ARGS__)
#define D_TRACE_NOTE(ptr, fmt, ...) D_TRACE_DEBUG(DLOG_NOTE, ptr, fmt, ##__VA_ARGS__)
#define D_TRACE_WARN(ptr, fmt, ...) D_TRACE_DEBUG(DLOG_WARN, ptr, fmt, ##__VA_ARGS__)
#define D_TRACE_ERROR(ptr, fmt, ...) D_TRACE_DEBUG(DLOG_ERR, ptr, fmt, ##__VA_ARGS__)
#define D_TRACE_ALERT(ptr, fmt, ...) D_TRACE_DEBUG(DLOG_ALERT, ptr, fmt, ##__VA_ARGS__)
#define D_TRACE_CRIT(ptr, fmt, ...) D_TRACE_DEBUG(DLOG_CRIT, ptr, fmt, ##__VA_ARGS__)
#define D_TRACE_FATAL(ptr, fmt, ...) D_TRACE_DEBUG(DLOG_EMERG, ptr, fmt, ##__VA_ARGS__)
#define D_TRACE_EMIT(ptr, fmt, ...) D_TRACE_DEBUG(DLOG_EMIT, ptr, fmt, ##__VA_ARGS__)

/* With an error number behind the text, which has no newline: DL with a DER number, DS with an errno, ... */
#define DL_INFO(_rc, _fmt, ...) D_INFO(_fmt ": " DF_RC "\n", ##__VA_ARGS__, DP_RC(_rc))
#define DL_WARN(_rc, _fmt, ...) D_WARN(_fmt ": " DF_RC "\n", ##__VA_ARGS__, DP_RC(_rc))
#define DL_ERROR(_rc, _fmt, ...) D_ERROR(_fmt ": " DF_RC "\n", ##__VA_ARGS__, DP_RC(_rc))
#define DS_INFO(_rc, _fmt, ...) D_INFO(_fmt ": %d (%s)\n", ##__VA_ARGS__, _rc, strerror(_rc))
#define DS_WARN(_rc, _fmt, ...) D_WARN(_fmt ": %d (%s)\n", ##__VA_ARGS__, _rc, strerror(_rc))
#define DS_ERROR(_rc, _fmt, ...) D_ERROR(_fmt ": %d (%s)\n", ##__VA_ARGS__, _rc, strerror(_rc))
/* ... and the same with a traced pointer before it. */
#define DHL_INFO(_desc, _rc, _fmt, ...) D_TRACE_INFO(_desc, _fmt ": " DF_RC "\n", ##__VA_ARGS__, DP_RC(_rc))
#define DHL_WARN(_desc, _rc, _fmt, ...) D_TRACE_WARN(_desc, _fmt ": " DF_RC "\n", ##__VA_ARGS__, DP_RC(_rc))
#define DHL_ERROR(_desc, _rc, _fmt, ...) D_TRACE_ERROR(_desc, _fmt ": " DF_RC "\n", ##__VA_ARGS__, DP_RC(_rc))
#define DHS_INFO(_desc, _rc, _fmt, ...) D_TRACE_INFO(_desc, _fmt ": %d (%s)\n", ##__VA_ARGS__, _rc, strerror(_rc))
#define DHS_WARN(_desc, _rc, _fmt, ...) D_TRACE_WARN(_desc, _fmt ": %d (%s)\n", ##__VA_ARGS__, _rc, strerror(_rc))
#define DHS_ERROR(_desc, _rc, _fmt, ...) D_TRACE_ERROR(_desc, _fmt ": %d (%s)\n", ##__VA_ARGS__, _rc, strerror(_rc))

/** To the standard error and output, not to the log. */
#define D_PRINT_ERR(fmt, ...)                                                                                          \
	do {                                                                                                           \
		fprintf(stderr, "%s:%d:%s() " fmt, __FILE__, __LINE__, __func__, ##__VA_ARGS__);                       \
		fflush(stderr);                                                                                        \
	} while (0)
#define D_PRINT(fmt, ...)                                                                                              \
	do {                                                                                                           \
		fprintf(stdout, fmt, ##__VA_ARGS__);                                                                   \
		fflush(stdout);                                                                                        \
	} while (0)

/* ---- facilities ---------------------------------------------------------------------------------------------- */

/** Number of a facility, made when there is none; -1: too many. */
static inline int
d_add_log_facility(const char *aname, const char *lname)
{
	return d_log_allocfacility(aname, lname);
}

/** The same, stored in *fac. 0 or -DER_UNINIT. */
static inline int
d_init_log_facility(int *fac, const char *aname, const char *lname)
{
	*fac = d_add_log_facility(aname, lname);
	return *fac < 0 ? -DER_UNINIT : 0;
}

/** The kind of debug lines with a name; 0: none. Returns 0 or -1. */
int d_log_getdbgbit(d_dbug_t *dbgbit, char *bitname);

/* ---- assertions ---------------------------------------------------------------------------------------------- */

/** Has failed assertions call a function before the process aborts. 0; -DER_INVAL. */
int d_register_alt_assert(void (*alt_assert)(const int result, const char *expr, const char *file, const int line));

/** Called by a failed assertion: the registered function, if any. */
extern void (*d_alt_assert)(const int result, const char *expr, const char *file, const int line);

#define D_ASSERT(e)                                                                                                    \
	do {                                                                                                           \
		if (__builtin_expect(!(e), 0)) {                                                                       \
			D_FATAL("Assertion '%s' failed\n", #e);                                                        \
			if (d_alt_assert != NULL)                                                                      \
				d_alt_assert(0, #e, __FILE__, __LINE__);                                               \
			assert(0 && (e));                                                                              \
			abort();                                                                                       \
		}                                                                                                      \
	} while (0)
#define D_ASSERTF(cond, fmt, ...)                                                                                      \
	do {                                                                                                           \
		if (__builtin_expect(!(cond), 0)) {                                                                    \
			D_FATAL("Assertion '%s' failed: " fmt, #cond, ##__VA_ARGS__);                                  \
			if (d_alt_assert != NULL)                                                                      \
				d_alt_assert(0, #cond, __FILE__, __LINE__);                                            \
			fprintf(stderr, "%s:%d: " fmt, __FILE__, __LINE__, ##__VA_ARGS__);                             \
			assert(0 && (cond));                                                                           \
			abort();                                                                                       \
		}                                                                                                      \
	} while (0)

/** At compile time. */
#ifdef __cplusplus
#define D_CASSERT(cond, ...) static_assert(cond, #cond ": " __VA_ARGS__)
#else
#define D_CASSERT(cond, ...) _Static_assert(cond, #cond ": " __VA_ARGS__)
#endif

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
