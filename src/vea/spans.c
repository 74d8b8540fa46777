/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vea/spans: the view in DRAM (see spans.h). Counters of blocks and spans are kept here and only here.
 *
 *  vea I5  Spans do not overlap; no two FREE spans are adjacent.
 *
 * Only vea__span_new and vea__span_carve can fail; then nothing has changed. Nothing yields.
 */
#include "spans.h"

struct span *
vea__span_new(struct vea *vea, uint64_t block, uint64_t nr, enum span_state state)
{
	struct span *span = list_pop(&vea->spare, struct span, link);

	if (span != NULL)
		vea->spare_nr--;
	else
		span = MEM_NEW(vea->mem, struct span);
	if (span == NULL)
		return NULL;
	memset(span, 0, sizeof(*span));
	list_init(&span->link);
	span->vea = vea;
	span->block = block;
	span->nr = nr;
	span->state = state;
	return span;
}

void
vea__span_free(struct vea *vea, struct span *span)
{
	if (vea->spare_nr >= VEA_SPARE_MAX) {
		mem_free(vea->mem, span);
		return;
	}
	vea->spare_nr++;
	list_push(&vea->spare, &span->link);
}

static void
count(struct vea *vea, enum span_state state, uint64_t nr)
{
	switch (state) {
	case SPAN_FREE:
		vea->free += nr;
		break;
	case SPAN_RESERVED:
		vea->reserved += nr;
		break;
	case SPAN_HELD:
		vea->held_nr += nr;
		break;
	default:
		break;
	}
}

void
vea__span_add(struct vea *vea, struct span *span)
{
	treap__insert(&vea->by_block, &span->by_block, span->block, 0);
	count(vea, span->state, span->nr);
}

void
vea__span_remove(struct vea *vea, struct span *span)
{
	treap__remove(&vea->by_block, &span->by_block);
	count(vea, span->state, -span->nr);
}

/** The size of a FREE span is about to change, or it ceases to be one. */
static void
unlist(struct vea *vea, struct span *span)
{
	treap__remove(&vea->by_size, &span->by_size);
	vea->extents--;
}

static void
enlist(struct vea *vea, struct span *span)
{
	treap__insert(&vea->by_size, &span->by_size, span->nr, span->block);
	vea->extents++;
}

struct span *
vea__span_find(const struct vea *vea, uint64_t block, uint64_t nr, enum span_state state)
{
	struct span *span = span_of_block(treap__floor(&vea->by_block, block, 0));

	return span != NULL && span->block == block && span->nr == nr && span->state == state ? span : NULL;
}

void
vea__span_release(struct vea *vea, struct span *span, bool listed)
{
	struct span *before, *behind;

	if (listed)
		vea__span_remove(vea, span);
	span->state = SPAN_FREE;
	before = span->block > 0 ? span_of_block(treap__floor(&vea->by_block, span->block - 1, 0)) : NULL;
	behind = span_of_block(treap__ceiling(&vea->by_block, span->block, 0));
	if (before != NULL && before->state == SPAN_FREE && before->block + before->nr == span->block) {
		unlist(vea, before);
		vea__span_remove(vea, before);
		span->block = before->block;
		span->nr += before->nr;
		vea__span_free(vea, before);
	}
	if (behind != NULL && behind->state == SPAN_FREE && span->block + span->nr == behind->block) {
		unlist(vea, behind);
		vea__span_remove(vea, behind);
		span->nr += behind->nr;
		vea__span_free(vea, behind);
	}
	vea__span_add(vea, span);
	enlist(vea, span);
}

int
vea__span_carve(struct vea *vea, struct span *span, uint64_t block, uint64_t nr)
{
	uint64_t left = block - span->block, right = span->nr - left - nr;
	struct span *first = NULL, *last = NULL;

	/* span itself becomes the reserved one; what is left of it on either side is new. */
	if (left > 0)
		first = vea__span_new(vea, span->block, left, SPAN_FREE);
	if (right > 0)
		last = vea__span_new(vea, block + nr, right, SPAN_FREE);
	if ((left > 0 && first == NULL) || (right > 0 && last == NULL)) {
		if (first != NULL)
			vea__span_free(vea, first);
		if (last != NULL)
			vea__span_free(vea, last);
		return -DER_NOMEM;
	}
	unlist(vea, span);
	vea__span_remove(vea, span);
	span->state = SPAN_RESERVED;
	span->block = block;
	span->nr = nr;
	vea__span_add(vea, span);
	if (first != NULL) {
		vea__span_add(vea, first);
		enlist(vea, first);
	}
	if (last != NULL) {
		vea__span_add(vea, last);
		enlist(vea, last);
	}
	return 0;
}
