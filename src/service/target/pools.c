/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pools of an engine: shards made, opened, closed, destroyed on all targets, with SMD telling what a crash interrupted.
 *
 *   create:  SMD "creating" -> shards -> SMD "ready"          destroy: SMD "destroying" -> shards go -> SMD entry goes
 *
 *	target I3  A pool that SMD has as creating or destroying is finished off by the next start (targets_pool_list does not name it).
 *
 * All on stream 0 and may yield; the parts that run on a target's stream are named there_*.
 */
#include "internal.h"

#include <stdio.h>

#include "sysdb/sysdb.h"

struct target_pool *
target__pool_find(struct target *target, const uuid_t uuid)
{
	struct hash_node *node = hash_find(&target->pools, uuid);

	return node != NULL ? hash_entry(node, struct target_pool, node) : NULL;
}

void
target__pool_unref(struct target_pool *pool)
{
	ASSERT(pool->refs > 0);
	pool->refs--;
	if (pool->closing)
		ult_cond_broadcast(&pool->target->changed);
}

/* ---- on a target's stream -------------------------------------------------------------------------------------------- */
struct shard_args {
	const uint8_t *uuid, *cont, *handle;
	const struct target_pool_sizes *sizes;
	uint32_t map_version;
	uint64_t epoch;
	struct vos_pool_info *info; /* one a target */
	bool ram;
};

static int
there_create(struct target *target, void *arg)
{
	struct shard_args *args = arg;
	struct vos_pool_config config = {.meta_size = args->sizes->meta,
					 .wal_size = args->sizes->wal,
					 .data_size = args->sizes->data,
					 .ram = args->ram};

	memcpy(config.uuid, args->uuid, sizeof(uuid_t));
	return vos_pool_create(target->vos, &config);
}

static int
there_destroy(struct target *target, void *arg)
{
	struct shard_args *args = arg;
	struct target_pool *pool = target__pool_find(target, args->uuid);
	int rc;

	if (pool != NULL)
		target__pool_close(pool);
	rc = vos_pool_destroy(target->vos, args->uuid);
	return rc == -DER_NONEXIST ? 0 : rc;
}

static int
there_open(struct target *target, void *arg)
{
	struct shard_args *args = arg;
	struct target_pool *pool = target__pool_find(target, args->uuid);
	struct mem *mem = target->all->env->mem;
	int rc;

	if (pool != NULL) {
		pool->map_version = MAX(pool->map_version, args->map_version);
		return 0;
	}
	pool = MEM_NEW(mem, struct target_pool);
	if (pool == NULL)
		return -DER_NOMEM;
	memcpy(pool->uuid, args->uuid, sizeof(uuid_t));
	pool->target = target;
	pool->map_version = args->map_version;
	hash_init(&pool->conts, mem, &target__cont_hash, 0);
	hash_init(&pool->handles, mem, &target__handle_hash, env_rand(target->all->env));
	rc = vos_pool_open(target->vos, args->uuid, &pool->vos);
	if (rc != 0) {
		mem_free(mem, pool);
		return rc;
	}
	hash_insert(&target->pools, &pool->node, pool->uuid);
	target__garbage(target);
	return 0;
}

void
target__pool_close(struct target_pool *pool)
{
	struct target *target = pool->target;
	struct hash_iter iter;
	struct hash_node *node;
	bool busy;

	hash_remove(&target->pools, &pool->node);
	pool->closing = true;
	target__handles_forget(pool, NULL, NULL);
	do {
		busy = pool->refs > 0;
		hash_iter_init(&iter, &pool->conts);
		while ((node = hash_iter_next(&iter)) != NULL) {
			struct target_cont *cont = hash_entry(node, struct target_cont, node);

			if (cont->refs > 0)
				busy = true;
			else
				target__cont_drop(cont);
		}
		if (busy)
			ult_cond_wait(&target->changed, NULL);
	} while (busy);
	hash_fini(&pool->conts);
	hash_fini(&pool->handles);
	vos_pool_close(pool->vos);
	mem_free(target->all->env->mem, pool);
}

static int
there_close(struct target *target, void *arg)
{
	struct shard_args *args = arg;
	struct target_pool *pool = target__pool_find(target, args->uuid);

	if (pool != NULL)
		target__pool_close(pool);
	return 0;
}

