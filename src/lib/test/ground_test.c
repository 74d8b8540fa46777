/* SPDX-License-Identifier: Apache-2.0 */
/* libgurt: memory, ranks, environment, numbers, clock, faults. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <gurt/common.h>
#include <gurt/slab.h>
#include <limits.h>
#include <unistd.h>

/* ---- memory ----------------------------------------------------------------------------------------------------- */

static void
reallocation_moves_zeroes_and_clears_the_old_pointer(void **state)
{
	uint32_t *old, *new;
	int i;

	D_ALLOC_ARRAY(old, 4);
	assert_non_null(old);
	for (i = 0; i < 4; i++)
		old[i] = 7;
	D_REALLOC_ARRAY(new, old, 4, 1000);
	assert_non_null(new);
	assert_null(old);
	for (i = 0; i < 1000; i++)
		assert_int_equal(new[i], i < 4 ? 7 : 0);
	D_REALLOC_ARRAY(new, new, 1000, 2);
	assert_int_equal(new[1], 7);
	D_REALLOC_Z(old, new, 64);
	assert_int_equal(old[0], 0);
	new = old;
	/* More than there can be: the old memory stays. */
	D_REALLOC_ARRAY(old, new, 1, SIZE_MAX / 2);
	assert_null(old);
	assert_non_null(new);
	D_FREE(new);
	assert_null(new);
}

static void
strings_and_paths_are_copied(void **state)
{
	char *text, *path;
	int rc;

	D_ASPRINTF(text, "%d-%s", 42, "x");
	assert_string_equal(text, "42-x");
	D_FREE(text);
	D_STRNDUP(text, "abcdef", 3);
	assert_string_equal(text, "abc");
	D_FREE(text);
	D_STRNDUP_S(text, "whole");
	assert_string_equal(text, "whole");
	D_FREE(text);
	rc = d_asprintf(&text, "%s", "y");
	assert_int_equal(rc, 1);
	D_FREE(text);
	D_REALPATH(path, "/usr/..");
	assert_string_equal(path, "/");
	D_FREE(path);
	D_REALPATH(path, "/no/such/path");
	assert_null(path);
	D_ALIGNED_ALLOC(text, 4096, 8192);
	assert_true(((uintptr_t)text & 4095) == 0);
	assert_int_equal(text[8191], 0);
	D_FREE(text);
}

static void
count_bytes(void *arg, size_t size)
{
	*(size_t *)arg += size;
}

static void
drop_bytes(void *arg, size_t size)
{
	*(size_t *)arg -= size;
}

static void
a_thread_can_follow_what_it_allocates(void **state)
{
	size_t outstanding = 0;
	char *a, *b;

	d_set_alloc_track_cb(count_bytes, drop_bytes, &outstanding);
	D_ALLOC(a, 100);
	assert_true(outstanding >= 100);
	D_REALLOC(b, a, 100, 5000);
	assert_true(outstanding >= 5000);
	D_FREE(b);
	assert_int_equal(outstanding, 0);
	d_set_alloc_track_cb(NULL, NULL, NULL);
}

static void
string_buffers_grow(void **state)
{
	struct d_string_buffer_t buf = {0};
	size_t len = 0;
	int i;

	for (i = 0; i < 1000; i++) {
		assert_int_equal(d_write_string_buffer(&buf, "%d,", i), 0);
		len += (size_t)snprintf(NULL, 0, "%d,", i);
		assert_int_equal(buf.str_size, len);
	}
	assert_int_equal(strlen(buf.str), len);
	assert_memory_equal(buf.str, "0,1,2,3,", 8);
	d_free_string(&buf);
	assert_null(buf.str);
}

static void
pointer_vectors_grow(void **state)
{
	struct d_vec_pointers vec;
	uintptr_t i;

	assert_int_equal(d_vec_pointers_init(&vec, 0), 0);
	for (i = 0; i < 100; i++)
		assert_int_equal(d_vec_pointers_append(&vec, (void *)i), 0);
	for (i = 0; i < 100; i++)
		assert_ptr_equal(vec.p_buf[i], (void *)i);
	d_vec_pointers_fini(&vec);
}

