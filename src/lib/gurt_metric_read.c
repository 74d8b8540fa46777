/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libgurt: metrics of a client process: reading and printing them.
 *
 * A line of values reads "path: value unit (statistics)" or, as CSV, "path,value,least,most,mean,samples,deviation",
 * with a column before it for the time and behind it for description and unit where these are asked for.
 */
#include <gurt/common.h>
#include <gurt/telemetry_consumer.h>
#include <gurt/telemetry_producer.h>
#include "metric.h"

#define PATH_TEXT_MAX 1024

/* ---- trees ------------------------------------------------------------------------------------------------------ */

int
d_tm_get_version(void)
{
	return D_TM_VERSION;
}

key_t
d_tm_get_srv_key(int srv_idx)
{
	return D_TM_SHARED_MEMORY_KEY + srv_idx;
}

struct d_tm_context *
d_tm_open(int id)
{
	struct d_tm_context *ctx;

	D_ALLOC_PTR(ctx);
	if (ctx == NULL)
		return NULL;
	ctx->root = metric__get_root(id);
	if (ctx->root == NULL)
		D_FREE(ctx);
	return ctx;
}

void
d_tm_close(struct d_tm_context **ctx)
{
	if (ctx == NULL || *ctx == NULL)
		return;
	metric__put_root();
	D_FREE(*ctx);
}

void
d_tm_gc_ctx(struct d_tm_context *ctx)
{
	(void)ctx;
}

void *
d_tm_conv_ptr(struct d_tm_context *ctx, struct d_tm_node_t *node, void *ptr)
{
	return ctx == NULL || node == NULL ? NULL : ptr;
}

struct d_tm_node_t *
d_tm_get_root(struct d_tm_context *ctx)
{
	return ctx == NULL ? NULL : ctx->root;
}

struct d_tm_node_t *
d_tm_get_child(struct d_tm_context *ctx, struct d_tm_node_t *node)
{
	return ctx == NULL || node == NULL ? NULL : __atomic_load_n(&node->dtn_child, __ATOMIC_ACQUIRE);
}

struct d_tm_node_t *
d_tm_get_sibling(struct d_tm_context *ctx, struct d_tm_node_t *node)
{
	return ctx == NULL || node == NULL ? NULL : __atomic_load_n(&node->dtn_sibling, __ATOMIC_ACQUIRE);
}

struct d_tm_node_t *
d_tm_follow_link(struct d_tm_context *ctx, struct d_tm_node_t *link)
{
	return ctx == NULL || link == NULL || (link->dtn_type & D_TM_LINK) ? NULL : link;
}

struct d_tm_node_t *
d_tm_find_metric(struct d_tm_context *ctx, char *path)
{
	return ctx == NULL || path == NULL ? NULL : metric__find(ctx->root, path);
}

int
d_tm_list_add_node(struct d_tm_node_t *src, struct d_tm_nodeList_t **nodelist)
{
	struct d_tm_nodeList_t **at;

	if (nodelist == NULL)
		return -DER_INVAL;
	for (at = nodelist; *at != NULL; at = &(*at)->dtnl_next)
		;
	D_ALLOC_PTR(*at);
	if (*at == NULL)
		return -DER_NOMEM;
	(*at)->dtnl_node = src;
	return 0;
}

void
d_tm_list_free(struct d_tm_nodeList_t *nodeList)
{
	while (nodeList != NULL) {
		struct d_tm_nodeList_t *next = nodeList->dtnl_next;

		D_FREE(nodeList);
		nodeList = next;
	}
}

/** Calls fn for a node and all below it that are of some kinds, at most depth deep. 0 or what ended the walk. */
static int
walk(struct d_tm_context *ctx, struct d_tm_node_t *node, int kinds, int depth,
     int (*fn)(struct d_tm_node_t *node, void *arg), void *arg)
{
	struct d_tm_node_t *child;
	int rc = 0;

	if (node->dtn_type & kinds)
		rc = fn(node, arg);
	if (depth == 0)
		return rc;
	for (child = d_tm_get_child(ctx, node); child != NULL && rc == 0; child = d_tm_get_sibling(ctx, child))
		rc = walk(ctx, child, kinds, depth - 1, fn, arg);
	return rc;
}

static int
count_one(struct d_tm_node_t *node, void *arg)
{
	(void)node;
	(*(uint64_t *)arg)++;
	return 0;
}

static int
list_one(struct d_tm_node_t *node, void *arg)
{
	return d_tm_list_add_node(node, arg);
}

