/* SPDX-License-Identifier: Apache-2.0 */
/* A ULT uses more stack than it has: it must die at the guard, not write on. */
#include "planted.h"

static int
endless(int depth)
{
	volatile char frame[512];

	frame[depth % 512] = (char)depth;
	return endless(depth + 1) + frame[depth % 512];
}

static void
body(void *arg)
{
	printf("%d\n", endless(0));
}

int
main(void)
{
	planted_begin();
	planted_spawn(body, NULL);
	planted_end();
	return 0;
}
