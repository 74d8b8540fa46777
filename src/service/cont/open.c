/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Containers made and destroyed, opened and closed, listed. A container is its record, its stores and its label, made and removed in one
 * transaction; its shards appear at targets when they are first written to, and go before the record does.
 */
#include "internal.h"

#define LIST_A_REPLY 512U
#define FIRST_OID 1024ULL /* below are the fixed objects of layouts */

/* ---- create ------------------------------------------------------------------------------------------------------------------ */
static int
fill_props(struct cont_work *work, const daos_prop_t *given, const struct pool_handle *handle, daos_prop_t **result)
{
	struct mem *mem = work->svcs->mem;
	daos_prop_t *defaults, *merged = NULL;
	struct daos_prop_entry *owner, *group;
	int rc;

	rc = prop_list_default(mem, PROP_CONT, &defaults);
	if (rc != 0)
		return rc;
	rc = prop_list_merge(mem, defaults, given, &merged);
	prop_list_free(mem, defaults);
	if (rc != 0)
		return rc;
	owner = prop_list_find(merged, DAOS_PROP_CO_OWNER);
	group = prop_list_find(merged, DAOS_PROP_CO_OWNER_GROUP);
	if (rc == 0 && prop_list_find(given, DAOS_PROP_CO_OWNER) == NULL && owner != NULL)
		rc = prop_set_text(mem, owner, text_span_of(handle->user));
	if (rc == 0 && prop_list_find(given, DAOS_PROP_CO_OWNER_GROUP) == NULL && group != NULL)
		rc = prop_set_text(mem, group, text_span_of(handle->group));
	if (rc != 0) {
		prop_list_free(mem, merged);
		return rc;
	}
	*result = merged;
	return 0;
}

static int
take_label(struct cont_work *work, struct rdb_tx *tx, const daos_prop_t *given, const uuid_t cont)
{
	struct daos_prop_entry *label = prop_list_find(given, DAOS_PROP_CO_LABEL);
	struct arena arena;
	const void *value;
	size_t len;
	int rc;

	if (label == NULL || label->dpe_str == NULL)
		return 0;
	arena_init(&arena, work->svcs->mem);
	rc = rdb_lookup(tx, PATH_LABELS, label->dpe_str, strlen(label->dpe_str), &arena, &value, &len);
	arena_fini(&arena);
	if (rc == 0)
		return -DER_EXIST;
	if (rc != -DER_NONEXIST)
		return rc;
	return rdb_tx_update(tx, PATH_LABELS, label->dpe_str, strlen(label->dpe_str), cont, sizeof(uuid_t));
}

static int
store_cont(struct cont_work *work, struct rdb_tx *tx, const uuid_t cont, const daos_prop_t *props)
{
	static const char *const stores[] = {"prop", "attr", "snap", "sess"};
	uint64_t now = cont__now(work);
	struct cont_rec rec = {.created = now, .modified = now, .next_oid = FIRST_OID};
	int rc;

	rc = rdb_tx_create_kvs(tx, cont__path(cont, NULL));
	for (size_t i = 0; rc == 0 && i < ARRAY_SIZE(stores); i++)
		rc = rdb_tx_create_kvs(tx, cont__path(cont, stores[i]));
	if (rc == 0)
		rc = pool_svc_props_store(tx, cont__path(cont, "prop"), props, work->svcs->mem);
	return rc != 0 ? rc : cont__rec_put(tx, cont, &rec);
}

static int
create_body(void *arg, struct pool_svc *svc, struct rdb_tx *tx)
{
	struct cont_work *work = arg;
	const struct cont_create_in *in = work->req->in;
	const daos_prop_t *given = work->extra;
	struct pool_handle handle;
	struct cont_rec rec;
	daos_prop_t *props;
	int rc;

	rc = pool_svc_handle(svc, tx, in->svc.handle, &handle);
	if (rc != 0)
		return rc;
	if ((handle.flags & (DAOS_PC_RW | DAOS_PC_EX)) == 0 || !acl_pool_can_create_cont(handle.rights))
		return -DER_NO_PERM;
	rc = prop_list_check(given, PROP_CONT, PROP_AT_CREATE);
	if (rc != 0)
		return rc;
	rc = cont__rec_get(tx, in->cont, &rec);
	if (rc != -DER_NONEXIST)
		return rc; /* the uuid is new each time: it was this very request */
	rc = take_label(work, tx, given, in->cont);
	if (rc == 0)
		rc = fill_props(work, given, &handle, &props);
	if (rc != 0)
		return rc;
	rc = store_cont(work, tx, in->cont, props);
	prop_list_free(work->svcs->mem, props);
	return rc;
}

