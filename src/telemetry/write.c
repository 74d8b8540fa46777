/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The writing side. Adding and removing take a lock that spins (they are rare, and hold it for a search by hash and a node);
 * updating takes none.
 *
 * tm I1: a node is complete before its state says used (release), and its state changes before anything of it is reused.
 * tm I2: statistics change between an odd and an even seq; each word is stored with release, so that a reader which saw a
 * newer word also sees that seq moved.
 * tm I3: a histogram's words stay with its node when that is freed, for the next histogram there that needs no more.
 * A crash in the middle leaves a file whose statistics may have an odd seq, and which the next start replaces. Nothing yields.
 */
#include <stdarg.h>
#include <stdio.h>
#include "base/hash.h"
#include "base/hash64.h"
#include "format.h"

enum { NODES_DEFAULT = 16384, WORDS_PER_NODE = 4 };

/** What the writer knows of a node beyond the file. */
struct entry {
	struct hash_node node;
	uint32_t index, children;
	uint32_t word, word_nr; /* a histogram's, kept when the node is freed */
};

struct telemetry {
	struct env *env;
	char *path;
	void *map;
	size_t size;
	struct tm_header *header;
	struct tm_node *nodes;
	uint64_t *words;
	struct hash index;
	struct entry *entries; /* by index of the node */
	uint32_t *free_nodes;
	uint32_t free_nr, word_nr;
	atomic_flag lock;
};

struct key {
	const struct telemetry *tel;
	uint32_t parent;
	const char *name;
};

static uint64_t
key_hash(const void *arg, uint64_t seed)
{
	const struct key *key = arg;

	return hash64_string(key->name, seed + key->parent);
}

static bool
key_equal(const struct hash_node *hash_node, const void *arg)
{
	const struct entry *entry = container_of(hash_node, struct entry, node);
	const struct key *key = arg;
	const struct tm_node *node = &key->tel->nodes[entry->index];

	return node->parent == key->parent && strcmp(node->name, key->name) == 0;
}

static const struct hash_ops key_ops = {.hash = key_hash, .equal = key_equal};

/* ---- the file ------------------------------------------------------------------------------------------------------- */

static void
header_fill(struct telemetry *tel, const char *name, uint32_t node_max, uint32_t word_max)
{
	struct tm_header *header = tel->header;

	header->magic = TM_MAGIC;
	header->version = TM_VERSION;
	header->node_size = sizeof(struct tm_node);
	header->node_max = node_max;
	header->word_max = word_max;
	header->started_ns = env_wall(tel->env);
	snprintf(header->name, sizeof(header->name), "%s", name);
	header->seal = hash64_bytes(header, offsetof(struct tm_header, seal), TM_VERSION);
	atomic_store_explicit(&header->pid, tel->env->ops->host.getpid(tel->env), memory_order_release);
}

static void
forget(struct telemetry *tel)
{
	struct mem *mem = tel->env->mem;

	hash_fini(&tel->index);
	mem_free(mem, tel->entries);
	mem_free(mem, tel->free_nodes);
	mem_free(mem, tel->path);
	mem_free(mem, tel);
}

int
telemetry_create(struct env *env, const char *path, const char *name, uint32_t node_max, struct telemetry **out)
{
	struct telemetry *tel = MEM_NEW(env->mem, struct telemetry);
	uint32_t nodes = node_max != 0 ? node_max : NODES_DEFAULT;
	int rc = -DER_NOMEM;

	if (tel == NULL)
		return -DER_NOMEM;
	tel->env = env;
	hash_init(&tel->index, env->mem, &key_ops, 0);
	atomic_flag_clear(&tel->lock);
	tel->size = tm_file_size(nodes, nodes * WORDS_PER_NODE);
	tel->path = mem_strdup(env->mem, path);
	tel->entries = MEM_NEW_ARRAY(env->mem, struct entry, nodes);
	tel->free_nodes = MEM_NEW_ARRAY(env->mem, uint32_t, nodes);
	if (nodes > TM_NODES_LIMIT || strlen(name) >= sizeof(tel->header->name))
		rc = -DER_INVAL;
	else if (tel->path != NULL && tel->entries != NULL && tel->free_nodes != NULL)
		rc = env->ops->file.map(env, path, tel->size, true, &tel->map);
	if (rc != 0) {
		forget(tel);
		return rc;
	}
	tel->header = tel->map;
	tel->nodes = (struct tm_node *)((char *)tel->map + TM_HEADER_SIZE);
	tel->words = (uint64_t *)(tel->nodes + nodes);
	header_fill(tel, name, nodes, nodes * WORDS_PER_NODE);
	*out = tel;
	return 0;
}

