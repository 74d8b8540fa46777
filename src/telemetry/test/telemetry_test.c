/* SPDX-License-Identifier: Apache-2.0 */
/* Metrics written and read through one file; against a model that is a list of paths and numbers; damaged files. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include "base/rand.h"
#include "env_sim/env_sim.h"
#include "telemetry/telemetry.h"

struct world {
	struct sim *sim;
	struct env *env;
	struct telemetry *tel;
	struct telemetry_reader *reader;
};

static int
setup(void **state)
{
	struct world *w = test_calloc(1, sizeof(*w));

	w->sim = sim_create(1, NULL);
	w->env = sim_env(w->sim, 0);
	assert_int_equal(telemetry_create(w->env, "/metrics", "engine_0", 256, &w->tel), 0);
	assert_int_equal(telemetry_open(w->env, "/metrics", &w->reader), 0);
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;
	struct sim_mem_stats stats;

	telemetry_close(w->reader);
	telemetry_destroy(w->tel, true);
	assert_int_equal(w->env->ops->file.stat(w->env, "/metrics", NULL, NULL), -DER_NONEXIST);
	sim_mem_stats(w->sim, 0, &stats);
	assert_true(stats.blocks == 0 && stats.handles == 0);
	sim_destroy(w->sim);
	test_free(w);
	return 0;
}

/** Until the next look. */
static const struct telemetry_sample *
look(struct world *w, const char *path)
{
	static struct telemetry_sample sample;

	assert_int_equal(telemetry_find(w->reader, path, &sample), 0);
	return &sample;
}

static void
what_is_written_is_read(void **state)
{
	struct world *w = *state;
	struct metric *ops, *active, *lead, *at, *took;
	const struct telemetry_sample *s;
	char name[64];
	int32_t pid;
	uint64_t started;

	assert_int_equal(telemetry_add(w->tel, &ops, TM_POOL_OPS, "1234", "update", 3), 0);
	assert_int_equal(telemetry_add(w->tel, &active, TM_OPS_ACTIVE, "update", 3), 0);
	assert_int_equal(telemetry_add(w->tel, &lead, TM_POOL_SERVICE, "1234", "leader"), 0);
	assert_int_equal(telemetry_add(w->tel, &at, TM_STARTED_AT), 0);
	assert_int_equal(telemetry_add(w->tel, &took, TM_OPS_LATENCY, "fetch", 0), 0);
	metric_count(ops, 2);
	metric_count(ops, 40);
	s = look(w, "pool/1234/ops/update/tgt_3");
	assert_int_equal(s->kind, METRIC_COUNTER);
	assert_int_equal(s->value, 42);
	assert_string_equal(s->unit, "ops");
	assert_string_equal(s->description, "Operations on the pool");
	metric_set(lead, 7);
	metric_move(lead, -3);
	assert_int_equal(look(w, "pool/1234/svc/leader")->value, 4);
	metric_set(at, 1000);
	assert_int_equal(look(w, "started_at")->kind, METRIC_TIMESTAMP);
	s = look(w, "io/ops/update/active/tgt_3");
	assert_true(s->samples == 0 && s->min == 0 && s->mean == 0 && s->deviation == 0);
	metric_sample(active, 2);
	s = look(w, "io/ops/update/active/tgt_3");
	assert_true(s->samples == 1 && s->mean == 2 && s->deviation == 0);
	for (uint64_t v = 4; v <= 10; v += 2)
		metric_sample(active, v);
	s = look(w, "io/ops/update/active/tgt_3");
	assert_true(s->samples == 5 && s->min == 2 && s->max == 10 && s->sum == 30 && s->value == 10 && !s->torn);
	assert_true(s->mean == 6 && s->sum_squares == 220 && s->deviation > 3.1622 && s->deviation < 3.1623);
	metric_sample_move(active, -1);
	assert_int_equal(look(w, "io/ops/update/active/tgt_3")->value, 9);
	metric_took(took, w->env, env_mono(w->env) - 500);
	assert_int_equal(look(w, "io/ops/fetch/latency/tgt_0")->value, 500);
	telemetry_source(w->reader, name, &pid, &started);
	assert_string_equal(name, "engine_0");
	assert_int_equal(pid, w->env->ops->host.getpid(w->env));
	assert_int_equal(started, env_wall(w->env));
}

