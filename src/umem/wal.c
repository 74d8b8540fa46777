/* SPDX-License-Identifier: Apache-2.0 */
/*
 * umem/wal: the log. Transactions become records in the open batch; at the end of the scheduler turn in which somebody began to wait
 * for one of them the batch is sealed and written, so that all bodies of the turn share one durable write. What nobody waits for goes with
 * what follows, after PATIENCE_NS at the latest.
 *
 *	open --turn ends, or it is full--> sealed --submit--> under way --all before it done too--> durable, freed
 *
 * Log blocks are numbered for ever; block p lies in ring block p % blocks. A batch starts on a fresh block, so a block that
 * was reported durable is never written again before a checkpoint frees it. A batch that reaches the end of the ring goes
 * on at its start (two writes).
 *
 *	wal I1  At most WAL_IN_FLIGHT batches are submitted and not durable; of them a later one is never durable for us before
 *	        an earlier one. So a batch on the medium that says "durable up to d" proves that all before d was there.
 *	wal I2  tail + (blocks of the open batch) - freed <= blocks.
 *	wal I3  Only the newest batch in the list is open, and it holds a record at least; prev_crc is that of the newest sealed one.
 *	wal I4  After a failed write nothing is submitted any more and no LSN becomes durable.
 *
 * Credit: before a body runs there is room in the ring for a record of the largest size in a batch of its own, and bodies do
 * not yield: so a commit never finds the ring full. umem__wal_credit, umem_wait and umem__wal_drain yield; completions run
 * in the scheduler. A crash in the middle leaves some of the batches under way, whole or torn: recover.c.
 */
#include "heap.h"
#include "pure/csum/csum.h"

#define BUFFER_MAX (8 * MIB) /* a body waits while this much is buffered and not yet durable */

#define PATIENCE_NS (5 * NS_PER_MS)

static void kick_run(struct xs_msg *msg);

static uint64_t
batch_blocks(const struct batch *batch)
{
	return DIV_UP(batch->bytes, UMEM_BLOCK);
}

/* ---- chunks and batches ------------------------------------------------------------------------------------------------ */

static struct wal_chunk *
chunk_get(struct umem *heap)
{
	struct wal *wal = &heap->wal;
	struct wal_chunk *chunk = list_pop(&wal->chunks, struct wal_chunk, link);

	if (chunk != NULL) {
		wal->chunk_nr--;
		return chunk;
	}
	chunk = MEM_NEW(heap->mem, struct wal_chunk);
	if (chunk == NULL)
		return NULL;
	chunk->data = mem_alloc_aligned(heap->mem, WAL_CHUNK, UMEM_BLOCK);
	if (chunk->data == NULL) {
		mem_free(heap->mem, chunk);
		return NULL;
	}
	return chunk;
}

static void
chunk_free(struct umem *heap, struct wal_chunk *chunk)
{
	mem_free(heap->mem, chunk->data);
	mem_free(heap->mem, chunk);
}

static void
chunk_put(struct umem *heap, struct wal_chunk *chunk)
{
	if (heap->wal.chunk_nr >= WAL_CHUNKS_KEPT) {
		chunk_free(heap, chunk);
		return;
	}
	list_push(&heap->wal.chunks, &chunk->link);
	heap->wal.chunk_nr++;
}

static struct batch *
batch_open(struct umem *heap)
{
	struct wal *wal = &heap->wal;
	struct batch *batch = MEM_NEW(heap->mem, struct batch);

	if (batch == NULL)
		return NULL;
	batch->heap = heap;
	batch->pos = wal->tail;
	batch->bytes = sizeof(struct umem_batch);
	list_init(&batch->chunks);
	list_append(&wal->batches, &batch->link);
	wal->batch_nr++;
	wal->open = batch;
	return batch;
}

