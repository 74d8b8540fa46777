/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The blob store of a raw device against a model: a list of blobs with their bytes. Random creates, destroys, writes and
 * reads, reopening in between; then the same cut short everywhere by loss of power: each operation happened or not.
 */
#include "stage.h"

#define BLOBS 12
#define DEVICE (16 * MIB)

struct model_blob {
	bool there;
	uint64_t size;
	uint64_t seed; /* of its bytes; 0: never written */
};

struct raw {
	struct rand rand;
	struct model_blob blobs[BLOBS];
	uint32_t steps;
	struct bio *bio;
	uint32_t created, refused, split;
	/* when it is recorded: what each operation made of blob `op_blob` */
	struct model_blob *history;
	uint32_t history_nr;
};

static struct bio_blob_id
id_of(uint32_t blob)
{
	return (struct bio_blob_id){ .pool = { (uint8_t)(blob / 3 + 1) }, .tgt = blob, .kind = (enum bio_blob_kind)(blob % 3) };
}

static void
fill(uint8_t *buf, size_t len, uint64_t seed, uint64_t off)
{
	for (size_t i = 0; i < len; i += 8) {
		uint64_t word = (seed + off + i) * 0x9e3779b97f4a7c15ULL;

		memcpy(buf + i, &word, 8);
	}
}

static void
make_device(struct stage *stage)
{
	struct env_disk *disk;

	assert_int_equal(stage->env->ops->disk.open(stage->env, "/dev_raw", ENV_DISK_CREATE, DEVICE, &disk), 0);
	stage->env->ops->disk.close(disk);
}

static int
open_raw(struct stage *stage, bool format, struct bio **bio)
{
	struct bio_dev_config config = { .path = "/dev_raw", .raw = true };

	return bio_open(stage->env, &config, 1, format, bio);
}

/* Writes or compares all of a blob. */
static void
all_bytes(struct stage *stage, struct raw *raw, uint32_t at, bool write)
{
	struct model_blob *model = &raw->blobs[at];
	struct bio_blob_id id = id_of(at);
	struct bio_blob *blob;
	uint8_t *buf = stage_buf(model->size), *want = malloc(model->size);
	struct iovec iov[2] = {{ buf, BIO_BLOCK }, { buf + BIO_BLOCK, model->size - BIO_BLOCK }};
	int nr = model->size > BIO_BLOCK ? 2 : 1;

	assert_int_equal(bio_blob_open(raw->bio, &id, stage->xs, &blob), 0);
	assert_int_equal(bio_blob_size(blob), model->size);
	if (write) {
		model->seed = 1 + rand_below(&raw->rand, 1000000);
		fill(buf, model->size, model->seed, 0);
		assert_int_equal(bio_write(blob, 0, iov, nr, true), 0);
	} else if (model->seed != 0) {
		fill(want, model->size, model->seed, 0);
		memset(buf, 0, model->size);
		assert_int_equal(bio_read(blob, 0, iov, nr), 0);
		assert_memory_equal(buf, want, model->size);
	}
	bio_blob_close(blob);
	free(buf);
	free(want);
}

static void
check_blobs(struct stage *stage, struct raw *raw)
{
	struct bio_dev_info info;
	struct bio_blob *blob;
	uint64_t used = 0;

	for (uint32_t i = 0; i < BLOBS; i++) {
		struct bio_blob_id id = id_of(i);

		if (raw->blobs[i].there)
			all_bytes(stage, raw, i, false);
		else
			assert_int_equal(bio_blob_open(raw->bio, &id, stage->xs, &blob), -DER_NONEXIST);
		used += raw->blobs[i].there ? raw->blobs[i].size + BIO_BLOCK : 0;
	}
	assert_int_equal(bio_dev_info(raw->bio, 0, &info), 0);
	assert_int_equal(info.total - info.free, used);
}

