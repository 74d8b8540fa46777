/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Punches, enumeration and queries. An enumeration goes through the groups one after another: da_shard of the anchor is the
 * group, the rest is the target's. A transaction that wrote to what it enumerates is told -DER_NOTSUPPORTED: its own writes are
 * not merged into lists.
 */
#include "internal.h"

#include "base/sg.h"

#define EMPTY_ROUNDS_MAX 100000U /* a target that answers nothing for ever is not believed */

/* ---- punch ---------------------------------------------------------------------------------------------------------------- */
static int
punch_group(struct object *object, uint32_t group, uint64_t flags, uint32_t dkey_nr, daos_key_t *dkeys, uint32_t akey_nr, daos_key_t *akeys)
{
	struct object_punch_in in = {.flags = flags, .dkeys = dkeys, .dkeys_nr = dkey_nr, .akeys = akeys, .akeys_nr = akey_nr};
	struct object_punch_out out = {0};
	struct client *client = cont_client(object->cont);
	struct object_call call = {.object = object, .group = group, .opc = opc_object_punch, .in = &in, .out = &out};
	struct arena arena;
	int rc;

	arena_init(&arena, client_mem(client));
	call.arena = &arena;
	client_new_id(client, in.dtx.client, &in.dtx.hlc);
	rc = object__call(&call);
	arena_fini(&arena);
	return rc;
}

static int
may_write(const struct object *object, struct tx *tx)
{
	if ((object->mode & (DAOS_OO_RW | DAOS_OO_EXCL)) == 0)
		return -DER_NO_PERM;
	return tx != NULL ? tx__usable(tx, true) : 0;
}

/* Several groups at once are one transaction, so that all is gone or nothing. */
static int
in_transaction(struct object *object, int (*body)(struct object *object, struct tx *tx, void *arg), void *arg)
{
	struct tx *tx;
	int rc;

	rc = tx_open(object->cont, 0, &tx);
	if (rc != 0)
		return rc;
	for (;;) {
		rc = body(object, tx, arg);
		if (rc == 0)
			rc = tx_commit(tx);
		if (rc != -DER_TX_RESTART)
			break;
		rc = tx_restart(tx);
		if (rc != 0)
			break;
	}
	tx_close(tx);
	return rc;
}

struct punch {
	uint64_t flags;
	uint32_t nr;
	daos_key_t *dkeys;
};

static int
punch_in_tx(struct object *object, struct tx *tx, void *arg)
{
	struct punch *punch = arg;
	int rc = 0;

	if (punch->nr == 0)
		return tx__add_punch(tx, object, punch->flags, NULL, 0, NULL);
	for (uint32_t i = 0; rc == 0 && i < punch->nr; i++)
		rc = tx__add_punch(tx, object, punch->flags, &punch->dkeys[i], 0, NULL);
	return rc;
}

int
object_punch(struct object *object, struct tx *tx, uint64_t flags)
{
	struct punch punch = {.flags = flags};
	int rc = may_write(object, tx);

	if (rc != 0)
		return rc;
	if (tx != NULL)
		return punch_in_tx(object, tx, &punch);
	if (object->group_nr == 1)
		return punch_group(object, 0, flags, 0, NULL, 0, NULL);
	return in_transaction(object, punch_in_tx, &punch);
}

int
object_punch_dkeys(struct object *object, struct tx *tx, uint64_t flags, uint32_t nr, daos_key_t *dkeys)
{
	struct punch punch = {.flags = flags, .nr = nr, .dkeys = dkeys};
	int rc = may_write(object, tx);

	if (rc != 0)
		return rc;
	if (nr == 0 || dkeys == NULL)
		return -DER_INVAL;
	for (uint32_t i = 0; i < nr; i++)
		if (dkeys[i].iov_buf == NULL || dkeys[i].iov_len == 0)
			return -DER_INVAL;
	if (tx != NULL)
		return punch_in_tx(object, tx, &punch);
	for (uint32_t i = 1; i < nr; i++)
		if (object__group_of(object, &dkeys[i]) != object__group_of(object, &dkeys[0]))
			return in_transaction(object, punch_in_tx, &punch);
	return punch_group(object, object__group_of(object, &dkeys[0]), flags, nr, dkeys, 0, NULL);
}

