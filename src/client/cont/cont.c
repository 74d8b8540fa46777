/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Containers from a client's side. May yield everywhere but in the getters. Handles are random uuids made here: repeating an open is harmless.
 *
 * Exported handle: u32 version, uuid container, uuid handle, u64 flags, u64 rights (base/codec); its properties are asked for again.
 */
#include "client/cont/cont.h"

#include <daos_obj_class.h>
#include "base/codec.h"
#include "base/text.h"
#include "proto/cont.h"
#include "proto/props.h"
#include "pure/lock/lock.h"
#include "pure/map/map.h"
#include "pure/oclass/oclass.h"
#include "pure/prop/prop.h"

#define EXPORT_VERSION 1
#define COO_WRITERS 6U /* DAOS_COO_RW | DAOS_COO_EX */
#define COO_RO 1U
#define COO_RW 2U
#define COO_RO_MDSTATS 16U /* opening leaves no trace in the times of the container */
#define LOCKS_A_CALL 8192U
#define REVIVALS_MAX 8

struct cont {
	struct pool *pool;
	struct mem *mem;
	uint32_t refs;
	uuid_t uuid, handle;
	uint64_t flags, rights;
	struct cont_props props;
	bool imported; /* another process opened it, and closes it */
	int (*revive)(void *arg, const uuid_t handle, daos_obj_id_t oid);
	void *revive_arg;
};

static void
new_uuid(struct client *client, uuid_t uuid)
{
	uint64_t words[2] = {env_rand(client_env(client)), env_rand(client_env(client))};

	memcpy(uuid, words, sizeof(words));
	uuid[6] = (uuid[6] & 0x0f) | 0x40;
	uuid[8] = (uuid[8] & 0x3f) | 0x80;
}

/* A name is a label or the text of a uuid. */
static int
name_to(const char *name, const char **label, uuid_t uuid)
{
	if (name == NULL || name[0] == '\0')
		return -DER_INVAL;
	*label = name;
	if (daos_is_valid_uuid_string(name)) {
		*label = NULL;
		return uuid_parse(name, uuid) == 0 ? 0 : -DER_INVAL;
	}
	return text_label_is_valid(name) ? 0 : -DER_INVAL;
}

/* The head of a request to an open container. */
static int
call(struct cont *cont, rpc_opc opc, void *in, void *out, struct arena *arena)
{
	struct cont_in *at = in;

	memcpy(at->cont, cont->uuid, sizeof(uuid_t));
	memcpy(at->handle, cont->handle, sizeof(uuid_t));
	return pool_call(cont->pool, opc, in, out, arena);
}

/* The same for what has nothing to do with the session that was fenced: it goes on with the new handle. */
static int
call_revived(struct cont *cont, rpc_opc opc, void *in, void *out, struct arena *arena)
{
	const struct cont_in *at = in;
	int rc = call(cont, opc, in, out, arena);

	for (int i = 0; rc == -DER_NO_HDL && cont->revive != NULL && i < REVIVALS_MAX; i++) {
		uuid_t handle;

		memcpy(handle, at->handle, sizeof(uuid_t));
		rc = cont_revive(cont, handle, (daos_obj_id_t){0});
		if (rc == 0)
			rc = call(cont, opc, in, out, arena);
	}
	return rc;
}

/* ---- create, destroy --------------------------------------------------------------------------------------------------------- */
int
cont_create(struct pool *pool, const uuid_t uuid, const daos_prop_t *props)
{
	struct cont_create_in in = {0};
	struct cont_create_out out = {0};
	struct arena arena;
	int rc = 0;

	memcpy(in.cont, uuid, sizeof(uuid_t));
	arena_init(&arena, client_mem(pool_client(pool)));
	if (props != NULL)
		rc = proto_props_to(props, NULL, 0, &arena, &in.props, &in.props_nr);
	if (rc == 0)
		rc = pool_call(pool, opc_cont_create, &in, &out, &arena);
	arena_fini(&arena);
	return rc;
}

int
cont_destroy(struct pool *pool, const char *name, bool force)
{
	struct cont_destroy_in in = {.force = force};
	struct cont_destroy_out out = {0};
	struct arena arena;
	int rc;

	rc = name_to(name, &in.label, in.cont);
	if (rc != 0)
		return rc;
	arena_init(&arena, client_mem(pool_client(pool)));
	rc = pool_call(pool, opc_cont_destroy, &in, &out, &arena);
	arena_fini(&arena);
	return rc;
}

