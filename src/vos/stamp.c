/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vos/stamp: read timestamps (multi-version timestamp ordering) and the tables of last LSNs. Both live in DRAM and are
 * bounded; they may answer "later" than the truth, never "earlier":
 *
 *	stamp I1  A read noted at epoch e is answered by an epoch >= e, for ever: an entry that is pushed out raises its
 *	          set's low mark, and all begin at first_epoch, above every read of a former life.
 *	stamp I2  Reads are noted by hash of the full path, so what does not exist is covered like what does.
 *	stamp I3  `other` is not below the newest read by anybody but `reader`.
 *
 * Nothing yields. A crash loses both: reads of a former life lie below first_epoch, LSNs of one are all durable.
 */
#include "inside.h"

int
vos__stamps_init(struct stamps *stamps, struct mem *mem, uint64_t first_epoch)
{
	stamps->mem = mem;
	stamps->first_epoch = first_epoch;
	stamps->sets = MEM_NEW_ARRAY(mem, struct stamp_set, STAMP_SETS);
	return stamps->sets != NULL ? 0 : -DER_NOMEM;
}

void
vos__stamps_fini(struct stamps *stamps)
{
	mem_free(stamps->mem, stamps->sets);
	stamps->sets = NULL;
}

uint64_t
vos__reader(const struct vos_dtx_id *id)
{
	uint64_t client[2], hash;

	if (id == NULL)
		return 0;
	memcpy(client, id->client, sizeof(client));
	hash = hash64_pair(hash64_pair(client[0], client[1]), id->hlc);
	return hash != 0 ? hash : 1;
}

static uint64_t
tag_of(enum stamp_kind kind, uint64_t hash)
{
	uint64_t tag = hash64_mix(hash + (uint64_t)(kind + 1) * 0x9e3779b97f4a7c15ULL);

	return tag != 0 ? tag : 1;
}

static struct stamp_set *
set_of(const struct stamps *stamps, uint64_t tag)
{
	return &stamps->sets[tag % STAMP_SETS];
}

void
vos__stamp_prefetch(const struct stamps *stamps, enum stamp_kind kind, uint64_t hash)
{
	const char *set = (const char *)set_of(stamps, tag_of(kind, hash));

	for (size_t at = 0; at < sizeof(struct stamp_set); at += 64)
		__builtin_prefetch(set + at, 1);
}

static void
entry_read(struct stamp_entry *entry, uint64_t epoch, uint64_t reader)
{
	if (reader == entry->reader) {
		entry->epoch = MAX(entry->epoch, epoch);
	} else if (epoch > entry->epoch) {
		entry->other = entry->epoch;
		entry->epoch = epoch;
		entry->reader = reader;
	} else {
		entry->other = MAX(entry->other, epoch);
	}
}

void
vos__stamp(struct stamps *stamps, enum stamp_kind kind, uint64_t hash, uint64_t epoch, uint64_t reader)
{
	uint64_t tag = tag_of(kind, hash);
	struct stamp_set *set = set_of(stamps, tag);
	struct stamp_entry *oldest = &set->way[0];

	for (int i = 0; i < STAMP_WAYS; i++) {
		struct stamp_entry *entry = &set->way[i];

		if (entry->tag == tag) {
			entry_read(entry, epoch, reader);
			return;
		}
		if (entry->tag == 0 || entry->epoch < oldest->epoch)
			oldest = entry;
		if (entry->tag == 0)
			break;
	}
	/* The new one starts with what is known of its set, since it may itself have been pushed out before. */
	if (oldest->tag != 0)
		set->low = MAX(set->low, oldest->epoch);
	*oldest = (struct stamp_entry){.tag = tag, .epoch = epoch, .reader = reader};
}

uint64_t
vos__stamp_of(const struct stamps *stamps, enum stamp_kind kind, uint64_t hash, uint64_t reader)
{
	uint64_t tag = tag_of(kind, hash);
	const struct stamp_set *set = set_of(stamps, tag);
	uint64_t low = MAX(set->low, stamps->first_epoch);

#ifdef PLANTED_vos_ignore_read_ts
	return stamps->first_epoch;
#endif
	for (int i = 0; i < STAMP_WAYS; i++) {
		const struct stamp_entry *entry = &set->way[i];

		if (entry->tag == tag)
			return MAX(low, reader != 0 && entry->reader == reader ? entry->other : entry->epoch);
	}
	return low;
}

void
vos__mark(struct vos_pool *pool, uint64_t hash_cont, uint64_t hash_object, uint64_t hash_dkey, bool whole, uint64_t lsn)
{
	struct lsn_tables *tables = pool->lsn;

	tables->cont[hash_cont % LSN_CONTS] = lsn;
	tables->object[hash_object % LSN_OBJECTS] = lsn;
#ifdef PLANTED_vos_lost_mark
	if (whole)
		return;
#endif
	if (whole)
		tables->punch[hash_object % LSN_OBJECTS] = lsn;
	else
		tables->dkey[hash_dkey % LSN_DKEYS] = lsn;
}
