/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vos on simulated disks: data and checksums, full and broken stores, restarts, garbage, large transactions, anchors.
 */
#include "base/bitmap.h"
#include "pure/csum/csum.h"
#include "stage.h"

static const daos_obj_id_t hashed = {.hi = 0, .lo = 7};

/* Bytes that say where they are from. */
static char *
pattern(size_t size, uint32_t seed)
{
	char *data = malloc(size);

	for (size_t i = 0; i < size; i++)
		data[i] = (char)(i * 7 + seed + (i >> 8));
	return data;
}

static struct vos_pool_info
info_of(struct stage *stage)
{
	struct vos_pool_info info;

	vos_pool_query(stage->pool, &info);
	return info;
}

static struct vos_dtx_id
id_of(uint64_t number)
{
	struct vos_dtx_id id = {.client = {9}, .hlc = number};

	return id;
}

/* ---- values on the data blob ------------------------------------------------------------------------------------- */
static int
put_bytes(struct stage *stage, const char *dkey, uint64_t epoch, bool array, const char *data, size_t size)
{
	daos_recx_t recx = {.rx_nr = size};
	struct vos_op *op;
	int rc = begin_one(stage, hashed, key_of(dkey), key_of("a"), 0, array ? &recx : NULL, array ? 1 : size, data,
			   &op);

	return rc == 0 ? apply_at(stage, epoch, op, NULL) : rc;
}

static void
check_bytes(struct stage *stage, const char *dkey, uint64_t epoch, bool array, const char *data, size_t size)
{
	struct vos_when when = {.epoch = epoch};
	daos_recx_t recx = {.rx_nr = size};
	char *buf = malloc(size + 1);
	size_t len;

	assert_int_equal(fetch_at(stage, hashed, key_of(dkey), key_of("a"), &when, VOS_NO_TIMESTAMP,
				  array ? &recx : NULL, buf, size, &len, NULL),
			 0);
	assert_int_equal(len, size);
	assert_memory_equal(buf, data, size);
	free(buf);
}

static void
play_data(struct stage *stage)
{
	static const size_t sizes[] = {1, 4095, 4096, 4097, 10000, 65536, MIB + 1};
	uint64_t epoch = 10;

	assert_int_equal(stage_up(stage, true), 0);
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		char name[32], *data = pattern(sizes[i], (uint32_t)i);
		uint64_t before = info_of(stage).data_free;

		snprintf(name, sizeof(name), "single-%zu", sizes[i]);
		assert_int_equal(put_bytes(stage, name, ++epoch, false, data, sizes[i]), 0);
		check_bytes(stage, name, epoch, false, data, sizes[i]);
		assert_int_equal(before - info_of(stage).data_free,
				 sizes[i] < 4096 ? 0 : ALIGN_UP(sizes[i], (size_t)4096));
		snprintf(name, sizeof(name), "array-%zu", sizes[i]);
		assert_int_equal(put_bytes(stage, name, ++epoch, true, data, sizes[i]), 0);
		check_bytes(stage, name, epoch, true, data, sizes[i]);
		free(data);
	}
	assert_int_equal(vos_pool_check(stage->pool), 0);
	stage_down(stage);
	assert_int_equal(stage_up(stage, false), 0);
	epoch = 10;
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		char name[32], *data = pattern(sizes[i], (uint32_t)i);

		snprintf(name, sizeof(name), "single-%zu", sizes[i]);
		check_bytes(stage, name, DAOS_EPOCH_MAX, false, data, sizes[i]);
		snprintf(name, sizeof(name), "array-%zu", sizes[i]);
		check_bytes(stage, name, DAOS_EPOCH_MAX, true, data, sizes[i]);
		free(data);
	}
	assert_int_equal(vos_pool_check(stage->pool), 0);
	stage_down(stage);
}

static void
values_of_all_sizes_survive_a_restart(void **state)
{
	stage_run(play_data, false);
}

/* ---- checksums --------------------------------------------------------------------------------------------------- */
enum { CHUNK = 1024 };

static int
put_summed(struct stage *stage, const char *dkey, uint64_t epoch, bool array, uint64_t idx, const char *data,
	   size_t size)
{
	daos_key_t dk = key_of(dkey);
	struct vos_key key = {.cont = stage->cont, .oid = hashed, .dkey = &dk};
	daos_recx_t recx = {.rx_idx = idx, .rx_nr = size};
	daos_iod_t iod = {.iod_name = key_of("a"),
			  .iod_type = array ? DAOS_IOD_ARRAY : DAOS_IOD_SINGLE,
			  .iod_size = array ? 1 : size,
			  .iod_nr = 1,
			  .iod_recxs = array ? &recx : NULL};
	struct iovec iov = {.iov_base = (void *)data, .iov_len = size};
	uint8_t sums[4096];
	struct vos_csum csum = {.type = CSUM_CRC32, .size = 4, .chunk = CHUNK, .data = sums};
	struct vos_op *op;
	int rc;

	csum.nr = (uint32_t)csum_chunk_nr(array ? idx : 0, size, CHUNK);
	assert_int_equal(csum_chunks(CSUM_CRC32, CHUNK, array ? idx : 0, &iov, 1, 0, size, sums), 0);
	rc = vos_update_begin(&key, 0, 1, &iod, &csum, &op);
	if (rc != 0)
		return rc;
	fill_op(op, 0, data);
	return apply_at(stage, epoch, op, NULL);
}

/* Fetches [idx, idx + nr) and says how it went; what came must carry checksums where it covers whole chunks. */
static int
fetch_summed(struct stage *stage, const char *dkey, uint64_t idx, uint64_t nr, const char *expected)
{
	daos_key_t dk = key_of(dkey);
	struct vos_key key = {.cont = stage->cont, .oid = hashed, .dkey = &dk};
	struct vos_when when = {.epoch = DAOS_EPOCH_MAX};
	daos_recx_t recx = {.rx_idx = idx, .rx_nr = nr};
	daos_iod_t iod = {.iod_name = key_of("a"), .iod_type = nr > 0 ? DAOS_IOD_ARRAY : DAOS_IOD_SINGLE, .iod_nr = 1,
			  .iod_recxs = nr > 0 ? &recx : NULL};
	char *buf = malloc(MIB);
	struct vos_read *read;
	uint64_t at = idx;
	uint32_t csum_nr;
	size_t len;
	int rc, piece_nr;

	assert_int_equal(vos_fetch_begin(&key, &when, VOS_NO_TIMESTAMP, 1, &iod, &read), 0);
	rc = vos_read_prepare(read);
	if (rc == 0) {
		const struct vos_csum *csums = vos_read_csums(read, 0, &csum_nr);
		struct bio_piece *pieces = bio_desc_pieces(vos_read_desc(read), 0, &piece_nr);

		assert_int_equal(csum_nr, piece_nr);
		for (int p = 0; p < piece_nr; at += pieces[p].len, p++) {
			uint64_t before, behind;
			struct iovec iov = {.iov_base = pieces[p].buf, .iov_len = pieces[p].len};

			vos_read_margin(read, 0, (uint32_t)p, &before, &behind);
			if (pieces[p].media == BIO_HOLE)
				continue;
			assert_int_equal(csums[p].type, CSUM_CRC32);
			assert_int_equal(csums[p].nr,
					 csum_chunk_nr(at - before, before + pieces[p].len + behind, CHUNK));
			if (before == 0 && behind == 0 && piece_nr == 1)
				assert_int_equal(csum_verify(CSUM_CRC32, CHUNK, at, &iov, 1, 0, pieces[p].len,
							     csums[p].data, NULL),
						 0);
		}
		len = gather(read, 0, buf, MIB);
		assert_int_equal(len, nr > 0 ? nr : iod.iod_size);
		assert_memory_equal(buf, expected, len);
	}
	vos_fetch_end(read);
	free(buf);
	return rc;
}

