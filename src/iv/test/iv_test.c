/* SPDX-License-Identifier: Apache-2.0 */
/*
 * iv over the simulated net. The model of random use is what the root was given: nobody ever sees a version with other bytes, an older one than it
 * asked for, or, of one name on one rank, versions that go back without a drop.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/hash64.h"
#include "base/rand.h"
#include "env_sim/env_sim.h"
#include "iv/iv.h"
#include "proto/registry.h"
#include "pure/hlc/hlc.h"

enum { SIDES_MAX = 24, KEYS = 6 };

struct side {
	uint32_t id;
	struct env *env;
	struct xs *xs;
	struct env_thread *thread;
	struct hlc_clock clock;
	struct rpc_node *node;
	struct rpc_ctx *ctx;
	struct member *member;
	struct iv *iv;
	const char *addr;
	struct sim_mem_stats before;
	bool up;
	uint32_t believes; /* whom it takes for the root; 0: the true one, else rank + 1 */
	/* what its class operations saw */
	uint32_t fetches, updates, drops;
	uint64_t last[KEYS]; /* version heard last; 0 after a drop */
};

static struct {
	struct sim *sim;
	uint32_t nr, root;
	struct side sides[SIDES_MAX];
	uint64_t truth[KEYS]; /* the version that the root would give; 0: none */
	bool slow;
} w;

static const uuid_t space = {1, 2, 3};

/* ---- the class: bytes follow from key and version ------------------------------------------------------------------------ */
static size_t
fill(uint32_t key, uint64_t version, char *buf, size_t size)
{
	return (size_t)snprintf(buf, size, "value of %u at %llu: %016llx", key, (unsigned long long)version,
				(unsigned long long)hash64_pair(key, version));
}

static void
check_bytes(uint32_t key, const struct iv_value *value)
{
	char want[80];

	assert_int_equal(value->len, fill(key, value->version, want, sizeof(want)));
	assert_memory_equal(value->data, want, value->len);
}

static uint32_t
class_root(void *arg, const uuid_t in)
{
	struct side *side = arg;

	return side->believes != 0 ? side->believes - 1 : w.root;
}

static int
class_fetch(void *arg, const struct iv_key *key, struct arena *arena, struct iv_value *value)
{
	struct side *side = arg;
	uint32_t index = *(const uint32_t *)key->key;
	uint64_t version = w.truth[index];
	char *buf = arena_alloc(arena, 80);

	assert_int_equal(side->id, w.root);
	side->fetches++;
	if (w.slow)
		ult_sleep(20 * NS_PER_MS);
	if (version == 0)
		return -DER_NONEXIST;
	if (buf == NULL)
		return -DER_NOMEM;
	*value = (struct iv_value){.version = version, .data = buf, .len = fill(index, version, buf, 80)};
	return 0;
}

static void
class_update(void *arg, const struct iv_key *key, const struct iv_value *value)
{
	struct side *side = arg;
	uint32_t index = *(const uint32_t *)key->key;

	if (value == NULL) {
		side->drops++;
		side->last[index] = 0;
		return;
	}
	side->updates++;
	check_bytes(index, value);
	assert_true(value->version > side->last[index]);
	side->last[index] = value->version;
	if (w.slow)
		ult_yield();
}

/* ---- world ---------------------------------------------------------------------------------------------------------------------- */
struct job {
	struct xs_msg msg;
	struct side *side;
	void (*fn)(struct side *side, void *arg);
	void *arg;
	bool done;
};

static void
job_body(void *arg)
{
	struct job *job = arg;

	job->fn(job->side, job->arg);
	job->done = true;
}

static void
job_begin(struct xs_msg *msg)
{
	struct job *job = container_of(msg, struct job, msg);

	while (ult_spawn(job->side->xs, ULT_METADATA, "job", job_body, job, NULL) != 0)
		; /* memory may be short */
}

static void
job_start(struct job *job, struct side *side, void (*fn)(struct side *side, void *arg), void *arg)
{
	*job = (struct job){.msg.run = job_begin, .side = side, .fn = fn, .arg = arg};
	xs_send(side->xs, &job->msg);
}

static bool
is_done(void *arg)
{
	return ((struct job *)arg)->done;
}

