/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects: ids, and calls that read, write, punch and enumerate keys.
 *
 * An object maps a dkey (which decides where the data lives) and an akey below it to either one single value, or a
 * sparse array of records of equal size. Calls return 0 or a negative DER number; with an event they return after the
 * launch and the event carries the result; everything that a call points to stays valid until then.
 */
#ifndef DAOS_OBJ_H
#define DAOS_OBJ_H

#include <daos_types.h>
#include <daos_obj_class.h>
#include <daos_prop.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* Compiled code refers to the second version of the call. */
#define daos_obj_generate_oid daos_obj_generate_oid2

/* ---- object ids ---------------------------------------------------------------------------------------------- */

/** The id of no object. */
#define DAOS_OBJ_NIL ((daos_obj_id_t){0, 0})

/*
 * The upper 32 bits of hi belong to the store: type (8 bits), redundancy ordinal (8), number of groups (16). The lower
 * 32 bits of hi and all of lo are the program's.
 */
#define OID_FMT_INTR_BITS 32
#define OID_FMT_TYPE_BITS 8
#define OID_FMT_CLASS_BITS 8
#define OID_FMT_META_BITS 16

#define OID_FMT_TYPE_SHIFT (64 - OID_FMT_TYPE_BITS)
#define OID_FMT_CLASS_SHIFT (OID_FMT_TYPE_SHIFT - OID_FMT_CLASS_BITS)
#define OID_FMT_META_SHIFT (OID_FMT_CLASS_SHIFT - OID_FMT_META_BITS)

#define OID_FMT_TYPE_MAX ((1ULL << OID_FMT_TYPE_BITS) - 1)
#define OID_FMT_CLASS_MAX ((1ULL << OID_FMT_CLASS_BITS) - 1)
#define OID_FMT_META_MAX ((1ULL << OID_FMT_META_BITS) - 1)

#define OID_FMT_TYPE_MASK (OID_FMT_TYPE_MAX << OID_FMT_TYPE_SHIFT)
#define OID_FMT_CLASS_MASK (OID_FMT_CLASS_MAX << OID_FMT_CLASS_SHIFT)
#define OID_FMT_META_MASK (OID_FMT_META_MAX << OID_FMT_META_SHIFT)

/** What the keys of an object are: any bytes (hashed), 8-byte host-endian integers, or strings in their order. */
enum daos_otype_t {
	DAOS_OT_MULTI_HASHED = 0,  /**< both levels any bytes: the default */
	DAOS_OT_OIT = 1,           /**< table of object ids (internal) */
	DAOS_OT_DKEY_UINT64 = 2,   /**< dkeys are integers */
	DAOS_OT_AKEY_UINT64 = 3,   /**< akeys are integers */
	DAOS_OT_MULTI_UINT64 = 4,  /**< both are integers */
	DAOS_OT_DKEY_LEXICAL = 5,  /**< dkeys are ordered strings */
	DAOS_OT_AKEY_LEXICAL = 6,  /**< akeys are ordered strings */
	DAOS_OT_MULTI_LEXICAL = 7, /**< both are ordered strings */
	DAOS_OT_KV_HASHED = 8,     /**< flat key-value store, any bytes */
	DAOS_OT_KV_UINT64 = 9,     /**< flat key-value store, integers */
	DAOS_OT_KV_LEXICAL = 10,   /**< flat key-value store, ordered strings */
	DAOS_OT_ARRAY = 11,        /**< array that stores its cell and chunk size */
	DAOS_OT_ARRAY_ATTR = 12,   /**< array whose program knows cell and chunk size */
	DAOS_OT_ARRAY_BYTE = 13,   /**< array of bytes: a file */
	DAOS_OT_OIT_V2 = 14,       /**< table of object ids with markers (internal) */
	DAOS_OT_MAX = 14,
};

/* ---- flags --------------------------------------------------------------------------------------------------- */