static void
what_is_not_there_costs_nothing(void **state)
{
	struct metric *metric = (struct metric *)1;

	assert_int_equal(telemetry_add(NULL, &metric, TM_STARTED_AT), 0);
	assert_null(metric);
	metric_count(metric, 1);
	metric_set(metric, 1);
	metric_move(metric, 1);
	metric_sample(metric, 1);
	metric_sample_move(metric, 1);
	metric_took(metric, NULL, 1);
	assert_int_equal(telemetry_add_buckets(NULL, metric, 4, 1, 2), 0);
	assert_int_equal(telemetry_remove(NULL, "x"), 0);
	telemetry_destroy(NULL, true);
}

static void
bad_paths_are_refused(void **state)
{
	struct world *w = *state;
	struct metric *metric, *again;
	char name[TELEMETRY_NAME_MAX], longest[TELEMETRY_NAME_MAX + 1], text[2 * TELEMETRY_PATH_MAX];
	uint32_t at = 0;

	memset(longest, 'x', sizeof(longest));
	longest[TELEMETRY_NAME_MAX] = '\0';
	assert_int_equal(telemetry_add(w->tel, &metric, METRIC_COUNTER, "", "", "%s", longest), -DER_EXCEEDS_PATH_LEN);
	assert_null(metric);
	longest[TELEMETRY_NAME_MAX - 1] = '\0';
	assert_int_equal(telemetry_add(w->tel, &metric, METRIC_COUNTER, "", "", "%s", longest), 0);
	memset(text, 'y', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(telemetry_add(w->tel, &metric, METRIC_COUNTER, "", "", "%s", text), -DER_EXCEEDS_PATH_LEN);
	assert_int_equal(telemetry_add(w->tel, &metric, METRIC_COUNTER, "", "", "%s", "a//b"), -DER_INVAL);
	assert_int_equal(telemetry_add(w->tel, &metric, METRIC_COUNTER, "", "", "%s", ""), -DER_INVAL);
	assert_int_equal(telemetry_add(w->tel, &metric, METRIC_COUNTER, "", "", "%s", "1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17"),
			 -DER_EXCEEDS_PATH_LEN);
	assert_int_equal(telemetry_add(w->tel, &metric, METRIC_COUNTER, "", "", "a/b"), 0);
	assert_int_equal(telemetry_add(w->tel, &again, METRIC_COUNTER, "", "", "a/b"), 0);
	assert_ptr_equal(metric, again);
	assert_int_equal(telemetry_add(w->tel, &again, METRIC_GAUGE, "", "", "a/b"), -DER_EXIST);
	assert_int_equal(telemetry_add(w->tel, &again, METRIC_GAUGE, "", "", "a"), -DER_EXIST);
	assert_int_equal(telemetry_add(w->tel, &again, METRIC_GAUGE, "", "", "a/b/c"), -DER_EXIST);
	assert_int_equal(telemetry_remove(w->tel, "a/c"), -DER_METRIC_NOT_FOUND);
	assert_int_equal(telemetry_child(w->tel, "a/c", &at, name), -DER_METRIC_NOT_FOUND);
	assert_int_equal(telemetry_child(NULL, "a", &at, name), -DER_METRIC_NOT_FOUND);
	assert_int_equal(telemetry_child(w->tel, "a", &at, name), 0);
	assert_string_equal(name, "b");
	assert_int_equal(telemetry_child(w->tel, "a", &at, name), -DER_METRIC_NOT_FOUND);
	assert_int_equal(telemetry_remove(w->tel, "%s", ""), -DER_INVAL);
}

static void
a_histogram_counts_every_sample_once(void **state)
{
	struct world *w = *state;
	struct metric *metric;
	const struct telemetry_sample *s;
	uint64_t total = 0;
	struct rand rand;

	rand_init(&rand, 1, 1);
	assert_int_equal(telemetry_add(w->tel, &metric, TM_IO_LATENCY, "update", "4KB", 1), 0);
	assert_int_equal(telemetry_add_buckets(w->tel, metric, 33, 10, 2), -DER_INVAL);
	assert_int_equal(telemetry_add_buckets(w->tel, metric, 6, 10, 2), 0);
	for (int i = 0; i < 1000; i++)
		metric_sample(metric, rand_u64(&rand) >> rand_below(&rand, 64));
	metric_sample(metric, 0);
	metric_sample(metric, 9);
	metric_sample(metric, UINT64_MAX);
	s = look(w, "io/latency/update/4KB/tgt_1");
	assert_int_equal(s->bucket_nr, 6);
	assert_true(s->buckets[0].from == 0 && s->buckets[0].to == 10 && s->buckets[1].to == 30 && s->buckets[2].to == 70);
	assert_true(s->buckets[5].from == 310 && s->buckets[5].to == UINT64_MAX && s->buckets[0].count >= 2);
	for (int i = 0; i < 6; i++)
		total += s->buckets[i].count;
	assert_int_equal(total, 1003);
	assert_int_equal(s->samples, 1003);
	/* The widest there are: no overflow. */
	assert_int_equal(telemetry_add(w->tel, &metric, TM_IO_LATENCY, "update", "8KB", 1), 0);
	assert_int_equal(telemetry_add_buckets(w->tel, metric, 32, UINT64_MAX / 2, UINT32_MAX), 0);
	metric_sample(metric, UINT64_MAX - 1);
	s = look(w, "io/latency/update/8KB/tgt_1");
	total = 0;
	for (int i = 0; i < 32; i++)
		total += s->buckets[i].count;
	assert_int_equal(total, 1);
}

/* ---- model ---------------------------------------------------------------------------------------------------------------- */

enum { POOLS = 4, OPS = 3, TARGETS = 2 };

struct model {
	struct metric *metric;
	uint64_t value;
};

struct model_check {
	struct model (*model)[OPS][TARGETS];
	int seen;
};

static int
check_one(void *arg, const struct telemetry_sample *sample)
{
	struct model_check *check = arg;
	unsigned int p, o, t;

	assert_int_equal(sscanf(sample->path, "pool/p%u/ops/o%u/tgt_%u", &p, &o, &t), 3);
	assert_non_null(check->model[p][o][t].metric);
	assert_int_equal(sample->value, check->model[p][o][t].value);
	check->seen++;
	return 0;
}

/* Every pool with a metric is a child, once. */
static void
check_children(struct world *w, struct model model[POOLS][OPS][TARGETS])
{
	char name[TELEMETRY_NAME_MAX];
	int seen[POOLS] = {0};
	uint32_t at = 0;
	unsigned int p;

	while (telemetry_child(w->tel, "pool", &at, name) == 0) {
		assert_int_equal(sscanf(name, "p%u", &p), 1);
		assert_int_equal(seen[p]++, 0);
	}
	for (p = 0; p < POOLS; p++)
		for (int i = 0; i < OPS * TARGETS; i++)
			assert_true(model[p][i / TARGETS][i % TARGETS].metric == NULL || seen[p] == 1);
}

static void
the_tree_is_what_a_list_of_paths_would_be(void **state)
{
	struct world *w = *state;
	struct model model[POOLS][OPS][TARGETS] = {0};
	struct rand rand;
	int live = 0;

	for (uint64_t seed = 1; seed <= 5; seed++) {
		rand_init(&rand, seed, 1);
		for (int step = 0; step < 2000; step++) {
			uint32_t p = (uint32_t)rand_below(&rand, POOLS), o = (uint32_t)rand_below(&rand, OPS);
			uint32_t t = (uint32_t)rand_below(&rand, TARGETS);
			struct model *m = &model[p][o][t];
			char pool[16], op[16];

			snprintf(pool, sizeof(pool), "p%u", p);
			snprintf(op, sizeof(op), "o%u", o);
			switch (rand_below(&rand, 12)) {
			case 0: { /* the whole pool */
				int rc = telemetry_remove(w->tel, "pool/%s", pool), had = 0;

				for (int i = 0; i < OPS * TARGETS; i++) {
					had += model[p][i / TARGETS][i % TARGETS].metric != NULL;
					model[p][i / TARGETS][i % TARGETS] = (struct model){0};
				}
				assert_true(rc == 0 || (had == 0 && rc == -DER_METRIC_NOT_FOUND));
				live -= had;
				break;
			}
			case 1:
				assert_int_equal(telemetry_remove(w->tel, "pool/%s/ops/%s/tgt_%u", pool, op, t),
						 m->metric != NULL ? 0 : -DER_METRIC_NOT_FOUND);
				live -= m->metric != NULL;
				*m = (struct model){0};
				break;
			case 2:
			case 3:
			case 4:
				live += m->metric == NULL;
				assert_int_equal(telemetry_add(w->tel, &m->metric, TM_POOL_OPS, pool, op, t), 0);
				break;
			default:
				if (m->metric != NULL) {
					metric_count(m->metric, (uint64_t)step);
					m->value += (uint64_t)step;
				}
			}
			if (step % 50 == 0) {
				struct model_check check = {.model = model};

				assert_int_equal(telemetry_each(w->reader, check_one, &check), 0);
				assert_int_equal(check.seen, live);
				check_children(w, model);
			}
		}
	}
}

static void
a_full_table_says_so_and_frees_again(void **state)
{
	struct world *w = *state;
	struct metric *metric;
	int nr = 0, rc;

	do
		rc = telemetry_add(w->tel, &metric, METRIC_STATS_GAUGE, "", "", "dir/%d", nr++);
	while (rc == 0);
	assert_int_equal(rc, -DER_ADD_METRIC_FAILED);
	assert_int_equal(nr, 256);
	/* Histograms of metrics that come and go reuse their words. */
	for (int i = 0; i < 1000; i++) {
		assert_int_equal(telemetry_remove(w->tel, "dir/7"), 0);
		assert_int_equal(telemetry_add(w->tel, &metric, METRIC_STATS_GAUGE, "", "", "dir/7"), 0);
		assert_int_equal(telemetry_add_buckets(w->tel, metric, 8, 10, 2), 0);
		metric_sample(metric, 1);
		assert_int_equal(look(w, "dir/7")->buckets[0].count, 1);
	}
	assert_int_equal(telemetry_remove(w->tel, "dir"), 0);
	assert_int_equal(telemetry_add(w->tel, &metric, METRIC_COUNTER, "", "", "dir"), 0);
}

static void
no_memory_is_an_error_and_leaks_nothing(void **state)
{
	struct world *w = *state;
	struct telemetry *tel;
	int rc = -DER_NOMEM;
	uint64_t n;
	struct sim_mem_stats before, after;

	sim_mem_stats(w->sim, 0, &before);
	for (n = 1; rc != 0; n++) {
		sim_mem_fail(w->sim, 0, n, false);
		rc = telemetry_create(w->env, "/other", "x", 16, &tel);
		assert_true(rc == 0 || rc == -DER_NOMEM);
		if (rc == 0) {
			struct metric *metric;

			rc = telemetry_add(tel, &metric, TM_STARTED_AT);
			telemetry_destroy(tel, true);
		}
		sim_mem_stats(w->sim, 0, &after);
		assert_int_equal(before.blocks, after.blocks);
	}
	assert_true(n > 4);
}

/* ---- hostile files -------------------------------------------------------------------------------------------------------- */

static int
visit_any(void *arg, const struct telemetry_sample *sample)
{
	assert_true(strlen(sample->path) < TELEMETRY_PATH_MAX && sample->bucket_nr <= TELEMETRY_BUCKETS_MAX);
	assert_true(strlen(sample->description) < TELEMETRY_TEXT_MAX && strlen(sample->unit) < TELEMETRY_UNIT_MAX);
	assert_string_not_equal(metric_kind_name(sample->kind), "unknown");
	++*(int *)arg;
	return 0;
}

static void
a_damaged_file_is_refused_or_read_without_harm(void **state)
{
	struct world *w = *state;
	const struct env_file_ops *f = &w->env->ops->file;
	struct telemetry_reader *reader;
	struct metric *metric;
	int opened = 0, visited = 0;
	uint8_t *map, *good;
	struct rand rand;
	uint64_t size;

	for (int i = 0; i < 20; i++) {
		assert_int_equal(telemetry_add(w->tel, &metric, TM_OPS_LATENCY, "update", i), 0);
		assert_int_equal(telemetry_add_buckets(w->tel, metric, 4, 10, 2), 0);
		metric_sample(metric, 5);
	}
	assert_int_equal(f->stat(w->env, "/metrics", &size, NULL), 0);
	assert_int_equal(f->map(w->env, "/metrics", size, false, (void **)&map), 0);
	good = test_malloc(size);
	memcpy(good, map, size);
	rand_init(&rand, 1, 1);
	for (int round = 0; round < 3000; round++) {
		int flips = 1 + (int)rand_below(&rand, 20), rc;

		memcpy(map, good, size);
		while (flips-- > 0) {
			uint64_t at = rand_below(&rand, rand_below(&rand, 4) == 0 ? 128 : 4096 + 30 * 512);

			map[at] = rand_below(&rand, 2) == 0 ? (uint8_t)rand_u64(&rand) : 0xFF;
		}
		rc = telemetry_open(w->env, "/metrics", &reader);
		assert_true(rc == 0 || rc == -DER_DF_INVAL || rc == -DER_DF_INCOMPT);
		if (rc != 0)
			continue;
		opened++;
		assert_int_equal(telemetry_each(reader, visit_any, &visited), 0);
		telemetry_close(reader);
	}
	assert_true(opened > 100 && visited > 1000);
	/* A parent that is its own child. */
	memcpy(map, good, size);
	*(uint32_t *)(map + 4096 + 4) = 0;
	visited = 0;
	assert_int_equal(telemetry_each(w->reader, visit_any, &visited), 0);
	assert_int_equal(visited, 0);
	memcpy(map, good, size);
	f->unmap(w->env, map, size);
	test_free(good);
	assert_int_equal(f->write(w->env, "/short", "DASTELM1", 8, 0600), 0);
	assert_int_equal(telemetry_open(w->env, "/short", &reader), -DER_DF_INVAL);
	assert_int_equal(telemetry_open(w->env, "/none", &reader), -DER_NONEXIST);
}

static void
a_writer_that_died_in_the_middle_is_told(void **state)
{
	struct world *w = *state;
	struct metric *metric;
	char name[64];
	int32_t pid;
	uint64_t started;

	assert_int_equal(telemetry_add(w->tel, &metric, TM_OPS_LATENCY, "update", 1), 0);
	metric_sample(metric, 5);
	assert_false(look(w, "io/ops/update/latency/tgt_1")->torn);
	atomic_fetch_add(&metric->seq, 1);
	assert_true(look(w, "io/ops/update/latency/tgt_1")->torn);
	metric_sample(metric, 5);
	assert_false(look(w, "io/ops/update/latency/tgt_1")->torn);
	telemetry_destroy(w->tel, false);
	telemetry_source(w->reader, name, &pid, &started);
	assert_int_equal(pid, 0);
	telemetry_close(w->reader);
	assert_int_equal(telemetry_create(w->env, "/metrics", "engine_0", 256, &w->tel), 0);
	assert_int_equal(telemetry_open(w->env, "/metrics", &w->reader), 0);
	telemetry_source(w->reader, name, &pid, &started);
	assert_int_not_equal(pid, 0);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_written_is_read),
		TEST(what_is_not_there_costs_nothing),
		TEST(bad_paths_are_refused),
		TEST(a_histogram_counts_every_sample_once),
		TEST(the_tree_is_what_a_list_of_paths_would_be),
		TEST(a_full_table_says_so_and_frees_again),
		TEST(no_memory_is_an_error_and_leaks_nothing),
		TEST(a_damaged_file_is_refused_or_read_without_harm),
		TEST(a_writer_that_died_in_the_middle_is_told),
	};

	return cmocka_run_group_tests_name("telemetry", tests, NULL, NULL);
}