static void
play_csums(struct stage *stage)
{
	char *data = pattern(20000, 3), *over = pattern(3000, 9);
	static char mixed[20000];

	assert_int_equal(stage_up(stage, true), 0);
	assert_int_equal(put_summed(stage, "small", 10, true, 100, data, 700), 0);
	assert_int_equal(put_summed(stage, "large", 10, true, 100, data, 20000), 0);
	assert_int_equal(put_summed(stage, "single", 10, false, 0, data, 5000), 0);
	assert_int_equal(put_summed(stage, "short", 10, false, 0, data, 50), 0);
	assert_int_equal(fetch_summed(stage, "small", 100, 700, data), 0);
	assert_int_equal(fetch_summed(stage, "small", 150, 20, data + 50), 0);
	assert_int_equal(fetch_summed(stage, "large", 100, 20000, data), 0);
	assert_int_equal(fetch_summed(stage, "large", 1024, 2048, data + 924), 0);
	assert_int_equal(fetch_summed(stage, "large", 5000, 3, data + 4900), 0);
	assert_int_equal(fetch_summed(stage, "single", 0, 0, data), 0);
	assert_int_equal(fetch_summed(stage, "short", 0, 0, data), 0);
	/* Covered in part by newer bytes, small enough for the heap. */
	assert_int_equal(put_summed(stage, "large", 20, true, 3000, over, 3000), 0);
	memcpy(mixed, data, 20000);
	memcpy(mixed + 2900, over, 3000);
	assert_int_equal(fetch_summed(stage, "large", 100, 20000, mixed), 0);
	assert_int_equal(fetch_summed(stage, "large", 2000, 2000, mixed + 1900), 0);
	assert_int_equal(fetch_summed(stage, "large", 5990, 100, mixed + 5890), 0);
	/* More or fewer checksums than chunks. */
	stage_down(stage);
	free(data);
	free(over);
}

static void
checksums_are_kept_and_checked_also_for_parts_of_chunks(void **state)
{
	stage_run(play_csums, false);
	stage_run(play_csums, true);
}

static void
play_rot(struct stage *stage)
{
	char *data = pattern(20000, 3);
	struct sim_disk *disk;
	char block[4096];
	uint64_t off = 0;

	assert_int_equal(stage_up(stage, true), 0);
	assert_int_equal(put_summed(stage, "large", 10, true, 0, data, 20000), 0);
	disk = sim_disk(stage->sim, 0, STAGE_DIR ".data");
	assert_non_null(disk);
	/* Find the second block of the value on the disk and flip a bit in its middle. */
	for (bool found = false; !found; off += 512) {
		assert_true(off + 4096 <= sim_disk_size(disk));
		sim_disk_peek(disk, off, block, sizeof(block), false);
		found = memcmp(block, data + 4096, 512) == 0;
		if (found)
			sim_disk_flip_bit(disk, (off + 2000) * 8 + 3);
	}
	assert_int_equal(fetch_summed(stage, "large", 0, 4000, data), 0);
	assert_int_equal(fetch_summed(stage, "large", 0, 20000, data), -DER_CSUM);
	/* 6096 is the byte that rotted: any part of its chunk is refused. */
	assert_int_equal(fetch_summed(stage, "large", 5700, 10, data + 5700), -DER_CSUM);
	assert_int_equal(fetch_summed(stage, "large", 8192, 10, data + 8192), 0);
	stage_down(stage);
	free(data);
}

static void
bytes_that_rotted_are_never_returned(void **state)
{
	stage_run(play_rot, false);
}

/* ---- full -------------------------------------------------------------------------------------------------------- */
static uint32_t
fill(struct stage *stage, uint64_t *epoch, size_t size)
{
	char *data = pattern(size, 1), name[32];
	uint32_t nr = 0;
	int rc = 0;

	for (; rc == 0; nr++) {
		snprintf(name, sizeof(name), "%u", nr);
		rc = put_bytes(stage, name, ++*epoch, false, data, size);
	}
	assert_int_equal(rc, -DER_NOSPACE);
	check_bytes(stage, "0", DAOS_EPOCH_MAX, false, data, size);
	free(data);
	return nr - 1;
}

/* Makes the container anew; its garbage is collected. */
static void
new_container(struct stage *stage)
{
	uuid_t uuid = STAGE_CONT;
	bool more = true;
	uint64_t lsn;

	vos_cont_close(stage->cont);
	assert_int_equal(vos_cont_destroy(stage->pool, uuid, &lsn), 0);
	while (more)
		assert_int_equal(vos_gc_run(stage->vx, 200, &more), 0);
	assert_int_equal(vos_wait(stage->pool, newest_lsn(stage)), 0);
	assert_int_equal(vos_cont_create(stage->pool, uuid, &lsn), 0);
	assert_int_equal(vos_wait(stage->pool, lsn), 0);
	assert_int_equal(vos_cont_open(stage->pool, uuid, &stage->cont), 0);
}

static void
play_full(struct stage *stage)
{
	size_t size = *(size_t *)stage->arg;
	struct vos_pool_info empty, full;
	uint64_t epoch = 10;
	uint32_t first = 0;

	assert_int_equal(stage_up(stage, true), 0);
	new_container(stage);
	empty = info_of(stage);
	for (int round = 0; round < 4; round++) {
		uint32_t nr = fill(stage, &epoch, size);

		first = round == 0 ? nr : first;
		assert_true(nr > 20 && nr + nr / 50 + 2 >= first);
		full = info_of(stage);
		if (getenv("STAGE_LOG") != NULL)
			printf("round %d: %u values of %zu bytes, free: heap %lu, data %lu\n", round, nr, size,
			       full.meta_free, full.data_free);
		assert_true(size < 4096 ? full.meta_free < 700 * KIB : full.data_free < 700 * KIB);
		/* Punching and reading work in the full store. */
		for (uint32_t i = 0; i < MIN(nr, 50U); i++) {
			char name[32];

			snprintf(name, sizeof(name), "%u", i);
			assert_int_equal(punch_at(stage, hashed, name, NULL, ++epoch, 0), 0);
		}
		assert_text(stage, hashed, "0", "a", DAOS_EPOCH_MAX, "-");
		assert_int_equal(vos_pool_check(stage->pool), 0);
		new_container(stage);
		assert_int_equal(info_of(stage).data_free, empty.data_free);
		assert_true(info_of(stage).meta_free + 128 * KIB >= empty.meta_free);
	}
	stage_down(stage);
}