void
telemetry_destroy(struct telemetry *tel, bool remove)
{
	struct env *env;

	if (tel == NULL)
		return;
	env = tel->env;
	atomic_store_explicit(&tel->header->pid, 0, memory_order_release);
	env->ops->file.unmap(env, tel->map, tel->size);
	if (remove) {
		int rc = env->ops->file.remove(env, tel->path);

		if (rc != 0)
			log_warn(env->log, "cannot remove %s: " RCF, tel->path, RCP(rc));
	}
	forget(tel);
}

/* ---- nodes ---------------------------------------------------------------------------------------------------------- */

static void
lock(struct telemetry *tel)
{
	while (atomic_flag_test_and_set_explicit(&tel->lock, memory_order_acquire))
		;
}

static void
unlock(struct telemetry *tel)
{
	atomic_flag_clear_explicit(&tel->lock, memory_order_release);
}

static struct entry *
find(struct telemetry *tel, uint32_t parent, const char *name)
{
	struct key key = {.tel = tel, .parent = parent, .name = name};
	struct hash_node *node = hash_find(&tel->index, &key);

	return node != NULL ? container_of(node, struct entry, node) : NULL;
}

/** tm I1 */
static int
node_new(struct telemetry *tel, uint32_t parent, const char *name, enum metric_kind kind, const char *description,
	 const char *unit, struct entry **out)
{
	struct key key = {.tel = tel, .parent = parent, .name = name};
	uint32_t used = atomic_load_explicit(&tel->header->node_nr, memory_order_relaxed), index;
	struct tm_node *node;
	struct entry *entry;

	if (tel->free_nr == 0 && used == tel->header->node_max)
		return -DER_ADD_METRIC_FAILED;
	index = tel->free_nr > 0 ? tel->free_nodes[--tel->free_nr] : used;
	node = &tel->nodes[index];
	node->parent = parent;
	node->kind = kind;
	snprintf(node->name, sizeof(node->name), "%s", name);
	snprintf(node->description, sizeof(node->description), "%s", description);
	snprintf(node->unit, sizeof(node->unit), "%s", unit);
	memset(&node->metric, 0, sizeof(node->metric));
	atomic_store_explicit(&node->bucket_nr, 0, memory_order_relaxed);
	atomic_fetch_add_explicit(&node->state, 1, memory_order_release);
	if (index == used)
		atomic_store_explicit(&tel->header->node_nr, used + 1, memory_order_release);
	entry = &tel->entries[index];
	entry->index = index;
	entry->children = 0;
	hash_insert(&tel->index, &entry->node, &key);
	if (parent != TM_ROOT)
		tel->entries[parent].children++;
	*out = entry;
	return 0;
}

static void
node_free(struct telemetry *tel, uint32_t index)
{
	struct tm_node *node = &tel->nodes[index];

	hash_remove(&tel->index, &tel->entries[index].node);
	atomic_fetch_add_explicit(&node->state, 1, memory_order_release);
	if (node->parent != TM_ROOT)
		tel->entries[node->parent].children--;
	tel->free_nodes[tel->free_nr++] = index;
}

/** Takes the next component off *path; false at the end. rc: -DER_INVAL for empty ones, -DER_EXCEEDS_PATH_LEN. */
static bool
component(const char **path, char name[TELEMETRY_NAME_MAX], int *rc)
{
	const char *slash = strchrnul(*path, '/');
	size_t len = (size_t)(slash - *path);

	if (len == 0 || len >= TELEMETRY_NAME_MAX) {
		*rc = len == 0 ? -DER_INVAL : -DER_EXCEEDS_PATH_LEN;
		return false;
	}
	memcpy(name, *path, len);
	name[len] = '\0';
	*path = *slash == '/' ? slash + 1 : slash;
	return true;
}

static int
add_path(struct telemetry *tel, const char *path, enum metric_kind kind, const char *description, const char *unit,
	 struct entry **out)
{
	uint32_t parent = TM_ROOT;
	struct entry *entry = NULL;
	char name[TELEMETRY_NAME_MAX];
	int rc = 0;

