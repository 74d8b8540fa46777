/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The wire of rpc. Every message is a header and a body, little-endian. The first message of each end of a connection is a hello:
 * the end that connected says it at once, the other when it has judged that one. A hello whose status is not 0 turns
 * the connection away. The header's layout is frozen as long as RPC_HEADER_VERSION stands.
 *
 *	kind      body, in words of base/codec                                  header fields that mean something
 *	HELLO     struct rpc_hello, see format.c                                status
 *	REQUEST   the operation's in, packed at proto_version                   opc, number, deadline_ms, proto_version
 *	ANSWER    the operation's out, none when RPC_FLAG_REFUSED               opc, number, status, flags, proto_version
 *	CANCEL    none                                                          number
 *	ONEWAY    as REQUEST                                                    opc, number, deadline_ms, proto_version
 *
 * magic, version, kind, hlc, rank, group_version, body_len and crc mean the same in all.
 */
#ifndef RPC_FORMAT_H
#define RPC_FORMAT_H

#include <stddef.h>
#include <stdint.h>

#define RPC_MAGIC 0x43504454u /* "TDPC" */
#define RPC_HEADER_VERSION 1

enum rpc_kind {
	RPC_KIND_HELLO = 1,
	RPC_KIND_REQUEST = 2,
	RPC_KIND_ANSWER = 3,
	RPC_KIND_CANCEL = 4,
	RPC_KIND_ONEWAY = 5,
};

enum { /* flags of the header */
	RPC_FLAG_REFUSED = 1, /* answer: no handler ran, status is the room's own */
	RPC_FLAGS_ALL = 1,
};

struct rpc_header {
	uint32_t magic;
	uint8_t version;
	uint8_t kind;
	uint16_t proto_version; /* of the protocol, at which the body is packed */
	uint32_t opc;
	int32_t status;
	uint64_t number;        /* of the call: rises on a connection */
	uint64_t hlc;           /* the sender's clock */
	uint32_t deadline_ms;   /* left when it was sent */
	uint32_t rank;          /* the sender's; RPC_NO_RANK for clients */
	uint32_t group_version; /* the sender's; 0: none */
	uint32_t flags;
	uint32_t body_len;
	uint32_t crc;           /* CRC-32C of the header, this field zero, and the body */
};

_Static_assert(sizeof(struct rpc_header) == 56, "frozen");
_Static_assert(offsetof(struct rpc_header, version) == 4 && offsetof(struct rpc_header, kind) == 5 &&
	       offsetof(struct rpc_header, proto_version) == 6 && offsetof(struct rpc_header, opc) == 8 &&
	       offsetof(struct rpc_header, status) == 12 && offsetof(struct rpc_header, number) == 16 &&
	       offsetof(struct rpc_header, hlc) == 24 && offsetof(struct rpc_header, deadline_ms) == 32 &&
	       offsetof(struct rpc_header, rank) == 36 && offsetof(struct rpc_header, group_version) == 40 &&
	       offsetof(struct rpc_header, flags) == 44 && offsetof(struct rpc_header, body_len) == 48 &&
	       offsetof(struct rpc_header, crc) == 52, "frozen");

#endif