int
object_punch_akeys(struct object *object, struct tx *tx, uint64_t flags, daos_key_t *dkey, uint32_t nr, daos_key_t *akeys)
{
	int rc = may_write(object, tx);

	if (rc != 0)
		return rc;
	if (dkey == NULL || dkey->iov_buf == NULL || dkey->iov_len == 0 || nr == 0 || akeys == NULL)
		return -DER_INVAL;
	if (tx != NULL)
		return tx__add_punch(tx, object, flags, dkey, nr, akeys);
	return punch_group(object, object__group_of(object, dkey), flags, 1, dkey, nr, akeys);
}

/* ---- lists ------------------------------------------------------------------------------------------------------------------ */
struct listing {
	struct object *object;
	struct tx *tx;
	struct object_list_in in;
	struct object_list_out out;
	struct arena arena;
	daos_anchor_t *anchor;
	bool one_group;
};

static int
list_begin(struct listing *list, struct object *object, struct tx *tx, uint8_t kind, const daos_key_t *dkey, const daos_key_t *akey,
	   daos_anchor_t *anchor)
{
	int rc = tx != NULL ? tx__usable(tx, false) : 0;

	if (rc != 0)
		return rc;
	if (anchor == NULL || (kind != OBJECT_LIST_DKEY && (dkey == NULL || dkey->iov_buf == NULL)))
		return -DER_INVAL;
	if (tx != NULL && tx__wrote(tx, object, dkey))
		return -DER_NOTSUPPORTED;
	*list = (struct listing){.object = object, .tx = tx, .anchor = anchor, .one_group = dkey != NULL};
	list->in.kind = kind;
	if (dkey != NULL)
		list->in.dkey = *dkey;
	if (akey != NULL)
		list->in.akey = *akey;
	if (list->one_group && anchor->da_type == DAOS_ANCHOR_TYPE_ZERO)
		anchor->da_shard = (uint16_t)object__group_of(object, dkey);
	if (anchor->da_shard >= object->group_nr)
		return -DER_INVAL;
	arena_init(&list->arena, client_mem(cont_client(object->cont)));
	return 0;
}

/* Asks the group where the anchor stands until it says something; moves the anchor. */
static int
list_step(struct listing *list, uint32_t max, uint32_t room)
{
	struct object_call call = {.object = list->object, .opc = opc_object_list, .in = &list->in, .out = &list->out, .arena = &list->arena};
	int rc;

	for (uint32_t round = 0; round < EMPTY_ROUNDS_MAX; round++) {
		uint16_t group = list->anchor->da_shard;

		call.group = group;
		list->in.when = object__when(list->tx);
		list->in.anchor = *list->anchor;
		list->in.anchor.da_shard = 0;
		list->in.max = max;
		list->in.room = room;
		memset(&list->out, 0, sizeof(list->out));
		rc = object__call(&call);
		object__when_answered(list->tx, &list->out.hint);
		if (rc != 0)
			return rc;
		if (list->out.entries_nr > max)
			return -DER_PROTO;
		*list->anchor = list->out.anchor;
		list->anchor->da_shard = group;
		if (list->anchor->da_type == DAOS_ANCHOR_TYPE_EOF && !list->one_group && (uint32_t)group + 1 < list->object->group_nr) {
			*list->anchor = (daos_anchor_t)DAOS_ANCHOR_INIT;
			list->anchor->da_shard = (uint16_t)(group + 1);
		}
		if (list->out.entries_nr > 0 || list->anchor->da_type == DAOS_ANCHOR_TYPE_EOF)
			return 0;
	}
	return -DER_PROTO;
}