uint64_t
d_tm_count_metrics(struct d_tm_context *ctx, struct d_tm_node_t *node, int d_tm_type)
{
	uint64_t nr = 0;

	if (ctx != NULL && node != NULL)
		walk(ctx, node, d_tm_type, INT32_MAX, count_one, &nr);
	return nr;
}

int
d_tm_list(struct d_tm_context *ctx, struct d_tm_nodeList_t **head, struct d_tm_node_t *node, int d_tm_type)
{
	if (ctx == NULL || head == NULL || node == NULL)
		return -DER_INVAL;
	return walk(ctx, node, d_tm_type, INT32_MAX, list_one, head);
}

int
d_tm_list_subdirs(struct d_tm_context *ctx, struct d_tm_nodeList_t **head, struct d_tm_node_t *node,
		  uint64_t *node_count, int max_depth)
{
	if (ctx == NULL || head == NULL || node == NULL || node_count == NULL || max_depth < 0)
		return -DER_INVAL;
	*node_count = 0;
	walk(ctx, node, D_TM_DIRECTORY, max_depth, count_one, node_count);
	return walk(ctx, node, D_TM_DIRECTORY, max_depth, list_one, head);
}

struct iteration {
	struct d_tm_context *ctx;
	d_tm_iter_cb_t iter_cb;
	void *cb_arg;
	int filter, format, opt_fields;
	char path[PATH_TEXT_MAX]; /* of the node's folder; grows and shrinks with the walk */
};

static void
iterate(struct iteration *it, struct d_tm_node_t *node, int level)
{
	size_t len = strlen(it->path);
	struct d_tm_node_t *child;

	if (node->dtn_type & it->filter)
		it->iter_cb(it->ctx, node, level, it->path, it->format, it->opt_fields, it->cb_arg);
	snprintf(it->path + len, sizeof(it->path) - len, "%s%s", len == 0 ? "" : "/", node->dtn_name);
	for (child = d_tm_get_child(it->ctx, node); child != NULL; child = d_tm_get_sibling(it->ctx, child))
		iterate(it, child, level + 1);
	it->path[len] = '\0';
}

void
d_tm_iterate(struct d_tm_context *ctx, struct d_tm_node_t *node, int level, int filter, char *path, int format,
	     int opt_fields, d_tm_iter_cb_t iter_cb, void *cb_arg)
{
	struct iteration it = {.ctx = ctx, .iter_cb = iter_cb, .cb_arg = cb_arg, .filter = filter, .format = format,
			       .opt_fields = opt_fields};

	if (ctx == NULL || node == NULL || iter_cb == NULL)
		return;
	snprintf(it.path, sizeof(it.path), "%s", path != NULL ? path : "");
	iterate(&it, node, level);
}

/* ---- values ----------------------------------------------------------------------------------------------------- */

/** Whether a node can be read as one of some kinds. */
static int
readable(struct d_tm_context *ctx, const void *out, struct d_tm_node_t *node, int kinds)
{
	if (ctx == NULL || out == NULL)
		return -DER_INVAL;
	if (node == NULL || node->dtn_metric == NULL)
		return -DER_METRIC_NOT_FOUND;
	return node->dtn_type & kinds ? 0 : -DER_OP_NOT_PERMITTED;
}

char *
d_tm_get_name(struct d_tm_context *ctx, struct d_tm_node_t *node)
{
	return ctx == NULL || node == NULL ? NULL : node->dtn_name;
}

static int
get_value(struct d_tm_context *ctx, uint64_t *val, struct d_tm_node_t *node, int kinds)
{
	int rc = readable(ctx, val, node, kinds);

	if (rc != 0)
		return rc;
	metric__lock(node);
	*val = node->dtn_metric->dtm_data.value;
	metric__unlock(node);
	return 0;
}

int
d_tm_get_counter(struct d_tm_context *ctx, uint64_t *val, struct d_tm_node_t *node)
{
	return get_value(ctx, val, node, D_TM_COUNTER);
}

int
d_tm_get_timestamp(struct d_tm_context *ctx, time_t *val, struct d_tm_node_t *node)
{
	uint64_t seconds;
	int rc;

	if (val == NULL)
		return -DER_INVAL;
	rc = get_value(ctx, &seconds, node, D_TM_TIMESTAMP);
	if (rc == 0)
		*val = (time_t)seconds;
	return rc;
}

int
d_tm_get_timer_snapshot(struct d_tm_context *ctx, struct timespec *tms, struct d_tm_node_t *node)
{
	int rc = readable(ctx, tms, node, D_TM_TIMER_SNAPSHOT);

	if (rc != 0)
		return rc;
	metric__lock(node);
	*tms = node->dtn_metric->dtm_data.tms[0];
	metric__unlock(node);
	return 0;
}

