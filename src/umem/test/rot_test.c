/* SPDX-License-Identifier: Apache-2.0 */
/*
 * umem and media that lie: flipped bits, writes that went elsewhere or nowhere, reads of old sectors. Whatever they do, the
 * heap is never silently wrong: an error at opening or reading, or the right bytes.
 */
#include "model.h"
#include "stage.h"

struct rot {
	struct model *model;
	uint64_t last;
	uint64_t found;
	int open_rc, read_rc;
	bool leave; /* without closing: the log stays full */
};

static void
play_fill(struct stage *stage)
{
	struct rot *rot = stage->arg;

	assert_int_equal(stage_up(stage, true), 0);
	for (uint32_t i = 0; i < 120; i++) {
		uint64_t lsn = model_step(rot->model, stage->heap, 0);

		if (lsn != 0)
			rot->last = lsn;
		/* Each in a batch of its own. */
		assert_int_equal(umem_wait(stage->heap, rot->last), 0);
		if (i % 40 == 20)
			assert_int_equal(umem_checkpoint(stage->heap), 0);
	}
	if (rot->leave) {
		sim_node_crash(stage->sim, 0, SIM_POWER);
		ult_sleep(NS_PER_S);
	}
	stage_down(stage);
}

static void
play_look(struct stage *stage)
{
	struct rot *rot = stage->arg;

	rot->read_rc = 0;
	rot->open_rc = stage_up(stage, false);
	if (rot->open_rc == 0) {
		rot->found = umem_lsn_last(stage->heap);
		rot->read_rc = model_compare(rot->model, stage->heap, rot->found);
		if (rot->read_rc == 0)
			rot->read_rc = umem_check(stage->heap);
	}
	stage_down(stage);
}

static struct sim_record *
filled(struct rot *rot, uint64_t seed)
{
	struct sim_record *rec;
	struct stage stage;

	stage_open(&stage, seed, NULL);
	stage.heap_size = 2 * MIB;
	rot->model = model_new(seed, 100, 10000);
	rot->model->size_max = 10000;
	sim_record_start(stage.sim, 0);
	stage_play(&stage, play_fill, rot);
	rec = sim_record_stop(stage.sim, 0);
	sim_destroy(stage.sim);
	return rec;
}

static void
look(const struct sim_record *rec, struct rot *rot, const char *path, uint64_t bit)
{
	struct stage stage;

	stage_open(&stage, bit, NULL);
	stage.heap_size = 2 * MIB;
	sim_record_load(rec, sim_record_nr(rec), NULL, NULL, stage.sim, 0);
	if (path != NULL)
		sim_disk_flip_bit(sim_disk(stage.sim, 0, path), bit);
	assert_true(stage_play(&stage, play_look, rot));
	stage_close(&stage);
	assert_int_not_equal(rot->read_rc, -DER_MISMATCH);
}

static void
flip(uint64_t seed, bool leave, const char *path, uint32_t *detected, uint32_t *harmless, uint32_t *tail,
     uint32_t *heads)
{
	struct rot rot = { .leave = leave };
	struct sim_record *rec = filled(&rot, seed);
	struct rand rand;

	rand_init(&rand, seed, 3);
	look(rec, &rot, NULL, 0);
	assert_int_equal(rot.open_rc, 0);
	assert_int_equal(rot.found, rot.last);
	for (uint32_t i = 0; i < 700 / TEST_PARTS; i++) {
		uint64_t size = path[strlen(path) - 1] == 'l' ? UMEM_WAL_MIN : umem_meta_size(2 * MIB);
		/* Every sort of block: headers often, the rest evenly. */
		uint64_t block = rand_below(&rand, i % 4 == 0 ? 4 : size / 4096), in = rand_below(&rand, 4096);

		look(rec, &rot, path, (block * 4096 + in) * 8 + rand_below(&rand, 8));
		*heads += block == 0;
		if (rot.open_rc != 0 || rot.read_rc != 0) {
			*detected += 1;
			assert_true(rot.open_rc == 0 || rot.open_rc == -DER_CSUM || rot.open_rc == -DER_DF_INVAL ||
				    rot.open_rc == -DER_DF_INCOMPT);
			assert_true(rot.read_rc == 0 || rot.read_rc == -DER_CSUM);
			continue;
		}
		/* Of the log's last batch nobody can say whether it was torn or rotted. */
		assert_true(rot.found + 1 >= rot.last);
		*tail += rot.found != rot.last;
		*harmless += rot.found == rot.last;
	}
	sim_record_free(rec);
	model_free(rot.model);
}

