/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim/cluster: see the door. The harness itself allocates from the C library: what it holds must outlive the nodes.
 */
#include "sim/cluster.h"

#include <stdio.h>
#include <stdlib.h>
#include "proto/control.h"
#include "service/security/security.h"

#define PORT 31416
#define START_WITHIN_NS (60 * NS_PER_S)

struct client_node {
	struct cluster *cluster;
	uint32_t index;
	struct xs *xs;
	struct env_thread *thread;
	bool done;
};

struct cluster {
	struct cluster_config config;
	struct sim *sim;
	uint8_t secret[SECURITY_KEY_LEN], pub[SECURITY_KEY_LEN];
	struct engine *engine;
	bool ready, pool_made, ended;
	int ready_rc;
	uint32_t starts;
	char addrs[CLUSTER_TARGETS_MAX + 1][64];
	const char *addr_list[CLUSTER_TARGETS_MAX + 1];
	struct rpc_member member;
	uint32_t ms_rank;
	struct client_attach attach;
	struct client_node clients[CLUSTER_CLIENTS_MAX];
};

/* ---- the engine's node ------------------------------------------------------------------------------------------------------ */
static int
make_pool(struct cluster *cluster, const char *label, int byte)
{
	struct ctl_pool_create_in in = {.who = {.user = "sim@", .group = "sim@", .admin = true}, .label = label, .user = "sim@", .group = "sim@"};
	struct ctl_pool_create_out out = {0};
	struct arena arena;
	int rc;

	memset(in.pool, byte, sizeof(in.pool));
	in.scm_bytes = cluster->config.pool_bytes != 0 ? cluster->config.pool_bytes : GIB;
	arena_init(&arena, sim_env(cluster->sim, 0)->mem);
	rc = engine_control(cluster->engine, opc_ctl_pool_create, &arena, &in, &out);
	arena_fini(&arena);
	return rc;
}

/* A pool that does not fit is refused as that, and leaves nothing behind (P8). */
static void
make_pool_in_vain(struct cluster *cluster)
{
	int rc;

	sim_disk_full(cluster->sim, 0, 1 + sim_rand_nr(cluster->sim, 2 * cluster->config.targets));
	rc = make_pool(cluster, "full", 0x52);
	sim_disk_full(cluster->sim, 0, 0);
	ASSERTF(rc == -DER_NOSPACE, "a pool for which there is no space");
}

static void
on_ready(void *arg, int rc)
{
	struct cluster *cluster = arg;

	if (rc == 0 && !cluster->pool_made) {
		if (cluster->config.crowded)
			make_pool_in_vain(cluster);
		rc = make_pool(cluster, "sim", 0x51);
		cluster->pool_made = rc == 0;
	}
	cluster->ready = true;
	cluster->ready_rc = rc;
}

static void
on_ended(void *arg, int rc)
{
	struct cluster *cluster = arg;

	cluster->ended = true;
}

static void
boot_engine(void *arg, struct env *env)
{
	struct cluster *cluster = arg;
	struct engine_config config = {.env = env,
				       .storage = "/store",
				       .group = "sim",
				       .listen = cluster->addr_list,
				       .listen_nr = cluster->config.targets + 1,
				       .targets = cluster->config.targets,
				       .tiers = 2,
				       .numa = -1,
				       .memory = 256 * MIB,
				       .wal_bytes = cluster->config.wal_bytes,
				       .data_bytes = cluster->config.data_bytes,
				       .oversubscribe = true,
				       .cred_key = cluster->pub,
				       .ready = on_ready,
				       .ended = on_ended,
				       .arg = cluster};
	int rc;

	cluster->ready = cluster->ended = false;
	cluster->engine = NULL;
	cluster->starts++;
	rc = engine_start(&config, &cluster->engine);
	if (rc != 0)
		on_ready(cluster, rc);
}

/* ---- clients ------------------------------------------------------------------------------------------------------------------- */
static void
client_life(void *arg)
{
	struct client_node *node = arg;
	struct cluster *cluster = node->cluster;
	struct client_config config = {.env = xs_env(node->xs), .xs = node->xs, .attach = &cluster->attach};
	struct client *client;
	int rc;

	rc = client_create(&config, &client);
	ASSERTF(rc == 0, "a simulated client starts");
	cluster->config.program(cluster->config.arg, cluster, node->index, client);
	client_destroy(client);
	node->done = true;
	xs_stop(node->xs);
}

