/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/bitmap: bits in an array of 64-bit words that the caller owns, bit i in word i / 64 at position i % 64. Functions
 * that take nr look at bits 0 to nr - 1 only; bits beyond it in the last word are neither read as set nor changed.
 */
#ifndef BASE_BITMAP_H
#define BASE_BITMAP_H

#include "base/base.h"

/** Words that nr bits need. */
#define BITMAP_WORDS(nr) (((size_t)(nr) + 63) / 64)
/** What the find functions say when there is no such bit. */
#define BITMAP_NONE SIZE_MAX

static inline bool
bitmap_test(const uint64_t *words, size_t i)
{
	return words[i / 64] >> (i % 64) & 1;
}

static inline void
bitmap_set(uint64_t *words, size_t i)
{
	words[i / 64] |= 1ULL << (i % 64);
}

static inline void
bitmap_clear(uint64_t *words, size_t i)
{
	words[i / 64] &= ~(1ULL << (i % 64));
}

/** Sets or clears the bits first to first + nr - 1. */
void bitmap_set_range(uint64_t *words, size_t first, size_t nr);
void bitmap_clear_range(uint64_t *words, size_t first, size_t nr);
/** How many of the bits 0 to nr - 1 are set. */
size_t bitmap_count(const uint64_t *words, size_t nr);
/** The first set (clear) bit at or after from; BITMAP_NONE. */
size_t bitmap_find_set(const uint64_t *words, size_t nr, size_t from);
size_t bitmap_find_clear(const uint64_t *words, size_t nr, size_t from);
/** The first bit at or after from where a run of run_nr clear bits begins; BITMAP_NONE. run_nr > 0. */
size_t bitmap_find_clear_run(const uint64_t *words, size_t nr, size_t from, size_t run_nr);

/** Walks the set bits: for (i = bitmap_find_set(w, nr, 0); ...). The body may clear bit i. */
#define bitmap_each_set(i, words, nr)                                                                                  \
	for (size_t i = bitmap_find_set(words, nr, 0); i != BITMAP_NONE; i = bitmap_find_set(words, nr, i + 1))

#endif
