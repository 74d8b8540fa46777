/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is counted of the calls: under way and latency with a histogram for each operation and target; operations and bytes for each
 * pool besides. Everything of a target is touched by its stream alone. Without telemetry a call costs one comparison more.
 */
#include "internal.h"

#define BUCKETS 20U
#define BUCKET_NS 16000U /* the first; each next one is twice as wide: up to 16 s */

static const char *const names[object_op_nr] = {
	[op_object_update] = "update", [op_object_fetch] = "fetch",         [op_object_punch] = "punch",           [op_object_tx_commit] = "cpd",
	[op_object_list] = "enum",     [op_object_query_key] = "key_query", [op_object_query_epoch] = "epoch_query",
	[op_object_glance] = "glance",
};

void
object_svc_set_telemetry(struct object_svc *svc, struct telemetry *tel)
{
	svc->tel = tel;
	for (uint32_t t = 0; tel != NULL && t < targets_nr(svc->targets); t++)
		for (uint32_t op = 0; op < object_op_nr; op++) {
			struct object_svc_at *at = &svc->at[t];

			if (names[op] == NULL)
				continue;
			(void)telemetry_add(tel, &at->active[op], TM_OPS_ACTIVE, names[op], t);
			if (telemetry_add(tel, &at->latency[op], TM_OPS_LATENCY, names[op], t) == 0)
				(void)telemetry_add_buckets(tel, at->latency[op], BUCKETS, BUCKET_NS, 2);
		}
}

/* "256B", ..., "4MB", "GT4MB": sizes up to this one, from the one before. */
static struct metric *
by_size(struct object_svc_at *at, bool update, uint64_t bytes)
{
	static const char *const sizes[OBJECT_SIZES] = {"256B", "512B", "1KB", "2KB", "4KB", "8KB", "16KB", "32KB",
							"64KB", "128KB", "256KB", "512KB", "1MB", "2MB", "4MB", "GT4MB"};
	struct metric **metric;
	uint32_t i = 0;

	while (i + 1 < OBJECT_SIZES && bytes > 256ULL << i)
		i++;
	metric = update ? &at->update_of[i] : &at->fetch_of[i];
	if (*metric == NULL &&
	    telemetry_add(at->svc->tel, metric, TM_IO_LATENCY, update ? "update" : "fetch", sizes[i], target_index(at->target)) == 0)
		(void)telemetry_add_buckets(at->svc->tel, *metric, BUCKETS, BUCKET_NS, 2);
	return *metric;
}

/* NULL: no memory, or the pool went while the call was under way. */
static struct object_pool_metrics *
pool_of(struct object_svc_at *at, const uuid_t uuid)
{
	uint32_t target = target_index(at->target);
	struct telemetry *tel = at->svc->tel;
	struct object_pool_metrics *pool;
	char text[37];

	list_each(pool, &at->pools, link)
		if (uuid_compare(pool->pool, uuid) == 0) {
			list_remove(&pool->link);
			list_push(&at->pools, &pool->link);
			return pool;
		}
	pool = target_has_pool(at->target, uuid) ? MEM_NEW(at->svc->env->mem, struct object_pool_metrics) : NULL;
	if (pool == NULL)
		return NULL;
	memcpy(pool->pool, uuid, sizeof(uuid_t));
	uuid_unparse_lower(uuid, text);
	for (uint32_t op = 0; op < object_op_nr; op++)
		if (names[op] != NULL)
			(void)telemetry_add(tel, &pool->ops[op], TM_POOL_OPS, text, names[op], target);
	(void)telemetry_add(tel, &pool->fetched, TM_POOL_XFERRED, text, "fetch", target);
	(void)telemetry_add(tel, &pool->updated, TM_POOL_XFERRED, text, "update", target);
	list_push(&at->pools, &pool->link);
	return pool;
}

struct forgetting {
	struct object_svc_at *at;
	const uint8_t *pool;
};

static int
forget_there(void *arg)
{
	struct forgetting *forgetting = arg;
	struct object_svc_at *at = forgetting->at;
	struct object_pool_metrics *pool;

	if (target_has_pool(at->target, forgetting->pool))
		return -DER_BUSY;
	list_each(pool, &at->pools, link)
		if (uuid_compare(pool->pool, forgetting->pool) == 0) {
			list_remove(&pool->link);
			mem_free(at->svc->env->mem, pool);
			break;
		}
	return 0;
}

int
object_svc_forget_pool(struct object_svc *svc, const uuid_t pool)
{
	int rc = 0;

	for (uint32_t t = 0; rc == 0 && t < targets_nr(svc->targets); t++) {
		struct forgetting forgetting = {.at = &svc->at[t], .pool = pool};

		rc = xs_call(target_xs(svc->at[t].target), ULT_SYSTEM, forget_there, &forgetting);
	}
	return rc;
}

static uint64_t
bytes_of(struct rpc_req *req, uint32_t op)
{
	const struct object_update_in *in = req->in;
	const struct object_fetch_out *out = req->out;
	uint64_t bytes = 0;

	if (op == op_object_fetch)
		return MAX(out->len, (uint64_t)out->data.len);
	return dtx_iods_bytes(in->iods, in->iods_nr, UINT64_MAX, &bytes) == 0 ? bytes : 0;
}

static void
count_pool(struct object_svc_at *at, struct rpc_req *req, uint32_t op, uint64_t took_ns)
{
	const struct object_at *where = req->in;
	struct object_pool_metrics *pool = pool_of(at, where->pool);
	bool update = op == op_object_update;
	uint64_t bytes;

	if (pool == NULL)
		return;
	metric_count(pool->ops[op], 1);
	if (!update && op != op_object_fetch)
		return;
	bytes = bytes_of(req, op);
	metric_count(update ? pool->updated : pool->fetched, bytes);
	metric_sample(by_size(at, update, bytes), took_ns);
}

int
object__measure(struct object_svc_at *at, struct rpc_req *req, uint32_t op, rpc_handler handler)
{
	uint64_t begun, took_ns;
	int rc;

	if (at->svc->tel == NULL)
		return handler(at, req);
	begun = env_mono(at->svc->env);
	metric_sample_move(at->active[op], 1);
	rc = handler(at, req);
	metric_sample_move(at->active[op], -1);
	took_ns = env_mono(at->svc->env) - begun;
	metric_sample(at->latency[op], took_ns);
	/* Of calls that failed nothing was moved; and whoever asks for pools that are not there makes no metrics of them. */
	if (rc == 0)
		count_pool(at, req, op, took_ns);
	return rc;
}
