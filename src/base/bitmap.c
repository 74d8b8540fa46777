/* SPDX-License-Identifier: Apache-2.0 */
/* base/bitmap: ranges, counting and searching, a word at a time (see bitmap.h). */
#include "base/bitmap.h"

/* The bits of word number `word` that lie in [first, end). */
static uint64_t
range_mask(size_t word, size_t first, size_t end)
{
	uint64_t mask = UINT64_MAX;

	if (first > word * 64)
		mask &= UINT64_MAX << (first - word * 64);
	if (end < word * 64 + 64)
		mask &= UINT64_MAX >> (word * 64 + 64 - end);
	return mask;
}

void
bitmap_set_range(uint64_t *words, size_t first, size_t nr)
{
	size_t end = first + nr;

	if (nr > 0)
		for (size_t word = first / 64; word <= (end - 1) / 64; word++)
			words[word] |= range_mask(word, first, end);
}

void
bitmap_clear_range(uint64_t *words, size_t first, size_t nr)
{
	size_t end = first + nr;

	if (nr > 0)
		for (size_t word = first / 64; word <= (end - 1) / 64; word++)
			words[word] &= ~range_mask(word, first, end);
}

size_t
bitmap_count(const uint64_t *words, size_t nr)
{
	size_t count = 0;

	for (size_t word = 0; word < BITMAP_WORDS(nr); word++)
		count += (size_t)__builtin_popcountll(words[word] & range_mask(word, 0, nr));
	return count;
}

/* The first bit that is set in words ^ flip. */
static size_t
find(const uint64_t *words, size_t nr, size_t from, uint64_t flip)
{
	if (from >= nr)
		return BITMAP_NONE;
	for (size_t word = from / 64; word < BITMAP_WORDS(nr); word++) {
		uint64_t bits = (words[word] ^ flip) & range_mask(word, from, nr);

		if (bits != 0)
			return word * 64 + (size_t)__builtin_ctzll(bits);
	}
	return BITMAP_NONE;
}

size_t
bitmap_find_set(const uint64_t *words, size_t nr, size_t from)
{
	return find(words, nr, from, 0);
}

size_t
bitmap_find_clear(const uint64_t *words, size_t nr, size_t from)
{
	return find(words, nr, from, UINT64_MAX);
}

size_t
bitmap_find_clear_run(const uint64_t *words, size_t nr, size_t from, size_t run_nr)
{
	ASSERT(run_nr > 0);
	for (;;) {
		size_t start = bitmap_find_clear(words, nr, from), end;

		if (start == BITMAP_NONE || run_nr > nr - start)
			return BITMAP_NONE;
		end = bitmap_find_set(words, start + run_nr, start);
		if (end == BITMAP_NONE)
			return start;
		from = end + 1;
	}
}
