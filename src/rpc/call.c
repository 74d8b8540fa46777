/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls: waiting for a connection and a credit, in flight, ended.
 *
 *	start --> waiting --connection, credit--> in flight --answer--> ended
 *	              '----------- deadline, cancel, break -------------^
 *
 *	call I1  A call ends once, and before its deadline plus one poll of the stream.
 *	call I2  Calls to one peer are sent in the order of their start.
 *	call I3  Memory is exposed from the sending of a call to its end, never longer.
 *	call I4  A credit is taken when a request is sent and given back by its answer (or the end of the connection) alone, also
 *	         when the call was given up: what the other end still works on counts.
 *
 * Nothing here yields but rpc_call and rpc_call_wait.
 */
#include "ctx.h"

/* ---- flights -------------------------------------------------------------------------------------------------------- */

static struct rpc_flight *
flight_new(struct rpc_ctx *ctx)
{
	struct rpc_flight *flight = list_pop(&ctx->spare, struct rpc_flight, link);

	if (flight != NULL)
		ctx->spare_nr--;
	else
		flight = MEM_NEW(ctx->mem, struct rpc_flight);
	return flight;
}

static void
flight_free(struct rpc_ctx *ctx, struct rpc_flight *flight)
{
	if (ctx->spare_nr < RPC_SPARE_FLIGHTS) {
		list_append(&ctx->spare, &flight->link);
		ctx->spare_nr++;
	} else {
		mem_free(ctx->mem, flight);
	}
}

static void
flight_begin(struct rpc_peer *peer, struct rpc_flight *flight, struct rpc_call *call, uint64_t number, uint32_t bytes)
{
	flight->number = number;
	flight->bytes = bytes;
	flight->opc = call->opc;
	flight->call = call;
	call->flight = flight;
	list_append(&peer->flights, &flight->link);
	hash_insert(&peer->by_number, &flight->node, &flight->number);
	peer->flight_nr++;
	peer->flight_bytes += bytes;
}

/* Its call, if somebody still waits for it. */
static struct rpc_call *
flight_end(struct rpc_peer *peer, struct rpc_flight *flight)
{
	struct rpc_call *call = flight->call;

	list_remove(&flight->link);
	hash_remove(&peer->by_number, &flight->node);
	peer->flight_nr--;
	peer->flight_bytes -= flight->bytes;
	if (call != NULL)
		call->flight = NULL;
	flight_free(peer->ctx, flight);
	return call;
}

/* ---- the end ----------------------------------------------------------------------------------------------------------- */

static void
count_end(struct rpc_stats *stats, int rc, bool answered)
{
	if (answered)
		stats->answered++;
	else if (rc == -DER_TIMEDOUT)
		stats->timed_out++;
	else if (rc == -DER_CANCELED)
		stats->canceled++;
	else if (rc == -DER_UNREACH || rc == -DER_OOG)
		stats->unreachable++;
	else if (rc != 0)
		stats->refused++;
}

static void
unexpose(struct rpc_call *call)
{
#ifdef PLANTED_rpc_stays_exposed
	if (call->ctx->stats.calls > 0)
		return;
#endif
	/* Without a connection the memory is out of reach already. */
	if (call->is_exposed && call->peer->conn != NULL)
		call->peer->net->mem_unreg(call->peer->conn, call->exposed);
	call->is_exposed = false;
}

static void
call_end(struct rpc_call *call, int rc, bool answered)
{
	struct rpc_peer *peer = call->peer;

	unexpose(call);
	if (call->waiting)
		list_remove(&call->link);
	call->waiting = false;
	if (call->flight != NULL)
		call->flight->call = NULL; /* call I4 */
	call->flight = NULL;
	call->answered = answered;
	ult_timer_fini(&call->timer);
	count_end(&call->ctx->stats, rc, answered);
	ult_eventual_set(&call->ended, rc);
	rpc_peer_put(peer);
}

/* The other end may stop working on it. */
static void
tell_cancel(struct rpc_call *call)
{
	struct rpc_header header = {.kind = RPC_KIND_CANCEL};

	if (call->flight == NULL)
		return;
	header.opc = call->opc;
	header.number = call->flight->number;
	(void)rpc__peer_send(call->peer, &header, NULL, 0);
}

