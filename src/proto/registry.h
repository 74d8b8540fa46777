/* SPDX-License-Identifier: Apache-2.0 */
/* proto/registry: all protocols of the house. Numbers are frozen; a protocol that goes leaves its number behind. */
#ifndef PROTO_REGISTRY_H
#define PROTO_REGISTRY_H

#include "proto/codec.h"

/* On the wire. name; its header is proto/<name>.h. Number and version stand in its RPC_PROTO: */
#define PROTO_ALL(P) \
	P(test)      /* 1 */ \
	P(mgmt)      /* 2 */ \
	P(pool)      /* 3 */ \
	P(cont)      /* 4 */ \
	P(object)    /* 5 */ \
	P(dtx)       /* 6 */ \
	P(iv)        /* 7 */ \
	P(raft)      /* 8 */

/* Between programs of one machine, over dRPC (proto/local.h). */
#define PROTO_LOCALS(P) \
	P(agent)     /* 16 */ \
	P(srv)       /* 17 */ \
	P(control)   /* 18 */

#define PROTO__EXTERN(name) extern const struct rpc_proto proto_##name;
PROTO_ALL(PROTO__EXTERN)
PROTO_LOCALS(PROTO__EXTERN)

/** NULL-terminated, in the order of numbers. What a node speaks, unless it wants to speak less. */
extern const struct rpc_proto *const proto_all[];
/** The same, and those over dRPC. */
extern const struct rpc_proto *const proto_every[];

/** The row of an operation; NULL for a number that is none. */
const struct rpc_op *proto_op(rpc_opc opc);
/** Its name for logs, or "?". */
const char *proto_op_name(rpc_opc opc);

#endif
