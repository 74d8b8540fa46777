/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vos/pool: pool shards: made, opened, closed, destroyed; their root record; waiting for durability.
 *
 * A pool shard on disk is up to three blobs (meta and wal make the heap, data holds large values). It is made in the
 * order meta, wal, data, heap, root record, checkpoint; block 0 of meta is zero until then. A shard that was not made
 * to the end says -DER_UNINIT when it is opened: nothing was ever stored in it. A volatile one lives in the stream's
 * table from create to destroy, open or not.
 *
 *	pool I1  Head of the root record: written once, checked at each open: magic, version, features, uuid, hash.
 *
 * Create, open, the last close, and destroy yield and hold pools_lock.
 */
#include <stdio.h>
#include "inside.h"

enum { THRESHOLD_DEFAULT = 4096, DONE_SHARE = 8, DONE_BYTES = 64, DONE_MIN = 4096 };

/* ---- hash of containers ------------------------------------------------------------------------------------------ */
static bool
cont_equal(const struct hash_node *node, const void *key)
{
	return memcmp(hash_entry(node, const struct vos_cont, node)->uuid, key, sizeof(uuid_t)) == 0;
}

static const struct hash_ops cont_ops = {.hash = hash_key_uuid, .equal = cont_equal};

/* ---- DRAM -------------------------------------------------------------------------------------------------------- */
static struct vos_pool *
pool_find(struct vos_xs *vx, const uuid_t uuid)
{
	struct hash_node *node = hash_find(&vx->pools, uuid);

	return node != NULL ? hash_entry(node, struct vos_pool, node) : NULL;
}

static int
pool_new(struct vos_xs *vx, const uuid_t uuid, struct vos_pool **result)
{
	struct vos_pool *pool = MEM_NEW(vx->mem, struct vos_pool);

	if (pool == NULL)
		return -DER_NOMEM;
	pool->vx = vx;
	uuid_copy(pool->uuid, uuid);
	pool->threshold = THRESHOLD_DEFAULT;
	ult_mutex_init(&pool->conts_lock);
	hash_init(&pool->conts, vx->mem, &cont_ops, env_rand(vx->env));
	pool->lsn = MEM_NEW(vx->mem, struct lsn_tables);
	if (pool->lsn == NULL) {
		mem_free(vx->mem, pool);
		return -DER_NOMEM;
	}
	*result = pool;
	return 0;
}

/* Everything but the table entry. YIELDS */
static void
pool_free(struct vos_pool *pool)
{
	struct vos_xs *vx = pool->vx;

	if (pool->heap != NULL)
		(void)umem_wait(pool->heap, umem_lsn_last(pool->heap)); /* blocks come out of quarantine */
	if (pool->vea != NULL)
		vea_unload(pool->vea);
	if (pool->heap != NULL)
		umem_close(pool->heap);
	if (pool->data != NULL)
		bio_blob_close(pool->data);
	if (pool->wal != NULL)
		bio_blob_close(pool->wal);
	if (pool->meta != NULL)
		bio_blob_close(pool->meta);
	vx->heap_granted -= pool->granted;
	hash_fini(&pool->conts);
	mem_free(vx->mem, pool->lsn);
	mem_free(vx->mem, pool);
}

void
vos__pool_drop(struct vos_pool *pool)
{
	ASSERTF(hash_count(&pool->conts) == 0, "vos: a container is still open");
	hash_remove(&pool->vx->pools, &pool->node);
	pool_free(pool);
}

/* ---- blobs ------------------------------------------------------------------------------------------------------- */
static struct bio_blob_id
blob_id(const struct vos_pool *pool, enum bio_blob_kind kind)
{
	struct bio_blob_id id = {.tgt = pool->vx->tgt, .kind = kind};

	uuid_copy(id.pool, pool->uuid);
	return id;
}

static int
blob_create(struct vos_pool *pool, enum bio_blob_kind kind, uint64_t size)
{
	struct bio_blob_id id = blob_id(pool, kind);

	return bio_blob_create(pool->vx->bio, &id, ALIGN_UP(size, (uint64_t)BIO_BLOCK));
}

