/* SPDX-License-Identifier: Apache-2.0 */
/* base/list: intrusive doubly linked lists. A head is a node that points at itself when the list is empty. */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
	struct list *next, *prev;
};

#define LIST_HEAD_INIT(head) { &(head), &(head) }

static inline void
list_init(struct list *head)
{
	head->next = head->prev = head;
}

static inline bool
list_empty(const struct list *head)
{
	return head->next == head;
}

static inline void
list__insert(struct list *node, struct list *prev, struct list *next)
{
	node->prev = prev;
	node->next = next;
	prev->next = node;
	next->prev = node;
}

/** At the front of head. */
static inline void
list_push(struct list *head, struct list *node)
{
	list__insert(node, head, head->next);
}

/** At the back of head. */
static inline void
list_append(struct list *head, struct list *node)
{
	list__insert(node, head->prev, head);
}

/** Takes node out of its list and leaves it a list of its own, so that a second removal is harmless. */
static inline void
list_remove(struct list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_init(node);
}

/** True when node, initialised once, stands in a list. */
static inline bool
list_linked(const struct list *node)
{
	return node->next != node;
}

/** Moves all of from to the back of to. */
static inline void
list_splice(struct list *to, struct list *from)
{
	if (list_empty(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	list_init(from);
}

#define list_entry(node, type, member) ((type *)((char *)(node) - offsetof(type, member)))
#define list_first(head, type, member) list_entry((head)->next, type, member)
#define list_last(head, type, member) list_entry((head)->prev, type, member)
#define list_each(pos, head, member)                                                                                   \
	for (pos = list_first(head, __typeof__(*pos), member); &pos->member != (head);                                 \
	     pos = list_entry(pos->member.next, __typeof__(*pos), member))
/** The entry may be removed in the body. */
#define list_each_safe(pos, tmp, head, member)                                                                         \
	for (pos = list_first(head, __typeof__(*pos), member), tmp = list_entry(pos->member.next, __typeof__(*pos), member); \
	     &pos->member != (head); pos = tmp, tmp = list_entry(pos->member.next, __typeof__(*pos), member))
/** Takes the first entry out; NULL when empty. */
#define list_pop(head, type, member)                                                                                   \
	({                                                                                                             \
		struct list *_n = (head)->next;                                                                        \
		_n == (head) ? NULL : (list_remove(_n), list_entry(_n, type, member));                                 \
	})

#endif
