/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vos/format: what a pool shard keeps in its heap. Little-endian, naturally aligned, frozen by the assertions. Every
 * record has a kind or version and flags that later versions may give a meaning; a set flag that is not known here is
 * refused.
 *
 *	root (umem_root)  struct vos_root: magic, version, features; allocator of the data blob; tree of containers
 *	container         uuid -> struct vos_cont_rec: tree of objects, prepared transactions, finished ones
 *	object            oid, shard -> struct vos_obj_rec: incarnation log, tree of dkeys
 *	dkey              key -> struct vos_flat_rec (one akey with one version) or struct vos_dkey_rec: log, tree of
 *	                  akeys
 *	akey              key -> struct vos_akey_rec: log, tree of single values, tree of extents
 *	single value      (epoch, minor) -> struct vos_single_rec
 */
#ifndef VOS_FORMAT_H
#define VOS_FORMAT_H

#include <stddef.h>
#include <stdint.h>
#include <daos_types.h>
#include "btree/btree.h"
#include "evtree/evtree.h"
#include "ilog/ilog.h"
#include "umem/umem.h"
#include "vea/vea.h"

#define VOS_MAGIC 0x316c6f6f50736f76ULL /* "vosPool1" */
#define VOS_VERSION 1U
#define VOS_BYTE_ORDER 0x01020304U
#define VOS_COMPAT 0ULL
#define VOS_RO_COMPAT 0ULL
#define VOS_INCOMPAT 0ULL

/** Tree classes by number. */
enum vos_class {
	VOS_CLASS_CONT = 1,
	VOS_CLASS_OBJECT = 2,
	VOS_CLASS_DKEY_HASHED = 3,
	VOS_CLASS_DKEY_INTEGER = 4,
	VOS_CLASS_DKEY_LEXICAL = 5,
	VOS_CLASS_AKEY_HASHED = 6,
	VOS_CLASS_AKEY_INTEGER = 7,
	VOS_CLASS_AKEY_LEXICAL = 8,
	VOS_CLASS_SINGLE = 9,
	VOS_CLASS_DTX_ACTIVE = 10,
	VOS_CLASS_DTX_DONE = 11,
};

/** At umem_root. The head, up to crc, is written once; compat features may be added by later versions. */
struct vos_root {
	uint64_t magic;
	uint32_t version;
	uint32_t byte_order;
	uint64_t compat, ro_compat, incompat; /* feature bits */
	uint8_t uuid[16];
	uint64_t data_size;      /* bytes of the data blob; 0: none */
	uint32_t data_threshold; /* values of this many bytes and more go to data */
	uint32_t flags;
	uint32_t reserved;
	uint32_t crc;            /* hash of the bytes before this field */
	struct btree_root conts;
	struct vea_root vea;
	uint64_t garbage;        /* first destroyed container, linked by vos_cont_rec.next */
	uint64_t spare[7];
};
_Static_assert(offsetof(struct vos_root, uuid) == 40, "FORMAT: vos_root.uuid");
_Static_assert(offsetof(struct vos_root, crc) == 76, "FORMAT: vos_root.crc");
_Static_assert(offsetof(struct vos_root, conts) == 80, "FORMAT: vos_root.conts");
_Static_assert(offsetof(struct vos_root, vea) == 112, "FORMAT: vos_root.vea");
_Static_assert(offsetof(struct vos_root, garbage) == 176, "FORMAT: vos_root.garbage");
_Static_assert(sizeof(struct vos_root) == 240 && sizeof(struct vos_root) <= UMEM_ROOT_SIZE, "FORMAT: vos_root");

enum { VOS_CONT_GARBAGE = 1 };