static int
blob_open(struct vos_pool *pool, enum bio_blob_kind kind, struct bio_blob **blob)
{
	struct bio_blob_id id = blob_id(pool, kind);

	return bio_blob_open(pool->vx->bio, &id, pool->vx->xs, blob);
}

static int
blobs_destroy(struct vos_pool *pool, bool *found)
{
	int rc = 0;

	/* In the opposite order of creation: what remains after a crash is still known as unfinished. */
	for (int kind = BIO_DATA; kind >= BIO_META && rc == 0; kind--) {
		static const enum bio_blob_kind order[] = {BIO_META, BIO_WAL, BIO_DATA};
		struct bio_blob_id id = blob_id(pool, order[kind]);

		rc = bio_blob_destroy(pool->vx->bio, &id);
		*found |= rc == 0;
		if (rc == -DER_NONEXIST)
			rc = 0;
	}
	return rc;
}

/* ---- the heap ---------------------------------------------------------------------------------------------------- */
/* What of the stream's DRAM a heap may fill: all heaps together never more than the budget. */
static uint64_t
grant(struct vos_pool *pool, uint64_t heap_size)
{
	struct vos_xs *vx = pool->vx;
	uint64_t left;

	if (vx->heap_budget == 0 || pool->ram)
		return 0;
	left = vx->heap_budget > vx->heap_granted ? vx->heap_budget - vx->heap_granted : 0;
	pool->granted = MAX(MIN(heap_size, left / 2), 8 * UMEM_SEGMENT);
	vx->heap_granted += pool->granted;
	return pool->granted;
}

static struct umem_config
heap_config(struct vos_pool *pool, uint64_t heap_size, const char *name)
{
	struct umem_config config = {.env = pool->vx->env, .xs = pool->vx->xs, .meta = pool->meta, .wal = pool->wal,
				     .heap_size = heap_size, .name = name};

	uuid_copy(config.uuid, pool->uuid);
	return config;
}

/* The largest heap that a meta blob of this size holds. */
static uint64_t
heap_size_in(uint64_t meta_size)
{
	uint64_t low = 0, high = meta_size / UMEM_SEGMENT + 1;

	while (high - low > 1) {
		uint64_t mid = low + (high - low) / 2;

		if (umem_meta_size(mid * UMEM_SEGMENT) <= meta_size)
			low = mid;
		else
			high = mid;
	}
	return low * UMEM_SEGMENT;
}

static uint64_t
heap_size_of(const struct vos_pool_config *config)
{
	return config->ram ? ALIGN_DOWN(config->meta_size + config->data_size, (uint64_t)UMEM_SEGMENT)
			   : heap_size_in(ALIGN_DOWN(config->meta_size, (uint64_t)BIO_BLOCK));
}

static void
name_of(const struct vos_pool *pool, char name[64])
{
	char uuid[37];

	uuid_unparse_lower(pool->uuid, uuid);
	snprintf(name, 64, "pool %s/%u", uuid, pool->vx->tgt);
}

/* ---- the root record --------------------------------------------------------------------------------------------- */
static uint32_t
root_crc(const struct vos_root *root)
{
	return (uint32_t)hash64_bytes(root, offsetof(struct vos_root, crc), VOS_MAGIC);
}

struct root_arg {
	struct vos_pool *pool;
	const struct vos_pool_config *config;
	uint64_t data_size;
};

