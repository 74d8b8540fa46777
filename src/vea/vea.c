/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vea: the allocator: reserving, publishing, freeing, quarantine (see vea.h; the states of a span are drawn in spans.h).
 *
 * A body changes the persistent tree at once (umem undoes it if need be) and DRAM only by what it defers to its commit: a
 * span on the list `pending` that says what to do. Spans left there by a body that was undone, or ran again, are swept
 * when no body runs (vea I2).
 *
 * Where: streams of allocations with a hint go on where they stopped; a new stream takes the middle of the largest free
 * span, so that streams do not get in each other's way; without a hint the smallest span that suffices is taken.
 *
 * vea_load and vea_check yield, nothing else does. A crash loses DRAM: what was reserved is free again.
 */
#include "spans.h"

/* ---- quarantine -------------------------------------------------------------------------------------------------- */

/** Has all I/O ended that may read what was freed in this generation? */
static bool
io_ended(const struct vea_io *io, uint64_t generation)
{
	return generation < io->oldest || io->counts[io->oldest % VEA_GENERATIONS] == 0;
}

static bool
releasable(const struct vea *vea, const struct span *span)
{
#ifdef PLANTED_vea_skip_quarantine
	return true;
#endif
#ifdef PLANTED_vea_quarantine_ignores_io
	return span->lsn <= umem_lsn_durable(vea->heap);
#endif
#ifdef PLANTED_vea_quarantine_ignores_lsn
	return io_ended(&vea->io, span->generation);
#endif
	return span->lsn <= umem_lsn_durable(vea->heap) && io_ended(&vea->io, span->generation);
}

/** Lets go of what need be held no longer. */
static void
release(struct vea *vea)
{
	struct span *span, *next;

	list_each_safe(span, next, &vea->held, link) {
		if (!releasable(vea, span))
			break;
		list_remove(&span->link);
		vea__span_release(vea, span, true);
	}
}

uint64_t
vea_io_begin(struct vea *vea)
{
	struct vea_io *io = &vea->io;

	/* What was freed in this generation need not wait for the I/O that begins now. */
	if (!list_empty(&vea->held) && list_last(&vea->held, struct span, link)->generation == io->present &&
	    io->present - io->oldest < VEA_GENERATIONS - 1) {
		io->present++;
		if (io->counts[io->oldest % VEA_GENERATIONS] == 0)
			io->oldest = io->present;
	}
	io->counts[io->present % VEA_GENERATIONS]++;
	return io->present;
}

void
vea_io_end(struct vea *vea, uint64_t token)
{
	struct vea_io *io = &vea->io;

	ASSERTF(token >= io->oldest && token <= io->present && io->counts[token % VEA_GENERATIONS] > 0, "an I/O ends once");
	io->counts[token % VEA_GENERATIONS]--;
	while (io->oldest < io->present && io->counts[io->oldest % VEA_GENERATIONS] == 0)
		io->oldest++;
	release(vea);
}

/** Forgets what undone bodies had in mind. */
static void
sweep(struct vea *vea)
{
	struct span *span;

	if (umem_writing(vea->heap))
		return;
	while ((span = list_pop(&vea->pending, struct span, link)) != NULL)
		vea__span_free(vea, span);
}

/* ---- reserving --------------------------------------------------------------------------------------------------- */

/** Where to take nr blocks: the free span and the block within; NULL when there is none. */
static struct span *
place(const struct vea *vea, uint64_t nr, const struct vea_hint *hint, uint64_t *block)
{
	struct span *span;

	if (hint == NULL) {
		span = span_of_size(treap__ceiling(&vea->by_size, nr, 0));
		if (span != NULL)
			*block = span->block;
		return span;
	}
	if (hint->next != 0) {
		span = span_of_block(treap__floor(&vea->by_block, hint->next, 0));
		if (span != NULL && span->state == SPAN_FREE && hint->next - span->block < span->nr &&
		    span->nr - (hint->next - span->block) >= nr) {
			*block = hint->next;
			return span;
		}
	}
	span = span_of_size(treap__floor(&vea->by_size, UINT64_MAX, UINT64_MAX));
	if (span == NULL || span->nr < nr)
		return NULL;
	*block = span->block;
	if (span->nr >= VEA_STREAM_MIN && span->nr / 2 >= nr)
		*block += span->nr - span->nr / 2;
	return span;
}