struct vos_cont_rec {
	uint8_t uuid[16];
	uint16_t version;
	uint16_t flags;
	uint32_t reserved;
	uint64_t next;       /* garbage list */
	uint64_t aggregated; /* epochs up to here may be folded */
	uint64_t forgotten;  /* answers of transactions with an hlc below were dropped */
	struct btree_root objects;
	struct btree_root active;
	struct btree_root done;
	uint64_t spare[3];
};
_Static_assert(offsetof(struct vos_cont_rec, objects) == 48, "FORMAT: vos_cont_rec.objects");
_Static_assert(sizeof(struct vos_cont_rec) == 168, "FORMAT: vos_cont_rec");

/** The newest change at or below a record, and 32 bits of who made it: tells writers of one epoch apart. */
struct vos_last {
	uint64_t epoch;
	uint32_t tag;
	uint32_t flags; /* VOS_LAST_* */
};
enum { VOS_LAST_ABORTED = 1 }; /* a transaction was undone: the epoch is a bound, not exact */
_Static_assert(sizeof(struct vos_last) == 16, "FORMAT: vos_last");

struct vos_obj_rec {
	uint64_t hi, lo; /* the object id */
	uint32_t shard;
	uint16_t version;
	uint16_t flags;
	struct vos_last last;
	struct ilog_root ilog;
	struct btree_root dkeys;
};
_Static_assert(offsetof(struct vos_obj_rec, ilog) == 40, "FORMAT: vos_obj_rec.ilog");
_Static_assert(sizeof(struct vos_obj_rec) == 104, "FORMAT: vos_obj_rec");

/** What a record under a key is; the key's bytes follow the fixed part. */
enum vos_kind {
	VOS_KIND_FLAT_SINGLE = 1,
	VOS_KIND_FLAT_ARRAY = 2,
	VOS_KIND_DKEY = 3,
	VOS_KIND_AKEY = 4,
};

struct vos_key_head {
	uint8_t kind;
	uint8_t flags;
	uint16_t key_len;  /* of the tree this record is in */
	uint16_t akey_len; /* flat records */
	uint16_t reserved;
};
_Static_assert(sizeof(struct vos_key_head) == 8, "FORMAT: vos_key_head");

enum { VOS_VERSION_REMOTE = 1 }; /* the bytes lie in parts (data blob or allocations), not in the record */

/** One version of a single value, or the extent of a flat record. */
struct vos_version {
	uint64_t epoch;
	uint32_t dtx;       /* 0 committed, else local id of the prepared transaction */
	uint16_t minor;
	uint8_t media;      /* enum bio_media; BIO_HOLE: punched */
	uint8_t csum_type;
	uint64_t size;      /* bytes of the value; array: of one record */
	uint8_t csum_size;  /* bytes of one checksum */
	uint8_t flags;      /* VOS_VERSION_* */
	uint16_t parts;     /* entries of the list of parts */
	uint32_t csum_chunk;
	uint32_t map_version;
	uint32_t tag;       /* as in vos_last */
};
_Static_assert(offsetof(struct vos_version, size) == 16, "FORMAT: vos_version.size");
_Static_assert(offsetof(struct vos_version, map_version) == 32, "FORMAT: vos_version.map_version");
_Static_assert(sizeof(struct vos_version) == 40, "FORMAT: vos_version");

/**
 * A run of bytes of a value: on the data blob (addr in bytes, whole blocks are its own) or an allocation of its own.
 */
struct vos_part {
	uint64_t addr, len;
};
_Static_assert(sizeof(struct vos_part) == 16, "FORMAT: vos_part");

/**
 * A dkey with one akey that has one version; dkey, akey and value came into being with it. Behind the struct: parts,
 * dkey, akey, checksums, and the bytes when they are not remote.
 */
struct vos_flat_rec {
	struct vos_key_head head;
	struct vos_version version;
};
/** VOS_KIND_FLAT_ARRAY. */
struct vos_flat_array_rec {
	struct vos_key_head head;
	struct vos_version version;
	uint64_t lo, hi;
};
_Static_assert(sizeof(struct vos_flat_rec) == 48, "FORMAT: vos_flat_rec");
_Static_assert(sizeof(struct vos_flat_array_rec) == 64, "FORMAT: vos_flat_array_rec");

