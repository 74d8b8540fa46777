/* SPDX-License-Identifier: Apache-2.0 */
/*
 * umem/recover: formatting, and opening what a former life left.
 *
 *	superblocks  the valid one of the higher generation
 *	map          all of it, every page checked; then the system segments
 *	replay       batch after batch from the superblock's point, as long as each names its predecessor's checksum; segments
 *	             are loaded as records touch them
 *	end of log   the first block where the chain breaks. What a crash leaves there is a batch that was under way, or nothing.
 *	             A later batch that says that more than this was durable, or a page image that knows more, means corruption.
 *	flush        the superblock that was read may still be in the device's cache: after this it is durable, and the other one
 *	             may be overwritten
 *	incarnation  a new superblock with the next one: from here on batches cannot be mistaken for leftovers of the last life
 *	cover        a checkpoint of all of it, unless the log proves that all of it is durable
 *
 *	recover I1  Replay is idempotent: records say what bytes are, not how they change; it may begin at any published point.
 *	recover I2  What recovery writes (checkpoints, the new incarnation) changes nothing of the state: a crash finds the same heap again.
 *	recover I3  Nothing that recovery found depends on a log block of a former life that is not durable. A block that can be read
 *	            need not be: its write failed or was cut short by the death of the process, reads see it, and the next loss of power
 *	            takes it, flushed or not. What the log itself proves (wal.durable: the most that a batch says was durable before it
 *	            was submitted, wal I1) needs nothing more; what lies behind is covered by a checkpoint before anyone hears of it. It
 *	            is never written again: it may be durable, and a write that is cut short would take it (wal.c).
 *	recover I4  A checkpoint of recovery is published in one round, for one of several would publish pages that know more than what
 *	            is proven of the log: replay makes one before more pages are dirty than half of the free slots. The exception is a
 *	            single batch that dirties more than all free slots of a heap that is full; then a block whose write had failed, and
 *	            a loss of power between the rounds, end in -DER_CSUM at the next opening.
 *
 * Everything yields. A crash in the middle: begin again.
 */
#include "base/bitmap.h"
#include "heap.h"
#include "pure/csum/csum.h"

#define COUNT_MAX (1ULL << 56) /* nothing that counts up comes near it in the life of a device */

/* ---- superblocks -------------------------------------------------------------------------------------------------------- */

static int
super_io(struct bio_blob *meta, struct umem_super *super, uint32_t slot, bool write)
{
	struct iovec iov = { .iov_base = super, .iov_len = sizeof(*super) };

	return write ? bio_write(meta, slot * (uint64_t)UMEM_BLOCK, &iov, 1, true)
		     : bio_read(meta, slot * (uint64_t)UMEM_BLOCK, &iov, 1);
}

static struct umem_super *
super_new(struct mem *mem)
{
	struct umem_super *super = mem_alloc_aligned(mem, sizeof(*super), UMEM_BLOCK);

	if (super != NULL)
		memset(super, 0, sizeof(*super));
	return super;
}

int
umem__format(const struct umem_config *config)
{
	struct env *env = config->env;
	uint64_t meta = bio_blob_size(config->meta), wal = bio_blob_size(config->wal);
	struct umem_super *super;
	int rc = 0;

	if (meta < umem_meta_size(config->heap_size) || wal < UMEM_WAL_MIN) {
		log_error(env->log, "%s: a heap of %lu bytes needs %lu bytes of meta and %lu of log at least; there are %lu and %lu",
			  config->name, config->heap_size, umem_meta_size(config->heap_size), (uint64_t)UMEM_WAL_MIN, meta, wal);
		return -DER_NOSPACE;
	}
	super = super_new(env->mem);
	if (super == NULL)
		return -DER_NOMEM;
	/* First what was there goes. */
	for (uint32_t slot = 0; slot < UMEM_SUPER_SLOTS && rc == 0; slot++)
		rc = super_io(config->meta, super, slot, true);
	super->magic = UMEM_SUPER_MAGIC;
	super->version = UMEM_VERSION;
	super->byte_order = UMEM_BYTE_ORDER;
	super->compat = UMEM_FEATURES_COMPAT;
	super->ro_compat = UMEM_FEATURES_RO;
	super->incompat = UMEM_FEATURES_INCOMPAT;
	memcpy(super->uuid, config->uuid, sizeof(super->uuid));
	super->heap_id = env_rand(env);
	super->generation = 1;
	super->incarnation = 1;
	super->heap_size = ALIGN_DOWN(config->heap_size, UMEM_SEGMENT);
	super->meta_blocks = meta / UMEM_BLOCK;
	super->wal_blocks = wal / UMEM_BLOCK;
	super->replay_lsn = 1;
	super->replay_incarnation = 1;
	super->closed = 1;
	super->crc = umem__super_crc(super);
	if (rc == 0)
		rc = super_io(config->meta, super, super->generation % UMEM_SUPER_SLOTS, true);
	mem_free(env->mem, super);
	return rc;
}

