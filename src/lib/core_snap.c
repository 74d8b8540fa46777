/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Object ids and snapshots of containers, and transactions. Functions that run in ULTs may yield.
 *
 * An enumeration of snapshots remembers in its anchor the epoch of the last one that was given.
 */
#include "core.h"

#include <daos_task.h>

/* ---- object ids ------------------------------------------------------------------------------------------------------------ */
static int
alloc_oids_body(void *args)
{
	daos_cont_alloc_oids_t *in = args;
	struct core_use use;
	int rc = core__use(&use, in->coh, DAOS_HTYPE_CO, DAOS_TX_NONE);

	return core__done(&use, rc != 0 ? rc : cont_alloc_oids(use.object, in->num_oids, in->oid));
}

int
daos_cont_alloc_oids(daos_handle_t coh, daos_size_t num_oids, uint64_t *oid, daos_event_t *ev)
{
	daos_cont_alloc_oids_t args = {.coh = coh, .num_oids = num_oids, .oid = oid};

	return oid != NULL && num_oids > 0 ? core__call(alloc_oids_body, NULL, &args, sizeof(args), ev) : -DER_INVAL;
}

struct generate {
	daos_handle_t coh;
	daos_obj_id_t *oid;
	uint32_t type, cls, hints;
};

static int
generate_body(void *args)
{
	struct generate *in = args;
	struct core_use use;
	int rc = core__use(&use, in->coh, DAOS_HTYPE_CO, DAOS_TX_NONE);

	return core__done(&use, rc != 0 ? rc : cont_generate_oid(use.object, in->oid, in->type, in->cls, in->hints));
}

int
daos_obj_generate_oid2(daos_handle_t coh, daos_obj_id_t *oid, enum daos_otype_t type, daos_oclass_id_t cid, daos_oclass_hints_t hints,
		       uint32_t args)
{
	struct generate generate = {.coh = coh, .oid = oid, .type = type, .cls = cid, .hints = hints};

	return oid != NULL ? core__call(generate_body, NULL, &generate, sizeof(generate), NULL) : -DER_INVAL;
}

#undef daos_obj_generate_oid
int daos_obj_generate_oid(daos_handle_t coh, daos_obj_id_t *oid, enum daos_otype_t type, daos_oclass_id_t cid, daos_oclass_hints_t hints,
			  uint32_t args) __attribute__((alias("daos_obj_generate_oid2"), visibility("default")));

/* ---- snapshots --------------------------------------------------------------------------------------------------------------- */
static int
create_body(void *args)
{
	daos_cont_create_snap_t *in = args;
	struct core_use use;
	int rc = core__use(&use, in->coh, DAOS_HTYPE_CO, DAOS_TX_NONE);

	return core__done(&use, rc != 0 ? rc : cont_snap_create(use.object, in->name, in->epoch));
}

static int
create_keep(void *args, struct arena *arena)
{
	daos_cont_create_snap_t *in = args;

	return core__keep_text((const char **)&in->name, arena);
}

int
daos_cont_create_snap_opt(daos_handle_t coh, daos_epoch_t *epoch, char *name, enum daos_snapshot_opts opts, daos_event_t *ev)
{
	daos_cont_create_snap_t args = {.coh = coh, .opts = opts, .epoch = epoch, .name = name};

	if (epoch == NULL || (opts & DAOS_SNAP_OPT_CR) == 0 || (name != NULL && strlen(name) >= DAOS_SNAPSHOT_MAX_LEN))
		return -DER_INVAL;
	if ((opts & DAOS_SNAP_OPT_OIT) != 0)
		return -DER_NOSYS;
	return core__call(create_body, create_keep, &args, sizeof(args), ev);
}

int
daos_cont_create_snap(daos_handle_t coh, daos_epoch_t *epoch, char *name, daos_event_t *ev)
{
	return daos_cont_create_snap_opt(coh, epoch, name, DAOS_SNAP_OPT_CR, ev);
}

