/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pure/place: the placement.
 *
 * A layout is computed in two steps, for a view of the map, that is for a set of targets that are in it.
 *
 * 1. Base. Targets are shuffled by the object's id: for i = 0, 1, 2 ... target i is put at a random place j <= i of the list and
 *    what stood there moves to the end (the inside-out shuffle of R. Durstenfeld). A target that comes to the pool changes
 *    one place of the list. Shards take targets from the list in order; one whose fault domain the group has already is
 *    left for the next group. States do not matter here: only which targets ever were in.
 * 2. Substitutes. Each shard whose base target is out of the view, in the order in which those left, tries targets in an
 *    order of its own (jump consistent hash, J. Lamping and E. Veach 2014) until one fits. So what stood on one target
 *    goes to many, and nothing else moves.
 *
 * The view of the present has in it what serves, and what has failed but was not replaced yet. The view of the goal is what
 * the present will be when the map is settled: pure/map settles in the order of versions, so that both agree.
 *
 * Invariants
 *  I1  A layout depends on nothing but the id, the level and the map.
 *  I2  Two shards of a group are never in one fault domain: better no place than a place that fails with another.
 *  I3  The present after pmap_settle equals the goal before it.
 *  I4  When a target leaves, only shards on it move; when it comes back and nothing else changed, they come back.
 *  I5  Time is proportional to targets and shards, and bounded for every id.
 */
#include "base/hash64.h"
#include "pure/place/place.h"

enum {
	PROBES = 48, /* tries of a substitute before looking at every target in turn */
};

/* What place_create learns about targets for one view. */
struct view {
	uint32_t target_nr;  /* targets up to the last that ever was in: the list of step 1 */
	bool *out;           /* by target */
};

struct place {
	struct mem *mem;
	const struct pool_map *map;
	uint32_t level;
	bool moving;          /* the views differ */
	uint32_t target_nr, domain_nr;
	struct view present, goal;
	uint32_t *domain;     /* of each target at the level */
	/* scratch of one layout */
	uint32_t *list;       /* the shuffled targets */
	uint32_t *used;       /* by target: shards of this object on it */
	uint32_t *taken;      /* by domain: the last group that took it, plus one */
	uint32_t *kept_next;  /* by target: next in the queue of its domain of those left for later */
	uint32_t *kept_order; /* by target: when it was left */
	uint32_t *kept_first, *kept_last; /* by domain: its queue */
	uint32_t *keepers;    /* domains with a queue */
	uint32_t keeper_nr;
};

/* ---- views -------------------------------------------------------------------------------------------------------- */

static bool
waits_for_goal(const struct pool_map *map, const struct pmap_target *target)
{
	return target->changed <= pmap_goal(map);
}

/* Whether a target belongs to the present: it serves, or its failure has not been settled. */
static bool
is_in_present(const struct pmap_target *target)
{
	return target->state == PMAP_UP_IN || target->state == PMAP_DRAIN || target->state == PMAP_DOWN ||
	       (target->state == PMAP_UP && target->fresh);
}

static bool
is_in_goal(const struct pool_map *map, const struct pmap_target *target)
{
	switch (target->state) {
	case PMAP_UP:
	case PMAP_NEW:
		return waits_for_goal(map, target) || is_in_present(target);
	case PMAP_DOWN:
	case PMAP_DRAIN:
		return !waits_for_goal(map, target);
	default:
		return is_in_present(target);
	}
}

/* Whether data can be read from a target, and whether it can be written there. */
static bool
can_read(const struct pmap_target *target)
{
	return target->state == PMAP_UP_IN || target->state == PMAP_DRAIN;
}

static bool
can_write(const struct pmap_target *target)
{
	return can_read(target) || target->state == PMAP_UP || target->state == PMAP_NEW;
}

/* The order in which targets that are out left the pool; those that never were in by their coming. */
static uint32_t
left_at(const struct pmap_target *target)
{
	return target->in == 0 ? target->added : target->failed;
}

static void
learn_target(struct place *place, uint32_t i)
{
	const struct pmap_target *target = pmap_target(place->map, i);
	bool in_goal = is_in_goal(place->map, target);

	place->domain[i] = pmap_domain_of(place->map, i, place->level);
	place->present.out[i] = !is_in_present(target);
	place->goal.out[i] = !in_goal;
	if (target->in != 0)
		place->present.target_nr = i + 1;
	if (target->in != 0 || in_goal)
		place->goal.target_nr = i + 1;
}

