/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a replica keeps, in a vos pool of its own with one container:
 *
 *   object 1  META  dkey "m": akey "vote" {u64 term, u64 voted for}, "snap" {u64 index, term, configuration index, bytes configuration},
 *                   "done" {u64 applied index, u64 next key-value store}
 *   object 2  LOG   (integer dkeys) dkey = index: akey "e": {u64 term, u16 type, bytes}
 *   object 3  GARBAGE (integer dkeys) dkey = number of a destroyed store whose keys are not freed yet: akey "g": {u8 0}
 *   object 16 + n   key-value store n, lexical dkeys: akey "v": {u8 kind, ...}: 0: the value; 1: u64 number of a nested store
 *
 *	rdb I1  The changes of an entry and its index in "done" are one vos transaction: an entry is applied once.
 *	rdb I2  The log is durable before libraft is told so; "done" may lag behind after a crash, then entries are applied again from the log.
 *	rdb I4  One version a key, none of a key that is deleted: readers read the present only, so each write frees what it replaces
 *	        (VOS_FORGET), a destroyed store is freed behind the transaction that destroyed it, and what snapshots cover leaves the log.
 *	        The space in use goes with the keys that are there, never with the number of transactions.
 *
 * A crash between a store's destruction and its freeing leaves its number in GARBAGE; opening goes on with it. Everything may yield.
 */
#include "internal.h"

#include <stdio.h>
#include "bio/bio.h"
#include "pure/hlc/hlc.h"

#define OBJECT_META 1
#define OBJECT_LOG 2
#define OBJECT_GARBAGE 3
#define OBJECT_KVS 16
#define KVS_ROOT 0
#define SIZE_DEFAULT (64 * MIB)
#define WAL_SIZE (16 * MIB)
#define TRANSACTION_MAX (WAL_SIZE / 16 - 32 * KIB) /* bytes that one vos transaction changes; the rest is for what goes with them */
#define ENTRY_BYTES 2048  /* of those, what an entry of the log takes beside its own */
#define UPDATE_BYTES 1024 /* and an update beside its key and value: tree nodes, what it replaces (some 360 were seen) */
#define DELETE_BYTES 512  /* and a deletion: tree nodes, room that is freed (some 230 were seen) */
#define LIST_BUF (32 * KIB)
#define LIST_MAX 256
#define APPLY_MAX 64U /* changes in one vos transaction beyond the index */

static const uuid_t cont_uuid = {0x72, 0x64, 0x62, 0, 0, 0, 0x40, 0, 0x80, 0, 0, 0, 0, 0, 0, 1};

static daos_obj_id_t
object_id_of(uint64_t number, uint8_t type)
{
	return (daos_obj_id_t){.lo = number, .hi = (uint64_t)type << OID_FMT_TYPE_SHIFT | 1ULL << OID_FMT_CLASS_SHIFT | 1ULL << OID_FMT_META_SHIFT};
}

static daos_obj_id_t
kvs_object(uint64_t kvs)
{
	return object_id_of(OBJECT_KVS + kvs, DAOS_OT_DKEY_LEXICAL);
}

/* ---- life -------------------------------------------------------------------------------------------------------------------- */
int
rdb__store_create(const struct rdb_config *config)
{
	struct vos_pool_config pool = {.meta_size = config->size != 0 ? config->size : SIZE_DEFAULT, .wal_size = WAL_SIZE, .ram = config->ram};
	struct vos_pool *vos;
	uint64_t lsn;
	int rc;

	memcpy(pool.uuid, config->uuid, sizeof(uuid_t));
	rc = vos_pool_create(config->vos, &pool);
	if (rc != 0)
		return rc;
	rc = vos_pool_open(config->vos, config->uuid, &vos);
	if (rc == 0) {
		rc = vos_cont_create(vos, cont_uuid, &lsn);
		if (rc == 0)
			rc = vos_wait(vos, lsn);
		vos_pool_close(vos);
	}
	if (rc != 0)
		(void)vos_pool_destroy(config->vos, config->uuid);
	return rc;
}

int
rdb__store_destroy(const struct rdb_config *config)
{
	return vos_pool_destroy(config->vos, config->uuid);
}

static void collect(struct rdb_store *store);
static int meta_get(struct rdb_store *store, const char *name, struct arena *arena, void **data, size_t *len);

