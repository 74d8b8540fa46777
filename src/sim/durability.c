/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim/durability: see the door. Each client owns its keys, so that it knows what each must hold: the model is an array. A key's value names
 * client, key and version, and is followed by a pattern of its length, so that any byte can be verified.
 */
#include "sim/durability.h"

#include <stdio.h>
#include <stdlib.h>
#include "client/kv/kv.h"
#include "client/object/object.h"
#include "sim/cluster.h"
#include "sim/trouble.h"

#define KEYS 24
#define VALUE_MAX 40000
#define CRASHES 3
#define COO_RW 2U
#define WAL_BYTES (256 * KIB) /* so small that it goes round in every seed */
#define POOL_PATH "/store/51515151-"
#define WRITES_LEAST 200U
#define FILL_DATA (6 * MIB) /* of each target, in the seeds in which the pool gets full */
#define FILL_KEYS 1000
#define FILL_ROUNDS 3U

struct key_state {
	uint32_t version; /* 0: absent */
	uint32_t size;
};

/* A change that failed while the machine was in trouble: it happened or it did not, and a read that succeeds says which for good. */
struct doubt {
	bool open, both; /* both: the same key of the other object was changed with it */
	struct key_state maybe;
};

struct teller {
	struct story *story;
	struct key_state keys[2][KEYS]; /* of two objects */
	struct doubt doubts[2][KEYS];
	uint32_t acknowledged; /* writes */
	uint32_t versions;     /* given out */
	bool opened;           /* its container */
};

struct story {
	const struct durability_options *options;
	struct durability_sums *sums;
	struct cluster *cluster;
	struct sim *sim;
	uint64_t seed;
	uint32_t writes, clients;
	bool fills;           /* one more client fills the pool */
	enum trouble trouble; /* at present */
	uint32_t troubles;    /* so far */
	enum trouble last;    /* the newest that was */
	struct teller tellers[CLUSTER_CLIENTS_MAX];
};

static void
broken(const struct story *story, const char *what, uint32_t client, int object, int key, int rc)
{
	fprintf(stderr, "durability: seed %lu: %s (client %u, object %d, key %d, %s)\n", story->seed, what, client, object, key, d_errstr(rc));
	abort();
}

/* ---- values ------------------------------------------------------------------------------------------------------------------ */
static uint32_t
draw_size(struct sim *sim)
{
	switch (sim_rand_nr(sim, 10)) {
	case 0:
	case 1:
		return 1 + (uint32_t)sim_rand_nr(sim, VALUE_MAX);
	case 2:
		return 4000 + (uint32_t)sim_rand_nr(sim, 200); /* around the threshold between heap and data */
	default:
		return 16 + (uint32_t)sim_rand_nr(sim, 500);
	}
}

static void
fill(char *value, uint32_t size, uint32_t client, int object, int key, uint32_t version)
{
	uint32_t x = client * 2654435761U ^ (uint32_t)object * 40503U ^ (uint32_t)key * 97U ^ version * 2246822519U;

	for (uint32_t i = 0; i < size; i++) {
		x = x * 1664525U + 1013904223U;
		value[i] = (char)(x >> 24);
	}
}

/* May a call that began when so many troubles had been have failed with rc? */
static bool
may_fail(const struct story *story, uint32_t troubles, enum trouble then, int rc)
{
	return trouble_explains(story->trouble, rc) || trouble_explains(then, rc) ||
	       (story->troubles != troubles && trouble_explains(story->last, rc));
}

static bool
is_value(const struct key_state *state, uint32_t client, int object, int key, const char *value, daos_size_t size)
{
	char *expected;
	bool same;

	if (state->version == 0 || size == 0)
		return state->version == 0 && size == 0;
	if (size != state->size)
		return false;
	expected = malloc(size);
	fill(expected, state->size, client, object, key, state->version);
	same = memcmp(expected, value, size) == 0;
	free(expected);
	return same;
}

