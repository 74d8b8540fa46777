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

	return text != NULL ? strtoull(text, NULL, 10) : usual / TEST_PARTS;
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

/* ---- the second cut ---------------------------------------------------------------------------------------------------------- */

/* Recovers, notes what it found, writes stamps one by one and notes what is durable. */
static void
play_second_life(struct stage *stage)
{
	struct image *image = stage->arg;
	struct stamp stamp = {0};

	image->rc = stage_up(stage, false);
	if (image->rc == 0) {
		image->found = umem_lsn_last(stage->heap);
		sim_record_note(stage->sim, 0, "durable", image->found);
		for (stamp.value = 1; stamp.value <= 12; stamp.value++) {
			uint64_t lsn;

			assert_int_equal(umem_write(stage->heap, 0, stamp_body, &stamp, &lsn), 0);
			assert_int_equal(lsn, image->found + stamp.value);
			if (stamp.value % 3 == 0) {
				assert_int_equal(umem_wait(stage->heap, lsn), 0);
				sim_record_note(stage->sim, 0, "durable", lsn);
			}
			if (stamp.value == 7)
				assert_int_equal(umem_checkpoint(stage->heap), 0);
		}
	}
	stage_down(stage);
}

struct third {
	struct image *image; /* of the second life */
	uint64_t durable;
};

static void
play_third_life(struct stage *stage)
{
	struct third *third = stage->arg;
	uint64_t lsn, value = 0, first = third->image->found;

	assert_int_equal(stage_up(stage, false), 0);
	lsn = umem_lsn_last(stage->heap);
	assert_true(lsn >= third->durable && lsn <= first + 12);
	/* Recovery changes nothing: what the second life would have found is what the third finds. */
	assert_true(lsn >= first);
	compare_all(stage, third->image, first);
	assert_int_equal(umem_read(stage->heap, stamp_read, &value), 0);
	assert_int_equal(value, lsn - first);
	assert_int_equal(umem_check(stage->heap), 0);
	stage_down(stage);
}

/* Cuts the second life at some of its entries. */
static void
cut_again(struct sim_record *rec, struct image *image, struct rand *rand, uint32_t cuts)
{
	for (uint32_t i = 0; i < cuts; i++) {
		size_t prefix = 1 + (size_t)rand_below(rand, sim_record_nr(rec));
		struct image proof = { .durable = 0 };
		struct third third = { .image = image };
		struct stage stage;

		image_expect(rec, prefix, &proof);
		third.durable = MAX(proof.durable, image->durable);
		image_open(&stage, rec, prefix, (enum policy)rand_below(rand, POLICY_NR), image);
		assert_true(stage_play(&stage, play_third_life, &third));
		stage_close(&stage);
	}
}

static void
a_cut_during_recovery_or_after_it_loses_nothing_either(void **state)
{
	uint64_t images = images_wanted(400);

	for (uint64_t seed = 10; seed <= 12; seed++) {
		struct workload load;
		struct image image = { .load = &load, .shape = &shapes[seed % ARRAY_SIZE(shapes)], .seed = seed };
		struct sim_record *rec = record(&load, seed, image.shape), *second;
		struct rand rand;

		rand_init(&rand, seed, 5);
		for (uint64_t i = 0; i < images / 10; i++) {
			size_t prefix = 1 + (size_t)rand_below(&rand, sim_record_nr(rec));
			struct stage stage;

			image.created = false;
			image.durable = 0;
			image_expect(rec, prefix, &image);
			if (!image.created)
				continue;
			image_open(&stage, rec, prefix, (enum policy)rand_below(&rand, POLICY_NR), &image);
			sim_record_start(stage.sim, 0);
			assert_true(stage_play(&stage, play_second_life, &image));
			assert_int_equal(image.rc, 0);
			second = sim_record_stop(stage.sim, 0);
			stage_close(&stage);
			cut_again(second, &image, &rand, 10);
			sim_record_free(second);
		}
		sim_record_free(rec);
		load_fini(&load);
	}
}

