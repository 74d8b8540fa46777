/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A simulated host with one stream, a device and a heap on it, for the tests of umem. A play runs in a ULT until it returns
 * or the host dies; stage_up and stage_down are for its use.
 */
#ifndef UMEM_TEST_STAGE_H
#define UMEM_TEST_STAGE_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#ifndef STAGE_PLAIN
#include <cmocka.h>
#endif
#include <stdio.h>
#include <stdlib.h>
#include "base/base.h"
#include "base/rand.h"
#include "bio/bio.h"
#include "env_sim/env_sim.h"
#include "ult/ult.h"
#include "umem/umem.h"

#ifdef STAGE_PLAIN /* outside of cmocka: for fuzz targets */
#define assert_int_equal(a, b) ASSERT((a) == (b))
#define fail_msg(...) ASSERT(false)
#endif

struct stage {
	struct sim *sim;
	struct env *env;
	struct xs *xs;
	struct env_thread *thread;
	bool done;
	void (*play)(struct stage *stage);
	void *arg;
	/* set by who wants other values, before stage_up */
	uint64_t heap_size, wal_size, meta_size;
	uint64_t budget, checkpoint_ns;
	uint32_t wal_percent;
	/* of the present life */
	struct bio *bio;
	struct bio_blob *meta, *wal;
	struct umem_config config;
	struct umem *heap;
};

#define STAGE_META "/store/01010000-0000-0000-0000-000000000000/vos-0.meta"
#define STAGE_WAL "/store/01010000-0000-0000-0000-000000000000/vos-0.wal"

static inline void
stage_open(struct stage *stage, uint64_t seed, const struct sim_options *given)
{
	struct sim_options options;

	sim_options_init(&options);
	if (given != NULL)
		options = *given;
	options.log_level = getenv("STAGE_LOG") != NULL ? (uint64_t)atoi(getenv("STAGE_LOG")) : 6;
	memset(stage, 0, sizeof(*stage));
	stage->sim = sim_create(seed, &options);
	stage->env = sim_env(stage->sim, 0);
	stage->heap_size = 8 * MIB;
	stage->wal_size = UMEM_WAL_MIN;
}

static inline void
stage__ult(void *arg)
{
	struct stage *stage = arg;

	stage->play(stage);
	stage->done = true;
	xs_stop(stage->xs);
}

static inline bool
stage__over(void *arg)
{
	struct stage *stage = arg;

	return stage->done || sim_env(stage->sim, 0) == NULL;
}

static inline void
stage__say(void *arg, const char *line)
{
	fprintf(stderr, "%s\n", line);
}

/* True when play came to its end, false when the host died under it (then stage_revive). */
static inline bool
stage_play(struct stage *stage, void (*play)(struct stage *stage), void *arg)
{
	struct xs_config config = { .env = stage->env, .name = "stage" };

	stage->play = play;
	stage->arg = arg;
	stage->done = false;
	assert_int_equal(xs_create(&config, &stage->xs), 0);
	assert_int_equal(ult_spawn(stage->xs, ULT_IO, "play", stage__ult, stage, NULL), 0);
	assert_int_equal(xs_start(stage->xs, NULL, &stage->thread), 0);
	if (sim_run(stage->sim, ENV_FOREVER, stage__over, stage) != 0) {
		sim_trace_tail(stage->sim, stage__say, NULL);
		fail_msg("the stage stands still");
	}
	if (!stage->done)
		return false;
	stage->env->ops->host.thread_join(stage->thread);
	xs_destroy(stage->xs);
	return true;
}

static inline void
stage_revive(struct stage *stage)
{
	stage->env = sim_node_restart(stage->sim, 0);
	stage->bio = NULL;
	stage->meta = stage->wal = NULL;
	stage->heap = NULL;
}

static inline void
stage_close(struct stage *stage)
{
	struct sim_mem_stats stats;

	sim_mem_stats(stage->sim, 0, &stats);
	assert_int_equal(stats.blocks, 0);
	assert_int_equal(stats.handles, 0);
	sim_destroy(stage->sim);
}

/* ---- within a play ----------------------------------------------------------------------------------------------------- */

static inline int
stage_blobs(struct stage *stage, bool create)
{
	struct bio_dev_config dev = { .path = "/store" };
	struct bio_blob_id meta = { .pool = { 1, 1 }, .kind = BIO_META }, wal = { .pool = { 1, 1 }, .kind = BIO_WAL };
	uint64_t meta_size = stage->meta_size != 0 ? stage->meta_size : umem_meta_size(stage->heap_size);
	int rc = bio_open(stage->env, &dev, 1, create, &stage->bio);

	if (rc != 0)
		stage->bio = NULL;
	if (rc == 0 && create)
		rc = bio_blob_create(stage->bio, &meta, meta_size);
	if (rc == 0 && create)
		rc = bio_blob_create(stage->bio, &wal, stage->wal_size);
	if (rc == 0)
		rc = bio_blob_open(stage->bio, &meta, stage->xs, &stage->meta);
	if (rc == 0)
		rc = bio_blob_open(stage->bio, &wal, stage->xs, &stage->wal);
	stage->config = (struct umem_config){
		.env = stage->env,
		.xs = stage->xs,
		.meta = stage->meta,
		.wal = stage->wal,
		.heap_size = stage->heap_size,
		.dram_budget = stage->budget,
		.checkpoint_ns = stage->checkpoint_ns,
		.checkpoint_wal_percent = stage->wal_percent,
		.uuid = { 1, 1 },
		.name = "stage",
	};
	return rc;
}

/* Opens, or with create makes, device, blobs and heap. What is open on an error stage_down closes. */
static inline int
stage_up(struct stage *stage, bool create)
{
	int rc = stage_blobs(stage, create);

	if (rc == 0 && create)
		rc = umem_format(&stage->config);
	if (rc == 0)
		rc = umem_open(&stage->config, &stage->heap);
	if (rc != 0)
		stage->heap = NULL;
	return rc;
}

static inline void
stage_down(struct stage *stage)
{
	if (stage->heap != NULL)
		umem_close(stage->heap);
	if (stage->meta != NULL)
		bio_blob_close(stage->meta);
	if (stage->wal != NULL)
		bio_blob_close(stage->wal);
	if (stage->bio != NULL)
		bio_close(stage->bio);
	stage->heap = NULL;
	stage->meta = stage->wal = NULL;
	stage->bio = NULL;
}

#endif
