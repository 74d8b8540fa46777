/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vos/apply: begun ops become one transaction.
 *
 *	1 the staged bytes that go to the data blob are written, durably        (vos I3; yields)
 *	2 one body: is the id known? - epoch - each op - entry of the id       (vos I1, I4)
 *	3 what lives in DRAM follows at once, before anybody else runs: last LSNs, read timestamps of conditions,
 *	  cached objects, the table of prepared transactions
 *
 *	apply I1  Nothing of 3 happens for a body that was undone, but for the read timestamps of a condition that
 *	          failed.
 *
 * A crash between 1 and 2 leaves blocks that nobody names, free after the restart. A crash after 2 leaves all or
 * nothing.
 */
#include "inside.h"

/* ---- 1: data ----------------------------------------------------------------------------------------------------- */
static int
post_data(struct vos_op **ops, uint32_t nr)
{
	int rc = 0;

	for (uint32_t i = 0; i < nr && rc == 0; i++) {
		bool durable = true;

#ifdef PLANTED_vos_skip_data_flush
		durable = false;
#endif
		if (ops[i]->on_blob)
			rc = bio_desc_post(ops[i]->desc, durable);
	}
	return rc;
}

/* ---- 2: the body ------------------------------------------------------------------------------------------------- */
/* 1: known, put->answer says it. 0: new. */
static int
look_up_id(struct put *put)
{
	const struct vos_apply *apply = put->apply;
	const struct dtx *dtx = vos__dtx_by_id(put->cont, apply->id);
	enum vos_dtx_state state;
	int32_t answer;
	int rc;

	if (dtx != NULL) {
		put->epoch = dtx->epoch;
		put->answer = dtx->state == VOS_DTX_REC_ABORTING ? -DER_TX_RESTART : 0;
		if (apply->mode == VOS_COMMIT && dtx->state == VOS_DTX_REC_PREPARED) {
			put->apply->conflict.dtx = dtx->id;
			put->apply->conflict.epoch = dtx->epoch;
			put->answer = -DER_INPROGRESS;
		}
		return 1;
	}
	rc = vos__done_find(put->cont, apply->id, &state, &put->epoch, &answer);
#ifdef PLANTED_vos_run_again
	rc = -DER_NONEXIST;
#endif
	put->answer = answer;
	return rc == 0 ? 1 : rc == -DER_NONEXIST ? 0 : rc;
}

static int
known_body(struct umem *heap, void *arg)
{
	struct put *put = arg;

	return look_up_id(put) == 1;
}

static int
apply_body(struct umem *heap, void *arg)
{
	struct put *put = arg;
	struct vos_apply *apply = put->apply;
	const struct vos_cont_rec *cont = umem_at(heap, put->cont->off);
	int rc = 0;

	put->seen = false;
	put->at = 0;
	apply->conflict = (struct vos_conflict){0};
	for (uint32_t i = 0; i < put->nr; i++) {
		put->ops[i]->object = UMEM_NULL;
		put->ops[i]->stamp_all = false;
	}
	if (apply->id != NULL) {
		rc = look_up_id(put);
		put->seen = rc == 1;
		if (rc != 0)
			return rc < 0 ? rc : 0;
	}
	put->epoch = apply->epoch != 0 ? apply->epoch : apply->next_epoch(apply->next_epoch_arg);
	if (put->epoch == 0) /* the clock cannot go on just now */
		return -DER_OVERLOAD_RETRY;
	if (put->epoch <= cont->aggregated && !put->plain)
		return -DER_TX_RESTART;
	put->look = (struct look){
		.cont = put->cont, .epoch = put->epoch, .local = put->local, .conflict = &apply->conflict};
	/* Before the transaction's own changes hide those of others. */
	for (uint32_t i = 0; i < put->nr && rc == 0; i++)
		if (put->ops[i]->kind == OP_CHECK && put->ops[i]->read_epoch != 0)
			rc = vos__put_unchanged(put, put->ops[i]);
	for (; put->at < put->nr && rc == 0; put->at += rc == 0)
		rc = vos__put_op(put, put->ops[put->at], (uint16_t)(put->at + 1));
	if (rc != 0)
		return rc;
	if (apply->mode == VOS_PREPARE)
		return vos__dtx_write(put, &put->dtx->off);
	return apply->id != NULL ? vos__done_add(put->cont, apply->id, VOS_DTX_COMMITTED, put->epoch, 0) : 0;
}

