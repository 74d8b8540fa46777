/* SPDX-License-Identifier: Apache-2.0 */
/* Objects: daos_obj.h over client/object. Functions that run in ULTs may yield. Buffers are the caller's until the end of the call. */
#include "core.h"

#include <daos_task.h>

/* ---- life ------------------------------------------------------------------------------------------------------------------ */
static int
open_body(void *args)
{
	daos_obj_open_t *in = args;
	struct object *object;
	struct core_use use;
	int rc = core__use(&use, in->coh, DAOS_HTYPE_CO, DAOS_TX_NONE);

	if (rc == 0 && in->oh == NULL)
		rc = -DER_INVAL;
	if (rc == 0)
		rc = object_open(use.object, in->oid, in->mode, &object);
	if (rc == 0)
		rc = core__handle(DAOS_HTYPE_OBJ, object, in->oh);
	return core__done(&use, rc);
}

int
daos_obj_open(daos_handle_t coh, daos_obj_id_t oid, unsigned int mode, daos_handle_t *oh, daos_event_t *ev)
{
	daos_obj_open_t args = {.coh = coh, .oid = oid, .mode = mode, .oh = oh};

	return core__call(open_body, NULL, &args, sizeof(args), ev);
}

static int
close_body(void *args)
{
	daos_obj_close_t *in = args;

	return core__handle_close(in->oh, DAOS_HTYPE_OBJ);
}

int
daos_obj_close(daos_handle_t oh, daos_event_t *ev)
{
	daos_obj_close_t args = {.oh = oh};

	return core__call(close_body, NULL, &args, sizeof(args), ev);
}

/* ---- data ------------------------------------------------------------------------------------------------------------------- */
static int
fetch_body(void *args)
{
	daos_obj_fetch_t *in = args;
	struct core_use use;
	int rc = core__use(&use, in->oh, DAOS_HTYPE_OBJ, in->th);

	if (rc == 0)
		rc = object_fetch(use.object, use.tx, in->flags, in->dkey, in->nr, in->iods, in->sgls, in->ioms);
	return core__done(&use, rc);
}

static bool
has_key(const daos_key_t *key)
{
	return key != NULL && key->iov_buf != NULL && key->iov_len > 0;
}

int
daos_obj_fetch(daos_handle_t oh, daos_handle_t th, uint64_t flags, daos_key_t *dkey, unsigned int nr, daos_iod_t *iods, d_sg_list_t *sgls,
	       daos_iom_t *ioms, daos_event_t *ev)
{
	daos_obj_fetch_t args = {.th = th, .oh = oh, .flags = flags, .dkey = dkey, .nr = nr, .iods = iods, .sgls = sgls, .ioms = ioms};

	if (!has_key(dkey) || (nr > 0 && iods == NULL))
		return -DER_INVAL;
	return core__call(fetch_body, NULL, &args, sizeof(args), ev);
}

static int
update_body(void *args)
{
	daos_obj_update_t *in = args;
	struct core_use use;
	int rc = core__use(&use, in->oh, DAOS_HTYPE_OBJ, in->th);

	if (rc == 0)
		rc = object_update(use.object, use.tx, in->flags, in->dkey, in->nr, in->iods, in->sgls);
	return core__done(&use, rc);
}

int
daos_obj_update(daos_handle_t oh, daos_handle_t th, uint64_t flags, daos_key_t *dkey, unsigned int nr, daos_iod_t *iods, d_sg_list_t *sgls,
		daos_event_t *ev)
{
	daos_obj_update_t args = {.th = th, .oh = oh, .flags = flags, .dkey = dkey, .nr = nr, .iods = iods, .sgls = sgls};

	if (!has_key(dkey) || nr == 0 || iods == NULL)
		return -DER_INVAL;
	return core__call(update_body, NULL, &args, sizeof(args), ev);
}

/* ---- punches ------------------------------------------------------------------------------------------------------------------ */
static int
punch_body(void *args)
{
	daos_obj_punch_t *in = args;
	struct core_use use;
	int rc = core__use(&use, in->oh, DAOS_HTYPE_OBJ, in->th);

	return core__done(&use, rc != 0 ? rc : object_punch(use.object, use.tx, in->flags));
}

int
daos_obj_punch(daos_handle_t oh, daos_handle_t th, uint64_t flags, daos_event_t *ev)
{
	daos_obj_punch_t args = {.th = th, .oh = oh, .flags = flags};

	return core__call(punch_body, NULL, &args, sizeof(args), ev);
}

