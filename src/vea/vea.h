/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vea: allocator of extents of the data blob. Free extents are persistent in a umem heap; DRAM keeps them by offset and
 * by size. Space is reserved in DRAM, published (or cancelled) later: what was reserved and not published is free again
 * after a crash. Freed space goes into quarantine until the freeing LSN is durable and all I/O begun before has ended.
 * Unit: blocks of 4 KiB. vea_reserve and vea_cancel run anywhere on the owning stream; others say where.
 */
#ifndef VEA_VEA_H
#define VEA_VEA_H

#include "base/base.h"
#include "umem/umem.h"

struct vea;
struct vea_hint { /* where a stream of allocations stands, to keep it together; volatile */
	uint64_t next;
	uint64_t seq;
};

/** On the heap; 64 bytes. */
struct vea_root {
	uint32_t magic, version;
	uint64_t blocks;     /* of the device, 4 KiB each */
	uint64_t free;       /* blocks free, persistent view */
	uint64_t tree[4];    /* btree_root-like: the room's own */
	uint64_t reserved;
};
_Static_assert(sizeof(struct vea_root) == 64, "FORMAT: vea_root");

/** Within a umem_write body: writes an allocator over blocks, of which the first skip are never given out. */
int vea_format(struct umem *heap, umem_off_t root, uint64_t blocks, uint64_t skip);
/** Loads the free extents into DRAM. YIELDS. -DER_DF_INVAL, -DER_NOMEM. */
int vea_load(struct mem *mem, struct umem *heap, umem_off_t root, struct vea **vea);
void vea_unload(struct vea *vea);

struct vea_extent {
	uint64_t block;
	uint32_t nr;
	struct vea_extent *next; /* the room's own */
};
/** Takes nr blocks in one piece near hint (may be NULL). reserve_too: also the space kept for reclaiming. -DER_NOSPACE, -DER_NOMEM. */
int vea_reserve(struct vea *vea, uint32_t nr, struct vea_hint *hint, bool reserve_too, struct vea_extent *extent);
/** Gives a reservation back. */
void vea_cancel(struct vea *vea, const struct vea_extent *extent);
/** Within a umem_write body: the reservation becomes persistent when the body commits; cancelled when it is undone is the caller's task. */
int vea_publish(struct vea *vea, const struct vea_extent *extent);
/** Within a umem_write body: frees published blocks; quarantined as said above. -DER_INVAL when not allocated. */
int vea_free(struct vea *vea, uint64_t block, uint32_t nr);
/** Brackets of an I/O that may read blocks: what is freed meanwhile is not reused before its end. */
uint64_t vea_io_begin(struct vea *vea);
void vea_io_end(struct vea *vea, uint64_t token);
struct vea_space {
	uint64_t total, free, reserved, quarantined; /* blocks; free is what can be given out now */
	uint64_t largest, extents;
};
void vea_space(const struct vea *vea, struct vea_space *space);
int vea_check(struct vea *vea);

#endif
