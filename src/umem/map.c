/* SPDX-License-Identifier: Apache-2.0 */
/*
 * umem/map: where heap pages lie on meta. Two levels of pages of references below the superblock, all shadowed: what is
 * published is never overwritten.
 *
 *	superblock.inner[i] -> inner page i -> leaf l -> slot of heap page p
 *	    256 MiB of heap        1 MiB         4 KiB
 *
 * In memory: the leaves that exist, the references to them (an inner page is a stretch of that array), and two bitmaps of
 * slots. A checkpoint takes free slots and puts what it replaces into release; when its superblock is durable, release
 * is free.
 *
 *	map I1  Every slot that the published superblock leads to is set in used.
 *	map I2  Every slot that the map in memory leads to is set in used; those that only the published one leads to also in release.
 *	map I3  free_nr is the number of clear bits in used.
 *	map I4  A slot is taken for a heap page only while enough are left to write every page of the map once.
 *
 * Loading yields. Nothing here writes: checkpoint.c does.
 */
#include "base/bitmap.h"
#include "heap.h"
#include "pure/csum/csum.h"

#define LEAVES_PER_INNER UMEM_REFS_PER_PAGE

static uint64_t
leaf_count(uint64_t heap_size)
{
	return DIV_UP(heap_size, UMEM_REFS_PER_PAGE * UMEM_PAGE);
}

uint64_t
umem_meta_size(uint64_t heap_size)
{
	uint64_t pages = DIV_UP(heap_size, UMEM_PAGE), leaves = leaf_count(heap_size);
	uint64_t map = leaves + DIV_UP(leaves, LEAVES_PER_INNER);

	return (UMEM_SUPER_SLOTS + pages + 2 * map + MAX(pages / 16, 64ULL)) * UMEM_BLOCK;
}

int
umem__map_init(struct umem *heap, uint64_t meta_blocks)
{
	struct map *map = &heap->map;
	struct mem *mem = heap->mem;

	map->slots = MIN(meta_blocks, (uint64_t)UINT32_MAX);
	map->leaf_nr = leaf_count(heap->heap_size);
	map->used = MEM_NEW_ARRAY(mem, uint64_t, BITMAP_WORDS(map->slots));
	map->release = MEM_NEW_ARRAY(mem, uint64_t, BITMAP_WORDS(map->slots));
	map->leaves = MEM_NEW_ARRAY(mem, struct umem_ref *, map->leaf_nr);
	map->leaf_dirty = MEM_NEW_ARRAY(mem, uint64_t, BITMAP_WORDS(map->leaf_nr));
	map->leaf_refs = MEM_NEW_ARRAY(mem, struct umem_ref, ALIGN_UP(map->leaf_nr, LEAVES_PER_INNER));
	map->super = mem_alloc_aligned(mem, sizeof(*map->super), UMEM_BLOCK);
	if (map->used == NULL || map->release == NULL || map->leaves == NULL || map->leaf_dirty == NULL ||
	    map->leaf_refs == NULL || map->super == NULL)
		return -DER_NOMEM;
	bitmap_set_range(map->used, 0, UMEM_SUPER_SLOTS);
	map->free_nr = map->slots - UMEM_SUPER_SLOTS;
	map->hint = UMEM_SUPER_SLOTS;
	return 0;
}

void
umem__map_fini(struct umem *heap)
{
	struct map *map = &heap->map;

	for (uint64_t i = 0; map->leaves != NULL && i < map->leaf_nr; i++)
		mem_free(heap->mem, map->leaves[i]);
	mem_free(heap->mem, map->leaves);
	mem_free(heap->mem, map->leaf_refs);
	mem_free(heap->mem, map->leaf_dirty);
	mem_free(heap->mem, map->used);
	mem_free(heap->mem, map->release);
	mem_free(heap->mem, map->super);
}

uint32_t
umem__map_crc(const struct umem *heap, uint32_t level, uint64_t number, const struct umem_ref *ref, const void *page)
{
	struct umem_seal seal = { .heap_id = heap->heap_id, .number = number, .lsn = ref->lsn, .level = level,
				  .slot = ref->slot };

	memcpy(seal.uuid, heap->uuid, sizeof(seal.uuid));
	return csum_crc32c(csum_crc32c(0, &seal, sizeof(seal)), page, UMEM_PAGE);
}

