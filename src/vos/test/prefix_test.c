/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every prefix of the block writes. Workloads of at least 500 block writes each, in which the log goes round, checkpoints
 * are written, the heap grows, keys are punched and a container is destroyed, are recorded and cut after every single write,
 * twice: with everything on the medium that was written (the prefix itself), and with what was not durable lost or torn. What is left must
 * be a state that the model allows (crash.h). In two of the workloads the recovery is cut as well, after each of its writes.
 *
 * PREFIX_WORKLOADS: how many workloads (default 2, one of them with cut recoveries; 20 is all). PREFIX_FIRST: the first seed.
 */
#include "crash.h"

enum { WORKLOADS_MAX = 20, WRITES_LEAST = 500, CHECKPOINTS_LEAST = 2, AGAIN = 2 };

struct sums {
	uint64_t workloads, writes, images, again, wraps, checkpoints, grown, destroyed, punches;
};

static uint32_t
number_of(const char *name, uint32_t usual)
{
	const char *text = getenv(name);

	return text != NULL ? (uint32_t)strtoul(text, NULL, 10) : usual;
}

static struct workload
workload_of(uint32_t seed)
{
	return (struct workload){.seed = 1000 + seed,
				 .steps = 680 + seed % 3 * 40,
				 .writers = seed % 5 == 4 ? 3 : 1,
				 .big = seed % 2 == 0,
				 .wal_size = 256 * KIB,
				 .checkpoint_one_in = 6,
				 .wait_one_in = 1,
				 .writes_least = WRITES_LEAST};
}

static uint32_t
writes_of(const struct sim_record *rec)
{
	uint32_t nr = 0;

	for (size_t i = 0; i < sim_record_nr(rec); i++)
		nr += sim_record_get(rec, i)->kind == SIM_RECORD_WRITE;
	return nr;
}

/* The workload was what it had to be: otherwise these images prove less than they claim. */
static void
weigh(struct workload *load, const struct sim_record *rec, struct sums *sums)
{
	const struct model *model = &load->drive->model;
	uint32_t writes = writes_of(rec), punches = 0;

	for (uint32_t i = 0; i < model->event_nr; i++)
		punches += model->events[i].kind >= M_PUNCH_OBJECT && !model->events[i].nothing;
	if (writes < WRITES_LEAST || load->wraps == 0 || load->checkpoints < CHECKPOINTS_LEAST || load->grown < 64 * KIB ||
	    punches == 0 || load->destroyed == 0)
		fail_msg("workload %lu is too small: %u writes, %lu wraps, %lu checkpoints, %lu bytes grown, %u punches, %u destroyed",
			 load->seed, writes, load->wraps, load->checkpoints, load->grown, punches, load->destroyed);
	sums->workloads++;
	sums->writes += writes;
	sums->wraps += load->wraps;
	sums->checkpoints += load->checkpoints;
	sums->grown += load->grown;
	sums->destroyed += load->destroyed;
	sums->punches += punches;
}

/* The life after the cut is cut too, after each of its writes: what must be there is the same. */
static void
cut_recovery(const struct sim_record *recovery, enum policy policy, struct image *image, struct sums *sums)
{
	for (size_t i = 0; i < sim_record_nr(recovery); i++) {
		if (sim_record_get(recovery, i)->kind != SIM_RECORD_WRITE)
			continue;
		check_cut(recovery, i + 1, policy, image, NULL);
		sums->again++;
	}
}

static void
cut_everywhere(struct workload *load, bool again, struct sums *sums)
{
	struct sim_record *rec = record(load);
	struct image image = {.load = load};
	static const enum policy others[] = {ALL_LOST, TORN, ANY, TORN};
	uint32_t n = 0;

	weigh(load, rec, sums);
	for (size_t i = 0; i < sim_record_nr(rec); i++) {
		struct sim_record *recovery = NULL;

		if (sim_record_get(rec, i)->kind != SIM_RECORD_WRITE)
			continue;
		read_notes(rec, i + 1, &image);
		check_cut(rec, i + 1, ALL_KEPT, &image, again ? &recovery : NULL);
		if (again)
			cut_recovery(recovery, n % 2 == 0 ? ALL_KEPT : TORN, &image, sums);
		check_cut(rec, i + 1, others[n++ % ARRAY_SIZE(others)], &image, NULL);
		sums->images += 2;
		if (again)
			sim_record_free(recovery);
	}
	sim_record_free(rec);
	load_fini(load);
}

static void
every_prefix_of_the_block_writes_recovers(void **state)
{
	uint32_t first = number_of("PREFIX_FIRST", 0), nr = MIN(number_of("PREFIX_WORKLOADS", 2), (uint32_t)WORKLOADS_MAX);
	struct sums sums = {0};

	for (uint32_t i = 0; i < nr; i++) {
		struct workload load = workload_of(first + i);

		cut_everywhere(&load, (first + i) % (WORKLOADS_MAX / AGAIN) == 1, &sums);
	}
	print_message("%lu workloads: %lu block writes, %lu log wraps, %lu checkpoints, %lu KiB of heap grown, %lu punches, %lu containers destroyed; "
		      "%lu images, %lu more with a second crash during recovery\n",
		      sums.workloads, sums.writes, sums.wraps, sums.checkpoints, sums.grown / 1024, sums.punches, sums.destroyed, sums.images,
		      sums.again);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_prefix_of_the_block_writes_recovers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
