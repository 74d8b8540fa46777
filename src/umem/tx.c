/* SPDX-License-Identifier: Apache-2.0 */
/*
 * umem/tx: one transaction: what it touched, how to undo it, and the redo record made from it.
 *
 * The heap is seen as blocks of 256 bytes. The first touch of a block copies it (the before-image); a bit for each of its
 * 8-byte words says what was touched. So touches merge by themselves, whatever their order and overlap, and undoing is
 * copying the images back. New allocations beyond 512 bytes need no image, since nobody reads free space: they are kept
 * as ranges ("fresh").
 *
 *	gather: blocks sorted, words to runs (gaps of one word are closed: an entry's head costs as much) + fresh ranges
 *	emit:   each run as entries; stretches of zeros in long runs become one word
 *
 *	tx I1  While a body runs, the bytes of each touched block as they were before it are in images.
 *	tx I2  Segments that are free when the body ends are not in its record: their bytes mean nothing.
 *
 * Nothing yields. A crash in the middle leaves nothing: it is all volatile.
 */
#include "heap.h"

#define WORD 8U
#define ZERO_LINE 64U   /* zeros are looked for in pieces of this size */
#define ZERO_MIN 128U   /* shorter runs are not searched for zeros */
#define KEEP_BLOCKS 4096U /* more than this is given back after the transaction */

static bool
grow(struct umem *heap, void **array, uint32_t nr, uint32_t *max, size_t elem, uint32_t first)
{
	uint32_t want = *max == 0 ? first : *max * 2;
	void *p;

	if (nr < *max)
		return true;
	p = mem_grow(heap->mem, *array, *max, want, elem);
	if (p == NULL)
		return false;
	*array = p;
	*max = want;
	return true;
}

static uint32_t
slot_of(const struct tx *tx, uint64_t number)
{
	uint64_t h = number * 0x9e3779b97f4a7c15ULL;

	return (uint32_t)(h >> 32) & (tx->table_size - 1);
}

static void
table_insert(struct tx *tx, uint32_t index)
{
	uint32_t at = slot_of(tx, tx->blocks[index].number);

	while (tx->table[at] != 0)
		at = (at + 1) & (tx->table_size - 1);
	tx->table[at] = index + 1;
	tx->blocks[index].at = at;
}

/* Keeps the table at most half full. */
static bool
table_room(struct umem *heap)
{
	struct tx *tx = &heap->tx;
	uint32_t size = tx->table_size == 0 ? 256 : tx->table_size * 2;
	uint32_t *table;

	if (tx->table_size != 0 && tx->block_nr < tx->table_size / 2)
		return true;
	table = MEM_NEW_ARRAY(heap->mem, uint32_t, size);
	if (table == NULL)
		return false;
	mem_free(heap->mem, tx->table);
	tx->table = table;
	tx->table_size = size;
	for (uint32_t i = 0; i < tx->block_nr; i++)
		table_insert(tx, i);
	return true;
}

static bool
images_room(struct umem *heap)
{
	struct tx *tx = &heap->tx;
	uint32_t want = tx->image_max == 0 ? 64 : tx->image_max * 2;
	char *images;

	if (tx->block_nr < tx->image_max)
		return true;
	images = mem_alloc_aligned(heap->mem, (size_t)want * TX_BLOCK, 64);
	if (images == NULL)
		return false;
	if (tx->block_nr != 0)
		memcpy(images, tx->images, (size_t)tx->block_nr * TX_BLOCK);
	mem_free(heap->mem, tx->images);
	tx->images = images;
	tx->image_max = want;
	return true;
}

static char *
block_addr(const struct umem *heap, uint64_t number)
{
	uint64_t off = number << TX_BLOCK_SHIFT;

	return heap->segs[off >> UMEM_SEG_SHIFT].mem + (off & (UMEM_SEGMENT - 1));
}

