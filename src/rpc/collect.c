/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Collectives: one call to many ranks along the tree of tree.c. It is a protocol of its own (number 0) whose one operation carries
 * another's: a rank that gets it calls its children with the same, runs the handler itself meanwhile, and answers with what
 * all below it said. The body (words of base/codec):
 *
 *	in   u32 opc, u32 tag, u32 root, u32 self (positions in the list), u32 version, u32 count, u32 rank each, section: in of opc
 *	out  u32 version, u32 count: { u32 rank, i32 status, bool ran, section: out of opc, when it ran } each
 *
 * The version is that of the carried operation's protocol on this connection: every hop packs anew.
 *
 *	collect I1  Every rank of the list is in the answer once.
 *	collect I2  No call is repeated: what is below a rank that could not be reached is reported, not adopted.
 *
 * Calls to children, and the handler, may yield.
 */
#include "ctx.h"

enum { RATIO = 4, CHILDREN_MAX = 64 };

struct collect_in {
	rpc_opc opc;
	uint32_t tag, root, self, version;
	uint32_t *ranks;
	uint32_t nr;
	const struct rpc_op *op;     /* to be packed: of opc */
	const void *body;            /* to be packed: its in */
	const uint8_t *packed;       /* unpacked: its in in bytes */
	size_t packed_len;
};

struct entry {
	uint32_t rank;
	int status;
	bool ran;
	const void *out;             /* to be packed */
	const uint8_t *packed;       /* unpacked */
	size_t packed_len;
};

struct collect_out {
	uint32_t version;
	struct entry *entries;
	uint32_t nr;
	const struct rpc_op *op;     /* to be packed */
};

/* ---- bodies --------------------------------------------------------------------------------------------------------- */

static void
in_pack(struct packer *packer, const void *body, uint32_t version)
{
	const struct collect_in *in = body;
	size_t mark;

	pack_u32(packer, in->opc);
	pack_u32(packer, in->tag);
	pack_u32(packer, in->root);
	pack_u32(packer, in->self);
	pack_u32(packer, in->version);
	pack_u32_array(packer, in->ranks, in->nr);
	mark = pack_section_begin(packer);
	in->op->in.pack(packer, in->body, in->version);
	pack_section_end(packer, mark);
}

static void
in_unpack(struct unpacker *unpacker, void *body, uint32_t version, struct arena *arena)
{
	struct collect_in *in = body;

	in->opc = unpack_u32(unpacker);
	in->tag = unpack_u32(unpacker);
	in->root = unpack_u32(unpacker);
	in->self = unpack_u32(unpacker);
	in->version = unpack_u32(unpacker);
	in->ranks = unpack_u32_array(unpacker, arena, &in->nr);
	in->packed = unpack_bytes(unpacker, &in->packed_len);
}

static void
out_pack(struct packer *packer, const void *body, uint32_t version)
{
	const struct collect_out *out = body;

	pack_u32(packer, out->version);
	pack_count(packer, out->nr);
	for (uint32_t i = 0; i < out->nr; i++) {
		const struct entry *entry = &out->entries[i];
		size_t mark;

		pack_u32(packer, entry->rank);
		pack_i32(packer, entry->status);
		pack_bool(packer, entry->ran);
		mark = pack_section_begin(packer);
		if (entry->ran)
			out->op->out.pack(packer, entry->out, out->version);
		pack_section_end(packer, mark);
	}
}

static void
out_unpack(struct unpacker *unpacker, void *body, uint32_t version, struct arena *arena)
{
	struct collect_out *out = body;

	out->version = unpack_u32(unpacker);
	out->entries = unpack_array(unpacker, arena, 13, sizeof(*out->entries), &out->nr);
	for (uint32_t i = 0; i < out->nr; i++) {
		struct entry *entry = &out->entries[i];

		entry->rank = unpack_u32(unpacker);
		entry->status = unpack_i32(unpacker);
		entry->ran = unpack_bool(unpacker);
		entry->packed = unpack_bytes(unpacker, &entry->packed_len);
	}
}

static const struct rpc_op collect_ops[] = {{
	.name = "collect",
	.flags = RPC_SERVERS,
	.cls = ULT_METADATA,
	.since = 1,
	.in = {.name = "collect_in", .size = sizeof(struct collect_in), .pack = in_pack, .unpack = in_unpack},
	.out = {.name = "collect_out", .size = sizeof(struct collect_out), .pack = out_pack, .unpack = out_unpack},
}};

