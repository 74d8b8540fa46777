/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pure/map: the map of a pool: which targets it has, in which fault domains they stand, and what state each is in. Client,
 * engine and control plane read the same map and compute the same placement from it (pure/place).
 *
 * Targets are numbered in the order in which they came to the pool and are never taken out, so that numbers stay. A
 * target lives through states; what happens at once, and what needs data to be moved first, stands in two columns:
 *
 *      change                     at once             when the data has moved (pmap_settle)
 *      created                    up-in
 *      extend                     new                 up-in
 *      exclude                    down                down-out
 *      drain                      drain               down-out
 *      reintegrate                up                  up-in
 *
 * Each published map has a version; every change remembers the version that brought it. The map's goal is the version up
 * to which changes are being worked on: pure/place computes from the map where data is, and where the goal wants it.
 * When all is there, pmap_settle makes the goal the present. Changes after the goal wait for the next one.
 */
#ifndef PURE_MAP_H
#define PURE_MAP_H

#include "base/base.h"
#include "base/codec.h"

/** Numbers of the interface (daos_target_state_t). */
enum pmap_state {
	PMAP_UNKNOWN = 0,
	PMAP_DOWN_OUT = 1, /* excluded or drained; its data is elsewhere */
	PMAP_DOWN = 2,     /* excluded; its data is missing until rebuilt elsewhere */
	PMAP_UP = 3,       /* coming back: written to, not read from */
	PMAP_UP_IN = 4,    /* in full service */
	PMAP_NEW = 5,      /* added: written to, not read from */
	PMAP_DRAIN = 6,    /* in service, its data is on its way elsewhere */
	PMAP_STATE_NR,
};
#define PMAP_BIT(state) (1U << (state))
#define PMAP_ANY_STATE ((1U << PMAP_STATE_NR) - 1)

/** Levels of fault domains; above them names that the administrator gives, and the pool as a whole. */
enum { PMAP_LEVEL_RANK = 1, PMAP_LEVEL_NODE = 2, PMAP_LEVELS_MAX = 8 };

/** All targets of a rank, where a number within the rank is asked for. */
#define PMAP_ALL_TARGETS UINT32_MAX
#define PMAP_NONE UINT32_MAX

struct pmap_target {
	uint32_t rank;
	uint32_t index;   /* within its rank */
	uint32_t rank_at; /* place of its rank in the map */
	uint8_t state;    /* enum pmap_state */
	bool fresh;       /* in UP: it was down, not out: its place was never given to another */
	uint32_t added;   /* versions: it came to the pool */
	uint32_t failed;  /* of the last exclude or drain; 0: never */
	uint32_t in;      /* since which it has been in service, last; 0: never */
	uint32_t changed; /* of the last change that waits or waited for data */
};

struct pmap_rank {
	uint32_t rank;
	uint32_t first;     /* number of its first target */
	uint32_t target_nr;
};

/** A rank as it comes to a pool. */
struct pmap_member {
	uint32_t rank;
	uint32_t target_nr;
	const char *path; /* where it stands: "/node", "/rack/node": as deep for every rank of a pool; "" or NULL: unknown */
};

struct pool_map;

/* ---- making ------------------------------------------------------------------------------------------------------- */

/**
 * A map of version 1 with all targets in service. -DER_INVAL: no members, one twice, too many, or paths that are not as
 * deep as the others or no paths; -DER_NOMEM.
 */
int pmap_create(struct mem *mem, const struct pmap_member *members, uint32_t nr, struct pool_map **map);
void pmap_free(struct pool_map *map);
int pmap_copy(struct mem *mem, const struct pool_map *map, struct pool_map **copy);

