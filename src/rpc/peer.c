/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Peers: who is at the other end, and the life of the connection to it.
 *
 *	IDLE --a call waits--> GREETING --hello--> READY --broken, or refused by us--> IDLE
 *	           |  connect failed, no hello in time: the next address, or IDLE
 *	           '--> CLOSING (we gave it up) --closed--> IDLE, and GREETING again when calls came meanwhile
 *
 *	rpc I1  A connection says hello first; until it did nothing else is taken from it or sent on it.
 *	rpc I2  When a connection ends, every call on it has ended, every request from it is canceled, and then watchers and
 *	        the session's drop hear of it, each once.
 *	rpc I3  Numbers of requests rise on a connection: one that comes again is a violation, not a second execution.
 *	rpc I4  What one connection makes us hold is bounded: RPC_SERVE_MAX requests, RPC_SERVE_BYTES of their bodies,
 *	        RPC_QUEUED_MAX of answers. Who goes beyond is cut off.
 *	rpc I5  A peer lives while somebody refers to it: its users, its connection, its requests.
 *
 * Peers of others (inbound) and ours to a rank are different ones even between the same two contexts. The callbacks of the
 * seam come from the stream's scheduler; nothing here yields.
 */
#include "ctx.h"

#include "base/hash64.h"

struct watch {
	struct list link;
	void (*gone)(void *arg, struct rpc_peer *peer);
	void *arg;
};

static const struct env_conn_ops conn_ops;
static void go_elsewhere(struct rpc_peer *peer);

/* ---- tables ---------------------------------------------------------------------------------------------------------- */

static bool
rank_equal(const struct hash_node *node, const void *key)
{
	const struct rpc_peer *peer = hash_entry(node, const struct rpc_peer, node);

	return ((uint64_t)peer->to_rank << 32 | peer->to_tag) == *(const uint64_t *)key;
}

static bool
addr_equal(const struct hash_node *node, const void *key)
{
	return strcmp(hash_entry(node, const struct rpc_peer, node)->to_addr, key) == 0;
}

static bool
flight_equal(const struct hash_node *node, const void *key)
{
	return hash_entry(node, const struct rpc_flight, node)->number == *(const uint64_t *)key;
}

static const struct hash_ops rank_hash = {.hash = hash_key_u64, .equal = rank_equal};
static const struct hash_ops addr_hash = {.hash = hash_key_string, .equal = addr_equal};
static const struct hash_ops flight_hash = {.hash = hash_key_u64, .equal = flight_equal};

void
rpc__peers_init(struct rpc_ctx *ctx)
{
	list_init(&ctx->peers);
	list_init(&ctx->greeting);
	hash_init(&ctx->by_rank, ctx->mem, &rank_hash, 0);
	hash_init(&ctx->by_addr, ctx->mem, &addr_hash, 0);
}

void
rpc__peers_fini(struct rpc_ctx *ctx)
{
	ASSERTF(list_empty(&ctx->peers), "an rpc context destroyed with references to peers left");
	hash_fini(&ctx->by_rank);
	hash_fini(&ctx->by_addr);
}

/* ---- life of a peer --------------------------------------------------------------------------------------------------- */

static void
greeting_late(void *arg)
{
	struct rpc_peer *peer = arg;

	if (peer->state == PEER_GREETING && peer->kind != PEER_INBOUND)
		go_elsewhere(peer);
	else if (peer->state == PEER_GREETING)
		rpc__peer_end(peer, -DER_TIMEDOUT);
}

static struct rpc_peer *
peer_new(struct rpc_ctx *ctx, enum peer_kind kind)
{
	struct rpc_peer *peer = MEM_NEW(ctx->mem, struct rpc_peer);

	if (peer == NULL)
		return NULL;
	peer->ctx = ctx;
	peer->kind = kind;
	peer->refs = 1;
	peer->rank = RPC_NO_RANK;
	peer->net = &ctx->env->ops->net;
	list_init(&peer->greeting);
	list_init(&peer->waiting);
	list_init(&peer->flights);
	list_init(&peer->serving);
	list_init(&peer->watches);
	hash_init(&peer->by_number, ctx->mem, &flight_hash, 0);
	hash_init(&peer->serving_by_number, ctx->mem, &rpc__requests_hash, 0);
	ult_timer_init(&peer->greeting_timer, ctx->xs, greeting_late, peer);
	list_append(&ctx->peers, &peer->link);
	ctx->peer_nr++;
	return peer;
}

