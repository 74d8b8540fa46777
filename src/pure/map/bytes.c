/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pure/map: the map as bytes.
 *
 *   section {
 *     u16 format (1), u32 version, u32 goal, u8 levels
 *     for each level from node upwards: u32 count, count x string path
 *     u32 ranks x { u32 rank, u32 targets, u32 domain for each level from node upwards,
 *                   targets x { u8 state, bool fresh, u32 added, u32 failed, u32 in, u32 changed } }
 *   }
 *   members: u32 count x { u32 rank, u32 targets, string path }
 *
 * Invariants
 *  I1  What unpacks satisfies all invariants of map.c; unpack(pack(map)) is the same map.
 *  I2  What is allocated is bounded by the input and by the limits of a pool.
 */
#include "pure/map/map.h"
#include "own.h"

enum { FORMAT = 1, RANK_MIN = 4 + 4, TARGET_PACKED = 1 + 1 + 4 * 4, PATH_MIN = 4, MEMBER_MIN = 4 + 4 + 4 };

static void
pack_target(struct packer *packer, const struct pmap_target *target)
{
	pack_u8(packer, target->state);
	pack_bool(packer, target->fresh);
	pack_u32(packer, target->added);
	pack_u32(packer, target->failed);
	pack_u32(packer, target->in);
	pack_u32(packer, target->changed);
}

void
pmap_pack(struct packer *packer, const struct pool_map *map)
{
	size_t mark = pack_section_begin(packer);

	pack_u16(packer, FORMAT);
	pack_u32(packer, map->version);
	pack_u32(packer, map->goal);
	pack_u8(packer, (uint8_t)map->level_nr);
	for (uint32_t at = 0; at + 1 < map->level_nr; at++) {
		pack_count(packer, map->domain_nr[at]);
		for (uint32_t i = 0; i < map->domain_nr[at]; i++)
			pack_string(packer, map->domain_paths[at][i]);
	}
	pack_count(packer, map->rank_nr);
	for (uint32_t i = 0; i < map->rank_nr; i++) {
		const struct rank_slot *slot = &map->ranks[i];

		pack_u32(packer, slot->info.rank);
		pack_u32(packer, slot->info.target_nr);
		for (uint32_t at = 0; at + 1 < map->level_nr; at++)
			pack_u32(packer, slot->domains[at]);
		for (uint32_t k = 0; k < slot->info.target_nr; k++)
			pack_target(packer, &map->targets[slot->info.first + k]);
	}
	pack_section_end(packer, mark);
}

/* Paths of a level: as deep as the level says. */
static int
unpack_paths(struct unpacker *unpacker, struct pool_map *map, uint32_t level)
{
	uint32_t nr = unpack_count(unpacker, PATH_MIN), depth;
	int rc = nr <= PMAP_RANKS_MAX ? 0 : -DER_PROTO;

	for (uint32_t i = 0; rc == 0 && i < nr; i++) {
		const char *path = unpack_string(unpacker);

		if (path == NULL || pmap__check_path(path, &depth) != 0 || depth != map->level_nr - level + 1)
			return -DER_PROTO;
		rc = pmap__add_domain(map, level, path, strlen(path));
	}
	return rc;
}

static bool
target_fits(const struct pool_map *map, const struct pmap_target *target)
{
	uint32_t version = map->version;

	if (target->state == PMAP_UNKNOWN || target->state >= PMAP_STATE_NR || (target->fresh && target->state != PMAP_UP))
		return false;
	if (target->added == 0 || target->added > version || target->failed > version || target->in > version ||
	    target->changed > version || target->changed < target->added)
		return false;
	/* Only what comes in, or came and went before that, has never been in service. */
	return target->in != 0 ? target->state != PMAP_NEW
			       : target->state == PMAP_NEW || target->state == PMAP_DOWN_OUT;
}

static bool
unpack_target(struct unpacker *unpacker, const struct pool_map *map, struct pmap_target *target)
{
	target->state = unpack_u8(unpacker);
	target->fresh = unpack_bool(unpacker);
	target->added = unpack_u32(unpacker);
	target->failed = unpack_u32(unpacker);
	target->in = unpack_u32(unpacker);
	target->changed = unpack_u32(unpacker);
	return unpacker_rc(unpacker) == 0 && target_fits(map, target);
}

