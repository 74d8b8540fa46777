/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vos_db: one object of one container of a small pool; table = dkey, key = akey, value = single value behind one byte
 * that marks it as there (an empty value is a value). All writes have one epoch: an upsert replaces what stands there,
 * so that a value that changes every second takes no more space than one that never does. A delete punches the value;
 * the key's record stays for the next upsert.
 *
 *	sysdb I1  What a call that returned 0 wrote is durable; what is shown is durable, "not there" too.
 *	sysdb I2  A first start that a crash cut off is begun again: pool and container are made when they are not
 *	          there, or were not made to the end.
 *
 * Everything but the struct may yield.
 */
#include "sysdb/sysdb.h"

#include "bio/bio.h"
#include "vos/vos.h"

#define SIZE_DEFAULT (128 * MIB)
#define WAL_SHARE 8 /* of the size */
#define EPOCH 1
#define LIST_MAX 64
#define LIST_BUF (16 * KIB)
#define NAME_MAX_LEN 255

static const uuid_t pool_uuid = {'d', 'a', 'o', 's', '_', 's', 0x40, 's', 0x80, '/', 's', 'y', 's', '_', 'd', 'b'};
static const uuid_t cont_uuid = {'s', 'y', 's', '_', 'd', 'b', 0x40, 0, 0x80, 0, 0, 0, 0, 0, 0, 1};

struct sysdb {
	struct env *env;
	struct vos_pool *pool;
	struct vos_cont *cont;
	struct ult_mutex writing;
};

static daos_obj_id_t
object(void)
{
	return (daos_obj_id_t){.lo = 1, .hi = 1ULL << OID_FMT_CLASS_SHIFT | 1ULL << OID_FMT_META_SHIFT};
}

/* ---- life -------------------------------------------------------------------------------------------------------- */
static int
open_pool(const struct sysdb_config *config, struct sysdb *db)
{
	uint64_t size = config->size != 0 ? config->size : SIZE_DEFAULT;
	struct vos_pool_config pool = {
		.meta_size = size - size / WAL_SHARE, .wal_size = size / WAL_SHARE, .ram = config->ram};
	int rc;

	memcpy(pool.uuid, pool_uuid, sizeof(uuid_t));
	rc = vos_pool_open(config->vos, pool_uuid, &db->pool);
	if (rc == -DER_UNINIT && !config->must_exist) {
		rc = vos_pool_destroy(config->vos, pool_uuid);
		if (rc == 0)
			rc = -DER_NONEXIST;
	}
	if (rc == -DER_NONEXIST && config->must_exist) {
		log_error(config->env->log, "the engine's own database is missing, though there are pools");
		return -DER_DF_INVAL;
	}
	if (rc != -DER_NONEXIST)
		return rc;
	rc = vos_pool_create(config->vos, &pool);
	return rc != 0 ? rc : vos_pool_open(config->vos, pool_uuid, &db->pool);
}

static int
open_cont(struct sysdb *db)
{
	uint64_t lsn;
	int rc;

	rc = vos_cont_open(db->pool, cont_uuid, &db->cont);
	if (rc != -DER_NONEXIST)
		return rc;
	rc = vos_cont_create(db->pool, cont_uuid, &lsn);
	if (rc == 0)
		rc = vos_wait(db->pool, lsn);
	return rc != 0 ? rc : vos_cont_open(db->pool, cont_uuid, &db->cont);
}

int
sysdb_open(const struct sysdb_config *config, struct sysdb **result)
{
	struct sysdb *db = MEM_NEW(config->env->mem, struct sysdb);
	int rc;

	if (db == NULL)
		return -DER_NOMEM;
	db->env = config->env;
	ult_mutex_init(&db->writing);
	rc = open_pool(config, db);
	if (rc == 0)
		rc = open_cont(db);
	if (rc != 0) {
		log_error(db->env->log, "the engine's own database does not open: " RCF, RCP(rc));
		sysdb_close(db);
		return rc;
	}
	*result = db;
	return 0;
}

void
sysdb_close(struct sysdb *db)
{
	if (db->cont != NULL)
		vos_cont_close(db->cont);
	if (db->pool != NULL)
		vos_pool_close(db->pool);
	mem_free(db->env->mem, db);
}

