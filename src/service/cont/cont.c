/* SPDX-License-Identifier: Apache-2.0 */
/* service/cont: records, the head of every operation, and the operations on an open container. Stream 0; all may yield. */
#include "internal.h"

#define SNAP_NAME_MAX 127U
#define SNAPS_A_REPLY 256U
/* Bytes of a record as it was before floors. */
#define RECORD_BEFORE_FLOOR 48U
#define OIDS_MAX (1ULL << 40)

/* ---- records ----------------------------------------------------------------------------------------------------------------- */
struct rdb_path
cont__path(const uuid_t cont, const char *store)
{
	struct rdb_path path = rdb_path_add(PATH_CONT, cont, sizeof(uuid_t));

	return store != NULL ? rdb_path_add(path, store, strlen(store)) : path;
}

int
cont__rec_put(struct rdb_tx *tx, const uuid_t cont, const struct cont_rec *rec)
{
	struct packer packer;
	uint8_t buf[64];

	packer_init(&packer, buf, sizeof(buf));
	pack_u64(&packer, rec->created);
	pack_u64(&packer, rec->opened);
	pack_u64(&packer, rec->modified);
	pack_u64(&packer, rec->next_oid);
	pack_u32(&packer, rec->snapshots);
	pack_u32(&packer, rec->handles);
	pack_u64(&packer, rec->last_snapshot);
	pack_u64(&packer, rec->floor);
	return rdb_tx_update(tx, PATH_CONTS, cont, sizeof(uuid_t), buf, packer_len(&packer));
}

static int
rec_parse(const void *value, size_t len, struct cont_rec *rec)
{
	struct unpacker in;

	unpacker_init(&in, value, len);
	rec->created = unpack_u64(&in);
	rec->opened = unpack_u64(&in);
	rec->modified = unpack_u64(&in);
	rec->next_oid = unpack_u64(&in);
	rec->snapshots = unpack_u32(&in);
	rec->handles = unpack_u32(&in);
	rec->last_snapshot = unpack_u64(&in);
	rec->floor = len > RECORD_BEFORE_FLOOR ? unpack_u64(&in) : rec->last_snapshot;
	return unpacker_rc(&in) != 0 ? -DER_DF_INVAL : 0;
}

int
cont__rec_get(struct rdb_tx *tx, const uuid_t cont, struct cont_rec *rec)
{
	struct arena arena;
	const void *value;
	size_t len;
	int rc;

	arena_init(&arena, rdb_tx_mem(tx));
	rc = rdb_lookup(tx, PATH_CONTS, cont, sizeof(uuid_t), &arena, &value, &len);
	if (rc == 0)
		rc = rec_parse(value, len, rec);
	arena_fini(&arena);
	return rc;
}

int
cont__chdl_get(struct rdb_tx *tx, struct mem *mem, const uuid_t handle, struct chdl_rec *rec)
{
	struct unpacker in;
	struct arena arena;
	const void *value;
	size_t len;
	int rc;

	arena_init(&arena, mem);
	rc = rdb_lookup(tx, PATH_CHDL, handle, sizeof(uuid_t), &arena, &value, &len);
	if (rc == 0) {
		unpacker_init(&in, value, len);
		unpack_uuid(&in, rec->cont);
		unpack_uuid(&in, rec->pool_handle);
		rec->flags = unpack_u64(&in);
		rec->rights = unpack_u64(&in);
		rc = unpacker_rc(&in) != 0 ? -DER_DF_INVAL : 0;
	}
	arena_fini(&arena);
	return rc == -DER_NONEXIST ? -DER_NO_HDL : rc;
}