/** The map as bytes; the unpacker keeps the error of hostile ones (-DER_PROTO, -DER_NOMEM), NULL then. */
void pmap_pack(struct packer *packer, const struct pool_map *map);
struct pool_map *pmap_unpack(struct mem *mem, struct unpacker *unpacker);
/** Members as bytes, for messages that extend a pool. The array comes from arena, paths point into the input. */
void pmap_members_pack(struct packer *packer, const struct pmap_member *members, uint32_t nr);
struct pmap_member *pmap_members_unpack(struct unpacker *unpacker, struct arena *arena, uint32_t *nr);

/* ---- changing ----------------------------------------------------------------------------------------------------- */

enum pmap_change { PMAP_EXCLUDE, PMAP_DRAIN_OUT, PMAP_REINTEGRATE };

/** Begins the next version: the changes that follow belong to it. Once for each map that is published. */
void pmap_bump(struct pool_map *map);
/**
 * Adds members with all targets new; on failure nothing changed. -DER_EXIST for a rank that is there; -DER_INVAL as
 * pmap_create; -DER_NOMEM.
 */
int pmap_extend(struct pool_map *map, const struct pmap_member *members, uint32_t nr);
/**
 * Excludes, drains or reintegrates a target, or all of a rank; *changed counts those whose state changed (others were
 * there already). -DER_NONEXIST; -DER_BUSY when a target that is still coming in is to be drained (nothing changed then).
 */
int pmap_change(struct pool_map *map, enum pmap_change change, uint32_t rank, uint32_t index, uint32_t *changed);
/** All changes so far are to be worked on now. */
void pmap_set_goal(struct pool_map *map);
/** Work stops, e.g. for lack of space: nothing but the present counts. */
void pmap_clear_goal(struct pool_map *map);
/** The data is where the goal wanted it: its changes are settled, there is no goal any more. Returns how many targets. */
uint32_t pmap_settle(struct pool_map *map);

/* ---- asking ------------------------------------------------------------------------------------------------------- */

uint32_t pmap_version(const struct pool_map *map);
/** 0: none. */
uint32_t pmap_goal(const struct pool_map *map);
uint32_t pmap_target_nr(const struct pool_map *map);
uint32_t pmap_rank_nr(const struct pool_map *map);
/** The i-th, i below the number; constant until the map changes. */
const struct pmap_target *pmap_target(const struct pool_map *map, uint32_t i);
const struct pmap_rank *pmap_rank(const struct pool_map *map, uint32_t i);
/** Number of a target; place of a rank; PMAP_NONE. */
uint32_t pmap_find(const struct pool_map *map, uint32_t rank, uint32_t index);
uint32_t pmap_find_rank(const struct pool_map *map, uint32_t rank);
/** How many targets are in one of these states (PMAP_BIT). */
uint32_t pmap_count(const struct pool_map *map, uint32_t states);
/** Adds up ranks with at least one target in one of these states: writes them in order to ranks (room for pmap_rank_nr). */
uint32_t pmap_ranks(const struct pool_map *map, uint32_t states, uint32_t *ranks);
/** True when a change waits for data: up to the goal, or at all. */
bool pmap_is_moving(const struct pool_map *map);
bool pmap_has_pending(const struct pool_map *map);

/** Levels that the map knows: 1 for ranks alone. */
uint32_t pmap_level_nr(const struct pool_map *map);
/** Fault domains at a level; a level above all that are known counts as the highest. */
uint32_t pmap_domain_nr(const struct pool_map *map, uint32_t level);
/** Which of them a target stands in, from 0 on, in the order of their coming. */
uint32_t pmap_domain_of(const struct pool_map *map, uint32_t target, uint32_t level);
/** The path of a domain; NULL for ranks. */
const char *pmap_domain_path(const struct pool_map *map, uint32_t level, uint32_t domain);
/** Domains at a level with a target in one of these states: for judging whether failures exceed a redundancy factor. */
uint32_t pmap_domains_in(const struct pool_map *map, uint32_t level, uint32_t states);

/** "up", "up-in", ...; never NULL. */
const char *pmap_state_name(enum pmap_state state);

#endif