static void
run_on(uint32_t i, void (*fn)(struct side *side, void *arg), void *arg)
{
	struct job job;

	job_start(&job, &w.sides[i], fn, arg);
	assert_int_equal(sim_run(w.sim, 10000 * NS_PER_S, is_done, &job), 0);
}

static void
side_begin(struct side *side, void *arg)
{
	struct rpc_node_config config = {.env = side->env, .rank = side->id, .hlc = &side->clock, .protos = proto_all};
	struct iv_class_ops ops = {.root = class_root, .fetch = class_fetch, .on_update = class_update, .arg = side};
	char addr[64];

	hlc_clock_init(&side->clock, 0, HLC_NO_CEILING);
	assert_int_equal(rpc_node_create(&config, &side->node), 0);
	assert_int_equal(rpc_ctx_create(side->node, side->xs, 0, &side->ctx), 0);
	snprintf(addr, sizeof(addr), "tcp://10.0.0.%u:7000", side->id + 1);
	assert_int_equal(rpc_listen(side->ctx, addr, &side->addr), 0);
	assert_int_equal(member_create(side->env->mem, side->node, &side->member), 0);
	assert_int_equal(iv_create(&(struct iv_config){.rpc = side->ctx, .member = side->member, .timeout_ns = 2 * NS_PER_S}, &side->iv), 0);
	assert_int_equal(iv_register(side->iv, IV_POOL_PROP, &ops), 0);
	assert_int_equal(iv_register(side->iv, IV_POOL_PROP, &ops), -DER_EXIST);
}

static void
side_end(struct side *side, void *arg)
{
	rpc_ctx_destroy(side->ctx);
	iv_destroy(side->iv);
	member_destroy(side->member);
	rpc_node_destroy(side->node);
}

static void
group(uint32_t version, uint32_t leave_out)
{
	struct rpc_member members[SIDES_MAX];
	uint32_t nr = 0;

	for (uint32_t i = 0; i < w.nr; i++)
		if (i != leave_out)
			members[nr++] = (struct rpc_member){.rank = i, .addr_nr = 1, .addrs = &w.sides[i].addr};
	for (uint32_t i = 0; i < w.nr; i++)
		if (w.sides[i].up)
			assert_int_equal(member_set(w.sides[i].member, version, members, nr), 0);
}

static void
begin(uint64_t seed, uint32_t nr)
{
	struct sim_options options;

	memset(&w, 0, sizeof(w));
	sim_options_init(&options);
	options.nodes = w.nr = nr;
	w.sim = sim_create(seed, &options);
	for (uint32_t i = 0; i < nr; i++) {
		struct side *side = &w.sides[i];

		side->id = i;
		side->env = sim_env(w.sim, i);
		sim_mem_stats(w.sim, i, &side->before);
		assert_int_equal(xs_create(&(struct xs_config){.env = side->env, .name = "test"}, &side->xs), 0);
		assert_int_equal(xs_start(side->xs, NULL, &side->thread), 0);
		run_on(i, side_begin, NULL);
		side->up = true;
	}
	group(1, UINT32_MAX);
}

static void
end(void)
{
	struct sim_mem_stats after;

	for (uint32_t i = 0; i < w.nr; i++) {
		if (!w.sides[i].up)
			continue;
		run_on(i, side_end, NULL);
		xs_stop(w.sides[i].xs);
		w.sides[i].env->ops->host.thread_join(w.sides[i].thread);
		xs_destroy(w.sides[i].xs);
		sim_mem_stats(w.sim, i, &after);
		assert_int_equal(after.blocks, w.sides[i].before.blocks);
		assert_int_equal(after.handles, w.sides[i].before.handles);
	}
	sim_destroy(w.sim);
}

/* ---- what a test does on a rank ---------------------------------------------------------------------------------------------------- */
struct get {
	uint32_t key;
	uint64_t wanted, version;
	int rc;
};

static struct iv_key
key_of(const uint32_t *index)
{
	return (struct iv_key){.space = space, .cls = IV_POOL_PROP, .key = index, .len = sizeof(*index)};
}