const struct rpc_proto rpc__collect_proto = {.name = "collect", .id = RPC_COLLECT_PROTO, .version = 1, .oldest = 1,
					     .ops = collect_ops, .nr = 1};

void
rpc__collect_aim(const struct rpc_peer *peer, const struct rpc_call *call)
{
	struct collect_in *in = (struct collect_in *)(uintptr_t)call->in; /* made by us */

	in->version = peer->versions[in->opc >> 16];
}

/* ---- spreading --------------------------------------------------------------------------------------------------------- */

/* One rank's part of a collective. */
struct spread {
	struct rpc_ctx *ctx;
	struct arena *arena;
	const struct rpc_op *op;
	rpc_opc opc;
	const void *body;
	uint32_t tag;
	uint32_t *ranks;
	uint32_t nr, root, self;
	uint64_t deadline_ns;
	struct entry *entries;
	uint32_t entry_nr, entry_max;
};

struct child {
	uint32_t place;
	struct rpc_peer *peer;
	struct rpc_call call;
	struct collect_in in;
	struct collect_out out;
	int rc;
	bool started;
};

static void
add_entry(struct spread *spread, uint32_t rank, int status, const void *out)
{
	if (spread->entry_nr < spread->entry_max)
		spread->entries[spread->entry_nr++] = (struct entry){.rank = rank, .status = status, .ran = out != NULL, .out = out};
}

/* collect I2 */
static void
add_lost(struct spread *spread, uint32_t place, int rc)
{
	uint32_t *places = ARENA_NEW_ARRAY(spread->arena, uint32_t, spread->nr), first = 0, nr = 0;

	if (places == NULL) {
		add_entry(spread, spread->ranks[place], -DER_NOMEM, NULL);
		return;
	}
	places[nr++] = place;
	for (; first < nr; first++) {
		add_entry(spread, spread->ranks[places[first]], rc, NULL);
		nr += rpc_tree_children(spread->nr, spread->root, places[first], RATIO, places + nr, spread->nr - nr);
	}
}

static void
start_child(struct spread *spread, struct child *child)
{
	struct rpc_ctx *ctx = spread->ctx;

	child->in = (struct collect_in){.opc = spread->opc, .tag = spread->tag, .root = spread->root, .self = child->place,
					.ranks = spread->ranks, .nr = spread->nr, .op = spread->op, .body = spread->body};
	child->rc = rpc_peer_rank(ctx, spread->ranks[child->place], spread->tag, &child->peer);
	if (child->rc != 0)
		return;
	child->call = (struct rpc_call){.peer = child->peer, .opc = RPC_OPC(RPC_COLLECT_PROTO, 0), .in = &child->in,
					.out = &child->out, .arena = spread->arena, .deadline_ns = spread->deadline_ns};
	child->rc = rpc_call_start(ctx, &child->call);
	child->started = child->rc == 0;
}

/* What came back from a child becomes ours. */
static int
take_child(struct spread *spread, const struct child *child)
{
	const struct rpc_proto *proto = spread->ctx->node->protos[spread->opc >> 16];

	if (child->out.version < proto->oldest || child->out.version > proto->version)
		return -DER_PROTO;
	for (uint32_t i = 0; i < child->out.nr; i++) {
		const struct entry *entry = &child->out.entries[i];
		void *out = NULL;

		if (entry->ran) {
			struct unpacker unpacker;

			out = arena_alloc(spread->arena, spread->op->out.size);
			if (out == NULL)
				return -DER_NOMEM;
			unpacker_init(&unpacker, entry->packed, entry->packed_len);
			spread->op->out.unpack(&unpacker, out, child->out.version, spread->arena);
			if (unpacker_finish(&unpacker) != 0)
				return unpacker_rc(&unpacker);
		}
		add_entry(spread, entry->rank, entry->status, out);
	}
	return 0;
}

static void
end_child(struct spread *spread, struct child *child)
{
	uint32_t before = spread->entry_nr;

	if (child->started)
		child->rc = rpc_call_wait(spread->ctx, &child->call, NULL);
	if (child->rc == 0)
		child->rc = take_child(spread, child);
	if (child->rc != 0) {
		spread->entry_nr = before;
		add_lost(spread, child->place, child->rc);
	}
	if (child->peer != NULL)
		rpc_peer_put(child->peer);
}

