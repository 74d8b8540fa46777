/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which facility a source file logs under: it may define D_LOGFAC before it includes gurt/debug.h or gurt/common.h,
 * e.g. #define D_LOGFAC DD_FAC(misc).
 */
#ifndef GURT_DEBUG_SETUP_H
#define GURT_DEBUG_SETUP_H

#include <gurt/dlog.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** The variable that holds the number of a facility. */
#define DD_FAC(name) d_##name##_logfac

#ifndef D_LOGFAC
#define D_LOGFAC DD_FAC(misc)
#endif

/** Facilities of the ground library: short name, long name. */
#define D_FOREACH_GURT_FAC(ACTION, arg)                                                                                \
	ACTION(misc, misc, arg)                                                                                        \
	ACTION(mem, memory, arg)                                                                                       \
	ACTION(swim, swim, arg)                                                                                        \
	ACTION(fi, fi, arg)                                                                                            \
	ACTION(telem, telemetry, arg)

#define D_LOG_DECLARE_FAC(s_name, l_name, arg) extern int DD_FAC(s_name);
D_FOREACH_GURT_FAC(D_LOG_DECLARE_FAC, D_NOOP)

/** Kinds of debug lines of the ground library: variable, short name, long name. */
#define D_FOREACH_GURT_DB(ACTION, arg)                                                                                 \
	ACTION(DB_ALL, all, all, arg)                                                                                  \
	ACTION(DB_ANY, any, any, arg)                                                                                  \
	ACTION(DB_TRACE, trace, trace, arg)                                                                            \
	ACTION(DB_MEM, mem, mem, arg)                                                                                  \
	ACTION(DB_NET, net, net, arg)                                                                                  \
	ACTION(DB_IO, io, io, arg)                                                                                     \
	ACTION(DB_TEST, test, test, arg)

#define D_LOG_DECLARE_DB(name, s_name, l_name, arg) extern d_dbug_t name;
D_FOREACH_GURT_DB(D_LOG_DECLARE_DB, D_NOOP)

/** Places in an array of remembered d_log_check() results: one for each priority and kind, for each facility. */
#define D_LOG_FLAG_PRIO(name, id, longid, mask, arg) DD_FLAG_##name##_d_##arg##_logfac,
#define D_LOG_FLAG_DB(name, s_name, l_name, arg) DD_FLAG_##name##_d_##arg##_logfac,
#define D_LOG_FLAGS(s_name, l_name, arg)                                                                               \
	enum {                                                                                                         \
		DD_FLAG_##s_name##_START,                                                                              \
		D_FOREACH_PRIO_MASK(D_LOG_FLAG_PRIO, s_name)                                                           \
		D_FOREACH_GURT_DB(D_LOG_FLAG_DB, s_name)                                                               \
		DD_FLAG_##s_name##_END,                                                                                \
	};
D_FOREACH_GURT_FAC(D_LOG_FLAGS, D_NOOP)

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
