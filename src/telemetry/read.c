/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reading side. The file belongs to somebody else, who may be changing it or mean us harm: every node is copied, then
 * checked; indexes are compared with what the sealed header said when it was opened (copied too), parents are followed
 * TELEMETRY_DEPTH_MAX times at most, texts end where their room ends.
 *
 * tm R1: nothing of the map is read twice and believed to be the same.
 * tm R2: a node whose state changed while it was copied is not shown.
 * A file that shrinks under the map raises SIGBUS: that much its owner can do to us.
 */
#include <stdio.h>
#include "base/hash64.h"
#include "format.h"

enum { TRIES = 100 };

struct telemetry_reader {
	struct env *env;
	void *map;
	size_t size;
	struct tm_header head; /* a copy */
	const struct tm_node *nodes;
	const uint64_t *words;
	struct telemetry_sample sample;
};

static int
check_header(const struct tm_header *head, uint64_t size)
{
	if (head->magic != TM_MAGIC)
		return -DER_DF_INVAL;
	if (head->version != TM_VERSION || head->node_size != sizeof(struct tm_node))
		return -DER_DF_INCOMPT;
	if (head->seal != hash64_bytes(head, offsetof(struct tm_header, seal), TM_VERSION))
		return -DER_DF_INVAL;
	if (head->node_max > TM_NODES_LIMIT || head->word_max > TM_NODES_LIMIT * 16 ||
	    size < tm_file_size(head->node_max, head->word_max) || memchr(head->name, '\0', sizeof(head->name)) == NULL)
		return -DER_DF_INVAL;
	return 0;
}

int
telemetry_open(struct env *env, const char *path, struct telemetry_reader **out)
{
	struct telemetry_reader *reader;
	uint64_t size;
	bool is_dir;
	int rc = env->ops->file.stat(env, path, &size, &is_dir);

	if (rc != 0)
		return rc;
	if (is_dir || size < TM_HEADER_SIZE || size > SIZE_MAX / 2)
		return -DER_DF_INVAL;
	reader = MEM_NEW(env->mem, struct telemetry_reader);
	if (reader == NULL)
		return -DER_NOMEM;
	reader->env = env;
	reader->size = (size_t)size;
	rc = env->ops->file.map(env, path, reader->size, false, &reader->map);
	if (rc == 0) {
		memcpy(&reader->head, reader->map, sizeof(reader->head));
		rc = check_header(&reader->head, size);
		if (rc != 0)
			env->ops->file.unmap(env, reader->map, reader->size);
	}
	if (rc != 0) {
		mem_free(env->mem, reader);
		return rc;
	}
	reader->nodes = (const struct tm_node *)((const char *)reader->map + TM_HEADER_SIZE);
	reader->words = (const uint64_t *)(reader->nodes + reader->head.node_max);
	*out = reader;
	return 0;
}

void
telemetry_close(struct telemetry_reader *reader)
{
	if (reader == NULL)
		return;
	reader->env->ops->file.unmap(reader->env, reader->map, reader->size);
	mem_free(reader->env->mem, reader);
}

void
telemetry_source(struct telemetry_reader *reader, char name[64], int32_t *pid, uint64_t *started_ns)
{
	const struct tm_header *header = reader->map;

	memcpy(name, reader->head.name, sizeof(reader->head.name));
	*pid = atomic_load_explicit(&header->pid, memory_order_acquire);
	*started_ns = reader->head.started_ns;
}

const char *
metric_kind_name(enum metric_kind kind)
{
	static const char *const names[] = {
		[METRIC_DIRECTORY] = "directory",     [METRIC_COUNTER] = "counter",   [METRIC_GAUGE] = "gauge",
		[METRIC_STATS_GAUGE] = "stats gauge", [METRIC_TIMESTAMP] = "timestamp", [METRIC_SNAPSHOT] = "snapshot",
		[METRIC_DURATION] = "duration",
	};

	return (unsigned int)kind < ARRAY_SIZE(names) && names[kind] != NULL ? names[kind] : "unknown";
}

/* ---- copies --------------------------------------------------------------------------------------------------------- */

struct node_copy {
	uint32_t state, parent, kind;
	char name[TELEMETRY_NAME_MAX];
};

/** The place of a node in the tree; false when it is unused, changing, or nonsense. */
static bool
copy_place(const struct telemetry_reader *reader, uint32_t index, struct node_copy *copy)
{
	const struct tm_node *node = &reader->nodes[index];

	if (index >= reader->head.node_max)
		return false;
	copy->state = atomic_load_explicit(&node->state, memory_order_acquire);
	copy->parent = *(const volatile uint32_t *)&node->parent;
	copy->kind = *(const volatile uint32_t *)&node->kind;
	memcpy(copy->name, node->name, sizeof(copy->name));
	if (!(copy->state & 1) || atomic_load_explicit(&node->state, memory_order_acquire) != copy->state)
		return false;
	return copy->kind >= METRIC_DIRECTORY && copy->kind <= METRIC_DURATION && copy->name[0] != '\0' &&
	       memchr(copy->name, '\0', sizeof(copy->name)) != NULL && strchr(copy->name, '/') == NULL;
}