uint32_t
umem__super_crc(struct umem_super *super)
{
	uint32_t saved = super->crc, crc;

	super->crc = 0;
	crc = csum_crc32c(0, super, sizeof(*super));
	super->crc = saved;
	return crc;
}

/* ---- references ---------------------------------------------------------------------------------------------------------- */

struct umem_ref
umem__map_get(const struct umem *heap, uint64_t page)
{
	const struct umem_ref *leaf = heap->map.leaves[page / UMEM_REFS_PER_PAGE];

	return leaf == NULL ? (struct umem_ref){0} : leaf[page % UMEM_REFS_PER_PAGE];
}

static void
release(struct map *map, uint32_t slot)
{
	if (slot != 0)
		bitmap_set(map->release, slot);
}

int
umem__map_set(struct umem *heap, uint64_t page, const struct umem_ref *ref)
{
	struct map *map = &heap->map;
	uint64_t at = page / UMEM_REFS_PER_PAGE;
	struct umem_ref *leaf = map->leaves[at];

	if (leaf == NULL) {
		if (ref->slot == 0)
			return 0;
		leaf = mem_alloc_aligned(heap->mem, UMEM_PAGE, 64);
		if (leaf == NULL)
			return -DER_NOMEM;
		memset(leaf, 0, UMEM_PAGE);
		map->leaves[at] = leaf;
	}
	leaf += page % UMEM_REFS_PER_PAGE;
	if (leaf->slot == 0 && ref->slot == 0)
		return 0;
	release(map, leaf->slot);
	*leaf = *ref;
	bitmap_set(map->leaf_dirty, at);
	return 0;
}

uint64_t
umem__map_room(const struct umem *heap)
{
	const struct map *map = &heap->map;
	uint64_t keep = map->leaf_nr + DIV_UP(map->leaf_nr, LEAVES_PER_INNER);

	return map->free_nr - MIN(map->free_nr, keep);
}

uint32_t
umem__map_take(struct umem *heap, bool for_map)
{
	struct map *map = &heap->map;
	size_t slot;

	if ((for_map ? map->free_nr : umem__map_room(heap)) == 0)
		return 0;
	slot = bitmap_find_clear(map->used, map->slots, map->hint);
	if (slot == BITMAP_NONE)
		slot = bitmap_find_clear(map->used, map->slots, 0);
	ASSERTF(slot != BITMAP_NONE, "map I3");
	bitmap_set(map->used, slot);
	map->free_nr--;
	map->hint = slot + 1 < map->slots ? slot + 1 : UMEM_SUPER_SLOTS;
	return (uint32_t)slot;
}

void
umem__map_published(struct umem *heap)
{
	struct map *map = &heap->map;

	for (size_t w = 0; w < BITMAP_WORDS(map->slots); w++) {
		map->free_nr += (uint64_t)__builtin_popcountll(map->release[w]);
		map->used[w] &= ~map->release[w];
		map->release[w] = 0;
	}
}

/* ---- loading ---------------------------------------------------------------------------------------------------------------- */

static int
bad_ref(struct umem *heap, const char *what, uint64_t number, const struct umem_ref *ref)
{
	log_error(heap->log, "%s: meta: the map names block %u for %s %lu: out of bounds or twice", heap->name, ref->slot, what,
		  number);
	return -DER_DF_INVAL;
}

/* Marks the slot of a reference that came from disk. */
static int
claim(struct umem *heap, const char *what, uint64_t number, const struct umem_ref *ref)
{
	struct map *map = &heap->map;

	if (ref->slot == 0)
		return 0;
	if (ref->slot < UMEM_SUPER_SLOTS || ref->slot >= map->slots || bitmap_test(map->used, ref->slot))
		return bad_ref(heap, what, number, ref);
	bitmap_set(map->used, ref->slot);
	map->free_nr--;
	return 0;
}

static int
verify(struct umem *heap, uint32_t level, uint64_t number, const struct umem_ref *ref, const void *page)
{
	if (umem__map_crc(heap, level, number, ref, page) == ref->crc)
		return 0;
	log_error(heap->log, "%s: meta: block %u, %s page %lu of the map, is damaged: its checksum does not match", heap->name,
		  ref->slot, level == 1 ? "leaf" : "inner", number);
	return -DER_CSUM;
}

