/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of locks against a model that keeps a byte for every byte of every file and owner: random locks, waits, cancellations and
 * ends of sessions; memory that fails; and single sentences.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/mem_test.h"
#include "base/rand.h"
#include "pure/lock/lock.h"

enum { SESSIONS = 3, OWNERS = 3, FILES = 2, BYTES = 24, WAITS = 64 };

/* ---- the model ---------------------------------------------------------------------------------------------------------------- */
struct model_wait {
	struct lock_want want;
	int session;
	uint64_t number;
};

struct model {
	uint8_t held[LOCK_SPACE_NR][FILES][SESSIONS][OWNERS][BYTES];
	struct model_wait waits[WAITS];
	int wait_nr;
	bool granted[WAITS * 1000]; /* by number */
};

static uint64_t
last_of(const struct lock_want *want)
{
	return MIN(want->end, (uint64_t)BYTES - 1);
}

static bool
model_clash(const struct model *model, int session, const struct lock_want *want, int other, uint64_t owner)
{
	if ((other == session && owner == want->owner) || want->kind == LOCK_NONE)
		return false;
	for (uint64_t at = want->start; at <= last_of(want); at++) {
		uint8_t kind = model->held[want->space][want->file][other][owner][at];

		if (kind == LOCK_ALONE || (kind == LOCK_SHARED && want->kind == LOCK_ALONE))
			return true;
	}
	return false;
}

static bool
model_free(const struct model *model, int session, const struct lock_want *want)
{
	for (int s = 0; s < SESSIONS; s++)
		for (uint64_t o = 0; o < OWNERS; o++)
			if (model_clash(model, session, want, s, o))
				return false;
	return true;
}

static void
model_put(struct model *model, int session, const struct lock_want *want)
{
	for (uint64_t at = want->start; at <= last_of(want); at++)
		model->held[want->space][want->file][session][want->owner][at] = want->kind;
}

static void
wait_remove(struct model *model, int at)
{
	model->wait_nr--;
	memmove(&model->waits[at], &model->waits[at + 1], sizeof(model->waits[0]) * (size_t)(model->wait_nr - at));
}

static void
model_settle(struct model *model)
{
	for (bool again = true; again;) {
		again = false;
		for (int i = 0; i < model->wait_nr; i++) {
			struct model_wait wait = model->waits[i];

			if (!model_free(model, wait.session, &wait.want))
				continue;
			model_put(model, wait.session, &wait.want);
			model->granted[wait.number] = true;
			wait_remove(model, i--);
			again = true;
		}
	}
}

/* Whether (session, owner) is reached from who waits: brute force over all owners. */
static bool
model_circle(const struct model *model, int session, const struct lock_want *want)
{
	bool reached[SESSIONS][OWNERS] = {{false}};
	bool again = true;

	for (int s = 0; s < SESSIONS; s++)
		for (uint64_t o = 0; o < OWNERS; o++)
			reached[s][o] = model_clash(model, session, want, s, o);
	while (again) {
		again = false;
		for (int i = 0; i < model->wait_nr; i++) {
			const struct model_wait *wait = &model->waits[i];

			if (wait->want.space != LOCK_POSIX || !reached[wait->session][wait->want.owner])
				continue;
			for (int s = 0; s < SESSIONS; s++)
				for (uint64_t o = 0; o < OWNERS; o++)
					if (!reached[s][o] && model_clash(model, wait->session, &wait->want, s, o))
						reached[s][o] = again = true;
		}
	}
	return reached[session][want->owner];
}

static enum lock_verdict
model_set(struct model *model, int session, const struct lock_want *want, uint64_t number)
{
	enum lock_verdict verdict = LOCK_GRANTED;

	if (want->space == LOCK_FLOCK && want->kind != model->held[LOCK_FLOCK][want->file][session][want->owner][0])
		model_put(model, session, &(struct lock_want){.file = want->file, .owner = want->owner, .space = LOCK_FLOCK, .end = BYTES});
	if (model_free(model, session, want)) {
		model_put(model, session, want);
	} else if (number == 0) {
		verdict = LOCK_DENIED;
	} else if (want->space == LOCK_POSIX && model_circle(model, session, want)) {
		verdict = LOCK_CIRCLE;
	} else {
		model->waits[model->wait_nr++] = (struct model_wait){.want = *want, .session = session, .number = number};
		verdict = LOCK_WAITS;
	}
	model_settle(model);
	return verdict;
}

