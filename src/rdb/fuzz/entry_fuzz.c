/* SPDX-License-Identifier: Apache-2.0 */
/* Log entries and configurations as disk and peers hand them in. What is accepted is said again and understood the same. */
#include <stdlib.h>
#include "base/mem_test.h"
#include "../internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
try_changes(const uint8_t *data, size_t size)
{
	struct rdb_change *changes, *again;
	struct packer packer;
	struct mem_test mem;
	struct arena arena;
	uint32_t nr, again_nr;
	uint8_t *buf;

	mem_test_init(&mem);
	arena_init(&arena, &mem.mem);
	if (rdb__changes_unpack(data, size, &arena, &changes, &nr) == 0) {
		buf = malloc(size + 1);
		packer_init(&packer, buf, size);
		ASSERT(rdb__changes_pack(&packer, changes, nr) == 0);
		ASSERT(rdb__changes_unpack(buf, packer_len(&packer), &arena, &again, &again_nr) == 0 && nr == again_nr);
		for (uint32_t i = 0; i < nr; i++) {
			ASSERT(changes[i].kind == again[i].kind && changes[i].path.nr == again[i].path.nr);
			ASSERT(changes[i].key_len == again[i].key_len && changes[i].value_len == again[i].value_len);
		}
		free(buf);
	}
	arena_fini(&arena);
	ASSERT(mem.outstanding == 0);
}

static void
try_configuration(const uint8_t *data, size_t size)
{
	struct raft_configuration conf;
	struct mem_test mem;
	struct arena arena;
	const void *again;
	size_t len;

	mem_test_init(&mem);
	arena_init(&arena, &mem.mem);
	if (rdb__configuration_decode(data, size, &conf) == 0) {
		if (rdb__configuration_encode(&conf, &arena, &again, &len) == 0)
			ASSERT(len == size && memcmp(again, data, len) == 0);
		raft_configuration_close(&conf);
	}
	arena_fini(&arena);
	ASSERT(mem.outstanding == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	if (data[0] & 1)
		try_changes(data + 1, size - 1);
	else
		try_configuration(data + 1, size - 1);
	return 0;
}