/* Calls the children, runs our own part meanwhile (NULL: none). Entries fill up; 0 or -DER_NOMEM. YIELDS */
static int
spread_run(struct spread *spread, void (*own)(void *arg, struct spread *spread), void *arg)
{
	uint32_t *places = ARENA_NEW_ARRAY(spread->arena, uint32_t, CHILDREN_MAX), nr;
	struct child *children;

	spread->entry_max = spread->nr;
	spread->entries = ARENA_NEW_ARRAY(spread->arena, struct entry, spread->nr);
	if (places == NULL || spread->entries == NULL)
		return -DER_NOMEM;
	nr = rpc_tree_children(spread->nr, spread->root, spread->self, RATIO, places, CHILDREN_MAX);
	children = ARENA_NEW_ARRAY(spread->arena, struct child, nr);
	if (children == NULL)
		return -DER_NOMEM;
	if (own != NULL && spread->op->flags & RPC_TOP_DOWN)
		own(arg, spread);
	for (uint32_t i = 0; i < nr; i++) {
		children[i].place = places[i];
		start_child(spread, &children[i]);
	}
	if (own != NULL && !(spread->op->flags & RPC_TOP_DOWN))
		own(arg, spread);
	for (uint32_t i = 0; i < nr; i++)
		end_child(spread, &children[i]);
	return 0;
}

/* ---- on the way: a rank that was called ------------------------------------------------------------------------------------ */

struct own_run {
	struct rpc_req *outer;
	/* What the handler sees. Its arena is its own: answers of children come into the outer one while it runs. */
	struct request inner;
};

/* What the handler answers is collected instead of sent. */
static void
run_handler(void *arg, struct spread *spread)
{
	struct own_run *run = arg;
	struct rpc_req *outer = run->outer;
	struct rpc_ctx *ctx = spread->ctx;
	const rpc_handler *handlers = ctx->served[spread->opc >> 16].handlers;
	struct request *inner = &run->inner;
	void *out = arena_alloc(&inner->req.arena, spread->op->out.size);
	uint32_t rank = spread->ranks[spread->self];
	int rc = 0;

	if (out == NULL)
		rc = -DER_NOMEM;
	else if (handlers == NULL || handlers[spread->opc & 0xffff] == NULL)
		rc = -DER_NOSYS;
	if (rc != 0) {
		add_entry(spread, rank, rc, NULL);
		return;
	}
	inner->req = (struct rpc_req){.ctx = ctx, .peer = outer->peer, .op = spread->op, .opc = spread->opc,
				      .in = (void *)(uintptr_t)spread->body, .out = out, .deadline_ns = outer->deadline_ns,
				      .arena = inner->req.arena, .hlc = outer->hlc, .group_version = outer->group_version,
				      .canceled = outer->canceled};
	inner->detached = true;
	rc = handlers[spread->opc & 0xffff](ctx->served[spread->opc >> 16].owner, &inner->req);
	add_entry(spread, rank, rc, out);
}

/* The list and the carried operation, as a stranger sent them. */
static int
check_in(const struct rpc_ctx *ctx, const struct collect_in *in)
{
	const struct rpc_op *op = rpc__node_op(ctx->node, in->opc);
	const struct rpc_proto *proto = op != NULL ? ctx->node->protos[in->opc >> 16] : NULL;

	if (op == NULL || in->opc >> 16 == RPC_COLLECT_PROTO || op->flags & RPC_ONEWAY)
		return -DER_PROTO;
	if (in->version < proto->oldest || in->version > proto->version || op->since > in->version)
		return -DER_PROTO;
	if (in->root >= in->nr || in->self >= in->nr || in->ranks[in->self] != rpc_node_rank(ctx->node))
		return -DER_PROTO;
	return 0;
}

