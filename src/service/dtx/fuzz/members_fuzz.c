/* SPDX-License-Identifier: Apache-2.0 */
/* Who takes part in a transaction, as the disk says it. What is accepted packs to the same bytes. */
#include "base/mem_test.h"
#include "../internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vos_dtx_blob blob = {.data = (void *)data, .len = (uint32_t)size}, again;
	struct dtx_members members;
	struct mem_test mem;
	struct arena arena;

	mem_test_init(&mem);
	arena_init(&arena, &mem.mem);
	if (dtx__members_unpack(&blob, 8, &members) == 0) {
		ASSERT(members.leader < 8 && members.nr > 0 && members.nr <= DTX_TARGETS_MAX);
		for (uint32_t i = 0; i < members.nr; i++)
			ASSERT(members.target[i] < 8);
		ASSERT(dtx__members_pack(&members, &arena, &again) == 0 && again.len <= size);
		ASSERT(memcmp(again.data, data, again.len) == 0);
	}
	arena_fini(&arena);
	ASSERT(mem.outstanding == 0);
	return 0;
}
