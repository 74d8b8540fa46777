/* SPDX-License-Identifier: Apache-2.0 */
/* Random operations against an executable model, answer by answer. */
#include "drive.h"

static void
play_model(struct stage *stage)
{
	struct drive *drive = stage->arg;
	struct m_view view;

	assert_int_equal(stage_up(stage, true), 0);
	for (int i = 0; i < (drive->fat ? 2500 : 1500); i++) {
		d_step(drive);
		if (i % 500 == 499)
			assert_int_equal(vos_pool_check(stage->pool), 0);
	}
	view = d_view(drive);
	d_compare_all(drive, &view, DAOS_EPOCH_MAX);
	d_compare_all(drive, &view, drive->clock - 300);
	for (uint32_t i = 0; i < READS_MAX; i++)
		d_read_again(drive);
	stage_down(stage);
}

enum where { MEMORY, DISK, SMALL_MEMORY };

static void
run_model(uint64_t seed, enum where where)
{
	struct drive *drive = malloc(sizeof(*drive));
	struct stage stage;

	stage_open(&stage, seed, NULL);
	stage.ram = where == MEMORY;
	stage.heap_budget = where == SMALL_MEMORY ? 1 : 0;
	d_init(drive, &stage, seed);
	drive->big = true;
	drive->fat = where == SMALL_MEMORY;
	assert_true(stage_play(&stage, play_model, drive));
	if (getenv("STAGE_LOG") != NULL)
		printf("seed %lu: %u applied, %u refused, %u restarted, %u in progress, %u compared\n", seed,
		       drive->applied, drive->refused, drive->restarted, drive->in_progress, drive->compared);
	assert_true(drive->applied > 200 && drive->compared > 200);
	model_fini(&drive->model);
	stage_close(&stage);
	free(drive);
}

static void
random_operations_in_memory_answer_as_the_model(void **state)
{
	uint64_t from = getenv("SEED") != NULL ? strtoull(getenv("SEED"), NULL, 0) : 1,
		 nr = getenv("SEEDS") != NULL ? strtoull(getenv("SEEDS"), NULL, 0) : 6;

	for (uint64_t seed = from; seed < from + nr; seed++)
		run_model(seed, MEMORY);
}

static void
random_operations_on_disk_answer_as_the_model(void **state)
{
	uint64_t from = getenv("SEED") != NULL ? strtoull(getenv("SEED"), NULL, 0) : 1,
		 nr = getenv("SEEDS") != NULL ? strtoull(getenv("SEEDS"), NULL, 0) : 3;

	for (uint64_t seed = from; seed < from + nr; seed++)
		run_model(seed, DISK);
}

static void
with_less_memory_than_metadata_the_answers_are_the_same(void **state)
{
	uint64_t from = getenv("SEED") != NULL ? strtoull(getenv("SEED"), NULL, 0) : 1,
		 nr = getenv("SEEDS") != NULL ? strtoull(getenv("SEEDS"), NULL, 0) : 1;

	for (uint64_t seed = from; seed < from + nr; seed++)
		run_model(seed, SMALL_MEMORY);
}

/* ---- several at once ---------------------------------------------------------------------------------------------- */
enum { WRITERS = 3, READERS = 3 };

struct actor {
	struct drive *drive;
	uint32_t number;
	struct ult_eventual done;
};

static void
write_on(void *arg)
{
	struct actor *actor = arg;

	for (int i = 0; i < 350; i++) {
		if (i % 6 == 5)
			d_decide(actor->drive);
		else
			d_write(actor->drive);
		if (i % 3 == 0)
			ult_yield();
	}
	ult_eventual_set(&actor->done, 0);
}

/* What was fetched, as a hash; an error as it is. */
static int
fetch_hash(struct drive *drive, const struct d_read *read, uint64_t flags, uint64_t *hash)
{
	struct vos_when when = {.epoch = read->epoch};
	char *buf = malloc(M_RECORDS * REC_SIZE + 1);
	size_t len;
	int rc = d_fetch(drive, read->object, read->dkey, read->akey, &when, flags, buf, M_RECORDS * REC_SIZE + 1,
			 &len);

	*hash = hash64_bytes(buf, len, 1);
	free(buf);
	return rc;
}

/* Reads at the newest epoch, now and then something again that was read before. */
static void
read_on(void *arg)
{
	struct actor *actor = arg;
	struct drive *drive = actor->drive;
	uint64_t hash;

	for (int i = 0; i < 700; i++) {
		struct d_read read = {.epoch = drive->clock, .object = (uint8_t)d_rnd(drive, M_OBJECTS),
				      .dkey = (uint8_t)d_rnd(drive, M_DKEYS), .akey = (uint8_t)d_rnd(drive, M_AKEYS)};
		int rc = fetch_hash(drive, &read, 0, &read.hash);

		assert_true(rc == 0 || rc == -DER_INPROGRESS);
		if (rc == 0)
			drive->reads[drive->read_nr++ % READS_MAX] = read;
		if (drive->read_nr > 0) {
			read = drive->reads[d_rnd(drive, MIN(drive->read_nr, (uint32_t)READS_MAX))];
			assert_int_equal(fetch_hash(drive, &read, VOS_NO_TIMESTAMP, &hash), 0);
			assert_int_equal(hash, read.hash);
		}
		ult_yield();
	}
	ult_eventual_set(&actor->done, 0);
}

