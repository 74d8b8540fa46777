/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes that are said to be an exported handle of a pool. */
#include <stdlib.h>
#include "client/pool/pool.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pool_exported exported;
	uint8_t *copy = malloc(size > 0 ? size : 1); /* of its own, so that a byte too far is seen */

	if (copy == NULL)
		return 0;
	memcpy(copy, data, size);
	if (pool_export_read(copy, size, &exported) == 0) { /* texts end within the bytes */
		ASSERT(exported.label >= (const char *)copy && exported.label + strlen(exported.label) < (const char *)copy + size);
		ASSERT(exported.system >= (const char *)copy && exported.system + strlen(exported.system) < (const char *)copy + size);
	}
	free(copy);
	return 0;
}
