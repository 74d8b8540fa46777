/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SMD: per-server metadata in vos_db. Tables "smd_dev" and "smd_pool", keys the text of the uuid, values packed
 * (base/codec) behind a version.
 *
 *   device: u32 version, string path, u32 state, u32 roles, count + u32 targets
 *   pool:   u32 version, string label, u32 targets, u64 meta, u64 wal, u64 data, u32 state, bool ram
 */
#include "smd.h"

#include <stdio.h>
#include "base/codec.h"

#define DEVS "smd_dev"
#define POOLS "smd_pool"
#define VERSION 1
#define RECORD_MAX 1024U
#define LIST_MAX 4096U

static int
take_text(struct unpacker *in, char *to, size_t size)
{
	const char *text = unpack_string(in);

	if (text == NULL || strlen(text) >= size)
		return -DER_DF_INVAL;
	strcpy(to, text);
	return 0;
}

/* ---- devices ----------------------------------------------------------------------------------------------------- */
int
smd_dev_put(struct sysdb *db, const struct smd_dev *dev)
{
	struct packer packer;
	uint8_t buf[RECORD_MAX];
	char name[37];

	if (dev->tgt_nr > ARRAY_SIZE(dev->tgts) || memchr(dev->path, 0, sizeof(dev->path)) == NULL)
		return -DER_INVAL;
	packer_init(&packer, buf, sizeof(buf));
	pack_u32(&packer, VERSION);
	pack_string(&packer, dev->path);
	pack_u32(&packer, dev->state);
	pack_u32(&packer, dev->roles);
	pack_u32_array(&packer, dev->tgts, dev->tgt_nr);
	if (packer_rc(&packer) != 0)
		return packer_rc(&packer);
	uuid_unparse_lower(dev->uuid, name);
	return sysdb_upsert(db, DEVS, name, buf, packer_len(&packer));
}

int
smd__dev_parse(const char *name, const void *value, size_t len, struct smd_dev *dev)
{
	struct unpacker in;
	int rc;

	memset(dev, 0, sizeof(*dev));
	unpacker_init(&in, value, len);
	if (uuid_parse(name, dev->uuid) != 0)
		return -DER_DF_INVAL;
	if (unpack_u32(&in) > VERSION)
		return -DER_DF_INCOMPT;
	rc = take_text(&in, dev->path, sizeof(dev->path));
	dev->state = unpack_u32(&in);
	dev->roles = unpack_u32(&in);
	dev->tgt_nr = unpack_count(&in, 4);
	if (rc != 0 || dev->tgt_nr > ARRAY_SIZE(dev->tgts))
		return -DER_DF_INVAL;
	for (uint32_t i = 0; i < dev->tgt_nr; i++)
		dev->tgts[i] = unpack_u32(&in);
	return unpacker_rc(&in) != 0 ? -DER_DF_INVAL : 0;
}

int
smd_dev_get(struct sysdb *db, const uuid_t uuid, struct smd_dev *dev)
{
	struct arena arena;
	char name[37];
	void *value;
	size_t len;
	int rc;

	uuid_unparse_lower(uuid, name);
	arena_init(&arena, sysdb_mem(db));
	rc = sysdb_fetch(db, DEVS, name, &arena, &value, &len);
	if (rc == 0)
		rc = smd__dev_parse(name, value, len, dev);
	arena_fini(&arena);
	return rc;
}

/* Records as they are met, in an array that grows in the arena. */
struct gather {
	struct arena *arena;
	void *items;
	size_t size;
	uint32_t nr, room;
	int (*parse)(const char *name, const void *value, size_t len, void *item);
};

static int
gather_one(void *arg, const char *name, const void *value, size_t len)
{
	struct gather *gather = arg;
	void *more;
	int rc;

	if (gather->nr == gather->room) {
		if (gather->nr >= LIST_MAX)
			return -DER_OVERFLOW;
		more = arena_alloc(gather->arena, gather->size * (gather->room * 2 + 8));
		if (more == NULL)
			return -DER_NOMEM;
		if (gather->nr > 0)
			memcpy(more, gather->items, gather->size * gather->nr);
		gather->items = more;
		gather->room = gather->room * 2 + 8;
	}
	rc = gather->parse(name, value, len, (char *)gather->items + gather->size * gather->nr);
	gather->nr += rc == 0;
	return rc;
}