int
rdb__store_open(const struct rdb_config *config, struct rdb_store *store)
{
	struct unpacker in;
	struct arena arena;
	void *data;
	size_t len;
	int rc;

	*store = (struct rdb_store){.env = config->env, .vos = config->vos, .clock = config->clock, .reserve = config->reserve,
				    .reserve_arg = config->reserve_arg, .next_kvs = KVS_ROOT + 1};
	rc = vos_pool_open(config->vos, config->uuid, &store->pool);
	if (rc != 0)
		return rc;
	rc = vos_cont_open(store->pool, cont_uuid, &store->cont);
	if (rc != 0) {
		vos_pool_close(store->pool);
		return rc;
	}
	arena_init(&arena, store->env->mem);
	rc = meta_get(store, "done", &arena, &data, &len);
	if (rc == 0) {
		unpacker_init(&in, data, len);
		store->applied = unpack_u64(&in);
		store->next_kvs = unpack_u64(&in);
		rc = unpacker_rc(&in) != 0 ? -DER_DF_INVAL : 0;
	} else if (rc == -DER_NONEXIST) {
		rc = 0;
	}
	arena_fini(&arena);
	if (rc != 0)
		rdb__store_close(store);
	else
		collect(store);
	return rc;
}

void
rdb__store_close(struct rdb_store *store)
{
	vos_cont_close(store->cont);
	vos_pool_close(store->pool);
}

/* ---- single values in vos ------------------------------------------------------------------------------------------------------ */
static uint64_t
next_epoch(void *arg)
{
	struct rdb_store *store = arg;
	uint64_t stamp;

	return hlc_clock_now(store->clock, hlc_clock_wall(store->clock, env_wall(store->env), env_mono(store->env)), &stamp) == 0 ? stamp : 0;
}

static int
more_epochs(void *arg)
{
	struct rdb_store *store = arg;

	return store->reserve != NULL ? store->reserve(store->reserve_arg) : -DER_OVERLOAD_RETRY;
}

static int
begin_put(struct rdb_store *store, daos_obj_id_t oid, daos_key_t *dkey, const char *akey, const void *data, size_t len, struct vos_op **op)
{
	struct vos_key key = {.cont = store->cont, .oid = oid, .dkey = dkey};
	daos_iod_t iod = {.iod_type = DAOS_IOD_SINGLE, .iod_size = len, .iod_nr = 1};
	struct bio_piece *pieces;
	const char *from = data;
	int rc, nr;

	d_iov_set(&iod.iod_name, (void *)akey, strlen(akey));
	rc = vos_update_begin(&key, VOS_RECLAIM | VOS_FORGET, 1, &iod, NULL, op);
	if (rc != 0)
		return rc;
	pieces = bio_desc_pieces(vos_op_desc(*op), 0, &nr);
	for (int p = 0; p < nr; p++) {
		memcpy(pieces[p].buf, from, pieces[p].len);
		from += pieces[p].len;
	}
	return 0;
}

/* Applies ops, all or none; durable when wait. The ops are gone afterwards. */
static int
apply_ops(struct rdb_store *store, struct vos_op **ops, uint32_t nr, bool wait)
{
	struct vos_apply apply = {.cont = store->cont, .next_epoch = next_epoch, .more_epochs = more_epochs, .next_epoch_arg = store,
				  .mode = VOS_COMMIT};
	int rc;

	rc = vos_apply(&apply, ops, nr);
	if (rc == 0 && wait)
		rc = vos_wait(store->pool, apply.lsn);
	return rc;
}

static int
get(struct rdb_store *store, daos_obj_id_t oid, daos_key_t *dkey, const char *akey, struct arena *arena, void **data, size_t *len)
{
	struct vos_key key = {.cont = store->cont, .oid = oid, .dkey = dkey};
	struct vos_when when = {.epoch = DAOS_EPOCH_MAX, .bound = DAOS_EPOCH_MAX};
	daos_iod_t iod = {.iod_type = DAOS_IOD_SINGLE, .iod_size = DAOS_REC_ANY, .iod_nr = 1};
	struct bio_piece *pieces;
	struct vos_read *read;
	char *to;
	int rc, nr;

	d_iov_set(&iod.iod_name, (void *)akey, strlen(akey));
	rc = vos_fetch_begin(&key, &when, VOS_NO_TIMESTAMP, 1, &iod, &read);
	if (rc != 0)
		return rc;
	if (iod.iod_size == 0) {
		vos_fetch_end(read);
		return -DER_NONEXIST;
	}
	rc = vos_read_prepare(read);
	*data = to = rc == 0 ? arena_alloc(arena, iod.iod_size) : NULL;
	if (rc == 0 && to == NULL)
		rc = -DER_NOMEM;
	if (rc == 0) {
		pieces = bio_desc_pieces(vos_read_desc(read), 0, &nr);
		for (int p = 0; p < nr; p++) {
			memcpy(to, pieces[p].buf, pieces[p].len);
			to += pieces[p].len;
		}
		*len = iod.iod_size;
	}
	vos_fetch_end(read);
	return rc;
}

static int
meta_get(struct rdb_store *store, const char *name, struct arena *arena, void **data, size_t *len)
{
	daos_key_t dkey;

	d_iov_set(&dkey, (void *)"m", 1);
	return get(store, object_id_of(OBJECT_META, DAOS_OT_MULTI_HASHED), &dkey, name, arena, data, len);
}