/* ---- lives that end by kill or loss of power --------------------------------------------------------------------------------- */

struct lives {
	struct model *models[WRITERS];
	struct stage *stage;
	uint64_t durable, last;
	bool first;
	struct rand rand;
};

static void
live_writer(void *arg)
{
	struct lives *lives = ((void **)arg)[0];
	struct model *model = ((void **)arg)[1];

	for (;;) {
		uint64_t lsn = model_step(model, lives->stage->heap, 0);

		lives->last = MAX(lives->last, lsn);
		if (rand_below(&model->rand, 3) == 0 && umem_wait(lives->stage->heap, lsn) == 0)
			lives->durable = MAX(lives->durable, lsn);
		if (rand_below(&model->rand, 5) == 0)
			ult_yield();
	}
}

static void
play_life(struct stage *stage)
{
	struct lives *lives = stage->arg;
	static void *args[WRITERS][2]; /* must outlive the ULT of this play */
	uint64_t found;

	lives->stage = stage;
	assert_int_equal(stage_up(stage, lives->first), 0);
	lives->first = false;
	found = umem_lsn_last(stage->heap);
	assert_true(found >= lives->durable && found <= lives->last);
	for (uint32_t i = 0; i < WRITERS; i++) {
		model_cut(lives->models[i], found);
		assert_int_equal(model_compare(lives->models[i], stage->heap, found), 0);
	}
	assert_int_equal(umem_check(stage->heap), 0);
	/* Whoever opened it may tell others what it saw. */
	lives->durable = lives->last = found;
	if (rand_below(&lives->rand, 4) == 0) {
		sim_node_crash(stage->sim, 0, SIM_POWER);
		ult_sleep(NS_PER_S);
	}
	sim_disk_crash_at(sim_disk(stage->sim, 0, rand_below(&lives->rand, 2) == 0 ? STAGE_WAL : STAGE_META),
			  1 + rand_below(&lives->rand, 60), rand_below(&lives->rand, 2) == 0 ? SIM_KILL : SIM_POWER);
	for (uint32_t i = 0; i < WRITERS; i++) {
		args[i][0] = lives;
		args[i][1] = lives->models[i];
		assert_int_equal(ult_spawn(stage->xs, ULT_IO, "writer", live_writer, args[i], NULL), 0);
	}
	ult_sleep(3600 * NS_PER_S);
}

static void
lives_that_end_suddenly_follow_each_other(void **state)
{
	uint64_t lives_nr = images_wanted(400) / 8;

	for (uint64_t seed = 1; seed <= 4; seed++) {
		const struct shape *shape = &shapes[seed % ARRAY_SIZE(shapes)];
		struct lives lives = { .first = true };
		struct stage stage;

		stage_open(&stage, seed, NULL);
		stage.heap_size = shape->heap_size;
		stage.wal_size = shape->wal_size;
		stage.budget = shape->budget;
		rand_init(&lives.rand, seed, 9);
		for (uint32_t i = 0; i < WRITERS; i++) {
			lives.models[i] = model_new(seed * 10 + i, shape->slots, shape->size_max);
			lives.models[i]->base = i * shape->slots;
		}
		for (uint64_t life = 0; life < lives_nr; life++) {
			assert_false(stage_play(&stage, play_life, &lives));
			stage_revive(&stage);
		}
		if (shape->budget != 0 && lives_nr >= 50)
			assert_true(sim_counter(stage.sim, "sometimes", "umem: replay needs more memory than it may have") > 0);
		sim_destroy(stage.sim);
		for (uint32_t i = 0; i < WRITERS; i++)
			model_free(lives.models[i]);
	}
}

/* ---- leftovers ----------------------------------------------------------------------------------------------------------------- */

static int
set_word(struct umem *heap, void *arg)
{
	*(uint64_t *)umem_touch(heap, umem_root(heap), 8) = *(uint64_t *)arg;
	return 0;
}