static void
step(struct stage *stage, struct raw *raw)
{
	uint32_t at = (uint32_t)rand_below(&raw->rand, BLOBS);
	struct model_blob *model = &raw->blobs[at];
	struct bio_blob_id id = id_of(at);

	if (model->there && rand_below(&raw->rand, 2) == 0) {
		assert_int_equal(bio_blob_destroy(raw->bio, &id), 0);
		memset(model, 0, sizeof(*model));
	} else if (model->there) {
		assert_int_equal(bio_blob_create(raw->bio, &id, MIB), -DER_EXIST);
		all_bytes(stage, raw, at, true);
	} else {
		struct bio_dev_info info;
		uint64_t size = (1 + rand_below(&raw->rand, 1500)) * BIO_BLOCK;
		int rc;

		assert_int_equal(bio_dev_info(raw->bio, 0, &info), 0);
		rc = bio_blob_create(raw->bio, &id, size);
		if (rc == 0) {
			*model = (struct model_blob){ .there = true, .size = size };
			raw->created++;
			all_bytes(stage, raw, at, true);
		} else {
			/* Space in pieces counts too. */
			assert_int_equal(rc, -DER_NOSPACE);
			assert_true(info.free < size + 2 * BIO_BLOCK);
			raw->refused++;
		}
	}
}

static void
play_model(struct stage *stage, void *arg)
{
	struct raw *raw = arg;

	make_device(stage);
	assert_int_equal(open_raw(stage, false, &raw->bio), -DER_UNINIT);
	assert_int_equal(open_raw(stage, true, &raw->bio), 0);
	for (uint32_t i = 0; i < raw->steps; i++) {
		step(stage, raw);
		if (i % 10 != 0)
			continue;
		check_blobs(stage, raw);
		bio_close(raw->bio);
		assert_int_equal(open_raw(stage, false, &raw->bio), 0);
		check_blobs(stage, raw);
	}
	bio_close(raw->bio);
}

static void
the_blob_store_follows_a_model(void **state)
{
	for (uint64_t seed = 1; seed <= 3; seed++) {
		struct raw raw = { .steps = 150 };
		struct stage stage;

		rand_init(&raw.rand, seed, 1);
		stage_open(&stage, seed);
		assert_true(stage_play(&stage, play_model, &raw));
		assert_true(raw.created > 20 && raw.refused > 5);
		stage_close(&stage);
	}
}

/* ---- cuts --------------------------------------------------------------------------------------------------------------- */

static void
play_recorded(struct stage *stage, void *arg)
{
	struct raw *raw = arg;

	make_device(stage);
	assert_int_equal(open_raw(stage, true, &raw->bio), 0);
	for (uint32_t i = 0; i < raw->steps; i++) {
		memcpy(raw->history + (size_t)i * BLOBS, raw->blobs, sizeof(raw->blobs));
		sim_record_note(stage->sim, 0, "step", i);
		step(stage, raw);
	}
	memcpy(raw->history + (size_t)raw->steps * BLOBS, raw->blobs, sizeof(raw->blobs));
	sim_record_note(stage->sim, 0, "step", raw->steps);
	bio_close(raw->bio);
}

struct cut {
	struct raw *raw;
	int64_t step; /* the operation that was under way; -1: formatting */
};

static void
play_cut(struct stage *stage, void *arg)
{
	struct cut *cut = arg;
	struct raw *raw = cut->raw;
	const struct model_blob *before = raw->history + (size_t)MAX(cut->step, 0L) * BLOBS, *after = before + BLOBS;
	int rc = open_raw(stage, false, &raw->bio);

	if (cut->step < 0) {
		/* A device that was never finished can be formatted, unless its header was torn: then it says so. */
		if (rc == -DER_UNINIT)
			assert_int_equal(open_raw(stage, true, &raw->bio), 0);
		else
			assert_true(rc == 0 || rc == -DER_DF_INVAL || rc == -DER_NONEXIST);
		if (rc == 0 || rc == -DER_UNINIT)
			bio_close(raw->bio);
		return;
	}
	if (rc != 0)
		fail_msg("step %ld: open: %d", (long)cut->step, rc);
	for (uint32_t i = 0; i < BLOBS; i++) {
		struct bio_blob_id id = id_of(i);
		struct bio_blob *blob;
		bool changes = (uint64_t)cut->step < raw->steps && memcmp(&before[i], &after[i], sizeof(*before)) != 0;

		rc = bio_blob_open(raw->bio, &id, stage->xs, &blob);
		assert_true(rc == 0 || rc == -DER_NONEXIST);
		if (!changes)
			assert_int_equal(rc == 0, before[i].there);
		if (rc == 0)
			bio_blob_close(blob);
		raw->blobs[i] = before[i];
		if (rc == 0 && !changes)
			all_bytes(stage, raw, i, false);
	}
	bio_close(raw->bio);
}

