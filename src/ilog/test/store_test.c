/* SPDX-License-Identifier: Apache-2.0 */
/* Many logs on a stored heap: restarts, loss of power, absent segments (see btree/test/store.h). */
#include "../../btree/test/store.h"
#include "ilog/ilog.h"

#define LOGS 90
#define EVENTS 400

/** The model: what stands at each epoch of each log. */
struct state {
	struct ilog_entry events[LOGS][EVENTS]; /* epoch 0: nothing */
};

static struct ilog
log_of(struct umem *heap, uint64_t i)
{
	return (struct ilog){.heap = heap, .root = umem_root(heap) + 64 + i * sizeof(struct ilog_root)};
}

static void
create(struct umem *heap, struct store *store)
{
}

struct op {
	enum { ADD, COMMIT, ABORT } what;
	uint64_t log;
	struct ilog_entry entry;
};

static void
draw(struct rand *rand, struct op *op)
{
	uint64_t kind = rand_below(rand, 60);

	op->what = kind == 0 ? COMMIT : kind == 1 ? ABORT : ADD;
	op->log = rand_below(rand, LOGS);
	op->entry = (struct ilog_entry){
		.epoch = rand_between(rand, 1, EVENTS - 1),
		.punch = (uint16_t)rand_below(rand, 2),
		.dtx = (uint32_t)rand_between(rand, 1, 3),
	};
}

static int
apply(struct umem *heap, struct store *store, uint64_t seed)
{
	struct rand rand;
	struct op op;
	int rc = 0;

	rand_init(&rand, seed, 0);
	for (uint64_t nr = rand_between(&rand, 1, 30); nr > 0 && rc == 0; nr--) {
		struct ilog log;

		draw(&rand, &op);
		log = log_of(heap, op.log);
		if (op.what == ADD)
			rc = ilog_add(&log, &op.entry, true);
		else
			rc = op.what == COMMIT ? ilog_commit(&log, op.entry.dtx) : ilog_abort(&log, op.entry.dtx);
		if (rc == -DER_TX_RESTART)
			rc = 0;
	}
	return rc;
}

static void
model(struct store *store, uint64_t seed)
{
	struct state *state = store->state;
	struct rand rand;
	struct op op;

	rand_init(&rand, seed, 0);
	for (uint64_t nr = rand_between(&rand, 1, 30); nr > 0; nr--) {
		struct ilog_entry *events, *old;

		draw(&rand, &op);
		events = state->events[op.log];
		old = &events[op.entry.epoch];
		if (op.what == ADD && old->epoch == 0)
			*old = op.entry;
		else if (op.what == ADD && old->dtx == op.entry.dtx)
			old->punch |= op.entry.punch;
		for (uint32_t i = 0; i < EVENTS && op.what != ADD; i++) {
			if (events[i].epoch == 0 || events[i].dtx != op.entry.dtx)
				continue;
			events[i].dtx = 0;
			if (op.what == ABORT)
				events[i] = (struct ilog_entry){0};
		}
	}
}

static int
compare(struct umem *heap, struct store *store, uint32_t part)
{
	const struct state *state = store->state;
	struct ilog log = log_of(heap, part);
	const struct ilog_entry *entries;
	uint32_t nr, at = 0;

	entries = ilog_entries(&log, &nr);
	assert_non_null(entries);
	for (uint32_t i = 0; i < EVENTS; i++) {
		if (state->events[part][i].epoch == 0)
			continue;
		assert_true(at < nr);
		assert_memory_equal(&entries[at++], &state->events[part][i], sizeof(*entries));
	}
	assert_int_equal(at, nr);
	return ilog_check(&log);
}

static int
check(struct umem *heap, struct store *store)
{
	return 0;
}

static const struct store_kind kind = {create, apply, model, compare, LOGS, check};

static void
run(uint64_t first, uint64_t budget)
{
	uint64_t lost = 0;

	for (uint64_t seed = first; seed < first + 3; seed++) {
		struct state *state = calloc(1, sizeof(*state));

		lost += store_run(&kind, state, seed, 8, 200, budget);
		free(state);
	}
	assert_true(lost > 0);
}

static void
logs_survive_restarts_and_loss_of_power(void **state)
{
	run(1, 0);
}

static void
logs_larger_than_memory_survive_them_too(void **state)
{
	run(11, 3 * UMEM_SEGMENT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(logs_survive_restarts_and_loss_of_power),
		cmocka_unit_test(logs_larger_than_memory_survive_them_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