/* ---- open, close ---------------------------------------------------------------------------------------------------------------- */
static uint64_t
number_of(const daos_prop_t *list, uint32_t id, uint64_t otherwise)
{
	const struct daos_prop_entry *entry = prop_list_find(list, id);

	return entry != NULL ? entry->dpe_val : otherwise;
}

static int
take_props(struct cont *cont, const struct rpc_prop *got, uint32_t nr)
{
	struct daos_prop_entry *entry;
	daos_prop_t *list;
	int rc;

	rc = proto_props_from(got, nr, cont->mem, &list);
	if (rc != 0)
		return rc;
	cont->props = (struct cont_props){.redun_fac = (uint32_t)number_of(list, DAOS_PROP_CO_REDUN_FAC, 0),
					  .redun_lvl = (uint32_t)number_of(list, DAOS_PROP_CO_REDUN_LVL, PMAP_LEVEL_NODE),
					  .csum_type = (uint16_t)number_of(list, DAOS_PROP_CO_CSUM, 0),
					  .csum_server_verify = number_of(list, DAOS_PROP_CO_CSUM_SERVER_VERIFY, 0) != 0,
					  .csum_chunk = number_of(list, DAOS_PROP_CO_CSUM_CHUNK_SIZE, 32768),
					  .ec_cell = (uint32_t)number_of(list, DAOS_PROP_CO_EC_CELL_SZ, 0),
					  .layout_type = (uint16_t)number_of(list, DAOS_PROP_CO_LAYOUT_TYPE, 0)};
	entry = prop_list_find(list, DAOS_PROP_CO_LABEL);
	if (entry != NULL && entry->dpe_str != NULL && strlen(entry->dpe_str) < sizeof(cont->props.label))
		strcpy(cont->props.label, entry->dpe_str);
	entry = prop_list_find(list, DAOS_PROP_CO_ROOTS);
	if (entry != NULL && entry->dpe_val_ptr != NULL)
		memcpy(cont->props.roots, entry->dpe_val_ptr, sizeof(cont->props.roots));
	prop_list_free(cont->mem, list);
	return 0;
}

static struct cont *
cont_new(struct pool *pool)
{
	struct mem *mem = client_mem(pool_client(pool));
	struct cont *cont = MEM_NEW(mem, struct cont);

	if (cont == NULL)
		return NULL;
	cont->pool = pool_get(pool);
	cont->mem = mem;
	cont->refs = 1;
	return cont;
}

struct cont *
cont_get(struct cont *cont)
{
	cont->refs++;
	return cont;
}

void
cont_put(struct cont *cont)
{
	ASSERT(cont->refs > 0);
	if (--cont->refs > 0)
		return;
	pool_put(cont->pool);
	mem_free(cont->mem, cont);
}

int
cont_open(struct pool *pool, const char *name, uint32_t flags, struct cont **result)
{
	struct cont_open_in in = {.flags = flags};
	struct cont_open_out out = {0};
	struct cont *cont = cont_new(pool);
	struct arena arena;
	const void *cred;
	size_t cred_len;
	int rc;

	if (cont == NULL)
		return -DER_NOMEM;
	arena_init(&arena, cont->mem);
	rc = name_to(name, &in.label, in.cont);
	if (rc == 0)
		rc = client_credential(pool_client(pool), &cred, &cred_len);
	if (rc == 0) {
		new_uuid(pool_client(pool), cont->handle);
		memcpy(in.handle, cont->handle, sizeof(uuid_t));
		in.cred = (struct proto_bytes_type){.data = cred, .len = (uint32_t)cred_len};
		rc = pool_call(pool, opc_cont_open, &in, &out, &arena);
	}
	if (rc == 0) {
		memcpy(cont->uuid, out.cont, sizeof(uuid_t));
		cont->flags = flags;
		cont->rights = out.rights;
		rc = take_props(cont, out.props, out.props_nr);
	}
	arena_fini(&arena);
	if (rc != 0) {
		cont_put(cont);
		return rc;
	}
	*result = cont;
	return 0;
}

int
cont_close(struct cont *cont)
{
	struct cont_close_in in = {0};
	struct cont_close_out out = {0};
	struct arena arena;
	int rc = 0;

	if (!cont->imported) {
		arena_init(&arena, cont->mem);
		rc = call(cont, opc_cont_close, &in, &out, &arena);
		arena_fini(&arena);
	}
	if (rc == 0)
		cont_put(cont);
	return rc;
}

