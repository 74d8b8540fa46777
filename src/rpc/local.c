/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loopback: a connection of a context with itself, behind the same seam as sockets, so that a local call takes the path of
 * every call, from packing to credits, but for the socket. What one end sends is queued and delivered from the stream's
 * scheduler by a message of the stream to itself, in order, never inside the call that sent it.
 *
 *	local I1  After an end left (close of either end) it gets nothing but its one `closed`.
 *	local I2  Transfers end before `closed`: everything goes through one queue.
 *	local I3  The pair is freed when both ends were told and the queue is empty.
 */
#include "ctx.h"

#include "base/sg.h"

struct end; /* what a struct env_conn of this seam points at */

struct exposure {
	struct list link;
	struct env_rkey key;
	int access, iov_nr;
	struct iovec iov[];
};

struct end {
	struct pair *pair;
	struct end *other;
	const struct env_conn_ops *ops;
	void *arg;
	struct list exposures;
	bool open, told;
};

enum event_kind { EVENT_ACCEPT, EVENT_MESSAGE, EVENT_TRANSFER, EVENT_CLOSED };

struct event {
	struct list link;
	enum event_kind kind;
	struct end *end;              /* whose it is */
	int rc;                       /* CLOSED */
	struct env_rkey key;          /* TRANSFER */
	uint64_t off;
	bool put;
	void (*done)(void *arg, int rc);
	void *arg;
	int iov_nr;
	size_t len;                   /* MESSAGE: bytes; TRANSFER: of iov */
	uint8_t data[] __attribute__((aligned(16)));
};

struct pair {
	struct rpc_ctx *ctx;
	struct end ends[2];           /* 0: who connected */
	struct list events;
	size_t queued;
	struct event closing[2];      /* so that closing needs no memory */
	struct xs_msg msg;
	bool sent;                    /* msg is under way */
};

static struct end *
end_of(struct env_conn *conn)
{
	return (struct end *)conn;
}

static void
post(struct pair *pair, struct event *event)
{
	list_append(&pair->events, &event->link);
	if (pair->sent)
		return;
	pair->sent = true;
	xs_send(pair->ctx->xs, &pair->msg);
}

static struct event *
event_new(struct end *end, enum event_kind kind, size_t size)
{
	struct event *event = mem_alloc_aligned(end->pair->ctx->mem, sizeof(*event) + size, 16);

	if (event == NULL)
		return NULL;
	memset(event, 0, sizeof(*event));
	event->kind = kind;
	event->end = end;
	return event;
}

/* ---- delivery ------------------------------------------------------------------------------------------------------- */

static int
transfer(struct event *event)
{
	const struct iovec *iov = (const struct iovec *)event->data;
	struct exposure *exposure;

	if (!event->end->open)
		return -DER_UNREACH;
	list_each(exposure, &event->end->other->exposures, link) {
		size_t total = iov_total(exposure->iov, exposure->iov_nr);

		if (exposure->key.id != event->key.id || exposure->key.secret != event->key.secret)
			continue;
		if (!(exposure->access & (event->put ? ENV_REG_WRITE : ENV_REG_READ)) || event->off > total ||
		    event->len > total - event->off)
			return -DER_NO_PERM;
		if (event->put)
			iov_copy(exposure->iov, exposure->iov_nr, event->off, iov, event->iov_nr, 0, event->len);
		else
			iov_copy(iov, event->iov_nr, 0, exposure->iov, exposure->iov_nr, event->off, event->len);
		return 0;
	}
	return -DER_NO_PERM;
}

static void
deliver(struct pair *pair, struct event *event)
{
	struct end *end = event->end;
	struct mem *mem = pair->ctx->mem;

	switch (event->kind) {
	case EVENT_ACCEPT:
		if (end->open)
			rpc__peer_accept(pair->ctx, &rpc__local_net, (struct env_conn *)end);
		break;
	case EVENT_MESSAGE:
		pair->queued -= event->len;
		if (end->open && end->ops != NULL)
			end->ops->received(end->arg, (struct env_conn *)end, event->data, event->len);
		break;
	case EVENT_TRANSFER:
		event->done(event->arg, transfer(event));
		break;
	case EVENT_CLOSED:
		while (!list_empty(&end->exposures))
			mem_free(mem, list_pop(&end->exposures, struct exposure, link));
		end->told = true;
		if (end->ops != NULL)
			end->ops->closed(end->arg, (struct env_conn *)end, event->rc);
		return;
	}
	mem_free(mem, event);
}

static void
run_events(struct xs_msg *msg)
{
	struct pair *pair = container_of(msg, struct pair, msg);
	struct list events;
	struct event *event;

	pair->sent = false;
	list_init(&events);
	list_splice(&events, &pair->events);
	while ((event = list_pop(&events, struct event, link)) != NULL)
		deliver(pair, event);
	/* local I3 */
	if (pair->ends[0].told && pair->ends[1].told && list_empty(&pair->events))
		mem_free(pair->ctx->mem, pair);
}

/* ---- the seam --------------------------------------------------------------------------------------------------------- */

