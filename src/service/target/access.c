/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a handle to a container shard. What the container service said of a handle is kept at the target until the handle
 * is forgotten; several operations that meet an unknown handle ask once each, the last answer stays: they are all the same.
 */
#include "internal.h"

#define HANDLES_MAX 65536U

static bool
cont_equal(const struct hash_node *node, const void *key)
{
	return memcmp(hash_entry(node, struct target_cont, node)->uuid, key, sizeof(uuid_t)) == 0;
}

static bool
handle_equal(const struct hash_node *node, const void *key)
{
	return memcmp(hash_entry(node, struct handle, node)->uuid, key, sizeof(uuid_t)) == 0;
}

const struct hash_ops target__cont_hash = {.hash = hash_key_uuid, .equal = cont_equal};
const struct hash_ops target__handle_hash = {.hash = hash_key_uuid, .equal = handle_equal};

static struct target_cont *
cont_find(struct target_pool *pool, const uuid_t uuid)
{
	struct hash_node *node = hash_find(&pool->conts, uuid);

	return node != NULL ? hash_entry(node, struct target_cont, node) : NULL;
}

/* Opens the shard; makes it when it is not there: a container exists where it is first used. */
static int
vos_open_or_make(struct target_pool *pool, const uuid_t uuid, struct vos_cont **vos)
{
	uint64_t lsn;
	int rc;

	rc = vos_cont_open(pool->vos, uuid, vos);
	if (rc != -DER_NONEXIST)
		return rc;
	rc = vos_cont_create(pool->vos, uuid, &lsn);
	if (rc == 0)
		rc = vos_wait(pool->vos, lsn);
	if (rc != 0 && rc != -DER_EXIST)
		return rc;
	return vos_cont_open(pool->vos, uuid, vos);
}

static int
cont_open(struct target_pool *pool, const uuid_t uuid, struct target_cont **result)
{
	struct mem *mem = pool->target->all->env->mem;
	struct target_cont *cont = cont_find(pool, uuid);
	struct vos_cont *vos;
	int rc;

	if (cont == NULL) {
		rc = vos_open_or_make(pool, uuid, &vos);
		if (rc != 0)
			return rc;
		if (pool->closing) { /* while we waited */
			vos_cont_close(vos);
			return -DER_SHUTDOWN;
		}
		cont = cont_find(pool, uuid); /* another operation was quicker */
		if (cont != NULL) {
			vos_cont_close(vos);
		} else {
			cont = MEM_NEW(mem, struct target_cont);
			if (cont == NULL) {
				vos_cont_close(vos);
				return -DER_NOMEM;
			}
			memcpy(cont->uuid, uuid, sizeof(uuid_t));
			cont->pool = pool;
			cont->floor = pool->floor;
			cont->vos = vos;
			list_init(&cont->written);
			hash_insert(&pool->conts, &cont->node, cont->uuid);
		}
	}
	cont->refs++;
	*result = cont;
	return 0;
}

static int
handle_resolve(struct target_pool *pool, const uuid_t uuid, struct target_access *access)
{
	struct targets *all = pool->target->all;
	struct hash_node *node = hash_find(&pool->handles, uuid);
	struct handle *handle;
	uint64_t forgotten;
	int rc;

	if (node != NULL) {
		*access = hash_entry(node, struct handle, node)->access;
		return 0;
	}
	if (all->resolve == NULL)
		return -DER_NO_HDL;
	do { /* an answer that was under way while handles were forgotten may be of before */
		forgotten = pool->forgotten;
		rc = all->resolve(all->resolve_arg, pool->uuid, uuid, access);
		if (rc != 0)
			return rc;
		if (pool->closing)
			return -DER_SHUTDOWN;
	} while (forgotten != pool->forgotten);
	if (hash_find(&pool->handles, uuid) != NULL || hash_count(&pool->handles) >= HANDLES_MAX)
		return 0;
	handle = MEM_NEW(all->env->mem, struct handle);
	if (handle == NULL)
		return 0; /* asked again next time */
	memcpy(handle->uuid, uuid, sizeof(uuid_t));
	handle->access = *access;
	hash_insert(&pool->handles, &handle->node, handle->uuid);
	return 0;
}

int
target_cont_access(struct target *target, const uuid_t pool_uuid, const uuid_t handle, uint64_t caps, uint32_t map_version,
		   struct target_cont **result)
{
	struct target_pool *pool = target__pool_find(target, pool_uuid);
	struct target_access access;
	struct target_cont *cont;
	uint64_t forgotten;
	int rc;

