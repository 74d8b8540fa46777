/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The header and the hello, to bytes and back. The body of a hello, in words of base/codec:
 *
 *	uuid process, u64 incarnation, u32 tag, u32 requests, u64 bytes, bytes credential,
 *	u32 count of protocols: { u8 number, u32 version, u32 oldest } each, numbers ascending
 *	... what later versions append is skipped
 *
 * Bytes that come in are hostile: everything is checked here once.
 */
#include "format.h"

#include <endian.h>
#include "base/codec.h"
#include "pure/csum/csum.h"

static uint32_t
crc_of(const struct rpc_header *wire, const void *body, size_t body_len)
{
	struct rpc_header copy = *wire;

	copy.crc = 0;
	return csum_crc32c(csum_crc32c(0, &copy, sizeof(copy)), body, body_len);
}

void
rpc__header_seal(struct rpc_header *header, const void *body, size_t body_len)
{
	header->magic = htole32(RPC_MAGIC);
	header->version = RPC_HEADER_VERSION;
	header->proto_version = htole16(header->proto_version);
	header->opc = htole32(header->opc);
	header->status = (int32_t)htole32((uint32_t)header->status);
	header->number = htole64(header->number);
	header->hlc = htole64(header->hlc);
	header->deadline_ms = htole32(header->deadline_ms);
	header->rank = htole32(header->rank);
	header->group_version = htole32(header->group_version);
	header->flags = htole32(header->flags);
	header->body_len = htole32((uint32_t)body_len);
	header->crc = htole32(crc_of(header, body, body_len));
}

static const char *
what_is_wrong(const struct rpc_header *wire, size_t len, const void *body)
{
	if (le32toh(wire->magic) != RPC_MAGIC)
		return "no rpc message";
	if (wire->version != RPC_HEADER_VERSION)
		return "unknown header version";
	if (wire->kind < RPC_KIND_HELLO || wire->kind > RPC_KIND_ONEWAY)
		return "unknown kind of message";
	if (le32toh(wire->body_len) != len - sizeof(*wire) || le32toh(wire->body_len) > RPC_BODY_MAX)
		return "wrong length";
	if (le32toh(wire->flags) & ~RPC_FLAGS_ALL)
		return "unknown flags";
	if (le32toh(wire->crc) != crc_of(wire, body, len - sizeof(*wire)))
		return "wrong checksum";
	return NULL;
}

int
rpc__header_open(const void *data, size_t len, struct rpc_header *header, const void **body, const char **why)
{
	if (len < sizeof(*header)) {
		*why = "shorter than a header";
		return -DER_PROTO;
	}
	memcpy(header, data, sizeof(*header));
	*body = (const char *)data + sizeof(*header);
	*why = what_is_wrong(header, len, *body);
	header->proto_version = le16toh(header->proto_version);
	header->opc = le32toh(header->opc);
	header->status = (int32_t)le32toh((uint32_t)header->status);
	header->number = le64toh(header->number);
	header->hlc = le64toh(header->hlc);
	header->deadline_ms = le32toh(header->deadline_ms);
	header->rank = le32toh(header->rank);
	header->group_version = le32toh(header->group_version);
	header->flags = le32toh(header->flags);
	header->body_len = le32toh(header->body_len);
	return *why == NULL ? 0 : -DER_PROTO;
}

void
rpc__hello_pack(struct packer *packer, const struct rpc_hello *hello)
{
	uint32_t nr = 0;

	pack_uuid(packer, hello->id);
	pack_u64(packer, hello->incarnation);
	pack_u32(packer, hello->tag);
	pack_u32(packer, hello->requests);
	pack_u64(packer, hello->bytes);
	pack_bytes(packer, hello->cred, hello->cred_len);
	for (uint32_t id = 0; id < RPC_PROTO_MAX; id++)
		nr += hello->protos[id].version != 0;
	pack_count(packer, nr);
	for (uint32_t id = 0; id < RPC_PROTO_MAX; id++) {
		if (hello->protos[id].version == 0)
			continue;
		pack_u8(packer, (uint8_t)id);
		pack_u32(packer, hello->protos[id].version);
		pack_u32(packer, hello->protos[id].oldest);
	}
}

int
rpc__hello_unpack(const void *data, size_t len, struct rpc_hello *hello)
{
	struct unpacker unpacker;
	uint32_t nr;

	memset(hello, 0, sizeof(*hello));
	unpacker_init(&unpacker, data, len);
	unpack_uuid(&unpacker, hello->id);
	hello->incarnation = unpack_u64(&unpacker);
	hello->tag = unpack_u32(&unpacker);
	hello->requests = unpack_u32(&unpacker);
	hello->bytes = unpack_u64(&unpacker);
	hello->cred = unpack_bytes(&unpacker, &hello->cred_len);
	nr = unpack_count(&unpacker, 9);
	for (uint32_t i = 0; i < nr; i++) {
		uint8_t id = unpack_u8(&unpacker);
		uint32_t version = unpack_u32(&unpacker), oldest = unpack_u32(&unpacker);

		/* A number beyond what we know of is a protocol that we do not speak. */
		if (id < RPC_PROTO_MAX) {
			hello->protos[id].version = version;
			hello->protos[id].oldest = oldest;
		}
		if (version > UINT16_MAX || oldest > version)
			unpacker_fail(&unpacker, -DER_PROTO);
	}
	if (hello->requests == 0 || hello->cred_len > RPC_CRED_MAX)
		unpacker_fail(&unpacker, -DER_PROTO);
	return unpacker_rc(&unpacker);
}

uint32_t
rpc__hello_version(const struct rpc_proto *ours, const struct rpc_hello *theirs)
{
	uint32_t version = theirs->protos[ours->id].version, oldest = theirs->protos[ours->id].oldest, best;

	if (version == 0)
		return 0;
	best = MIN(version, ours->version);
	return best >= MAX(oldest, ours->oldest) ? best : 0;
}
