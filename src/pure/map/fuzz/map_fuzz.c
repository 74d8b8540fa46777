/* SPDX-License-Identifier: Apache-2.0 */
/* Maps and members from anywhere: what is accepted packs to the same bytes and can be changed. */
#include "base/mem_test.h"
#include "pure/map/map.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
try_map(struct mem *mem, const uint8_t *data, size_t size)
{
	struct unpacker unpacker;
	struct packer packer;
	struct pool_map *map;
	uint32_t changed;
	void *bytes;
	size_t len;

	unpacker_init(&unpacker, data, size);
	map = pmap_unpack(mem, &unpacker);
	if (map == NULL)
		return;
	packer_init_grow(&packer, mem);
	pmap_pack(&packer, map);
	ASSERT(packer_take(&packer, &bytes, &len) == 0);
	ASSERT(len == size - unpacker_left(&unpacker) && memcmp(bytes, data, len) == 0);
	mem_free(mem, bytes);
	if (pmap_version(map) < UINT32_MAX)
		pmap_bump(map);
	for (uint32_t i = 0; i < pmap_target_nr(map); i++) {
		const struct pmap_target *target = pmap_target(map, i);

		ASSERT(pmap_find(map, target->rank, target->index) == i);
		pmap_change(map, (enum pmap_change)(i % 3), target->rank, target->index, &changed);
	}
	pmap_set_goal(map);
	pmap_settle(map);
	ASSERT(!pmap_has_pending(map));
	pmap_free(map);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pmap_member *members;
	struct unpacker unpacker;
	struct mem_test test;
	struct pool_map *map;
	struct arena arena;
	uint32_t nr;

	mem_test_init(&test);
	arena_init(&arena, &test.mem);
	if (size > 0 && data[0] == 0) {
		unpacker_init(&unpacker, data + 1, size - 1);
		members = pmap_members_unpack(&unpacker, &arena, &nr);
		if (unpacker_finish(&unpacker) == 0 && pmap_create(&test.mem, members, nr, &map) == 0)
			pmap_free(map);
	} else {
		try_map(&test.mem, data, size);
	}
	arena_fini(&arena);
	ASSERT(test.outstanding == 0);
	return 0;
}
