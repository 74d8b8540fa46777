/* SPDX-License-Identifier: Apache-2.0 */
/* Logs: single properties, and random operations against a sorted array with rules spelled out the long way. */
#include "../../btree/test/heap_test.h"
#include "ilog/ilog.h"

#define EVENTS_MAX 200
#define EPOCHS 40

struct fix {
	struct heap_test heap;
	struct ilog log;
	struct rand rand;
	struct ilog_entry model[EVENTS_MAX], saved[EVENTS_MAX];
	uint32_t nr, saved_nr;
	bool abort_this;
	uint32_t ops;
	int (*script)(struct fix *fix);
};

static struct fix *
fix_new(uint64_t heap_size)
{
	struct fix *fix = calloc(1, sizeof(*fix));

	heap_test_open(&fix->heap, heap_size);
	fix->log = (struct ilog){.heap = fix->heap.heap, .root = umem_root(fix->heap.heap) + 32, .log = &fix->heap.log};
	rand_init(&fix->rand, 1, 0);
	return fix;
}

static void
fix_free(struct fix *fix)
{
	heap_test_close(&fix->heap);
	free(fix);
}

static int
body_script(struct umem *heap, void *arg)
{
	struct fix *fix = arg;

	return fix->script(fix);
}

static void
run_script(int (*script)(struct fix *fix))
{
	struct fix *fix = fix_new(2 * MIB);

	fix->script = script;
	assert_int_equal(umem_write(fix->heap.heap, 0, body_script, fix, NULL), 0);
	assert_int_equal(heap_test_used(&fix->heap), 0);
	fix_free(fix);
}

static int
add(struct fix *fix, uint64_t epoch, uint16_t minor, uint16_t punch, uint32_t dtx)
{
	struct ilog_entry entry = {.epoch = epoch, .minor = minor, .punch = punch, .dtx = dtx};

	return ilog_add(&fix->log, &entry, false);
}

static uint32_t
count(struct fix *fix)
{
	uint32_t nr;

	assert_non_null(ilog_entries(&fix->log, &nr));
	assert_int_equal(ilog_check(&fix->log), 0);
	return nr;
}

static struct ilog_state
state_at(struct fix *fix, uint64_t epoch, uint16_t minor)
{
	struct ilog_state state;
	uint32_t nr;
	const struct ilog_entry *entries = ilog_entries(&fix->log, &nr);

	assert_int_equal(ilog_state(entries, nr, epoch, minor, epoch, NULL, NULL, &state), 0);
	return state;
}

/* ---- properties -------------------------------------------------------------------------------------------------- */

static int
script_additions(struct fix *fix)
{
	assert_int_equal(count(fix), 0);
	assert_int_equal(add(fix, 10, 0, 0, 0), 0);
	assert_int_equal(heap_test_used(&fix->heap), 0); /* one entry lives in the root */
	assert_int_equal(add(fix, 12, 0, 0, 7), 0);
	assert_int_equal(count(fix), 1);
	assert_int_equal(add(fix, 8, 0, 0, 7), 0); /* a reader at 9 can tell */
	assert_int_equal(count(fix), 2);
	assert_int_equal(add(fix, 9, 0, 0, 8), 0); /* 7 may be undone */
	assert_int_equal(count(fix), 3);
	assert_int_equal(add(fix, 9, 1, 0, 7), 0); /* the same fate as at 8 */
	assert_int_equal(count(fix), 3);
	assert_int_equal(add(fix, 20, 0, 1, 0), 0);
	assert_int_equal(add(fix, 21, 0, 1, 0), 0);
	assert_int_equal(count(fix), 5);
	assert_int_equal(add(fix, 20, 1, 0, 0), 0);
	assert_int_equal(count(fix), 6);
	ilog_destroy(&fix->log);
	assert_int_equal(count(fix), 0);
	return 0;
}

static void
a_creation_is_noted_only_when_it_tells_something(void **state)
{
	run_script(script_additions);
}