/* 0: whole and ours. -DER_NONEXIST: no superblock, or a torn one. */
static int
super_check(const struct umem_config *config, struct umem_super *super, uint32_t slot)
{
	struct log *log = config->env->log;

	if (super->magic != UMEM_SUPER_MAGIC || super->byte_order != UMEM_BYTE_ORDER)
		return -DER_NONEXIST;
	if (umem__super_crc(super) != super->crc) {
		log_warn(log, "%s: meta: superblock %u is torn or damaged", config->name, slot);
		return -DER_NONEXIST;
	}
	if (super->version > UMEM_VERSION || super->incompat != UMEM_FEATURES_INCOMPAT || super->ro_compat != UMEM_FEATURES_RO) {
		log_error(log, "%s: meta: format version %u, features %lx/%lx; this program knows version %u: use a newer one",
			  config->name, super->version, super->incompat, super->ro_compat, UMEM_VERSION);
		return -DER_DF_INCOMPT;
	}
	if (memcmp(super->uuid, config->uuid, sizeof(super->uuid)) != 0) {
		log_error(log, "%s: meta: superblock %u belongs to another pool shard", config->name, slot);
		return -DER_DF_INVAL;
	}
	if (super->generation % UMEM_SUPER_SLOTS != slot || super->heap_size % UMEM_SEGMENT != 0 ||
	    super->heap_size > UMEM_HEAP_MAX || super->wal_blocks < WAL_BLOCKS_MIN || super->incarnation == 0 ||
	    super->incarnation < super->replay_incarnation || super->replay_lsn == 0 || super->generation == 0 ||
	    super->heap_size < 4 * UMEM_SEGMENT || super->replay_pos > COUNT_MAX || super->replay_lsn > COUNT_MAX ||
	    super->image_lsn > COUNT_MAX || super->incarnation > COUNT_MAX || super->generation > COUNT_MAX) {
		log_error(log, "%s: meta: superblock %u contradicts itself", config->name, slot);
		return -DER_DF_INVAL;
	}
	if (super->meta_blocks > bio_blob_size(config->meta) / UMEM_BLOCK ||
	    super->meta_blocks < umem_meta_size(super->heap_size) / UMEM_BLOCK ||
	    super->wal_blocks != bio_blob_size(config->wal) / UMEM_BLOCK) {
		log_error(log, "%s: meta: superblock %u describes other blobs (%lu and %lu blocks)", config->name, slot,
			  super->meta_blocks, super->wal_blocks);
		return -DER_DF_INVAL;
	}
	return 0;
}