static int
begin_meta(struct rdb_store *store, const char *name, const struct packer *packer, struct vos_op **op)
{
	daos_key_t dkey;

	d_iov_set(&dkey, (void *)"m", 1);
	return begin_put(store, object_id_of(OBJECT_META, DAOS_OT_MULTI_HASHED), &dkey, name, packer->buf, packer_len(packer), op);
}

/* ---- vote and snapshot ------------------------------------------------------------------------------------------------------------ */
int
rdb__vote_get(struct rdb_store *store, struct rdb_vote *vote)
{
	struct unpacker in;
	struct arena arena;
	void *data;
	size_t len;
	int rc;

	arena_init(&arena, store->env->mem);
	rc = meta_get(store, "vote", &arena, &data, &len);
	if (rc == 0) {
		unpacker_init(&in, data, len);
		vote->term = unpack_u64(&in);
		vote->voted_for = unpack_u64(&in);
		rc = unpacker_rc(&in) != 0 ? -DER_DF_INVAL : 0;
	}
	arena_fini(&arena);
	return rc;
}

int
rdb__vote_put(struct rdb_store *store, const struct rdb_vote *vote)
{
	struct packer packer;
	struct vos_op *op;
	uint8_t buf[16];
	int rc;

	packer_init(&packer, buf, sizeof(buf));
	pack_u64(&packer, vote->term);
	pack_u64(&packer, vote->voted_for);
	rc = begin_meta(store, "vote", &packer, &op);
	return rc != 0 ? rc : apply_ops(store, &op, 1, true);
}

int
rdb__snap_get(struct rdb_store *store, struct arena *arena, struct rdb_snap *snap)
{
	struct unpacker in;
	void *data;
	size_t len;
	int rc;

	rc = meta_get(store, "snap", arena, &data, &len);
	if (rc != 0)
		return rc;
	unpacker_init(&in, data, len);
	snap->index = unpack_u64(&in);
	snap->term = unpack_u64(&in);
	snap->conf_index = unpack_u64(&in);
	snap->conf = unpack_bytes(&in, &snap->conf_len);
	return unpacker_rc(&in) != 0 ? -DER_DF_INVAL : 0;
}

int
rdb__snap_put(struct rdb_store *store, const struct rdb_snap *snap)
{
	struct packer packer;
	struct vos_op *op;
	int rc;

	packer_init_grow(&packer, store->env->mem);
	pack_u64(&packer, snap->index);
	pack_u64(&packer, snap->term);
	pack_u64(&packer, snap->conf_index);
	pack_bytes(&packer, snap->conf, snap->conf_len);
	rc = packer_rc(&packer);
	if (rc == 0)
		rc = begin_meta(store, "snap", &packer, &op);
	if (rc == 0)
		rc = apply_ops(store, &op, 1, true);
	packer_fini(&packer);
	return rc;
}

/* ---- log ------------------------------------------------------------------------------------------------------------------------------ */
static int
begin_entry(struct rdb_store *store, uint64_t index, const struct rdb_entry *entry, struct vos_op **op)
{
	struct packer packer;
	daos_key_t dkey;
	int rc;

	d_iov_set(&dkey, &index, sizeof(index));
	packer_init_grow(&packer, store->env->mem);
	pack_u64(&packer, entry->term);
	pack_u16(&packer, entry->type);
	pack_bytes(&packer, entry->data, entry->len);
	rc = packer_rc(&packer);
	if (rc == 0)
		rc = begin_put(store, object_id_of(OBJECT_LOG, DAOS_OT_DKEY_UINT64), &dkey, "e", packer.buf, packer_len(&packer), op);
	packer_fini(&packer);
	return rc;
}

/* How many entries go into one vos transaction: as many as the log of the pool takes, one at least. */
static uint32_t
fitting(const struct rdb_entry *entries, uint32_t nr)
{
	uint64_t bytes = ENTRY_BYTES + entries[0].len;
	uint32_t fit = 1;

	while (fit < nr && (bytes += ENTRY_BYTES + entries[fit].len) <= TRANSACTION_MAX)
		fit++;
	return fit;
}

static int
append_some(struct rdb_store *store, struct vos_op **ops, uint64_t first, const struct rdb_entry *entries, uint32_t nr)
{
	uint32_t begun = 0;
	int rc = 0;

	while (rc == 0 && begun < nr) {
		rc = begin_entry(store, first + begun, &entries[begun], &ops[begun]);
		begun += rc == 0;
	}
	if (rc == 0)
		return apply_ops(store, ops, nr, true);
	while (begun > 0)
		vos_op_cancel(ops[--begun]);
	return rc;
}