static int
script_equal(struct fix *fix)
{
	assert_int_equal(add(fix, 0, 3, 0, 5), -DER_INVAL);
	assert_int_equal(add(fix, 10, 3, 0, 5), 0);
	assert_int_equal(add(fix, 10, 3, 0, 6), -DER_TX_RESTART);
	assert_int_equal(add(fix, 10, 3, 1, 0), -DER_TX_RESTART);
	assert_int_equal(add(fix, 10, 3, 0, 5), 0);
	assert_true(state_at(fix, 10, 3).exists);
	assert_int_equal(add(fix, 10, 3, 1, 5), 0);
	assert_int_equal(add(fix, 10, 3, 0, 5), 0); /* the punch stays */
	assert_false(state_at(fix, 10, 3).exists);
	assert_int_equal(count(fix), 1);
	assert_int_equal(ilog_abort(&fix->log, 0), -DER_INVAL);
	assert_int_equal(ilog_commit(&fix->log, 0), -DER_INVAL);
	assert_int_equal(ilog_abort(&fix->log, 5), 0);
	assert_int_equal(count(fix), 0);
	return 0;
}

static void
two_transactions_cannot_share_an_epoch(void **state)
{
	run_script(script_equal);
}

static int
script_state(struct fix *fix)
{
	struct ilog_state state;

	add(fix, 10, 0, 0, 0);
	add(fix, 20, 1, 1, 0);
	add(fix, 20, 2, 0, 0);
	add(fix, 30, 0, 1, 0);
	assert_false(state_at(fix, 9, 9).exists);
	assert_int_equal(state_at(fix, 9, 9).next_punch, 20);
	state = state_at(fix, 20, 0);
	assert_true(state.exists && state.created == 10 && state.punched == 0 && state.next_punch == 20);
	state = state_at(fix, 20, 1);
	assert_true(!state.exists && state.punched == 20 && state.punched_minor == 1 && state.next_punch == 30);
	state = state_at(fix, 25, 0);
	assert_true(state.exists && state.created == 20 && state.created_minor == 2 && state.punched == 20);
	state = state_at(fix, 30, 0);
	assert_true(!state.exists && state.punched == 30 && state.next_punch == 0 && !state.uncertain);
	ilog_destroy(&fix->log);
	return 0;
}

static void
a_punch_ends_what_was_created_before_it(void **state)
{
	run_script(script_state);
}

static int
script_fold(struct fix *fix)
{
	uint64_t snapshot = 25;
	bool empty;

	add(fix, 10, 0, 0, 0);
	add(fix, 20, 0, 1, 0);
	add(fix, 22, 0, 0, 0);
	add(fix, 30, 0, 1, 0);
	add(fix, 31, 0, 0, 0);
	add(fix, 40, 0, 1, 0);
	assert_int_equal(ilog_aggregate(&fix->log, 0, 35, &snapshot, 1, &empty), 0);
	assert_false(empty);
	assert_int_equal(count(fix), 5); /* all but the first, which nobody sees */
	assert_true(state_at(fix, 25, UINT16_MAX).exists);
	assert_int_equal(ilog_aggregate(&fix->log, 0, 35, NULL, 0, &empty), 0);
	assert_int_equal(count(fix), 3); /* 30, 31, 40 */
	assert_int_equal(ilog_aggregate(&fix->log, 0, 50, NULL, 0, &empty), 0);
	assert_true(empty);
	assert_int_equal(count(fix), 0);
	return 0;
}

static void
aggregation_keeps_what_snapshots_and_later_readers_see(void **state)
{
	run_script(script_fold);
}

