/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libgurt: numbers: hashes, random numbers, standard deviation, waits that grow.
 */
#include <gurt/common.h>
#include <gurt/telemetry_common.h>
#include "base/hash64.h"

/* ---- hashes ----------------------------------------------------------------------------------------------------- */

uint64_t
d_hash_mix64(uint64_t key)
{
	return hash64_mix(key);
}

uint32_t
d_hash_mix96(uint32_t a, uint32_t b, uint32_t c)
{
	return (uint32_t)hash64_pair((uint64_t)a << 32 | b, c);
}

unsigned int
d_hash_srch_u64(uint64_t *hashes, unsigned int nhashes, uint64_t value)
{
	unsigned int low = 0, high = nhashes;

	/* All before low are not larger than value, all from high on are. */
	while (low < high) {
		unsigned int middle = low + (high - low) / 2;

		if (hashes[middle] <= value)
			low = middle + 1;
		else
			high = middle;
	}
	return low == 0 ? 0 : low - 1;
}

uint32_t
d_hash_string_u32(const char *string, unsigned int len)
{
	return (uint32_t)hash64_bytes(string, len, 0);
}

uint64_t
d_hash_murmur64(const unsigned char *key, unsigned int key_len, unsigned int seed)
{
	return hash64_bytes(key, key_len, seed);
}

/* J. Lamping and E. Veach, A Fast, Minimal Memory, Consistent Hash Algorithm, 2014. */
uint32_t
d_hash_jump(uint64_t key, uint32_t num_buckets)
{
	int64_t bucket = 0, next = 0;

	while (next < (int64_t)num_buckets) {
		bucket = next;
		key = key * 2862933555777941757ULL + 1;
		next = (int64_t)((double)(bucket + 1) * ((double)(1LL << 31) / (double)((key >> 33) + 1)));
	}
	return (uint32_t)bucket;
}

/* ---- random numbers --------------------------------------------------------------------------------------------- */

static pthread_mutex_t rand_lock = PTHREAD_MUTEX_INITIALIZER;
static struct drand48_data rand_state;

void
d_srand(long seed)
{
	pthread_mutex_lock(&rand_lock);
	srand48_r(seed, &rand_state);
	pthread_mutex_unlock(&rand_lock);
}

long
d_rand(void)
{
	long number;

	pthread_mutex_lock(&rand_lock);
	lrand48_r(&rand_state, &number);
	pthread_mutex_unlock(&rand_lock);
	return number;
}

double
d_randd(void)
{
	double number;

	pthread_mutex_lock(&rand_lock);
	drand48_r(&rand_state, &number);
	pthread_mutex_unlock(&rand_lock);
	return number;
}

/* ---- statistics and waits --------------------------------------------------------------------------------------- */

/** Newton's method from above: each step is smaller until the last digit is reached. */
static double
square_root(double x)
{
	double root = x > 1 ? x : 1, next;

	while ((next = (root + x / root) / 2) < root)
		root = next;
	return root;
}

double
d_stand_div(double *array, int nr)
{
	double mean = 0, squares = 0;
	int i;

	if (nr <= 0)
		return 0;
	for (i = 0; i < nr; i++)
		mean += array[i] / nr;
	for (i = 0; i < nr; i++)
		squares += (array[i] - mean) * (array[i] - mean);
	return square_root(squares / nr);
}

double
d_tm_compute_standard_dev(double sum_of_squares, uint64_t sample_size, double mean)
{
	double variance;

	if (sample_size < 2)
		return 0;
	variance = (sum_of_squares - (double)sample_size * mean * mean) / (double)(sample_size - 1);
	return variance > 0 ? square_root(variance) : 0;
}

int
d_backoff_seq_init(struct d_backoff_seq *seq, uint8_t nzeros, uint16_t factor, uint32_t next, uint32_t max)
{
	if (seq == NULL || factor == 0 || next == 0 || next > max)
		return -DER_INVAL;
	memset(seq, 0, sizeof(*seq));
	seq->bos_nzeros = nzeros;
	seq->bos_factor = factor;
	seq->bos_next = next;
	seq->bos_max = max;
	return 0;
}

void
d_backoff_seq_fini(struct d_backoff_seq *seq)
{
	(void)seq;
}

uint32_t
d_backoff_seq_next(struct d_backoff_seq *seq)
{
	uint32_t bound;

	if (seq->bos_nzeros > 0) {
		seq->bos_nzeros--;
		return 0;
	}
	bound = seq->bos_next;
	seq->bos_next = (uint32_t)MIN((uint64_t)bound * seq->bos_factor, (uint64_t)seq->bos_max);
	return (uint32_t)(d_randd() * bound) + 1;
}
