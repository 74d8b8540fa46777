/* SPDX-License-Identifier: Apache-2.0 */
/* The server's own small files, as somebody else may have left them: state, superblock, keys. */
#include <stdlib.h>
#include "env_sim/env_sim.h"
#include "../internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
try_files(struct env *env, const uint8_t *data, size_t size)
{
	struct control_engine_config engine_config = {.storage = "/store"};
	struct control_config config = {.system = "daos_server", .meta_dir = "/meta", .state_file = "/meta/state", .agent_dir = "/meta",
					.engines = &engine_config, .engine_nr = 1};
	struct engine engines[2] = {0};
	struct control control = {.env = env, .mem = env->mem, .config = &config, .engines = engines, .engine_nr = 2};
	char words[512];
	struct strbuf error;

	for (int i = 0; i < 2; i++)
		engines[i] = (struct engine){.control = &control, .config = &engine_config, .instance = (uint32_t)i, .rank = UINT32_MAX};
	arena_init(&control.arena, env->mem);
	strbuf_init_fixed(&error, words, sizeof(words));
	(void)control__state_parse(&control, (const char *)data, size);
	ASSERT(engines[0].targets <= CONTROL_TARGETS_MAX && engines[0].port <= 65535);
	ASSERT(env->ops->file.write(env, "/store/superblock", data, size, 0600) == 0);
	(void)control__superblock_read(&engines[0]);
	ASSERT(env->ops->file.write(env, "/meta/keys", data, size, 0600) == 0);
	(void)control__keys_load(&control, &error);
	ASSERT(env->ops->file.write(env, "/meta/state", data, size, 0600) == 0);
	(void)control__state_load(&control);
	ASSERT(control__state_pid(env, "/meta/state") >= 0);
	arena_fini(&control.arena);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sim_mem_stats stats;
	struct sim_options options;
	struct sim *sim;
	struct env *env;

	sim_options_init(&options);
	options.log_level = LOG_ERR;
	sim = sim_create(1, &options);
	env = sim_env(sim, 0);
	ASSERT(env->ops->file.mkdir(env, "/store", 0700) == 0 && env->ops->file.mkdir(env, "/meta", 0700) == 0);
	try_files(env, data, size);
	sim_mem_stats(sim, 0, &stats);
	ASSERT(stats.blocks == 0);
	sim_destroy(sim);
	return 0;
}
