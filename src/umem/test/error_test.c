/* SPDX-License-Identifier: Apache-2.0 */
/* umem when disks and memory fail: it stops cleanly, says so, and what was durable is there in the next life. */
#include "model.h"
#include "stage.h"

struct trouble {
	struct model *model;
	uint64_t durable, last;
	/* what fails */
	const char *path;
	uint32_t ops;
	uint64_t nth;
	/* what happened */
	uint32_t failures_told;
	int told_rc;
	bool stopped;
};

static void
told(void *arg, int rc)
{
	struct trouble *t = arg;

	t->failures_told++;
	t->told_rc = rc;
}

static void
waiter(void *arg)
{
	struct stage *stage = arg;
	struct trouble *t = stage->arg;
	uint64_t lsn = umem_lsn_last(stage->heap);
	int rc = umem_wait(stage->heap, lsn);

	assert_true(rc == 0 || rc == -DER_IO);
	if (rc == 0)
		t->durable = MAX(t->durable, lsn);
}

static void
play_until_it_stops(struct stage *stage)
{
	struct trouble *t = stage->arg;
	uint64_t lsn = 0;
	int rc = 0;

	assert_int_equal(stage_up(stage, true), 0);
	umem_on_failure(stage->heap, told, t);
	sim_disk_fail(sim_disk(stage->sim, 0, t->path), t->ops, t->nth, false);
	for (uint32_t i = 0; i < 300 && rc == 0; i++) {
		model_plan(t->model, t->last);
		t->model->abort = false;
		rc = umem_write(stage->heap, 0, model_body, t->model, &lsn);
		if (rc == 0) {
			model_apply(t->model, lsn);
			t->last = lsn;
		} else if (rc == -DER_NOSPACE || rc == -DER_OVERFLOW) {
			rc = 0;
		}
		assert_int_equal(ult_spawn(stage->xs, ULT_IO, "waiter", waiter, stage, NULL), 0);
		if (i % 3 == 0)
			ult_yield();
		if (i % 100 == 99) {
			int ckpt = umem_checkpoint(stage->heap);

			assert_true(ckpt == 0 || ckpt == -DER_IO);
		}
	}
	t->stopped = umem_failed(stage->heap) != 0;
	/* Reading what is in memory goes on; nothing new is accepted. */
	assert_int_equal(model_compare(t->model, stage->heap, t->last), 0);
	if (t->stopped) {
		assert_int_equal(umem_write(stage->heap, 0, model_body, t->model, NULL), -DER_IO);
		assert_int_equal(umem_checkpoint(stage->heap), -DER_IO);
		assert_int_equal(umem_wait(stage->heap, umem_lsn_durable(stage->heap)), 0);
	}
	ult_sleep(NS_PER_S);
	assert_int_equal(t->failures_told, t->stopped);
	assert_int_equal(t->told_rc, t->stopped ? -DER_NVME_IO : 0);
	stage_down(stage);
}

static void
play_next_life(struct stage *stage)
{
	struct trouble *t = stage->arg;
	uint64_t found;

	assert_int_equal(stage_up(stage, false), 0);
	found = umem_lsn_last(stage->heap);
	assert_true(found >= t->durable && found <= t->last);
	assert_int_equal(model_compare(t->model, stage->heap, found), 0);
	assert_int_equal(umem_check(stage->heap), 0);
	stage_down(stage);
}

static void
fail_disk(const char *path, uint32_t ops, uint64_t most, uint64_t step, uint32_t *stopped)
{
	for (uint64_t nth = 1; nth <= most; nth += step) {
		struct trouble t = { .model = model_new(nth, 200, 10000), .path = path, .ops = ops, .nth = nth };
		struct stage stage;

		stage_open(&stage, nth, NULL);
		assert_true(stage_play(&stage, play_until_it_stops, &t));
		/* Half of the times what the failed write left is all there is. */
		if (nth % 2 == 0) {
			sim_node_crash(stage.sim, 0, SIM_POWER);
			stage_revive(&stage);
		}
		assert_true(stage_play(&stage, play_next_life, &t));
		*stopped += t.stopped;
		stage_close(&stage);
		model_free(t.model);
	}
}

static void
a_failed_write_of_the_log_stops_the_heap_and_loses_nothing_durable(void **state)
{
	uint32_t stopped = 0;

	fail_disk(STAGE_WAL, 1 << ENV_IO_WRITE, 60, 3, &stopped);
	assert_int_equal(stopped, 20);
}

static void
a_failed_write_of_a_checkpoint_stops_the_heap_and_loses_nothing_durable(void **state)
{
	uint32_t stopped = 0;

	fail_disk(STAGE_META, 1 << ENV_IO_WRITE, 60, 3, &stopped);
	assert_true(stopped >= 15);
}

static void
a_failed_flush_stops_the_heap_and_loses_nothing_durable(void **state)
{
	uint32_t stopped = 0;

	fail_disk(STAGE_META, 1 << ENV_IO_FLUSH, 4, 1, &stopped);
	assert_true(stopped >= 2);
}

/* ---- reads ---------------------------------------------------------------------------------------------------------------- */