static void
scatter_lists_know_their_size(void **state)
{
	d_sg_list_t a, b;
	int i;

	assert_int_equal(d_sgl_init(&a, 3), 0);
	assert_int_equal(d_sgl_init(&b, 2), 0);
	for (i = 0; i < 3; i++)
		d_iov_set(&a.sg_iovs[i], d_calloc(1, 10), 10);
	for (i = 0; i < 2; i++)
		d_iov_set(&b.sg_iovs[i], d_calloc(1, 4), 4);
	memset(a.sg_iovs[1].iov_buf, 'x', 10);
	d_sgl_buf_copy(&b, &a);
	assert_memory_equal(b.sg_iovs[1].iov_buf, "xxxx", 4);
	assert_int_equal(b.sg_iovs[1].iov_len, 4);
	assert_int_equal(d_sgl_buf_size(&a), 30);
	assert_int_equal(d_sgl_buf_size(NULL), 0);
	d_iov_set_safe(&a.sg_iovs[0], NULL, 0);
	d_sgl_fini(&a, true);
	d_sgl_fini(&b, true);
	d_sgl_fini(&b, true);
}

/* ---- ranks ------------------------------------------------------------------------------------------------------ */

static d_rank_list_t *
list_of(int nr, ...)
{
	d_rank_list_t *list = d_rank_list_alloc(0);
	va_list ap;

	va_start(ap, nr);
	while (nr-- > 0)
		assert_int_equal(d_rank_list_append(list, va_arg(ap, d_rank_t)), 0);
	va_end(ap);
	return list;
}

static void
assert_text(d_rank_list_t *list, const char *expected)
{
	char *text;

	assert_int_equal(d_rank_list_to_str(list, &text), 0);
	assert_string_equal(text, expected);
	D_FREE(text);
}

static void
rank_lists_are_sets_when_asked(void **state)
{
	d_rank_list_t *a = list_of(6, 5, 1, 5, 2, 9, 1), *b = NULL, *c = list_of(2, 2, 7);
	uint32_t idx;
	int at;

	assert_int_equal(d_rank_list_dup_sort_uniq(&b, a), 0);
	assert_int_equal(b->rl_nr, 4);
	assert_true(d_rank_list_bsearch(b, 5, &at));
	assert_int_equal(at, 2);
	assert_false(d_rank_list_bsearch(b, 3, NULL));
	assert_true(d_rank_list_find(a, 9, &at));
	assert_int_equal(at, 4);
	assert_int_equal(d_idx_in_rank_list(a, 2, &idx), 0);
	assert_int_equal(idx, 3);
	assert_int_equal(d_idx_in_rank_list(a, 77, &idx), -DER_OOG);
	assert_int_equal(d_rank_list_merge(b, c), 0);
	assert_text(b, "[1-2,5,7,9]");
	d_rank_list_filter(c, b, true);
	assert_text(b, "[1,5,9]");
	d_rank_list_filter(b, a, false);
	assert_int_equal(a->rl_nr, 5);
	assert_int_equal(d_rank_list_del(a, 5), 0);
	assert_int_equal(a->rl_ranks[0], 1);
	assert_int_equal(d_rank_list_del(a, 500), 0);
	assert_int_equal(a->rl_nr, 4);
	assert_int_equal(d_rank_list_copy(a, b), 0);
	assert_true(d_rank_list_identical(a, b));
	assert_true(d_rank_list_identical(NULL, NULL));
	assert_false(d_rank_list_identical(a, NULL));
	d_rank_list_shuffle(a);
	d_rank_list_sort(a);
	assert_true(d_rank_list_identical(a, b));
	assert_int_equal(d_rank_list_dump(a, (char *)"name", 4), 0);
	d_rank_list_free(a);
	d_rank_list_free(b);
	d_rank_list_free(c);
	d_rank_list_free(NULL);
}

