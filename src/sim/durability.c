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

#define KEYS 24
#define VALUE_MAX 20000
#define CRASHES 3
#define COO_RW 2U

struct key_state {
	uint32_t version; /* 0: absent */
	uint32_t size;
};

struct teller {
	struct story *story;
	struct key_state keys[2][KEYS]; /* of two objects */
	uint32_t acknowledged;
};

struct story {
	const struct durability_options *options;
	struct durability_sums *sums;
	struct cluster *cluster;
	struct sim *sim;
	uint64_t seed;
	uint32_t writes, clients;
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
		return 1 + (uint32_t)sim_rand_nr(sim, VALUE_MAX);
	case 1:
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

static void
check_value(struct story *story, uint32_t client, int object, int key, const char *value, daos_size_t size)
{
	struct key_state *state = &story->tellers[client].keys[object][key];
	static const char *const wrong[] = {"a value was resurrected or made up", "an acknowledged value is lost", "a value has another length",
					    "a value has other bytes"};
	char *expected;

	story->sums->reads++;
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

static void
read_key(struct stage *stage, int object, int key)
{
	daos_size_t size = VALUE_MAX + 1;
	char name[16];
	int rc;

	snprintf(name, sizeof(name), "k%d", key);
	rc = kv_get(stage->kv[object], NULL, 0, name, &size, stage->value);
	if (rc != 0)
		broken(stage->story, "a read failed", stage->client, object, key, rc);
	check_value(stage->story, stage->client, object, key, stage->value, size);
}

/* One change of a key, within tx or alone; next is what it will be. */
static int
change_key(struct stage *stage, struct tx *tx, int object, int key, struct key_state *next)
{
	char name[16];

	snprintf(name, sizeof(name), "k%d", key);
	if (next->version == 0)
		return kv_remove(stage->kv[object], tx, 0, name);
	fill(stage->value, next->size, stage->client, object, key, next->version);
	return kv_put(stage->kv[object], tx, 0, name, next->size, stage->value);
}

static struct key_state
draw_next(struct stage *stage, int object, int key)
{
	struct teller *teller = &stage->story->tellers[stage->client];
	struct key_state next = {0};

	if (sim_rand_nr(stage->story->sim, 5) != 0) {
		next.version = ++teller->acknowledged * 4 + 1;
		next.size = draw_size(stage->story->sim);
	} else {
		teller->acknowledged++;
	}
	return next;
}

static void
write_alone(struct stage *stage, int object, int key)
{
	struct key_state next = draw_next(stage, object, key);
	int rc;

	rc = change_key(stage, NULL, object, key, &next);
	if (rc != 0)
		broken(stage->story, "a write failed", stage->client, object, key, rc);
	stage->story->tellers[stage->client].keys[object][key] = next;
	stage->story->sums->acknowledged++;
}

/* The same key of both objects at once. */
static void
write_both(struct stage *stage, int key)
{
	struct key_state next[2] = {draw_next(stage, 0, key), draw_next(stage, 1, key)};
	struct tx *tx;
	int rc;

	rc = tx_open(stage->cont, 0, &tx);
	while (rc == 0) {
		rc = change_key(stage, tx, 0, key, &next[0]);
		if (rc == 0)
			rc = change_key(stage, tx, 1, key, &next[1]);
		if (rc == 0)
			rc = tx_commit(tx);
		if (rc != -DER_TX_RESTART)
			break;
		stage->story->sums->restarts++;
		rc = tx_restart(tx);
	}
	if (rc != 0)
		broken(stage->story, "a transaction failed", stage->client, 0, key, rc);
	tx_close(tx);
	stage->story->tellers[stage->client].keys[0][key] = next[0];
	stage->story->tellers[stage->client].keys[1][key] = next[1];
	stage->story->sums->acknowledged += 2;
	stage->story->sums->transactions++;
}

static void
act(struct stage *stage)
{
	struct sim *sim = stage->story->sim;
	int key = (int)sim_rand_nr(sim, KEYS), object = (int)sim_rand_nr(sim, 2);

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
	uuid_t uuid;
	char text[37];
	int rc;

	memset(uuid, 0x40 + (int)stage->client, sizeof(uuid));
	uuid_unparse_lower(uuid, text);
	rc = pool_connect(client, "sim", DAOS_PC_RW, pool);
	if (rc == 0)
		rc = cont_create(*pool, uuid, NULL);
	if (rc == 0)
		rc = cont_open(*pool, text, COO_RW, &stage->cont);
	for (int i = 0; rc == 0 && i < 2; i++) {
		rc = cont_generate_oid(stage->cont, &oid[i], DAOS_OT_KV_HASHED, i == 0 ? 0x1000001 : 0x100FFFF, 0); /* S1 and SX */
		if (rc == 0)
			rc = kv_open(stage->cont, oid[i], DAOS_OO_RW, &stage->kv[i]);
	}
	if (rc != 0)
		broken(stage->story, "a container could not be opened", stage->client, -1, -1, rc);
}

static void
program(void *arg, struct cluster *cluster, uint32_t index, struct client *client)
{
	struct story *story = arg;
	struct stage stage = {.story = story, .client = index, .value = malloc(VALUE_MAX + 1)};
	struct pool *pool;
	int rc;

	open_stage(&stage, client, &pool);
	while (story->tellers[index].acknowledged < story->writes)
		act(&stage);
	for (int object = 0; object < 2; object++)
		for (int key = 0; key < KEYS; key++)
			read_key(&stage, object, key);
	kv_close(stage.kv[0]);
	kv_close(stage.kv[1]);
	rc = cont_close(stage.cont);
	if (rc == 0)
		rc = pool_disconnect(pool);
	if (rc != 0)
		broken(story, "a handle could not be closed", index, -1, -1, rc);
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

/* Faults within what the promises claim to survive with one copy: no rot, no lying disk, no failing memory. */
static void
draw_options(const struct story *story, struct sim_options *options)
{
	sim_options_init(options);
	if (!story->options->calm)
		sim_options_swarm(options, story->seed);
	options->mem_fail_ppm = options->read_error_ppm = options->write_error_ppm = options->flush_error_ppm = 0;
	options->bit_rot_ppm = options->misdirect_ppm = options->lost_write_ppm = options->stale_read_ppm = options->file_error_ppm = 0;
	options->crash_ns = 0; /* the story kills */
	options->wall_skew_ns = MIN(options->wall_skew_ns, 50 * NS_PER_MS);
	options->paused_ns = MIN(options->paused_ns, NS_PER_S);
	options->heal_ns = MIN(options->heal_ns, NS_PER_S);
	options->log_level = story->options->loud ? LOG_DEBUG : LOG_CRIT;
	options->watchdog_s = 60;
}

void
durability_run(uint64_t seed, const struct durability_options *options, struct durability_sums *sums, uint64_t *hash)
{
	struct story *story = calloc(1, sizeof(*story));
	struct cluster_config config = {.seed = seed, .targets = 1 + (uint32_t)(seed % 3), .program = program, .arg = story};
	struct progress progress = {.story = story};
	int rc;

	story->options = options;
	story->sums = sums;
	story->seed = seed;
	story->clients = config.clients = options->clients != 0 ? options->clients : 1 + (uint32_t)(seed / 3 % 4);
	story->writes = options->writes != 0 ? options->writes : 100;
	story->writes = MAX(story->writes, 220 / story->clients);
	draw_options(story, &config.options);
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
		(void)sim_run(story->sim, sim_rand_nr(story->sim, 3 * NS_PER_MS), NULL, NULL);
		cluster_crash(story->cluster, sim_rand_nr(story->sim, 3) == 0 ? SIM_KILL : SIM_POWER);
		sums->crashes++;
	}
	rc = cluster_run(story->cluster, 3600 * NS_PER_S);
	if (rc != 0)
		broken(story, "the clients do not come to their end", 0, -1, -1, rc);
	sums->seeds++;
	sums->starts += cluster_starts(story->cluster);
	if (hash != NULL)
		*hash = sim_trace_hash(story->sim);
	cluster_destroy(story->cluster);
	free(story);
}
