/* SPDX-License-Identifier: Apache-2.0 */
/*
 * umem/alloc: the allocator of the heap: persistent, and transactional because every change of it goes through the
 * transaction like any other.
 *
 * The heap is cut into segments of 64 KiB. The directory, always in memory, says of each what it is used for:
 *
 *	FREE --first slot of a class--> SMALL / MID --last slot freed--> FREE
 *	FREE ... FREE --one large allocation--> LARGE TAIL TAIL ... --freed--> FREE ... FREE
 *
 * SMALL segments (slots below 1 KiB) keep the bitmap in their head, MID ones (at most 64 slots) in the directory, which
 * also counts free slots: choosing a segment, and freeing MID and LARGE places, loads nothing.
 *
 * Volatile beside it: for each class the segments with slots to give, resident ones apart from absent ones; a bitmap of
 * free segments; the quarantine. All of it follows from the directory and the quarantine: refresh() brings the entries of
 * one segment up to date after any change, also after an undo.
 *
 *	alloc I1  free (directory) + used bits (bitmap) = slots of the class.
 *	alloc I2  A segment is in a list of its class exactly when it has free slots that are not held, in the one for
 *	          resident or absent segments as it is; its bit in free_map is set exactly when it is FREE and not held.
 *	alloc I3  What the quarantine names is free in the directory and is not given out (umem I4).
 *
 * Nothing yields. A crash in the middle leaves nothing behind: the transaction is not in the log.
 */
#include "base/bitmap.h"
#include "heap.h"

static const uint16_t class_sizes[CLASS_NR] = {
	16,   32,   48,   64,   80,   96,   112,  128,  160,  192,  224,  256,  320,
	384,  448,  512,  640,  768,  896,  1024, 1280, 1536, 1792, 2048, 2560, 3072,
	3584, 4096, 4672, 5456, 6544, 8192, 9360, 10912, 13104, 16384, 21840, 32768,
};

static void
class_init(struct size_class *cls, uint32_t size)
{
	cls->size = size;
	cls->resident = cls->absent = NO_SEG;
	if (size >= CLASS_MID_MIN) {
		cls->slots = (uint32_t)UMEM_SEGMENT / size;
		cls->words = 1;
		return;
	}
	cls->slots = ((uint32_t)UMEM_SEGMENT - sizeof(struct umem_small)) / size;
	for (;; cls->slots--) {
		uint32_t align = size % 64 == 0 ? 64 : 16;

		cls->words = DIV_UP(cls->slots, 64U);
		cls->data = ALIGN_UP((uint32_t)sizeof(struct umem_small) + cls->words * 8, align);
		if (cls->data + cls->slots * size <= UMEM_SEGMENT)
			return;
	}
}

static uint32_t
class_of(const struct umem *heap, size_t size)
{
	uint32_t cls = heap->class_of_16[MIN((size + 15) / 16, (size_t)CLASS_MID_MIN / 16)];

	while (class_sizes[cls] < size)
		cls++;
	return cls;
}

static bool
is_mid(uint32_t cls)
{
	return class_sizes[cls] >= CLASS_MID_MIN;
}

/* ---- lists and the map of free segments -------------------------------------------------------------------------------- */

static bool
map_test(const uint64_t *map, uint64_t i)
{
	return (map[i / 64] >> (i % 64) & 1) != 0;
}

static void
free_map_set(struct umem *heap, uint64_t seg, bool free)
{
	if (map_test(heap->free_map, seg) == free)
		return;
	heap->free_map[seg / 64] ^= 1ULL << (seg % 64);
	if (free) {
		heap->free_segs++;
		heap->free_hint = MIN(heap->free_hint, seg);
	} else {
		heap->free_segs--;
	}
}

static uint32_t *
list_head(struct umem *heap, uint32_t cls, uint8_t list)
{
	return list == LIST_RESIDENT ? &heap->classes[cls].resident : &heap->classes[cls].absent;
}

static void
list_leave(struct umem *heap, uint32_t at)
{
	struct seg *seg = &heap->segs[at];

	if (seg->list == LIST_NONE)
		return;
	if (seg->prev != NO_SEG)
		heap->segs[seg->prev].next = seg->next;
	else
		*list_head(heap, seg->list_cls, seg->list) = seg->next;
	if (seg->next != NO_SEG)
		heap->segs[seg->next].prev = seg->prev;
	seg->list = LIST_NONE;
}

