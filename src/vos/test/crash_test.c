/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vos and loss of power. A workload of random operations runs while everything that reaches the disks is recorded; then
 * the record is cut short at many places, what was not durable is kept, lost or torn by turns, and a new life opens
 * what is left. It must find the model's state after a prefix of the steps (P3) that has every step that was waited
 * for, and every step whose effect a reader was shown after it had waited (P1, P2).
 *
 * CRASH_TEST_IMAGES: how many images each workload tries at most.
 */
#include "drive.h"

struct workload {
	struct drive *drive;
	struct stage *stage;
	uint64_t seed;
	uint32_t steps, writers;
	bool big;
	uint64_t wal_size;
};

static uint64_t
images_wanted(uint64_t usual)
{
	const char *text = getenv("CRASH_TEST_IMAGES");

	return text != NULL ? strtoull(text, NULL, 10) : usual;
}

/* ---- the workload ------------------------------------------------------------------------------------------------ */
struct writer {
	struct workload *load;
	struct ult_eventual done;
};

static void
note_acked(struct workload *load, uint32_t steps)
{
	load->drive->acked = MAX(load->drive->acked, steps);
	sim_record_note(load->stage->sim, 0, "acked", load->drive->acked);
}

static void
wait_for(struct workload *load, uint64_t lsn, uint32_t steps)
{
	if (vos_wait(load->stage->pool, lsn) == 0)
		note_acked(load, steps);
}

/* The step by which all is there that a reader of this key at this epoch was shown. */
static uint32_t
step_of(const struct m_view *view, const struct m_event *event)
{
	const struct m_tx *tx;

	if (event == NULL)
		return 0;
	tx = &view->model->txs[event->tx - 1];
	return MAX(event->step, tx->state != M_PREPARED ? tx->decided_step : 0) + 1;
}

/* The step of the punch that hides what is older. */
static uint32_t
floor_step(const struct m_view *view, int object, int dkey, int akey, struct m_when at)
{
	struct m_when floor = m_floor(view, object, dkey, akey, at);

	for (uint32_t i = 0; i < view->model->event_nr; i++) {
		const struct m_event *event = &view->model->events[i];

		/* One that found nothing was not written. */
		if (m_punches(event, object, dkey, akey) && event->epoch == floor.epoch &&
		    event->minor == floor.minor && !event->nothing)
			return step_of(view, event);
	}
	return 0;
}

static uint32_t
seen_step(struct drive *drive, int object, int dkey, int akey)
{
	struct m_view view = d_view(drive);
	struct m_when at = {DAOS_EPOCH_MAX, 0};
	uint32_t step = floor_step(&view, object, dkey, akey, at);

	if (!d_is_array(akey))
		return MAX(step, step_of(&view, m_value(&view, object, dkey, akey, -1, at)));
	for (uint32_t r = 0; r < M_RECORDS; r++)
		step = MAX(step, step_of(&view, m_value(&view, object, dkey, akey, r, at)));
	return step;
}

/* A reader is shown something, waits, and answers. */
static void
show(struct workload *load)
{
	struct drive *drive = load->drive;
	int object = (int)d_rnd(drive, M_OBJECTS), dkey = (int)d_rnd(drive, M_DKEYS), akey = (int)d_rnd(drive, M_AKEYS);
	static char buf[M_RECORDS * REC_SIZE + 1];
	struct vos_when when = {.epoch = DAOS_EPOCH_MAX};
	uint32_t step;
	size_t len;

	if (d_fetch(drive, object, dkey, akey, &when, VOS_NO_TIMESTAMP | VOS_SIZE_ONLY, buf, sizeof(buf), &len) != 0)
		return;
	step = seen_step(drive, object, dkey, akey);
	wait_for(load, when.lsn, step);
}

