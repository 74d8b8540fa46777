/* SPDX-License-Identifier: Apache-2.0 */
/* bio over simulated disks: devices, blobs, operations, buffers, descriptors. */
#include "stage.h"

static const struct bio_dev_config dir_config[1] = {{ .path = "/srv/store" }};
static const struct bio_blob_id data_id = { .pool = { 1, 2, 3 }, .tgt = 4, .kind = BIO_DATA };

static struct bio *
open_dir(struct stage *stage)
{
	struct bio *bio = NULL;

	assert_int_equal(bio_open(stage->env, dir_config, 1, true, &bio), 0);
	return bio;
}

static struct bio_blob *
open_blob(struct stage *stage, struct bio *bio, const struct bio_blob_id *id, uint64_t size)
{
	struct bio_blob *blob = NULL;

	if (size != 0)
		assert_int_equal(bio_blob_create(bio, id, size), 0);
	assert_int_equal(bio_blob_open(bio, id, stage->xs, &blob), 0);
	return blob;
}

static void
in_stage(void (*play)(struct stage *stage, void *arg))
{
	struct stage stage;

	stage_open(&stage, 1);
	assert_true(stage_play(&stage, play, NULL));
	stage_close(&stage);
}

/* ---- blobs ------------------------------------------------------------------------------------------------------------ */

static void
play_kinds(struct stage *stage, void *arg)
{
	struct bio *bio = open_dir(stage);
	char *buf = stage_buf(8 * BIO_BLOCK), *back = stage_buf(8 * BIO_BLOCK);
	struct bio_dev_info info;

	for (int kind = BIO_META; kind <= BIO_DATA; kind++) {
		struct bio_blob_id id = { .pool = { 9 }, .tgt = 1, .kind = (enum bio_blob_kind)kind };
		struct bio_blob *blob = open_blob(stage, bio, &id, MIB), *again;
		struct iovec iov[2] = {{ buf, 3 * BIO_BLOCK }, { buf + 4 * BIO_BLOCK, BIO_BLOCK }};
		struct iovec in = { back, 4 * BIO_BLOCK };

		assert_int_equal(bio_blob_size(blob), MIB);
		for (uint32_t i = 0; i < 8 * BIO_BLOCK; i++)
			buf[i] = (char)(i * 7 / 3 + (uint32_t)kind);
		assert_int_equal(bio_write(blob, 16 * BIO_BLOCK, iov, 2, kind == BIO_WAL), 0);
		assert_int_equal(bio_flush(blob), 0);
		assert_int_equal(bio_read(blob, 16 * BIO_BLOCK, &in, 1), 0);
		assert_memory_equal(back, buf, 3 * BIO_BLOCK);
		assert_memory_equal(back + 3 * BIO_BLOCK, buf + 4 * BIO_BLOCK, BIO_BLOCK);
		assert_int_equal(bio_trim(blob, 0, 4 * BIO_BLOCK), 0);
		assert_int_equal(bio_blob_open(bio, &id, stage->xs, &again), -DER_BUSY);
		assert_int_equal(bio_blob_destroy(bio, &id), -DER_BUSY);
		bio_blob_close(blob);
		blob = open_blob(stage, bio, &id, 0);
		assert_int_equal(bio_read(blob, 16 * BIO_BLOCK, &in, 1), 0);
		assert_memory_equal(back, buf, 3 * BIO_BLOCK);
		bio_blob_close(blob);
		assert_int_equal(bio_blob_create(bio, &id, MIB), -DER_EXIST);
		assert_int_equal(bio_blob_destroy(bio, &id), 0);
		assert_int_equal(bio_blob_destroy(bio, &id), -DER_NONEXIST);
		assert_int_equal(bio_blob_open(bio, &id, stage->xs, &again), -DER_NONEXIST);
	}
	assert_int_equal(bio_dev_info(bio, 0, &info), 0);
	assert_int_equal(info.health.writes, 3);
	assert_int_equal(info.health.bytes_written, 12 * BIO_BLOCK);
	assert_int_equal(info.health.reads, 6);
	assert_int_equal(info.health.flushes, 3);
	assert_string_equal(info.path, "/srv/store");
	assert_int_equal(bio_dev_info(bio, 1, &info), -DER_NONEXIST);
	assert_int_equal(bio_blob_create(bio, &data_id, 5), -DER_INVAL);
	bio_close(bio);
	free(buf);
	free(back);
}