/* What was read decides what became of the change in doubt, and of what was changed with it (P3). */
static void
resolve(struct teller *teller, uint32_t client, int object, int key, const char *value, daos_size_t size)
{
	struct doubt *doubt = &teller->doubts[object][key], *other = &teller->doubts[1 - object][key];
	bool is_old = is_value(&teller->keys[object][key], client, object, key, value, size);
	bool is_new = is_value(&doubt->maybe, client, object, key, value, size);

	if (!doubt->open || (!is_old && !is_new))
		return;
	if (is_new)
		teller->keys[object][key] = doubt->maybe;
	if (doubt->both && other->open && other->both) {
		other->both = false;
		if (is_old != is_new) {
			other->open = false;
			if (is_new)
				teller->keys[1 - object][key] = other->maybe;
		}
	}
	doubt->open = false;
}

static void
check_value(struct story *story, uint32_t client, int object, int key, const char *value, daos_size_t size)
{
	struct key_state *state = &story->tellers[client].keys[object][key];
	static const char *const wrong[] = {"a value was resurrected or made up", "an acknowledged value is lost", "a value has another length",
					    "a value has other bytes"};
	char *expected;

	story->sums->reads++;
	resolve(&story->tellers[client], client, object, key, value, size);
	if (state->version == 0 && size == 0)
		return;
	if (state->version == 0 || size == 0)
		broken(story, wrong[state->version == 0 ? 0 : 1], client, object, key, 0);
	if (size != state->size)
		broken(story, wrong[2], client, object, key, 0);
	expected = malloc(size);
	fill(expected, state->size, client, object, key, state->version);
	if (memcmp(expected, value, size) != 0)
		broken(story, wrong[3], client, object, key, 0);
	free(expected);
}

/* ---- what a client does ---------------------------------------------------------------------------------------------------------- */
struct stage {
	struct story *story;
	uint32_t client;
	struct cont *cont;
	struct kv *kv[2];
	char *value; /* VALUE_MAX + 1 bytes */
};

/* False when it failed as it may. */
static bool
read_key(struct stage *stage, int object, int key)
{
	struct story *story = stage->story;
	uint32_t troubles = story->troubles;
	enum trouble then = story->trouble;
	daos_size_t size = VALUE_MAX + 1;
	char name[16];
	int rc;

	snprintf(name, sizeof(name), "k%d", key);
	rc = kv_get(stage->kv[object], NULL, 0, name, &size, stage->value);
	if (rc != 0 && may_fail(story, troubles, then, rc)) {
		story->sums->failed++;
		ult_sleep(5 * NS_PER_MS);
		return false;
	}
	if (rc != 0)
		broken(story, "a read failed", stage->client, object, key, rc);
	check_value(story, stage->client, object, key, stage->value, size);
	return true;
}

/* One change of a key, within tx or alone; next is what it will be. */
static int
change_key(struct stage *stage, struct tx *tx, int object, int key, uint64_t cond, struct key_state *next)
{
	char name[16];

	snprintf(name, sizeof(name), "k%d", key);
	if (next->version == 0)
		return kv_remove(stage->kv[object], tx, cond, name);
	fill(stage->value, next->size, stage->client, object, key, next->version);
	return kv_put(stage->kv[object], tx, cond, name, next->size, stage->value);
}

/*
 * A condition, and what the call must answer: a request that is sent again, because its reply was lost, must get the answer of its
 * first execution, not the one of a second.
 */
static uint64_t
draw_condition(struct stage *stage, const struct key_state *now, const struct key_state *next, int *answer)
{
	uint64_t draw = sim_rand_nr(stage->story->sim, 4);

	*answer = 0;
	if (draw > 1)
		return 0;
	if (next->version == 0) {
		*answer = now->version != 0 ? 0 : -DER_NONEXIST;
		return DAOS_COND_PUNCH;
	}
	if (draw == 0) {
		*answer = now->version == 0 ? 0 : -DER_EXIST;
		return DAOS_COND_DKEY_INSERT;
	}
	*answer = now->version != 0 ? 0 : -DER_NONEXIST;
	return DAOS_COND_DKEY_UPDATE;
}

/* The change failed as it may: whether it happened is open. */
static void
failed_change(struct stage *stage, int object, int key, bool both, const struct key_state *next)
{
	stage->story->tellers[stage->client].doubts[object][key] = (struct doubt){.open = true, .both = both, .maybe = *next};
}

static struct key_state
draw_next(struct stage *stage, int object, int key)
{
	struct teller *teller = &stage->story->tellers[stage->client];
	struct key_state next = {0};

	if (sim_rand_nr(stage->story->sim, 5) != 0) {
		next.version = ++teller->versions;
		next.size = draw_size(stage->story->sim);
	}
	return next;
}

