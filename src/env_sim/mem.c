/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A node's memory: blocks of the real heap (so that sanitizers watch each) behind a header, in a list by age, that is dropped
 * in one go when the node dies. Counts, limits, fails on demand, fills what is handed out and what comes back.
 */
#include "world.h"

#define ALIVE 0x616c6c6f63617465ULL
#define FREED 0x6672656564212121ULL

struct block { /* right before the pointer that is handed out */
	struct list link;
	void *start;
	size_t size;
	const void *site;
	uint64_t magic;
};

static void
site_failed(struct sim *sim, const void *site)
{
	for (size_t i = 0; i < sim->sites_failed_nr; i++)
		if (sim->sites_failed[i] == site)
			return;
	if (sim->sites_failed_nr == sim->sites_failed_max) {
		sim->sites_failed_max = MAX(sim->sites_failed_max * 2, (size_t)256);
		sim->sites_failed = machine_realloc(sim->sites_failed, sim->sites_failed_max * sizeof(void *));
	}
	sim->sites_failed[sim->sites_failed_nr++] = site;
}

bool
sim__mem_strikes(struct sim_mem *mem, const void *site)
{
	struct sim_life *life = mem->life;
	bool strikes = false;

	mem->stats.allocs++;
	if (mem->fail_nth > 0) {
		if (mem->fail_nth == 1)
			strikes = true;
		if (mem->fail_nth > 1 || !mem->fail_persistent)
			mem->fail_nth--;
	}
	if (!strikes)
		strikes = sim__fault(life->sim, &life->node->fault, life->sim->options.mem_fail_ppm, SIM_NO_MEMORY);
	else
		sim__struck(life->sim, SIM_NO_MEMORY);
	if (strikes) {
		mem->stats.failed++;
		site_failed(life->sim, site);
	}
	return strikes;
}

static void *
node_alloc(struct mem *base, size_t size, size_t align, const void *site)
{
	struct sim_mem *mem = container_of(base, struct sim_mem, mem);
	struct block *block;
	char *start, *ptr;

	ASSERT(size > 0 && align > 0 && (align & (align - 1)) == 0);
	if (sim__mem_strikes(mem, site))
		return NULL;
	if (mem->limit != 0 && mem->stats.bytes + size > mem->limit) {
		mem->stats.failed++;
		sim__struck(mem->life->sim, SIM_NO_MEMORY);
		site_failed(mem->life->sim, site);
		return NULL;
	}
	/* Up to the very end of what the real heap gives, so that a sanitizer sees one byte too many. */
	align = MAX(align, (size_t)16);
	start = machine_alloc_aligned(ALIGN_UP(sizeof(*block), align) + size, align);
	ptr = start + ALIGN_UP(sizeof(*block), align);
	block = (struct block *)ptr - 1;
	*block = (struct block){.start = start, .size = size, .site = site, .magic = ALIVE};
	list_append(&mem->blocks, &block->link);
	mem->stats.blocks++;
	mem->stats.bytes += size;
	mem->stats.bytes_peak = MAX(mem->stats.bytes_peak, mem->stats.bytes);
	memset(ptr, (int)mem->life->sim->options.fill, size);
	machine_mark_undefined(ptr, size);
	return ptr;
}

static void
node_free(struct mem *base, void *ptr)
{
	struct sim_mem *mem = container_of(base, struct sim_mem, mem);
	struct block *block = (struct block *)ptr - 1;

	if (block->magic != ALIVE)
		sim__fail(mem->life->sim, block->magic == FREED ? "memory freed twice" :
								  "memory freed that was not allocated");
	block->magic = FREED;
	list_remove(&block->link);
	mem->stats.blocks--;
	mem->stats.bytes -= block->size;
	memset(ptr, (int)(mem->life->sim->options.fill ^ 0xFF), block->size);
	machine_free(block->start);
}

void
sim__mem_init(struct sim_mem *mem, struct sim_life *life)
{
	*mem = (struct sim_mem){.mem = {.alloc = node_alloc, .free = node_free}, .life = life};
	list_init(&mem->blocks);
	mem->limit = life->node->mem_limit;
}

void
sim__mem_drop(struct sim_mem *mem)
{
	struct block *block;

	while ((block = list_pop(&mem->blocks, struct block, link)) != NULL) {
		memset(block + 1, (int)(mem->life->sim->options.fill ^ 0xFF), block->size);
		machine_free(block->start);
	}
	mem->stats.blocks = mem->stats.bytes = 0;
}

/* ---- for tests ------------------------------------------------------------------------------------------------------ */

static struct sim_mem *
mem_of(struct sim *sim, uint32_t node)
{
	ASSERT(node < sim->node_nr && sim->nodes[node].life != NULL);
	return &sim->nodes[node].life->mem;
}

void
sim_mem_stats(struct sim *sim, uint32_t node, struct sim_mem_stats *stats)
{
	*stats = mem_of(sim, node)->stats;
}

void
sim_mem_fail(struct sim *sim, uint32_t node, uint64_t nth, bool persistent)
{
	struct sim_mem *mem = mem_of(sim, node);

	mem->fail_nth = nth;
	mem->fail_persistent = persistent;
}

void
sim_mem_limit(struct sim *sim, uint32_t node, uint64_t limit)
{
	sim->nodes[node].mem_limit = limit;
	mem_of(sim, node)->limit = limit;
}

void
sim_mem_each(struct sim *sim, uint32_t node, void (*visit)(void *arg, const void *site, size_t size), void *arg)
{
	struct block *block;

	list_each(block, &mem_of(sim, node)->blocks, link)
		visit(arg, block->site, block->size);
}

uint64_t
sim_mem_sites_failed(const struct sim *sim)
{
	return sim->sites_failed_nr;
}
