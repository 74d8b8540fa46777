/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libgurt: the log of a client process. A line is
 *
 *      MM/DD-HH:MM:SS.uu host tag[pid/stream/ult] fac  PRIO text
 *
 * written with one write() to the log file, or to the standard output or error. Facilities (facs) and kinds of debug
 * lines (kinds, groups) are tables that only grow while the log is open.
 *
 *  I1  d_log_xst.dlog_facs is NULL or points to facs, whose entries never move: d_log_check() reads it without a
 *      lock, and so may see an old mask for a moment.
 *  I2  All else is guarded by log_lock. A fork()ed child may log on: it shares the file.
 *  I3  Logging never fails a caller: what cannot be written is lost.
 */
#include <ctype.h>
#include <fcntl.h>
#include <gurt/common.h>
#include <limits.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define FACS_MAX 255
#define KINDS_MAX 16
#define GROUPS_MAX 32
#define CACHES_MAX 256
#define NAME_LEN_MAX 63
#define LINE_LEN_MAX 4096
/** The size at which a log file is put aside unless D_LOG_SIZE says otherwise, and the least that it can say. */
#define LOG_SIZE_DEFAULT (2ULL << 30)
#define LOG_SIZE_MIN (1ULL << 20)

#define DEFINE_FAC(s_name, l_name, arg) int DD_FAC(s_name);
D_FOREACH_GURT_FAC(DEFINE_FAC, D_NOOP)

/** The first kinds of debug lines; more are given out from bit 16 on. */
d_dbug_t DB_ALL = DLOG_DBG;
d_dbug_t DB_ANY = 1 << 8;
d_dbug_t DB_TRACE = 1 << 9;
d_dbug_t DB_MEM = 1 << 10;
d_dbug_t DB_NET = 1 << 11;
d_dbug_t DB_IO = 1 << 12;
d_dbug_t DB_TEST = 1 << 13;
#define FIRST_FREE_KIND (1 << 14)

struct d_log_xstate d_log_xst;
void (*d_alt_assert)(const int result, const char *expr, const char *file, const int line);

struct named_mask {
	char name[NAME_LEN_MAX + 1], long_name[NAME_LEN_MAX + 1];
	d_dbug_t mask;
};

struct cache {
	int *results;
	int nr;
};

static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static struct dlog_fac facs[FACS_MAX];
static struct named_mask kinds[KINDS_MAX], groups[GROUPS_MAX];
static struct cache caches[CACHES_MAX];
static int kinds_nr, groups_nr, caches_nr;
static d_dbug_t debug_mask = DLOG_DBG, free_kind = FIRST_FREE_KIND;
static int default_fac_mask = DLOG_WARN, stderr_mask = DLOG_EMERG;
static int users, log_fd = -1, flavor;
static uint64_t log_size, log_size_max;
static char log_path[PATH_MAX], log_path_old[PATH_MAX + 8], log_host[NAME_LEN_MAX + 1], log_tag[NAME_LEN_MAX + 1];
static d_log_id_cb_t log_id_cb;

static const struct d_debug_priority priorities[] = {
#define PRIORITY(name, id, longid, mask, arg)                                                                          \
	{.dd_name = (char *)#id, .dd_prio = (mask), .dd_name_size = sizeof(#id) - 1},
	D_FOREACH_PRIO_MASK(PRIORITY, D_NOOP)};

/* ---- names and masks -------------------------------------------------------------------------------------------- */

/** The priority with a name, of len characters; -1: none. */
static int
priority_of(const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(priorities); i++) {
		if (len == priorities[i].dd_name_size && strncasecmp(name, priorities[i].dd_name, len) == 0)
			return (int)priorities[i].dd_prio;
	}
	return len == 5 && strncasecmp(name, "error", len) == 0 ? DLOG_ERR :
	       len == 3 && strncasecmp(name, "dbg", len) == 0	? DLOG_DBG :
								  -1;
}

static bool
is_named(const struct named_mask *entry, const char *name, size_t len)
{
	return (strlen(entry->name) == len && strncasecmp(entry->name, name, len) == 0) ||
	       (strlen(entry->long_name) == len && len != 0 && strncasecmp(entry->long_name, name, len) == 0);
}

