/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The serving side. Two streams may take part: the listener's, where packets come and go, and the work stream, where
 * handlers run.
 *
 *	packet --> inbox --listener ULT: decode, find the module--> message to the work stream --> ULT: handler, encode
 *	       <-- sent, on the listener's stream <-- message back <----------------------------------'
 *
 *	listener I1  A session lives while its connection or one of its calls does.
 *	listener I2  A call belongs to one stream at a time: to the listener's, or, between the two messages, to the work stream.
 *	listener I3  A session makes us hold at most CALLS_MAX calls; one that sends more is closed. At most SESSIONS_MAX sessions.
 *	listener I4  Who calls is what the socket says; nothing in a packet changes it.
 *
 * Handlers yield; the listener ULT yields between packets. Nothing is durable: a crash in the middle leaves a socket, which
 * the next listener takes over.
 */
#include "drpc/drpc.h"

#include <stdio.h>
#include "base/list.h"
#include "frame.h"

enum { CALLS_MAX = 64, SESSIONS_MAX = 4096 };

struct drpc_listener {
	struct env *env;
	struct mem *mem;
	struct xs *listen_xs, *work_xs;
	struct drpc_registry registry;
	struct env_listen *listen;
	struct list sessions, inbox;
	uint32_t session_nr, call_nr;
	bool stopping;
	struct ult_cond wake, idle;
	struct ult *ult;
};

struct session {
	struct list link;
	struct drpc_listener *listener;
	struct env_conn *conn; /* NULL: gone */
	struct env_cred cred;
	uint32_t refs, call_nr;
};

struct call {
	struct xs_msg msg;
	struct list link;
	struct session *session;
	struct drpc_request request;
	drpc_handler handler;
	void *owner;
	const void *packet;    /* in the request's arena */
	size_t packet_len;
	int64_t sequence;
	void *answer;
	size_t answer_len;
};

int
drpc_register(struct drpc_registry *registry, uint32_t module, drpc_handler handler, void *owner)
{
	if (module >= DRPC_MODULE_NR || handler == NULL)
		return -DER_INVAL;
	if (registry->modules[module].handler != NULL)
		return -DER_EXIST;
	registry->modules[module].handler = handler;
	registry->modules[module].owner = owner;
	return 0;
}

/* ---- sessions ---------------------------------------------------------------------------------------------------------- */

static void
session_put(struct session *session)
{
	struct drpc_listener *listener = session->listener;

	if (--session->refs > 0)
		return;
	list_remove(&session->link);
	listener->session_nr--;
	mem_free(listener->mem, session);
	ult_cond_broadcast(&listener->idle);
}

static void
session_close(struct session *session, const char *why)
{
	if (session->conn == NULL)
		return;
	log_warn(session->listener->env->log, "session of pid %d (uid %u) closed: %s", session->cred.pid, session->cred.uid, why);
	session->listener->env->ops->net.close(session->conn);
}

static void
session_closed(void *arg, struct env_conn *conn, int rc)
{
	struct session *session = arg;

	session->conn = NULL;
	session_put(session);
}

static void
packet_came(void *arg, struct env_conn *conn, const void *data, size_t len)
{
	struct session *session = arg;
	struct drpc_listener *listener = session->listener;
	struct call *call;

	if (listener->stopping)
		return;
	if (session->call_nr >= CALLS_MAX) {
		session_close(session, "too many calls at a time");
		return;
	}
	call = MEM_NEW(listener->mem, struct call);
	if (call != NULL) {
		arena_init(&call->request.arena, listener->mem);
		call->packet = arena_dup(&call->request.arena, data, len);
	}
	if (call == NULL || call->packet == NULL) {
		mem_free(listener->mem, call);
		session_close(session, "no memory");
		return;
	}
	call->packet_len = len;
	call->session = session;
	session->refs++;
	session->call_nr++;
	listener->call_nr++;
	list_append(&listener->inbox, &call->link);
	ult_cond_signal(&listener->wake);
}

static const struct env_conn_ops session_ops = {.received = packet_came, .closed = session_closed};

