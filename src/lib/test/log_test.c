/* SPDX-License-Identifier: Apache-2.0 */
/* libgurt: which lines reach the log, and in what form. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <gurt/common.h>
#include <sys/stat.h>
#include <unistd.h>

static char log_file[64];

static void
open_log(const char *log_mask, const char *dd_mask)
{
	d_unsetenv(DD_FAC_ENV);
	d_unsetenv(DD_STDERR_ENV);
	d_setenv(D_LOG_FILE_ENV, log_file, 1);
	d_setenv(D_LOG_TRUNCATE_ENV, "1", 1);
	if (log_mask != NULL)
		d_setenv(D_LOG_MASK_ENV, log_mask, 1);
	else
		d_unsetenv(D_LOG_MASK_ENV);
	if (dd_mask != NULL)
		d_setenv(DD_MASK_ENV, dd_mask, 1);
	else
		d_unsetenv(DD_MASK_ENV);
	assert_int_equal(d_log_init(), 0);
}

/** How often a text stands in the log. */
static int
times(const char *text)
{
	static char content[1 << 20];
	FILE *file = fopen(log_file, "r");
	int nr = 0;
	char *at;

	assert_non_null(file);
	content[fread(content, 1, sizeof(content) - 1, file)] = '\0';
	fclose(file);
	for (at = content; (at = strstr(at, text)) != NULL; at++)
		nr++;
	return nr;
}

static void
before_the_log_is_open_lines_are_dropped(void **state)
{
	D_ERROR("nobody listens\n");
	assert_int_equal(d_log_check(DLOG_ERR), 0);
}

static void
by_default_warnings_and_worse_are_written(void **state)
{
	open_log(NULL, NULL);
	D_INFO("an info line\n");
	D_DEBUG(DB_IO, "a debug line\n");
	D_WARN("a warning line\n");
	D_ERROR("an error line %d\n", 42);
	DL_ERROR(-DER_NOSPACE, "it failed");
	DS_ERROR(ENOENT, "the file");
	DHL_WARN(log_file, -DER_BUSY, "a pointer");
	d_log_sync();
	d_log_fini();
	assert_int_equal(times("info line"), 0);
	assert_int_equal(times("debug line"), 0);
	assert_int_equal(times("WARN "), 2);
	assert_int_equal(times("an error line 42\n"), 1);
	assert_int_equal(times("it failed: DER_NOSPACE(-1007): 'No space left'\n"), 1);
	assert_int_equal(times("the file: 2 (No such file or directory)\n"), 1);
	assert_int_equal(times("misc"), 5);
	assert_int_equal(times("log_test.c"), 5);
	D_ERROR("after the end\n");
	assert_int_equal(times("after the end"), 0);
}

static void
masks_choose_by_facility_and_kind(void **state)
{
	char masks[256];
	int fac = -1;

	open_log("ERR,misc=DEBUG", "io,net");
	assert_int_equal(d_init_log_facility(&fac, "mine", "my facility"), 0);
	assert_int_equal(d_add_log_facility("mine", NULL), fac);
	D_DEBUG(DB_IO, "io line\n");
	D_DEBUG(DB_MEM, "mem line\n");
	D_INFO("info line\n");
	d_log(fac | DLOG_WARN, "mine warns\n");
	d_log(fac | DLOG_ERR, "mine fails\n");
	assert_int_equal(d_log_setmasks("mine=WARN", -1), 1);
	d_log(fac | DLOG_WARN, "mine warns again, without newline");
	assert_int_equal(d_log_setmasks("mine=NOSUCH", -1), -1);
	assert_true(d_log_getmasks(masks, 0, sizeof(masks), 0) > 0);
	assert_non_null(strstr(masks, "misc=debug"));
	assert_non_null(strstr(masks, "mine=warn"));
	assert_non_null(strstr(masks, "mem=err"));
	d_log_setlogmask(fac, DLOG_DBG);
	d_log_fini();
	assert_int_equal(times("io line"), 1);
	assert_int_equal(times("mem line"), 0);
	assert_int_equal(times("info line"), 1);
	assert_int_equal(times("mine warns\n"), 0);
	assert_int_equal(times("mine fails\n"), 1);
	assert_int_equal(times("mine warns again, without newline\n"), 1);
}

