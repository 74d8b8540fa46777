/* SPDX-License-Identifier: Apache-2.0 */
/*
 * env_sim/rand: seeded random numbers, xoshiro256** of D. Blackman and S. Vigna, seeded with splitmix64. One generator for
 * each purpose, so that one more draw in one place does not change what happens in another.
 */
#ifndef ENV_SIM_RAND_H
#define ENV_SIM_RAND_H

#include <stdbool.h>
#include <stdint.h>
#include "base/hash64.h"

struct sim_rand {
	uint64_t s[4];
};

static inline void
sim_rand_init(struct sim_rand *rand, uint64_t seed, uint64_t purpose)
{
	uint64_t x = hash64_pair(seed, purpose);

	for (int i = 0; i < 4; i++) {
		x += 0x9e3779b97f4a7c15ULL;
		rand->s[i] = hash64_mix(x);
	}
}

static inline uint64_t
sim_rand_u64(struct sim_rand *rand)
{
	uint64_t *s = rand->s, t = s[1] << 17, x = s[1] * 5;
	uint64_t result = ((x << 7) | (x >> 57)) * 9;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = (s[3] << 45) | (s[3] >> 19);
	return result;
}

/** 0 .. nr - 1; nr > 0. */
static inline uint64_t
sim_rand_below(struct sim_rand *rand, uint64_t nr)
{
	return (uint64_t)(((unsigned __int128)sim_rand_u64(rand) * nr) >> 64);
}

/** lo .. hi, both included. */
static inline uint64_t
sim_rand_between(struct sim_rand *rand, uint64_t lo, uint64_t hi)
{
	return hi <= lo ? lo : lo + sim_rand_below(rand, hi - lo + 1);
}

/** True in ppm of a million cases; draws nothing when ppm is 0. */
static inline bool
sim_rand_chance(struct sim_rand *rand, uint64_t ppm)
{
	return ppm != 0 && sim_rand_below(rand, 1000000) < ppm;
}

static inline void
sim_rand_fill(struct sim_rand *rand, void *buf, size_t len)
{
	uint8_t *at = buf;

	for (; len > 0; at += 8, len -= len < 8 ? len : 8) {
		uint64_t x = sim_rand_u64(rand);

		for (size_t i = 0; i < 8 && i < len; i++)
			at[i] = (uint8_t)(x >> (8 * i));
	}
}

/** A delay: min plus an exponentially distributed part with the given mean, in integers (so that no rounding differs). */
uint64_t sim_rand_delay(struct sim_rand *rand, uint64_t min_ns, uint64_t mean_ns);

#endif