/** Conditions of an update, fetch or punch: the call fails with -DER_EXIST (inserts) or -DER_NONEXIST (others). */
enum {
	DAOS_COND_PUNCH = 0x1,        /**< punch only what is there */
	DAOS_COND_DKEY_INSERT = 0x2,  /**< the dkey must not be there */
	DAOS_COND_DKEY_UPDATE = 0x4,  /**< the dkey must be there */
	DAOS_COND_DKEY_FETCH = 0x8,   /**< the dkey must be there */
	DAOS_COND_AKEY_INSERT = 0x10, /**< none of the akeys may be there */
	DAOS_COND_AKEY_UPDATE = 0x20, /**< all akeys must be there */
	DAOS_COND_AKEY_FETCH = 0x40,  /**< all akeys must be there */
	DAOS_COND_PER_AKEY = 0x80,    /**< conditions of akeys are in each iod_flags */
	DAOS_COND_MASK = 0xFF,
};

#define IO_FLAGS_COND_BITS 8

/** Modes of daos_obj_open(). */
enum {
	DAOS_OO_RO = (1 << 1),      /**< read only */
	DAOS_OO_RW = (1 << 2),      /**< read and write */
	DAOS_OO_EXCL = (1 << 3),    /**< the caller is the only writer */
	DAOS_OO_IO_RAND = (1 << 4), /**< expect random access */
	DAOS_OO_IO_SEQ = (1 << 5),  /**< expect sequential access */
};

/** iom_flags: the program wants the list of extents, not only the bounds. */
#define DAOS_IOMF_DETAIL (0x1U)

/** Flags of daos_obj_query_key(): what to look for, and exactly one of MAX and MIN. */
enum {
	DAOS_GET_MAX = (1 << 0),
	DAOS_GET_MIN = (1 << 1),
	DAOS_GET_DKEY = (1 << 2),
	DAOS_GET_AKEY = (1 << 3),
	DAOS_GET_RECX = (1 << 4),
};

/* Hints of daos_obj_generate_oid(): four bits for redundancy, six for sharding, one of each. */
#define DAOS_OCH_RDD_BITS 4
#define DAOS_OCH_SHD_BITS 6
#define DAOS_OCH_RDD_SHIFT 0
#define DAOS_OCH_SHD_SHIFT DAOS_OCH_RDD_BITS
#define DAOS_OCH_RDD_MAX_VAL ((1ULL << DAOS_OCH_RDD_BITS) - 1)
#define DAOS_OCH_SHD_MAX_VAL ((1ULL << DAOS_OCH_SHD_BITS) - 1)
#define DAOS_OCH_RDD_MASK (DAOS_OCH_RDD_MAX_VAL << DAOS_OCH_RDD_SHIFT)
#define DAOS_OCH_SHD_MASK (DAOS_OCH_SHD_MAX_VAL << DAOS_OCH_SHD_SHIFT)

enum {
	DAOS_OCH_RDD_DEF = (1 << 0), /**< as the container's redundancy factor says */
	DAOS_OCH_RDD_NO = (1 << 1),  /**< none */
	DAOS_OCH_RDD_RP = (1 << 2),  /**< replicas */
	DAOS_OCH_RDD_EC = (1 << 3),  /**< erasure code */

	DAOS_OCH_SHD_DEF = (1 << 4),  /**< all for arrays and flat stores, else one group */
	DAOS_OCH_SHD_TINY = (1 << 5), /**< one group */
	DAOS_OCH_SHD_REG = (1 << 6),  /**< a quarter of the targets */
	DAOS_OCH_SHD_HI = (1 << 7),   /**< half of the targets */
	DAOS_OCH_SHD_EXT = (1 << 8),  /**< most of the targets */
	DAOS_OCH_SHD_MAX = (1 << 9),  /**< all targets */
};

/** Most bytes of a marker that daos_oit_mark() attaches. */
#define DAOS_OIT_MARKER_MAX_LEN (32)

