/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of ranks and its changes.
 *
 *	member I1  ranks[] ascends, and incarnation[i] is that of ranks[i].
 *	member I2  The version only rises; rpc has the list before anybody hears of it.
 *
 * Nothing yields; nothing is durable: after a start the management service says it again.
 */
#include "member/member.h"

#include "base/list.h"

struct ranks {
	uint32_t nr;
	uint32_t *rank;
	uint64_t *incarnation;
};

struct watch {
	struct list link;
	member_changed changed;
	void *arg;
};

struct member {
	struct mem *mem;
	struct rpc_node *node;
	uint32_t version;
	struct ranks ranks;
	struct list watches;
};

int
member_create(struct mem *mem, struct rpc_node *node, struct member **out)
{
	struct member *member = MEM_NEW(mem, struct member);

	if (member == NULL)
		return -DER_NOMEM;
	member->mem = mem;
	member->node = node;
	list_init(&member->watches);
	*out = member;
	return 0;
}

static void
ranks_free(struct member *member, struct ranks *ranks)
{
	mem_free(member->mem, ranks->rank);
	mem_free(member->mem, ranks->incarnation);
}

void
member_destroy(struct member *member)
{
	struct watch *watch;

	while ((watch = list_pop(&member->watches, struct watch, link)) != NULL)
		mem_free(member->mem, watch);
	ranks_free(member, &member->ranks);
	mem_free(member->mem, member);
}

/* Sorted by insertion: lists come in order. */
static int
ranks_fill(struct ranks *ranks, const struct rpc_member *members, uint32_t nr)
{
	for (uint32_t i = 0; i < nr; i++) {
		uint32_t at = i;

		for (; at > 0 && ranks->rank[at - 1] > members[i].rank; at--) {
			ranks->rank[at] = ranks->rank[at - 1];
			ranks->incarnation[at] = ranks->incarnation[at - 1];
		}
		if (at > 0 && ranks->rank[at - 1] == members[i].rank)
			return -DER_INVAL;
		ranks->rank[at] = members[i].rank;
		ranks->incarnation[at] = members[i].incarnation;
		ranks->nr++;
	}
	return 0;
}

static void
tell(struct member *member, enum member_event event, uint32_t rank, uint64_t incarnation)
{
	struct watch *watch;

	list_each(watch, &member->watches, link)
		watch->changed(watch->arg, event, rank, incarnation);
}

/* Both lists ascend: one walk finds all differences. */
static void
tell_changes(struct member *member, const struct ranks *old, const struct ranks *new)
{
	uint32_t i = 0, j = 0;

	while (i < old->nr || j < new->nr) {
		if (j == new->nr || (i < old->nr && old->rank[i] < new->rank[j])) {
			tell(member, MEMBER_LEFT, old->rank[i], old->incarnation[i]);
			i++;
		} else if (i == old->nr || new->rank[j] < old->rank[i]) {
			tell(member, MEMBER_JOINED, new->rank[j], new->incarnation[j]);
			j++;
		} else {
			if (new->incarnation[j] > old->incarnation[i])
				tell(member, MEMBER_RESTARTED, new->rank[j], new->incarnation[j]);
			i++;
			j++;
		}
	}
}

int
member_set(struct member *member, uint32_t version, const struct rpc_member *members, uint32_t nr)
{
	struct ranks ranks = {.rank = MEM_NEW_ARRAY(member->mem, uint32_t, nr), .incarnation = MEM_NEW_ARRAY(member->mem, uint64_t, nr)};
	struct ranks old = member->ranks;
	int rc = 0;

	if (ranks.rank == NULL || ranks.incarnation == NULL)
		rc = -DER_NOMEM;
	else if (version == 0)
		rc = -DER_INVAL;
	if (rc == 0)
		rc = ranks_fill(&ranks, members, nr);
	if (rc == 0 && version > member->version)
		rc = rpc_group_set(member->node, version, members, nr);
	if (rc != 0 || version <= member->version) {
		ranks_free(member, &ranks);
		return rc;
	}
	member->version = version;
	member->ranks = ranks;
	tell_changes(member, &old, &ranks);
	ranks_free(member, &old);
	return 0;
}

uint32_t
member_version(const struct member *member)
{
	return member->version;
}

const uint32_t *
member_ranks(const struct member *member, uint32_t *nr)
{
	*nr = member->ranks.nr;
	return member->ranks.rank;
}

bool
member_find(const struct member *member, uint32_t rank, uint64_t *incarnation)
{
	uint32_t low = 0, high = member->ranks.nr;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (member->ranks.rank[middle] < rank)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == member->ranks.nr || member->ranks.rank[low] != rank)
		return false;
	if (incarnation != NULL)
		*incarnation = member->ranks.incarnation[low];
	return true;
}

int
member_watch(struct member *member, member_changed changed, void *arg)
{
	struct watch *watch = MEM_NEW(member->mem, struct watch);

	if (watch == NULL)
		return -DER_NOMEM;
	watch->changed = changed;
	watch->arg = arg;
	list_append(&member->watches, &watch->link);
	return 0;
}

void
member_unwatch(struct member *member, void *arg)
{
	struct watch *watch, *next;

	list_each_safe(watch, next, &member->watches, link) {
		if (watch->arg != arg)
			continue;
		list_remove(&watch->link);
		mem_free(member->mem, watch);
	}
}