/* A pool that is full says so, and then nothing has happened; what removes is never refused. */
static bool
is_refused(struct story *story, int rc, bool puts)
{
	if (rc != -DER_NOSPACE || !story->fills || !puts)
		return false;
	story->sums->refused++;
	return true;
}

static void
write_alone(struct stage *stage, int object, int key)
{
	struct story *story = stage->story;
	struct key_state next = draw_next(stage, object, key), *now = &story->tellers[stage->client].keys[object][key];
	uint32_t troubles = story->troubles;
	enum trouble then = story->trouble;
	int rc, answer;
	uint64_t cond = draw_condition(stage, now, &next, &answer);

	rc = change_key(stage, NULL, object, key, cond, &next);
	if (is_refused(story, rc, next.version != 0))
		return;
	if (rc != answer && may_fail(story, troubles, then, rc)) {
		failed_change(stage, object, key, false, &next);
		story->sums->failed++;
		ult_sleep(5 * NS_PER_MS);
		return;
	}
	if (rc != answer)
		broken(story, answer == 0 ? "a write failed" : "a condition was not looked at", stage->client, object, key, rc);
	if (rc != 0)
		return;
	*now = next;
	story->tellers[stage->client].acknowledged++;
	story->sums->acknowledged++;
}

/* The same key of both objects at once. */
static void
write_both(struct stage *stage, int key)
{
	struct key_state next[2] = {draw_next(stage, 0, key), draw_next(stage, 1, key)};
	uint32_t troubles = stage->story->troubles;
	enum trouble then = stage->story->trouble;
	struct tx *tx;
	int rc;

	rc = tx_open(stage->cont, 0, &tx);
	while (rc == 0) {
		rc = change_key(stage, tx, 0, key, 0, &next[0]);
		if (rc == 0)
			rc = change_key(stage, tx, 1, key, 0, &next[1]);
		if (rc == 0)
			rc = tx_commit(tx);
		if (rc != -DER_TX_RESTART)
			break;
		stage->story->sums->restarts++;
		rc = tx_restart(tx);
	}
	tx_close(tx);
	if (is_refused(stage->story, rc, next[0].version != 0 || next[1].version != 0))
		return;
	if (rc != 0 && !may_fail(stage->story, troubles, then, rc))
		broken(stage->story, "a transaction failed", stage->client, 0, key, rc);
	if (rc != 0) {
		failed_change(stage, 0, key, true, &next[0]);
		failed_change(stage, 1, key, true, &next[1]);
		stage->story->sums->failed++;
		ult_sleep(5 * NS_PER_MS);
		return;
	}
	stage->story->tellers[stage->client].keys[0][key] = next[0];
	stage->story->tellers[stage->client].keys[1][key] = next[1];
	stage->story->tellers[stage->client].acknowledged += 2;
	stage->story->sums->acknowledged += 2;
	stage->story->sums->transactions++;
}

static void
act(struct stage *stage)
{
	struct sim *sim = stage->story->sim;
	int key = (int)sim_rand_nr(sim, KEYS), object = (int)sim_rand_nr(sim, 2);
	const struct doubt *doubts[2] = {&stage->story->tellers[stage->client].doubts[0][key],
					 &stage->story->tellers[stage->client].doubts[1][key]};

	if (doubts[0]->open || doubts[1]->open) {
		(void)read_key(stage, doubts[0]->open ? 0 : 1, key);
		return;
	}
	switch (sim_rand_nr(sim, 10)) {
	case 0:
	case 1:
		write_both(stage, key);
		break;
	case 2:
	case 3:
		read_key(stage, object, key);
		break;
	default:
		write_alone(stage, object, key);
	}
}

