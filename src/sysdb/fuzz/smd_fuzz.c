/* SPDX-License-Identifier: Apache-2.0 */
/* Records of devices and pools; the first byte chooses. What is accepted is within its bounds. */
#include <stdlib.h>
#include <string.h>
#include "../smd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {"01020300-0000-0000-0000-000000000000", "no uuid", ""};
	struct smd_pool pool;
	struct smd_dev dev;
	uint8_t *copy;
	const char *name;

	if (size == 0)
		return 0;
	/* A copy of the exact size: reading beyond it is seen. */
	copy = malloc(size > 1 ? size - 1 : 1);
	memcpy(copy, data + 1, size - 1);
	name = names[(data[0] >> 1) % 3 * ((data[0] & 0x80) != 0)];
	if (data[0] & 1) {
		if (smd__dev_parse(name, copy, size - 1, &dev) == 0)
			ASSERT(dev.tgt_nr <= ARRAY_SIZE(dev.tgts) && memchr(dev.path, 0, sizeof(dev.path)) != NULL);
	} else if (smd__pool_parse(name, copy, size - 1, &pool) == 0) {
		ASSERT(memchr(pool.label, 0, sizeof(pool.label)) != NULL);
	}
	free(copy);
	return 0;
}