void
rpc_peer_get(struct rpc_peer *peer)
{
	peer->refs++;
}

void
rpc_peer_put(struct rpc_peer *peer)
{
	struct rpc_ctx *ctx = peer->ctx;

	ASSERT(peer->refs > 0);
	if (--peer->refs > 0)
		return;
	ASSERT(peer->conn == NULL && list_empty(&peer->waiting) && list_empty(&peer->flights));
	while (!list_empty(&peer->watches))
		mem_free(ctx->mem, list_pop(&peer->watches, struct watch, link));
	if (peer->kind == PEER_RANK)
		hash_remove(&ctx->by_rank, &peer->node);
	if (peer->kind == PEER_ADDR)
		hash_remove(&ctx->by_addr, &peer->node);
	list_remove(&peer->link);
	ctx->peer_nr--;
	hash_fini(&peer->by_number);
	hash_fini(&peer->serving_by_number);
	ult_timer_fini(&peer->greeting_timer);
	mem_free(ctx->mem, peer->to_addr);
	mem_free(ctx->mem, peer);
	ult_cond_broadcast(&ctx->changed);
}

int
rpc_peer_rank(struct rpc_ctx *ctx, uint32_t rank, uint32_t tag, struct rpc_peer **out)
{
	const struct rpc_member *member = rpc__group_find(rpc__ctx_group(ctx), rank);
	bool self = rank == rpc_node_rank(ctx->node) && tag == ctx->tag;
	uint64_t key = (uint64_t)rank << 32 | tag;
	struct hash_node *node = hash_find(&ctx->by_rank, &key);
	struct rpc_peer *peer;

	if (node != NULL) {
		peer = hash_entry(node, struct rpc_peer, node);
		rpc_peer_get(peer);
		*out = peer;
		return 0;
	}
	if (!self && (member == NULL || tag >= member->addr_nr))
		return -DER_OOG;
	peer = peer_new(ctx, PEER_RANK);
	if (peer == NULL)
		return -DER_NOMEM;
	peer->rank = peer->to_rank = rank;
	peer->to_tag = tag;
	hash_insert(&ctx->by_rank, &peer->node, &key);
	*out = peer;
	return 0;
}

int
rpc_peer_addr(struct rpc_ctx *ctx, const char *addr, struct rpc_peer **out)
{
	struct hash_node *node = hash_find(&ctx->by_addr, addr);
	struct rpc_peer *peer;
	char *copy;

	if (node != NULL) {
		peer = hash_entry(node, struct rpc_peer, node);
		rpc_peer_get(peer);
		*out = peer;
		return 0;
	}
	copy = mem_strdup(ctx->mem, addr);
	peer = copy != NULL ? peer_new(ctx, PEER_ADDR) : NULL;
	if (peer == NULL) {
		mem_free(ctx->mem, copy);
		return -DER_NOMEM;
	}
	peer->to_addr = copy;
	hash_insert(&ctx->by_addr, &peer->node, copy);
	*out = peer;
	return 0;
}

uint32_t
rpc_peer_rank_of(const struct rpc_peer *peer)
{
	return peer->rank;
}

const uint8_t *
rpc_peer_id(const struct rpc_peer *peer)
{
	return peer->id;
}

void
rpc_peer_cred(const struct rpc_peer *peer, struct env_cred *cred)
{
	memset(cred, 0, sizeof(*cred));
	if (peer->conn != NULL)
		peer->net->cred(peer->conn, cred);
}

int
rpc_peer_watch(struct rpc_peer *peer, void (*gone)(void *arg, struct rpc_peer *peer), void *arg)
{
	struct watch *watch = MEM_NEW(peer->ctx->mem, struct watch);

	if (watch == NULL)
		return -DER_NOMEM;
	watch->gone = gone;
	watch->arg = arg;
	list_append(&peer->watches, &watch->link);
	return 0;
}

void
rpc_peer_unwatch(struct rpc_peer *peer, void *arg)
{
	struct watch *watch, *next;

	list_each_safe(watch, next, &peer->watches, link) {
		if (watch->arg != arg)
			continue;
		list_remove(&watch->link);
		mem_free(peer->ctx->mem, watch);
	}
}

void
rpc_peer_set_session(struct rpc_peer *peer, void *session, void (*drop)(void *session))
{
	peer->session = session;
	peer->session_drop = drop;
}

