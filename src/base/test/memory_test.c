/* SPDX-License-Identifier: Apache-2.0 */
/* base: memory, arenas, log lines and error names. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <errno.h>
#include <cmocka.h>
#include <stdio.h>
#include "base/base.h"
#include "base/errmap.h"
#include "base/mem_test.h"
#include "base/rand.h"

static void
allocated_memory_is_zeroed_and_aligned(void **state)
{
	struct mem_test test;

	mem_test_init(&test);
	for (size_t size = 0; size < 200; size++) {
		unsigned char *ptr = mem_alloc(&test.mem, size);

		assert_non_null(ptr);
		assert_int_equal((uintptr_t)ptr % 16, 0);
		for (size_t i = 0; i < size; i++)
			assert_int_equal(ptr[i], 0);
		mem_free(&test.mem, ptr);
	}
	mem_free(&test.mem, NULL);
	assert_int_equal(test.outstanding, 0);
}

static void
a_count_that_overflows_gives_no_memory(void **state)
{
	struct mem_test test;
	struct arena arena;

	mem_test_init(&test);
	assert_null(MEM_NEW_ARRAY(&test.mem, uint64_t, SIZE_MAX / 4));
	assert_null(mem_grow(&test.mem, NULL, 0, SIZE_MAX / 4, 8));
	arena_init(&arena, &test.mem);
	assert_null(ARENA_NEW_ARRAY(&arena, uint64_t, SIZE_MAX / 4));
	assert_null(arena_alloc(&arena, SIZE_MAX - 3));
	assert_int_equal(test.asked, 0);
	arena_fini(&arena);
}

static void
growing_keeps_old_elements_and_zeroes_new_ones(void **state)
{
	struct mem_test test;
	uint32_t *list = NULL, nr = 0;

	mem_test_init(&test);
	for (uint32_t more = 1; more < 40; more += 3) {
		uint32_t *grown;

		mem_test_fail(&test, 1);
		assert_null(mem_grow(&test.mem, list, nr, nr + more, sizeof(*list)));
		mem_test_fail(&test, 0);
		grown = mem_grow(&test.mem, list, nr, nr + more, sizeof(*list));
		assert_non_null(grown);
		for (uint32_t i = 0; i < nr; i++)
			assert_int_equal(grown[i], i + 1);
		for (uint32_t i = nr; i < nr + more; i++) {
			assert_int_equal(grown[i], 0);
			grown[i] = i + 1;
		}
		list = grown;
		nr += more;
	}
	mem_free(&test.mem, list);
	assert_int_equal(test.outstanding, 0);
}

static void
copied_text_ends_with_nul(void **state)
{
	struct mem_test test;
	char *text;

	mem_test_init(&test);
	text = mem_strndup(&test.mem, "abcdef", 3);
	assert_string_equal(text, "abc");
	mem_free(&test.mem, text);
	text = mem_strndup(&test.mem, "ab", 30);
	assert_string_equal(text, "ab");
	mem_free(&test.mem, text);
	text = mem_strdup(&test.mem, "");
	assert_string_equal(text, "");
	mem_free(&test.mem, text);
	assert_int_equal(test.outstanding, 0);
}

static void
arena_pieces_do_not_overlap_and_die_together(void **state)
{
	struct mem_test test;
	struct arena arena;
	struct rand rand;
	unsigned char *piece[500];
	size_t size[500];

	mem_test_init(&test);
	rand_init(&rand, 1, 0);
	arena_init(&arena, &test.mem);
	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < ARRAY_SIZE(piece); i++) {
			size[i] = rand_below(&rand, rand_one_in(&rand, 20) ? 20000 : 300);
			piece[i] = arena_alloc(&arena, size[i]);
			assert_non_null(piece[i]);
			assert_int_equal((uintptr_t)piece[i] % 16, 0);
			for (size_t k = 0; k < size[i]; k++)
				assert_int_equal(piece[i][k], 0);
			memset(piece[i], (int)i, size[i]);
		}
		for (size_t i = 0; i < ARRAY_SIZE(piece); i++)
			for (size_t k = 0; k < size[i]; k++)
				assert_int_equal(piece[i][k], i & 0xff);
		arena_fini(&arena);
		assert_int_equal(test.outstanding, 0);
	}
}

static void
an_arena_survives_every_failed_allocation(void **state)
{
	struct mem_test test;
	struct arena arena;

	mem_test_init(&test);
	for (size_t nth = 1; nth < 12; nth++) {
		size_t got = 0;

		arena_init(&arena, &test.mem);
		mem_test_fail(&test, nth);
		for (int i = 0; i < 100; i++) {
			size_t size = i % 7 == 0 ? 3000 : 200;
			char *piece = arena_alloc(&arena, size);

			if (piece != NULL) {
				memset(piece, 1, size);
				got++;
			}
		}
		assert_in_range(got, 99, 100);
		assert_non_null(arena_dup(&arena, "x", 2));
		arena_fini(&arena);
		assert_int_equal(test.outstanding, 0);
	}
}

struct log_catcher {
	struct log log;
	int lines;
	char last[2048];
};

static void
catch_line(struct log *log, enum log_level level, const char *facility, const char *line)
{
	struct log_catcher *catcher = container_of(log, struct log_catcher, log);

	catcher->lines++;
	snprintf(catcher->last, sizeof(catcher->last), "%d %s %s", level, facility, line);
}

static enum log_level
level_of(struct log *log, const char *facility)
{
	return strcmp(facility, "base") == 0 ? LOG_WARN : LOG_DEBUG;
}

static void
log_lines_below_the_level_are_dropped(void **state)
{
	struct log_catcher catcher = {.log = {.write = catch_line, .base_level = LOG_INFO}};

	log_debug(&catcher.log, "no");
	log_debug(NULL, "no");
	assert_int_equal(catcher.lines, 0);
	log_info(&catcher.log, "rc " RCF, RCP(-DER_NOSPACE));
	assert_string_equal(catcher.last, "1 base rc DER_NOSPACE(-1007)");
	catcher.log.level_of = level_of;
	log_note(&catcher.log, "no");
	assert_int_equal(catcher.lines, 1);
	log_warn(&catcher.log, "yes");
	assert_int_equal(catcher.lines, 2);
}

static void
a_log_line_is_one_line_and_bounded(void **state)
{
	struct log_catcher catcher = {.log = {.write = catch_line}};
	char big[5000];

	memset(big, 'x', sizeof(big));
	big[sizeof(big) - 1] = '\0';
	log_error(&catcher.log, "a\nb\tc %s", big);
	assert_int_equal(catcher.lines, 1);
	assert_null(strchr(catcher.last, '\n'));
	assert_int_equal(strncmp(catcher.last, "4 base a b c xxx", 16), 0);
	assert_string_equal(catcher.last + strlen(catcher.last) - 3, "...");
}

static void
error_numbers_and_names_are_frozen(void **state)
{
	assert_int_equal(DER_NO_PERM, 1001);
	assert_int_equal(DER_QUOTA_LIMIT, 1046);
	assert_int_equal(DER_IO, 2001);
	assert_int_equal(DER_CONT_NONEXIST, 2050);
	assert_int_equal(DER_UNKNOWN, 501000);
	assert_string_equal(d_errstr(0), "DER_SUCCESS");
	assert_string_equal(d_errstr(-DER_QUOTA_LIMIT), "DER_QUOTA_LIMIT");
	assert_string_equal(d_errstr(DER_CONT_NONEXIST), "DER_CONT_NONEXIST");
	assert_string_equal(d_errdesc(-DER_NOMEM), "Out of memory");
	for (int rc = -3000; rc < 3000; rc++) {
		assert_non_null(d_errstr(rc));
		assert_non_null(d_errdesc(rc));
	}
	assert_string_equal(d_errstr(1000), "DER_UNKNOWN");
	assert_string_equal(d_errstr(1047), "DER_UNKNOWN");
	assert_string_equal(d_errstr(2051), "DER_UNKNOWN");
	assert_string_equal(d_errstr(INT32_MIN), "DER_UNKNOWN");
}

static void
system_errors_map_as_the_interface_says(void **state)
{
	assert_int_equal(err_from_errno(EACCES), -DER_NO_PERM);
	assert_int_equal(err_from_errno(EFAULT), -DER_MISC);
	assert_int_equal(err_from_errno(-5), -DER_UNKNOWN);
	assert_int_equal(err_from_errno(0), 0);
	assert_int_equal(err_to_errno(0), 0);
	assert_int_equal(err_to_errno(-DER_NONEXIST), ENOENT);
	assert_int_equal(err_to_errno(-DER_TX_RESTART), ERESTART);
	assert_int_equal(err_to_errno(-DER_CSUM), EIO);
	assert_int_equal(err_to_errno(7), EINVAL);
	assert_int_equal(err_to_errno(INT32_MIN), EIO);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(allocated_memory_is_zeroed_and_aligned),
		cmocka_unit_test(a_count_that_overflows_gives_no_memory),
		cmocka_unit_test(growing_keeps_old_elements_and_zeroes_new_ones),
		cmocka_unit_test(copied_text_ends_with_nul),
		cmocka_unit_test(arena_pieces_do_not_overlap_and_die_together),
		cmocka_unit_test(an_arena_survives_every_failed_allocation),
		cmocka_unit_test(log_lines_below_the_level_are_dropped),
		cmocka_unit_test(a_log_line_is_one_line_and_bounded),
		cmocka_unit_test(error_numbers_and_names_are_frozen),
		cmocka_unit_test(system_errors_map_as_the_interface_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