static void
call_late(void *arg)
{
	struct rpc_call *call = arg;

	tell_cancel(call);
	call_end(call, -DER_TIMEDOUT, false);
}

void
rpc__calls_end(struct rpc_peer *peer, int rc, bool keep_waiting)
{
	rpc_peer_get(peer);
	while (!list_empty(&peer->flights)) {
		struct rpc_call *call = flight_end(peer, list_first(&peer->flights, struct rpc_flight, link));

#ifdef PLANTED_rpc_lost_is_answered
		if (call != NULL)
			call_end(call, rc, true);
		continue;
#endif
		if (call != NULL)
			call_end(call, rc, false);
	}
	while (!keep_waiting && !list_empty(&peer->waiting))
		call_end(list_first(&peer->waiting, struct rpc_call, link), rc, false);
	rpc_peer_put(peer);
}

/* ---- sending --------------------------------------------------------------------------------------------------------------- */

static int
expose(struct rpc_peer *peer, struct rpc_call *call)
{
	uint64_t len = 0;
	int rc;

	if (call->bulk == NULL || call->is_exposed)
		return 0;
	*call->bulk = (struct rpc_bulk){0};
	for (int i = 0; i < call->expose_nr; i++)
		len += call->expose[i].iov_len;
	if (len == 0)
		return 0;
	rc = peer->net->mem_reg(peer->conn, call->expose, call->expose_nr, call->expose_access, &call->exposed);
	if (rc != 0)
		return rc;
	call->is_exposed = true;
	*call->bulk = (struct rpc_bulk){.key = call->exposed, .len = len};
	return 0;
}

static uint32_t
ms_left(const struct rpc_ctx *ctx, uint64_t deadline_ns)
{
	uint64_t now = env_mono(ctx->env), ms = deadline_ns > now ? DIV_UP(deadline_ns - now, NS_PER_MS) : 0;

	return (uint32_t)MIN(MAX(ms, (uint64_t)1), (uint64_t)UINT32_MAX);
}

/* Sends the call. 0, or the error that it ends with; 1: it has to wait for the bytes of others. */
static int
send_call(struct rpc_peer *peer, struct rpc_call *call, const struct rpc_op *op)
{
	struct rpc_ctx *ctx = peer->ctx;
	struct rpc_header header = {.kind = op->flags & RPC_ONEWAY ? RPC_KIND_ONEWAY : RPC_KIND_REQUEST, .opc = call->opc};
	struct rpc_flight *flight = NULL;
	size_t len;
	int rc;

	header.proto_version = peer->versions[call->opc >> 16];
	if (header.proto_version == 0 || op->since > header.proto_version)
		return -DER_PROTO;
	rc = expose(peer, call);
	if (rc != 0)
		return rc;
	if (call->opc >> 16 == RPC_COLLECT_PROTO)
		rpc__collect_aim(peer, call);
	rc = rpc__ctx_pack(ctx, op->in.pack, call->in, header.proto_version, &len);
	if (rc != 0)
		return rc;
	if (header.kind == RPC_KIND_REQUEST) {
		if (peer->flight_nr > 0 && peer->flight_bytes + len > peer->credit_bytes)
			return 1;
		flight = flight_new(ctx);
		if (flight == NULL)
			return -DER_NOMEM;
	}
	header.number = ++ctx->number;
	header.deadline_ms = ms_left(ctx, call->deadline_ns);
	rc = rpc__peer_send(peer, &header, ctx->scratch, len);
	if (rc != 0 && flight != NULL)
		flight_free(ctx, flight);
	else if (flight != NULL)
		flight_begin(peer, flight, call, header.number, (uint32_t)len);
	return rc;
}

void
rpc__calls_go(struct rpc_peer *peer)
{
	rpc_peer_get(peer);
	while (peer->state == PEER_READY && !list_empty(&peer->waiting)) {
		struct rpc_call *call = list_first(&peer->waiting, struct rpc_call, link);
		const struct rpc_op *op = rpc__node_op(peer->ctx->node, call->opc);
		bool oneway = op->flags & RPC_ONEWAY;
		int rc;

		if (!oneway && peer->flight_nr >= peer->credits)
			break;
		rc = send_call(peer, call, op);
		if (rc > 0)
			break;
		if (rc != 0 || oneway) {
			call_end(call, rc, false);
			continue;
		}
		list_remove(&call->link);
		call->waiting = false;
	}
	rpc_peer_put(peer);
}