static int
get_word(struct umem *heap, void *arg)
{
	*(uint64_t *)arg = *(uint64_t *)umem_at(heap, umem_root(heap));
	return 0;
}

static void
wait_for_last(void *arg)
{
	(void)umem_wait(arg, umem_lsn_last(arg));
}

/* Two transactions, each in a write of its own because somebody waits for each, both under way at once. */
static void
play_two_batches(struct stage *stage)
{
	uint64_t one = 1, two = 2;

	assert_int_equal(stage_up(stage, true), 0);
	assert_int_equal(umem_write(stage->heap, 0, set_word, &one, NULL), 0);
	ult_spawn(xs_self(), ULT_IO, "waiter", wait_for_last, stage->heap, NULL);
	ult_yield();
	ult_yield();
	assert_int_equal(umem_write(stage->heap, 0, set_word, &two, NULL), 0);
	ult_spawn(xs_self(), ULT_IO, "waiter", wait_for_last, stage->heap, NULL);
	ult_yield();
	ult_yield();
	sim_record_note(stage->sim, 0, "both", umem_lsn_durable(stage->heap));
	ult_sleep(NS_PER_S);
	stage_down(stage);
}

static enum sim_fate
first_lost(void *arg, uint64_t write, uint64_t sector)
{
	uint64_t *first = arg;

	if (*first == 0)
		*first = write + 1;
	return write + 1 == *first ? SIM_FATE_OLD : SIM_FATE_NEW;
}

/* Does the first transaction again, byte for byte, and no more. */
static void
play_same_again(struct stage *stage)
{
	uint64_t one = 1, lsn;

	assert_int_equal(stage_up(stage, false), 0);
	assert_int_equal(umem_lsn_last(stage->heap), 0);
	assert_int_equal(umem_write(stage->heap, 0, set_word, &one, &lsn), 0);
	assert_int_equal(umem_wait(stage->heap, lsn), 0);
	sim_node_crash(stage->sim, 0, SIM_KILL);
	ult_sleep(NS_PER_S);
}

static void
play_no_ghost(struct stage *stage)
{
	uint64_t word = 0;

	assert_int_equal(stage_up(stage, false), 0);
	assert_int_equal(umem_lsn_last(stage->heap), 1);
	assert_int_equal(umem_read(stage->heap, get_word, &word), 0);
	assert_int_equal(word, 1);
	stage_down(stage);
}

static void
a_leftover_of_the_last_life_does_not_follow_the_new_log(void **state)
{
	struct sim_record *rec;
	struct stage stage;
	size_t cut = 0;
	uint64_t first = 0;

	stage_open(&stage, 3, NULL);
	sim_record_start(stage.sim, 0);
	assert_true(stage_play(&stage, play_two_batches, NULL));
	rec = sim_record_stop(stage.sim, 0);
	stage_close(&stage);
	for (size_t i = 0; i < sim_record_nr(rec); i++)
		if (sim_record_get(rec, i)->kind == SIM_RECORD_NOTE) {
			assert_int_equal(sim_record_get(rec, i)->note, 0);
			cut = i + 1;
		}
	stage_open(&stage, 4, NULL);
	sim_record_load(rec, cut, first_lost, &first, stage.sim, 0);
	assert_int_not_equal(first, 0);
	assert_false(stage_play(&stage, play_same_again, NULL));
	stage_revive(&stage);
	assert_true(stage_play(&stage, play_no_ghost, NULL));
	sim_record_free(rec);
	sim_destroy(stage.sim);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_cut_leaves_a_prefix_with_all_that_was_durable),
		cmocka_unit_test(a_cut_during_recovery_or_after_it_loses_nothing_either),
		cmocka_unit_test(lives_that_end_suddenly_follow_each_other),
		cmocka_unit_test(a_leftover_of_the_last_life_does_not_follow_the_new_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