int
rdb__log_append(struct rdb_store *store, uint64_t first, const struct rdb_entry *entries, uint32_t nr)
{
	struct vos_op **ops = MEM_NEW_ARRAY(store->env->mem, struct vos_op *, nr);
	int rc = ops != NULL ? 0 : -DER_NOMEM;

	/* A death between two of them leaves the first entries, which nobody was told of. */
	for (uint32_t at = 0, some; rc == 0 && at < nr; at += some) {
		some = fitting(entries + at, nr - at);
		rc = append_some(store, ops, first + at, entries + at, some);
	}
	mem_free(store->env->mem, ops);
	return rc;
}

int
rdb__log_delete(struct rdb_store *store, uint64_t first, uint64_t last)
{
	struct vos_op *ops[APPLY_MAX];
	uint32_t nr = 0;
	int rc = 0;

	for (uint64_t index = first; rc == 0 && index <= last; index++) {
		daos_key_t dkey;
		struct vos_key key = {.cont = store->cont, .oid = object_id_of(OBJECT_LOG, DAOS_OT_DKEY_UINT64), .dkey = &dkey};

		d_iov_set(&dkey, &index, sizeof(index));
		rc = vos_punch_begin(&key, VOS_FORGET, 0, NULL, &ops[nr]);
		nr += rc == 0;
		if (rc == 0 && (nr == APPLY_MAX || index == last)) {
			rc = apply_ops(store, ops, nr, index == last);
			nr = 0;
		}
	}
	while (rc != 0 && nr > 0)
		vos_op_cancel(ops[--nr]);
	return rc;
}

static int
integer_end(struct rdb_store *store, uint64_t object, uint64_t way, uint64_t *index)
{
	struct vos_key key = {.cont = store->cont, .oid = object_id_of(object, DAOS_OT_DKEY_UINT64)};
	struct vos_when when = {.epoch = DAOS_EPOCH_MAX, .bound = DAOS_EPOCH_MAX};
	uint64_t size, lsn;
	daos_recx_t recx;
	daos_key_t dkey, akey;

	d_iov_set(&dkey, index, sizeof(*index));
	d_iov_set(&akey, NULL, 0);
	return vos_query_key(&key, &when, way | DAOS_GET_DKEY, &dkey, &akey, &recx, &size, &lsn);
}

int
rdb__log_bounds(struct rdb_store *store, uint64_t *first, uint64_t *last)
{
	int rc = integer_end(store, OBJECT_LOG, DAOS_GET_MIN, first);

	return rc != 0 ? rc : integer_end(store, OBJECT_LOG, DAOS_GET_MAX, last);
}

int
rdb__log_get(struct rdb_store *store, uint64_t index, struct arena *arena, struct rdb_entry *entry)
{
	struct unpacker in;
	daos_key_t dkey;
	void *data;
	size_t len;
	int rc;

	d_iov_set(&dkey, &index, sizeof(index));
	rc = get(store, object_id_of(OBJECT_LOG, DAOS_OT_DKEY_UINT64), &dkey, "e", arena, &data, &len);
	if (rc != 0)
		return rc;
	unpacker_init(&in, data, len);
	entry->term = unpack_u64(&in);
	entry->type = unpack_u16(&in);
	entry->data = unpack_bytes(&in, &entry->len);
	return unpacker_rc(&in) != 0 ? -DER_DF_INVAL : 0;
}

/* ---- key-value stores ------------------------------------------------------------------------------------------------------------------- */
enum { VALUE_DATA = 0, VALUE_KVS = 1 };

static int
value_get(struct rdb_store *store, uint64_t kvs, const void *key, size_t key_len, struct arena *arena, uint8_t *kind, const void **value,
	  size_t *value_len)
{
	daos_key_t dkey;
	void *data;
	size_t len;
	int rc;

	d_iov_set(&dkey, (void *)key, key_len);
	rc = get(store, kvs_object(kvs), &dkey, "v", arena, &data, &len);
	if (rc != 0)
		return rc;
	*kind = *(uint8_t *)data;
	*value = (char *)data + 1;
	*value_len = len - 1;
	return *kind > VALUE_KVS || (*kind == VALUE_KVS && *value_len != 8) ? -DER_DF_INVAL : 0;
}

static uint64_t
kvs_of(const void *value)
{
	struct unpacker in;

	unpacker_init(&in, value, 8);
	return unpack_u64(&in);
}

int
rdb__kvs_get(struct rdb_store *store, uint64_t kvs, const void *key, size_t key_len, struct arena *arena, const void **value, size_t *value_len)
{
	uint8_t kind;
	int rc = value_get(store, kvs, key, key_len, arena, &kind, value, value_len);

	return rc == 0 && kind != VALUE_DATA ? -DER_NONEXIST : rc;
}

