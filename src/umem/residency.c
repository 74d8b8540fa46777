/* SPDX-License-Identifier: Apache-2.0 */
/*
 * umem/residency: which segments stand in memory. A unit is what is loaded and dropped as a whole: one segment of slots,
 * or all segments of a LARGE allocation, so that their addresses are contiguous.
 *
 *	absent --load--> resident, clean --commit--> dirty --copied by a checkpoint--> in flight --published--> clean
 *	clean, unpinned, nothing held --evict--> absent
 *
 * Eviction goes round the resident units like a clock's hand. It takes a unit's addresses out of the table first; the
 * next use puts them back (no reading: the memory is still there); a unit that is met without is dropped.
 *
 *	residency I1  table[i] is NULL or segs[i].mem.
 *	residency I2  A unit with a dirty page, a page in flight, a held slot or a pin is not evicted.
 *
 * Loading yields; what was wanted may be freed or taken anew meanwhile (gen tells): then the bytes read are thrown away.
 */
#include "base/bitmap.h"
#include "heap.h"

static void
clock_enter(struct umem *heap, uint32_t at)
{
	struct seg *seg = &heap->segs[at], *hand;

	if (heap->clock_hand == NO_SEG) {
		seg->clock_prev = seg->clock_next = at;
		heap->clock_hand = at;
		return;
	}
	/* Behind the hand: the last one it comes to. */
	hand = &heap->segs[heap->clock_hand];
	seg->clock_next = heap->clock_hand;
	seg->clock_prev = hand->clock_prev;
	heap->segs[hand->clock_prev].clock_next = at;
	hand->clock_prev = at;
}

static void
clock_leave(struct umem *heap, uint32_t at)
{
	struct seg *seg = &heap->segs[at];

	if (seg->clock_next == at) {
		heap->clock_hand = NO_SEG;
		return;
	}
	heap->segs[seg->clock_prev].clock_next = seg->clock_next;
	heap->segs[seg->clock_next].clock_prev = seg->clock_prev;
	if (heap->clock_hand == at)
		heap->clock_hand = seg->clock_next;
}

static void
unit_install(struct umem *heap, uint32_t at, uint32_t nr, char *mem)
{
	for (uint32_t i = 0; i < nr; i++) {
		struct seg *seg = &heap->segs[at + i];

		ASSERT(seg->mem == NULL);
		seg->mem = mem + i * UMEM_SEGMENT;
		seg->unit = 0;
		heap->table[at + i] = seg->mem;
	}
	heap->segs[at].unit = (uint16_t)nr;
	heap->resident += nr;
	clock_enter(heap, at);
}

int
umem__unit_new(struct umem *heap, uint32_t at, uint32_t nr)
{
	char *mem = mem_alloc_aligned(heap->mem, nr * UMEM_SEGMENT, UMEM_PAGE);

	if (mem == NULL)
		return -DER_NOMEM;
	memset(mem, 0, nr * UMEM_SEGMENT);
	for (uint32_t i = 0; i < nr; i++)
		heap->segs[at + i].gen++;
	unit_install(heap, at, nr, mem);
	return 0;
}

void
umem__unit_drop(struct umem *heap, uint32_t at)
{
	struct seg *seg = &heap->segs[at];
	uint32_t nr = seg->unit;

	ASSERT(nr != 0);
	clock_leave(heap, at);
	mem_free(heap->mem, seg->mem);
	for (uint32_t i = 0; i < nr; i++) {
		seg[i].mem = NULL;
		heap->table[at + i] = NULL;
	}
	seg->unit = 0;
	heap->resident -= nr;
}

void
umem__page_dirty(struct umem *heap, uint64_t page)
{
	if (heap->ram)
		return;
	bitmap_set(heap->dirty_map, page / UMEM_PAGES_PER_SEG);
	heap->segs[page / UMEM_PAGES_PER_SEG].dirty |= (uint16_t)(1U << page % UMEM_PAGES_PER_SEG);
}

