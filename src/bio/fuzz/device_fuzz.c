/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A raw device whose headers and blob table somebody wrote by hand, and fitted the checksums: opening, listing, making, reading and
 * removing blobs ends with an error or works. Input: records of { u8 where, u16 place, u8 length, bytes }: where 0: device header,
 * 1: its copy, 2, 3: head of the table's copies, 4, 5: entries of a copy, 6: the header of a blob.
 */
#include <stdlib.h>
#include "bio/bio.h"
#include "env_sim/env_sim.h"
#include "pure/csum/csum.h"
#include "ult/ult.h"
#include "../bio_format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { DEVICE = 4 * MIB, BLOBS = 3, BLOB_BYTES = 64 * KIB };

struct stage {
	struct sim *sim;
	struct env *env;
	struct xs *xs;
	const uint8_t *data;
	size_t size;
	bool done;
};

static struct bio_blob_id
id_of(uint32_t blob)
{
	return (struct bio_blob_id){.pool = {1, (uint8_t)blob}, .tgt = blob, .kind = (enum bio_blob_kind)(blob % 3)};
}

static int
open_device(struct stage *stage, bool format, struct bio **bio)
{
	struct bio_dev_config config = {.path = "/dev_raw", .raw = true};

	return bio_open(stage->env, &config, 1, format, bio);
}

static void
make(struct stage *stage)
{
	struct env_disk *disk;
	struct bio *bio;

	ASSERT(stage->env->ops->disk.open(stage->env, "/dev_raw", ENV_DISK_CREATE, DEVICE, &disk) == 0);
	stage->env->ops->disk.close(disk);
	ASSERT(open_device(stage, true, &bio) == 0);
	for (uint32_t i = 0; i < BLOBS; i++) {
		struct bio_blob_id id = id_of(i);

		ASSERT(bio_blob_create(bio, &id, BLOB_BYTES) == 0);
	}
	bio_close(bio);
}

static void
seal(struct sim_disk *disk, uint64_t at, uint64_t len)
{
	struct bio_head *head = calloc(1, len);

	sim_disk_peek(disk, at, head, len, false);
	head->crc = 0;
	head->crc = csum_crc32c(0, head, len);
	sim_disk_poke(disk, at, head, len);
	free(head);
}

static void
change(struct stage *stage)
{
	struct sim_disk *disk = sim_disk(stage->sim, 0, "/dev_raw");
	uint64_t table[2] = {2 * BIO_BLOCK, 2 * BIO_BLOCK + sizeof(struct bio_table)}, first = ALIGN_UP(table[1] + sizeof(struct bio_table), MIB);
	uint64_t begin[] = {0, BIO_BLOCK, table[0], table[1], table[0] + BIO_BLOCK, table[1] + BIO_BLOCK, first};
	uint64_t len[] = {BIO_BLOCK, BIO_BLOCK, 80, 80, 8 * sizeof(struct bio_entry), 8 * sizeof(struct bio_entry), 128};
	const uint8_t *data = stage->data;
	size_t size = stage->size;

	while (size >= 5) {
		uint32_t where = data[0] % ARRAY_SIZE(begin);
		uint64_t in = (data[1] | data[2] << 8) % len[where], nr = MIN((uint64_t)data[3] % 32, MIN(size - 4, len[where] - in));

		sim_disk_poke(disk, begin[where] + in, data + 4, nr);
		data += 4 + nr;
		size -= 4 + nr;
	}
	seal(disk, 0, BIO_BLOCK);
	seal(disk, BIO_BLOCK, BIO_BLOCK);
	seal(disk, table[0], sizeof(struct bio_table));
	seal(disk, table[1], sizeof(struct bio_table));
	seal(disk, first, BIO_BLOCK);
}

static void
use_blob(struct stage *stage, struct bio *bio, uint32_t i)
{
	struct bio_blob_id id = id_of(i);
	struct bio_blob *blob;
	uint8_t *buf = aligned_alloc(BIO_BLOCK, BIO_BLOCK);
	struct iovec iov = {buf, BIO_BLOCK};

	memset(buf, 0, BIO_BLOCK);
	if (bio_blob_open(bio, &id, stage->xs, &blob) == 0) {
		uint64_t bytes = bio_blob_size(blob);

		ASSERT(bytes <= DEVICE);
		for (uint64_t at = 0; at < bytes; at += BIO_BLOCK)
			(void)bio_read(blob, at, &iov, 1);
		(void)bio_write(blob, bytes > BIO_BLOCK ? bytes - BIO_BLOCK : 0, &iov, 1, true);
		bio_blob_close(blob);
	}
	if (i % 2 == 0)
		(void)bio_blob_destroy(bio, &id);
	free(buf);
}

static void
use(struct stage *stage)
{
	struct bio_blob_id more = id_of(BLOBS);
	struct bio_dev_info info;
	struct bio *bio;

	if (open_device(stage, true, &bio) != 0)
		return;
	ASSERT(bio_dev_info(bio, 0, &info) == 0 && info.free <= info.total && info.total <= DEVICE);
	for (uint32_t i = 0; i < BLOBS; i++)
		use_blob(stage, bio, i);
	(void)bio_blob_create(bio, &more, BLOB_BYTES);
	use_blob(stage, bio, BLOBS);
	bio_close(bio);
}

static void
play(void *arg)
{
	struct stage *stage = arg;

	make(stage);
	change(stage);
	use(stage);
	stage->done = true;
	xs_stop(stage->xs);
}

static bool
over(void *arg)
{
	return ((struct stage *)arg)->done;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct stage stage = {.data = data, .size = size};
	struct xs_config config = {.name = "stage"};
	struct sim_mem_stats stats;
	struct sim_options options;
	struct env_thread *thread;

	sim_options_init(&options);
	options.log_level = LOG_CRIT;
	stage.sim = sim_create(1, &options);
	stage.env = config.env = sim_env(stage.sim, 0);
	ASSERT(xs_create(&config, &stage.xs) == 0);
	ASSERT(ult_spawn(stage.xs, ULT_IO, "play", play, &stage, NULL) == 0);
	ASSERT(xs_start(stage.xs, NULL, &thread) == 0);
	ASSERT(sim_run(stage.sim, ENV_FOREVER, over, &stage) == 0);
	stage.env->ops->host.thread_join(thread);
	xs_destroy(stage.xs);
	sim_mem_stats(stage.sim, 0, &stats);
	ASSERT(stats.blocks == 0 && stats.handles == 0);
	sim_destroy(stage.sim);
	return 0;
}
