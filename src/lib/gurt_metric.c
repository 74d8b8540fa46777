/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libgurt: metrics of a client process: the tree, and changing values. The tree is in the process's own memory: it has
 * no links into that of others, and readers are of this process. (Engines and the tools that read them have the
 * telemetry room.)
 *
 *  I1  Nodes are added to the end of their parent's children and stay until d_tm_fini() or, below an ephemeral
 *      directory, until that is deleted: who walks needs no lock.
 *  I2  A tree with readers is freed by the last of them.
 *  I3  A value that several may write is changed under its node's lock (dtn_protect).
 *  I4  room + what nodes take = what the tree was given + what ephemeral directories brought (their dtn_shmem_key),
 *      or less when others used what a directory that is gone had brought.
 */
#include <gurt/common.h>
#include <gurt/telemetry_consumer.h>
#include <gurt/telemetry_producer.h>
#include <malloc.h>
#include "metric.h"

static pthread_mutex_t tree_lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
	struct d_tm_node_t *root; /* NULL: none */
	int id, flags, readers;
	bool ended; /* by its writer; readers remain */
	uint64_t room; /* bytes that are left */
} tree;

/* ---- nodes ------------------------------------------------------------------------------------------------------ */

/** Takes bytes of what the tree may have. */
static void *
take(size_t size)
{
	void *ptr;

	if (size > tree.room)
		return NULL;
	ptr = d_calloc(1, size);
	if (ptr != NULL)
		tree.room -= size;
	return ptr;
}

static void
give(void *ptr, size_t size)
{
	if (ptr != NULL)
		tree.room += size;
	d_free(ptr);
}

static void
text_give(char *text)
{
	give(text, text == NULL ? 0 : strlen(text) + 1);
}

static void
histogram_free(struct d_tm_histogram_t *histogram)
{
	if (histogram == NULL)
		return;
	give(histogram->dth_buckets, (size_t)histogram->dth_num_buckets * sizeof(*histogram->dth_buckets));
	give(histogram, sizeof(*histogram));
}

static void
node_free(struct d_tm_node_t *node)
{
	struct d_tm_node_t *child = node->dtn_child, *next;
	struct d_tm_metric_t *metric = node->dtn_metric;

	for (; child != NULL; child = next) {
		next = child->dtn_sibling;
		node_free(child);
	}
	if (metric != NULL) {
		histogram_free(metric->dtm_histogram);
		give(metric->dtm_stats, sizeof(*metric->dtm_stats));
		text_give(metric->dtm_desc);
		text_give(metric->dtm_units);
		give(metric, sizeof(*metric));
	}
	tree.room -= MIN(tree.room, (uint64_t)node->dtn_shmem_key);
	pthread_mutex_destroy(&node->dtn_lock);
	text_give(node->dtn_name);
	give(node, sizeof(*node));
}

static struct d_tm_node_t *
node_new(const char *name, size_t len, int type)
{
	struct d_tm_node_t *node = take(sizeof(*node));

	if (node == NULL)
		return NULL;
	pthread_mutex_init(&node->dtn_lock, NULL);
	node->dtn_type = type;
	node->dtn_name = take(len + 1);
	if (node->dtn_name == NULL) {
		node_free(node);
		return NULL;
	}
	memcpy(node->dtn_name, name, len);
	return node;
}

static bool
has_stats(int type)
{
	return (type & (D_TM_DURATION | D_TM_STATS_GAUGE)) != 0;
}

/** A copy of at most max - 1 characters; NULL of NULL. */
static char *
text_new(const char *text, size_t max)
{
	size_t len = strnlen(text != NULL ? text : "", max - 1);
	char *copy = text == NULL ? NULL : take(len + 1);

	if (copy != NULL)
		memcpy(copy, text, len);
	return copy;
}

/** Makes a node a metric. 0; -DER_NO_SHMEM. */
static int
metric_init(struct d_tm_node_t *node, const char *desc, const char *units)
{
	struct d_tm_metric_t *metric = take(sizeof(*metric));

	if (metric == NULL)
		return -DER_NO_SHMEM;
	node->dtn_metric = metric;
	node->dtn_protect = (tree.flags & (D_TM_SERIALIZATION | D_TM_MULTIPLE_WRITER_LOCK)) != 0;
	metric->dtm_desc = text_new(desc, D_TM_MAX_DESC_LEN);
	metric->dtm_units = text_new(units, D_TM_MAX_UNIT_LEN);
	if ((desc != NULL && metric->dtm_desc == NULL) || (units != NULL && metric->dtm_units == NULL))
		return -DER_NO_SHMEM;
	if (has_stats(node->dtn_type)) {
		metric->dtm_stats = take(sizeof(*metric->dtm_stats));
		if (metric->dtm_stats == NULL)
			return -DER_NO_SHMEM;
		metric->dtm_stats->dtm_min = UINT64_MAX;
	}
	return 0;
}

