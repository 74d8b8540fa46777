/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine's clock across crashes: no stamp is handed out above a ceiling that vos_db holds, and a start begins above it. It waits
 * until the wall clock is there too, TARGETS_AHEAD_NS at the most; then it goes on from where it was, whatever the wall clock says (it was set
 * back), at the pace of monotonic time, until the wall clock has caught up. The ceiling is raised when stamps are asked for, so an idle engine
 * writes nothing.
 *
 *	clock I1  Every stamp of this life is above every stamp of the lives before (walk-through 1.12): first_epoch, asserted where stamps are had.
 *	clock I2  No stamp is handed out above the ceiling that vos_db holds (hlc I3), so the next life's first_epoch is above all of this one.
 *	clock I3  A start waits TARGETS_AHEAD_NS at most.
 *	clock I4  The incarnation of a life is larger than that of the lives before.
 */
#include "internal.h"

#include "base/codec.h"

#define TABLE "engine"
#define KEY "clock_ceiling"

/* What the engine takes for wall time. */
static uint64_t
wall_now(struct engine *engine)
{
	return hlc_clock_wall(&engine->clock, env_wall(engine->env), env_mono(engine->env));
}

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

	/* clock I1, I2 */
	ASSERTF(hlc_clock_last(&engine->clock) >= engine->first_epoch, "the clock is not below the lives before");

	ult_mutex_lock(&engine->reserving);
	if (hlc_clock_needs_reserve(&engine->clock, wall_now(engine), TARGETS_AHEAD_NS, &ceiling))
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

/* Crash after crash would carry the clock away: begin when the wall clock is where stamps may already be, or, if it was set back, go on (I3). */
static void
begin_in_time(struct engine *engine)
{
	uint64_t lead = hlc_clock_lead(&engine->clock, env_wall(engine->env));

	ult_sleep(MIN(lead, TARGETS_AHEAD_NS));
	lead = hlc_clock_lead(&engine->clock, env_wall(engine->env));
	hlc_clock_go_on(&engine->clock, env_mono(engine->env));
	if (lead > TARGETS_AHEAD_NS)
		log_warn(engine->env->log, "the wall clock was set back by %llu s: epochs go on from where they were; nothing waits for it",
			 (unsigned long long)(lead / NS_PER_S));
	engine->incarnation = MAX(engine->incarnation, wall_now(engine));
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
	begin_in_time(engine);
	return reserve(engine);
}