int
umem__super_read(const struct umem_config *config, struct umem_super *best)
{
	struct umem_super *super = super_new(config->env->mem);
	int rc = 0, refused = 0;
	bool found = false;

	if (super == NULL)
		return -DER_NOMEM;
	for (uint32_t slot = 0; slot < UMEM_SUPER_SLOTS && rc == 0; slot++) {
		int check;

		rc = super_io(config->meta, super, slot, false);
		if (rc != 0)
			break;
		check = super_check(config, super, slot);
		if (check != 0 && check != -DER_NONEXIST)
			refused = check;
#ifdef PLANTED_STALE_SUPER
		if (check == 0 && (!found || super->generation < best->generation))
#else
		if (check == 0 && (!found || super->generation > best->generation))
#endif
			memcpy(best, super, sizeof(*best));
		found |= check == 0;
	}
	mem_free(config->env->mem, super);
	if (rc == 0 && (refused != 0 || !found)) {
		if (refused == 0)
			log_error(config->env->log, "%s: meta: no superblock is whole: there is no heap here", config->name);
		rc = refused != 0 ? refused : -DER_DF_INVAL;
	}
	return rc;
}

/* ---- applying ---------------------------------------------------------------------------------------------------------------- */

static int
malformed(struct umem *heap, uint64_t lsn)
{
	log_error(heap->log, "%s: log: record %lu is malformed though its checksum is right", heap->name, lsn);
	return -DER_DF_INVAL;
}

static void
page_dirty(struct umem *heap, uint64_t page)
{
	heap->replay_dirty += (heap->segs[page / UMEM_PAGES_PER_SEG].dirty >> page % UMEM_PAGES_PER_SEG & 1) == 0;
	umem__page_dirty(heap, page);
}

/* One entry's bytes (NULL: zeros) into the heap, segment by segment. YIELDS */
static int
apply_bytes(struct umem *heap, uint64_t off, uint64_t len, const char *bytes)
{
	while (len != 0) {
		uint32_t at = (uint32_t)(off >> UMEM_SEG_SHIFT);
		uint64_t in = off & (UMEM_SEGMENT - 1), n = MIN(len, UMEM_SEGMENT - in);
		int rc = umem__seg_raw(heap, at);

		if (rc != 0)
			return rc;
		if (bytes != NULL) {
			memcpy(heap->segs[at].mem + in, bytes, n);
			bytes += n;
		} else {
			memset(heap->segs[at].mem + in, 0, n);
		}
		for (uint64_t page = off / UMEM_PAGE; page <= (off + n - 1) / UMEM_PAGE; page++)
			page_dirty(heap, page);
		off += n;
		len -= n;
	}
	return 0;
}

static int
apply_record(struct umem *heap, const struct umem_record *record)
{
	const char *at = (const char *)(record + 1), *end = (const char *)record + record->bytes;

	for (uint32_t i = 0; i < record->count; i++) {
		uint64_t word, off, len;
		bool zero;
		int rc;

		if ((size_t)(end - at) < sizeof(word))
			return malformed(heap, record->lsn);
		memcpy(&word, at, sizeof(word));
		at += sizeof(word);
		off = UMEM_ENTRY_OFF(word);
		len = UMEM_ENTRY_LEN(word);
		zero = UMEM_ENTRY_ZERO(word);
		if (len == 0 || off > heap->heap_size || len > heap->heap_size - off || (!zero && (uint64_t)(end - at) < len))
			return malformed(heap, record->lsn);
		rc = apply_bytes(heap, off, len, zero ? NULL : at);
		if (rc != 0)
			return rc;
		at += zero ? 0 : len;
	}
	return at == end ? 0 : malformed(heap, record->lsn);
}

static int
apply_batch(struct umem *heap, const struct umem_batch *batch)
{
	const char *at = (const char *)(batch + 1), *end = (const char *)batch + batch->bytes;
	uint32_t records = batch->records;
	int rc = 0;

#ifdef PLANTED_DROP_TAIL_RECORD
	records -= records > 1 ? 1 : 0;
#endif
	for (uint32_t i = 0; i < records && rc == 0; i++) {
		const struct umem_record *record = (const struct umem_record *)at;

		if ((size_t)(end - at) < sizeof(*record) || record->bytes < sizeof(*record) ||
		    record->bytes > (size_t)(end - at) || record->lsn != batch->lsn + i)
			return malformed(heap, batch->lsn + i);
		rc = apply_record(heap, record);
		at += ALIGN_UP(record->bytes, 8);
		if (at > end && i + 1 < batch->records)
			return malformed(heap, batch->lsn + i);
	}
	heap->lsn = batch->lsn + batch->records - 1;
	heap->replayed += batch->records;
	return rc;
}