static void
list_enter(struct umem *heap, uint32_t at, uint8_t cls, uint8_t list)
{
	struct seg *seg = &heap->segs[at];
	uint32_t *head = list_head(heap, cls, list);

	if (seg->list == list && seg->list_cls == cls)
		return;
	list_leave(heap, at);
	seg->list = list;
	seg->list_cls = cls;
	seg->prev = NO_SEG;
	seg->next = *head;
	if (*head != NO_SEG)
		heap->segs[*head].prev = at;
	*head = at;
}

static void
mark_empty(struct umem *heap, struct seg *seg, bool empty)
{
	if (empty == ((seg->flags & SEG_EMPTY) != 0))
		return;
	seg->flags ^= SEG_EMPTY;
	heap->empty_segs += empty ? 1 : -1;
}

void
umem__alloc_refresh(struct umem *heap, uint32_t at)
{
	const struct umem_dir *dir = &heap->dir[at];
	struct seg *seg = &heap->segs[at];
	bool slots = dir->kind == UMEM_DIR_SMALL || dir->kind == UMEM_DIR_MID;

	if (at < heap->sys_segs)
		return;
	if (seg->held != NULL && seg->held_nr == 0 && dir->kind == UMEM_DIR_FREE) {
		mem_free(heap->mem, seg->held);
		seg->held = NULL;
	}
	if (slots && dir->free > seg->held_nr)
		list_enter(heap, at, dir->cls, seg->mem != NULL ? LIST_RESIDENT : LIST_ABSENT);
	else
		list_leave(heap, at);
	mark_empty(heap, seg, slots && seg->held_nr == 0 && dir->free == heap->classes[dir->cls].slots);
	free_map_set(heap, at, dir->kind == UMEM_DIR_FREE && seg->held_nr == 0);
}

/* ---- segments ----------------------------------------------------------------------------------------------------------- */

static uint64_t
find_one(struct umem *heap)
{
	for (uint64_t w = heap->free_hint / 64; w * 64 < heap->seg_nr; w++) {
		if (heap->free_map[w] != 0) {
			heap->free_hint = w * 64 + (uint64_t)__builtin_ctzll(heap->free_map[w]);
			return heap->free_hint;
		}
	}
	return 0;
}

/* First fit. 0: none. */
static uint64_t
find_run(struct umem *heap, uint64_t nr)
{
	uint64_t run = 0;

	if (nr == 1)
		return find_one(heap);
	for (uint64_t i = heap->free_hint; i < heap->seg_nr; i++) {
		if (i % 64 == 0 && heap->free_map[i / 64] == 0) {
			run = 0;
			i += 63;
			continue;
		}
		run = map_test(heap->free_map, i) ? run + 1 : 0;
		if (run == nr)
			return i - nr + 1;
	}
	return 0;
}

static void
dir_touch(struct umem *heap, uint64_t seg)
{
	umem__tx_touch(heap, UMEM_DIR_OFF + seg * sizeof(struct umem_dir), sizeof(struct umem_dir));
}

/* Gives an empty segment of slots back to the free ones. */
static void
dir_clear(struct umem *heap, uint64_t seg)
{
	dir_touch(heap, seg);
	memset(&heap->dir[seg], 0, sizeof(heap->dir[seg]));
}

/* nr free segments in a row, with memory; 0: none. */
static uint64_t
take_segments(struct umem *heap, uint32_t nr)
{
	uint64_t keep = (heap->tx.flags & UMEM_RESERVE) != 0 ? 0 : heap->reserve_segs;
	uint64_t seg = 0;
	int rc;

	if (heap->free_segs >= keep + nr)
		seg = find_run(heap, nr);
	if (seg == 0) {
		heap->tx.starved = true;
		return 0;
	}
	/* Touched first: an undo finds the units of what it sets free by the entries that were touched. */
	for (uint32_t i = 0; i < nr; i++)
		dir_touch(heap, seg + i);
	rc = umem__unit_new(heap, (uint32_t)seg, nr);
	if (rc != 0)
		umem__bail(heap, rc);
	return seg;
}