int
cont_clone(struct cont *cont, struct cont **clone)
{
	char text[37];

	uuid_unparse_lower(cont->uuid, text);
	return cont_open(cont->pool, text, ((cont->flags & COO_WRITERS) != 0 ? COO_RW : COO_RO) | COO_RO_MDSTATS, clone);
}

int
cont_reopen(struct cont *cont)
{
	struct cont *fresh;
	int rc = cont_clone(cont, &fresh);

	if (rc != 0)
		return rc;
	memcpy(cont->handle, fresh->handle, sizeof(uuid_t));
	cont_put(fresh);
	return 0;
}

void
cont_on_fenced(struct cont *cont, int (*revive)(void *arg, const uuid_t handle, daos_obj_id_t oid), void *arg)
{
	cont->revive = revive;
	cont->revive_arg = arg;
}

int
cont_revive(struct cont *cont, const uuid_t handle, daos_obj_id_t oid)
{
	return cont->revive != NULL ? cont->revive(cont->revive_arg, handle, oid) : -DER_NO_HDL;
}

struct pool *
cont_pool(const struct cont *cont)
{
	return cont->pool;
}

struct client *
cont_client(const struct cont *cont)
{
	return pool_client(cont->pool);
}

const uint8_t *
cont_uuid(const struct cont *cont)
{
	return cont->uuid;
}

const uint8_t *
cont_handle(const struct cont *cont)
{
	return cont->handle;
}

bool
cont_writable(const struct cont *cont)
{
	return (cont->flags & COO_WRITERS) != 0;
}

const struct cont_props *
cont_props(const struct cont *cont)
{
	return &cont->props;
}

/* ---- asking, properties, attributes -------------------------------------------------------------------------------------------------- */
int
cont_query(struct cont *cont, daos_cont_info_t *info)
{
	struct cont_query_in in = {0};
	struct cont_query_out out = {0};
	struct arena arena;
	int rc;

	arena_init(&arena, cont->mem);
	rc = call(cont, opc_cont_query, &in, &out, &arena);
	if (rc == 0) {
		memcpy(info->ci_uuid, cont->uuid, sizeof(uuid_t));
		info->ci_lsnapshot = out.info.last_snapshot;
		info->ci_nhandles = out.info.handles;
		info->ci_nsnapshots = out.info.snapshots;
		info->ci_md_otime = out.info.opened;
		info->ci_md_mtime = out.info.modified;
	}
	arena_fini(&arena);
	return rc;
}

int
cont_prop_query(struct cont *cont, struct arena *arena, daos_prop_t *props)
{
	struct cont_prop_get_in in = {0};
	struct cont_prop_get_out out = {0};
	int rc;

	in.types = ARENA_NEW_ARRAY(arena, uint32_t, props->dpp_nr + 1);
	if (in.types == NULL)
		return -DER_NOMEM;
	for (uint32_t i = 0; i < props->dpp_nr; i++)
		in.types[in.types_nr++] = props->dpp_entries[i].dpe_type;
	rc = call(cont, opc_cont_prop_get, &in, &out, arena);
	return rc != 0 ? rc : pool_props_deliver(out.props, out.props_nr, arena, props);
}

int
cont_prop_set(struct cont *cont, const daos_prop_t *props)
{
	struct cont_prop_set_in in = {0};
	struct cont_prop_set_out out = {0};
	struct arena arena;
	int rc;

	arena_init(&arena, cont->mem);
	rc = proto_props_to(props, NULL, 0, &arena, &in.props, &in.props_nr);
	if (rc == 0)
		rc = call(cont, opc_cont_prop_set, &in, &out, &arena);
	arena_fini(&arena);
	return rc;
}

int
cont_attr_list(struct cont *cont, struct arena *arena, const char ***names, uint32_t *nr)
{
	struct cont_attr_list_in in = {0};
	struct cont_attr_list_out out = {0};
	int rc = call(cont, opc_cont_attr_list, &in, &out, arena);

	*names = out.names;
	*nr = out.names_nr;
	return rc;
}

int
cont_attr_get(struct cont *cont, struct arena *arena, struct attr *attrs, uint32_t nr)
{
	struct cont_attr_get_in in = {0};
	struct cont_attr_get_out out = {0};
	int rc;

	in.names = ARENA_NEW_ARRAY(arena, const char *, nr + 1);
	if (in.names == NULL)
		return -DER_NOMEM;
	for (uint32_t i = 0; i < nr; i++)
		in.names[in.names_nr++] = attrs[i].name;
	rc = call(cont, opc_cont_attr_get, &in, &out, arena);
	if (rc == 0 && out.attrs_nr != nr)
		rc = -DER_PROTO;
	for (uint32_t i = 0; rc == 0 && i < nr; i++) {
		attrs[i].value = out.attrs[i].name != NULL ? out.attrs[i].value.data : NULL;
		attrs[i].size = out.attrs[i].name != NULL ? out.attrs[i].value.len : 0;
	}
	return rc;
}

