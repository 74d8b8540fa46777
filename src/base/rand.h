/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/rand: pseudo-random numbers that the same seed repeats on every machine: xoshiro256** 1.0 (D. Blackman and
 * S. Vigna, public domain), its state filled by splitmix64. For tests, jitter and simulation, not for secrets.
 * Each purpose takes a generator of its own, so that a draw added in one place changes nothing in another.
 */
#ifndef BASE_RAND_H
#define BASE_RAND_H

#include "base/base.h"

struct rand {
	uint64_t s[4];
};

/** stream: which of the many generators of one seed, e.g. a purpose's number. */
void rand_init(struct rand *rand, uint64_t seed, uint64_t stream);

/** Uniform over all 64-bit numbers. */
static inline uint64_t
rand_u64(struct rand *rand)
{
	uint64_t *s = rand->s, x = s[1] * 5, result = (x << 7 | x >> 57) * 9, t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = s[3] << 45 | s[3] >> 19;
	return result;
}

static inline uint32_t
rand_u32(struct rand *rand)
{
	return (uint32_t)(rand_u64(rand) >> 32);
}

/** Uniform over 0 to bound - 1, without bias; bound > 0. */
uint64_t rand_below(struct rand *rand, uint64_t bound);

/** Uniform over low to high, both included; low <= high. */
static inline uint64_t
rand_between(struct rand *rand, uint64_t low, uint64_t high)
{
	return high - low == UINT64_MAX ? rand_u64(rand) : low + rand_below(rand, high - low + 1);
}

/** True once in nr times on average; nr > 0. */
static inline bool
rand_one_in(struct rand *rand, uint64_t nr)
{
	return rand_below(rand, nr) == 0;
}

/** True with the probability of parts in a million. */
static inline bool
rand_ppm(struct rand *rand, uint32_t parts)
{
	return rand_below(rand, 1000000) < parts;
}

void rand_fill(struct rand *rand, void *buf, size_t len);

#endif
