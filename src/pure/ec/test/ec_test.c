/* SPDX-License-Identifier: Apache-2.0 */
/* pure/ec: against slow arithmetic, every pattern of losses, partial changes. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "base/hash64.h"
#include "base/rand.h"
#include "pure/ec/ec.h"

#define GOLDEN 0xd8bea9aa97e12e8eULL

static const struct {
	unsigned int data, parity;
} shapes[] = {{2, 1}, {2, 2}, {4, 1}, {4, 2}, {4, 3}, {8, 1}, {8, 2}, {8, 3}, {16, 1}, {16, 2}, {16, 3}};

/* Cells in blocks of exactly their size, so that a sanitizer sees the first byte beyond. */
struct stripe {
	void *cells[EC_CELLS_MAX];
	unsigned int nr;
};

static void
make_stripe(struct stripe *stripe, const struct ec_code *code, size_t len, struct rand *rand)
{
	stripe->nr = code->data + code->parity;
	for (unsigned int i = 0; i < stripe->nr; i++) {
		stripe->cells[i] = malloc(len > 0 ? len : 1);
		rand_fill(rand, stripe->cells[i], len);
	}
	ec_encode(code, len, (const void *const *)stripe->cells, stripe->cells + code->data);
}

static void
free_stripe(struct stripe *stripe)
{
	for (unsigned int i = 0; i < stripe->nr; i++)
		free(stripe->cells[i]);
}

/* Multiplication in GF(2^8) with x^8 + x^4 + x^3 + x^2 + 1, bit by bit. */
static uint8_t
slow_mul(uint8_t a, uint8_t b)
{
	uint8_t product = 0;

	for (; b != 0; b >>= 1) {
		if (b & 1)
			product ^= a;
		a = (uint8_t)(a << 1 ^ (a & 0x80 ? 0x1d : 0));
	}
	return product;
}

static void
parity_agrees_with_slow_arithmetic(void **state)
{
	static const size_t lens[] = {1, 2, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100, 511, 512, 4096, 4099};
	struct ec_code code;
	struct rand rand;

	rand_init(&rand, 1, 0);
	for (size_t s = 0; s < ARRAY_SIZE(shapes); s++) {
		assert_int_equal(ec_init(&code, shapes[s].data, shapes[s].parity), 0);
		for (size_t l = 0; l < ARRAY_SIZE(lens); l++) {
			struct stripe stripe;

			make_stripe(&stripe, &code, lens[l], &rand);
			for (unsigned int p = 0; p < code.parity; p++) {
				for (size_t at = 0; at < lens[l]; at++) {
					uint8_t sum = 0;

					for (unsigned int d = 0; d < code.data; d++)
						sum ^= slow_mul(code.matrix[(code.data + p) * code.data + d],
								((uint8_t *)stripe.cells[d])[at]);
					assert_int_equal(((uint8_t *)stripe.cells[code.data + p])[at], sum);
				}
			}
			assert_true(ec_check(&code, lens[l], (const void *const *)stripe.cells));
			free_stripe(&stripe);
		}
	}
}

static void
every_pattern_of_losses_is_repaired(void **state)
{
	enum { LEN = 96 };
	struct ec_code code;
	struct rand rand;

	rand_init(&rand, 2, 0);
	for (size_t s = 0; s < ARRAY_SIZE(shapes); s++) {
		struct stripe stripe;
		uint32_t all;

		ec_init(&code, shapes[s].data, shapes[s].parity);
		make_stripe(&stripe, &code, LEN, &rand);
		all = (1U << stripe.nr) - 1;
		for (uint32_t lost = 0; lost <= all; lost++) {
			void *cells[EC_CELLS_MAX];
			uint8_t fresh[EC_PARITY_MAX][LEN];
			unsigned int nr = (unsigned int)__builtin_popcount(lost), at = 0;

			if (nr > code.parity + 1U || (nr > code.parity && !rand_one_in(&rand, 50)))
				continue;
			memcpy(cells, stripe.cells, sizeof(cells));
			if (nr > code.parity) {
				assert_int_equal(ec_decode(&code, LEN, all & ~lost, lost, cells), -DER_DATA_LOSS);
				continue;
			}
			for (unsigned int i = 0; i < stripe.nr; i++)
				if (lost >> i & 1)
					cells[i] = fresh[at++];
			assert_int_equal(ec_decode(&code, LEN, all & ~lost, lost, cells), 0);
			for (unsigned int i = 0; i < stripe.nr; i++)
				assert_memory_equal(cells[i], stripe.cells[i], LEN);
		}
		free_stripe(&stripe);
	}
}

static void
only_what_is_wanted_is_computed(void **state)
{
	struct ec_code code;
	struct stripe stripe;
	struct rand rand;
	uint8_t cell[64];
	void *cells[EC_CELLS_MAX];

	rand_init(&rand, 3, 0);
	ec_init(&code, 4, 2);
	make_stripe(&stripe, &code, sizeof(cell), &rand);
	/* Cells 1 and 4 are lost, only 1 is wanted; 4 has no room at all, and 5 is not looked at when there are enough. */
	memcpy(cells, stripe.cells, sizeof(cells));
	cells[1] = cell;
	cells[4] = NULL;
	assert_int_equal(ec_decode(&code, sizeof(cell), 0x2d, 0x02, cells), 0);
	assert_memory_equal(cell, stripe.cells[1], sizeof(cell));
	assert_int_equal(ec_decode(&code, sizeof(cell), 0x2d, 0, cells), 0);
	assert_int_equal(ec_decode(&code, sizeof(cell), 0x3f, 0x02, cells), -DER_INVAL);
	assert_int_equal(ec_decode(&code, sizeof(cell), 0x2d, 0x40, cells), -DER_INVAL);
	assert_int_equal(ec_decode(&code, sizeof(cell), 0x0c, 0x02, cells), -DER_DATA_LOSS);
	free_stripe(&stripe);
}