static void
a_blob_of_each_kind_keeps_what_is_written(void **state)
{
	in_stage(play_kinds);
}

static void
play_invalid(struct stage *stage, void *arg)
{
	struct bio *bio = open_dir(stage);
	struct bio_blob *blob = open_blob(stage, bio, &data_id, MIB);
	char *buf = stage_buf(2 * BIO_BLOCK);
	struct iovec iov = { buf, BIO_BLOCK };

	memset(buf, 0, 2 * BIO_BLOCK);
	assert_int_equal(bio_write(blob, MIB, &iov, 1, false), -DER_INVAL);
	assert_int_equal(bio_write(blob, UINT64_MAX - BIO_BLOCK + 1, &iov, 1, false), -DER_INVAL);
	assert_int_equal(bio_write(blob, 512, &iov, 1, false), -DER_INVAL);
	iov.iov_len = 100;
	assert_int_equal(bio_write(blob, 0, &iov, 1, false), -DER_INVAL);
	iov = (struct iovec){ buf + 8, BIO_BLOCK };
	assert_int_equal(bio_read(blob, 0, &iov, 1), -DER_INVAL);
	assert_int_equal(bio_read(blob, 0, NULL, 0), -DER_INVAL);
	bio_blob_close(blob);
	bio_close(bio);
	free(buf);
}

static void
operations_beyond_the_end_or_unaligned_are_refused(void **state)
{
	in_stage(play_invalid);
}

static void
play_headers(struct stage *stage, void *arg)
{
	struct bio *bio = open_dir(stage);
	struct bio_blob_id other = data_id;
	struct bio_blob *blob;
	char path[200], pool[UUID_STR_LEN], from[200];
	struct sim_disk *disk;
	uint8_t *block = (uint8_t *)stage_buf(2 * BIO_BLOCK), *wrong = block + BIO_BLOCK;

	assert_int_equal(bio_blob_create(bio, &data_id, MIB), 0);
	other.tgt = 5;
	assert_int_equal(bio_blob_create(bio, &other, MIB), 0);
	uuid_unparse_lower(data_id.pool, pool);
	snprintf(path, sizeof(path), "/srv/store/%s/vos-4.data", pool);
	snprintf(from, sizeof(from), "/srv/store/%s/vos-5.data", pool);
	disk = sim_disk(stage->sim, 0, path);
	assert_non_null(disk);
	sim_disk_peek(disk, 0, block, BIO_BLOCK, true);
	/* The header of another blob. */
	sim_disk_peek(sim_disk(stage->sim, 0, from), 0, wrong, BIO_BLOCK, true);
	sim_disk_poke(disk, 0, wrong, BIO_BLOCK);
	assert_int_equal(bio_blob_open(bio, &data_id, stage->xs, &blob), -DER_DF_INVAL);
	/* Any flipped bit. */
	for (uint32_t bit = 0; bit < BIO_BLOCK * 8; bit += 1 + bit / 8) {
		int rc;

		memcpy(wrong, block, BIO_BLOCK);
		wrong[bit / 8] ^= (uint8_t)(1 << bit % 8);
		sim_disk_poke(disk, 0, wrong, BIO_BLOCK);
		rc = bio_blob_open(bio, &data_id, stage->xs, &blob);
		assert_true(rc == -DER_DF_INVAL || rc == -DER_DF_INCOMPT);
	}
	sim_disk_poke(disk, 0, block, BIO_BLOCK);
	assert_int_equal(bio_blob_open(bio, &data_id, stage->xs, &blob), 0);
	bio_blob_close(blob);
	bio_close(bio);
	free(block);
}

static void
a_blob_with_the_header_of_another_or_a_damaged_one_is_refused(void **state)
{
	in_stage(play_headers);
}

/* ---- devices ------------------------------------------------------------------------------------------------------------ */