int
rpc__local_connect(struct rpc_ctx *ctx, const struct env_conn_ops *ops, void *arg, struct env_conn **conn)
{
	struct pair *pair = MEM_NEW(ctx->mem, struct pair);
	struct event *accept;

	if (pair == NULL)
		return -DER_NOMEM;
	pair->ctx = ctx;
	pair->msg.run = run_events;
	list_init(&pair->events);
	for (int i = 0; i < 2; i++) {
		pair->ends[i] = (struct end){.pair = pair, .other = &pair->ends[1 - i], .open = true};
		list_init(&pair->ends[i].exposures);
	}
	pair->ends[0].ops = ops;
	pair->ends[0].arg = arg;
	accept = event_new(&pair->ends[1], EVENT_ACCEPT, 0);
	if (accept == NULL) {
		mem_free(ctx->mem, pair);
		return -DER_NOMEM;
	}
	post(pair, accept);
	*conn = (struct env_conn *)&pair->ends[0];
	return 0;
}

static void
local_bind(struct env_conn *conn, const struct env_conn_ops *ops, void *arg)
{
	end_of(conn)->ops = ops;
	end_of(conn)->arg = arg;
}

static int
local_send(struct env_conn *conn, const struct iovec *iov, int iov_nr)
{
	struct end *end = end_of(conn);
	size_t len = iov_total(iov, iov_nr);
	struct event *event;

	if (!end->open)
		return -DER_UNREACH;
	event = event_new(end->other, EVENT_MESSAGE, len);
	if (event == NULL)
		return -DER_NOMEM;
	event->len = len;
	iov_copy_out(iov, iov_nr, 0, event->data, len);
	end->pair->queued += len;
	post(end->pair, event);
	return 0;
}

static size_t
local_queued(struct env_conn *conn)
{
	return end_of(conn)->pair->queued;
}

static void
local_close(struct env_conn *conn)
{
	struct end *end = end_of(conn);
	struct pair *pair = end->pair;

	if (!end->open)
		return;
	for (int i = 0; i < 2; i++) {
		pair->ends[i].open = false;
		pair->closing[i] = (struct event){.kind = EVENT_CLOSED, .end = &pair->ends[i],
						  .rc = &pair->ends[i] == end ? -DER_CANCELED : 0};
		post(pair, &pair->closing[i]);
	}
}

static void
local_cred(struct env_conn *conn, struct env_cred *cred)
{
	*cred = (struct env_cred){.known = false};
}

static int
local_mem_reg(struct env_conn *conn, const struct iovec *iov, int iov_nr, int access, struct env_rkey *key)
{
	struct end *end = end_of(conn);
	struct env *env = end->pair->ctx->env;
	struct exposure *exposure;

	if (!end->open)
		return -DER_UNREACH;
	exposure = mem_alloc(end->pair->ctx->mem, sizeof(*exposure) + (size_t)iov_nr * sizeof(*iov));
	if (exposure == NULL)
		return -DER_NOMEM;
	/* Only this process could use it, and it has the memory anyway. */
	exposure->key = (struct env_rkey){.id = env_rand(env), .secret = env_rand(env)};
	exposure->access = access;
	exposure->iov_nr = iov_nr;
	memcpy(exposure->iov, iov, (size_t)iov_nr * sizeof(*iov));
	list_append(&end->exposures, &exposure->link);
	*key = exposure->key;
	return 0;
}

static void
local_mem_unreg(struct env_conn *conn, struct env_rkey key)
{
	struct end *end = end_of(conn);
	struct exposure *exposure, *next;

	list_each_safe(exposure, next, &end->exposures, link) {
		if (exposure->key.id != key.id || exposure->key.secret != key.secret)
			continue;
		list_remove(&exposure->link);
		mem_free(end->pair->ctx->mem, exposure);
		return;
	}
}

static int
move(struct env_conn *conn, struct env_rkey key, uint64_t off, const struct iovec *iov, int iov_nr,
     void (*done)(void *arg, int rc), void *arg, bool put)
{
	struct end *end = end_of(conn);
	struct event *event;

	if (!end->open)
		return -DER_UNREACH;
	event = event_new(end, EVENT_TRANSFER, (size_t)iov_nr * sizeof(*iov));
	if (event == NULL)
		return -DER_NOMEM;
	event->key = key;
	event->off = off;
	event->put = put;
	event->done = done;
	event->arg = arg;
	event->iov_nr = iov_nr;
	event->len = iov_total(iov, iov_nr);
	memcpy(event->data, iov, (size_t)iov_nr * sizeof(*iov));
	post(end->pair, event);
	return 0;
}

static int
local_get(struct env_conn *conn, struct env_rkey key, uint64_t off, const struct iovec *iov, int iov_nr,
	  void (*done)(void *arg, int rc), void *arg)
{
	return move(conn, key, off, iov, iov_nr, done, arg, false);
}

static int
local_put(struct env_conn *conn, struct env_rkey key, uint64_t off, const struct iovec *iov, int iov_nr,
	  void (*done)(void *arg, int rc), void *arg)
{
	return move(conn, key, off, iov, iov_nr, done, arg, true);
}

const struct env_net_ops rpc__local_net = {
	.bind = local_bind,
	.send = local_send,
	.queued = local_queued,
	.close = local_close,
	.cred = local_cred,
	.mem_reg = local_mem_reg,
	.mem_unreg = local_mem_unreg,
	.get = local_get,
	.put = local_put,
};
