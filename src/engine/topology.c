/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which stream runs on which core (walk-through 1.8, 3.1): stream 0 and 1 share the first core, targets get one each from -f on, helpers what is
 * left. Streams are bound only when there is a core for every target and one besides; fewer: they float, said once, unless that was
 * asked for. -p keeps to the cores of one NUMA node.
 */
#include "internal.h"

int
engine__bind(struct engine *engine)
{
	struct env_topo *topo = MEM_NEW(engine->mem, struct env_topo);
	uint32_t usable[256], nr = 0;
	int rc;

	if (topo == NULL)
		return -DER_NOMEM;
	rc = engine->env->ops->host.topology(engine->env, topo);
	if (rc != 0) {
		mem_free(engine->mem, topo);
		return rc == -DER_NOSYS ? 0 : rc;
	}
	if (engine->config.memory == 0)
		engine->config.memory = topo->memory / 4;
	for (int i = 0; i < topo->core_nr && nr < ARRAY_SIZE(usable); i++)
		if ((uint32_t)i >= engine->config.first_core && (engine->config.numa < 0 || topo->core[i].numa == engine->config.numa))
			usable[nr++] = (uint32_t)i;
	if (nr == 0) {
		log_error(engine->env->log, "no core is left behind core %u on NUMA node %d: this machine has %d cores", engine->config.first_core,
			  engine->config.numa, topo->core_nr);
		rc = -DER_INVAL;
	} else if (nr == 1 || nr < engine->config.targets + 1) {
		if (!engine->config.oversubscribe)
			log_info(engine->env->log, "%u targets on %u cores: streams are not bound", engine->config.targets, nr);
	} else {
		for (uint32_t i = 0; i < engine->stream_nr; i++) {
			uint32_t core = i < engine->target_at ? 0 : 1 + (i - engine->target_at) % (nr - 1);

			engine->streams[i].cpus = topo->core[usable[core]].pus;
			engine->streams[i].bound = true;
		}
	}
	mem_free(engine->mem, topo);
	return rc;
}