int
object_list(struct object *object, struct tx *tx, daos_key_t *dkey, uint32_t *nr, daos_key_desc_t *kds, d_sg_list_t *sgl, daos_anchor_t *anchor)
{
	struct listing list;
	uint64_t sum = 0;
	int rc;

	if (nr == NULL || *nr == 0 || kds == NULL || sgl == NULL)
		return -DER_INVAL;
	if (anchor != NULL && anchor->da_type == DAOS_ANCHOR_TYPE_EOF) {
		*nr = 0;
		return 0;
	}
	rc = list_begin(&list, object, tx, dkey == NULL ? OBJECT_LIST_DKEY : OBJECT_LIST_AKEY, dkey, NULL, anchor);
	if (rc != 0)
		return rc;
	rc = list_step(&list, *nr, (uint32_t)MIN(sgl_capacity(sgl), (size_t)UINT32_MAX));
	if (rc == -DER_KEY2BIG)
		kds[0].kd_key_len = list.out.key_needed;
	if (rc == 0 && tx != NULL)
		rc = tx__add_read(tx, object, dkey, 0, NULL);
	for (uint32_t i = 0; rc == 0 && i < list.out.entries_nr; i++) {
		kds[i].kd_key_len = list.out.entries[i].key_len;
		kds[i].kd_val_type = list.out.entries[i].type;
		sum += list.out.entries[i].key_len;
	}
	if (rc == 0 && (sum != list.out.data.len || sgl_copy_in(sgl, 0, list.out.data.data, sum) != sum))
		rc = -DER_PROTO;
	if (rc == 0) {
		sgl_set_length(sgl, sum);
		*nr = list.out.entries_nr;
	}
	arena_fini(&list.arena);
	return rc;
}

int
object_list_recx(struct object *object, struct tx *tx, daos_key_t *dkey, daos_key_t *akey, daos_size_t *size, uint32_t *nr, daos_recx_t *recxs,
		 daos_epoch_range_t *eprs, daos_anchor_t *anchor, bool increasing)
{
	struct listing list;
	int rc;

	if (nr == NULL || *nr == 0 || recxs == NULL || akey == NULL || akey->iov_buf == NULL)
		return -DER_INVAL;
	if (anchor != NULL && anchor->da_type == DAOS_ANCHOR_TYPE_EOF) {
		*nr = 0;
		return 0;
	}
	rc = list_begin(&list, object, tx, OBJECT_LIST_RECX, dkey, akey, anchor);
	if (rc != 0)
		return rc;
	list.in.reverse = !increasing;
	rc = list_step(&list, *nr, 0);
	if (rc == 0 && tx != NULL)
		rc = tx__add_read(tx, object, dkey, 1, akey);
	for (uint32_t i = 0; rc == 0 && i < list.out.entries_nr; i++) {
		recxs[i] = list.out.entries[i].recx;
		if (eprs != NULL)
			eprs[i] = (daos_epoch_range_t){.epr_lo = list.out.entries[i].epoch, .epr_hi = list.out.entries[i].epoch};
		if (size != NULL)
			*size = list.out.entries[i].size;
	}
	if (rc == 0)
		*nr = list.out.entries_nr;
	arena_fini(&list.arena);
	return rc;
}

int
cont_list_objects(struct cont *cont, daos_epoch_t epoch, daos_obj_id_t *oids, uint32_t *nr, daos_anchor_t *anchor)
{
	return -DER_NOSYS;
}

/* ---- queries ------------------------------------------------------------------------------------------------------------------- */
struct query {
	uint64_t flags;
	daos_key_t *dkey, *akey;
	daos_recx_t *recx;
};

static uint64_t
integer_of(const daos_key_t *key)
{
	uint64_t value = 0;

	if (key->iov_buf != NULL && key->iov_len == sizeof(value))
		memcpy(&value, key->iov_buf, sizeof(value));
	return value;
}

/* Takes the answer of a group when it is the first or a better one. */
static int
take_answer(struct query *query, const struct object_query_key_out *out, bool *have, uint64_t *best)
{
	uint64_t dkey = integer_of(&out->dkey), akey = integer_of(&out->akey);

	if ((query->flags & DAOS_GET_DKEY) != 0) {
		if (out->dkey.iov_len != sizeof(uint64_t))
			return -DER_PROTO;
		if (*have && ((query->flags & DAOS_GET_MAX) != 0 ? dkey <= *best : dkey >= *best))
			return 0;
		if (query->dkey->iov_buf == NULL || query->dkey->iov_buf_len < sizeof(dkey))
			return -DER_INVAL;
		memcpy(query->dkey->iov_buf, &dkey, sizeof(dkey));
		query->dkey->iov_len = sizeof(dkey);
		*best = dkey;
	}
	if ((query->flags & DAOS_GET_AKEY) != 0) {
		if (out->akey.iov_len != sizeof(uint64_t))
			return -DER_PROTO;
		if (query->akey->iov_buf == NULL || query->akey->iov_buf_len < sizeof(akey))
			return -DER_INVAL;
		memcpy(query->akey->iov_buf, &akey, sizeof(akey));
		query->akey->iov_len = sizeof(akey);
	}
	if ((query->flags & DAOS_GET_RECX) != 0)
		*query->recx = out->recx;
	*have = true;
	return 0;
}