static uint64_t
open_segment(struct umem *heap, uint32_t cls)
{
	const struct size_class *info = &heap->classes[cls];
	uint64_t seg = take_segments(heap, 1);
	struct umem_small *head;
	struct umem_dir *dir;

	if (seg == 0)
		return 0;
	dir = &heap->dir[seg];
	dir->kind = is_mid(cls) ? UMEM_DIR_MID : UMEM_DIR_SMALL;
	dir->cls = (uint8_t)cls;
	dir->free = (uint16_t)info->slots;
	dir->run = 0;
	dir->bitmap = 0;
	if (!is_mid(cls)) {
		umem__tx_touch(heap, seg << UMEM_SEG_SHIFT, sizeof(*head) + info->words * 8);
		head = (struct umem_small *)heap->segs[seg].mem;
		memset(head, 0, sizeof(*head) + info->words * 8);
		head->magic = UMEM_SMALL_MAGIC;
		head->cls = (uint16_t)cls;
		head->slots = (uint16_t)info->slots;
		head->data = info->data;
		head->seg = (uint32_t)seg;
	}
	umem__alloc_refresh(heap, (uint32_t)seg);
	return seg;
}

/* A segment of the class with a slot to give. Bails out to have an absent one loaded. 0: none. */
static uint64_t
choose_segment(struct umem *heap, uint32_t cls)
{
	struct size_class *info = &heap->classes[cls];
	uint64_t seg;

	if (info->resident != NO_SEG)
		return info->resident;
	/* An absent one is worth its load when an eighth of it is free, or when there is nothing else. */
	if (info->absent != NO_SEG && heap->dir[info->absent].free >= (info->slots + 7) / 8)
		umem__fault(heap, info->absent);
	seg = open_segment(heap, cls);
	if (seg == 0 && info->absent != NO_SEG)
		umem__fault(heap, info->absent);
	return seg;
}

/* ---- slots --------------------------------------------------------------------------------------------------------------- */

static uint64_t *
bitmap_of(struct umem *heap, uint64_t at, bool *mid)
{
	*mid = heap->dir[at].kind == UMEM_DIR_MID;
	return *mid ? &heap->dir[at].bitmap : ((struct umem_small *)heap->segs[at].mem)->bitmap;
}

static uint64_t
word_limit(const struct size_class *info, uint32_t word)
{
	uint32_t left = info->slots - word * 64;

	return left >= 64 ? UINT64_MAX : (1ULL << left) - 1;
}

static umem_off_t
take_slot(struct umem *heap, uint64_t at, uint32_t cls)
{
	const struct size_class *info = &heap->classes[cls];
	struct seg *seg = &heap->segs[at];
	bool mid;
	uint64_t *bitmap = bitmap_of(heap, at, &mid), base = at << UMEM_SEG_SHIFT;

	for (uint32_t n = 0; n < info->words; n++) {
		uint32_t word = (seg->hint + n) % info->words, bit;
		uint64_t taken = bitmap[word];

#ifndef PLANTED_REUSE_FREED_EARLY
		if (seg->held != NULL)
			taken |= seg->held[word];
#endif
		taken = ~taken & word_limit(info, word);
		if (taken == 0)
			continue;
		bit = (uint32_t)__builtin_ctzll(taken);
		dir_touch(heap, at);
		if (!mid)
			umem__tx_touch(heap, base + offsetof(struct umem_small, bitmap) + word * 8, 8);
		bitmap[word] |= 1ULL << bit;
		heap->dir[at].free--;
		seg->hint = (uint8_t)word;
		umem__alloc_refresh(heap, (uint32_t)at);
		heap->used += info->size;
		return base + info->data + (word * 64ULL + bit) * info->size;
	}
	/* Only a directory that lies about its segment leads here: I1 is checked when it is loaded. */
	log_error(heap->log, "%s: segment %lu: directory says %u slots are free, the bitmap none", heap->name, at,
		  heap->dir[at].free);
	umem__bail(heap, -DER_DF_INVAL);
}

static umem_off_t
alloc_large(struct umem *heap, size_t size)
{
	uint32_t nr = (uint32_t)DIV_UP(size, UMEM_SEGMENT);
	uint64_t seg = take_segments(heap, nr);

	if (seg == 0)
		return UMEM_NULL;
	for (uint32_t i = 0; i < nr; i++) {
		struct umem_dir *dir = &heap->dir[seg + i];

		memset(dir, 0, sizeof(*dir));
		dir->kind = i == 0 ? UMEM_DIR_LARGE : UMEM_DIR_TAIL;
		dir->run = i == 0 ? nr : i;
		umem__alloc_refresh(heap, (uint32_t)(seg + i));
	}
	heap->used += nr * UMEM_SEGMENT;
	umem__tx_fresh(heap, seg << UMEM_SEG_SHIFT, nr * UMEM_SEGMENT);
	return seg << UMEM_SEG_SHIFT;
}