static void
open_stage(struct stage *stage, struct client *client, struct pool **pool)
{
	daos_obj_id_t oid[2] = {{.lo = 2 * stage->client + 10}, {.lo = 2 * stage->client + 11}};
	struct daos_prop_entry checksums = {.dpe_type = DAOS_PROP_CO_CSUM, .dpe_val = DAOS_PROP_CO_CSUM_CRC32};
	daos_prop_t props = {.dpp_nr = 1, .dpp_entries = &checksums};
	uuid_t uuid;
	char text[37];
	int rc;

	memset(uuid, 0x40 + (int)stage->client, sizeof(uuid));
	uuid_unparse_lower(uuid, text);
	rc = pool_connect(client, "sim", DAOS_PC_RW, pool);
	if (rc == 0)
		rc = cont_create(*pool, uuid, &props);
	if (rc == 0)
		rc = cont_open(*pool, text, COO_RW, &stage->cont);
	if (rc == 0 && cont_props(stage->cont)->csum_type != DAOS_PROP_CO_CSUM_CRC32)
		broken(stage->story, "a container was opened without its properties", stage->client, -1, -1, 0);
	for (int i = 0; rc == 0 && i < 2; i++) {
		rc = cont_generate_oid(stage->cont, &oid[i], DAOS_OT_KV_HASHED, i == 0 ? 0x1000001 : 0x100FFFF, 0); /* S1 and SX */
		if (rc == 0)
			rc = kv_open(stage->cont, oid[i], DAOS_OO_RW, &stage->kv[i]);
	}
	if (rc != 0)
		broken(stage->story, "a container could not be opened", stage->client, -1, -1, rc);
}

static int
close_cont(void *cont)
{
	return cont_close(cont);
}

static int
close_pool(void *pool)
{
	return pool_disconnect(pool);
}

static void
close_handle(struct story *story, uint32_t client, int (*close)(void *handle), void *handle)
{
	for (;;) {
		uint32_t troubles = story->troubles;
		enum trouble then = story->trouble;
		int rc = close(handle);

		if (rc == 0)
			return;
		if (!may_fail(story, troubles, then, rc))
			broken(story, "a handle could not be closed", client, -1, -1, rc);
		ult_sleep(5 * NS_PER_MS);
	}
}

/* ---- a full pool --------------------------------------------------------------------------------------------------------------------- */
/*
 * One more client fills the pool up and stays there for a while: what it wrote is there, more is refused, what is there can be removed; then
 * it destroys its container, and the space comes back.
 */
struct filler {
	struct story *story;
	struct pool *pool;
	struct cont *cont;
	struct kv *kv;
	char *value;
	uint32_t sizes[FILL_KEYS]; /* 0: absent, or nobody knows */
	uint32_t keys;             /* given out */
	uint64_t bytes;            /* acknowledged */
	uint32_t round;
};

struct since {
	uint32_t troubles;
	enum trouble trouble;
};

static struct since
now_of(const struct story *story)
{
	return (struct since){.troubles = story->troubles, .trouble = story->trouble};
}

/* rc is an error: it may be one, in trouble, or the promise is broken. */
static void
excuse(struct filler *filler, struct since since, int rc, const char *what)
{
	if (!may_fail(filler->story, since.troubles, since.trouble, rc))
		broken(filler->story, what, filler->story->clients, 0, (int)filler->keys, rc);
	filler->story->sums->failed++;
	ult_sleep(5 * NS_PER_MS);
}

static int
fill_put(struct filler *filler, uint32_t size)
{
	struct since since = now_of(filler->story);
	uint32_t key = filler->keys++;
	char name[16];
	int rc;

	if (key >= FILL_KEYS)
		broken(filler->story, "a small pool does not get full", filler->story->clients, 0, (int)key, 0);
	snprintf(name, sizeof(name), "f%u", key);
	fill(filler->value, size, filler->story->clients, 0, (int)key, filler->round);
	rc = kv_put(filler->kv, NULL, 0, name, size, filler->value);
	if (rc == 0) {
		filler->sizes[key] = size;
		filler->bytes += size;
	} else if (rc != -DER_NOSPACE) {
		excuse(filler, since, rc, "a pool could not be filled");
	}
	return rc;
}

static void
fill_up(struct filler *filler)
{
	static const uint32_t sizes[] = {256 * KIB, 32 * KIB, 5000};

	for (uint32_t i = 0; i < ARRAY_SIZE(sizes); i++)
		for (int refused = 0; refused < 4;)
			if (fill_put(filler, sizes[i]) == -DER_NOSPACE) {
				filler->story->sums->refused++;
				refused++;
			}
}

