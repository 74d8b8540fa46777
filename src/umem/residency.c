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

int
umem__load(struct umem *heap, uint32_t at, struct list *pins)
{
	log_error(heap->log, "%s: segment %u is used but not in memory", heap->name, at);
	return -DER_DF_INVAL;
}
