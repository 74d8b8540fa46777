/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The context: the node on one stream. Everything of a context is touched by its stream alone; only group_told and
 * what the node's lock guards are shared.
 *
 * The end (rpc_ctx_destroy) goes: no new connections and calls; calls end; handlers are told and waited for; connections
 * close and are waited for; nothing refers to the context any more.
 */
#include "ctx.h"

enum { SCRATCH_FIRST = 4096 };

struct listen {
	struct list link;
	struct env_listen *listen;
	const char *addr;
};

int
rpc_ctx_create(struct rpc_node *node, struct xs *xs, uint32_t tag, struct rpc_ctx **out)
{
	struct rpc_ctx *ctx = MEM_NEW(node->mem, struct rpc_ctx);

	if (ctx == NULL)
		return -DER_NOMEM;
	ctx->node = node;
	ctx->env = node->config.env;
	ctx->mem = node->mem;
	ctx->xs = xs;
	ctx->tag = tag;
	ctx->scratch = mem_alloc(ctx->mem, SCRATCH_FIRST);
	ctx->scratch_size = SCRATCH_FIRST;
	if (ctx->scratch == NULL) {
		mem_free(ctx->mem, ctx);
		return -DER_NOMEM;
	}
	list_init(&ctx->listens);
	list_init(&ctx->spare);
	ult_cond_init(&ctx->changed);
	rpc__peers_init(ctx);
	ctx->served[RPC_COLLECT_PROTO].handlers = rpc__collect_handlers;
	rpc__node_enter(node, ctx);
	ctx->group = rpc__node_group(node);
	*out = ctx;
	return 0;
}

void
rpc_ctx_destroy(struct rpc_ctx *ctx)
{
	struct rpc_flight *flight;
	struct listen *listen;

	ctx->stopping = true;
	while ((listen = list_pop(&ctx->listens, struct listen, link)) != NULL) {
		ctx->env->ops->net.listen_close(listen->listen);
		mem_free(ctx->mem, listen);
	}
	rpc__node_leave(ctx->node, ctx);
	peers_each(peer, ctx) {
		struct request *request;

		rpc__calls_end(peer, -DER_CANCELED, false);
		list_each(request, &peer->serving, link)
			request->req.canceled = true;
	}
	while (ctx->serving_nr > 0)
		ult_cond_wait(&ctx->changed, NULL);
	peers_each(peer, ctx)
		rpc__peer_end(peer, -DER_CANCELED);
	while (ctx->stats.under_way > 0 || atomic_load(&ctx->group_told))
		ult_cond_wait(&ctx->changed, NULL);
	rpc__peers_fini(ctx);
	if (ctx->group != NULL)
		rpc__group_put(ctx->group);
	while ((flight = list_pop(&ctx->spare, struct rpc_flight, link)) != NULL)
		mem_free(ctx->mem, flight);
	mem_free(ctx->mem, ctx->scratch);
	mem_free(ctx->mem, ctx);
}

int
rpc_listen(struct rpc_ctx *ctx, const char *addr, const char **bound)
{
	struct listen *listen = MEM_NEW(ctx->mem, struct listen);
	int rc;

	if (listen == NULL)
		return -DER_NOMEM;
	rc = ctx->env->ops->net.listen(xs_loop(ctx->xs), addr, rpc__peer_accepted, ctx, &listen->listen);
	if (rc != 0) {
		mem_free(ctx->mem, listen);
		return rc;
	}
	listen->addr = ctx->env->ops->net.listen_addr(listen->listen);
	list_append(&ctx->listens, &listen->link);
	if (bound != NULL)
		*bound = listen->addr;
	return 0;
}

bool
rpc__ctx_listens(const struct rpc_ctx *ctx, const char *addr)
{
	struct listen *listen;

	list_each(listen, &ctx->listens, link)
		if (strcmp(listen->addr, addr) == 0)
			return true;
	return false;
}

int
rpc_serve(struct rpc_ctx *ctx, const struct rpc_proto *proto, const rpc_handler *handlers, void *owner)
{
	if (ctx->node->protos[proto->id] != proto)
		return -DER_UNREG;
	if (ctx->served[proto->id].handlers != NULL)
		return -DER_EXIST;
	ctx->served[proto->id].handlers = handlers;
	ctx->served[proto->id].owner = owner;
	return 0;
}

void
rpc_hold(struct rpc_ctx *ctx, bool held)
{
	ctx->held = held;
}

struct rpc_node *
rpc_ctx_node(const struct rpc_ctx *ctx)
{
	return ctx->node;
}

struct xs *
rpc_ctx_xs(const struct rpc_ctx *ctx)
{
	return ctx->xs;
}

uint32_t
rpc_ctx_tag(const struct rpc_ctx *ctx)
{
	return ctx->tag;
}

void
rpc_ctx_stats(const struct rpc_ctx *ctx, struct rpc_stats *stats)
{
	*stats = ctx->stats;
	stats->serving = ctx->serving_nr;
	stats->peers = ctx->peer_nr;
}

struct group *
rpc__ctx_group(struct rpc_ctx *ctx)
{
	struct group *old = ctx->group;

	if (rpc_group_version(ctx->node) != (old != NULL ? old->version : 0)) {
		ctx->group = rpc__node_group(ctx->node);
		if (old != NULL)
			rpc__group_put(old);
		rpc__peers_regroup(ctx);
	}
	return ctx->group;
}

int
rpc__ctx_pack(struct rpc_ctx *ctx, void (*pack)(struct packer *packer, const void *body, uint32_t version), const void *body,
	      uint32_t version, size_t *len)
{
	struct packer packer;
	uint8_t *larger;

	packer_init(&packer, ctx->scratch, ctx->scratch_size);
	pack(&packer, body, version);
	*len = packer_len(&packer);
	if (*len > RPC_BODY_MAX)
		return -DER_OVERFLOW;
	if (packer_rc(&packer) != -DER_TRUNC)
		return packer_rc(&packer);
	larger = mem_alloc_aligned(ctx->mem, *len, 16);
	if (larger == NULL)
		return -DER_NOMEM;
	mem_free(ctx->mem, ctx->scratch);
	ctx->scratch = larger;
	ctx->scratch_size = *len;
	packer_init(&packer, larger, *len);
	pack(&packer, body, version);
	return packer_rc(&packer);
}
