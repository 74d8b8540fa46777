/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pure/ec: erasure codes over ISA-L (see ec.h).
 *
 * Invariants
 *  I1  Every square choice of rows of the matrix is invertible: identity rows joined with Cauchy rows, or with a row of ones.
 *  I2  No byte beyond len of a cell is touched.
 */
#include <isa-l/erasure_code.h>
#include "pure/ec/ec.h"

/* The library counts in int; pieces keep long cells in the cache, too. */
enum { PIECE = 1 << 20, CHECK_PIECE = 1024, TABLE = 32 };

int
ec_init(struct ec_code *code, unsigned int data, unsigned int parity)
{
	if (data < 1 || data > EC_DATA_MAX || parity < 1 || parity > EC_PARITY_MAX)
		return -DER_INVAL;
	memset(code, 0, sizeof(*code));
	code->data = (uint8_t)data;
	code->parity = (uint8_t)parity;
	gf_gen_cauchy1_matrix(code->matrix, (int)(data + parity), (int)data);
	if (parity == 1)
		memset(code->matrix + data * data, 1, data);
	ec_init_tables((int)data, (int)parity, code->matrix + data * data, code->tables);
	return 0;
}

/* Multiplies rows of factors with cells: out[i] = sum of rows[i][j] * in[j], from byte `from` on. */
static void
multiply(size_t len, unsigned int in_nr, unsigned int out_nr, const uint8_t *tables, const void *const *in, void *const *out)
{
	uint8_t *from[EC_DATA_MAX], *to[EC_PARITY_MAX];

	for (size_t at = 0; at < len; at += PIECE) {
		for (unsigned int i = 0; i < in_nr; i++)
			from[i] = (uint8_t *)in[i] + at;
		for (unsigned int i = 0; i < out_nr; i++)
			to[i] = (uint8_t *)out[i] + at;
		ec_encode_data((int)MIN(len - at, (size_t)PIECE), (int)in_nr, (int)out_nr, (uint8_t *)tables, from, to);
	}
}

void
ec_encode(const struct ec_code *code, size_t len, const void *const *data, void *const *parity)
{
	multiply(len, code->data, code->parity, code->tables, data, parity);
}

void
ec_update(const struct ec_code *code, size_t len, unsigned int index, const void *change, void *const *parity)
{
	ASSERT(index < code->data);
	for (unsigned int i = 0; i < code->parity; i++) {
		const uint8_t *tables = code->tables + (size_t)i * code->data * TABLE;

		if (parity[i] == NULL)
			continue;
		for (size_t at = 0; at < len; at += PIECE) {
			uint8_t *to = (uint8_t *)parity[i] + at;

			ec_encode_data_update((int)MIN(len - at, (size_t)PIECE), code->data, 1, (int)index, (uint8_t *)tables,
					      (uint8_t *)change + at, &to);
		}
	}
}

void
ec_xor(size_t len, const void *a, const void *b, void *out)
{
	const uint8_t *x = a, *y = b;
	uint8_t *z = out;

	for (size_t i = 0; i < len; i++)
		z[i] = x[i] ^ y[i];
}

/* The row of factors that gives cell `lost` from the cells whose rows were inverted. */
static void
recovery_row(const struct ec_code *code, const uint8_t *inverse, unsigned int lost, uint8_t *row)
{
	unsigned int k = code->data;

	for (unsigned int j = 0; j < k; j++) {
		row[j] = 0;
		for (unsigned int i = 0; i < k; i++)
			row[j] ^= gf_mul(code->matrix[lost * k + i], inverse[i * k + j]);
	}
}

int
ec_decode(const struct ec_code *code, size_t len, uint32_t there, uint32_t wanted, void *const *cells)
{
	uint8_t rows[EC_DATA_MAX * EC_DATA_MAX], inverse[EC_DATA_MAX * EC_DATA_MAX], row[EC_DATA_MAX * EC_PARITY_MAX];
	uint8_t tables[EC_PARITY_MAX * EC_DATA_MAX * TABLE];
	unsigned int k = code->data, nr = 0, lost = 0;
	const void *in[EC_DATA_MAX];
	void *out[EC_PARITY_MAX];

	if ((there & wanted) != 0 || ((there | wanted) >> (k + code->parity)) != 0)
		return -DER_INVAL;
	for (unsigned int i = 0; i < k + code->parity && nr < k; i++) {
		if ((there >> i & 1) == 0)
			continue;
		memcpy(rows + nr * k, code->matrix + i * k, k);
		in[nr++] = cells[i];
	}
	if (nr < k)
		return -DER_DATA_LOSS;
	if (wanted == 0)
		return 0;
	ASSERTF(gf_invert_matrix(rows, inverse, (int)k) == 0, "ec I1: singular matrix");
	for (unsigned int i = 0; i < k + code->parity; i++) {
		if ((wanted >> i & 1) == 0)
			continue;
		recovery_row(code, inverse, i, row + lost * k);
		out[lost++] = cells[i];
	}
	ec_init_tables((int)k, (int)lost, row, tables);
	multiply(len, k, lost, tables, in, out);
	return 0;
}

bool
ec_check(const struct ec_code *code, size_t len, const void *const *cells)
{
	uint8_t buf[EC_PARITY_MAX][CHECK_PIECE];
	void *out[EC_PARITY_MAX];
	const void *in[EC_DATA_MAX];

	for (unsigned int i = 0; i < code->parity; i++)
		out[i] = buf[i];
	for (size_t at = 0; at < len; at += CHECK_PIECE) {
		size_t piece = MIN(len - at, (size_t)CHECK_PIECE);

		for (unsigned int i = 0; i < code->data; i++)
			in[i] = (const uint8_t *)cells[i] + at;
		multiply(piece, code->data, code->parity, code->tables, in, out);
		for (unsigned int i = 0; i < code->parity; i++)
			if (memcmp(buf[i], (const uint8_t *)cells[code->data + i] + at, piece) != 0)
				return false;
	}
	return true;
}