/* ---- 3: DRAM ----------------------------------------------------------------------------------------------------- */
/* An op that asked whether something is there has read it, at the epoch of the transaction. */
static void
stamp_op(const struct put *put, const struct vos_op *op, bool applied)
{
	struct stamps *stamps = &put->pool->vx->stamps;
	bool asked = op->kind == OP_CHECK || (op->flags & DAOS_COND_MASK) != 0 || (applied && op->stamp_all);

	if (!asked || put->plain)
		return;
	if (op->whole) {
		vos__stamp(stamps, STAMP_OBJECT_ALL, op->hash_object, put->epoch, put->reader);
		return;
	}
	vos__stamp(stamps, STAMP_OBJECT_SUB, op->hash_object, put->epoch, put->reader);
	if (op->nr == 0 || (op->flags & (DAOS_COND_DKEY_INSERT | DAOS_COND_DKEY_UPDATE | DAOS_COND_DKEY_FETCH)) != 0)
		vos__stamp(stamps, STAMP_DKEY_ALL, op->hash_dkey, put->epoch, put->reader);
	else
		vos__stamp(stamps, STAMP_DKEY_SUB, op->hash_dkey, put->epoch, put->reader);
	for (uint32_t i = 0; i < op->nr; i++)
		vos__stamp(stamps, STAMP_AKEY, op->iods[i].hash, put->epoch, put->reader);
}

/* What the op saw becomes durable with this LSN at the latest. */
static uint64_t
lsn_seen(const struct put *put, const struct vos_op *op)
{
	const struct lsn_tables *tables = put->pool->lsn;
	uint64_t lsn = tables->punch[op->hash_object % LSN_OBJECTS];

	return MAX(lsn,
		   op->whole ? tables->object[op->hash_object % LSN_OBJECTS] : tables->dkey[op->hash_dkey % LSN_DKEYS]);
}

static void
applied(struct put *put, uint64_t lsn)
{
	struct vos_cont *cont = put->cont;

	for (uint32_t i = 0; i < put->nr; i++) {
		struct vos_op *op = put->ops[i];

		stamp_op(put, op, true);
		if (op->kind == OP_CHECK)
			continue;
		vos__mark(put->pool, cont->hash, op->hash_object, op->hash_dkey, op->whole, lsn);
		if (op->object != UMEM_NULL)
			vos__cache_put(cont, &op->oid, op->shard, op->object);
		for (uint32_t a = 0; a < op->nr; a++)
			for (uint32_t v = 0; v < op->iods[a].value_nr; v++)
				for (uint32_t p = 0; p < op->iods[a].values[v].part_nr; p++)
					op->iods[a].values[v].pieces[p].reserved = false;
	}
	for (uint32_t i = 0; i < put->nr; i++) /* also what ops before it have found there */
		if (put->ops[i]->whole && (put->ops[i]->flags & VOS_FORGET) != 0)
			vos__cache_drop(cont, &put->ops[i]->oid, put->ops[i]->shard);
	if (put->apply->id != NULL)
		cont->dtx_lsn = lsn;
	if (put->dtx != NULL) {
		vos__dtx_link(cont, put->dtx);
		put->dtx = NULL;
	}
}

