/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rocksdb_put: synchronous puts of random keys (16 bytes) from some threads, in a database of its own. Prints puts a second.
 *
 *   rocksdb_put DIRECTORY THREADS SIZE SECONDS       (the directory is made, and emptied at the end)
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <rocksdb/c.h>

#define THREADS_MAX 256

struct worker {
	rocksdb_t *db;
	size_t size;
	uint64_t seed, count;
	double end;
	pthread_t thread;
};

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void
must(const char *error)
{
	if (error == NULL)
		return;
	fprintf(stderr, "rocksdb: %s\n", error);
	exit(1);
}

static uint64_t
dice(uint64_t *seed)
{
	uint64_t z = *seed += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

static void *
work(void *arg)
{
	struct worker *worker = arg;
	rocksdb_writeoptions_t *options = rocksdb_writeoptions_create();
	char *value = malloc(worker->size), *error = NULL;
	uint64_t key[2];

	memset(value, 'v', worker->size);
	rocksdb_writeoptions_set_sync(options, 1);
	while (now() < worker->end) {
		key[0] = dice(&worker->seed);
		key[1] = dice(&worker->seed);
		rocksdb_put(worker->db, options, (char *)key, sizeof(key), value, worker->size, &error);
		must(error);
		worker->count++;
	}
	free(value);
	rocksdb_writeoptions_destroy(options);
	return NULL;
}

int
main(int argc, char **argv)
{
	static struct worker workers[THREADS_MAX];
	rocksdb_options_t *options = rocksdb_options_create();
	uint64_t count = 0;
	char *error = NULL;
	rocksdb_t *db;
	double begin;
	int nr;

	if (argc != 5 || (nr = atoi(argv[2])) < 1 || nr > THREADS_MAX) {
		fprintf(stderr, "usage: rocksdb_put DIRECTORY THREADS SIZE SECONDS\n");
		return 2;
	}
	rocksdb_options_set_create_if_missing(options, 1);
	db = rocksdb_open(options, argv[1], &error);
	must(error);
	begin = now();
	for (int i = 0; i < nr; i++) {
		workers[i] = (struct worker){.db = db, .size = (size_t)atol(argv[3]), .end = begin + atof(argv[4]),
					     .seed = (uint64_t)(begin * 1e9) + (uint64_t)i * 0x1234567};
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
			must("pthread_create");
	}
	for (int i = 0; i < nr; i++) {
		pthread_join(workers[i].thread, NULL);
		count += workers[i].count;
	}
	printf("%.1f\n", (double)count / (now() - begin));
	rocksdb_close(db);
	rocksdb_destroy_db(options, argv[1], &error);
	must(error);
	rocksdb_options_destroy(options);
	return 0;
}
