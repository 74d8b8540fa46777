/* SPDX-License-Identifier: Apache-2.0 */
/*
 * umem/check: says whether allocator and map agree with themselves: the invariants alloc I1, I2, residency I1 and map I1-I3,
 * for tests and the checker. Looks at resident segments in place and loads the others; yields between segments, so what
 * it says of the whole is exact only while nothing is committed meanwhile.
 */
#include "base/bitmap.h"
#include "heap.h"

struct checker {
	struct umem *heap;
	uint64_t used, free_segs;
	uint32_t at;
};

static int
wrong(struct umem *heap, uint64_t at, const char *what)
{
	log_error(heap->log, "%s: check: segment %lu: %s", heap->name, at, what);
	return -DER_DF_INVAL;
}

/* The directory's and the volatile view of one segment. */
static int
check_dir(struct checker *c, uint32_t at)
{
	struct umem *heap = c->heap;
	const struct umem_dir *dir = &heap->dir[at];
	const struct seg *seg = &heap->segs[at];
	bool slots = dir->kind == UMEM_DIR_SMALL || dir->kind == UMEM_DIR_MID;
	bool listed = slots && dir->free > seg->held_nr;
	uint8_t list = !listed ? LIST_NONE : seg->mem != NULL ? LIST_RESIDENT : LIST_ABSENT;

	if (heap->table[at] != NULL && heap->table[at] != seg->mem)
		return wrong(heap, at, "residency I1: the table points elsewhere");
	if (seg->list != list || (listed && seg->list_cls != dir->cls))
		return wrong(heap, at, "alloc I2: in the wrong list");
	if (bitmap_test(heap->free_map, at) != (dir->kind == UMEM_DIR_FREE && seg->held_nr == 0))
		return wrong(heap, at, "alloc I2: its bit in the map of free segments is wrong");
	c->free_segs += dir->kind == UMEM_DIR_FREE && seg->held_nr == 0;
	switch (dir->kind) {
	case UMEM_DIR_FREE:
		return seg->mem != NULL ? wrong(heap, at, "free, but in memory") : 0;
	case UMEM_DIR_SMALL:
	case UMEM_DIR_MID:
		c->used += (uint64_t)(heap->classes[dir->cls].slots - dir->free) * heap->classes[dir->cls].size;
		break;
	default:
		c->used += UMEM_SEGMENT;
	}
	if (dir->kind == UMEM_DIR_MID && dir->free + (uint32_t)__builtin_popcountll(dir->bitmap) != heap->classes[dir->cls].slots)
		return wrong(heap, at, "alloc I1: free slots and bitmap differ");
	return 0;
}

/* What is held is free in the bitmap. */
static int
check_held(struct checker *c, uint32_t at, const uint64_t *bitmap)
{
	struct umem *heap = c->heap;
	const struct seg *seg = &heap->segs[at];
	uint32_t held = 0;

	for (uint32_t w = 0; seg->held != NULL && w < heap->classes[heap->dir[at].cls].words; w++) {
		held += (uint32_t)__builtin_popcountll(seg->held[w]);
		if ((seg->held[w] & bitmap[w]) != 0)
			return wrong(heap, at, "alloc I3: a slot in quarantine is in use");
	}
	return held != seg->held_nr ? wrong(heap, at, "alloc I3: the quarantine has another number of slots") : 0;
}

static int
check_small(struct umem *heap, void *arg)
{
	struct checker *c = arg;
	const char *mem;
	int rc;

	if (heap->dir[c->at].kind != UMEM_DIR_SMALL)
		return 0;
	mem = umem__seg(heap, c->at);
	rc = umem__small_valid(heap, c->at, mem);
	return rc == 0 ? check_held(c, c->at, ((const struct umem_small *)mem)->bitmap) : rc;
}

static int
check_map(struct umem *heap)
{
	struct map *map = &heap->map;
	uint64_t *named = MEM_NEW_ARRAY(heap->mem, uint64_t, BITMAP_WORDS(map->slots));
	uint64_t pages = heap->heap_size / UMEM_PAGE, inner = DIV_UP(map->leaf_nr, UMEM_REFS_PER_PAGE);
	bool twice = false;

	if (named == NULL)
		return -DER_NOMEM;
	for (uint64_t i = 0; i < pages + map->leaf_nr + inner; i++) {
		uint32_t slot = i < pages                  ? umem__map_get(heap, i).slot
				: i < pages + map->leaf_nr ? map->leaf_refs[i - pages].slot
							   : map->inner[i - pages - map->leaf_nr].slot;

		if (slot == 0)
			continue;
		twice |= slot < UMEM_SUPER_SLOTS || slot >= map->slots || bitmap_test(named, slot) || !bitmap_test(map->used, slot);
		if (slot < map->slots)
			bitmap_set(named, slot);
	}
	for (uint64_t i = UMEM_SUPER_SLOTS; i < map->slots && !twice; i++)
		twice = bitmap_test(map->used, i) && !bitmap_test(named, i) && !bitmap_test(map->release, i);
	if (!twice)
		twice = map->slots - bitmap_count(map->used, map->slots) != map->free_nr;
	mem_free(heap->mem, named);
	if (twice)
		log_error(heap->log, "%s: check: map I1-I3: slots are named twice, not at all, or miscounted", heap->name);
	return twice ? -DER_DF_INVAL : 0;
}

int
umem_check(struct umem *heap)
{
	struct checker c = { .heap = heap };
	uint64_t lsn = heap->lsn;
	int rc = 0;

	for (uint64_t at = heap->sys_segs; at < heap->seg_nr && rc == 0; at++) {
		rc = check_dir(&c, (uint32_t)at);
		if (rc == 0 && heap->dir[at].kind == UMEM_DIR_MID)
			rc = check_held(&c, (uint32_t)at, &heap->dir[at].bitmap);
		c.at = (uint32_t)at;
		if (rc == 0 && heap->dir[at].kind == UMEM_DIR_SMALL)
			rc = umem_read(heap, check_small, &c);
	}
	if (rc == 0 && heap->lsn == lsn && (c.used != heap->used || c.free_segs != heap->free_segs)) {
		log_error(heap->log, "%s: check: %lu bytes in use and %lu segments free, counted %lu and %lu", heap->name, heap->used,
			  heap->free_segs, c.used, c.free_segs);
		rc = -DER_DF_INVAL;
	}
	if (rc == 0 && !heap->ram && !heap->checkpoint.running)
		rc = check_map(heap);
	return rc;
}
