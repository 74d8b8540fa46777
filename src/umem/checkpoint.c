/* SPDX-License-Identifier: Apache-2.0 */
/*
 * umem/checkpoint: brings what changed since the last one to meta, so that the log before it is not needed. Bodies go on
 * meanwhile: pages are copied as they are when their turn comes ("fuzzy"), and what changes later is dirty again.
 *
 *	point  where replay will begin: the log's last batch boundary
 *	sweep  each dirty page: copy, checksum, write to a free slot, new reference in the map
 *	wait   until the log is durable up to the newest page image (a page must not know more than the log)
 *	map    each dirty leaf, then each inner page: to free slots
 *	flush  all of that is on the medium
 *	super  the next superblock names the new root and point; durable
 *	free   replaced slots, the log before point; pages in flight are clean
 *
 *	checkpoint I1  Nothing that the published superblock leads to is overwritten before the next one is durable.
 *	checkpoint I2  Replaying the log from point over the published pages gives the heap: every change with an LSN before point
 *	               is in an image, and every LSN that an image may contain is in the durable log.
 *	checkpoint I3  One checkpoint at a time, in the ULT of its own; only it changes the map.
 *
 * When free slots run out in the middle of a sweep, what is done is published with the old point (which frees the replaced
 * slots) and the sweep begins again. Everything yields. A crash leaves the published state whole: I1.
 */
#include "base/bitmap.h"
#include "heap.h"

#define STAGE (64 * KIB)                      /* one write of neighbouring slots */
#define PAGES_PER_STAGE ((uint32_t)(STAGE / UMEM_PAGE))
#define RETRY_NS (100 * NS_PER_MS)            /* after it failed for lack of memory */
#define ROUNDS_MAX 64

/* ---- writing slots --------------------------------------------------------------------------------------------------------- */

/* Pages on their way, gathered while their slots are neighbours. */
struct writer {
	struct umem *heap;
	struct pool pool;
	char *buf;
	uint32_t slot, nr;
};

/* A staging buffer that no write uses. */
static char *
stage_free(struct writer *w)
{
	while (w->pool.busy == POOL_OPS)
		ult_cond_wait(&w->pool.changed, NULL);
	for (uint32_t i = 0; i <= POOL_OPS; i++) {
		char *buf = w->heap->checkpoint.staging + i * STAGE;
		bool used = false;

		for (uint32_t op = 0; op < POOL_OPS; op++)
			used |= w->pool.ops[op].busy && w->pool.ops[op].iov.iov_base == buf;
		if (!used)
			return buf;
	}
	ASSERT(false);
	return NULL;
}

static void
writer_push(struct writer *w)
{
	if (w->nr != 0)
		umem__pool_start(&w->pool, ENV_IO_WRITE, w->slot * (uint64_t)UMEM_BLOCK, w->buf, w->nr * UMEM_PAGE);
	w->buf = NULL;
	w->nr = 0;
}

/* Room for the page that goes to slot. YIELDS when a buffer is full */
static char *
writer_room(struct writer *w, uint32_t slot)
{
	if (w->nr != 0 && (w->nr == PAGES_PER_STAGE || w->slot + w->nr != slot))
		writer_push(w);
	if (w->buf == NULL) {
		w->buf = stage_free(w);
		w->slot = slot;
	}
	return w->buf + w->nr++ * UMEM_PAGE;
}

static int
writer_end(struct writer *w)
{
	writer_push(w);
	return umem__pool_wait(&w->pool);
}

/* ---- the sweep ------------------------------------------------------------------------------------------------------------- */

static bool
page_is_zero(const char *page)
{
	uint64_t or = 0;

	for (uint32_t i = 0; i < UMEM_PAGE / 8 && or == 0; i++)
		or = ((const uint64_t *)page)[i];
	return or == 0;
}

/*
 * Copies one page. 0; -DER_NOSPACE, -DER_NOMEM: it is still dirty. Yields for a buffer before it looks at the page, and
 * says -DER_AGAIN when its segment was freed meanwhile (and maybe taken anew).
 */