int
rdb__kvs_find(struct rdb_store *store, const struct rdb_path *path, uint64_t *kvs)
{
	const void *value;
	struct arena arena;
	size_t len;
	uint8_t kind;
	int rc = 0;

	*kvs = KVS_ROOT;
	arena_init(&arena, store->env->mem);
	for (uint32_t i = 0; rc == 0 && i < path->nr; i++) {
		rc = value_get(store, *kvs, path->key[i].data, path->key[i].len, &arena, &kind, &value, &len);
		if (rc == 0)
			rc = kind == VALUE_KVS ? 0 : -DER_NONEXIST;
		if (rc == 0)
			*kvs = kvs_of(value);
	}
	arena_fini(&arena);
	return rc;
}

/* Calls visit for the keys of one reply of vos. */
static int
visit_batch(struct rdb_store *store, uint64_t kvs, const struct vos_list *list, bool nested,
	    int (*visit)(void *arg, const void *key, size_t key_len, const void *value, size_t value_len), void *arg)
{
	struct arena arena;
	const void *value;
	size_t len;
	uint8_t kind;
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < list->nr; i++) {
		const char *key = list->buf + list->entries[i].key_off;

		arena_init(&arena, store->env->mem);
		rc = value_get(store, kvs, key, list->entries[i].key_len, &arena, &kind, &value, &len);
		if (rc == 0 && (kind == VALUE_KVS) == nested)
			rc = visit(arg, key, list->entries[i].key_len, value, len);
		else if (rc == -DER_NONEXIST)
			rc = 0; /* gone meanwhile */
		arena_fini(&arena);
	}
	return rc;
}

int
rdb__kvs_each(struct rdb_store *store, uint64_t kvs, bool nested,
	      int (*visit)(void *arg, const void *key, size_t key_len, const void *value, size_t value_len), void *arg)
{
	struct mem *mem = store->env->mem;
	struct vos_key key = {.cont = store->cont, .oid = kvs_object(kvs)};
	struct vos_when when = {.epoch = DAOS_EPOCH_MAX, .bound = DAOS_EPOCH_MAX};
	daos_anchor_t anchor = DAOS_ANCHOR_INIT;
	struct vos_list list = {.kind = VOS_LIST_DKEY, .anchor = &anchor, .buf_size = LIST_BUF, .max = LIST_MAX};
	int rc = 0;

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
			rc = visit_batch(store, kvs, &list, nested, visit, arg);
	}
	mem_free(mem, list.buf);
	mem_free(mem, list.entries);
	return rc;
}

/* ---- what destroyed stores leave ------------------------------------------------------------------------------------------------------- */
/* Frees the listed keys of a store; none: the store, and its entry. */
static int
free_keys(struct rdb_store *store, uint64_t kvs, const struct vos_list *list)
{
	struct vos_op *ops[APPLY_MAX + 2];
	daos_key_t dkey;
	struct vos_key key = {.cont = store->cont, .oid = kvs_object(kvs), .dkey = &dkey};
	uint32_t nr = 0;
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < list->nr; i++) {
		d_iov_set(&dkey, list->buf + list->entries[i].key_off, list->entries[i].key_len);
		rc = vos_punch_begin(&key, VOS_FORGET, 0, NULL, &ops[nr]);
		nr += rc == 0;
	}
	if (list->nr == 0) {
		key.dkey = NULL;
		rc = vos_punch_begin(&key, VOS_FORGET, 0, NULL, &ops[nr]);
		nr += rc == 0;
		key = (struct vos_key){.cont = store->cont, .oid = object_id_of(OBJECT_GARBAGE, DAOS_OT_DKEY_UINT64), .dkey = &dkey};
		d_iov_set(&dkey, &kvs, sizeof(kvs));
		if (rc == 0)
			rc = vos_punch_begin(&key, VOS_FORGET, 0, NULL, &ops[nr]);
		nr += rc == 0 && nr == 1;
	}
	if (rc == 0)
		return apply_ops(store, ops, nr, false);
	while (nr > 0)
		vos_op_cancel(ops[--nr]);
	return rc;
}

/* Each round frees at least one record, or ends the store. */
static int
free_kvs(struct rdb_store *store, uint64_t kvs)
{
	struct mem *mem = store->env->mem;
	struct vos_key key = {.cont = store->cont, .oid = kvs_object(kvs)};
	struct vos_entry entries[APPLY_MAX];
	char *buf = mem_alloc(mem, LIST_BUF);
	bool more = true;
	int rc = buf != NULL ? 0 : -DER_NOMEM;

	while (rc == 0 && more) {
		struct vos_when when = {.epoch = DAOS_EPOCH_MAX, .bound = DAOS_EPOCH_MAX};
		daos_anchor_t anchor = DAOS_ANCHOR_INIT;
		struct vos_list list = {.kind = VOS_LIST_DKEY, .anchor = &anchor, .buf = buf, .buf_size = LIST_BUF, .max = APPLY_MAX,
					.entries = entries};

		do {
			rc = vos_list(&key, &when, VOS_NO_TIMESTAMP | VOS_PUNCHED, &list);
		} while (rc == 0 && list.nr == 0 && anchor.da_type != DAOS_ANCHOR_TYPE_EOF);
		if (rc == -DER_NONEXIST)
			rc = 0;
		more = list.nr > 0;
		if (rc == 0)
			rc = free_keys(store, kvs, &list);
	}
	mem_free(mem, buf);
	return rc;
}