static bool
model_cancel(struct model *model, int session, uint64_t number)
{
	for (int i = 0; i < model->wait_nr; i++)
		if (model->waits[i].session == session && (number == 0 || model->waits[i].number == number)) {
			wait_remove(model, i--);
			if (number != 0)
				return true;
		}
	return false;
}

/* ---- both --------------------------------------------------------------------------------------------------------------------- */
struct both {
	struct mem_test test;
	struct lock_table table;
	struct lock_session sessions[SESSIONS];
	struct model model;
	uint32_t calls; /* of granted() */
};

static void
on_granted(void *arg, struct lock_session *session)
{
	((struct both *)arg)->calls++;
	assert_false(list_empty(&session->granted));
}

static struct both *
both_new(void)
{
	struct both *both = calloc(1, sizeof(*both));

	mem_test_init(&both->test);
	lock_table_init(&both->table, &both->test.mem, 7, on_granted, both);
	for (int i = 0; i < SESSIONS; i++)
		lock_session_init(&both->table, &both->sessions[i]);
	return both;
}

static void
both_free(struct both *both)
{
	for (int i = 0; i < SESSIONS; i++)
		lock_session_drop(&both->table, &both->sessions[i]);
	lock_table_fini(&both->table);
	assert_int_equal(both->test.outstanding, 0);
	free(both);
}

struct painting {
	uint8_t held[LOCK_SPACE_NR][FILES][OWNERS][BYTES];
};

static int
paint(void *arg, const struct lock_want *held)
{
	struct painting *painting = arg;

	for (uint64_t at = held->start; at <= last_of(held); at++) {
		assert_int_equal(painting->held[held->space][held->file][held->owner][at], LOCK_NONE);
		painting->held[held->space][held->file][held->owner][at] = held->kind;
	}
	return 0;
}

static void
same(struct both *both)
{
	uint32_t waits = 0;

	assert_int_equal(lock_table_check(&both->table), 0);
	for (int s = 0; s < SESSIONS; s++) {
		struct painting painting = {0};
		uint64_t number;

		lock_each(&both->sessions[s], paint, &painting);
		for (int space = 0; space < LOCK_SPACE_NR; space++)
			for (int file = 0; file < FILES; file++)
				assert_memory_equal(painting.held[space][file], both->model.held[space][file][s], OWNERS * BYTES);
		while ((number = lock_granted(&both->table, &both->sessions[s])) != 0) {
			assert_true(both->model.granted[number]);
			both->model.granted[number] = false;
		}
		waits += both->sessions[s].wait_nr;
	}
	assert_int_equal(waits, both->model.wait_nr);
}

static struct lock_want
random_want(struct rand *rand)
{
	struct lock_want want = {.file = rand_below(rand, FILES), .owner = rand_below(rand, OWNERS), .space = rand_one_in(rand, 5),
				 .kind = (uint8_t)rand_below(rand, 3), .pid = 5, .end = UINT64_MAX};

	if (want.space == LOCK_POSIX) {
		want.start = rand_below(rand, BYTES);
		want.end = want.start + rand_below(rand, BYTES - want.start);
		if (want.end == BYTES - 1) /* the model's last byte stands for all behind it */
			want.end = UINT64_MAX;
	}
	return want;
}

static void
test_holder(struct both *both, int session, const struct lock_want *want)
{
	const struct lock_session *other;
	struct lock_want holder;
	bool busy = lock_test(&both->table, &both->sessions[session], want, &holder, &other);

	assert_int_equal(busy, !model_free(&both->model, session, want));
	if (!busy)
		return;
	assert_true(holder.start <= last_of(want) && holder.end >= want->start);
	assert_true(other == NULL || other != &both->sessions[session]);
	assert_int_equal(holder.pid, 5);
}

