/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/handle: handle tables (see handle.h).
 *
 *      open            close, no users               open
 *   --> open ---------------------------> free (new generation) --> open
 *        | close, users       put (last)   ^
 *        +-----------> closed -------------+
 *
 * Invariants
 *  I1  type is 0 exactly in free slots; each free slot stands once in the free queue.
 *  I2  The generation of a slot in use differs from that of every earlier use of it (until 2^32 uses).
 *  I3  A slot is free again before release sees its object.
 */
#include "base/handle.h"

enum { SLOT_BITS = 28, TYPE_BITS = 4, NO_SLOT = (1 << SLOT_BITS) - 1, FIRST_SLOTS = 16 };

static uint64_t
make_cookie(uint32_t slot, uint32_t generation, int type)
{
	return (uint64_t)generation << 32 | (uint64_t)slot << TYPE_BITS | (uint64_t)type;
}

static uint32_t
slot_of(uint64_t cookie)
{
	return (uint32_t)cookie >> TYPE_BITS;
}

void
handle_table_init(struct handle_table *table, struct mem *mem, uint32_t max_nr, uint32_t first_generation,
		  void (*release)(void *object, int type, void *arg), void *arg)
{
	memset(table, 0, sizeof(*table));
	table->mem = mem;
	table->max_nr = max_nr == 0 ? NO_SLOT : MIN(max_nr, (uint32_t)NO_SLOT);
	table->generation = first_generation;
	table->release = release;
	table->arg = arg;
	table->free_first = table->free_last = NO_SLOT;
}

static void
give_up_slot(struct handle_table *table, uint32_t index)
{
	struct handle_slot *slot = &table->slots[index];

	slot->type = 0;
	slot->object = NULL;
	slot->closed = false;
	slot->generation++;
	slot->next = NO_SLOT;
	if (table->free_first == NO_SLOT)
		table->free_first = index;
	else
		table->slots[table->free_last].next = index;
	table->free_last = index;
	table->free_nr++;
}

static int
add_slots(struct handle_table *table)
{
	uint32_t more = table->slot_nr == 0 ? FIRST_SLOTS : table->slot_nr, first = table->slot_nr;
	struct handle_slot *slots;

	more = MIN(more, table->max_nr - table->slot_nr);
	if (more == 0)
		return -DER_OVERFLOW;
	slots = mem_grow(table->mem, table->slots, first, (size_t)first + more, sizeof(*slots));
	if (slots == NULL)
		return -DER_NOMEM;
	table->slots = slots;
	table->slot_nr = first + more;
	for (uint32_t i = first; i < table->slot_nr; i++) {
		slots[i].generation = table->generation;
		give_up_slot(table, i);
	}
	return 0;
}

int
handle_open(struct handle_table *table, int type, void *object, uint64_t *cookie)
{
	struct handle_slot *slot;
	uint32_t index;
	int rc;

	ASSERT(type > 0 && type <= HANDLE_TYPE_MASK && object != NULL);
	if (table->free_nr == 0) {
		rc = add_slots(table);
		if (rc != 0)
			return rc;
	}
	index = table->free_first;
	slot = &table->slots[index];
	table->free_first = slot->next;
	table->free_nr--;
	if (table->free_first == NO_SLOT)
		table->free_last = NO_SLOT;
	slot->type = (uint8_t)type;
	slot->object = object;
	slot->users = 0;
	slot->closed = false;
	table->open_nr++;
	*cookie = make_cookie(index, slot->generation, type);
	return 0;
}

/* The slot that a cookie names, open or closed with users; NULL for every other number. */
static struct handle_slot *
find(const struct handle_table *table, uint64_t cookie)
{
	uint32_t index = slot_of(cookie);
	struct handle_slot *slot;

	if (index >= table->slot_nr)
		return NULL;
	slot = &table->slots[index];
	if (slot->type == 0 || slot->type != handle_type(cookie) || slot->generation != (uint32_t)(cookie >> 32))
		return NULL;
	return slot;
}

void *
handle_peek(const struct handle_table *table, uint64_t cookie, int type)
{
	struct handle_slot *slot = find(table, cookie);

	return slot != NULL && !slot->closed && slot->type == type ? slot->object : NULL;
}

void *
handle_get(struct handle_table *table, uint64_t cookie, int type)
{
	void *object = handle_peek(table, cookie, type);

	if (object != NULL)
		find(table, cookie)->users++;
	return object;
}

static void
release(struct handle_table *table, uint32_t index)
{
	void *object = table->slots[index].object;
	int type = table->slots[index].type;

	give_up_slot(table, index);
	if (table->release != NULL)
		table->release(object, type, table->arg);
}

void
handle_put(struct handle_table *table, uint64_t cookie)
{
	struct handle_slot *slot = find(table, cookie);

	ASSERTF(slot != NULL && slot->users > 0, "handle: put without get");
	if (--slot->users == 0 && slot->closed)
		release(table, slot_of(cookie));
}

int
handle_close(struct handle_table *table, uint64_t cookie, int type)
{
	struct handle_slot *slot = find(table, cookie);

	if (slot == NULL || slot->closed || slot->type != type)
		return -DER_NO_HDL;
	slot->closed = true;
	table->open_nr--;
	if (slot->users == 0)
		release(table, slot_of(cookie));
	return 0;
}

void *
handle_next(const struct handle_table *table, uint64_t *cookie)
{
	for (uint32_t i = *cookie == 0 ? 0 : slot_of(*cookie) + 1; i < table->slot_nr; i++) {
		const struct handle_slot *slot = &table->slots[i];

		if (slot->type == 0 || slot->closed)
			continue;
		*cookie = make_cookie(i, slot->generation, slot->type);
		return slot->object;
	}
	return NULL;
}

void
handle_table_fini(struct handle_table *table)
{
	uint64_t cookie = 0;

	while (handle_next(table, &cookie) != NULL)
		handle_close(table, cookie, handle_type(cookie));
	ASSERTF(table->free_nr == table->slot_nr, "handle: table closed while objects are in use");
	mem_free(table->mem, table->slots);
	handle_table_init(table, table->mem, table->max_nr, table->generation, table->release, table->arg);
}
