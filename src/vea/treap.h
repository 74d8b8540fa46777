/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vea/treap: an intrusive search tree, ordered by (major, minor) and kept balanced by pseudo-random priorities that follow
 * from the key, so that its shape depends on nothing else. Keys are unique. Insertion and removal cannot fail.
 */
#ifndef VEA_TREAP_H
#define VEA_TREAP_H

#include "base/base.h"

struct treap_node {
	struct treap_node *left, *right;
	uint64_t major, minor; /* the key */
	uint64_t priority;     /* higher ones stand above */
};

struct treap {
	struct treap_node *root;
};

void treap__insert(struct treap *treap, struct treap_node *node, uint64_t major, uint64_t minor);
/** node is in the treap. */
void treap__remove(struct treap *treap, struct treap_node *node);
/** The last node whose key is at most (first whose key is at least) that; NULL. */
struct treap_node *treap__floor(const struct treap *treap, uint64_t major, uint64_t minor);
struct treap_node *treap__ceiling(const struct treap *treap, uint64_t major, uint64_t minor);

#endif
