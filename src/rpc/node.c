/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The node: identity, clock, protocols, credential and group of a process, shared by the contexts on its streams.
 *
 *	node I1  A struct group never changes once it is published; streams hold references to the one they know.
 *	node I2  The version of the group only rises.
 *	node I3  The lock is held for a few instructions and never while anything else could be waited for.
 *
 * A new group is published under the lock; a message tells each context, which drops what is stale.
 */
#include "ctx.h"

#include "pure/hlc/hlc.h"

static void
lock(struct rpc_node *node)
{
	while (atomic_flag_test_and_set_explicit(&node->lock, memory_order_acquire))
		;
}

static void
unlock(struct rpc_node *node)
{
	atomic_flag_clear_explicit(&node->lock, memory_order_release);
}

int
rpc_node_create(const struct rpc_node_config *config, struct rpc_node **out)
{
	struct rpc_node *node = MEM_NEW(config->env->mem, struct rpc_node);

	if (node == NULL)
		return -DER_NOMEM;
	node->config = *config;
	if (node->config.credits == 0)
		node->config.credits = 256;
	if (node->config.timeout_ns == 0)
		node->config.timeout_ns = 60 * NS_PER_S;
	node->mem = config->env->mem;
	atomic_init(&node->rank, config->rank);
	atomic_init(&node->group_version, 0);
	atomic_flag_clear(&node->lock);
	list_init(&node->ctxs);
	node->protos[RPC_COLLECT_PROTO] = &rpc__collect_proto;
	for (const struct rpc_proto *const *proto = config->protos; *proto != NULL; proto++) {
		ASSERT((*proto)->id < RPC_PROTO_MAX && node->protos[(*proto)->id] == NULL);
		node->protos[(*proto)->id] = *proto;
	}
	*out = node;
	return 0;
}

void
rpc_node_destroy(struct rpc_node *node)
{
	ASSERTF(list_empty(&node->ctxs), "an rpc node destroyed with contexts left");
	if (node->group != NULL)
		rpc__group_put(node->group);
	mem_free(node->mem, node->cred);
	mem_free(node->mem, node);
}

uint32_t
rpc_node_rank(const struct rpc_node *node)
{
	return atomic_load_explicit(&((struct rpc_node *)node)->rank, memory_order_relaxed);
}

void
rpc_node_set_rank(struct rpc_node *node, uint32_t rank)
{
	atomic_store_explicit(&node->rank, rank, memory_order_relaxed);
}

void
rpc_node_stop(struct rpc_node *node)
{
	atomic_store(&node->stopping, true);
}

const uint8_t *
rpc_node_id(const struct rpc_node *node)
{
	return node->config.id;
}

const struct rpc_op *
rpc__node_op(const struct rpc_node *node, rpc_opc opc)
{
	const struct rpc_proto *proto = opc >> 16 < RPC_PROTO_MAX ? node->protos[opc >> 16] : NULL;

	return proto != NULL && (opc & 0xffff) < proto->nr ? &proto->ops[opc & 0xffff] : NULL;
}

/* ---- credential ---------------------------------------------------------------------------------------------------- */

int
rpc_node_set_cred(struct rpc_node *node, const void *cred, size_t len)
{
	void *copy = len > 0 && len <= RPC_CRED_MAX ? mem_alloc(node->mem, len) : NULL, *old;

	if (len > RPC_CRED_MAX)
		return -DER_OVERFLOW;
	if (len > 0 && copy == NULL)
		return -DER_NOMEM;
	if (len > 0)
		memcpy(copy, cred, len);
	lock(node);
	old = node->cred;
	node->cred = copy;
	node->cred_len = len;
	unlock(node);
	mem_free(node->mem, old);
	return 0;
}

size_t
rpc__node_cred(struct rpc_node *node, void *buf)
{
	size_t len;

	lock(node);
	len = node->cred_len;
	if (len > 0)
		memcpy(buf, node->cred, len);
	unlock(node);
	return len;
}

/* ---- clock ------------------------------------------------------------------------------------------------------------ */

static uint64_t
wall_now(struct rpc_node *node)
{
	return hlc_clock_wall(node->config.hlc, env_wall(node->config.env), env_mono(node->config.env));
}

uint64_t
rpc__node_stamp(struct rpc_node *node)
{
	uint64_t stamp;

	/* Above the durable ceiling nothing new can be had just now: the last one still orders us behind what we heard. */
	if (hlc_clock_now(node->config.hlc, wall_now(node), &stamp) != 0)
		stamp = hlc_clock_last(node->config.hlc);
	return stamp;
}