static int
script_fold_open(struct fix *fix)
{
	bool empty;

	add(fix, 10, 0, 0, 0);
	add(fix, 20, 0, 1, 9);
	add(fix, 30, 0, 1, 0);
	assert_int_equal(ilog_aggregate(&fix->log, 0, 50, NULL, 0, &empty), 0);
	assert_false(empty);
	assert_int_equal(count(fix), 3);
	assert_int_equal(ilog_commit(&fix->log, 9), 0);
	assert_int_equal(ilog_aggregate(&fix->log, 15, 50, NULL, 0, &empty), 0);
	assert_int_equal(count(fix), 2); /* what came before 15 must stay hidden */
	assert_int_equal(ilog_aggregate(&fix->log, 0, 50, NULL, 0, &empty), 0);
	assert_true(empty);
	return 0;
}

static void
aggregation_stops_before_an_open_transaction(void **state)
{
	run_script(script_fold_open);
}

/* ---- model ------------------------------------------------------------------------------------------------------- */

static int
order(const struct ilog_entry *a, const struct ilog_entry *b)
{
	if (a->epoch != b->epoch)
		return a->epoch < b->epoch ? -1 : 1;
	return (int)a->minor - (int)b->minor;
}

/** What visible says of an entry in this test: by its transaction. */
static int
visible(void *arg, const struct ilog_entry *entry)
{
	return entry->dtx % 4 == 1 ? 1 : entry->dtx % 4 == 2 ? -DER_INPROGRESS : 0;
}

/** The state, found forwards. */
static int
model_state(const struct ilog_entry *entries, uint32_t nr, uint64_t epoch, uint16_t minor, uint64_t bound, bool all,
	    struct ilog_state *state)
{
	const struct ilog_entry when = {.epoch = epoch, .minor = minor};
	bool hidden_punch = false, hidden_creation = false;

	memset(state, 0, sizeof(*state));
	for (uint32_t i = 0; i < nr; i++) {
		const struct ilog_entry *entry = &entries[i];
		int use = all ? 0 : visible(NULL, entry);

		if (order(entry, &when) > 0) {
			if (entry->punch && state->next_punch == 0)
				state->next_punch = entry->epoch;
			if (entry->epoch > epoch && entry->epoch <= bound)
				state->uncertain = true;
		} else if (use < 0) {
			if (entry->punch)
				hidden_punch = true;
			else
				hidden_creation = true;
		} else if (use == 0 && entry->punch) {
			hidden_punch = hidden_creation = state->exists = false;
			state->created = state->created_minor = 0;
			state->punched = entry->epoch;
			state->punched_minor = entry->minor;
		} else if (use == 0) {
			hidden_creation = false;
			if (!state->exists) {
				state->exists = true;
				state->created = entry->epoch;
				state->created_minor = entry->minor;
			}
		}
	}
	return hidden_punch || hidden_creation ? -DER_INPROGRESS : 0;
}

static void
compare_all(struct fix *fix)
{
	const struct ilog_entry *entries;
	struct ilog_state state, expected;
	uint32_t nr, i;

	assert_int_equal(ilog_check(&fix->log), 0);
	entries = ilog_entries(&fix->log, &nr);
	assert_int_equal(nr, fix->nr);
	assert_memory_equal(entries, fix->model, nr * sizeof(*entries));
	for (i = 0; i < 6; i++) {
		uint64_t epoch = rand_below(&fix->rand, EPOCHS + 2), bound = epoch + rand_below(&fix->rand, 5);
		uint16_t minor = (uint16_t)rand_below(&fix->rand, 4);
		bool all = rand_one_in(&fix->rand, 2);
		int rc = model_state(fix->model, fix->nr, epoch, minor, bound, all, &expected);

		assert_int_equal(ilog_state(entries, nr, epoch, minor, bound, all ? NULL : visible, NULL, &state), rc);
		if (rc == 0)
			assert_memory_equal(&state, &expected, sizeof(state));
	}
}