/* ---- the end of the log ------------------------------------------------------------------------------------------------------- */

/*
 * The chain broke at pos. Whatever was under way when the system died explains a break, but nothing explains a batch behind
 * it that was submitted when the log was durable beyond pos (wal I1). Blocks that a later lap has overwritten count as well:
 * a superblock that is too old would lead us among them.
 */
static int
check_end(struct wal_reader *r, uint64_t pos)
{
	struct umem *heap = r->heap;
	uint64_t ring = heap->wal.blocks, span = MIN(3ULL * umem__wal_batch_blocks_max(ring), ring);

	r->ahead = true;
	for (uint64_t at = pos; at < pos + span; at++) {
		struct umem_batch *batch;
		char *data = NULL;
		int rc = umem__reader_get(r, at, 1, &data);

		if (rc != 0)
			return rc;
		batch = (struct umem_batch *)data;
		if (!umem__batch_plausible(heap, batch) || batch->durable <= pos || batch->pos % ring != at % ring)
			continue;
		rc = umem__reader_batch(r, at, &batch);
		if (rc != 0)
			return rc;
		if (batch == NULL)
			continue;
		log_error(heap->log, "%s: log: block %lu (ring block %lu) is damaged: block %lu proves that the log went on to "
			  "%lu at least", heap->name, pos, pos % ring, batch->pos, batch->durable);
		return -DER_CSUM;
	}
	return 0;
}

/* ---- checkpoints of recovery -------------------------------------------------------------------------------------------------- */

/*
 * What was replayed so far is written down as by any other checkpoint: the log up to here is not needed any more. The flush
 * matters only when that takes more than one round (recover I4): without it blocks that a death left under way would count as well.
 */
static int
cover(struct umem *heap)
{
	int rc = bio_flush(heap->wal_blob);

	if (rc != 0)
		return rc;
	heap->lsn_durable = heap->lsn;
	rc = umem__checkpoint_now(heap);
	if (rc == 0) {
		heap->wal.durable = heap->wal.tail;
		heap->replay_dirty = 0;
	}
	return rc;
}

/* After a batch: replay has loaded more than memory allows, or made more dirty than it should (recover I4). */
static int
spill(struct umem *heap)
{
	bool large = heap->budget != 0 && heap->resident > heap->budget, wide = heap->replay_dirty > umem__map_room(heap) / 2;
	int rc;

#ifdef PLANTED_RECOVERY_IN_ROUNDS
	wide = false;
#endif
	if (!large && !wide)
		return 0;
	env_sometimes(heap->env, large ? "umem: replay needs more memory than it may have" : "umem: replay needs more slots than it may take");
	rc = cover(heap);
	if (rc == 0)
		umem__units_fini(heap);
	return rc;
}

/* The batch at the end of what was replayed so far; *batch NULL: the log ends here. */
static int
next_batch(struct wal_reader *r, uint64_t incarnation, struct umem_batch **batch)
{
	struct umem *heap = r->heap;
	const struct umem_super *super = heap->map.super;
	const struct wal *wal = &heap->wal;
	struct umem_batch *b;
	int rc = umem__reader_batch(r, wal->tail, batch);

	b = *batch;
	if (rc != 0 || b == NULL)
		return rc;
	if (b->pos != wal->tail || b->prev_crc != wal->prev_crc || b->incarnation < incarnation || b->lsn != heap->lsn + 1 ||
	    b->records == 0 || b->pos + umem__batch_blocks(b) > super->replay_pos + wal->blocks) {
		*batch = NULL;
		return 0;
	}
	if (b->incarnation > super->incarnation) {
		log_error(heap->log, "%s: meta: the superblock is stale: the log knows incarnation %lu, it knows %lu", heap->name,
			  b->incarnation, super->incarnation);
		return -DER_DF_INVAL;
	}
	return 0;
}