/* Another container comes and goes, and its garbage, or part of it, is collected. Nobody looks at it but the checker. */
static void
churn(struct workload *load)
{
	struct stage *stage = load->stage;
	struct vos_cont *mine = stage->cont;
	uuid_t uuid = {99};
	static char data[9000];
	uint64_t lsn;
	bool more;

	if (vos_cont_create(stage->pool, uuid, &lsn) == 0) {
		assert_int_equal(vos_cont_open(stage->pool, uuid, &stage->cont), 0);
		for (uint64_t i = 0; i < 4; i++) {
			daos_recx_t recx = {.rx_idx = i * 100, .rx_nr = 1000 + i * 2500};
			struct vos_op *op;

			if (begin_one(stage, oid_of(DAOS_OT_MULTI_HASHED, i % 2), key_of("d"), key_of("a"), 0, &recx, 1,
				      data, &op) == 0)
				assert_int_equal(apply_at(stage, 10 + i, op, NULL), 0);
		}
		vos_cont_close(stage->cont);
		stage->cont = mine;
	} else {
		assert_int_equal(vos_cont_destroy(stage->pool, uuid, &lsn), 0);
	}
	assert_int_equal(vos_gc_run(stage->vx, 1 + d_rnd(load->drive, 12), &more), 0);
}

static void
work(struct workload *load)
{
	struct drive *drive = load->drive;

	switch (d_rnd(drive, 16)) {
	case 0 ... 8:
		d_write(drive);
		break;
	case 9:
	case 10:
		d_decide(drive);
		break;
	case 11:
		d_resend(drive);
		break;
	case 12:
		if (d_rnd(drive, 10) == 0)
			assert_int_equal(vos_checkpoint(load->stage->pool), 0);
		else if (load->writers == 1)
			churn(load);
		break;
	default:
		show(load);
	}
	if (d_rnd(drive, 4) == 0)
		wait_for(load, drive->last_lsn, drive->model.steps);
	if (d_rnd(drive, 3) == 0)
		ult_sleep(d_rnd(drive, 300) * NS_PER_US);
}

static void
writer_run(void *arg)
{
	struct writer *writer = arg;

	for (uint32_t i = 0; i < writer->load->steps / writer->load->writers; i++)
		work(writer->load);
	ult_eventual_set(&writer->done, 0);
}

static void
play_workload(struct stage *stage)
{
	struct workload *load = stage->arg;
	struct writer writers[4];

	load->stage = stage;
	assert_int_equal(stage_up(stage, true), 0);
	sim_record_note(stage->sim, 0, "created", 0);
	for (uint32_t i = 0; i < load->writers; i++) {
		writers[i] = (struct writer){.load = load};
		ult_eventual_init(&writers[i].done);
		assert_int_equal(ult_spawn(stage->xs, ULT_IO, "writer", writer_run, &writers[i], NULL), 0);
	}
	for (uint32_t i = 0; i < load->writers; i++)
		ult_eventual_wait(&writers[i].done);
	stage_down(stage);
	sim_record_note(stage->sim, 0, "acked", load->drive->model.steps);
}

static void
size_stage(struct stage *stage, const struct workload *load)
{
	stage->meta_size = 8 * MIB;
	stage->wal_size = load->wal_size;
	stage->data_size = 4 * MIB;
}

static struct sim_record *
record(struct workload *load)
{
	struct sim_record *result;
	struct stage stage;

	load->drive = malloc(sizeof(*load->drive));
	stage_open(&stage, load->seed, NULL);
	size_stage(&stage, load);
	d_init(load->drive, &stage, load->seed);
	load->drive->big = load->big;
	load->drive->several = load->writers > 1;
	sim_record_start(stage.sim, 0);
	assert_true(stage_play(&stage, play_workload, load));
	result = sim_record_stop(stage.sim, 0);
	stage_close(&stage);
	return result;
}

static void
load_fini(struct workload *load)
{
	model_fini(&load->drive->model);
	free(load->drive);
}

/* ---- after the cut ----------------------------------------------------------------------------------------------- */
struct image {
	struct workload *load;
	bool created;
	uint32_t acked;
	bool go_on;
	int rc;
};