/* ---- the head of every operation ------------------------------------------------------------------------------------------------ */
int
cont__run(struct cont_svcs *svcs, struct rpc_req *req, const struct rpc_svc_in *in, struct rpc_svc_out *out, bool write,
	  int (*body)(void *arg, struct pool_svc *svc, struct rdb_tx *tx), void (*committed)(void *arg, struct pool_svc *svc), void *answer,
	  size_t answer_size, void *extra)
{
	struct cont_work work = {.req = req, .svcs = svcs, .svc = pool_svc_find(svcs->pools, in->pool), .extra = extra};
	struct pool_svc_op op = {.svc = work.svc, .in = in, .write = write, .answer = answer, .answer_size = answer_size, .run = body,
				 .committed = committed, .arg = &work};
	int rc;

	if (work.svc == NULL)
		return -DER_NONEXIST;
	rc = pool_svc_run(&op);
	if (pool_svc_find(svcs->pools, in->pool) == work.svc) {
		pool_svc_answer(work.svc, out);
		if (rc == 0)
			pool_svc_count(work.svc, req->op->name);
	}
	return rc;
}

int
cont__need(struct cont_work *work, struct rdb_tx *tx, const struct cont_in *at, uint64_t rights)
{
	int rc = cont__chdl_get(tx, work->svcs->mem, at->handle, &work->handle);

	if (rc != 0)
		return rc;
	if (uuid_compare(work->handle.cont, at->cont) != 0)
		return -DER_NO_HDL;
	work->cont = at->cont;
	return (work->handle.rights & rights) == rights ? 0 : -DER_NO_PERM;
}

uint64_t
cont__now(struct cont_work *work)
{
	return targets_epoch(pool_svcs_config(work->svcs->pools)->targets);
}

static int
touch(struct cont_work *work, struct rdb_tx *tx)
{
	struct cont_rec rec;
	int rc = cont__rec_get(tx, work->cont, &rec);

	rec.modified = cont__now(work);
	return rc != 0 ? rc : cont__rec_put(tx, work->cont, &rec);
}

static void
fill_info(const struct cont_rec *rec, struct cont_info *info)
{
	*info = (struct cont_info){.last_snapshot = rec->last_snapshot,
				   .handles = rec->handles,
				   .snapshots = rec->snapshots,
				   .opened = rec->opened,
				   .modified = rec->modified};
}

/* ---- query, properties ------------------------------------------------------------------------------------------------------------ */
static int
query_body(void *arg, struct pool_svc *svc, struct rdb_tx *tx)
{
	struct cont_work *work = arg;
	const struct cont_query_in *in = work->req->in;
	struct cont_query_out *out = work->req->out;
	struct cont_rec rec;
	int rc;

	rc = cont__need(work, tx, &in->at, 0);
	if (rc == 0)
		rc = cont__rec_get(tx, work->cont, &rec);
	if (rc == 0)
		fill_info(&rec, &out->info);
	return rc;
}

static int
h_query(void *owner, struct rpc_req *req)
{
	const struct cont_query_in *in = req->in;
	struct cont_query_out *out = req->out;

	return cont__run(owner, req, &in->at.svc, &out->svc, false, query_body, NULL, NULL, 0, NULL);
}

static int
prop_get_body(void *arg, struct pool_svc *svc, struct rdb_tx *tx)
{
	struct cont_work *work = arg;
	const struct cont_prop_get_in *in = work->req->in;
	struct cont_prop_get_out *out = work->req->out;
	daos_prop_t *list;
	int rc;

	rc = cont__need(work, tx, &in->at, 0);
	if (rc == 0 && (work->handle.rights & (DAOS_ACL_PERM_GET_PROP | DAOS_ACL_PERM_READ)) == 0)
		rc = -DER_NO_PERM;
	if (rc == 0)
		rc = pool_svc_props_load(tx, cont__path(work->cont, "prop"), work->svcs->mem, &list);
	if (rc != 0)
		return rc;
	rc = proto_props_to(list, in->types, in->types_nr, &work->req->arena, &out->props, &out->props_nr);
	prop_list_free(work->svcs->mem, list);
	return rc;
}

static int
h_prop_get(void *owner, struct rpc_req *req)
{
	const struct cont_prop_get_in *in = req->in;
	struct cont_prop_get_out *out = req->out;

	return cont__run(owner, req, &in->at.svc, &out->svc, false, prop_get_body, NULL, NULL, 0, NULL);
}

