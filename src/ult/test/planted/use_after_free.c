/* SPDX-License-Identifier: Apache-2.0 */
/* A ULT frees what another still uses after its yield. */
#include "planted.h"

static void
user(void *arg)
{
	char *memory = arg;

	ult_yield();
	printf("%c\n", memory[3]);
}

static void
freer(void *arg)
{
	mem_free(env->mem, arg);
}

int
main(void)
{
	char *memory;

	planted_begin();
	memory = mem_alloc(env->mem, 10);
	planted_spawn(user, memory);
	planted_spawn(freer, memory);
	planted_end();
	return 0;
}