/** The child with a name, and in *end where the next one would be put. */
static struct d_tm_node_t *
child_find(struct d_tm_node_t *parent, const char *name, size_t len, struct d_tm_node_t ***end)
{
	struct d_tm_node_t **at;

	for (at = &parent->dtn_child; *at != NULL; at = &(*at)->dtn_sibling) {
		if (strlen((*at)->dtn_name) == len && memcmp((*at)->dtn_name, name, len) == 0)
			break;
	}
	*end = at;
	return *at;
}

/** The next name of a path; its length, 0 at the end. */
static size_t
next_name(const char **path)
{
	*path += strspn(*path, "/");
	return strcspn(*path, "/");
}

struct d_tm_node_t *
metric__find(struct d_tm_node_t *root, const char *path)
{
	struct d_tm_node_t *node = root, **end;
	size_t len;

	while (node != NULL && (len = next_name(&path)) != 0) {
		node = child_find(node, path, len, &end);
		path += len;
	}
	return node;
}

/**
 * Under tree_lock: the node at a path below parent, made with the directories above it.
 * -DER_EXIST: there is one of another type.
 */
static int
node_add(struct d_tm_node_t *parent, const char *path, int type, const char *desc, const char *units,
	 struct d_tm_node_t **nodep)
{
	struct d_tm_node_t *node = NULL, **end;
	size_t len;
	int rc = 0;

	for (len = next_name(&path); len != 0; parent = node) {
		const char *name = path;
		size_t name_len = len;
		bool last;

		path += len;
		len = next_name(&path);
		last = len == 0;
		if (name_len >= D_TM_MAX_NAME_LEN)
			return -DER_EXCEEDS_PATH_LEN;
		node = child_find(parent, name, name_len, &end);
		if (node != NULL && (last ? node->dtn_type != type : node->dtn_metric != NULL))
			return -DER_EXIST;
		if (node != NULL)
			continue;
		node = node_new(name, name_len, last ? type : D_TM_DIRECTORY);
		if (node == NULL)
			return -DER_NO_SHMEM;
		rc = last && type != D_TM_DIRECTORY ? metric_init(node, desc, units) : 0;
		if (rc != 0) {
			node_free(node);
			return rc;
		}
		atomic_store_release(&node->dtn_readable, true);
		__atomic_store_n(end, node, __ATOMIC_RELEASE);
	}
	if (node == NULL)
		return -DER_INVAL;
	*nodep = node;
	return 0;
}

/* ---- life ------------------------------------------------------------------------------------------------------- */

int
d_tm_init_with_name(int id, uint64_t mem_size, int flags, const char *root_name)
{
	int rc = 0;

	if (root_name == NULL || root_name[0] == '\0' || strlen(root_name) >= D_TM_MAX_NAME_LEN)
		return -DER_INVAL;
	if (flags & (D_TM_RETAIN_SHMEM | D_TM_RETAIN_SHMEM_IF_NON_EMPTY))
		return -DER_NOSYS;
	pthread_mutex_lock(&tree_lock);
	if (tree.root != NULL) {
		rc = (flags & D_TM_OPEN_OR_CREATE) && tree.id == id && !tree.ended ? 0 : -DER_ALREADY;
	} else {
		tree.room = mem_size;
		tree.flags = flags;
		tree.id = id;
		tree.ended = false;
		tree.root = node_new(root_name, strlen(root_name), D_TM_DIRECTORY);
		rc = tree.root == NULL ? -DER_NO_SHMEM : 0;
	}
	pthread_mutex_unlock(&tree_lock);
	return rc;
}

int
d_tm_init(int id, uint64_t mem_size, int flags)
{
	char name[32];

	snprintf(name, sizeof(name), "ID: %d", id);
	return d_tm_init_with_name(id, mem_size, flags, name);
}

/** Under tree_lock. I2. */
static void
tree_free_if_unused(void)
{
	if (tree.root == NULL || !tree.ended || tree.readers > 0)
		return;
	node_free(tree.root);
	tree.root = NULL;
}

