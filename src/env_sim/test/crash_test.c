/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a death leaves on the disks: brute force over small histories, and a model that tracks for every sector which contents
 * are allowed after a loss of power.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "env_sim/env_sim.h"
#include "ult/ult.h"

enum { PAGES = 8, PAGE = 4096, SECTOR = 512, SIZE = PAGES * PAGE, SECTORS = SIZE / SECTOR };

struct world {
	struct sim *sim;
	struct env *env;
	struct xs *xs;
	struct env_thread *thread;
	struct env_disk *disk;
	char *buf;
};

static void
begin(struct world *w, uint64_t seed, const struct sim_options *options, bool create)
{
	*w = (struct world){.sim = sim_create(seed, options)};
	w->env = sim_env(w->sim, 0);
	if (!create)
		return;
	assert_int_equal(w->env->ops->disk.open(w->env, "/disk", ENV_DISK_CREATE, SIZE, &w->disk), 0);
}

/** A ULT's disk operation. */
struct op {
	struct env_io io;
	struct iovec iov;
	struct ult_eventual done;
};

static void
op_done(struct env_io *io, int rc)
{
	ult_eventual_set(&container_of(io, struct op, io)->done, rc);
}

static void
op_start(struct world *w, struct xs *xs, struct op *op, enum env_io_op what, int flags, uint64_t off, void *buf, uint64_t len)
{
	*op = (struct op){.io = {.disk = w->disk, .op = what, .flags = (uint32_t)flags, .off = off, .len = len,
				 .iov = &op->iov, .iov_nr = buf != NULL, .done = op_done}, .iov = {buf, len}};
	ult_eventual_init(&op->done);
	w->env->ops->disk.submit(xs_loop(xs), &op->io);
}

static int
op_run(struct world *w, enum env_io_op what, int flags, uint64_t off, void *buf, uint64_t len)
{
	struct op op;

	op_start(w, xs_self(), &op, what, flags, off, buf, len);
	return ult_eventual_wait(&op.done);
}

/* ---- the model ---------------------------------------------------------------------------------------------------------- */
/*
 * Each sector holds the number of the write that filled it (8 bytes, repeated). durable[s]: the number that certainly is on the
 * medium; maybe[s]: the set of later ones that may be.
 */
enum { WRITES = 60 };

struct model {
	uint64_t durable[SECTORS], now[SECTORS];
	bool maybe[SECTORS][WRITES + 1];
	bool in_flight_torn[SECTORS]; /* a write to it was not durable: may be garbage */
	int write;
	bool crashed_early;
};

struct history {
	struct world world;
	struct model model;
	uint64_t seed;
	bool with_dsync, finished;
	enum sim_crash how;
};

static void
fill(char *buf, size_t len, uint64_t number)
{
	for (size_t i = 0; i < len; i += 8)
		memcpy(buf + i, &number, 8);
}

static void
model_write(struct model *m, uint64_t off, uint64_t len, uint64_t number)
{
	for (uint64_t s = off / SECTOR; s < (off + len) / SECTOR; s++)
		m->maybe[s][number] = true;
}

static void
model_done(struct model *m, uint64_t off, uint64_t len, uint64_t number, bool durable)
{
	for (uint64_t s = off / SECTOR; s < (off + len) / SECTOR; s++) {
		m->now[s] = number;
		if (!durable)
			continue;
		m->durable[s] = number;
		memset(m->maybe[s], 0, sizeof(m->maybe[s]));
	}
}

static void
model_flushed(struct model *m)
{
	for (int s = 0; s < SECTORS; s++) {
		m->durable[s] = m->now[s];
		memset(m->maybe[s], 0, sizeof(m->maybe[s]));
	}
}

