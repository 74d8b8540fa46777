/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pure/map: the map: what it holds, how it changes, what can be asked (see map.h).
 *
 *            extend               exclude                     settle
 *      (none) ----> NEW            up-in ----> DOWN ------------------> DOWN_OUT
 *                    |               |  drain    ^ exclude                 |
 *                    | settle        +-----> DRAIN ------ settle --------->|
 *                    v               |         |                           |
 *                  up-in <-----------+<--------+ reintegrate               | reintegrate
 *                    ^                                                     v
 *                    +------------------------ settle -------------------- UP   (from DOWN: UP and fresh)
 *
 *      exclude of NEW: DOWN_OUT (never in); of UP: DOWN_OUT again; of UP that is fresh: DOWN again.
 *
 * Invariants
 *  I1  Ranks are unique; the targets of a rank stand together and in order; numbers never change.
 *  I2  No version in a target is larger than the map's; in == 0 exactly for targets that were never in service.
 *  I3  `changed` is the version of the change that waits, in the states DOWN, DRAIN, UP and NEW.
 *  I4  A domain at a level lies in one domain of the level above: its path is the beginning of theirs.
 * Nothing yields. Maps are changed by the pool's service alone and never once published.
 */
#include "base/bitmap.h"
#include "base/hash.h"
#include "base/text.h"
#include "pure/map/map.h"
#include "own.h"

/* ---- memory ------------------------------------------------------------------------------------------------------- */

static bool
rank_equal(const struct hash_node *node, const void *key)
{
	return hash_entry(node, const struct rank_slot, node)->info.rank == *(const uint32_t *)key;
}

static uint64_t
rank_hash(const void *key, uint64_t seed)
{
	return *(const uint32_t *)key;
}

static const struct hash_ops rank_ops = {.hash = rank_hash, .equal = rank_equal};

struct pool_map *
pmap__new(struct mem *mem, uint32_t level_nr)
{
	struct pool_map *map = MEM_NEW(mem, struct pool_map);

	if (map == NULL)
		return NULL;
	map->mem = mem;
	map->level_nr = level_nr;
	hash_init(&map->by_rank, mem, &rank_ops, 0);
	arena_init(&map->paths, mem);
	return map;
}

void
pmap_free(struct pool_map *map)
{
	if (map == NULL)
		return;
	for (uint32_t level = 0; level < PMAP_LEVELS_MAX; level++)
		mem_free(map->mem, map->domain_paths[level]);
	hash_fini(&map->by_rank);
	arena_fini(&map->paths);
	mem_free(map->mem, map->ranks);
	mem_free(map->mem, map->targets);
	mem_free(map->mem, map);
}

int
pmap__reserve(struct pool_map *map, uint32_t rank_nr, uint32_t target_nr)
{
	struct rank_slot *ranks = MEM_NEW_ARRAY(map->mem, struct rank_slot, rank_nr);
	struct pmap_target *targets = MEM_NEW_ARRAY(map->mem, struct pmap_target, target_nr);

	if (ranks == NULL || targets == NULL) {
		mem_free(map->mem, ranks);
		mem_free(map->mem, targets);
		return -DER_NOMEM;
	}
	if (map->rank_nr > 0)
		memcpy(ranks, map->ranks, sizeof(*ranks) * map->rank_nr);
	if (map->target_nr > 0)
		memcpy(targets, map->targets, sizeof(*targets) * map->target_nr);
	/* The table links the ranks themselves, which have moved. */
	hash_fini(&map->by_rank);
	for (uint32_t i = 0; i < map->rank_nr; i++)
		hash_insert(&map->by_rank, &ranks[i].node, &ranks[i].info.rank);
	mem_free(map->mem, map->ranks);
	mem_free(map->mem, map->targets);
	map->ranks = ranks;
	map->targets = targets;
	return 0;
}

void
pmap__add_rank(struct pool_map *map, uint32_t rank, uint32_t target_nr, const uint32_t *domains)
{
	struct rank_slot *slot = &map->ranks[map->rank_nr];

	*slot = (struct rank_slot){.info = {.rank = rank, .first = map->target_nr, .target_nr = target_nr}};
	memcpy(slot->domains, domains, sizeof(*domains) * (map->level_nr - 1));
	hash_insert(&map->by_rank, &slot->node, &slot->info.rank);
	for (uint32_t i = 0; i < target_nr; i++)
		map->targets[map->target_nr++] = (struct pmap_target){.rank = rank, .index = i, .rank_at = map->rank_nr};
	map->rank_nr++;
}