umem_off_t
umem_alloc(struct umem *heap, size_t size)
{
	uint32_t cls;
	uint64_t seg;
	umem_off_t off;

	ASSERTF(heap->body == BODY_WRITE, "umem_alloc outside of a umem_write body");
	if (size > UMEM_ALLOC_MAX)
		return UMEM_NULL;
	if (size > SLOT_MAX)
		return alloc_large(heap, size);
	cls = class_of(heap, size);
	seg = choose_segment(heap, cls);
	if (seg == 0)
		return UMEM_NULL;
	off = take_slot(heap, seg, cls);
	memset(heap->segs[seg].mem + (off & (UMEM_SEGMENT - 1)), 0, class_sizes[cls]);
	umem__tx_fresh(heap, off, class_sizes[cls]);
	return off;
}

/* ---- freeing ---------------------------------------------------------------------------------------------------------------- */

__attribute__((noreturn, cold)) static void
bad_place(struct umem *heap, umem_off_t off, const char *why)
{
	log_error(heap->log, "%s: offset 0x%lx is no allocated place: %s", heap->name, off, why);
	umem__bail(heap, -DER_DF_INVAL);
}

/* Puts a slot, or run whole segments, into quarantine until the running transaction is durable. */
static void
hold(struct umem *heap, uint64_t at, uint32_t slot, uint32_t run)
{
	struct seg *seg = &heap->segs[at];
	struct held *held;

	if (slot != HELD_WHOLE && seg->held == NULL) {
		seg->held = MEM_NEW_ARRAY(heap->mem, uint64_t, heap->classes[heap->dir[at].cls].words);
		if (seg->held == NULL)
			umem__bail(heap, -DER_NOMEM);
	}
	held = umem__ring_push(heap->mem, &heap->quarantine);
	if (held == NULL)
		umem__bail(heap, -DER_NOMEM);
	*held = (struct held){ .lsn = heap->lsn + 1, .seg = (uint32_t)at, .slot = (uint16_t)slot, .run = (uint16_t)run };
	if (slot != HELD_WHOLE) {
		seg->held[slot / 64] |= 1ULL << (slot % 64);
		seg->held_nr++;
		return;
	}
	for (uint32_t i = 0; i < run; i++)
		heap->segs[at + i].held_nr++;
	heap->held_segs += run;
}

static void
unhold(struct umem *heap, const struct held *held)
{
	struct seg *seg = &heap->segs[held->seg];

	if (held->slot != HELD_WHOLE) {
		seg->held[held->slot / 64] &= ~(1ULL << (held->slot % 64));
		ASSERT(seg->held_nr > 0);
		seg->held_nr--;
		return;
	}
	for (uint32_t i = 0; i < held->run; i++) {
		ASSERT(seg[i].held_nr > 0);
		seg[i].held_nr--;
	}
	heap->held_segs -= held->run;
}

static void
free_large(struct umem *heap, uint64_t at)
{
	uint32_t nr = heap->dir[at].run;

	for (uint32_t i = 0; i < nr; i++)
		dir_clear(heap, at + i);
	hold(heap, at, HELD_WHOLE, nr);
	for (uint32_t i = 0; i < nr; i++)
		umem__alloc_refresh(heap, (uint32_t)(at + i));
	heap->used -= nr * UMEM_SEGMENT;
	umem__tx_forget_fresh(heap, at << UMEM_SEG_SHIFT);
}

/* Another segment of the class has slots to give: this one, all free, need not be kept for it. */
static bool
has_sibling(const struct umem *heap, uint64_t at, const struct size_class *info)
{
	return (info->resident != NO_SEG && info->resident != at) ||
	       (info->resident == at && heap->segs[at].next != NO_SEG);
}