/* What cannot be freed now is tried again with the next transaction. */
static void
collect(struct rdb_store *store)
{
	uint64_t kvs = 0;
	int rc = 0;

	while (rc == 0 && (rc = integer_end(store, OBJECT_GARBAGE, DAOS_GET_MIN, &kvs)) == 0)
		rc = free_kvs(store, kvs);
	store->garbage = rc != -DER_NONEXIST;
}

/* ---- logged transactions ------------------------------------------------------------------------------------------------------------------ */
int
rdb__changes_pack(struct packer *packer, const struct rdb_change *changes, uint32_t nr)
{
	pack_count(packer, nr);
	for (uint32_t i = 0; i < nr; i++) {
		pack_u8(packer, (uint8_t)changes[i].kind);
		pack_count(packer, changes[i].path.nr);
		for (uint32_t k = 0; k < changes[i].path.nr; k++)
			pack_bytes(packer, changes[i].path.key[k].data, changes[i].path.key[k].len);
		pack_bytes(packer, changes[i].key, changes[i].key_len);
		pack_bytes(packer, changes[i].value, changes[i].value_len);
	}
	return packer_rc(packer);
}

int
rdb__changes_unpack(const void *data, size_t len, struct arena *arena, struct rdb_change **result, uint32_t *nr)
{
	struct rdb_change *changes;
	struct unpacker in;

	unpacker_init(&in, data, len);
	changes = unpack_array(&in, arena, 13, sizeof(*changes), nr);
	for (uint32_t i = 0; i < *nr && unpacker_rc(&in) == 0; i++) {
		changes[i].kind = unpack_u8(&in);
		changes[i].path.nr = unpack_count(&in, 4);
		if (changes[i].kind < RDB_CREATE_KVS || changes[i].kind > RDB_DELETE || changes[i].path.nr > ARRAY_SIZE(changes[i].path.key))
			return -DER_DF_INVAL;
		for (uint32_t k = 0; k < changes[i].path.nr; k++)
			changes[i].path.key[k].data = unpack_bytes(&in, &changes[i].path.key[k].len);
		changes[i].key = unpack_bytes(&in, &changes[i].key_len);
		changes[i].value = unpack_bytes(&in, &changes[i].value_len);
	}
	*result = changes;
	return unpacker_finish(&in) != 0 ? -DER_DF_INVAL : 0;
}

/* Stores that this transaction made, which vos does not show yet. */
struct made {
	const struct rdb_path *path;
	uint64_t kvs;
};

struct applying {
	struct rdb_store *store;
	struct arena arena;
	struct vos_op **ops;
	uint32_t op_nr, op_max;
	struct made made[16];
	uint32_t made_nr;
	uint64_t next_kvs;
	bool garbage; /* stores were destroyed */
};

static bool
path_equal(const struct rdb_path *a, const struct rdb_path *b)
{
	if (a->nr != b->nr)
		return false;
	for (uint32_t i = 0; i < a->nr; i++)
		if (a->key[i].len != b->key[i].len || memcmp(a->key[i].data, b->key[i].data, a->key[i].len) != 0)
			return false;
	return true;
}

static int
find_kvs(struct applying *applying, const struct rdb_path *path, uint64_t *kvs)
{
	for (uint32_t i = 0; i < applying->made_nr; i++)
		if (path_equal(applying->made[i].path, path)) {
			*kvs = applying->made[i].kvs;
			return 0;
		}
	return rdb__kvs_find(applying->store, path, kvs);
}

static struct vos_op **
next_op(struct applying *applying)
{
	struct vos_op **more;

	if (applying->op_nr == applying->op_max) {
		more = mem_grow(applying->store->env->mem, applying->ops, applying->op_nr, applying->op_max * 2 + 16, sizeof(*more));
		if (more == NULL)
			return NULL;
		applying->ops = more;
		applying->op_max = applying->op_max * 2 + 16;
	}
	return &applying->ops[applying->op_nr];
}

static int
put_value(struct applying *applying, uint64_t kvs, const void *key, size_t key_len, uint8_t kind, const void *value, size_t len)
{
	uint8_t *buf = arena_alloc(&applying->arena, len + 1);
	struct vos_op **op = next_op(applying);
	daos_key_t dkey;
	int rc;

	if (buf == NULL || op == NULL)
		return -DER_NOMEM;
	buf[0] = kind;
	memcpy(buf + 1, value, len);
	d_iov_set(&dkey, (void *)key, key_len);
	rc = begin_put(applying->store, kvs_object(kvs), &dkey, "v", buf, len + 1, op);
	applying->op_nr += rc == 0;
	return rc;
}