int
place_create(struct mem *mem, const struct pool_map *map, uint32_t level, struct place **made)
{
	uint32_t targets = pmap_target_nr(map), domains = pmap_domain_nr(map, level), *words;
	struct place *place = MEM_NEW(mem, struct place);
	bool *flags;

	if (place == NULL)
		return -DER_NOMEM;
	*place = (struct place){.mem = mem, .map = map, .level = level, .target_nr = targets, .domain_nr = domains};
	/* One block for all words, one for all flags. */
	words = MEM_NEW_ARRAY(mem, uint32_t, 5 * (size_t)targets + 4 * (size_t)domains);
	flags = MEM_NEW_ARRAY(mem, bool, 2 * (size_t)targets);
	if (words == NULL || flags == NULL) {
		mem_free(mem, words);
		mem_free(mem, flags);
		mem_free(mem, place);
		return -DER_NOMEM;
	}
	place->domain = words;
	place->list = place->domain + targets;
	place->used = place->list + targets;
	place->kept_next = place->used + targets;
	place->kept_order = place->kept_next + targets;
	place->taken = place->kept_order + targets;
	place->kept_first = place->taken + domains;
	place->kept_last = place->kept_first + domains;
	place->keepers = place->kept_last + domains;
	place->present.out = flags;
	place->goal.out = flags + targets;
	for (uint32_t i = 0; i < targets; i++)
		learn_target(place, i);
	place->moving = pmap_is_moving(map);
	*made = place;
	return 0;
}

void
place_free(struct place *place)
{
	if (place == NULL)
		return;
	mem_free(place->mem, place->domain);
	mem_free(place->mem, place->present.out);
	mem_free(place->mem, place);
}

/* ---- step 1: base -------------------------------------------------------------------------------------------------- */

/* A number below bound from a hash. */
static uint32_t
below(uint64_t hash, uint32_t bound)
{
	return (uint32_t)(((hash >> 32) * bound) >> 32);
}

static void
shuffle(struct place *place, uint64_t seed, uint32_t target_nr)
{
	uint32_t *list = place->list;

	for (uint32_t i = 0; i < target_nr; i++) {
		uint32_t j = below(hash64_mix(seed + i * 0x9e3779b97f4a7c15ULL), i + 1);

		list[i] = list[j];
		list[j] = i;
	}
}

/* Leaves a target, whose domain the group has, for a later group. */
static void
keep(struct place *place, uint32_t target, uint32_t order)
{
	uint32_t domain = place->domain[target];

	place->kept_next[target] = PMAP_NONE;
	place->kept_order[target] = order;
	if (place->kept_first[domain] == PMAP_NONE) {
		place->kept_first[domain] = target;
		place->keepers[place->keeper_nr++] = domain;
	} else {
		place->kept_next[place->kept_last[domain]] = target;
	}
	place->kept_last[domain] = target;
}

/* The target left first among those whose domain the group has not; PMAP_NONE. */
static uint32_t
take_kept(struct place *place, uint32_t group)
{
	uint32_t best = PMAP_NONE, target;

	for (uint32_t i = 0; i < place->keeper_nr; i++) {
		uint32_t first = place->kept_first[place->keepers[i]];

		if (place->taken[place->keepers[i]] != group + 1 &&
		    (best == PMAP_NONE ||
		     place->kept_order[first] < place->kept_order[place->kept_first[place->keepers[best]]]))
			best = i;
	}
	if (best == PMAP_NONE)
		return PMAP_NONE;
	target = place->kept_first[place->keepers[best]];
	place->kept_first[place->keepers[best]] = place->kept_next[target];
	if (place->kept_next[target] == PMAP_NONE)
		place->keepers[best] = place->keepers[--place->keeper_nr];
	return target;
}

/* The next target of the list, from *at on, whose domain the group has not; PMAP_NONE at the end. */
static uint32_t
take_listed(struct place *place, uint32_t target_nr, uint32_t *at, uint32_t group)
{
	while (*at < target_nr) {
		uint32_t target = place->list[(*at)++];

		if (place->taken[place->domain[target]] != group + 1)
			return target;
		keep(place, target, *at);
	}
	return PMAP_NONE;
}

/*
 * The list is used up, as some targets were left in domains that came too often: from a place of its own on, the first target
 * in turn in a domain that the group has not, used or not.
 */
static uint32_t
take_again(const struct place *place, uint64_t seed, uint32_t target_nr, uint32_t group, uint32_t slot)
{
	uint32_t start = below(hash64_pair(seed, slot), target_nr);

	for (uint32_t k = 0; k < target_nr; k++) {
		uint32_t target = (start + k) % target_nr;

		if (place->taken[place->domain[target]] != group + 1)
			return target;
	}
	return PMAP_NONE;
}