static int
parse_dev_item(const char *name, const void *value, size_t len, void *item)
{
	return smd__dev_parse(name, value, len, item);
}

int
smd_dev_list(struct sysdb *db, struct arena *arena, struct smd_dev **devs, uint32_t *nr)
{
	struct gather gather = {.arena = arena, .size = sizeof(**devs), .parse = parse_dev_item};
	int rc = sysdb_traverse(db, DEVS, gather_one, &gather);

	*devs = gather.items;
	*nr = gather.nr;
	return rc;
}

int
smd_dev_of_tgt(struct sysdb *db, uint32_t tgt, uint32_t kind, struct smd_dev *dev)
{
	struct smd_dev *devs;
	struct arena arena;
	uint32_t nr;
	int rc;

	arena_init(&arena, sysdb_mem(db));
	rc = smd_dev_list(db, &arena, &devs, &nr);
	if (rc == 0) {
		rc = -DER_NONEXIST;
		for (uint32_t i = 0; rc != 0 && i < nr; i++)
			for (uint32_t t = 0; t < devs[i].tgt_nr; t++)
				if (devs[i].tgts[t] == tgt &&
				    (devs[i].roles == 0 || (devs[i].roles & (1U << kind)) != 0)) {
					*dev = devs[i];
					rc = 0;
					break;
				}
	}
	arena_fini(&arena);
	return rc;
}

/* ---- pools ------------------------------------------------------------------------------------------------------- */
int
smd_pool_put(struct sysdb *db, const struct smd_pool *pool)
{
	struct packer packer;
	uint8_t buf[RECORD_MAX];
	char name[37];

	if (memchr(pool->label, 0, sizeof(pool->label)) == NULL)
		return -DER_INVAL;
	packer_init(&packer, buf, sizeof(buf));
	pack_u32(&packer, VERSION);
	pack_string(&packer, pool->label);
	pack_u32(&packer, pool->tgt_nr);
	pack_u64(&packer, pool->meta_size);
	pack_u64(&packer, pool->wal_size);
	pack_u64(&packer, pool->data_size);
	pack_u32(&packer, pool->state);
	pack_bool(&packer, pool->ram);
	uuid_unparse_lower(pool->uuid, name);
	return sysdb_upsert(db, POOLS, name, buf, packer_len(&packer));
}

int
smd__pool_parse(const char *name, const void *value, size_t len, void *item)
{
	struct smd_pool *pool = item;
	struct unpacker in;
	int rc;

	memset(pool, 0, sizeof(*pool));
	unpacker_init(&in, value, len);
	if (uuid_parse(name, pool->uuid) != 0)
		return -DER_DF_INVAL;
	if (unpack_u32(&in) > VERSION)
		return -DER_DF_INCOMPT;
	rc = take_text(&in, pool->label, sizeof(pool->label));
	pool->tgt_nr = unpack_u32(&in);
	pool->meta_size = unpack_u64(&in);
	pool->wal_size = unpack_u64(&in);
	pool->data_size = unpack_u64(&in);
	pool->state = unpack_u32(&in);
	pool->ram = unpack_bool(&in);
	return rc != 0 || unpacker_rc(&in) != 0 ? -DER_DF_INVAL : 0;
}

int
smd_pool_get(struct sysdb *db, const uuid_t uuid, struct smd_pool *pool)
{
	struct arena arena;
	char name[37];
	void *value;
	size_t len;
	int rc;

	uuid_unparse_lower(uuid, name);
	arena_init(&arena, sysdb_mem(db));
	rc = sysdb_fetch(db, POOLS, name, &arena, &value, &len);
	if (rc == 0)
		rc = smd__pool_parse(name, value, len, pool);
	arena_fini(&arena);
	return rc;
}

int
smd_pool_del(struct sysdb *db, const uuid_t uuid)
{
	char name[37];

	uuid_unparse_lower(uuid, name);
	return sysdb_delete(db, POOLS, name);
}

int
smd_pool_list(struct sysdb *db, struct arena *arena, struct smd_pool **pools, uint32_t *nr)
{
	struct gather gather = {.arena = arena, .size = sizeof(**pools), .parse = smd__pool_parse};
	int rc = sysdb_traverse(db, POOLS, gather_one, &gather);

	*pools = gather.items;
	*nr = gather.nr;
	return rc;
}
