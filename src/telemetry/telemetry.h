/* SPDX-License-Identifier: Apache-2.0 */
/*
 * telemetry: a tree of metrics in a file that other processes read while the engine (or client) writes. Writing a metric is
 * one or a few stores to memory, no call, no lock; readers take copies and trust nothing in the file.
 *
 * A metric that could not be had (no memory, table full, telemetry off) is NULL, and every update of NULL does nothing: rooms
 * need not look.
 */
#ifndef TELEMETRY_TELEMETRY_H
#define TELEMETRY_TELEMETRY_H

#include <stdatomic.h>
#include "base/base.h"
#include "env/env.h"

struct telemetry;        /* a tree that is written */
struct telemetry_reader; /* a tree that is read */

enum {
	TELEMETRY_NAME_MAX = 256, /* one component of a path, with its NUL */
	TELEMETRY_TEXT_MAX = 128, /* a description, with its NUL */
	TELEMETRY_UNIT_MAX = 32,
	TELEMETRY_PATH_MAX = 1024,
	TELEMETRY_DEPTH_MAX = 16,
	TELEMETRY_BUCKETS_MAX = 32,
};

enum metric_kind {
	METRIC_DIRECTORY = 1,
	METRIC_COUNTER,     /* only grows; any thread */
	METRIC_GAUGE,       /* a value of now; set by one stream, or moved up and down by any thread */
	METRIC_STATS_GAUGE, /* the same with least, most, sum, sum of squares, number of samples; one stream */
	METRIC_TIMESTAMP,   /* wall clock, seconds since 1970; any thread */
	METRIC_SNAPSHOT,    /* monotonic clock, nanoseconds; any thread */
	METRIC_DURATION,    /* nanoseconds that something took, with statistics; one stream */
};

/** Part of the file's format: eight words. The statistics are guarded by seq: odd while they change. */
struct metric {
	_Atomic uint64_t seq, value, min, max, sum, sum_squares, samples, buckets;
};

/* ---- writing ------------------------------------------------------------------------------------------------------ */
/**
 * Makes the file at path (a former one is replaced) with room for node_max directories and metrics (0: 16384).
 * name: what is measured, e.g. "engine_0". -DER_NOMEM, -DER_NOSPACE, -DER_NONEXIST (no such directory), -DER_INVAL.
 */
int telemetry_create(struct env *env, const char *path, const char *name, uint32_t node_max, struct telemetry **tel);
/** Marks the file as ended, and removes it if remove. No metric of it is touched any more. NULL is allowed. */
void telemetry_destroy(struct telemetry *tel, bool remove);

/**
 * The metric at a path ("pool/<uuid>/ops/%s/tgt_%u"), made with its directories if it is not there. The macros below give
 * kind, description, unit and format. Any thread. On error *metric is NULL:
 * -DER_ADD_METRIC_FAILED (table full), -DER_NOMEM, -DER_EXCEEDS_PATH_LEN, -DER_INVAL (path), -DER_EXIST (of another kind).
 * tel NULL: *metric is NULL, 0.
 */
int telemetry_add(struct telemetry *tel, struct metric **metric, enum metric_kind kind, const char *description,
		  const char *unit, const char *fmt, ...) PRINTF_LIKE(6, 7);
/**
 * Gives a stats gauge or a duration a histogram: bucket 0 holds values below width, each next one is growth times as wide as
 * the one before, the last holds all the rest. 2 <= nr <= TELEMETRY_BUCKETS_MAX. Once a metric. metric NULL: 0.
 */
int telemetry_add_buckets(struct telemetry *tel, struct metric *metric, uint32_t nr, uint64_t width, uint32_t growth);
/** Removes a metric or a directory with all below it. -DER_METRIC_NOT_FOUND. No metric of it is touched any more. */
int telemetry_remove(struct telemetry *tel, const char *fmt, ...) PRINTF_LIKE(2, 3);

/**
 * Copies the name of the first child of the directory at path whose place in the file is at or behind *at, which moves behind it: begin with
 * 0. -DER_METRIC_NOT_FOUND: no such directory, or no more.
 */
int telemetry_child(struct telemetry *tel, const char *path, uint32_t *at, char name[TELEMETRY_NAME_MAX]);

static inline void
metric_count(struct metric *metric, uint64_t by)
{
	if (metric != NULL)
		atomic_fetch_add_explicit(&metric->value, by, memory_order_relaxed);
}

/** Gauges without statistics. */
static inline void
metric_move(struct metric *metric, int64_t by)
{
	if (metric != NULL)
		atomic_fetch_add_explicit(&metric->value, (uint64_t)by, memory_order_relaxed);
}

/** Gauges without statistics, timestamps, snapshots; counters that are kept elsewhere. */
static inline void
metric_set(struct metric *metric, uint64_t value)
{
	if (metric != NULL)
		atomic_store_explicit(&metric->value, value, memory_order_relaxed);
}