void *
rpc_peer_session(const struct rpc_peer *peer)
{
	return peer->session;
}

bool
rpc__peer_is_member(const struct rpc_peer *peer)
{
	const struct group *group = peer->ctx->group;
	const struct rpc_member *member = rpc__group_find(group, peer->rank);

	if (!peer->admitted || peer->rank == RPC_NO_RANK)
		return false;
	/* Before the first group everybody is new. */
	if (group == NULL)
		return true;
	return member != NULL && (member->incarnation == 0 || peer->incarnation == 0 || peer->incarnation >= member->incarnation);
}

/* ---- sending ------------------------------------------------------------------------------------------------------------ */

int
rpc__peer_send(struct rpc_peer *peer, struct rpc_header *header, const void *body, size_t len)
{
	struct rpc_node *node = peer->ctx->node;
	struct iovec iov[2];

	if (peer->conn == NULL || peer->state == PEER_CLOSING)
		return -DER_UNREACH;
	header->hlc = rpc__node_stamp(node);
	header->rank = rpc_node_rank(node);
	header->group_version = rpc_group_version(node);
	rpc__header_seal(header, body, len);
	iov[0] = (struct iovec){.iov_base = header, .iov_len = sizeof(*header)};
	iov[1] = (struct iovec){.iov_base = (void *)(uintptr_t)body, .iov_len = len};
	return peer->net->send(peer->conn, iov, len > 0 ? 2 : 1);
}

struct own_hello {
	struct rpc_hello hello;
	uint8_t cred[RPC_CRED_MAX];
};

static void
pack_hello(struct packer *packer, const void *body, uint32_t version)
{
	rpc__hello_pack(packer, body);
}

static int
send_hello(struct rpc_peer *peer, int status)
{
	struct rpc_header header = {.kind = RPC_KIND_HELLO, .status = status};
	struct rpc_ctx *ctx = peer->ctx;
	struct rpc_node *node = ctx->node;
	const struct rpc_member *self = rpc__group_find(ctx->group, rpc_node_rank(node));
	struct own_hello *own = MEM_NEW(ctx->mem, struct own_hello);
	size_t len;
	int rc;

	if (own == NULL)
		return -DER_NOMEM;
	memcpy(own->hello.id, node->config.id, sizeof(own->hello.id));
	own->hello.incarnation = node->config.incarnation;
	if (own->hello.incarnation == 0 && self != NULL)
		own->hello.incarnation = self->incarnation;
	own->hello.tag = ctx->tag;
	own->hello.requests = RPC_SERVE_MAX;
	own->hello.bytes = RPC_SERVE_BYTES;
	own->hello.cred = own->cred;
	own->hello.cred_len = rpc__node_cred(node, own->cred);
	for (uint32_t id = 0; id < RPC_PROTO_MAX; id++) {
		own->hello.protos[id].version = node->protos[id] != NULL ? node->protos[id]->version : 0;
		own->hello.protos[id].oldest = node->protos[id] != NULL ? node->protos[id]->oldest : 0;
	}
	rc = rpc__ctx_pack(ctx, pack_hello, &own->hello, 0, &len);
	if (rc == 0)
		rc = rpc__peer_send(peer, &header, ctx->scratch, len);
	mem_free(ctx->mem, own);
	return rc;
}

/* ---- connecting ----------------------------------------------------------------------------------------------------------- */

/* To this very context. */
static bool
is_self(const struct rpc_peer *peer)
{
	const struct rpc_ctx *ctx = peer->ctx;

	return peer->kind == PEER_RANK ? peer->to_rank == rpc_node_rank(ctx->node) && peer->to_tag == ctx->tag
				       : rpc__ctx_listens(ctx, peer->to_addr);
}

/* The address to try: the alternative-th word of where the peer is. NULL: no more. */
static const char *
next_address(struct rpc_peer *peer, char buf[256])
{
	const struct rpc_member *member;
	const char *text = peer->to_addr;

	if (peer->kind == PEER_RANK) {
		member = rpc__group_find(peer->ctx->group, peer->to_rank);
		text = member != NULL && peer->to_tag < member->addr_nr ? member->addrs[peer->to_tag] : NULL;
	}
	for (uint32_t i = 0; text != NULL; i++) {
		size_t len;

		text += strspn(text, " ");
		len = strcspn(text, " ");
		if (len == 0)
			return NULL;
		if (i == peer->alternative && len < 256) {
			memcpy(buf, text, len);
			buf[len] = '\0';
			return buf;
		}
		text += len;
	}
	return NULL;
}