/* The touched block with that number; made, with its image, at the first touch. */
static struct tx_block *
block_get(struct umem *heap, uint64_t number)
{
	struct tx *tx = &heap->tx;
	struct tx_block *block;
	uint32_t at;

	if (tx->block_nr != 0 && tx->blocks[tx->last].number == number)
		return &tx->blocks[tx->last];
	if (tx->table_size != 0) {
		for (at = slot_of(tx, number); tx->table[at] != 0; at = (at + 1) & (tx->table_size - 1)) {
			block = &tx->blocks[tx->table[at] - 1];
			if (block->number == number) {
				tx->last = tx->table[at] - 1;
				return block;
			}
		}
	}
	if (tx->block_nr >= heap->tx_block_max)
		umem__bail(heap, -DER_OVERFLOW);
	if (!grow(heap, (void **)&tx->blocks, tx->block_nr, &tx->block_max, sizeof(*tx->blocks), 64) ||
	    !images_room(heap) || !table_room(heap))
		umem__bail(heap, -DER_NOMEM);
	block = &tx->blocks[tx->block_nr];
	block->number = number;
	block->mask = 0;
	memcpy(tx->images + (size_t)tx->block_nr * TX_BLOCK, block_addr(heap, number), TX_BLOCK);
	table_insert(tx, tx->block_nr);
	tx->last = tx->block_nr++;
	return block;
}

/* Bits of the words first..last of a block. */
static uint32_t
word_mask(uint32_t first, uint32_t last)
{
	return (uint32_t)(((1ULL << (last - first + 1)) - 1) << first);
}

void
umem__tx_touch(struct umem *heap, uint64_t off, size_t len)
{
	struct tx *tx = &heap->tx;
	uint64_t end = off + len, number;

	if (len == 0)
		return;
	for (uint32_t i = tx->fresh_nr; i > 0 && i + 4 > tx->fresh_nr; i--) {
		const struct tx_range *f = &tx->fresh[i - 1];

		if (off >= f->off && end <= f->off + f->len)
			return;
	}
	for (number = off >> TX_BLOCK_SHIFT; number <= (end - 1) >> TX_BLOCK_SHIFT; number++) {
		uint64_t base = number << TX_BLOCK_SHIFT;
		uint32_t first = off > base ? (uint32_t)(off - base) / WORD : 0;
		uint32_t last = (uint32_t)(MIN(end - base, (uint64_t)TX_BLOCK) - 1) / WORD;

		block_get(heap, number)->mask |= word_mask(first, last);
	}
}

/* A new allocation, zero already. */
void
umem__tx_fresh(struct umem *heap, uint64_t off, size_t len)
{
	struct tx *tx = &heap->tx;

	if (len < TX_FRESH_MIN) {
		umem__tx_touch(heap, off, len);
		return;
	}
	if (!grow(heap, (void **)&tx->fresh, tx->fresh_nr, &tx->fresh_max, sizeof(*tx->fresh), 8))
		umem__bail(heap, -DER_NOMEM);
	tx->fresh[tx->fresh_nr].off = off;
	tx->fresh[tx->fresh_nr++].len = len;
}

/* The allocation was freed by the transaction that made it. */
void
umem__tx_forget_fresh(struct umem *heap, uint64_t off)
{
	struct tx *tx = &heap->tx;

	for (uint32_t i = tx->fresh_nr; i > 0; i--) {
		if (tx->fresh[i - 1].off == off) {
			memmove(&tx->fresh[i - 1], &tx->fresh[i], (tx->fresh_nr - i) * sizeof(*tx->fresh));
			tx->fresh_nr--;
			return;
		}
	}
}

bool
umem__tx_changed(const struct umem *heap)
{
	return heap->tx.block_nr != 0 || heap->tx.fresh_nr != 0;
}

void
umem__tx_begin(struct umem *heap, uint32_t flags)
{
	struct tx *tx = &heap->tx;

	ASSERT(tx->block_nr == 0 && tx->fresh_nr == 0 && tx->defer_nr == 0);
	tx->flags = flags;
	tx->starved = false;
	tx->used_before = heap->used;
	tx->quarantine_before = heap->quarantine.tail;
}

/* ---- the redo record ------------------------------------------------------------------------------------------------- */

static void
sift(struct tx_range *a, uint32_t i, uint32_t nr)
{
	for (;;) {
		uint32_t child = 2 * i + 1;
		struct tx_range t;

		if (child >= nr)
			return;
		if (child + 1 < nr && a[child + 1].off > a[child].off)
			child++;
		if (a[i].off >= a[child].off)
			return;
		t = a[i];
		a[i] = a[child];
		a[child] = t;
		i = child;
	}
}

