/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vos_perf: operations a second of one target's store, one ULT, one core.
 *
 *   update   single values under new dkeys of one object; with an id, so that the answer is stored, and without
 *   over     the same dkeys again
 *   fetch    of single values, in another order than they were written
 *   4 KiB, 1 MiB  extents of one array a dkey
 *
 *   vos_perf [-c] [-d DIR] [-n keys]   without -d class ram; with it files in DIR, one wait for durability every 64
 *   updates;
 *                                      -c: processor time instead of time, where other programs share the machine
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "bio/bio.h"
#include "env_real/env_real.h"
#include "ult/ult.h"
#include "vos/vos.h"

struct perf {
	struct env *env;
	struct xs *xs;
	struct bio *bio;
	struct vos_xs *vx;
	struct vos_pool *pool;
	struct vos_cont *cont;
	const char *dir;
	clockid_t clock_id;
	uint64_t keys, clock, last_lsn;
};

static uint64_t
now_ns(const struct perf *perf)
{
	struct timespec ts;

	clock_gettime(perf->clock_id, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

static uint64_t
next_epoch(void *arg)
{
	return ++*(uint64_t *)arg;
}

static void
must(int rc, const char *what)
{
	if (rc == 0)
		return;
	fprintf(stderr, "vos_perf: %s: " RCF "\n", what, RCP(rc));
	exit(1);
}

static void
say(struct perf *perf, const char *what, uint64_t nr, uint64_t size, uint64_t ns)
{
	printf("%-28s %9lu ops %10.0f ops/s %8.0f ns/op %8.0f MiB/s\n", what, nr, (double)nr * 1e9 / (double)ns,
	       (double)ns / (double)nr, (double)nr * (double)size / MIB * 1e9 / (double)ns);
}

static void
update(struct perf *perf, uint64_t object, uint64_t number, bool array, const void *data, uint64_t size, bool id)
{
	char name[16];
	daos_key_t dkey = {.iov_buf = name, .iov_buf_len = 8, .iov_len = 8};
	struct vos_key key = {.cont = perf->cont, .oid = {.lo = object}, .dkey = &dkey};
	daos_recx_t recx = {.rx_nr = size};
	daos_iod_t iod = {.iod_name = {.iov_buf = (void *)"0", .iov_buf_len = 1, .iov_len = 1}, .iod_nr = 1};
	struct vos_dtx_id dtx = {.client = {1}, .hlc = ++perf->clock};
	struct vos_apply apply = {.cont = perf->cont,
				  .id = id ? &dtx : NULL,
				  .next_epoch = next_epoch,
				  .next_epoch_arg = &perf->clock,
				  .mode = VOS_COMMIT};
	struct bio_piece *pieces;
	struct vos_op *op;
	int nr;

	memcpy(name, &number, sizeof(number));
	iod.iod_type = array ? DAOS_IOD_ARRAY : DAOS_IOD_SINGLE;
	iod.iod_size = array ? 1 : size;
	iod.iod_recxs = array ? &recx : NULL;
	must(vos_update_begin(&key, 0, 1, &iod, NULL, &op), "vos_update_begin");
	pieces = bio_desc_pieces(vos_op_desc(op), 0, &nr);
	for (int i = 0; i < nr; i++)
		memcpy(pieces[i].buf, data, pieces[i].len);
	must(vos_apply(&apply, &op, 1), "vos_apply");
	perf->last_lsn = apply.lsn;
}

static void
fetch(struct perf *perf, uint64_t object, uint64_t number, bool array, uint64_t size)
{
	char name[16];
	daos_key_t dkey = {.iov_buf = name, .iov_buf_len = 8, .iov_len = 8};
	struct vos_key key = {.cont = perf->cont, .oid = {.lo = object}, .dkey = &dkey};
	daos_recx_t recx = {.rx_nr = size};
	daos_iod_t iod = {.iod_name = {.iov_buf = (void *)"0", .iov_buf_len = 1, .iov_len = 1}, .iod_nr = 1};
	struct vos_when when = {.epoch = perf->clock};
	struct vos_read *read;
	uint64_t got = 0;
	int nr;

	memcpy(name, &number, sizeof(number));
	iod.iod_type = array ? DAOS_IOD_ARRAY : DAOS_IOD_SINGLE;
	iod.iod_recxs = array ? &recx : NULL;
	must(vos_fetch_begin(&key, &when, 0, 1, &iod, &read), "vos_fetch_begin");
	must(vos_read_prepare(read), "vos_read_prepare");
	struct bio_piece *pieces = bio_desc_pieces(vos_read_desc(read), 0, &nr);
	for (int i = 0; i < nr; i++)
		got += pieces[i].len;
	must(got == size ? 0 : -DER_IO, "bytes of a fetch");
	vos_fetch_end(read);
}

/* Numbers 0..nr-1 in an order that no cache foresees. */
static uint64_t
scatter(uint64_t i, uint64_t nr)
{
	return i * 0x9e3779b97f4a7c15ULL % nr;
}

static void
run_updates(struct perf *perf, const char *what, uint64_t object, uint64_t nr, bool array, uint64_t size, bool id)
{
	char *data = malloc(size);
	uint64_t begin;

	memset(data, 'x', size);
	begin = now_ns(perf);
	for (uint64_t i = 0; i < nr; i++) {
		update(perf, object, i, array, data, size, id);
		if (perf->dir != NULL && i % 64 == 63)
			must(vos_wait(perf->pool, perf->last_lsn), "vos_wait");
	}
	must(vos_wait(perf->pool, perf->last_lsn), "vos_wait");
	say(perf, what, nr, size, now_ns(perf) - begin);
	free(data);
}

static void
run_fetches(struct perf *perf, const char *what, uint64_t object, uint64_t keys, uint64_t nr, bool array, uint64_t size)
{
	uint64_t begin = now_ns(perf);

	for (uint64_t i = 0; i < nr; i++)
		fetch(perf, object, scatter(i, keys), array, size);
	say(perf, what, nr, size, now_ns(perf) - begin);
}

static void
up(struct perf *perf)
{
	struct bio_dev_config dev = {.path = perf->dir};
	struct vos_xs_config config = {.env = perf->env, .xs = perf->xs};
	struct vos_pool_config pool = {
		.uuid = {1}, .ram = perf->dir == NULL, .meta_size = 2 * GIB, .wal_size = 256 * MIB, .data_size = GIB};
	uuid_t cont = {2};

	if (perf->dir != NULL)
		must(bio_open(perf->env, &dev, 1, true, &perf->bio), "bio_open");
	config.bio = perf->bio;
	must(vos_xs_create(&config, &perf->vx), "vos_xs_create");
	must(vos_pool_create(perf->vx, &pool), "vos_pool_create");
	must(vos_pool_open(perf->vx, pool.uuid, &perf->pool), "vos_pool_open");
	must(vos_cont_create(perf->pool, cont, NULL), "vos_cont_create");
	must(vos_cont_open(perf->pool, cont, &perf->cont), "vos_cont_open");
}

static void
down(struct perf *perf)
{
	uuid_t pool = {1};

	vos_cont_close(perf->cont);
	vos_pool_close(perf->pool);
	must(vos_pool_destroy(perf->vx, pool), "vos_pool_destroy");
	vos_xs_destroy(perf->vx);
	if (perf->bio != NULL)
		bio_close(perf->bio);
}

static void
play(void *arg)
{
	struct perf *perf = arg;
	struct vos_pool_info before, after;
	uint64_t n = perf->keys;

	up(perf);
	vos_pool_query(perf->pool, &before);
	run_updates(perf, "update 64 B, new dkeys", 1, n, false, 64, false);
	vos_pool_query(perf->pool, &after);
	printf("%-28s %.1f bytes a key\n", "heap", (double)(before.meta_free - after.meta_free) / (double)n);
	run_updates(perf, "update 64 B, new, stored id", 2, n, false, 64, true);
	run_fetches(perf, "fetch 64 B", 1, n, 2 * n, false, 64);
	run_updates(perf, "update 64 B, over", 2, n / 4, false, 64, false);
	run_fetches(perf, "fetch 64 B, two versions", 2, n / 4, n, false, 64);
	run_updates(perf, "update 4 KiB", 3, n / 16, true, 4 * KIB, false);
	run_fetches(perf, "fetch 4 KiB", 3, n / 16, n / 4, true, 4 * KIB);
	run_updates(perf, "update 1 MiB", 4, 256, true, MIB, false);
	run_fetches(perf, "fetch 1 MiB", 4, 256, 1024, true, MIB);
	down(perf);
	xs_stop(perf->xs);
}

int
main(int argc, char **argv)
{
	struct perf perf = {.keys = 1000000, .clock_id = CLOCK_MONOTONIC};
	struct xs_config config = {.name = "vos_perf"};
	int c;

	while ((c = getopt(argc, argv, "cd:n:")) != -1) {
		if (c == 'c')
			perf.clock_id = CLOCK_PROCESS_CPUTIME_ID;
		else if (c == 'd')
			perf.dir = optarg;
		else if (c == 'n')
			perf.keys = strtoull(optarg, NULL, 0);
		else
			return 2;
	}
	must(env_real_create(NULL, &perf.env), "env_real_create");
	config.env = perf.env;
	must(xs_create(&config, &perf.xs), "xs_create");
	must(ult_spawn(perf.xs, ULT_IO, "play", play, &perf, NULL), "ult_spawn");
	xs_run(perf.xs);
	xs_destroy(perf.xs);
	env_real_destroy(perf.env);
	return 0;
}