static void
batch_free(struct umem *heap, struct batch *batch)
{
	struct wal_chunk *chunk;

	list_remove(&batch->link);
	heap->wal.batch_nr--;
	if (heap->wal.open == batch)
		heap->wal.open = NULL;
	while ((chunk = list_pop(&batch->chunks, struct wal_chunk, link)) != NULL)
		chunk_put(heap, chunk);
	heap->wal.buffered -= batch->room;
	mem_free(heap->mem, batch->iov);
	mem_free(heap->mem, batch);
}

uint32_t
umem__wal_crc(const uint8_t uuid[16], const struct umem_batch *head, size_t bytes)
{
	return csum_crc32c(csum_crc32c(0, uuid, 16), (const char *)head + 8, bytes - 8);
}

/* The CRC of a batch that lies in chunks; pads the last block with zeros. */
static uint32_t
batch_crc(struct batch *batch)
{
	uint32_t crc = csum_crc32c(0, batch->heap->uuid, 16);
	uint64_t left = batch->bytes, padded = batch_blocks(batch) * UMEM_BLOCK;
	struct wal_chunk *chunk;
	size_t skip = 8;

	list_each(chunk, &batch->chunks, link) {
		size_t len = MIN(left, (uint64_t)WAL_CHUNK);

		crc = csum_crc32c(crc, chunk->data + skip, len - skip);
		left -= len;
		if (left == 0) {
			memset(chunk->data + len, 0, MIN(padded, (uint64_t)WAL_CHUNK) - len);
			break;
		}
		padded -= WAL_CHUNK;
		skip = 0;
	}
	return crc;
}

static void
batch_seal(struct umem *heap, struct batch *batch)
{
	struct wal *wal = &heap->wal;
	struct umem_batch *head = (struct umem_batch *)list_first(&batch->chunks, struct wal_chunk, link)->data;

	*head = (struct umem_batch){
		.magic = UMEM_BATCH_MAGIC,
		.heap_id = heap->heap_id,
		.incarnation = wal->incarnation,
		.pos = batch->pos,
		.durable = wal->durable,
		.lsn = batch->lsn_first,
		.records = batch->records,
		.bytes = (uint32_t)batch->bytes,
		.prev_crc = wal->prev_crc,
	};
	head->crc = batch->crc = batch_crc(batch);
	batch->sealed = true;
	wal->prev_crc = batch->crc;
	wal->tail = batch->pos + batch_blocks(batch);
	wal->open = NULL;
}

/* ---- writing ------------------------------------------------------------------------------------------------------------- */

static void submit_some(struct umem *heap);

/* Batches at the head of the list that are on the medium are durable. */
static void
advance(struct umem *heap)
{
	struct wal *wal = &heap->wal;

	while (!list_empty(&wal->batches)) {
		struct batch *batch = list_first(&wal->batches, struct batch, link);

		if (!batch->submitted || batch->writes != 0)
			break;
		if (heap->failed == 0) {
			uint64_t lsn = batch->lsn_last;

			wal->durable = batch->pos + batch_blocks(batch);
			batch_free(heap, batch);
			umem__durable(heap, MAX(lsn, heap->lsn_durable));
		} else {
			batch_free(heap, batch);
		}
	}
	if (list_empty(&wal->batches))
		ult_cond_broadcast(&wal->idle);
	ult_cond_broadcast(&wal->room);
}

static void
write_done(struct bio_io *io, int rc)
{
	struct batch *batch = io->arg;
	struct umem *heap = batch->heap;

	batch->writes--;
	if (rc != 0)
		umem__fail(heap, rc);
#ifdef PLANTED_DURABLE_OUT_OF_ORDER
	if (rc == 0 && batch->writes == 0)
		umem__durable(heap, MAX(batch->lsn_last, heap->lsn_durable));
#endif
	advance(heap);
	submit_some(heap);
}

