/* SPDX-License-Identifier: Apache-2.0 */
/*
 * umem: bodies and life cycle. (heap.h says what is in the other files.)
 *
 *	umem_write:  wait for log space -> begin -> body -> gather redo -> log it -> LSN -> done
 *	                ^                          |  |
 *	                |      absent segment: undo  non-zero: undo, return it
 *	                +--------- load it <-------+
 *
 *	umem I5  At most one body runs, and nothing yields while it does: between begin and LSN no other code sees the heap.
 *	umem I6  A transaction that was given an LSN is in the log's buffer; nothing can fail between the two.
 *
 * The runner (umem_read, umem_write) yields before and between runs of the body. A body is left early only by
 * umem__bail and umem__fault, from inside a call of this room, by a long jump to the runner.
 */
#include "base/bitmap.h"
#include "heap.h"

#define STARVED_TRIES 4 /* times to wait for quarantined space before -DER_NOSPACE is believed */

/* ---- rings ----------------------------------------------------------------------------------------------------------- */

void *
umem__ring_at(struct ring *ring, uint64_t index)
{
	return ring->elems + (index & (ring->size - 1)) * ring->elem_size;
}

void *
umem__ring_push(struct mem *mem, struct ring *ring)
{
	struct ring bigger = *ring;

	if (ring->tail - ring->head == ring->size) {
		bigger.size = ring->size == 0 ? 64 : ring->size * 2;
		bigger.elems = mem_alloc_array(mem, ring->elem_size, bigger.size);
		if (bigger.elems == NULL)
			return NULL;
		for (uint64_t i = ring->head; i != ring->tail; i++)
			memcpy(umem__ring_at(&bigger, i), umem__ring_at(ring, i), ring->elem_size);
		mem_free(mem, ring->elems);
		*ring = bigger;
	}
	return umem__ring_at(ring, ring->tail++);
}

void
umem__ring_fini(struct mem *mem, struct ring *ring)
{
	mem_free(mem, ring->elems);
	ring->elems = NULL;
	ring->size = ring->head = ring->tail = 0;
}

/* ---- leaving a body ----------------------------------------------------------------------------------------------------- */

void
umem__bail(struct umem *heap, int rc)
{
	ASSERTF(heap->body != BODY_NONE, "umem used outside of a body");
	heap->unwind = UNWIND_ERROR;
	heap->unwind_rc = rc;
	_longjmp(heap->jump, 1);
}

void
umem__fault(struct umem *heap, uint32_t seg)
{
	ASSERTF(heap->body != BODY_NONE, "umem used outside of a body");
	heap->unwind = UNWIND_ABSENT;
	heap->unwind_seg = seg;
	_longjmp(heap->jump, 1);
}

char *
umem__seg(struct umem *heap, uint32_t at)
{
	struct seg *seg = &heap->segs[at];

	if (seg->mem == NULL)
		umem__fault(heap, at);
	heap->table[at] = seg->mem;
	return seg->mem;
}

/* ---- addresses ------------------------------------------------------------------------------------------------------------ */

__attribute__((noinline, cold)) static char *
at_slow(struct umem *heap, umem_off_t off)
{
	uint64_t at = off >> UMEM_SEG_SHIFT;

	ASSERTF(heap->body != BODY_NONE, "umem_at outside of a body");
	if (at >= heap->seg_nr || (at >= heap->sys_segs && heap->dir[at].kind == UMEM_DIR_FREE)) {
		log_error(heap->log, "%s: offset 0x%lx points at no allocation", heap->name, off);
		umem__bail(heap, -DER_DF_INVAL);
	}
	return umem__seg(heap, (uint32_t)at) + (off & (UMEM_SEGMENT - 1));
}

void *
umem_at(struct umem *heap, umem_off_t off)
{
	uint64_t at = off >> UMEM_SEG_SHIFT;

	if (likely(at < heap->seg_nr) && likely(heap->table[at] != NULL))
		return heap->table[at] + (off & (UMEM_SEGMENT - 1));
	return at_slow(heap, off);
}