static int
there_query(struct target *target, void *arg)
{
	struct shard_args *args = arg;
	struct target_pool *pool = target__pool_find(target, args->uuid);

	if (pool == NULL)
		return -DER_NONEXIST;
	vos_pool_query(pool->vos, &args->info[target->index]);
	return 0;
}

static int
there_cont_destroy(struct target *target, void *arg)
{
	struct shard_args *args = arg;
	struct target_pool *pool = target__pool_find(target, args->uuid);
	struct target_cont *cont;
	uint64_t lsn;
	int rc;

	if (pool == NULL)
		return -DER_NONEXIST;
	pool->refs++;
	target__handles_forget(pool, args->cont, NULL);
	while ((cont = target__cont_find(pool, args->cont)) != NULL) {
		if (cont->refs > 0)
			ult_cond_wait(&target->changed, NULL);
		else
			target__cont_drop(cont);
	}
	rc = vos_cont_destroy(pool->vos, args->cont, &lsn);
	if (rc == 0)
		rc = vos_wait(pool->vos, lsn);
	target__pool_unref(pool);
	target__garbage(target);
	return rc == -DER_NONEXIST ? 0 : rc;
}

static int
there_forget(struct target *target, void *arg)
{
	struct shard_args *args = arg;
	struct target_pool *pool = target__pool_find(target, args->uuid);

	if (pool != NULL)
		target__handles_forget(pool, args->cont, args->handle);
	return 0;
}

/* ---- on stream 0 ------------------------------------------------------------------------------------------------------ */
static int
note(struct targets *targets, const uuid_t uuid, const char *label, const struct target_pool_sizes *sizes, uint32_t state)
{
	struct smd_pool pool = {.tgt_nr = targets->config.nr, .state = state, .ram = targets->config.ram};

	memcpy(pool.uuid, uuid, sizeof(uuid_t));
	snprintf(pool.label, sizeof(pool.label), "%s", label != NULL ? label : "");
	pool.meta_size = sizes->meta;
	pool.wal_size = sizes->wal;
	pool.data_size = sizes->data;
	return smd_pool_put(targets->config.sysdb, &pool);
}

int
targets_pool_create(struct targets *targets, const uuid_t uuid, const char *label, const struct target_pool_sizes *sizes)
{
	struct shard_args args = {.uuid = uuid, .sizes = sizes, .ram = targets->config.ram};
	struct smd_pool known;
	int rc;

	rc = smd_pool_get(targets->config.sysdb, uuid, &known);
	if (rc == 0)
		return -DER_EXIST;
	if (rc != -DER_NONEXIST)
		return rc;
	rc = note(targets, uuid, label, sizes, SMD_POOL_CREATING);
	if (rc != 0)
		return rc;
	rc = targets__each(targets, there_create, &args);
	if (rc == 0)
		rc = note(targets, uuid, label, sizes, SMD_POOL_READY);
	if (rc != 0) {
		if (targets__each(targets, there_destroy, &args) == 0)
			(void)smd_pool_del(targets->config.sysdb, uuid);
		log_error(targets->env->log, "the pool's shards could not be made: " RCF, RCP(rc));
	}
	return rc;
}

int
targets_pool_set_served(struct targets *targets, const uuid_t uuid, bool served)
{
	struct smd_pool known;
	uint32_t state = served ? SMD_POOL_SERVED : SMD_POOL_READY;
	int rc;

	rc = smd_pool_get(targets->config.sysdb, uuid, &known);
	if (rc != 0 || known.state == state)
		return rc;
	known.state = state;
	return smd_pool_put(targets->config.sysdb, &known);
}

bool
targets_pool_is_served(struct targets *targets, const uuid_t uuid)
{
	struct smd_pool known;

	return smd_pool_get(targets->config.sysdb, uuid, &known) == 0 && known.state == SMD_POOL_SERVED;
}

int
targets_pool_open(struct targets *targets, const uuid_t uuid, uint32_t map_version, const void *map, size_t map_len)
{
	struct shard_args args = {.uuid = uuid, .map_version = map_version};

	return targets__each(targets, there_open, &args);
}