struct mem *
sysdb_mem(const struct sysdb *db)
{
	return db->env->mem;
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */
static int
name_ok(const char *name)
{
	return name != NULL && name[0] != '\0' && strlen(name) <= NAME_MAX_LEN ? 0 : -DER_INVAL;
}

/* Replaces the value of a key by size bytes, durably; 0: punches it. */
static int
replace(struct sysdb *db, const char *table, const char *name, const void *value, size_t size)
{
	daos_key_t dkey;
	struct vos_key key = {.cont = db->cont, .oid = object(), .dkey = &dkey};
	daos_iod_t iod = {.iod_type = DAOS_IOD_SINGLE, .iod_size = size, .iod_nr = 1};
	struct vos_apply apply = {.cont = db->cont, .epoch = EPOCH, .mode = VOS_COMMIT};
	struct bio_piece *pieces;
	struct vos_op *op;
	size_t done = 0;
	int rc, nr = 0;

	d_iov_set(&dkey, (void *)table, strlen(table));
	d_iov_set(&iod.iod_name, (void *)name, strlen(name));
	rc = vos_update_begin(&key, VOS_RECLAIM, 1, &iod, NULL, &op);
	if (rc != 0)
		return rc;
	pieces = size > 0 ? bio_desc_pieces(vos_op_desc(op), 0, &nr) : NULL;
	for (int p = 0; p < nr; p++)
		for (uint64_t i = 0; i < pieces[p].len; i++, done++)
			pieces[p].buf[i] = done == 0 ? 1 : ((const char *)value)[done - 1];
	rc = vos_apply(&apply, &op, 1);
	return rc == 0 ? vos_wait(db->pool, apply.lsn) : rc;
}

int
sysdb_upsert(struct sysdb *db, const char *table, const char *name, const void *value, size_t len)
{
	int rc;

	if (name_ok(table) != 0 || name_ok(name) != 0 || len == SIZE_MAX)
		return -DER_INVAL;
	ult_mutex_lock(&db->writing);
	rc = replace(db, table, name, value, len + 1);
	ult_mutex_unlock(&db->writing);
	return rc;
}

int
sysdb_delete(struct sysdb *db, const char *table, const char *name)
{
	struct arena arena;
	void *value;
	size_t len;
	int rc;

	if (name_ok(table) != 0 || name_ok(name) != 0)
		return -DER_INVAL;
	arena_init(&arena, db->env->mem);
	ult_mutex_lock(&db->writing);
	rc = sysdb_fetch(db, table, name, &arena, &value, &len);
	if (rc == 0)
		rc = replace(db, table, name, NULL, 0);
	ult_mutex_unlock(&db->writing);
	arena_fini(&arena);
	return rc;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */
int
sysdb_fetch(struct sysdb *db, const char *table, const char *name, struct arena *arena, void **value, size_t *len)
{
	daos_key_t dkey;
	struct vos_key key = {.cont = db->cont, .oid = object(), .dkey = &dkey};
	struct vos_when when = {.epoch = DAOS_EPOCH_MAX, .bound = DAOS_EPOCH_MAX};
	daos_iod_t iod = {.iod_type = DAOS_IOD_SINGLE, .iod_size = DAOS_REC_ANY, .iod_nr = 1};
	struct bio_piece *pieces;
	struct vos_read *read;
	char *copy, *to;
	int rc, nr;

	if (name_ok(table) != 0 || name_ok(name) != 0)
		return -DER_INVAL;
	d_iov_set(&dkey, (void *)table, strlen(table));
	d_iov_set(&iod.iod_name, (void *)name, strlen(name));
	rc = vos_fetch_begin(&key, &when, VOS_NO_TIMESTAMP, 1, &iod, &read);
	if (rc != 0)
		return rc;
	if (iod.iod_size == 0) {
		vos_fetch_end(read);
		rc = vos_wait(db->pool, when.lsn);
		return rc != 0 ? rc : -DER_NONEXIST;
	}
	rc = vos_read_prepare(read);
	copy = to = rc == 0 ? arena_alloc(arena, iod.iod_size) : NULL;
	if (rc == 0 && copy == NULL)
		rc = -DER_NOMEM;
	if (rc == 0) {
		pieces = bio_desc_pieces(vos_read_desc(read), 0, &nr);
		for (int p = 0; p < nr; p++) {
			memcpy(to, pieces[p].buf, pieces[p].len);
			to += pieces[p].len;
		}
		*value = copy + 1;
		*len = iod.iod_size - 1;
		rc = vos_wait(db->pool, vos_read_lsn(read));
	}
	vos_fetch_end(read);
	return rc;
}

static int
visit_batch(struct sysdb *db, const char *table, const struct vos_list *list,
	    int (*visit)(void *arg, const char *key, const void *value, size_t len), void *arg)
{
	char name[NAME_MAX_LEN + 1];
	struct arena arena;
	void *value;
	size_t len;
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < list->nr; i++) {
		if (list->entries[i].key_len > NAME_MAX_LEN)
			return -DER_DF_INVAL;
		memcpy(name, list->buf + list->entries[i].key_off, list->entries[i].key_len);
		name[list->entries[i].key_len] = '\0';
		arena_init(&arena, db->env->mem);
		rc = sysdb_fetch(db, table, name, &arena, &value, &len);
		if (rc == 0)
			rc = visit(arg, name, value, len);
		else if (rc == -DER_NONEXIST) /* gone meanwhile */
			rc = 0;
		arena_fini(&arena);
	}
	return rc;
}

int
sysdb_traverse(struct sysdb *db, const char *table,
	       int (*visit)(void *arg, const char *key, const void *value, size_t len), void *arg)
{
	struct mem *mem = db->env->mem;
	daos_key_t dkey;
	struct vos_key key = {.cont = db->cont, .oid = object(), .dkey = &dkey};
	struct vos_when when = {.epoch = DAOS_EPOCH_MAX, .bound = DAOS_EPOCH_MAX};
	daos_anchor_t anchor = DAOS_ANCHOR_INIT;
	struct vos_list list = {.kind = VOS_LIST_AKEY, .anchor = &anchor, .buf_size = LIST_BUF, .max = LIST_MAX};
	int rc = 0;

	if (name_ok(table) != 0)
		return -DER_INVAL;
	d_iov_set(&dkey, (void *)table, strlen(table));
	list.buf = mem_alloc(mem, LIST_BUF);
	list.entries = MEM_NEW_ARRAY(mem, struct vos_entry, LIST_MAX);
	if (list.buf == NULL || list.entries == NULL)
		rc = -DER_NOMEM;
	while (rc == 0 && anchor.da_type != DAOS_ANCHOR_TYPE_EOF) {
		rc = vos_list(&key, &when, VOS_NO_TIMESTAMP, &list);
		if (rc == -DER_NONEXIST) {
			rc = 0;
			break;
		}
		if (rc == 0)
			rc = visit_batch(db, table, &list, visit, arg);
	}
	mem_free(mem, list.buf);
	mem_free(mem, list.entries);
	return rc;
}
