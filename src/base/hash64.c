/* SPDX-License-Identifier: Apache-2.0 */
/* base/hash64: MurmurHash64A (A. Appleby, public domain). The values are frozen by golden numbers in the test. */
#include <endian.h>
#include "base/hash64.h"

#define MURMUR_M 0xc6a4a7935bd1e995ULL
enum { MURMUR_R = 47 };

static uint64_t
load_le64(const unsigned char *data)
{
	uint64_t word;

	memcpy(&word, data, sizeof(word));
	return le64toh(word);
}

uint64_t
hash64_bytes(const void *data, size_t len, uint64_t seed)
{
	const unsigned char *at = data;
	uint64_t hash = seed ^ (len * MURMUR_M);
	size_t left = len;

	for (; left >= 8; left -= 8, at += 8) {
		uint64_t word = load_le64(at) * MURMUR_M;

		word ^= word >> MURMUR_R;
		hash = (hash ^ (word * MURMUR_M)) * MURMUR_M;
	}
	if (left > 0) {
		uint64_t tail = 0;

		while (left-- > 0)
			tail = tail << 8 | at[left];
		hash = (hash ^ tail) * MURMUR_M;
	}
	hash ^= hash >> MURMUR_R;
	hash *= MURMUR_M;
	return hash ^ (hash >> MURMUR_R);
}
