/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Transactions: optimistic, over any objects of one container. Reads look at one epoch, chosen by the first of them; writes
 * are kept here. Commit sends the writes, and of each read the request that nothing of it has changed since, to the target of
 * the first write, which leads.
 *
 *   open ──commit──> committed        open ──commit: -DER_TX_RESTART──> failed ──restart──> open
 *     └──abort──> aborted ──restart──> open
 *
 *	tx I1  Every commit of the same attempt carries the same id: repeated over a restart of the engine it is applied once.
 *	tx I3  A commit names every target, of the leader and of members, by the pool map that its map version says.
 *	tx I2  A fetch sees the transaction's own writes on top of the epoch.
 *
 * commit may yield; nothing is left after a crash.
 */
#include "internal.h"

#include "base/sg.h"

static int
tx_new(struct cont *cont, struct tx **result)
{
	struct mem *mem = client_mem(cont_client(cont));
	struct tx *tx = MEM_NEW(mem, struct tx);

	if (tx == NULL)
		return -DER_NOMEM;
	tx->cont = cont_get(cont);
	list_init(&tx->ops);
	arena_init(&tx->arena, mem);
	client_new_id(cont_client(cont), tx->id.client, &tx->id.hlc);
	*result = tx;
	return 0;
}

int
tx_open(struct cont *cont, uint64_t flags, struct tx **result)
{
	int rc;

	if ((flags & ~(uint64_t)(TX_RDONLY | TX_ZERO_COPY)) != 0)
		return -DER_INVAL;
	rc = tx_new(cont, result);
	if (rc == 0)
		(*result)->flags = flags;
	return rc;
}

int
tx_open_snap(struct cont *cont, daos_epoch_t epoch, struct tx **result)
{
	int rc;

	if (epoch == 0 || epoch == DAOS_EPOCH_MAX)
		return -DER_INVAL;
	rc = tx_new(cont, result);
	if (rc == 0) {
		(*result)->flags = TX_RDONLY;
		(*result)->epoch = epoch;
		(*result)->snapshot = true;
	}
	return rc;
}

static void
forget_ops(struct tx *tx)
{
	struct tx_op *op, *tmp;

	list_each_safe(op, tmp, &tx->ops, link) {
		list_remove(&op->link);
		object_close(op->object);
	}
	tx->op_nr = tx->write_nr = 0;
	tx->bytes = 0;
	arena_fini(&tx->arena);
}

void
tx_close(struct tx *tx)
{
	struct mem *mem = client_mem(cont_client(tx->cont));

	forget_ops(tx);
	cont_put(tx->cont);
	mem_free(mem, tx);
}

int
tx_abort(struct tx *tx)
{
	if (tx->state == TX_COMMITTED)
		return -DER_NO_PERM;
	if (tx->state == TX_ABORTED)
		return -DER_ALREADY;
	forget_ops(tx);
	tx->state = TX_ABORTED;
	return 0;
}

int
tx_restart(struct tx *tx)
{
	if (tx->state == TX_COMMITTED || tx->snapshot)
		return -DER_NO_PERM;
	forget_ops(tx);
	tx->state = TX_OPEN;
	tx->epoch = 0;
	client_new_id(cont_client(tx->cont), tx->id.client, &tx->id.hlc);
	return 0;
}

int
tx_epoch(struct tx *tx, daos_epoch_t *epoch)
{
	if (tx->epoch == 0)
		return -DER_UNINIT;
	*epoch = tx->epoch;
	return 0;
}

struct cont *
tx_cont(const struct tx *tx)
{
	return tx->cont;
}

int
tx__usable(const struct tx *tx, bool write)
{
	switch (tx->state) {
	case TX_OPEN:
		return write && (tx->flags & TX_RDONLY) != 0 ? -DER_NO_PERM : 0;
	case TX_COMMITTED:
		return -DER_ALREADY;
	case TX_FAILED:
		return -DER_TX_RESTART;
	default:
		return -DER_NO_PERM;
	}
}

struct object_when
object__when(const struct tx *tx)
{
	struct object_when when = {.epoch = DAOS_EPOCH_MAX, .bound = DAOS_EPOCH_MAX};

	if (tx != NULL) {
		when.epoch = when.bound = tx->epoch;
		when.dtx = tx->id;
	}
	return when;
}