/** Writes the path backwards from the end of a buffer, then moves it to its beginning. */
static bool
build_path(const struct telemetry_reader *reader, struct node_copy *copy, char path[TELEMETRY_PATH_MAX])
{
	struct node_copy above = *copy;
	size_t at = TELEMETRY_PATH_MAX - 1;

	path[at] = '\0';
	for (int depth = 0; depth < TELEMETRY_DEPTH_MAX; depth++) {
		size_t len = strlen(above.name);

		if (at < len + 1)
			return false;
		at -= len;
		memcpy(path + at, above.name, len);
		if (above.parent == TM_ROOT) {
			memmove(path, path + at, TELEMETRY_PATH_MAX - at);
			return true;
		}
		path[--at] = '/';
		if (!copy_place(reader, above.parent, &above) || above.kind != METRIC_DIRECTORY)
			return false;
	}
	return false;
}

static uint64_t
get(const _Atomic uint64_t *word)
{
	return atomic_load_explicit(word, memory_order_acquire);
}

/** Newton's, from above: falls until it stands. */
static double
square_root(double x)
{
	double root = x > 1 ? x : 1;

	if (!(x > 0))
		return 0;
	for (int i = 0; i < 1100; i++) {
		double next = (root + x / root) / 2;

		if (!(next < root))
			break;
		root = next;
	}
	return root;
}

static void
copy_values(const struct tm_node *node, struct telemetry_sample *sample)
{
	const struct metric *metric = &node->metric;
	uint64_t bits = 0;

	for (int try = 0; try < TRIES; try++) {
		uint64_t seq = get(&metric->seq);

		sample->value = get(&metric->value);
		sample->min = get(&metric->min);
		sample->max = get(&metric->max);
		sample->sum = get(&metric->sum);
		bits = get(&metric->sum_squares);
		sample->samples = get(&metric->samples);
		sample->torn = (seq & 1) || get(&metric->seq) != seq;
		if (!sample->torn)
			break;
	}
	memcpy(&sample->sum_squares, &bits, sizeof(bits));
	if (sample->samples > 0) {
		double nr = (double)sample->samples, mean = (double)sample->sum / nr;
		double variance = nr > 1 ? (sample->sum_squares - nr * mean * mean) / (nr - 1) : 0;

		sample->mean = mean;
		sample->deviation = square_root(variance);
	}
}

static void
copy_buckets(const struct telemetry_reader *reader, const struct tm_node *node, struct telemetry_sample *sample)
{
	uint32_t nr = atomic_load_explicit(&node->bucket_nr, memory_order_acquire);
	uint32_t word = *(const volatile uint32_t *)&node->bucket_word;
	uint32_t growth = *(const volatile uint32_t *)&node->bucket_growth;
	uint64_t width = *(const volatile uint64_t *)&node->bucket_width;

	if (nr < 2 || nr > TELEMETRY_BUCKETS_MAX || width == 0 || growth == 0 || word > reader->head.word_max ||
	    nr > reader->head.word_max - word)
		return;
	for (uint32_t i = 0; i < nr; i++)
		sample->buckets[i] = (struct metric_bucket){
			.from = tm_bucket_from(width, growth, i),
			.to = i + 1 < nr ? tm_bucket_from(width, growth, i + 1) : UINT64_MAX,
			.count = get((const _Atomic uint64_t *)&reader->words[word + i]),
		};
	sample->bucket_nr = nr;
}

/** False when there is no metric to show at this index. */
static bool
copy_node(const struct telemetry_reader *reader, uint32_t index, struct telemetry_sample *sample)
{
	const struct tm_node *node = &reader->nodes[index]; /* index < head.node_max */
	struct node_copy copy;

	if (!copy_place(reader, index, &copy) || copy.kind == METRIC_DIRECTORY)
		return false;
	memset(sample, 0, sizeof(*sample));
	if (!build_path(reader, &copy, sample->path))
		return false;
	sample->kind = (enum metric_kind)copy.kind;
	memcpy(sample->description, node->description, sizeof(sample->description));
	memcpy(sample->unit, node->unit, sizeof(sample->unit));
	sample->description[sizeof(sample->description) - 1] = '\0';
	sample->unit[sizeof(sample->unit) - 1] = '\0';
	if (sample->kind == METRIC_STATS_GAUGE || sample->kind == METRIC_DURATION) {
		copy_values(node, sample);
		copy_buckets(reader, node, sample);
	} else {
		sample->value = get(&node->metric.value);
	}
	/* tm R2 */
	return atomic_load_explicit(&node->state, memory_order_acquire) == copy.state;
}

static uint32_t
node_nr(const struct telemetry_reader *reader)
{
	const struct tm_header *header = reader->map;

	return MIN(atomic_load_explicit(&header->node_nr, memory_order_acquire), reader->head.node_max);
}

int
telemetry_each(struct telemetry_reader *reader, int (*visit)(void *arg, const struct telemetry_sample *sample), void *arg)
{
	uint32_t nr = node_nr(reader);

	for (uint32_t i = 0; i < nr; i++) {
		int rc;

		if (!copy_node(reader, i, &reader->sample))
			continue;
		rc = visit(arg, &reader->sample);
		if (rc != 0)
			return rc;
	}
	return 0;
}

int
telemetry_find(struct telemetry_reader *reader, const char *path, struct telemetry_sample *sample)
{
	uint32_t nr = node_nr(reader);

	for (uint32_t i = 0; i < nr; i++)
		if (copy_node(reader, i, &reader->sample) && strcmp(reader->sample.path, path) == 0) {
			*sample = reader->sample;
			return 0;
		}
	return -DER_METRIC_NOT_FOUND;
}