/* Builds the iov of a batch: first the part up to the end of the ring, then the rest. Returns how many belong to the first. */
static int
batch_iov(struct batch *batch, uint64_t first_bytes, int *nr)
{
	uint64_t left = batch_blocks(batch) * UMEM_BLOCK;
	struct wal_chunk *chunk;
	int first = 0;

	*nr = 0;
	list_each(chunk, &batch->chunks, link) {
		size_t len = MIN(left, (uint64_t)WAL_CHUNK), head = MIN(first_bytes, (uint64_t)len);

		if (head != 0) {
			batch->iov[(*nr)++] = (struct iovec){ chunk->data, head };
			first = *nr;
			first_bytes -= head;
		}
		if (head != len)
			batch->iov[(*nr)++] = (struct iovec){ chunk->data + head, len - head };
		left -= len;
		if (left == 0)
			break;
	}
	return first;
}

static void
batch_submit(struct umem *heap, struct batch *batch)
{
	struct wal *wal = &heap->wal;
	uint64_t at = batch->pos % wal->blocks, to_end = wal->blocks - at;
	int nr, first;

#ifdef PLANTED_WAL_WRAP_OFF_BY_ONE
	to_end += at != 0 && to_end > 1 ? -1 : 0;
#endif
	first = batch_iov(batch, to_end * UMEM_BLOCK, &nr);
	batch->submitted = true;
	batch->writes = first == nr ? 1 : 2;
	if (at + batch_blocks(batch) >= wal->blocks)
		env_sometimes(heap->env, "umem: the log goes round");
	for (uint32_t i = 0, writes = batch->writes; i < writes; i++) {
		batch->io[i] = (struct bio_io){
			.blob = heap->wal_blob,
			.op = ENV_IO_WRITE,
			.durable = true,
			.off = i == 0 ? at * UMEM_BLOCK : 0,
			.iov = i == 0 ? batch->iov : batch->iov + first,
			.iov_nr = i == 0 ? first : nr - first,
			.done = write_done,
			.arg = batch,
		};
		bio_submit(&batch->io[i]);
	}
}

/* Submits what may be: wal I1. */
static void
submit_some(struct umem *heap)
{
	struct wal *wal = &heap->wal;
	struct batch *batch;
	uint32_t n = 0;

	if (heap->failed != 0)
		return;
	list_each(batch, &wal->batches, link) {
		if (n++ == WAL_IN_FLIGHT)
			return;
		if (batch->submitted)
			continue;
		if (!batch->sealed)
			batch_seal(heap, batch);
		batch_submit(heap, batch);
#ifdef PLANTED_SKIP_WAL_WAIT
		umem__durable(heap, MAX(batch->lsn_last, heap->lsn_durable));
#endif
	}
}

static void
kick_run(struct xs_msg *msg)
{
	struct umem *heap = container_of(msg, struct umem, wal.kick);

	heap->wal.kicked = false;
	submit_some(heap);
}

/* What is not submitted will be at the end of this turn. */
static void
kick(struct umem *heap)
{
	struct wal *wal = &heap->wal;

	ult_timer_cancel(&wal->patience);
	if (wal->kicked)
		return;
	wal->kicked = true;
	wal->kick.run = kick_run;
	xs_send(heap->xs, &wal->kick);
}

static void
out_of_patience(void *arg)
{
	kick(arg);
}

/* ---- appending ------------------------------------------------------------------------------------------------------------- */

/* Memory for bytes more in a batch. */
static int
batch_grow(struct umem *heap, struct batch *batch, uint64_t bytes)
{
	size_t chunks = DIV_UP(batch->bytes + bytes, WAL_CHUNK);
	struct iovec *iov;

	if (batch->iov != NULL && batch->bytes + bytes <= batch->room)
		return 0;
	/* One more where it goes round the end of the ring. */
	iov = MEM_NEW_ARRAY(heap->mem, struct iovec, chunks + 1);
	if (iov == NULL)
		return -DER_NOMEM;
	mem_free(heap->mem, batch->iov);
	batch->iov = iov;
	while (batch->room < batch->bytes + bytes) {
		struct wal_chunk *chunk = chunk_get(heap);

		if (chunk == NULL)
			return -DER_NOMEM;
		list_append(&batch->chunks, &chunk->link);
		batch->room += WAL_CHUNK;
		heap->wal.buffered += WAL_CHUNK;
	}
	return 0;
}