void
object__when_answered(struct tx *tx, const struct object_hint *hint)
{
	if (tx != NULL && tx->epoch == 0 && hint->epoch != 0 && hint->epoch != DAOS_EPOCH_MAX)
		tx->epoch = hint->epoch;
}

/* ---- what is kept ----------------------------------------------------------------------------------------------------------- */
static int
copy_key(struct tx *tx, const daos_key_t *from, daos_key_t *to)
{
	void *copy = arena_dup(&tx->arena, from->iov_buf, from->iov_len);

	if (copy == NULL)
		return -DER_NOMEM;
	d_iov_set(to, copy, from->iov_len);
	return 0;
}

static int
new_op(struct tx *tx, struct object *object, uint8_t kind, uint64_t flags, const daos_key_t *dkey, struct tx_op **result)
{
	struct tx_op *op = ARENA_NEW(&tx->arena, struct tx_op);

	if (op == NULL)
		return -DER_NOMEM;
	op->write = (struct object_write){.kind = kind, .oid = object->oid, .flags = flags};
	if (dkey != NULL && copy_key(tx, dkey, &op->write.dkey) != 0)
		return -DER_NOMEM;
	op->group = dkey != NULL ? object__group_of(object, dkey) : 0;
	*result = op;
	return 0;
}

static void
keep_op(struct tx *tx, struct object *object, struct tx_op *op)
{
	op->object = object_get(object);
	list_append(&tx->ops, &op->link);
	tx->op_nr++;
	tx->write_nr += op->write.kind != OBJECT_CHECK;
	tx->bytes += op->bytes;
}

static int
copy_iods(struct tx *tx, struct tx_op *op, uint32_t nr, const daos_iod_t *iods)
{
	op->write.iods = arena_dup(&tx->arena, iods, sizeof(*iods) * nr);
	op->write.iods_nr = nr;
	if (op->write.iods == NULL)
		return -DER_NOMEM;
	for (uint32_t i = 0; i < nr; i++) {
		daos_iod_t *iod = &op->write.iods[i];

		if (copy_key(tx, &iods[i].iod_name, &iod->iod_name) != 0)
			return -DER_NOMEM;
		if (iod->iod_type == DAOS_IOD_SINGLE) {
			iod->iod_recxs = NULL;
			iod->iod_nr = 1;
			continue;
		}
		iod->iod_recxs = arena_dup(&tx->arena, iods[i].iod_recxs, sizeof(daos_recx_t) * iods[i].iod_nr);
		if (iod->iod_recxs == NULL)
			return -DER_NOMEM;
	}
	return 0;
}

int
tx__add_update(struct tx *tx, struct object *object, uint64_t flags, const daos_key_t *dkey, uint32_t nr, const daos_iod_t *iods,
	       const struct rpc_csum *csums, const d_sg_list_t *sgls)
{
	struct tx_op *op;
	uint64_t bytes, at = 0;
	int rc;

	rc = new_op(tx, object, OBJECT_UPDATE, flags, dkey, &op);
	if (rc == 0)
		rc = copy_iods(tx, op, nr, iods);
	if (rc != 0)
		return rc;
	for (uint32_t i = 0; i < nr; i++) {
		rc = object__iod_bytes(&iods[i], &bytes);
		if (rc != 0)
			return rc;
		op->bytes += bytes;
	}
	op->data = arena_alloc(&tx->arena, op->bytes);
	if (op->data == NULL)
		return -DER_NOMEM;
	for (uint32_t i = 0; i < nr; i++) {
		(void)object__iod_bytes(&iods[i], &bytes);
		if (bytes > 0)
			at += sgl_copy_out(&sgls[i], 0, (char *)op->data + at, bytes);
	}
	op->write.csums = (struct rpc_csum *)csums;
	op->write.csums_nr = csums != NULL ? nr : 0;
	keep_op(tx, object, op);
	return 0;
}

static int
copy_akeys(struct tx *tx, struct tx_op *op, uint32_t nr, const daos_key_t *akeys)
{
	if (nr == 0)
		return 0;
	op->write.akeys = ARENA_NEW_ARRAY(&tx->arena, daos_key_t, nr);
	if (op->write.akeys == NULL)
		return -DER_NOMEM;
	op->write.akeys_nr = nr;
	for (uint32_t i = 0; i < nr; i++)
		if (copy_key(tx, &akeys[i], &op->write.akeys[i]) != 0)
			return -DER_NOMEM;
	return 0;
}