static void
op_add(struct fix *fix)
{
	struct ilog_entry entry = {
		.epoch = rand_between(&fix->rand, 1, EPOCHS - 1),
		.minor = (uint16_t)rand_below(&fix->rand, 3),
		.punch = rand_one_in(&fix->rand, 3),
		.dtx = rand_one_in(&fix->rand, 2) ? 0 : (uint32_t)rand_below(&fix->rand, 9),
	};
	bool always = rand_one_in(&fix->rand, 4), needless = false;
	int rc = ilog_add(&fix->log, &entry, always);
	uint32_t at = 0, i;

	while (at < fix->nr && order(&fix->model[at], &entry) < 0)
		at++;
	if (at < fix->nr && order(&fix->model[at], &entry) == 0) {
		assert_int_equal(rc, fix->model[at].dtx == entry.dtx ? 0 : -DER_TX_RESTART);
		if (rc == 0)
			fix->model[at].punch |= entry.punch;
		return;
	}
	assert_int_equal(rc, 0);
	for (i = 0; i < at && !entry.punch && !always; i++) {
		if (fix->model[i].punch)
			needless = false;
		else if (fix->model[i].dtx == 0 || fix->model[i].dtx == entry.dtx)
			needless = true;
	}
	if (needless)
		return;
	assert_true(fix->nr < EVENTS_MAX);
	memmove(fix->model + at + 1, fix->model + at, (fix->nr++ - at) * sizeof(entry));
	fix->model[at] = entry;
}

static void
op_end(struct fix *fix)
{
	uint32_t dtx = (uint32_t)rand_between(&fix->rand, 1, 8), i, kept = 0;
	bool commit = rand_one_in(&fix->rand, 2);

	assert_int_equal(commit ? ilog_commit(&fix->log, dtx) : ilog_abort(&fix->log, dtx), 0);
	for (i = 0; i < fix->nr; i++) {
		if (fix->model[i].dtx == dtx && !commit)
			continue;
		fix->model[kept] = fix->model[i];
		if (fix->model[kept].dtx == dtx)
			fix->model[kept].dtx = 0;
		kept++;
	}
	fix->nr = kept;
}

static bool
same_past(const struct ilog_entry *a, uint32_t a_nr, const struct ilog_entry *b, uint32_t b_nr, uint64_t epoch)
{
	struct ilog_state x, y;

	model_state(a, a_nr, epoch, UINT16_MAX, epoch, true, &x);
	model_state(b, b_nr, epoch, UINT16_MAX, epoch, true, &y);
	return x.exists == y.exists && x.created == y.created && x.created_minor == y.created_minor &&
	       x.punched == y.punched && x.punched_minor == y.punched_minor;
}

/** Can any reader that counts tell a from b? */
static bool
tell_apart(struct fix *fix, const struct ilog_entry *a, uint32_t a_nr, const struct ilog_entry *b, uint32_t b_nr,
	   uint64_t to, const uint64_t *snapshots, uint32_t snapshot_nr)
{
	for (uint32_t i = 0; i < snapshot_nr; i++)
		if (!same_past(a, a_nr, b, b_nr, snapshots[i]))
			return true;
	for (uint64_t epoch = to; epoch <= MAX(to, (uint64_t)EPOCHS) + 1; epoch++)
		if (!same_past(a, a_nr, b, b_nr, epoch))
			return true;
	return false;
}