static int
root_format(struct umem *heap, void *arg)
{
	struct root_arg *a = arg;
	struct vos_root *root = umem_touch(heap, umem_root(heap), sizeof(*root));
	struct btree tree = vos__tree(a->pool, umem_root(heap) + offsetof(struct vos_root, conts));

	root->magic = VOS_MAGIC;
	root->version = VOS_VERSION;
	root->byte_order = VOS_BYTE_ORDER;
	root->compat = VOS_COMPAT;
	root->ro_compat = VOS_RO_COMPAT;
	root->incompat = VOS_INCOMPAT;
	memcpy(root->uuid, a->pool->uuid, sizeof(root->uuid));
	root->data_size = a->data_size;
	root->data_threshold = a->config->data_threshold != 0 ? a->config->data_threshold : THRESHOLD_DEFAULT;
	root->crc = root_crc(root);
	if (a->data_size > 0) {
		int rc = vea_format(heap, umem_root(heap) + offsetof(struct vos_root, vea), a->data_size / BIO_BLOCK,
				    0);

		if (rc != 0)
			return rc;
	}
	return btree_create(&tree, VOS_CLASS_CONT, 0);
}

static int
root_read(struct umem *heap, void *arg)
{
	struct root_arg *a = arg;
	struct vos_pool *pool = a->pool;
	const struct vos_root *root = umem_at(heap, umem_root(heap));

	if (root->magic == 0 && root->version == 0 && root->byte_order == 0)
		return -DER_UNINIT;
	if (root->magic != VOS_MAGIC || root->byte_order != VOS_BYTE_ORDER || root->crc != root_crc(root))
		return vos__corrupt(pool, umem_root(heap), "no root record of a pool");
	if (memcmp(root->uuid, pool->uuid, sizeof(root->uuid)) != 0)
		return vos__corrupt(pool, umem_root(heap), "the root record is that of another pool");
	if (root->version > VOS_VERSION || (root->incompat & ~VOS_INCOMPAT) != 0 ||
	    (root->ro_compat & ~VOS_RO_COMPAT) != 0) {
		log_error(pool->vx->log, "pool made by a newer version: format %u (known: %u), features %llx, %llx",
			  root->version, VOS_VERSION, (unsigned long long)root->incompat,
			  (unsigned long long)root->ro_compat);
		return -DER_DF_INCOMPT;
	}
	if (root->data_threshold == 0 || (root->data_size > 0) != (pool->data != NULL) ||
	    (pool->data != NULL && root->data_size > bio_blob_size(pool->data)))
		return vos__corrupt(pool, umem_root(heap), "sizes of the data blob");
	pool->threshold = root->data_threshold;
	pool->conts_nr = root->conts.count;
	pool->garbage = root->garbage != 0;
	return 0;
}

static int
pool_start(struct vos_pool *pool)
{
	struct root_arg arg = {.pool = pool};
	struct umem_space space;
	int rc = umem_read(pool->heap, root_read, &arg);

	if (rc == 0 && pool->data != NULL)
		rc = vea_load(pool->vx->mem, pool->heap, umem_root(pool->heap) + offsetof(struct vos_root, vea),
			      &pool->vea);
	if (rc != 0)
		return rc;
	umem_space(pool->heap, &space);
	/* A record of the log is at most 1/16 of it; half of that is for what comes with a value. */
	pool->heap_value_max = space.wal_total > 0 ? MIN((uint64_t)UMEM_ALLOC_MAX,
							 ALIGN_DOWN(space.wal_total / 32, (uint64_t)BIO_BLOCK)) :
						     UMEM_ALLOC_MAX;
	pool->done_max = MAX(space.total / DONE_SHARE / DONE_BYTES, (uint64_t)DONE_MIN);
	return 0;
}

/* ---- create ------------------------------------------------------------------------------------------------------ */
static int
create_ram(struct vos_pool *pool, const struct vos_pool_config *config)
{
	struct root_arg arg = {.pool = pool, .config = config};
	struct umem_config heap;
	char name[64];
	int rc;

	pool->ram = true;
	name_of(pool, name);
	heap = heap_config(pool, heap_size_of(config), name);
	rc = umem_open(&heap, &pool->heap);
	if (rc == 0)
		rc = umem_write(pool->heap, 0, root_format, &arg, NULL);
	if (rc == 0)
		rc = pool_start(pool);
	if (rc == 0)
		hash_insert(&pool->vx->pools, &pool->node, pool->uuid);
	return rc;
}

