/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log of a process: lines with a facility (who speaks) and a priority, written to a file. What is written is chosen
 * for each facility by D_LOG_MASK, e.g. "ERR,misc=DEBUG", and debug lines also by DD_MASK.
 *
 * The flags of a line: bits 0-7 facility, bits 8-23 kind of debug line, bits 24-27 priority, 28 and 29 also to the
 * standard output and error. Facilities are numbers that d_log_allocfacility() gives.
 */
#ifndef GURT_DLOG_H
#define GURT_DLOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** A set of kinds of debug lines. */
typedef uint64_t d_dbug_t;

/* What a line carries beside time and text: d_log_open(). */
#define DLOG_FLV_LOGPID (1 << 0)
#define DLOG_FLV_FQDN (1 << 1)
#define DLOG_FLV_FAC (1 << 2)
#define DLOG_FLV_YEAR (1 << 3)
#define DLOG_FLV_TAG (1 << 4)
#define DLOG_FLV_STDOUT (1 << 5)
#define DLOG_FLV_STDERR (1 << 6)

#define DLOG_STDERR 0x20000000
#define DLOG_STDOUT 0x10000000
#define DLOG_PRIMASK 0x0fffff00
#define DLOG_PRISHIFT 24
#define DLOG_DPRISHIFT 8
#define DLOG_PRINDMASK 0x0f000000
#define DLOG_FACMASK 0x000000ff
#define DLOG_UNINIT 0x80000000

/** Priorities: name, short name, long name, mask. */
#define D_FOREACH_PRIO_MASK(ACTION, arg)                                                                               \
	ACTION(DLOG_EMIT, emit, emit, 0x08000000, arg)                                                                 \
	ACTION(DLOG_EMERG, fatal, fatal, 0x07000000, arg)                                                              \
	ACTION(DLOG_ALERT, alert, alert, 0x06000000, arg)                                                              \
	ACTION(DLOG_CRIT, crit, crit, 0x05000000, arg)                                                                 \
	ACTION(DLOG_ERR, err, error, 0x04000000, arg)                                                                  \
	ACTION(DLOG_WARN, warn, warn, 0x03000000, arg)                                                                 \
	ACTION(DLOG_NOTE, note, note, 0x02000000, arg)                                                                 \
	ACTION(DLOG_INFO, info, info, 0x01000000, arg)                                                                 \
	ACTION(DLOG_DBG, debug, debug, 0x00ffff00, arg)

#define D_NOOP(...)
#define D_PRIO_ENUM(name, id, longid, mask, arg) name = mask,

enum {
	D_FOREACH_PRIO_MASK(D_PRIO_ENUM, D_NOOP)
};

/** The priority in flags, a number from 0 (debug) to 8. */
#define DLOG_PRI(flag) (((flag)&DLOG_PRINDMASK) >> DLOG_PRISHIFT)

/* Environment: kinds of debug lines; priority from which lines go to the standard error too; facilities. */
#define DD_MASK_ENV "DD_MASK"
#define DD_MASK_DEFAULT "all"
#define DD_SEP ","
#define DD_STDERR_ENV "DD_STDERR"
#define DD_FAC_ENV "DD_SUBSYS"
#define DD_FAC_ALL "all"

/** A facility. */
struct dlog_fac {
	char *fac_aname; /**< short name */
	char *fac_lname; /**< long name, or NULL */
	int fac_mask;    /**< lowest priority and kinds of debug lines that are written */
	bool is_enabled;
};

/** What d_log_check() looks at; only to be read. */
struct d_log_xstate {
	char *tag;
	struct dlog_fac *dlog_facs;
	char *nodename;
	int fac_cnt;
};

extern struct d_log_xstate d_log_xst;

struct d_debug_data {
	d_dbug_t dd_mask;     /**< kinds of debug lines that are wanted */
	d_dbug_t dd_prio_err; /**< priority from which lines go to the standard error too */
	int dbg_bit_cnt;
	int dbg_grp_cnt;
};

struct d_debug_priority {
	char *dd_name;
	d_dbug_t dd_prio;
	size_t dd_name_size;
};

