/* SPDX-License-Identifier: Apache-2.0 */
/*
 * drpc: calls between programs of one machine over a UNIX SOCK_SEQPACKET socket: a packet is a protobuf Call (module,
 * method, sequence, body) or Response (sequence, status, body). Engine and server, library and agent, tools and server
 * talk this way. Bodies larger than a packet are not sent.
 */
#ifndef DRPC_DRPC_H
#define DRPC_DRPC_H

#include "base/base.h"
#include "env/env.h"
#include "ult/ult.h"

#define DRPC_PACKET_MAX (1 * MIB)

enum drpc_module { /* registry of modules: frozen numbers */
	DRPC_MODULE_TEST = 0,
	DRPC_MODULE_SECURITY_AGENT = 1, /* client -> agent: credentials */
	DRPC_MODULE_MGMT = 2,           /* agent, tools -> server; server -> engine */
	DRPC_MODULE_SRV = 3,            /* engine -> server: ready, events */
	DRPC_MODULE_SECURITY = 4,       /* engine -> server: validate credentials */
	DRPC_MODULE_NR = 16,
};

enum drpc_status { /* of a Response: frozen numbers */
	DRPC_SUCCESS = 0,
	DRPC_SUBMITTED = 1,
	DRPC_FAILURE = 2,
	DRPC_UNKNOWN_MODULE = 3,
	DRPC_UNKNOWN_METHOD = 4,
	DRPC_FAILED_UNMARSHAL_CALL = 5,
	DRPC_FAILED_UNMARSHAL_PAYLOAD = 6,
	DRPC_FAILED_MARSHAL = 7,
};

/* ---- serving ------------------------------------------------------------------------------------------------------------ */
struct drpc_listener;
struct drpc_request {
	uint32_t module;
	int32_t method;
	const uint8_t *body;
	size_t body_len;
	struct env_cred cred; /* who calls: from the socket, not from the packet */
	struct arena arena;   /* for the answer and the handler; gone after the answer */
	/* set by the handler */
	enum drpc_status status;
	const uint8_t *answer; /* in the arena, or constant */
	size_t answer_len;
};
/** Runs in a ULT of its own on the listener's work stream; may yield. */
typedef void (*drpc_handler)(void *owner, struct drpc_request *request);

/** Handlers by module, registered before the listener starts. */
struct drpc_registry {
	struct {
		drpc_handler handler;
		void *owner;
	} modules[DRPC_MODULE_NR];
};
/** -DER_EXIST, -DER_INVAL. */
int drpc_register(struct drpc_registry *registry, uint32_t module, drpc_handler handler, void *owner);

/**
 * Listens at path on stream listen_xs; calls run on work_xs (may be the same). mode: permissions of the socket.
 * -DER_EXCEEDS_PATH_LEN, -DER_NO_PERM, -DER_BUSY when somebody listens there.
 */
int drpc_listen(struct xs *listen_xs, struct xs *work_xs, const char *path, mode_t mode, const struct drpc_registry *registry,
		struct drpc_listener **listener);
/** Closes the sessions, waits for the handlers, removes the socket. YIELDS */
void drpc_listener_stop(struct drpc_listener *listener);

/* ---- calling --------------------------------------------------------------------------------------------------------------- */
struct drpc_client; /* a connection, made when first used and again after a break; calls may overlap */
int drpc_client_create(struct xs *xs, const char *path, struct drpc_client **client);
/** No call is under way. Its connection closes with the next polls of the stream. */
void drpc_client_destroy(struct drpc_client *client);
/**
 * Calls and waits, until the monotonic deadline_ns (0: 60 s). YIELDS. 0 when answered: *status, and the body in the arena.
 * -DER_UNREACH when nobody listens or the session broke, -DER_TIMEDOUT, -DER_PROTO for an answer that is none, -DER_OVERFLOW for a body
 * that fits no packet, -DER_NOMEM.
 */
int drpc_call(struct drpc_client *client, uint32_t module, int32_t method, const void *body, size_t body_len,
	      uint64_t deadline_ns, struct arena *arena, enum drpc_status *status, const uint8_t **answer, size_t *answer_len);

#endif