/** Under the node's lock. Mean and deviation are worked out here, not when values come. */
static void
copy_stats(struct d_tm_stats_t *to, const struct d_tm_node_t *node)
{
	const struct d_tm_stats_t *from = node->dtn_metric->dtm_stats;

	if (to == NULL)
		return;
	memset(to, 0, sizeof(*to));
	if (from == NULL || from->sample_size == 0)
		return;
	*to = *from;
	to->mean = (double)to->dtm_sum / (double)to->sample_size;
	to->std_dev = d_tm_compute_standard_dev(to->sum_of_squares, to->sample_size, to->mean);
}

int
d_tm_get_gauge(struct d_tm_context *ctx, uint64_t *val, struct d_tm_stats_t *stats, struct d_tm_node_t *node)
{
	int rc = readable(ctx, val, node, D_TM_GAUGE | D_TM_STATS_GAUGE);

	if (rc != 0)
		return rc;
	metric__lock(node);
	*val = node->dtn_metric->dtm_data.value;
	copy_stats(stats, node);
	metric__unlock(node);
	return 0;
}

int
d_tm_get_duration(struct d_tm_context *ctx, struct timespec *tms, struct d_tm_stats_t *stats, struct d_tm_node_t *node)
{
	int rc = readable(ctx, tms, node, D_TM_DURATION);

	if (rc != 0)
		return rc;
	metric__lock(node);
	*tms = node->dtn_metric->dtm_data.tms[0];
	copy_stats(stats, node);
	metric__unlock(node);
	return 0;
}

int
d_tm_get_metadata(struct d_tm_context *ctx, char **desc, char **units, struct d_tm_node_t *node)
{
	const struct d_tm_metric_t *metric;
	int rc = readable(ctx, ctx, node, D_TM_ALL_NODES);

	if (rc != 0)
		return rc;
	metric = node->dtn_metric;
	if (desc != NULL)
		*desc = metric->dtm_desc == NULL ? NULL : d_strndup(metric->dtm_desc, D_TM_MAX_DESC_LEN);
	if (units != NULL)
		*units = metric->dtm_units == NULL ? NULL : d_strndup(metric->dtm_units, D_TM_MAX_UNIT_LEN);
	return 0;
}

int
d_tm_get_num_buckets(struct d_tm_context *ctx, struct d_tm_histogram_t *histogram, struct d_tm_node_t *node)
{
	int rc = readable(ctx, histogram, node, D_TM_ALL_NODES);

	if (rc != 0)
		return rc;
	if (node->dtn_metric->dtm_histogram == NULL)
		return -DER_OP_NOT_PERMITTED;
	*histogram = *node->dtn_metric->dtm_histogram;
	return 0;
}

int
d_tm_get_bucket_range(struct d_tm_context *ctx, struct d_tm_bucket_t *bucket, int bucket_id, struct d_tm_node_t *node)
{
	struct d_tm_histogram_t histogram;
	int rc;

	if (bucket == NULL)
		return -DER_INVAL;
	rc = d_tm_get_num_buckets(ctx, &histogram, node);
	if (rc != 0)
		return rc;
	if (bucket_id < 0 || bucket_id >= histogram.dth_num_buckets)
		return -DER_INVAL;
	*bucket = histogram.dth_buckets[bucket_id];
	return 0;
}

/* ---- printing --------------------------------------------------------------------------------------------------- */

int
d_tm_clock_id(int clk_id)
{
	if (clk_id & D_TM_CLOCK_PROCESS_CPUTIME)
		return CLOCK_PROCESS_CPUTIME_ID;
	if (clk_id & D_TM_CLOCK_THREAD_CPUTIME)
		return CLOCK_THREAD_CPUTIME_ID;
	return CLOCK_REALTIME;
}

char *
d_tm_clock_string(int clk_id)
{
	if (clk_id & D_TM_CLOCK_PROCESS_CPUTIME)
		return (char *)D_TM_CLOCK_PROCESS_CPUTIME_STR;
	if (clk_id & D_TM_CLOCK_THREAD_CPUTIME)
		return (char *)D_TM_CLOCK_THREAD_CPUTIME_STR;
	return (char *)D_TM_CLOCK_REALTIME_STR;
}