static int
sweep_page(struct writer *w, uint32_t at, uint32_t page)
{
	struct umem *heap = w->heap;
	uint64_t number = at * (uint64_t)UMEM_PAGES_PER_SEG + page;
	struct umem_ref ref = { .slot = umem__map_take(heap, false) };
	uint16_t bit = (uint16_t)(1U << page);
	struct seg *seg = &heap->segs[at];
	char *room;
	int rc;

	if (ref.slot == 0)
		return -DER_NOSPACE;
	room = writer_room(w, ref.slot);
	if ((seg->dirty & bit) == 0 || (seg->flags & SEG_UNMAP) != 0) {
		/* The slot comes back with the next superblock: nothing names it. */
		memset(room, 0, UMEM_PAGE);
		bitmap_set(heap->map.release, ref.slot);
		return -DER_AGAIN;
	}
	memcpy(room, seg->mem + page * UMEM_PAGE, UMEM_PAGE);
	ref.lsn = heap->lsn;
	ref.crc = umem__map_crc(heap, 0, number, &ref, room);
	rc = umem__map_set(heap, number, &ref);
	if (rc != 0) {
		bitmap_set(heap->map.release, ref.slot);
		return rc;
	}
	seg->dirty &= (uint16_t)~bit;
	seg->flight |= bit;
	bitmap_set(heap->flight_map, at);
	return 0;
}

/* A page of zeros needs no slot. */
static bool
sweep_zero(struct umem *heap, uint32_t at, uint32_t page)
{
	struct umem_ref none = { .lsn = heap->lsn };
	struct seg *seg = &heap->segs[at];

	if (!page_is_zero(seg->mem + page * UMEM_PAGE))
		return false;
	umem__map_set(heap, at * (uint64_t)UMEM_PAGES_PER_SEG + page, &none);
	seg->dirty &= (uint16_t)~(1U << page);
	seg->flight |= (uint16_t)(1U << page);
	bitmap_set(heap->flight_map, at);
	return true;
}

static int
sweep_seg(struct writer *w, uint32_t at)
{
	struct umem *heap = w->heap;
	struct seg *seg = &heap->segs[at];
	int rc = 0;

	/* What the segment held before it was freed leaves the map before anything new enters it. */
	if ((seg->flags & SEG_UNMAP) != 0) {
		struct umem_ref none = { .lsn = heap->lsn };

		for (uint32_t page = 0; page < UMEM_PAGES_PER_SEG; page++)
			umem__map_set(heap, at * (uint64_t)UMEM_PAGES_PER_SEG + page, &none);
		seg->flags &= (uint8_t)~SEG_UNMAP;
	}
	for (uint32_t page = 0; page < UMEM_PAGES_PER_SEG && rc == 0; page++)
		if ((seg->dirty >> page & 1) != 0 && !sweep_zero(heap, at, page))
			rc = sweep_page(w, at, page);
	if (seg->dirty == 0 && (seg->flags & SEG_UNMAP) == 0)
		bitmap_clear(heap->dirty_map, at);
	return rc;
}

/* YIELDS. -DER_NOSPACE: slots ran out. */
static int
sweep(struct umem *heap, struct writer *w)
{
	int rc = 0, io_rc;
	size_t at = 0;

	while (rc == 0 && heap->failed == 0) {
		at = bitmap_find_set(heap->dirty_map, heap->seg_nr, at);
		if (at == BITMAP_NONE)
			break;
		rc = sweep_seg(w, (uint32_t)at);
		if (rc == -DER_AGAIN)
			rc = 0;
		else
			at++;
		if (at % 4 == 0)
			ult_yield();
	}
	io_rc = writer_end(w);
	return io_rc != 0 ? io_rc : rc;
}

/* ---- the map, the superblock -------------------------------------------------------------------------------------------------- */

static void
write_map_page(struct writer *w, uint32_t level, uint64_t number, uint64_t lsn, const void *page, struct umem_ref *ref)
{
	struct umem *heap = w->heap;
	struct umem_ref new = { .slot = umem__map_take(heap, true), .lsn = lsn };
	char *room;

	ASSERTF(new.slot != 0, "map I4");
	room = writer_room(w, new.slot);
	memcpy(room, page, UMEM_PAGE);
	new.crc = umem__map_crc(heap, level, number, &new, room);
	if (ref->slot != 0)
		bitmap_set(heap->map.release, ref->slot);
	*ref = new;
}