static struct named_mask *
named_find(struct named_mask *table, int nr, const char *name, size_t len)
{
	int i;

	for (i = 0; i < nr; i++) {
		if (is_named(&table[i], name, len))
			return &table[i];
	}
	return NULL;
}

/** What is written of a facility at a priority: debug lines only of the wanted kinds. */
static int
mask_at(int priority)
{
	return priority == DLOG_DBG ? (int)(debug_mask & DLOG_DBG) : priority;
}

static void
fac_set(int fac, int mask)
{
	facs[fac].fac_mask = facs[fac].is_enabled || (mask & DLOG_PRINDMASK) != 0 ? mask : DLOG_INFO;
}

static void
caches_clear(void)
{
	int i;

	for (i = 0; i < caches_nr; i++)
		memset(caches[i].results, 0xff, (size_t)caches[i].nr * sizeof(int));
}

/** The facility with a name; -1: none. */
static int
fac_find(const char *name, size_t len)
{
	int i;

	for (i = 0; i < d_log_xst.fac_cnt; i++) {
		const char *long_name = facs[i].fac_lname;

		if ((strlen(facs[i].fac_aname) == len && strncasecmp(facs[i].fac_aname, name, len) == 0) ||
		    (long_name != NULL && strlen(long_name) == len && strncasecmp(long_name, name, len) == 0))
			return i;
	}
	return -1;
}

/** Takes "PRIO" (all facilities) or "fac=PRIO", "fac=PRIO", ... The number of facilities set, or -1. */
static int
masks_set(const char *text, size_t len)
{
	const char *end = text + len;
	int changed = 0;

	while (text < end) {
		const char *stop = memchr(text, ',', (size_t)(end - text)), *equals;
		int fac, priority;

		if (stop == NULL)
			stop = end;
		equals = memchr(text, '=', (size_t)(stop - text));
		if (equals == NULL) {
			priority = priority_of(text, (size_t)(stop - text));
			if (priority < 0)
				return -1;
			default_fac_mask = priority;
			for (fac = 0; fac < d_log_xst.fac_cnt; fac++, changed++)
				fac_set(fac, mask_at(priority));
		} else {
			priority = priority_of(equals + 1, (size_t)(stop - equals - 1));
			if (priority < 0)
				return -1;
			fac = fac_find(text, (size_t)(equals - text));
			if (fac >= 0) {
				fac_set(fac, mask_at(priority));
				changed++;
			}
		}
		text = stop + 1;
	}
	caches_clear();
	return changed;
}

/** Takes "io,net" or "all": kinds and groups of debug lines. */
static void
debug_mask_set(const char *text)
{
	d_dbug_t mask = 0;

	while (*text != '\0') {
		size_t len = strcspn(text, DD_SEP);
		const struct named_mask *entry = named_find(kinds, kinds_nr, text, len);

		if (entry == NULL)
			entry = named_find(groups, groups_nr, text, len);
		if (entry != NULL)
			mask |= entry->mask;
		text += len + (text[len] != '\0');
	}
	debug_mask = mask != 0 ? mask : DLOG_DBG;
}

void
d_log_sync_mask_ex(const char *log_mask, const char *dd_mask)
{
	pthread_mutex_lock(&log_lock);
	if (dd_mask != NULL)
		debug_mask_set(dd_mask);
	if (log_mask != NULL)
		masks_set(log_mask, strlen(log_mask));
	caches_clear();
	pthread_mutex_unlock(&log_lock);
}

void
d_log_sync_mask(void)
{
	char *log_mask = NULL, *dd_mask = NULL;

	d_agetenv_str(&log_mask, D_LOG_MASK_ENV);
	d_agetenv_str(&dd_mask, DD_MASK_ENV);
	d_log_sync_mask_ex(log_mask, dd_mask);
	d_freeenv_str(&log_mask);
	d_freeenv_str(&dd_mask);
}

int
d_log_setmasks(const char *mstr, int mlen)
{
	int changed;

	if (mstr == NULL)
		return -1;
	pthread_mutex_lock(&log_lock);
	changed = masks_set(mstr, mlen < 0 ? strlen(mstr) : strnlen(mstr, (size_t)mlen));
	pthread_mutex_unlock(&log_lock);
	return changed;
}