/* A new label: taken when it is free, and the old one given back. */
static int
relabel(struct cont_work *work, struct rdb_tx *tx, const char *label)
{
	daos_prop_t *now;
	struct daos_prop_entry *old;
	struct arena arena;
	const void *value;
	size_t len;
	int rc;

	arena_init(&arena, work->svcs->mem);
	rc = rdb_lookup(tx, PATH_LABELS, label, strlen(label), &arena, &value, &len);
	if (rc == 0)
		rc = len == sizeof(uuid_t) && uuid_compare(value, work->cont) == 0 ? 0 : -DER_EXIST;
	else if (rc == -DER_NONEXIST)
		rc = rdb_tx_update(tx, PATH_LABELS, label, strlen(label), work->cont, sizeof(uuid_t));
	arena_fini(&arena);
	if (rc == 0)
		rc = pool_svc_props_load(tx, cont__path(work->cont, "prop"), work->svcs->mem, &now);
	if (rc != 0)
		return rc;
	old = prop_list_find(now, DAOS_PROP_CO_LABEL);
	if (old != NULL && old->dpe_str != NULL && strcmp(old->dpe_str, label) != 0)
		rc = rdb_tx_delete(tx, PATH_LABELS, old->dpe_str, strlen(old->dpe_str));
	prop_list_free(work->svcs->mem, now);
	return rc;
}

static int
prop_set_body(void *arg, struct pool_svc *svc, struct rdb_tx *tx)
{
	struct cont_work *work = arg;
	const struct cont_prop_set_in *in = work->req->in;
	const daos_prop_t *list = work->extra;
	struct daos_prop_entry *label = prop_list_find(list, DAOS_PROP_CO_LABEL);
	uint64_t rights = DAOS_ACL_PERM_SET_PROP;
	int rc;

	if (prop_list_find(list, DAOS_PROP_CO_ACL) != NULL)
		rights |= DAOS_ACL_PERM_SET_ACL;
	if (prop_list_find(list, DAOS_PROP_CO_OWNER) != NULL || prop_list_find(list, DAOS_PROP_CO_OWNER_GROUP) != NULL)
		rights |= DAOS_ACL_PERM_SET_OWNER;
	rc = cont__need(work, tx, &in->at, rights);
	if (rc == 0)
		rc = prop_list_check(list, PROP_CONT, PROP_AT_SET);
	if (rc == 0 && label != NULL)
		rc = relabel(work, tx, label->dpe_str);
	if (rc == 0)
		rc = pool_svc_props_store(tx, cont__path(work->cont, "prop"), list, work->svcs->mem);
	return rc == 0 ? touch(work, tx) : rc;
}

/* Rights and checksums of handles may be others now: the targets ask again. */
static void
forget_handles(void *arg, struct pool_svc *svc)
{
	struct cont_work *work = arg;

	(void)targets_handle_forget(pool_svcs_config(work->svcs->pools)->targets, pool_svc_uuid(svc), work->cont, (uuid_t){0});
}

static int
h_prop_set(void *owner, struct rpc_req *req)
{
	struct cont_svcs *svcs = owner;
	const struct cont_prop_set_in *in = req->in;
	struct cont_prop_set_out *out = req->out;
	daos_prop_t *list;
	int rc;

	rc = proto_props_from(in->props, in->props_nr, svcs->mem, &list);
	if (rc != 0)
		return rc;
	rc = cont__run(owner, req, &in->at.svc, &out->svc, true, prop_set_body, forget_handles, NULL, 0, list);
	prop_list_free(svcs->mem, list);
	return rc;
}

/* ---- attributes ---------------------------------------------------------------------------------------------------------------------- */
static int
attr_list_body(void *arg, struct pool_svc *svc, struct rdb_tx *tx)
{
	struct cont_work *work = arg;
	const struct cont_attr_list_in *in = work->req->in;
	struct cont_attr_list_out *out = work->req->out;
	int rc = cont__need(work, tx, &in->at, 0);

	return rc != 0 ? rc : pool_svc_attr_list(tx, cont__path(work->cont, "attr"), &work->req->arena, &out->names, &out->names_nr);
}

static int
h_attr_list(void *owner, struct rpc_req *req)
{
	const struct cont_attr_list_in *in = req->in;
	struct cont_attr_list_out *out = req->out;

	return cont__run(owner, req, &in->at.svc, &out->svc, false, attr_list_body, NULL, NULL, 0, NULL);
}