static void
a_full_heap_and_a_full_data_blob_still_delete_and_lose_no_space(void **state)
{
	static size_t sizes[] = {3000, 100000};

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct stage stage;

		stage_open(&stage, 1, NULL);
		stage.meta_size = 8 * MIB;
		stage.data_size = 8 * MIB;
		assert_true(stage_play(&stage, play_full, &sizes[i]));
		stage_close(&stage);
	}
}

static void
play_fragments(struct stage *stage)
{
	char *small = pattern(8192, 1), *large = pattern(300000, 2), name[16];
	uint64_t epoch = 10;
	int nr = 0;

	assert_int_equal(stage_up(stage, true), 0);
	/* Fill the blob with pieces, in two objects; one of them goes, and leaves holes everywhere. */
	for (int rc = 0; rc == 0; nr++) {
		struct vos_op *op;
		uuid_t other = {8};

		if (nr == 0) {
			assert_int_equal(vos_cont_create(stage->pool, other, NULL), 0);
		}
		snprintf(name, sizeof(name), "%d", nr);
		if (nr % 2 == 0) {
			rc = put_bytes(stage, name, ++epoch, false, small, 8192);
		} else {
			struct vos_cont *mine = stage->cont;

			assert_int_equal(vos_cont_open(stage->pool, other, &stage->cont), 0);
			rc = begin_one(stage, hashed, key_of(name), key_of("a"), 0, NULL, 8192, small, &op);
			if (rc == 0)
				rc = apply_at(stage, ++epoch, op, NULL);
			vos_cont_close(stage->cont);
			stage->cont = mine;
		}
	}
	{
		uuid_t other = {8};
		bool more = true;
		uint64_t lsn;

		assert_int_equal(vos_cont_destroy(stage->pool, other, &lsn), 0);
		while (more)
			assert_int_equal(vos_gc_run(stage->vx, 200, &more), 0);
		assert_int_equal(vos_wait(stage->pool, newest_lsn(stage)), 0);
	}
	assert_int_equal(put_bytes(stage, "single", ++epoch, false, large, 300000), 0);
	assert_int_equal(put_bytes(stage, "array", ++epoch, true, large, 300000), 0);
	check_bytes(stage, "single", DAOS_EPOCH_MAX, false, large, 300000);
	check_bytes(stage, "array", DAOS_EPOCH_MAX, true, large, 300000);
	assert_int_equal(put_summed(stage, "summed", ++epoch, true, 100, large, 200000), 0);
	assert_int_equal(fetch_summed(stage, "summed", 100, 200000, large), 0);
	assert_int_equal(fetch_summed(stage, "summed", 70000, 3000, large + 69900), 0);
	assert_int_equal(vos_pool_check(stage->pool), 0);
	stage_down(stage);
	free(small);
	free(large);
}

static void
a_large_value_finds_room_in_many_small_holes(void **state)
{
	struct stage stage;

	stage_open(&stage, 1, NULL);
	stage.data_size = 8 * MIB;
	assert_true(stage_play(&stage, play_fragments, NULL));
	stage_close(&stage);
}

/* ---- restarts ---------------------------------------------------------------------------------------------------- */
static int
prepare_one(struct stage *stage, uint64_t number, uint64_t epoch, const char *dkey, const char *value)
{
	struct vos_dtx_id id = id_of(number);
	struct vos_apply apply = {.cont = stage->cont,
				  .id = &id,
				  .epoch = epoch,
				  .mode = VOS_PREPARE,
				  .blob = {.data = dkey, .len = (uint32_t)strlen(dkey)}};
	struct vos_op *op;
	int rc = begin_one(stage, hashed, key_of(dkey), key_of("a"), 0, NULL, strlen(value), value, &op);

	if (rc == 0)
		rc = vos_apply(&apply, &op, 1);
	return rc == 0 ? vos_wait(stage->pool, apply.lsn) : rc;
}

static void
play_restart(struct stage *stage)
{
	static const char *const blobs[] = {"one", "two", "three"};
	static const uint64_t epochs[] = {101, 102, 100};
	struct vos_dtx_entry entries[8];
	struct vos_dtx_id ids[2];
	struct arena arena;
	uint32_t at = 0, nr;
	uint64_t lsn;

	assert_int_equal(stage_up(stage, true), 0);
	assert_int_equal(prepare_one(stage, 30, 100, "three", "3"), 0);
	assert_int_equal(prepare_one(stage, 10, 101, "one", "1"), 0);
	assert_int_equal(prepare_one(stage, 20, 102, "two", "2"), 0);
	stage_down(stage);
	stage->first_epoch = 200;
	assert_int_equal(stage_up(stage, false), 0);
	arena_init(&arena, stage->env->mem);
	assert_int_equal(vos_dtx_list(stage->cont, &at, entries, 8, &nr, &arena), 0);
	assert_int_equal(nr, 3);
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(entries[i].id.hlc, 10 * (i + 1));
		assert_int_equal(entries[i].epoch, epochs[i]);
		assert_memory_equal(entries[i].blob.data, blobs[i], entries[i].blob.len);
	}
	arena_fini(&arena);
	ids[0] = entries[2].id;
	ids[1] = entries[0].id;
	assert_int_equal(vos_dtx_commit(stage->cont, ids, 2, &lsn), 0);
	assert_int_equal(vos_dtx_abort(stage->cont, &entries[1].id, &lsn), 0);
	assert_text(stage, hashed, "three", "a", 100, "3");
	assert_text(stage, hashed, "one", "a", 101, "1");
	assert_text(stage, hashed, "two", "a", 300, "-");
	/* What was handed out before the start is never written below. */
	assert_int_equal(prepare_one(stage, 40, 200, "four", "4"), -DER_TX_RESTART);
	assert_int_equal(prepare_one(stage, 50, 201, "four", "4"), 0);
	stage_down(stage);
}

static void
prepared_transactions_are_found_again_in_order_of_age(void **state)
{
	stage_run(play_restart, false);
}

