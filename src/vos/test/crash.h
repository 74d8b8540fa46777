/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Crash images of vos, for the tests of them: a recorded workload of random operations, and the question whether what a cut of the
 * record leaves is a state that the model allows: its state after a prefix of the steps (P3) that has every step that was waited for,
 * and every step whose effect a reader was shown after it had waited (P1, P2). Beside it another container comes and goes.
 */
#ifndef VOS_TEST_CRASH_H
#define VOS_TEST_CRASH_H

#include "drive.h"

struct workload {
	struct drive *drive;
	struct stage *stage;
	uint64_t seed;
	uint32_t steps, writers;
	bool big;
	uint64_t wal_size;
	uint32_t checkpoint_one_in; /* how rare a checkpoint that is asked for; 0: 10 */
	uint32_t wait_one_in;       /* how rare a writer waits after a step; 0: 4 */
	uint32_t writes_least;      /* block writes before it may end, at most three times the steps */
	/* the container that comes and goes: how many times it was made or destroyed */
	uint32_t turns, destroyed;
	bool churning;
	/* of the recording */
	uint64_t wraps, checkpoints, grown; /* grown: bytes of heap */
};

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

/* Another container comes and goes, and its garbage, or part of it, is collected. What must be there of it: nothing but itself. */
static void
churn(struct workload *load)
{
	struct stage other = *load->stage;
	uuid_t uuid = {99};
	static char data[9000];
	uint64_t lsn;
	bool more;

	if (load->churning)
		return;
	load->churning = true;
	sim_record_note(other.sim, 0, "turn begun", load->turns + 1);
	if (load->turns++ % 2 == 0) {
		assert_int_equal(vos_cont_create(other.pool, uuid, &lsn), 0);
		assert_int_equal(vos_cont_open(other.pool, uuid, &other.cont), 0);
		for (uint64_t i = 0; i < 4; i++) {
			daos_recx_t recx = {.rx_idx = i * 100, .rx_nr = 1000 + i * 2500};
			struct vos_op *op;

			if (begin_one(&other, oid_of(DAOS_OT_MULTI_HASHED, i % 2), key_of("d"), key_of("a"), 0, &recx, 1,
				      data, &op) == 0)
				assert_int_equal(apply_at(&other, 10 + i, op, NULL), 0);
		}
		vos_cont_close(other.cont);
	} else {
		assert_int_equal(vos_cont_destroy(other.pool, uuid, &lsn), 0);
		load->destroyed++;
	}
	if (vos_wait(other.pool, lsn) == 0)
		sim_record_note(other.sim, 0, "turned", load->turns);
	assert_int_equal(vos_gc_run(other.vx, 1 + d_rnd(load->drive, 12), &more), 0);
	load->churning = false;
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
		if (d_rnd(drive, load->checkpoint_one_in != 0 ? load->checkpoint_one_in : 10) == 0)
			assert_int_equal(vos_checkpoint(load->stage->pool), 0);
		else
			churn(load);
		break;
	default:
		show(load);
	}
	if (d_rnd(drive, load->wait_one_in != 0 ? load->wait_one_in : 4) == 0)
		wait_for(load, drive->last_lsn, drive->model.steps);
	if (d_rnd(drive, 3) == 0)
		ult_sleep(d_rnd(drive, 300) * NS_PER_US);
}

static void
add_writes(void *arg, const char *path, struct sim_disk *disk)
{
	struct sim_disk_stats stats;

	sim_disk_stats(disk, &stats);
	*(uint64_t *)arg += stats.writes;
}

static bool
wrote_enough(const struct workload *load)
{
	uint64_t writes = 0;

	sim_disk_each(load->stage->sim, 0, add_writes, &writes);
	return writes >= load->writes_least;
}

static void
writer_run(void *arg)
{
	struct writer *writer = arg;
	uint32_t steps = writer->load->steps / writer->load->writers;

	for (uint32_t i = 0; i < steps || (i < 3 * steps && !wrote_enough(writer->load)); i++)
		work(writer->load);
	ult_eventual_set(&writer->done, 0);
}

