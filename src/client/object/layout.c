/* SPDX-License-Identifier: Apache-2.0 */
/* Where an object lives: pure/place, asked with the pool's present map. Classes with redundancy are refused: -DER_NOSYS. */
#include "internal.h"

#include "pure/map/map.h"
#include "pure/place/place.h"

static int
compute(struct object *object, struct arena *arena, struct place_layout *layout)
{
	const struct pool_map *map = pool_map(cont_pool(object->cont));
	struct place *place;
	int rc;

	rc = place_create(arena->mem, map, cont_props(object->cont)->redun_lvl, &place);
	if (rc != 0)
		return rc;
	rc = place_layout(place, object->oid, arena, layout);
	place_free(place);
	return rc;
}

int
object__layout(struct object *object)
{
	struct mem *mem = client_mem(cont_client(object->cont));
	const struct pool_map *map = pool_map(cont_pool(object->cont));
	struct place_layout layout;
	struct object_group *groups;
	struct arena arena;
	int rc;

	if (object->groups != NULL && object->map_version == pmap_version(map))
		return 0;
	arena_init(&arena, mem);
	rc = compute(object, &arena, &layout);
	if (rc == 0 && layout.oclass.group_size != 1)
		rc = -DER_NOSYS;
	groups = rc == 0 ? MEM_NEW_ARRAY(mem, struct object_group, layout.shard_nr) : NULL;
	if (rc == 0 && groups == NULL)
		rc = -DER_NOMEM;
	for (uint32_t i = 0; rc == 0 && i < layout.shard_nr; i++) {
		const struct pmap_target *target;

		if (layout.shards[i].target == PMAP_NONE) {
			rc = -DER_NOSPACE;
			break;
		}
		target = pmap_target(map, layout.shards[i].target);
		groups[i] = (struct object_group){.shard = i, .rank = target->rank, .target = target->index};
	}
	if (rc == 0) {
		mem_free(mem, object->groups);
		object->groups = groups;
		object->group_nr = layout.shard_nr;
		object->map_version = pmap_version(map);
	} else {
		mem_free(mem, groups);
	}
	arena_fini(&arena);
	return rc;
}

uint32_t
object__group_of(const struct object *object, const daos_key_t *dkey)
{
	uint64_t hash = 0;

	if (object->group_nr == 1 || place_dkey_hash(daos_obj_id2type(object->oid), dkey->iov_buf, dkey->iov_len, &hash) != 0)
		return 0;
	return (uint32_t)(hash % object->group_nr);
}

int
object_layout(struct object *object, struct arena *arena, struct object_shard **shards, uint32_t *nr, uint32_t *group_nr)
{
	*shards = ARENA_NEW_ARRAY(arena, struct object_shard, object->group_nr);
	if (*shards == NULL)
		return -DER_NOMEM;
	for (uint32_t i = 0; i < object->group_nr; i++)
		(*shards)[i] = (struct object_shard){.group = i, .shard = object->groups[i].shard, .rank = object->groups[i].rank,
						     .target = object->groups[i].target};
	*nr = *group_nr = object->group_nr;
	return 0;
}
