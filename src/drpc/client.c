/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The calling side: one connection, made when it is first needed and again after a break, and the calls under way on it, told
 * apart by their sequence numbers.
 *
 *	client I1  A call ends once: answered, broken off with its connection, or at its deadline.
 *	client I2  The link struct lives until its connection is closed; the client may be gone before.
 *
 * drpc_call yields; nothing else does.
 */
#include "drpc/drpc.h"

#include <stdio.h>
#include "base/list.h"
#include "frame.h"

#define TIMEOUT_NS (60 * NS_PER_S)

struct link { /* a connection */
	struct drpc_client *client; /* NULL: not its any more */
	struct mem *mem;
	struct env_conn *conn;
};

struct drpc_client {
	struct env *env;
	struct xs *xs;
	struct link *link;
	struct list calls;
	int64_t sequence;
	char addr[];
};

struct call {
	struct list list;
	int64_t sequence;
	struct arena *arena;
	struct drpc_frame answer;
	struct ult_eventual ended;
};

int
drpc_client_create(struct xs *xs, const char *path, struct drpc_client **out)
{
	struct env *env = xs_env(xs);
	size_t size = strlen(path) + sizeof("seqpacket://");
	struct drpc_client *client = mem_alloc(env->mem, sizeof(*client) + size);

	if (client == NULL)
		return -DER_NOMEM;
	client->env = env;
	client->xs = xs;
	list_init(&client->calls);
	snprintf(client->addr, size, "seqpacket://%s", path);
	*out = client;
	return 0;
}

static void
call_end(struct call *call, int rc)
{
	list_remove(&call->list);
	ult_eventual_set(&call->ended, rc);
}

/* The client has nothing to do with its connection any more. */
static void
let_go(struct drpc_client *client, int rc)
{
	client->link->client = NULL;
	client->link = NULL;
	while (!list_empty(&client->calls))
		call_end(list_first(&client->calls, struct call, list), rc);
}

void
drpc_client_destroy(struct drpc_client *client)
{
	struct link *link = client->link;

	ASSERTF(list_empty(&client->calls), "a drpc client destroyed with calls under way");
	if (link != NULL) {
		let_go(client, -DER_CANCELED);
		client->env->ops->net.close(link->conn); /* client I2: the rest goes when it is closed */
	}
	mem_free(client->env->mem, client);
}

static struct call *
find_call(struct drpc_client *client, int64_t sequence)
{
	struct call *call;

	list_each(call, &client->calls, list)
		if (call->sequence == sequence)
			return call;
	return NULL;
}

static void
packet_came(void *arg, struct env_conn *conn, const void *data, size_t len)
{
	struct link *link = arg;
	struct drpc_client *client = link->client;
	struct drpc_frame frame;
	struct arena arena;
	struct call *call;
	int rc;

	if (client == NULL)
		return;
	/* Whose it is stands inside: read once for that, and once for its caller. */
	arena_init(&arena, link->mem);
	rc = drpc__response_decode(data, len, &arena, &frame);
	arena_fini(&arena);
	if (rc != 0) {
		log_error(client->env->log, "%s: an answer that is none: " RCF, client->addr, RCP(rc));
		let_go(client, rc);
		client->env->ops->net.close(conn);
		return;
	}
	call = find_call(client, frame.sequence);
	if (call != NULL)
		call_end(call, drpc__response_decode(data, len, call->arena, &call->answer));
}

static void
link_closed(void *arg, struct env_conn *conn, int rc)
{
	struct link *link = arg;

	if (link->client != NULL)
		let_go(link->client, -DER_UNREACH);
	mem_free(link->mem, link);
}

static const struct env_conn_ops link_ops = {.received = packet_came, .closed = link_closed};

static int
connect_now(struct drpc_client *client)
{
	struct link *link = MEM_NEW(client->env->mem, struct link);
	int rc;

	if (link == NULL)
		return -DER_NOMEM;
	link->mem = client->env->mem;
	rc = client->env->ops->net.connect(xs_loop(client->xs), client->addr, &link_ops, link, &link->conn);
	if (rc != 0) {
		mem_free(link->mem, link);
		return rc == -DER_NOMEM ? rc : -DER_UNREACH;
	}
	link->client = client;
	client->link = link;
	return 0;
}

static int
send_call(struct drpc_client *client, const struct drpc_frame *frame, struct arena *arena)
{
	struct iovec iov;
	int rc = drpc__call_encode(frame, arena, &iov.iov_base, &iov.iov_len);

	if (rc == 0 && client->link == NULL)
		rc = connect_now(client);
	return rc != 0 ? rc : client->env->ops->net.send(client->link->conn, &iov, 1);
}

int
drpc_call(struct drpc_client *client, uint32_t module, int32_t method, const void *body, size_t body_len, uint64_t deadline_ns,
	  struct arena *arena, enum drpc_status *status, const uint8_t **answer, size_t *answer_len)
{
	struct drpc_frame frame = {.module = module, .method = method, .body = body, .body_len = body_len,
				   .sequence = ++client->sequence};
	struct call call = {.sequence = frame.sequence, .arena = arena};
	int rc = send_call(client, &frame, arena), ended;

	if (rc != 0)
		return rc;
	if (deadline_ns == 0)
		deadline_ns = env_mono(client->env) + TIMEOUT_NS;
	ult_eventual_init(&call.ended);
	list_append(&client->calls, &call.list);
	rc = ult_eventual_wait_until(&call.ended, deadline_ns, &ended);
	if (rc != 0) { /* its answer, if one comes, is nobody's */
		list_remove(&call.list);
		return rc;
	}
	if (ended != 0)
		return ended;
	*status = call.answer.status;
	*answer = call.answer.body;
	*answer_len = call.answer.body_len;
	return 0;
}
