/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim/files: the course of the story: the world, the mounts, the deaths, the end. See the door; what a mount does is in files_play.c, how it is compared with
 * the models in files_check.c.
 */
#include "files_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define CRASHES 3
#define COO_RW 2U
#define WAL_BYTES (256 * KIB)
#define POOL_PATH "/store/51515151-"
#define LIFE_NS (3600 * NS_PER_S)

/* ---- judging ----------------------------------------------------------------------------------------------------------------- */
_Noreturn void
files__broken(const struct files_player *player, const char *what, const char *name, int err)
{
	fprintf(stderr, "files: seed %lu: %s (mount %u, %s, %d)\n", player->story->seed, what, player->index, name, err);
	abort();
}

static _Noreturn void
stuck(const struct files_story *story, const char *what, int rc)
{
	fprintf(stderr, "files: seed %lu: %s (%s)\n", story->seed, what, d_errstr(rc));
	abort();
}

static bool
explains(enum trouble trouble, int err)
{
	if (trouble == TROUBLE_NONE)
		return false;
	return err == EIO || (trouble == TROUBLE_MEMORY && err == ENOMEM);
}

struct files_since
files__since(const struct files_story *story)
{
	return (struct files_since){.troubles = story->troubles, .trouble = story->trouble};
}

static bool
may_fail(const struct files_story *story, struct files_since since, int err)
{
	return explains(story->trouble, err) || explains(since.trouble, err) || (story->troubles != since.troubles && explains(story->last, err));
}

void
files__excuse(const struct files_player *player, struct files_since since, int err, const char *what)
{
	if (!may_fail(player->story, since, err))
		files__broken(player, "a call gave another answer than POSIX does", what, err);
	player->story->sums->failed++;
	ult_sleep(5 * NS_PER_MS);
}

/* ---- a mount's life ------------------------------------------------------------------------------------------------------------ */
static void
open_container(struct files_player *player, struct client *client, struct pool **pool)
{
	struct fs_format format = {.chunk_size = FILES_CHUNK};
	uuid_t uuid;
	char text[37];
	int rc;

	memset(uuid, 0x70, sizeof(uuid));
	uuid_unparse_lower(uuid, text);
	rc = pool_connect(client, "sim", DAOS_PC_RW, pool);
	if (rc == 0 && player->index == 0)
		rc = cont_create(*pool, uuid, NULL);
	while (player->index != 0 && !player->story->made)
		ult_sleep(5 * NS_PER_MS);
	if (rc == 0)
		rc = cont_open(*pool, text, COO_RW, &player->cont);
	if (rc == 0 && player->index == 0)
		rc = fs_make(player->cont, &format);
	if (rc == 0)
		rc = fs_mount(player->cont, 0, &player->fs);
	if (rc != 0)
		files__broken(player, "a mount cannot be made", "", rc);
}

