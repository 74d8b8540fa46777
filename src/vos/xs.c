/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vos/xs: the part of one stream: tree classes, the table of pools, read timestamps, and the object cache.
 *
 * The object cache maps (container, object, shard) to the offset of its record, four ways, the least recently used
 * goes.
 *	xs I1  A cached offset is that of a record which is committed in memory: entries are made after bodies, and
 *	       dropped with the record.
 *
 * Nothing here yields but vos_xs_destroy, which closes volatile pools. A crash leaves nothing of it.
 */
#include "inside.h"

enum { OBJECT_CACHE_DEFAULT = 4096, RETENTION_DEFAULT_S = 60, IDLE_MAX = 64 };

static uint64_t
pool_hash(const void *key, uint64_t seed)
{
	return hash_key_uuid(key, seed);
}

static bool
pool_equal(const struct hash_node *node, const void *key)
{
	return memcmp(hash_entry(node, const struct vos_pool, node)->uuid, key, sizeof(uuid_t)) == 0;
}

static const struct hash_ops pool_ops = {.hash = pool_hash, .equal = pool_equal};

int
vos_xs_create(const struct vos_xs_config *config, struct vos_xs **result)
{
	struct mem *mem = config->env->mem;
	struct vos_xs *vx = MEM_NEW(mem, struct vos_xs);
	uint32_t sets = 1;
	int rc;

	if (vx == NULL)
		return -DER_NOMEM;
	vx->env = config->env;
	vx->mem = mem;
	vx->log = config->env->log;
	vx->xs = config->xs;
	vx->bio = config->bio;
	vx->tgt = config->tgt;
	vx->heap_budget = config->heap_budget;
	vx->retention = (config->retention_ns != 0 ? config->retention_ns : RETENTION_DEFAULT_S * NS_PER_S) * 16;
	list_init(&vx->idle_ops);
	list_init(&vx->idle_reads);
	ult_mutex_init(&vx->pools_lock);
	hash_init(&vx->pools, mem, &pool_ops, env_rand(config->env));
	while (sets * CACHE_WAYS < (config->object_cache != 0 ? config->object_cache : OBJECT_CACHE_DEFAULT) &&
	       sets < 1U << 20)
		sets *= 2;
	vx->cache_sets = sets;
	vx->cache = MEM_NEW_ARRAY(mem, struct cache_slot, sets * CACHE_WAYS);
	rc = vx->cache != NULL ? vos__stamps_init(&vx->stamps, mem, config->first_epoch) : -DER_NOMEM;
	if (rc == 0)
		rc = vos__classes_register(&vx->registry);
	if (rc == 0 && vx->bio == NULL) {
		/* Descriptors need somebody who hands out buffers: an engine without devices. */
		rc = bio_open(config->env, NULL, 0, false, &vx->bio);
		vx->own_bio = rc == 0;
	}
	if (rc != 0) {
		vos__stamps_fini(&vx->stamps);
		mem_free(mem, vx->cache);
		mem_free(mem, vx);
		return rc;
	}
	*result = vx;
	return 0;
}

void
vos_xs_destroy(struct vos_xs *vx)
{
	struct hash_node *node;
	struct hash_iter iter;
	struct vos_op *op;
	struct vos_read *read;

	/* Volatile pools live here without being open. */
	for (hash_iter_init(&iter, &vx->pools); (node = hash_iter_next(&iter)) != NULL;
	     hash_iter_init(&iter, &vx->pools)) {
		struct vos_pool *pool = hash_entry(node, struct vos_pool, node);

		ASSERTF(pool->ram && pool->refs == 0, "vos: a pool is still open");
		vos__pool_drop(pool);
	}
	hash_fini(&vx->pools);
	while ((op = list_pop(&vx->idle_ops, struct vos_op, link)) != NULL)
		mem_free(vx->mem, op);
	while ((read = vos__read_idle(vx)) != NULL)
		mem_free(vx->mem, read);
	vos__stamps_fini(&vx->stamps);
	mem_free(vx->mem, vx->cache);
	if (vx->own_bio)
		bio_close(vx->bio);
	mem_free(vx->mem, vx);
}

int
vos__corrupt(const struct vos_pool *pool, umem_off_t off, const char *what)
{
	char uuid[37];

	uuid_unparse_lower(pool->uuid, uuid);
	log_error(pool->vx->log, "pool %s: corrupt record at heap offset %llu: %s", uuid, (unsigned long long)off,
		  what);
	return -DER_DF_INVAL;
}

/* ---- object cache ------------------------------------------------------------------------------------------------ */
static struct cache_slot *
cache_set(struct vos_xs *vx, const struct vos_cont *cont, const daos_obj_id_t *oid, uint32_t shard)
{
	uint64_t hash = hash64_pair(hash64_pair(cont->seq, oid->hi), hash64_pair(oid->lo, shard));

	return &vx->cache[(hash & (vx->cache_sets - 1)) * CACHE_WAYS];
}

static bool
slot_is(const struct cache_slot *slot, const struct vos_cont *cont, const daos_obj_id_t *oid, uint32_t shard)
{
	return slot->cont == cont->seq && slot->lo == oid->lo && slot->hi == oid->hi && slot->shard == shard;
}

umem_off_t
vos__cache_get(struct vos_cont *cont, const daos_obj_id_t *oid, uint32_t shard)
{
	struct vos_xs *vx = cont->pool->vx;
	struct cache_slot *set = cache_set(vx, cont, oid, shard);

	for (int i = 0; i < CACHE_WAYS; i++) {
		if (slot_is(&set[i], cont, oid, shard)) {
			set[i].used = ++vx->cache_clock;
			return set[i].off;
		}
	}
	return UMEM_NULL;
}

void
vos__cache_put(struct vos_cont *cont, const daos_obj_id_t *oid, uint32_t shard, umem_off_t off)
{
	struct vos_xs *vx = cont->pool->vx;
	struct cache_slot *set = cache_set(vx, cont, oid, shard), *oldest = set;

	for (int i = 0; i < CACHE_WAYS; i++) {
		if (slot_is(&set[i], cont, oid, shard)) {
			oldest = &set[i];
			break;
		}
		/* The clock wraps: ages are differences. */
		if (set[i].cont == 0)
			oldest = &set[i];
		else if (oldest->cont != 0 && vx->cache_clock - set[i].used > vx->cache_clock - oldest->used)
			oldest = &set[i];
	}
	*oldest = (struct cache_slot){.cont = cont->seq, .hi = oid->hi, .lo = oid->lo, .shard = shard,
				      .used = ++vx->cache_clock, .off = off};
}

void
vos__cache_drop(struct vos_cont *cont, const daos_obj_id_t *oid, uint32_t shard)
{
	struct cache_slot *set = cache_set(cont->pool->vx, cont, oid, shard);

	for (int i = 0; i < CACHE_WAYS; i++) {
		if (slot_is(&set[i], cont, oid, shard))
			set[i] = (struct cache_slot){0};
	}
}
