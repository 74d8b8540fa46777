/* SPDX-License-Identifier: Apache-2.0 */
/* A ULT forgets the only pointer to its memory. */
#include "planted.h"

static void
body(void *arg)
{
	char *volatile memory = malloc(123);

	memory[0] = 1;
	ult_yield();
	memory = NULL;
}

int
main(void)
{
	planted_begin();
	planted_spawn(body, NULL);
	planted_end();
	return 0;
}