/* akey_nr of the arguments is the number of dkeys, where there are several; a task has one and leaves it 0. */
static int
punch_dkeys_body(void *args)
{
	daos_obj_punch_t *in = args;
	struct core_use use;
	int rc = core__use(&use, in->oh, DAOS_HTYPE_OBJ, in->th);

	if (rc == 0)
		rc = object_punch_dkeys(use.object, use.tx, in->flags, MAX(in->akey_nr, 1U), in->dkey);
	return core__done(&use, rc);
}

int
daos_obj_punch_dkeys(daos_handle_t oh, daos_handle_t th, uint64_t flags, unsigned int nr, daos_key_t *dkeys, daos_event_t *ev)
{
	daos_obj_punch_t args = {.th = th, .oh = oh, .dkey = dkeys, .flags = flags, .akey_nr = nr};

	if (nr == 0 || dkeys == NULL)
		return -DER_INVAL;
	return core__call(punch_dkeys_body, NULL, &args, sizeof(args), ev);
}

static int
punch_akeys_body(void *args)
{
	daos_obj_punch_t *in = args;
	struct core_use use;
	int rc = core__use(&use, in->oh, DAOS_HTYPE_OBJ, in->th);

	if (rc == 0)
		rc = object_punch_akeys(use.object, use.tx, in->flags, in->dkey, in->akey_nr, in->akeys);
	return core__done(&use, rc);
}

int
daos_obj_punch_akeys(daos_handle_t oh, daos_handle_t th, uint64_t flags, daos_key_t *dkey, unsigned int nr, daos_key_t *akeys, daos_event_t *ev)
{
	daos_obj_punch_t args = {.th = th, .oh = oh, .dkey = dkey, .akeys = akeys, .flags = flags, .akey_nr = nr};

	if (!has_key(dkey) || nr == 0 || akeys == NULL)
		return -DER_INVAL;
	return core__call(punch_akeys_body, NULL, &args, sizeof(args), ev);
}

/* ---- enumerations ---------------------------------------------------------------------------------------------------------------- */
static int
list_dkey_body(void *args)
{
	daos_obj_list_t *in = args;
	struct core_use use;
	int rc = core__use(&use, in->oh, DAOS_HTYPE_OBJ, in->th);

	if (rc == 0)
		rc = object_list(use.object, use.tx, NULL, in->nr, in->kds, in->sgl, in->dkey_anchor);
	return core__done(&use, rc);
}

int
daos_obj_list_dkey(daos_handle_t oh, daos_handle_t th, uint32_t *nr, daos_key_desc_t *kds, d_sg_list_t *sgl, daos_anchor_t *anchor,
		   daos_event_t *ev)
{
	daos_obj_list_t args = {.oh = oh, .th = th, .nr = nr, .kds = kds, .sgl = sgl, .dkey_anchor = anchor};

	if (nr == NULL || *nr == 0 || kds == NULL || sgl == NULL || anchor == NULL)
		return -DER_INVAL;
	return core__call(list_dkey_body, NULL, &args, sizeof(args), ev);
}

static int
list_akey_body(void *args)
{
	daos_obj_list_t *in = args;
	struct core_use use;
	int rc = core__use(&use, in->oh, DAOS_HTYPE_OBJ, in->th);

	if (rc == 0)
		rc = object_list(use.object, use.tx, in->dkey, in->nr, in->kds, in->sgl, in->akey_anchor);
	return core__done(&use, rc);
}

int
daos_obj_list_akey(daos_handle_t oh, daos_handle_t th, daos_key_t *dkey, uint32_t *nr, daos_key_desc_t *kds, d_sg_list_t *sgl,
		   daos_anchor_t *anchor, daos_event_t *ev)
{
	daos_obj_list_t args = {.oh = oh, .th = th, .dkey = dkey, .nr = nr, .kds = kds, .sgl = sgl, .akey_anchor = anchor};

	if (!has_key(dkey) || nr == NULL || *nr == 0 || kds == NULL || sgl == NULL || anchor == NULL)
		return -DER_INVAL;
	return core__call(list_akey_body, NULL, &args, sizeof(args), ev);
}

static int
list_recx_body(void *args)
{
	daos_obj_list_t *in = args;
	struct core_use use;
	int rc = core__use(&use, in->oh, DAOS_HTYPE_OBJ, in->th);

	if (rc == 0)
		rc = object_list_recx(use.object, use.tx, in->dkey, in->akey, in->size, in->nr, in->recxs, in->eprs, in->anchor, in->incr_order);
	return core__done(&use, rc);
}

