/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine's telemetry: <socket_dir>/metrics_engine_<instance>, a file that daos_metrics and exporters read while we write. What happens
 * often is counted where it happens (service/object, ult); what is merely so, space, versions, devices, is asked for by one ULT of
 * stream 0 every REFRESH_NS, which costs each target a wake-up of some microseconds.
 *
 *	metrics I1  Without the file (no socket directory, no memory, a full disk) the engine serves all the same, and says once why.
 *	metrics I2  The file stands from before the first module until after the last: no metric is touched outside of that.
 *	metrics I3  The metrics of a pool go with it: when its service is gone and no target has its shard, the targets let go of them first.
 *
 * A crash leaves the file as it was, with our pid in it; the next start replaces it. Everything but start and stop yields.
 */
#include "internal.h"

#include <stdio.h>
#include "pure/map/map.h"

#define REFRESH_NS (2 * NS_PER_S)

#define TM_POOL_WAL_COMMITS METRIC_COUNTER, "Transactions that are durable in the log", "transactions", "pool/%s/vos_wal/committed/tgt_%u"
#define TM_POOL_CONTAINERS METRIC_GAUGE, "Containers with data at this target", "containers", "pool/%s/vos_space/containers/tgt_%u"

/* Sets one metric, made when it is first seen. */
#define SET(tel, what, number, ...)                                                                                    \
	do {                                                                                                           \
		struct metric *_metric;                                                                                \
		uint64_t _number = (number);                                                                           \
                                                                                                                       \
		(void)telemetry_add((tel), &_metric, what, ##__VA_ARGS__);                                             \
		metric_set(_metric, _number);                                                                          \
	} while (0)

/* ---- what is asked for ------------------------------------------------------------------------------------------------------ */
/* The metric itself knows what it was told; of several since then it is told the mean. */
static void
refresh_checkpoints(struct telemetry *tel, const char *uuid, uint32_t t, const struct vos_pool_info *info)
{
	struct metric *metric;
	uint64_t samples, sum, each;

	if (telemetry_add(tel, &metric, TM_POOL_CHECKPOINT, uuid, t) != 0)
		return;
	samples = atomic_load_explicit(&metric->samples, memory_order_relaxed);
	sum = atomic_load_explicit(&metric->sum, memory_order_relaxed);
	if (samples >= info->checkpoints)
		return;
	each = (info->checkpoint_ns - MIN(sum, info->checkpoint_ns)) / (info->checkpoints - samples);
	for (; samples < info->checkpoints; samples++)
		metric_sample(metric, each);
}

static void
refresh_shards(struct engine *engine, const uuid_t pool, const char *uuid, struct vos_pool_info *info)
{
	uint32_t nr = targets_nr(engine->targets);
	struct telemetry *tel = engine->telemetry;

	if (targets_pool_query(engine->targets, pool, info, nr) != 0)
		return;
	for (uint32_t t = 0; t < nr; t++) {
		SET(tel, TM_POOL_SPACE, info[t].meta_total, uuid, "scm_total", t);
		SET(tel, TM_POOL_SPACE, info[t].meta_total - info[t].meta_free, uuid, "scm_used", t);
		SET(tel, TM_POOL_SPACE, info[t].data_total, uuid, "nvme_total", t);
		SET(tel, TM_POOL_SPACE, info[t].data_total - info[t].data_free, uuid, "nvme_used", t);
		SET(tel, TM_POOL_WAL_COMMITS, info[t].lsn_durable, uuid, t);
		SET(tel, TM_POOL_CONTAINERS, info[t].containers, uuid, t);
		refresh_checkpoints(tel, uuid, t, &info[t]);
	}
}

static void
refresh_service(struct engine *engine, struct pool_svc *svc, const char *uuid)
{
	const struct pool_map *map = pool_svc_map(svc);
	struct telemetry *tel = engine->telemetry;
	const struct pool_svc_count *counts;
	uint32_t nr;

	counts = pool_svc_counts(svc, &nr);
	for (uint32_t i = 0; i < nr; i++)
		SET(tel, TM_POOL_SERVICE_OPS, counts[i].count, uuid, counts[i].name);
	SET(tel, TM_POOL_SERVICE, engine->config.rank, uuid, "leader");
	SET(tel, TM_POOL_SERVICE, pool_svc_handle_nr(svc), uuid, "open_pool_handles");
	if (map == NULL)
		return;
	SET(tel, TM_POOL_SERVICE, pmap_version(map), uuid, "map_version");
	SET(tel, TM_POOL_SERVICE, pmap_target_nr(map), uuid, "total_targets");
	SET(tel, TM_POOL_SERVICE, pmap_count(map, PMAP_BIT(PMAP_DOWN) | PMAP_BIT(PMAP_DOWN_OUT)), uuid, "disabled_targets");
	SET(tel, TM_POOL_SERVICE, pmap_count(map, PMAP_BIT(PMAP_DRAIN)), uuid, "draining_targets");
	SET(tel, TM_POOL_SERVICE, pmap_rank_nr(map), uuid, "total_ranks");
}

static void
refresh_pools(struct engine *engine, struct arena *arena)
{
	struct vos_pool_info *info = ARENA_NEW_ARRAY(arena, struct vos_pool_info, targets_nr(engine->targets));
	struct pool_svc *svc = NULL;
	uint32_t nr = 0, i = 0;
	uuid_t *pools;
	char uuid[37];

	while ((svc = pool_svc_next(engine->pools, svc)) != NULL)
		nr++;
	pools = ARENA_NEW_ARRAY(arena, uuid_t, nr + 1);
	if (info == NULL || pools == NULL)
		return;
	while ((svc = pool_svc_next(engine->pools, svc)) != NULL && i < nr)
		memcpy(pools[i++], pool_svc_uuid(svc), sizeof(uuid_t));
	for (uint32_t p = 0; p < i && !engine->stopping; p++) { /* by uuid: asking yields, and pools come and go */
		svc = pool_svc_find(engine->pools, pools[p]);
		if (svc == NULL)
			continue;
		uuid_unparse_lower(pools[p], uuid);
		refresh_service(engine, svc, uuid);
		refresh_shards(engine, pools[p], uuid, info);
	}
}

/* metrics I3. What has no service any more goes when no target has it any more. */
static void
drop_pools(struct engine *engine)
{
	char name[TELEMETRY_NAME_MAX];
	uint32_t at = 0;
	uuid_t pool;

	while (!engine->stopping && telemetry_child(engine->telemetry, "pool", &at, name) == 0) {
		if (uuid_parse(name, pool) != 0 || pool_svc_find(engine->pools, pool) != NULL)
			continue;
		if (object_svc_forget_pool(engine->objects, pool) == 0 && pool_svc_find(engine->pools, pool) == NULL)
			(void)telemetry_remove(engine->telemetry, "pool/%s", name);
	}
}

static void
refresh_devices(struct engine *engine)
{
	static const char *const names[] = {"commands/host_read_cmds", "commands/host_write_cmds", "commands/data_bytes_read",
					    "commands/data_bytes_written", "vendor/read_errors", "vendor/write_errors", "vendor/flush_errors",
					    "reliability/csum_errors"};
	struct bio_dev_info dev;
	char uuid[37];

	for (int i = 0; engine->bio != NULL && i < bio_dev_count(engine->bio); i++) {
		uint64_t counts[ARRAY_SIZE(names)];

		if (bio_dev_info(engine->bio, i, &dev) != 0)
			continue;
		uuid_unparse_lower(dev.uuid, uuid);
		memcpy(counts, (uint64_t[]){dev.health.reads, dev.health.writes, dev.health.bytes_read, dev.health.bytes_written,
					    dev.health.read_errors, dev.health.write_errors, dev.health.flush_errors, dev.health.csum_errors},
		       sizeof(counts));
		for (size_t n = 0; n < ARRAY_SIZE(names); n++)
			SET(engine->telemetry, TM_DEVICE_COUNT, counts[n], uuid, names[n]);
		SET(engine->telemetry, TM_DEVICE, dev.health.slowest_ns, uuid, "vendor/slowest_ns");
		SET(engine->telemetry, TM_DEVICE, dev.state == BIO_DEV_FAULTY, uuid, "reliability/faulty");
		SET(engine->telemetry, TM_DEVICE, dev.total, uuid, "capacity/total");
		SET(engine->telemetry, TM_DEVICE, dev.free, uuid, "capacity/free");
	}
}

struct asking {
	struct engine_stream *stream;
	struct rpc_stats stats;
};

static int
ask_there(void *arg)
{
	struct asking *asking = arg;

	rpc_ctx_stats(asking->stream->rpc, &asking->stats);
	return 0;
}

static void
refresh_network(struct engine *engine)
{
	struct telemetry *tel = engine->telemetry;

	for (uint32_t i = 0; i < engine->stream_nr && !engine->stopping; i++) {
		struct asking asking = {.stream = &engine->streams[i]};
		uint32_t tag = engine->streams[i].tag;

		if (engine->streams[i].rpc == NULL || xs_call(engine->streams[i].xs, ULT_SYSTEM, ask_there, &asking) != 0)
			continue;
		SET(tel, TM_NET, asking.stats.served, "tcp", "req_served", tag);
		SET(tel, TM_NET, asking.stats.turned_away, "tcp", "req_turned_away", tag);
		SET(tel, TM_NET, asking.stats.timed_out, "tcp", "req_timeout", tag);
		SET(tel, TM_NET, asking.stats.unreachable, "tcp", "failed_addr", tag);
		SET(tel, TM_NET, asking.stats.violations, "tcp", "violations", tag);
		SET(tel, TM_NET, asking.stats.connects, "tcp", "connects", tag);
		SET(tel, TM_NET, asking.stats.breaks, "tcp", "breaks", tag);
	}
}

static void
refresher(void *arg)
{
	struct engine *engine = arg;
	struct arena arena;

	while (!engine->stopping) {
		uint64_t until = env_mono(engine->env) + REFRESH_NS;

		arena_init(&arena, engine->mem);
		refresh_devices(engine);
		refresh_network(engine);
		refresh_pools(engine, &arena);
		drop_pools(engine);
		arena_fini(&arena);
		while (!engine->stopping && env_mono(engine->env) < until)
			ult_cond_wait_until(&engine->stop, NULL, until);
	}
}

/* ---- life ---------------------------------------------------------------------------------------------------------------------- */
struct telling {
	struct xs *xs;
	struct telemetry *tel;
};

static int
set_there(void *arg)
{
	struct telling *telling = arg;

	xs_set_telemetry(telling->xs, telling->tel);
	return 0;
}

/* YIELDS */
static void
tell_streams(struct engine *engine, struct telemetry *tel)
{
	for (uint32_t i = 0; i < engine->stream_nr; i++) {
		struct telling telling = {.xs = engine->streams[i].xs, .tel = tel};

		/* Metrics may be missing; a stream that keeps them beyond their end may not. */
		while (xs_call(telling.xs, ULT_SYSTEM, set_there, &telling) != 0 && tel == NULL)
			ult_sleep(NS_PER_MS);
	}
}

void
engine__metrics_start(struct engine *engine)
{
	char path[256], name[32];
	int rc;

	if (engine->config.socket_dir == NULL)
		return;
	snprintf(path, sizeof(path), "%s/metrics_engine_%u", engine->config.socket_dir, engine->config.instance);
	snprintf(name, sizeof(name), "engine_%u", engine->config.instance);
	rc = telemetry_create(engine->env, path, name, 0, &engine->telemetry);
	if (rc != 0) { /* metrics I1 */
		log_warn(engine->env->log, "no telemetry: %s cannot be made: " RCF, path, RCP(rc));
		engine->telemetry = NULL;
		return;
	}
	SET(engine->telemetry, TM_STARTED_AT, env_wall(engine->env) / NS_PER_S);
	tell_streams(engine, engine->telemetry);
}

void
engine__metrics_open(struct engine *engine)
{
	if (engine->telemetry == NULL)
		return;
	SET(engine->telemetry, TM_SERVING_AT, env_wall(engine->env) / NS_PER_S);
	SET(engine->telemetry, TM_RANK, engine->config.rank);
	if (ult_spawn(engine->streams[0].xs, ULT_SYSTEM, "metrics", refresher, engine, &engine->refresher) != 0)
		engine->refresher = NULL;
}

void
engine__metrics_hush(struct engine *engine)
{
	engine->stopping = true;
	ult_cond_broadcast(&engine->stop);
	if (engine->refresher != NULL)
		ult_join(engine->refresher);
	engine->refresher = NULL;
}

void
engine__metrics_stop(struct engine *engine)
{
	if (engine->telemetry == NULL)
		return;
	tell_streams(engine, NULL);
	telemetry_destroy(engine->telemetry, false);
	engine->telemetry = NULL;
}