static int
attr_get_body(void *arg, struct pool_svc *svc, struct rdb_tx *tx)
{
	struct cont_work *work = arg;
	const struct cont_attr_get_in *in = work->req->in;
	struct cont_attr_get_out *out = work->req->out;
	int rc = cont__need(work, tx, &in->at, 0);

	out->attrs = ARENA_NEW_ARRAY(&work->req->arena, struct rpc_attr, in->names_nr + 1);
	out->attrs_nr = in->names_nr;
	if (rc == 0 && out->attrs == NULL)
		rc = -DER_NOMEM;
	return rc != 0 ? rc : pool_svc_attr_get(tx, cont__path(work->cont, "attr"), &work->req->arena, in->names, in->names_nr, out->attrs);
}

static int
h_attr_get(void *owner, struct rpc_req *req)
{
	const struct cont_attr_get_in *in = req->in;
	struct cont_attr_get_out *out = req->out;

	return cont__run(owner, req, &in->at.svc, &out->svc, false, attr_get_body, NULL, NULL, 0, NULL);
}

static int
attr_set_body(void *arg, struct pool_svc *svc, struct rdb_tx *tx)
{
	struct cont_work *work = arg;
	const struct cont_attr_set_in *in = work->req->in;
	int rc = cont__need(work, tx, &in->at, DAOS_ACL_PERM_WRITE);

	return rc != 0 ? rc : pool_svc_attr_set(tx, cont__path(work->cont, "attr"), in->attrs, in->attrs_nr);
}

static int
h_attr_set(void *owner, struct rpc_req *req)
{
	const struct cont_attr_set_in *in = req->in;
	struct cont_attr_set_out *out = req->out;

	return cont__run(owner, req, &in->at.svc, &out->svc, true, attr_set_body, NULL, NULL, 0, NULL);
}

static int
attr_del_body(void *arg, struct pool_svc *svc, struct rdb_tx *tx)
{
	struct cont_work *work = arg;
	const struct cont_attr_del_in *in = work->req->in;
	int rc = cont__need(work, tx, &in->at, DAOS_ACL_PERM_WRITE);

	return rc != 0 ? rc : pool_svc_attr_del(tx, cont__path(work->cont, "attr"), in->names, in->names_nr);
}

static int
h_attr_del(void *owner, struct rpc_req *req)
{
	const struct cont_attr_del_in *in = req->in;
	struct cont_attr_del_out *out = req->out;

	return cont__run(owner, req, &in->at.svc, &out->svc, true, attr_del_body, NULL, NULL, 0, NULL);
}

/* ---- object ids ------------------------------------------------------------------------------------------------------------------------ */
static int
alloc_body(void *arg, struct pool_svc *svc, struct rdb_tx *tx)
{
	struct cont_work *work = arg;
	const struct cont_alloc_oids_in *in = work->req->in;
	uint64_t *first = work->extra;
	struct cont_rec rec;
	int rc;

	rc = cont__need(work, tx, &in->at, DAOS_ACL_PERM_WRITE);
	if (rc == 0)
		rc = cont__rec_get(tx, work->cont, &rec);
	if (rc != 0)
		return rc;
	*first = rec.next_oid;
	rec.next_oid += in->nr;
	return cont__rec_put(tx, work->cont, &rec);
}

static int
h_alloc_oids(void *owner, struct rpc_req *req)
{
	const struct cont_alloc_oids_in *in = req->in;
	struct cont_alloc_oids_out *out = req->out;

	if (in->nr == 0 || in->nr > OIDS_MAX)
		return -DER_INVAL;
	return cont__run(owner, req, &in->at.svc, &out->svc, true, alloc_body, NULL, &out->first, sizeof(out->first), &out->first);
}

/* ---- snapshots --------------------------------------------------------------------------------------------------------------------------- */
static void
snap_key(uint64_t epoch, uint8_t key[8])
{
	for (int i = 0; i < 8; i++)
		key[i] = (uint8_t)(epoch >> (56 - 8 * i));
}