int
rpc__node_heard(struct rpc_node *node, uint32_t rank, uint64_t stamp)
{
	uint64_t wall = wall_now(node);
#ifdef PLANTED_rpc_deaf_clock
	int rc = 0;
#else
	int rc = hlc_clock_receive(node->config.hlc, stamp, wall, node->config.follows ? UINT64_MAX : HLC_EPSILON_NS);
#endif

	if (rc != 0) {
		log_warn(node->config.env->log, "clock of rank %u is %llu ms ahead of ours: message refused", rank,
			 (unsigned long long)(hlc_distance(stamp, hlc_from_wall(wall)) / NS_PER_MS));
		if (node->config.hlc_error != NULL)
			node->config.hlc_error(node->config.arg, rank, stamp, hlc_from_wall(wall));
	}
	return rc;
}

/* ---- group ------------------------------------------------------------------------------------------------------------ */

void
rpc__group_put(struct group *group)
{
	if (atomic_fetch_sub(&group->refs, 1) == 1)
		mem_free(group->mem, group);
}

const struct rpc_member *
rpc__group_find(const struct group *group, uint32_t rank)
{
	uint32_t low = 0, high = group != NULL ? group->nr : 0;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (group->members[middle].rank == rank)
			return &group->members[middle];
		if (group->members[middle].rank < rank)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* One block: the group, its members, the arrays of addresses, the addresses. */
static size_t
size_of_group(const struct rpc_member *members, uint32_t nr)
{
	size_t size = sizeof(struct group) + nr * sizeof(struct rpc_member);

	for (uint32_t i = 0; i < nr; i++)
		for (uint32_t tag = 0; tag < members[i].addr_nr; tag++)
			size += sizeof(char *) + strlen(members[i].addrs[tag]) + 1;
	return size;
}

static void
fill_group(struct group *group, const struct rpc_member *members, uint32_t nr)
{
	const char **addrs = (const char **)&group->members[nr];
	uint32_t addr_nr = 0;
	char *text;

	for (uint32_t i = 0; i < nr; i++)
		addr_nr += members[i].addr_nr;
	text = (char *)(addrs + addr_nr);
	for (uint32_t i = 0; i < nr; i++) {
		uint32_t at = i;

		/* Sorted by insertion: callers bring them in order. */
		for (; at > 0 && group->members[at - 1].rank > members[i].rank; at--)
			group->members[at] = group->members[at - 1];
		group->members[at] = members[i];
		group->members[at].addrs = addrs;
		for (uint32_t tag = 0; tag < members[i].addr_nr; tag++) {
			size_t len = strlen(members[i].addrs[tag]) + 1;

			memcpy(text, members[i].addrs[tag], len);
			*addrs++ = text;
			text += len;
		}
	}
}

static void
group_news(struct xs_msg *msg)
{
	struct rpc_ctx *ctx = container_of(msg, struct rpc_ctx, group_msg);

	atomic_store(&ctx->group_told, false);
	rpc__ctx_group(ctx);
	ult_cond_broadcast(&ctx->changed);
}

int
rpc_group_set(struct rpc_node *node, uint32_t version, const struct rpc_member *members, uint32_t nr)
{
	struct group *group, *old = NULL;
	struct rpc_ctx *ctx;

	ASSERT(version > 0);
	if (version <= rpc_group_version(node))
		return 0;
	group = mem_alloc(node->mem, size_of_group(members, nr));
	if (group == NULL)
		return -DER_NOMEM;
	atomic_init(&group->refs, 1);
	group->mem = node->mem;
	group->version = version;
	group->nr = nr;
	fill_group(group, members, nr);
	lock(node);
	if (node->group == NULL || node->group->version < version) {
		old = node->group;
		node->group = group;
		atomic_store(&node->group_version, version);
		list_each(ctx, &node->ctxs, link)
			if (!atomic_exchange(&ctx->group_told, true))
				xs_send(ctx->xs, &ctx->group_msg);
	} else {
		old = group; /* another stream was faster */
	}
	unlock(node);
	if (old != NULL)
		rpc__group_put(old);
	return 0;
}

uint32_t
rpc_group_version(const struct rpc_node *node)
{
	return atomic_load(&((struct rpc_node *)node)->group_version);
}

struct group *
rpc__node_group(struct rpc_node *node)
{
	struct group *group;

	lock(node);
	group = node->group;
	if (group != NULL)
		atomic_fetch_add(&group->refs, 1);
	unlock(node);
	return group;
}

void
rpc__node_enter(struct rpc_node *node, struct rpc_ctx *ctx)
{
	ctx->group_msg.run = group_news;
	atomic_init(&ctx->group_told, false);
	lock(node);
	list_append(&node->ctxs, &ctx->link);
	unlock(node);
}

void
rpc__node_leave(struct rpc_node *node, struct rpc_ctx *ctx)
{
	lock(node);
	list_remove(&ctx->link);
	unlock(node);
}