/* Blobs, heap, root record; then closed again. */
static int
create_disk(struct vos_pool *pool, const struct vos_pool_config *config)
{
	struct root_arg arg = {.pool = pool, .config = config};
	struct umem_config heap;
	uint64_t lsn;
	char name[64];
	int rc;

	rc = blob_create(pool, BIO_META, config->meta_size);
	if (rc == -DER_EXIST)
		return rc;
	if (rc == 0)
		rc = blob_create(pool, BIO_WAL, config->wal_size);
	if (rc == 0 && config->data_size > 0)
		rc = blob_create(pool, BIO_DATA, config->data_size);
	if (rc == 0)
		rc = blob_open(pool, BIO_META, &pool->meta);
	if (rc == 0)
		rc = blob_open(pool, BIO_WAL, &pool->wal);
	if (rc == 0 && config->data_size > 0)
		rc = blob_open(pool, BIO_DATA, &pool->data);
	if (rc != 0)
		return rc;
	arg.data_size = pool->data != NULL ? bio_blob_size(pool->data) : 0;
	name_of(pool, name);
	heap = heap_config(pool, heap_size_of(config), name);
	rc = umem_format(&heap);
	if (rc == 0)
		rc = umem_open(&heap, &pool->heap);
	if (rc == 0)
		rc = umem_write(pool->heap, 0, root_format, &arg, &lsn);
	if (rc == 0)
		rc = umem_wait(pool->heap, lsn);
	return rc == 0 ? umem_checkpoint(pool->heap) : rc;
}

int
vos_pool_create(struct vos_xs *vx, const struct vos_pool_config *config)
{
	struct vos_pool *pool;
	bool found = false;
	int rc;

	if (uuid_is_null(config->uuid) || heap_size_of(config) < 4 * UMEM_SEGMENT || (!config->ram && vx->own_bio))
		return -DER_INVAL;
	ult_mutex_lock(&vx->pools_lock);
	if (pool_find(vx, config->uuid) != NULL) {
		ult_mutex_unlock(&vx->pools_lock);
		return -DER_EXIST;
	}
	rc = pool_new(vx, config->uuid, &pool);
	if (rc == 0 && config->ram) {
		rc = create_ram(pool, config);
		if (rc != 0)
			pool_free(pool);
	} else if (rc == 0) {
		struct vos_pool keys = {.vx = vx};

		uuid_copy(keys.uuid, config->uuid);
		rc = create_disk(pool, config);
		pool_free(pool);
		if (rc != 0 && rc != -DER_EXIST)
			(void)blobs_destroy(&keys, &found);
	}
	ult_mutex_unlock(&vx->pools_lock);
	return rc;
}

/* ---- open, close ------------------------------------------------------------------------------------------------- */
/* Was the shard made to the end? Asked when there is no sound heap in it. -DER_UNINIT: no. YIELDS */
static int
never_finished(struct vos_pool *pool)
{
	struct bio *bio = pool->vx->bio;
	char *block = bio_buf_get(bio, BIO_BLOCK);
	struct iovec iov = {.iov_base = block, .iov_len = BIO_BLOCK};
	bool zero = true;
	int rc = block != NULL ? bio_read(pool->meta, 0, &iov, 1) : -DER_NOMEM;

	for (size_t i = 0; i < BIO_BLOCK && rc == 0; i++)
		zero &= block[i] == 0;
	bio_buf_put(bio, block, BIO_BLOCK);
	return rc != 0 ? rc : zero ? -DER_UNINIT : -DER_DF_INVAL;
}

