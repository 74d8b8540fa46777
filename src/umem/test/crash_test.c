/* SPDX-License-Identifier: Apache-2.0 */
/*
 * umem and loss of power. A workload runs while everything that reaches the disks is recorded; then the record is cut short
 * at many places, what was not durable is kept, lost or torn by turns, and a new life opens what is left. It must find the
 * state after a prefix of the transactions that has all durable ones (umem I3), go on from there, and survive the next cut.
 *
 * CRASH_TEST_IMAGES: how many images each test tries at most (default: a few hundred).
 */
#include "model.h"
#include "stage.h"

#define WRITERS 3

struct workload {
	struct model *models[WRITERS];
	uint32_t steps;      /* of each writer */
	uint32_t slots, size_max;
	uint32_t running;
	bool cut;            /* the host is gone */
	struct stage *stage;
};

struct writer {
	struct workload *load;
	struct model *model;
	struct ult_eventual done;
};

static uint64_t
images_wanted(uint64_t usual)
{
	const char *text = getenv("CRASH_TEST_IMAGES");

	return text != NULL ? strtoull(text, NULL, 10) : usual;
}

/* ---- the workload ------------------------------------------------------------------------------------------------------- */

static void
note_durable(struct stage *stage)
{
	sim_record_note(stage->sim, 0, "durable", umem_lsn_durable(stage->heap));
}

static void
write_some(void *arg)
{
	struct writer *writer = arg;
	struct workload *load = writer->load;
	struct model *model = writer->model;

	for (uint32_t i = 0; i < load->steps; i++) {
		uint64_t lsn = model_step(model, load->stage->heap, 0);

		switch (rand_below(&model->rand, 8)) {
		case 0:
			ult_sleep(rand_below(&model->rand, 300) * NS_PER_US);
			break;
		case 1:
		case 2:
			ult_yield();
			break;
		case 3:
		case 4:
			if (lsn != 0)
				assert_int_equal(umem_wait(load->stage->heap, lsn), 0);
			note_durable(load->stage);
			break;
		case 5:
			if (rand_below(&model->rand, 20) == 0) {
				assert_int_equal(umem_checkpoint(load->stage->heap), 0);
				note_durable(load->stage);
			}
			break;
		default:
			break;
		}
	}
	ult_eventual_set(&writer->done, 0);
}

static void
play_workload(struct stage *stage)
{
	struct workload *load = stage->arg;
	struct writer writers[WRITERS];

	load->stage = stage;
	assert_int_equal(stage_up(stage, true), 0);
	sim_record_note(stage->sim, 0, "created", 0);
	for (uint32_t i = 0; i < WRITERS; i++) {
		writers[i] = (struct writer){ .load = load, .model = load->models[i] };
		ult_eventual_init(&writers[i].done);
		assert_int_equal(ult_spawn(stage->xs, ULT_IO, "writer", write_some, &writers[i], NULL), 0);
	}
	for (uint32_t i = 0; i < WRITERS; i++)
		ult_eventual_wait(&writers[i].done);
	stage_down(stage);
	sim_record_note(stage->sim, 0, "closed", 0);
}

static void
load_init(struct workload *load, uint64_t seed, uint32_t steps, uint32_t slots, uint32_t size_max)
{
	*load = (struct workload){ .steps = steps, .slots = slots, .size_max = size_max };
	for (uint32_t i = 0; i < WRITERS; i++) {
		load->models[i] = model_new(seed * 100 + i, slots, size_max);
		load->models[i]->base = i * slots;
	}
}

static void
load_fini(struct workload *load)
{
	for (uint32_t i = 0; i < WRITERS; i++)
		model_free(load->models[i]);
}

struct shape {
	uint64_t heap_size, wal_size, budget;
	uint32_t steps, slots, size_max;
};

static struct sim_record *
record(struct workload *load, uint64_t seed, const struct shape *shape)
{
	struct sim_record *result;
	struct stage stage;

	stage_open(&stage, seed, NULL);
	stage.heap_size = shape->heap_size;
	stage.wal_size = shape->wal_size;
	stage.budget = shape->budget;
	load_init(load, seed, shape->steps, shape->slots, shape->size_max);
	sim_record_start(stage.sim, 0);
	assert_true(stage_play(&stage, play_workload, load));
	result = sim_record_stop(stage.sim, 0);
	stage_close(&stage);
	return result;
}

/* ---- after the cut ------------------------------------------------------------------------------------------------------- */

struct image {
	struct workload *load;
	const struct shape *shape;
	uint64_t seed;
	bool created;
	uint64_t durable; /* LSN that must be there */
	uint64_t found;
	int rc;           /* of the opening */
	bool go_on;       /* write some more and look again */
};

static void
compare_all(struct stage *stage, const struct image *image, uint64_t lsn)
{
	for (uint32_t i = 0; i < WRITERS; i++)
		assert_int_equal(model_compare(image->load->models[i], stage->heap, lsn), 0);
}

struct stamp {
	uint64_t value;
	umem_off_t off;
};

/* A transaction of a life after the cut: a word of the root that no model uses, and some garbage for the allocator. */
static int
stamp_body(struct umem *heap, void *arg)
{
	struct stamp *stamp = arg;
	umem_off_t off = umem_alloc(heap, 40 + stamp->value % 3000);

	if (off == UMEM_NULL)
		return -DER_NOSPACE;
	memset(umem_at(heap, off), 7, 40);
	umem_free(heap, stamp->off);
	stamp->off = off;
	*(uint64_t *)umem_touch(heap, umem_root(heap) + UMEM_ROOT_SIZE - 8, 8) = stamp->value;
	return 0;
}