/* [off, off + len) does not lie in one segment: it must lie in one large allocation. */
__attribute__((cold)) static void
check_span(struct umem *heap, umem_off_t off, size_t len)
{
	uint64_t first = off >> UMEM_SEG_SHIFT, last = (off + len - 1) >> UMEM_SEG_SHIFT;
	uint32_t unit = 0, nr = 0;

	if (len <= UMEM_ALLOC_MAX && last < heap->seg_nr && umem__alloc_unit(heap, (uint32_t)first, &unit, &nr) &&
	    last < unit + nr)
		return;
	log_error(heap->log, "%s: %zu bytes at 0x%lx leave their allocation", heap->name, len, off);
	umem__bail(heap, -DER_DF_INVAL);
}

void *
umem_touch(struct umem *heap, umem_off_t off, size_t len)
{
	void *p = umem_at(heap, off);

	ASSERTF(heap->body == BODY_WRITE, "umem_touch outside of a umem_write body");
	if (unlikely((off & (UMEM_SEGMENT - 1)) + len > UMEM_SEGMENT))
		check_span(heap, off, len);
	umem__tx_touch(heap, off, len);
	return p;
}

umem_off_t
umem_root(const struct umem *heap)
{
	return UMEM_ROOT_OFF;
}

bool
umem_writing(const struct umem *heap)
{
	return heap->body == BODY_WRITE;
}

uint64_t
umem_lsn_next(const struct umem *heap)
{
	return heap->lsn + 1;
}

uint64_t
umem_lsn_last(const struct umem *heap)
{
	return heap->lsn;
}

uint64_t
umem_lsn_durable(const struct umem *heap)
{
	return heap->lsn_durable;
}

/* ---- deferred work ---------------------------------------------------------------------------------------------------------- */

int
umem_defer(struct umem *heap, bool durable, void (*fn)(void *arg), void *arg)
{
	struct tx *tx = &heap->tx;

	ASSERTF(heap->body == BODY_WRITE, "umem_defer outside of a umem_write body");
	if (tx->defer_nr == tx->defer_max) {
		uint32_t max = tx->defer_max == 0 ? 8 : tx->defer_max * 2;
		struct tx_defer *defers = mem_grow(heap->mem, tx->defers, tx->defer_max, max, sizeof(*defers));

		if (defers == NULL)
			return -DER_NOMEM;
		tx->defers = defers;
		tx->defer_max = max;
	}
	tx->defers[tx->defer_nr++] = (struct tx_defer){ .durable = durable, .fn = fn, .arg = arg };
	return 0;
}

/* Room in the queue for what waits for durability, before the transaction can no longer fail. */
static int
defers_reserve(struct umem *heap)
{
	struct tx *tx = &heap->tx;
	uint64_t tail = heap->defers.tail;
	int rc = 0;

	for (uint32_t i = 0; i < tx->defer_nr && rc == 0; i++)
		if (tx->defers[i].durable && umem__ring_push(heap->mem, &heap->defers) == NULL)
			rc = -DER_NOMEM;
	heap->defers.tail = tail;
	return rc;
}

/* The transaction has committed: queues what waits for durability, runs the rest. */
static void
defers_commit(struct umem *heap)
{
	struct tx *tx = &heap->tx;
	uint32_t nr = tx->defer_nr, max = tx->defer_max;
	struct tx_defer *defers = tx->defers;

	for (uint32_t i = 0; i < nr; i++) {
		if (defers[i].durable) {
			struct tx_defer *queued = umem__ring_push(heap->mem, &heap->defers);

			ASSERT(queued != NULL);
			*queued = defers[i];
			queued->lsn = heap->lsn;
		}
	}
	/* The functions may run transactions of their own. */
	tx->defers = NULL;
	tx->defer_nr = tx->defer_max = 0;
	for (uint32_t i = 0; i < nr; i++)
		if (!defers[i].durable)
			defers[i].fn(defers[i].arg);
	if (tx->defers == NULL) {
		tx->defers = defers;
		tx->defer_max = max;
	} else {
		mem_free(heap->mem, defers);
	}
}