/* One op for each group when the whole object is meant. */
static int
add_keys(struct tx *tx, struct object *object, uint8_t kind, uint64_t flags, const daos_key_t *dkey, uint32_t nr, const daos_key_t *akeys)
{
	uint32_t groups = dkey != NULL ? 1 : object->group_nr;
	struct tx_op *op;
	int rc;

	for (uint32_t g = 0; g < groups; g++) {
		rc = new_op(tx, object, kind, flags, dkey, &op);
		if (rc == 0)
			rc = copy_akeys(tx, op, nr, akeys);
		if (rc != 0)
			return rc;
		if (dkey == NULL)
			op->group = g;
		op->write.read_epoch = kind == OBJECT_CHECK ? tx->epoch : 0;
		keep_op(tx, object, op);
	}
	return 0;
}

int
tx__add_punch(struct tx *tx, struct object *object, uint64_t flags, const daos_key_t *dkey, uint32_t nr, const daos_key_t *akeys)
{
	return add_keys(tx, object, OBJECT_PUNCH, flags, dkey, nr, akeys);
}

static bool
read_already(const struct tx *tx, const struct object *object, const daos_key_t *dkey, uint32_t nr, const daos_key_t *akeys)
{
	struct tx_op *op;

	list_each(op, &tx->ops, link) {
		const struct object_write *write = &op->write;
		bool same = write->kind == OBJECT_CHECK && write->flags == 0 && write->oid.hi == object->oid.hi &&
			    write->oid.lo == object->oid.lo && daos_key_is_null(write->dkey) == (dkey == NULL) && write->akeys_nr == nr;

		if (same && dkey != NULL)
			same = object__key_equal(&write->dkey, dkey);
		for (uint32_t i = 0; same && i < nr; i++)
			same = object__key_equal(&write->akeys[i], &akeys[i]);
		if (same)
			return true;
	}
	return false;
}

int
tx__add_read(struct tx *tx, struct object *object, const daos_key_t *dkey, uint32_t nr, const daos_key_t *akeys)
{
	if ((tx->flags & TX_RDONLY) != 0 || read_already(tx, object, dkey, nr, akeys))
		return 0; /* a reader of one epoch has nothing to defend */
	return add_keys(tx, object, OBJECT_CHECK, 0, dkey, nr, akeys);
}

bool
tx__wrote(const struct tx *tx, const struct object *object, const daos_key_t *dkey)
{
	struct tx_op *op;

	list_each(op, &tx->ops, link)
		if (op->write.kind != OBJECT_CHECK && op->write.oid.hi == object->oid.hi && op->write.oid.lo == object->oid.lo &&
		    (dkey == NULL || daos_key_is_null(op->write.dkey) || object__key_equal(&op->write.dkey, dkey)))
			return true;
	return false;
}

/* ---- own writes over what was fetched ------------------------------------------------------------------------------------------- */
struct target_iod {
	daos_iod_t *iod;
	const d_sg_list_t *sgl; /* NULL: sizes only */
	uint64_t *end;
};

/* The part of a written extent that lies in an asked one, into the caller's memory; at: of the asked extent in it. */
static int
overlay_extent(struct target_iod *to, const daos_recx_t *asked, uint64_t at, const daos_recx_t *wrote, uint64_t size, const char *data)
{
	uint64_t lo = MAX(asked->rx_idx, wrote->rx_idx);
	uint64_t hi = MIN(asked->rx_idx + asked->rx_nr, wrote->rx_idx + wrote->rx_nr);
	uint64_t off, len;

	if (lo >= hi || to->sgl == NULL)
		return 0;
	off = at + (lo - asked->rx_idx) * size;
	len = (hi - lo) * size;
	if (off + len > sgl_capacity(to->sgl))
		return -DER_REC2BIG;
	if (data != NULL) {
		sgl_copy_in(to->sgl, off, data + (lo - wrote->rx_idx) * size, len);
		*to->end = MAX(*to->end, off + len);
	}
	return 0;
}