/* ---- records ------------------------------------------------------------------------------------------------- */

/** Attributes of an open object. */
struct daos_obj_attr {
	d_rank_t oa_rank; /**< affinity */
	struct daos_oclass_attr *oa_oa;
};

/** A range of records: first index, count. */
typedef struct {
	uint64_t rx_idx;
	uint64_t rx_nr;
} daos_recx_t;

/** What an akey holds. */
typedef enum {
	DAOS_IOD_NONE = 0,
	DAOS_IOD_SINGLE = 1, /**< one value, replaced as a whole */
	DAOS_IOD_ARRAY = 2,  /**< an array of records of equal size */
} daos_iod_type_t;

enum {
	DAOS_REC_ANY = 0, /**< iod_size of a fetch: tell me the size */
};

/** What to read or write below one akey. */
typedef struct {
	daos_key_t iod_name; /**< the akey */
	daos_iod_type_t iod_type;
	/**
	 * Bytes of the single value or of one record. Update: 0 punches. Fetch: DAOS_REC_ANY, or the expected size; set
	 * to the stored size, 0 when there is nothing.
	 */
	daos_size_t iod_size;
	uint64_t iod_flags;     /**< conditions of this akey when DAOS_COND_PER_AKEY is given */
	uint32_t iod_nr;        /**< entries of iod_recxs; 1 for a single value */
	daos_recx_t *iod_recxs; /**< ranges of records; NULL for a single value */
} daos_iod_t;

/** What a fetch found below one akey: which parts of what was asked for hold data. */
typedef struct {
	daos_iod_type_t iom_type;
	uint32_t iom_nr;          /**< in: room in iom_recxs */
	uint32_t iom_nr_out;      /**< out: number of extents, which may exceed iom_nr */
	uint32_t iom_flags;       /**< in: DAOS_IOMF_DETAIL */
	daos_size_t iom_size;     /**< out: bytes of the single value or of one record */
	daos_recx_t iom_recx_lo;  /**< out: lowest extent */
	daos_recx_t iom_recx_hi;  /**< out: highest extent */
	daos_recx_t *iom_recxs;   /**< out: extents, in an array of the caller */
} daos_iom_t;

/** A key that an enumeration returned; the bytes of all keys follow each other in the scatter-gather list. */
typedef struct {
	daos_size_t kd_key_len; /**< bytes of the key */
	uint32_t kd_val_type;   /**< type of value below it, as an enumeration of records reports it */
} daos_key_desc_t;

/** Says whether an object id with its marker is wanted: > 0 yes, 0 no, < 0 ends the enumeration with that error. */
typedef int(daos_oit_filter_cb)(daos_obj_id_t oid, d_iov_t *marker);

/* ---- reading an object id ------------------------------------------------------------------------------------ */

/** Whether type is one of the object types. */
static inline bool
daos_otype_t_is_valid(enum daos_otype_t type)
{
	return (unsigned int)type <= DAOS_OT_MAX;
}

/** Whether pa_domain is a performance domain (DAOS_PROP_PERF_DOMAIN_*). */
static inline bool
daos_pa_domain_is_valid(uint32_t pa_domain)
{
	return pa_domain == DAOS_PROP_PERF_DOMAIN_ROOT || pa_domain == DAOS_PROP_PERF_DOMAIN_GROUP;
}

static inline enum daos_otype_t
daos_obj_id2type(daos_obj_id_t oid)
{
	return (enum daos_otype_t)((oid.hi & OID_FMT_TYPE_MASK) >> OID_FMT_TYPE_SHIFT);
}

static inline bool
daos_is_dkey_lexical_type(enum daos_otype_t type)
{
	return type == DAOS_OT_DKEY_LEXICAL || type == DAOS_OT_MULTI_LEXICAL || type == DAOS_OT_KV_LEXICAL;
}

