/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pure/place: where the shards of an object live: computed from its id and the pool map, by everybody alike; nothing is stored.
 *
 * An object has groups (how many stands in its id), a group has shards: replicas, or data and parity cells. Shard number
 * group * group_size + i is the same for life. The shards of a group stand in different fault domains; the shards of an
 * object on different targets, as long as there are enough.
 *
 * While data moves a shard has two places: where it is, and where it is coming to (pure/map tells what is being worked on).
 * Reads go to the first if it can be read. Writes go to both. When the map is settled, the second has become the first.
 */
#ifndef PURE_PLACE_H
#define PURE_PLACE_H

#include <daos_obj.h>
#include "base/base.h"
#include "pure/map/map.h"
#include "pure/oclass/oclass.h"

/** How objects are placed, for ever: a change of the way would be another version. */
enum { PLACE_VERSION = 1 };

/** A map prepared for placement. */
struct place;

struct place_shard {
	uint32_t target;   /* number in the map of where it is; PMAP_NONE: nowhere, there was no room */
	uint32_t coming;   /* where it is being moved or rebuilt to, written to as well; PMAP_NONE */
	bool readable;     /* target is in service; else its data is missing: degraded */
};

struct place_layout {
	struct oclass oclass; /* with the number of groups of the object */
	uint32_t map_version;
	uint32_t shard_nr;    /* groups * group_size */
	struct place_shard *shards;
};

/**
 * Prepares a map for fault domains of a level; the map must outlive it, unchanged. Not to be used by two threads at once: it
 * holds scratch memory. -DER_NOMEM.
 */
int place_create(struct mem *mem, const struct pool_map *map, uint32_t level, struct place **place);
void place_free(struct place *place);

/**
 * The layout of an object, its shards in arena. -DER_INVAL for an id that makes no sense, or whose groups need more fault
 * domains or targets than the pool has; -DER_NOMEM.
 */
int place_layout(struct place *place, daos_obj_id_t oid, struct arena *arena, struct place_layout *layout);

static inline const struct place_shard *
place_shard(const struct place_layout *layout, uint32_t group, uint32_t i)
{
	return &layout->shards[group * layout->oclass.group_size + i];
}

/** How many shards of a group can be read. */
uint32_t place_readable(const struct place_layout *layout, uint32_t group);
/** True when the group still has all its data: enough shards can be read. */
bool place_is_intact(const struct place_layout *layout, uint32_t group);

/**
 * The hash of a dkey. Integer keys are taken as they are, so that neighbours go round the groups in turn; others are hashed.
 * -DER_INVAL for an integer key that has not 8 bytes, or no key.
 */
int place_dkey_hash(enum daos_otype_t type, const void *dkey, size_t len, uint64_t *hash);
/** The group of a dkey. */
uint32_t place_group(const struct place_layout *layout, uint64_t dkey_hash);
/**
 * The shard of a group that leads operations on a dkey, by its place i in the group: any that can be read, a parity cell
 * if one can (it sees every write); PMAP_NONE when none can. Spread over the shards by the hash.
 */
uint32_t place_leader(const struct place_layout *layout, uint32_t group, uint64_t dkey_hash);

#endif