/** One operation at a time, so that the model is exact; several sizes. */
static void
live(void *arg)
{
	struct history *h = arg;
	struct world *w = &h->world;
	struct model *m = &h->model;
	char *buf = mem_alloc_aligned(w->env->mem, 4 * PAGE, PAGE);

	for (int i = 0; i < WRITES; i++) {
		uint64_t len = PAGE * (1 + sim_rand_nr(w->sim, 4));
		uint64_t off = PAGE * sim_rand_nr(w->sim, (SIZE - len) / PAGE + 1);
		bool dsync = h->with_dsync && sim_rand_nr(w->sim, 3) == 0;

		if (sim_rand_nr(w->sim, 6) == 0) {
			assert_int_equal(op_run(w, ENV_IO_FLUSH, 0, 0, NULL, 0), 0);
			model_flushed(m);
		}
		m->write = i + 1;
		fill(buf, len, (uint64_t)i + 1);
		model_write(m, off, len, (uint64_t)i + 1);
		assert_int_equal(op_run(w, ENV_IO_WRITE, dsync ? ENV_IO_DSYNC : 0, off, buf, len), 0);
		model_done(m, off, len, (uint64_t)i + 1, dsync);
		assert_int_equal(op_run(w, ENV_IO_READ, 0, off, buf, len), 0);
		for (uint64_t at = 0; at < len; at += 8)
			assert_memory_equal(buf + at, &m->now[(off + at) / SECTOR], 8);
	}
	h->finished = true;
	mem_free(w->env->mem, buf);
	xs_stop(xs_self());
}

static void
boot(void *arg, struct env *env)
{
	struct history *h = arg;

	h->world.env = env;
	assert_int_equal(env->ops->disk.open(env, "/disk", ENV_DISK_CREATE, SIZE, &h->world.disk), 0);
	assert_int_equal(xs_create(&(struct xs_config){.env = env, .name = "main"}, &h->world.xs), 0);
	assert_int_equal(ult_spawn(h->world.xs, ULT_IO, "live", live, h, NULL), 0);
	assert_int_equal(xs_start(h->world.xs, NULL, &h->world.thread), 0);
}

struct outcome {
	int kept, lost, garbage, torn;
};

static void
check_sector(struct history *h, int s, const char *data, struct outcome *outcome)
{
	struct model *m = &h->model;
	uint64_t first, last;
	bool same = true, pending = false;

	memcpy(&first, data, 8);
	memcpy(&last, data + SECTOR - 8, 8);
	for (int i = 8; i < SECTOR; i += 8)
		same &= memcmp(data, data + i, 8) == 0;
	for (int i = 1; i <= WRITES; i++)
		pending |= m->maybe[s][i];
	if (!pending || h->how == SIM_KILL) {
		/* The last completed write, or (killed) the one that was in flight. */
		uint64_t sure = h->how == SIM_KILL ? m->now[s] : m->durable[s];

		assert_true(same);
		assert_true(first == sure || (h->how == SIM_KILL && first == (uint64_t)m->write && m->maybe[s][first]));
		return;
	}
	if (!same) {
		outcome->torn++;
		return; /* torn or garbage: allowed, since something was pending there */
	}
	if (first == m->durable[s]) {
		outcome->lost++;
	} else {
		assert_true(first <= WRITES && m->maybe[s][first]);
		outcome->kept++;
	}
}

static void
one_history(uint64_t seed, enum sim_crash how, bool with_dsync, struct outcome *outcome)
{
	struct history *h = test_calloc(1, sizeof(*h));
	char sector[SECTOR];

	h->seed = seed;
	h->how = how;
	h->with_dsync = with_dsync;
	begin(&h->world, seed, NULL, false);
	sim_node_set_boot(h->world.sim, 0, boot, h);
	/* Dies at a random write, in flight or later. */
	if (seed % 2 == 0)
		sim_disk_crash_at(sim_disk(h->world.sim, 0, "/disk"), 1 + sim_rand_nr(h->world.sim, WRITES), how);
	sim_run(h->world.sim, seed % 2 == 0 ? NS_PER_S : sim_rand_nr(h->world.sim, 10 * NS_PER_MS), NULL, NULL);
	sim_node_crash(h->world.sim, 0, how);
	assert_null(sim_env(h->world.sim, 0));
	for (int s = 0; s < SECTORS; s++) {
		sim_disk_peek(sim_disk(h->world.sim, 0, "/disk"), (uint64_t)s * SECTOR, sector, SECTOR, false);
		check_sector(h, s, sector, outcome);
	}
	sim_destroy(h->world.sim);
	test_free(h);
}