static void
accepted(void *arg, struct env_conn *conn)
{
	struct drpc_listener *listener = arg;
	const struct env_net_ops *net = &listener->env->ops->net;
	struct session *session = NULL;

	if (!listener->stopping && listener->session_nr < SESSIONS_MAX)
		session = MEM_NEW(listener->mem, struct session);
	if (session == NULL) {
		net->close(conn);
		return;
	}
	session->listener = listener;
	session->conn = conn;
	session->refs = 1;
	net->cred(conn, &session->cred);
	net->bind(conn, &session_ops, session);
	list_append(&listener->sessions, &session->link);
	listener->session_nr++;
}

/* ---- calls ---------------------------------------------------------------------------------------------------------------- */

/* The packet to answer with; an answer that does not fit becomes the news of it. Any stream. */
static void
call_encode(struct call *call)
{
	struct drpc_request *request = &call->request;
	struct drpc_frame frame = {.sequence = call->sequence, .status = request->status, .body = request->answer,
				   .body_len = request->answer_len};

	if (drpc__response_encode(&frame, &request->arena, &call->answer, &call->answer_len) == 0)
		return;
	frame = (struct drpc_frame){.sequence = call->sequence, .status = DRPC_FAILED_MARSHAL};
	if (drpc__response_encode(&frame, &request->arena, &call->answer, &call->answer_len) != 0)
		call->answer = NULL;
}

/* On the listener's stream: sends the answer, and that was the call. */
static void
call_end(struct call *call)
{
	struct session *session = call->session;
	struct drpc_listener *listener = session->listener;
	struct iovec iov = {call->answer, call->answer_len};
	int rc = session->conn == NULL ? -DER_UNREACH : call->answer == NULL ? -DER_NOMEM : 0;

	if (rc == 0)
		rc = listener->env->ops->net.send(session->conn, &iov, 1);
	if (rc == -DER_OVERFLOW) { /* the socket carries less than a packet may have */
		call->request.status = DRPC_FAILED_MARSHAL;
		call->request.answer_len = 0;
		call_encode(call);
		iov = (struct iovec){call->answer, call->answer_len};
		rc = call->answer == NULL ? -DER_NOMEM : listener->env->ops->net.send(session->conn, &iov, 1);
	}
	/* Without an answer the caller would wait for ever. */
	if (rc != 0 && rc != -DER_UNREACH)
		session_close(session, "an answer cannot be sent");
	arena_fini(&call->request.arena);
	mem_free(listener->mem, call);
	session->call_nr--;
	listener->call_nr--;
	session_put(session);
	ult_cond_broadcast(&listener->idle);
}

static void
call_returned(struct xs_msg *msg)
{
	call_end(container_of(msg, struct call, msg));
}

static void
call_return(struct call *call)
{
	call_encode(call);
	call->msg.run = call_returned;
	xs_send(call->session->listener->listen_xs, &call->msg);
}

static void
call_body(void *arg)
{
	struct call *call = arg;

	call->handler(call->owner, &call->request);
	call_return(call);
}

static void
call_arrived(struct xs_msg *msg)
{
	struct call *call = container_of(msg, struct call, msg);

	if (ult_spawn(call->session->listener->work_xs, ULT_METADATA, "drpc call", call_body, call, NULL) == 0)
		return;
	call->request.status = DRPC_FAILURE;
	call_return(call);
}

/* DRPC_SUCCESS: there is a handler for it. */
static enum drpc_status
call_read(struct call *call)
{
	const struct drpc_registry *registry = &call->session->listener->registry;
	struct drpc_frame frame;

	if (drpc__call_decode(call->packet, call->packet_len, &call->request.arena, &frame) != 0)
		return DRPC_FAILED_UNMARSHAL_CALL;
	call->sequence = frame.sequence;
	call->request.module = frame.module;
	call->request.method = frame.method;
	call->request.body = frame.body;
	call->request.body_len = frame.body_len;
	call->request.cred = call->session->cred; /* listener I4 */
	if (frame.module >= DRPC_MODULE_NR || registry->modules[frame.module].handler == NULL)
		return DRPC_UNKNOWN_MODULE;
	call->handler = registry->modules[frame.module].handler;
	call->owner = registry->modules[frame.module].owner;
	return DRPC_SUCCESS;
}