int
vea_reserve(struct vea *vea, uint32_t nr, struct vea_hint *hint, bool reserve_too, struct vea_extent *extent)
{
	struct span *span;
	uint64_t block = 0;
	int rc;

	if (nr == 0)
		return -DER_INVAL;
	sweep(vea);
	release(vea);
	if (vea->free < nr || (!reserve_too && vea->free - nr < vea->keep))
		return -DER_NOSPACE;
	span = place(vea, nr, hint, &block);
	if (span == NULL)
		return -DER_NOSPACE;
	rc = vea__span_carve(vea, span, block, nr);
	if (rc != 0)
		return rc;
	*extent = (struct vea_extent){.block = block, .nr = nr};
	if (hint != NULL) {
		hint->next = block + nr;
		hint->seq++;
	}
	return 0;
}

void
vea_cancel(struct vea *vea, const struct vea_extent *extent)
{
	struct span *span = vea__span_find(vea, extent->block, extent->nr, SPAN_RESERVED);

	ASSERTF(span != NULL, "what is cancelled was reserved");
	vea__span_release(vea, span, true);
}

/* ---- publishing, freeing ----------------------------------------------------------------------------------------- */

/** The body has committed: what was reserved is allocated. */
static void
published(void *arg)
{
	struct span *span = arg, *reserved;
	struct vea *vea = span->vea;

	list_remove(&span->link);
	reserved = vea__span_find(vea, span->block, span->nr, SPAN_RESERVED);
	ASSERTF(reserved != NULL, "what is published stays reserved until it is");
	vea__span_remove(vea, reserved);
	vea__span_free(vea, reserved);
	vea__span_free(vea, span);
}

/** The body has committed: what was allocated is free for later. */
static void
freed(void *arg)
{
	struct span *span = arg;
	struct vea *vea = span->vea;

	list_remove(&span->link);
	span->state = SPAN_HELD;
	span->generation = vea->io.present;
	list_append(&vea->held, &span->link);
	vea__span_add(vea, span);
}

/** Has fn done with a span of that state once the body commits. */
static int
defer(struct vea *vea, uint64_t block, uint64_t nr, enum span_state state, void (*fn)(void *arg))
{
	struct span *span = vea__span_new(vea, block, nr, state);

	if (span == NULL)
		return -DER_NOMEM;
	span->lsn = umem_lsn_next(vea->heap);
	list_append(&vea->pending, &span->link);
	return umem_defer(vea->heap, false, fn, span);
}

int
vea_publish(struct vea *vea, const struct vea_extent *extent)
{
	int rc;

	if (vea__span_find(vea, extent->block, extent->nr, SPAN_RESERVED) == NULL)
		return -DER_INVAL;
	rc = vea__tree_take(vea->heap, vea->root, extent->block, extent->nr);
	if (rc == 0)
		rc = defer(vea, extent->block, extent->nr, SPAN_PUBLISHING, published);
	return rc;
}

int
vea_free(struct vea *vea, uint64_t block, uint32_t nr)
{
	int rc = vea__tree_give(vea->heap, vea->root, block, nr);

	if (rc == 0)
		rc = defer(vea, block, nr, SPAN_FREEING, freed);
	return rc;
}

/* ---- life -------------------------------------------------------------------------------------------------------- */

int
vea_format(struct umem *heap, umem_off_t root, uint64_t blocks, uint64_t skip)
{
	return vea__tree_format(heap, root, blocks, skip);
}

#define LOAD_MAX 256U
struct load {
	umem_off_t root;
	uint64_t from;
	uint64_t blocks, skip, free; /* of the root */
	uint32_t nr;
	struct {
		uint64_t block, nr;
	} found[LOAD_MAX];
};

static int
load_one(void *arg, uint64_t block, uint64_t nr)
{
	struct load *load = arg;

	load->found[load->nr].block = block;
	load->found[load->nr].nr = nr;
	return ++load->nr == LOAD_MAX;
}

static int
body_load(struct umem *heap, void *arg)
{
	struct load *load = arg;
	const struct vea_root *root = umem_at(heap, load->root);

	load->nr = 0;
	load->blocks = root->blocks;
	load->skip = root->skip;
	load->free = root->free;
	return vea__tree_each(heap, load->root, load->from, load_one, load);
}

/** Some free extents at a time, so that no body needs more of the heap than a few nodes. YIELDS */
static int
load_all(struct vea *vea, struct load *load)
{
	struct span *span;
	int rc;

	do {
		rc = umem_read(vea->heap, body_load, load);
		if (rc < 0)
			return rc;
		for (uint32_t i = 0; i < load->nr; i++) {
			if (load->found[i].block < load->from)
				return -DER_DF_INVAL;
			load->from = load->found[i].block + load->found[i].nr;
			span = vea__span_new(vea, load->found[i].block, load->found[i].nr, SPAN_FREE);
			if (span == NULL)
				return -DER_NOMEM;
			vea__span_release(vea, span, false);
		}
	} while (rc == 1);
	vea->total = load->blocks - load->skip;
	vea->keep = vea->total / VEA_KEEP;
	return vea->free == load->free ? 0 : -DER_DF_INVAL;
}