static void
a_loss_of_power_keeps_what_was_durable_and_any_of_the_rest(void **state)
{
	struct outcome outcome = {0};

	for (uint64_t seed = 1; seed <= 300; seed++)
		one_history(seed, SIM_POWER, seed % 3 != 0, &outcome);
	/* Everything that may happen does. */
	assert_true(outcome.kept > 100);
	assert_true(outcome.lost > 100);
	assert_true(outcome.torn > 100);
}

static void
a_killed_process_loses_nothing_that_completed(void **state)
{
	struct outcome outcome = {0};

	for (uint64_t seed = 1; seed <= 100; seed++)
		one_history(seed, SIM_KILL, true, &outcome);
}

/* ---- every subset occurs ------------------------------------------------------------------------------------------------- */

static void
write_three(void *arg)
{
	struct world *w = arg;

	for (int i = 0; i < 3; i++) {
		fill(w->buf, PAGE, (uint64_t)i + 1);
		assert_int_equal(op_run(w, ENV_IO_WRITE, 0, (uint64_t)i * PAGE, w->buf, PAGE), 0);
	}
	xs_stop(xs_self());
}

static void
every_subset_of_unsynced_writes_survives_some_crash(void **state)
{
	bool seen[8] = {false};
	int nr = 0;

	for (uint64_t seed = 1; seed <= 400 && nr < 8; seed++) {
		struct world w;
		int set = 0;
		uint64_t first[PAGE / 8];

		begin(&w, seed, NULL, true);
		w.buf = mem_alloc_aligned(w.env->mem, PAGE, PAGE);
		assert_int_equal(xs_create(&(struct xs_config){.env = w.env, .name = "main"}, &w.xs), 0);
		assert_int_equal(ult_spawn(w.xs, ULT_IO, "write", write_three, &w, NULL), 0);
		xs_run(w.xs);
		sim_node_crash(w.sim, 0, SIM_POWER);
		for (int i = 0; i < 3; i++) {
			sim_disk_peek(sim_disk(w.sim, 0, "/disk"), (uint64_t)i * PAGE, first, PAGE, true);
			set |= (first[0] == (uint64_t)i + 1 && first[PAGE / 8 - 1] == (uint64_t)i + 1) << i;
		}
		nr += !seen[set];
		seen[set] = true;
		sim_destroy(w.sim);
	}
	assert_int_equal(nr, 8);
}

/* ---- failures of flushes ------------------------------------------------------------------------------------------------- */

static void
flush_fails(void *arg)
{
	struct world *w = arg;

	for (int i = 0; i < 6; i++) {
		fill(w->buf, PAGE, (uint64_t)i + 1);
		assert_int_equal(op_run(w, ENV_IO_WRITE, 0, (uint64_t)i * PAGE, w->buf, PAGE), 0);
	}
	sim_disk_fail(sim_disk(w->sim, 0, "/disk"), 1 << ENV_IO_FLUSH, 1, false);
	assert_int_equal(op_run(w, ENV_IO_FLUSH, 0, 0, NULL, 0), -DER_IO);
	/* The next one succeeds, and yet. */
	assert_int_equal(op_run(w, ENV_IO_FLUSH, 0, 0, NULL, 0), 0);
	for (int i = 0; i < 6; i++) {
		assert_int_equal(op_run(w, ENV_IO_READ, 0, (uint64_t)i * PAGE, w->buf, PAGE), 0);
		assert_int_equal(*(uint64_t *)w->buf, i + 1);
	}
	xs_stop(xs_self());
}

static void
what_a_failed_flush_missed_no_later_flush_makes_durable(void **state)
{
	int durable = 0, lost = 0;

	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct world w;
		uint64_t first;

		begin(&w, seed, NULL, true);
		w.buf = mem_alloc_aligned(w.env->mem, PAGE, PAGE);
		assert_int_equal(xs_create(&(struct xs_config){.env = w.env, .name = "main"}, &w.xs), 0);
		assert_int_equal(ult_spawn(w.xs, ULT_IO, "flush", flush_fails, &w, NULL), 0);
		xs_run(w.xs);
		sim_node_crash(w.sim, 0, SIM_POWER);
		for (int i = 0; i < 6; i++) {
			sim_disk_peek(sim_disk(w.sim, 0, "/disk"), (uint64_t)i * PAGE, &first, 8, false);
			durable += first == (uint64_t)i + 1;
			lost += first == 0;
		}
		sim_destroy(w.sim);
	}
	assert_int_equal(durable + lost, 120);
	assert_true(durable > 30 && lost > 30);
}