static void
play_device(struct stage *stage, void *arg)
{
	struct bio_dev_info first, second;
	struct bio *bio, *other;

	assert_int_equal(bio_open(stage->env, dir_config, 1, false, &bio), -DER_UNINIT);
	bio = open_dir(stage);
	assert_int_equal(bio_open(stage->env, dir_config, 1, false, &other), -DER_BUSY);
	assert_int_equal(bio_dev_count(bio), 1);
	assert_int_equal(bio_dev_info(bio, 0, &first), 0);
	bio_close(bio);
	assert_int_equal(bio_open(stage->env, dir_config, 1, false, &bio), 0);
	assert_int_equal(bio_dev_info(bio, 0, &second), 0);
	assert_int_equal(uuid_compare(first.uuid, second.uuid), 0);
	assert_int_equal(first.state, BIO_DEV_NORMAL);
	bio_close(bio);
}

static void
a_directory_is_formatted_once_and_used_by_one_at_a_time(void **state)
{
	in_stage(play_device);
}

struct calls {
	int faulty, errors, tgt, rc;
};

static void
on_faulty(void *arg, const uuid_t dev)
{
	((struct calls *)arg)->faulty++;
}

static void
on_error(void *arg, const uuid_t dev, int tgt, int rc)
{
	struct calls *calls = arg;

	calls->errors++;
	calls->tgt = tgt;
	calls->rc = rc;
}

static void
play_errors(struct stage *stage, void *arg)
{
	static const struct bio_reactions reactions = { .faulty = on_faulty, .io_error = on_error };
	struct calls calls = {0};
	struct bio *bio = open_dir(stage);
	struct bio_blob *blob = open_blob(stage, bio, &data_id, MIB);
	char *buf = stage_buf(BIO_BLOCK), path[200], pool[UUID_STR_LEN];
	struct iovec iov = { buf, BIO_BLOCK };
	struct bio_dev_info info;
	struct sim_disk *disk;

	memset(buf, 1, BIO_BLOCK);
	bio_set_reactions(bio, &reactions, &calls);
	uuid_unparse_lower(data_id.pool, pool);
	snprintf(path, sizeof(path), "/srv/store/%s/vos-4.data", pool);
	disk = sim_disk(stage->sim, 0, path);
	sim_disk_fail(disk, 1 << ENV_IO_WRITE, 1, false);
	assert_int_equal(bio_write(blob, 0, &iov, 1, false), -DER_NVME_IO);
	assert_int_equal(bio_write(blob, 0, &iov, 1, false), 0);
	sim_disk_fail(disk, 1 << ENV_IO_FLUSH, 1, false);
	assert_int_equal(bio_flush(blob), -DER_NVME_IO);
	sim_disk_fail(disk, 1 << ENV_IO_READ, 1, false);
	assert_int_equal(bio_read(blob, 0, &iov, 1), -DER_NVME_IO);
	assert_int_equal(calls.errors, 3);
	assert_int_equal(calls.tgt, 4);
	assert_int_equal(calls.rc, -DER_NVME_IO);
	bio_blob_csum_error(blob);
	assert_int_equal(bio_dev_info(bio, 0, &info), 0);
	assert_int_equal(info.health.write_errors, 1);
	assert_int_equal(info.health.flush_errors, 1);
	assert_int_equal(info.health.read_errors, 1);
	assert_int_equal(info.health.csum_errors, 1);
	assert_int_equal(bio_dev_set_faulty(bio, info.uuid), 0);
	assert_int_equal(bio_dev_set_faulty(bio, info.uuid), -DER_ALREADY);
	assert_int_equal(bio_dev_set_faulty(bio, data_id.pool), -DER_NONEXIST);
	assert_int_equal(calls.faulty, 1);
	assert_int_equal(bio_blob_create(bio, &(struct bio_blob_id){ .kind = BIO_DATA }, MIB), -DER_NONEXIST);
	bio_blob_close(blob);
	bio_close(bio);
	free(buf);
}

static void
errors_are_counted_reported_and_make_no_device_faulty_by_themselves(void **state)
{
	in_stage(play_errors);
}

