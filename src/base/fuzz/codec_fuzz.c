/* SPDX-License-Identifier: Apache-2.0 */
/* The first bytes choose what to ask of the unpacker, the rest is what it reads. */
#include "base/codec.h"
#include "base/mem_test.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
ask(struct unpacker *unpacker, struct arena *arena, uint8_t what)
{
	unsigned char uuid[16];
	struct unpacker inner;
	uint32_t nr;
	size_t len;

	switch (what % 12) {
	case 0: unpack_u8(unpacker); break;
	case 1: unpack_u16(unpacker); break;
	case 2: unpack_u32(unpacker); break;
	case 3: unpack_u64(unpacker); break;
	case 4: unpack_bool(unpacker); break;
	case 5: unpack_uuid(unpacker, uuid); break;
	case 6: unpack_bytes(unpacker, &len); break;
	case 7: unpack_string_dup(unpacker, arena); break;
	case 8: unpack_bytes_dup(unpacker, arena, &len); break;
	case 9: unpack_u32_array(unpacker, arena, &nr); break;
	case 10: unpack_u64_array(unpacker, arena, &nr); break;
	default:
		unpack_section(unpacker, &inner);
		while (unpacker_left(&inner) > 0)
			unpack_string(&inner);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct unpacker unpacker;
	struct mem_test test;
	struct arena arena;
	size_t asks = size > 0 ? MIN((size_t)data[0], size - 1) : 0;

	mem_test_init(&test);
	arena_init(&arena, &test.mem);
	unpacker_init(&unpacker, data + asks, size - asks);
	for (size_t i = 0; i < asks; i++)
		ask(&unpacker, &arena, data[i + 1]);
	unpacker_finish(&unpacker);
	arena_fini(&arena);
	ASSERT(test.outstanding == 0);
	return 0;
}