/* ---- what a flush covers --------------------------------------------------------------------------------------------------- */

static void
flush_and_write_at_once(void *arg)
{
	struct world *w = arg;
	struct op flush, write;

	fill(w->buf, PAGE, 1);
	op_start(w, xs_self(), &flush, ENV_IO_FLUSH, 0, 0, NULL, 0);
	op_start(w, xs_self(), &write, ENV_IO_WRITE, 0, 0, w->buf, PAGE);
	assert_int_equal(ult_eventual_wait(&write.done), 0);
	if (ult_eventual_ready(&flush.done))
		sim_note(w->sim, "the flush was first", 0, 0);
	else
		env_sometimes(w->env, "the write was first");
	assert_int_equal(ult_eventual_wait(&flush.done), 0);
	xs_stop(xs_self());
}

static void
a_flush_covers_only_what_completed_before_it_began(void **state)
{
	uint64_t overtaken = 0;

	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct sim_record *record;
		struct world w;
		uint64_t first;

		begin(&w, seed, NULL, true);
		w.buf = mem_alloc_aligned(w.env->mem, PAGE, PAGE);
		sim_record_start(w.sim, 0);
		assert_int_equal(xs_create(&(struct xs_config){.env = w.env, .name = "main"}, &w.xs), 0);
		assert_int_equal(ult_spawn(w.xs, ULT_IO, "flush", flush_and_write_at_once, &w, NULL), 0);
		xs_run(w.xs);
		overtaken += sim_counter(w.sim, "sometimes", "the write was first");
		sim_disk_peek(sim_disk(w.sim, 0, "/disk"), 0, &first, 8, true);
		assert_int_equal(first, 0);
		record = sim_record_stop(w.sim, 0);
		assert_int_equal(sim_record_undecided(record, sim_record_nr(record)), 8);
		sim_record_free(record);
		sim_destroy(w.sim);
	}
	assert_true(overtaken > 5);
}

/* ---- faults of a disk ------------------------------------------------------------------------------------------------------ */

struct faulty {
	struct world world;
	int errors, wrong;
	bool read_back;
};

static void
use_faulty(void *arg)
{
	struct faulty *f = arg;
	struct world *w = &f->world;

	for (int i = 0; i < 400; i++) {
		uint64_t page = sim_rand_nr(w->sim, PAGES), number = (uint64_t)i + 1, got;

		fill(w->buf, PAGE, number);
		f->errors += op_run(w, ENV_IO_WRITE, ENV_IO_DSYNC, page * PAGE, w->buf, PAGE) != 0;
		if (op_run(w, ENV_IO_READ, 0, page * PAGE, w->buf, PAGE) != 0) {
			f->errors++;
			continue;
		}
		memcpy(&got, w->buf, 8);
		f->wrong += got != number;
		for (int at = 8; at < PAGE; at += 8)
			f->wrong += memcmp(w->buf + at, w->buf, 8) != 0;
	}
	xs_stop(xs_self());
}