static const char *
kind_name(int type)
{
	return type & D_TM_COUNTER	  ? "counter" :
	       type & D_TM_TIMESTAMP	  ? "timestamp" :
	       type & D_TM_TIMER_SNAPSHOT ? "snapshot" :
	       type & D_TM_DURATION	  ? "duration" :
	       type & D_TM_STATS_GAUGE	  ? "gauge (stats)" :
	       type & D_TM_GAUGE	  ? "gauge" :
	       type & D_TM_MEMINFO	  ? "meminfo" :
	       type & D_TM_LINK		  ? "link" :
					    "directory";
}

void
d_tm_print_stats(FILE *stream, struct d_tm_stats_t *stats, int format)
{
	fprintf(stream,
		format == D_TM_CSV ? ",%" PRIu64 ",%" PRIu64 ",%f,%" PRIu64 ",%f" :
				     " [min: %" PRIu64 ", max: %" PRIu64 ", avg: %f, samples: %" PRIu64 ", stddev: %f]",
		stats->dtm_min, stats->dtm_max, stats->mean, stats->sample_size, stats->std_dev);
}

void
d_tm_print_metadata(char *desc, char *units, int format, FILE *stream)
{
	if (format == D_TM_CSV)
		fprintf(stream, ",%s,%s", desc != NULL ? desc : "", units != NULL ? units : "");
	else if (desc != NULL)
		fprintf(stream, ", desc: %s", desc);
}

void
d_tm_print_field_descriptors(int opt_fields, FILE *stream)
{
	fprintf(stream, "%sname,%svalue,min,max,mean,sample_size,std_dev%s\n",
		opt_fields & D_TM_INCLUDE_TIMESTAMP ? "timestamp," : "", opt_fields & D_TM_INCLUDE_TYPE ? "type," : "",
		opt_fields & D_TM_INCLUDE_METADATA ? ",description,units" : "");
}

/** "name: " or "name," and the type where it is wanted. */
static void
print_head(const char *name, int type, int format, int opt_fields, FILE *stream)
{
	if (format == D_TM_CSV)
		fprintf(stream, "%s,", name);
	if (opt_fields & D_TM_INCLUDE_TYPE)
		fprintf(stream, format == D_TM_CSV ? "%s," : "%s: ", kind_name(type));
	if (format != D_TM_CSV)
		fprintf(stream, "%s: ", name);
}

static void
print_unit(const char *units, int format, FILE *stream)
{
	if (format != D_TM_CSV && units != NULL)
		fprintf(stream, " %s", units);
}

void
d_tm_print_counter(uint64_t val, char *name, int format, char *units, int opt_fields, FILE *stream)
{
	print_head(name, D_TM_COUNTER, format, opt_fields, stream);
	fprintf(stream, "%" PRIu64, val);
	print_unit(units, format, stream);
}

void
d_tm_print_gauge(uint64_t val, struct d_tm_stats_t *stats, char *name, int format, char *units, int opt_fields,
		 FILE *stream)
{
	print_head(name, stats != NULL ? D_TM_STATS_GAUGE : D_TM_GAUGE, format, opt_fields, stream);
	fprintf(stream, "%" PRIu64, val);
	print_unit(units, format, stream);
	if (stats != NULL && stats->sample_size > 0)
		d_tm_print_stats(stream, stats, format);
}