static void
random_run(uint64_t seed, uint32_t steps)
{
	struct both *both = both_new();
	uint32_t seen[4] = {0};
	struct rand rand;

	rand_init(&rand, seed, 3);
	for (uint32_t step = 1; step <= steps; step++) {
		int session = (int)rand_below(&rand, SESSIONS);
		struct lock_want want = random_want(&rand);
		uint64_t number = rand_one_in(&rand, 2) && both->model.wait_nr < WAITS ? step : 0;
		enum lock_verdict verdict;

		if (rand_one_in(&rand, 60)) {
			lock_session_drop(&both->table, &both->sessions[session]);
			model_cancel(&both->model, session, 0);
			for (int space = 0; space < LOCK_SPACE_NR; space++)
				for (int file = 0; file < FILES; file++)
					memset(both->model.held[space][file][session], 0, OWNERS * BYTES);
			model_settle(&both->model);
		} else if (rand_one_in(&rand, 8)) {
			number = rand_between(&rand, step > 40 ? step - 40 : 1, step);
			assert_int_equal(lock_cancel(&both->table, &both->sessions[session], number),
					 model_cancel(&both->model, session, number));
		} else if (rand_one_in(&rand, 6)) {
			test_holder(both, session, &want);
		} else {
			if (rand_one_in(&rand, 30))
				both->test.fail_at = both->test.asked + 1 + rand_below(&rand, 6);
			if (lock_set(&both->table, &both->sessions[session], &want, number, &verdict, NULL, NULL) == 0) {
				assert_int_equal(verdict, model_set(&both->model, session, &want, number));
				seen[verdict]++;
			}
			both->test.fail_at = 0;
		}
		same(both);
	}
	for (int i = 0; i < 4; i++)
		assert_true(seen[i] > steps / 400);
	assert_true(both->calls > steps / 100);
	both_free(both);
}

static void
random_locks_of_many_owners_agree_with_a_model(void **state)
{
	for (uint64_t seed = 1; seed <= 12; seed++)
		random_run(seed, 4000);
}

static enum lock_verdict
set(struct both *both, int session, uint64_t owner, uint64_t start, uint64_t end, uint8_t kind, uint64_t number)
{
	struct lock_want want = {.owner = owner, .start = start, .end = end, .kind = kind};
	enum lock_verdict verdict;

	assert_int_equal(lock_set(&both->table, &both->sessions[session], &want, number, &verdict, NULL, NULL), 0);
	return verdict;
}

static void
a_circle_through_three_sessions_is_refused(void **state)
{
	struct both *both = both_new();

	for (int i = 0; i < 3; i++)
		assert_int_equal(set(both, i, 1, (uint64_t)i, (uint64_t)i, LOCK_ALONE, 0), LOCK_GRANTED);
	assert_int_equal(set(both, 0, 1, 1, 1, LOCK_SHARED, 10), LOCK_WAITS);
	assert_int_equal(set(both, 1, 1, 2, 2, LOCK_SHARED, 11), LOCK_WAITS);
	assert_int_equal(set(both, 2, 1, 0, 0, LOCK_SHARED, 12), LOCK_CIRCLE);
	assert_int_equal(set(both, 2, 2, 0, 0, LOCK_SHARED, 13), LOCK_WAITS); /* another owner may */
	lock_session_drop(&both->table, &both->sessions[2]);
	assert_int_equal(lock_granted(&both->table, &both->sessions[1]), 11);
	assert_int_equal(lock_granted(&both->table, &both->sessions[1]), 0);
	both_free(both);
}

static void
a_downgrade_lets_readers_in_in_order(void **state)
{
	struct both *both = both_new();

	assert_int_equal(set(both, 0, 1, 0, UINT64_MAX, LOCK_ALONE, 0), LOCK_GRANTED);
	assert_int_equal(set(both, 1, 1, 5, 9, LOCK_SHARED, 1), LOCK_WAITS);
	assert_int_equal(set(both, 1, 2, 7, 7, LOCK_ALONE, 2), LOCK_WAITS);
	assert_int_equal(set(both, 2, 1, 7, 7, LOCK_SHARED, 3), LOCK_WAITS);
	assert_int_equal(set(both, 0, 1, 0, UINT64_MAX, LOCK_SHARED, 0), LOCK_GRANTED);
	assert_int_equal(lock_granted(&both->table, &both->sessions[1]), 1);
	assert_int_equal(lock_granted(&both->table, &both->sessions[1]), 0);
	assert_int_equal(lock_granted(&both->table, &both->sessions[2]), 3);
	both_free(both);
}