/** A sample of a stats gauge or a duration. */
void metric_sample(struct metric *metric, uint64_t value);
/** A stats gauge one up or down. */
void metric_sample_move(struct metric *metric, int64_t by);
/** A duration that began at start_ns of the monotonic clock and ends now. */
static inline void
metric_took(struct metric *metric, struct env *env, uint64_t start_ns)
{
	if (metric != NULL)
		metric_sample(metric, env_mono(env) - start_ns);
}

/* ---- reading ------------------------------------------------------------------------------------------------------ */
struct metric_bucket {
	uint64_t from, to, count; /* from <= value < to; to UINT64_MAX: no end */
};

struct telemetry_sample {
	char path[TELEMETRY_PATH_MAX];
	char description[TELEMETRY_TEXT_MAX], unit[TELEMETRY_UNIT_MAX];
	enum metric_kind kind;
	uint64_t value;
	/* stats gauge, duration; all 0 without samples */
	uint64_t min, max, sum, samples;
	double sum_squares, mean, deviation;
	bool torn; /* the writer did not let us read a consistent set; it may have died in the middle */
	uint32_t bucket_nr;
	struct metric_bucket buckets[TELEMETRY_BUCKETS_MAX];
};

/**
 * Opens a file that somebody writes or wrote. -DER_NONEXIST, -DER_NO_PERM, -DER_DF_INVAL (not such a file, or damaged),
 * -DER_DF_INCOMPT (another version), -DER_NOMEM.
 */
int telemetry_open(struct env *env, const char *path, struct telemetry_reader **reader);
void telemetry_close(struct telemetry_reader *reader);
/** What is measured, the process that writes (0: it ended in order), and when it began (wall clock, nanoseconds). */
void telemetry_source(struct telemetry_reader *reader, char name[64], int32_t *pid, uint64_t *started_ns);
/** Visits every metric until visit returns nonzero, which it then returns. The sample lives until visit returns. */
int telemetry_each(struct telemetry_reader *reader, int (*visit)(void *arg, const struct telemetry_sample *sample), void *arg);
/** -DER_METRIC_NOT_FOUND */
int telemetry_find(struct telemetry_reader *reader, const char *path, struct telemetry_sample *sample);
/** "counter", ...; "unknown" */
const char *metric_kind_name(enum metric_kind kind);

/* ---- the metrics that we know --------------------------------------------------------------------------------------- */
/* kind, description, unit, path: to be followed by the path's arguments. Durations are in nanoseconds. */
#define TM_STARTED_AT METRIC_TIMESTAMP, "Time of the last start", "s", "started_at"
#define TM_SERVING_AT METRIC_TIMESTAMP, "Time at which service began", "s", "servicing_at"
#define TM_RANK METRIC_GAUGE, "Rank of this engine", "", "rank"
#define TM_DEAD_RANKS METRIC_COUNTER, "Dead ranks seen", "events", "events/dead_ranks"
#define TM_LAST_EVENT METRIC_TIMESTAMP, "Time of the last event", "s", "events/last_event_ts"

/* operation ("update", "fetch", ...), target */
#define TM_OPS_ACTIVE METRIC_STATS_GAUGE, "Operations under way", "ops", "io/ops/%s/active/tgt_%u"
#define TM_OPS_LATENCY METRIC_DURATION, "Time that an operation takes", "ns", "io/ops/%s/latency/tgt_%u"
/* "update" or "fetch", size ("256B", "4KB", ...), target */
#define TM_IO_LATENCY METRIC_DURATION, "Time that an I/O of this size takes", "ns", "io/latency/%s/%s/tgt_%u"
#define TM_IO_BULK_LATENCY METRIC_DURATION, "Time of moving data", "ns", "io/latency/bulk_%s/%s/tgt_%u"
#define TM_IO_VOS_LATENCY METRIC_DURATION, "Time in the versioned object store", "ns", "io/latency/vos_%s/%s/tgt_%u"
#define TM_IO_BIO_LATENCY METRIC_DURATION, "Time of device I/O", "ns", "io/latency/bio_%s/%s/tgt_%u"
/* target */
#define TM_DTX_COMMITTABLE METRIC_STATS_GAUGE, "Transactions that may be committed", "entries", "io/dtx/committable/tgt_%u"
#define TM_DTX_COMMITTED METRIC_GAUGE, "Committed transactions that are remembered", "entries", "io/dtx/committed/tgt_%u"
#define TM_DTX_ASYNC_LAG METRIC_STATS_GAUGE, "Time from prepare to lazy commit", "ms", "io/dtx/async_cmt_lag/tgt_%u"
#define TM_DTX_INVALID METRIC_COUNTER, "Transactions aborted", "entries", "io/dtx/invalid/tgt_%u"