int
cont__create(void *owner, struct rpc_req *req)
{
	struct cont_svcs *svcs = owner;
	const struct cont_create_in *in = req->in;
	struct cont_create_out *out = req->out;
	daos_prop_t *given;
	int rc;

	if (uuid_is_null(in->cont))
		return -DER_INVAL;
	rc = proto_props_from(in->props, in->props_nr, svcs->mem, &given);
	if (rc != 0)
		return rc;
	rc = cont__run(owner, req, &in->svc, &out->svc, true, create_body, NULL, NULL, 0, given);
	prop_list_free(svcs->mem, given);
	return rc;
}

/* ---- finding ------------------------------------------------------------------------------------------------------------------- */
/* By label, or by uuid when label is NULL. */
static int
find_cont(struct cont_work *work, struct rdb_tx *tx, const char *label, const uuid_t uuid, uuid_t found)
{
	struct arena arena;
	const void *value;
	size_t len;
	int rc;

	if (label == NULL) {
		memcpy(found, uuid, sizeof(uuid_t));
		return 0;
	}
	if (label[0] == '\0')
		return -DER_INVAL;
	arena_init(&arena, work->svcs->mem);
	rc = rdb_lookup(tx, PATH_LABELS, label, strlen(label), &arena, &value, &len);
	if (rc == 0 && len != sizeof(uuid_t))
		rc = -DER_DF_INVAL;
	if (rc == 0)
		memcpy(found, value, sizeof(uuid_t));
	arena_fini(&arena);
	return rc;
}

/* ---- handles ---------------------------------------------------------------------------------------------------------------------- */
struct closing {
	struct rdb_tx *tx;
	struct cont_svcs *svcs;
	const uint8_t *cont;        /* handles of it, or NULL */
	const uint8_t *pool_handle; /* handles opened through it, or NULL */
	uint32_t nr;
	int rc;
};

static int
close_one(void *arg, const void *key, size_t key_len, const void *value, size_t value_len)
{
	struct closing *closing = arg;
	struct unpacker in;
	uuid_t cont, pool_handle;

	unpacker_init(&in, value, value_len);
	unpack_uuid(&in, cont);
	unpack_uuid(&in, pool_handle);
	if (unpacker_rc(&in) != 0)
		return -DER_DF_INVAL;
	if (closing->cont != NULL && uuid_compare(cont, closing->cont) != 0)
		return 0;
	if (closing->pool_handle != NULL && uuid_compare(pool_handle, closing->pool_handle) != 0)
		return 0;
	closing->nr++;
	return rdb_tx_delete(closing->tx, PATH_CHDL, key, key_len);
}

static int
count_open(void *arg, const void *key, size_t key_len, const void *value, size_t value_len)
{
	struct closing *closing = arg;
	struct unpacker in;
	uuid_t cont;

	unpacker_init(&in, value, value_len);
	unpack_uuid(&in, cont);
	closing->nr += unpacker_rc(&in) == 0 && uuid_compare(cont, closing->cont) == 0;
	return 0;
}

int
cont__handle_closing(void *arg, struct pool_svc *svc, struct rdb_tx *tx, const uuid_t pool_handle)
{
	struct closing closing = {.tx = tx, .svcs = arg, .pool_handle = pool_handle};

	return rdb_iterate(tx, PATH_CHDL, close_one, &closing);
}

static uint32_t
open_handles(struct rdb_tx *tx, const uuid_t cont)
{
	struct closing closing = {.tx = tx, .cont = cont};

	return rdb_iterate(tx, PATH_CHDL, count_open, &closing) == 0 ? closing.nr : UINT32_MAX;
}

/* ---- destroy ------------------------------------------------------------------------------------------------------------------------ */
struct destroying {
	uuid_t cont;
	bool found;
};

static int
may_destroy(struct cont_work *work, struct rdb_tx *tx, const struct pool_handle *handle, const uuid_t cont, const daos_prop_t *props)
{
	struct daos_prop_entry *acl = prop_list_find(props, DAOS_PROP_CO_ACL), *owner = prop_list_find(props, DAOS_PROP_CO_OWNER);
	struct daos_prop_entry *group = prop_list_find(props, DAOS_PROP_CO_OWNER_GROUP);
	struct security_identity who = {.user = handle->user, .group = handle->group};
	uint64_t rights;

	if ((handle->flags & (DAOS_PC_RW | DAOS_PC_EX)) != 0 && acl_pool_can_delete_cont(handle->rights))
		return 0;
	rights = security_cont_rights(acl != NULL ? acl->dpe_val_ptr : NULL, owner != NULL ? owner->dpe_str : NULL,
				      group != NULL ? group->dpe_str : NULL, &who);
	return (rights & DAOS_ACL_PERM_DEL_CONT) != 0 ? 0 : -DER_NO_PERM;
}