static void
rank_lists_go_to_arrays_ranges_and_back(void **state)
{
	uint32_t ints[] = {3, 4, 5, 0, UINT32_MAX, UINT32_MAX - 1}, *array;
	d_rank_range_list_t *ranges;
	d_rank_list_t *list = uint32_array_to_rank_list(ints, 6);
	size_t len;
	char *text;

	assert_int_equal(rank_list_to_uint32_array(list, &array, &len), 0);
	assert_int_equal(len, 6);
	assert_memory_equal(array, ints, sizeof(ints));
	D_FREE(array);
	ranges = d_rank_range_list_create_from_ranks(list);
	assert_int_equal(ranges->rrl_nr, 3);
	assert_int_equal(d_rank_range_list_str(ranges, &text), 0);
	assert_string_equal(text, "[0,3-5,4294967294-4294967295]");
	D_FREE(text);
	ranges = d_rank_range_list_realloc(ranges, 5);
	assert_int_equal(ranges->rrl_ranges[4].hi, 0);
	d_rank_range_list_free(ranges);
	assert_int_equal(d_rank_list_resize(list, 0), 0);
	assert_text(list, "[]");
	d_rank_list_free(list);
}

/* ---- environment ------------------------------------------------------------------------------------------------ */

static void
environment_values_are_read_whole_or_refused(void **state)
{
	uint64_t big = 1;
	unsigned int small = 1;
	char text[4], c = 'z', *copy;
	bool flag = true;

	d_unsetenv("GT_X");
	assert_false(d_isenv_def((char *)"GT_X"));
	assert_int_equal(d_getenv_bool("GT_X", &flag), -DER_NONEXIST);
	assert_true(flag);
	d_setenv("GT_X", "off", 1);
	assert_int_equal(d_getenv_bool("GT_X", &flag), 0);
	assert_false(flag);
	d_setenv("GT_X", "TRUE", 1);
	assert_int_equal(d_getenv_bool("GT_X", &flag), 0);
	assert_true(flag);
	d_setenv("GT_X", "maybe", 1);
	assert_int_equal(d_getenv_bool("GT_X", &flag), -DER_INVAL);
	d_setenv("GT_X", "0x10", 1);
	assert_int_equal(d_getenv_uint("GT_X", &small), 0);
	assert_int_equal(small, 16);
	d_setenv("GT_X", "4294967296", 1);
	assert_int_equal(d_getenv_uint32_t("GT_X", &small), -DER_INVAL);
	assert_int_equal(small, 16);
	assert_int_equal(d_getenv_uint64_t("GT_X", &big), 0);
	assert_true(big == 4294967296ULL);
	d_setenv("GT_X", "-1", 1);
	assert_int_equal(d_getenv_uint64_t("GT_X", &big), -DER_INVAL);
	d_setenv("GT_X", "12x", 1);
	assert_int_equal(d_getenv_int("GT_X", &small), -DER_INVAL);
	d_setenv("GT_X", "abcd", 1);
	assert_int_equal(d_getenv_str(text, sizeof(text), "GT_X"), -DER_TRUNC);
	assert_string_equal(text, "abc");
	assert_int_equal(d_getenv_char("GT_X", &c), -DER_INVAL);
	d_setenv("GT_X", "q", 1);
	assert_int_equal(d_getenv_char("GT_X", &c), 0);
	assert_int_equal(c, 'q');
	assert_int_equal(d_agetenv_str(&copy, "GT_X"), 0);
	assert_string_equal(copy, "q");
	d_freeenv_str(&copy);
	assert_null(copy);
	d_unsetenv("GT_X");
	assert_int_equal(d_agetenv_str(&copy, "GT_X"), -DER_NONEXIST);
}

/* ---- numbers ---------------------------------------------------------------------------------------------------- */

static void
hashes_and_searches_agree_with_plain_ones(void **state)
{
	const unsigned char *abc = (const unsigned char *)"abc";
	uint64_t hashes[] = {10, 20, 20, 30};
	unsigned int i, moved = 0;

	assert_int_equal(d_hash_srch_u64(hashes, 4, 5), 0);
	assert_int_equal(d_hash_srch_u64(hashes, 4, 10), 0);
	assert_int_equal(d_hash_srch_u64(hashes, 4, 25), 2);
	assert_int_equal(d_hash_srch_u64(hashes, 4, 99), 3);
	for (i = 0; i < 1000; i++) {
		uint32_t before = d_hash_jump(d_hash_mix64(i), 10), after = d_hash_jump(d_hash_mix64(i), 11);

		assert_true(before < 10 && after < 11);
		/* A key stays or goes to the new bucket. */
		assert_true(after == before || after == 10);
		moved += after != before;
	}
	assert_true(moved > 40 && moved < 160);
	assert_int_equal(d_power2_nbits(1), 0);
	assert_int_equal(d_power2_nbits(2), 1);
	assert_int_equal(d_power2_nbits(5), 3);
	assert_int_equal(d_power2_nbits(UINT_MAX), 32);
	assert_true(d_u64_hash(77, 8) < 256);
	assert_true(d_u32_hash(77, 5) < 32);
	assert_int_not_equal(d_hash_string_u32("abc", 3), d_hash_string_u32("abd", 3));
	assert_true(d_hash_murmur64(abc, 3, 1) != d_hash_murmur64(abc, 3, 2));
}