static int
write_map(struct umem *heap, struct writer *w, uint64_t lsn)
{
	struct map *map = &heap->map;

	bitmap_each_set(i, map->leaf_dirty, map->leaf_nr) {
		write_map_page(w, 1, i, lsn, map->leaves[i], &map->leaf_refs[i]);
		bitmap_clear(map->leaf_dirty, i);
		bitmap_set(map->inner_dirty, i / UMEM_REFS_PER_PAGE);
	}
	bitmap_each_set(i, map->inner_dirty, UMEM_INNER_MAX) {
		write_map_page(w, 2, i, lsn, &map->leaf_refs[i * UMEM_REFS_PER_PAGE], &map->inner[i]);
		bitmap_clear(map->inner_dirty, i);
	}
	return writer_end(w);
}

int
umem__super_write(struct umem *heap)
{
	struct umem_super *super = heap->map.super;
	struct iovec iov = { .iov_base = super, .iov_len = sizeof(*super) };

	super->generation++;
	memcpy(super->inner, heap->map.inner, sizeof(super->inner));
	super->crc = umem__super_crc(super);
	return bio_write(heap->meta_blob, super->generation % UMEM_SUPER_SLOTS * UMEM_BLOCK, &iov, 1, true);
}

static void
publish(struct umem *heap)
{
	umem__map_published(heap);
	umem__wal_free(heap, heap->map.super->replay_pos);
	bitmap_each_set(i, heap->flight_map, heap->seg_nr) {
		heap->segs[i].flight = 0;
		bitmap_clear(heap->flight_map, i);
	}
}

/* One round: as much as free slots allow. *whole: it was everything. */
static int
round_once(struct umem *heap, struct writer *w, bool *whole)
{
	struct umem_super *super = heap->map.super;
	struct wal_point point;
	uint64_t lsn;
	int rc;

	umem__wal_point(heap, &point);
	rc = sweep(heap, w);
	*whole = rc == 0;
	if (rc != 0 && rc != -DER_NOSPACE)
		return rc;
	lsn = heap->lsn;
#ifndef PLANTED_SKIP_WAL_BEFORE_SUPER
	rc = umem_wait(heap, lsn);
	if (rc != 0)
		return rc;
#endif
#ifdef PLANTED_FREE_SLOTS_EARLY
	umem__map_published(heap);
#endif
	rc = write_map(heap, w, lsn);
#ifndef PLANTED_SKIP_FLUSH_BEFORE_SUPER
	if (rc == 0)
		rc = bio_flush(heap->meta_blob);
#endif
	if (rc != 0)
		return rc;
	super->image_lsn = MAX(super->image_lsn, lsn);
	if (*whole) {
		super->replay_pos = point.pos;
		super->replay_lsn = point.lsn;
		super->replay_incarnation = point.incarnation;
		super->replay_prev_crc = point.prev_crc;
	}
	super->closed = *whole && heap->closing && heap->lsn == point.lsn - 1;
#ifdef PLANTED_FREE_LOG_EARLY
	umem__wal_free(heap, super->replay_pos);
#endif
	rc = umem__super_write(heap);
	if (rc == 0)
		publish(heap);
	if (rc == 0 && *whole)
		heap->checkpoint.covered = point.lsn - 1;
	return rc;
}

int
umem__checkpoint_now(struct umem *heap)
{
	struct writer *w = MEM_NEW(heap->mem, struct writer);
	uint64_t begun = env_mono(heap->env);
	bool whole = false;
	int rc = 0;

	if (w == NULL)
		return -DER_NOMEM;
	w->heap = heap;
	umem__pool_init(&w->pool, heap->meta_blob);
	for (uint32_t n = 0; n < ROUNDS_MAX && !whole && rc == 0; n++) {
		rc = heap->failed != 0 ? -DER_IO : round_once(heap, w, &whole);
		if (!whole)
			env_sometimes(heap->env, "umem: a checkpoint needs more than one round");
	}
	umem__pool_wait(&w->pool);
	mem_free(heap->mem, w);
	if (rc == 0 && !whole)
		rc = -DER_NOSPACE;
	if (rc == 0) {
		heap->checkpoints++;
		heap->checkpoint_ns += env_mono(heap->env) - begun;
		env_sometimes(heap->env, "umem: a checkpoint is durable");
	} else if (rc != -DER_NOMEM && heap->failed == 0) {
		umem__fail(heap, rc);
	}
	return rc;
}