static void
place_base(struct place *place, uint64_t seed, const struct oclass *oclass, uint32_t target_nr, uint32_t *shards)
{
	uint32_t size = oclass->group_size, at = 0;

	memset(place->taken, 0, sizeof(*place->taken) * place->domain_nr);
	memset(place->kept_first, 0xff, sizeof(*place->kept_first) * place->domain_nr);
	place->keeper_nr = 0;
	shuffle(place, seed, target_nr);
	for (uint32_t group = 0; group < oclass->groups; group++) {
		uint32_t *mine = &shards[group * size];

		memset(mine, 0xff, sizeof(*mine) * size);
		for (uint32_t i = 0; i < size; i++) {
			uint32_t target = take_kept(place, group);

			if (target == PMAP_NONE)
				target = take_listed(place, target_nr, &at, group);
			if (target == PMAP_NONE)
				target = take_again(place, seed, target_nr, group, group * size + i);
			mine[i] = target;
			if (target != PMAP_NONE)
				place->taken[place->domain[target]] = group + 1;
		}
	}
}

/* ---- step 2: substitutes ------------------------------------------------------------------------------------------- */

/* Jump consistent hash, in integers. bound is below 2^20. */
static uint32_t
jump(uint64_t key, uint32_t bound)
{
	uint64_t at = 0, next = 0;

	while (next < bound) {
		at = next;
		key = key * 2862933555777941757ULL + 1;
		next = ((at + 1) << 31) / ((key >> 33) + 1);
	}
	return (uint32_t)at;
}

/* Does a shard of the group stand in the domain of target? */
static bool
has_domain(const struct place *place, const uint32_t *group, uint32_t size, uint32_t target)
{
	for (uint32_t i = 0; i < size; i++)
		if (group[i] != PMAP_NONE && place->domain[group[i]] == place->domain[target])
			return true;
	return false;
}

/* Where the shard `slot` goes when its base target is out; PMAP_NONE when no domain is free. */
static uint32_t
substitute(const struct place *place, const struct view *view, uint64_t seed, const uint32_t *group, uint32_t size,
	   uint32_t slot)
{
	uint64_t own = hash64_pair(~seed, slot);
	uint32_t second = PMAP_NONE, start;

	for (uint32_t try = 0; try < PROBES; try++) {
		uint32_t target = jump(hash64_pair(own, try), view->target_nr);

		if (view->out[target] || has_domain(place, group, size, target))
			continue;
		if (place->used[target] == 0)
			return target;
		/* Another shard of the object stands there: taken when no empty one is found soon. */
		if (second == PMAP_NONE)
			second = target;
		if (try >= PROBES / 2)
			break;
	}
	if (second != PMAP_NONE)
		return second;
	start = below(own, view->target_nr);
	for (uint32_t k = 0; k < view->target_nr; k++) {
		uint32_t target = (start + k) % view->target_nr;

		if (!view->out[target] && !has_domain(place, group, size, target))
			return target;
	}
	return PMAP_NONE;
}

/* Heapsort: no memory, bounded time. */
static void
sort(uint64_t *keys, uint32_t nr)
{
	for (uint32_t end = nr, start = nr / 2; end > 1;) {
		uint64_t key;
		uint32_t at;

		if (start > 0) {
			at = --start;
			key = keys[at];
		} else {
			key = keys[--end];
			keys[end] = keys[0];
			at = 0;
		}
		for (uint32_t child = 2 * at + 1; child < end; child = 2 * at + 1) {
			if (child + 1 < end && keys[child + 1] > keys[child])
				child++;
			if (keys[child] <= key)
				break;
			keys[at] = keys[child];
			at = child;
		}
		keys[at] = key;
	}
}

static void
place_substitutes(struct place *place, const struct view *view, uint64_t seed, const struct oclass *oclass,
		  uint32_t shard_nr, uint64_t *order, uint32_t *shards)
{
	uint32_t size = oclass->group_size, nr = 0;

	memset(place->used, 0, sizeof(*place->used) * place->target_nr);
	for (uint32_t slot = 0; slot < shard_nr; slot++) {
		if (shards[slot] == PMAP_NONE)
			continue;
		if (view->out[shards[slot]]) {
			order[nr++] = (uint64_t)left_at(pmap_target(place->map, shards[slot])) << 32 | slot;
			shards[slot] = PMAP_NONE;
		} else {
			place->used[shards[slot]]++;
		}
	}
	sort(order, nr);
	for (uint32_t i = 0; i < nr; i++) {
		uint32_t slot = (uint32_t)order[i], target;

		target = substitute(place, view, seed, &shards[slot - slot % size], size, slot);
		shards[slot] = target;
		if (target != PMAP_NONE)
			place->used[target]++;
	}
}

