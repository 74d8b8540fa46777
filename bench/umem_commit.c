/* SPDX-License-Identifier: Apache-2.0 */
/*
 * umem_commit: durable transactions a second with 1 and 64 committers, against the bare machine: one 4 KiB block after the
 * other written to a prewritten file with O_DIRECT and RWF_DSYNC, one at a time and 64 at a time. And what a transaction
 * costs without a disk (class ram).
 *
 * Both sides of a comparison run alternately in the same minute; a row is the median of its rounds, and the last column is
 * what counts: ours / bare.
 *
 *   umem_commit DIRECTORY [rounds [seconds per round]]        (DIRECTORY on the disk in question; left empty)
 */
#include <stdio.h>
#include <stdlib.h>
#include "bio/bio.h"
#include "env_real/env_real.h"
#include "ult/ult.h"
#include "umem/umem.h"
#include "report.h"

#define HEAP (64 * MIB)
#define LOG (64 * MIB)
#define RECORDS 4096
#define RECORD 256
#define ROUNDS_MAX 32

struct bench {
	struct env *env;
	struct xs *xs;
	struct bio *bio;
	struct bio_blob *meta, *wal, *bare;
	struct umem *heap;
	uint64_t seconds, deadline, done, turn;
	uint32_t running;
	char *block;
	int rounds, rc;
	umem_off_t records[RECORDS];
	bool finished;
};

static int
body_setup(struct umem *heap, void *arg)
{
	struct bench *b = arg;

	for (uint32_t i = 0; i < 64; i++) {
		b->records[b->turn] = umem_alloc(heap, RECORD);
		if (b->records[b->turn++] == UMEM_NULL)
			return -DER_NOSPACE;
	}
	return 0;
}

/* What a small update does: a few words of two records, and one record replaced. */
static int
body_update(struct umem *heap, void *arg)
{
	struct bench *b = arg;
	uint64_t a = b->turn * 7 % RECORDS, c = b->turn * 13 % RECORDS;
	umem_off_t fresh;

	*(uint64_t *)umem_touch(heap, b->records[a] + 16, 8) = b->turn;
	memset(umem_touch(heap, b->records[c] + 64, 64), (int)b->turn, 64);
	umem_free(heap, b->records[a]);
	fresh = umem_alloc(heap, RECORD);
	if (fresh == UMEM_NULL)
		return -DER_NOSPACE;
	memset(umem_at(heap, fresh), (int)b->turn, 100);
	b->records[a] = fresh;
	b->turn++;
	return 0;
}

static void
committer(void *arg)
{
	struct bench *b = arg;
	uint64_t lsn = 0;
	int rc = 0;

	while (rc == 0 && env_mono(b->env) < b->deadline) {
		rc = umem_write(b->heap, 0, body_update, b, &lsn);
		if (rc == 0)
			rc = umem_wait(b->heap, lsn);
		b->done++;
	}
	b->rc = rc != 0 ? rc : b->rc;
	b->running--;
}

static void
appender(void *arg)
{
	struct bench *b = arg;
	struct iovec iov = { b->block, BIO_BLOCK };
	int rc = 0;

	while (rc == 0 && env_mono(b->env) < b->deadline)
		rc = bio_write(b->bare, b->done++ * BIO_BLOCK % bio_blob_size(b->bare), &iov, 1, true);
	b->rc = rc != 0 ? rc : b->rc;
	b->running--;
}

static double
run(struct bench *b, uint32_t nr, void (*work)(void *arg))
{
	uint64_t start = env_mono(b->env);

	b->done = 0;
	b->running = nr;
	b->deadline = start + b->seconds * NS_PER_S;
	for (uint32_t i = 0; i < nr; i++)
		if (ult_spawn(b->xs, ULT_IO, "bench", work, b, NULL) != 0)
			b->running--;
	while (b->running != 0)
		ult_sleep(NS_PER_MS);
	return (double)b->done * 1e9 / (double)(env_mono(b->env) - start);
}