static void
fill_look(struct filler *filler, uint32_t key, bool removes)
{
	struct since since = now_of(filler->story);
	struct key_state state = {.version = filler->round, .size = filler->sizes[key]};
	daos_size_t size = 256 * KIB;
	char name[16];
	int rc;

	if (filler->sizes[key] == 0)
		return;
	snprintf(name, sizeof(name), "f%u", key);
	if (removes) {
		rc = kv_remove(filler->kv, NULL, 0, name);
		filler->sizes[key] = 0;
	} else {
		rc = kv_get(filler->kv, NULL, 0, name, &size, filler->value);
	}
	if (rc != 0)
		excuse(filler, since, rc, removes ? "a full pool lets nothing be removed" : "a full pool cannot be read");
	else if (!removes && (size != state.size || !is_value(&state, filler->story->clients, 0, (int)key, filler->value, size)))
		broken(filler->story, "what a full pool acknowledged is lost", filler->story->clients, 0, (int)key, 0);
}

static void
stay_full(struct filler *filler)
{
	struct sim *sim = filler->story->sim;

	for (int i = 0; i < 30; i++) {
		fill_look(filler, (uint32_t)sim_rand_nr(sim, filler->keys), sim_rand_nr(sim, 5) == 0);
		if (i % 3 == 0 && fill_put(filler, 64 * KIB) == -DER_NOSPACE)
			filler->story->sums->refused++;
		ult_sleep(sim_rand_nr(sim, 10 * NS_PER_MS));
	}
}

static void
fill_open(struct filler *filler)
{
	daos_obj_id_t oid = {.lo = 5};
	struct since since;
	uuid_t uuid;
	char text[37];
	int rc;

	filler->round++;
	filler->keys = 0;
	filler->bytes = 0;
	memset(filler->sizes, 0, sizeof(filler->sizes));
	memset(uuid, 0x60 + (int)filler->round, sizeof(uuid));
	uuid_unparse_lower(uuid, text);
	do {
		since = now_of(filler->story);
		rc = cont_create(filler->pool, uuid, NULL);
		if (rc == 0 || rc == -DER_EXIST) /* it was made by an attempt that failed */
			rc = cont_open(filler->pool, text, COO_RW, &filler->cont);
		if (rc != 0)
			excuse(filler, since, rc, "a container could not be made");
	} while (rc != 0);
	do {
		since = now_of(filler->story);
		rc = cont_generate_oid(filler->cont, &oid, DAOS_OT_KV_HASHED, 0x100FFFF, 0);
		if (rc == 0)
			rc = kv_open(filler->cont, oid, DAOS_OO_RW, &filler->kv);
		if (rc != 0)
			excuse(filler, since, rc, "an object could not be opened");
	} while (rc != 0);
}

static void
fill_destroy(struct filler *filler)
{
	bool again = false;
	uuid_t uuid;
	char text[37];
	int rc;

	memset(uuid, 0x60 + (int)filler->round, sizeof(uuid));
	uuid_unparse_lower(uuid, text);
	kv_close(filler->kv);
	close_handle(filler->story, filler->story->clients, close_cont, filler->cont);
	for (;;) {
		struct since since = now_of(filler->story);

		rc = cont_destroy(filler->pool, text, true);
		if (rc == 0 || (again && rc == -DER_NONEXIST))
			return;
		excuse(filler, since, rc, "a full pool lets no container be destroyed");
		again = true;
	}
}

/* Much of what the last container held can be written again before long. */
static void
await_space(struct filler *filler, uint64_t wanted)
{
	for (int tries = 0; filler->bytes < wanted; tries++) {
		if (tries > 5000)
			broken(filler->story, "space does not come back", filler->story->clients, 0, 0, 0);
		if (fill_put(filler, 32 * KIB) == -DER_NOSPACE) {
			filler->keys--;
			ult_sleep(20 * NS_PER_MS);
		}
	}
	filler->story->sums->space_back++;
}

static bool
others_write(const struct story *story)
{
	for (uint32_t i = 0; i < story->clients; i++)
		if (story->tellers[i].acknowledged < story->writes)
			return true;
	return false;
}

