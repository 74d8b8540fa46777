/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests of others: taken from the wire, served in a ULT of their operation's class, answered; and bulk.
 *
 *	came --checks--> ULT: unpack --> handler --> answer --> freed
 *	      '--> refused: an answer with RPC_FLAG_REFUSED
 *
 *	serve I1  A request is answered once, unless its connection is gone.
 *	serve I2  From its coming to its answer a request counts against what its connection may make us hold (rpc I4).
 *	serve I3  The body lies in the request's arena; what unpacking gives out points there.
 *
 * The handler may yield; everything else here does not, but rpc_bulk_get and rpc_bulk_put.
 */
#include "ctx.h"

#include "base/sg.h"

static bool
request_equal(const struct hash_node *node, const void *key)
{
	return hash_entry(node, const struct request, node)->number == *(const uint64_t *)key;
}

const struct hash_ops rpc__requests_hash = {.hash = hash_key_u64, .equal = request_equal};

/* ---- answering ------------------------------------------------------------------------------------------------------ */

static void
send_answer(struct rpc_peer *peer, struct rpc_header *header, const void *body, size_t len)
{
	int rc = rpc__peer_send(peer, header, body, len);

	/* An answer that cannot be sent would leave the caller waiting: it had better hear that we are gone. */
	if (rc != 0 && rc != -DER_UNREACH)
		rpc__peer_end(peer, rc);
	else if (peer->conn != NULL && peer->net->queued(peer->conn) > RPC_QUEUED_MAX)
		rpc__peer_violation(peer, "does not take its answers");
}

static void
refuse(struct rpc_peer *peer, rpc_opc opc, uint64_t number, int status)
{
	struct rpc_header header = {.kind = RPC_KIND_ANSWER, .opc = opc, .number = number, .status = status,
				    .flags = RPC_FLAG_REFUSED};

	send_answer(peer, &header, NULL, 0);
}

/* serve I2 */
static void
request_leave(struct request *request)
{
	struct rpc_peer *peer = request->req.peer;

	if (request->detached)
		return;
	request->detached = true;
	list_remove(&request->link);
	hash_remove(&peer->serving_by_number, &request->node);
	peer->serving_nr--;
	peer->serving_bytes -= request->bytes;
}

static void
request_answer(struct request *request, int status, bool refused)
{
	struct rpc_header header = {.kind = RPC_KIND_ANSWER, .opc = request->req.opc, .number = request->number, .status = status};
	struct rpc_peer *peer = request->req.peer;
	struct rpc_ctx *ctx = request->req.ctx;
	bool gone = request->detached;
	size_t len;
	int rc;

	if (request->answered)
		return;
	request->answered = true;
	request_leave(request);
	if (gone || request->oneway)
		return;
	if (!refused) {
		header.proto_version = request->version;
		rc = rpc__ctx_pack(ctx, request->req.op->out.pack, request->req.out, request->version, &len);
		if (rc == 0) {
			send_answer(peer, &header, ctx->scratch, len);
			return;
		}
		log_error(ctx->env->log, "%s: its answer cannot be packed: " RCF, request->req.op->name, RCP(rc));
		status = rc;
	}
	refuse(peer, request->req.opc, request->number, status);
}

void
rpc_answer_early(struct rpc_req *req, int status)
{
	request_answer((struct request *)req, status, false);
}

static void
request_free(struct request *request)
{
	struct rpc_ctx *ctx = request->req.ctx;
	struct rpc_peer *peer = request->req.peer;

	arena_fini(&request->req.arena);
	mem_free(ctx->mem, request);
	ctx->serving_nr--;
	rpc_peer_put(peer);
	if (ctx->stopping)
		ult_cond_broadcast(&ctx->changed);
}

/* ---- serving ---------------------------------------------------------------------------------------------------------------- */

static int
unpack_request(struct request *request)
{
	struct rpc_req *req = &request->req;
	struct unpacker unpacker;

	req->in = arena_alloc(&req->arena, req->op->in.size);
	req->out = arena_alloc(&req->arena, req->op->out.size);
	if (req->in == NULL || req->out == NULL)
		return -DER_NOMEM;
	unpacker_init(&unpacker, request->body, request->bytes);
	req->op->in.unpack(&unpacker, req->in, request->version, &req->arena);
	return unpacker_finish(&unpacker);
}