static int
destroy_body(void *arg, struct pool_svc *svc, struct rdb_tx *tx)
{
	struct cont_work *work = arg;
	const struct cont_destroy_in *in = work->req->in;
	struct destroying *destroying = work->extra;
	struct closing closing = {.tx = tx, .cont = destroying->cont};
	struct daos_prop_entry *label;
	struct pool_handle handle;
	struct cont_rec rec;
	daos_prop_t *props;
	int rc;

	rc = pool_svc_handle(svc, tx, in->svc.handle, &handle);
	if (rc == 0)
		rc = find_cont(work, tx, in->label, in->cont, destroying->cont);
	if (rc == 0)
		rc = cont__rec_get(tx, destroying->cont, &rec);
	if (rc == 0)
		rc = pool_svc_props_load(tx, cont__path(destroying->cont, "prop"), work->svcs->mem, &props);
	if (rc != 0)
		return rc;
	rc = may_destroy(work, tx, &handle, destroying->cont, props);
	if (rc == 0 && !in->force && open_handles(tx, destroying->cont) > 0)
		rc = -DER_BUSY;
	if (rc == 0)
		rc = rdb_iterate(tx, PATH_CHDL, close_one, &closing);
	label = prop_list_find(props, DAOS_PROP_CO_LABEL);
	if (rc == 0 && label != NULL && label->dpe_str != NULL)
		rc = rdb_tx_delete(tx, PATH_LABELS, label->dpe_str, strlen(label->dpe_str));
	prop_list_free(work->svcs->mem, props);
	/* The shards go first: a crash in between leaves an empty container that can be destroyed again. */
	if (rc == 0)
		rc = targets_cont_destroy(pool_svcs_config(work->svcs->pools)->targets, pool_svc_uuid(svc), destroying->cont);
	if (rc == 0)
		rc = rdb_tx_delete(tx, PATH_CONTS, destroying->cont, sizeof(uuid_t));
	return rc == 0 ? rdb_tx_destroy_kvs(tx, cont__path(destroying->cont, NULL)) : rc;
}

static void
destroy_committed(void *arg, struct pool_svc *svc)
{
	struct cont_work *work = arg;
	struct destroying *destroying = work->extra;

	cont__sessions_gone(work->svcs, pool_svc_uuid(svc), destroying->cont);
}

int
cont__destroy(void *owner, struct rpc_req *req)
{
	const struct cont_destroy_in *in = req->in;
	struct cont_destroy_out *out = req->out;
	struct destroying destroying = {0};

	return cont__run(owner, req, &in->svc, &out->svc, true, destroy_body, destroy_committed, NULL, 0, &destroying);
}

/* ---- open ------------------------------------------------------------------------------------------------------------------------------ */
struct opening {
	const struct security_identity *who;
	uuid_t cont;
	bool answered; /* the body ran: a repeated request has only its result in the replay cache */
	bool again;    /* to fill the reply of such a one: changes nothing */
};

static uint64_t
rights_for(uint64_t rights, uint64_t flags)
{
	if ((flags & (COO_RW | COO_EX)) == 0)
		rights &= ~(uint64_t)(DAOS_ACL_PERM_WRITE | DAOS_ACL_PERM_SET_PROP | DAOS_ACL_PERM_SET_ACL | DAOS_ACL_PERM_SET_OWNER);
	return rights;
}

static int
store_handle(struct cont_work *work, struct rdb_tx *tx, const struct cont_open_in *in, const uuid_t cont, uint64_t rights)
{
	struct packer packer;
	struct cont_rec rec;
	uint8_t buf[64];
	int rc;

	packer_init(&packer, buf, sizeof(buf));
	pack_uuid(&packer, cont);
	pack_uuid(&packer, in->svc.handle);
	pack_u64(&packer, in->flags);
	pack_u64(&packer, rights);
	rdb_tx_session(tx);
	rc = rdb_tx_update(tx, PATH_CHDL, in->handle, sizeof(uuid_t), buf, packer_len(&packer));
	if (rc == 0)
		rc = cont__rec_get(tx, cont, &rec);
	if (rc != 0)
		return rc;
	rec.handles++;
	if ((in->flags & COO_RO_MDSTATS) == 0)
		rec.opened = cont__now(work);
	return cont__rec_put(tx, cont, &rec);
}