/* ---- when ------------------------------------------------------------------------------------------------------------------------ */

static bool
is_dirty(const struct umem *heap)
{
	return heap->lsn > heap->checkpoint.covered;
}

static bool
under_pressure(const struct umem *heap)
{
	return umem__wal_used(heap) * 100 >= heap->wal.blocks * heap->checkpoint.wal_percent;
}

/* Waits until one is due. */
static void
await_work(struct umem *heap)
{
	struct checkpoint *c = &heap->checkpoint;

	while (!heap->closing && heap->failed == 0 && c->wanted == c->served && !(is_dirty(heap) && under_pressure(heap))) {
		if (is_dirty(heap)) {
			if (ult_cond_wait_until(&c->wake, NULL, c->due_ns) == -DER_TIMEDOUT)
				return;
			continue;
		}
		c->dozing = true;
		ult_cond_wait(&c->wake, NULL);
		c->dozing = false;
		c->due_ns = env_mono(heap->env) + c->period_ns;
	}
}

static void
service(void *arg)
{
	struct umem *heap = arg;
	struct checkpoint *c = &heap->checkpoint;

	while (heap->failed == 0) {
		uint64_t wanted;

		await_work(heap);
		if (heap->failed != 0 || (heap->closing && !is_dirty(heap)))
			break;
		wanted = c->wanted;
		c->running = true;
		c->rc = is_dirty(heap) || heap->checkpoints == 0 ? umem__checkpoint_now(heap) : 0;
		c->running = false;
		c->served = wanted;
		c->due_ns = env_mono(heap->env) + c->period_ns;
		ult_cond_broadcast(&c->done);
		if (c->rc != 0 && heap->closing)
			break;
		if (c->rc == -DER_NOMEM)
			ult_sleep(RETRY_NS);
	}
	c->rc = heap->failed != 0 ? -DER_IO : c->rc;
	c->served = c->wanted;
	ult_cond_broadcast(&c->done);
}

void
umem__checkpoint_poke(struct umem *heap)
{
	struct checkpoint *c = &heap->checkpoint;

	if (heap->ram || c->running)
		return;
	if (c->dozing || under_pressure(heap))
		ult_cond_signal(&c->wake);
}

void
umem__checkpoint_ask(struct umem *heap)
{
	struct checkpoint *c = &heap->checkpoint;

	if (heap->failed != 0 || c->wanted != c->served)
		return;
	c->wanted++;
	ult_cond_signal(&c->wake);
}

int
umem__checkpoint_wait(struct umem *heap)
{
	struct checkpoint *c = &heap->checkpoint;
	uint64_t mine = ++c->wanted;

	ult_cond_signal(&c->wake);
	while (c->served < mine && heap->failed == 0)
		ult_cond_wait(&c->done, NULL);
	return heap->failed != 0 ? -DER_IO : c->rc;
}

int
umem_checkpoint(struct umem *heap)
{
	if (heap->ram)
		return 0;
	return heap->failed != 0 ? -DER_IO : umem__checkpoint_wait(heap);
}

int
umem__checkpoint_init(struct umem *heap)
{
	heap->checkpoint.staging = mem_alloc_aligned(heap->mem, (POOL_OPS + 1) * STAGE, UMEM_PAGE);
	return heap->checkpoint.staging == NULL ? -DER_NOMEM : 0;
}

int
umem__checkpoint_start(struct umem *heap)
{
	struct checkpoint *c = &heap->checkpoint;

	c->due_ns = env_mono(heap->env) + c->period_ns;
	return ult_spawn(heap->xs, ULT_CHECKPOINT, "umem checkpoint", service, heap, &c->ult);
}

void
umem__checkpoint_stop(struct umem *heap)
{
	struct checkpoint *c = &heap->checkpoint;

	heap->closing = true;
	if (c->ult == NULL)
		return;
	ult_cond_broadcast(&c->wake);
	ult_join(c->ult);
	c->ult = NULL;
}