static void
play_workload(struct stage *stage)
{
	struct workload *load = stage->arg;
	struct writer writers[4];
	struct vos_pool_info before, after;

	load->stage = stage;
	assert_int_equal(stage_up(stage, true), 0);
	vos_pool_query(stage->pool, &before);
	sim_record_note(stage->sim, 0, "created", 0);
	for (uint32_t i = 0; i < load->writers; i++) {
		writers[i] = (struct writer){.load = load};
		ult_eventual_init(&writers[i].done);
		assert_int_equal(ult_spawn(stage->xs, ULT_IO, "writer", writer_run, &writers[i], NULL), 0);
	}
	for (uint32_t i = 0; i < load->writers; i++)
		ult_eventual_wait(&writers[i].done);
	vos_pool_query(stage->pool, &after);
	load->grown = before.meta_free - MIN(before.meta_free, after.meta_free);
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
	load->wraps = sim_counter(stage.sim, "sometimes", "umem: the log goes round");
	load->checkpoints = sim_counter(stage.sim, "sometimes", "umem: a checkpoint is durable");
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
	uint32_t turn_begun, turned; /* of the other container */
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

/* The other container is there after an odd number of turns; the one that was under way may have happened. */
static void
check_other(const struct image *image, struct stage *stage)
{
	uuid_t uuid = {99};
	struct vos_cont *cont;
	int rc = vos_cont_open(stage->pool, uuid, &cont);

	if (rc == 0)
		vos_cont_close(cont);
	else
		assert_int_equal(rc, -DER_NONEXIST);
	if (image->turn_begun == image->turned)
		assert_int_equal(rc == 0, image->turned % 2);
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
		if (vos_pool_check(stage->pool) != 0)
			fail_msg("the checker finds damage after %u steps", steps);
		check_other(image, stage);
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

/* What the notes before the cut say. */
static void
read_notes(const struct sim_record *rec, size_t prefix, struct image *image)
{
	image->created = false;
	image->acked = image->turn_begun = image->turned = 0;
	for (size_t i = 0; i < prefix; i++) {
		const struct sim_record_entry *entry = sim_record_get(rec, i);

		if (entry->kind != SIM_RECORD_NOTE)
			continue;
		if (strcmp(entry->what, "created") == 0)
			image->created = true;
		else if (strcmp(entry->what, "acked") == 0)
			image->acked = MAX(image->acked, (uint32_t)entry->note);
		else if (strcmp(entry->what, "turn begun") == 0)
			image->turn_begun = (uint32_t)entry->note;
		else if (strcmp(entry->what, "turned") == 0)
			image->turned = (uint32_t)entry->note;
	}
}

/*
 * One life on what a cut of the record leaves; image says what must be there. recovery: is to be what that life writes, as
 * a record of its own; NULL: not wanted.
 */
static void
check_cut(const struct sim_record *rec, size_t prefix, enum policy policy, struct image *image, struct sim_record **recovery)
{
	struct fates fates = {.policy = policy};
	struct stage stage;

	rand_init(&fates.rand, image->load->seed, prefix);
	stage_open(&stage, image->load->seed + prefix, NULL);
	size_stage(&stage, image->load);
	stage.first_epoch = image->load->drive->clock;
	sim_record_load(rec, prefix, fate, &fates, stage.sim, 0);
	if (recovery != NULL)
		sim_record_start(stage.sim, 0);
	if (!stage_play(&stage, play_recovery, image))
		fail_msg("died without being killed");
	if (image->created && image->rc != 0)
		fail_msg("seed %lu prefix %zu policy %d: open: %d", image->load->seed, prefix, (int)policy, image->rc);
	if (recovery != NULL)
		*recovery = sim_record_stop(stage.sim, 0);
	stage_close(&stage);
}

static inline void
check_image(const struct sim_record *rec, size_t prefix, enum policy policy, struct image *image)
{
	read_notes(rec, prefix, image);
	check_cut(rec, prefix, policy, image, NULL);
}

#endif