static int
punch_key(struct applying *applying, uint64_t kvs, const void *key, size_t key_len)
{
	struct vos_op **op = next_op(applying);
	daos_key_t dkey;
	struct vos_key where = {.cont = applying->store->cont, .oid = kvs_object(kvs), .dkey = &dkey};
	int rc;

	if (op == NULL)
		return -DER_NOMEM;
	d_iov_set(&dkey, (void *)key, key_len);
	rc = vos_punch_begin(&where, VOS_FORGET, 0, NULL, op);
	applying->op_nr += rc == 0;
	return rc;
}

/* The store is out of reach; its keys are freed behind the transaction, however many they are. */
static int
put_garbage(struct applying *applying, uint64_t kvs)
{
	struct vos_op **op = next_op(applying);
	daos_key_t dkey;
	uint8_t zero = 0;
	int rc;

	if (op == NULL)
		return -DER_NOMEM;
	d_iov_set(&dkey, &kvs, sizeof(kvs));
	rc = begin_put(applying->store, object_id_of(OBJECT_GARBAGE, DAOS_OT_DKEY_UINT64), &dkey, "g", &zero, 1, op);
	applying->garbage = true;
	applying->op_nr += rc == 0;
	return rc;
}

static int destroy_below(void *arg, const void *key, size_t key_len, const void *value, size_t value_len);

static int
destroy_kvs(struct applying *applying, uint64_t kvs)
{
	int rc = rdb__kvs_each(applying->store, kvs, true, destroy_below, applying);

	return rc != 0 ? rc : put_garbage(applying, kvs);
}

static int
destroy_below(void *arg, const void *key, size_t key_len, const void *value, size_t value_len)
{
	return destroy_kvs(arg, kvs_of(value));
}

/* The store that holds the last key of a path. */
static int
find_parent(struct applying *applying, const struct rdb_path *path, uint64_t *kvs)
{
	struct rdb_path parent = *path;

	if (path->nr == 0)
		return -DER_INVAL;
	parent.nr--;
	return find_kvs(applying, &parent, kvs);
}

static int
apply_change(struct applying *applying, const struct rdb_change *change)
{
	const struct rdb_key *last = change->path.nr > 0 ? &change->path.key[change->path.nr - 1] : NULL;
	struct packer packer;
	uint8_t number[8];
	uint64_t kvs, parent;
	int rc;

	switch (change->kind) {
	case RDB_CREATE_KVS:
		if (find_kvs(applying, &change->path, &kvs) == 0)
			return 0;
		rc = find_parent(applying, &change->path, &parent);
		if (rc != 0)
			return rc;
		if (applying->made_nr == ARRAY_SIZE(applying->made))
			return -DER_OVERFLOW;
		kvs = applying->next_kvs++;
		applying->made[applying->made_nr++] = (struct made){.path = &change->path, .kvs = kvs};
		packer_init(&packer, number, sizeof(number));
		pack_u64(&packer, kvs);
		return put_value(applying, parent, last->data, last->len, VALUE_KVS, number, sizeof(number));
	case RDB_DESTROY_KVS:
		rc = find_kvs(applying, &change->path, &kvs);
		if (rc == 0)
			rc = find_parent(applying, &change->path, &parent);
		if (rc == -DER_NONEXIST)
			return 0;
		if (rc == 0)
			rc = destroy_kvs(applying, kvs);
		return rc != 0 ? rc : punch_key(applying, parent, last->data, last->len);
	default:
		rc = find_kvs(applying, &change->path, &kvs);
		if (rc != 0)
			return rc;
		if (change->kind == RDB_DELETE)
			return punch_key(applying, kvs, change->key, change->key_len);
		return put_value(applying, kvs, change->key, change->key_len, VALUE_DATA, change->value, change->value_len);
	}
}

static int
put_done(struct applying *applying, uint64_t index)
{
	struct vos_op **op = next_op(applying);
	struct packer packer;
	uint8_t buf[16];
	int rc;

	if (op == NULL)
		return -DER_NOMEM;
	packer_init(&packer, buf, sizeof(buf));
	pack_u64(&packer, index);
	pack_u64(&packer, applying->next_kvs);
	rc = begin_meta(applying->store, "done", &packer, op);
	applying->op_nr += rc == 0;
	return rc;
}

static void
drop_ops(struct applying *applying)
{
	while (applying->op_nr > 0)
		vos_op_cancel(applying->ops[--applying->op_nr]);
}

