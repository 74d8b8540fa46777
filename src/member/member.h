/* SPDX-License-Identifier: Apache-2.0 */
/*
 * member: which ranks are in the system, as the management service says it: a list with a version. This room hands
 * the list to rpc, compares it with the one before, and tells who wants to know which ranks came, went or began a new life.
 * Nothing is detected here: ranks do not gossip yet (no SWIM), a death is what the management service calls one.
 *
 * A struct member belongs to one stream.
 */
#ifndef MEMBER_MEMBER_H
#define MEMBER_MEMBER_H

#include "base/base.h"
#include "rpc/rpc.h"

struct member;

enum member_event {
	MEMBER_JOINED,    /* was not in the list before */
	MEMBER_RESTARTED, /* is, with a larger incarnation: the former life is dead */
	MEMBER_LEFT,      /* is not any more */
};

/** Called for each change, in the order of ranks, after rpc knows the new list. Must not yield, nor watch or unwatch. */
typedef void (*member_changed)(void *arg, enum member_event event, uint32_t rank, uint64_t incarnation);

/** -DER_NOMEM. node outlives it. */
int member_create(struct mem *mem, struct rpc_node *node, struct member **member);
void member_destroy(struct member *member);
/** A new list; one that is not newer is ignored. -DER_NOMEM: nothing changed. -DER_INVAL: version 0, or a rank stands in it twice. */
int member_set(struct member *member, uint32_t version, const struct rpc_member *members, uint32_t nr);
/** Of the list; 0 before the first. */
uint32_t member_version(const struct member *member);
/** Ranks in ascending order; valid until the next member_set. */
const uint32_t *member_ranks(const struct member *member, uint32_t *nr);
/** False when it is not in the list. incarnation may be NULL. */
bool member_find(const struct member *member, uint32_t rank, uint64_t *incarnation);
/** -DER_NOMEM. */
int member_watch(struct member *member, member_changed changed, void *arg);
void member_unwatch(struct member *member, void *arg);

#endif
