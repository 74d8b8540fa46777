/* SPDX-License-Identifier: Apache-2.0 */
/* pure/csum: against published check values, a bit-by-bit computation, and flipped bits. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/rand.h"
#include "base/sg.h"
#include "pure/csum/csum.h"

static const enum csum_type working[] = {CSUM_CRC16, CSUM_CRC32, CSUM_CRC64, CSUM_ADLER32};

static uint64_t
value_of(enum csum_type type, const void *data, size_t len)
{
	struct csum csum;

	assert_int_equal(csum_init(&csum, type), 0);
	csum_update(&csum, data, len);
	return csum_value(&csum);
}

static void
values_match_the_published_ones(void **state)
{
	/* The check values of the catalogues: the nine digits. */
	assert_true(csum_crc32c(0, "123456789", 9) == 0xe3069283);
	assert_true(value_of(CSUM_CRC32, "123456789", 9) == 0xe3069283);
	assert_true(value_of(CSUM_CRC64, "123456789", 9) == 0x995dc9bbdf1939faULL);
	assert_true(value_of(CSUM_ADLER32, "123456789", 9) == 0x091e01de);
	assert_true(csum_xxh64("", 0, 0) == 0xef46db3751d8e999ULL);
	assert_true(csum_xxh64("a", 1, 0) == 0xd24ec4f1a98c6e5bULL);
	/* RFC 3720, 32 bytes of zeros and of ones. */
	assert_true(csum_crc32c(0, (char[32]){0}, 32) == 0x8a9136aa);
}

/* x^16 + x^15 + x^11 + x^9 + x^8 + x^7 + x^5 + x^4 + x^2 + x + 1, most significant bit first, begun with ones. */
static uint16_t
slow_crc16(const unsigned char *data, size_t len)
{
	uint16_t crc = 0xffff;

	for (size_t i = 0; i < len; i++) {
		crc ^= (uint16_t)(data[i] << 8);
		for (int bit = 0; bit < 8; bit++)
			crc = (uint16_t)(crc & 0x8000 ? crc << 1 ^ 0x8bb7 : crc << 1);
	}
	return crc;
}

