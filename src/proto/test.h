/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proto/test: operations for tests and for measuring: every kind of body, waiting, failing, bulk, one-way, collective. Engines do not
 * serve it.
 */
#ifndef PROTO_TEST_H
#define PROTO_TEST_H

#include "proto/types.h"

/** Gives back what it got. */
#define TEST_ECHO_IN(F, A)       \
	F(u64, number)           \
	F(str, text)             \
	F(bytes, data)           \
	A(u32, list)             \
	F(u32, extra, 2)
RPC_STRUCT(test_echo_in, TEST_ECHO_IN)
RPC_STRUCT(test_echo_out, TEST_ECHO_IN)

/** Answers with status after ns. */
#define TEST_WAIT_IN(F, A)       \
	F(u64, ns)               \
	F(i32, status)
RPC_STRUCT(test_wait_in, TEST_WAIT_IN)
RPC_EMPTY(test_wait_out)

/** Gets len bytes at off of the caller's memory, or puts them when put; out: their hash. */
#define TEST_BULK_IN(F, A)       \
	F(bulk, bulk)            \
	F(u64, off)              \
	F(u64, len)              \
	F(bool, put)             \
	F(u64, seed)             /* of what is put */
#define TEST_BULK_OUT(F, A)      \
	F(u64, hash)
RPC_STRUCT(test_bulk_in, TEST_BULK_IN)
RPC_STRUCT(test_bulk_out, TEST_BULK_OUT)

#define TEST_NOTE_IN(F, A)       \
	F(u64, number)
RPC_STRUCT(test_note_in, TEST_NOTE_IN)
RPC_EMPTY(test_note_out)

/** For collectives: every rank adds to what is folded. */
#define TEST_SUM_IN(F, A)        \
	F(u64, value)
#define TEST_SUM_OUT(F, A)       \
	F(u64, sum)              \
	F(u32, nr)               \
	A(u32, ranks)
RPC_STRUCT(test_sum_in, TEST_SUM_IN)
RPC_STRUCT(test_sum_out, TEST_SUM_OUT)

/** Every type once, alone and as array: for the codec's own tests. */
#define TEST_TYPES_IN(F, A)      \
	F(u8, a_u8)              \
	F(u16, a_u16)            \
	F(u32, a_u32)            \
	F(u64, a_u64)            \
	F(i32, a_i32)            \
	F(i64, a_i64)            \
	F(bool, a_bool)          \
	F(hlc, a_hlc)            \
	F(uuid, a_uuid)          \
	F(oid, a_oid)            \
	F(recx, a_recx)          \
	F(epr, a_epr)            \
	F(str, a_str)            \
	F(bytes, a_bytes)        \
	F(secret, a_secret)      \
	F(key, a_key)            \
	F(anchor, a_anchor)      \
	F(iod, a_iod)            \
	F(bulk, a_bulk)          \
	F(rpc_dtx_id, a_struct)  \
	A(u8, some_u8)           \
	A(bool, some_bool)       \
	A(uuid, some_uuid)       \
	A(str, some_str)         \
	A(bytes, some_bytes)     \
	A(key, some_key)         \
	A(anchor, some_anchor)   \
	A(iod, some_iod)         \
	A(rpc_attr, some_struct) \
	F(str, late, 2)          \
	A(rpc_csum, late_some, 2)
RPC_STRUCT(test_types_in, TEST_TYPES_IN)
RPC_STRUCT(test_types_out, TEST_TYPES_IN)

/*         stem            class     flags         since */
#define TEST_OPS(OP) \
	OP(test_echo,      IO,       RPC_ANYONE,   1) \
	OP(test_wait,      IO,       0,            1) \
	OP(test_bulk,      IO,       0,            1) \
	OP(test_note,      SYSTEM,   RPC_ONEWAY,   1) \
	OP(test_sum,       METADATA, RPC_SERVERS,  1) \
	OP(test_types,     IO,       0,            1) \
	OP(test_late,      IO,       0,            2)

/** Came with version 2. */
RPC_EMPTY(test_late_in)
#define TEST_LATE_OUT(F, A)      \
	F(u32, answer)
RPC_STRUCT(test_late_out, TEST_LATE_OUT)

RPC_PROTO(test, 1, 2, 1, TEST_OPS)

#endif