/* ---- layouts ------------------------------------------------------------------------------------------------------- */

static void
fill_shard(const struct pool_map *map, uint32_t present, uint32_t goal, struct place_shard *shard)
{
	*shard = (struct place_shard){.target = present, .coming = PMAP_NONE};
	shard->readable = present != PMAP_NONE && can_read(pmap_target(map, present));
	if (goal == PMAP_NONE || !can_write(pmap_target(map, goal)))
		return;
	/* A shard also comes to where it is: when that is coming back and has missed writes. */
	if (goal != present || (!shard->readable && waits_for_goal(map, pmap_target(map, goal))))
		shard->coming = goal;
}

int
place_layout(struct place *place, daos_obj_id_t oid, struct arena *arena, struct place_layout *layout)
{
	uint64_t seed = hash64_pair(oid.hi, oid.lo), *order;
	uint32_t nr, *present, *goal;
	struct oclass oclass;

	/* What was chosen for this pool fits, for pools never shrink: other ids are made up. */
	if (oclass_of(oid, &oclass) != 0 || oclass.group_size > place->domain_nr ||
	    (uint64_t)oclass.groups * oclass.group_size > place->target_nr)
		return -DER_INVAL;
	nr = oclass.groups * oclass.group_size;
	layout->oclass = oclass;
	layout->map_version = pmap_version(place->map);
	layout->shard_nr = nr;
	layout->shards = ARENA_NEW_ARRAY(arena, struct place_shard, nr);
	present = ARENA_NEW_ARRAY(arena, uint32_t, nr);
	order = ARENA_NEW_ARRAY(arena, uint64_t, nr);
	goal = place->moving ? ARENA_NEW_ARRAY(arena, uint32_t, nr) : present;
	if (layout->shards == NULL || present == NULL || order == NULL || goal == NULL)
		return -DER_NOMEM;
	place_base(place, seed, &oclass, place->present.target_nr, present);
	if (place->moving) {
		if (place->goal.target_nr == place->present.target_nr)
			memcpy(goal, present, sizeof(*goal) * nr);
		else
			place_base(place, seed, &oclass, place->goal.target_nr, goal);
		place_substitutes(place, &place->goal, seed, &oclass, nr, order, goal);
	}
	place_substitutes(place, &place->present, seed, &oclass, nr, order, present);
	for (uint32_t i = 0; i < nr; i++)
		fill_shard(place->map, present[i], goal[i], &layout->shards[i]);
	return 0;
}

uint32_t
place_readable(const struct place_layout *layout, uint32_t group)
{
	uint32_t nr = 0;

	for (uint32_t i = 0; i < layout->oclass.group_size; i++)
		nr += place_shard(layout, group, i)->readable;
	return nr;
}

bool
place_is_intact(const struct place_layout *layout, uint32_t group)
{
	return place_readable(layout, group) >= layout->oclass.data;
}

/* ---- keys ----------------------------------------------------------------------------------------------------------- */

int
place_dkey_hash(enum daos_otype_t type, const void *dkey, size_t len, uint64_t *hash)
{
	if (dkey == NULL || len == 0)
		return -DER_INVAL;
	if (!daos_is_dkey_uint64_type(type)) {
		*hash = hash64_bytes(dkey, len, 0);
		return 0;
	}
	if (len != sizeof(*hash))
		return -DER_INVAL;
	memcpy(hash, dkey, sizeof(*hash));
	return 0;
}

uint32_t
place_group(const struct place_layout *layout, uint64_t dkey_hash)
{
	return (uint32_t)(dkey_hash % layout->oclass.groups);
}

uint32_t
place_leader(const struct place_layout *layout, uint32_t group, uint64_t dkey_hash)
{
	uint32_t size = layout->oclass.group_size, first = layout->oclass.ec ? layout->oclass.data : 0, parity = size - first;
	uint32_t start = below(hash64_mix(dkey_hash + group), parity);

	for (uint32_t k = 0; k < parity; k++)
		if (place_shard(layout, group, first + (start + k) % parity)->readable)
			return first + (start + k) % parity;
	for (uint32_t i = 0; i < first; i++)
		if (place_shard(layout, group, i)->readable)
			return i;
	return PMAP_NONE;
}