/* What a handler fails with because the process is about to end is not the operation's fate. */
static int
last_word(const struct rpc_ctx *ctx, int rc)
{
	bool ours = rc == -DER_CANCELED || rc == -DER_UNREACH || rc == -DER_OOG || rc == -DER_TIMEDOUT;

	return ours && atomic_load(&ctx->node->stopping) ? -DER_SHUTDOWN : rc;
}

static void
serve(void *arg)
{
	struct request *request = arg;
	struct rpc_req *req = &request->req;
	struct rpc_ctx *ctx = req->ctx;
	int rc = 0;

	if (req->canceled)
		rc = last_word(ctx, -DER_CANCELED);
	else if (req->deadline_ns <= env_mono(ctx->env))
		rc = -DER_TIMEDOUT;
	else
		rc = unpack_request(request);
	if (rc != 0) {
		ctx->stats.turned_away++;
		request_answer(request, rc, true);
	} else {
		ctx->stats.served++;
		rc = ctx->served[request->proto->id].handlers[req->opc & 0xffff](ctx->served[request->proto->id].owner, req);
		request_answer(request, last_word(ctx, rc), false);
	}
	request_free(request);
}

/* 0, or the status with which a request is refused before it costs anything. */
static int
check_request(const struct rpc_peer *peer, const struct rpc_proto *proto, const struct rpc_op *op, const struct rpc_header *header)
{
	const rpc_handler *handlers = peer->ctx->served[proto->id].handlers;

	if (op->flags & RPC_SERVERS && !rpc__peer_is_member(peer))
		return -DER_NO_PERM;
	if (!(op->flags & RPC_ANYONE) && !peer->admitted)
		return -DER_NO_PERM;
	if (header->proto_version < proto->oldest || header->proto_version > proto->version || op->since > header->proto_version)
		return -DER_PROTO;
	if (atomic_load(&peer->ctx->node->stopping) && !rpc__peer_is_member(peer))
		return -DER_SHUTDOWN;
	if (peer->ctx->held)
		return -DER_OVERLOAD_RETRY;
	if (handlers == NULL || handlers[header->opc & 0xffff] == NULL)
		return -DER_NOSYS;
	return 0;
}

/* A request with its body, in the tables of its peer. NULL: no memory. */
static struct request *
request_new(struct rpc_peer *peer, const struct rpc_proto *proto, const struct rpc_header *header, const void *body)
{
	struct rpc_ctx *ctx = peer->ctx;
	struct request *request = MEM_NEW(ctx->mem, struct request);

	if (request == NULL)
		return NULL;
	arena_init(&request->req.arena, ctx->mem);
	request->body = arena_dup(&request->req.arena, body, header->body_len);
	if (request->body == NULL) {
		mem_free(ctx->mem, request);
		return NULL;
	}
	request->req.ctx = ctx;
	request->req.peer = peer;
	request->req.op = &proto->ops[header->opc & 0xffff];
	request->req.opc = header->opc;
	request->req.deadline_ns = env_mono(ctx->env) + header->deadline_ms * NS_PER_MS;
	request->req.hlc = header->hlc;
	request->req.group_version = header->group_version;
	request->proto = proto;
	request->number = header->number;
	request->bytes = header->body_len;
	request->version = header->proto_version;
	request->oneway = header->kind == RPC_KIND_ONEWAY;
	rpc_peer_get(peer);
	list_append(&peer->serving, &request->link);
	hash_insert(&peer->serving_by_number, &request->node, &request->number);
	peer->serving_nr++;
	peer->serving_bytes += request->bytes;
	ctx->serving_nr++;
	return request;
}

/* A collective runs in the class of what it carries. */
static enum ult_class
class_of(const struct rpc_ctx *ctx, const struct request *request)
{
	const struct rpc_op *op = request->req.op;

	if (request->proto->id == RPC_COLLECT_PROTO && request->bytes >= sizeof(uint32_t)) {
		uint32_t inner;

		memcpy(&inner, request->body, sizeof(inner));
		op = rpc__node_op(ctx->node, le32toh(inner));
	}
	return op != NULL ? op->cls : request->req.op->cls;
}