void
d_tm_print_timestamp(time_t *clk, char *name, int format, int opt_fields, FILE *stream)
{
	char text[D_TM_TIME_BUFF_LEN];

	if (ctime_r(clk, text) == NULL)
		text[0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	print_head(name, D_TM_TIMESTAMP, format, opt_fields, stream);
	fprintf(stream, "%s", text);
}

static void
print_time(const struct timespec *tms, int format, FILE *stream)
{
	fprintf(stream, format == D_TM_CSV ? "%lld.%06ld" : "%lld.%06ld s", (long long)tms->tv_sec,
		tms->tv_nsec / NSEC_PER_USEC);
}

void
d_tm_print_timer_snapshot(struct timespec *tms, char *name, int tm_type, int format, int opt_fields, FILE *stream)
{
	print_head(name, D_TM_TIMER_SNAPSHOT, format, opt_fields, stream);
	print_time(tms, format, stream);
	if (format != D_TM_CSV)
		fprintf(stream, " (%s)", d_tm_clock_string(tm_type));
}

void
d_tm_print_duration(struct timespec *tms, struct d_tm_stats_t *stats, char *name, int tm_type, int format,
		    int opt_fields, FILE *stream)
{
	print_head(name, D_TM_DURATION, format, opt_fields, stream);
	print_time(tms, format, stream);
	if (format != D_TM_CSV)
		fprintf(stream, " (%s)", d_tm_clock_string(tm_type));
	if (stats != NULL && stats->sample_size > 0)
		d_tm_print_stats(stream, stats, format);
}

static void
print_meminfo(struct d_tm_node_t *node, const char *name, int format, int opt_fields, FILE *stream)
{
	struct d_tm_meminfo_t info;

	metric__lock(node);
	info = node->dtn_metric->dtm_data.meminfo;
	metric__unlock(node);
	print_head(name, D_TM_MEMINFO, format, opt_fields, stream);
	fprintf(stream, "arena %" PRIu64 " ordblks %" PRIu64 " uordblks %" PRIu64 " fordblks %" PRIu64, info.arena,
		info.ordblks, info.uordblks, info.fordblks);
}

/** The value of a metric, without the end of the line. */
static void
print_value(struct d_tm_context *ctx, struct d_tm_node_t *node, char *name, int format, int opt_fields, FILE *stream)
{
	char *units = node->dtn_metric->dtm_units;
	struct d_tm_stats_t stats = {0};
	struct timespec tms = {0};
	uint64_t val = 0;
	time_t clk = 0;

	switch (metric__kind(node)) {
	case D_TM_COUNTER:
		d_tm_get_counter(ctx, &val, node);
		d_tm_print_counter(val, name, format, units, opt_fields, stream);
		break;
	case D_TM_TIMESTAMP:
		d_tm_get_timestamp(ctx, &clk, node);
		d_tm_print_timestamp(&clk, name, format, opt_fields, stream);
		break;
	case D_TM_TIMER_SNAPSHOT:
		d_tm_get_timer_snapshot(ctx, &tms, node);
		d_tm_print_timer_snapshot(&tms, name, node->dtn_type, format, opt_fields, stream);
		break;
	case D_TM_DURATION:
		d_tm_get_duration(ctx, &tms, &stats, node);
		d_tm_print_duration(&tms, &stats, name, node->dtn_type, format, opt_fields, stream);
		break;
	case D_TM_GAUGE:
	case D_TM_STATS_GAUGE:
		d_tm_get_gauge(ctx, &val, &stats, node);
		d_tm_print_gauge(val, node->dtn_metric->dtm_stats != NULL ? &stats : NULL, name, format, units, opt_fields,
				 stream);
		break;
	case D_TM_MEMINFO:
		print_meminfo(node, name, format, opt_fields, stream);
		break;
	default:
		print_head(name, node->dtn_type, format, opt_fields, stream);
	}
	if (opt_fields & D_TM_INCLUDE_METADATA)
		d_tm_print_metadata(node->dtn_metric->dtm_desc, units, format, stream);
}

void
d_tm_print_node(struct d_tm_context *ctx, struct d_tm_node_t *node, int level, char *name, int format, int opt_fields,
		FILE *stream)
{
	char path[PATH_TEXT_MAX], now_text[D_TM_TIME_BUFF_LEN];
	time_t now = time(NULL);

	if (ctx == NULL || node == NULL || stream == NULL)
		return;
	if (format == D_TM_CSV && node->dtn_metric == NULL)
		return;
	snprintf(path, sizeof(path), "%s%s%s", name != NULL ? name : "", name != NULL && name[0] != '\0' ? "/" : "",
		 node->dtn_name);
	if (format != D_TM_CSV)
		fprintf(stream, "%*s", level * 4, "");
	if ((opt_fields & D_TM_INCLUDE_TIMESTAMP) && ctime_r(&now, now_text) != NULL) {
		now_text[strcspn(now_text, "\n")] = '\0';
		fprintf(stream, format == D_TM_CSV ? "%s," : "%s, ", now_text);
	}
	if (node->dtn_metric == NULL)
		fprintf(stream, "%s", node->dtn_name);
	else
		print_value(ctx, node, format == D_TM_CSV ? path : node->dtn_name, format, opt_fields, stream);
	fprintf(stream, "\n");
}

void
d_tm_reset_node(struct d_tm_context *ctx, struct d_tm_node_t *node, int level, char *path, int format, int opt_fields,
		FILE *stream)
{
	struct d_tm_metric_t *metric = node == NULL ? NULL : node->dtn_metric;

	if (metric == NULL)
		return;
	metric__lock(node);
	memset(&metric->dtm_data, 0, sizeof(metric->dtm_data));
	if (metric->dtm_stats != NULL) {
		memset(metric->dtm_stats, 0, sizeof(*metric->dtm_stats));
		metric->dtm_stats->dtm_min = UINT64_MAX;
	}
	metric__unlock(node);
	d_tm_print_node(ctx, node, level, path, format, opt_fields, stream);
}