int
d_log_setlogmask(int facility, int mask)
{
	int former = -1;

	pthread_mutex_lock(&log_lock);
	if (facility >= 0 && facility < d_log_xst.fac_cnt) {
		former = facs[facility].fac_mask;
		facs[facility].fac_mask = mask;
		caches_clear();
	}
	pthread_mutex_unlock(&log_lock);
	return former;
}

static const char *
priority_name(int mask)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(priorities) - 1; i++) {
		if ((unsigned int)DLOG_PRI((unsigned int)mask) == DLOG_PRI((unsigned int)priorities[i].dd_prio))
			return priorities[i].dd_name;
	}
	return priorities[ARRAY_SIZE(priorities) - 1].dd_name;
}

int
d_log_getmasks(char *buf, int discard, int len, int unterm)
{
	struct d_string_buffer_t text = {0};
	int i, nr = 0;

	pthread_mutex_lock(&log_lock);
	for (i = 0; i < d_log_xst.fac_cnt; i++)
		d_write_string_buffer(&text, "%s%s=%s", i == 0 ? "" : ",", facs[i].fac_aname, priority_name(facs[i].fac_mask));
	pthread_mutex_unlock(&log_lock);
	if (text.status == 0 && text.str != NULL && discard >= 0 && (size_t)discard < text.str_size && len > 0) {
		nr = (int)MIN(text.str_size - (size_t)discard, (size_t)len - (unterm ? 0 : 1));
		memcpy(buf, text.str + discard, (size_t)nr);
		if (!unterm)
			buf[nr] = '\0';
	}
	d_free_string(&text);
	return nr;
}

void
d_log_add_cache(int *cache, int nr)
{
	pthread_mutex_lock(&log_lock);
	if (caches_nr < CACHES_MAX && cache != NULL && nr > 0)
		caches[caches_nr++] = (struct cache){.results = cache, .nr = nr};
	pthread_mutex_unlock(&log_lock);
}

/* ---- kinds of debug lines --------------------------------------------------------------------------------------- */

static int
named_add(struct named_mask *table, int *nr, int nr_max, const char *name, const char *long_name, d_dbug_t mask)
{
	struct named_mask *entry;

	if (*nr == nr_max || name == NULL || strlen(name) > NAME_LEN_MAX || name[0] == '\0')
		return -1;
	entry = &table[(*nr)++];
	snprintf(entry->name, sizeof(entry->name), "%s", name);
	snprintf(entry->long_name, sizeof(entry->long_name), "%s", long_name != NULL ? long_name : name);
	entry->mask = mask;
	return 0;
}

/** Under log_lock; the kinds that are always there. */
static void
kinds_start(void)
{
	if (kinds_nr != 0)
		return;
#define KNOWN_KIND(variable, s_name, l_name, arg) named_add(kinds, &kinds_nr, KINDS_MAX, #s_name, #l_name, variable);
	D_FOREACH_GURT_DB(KNOWN_KIND, D_NOOP)
}

int
d_log_dbg_bit_alloc(d_dbug_t *dbgbit, char *name, char *lname)
{
	struct named_mask *entry;
	int rc = 0;

	if (name == NULL || dbgbit == NULL)
		return -1;
	pthread_mutex_lock(&log_lock);
	kinds_start();
	entry = named_find(kinds, kinds_nr, name, strlen(name));
	if (entry != NULL) {
		*dbgbit = entry->mask;
	} else if ((free_kind & DLOG_DBG) == 0 || named_add(kinds, &kinds_nr, KINDS_MAX, name, lname, free_kind) != 0) {
		rc = -1;
	} else {
		*dbgbit = free_kind;
		free_kind <<= 1;
	}
	pthread_mutex_unlock(&log_lock);
	return rc;
}

/** Forgets a name; the bit is not given out again. */
static int
named_remove(struct named_mask *table, int *nr, const char *name)
{
	struct named_mask *entry;
	int rc = -1;

	if (name == NULL)
		return -1;
	pthread_mutex_lock(&log_lock);
	entry = named_find(table, *nr, name, strlen(name));
	if (entry != NULL) {
		*entry = table[--*nr];
		rc = 0;
	}
	pthread_mutex_unlock(&log_lock);
	return rc;
}

int
d_log_dbg_bit_dealloc(char *name)
{
	return named_remove(kinds, &kinds_nr, name);
}

