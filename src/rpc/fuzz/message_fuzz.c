/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages as they come from the wire: header, hello, and the bodies of a collective. Half of the inputs get the right magic and checksum, so
 * that what lies behind them is reached.
 */
#include <stdlib.h>
#include "base/mem_test.h"
#include "pure/csum/csum.h"
#include "../ctx.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
try_body(const struct rpc_body *body, const void *bytes, size_t len)
{
	struct unpacker unpacker;
	struct mem_test mem;
	struct arena arena;
	void *value;

	mem_test_init(&mem);
	arena_init(&arena, &mem.mem);
	value = arena_alloc(&arena, body->size);
	unpacker_init(&unpacker, bytes, len);
	body->unpack(&unpacker, value, 1, &arena);
	(void)unpacker_finish(&unpacker);
	arena_fini(&arena);
	ASSERT(mem.outstanding == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct rpc_hello hello;
	struct rpc_header header;
	uint8_t *copy;
	const void *body;
	const char *why;

	if (size < 1)
		return 0;
	copy = malloc(size);
	memcpy(copy, data + 1, size - 1);
	size--;
	if (data[0] & 1 && size >= sizeof(header) && size - sizeof(header) <= RPC_BODY_MAX) {
		memcpy(&header, copy, sizeof(header));
		header.magic = htole32(RPC_MAGIC);
		header.version = RPC_HEADER_VERSION;
		header.body_len = htole32((uint32_t)(size - sizeof(header)));
		header.crc = 0;
		header.crc = htole32(csum_crc32c(csum_crc32c(0, &header, sizeof(header)), copy + sizeof(header), size - sizeof(header)));
		memcpy(copy, &header, sizeof(header));
	}
	if (rpc__header_open(copy, size, &header, &body, &why) == 0) {
		if (rpc__hello_unpack(body, header.body_len, &hello) == 0)
			for (uint32_t id = 0; id < RPC_PROTO_MAX; id++)
				(void)rpc__hello_version(&(struct rpc_proto){.id = (uint8_t)id, .version = 2, .oldest = 1}, &hello);
		try_body(&rpc__collect_proto.ops[0].in, body, header.body_len);
		try_body(&rpc__collect_proto.ops[0].out, body, header.body_len);
	} else {
		ASSERT(why != NULL);
	}
	free(copy);
	return 0;
}