static int
serve_collect(void *owner, struct rpc_req *req)
{
	const struct collect_in *in = req->in;
	struct collect_out *out = req->out;
	struct spread spread = {.ctx = req->ctx, .arena = &req->arena, .opc = in->opc, .tag = in->tag, .ranks = in->ranks,
				.nr = in->nr, .root = in->root, .self = in->self, .deadline_ns = req->deadline_ns};
	struct own_run run = {.outer = req};
	struct unpacker unpacker;
	void *body;
	int rc = check_in(req->ctx, in);

	if (rc != 0)
		return rc;
	out->op = spread.op = rpc__node_op(req->ctx->node, in->opc);
	out->version = in->version;
	body = arena_alloc(&req->arena, spread.op->in.size);
	if (body == NULL)
		return -DER_NOMEM;
	unpacker_init(&unpacker, in->packed, in->packed_len);
	spread.op->in.unpack(&unpacker, body, in->version, &req->arena);
	if (unpacker_finish(&unpacker) != 0)
		return unpacker_rc(&unpacker);
	spread.body = body;
	arena_init(&run.inner.req.arena, req->ctx->mem);
	rc = spread_run(&spread, run_handler, &run);
	out->entries = spread.entries;
	out->nr = spread.entry_nr;
	/* While what the handler made is still there. */
	rpc_answer_early(req, rc);
	arena_fini(&run.inner.req.arena);
	return rc;
}

const rpc_handler rpc__collect_handlers[] = {serve_collect};

/* ---- at the root ---------------------------------------------------------------------------------------------------------------- */

/* Our own rank is called like any other, by the shortest way. */
static void
call_self(void *arg, struct spread *spread)
{
	struct rpc_ctx *ctx = spread->ctx;
	uint32_t rank = spread->ranks[spread->self];
	void *out = arena_alloc(spread->arena, spread->op->out.size);
	struct rpc_peer *peer;
	bool answered = false;
	int rc = out != NULL ? rpc_peer_rank(ctx, rank, spread->tag, &peer) : -DER_NOMEM;

	if (rc == 0) {
		struct rpc_call call = {.peer = peer, .opc = spread->opc, .in = spread->body, .out = out, .arena = spread->arena,
					.deadline_ns = spread->deadline_ns};

		rc = rpc_call(ctx, &call, &answered);
		rpc_peer_put(peer);
	}
	add_entry(spread, rank, rc, answered ? out : NULL);
}

/* The list of places: ours, then, and our own place; one is put in front when we are not among the ranks. */
static int
lay_places(struct rpc_ctx *ctx, const struct rpc_collect *collect, struct spread *spread, bool *among)
{
	const struct group *group = rpc__ctx_group(ctx);
	uint32_t nr = collect->ranks != NULL ? collect->rank_nr : group != NULL ? group->nr : 0, own = rpc_node_rank(ctx->node);
	uint32_t *ranks = ARENA_NEW_ARRAY(spread->arena, uint32_t, nr + 1);

	if (ranks == NULL)
		return -DER_NOMEM;
	*among = false;
	for (uint32_t i = 0; i < nr; i++) {
		ranks[i + 1] = collect->ranks != NULL ? collect->ranks[i] : group->members[i].rank;
		if (ranks[i + 1] == own) {
			*among = true;
			spread->self = i;
		}
	}
	if (!*among) {
		ranks[0] = own;
		spread->self = 0;
	}
	spread->ranks = *among ? ranks + 1 : ranks;
	spread->nr = *among ? nr : nr + 1;
	spread->root = spread->self;
	return 0;
}

int
rpc_collect(struct rpc_ctx *ctx, struct rpc_collect *collect)
{
	struct spread spread = {.ctx = ctx, .arena = collect->arena, .op = rpc__node_op(ctx->node, collect->opc), .opc = collect->opc,
				.body = collect->in, .tag = collect->tag, .deadline_ns = collect->deadline_ns};
	bool among;
	int rc;

	if (spread.op == NULL)
		return -DER_UNREG;
	ASSERT(!(spread.op->flags & RPC_ONEWAY) && collect->arena != NULL);
	if (spread.deadline_ns == 0)
		spread.deadline_ns = env_mono(ctx->env) + ctx->node->config.timeout_ns;
	rc = lay_places(ctx, collect, &spread, &among);
	if (rc == 0)
		rc = spread_run(&spread, among ? call_self : NULL, NULL);
	if (rc != 0)
		return rc;
	for (uint32_t i = 0; i < spread.entry_nr; i++) {
		const struct entry *entry = &spread.entries[i];

		if (collect->fold != NULL)
			collect->fold(collect->arg, collect->out, entry->out, entry->rank, entry->status);
		if (rc == 0)
			rc = entry->status;
	}
	return rc;
}
