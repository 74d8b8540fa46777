/* SPDX-License-Identifier: Apache-2.0 */
/* No mistake: nothing may be reported. Many ULTs, deep stacks, ends in another order than beginnings. */
#include "planted.h"

static int
deep(int depth)
{
	volatile char frame[200];

	frame[depth % 200] = 1;
	if (depth % 7 == 0)
		ult_yield();
	return depth == 0 ? 0 : deep(depth - 1) + frame[depth % 200];
}

static void
body(void *arg)
{
	int *sum = arg;
	char *memory = malloc(100);

	ult_sleep((uint64_t)(*sum % 10) * 1000);
	*sum += deep(50);
	free(memory);
}

int
main(void)
{
	int sum = 0;

	planted_begin();
	for (int i = 0; i < 500; i++)
		planted_spawn(body, &sum);
	planted_end();
	return sum == 500 * 50 ? 0 : 1;
}