static void
fill_program(struct story *story, struct client *client)
{
	struct filler *filler = calloc(1, sizeof(*filler));
	uint64_t held;
	int rc;

	filler->story = story;
	filler->value = malloc(256 * KIB);
	do {
		struct since since = now_of(story);

		rc = pool_connect(client, "sim", DAOS_PC_RW, &filler->pool);
		if (rc != 0)
			excuse(filler, since, rc, "a pool could not be connected to");
	} while (rc != 0);
	fill_open(filler);
	do {
		fill_up(filler);
		stay_full(filler);
		held = filler->bytes;
		fill_destroy(filler);
		fill_open(filler);
		await_space(filler, held / 4);
	} while (filler->round <= FILL_ROUNDS && others_write(story));
	fill_destroy(filler);
	close_handle(story, story->clients, close_pool, filler->pool);
	free(filler->value);
	free(filler);
}

static void
program(void *arg, struct cluster *cluster, uint32_t index, struct client *client)
{
	struct story *story = arg;
	struct stage stage = {.story = story, .client = index, .value = malloc(VALUE_MAX + 1)};
	struct pool *pool;

	if (index == story->clients) {
		free(stage.value);
		fill_program(story, client);
		return;
	}
	open_stage(&stage, client, &pool);
	story->tellers[index].opened = true;
	while (story->tellers[index].acknowledged < story->writes)
		act(&stage);
	for (int object = 0; object < 2; object++)
		for (int key = 0; key < KEYS; key++)
			while (!read_key(&stage, object, key)) {
			}
	kv_close(stage.kv[0]);
	kv_close(stage.kv[1]);
	close_handle(story, index, close_cont, stage.cont);
	close_handle(story, index, close_pool, pool);
	free(stage.value);
}

/* ---- the story ----------------------------------------------------------------------------------------------------------------------- */
struct progress {
	struct story *story;
	uint64_t wanted;
};

static bool
far_enough(void *arg)
{
	struct progress *progress = arg;
	uint64_t sum = 0;

	for (uint32_t i = 0; i < progress->story->clients; i++)
		sum += progress->story->tellers[i].acknowledged;
	return sum >= progress->wanted;
}

/* The engine serves, and every client has begun: what fails from now on is a read or a write, which are looked after. */
static bool
is_ready(void *arg)
{
	const struct story *story = arg;

	for (uint32_t i = 0; i < story->clients; i++)
		if (!story->tellers[i].opened)
			return false;
	return cluster_is_ready(story->cluster);
}

/* Some seeds have it before some of their deaths; the restart ends it. */
static void
live_through_trouble(struct story *story)
{
	static const enum trouble troubles[] = {TROUBLE_NONE,  TROUBLE_READ,  TROUBLE_GARBLE, TROUBLE_WRITE,
						TROUBLE_FLUSH, TROUBLE_FLUSH, TROUBLE_MEMORY};
	enum trouble trouble = story->options->calm ? TROUBLE_NONE : troubles[sim_rand_nr(story->sim, ARRAY_SIZE(troubles))];

	if (trouble == TROUBLE_NONE)
		return;
	if (sim_run(story->sim, 600 * NS_PER_S, is_ready, story) != 0)
		broken(story, "the engine does not start again", 0, -1, -1, 0);
	story->trouble = story->last = trouble;
	story->troubles++;
	trouble_begin(story->sim, trouble, POOL_PATH);
	for (int i = 0; i < 30; i++) {
		(void)sim_run(story->sim, 3 * NS_PER_MS, NULL, NULL);
		trouble_again(story->sim, trouble, POOL_PATH);
	}
}

/* The engine dies and starts again on a sound machine. */
static void
die(struct story *story)
{
	enum sim_crash how = sim_rand_nr(story->sim, 3) == 0 ? SIM_KILL : SIM_POWER;
	uint64_t draw = sim_rand_nr(story->sim, 8);

	trouble_die(story->cluster, story->sim, draw == 0 ? DEATH_IN_POLL : draw <= 6 ? DEATH_IN_WRITE : DEATH_BETWEEN, how, POOL_PATH);
	story->trouble = TROUBLE_NONE;
	story->troubles++;
}