static void
play_read_errors(struct stage *stage)
{
	struct trouble *t = stage->arg;
	uint32_t failed = 0;

	assert_int_equal(stage_up(stage, true), 0);
	for (uint32_t i = 0; i < 300; i++)
		t->last = MAX(model_step(t->model, stage->heap, 0), t->last);
	stage_down(stage);
	/* At opening: an error, or the heap. */
	for (uint64_t nth = 1; nth < 100; nth++) {
		int rc;

		sim_disk_fail(sim_disk(stage->sim, 0, nth % 3 == 0 ? STAGE_WAL : STAGE_META), 1 << ENV_IO_READ, (nth + 2) / 3, false);
		rc = stage_up(stage, false);
		assert_true(rc == 0 || rc == -DER_NVME_IO);
		failed += rc != 0;
		if (rc != 0)
			assert_null(stage->heap);
		sim_disk_fail(sim_disk(stage->sim, 0, STAGE_META), 0, 0, false);
		sim_disk_fail(sim_disk(stage->sim, 0, STAGE_WAL), 0, 0, false);
		stage_down(stage);
	}
	assert_true(failed >= 8);
	/* When a segment is loaded: the body's caller hears of it, the next one may have luck. */
	failed = 0;
	for (uint64_t nth = 1; nth < 30; nth++) {
		int rc;

		assert_int_equal(stage_up(stage, false), 0);
		sim_disk_fail(sim_disk(stage->sim, 0, STAGE_META), 1 << ENV_IO_READ, nth, false);
		rc = model_compare(t->model, stage->heap, t->last);
		assert_true(rc == 0 || rc == -DER_NVME_IO);
		failed += rc != 0;
		assert_int_equal(umem_failed(stage->heap), 0);
		sim_disk_fail(sim_disk(stage->sim, 0, STAGE_META), 0, 0, false);
		assert_int_equal(model_compare(t->model, stage->heap, t->last), 0);
		stage_down(stage);
	}
	assert_true(failed >= 4);
}

static void
a_failed_read_is_reported_and_stops_nothing(void **state)
{
	struct trouble t = { .model = model_new(4, 200, 10000) };
	struct stage stage;

	stage_open(&stage, 4, NULL);
	assert_true(stage_play(&stage, play_read_errors, &t));
	stage_close(&stage);
	model_free(t.model);
}

/* ---- memory --------------------------------------------------------------------------------------------------------------- */

/* Opens, changes, checkpoints, reads, closes; ends at the first lack of memory. */
static int
scenario(struct stage *stage, struct trouble *t)
{
	uint64_t lsn = 0;
	int rc = umem_open(&stage->config, &stage->heap);

	if (rc != 0) {
		stage->heap = NULL;
		return rc;
	}
	for (uint32_t i = 0; i < 12 && rc == 0; i++) {
		model_plan(t->model, t->last);
		t->model->abort = false;
		rc = umem_write(stage->heap, 0, model_body, t->model, &lsn);
		if (rc == 0) {
			model_apply(t->model, lsn);
			t->last = lsn;
		} else if (rc == -DER_NOSPACE || rc == -DER_OVERFLOW) {
			rc = 0;
		}
	}
	if (rc == 0)
		rc = umem_checkpoint(stage->heap);
	if (rc == 0)
		rc = model_compare(t->model, stage->heap, t->last);
	return rc;
}

static void
play_poor(struct stage *stage)
{
	struct trouble *t = stage->arg;
	struct sim_mem_stats before, after;
	uint32_t failed = 0;

	assert_int_equal(stage_up(stage, true), 0);
	for (uint32_t i = 0; i < 200; i++)
		t->last = MAX(model_step(t->model, stage->heap, 0), t->last);
	assert_int_equal(umem_wait(stage->heap, t->last), 0);
	umem_close(stage->heap);
	for (uint64_t nth = 1; nth < 400; nth += nth < 100 ? 1 : 7) {
		int rc;

		sim_mem_fail(stage->sim, 0, nth, nth % 2 == 0);
		rc = scenario(stage, t);
		assert_true(rc == 0 || rc == -DER_NOMEM);
		failed += rc != 0;
		if (stage->heap != NULL) {
			sim_mem_fail(stage->sim, 0, nth % 5 + 1, false);
			umem_close(stage->heap);
		}
		sim_mem_fail(stage->sim, 0, 0, false);
		/* All is there, and nothing leaked. */
		sim_mem_stats(stage->sim, 0, &before);
		assert_int_equal(umem_open(&stage->config, &stage->heap), 0);
		assert_int_equal(umem_lsn_last(stage->heap), t->last);
		assert_int_equal(model_compare(t->model, stage->heap, t->last), 0);
		assert_int_equal(umem_check(stage->heap), 0);
		umem_close(stage->heap);
		stage->heap = NULL;
		sim_mem_stats(stage->sim, 0, &after);
		assert_int_equal(before.blocks, after.blocks);
	}
	assert_true(failed > 50);
	stage_down(stage);
}

static void
an_allocation_that_fails_anywhere_loses_nothing(void **state)
{
	for (uint64_t seed = 1; seed <= 2; seed++) {
		struct trouble t = { .model = model_new(seed, 100, 12000) };
		struct stage stage;

		stage_open(&stage, seed, NULL);
		stage.budget = seed == 2 ? 6 * UMEM_SEGMENT : 0;
		assert_true(stage_play(&stage, play_poor, &t));
		stage_close(&stage);
		model_free(t.model);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_failed_write_of_the_log_stops_the_heap_and_loses_nothing_durable),
		cmocka_unit_test(a_failed_write_of_a_checkpoint_stops_the_heap_and_loses_nothing_durable),
		cmocka_unit_test(a_failed_flush_stops_the_heap_and_loses_nothing_durable),
		cmocka_unit_test(a_failed_read_is_reported_and_stops_nothing),
		cmocka_unit_test(an_allocation_that_fails_anywhere_loses_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