	if (pool == NULL)
		return -DER_NONEXIST;
	if (map_version > pool->map_version)
		return -DER_STALE;
	pool->refs++;
	rc = targets_reserve_epochs(target->all);
	for (bool again = true; rc == 0 && again;) {
		rc = handle_resolve(pool, handle, &access);
		forgotten = pool->forgotten;
		if (rc == 0 && (access.caps & caps) != caps)
			rc = -DER_NO_PERM;
		if (rc == 0)
			rc = cont_open(pool, access.cont, &cont);
		again = rc == 0 && forgotten != pool->forgotten; /* while it was opened; a fence did not wait for who holds nothing yet */
		if (again)
			target_cont_put(cont);
	}
	if (rc == 0) {
		cont->access = access;
		cont->floor = MAX(cont->floor, access.snap_floor);
		if ((caps & TARGET_CAP_WRITE) != 0)
			target__written(cont);
		*result = cont;
	}
	target__pool_unref(pool);
	return rc;
}

int
target_cont_open(struct target *target, const uuid_t pool_uuid, const uuid_t uuid, struct target_cont **result)
{
	struct target_pool *pool = target__pool_find(target, pool_uuid);
	int rc;

	if (pool == NULL)
		return -DER_NONEXIST;
	pool->refs++;
	rc = cont_open(pool, uuid, result);
	target__pool_unref(pool);
	return rc;
}

/* Frees a container that is out of the table and unused. */
static void
cont_free(struct target_cont *cont)
{
	list_remove(&cont->written);
	vos_cont_close(cont->vos);
	mem_free(cont->pool->target->all->env->mem, cont);
}

void
target_cont_put(struct target_cont *cont)
{
	struct target_pool *pool = cont->pool;

	ASSERT(cont->refs > 0);
	if (--cont->refs > 0)
		return;
	if (cont->gone)
		cont_free(cont);
	ult_cond_broadcast(&pool->target->changed);
}

uint64_t
target_cont_floor(const struct target_cont *cont)
{
	return cont->floor;
}

uint32_t
target_write_begin(struct target_cont *cont)
{
	cont->writes[cont->turn]++;
	return cont->turn;
}

void
target_write_end(struct target_cont *cont, uint32_t turn)
{
	ASSERT(cont->writes[turn] > 0);
	if (--cont->writes[turn] == 0 && turn != cont->turn)
		ult_cond_broadcast(&cont->pool->target->changed);
}

/* New writes are counted apart, so this ends while others go on. One after another. */
void
target__writes_drain(struct target_pool *pool, const uuid_t uuid)
{
	struct target_cont *cont = cont_find(pool, uuid);
	struct ult_cond *changed = &pool->target->changed;

	if (cont == NULL)
		return;
	cont->refs++;
	while (cont->fencing)
		ult_cond_wait(changed, NULL);
	cont->fencing = true;
	cont->turn = !cont->turn;
	while (cont->writes[!cont->turn] > 0)
		ult_cond_wait(changed, NULL);
	cont->fencing = false;
	ult_cond_broadcast(changed);
	target_cont_put(cont);
}

void
target__cont_drop(struct target_cont *cont)
{
	hash_remove(&cont->pool->conts, &cont->node);
	cont->gone = true;
	if (cont->refs == 0)
		cont_free(cont);
}

struct target_cont *
target__cont_find(struct target_pool *pool, const uuid_t uuid)
{
	return cont_find(pool, uuid);
}

void
target__handles_forget(struct target_pool *pool, const uuid_t cont, const uuid_t uuid)
{
	struct mem *mem = pool->target->all->env->mem;
	struct hash_iter iter;
	struct hash_node *node;
	struct handle *handle;

	pool->forgotten++;
	hash_iter_init(&iter, &pool->handles);
	while ((node = hash_iter_next(&iter)) != NULL) {
		handle = hash_entry(node, struct handle, node);
		if (cont != NULL && !uuid_is_null(cont) && uuid_compare(handle->access.cont, cont) != 0)
			continue;
		if (uuid != NULL && !uuid_is_null(uuid) && uuid_compare(handle->uuid, uuid) != 0)
			continue;
		hash_remove(&pool->handles, node);
		mem_free(mem, handle);
	}
}

struct vos_cont *
target_cont_vos(const struct target_cont *cont)
{
	return cont->vos;
}

const uint8_t *
target_cont_uuid(const struct target_cont *cont)
{
	return cont->uuid;
}

struct vos_pool *
target_cont_pool(const struct target_cont *cont)
{
	return cont->pool->vos;
}

const struct target_access *
target_cont_props(const struct target_cont *cont)
{
	return &cont->access;
}

uint32_t
target_cont_map_version(const struct target_cont *cont)
{
	return cont->pool->map_version;
}