int
targets_pool_close(struct targets *targets, const uuid_t uuid)
{
	struct shard_args args = {.uuid = uuid};

	return targets__each(targets, there_close, &args);
}

bool
target_has_pool(struct target *target, const uuid_t pool)
{
	return target__pool_find(target, pool) != NULL;
}

int
targets_pool_destroy(struct targets *targets, const uuid_t uuid)
{
	struct shard_args args = {.uuid = uuid};
	struct smd_pool known;
	int rc;

	rc = smd_pool_get(targets->config.sysdb, uuid, &known);
	if (rc != 0)
		return rc;
	known.state = SMD_POOL_DESTROYING;
	rc = smd_pool_put(targets->config.sysdb, &known);
	if (rc == 0)
		rc = targets__each(targets, there_destroy, &args);
	return rc == 0 ? smd_pool_del(targets->config.sysdb, uuid) : rc;
}

int
targets_pool_query(struct targets *targets, const uuid_t uuid, struct vos_pool_info *info, uint32_t nr)
{
	struct shard_args args = {.uuid = uuid, .info = info};

	return nr < targets->config.nr ? -DER_INVAL : targets__each(targets, there_query, &args);
}

int
targets_pool_list(struct targets *targets, struct arena *arena, uuid_t **result, uint32_t *result_nr)
{
	struct smd_pool *pools;
	uuid_t *uuids;
	uint32_t nr, ready = 0;
	int rc;

	rc = smd_pool_list(targets->config.sysdb, arena, &pools, &nr);
	if (rc != 0)
		return rc;
	uuids = ARENA_NEW_ARRAY(arena, uuid_t, nr + 1);
	if (uuids == NULL)
		return -DER_NOMEM;
	for (uint32_t i = 0; i < nr; i++) {
		if (pools[i].state == SMD_POOL_READY || pools[i].state == SMD_POOL_SERVED) {
			memcpy(uuids[ready++], pools[i].uuid, sizeof(uuid_t));
			continue;
		}
		log_note(targets->env->log, "finishing off a pool whose %s was interrupted",
			 pools[i].state == SMD_POOL_CREATING ? "creation" : "destruction");
		rc = targets_pool_destroy(targets, pools[i].uuid);
		if (rc != 0)
			return rc;
	}
	*result = uuids;
	*result_nr = ready;
	return 0;
}

int
targets_cont_destroy(struct targets *targets, const uuid_t uuid, const uuid_t cont)
{
	struct shard_args args = {.uuid = uuid, .cont = cont};

	return targets__each(targets, there_cont_destroy, &args);
}

static int
there_fence(struct target *target, void *arg)
{
	struct shard_args *args = arg;
	struct target_pool *pool = target__pool_find(target, args->uuid);

	if (pool == NULL)
		return 0;
	target__handles_forget(pool, args->cont, args->handle);
	pool->refs++;
	target__writes_drain(pool, args->cont);
	target__pool_unref(pool);
	return 0;
}

int
targets_handle_fence(struct targets *targets, const uuid_t uuid, const uuid_t cont, const uuid_t handle)
{
	struct shard_args args = {.uuid = uuid, .cont = cont, .handle = handle};

	return targets__each(targets, there_fence, &args);
}

static int
there_raise(struct target *target, void *arg)
{
	struct shard_args *args = arg;
	struct target_pool *pool = target__pool_find(target, args->uuid);
	struct target_cont *cont;

	if (pool == NULL)
		return -DER_NONEXIST;
	pool->floor = MAX(pool->floor, args->epoch);
	cont = target__cont_find(pool, args->cont);
	if (cont != NULL)
		cont->floor = MAX(cont->floor, args->epoch);
	pool->refs++;
	target__writes_drain(pool, args->cont);
	target__pool_unref(pool);
	return 0;
}

int
targets_raise_floor(struct targets *targets, const uuid_t uuid, const uuid_t cont, uint64_t epoch)
{
	struct shard_args args = {.uuid = uuid, .cont = cont, .epoch = epoch};

	return targets__each(targets, there_raise, &args);
}

int
targets_handle_forget(struct targets *targets, const uuid_t uuid, const uuid_t cont, const uuid_t handle)
{
	struct shard_args args = {.uuid = uuid, .cont = cont, .handle = handle};

	return targets__each(targets, there_forget, &args);
}
