/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A simulated host with one stream, a device and a pool with a container on it, for the tests of vos. A play runs in a
 * ULT until it returns or the host dies; stage_up and stage_down, and the short spellings of vos calls, are for its
 * use.
 */
#ifndef VOS_TEST_STAGE_H
#define VOS_TEST_STAGE_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/base.h"
#ifndef STAGE_BARE
#include <cmocka.h>
#else /* a fuzz target: no test framework, a failure ends the process */
#define assert_true(c) ASSERT(c)
#define assert_false(c) ASSERT(!(c))
#define assert_non_null(c) ASSERT((c) != NULL)
#define assert_int_equal(a, b) ASSERT((uint64_t)(int64_t)(a) == (uint64_t)(int64_t)(b))
#define assert_memory_equal(a, b, len) ASSERT(memcmp(a, b, len) == 0)
#define _assert_string_equal(a, b, file, line) ASSERT(strcmp(a, b) == 0)
#define fail_msg(...) assert_fail("fail", __FILE__, __LINE__, __func__, NULL)
#endif
#include "base/hash64.h"
#include "base/rand.h"
#include "bio/bio.h"
#include "env_sim/env_sim.h"
#include "ult/ult.h"
#include "vos/vos.h"

#define STAGE_POOL {1, 2, 3}
#define STAGE_CONT {4, 5, 6}
#define STAGE_DIR "/store/01020300-0000-0000-0000-000000000000/vos-0"

struct stage {
	struct sim *sim;
	struct env *env;
	struct xs *xs;
	struct env_thread *thread;
	bool done;
	void (*play)(struct stage *stage);
	void *arg;
	/* set by who wants other values, before stage_up */
	bool ram;
	uint64_t meta_size, wal_size, data_size;
	uint64_t first_epoch, retention_ns, heap_budget;
	/* of the present life */
	struct bio *bio;
	struct vos_xs *vx;
	struct vos_pool *pool;
	struct vos_cont *cont;
};

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
	stage->meta_size = 20 * MIB;
	stage->wal_size = 4 * MIB;
	stage->data_size = 16 * MIB;
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
	struct xs_config config = {.env = stage->env, .name = "stage"};

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
	stage->vx = NULL;
	stage->pool = NULL;
	stage->cont = NULL;
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

/* One play on a calm stage. */
static inline void
stage_run(void (*play)(struct stage *stage), bool ram)
{
	struct stage stage;

	stage_open(&stage, 1, NULL);
	stage.ram = ram;
	assert_true(stage_play(&stage, play, NULL));
	stage_close(&stage);
}

/* ---- within a play ----------------------------------------------------------------------------------------------- */
static inline int
stage_xs(struct stage *stage, bool create)
{
	struct bio_dev_config dev = {.path = "/store"};
	struct vos_xs_config config = {.env = stage->env,
				       .xs = stage->xs,
				       .first_epoch = stage->first_epoch,
				       .retention_ns = stage->retention_ns,
				       .heap_budget = stage->heap_budget,
				       .object_cache = 64};
	int rc = stage->ram ? 0 : bio_open(stage->env, &dev, 1, create, &stage->bio);

	config.bio = stage->bio;
	return rc == 0 ? vos_xs_create(&config, &stage->vx) : rc;
}

static inline int
stage_up(struct stage *stage, bool create)
{
	struct vos_pool_config config = {.uuid = STAGE_POOL, .ram = stage->ram, .meta_size = stage->meta_size,
					 .wal_size = stage->wal_size, .data_size = stage->data_size};
	uuid_t cont = STAGE_CONT;
	uint64_t lsn = 0;
	int rc = stage->vx == NULL ? stage_xs(stage, create) : 0;

	if (rc == 0 && create)
		rc = vos_pool_create(stage->vx, &config);
	if (rc == 0)
		rc = vos_pool_open(stage->vx, config.uuid, &stage->pool);
	if (rc == 0 && create)
		rc = vos_cont_create(stage->pool, cont, &lsn);
	if (rc == 0 && create)
		rc = vos_wait(stage->pool, lsn);
	if (rc == 0)
		rc = vos_cont_open(stage->pool, cont, &stage->cont);
	return rc;
}