static int
open_disk(struct vos_pool *pool)
{
	struct umem_config heap;
	char name[64];
	int rc;

	rc = blob_open(pool, BIO_META, &pool->meta);
	if (rc == 0)
		rc = blob_open(pool, BIO_WAL, &pool->wal);
	if (rc == 0)
		rc = blob_open(pool, BIO_DATA, &pool->data);
	if (rc == -DER_NONEXIST && pool->wal != NULL)
		rc = 0;
	else if (rc == -DER_NONEXIST && pool->meta != NULL)
		rc = never_finished(pool);
	if (rc != 0)
		return rc;
	name_of(pool, name);
	heap = heap_config(pool, heap_size_in(bio_blob_size(pool->meta)), name);
	heap.dram_budget = grant(pool, heap.heap_size);
	rc = umem_open(&heap, &pool->heap);
	if (rc == -DER_DF_INVAL)
		rc = never_finished(pool);
	return rc == 0 ? pool_start(pool) : rc;
}

int
vos_pool_open(struct vos_xs *vx, const uuid_t uuid, struct vos_pool **result)
{
	struct vos_pool *pool;
	int rc = 0;

	ult_mutex_lock(&vx->pools_lock);
	pool = pool_find(vx, uuid);
	if (pool == NULL) {
		rc = vx->own_bio ? -DER_NONEXIST : pool_new(vx, uuid, &pool);
		if (rc == 0) {
			rc = open_disk(pool);
			if (rc == 0)
				hash_insert(&vx->pools, &pool->node, pool->uuid);
			else
				pool_free(pool);
		}
	}
	if (rc == 0) {
		pool->refs++;
		*result = pool;
	}
	ult_mutex_unlock(&vx->pools_lock);
	return rc;
}

void
vos_pool_close(struct vos_pool *pool)
{
	struct vos_xs *vx = pool->vx;

	ult_mutex_lock(&vx->pools_lock);
	ASSERT(pool->refs > 0);
	if (--pool->refs == 0 && !pool->ram)
		vos__pool_drop(pool);
	ult_mutex_unlock(&vx->pools_lock);
}

int
vos_pool_destroy(struct vos_xs *vx, const uuid_t uuid)
{
	struct vos_pool keys = {.vx = vx}, *pool;
	bool found = false;
	int rc = 0;

	ult_mutex_lock(&vx->pools_lock);
	pool = pool_find(vx, uuid);
	uuid_copy(keys.uuid, uuid);
	if (pool != NULL && pool->refs > 0)
		rc = -DER_BUSY;
	else if (pool != NULL)
		vos__pool_drop(pool);
	else if (vx->own_bio)
		rc = -DER_NONEXIST;
	else
		rc = blobs_destroy(&keys, &found);
	if (rc == 0 && pool == NULL && !found)
		rc = -DER_NONEXIST;
	ult_mutex_unlock(&vx->pools_lock);
	return rc;
}

/* ---- asking ------------------------------------------------------------------------------------------------------ */
int
vos_pool_failed(const struct vos_pool *pool)
{
	return umem_failed(pool->heap);
}

void
vos_pool_query(const struct vos_pool *pool, struct vos_pool_info *info)
{
	struct umem_space space;

	umem_space(pool->heap, &space);
	*info = (struct vos_pool_info){
		.meta_total = space.total, .meta_used = space.used, .meta_empty = space.empty,
		.containers = pool->conts_nr, .lsn_last = umem_lsn_last(pool->heap),
		.lsn_durable = umem_lsn_durable(pool->heap), .format_version = VOS_VERSION, .ram = pool->ram,
		.failed = umem_failed(pool->heap), .checkpoints = space.checkpoints, .checkpoint_ns = space.checkpoint_ns,
	};
	uuid_copy(info->uuid, pool->uuid);
	info->meta_free = space.total - MIN(space.total, space.used + space.reserved);
	if (pool->vea != NULL) {
		struct vea_space blocks;

		vea_space(pool->vea, &blocks);
		info->data_total = blocks.total * BIO_BLOCK;
		info->data_free = blocks.free * BIO_BLOCK;
	}
}

int
vos_wait(struct vos_pool *pool, uint64_t lsn)
{
	return lsn <= umem_lsn_durable(pool->heap) ? 0 : umem_wait(pool->heap, lsn);
}

int
vos_checkpoint(struct vos_pool *pool)
{
	return umem_checkpoint(pool->heap);
}
