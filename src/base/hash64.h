/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/hash64: 64-bit hashes that are the same on every machine and in every version: they may be stored and sent.
 * Not cryptographic; a table whose keys a stranger chooses takes a random seed.
 */
#ifndef BASE_HASH64_H
#define BASE_HASH64_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/** A bijection that spreads every bit of x over all bits (variant 13 of D. Stafford's mixers, the output step of splitmix64). */
static inline uint64_t
hash64_mix(uint64_t x)
{
	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9ULL;
	x ^= x >> 27;
	x *= 0x94d049bb133111ebULL;
	x ^= x >> 31;
	return x;
}

/** Two values as one; the order counts. */
static inline uint64_t
hash64_pair(uint64_t a, uint64_t b)
{
	return hash64_mix(hash64_mix(a + 0x9e3779b97f4a7c15ULL) + b);
}

/** Bytes: MurmurHash64A of A. Appleby (public domain), read as little-endian words. data may be NULL when len is 0. */
uint64_t hash64_bytes(const void *data, size_t len, uint64_t seed);

static inline uint64_t
hash64_string(const char *text, uint64_t seed)
{
	return hash64_bytes(text, strlen(text), seed);
}

#endif