static int
stamp_read(struct umem *heap, void *arg)
{
	*(uint64_t *)arg = *(uint64_t *)umem_at(heap, umem_root(heap) + UMEM_ROOT_SIZE - 8);
	return 0;
}

static void
go_on(struct stage *stage, struct image *image)
{
	struct stamp stamp = {0};
	uint64_t lsn = 0, value = 0;

	for (stamp.value = 1; stamp.value < 40; stamp.value++)
		assert_int_equal(umem_write(stage->heap, 0, stamp_body, &stamp, &lsn), 0);
	assert_int_equal(umem_wait(stage->heap, lsn), 0);
	stage_down(stage);
	assert_int_equal(stage_up(stage, false), 0);
	assert_int_equal(umem_lsn_last(stage->heap), lsn);
	assert_int_equal(umem_read(stage->heap, stamp_read, &value), 0);
	assert_int_equal(value, stamp.value - 1);
	compare_all(stage, image, image->found);
}

static void
play_recovery(struct stage *stage)
{
	struct image *image = stage->arg;

	image->rc = stage_up(stage, false);
	if (image->rc == 0) {
		image->found = umem_lsn_last(stage->heap);
		assert_int_equal(umem_lsn_durable(stage->heap), image->found);
		assert_true(image->found >= image->durable);
		compare_all(stage, image, image->found);
		assert_int_equal(umem_check(stage->heap), 0);
		if (image->go_on)
			go_on(stage, image);
	}
	stage_down(stage);
}

/* Fates of what was not durable: one policy for each image. */
enum policy { ALL_LOST, ALL_KEPT, ANY, TORN, LATEST_LOST, EARLIEST_LOST, POLICY_NR };

struct fates {
	enum policy policy;
	struct rand rand;
	uint64_t first; /* number of the first write that is asked for */
};

static enum sim_fate
fate(void *arg, uint64_t write, uint64_t sector)
{
	struct fates *fates = arg;

	if (fates->first == 0)
		fates->first = write + 1;
	switch (fates->policy) {
	case ALL_LOST:
		return SIM_FATE_OLD;
	case ALL_KEPT:
		return SIM_FATE_NEW;
	case ANY:
		return (fates->rand.s[0] ^ write * 0x9e3779b97f4a7c15ULL) >> 20 & 1 ? SIM_FATE_NEW : SIM_FATE_OLD;
	case TORN:
		return (enum sim_fate)rand_below(&fates->rand, 3);
	case LATEST_LOST:
		return write + 1 < fates->first + 2 ? SIM_FATE_NEW : SIM_FATE_OLD;
	default:
		return write + 1 == fates->first ? SIM_FATE_OLD : SIM_FATE_NEW;
	}
}

static void
image_open(struct stage *stage, const struct sim_record *rec, size_t prefix, enum policy policy, const struct image *image)
{
	struct fates fates = { .policy = policy };

	rand_init(&fates.rand, image->seed, prefix);
	stage_open(stage, image->seed + prefix, NULL);
	stage->heap_size = image->shape->heap_size;
	stage->wal_size = image->shape->wal_size;
	stage->budget = image->shape->budget;
	sim_record_load(rec, prefix, fate, &fates, stage->sim, 0);
}

/* The state that the record proves at prefix. */
static void
image_expect(const struct sim_record *rec, size_t prefix, struct image *image)
{
	for (size_t i = 0; i < prefix; i++) {
		const struct sim_record_entry *entry = sim_record_get(rec, i);

		if (entry->kind != SIM_RECORD_NOTE)
			continue;
		image->created |= strcmp(entry->what, "created") == 0;
		if (strcmp(entry->what, "durable") == 0)
			image->durable = MAX(image->durable, entry->note);
	}
}

static void
check_image(const struct sim_record *rec, size_t prefix, enum policy policy, struct image *image)
{
	struct stage stage;

	image->created = false;
	image->durable = image->found = 0;
	image_expect(rec, prefix, image);
	image_open(&stage, rec, prefix, policy, image);
	if (!stage_play(&stage, play_recovery, image))
		fail_msg("died without being killed");
	if (image->created && image->rc != 0)
		fail_msg("seed %lu prefix %zu policy %d: open: %d", image->seed, prefix, (int)policy, image->rc);
	stage_close(&stage);
}

/* Cuts at every step-th entry, each time with the next policy. */
static void
check_prefixes(const struct sim_record *rec, struct image *image, uint64_t wanted)
{
	size_t nr = sim_record_nr(rec), step = MAX((size_t)1, (size_t)(nr / wanted));
	uint32_t n = 0;

	for (size_t prefix = 1; prefix <= nr; prefix += step, n++) {
		image->go_on = n % 7 == 0;
		check_image(rec, prefix, (enum policy)(n % POLICY_NR), image);
	}
}

static const struct shape shapes[] = {
	{ 4 * MIB, 256 * KIB, 0, 60, 40, 3000 },
	{ 16 * MIB, 256 * KIB, 0, 150, 100, 500 },
	{ 4 * MIB, 1 * MIB, 8 * UMEM_SEGMENT, 100, 60, 20000 },
	{ 8 * MIB, 512 * KIB, 0, 100, 100, 8000 },
};

static void
every_cut_leaves_a_prefix_with_all_that_was_durable(void **state)
{
	uint64_t images = images_wanted(400);

	for (uint64_t seed = 1; seed <= ARRAY_SIZE(shapes); seed++) {
		struct workload load;
		struct image image = { .load = &load, .shape = &shapes[seed - 1], .seed = seed };
		struct sim_record *rec = record(&load, seed, image.shape);

		check_prefixes(rec, &image, images);
		sim_record_free(rec);
		load_fini(&load);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_cut_leaves_a_prefix_with_all_that_was_durable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