void
umem__durable(struct umem *heap, uint64_t lsn)
{
	ASSERTF(lsn >= heap->lsn_durable && lsn <= heap->lsn, "umem I2: LSNs become durable in order");
	heap->lsn_durable = lsn;
	umem__alloc_release(heap, lsn);
	while (!list_empty(&heap->waiters)) {
		struct wal_waiter *waiter = list_first(&heap->waiters, struct wal_waiter, link);

		if (waiter->lsn > lsn)
			break;
		list_remove(&waiter->link);
		ult_eventual_set(&waiter->done, 0);
	}
	while (heap->defers.head != heap->defers.tail) {
		struct tx_defer defer = *(struct tx_defer *)umem__ring_at(&heap->defers, heap->defers.head);

		if (defer.lsn > heap->lsn_durable)
			break;
		heap->defers.head++;
		defer.fn(defer.arg);
	}
}

/* ---- the runner --------------------------------------------------------------------------------------------------------------- */

__attribute__((noinline)) static int
run_body(struct umem *heap, umem_body body, void *arg)
{
	if (_setjmp(heap->jump) != 0)
		return heap->unwind_rc;
	return body(heap, arg);
}

static int
run(struct umem *heap, enum body_kind kind, umem_body body, void *arg)
{
	int rc;

	ASSERTF(heap->body == BODY_NONE, "umem I5: a body inside of a body");
	heap->body = kind;
	heap->unwind = UNWIND_NOT;
	heap->unwind_rc = 0;
	rc = run_body(heap, body, arg);
	heap->body = BODY_NONE;
	return rc;
}

int
umem_read(struct umem *heap, umem_body body, void *arg)
{
	struct list pins;
	int rc;

	list_init(&pins);
	for (;;) {
		rc = run(heap, BODY_READ, body, arg);
		if (heap->unwind != UNWIND_ABSENT)
			break;
		rc = umem__load(heap, heap->unwind_seg, &pins);
		if (rc != 0)
			break;
	}
	umem__unpin(heap, &pins);
	return rc;
}

/* Makes the redo record and puts it into the log. -DER_OVERFLOW, -DER_NOMEM: nothing happened yet. */
static int
commit_log(struct umem *heap)
{
	uint64_t bytes = 0;
	uint32_t entries = 0;
	int rc;

	rc = umem__tx_gather(heap, &bytes, &entries);
	if (rc != 0 || heap->tx.run_nr == 0)
		return rc;
	if (bytes > heap->record_max) {
		log_debug(heap->log, "%s: a transaction of %lu bytes is too large for the log (at most %lu)", heap->name, bytes,
			  heap->record_max);
		return -DER_OVERFLOW;
	}
	rc = umem__wal_reserve(heap, bytes);
	if (rc != 0)
		return rc;
	umem__wal_append(heap, bytes, entries);
	umem__tx_dirty(heap);
	heap->lsn++;
	return 0;
}

/* Gives the transaction its place in history. */
static int
commit(struct umem *heap, uint64_t *lsn)
{
	int rc = defers_reserve(heap);

	if (rc == 0 && heap->ram)
		heap->lsn += umem__tx_changed(heap);
	else if (rc == 0)
		rc = commit_log(heap);
	if (rc != 0)
		return rc;
	umem__alloc_commit(heap);
	umem__tx_end(heap);
	*lsn = heap->lsn;
	defers_commit(heap);
	umem__durable(heap, heap->ram ? heap->lsn : heap->lsn_durable);
	umem__checkpoint_poke(heap);
	return 0;
}

static int
write_once(struct umem *heap, uint32_t flags, umem_body body, void *arg, uint64_t *lsn)
{
	int rc;

	heap->unwind = UNWIND_NOT;
	if (unlikely(heap->budget != 0 && heap->resident > heap->budget))
		umem__trim(heap);
	rc = heap->ram ? 0 : umem__wal_credit(heap);
	if (rc != 0)
		return rc;
	umem__tx_begin(heap, flags);
	rc = run(heap, BODY_WRITE, body, arg);
	if (rc == 0 && heap->unwind == UNWIND_NOT)
		rc = commit(heap, lsn);
	else if (rc == 0)
		rc = -DER_AGAIN; /* unwound by an absent segment */
	if (rc != 0)
		umem__tx_undo(heap);
	return rc;
}

/* An allocation found no space: is there any to be had by waiting, or by tidying? YIELDS */
static bool
find_space(struct umem *heap)
{
	uint64_t lsn = heap->lsn;

	if (heap->quarantine.head != heap->quarantine.tail)
		return umem_wait(heap, lsn) == 0;
	if (heap->empty_segs == 0)
		return false;
	return write_once(heap, UMEM_RESERVE, umem__alloc_reclaim, NULL, &lsn) == 0 && umem_wait(heap, lsn) == 0;
}