static uint64_t
snap_epoch(const void *key)
{
	uint64_t epoch = 0;

	for (int i = 0; i < 8; i++)
		epoch = epoch << 8 | ((const uint8_t *)key)[i];
	return epoch;
}

/*
 * A snapshot of epoch e, the clock now. Writes that are under way may have a lower one that no reader has seen yet, in their own target or on
 * the way to another one. So, in this order (cont I1):
 *
 *	right asked -> e chosen -> every target has its floor at e, and what was let through before has ended -> record and floor committed
 *
 * A write that begins behind the floor takes its epoch from the clock, which is above e; one that brings its own at or below e is refused.
 * Cut off before the commit: there is no snapshot, the floor of the targets is higher than need be, which costs nothing. After a crash the
 * clock begins above all it gave before, and the targets have the floor from the record with the first answer about a handle.
 */
static int
snap_allowed_body(void *arg, struct pool_svc *svc, struct rdb_tx *tx)
{
	struct cont_work *work = arg;
	const struct cont_snap_create_in *in = work->req->in;

	return cont__need(work, tx, &in->at, DAOS_ACL_PERM_WRITE);
}

static int
snap_create_body(void *arg, struct pool_svc *svc, struct rdb_tx *tx)
{
	struct cont_work *work = arg;
	const struct cont_snap_create_in *in = work->req->in;
	uint64_t *epoch = work->extra;
	const char *name = in->name != NULL ? in->name : "";
	struct cont_rec rec;
	uint8_t key[8];
	int rc;

	rc = cont__need(work, tx, &in->at, DAOS_ACL_PERM_WRITE);
	if (rc == 0)
		rc = cont__rec_get(tx, work->cont, &rec);
	if (rc != 0)
		return rc;
	snap_key(*epoch, key);
	rec.snapshots++;
	rec.last_snapshot = MAX(rec.last_snapshot, *epoch); /* of two at once the later may be committed first */
	rec.floor = MAX(rec.floor, *epoch);
	rec.modified = MAX(rec.modified, *epoch);
	rc = rdb_tx_update(tx, cont__path(work->cont, "snap"), key, sizeof(key), name, strlen(name));
	return rc != 0 ? rc : cont__rec_put(tx, work->cont, &rec);
}

static int
h_snap_create(void *owner, struct rpc_req *req)
{
	const struct cont_snap_create_in *in = req->in;
	struct cont_snap_create_out *out = req->out;
	struct cont_svcs *svcs = owner;
	struct targets *targets = pool_svcs_config(svcs->pools)->targets;
	int rc;

	if (in->name != NULL && strlen(in->name) > SNAP_NAME_MAX)
		return -DER_INVAL;
	rc = cont__run(owner, req, &in->at.svc, &out->svc, false, snap_allowed_body, NULL, NULL, 0, NULL);
	if (rc != 0)
		return rc;
	out->epoch = targets_epoch(targets);
	if (out->epoch == 0)
		return -DER_AGAIN;
	rc = targets_raise_floor(targets, in->at.svc.pool, in->at.cont, out->epoch);
	if (rc != 0)
		return rc;
	return cont__run(owner, req, &in->at.svc, &out->svc, true, snap_create_body, forget_handles, &out->epoch, sizeof(out->epoch), &out->epoch);
}

struct snaps {
	struct arena *arena;
	struct cont_snap_out *list;
	uint32_t nr, max;
	uint64_t after;
	bool more;
};

static int
take_snap(void *arg, const void *key, size_t key_len, const void *value, size_t value_len)
{
	struct snaps *snaps = arg;
	uint64_t epoch;
	char *name;

	if (key_len != 8)
		return -DER_DF_INVAL;
	epoch = snap_epoch(key);
	if (epoch <= snaps->after)
		return 0;
	if (snaps->nr == snaps->max) {
		snaps->more = true;
		return 1;
	}
	name = arena_alloc(snaps->arena, value_len + 1);
	if (name == NULL)
		return -DER_NOMEM;
	memcpy(name, value, value_len);
	snaps->list[snaps->nr++] = (struct cont_snap_out){.epoch = epoch, .name = name};
	return 0;
}