/** A kind of debug lines. */
struct d_debug_bit {
	d_dbug_t *db_bit;
	char *db_name;
	char *db_lname;
	size_t db_name_size;
	size_t db_lname_size;
};

/** A named set of kinds. */
struct d_debug_grp {
	char *dg_name;
	size_t dg_name_size;
	d_dbug_t dg_mask;
};

enum d_log_flag_bits {
	D_LOG_SET_AS_DEFAULT = 1U,
};

/** Tells who logs: a thread number and a user-level thread number. */
typedef void (*d_log_id_cb_t)(uint32_t *xs_id, uint64_t *ult_id);

/* Kinds of debug lines by name: 0 or -1. A group's flags: D_LOG_SET_AS_DEFAULT or 0. */
int d_log_dbg_bit_alloc(d_dbug_t *dbgbit, char *name, char *lname);
int d_log_dbg_bit_dealloc(char *name);
int d_log_dbg_grp_alloc(d_dbug_t dbgmask, char *grpname, uint32_t flags);
int d_log_dbg_grp_dealloc(char *grpname);

/** flags if a line with them would be written, else 0. */
static inline int
d_log_check(int flags)
{
	unsigned int wanted = (unsigned int)flags & DLOG_PRIMASK, mask;
	int fac = flags & DLOG_FACMASK;

	if (((unsigned int)flags & DLOG_UNINIT) != 0 || d_log_xst.dlog_facs == NULL)
		return 0;
	mask = (unsigned int)d_log_xst.dlog_facs[fac < d_log_xst.fac_cnt ? fac : 0].fac_mask;
	if ((wanted & DLOG_PRINDMASK) != 0)
		return (wanted & DLOG_PRINDMASK) >= (mask & DLOG_PRINDMASK) ? flags : 0;
	return (wanted & mask) != 0 ? flags : 0;
}

/** Writes a line, which ends with a newline, whatever the masks say. */
void d_vlog(int flags, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));

/** Writes a line if it is wanted. */
static inline void __attribute__((format(printf, 2, 3)))
d_log(int flags, const char *fmt, ...)
{
	va_list ap;

	if (d_log_check(flags) == 0)
		return;
	va_start(ap, fmt);
	d_vlog(flags, fmt, ap);
	va_end(ap);
}

/** Number of a facility, made when there is none of that name; -1: too many. */
int d_log_allocfacility(const char *aname, const char *lname);

/** Opens the log as the environment says: D_LOG_FILE and others of debug.h. Counted. 0 or a negative DER number. */
int d_log_init(void);

/** The same with the names given; log_file NULL: the standard output. */
int d_log_init_adv(char *log_tag, char *log_file, unsigned int flavor, d_dbug_t def_mask, d_dbug_t err_mask,
		   d_log_id_cb_t id_cb);
void d_log_fini(void);

/** Opens the log: 0 or -1. default_mask, stderr_mask: priorities; flags: DLOG_FLV_*. */
int d_log_open(char *tag, int maxfac_hint, int default_mask, int stderr_mask, char *logfile, int flags,
	       d_log_id_cb_t id_cb);
void d_log_close(void);

/** Appends the rank of the process to the name of the log file. */
void d_log_rank_setup(int rank);

/** Reads D_LOG_MASK and DD_MASK anew; the second form has them given. */
void d_log_sync_mask(void);
void d_log_sync_mask_ex(const char *log_mask, const char *dd_mask);

/** Sets what is written of a facility. The former mask, or -1. */
int d_log_setlogmask(int facility, int mask);

/** Sets what is written by text, as D_LOG_MASK. The number of facilities that changed, or -1. */
int d_log_setmasks(const char *mstr, int mlen);

/** Writes the masks as text: its length. discard: bytes to leave out at the start; unterm: no NUL. */
int d_log_getmasks(char *buf, int discard, int len, int unterm);

/** Has an array of remembered d_log_check() results, which outlives the log, set to -1 when masks change. */
void d_log_add_cache(int *cache, int nr);

/** Writes out what is buffered. */
void d_log_sync(void);

/** Writes nothing from now on (in a child that may not touch the log). */
void d_log_disable_logging(void);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