static void
compare(struct bench *b, uint32_t nr)
{
	double ours[ROUNDS_MAX], bare[ROUNDS_MAX];
	char name[64];

	for (int i = 0; i < b->rounds; i++) {
		bare[i] = run(b, nr, appender);
		ours[i] = run(b, nr, committer);
	}
	snprintf(name, sizeof(name), "umem commits/s, %u at once; 4 KiB DSYNC", nr);
	report_figure(name, report_median(ours, b->rounds), report_median(bare, b->rounds), REPORT_NONE, 0);
}

static int
open_heap(struct bench *b, bool ram)
{
	struct umem_config config = { .env = b->env, .xs = b->xs, .heap_size = HEAP, .name = "bench",
				      .meta = ram ? NULL : b->meta, .wal = ram ? NULL : b->wal };
	int rc = umem_format(&config);

	if (rc == 0)
		rc = umem_open(&config, &b->heap);
	b->turn = 0;
	while (rc == 0 && b->turn < RECORDS)
		rc = umem_write(b->heap, 0, body_setup, b, NULL);
	b->turn = 0;
	return rc;
}

static void
in_memory(struct bench *b)
{
	uint64_t start, end, nr = 2000000;

	if (open_heap(b, true) != 0)
		return;
	start = env_mono(b->env);
	for (uint64_t i = 0; i < nr; i++)
		b->rc = umem_write(b->heap, 0, body_update, b, NULL);
	end = env_mono(b->env);
	report_figure("umem without a disk: ns a transaction", (double)(end - start) / (double)nr, 0, REPORT_NONE, 0);
	umem_close(b->heap);
}

static void
bench(void *arg)
{
	struct bench *b = arg;
	struct bio_blob_id id[3] = {{ .kind = BIO_META }, { .kind = BIO_WAL }, { .kind = BIO_WAL, .tgt = 1 }};
	struct bio_blob **blob[3] = { &b->meta, &b->wal, &b->bare };
	uint64_t size[3] = { umem_meta_size(HEAP), LOG, LOG };
	int rc = 0;

	for (int i = 0; i < 3 && rc == 0; i++) {
		rc = bio_blob_create(b->bio, &id[i], size[i]);
		if (rc == 0)
			rc = bio_blob_open(b->bio, &id[i], b->xs, blob[i]);
	}
	if (rc == 0)
		rc = open_heap(b, false);
	if (rc == 0) {
		compare(b, 1);
		compare(b, 64);
		umem_close(b->heap);
		in_memory(b);
	}
	for (int i = 0; i < 3; i++) {
		if (*blob[i] != NULL)
			bio_blob_close(*blob[i]);
		bio_blob_destroy(b->bio, &id[i]);
	}
	b->rc = rc != 0 ? rc : b->rc;
	b->finished = true;
}

int
main(int argc, char **argv)
{
	struct bench *b = calloc(1, sizeof(*b));
	struct bio_dev_config dev = { .path = argc > 1 ? argv[1] : "." };
	struct xs_config xs = { .name = "bench" };
	int rc;

	if (argc < 2) {
		fprintf(stderr, "umem_commit DIRECTORY [rounds [seconds]]\n");
		return 2;
	}
	b->rounds = argc > 2 ? MIN(atoi(argv[2]), ROUNDS_MAX) : 5;
	b->seconds = argc > 3 ? (uint64_t)atoi(argv[3]) : 1;
	b->block = aligned_alloc(BIO_BLOCK, BIO_BLOCK);
	memset(b->block, 1, BIO_BLOCK);
	rc = env_real_create(NULL, &b->env);
	if (rc == 0)
		rc = bio_open(b->env, &dev, 1, true, &b->bio);
	xs.env = b->env;
	if (rc == 0)
		rc = xs_create(&xs, &b->xs);
	if (rc == 0)
		rc = ult_spawn(b->xs, ULT_IO, "bench", bench, b, NULL);
	if (rc == 0)
		xs_run_until(b->xs, &b->finished, ENV_FOREVER);
	if (rc != 0 || b->rc != 0)
		fprintf(stderr, "umem_commit: " RCF "\n", RCP(rc != 0 ? rc : b->rc));
	return rc != 0 || b->rc != 0;
}