static inline bool
daos_is_dkey_lexical(daos_obj_id_t oid)
{
	return daos_is_dkey_lexical_type(daos_obj_id2type(oid));
}

static inline bool
daos_is_akey_lexical_type(enum daos_otype_t type)
{
	return type == DAOS_OT_AKEY_LEXICAL || type == DAOS_OT_MULTI_LEXICAL;
}

static inline bool
daos_is_akey_lexical(daos_obj_id_t oid)
{
	return daos_is_akey_lexical_type(daos_obj_id2type(oid));
}

static inline bool
daos_is_array_type(enum daos_otype_t type)
{
	return type == DAOS_OT_ARRAY || type == DAOS_OT_ARRAY_ATTR || type == DAOS_OT_ARRAY_BYTE;
}

static inline bool
daos_is_array(daos_obj_id_t oid)
{
	return daos_is_array_type(daos_obj_id2type(oid));
}

static inline bool
daos_is_kv_type(enum daos_otype_t type)
{
	return type == DAOS_OT_KV_HASHED || type == DAOS_OT_KV_UINT64 || type == DAOS_OT_KV_LEXICAL;
}

static inline bool
daos_is_kv(daos_obj_id_t oid)
{
	return daos_is_kv_type(daos_obj_id2type(oid));
}

static inline bool
daos_is_dkey_uint64_type(enum daos_otype_t type)
{
	return type == DAOS_OT_DKEY_UINT64 || type == DAOS_OT_MULTI_UINT64 || type == DAOS_OT_KV_UINT64 ||
	       daos_is_array_type(type);
}

static inline bool
daos_is_dkey_uint64(daos_obj_id_t oid)
{
	return daos_is_dkey_uint64_type(daos_obj_id2type(oid));
}

static inline bool
daos_is_akey_uint64_type(enum daos_otype_t type)
{
	return type == DAOS_OT_AKEY_UINT64 || type == DAOS_OT_MULTI_UINT64;
}

static inline bool
daos_is_akey_uint64(daos_obj_id_t oid)
{
	return daos_is_akey_uint64_type(daos_obj_id2type(oid));
}

/** Redundancy ordinal; 0 for classes with numbers below 1 << 24. */
static inline enum daos_obj_redun
daos_obj_id2ord(daos_obj_id_t oid)
{
	return (enum daos_obj_redun)((oid.hi & OID_FMT_CLASS_MASK) >> OID_FMT_CLASS_SHIFT);
}

/** Class number, with the group count that the object really has. */
static inline daos_oclass_id_t
daos_obj_id2class(daos_obj_id_t oid)
{
	daos_oclass_id_t ordinal = (daos_oclass_id_t)((oid.hi & OID_FMT_CLASS_MASK) >> OID_FMT_CLASS_SHIFT);

	return (ordinal << OC_REDUN_SHIFT) | (daos_oclass_id_t)((oid.hi & OID_FMT_META_MASK) >> OID_FMT_META_SHIFT);
}

/** Number of redundancy groups. */
static inline uint32_t
daos_obj_id2grp_nr(daos_obj_id_t oid)
{
	return (uint32_t)((oid.hi & OID_FMT_META_MASK) >> OID_FMT_META_SHIFT);
}

static inline bool
daos_obj_id_is_nil(daos_obj_id_t oid)
{
	return oid.hi == 0 && oid.lo == 0;
}

/**
 * Steps the program's part of hi to its next value, scattered so that neighbours do not land on the same targets. All
 * 2^32 values come once before the first returns. Clears the part of the store: generate the id anew afterwards.
 */
static inline void
daos_obj_oid_cycle(daos_obj_id_t *oid)
{
	oid->hi = (oid->hi + 999999937) & 0xFFFFFFFFULL;
}

/* ---- calls --------------------------------------------------------------------------------------------------- */

