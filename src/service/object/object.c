/* SPDX-License-Identifier: Apache-2.0 */
/* service/object: making, serving, and what reading and writing share. */
#include "internal.h"

#include "bio/bio.h"

#define MEASURED(stem)                                                                                                 \
	static int serve_##stem(void *owner, struct rpc_req *req)                                                      \
	{                                                                                                              \
		_Static_assert(offsetof(struct object_##stem##_in, at) == 0, "object__measure looks there");           \
		return object__measure(owner, req, op_object_##stem, object__##stem);                                  \
	}
MEASURED(update)
MEASURED(fetch)
MEASURED(punch)
MEASURED(tx_commit)
MEASURED(list)
MEASURED(query_key)
MEASURED(query_epoch)
MEASURED(glance)

static const rpc_handler handlers[object_op_nr] = {
	[op_object_update] = serve_update,
	[op_object_fetch] = serve_fetch,
	[op_object_punch] = serve_punch,
	[op_object_tx_commit] = serve_tx_commit,
	[op_object_list] = serve_list,
	[op_object_query_key] = serve_query_key,
	[op_object_query_epoch] = serve_query_epoch,
	[op_object_glance] = serve_glance,
};

int
object_svc_create(struct env *env, struct targets *targets, struct dtx *dtx, struct object_svc **result)
{
	struct object_svc *svc = MEM_NEW(env->mem, struct object_svc);

	if (svc == NULL)
		return -DER_NOMEM;
	svc->env = env;
	svc->targets = targets;
	svc->dtx = dtx;
	svc->at = MEM_NEW_ARRAY(env->mem, struct object_svc_at, targets_nr(targets));
	if (svc->at == NULL) {
		mem_free(env->mem, svc);
		return -DER_NOMEM;
	}
	for (uint32_t i = 0; i < targets_nr(targets); i++) {
		svc->at[i] = (struct object_svc_at){.svc = svc, .target = targets_at(targets, i)};
		list_init(&svc->at[i].pools);
	}
	*result = svc;
	return 0;
}

void
object_svc_destroy(struct object_svc *svc)
{
	struct object_pool_metrics *pool;

	for (uint32_t i = 0; i < targets_nr(svc->targets); i++)
		while ((pool = list_pop(&svc->at[i].pools, struct object_pool_metrics, link)) != NULL)
			mem_free(svc->env->mem, pool);
	mem_free(svc->env->mem, svc->at);
	mem_free(svc->env->mem, svc);
}

int
object_svc_serve(struct object_svc *svc, struct target *target, struct rpc_ctx *ctx)
{
	return rpc_serve(ctx, &proto_object, handlers, &svc->at[target_index(target)]);
}

void
object__conflict(struct object_hint *hint, const struct vos_conflict *conflict)
{
	memcpy(hint->conflict.dtx.client, conflict->dtx.client, sizeof(uuid_t));
	hint->conflict.dtx.hlc = conflict->dtx.hlc;
	hint->conflict.epoch = conflict->epoch;
}

int
object__data(struct rpc_req *req, const struct proto_bytes_type *inline_data, const struct rpc_bulk *bulk, uint64_t off, uint64_t len,
	     struct iovec *iov, void **owned)
{
	struct mem *mem = req->arena.mem;
	int rc;

	*owned = NULL;
	*iov = (struct iovec){.iov_base = (void *)inline_data->data, .iov_len = inline_data->len};
	if (len == inline_data->len)
		return 0;
	if (inline_data->len != 0 || off > bulk->len || len > bulk->len - off)
		return -DER_IO_INVAL;
	*owned = mem_alloc_aligned(mem, len, len >= BIO_BLOCK ? BIO_BLOCK : 16); /* so that whole blocks are written from there */
	if (*owned == NULL)
		return -DER_NOMEM;
	*iov = (struct iovec){.iov_base = *owned, .iov_len = len};
	rc = rpc_bulk_get(req, bulk, off, iov, 1);
	if (rc != 0) {
		mem_free(mem, *owned);
		*owned = NULL;
	}
	return rc;
}