/* How many steps are there: each step begins or decides a transaction, and the tables of vos remember all of them. */
static uint32_t
find_prefix(struct drive *drive, struct vos_cont *cont)
{
	uint32_t least = 0, most = drive->model.steps;

	for (uint32_t i = 0; i < drive->model.tx_nr; i++) {
		const struct m_tx *tx = &drive->model.txs[i];
		struct vos_dtx_id id = d_id(tx->hlc);
		enum vos_dtx_state state;
		uint64_t epoch;
		int32_t answer;
		int rc = vos_dtx_check(cont, &id, &state, &epoch, &answer);

		if (rc == -DER_NONEXIST) {
			most = MIN(most, tx->step);
			continue;
		}
		assert_int_equal(rc, 0);
		if (state == VOS_DTX_PREPARED) {
			least = MAX(least, tx->step + 1);
			if (tx->state != M_PREPARED)
				most = MIN(most, tx->decided_step);
		} else {
			assert_int_equal(state, tx->state == M_COMMITTED ? VOS_DTX_COMMITTED : VOS_DTX_ABORTED);
			least = MAX(least, tx->decided_step + 1);
		}
	}
	if (least != most)
		fail_msg("no prefix: step %u is there, step %u is not", least - 1, most);
	return least;
}

/* From here on, as if the steps that were lost had never been. */
static void
truncate_model(struct model *model, uint32_t steps)
{
	while (model->event_nr > 0 && model->events[model->event_nr - 1].step >= steps)
		model->event_nr--;
	while (model->tx_nr > 0 && model->txs[model->tx_nr - 1].step >= steps)
		model->tx_nr--;
	for (uint32_t i = 0; i < model->tx_nr; i++)
		if (model->txs[i].state != M_PREPARED && model->txs[i].decided_step >= steps)
			model->txs[i].state = M_PREPARED;
	model->steps = steps;
}

static struct drive *
copy_drive(const struct drive *from, struct stage *stage)
{
	struct drive *drive = malloc(sizeof(*drive));

	*drive = *from;
	drive->stage = stage;
	drive->read_nr = 0;
	drive->several = false;
	drive->model.events = malloc(from->model.event_max * sizeof(struct m_event));
	memcpy(drive->model.events, from->model.events, from->model.event_nr * sizeof(struct m_event));
	drive->model.txs = malloc(from->model.tx_max * sizeof(struct m_tx));
	memcpy(drive->model.txs, from->model.txs, from->model.tx_nr * sizeof(struct m_tx));
	return drive;
}

static void
play_recovery(struct stage *stage)
{
	struct image *image = stage->arg;
	struct drive *drive = copy_drive(image->load->drive, stage);

	image->rc = stage_up(stage, false);
	if (image->rc == 0) {
		uint32_t steps = find_prefix(drive, stage->cont);
		struct m_view view;

		if (steps < image->acked)
			fail_msg("%u steps are there, %u were acknowledged", steps, image->acked);
		truncate_model(&drive->model, steps);
		view = d_view(drive);
		assert_int_equal(vos_pool_check(stage->pool), 0);
		d_compare_all(drive, &view, DAOS_EPOCH_MAX);
		if (image->go_on) {
			d_compare_all(drive, &view, drive->clock - 200);
			for (int i = 0; i < 40; i++)
				d_step(drive);
			stage_down(stage);
			assert_int_equal(stage_up(stage, false), 0);
			view = d_view(drive);
			d_compare_all(drive, &view, DAOS_EPOCH_MAX);
			assert_int_equal(vos_pool_check(stage->pool), 0);
		}
	}
	stage_down(stage);
	model_fini(&drive->model);
	free(drive);
}

/* Fates of what was not durable: one policy for each image. */
enum policy { ALL_LOST, ALL_KEPT, ANY, TORN, POLICY_NR };

struct fates {
	enum policy policy;
	struct rand rand;
};

