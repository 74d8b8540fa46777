/* SPDX-License-Identifier: Apache-2.0 */
/*
 * umem's decoders: superblocks, map, log, directory. The input changes bytes of a small heap's blobs, then the checksums
 * are made right again, all the way up, so that what is malformed is reached and not just what is damaged. Opening,
 * checking, reading, writing and closing must end with an error or work.
 *
 * Input: records of { u8 where, u16 place, u8 length, bytes }: where 0: superblock, 1: inner page, 2: leaf, 3: heap page,
 * 4: log; place counts from the beginning of that.
 */
#define STAGE_PLAIN
#include "../test/stage.h"
#include "../umem_format.h"
#include "pure/csum/csum.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
body_some(struct umem *heap, void *arg)
{
	umem_off_t *root = umem_touch(heap, umem_root(heap), 64 * 8);

	for (uint32_t i = 0; i < 64; i += 3) {
		if (root[i] != UMEM_NULL)
			umem_free(heap, root[i]);
		root[i] = umem_alloc(heap, 16 + i * 97 % 5000);
		if (root[i] == UMEM_NULL)
			return -DER_NOSPACE;
		*(uint64_t *)umem_at(heap, root[i]) = i;
	}
	return 0;
}

static int
body_read(struct umem *heap, void *arg)
{
	umem_off_t *root = umem_at(heap, umem_root(heap));
	uint64_t sum = 0;

	for (uint32_t i = 0; i < 64; i++)
		if (root[i] != UMEM_NULL && root[i] % 8 == 0 && umem_usable(heap, root[i]) >= 8)
			sum += *(uint64_t *)umem_at(heap, root[i]);
	*(uint64_t *)arg = sum;
	return 0;
}

static void
play_base(struct stage *stage)
{
	ASSERT(stage_up(stage, true) == 0);
	for (uint32_t i = 0; i < 10; i++)
		ASSERT(umem_write(stage->heap, 0, body_some, NULL, NULL) == 0);
	ASSERT(umem_checkpoint(stage->heap) == 0);
	for (uint32_t i = 0; i < 4; i++) {
		uint64_t lsn;

		ASSERT(umem_write(stage->heap, 0, body_some, NULL, &lsn) == 0);
		ASSERT(umem_wait(stage->heap, lsn) == 0);
	}
	sim_node_crash(stage->sim, 0, SIM_KILL);
	ult_sleep(NS_PER_S);
}

static void
play_hostile(struct stage *stage)
{
	uint64_t sum;

	if (stage_up(stage, false) == 0) {
		umem_check(stage->heap);
		umem_read(stage->heap, body_read, &sum);
		umem_write(stage->heap, 0, body_some, NULL, NULL);
		umem_checkpoint(stage->heap);
	}
	stage_down(stage);
}

/* ---- changing the image -------------------------------------------------------------------------------------------------- */

struct picture {
	struct sim_disk *meta, *wal;
	struct umem_super super;
	uint64_t super_at;
	struct umem_ref inner[UMEM_REFS_PER_PAGE], leaf[UMEM_REFS_PER_PAGE];
};

#define AT(slot) (BIO_BLOCK + (uint64_t)(slot) * UMEM_BLOCK) /* behind the blob's header */

static uint32_t
page_crc(const struct picture *p, uint32_t level, uint64_t number, const struct umem_ref *ref)
{
	struct umem_seal seal = { .heap_id = p->super.heap_id, .number = number, .lsn = ref->lsn, .level = level,
				  .slot = ref->slot };
	uint8_t page[UMEM_PAGE];

	memcpy(seal.uuid, p->super.uuid, sizeof(seal.uuid));
	sim_disk_peek(p->meta, AT(ref->slot), page, sizeof(page), false);
	return csum_crc32c(csum_crc32c(0, &seal, sizeof(seal)), page, sizeof(page));
}

static void
picture_read(struct picture *p)
{
	struct umem_super other;

	sim_disk_peek(p->meta, AT(0), &p->super, sizeof(p->super), false);
	sim_disk_peek(p->meta, AT(1), &other, sizeof(other), false);
	p->super_at = AT(0);
	if (other.generation > p->super.generation) {
		p->super = other;
		p->super_at = AT(1);
	}
	sim_disk_peek(p->meta, AT(p->super.inner[0].slot), p->inner, sizeof(p->inner), false);
	sim_disk_peek(p->meta, AT(p->inner[0].slot), p->leaf, sizeof(p->leaf), false);
}