void
d_tm_fini(void)
{
	pthread_mutex_lock(&tree_lock);
	tree.ended = true;
	tree_free_if_unused();
	pthread_mutex_unlock(&tree_lock);
}

struct d_tm_node_t *
metric__get_root(int id)
{
	struct d_tm_node_t *root = NULL;

	pthread_mutex_lock(&tree_lock);
	if (tree.root != NULL && tree.id == id && !tree.ended) {
		root = tree.root;
		tree.readers++;
	}
	pthread_mutex_unlock(&tree_lock);
	return root;
}

void
metric__put_root(void)
{
	pthread_mutex_lock(&tree_lock);
	tree.readers--;
	tree_free_if_unused();
	pthread_mutex_unlock(&tree_lock);
}

/** Adds a node whose path is printed; -DER_UNINIT: there is no tree. */
static int
vadd(struct d_tm_node_t **node, int type, const char *desc, const char *units, const char *fmt, va_list ap)
{
	char *path;
	int rc;

	if (node == NULL || fmt == NULL)
		return -DER_INVAL;
	*node = NULL;
	if (vasprintf(&path, fmt, ap) < 0)
		return -DER_NOMEM;
	pthread_mutex_lock(&tree_lock);
	rc = tree.root == NULL || tree.ended ? -DER_UNINIT : node_add(tree.root, path, type, desc, units, node);
	pthread_mutex_unlock(&tree_lock);
	free(path);
	return rc;
}

int
d_tm_add_metric(struct d_tm_node_t **node, int metric_type, char *desc, char *units, const char *fmt, ...)
{
	va_list ap;
	int rc;

	va_start(ap, fmt);
	rc = vadd(node, metric_type, desc, units, fmt, ap);
	va_end(ap);
	return rc;
}

int
d_tm_add_ephemeral_dir(struct d_tm_node_t **node, size_t size_bytes, const char *fmt, ...)
{
	va_list ap;
	int rc;

	va_start(ap, fmt);
	rc = vadd(node, D_TM_DIRECTORY, NULL, NULL, fmt, ap);
	va_end(ap);
	if (rc != 0 || size_bytes > INT32_MAX)
		return rc;
	pthread_mutex_lock(&tree_lock);
	if ((*node)->dtn_shmem_key == 0) {
		(*node)->dtn_shmem_key = (key_t)size_bytes;
		tree.room += size_bytes;
	}
	pthread_mutex_unlock(&tree_lock);
	return 0;
}

/** Takes a directory out of the tree with all below it. */
static int
vdel(const char *fmt, va_list ap)
{
	struct d_tm_node_t *node, **at;
	char *path, *name;
	int rc = 0;

	if (vasprintf(&path, fmt, ap) < 0)
		return -DER_NOMEM;
	pthread_mutex_lock(&tree_lock);
	node = tree.root == NULL ? NULL : metric__find(tree.root, path);
	if (node == NULL) {
		rc = -DER_METRIC_NOT_FOUND;
	} else if (node == tree.root || node->dtn_metric != NULL) {
		rc = -DER_OP_NOT_PERMITTED;
	} else {
		name = strrchr(path, '/');
		while (name != NULL && name[1] == '\0') {
			*name = '\0';
			name = strrchr(path, '/');
		}
		if (name != NULL)
			*name = '\0';
		for (at = &metric__find(tree.root, name != NULL ? path : "")->dtn_child; *at != node;)
			at = &(*at)->dtn_sibling;
		*at = node->dtn_sibling;
		node_free(node);
	}
	pthread_mutex_unlock(&tree_lock);
	free(path);
	return rc;
}

int
d_tm_del_ephemeral_dir(const char *fmt, ...)
{
	va_list ap;
	int rc;

	va_start(ap, fmt);
	rc = vdel(fmt, ap);
	va_end(ap);
	return rc;
}

int
d_tm_try_del_ephemeral_dir(const char *fmt, ...)
{
	va_list ap;
	int rc;

	va_start(ap, fmt);
	rc = vdel(fmt, ap);
	va_end(ap);
	return rc == -DER_METRIC_NOT_FOUND ? 0 : rc;
}

int
d_tm_attach_path_segment(key_t key, const char *fmt, ...)
{
	return -DER_NOSYS;
}

/* ---- values ----------------------------------------------------------------------------------------------------- */

void
metric__lock(struct d_tm_node_t *node)
{
	if (node->dtn_protect)
		pthread_mutex_lock(&node->dtn_lock);
}

