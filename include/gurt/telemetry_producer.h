/* SPDX-License-Identifier: Apache-2.0 */
/* Making and changing metrics. A node that is NULL is passed over, so that a program works without metrics. */
#ifndef GURT_TELEMETRY_PRODUCER_H
#define GURT_TELEMETRY_PRODUCER_H

#include <gurt/telemetry_common.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

void d_tm_set_counter(struct d_tm_node_t *metric, uint64_t value);
void d_tm_inc_counter(struct d_tm_node_t *metric, uint64_t value);

/** Now. */
void d_tm_record_timestamp(struct d_tm_node_t *metric);
void d_tm_record_meminfo(struct d_tm_node_t *metric);
void d_tm_take_timer_snapshot(struct d_tm_node_t *metric, int clk_id);
void d_tm_mark_duration_start(struct d_tm_node_t *metric, int clk_id);
void d_tm_mark_duration_end(struct d_tm_node_t *metric);
void d_tm_set_gauge(struct d_tm_node_t *metric, uint64_t value);
void d_tm_inc_gauge(struct d_tm_node_t *metric, uint64_t value);
void d_tm_dec_gauge(struct d_tm_node_t *metric, uint64_t value);

/**
 * Makes the metrics of this process.
 *
 * \param[in]	id		number under which d_tm_open() finds them
 * \param[in]	mem_size	bytes for them
 * \param[in]	flags		D_TM_SERIALIZATION and others
 * \return			0; -DER_ALREADY; -DER_NO_SHMEM; -DER_NOSYS: metrics that outlive the process
 */
int d_tm_init(int id, uint64_t mem_size, int flags);
int d_tm_init_with_name(int id, uint64_t mem_size, int flags, const char *root_name);

/** Ends the metrics of this process. */
void d_tm_fini(void);

/** Gives a gauge or duration a histogram, whose buckets are counters below path. */
int d_tm_init_histogram(struct d_tm_node_t *node, char *path, int num_buckets, int initial_width, int multiplier);

/** The node at a path, made with the directories above it when it is not there. desc, units: texts, or NULL. */
int d_tm_add_metric(struct d_tm_node_t **node, int metric_type, char *desc, char *units, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

/** A directory with size_bytes of its own, which can be removed again. */
int d_tm_add_ephemeral_dir(struct d_tm_node_t **node, size_t size_bytes, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/** Shows the tree of another process, with a key, at a path. -DER_NOSYS. */
int d_tm_attach_path_segment(key_t key, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/** Removes a directory of d_tm_add_ephemeral_dir(); the second form: 0 too when it is not there. */
int d_tm_del_ephemeral_dir(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int d_tm_try_del_ephemeral_dir(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