/* All that can be changed by a record: a disk, where it begins, how long it is. */
static struct sim_disk *
place_of(const struct picture *p, uint8_t where, uint16_t place, uint64_t *at, uint64_t *len)
{
	uint32_t page = place >> 12 & 15, nth = 0;

	*len = UMEM_PAGE;
	switch (where % 5) {
	case 0:
		*at = p->super_at;
		return p->meta;
	case 1:
		*at = AT(p->super.inner[0].slot);
		return p->meta;
	case 2:
		*at = AT(p->inner[0].slot);
		return p->meta;
	case 3:
		for (uint32_t i = 0; i < UMEM_REFS_PER_PAGE; i++)
			if (p->leaf[i].slot != 0 && nth++ == page)
				*at = AT(p->leaf[i].slot);
		if (nth <= page)
			*at = AT(p->leaf[2].slot);
		return p->meta;
	default:
		*at = BIO_BLOCK + p->super.replay_pos % p->super.wal_blocks * UMEM_BLOCK;
		*len = 4 * UMEM_BLOCK;
		return p->wal;
	}
}

static void
change(const struct picture *p, const uint8_t *data, size_t size)
{
	while (size >= 5) {
		uint16_t place = (uint16_t)(data[1] | data[2] << 8);
		uint64_t at = 0, len = 0;
		struct sim_disk *disk = place_of(p, data[0], place, &at, &len);
		uint64_t in = place % len, nr = MIN((uint64_t)data[3], MIN(size - 4, len - in));

		sim_disk_poke(disk, at + in, data + 4, nr);
		data += 4 + nr;
		size -= 4 + nr;
	}
}

static void
fix_log(const struct picture *p)
{
	uint64_t at = p->super.replay_pos % p->super.wal_blocks, prev = p->super.replay_prev_crc;
	uint8_t buf[4 * UMEM_BLOCK];

	for (uint32_t i = 0; i < 4 && at + 4 <= p->super.wal_blocks; i++) {
		struct umem_batch *batch = (struct umem_batch *)buf;

		sim_disk_peek(p->wal, BIO_BLOCK + at * UMEM_BLOCK, buf, sizeof(buf), false);
		if (batch->bytes < sizeof(*batch) || batch->bytes > sizeof(buf))
			return;
		batch->prev_crc = (uint32_t)prev;
		batch->crc = csum_crc32c(csum_crc32c(0, p->super.uuid, 16), buf + 8, batch->bytes - 8);
		prev = batch->crc;
		sim_disk_poke(p->wal, BIO_BLOCK + at * UMEM_BLOCK, buf, sizeof(*batch));
		at += DIV_UP(batch->bytes, UMEM_BLOCK);
	}
}

static void
fix(struct picture *p, uint64_t meta_slots)
{
	struct umem_super super;

	/* From below: pages into the leaf, the leaf into the inner page, that into the superblock. */
	sim_disk_peek(p->meta, AT(p->inner[0].slot), p->leaf, sizeof(p->leaf), false);
	for (uint32_t i = 0; i < UMEM_REFS_PER_PAGE; i++)
		if (p->leaf[i].slot != 0 && p->leaf[i].slot < meta_slots)
			p->leaf[i].crc = page_crc(p, 0, i, &p->leaf[i]);
	sim_disk_poke(p->meta, AT(p->inner[0].slot), p->leaf, sizeof(p->leaf));
	sim_disk_peek(p->meta, AT(p->super.inner[0].slot), p->inner, sizeof(p->inner), false);
	for (uint32_t i = 0; i < UMEM_REFS_PER_PAGE; i++)
		if (p->inner[i].slot != 0 && p->inner[i].slot < meta_slots)
			p->inner[i].crc = page_crc(p, 1, i, &p->inner[i]);
	sim_disk_poke(p->meta, AT(p->super.inner[0].slot), p->inner, sizeof(p->inner));
	sim_disk_peek(p->meta, p->super_at, &super, sizeof(super), false);
	for (uint32_t i = 0; i < UMEM_INNER_MAX; i++)
		if (super.inner[i].slot != 0 && super.inner[i].slot < meta_slots)
			super.inner[i].crc = page_crc(p, 2, i, &super.inner[i]);
	super.crc = 0;
	super.crc = csum_crc32c(0, &super, sizeof(super));
	sim_disk_poke(p->meta, p->super_at, &super, sizeof(super));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct sim_record *base;
	struct picture *p = calloc(1, sizeof(*p));
	struct stage stage;

	if (base == NULL) {
		stage_open(&stage, 1, NULL);
		stage.heap_size = 64 * UMEM_SEGMENT;
		sim_record_start(stage.sim, 0);
		stage_play(&stage, play_base, NULL);
		base = sim_record_stop(stage.sim, 0);
		sim_destroy(stage.sim);
	}
	stage_open(&stage, 2, NULL);
	stage.heap_size = 64 * UMEM_SEGMENT;
	sim_record_load(base, sim_record_nr(base), NULL, NULL, stage.sim, 0);
	p->meta = sim_disk(stage.sim, 0, STAGE_META);
	p->wal = sim_disk(stage.sim, 0, STAGE_WAL);
	picture_read(p);
	change(p, data, size);
	fix_log(p);
	fix(p, umem_meta_size(64 * UMEM_SEGMENT) / UMEM_BLOCK);
	if (!stage_play(&stage, play_hostile, NULL))
		abort();
	stage_close(&stage);
	free(p);
	return 0;
}
