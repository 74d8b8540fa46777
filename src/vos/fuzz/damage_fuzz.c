/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of a pool with bytes from the input in them, checksums fitted: reads, lists, queries, writes, aggregation of garbage and the
 * check end with an error or work. Input: a byte: which pool; records of { u16 which record, u8 place in it, u8 length, bytes }.
 */
#define STAGE_BARE 1
#include "../test/damage.h"

struct input {
	const uint8_t *data;
	size_t size;
	struct drive drive;
	struct damage damage;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
spoil_by(struct input *input, struct stage *stage)
{
	struct damage *damage = &input->damage;

	while (input->size >= 5 && damage->nr > 0) {
		uint32_t place = (uint32_t)(input->data[0] | input->data[1] << 8) % damage->nr;
		uint32_t at = input->data[2] % damage->places[place].size;
		uint32_t len = MIN(MIN(1U + input->data[3] % 8, damage->places[place].size - at), (uint32_t)(input->size - 4));

		damage->off = damage->places[place].off + at;
		damage->len = len;
		memcpy(damage->after, input->data + 4, len);
		if (input->data[3] & 0x80 && len == 8) /* a plausible offset */
			memcpy(damage->after, &damage->places[input->data[4] % damage->nr].off, 8);
		ASSERT(umem_write(stage->cont->pool->heap, 0, write_bytes, damage, NULL) == 0);
		input->data += 4 + len;
		input->size -= 4 + len;
	}
}

static void
play(struct stage *stage)
{
	struct input *input = stage->arg;
	struct drive *drive = &input->drive;
	uuid_t uuid = STAGE_CONT;
	bool more = true;
	uint64_t lsn;

	ASSERT(stage_up(stage, true) == 0);
	for (int i = 0; i < 60; i++)
		d_write(drive);
	input->damage.drive = drive;
	ASSERT(umem_read(stage->cont->pool->heap, note_all, &input->damage) == 0);
	spoil_by(input, stage);
	read_all(drive);
	try_writes(drive);
	for (int i = 0; i < 10; i++) {
		struct vos_apply apply = {.cont = stage->cont, .epoch = drive->clock += 10, .mode = VOS_COMMIT};
		struct vos_op *begun;
		struct d_op op;

		d_random_op(drive, &op);
		if (d_begin(drive, &op, &begun) == 0)
			(void)vos_apply(&apply, &begun, 1);
	}
	vos_cont_close(stage->cont);
	stage->cont = NULL;
	if (vos_cont_destroy(stage->pool, uuid, &lsn) == 0)
		for (int i = 0; i < 200 && more && vos_gc_run(stage->vx, 100, &more) == 0; i++)
			;
	stage_down(stage);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input *input;
	struct stage stage;

	if (size == 0)
		return 0;
	input = calloc(1, sizeof(*input));
	input->data = data + 1;
	input->size = size - 1;
	stage_open(&stage, 1, NULL);
	sim_options(stage.sim)->log_level = LOG_CRIT;
	stage.ram = true;
	stage.meta_size = 4 * MIB;
	stage.data_size = MIB;
	d_init(&input->drive, &stage, 1 + data[0] % 4);
	ASSERT(stage_play(&stage, play, input));
	model_fini(&input->drive.model);
	stage_close(&stage);
	free(input);
	return 0;
}
