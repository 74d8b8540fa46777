/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proto/define: after this header RPC_STRUCT and RPC_PROTO also define what they declare. A protocol's .c file includes the headers
 * that it only uses, then this one, then its own:
 *
 *	#include "proto/types.h"
 *	#include "proto/define.h"
 *	#include "proto/pool.h"
 */
#ifndef PROTO_DEFINE_H
#define PROTO_DEFINE_H

#include "proto/codec.h"

#undef RPC_STRUCT
#define RPC_STRUCT(T, FIELDS) PROTO__DECLARE(T, FIELDS) PROTO__DEFINE(T, FIELDS)
#undef RPC_PROTO
#define RPC_PROTO(proto, id, version, oldest, OPS)                                                                     \
	PROTO__DECLARE_PROTO(proto, id, version, oldest, OPS) PROTO__DEFINE_PROTO(proto, id, version, oldest, OPS)

#endif