static inline void
stage_down(struct stage *stage)
{
	if (stage->cont != NULL)
		vos_cont_close(stage->cont);
	if (stage->pool != NULL)
		vos_pool_close(stage->pool);
	if (stage->vx != NULL)
		vos_xs_destroy(stage->vx);
	if (stage->bio != NULL)
		bio_close(stage->bio);
	stage->cont = NULL;
	stage->pool = NULL;
	stage->vx = NULL;
	stage->bio = NULL;
}

/* The newest LSN of the pool. */
static inline uint64_t
newest_lsn(struct stage *stage)
{
	struct vos_pool_info info;

	vos_pool_query(stage->pool, &info);
	return info.lsn_last;
}

/* ---- short spellings --------------------------------------------------------------------------------------------- */
static inline daos_obj_id_t
oid_of(enum daos_otype_t type, uint64_t number)
{
	return (daos_obj_id_t){.hi = (uint64_t)type << OID_FMT_TYPE_SHIFT, .lo = number};
}

static inline daos_key_t
key_of(const char *text)
{
	daos_key_t key;

	d_iov_set(&key, (void *)text, strlen(text));
	return key;
}

static inline daos_key_t
key_u64(uint64_t *value)
{
	daos_key_t key;

	d_iov_set(&key, value, sizeof(*value));
	return key;
}

static inline uint64_t
next_after(void *arg)
{
	return ++*(uint64_t *)arg;
}

/* Copies data into the pieces of value v. */
static inline void
fill_op(struct vos_op *op, int v, const void *data)
{
	const char *from = data;
	int nr;
	struct bio_piece *pieces = bio_desc_pieces(vos_op_desc(op), v, &nr);

	for (int p = 0; p < nr; p++) {
		memcpy(pieces[p].buf, from, pieces[p].len);
		from += pieces[p].len;
	}
}

/* Begins the update of one akey: a single value (nr 0) or records. len 0 punches. */
static inline int
begin_one(struct stage *stage, daos_obj_id_t oid, daos_key_t dkey, daos_key_t akey, uint64_t flags, daos_recx_t *recx,
	  uint64_t rec_size, const void *data, struct vos_op **op)
{
	struct vos_key key = {.cont = stage->cont, .oid = oid, .dkey = &dkey};
	daos_iod_t iod = {.iod_name = akey,
			  .iod_type = recx != NULL ? DAOS_IOD_ARRAY : DAOS_IOD_SINGLE,
			  .iod_size = rec_size,
			  .iod_nr = 1,
			  .iod_recxs = recx};
	int rc = vos_update_begin(&key, flags, 1, &iod, NULL, op);

	if (rc == 0 && rec_size > 0)
		fill_op(*op, 0, data);
	return rc;
}

static inline int
apply_at(struct stage *stage, uint64_t epoch, struct vos_op *op, uint64_t *lsn)
{
	struct vos_apply apply = {.cont = stage->cont, .epoch = epoch, .mode = VOS_COMMIT};
	int rc = vos_apply(&apply, &op, 1);

	if (lsn != NULL)
		*lsn = apply.lsn;
	return rc;
}

static inline int
put_single(struct stage *stage, daos_obj_id_t oid, const char *dkey, const char *akey, uint64_t epoch, const void *data,
	   size_t len)
{
	struct vos_op *op;
	int rc = begin_one(stage, oid, key_of(dkey), key_of(akey), 0, NULL, len, data, &op);

	return rc == 0 ? apply_at(stage, epoch, op, NULL) : rc;
}

static inline int
put_array(struct stage *stage, daos_obj_id_t oid, const char *dkey, const char *akey, uint64_t epoch, uint64_t idx,
	  uint64_t nr, const void *data)
{
	daos_recx_t recx = {.rx_idx = idx, .rx_nr = nr};
	struct vos_op *op;
	int rc = begin_one(stage, oid, key_of(dkey), key_of(akey), 0, &recx, data != NULL ? 1 : 0, data, &op);

	return rc == 0 ? apply_at(stage, epoch, op, NULL) : rc;
}