/* The domains of a rank exist, and each lies in the next (map I4). */
static bool
domains_fit(const struct pool_map *map, const uint32_t *domains)
{
	const char *node = NULL;

	for (uint32_t at = 0; at + 1 < map->level_nr; at++) {
		const char *path;

		if (domains[at] >= map->domain_nr[at])
			return false;
		path = map->domain_paths[at][domains[at]];
		if (at == 0)
			node = path;
		else if (strlen(path) != pmap__path_part(node, at + PMAP_LEVEL_NODE) ||
			 memcmp(path, node, strlen(path)) != 0)
			return false;
	}
	return true;
}

static int
unpack_rank(struct unpacker *unpacker, struct pool_map *map, uint32_t target_max)
{
	uint32_t rank = unpack_u32(unpacker), nr = unpack_count(unpacker, 1), first = map->target_nr;
	uint32_t domains[PMAP_LEVELS_MAX] = {0};

	for (uint32_t at = 0; at + 1 < map->level_nr; at++)
		domains[at] = unpack_u32(unpacker);
	if (unpacker_rc(unpacker) != 0 || rank == PMAP_NONE || nr == 0 || nr > target_max - first ||
	    pmap_find_rank(map, rank) != PMAP_NONE || !domains_fit(map, domains))
		return -DER_PROTO;
	pmap__add_rank(map, rank, nr, domains);
	for (uint32_t i = first; i < first + nr; i++)
		if (!unpack_target(unpacker, map, &map->targets[i]))
			return -DER_PROTO;
	return 0;
}

static int
unpack_map(struct mem *mem, struct unpacker *unpacker, struct pool_map **made)
{
	uint32_t version, goal, levels, ranks, targets;
	uint16_t format = unpack_u16(unpacker);
	struct pool_map *map;
	int rc = 0;

	version = unpack_u32(unpacker);
	goal = unpack_u32(unpacker);
	levels = unpack_u8(unpacker);
	if (format != FORMAT || version == 0 || goal > version || levels == 0 || levels > PMAP_LEVELS_MAX)
		return -DER_PROTO;
	*made = map = pmap__new(mem, levels);
	if (map == NULL)
		return -DER_NOMEM;
	map->version = version;
	map->goal = goal;
	for (uint32_t level = PMAP_LEVEL_NODE; rc == 0 && level <= levels; level++)
		rc = unpack_paths(unpacker, map, level);
	ranks = unpack_count(unpacker, RANK_MIN);
	targets = (uint32_t)MIN(unpacker_left(unpacker) / TARGET_PACKED, (size_t)PMAP_TARGETS_MAX);
	if (rc == 0 && (ranks == 0 || ranks > PMAP_RANKS_MAX || targets == 0))
		rc = -DER_PROTO;
	if (rc == 0)
		rc = pmap__reserve(map, ranks, targets);
	for (uint32_t i = 0; rc == 0 && i < ranks; i++)
		rc = unpack_rank(unpacker, map, targets);
	return rc;
}

struct pool_map *
pmap_unpack(struct mem *mem, struct unpacker *unpacker)
{
	struct pool_map *map = NULL;
	struct unpacker inner;
	int rc;

	unpack_section(unpacker, &inner);
	rc = unpack_map(mem, &inner, &map);
	if (rc == 0)
		rc = unpacker_finish(&inner);
	if (rc != 0) {
		unpacker_fail(unpacker, rc);
		pmap_free(map);
		return NULL;
	}
	return map;
}

void
pmap_members_pack(struct packer *packer, const struct pmap_member *members, uint32_t nr)
{
	pack_count(packer, nr);
	for (uint32_t i = 0; i < nr; i++) {
		pack_u32(packer, members[i].rank);
		pack_u32(packer, members[i].target_nr);
		pack_string(packer, members[i].path);
	}
}

struct pmap_member *
pmap_members_unpack(struct unpacker *unpacker, struct arena *arena, uint32_t *nr)
{
	struct pmap_member *members = unpack_array(unpacker, arena, MEMBER_MIN, sizeof(*members), nr);

	for (uint32_t i = 0; i < *nr; i++) {
		members[i].rank = unpack_u32(unpacker);
		members[i].target_nr = unpack_u32(unpacker);
		members[i].path = unpack_string(unpacker);
	}
	return members;
}