	for (int depth = 0;; depth++) {
		bool last;

		if (depth == TELEMETRY_DEPTH_MAX)
			return -DER_EXCEEDS_PATH_LEN;
		if (!component(&path, name, &rc))
			return rc;
		last = *path == '\0';
		entry = find(tel, parent, name);
		if (entry == NULL)
			rc = node_new(tel, parent, name, last ? kind : METRIC_DIRECTORY, last ? description : "",
				      last ? unit : "", &entry);
		else if (tel->nodes[entry->index].kind != (last ? kind : METRIC_DIRECTORY))
			rc = -DER_EXIST;
		if (rc != 0)
			return rc;
		if (last)
			break;
		parent = entry->index;
	}
	*out = entry;
	return 0;
}

int
telemetry_add(struct telemetry *tel, struct metric **metric, enum metric_kind kind, const char *description,
	      const char *unit, const char *fmt, ...)
{
	char path[TELEMETRY_PATH_MAX];
	struct entry *entry;
	va_list args;
	int len, rc;

	*metric = NULL;
	if (tel == NULL)
		return 0;
	ASSERT(kind > METRIC_DIRECTORY && kind <= METRIC_DURATION);
	va_start(args, fmt);
	len = vsnprintf(path, sizeof(path), fmt, args);
	va_end(args);
	if (len < 0 || (size_t)len >= sizeof(path))
		return -DER_EXCEEDS_PATH_LEN;
	lock(tel);
	rc = add_path(tel, path, kind, description, unit, &entry);
	if (rc == 0)
		*metric = &tel->nodes[entry->index].metric;
	unlock(tel);
	if (rc != 0)
		log_warn(tel->env->log, "no metric %s: " RCF, path, RCP(rc));
	return rc;
}

/** tm I3 */
static int
take_words(struct telemetry *tel, struct entry *entry, uint32_t nr)
{
	if (entry->word_nr < nr) {
		if (nr > tel->header->word_max - tel->word_nr)
			return -DER_ADD_METRIC_FAILED;
		entry->word = tel->word_nr;
		entry->word_nr = nr;
		tel->word_nr += nr;
	}
	memset(&tel->words[entry->word], 0, sizeof(*tel->words) * nr);
	return 0;
}

int
telemetry_add_buckets(struct telemetry *tel, struct metric *metric, uint32_t nr, uint64_t width, uint32_t growth)
{
	struct tm_node *node;
	struct entry *entry;
	int rc = 0;

	if (metric == NULL)
		return 0;
	if (nr < 2 || nr > TELEMETRY_BUCKETS_MAX || width == 0 || growth == 0)
		return -DER_INVAL;
	node = container_of(metric, struct tm_node, metric);
	ASSERT(node->kind == METRIC_STATS_GAUGE || node->kind == METRIC_DURATION);
	entry = &tel->entries[node - tel->nodes];
	lock(tel);
	if (atomic_load_explicit(&node->bucket_nr, memory_order_relaxed) == 0) { /* else it was found again */
		rc = take_words(tel, entry, nr);
		if (rc == 0) {
			node->bucket_word = entry->word;
			node->bucket_width = width;
			node->bucket_growth = growth;
			/* From the metric to its words, as a distance. */
			atomic_store_explicit(&metric->buckets,
					      (uint64_t)((char *)&tel->words[entry->word] - (char *)metric),
					      memory_order_relaxed);
			atomic_store_explicit(&node->bucket_nr, nr, memory_order_release);
		}
	}
	unlock(tel);
	return rc;
}

/** Children have no list: a removal is rare, and looks at all nodes once for every level. */
static void
remove_below(struct telemetry *tel, uint32_t index)
{
	uint32_t nr = atomic_load_explicit(&tel->header->node_nr, memory_order_relaxed);
	uint32_t path[TELEMETRY_DEPTH_MAX + 1], at[TELEMETRY_DEPTH_MAX + 1];
	int depth = 0;

	path[0] = index;
	at[0] = 0;
	while (depth >= 0) {
		uint32_t here = path[depth], child = at[depth];

		while (child < nr && tel->entries[here].children > 0 &&
		       !((tel->nodes[child].state & 1) && tel->nodes[child].parent == here))
			child++;
		if (child == nr || tel->entries[here].children == 0) {
			node_free(tel, here);
			depth--;
			continue;
		}
		at[depth++] = child + 1;
		path[depth] = child;
		at[depth] = 0;
	}
}