/**
 * Fills the store's part of an object id from a type and a class. Local, no communication.
 *
 * \param[in]	coh	open container
 * \param[in,out] oid	in: lo and the low 32 bits of hi; out: a whole id
 * \param[in]	type	what its keys are
 * \param[in]	cid	class; OC_UNKNOWN: chosen from the container's redundancy factor and the hints
 * \param[in]	hints	DAOS_OCH_*, or 0
 * \param[in]	args	reserved, 0
 * \return		0; -DER_NO_HDL; -DER_INVAL: bad type, class or hint, or the class does not fit the pool
 */
int daos_obj_generate_oid2(daos_handle_t coh, daos_obj_id_t *oid, enum daos_otype_t type, daos_oclass_id_t cid,
			   daos_oclass_hints_t hints, uint32_t args);

/**
 * Opens an object. Objects need not be created; opening one costs no communication.
 *
 * \param[in]	coh	open container
 * \param[in]	oid	id from daos_obj_generate_oid()
 * \param[in]	mode	DAOS_OO_*
 * \param[out]	oh	handle, closed with daos_obj_close()
 * \param[in]	ev	event, or NULL to wait
 * \return		0; -DER_NO_HDL; -DER_INVAL; -DER_NO_PERM: writing through a read-only container handle
 */
int daos_obj_open(daos_handle_t coh, daos_obj_id_t oid, unsigned int mode, daos_handle_t *oh, daos_event_t *ev);

/** Closes an object handle. */
int daos_obj_close(daos_handle_t oh, daos_event_t *ev);

/**
 * Removes all keys of an object.
 *
 * \param[in]	oh	object opened for writing
 * \param[in]	th	transaction, or DAOS_TX_NONE
 * \param[in]	flags	0 or DAOS_COND_PUNCH
 * \param[in]	ev	event, or NULL to wait
 * \return		0; -DER_NONEXIST: nothing there and DAOS_COND_PUNCH given; others
 */
int daos_obj_punch(daos_handle_t oh, daos_handle_t th, uint64_t flags, daos_event_t *ev);

/** Removes nr dkeys with all below them; as daos_obj_punch(). */
int daos_obj_punch_dkeys(daos_handle_t oh, daos_handle_t th, uint64_t flags, unsigned int nr, daos_key_t *dkeys,
			 daos_event_t *ev);

/** Removes nr akeys of one dkey; as daos_obj_punch(). */
int daos_obj_punch_akeys(daos_handle_t oh, daos_handle_t th, uint64_t flags, daos_key_t *dkey, unsigned int nr,
			 daos_key_t *akeys, daos_event_t *ev);

/**
 * Reads attributes of an open object.
 *
 * \param[in]	oh	open object
 * \param[out]	oa	attributes
 * \param[out]	ranks	ranks that hold its shards, in an array of the caller; or NULL
 */
int daos_obj_query(daos_handle_t oh, struct daos_obj_attr *oa, d_rank_list_t *ranks, daos_event_t *ev);

/**
 * Reads below one dkey. What is not there is no error: iod_size becomes 0, holes leave the buffer as it was.
 *
 * \param[in]	oh	open object
 * \param[in]	th	transaction or snapshot, or DAOS_TX_NONE: the latest state
 * \param[in]	flags	DAOS_COND_*
 * \param[in]	dkey	the dkey
 * \param[in]	nr	entries of iods, and of sgls and ioms where given
 * \param[in,out] iods	akeys with what to read; iod_size is set
 * \param[in,out] sgls	a buffer list for each iod, sg_nr_out is set; NULL: only sizes
 * \param[out]	ioms	where data was found; or NULL
 * \param[in]	ev	event, or NULL to wait
 * \return		0; -DER_REC2BIG: a buffer is too small; -DER_NONEXIST: a condition failed; -DER_CSUM;
 *			-DER_INVAL; -DER_NO_HDL; -DER_TX_RESTART; others
 */
int daos_obj_fetch(daos_handle_t oh, daos_handle_t th, uint64_t flags, daos_key_t *dkey, unsigned int nr,
		   daos_iod_t *iods, d_sg_list_t *sgls, daos_iom_t *ioms, daos_event_t *ev);

