/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing: update, punch, and whole transactions. All three become a list of writes that dtx runs; what is done here is to
 * make their data reachable and to name the targets. An answer leaves when all is durable (P1, P3).
 */
#include "internal.h"

/* The caller need not wait for what is left to do. */
struct early {
	struct rpc_req *req;
	struct object_hint *hint;
	struct target_cont *cont;
};

static void
answer_early(struct dtx_run *run, void *arg)
{
	struct early *early = arg;

	early->hint->epoch = run->epoch_used;
	early->hint->map_version = target_cont_map_version(early->cont);
	rpc_answer_early(early->req, 0);
}

/* Runs a list of writes in a container and answers. The caller has just been let in: no yield since, else a fence would not know of it. */
static int
run_writes(struct object_svc_at *at, struct rpc_req *req, const struct object_at *where, const struct rpc_dtx_id *id, uint64_t epoch,
	   const struct dtx_write *writes, uint32_t nr, struct target_cont *cont, struct object_hint *hint)
{
	struct early early = {.req = req, .hint = hint, .cont = cont};
	struct dtx_run run = {.leader = at->target,
			      .certain = answer_early,
			      .arg = &early,
			      .pool = where->pool,
			      .cont = target_cont_uuid(cont),
			      .id = id,
			      .epoch = epoch,
			      .map_version = where->map_version,
			      .writes = writes,
			      .write_nr = nr,
			      .arena = &req->arena};
	uint32_t turn;
	int rc;

	if (epoch != 0 && epoch <= target_cont_floor(cont))
		return -DER_EP_RO;
	turn = target_write_begin(cont);
	rc = dtx_run(at->svc->dtx, &run);
	target_write_end(cont, turn);
	hint->epoch = run.epoch_used;
	return rc;
}

/* The caller may have been fenced while its data came: who may write is asked again, and from there to the write nothing yields. */
static int
access_again(struct object_svc_at *at, const struct object_at *where, uint64_t caps, struct target_cont **cont)
{
	int rc;

#ifdef PLANTED_object_late_data
	return 0;
#endif
	target_cont_put(*cont);
	rc = object__access(at, where, caps, cont);
	if (rc == -DER_NO_HDL)
		env_sometimes(at->svc->env, "object: fenced while its data came");
	return rc;
}

int
object__update(void *owner, struct rpc_req *req)
{
	struct object_svc_at *at = owner;
	const struct object_update_in *in = req->in;
	struct object_update_out *out = req->out;
	struct object_write body = {.kind = OBJECT_UPDATE, .oid = in->at.oid, .shard = in->at.shard, .flags = in->flags, .dkey = in->dkey,
				    .iods = in->iods, .iods_nr = in->iods_nr, .csums = in->csums, .csums_nr = in->csums_nr};
	struct dtx_write write = {.write = &body, .target = target_index(at->target), .mem = req->arena.mem};
	struct target_cont *cont;
	struct iovec data;
	uint64_t bytes;
	void *owned;
	int rc;

	rc = dtx_iods_bytes(in->iods, in->iods_nr, OBJECT_BULK_MAX, &bytes);
	if (rc != 0)
		return rc;
	rc = object__access(at, &in->at, TARGET_CAP_WRITE, &cont);
	if (rc != 0)
		return rc;
	rc = object__data(req, &in->data, &in->bulk, 0, bytes, &data, &owned);
	if (rc != 0) {
		out->hint.map_version = target_cont_map_version(cont);
		target_cont_put(cont);
		return rc;
	}
	if (in->bulk.len > 0) {
		rc = access_again(at, &in->at, TARGET_CAP_WRITE, &cont);
		if (rc != 0)
			goto out;
	}
	write.data = &data;
	write.data_nr = 1;
	rc = run_writes(at, req, &in->at, &in->dtx, in->epoch, &write, 1, cont, &out->hint);
	out->hint.map_version = target_cont_map_version(cont);
	target_cont_put(cont);
out:
	mem_free(req->arena.mem, owned);
	return rc;
}

