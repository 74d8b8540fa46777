/* SPDX-License-Identifier: Apache-2.0 */
/* Headers and hellos to bytes and back. Pure. */
#ifndef RPC_FORMAT_INSIDE_H
#define RPC_FORMAT_INSIDE_H

#include "base/base.h"
#include "rpc/rpc.h"
#include "rpc_format.h"

enum { RPC_PROTO_MAX = 128 }; /* protocol numbers are below */

/** Puts magic, version, body_len and crc into header and turns it into wire order. */
void rpc__header_seal(struct rpc_header *header, const void *body, size_t body_len);
/** Hostile bytes. The header in host order, the body in data. -DER_PROTO: *why says what is wrong. */
int rpc__header_open(const void *data, size_t len, struct rpc_header *header, const void **body, const char **why);

/** What one end says of itself. */
struct rpc_hello {
	uuid_t id;
	uint64_t incarnation;
	uint32_t tag;         /* of the context */
	uint32_t requests;    /* that it accepts at a time */
	uint64_t bytes;       /* and the bytes of their bodies */
	const void *cred;
	size_t cred_len;
	struct {              /* by protocol number; version 0: not spoken */
		uint32_t version, oldest;
	} protos[RPC_PROTO_MAX];
};
struct packer;
void rpc__hello_pack(struct packer *packer, const struct rpc_hello *hello);
/** Hostile bytes; cred points into them. -DER_PROTO. */
int rpc__hello_unpack(const void *data, size_t len, struct rpc_hello *hello);
/** The version that both speak best, 0 when there is none. */
uint32_t rpc__hello_version(const struct rpc_proto *ours, const struct rpc_hello *theirs);

#endif