/** The key follows. */
struct vos_dkey_rec {
	struct vos_key_head head;
	struct vos_last last;
	struct ilog_root ilog;
	struct btree_root akeys;
};
_Static_assert(offsetof(struct vos_dkey_rec, ilog) == 24, "FORMAT: vos_dkey_rec.ilog");
_Static_assert(sizeof(struct vos_dkey_rec) == 88, "FORMAT: vos_dkey_rec");

/** The key follows. */
struct vos_akey_rec {
	struct vos_key_head head;
	struct vos_last last;
	struct ilog_root ilog;
	struct btree_root singles;
	struct evtree_root extents;
};
_Static_assert(offsetof(struct vos_akey_rec, ilog) == 24, "FORMAT: vos_akey_rec.ilog");
_Static_assert(offsetof(struct vos_akey_rec, extents) == 88, "FORMAT: vos_akey_rec.extents");
_Static_assert(sizeof(struct vos_akey_rec) == 136, "FORMAT: vos_akey_rec");

/** Behind the struct: parts, checksums, and the bytes when they are not remote. */
struct vos_single_rec {
	struct vos_version version;
};
_Static_assert(sizeof(struct vos_single_rec) == 40, "FORMAT: vos_single_rec");

/* ---- transactions ------------------------------------------------------------------------------------------------ */
enum vos_dtx_rec_state {
	VOS_DTX_REC_PREPARED = 1,
	VOS_DTX_REC_ABORTING = 2, /* decided; what it touched is being undone in steps */
	VOS_DTX_REC_COMMITTING = 3,
};

/**
 * A prepared transaction. Behind the struct: touch_len bytes of struct vos_touch with their keys, then the owner's
 * blob.
 */
struct vos_dtx_rec {
	uint8_t client[16];
	uint64_t hlc;
	uint64_t epoch;
	uint32_t local; /* id by which records name it */
	uint32_t map_version;
	uint16_t state;
	uint16_t flags;
	uint32_t settled; /* bytes of touches that are settled */
	uint32_t touch_len;
	uint32_t blob_len;
};
_Static_assert(offsetof(struct vos_dtx_rec, local) == 32, "FORMAT: vos_dtx_rec.local");
_Static_assert(sizeof(struct vos_dtx_rec) == 56, "FORMAT: vos_dtx_rec");

enum vos_touch_kind {
	VOS_TOUCH_UPDATE = 1,
	VOS_TOUCH_PUNCH_OBJECT = 2,
	VOS_TOUCH_PUNCH_DKEY = 3,
	VOS_TOUCH_PUNCH_AKEYS = 4
};

/** What one op touched. Behind it: dkey, then akey_nr times struct vos_touch_akey; packed without gaps. */
struct vos_touch {
	uint64_t hi, lo;
	uint32_t shard;
	uint16_t minor;
	uint16_t dkey_len;
	uint32_t akey_nr;
	uint8_t kind;
	uint8_t reserved[3];
};
_Static_assert(sizeof(struct vos_touch) == 32, "FORMAT: vos_touch");

/** Behind it: the akey, then extent_nr times two uint64_t: first and last record. */
struct vos_touch_akey {
	uint16_t key_len;
	uint16_t type; /* daos_iod_type_t, 0 with a punch */
	uint32_t extent_nr;
};
_Static_assert(sizeof(struct vos_touch_akey) == 8, "FORMAT: vos_touch_akey");

/** Key of an active transaction: hlc first, so that the tree is in order of age. Integers big-endian. */
#define VOS_DTX_KEY 24U
/** Key of a finished one: the same, then the answer (4 bytes) and the state (1 byte), zeros. The value is its epoch. */
#define VOS_DONE_KEY 32U
#define VOS_OBJECT_KEY 24U /* hi, lo, shard big-endian, zeros */
#define VOS_SINGLE_KEY 16U /* epoch, minor big-endian, zeros */
#define VOS_LEXICAL_HKEY 24U

#endif
