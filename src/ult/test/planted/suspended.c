/* SPDX-License-Identifier: Apache-2.0 */
/* Aborts while two ULTs are suspended, a few calls deep: for a debugger to find them. */
#include "planted.h"

static struct ult_eventual never;

static __attribute__((noinline)) void
third_call(void)
{
	ult_eventual_wait(&never);
}

static __attribute__((noinline)) void
second_call(void)
{
	third_call();
	__asm__ volatile("");
}

static void
sleeper(void *arg)
{
	second_call();
	__asm__ volatile("");
}

static void
aborter(void *arg)
{
	abort();
}

int
main(void)
{
	planted_begin();
	ult_eventual_init(&never);
	planted_spawn(sleeper, NULL);
	planted_spawn(sleeper, NULL);
	planted_spawn(aborter, NULL);
	planted_end();
	return 0;
}
