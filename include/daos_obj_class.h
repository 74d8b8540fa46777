/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Object classes: how an object is protected (replicas or erasure code), and over how many groups it is spread.
 *
 * A class number says both: (ordinal << 24) | groups. The ordinal names the shape of one group, groups is 1..65534, and
 * 65535 ("X") means as many as the pool has room for. Numbers are frozen: stored object ids hold them.
 */
#ifndef DAOS_OBJ_CLASS_H
#define DAOS_OBJ_CLASS_H

#include <daos_types.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** A class number; OC_UNKNOWN asks for an automatic choice. */
typedef uint32_t daos_oclass_id_t;
/** Wishes for the automatic choice of a class: DAOS_OCH_* of daos_obj.h. */
typedef uint16_t daos_oclass_hints_t;

/** Longest name of a class, without its NUL. */
#define MAX_OBJ_CLASS_NAME_LEN 24
/** The group count that means "all". */
#define MAX_NUM_GROUPS ((1 << 16UL) - 1)
#define OC_REDUN_SHIFT 24
/** Number of the class with the redundancy ordinal redun and grp_nr groups. */
#define OBJ_CLASS_DEF(redun, grp_nr) (((redun) << OC_REDUN_SHIFT) | (grp_nr))

/** Redundancy ordinals: the shape of one group. RP_n: n replicas; RS_kPp: k data cells and p parity cells. */
enum daos_obj_redun {
	OR_RP_1 = 1,
	OR_RP_2 = 8,
	OR_RP_3 = 9,
	OR_RP_4 = 10,
	OR_RP_5 = 11,
	OR_RP_6 = 12,
	OR_RP_8 = 13,
	OR_RP_12 = 14,
	OR_RP_16 = 15,
	OR_RP_24 = 16,
	OR_RP_32 = 17,
	OR_RP_48 = 18,
	OR_RP_64 = 19,
	OR_RP_128 = 20,

	OR_RS_2P1 = 32,
	OR_RS_2P2 = 33,
	OR_RS_4P1 = 34,
	OR_RS_4P2 = 35,
	OR_RS_8P1 = 36,
	OR_RS_8P2 = 37,
	OR_RS_16P1 = 38,
	OR_RS_16P2 = 39,
	OR_RS_4P3 = 40,
	OR_RS_8P3 = 41,
	OR_RS_16P3 = 42,
};

/** The nine named group counts of one shape, e.g. OC_RP_2G1 .. OC_RP_2G32, OC_RP_2GX. */
#define OBJ_CLASS_FAMILY(prefix, redun)                                                                                \
	prefix##1 = OBJ_CLASS_DEF(redun, 1), prefix##2 = OBJ_CLASS_DEF(redun, 2), prefix##4 = OBJ_CLASS_DEF(redun, 4), \
	prefix##6 = OBJ_CLASS_DEF(redun, 6), prefix##8 = OBJ_CLASS_DEF(redun, 8), prefix##12 = OBJ_CLASS_DEF(redun, 12), \
	prefix##16 = OBJ_CLASS_DEF(redun, 16), prefix##32 = OBJ_CLASS_DEF(redun, 32),                                  \
	prefix##X = OBJ_CLASS_DEF(redun, MAX_NUM_GROUPS)

/** Named classes. Any other legal combination of ordinal and group count is a class too. */
enum {
	OC_UNKNOWN = 0,

	/* Families whose width the store chooses. */
	OC_BACK_COMPAT = 50,
	OC_TINY = 51,
	OC_SMALL = 52,
	OC_LARGE = 53,
	OC_MAX = 54,
	OC_RP_TINY = 60,
	OC_RP_SMALL = 61,
	OC_RP_LARGE = 62,
	OC_RP_MAX = 63,
	OC_RP_SF_TINY = 70,
	OC_RP_SF_SMALL = 71,
	OC_RP_SF_LARGE = 72,
	OC_RP_SF_MAX = 73,
	/** One group with the most replicas that the pool's fault domains can hold. */
	OC_RP_XSF = 80,
	OC_EC_TINY = 100,
	OC_EC_SMALL = 101,
	OC_EC_LARGE = 102,
	OC_EC_MAX = 103,