int
umem__wal_reserve(struct umem *heap, uint64_t bytes)
{
	struct wal *wal = &heap->wal;
	struct batch *batch = wal->open;
	int rc;

	bytes = ALIGN_UP(bytes, 8);
	if (batch != NULL && batch->bytes + bytes > wal->batch_soft) {
		batch_seal(heap, batch);
		kick(heap);
		batch = NULL;
	}
	if (batch == NULL)
		batch = batch_open(heap);
	if (batch == NULL)
		return -DER_NOMEM;
	rc = batch_grow(heap, batch, bytes);
	if (rc != 0 && batch->records == 0)
		batch_free(heap, batch); /* wal I3: an open batch has a record */
	return rc;
}

struct writer {
	struct batch *batch;
	struct wal_chunk *chunk;
	size_t at; /* in the chunk */
};

static void
writer_put(void *arg, const void *data, size_t len)
{
	struct writer *w = arg;
	const char *from = data;

	w->batch->bytes += len;
	while (len != 0) {
		size_t n = MIN(len, (size_t)WAL_CHUNK - w->at);

		if (n == 0) {
			w->chunk = list_entry(w->chunk->link.next, struct wal_chunk, link);
			w->at = 0;
			continue;
		}
		memcpy(w->chunk->data + w->at, from, n);
		w->at += n;
		from += n;
		len -= n;
	}
}

void
umem__wal_append(struct umem *heap, uint64_t bytes, uint32_t entries)
{
	static const char zeros[8];
	struct wal *wal = &heap->wal;
	struct batch *batch = wal->open;
	struct umem_record record = { .lsn = heap->lsn + 1, .bytes = (uint32_t)bytes, .count = entries };
	struct writer writer = { .batch = batch, .at = batch->bytes % WAL_CHUNK };
	uint64_t skip = batch->bytes / WAL_CHUNK, end = batch->bytes + bytes;

	list_each(writer.chunk, &batch->chunks, link)
		if (skip-- == 0)
			break;
	writer_put(&writer, &record, sizeof(record));
	umem__tx_emit(heap, writer_put, &writer);
	ASSERTF(batch->bytes == end, "wal: a record differs from what was gathered");
	writer_put(&writer, zeros, ALIGN_UP(end, 8) - end);
	if (batch->records++ == 0) {
		batch->lsn_first = record.lsn;
		if (!wal->kicked)
			ult_timer_arm(&wal->patience, env_mono(heap->env) + PATIENCE_NS);
	}
	batch->lsn_last = record.lsn;
}

/* ---- credit, waiting ----------------------------------------------------------------------------------------------------------- */

uint32_t
umem__wal_batch_blocks_max(uint64_t ring_blocks)
{
	return (uint32_t)(ring_blocks / 16 + 1);
}

uint64_t
umem__wal_used(const struct umem *heap)
{
	const struct wal *wal = &heap->wal;

	return wal->tail - wal->freed + (wal->open != NULL ? batch_blocks(wal->open) : 0);
}

static bool
has_credit(const struct umem *heap)
{
	const struct wal *wal = &heap->wal;
	uint64_t need = umem__wal_batch_blocks_max(wal->blocks) + 1;

	return umem__wal_used(heap) + need <= wal->blocks && (wal->buffered < BUFFER_MAX || list_empty(&wal->batches));
}

int
umem__wal_credit(struct umem *heap)
{
	while (heap->failed == 0 && !has_credit(heap)) {
		env_sometimes(heap->env, "umem: a body waits for log space");
		kick(heap);
		umem__checkpoint_poke(heap);
		ult_cond_wait(&heap->wal.room, NULL);
	}
	return heap->failed != 0 ? -DER_IO : 0;
}

void
umem__wal_point(const struct umem *heap, struct wal_point *point)
{
	const struct wal *wal = &heap->wal;

	point->pos = wal->tail;
	point->incarnation = wal->incarnation;
	point->prev_crc = wal->prev_crc;
	point->lsn = wal->open != NULL ? wal->open->lsn_first : heap->lsn + 1;
}

