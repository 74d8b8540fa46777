/* SPDX-License-Identifier: Apache-2.0 */
/* base: parsing and printing of what people write. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/mem_test.h"
#include "base/rand.h"
#include "base/text.h"

static void
numbers_are_read_whole_or_refused(void **state)
{
	static const struct {
		const char *text;
		int rc;
		uint64_t value;
	} cases[] = {
		{"0", 0, 0}, {"18446744073709551615", 0, UINT64_MAX}, {"0xff", 0, 255}, {"0XaB", 0, 0xab}, {"007", 0, 7},
		{"18446744073709551616", -DER_OVERFLOW, 0}, {"0x10000000000000000", -DER_OVERFLOW, 0},
		{"", -DER_INVAL, 0}, {"-1", -DER_INVAL, 0}, {"+1", -DER_INVAL, 0}, {" 1", -DER_INVAL, 0}, {"1 ", -DER_INVAL, 0},
		{"0x", -DER_INVAL, 0}, {"12a", -DER_INVAL, 0},
	};
	uint64_t value;
	uint32_t small = 9;
	int64_t with_sign;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		value = 77;
		assert_int_equal(text_parse_u64(cases[i].text, &value), cases[i].rc);
		assert_true(value == (cases[i].rc == 0 ? cases[i].value : 77));
	}
	assert_int_equal(text_parse_u32("4294967296", &small), -DER_OVERFLOW);
	assert_int_equal(small, 9);
	assert_int_equal(text_parse_u32("4294967295", &small), 0);
	assert_int_equal(text_parse_i64("-9223372036854775808", &with_sign), 0);
	assert_true(with_sign == INT64_MIN);
	assert_int_equal(text_parse_i64("9223372036854775808", &with_sign), -DER_OVERFLOW);
	assert_int_equal(text_parse_i64("--1", &with_sign), -DER_INVAL);
	assert_int_equal(text_parse_i64("-", &with_sign), -DER_INVAL);
}

static void
sizes_are_read_with_their_units(void **state)
{
	static const struct {
		const char *text;
		int rc;
		uint64_t bytes;
	} cases[] = {
		{"0", 0, 0}, {"512", 0, 512}, {"512B", 0, 512}, {"10MB", 0, 10000000}, {"8 GiB", 0, 8 * GIB}, {" 4k ", 0, 4000},
		{"4Ki", 0, 4096}, {"64KiB", 0, 65536}, {"1.5TiB", 0, 3 * (1ULL << 39)}, {"0.5 kb", 0, 500}, {"1.0009k", 0, 1000},
		{"15EiB", 0, 15ULL << 60}, {"16EiB", -DER_OVERFLOW, 0}, {"20EB", -DER_OVERFLOW, 0},
		{"99999999999999999999", -DER_OVERFLOW, 0},
		{"", -DER_INVAL, 0}, {"GiB", -DER_INVAL, 0}, {"-1", -DER_INVAL, 0}, {"1.", -DER_INVAL, 0}, {".5k", -DER_INVAL, 0},
		{"1 x", -DER_INVAL, 0}, {"1 GiBs", -DER_INVAL, 0}, {"1Bi", -DER_INVAL, 0}, {"1 G B", -DER_INVAL, 0},
		{"1i", -DER_INVAL, 0}, {"50%", -DER_INVAL, 0}, {"1iB", -DER_INVAL, 0},
	};
	uint64_t bytes;
	uint32_t percent = 0;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		bytes = 77;
		assert_int_equal(text_parse_size(cases[i].text, &bytes), cases[i].rc);
		assert_true(bytes == (cases[i].rc == 0 ? cases[i].bytes : 77));
	}
	assert_int_equal(text_parse_percent("50%", &percent), 0);
	assert_int_equal(percent, 50);
	assert_int_equal(text_parse_percent("100", &percent), 0);
	assert_int_equal(text_parse_percent("101%", &percent), -DER_INVAL);
	assert_int_equal(text_parse_percent("5%%", &percent), -DER_INVAL);
	assert_int_equal(text_parse_share("25 %", UINT64_MAX, &bytes), 0);
	assert_true(bytes == UINT64_MAX / 4);
	assert_int_equal(text_parse_share("1 KiB", 5, &bytes), 0);
	assert_int_equal(bytes, 1024);
	assert_int_equal(text_parse_share("200%", 5, &bytes), -DER_INVAL);
}

static void
sizes_are_printed_for_people(void **state)
{
	char buf[TEXT_SIZE_MAX];

	assert_string_equal(text_print_size(buf, 0), "0 B");
	assert_string_equal(text_print_size(buf, 1023), "1023 B");
	assert_string_equal(text_print_size(buf, 1024), "1.0 KiB");
	assert_string_equal(text_print_size(buf, 8 * GIB), "8.0 GiB");
	assert_string_equal(text_print_size(buf, 128 * MIB), "128 MiB");
	assert_string_equal(text_print_size(buf, UINT64_MAX), "16 EiB");
	assert_string_equal(text_print_size_si(buf, 8589934592ULL), "8.6 GB");
	assert_string_equal(text_print_size_si(buf, 999), "999 B");
	assert_string_equal(text_print_size_si(buf, UINT64_MAX), "18 EB");
}

static void
durations_are_read_as_printed(void **state)
{
	static const char *const bad[] = {"", "h", "1x", "1m1h", "1m1m", "1s 5", "-1s", "1.5s", "99999999999999d", "5 5"};
	char buf[TEXT_DURATION_MAX];
	struct rand rand;
	uint64_t ns = 0;

	rand_init(&rand, 3, 0);
	assert_int_equal(text_parse_duration("10", &ns), 0);
	assert_true(ns == 10 * NS_PER_S);
	assert_int_equal(text_parse_duration(" 1h 30m ", &ns), 0);
	assert_true(ns == 5400 * NS_PER_S);
	assert_string_equal(text_print_duration(buf, ns), "1h30m");
	assert_string_equal(text_print_duration(buf, 250 * NS_PER_MS), "250ms");
	assert_string_equal(text_print_duration(buf, 0), "0s");
	assert_string_equal(text_print_duration(buf, UINT64_MAX), "213503d23h34m33s709ms551us615ns");
	for (int round = 0; round < 2000; round++) {
		uint64_t want = rand_u64(&rand) >> rand_below(&rand, 64);

		assert_int_equal(text_parse_duration(text_print_duration(buf, want), &ns), 0);
		assert_true(ns == want);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_not_equal(text_parse_duration(bad[i], &ns), 0);
}

static void
uuids_are_read_and_printed(void **state)
{
	static const char text[] = "00112233-4455-6677-8899-aabbccddeeff";
	static const char *const bad[] = {
		"", "00112233-4455-6677-8899-aabbccddeef", "00112233-4455-6677-8899-aabbccddeefff",
		"0011223304455-6677-8899-aabbccddeeff", "00112233-4455-6677-8899-aabbccddeefg", "00112233-4455-6677-8899_aabbccddeeff",
	};
	unsigned char uuid[16], same[16];
	char buf[TEXT_UUID_SIZE];

	assert_int_equal(text_parse_uuid(text, uuid), 0);
	for (int i = 0; i < 16; i++)
		assert_int_equal(uuid[i], i * 0x11);
	assert_string_equal(text_print_uuid(buf, uuid), text);
	assert_int_equal(text_parse_uuid("00112233-4455-6677-8899-AABBCCDDEEFF", same), 0);
	assert_memory_equal(uuid, same, 16);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(text_parse_uuid(bad[i], same), -DER_INVAL);
}

static void
labels_follow_the_rule(void **state)
{
	char longest[130];

	memset(longest, 'a', sizeof(longest));
	longest[127] = '\0';
	assert_true(text_label_is_valid(longest));
	longest[127] = 'a';
	longest[128] = '\0';
	assert_false(text_label_is_valid(longest));
	assert_true(text_label_is_valid("a"));
	assert_true(text_label_is_valid("Pool.1_x:y-z"));
	assert_false(text_label_is_valid(""));
	assert_false(text_label_is_valid(NULL));
	assert_false(text_label_is_valid("a b"));
	assert_false(text_label_is_valid("a/b"));
	assert_false(text_label_is_valid("\xc3\xa4"));
	assert_false(text_label_is_valid("00112233-4455-6677-8899-aabbccddeeff"));
	assert_true(text_label_is_valid("00112233-4455-6677-8899-aabbccddeefg"));
}

static void
rank_sets_are_sorted_and_bounded(void **state)
{
	static const char *const bad[] = {"x", "1,", ",1", "1-", "3-1", "[1", "1]", "[1]2", "1 2", "1--2", "-1", "[[1]]", "]"};
	struct mem_test test;
	struct strbuf buf;
	struct rand rand;
	uint32_t *ranks, nr;

	mem_test_init(&test);
	rand_init(&rand, 1, 0);
	assert_int_equal(text_parse_ranks(&test.mem, " [5, 0-3,2-4 ,9] ", 10, &ranks, &nr), 0);
	assert_int_equal(nr, 7);
	strbuf_init(&buf, &test.mem);
	text_print_ranks(&buf, ranks, nr);
	assert_string_equal(strbuf_text(&buf), "0-5,9");
	strbuf_fini(&buf);
	mem_free(&test.mem, ranks);
	assert_int_equal(text_parse_ranks(&test.mem, "", 10, &ranks, &nr), 0);
	assert_int_equal(nr, 0);
	assert_int_equal(text_parse_ranks(&test.mem, "[]", 10, &ranks, &nr), 0);
	assert_null(ranks);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(text_parse_ranks(&test.mem, bad[i], 100, &ranks, &nr), -DER_INVAL);
	test.asked = 0;
	assert_int_equal(text_parse_ranks(&test.mem, "0-4294967295", 1000, &ranks, &nr), -DER_OVERFLOW);
	assert_int_equal(text_parse_ranks(&test.mem, "1000", 1000, &ranks, &nr), -DER_OVERFLOW);
	assert_int_equal(text_parse_ranks(&test.mem, "99999999999999999999", 1000, &ranks, &nr), -DER_OVERFLOW);
	assert_int_equal(test.asked, 0);
	for (size_t nth = 1; nth <= 2; nth++) {
		mem_test_fail(&test, nth);
		assert_int_equal(text_parse_ranks(&test.mem, "1-5", 1000, &ranks, &nr), -DER_NOMEM);
		assert_int_equal(test.outstanding, 0);
	}
	mem_test_fail(&test, 0);
	for (int round = 0; round < 300; round++) {
		uint32_t in[40], in_nr = 0, *out, out_nr;

		for (uint32_t rank = 0; rank < 40; rank++)
			if (!rand_one_in(&rand, 3))
				in[in_nr++] = rank;
		strbuf_init(&buf, &test.mem);
		text_print_ranks(&buf, in, in_nr);
		assert_int_equal(text_parse_ranks(&test.mem, strbuf_text(&buf), 40, &out, &out_nr), 0);
		assert_int_equal(out_nr, in_nr);
		assert_memory_equal(in, out, in_nr * sizeof(*in));
		mem_free(&test.mem, out);
		strbuf_fini(&buf);
	}
	assert_int_equal(test.outstanding, 0);
}

static void
texts_are_split_and_trimmed(void **state)
{
	struct text_span rest = text_span_of("a,, b ,"), piece;
	char buf[4];

	assert_true(text_split(&rest, ',', &piece));
	assert_true(text_equal(piece, "a"));
	assert_true(text_split(&rest, ',', &piece));
	assert_true(text_equal(piece, ""));
	assert_true(text_split(&rest, ',', &piece));
	assert_true(text_equal(piece, " b "));
	assert_true(text_equal(text_trim(piece), "b"));
	assert_true(text_equal_nocase(text_trim(piece), "B"));
	assert_false(text_equal_nocase(text_trim(piece), "BC"));
	assert_true(text_split(&rest, ',', &piece));
	assert_true(text_equal(piece, ""));
	assert_false(text_split(&rest, ',', &piece));
	assert_int_equal(text_trim(text_span_of(" \t\n ")).len, 0);
	assert_int_equal(text_copy(text_span_of("abc"), buf, sizeof(buf)), 0);
	assert_string_equal(buf, "abc");
	assert_int_equal(text_copy(text_span_of("abcd"), buf, sizeof(buf)), -DER_OVERFLOW);
	assert_int_equal(text_copy((struct text_span){.at = "a\0b", .len = 3}, buf, sizeof(buf)), -DER_INVAL);
}

static void
string_buffers_grow_or_cut_and_keep_their_nul(void **state)
{
	struct mem_test test;
	struct strbuf buf;
	char fixed[10], *text;
	int rc = -1;

	mem_test_init(&test);
	for (size_t nth = 1; rc != 0; nth++) {
		mem_test_fail(&test, nth);
		strbuf_init(&buf, &test.mem);
		assert_string_equal(strbuf_text(&buf), "");
		for (int i = 0; i < 50; i++) {
			strbuf_add(&buf, "ab");
			strbuf_add_char(&buf, 'c');
			strbuf_addf(&buf, "%0300d", i);
		}
		rc = strbuf_take(&buf, &text);
		if (rc == 0) {
			assert_int_equal(strlen(text), 50 * 303);
			mem_free(&test.mem, text);
		} else {
			assert_int_equal(rc, -DER_NOMEM);
		}
		assert_int_equal(test.outstanding, 0);
	}
	strbuf_init_fixed(&buf, fixed, sizeof(fixed));
	strbuf_add(&buf, "12345");
	strbuf_cut(&buf, 4);
	strbuf_cut(&buf, 100);
	strbuf_addf(&buf, "%s", "abc");
	assert_int_equal(buf.rc, 0);
	assert_string_equal(fixed, "1234abc");
	strbuf_addf(&buf, "%s", "defgh");
	assert_int_equal(buf.rc, -DER_TRUNC);
	assert_string_equal(fixed, "1234abcde");
	strbuf_add(&buf, "x");
	assert_string_equal(fixed, "1234abcde");
	strbuf_init_fixed(&buf, fixed, sizeof(fixed));
	strbuf_addf(&buf, "%0300d", 5);
	assert_string_equal(fixed, "000000000");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_read_whole_or_refused),
		cmocka_unit_test(sizes_are_read_with_their_units),
		cmocka_unit_test(sizes_are_printed_for_people),
		cmocka_unit_test(durations_are_read_as_printed),
		cmocka_unit_test(uuids_are_read_and_printed),
		cmocka_unit_test(labels_follow_the_rule),
		cmocka_unit_test(rank_sets_are_sorted_and_bounded),
		cmocka_unit_test(texts_are_split_and_trimmed),
		cmocka_unit_test(string_buffers_grow_or_cut_and_keep_their_nul),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
