/* SPDX-License-Identifier: Apache-2.0 */
/* base/rand: seeding and bounded draws (see rand.h). */
#include "base/hash64.h"
#include "base/rand.h"

void
rand_init(struct rand *rand, uint64_t seed, uint64_t stream)
{
	uint64_t state = stream == 0 ? seed : hash64_pair(seed, stream);

	/* splitmix64: never four zeros, the one state that xoshiro cannot leave. */
	for (int i = 0; i < 4; i++)
		rand->s[i] = hash64_mix(state += 0x9e3779b97f4a7c15ULL);
}

uint64_t
rand_below(struct rand *rand, uint64_t bound)
{
	unsigned __int128 product;
	uint64_t least;

	ASSERT(bound > 0);
	/* D. Lemire, Fast Random Integer Generation in an Interval (2019): reject the few draws that would be uneven. */
	product = (unsigned __int128)rand_u64(rand) * bound;
	if ((uint64_t)product >= bound)
		return (uint64_t)(product >> 64);
	least = -bound % bound;
	while ((uint64_t)product < least)
		product = (unsigned __int128)rand_u64(rand) * bound;
	return (uint64_t)(product >> 64);
}

void
rand_fill(struct rand *rand, void *buf, size_t len)
{
	unsigned char *out = buf;

	while (len > 0) {
		uint64_t word = rand_u64(rand);
		size_t piece = MIN(len, sizeof(word));

		memcpy(out, &word, piece);
		out += piece;
		len -= piece;
	}
}