void
umem__unpin(struct umem *heap, struct list *pins)
{
	struct pin *pin;

	while ((pin = list_pop(pins, struct pin, link)) != NULL) {
		heap->segs[pin->seg].pins--;
		mem_free(heap->mem, pin);
	}
}

void
umem__units_fini(struct umem *heap)
{
	while (heap->clock_hand != NO_SEG)
		umem__unit_drop(heap, heap->clock_hand);
}

/* ---- loading ------------------------------------------------------------------------------------------------------------- */

/* Checks what was read of pages [page, page + nr). */
static int
pages_verify(struct umem *heap, uint64_t page, uint32_t nr, const char *mem)
{
	for (uint32_t i = 0; i < nr; i++) {
		struct umem_ref ref = umem__map_get(heap, page + i);

		if (ref.slot == 0)
			continue;
#ifndef PLANTED_SKIP_PAGE_CRC
		if (umem__map_crc(heap, 0, page + i, &ref, mem + i * UMEM_PAGE) != ref.crc) {
			log_error(heap->log, "%s: meta: block %u, page %lu of the heap, is damaged: its checksum does not match",
				  heap->name, ref.slot, page + i);
			return -DER_CSUM;
		}
#endif
	}
	return 0;
}

/* YIELDS */
static int
pages_read(struct umem *heap, uint64_t page, uint32_t nr, char *mem)
{
	struct pool *pool = MEM_NEW(heap->mem, struct pool);
	uint32_t run, i = 0;
	int rc;

	if (pool == NULL)
		return -DER_NOMEM;
	umem__pool_init(pool, heap->meta_blob);
	while (i < nr) {
		uint32_t slot = umem__map_get(heap, page + i).slot;

		for (run = 1; slot != 0 && i + run < nr && umem__map_get(heap, page + i + run).slot == slot + run;)
			run++;
		if (slot != 0)
			umem__pool_start(pool, ENV_IO_READ, slot * (uint64_t)UMEM_BLOCK, mem + i * UMEM_PAGE, run * UMEM_PAGE);
		else
			memset(mem + i * UMEM_PAGE, 0, UMEM_PAGE);
		i += run;
	}
	rc = umem__pool_wait(pool);
	mem_free(heap->mem, pool);
	return rc;
}

int
umem__pages_load(struct umem *heap, uint64_t page, uint32_t nr, char *mem)
{
	int rc = pages_read(heap, page, nr, mem);

	return rc == 0 ? pages_verify(heap, page, nr, mem) : rc;
}

int
umem__small_valid(struct umem *heap, uint32_t at, const char *mem)
{
	const struct umem_dir *dir = &heap->dir[at];
	const struct umem_small *head = (const struct umem_small *)mem;
	const struct size_class *cls = &heap->classes[dir->cls];
	uint32_t used = 0;

	if (dir->kind != UMEM_DIR_SMALL)
		return 0;
	for (uint32_t i = 0; i < cls->words; i++)
		used += (uint32_t)__builtin_popcountll(head->bitmap[i]);
	if (head->magic == UMEM_SMALL_MAGIC && head->cls == dir->cls && head->seg == at && head->slots == cls->slots &&
	    head->data == cls->data && used + dir->free == cls->slots &&
	    (cls->slots % 64 == 0 || head->bitmap[cls->words - 1] >> cls->slots % 64 == 0))
		return 0;
	log_error(heap->log, "%s: segment %u (class %u, %u of %u free) contradicts the directory", heap->name, at, dir->cls,
		  dir->free, cls->slots);
	return -DER_DF_INVAL;
}

/* The unit's bytes have come. Nothing else happened to its segments since gen. */
static int
unit_arrived(struct umem *heap, uint32_t at, uint32_t nr, char *mem, struct list *pins, struct pin *pin)
{
	int rc = pages_verify(heap, at * (uint64_t)UMEM_PAGES_PER_SEG, nr * UMEM_PAGES_PER_SEG, mem);

	if (rc == 0)
		rc = umem__small_valid(heap, at, mem);
	if (rc != 0)
		return rc;
	unit_install(heap, at, nr, mem);
	for (uint32_t i = 0; i < nr; i++)
		umem__alloc_refresh(heap, at + i);
	pin->seg = at;
	heap->segs[at].pins++;
	list_append(pins, &pin->link);
	return 0;
}