/* A punched range reads as a hole: its bytes in the caller's memory cannot be taken back, so they become zero. */
static void
clear_extent(struct target_iod *to, const daos_recx_t *asked, uint64_t at, const daos_recx_t *gone, uint64_t size)
{
	uint64_t lo = MAX(asked->rx_idx, gone->rx_idx);
	uint64_t hi = MIN(asked->rx_idx + asked->rx_nr, gone->rx_idx + gone->rx_nr);
	static const char zeros[4096];

	if (lo >= hi || to->sgl == NULL)
		return;
	for (uint64_t off = at + (lo - asked->rx_idx) * size, end = off + (hi - lo) * size; off < end; off += sizeof(zeros))
		sgl_copy_in(to->sgl, off, zeros, MIN(sizeof(zeros), end - off));
}

static int
overlay_iod(struct target_iod *to, const daos_iod_t *from, const char *data)
{
	uint64_t at, from_at = 0;
	int rc;

	if (from->iod_type == DAOS_IOD_SINGLE) {
		to->iod->iod_size = from->iod_size;
		*to->end = 0;
		if (to->sgl == NULL || from->iod_size == 0)
			return 0;
		if (from->iod_size > sgl_capacity(to->sgl))
			return -DER_REC2BIG;
		sgl_copy_in(to->sgl, 0, data, from->iod_size);
		*to->end = from->iod_size;
		return 0;
	}
	if (from->iod_size != 0)
		to->iod->iod_size = from->iod_size;
	for (uint32_t f = 0; f < from->iod_nr; f++) {
		at = 0;
		for (uint32_t a = 0; a < to->iod->iod_nr; a++) {
			const daos_recx_t *asked = &to->iod->iod_recxs[a];

			if (from->iod_size == 0)
				clear_extent(to, asked, at, &from->iod_recxs[f], to->iod->iod_size);
			rc = from->iod_size == 0 ? 0 : overlay_extent(to, asked, at, &from->iod_recxs[f], from->iod_size, data + from_at);
			if (rc != 0)
				return rc;
			at += asked->rx_nr * to->iod->iod_size;
		}
		from_at += from->iod_recxs[f].rx_nr * from->iod_size;
	}
	return 0;
}

/* Everything of the iod is gone. */
static void
overlay_gone(struct target_iod *to)
{
	uint64_t at = 0;

	if (to->iod->iod_type == DAOS_IOD_ARRAY)
		for (uint32_t a = 0; a < to->iod->iod_nr; a++) {
			clear_extent(to, &to->iod->iod_recxs[a], at, &to->iod->iod_recxs[a], to->iod->iod_size);
			at += to->iod->iod_recxs[a].rx_nr * to->iod->iod_size;
		}
	to->iod->iod_size = 0;
	*to->end = 0;
}

static int
overlay_op(const struct tx_op *op, struct target_iod *to)
{
	const struct object_write *write = &op->write;
	const char *data = op->data;
	uint64_t bytes;
	int rc;

	if (write->kind == OBJECT_PUNCH) {
		bool hit = write->akeys_nr == 0;

		for (uint32_t i = 0; i < write->akeys_nr; i++)
			hit |= object__key_equal(&write->akeys[i], &to->iod->iod_name);
		if (hit)
			overlay_gone(to);
		return 0;
	}
	for (uint32_t i = 0; i < write->iods_nr; i++) {
		(void)object__iod_bytes(&write->iods[i], &bytes);
		if (write->iods[i].iod_type == to->iod->iod_type && object__key_equal(&write->iods[i].iod_name, &to->iod->iod_name)) {
			rc = overlay_iod(to, &write->iods[i], data);
			if (rc != 0)
				return rc;
		}
		data += bytes;
	}
	return 0;
}

int
tx__overlay(struct tx *tx, struct object *object, const daos_key_t *dkey, uint32_t nr, daos_iod_t *iods, d_sg_list_t *sgls, uint64_t *ends)
{
	struct tx_op *op;
	int rc;

	list_each(op, &tx->ops, link) {
		const struct object_write *write = &op->write;

		if (write->kind == OBJECT_CHECK || write->oid.hi != object->oid.hi || write->oid.lo != object->oid.lo)
			continue;
		if (!daos_key_is_null(write->dkey) && !object__key_equal(&write->dkey, dkey))
			continue;
		for (uint32_t i = 0; i < nr; i++) {
			struct target_iod to = {.iod = &iods[i], .sgl = sgls != NULL ? &sgls[i] : NULL, .end = &ends[i]};

			rc = overlay_op(op, &to);
			if (rc != 0)
				return rc;
		}
	}
	return 0;
}

