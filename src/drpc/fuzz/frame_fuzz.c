/* SPDX-License-Identifier: Apache-2.0 */
/* Packets as they come from the socket, taken for a call and for a response. */
#include <stdlib.h>
#include "base/mem_test.h"
#include "../frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (int what = 0; what < 2; what++) {
		struct drpc_frame frame, copy;
		struct mem_test mem;
		struct arena arena;
		void *packet;
		size_t len;

		mem_test_init(&mem);
		arena_init(&arena, &mem.mem);
		if ((what ? drpc__call_decode : drpc__response_decode)(data, size, &arena, &frame) == 0) {
			/* What was understood is said again, and understood the same. */
			ASSERT((what ? drpc__call_encode : drpc__response_encode)(&frame, &arena, &packet, &len) == 0);
			ASSERT((what ? drpc__call_decode : drpc__response_decode)(packet, len, &arena, &copy) == 0);
			ASSERT(copy.sequence == frame.sequence && copy.body_len == frame.body_len);
			ASSERT(frame.body_len == 0 || memcmp(copy.body, frame.body, frame.body_len) == 0);
		}
		arena_fini(&arena);
		ASSERT(mem.outstanding == 0);
	}
	return 0;
}
