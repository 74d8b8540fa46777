/* SPDX-License-Identifier: Apache-2.0 */
/*
 * btree: B+trees in a umem heap. A tree class is registered by number; it says how a key becomes an order-preserving
 * short key (hkey) and how equal short keys are told apart. A tree maps a key to one 64-bit value, usually the offset of
 * a record that the owner allocated. The root (struct btree_root) is embedded in the owner's record.
 * All calls run inside a umem body; those that change run inside umem_write. Nothing yields. Besides the errors named
 * below every call says -DER_DF_INVAL when it meets a corrupt root or node, and -DER_INVAL for a key of a length that the
 * class does not take (INTEGER: 8; DIRECT: at most hkey_size). After an error other than -DER_NONEXIST, -DER_EXIST and
 * -DER_INVAL a body that changes things must not return 0.
 *
 * Order of keys: by hkey bytes (memcmp), then by tie().
 */
#ifndef BTREE_BTREE_H
#define BTREE_BTREE_H

#include "base/base.h"
#include "umem/umem.h"

#define BTREE_HKEY_MAX 32U
#define BTREE_CLASS_MAX 64U

enum { /* feature bits of a class */
	BTREE_HASHED = 1,  /* hkey is a hash: keys have no meaningful order */
	BTREE_INTEGER = 2, /* the key is a u64, hkey its big-endian bytes */
	BTREE_DIRECT = 4,  /* the key has at most hkey_size bytes of fixed length: hkey is the key */
	BTREE_LEXICAL = 8, /* hkey is the zero-padded head of the key */
};

struct btree_class {
	uint32_t features;
	uint8_t hkey_size; /* bytes, 8..BTREE_HKEY_MAX, a multiple of 8 */
	/** Writes hkey_size bytes. NULL: the usual one of the feature (HASHED: 128-bit XXH). */
	void (*hkey)(const void *key, size_t len, uint8_t *hkey);
	/**
	 * Orders a key against the record value when hkeys are equal: < 0 the key is before the record, 0 it is its key,
	 * > 0 behind. NULL: equal hkeys are equal keys.
	 */
	int (*tie)(struct umem *heap, uint64_t value, const void *key, size_t len);
};

/** Classes by number; owned by who made it, handed to every call through struct btree. */
struct btree_registry {
	const struct btree_class *classes[BTREE_CLASS_MAX];
};
/** -DER_EXIST, -DER_INVAL. cls must outlive the registry. */
int btree_register(struct btree_registry *registry, uint32_t number, const struct btree_class *cls);

/** On the heap, all zero when empty and unformatted; 32 bytes, 8-byte aligned. */
struct btree_root {
	uint16_t cls;
	uint8_t depth; /* 0: empty */
	uint8_t order;
	uint32_t flags;
	uint64_t node;  /* umem_off_t of the top node */
	uint64_t count; /* keys */
	uint64_t reserved;
};
_Static_assert(sizeof(struct btree_root) == 32, "FORMAT: btree_root");

/** A tree for the length of one body. */
struct btree {
	struct umem *heap;
	const struct btree_registry *registry;
	umem_off_t root; /* where its btree_root lies */
	struct log *log; /* where corruption is reported; may be NULL */
};

/**
 * Formats the root: class number, keys a node (4 to 255; 0: 16; small trees start with smaller nodes and grow).
 * -DER_INVAL, -DER_EXIST when it has keys.
 */
int btree_create(struct btree *tree, uint32_t cls, uint8_t order);
/** 0 or -DER_NONEXIST. value may be NULL. */
int btree_find(struct btree *tree, const void *key, size_t len, uint64_t *value);
/** -DER_EXIST (then *value_found is the present one when not NULL), -DER_NOSPACE, -DER_UNINIT without btree_create. */
int btree_insert(struct btree *tree, const void *key, size_t len, uint64_t value, uint64_t *value_found);
/** Changes the value of a present key; hkey and tie order must stay the same. -DER_NONEXIST. */
int btree_replace(struct btree *tree, const void *key, size_t len, uint64_t value);
/** Removes key and hands out its value (may be NULL); nodes are freed and joined. -DER_NONEXIST. */
int btree_remove(struct btree *tree, const void *key, size_t len, uint64_t *value);
bool btree_empty(struct btree *tree);
uint64_t btree_count(struct btree *tree);
/**
 * Tears down at most *credits keys from the end, handing each value to drop; 0 when the tree is gone and the root zero,
 * 1 when credits ran out (call again, maybe in another transaction).
 */
int btree_drain(struct btree *tree, uint32_t *credits, int (*drop)(void *arg, uint64_t value), void *arg);

/* ---- cursors: good until the tree changes or the body ends ------------------------------------------------------- */
enum btree_seek { BTREE_FIRST, BTREE_LAST, BTREE_GE, BTREE_GT, BTREE_LE, BTREE_LT, BTREE_EQ };

#define BTREE_DEPTH_MAX 16
struct btree_cursor {
	struct btree tree;
	uint8_t depth;
	struct {
		umem_off_t node;
		uint16_t at;
	} path[BTREE_DEPTH_MAX]; /* by level, the leaf first */
	int64_t moved;           /* steps away from where the seek landed */
};
/** 0 or -DER_NONEXIST. key is not used with FIRST and LAST. */
int btree_seek(struct btree *tree, enum btree_seek how, const void *key, size_t len, struct btree_cursor *cursor);
/**
 * By short key alone: the first key whose hkey is >= (GE) or > (GT), the last one whose hkey is <= (LE) or < (LT), the
 * first one whose hkey is (EQ) the given hkey_size bytes. For anchors.
 */
int btree_seek_hkey(struct btree *tree, enum btree_seek how, const uint8_t *hkey, struct btree_cursor *cursor);
int btree_next(struct btree_cursor *cursor); /* 0, or -DER_NONEXIST past the end: the cursor stays where it was */
int btree_prev(struct btree_cursor *cursor);
uint64_t btree_value(struct btree_cursor *cursor);
/** hkey_size bytes of the key under the cursor; valid like the cursor. */
const uint8_t *btree_hkey(struct btree_cursor *cursor);

/** Walks the whole tree and checks order, counts and links. -DER_DF_INVAL. For tests and the checker. */
int btree_check(struct btree *tree);

#endif
