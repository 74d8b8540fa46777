/* SPDX-License-Identifier: Apache-2.0 */
/* Every body decoder of every protocol: the first bytes choose the operation, side and version, the rest is the body. */
#include <stdlib.h>
#include "base/mem_test.h"
#include "proto/registry.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct rpc_body *
choose(uint32_t index, uint32_t *version)
{
	uint32_t nr = 0;

	for (const struct rpc_proto *const *proto = proto_every; *proto != NULL; proto++)
		nr += (*proto)->nr;
	index %= nr * 2;
	for (const struct rpc_proto *const *proto = proto_every; *proto != NULL; proto++) {
		if (index < (*proto)->nr * 2) {
			*version = (*proto)->oldest + *version % ((*proto)->version - (*proto)->oldest + 1);
			return index & 1 ? &(*proto)->ops[index / 2].out : &(*proto)->ops[index / 2].in;
		}
		index -= (*proto)->nr * 2;
	}
	abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct rpc_body *body;
	struct unpacker unpacker;
	struct mem_test mem;
	struct arena arena;
	uint32_t version;
	void *value;

	if (size < 3)
		return 0;
	version = data[2];
	body = choose((uint32_t)(data[0] | data[1] << 8), &version);
	mem_test_init(&mem);
	arena_init(&arena, &mem.mem);
	value = arena_alloc(&arena, body->size);
	unpacker_init(&unpacker, data + 3, size - 3);
	body->unpack(&unpacker, value, version, &arena);
	if (unpacker_finish(&unpacker) == 0) {
		static uint8_t again[2 << 20];
		struct packer packer;
		struct strbuf text;
		char line[1024];

		packer_init(&packer, again, sizeof(again));
		body->pack(&packer, value, version);
		ASSERT(packer_rc(&packer) == 0);
		ASSERT(packer_len(&packer) <= size - 3);
		strbuf_init_fixed(&text, line, sizeof(line));
		body->print(&text, value);
	}
	arena_fini(&arena);
	ASSERT(mem.outstanding == 0);
	return 0;
}