/* pool uuid, operation, target */
#define TM_POOL_OPS METRIC_COUNTER, "Operations on the pool", "ops", "pool/%s/ops/%s/tgt_%u"
/* pool uuid, "update" or "fetch", target */
#define TM_POOL_XFERRED METRIC_COUNTER, "Bytes moved", "bytes", "pool/%s/xferred/%s/tgt_%u"
/* pool uuid, target */
#define TM_POOL_RESTARTED METRIC_COUNTER, "Operations restarted", "ops", "pool/%s/restarted/tgt_%u"
#define TM_POOL_RESENT METRIC_COUNTER, "Operations sent again by clients", "ops", "pool/%s/resent/tgt_%u"
#define TM_POOL_RETRY METRIC_COUNTER, "Operations retried", "ops", "pool/%s/retry/tgt_%u"
#define TM_POOL_EC_FULL METRIC_COUNTER, "Full-stripe updates", "updates", "pool/%s/EC_update/full_stripe/tgt_%u"
#define TM_POOL_EC_PARTIAL METRIC_COUNTER, "Partial-stripe updates", "updates", "pool/%s/EC_update/partial/tgt_%u"
#define TM_POOL_EC_BLOCKED METRIC_COUNTER, "Parity foldings put off", "events", "pool/%s/EC_agg/blocked/tgt_%u"
#define TM_POOL_DTX_DEGREE METRIC_GAUGE, "Transactions committed in one batch", "entries", "pool/%s/entries/dtx_batched_degree/tgt_%u"
#define TM_POOL_DTX_TOTAL METRIC_COUNTER, "Transactions committed in batches", "entries", "pool/%s/entries/dtx_batched_total/tgt_%u"
/* pool uuid, what ("scm_used", "scm_total", "nvme_used", "nvme_total"), target */
#define TM_POOL_SPACE METRIC_GAUGE, "Space of the pool's shard", "bytes", "pool/%s/vos_space/%s/tgt_%u"
/* pool uuid, what ("dkey_visits", "akey_visits", "obj_scanned", ...), target */
#define TM_POOL_AGGREGATION METRIC_COUNTER, "Work of aggregation", "entries", "pool/%s/vos_aggregation/%s/tgt_%u"
#define TM_POOL_SCRUB METRIC_COUNTER, "Work of the scrubber", "entries", "pool/%s/scrubber/%s/tgt_%u"
#define TM_POOL_CHECKPOINT METRIC_DURATION, "Time of a checkpoint", "ns", "pool/%s/checkpoint/duration/tgt_%u"
#define TM_POOL_WAL_SIZE METRIC_STATS_GAUGE, "Bytes of a transaction's log record", "bytes", "pool/%s/vos_wal/wal_sz/tgt_%u"
#define TM_POOL_WAL_DEPTH METRIC_STATS_GAUGE, "Log writes under way", "entries", "pool/%s/vos_wal/wal_qd/tgt_%u"
/* pool uuid, what ("leader", "map_version", "open_pool_handles", "total_targets", "disabled_targets", ...) */
#define TM_POOL_SERVICE METRIC_GAUGE, "State of the pool service", "", "pool/%s/svc/%s"
/* pool uuid, operation ("pool_connect", "cont_open", ...) */
#define TM_POOL_SERVICE_OPS METRIC_COUNTER, "Operations of the pool and container services", "ops", "pool/%s/ops/%s"

/* device, what ("commands/data_units_read", "temp/current", "reliability/available_spare", ...) */
#define TM_DEVICE METRIC_GAUGE, "State of a device", "", "nvme/%s/%s"
#define TM_DEVICE_COUNT METRIC_COUNTER, "Events of a device", "events", "nvme/%s/%s"
/* transport ("tcp"), what ("req_timeout", "failed_addr", ...), context */
#define TM_NET METRIC_COUNTER, "Events of the network", "events", "net/%s/%s/ctx_%u"
#define TM_NET_BYTES METRIC_COUNTER, "Bytes of the network", "bytes", "net/%s/%s/ctx_%u"
/* what ("total_time", "relax_time", "wait_queue", "cycle_duration", ...), stream */
#define TM_SCHED METRIC_STATS_GAUGE, "State of a stream's scheduler", "", "sched/%s/xs_%u"
#define TM_SCHED_RUN METRIC_COUNTER, "Time that a class of work ran", "ns", "sched/run/%s/xs_%u"
#define TM_SCHED_ULTS METRIC_GAUGE, "User-level threads alive", "ults", "sched/ults/xs_%u"
#define TM_SCHED_STACK METRIC_GAUGE, "Deepest stack of a user-level thread", "bytes", "sched/stack_peak/xs_%u"

#endif
