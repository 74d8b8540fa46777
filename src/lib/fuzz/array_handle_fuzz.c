/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes that are said to be an exported handle of an array. */
#include <stdlib.h>
#include "../core.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct core_array_share share;
	uint8_t *copy = malloc(size > 0 ? size : 1);
	d_iov_t glob = {.iov_buf = copy, .iov_buf_len = size};
	uint64_t bytes;

	if (copy == NULL)
		return 0;
	memcpy(copy, data, size);
	for (int i = 0; i < 3; i++) {
		glob.iov_len = i == 0 ? 0 : i == 1 ? size : size + 1;
		if (core__array_share_read(&glob, &share) != 0)
			continue;
		ASSERT(i < 2 && size >= sizeof(share));
		ASSERT(share.cell > 0 && share.cell <= ARRAY_CELL_MAX && !__builtin_mul_overflow(share.cell, share.chunk, &bytes));
	}
	free(copy);
	return 0;
}