int
pmap__add_domain(struct pool_map *map, uint32_t level, const char *path, size_t len)
{
	uint32_t at = level - PMAP_LEVEL_NODE, nr = map->domain_nr[at];
	const char **paths;
	char *copy;

	/* A power of two is full. */
	if ((nr & (nr - 1)) == 0) {
		paths = mem_grow(map->mem, map->domain_paths[at], nr, nr == 0 ? 1 : (size_t)nr * 2, sizeof(*paths));
		if (paths == NULL)
			return -DER_NOMEM;
		map->domain_paths[at] = paths;
	}
	copy = arena_dup(&map->paths, path, len + 1);
	if (copy == NULL)
		return -DER_NOMEM;
	copy[len] = '\0';
	map->domain_paths[at][nr] = copy;
	map->domain_nr[at] = nr + 1;
	return 0;
}

/* ---- making ------------------------------------------------------------------------------------------------------- */

int
pmap__check_path(const char *path, uint32_t *depth)
{
	size_t len = path != NULL ? strnlen(path, PMAP_PATH_MAX + 1) : 0;

	*depth = 0;
	if (len == 0)
		return 0;
	if (path[0] != '/' || path[len - 1] == '/' || len > PMAP_PATH_MAX)
		return -DER_INVAL;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)path[i];

		if (c <= ' ' || c == 0x7f || (c == '/' && path[i + 1] == '/'))
			return -DER_INVAL;
		*depth += c == '/';
	}
	return *depth < PMAP_LEVELS_MAX ? 0 : -DER_INVAL;
}

size_t
pmap__path_part(const char *path, uint32_t level)
{
	size_t len = strlen(path);

	for (; level > PMAP_LEVEL_NODE; level--)
		while (path[--len] != '/')
			;
	return len;
}

/* The domain with that path at a level, which is added when it is not there. */
static int
find_domain(struct pool_map *map, uint32_t level, const char *path, uint32_t *domain)
{
	uint32_t at = level - PMAP_LEVEL_NODE;
	size_t len = pmap__path_part(path, level);
	char part[PMAP_PATH_MAX + 1];

	for (uint32_t i = 0; i < map->domain_nr[at]; i++) {
		const char *known = map->domain_paths[at][i];

		if (strlen(known) == len && memcmp(known, path, len) == 0) {
			*domain = i;
			return 0;
		}
	}
	memcpy(part, path, len);
	part[len] = '\0';
	*domain = map->domain_nr[at];
	return pmap__add_domain(map, level, part, len);
}

/* Checks members before anything changes; sums up their targets. */
static int
check_members(const struct pool_map *map, const struct pmap_member *members, uint32_t nr, uint32_t *target_nr)
{
	uint64_t sum = map->target_nr;
	uint32_t depth;

	if (nr == 0 || nr > PMAP_RANKS_MAX - map->rank_nr)
		return -DER_INVAL;
	for (uint32_t i = 0; i < nr; i++) {
		if (pmap__check_path(members[i].path, &depth) != 0 || depth + 1 != map->level_nr || members[i].target_nr == 0)
			return -DER_INVAL;
		if (members[i].rank == PMAP_NONE)
			return -DER_INVAL;
		if (pmap_find_rank(map, members[i].rank) != PMAP_NONE)
			return -DER_EXIST;
		sum += members[i].target_nr;
		if (sum > PMAP_TARGETS_MAX)
			return -DER_INVAL;
	}
	*target_nr = (uint32_t)sum;
	return 0;
}