int
cont_attr_set(struct cont *cont, const struct attr *attrs, uint32_t nr)
{
	struct cont_attr_set_in in = {0};
	struct cont_attr_set_out out = {0};
	struct arena arena;
	int rc = -DER_NOMEM;

	arena_init(&arena, cont->mem);
	in.attrs = ARENA_NEW_ARRAY(&arena, struct rpc_attr, nr + 1);
	if (in.attrs != NULL) {
		for (uint32_t i = 0; i < nr; i++)
			in.attrs[in.attrs_nr++] = (struct rpc_attr){.name = attrs[i].name,
								    .value = {.data = attrs[i].value, .len = (uint32_t)attrs[i].size}};
		rc = call(cont, opc_cont_attr_set, &in, &out, &arena);
	}
	arena_fini(&arena);
	return rc;
}

int
cont_attr_del(struct cont *cont, const char *const *names, uint32_t nr)
{
	struct cont_attr_del_in in = {.names = (const char **)names, .names_nr = nr};
	struct cont_attr_del_out out = {0};
	struct arena arena;
	int rc;

	arena_init(&arena, cont->mem);
	rc = call(cont, opc_cont_attr_del, &in, &out, &arena);
	arena_fini(&arena);
	return rc;
}

/* ---- object ids ------------------------------------------------------------------------------------------------------------------------- */
int
cont_alloc_oids(struct cont *cont, uint64_t nr, uint64_t *first)
{
	struct cont_alloc_oids_in in = {.nr = nr};
	struct cont_alloc_oids_out out = {0};
	struct arena arena;
	int rc;

	arena_init(&arena, cont->mem);
	rc = call_revived(cont, opc_cont_alloc_oids, &in, &out, &arena);
	arena_fini(&arena);
	*first = out.first;
	return rc;
}

int
cont_generate_oid(struct cont *cont, daos_obj_id_t *oid, uint32_t type, uint32_t cls, uint32_t hints)
{
	const struct pool_map *map = pool_map(cont->pool);
	struct oclass_want want = {.id = cls,
				   .type = type,
				   .hints = (daos_oclass_hints_t)hints,
				   .redun_fac = cont->props.redun_fac,
				   .domain_nr = pmap_domain_nr(map, cont->props.redun_lvl),
				   .target_nr = pmap_target_nr(map),
				   .reserve = -1};
	daos_oclass_id_t id;
	int rc;

	if (!daos_otype_t_is_valid(type))
		return -DER_INVAL;
	rc = oclass_choose(&want, &id);
	if (rc == 0)
		*oid = oclass_oid(*oid, type, id);
	return rc;
}

/* ---- snapshots ---------------------------------------------------------------------------------------------------------------------------- */
int
cont_snap_create(struct cont *cont, const char *name, daos_epoch_t *epoch)
{
	struct cont_snap_create_in in = {.name = name};
	struct cont_snap_create_out out = {0};
	struct arena arena;
	int rc;

	arena_init(&arena, cont->mem);
	rc = call(cont, opc_cont_snap_create, &in, &out, &arena);
	arena_fini(&arena);
	*epoch = out.epoch;
	return rc;
}

int
cont_snap_destroy(struct cont *cont, daos_epoch_range_t range)
{
	struct cont_snap_destroy_in in = {.range = range};
	struct cont_snap_destroy_out out = {0};
	struct arena arena;
	int rc;

	arena_init(&arena, cont->mem);
	rc = call(cont, opc_cont_snap_destroy, &in, &out, &arena);
	arena_fini(&arena);
	return rc;
}