static void
play_roles(struct stage *stage, void *arg)
{
	const struct bio_dev_config devs[3] = {
		{ .path = "/fast", .roles = 1U << BIO_WAL | 1U << BIO_META },
		{ .path = "/slow0", .roles = 1U << BIO_DATA },
		{ .path = "/slow1", .roles = 1U << BIO_DATA },
	};
	struct bio *bio;
	char path[200], pool[UUID_STR_LEN];

	assert_int_equal(bio_open(stage->env, devs, 3, true, &bio), 0);
	uuid_unparse_lower(data_id.pool, pool);
	for (uint32_t tgt = 0; tgt < 4; tgt++) {
		for (int kind = BIO_META; kind <= BIO_DATA; kind++) {
			struct bio_blob_id id = { .tgt = tgt, .kind = (enum bio_blob_kind)kind };
			const char *where = kind != BIO_DATA ? "/fast" : tgt % 2 == 0 ? "/slow0" : "/slow1";

			uuid_copy(id.pool, data_id.pool);
			bio_blob_close(open_blob(stage, bio, &id, MIB));
			snprintf(path, sizeof(path), "%s/%s/vos-%u.%s", where, pool, tgt,
				 (const char *[]){ "meta", "wal", "data" }[kind]);
			assert_int_equal(stage->env->ops->file.stat(stage->env, path, NULL, NULL), 0);
		}
	}
	bio_close(bio);
}

static void
roles_say_which_device_gets_a_blob_and_targets_take_turns(void **state)
{
	in_stage(play_roles);
}

/* ---- buffers, descriptors ------------------------------------------------------------------------------------------------- */

static void
play_buffers(struct stage *stage, void *arg)
{
	struct bio *bio = open_dir(stage);
	void *a, *b;

	bio_buf_set_budget(bio, 64 * KIB);
	a = bio_buf_get(bio, 5000);
	assert_int_equal((uintptr_t)a % BIO_BLOCK, 0);
	bio_buf_put(bio, a, 5000);
	b = bio_buf_get(bio, 8192);
	assert_ptr_equal(a, b);
	assert_null(bio_buf_get(bio, 60 * KIB));
	assert_null(bio_buf_get(bio, SIZE_MAX));
	bio_buf_put(bio, b, 8192);
	b = bio_buf_get(bio, 64 * KIB);
	assert_non_null(b);
	bio_buf_put(bio, b, 64 * KIB);
	bio_close(bio);
}

static void
buffers_come_back_to_the_stream_and_end_with_its_budget(void **state)
{
	in_stage(play_buffers);
}