/* Adds members whose paths, ranks and numbers have been checked; -DER_INVAL when a rank stands there twice. */
static int
add_members(struct pool_map *map, const struct pmap_member *members, uint32_t nr, enum pmap_state state)
{
	uint32_t target_nr, first = map->target_nr, domains[PMAP_LEVELS_MAX];
	int rc = check_members(map, members, nr, &target_nr);

	if (rc == 0)
		rc = pmap__reserve(map, map->rank_nr + nr, target_nr);
	for (uint32_t i = 0; rc == 0 && i < nr; i++) {
		if (pmap_find_rank(map, members[i].rank) != PMAP_NONE)
			return -DER_INVAL;
		for (uint32_t level = PMAP_LEVEL_NODE; rc == 0 && level <= map->level_nr; level++)
			rc = find_domain(map, level, members[i].path, &domains[level - PMAP_LEVEL_NODE]);
		if (rc == 0)
			pmap__add_rank(map, members[i].rank, members[i].target_nr, domains);
	}
	if (rc != 0)
		return rc;
	for (uint32_t i = first; i < map->target_nr; i++) {
		map->targets[i].state = (uint8_t)state;
		map->targets[i].added = map->targets[i].changed = map->version;
		map->targets[i].in = state == PMAP_UP_IN ? map->version : 0;
	}
	return 0;
}

int
pmap_create(struct mem *mem, const struct pmap_member *members, uint32_t nr, struct pool_map **map)
{
	uint32_t depth;
	int rc;

	if (nr == 0 || pmap__check_path(members[0].path, &depth) != 0)
		return -DER_INVAL;
	*map = pmap__new(mem, depth + 1);
	if (*map == NULL)
		return -DER_NOMEM;
	(*map)->version = 1;
	rc = add_members(*map, members, nr, PMAP_UP_IN);
	if (rc != 0)
		pmap_free(*map);
	return rc;
}

int
pmap_copy(struct mem *mem, const struct pool_map *map, struct pool_map **copy)
{
	struct pool_map *made = pmap__new(mem, map->level_nr);
	int rc = made != NULL ? 0 : -DER_NOMEM;

	for (uint32_t at = 0; at + 1 < map->level_nr; at++)
		for (uint32_t i = 0; rc == 0 && i < map->domain_nr[at]; i++)
			rc = pmap__add_domain(made, at + PMAP_LEVEL_NODE, map->domain_paths[at][i],
					      strlen(map->domain_paths[at][i]));
	if (rc == 0)
		rc = pmap__reserve(made, map->rank_nr, map->target_nr);
	if (rc != 0) {
		pmap_free(made);
		return rc;
	}
	for (uint32_t i = 0; i < map->rank_nr; i++)
		pmap__add_rank(made, map->ranks[i].info.rank, map->ranks[i].info.target_nr, map->ranks[i].domains);
	memcpy(made->targets, map->targets, sizeof(*made->targets) * map->target_nr);
	made->version = map->version;
	made->goal = map->goal;
	*copy = made;
	return 0;
}

/* ---- changing ----------------------------------------------------------------------------------------------------- */

void
pmap_bump(struct pool_map *map)
{
	ASSERT(map->version < UINT32_MAX);
	map->version++;
}

int
pmap_extend(struct pool_map *map, const struct pmap_member *members, uint32_t nr)
{
	uint32_t ranks = map->rank_nr, targets = map->target_nr, domains[PMAP_LEVELS_MAX];
	int rc;

	memcpy(domains, map->domain_nr, sizeof(domains));
	rc = add_members(map, members, nr, PMAP_NEW);
	if (rc == 0)
		return 0;
	/* What was added is cut off again; arrays that grew stay large. */
	while (map->rank_nr > ranks)
		hash_remove(&map->by_rank, &map->ranks[--map->rank_nr].node);
	map->target_nr = targets;
	memcpy(map->domain_nr, domains, sizeof(domains));
	return rc;
}

/* Whether target can be drained: it is in service, or there is nothing to do. */
static bool
can_drain(const struct pmap_target *target)
{
	return target->state != PMAP_UP && target->state != PMAP_NEW;
}

static bool
exclude(struct pool_map *map, struct pmap_target *target)
{
	switch (target->state) {
	case PMAP_UP_IN:
		target->state = PMAP_DOWN;
		break;
	case PMAP_DRAIN:
		/* The order in which it began to leave, and what was begun for it, remain. */
		target->state = PMAP_DOWN;
		return true;
	case PMAP_UP:
		target->changed = map->version;
		/* Others stand in for it, as before it came: the order in which that was settled remains. */
		if (!target->fresh) {
			target->state = PMAP_DOWN_OUT;
			return true;
		}
		target->state = PMAP_DOWN;
		target->fresh = false;
		break;
	case PMAP_NEW:
		target->state = PMAP_DOWN_OUT;
		break;
	default:
		return false;
	}
	target->failed = target->changed = map->version;
	return true;
}