void
rpc__request_came(struct rpc_peer *peer, const struct rpc_header *header, const void *body, int clock_rc)
{
	struct rpc_ctx *ctx = peer->ctx;
	const struct rpc_op *op = rpc__node_op(ctx->node, header->opc);
	const struct rpc_proto *proto = op != NULL ? ctx->node->protos[header->opc >> 16] : NULL;
	bool oneway = header->kind == RPC_KIND_ONEWAY;
	struct request *request;
	int rc = clock_rc;

	/* rpc I3 */
	if (header->number <= peer->last_number || (op != NULL && oneway != !!(op->flags & RPC_ONEWAY))) {
		rpc__peer_violation(peer, "a request out of order");
		return;
	}
	peer->last_number = header->number;
	if (ctx->stopping)
		return; /* the connection ends soon */
	if (rc == 0)
		rc = op != NULL ? check_request(peer, proto, op, header) : -DER_PROTO;
	/* rpc I4 */
	if (peer->serving_nr >= RPC_SERVE_MAX ||
	    (peer->serving_nr > 0 && peer->serving_bytes + header->body_len > RPC_SERVE_BYTES)) {
		if (!oneway)
			rpc__peer_violation(peer, "more requests than allowed");
		return;
	}
	request = rc == 0 ? request_new(peer, proto, header, body) : NULL;
	if (rc == 0 && request == NULL)
		rc = -DER_NOMEM;
	if (rc == 0)
		rc = ult_spawn(ctx->xs, class_of(ctx, request), op->name, serve, request, NULL);
	if (rc == 0)
		return;
	ctx->stats.turned_away++;
	if (request != NULL) {
		request_answer(request, rc, true);
		request_free(request);
	} else if (!oneway) {
		refuse(peer, header->opc, header->number, rc);
	}
}

void
rpc__request_cancel(struct rpc_peer *peer, uint64_t number)
{
	struct hash_node *node = hash_find(&peer->serving_by_number, &number);

	if (node != NULL)
		hash_entry(node, struct request, node)->req.canceled = true;
}

void
rpc__requests_detach(struct rpc_peer *peer)
{
	while (!list_empty(&peer->serving)) {
		struct request *request = list_first(&peer->serving, struct request, link);

		request->req.canceled = true;
		request_leave(request);
	}
}

/* ---- bulk ------------------------------------------------------------------------------------------------------------------------ */

static void
bulk_done(void *arg, int rc)
{
	ult_eventual_set(arg, rc);
}

static int
bulk_move(struct rpc_req *req, const struct rpc_bulk *bulk, uint64_t off, const struct iovec *iov, int iov_nr, bool put)
{
	struct rpc_peer *peer = req->peer;
	size_t len = iov_total(iov, iov_nr);
	struct ult_eventual done;
	int rc;

	if (off > bulk->len || len > bulk->len - off)
		return -DER_NO_PERM;
	if (req->canceled)
		return peer->conn == NULL ? -DER_UNREACH : -DER_CANCELED;
	if (len == 0)
		return 0;
	if (peer->conn == NULL || peer->state != PEER_READY)
		return -DER_UNREACH;
	ult_eventual_init(&done);
	rc = (put ? peer->net->put : peer->net->get)(peer->conn, bulk->key, off, iov, iov_nr, bulk_done, &done);
	return rc != 0 ? rc : ult_eventual_wait(&done);
}

int
rpc_bulk_get(struct rpc_req *req, const struct rpc_bulk *bulk, uint64_t off, const struct iovec *iov, int iov_nr)
{
	return bulk_move(req, bulk, off, iov, iov_nr, false);
}

int
rpc_bulk_put(struct rpc_req *req, const struct rpc_bulk *bulk, uint64_t off, const struct iovec *iov, int iov_nr)
{
	return bulk_move(req, bulk, off, iov, iov_nr, true);
}
