/* SPDX-License-Identifier: Apache-2.0 */
/* Flat key-value stores: daos_kv.h over client/kv. Functions that run in ULTs may yield. */
#include "core.h"

#include <daos_task.h>

static int
open_body(void *args)
{
	daos_kv_open_t *in = args;
	struct core_use use;
	struct kv *kv;
	int rc = core__use(&use, in->coh, DAOS_HTYPE_CO, DAOS_TX_NONE);

	if (rc == 0 && in->oh == NULL)
		rc = -DER_INVAL;
	if (rc == 0)
		rc = kv_open(use.object, in->oid, in->mode, &kv);
	if (rc == 0)
		rc = core__handle(DAOS_HTYPE_KV, kv, in->oh);
	return core__done(&use, rc);
}

int
daos_kv_open(daos_handle_t coh, daos_obj_id_t oid, unsigned int mode, daos_handle_t *oh, daos_event_t *ev)
{
	daos_kv_open_t args = {.coh = coh, .oid = oid, .mode = mode, .oh = oh};

	return core__call(open_body, NULL, &args, sizeof(args), ev);
}

static int
close_body(void *args)
{
	daos_kv_close_t *in = args;

	return core__handle_close(in->oh, DAOS_HTYPE_KV);
}

int
daos_kv_close(daos_handle_t oh, daos_event_t *ev)
{
	daos_kv_close_t args = {.oh = oh};

	return core__call(close_body, NULL, &args, sizeof(args), ev);
}

static int
destroy_body(void *args)
{
	daos_kv_destroy_t *in = args;
	struct core_use use;
	int rc = core__use(&use, in->oh, DAOS_HTYPE_KV, in->th);

	return core__done(&use, rc != 0 ? rc : kv_destroy(use.object, use.tx));
}

int
daos_kv_destroy(daos_handle_t oh, daos_handle_t th, daos_event_t *ev)
{
	daos_kv_destroy_t args = {.oh = oh, .th = th};

	return core__call(destroy_body, NULL, &args, sizeof(args), ev);
}

static int
put_body(void *args)
{
	daos_kv_put_t *in = args;
	struct core_use use;
	int rc = core__use(&use, in->oh, DAOS_HTYPE_KV, in->th);

	return core__done(&use, rc != 0 ? rc : kv_put(use.object, use.tx, in->flags, in->key, in->buf_size, in->buf));
}

static int
put_keep(void *args, struct arena *arena)
{
	daos_kv_put_t *in = args;

	return core__keep_text(&in->key, arena);
}

int
daos_kv_put(daos_handle_t oh, daos_handle_t th, uint64_t flags, const char *key, daos_size_t size, const void *buf, daos_event_t *ev)
{
	daos_kv_put_t args = {.oh = oh, .th = th, .flags = flags, .key = key, .buf_size = size, .buf = buf};

	return key != NULL ? core__call(put_body, put_keep, &args, sizeof(args), ev) : -DER_INVAL;
}

static int
get_body(void *args)
{
	daos_kv_get_t *in = args;
	struct core_use use;
	int rc = core__use(&use, in->oh, DAOS_HTYPE_KV, in->th);

	return core__done(&use, rc != 0 ? rc : kv_get(use.object, use.tx, in->flags, in->key, in->buf_size, in->buf));
}

static int
get_keep(void *args, struct arena *arena)
{
	daos_kv_get_t *in = args;

	return core__keep_text(&in->key, arena);
}

int
daos_kv_get(daos_handle_t oh, daos_handle_t th, uint64_t flags, const char *key, daos_size_t *size, void *buf, daos_event_t *ev)
{
	daos_kv_get_t args = {.oh = oh, .th = th, .flags = flags, .key = key, .buf_size = size, .buf = buf};

	return key != NULL && size != NULL ? core__call(get_body, get_keep, &args, sizeof(args), ev) : -DER_INVAL;
}

static int
remove_body(void *args)
{
	daos_kv_remove_t *in = args;
	struct core_use use;
	int rc = core__use(&use, in->oh, DAOS_HTYPE_KV, in->th);

	return core__done(&use, rc != 0 ? rc : kv_remove(use.object, use.tx, in->flags, in->key));
}

static int
remove_keep(void *args, struct arena *arena)
{
	daos_kv_remove_t *in = args;

	return core__keep_text(&in->key, arena);
}

int
daos_kv_remove(daos_handle_t oh, daos_handle_t th, uint64_t flags, const char *key, daos_event_t *ev)
{
	daos_kv_remove_t args = {.oh = oh, .th = th, .flags = flags, .key = key};

	return key != NULL ? core__call(remove_body, remove_keep, &args, sizeof(args), ev) : -DER_INVAL;
}

static int
list_body(void *args)
{
	daos_kv_list_t *in = args;
	struct core_use use;
	int rc = core__use(&use, in->oh, DAOS_HTYPE_KV, in->th);

	return core__done(&use, rc != 0 ? rc : kv_list(use.object, use.tx, in->nr, in->kds, in->sgl, in->anchor));
}

int
daos_kv_list(daos_handle_t oh, daos_handle_t th, uint32_t *nr, daos_key_desc_t *kds, d_sg_list_t *sgl, daos_anchor_t *anchor, daos_event_t *ev)
{
	daos_kv_list_t args = {.oh = oh, .th = th, .nr = nr, .kds = kds, .sgl = sgl, .anchor = anchor};

	if (nr == NULL || *nr == 0 || kds == NULL || sgl == NULL || anchor == NULL)
		return -DER_INVAL;
	return core__call(list_body, NULL, &args, sizeof(args), ev);
}

const struct core_task core__kv_tasks[] = {
	{DAOS_OPC_KV_OPEN, open_body, sizeof(daos_kv_open_t)},       {DAOS_OPC_KV_CLOSE, close_body, sizeof(daos_kv_close_t)},
	{DAOS_OPC_KV_DESTROY, destroy_body, sizeof(daos_kv_destroy_t)}, {DAOS_OPC_KV_GET, get_body, sizeof(daos_kv_get_t)},
	{DAOS_OPC_KV_PUT, put_body, sizeof(daos_kv_put_t)},          {DAOS_OPC_KV_REMOVE, remove_body, sizeof(daos_kv_remove_t)},
	{DAOS_OPC_KV_LIST, list_body, sizeof(daos_kv_list_t)},       {DAOS_OPC_INVALID, NULL, 0},
};