/**
 * Writes below one dkey, all akeys at once or none. An iod_size of 0 punches the value or the ranges.
 *
 * \param[in]	oh	object opened for writing
 * \param[in]	th	transaction, or DAOS_TX_NONE: committed when the call returns
 * \param[in]	flags	DAOS_COND_*
 * \param[in]	dkey	the dkey
 * \param[in]	nr	entries of iods and sgls
 * \param[in]	iods	akeys with what to write
 * \param[in]	sgls	a buffer list for each iod
 * \param[in]	ev	event, or NULL to wait
 * \return		0; -DER_REC2BIG: less data than iods say; -DER_EXIST, -DER_NONEXIST: a condition failed;
 *			-DER_NOSPACE; -DER_NO_PERM; -DER_INVAL; -DER_NO_HDL; -DER_EP_RO; -DER_TX_RESTART; others
 */
int daos_obj_update(daos_handle_t oh, daos_handle_t th, uint64_t flags, daos_key_t *dkey, unsigned int nr,
		    daos_iod_t *iods, d_sg_list_t *sgls, daos_event_t *ev);

/**
 * Enumerates dkeys: packs keys one behind the other into sgl and their lengths into kds.
 *
 * \param[in]	oh	open object
 * \param[in]	th	transaction or snapshot, or DAOS_TX_NONE
 * \param[in,out] nr	in: entries of kds; out: keys returned
 * \param[out]	kds	lengths of the keys
 * \param[in,out] sgl	buffers for the keys
 * \param[in,out] anchor	where to go on; zeroed at first, ends with daos_anchor_is_eof()
 * \param[in]	ev	event, or NULL to wait
 * \return		0; -DER_KEY2BIG: the next key does not fit, kds[0].kd_key_len says what it needs; others
 */
int daos_obj_list_dkey(daos_handle_t oh, daos_handle_t th, uint32_t *nr, daos_key_desc_t *kds, d_sg_list_t *sgl,
		       daos_anchor_t *anchor, daos_event_t *ev);

/** Enumerates the akeys of a dkey; as daos_obj_list_dkey(). */
int daos_obj_list_akey(daos_handle_t oh, daos_handle_t th, daos_key_t *dkey, uint32_t *nr, daos_key_desc_t *kds,
		       d_sg_list_t *sgl, daos_anchor_t *anchor, daos_event_t *ev);

/**
 * Enumerates the visible extents of an array value.
 *
 * \param[in]	oh	open object
 * \param[in]	th	transaction or snapshot, or DAOS_TX_NONE
 * \param[in]	dkey	the dkey
 * \param[in]	akey	the akey
 * \param[out]	size	bytes of one record
 * \param[in,out] nr	in: entries of recxs; out: extents returned
 * \param[out]	recxs	extents
 * \param[out]	eprs	epochs of the extents; or NULL
 * \param[in,out] anchor	where to go on
 * \param[in]	incr_order	by growing index, else by falling index
 * \param[in]	ev	event, or NULL to wait
 */
int daos_obj_list_recx(daos_handle_t oh, daos_handle_t th, daos_key_t *dkey, daos_key_t *akey, daos_size_t *size,
		       uint32_t *nr, daos_recx_t *recxs, daos_epoch_range_t *eprs, daos_anchor_t *anchor,
		       bool incr_order, daos_event_t *ev);

/**
 * Finds the largest or smallest integer dkey, akey or extent.
 *
 * \param[in]	oh	open object
 * \param[in]	th	transaction or snapshot, or DAOS_TX_NONE
 * \param[in]	flags	DAOS_GET_DKEY, _AKEY, _RECX as wanted, with one of DAOS_GET_MAX and DAOS_GET_MIN
 * \param[in,out] dkey	out with DAOS_GET_DKEY (8-byte buffer of the caller), else in
 * \param[in,out] akey	out with DAOS_GET_AKEY (8-byte buffer of the caller), else in
 * \param[out]	recx	the extent, with DAOS_GET_RECX
 * \param[in]	ev	event, or NULL to wait
 * \return		0; -DER_NONEXIST: the object is empty; -DER_INVAL: bad flags, or keys are no integers
 */
