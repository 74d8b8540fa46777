/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a telemetry file; half of the time with a true header, so that the nodes behind it are reached. */
#include <stdint.h>
#include <string.h>
#include "base/hash64.h"
#include "env_sim/env_sim.h"
#include "telemetry/telemetry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
visit(void *arg, const struct telemetry_sample *sample)
{
	size_t *bytes = arg;

	*bytes += strlen(sample->path) + strlen(sample->description) + strlen(sample->unit);
	return 0;
}

static void
read_all(struct env *env, const char *path, const void *data, size_t size)
{
	struct telemetry_reader *reader;
	size_t bytes = 0;

	if (env->ops->file.write(env, path, data, size, 0600) != 0 || telemetry_open(env, path, &reader) != 0)
		return;
	telemetry_each(reader, visit, &bytes);
	telemetry_close(reader);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum { NODES = 4 };
	struct sim *sim = sim_create(1, NULL);
	struct env *env = sim_env(sim, 0);
	struct telemetry *tel;
	void *map;
	uint64_t whole;

	read_all(env, "/raw", data, size);
	/* What a writer made, its nodes overwritten. */
	if (telemetry_create(env, "/made", "fuzz", NODES, &tel) == 0) {
		if (env->ops->file.stat(env, "/made", &whole, NULL) == 0 &&
		    env->ops->file.map(env, "/made", whole, false, &map) == 0) {
			struct telemetry_reader *reader;
			size_t bytes = 0;

			((uint32_t *)map)[27] = NODES; /* node_nr */
			memcpy((char *)map + 4096, data, MIN(size, whole - 4096));
			if (telemetry_open(env, "/made", &reader) == 0) {
				telemetry_each(reader, visit, &bytes);
				telemetry_close(reader);
			}
			env->ops->file.unmap(env, map, whole);
		}
		telemetry_destroy(tel, true);
	}
	sim_destroy(sim);
	return 0;
}
