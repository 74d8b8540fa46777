/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nanoseconds per operation on a tree of a million keys in plain memory:
 *	btree_bench [keys]
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "base/mem_test.h"
#include "base/rand.h"
#include "btree/btree.h"

struct bench {
	struct umem *heap;
	struct btree_registry registry;
	struct btree tree;
	uint64_t *keys;
	uint32_t from, to, cls;
	uint64_t sum;
};

static const struct btree_class integer = {.features = BTREE_INTEGER, .hkey_size = 8};
static const struct btree_class hashed = {.features = BTREE_HASHED, .hkey_size = 16};

static uint64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

static int
body_create(struct umem *heap, void *arg)
{
	struct bench *bench = arg;

	return btree_create(&bench->tree, bench->cls, 0);
}

static int
body_insert(struct umem *heap, void *arg)
{
	struct bench *bench = arg;
	int rc = 0;

	for (uint32_t i = bench->from; i < bench->to && rc == 0; i++)
		rc = btree_insert(&bench->tree, &bench->keys[i], 8, i, NULL);
	return rc;
}

static int
body_find(struct umem *heap, void *arg)
{
	struct bench *bench = arg;
	uint64_t value = 0;
	int rc = 0;

	for (uint32_t i = bench->from; i < bench->to && rc == 0; i++) {
		rc = btree_find(&bench->tree, &bench->keys[i], 8, &value);
		bench->sum += value;
	}
	return rc;
}

static int
body_scan(struct umem *heap, void *arg)
{
	struct bench *bench = arg;
	struct btree_cursor cursor;
	int rc;

	for (rc = btree_seek(&bench->tree, BTREE_FIRST, NULL, 0, &cursor); rc == 0; rc = btree_next(&cursor))
		bench->sum += btree_value(&cursor);
	return rc == -DER_NONEXIST ? 0 : rc;
}

static int
body_remove(struct umem *heap, void *arg)
{
	struct bench *bench = arg;
	int rc = 0;

	for (uint32_t i = bench->from; i < bench->to && rc == 0; i++)
		rc = btree_remove(&bench->tree, &bench->keys[i], 8, NULL);
	return rc;
}

static void
shuffle(struct bench *bench, uint32_t nr, struct rand *rand)
{
	for (uint32_t i = nr - 1; i > 0; i--) {
		uint32_t j = (uint32_t)rand_below(rand, i + 1);
		uint64_t key = bench->keys[i];

		bench->keys[i] = bench->keys[j];
		bench->keys[j] = key;
	}
}

static void
measure(struct bench *bench, const char *what, umem_body body, bool write, uint32_t nr, uint32_t batch)
{
	uint64_t start = now_ns();
	int rc = 0;

	for (uint32_t i = 0; i < nr && rc == 0; i += batch) {
		bench->from = i;
		bench->to = MIN(i + batch, nr);
		rc = write ? umem_write(bench->heap, 0, body, bench, NULL) : umem_read(bench->heap, body, bench);
	}
	printf("  %-28s %7.0f ns/key%s\n", what, (double)(now_ns() - start) / nr, rc != 0 ? "  FAILED" : "");
}

static void
run(struct bench *bench, uint32_t cls, bool ordered, uint32_t nr, struct rand *rand)
{
	struct umem_space before, after;

	bench->cls = cls;
	for (uint32_t i = 0; i < nr; i++)
		bench->keys[i] = i;
	if (!ordered)
		shuffle(bench, nr, rand);
	printf("%s keys, %s:\n", cls == 1 ? "integer" : "hashed", ordered ? "ascending" : "shuffled");
	bench->tree.root = umem_root(bench->heap) + cls * 128 + (ordered ? 64 : 0);
	umem_write(bench->heap, 0, body_create, bench, NULL);
	umem_space(bench->heap, &before);
	measure(bench, "insert, 1 a transaction", body_insert, true, nr, 1);
	umem_space(bench->heap, &after);
	printf("  %-28s %7.1f bytes/key\n", "space", (double)(after.used - before.used) / nr);
	if (!ordered)
		shuffle(bench, nr, rand);
	measure(bench, "find", body_find, false, nr, 1000);
	measure(bench, "scan", body_scan, false, nr, nr);
	measure(bench, "remove, 100 a transaction", body_remove, true, nr, 100);
}

int
main(int argc, char **argv)
{
	uint32_t nr = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 1000000;
	struct bench bench = {.sum = 0};
	struct mem_test mem;
	struct env env = {.mem = &mem.mem};
	struct umem_config config = {.env = &env, .heap_size = 512 * MIB + (uint64_t)nr * 128, .name = "bench"};
	struct rand rand;

	mem_test_init(&mem);
	rand_init(&rand, 1, 0);
	if (umem_open(&config, &bench.heap) != 0)
		return 1;
	bench.tree = (struct btree){.heap = bench.heap, .registry = &bench.registry};
	bench.keys = calloc(nr, sizeof(*bench.keys));
	btree_register(&bench.registry, 1, &integer);
	btree_register(&bench.registry, 2, &hashed);
	run(&bench, 1, true, nr, &rand);
	run(&bench, 1, false, nr, &rand);
	run(&bench, 2, false, nr, &rand);
	umem_close(bench.heap);
	free(bench.keys);
	return bench.sum == 0;
}