int
daos_obj_list_recx(daos_handle_t oh, daos_handle_t th, daos_key_t *dkey, daos_key_t *akey, daos_size_t *size, uint32_t *nr, daos_recx_t *recxs,
		   daos_epoch_range_t *eprs, daos_anchor_t *anchor, bool incr_order, daos_event_t *ev)
{
	daos_obj_list_t args = {.oh = oh, .th = th, .dkey = dkey, .akey = akey, .size = size, .nr = nr, .recxs = recxs, .eprs = eprs,
				.anchor = anchor, .incr_order = incr_order};

	if (!has_key(dkey) || !has_key(akey) || nr == NULL || *nr == 0 || recxs == NULL || anchor == NULL)
		return -DER_INVAL;
	return core__call(list_recx_body, NULL, &args, sizeof(args), ev);
}

/* ---- queries ---------------------------------------------------------------------------------------------------------------------- */
static int
query_key_body(void *args)
{
	daos_obj_query_key_t *in = args;
	struct core_use use;
	int rc = core__use(&use, in->oh, DAOS_HTYPE_OBJ, in->th);

	if (rc == 0 && in->max_epoch != NULL)
		rc = object_query_epoch(use.object, use.tx, in->max_epoch);
	else if (rc == 0)
		rc = object_query_key(use.object, use.tx, in->flags, in->dkey, in->akey, in->recx);
	return core__done(&use, rc);
}

int
daos_obj_query_key(daos_handle_t oh, daos_handle_t th, uint64_t flags, daos_key_t *dkey, daos_key_t *akey, daos_recx_t *recx, daos_event_t *ev)
{
	daos_obj_query_key_t args = {.oh = oh, .th = th, .dkey = dkey, .akey = akey, .recx = recx, .flags = flags};

	return core__call(query_key_body, NULL, &args, sizeof(args), ev);
}

int
daos_obj_query_max_epoch(daos_handle_t oh, daos_handle_t th, daos_epoch_t *epoch, daos_event_t *ev)
{
	daos_obj_query_key_t args = {.oh = oh, .th = th, .max_epoch = epoch};

	return epoch != NULL ? core__call(query_key_body, NULL, &args, sizeof(args), ev) : -DER_INVAL;
}

/* ---- parts of an enumeration: there is one ------------------------------------------------------------------------------------------- */
static int
check_body(void *args)
{
	daos_handle_t *oh = args;
	struct core_use use;

	return core__done(&use, core__use(&use, *oh, DAOS_HTYPE_OBJ, DAOS_TX_NONE));
}

int
daos_obj_anchor_split(daos_handle_t oh, uint32_t *nr, daos_anchor_t *anchors)
{
	int rc;

	if (nr == NULL)
		return -DER_INVAL;
	rc = core__call(check_body, NULL, &oh, sizeof(oh), NULL);
	if (rc != 0)
		return rc;
	for (uint32_t i = 0; anchors != NULL && i < MAX(*nr, 1U); i++) {
		memset(&anchors[i], 0, sizeof(anchors[i]));
		if (i > 0)
			anchors[i].da_type = DAOS_ANCHOR_TYPE_EOF;
	}
	*nr = 1;
	return 0;
}

int
daos_obj_anchor_set(daos_handle_t oh, uint32_t index, daos_anchor_t *anchor)
{
	int rc;

	if (anchor == NULL || index != 0)
		return -DER_INVAL;
	rc = core__call(check_body, NULL, &oh, sizeof(oh), NULL);
	if (rc == 0)
		memset(anchor, 0, sizeof(*anchor));
	return rc;
}

/* ---- for tasks ------------------------------------------------------------------------------------------------------------------------ */
const struct core_task core__object_tasks[] = {
	{DAOS_OPC_OBJ_OPEN, open_body, sizeof(daos_obj_open_t)},
	{DAOS_OPC_OBJ_CLOSE, close_body, sizeof(daos_obj_close_t)},
	{DAOS_OPC_OBJ_PUNCH, punch_body, sizeof(daos_obj_punch_t)},
	{DAOS_OPC_OBJ_PUNCH_DKEYS, punch_dkeys_body, sizeof(daos_obj_punch_t)},
	{DAOS_OPC_OBJ_PUNCH_AKEYS, punch_akeys_body, sizeof(daos_obj_punch_t)},
	{DAOS_OPC_OBJ_QUERY_KEY, query_key_body, sizeof(daos_obj_query_key_t)},
	{DAOS_OPC_OBJ_FETCH, fetch_body, sizeof(daos_obj_fetch_t)},
	{DAOS_OPC_OBJ_UPDATE, update_body, sizeof(daos_obj_update_t)},
	{DAOS_OPC_OBJ_LIST_DKEY, list_dkey_body, sizeof(daos_obj_list_t)},
	{DAOS_OPC_OBJ_LIST_AKEY, list_akey_body, sizeof(daos_obj_list_t)},
	{DAOS_OPC_OBJ_LIST_RECX, list_recx_body, sizeof(daos_obj_list_t)},
	{DAOS_OPC_INVALID, NULL, 0},
};
