/* SPDX-License-Identifier: Apache-2.0 */
/*
 * evtree/format: a node on the heap. Little-endian. Entries stay in their slots; `sorted` lists the slots in order of
 * (lo, epoch, minor), so that an insertion writes one slot and a few bytes and moves nothing. With C = cap:
 *
 *	  0      8                8 + C up to 8s
 *	  +------+----------------+---------------------------+
 *	  | head | C x slot no.   | C x entry of 64 bytes     |
 *	  +------+----------------+---------------------------+
 *
 * Entries of leaves are extents. Entries of inner nodes sum up a child: the key of its first extent, the highest hi,
 * the newest and the oldest time below it.
 */
#ifndef EVTREE_FORMAT_H
#define EVTREE_FORMAT_H

#include <stddef.h>
#include <stdint.h>

#define EVTREE_NODE_MAGIC 0x4e65U /* "eN"; zeroed when the node is freed */

struct evtree_node {
	uint16_t magic;
	uint8_t level; /* 0: leaf */
	uint8_t nr;    /* entries, never 0 */
	uint8_t cap;   /* slots; the order but for a top node that still grows */
	uint8_t reserved[3];
	uint8_t sorted[];
};
_Static_assert(sizeof(struct evtree_node) == 8, "FORMAT: evtree_node");

/** The first 26 bytes mean the same in both kinds. */
union evtree_entry {
	struct {
		uint64_t lo;
		uint64_t hi;    /* inner: the highest below */
		uint64_t epoch; /* of the extent; inner: of the first one below */
		uint16_t minor;
	};
	struct {
		uint64_t lo, hi, epoch;
		uint16_t minor;
		uint16_t csum_size;
		uint32_t csum_chunk;
		uint64_t addr;
		uint64_t csum;
		uint32_t dtx;
		uint32_t version;
		uint8_t media;
		uint8_t csum_type;
		uint8_t reserved[6];
	} leaf;
	struct {
		uint64_t lo, hi, epoch;
		uint16_t minor;
		uint16_t oldest_minor;
		uint16_t newest_minor;
		uint16_t reserved0;
		uint64_t newest_epoch;
		uint64_t oldest_epoch;
		uint64_t child;
		uint64_t reserved1;
	} inner;
};
_Static_assert(sizeof(union evtree_entry) == 64, "FORMAT: evtree_entry");
_Static_assert(offsetof(union evtree_entry, leaf.addr) == 32, "FORMAT: evtree_entry.leaf.addr");
_Static_assert(offsetof(union evtree_entry, leaf.media) == 56, "FORMAT: evtree_entry.leaf.media");
_Static_assert(offsetof(union evtree_entry, inner.newest_minor) == 28, "FORMAT: evtree_entry.inner.newest_minor");
_Static_assert(offsetof(union evtree_entry, inner.newest_epoch) == 32, "FORMAT: evtree_entry.inner.newest_epoch");
_Static_assert(offsetof(union evtree_entry, inner.child) == 48, "FORMAT: evtree_entry.inner.child");

#endif