int
object__punch(void *owner, struct rpc_req *req)
{
	struct object_svc_at *at = owner;
	const struct object_punch_in *in = req->in;
	struct object_punch_out *out = req->out;
	uint32_t nr = MAX(in->dkeys_nr, 1U);
	struct object_write *bodies = ARENA_NEW_ARRAY(&req->arena, struct object_write, nr);
	struct dtx_write *writes = ARENA_NEW_ARRAY(&req->arena, struct dtx_write, nr);
	struct target_cont *cont;
	int rc;

	if (bodies == NULL || writes == NULL)
		return -DER_NOMEM;
	if (in->akeys_nr > 0 && in->dkeys_nr != 1)
		return -DER_INVAL;
	for (uint32_t i = 0; i < nr; i++) {
		bodies[i] = (struct object_write){.kind = OBJECT_PUNCH, .oid = in->at.oid, .shard = in->at.shard, .flags = in->flags,
						  .akeys = in->akeys, .akeys_nr = in->akeys_nr};
		if (in->dkeys_nr > 0)
			bodies[i].dkey = in->dkeys[i];
		writes[i] = (struct dtx_write){.write = &bodies[i], .target = target_index(at->target), .mem = req->arena.mem};
	}
	rc = object__access(at, &in->at, TARGET_CAP_WRITE, &cont);
	if (rc != 0)
		return rc;
	rc = run_writes(at, req, &in->at, &in->dtx, in->epoch, writes, nr, cont, &out->hint);
	out->hint.map_version = target_cont_map_version(cont);
	target_cont_put(cont);
	return rc;
}

/* What the writes of a transaction need: data of each, and whether anything is changed at all. */
static int
tx_prepare(struct object_svc_at *at, struct rpc_req *req, const struct object_tx_commit_in *in, struct dtx_write *writes, void **owned,
	   uint64_t *caps)
{
	struct iovec *iov = ARENA_NEW_ARRAY(&req->arena, struct iovec, in->writes_nr + 1);
	uint64_t bytes, all = 0;
	int rc;

	if (iov == NULL)
		return -DER_NOMEM;
	*caps = TARGET_CAP_READ;
	for (uint32_t i = 0; i < in->writes_nr; i++) {
		const struct object_write *write = &in->writes[i];

		if (in->targets[i].rank != rpc_node_rank(rpc_ctx_node(req->ctx)))
			return -DER_NOSYS; /* members on other ranks come with the cluster */
		writes[i] = (struct dtx_write){.write = write, .target = in->targets[i].target, .mem = req->arena.mem, .data = &iov[i]};
		if (write->kind != OBJECT_CHECK)
			*caps = TARGET_CAP_WRITE;
		if (write->kind != OBJECT_UPDATE)
			continue;
		rc = dtx_iods_bytes(write->iods, write->iods_nr, OBJECT_BULK_MAX, &bytes);
		if (rc != 0)
			return rc;
		all += bytes;
		if (all > OBJECT_BULK_MAX)
			return -DER_REC2BIG;
		rc = object__data(req, &write->data, &in->bulk, write->bulk_off, bytes, &iov[i], &owned[i]);
		if (rc != 0)
			return rc;
		writes[i].data_nr = 1;
	}
	return 0;
}

int
object__tx_commit(void *owner, struct rpc_req *req)
{
	struct object_svc_at *at = owner;
	const struct object_tx_commit_in *in = req->in;
	struct object_tx_commit_out *out = req->out;
	struct dtx_write *writes = ARENA_NEW_ARRAY(&req->arena, struct dtx_write, in->writes_nr + 1);
	void **owned = ARENA_NEW_ARRAY(&req->arena, void *, in->writes_nr + 1);
	struct target_cont *cont;
	uint64_t caps;
	int rc;

	if (writes == NULL || owned == NULL)
		return -DER_NOMEM;
	if (in->targets_nr != in->writes_nr)
		return -DER_INVAL;
	/* The right is looked at before any byte is fetched for the caller; what is needed beyond reading is known after. */
	rc = object__access(at, &in->at, TARGET_CAP_READ, &cont);
	if (rc != 0)
		return rc;
	rc = tx_prepare(at, req, in, writes, owned, &caps);
	if (rc == 0) {
		rc = access_again(at, &in->at, caps, &cont);
		if (rc != 0)
			goto out;
		rc = run_writes(at, req, &in->at, &in->dtx, 0, writes, in->writes_nr, cont, &out->hint);
	}
	out->hint.map_version = target_cont_map_version(cont);
	target_cont_put(cont);
out:
	for (uint32_t i = 0; i < in->writes_nr; i++)
		mem_free(req->arena.mem, owned[i]);
	return rc;
}
