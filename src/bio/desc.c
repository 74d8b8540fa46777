/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bio/desc: descriptors: the pieces of the values of one request, and one staging buffer for all their bytes.
 *
 *	staging:  [ blocks of the blob pieces, in order ][ bytes of the heap pieces, 16-byte aligned ]
 *
 * A blob piece gets the whole blocks that cover it; on a fetch its buf points at its first byte in them. Neighbours on the
 * blob that are neighbours in the staging become one operation. At most IO_MAX operations are under way.
 *
 * An update of one piece in whole blocks, whose bytes lie at a block already, is written from there (bio_desc_lend).
 *
 *	desc I1  On an update blob pieces begin at a block; what follows the last byte in its block is zeros.
 */
#include "bio_private.h"

#define IO_MAX 32
#define CACHED_MAX (64 * KIB)
#define PIECE_MAX (1ULL << 40)

struct value {
	struct bio_piece *pieces;
	int nr, max;
};

struct bio_desc {
	struct bio *bio;
	struct bio_blob *blob;
	bool update;
	char *staging;
	size_t staging_size;
	bool lent; /* staging is the caller's */
	int value_nr;
	struct value values[];
};

int
bio_desc_create(struct bio *bio, struct bio_blob *blob, bool update, int values, struct bio_desc **result)
{
	struct bio_desc *desc;

	if (values < 0 || values > 1 << 20)
		return -DER_INVAL;
	desc = mem_alloc(bio->env->mem, sizeof(*desc) + (size_t)values * sizeof(struct value));
	if (desc == NULL)
		return -DER_NOMEM;
	desc->bio = bio;
	desc->blob = blob;
	desc->update = update;
	desc->value_nr = values;
	*result = desc;
	return 0;
}

int
bio_desc_add(struct bio_desc *desc, int v, enum bio_media media, uint64_t off, uint64_t len)
{
	struct value *value;

	if (v < 0 || v >= desc->value_nr || desc->staging != NULL || len > PIECE_MAX || (media == BIO_BLOB && desc->blob == NULL))
		return -DER_INVAL;
	if (media == BIO_BLOB && (off > desc->blob->size || len > desc->blob->size - off ||
				  (desc->update && off % BIO_BLOCK != 0)))
		return -DER_INVAL;
	value = &desc->values[v];
	if (value->nr == value->max) {
		int max = value->max == 0 ? 2 : value->max * 2;
		struct bio_piece *pieces = mem_grow(desc->bio->env->mem, value->pieces, (size_t)value->max, (size_t)max,
						    sizeof(*pieces));

		if (pieces == NULL)
			return -DER_NOMEM;
		value->pieces = pieces;
		value->max = max;
	}
	value->pieces[value->nr++] = (struct bio_piece){ .media = media, .off = off, .len = len };
	return 0;
}

struct bio_piece *
bio_desc_pieces(struct bio_desc *desc, int v, int *nr)
{
	ASSERT(v >= 0 && v < desc->value_nr);
	*nr = desc->values[v].nr;
	return desc->values[v].pieces;
}

/* ---- walking the pieces ----------------------------------------------------------------------------------------------------- */

struct walk {
	struct bio_desc *desc;
	int value, piece;
};

static struct bio_piece *
walk_next(struct walk *walk)
{
	for (; walk->value < walk->desc->value_nr; walk->value++, walk->piece = 0)
		if (walk->piece < walk->desc->values[walk->value].nr)
			return &walk->desc->values[walk->value].pieces[walk->piece++];
	return NULL;
}

static uint64_t
block_span(const struct bio_piece *piece)
{
	return ALIGN_UP(piece->off + piece->len, BIO_BLOCK) - ALIGN_DOWN(piece->off, BIO_BLOCK);
}

/* ---- operations -------------------------------------------------------------------------------------------------------------- */

struct batch {
	uint32_t under_way;
	int rc;
	struct ult_cond changed;
};

struct op {
	struct bio_io io;
	struct iovec iov;
	bool used;
};

static void
op_done(struct bio_io *io, int rc)
{
	struct op *op = container_of(io, struct op, io);
	struct batch *batch = io->arg;

	op->used = false;
	batch->under_way--;
	if (rc != 0 && batch->rc == 0)
		batch->rc = rc;
	ult_cond_signal(&batch->changed);
}

static struct op *
op_free(struct op *ops, struct batch *batch)
{
	while (batch->under_way == IO_MAX)
		ult_cond_wait(&batch->changed, NULL);
	for (uint32_t i = 0; i < IO_MAX; i++)
		if (!ops[i].used)
			return &ops[i];
	return NULL;
}