static void
deviation_of_equal_numbers_is_nothing(void **state)
{
	double same[] = {3, 3, 3}, spread[] = {2, 4, 4, 4, 5, 5, 7, 9};

	assert_true(d_stand_div(same, 3) < 1e-9);
	assert_true(d_stand_div(spread, 8) > 1.999999 && d_stand_div(spread, 8) < 2.000001);
	assert_true(d_stand_div(spread, 0) == 0);
}

static void
waits_grow_up_to_their_limit(void **state)
{
	struct d_backoff_seq seq;
	uint32_t bound = 10;
	int i;

	assert_int_equal(d_backoff_seq_init(&seq, 0, 0, 1, 1), -DER_INVAL);
	assert_int_equal(d_backoff_seq_init(&seq, 0, 2, 2, 1), -DER_INVAL);
	assert_int_equal(d_backoff_seq_init(&seq, 2, 3, 10, 1000), 0);
	assert_int_equal(d_backoff_seq_next(&seq), 0);
	assert_int_equal(d_backoff_seq_next(&seq), 0);
	for (i = 0; i < 100; i++) {
		uint32_t wait = d_backoff_seq_next(&seq);

		assert_true(wait >= 1 && wait <= bound);
		bound = MIN(bound * 3, 1000u);
	}
	d_backoff_seq_fini(&seq);
}

static void
random_numbers_repeat_after_the_same_seed(void **state)
{
	long first, i;
	double d;

	d_srand(5);
	first = d_rand();
	for (i = 0; i < 100; i++) {
		d = d_randd();
		assert_true(d >= 0 && d < 1);
		assert_true(d_rand() <= D_RAND_MAX);
	}
	d_srand(5);
	assert_int_equal(d_rand(), first);
}

static void
the_clock_never_goes_back_and_follows_others(void **state)
{
	uint64_t last = d_hlc_get(), out = 0, offset = 0;
	struct timespec now, then;
	int i;

	for (i = 0; i < 10000; i++) {
		uint64_t stamp = d_hlc_get();

		assert_true(stamp > last);
		last = stamp;
	}
	assert_int_equal(d_hlc_get_msg(last + d_msec2hlc(50), &out, &offset), 0);
	assert_true(out > last + d_msec2hlc(50));
	assert_true(d_hlc2msec(offset) <= 50);
	assert_true(d_hlc_get() > out);
	assert_int_equal(d_hlc_get_msg(last + d_sec2hlc(3600), &out, &offset), -DER_HLC_SYNC);
	clock_gettime(CLOCK_REALTIME, &now);
	assert_int_equal(d_hlc2timespec(last, &then), 0);
	assert_true(labs((long)(now.tv_sec - then.tv_sec)) <= 1);
	assert_int_equal(d_timespec2hlc(now, &out), 0);
	assert_true(d_hlc2unixnsec(out) / NSEC_PER_SEC == (uint64_t)now.tv_sec);
	assert_true(d_unixnsec2hlc(d_hlc2unixnsec(out)) <= out);
	assert_true(d_hlc_age2sec(d_unixnsec2hlc((uint64_t)(now.tv_sec - 100) * NSEC_PER_SEC)) >= 99);
	assert_true(d_hlc_epsilon_get_bound(last) >= last + d_hlc_epsilon_get());
	last = d_hlct_get();
	d_hlct_sync(last + d_sec2hlc(1000));
	assert_true(d_hlct_get() >= last + d_sec2hlc(999));
}