static void
play_large_dtx(struct stage *stage)
{
	enum { NR = 1500 };
	static struct vos_op *ops[NR];
	uint64_t lsn;

	assert_int_equal(stage_up(stage, true), 0);
	for (uint64_t round = 1; round <= 2; round++) {
		struct vos_dtx_id id = id_of(round);
		struct vos_apply apply = {.cont = stage->cont, .id = &id, .epoch = 100 * round, .mode = VOS_PREPARE};

		for (int i = 0; i < NR; i++) {
			char name[16];

			snprintf(name, sizeof(name), "%d", i);
			assert_int_equal(begin_one(stage, hashed, key_of(name), key_of("a"), 0, NULL, 1,
						   round == 1 ? "1" : "2", &ops[i]),
					 0);
		}
		assert_int_equal(vos_apply(&apply, ops, NR), 0);
		if (round == 1)
			assert_int_equal(vos_dtx_commit(stage->cont, &id, 1, &lsn), 0);
		else
			assert_int_equal(vos_dtx_abort(stage->cont, &id, &lsn), 0);
		for (int i = 0; i < NR; i += 100) {
			char name[16];

			snprintf(name, sizeof(name), "%d", i);
			assert_text(stage, hashed, name, "a", 300, "1");
		}
		assert_int_equal(vos_pool_check(stage->pool), 0);
	}
	assert_int_equal(vos_wait(stage->pool, lsn), 0);
	stage_down(stage);
}

static void
a_transaction_of_many_keys_is_settled_in_steps(void **state)
{
	struct stage stage;

	stage_open(&stage, 1, NULL);
	stage.wal_size = 32 * MIB;
	assert_true(stage_play(&stage, play_large_dtx, NULL));
	stage_close(&stage);
}

/* Two lives: one dies while a large transaction is being committed, the other finds all of it or nothing. */
static void
play_die_settling(struct stage *stage)
{
	enum { NR = 1500 };
	static struct vos_op *ops[NR];
	struct vos_dtx_id id = id_of(1);
	struct vos_apply apply = {.id = &id, .epoch = 100, .mode = VOS_PREPARE};
	uint64_t lsn;

	assert_int_equal(stage_up(stage, true), 0);
	apply.cont = stage->cont;
	for (int i = 0; i < NR; i++) {
		char name[16];

		snprintf(name, sizeof(name), "%d", i);
		assert_int_equal(begin_one(stage, hashed, key_of(name), key_of("a"), 0, NULL, 1, "1", &ops[i]), 0);
	}
	assert_int_equal(vos_apply(&apply, ops, NR), 0);
	assert_int_equal(vos_wait(stage->pool, apply.lsn), 0);
	sim_disk_crash_at(sim_disk(stage->sim, 0, STAGE_DIR ".wal"), *(uint64_t *)stage->arg, SIM_POWER);
	if (vos_dtx_commit(stage->cont, &id, 1, &lsn) == 0)
		(void)vos_wait(stage->pool, lsn);
	ult_sleep(NS_PER_S);
	stage_down(stage);
}

static void
play_all_or_nothing(struct stage *stage)
{
	struct vos_dtx_id id = id_of(1);
	struct vos_when when = {.epoch = 300};
	int seen = 0, in_progress = 0;

	assert_int_equal(stage_up(stage, false), 0);
	for (int i = 0; i < 1500; i++) {
		char name[16], buf[8];
		size_t len;
		int rc;

		snprintf(name, sizeof(name), "%d", i);
		rc = fetch_at(stage, hashed, key_of(name), key_of("a"), &when, VOS_NO_TIMESTAMP, NULL, buf, sizeof(buf),
			      &len, NULL);
		seen += rc == 0 && len == 1;
		in_progress += rc == -DER_INPROGRESS;
	}
	assert_true(seen == 1500 || in_progress == 1500);
	if (in_progress > 0) {
		uint64_t lsn;

		assert_int_equal(vos_dtx_commit(stage->cont, &id, 1, &lsn), 0);
	}
	assert_int_equal(vos_pool_check(stage->pool), 0);
	stage_down(stage);
}

static void
a_crash_in_the_middle_of_a_large_commit_leaves_all_or_nothing_to_see(void **state)
{
	for (uint64_t nth = 1; nth <= 4; nth++) {
		struct stage stage;

		stage_open(&stage, nth, NULL);
		stage.wal_size = 32 * MIB;
		if (!stage_play(&stage, play_die_settling, &nth))
			stage_revive(&stage);
		assert_true(stage_play(&stage, play_all_or_nothing, NULL));
		stage_close(&stage);
	}
}

/* ---- containers, pools ------------------------------------------------------------------------------------------- */
static void
play_containers(struct stage *stage)
{
	uuid_t uuid = {0}, after = {0}, found[7];
	struct vos_cont *cont;
	uint32_t nr, total = 0;
	uint64_t lsn;

	assert_int_equal(stage_up(stage, true), 0);
	for (uint8_t i = 1; i <= 20; i++) {
		uuid[0] = (uint8_t)(i * 12);
		uuid[5] = i;
		assert_int_equal(vos_cont_create(stage->pool, uuid, &lsn), 0);
	}
	assert_int_equal(vos_cont_create(stage->pool, uuid, &lsn), -DER_EXIST);
	do {
		assert_int_equal(vos_cont_list(stage->pool, after, found, 7, &nr), 0);
		for (uint32_t i = 0; i < nr; i++) {
			assert_true(memcmp(after, found[i], sizeof(uuid_t)) < 0);
			uuid_copy(after, found[i]);
		}
		total += nr;
	} while (nr > 0);
	assert_int_equal(total, 21);
	assert_int_equal(info_of(stage).containers, 21);
	assert_int_equal(vos_cont_open(stage->pool, uuid, &cont), 0);
	assert_int_equal(vos_cont_destroy(stage->pool, uuid, &lsn), -DER_BUSY);
	vos_cont_close(cont);
	assert_int_equal(vos_cont_destroy(stage->pool, uuid, &lsn), 0);
	assert_int_equal(vos_cont_destroy(stage->pool, uuid, &lsn), -DER_NONEXIST);
	assert_int_equal(vos_cont_open(stage->pool, uuid, &cont), -DER_NONEXIST);
	stage_down(stage);
}

static void
containers_are_made_listed_and_destroyed(void **state)
{
	stage_run(play_containers, false);
	stage_run(play_containers, true);
}

static void
play_pools(struct stage *stage)
{
	struct vos_pool_config config = {
		.uuid = {77}, .meta_size = 4 * MIB, .wal_size = MIB, .data_size = MIB, .ram = stage->ram};
	struct vos_pool *pool, *again;

	assert_int_equal(stage_up(stage, true), 0);
	assert_int_equal(vos_pool_open(stage->vx, config.uuid, &pool), -DER_NONEXIST);
	assert_int_equal(vos_pool_destroy(stage->vx, config.uuid), -DER_NONEXIST);
	assert_int_equal(vos_pool_create(stage->vx, &config), 0);
	assert_int_equal(vos_pool_create(stage->vx, &config), -DER_EXIST);
	assert_int_equal(vos_pool_open(stage->vx, config.uuid, &pool), 0);
	assert_int_equal(vos_pool_create(stage->vx, &config), -DER_EXIST);
	assert_int_equal(vos_pool_open(stage->vx, config.uuid, &again), 0);
	assert_ptr_equal(pool, again);
	vos_pool_close(again);
	assert_int_equal(vos_pool_destroy(stage->vx, config.uuid), -DER_BUSY);
	vos_pool_close(pool);
	assert_int_equal(vos_pool_destroy(stage->vx, config.uuid), 0);
	assert_int_equal(vos_pool_open(stage->vx, config.uuid, &pool), -DER_NONEXIST);
	assert_int_equal(vos_pool_create(stage->vx, &config), 0);
	config.uuid[0]++;
	config.meta_size = config.data_size = 1000;
	assert_int_equal(vos_pool_create(stage->vx, &config), -DER_INVAL);
	stage_down(stage);
}

