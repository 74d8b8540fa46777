/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The k-nomial tree over nr positions. Positions are counted from the root; the parent of a position is the same number, in
 * base k = ratio, with its last digit that is not zero made zero. So with k = 4 and 18 positions:
 *
 *	0 -- 16 -- 17
 *	  -- 4 -- 5 6 7    -- 8 -- 9 10 11    -- 12 -- 13 14 15
 *	  -- 1 2 3
 *
 * Pure.
 */
#include "rpc/rpc.h"

uint32_t
rpc_tree_children(uint32_t nr, uint32_t root, uint32_t self, uint32_t ratio, uint32_t *children, uint32_t max)
{
	uint64_t place = self >= root ? self - root : (uint64_t)self + nr - root, step = 1;
	uint32_t count = 0;

	ASSERT(ratio >= 2 && root < nr && self < nr);
	while (step * ratio < nr && place % (step * ratio) == 0)
		step *= ratio;
	/* Where our own lowest digit stands nothing varies below us, only further down. */
	if (place != 0)
		step /= ratio;
	/* The largest subtree first: it takes longest. */
	for (; step > 0; step /= ratio)
		for (uint64_t digit = 1; digit < ratio && place + digit * step < nr; digit++) {
			ASSERT(count < max);
			children[count++] = (uint32_t)((place + digit * step + root) % nr); /* NOLINT(clang-analyzer-core.DivideZero): root < nr */
		}
	return count;
}
