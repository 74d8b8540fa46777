/* SPDX-License-Identifier: Apache-2.0 */
/* pure/map: what its files share. */
#ifndef PURE_MAP_OWN_H
#define PURE_MAP_OWN_H

#include "base/hash.h"
#include "pure/map/map.h"

/* Limits of a pool: they bound what a message can make us allocate and compute. */
enum { PMAP_RANKS_MAX = 1 << 14, PMAP_TARGETS_MAX = 1 << 20, PMAP_PATH_MAX = 255 };

struct rank_slot {
	struct hash_node node; /* in by_rank */
	struct pmap_rank info;
	uint32_t domains[PMAP_LEVELS_MAX - 1]; /* [0]: node, and so on upwards */
};

struct pool_map {
	struct mem *mem;
	uint32_t version, goal;
	uint32_t level_nr;
	uint32_t rank_nr, target_nr;
	struct rank_slot *ranks;
	struct pmap_target *targets;
	struct hash by_rank;
	uint32_t domain_nr[PMAP_LEVELS_MAX]; /* [0]: node, and so on upwards */
	const char **domain_paths[PMAP_LEVELS_MAX];
	struct arena paths;
};

/* An empty map of version 0; NULL without memory. */
struct pool_map *pmap__new(struct mem *mem, uint32_t level_nr);
/* Makes room for so many ranks and targets in all. -DER_NOMEM, nothing changed. */
int pmap__reserve(struct pool_map *map, uint32_t rank_nr, uint32_t target_nr);
/* Adds a rank, for which there is room, with zeroed targets. */
void pmap__add_rank(struct pool_map *map, uint32_t rank, uint32_t target_nr, const uint32_t *domains);
/* Adds a domain. -DER_NOMEM. */
int pmap__add_domain(struct pool_map *map, uint32_t level, const char *path, size_t len);
/* -DER_INVAL unless path is empty (or NULL) or "/a/b"; *depth: its parts. */
int pmap__check_path(const char *path, uint32_t *depth);
/* Length of the part of a path that names the domain at a level. */
size_t pmap__path_part(const char *path, uint32_t level);

#endif