int
d_log_dbg_grp_alloc(d_dbug_t dbgmask, char *grpname, uint32_t flags)
{
	int rc;

	if (grpname == NULL)
		return -1;
	pthread_mutex_lock(&log_lock);
	kinds_start();
	rc = named_find(groups, groups_nr, grpname, strlen(grpname)) != NULL ?
		     -1 :
		     named_add(groups, &groups_nr, GROUPS_MAX, grpname, NULL, dbgmask);
	if (rc == 0 && (flags & D_LOG_SET_AS_DEFAULT))
		debug_mask = dbgmask;
	pthread_mutex_unlock(&log_lock);
	return rc;
}

int
d_log_dbg_grp_dealloc(char *grpname)
{
	return named_remove(groups, &groups_nr, grpname);
}

int
d_log_getdbgbit(d_dbug_t *dbgbit, char *bitname)
{
	struct named_mask *entry;

	if (dbgbit == NULL || bitname == NULL)
		return -1;
	pthread_mutex_lock(&log_lock);
	kinds_start();
	entry = named_find(kinds, kinds_nr, bitname, strlen(bitname));
	*dbgbit = entry == NULL ? 0 : entry->mask;
	pthread_mutex_unlock(&log_lock);
	return 0;
}

/* ---- facilities ------------------------------------------------------------------------------------------------- */

/** Whether DD_SUBSYS asks for debug lines of a facility. */
static bool
fac_is_wanted(const char *name)
{
	char *wanted = NULL, *at;
	bool found = false;

	if (d_agetenv_str(&wanted, DD_FAC_ENV) != 0)
		return true;
	for (at = wanted; *at != '\0' && !found;) {
		size_t len = strcspn(at, DD_SEP);

		found = (len == strlen(name) && strncasecmp(at, name, len) == 0) ||
			(len == strlen(DD_FAC_ALL) && strncasecmp(at, DD_FAC_ALL, len) == 0);
		at += len + (at[len] != '\0');
	}
	d_freeenv_str(&wanted);
	return found;
}

/** Under log_lock. */
static int
fac_add(const char *aname, const char *lname)
{
	int fac = fac_find(aname, strlen(aname));

	if (fac >= 0)
		return fac;
	if (d_log_xst.fac_cnt == FACS_MAX)
		return -1;
	fac = d_log_xst.fac_cnt;
	facs[fac].fac_aname = strdup(aname);
	facs[fac].fac_lname = lname != NULL ? strdup(lname) : NULL;
	if (facs[fac].fac_aname == NULL || (lname != NULL && facs[fac].fac_lname == NULL)) {
		free(facs[fac].fac_aname);
		return -1;
	}
	facs[fac].is_enabled = fac_is_wanted(aname);
	fac_set(fac, mask_at(default_fac_mask));
	d_log_xst.fac_cnt++;
	return fac;
}

int
d_log_allocfacility(const char *aname, const char *lname)
{
	int fac;

	if (aname == NULL || aname[0] == '\0')
		return -1;
	pthread_mutex_lock(&log_lock);
	fac = fac_add(aname, lname);
	pthread_mutex_unlock(&log_lock);
	return fac;
}

/* ---- lines ------------------------------------------------------------------------------------------------------ */

/** Puts a log file that has grown too large aside as FILE.old and starts a new one. */
static void
rotate(size_t len)
{
	int fd;

	if (log_fd < 0 || log_path[0] == '\0' || log_size + len <= log_size_max)
		return;
	snprintf(log_path_old, sizeof(log_path_old), "%s.old", log_path);
	if (rename(log_path, log_path_old) != 0)
		return;
	fd = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (fd < 0)
		return;
	dup3(fd, log_fd, O_CLOEXEC);
	close(fd);
	log_size = 0;
}

static void
put(int fd, const char *line, size_t len)
{
	while (len > 0) {
		ssize_t written = write(fd, line, len);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return;
		line += written;
		len -= (size_t)written;
	}
}