static void
op_aggregate(struct fix *fix)
{
	uint64_t from = rand_one_in(&fix->rand, 2) ? 0 : rand_below(&fix->rand, EPOCHS);
	uint64_t to = from + rand_below(&fix->rand, EPOCHS), snapshots[3];
	uint32_t snapshot_nr = (uint32_t)rand_below(&fix->rand, 4), nr, i, certain = 0, seen = 0;
	struct ilog_entry less[EVENTS_MAX];
	const struct ilog_entry *left;
	bool empty;

	for (i = 0; i < snapshot_nr; i++)
		snapshots[i] = rand_below(&fix->rand, EPOCHS);
	assert_int_equal(ilog_aggregate(&fix->log, from, to, snapshots, snapshot_nr, &empty), 0);
	left = ilog_entries(&fix->log, &nr);
	assert_int_equal(empty, nr == 0);
	/* What is left was there; what may not go did not. */
	while (certain < fix->nr && fix->model[certain].dtx == 0)
		certain++;
	for (i = 0; i < fix->nr; i++) {
		if (seen < nr && memcmp(&left[seen], &fix->model[i], sizeof(*left)) == 0) {
			seen++;
			continue;
		}
		assert_true(i < certain && fix->model[i].epoch >= from && fix->model[i].epoch <= to);
	}
	assert_int_equal(seen, nr);
	if (nr == 0 && fix->nr > 0) {
		assert_true(fix->model[fix->nr - 1].punch);
	} else {
		assert_false(tell_apart(fix, fix->model, fix->nr, left, nr, to, snapshots, snapshot_nr));
		/* Nothing more could go. */
		for (i = 0; i < nr; i++) {
			if (left[i].dtx != 0)
				break;
			if (left[i].epoch < from || left[i].epoch > to)
				continue;
			memcpy(less, left, i * sizeof(*left));
			memcpy(less + i, left + i + 1, (nr - i - 1) * sizeof(*left));
			/* Beside open transactions more is kept: either outcome must read right. */
			if (certain == fix->nr)
				assert_true(tell_apart(fix, left, nr, less, nr - 1, to, snapshots, snapshot_nr));
		}
	}
	memcpy(fix->model, left, nr * sizeof(*left));
	fix->nr = nr;
}

static int
body_batch(struct umem *heap, void *arg)
{
	struct fix *fix = arg;
	uint32_t i;

	for (i = 0; i < 8; i++, fix->ops++) {
		switch (rand_below(&fix->rand, 10)) {
		case 0 ... 6:
			op_add(fix);
			break;
		case 7:
		case 8:
			op_end(fix);
			break;
		default:
			if (rand_one_in(&fix->rand, 2))
				op_aggregate(fix);
		}
		compare_all(fix);
	}
	return fix->abort_this ? -DER_MISC : 0;
}

static int
body_compare(struct umem *heap, void *arg)
{
	compare_all(arg);
	return 0;
}

static int
script_destroy(struct fix *fix)
{
	ilog_destroy(&fix->log);
	return 0;
}

static void
a_log_does_what_its_model_does(void **state)
{
	for (uint64_t seed = 1; seed <= 10; seed++) {
		struct fix *fix = fix_new(2 * MIB);

		rand_init(&fix->rand, seed, 0);
		while (fix->ops < 12000) {
			memcpy(fix->saved, fix->model, sizeof(fix->model));
			fix->saved_nr = fix->nr;
			fix->abort_this = rand_one_in(&fix->rand, 4);
			assert_int_equal(umem_write(fix->heap.heap, 0, body_batch, fix, NULL), fix->abort_this ? -DER_MISC : 0);
			if (fix->abort_this) {
				memcpy(fix->model, fix->saved, sizeof(fix->model));
				fix->nr = fix->saved_nr;
				assert_int_equal(umem_read(fix->heap.heap, body_compare, fix), 0);
			}
		}
		fix->script = script_destroy;
		assert_int_equal(umem_write(fix->heap.heap, 0, body_script, fix, NULL), 0);
		assert_int_equal(heap_test_used(&fix->heap), 0);
		fix_free(fix);
	}
}

/* ---- faults ------------------------------------------------------------------------------------------------------ */

static int
script_grow(struct fix *fix)
{
	int rc = 0;

	for (uint32_t i = 0; i < 20000 && rc == 0; i++)
		rc = add(fix, i + 1, 0, 1, 0);
	return rc;
}

static void
a_full_heap_leaves_the_log_as_it_was(void **state)
{
	struct fix *fix = fix_new(256 * KIB);

	fix->script = script_grow;
	assert_int_equal(umem_write(fix->heap.heap, 0, body_script, fix, NULL), -DER_NOSPACE);
	assert_int_equal(umem_read(fix->heap.heap, body_compare, fix), 0);
	assert_int_equal(heap_test_used(&fix->heap), 0);
	fix_free(fix);
}