static bool
drain(struct pool_map *map, struct pmap_target *target)
{
	if (target->state != PMAP_UP_IN)
		return false;
	target->state = PMAP_DRAIN;
	target->failed = target->changed = map->version;
	return true;
}

static bool
reintegrate(struct pool_map *map, struct pmap_target *target)
{
	switch (target->state) {
	case PMAP_DRAIN:
		/* It has kept up with all writes. */
		target->state = PMAP_UP_IN;
		break;
	case PMAP_DOWN:
		target->state = PMAP_UP;
		target->fresh = true;
		break;
	case PMAP_DOWN_OUT:
		target->state = target->in != 0 ? PMAP_UP : PMAP_NEW;
		break;
	default:
		return false;
	}
	target->changed = map->version;
	return true;
}

int
pmap_change(struct pool_map *map, enum pmap_change change, uint32_t rank, uint32_t index, uint32_t *changed)
{
	static bool (*const apply[])(struct pool_map *, struct pmap_target *) = {
		[PMAP_EXCLUDE] = exclude, [PMAP_DRAIN_OUT] = drain, [PMAP_REINTEGRATE] = reintegrate};
	uint32_t at = pmap_find_rank(map, rank), first, last;

	if (at == PMAP_NONE || (index != PMAP_ALL_TARGETS && index >= map->ranks[at].info.target_nr))
		return -DER_NONEXIST;
	first = map->ranks[at].info.first + (index != PMAP_ALL_TARGETS ? index : 0);
	last = index != PMAP_ALL_TARGETS ? first : first + map->ranks[at].info.target_nr - 1;
	for (uint32_t i = first; change == PMAP_DRAIN_OUT && i <= last; i++)
		if (!can_drain(&map->targets[i]))
			return -DER_BUSY;
	*changed = 0;
	for (uint32_t i = first; i <= last; i++)
		*changed += apply[change](map, &map->targets[i]);
	return 0;
}

/* ---- the goal ----------------------------------------------------------------------------------------------------- */

static bool
is_pending(const struct pmap_target *target)
{
	return PMAP_BIT(target->state) &
	       (PMAP_BIT(PMAP_DOWN) | PMAP_BIT(PMAP_DRAIN) | PMAP_BIT(PMAP_UP) | PMAP_BIT(PMAP_NEW));
}

void
pmap_set_goal(struct pool_map *map)
{
	map->goal = map->version;
}

void
pmap_clear_goal(struct pool_map *map)
{
	map->goal = 0;
}

uint32_t
pmap_settle(struct pool_map *map)
{
	uint32_t nr = 0;

	for (uint32_t i = 0; i < map->target_nr; i++) {
		struct pmap_target *target = &map->targets[i];

		if (!is_pending(target) || target->changed > map->goal)
			continue;
		if (target->state == PMAP_DOWN || target->state == PMAP_DRAIN) {
			target->state = PMAP_DOWN_OUT;
		} else {
			target->state = PMAP_UP_IN;
			target->in = map->version;
			target->fresh = false;
		}
		nr++;
	}
	map->goal = 0;
	return nr;
}

bool
pmap_is_moving(const struct pool_map *map)
{
	for (uint32_t i = 0; map->goal != 0 && i < map->target_nr; i++)
		if (is_pending(&map->targets[i]) && map->targets[i].changed <= map->goal)
			return true;
	return false;
}

bool
pmap_has_pending(const struct pool_map *map)
{
	for (uint32_t i = 0; i < map->target_nr; i++)
		if (is_pending(&map->targets[i]))
			return true;
	return false;
}

/* ---- asking ------------------------------------------------------------------------------------------------------- */

uint32_t
pmap_version(const struct pool_map *map)
{
	return map->version;
}

uint32_t
pmap_goal(const struct pool_map *map)
{
	return map->goal;
}

uint32_t
pmap_target_nr(const struct pool_map *map)
{
	return map->target_nr;
}

uint32_t
pmap_rank_nr(const struct pool_map *map)
{
	return map->rank_nr;
}

const struct pmap_target *
pmap_target(const struct pool_map *map, uint32_t i)
{
	ASSERT(i < map->target_nr);
	return &map->targets[i];
}

