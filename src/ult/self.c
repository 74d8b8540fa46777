/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The only thread-local of the house: which stream runs on this host thread. Read through a function that is never inlined,
 * so that no compiler keeps its address over a switch.
 */
#include "xs.h"

static __thread struct xs *xs_current;

__attribute__((noinline)) struct xs *
xs_self(void)
{
	__asm__ volatile("");
	return xs_current;
}

/** Returns the one before, to be restored. */
__attribute__((noinline)) struct xs *
xs__set_self(struct xs *xs)
{
	struct xs *before = xs_current;

	__asm__ volatile("");
	xs_current = xs;
	return before;
}
