/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A store in the test's own process: one engine on real threads, sockets and files in a directory, with one pool. No server and no agent:
 * attach information and credential are handed to libdaos.
 */
#ifndef LIB_TEST_INPROC_H
#define LIB_TEST_INPROC_H

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "core.h"
#include "engine/engine.h"
#include "env_real/env_real.h"
#include "proto/control.h"
#include "service/security/security.h"

#define INPROC_TARGETS 2
#define INPROC_POOL "first"

struct inproc {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool ready, ended;
	int rc;
	struct env *env;
	struct engine *engine;
	char dir[64];
	uint8_t secret[SECURITY_KEY_LEN], pub[SECURITY_KEY_LEN];
	const char *listen[INPROC_TARGETS + 1];
	struct rpc_member member;
	uint32_t ms_rank;
	struct arena arena;
	struct client_attach attach;
};

static void
inproc_tell(struct inproc *store, bool *what, int rc)
{
	pthread_mutex_lock(&store->lock);
	*what = true;
	if (store->rc == 0)
		store->rc = rc;
	pthread_cond_broadcast(&store->changed);
	pthread_mutex_unlock(&store->lock);
}

static void
inproc_ready(void *arg, int rc)
{
	struct ctl_pool_create_in in = {.who = {.user = "test@", .group = "test@", .admin = true}, .label = INPROC_POOL, .user = "test@",
					.group = "test@", .scm_bytes = 256 * MIB, .nvme_bytes = 512 * MIB};
	struct ctl_pool_create_out out = {0};
	struct inproc *store = arg;
	struct arena arena;

	if (rc == 0) {
		uuid_generate_random(in.pool);
		arena_init(&arena, store->env->mem);
		rc = engine_control(store->engine, opc_ctl_pool_create, &arena, &in, &out);
		arena_fini(&arena);
	}
	inproc_tell(store, &store->ready, rc);
}

static void
inproc_ended(void *arg, int rc)
{
	struct inproc *store = arg;

	inproc_tell(store, &store->ended, rc);
}

static int
inproc_wait(struct inproc *store, const bool *what)
{
	struct timespec until;
	int rc = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += 60;
	pthread_mutex_lock(&store->lock);
	while (!*what && rc == 0)
		rc = pthread_cond_clockwait(&store->changed, &store->lock, CLOCK_MONOTONIC, &until);
	rc = rc != 0 ? -DER_TIMEDOUT : store->rc;
	pthread_mutex_unlock(&store->lock);
	return rc;
}

static int
inproc_sign(struct inproc *store)
{
	static const char *const groups[] = {"test@"};
	struct security_identity who = {.uid = 1000, .gid = 1000, .user = "test@", .group = "test@", .groups = groups, .group_nr = 1,
					.machine = "test", .expires_s = UINT64_MAX};
	void *cred;
	size_t len;
	int rc = security_cred_sign(&who, store->secret, &store->arena, &cred, &len);

	store->attach.cred = cred;
	store->attach.cred_len = len;
	return rc;
}

/* The addresses are in store->member. */
static void
inproc_attach(struct inproc *store, const void *cred, size_t cred_len)
{
	store->member.rank = 0;
	store->member.incarnation = 1;
	store->attach = (struct client_attach){.system = "test", .version = 1, .members = &store->member, .member_nr = 1, .ms_ranks = &store->ms_rank,
					       .ms_rank_nr = 1, .cred = cred, .cred_len = cred_len};
	core__attach(&store->attach);
}

static int
inproc_start(struct inproc *store)
{
	struct env_real_options options = {.log = {.mask = "WARN", .identity = "ENGINE"}, .log_from_environment = true};
	struct engine_config config = {.group = "test", .targets = INPROC_TARGETS, .tiers = 2, .numa = -1, .memory = 256 * MIB,
				       .oversubscribe = true, .ready = inproc_ready, .ended = inproc_ended, .arg = store};
	uint32_t nr;
	int rc;

	*store = (struct inproc){.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
	strcpy(store->dir, "/tmp/lib-test-XXXXXX");
	if (mkdtemp(store->dir) == NULL)
		return -DER_IO;
	rc = env_real_create(&options, &store->env);
	if (rc != 0)
		return rc;
	arena_init(&store->arena, store->env->mem);
	rc = security_key_make(store->env, store->secret, store->pub);
	for (int i = 0; i <= INPROC_TARGETS; i++)
		store->listen[i] = "tcp://127.0.0.1:0";
	config.env = store->env;
	config.storage = store->dir;
	config.listen = store->listen;
	config.listen_nr = INPROC_TARGETS + 1;
	config.cred_key = store->pub;
	if (rc == 0)
		rc = engine_start(&config, &store->engine);
	if (rc == 0)
		rc = inproc_wait(store, &store->ready);
	if (rc == 0)
		rc = inproc_sign(store);
	if (rc != 0)
		return rc;
	store->member.addrs = engine_addrs(store->engine, &nr);
	store->member.addr_nr = nr;
	inproc_attach(store, store->attach.cred, store->attach.cred_len);
	return 0;
}

static void
inproc_stop(struct inproc *store)
{
	char command[128];

	if (store->engine != NULL) {
		engine_stop(store->engine);
		engine_join(store->engine);
	}
	core__attach(NULL);
	arena_fini(&store->arena);
	env_real_destroy(store->env);
	snprintf(command, sizeof(command), "rm -rf '%s'", store->dir);
	if (system(command) != 0)
		fprintf(stderr, "left behind: %s\n", store->dir);
}

#endif