int daos_obj_query_key(daos_handle_t oh, daos_handle_t th, uint64_t flags, daos_key_t *dkey, daos_key_t *akey,
		       daos_recx_t *recx, daos_event_t *ev);

/** Epoch of the latest change of an object; 0 when there is none. */
int daos_obj_query_max_epoch(daos_handle_t oh, daos_handle_t th, daos_epoch_t *epoch, daos_event_t *ev);

/**
 * Compares the replicas of an object (or data with parity) at an epoch. Waits.
 *
 * \return	0; -DER_MISMATCH: they differ; others
 */
int daos_obj_verify(daos_handle_t coh, daos_obj_id_t oid, daos_epoch_t epoch);

/**
 * Splits the enumeration of an object so that several callers can work at once.
 *
 * \param[in]	oh	open object
 * \param[in,out] nr	number of parts; 0 asks for it
 * \param[out]	anchors	one anchor for each part; or NULL
 */
int daos_obj_anchor_split(daos_handle_t oh, uint32_t *nr, daos_anchor_t *anchors);

/** Sets an anchor to the start of part index of an enumeration that daos_obj_anchor_split() counted. */
int daos_obj_anchor_set(daos_handle_t oh, uint32_t index, daos_anchor_t *anchor);

/**
 * Sets an anchor to a key, where an enumeration then goes on.
 *
 * \param[in]	dkey	the dkey
 * \param[in]	akey	the akey, or NULL: the anchor is for dkeys
 * \param[out]	anchor	the anchor
 */
int daos_obj_key2anchor(daos_handle_t oh, daos_handle_t th, daos_key_t *dkey, daos_key_t *akey, daos_anchor_t *anchor,
			daos_event_t *ev);

/* ---- tables of object ids ------------------------------------------------------------------------------------ */

/**
 * Opens the table of object ids that was made with a snapshot.
 *
 * \param[in]	coh	open container
 * \param[in]	epoch	epoch of the snapshot
 * \param[out]	oh	handle, closed with daos_oit_close()
 * \return		0; -DER_NONEXIST: the snapshot has no table; others
 */
int daos_oit_open(daos_handle_t coh, daos_epoch_t epoch, daos_handle_t *oh, daos_event_t *ev);

int daos_oit_close(daos_handle_t oh, daos_event_t *ev);

/**
 * Enumerates the object ids of a table.
 *
 * \param[out]	oids	ids, in an array of the caller
 * \param[in,out] oids_nr	in: its room; out: ids returned
 * \param[in,out] anchor	where to go on
 */
int daos_oit_list(daos_handle_t oh, daos_obj_id_t *oids, uint32_t *oids_nr, daos_anchor_t *anchor, daos_event_t *ev);

/** Attaches a marker of at most DAOS_OIT_MARKER_MAX_LEN bytes to an id of a table; NULL removes it. */
int daos_oit_mark(daos_handle_t oh, daos_obj_id_t oid, d_iov_t *marker, daos_event_t *ev);

/** Enumerates the ids that carry no marker; as daos_oit_list(). */
int daos_oit_list_unmarked(daos_handle_t oh, daos_obj_id_t *oids, uint32_t *oids_nr, daos_anchor_t *anchor,
			   daos_event_t *ev);

/** Enumerates the ids that filter wants; as daos_oit_list(). */
int daos_oit_list_filter(daos_handle_t oh, daos_obj_id_t *oids, uint32_t *oids_nr, daos_anchor_t *anchor,
			 daos_oit_filter_cb *filter, daos_event_t *ev);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
