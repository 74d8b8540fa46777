/* SPDX-License-Identifier: Apache-2.0 */
/* A ULT leaves the address of a local behind and ends; another follows it. */
#include "planted.h"

static int *left;

static void
leave(void *arg)
{
	int local = 42;

	left = &local;
	ult_yield();
}

static void
follow(void *arg)
{
	ult_yield();
	ult_yield();
	ult_yield();
	printf("%d\n", *left);
}

int
main(void)
{
	planted_begin();
	planted_spawn(leave, NULL);
	planted_spawn(follow, NULL);
	planted_end();
	return 0;
}