/* Small reads come again, and gain most from memory; large ones would only push the others out. */
static void
submit_op(struct op *op)
{
	op->io.cached = op->iov.iov_len <= CACHED_MAX;
	bio_submit(&op->io);
}

/* Moves all blob pieces between the staging and the blob. YIELDS */
static int
transfer(struct bio_desc *desc, bool durable)
{
	struct walk walk = { .desc = desc };
	struct batch batch = { 0 };
	struct bio_piece *piece;
	struct op *ops = NULL, *op = NULL;

	ult_cond_init(&batch.changed);
	while (batch.rc == 0 && (piece = walk_next(&walk)) != NULL) {
		uint64_t off, len;
		char *buf;

		if (piece->media != BIO_BLOB || piece->len == 0)
			continue;
		if (ops == NULL)
			ops = MEM_NEW_ARRAY(desc->bio->env->mem, struct op, IO_MAX);
		if (ops == NULL)
			return -DER_NOMEM;
		off = ALIGN_DOWN(piece->off, BIO_BLOCK);
		buf = piece->buf - (piece->off - off);
		len = block_span(piece);
		if (op != NULL && op->io.off + op->iov.iov_len == off && (char *)op->iov.iov_base + op->iov.iov_len == buf) {
			op->iov.iov_len += len;
			continue;
		}
		if (op != NULL)
			submit_op(op);
		op = op_free(ops, &batch);
		*op = (struct op){ .used = true, .iov = { .iov_base = buf, .iov_len = len } };
		op->io = (struct bio_io){ .blob = desc->blob, .op = desc->update ? ENV_IO_WRITE : ENV_IO_READ,
					  .durable = durable, .off = off, .iov = &op->iov, .iov_nr = 1,
					  .done = op_done, .arg = &batch };
		batch.under_way++;
	}
	if (op != NULL)
		submit_op(op);
	while (batch.under_way != 0)
		ult_cond_wait(&batch.changed, NULL);
	mem_free(desc->bio->env->mem, ops);
	return batch.rc;
}

/* Gives every piece its place in the staging, or just counts when there is none yet. */
static size_t
lay_out(struct bio_desc *desc)
{
	struct walk blocks = { .desc = desc }, bytes = { .desc = desc };
	struct bio_piece *piece;
	size_t at = 0;

	while ((piece = walk_next(&blocks)) != NULL) {
		if (piece->media != BIO_BLOB)
			continue;
		if (desc->staging != NULL) {
			size_t head = (size_t)(piece->off % BIO_BLOCK), pad = block_span(piece) - head - piece->len;

			piece->buf = desc->staging + at + head;
#ifdef PLANTED_TAIL_NOT_ZEROED
			pad = 0;
#endif
			if (desc->update)
				memset(piece->buf + piece->len, 0, pad);
		}
		at += block_span(piece);
	}
	while ((piece = walk_next(&bytes)) != NULL) {
		if (piece->media != BIO_HEAP)
			continue;
		if (desc->staging != NULL)
			piece->buf = desc->staging + at;
		at += ALIGN_UP(piece->len, 16);
	}
	return at;
}

int
bio_desc_prepare(struct bio_desc *desc)
{
	size_t size = lay_out(desc);

	ASSERT(desc->staging == NULL);
	if (size == 0)
		return 0;
	desc->staging = bio_buf_get(desc->bio, size);
	if (desc->staging == NULL)
		return -DER_NOMEM;
	desc->staging_size = size;
	lay_out(desc);
	return desc->update ? 0 : transfer(desc, false);
}

int
bio_desc_post(struct bio_desc *desc, bool durable)
{
	ASSERT(desc->update);
	return desc->staging == NULL ? 0 : transfer(desc, durable);
}

bool
bio_desc_lend(struct bio_desc *desc, void *data, size_t len)
{
	struct bio_piece *piece = desc->value_nr == 1 && desc->values[0].nr == 1 ? desc->values[0].pieces : NULL;

	if (!desc->update || desc->lent || piece == NULL || piece->media != BIO_BLOB || piece->len != len || desc->staging_size != len ||
	    (uintptr_t)data % BIO_BLOCK != 0)
		return false;
	bio_buf_put(desc->bio, desc->staging, desc->staging_size);
	desc->staging = piece->buf = data;
	desc->lent = true;
	return true;
}

void
bio_desc_free(struct bio_desc *desc)
{
	struct mem *mem = desc->bio->env->mem;

	if (!desc->lent)
		bio_buf_put(desc->bio, desc->staging, desc->staging_size);
	for (int v = 0; v < desc->value_nr; v++)
		mem_free(mem, desc->values[v].pieces);
	mem_free(mem, desc);
}