static void
play_desc(struct stage *stage, void *arg)
{
	struct bio *bio = open_dir(stage);
	struct bio_blob *blob = open_blob(stage, bio, &data_id, MIB);
	struct bio_piece *pieces;
	struct bio_desc *desc;
	char *block = stage_buf(BIO_BLOCK);
	struct iovec iov = { block, BIO_BLOCK };
	int nr;

	assert_int_equal(bio_desc_create(bio, blob, true, 2, &desc), 0);
	assert_int_equal(bio_desc_add(desc, 0, BIO_BLOB, 0, 10000), 0);
	assert_int_equal(bio_desc_add(desc, 0, BIO_BLOB, 12288, 100), 0);
	assert_int_equal(bio_desc_add(desc, 1, BIO_HEAP, 77, 33), 0);
	assert_int_equal(bio_desc_add(desc, 1, BIO_HOLE, 0, 1 << 20), 0);
	assert_int_equal(bio_desc_add(desc, 1, BIO_BLOB, 5, 1), -DER_INVAL);
	assert_int_equal(bio_desc_add(desc, 1, BIO_BLOB, MIB - 4096, 5000), -DER_INVAL);
	assert_int_equal(bio_desc_add(desc, 2, BIO_HEAP, 0, 1), -DER_INVAL);
	assert_int_equal(bio_desc_prepare(desc), 0);
	pieces = bio_desc_pieces(desc, 0, &nr);
	assert_int_equal(nr, 2);
	for (uint32_t i = 0; i < 10000; i++)
		pieces[0].buf[i] = (char)(i % 251);
	memset(pieces[1].buf, 'x', 100);
	pieces = bio_desc_pieces(desc, 1, &nr);
	memset(pieces[0].buf, 'y', 33);
	assert_null(pieces[1].buf);
	assert_int_equal(bio_desc_post(desc, true), 0);
	bio_desc_free(desc);

	/* What follows the last byte is zeros on the medium. */
	assert_int_equal(bio_read(blob, 8192, &iov, 1), 0);
	for (uint32_t i = 10000 - 8192; i < BIO_BLOCK; i++)
		assert_int_equal(block[i], 0);

	assert_int_equal(bio_desc_create(bio, blob, false, 1, &desc), 0);
	for (uint32_t off = 1; off < 9000; off += 997)
		assert_int_equal(bio_desc_add(desc, 0, BIO_BLOB, off, 1000), 0);
	assert_int_equal(bio_desc_add(desc, 0, BIO_BLOB, 12290, 98), 0);
	assert_int_equal(bio_desc_prepare(desc), 0);
	pieces = bio_desc_pieces(desc, 0, &nr);
	for (int p = 0; p < nr - 1; p++)
		for (uint32_t i = 0; i < 1000; i++)
			assert_int_equal(pieces[p].buf[i], (char)((pieces[p].off + i < 10000 ? pieces[p].off + i : 0) % 251));
	assert_int_equal(pieces[nr - 1].buf[97], 'x');
	bio_desc_free(desc);

	/* One piece in whole blocks is written from where its bytes are; anything else is copied. */
	assert_int_equal(bio_desc_create(bio, blob, true, 1, &desc), 0);
	assert_int_equal(bio_desc_add(desc, 0, BIO_BLOB, 16384, BIO_BLOCK), 0);
	assert_int_equal(bio_desc_prepare(desc), 0);
	memset(block, 'l', BIO_BLOCK);
	assert_false(bio_desc_lend(desc, block + 8, BIO_BLOCK));
	assert_false(bio_desc_lend(desc, block, BIO_BLOCK - 1));
	assert_true(bio_desc_lend(desc, block, BIO_BLOCK));
	assert_false(bio_desc_lend(desc, block, BIO_BLOCK));
	assert_int_equal(bio_desc_post(desc, true), 0);
	bio_desc_free(desc);
	memset(block, 0, BIO_BLOCK);
	assert_int_equal(bio_read(blob, 16384, &iov, 1), 0);
	for (uint32_t i = 0; i < BIO_BLOCK; i++)
		assert_int_equal(block[i], 'l');
	assert_int_equal(bio_desc_create(bio, blob, true, 1, &desc), 0);
	assert_int_equal(bio_desc_add(desc, 0, BIO_BLOB, 20480, 100), 0);
	assert_int_equal(bio_desc_prepare(desc), 0);
	assert_false(bio_desc_lend(desc, block, 100)); /* its block needs zeros behind it */
	bio_desc_free(desc);
	bio_blob_close(blob);
	bio_close(bio);
	free(block);
}

static void
a_descriptor_stages_pads_and_reads_unaligned_pieces(void **state)
{
	in_stage(play_desc);
}

static void
play_desc_error(struct stage *stage, void *arg)
{
	struct bio *bio = open_dir(stage);
	struct bio_blob *blob = open_blob(stage, bio, &data_id, 4 * MIB);
	char path[200], pool[UUID_STR_LEN];
	struct bio_desc *desc;

	uuid_unparse_lower(data_id.pool, pool);
	snprintf(path, sizeof(path), "/srv/store/%s/vos-4.data", pool);
	for (uint64_t nth = 1; nth < 100; nth += 13) {
		assert_int_equal(bio_desc_create(bio, blob, true, 100, &desc), 0);
		for (int v = 0; v < 100; v++)
			assert_int_equal(bio_desc_add(desc, v, BIO_BLOB, (uint64_t)v * 8192, 4000), 0);
		assert_int_equal(bio_desc_prepare(desc), 0);
		for (int v = 0, nr; v < 100; v++)
			memset(bio_desc_pieces(desc, v, &nr)->buf, v, 4000);
		sim_disk_fail(sim_disk(stage->sim, 0, path), 1 << ENV_IO_WRITE, nth, false);
		assert_int_equal(bio_desc_post(desc, true), -DER_NVME_IO);
		bio_desc_free(desc);
	}
	bio_blob_close(blob);
	bio_close(bio);
}

static void
an_error_of_one_piece_is_the_error_of_the_descriptor(void **state)
{
	in_stage(play_desc_error);
}

/* ---- the device list ---------------------------------------------------------------------------------------------------------- */

static int
parse(const char *json, struct bio_dev_config **devs, int *nr)
{
	struct sim_options options;
	struct sim *sim;
	int rc;

	sim_options_init(&options);
	sim = sim_create(1, &options);
	rc = bio_config_parse(sim_env(sim, 0)->mem, json, strlen(json), devs, nr);
	if (rc == 0) {
		/* Kept beyond the world. */
		struct bio_dev_config *copy = calloc((size_t)*nr + 1, sizeof(*copy));

		for (int i = 0; i < *nr; i++) {
			copy[i] = (*devs)[i];
			copy[i].path = strdup((*devs)[i].path);
		}
		*devs = copy;
	}
	sim_destroy(sim);
	return rc;
}