static int
start_connecting(struct rpc_peer *peer, const char *addr)
{
	struct rpc_ctx *ctx = peer->ctx;
	int rc;

	peer->net = addr == NULL ? &rpc__local_net : &ctx->env->ops->net;
	if (addr == NULL)
		rc = rpc__local_connect(ctx, &conn_ops, peer, &peer->conn);
	else
		rc = peer->net->connect(xs_loop(ctx->xs), addr, &conn_ops, peer, &peer->conn);
	if (rc != 0)
		return rc;
	rpc_peer_get(peer);
	ctx->stats.connects++;
	ctx->stats.under_way++;
	peer->state = PEER_GREETING;
	peer->onward = false;
	ult_timer_arm(&peer->greeting_timer, env_mono(ctx->env) + RPC_GREETING_NS);
	rc = send_hello(peer, 0);
	/* One that is broken already will say so. */
	if (rc != 0 && rc != -DER_UNREACH)
		rpc__peer_end(peer, rc);
	return 0;
}

/* Tries addresses until one takes; when none does, what waits ends with the last error. */
static void
connect_next(struct rpc_peer *peer)
{
	bool self = is_self(peer);
	char buf[256];
	int rc = -DER_UNREACH;

	if (!self && peer->kind == PEER_RANK && rpc__group_find(peer->ctx->group, peer->to_rank) == NULL)
		rc = -DER_OOG;
	for (;;) {
		const char *addr = self ? NULL : next_address(peer, buf);

		if (self ? peer->alternative > 0 : addr == NULL)
			break;
		peer->alternative++;
		rc = start_connecting(peer, addr);
		if (rc == 0)
			return;
	}
	rpc__calls_end(peer, rc, false);
}

void
rpc__peer_wake(struct rpc_peer *peer)
{
	switch (peer->state) {
	case PEER_READY:
		rpc__calls_go(peer);
		break;
	case PEER_IDLE:
		if (peer->kind == PEER_INBOUND) {
			rpc__calls_end(peer, -DER_UNREACH, false);
			break;
		}
		rpc__ctx_group(peer->ctx);
		peer->alternative = 0;
		connect_next(peer);
		break;
	case PEER_GREETING:
	case PEER_CLOSING:
		break; /* calls wait */
	}
}

/* ---- the end of a connection ------------------------------------------------------------------------------------------------ */

/* rpc I2. was_ready: what the users of the connection had is gone, not only a try. */
static void
tell_the_end(struct rpc_peer *peer, int rc, bool was_ready, bool keep_waiting)
{
	void (*drop)(void *session) = peer->session_drop;
	void *session = peer->session;
	struct list watches;
	struct watch *watch;

	ult_timer_cancel(&peer->greeting_timer);
	if (list_linked(&peer->greeting)) {
		list_remove(&peer->greeting);
		peer->ctx->greeting_nr--;
	}
	peer->admitted = false;
	rpc__requests_detach(peer);
	rpc__calls_end(peer, rc, keep_waiting);
	if (!was_ready)
		return;
	list_init(&watches);
	list_splice(&watches, &peer->watches);
	while ((watch = list_pop(&watches, struct watch, link)) != NULL) {
		void (*gone)(void *arg, struct rpc_peer *peer) = watch->gone;
		void *arg = watch->arg;

		mem_free(peer->ctx->mem, watch);
		gone(arg, peer);
	}
	peer->session = NULL;
	peer->session_drop = NULL;
	if (drop != NULL)
		drop(session);
}

static void
give_up(struct rpc_peer *peer, int rc, bool keep_waiting)
{
	bool was_ready = peer->state == PEER_READY;

	if (peer->conn == NULL || peer->state == PEER_CLOSING)
		return;
	peer->state = PEER_CLOSING; /* what users call from now on waits for the next connection */
	peer->onward = keep_waiting;
	tell_the_end(peer, rc, was_ready, keep_waiting);
	peer->net->close(peer->conn);
}

void
rpc__peer_end(struct rpc_peer *peer, int rc)
{
	give_up(peer, rc, false);
}

/* Nobody, or the wrong one, is at this address: the next. */
static void
go_elsewhere(struct rpc_peer *peer)
{
	give_up(peer, -DER_UNREACH, true);
}