static int
open_body(void *arg, struct pool_svc *svc, struct rdb_tx *tx)
{
	struct cont_work *work = arg;
	const struct cont_open_in *in = work->req->in;
	struct cont_open_out *out = work->req->out;
	struct opening *opening = work->extra;
	struct daos_prop_entry *acl, *owner, *group;
	struct closing closing = {.tx = tx, .cont = opening->cont};
	struct pool_handle handle;
	struct chdl_rec known;
	struct cont_rec rec;
	daos_prop_t *props;
	int rc;

	rc = pool_svc_handle(svc, tx, in->svc.handle, &handle);
	if (rc == 0)
		rc = find_cont(work, tx, in->label, in->cont, opening->cont);
	if (rc == 0)
		rc = cont__rec_get(tx, opening->cont, &rec);
	if (rc == 0)
		rc = pool_svc_props_load(tx, cont__path(opening->cont, "prop"), work->svcs->mem, &props);
	if (rc != 0)
		return rc;
	acl = prop_list_find(props, DAOS_PROP_CO_ACL);
	owner = prop_list_find(props, DAOS_PROP_CO_OWNER);
	group = prop_list_find(props, DAOS_PROP_CO_OWNER_GROUP);
	out->rights = security_cont_rights(acl != NULL ? acl->dpe_val_ptr : NULL, owner != NULL ? owner->dpe_str : NULL,
					   group != NULL ? group->dpe_str : NULL, opening->who);
	rc = security_cont_allows(out->rights, (uint32_t)in->flags);
	if (rc == 0 && (in->flags & (COO_RW | COO_EX)) != 0 && (handle.flags & (DAOS_PC_RW | DAOS_PC_EX)) == 0)
		rc = -DER_NO_PERM;
	out->rights = rights_for(out->rights, in->flags);
	if (rc == 0)
		rc = proto_props_to(props, NULL, 0, &work->req->arena, &out->props, &out->props_nr);
	prop_list_free(work->svcs->mem, props);
	if (rc != 0)
		return rc;
	out->info = (struct cont_info){.last_snapshot = rec.last_snapshot, .handles = rec.handles, .snapshots = rec.snapshots,
				       .opened = rec.opened, .modified = rec.modified};
	opening->answered = true;
	if (opening->again)
		return cont__chdl_get(tx, work->svcs->mem, in->handle, &known);
	if ((in->flags & (COO_EVICT | COO_EVICT_ALL)) != 0)
		rc = rdb_iterate(tx, PATH_CHDL, close_one, &closing);
	else if ((in->flags & COO_EX) != 0 && open_handles(tx, opening->cont) > 0)
		rc = -DER_BUSY;
	if (rc == 0 && cont__chdl_get(tx, work->svcs->mem, in->handle, &known) == 0)
		return uuid_compare(known.cont, opening->cont) == 0 ? 0 : -DER_EXIST;
	return rc != 0 ? rc : store_handle(work, tx, in, opening->cont, out->rights);
}

static void
open_committed(void *arg, struct pool_svc *svc)
{
	struct cont_work *work = arg;
	const struct cont_open_in *in = work->req->in;
	struct opening *opening = work->extra;

	if ((in->flags & (COO_EVICT | COO_EVICT_ALL)) != 0)
		(void)targets_handle_forget(pool_svcs_config(work->svcs->pools)->targets, pool_svc_uuid(svc), opening->cont, (uuid_t){0});
}

int
cont__open(void *owner, struct rpc_req *req)
{
	struct cont_svcs *svcs = owner;
	const struct cont_open_in *in = req->in;
	struct cont_open_out *out = req->out;
	struct opening opening = {0};
	struct security_identity *who;
	int rc;

	if ((in->flags & ~(uint64_t)COO_MASK) != 0 || (in->flags & (COO_RO | COO_RW | COO_EX)) == 0 || uuid_is_null(in->handle))
		return -DER_INVAL;
	rc = security_validate(pool_svcs_config(svcs->pools)->security, in->cred.data, in->cred.len, &req->arena, &who);
	if (rc != 0)
		return rc;
	opening.who = who;
	rc = cont__run(owner, req, &in->svc, &out->svc, true, open_body, open_committed, NULL, 0, &opening);
	if (rc == 0 && !opening.answered) {
		opening.again = true;
		rc = cont__run(owner, req, &in->svc, &out->svc, false, open_body, NULL, NULL, 0, &opening);
	}
	memcpy(out->cont, opening.cont, sizeof(uuid_t));
	return rc;
}