/* Heap sort by offset; the usual handful by insertion. */
static void
sort_runs(struct tx_range *a, uint32_t nr)
{
	if (nr <= 24) {
		for (uint32_t i = 1; i < nr; i++) {
			struct tx_range t = a[i];
			uint32_t j = i;

			for (; j > 0 && a[j - 1].off > t.off; j--)
				a[j] = a[j - 1];
			a[j] = t;
		}
		return;
	}
	for (uint32_t i = nr / 2; i > 0; i--)
		sift(a, i - 1, nr);
	for (uint32_t i = nr - 1; i > 0; i--) {
		struct tx_range t = a[0];

		a[0] = a[i];
		a[i] = t;
		sift(a, 0, i);
	}
}

static bool
add_run(struct umem *heap, uint64_t off, uint64_t len)
{
	struct tx *tx = &heap->tx;

	if (!grow(heap, (void **)&tx->runs, tx->run_nr, &tx->run_max, sizeof(*tx->runs), 64))
		return false;
	tx->runs[tx->run_nr].off = off;
	tx->runs[tx->run_nr++].len = len;
	return true;
}

static bool
add_block(struct umem *heap, const struct tx_block *block)
{
	uint64_t base = block->number << TX_BLOCK_SHIFT;
	uint32_t mask = block->mask, first, last;

	while (mask != 0) {
		first = (uint32_t)__builtin_ctz(mask);
		last = first + (uint32_t)__builtin_ctzll(~((uint64_t)mask >> first)) - 1;
		if (!add_run(heap, base + first * WORD, (last - first + 1) * WORD))
			return false;
		mask &= ~word_mask(first, last);
	}
	return true;
}

/* Joins runs that overlap, touch, or leave one word between them, when they lie in one segment's unit. */
static void
merge_runs(struct tx *tx)
{
	uint32_t to = 0;

	for (uint32_t i = 1; i < tx->run_nr; i++) {
		struct tx_range *a = &tx->runs[to], *b = &tx->runs[i];

		if (b->off <= a->off + a->len + WORD && b->off >> UMEM_SEG_SHIFT == a->off >> UMEM_SEG_SHIFT)
			a->len = MAX(a->off + a->len, b->off + b->len) - a->off;
		else
			tx->runs[++to] = *b;
	}
	if (tx->run_nr != 0)
		tx->run_nr = to + 1;
}

struct piece {
	uint64_t off;
	uint32_t len;
	bool zero;
};

static bool
line_is_zero(const char *p)
{
	uint64_t or = 0, w;

	for (uint32_t i = 0; i < ZERO_LINE; i += 8) {
		memcpy(&w, p + i, 8);
		or |= w;
	}
	return or == 0;
}

/* The next entry of a run: from its start, all zero or all data. */
static struct piece
next_piece(const struct umem *heap, struct tx_range run)
{
	const char *p = heap->segs[run.off >> UMEM_SEG_SHIFT].mem + (run.off & (UMEM_SEGMENT - 1));
	uint64_t max = MIN(run.len, (uint64_t)ALIGN_DOWN(UMEM_ENTRY_LEN_MAX, ZERO_LINE)), n = ZERO_LINE;
	struct piece piece = { .off = run.off, .len = (uint32_t)max };

	if (run.len < ZERO_MIN)
		return piece;
	piece.zero = line_is_zero(p);
	while (n + ZERO_LINE <= max && line_is_zero(p + n) == piece.zero)
		n += ZERO_LINE;
	/* The odd bytes at the end go with the data before them. */
	piece.len = (uint32_t)(!piece.zero && max - n < ZERO_LINE ? max : n);
	return piece;
}

int
umem__tx_gather(struct umem *heap, uint64_t *bytes, uint32_t *entries)
{
	struct tx *tx = &heap->tx;

	tx->run_nr = 0;
	*bytes = sizeof(struct umem_record);
	*entries = 0;
	for (uint32_t i = 0; i < tx->block_nr; i++) {
		uint64_t seg = tx->blocks[i].number >> (UMEM_SEG_SHIFT - TX_BLOCK_SHIFT);

		if (seg >= heap->sys_segs && heap->dir[seg].kind == UMEM_DIR_FREE)
			continue;
		if (!add_block(heap, &tx->blocks[i]))
			return -DER_NOMEM;
	}
	for (uint32_t i = 0; i < tx->fresh_nr; i++)
		if (!add_run(heap, tx->fresh[i].off, tx->fresh[i].len))
			return -DER_NOMEM;
	sort_runs(tx->runs, tx->run_nr);
	merge_runs(tx);
	for (uint32_t i = 0; i < tx->run_nr; i++) {
		struct tx_range run = tx->runs[i];

		while (run.len != 0) {
			struct piece piece = next_piece(heap, run);

			*bytes += sizeof(uint64_t) + (piece.zero ? 0 : piece.len);
			*entries += 1;
			run.off += piece.len;
			run.len -= piece.len;
		}
	}
	return 0;
}