/** To set it beyond what swarm would draw, so that it strikes soon. */
static uint64_t *
option_of(struct sim_options *options, const char *wanted)
{
#define X(name, calm, most, cls, text)                                                                                   \
	if (strcmp(#name, wanted) == 0)                                                                                  \
		return &options->name;
	SIM_OPTIONS(X)
#undef X
	return NULL;
}

static void
each_fault_class_strikes_when_it_is_on_and_only_then(void **state)
{
	static const struct {
		const char *option, *counter;
		bool error, wrong;
	} classes[] = {
		{NULL, NULL, false, false},
		{"read_error_ppm", "read failed", true, false},
		{"write_error_ppm", "write failed", true, true},
		{"flush_error_ppm", "flush failed", true, true},
		{"bit_rot_ppm", "bit rotten", false, true},
		{"lost_write_ppm", "lost write", false, true},
		{"misdirect_ppm", "misdirected write", false, true},
		{"stall_ppm", "disk operation slow", false, false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(classes); i++) {
		struct faulty f = {0};

		begin(&f.world, 7, NULL, true);
		if (classes[i].option != NULL)
			*option_of(sim_options(f.world.sim), classes[i].option) = 50000;
		f.world.buf = mem_alloc_aligned(f.world.env->mem, PAGE, PAGE);
		assert_int_equal(xs_create(&(struct xs_config){.env = f.world.env, .name = "main"}, &f.world.xs), 0);
		assert_int_equal(ult_spawn(f.world.xs, ULT_IO, "use", use_faulty, &f, NULL), 0);
		xs_run(f.world.xs);
		if (classes[i].counter != NULL)
			assert_true(sim_counter(f.world.sim, "fault", classes[i].counter) > 3);
		assert_int_equal(f.errors > 0, classes[i].error);
		assert_int_equal(f.wrong > 0, classes[i].wrong);
		sim_destroy(f.world.sim);
	}
}

/* ---- records ---------------------------------------------------------------------------------------------------------------- */

struct recorded {
	struct world world;
	struct op ops[3];
	char *bufs[3];
};

static void
record_workload(void *arg)
{
	struct recorded *r = arg;
	struct world *w = &r->world;

	for (uint64_t round = 1; round <= 12; round++) {
		for (uint64_t i = 0; i < 3; i++) {
			fill(r->bufs[i], PAGE, round * 10 + i);
			op_start(w, xs_self(), &r->ops[i], ENV_IO_WRITE, round % 4 == 0 && i == 2 ? ENV_IO_DSYNC : 0,
				 i * PAGE, r->bufs[i], PAGE);
		}
		for (int i = 0; i < 3; i++)
			assert_int_equal(ult_eventual_wait(&r->ops[i].done), 0);
		if (round % 3 == 0) {
			assert_int_equal(op_run(w, ENV_IO_FLUSH, 0, 0, NULL, 0), 0);
			sim_record_note(w->sim, 0, "acknowledged", round);
		}
		if (round == 5)
			assert_int_equal(w->env->ops->file.write(w->env, "/file", "five", 4, 0600), 0);
		if (round == 7)
			assert_int_equal(w->env->ops->file.remove(w->env, "/file"), 0);
	}
	xs_stop(xs_self());
}

static struct sim_record *
make_record(void)
{
	struct recorded r = {0};
	struct sim_record *record;

	begin(&r.world, 3, NULL, true);
	for (int i = 0; i < 3; i++)
		r.bufs[i] = mem_alloc_aligned(r.world.env->mem, PAGE, PAGE);
	sim_record_start(r.world.sim, 0);
	assert_int_equal(xs_create(&(struct xs_config){.env = r.world.env, .name = "main"}, &r.world.xs), 0);
	assert_int_equal(ult_spawn(r.world.xs, ULT_IO, "work", record_workload, &r, NULL), 0);
	xs_run(r.world.xs);
	record = sim_record_stop(r.world.sim, 0);
	sim_destroy(r.world.sim);
	return record;
}

struct fates {
	uint64_t bits;
	int asked;
};

static enum sim_fate
fate_by_bits(void *arg, uint64_t write, uint64_t sector)
{
	struct fates *fates = arg;

	return fates->bits >> (fates->asked++ / 8 % 64) & 1 ? SIM_FATE_NEW : SIM_FATE_OLD;
}

/** The straightforward way: every entry up to prefix, from the beginning. Pages as sets of allowed values. */
static void
reference(const struct sim_record *record, size_t prefix, uint64_t durable[3], uint64_t newest[3], size_t *undecided)
{
	struct { uint64_t number, page, value; bool done, durable; size_t done_at; } writes[64] = {0};
	int nr = 0, per_page[3] = {0};

	memset(durable, 0, 3 * 8);
	memset(newest, 0, 3 * 8);
	*undecided = 0;
	for (size_t i = 0; i < prefix; i++) {
		const struct sim_record_entry *e = sim_record_get(record, i);

		if (e->kind == SIM_RECORD_WRITE) {
			int page = (int)(e->off / PAGE);

			/* The value follows from the order: page p is written once a round. */
			writes[nr].number = e->write;
			writes[nr].page = (uint64_t)page;
			writes[nr++].value = (uint64_t)++per_page[page] * 10 + (uint64_t)page;
		}
		for (int w = 0; w < nr; w++) {
			if (e->kind == SIM_RECORD_DONE && writes[w].number == e->write) {
				writes[w].done = true;
				writes[w].done_at = i;
				writes[w].durable = e->durable;
			}
			if (e->kind == SIM_RECORD_DURABLE && writes[w].done && writes[w].done_at < e->write)
				writes[w].durable = true;
		}
	}
	for (int w = 0; w < nr; w++) {
		if (writes[w].durable)
			durable[writes[w].page] = MAX(durable[writes[w].page], writes[w].value);
		else
			*undecided += 8;
		newest[writes[w].page] = MAX(newest[writes[w].page], writes[w].value);
	}
}

static void
check_load(const struct sim_record *record, size_t prefix)
{
	uint64_t durable[3], newest[3], value, size;
	struct fates all = {.bits = UINT64_MAX};
	bool file = false;
	size_t undecided;

	reference(record, prefix, durable, newest, &undecided);
	assert_int_equal(sim_record_undecided(record, prefix), undecided);
	for (int what = 0; what < 2; what++) {
		struct sim *sim = sim_create(1, NULL);

		sim_record_load(record, prefix, what == 0 ? NULL : fate_by_bits, &all, sim, 0);
		for (int p = 0; p < 3; p++) {
			sim_disk_peek(sim_disk(sim, 0, "/disk"), (uint64_t)p * PAGE, &value, 8, true);
			assert_int_equal(value, what == 0 ? durable[p] : newest[p]);
			sim_disk_peek(sim_disk(sim, 0, "/disk"), (uint64_t)p * PAGE + PAGE - 8, &value, 8, false);
			assert_int_equal(value, what == 0 ? durable[p] : newest[p]);
		}
		file = sim_env(sim, 0)->ops->file.stat(sim_env(sim, 0), "/file", &size, NULL) == 0;
		sim_destroy(sim);
	}
	assert_int_equal(all.asked, undecided);
	for (size_t i = 0, seen = 0; i < prefix; i++) {
		seen += sim_record_get(record, i)->kind == SIM_RECORD_FILE;
		if (i + 1 == prefix)
			assert_int_equal(file, seen == 1);
	}
}

static void
a_record_is_replayed_at_every_prefix(void **state)
{
	struct sim_record *record = make_record();
	size_t nr = sim_record_nr(record);

	assert_true(nr > 70);
	for (size_t prefix = 1; prefix <= nr; prefix++)
		check_load(record, prefix);
	/* And in any order. */
	for (size_t prefix = nr; prefix > 0; prefix = prefix > 7 ? prefix - 7 : 0)
		check_load(record, prefix);
	sim_record_free(record);
}

static void
a_fate_decides_each_undecided_write(void **state)
{
	struct sim_record *record = make_record();

	for (size_t prefix = 1; prefix <= sim_record_nr(record); prefix++) {
		size_t writes = sim_record_undecided(record, prefix) / 8;

		for (uint64_t bits = 0; writes <= 6 && bits < 1ULL << writes; bits++) {
			struct fates fates = {.bits = bits};
			struct sim *sim = sim_create(1, NULL);
			uint64_t value[2];

			sim_record_load(record, prefix, fate_by_bits, &fates, sim, 0);
			for (uint64_t at = 0; at < 3 * PAGE; at += PAGE) {
				sim_disk_peek(sim_disk(sim, 0, "/disk"), at, &value[0], 8, true);
				sim_disk_peek(sim_disk(sim, 0, "/disk"), at + PAGE - 8, &value[1], 8, true);
				assert_int_equal(value[0], value[1]);
			}
			sim_destroy(sim);
		}
	}
	sim_record_free(record);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_loss_of_power_keeps_what_was_durable_and_any_of_the_rest),
		cmocka_unit_test(a_killed_process_loses_nothing_that_completed),
		cmocka_unit_test(every_subset_of_unsynced_writes_survives_some_crash),
		cmocka_unit_test(what_a_failed_flush_missed_no_later_flush_makes_durable),
		cmocka_unit_test(a_flush_covers_only_what_completed_before_it_began),
		cmocka_unit_test(each_fault_class_strikes_when_it_is_on_and_only_then),
		cmocka_unit_test(a_record_is_replayed_at_every_prefix),
		cmocka_unit_test(a_fate_decides_each_undecided_write),
	};

	return cmocka_run_group_tests_name("env_sim crashes", tests, NULL, NULL);
}