int
vea_load(struct mem *mem, struct umem *heap, umem_off_t root, struct vea **result)
{
	struct vea *vea = MEM_NEW(mem, struct vea);
	struct load *load = MEM_NEW(mem, struct load);
	int rc = -DER_NOMEM;

	if (vea == NULL || load == NULL)
		goto out;
	vea->mem = mem;
	vea->heap = heap;
	vea->root = load->root = root;
	list_init(&vea->held);
	list_init(&vea->pending);
	list_init(&vea->spare);
	rc = load_all(vea, load);
	if (rc == 0)
		*result = vea;
	else
		vea_unload(vea);
	vea = NULL;
out:
	mem_free(mem, vea);
	mem_free(mem, load);
	return rc;
}

void
vea_unload(struct vea *vea)
{
	struct span *span;

	while (vea->by_block.root != NULL) {
		span = span_of_block(vea->by_block.root);
		treap__remove(&vea->by_block, &span->by_block);
		mem_free(vea->mem, span);
	}
	while ((span = list_pop(&vea->pending, struct span, link)) != NULL)
		mem_free(vea->mem, span);
	while ((span = list_pop(&vea->spare, struct span, link)) != NULL)
		mem_free(vea->mem, span);
	mem_free(vea->mem, vea);
}

void
vea_space(const struct vea *vea, struct vea_space *space)
{
	const struct span *largest = span_of_size(treap__floor(&vea->by_size, UINT64_MAX, UINT64_MAX));
	const struct span *span;

	*space = (struct vea_space){
		.total = vea->total,
		.free = vea->free,
		.reserved = vea->reserved,
		.quarantined = vea->held_nr,
		.kept = vea->keep,
		.largest = largest != NULL ? largest->nr : 0,
		.extents = vea->extents,
	};
	/* The next reservation would let go of these. */
	list_each(span, &vea->held, link) {
		if (!releasable(vea, span))
			break;
		space->free += span->nr;
		space->quarantined -= span->nr;
	}
}

/* ---- checking ---------------------------------------------------------------------------------------------------- */

struct check {
	struct vea *vea;
	struct span *span, *before; /* the next one to be accounted for, and the last one that was */
	uint64_t free, reserved, held, extents;
};

static struct span *
next_span(const struct vea *vea, uint64_t block)
{
	return span_of_block(treap__ceiling(&vea->by_block, block, 0));
}

/** A persistent free extent is tiled by spans, and no two free ones touch. */
static int
check_one(void *arg, uint64_t block, uint64_t nr)
{
	struct check *check = arg;
	uint64_t end = block + nr;
	struct span *span;

	for (; block < end; block += span->nr) {
		span = check->span;
		if (span == NULL || span->block != block || span->nr == 0 || span->nr > end - block)
			return -DER_DF_INVAL;
		if (check->before != NULL && check->before->block + check->before->nr == block &&
		    check->before->state == SPAN_FREE && span->state == SPAN_FREE)
			return -DER_DF_INVAL;
		switch (span->state) {
		case SPAN_FREE:
			check->free += span->nr;
			check->extents++;
			if (treap__floor(&check->vea->by_size, span->nr, span->block) != &span->by_size)
				return -DER_DF_INVAL;
			break;
		case SPAN_RESERVED:
			check->reserved += span->nr;
			break;
		case SPAN_HELD:
			check->held += span->nr;
			break;
		default:
			return -DER_DF_INVAL;
		}
		check->before = span;
		check->span = next_span(check->vea, block + 1);
	}
	return 0;
}

static int
body_check(struct umem *heap, void *arg)
{
	struct check *check = arg;
	struct vea *vea = check->vea;
	const struct vea_root *root = umem_at(heap, vea->root);
	int rc;

	*check = (struct check){.vea = vea, .span = next_span(vea, 0)};
	rc = vea__tree_each(heap, vea->root, 0, check_one, check);
	if (rc != 0)
		return rc;
	if (check->span != NULL || check->free != vea->free || check->reserved != vea->reserved ||
	    check->held != vea->held_nr || check->extents != vea->extents || root->blocks - root->skip != vea->total ||
	    root->free != check->free + check->reserved + check->held)
		return -DER_DF_INVAL;
	return 0;
}

int
vea_check(struct vea *vea)
{
	struct check check = {.vea = vea};

	return umem_read(vea->heap, body_check, &check);
}
