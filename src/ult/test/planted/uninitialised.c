/* SPDX-License-Identifier: Apache-2.0 */
/* A ULT decides by memory that it never filled (for valgrind). */
#include "planted.h"

static void
body(void *arg)
{
	int *memory = malloc(sizeof(*memory));

	ult_yield();
	if (*memory == 12345)
		puts("unlikely");
	free(memory);
}

int
main(void)
{
	planted_begin();
	planted_spawn(body, NULL);
	planted_end();
	return 0;
}