static void
do_get(struct side *side, void *arg)
{
	struct get *get = arg;
	struct iv_key key = key_of(&get->key);
	struct iv_value value = {0};
	struct arena arena;

	arena_init(&arena, side->env->mem);
	get->rc = iv_fetch(side->iv, &key, get->wanted, &arena, &value);
	get->version = value.version;
	if (get->rc == 0) {
		assert_true(value.version >= get->wanted && value.version > 0);
		check_bytes(get->key, &value);
	}
	arena_fini(&arena);
}

static int
get(uint32_t rank, uint32_t index, uint64_t wanted, uint64_t *version)
{
	struct get it = {.key = index, .wanted = wanted};

	run_on(rank, do_get, &it);
	*version = it.version;
	return it.rc;
}

static void
do_update(struct side *side, void *arg)
{
	struct get *get = arg;
	struct iv_key key = key_of(&get->key);
	char buf[80];
	struct iv_value value = {.version = get->version, .data = buf, .len = fill(get->key, get->version, buf, sizeof(buf))};

	get->rc = iv_update(side->iv, &key, &value);
}

static void
do_invalidate(struct side *side, void *arg)
{
	struct get *get = arg;
	struct iv_key key = key_of(&get->key);

	if (get->key == UINT32_MAX)
		key.len = 0;
	get->rc = iv_invalidate(side->iv, &key, get->version);
}

static uint32_t
total_fetches(void)
{
	uint32_t total = 0;

	for (uint32_t i = 0; i < w.nr; i++)
		total += w.sides[i].fetches;
	return total;
}

/* ---- tests ------------------------------------------------------------------------------------------------------------------------------ */
static void
alone_a_value_is_fetched_once_and_nothing_is_sent(void **state)
{
	struct get it = {.key = 1, .version = 9};
	struct sim_net_stats stats;
	uint64_t version;

	begin(1, 1);
	assert_int_equal(get(0, 1, 0, &version), -DER_NONEXIST);
	w.truth[1] = 5;
	assert_int_equal(get(0, 1, 0, &version), 0);
	assert_int_equal(version, 5);
	assert_int_equal(get(0, 1, 5, &version), 0);
	assert_int_equal(w.sides[0].fetches, 2);
	assert_int_equal(get(0, 1, 6, &version), -DER_NONEXIST);
	run_on(0, do_update, &it);
	assert_int_equal(it.rc, 0);
	assert_int_equal(get(0, 1, 6, &version), 0);
	assert_int_equal(version, 9);
	it.version = 7;
	run_on(0, do_update, &it); /* an older one is not taken */
	assert_int_equal(get(0, 1, 0, &version), 0);
	assert_int_equal(version, 9);
	sim_net_stats(w.sim, &stats);
	assert_int_equal(stats.messages, 0);
	end();
}

static void
readers_everywhere_cost_the_root_one_fetch(void **state)
{
	static struct get gets[SIDES_MAX][4];
	static struct job jobs[SIDES_MAX][4];

	begin(2, 21);
	w.root = 3;
	w.truth[2] = 77;
	w.slow = true;
	for (uint32_t i = 0; i < w.nr; i++)
		for (uint32_t j = 0; j < 4; j++) {
			gets[i][j] = (struct get){.key = 2};
			job_start(&jobs[i][j], &w.sides[i], do_get, &gets[i][j]);
		}
	for (uint32_t i = 0; i < w.nr; i++)
		for (uint32_t j = 0; j < 4; j++) {
			assert_int_equal(sim_run(w.sim, 100 * NS_PER_S, is_done, &jobs[i][j]), 0);
			assert_int_equal(gets[i][j].rc, 0);
			assert_int_equal(gets[i][j].version, 77);
		}
	/* Asked by all at once: the root's readers and its children share one fetch. */
	assert_int_equal(total_fetches(), 1);
	end();
}

