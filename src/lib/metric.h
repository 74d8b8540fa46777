/* SPDX-License-Identifier: Apache-2.0 */
/* The metrics of a client process: what their writer (gurt_metric.c) and reader (gurt_metric_read.c) share. */
#ifndef LIB_METRIC_H
#define LIB_METRIC_H

#include <gurt/telemetry_common.h>

/** The tree of the process, open for reading. */
struct d_tm_context {
	struct d_tm_node_t *root;
};

/** The bits of a node's type that say what it is, without its clock. */
static inline int
metric__kind(const struct d_tm_node_t *node)
{
	return node->dtn_type &
	       ~(D_TM_CLOCK_REALTIME | D_TM_CLOCK_PROCESS_CPUTIME | D_TM_CLOCK_THREAD_CPUTIME);
}

/** The root of the tree with a number, kept until metric__put_root(); NULL: there is none. */
struct d_tm_node_t *metric__get_root(int id);
void metric__put_root(void);
/** The node at a path; NULL: none. */
struct d_tm_node_t *metric__find(struct d_tm_node_t *root, const char *path);

/** Around reading or changing the value of a node. */
void metric__lock(struct d_tm_node_t *node);
void metric__unlock(struct d_tm_node_t *node);

#endif
