/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nanoseconds per operation on a tree of a million extents in plain memory, for the ways arrays are written:
 *	evtree_bench [extents]
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "base/mem_test.h"
#include "base/rand.h"
#include "evtree/evtree.h"

enum pattern { APPEND, OVERWRITE_ONE, OVERWRITE_RANDOM, RANDOM_SIZES, DESCENDING_TIME };

static const char *const names[] = {
	[APPEND] = "appended 4 KiB extents",
	[OVERWRITE_ONE] = "one extent overwritten",
	[OVERWRITE_RANDOM] = "random 4 KiB overwrites of 1/10 the range",
	[RANDOM_SIZES] = "random sizes, overlapping",
	[DESCENDING_TIME] = "appended, overlapping by half, oldest last",
};

struct bench {
	struct umem *heap;
	struct evtree tree;
	struct rand rand;
	enum pattern pattern;
	uint32_t nr, from, to;
	uint64_t length, pieces;
	bool newest;
};

static uint64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

static void
make(struct bench *bench, uint32_t i, struct evtree_extent *extent)
{
	extent->data = (struct evtree_data){.media = 1, .addr = (uint64_t)i * 4096};
	extent->when = (struct evtree_when){.epoch = i + 1};
	extent->lo = (uint64_t)i * 4096;
	extent->hi = extent->lo + 4095;
	switch (bench->pattern) {
	case APPEND:
		break;
	case OVERWRITE_ONE:
		extent->lo = 0;
		extent->hi = 4095;
		break;
	case OVERWRITE_RANDOM:
		extent->lo = rand_below(&bench->rand, bench->nr / 10 + 1) * 4096;
		extent->hi = extent->lo + 4095;
		break;
	case RANDOM_SIZES:
		extent->lo = rand_below(&bench->rand, (uint64_t)bench->nr * 256);
		extent->hi = extent->lo + (1ULL << rand_below(&bench->rand, 20));
		break;
	case DESCENDING_TIME:
		extent->hi = extent->lo + 8191;
		extent->when.epoch = bench->nr - i;
		break;
	}
}

static int
body_insert(struct umem *heap, void *arg)
{
	struct bench *bench = arg;
	struct evtree_extent extent;
	int rc = 0;

	for (uint32_t i = bench->from; i < bench->to && rc >= 0; i++) {
		make(bench, i, &extent);
		rc = evtree_insert(&bench->tree, &extent, 1, NULL);
	}
	return rc < 0 ? rc : 0;
}

static int
found(void *arg, const struct evtree_piece *piece)
{
	struct bench *bench = arg;

	bench->pieces++;
	return 0;
}

static int
body_find(struct umem *heap, void *arg)
{
	struct bench *bench = arg;
	struct evtree_extent extent;
	struct evtree_when when = {.epoch = UINT64_MAX};
	int rc = 0;

	for (uint32_t i = bench->from; i < bench->to && rc == 0; i++) {
		make(bench, (uint32_t)rand_below(&bench->rand, bench->nr), &extent);
		if (!bench->newest)
			when.epoch = 1 + rand_below(&bench->rand, bench->nr);
		rc = evtree_find(&bench->tree, extent.lo, extent.lo + bench->length - 1, when, found, bench);
	}
	return rc;
}

static int
drop(void *arg, const struct evtree_extent *extent)
{
	return 0;
}

static int
body_drain(struct umem *heap, void *arg)
{
	struct bench *bench = arg;
	uint32_t credits = 1000;
	int rc = evtree_drain(&bench->tree, &credits, drop, NULL);

	bench->to = rc == 0;
	return rc < 0 ? rc : 0;
}

static void
measure(struct bench *bench, const char *what, umem_body body, bool write, uint32_t nr, uint32_t batch)
{
	uint64_t start = now_ns(), ns;
	int rc = 0;

	bench->pieces = 0;
	for (uint32_t i = 0; i < nr && rc == 0; i += batch) {
		bench->from = i;
		bench->to = MIN(i + batch, nr);
		rc = write ? umem_write(bench->heap, 0, body, bench, NULL) : umem_read(bench->heap, body, bench);
	}
	ns = now_ns() - start;
	printf("  %-36s %8.0f ns", what, (double)ns / nr);
	if (bench->pieces > 0)
		printf(", %6.1f pieces, %6.0f ns each", (double)bench->pieces / nr, (double)ns / (double)bench->pieces);
	printf("%s\n", rc != 0 ? "  FAILED" : "");
	fflush(stdout);
}

static void
run(struct bench *bench, enum pattern pattern)
{
	struct umem_space before, after;
	uint64_t start;

	rand_init(&bench->rand, 1, 0);
	bench->pattern = pattern;
	printf("%s:\n", names[pattern]);
	umem_space(bench->heap, &before);
	measure(bench, "insert, 1 a transaction", body_insert, true, bench->nr, 1);
	umem_space(bench->heap, &after);
	printf("  %-36s %8.1f bytes an extent\n", "space", (double)(after.used - before.used) / bench->nr);
	bench->newest = true;
	bench->length = 4096;
	measure(bench, "find 4 KiB, newest", body_find, false, 100000, 100);
	bench->length = MIB;
	measure(bench, "find 1 MiB, newest", body_find, false, 1000, 10);
	bench->newest = false;
	bench->length = 4096;
	measure(bench, "find 4 KiB, random snapshot", body_find, false, 10000, 10);
	start = now_ns();
	do {
		bench->to = 1;
		if (umem_write(bench->heap, 0, body_drain, bench, NULL) != 0)
			printf("  drain FAILED\n");
	} while (bench->to == 0);
	printf("  %-36s %8.0f ns an extent\n", "drain, 1000 a transaction", (double)(now_ns() - start) / bench->nr);
}

int
main(int argc, char **argv)
{
	uint32_t nr = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 1000000;
	struct bench bench = {.nr = nr};
	struct mem_test mem;
	struct env env = {.mem = &mem.mem};
	struct umem_config config = {.env = &env, .heap_size = 64 * MIB + (uint64_t)nr * 256, .name = "bench"};

	mem_test_init(&mem);
	if (nr == 0 || umem_open(&config, &bench.heap) != 0)
		return 1;
	bench.tree = (struct evtree){.heap = bench.heap, .root = umem_root(bench.heap)};
	for (int pattern = APPEND; pattern <= DESCENDING_TIME; pattern++)
		run(&bench, (enum pattern)pattern);
	umem_close(bench.heap);
	return 0;
}