int
rpc_call_start(struct rpc_ctx *ctx, struct rpc_call *call)
{
	const struct rpc_op *op = rpc__node_op(ctx->node, call->opc);
	uint64_t now = env_mono(ctx->env);

	if (op == NULL)
		return -DER_UNREG;
	if (ctx->stopping)
		return -DER_CANCELED;
	if (call->deadline_ns == 0)
		call->deadline_ns = now + ctx->node->config.timeout_ns;
	if (call->deadline_ns <= now)
		return -DER_TIMEDOUT;
	ASSERT(call->peer->ctx == ctx && (call->out == NULL || call->arena != NULL));
	ASSERT(call->out != NULL || op->out.size == 0 || op->flags & RPC_ONEWAY);
	call->ctx = ctx;
	call->flight = NULL;
	call->is_exposed = call->answered = false;
	call->waiting = true;
	ult_eventual_init(&call->ended);
	ult_timer_init(&call->timer, ctx->xs, call_late, call);
	ult_timer_arm(&call->timer, call->deadline_ns);
	rpc_peer_get(call->peer);
	list_append(&call->peer->waiting, &call->link);
	ctx->stats.calls++;
	rpc__peer_wake(call->peer);
	return 0;
}

int
rpc_call_wait(struct rpc_ctx *ctx, struct rpc_call *call, bool *answered)
{
	int rc = ult_eventual_wait(&call->ended);

	if (answered != NULL)
		*answered = call->answered;
	return rc;
}

int
rpc_call(struct rpc_ctx *ctx, struct rpc_call *call, bool *answered)
{
	int rc = rpc_call_start(ctx, call);

	if (rc == 0)
		return rpc_call_wait(ctx, call, answered);
	if (answered != NULL)
		*answered = false;
	return rc;
}

void
rpc_call_cancel(struct rpc_ctx *ctx, struct rpc_call *call)
{
	if (ult_eventual_ready(&call->ended))
		return;
	tell_cancel(call);
	call_end(call, -DER_CANCELED, false);
}

/* ---- answers ------------------------------------------------------------------------------------------------------------------- */

/* Takes the answer's body apart, into the caller's arena. */
static int
take_answer(struct rpc_peer *peer, struct rpc_call *call, const struct rpc_header *header, const void *body)
{
	const struct rpc_proto *proto = peer->ctx->node->protos[call->opc >> 16];
	const struct rpc_body *out = &proto->ops[call->opc & 0xffff].out;
	struct unpacker unpacker;
	const void *copy;

	if (header->proto_version < proto->oldest || header->proto_version > proto->version)
		return -DER_PROTO;
	if (call->out == NULL)
		return 0;
	copy = arena_dup(call->arena, body, header->body_len);
	if (copy == NULL)
		return -DER_NOMEM;
	memset(call->out, 0, out->size);
	unpacker_init(&unpacker, copy, header->body_len);
	out->unpack(&unpacker, call->out, header->proto_version, call->arena);
	return unpacker_finish(&unpacker);
}

void
rpc__call_answered(struct rpc_peer *peer, const struct rpc_header *header, const void *body, int clock_rc)
{
	struct hash_node *node = hash_find(&peer->by_number, &header->number);
	struct rpc_flight *flight = node != NULL ? hash_entry(node, struct rpc_flight, node) : NULL;
	bool refused = header->flags & RPC_FLAG_REFUSED;
	struct rpc_call *call;
	int rc = clock_rc;

	if (flight == NULL || flight->opc != header->opc || (refused && (header->status >= 0 || header->body_len > 0))) {
		rpc__peer_violation(peer, "an answer to nothing");
		return;
	}
	call = flight_end(peer, flight);
	if (call == NULL) {
		env_sometimes(peer->ctx->env, "rpc: answered after it was given up");
	} else {
		if (rc == 0 && !refused)
			rc = take_answer(peer, call, header, body);
		call_end(call, rc != 0 ? rc : header->status, rc == 0 && !refused);
	}
	rpc__calls_go(peer);
}