static bool
others_left(const struct files_player *player)
{
	for (uint32_t i = 0; i < player->story->clients; i++)
		if (i != player->index && !player->story->players[i].left && !player->story->players[i].dead)
			return false;
	return true;
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
close_handle(const struct files_player *player, int (*close)(void *handle), void *handle)
{
	for (;;) {
		struct files_since since = files__since(player->story);
		int rc = close(handle);

		if (rc == 0)
			return;
		files__excuse(player, since, rc == -DER_NOMEM ? ENOMEM : rc == -DER_IO ? EIO : rc, "closing a handle");
	}
}

static void
program(void *arg, struct cluster *cluster, uint32_t index, struct client *client)
{
	struct files_story *story = arg;
	struct files_player *player = &story->players[index];
	struct pool *pool;

	open_container(player, client, &pool);
	files__begin(player);
	player->ready = true;
	while (player->changes < story->changes)
		files__act(player);
	files__end(player);
	while (story->trouble != TROUBLE_NONE) /* what ends is not looked after */
		ult_sleep(5 * NS_PER_MS);
	if (fs_umount(player->fs) != 0)
		files__broken(player, "a mount does not end", "", 0);
	player->left = true;
	if (index == 0) {
		while (!others_left(player) || !story->over)
			ult_sleep(5 * NS_PER_MS);
		files__walk(player);
	}
	close_handle(player, close_cont, player->cont);
	close_handle(player, close_pool, pool);
	player->cont = NULL;
}

/* ---- the engine's deaths ----------------------------------------------------------------------------------------------------------- */
static bool
is_ready(void *arg)
{
	const struct files_story *story = arg;

	for (uint32_t i = 0; i < story->clients; i++)
		if (!story->players[i].ready)
			return false;
	return cluster_is_ready(story->cluster);
}

struct progress {
	const struct files_story *story;
	uint64_t wanted;
};

static bool
far_enough(void *arg)
{
	const struct progress *progress = arg;
	const struct files_story *story = progress->story;
	uint64_t sum = 0;

	for (uint32_t i = 0; i < story->clients; i++)
		sum += story->players[i].dead ? story->changes : story->players[i].changes;
	return sum >= progress->wanted;
}

static void
live_through_trouble(struct files_story *story)
{
	static const enum trouble troubles[] = {TROUBLE_NONE,  TROUBLE_READ,  TROUBLE_GARBLE, TROUBLE_WRITE,
						TROUBLE_WRITE, TROUBLE_FLUSH, TROUBLE_MEMORY};
	enum trouble trouble = story->options->calm ? TROUBLE_NONE : troubles[sim_rand_nr(story->sim, ARRAY_SIZE(troubles))];
	int rc = sim_run(story->sim, 600 * NS_PER_S, is_ready, story);

	if (rc != 0)
		stuck(story, "the engine does not start again, or a mount does not begin", rc);
	if (trouble == TROUBLE_NONE)
		return;
	story->trouble = story->last = trouble;
	story->troubles++;
	trouble_begin(story->sim, trouble, POOL_PATH);
	for (int i = 0; i < 20; i++) {
		(void)sim_run(story->sim, 3 * NS_PER_MS, NULL, NULL);
		trouble_again(story->sim, trouble, POOL_PATH);
	}
}

static void
die(struct files_story *story)
{
	static const enum death deaths[] = {DEATH_IN_POLL, DEATH_IN_POLL, DEATH_IN_WRITE, DEATH_BETWEEN};
	enum sim_crash how = sim_rand_nr(story->sim, 2) == 0 ? SIM_KILL : SIM_POWER;

	trouble_die(story->cluster, story->sim, deaths[sim_rand_nr(story->sim, ARRAY_SIZE(deaths))], how, POOL_PATH);
	story->trouble = TROUBLE_NONE;
	story->troubles++;
	story->sums->crashes++;
}

/* One mount is never heard of again, in the middle of something. The first one stays: it looks at all in the end. */
static void
lose_mount(struct files_story *story)
{
	uint32_t index = 1 + (uint32_t)sim_rand_nr(story->sim, story->clients - 1);
	struct files_player *player = &story->players[index];

	(void)sim_run(story->sim, sim_rand_nr(story->sim, 5 * NS_PER_MS), NULL, NULL);
	if (!player->ready || player->left)
		return;
	player->dead = true;
	sim_node_crash(story->sim, index + 1, SIM_KILL);
	story->sums->mounts_died++;
}

/* ---- the story ------------------------------------------------------------------------------------------------------------------------ */
static bool
all_left(void *arg)
{
	const struct files_story *story = arg;

	for (uint32_t i = 0; i < story->clients; i++)
		if (!story->players[i].left && !story->players[i].dead)
			return false;
	return true;
}

/* The last look is over a sound world: what is wrong then was wrong before. */
static void
look_at_all(struct files_story *story)
{
	int rc = sim_run(story->sim, LIFE_NS, all_left, story);

	if (rc != 0)
		stuck(story, "the mounts do not come to their end", rc);
	sim_options_heal(sim_options(story->sim));
	story->over = true;
	for (uint32_t i = 0; i < 200 && story->players[0].cont != NULL; i++)
		(void)cluster_run(story->cluster, NS_PER_S);
	if (story->players[0].cont != NULL)
		stuck(story, "the last look does not come to its end", -DER_TIMEDOUT);
}

static void
add_up(struct files_story *story)
{
	struct files_sums *sums = story->sums;

	sums->seeds++;
	sums->starts += cluster_starts(story->cluster);
	sums->lapses += sim_counter(story->sim, "sometimes", "dfs: a session lapsed");
	sums->repeats += sim_counter(story->sim, "sometimes", "client: call repeated");
	for (int i = 0; i < SIM_FAULT_NR; i++)
		sums->faults[i] += sim_fault_count(story->sim, (enum sim_fault)i);
}

static void
story_free(struct files_story *story)
{
	for (uint32_t i = 0; i < story->clients; i++) {
		model_free(story->players[i].model);
		model_free(story->players[i].next);
		model_free(story->players[i].seen);
	}
	free(story);
}

void
files_run(uint64_t seed, const struct files_options *options, struct files_sums *sums, uint64_t *hash)
{
	struct files_story *story = calloc(1, sizeof(*story));
	struct cluster_config config = {.seed = seed, .targets = 1 + (uint32_t)(seed % 3), .program = program, .arg = story, .wal_bytes = WAL_BYTES};
	uint32_t loss;
	int rc;

	story->options = options;
	story->sums = sums;
	story->seed = seed;
	story->clients = config.clients = options->clients != 0 ? options->clients : 2 + (uint32_t)(seed / 3 % 3);
	story->changes = options->changes != 0 ? options->changes : 60;
	for (uint32_t i = 0; i < CLUSTER_CLIENTS_MAX; i++)
		story->players[i] = (struct files_player){.story = story, .index = i};
	for (int i = 0; i < FILES_LOCKS; i++)
		story->locked[i] = -1;
	trouble_options(&config.options, story->seed ^ 0xf11e5, story->options->calm, story->options->loud);
	rc = cluster_create(&config, &story->cluster);
	if (rc != 0)
		stuck(story, "the engine does not start", rc);
	story->sim = cluster_sim(story->cluster);
	loss = !options->calm && story->clients > 2 ? 1 + (uint32_t)sim_rand_nr(story->sim, CRASHES) : 0;
	(void)cluster_run(story->cluster, 1);
	for (uint32_t i = 1; i <= CRASHES; i++) {
		struct progress progress = {.story = story, .wanted = (uint64_t)story->changes * story->clients * i / (CRASHES + 1)};

		rc = sim_run(story->sim, LIFE_NS, far_enough, &progress);
		if (rc != 0)
			stuck(story, "the mounts do not get on", rc);
		live_through_trouble(story);
		die(story);
		if (i == loss)
			lose_mount(story);
	}
	look_at_all(story);
	add_up(story);
	if (hash != NULL)
		*hash = sim_trace_hash(story->sim);
	cluster_destroy(story->cluster);
	story_free(story);
}

/* ---- what happened --------------------------------------------------------------------------------------------------------------------- */
const char *
files_class(const struct files_sums *sums, uint32_t index, uint64_t *happened, uint64_t *least)
{
	static const struct {
		enum sim_fault fault;
		uint64_t least;
	} faults[] = {
		{SIM_KILLED, 1000},          {SIM_POWER_LOST, 1000},     {SIM_DIED_WITHIN, 1000},     {SIM_PAUSED, 1000},
		{SIM_WRITE_LOST, 1000},      {SIM_WRITE_REORDERED, 200}, {SIM_WRITE_TORN, 1000},      {SIM_DISK_SLOW, 1000},
		{SIM_READ_FAILED, 100},      {SIM_WRITE_FAILED, 1000},   {SIM_FLUSH_FAILED, 200},     {SIM_BIT_GARBLED, 40},
		{SIM_NO_MEMORY, 1000},       {SIM_MESSAGE_DELAYED, 300}, {SIM_MESSAGE_OVERTAKEN, 1000}, {SIM_CONNECTION_RESET, 1000},
		{SIM_MESSAGE_CUT, 1000},     {SIM_LINK_CUT, 1000},       {SIM_SILENCE, 1000},
	};
	static const struct {
		const char *name;
		uint64_t least;
	} acts[FILES_ACT_NR + 2] = {
		[FILES_CREATED] = {"file created with O_EXCL", 1000},
		[FILES_REFUSED] = {"call refused as foreseen", 1000},
		[FILES_MADE_DIR] = {"directory made", 1000},
		[FILES_SYMLINKED] = {"symlink made", 1000},
		[FILES_LINKED] = {"file linked", 1000},
		[FILES_REMOVED] = {"name removed", 1000},
		[FILES_RENAMED] = {"name moved", 1000},
		[FILES_EXCHANGED] = {"two names exchanged", 1000},
		[FILES_WRITTEN] = {"file written", 1000},
		[FILES_APPENDED] = {"file appended to", 1000},
		[FILES_TRUNCATED] = {"file cut or made longer", 1000},
		[FILES_NAMELESS] = {"file without a name read or written", 1000},
		[FILES_GUESTS] = {"file read that another mount has unlinked", 300},
		[FILES_TOKENS_MOVED] = {"token moved where all move them", 1000},
		[FILES_TOKENS_COUNTED] = {"all tokens seen at one moment", 1000},
		[FILES_LOCKED] = {"lock file made", 1000},
		[FILES_SPIED] = {"seen from another mount", 1000},
		[FILES_DOUBTS] = {"failed change settled", 1000},
		{"mount died", 500},
		{"request sent again", 1000},
	};

	if (index < ARRAY_SIZE(faults)) {
		*happened = sums->faults[faults[index].fault];
		*least = faults[index].least;
		return sim_fault_name(faults[index].fault);
	}
	index -= ARRAY_SIZE(faults);
	if (index >= ARRAY_SIZE(acts))
		return NULL;
	*happened = index < FILES_ACT_NR ? sums->acts[index] : index == FILES_ACT_NR ? sums->mounts_died : sums->repeats;
	*least = acts[index].least;
	return acts[index].name;
}
