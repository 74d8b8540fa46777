/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vea: allocator of extents of the data blob. Free extents are persistent in a umem heap; DRAM keeps them by offset and
 * by size. Space is reserved in DRAM, published (or cancelled) later: what was reserved and not published is free again
 * after a crash. Freed space goes into quarantine until the freeing LSN is durable and all I/O begun before has ended.
 * Unit: blocks of 4 KiB. vea_reserve, vea_cancel, vea_space and the vea_io calls run anywhere on the owning stream, best
 * outside of bodies, since a body may run again; others say where.
 *
 *	vea I1  A block is allocated, or free in the persistent tree; each free block is in DRAM free, reserved or
 *	        quarantined, and nothing else.
 *	vea I2  What a body did to the persistent tree reaches DRAM when it commits, and only then.
 *	vea I3  A quarantined block is given out only when its LSN is durable and every I/O begun before the free has ended.
 *	vea I4  A twentieth of the blocks is given out only to those who say reserve_too: deleting needs room.
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
	uint64_t tree[4];    /* a btree_root: free extents, first block to number of blocks */
	uint64_t skip;       /* first blocks, never given out */
};
_Static_assert(sizeof(struct vea_root) == 64, "FORMAT: vea_root");

/**
 * Within a umem_write body: writes an allocator over blocks, of which the first skip are never given out. -DER_NOSPACE,
 * -DER_INVAL.
 */
int vea_format(struct umem *heap, umem_off_t root, uint64_t blocks, uint64_t skip);
/** Loads the free extents into DRAM. YIELDS. -DER_DF_INVAL, -DER_DF_INCOMPT, -DER_NOMEM. */
int vea_load(struct mem *mem, struct umem *heap, umem_off_t root, struct vea **vea);
/** Forgets it all: reservations are gone, quarantine ends. No body that used it is under way. */
void vea_unload(struct vea *vea);

struct vea_extent {
	uint64_t block;
	uint32_t nr;
	struct vea_extent *next; /* the room's own */
};
/**
 * Takes nr blocks in one piece near hint (may be NULL). reserve_too: also the space kept for reclaiming. -DER_NOSPACE also
 * when no piece is that large (try smaller ones) or what is free is still in quarantine (wait for an LSN); -DER_NOMEM.
 */
int vea_reserve(struct vea *vea, uint32_t nr, struct vea_hint *hint, bool reserve_too, struct vea_extent *extent);
/** Gives a reservation back, whole as it was made. */
void vea_cancel(struct vea *vea, const struct vea_extent *extent);
/**
 * Within a umem_write body: the reservation, whole as it was made, becomes persistent when the body commits. When the body is
 * undone it is a reservation as before, and the caller's to cancel. -DER_INVAL when it is none, -DER_NOSPACE, -DER_NOMEM.
 */
int vea_publish(struct vea *vea, const struct vea_extent *extent);
/**
 * Within a umem_write body: frees published blocks, which need not be one publication; quarantined as said above. -DER_INVAL
 * when not all of them are allocated, -DER_NOSPACE, -DER_NOMEM.
 */
int vea_free(struct vea *vea, uint64_t block, uint32_t nr);
/** Brackets of an I/O that may read blocks: what is freed meanwhile is not reused before its end. */
uint64_t vea_io_begin(struct vea *vea);
void vea_io_end(struct vea *vea, uint64_t token);
struct vea_space {
	uint64_t total, free, reserved, quarantined; /* blocks; free is what can be given out now, with the twentieth kept */
	uint64_t kept;                               /* blocks given out only with reserve_too */
	uint64_t largest, extents;                   /* of the free ones */
};
void vea_space(const struct vea *vea, struct vea_space *space);
/** Compares what DRAM and the persistent tree say, block by block. YIELDS. -DER_DF_INVAL. */
int vea_check(struct vea *vea);

#endif