static void
give_snaps(daos_cont_list_snap_t *in, const struct cont_snap *snaps, uint32_t nr)
{
	bool count = in->epochs == NULL && in->names == NULL;
	uint64_t after = 0;
	uint32_t i = 0;
	int given = 0;

	if (in->anchor->da_type != DAOS_ANCHOR_TYPE_ZERO)
		memcpy(&after, in->anchor->da_buf, sizeof(after));
	for (; i < nr && (count || given < *in->nr); i++) {
		if (snaps[i].epoch <= after)
			continue;
		if (in->epochs != NULL)
			in->epochs[given] = snaps[i].epoch;
		if (in->names != NULL && in->names[given] != NULL)
			memcpy(in->names[given], snaps[i].name, DAOS_SNAPSHOT_MAX_LEN);
		memcpy(in->anchor->da_buf, &snaps[i].epoch, sizeof(after));
		given++;
	}
	in->anchor->da_type = i == nr ? DAOS_ANCHOR_TYPE_EOF : DAOS_ANCHOR_TYPE_HKEY;
	*in->nr = given;
}

static int
list_body(void *args)
{
	daos_cont_list_snap_t *in = args;
	struct cont_snap *snaps;
	struct core_use use;
	struct arena arena;
	uint32_t nr;
	int rc = core__use(&use, in->coh, DAOS_HTYPE_CO, DAOS_TX_NONE);

	arena_init(&arena, core__mem());
	if (rc == 0)
		rc = cont_snap_list(use.object, &arena, &snaps, &nr);
	if (rc == 0)
		give_snaps(in, snaps, nr);
	arena_fini(&arena);
	return core__done(&use, rc);
}

int
daos_cont_list_snap(daos_handle_t coh, int *nr, daos_epoch_t *epochs, char **names, daos_anchor_t *anchor, daos_event_t *ev)
{
	daos_cont_list_snap_t args = {.coh = coh, .nr = nr, .epochs = epochs, .names = names, .anchor = anchor};

	return nr != NULL && anchor != NULL && *nr >= 0 ? core__call(list_body, NULL, &args, sizeof(args), ev) : -DER_INVAL;
}

static int
destroy_body(void *args)
{
	daos_cont_destroy_snap_t *in = args;
	struct core_use use;
	int rc = core__use(&use, in->coh, DAOS_HTYPE_CO, DAOS_TX_NONE);

	return core__done(&use, rc != 0 ? rc : cont_snap_destroy(use.object, in->epr));
}

int
daos_cont_destroy_snap(daos_handle_t coh, daos_epoch_range_t epr, daos_event_t *ev)
{
	daos_cont_destroy_snap_t args = {.coh = coh, .epr = epr};

	if (epr.epr_lo != epr.epr_hi || epr.epr_lo == 0)
		return -DER_INVAL;
	return core__call(destroy_body, NULL, &args, sizeof(args), ev);
}

/* ---- transactions ---------------------------------------------------------------------------------------------------------------- */
static int
tx_open_body(void *args)
{
	daos_tx_open_t *in = args;
	struct core_use use;
	struct tx *tx;
	int rc = core__use(&use, in->coh, DAOS_HTYPE_CO, DAOS_TX_NONE);

	if (rc == 0)
		rc = tx_open(use.object, in->flags, &tx);
	if (rc == 0)
		rc = core__handle(DAOS_HTYPE_TX, tx, in->th);
	return core__done(&use, rc);
}

int
daos_tx_open(daos_handle_t coh, daos_handle_t *th, uint64_t flags, daos_event_t *ev)
{
	daos_tx_open_t args = {.coh = coh, .th = th, .flags = flags};

	if (th == NULL || (flags & ~(uint64_t)(DAOS_TF_RDONLY | DAOS_TF_ZERO_COPY)) != 0)
		return -DER_INVAL;
	return core__call(tx_open_body, NULL, &args, sizeof(args), ev);
}

static int
tx_open_snap_body(void *args)
{
	daos_tx_open_snap_t *in = args;
	struct core_use use;
	struct tx *tx;
	int rc = core__use(&use, in->coh, DAOS_HTYPE_CO, DAOS_TX_NONE);

	if (rc == 0)
		rc = tx_open_snap(use.object, in->epoch, &tx);
	if (rc == 0)
		rc = core__handle(DAOS_HTYPE_TX, tx, in->th);
	return core__done(&use, rc);
}

int
daos_tx_open_snap(daos_handle_t coh, daos_epoch_t epoch, daos_handle_t *th, daos_event_t *ev)
{
	daos_tx_open_snap_t args = {.coh = coh, .epoch = epoch, .th = th};

	return th != NULL ? core__call(tx_open_snap_body, NULL, &args, sizeof(args), ev) : -DER_INVAL;
}