static enum sim_fate
fate(void *arg, uint64_t write, uint64_t sector)
{
	struct fates *fates = arg;

	switch (fates->policy) {
	case ALL_LOST:
		return SIM_FATE_OLD;
	case ALL_KEPT:
		return SIM_FATE_NEW;
	case ANY:
		return (fates->rand.s[0] ^ write * 0x9e3779b97f4a7c15ULL) >> 20 & 1 ? SIM_FATE_NEW : SIM_FATE_OLD;
	default:
		return (enum sim_fate)rand_below(&fates->rand, 3);
	}
}

static void
check_image(const struct sim_record *rec, size_t prefix, enum policy policy, struct image *image)
{
	struct fates fates = {.policy = policy};
	struct stage stage;

	image->created = false;
	image->acked = 0;
	for (size_t i = 0; i < prefix; i++) {
		const struct sim_record_entry *entry = sim_record_get(rec, i);

		if (entry->kind == SIM_RECORD_NOTE && strcmp(entry->what, "created") == 0)
			image->created = true;
		else if (entry->kind == SIM_RECORD_NOTE)
			image->acked = MAX(image->acked, (uint32_t)entry->note);
	}
	rand_init(&fates.rand, image->load->seed, prefix);
	stage_open(&stage, image->load->seed + prefix, NULL);
	size_stage(&stage, image->load);
	stage.first_epoch = image->load->drive->clock;
	sim_record_load(rec, prefix, fate, &fates, stage.sim, 0);
	if (!stage_play(&stage, play_recovery, image))
		fail_msg("died without being killed");
	if (image->created && image->rc != 0)
		fail_msg("seed %lu prefix %zu policy %d: open: %d", image->load->seed, prefix, (int)policy, image->rc);
	stage_close(&stage);
}

/* Cuts at every step-th entry, each time with the next policy. */
static void
check_prefixes(struct workload *load, uint64_t wanted)
{
	struct sim_record *rec = record(load);
	struct image image = {.load = load};
	size_t nr = sim_record_nr(rec), step = MAX((size_t)1, (size_t)(nr / wanted));
	uint32_t n = 0;

	for (size_t prefix = 1 + load->seed % step; prefix <= nr; prefix += step, n++) {
		image.go_on = n % 11 == 0;
		check_image(rec, prefix, (enum policy)(n % POLICY_NR), &image);
	}
	sim_record_free(rec);
	load_fini(load);
}

static void
every_cut_leaves_a_prefix_with_all_that_was_acknowledged(void **state)
{
	struct workload loads[] = {
		{.seed = 1, .steps = 150, .writers = 1, .big = true, .wal_size = 4 * MIB},
		{.seed = 2, .steps = 200, .writers = 1, .big = true, .wal_size = 2 * MIB},
		{.seed = 3, .steps = 150, .writers = 1, .big = false, .wal_size = 512 * KIB},
	};

	for (size_t i = 0; i < ARRAY_SIZE(loads); i++)
		check_prefixes(&loads[i], images_wanted(80));
}

static void
every_cut_among_several_writers_leaves_a_prefix_too(void **state)
{
	struct workload loads[] = {
		{.seed = 11, .steps = 160, .writers = 3, .wal_size = 4 * MIB},
		{.seed = 12, .steps = 160, .writers = 4, .wal_size = MIB},
	};

	for (size_t i = 0; i < ARRAY_SIZE(loads); i++)
		check_prefixes(&loads[i], images_wanted(80));
}

static void
a_short_workload_survives_a_cut_after_every_single_write(void **state)
{
	struct workload load = {.seed = 21, .steps = 25, .writers = 1, .big = true, .wal_size = 2 * MIB};

	check_prefixes(&load, images_wanted(1000000));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_cut_leaves_a_prefix_with_all_that_was_acknowledged),
		cmocka_unit_test(every_cut_among_several_writers_leaves_a_prefix_too),
		cmocka_unit_test(a_short_workload_survives_a_cut_after_every_single_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