static size_t
line_head(char *line, size_t room, int flags)
{
	int fac = flags & DLOG_FACMASK, debug = (flags & DLOG_PRINDMASK) == 0, len;
	struct timespec now;
	uint32_t stream = 0;
	uint64_t ult = 0;
	struct tm tm;
	char prio[8];
	size_t i;

	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &tm);
	if (log_id_cb != NULL)
		log_id_cb(&stream, &ult);
	snprintf(prio, sizeof(prio), "%.5s", debug ? "dbug" : priority_name(flags));
	for (i = 0; prio[i] != '\0'; i++)
		prio[i] = (char)toupper((unsigned char)prio[i]);
	if (flavor & DLOG_FLV_YEAR)
		len = snprintf(line, room, "%04d/", tm.tm_year + 1900);
	else
		len = 0;
	len += snprintf(line + len, room - (size_t)len, "%02d/%02d-%02d:%02d:%02d.%02ld %s %s[%d/%u/%" PRIu64 "] %-4s %s ",
			tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, now.tv_nsec / 10000000, log_host, log_tag,
			(int)getpid(), stream, ult, fac < d_log_xst.fac_cnt ? facs[fac].fac_aname : "misc", prio);
	return MIN((size_t)len, room - 1);
}

void
d_vlog(int flags, const char *fmt, va_list ap)
{
	int saved_errno = errno, len;
	char line[LINE_LEN_MAX];
	size_t head, size;

	pthread_mutex_lock(&log_lock);
	head = line_head(line, sizeof(line), flags);
	len = vsnprintf(line + head, sizeof(line) - head, fmt, ap);
	size = MIN(head + (size_t)MAX(len, 0), sizeof(line) - 1);
	if (line[size - 1] != '\n')
		line[size < sizeof(line) - 1 ? size++ : size - 1] = '\n';
	if (log_fd >= 0) {
		rotate(size);
		put(log_fd, line, size);
		log_size += size;
	}
	if ((flags & DLOG_STDOUT) != 0 || (flavor & DLOG_FLV_STDOUT) != 0)
		put(STDOUT_FILENO, line, size);
	if ((flags & DLOG_STDERR) != 0 || (flavor & DLOG_FLV_STDERR) != 0 ||
	    (flags & DLOG_PRINDMASK) >= (stderr_mask & DLOG_PRINDMASK))
		put(STDERR_FILENO, line, size);
	pthread_mutex_unlock(&log_lock);
	errno = saved_errno;
}

void
d_log_sync(void)
{
	pthread_mutex_lock(&log_lock);
	if (log_fd >= 0)
		fdatasync(log_fd);
	pthread_mutex_unlock(&log_lock);
}

void
d_log_disable_logging(void)
{
	pthread_mutex_lock(&log_lock);
	d_log_xst.dlog_facs = NULL;
	if (log_fd >= 0)
		close(log_fd);
	log_fd = -1;
	pthread_mutex_unlock(&log_lock);
}

/* ---- life ------------------------------------------------------------------------------------------------------- */

/** A size such as "500M". */
static uint64_t
size_of_environment(void)
{
	unsigned long long size;
	char *text = NULL, *end;

	if (d_agetenv_str(&text, D_LOG_SIZE_ENV) != 0)
		return LOG_SIZE_DEFAULT;
	size = strtoull(text, &end, 0);
	size <<= tolower((unsigned char)*end) == 'k' ? 10 :
		 tolower((unsigned char)*end) == 'm' ? 20 :
		 tolower((unsigned char)*end) == 'g' ? 30 :
						       0;
	d_freeenv_str(&text);
	return MAX((uint64_t)size, LOG_SIZE_MIN);
}

/** Opens log_path; -1. */
static int
file_open(void)
{
	bool truncate = false;
	struct stat st;

	d_getenv_bool(D_LOG_TRUNCATE_ENV, &truncate);
	log_fd = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | (truncate ? O_TRUNC : 0), 0644);
	if (log_fd < 0)
		return -1;
	log_size = fstat(log_fd, &st) == 0 ? (uint64_t)st.st_size : 0;
	log_size_max = size_of_environment();
	return 0;
}

static void
facs_start(void)
{
#define KNOWN_FAC(s_name, l_name, arg) DD_FAC(s_name) = fac_add(#s_name, #l_name);
	D_FOREACH_GURT_FAC(KNOWN_FAC, D_NOOP)
}