/* Nothing was changed: what the caller is told rests on what the ops before the failure saw. */
static void
refused(struct put *put, int rc)
{
	struct vos_apply *apply = put->apply;

	for (uint32_t i = 0; i <= put->at && i < put->nr; i++) {
		apply->lsn = MAX(apply->lsn, lsn_seen(put, put->ops[i]));
		if (rc == -DER_EXIST || rc == -DER_NONEXIST)
			stamp_op(put, put->ops[i], false);
	}
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */
static int
put_init(struct put *put, struct vos_apply *apply, struct vos_op **ops, uint32_t nr)
{
	struct mem *mem = apply->cont->pool->vx->mem;

	*put = (struct put){.apply = apply, .cont = apply->cont, .pool = apply->cont->pool, .ops = ops, .nr = nr};
	put->plain = apply->id == NULL && apply->epoch != 0;
	put->reader = vos__reader(apply->id);
	put->tag = put->plain ? 0 : (uint32_t)put->reader | 1;
	if (nr == 0 || nr > VOS_OPS_MAX || (apply->epoch == 0 && apply->next_epoch == NULL) ||
	    apply->epoch == DAOS_EPOCH_MAX || (apply->id != NULL && apply->id->hlc == 0))
		return -DER_INVAL;
	for (uint32_t i = 0; i < nr; i++)
		if (ops[i]->cont != apply->cont)
			return -DER_INVAL;
	if (apply->mode != VOS_PREPARE)
		return 0;
	if (apply->id == NULL || apply->epoch == 0 || apply->blob.len > VOS_DTX_BLOB_MAX)
		return -DER_INVAL;
	put->dtx = MEM_NEW(mem, struct dtx);
	if (put->dtx == NULL)
		return -DER_NOMEM;
	put->dtx->id = *apply->id;
	put->dtx->epoch = apply->epoch;
	put->dtx->state = VOS_DTX_REC_PREPARED;
	return vos__touch_encode(ops, nr, mem, &put->dtx->touch, &put->dtx->touch_len);
}

static uint32_t
write_flags(struct vos_op **ops, uint32_t nr)
{
	for (uint32_t i = 0; i < nr; i++)
		if ((ops[i]->flags & VOS_RECLAIM) == 0)
			return 0;
	return UMEM_RESERVE;
}

static bool
any_on_blob(struct vos_op **ops, uint32_t nr)
{
	for (uint32_t i = 0; i < nr; i++)
		if (ops[i]->on_blob)
			return true;
	return false;
}

static int
run(struct put *put)
{
	struct umem *heap = put->pool->heap;
	struct vos_apply *apply = put->apply;
	int rc = 0;

	if (any_on_blob(put->ops, put->nr)) {
		/* A resend need not write its data again. */
		if (apply->id == NULL || umem_read(heap, known_body, put) == 0)
			rc = post_data(put->ops, put->nr);
		if (rc != 0)
			return rc;
	}
	if (put->dtx != NULL) {
		put->local = vos__dtx_next_local(put->cont);
		put->dtx->local = put->local;
		/* The body may wait, and others take local ids meanwhile: this one is ours from here on. */
	}
	do { /* a clock at its ceiling is waited for: what was begun stays begun */
		rc = umem_write(heap, write_flags(put->ops, put->nr), apply_body, put, &apply->lsn);
	} while (rc == -DER_OVERLOAD_RETRY && apply->more_epochs != NULL &&
		 (rc = apply->more_epochs(apply->next_epoch_arg)) == 0);
	if (rc == 0 && !put->seen)
		applied(put, apply->lsn);
	if (rc == 0 && put->seen) {
		apply->lsn = MAX(apply->lsn, put->cont->dtx_lsn);
		rc = put->answer;
	} else if (rc != 0) {
		refused(put, rc);
	}
	apply->epoch_used = put->epoch;
	return rc == -DER_OVERFLOW ? -DER_REC2BIG : rc;
}

int
vos_apply(struct vos_apply *apply, struct vos_op **ops, uint32_t nr)
{
	struct put put;
	int rc;

	apply->lsn = 0;
	apply->epoch_used = 0;
	rc = put_init(&put, apply, ops, nr);
	if (rc == 0)
		rc = run(&put);
	vos__dtx_free(apply->cont, put.dtx);
	for (uint32_t i = 0; i < nr; i++)
		vos__op_free(ops[i]);
#ifdef PLANTED_vos_reply_early
	apply->lsn = 0;
#endif
	return rc;
}