static int
snap_list_body(void *arg, struct pool_svc *svc, struct rdb_tx *tx)
{
	struct cont_work *work = arg;
	const struct cont_snap_list_in *in = work->req->in;
	struct cont_snap_list_out *out = work->req->out;
	struct snaps snaps = {.arena = &work->req->arena, .max = SNAPS_A_REPLY, .after = in->after};
	int rc;

	rc = cont__need(work, tx, &in->at, 0);
	if (rc != 0)
		return rc;
	snaps.list = ARENA_NEW_ARRAY(&work->req->arena, struct cont_snap_out, SNAPS_A_REPLY);
	if (snaps.list == NULL)
		return -DER_NOMEM;
	rc = rdb_iterate(tx, cont__path(work->cont, "snap"), take_snap, &snaps);
	out->snaps = snaps.list;
	out->snaps_nr = snaps.nr;
	out->more = snaps.more;
	return rc == 1 ? 0 : rc;
}

static int
h_snap_list(void *owner, struct rpc_req *req)
{
	const struct cont_snap_list_in *in = req->in;
	struct cont_snap_list_out *out = req->out;

	return cont__run(owner, req, &in->at.svc, &out->svc, false, snap_list_body, NULL, NULL, 0, NULL);
}

struct dropping {
	struct rdb_tx *tx;
	struct rdb_path path;
	daos_epoch_range_t range;
	uint32_t dropped;
	uint64_t last; /* the newest one that stays */
};

static int
drop_snap(void *arg, const void *key, size_t key_len, const void *value, size_t value_len)
{
	struct dropping *dropping = arg;
	uint64_t epoch;

	if (key_len != 8)
		return -DER_DF_INVAL;
	epoch = snap_epoch(key);
	if (epoch < dropping->range.epr_lo || epoch > dropping->range.epr_hi) {
		dropping->last = MAX(dropping->last, epoch);
		return 0;
	}
	dropping->dropped++;
	return rdb_tx_delete(dropping->tx, dropping->path, key, key_len);
}

static int
snap_destroy_body(void *arg, struct pool_svc *svc, struct rdb_tx *tx)
{
	struct cont_work *work = arg;
	const struct cont_snap_destroy_in *in = work->req->in;
	struct dropping dropping = {.tx = tx, .range = in->range};
	struct cont_rec rec;
	int rc;

	rc = cont__need(work, tx, &in->at, DAOS_ACL_PERM_WRITE);
	if (rc == 0)
		rc = cont__rec_get(tx, work->cont, &rec);
	if (rc != 0)
		return rc;
	dropping.path = cont__path(work->cont, "snap");
	rc = rdb_iterate(tx, dropping.path, drop_snap, &dropping);
	if (rc == 0 && dropping.dropped == 0 && in->range.epr_lo == in->range.epr_hi)
		rc = -DER_NONEXIST;
	if (rc != 0)
		return rc;
	rec.snapshots -= MIN(rec.snapshots, dropping.dropped);
	rec.last_snapshot = dropping.last;
	rec.modified = cont__now(work);
	return cont__rec_put(tx, work->cont, &rec);
}

static int
h_snap_destroy(void *owner, struct rpc_req *req)
{
	const struct cont_snap_destroy_in *in = req->in;
	struct cont_snap_destroy_out *out = req->out;

	return cont__run(owner, req, &in->at.svc, &out->svc, true, snap_destroy_body, NULL, NULL, 0, NULL);
}

/* ---- what a handle is worth ---------------------------------------------------------------------------------------------------------------- */
struct resolving {
	struct cont_svcs *svcs;
	const uint8_t *pool, *handle;
	struct target_access *access;
};

static uint64_t
number_of(const daos_prop_t *props, uint32_t id)
{
	struct daos_prop_entry *entry = prop_list_find(props, id);

	return entry != NULL ? entry->dpe_val : 0;
}