static void
listener_body(void *arg)
{
	struct drpc_listener *listener = arg;

	for (;;) {
		struct call *call = list_pop(&listener->inbox, struct call, link);

		if (call == NULL) {
			if (listener->stopping && listener->call_nr == 0)
				return;
			ult_cond_wait(&listener->wake, NULL);
			continue;
		}
		call->request.status = call_read(call);
		if (call->request.status == DRPC_SUCCESS) {
			call->msg.run = call_arrived;
			xs_send(listener->work_xs, &call->msg);
		} else {
			call_encode(call);
			call_end(call);
		}
		ult_yield();
	}
}

/* ---- life -------------------------------------------------------------------------------------------------------------------- */

struct start {
	struct drpc_listener *listener;
	const char *path;
	mode_t mode;
};

/* On the listener's stream. */
static int
listener_begin(void *arg)
{
	struct start *start = arg;
	struct drpc_listener *listener = start->listener;
	struct env *env = listener->env;
	char addr[160];
	int rc;

	if (snprintf(addr, sizeof(addr), "seqpacket://%s", start->path) >= (int)sizeof(addr))
		return -DER_EXCEEDS_PATH_LEN;
	rc = env->ops->net.listen(xs_loop(listener->listen_xs), addr, accepted, listener, &listener->listen);
	if (rc != 0)
		return rc;
	rc = env->ops->file.chmod(env, start->path, start->mode);
	if (rc == 0)
		rc = ult_spawn(listener->listen_xs, ULT_SYSTEM, "drpc listener", listener_body, listener, &listener->ult);
	if (rc != 0)
		env->ops->net.listen_close(listener->listen);
	return rc;
}

/* On the listener's stream, in a ULT. */
static int
listener_end(void *arg)
{
	struct drpc_listener *listener = arg;
	const struct env_net_ops *net = &listener->env->ops->net;
	struct session *session;

	listener->stopping = true;
	net->listen_close(listener->listen);
	list_each(session, &listener->sessions, link)
		if (session->conn != NULL)
			net->close(session->conn);
	while (listener->session_nr > 0 || listener->call_nr > 0)
		ult_cond_wait(&listener->idle, NULL);
	ult_cond_signal(&listener->wake);
	ult_join(listener->ult);
	return 0;
}

/* Runs fn on stream xs, on which we may be. */
static int
run_on(struct xs *xs, int (*fn)(void *arg), void *arg)
{
	return ult_self() == NULL || xs_self() == xs ? fn(arg) : xs_call(xs, ULT_SYSTEM, fn, arg);
}

int
drpc_listen(struct xs *listen_xs, struct xs *work_xs, const char *path, mode_t mode, const struct drpc_registry *registry,
	    struct drpc_listener **out)
{
	struct env *env = xs_env(listen_xs);
	struct drpc_listener *listener = MEM_NEW(env->mem, struct drpc_listener);
	struct start start = {.listener = listener, .path = path, .mode = mode};
	int rc;

	if (listener == NULL)
		return -DER_NOMEM;
	listener->env = env;
	listener->mem = env->mem;
	listener->listen_xs = listen_xs;
	listener->work_xs = work_xs;
	listener->registry = *registry;
	list_init(&listener->sessions);
	list_init(&listener->inbox);
	ult_cond_init(&listener->wake);
	ult_cond_init(&listener->idle);
	rc = run_on(listen_xs, listener_begin, &start);
	if (rc != 0) {
		log_error(env->log, "cannot listen at %s: " RCF, path, RCP(rc));
		mem_free(listener->mem, listener);
		return rc;
	}
	*out = listener;
	return 0;
}

void
drpc_listener_stop(struct drpc_listener *listener)
{
	(void)run_on(listener->listen_xs, listener_end, listener);
	mem_free(listener->mem, listener);
}