static int
replay(struct wal_reader *r)
{
	struct umem *heap = r->heap;
	struct wal *wal = &heap->wal;
	uint64_t image_lsn = heap->map.super->image_lsn;
	bool closed = heap->map.super->closed != 0;
	struct umem_batch *batch;
	int rc;

	while ((rc = next_batch(r, wal->incarnation, &batch)) == 0 && batch != NULL) {
		wal->incarnation = batch->incarnation;
		wal->prev_crc = batch->crc;
		wal->durable = MAX(wal->durable, MIN(batch->durable, batch->pos));
		wal->tail += umem__batch_blocks(batch);
		closed = false;
		r->ahead = true;
		rc = apply_batch(heap, batch);
		if (rc == 0)
			rc = spill(heap);
		if (rc != 0)
			break;
	}
	if (rc == 0 && !closed)
		rc = check_end(r, wal->tail);
	if (rc == 0 && heap->lsn < image_lsn) {
		log_error(heap->log, "%s: log: it ends at LSN %lu, pages on meta know LSN %lu: the log has lost its end", heap->name,
			  heap->lsn, image_lsn);
		rc = -DER_CSUM;
	}
	return rc;
}

static int
replay_log(struct umem *heap)
{
	const struct umem_super *super = heap->map.super;
	struct wal_reader *r = MEM_NEW(heap->mem, struct wal_reader);
	int rc;

	if (r == NULL)
		return -DER_NOMEM;
	heap->lsn = super->replay_lsn - 1;
	heap->wal.tail = heap->wal.freed = heap->wal.durable = super->replay_pos;
	heap->wal.prev_crc = super->replay_prev_crc;
	heap->wal.incarnation = super->replay_incarnation;
	umem__reader_init(r, heap, super->replay_pos);
	rc = replay(r);
	umem__reader_fini(r);
	mem_free(heap->mem, r);
	return rc;
}

/* ---- opening -------------------------------------------------------------------------------------------------------------------- */

static int
load_system(struct umem *heap)
{
	for (uint64_t at = 0; at < heap->sys_segs; at++) {
		int rc = umem__pages_load(heap, at * UMEM_PAGES_PER_SEG, UMEM_PAGES_PER_SEG, heap->segs[at].mem);

		if (rc != 0)
			return rc;
	}
	return 0;
}

/* From here on batches and superblocks are of this life. The older superblock is overwritten, so the newer one must be durable. */
static int
begin_incarnation(struct umem *heap)
{
	struct umem_super *super = heap->map.super;
	int rc = 0;

#ifndef PLANTED_SKIP_RECOVERY_FLUSH
	rc = bio_flush(heap->meta_blob);
#endif
#ifndef PLANTED_SAME_INCARNATION
	super->incarnation++;
	super->closed = 0;
	if (rc == 0)
		rc = umem__super_write(heap);
#endif
	heap->wal.incarnation = super->incarnation;
	return rc;
}

int
umem__recover(struct umem *heap)
{
	struct wal *wal = &heap->wal;
	int rc;

	rc = umem__map_load(heap);
	if (rc == 0)
		rc = load_system(heap);
	if (rc == 0)
		rc = umem__checkpoint_init(heap);
	if (rc == 0)
		rc = replay_log(heap);
	if (rc == 0)
		rc = umem__alloc_scan(heap);
	if (rc == 0)
		rc = umem__units_settle(heap);
	if (rc != 0)
		return rc;
	heap->checkpoint.covered = heap->map.super->replay_lsn - 1;
	rc = begin_incarnation(heap);
#ifndef PLANTED_SKIP_RECOVERY_CHECKPOINT
	if (rc == 0 && wal->durable < wal->tail) {
		env_sometimes(heap->env, "umem: a checkpoint covers the end of the log");
		rc = cover(heap);
	}
#endif
	heap->lsn_durable = heap->lsn;
	wal->durable = wal->tail;
	if (rc == 0 && heap->replayed != 0)
		log_note(heap->log, "%s: replayed %lu transactions up to LSN %lu", heap->name, heap->replayed, heap->lsn);
	return rc;
}