/* One that is absent and that nobody loads. YIELDS */
static int
unit_load(struct umem *heap, uint32_t at, uint32_t nr, struct list *pins)
{
	char *mem = mem_alloc_aligned(heap->mem, nr * UMEM_SEGMENT, UMEM_PAGE);
	struct pin *pin = MEM_NEW(heap->mem, struct pin);
	struct seg *seg = &heap->segs[at];
	uint32_t gen = seg->gen;
	bool installed = false;
	int rc = mem == NULL || pin == NULL ? -DER_NOMEM : 0;

	if (rc == 0) {
		seg->flags |= SEG_LOADING;
		rc = pages_read(heap, at * (uint64_t)UMEM_PAGES_PER_SEG, nr * UMEM_PAGES_PER_SEG, mem);
		seg->flags &= (uint8_t)~SEG_LOADING;
		ult_cond_broadcast(&heap->loaded);
	}
	if (rc == 0 && seg->gen == gen) {
		rc = unit_arrived(heap, at, nr, mem, pins, pin);
		installed = rc == 0;
	} else if (seg->gen != gen) {
		env_sometimes(heap->env, "umem: a segment was freed while it was loaded");
		rc = 0;
	}
	if (!installed) {
		mem_free(heap->mem, mem);
		mem_free(heap->mem, pin);
	}
	return rc;
}

int
umem__load(struct umem *heap, uint32_t at, struct list *pins)
{
	uint32_t first, nr;

	if (heap->ram) {
		log_error(heap->log, "%s: segment %u is in use but not in memory", heap->name, at);
		return -DER_DF_INVAL;
	}
	/* The body runs again whatever happens meanwhile, and says what it needs then. */
	for (bool tried = false;; tried = true) {
		if (heap->segs[at].mem != NULL || !umem__alloc_unit(heap, at, &first, &nr))
			return 0;
		if ((heap->segs[first].flags & SEG_LOADING) != 0) {
			ult_cond_wait(&heap->loaded, NULL);
			return 0;
		}
		if (tried || !umem__make_room(heap, nr))
			return unit_load(heap, first, nr, pins);
	}
}

/* ---- evicting -------------------------------------------------------------------------------------------------------------- */

static bool
unit_busy(const struct umem *heap, uint32_t at)
{
	const struct seg *seg = &heap->segs[at];

	if (seg->pins != 0)
		return true;
	for (uint32_t i = 0; i < seg->unit; i++)
		if (seg[i].dirty != 0 || seg[i].flight != 0 || seg[i].held_nr != 0)
			return true;
	return false;
}

/* A unit that can go, by the clock; NO_SEG: none. */
static uint32_t
victim(struct umem *heap)
{
	for (uint64_t n = 2 * heap->resident; n > 0 && heap->clock_hand != NO_SEG; n--) {
		uint32_t at = heap->clock_hand;
		bool used = false;

		heap->clock_hand = heap->segs[at].clock_next;
		if (unit_busy(heap, at))
			continue;
		for (uint32_t i = 0; i < heap->segs[at].unit; i++) {
			used |= heap->table[at + i] != NULL;
			heap->table[at + i] = NULL;
		}
		if (!used)
			return at;
	}
	return NO_SEG;
}

static void
evict(struct umem *heap, uint32_t at)
{
	uint32_t nr = heap->segs[at].unit;

	umem__unit_drop(heap, at);
	for (uint32_t i = 0; i < nr; i++)
		umem__alloc_refresh(heap, at + i);
	env_sometimes(heap->env, "umem: a segment was evicted");
}

