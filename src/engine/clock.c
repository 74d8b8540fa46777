/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine's clock across crashes: no stamp is handed out above a ceiling that vos_db holds, and a start begins above it, once the wall
 * clock is there too: TARGETS_AHEAD_NS later at the most. The ceiling is raised when stamps are asked for, so an idle engine
 * writes nothing.
 *
 *	clock I1  Every stamp of this life is above every stamp of the lives before (walk-through 1.12).
 */
#include "internal.h"

#include "base/codec.h"

#define TABLE "engine"
#define KEY "clock_ceiling"

static int
raise(struct engine *engine, uint64_t ceiling)
{
	uint8_t buf[8];
	struct packer packer;
	int rc;

	packer_init(&packer, buf, sizeof(buf));
	pack_u64(&packer, ceiling);
	rc = sysdb_upsert(engine->sysdb, TABLE, KEY, buf, sizeof(buf));
	if (rc == 0)
		hlc_clock_raise_ceiling(&engine->clock, ceiling);
	return rc;
}

static int
reserve(void *arg)
{
	struct engine *engine = arg;
	uint64_t ceiling;
	int rc = 0;

	ult_mutex_lock(&engine->reserving);
	if (hlc_clock_needs_reserve(&engine->clock, env_wall(engine->env), TARGETS_AHEAD_NS, &ceiling))
		rc = raise(engine, ceiling);
	ult_mutex_unlock(&engine->reserving);
	if (rc != 0)
		log_error(engine->env->log, "the clock's ceiling cannot be raised: " RCF, RCP(rc));
	return rc;
}

int
engine__clock_reserve(void *arg)
{
	struct engine *engine = arg;

	return xs_call(engine->streams[0].xs, ULT_SYSTEM, reserve, engine);
}

int
engine__clock_begin(struct engine *engine)
{
	struct unpacker in;
	struct arena arena;
	uint64_t floor = 0;
	void *value;
	size_t len;
	int rc;

	arena_init(&arena, engine->mem);
	rc = sysdb_fetch(engine->sysdb, TABLE, KEY, &arena, &value, &len);
	if (rc == 0) {
		unpacker_init(&in, value, len);
		floor = unpack_u64(&in);
		rc = unpacker_rc(&in) != 0 ? -DER_DF_INVAL : 0;
	} else if (rc == -DER_NONEXIST) {
		rc = 0;
	}
	arena_fini(&arena);
	if (rc != 0)
		return rc;
	hlc_clock_init(&engine->clock, floor, floor);
	engine->first_epoch = floor; /* no read of a former life was above it, every write of this one will be */
	/* Crash after crash would carry the clock away: begin when the wall clock is where stamps may already be. */
	ult_sleep(hlc_clock_lead(&engine->clock, env_wall(engine->env)));
	return reserve(engine);
}