static void
an_update_reaches_every_rank_and_an_invalidation_takes_it_back(void **state)
{
	struct get it = {.key = 4, .version = 10};
	uint64_t version;

	begin(3, 17);
	w.root = 5;
	run_on(5, do_update, &it);
	assert_int_equal(it.rc, 0);
	for (uint32_t i = 0; i < w.nr; i++) {
		assert_int_equal(w.sides[i].updates, 1);
		assert_int_equal(get(i, 4, 0, &version), 0);
		assert_int_equal(version, 10);
	}
	assert_int_equal(total_fetches(), 0);
	run_on(6, do_update, &it);
	assert_int_equal(it.rc, -DER_NOTLEADER);
	/* Up to an older version: nothing goes. All keys of the class: everything does. */
	it.version = 9;
	run_on(5, do_invalidate, &it);
	assert_int_equal(w.sides[16].drops, 0);
	it = (struct get){.key = UINT32_MAX, .version = 10};
	run_on(5, do_invalidate, &it);
	assert_int_equal(it.rc, 0);
	for (uint32_t i = 0; i < w.nr; i++)
		assert_int_equal(w.sides[i].drops, 1);
	assert_int_equal(get(9, 4, 0, &version), -DER_NONEXIST);
	w.truth[4] = 11;
	assert_int_equal(get(9, 4, 0, &version), 0);
	assert_int_equal(version, 11);
	end();
}

static void
who_needs_a_newer_version_gets_it_past_older_caches(void **state)
{
	uint64_t version;

	begin(4, 18);
	w.truth[0] = 1;
	for (uint32_t i = 0; i < w.nr; i++)
		assert_int_equal(get(i, 0, 0, &version), 0);
	w.truth[0] = 2;
	assert_int_equal(get(17, 0, 1, &version), 0);
	assert_int_equal(version, 1);
	assert_int_equal(get(17, 0, 2, &version), 0);
	assert_int_equal(version, 2);
	/* Everybody on the way has it now. */
	assert_int_equal(get(16, 0, 0, &version), 0);
	assert_int_equal(version, 2);
	assert_int_equal(get(17, 0, 3, &version), -DER_NONEXIST);
	end();
}

static void
a_dead_parent_is_passed_by_and_a_dead_rank_spoils_no_update(void **state)
{
	struct get it = {.key = 1, .version = 3};
	uint64_t version;

	begin(5, 18);
	w.truth[1] = 2;
	sim_node_crash(w.sim, 16, SIM_KILL); /* the parent of 17 */
	w.sides[16].up = false;
	assert_int_equal(get(17, 1, 0, &version), 0);
	assert_int_equal(version, 2);
	run_on(0, do_update, &it);
	assert_int_equal(it.rc, -DER_UNREACH);
	for (uint32_t i = 0; i < 16; i++)
		assert_int_equal(w.sides[i].last[1], 3);
	assert_int_equal(w.sides[17].last[1], 2); /* below the dead one */
	group(2, 16);
	it.version = 4;
	run_on(0, do_update, &it);
	assert_int_equal(it.rc, 0);
	assert_int_equal(w.sides[17].last[1], 4);
	end();
}

static void
ranks_that_disagree_make_no_circle(void **state)
{
	struct rpc_member members[17];
	uint64_t version, start;

	begin(6, 17);
	w.root = 6;
	w.truth[3] = 8;
	/* Everybody knows another group, all with the root; a rank that does not know the asker sends it on to the root. */
	for (uint32_t i = 0; i < 17; i++) {
		uint32_t nr = 0;

		for (uint32_t j = 0; j < 17; j++)
			if (j == 6 || j == i || i == 6 || (i * 5 + j) % 3 != 0)
				members[nr++] = (struct rpc_member){.rank = j, .addr_nr = 1, .addrs = &w.sides[j].addr};
		assert_int_equal(member_set(w.sides[i].member, 2 + i, members, nr), 0);
	}
	start = sim_now(w.sim);
	for (uint32_t i = 0; i < 17; i++) {
		assert_int_equal(get(i, 3, 0, &version), 0);
		assert_int_equal(version, 8);
	}
	/* Two that take each other for the root. */
	w.sides[1].believes = 2 + 1;
	w.sides[2].believes = 1 + 1;
	w.truth[4] = 1;
	assert_int_equal(get(1, 4, 0, &version), -DER_NOTLEADER);
	assert_int_equal(get(2, 4, 0, &version), -DER_NOTLEADER);
	/* Nobody knows the root. */
	w.root = RPC_NO_RANK;
	assert_int_equal(get(3, 4, 0, &version), -DER_NOTLEADER);
	assert_true(sim_now(w.sim) - start < NS_PER_S);
	end();
}

