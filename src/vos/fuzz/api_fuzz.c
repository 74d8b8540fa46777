/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sequences of calls against the model: each 8 bytes of the input are the seed of one call of the driver in
 * ../test/drive.h, so that what the fuzzer changes in one place changes one call.
 */
#define STAGE_BARE 1
#include "../test/drive.h"

struct input {
	const uint8_t *data;
	size_t size;
	struct drive drive;
};

static void
play(struct stage *stage)
{
	struct input *input = stage->arg;
	struct drive *drive = &input->drive;
	struct m_view view;

	ASSERT(stage_up(stage, true) == 0);
	for (size_t at = 0; at + 8 <= input->size && at < 8 * 300; at += 8) {
		uint64_t seed;

		memcpy(&seed, input->data + at, sizeof(seed));
		rand_init(&drive->rand, seed, 1);
		d_step(drive);
	}
	view = d_view(drive);
	d_compare_all(drive, &view, DAOS_EPOCH_MAX);
	ASSERT(vos_pool_check(stage->pool) == 0);
	stage_down(stage);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input *input = malloc(sizeof(*input));
	struct stage stage;

	input->data = data;
	input->size = size;
	stage_open(&stage, 1, NULL);
	stage.ram = true;
	stage.meta_size = 4 * MIB;
	stage.data_size = MIB;
	d_init(&input->drive, &stage, 1);
	input->drive.big = true;
	input->drive.bad_space = true;
	ASSERT(stage_play(&stage, play, input));
	model_fini(&input->drive.model);
	stage_close(&stage);
	free(input);
	return 0;
}
