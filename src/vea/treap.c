/* SPDX-License-Identifier: Apache-2.0 */
/* vea/treap: see treap.h. Every path is walked in a loop; its expected length is about 2 ln n. Nothing yields. */
#include "base/hash64.h"
#include "treap.h"

static bool
before(const struct treap_node *node, uint64_t major, uint64_t minor)
{
	return node->major != major ? node->major < major : node->minor < minor;
}

void
treap__insert(struct treap *treap, struct treap_node *node, uint64_t major, uint64_t minor)
{
	struct treap_node **place = &treap->root, **less = &node->left, **more = &node->right, *rest;

	node->major = major;
	node->minor = minor;
	node->priority = hash64_pair(major, minor);
	while (*place != NULL && (*place)->priority >= node->priority)
		place = before(*place, major, minor) ? &(*place)->right : &(*place)->left;
	/* What stood here is parted by the key and hangs below node. */
	for (rest = *place; rest != NULL;) {
		if (before(rest, major, minor)) {
			*less = rest;
			less = &rest->right;
			rest = rest->right;
		} else {
			*more = rest;
			more = &rest->left;
			rest = rest->left;
		}
	}
	*less = *more = NULL;
	*place = node;
}

void
treap__remove(struct treap *treap, struct treap_node *node)
{
	struct treap_node **place = &treap->root, *left = node->left, *right = node->right;

	while (*place != node) {
		ASSERTF(*place != NULL, "the node is in the treap");
		place = before(*place, node->major, node->minor) ? &(*place)->right : &(*place)->left;
	}
	while (left != NULL && right != NULL) {
		if (left->priority >= right->priority) {
			*place = left;
			place = &left->right;
			left = left->right;
		} else {
			*place = right;
			place = &right->left;
			right = right->left;
		}
	}
	*place = left != NULL ? left : right;
}

struct treap_node *
treap__floor(const struct treap *treap, uint64_t major, uint64_t minor)
{
	struct treap_node *node = treap->root, *found = NULL;

	while (node != NULL) {
		if (before(node, major, minor) || (node->major == major && node->minor == minor)) {
			found = node;
			node = node->right;
		} else {
			node = node->left;
		}
	}
	return found;
}

struct treap_node *
treap__ceiling(const struct treap *treap, uint64_t major, uint64_t minor)
{
	struct treap_node *node = treap->root, *found = NULL;

	while (node != NULL) {
		if (before(node, major, minor)) {
			node = node->right;
		} else {
			found = node;
			node = node->left;
		}
	}
	return found;
}
