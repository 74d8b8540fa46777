/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Linked lists whose links are members of the elements: d_list_t, a ring with a head, and d_hlist, a list with a head
 * of one pointer for hash buckets. Walkers named _safe allow the current element to be removed; those named _typed
 * take the type of the element for languages without typeof.
 */
#ifndef GURT_LIST_H
#define GURT_LIST_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define prefetch(a) ((void)(a))

/** A link, or the head of a ring. */
struct d_list_head {
	struct d_list_head *next, *prev;
};

typedef struct d_list_head d_list_t;

#define D_LIST_HEAD_INIT(name) { &(name), &(name) }
#define D_LIST_HEAD(name) d_list_t name = D_LIST_HEAD_INIT(name)

#define D_INIT_LIST_HEAD(ptr)                                                                                          \
	do {                                                                                                           \
		(ptr)->next = (ptr);                                                                                   \
		(ptr)->prev = (ptr);                                                                                   \
	} while (0)

/* Inserts between two neighbours. */
static inline void
__gurt_list_add(d_list_t *newe, d_list_t *prev, d_list_t *next)
{
	next->prev = newe;
	newe->next = next;
	newe->prev = prev;
	prev->next = newe;
}

/** Inserts behind head: first of the ring. */
static inline void
d_list_add(d_list_t *newe, d_list_t *head)
{
	__gurt_list_add(newe, head, head->next);
}

/** Inserts before head: last of the ring. */
static inline void
d_list_add_tail(d_list_t *newe, d_list_t *head)
{
	__gurt_list_add(newe, head->prev, head);
}

/* Makes two links neighbours. */
static inline void
__gurt_list_del(d_list_t *prev, d_list_t *next)
{
	next->prev = prev;
	prev->next = next;
}

/** Takes an element out; its link is undefined then. */
static inline void
d_list_del(d_list_t *entry)
{
	__gurt_list_del(entry->prev, entry->next);
}

/** Takes an element out; its link is an empty ring then. */
static inline void
d_list_del_init(d_list_t *entry)
{
	__gurt_list_del(entry->prev, entry->next);
	D_INIT_LIST_HEAD(entry);
}

/** Takes an element out and makes it the first of another ring. */
static inline void
d_list_move(d_list_t *list, d_list_t *head)
{
	__gurt_list_del(list->prev, list->next);
	d_list_add(list, head);
}

/** Takes an element out and makes it the last of another ring. */
static inline void
d_list_move_tail(d_list_t *list, d_list_t *head)
{
	__gurt_list_del(list->prev, list->next);
	d_list_add_tail(list, head);
}

static inline int
d_list_empty(d_list_t *head)
{
	return head->next == head;
}

/** Empty, and nobody is in the middle of a removal. */
static inline int
d_list_empty_careful(const d_list_t *head)
{
	const d_list_t *next = head->next;

	return next == head && next == head->prev;
}

/* Puts the elements of list, which is not empty, behind head. */
static inline void
__gurt_list_splice(d_list_t *list, d_list_t *head)
{
	d_list_t *first = list->next;
	d_list_t *last = list->prev;
	d_list_t *at = head->next;

	first->prev = head;
	head->next = first;
	last->next = at;
	at->prev = last;
}

/** Puts all elements of list behind head; list is undefined then. */
static inline void
d_list_splice(d_list_t *list, d_list_t *head)
{
	if (!d_list_empty(list))
		__gurt_list_splice(list, head);
}

/** Puts all elements of list behind head; list is empty then. */
static inline void
d_list_splice_init(d_list_t *list, d_list_t *head)
{
	if (!d_list_empty(list)) {
		__gurt_list_splice(list, head);
		D_INIT_LIST_HEAD(list);
	}
}

/** The element of which ptr is the link named member. */
#define d_list_entry(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

/** Takes the first element out of a ring; NULL: it is empty. */
#define d_list_pop_entry(list, type, member)                                                                           \
	({                                                                                                             \
		type *__popped = NULL;                                                                                 \
                                                                                                                       \
		if (!d_list_empty(list)) {                                                                             \
			__popped = d_list_entry((list)->next, type, member);                                           \
			d_list_del((list)->next);                                                                      \
		}                                                                                                      \
		__popped;                                                                                              \
	})

/* Walk over links. */
#define d_list_for_each(pos, head) for (pos = (head)->next; pos != (head); pos = (pos)->next)
#define d_list_for_each_prev(pos, head) for (pos = (head)->prev; pos != (head); pos = (pos)->prev)
#define d_list_for_each_safe(pos, n, head)                                                                             \
	for (pos = (head)->next, n = (pos)->next; pos != (head); pos = n, n = (pos)->next)

/* Walk over elements, with the type given. */
#define d_list_for_each_entry_typed(pos, head, type, member)                                                           \
	for (pos = d_list_entry((head)->next, type, member); &(pos)->member != (head);                                 \
	     pos = d_list_entry((pos)->member.next, type, member))
#define d_list_for_each_entry_reverse_typed(pos, head, type, member)                                                   \
	for (pos = d_list_entry((head)->prev, type, member); &(pos)->member != (head);                                 \
	     pos = d_list_entry((pos)->member.prev, type, member))
#define d_list_for_each_entry_safe_typed(pos, n, head, type, member)                                                   \
	for (pos = d_list_entry((head)->next, type, member), n = d_list_entry((pos)->member.next, type, member);       \
	     &(pos)->member != (head); pos = n, n = d_list_entry((n)->member.next, type, member))
#define d_list_for_each_entry_safe_from_typed(pos, n, head, type, member)                                              \
	for (n = d_list_entry((pos)->member.next, type, member); &(pos)->member != (head);                             \
	     pos = n, n = d_list_entry((n)->member.next, type, member))