const struct pmap_rank *
pmap_rank(const struct pool_map *map, uint32_t i)
{
	ASSERT(i < map->rank_nr);
	return &map->ranks[i].info;
}

uint32_t
pmap_find_rank(const struct pool_map *map, uint32_t rank)
{
	struct hash_node *node = hash_find(&map->by_rank, &rank);

	return node != NULL ? (uint32_t)(hash_entry(node, struct rank_slot, node) - map->ranks) : PMAP_NONE;
}

uint32_t
pmap_find(const struct pool_map *map, uint32_t rank, uint32_t index)
{
	uint32_t at = pmap_find_rank(map, rank);

	if (at == PMAP_NONE || index >= map->ranks[at].info.target_nr)
		return PMAP_NONE;
	return map->ranks[at].info.first + index;
}

uint32_t
pmap_count(const struct pool_map *map, uint32_t states)
{
	uint32_t nr = 0;

	for (uint32_t i = 0; i < map->target_nr; i++)
		nr += (PMAP_BIT(map->targets[i].state) & states) != 0;
	return nr;
}

static bool
rank_has(const struct pool_map *map, const struct pmap_rank *rank, uint32_t states)
{
	for (uint32_t i = 0; i < rank->target_nr; i++)
		if (PMAP_BIT(map->targets[rank->first + i].state) & states)
			return true;
	return false;
}

uint32_t
pmap_ranks(const struct pool_map *map, uint32_t states, uint32_t *ranks)
{
	uint32_t nr = 0;

	for (uint32_t i = 0; i < map->rank_nr; i++)
		if (rank_has(map, &map->ranks[i].info, states))
			ranks[nr++] = map->ranks[i].info.rank;
	return nr;
}

uint32_t
pmap_level_nr(const struct pool_map *map)
{
	return map->level_nr;
}

uint32_t
pmap_domain_nr(const struct pool_map *map, uint32_t level)
{
	level = MIN(level, map->level_nr);
	return level <= PMAP_LEVEL_RANK ? map->rank_nr : map->domain_nr[level - PMAP_LEVEL_NODE];
}

uint32_t
pmap_domain_of(const struct pool_map *map, uint32_t target, uint32_t level)
{
	uint32_t rank_at = pmap_target(map, target)->rank_at;

	level = MIN(level, map->level_nr);
	return level <= PMAP_LEVEL_RANK ? rank_at : map->ranks[rank_at].domains[level - PMAP_LEVEL_NODE];
}

const char *
pmap_domain_path(const struct pool_map *map, uint32_t level, uint32_t domain)
{
	level = MIN(level, map->level_nr);
	if (level <= PMAP_LEVEL_RANK)
		return NULL;
	ASSERT(domain < map->domain_nr[level - PMAP_LEVEL_NODE]);
	return map->domain_paths[level - PMAP_LEVEL_NODE][domain];
}

uint32_t
pmap_domains_in(const struct pool_map *map, uint32_t level, uint32_t states)
{
	enum { WINDOW = 4096 };
	uint32_t nr = 0, domain_nr = pmap_domain_nr(map, level);

	for (uint32_t from = 0; from < domain_nr; from += WINDOW) {
		uint64_t seen[BITMAP_WORDS(WINDOW)] = {0};

		for (uint32_t i = 0; i < map->rank_nr; i++) {
			uint32_t domain = pmap_domain_of(map, map->ranks[i].info.first, level);

			if (domain >= from && domain - from < WINDOW && rank_has(map, &map->ranks[i].info, states))
				bitmap_set(seen, domain - from);
		}
		nr += (uint32_t)bitmap_count(seen, WINDOW);
	}
	return nr;
}

const char *
pmap_state_name(enum pmap_state state)
{
	static const char *const names[PMAP_STATE_NR] = {
		[PMAP_UNKNOWN] = "unknown", [PMAP_DOWN_OUT] = "down-out", [PMAP_DOWN] = "down",   [PMAP_UP] = "up",
		[PMAP_UP_IN] = "up-in",     [PMAP_NEW] = "new",           [PMAP_DRAIN] = "drain",
	};

	return (unsigned int)state < PMAP_STATE_NR ? names[state] : names[PMAP_UNKNOWN];
}