bool
umem__make_room(struct umem *heap, uint32_t nr)
{
	bool waited = false;

	while (heap->budget != 0 && heap->resident + nr > heap->budget) {
		uint32_t at = victim(heap);

		if (at != NO_SEG) {
			evict(heap, at);
			continue;
		}
		/* All that is not in use right now is dirty: once written it can go. If even then nothing can, the budget gives way. */
		if (waited || heap->failed != 0)
			break;
		waited = true;
		if (umem__checkpoint_wait(heap) != 0)
			break;
	}
	return waited;
}

void
umem__trim(struct umem *heap)
{
	while (heap->resident > heap->budget) {
		uint32_t at = victim(heap);

		if (at == NO_SEG) {
			/* New allocations are never refused for it; those who make them wait when it goes too far. */
			if (heap->resident > heap->budget + heap->budget / 4)
				umem__make_room(heap, 0);
			else
				umem__checkpoint_ask(heap);
			return;
		}
		evict(heap, at);
	}
}

/* ---- replay ------------------------------------------------------------------------------------------------------------------ */

int
umem__seg_raw(struct umem *heap, uint32_t at)
{
	uint64_t page = at * (uint64_t)UMEM_PAGES_PER_SEG;
	char *mem;
	int rc;

	if (heap->segs[at].mem != NULL)
		return 0;
	mem = mem_alloc_aligned(heap->mem, UMEM_SEGMENT, UMEM_PAGE);
	if (mem == NULL)
		return -DER_NOMEM;
	rc = umem__pages_load(heap, page, UMEM_PAGES_PER_SEG, mem);
	if (rc != 0) {
		mem_free(heap->mem, mem);
		return rc;
	}
	unit_install(heap, at, 1, mem);
	return 0;
}

/* Joins the single segments that replay loaded of a large allocation. */
static int
settle_large(struct umem *heap, uint32_t at, uint32_t nr)
{
	char *mem;
	bool any = false;
	int rc = 0;

	for (uint32_t i = 0; i < nr; i++)
		any |= heap->segs[at + i].mem != NULL;
	if (!any || nr == 1)
		return 0;
	for (uint32_t i = 0; i < nr && rc == 0; i++)
		rc = umem__seg_raw(heap, at + i);
	if (rc != 0)
		return rc;
	mem = mem_alloc_aligned(heap->mem, nr * UMEM_SEGMENT, UMEM_PAGE);
	if (mem == NULL)
		return -DER_NOMEM;
	for (uint32_t i = 0; i < nr; i++) {
		memcpy(mem + i * UMEM_SEGMENT, heap->segs[at + i].mem, UMEM_SEGMENT);
		umem__unit_drop(heap, at + i);
	}
	unit_install(heap, at, nr, mem);
	return 0;
}

static void
settle_free(struct umem *heap, uint32_t at)
{
	struct seg *seg = &heap->segs[at];

	if (seg->mem != NULL)
		umem__unit_drop(heap, at);
	seg->dirty = 0;
	bitmap_clear(heap->dirty_map, at);
	for (uint32_t page = 0; page < UMEM_PAGES_PER_SEG; page++) {
		if (umem__map_get(heap, at * (uint64_t)UMEM_PAGES_PER_SEG + page).slot != 0) {
			seg->flags |= SEG_UNMAP;
			bitmap_set(heap->dirty_map, at);
			return;
		}
	}
}

int
umem__units_settle(struct umem *heap)
{
	int rc = 0;

	for (uint64_t at = heap->sys_segs; at < heap->seg_nr && rc == 0; at++) {
		const struct umem_dir *dir = &heap->dir[at];

		if (dir->kind == UMEM_DIR_LARGE)
			rc = settle_large(heap, (uint32_t)at, dir->run);
		else if (dir->kind == UMEM_DIR_FREE)
			settle_free(heap, (uint32_t)at);
		else if (heap->segs[at].mem != NULL)
			rc = umem__small_valid(heap, (uint32_t)at, heap->segs[at].mem);
		umem__alloc_refresh(heap, (uint32_t)at);
	}
	return rc;
}