/* Walk over elements. */
#define d_list_for_each_entry(pos, head, member) d_list_for_each_entry_typed(pos, head, __typeof__(*pos), member)
#define d_list_for_each_entry_reverse(pos, head, member)                                                               \
	d_list_for_each_entry_reverse_typed(pos, head, __typeof__(*pos), member)
#define d_list_for_each_entry_safe(pos, n, head, member)                                                               \
	d_list_for_each_entry_safe_typed(pos, n, head, __typeof__(*pos), member)
#define d_list_for_each_entry_safe_from(pos, n, head, member)                                                          \
	d_list_for_each_entry_safe_from_typed(pos, n, head, __typeof__(*pos), member)
#define d_list_for_each_entry_reverse_safe(pos, n, head, member)                                                       \
	for (pos = d_list_entry((head)->prev, __typeof__(*pos), member),                                               \
	    n = d_list_entry((pos)->member.prev, __typeof__(*pos), member);                                            \
	     &(pos)->member != (head); pos = n, n = d_list_entry((n)->member.prev, __typeof__(*n), member))
/** Goes on behind pos. */
#define d_list_for_each_entry_continue(pos, head, member)                                                              \
	for (pos = d_list_entry((pos)->member.next, __typeof__(*pos), member); &(pos)->member != (head);               \
	     pos = d_list_entry((pos)->member.next, __typeof__(*pos), member))
#define d_list_for_each_entry_rcu(pos, head, member) d_list_for_each_entry(pos, head, member)

/** A list for hash buckets: the head is one pointer, a node can be removed without knowing the head. */
struct d_hlist_node {
	struct d_hlist_node *next, **pprev;
};

typedef struct d_hlist_node d_hlist_node_t;

struct d_hlist_head {
	d_hlist_node_t *first;
};

typedef struct d_hlist_head d_hlist_head_t;

#define NULL_P NULL
#define D_HLIST_HEAD_INIT { NULL_P }
#define D_HLIST_HEAD(name) d_hlist_head_t name = D_HLIST_HEAD_INIT
#define D_INIT_HLIST_HEAD(ptr) ((ptr)->first = NULL_P)
#define D_INIT_HLIST_NODE(ptr) ((ptr)->next = NULL_P, (ptr)->pprev = NULL_P)

/** Whether a node is in no list. */
static inline int
d_hlist_unhashed(const d_hlist_node_t *h)
{
	return h->pprev == NULL;
}

static inline int
d_hlist_empty(const d_hlist_head_t *h)
{
	return h->first == NULL;
}

static inline void
__gurt_hlist_del(d_hlist_node_t *n)
{
	*n->pprev = n->next;
	if (n->next != NULL)
		n->next->pprev = n->pprev;
}

/** Takes a node out. */
static inline void
d_hlist_del(d_hlist_node_t *n)
{
	__gurt_hlist_del(n);
}

/** Takes a node out if it is in a list; it is unhashed then. */
static inline void
d_hlist_del_init(d_hlist_node_t *n)
{
	if (n->pprev != NULL) {
		__gurt_hlist_del(n);
		D_INIT_HLIST_NODE(n);
	}
}

static inline void
d_hlist_add_head(d_hlist_node_t *n, d_hlist_head_t *h)
{
	n->next = h->first;
	if (h->first != NULL)
		h->first->pprev = &n->next;
	h->first = n;
	n->pprev = &h->first;
}

/** Inserts n before next. */
static inline void
d_hlist_add_before(d_hlist_node_t *n, d_hlist_node_t *next)
{
	n->pprev = next->pprev;
	n->next = next;
	next->pprev = &n->next;
	*n->pprev = n;
}

/** Inserts prev behind n. */
static inline void
d_hlist_add_after(d_hlist_node_t *n, d_hlist_node_t *prev)
{
	prev->next = n->next;
	n->next = prev;
	prev->pprev = &n->next;
	if (prev->next != NULL)
		prev->next->pprev = &prev->next;
}

#define d_hlist_entry(ptr, type, member) d_list_entry(ptr, type, member)

#define dhlist_for_each(pos, head) for (pos = (head)->first; pos != NULL; pos = (pos)->next)
#define dhlist_for_each_safe(pos, n, head)                                                                             \
	for (pos = (head)->first; pos != NULL && (n = (pos)->next, 1); pos = n)

/* Walk over elements: tpos is the element, pos its node. */
#define dhlist_for_each_entry_typed(tpos, pos, head, type, member)                                                     \
	for (pos = (head)->first; pos != NULL && (tpos = d_hlist_entry(pos, type, member), 1); pos = (pos)->next)
#define dhlist_for_each_entry_safe_typed(tpos, pos, n, head, type, member)                                             \
	for (pos = (head)->first; pos != NULL && (n = (pos)->next, 1) && (tpos = d_hlist_entry(pos, type, member), 1); \
	     pos = n)
#define dhlist_for_each_entry(tpos, pos, head, member)                                                                 \
	dhlist_for_each_entry_typed(tpos, pos, head, __typeof__(*tpos), member)
#define dhlist_for_each_entry_safe(tpos, pos, n, head, member)                                                         \
	dhlist_for_each_entry_safe_typed(tpos, pos, n, head, __typeof__(*tpos), member)
#define dhlist_for_each_entry_continue(tpos, pos, member)                                                              \
	for (pos = (pos)->next; pos != NULL && (tpos = d_hlist_entry(pos, __typeof__(*tpos), member), 1);              \
	     pos = (pos)->next)
#define dhlist_for_each_entry_from(tpos, pos, member)                                                                  \
	for (; pos != NULL && (tpos = d_hlist_entry(pos, __typeof__(*tpos), member), 1); pos = (pos)->next)

#ifdef __cplusplus
}
#endif
#endif