/* ---- close ------------------------------------------------------------------------------------------------------------------------------- */
static int
close_body(void *arg, struct pool_svc *svc, struct rdb_tx *tx)
{
	struct cont_work *work = arg;
	const struct cont_close_in *in = work->req->in;
	struct cont_rec rec;
	int rc;

	rc = cont__need(work, tx, &in->at, 0);
	if (rc != 0)
		return rc == -DER_NO_HDL ? 0 : rc; /* gone is gone */
	rc = rdb_tx_delete(tx, PATH_CHDL, in->at.handle, sizeof(uuid_t));
	if (rc == 0)
		rc = cont__rec_get(tx, work->cont, &rec);
	if (rc != 0)
		return rc == -DER_NONEXIST ? 0 : rc;
	rec.handles -= rec.handles > 0;
	if ((work->handle.flags & (COO_RW | COO_EX)) != 0)
		rec.modified = cont__now(work);
	return cont__rec_put(tx, work->cont, &rec);
}

static void
close_committed(void *arg, struct pool_svc *svc)
{
	struct cont_work *work = arg;
	const struct cont_close_in *in = work->req->in;

	(void)targets_handle_forget(pool_svcs_config(work->svcs->pools)->targets, pool_svc_uuid(svc), in->at.cont, in->at.handle);
}

int
cont__close(void *owner, struct rpc_req *req)
{
	const struct cont_close_in *in = req->in;
	struct cont_close_out *out = req->out;

	return cont__run(owner, req, &in->at.svc, &out->svc, true, close_body, close_committed, NULL, 0, NULL);
}

/* ---- list ---------------------------------------------------------------------------------------------------------------------------------- */
struct listing {
	struct cont_svcs *svcs;
	struct rdb_tx *tx;
	const struct pool_cont_list_in *in;
	struct arena *arena;
	struct pool_cont_list_out *out;
};

static int
list_one(void *arg, const void *key, size_t key_len, const void *value, size_t value_len)
{
	struct listing *listing = arg;
	struct pool_cont_list_out *out = listing->out;
	struct pool_cont_entry_out *entry;
	struct daos_prop_entry *label;
	struct cont_rec rec;
	daos_prop_t *props;
	int rc;

	if (key_len != sizeof(uuid_t))
		return -DER_DF_INVAL;
	out->total++;
	if (memcmp(key, listing->in->after, sizeof(uuid_t)) <= 0 && !uuid_is_null(listing->in->after))
		return 0;
	if (out->conts_nr == LIST_A_REPLY) {
		out->more = true;
		return 0;
	}
	rc = pool_svc_props_load(listing->tx, cont__path(key, "prop"), listing->svcs->mem, &props);
	if (rc == 0)
		rc = cont__rec_get(listing->tx, key, &rec);
	if (rc != 0)
		return rc == -DER_NONEXIST ? 0 : rc;
	entry = &out->conts[out->conts_nr++];
	*entry = (struct pool_cont_entry_out){.last_snapshot = rec.last_snapshot, .handles = rec.handles, .snapshots = rec.snapshots,
					      .opened = rec.opened, .modified = rec.modified};
	memcpy(entry->cont, key, sizeof(uuid_t));
	label = prop_list_find(props, DAOS_PROP_CO_LABEL);
	if (label != NULL && label->dpe_str != NULL)
		entry->label = arena_dup(listing->arena, label->dpe_str, strlen(label->dpe_str) + 1);
	prop_list_free(listing->svcs->mem, props);
	return 0;
}

int
cont__list(void *arg, struct pool_svc *svc, struct rdb_tx *tx, const struct pool_cont_list_in *in, struct arena *arena,
	   struct pool_cont_list_out *out)
{
	struct listing listing = {.svcs = arg, .tx = tx, .in = in, .arena = arena, .out = out};

	if (in->filters_nr > 0)
		return -DER_NOSYS;
	out->conts = ARENA_NEW_ARRAY(arena, struct pool_cont_entry_out, LIST_A_REPLY);
	return out->conts == NULL ? -DER_NOMEM : rdb_iterate(tx, PATH_CONTS, list_one, &listing);
}