static void
play_several(struct stage *stage)
{
	struct drive *drive = stage->arg;
	struct actor actors[WRITERS + READERS];
	struct m_view view;

	assert_int_equal(stage_up(stage, true), 0);
	for (uint32_t i = 0; i < WRITERS + READERS; i++) {
		actors[i] = (struct actor){.drive = drive, .number = i};
		ult_eventual_init(&actors[i].done);
		assert_int_equal(
			ult_spawn(stage->xs, ULT_IO, "actor", i < WRITERS ? write_on : read_on, &actors[i], NULL), 0);
	}
	for (uint32_t i = 0; i < WRITERS + READERS; i++)
		ult_eventual_wait(&actors[i].done);
	view = d_view(drive);
	d_compare_all(drive, &view, DAOS_EPOCH_MAX);
	assert_int_equal(vos_pool_check(stage->pool), 0);
	stage_down(stage);
}

static void
what_was_read_is_read_again_while_others_write_and_memory_is_short(void **state)
{
	uint64_t from = getenv("SEED") != NULL ? strtoull(getenv("SEED"), NULL, 0) : 1;
	uint64_t nr = getenv("SEEDS") != NULL ? strtoull(getenv("SEEDS"), NULL, 0) : 2;

	for (uint64_t seed = from; seed < from + nr; seed++) {
		struct drive *drive = malloc(sizeof(*drive));
		struct stage stage;

		stage_open(&stage, seed, NULL);
		stage.heap_budget = 1;
		d_init(drive, &stage, seed);
		drive->fat = drive->big = drive->several = true;
		assert_true(stage_play(&stage, play_several, drive));
		assert_true(drive->applied > 300 && drive->read_nr > 500);
		model_fini(&drive->model);
		stage_close(&stage);
		free(drive);
	}
}

/* ---- a container that forgets ------------------------------------------------------------------------------------- */
static void
forget_write(struct drive *drive)
{
	struct vos_apply apply = {.cont = drive->stage->cont, .mode = VOS_COMMIT};
	uint32_t nr = d_rnd(drive, 4) == 0 ? 1 + d_rnd(drive, OPS_MAX) : 1;
	struct vos_op *begun[OPS_MAX];
	struct d_op ops[OPS_MAX];
	bool disturbed;
	int expected, rc;

	for (uint32_t i = 0; i < nr; i++) {
		d_random_op(drive, &ops[i]);
		if (ops[i].kind == D_UPDATE || (ops[i].kind == D_PUNCH && (ops[i].whole || ops[i].nr == 0)))
			ops[i].flags |= VOS_FORGET;
		assert_int_equal(d_begin(drive, &ops[i], &begun[i]), 0);
	}
	/* As an engine's own tables do, or with a clock. */
	if (d_rnd(drive, 2) == 0) {
		apply.epoch = ++drive->clock;
	} else {
		apply.next_epoch = next_after;
		apply.next_epoch_arg = &drive->clock;
	}
	rc = vos_apply(&apply, begun, nr);
	assert_int_equal(apply.epoch_used, drive->clock);
	expected = d_expect(drive, ops, nr, drive->clock, 0, &disturbed);
	assert_int_equal(rc, expected);
	drive->refused += rc != 0;
	if (rc != 0)
		return;
	for (uint32_t i = 0; i < nr; i++)
		d_model_op(drive, &ops[i], drive->clock, i + 1, 0);
	drive->model.steps++;
	drive->applied++;
}

static void
play_forgetful(struct stage *stage)
{
	struct drive *drive = stage->arg;
	struct m_view view;

	assert_int_equal(stage_up(stage, true), 0);
	for (int i = 0; i < 1500; i++) {
		int object = (int)d_rnd(drive, M_OBJECTS), dkey = (int)d_rnd(drive, M_DKEYS);
		struct vos_when when = {.epoch = DAOS_EPOCH_MAX};

		view = d_view(drive);
		switch (d_rnd(drive, 8)) {
		case 0 ... 4:
			forget_write(drive);
			break;
		case 5:
			d_compare_fetch(drive, &view, object, dkey, (int)d_rnd(drive, M_AKEYS), &when, 0);
			break;
		case 6:
			d_compare_extents(drive, &view, object, dkey, 2 + (int)d_rnd(drive, 2), DAOS_EPOCH_MAX);
			break;
		default:
			d_compare_list(drive, &view, VOS_LIST_AKEY, object, dkey, DAOS_EPOCH_MAX);
		}
		if (i % 300 != 299)
			continue;
		assert_int_equal(vos_pool_check(stage->pool), 0);
		if (!stage->ram) {
			stage_down(stage);
			assert_int_equal(stage_up(stage, false), 0);
		}
		view = d_view(drive);
		d_compare_all(drive, &view, DAOS_EPOCH_MAX);
	}
	stage_down(stage);
}

static void
a_container_that_forgets_answers_as_the_model_at_the_present(void **state)
{
	uint64_t from = getenv("SEED") != NULL ? strtoull(getenv("SEED"), NULL, 0) : 1;
	uint64_t nr = getenv("SEEDS") != NULL ? strtoull(getenv("SEEDS"), NULL, 0) : 4;

	for (uint64_t seed = from; seed < from + nr; seed++) {
		struct drive *drive = malloc(sizeof(*drive));
		struct stage stage;

		stage_open(&stage, seed, NULL);
		stage.ram = seed % 4 == 0;
		d_init(drive, &stage, seed);
		drive->big = true;
		assert_true(stage_play(&stage, play_forgetful, drive));
		assert_true(drive->applied > 400 && drive->refused > 50 && drive->compared > 400);
		model_fini(&drive->model);
		stage_close(&stage);
		free(drive);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_operations_in_memory_answer_as_the_model),
		cmocka_unit_test(random_operations_on_disk_answer_as_the_model),
		cmocka_unit_test(with_less_memory_than_metadata_the_answers_are_the_same),
		cmocka_unit_test(what_was_read_is_read_again_while_others_write_and_memory_is_short),
		cmocka_unit_test(a_container_that_forgets_answers_as_the_model_at_the_present),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