static void
the_device_list_is_read(void **state)
{
	struct bio_dev_config *devs;
	int nr;

	assert_int_equal(parse("{\"daos_data\":{\"x\":[1,2.5e-3,null,true,{\"a\":\"b\"}]},\"subsystems\":["
			       "{\"subsystem\":\"other\",\"config\":[{\"method\":\"bdev_aio_create\"}]},"
			       "{\"config\":[{\"method\":\"bdev_set_options\",\"params\":{\"bdev_io_pool_size\":65536}},"
			       "{\"method\":\"bdev_aio_create\",\"params\":{\"block_size\":4096,\"filename\":\"/dev/\\u0076db\","
			       "\"roles\":[\"meta\",\"wal\"]}},"
			       "{\"params\":{\"path\":\"/srv/\\u00e9\"},\"method\":\"bdev_dir_create\"}],"
			       "\"subsystem\":\"bdev\"}]} \n", &devs, &nr), 0);
	assert_int_equal(nr, 2);
	assert_string_equal(devs[0].path, "/dev/vdb");
	assert_true(devs[0].raw);
	assert_int_equal(devs[0].roles, 1U << BIO_META | 1U << BIO_WAL);
	assert_string_equal(devs[1].path, "/srv/\xc3\xa9");
	assert_false(devs[1].raw);
	assert_int_equal(devs[1].roles, 0);
	for (int i = 0; i < nr; i++)
		free((char *)devs[i].path);
	free(devs);
	assert_int_equal(parse("{}", &devs, &nr), 0);
	assert_int_equal(nr, 0);
	free(devs);
}

static void
a_bad_device_list_is_refused(void **state)
{
	static const char *const bad[] = {
		"", "{", "[]", "{} x", "{\"a\" 1}", "{\"a\":}", "{\"a\":1,}", "{\"a\":[1,]}", "{\"a\":tru}", "{\"a\":\"\\x\"}",
		"{\"a\":\"\\ud800\"}", "{\"a\":-}", "{'a':1}", "{\"a\":\"",
		"{\"subsystems\":[{\"subsystem\":\"bdev\",\"config\":[{\"method\":\"bdev_aio_create\"}]}]}",
		"{\"subsystems\":[{\"subsystem\":\"bdev\",\"config\":[{\"method\":\"bdev_aio_create\",\"params\":"
		"{\"filename\":\"relative\"}}]}]}",
		"{\"subsystems\":[{\"subsystem\":\"bdev\",\"config\":[{\"method\":\"bdev_aio_create\",\"params\":"
		"{\"filename\":\"/x\",\"roles\":[\"log\"]}}]}]}",
	};
	struct bio_dev_config *devs;
	char deep[400];
	int nr;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(parse(bad[i], &devs, &nr), -DER_INVAL);
	memset(deep, '[', sizeof(deep));
	memcpy(deep, "{\"a\":", 5);
	deep[sizeof(deep) - 1] = 0;
	assert_int_equal(parse(deep, &devs, &nr), -DER_INVAL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_blob_of_each_kind_keeps_what_is_written),
		cmocka_unit_test(operations_beyond_the_end_or_unaligned_are_refused),
		cmocka_unit_test(a_blob_with_the_header_of_another_or_a_damaged_one_is_refused),
		cmocka_unit_test(a_directory_is_formatted_once_and_used_by_one_at_a_time),
		cmocka_unit_test(errors_are_counted_reported_and_make_no_device_faulty_by_themselves),
		cmocka_unit_test(roles_say_which_device_gets_a_blob_and_targets_take_turns),
		cmocka_unit_test(buffers_come_back_to_the_stream_and_end_with_its_budget),
		cmocka_unit_test(a_descriptor_stages_pads_and_reads_unaligned_pieces),
		cmocka_unit_test(an_error_of_one_piece_is_the_error_of_the_descriptor),
		cmocka_unit_test(the_device_list_is_read),
		cmocka_unit_test(a_bad_device_list_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