static int
load_inner(struct umem *heap, uint64_t inner_nr)
{
	struct map *map = &heap->map;
	struct pool *pool = MEM_NEW(heap->mem, struct pool);
	char *pages = mem_alloc_aligned(heap->mem, inner_nr * UMEM_PAGE, UMEM_PAGE);
	int rc = pool == NULL || pages == NULL ? -DER_NOMEM : 0;

	if (rc == 0)
		umem__pool_init(pool, heap->meta_blob);
	for (uint64_t i = 0; i < inner_nr && rc == 0; i++) {
		rc = claim(heap, "inner page", i, &map->inner[i]);
		if (rc == 0 && map->inner[i].slot != 0)
			umem__pool_start(pool, ENV_IO_READ, map->inner[i].slot * (uint64_t)UMEM_BLOCK, pages + i * UMEM_PAGE,
					 UMEM_PAGE);
	}
	if (pool != NULL && pages != NULL) {
		int io_rc = umem__pool_wait(pool);

		rc = rc != 0 ? rc : io_rc;
	}
	for (uint64_t i = 0; i < inner_nr && rc == 0; i++) {
		if (map->inner[i].slot == 0)
			continue;
		rc = verify(heap, 2, i, &map->inner[i], pages + i * UMEM_PAGE);
		memcpy(&map->leaf_refs[i * LEAVES_PER_INNER], pages + i * UMEM_PAGE, UMEM_PAGE);
	}
	mem_free(heap->mem, pages);
	mem_free(heap->mem, pool);
	return rc;
}

static int
load_leaves(struct umem *heap, struct pool *pool)
{
	struct map *map = &heap->map;
	int rc = 0, io_rc;

	for (uint64_t i = 0; i < map->leaf_nr && rc == 0; i++) {
		const struct umem_ref *ref = &map->leaf_refs[i];

		if (ref->slot == 0)
			continue;
		rc = claim(heap, "leaf", i, ref);
		if (rc != 0)
			break;
		map->leaves[i] = mem_alloc_aligned(heap->mem, UMEM_PAGE, UMEM_PAGE);
		if (map->leaves[i] == NULL)
			rc = -DER_NOMEM;
		else
			umem__pool_start(pool, ENV_IO_READ, ref->slot * (uint64_t)UMEM_BLOCK, map->leaves[i], UMEM_PAGE);
	}
	io_rc = umem__pool_wait(pool);
	rc = rc != 0 ? rc : io_rc;
	for (uint64_t i = 0; i < map->leaf_nr && rc == 0; i++)
		if (map->leaves[i] != NULL)
			rc = verify(heap, 1, i, &map->leaf_refs[i], map->leaves[i]);
	for (uint64_t i = 0; i < map->leaf_nr * UMEM_REFS_PER_PAGE && rc == 0; i++) {
		struct umem_ref ref = umem__map_get(heap, i);

		if (i * UMEM_PAGE >= heap->heap_size && ref.slot != 0)
			rc = bad_ref(heap, "page beyond the heap", i, &ref);
		else
			rc = claim(heap, "page", i, &ref);
	}
	return rc;
}

int
umem__map_load(struct umem *heap)
{
	struct map *map = &heap->map;
	uint64_t inner_nr = DIV_UP(map->leaf_nr, LEAVES_PER_INNER);
	struct pool *pool;
	int rc;

	memcpy(map->inner, map->super->inner, sizeof(map->inner));
	rc = load_inner(heap, inner_nr);
	if (rc != 0)
		return rc;
	for (uint64_t i = map->leaf_nr; i < inner_nr * LEAVES_PER_INNER; i++)
		if (map->leaf_refs[i].slot != 0)
			return bad_ref(heap, "leaf beyond the heap", i, &map->leaf_refs[i]);
	pool = MEM_NEW(heap->mem, struct pool);
	if (pool == NULL)
		return -DER_NOMEM;
	umem__pool_init(pool, heap->meta_blob);
	rc = load_leaves(heap, pool);
	mem_free(heap->mem, pool);
	return rc;
}
