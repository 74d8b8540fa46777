/* SPDX-License-Identifier: Apache-2.0 */
/* proto/iv: versioned values cached along the tree of ranks. All between servers. */
#ifndef PROTO_IV_H
#define PROTO_IV_H

#include "proto/types.h"

/** Which value: of a name space (a pool, or zero for the system), a class, a key. */
#define IV_NAME(F, A)            \
	F(uuid, space)           \
	F(u32, cls)              /* enum iv_class */ \
	F(bytes, key)
RPC_STRUCT(iv_name, IV_NAME)

/** The value, if it is newer than version: -DER_NONEXIST when nobody towards the root has it; -DER_NOTLEADER: we take another for the root. */
#define IV_FETCH_IN(F, A)        \
	F(iv_name, name)         \
	F(u32, root)             \
	F(u64, version)
#define IV_FETCH_OUT(F, A)       \
	F(u64, version)          \
	F(bytes, value)          /* empty when version is not newer */
RPC_STRUCT(iv_fetch_in, IV_FETCH_IN)
RPC_STRUCT(iv_fetch_out, IV_FETCH_OUT)

/** A new value for everybody below. An older version than the one known is ignored. */
#define IV_UPDATE_IN(F, A)       \
	F(iv_name, name)         \
	F(u64, version)          \
	F(bytes, value)
RPC_STRUCT(iv_update_in, IV_UPDATE_IN)
RPC_EMPTY(iv_update_out)

/** Versions up to version are forgotten; the next reader fetches. */
#define IV_INVALIDATE_IN(F, A)   \
	F(iv_name, name)         /* an empty key: all of the class */ \
	F(u64, version)
RPC_STRUCT(iv_invalidate_in, IV_INVALIDATE_IN)
RPC_EMPTY(iv_invalidate_out)

/*         stem            class     flags        since */
#define IV_OPS(OP) \
	OP(iv_fetch,       METADATA, RPC_SERVERS, 1) \
	OP(iv_update,      METADATA, RPC_SERVERS, 1) \
	OP(iv_invalidate,  METADATA, RPC_SERVERS | RPC_TOP_DOWN, 1)

RPC_PROTO(iv, 7, 1, 1, IV_OPS)

#endif