/* ---- commit ------------------------------------------------------------------------------------------------------------------------ */
struct commit {
	struct object_tx_commit_in in;
	struct object_tx_commit_out out;
	struct iovec *iov;
	struct tx *tx;
	struct tx_op *first; /* the first write: its target leads */
};

/* Where every op goes now; done again when the map has moved on (tx I3). */
static int
aim_ops(void *arg)
{
	struct commit *commit = arg;
	struct tx_op *op;
	uint32_t i = 0;
	int rc;

	list_each(op, &commit->tx->ops, link) {
		const struct object_group *group;

		rc = object__layout(op->object);
		if (rc == 0 && op->group >= op->object->group_nr)
			rc = -DER_STALE;
		if (rc != 0)
			return rc;
		group = &op->object->groups[op->group];
		op->write.shard = group->shard;
		commit->in.writes[i] = op->write;
#ifdef PLANTED_client_checks_nothing
		if (op->write.kind == OBJECT_CHECK)
			continue;
#endif
		commit->in.targets[i] = (struct rpc_target){.rank = group->rank, .target = group->target};
		i++;
	}
	commit->in.writes_nr = commit->in.targets_nr = i;
	return 0;
}

static int
build_commit(struct tx *tx, struct arena *arena, struct commit *commit)
{
	bool inline_data = tx->bytes <= RPC_INLINE_MAX;
	uint64_t off = 0;
	struct tx_op *op;
	uint32_t n = 0;

	commit->in.writes = ARENA_NEW_ARRAY(arena, struct object_write, tx->op_nr);
	commit->in.targets = ARENA_NEW_ARRAY(arena, struct rpc_target, tx->op_nr);
	commit->iov = ARENA_NEW_ARRAY(arena, struct iovec, tx->op_nr);
	if (commit->in.writes == NULL || commit->in.targets == NULL || commit->iov == NULL)
		return -DER_NOMEM;
	commit->in.writes_nr = commit->in.targets_nr = tx->op_nr;
	commit->in.dtx = tx->id;
	commit->in.epoch = tx->epoch;
	list_each(op, &tx->ops, link) {
		if (commit->first == NULL && op->write.kind != OBJECT_CHECK)
			commit->first = op;
		op->write.data = (struct proto_bytes_type){0};
		op->write.bulk_off = off;
		if (op->bytes == 0)
			continue;
		if (inline_data)
			op->write.data = (struct proto_bytes_type){.data = op->data, .len = (uint32_t)op->bytes};
		else
			commit->iov[n++] = (struct iovec){.iov_base = op->data, .iov_len = op->bytes};
		off += op->bytes;
	}
	commit->tx = tx;
	return aim_ops(commit);
}

static int
send_commit(struct tx *tx)
{
	struct commit commit = {0};
	struct object_call call = {.opc = opc_object_tx_commit, .in = &commit.in, .out = &commit.out};
	struct arena arena;
	int rc;

	arena_init(&arena, client_mem(cont_client(tx->cont)));
	rc = build_commit(tx, &arena, &commit);
	if (rc == 0) {
		call.object = commit.first->object;
		call.group = commit.first->group;
		call.arena = &arena;
		call.aimed = aim_ops;
		call.arg = &commit;
		if (tx->bytes > RPC_INLINE_MAX) {
			for (uint32_t i = 0; i < tx->op_nr && commit.iov[i].iov_len > 0; i++)
				call.expose_nr++;
			call.expose = commit.iov;
			call.expose_access = ENV_REG_READ;
			call.bulk = &commit.in.bulk;
		}
		rc = object__call(&call);
	}
	arena_fini(&arena);
	return rc;
}

int
tx_commit(struct tx *tx)
{
	int rc;

	if (tx->state == TX_COMMITTED)
		return -DER_ALREADY;
	rc = tx__usable(tx, false);
	if (rc != 0)
		return rc;
	if (tx->write_nr > 0)
		rc = send_commit(tx);
	tx->state = rc == 0 ? TX_COMMITTED : TX_FAILED;
	return rc;
}
