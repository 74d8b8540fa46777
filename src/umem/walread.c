/* SPDX-License-Identifier: Apache-2.0 */
/*
 * umem/walread: reading the log at recovery. The ring is read in pieces, several ahead of the one that is looked at, so that
 * the disk works while records are applied. What lies within a piece is used in place; what does not is put together.
 *
 *	walread I1  What reader_get handed out stays as it is until the next call.
 *
 * All of it yields but umem__batch_plausible.
 */
#include "heap.h"

#define PIECE_MIN 8U /* blocks */
#define PIECE_MAX 256U

static void
piece_done(struct bio_io *io, int rc)
{
	struct wal_piece *piece = io->arg;

	piece->pending--;
	if (rc != 0)
		piece->rc = rc;
	ult_cond_broadcast(&piece->reader->changed);
}

static void
piece_part(struct wal_piece *piece, uint32_t part, uint64_t ring_block, char *buf, uint64_t blocks)
{
	piece->iov[part] = (struct iovec){ .iov_base = buf, .iov_len = blocks * UMEM_BLOCK };
	piece->io[part] = (struct bio_io){ .blob = piece->reader->heap->wal_blob, .op = ENV_IO_READ,
					   .off = ring_block * UMEM_BLOCK, .iov = &piece->iov[part], .iov_nr = 1,
					   .done = piece_done, .arg = piece };
	piece->pending++;
}

/* Starts reading piece number index; goes round the end of the ring when it must. */
static int
piece_start(struct wal_reader *r, struct wal_piece *piece, uint64_t index)
{
	uint64_t ring = r->heap->wal.blocks, at = (r->base + index * r->piece_blocks) % ring;
	uint64_t first = MIN((uint64_t)r->piece_blocks, ring - at);

	if (piece->buf == NULL)
		piece->buf = mem_alloc_aligned(r->heap->mem, r->piece_blocks * UMEM_BLOCK, UMEM_BLOCK);
	if (piece->buf == NULL)
		return -DER_NOMEM;
	piece->reader = r;
	piece->index = index + 1;
	piece->rc = 0;
	piece_part(piece, 0, at, piece->buf, first);
	if (first != r->piece_blocks)
		piece_part(piece, 1, 0, piece->buf + first * UMEM_BLOCK, r->piece_blocks - first);
	for (uint32_t i = 0, nr = piece->pending; i < nr; i++)
		bio_submit(&piece->io[i]);
	return 0;
}

static int
piece_get(struct wal_reader *r, uint64_t index, char **buf)
{
	struct wal_piece *piece = &r->pieces[index % WAL_PIECES];
	int rc = 0;

	if (piece->index != index + 1) {
		while (piece->pending != 0)
			ult_cond_wait(&r->changed, NULL);
		rc = piece_start(r, piece, index);
		if (rc != 0)
			return rc;
	}
	for (uint64_t i = index + 1; r->ahead && rc == 0 && i < index + WAL_PIECES - 1; i++) {
		struct wal_piece *next = &r->pieces[i % WAL_PIECES];

		/* Without memory for it, it is read when its turn comes. */
		if (next->index < i + 1 && next->pending == 0)
			rc = piece_start(r, next, i);
	}
	while (piece->pending != 0)
		ult_cond_wait(&r->changed, NULL);
	*buf = piece->buf;
	if (piece->rc != 0)
		piece->index = 0;
	return piece->rc;
}

int
umem__reader_get(struct wal_reader *r, uint64_t pos, uint64_t nr, char **data)
{
	uint64_t index = (pos - r->base) / r->piece_blocks, in = (pos - r->base) % r->piece_blocks, have = 0;

	if (in + nr <= r->piece_blocks) {
		int rc = piece_get(r, index, data);

		if (rc == 0)
			*data += in * UMEM_BLOCK;
		return rc;
	}
	if (r->whole_blocks < nr) {
		mem_free(r->heap->mem, r->whole);
		r->whole_blocks = 0;
		r->whole = mem_alloc_aligned(r->heap->mem, nr * UMEM_BLOCK, UMEM_BLOCK);
		if (r->whole == NULL)
			return -DER_NOMEM;
		r->whole_blocks = nr;
	}
	while (have < nr) {
		uint64_t n = MIN(nr - have, r->piece_blocks - in);
		char *buf;
		int rc = piece_get(r, index++, &buf);

		if (rc != 0)
			return rc;
		memcpy(r->whole + have * UMEM_BLOCK, buf + in * UMEM_BLOCK, n * UMEM_BLOCK);
		have += n;
		in = 0;
	}
	*data = r->whole;
	return 0;
}

void
umem__reader_init(struct wal_reader *r, struct umem *heap, uint64_t base)
{
	memset(r, 0, sizeof(*r));
	r->heap = heap;
	r->base = base;
	r->piece_blocks = (uint32_t)MIN((uint64_t)PIECE_MAX, MAX((uint64_t)PIECE_MIN, heap->wal.blocks / WAL_PIECES));
	ult_cond_init(&r->changed);
}

void
umem__reader_fini(struct wal_reader *r)
{
	for (uint32_t i = 0; i < WAL_PIECES; i++) {
		while (r->pieces[i].pending != 0)
			ult_cond_wait(&r->changed, NULL);
		mem_free(r->heap->mem, r->pieces[i].buf);
	}
	mem_free(r->heap->mem, r->whole);
}

uint64_t
umem__batch_blocks(const struct umem_batch *head)
{
	return DIV_UP((uint64_t)head->bytes, UMEM_BLOCK);
}

bool
umem__batch_plausible(const struct umem *heap, const struct umem_batch *head)
{
	return head->magic == UMEM_BATCH_MAGIC && head->heap_id == heap->heap_id &&
	       head->bytes >= sizeof(*head) + sizeof(struct umem_record) &&
	       umem__batch_blocks(head) <= umem__wal_batch_blocks_max(heap->wal.blocks);
}

int
umem__reader_batch(struct wal_reader *r, uint64_t pos, struct umem_batch **batch)
{
	struct umem *heap = r->heap;
	struct umem_batch *head;
	char *data = NULL;
	int rc;

	*batch = NULL;
	rc = umem__reader_get(r, pos, 1, &data);
	head = (struct umem_batch *)data;
	if (rc != 0 || !umem__batch_plausible(heap, head))
		return rc;
	rc = umem__reader_get(r, pos, umem__batch_blocks(head), &data);
	if (rc != 0)
		return rc;
	head = (struct umem_batch *)data;
	if (umem__wal_crc(heap->uuid, head, head->bytes) == head->crc)
		*batch = head;
	return 0;
}