static void
free_slot(struct umem *heap, uint64_t at, umem_off_t off)
{
	struct umem_dir *dir = &heap->dir[at];
	const struct size_class *info = &heap->classes[dir->cls];
	uint64_t in = off & (UMEM_SEGMENT - 1), slot = (in - info->data) / info->size, *bitmap;
	bool mid;

	if (in < info->data || (in - info->data) % info->size != 0 || slot >= info->slots)
		bad_place(heap, off, "not the start of a slot");
	if (dir->kind == UMEM_DIR_SMALL)
		umem__seg(heap, (uint32_t)at); /* the bitmap is in it */
	bitmap = bitmap_of(heap, at, &mid);
	if ((bitmap[slot / 64] >> (slot % 64) & 1) == 0)
		bad_place(heap, off, "the slot is free");
	hold(heap, at, (uint32_t)slot, 0);
	dir_touch(heap, at);
	if (!mid)
		umem__tx_touch(heap, (at << UMEM_SEG_SHIFT) + offsetof(struct umem_small, bitmap) + slot / 64 * 8, 8);
	bitmap[slot / 64] &= ~(1ULL << (slot % 64));
	dir->free++;
	heap->used -= info->size;
	umem__tx_forget_fresh(heap, off);
	if (dir->free == info->slots && has_sibling(heap, at, info)) {
		hold(heap, at, HELD_WHOLE, 1);
		dir_clear(heap, at);
	}
	umem__alloc_refresh(heap, (uint32_t)at);
}

void
umem_free(struct umem *heap, umem_off_t off)
{
	uint64_t at = off >> UMEM_SEG_SHIFT;

	ASSERTF(heap->body == BODY_WRITE, "umem_free outside of a umem_write body");
	if (off == UMEM_NULL)
		return;
	if (at < heap->sys_segs || at >= heap->seg_nr)
		bad_place(heap, off, "out of bounds");
	switch (heap->dir[at].kind) {
	case UMEM_DIR_SMALL:
	case UMEM_DIR_MID:
		free_slot(heap, at, off);
		return;
	case UMEM_DIR_LARGE:
		if ((off & (UMEM_SEGMENT - 1)) != 0)
			bad_place(heap, off, "inside of an allocation");
		free_large(heap, at);
		return;
	default:
		bad_place(heap, off, "its segment is free");
	}
}

int
umem__alloc_reclaim(struct umem *heap, void *arg)
{
	for (uint64_t i = heap->sys_segs; i < heap->seg_nr && heap->empty_segs != 0; i++) {
		if ((heap->segs[i].flags & SEG_EMPTY) == 0)
			continue;
		hold(heap, i, HELD_WHOLE, 1);
		dir_clear(heap, i);
		umem__alloc_refresh(heap, (uint32_t)i);
	}
	return 0;
}

size_t
umem_usable(struct umem *heap, umem_off_t off)
{
	uint64_t at = off >> UMEM_SEG_SHIFT;

	ASSERTF(heap->body != BODY_NONE, "umem_usable outside of a body");
	if (off >= UMEM_ROOT_OFF && off < UMEM_ROOT_OFF + UMEM_ROOT_SIZE)
		return UMEM_ROOT_OFF + UMEM_ROOT_SIZE - off;
	if (at < heap->sys_segs || at >= heap->seg_nr)
		bad_place(heap, off, "out of bounds");
	switch (heap->dir[at].kind) {
	case UMEM_DIR_SMALL:
	case UMEM_DIR_MID:
		return class_sizes[heap->dir[at].cls];
	case UMEM_DIR_LARGE:
		return heap->dir[at].run * UMEM_SEGMENT;
	default:
		bad_place(heap, off, "its segment is free");
	}
}

/* ---- ends of transactions, quarantine -------------------------------------------------------------------------------------- */

void
umem__alloc_undo(struct umem *heap)
{
	while (heap->quarantine.tail != heap->tx.quarantine_before) {
		heap->quarantine.tail--;
		unhold(heap, umem__ring_at(&heap->quarantine, heap->quarantine.tail));
	}
}

void
umem__alloc_commit(struct umem *heap)
{
	for (uint64_t i = heap->tx.quarantine_before; i != heap->quarantine.tail; i++) {
		const struct held *held = umem__ring_at(&heap->quarantine, i);

		if (held->slot != HELD_WHOLE)
			continue;
		for (uint32_t n = 0; n < held->run; n++) {
			struct seg *seg = &heap->segs[held->seg + n];

			seg->gen++;
			seg->dirty = 0;
			seg->flags |= SEG_UNMAP;
			if (!heap->ram)
				bitmap_set(heap->dirty_map, held->seg + n);
			if (seg->unit != 0)
				umem__unit_drop(heap, held->seg + n);
		}
	}
}

void
umem__alloc_release(struct umem *heap, uint64_t lsn)
{
	while (heap->quarantine.head != heap->quarantine.tail) {
		const struct held *held = umem__ring_at(&heap->quarantine, heap->quarantine.head);
		uint32_t nr = held->slot == HELD_WHOLE ? held->run : 1;

		if (held->lsn > lsn)
			return;
		unhold(heap, held);
		for (uint32_t i = 0; i < nr; i++)
			umem__alloc_refresh(heap, held->seg + i);
		heap->quarantine.head++;
	}
}

