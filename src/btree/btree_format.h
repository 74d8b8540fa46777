/* SPDX-License-Identifier: Apache-2.0 */
/*
 * btree/format: a node on the heap. Little-endian; short keys are kept as the bytes that the class made, so that memcmp
 * orders them. With W = words, C = cap:
 *
 *	  0       8             8+8WC          8+8WC+8C       8+8WC+16C
 *	  +-------+-------------+--------------+--------------+
 *	  | head  | C x hkey    | C x value    | C x child    |   the children only where level > 0
 *	  +-------+-------------+--------------+--------------+
 *
 * Entries 0..nr-1 are sorted. In an inner node hkey and value of an entry are those of the smallest key below its child.
 */
#ifndef BTREE_FORMAT_H
#define BTREE_FORMAT_H

#include <stddef.h>
#include <stdint.h>

#define BTREE_NODE_MAGIC 0x4e62U /* "bN"; zeroed when the node is freed */

struct btree_node {
	uint16_t magic;
	uint8_t level; /* 0: leaf */
	uint8_t words; /* hkey_size / 8 */
	uint16_t nr;   /* entries, never 0 */
	uint16_t cap;  /* entries there is room for; the order but for a top node that still grows */
	uint64_t body[];
};
_Static_assert(sizeof(struct btree_node) == 8, "FORMAT: btree_node");
_Static_assert(offsetof(struct btree_node, nr) == 4, "FORMAT: btree_node.nr");
_Static_assert(offsetof(struct btree_node, body) == 8, "FORMAT: btree_node.body");

#endif