static void
time_is_added_and_taken_apart(void **state)
{
	struct timespec a = {.tv_sec = 1, .tv_nsec = 900000000}, b = {.tv_sec = 3, .tv_nsec = 100000000}, d;

	assert_int_equal(d_timediff_ns(&a, &b), 1200000000);
	assert_int_equal(d_timediff_ns(&b, &a), -1200000000);
	d = d_timediff(a, b);
	assert_true(d.tv_sec == 1 && d.tv_nsec == 200000000);
	d_timeinc(&a, 1200000000);
	assert_true(a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec);
	assert_true(d_time2ms(d) > 1199.9 && d_time2ms(d) < 1200.1);
	assert_int_equal(d_gettime(&a), 0);
	assert_int_equal(d_timeleft_ns(&a), 0);
	d_timeinc(&a, 10ULL * NSEC_PER_SEC);
	assert_true(d_timeleft_ns(&a) > 9LL * NSEC_PER_SEC);
}

static void
error_numbers_map(void **state)
{
	assert_int_equal(d_errno2der(0), 0);
	assert_int_equal(d_errno2der(EACCES), -DER_NO_PERM);
	assert_int_equal(d_errno2der(EFAULT), -DER_MISC);
	assert_int_equal(d_errno2der(-5), -DER_UNKNOWN);
	assert_string_equal(d_errstr(-DER_NOSPACE), "DER_NOSPACE");
}

/* ---- faults ----------------------------------------------------------------------------------------------------- */

static void
faults_strike_as_often_as_they_are_told(void **state)
{
	struct d_fault_attr_t attr = {.fa_probability_x = 1, .fa_probability_y = 1, .fa_max_faults = 3, .fa_interval = 2,
				      .fa_err_code = DER_NOMEM, .fa_argument = (char *)"why"}, *f;
	int i, struck = 0;

	assert_int_equal(d_fault_inject_enable(), -DER_UNINIT);
	d_unsetenv(D_FAULT_CONFIG_ENV);
	assert_int_equal(d_fault_inject_init(), 0);
	assert_int_equal(d_fault_attr_set(7, attr), 0);
	f = d_fault_attr_lookup(7);
	assert_string_equal(f->fa_argument, "why");
	assert_int_equal(d_fault_attr_err_code(7), DER_NOMEM);
	assert_int_equal(d_fault_attr_err_code(8), 0);
	assert_false(D_SHOULD_FAIL(f));
	assert_int_equal(d_fault_inject_enable(), 0);
	for (i = 1; i <= 20; i++) {
		bool fail = D_SHOULD_FAIL(f);

		assert_true(!fail || i % 2 == 0);
		struck += fail;
	}
	assert_int_equal(struck, 3);
	attr = (struct d_fault_attr_t){.fa_probability_x = 1, .fa_probability_y = 4};
	assert_int_equal(d_fault_attr_set(7, attr), 0);
	for (i = 0, struck = 0; i < 4000; i++)
		struck += D_SHOULD_FAIL(f);
	assert_true(struck > 800 && struck < 1200);
	d_fault_inject_thread_enable(false);
	for (i = 0; i < 100; i++)
		assert_false(D_SHOULD_FAIL(f));
	d_fault_inject_thread_enable(true);
	assert_false(d_should_fail(NULL));
	attr.fa_probability_x = 5;
	assert_int_equal(d_fault_attr_set(7, attr), -DER_INVAL);
	assert_int_equal(d_fault_inject_disable(), 0);
	assert_false(D_SHOULD_FAIL(f));
	assert_int_equal(d_fault_inject_fini(), 0);
	assert_null(d_fault_attr_lookup(7));
}