static void
pools_are_made_opened_and_destroyed(void **state)
{
	stage_run(play_pools, false);
	stage_run(play_pools, true);
}

/* ---- what fails -------------------------------------------------------------------------------------------------- */
/* A bit of everything; stops at the first error. */
static int
script(struct stage *stage)
{
	char *data = pattern(9000, 1);
	struct vos_dtx_id id = id_of(1);
	struct vos_list list = {.kind = VOS_LIST_DKEY};
	struct vos_key key = {.oid = hashed};
	struct vos_when when = {.epoch = 500};
	daos_anchor_t anchor = {0};
	struct vos_entry entries[8];
	static char buf[10000];
	uint64_t lsn;
	size_t len;
	int rc = stage_up(stage, true);

	if (rc == 0)
		rc = put_single(stage, hashed, "d", "a", 10, "one", 3);
	if (rc == 0)
		rc = put_bytes(stage, "large", 11, true, data, 9000);
	if (rc == 0)
		rc = put_array(stage, hashed, "d", "r", 12, 5, 5, "bytes");
	if (rc == 0)
		rc = put_array(stage, hashed, "d", "r", 13, 7, 5, "bytes");
	if (rc == 0)
		rc = prepare_one(stage, 1, 20, "d", "two");
	if (rc == 0)
		rc = vos_dtx_commit(stage->cont, &id, 1, &lsn);
	if (rc == 0)
		rc = prepare_one(stage, 2, 30, "e", "three");
	id.hlc = 2;
	if (rc == 0)
		rc = vos_dtx_abort(stage->cont, &id, &lsn);
	if (rc == 0)
		rc = punch_at(stage, hashed, "d", "r", 40, 0);
	if (rc == 0)
		rc = fetch_at(stage, hashed, key_of("large"), key_of("a"), &when, 0, &(daos_recx_t){.rx_nr = 9000}, buf,
			      sizeof(buf), &len, NULL);
	if (rc == 0)
		assert_memory_equal(buf, data, 9000);
	key.cont = stage->cont;
	list.anchor = &anchor;
	list.entries = entries;
	list.max = 8;
	list.buf = buf;
	list.buf_size = sizeof(buf);
	if (rc == 0)
		rc = vos_list(&key, &when, 0, &list);
	if (rc == 0)
		assert_int_equal(list.nr, 2);
	if (rc == 0)
		rc = vos_pool_check(stage->pool);
	if (rc == 0)
		rc = vos_checkpoint(stage->pool);
	free(data);
	return rc;
}

static void
play_no_memory(struct stage *stage)
{
	uint64_t nth = *(uint64_t *)stage->arg;
	int rc;

	sim_mem_fail(stage->sim, 0, nth, false);
	rc = script(stage);
	sim_mem_fail(stage->sim, 0, 0, false);
	/* Either the failure went unnoticed (somebody did without), or it was said. */
	assert_true(rc == 0 || rc == -DER_NOMEM);
	*(uint64_t *)stage->arg = rc == 0 ? nth : 0;
	if (stage->cont != NULL) {
		assert_int_equal(vos_pool_check(stage->pool), 0);
		assert_int_equal(put_single(stage, hashed, "after", "a", 600, "x", 1), 0);
		assert_text(stage, hashed, "after", "a", 600, "x");
	}
	stage_down(stage);
}

static void
each_allocation_may_fail_once(void **state)
{
	struct sim_mem_stats stats;
	uint64_t in_a_row = 0;

	for (uint64_t nth = 1; in_a_row < 40 && nth < 3000; nth++) {
		struct stage stage;
		uint64_t arg = nth;

		stage_open(&stage, 1, NULL);
		stage.meta_size = 4 * MIB;
		stage.wal_size = MIB;
		stage.data_size = MIB;
		assert_true(stage_play(&stage, play_no_memory, &arg));
		sim_mem_stats(stage.sim, 0, &stats);
		in_a_row = stats.failed == 0 ? in_a_row + 1 : 0;
		stage_close(&stage);
	}
	assert_true(in_a_row >= 40);
}

struct broken {
	const char *disk;
	uint32_t ops;
	uint64_t nth;
	bool hit;
};

static void
play_broken(struct stage *stage)
{
	struct broken *broken = stage->arg;
	struct sim_disk *disk;
	char path[128];
	int rc = stage_up(stage, true);
	uint64_t lsn;

	assert_int_equal(rc, 0);
	assert_int_equal(put_single(stage, hashed, "before", "a", 5, "safe", 4), 0);
	assert_int_equal(vos_wait(stage->pool, newest_lsn(stage)), 0);
	snprintf(path, sizeof(path), "%s.%s", STAGE_DIR, broken->disk);
	disk = sim_disk(stage->sim, 0, path);
	assert_non_null(disk);
	sim_disk_fail(disk, broken->ops, broken->nth, true);
	for (int i = 0; i < 30 && rc == 0; i++) {
		char *data = pattern(6000, 1);
		struct vos_op *op;

		rc = begin_one(stage, hashed, key_of("d"), key_of("a"), 0, NULL, 6000, data, &op);
		if (rc == 0)
			rc = apply_at(stage, 10 + (uint64_t)i, op, &lsn);
		if (rc == 0)
			rc = vos_wait(stage->pool, lsn);
		free(data);
	}
	broken->hit = rc != 0;
	assert_true(rc == 0 || rc == -DER_IO || rc == -DER_NVME_IO);
	/* What is there can still be read. */
	assert_text(stage, hashed, "before", "a", DAOS_EPOCH_MAX, "safe");
	sim_disk_fail(disk, 0, 0, false);
	stage_down(stage);
	assert_int_equal(stage_up(stage, false), 0);
	assert_text(stage, hashed, "before", "a", DAOS_EPOCH_MAX, "safe");
	assert_int_equal(vos_pool_check(stage->pool), 0);
	stage_down(stage);
}

static void
a_disk_that_fails_is_reported_and_nothing_acknowledged_is_lost(void **state)
{
	struct broken all[] = {
		{.disk = "wal", .ops = 1 << ENV_IO_WRITE, .nth = 1},
		{.disk = "wal", .ops = 1 << ENV_IO_WRITE, .nth = 7},
		{.disk = "data", .ops = 1 << ENV_IO_WRITE, .nth = 1},
		{.disk = "data", .ops = 1 << ENV_IO_WRITE, .nth = 5},
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		struct stage stage;

		stage_open(&stage, 1 + i, NULL);
		assert_true(stage_play(&stage, play_broken, &all[i]));
		assert_true(all[i].hit);
		stage_close(&stage);
	}
}