static void
a_changed_cell_changes_parity(void **state)
{
	enum { LEN = 1000 };
	struct ec_code code;
	struct rand rand;

	rand_init(&rand, 4, 0);
	for (size_t s = 0; s < ARRAY_SIZE(shapes); s++) {
		struct stripe stripe;

		ec_init(&code, shapes[s].data, shapes[s].parity);
		make_stripe(&stripe, &code, LEN, &rand);
		for (int round = 0; round < 20; round++) {
			unsigned int index = (unsigned int)rand_below(&rand, code.data);
			size_t off = rand_below(&rand, LEN), len = rand_below(&rand, LEN - off) + 1;
			uint8_t *cell = (uint8_t *)stripe.cells[index] + off, fresh[LEN], change[LEN];
			void *parity[EC_PARITY_MAX], *alone[EC_PARITY_MAX] = {NULL};

			rand_fill(&rand, fresh, len);
			ec_xor(len, cell, fresh, change);
			memcpy(cell, fresh, len);
			for (unsigned int p = 0; p < code.parity; p++)
				parity[p] = (uint8_t *)stripe.cells[code.data + p] + off;
			assert_false(ec_check(&code, LEN, (const void *const *)stripe.cells));
			if (round % 2 == 0) {
				ec_update(&code, len, index, change, parity);
			} else {
				for (unsigned int p = 0; p < code.parity; p++) {
					alone[p] = parity[p];
					ec_update(&code, len, index, change, alone);
					alone[p] = NULL;
				}
			}
			assert_true(ec_check(&code, LEN, (const void *const *)stripe.cells));
		}
		free_stripe(&stripe);
	}
}

static void
a_wrong_byte_anywhere_is_noticed(void **state)
{
	enum { LEN = 3000 };
	struct ec_code code;
	struct stripe stripe;
	struct rand rand;

	rand_init(&rand, 5, 0);
	ec_init(&code, 8, 2);
	make_stripe(&stripe, &code, LEN, &rand);
	for (int round = 0; round < 500; round++) {
		uint8_t *byte = (uint8_t *)stripe.cells[rand_below(&rand, stripe.nr)] + rand_below(&rand, LEN);
		uint8_t flip = (uint8_t)rand_between(&rand, 1, 255);

		*byte ^= flip;
		assert_false(ec_check(&code, LEN, (const void *const *)stripe.cells));
		*byte ^= flip;
	}
	assert_true(ec_check(&code, LEN, (const void *const *)stripe.cells));
	free_stripe(&stripe);
}

static void
long_cells_are_cut_without_a_seam(void **state)
{
	const size_t len = (2 << 20) + 77;
	struct ec_code code;
	struct stripe stripe;
	struct rand rand;
	void *cells[EC_CELLS_MAX], *fresh = malloc(len);

	rand_init(&rand, 6, 0);
	ec_init(&code, 2, 1);
	make_stripe(&stripe, &code, len, &rand);
	assert_true(ec_check(&code, len, (const void *const *)stripe.cells));
	memcpy(cells, stripe.cells, sizeof(cells));
	cells[0] = fresh;
	assert_int_equal(ec_decode(&code, len, 6, 1, cells), 0);
	assert_memory_equal(fresh, stripe.cells[0], len);
	free(fresh);
	free_stripe(&stripe);
}

static void
shapes_have_limits_and_frozen_matrices(void **state)
{
	struct ec_code code;
	uint64_t sum = 0;

	assert_int_equal(ec_init(&code, 0, 1), -DER_INVAL);
	assert_int_equal(ec_init(&code, 1, 0), -DER_INVAL);
	assert_int_equal(ec_init(&code, 17, 1), -DER_INVAL);
	assert_int_equal(ec_init(&code, 4, 4), -DER_INVAL);
	for (size_t s = 0; s < ARRAY_SIZE(shapes); s++) {
		ec_init(&code, shapes[s].data, shapes[s].parity);
		sum = hash64_bytes(code.matrix, (size_t)(code.data + code.parity) * code.data, sum);
		/* One parity cell is the XOR of the data. */
		if (code.parity == 1)
			for (unsigned int d = 0; d < code.data; d++)
				assert_int_equal(code.matrix[code.data * code.data + d], 1);
	}
	if (sum != GOLDEN)
		print_error("matrices hash to 0x%llx\n", (unsigned long long)sum);
	assert_true(sum == GOLDEN);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parity_agrees_with_slow_arithmetic),
		cmocka_unit_test(every_pattern_of_losses_is_repaired),
		cmocka_unit_test(only_what_is_wanted_is_computed),
		cmocka_unit_test(a_changed_cell_changes_parity),
		cmocka_unit_test(a_wrong_byte_anywhere_is_noticed),
		cmocka_unit_test(long_cells_are_cut_without_a_seam),
		cmocka_unit_test(shapes_have_limits_and_frozen_matrices),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