void
umem__tx_emit(struct umem *heap, void (*put)(void *arg, const void *data, size_t len), void *arg)
{
	struct tx *tx = &heap->tx;

	for (uint32_t i = 0; i < tx->run_nr; i++) {
		struct tx_range run = tx->runs[i];

		while (run.len != 0) {
			struct piece piece = next_piece(heap, run);
			uint64_t word = UMEM_ENTRY(piece.off, piece.zero, piece.len);

			put(arg, &word, sizeof(word));
			if (!piece.zero)
				put(arg, heap->segs[piece.off >> UMEM_SEG_SHIFT].mem + (piece.off & (UMEM_SEGMENT - 1)),
				    piece.len);
			run.off += piece.len;
			run.len -= piece.len;
		}
	}
}

void
umem__tx_dirty(struct umem *heap)
{
	struct tx *tx = &heap->tx;

	for (uint32_t i = 0; i < tx->run_nr; i++) {
		uint64_t first = tx->runs[i].off / UMEM_PAGE, last = (tx->runs[i].off + tx->runs[i].len - 1) / UMEM_PAGE;

		for (uint64_t page = first; page <= last; page++)
			umem__page_dirty(heap, page);
	}
}

/* ---- ends ------------------------------------------------------------------------------------------------------------ */

#define DIR_PER_BLOCK (TX_BLOCK / sizeof(struct umem_dir))

/* The directory entries of a touched block have been set back. */
static void
refresh_block(struct umem *heap, uint64_t number)
{
	uint64_t off = number << TX_BLOCK_SHIFT, first;

	if (off < UMEM_DIR_OFF)
		return;
	first = (off - UMEM_DIR_OFF) / sizeof(struct umem_dir);
	for (uint64_t seg = MAX(first, heap->sys_segs); seg < MIN(first + DIR_PER_BLOCK, heap->seg_nr); seg++) {
		if (heap->dir[seg].kind == UMEM_DIR_FREE && heap->segs[seg].unit != 0)
			umem__unit_drop(heap, (uint32_t)seg);
		umem__alloc_refresh(heap, (uint32_t)seg);
	}
}

void
umem__tx_undo(struct umem *heap)
{
	struct tx *tx = &heap->tx;
	uint64_t sys_blocks = heap->sys_segs << (UMEM_SEG_SHIFT - TX_BLOCK_SHIFT);

	umem__alloc_undo(heap);
	for (uint32_t i = 0; i < tx->block_nr; i++)
		memcpy(block_addr(heap, tx->blocks[i].number), tx->images + (size_t)i * TX_BLOCK, TX_BLOCK);
	for (uint32_t i = 0; i < tx->block_nr; i++)
		if (tx->blocks[i].number < sys_blocks)
			refresh_block(heap, tx->blocks[i].number);
	heap->used = tx->used_before;
	tx->defer_nr = 0;
	umem__tx_end(heap);
}

void
umem__tx_end(struct umem *heap)
{
	struct tx *tx = &heap->tx;

	for (uint32_t i = 0; i < tx->block_nr; i++)
		tx->table[tx->blocks[i].at] = 0;
	tx->block_nr = tx->fresh_nr = tx->run_nr = tx->last = 0;
	if (tx->block_max > KEEP_BLOCKS || tx->run_max > KEEP_BLOCKS) {
		struct tx_defer *defers = tx->defers;
		uint32_t defer_nr = tx->defer_nr, defer_max = tx->defer_max;

		tx->defers = NULL;
		umem__tx_fini(heap);
		tx->defers = defers;
		tx->defer_nr = defer_nr;
		tx->defer_max = defer_max;
	}
}

void
umem__tx_fini(struct umem *heap)
{
	struct tx *tx = &heap->tx;

	mem_free(heap->mem, tx->blocks);
	mem_free(heap->mem, tx->images);
	mem_free(heap->mem, tx->table);
	mem_free(heap->mem, tx->fresh);
	mem_free(heap->mem, tx->runs);
	mem_free(heap->mem, tx->defers);
	memset(tx, 0, sizeof(*tx));
}