struct kept {
	struct lock_want wants[8];
	uint32_t nr;
};

static int
keep(void *arg, const struct lock_want *held)
{
	struct kept *kept = arg;

	kept->wants[kept->nr++] = *held;
	return 0;
}

static void
locks_told_again_are_never_free_in_between(void **state)
{
	struct both *both = both_new();
	struct kept kept = {0};
	uint64_t numbers[4];

	assert_int_equal(set(both, 0, 1, 0, 9, LOCK_ALONE, 0), LOCK_GRANTED);
	assert_int_equal(set(both, 0, 2, 20, 29, LOCK_ALONE, 0), LOCK_GRANTED);
	lock_each(&both->sessions[0], keep, &kept);
	assert_int_equal(kept.nr, 2);
	assert_int_equal(set(both, 0, 3, 40, 49, LOCK_ALONE, 0), LOCK_GRANTED); /* its mount does not know of it */
	assert_int_equal(set(both, 1, 1, 5, 5, LOCK_ALONE, 1), LOCK_WAITS);
	assert_int_equal(set(both, 1, 2, 45, 45, LOCK_ALONE, 2), LOCK_WAITS);
	assert_int_equal(lock_replace(&both->table, &both->sessions[0], kept.wants, kept.nr), 0);
	assert_int_equal(lock_table_check(&both->table), 0);
	assert_int_equal(lock_wait_state(&both->sessions[1], 1), LOCK_WAITS);
	assert_int_equal(lock_wait_state(&both->sessions[1], 2), LOCK_GRANTED);
	assert_int_equal(lock_granted_list(&both->sessions[1], numbers, 4), 1);
	assert_int_equal(numbers[0], 2);
	lock_granted_take(&both->table, &both->sessions[1], 2);
	assert_int_equal(lock_wait_state(&both->sessions[1], 2), LOCK_DENIED);
	kept.wants[0].start = kept.wants[0].end = 45;
	assert_int_equal(lock_replace(&both->table, &both->sessions[0], kept.wants, 1), -DER_BUSY);
	assert_int_equal(both->sessions[0].range_nr, 0);
	assert_int_equal(lock_wait_state(&both->sessions[1], 1), LOCK_GRANTED);
	both_free(both);
}

static void
hostile_wishes_are_refused_and_limits_hold(void **state)
{
	struct lock_want bad[] = {{.start = 2, .end = 1, .kind = LOCK_ALONE}, {.end = 1, .kind = 3}, {.end = 1, .space = 2, .kind = LOCK_ALONE},
				  {.end = 9, .space = LOCK_FLOCK, .kind = LOCK_ALONE}};
	struct both *both = both_new();
	enum lock_verdict verdict;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(lock_set(&both->table, &both->sessions[0], &bad[i], 1, &verdict, NULL, NULL), -DER_INVAL);
	for (uint64_t i = 0; i < LOCK_FILE_MAX; i++)
		assert_int_equal(set(both, 0, 1, i * 2, i * 2, LOCK_ALONE, 0), LOCK_GRANTED);
	bad[0] = (struct lock_want){.start = 1ULL << 40, .end = 1ULL << 40, .owner = 1, .kind = LOCK_ALONE};
	assert_int_equal(lock_set(&both->table, &both->sessions[0], &bad[0], 0, &verdict, NULL, NULL), -DER_NOSPACE);
	assert_int_equal(set(both, 0, 1, 0, UINT64_MAX, LOCK_NONE, 0), LOCK_GRANTED);
	assert_int_equal(both->sessions[0].range_nr, 0);
	both_free(both);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_locks_of_many_owners_agree_with_a_model),
		cmocka_unit_test(a_circle_through_three_sessions_is_refused),
		cmocka_unit_test(a_downgrade_lets_readers_in_in_order),
		cmocka_unit_test(locks_told_again_are_never_free_in_between),
		cmocka_unit_test(hostile_wishes_are_refused_and_limits_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