/* ---- what replies wait for --------------------------------------------------------------------------------------- */
/* Everything that shows the object must wait for the newest LSN. */
static void
assert_waits(struct stage *stage, const char *dkey)
{
	uint64_t newest = newest_lsn(stage), epoch, lsn;
	daos_key_t dk = key_of(dkey), ak = key_of("a");
	struct vos_key key = {.cont = stage->cont, .oid = hashed, .dkey = &dk};
	struct vos_when when = {.epoch = DAOS_EPOCH_MAX};
	char buf[100];
	size_t len;

	(void)fetch_at(stage, hashed, dk, ak, &when, DAOS_COND_AKEY_FETCH, NULL, buf, sizeof(buf), &len, NULL);
	assert_int_equal(when.lsn, newest);
	for (int kind = VOS_LIST_OBJECT; kind <= VOS_LIST_SINGLE; kind++) {
		daos_anchor_t anchor = {0};
		struct vos_entry entries[4];
		struct vos_list list = {.kind = (enum vos_list_kind)kind,
					.akey = &ak,
					.anchor = &anchor,
					.buf = buf,
					.buf_size = sizeof(buf),
					.max = 4,
					.entries = entries};

		(void)vos_list(&key, &when, 0, &list);
		assert_int_equal(list.lsn, newest);
	}
	assert_int_equal(vos_query_epoch(&key, &when, &epoch, &lsn), 0);
	assert_int_equal(lsn, newest);
}

static void
play_waits(struct stage *stage)
{
	struct vos_dtx_id id = id_of(1);
	struct vos_op *op;
	uint64_t lsn;

	assert_int_equal(stage_up(stage, true), 0);
	assert_int_equal(put_single(stage, hashed, "d", "a", 10, "1", 1), 0);
	assert_waits(stage, "d");
	assert_int_equal(put_single(stage, hashed, "d", "b", 20, "1", 1), 0);
	assert_waits(stage, "d");
	assert_int_equal(punch_at(stage, hashed, "d", "a", 30, 0), 0);
	assert_waits(stage, "d");
	assert_int_equal(punch_at(stage, hashed, "d", NULL, 40, 0), 0);
	assert_waits(stage, "d");
	assert_int_equal(put_single(stage, hashed, "e", "a", 50, "1", 1), 0);
	assert_waits(stage, "e");
	assert_int_equal(punch_at(stage, hashed, NULL, NULL, 60, 0), 0);
	assert_waits(stage, "e");
	assert_waits(stage, "d");
	assert_waits(stage, "never was");
	assert_int_equal(prepare_one(stage, 1, 70, "d", "1"), 0);
	assert_int_equal(vos_dtx_commit(stage->cont, &id, 1, &lsn), 0);
	assert_waits(stage, "d");
	assert_int_equal(prepare_one(stage, 2, 80, "d", "2"), 0);
	id = id_of(2);
	assert_int_equal(vos_dtx_abort(stage->cont, &id, &lsn), 0);
	assert_waits(stage, "d");
	/* A condition that failed rests on what was seen, too. */
	assert_int_equal(put_single(stage, hashed, "d", "a", 90, "3", 1), 0);
	assert_int_equal(begin_one(stage, hashed, key_of("d"), key_of("a"), DAOS_COND_AKEY_INSERT, NULL, 1, "4", &op),
			 0);
	assert_int_equal(apply_at(stage, 100, op, &lsn), -DER_EXIST);
	assert_int_equal(lsn, newest_lsn(stage));
	stage_down(stage);
}

static void
whatever_shows_a_change_waits_for_its_lsn(void **state)
{
	stage_run(play_waits, false);
}

/* ---- anchors ----------------------------------------------------------------------------------------------------- */
enum { STEADY = 150 };

static void
play_anchors(struct stage *stage)
{
	static const enum daos_otype_t types[] = {DAOS_OT_MULTI_HASHED, DAOS_OT_MULTI_UINT64, DAOS_OT_MULTI_LEXICAL};
	uint64_t epoch = 10;
	struct rand rand;

	rand_init(&rand, 5, 5);
	assert_int_equal(stage_up(stage, true), 0);
	for (size_t t = 0; t < ARRAY_SIZE(types); t++) {
		daos_obj_id_t oid = oid_of(types[t], 9);
		uint64_t seen[BITMAP_WORDS(STEADY)] = {0};
		struct vos_key key = {.cont = stage->cont, .oid = oid};
		struct vos_when when = {.epoch = DAOS_EPOCH_MAX};
		daos_anchor_t anchor = {0};
		struct vos_entry entries[5];
		char buf[64];
		struct vos_list list = {.kind = VOS_LIST_DKEY,
					.anchor = &anchor,
					.buf = buf,
					.buf_size = sizeof(buf),
					.max = 5,
					.entries = entries};

		/* Keys of 8 bytes: the first STEADY numbers stay, others come and go. */
		for (uint64_t i = 0; i < STEADY; i++) {
			uint64_t number = i * 1000;
			struct vos_op *op;

			assert_int_equal(
				begin_one(stage, oid, key_u64(&number), key_u64(&number), 0, NULL, 1, "x", &op), 0);
			assert_int_equal(apply_at(stage, ++epoch, op, NULL), 0);
		}
		while (anchor.da_type != DAOS_ANCHOR_TYPE_EOF) {
			assert_int_equal(vos_list(&key, &when, 0, &list), 0);
			for (uint32_t i = 0; i < list.nr; i++) {
				uint64_t number;

				memcpy(&number, buf + entries[i].key_off, sizeof(number));
				if (number % 1000 != 0)
					continue;
				assert_false(bitmap_test(seen, number / 1000));
				bitmap_set(seen, number / 1000);
			}
			for (int i = 0; i < 20; i++) {
				uint64_t number = rand_below(&rand, STEADY * 1000) / 7 * 7 + 1;
				daos_key_t dkey = key_u64(&number);
				struct vos_key at = {.cont = stage->cont, .oid = oid, .dkey = &dkey};
				struct vos_op *op;

				if (number % 1000 == 0)
					continue;
				if (rand_one_in(&rand, 2))
					assert_int_equal(begin_one(stage, oid, dkey, dkey, 0, NULL, 1, "y", &op), 0);
				else
					assert_int_equal(vos_punch_begin(&at, 0, 0, NULL, &op), 0);
				assert_int_equal(apply_at(stage, ++epoch, op, NULL), 0);
			}
		}
		assert_int_equal(bitmap_count(seen, STEADY), STEADY);
	}
	stage_down(stage);
}

static void
a_key_that_is_there_throughout_is_listed_exactly_once(void **state)
{
	stage_run(play_anchors, true);
}