void
rpc__peer_violation(struct rpc_peer *peer, const char *why)
{
	struct env_cred cred;

	rpc_peer_cred(peer, &cred);
	log_warn(peer->ctx->env->log, "connection of %s %u (pid %d) broken: %s",
		 peer->rank == RPC_NO_RANK ? "a client, uid" : "rank", peer->rank == RPC_NO_RANK ? cred.uid : peer->rank, cred.pid,
		 why);
	peer->ctx->stats.violations++;
	rpc__peer_end(peer, -DER_PROTO);
}

static void
conn_closed(void *arg, struct env_conn *conn, int rc)
{
	struct rpc_peer *peer = arg;
	struct rpc_ctx *ctx = peer->ctx;
	enum peer_state state = peer->state;

	ASSERT(conn == peer->conn);
	peer->conn = NULL;
	peer->state = PEER_IDLE;
	ctx->stats.breaks++;
	if (state == PEER_GREETING)
		peer->onward = peer->kind != PEER_INBOUND;
	if (state != PEER_CLOSING)
		tell_the_end(peer, -DER_UNREACH, state == PEER_READY, peer->onward);
	if (peer->kind == PEER_INBOUND)
		ctx->inbound_nr--;
	if (peer->state == PEER_IDLE && !list_empty(&peer->waiting)) {
		if (!peer->onward)
			peer->alternative = 0;
		connect_next(peer);
	}
	ctx->stats.under_way--;
	rpc_peer_put(peer);
	ult_cond_broadcast(&ctx->changed);
}

/* ---- hello ------------------------------------------------------------------------------------------------------------------- */

/* 0 or why the other end is turned away. */
static int
judge(struct rpc_peer *peer, const struct rpc_hello *hello)
{
	struct rpc_node *node = peer->ctx->node;
	const struct rpc_member *member = rpc__group_find(peer->ctx->group, peer->rank);
	int rc = 0;

	if (node->config.admit != NULL && peer->net != &rpc__local_net)
		rc = node->config.admit(node->config.arg, peer, hello->cred, hello->cred_len);
	peer->admitted = rc == 0;
	if (peer->rank == RPC_NO_RANK)
		return 0;
	if (rc == 0 && member != NULL && hello->incarnation != 0 && hello->incarnation < member->incarnation)
		rc = -DER_EXCLUDED; /* a former life of that rank */
	return rc;
}

static void
take_hello(struct rpc_peer *peer, const struct rpc_header *header, const struct rpc_hello *hello)
{
	struct rpc_node *node = peer->ctx->node;

	memcpy(peer->id, hello->id, sizeof(peer->id));
	peer->rank = header->rank;
	peer->tag = hello->tag;
	peer->incarnation = hello->incarnation;
	peer->credits = MIN(node->config.credits, hello->requests);
	peer->credit_bytes = hello->bytes;
	peer->last_number = 0;
	for (uint32_t id = 0; id < RPC_PROTO_MAX; id++)
		peer->versions[id] = node->protos[id] == NULL ? 0 : (uint16_t)rpc__hello_version(node->protos[id], hello);
}

static void
now_ready(struct rpc_peer *peer)
{
	peer->state = PEER_READY;
	ult_timer_cancel(&peer->greeting_timer);
	rpc__calls_go(peer);
}

/* The end that connected: is it whom we wanted, and does it want us? */
static void
hello_answered(struct rpc_peer *peer, const struct rpc_header *header, const struct rpc_hello *hello, int rc)
{
	if (rc == 0)
		rc = header->status;
	if (rc == 0 && peer->kind == PEER_RANK && header->rank != peer->to_rank) {
		log_info(peer->ctx->env->log, "where rank %u was, rank %u answers", peer->to_rank, header->rank);
		go_elsewhere(peer);
		return;
	}
	take_hello(peer, header, hello);
	if (rc == 0)
		rc = judge(peer, hello);
	if (rc != 0) {
		log_info(peer->ctx->env->log, "hello of rank %u: " RCF, header->rank, RCP(rc));
		rpc__peer_end(peer, rc);
		return;
	}
	now_ready(peer);
}

/* The end that was called: answers with its verdict. */
static void
hello_asked(struct rpc_peer *peer, const struct rpc_header *header, const struct rpc_hello *hello, int rc)
{
	int send_rc;

	take_hello(peer, header, hello);
	if (rc == 0)
		rc = judge(peer, hello);
	send_rc = send_hello(peer, rc);
	if (rc != 0 || send_rc != 0) {
		rpc__peer_end(peer, rc != 0 ? rc : send_rc);
		return;
	}
	list_remove(&peer->greeting);
	peer->ctx->greeting_nr--;
	now_ready(peer);
}