/* ---- random use against the model ------------------------------------------------------------------------------------------------------- */
struct reader {
	struct job job;
	struct rand rand;
	uint32_t failed, rounds;
};

static void
read_at_random(struct side *side, void *arg)
{
	struct reader *reader = arg;

	for (uint32_t i = 0; i < reader->rounds; i++) {
		struct get it = {.key = (uint32_t)rand_below(&reader->rand, KEYS)};

		it.wanted = rand_one_in(&reader->rand, 3) ? w.truth[it.key] : 0;
		do_get(side, &it);
		if (it.rc != 0) {
			reader->failed++;
			assert_true(it.rc == -DER_NONEXIST || it.rc == -DER_NOMEM || it.rc == -DER_UNREACH || it.rc == -DER_TIMEDOUT);
		} else {
			assert_true(it.version <= w.truth[it.key]);
		}
		ult_sleep(rand_below(&reader->rand, 5 * NS_PER_MS));
	}
}

static void
write_at_random(struct side *side, void *arg)
{
	struct reader *writer = arg;

	for (uint32_t i = 0; i < writer->rounds; i++) {
		struct get it = {.key = (uint32_t)rand_below(&writer->rand, KEYS)};
		uint64_t old = w.truth[it.key];

		w.truth[it.key] = old + 1 + rand_below(&writer->rand, 3);
		it.version = w.truth[it.key];
		if (rand_one_in(&writer->rand, 2)) {
			do_update(side, &it);
		} else {
			it.version = old;
			do_invalidate(side, &it);
			if (it.rc == 0)
				/* Everybody dropped it: nobody may come to have it again. */
				for (uint32_t rank = 0; rank < w.nr; rank++)
					assert_true(w.sides[rank].last[it.key] == 0 || w.sides[rank].last[it.key] > old);
		}
		ult_sleep(rand_below(&writer->rand, 10 * NS_PER_MS));
	}
}

static uint64_t
random_use(uint64_t seed, bool storm)
{
	static struct reader readers[SIDES_MAX], writer;
	struct sim_options *options;
	uint64_t hash;

	begin(seed, 2 + (uint32_t)(seed * 5 % 17));
	w.slow = seed % 2;
	w.root = (uint32_t)seed % w.nr;
	options = sim_options(w.sim);
	if (storm) {
		options->net_break_ppm = 3000;
		options->mem_fail_ppm = 1000;
	}
	for (uint32_t i = 0; i < w.nr; i++) {
		readers[i] = (struct reader){.rounds = 60};
		rand_init(&readers[i].rand, seed, i);
		job_start(&readers[i].job, &w.sides[i], read_at_random, &readers[i]);
	}
	writer = (struct reader){.rounds = 60};
	rand_init(&writer.rand, seed, 1000);
	job_start(&writer.job, &w.sides[w.root], write_at_random, &writer);
	for (uint32_t i = 0; i < w.nr; i++)
		assert_int_equal(sim_run(w.sim, 10000 * NS_PER_S, is_done, &readers[i].job), 0);
	assert_int_equal(sim_run(w.sim, 10000 * NS_PER_S, is_done, &writer.job), 0);
	hash = sim_trace_hash(w.sim);
	sim_options_heal(options);
	end();
	return hash;
}

static void
nobody_sees_what_the_root_never_had(void **state)
{
	uint64_t seeds = getenv("SEEDS") != NULL ? strtoull(getenv("SEEDS"), NULL, 0) : 10;

	for (uint64_t seed = 1; seed <= seeds; seed++) {
		random_use(seed, false);
		random_use(seed, true);
	}
	assert_true(random_use(5, true) == random_use(5, true));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(alone_a_value_is_fetched_once_and_nothing_is_sent),
		cmocka_unit_test(readers_everywhere_cost_the_root_one_fetch),
		cmocka_unit_test(an_update_reaches_every_rank_and_an_invalidation_takes_it_back),
		cmocka_unit_test(who_needs_a_newer_version_gets_it_past_older_caches),
		cmocka_unit_test(a_dead_parent_is_passed_by_and_a_dead_rank_spoils_no_update),
		cmocka_unit_test(ranks_that_disagree_make_no_circle),
		cmocka_unit_test(nobody_sees_what_the_root_never_had),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
