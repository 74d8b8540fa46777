/* SPDX-License-Identifier: Apache-2.0 */
/* proto/props: lists of properties between programs (daos_prop_t) and messages (struct rpc_prop). */
#ifndef PROTO_PROPS_H
#define PROTO_PROPS_H

#include <daos_prop.h>
#include "proto/types.h"

/** A list of mem's, freed with prop_list_free, with every value checked. -DER_INVAL, -DER_NOMEM. */
int proto_props_from(const struct rpc_prop *props, uint32_t nr, struct mem *mem, daos_prop_t **list);
/** All entries, or those of types (-DER_NONEXIST when one is missing), in arena. */
int proto_props_to(const daos_prop_t *list, const uint32_t *types, uint32_t type_nr, struct arena *arena, struct rpc_prop **props, uint32_t *nr);

#endif