void
umem__wal_free(struct umem *heap, uint64_t pos)
{
	ASSERTF(pos >= heap->wal.freed && pos <= heap->wal.tail, "wal I2");
	heap->wal.freed = pos;
	ult_cond_broadcast(&heap->wal.room);
}

int
umem_wait(struct umem *heap, uint64_t lsn)
{
	struct wal_waiter waiter = { .lsn = lsn };
	struct list *at;

	if (lsn <= heap->lsn_durable)
		return 0;
	if (heap->failed != 0)
		return -DER_IO;
	if (lsn > heap->lsn)
		return -DER_INVAL;
	if (heap->wal.open != NULL && lsn >= heap->wal.open->lsn_first)
		kick(heap);
	ult_eventual_init(&waiter.done);
	for (at = heap->waiters.prev; at != &heap->waiters; at = at->prev)
		if (list_entry(at, struct wal_waiter, link)->lsn <= lsn)
			break;
	list__insert(&waiter.link, at, at->next);
	return ult_eventual_wait(&waiter.done);
}

/* ---- failure --------------------------------------------------------------------------------------------------------------------- */

static void
fail_run(struct xs_msg *msg)
{
	struct umem *heap = container_of(msg, struct umem, fail_msg);

	heap->failing = false;
	if (heap->on_failure != NULL)
		heap->on_failure(heap->on_failure_arg, heap->failed);
}

void
umem__fail(struct umem *heap, int rc)
{
	struct wal_waiter *waiter;

	if (heap->failed != 0)
		return;
	log_error(heap->log, "%s: stopped for good at LSN %lu (durable: %lu): " RCF, heap->name, heap->lsn, heap->lsn_durable,
		  RCP(rc));
	heap->failed = rc;
	heap->failing = true;
	heap->fail_msg.run = fail_run;
	xs_send(heap->xs, &heap->fail_msg);
	while ((waiter = list_pop(&heap->waiters, struct wal_waiter, link)) != NULL)
		ult_eventual_set(&waiter->done, -DER_IO);
	ult_cond_broadcast(&heap->wal.room);
	ult_cond_broadcast(&heap->checkpoint.wake);
	ult_cond_broadcast(&heap->checkpoint.done);
}

void
umem__wal_drain(struct umem *heap)
{
	struct wal *wal = &heap->wal;

	ult_timer_cancel(&wal->patience);
	if (wal->open != NULL && heap->failed == 0)
		kick(heap);
	while (wal->kicked || heap->failing)
		ult_yield();
	if (heap->failed != 0) {
		struct batch *batch, *next;

		/* What was never submitted goes; what is under way is waited for. */
		list_each_safe(batch, next, &wal->batches, link)
			if (!batch->submitted)
				batch_free(heap, batch);
	}
	while (!list_empty(&wal->batches))
		ult_cond_wait(&wal->idle, NULL);
}

/* ---- life -------------------------------------------------------------------------------------------------------------------------- */

void
umem__wal_init(struct umem *heap)
{
	struct wal *wal = &heap->wal;

	list_init(&wal->batches);
	list_init(&wal->chunks);
	ult_cond_init(&wal->room);
	ult_cond_init(&wal->idle);
	ult_timer_init(&wal->patience, heap->xs, out_of_patience, heap);
	if (heap->ram)
		return;
	wal->blocks = bio_blob_size(heap->wal_blob) / UMEM_BLOCK;
	wal->batch_soft = MIN((uint64_t)WAL_BATCH_SOFT, wal->blocks * UMEM_BLOCK / 16);
	heap->record_max = wal->blocks * UMEM_BLOCK / 16 - sizeof(struct umem_batch);
	heap->tx_block_max = (uint32_t)(heap->record_max / 16 + 1);
}

void
umem__wal_fini(struct umem *heap)
{
	struct wal_chunk *chunk;

	if (heap->wal.chunks.next == NULL)
		return;
	ult_timer_fini(&heap->wal.patience);
	while ((chunk = list_pop(&heap->wal.chunks, struct wal_chunk, link)) != NULL)
		chunk_free(heap, chunk);
}