	/* No redundancy: OC_S1 .. OC_SX. */
	OBJ_CLASS_FAMILY(OC_S, OR_RP_1),
	/* Replicas. */
	OBJ_CLASS_FAMILY(OC_RP_2G, OR_RP_2),
	OBJ_CLASS_FAMILY(OC_RP_3G, OR_RP_3),
	OBJ_CLASS_FAMILY(OC_RP_4G, OR_RP_4),
	OBJ_CLASS_FAMILY(OC_RP_5G, OR_RP_5),
	OBJ_CLASS_FAMILY(OC_RP_6G, OR_RP_6),
	OC_RP_12G1 = OBJ_CLASS_DEF(OR_RP_12, 1),
	OC_RP_16G1 = OBJ_CLASS_DEF(OR_RP_16, 1),
	OC_RP_24G1 = OBJ_CLASS_DEF(OR_RP_24, 1),
	OC_RP_32G1 = OBJ_CLASS_DEF(OR_RP_32, 1),
	OC_RP_48G1 = OBJ_CLASS_DEF(OR_RP_48, 1),
	OC_RP_64G1 = OBJ_CLASS_DEF(OR_RP_64, 1),
	OC_RP_128G1 = OBJ_CLASS_DEF(OR_RP_128, 1),
	/* Erasure codes. */
	OBJ_CLASS_FAMILY(OC_EC_2P1G, OR_RS_2P1),
	OBJ_CLASS_FAMILY(OC_EC_2P2G, OR_RS_2P2),
	OBJ_CLASS_FAMILY(OC_EC_4P1G, OR_RS_4P1),
	OBJ_CLASS_FAMILY(OC_EC_4P2G, OR_RS_4P2),
	OBJ_CLASS_FAMILY(OC_EC_4P3G, OR_RS_4P3),
	OBJ_CLASS_FAMILY(OC_EC_8P1G, OR_RS_8P1),
	OBJ_CLASS_FAMILY(OC_EC_8P2G, OR_RS_8P2),
	OBJ_CLASS_FAMILY(OC_EC_8P3G, OR_RS_8P3),
	OBJ_CLASS_FAMILY(OC_EC_16P1G, OR_RS_16P1),
	OBJ_CLASS_FAMILY(OC_EC_16P2G, OR_RS_16P2),
	OBJ_CLASS_FAMILY(OC_EC_16P3G, OR_RS_16P3),

	/** Class numbers from here on are not used. */
	OC_RESERVED = (1U << 30),
};

/** How the shards of an object are laid out. */
enum daos_obj_schema {
	DAOS_OS_SINGLE = 0,      /**< a single shard (or group) */
	DAOS_OS_STRIPED = 1,     /**< a fixed number of groups */
	DAOS_OS_DYN_STRIPED = 2, /**< number of groups follows the size of the pool */
	DAOS_OS_DYN_CHUNKED = 3, /**< groups are added as the object grows */
};

/** What protects an object from failures. */
enum daos_obj_resil {
	DAOS_RES_EC = 0,   /**< erasure code */
	DAOS_RES_REPL = 1, /**< replication */
};

/** A class in words: see ca_resil for the member of u that is valid. */
struct daos_oclass_attr {
	enum daos_obj_schema ca_schema;
	enum daos_obj_resil ca_resil;
	unsigned int ca_resil_degree; /**< failures that a group survives */
	unsigned int ca_grp_nr;       /**< number of groups; MAX_NUM_GROUPS: all */
	union {
		struct daos_rp_attr {
			unsigned int r_proto; /**< replication protocol, 0 */
			unsigned int r_num;   /**< replicas in a group */
		} rp;
		struct daos_ec_attr {
			unsigned short e_k; /**< data cells of a stripe */
			unsigned short e_p; /**< parity cells of a stripe */
			unsigned int e_len; /**< bytes in a cell */
		} ec;
	} u;
};

/** Result of daos_obj_list_class(): arrays that the caller owns. */
struct daos_oclass_list {
	uint32_t cl_nr;                     /**< room in the arrays */
	uint32_t cl_nr_out;                 /**< entries that were filled */
	daos_oclass_id_t *cl_cids;          /**< class numbers */
	struct daos_oclass_attr *cl_cattrs; /**< their attributes, or NULL */
};

/**
 * Number of a class from its name, which carries no "OC_" prefix: "S1", "RP_2G1", "EC_4P2GX". Exact and case-sensitive.
 *
 * \return	the class number, 0 (OC_UNKNOWN) for a name that is not in the table
 */
int daos_oclass_name2id(const char *name);

/**
 * Names of all registered classes, separated by ", ".
 *
 * \param[in]	size	bytes at str
 * \param[out]	str	NUL-terminated list
 * \return		bytes written without the NUL, or -DER_OVERFLOW when size is too small
 */
ssize_t daos_oclass_names_list(size_t size, char *str);

/** Number of rows in the table of registered classes, its end marker included. opts is reserved: 0. */
int daos_oclass_nr(int opts);

/**
 * Name of a class. Group counts that have no registered name are printed as numbers ("S3").
 *
 * \param[in]	oc_id	class number
 * \param[out]	name	at least MAX_OBJ_CLASS_NAME_LEN + 1 bytes; "UNKNOWN" on failure
 * \return		0, or -1 when the number is no class
 */
int daos_oclass_id2name(daos_oclass_id_t oc_id, char *name);

/** Adds a class to a container. Reserved: -DER_NOSYS. */
int daos_obj_register_class(daos_handle_t coh, daos_oclass_id_t cid, struct daos_oclass_attr *attr, daos_event_t *ev);

/** Reads the attributes of a class of a container. Reserved: -DER_NOSYS. */
int daos_obj_query_class(daos_handle_t coh, daos_oclass_id_t cid, struct daos_oclass_attr *attr, daos_event_t *ev);

/** Enumerates the classes of a container. Reserved: -DER_NOSYS. */
int daos_obj_list_class(daos_handle_t coh, struct daos_oclass_list *list, daos_anchor_t *anchor, daos_event_t *ev);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
