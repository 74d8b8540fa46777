/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes that are said to be an exported handle of a container. */
#include <stdlib.h>
#include "client/cont/cont.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cont_exported exported;
	uint8_t *copy = malloc(size > 0 ? size : 1); /* of its own, so that a byte too far is seen */

	if (copy == NULL)
		return 0;
	memcpy(copy, data, size);
	if (cont_export_read(copy, size, &exported) == 0)
		ASSERT(size >= sizeof(uint32_t) + 2 * sizeof(uuid_t) + 2 * sizeof(uint64_t));
	free(copy);
	return 0;
}