static uint64_t
slow_reflected(uint64_t poly, uint64_t mask, const unsigned char *data, size_t len)
{
	uint64_t crc = mask;

	for (size_t i = 0; i < len; i++) {
		crc ^= data[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ poly : crc >> 1;
	}
	return crc ^ mask;
}

static void
fast_values_agree_with_slow_ones_at_every_length(void **state)
{
	unsigned char data[1100];
	struct rand rand;

	rand_init(&rand, 1, 0);
	rand_fill(&rand, data, sizeof(data));
	for (size_t len = 0; len < 1000; len = len < 300 ? len + 1 : len + 37) {
		size_t at = len % 17;

		assert_true(value_of(CSUM_CRC16, data + at, len) == slow_crc16(data + at, len));
		assert_true(value_of(CSUM_CRC32, data + at, len) == slow_reflected(0x82f63b78, UINT32_MAX, data + at, len));
		assert_true(value_of(CSUM_CRC64, data + at, len) ==
			    slow_reflected(0xc96c5795d7870f42ULL, UINT64_MAX, data + at, len));
	}
}

static void
what_is_not_supported_says_so(void **state)
{
	struct csum csum;
	char out[8];

	for (int type = CSUM_SHA1; type <= CSUM_SHA512; type++) {
		struct iovec iov = {(void *)"x", 1};

		assert_false(csum_is_supported((uint64_t)type));
		assert_int_equal(csum_size(type), 0);
		assert_int_equal(csum_init(&csum, type), -DER_NOTSUPPORTED);
		assert_int_equal(csum_chunks(type, 1, 0, &iov, 1, 0, 1, out), -DER_NOTSUPPORTED);
		assert_int_equal(csum_verify(type, 1, 0, &iov, 1, 0, 1, out, NULL), -DER_NOTSUPPORTED);
	}
	assert_false(csum_is_supported(8));
	assert_false(csum_is_supported(UINT64_MAX));
	assert_int_equal(csum_init(&csum, 8), -DER_INVAL);
	assert_true(csum_is_supported(CSUM_OFF));
	assert_int_equal(csum_init(&csum, CSUM_OFF), 0);
	assert_int_equal(csum_chunks(CSUM_OFF, 1, 0, NULL, 0, 0, 10, NULL), 0);
	assert_int_equal(csum_verify(CSUM_OFF, 1, 0, NULL, 0, 0, 10, NULL, NULL), 0);
}

static void
values_do_not_depend_on_how_bytes_are_cut(void **state)
{
	unsigned char data[2000];
	struct rand rand;

	rand_init(&rand, 2, 0);
	rand_fill(&rand, data, sizeof(data));
	for (int round = 0; round < 400; round++) {
		enum csum_type type = working[rand_below(&rand, ARRAY_SIZE(working))];
		struct csum csum;
		size_t done = 0;

		csum_init(&csum, type);
		while (done < sizeof(data)) {
			size_t piece = rand_below(&rand, sizeof(data) - done + 1);

			csum_update(&csum, data + done, piece);
			done += piece;
		}
		assert_true(csum_value(&csum) == value_of(type, data, sizeof(data)));
	}
}

static void
every_flipped_bit_is_found_in_its_chunk(void **state)
{
	static unsigned char stored[600 * 8], same[600 * 8];
	unsigned char data[600];
	struct rand rand;

	rand_init(&rand, 3, 0);
	for (int round = 0; round < 3000; round++) {
		enum csum_type type = working[rand_below(&rand, ARRAY_SIZE(working))];
		uint64_t chunk = rand_between(&rand, 1, 200), start = rand_below(&rand, 1000), bad = 99, nr;
		size_t off = rand_below(&rand, 50), len = rand_between(&rand, 1, 500), bit, cut = rand_below(&rand, 601);
		struct iovec iov[2] = {{data, cut}, {data + cut, 600 - cut}}, flat = {data, 600};

		rand_fill(&rand, data, sizeof(data));
		nr = csum_chunk_nr(start, len, chunk);
		assert_int_equal(csum_chunks(type, chunk, start, iov, 2, off, len, stored), 0);
		assert_int_equal(csum_chunks(type, chunk, start, &flat, 1, off, len, same), 0);
		assert_memory_equal(stored, same, nr * csum_size(type));
		/* The same as each chunk by hand. */
		for (uint64_t i = 0, at = start; i < nr; i++) {
			uint64_t end = MIN((at / chunk + 1) * chunk, start + len);

			assert_true(csum_load(type, stored + i * csum_size(type)) ==
				    value_of(type, data + off + (at - start), end - at));
			at = end;
		}
		assert_int_equal(csum_verify(type, chunk, start, iov, 2, off, len, stored, &bad), 0);
		bit = rand_below(&rand, len * 8);
		data[off + bit / 8] ^= (unsigned char)(1 << bit % 8);
		assert_int_equal(csum_verify(type, chunk, start, iov, 2, off, len, stored, &bad), -DER_CSUM);
		assert_int_equal(bad, (start + bit / 8) / chunk - start / chunk);
		assert_int_equal(csum_verify(type, chunk, start, iov, 2, 550, 100, stored, &bad) == 0, 0);
	}
	assert_int_equal(csum_chunks(CSUM_CRC32, 64, 0, &(struct iovec){data, 10}, 1, 5, 6, stored), -DER_INVAL);
}

static void
chunks_do_not_cut_records(void **state)
{
	assert_int_equal(csum_chunk_bytes(32768, 1), 32768);
	assert_int_equal(csum_chunk_bytes(32768, 1000), 32000);
	assert_int_equal(csum_chunk_bytes(32768, 40000), 40000);
	assert_int_equal(csum_chunk_bytes(0, 0), 1);
	assert_int_equal(csum_chunk_nr(0, 0, 10), 0);
	assert_int_equal(csum_chunk_nr(0, 10, 10), 1);
	assert_int_equal(csum_chunk_nr(9, 2, 10), 2);
	assert_int_equal(csum_chunk_nr(5, 30, 10), 4);
	assert_true(csum_chunk_nr(UINT64_MAX - 10, 11, 10) == 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_match_the_published_ones),
		cmocka_unit_test(fast_values_agree_with_slow_ones_at_every_length),
		cmocka_unit_test(what_is_not_supported_says_so),
		cmocka_unit_test(values_do_not_depend_on_how_bytes_are_cut),
		cmocka_unit_test(every_flipped_bit_is_found_in_its_chunk),
		cmocka_unit_test(chunks_do_not_cut_records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