/* An entry that makes no sense is refused the same way on every replica: only its index is noted. */
static bool
is_refusal(int rc)
{
	return rc == -DER_NONEXIST || rc == -DER_INVAL || rc == -DER_OVERFLOW || rc == -DER_KEY2BIG || rc == -DER_REC2BIG;
}

int
rdb__apply(struct rdb_store *store, uint64_t index, const void *data, size_t len, int *answer)
{
	struct applying applying = {.store = store, .next_kvs = store->next_kvs};
	struct rdb_change *changes;
	uint32_t nr;
	int rc;

	*answer = 0;
	if (index <= store->applied)
		return 0;
	arena_init(&applying.arena, store->env->mem);
	rc = rdb__changes_unpack(data, len, &applying.arena, &changes, &nr);
	for (uint32_t i = 0; rc == 0 && i < nr; i++)
		rc = apply_change(&applying, &changes[i]);
	if (is_refusal(rc)) {
		*answer = rc;
		drop_ops(&applying);
		applying.next_kvs = store->next_kvs;
		rc = 0;
	}
	if (rc == 0)
		rc = put_done(&applying, index);
	if (rc == 0)
		rc = apply_ops(store, applying.ops, applying.op_nr, false);
	else
		drop_ops(&applying);
	if (rc == 0) {
		store->applied = index;
		store->next_kvs = applying.next_kvs;
		store->garbage |= applying.garbage;
	}
	if (rc == 0 && store->garbage)
		collect(store);
	mem_free(store->env->mem, applying.ops);
	arena_fini(&applying.arena);
	return rc;
}

/* ---- space ------------------------------------------------------------------------------------------------------------------------------ */
#define KEY_BYTES 256  /* of heap that a key takes beside itself and its value, its share of the tree included */
#define KVS_BYTES 1536 /* an empty store */

void
rdb__space(const struct rdb_store *store, struct rdb_space *space)
{
	struct vos_pool_info info;

	vos_pool_query(store->pool, &info);
	*space = (struct rdb_space){
		.total = info.meta_total, .left = info.meta_total - MIN(info.meta_total, info.meta_used), .empty = info.meta_empty};
}

uint64_t
rdb__need(const struct rdb_change *changes, uint32_t nr, size_t entry_len)
{
	uint64_t need = 4096 + entry_len + entry_len / 4; /* in the log, until a snapshot covers it */

	for (uint32_t i = 0; i < nr; i++)
		if (changes[i].kind == RDB_UPDATE || changes[i].kind == RDB_CREATE_KVS)
			need += KEY_BYTES + changes[i].key_len + changes[i].value_len + changes[i].value_len / 4 +
				(changes[i].kind == RDB_CREATE_KVS ? KVS_BYTES : 0);
	return need;
}

bool
rdb__too_large(const struct rdb_change *changes, uint32_t nr, size_t entry_len)
{
	uint64_t bytes = 0;

	if (ENTRY_BYTES + (uint64_t)entry_len > TRANSACTION_MAX)
		return true;
	for (uint32_t i = 0; i < nr; i++) /* no sum runs over: the entry holds them all */
		bytes += (changes[i].kind == RDB_DELETE ? DELETE_BYTES : changes[i].kind == RDB_UPDATE ? UPDATE_BYTES : KVS_BYTES) + changes[i].key_len +
			 changes[i].value_len;
	return bytes > TRANSACTION_MAX;
}

/* What one change adds to the keys that stand, or takes away. */
static int
growth_of(struct rdb_store *store, const struct rdb_change *change, int64_t *growth)
{
	int64_t size = (int64_t)(KEY_BYTES + change->key_len + change->value_len), old = 0;
	struct arena arena;
	const void *value;
	uint64_t kvs;
	uint8_t kind;
	size_t len;
	int rc = rdb__kvs_find(store, &change->path, &kvs);

	if (change->kind == RDB_CREATE_KVS || change->kind == RDB_DESTROY_KVS) {
		size = change->kind == RDB_CREATE_KVS ? KVS_BYTES : 0;
		old = rc == 0 ? KVS_BYTES : 0;
	} else if (rc == 0) {
		arena_init(&arena, store->env->mem);
		rc = value_get(store, kvs, change->key, change->key_len, &arena, &kind, &value, &len);
		arena_fini(&arena);
		old = rc == 0 ? (int64_t)(KEY_BYTES + change->key_len + len) : 0;
	}
	if (change->kind == RDB_DELETE)
		size = 0;
	*growth += size - old;
	return rc == -DER_NONEXIST ? 0 : rc;
}

int
rdb__growth(struct rdb_store *store, const struct rdb_change *changes, uint32_t nr, int64_t *growth)
{
	int rc = 0;

	*growth = 0;
	for (uint32_t i = 0; rc == 0 && i < nr; i++)
		if (!changes[i].aside)
			rc = growth_of(store, &changes[i], growth);
	return rc;
}