static void
hello_came(struct rpc_peer *peer, const struct rpc_header *header, const void *body, int clock_rc)
{
	struct rpc_hello *hello = MEM_NEW(peer->ctx->mem, struct rpc_hello);

	if (hello == NULL)
		rpc__peer_end(peer, -DER_NOMEM);
	else if (rpc__hello_unpack(body, header->body_len, hello) != 0)
		rpc__peer_violation(peer, "broken hello");
	else
		(peer->kind == PEER_INBOUND ? hello_asked : hello_answered)(peer, header, hello, clock_rc);
	mem_free(peer->ctx->mem, hello);
}

/* ---- what comes in -------------------------------------------------------------------------------------------------------------- */

static void
dispatch(struct rpc_peer *peer, const struct rpc_header *header, const void *body, int clock_rc)
{
	if (peer->state != PEER_READY) {
		rpc__peer_violation(peer, "no hello first");
		return;
	}
	switch (header->kind) {
	case RPC_KIND_REQUEST:
	case RPC_KIND_ONEWAY:
		rpc__request_came(peer, header, body, clock_rc);
		break;
	case RPC_KIND_ANSWER:
		rpc__call_answered(peer, header, body, clock_rc);
		break;
	case RPC_KIND_CANCEL:
		rpc__request_cancel(peer, header->number);
		break;
	default:
		rpc__peer_violation(peer, "a second hello");
	}
}

static void
conn_received(void *arg, struct env_conn *conn, const void *data, size_t len)
{
	struct rpc_peer *peer = arg;
	struct rpc_header header;
	const char *why = NULL;
	const void *body;
	int rc;

	if (peer->state != PEER_GREETING && peer->state != PEER_READY)
		return;
	rpc_peer_get(peer);
	if (rpc__header_open(data, len, &header, &body, &why) != 0) {
		rpc__peer_violation(peer, why);
	} else {
		rc = rpc__node_heard(peer->ctx->node, header.rank, header.hlc);
		if (header.kind == RPC_KIND_HELLO && peer->state == PEER_GREETING)
			hello_came(peer, &header, body, rc);
		else
			dispatch(peer, &header, body, rc);
	}
	rpc_peer_put(peer);
}

static const struct env_conn_ops conn_ops = {.received = conn_received, .closed = conn_closed};

void
rpc__peer_accepted(void *arg, struct env_conn *conn)
{
	rpc__peer_accept(arg, &((struct rpc_ctx *)arg)->env->ops->net, conn);
}

void
rpc__peer_accept(struct rpc_ctx *ctx, const struct env_net_ops *net, struct env_conn *conn)
{
	struct rpc_peer *peer = NULL;

	if (!ctx->stopping && ctx->inbound_nr < RPC_INBOUND_MAX)
		peer = peer_new(ctx, PEER_INBOUND);
	if (peer == NULL) {
		net->close(conn);
		return;
	}
	/* Its one reference is the connection's. */
	peer->net = net;
	peer->conn = conn;
	peer->state = PEER_GREETING;
	net->bind(conn, &conn_ops, peer);
	ctx->stats.under_way++;
	ctx->inbound_nr++;
	list_append(&ctx->greeting, &peer->greeting);
	ult_timer_arm(&peer->greeting_timer, env_mono(ctx->env) + RPC_GREETING_NS);
	if (++ctx->greeting_nr > RPC_GREETING_MAX)
		rpc__peer_end(list_first(&ctx->greeting, struct rpc_peer, greeting), -DER_DOS);
}

/* ---- a new group ------------------------------------------------------------------------------------------------------------------ */

/* Connections to who left, moved or lives again end: what is said there is of the past. */
void
rpc__peers_regroup(struct rpc_ctx *ctx)
{
	peers_each(peer, ctx) {
		const struct rpc_member *member = rpc__group_find(ctx->group, peer->rank);

		if (peer->state != PEER_READY || peer->rank == RPC_NO_RANK || peer->net == &rpc__local_net)
			continue;
		if (member == NULL || (member->incarnation != 0 && peer->incarnation != 0 &&
				       peer->incarnation < member->incarnation))
			rpc__peer_end(peer, -DER_UNREACH);
	}
}
