/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The format is frozen: an image written by version 1 (golden_v1.txt: lines "meta|wal OFFSET HEX") opens, replays and holds
 * what it held. GOLDEN_WRITE=path writes a new one, for the day when there is a version 2.
 */
#include "stage.h"

#define GOLDEN_HEAP (16 * UMEM_SEGMENT)

/* A heap with one of each: small, mid and large places, freed ones, and zeros. */
static int
body_golden(struct umem *heap, void *arg)
{
	uint64_t nr = *(uint64_t *)arg;
	umem_off_t *root = umem_touch(heap, umem_root(heap), 16 * 8);
	static const size_t sizes[] = { 24, 200, 900, 2000, 9000, 70000, 16, 100 };

	for (uint64_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		if ((nr + i) % 3 == 0 && root[i] != UMEM_NULL) {
			umem_free(heap, root[i]);
			root[i] = UMEM_NULL;
		}
		if (root[i] == UMEM_NULL) {
			root[i] = umem_alloc(heap, sizes[i]);
			if (root[i] == UMEM_NULL)
				return -DER_NOSPACE;
			*(uint64_t *)umem_touch(heap, root[i], 8) = i + 1;
			*(uint32_t *)umem_touch(heap, root[i] + sizes[i] - 4, 4) = (uint32_t)nr;
		}
	}
	root[15] = nr;
	return 0;
}

struct sums {
	uint64_t nr, heads, tails;
};

static int
body_sums(struct umem *heap, void *arg)
{
	static const size_t sizes[] = { 24, 200, 900, 2000, 9000, 70000, 16, 100 };
	const umem_off_t *root = umem_at(heap, umem_root(heap));
	struct sums sums = { .nr = root[15] };

	for (uint64_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		sums.heads += *(uint64_t *)umem_at(heap, root[i]);
		sums.tails += *(uint32_t *)umem_at(heap, root[i] + sizes[i] - 4);
	}
	*(struct sums *)arg = sums;
	return 0;
}

static void
play_write(struct stage *stage)
{
	assert_int_equal(stage_up(stage, true), 0);
	for (uint64_t nr = 1; nr <= 9; nr++) {
		uint64_t lsn;

		assert_int_equal(umem_write(stage->heap, 0, body_golden, &nr, &lsn), 0);
		assert_int_equal(umem_wait(stage->heap, lsn), 0);
		if (nr == 5)
			assert_int_equal(umem_checkpoint(stage->heap), 0);
	}
	/* Left as a crash leaves it: there is a log to replay. */
	sim_node_crash(stage->sim, 0, SIM_POWER);
	ult_sleep(NS_PER_S);
}

static void
dump(FILE *to, const char *name, struct sim_disk *disk)
{
	uint8_t page[64];

	for (uint64_t off = 0; off < sim_disk_size(disk); off += sizeof(page)) {
		bool zero = true;

		sim_disk_peek(disk, off, page, sizeof(page), true);
		for (uint32_t i = 0; i < sizeof(page); i++)
			zero &= page[i] == 0;
		if (zero)
			continue;
		fprintf(to, "%s %lu ", name, off);
		for (uint32_t i = 0; i < sizeof(page); i++)
			fprintf(to, "%02x", page[i]);
		fprintf(to, "\n");
	}
}

static void
write_golden(const char *path)
{
	struct stage stage;
	FILE *to = fopen(path, "w");

	stage_open(&stage, 1, NULL);
	stage.heap_size = GOLDEN_HEAP;
	assert_false(stage_play(&stage, play_write, NULL));
	dump(to, "meta", sim_disk(stage.sim, 0, STAGE_META));
	dump(to, "wal", sim_disk(stage.sim, 0, STAGE_WAL));
	fclose(to);
	sim_destroy(stage.sim);
}

static void
load_golden(struct stage *stage, FILE *from)
{
	char line[400], name[8], hex[200];
	unsigned long off;

	while (fgets(line, sizeof(line), from) != NULL) {
		uint8_t bytes[64];

		assert_int_equal(sscanf(line, "%7s %lu %199s", name, &off, hex), 3);
		for (uint32_t i = 0; i < sizeof(bytes); i++) {
			unsigned int byte;

			assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
			bytes[i] = (uint8_t)byte;
		}
		sim_disk_poke(sim_disk(stage->sim, 0, strcmp(name, "meta") == 0 ? STAGE_META : STAGE_WAL), off, bytes, sizeof(bytes));
	}
}

static void
play_golden(struct stage *stage)
{
	struct sums sums = {0};
	uint64_t nr = 10, lsn;

	/* Blobs of the right size; their content is the image's. */
	assert_int_equal(stage_blobs(stage, true), 0);
	bio_blob_close(stage->meta);
	bio_blob_close(stage->wal);
	bio_close(stage->bio);
	load_golden(stage, stage->arg);
	assert_int_equal(stage_up(stage, false), 0);
	assert_int_equal(umem_lsn_last(stage->heap), 9);
	assert_int_equal(umem_read(stage->heap, body_sums, &sums), 0);
	assert_int_equal(sums.nr, 9);
	assert_int_equal(sums.heads, 36);
	assert_int_equal(sums.tails, 9 + 8 + 7 + 9 + 8 + 7 + 9 + 8);
	assert_int_equal(umem_check(stage->heap), 0);
	assert_int_equal(umem_write(stage->heap, 0, body_golden, &nr, &lsn), 0);
	stage_down(stage);
	assert_int_equal(stage_up(stage, false), 0);
	assert_int_equal(umem_lsn_last(stage->heap), 10);
	assert_int_equal(umem_check(stage->heap), 0);
	stage_down(stage);
}

static void
an_image_of_version_1_opens_and_holds_what_it_held(void **state)
{
	struct stage stage;
	FILE *from = fopen(SOURCE_ROOT "/src/umem/test/golden_v1.txt", "r");

	if (getenv("GOLDEN_WRITE") != NULL)
		write_golden(getenv("GOLDEN_WRITE"));
	assert_non_null(from);
	stage_open(&stage, 1, NULL);
	stage.heap_size = GOLDEN_HEAP;
	assert_true(stage_play(&stage, play_golden, from));
	stage_close(&stage);
	fclose(from);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_image_of_version_1_opens_and_holds_what_it_held),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