void
metric__unlock(struct d_tm_node_t *node)
{
	if (node->dtn_protect)
		pthread_mutex_unlock(&node->dtn_lock);
}

/** Whether a node is a metric of one of some kinds; says so when it is another. */
static bool
is_kind(struct d_tm_node_t *node, int kinds)
{
	if (node == NULL || node->dtn_metric == NULL)
		return false;
	if (node->dtn_type & kinds)
		return true;
	D_ERROR("metric %s is of type 0x%x: " DF_RC "\n", node->dtn_name, (unsigned int)node->dtn_type,
		DP_RC(-DER_OP_NOT_PERMITTED));
	return false;
}

void
d_tm_set_counter(struct d_tm_node_t *metric, uint64_t value)
{
	if (!is_kind(metric, D_TM_COUNTER))
		return;
	metric__lock(metric);
	metric->dtn_metric->dtm_data.value = value;
	metric__unlock(metric);
}

void
d_tm_inc_counter(struct d_tm_node_t *metric, uint64_t value)
{
	if (!is_kind(metric, D_TM_COUNTER))
		return;
	metric__lock(metric);
	metric->dtn_metric->dtm_data.value += value;
	metric__unlock(metric);
}

/** Under the node's lock. */
static void
gauge_set(struct d_tm_node_t *node, uint64_t value)
{
	node->dtn_metric->dtm_data.value = value;
	d_tm_compute_stats(node, value);
	d_tm_compute_histogram(node, value);
}

void
d_tm_set_gauge(struct d_tm_node_t *metric, uint64_t value)
{
	if (!is_kind(metric, D_TM_GAUGE | D_TM_STATS_GAUGE))
		return;
	metric__lock(metric);
	gauge_set(metric, value);
	metric__unlock(metric);
}

void
d_tm_inc_gauge(struct d_tm_node_t *metric, uint64_t value)
{
	if (!is_kind(metric, D_TM_GAUGE | D_TM_STATS_GAUGE))
		return;
	metric__lock(metric);
	gauge_set(metric, metric->dtn_metric->dtm_data.value + value);
	metric__unlock(metric);
}

void
d_tm_dec_gauge(struct d_tm_node_t *metric, uint64_t value)
{
	if (!is_kind(metric, D_TM_GAUGE | D_TM_STATS_GAUGE))
		return;
	metric__lock(metric);
	gauge_set(metric, metric->dtn_metric->dtm_data.value - value);
	metric__unlock(metric);
}

void
d_tm_record_timestamp(struct d_tm_node_t *metric)
{
	if (!is_kind(metric, D_TM_TIMESTAMP))
		return;
	metric__lock(metric);
	metric->dtn_metric->dtm_data.value = (uint64_t)time(NULL);
	metric__unlock(metric);
}

void
d_tm_record_meminfo(struct d_tm_node_t *metric)
{
	struct d_tm_meminfo_t *to;
	struct mallinfo2 info;

	if (!is_kind(metric, D_TM_MEMINFO))
		return;
	info = mallinfo2();
	metric__lock(metric);
	to = &metric->dtn_metric->dtm_data.meminfo;
	to->arena = info.arena;
	to->ordblks = info.ordblks;
	to->uordblks = info.uordblks;
	to->fordblks = info.fordblks;
	metric__unlock(metric);
}

void
d_tm_take_timer_snapshot(struct d_tm_node_t *metric, int clk_id)
{
	if (!is_kind(metric, D_TM_TIMER_SNAPSHOT))
		return;
	metric__lock(metric);
	clock_gettime(d_tm_clock_id(clk_id), &metric->dtn_metric->dtm_data.tms[0]);
	metric__unlock(metric);
}

/* tms[0] is the latest duration, tms[1] its start. */

void
d_tm_mark_duration_start(struct d_tm_node_t *metric, int clk_id)
{
	if (!is_kind(metric, D_TM_DURATION))
		return;
	metric__lock(metric);
	metric->dtn_type = D_TM_DURATION | clk_id;
	clock_gettime(d_tm_clock_id(clk_id), &metric->dtn_metric->dtm_data.tms[1]);
	metric__unlock(metric);
}