int
cont_snap_list(struct cont *cont, struct arena *arena, struct cont_snap **result, uint32_t *result_nr)
{
	struct cont_snap_list_in in = {0};
	struct cont_snap_list_out out;
	struct cont_snap *snaps = NULL, *more;
	uint32_t nr = 0;
	int rc;

	do {
		memset(&out, 0, sizeof(out));
		rc = call(cont, opc_cont_snap_list, &in, &out, arena);
		if (rc != 0)
			return rc;
		more = ARENA_NEW_ARRAY(arena, struct cont_snap, nr + out.snaps_nr + 1);
		if (more == NULL)
			return -DER_NOMEM;
		if (nr > 0)
			memcpy(more, snaps, sizeof(*more) * nr);
		snaps = more;
		for (uint32_t i = 0; i < out.snaps_nr; i++, nr++) {
			snaps[nr].epoch = in.after = out.snaps[i].epoch;
			if (out.snaps[i].name != NULL && strlen(out.snaps[i].name) < sizeof(snaps[nr].name))
				strcpy(snaps[nr].name, out.snaps[i].name);
		}
	} while (out.more && out.snaps_nr > 0);
	*result = snaps;
	*result_nr = nr;
	return 0;
}

/* ---- sessions ---------------------------------------------------------------------------------------------------------------------------- */
int
cont_session_lease(struct cont *cont, const uuid_t session, uint64_t lease_ms, bool exclusive, const char *machine, struct cont_lease *lease)
{
	struct cont_session_lease_in in = {.lease_ms = lease_ms, .exclusive = exclusive, .machine = machine};
	struct cont_session_lease_out out = {0};
	struct arena arena;
	int rc;

	memcpy(in.session, session, sizeof(uuid_t));
	arena_init(&arena, cont->mem);
	rc = call(cont, opc_cont_session_lease, &in, &out, &arena);
	arena_fini(&arena);
	*lease = (struct cont_lease){.lease_ms = out.lease_ms, .exclusive = out.exclusive, .sessions = out.sessions, .recalled = out.recalled};
	return rc;
}

int
cont_session_renew(struct cont *cont, const struct cont_renewal *renewal, struct arena *arena, struct cont_renewed *renewed)
{
	struct cont_session_renew_in in = {.number = renewal->number, .lease_ms = renewal->lease_ms, .wait_ms = renewal->wait_ms,
					   .want = renewal->want, .fresh = renewal->fresh, .machine = renewal->machine,
					   .heard = renewal->heard, .heard_nr = renewal->heard_nr};
	struct cont_session_renew_out out = {0};
	int rc;

	memcpy(in.session, renewal->session, sizeof(uuid_t));
	memcpy(in.at.cont, cont->uuid, sizeof(uuid_t));
	memcpy(in.at.handle, cont->handle, sizeof(uuid_t));
	rc = pool_call_until(cont->pool, opc_cont_session_renew, &in, &out, arena, renewal->deadline_ns);
	*renewed = (struct cont_renewed){.lease_ms = out.lease_ms, .locks = out.locks, .exclusive = out.exclusive, .recalled = out.recalled,
					 .shut = out.shut, .sessions = out.sessions, .granted = out.granted, .granted_nr = out.granted_nr};
	return rc;
}

/* ---- locks --------------------------------------------------------------------------------------------------------------------------------- */
_Static_assert((int)CONT_LOCK_UNKNOWN == (int)CONT_VERDICT_UNKNOWN && (int)CONT_LOCK_LATER == (int)CONT_VERDICT_LATER, "verdicts");
_Static_assert((int)CONT_LOCK_GRANTED == (int)LOCK_GRANTED && (int)CONT_LOCK_CIRCLE == (int)LOCK_CIRCLE, "verdicts");
_Static_assert((int)CONT_OP_CANCEL == (int)CONT_LOCK_CANCEL && (int)CONT_STILL_EXCLUSIVE == (int)CONT_HAS_EXCLUSIVE, "operations");

static struct cont_lock_range
range_of(const struct lock_want *want)
{
	return (struct cont_lock_range){.file = want->file, .owner = want->owner, .start = want->start, .end = want->end, .pid = want->pid,
					.space = want->space, .kind = want->kind};
}

int
cont_lock_ask(struct cont *cont, struct cont_lock_call *ask)
{
	struct cont_lock_in in = {.locks = ask->locks, .number = ask->number, .floor = ask->floor, .op = ask->op, .lock = range_of(ask->want),
				  .wait = ask->wait};
	struct cont_lock_out out = {0};
	struct arena arena;
	int rc;

	memcpy(in.session, ask->session, sizeof(uuid_t));
	arena_init(&arena, cont->mem);
	rc = call(cont, opc_cont_lock, &in, &out, &arena);
	arena_fini(&arena);
	if (rc == 0 && out.verdict > CONT_LOCK_LATER)
		rc = -DER_PROTO;
	ask->verdict = out.verdict;
	ask->own = out.own;
	if (ask->holder != NULL)
		*ask->holder = (struct lock_want){.file = out.holder.file, .owner = out.holder.owner, .start = out.holder.start, .end = out.holder.end,
						.pid = out.holder.pid, .space = out.holder.space, .kind = out.holder.kind};
	return rc;
}