/* Under the lock. -DER_METRIC_NOT_FOUND, -DER_INVAL. */
static int
find_path(struct telemetry *tel, const char *path, struct entry **result)
{
	char name[TELEMETRY_NAME_MAX];
	struct entry *entry = NULL;
	int rc = 0;

	while (rc == 0 && *path != '\0') {
		if (!component(&path, name, &rc))
			break;
		entry = find(tel, entry != NULL ? entry->index : TM_ROOT, name);
		if (entry == NULL)
			rc = -DER_METRIC_NOT_FOUND;
	}
	*result = entry;
	return rc == 0 && entry == NULL ? -DER_INVAL : rc;
}

int
telemetry_child(struct telemetry *tel, const char *path, uint32_t *at, char name[TELEMETRY_NAME_MAX])
{
	struct entry *entry;
	uint32_t nr;
	int rc;

	if (tel == NULL)
		return -DER_METRIC_NOT_FOUND;
	lock(tel);
	rc = find_path(tel, path, &entry);
	nr = atomic_load_explicit(&tel->header->node_nr, memory_order_relaxed);
	while (rc == 0 && *at < nr && !((tel->nodes[*at].state & 1) && tel->nodes[*at].parent == entry->index))
		(*at)++;
	if (rc == 0 && *at < nr)
		memcpy(name, tel->nodes[(*at)++].name, TELEMETRY_NAME_MAX);
	else if (rc == 0)
		rc = -DER_METRIC_NOT_FOUND;
	unlock(tel);
	return rc;
}

int
telemetry_remove(struct telemetry *tel, const char *fmt, ...)
{
	char buf[TELEMETRY_PATH_MAX];
	struct entry *entry = NULL;
	va_list args;
	int len, rc;

	if (tel == NULL)
		return 0;
	va_start(args, fmt);
	len = vsnprintf(buf, sizeof(buf), fmt, args);
	va_end(args);
	if (len < 0 || (size_t)len >= sizeof(buf))
		return -DER_EXCEEDS_PATH_LEN;
	lock(tel);
	rc = find_path(tel, buf, &entry);
	if (rc == 0)
		remove_below(tel, entry->index);
	unlock(tel);
	return rc;
}

/* ---- samples -------------------------------------------------------------------------------------------------------- */

static uint64_t
get(const _Atomic uint64_t *word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

/** tm I2 */
static void
put(_Atomic uint64_t *word, uint64_t value)
{
	atomic_store_explicit(word, value, memory_order_release);
}

static void
count_bucket(struct metric *metric, uint64_t value)
{
	struct tm_node *node = container_of(metric, struct tm_node, metric);
	uint32_t nr = atomic_load_explicit(&node->bucket_nr, memory_order_acquire), i = 0;
	_Atomic uint64_t *words = (_Atomic uint64_t *)((char *)metric + get(&metric->buckets));
	uint64_t width = node->bucket_width, to = width;

	if (nr == 0)
		return;
	while (i + 1 < nr && value >= to) {
		i++;
		if (__builtin_mul_overflow(width, (uint64_t)node->bucket_growth, &width) ||
		    __builtin_add_overflow(to, width, &to))
			to = UINT64_MAX;
	}
	put(&words[i], get(&words[i]) + 1);
}

void
metric_sample(struct metric *metric, uint64_t value)
{
	uint64_t seq, samples, bits;
	double squares;

	if (metric == NULL)
		return;
	seq = get(&metric->seq);
	samples = get(&metric->samples);
	bits = get(&metric->sum_squares);
	memcpy(&squares, &bits, sizeof(squares));
	squares += (double)value * (double)value;
	memcpy(&bits, &squares, sizeof(bits));
	atomic_store_explicit(&metric->seq, seq | 1, memory_order_relaxed);
	put(&metric->value, value);
	if (samples == 0 || value < get(&metric->min))
		put(&metric->min, value);
	if (samples == 0 || value > get(&metric->max))
		put(&metric->max, value);
	put(&metric->sum, get(&metric->sum) + value);
	put(&metric->sum_squares, bits);
	put(&metric->samples, samples + 1);
	count_bucket(metric, value);
	put(&metric->seq, (seq | 1) + 1);
}

void
metric_sample_move(struct metric *metric, int64_t by)
{
	if (metric != NULL)
		metric_sample(metric, get(&metric->value) + (uint64_t)by);
}