void
d_tm_mark_duration_end(struct d_tm_node_t *metric)
{
	struct timespec now, *tms;
	uint64_t us;

	if (!is_kind(metric, D_TM_DURATION))
		return;
	metric__lock(metric);
	tms = metric->dtn_metric->dtm_data.tms;
	if (tms[1].tv_sec == 0 && tms[1].tv_nsec == 0) {
		D_ERROR("duration %s was not started: " DF_RC "\n", metric->dtn_name, DP_RC(-DER_DURATION_MISMATCH));
	} else {
		clock_gettime(d_tm_clock_id(metric->dtn_type & ~D_TM_DURATION), &now);
		tms[0] = d_timediff(tms[1], now);
		memset(&tms[1], 0, sizeof(tms[1]));
		us = (uint64_t)tms[0].tv_sec * 1000000 + (uint64_t)tms[0].tv_nsec / NSEC_PER_USEC;
		d_tm_compute_stats(metric, us);
		d_tm_compute_histogram(metric, us);
	}
	metric__unlock(metric);
}

/* ---- statistics and histograms ---------------------------------------------------------------------------------- */

void
d_tm_compute_stats(struct d_tm_node_t *node, uint64_t value)
{
	struct d_tm_stats_t *stats = node->dtn_metric == NULL ? NULL : node->dtn_metric->dtm_stats;

	if (stats == NULL)
		return;
	stats->dtm_min = MIN(stats->dtm_min, value);
	stats->dtm_max = MAX(stats->dtm_max, value);
	stats->dtm_sum += value;
	stats->sum_of_squares += (double)value * (double)value;
	stats->sample_size++;
}

void
d_tm_compute_histogram(struct d_tm_node_t *node, uint64_t value)
{
	struct d_tm_histogram_t *histogram = node->dtn_metric == NULL ? NULL : node->dtn_metric->dtm_histogram;
	int i;

	if (histogram == NULL)
		return;
	for (i = 0; i < histogram->dth_num_buckets; i++) {
		if (value <= histogram->dth_buckets[i].dtb_max) {
			d_tm_inc_counter(histogram->dth_buckets[i].dtb_bucket, 1);
			return;
		}
	}
}

/** The first bucket is initial_width wide, each other wider than the one before, the last has no end. */
static int
buckets_init(struct d_tm_histogram_t *histogram, const char *path)
{
	uint64_t from = 0, width = (uint64_t)histogram->dth_initial_width;
	char *name, text[D_TM_MAX_DESC_LEN];
	int i, rc = 0;

	for (i = 0; i < histogram->dth_num_buckets && rc == 0; i++) {
		struct d_tm_bucket_t *bucket = &histogram->dth_buckets[i];
		bool last = i == histogram->dth_num_buckets - 1;

		bucket->dtb_min = from;
		bucket->dtb_max = last || width > UINT64_MAX - from ? UINT64_MAX : from + width - 1;
		snprintf(text, sizeof(text), "values from %" PRIu64 " to %" PRIu64, bucket->dtb_min, bucket->dtb_max);
		if (asprintf(&name, "%s/bucket %d", path, i) < 0)
			return -DER_NOMEM;
		rc = node_add(tree.root, name, D_TM_COUNTER, text, "elements", &bucket->dtb_bucket);
		free(name);
		from = bucket->dtb_max + 1;
		width *= (uint64_t)histogram->dth_value_multiplier;
	}
	return rc;
}

int
d_tm_init_histogram(struct d_tm_node_t *node, char *path, int num_buckets, int initial_width, int multiplier)
{
	struct d_tm_histogram_t *histogram;
	int rc = -DER_NO_SHMEM;

	if (node == NULL || path == NULL || num_buckets <= 0 || initial_width <= 0 || multiplier <= 0)
		return -DER_INVAL;
	if (!is_kind(node, D_TM_GAUGE | D_TM_STATS_GAUGE | D_TM_DURATION))
		return -DER_OP_NOT_PERMITTED;
	pthread_mutex_lock(&tree_lock);
	histogram = take(sizeof(*histogram));
	if (histogram != NULL) {
		histogram->dth_num_buckets = num_buckets;
		histogram->dth_initial_width = initial_width;
		histogram->dth_value_multiplier = multiplier;
		histogram->dth_buckets = take((size_t)num_buckets * sizeof(*histogram->dth_buckets));
		if (histogram->dth_buckets != NULL)
			rc = buckets_init(histogram, path);
	}
	if (rc == 0 && node->dtn_metric->dtm_histogram != NULL)
		rc = -DER_ALREADY;
	if (rc == 0) {
		node->dtn_metric->dtm_histogram = histogram;
	} else {
		histogram_free(histogram);
	}
	pthread_mutex_unlock(&tree_lock);
	return rc;
}