static void
play_hostile_anchors(struct stage *stage)
{
	struct vos_key key = {.oid = oid_of(DAOS_OT_MULTI_LEXICAL, 1)};
	struct vos_when when = {.epoch = DAOS_EPOCH_MAX};
	struct vos_entry entries[5];
	struct rand rand;
	char buf[64];

	rand_init(&rand, 6, 6);
	assert_int_equal(stage_up(stage, true), 0);
	key.cont = stage->cont;
	assert_int_equal(put_single(stage, key.oid, "d", "a", 10, "1", 1), 0);
	assert_int_equal(put_single(stage, key.oid, "d", "b", 10, "1", 1), 0);
	assert_int_equal(put_array(stage, key.oid, "d", "c", 10, 1, 1, "1"), 0);
	assert_int_equal(put_array(stage, key.oid, "d", "c", 11, 3, 1, "1"), 0);
	for (int i = 0; i < 5000; i++) {
		daos_anchor_t anchor;
		daos_key_t dkey = key_of("d"), akey = key_of("c");
		struct vos_list list = {.kind = (enum vos_list_kind)rand_below(&rand, 5),
					.anchor = &anchor,
					.buf = buf,
					.akey = &akey,
					.buf_size = (uint32_t)rand_below(&rand, 64),
					.max = 1 + (uint32_t)rand_below(&rand, 5),
					.entries = entries,
					.reverse = rand_one_in(&rand, 2)};
		int rc;

		rand_fill(&rand, &anchor, sizeof(anchor));
		anchor.da_type = (uint16_t)rand_below(&rand, 5);
		if (rand_one_in(&rand, 2))
			anchor.da_buf[0] = (uint8_t)(rand_below(&rand, 4) * 8);
		key.dkey = list.kind >= VOS_LIST_AKEY ? &dkey : NULL;
		rc = vos_list(&key, &when, 0, &list);
		assert_true(rc == 0 || rc == -DER_INVAL || rc == -DER_KEY2BIG);
	}
	stage_down(stage);
}

static void
an_anchor_of_random_bytes_does_no_harm(void **state)
{
	stage_run(play_hostile_anchors, true);
}

/* ---- answers ----------------------------------------------------------------------------------------------------- */
static void
play_answers(struct stage *stage)
{
	struct vos_cont_info info;
	uint64_t clock = 10, first = 0;
	struct vos_dtx_id id;
	enum vos_dtx_state state;
	uint64_t epoch;
	int32_t answer;
	int rc;

	assert_int_equal(stage_up(stage, true), 0);
	for (uint64_t i = 1; i <= 6000; i++) {
		struct vos_apply apply = {.cont = stage->cont,
					  .id = &id,
					  .next_epoch = next_after,
					  .next_epoch_arg = &clock,
					  .mode = VOS_COMMIT};
		struct vos_op *op;

		id = id_of(1000 + i);
		assert_int_equal(begin_one(stage, hashed, key_of("d"), key_of("a"), 0, NULL, 1, "x", &op), 0);
		assert_int_equal(vos_apply(&apply, &op, 1), 0);
	}
	assert_int_equal(vos_cont_query(stage->cont, &info), 0);
	assert_true(info.dtx_committed < 4500);
	for (uint64_t i = 1; i <= 6000; i++) {
		id = id_of(1000 + i);
		rc = vos_dtx_check(stage->cont, &id, &state, &epoch, &answer);
		assert_true(rc == 0 || (rc == -DER_EP_OLD && first == 0));
		if (rc == 0)
			first = first == 0 ? i : first;
	}
	assert_true(first > 1500 && first < 2100);
	stage_down(stage);
}

static void
stored_answers_do_not_fill_the_heap(void **state)
{
	struct stage stage;

	stage_open(&stage, 1, NULL);
	stage.ram = true;
	stage.meta_size = MIB;
	stage.data_size = MIB;
	assert_true(stage_play(&stage, play_answers, NULL));
	stage_close(&stage);
}

/* ---- what callers get wrong -------------------------------------------------------------------------------------- */
static void
play_wrong(struct stage *stage)
{
	daos_key_t dkey = key_of("d"), empty = {0}, huge = {0};
	struct vos_key key = {.oid = hashed, .dkey = &dkey};
	daos_recx_t recx = {.rx_nr = 1};
	daos_iod_t iod = {
		.iod_name = key_of("a"), .iod_type = DAOS_IOD_ARRAY, .iod_size = 1, .iod_nr = 1, .iod_recxs = &recx};
	daos_iod_t twice[2] = {iod, iod};
	struct vos_when when = {.epoch = 100};
	struct vos_apply apply = {.epoch = 10};
	struct vos_csum csum = {.type = CSUM_CRC32, .size = 4, .chunk = 16, .nr = 1, .data = (const uint8_t *)"abcd"};
	struct vos_read *read;
	struct vos_op *op, *other;
	uint64_t number = 5;

	assert_int_equal(stage_up(stage, true), 0);
	key.cont = apply.cont = stage->cont;
	assert_int_equal(vos_update_begin(&key, 0, 0, &iod, NULL, &op), -DER_INVAL);
	assert_int_equal(vos_update_begin(&key, 0, 2, twice, NULL, &op), -DER_INVAL);
	recx.rx_idx = UINT64_MAX;
	assert_int_equal(vos_update_begin(&key, 0, 1, &iod, NULL, &op), -DER_INVAL);
	recx.rx_idx = 0;
	recx.rx_nr = 0;
	assert_int_equal(vos_update_begin(&key, 0, 1, &iod, NULL, &op), -DER_INVAL);
	recx.rx_nr = 1ULL << 62;
	assert_int_equal(vos_update_begin(&key, 0, 1, &iod, NULL, &op), -DER_REC2BIG);
	recx.rx_nr = 100;
	assert_int_equal(vos_update_begin(&key, 0, 1, &iod, &csum, &op), -DER_INVAL);
	iod.iod_type = DAOS_IOD_NONE;
	assert_int_equal(vos_update_begin(&key, 0, 1, &iod, NULL, &op), -DER_INVAL);
	iod.iod_type = DAOS_IOD_ARRAY;
	key.dkey = &empty;
	assert_int_equal(vos_update_begin(&key, 0, 1, &iod, NULL, &op), -DER_INVAL);
	huge.iov_buf = (void *)"x";
	huge.iov_len = 1 << 20;
	key.dkey = &huge;
	assert_int_equal(vos_update_begin(&key, 0, 1, &iod, NULL, &op), -DER_KEY2BIG);
	key.dkey = NULL;
	assert_int_equal(vos_update_begin(&key, 0, 1, &iod, NULL, &op), -DER_INVAL);
	assert_int_equal(vos_fetch_begin(&key, &when, 0, 1, &iod, &read), -DER_INVAL);
	dkey = key_of("not a number");
	key.dkey = &dkey;
	key.oid = oid_of(DAOS_OT_DKEY_UINT64, 1);
	assert_int_equal(vos_update_begin(&key, 0, 1, &iod, NULL, &op), -DER_INVAL);
	dkey = key_u64(&number);
	assert_int_equal(vos_update_begin(&key, 0, 1, &iod, NULL, &op), 0);
	memset(bio_desc_pieces(vos_op_desc(op), 0, &(int){0})[0].buf, 'x', 100);
	assert_int_equal(vos_apply(&apply, &op, 1), 0);
	/* Another size of records. */
	iod.iod_size = 8;
	assert_int_equal(vos_update_begin(&key, 0, 1, &iod, NULL, &op), 0);
	apply.epoch = 20;
	assert_int_equal(vos_apply(&apply, &op, 1), -DER_REC_SIZE);
	/* Extents that overlap in one op. */
	{
		daos_recx_t two[2] = {{.rx_idx = 200, .rx_nr = 10}, {.rx_idx = 205, .rx_nr = 10}};

		iod.iod_size = 1;
		iod.iod_nr = 2;
		iod.iod_recxs = two;
		assert_int_equal(vos_update_begin(&key, 0, 1, &iod, NULL, &op), 0);
		assert_int_equal(vos_apply(&apply, &op, 1), -DER_VOS_PARTIAL_UPDATE);
	}
	/* A single value where an array is. */
	iod = (daos_iod_t){.iod_name = key_of("a"), .iod_type = DAOS_IOD_SINGLE, .iod_size = 1, .iod_nr = 1};
	assert_int_equal(vos_update_begin(&key, 0, 1, &iod, NULL, &op), 0);
	assert_int_equal(vos_apply(&apply, &op, 1), -DER_NO_PERM);
	/* Ops that are dropped. */
	assert_int_equal(vos_update_begin(&key, 0, 1, &iod, NULL, &op), 0);
	vos_op_cancel(op);
	assert_int_equal(vos_punch_begin(&key, 0, 0, NULL, &other), 0);
	vos_op_cancel(other);
	stage_down(stage);
}