static int
query_ok(const struct object *object, uint64_t flags, const daos_key_t *dkey, const daos_key_t *akey, const daos_recx_t *recx)
{
	uint64_t way = flags & (DAOS_GET_MAX | DAOS_GET_MIN), what = flags & (DAOS_GET_DKEY | DAOS_GET_AKEY | DAOS_GET_RECX);

	if ((way != DAOS_GET_MAX && way != DAOS_GET_MIN) || what == 0 || dkey == NULL)
		return -DER_INVAL;
	if ((what & DAOS_GET_DKEY) != 0 ? !daos_is_dkey_uint64(object->oid) : dkey->iov_buf == NULL)
		return -DER_INVAL;
	if ((what & (DAOS_GET_AKEY | DAOS_GET_RECX)) != 0 && akey == NULL)
		return -DER_INVAL;
	if ((what & DAOS_GET_AKEY) != 0 && !daos_is_akey_uint64(object->oid))
		return -DER_INVAL;
	if ((what & DAOS_GET_RECX) != 0 && (recx == NULL || ((what & DAOS_GET_AKEY) == 0 && akey->iov_buf == NULL)))
		return -DER_INVAL;
	return 0;
}

int
object_query_key(struct object *object, struct tx *tx, uint64_t flags, daos_key_t *dkey, daos_key_t *akey, daos_recx_t *recx)
{
	struct query query = {.flags = flags, .dkey = dkey, .akey = akey, .recx = recx};
	struct object_query_key_in in = {.flags = flags};
	struct object_query_key_out out;
	struct object_call call = {.object = object, .opc = opc_object_query_key, .in = &in, .out = &out};
	uint32_t first = 0, end = object->group_nr;
	bool have = false;
	struct arena arena;
	uint64_t best = 0;
	int rc;

	rc = query_ok(object, flags, dkey, akey, recx);
	if (rc == 0 && tx != NULL)
		rc = tx__usable(tx, false);
	if (rc == 0 && tx != NULL && tx__wrote(tx, object, (flags & DAOS_GET_DKEY) != 0 ? NULL : dkey))
		rc = -DER_NOTSUPPORTED;
	if (rc != 0)
		return rc;
	if ((flags & DAOS_GET_DKEY) == 0) {
		in.dkey = *dkey;
		first = object__group_of(object, dkey);
		end = first + 1;
	}
	if (akey != NULL && (flags & DAOS_GET_AKEY) == 0)
		in.akey = *akey;
	arena_init(&arena, client_mem(cont_client(object->cont)));
	call.arena = &arena;
	for (call.group = first; rc == 0 && call.group < end; call.group++) {
		in.when = object__when(tx);
		memset(&out, 0, sizeof(out));
		rc = object__call(&call);
		object__when_answered(tx, &out.hint);
		if (rc == 0)
			rc = take_answer(&query, &out, &have, &best);
		else if (rc == -DER_NONEXIST)
			rc = 0;
	}
	if (rc == 0 && tx != NULL)
		rc = tx__add_read(tx, object, (flags & DAOS_GET_DKEY) != 0 ? NULL : dkey, 0, NULL);
	arena_fini(&arena);
	return rc == 0 && !have ? -DER_NONEXIST : rc;
}

int
object_query_epoch(struct object *object, struct tx *tx, daos_epoch_t *epoch)
{
	struct object_query_epoch_in in = {0};
	struct object_query_epoch_out out;
	struct object_call call = {.object = object, .opc = opc_object_query_epoch, .in = &in, .out = &out};
	struct arena arena;
	int rc = tx != NULL ? tx__usable(tx, false) : 0;

	*epoch = 0;
	arena_init(&arena, client_mem(cont_client(object->cont)));
	call.arena = &arena;
	for (call.group = 0; rc == 0 && call.group < object->group_nr; call.group++) {
		in.when = object__when(tx);
		memset(&out, 0, sizeof(out));
		rc = object__call(&call);
		object__when_answered(tx, &out.hint);
		if (rc == 0)
			*epoch = MAX(*epoch, out.newest);
	}
	arena_fini(&arena);
	return rc;
}