static void
faults_are_read_from_a_file(void **state)
{
	char path[] = "/tmp/faults.XXXXXX";
	struct d_fault_attr_t *f;
	int fd = mkstemp(path);
	FILE *file = fdopen(fd, "w");

	fputs("# a comment\nseed: 42\nfault_config:\n - id: 3\n   probability_x: 2\n   probability_y: 10\n   err_code: 1009\n"
	      " - id: 0x65\n   max_faults: 1\n   probability_x: 1\n   probability_y: 1\n   argument: a b  # c\n", file);
	fclose(file);
	d_setenv(D_FAULT_CONFIG_ENV, path, 1);
	assert_int_equal(d_fault_inject_init(), 0);
	assert_true(d_fault_inject_is_enabled());
	f = d_fault_attr_lookup(3);
	assert_int_equal(f->fa_probability_x, 2);
	assert_int_equal(f->fa_probability_y, 10);
	assert_int_equal(f->fa_err_code, 1009);
	f = d_fault_attr_lookup(101);
	assert_string_equal(f->fa_argument, "a b");
	assert_true(D_SHOULD_FAIL(f));
	assert_false(D_SHOULD_FAIL(f));
	assert_int_equal(d_fault_inject_fini(), 0);
	assert_int_equal(d_fault_inject_fini(), -DER_UNINIT);
	file = fopen(path, "w");
	fputs("fault_config:\n - id: 3\n   probabilty: 2\n", file);
	fclose(file);
	assert_int_equal(d_fault_inject_init(), -DER_INVAL);
	unlink(path);
	assert_int_equal(d_fault_inject_init(), -DER_NONEXIST);
	d_unsetenv(D_FAULT_CONFIG_ENV);
}

/* ---- slabs ------------------------------------------------------------------------------------------------------ */

struct thing {
	int inits, resets, releases;
	d_list_t link;
	bool broken;
};

static int things;

static void
thing_init(void *desc, void *arg)
{
	((struct thing *)desc)->inits++;
	assert_string_equal(arg, "arg");
	things++;
}

static bool
thing_reset(void *desc)
{
	((struct thing *)desc)->resets++;
	return !((struct thing *)desc)->broken;
}

static void
thing_release(void *desc)
{
	things--;
}

static void
slabs_reuse_reset_and_limit(void **state)
{
	struct d_slab_reg reg = {POOL_TYPE_INIT(thing, link).sr_init = thing_init, .sr_reset = thing_reset,
				 .sr_release = thing_release, .sr_max_desc = 3, .sr_max_free_desc = 2};
	struct d_slab_type *type;
	struct thing *a, *b, *c;
	struct d_slab slab;

	assert_int_equal(d_slab_init(&slab, NULL), 0);
	assert_int_equal(d_slab_register(&slab, &reg, (void *)"arg", &type), 0);
	a = d_slab_acquire(type);
	b = d_slab_acquire(type);
	c = d_slab_acquire(type);
	assert_true(a->inits == 1 && a->resets == 1);
	assert_null(d_slab_acquire(type));
	d_slab_release(type, a);
	assert_ptr_equal(d_slab_acquire(type), a);
	assert_true(a->inits == 1 && a->resets == 2);
	b->broken = true;
	d_slab_release(type, b);
	d_slab_release(type, c);
	assert_true(d_slab_reclaim(&slab));
	assert_int_equal(things, 1);
	d_slab_release(type, a);
	d_slab_restock(type);
	assert_int_equal(type->st_free_count, 2);
	assert_false(d_slab_reclaim(&slab));
	assert_int_equal(things, 0);
	d_slab_restock(type);
	d_slab_destroy(&slab);
	assert_int_equal(things, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reallocation_moves_zeroes_and_clears_the_old_pointer),
		cmocka_unit_test(strings_and_paths_are_copied),
		cmocka_unit_test(a_thread_can_follow_what_it_allocates),
		cmocka_unit_test(string_buffers_grow),
		cmocka_unit_test(pointer_vectors_grow),
		cmocka_unit_test(scatter_lists_know_their_size),
		cmocka_unit_test(rank_lists_are_sets_when_asked),
		cmocka_unit_test(rank_lists_go_to_arrays_ranges_and_back),
		cmocka_unit_test(environment_values_are_read_whole_or_refused),
		cmocka_unit_test(hashes_and_searches_agree_with_plain_ones),
		cmocka_unit_test(deviation_of_equal_numbers_is_nothing),
		cmocka_unit_test(waits_grow_up_to_their_limit),
		cmocka_unit_test(random_numbers_repeat_after_the_same_seed),
		cmocka_unit_test(the_clock_never_goes_back_and_follows_others),
		cmocka_unit_test(time_is_added_and_taken_apart),
		cmocka_unit_test(error_numbers_map),
		cmocka_unit_test(faults_strike_as_often_as_they_are_told),
		cmocka_unit_test(faults_are_read_from_a_file),
		cmocka_unit_test(slabs_reuse_reset_and_limit),
	};

	return cmocka_run_group_tests_name("ground", tests, NULL, NULL);
}