static enum sim_fate
fate(void *arg, uint64_t write, uint64_t sector)
{
	return (enum sim_fate)rand_below(arg, 3);
}

static void
every_cut_leaves_each_operation_done_or_not(void **state)
{
	struct raw raw = { .steps = 40 };
	struct sim_record *rec;
	struct stage stage;

	rand_init(&raw.rand, 7, 1);
	raw.history = calloc((size_t)(raw.steps + 1) * BLOBS, sizeof(*raw.history));
	stage_open(&stage, 7);
	sim_record_start(stage.sim, 0);
	assert_true(stage_play(&stage, play_recorded, &raw));
	rec = sim_record_stop(stage.sim, 0);
	stage_close(&stage);
	for (size_t prefix = 1; prefix <= sim_record_nr(rec); prefix++) {
		struct cut cut = { .raw = &raw, .step = -1 };
		struct rand rand;

		rand_init(&rand, prefix, 2);
		for (size_t i = 0; i < prefix; i++) {
			const struct sim_record_entry *entry = sim_record_get(rec, i);

			if (entry->kind == SIM_RECORD_NOTE && strcmp(entry->what, "step") == 0)
				cut.step = (int64_t)entry->note;
		}
		stage_open(&stage, prefix);
		sim_record_load(rec, prefix, prefix % 2 == 0 ? fate : NULL, &rand, stage.sim, 0);
		assert_true(stage_play(&stage, play_cut, &cut));
		stage_close(&stage);
	}
	sim_record_free(rec);
	free(raw.history);
}

/* ---- damage ---------------------------------------------------------------------------------------------------------------- */

static void
play_damage(struct stage *stage, void *arg)
{
	struct bio_blob_id id = id_of(1);
	struct sim_disk *disk;
	struct bio *bio;
	struct rand rand;
	uint32_t refused = 0;

	rand_init(&rand, 1, 1);
	make_device(stage);
	assert_int_equal(open_raw(stage, true, &bio), 0);
	assert_int_equal(bio_blob_create(bio, &id, MIB), 0);
	bio_close(bio);
	disk = sim_disk(stage->sim, 0, "/dev_raw");
	for (uint32_t i = 0; i < 300; i++) {
		uint64_t bit = rand_below(&rand, (i % 2 == 0 ? 16 : 600) * 1024) * 8 + rand_below(&rand, 8);
		struct bio_blob *blob;
		int rc;

		sim_disk_flip_bit(disk, bit);
		rc = open_raw(stage, false, &bio);
		assert_true(rc == 0 || rc == -DER_DF_INVAL || rc == -DER_DF_INCOMPT);
		refused += rc != 0;
		if (rc == 0) {
			assert_int_equal(bio_blob_open(bio, &id, stage->xs, &blob), 0);
			bio_blob_close(blob);
			bio_close(bio);
		}
		sim_disk_flip_bit(disk, bit);
	}
	assert_int_equal(refused, 0);
}

static void
one_damaged_copy_of_header_or_table_is_survived(void **state)
{
	struct stage stage;

	stage_open(&stage, 2);
	assert_true(stage_play(&stage, play_damage, NULL));
	stage_close(&stage);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_blob_store_follows_a_model),
		cmocka_unit_test(every_cut_leaves_each_operation_done_or_not),
		cmocka_unit_test(one_damaged_copy_of_header_or_table_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
