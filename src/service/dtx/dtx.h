/* SPDX-License-Identifier: Apache-2.0 */
/*
 * service/dtx: transactions over targets. The leader chooses the epoch, has every member prepare its writes in parallel
 * with its own, and answers when all are durably prepared; the commit follows at once in memory and is durable lazily.
 *
 *        idle ──prepare──> prepared ──all prepared──> committed ──retention──> forgotten
 *                             └──any refused──> aborted
 *
 *	dtx I1  A transaction is committed on a member only when it was durably prepared on all.
 *	dtx I2  A crash before the answer leaves it prepared somewhere; resync commits it when it is prepared everywhere, else aborts it everywhere.
 *	dtx I3  A transaction id runs at one place at a time, and is applied at most once.
 *	dtx I4  A transaction id that was refused for good is not applied later: a late repetition gets the same answer.
 *
 * In this stage members are targets of one engine; the writes of members on other ranks are refused with -DER_NOSYS.
 */
#ifndef SERVICE_DTX_H
#define SERVICE_DTX_H

#include <daos_types.h>
#include <daos_obj.h>
#include "base/base.h"
#include "env/env.h"
#include "ult/ult.h"
#include "vos/vos.h"
#include "proto/object.h"
#include "service/target/target.h"

struct dtx; /* of one engine */

int dtx_create(struct env *env, struct targets *targets, uint32_t rank, struct dtx **dtx);
void dtx_destroy(struct dtx *dtx);

/** One write with its data: what proto/object carries, the bytes made reachable. */
struct dtx_write {
	const struct object_write *write;
	const struct iovec *data; /* UPDATE: the values of all iods, one after another */
	int data_nr;
	uint32_t target;          /* index in this engine */
	struct mem *mem;          /* for the while of a call */
};

struct dtx_run {
	struct target *leader;         /* the caller's */
	const uint8_t *pool, *cont;    /* uuids */
	const struct rpc_dtx_id *id;
	uint64_t epoch;                /* 0: chosen when all is ready */
	uint32_t map_version;
	const struct dtx_write *writes;
	uint32_t write_nr;
	struct arena *arena;
	/* Called, when not NULL, once it is certain to be committed and visible at the leader; what is left is to tell the other targets. */
	void (*certain)(struct dtx_run *run, void *arg);
	void *arg;
	/* out */
	uint64_t epoch_used;
};
/**
 * Runs a transaction; all is durable when it returns 0. YIELDS. What vos_apply says of a condition, -DER_TX_RESTART, -DER_NOSPACE, -DER_INPROGRESS when
 * another transaction stands in the way for too long, -DER_IO.
 */
int dtx_run(struct dtx *dtx, struct dtx_run *run);

/**
 * Waits until a transaction that stood in the way (-DER_INPROGRESS) may be out of it; 0: try again. YIELDS. -DER_INPROGRESS after some attempts;
 * -DER_IO at once where nothing can be decided any more, because the shard has failed.
 */
int dtx_resolve(struct dtx *dtx, struct target *target, struct target_cont *cont, const struct vos_conflict *conflict, uint32_t attempt);

/** Finishes what a crash left prepared in a pool that was just opened, before clients are let in. From stream 0. YIELDS */
int dtx_resync(struct dtx *dtx, const uuid_t pool);

/** Begins one write on the caller's target and copies its data. Shared with service/object. YIELDS */
int dtx_op_begin(struct target_cont *cont, const struct dtx_write *write, struct vos_op **op);
/** Copies data into the buffers of a begun update and checks it against its checksums. -DER_CSUM, -DER_IO_INVAL. */
int dtx_op_copy(struct vos_op *op, const daos_iod_t *iods, uint32_t nr, const struct vos_csum *csums, const struct iovec *data, int data_nr);
/** Bytes that the values of iods take; -DER_INVAL when absurd or beyond most. */
int dtx_iods_bytes(const daos_iod_t *iods, uint32_t nr, uint64_t most, uint64_t *bytes);
/** The checksums of a body as vos takes them, from arena; NULL when there are none. */
int dtx_csums(const struct rpc_csum *from, uint32_t nr, uint32_t iod_nr, struct arena *arena, struct vos_csum **csums);

#endif