static void
kinds_and_groups_have_names(void **state)
{
	d_dbug_t bit = 0, other = 0;

	open_log("misc=DEBUG", NULL);
	assert_int_equal(d_log_dbg_bit_alloc(&bit, (char *)"io", NULL), 0);
	assert_true(bit == DB_IO);
	assert_int_equal(d_log_dbg_bit_alloc(&bit, (char *)"special", (char *)"very special"), 0);
	assert_true(bit != 0 && (bit & DLOG_DBG) == bit && (bit & (DB_IO | DB_TEST)) == 0);
	assert_int_equal(d_log_getdbgbit(&other, (char *)"very special"), 0);
	assert_true(other == bit);
	assert_int_equal(d_log_dbg_grp_alloc(bit | DB_IO, (char *)"both", 0), 0);
	assert_int_equal(d_log_dbg_grp_alloc(bit, (char *)"both", 0), -1);
	d_log_sync_mask_ex("misc=DEBUG", "both");
	D_DEBUG(bit, "special line\n");
	D_DEBUG(DB_IO, "io line\n");
	D_DEBUG(DB_NET, "net line\n");
	assert_int_equal(d_log_dbg_grp_dealloc((char *)"both"), 0);
	assert_int_equal(d_log_dbg_bit_dealloc((char *)"special"), 0);
	assert_int_equal(d_log_dbg_bit_dealloc((char *)"special"), -1);
	d_log_fini();
	assert_int_equal(times("special line"), 1);
	assert_int_equal(times("io line"), 1);
	assert_int_equal(times("net line"), 0);
}

static void
remembered_checks_are_cleared_when_masks_change(void **state)
{
	static int cache[3] = {0, 1, 2};
	int i;

	open_log(NULL, NULL);
	d_log_add_cache(cache, 3);
	d_log_setmasks("DEBUG", -1);
	for (i = 0; i < 3; i++)
		assert_int_equal(cache[i], -1);
	d_log_fini();
}

static void
a_large_log_is_put_aside(void **state)
{
	char old[80], text[1000];
	struct stat st;
	int i;

	snprintf(old, sizeof(old), "%s.old", log_file);
	d_setenv(D_LOG_SIZE_ENV, "1M", 1);
	open_log(NULL, NULL);
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	for (i = 0; i < 1500; i++)
		D_ERROR("%s\n", text);
	d_log_fini();
	d_unsetenv(D_LOG_SIZE_ENV);
	assert_int_equal(stat(log_file, &st), 0);
	assert_true(st.st_size < 1 << 20);
	assert_int_equal(stat(old, &st), 0);
	assert_true(st.st_size <= 1 << 20 && st.st_size > 1 << 19);
	unlink(old);
}

static void
lines_longer_than_a_page_are_cut(void **state)
{
	static char text[20000];

	memset(text, 'y', sizeof(text) - 1);
	open_log(NULL, NULL);
	D_ERROR("%s end\n", text);
	D_ERROR("next\n");
	d_log_fini();
	assert_int_equal(times("y end"), 0);
	assert_int_equal(times("y\n"), 1);
	assert_int_equal(times("next\n"), 1);
}

static int asserted;

static void
on_assert(const int result, const char *expr, const char *file, const int line)
{
	asserted++;
	assert_string_equal(expr, "1 == 2");
	/* As a test harness does: does not come back. */
	pthread_exit(NULL);
}

static void *
fail_an_assertion(void *arg)
{
	D_ASSERT(1 == 1);
	D_ASSERT(1 == 2);
	return NULL;
}

static void
failed_assertions_call_who_registered(void **state)
{
	pthread_t thread;

	assert_int_equal(d_register_alt_assert(NULL), -DER_INVAL);
	assert_int_equal(d_register_alt_assert(on_assert), 0);
	assert_int_equal(pthread_create(&thread, NULL, fail_an_assertion, NULL), 0);
	pthread_join(thread, NULL);
	assert_int_equal(asserted, 1);
	d_alt_assert = NULL;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(before_the_log_is_open_lines_are_dropped),
		cmocka_unit_test(by_default_warnings_and_worse_are_written),
		cmocka_unit_test(masks_choose_by_facility_and_kind),
		cmocka_unit_test(kinds_and_groups_have_names),
		cmocka_unit_test(remembered_checks_are_cleared_when_masks_change),
		cmocka_unit_test(a_large_log_is_put_aside),
		cmocka_unit_test(lines_longer_than_a_page_are_cut),
		cmocka_unit_test(failed_assertions_call_who_registered),
	};
	int failed;

	snprintf(log_file, sizeof(log_file), "/tmp/log_test.%d", (int)getpid());
	failed = cmocka_run_group_tests_name("log", tests, NULL, NULL);
	unlink(log_file);
	return failed;
}