static int
resolve_body(void *arg, struct pool_svc *svc, struct rdb_tx *tx)
{
	struct resolving *resolving = arg;
	struct target_access *access = resolving->access;
	struct mem *mem = resolving->svcs->mem;
	struct chdl_rec handle;
	struct cont_rec rec;
	daos_prop_t *props;
	int rc;

	rc = cont__chdl_get(tx, mem, resolving->handle, &handle);
	if (rc == 0)
		rc = cont__rec_get(tx, handle.cont, &rec);
	if (rc == 0)
		rc = pool_svc_props_load(tx, cont__path(handle.cont, "prop"), mem, &props);
	if (rc != 0)
		return rc;
	memset(access, 0, sizeof(*access));
	memcpy(access->cont, handle.cont, sizeof(uuid_t));
	if ((handle.rights & DAOS_ACL_PERM_READ) != 0)
		access->caps |= TARGET_CAP_READ;
	if ((handle.rights & DAOS_ACL_PERM_WRITE) != 0)
		access->caps |= TARGET_CAP_WRITE;
	access->csum_type = (uint16_t)number_of(props, DAOS_PROP_CO_CSUM);
	access->csum_server_verify = number_of(props, DAOS_PROP_CO_CSUM_SERVER_VERIFY) != 0;
	access->csum_chunk = number_of(props, DAOS_PROP_CO_CSUM_CHUNK_SIZE);
	access->snap_floor = rec.floor;
	prop_list_free(mem, props);
	return 0;
}

static int
resolve_here(void *arg)
{
	struct resolving *resolving = arg;
	struct pool_svc *svc = pool_svc_find(resolving->svcs->pools, resolving->pool);
	struct pool_svc_op op = {.svc = svc, .run = resolve_body, .arg = resolving};

	return svc == NULL ? -DER_NONEXIST : pool_svc_run(&op);
}

int
cont_svcs_resolve(void *arg, const uuid_t pool, const uuid_t handle, struct target_access *access)
{
	struct cont_svcs *svcs = arg;
	struct resolving resolving = {.svcs = svcs, .pool = pool, .handle = handle, .access = access};

	return xs_call(pool_svcs_config(svcs->pools)->xs, ULT_METADATA, resolve_here, &resolving);
}

/* ---- life ------------------------------------------------------------------------------------------------------------------------------------ */
static const rpc_handler handlers[cont_op_nr] = {
	[op_cont_create] = cont__create,
	[op_cont_destroy] = cont__destroy,
	[op_cont_open] = cont__open,
	[op_cont_close] = cont__close,
	[op_cont_query] = h_query,
	[op_cont_prop_get] = h_prop_get,
	[op_cont_prop_set] = h_prop_set,
	[op_cont_attr_list] = h_attr_list,
	[op_cont_attr_get] = h_attr_get,
	[op_cont_attr_set] = h_attr_set,
	[op_cont_attr_del] = h_attr_del,
	[op_cont_alloc_oids] = h_alloc_oids,
	[op_cont_snap_create] = h_snap_create,
	[op_cont_snap_list] = h_snap_list,
	[op_cont_snap_destroy] = h_snap_destroy,
	[op_cont_session_lease] = cont__session_lease,
	[op_cont_session_list] = cont__session_list,
	[op_cont_session_renew] = cont__session_renew,
	[op_cont_lock] = cont__lock,
	[op_cont_locks_put] = cont__locks_put,
};

int
cont_svcs_create(struct env *env, struct pool_svcs *pools, struct cont_svcs **result)
{
	struct cont_svcs *svcs = MEM_NEW(env->mem, struct cont_svcs);
	struct pool_svc_hooks hooks = {.handle_closing = cont__handle_closing, .list = cont__list, .arg = svcs};

	if (svcs == NULL)
		return -DER_NOMEM;
	svcs->env = env;
	svcs->mem = env->mem;
	svcs->pools = pools;
	list_init(&svcs->sessions);
	pool_svcs_set_hooks(pools, &hooks);
	*result = svcs;
	return 0;
}

void
cont_svcs_destroy(struct cont_svcs *svcs)
{
	cont__sessions_drop(svcs);
	mem_free(svcs->mem, svcs);
}

int
cont_svcs_serve(struct cont_svcs *svcs)
{
	return rpc_serve(pool_svcs_config(svcs->pools)->rpc, &proto_cont, handlers, svcs);
}