static void
a_failed_request_for_memory_leaves_the_log_as_it_was(void **state)
{
	int rc = -DER_NOMEM;

	for (size_t nth = 1; rc != 0; nth++) {
		struct fix *fix = fix_new(4 * MIB);

		fix->script = script_grow;
		mem_test_fail(&fix->heap.mem, nth);
		rc = umem_write(fix->heap.heap, 0, body_script, fix, NULL);
		mem_test_fail(&fix->heap.mem, 0);
		if (rc != 0) {
			assert_int_equal(rc, -DER_NOMEM);
			assert_int_equal(umem_read(fix->heap.heap, body_compare, fix), 0);
		}
		fix_free(fix);
	}
}

static int
script_corrupt(struct fix *fix)
{
	uint8_t *root = umem_touch(fix->heap.heap, fix->log.root, sizeof(struct ilog_root));
	struct ilog_state state;
	const struct ilog_entry *entries;
	uint64_t snapshot = 7;
	uint32_t nr;
	bool empty;

	for (uint32_t i = (uint32_t)rand_below(&fix->rand, 20); i > 0; i--)
		add(fix, 100 - 2 * i, 0, i % 2, i % 5);
	for (uint32_t i = (uint32_t)rand_between(&fix->rand, 1, 3); i > 0; i--)
		root[rand_below(&fix->rand, 28)] ^= (uint8_t)rand_u64(&fix->rand);
	entries = ilog_entries(&fix->log, &nr);
	if (nr > 1 && nr < 30) {
		struct ilog_root *words = (struct ilog_root *)root;
		uint8_t *bytes = umem_touch(fix->heap.heap, words->array, nr * sizeof(*entries));

		bytes[rand_below(&fix->rand, nr * sizeof(*entries))] ^= (uint8_t)rand_u64(&fix->rand);
	}
	ilog_check(&fix->log);
	entries = ilog_entries(&fix->log, &nr);
	if (entries != NULL)
		ilog_state(entries, nr, 20, 0, 30, visible, NULL, &state);
	else
		assert_int_equal(nr, 0);
	add(fix, rand_below(&fix->rand, 50), 1, 1, 0);
	ilog_commit(&fix->log, 2);
	ilog_abort(&fix->log, 3);
	ilog_aggregate(&fix->log, 3, 20, &snapshot, 1, &empty);
	ilog_destroy(&fix->log);
	return -DER_MISC;
}

static void
a_corrupt_root_is_an_error_and_nothing_worse(void **state)
{
	struct fix *fix = fix_new(2 * MIB);

	fix->script = script_corrupt;
	for (uint32_t i = 0; i < 20000; i++) {
		int rc = umem_write(fix->heap.heap, 0, body_script, fix, NULL);

		assert_true(rc == -DER_MISC || rc == -DER_DF_INVAL);
		assert_int_equal(heap_test_used(&fix->heap), 0);
	}
	assert_true(fix->heap.lines > 1000);
	fix_free(fix);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_creation_is_noted_only_when_it_tells_something),
		cmocka_unit_test(two_transactions_cannot_share_an_epoch),
		cmocka_unit_test(a_punch_ends_what_was_created_before_it),
		cmocka_unit_test(aggregation_keeps_what_snapshots_and_later_readers_see),
		cmocka_unit_test(aggregation_stops_before_an_open_transaction),
		cmocka_unit_test(a_log_does_what_its_model_does),
		cmocka_unit_test(a_full_heap_leaves_the_log_as_it_was),
		cmocka_unit_test(a_failed_request_for_memory_leaves_the_log_as_it_was),
		cmocka_unit_test(a_corrupt_root_is_an_error_and_nothing_worse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
