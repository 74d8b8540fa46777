/* SPDX-License-Identifier: Apache-2.0 */
/* pure/prop: what its files share. */
#ifndef PURE_PROP_OWN_H
#define PURE_PROP_OWN_H

#include "pure/prop/prop.h"

/* Ranks in a list at most: bounds what a message can make us allocate. */
enum { PROP_RANKS_MAX = 65536 };

/* Frees what the entry carries and gives it value, a block of its own, instead. */
void prop__replace(struct mem *mem, struct daos_prop_entry *entry, void *value);

#endif