int
umem_write(struct umem *heap, uint32_t flags, umem_body body, void *arg, uint64_t *lsn)
{
	uint64_t mine = 0;
	struct list pins;
	int rc, tries = 0;

	list_init(&pins);
	for (;;) {
		rc = write_once(heap, flags, body, arg, &mine);
		if (rc == -DER_AGAIN && heap->unwind == UNWIND_ABSENT) {
			rc = umem__load(heap, heap->unwind_seg, &pins);
			if (rc == 0)
				continue;
		} else if (rc == -DER_NOSPACE && heap->tx.starved && tries++ < STARVED_TRIES && find_space(heap)) {
			continue;
		}
		break;
	}
	umem__unpin(heap, &pins);
	if (rc == 0 && lsn != NULL)
		*lsn = mine;
	return rc;
}

/* ---- life --------------------------------------------------------------------------------------------------------------------- */

static uint64_t
system_segments(uint64_t seg_nr)
{
	return DIV_UP(UMEM_DIR_OFF + seg_nr * sizeof(struct umem_dir), UMEM_SEGMENT);
}

/* All of a heap but its content. On error the caller frees what is there. */
static int
heap_new(const struct umem_config *config, uint64_t heap_size, struct umem **result)
{
	struct mem *mem = config->env->mem;
	struct umem *heap = MEM_NEW(mem, struct umem);

	if (heap == NULL)
		return -DER_NOMEM;
	*result = heap;
	heap->env = config->env;
	heap->mem = mem;
	heap->log = config->env->log;
	heap->xs = config->xs;
	heap->ram = config->wal == NULL;
	heap->meta_blob = config->meta;
	heap->wal_blob = config->wal;
	heap->seg_nr = heap_size / UMEM_SEGMENT;
	heap->heap_size = heap->seg_nr * UMEM_SEGMENT;
	heap->sys_segs = system_segments(heap->seg_nr);
	heap->budget = config->dram_budget / UMEM_SEGMENT;
	heap->clock_hand = NO_SEG;
	heap->record_max = UINT64_MAX;
	heap->tx_block_max = 1U << 20;
	heap->defers.elem_size = sizeof(struct tx_defer);
	heap->checkpoint.period_ns = config->checkpoint_ns != 0 ? config->checkpoint_ns : 5 * NS_PER_S;
	heap->checkpoint.wal_percent = config->checkpoint_wal_percent != 0 ? config->checkpoint_wal_percent : 50;
	memcpy(heap->uuid, config->uuid, sizeof(heap->uuid));
	list_init(&heap->waiters);
	ult_cond_init(&heap->loaded);
	ult_cond_init(&heap->checkpoint.wake);
	ult_cond_init(&heap->checkpoint.done);
	umem__wal_init(heap);
	heap->name = mem_strdup(mem, config->name != NULL ? config->name : "heap");
	heap->table = MEM_NEW_ARRAY(mem, char *, heap->seg_nr);
	heap->segs = MEM_NEW_ARRAY(mem, struct seg, heap->seg_nr);
	heap->sys_mem = mem_alloc_aligned(mem, heap->sys_segs * UMEM_SEGMENT, UMEM_PAGE);
	heap->dirty_map = MEM_NEW_ARRAY(mem, uint64_t, BITMAP_WORDS(heap->seg_nr));
	heap->flight_map = MEM_NEW_ARRAY(mem, uint64_t, BITMAP_WORDS(heap->seg_nr));
	if (heap->name == NULL || heap->table == NULL || heap->segs == NULL || heap->sys_mem == NULL ||
	    heap->dirty_map == NULL || heap->flight_map == NULL)
		return -DER_NOMEM;
	memset(heap->sys_mem, 0, heap->sys_segs * UMEM_SEGMENT);
	for (uint64_t i = 0; i < heap->sys_segs; i++)
		heap->table[i] = heap->segs[i].mem = heap->sys_mem + i * UMEM_SEGMENT;
	heap->dir = (struct umem_dir *)(heap->sys_mem + UMEM_DIR_OFF);
	return umem__alloc_init(heap);
}

