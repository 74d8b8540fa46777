/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pure/ec: erasure codes: k data cells and p parity cells of equal length; any k of the k + p give back all others.
 * Reed-Solomon over GF(2^8) with a Cauchy matrix, and plain XOR for one parity cell. Parity is stored: the matrices are frozen.
 */
#ifndef PURE_EC_H
#define PURE_EC_H

#include "base/base.h"

enum { EC_DATA_MAX = 16, EC_PARITY_MAX = 3, EC_CELLS_MAX = EC_DATA_MAX + EC_PARITY_MAX };

/** A code: about 2 KiB, made once and read by everybody. */
struct ec_code {
	uint8_t data, parity;
	uint8_t matrix[EC_CELLS_MAX * EC_DATA_MAX];      /* a row of `data` factors for each cell: identity, then parity */
	uint8_t tables[EC_PARITY_MAX * EC_DATA_MAX * 32]; /* of the parity rows, as the library wants them */
};

/** -DER_INVAL unless 1 <= data <= 16 and 1 <= parity <= 3. */
int ec_init(struct ec_code *code, unsigned int data, unsigned int parity);
/** Computes the parity cells of `data` cells of len bytes. */
void ec_encode(const struct ec_code *code, size_t len, const void *const *data, void *const *parity);
/**
 * Changes the parity cells for a data cell that changed: change holds len bytes of old XOR new. A NULL parity cell is left
 * out: parity cells can be changed apart from each other.
 */
void ec_update(const struct ec_code *code, size_t len, unsigned int index, const void *change, void *const *parity);
/** out = a XOR b; out may be one of them. */
void ec_xor(size_t len, const void *a, const void *b, void *out);
/**
 * Computes lost cells. cells: data, then parity; those in the bitmap `there` hold their bytes, those in `wanted` have room for
 * them; others are not touched. -DER_DATA_LOSS when fewer than `data` cells are there; -DER_INVAL when a cell that is
 * there is wanted, or a bit means no cell.
 */
int ec_decode(const struct ec_code *code, size_t len, uint32_t there, uint32_t wanted, void *const *cells);
/** Whether parity belongs to data. */
bool ec_check(const struct ec_code *code, size_t len, const void *const *cells);

#endif