static void
nonsense_is_refused(void **state)
{
	stage_run(play_wrong, true);
	stage_run(play_wrong, false);
}

/* ---- histories that nobody reads ---------------------------------------------------------------------------------- */
static int
put_forget(struct stage *stage, const char *dkey, uint64_t epoch, const char *text)
{
	struct vos_op *op;
	int rc = begin_one(stage, hashed, key_of(dkey), key_of("a"), VOS_FORGET, NULL, strlen(text), text, &op);

	return rc == 0 ? apply_at(stage, epoch, op, NULL) : rc;
}

static void
long_history(struct stage *stage, const char *dkey, uint64_t *epoch)
{
	for (int i = 0; i < 300; i++)
		assert_int_equal(put_single(stage, hashed, dkey, "a", ++*epoch, "old", 3), 0);
}

static void
play_forget(struct stage *stage)
{
	uint64_t epoch = 10, none, one;
	char name[16];

	assert_int_equal(stage_up(stage, true), 0);
	assert_int_equal(put_forget(stage, "other", ++epoch, "x"), 0);
	none = info_of(stage).meta_used;
	assert_int_equal(put_forget(stage, "d", ++epoch, "one"), 0);
	one = info_of(stage).meta_used;
	for (int i = 0; i < 300; i++)
		assert_int_equal(put_forget(stage, "d", ++epoch, "two"), 0);
	assert_int_equal(info_of(stage).meta_used, one);
	assert_text(stage, hashed, "d", "a", DAOS_EPOCH_MAX, "two");
	/* What has a long history is replaced, or gone, at once; the history goes bit by bit. */
	long_history(stage, "d", &epoch);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(put_forget(stage, "d", ++epoch, "new"), 0);
		assert_text(stage, hashed, "d", "a", DAOS_EPOCH_MAX, "new");
	}
	assert_in_range(info_of(stage).meta_used, none, one + 1024);
	long_history(stage, "d", &epoch);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(punch_at(stage, hashed, "d", NULL, ++epoch, VOS_FORGET), 0);
		assert_text(stage, hashed, "d", "a", DAOS_EPOCH_MAX, "-");
	}
	assert_in_range(info_of(stage).meta_used, none, none + 64); /* the tree's node has grown */
	assert_int_equal(punch_at(stage, hashed, "d", "a", ++epoch, VOS_FORGET), -DER_INVAL);
	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "d%d", i);
		assert_int_equal(put_forget(stage, name, ++epoch, "much"), 0);
	}
	for (int i = 0; i < 10; i++) {
		assert_int_equal(punch_at(stage, hashed, NULL, NULL, ++epoch, VOS_FORGET), 0);
		assert_text(stage, hashed, "d7", "a", DAOS_EPOCH_MAX, "-");
	}
	assert_in_range(info_of(stage).meta_used, 0, none);
	assert_int_equal(put_forget(stage, "d", ++epoch, "again"), 0);
	assert_text(stage, hashed, "d", "a", DAOS_EPOCH_MAX, "again");
	assert_int_equal(vos_pool_check(stage->pool), 0);
	stage_down(stage);
	assert_int_equal(stage_up(stage, false), 0);
	assert_text(stage, hashed, "d", "a", DAOS_EPOCH_MAX, "again");
	assert_int_equal(vos_pool_check(stage->pool), 0);
	stage_down(stage);
}

static void
what_a_table_forgets_gives_its_space_back_however_long_it_was(void **state)
{
	stage_run(play_forget, false);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_of_all_sizes_survive_a_restart),
		cmocka_unit_test(checksums_are_kept_and_checked_also_for_parts_of_chunks),
		cmocka_unit_test(bytes_that_rotted_are_never_returned),
		cmocka_unit_test(a_full_heap_and_a_full_data_blob_still_delete_and_lose_no_space),
		cmocka_unit_test(a_large_value_finds_room_in_many_small_holes),
		cmocka_unit_test(prepared_transactions_are_found_again_in_order_of_age),
		cmocka_unit_test(a_transaction_of_many_keys_is_settled_in_steps),
		cmocka_unit_test(a_crash_in_the_middle_of_a_large_commit_leaves_all_or_nothing_to_see),
		cmocka_unit_test(containers_are_made_listed_and_destroyed),
		cmocka_unit_test(pools_are_made_opened_and_destroyed),
		cmocka_unit_test(each_allocation_may_fail_once),
		cmocka_unit_test(a_disk_that_fails_is_reported_and_nothing_acknowledged_is_lost),
		cmocka_unit_test(whatever_shows_a_change_waits_for_its_lsn),
		cmocka_unit_test(a_key_that_is_there_throughout_is_listed_exactly_once),
		cmocka_unit_test(an_anchor_of_random_bytes_does_no_harm),
		cmocka_unit_test(stored_answers_do_not_fill_the_heap),
		cmocka_unit_test(nonsense_is_refused),
		cmocka_unit_test(what_a_table_forgets_gives_its_space_back_however_long_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