static void
a_flipped_bit_anywhere_on_meta_is_found_or_harmless(void **state)
{
	uint32_t detected = 0, harmless = 0, tail = 0, heads = 0;

	flip(1, false, STAGE_META, &detected, &harmless, &tail, &heads);
	flip(2, true, STAGE_META, &detected, &harmless, &tail, &heads);
	assert_true(detected > 100 / TEST_PARTS && harmless > 100 / TEST_PARTS);
	assert_int_equal(tail, 0);
}

static void
a_flipped_bit_anywhere_in_the_log_is_found_or_harmless(void **state)
{
	uint32_t detected = 0, harmless = 0, tail = 0, heads = 0;

	flip(3, false, STAGE_WAL, &detected, &harmless, &tail, &heads);
	/* Closed in order: of the log nothing is needed but the blob's header. */
	assert_int_equal(detected + tail, heads);
	flip(4, true, STAGE_WAL, &detected, &harmless, &tail, &heads);
	assert_true(detected > 50 / TEST_PARTS && tail < 60);
}

/* ---- whole sectors ------------------------------------------------------------------------------------------------------- */

struct liar {
	struct model *model;
	uint64_t last;
	bool first, gave_up;
};

/* Lives with a disk that drops or misplaces writes; ends when an error shows. */
static void
play_with_liar(struct stage *stage)
{
	struct liar *liar = stage->arg;
	int rc = stage_up(stage, liar->first);
	uint64_t found;

	if (rc == 0) {
		found = umem_lsn_last(stage->heap);
		model_cut(liar->model, found);
		rc = found > liar->last ? -DER_MISMATCH : model_compare(liar->model, stage->heap, found);
		assert_int_not_equal(rc, -DER_MISMATCH);
		liar->last = found;
	}
	for (uint32_t i = 0; i < 150 && rc == 0; i++) {
		model_plan(liar->model, liar->last);
		liar->model->abort = false;
		rc = umem_write(stage->heap, 0, model_body, liar->model, &found);
		if (rc == 0) {
			model_apply(liar->model, found);
			liar->last = found;
		} else if (rc == -DER_NOSPACE || rc == -DER_OVERFLOW) {
			rc = 0;
		}
	}
	liar->gave_up = rc != 0;
	liar->first = false;
	if (rc == 0 && sim_rand_nr(stage->sim, 2) == 0) {
		sim_node_crash(stage->sim, 0, SIM_POWER);
		ult_sleep(NS_PER_S);
	}
	stage_down(stage);
}

static void
writes_that_go_astray_or_get_lost_never_make_wrong_data(void **state)
{
	uint32_t gave_up = 0;

	for (uint64_t seed = 1; seed <= 60 / TEST_PARTS; seed++) {
		struct liar liar = { .first = true };
		struct sim_options options;
		struct stage stage;

		sim_options_init(&options);
		stage_open(&stage, seed, &options);
		stage.heap_size = 2 * MIB;
		stage.budget = 6 * UMEM_SEGMENT;
		liar.model = model_new(seed, 60, 8000);
		for (uint32_t life = 0; life < 6 && !liar.gave_up; life++) {
			sim_options(stage.sim)->misdirect_ppm = life > 0 && seed % 3 == 0 ? 20000 : 0;
			sim_options(stage.sim)->lost_write_ppm = life > 0 && seed % 3 == 1 ? 20000 : 0;
			sim_options(stage.sim)->stale_read_ppm = life > 0 && seed % 3 == 2 ? 20000 : 0;
			if (!stage_play(&stage, play_with_liar, &liar))
				stage_revive(&stage);
		}
		gave_up += liar.gave_up;
		sim_destroy(stage.sim);
		model_free(liar.model);
	}
	assert_true(gave_up > 5 / TEST_PARTS);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_flipped_bit_anywhere_on_meta_is_found_or_harmless),
		cmocka_unit_test(a_flipped_bit_anywhere_in_the_log_is_found_or_harmless),
		cmocka_unit_test(writes_that_go_astray_or_get_lost_never_make_wrong_data),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