/* dkey NULL: the object; akey NULL: the dkey. */
static inline int
punch_at(struct stage *stage, daos_obj_id_t oid, const char *dkey, const char *akey, uint64_t epoch, uint64_t flags)
{
	daos_key_t dk = key_of(dkey != NULL ? dkey : ""), ak = key_of(akey != NULL ? akey : "");
	struct vos_key key = {.cont = stage->cont, .oid = oid, .dkey = dkey != NULL ? &dk : NULL};
	struct vos_op *op;
	int rc = vos_punch_begin(&key, flags, akey != NULL ? 1 : 0, &ak, &op);

	return rc == 0 ? apply_at(stage, epoch, op, NULL) : rc;
}

/* Copies what a fetch found into buf; holes become '.'. */
static inline size_t
gather(struct vos_read *read, uint32_t i, char *buf, size_t size)
{
	size_t at = 0;
	int nr;
	struct bio_piece *pieces = bio_desc_pieces(vos_read_desc(read), (int)i, &nr);

	for (int p = 0; p < nr; p++) {
		assert_true(at + pieces[p].len <= size);
		if (pieces[p].media == BIO_HOLE)
			memset(buf + at, '.', pieces[p].len);
		else
			memcpy(buf + at, pieces[p].buf, pieces[p].len);
		at += pieces[p].len;
	}
	return at;
}

/* *len: the size of the value; for arrays the bytes gathered, and *rec_size. */
static inline int
fetch_at(struct stage *stage, daos_obj_id_t oid, daos_key_t dkey, daos_key_t akey, struct vos_when *when,
	 uint64_t flags, daos_recx_t *recx, char *buf, size_t size, size_t *len, uint64_t *rec_size)
{
	struct vos_key key = {.cont = stage->cont, .oid = oid, .dkey = &dkey};
	daos_iod_t iod = {.iod_name = akey,
			  .iod_type = recx != NULL ? DAOS_IOD_ARRAY : DAOS_IOD_SINGLE,
			  .iod_nr = 1,
			  .iod_recxs = recx};
	struct vos_read *read;
	int rc = vos_fetch_begin(&key, when, flags, 1, &iod, &read);

	*len = 0;
	if (rc != 0)
		return rc;
	rc = vos_read_prepare(read);
	if (rc == 0 && vos_read_desc(read) != NULL)
		*len = gather(read, 0, buf, size);
	if (rec_size != NULL)
		*rec_size = iod.iod_size;
	vos_fetch_end(read);
	return rc;
}

/* The single value at epoch as text; "-" when there is none. Of an internal static buffer. */
static inline const char *
text_of(struct stage *stage, char *buf, size_t size, daos_obj_id_t oid, const char *dkey, const char *akey,
	uint64_t epoch)
{
	struct vos_when when = {.epoch = epoch};
	size_t len;

	assert_int_equal(fetch_at(stage, oid, key_of(dkey), key_of(akey), &when, VOS_NO_TIMESTAMP, NULL, buf, size - 1,
				  &len, NULL),
			 0);
	buf[len] = '\0';
	return len > 0 ? buf : "-";
}

__attribute__((noinline, unused)) static void
check_text(struct stage *stage, daos_obj_id_t oid, const char *dkey, const char *akey, uint64_t epoch,
	   const char *expected, int line)
{
	char buf[256];

	_assert_string_equal(text_of(stage, buf, sizeof(buf), oid, dkey, akey, epoch), expected, __FILE__, line);
}

/* The records [idx, idx + nr) as text, holes as dots. */
__attribute__((noinline, unused)) static void
check_records(struct stage *stage, daos_obj_id_t oid, const char *dkey, const char *akey, uint64_t epoch,
	      daos_recx_t recx, const char *expected, int line)
{
	struct vos_when when = {.epoch = epoch};
	uint64_t size;
	char buf[256];
	size_t len;
	int rc = fetch_at(stage, oid, key_of(dkey), key_of(akey), &when, VOS_NO_TIMESTAMP, &recx, buf, sizeof(buf) - 1,
			  &len, &size);

	assert_int_equal(rc, 0);
	buf[len] = '\0';
	_assert_string_equal(buf, expected, __FILE__, line);
}

#define assert_text(stage, oid, dkey, akey, epoch, expected) \
	check_text(stage, oid, dkey, akey, epoch, expected, __LINE__)
#define assert_records(stage, oid, dkey, akey, epoch, idx, nr, expected) \
	check_records(stage, oid, dkey, akey, epoch, (daos_recx_t){idx, nr}, expected, __LINE__)

#endif
