/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sysdb: an engine's own metadata. vos_db is a small vos pool used as a key-value store: a table is a dkey, a key an akey,
 * a value a single value. SMD (per-server metadata) lies on top of it: devices, which target uses which device, pools.
 * Everything runs on the stream that opened it, may yield, and is durable when it returns 0.
 */
#ifndef SYSDB_SYSDB_H
#define SYSDB_SYSDB_H

#include <uuid/uuid.h>
#include "base/base.h"
#include "env/env.h"
#include "ult/ult.h"

struct sysdb;
struct vos_xs;

struct sysdb_config {
	struct env *env;
	struct vos_xs *vos; /* of the stream it lives on; its bio has the directory <storage>/daos_sys */
	uint64_t size;      /* bytes; 0: 128 MiB */
	bool ram;           /* volatile */
	bool must_exist;    /* there are pools: a database that is missing is damage, not a first start */
};
/** Opens, else creates. -DER_DF_INVAL (also when it must exist and does not), -DER_DF_INCOMPT, -DER_NOSPACE, -DER_NVME_IO. YIELDS */
int sysdb_open(const struct sysdb_config *config, struct sysdb **db);
void sysdb_close(struct sysdb *db); /* YIELDS */
struct mem *sysdb_mem(const struct sysdb *db);

/* ---- key-value: table and key are text, values bytes ------------------------------------------------------------------ */
/** The value from arena. -DER_NONEXIST. */
int sysdb_fetch(struct sysdb *db, const char *table, const char *key, struct arena *arena, void **value, size_t *len);
int sysdb_upsert(struct sysdb *db, const char *table, const char *key, const void *value, size_t len);
int sysdb_delete(struct sysdb *db, const char *table, const char *key); /* -DER_NONEXIST */
/** Calls visit for every key of table; non-zero stops and is returned. visit may call back into sysdb and yield. */
int sysdb_traverse(struct sysdb *db, const char *table, int (*visit)(void *arg, const char *key, const void *value, size_t len), void *arg);

/* ---- SMD: devices, targets, pools --------------------------------------------------------------------------------------- */
struct smd_dev {
	uuid_t uuid;
	char path[256];
	uint32_t state;     /* enum bio_dev_state */
	uint32_t roles;     /* bits of 1 << enum bio_blob_kind */
	uint32_t tgts[64];  /* targets it serves */
	uint32_t tgt_nr;
};
int smd_dev_put(struct sysdb *db, const struct smd_dev *dev); /* adds or replaces */
int smd_dev_get(struct sysdb *db, const uuid_t uuid, struct smd_dev *dev); /* -DER_NONEXIST */
int smd_dev_list(struct sysdb *db, struct arena *arena, struct smd_dev **devs, uint32_t *nr);
/** Device of a target for one kind of blob. */
int smd_dev_of_tgt(struct sysdb *db, uint32_t tgt, uint32_t kind, struct smd_dev *dev);

struct smd_pool {
	uuid_t uuid;
	char label[128];
	uint32_t tgt_nr;                         /* shards 0..tgt_nr-1 of this engine */
	uint64_t meta_size, wal_size, data_size; /* bytes a shard */
	uint32_t state;                          /* SMD_POOL_* */
	bool ram;
};
/* READY: its shards are there; SERVED: its service was made too, so that a missing one is damage. */
enum { SMD_POOL_CREATING = 1, SMD_POOL_READY = 2, SMD_POOL_DESTROYING = 3, SMD_POOL_SERVED = 4 };
int smd_pool_put(struct sysdb *db, const struct smd_pool *pool);
int smd_pool_get(struct sysdb *db, const uuid_t uuid, struct smd_pool *pool); /* -DER_NONEXIST */
int smd_pool_del(struct sysdb *db, const uuid_t uuid);                        /* -DER_NONEXIST */
int smd_pool_list(struct sysdb *db, struct arena *arena, struct smd_pool **pools, uint32_t *nr);

#endif