/** Under log_lock. */
static int
log_open(const char *tag, int fac_mask, int err_mask, const char *path, int flags, d_log_id_cb_t id_cb)
{
	bool append_pid = false;

	if (users > 0) {
		users++;
		return 0;
	}
	d_getenv_bool(D_LOG_FILE_APPEND_PID_ENV, &append_pid);
	log_path[0] = '\0';
	if (path != NULL && append_pid)
		snprintf(log_path, sizeof(log_path), "%s.%d", path, (int)getpid());
	else if (path != NULL)
		snprintf(log_path, sizeof(log_path), "%s", path);
	if (log_path[0] != '\0' && file_open() != 0)
		return -1;
	flavor = flags;
	default_fac_mask = fac_mask;
	stderr_mask = err_mask;
	log_id_cb = id_cb;
	snprintf(log_tag, sizeof(log_tag), "%s", tag != NULL ? tag : "");
	if (gethostname(log_host, sizeof(log_host) - 1) != 0)
		snprintf(log_host, sizeof(log_host), "localhost");
	if (!(flags & DLOG_FLV_FQDN))
		log_host[strcspn(log_host, ".")] = '\0';
	kinds_start();
	facs_start();
	d_log_xst.tag = log_tag;
	d_log_xst.nodename = log_host;
	d_log_xst.dlog_facs = facs;
	users = 1;
	return 0;
}

int
d_log_open(char *tag, int maxfac_hint, int default_mask, int stderr_pri_mask, char *logfile, int flags,
	   d_log_id_cb_t id_cb)
{
	int rc;

	(void)maxfac_hint;
	pthread_mutex_lock(&log_lock);
	rc = log_open(tag, default_mask, stderr_pri_mask, logfile, flags, id_cb);
	pthread_mutex_unlock(&log_lock);
	return rc;
}

int
d_log_init_adv(char *tag, char *log_file, unsigned int log_flavor, d_dbug_t def_mask, d_dbug_t err_mask,
	       d_log_id_cb_t id_cb)
{
	char *text = NULL;
	int priority;

	if (d_agetenv_str(&text, DD_STDERR_ENV) == 0) {
		priority = priority_of(text, strlen(text));
		if (priority > 0 && priority != DLOG_DBG)
			err_mask = (d_dbug_t)priority;
		d_freeenv_str(&text);
	}
	if (log_file == NULL)
		log_flavor |= DLOG_FLV_STDOUT;
	if (d_log_open(tag, 0, (int)def_mask, (int)err_mask, log_file, (int)log_flavor, id_cb) != 0)
		return -DER_UNINIT;
	d_log_sync_mask();
	return 0;
}

int
d_log_init(void)
{
	char *log_file = NULL;
	int rc;

	d_agetenv_str(&log_file, D_LOG_FILE_ENV);
	rc = d_log_init_adv("DAOS", log_file, DLOG_FLV_LOGPID | DLOG_FLV_FAC | DLOG_FLV_TAG, DLOG_WARN, DLOG_EMERG, NULL);
	d_freeenv_str(&log_file);
	return rc;
}

void
d_log_close(void)
{
	int i;

	pthread_mutex_lock(&log_lock);
	if (users > 0 && --users == 0) {
		d_log_xst.dlog_facs = NULL;
		for (i = 0; i < d_log_xst.fac_cnt; i++) {
			free(facs[i].fac_aname);
			free(facs[i].fac_lname);
			memset(&facs[i], 0, sizeof(facs[i]));
		}
		d_log_xst.fac_cnt = 0;
		caches_clear();
		if (log_fd >= 0)
			close(log_fd);
		log_fd = -1;
		flavor = 0;
	}
	pthread_mutex_unlock(&log_lock);
}

void
d_log_fini(void)
{
	d_log_close();
}

void
d_log_rank_setup(int rank)
{
	char with_rank[PATH_MAX + 16];
	bool append = false;

	d_getenv_bool(D_LOG_FILE_APPEND_RANK_ENV, &append);
	if (!append)
		return;
	pthread_mutex_lock(&log_lock);
	if (log_fd >= 0 && log_path[0] != '\0') {
		snprintf(with_rank, sizeof(with_rank), "%s.%d", log_path, rank);
		if (strlen(with_rank) < sizeof(log_path) && rename(log_path, with_rank) == 0)
			memcpy(log_path, with_rank, strlen(with_rank) + 1);
	}
	pthread_mutex_unlock(&log_lock);
}

int
d_register_alt_assert(void (*alt_assert)(const int result, const char *expr, const char *file, const int line))
{
	if (alt_assert == NULL)
		return -DER_INVAL;
	d_alt_assert = alt_assert;
	return 0;
}