/* What happened in this seed; without a checkpoint, a log that went round and writes enough it would prove little. */
static void
add_up(struct story *story)
{
	struct durability_sums *sums = story->sums;
	uint64_t checkpoints = sim_counter(story->sim, "sometimes", "umem: a checkpoint is durable");
	uint64_t wraps = sim_counter(story->sim, "sometimes", "umem: the log goes round");
	uint32_t acknowledged = 0;

	for (uint32_t i = 0; i < story->clients; i++)
		acknowledged += story->tellers[i].acknowledged;
	if (acknowledged < WRITES_LEAST)
		broken(story, "too few writes to prove anything", 0, -1, -1, 0);
	if (checkpoints == 0)
		broken(story, "no checkpoint in this seed", 0, -1, -1, 0);
	if (wraps == 0)
		broken(story, "the log did not go round in this seed", 0, -1, -1, 0);
	sums->checkpoints += checkpoints;
	sums->wraps += wraps;
	sums->repeats += sim_counter(story->sim, "sometimes", "client: call repeated");
	for (int i = 0; i < SIM_FAULT_NR; i++)
		sums->faults[i] += sim_fault_count(story->sim, (enum sim_fault)i);
}

const char *
durability_class(const struct durability_sums *sums, uint32_t index, uint64_t *fired)
{
	static const enum sim_fault classes[] = {
		SIM_KILLED, SIM_POWER_LOST, SIM_DIED_WITHIN, SIM_PAUSED, SIM_WRITE_LOST, SIM_WRITE_REORDERED, SIM_WRITE_TORN,
		SIM_DISK_SLOW, SIM_READ_FAILED, SIM_WRITE_FAILED, SIM_FLUSH_FAILED, SIM_BIT_GARBLED, SIM_DISK_FULL, SIM_NO_MEMORY,
		SIM_MESSAGE_DELAYED, SIM_MESSAGE_OVERTAKEN, SIM_CONNECTION_RESET, SIM_MESSAGE_CUT, SIM_TRANSFER_CUT, SIM_LINK_CUT,
		SIM_SILENCE, SIM_CLOCK_FORWARD, SIM_CLOCK_BACK, SIM_CLOCK_DRIFTS,
	};

	if (index < ARRAY_SIZE(classes)) {
		*fired = sums->faults[classes[index]];
		return sim_fault_name(classes[index]);
	}
	switch (index - ARRAY_SIZE(classes)) {
	case 0:
		*fired = sums->repeats;
		return "request sent again";
	case 1:
		*fired = sums->refused;
		return "pool full";
	default:
		return NULL;
	}
}

void
durability_run(uint64_t seed, const struct durability_options *options, struct durability_sums *sums, uint64_t *hash)
{
	struct story *story = calloc(1, sizeof(*story));
	struct cluster_config config = {.seed = seed, .targets = 1 + (uint32_t)(seed % 3), .program = program, .arg = story,
					.wal_bytes = WAL_BYTES, .crowded = !options->calm};
	struct progress progress = {.story = story};
	int rc;

	story->options = options;
	story->sums = sums;
	story->seed = seed;
	story->clients = config.clients = options->clients != 0 ? options->clients : 1 + (uint32_t)(seed / 3 % 4);
	story->writes = options->writes != 0 ? options->writes : 100;
	story->writes = MAX(story->writes, 220 / story->clients);
	story->fills = !options->calm && seed % 4 == 2;
	if (story->fills) {
		config.clients++;
		config.data_bytes = FILL_DATA;
	}
	trouble_options(&config.options, story->seed, story->options->calm, story->options->loud);
	rc = cluster_create(&config, &story->cluster);
	if (rc != 0)
		broken(story, "the engine does not start", 0, -1, -1, rc);
	story->sim = cluster_sim(story->cluster);
	(void)cluster_run(story->cluster, 1);
	for (uint32_t i = 1; i <= CRASHES; i++) {
		progress.wanted = (uint64_t)story->writes * story->clients * i / (CRASHES + 1);
		rc = sim_run(story->sim, 3600 * NS_PER_S, far_enough, &progress);
		if (rc != 0)
			broken(story, "the clients do not get on", 0, -1, -1, rc);
		live_through_trouble(story);
		die(story);
		sums->crashes++;
	}
	rc = cluster_run(story->cluster, 3600 * NS_PER_S);
	if (rc != 0)
		broken(story, "the clients do not come to their end", 0, -1, -1, rc);
	add_up(story);
	sums->seeds++;
	sums->starts += cluster_starts(story->cluster);
	if (hash != NULL)
		*hash = sim_trace_hash(story->sim);
	cluster_destroy(story->cluster);
	free(story);
}