int
cont_locks_tell(struct cont *cont, const uuid_t session, uint64_t locks, uint64_t floor, const struct lock_want *held, uint32_t nr, bool *known)
{
	struct cont_locks_put_out out = {0};
	uint32_t done = 0;
	int rc;

	do {
		struct cont_locks_put_in in = {.locks = locks, .floor = floor, .first = done == 0};
		struct arena arena;

		memcpy(in.session, session, sizeof(uuid_t));
		arena_init(&arena, cont->mem);
		in.held_nr = MIN(nr - done, LOCKS_A_CALL);
		in.held = ARENA_NEW_ARRAY(&arena, struct cont_lock_range, in.held_nr + 1);
		rc = in.held != NULL ? 0 : -DER_NOMEM;
		for (uint32_t i = 0; rc == 0 && i < in.held_nr; i++)
			in.held[i] = range_of(&held[done + i]);
		done += in.held_nr;
		in.last = done == nr;
		if (rc == 0)
			rc = call(cont, opc_cont_locks_put, &in, &out, &arena);
		arena_fini(&arena);
	} while (rc == 0 && out.known && done < nr);
	*known = out.known;
	return rc;
}

int
cont_session_list(struct cont *cont, struct arena *arena, uuid_t **sessions, uint32_t *nr)
{
	struct cont_session_list_in in = {0};
	struct cont_session_list_out out = {0};
	int rc = call_revived(cont, opc_cont_session_list, &in, &out, arena);

	if (rc != 0)
		return rc;
	*sessions = ARENA_NEW_ARRAY(arena, uuid_t, out.sessions_nr + 1);
	if (*sessions == NULL)
		return -DER_NOMEM;
	*nr = 0;
	for (uint32_t i = 0; i < out.sessions_nr; i++)
		if (out.sessions[i].left_ms > 0)
			memcpy((*sessions)[(*nr)++], out.sessions[i].session, sizeof(uuid_t));
	return 0;
}

/* ---- sharing ------------------------------------------------------------------------------------------------------------------------------- */
int
cont_export(struct cont *cont, void *buf, size_t *size)
{
	struct packer packer;

	if (buf == NULL)
		packer_init_count(&packer);
	else
		packer_init(&packer, buf, *size);
	pack_u32(&packer, EXPORT_VERSION);
	pack_uuid(&packer, cont->uuid);
	pack_uuid(&packer, cont->handle);
	pack_u64(&packer, cont->flags);
	pack_u64(&packer, cont->rights);
	*size = packer_len(&packer);
	return packer_rc(&packer);
}

int
cont_export_read(const void *buf, size_t size, struct cont_exported *exported)
{
	struct unpacker unpacker;

	unpacker_init(&unpacker, buf, size);
	if (unpack_u32(&unpacker) != EXPORT_VERSION)
		unpacker_fail(&unpacker, -DER_PROTO);
	unpack_uuid(&unpacker, exported->uuid);
	unpack_uuid(&unpacker, exported->handle);
	exported->flags = unpack_u64(&unpacker);
	exported->rights = unpack_u64(&unpacker);
	return unpacker_rc(&unpacker) != 0 ? -DER_INVAL : 0;
}

int
cont_import(struct pool *pool, const void *buf, size_t size, struct cont **result)
{
	struct cont_prop_get_in in = {0};
	struct cont_prop_get_out out = {0};
	struct cont_exported from;
	struct cont *cont;
	struct arena arena;
	int rc = cont_export_read(buf, size, &from);

	if (rc != 0)
		return rc;
	cont = cont_new(pool);
	if (cont == NULL)
		return -DER_NOMEM;
	cont->imported = true;
	memcpy(cont->uuid, from.uuid, sizeof(uuid_t));
	memcpy(cont->handle, from.handle, sizeof(uuid_t));
	cont->flags = from.flags;
	cont->rights = from.rights;
	arena_init(&arena, cont->mem);
	rc = call(cont, opc_cont_prop_get, &in, &out, &arena);
	if (rc == 0)
		rc = take_props(cont, out.props, out.props_nr);
	arena_fini(&arena);
	if (rc != 0) {
		cont_put(cont);
		return rc;
	}
	*result = cont;
	return 0;
}
