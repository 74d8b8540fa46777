/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The only thread-local of the house: which stream runs on this host thread. Read through a function that is never inlined,
 * so that no compiler keeps its address over a switch.
 */
#include "xs.h"

static __thread struct xs *self_xs;

__attribute__((noinline)) struct xs *
xs_self(void)
{
	__asm__ volatile("");
	return self_xs;
}

/** Returns the one before, to be restored. */
__attribute__((noinline)) struct xs *
xs__set_self(struct xs *xs)
{
	struct xs *before = self_xs;

	__asm__ volatile("");
	self_xs = xs;
	return before;
}