bool
umem__alloc_unit(const struct umem *heap, uint32_t seg, uint32_t *first, uint32_t *nr)
{
	const struct umem_dir *dir = &heap->dir[seg];

	*first = seg;
	*nr = 1;
	switch (dir->kind) {
	case UMEM_DIR_SMALL:
	case UMEM_DIR_MID:
		return true;
	case UMEM_DIR_TAIL:
		*first = seg - dir->run;
		dir = &heap->dir[*first];
		__attribute__((fallthrough));
	case UMEM_DIR_LARGE:
		*nr = dir->run;
		return true;
	default:
		return false;
	}
}

/* ---- life ------------------------------------------------------------------------------------------------------------------- */

int
umem__alloc_init(struct umem *heap)
{
	uint32_t cls = 0;

	for (uint32_t i = 0; i < CLASS_NR; i++)
		class_init(&heap->classes[i], class_sizes[i]);
	for (uint32_t i = 0; i < ARRAY_SIZE(heap->class_of_16); i++) {
		while (class_sizes[cls] < i * 16)
			cls++;
		heap->class_of_16[i] = (uint8_t)cls;
	}
	heap->quarantine.elem_size = sizeof(struct held);
	heap->reserve_segs = (heap->seg_nr - heap->sys_segs) / 20;
	if (heap->reserve_segs < 2 && heap->seg_nr >= 32)
		heap->reserve_segs = 2;
	heap->free_map = MEM_NEW_ARRAY(heap->mem, uint64_t, DIV_UP(heap->seg_nr, 64));
	return heap->free_map == NULL ? -DER_NOMEM : 0;
}

void
umem__alloc_fini(struct umem *heap)
{
	if (heap->segs != NULL)
		for (uint64_t i = 0; i < heap->seg_nr; i++)
			mem_free(heap->mem, heap->segs[i].held);
	mem_free(heap->mem, heap->free_map);
	umem__ring_fini(heap->mem, &heap->quarantine);
}

/* One entry of a directory that came from disk. *run counts the segments of a large allocation still to come. */
static bool
dir_valid(const struct umem *heap, uint64_t at, uint32_t *head, uint32_t *run)
{
	const struct umem_dir *dir = &heap->dir[at];

	if (*run != 0) {
		*run -= 1;
		return dir->kind == UMEM_DIR_TAIL && dir->run == at - *head;
	}
	switch (dir->kind) {
	case UMEM_DIR_FREE:
		return true;
	case UMEM_DIR_SMALL:
		return dir->cls < CLASS_NR && !is_mid(dir->cls) && dir->free <= heap->classes[dir->cls].slots;
	case UMEM_DIR_MID:
		return dir->cls < CLASS_NR && is_mid(dir->cls) &&
		       (dir->bitmap & ~word_limit(&heap->classes[dir->cls], 0)) == 0 &&
		       dir->free + (uint32_t)__builtin_popcountll(dir->bitmap) == heap->classes[dir->cls].slots;
	case UMEM_DIR_LARGE:
		*head = (uint32_t)at;
		*run = dir->run - 1;
		return dir->run != 0 && dir->run <= UMEM_ALLOC_MAX / UMEM_SEGMENT && dir->run <= heap->seg_nr - at;
	default:
		return false;
	}
}

int
umem__alloc_scan(struct umem *heap)
{
	uint32_t head = 0, run = 0;

	heap->used = 0;
	for (uint64_t i = heap->sys_segs; i < heap->seg_nr; i++) {
		const struct umem_dir *dir = &heap->dir[i];

		if (!dir_valid(heap, i, &head, &run)) {
			log_error(heap->log, "%s: directory: entry %lu (kind %u class %u free %u run %u) is invalid",
				  heap->name, i, dir->kind, dir->cls, dir->free, dir->run);
			return -DER_DF_INVAL;
		}
		if (dir->kind == UMEM_DIR_SMALL || dir->kind == UMEM_DIR_MID)
			heap->used += (uint64_t)(heap->classes[dir->cls].slots - dir->free) * class_sizes[dir->cls];
		else if (dir->kind != UMEM_DIR_FREE)
			heap->used += UMEM_SEGMENT;
		umem__alloc_refresh(heap, (uint32_t)i);
	}
	return 0;
}
