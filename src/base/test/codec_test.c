/* SPDX-License-Identifier: Apache-2.0 */
/* base: packing and unpacking, and scatter lists. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/codec.h"
#include "base/mem_test.h"
#include "base/rand.h"
#include "base/sg.h"

/* ---- codec -------------------------------------------------------------------------------------------------------- */

static const unsigned char some_uuid[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
static const uint32_t some_u32[] = {7, 0, UINT32_MAX};
static const uint64_t some_u64[] = {1ULL << 63, 5};

static void
pack_everything(struct packer *packer)
{
	struct iovec iov[] = {{(void *)"ab", 2}, {NULL, 0}, {(void *)"cde", 3}};
	size_t outer, inner;

	pack_u8(packer, 0x12);
	pack_bool(packer, true);
	pack_u16(packer, 0x1234);
	pack_u32(packer, 0x12345678);
	pack_u64(packer, 0x123456789abcdef0ULL);
	pack_i32(packer, -2);
	pack_i64(packer, INT64_MIN);
	pack_uuid(packer, some_uuid);
	pack_bytes(packer, "xyz", 3);
	pack_bytes(packer, NULL, 0);
	pack_iov(packer, iov, 3);
	pack_string(packer, "text");
	pack_string(packer, "");
	pack_string(packer, NULL);
	pack_u32_array(packer, some_u32, ARRAY_SIZE(some_u32));
	pack_u64_array(packer, some_u64, ARRAY_SIZE(some_u64));
	pack_u32_array(packer, NULL, 0);
	outer = pack_section_begin(packer);
	pack_u8(packer, 1);
	inner = pack_section_begin(packer);
	pack_u16(packer, 2);
	pack_section_end(packer, inner);
	pack_u64(packer, 3); /* a field that the reader below does not know */
	pack_section_end(packer, outer);
	pack_u8(packer, 0xff);
}

static void
unpack_everything(struct unpacker *unpacker, struct arena *arena)
{
	struct unpacker outer, inner;
	unsigned char uuid[16];
	uint32_t nr, *u32;
	uint64_t *u64;
	const void *data;
	size_t len;
	char *text;

	assert_int_equal(unpack_u8(unpacker), 0x12);
	assert_true(unpack_bool(unpacker));
	assert_int_equal(unpack_u16(unpacker), 0x1234);
	assert_int_equal(unpack_u32(unpacker), 0x12345678);
	assert_true(unpack_u64(unpacker) == 0x123456789abcdef0ULL);
	assert_int_equal(unpack_i32(unpacker), -2);
	assert_true(unpack_i64(unpacker) == INT64_MIN);
	unpack_uuid(unpacker, uuid);
	assert_memory_equal(uuid, some_uuid, 16);
	data = unpack_bytes(unpacker, &len);
	assert_int_equal(len, 3);
	assert_memory_equal(data, "xyz", 3);
	assert_non_null(unpack_bytes(unpacker, &len));
	assert_int_equal(len, 0);
	data = unpack_bytes_dup(unpacker, arena, &len);
	assert_int_equal(len, 5);
	assert_memory_equal(data, "abcde", 5);
	text = unpack_string_dup(unpacker, arena);
	assert_string_equal(text, "text");
	assert_string_equal(unpack_string(unpacker), "");
	assert_null(unpack_string(unpacker));
	u32 = unpack_u32_array(unpacker, arena, &nr);
	assert_int_equal(nr, 3);
	assert_memory_equal(u32, some_u32, sizeof(some_u32));
	u64 = unpack_u64_array(unpacker, arena, &nr);
	assert_int_equal(nr, 2);
	assert_memory_equal(u64, some_u64, sizeof(some_u64));
	assert_null(unpack_u32_array(unpacker, arena, &nr));
	assert_int_equal(nr, 0);
	unpack_section(unpacker, &outer);
	assert_int_equal(unpack_u8(&outer), 1);
	unpack_section(&outer, &inner);
	assert_int_equal(unpack_u16(&inner), 2);
	assert_int_equal(unpacker_finish(&inner), 0);
	assert_int_equal(unpacker_rc(&outer), 0);
	assert_int_equal(unpacker_left(&outer), 8);
	assert_int_equal(unpack_u8(unpacker), 0xff);
	assert_int_equal(unpacker_finish(unpacker), 0);
}

static void
what_was_packed_is_unpacked(void **state)
{
	struct packer packer;
	struct unpacker unpacker;
	struct mem_test test;
	struct arena arena;
	void *data;
	size_t len, counted;

	mem_test_init(&test);
	arena_init(&arena, &test.mem);
	packer_init_count(&packer);
	pack_everything(&packer);
	assert_int_equal(packer_rc(&packer), 0);
	counted = packer_len(&packer);
	packer_init_grow(&packer, &test.mem);
	pack_everything(&packer);
	assert_int_equal(packer_take(&packer, &data, &len), 0);
	assert_int_equal(len, counted);
	unpacker_init(&unpacker, data, len);
	unpack_everything(&unpacker, &arena);
	arena_fini(&arena);
	mem_free(&test.mem, data);
	assert_int_equal(test.outstanding, 0);
}

static void
the_format_is_little_endian_and_frozen(void **state)
{
	static const unsigned char golden[] = {0x34, 0x12, 4, 3, 2, 1, 0xfe, 0xff, 0xff, 0xff, 2, 0, 0, 0, 'a', 0, 0, 0, 0, 0};
	unsigned char buf[64];
	struct packer packer;

	packer_init(&packer, buf, sizeof(buf));
	pack_u16(&packer, 0x1234);
	pack_u32(&packer, 0x01020304);
	pack_i32(&packer, -2);
	pack_string(&packer, "a");
	pack_string(&packer, NULL);
	assert_int_equal(packer_len(&packer), sizeof(golden));
	assert_memory_equal(buf, golden, sizeof(golden));
}

static void
a_packer_stops_at_the_end_of_its_buffer(void **state)
{
	unsigned char buf[512], whole[512];
	struct packer packer;
	size_t len;

	packer_init(&packer, whole, sizeof(whole));
	pack_everything(&packer);
	assert_int_equal(packer_rc(&packer), 0);
	len = packer_len(&packer);
	for (size_t size = 0; size <= len; size++) {
		memset(buf, 0xee, sizeof(buf));
		packer_init(&packer, size > 0 ? buf : NULL, size);
		pack_everything(&packer);
		assert_int_equal(packer_rc(&packer), size < len ? -DER_TRUNC : 0);
		assert_int_equal(packer_len(&packer), len);
		for (size_t i = size; i < sizeof(buf); i++)
			assert_int_equal(buf[i], 0xee);
	}
	packer_fail(&packer, -DER_INVAL);
	packer_fail(&packer, -DER_IO);
	assert_int_equal(packer_rc(&packer), -DER_INVAL);
}

static void
a_growing_packer_survives_every_failed_allocation(void **state)
{
	struct mem_test test;
	struct packer packer;
	char big[3000] = {0};
	void *data;
	size_t len;
	int rc = -1;

	mem_test_init(&test);
	for (size_t nth = 1; rc != 0; nth++) {
		mem_test_fail(&test, nth);
		packer_init_grow(&packer, &test.mem);
		pack_everything(&packer);
		pack_bytes(&packer, big, sizeof(big));
		pack_everything(&packer);
		rc = packer_take(&packer, &data, &len);
		assert_true(rc == 0 || rc == -DER_NOMEM);
		if (rc == 0)
			mem_free(&test.mem, data);
		assert_int_equal(test.outstanding, 0);
	}
	packer_init_grow(&packer, &test.mem);
	mem_test_fail(&test, 0);
	assert_int_equal(packer_take(&packer, &data, &len), 0);
	assert_int_equal(len, 0);
	mem_free(&test.mem, data);
	packer_init_grow(&packer, &test.mem);
	pack_u8(&packer, 1);
	packer_fini(&packer);
	assert_int_equal(test.outstanding, 0);
}

/* Reads as unpack_everything does, without expecting anything. */
static int
read_blindly(const void *data, size_t size, struct arena *arena)
{
	struct unpacker u, outer, inner;
	unsigned char uuid[16];
	uint32_t nr;
	size_t len;

	unpacker_init(&u, data, size);
	unpack_u8(&u);
	unpack_bool(&u);
	unpack_u16(&u);
	unpack_u32(&u);
	unpack_u64(&u);
	unpack_i32(&u);
	unpack_i64(&u);
	unpack_uuid(&u, uuid);
	unpack_bytes(&u, &len);
	unpack_bytes(&u, &len);
	unpack_bytes_dup(&u, arena, &len);
	unpack_string_dup(&u, arena);
	unpack_string(&u);
	unpack_string(&u);
	unpack_u32_array(&u, arena, &nr);
	unpack_u64_array(&u, arena, &nr);
	unpack_u32_array(&u, arena, &nr);
	unpack_section(&u, &outer);
	unpack_u8(&outer);
	unpack_section(&outer, &inner);
	unpack_u16(&inner);
	unpack_u8(&u);
	if (unpacker_rc(&outer) != 0)
		return unpacker_rc(&outer);
	if (unpacker_finish(&inner) != 0)
		return unpacker_rc(&inner);
	return unpacker_finish(&u);
}

static void
every_cut_of_a_message_is_an_error(void **state)
{
	unsigned char whole[512];
	struct packer packer;
	struct mem_test test;
	struct arena arena;

	mem_test_init(&test);
	arena_init(&arena, &test.mem);
	packer_init(&packer, whole, sizeof(whole));
	pack_everything(&packer);
	for (size_t len = 0; len <= packer_len(&packer); len++) {
		/* A block of exactly this size: a sanitizer sees the first byte read beyond it. */
		void *copy = mem_alloc(&test.mem, len);

		memcpy(copy, whole, len);
		assert_int_equal(read_blindly(copy, len, &arena), len < packer_len(&packer) ? -DER_PROTO : 0);
		mem_free(&test.mem, copy);
	}
	arena_fini(&arena);
	assert_int_equal(test.outstanding, 0);
}

static void
mangled_messages_do_no_harm(void **state)
{
	unsigned char whole[512];
	struct packer packer;
	struct mem_test test;
	struct arena arena;
	struct rand rand;

	mem_test_init(&test);
	arena_init(&arena, &test.mem);
	rand_init(&rand, 1, 0);
	packer_init(&packer, whole, sizeof(whole));
	pack_everything(&packer);
	for (int round = 0; round < 20000; round++) {
		size_t len = packer_len(&packer);
		unsigned char *copy = mem_alloc(&test.mem, len);

		memcpy(copy, whole, len);
		for (int i = 0; i < 3; i++)
			copy[rand_below(&rand, len)] = (unsigned char)rand_u64(&rand);
		read_blindly(copy, len, &arena);
		mem_free(&test.mem, copy);
		arena_fini(&arena);
	}
	assert_int_equal(test.outstanding, 0);
}

static void
a_count_that_the_bytes_cannot_hold_allocates_nothing(void **state)
{
	static const unsigned char lie[] = {0xff, 0xff, 0xff, 0x7f, 1, 2, 3, 4};
	struct unpacker unpacker;
	struct mem_test test;
	struct arena arena;
	uint32_t nr;
	size_t len;

	mem_test_init(&test);
	arena_init(&arena, &test.mem);
	unpacker_init(&unpacker, lie, sizeof(lie));
	assert_null(unpack_array(&unpacker, &arena, 1, 1000, &nr));
	assert_int_equal(nr, 0);
	assert_int_equal(unpacker_rc(&unpacker), -DER_PROTO);
	unpacker_init(&unpacker, lie, sizeof(lie));
	assert_null(unpack_bytes_dup(&unpacker, &arena, &len));
	assert_int_equal(len, 0);
	assert_int_equal(test.asked, 0);
	arena_fini(&arena);
}

static void
the_first_error_of_an_unpacker_stays(void **state)
{
	static const unsigned char data[] = {3, 1, 0, 0, 0, 'x'};
	struct unpacker unpacker, inner;

	unpacker_init(&unpacker, data, sizeof(data));
	assert_false(unpack_bool(&unpacker));
	assert_int_equal(unpacker_rc(&unpacker), -DER_PROTO);
	assert_int_equal(unpack_u32(&unpacker), 0);
	unpacker_fail(&unpacker, -DER_NOMEM);
	assert_int_equal(unpacker_finish(&unpacker), -DER_PROTO);
	unpack_section(&unpacker, &inner);
	assert_int_equal(unpack_u8(&inner), 0);
	assert_int_equal(unpacker_rc(&inner), -DER_PROTO);
	/* A string without its NUL, and one with a NUL inside. */
	unpacker_init(&unpacker, data + 1, 5);
	assert_null(unpack_string(&unpacker));
	assert_int_equal(unpacker_rc(&unpacker), -DER_PROTO);
	unpacker_init(&unpacker, "\3\0\0\0a\0\0", 7);
	assert_null(unpack_string(&unpacker));
	assert_int_equal(unpacker_rc(&unpacker), -DER_PROTO);
}

/* ---- scatter lists ------------------------------------------------------------------------------------------------ */

enum { FLAT = 300 };

/* A list over flat, in pieces of random size, some of them empty. Returns their number. */
static int
scatter(struct rand *rand, unsigned char *flat, size_t size, struct iovec *iov, int max)
{
	size_t off = 0;
	int nr = 0;

	while (nr < max - 1) {
		size_t len = rand_one_in(rand, 5) ? 0 : rand_below(rand, MIN(size - off, (size_t)40) + 1);

		iov[nr++] = (struct iovec){len > 0 || rand_one_in(rand, 2) ? flat + off : NULL, len};
		off += len;
	}
	iov[nr++] = (struct iovec){flat + off, size - off};
	return nr;
}

static void
copies_of_scattered_bytes_agree_with_flat_ones(void **state)
{
	unsigned char a[FLAT], b[FLAT], model[FLAT], data[FLAT + 50];
	struct iovec ia[20], ib[20], part[20];
	struct rand rand;

	rand_init(&rand, 6, 0);
	for (int round = 0; round < 5000; round++) {
		size_t off = rand_below(&rand, FLAT + 20), len = rand_below(&rand, FLAT + 20);
		size_t from = rand_below(&rand, FLAT + 20);
		size_t fits = off < FLAT ? MIN(len, FLAT - off) : 0, both = from < FLAT ? MIN(fits, FLAT - from) : 0;
		int na = scatter(&rand, a, FLAT, ia, 20), nb = scatter(&rand, b, FLAT, ib, 20), pieces;

		rand_fill(&rand, a, FLAT);
		rand_fill(&rand, b, FLAT);
		rand_fill(&rand, data, sizeof(data));
		assert_int_equal(iov_total(ia, na), FLAT);
		/* in */
		memcpy(model, a, FLAT);
		if (fits > 0)
			memcpy(model + off, data, fits);
		assert_int_equal(iov_copy_in(ia, na, off, data, len), fits);
		assert_memory_equal(a, model, FLAT);
		/* out */
		assert_int_equal(iov_copy_out(ib, nb, off, data, len), fits);
		if (fits > 0)
			assert_memory_equal(data, b + off, fits);
		/* across */
		if (both > 0)
			memcpy(model + off, b + from, both);
		assert_int_equal(iov_copy(ia, na, off, ib, nb, from, len), both);
		assert_memory_equal(a, model, FLAT);
		assert_int_equal(iov_compare(ia, na, off, ib, nb, from, both), 0);
		if (both > 0) {
			size_t at = rand_below(&rand, both);

			a[off + at] ^= 1;
			assert_int_equal(iov_compare(ia, na, off, ib, nb, from, both) > 0, a[off + at] > b[from + at]);
			a[off + at] ^= 1;
		}
		/* fill and slice */
		assert_int_equal(iov_fill(ia, na, off, 0x5a, len), fits);
		if (fits > 0)
			memset(model + off, 0x5a, fits);
		assert_memory_equal(a, model, FLAT);
		pieces = iov_slice(ib, nb, off, len, part, 20);
		if (fits < len) {
			assert_int_equal(pieces, -DER_INVAL);
		} else {
			assert_true(pieces >= 0);
			assert_int_equal(iov_total(part, pieces), len);
			iov_copy_out(part, pieces, 0, data, len);
			if (len > 0)
				assert_memory_equal(data, b + off, len);
			for (int i = 0; i < pieces; i++)
				assert_true(part[i].iov_len > 0);
			if (pieces > 1)
				assert_int_equal(iov_slice(ib, nb, off, len, part, pieces - 1), -DER_OVERFLOW);
		}
	}
}

static void
program_lists_keep_room_and_valid_bytes_apart(void **state)
{
	unsigned char a[FLAT], model[FLAT], data[FLAT];
	d_iov_t iovs[20];
	struct iovec pieces[20], flat[20];
	d_sg_list_t sgl = {.sg_nr = 20, .sg_iovs = iovs};
	struct rand rand;

	rand_init(&rand, 9, 0);
	for (int round = 0; round < 3000; round++) {
		size_t off = rand_below(&rand, FLAT + 5), len = rand_below(&rand, FLAT), valid = rand_below(&rand, FLAT + 1);
		size_t fits = off < FLAT ? MIN(len, FLAT - off) : 0, there = off < valid ? MIN(len, valid - off) : 0;
		size_t last = 0;
		int nr;

		scatter(&rand, a, FLAT, pieces, 20);
		for (int i = 0; i < 20; i++)
			d_iov_set(&iovs[i], pieces[i].iov_base, pieces[i].iov_len);
		assert_true(sgl_is_valid(&sgl));
		rand_fill(&rand, a, FLAT);
		rand_fill(&rand, data, FLAT);
		memcpy(model, a, FLAT);
		if (fits > 0)
			memcpy(model + off, data, fits);
		assert_int_equal(sgl_copy_in(&sgl, off, data, len), fits);
		assert_memory_equal(a, model, FLAT);
		sgl_set_length(&sgl, valid);
		assert_int_equal(sgl_length(&sgl), valid);
		assert_int_equal(sgl_capacity(&sgl), FLAT);
		for (uint32_t i = 0; i < 20; i++)
			if (iovs[i].iov_len > 0)
				last = i + 1;
		assert_int_equal(sgl.sg_nr_out, last);
		assert_int_equal(sgl_copy_out(&sgl, off, data, len), there);
		if (there > 0)
			assert_memory_equal(data, a + off, there);
		nr = sgl_to_iov(&sgl, SGL_VALID, flat);
		assert_int_equal(iov_total(flat, nr), valid);
		nr = sgl_to_iov(&sgl, SGL_ROOM, flat);
		assert_int_equal(iov_total(flat, nr), FLAT);
	}
	iovs[3].iov_len = iovs[3].iov_buf_len + 1;
	assert_false(sgl_is_valid(&sgl));
	d_iov_set(&iovs[3], NULL, 5);
	assert_false(sgl_is_valid(&sgl));
	d_iov_set(&iovs[3], a, SIZE_MAX - 1);
	assert_false(sgl_is_valid(&sgl));
	sgl.sg_iovs = NULL;
	assert_false(sgl_is_valid(&sgl));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_packed_is_unpacked),
		cmocka_unit_test(the_format_is_little_endian_and_frozen),
		cmocka_unit_test(a_packer_stops_at_the_end_of_its_buffer),
		cmocka_unit_test(a_growing_packer_survives_every_failed_allocation),
		cmocka_unit_test(every_cut_of_a_message_is_an_error),
		cmocka_unit_test(mangled_messages_do_no_harm),
		cmocka_unit_test(a_count_that_the_bytes_cannot_hold_allocates_nothing),
		cmocka_unit_test(the_first_error_of_an_unpacker_stays),
		cmocka_unit_test(copies_of_scattered_bytes_agree_with_flat_ones),
		cmocka_unit_test(program_lists_keep_room_and_valid_bytes_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