static void
start_client(struct client_node *node)
{
	struct env *env = sim_env(node->cluster->sim, node->index + 1);
	struct xs_config config = {.env = env, .name = "client", .stack_size = 128 * KIB};
	int rc;

	rc = xs_create(&config, &node->xs);
	ASSERT(rc == 0);
	rc = ult_spawn(node->xs, ULT_SYSTEM, "client_life", client_life, node, NULL);
	ASSERT(rc == 0);
	rc = xs_start(node->xs, NULL, &node->thread);
	ASSERT(rc == 0);
}

/* ---- the world --------------------------------------------------------------------------------------------------------------------- */
static bool
engine_ready(void *arg)
{
	return ((struct cluster *)arg)->ready;
}

static int
make_credential(struct cluster *cluster, struct arena *arena)
{
	static const char *const groups[] = {"sim@"};
	struct security_identity who = {.uid = 1000, .gid = 1000, .user = "sim@", .group = "sim@", .groups = groups, .group_nr = 1,
					.machine = "sim", .expires_s = UINT64_MAX};
	void *cred, *copy;
	size_t len;
	int rc;

	rc = security_cred_sign(&who, cluster->secret, arena, &cred, &len);
	if (rc != 0)
		return rc;
	copy = malloc(len);
	memcpy(copy, cred, len);
	cluster->attach.cred = copy;
	cluster->attach.cred_len = len;
	return 0;
}

int
cluster_create(const struct cluster_config *config, struct cluster **result)
{
	struct cluster *cluster = calloc(1, sizeof(*cluster));
	struct arena arena;
	int rc;

	ASSERT(cluster != NULL && config->targets <= CLUSTER_TARGETS_MAX && config->clients <= CLUSTER_CLIENTS_MAX);
	cluster->config = *config;
	cluster->config.options.nodes = 1 + config->clients;
	cluster->sim = sim_create(config->seed, &cluster->config.options);
	rc = security_key_make(sim_env(cluster->sim, 0), cluster->secret, cluster->pub);
	for (uint32_t i = 0; i <= config->targets; i++) {
		snprintf(cluster->addrs[i], sizeof(cluster->addrs[i]), "tcp://10.0.0.1:%u", PORT + i);
		cluster->addr_list[i] = cluster->addrs[i];
	}
	cluster->member = (struct rpc_member){.rank = 0, .incarnation = 1, .addr_nr = config->targets + 1, .addrs = cluster->addr_list};
	cluster->attach = (struct client_attach){.system = "sim", .version = 1, .members = &cluster->member, .member_nr = 1,
						 .ms_ranks = &cluster->ms_rank, .ms_rank_nr = 1};
	arena_init(&arena, sim_env(cluster->sim, 0)->mem);
	if (rc == 0)
		rc = make_credential(cluster, &arena);
	arena_fini(&arena);
	sim_node_set_boot(cluster->sim, 0, boot_engine, cluster);
	if (rc == 0)
		rc = sim_run(cluster->sim, START_WITHIN_NS, engine_ready, cluster);
	if (rc == 0)
		rc = cluster->ready_rc;
	if (rc != 0) {
		cluster_destroy(cluster);
		return rc;
	}
	*result = cluster;
	return 0;
}

static bool
all_done(void *arg)
{
	struct cluster *cluster = arg;

	for (uint32_t i = 0; i < cluster->config.clients; i++)
		if (!cluster->clients[i].done)
			return false;
	return true;
}

int
cluster_run(struct cluster *cluster, uint64_t ns)
{
	for (uint32_t i = 0; i < cluster->config.clients; i++)
		if (cluster->clients[i].cluster == NULL) {
			cluster->clients[i] = (struct client_node){.cluster = cluster, .index = i};
			start_client(&cluster->clients[i]);
		}
	return sim_run(cluster->sim, ns, all_done, cluster);
}

void
cluster_crash(struct cluster *cluster, enum sim_crash how)
{
	sim_node_crash(cluster->sim, 0, how);
	sim_node_restart(cluster->sim, 0);
}

static bool
engine_ended(void *arg)
{
	return ((struct cluster *)arg)->ended;
}

void
cluster_destroy(struct cluster *cluster)
{
	if (cluster->engine != NULL && cluster->ready && cluster->ready_rc == 0) {
		engine_stop(cluster->engine);
		if (sim_run(cluster->sim, START_WITHIN_NS, engine_ended, cluster) == 0)
			engine_join(cluster->engine);
	}
	sim_destroy(cluster->sim);
	free((void *)cluster->attach.cred);
	free(cluster);
}

struct sim *
cluster_sim(struct cluster *cluster)
{
	return cluster->sim;
}

bool
cluster_is_ready(const struct cluster *cluster)
{
	return cluster->ready && cluster->ready_rc == 0;
}

uint32_t
cluster_starts(const struct cluster *cluster)
{
	return cluster->starts;
}
