/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client/object: objects and transactions. An open object knows its layout; every call computes where each dkey lives.
 * Semantics of flags, keys, iods, anchors: those of daos_obj.h. Buffers belong to the caller until the call returns.
 * Every call may yield and returns 0 or -DER_*.
 */
#ifndef CLIENT_OBJECT_H
#define CLIENT_OBJECT_H

#include <daos_types.h>
#include <daos_obj.h>
#include "base/base.h"
#include "client/core/core.h"
#include "client/cont/cont.h"

struct object;
struct tx;

/** mode: DAOS_OO_*. Local. */
int object_open(struct cont *cont, daos_obj_id_t oid, uint32_t mode, struct object **object);
void object_close(struct object *object);
struct object *object_get(struct object *object);
daos_obj_id_t object_id(const struct object *object);
struct cont *object_cont(const struct object *object);

/* tx NULL: an operation of its own, committed when it returns 0. */
int object_update(struct object *object, struct tx *tx, uint64_t flags, daos_key_t *dkey, uint32_t nr, daos_iod_t *iods, d_sg_list_t *sgls);
int object_fetch(struct object *object, struct tx *tx, uint64_t flags, daos_key_t *dkey, uint32_t nr, daos_iod_t *iods, d_sg_list_t *sgls, daos_iom_t *ioms);
int object_punch(struct object *object, struct tx *tx, uint64_t flags);
int object_punch_dkeys(struct object *object, struct tx *tx, uint64_t flags, uint32_t nr, daos_key_t *dkeys);
int object_punch_akeys(struct object *object, struct tx *tx, uint64_t flags, daos_key_t *dkey, uint32_t nr, daos_key_t *akeys);
/** dkey NULL: dkeys, else akeys of it. nr in: room in kds; out: how many. */
int object_list(struct object *object, struct tx *tx, daos_key_t *dkey, uint32_t *nr, daos_key_desc_t *kds, d_sg_list_t *sgl, daos_anchor_t *anchor);
int object_list_recx(struct object *object, struct tx *tx, daos_key_t *dkey, daos_key_t *akey, daos_size_t *size, uint32_t *nr, daos_recx_t *recxs,
		     daos_epoch_range_t *eprs, daos_anchor_t *anchor, bool increasing);
int object_query_key(struct object *object, struct tx *tx, uint64_t flags, daos_key_t *dkey, daos_key_t *akey, daos_recx_t *recx);
int object_query_epoch(struct object *object, struct tx *tx, daos_epoch_t *epoch);
/** What an answer to object_glance says beyond the values. */
struct object_glance {
	uint64_t last;   /* the highest dkey, an integer; 0: none */
	daos_recx_t recx; /* the last extent of the array below it */
	daos_epoch_t newest; /* as object_query_epoch */
};
/** A fetch of few bytes, the end of the array akey below the highest dkey and the newest change, in one call. -DER_NOTSUPPORTED: the object is spread. */
int object_glance(struct object *object, daos_key_t *dkey, uint32_t nr, daos_iod_t *iods, d_sg_list_t *sgls, const daos_key_t *akey,
		  struct object_glance *glance);

/** A shard of an object for daos object query. */
struct object_shard {
	uint32_t group, shard, rank, target;
};
/** Local: the layout at the present map. shards from arena. */
int object_layout(struct object *object, struct arena *arena, struct object_shard **shards, uint32_t *nr, uint32_t *group_nr);

/** Objects of the container at a snapshot epoch: the object id table. nr in/out; anchor as elsewhere. */
int cont_list_objects(struct cont *cont, daos_epoch_t epoch, daos_obj_id_t *oids, uint32_t *nr, daos_anchor_t *anchor);

/* ---- transactions: reads see one epoch and the transaction's own writes; writes are kept here until commit --------------------- */
enum { TX_RDONLY = 1, TX_ZERO_COPY = 2 };
int tx_open(struct cont *cont, uint64_t flags, struct tx **tx);
/** Reads only, at a snapshot. */
int tx_open_snap(struct cont *cont, daos_epoch_t epoch, struct tx **tx);
/** 0; -DER_TX_RESTART: tx_restart and run it again; -DER_ALREADY when it is committed. Repeated over a restart of the engine: applied once. */
int tx_commit(struct tx *tx);
int tx_abort(struct tx *tx);
/** Forgets what was written; the next epoch is later. */
int tx_restart(struct tx *tx);
void tx_close(struct tx *tx);
int tx_epoch(struct tx *tx, daos_epoch_t *epoch);
struct cont *tx_cont(const struct tx *tx);

#endif