static void
heap_free(struct umem *heap)
{
	struct mem *mem = heap->mem;

	umem__tx_fini(heap);
	if (heap->segs != NULL)
		umem__units_fini(heap);
	umem__alloc_fini(heap);
	umem__wal_fini(heap);
	umem__map_fini(heap);
	umem__ring_fini(mem, &heap->defers);
	mem_free(mem, heap->checkpoint.staging);
	mem_free(mem, heap->dirty_map);
	mem_free(mem, heap->flight_map);
	mem_free(mem, heap->sys_mem);
	mem_free(mem, heap->segs);
	mem_free(mem, heap->table);
	mem_free(mem, heap->name);
	mem_free(mem, heap);
}

static int
check_config(const struct umem_config *config)
{
	uint64_t segs = config->heap_size / UMEM_SEGMENT;

	if ((config->meta == NULL) != (config->wal == NULL) || config->heap_size > UMEM_HEAP_MAX ||
	    segs < system_segments(segs) + 2)
		return -DER_INVAL;
	return 0;
}

int
umem_format(const struct umem_config *config)
{
	int rc = check_config(config);

	return rc != 0 || config->wal == NULL ? rc : umem__format(config);
}

static int
open_ram(const struct umem_config *config, struct umem **heap)
{
	int rc = check_config(config);

	if (rc == 0)
		rc = heap_new(config, config->heap_size, heap);
	return rc == 0 ? umem__alloc_scan(*heap) : rc;
}

static int
open_blobs(const struct umem_config *config, struct umem **result)
{
	struct umem_super *super = mem_alloc_aligned(config->env->mem, sizeof(*super), UMEM_BLOCK);
	struct umem *heap;
	int rc;

	if (super == NULL)
		return -DER_NOMEM;
	rc = umem__super_read(config, super);
	if (rc == 0)
		rc = heap_new(config, super->heap_size, result);
	heap = *result;
	if (rc == 0)
		rc = umem__map_init(heap, super->meta_blocks);
	if (rc == 0) {
		*heap->map.super = *super;
		heap->heap_id = super->heap_id;
		rc = umem__recover(heap);
	}
	mem_free(config->env->mem, super);
	return rc == 0 ? umem__checkpoint_start(heap) : rc;
}

int
umem_open(const struct umem_config *config, struct umem **result)
{
	struct umem *heap = NULL;
	int rc;

	if (config->meta != NULL && config->wal != NULL)
		rc = open_blobs(config, &heap);
	else
		rc = open_ram(config, &heap);
	if (rc == 0) {
		*result = heap;
	} else if (heap != NULL) {
		if (!heap->ram)
			umem__wal_drain(heap);
		heap_free(heap);
	}
	return rc;
}

void
umem_close(struct umem *heap)
{
	ASSERTF(heap->body == BODY_NONE, "umem_close inside of a body");
	if (!heap->ram) {
		umem__checkpoint_stop(heap);
		umem__wal_drain(heap);
	}
	ASSERTF(list_empty(&heap->waiters), "umem_close with callers of umem_wait");
	heap_free(heap);
}

int
umem_failed(const struct umem *heap)
{
	return heap->failed;
}

void
umem_on_failure(struct umem *heap, void (*failed)(void *arg, int rc), void *arg)
{
	heap->on_failure = failed;
	heap->on_failure_arg = arg;
}

void
umem_space(const struct umem *heap, struct umem_space *space)
{
	*space = (struct umem_space){
		.total = (heap->seg_nr - heap->sys_segs) * UMEM_SEGMENT,
		.used = heap->used,
		.reserved = heap->reserve_segs * UMEM_SEGMENT,
		.empty = (heap->free_segs + heap->empty_segs) * UMEM_SEGMENT,
		.resident = (heap->resident + heap->sys_segs) * UMEM_SEGMENT,
		.wal_total = heap->wal.blocks * UMEM_BLOCK,
		.wal_used = heap->ram ? 0 : umem__wal_used(heap) * UMEM_BLOCK,
		.checkpoints = heap->checkpoints,
		.checkpoint_ns = heap->checkpoint_ns,
		.replayed = heap->replayed,
	};
}