static int
tx_commit_body(void *args)
{
	daos_tx_commit_t *in = args;
	struct core_use use;
	int rc = core__use(&use, in->th, DAOS_HTYPE_TX, DAOS_TX_NONE);

	return core__done(&use, rc != 0 ? rc : tx_commit(use.object));
}

int
daos_tx_commit(daos_handle_t th, daos_event_t *ev)
{
	daos_tx_commit_t args = {.th = th};

	return core__call(tx_commit_body, NULL, &args, sizeof(args), ev);
}

static int
tx_abort_body(void *args)
{
	daos_tx_abort_t *in = args;
	struct core_use use;
	int rc = core__use(&use, in->th, DAOS_HTYPE_TX, DAOS_TX_NONE);

	return core__done(&use, rc != 0 ? rc : tx_abort(use.object));
}

int
daos_tx_abort(daos_handle_t th, daos_event_t *ev)
{
	daos_tx_abort_t args = {.th = th};

	return core__call(tx_abort_body, NULL, &args, sizeof(args), ev);
}

static int
tx_restart_body(void *args)
{
	daos_tx_restart_t *in = args;
	struct core_use use;
	int rc = core__use(&use, in->th, DAOS_HTYPE_TX, DAOS_TX_NONE);

	return core__done(&use, rc != 0 ? rc : tx_restart(use.object));
}

int
daos_tx_restart(daos_handle_t th, daos_event_t *ev)
{
	daos_tx_restart_t args = {.th = th};

	return core__call(tx_restart_body, NULL, &args, sizeof(args), ev);
}

static int
tx_close_body(void *args)
{
	daos_tx_close_t *in = args;

	return core__handle_close(in->th, DAOS_HTYPE_TX);
}

int
daos_tx_close(daos_handle_t th, daos_event_t *ev)
{
	daos_tx_close_t args = {.th = th};

	return core__call(tx_close_body, NULL, &args, sizeof(args), ev);
}

struct tx_epoch_args {
	daos_handle_t th;
	daos_epoch_t *epoch;
};

static int
tx_epoch_body(void *args)
{
	struct tx_epoch_args *in = args;
	struct core_use use;
	int rc = core__use(&use, in->th, DAOS_HTYPE_TX, DAOS_TX_NONE);

	return core__done(&use, rc != 0 ? rc : tx_epoch(use.object, in->epoch));
}

int
daos_tx_hdl2epoch(daos_handle_t th, daos_epoch_t *epoch)
{
	struct tx_epoch_args args = {.th = th, .epoch = epoch};

	return epoch != NULL ? core__call(tx_epoch_body, NULL, &args, sizeof(args), NULL) : -DER_INVAL;
}

/* ---- for tasks --------------------------------------------------------------------------------------------------------------------- */
const struct core_task core__tx_tasks[] = {
	{DAOS_OPC_CONT_ALLOC_OIDS, alloc_oids_body, sizeof(daos_cont_alloc_oids_t)},
	{DAOS_OPC_CONT_LIST_SNAP, list_body, sizeof(daos_cont_list_snap_t)},
	{DAOS_OPC_CONT_CREATE_SNAP, create_body, sizeof(daos_cont_create_snap_t)},
	{DAOS_OPC_CONT_DESTROY_SNAP, destroy_body, sizeof(daos_cont_destroy_snap_t)},
	{DAOS_OPC_TX_OPEN, tx_open_body, sizeof(daos_tx_open_t)},
	{DAOS_OPC_TX_COMMIT, tx_commit_body, sizeof(daos_tx_commit_t)},
	{DAOS_OPC_TX_ABORT, tx_abort_body, sizeof(daos_tx_abort_t)},
	{DAOS_OPC_TX_OPEN_SNAP, tx_open_snap_body, sizeof(daos_tx_open_snap_t)},
	{DAOS_OPC_TX_CLOSE, tx_close_body, sizeof(daos_tx_close_t)},
	{DAOS_OPC_TX_RESTART, tx_restart_body, sizeof(daos_tx_restart_t)},
	{DAOS_OPC_INVALID, NULL, 0},
};
