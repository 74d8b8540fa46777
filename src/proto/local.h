/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proto/local: the operations of a protocol table called over dRPC: the method is the row, the bodies are packed as on the
 * wire, preceded by the version of the protocol (u32). An answer's body is the handler's status (i32), then, when it is 0, the out struct.
 */
#ifndef PROTO_LOCAL_H
#define PROTO_LOCAL_H

#include "base/base.h"
#include "drpc/drpc.h"
#include "rpc/rpc.h"

/** in and out are the row's structs; arena lives until the answer is sent. Runs in a ULT, may yield. */
typedef int (*proto_local_handler)(void *owner, const struct env_cred *cred, struct arena *arena, const void *in, void *out);

/** Serves a table: handlers[i] for row i; NULL entries answer -DER_NOSYS. Must outlive the registry. */
struct proto_local {
	const struct rpc_proto *proto;
	const proto_local_handler *handlers;
	void *owner;
};
/** The drpc_handler of a struct proto_local, which is its owner. */
void proto_local_serve(void *proto_local, struct drpc_request *request);

/**
 * Calls an operation; out is filled from arena. YIELDS. The handler's status, or what drpc_call says, or -DER_PROTO,
 * -DER_NOSYS when the other end does not know the method.
 */
int proto_local_call(struct drpc_client *client, uint32_t module, const struct rpc_proto *proto, rpc_opc opc, const void *in, void *out,
		     uint64_t deadline_ns, struct arena *arena);

#endif
