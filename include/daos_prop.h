/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Properties of pools and containers: a list of (type, value) entries. What kind of value an entry carries follows from
 * its type: a string (labels, owners), a pointer (ACLs, service list, roots) or a number (all else).
 *
 * A list that a call returns belongs to the caller, who frees it with daos_prop_free(). Strings and blobs of a list are
 * its own: the setters below copy.
 */
#ifndef DAOS_PROP_H
#define DAOS_PROP_H

#include <daos_types.h>
#include <daos_errno.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* ---- pool properties ----------------------------------------------------------------------------------------- */

enum daos_pool_props {
	DAOS_PROP_PO_MIN = 0,
	DAOS_PROP_PO_LABEL = 1,              /**< string, see daos_label_is_valid() */
	DAOS_PROP_PO_ACL = 2,                /**< struct daos_acl * */
	DAOS_PROP_PO_SPACE_RB = 3,           /**< share of space kept back for rebuild, 0..100 % */
	DAOS_PROP_PO_SELF_HEAL = 4,          /**< DAOS_SELF_HEAL_* bits */
	DAOS_PROP_PO_RECLAIM = 5,            /**< DAOS_RECLAIM_* */
	DAOS_PROP_PO_OWNER = 6,              /**< string "user@" */
	DAOS_PROP_PO_OWNER_GROUP = 7,        /**< string "group@" */
	DAOS_PROP_PO_SVC_LIST = 8,           /**< d_rank_list_t *: ranks of the pool service; read-only */
	DAOS_PROP_PO_EC_CELL_SZ = 9,         /**< bytes in a cell of an erasure-coded stripe */
	DAOS_PROP_PO_DATA_THRESH = 10,       /**< values of at least so many bytes go to the data device */
	DAOS_PROP_PO_REDUN_FAC = 11,         /**< redundancy factor that containers inherit, 0..4 */
	DAOS_PROP_PO_EC_PDA = 12,            /**< performance domain affinity of erasure-coded objects */
	DAOS_PROP_PO_RP_PDA = 13,            /**< performance domain affinity of replicated objects */
	DAOS_PROP_PO_GLOBAL_VERSION = 14,    /**< format version of the pool; read-only */
	DAOS_PROP_PO_UPGRADE_STATUS = 15,    /**< DAOS_UPGRADE_STATUS_*; read-only */
	DAOS_PROP_PO_SCRUB_MODE = 16,        /**< DAOS_SCRUB_MODE_* */
	DAOS_PROP_PO_SCRUB_FREQ = 17,        /**< seconds between the starts of two scrubs */
	DAOS_PROP_PO_SCRUB_THRESH = 18,      /**< corruptions after which a target is drained; 0: never */
	DAOS_PROP_PO_SVC_REDUN_FAC = 19,     /**< failures that the pool service survives, 0..4 */
	DAOS_PROP_PO_OBJ_VERSION = 20,       /**< version of the placement of objects; read-only */
	DAOS_PROP_PO_PERF_DOMAIN = 21,       /**< DAOS_PROP_PERF_DOMAIN_* */
	DAOS_PROP_PO_CHECKPOINT_MODE = 22,   /**< DAOS_CHECKPOINT_* */
	DAOS_PROP_PO_CHECKPOINT_FREQ = 23,   /**< seconds between timed checkpoints */
	DAOS_PROP_PO_CHECKPOINT_THRESH = 24, /**< fill of the write-ahead log that starts a checkpoint, % */
	DAOS_PROP_PO_REINT_MODE = 25,        /**< DAOS_REINT_MODE_* */
	DAOS_PROP_PO_SVC_OPS_ENABLED = 26,   /**< whether the service remembers operations to recognise repeats */
	DAOS_PROP_PO_SVC_OPS_ENTRY_AGE = 27, /**< seconds for which it does */
	DAOS_PROP_PO_MAX = 28,
};

#define DAOS_PROP_PO_NUM (DAOS_PROP_PO_MAX - DAOS_PROP_PO_MIN - 1)

#define DAOS_PROP_PO_EC_CELL_SZ_MIN (1UL << 10)
#define DAOS_PROP_PO_EC_CELL_SZ_MAX (1UL << 30)

#define DAOS_PROP_PO_REDUN_FAC_MAX 4
#define DAOS_PROP_PO_REDUN_FAC_DEFAULT 0

/** The affinity that means "any". */
#define DAOS_PROP_PDA_MAX ((uint32_t)-1)
#define DAOS_PROP_PO_RP_PDA_DEFAULT DAOS_PROP_PDA_MAX
#define DAOS_PROP_PO_EC_PDA_DEFAULT ((uint32_t)1)

#define DAOS_PROP_PO_SVC_REDUN_FAC_MAX 4
#define DAOS_PROP_PO_SVC_REDUN_FAC_DEFAULT 2

enum {
	DAOS_UPGRADE_STATUS_NOT_STARTED = 0,
	DAOS_UPGRADE_STATUS_IN_PROGRESS = 1,
	DAOS_UPGRADE_STATUS_COMPLETED = 2,
	DAOS_UPGRADE_STATUS_FAILED = 3,
};

/** Domains of performance: the whole system, or a group of nodes. */
enum {
	DAOS_PROP_PERF_DOMAIN_ROOT = 255,
	DAOS_PROP_PERF_DOMAIN_GROUP = 3,
};

#define DAOS_PROP_PO_PERF_DOMAIN_DEFAULT DAOS_PROP_PERF_DOMAIN_ROOT
#define DAOS_PROP_CO_PERF_DOMAIN_DEFAULT DAOS_PROP_PERF_DOMAIN_ROOT

/** When the space of overwritten and punched data is given back. */
enum {
	DAOS_RECLAIM_DISABLED = 0,
	DAOS_RECLAIM_LAZY = 1, /**< while the engine is idle */
	DAOS_RECLAIM_SNAPSHOT = 2,
	DAOS_RECLAIM_BATCH = 3,
	DAOS_RECLAIM_TIME = 4, /**< at regular times, load or not */
};

/** What a rank that comes back does with the data it still has. */
enum {
	DAOS_REINT_MODE_DATA_SYNC = 0,    /**< drops it and is filled again */
	DAOS_REINT_MODE_NO_DATA_SYNC = 1, /**< keeps it as it is */
};

#define DAOS_PROP_PO_REINT_MODE_DEFAULT DAOS_REINT_MODE_DATA_SYNC

/** When stored data is compared with its checksums. */
enum {
	DAOS_SCRUB_MODE_OFF = 0,
	DAOS_SCRUB_MODE_LAZY = 1,  /**< while the engine is idle */
	DAOS_SCRUB_MODE_TIMED = 2, /**< spread over the period, load or not */
	DAOS_SCRUB_MODE_INVALID = 3,
};

#define DAOS_PROP_PO_SCRUB_MODE_DEFAULT DAOS_SCRUB_MODE_OFF
#define DAOS_PROP_PO_SCRUB_FREQ_DEFAULT 604800
#define DAOS_PROP_PO_SCRUB_THRESH_DEFAULT 0

/** When changed pages are written back and the log is trimmed. */
enum {
	DAOS_CHECKPOINT_DISABLED = 0,
	DAOS_CHECKPOINT_TIMED = 1,
	DAOS_CHECKPOINT_LAZY = 2, /**< only when the log fills up */
};

#define DAOS_PROP_PO_CHECKPOINT_MODE_DEFAULT DAOS_CHECKPOINT_TIMED
#define DAOS_PROP_PO_CHECKPOINT_FREQ_DEFAULT 5
#define DAOS_PROP_PO_CHECKPOINT_FREQ_MIN 1
#define DAOS_PROP_PO_CHECKPOINT_FREQ_MAX (1 << 20)
#define DAOS_PROP_PO_CHECKPOINT_THRESH_DEFAULT 50
#define DAOS_PROP_PO_CHECKPOINT_THRESH_MAX 75
#define DAOS_PROP_PO_CHECKPOINT_THRESH_MIN 10

#define DAOS_PROP_PO_SVC_OPS_ENABLED_DEFAULT 1
#define DAOS_PROP_PO_SVC_OPS_ENTRY_AGE_DEFAULT 300
#define DAOS_PROP_PO_SVC_OPS_ENTRY_AGE_MIN 60
#define DAOS_PROP_PO_SVC_OPS_ENTRY_AGE_MAX 600

/** Exclude a rank as soon as it is found dead. */
#define DAOS_SELF_HEAL_AUTO_EXCLUDE (1U << 0)
/** Rebuild right after an exclusion. */
#define DAOS_SELF_HEAL_AUTO_REBUILD (1U << 1)
/** Wait with the rebuild until something else makes it necessary. */
#define DAOS_SELF_HEAL_DELAY_REBUILD (1U << 2)

/* ---- container properties ------------------------------------------------------------------------------------ */

/** What kind of program owns the contents of a container: DAOS_PROP_CO_LAYOUT_*. */
typedef uint16_t daos_cont_layout_t;

enum daos_cont_props {
	DAOS_PROP_CO_MIN = 0x1000,
	DAOS_PROP_CO_LABEL = 0x1001,             /**< string, see daos_label_is_valid() */
	DAOS_PROP_CO_LAYOUT_TYPE = 0x1002,       /**< DAOS_PROP_CO_LAYOUT_* */
	DAOS_PROP_CO_LAYOUT_VER = 0x1003,        /**< version of that layout */
	DAOS_PROP_CO_CSUM = 0x1004,              /**< DAOS_PROP_CO_CSUM_* */
	DAOS_PROP_CO_CSUM_CHUNK_SIZE = 0x1005,   /**< bytes under one checksum */
	DAOS_PROP_CO_CSUM_SERVER_VERIFY = 0x1006, /**< DAOS_PROP_CO_CSUM_SV_* */
	DAOS_PROP_CO_REDUN_FAC = 0x1007,         /**< DAOS_PROP_CO_REDUN_RF*: failures that data survives */
	DAOS_PROP_CO_REDUN_LVL = 0x1008,         /**< DAOS_PROP_CO_REDUN_RANK or _NODE: what fails at once */
	DAOS_PROP_CO_SNAPSHOT_MAX = 0x1009,      /**< most snapshots; 0: no limit */
	DAOS_PROP_CO_ACL = 0x100a,               /**< struct daos_acl * */
	DAOS_PROP_CO_COMPRESS = 0x100b,          /**< DAOS_PROP_CO_COMPRESS_* */
	DAOS_PROP_CO_ENCRYPT = 0x100c,           /**< DAOS_PROP_CO_ENCRYPT_* */
	DAOS_PROP_CO_OWNER = 0x100d,             /**< string "user@" */
	DAOS_PROP_CO_OWNER_GROUP = 0x100e,       /**< string "group@" */
	DAOS_PROP_CO_DEDUP = 0x100f,             /**< DAOS_PROP_CO_DEDUP_* */
	DAOS_PROP_CO_DEDUP_THRESHOLD = 0x1010,   /**< least bytes of an extent that is considered */
	DAOS_PROP_CO_ROOTS = 0x1011,             /**< struct daos_prop_co_roots * */
	DAOS_PROP_CO_STATUS = 0x1012,            /**< struct daos_co_status packed into a number */
	DAOS_PROP_CO_ALLOCED_OID = 0x1013,       /**< highest allocated object id; read-only */
	DAOS_PROP_CO_EC_CELL_SZ = 0x1014,        /**< bytes in a cell; 0: as the pool */
	DAOS_PROP_CO_EC_PDA = 0x1015,            /**< as DAOS_PROP_PO_EC_PDA */
	DAOS_PROP_CO_RP_PDA = 0x1016,            /**< as DAOS_PROP_PO_RP_PDA */
	DAOS_PROP_CO_GLOBAL_VERSION = 0x1017,    /**< format version; read-only */
	DAOS_PROP_CO_SCRUBBER_DISABLED = 0x1018, /**< not 0: never scrubbed */
	DAOS_PROP_CO_OBJ_VERSION = 0x1019,       /**< version of the placement of objects; read-only */
	DAOS_PROP_CO_PERF_DOMAIN = 0x101a,       /**< DAOS_PROP_PERF_DOMAIN_* */
	DAOS_PROP_CO_MAX = 0x101b,
};

#define DAOS_PROP_CO_NUM (DAOS_PROP_CO_MAX - DAOS_PROP_CO_MIN - 1)

enum {
	DAOS_PROP_CO_LAYOUT_UNKNOWN = 0,
	DAOS_PROP_CO_LAYOUT_UNKOWN = 0, /**< an old spelling that programs use */
	DAOS_PROP_CO_LAYOUT_POSIX = 1,
	DAOS_PROP_CO_LAYOUT_HDF5 = 2,
	DAOS_PROP_CO_LAYOUT_PYTHON = 3,
	DAOS_PROP_CO_LAYOUT_SPARK = 4,
	DAOS_PROP_CO_LAYOUT_DATABASE = 5,
	DAOS_PROP_CO_LAYOUT_ROOT = 6,
	DAOS_PROP_CO_LAYOUT_SEISMIC = 7,
	DAOS_PROP_CO_LAYOUT_METEO = 8,
	DAOS_PROP_CO_LAYOUT_MAX = 9,
};

enum {
	DAOS_PROP_CO_CSUM_OFF = 0,
	DAOS_PROP_CO_CSUM_CRC16 = 1,
	DAOS_PROP_CO_CSUM_CRC32 = 2,
	DAOS_PROP_CO_CSUM_CRC64 = 3,
	DAOS_PROP_CO_CSUM_SHA1 = 4,
	DAOS_PROP_CO_CSUM_SHA256 = 5,
	DAOS_PROP_CO_CSUM_SHA512 = 6,
	DAOS_PROP_CO_CSUM_ADLER32 = 7,
};

/** Whether an engine verifies the checksums of an update before it stores it. */
enum {
	DAOS_PROP_CO_CSUM_SV_OFF = 0,
	DAOS_PROP_CO_CSUM_SV_ON = 1,
};

/** How equal extents are found: compare bytes, or trust a strong hash. */
enum {
	DAOS_PROP_CO_DEDUP_OFF = 0,
	DAOS_PROP_CO_DEDUP_MEMCMP = 1,
	DAOS_PROP_CO_DEDUP_HASH = 2,
};

enum {
	DAOS_PROP_CO_COMPRESS_OFF = 0,
	DAOS_PROP_CO_COMPRESS_LZ4 = 1,
	DAOS_PROP_CO_COMPRESS_DEFLATE = 2, /**< at its default level */
	DAOS_PROP_CO_COMPRESS_DEFLATE1 = 3,
	DAOS_PROP_CO_COMPRESS_DEFLATE2 = 4,
	DAOS_PROP_CO_COMPRESS_DEFLATE3 = 5,
	DAOS_PROP_CO_COMPRESS_DEFLATE4 = 6,
};

enum {
	DAOS_PROP_CO_ENCRYPT_OFF = 0,
	DAOS_PROP_CO_ENCRYPT_AES_XTS128 = 1,
	DAOS_PROP_CO_ENCRYPT_AES_XTS256 = 2,
	DAOS_PROP_CO_ENCRYPT_AES_CBC128 = 3,
	DAOS_PROP_CO_ENCRYPT_AES_CBC192 = 4,
	DAOS_PROP_CO_ENCRYPT_AES_CBC256 = 5,
	DAOS_PROP_CO_ENCRYPT_AES_GCM128 = 6,
	DAOS_PROP_CO_ENCRYPT_AES_GCM256 = 7,
};

/** Redundancy factor: how many simultaneous failures lose no data. */
enum {
	DAOS_PROP_CO_REDUN_RF0 = 0,
	DAOS_PROP_CO_REDUN_RF1 = 1,
	DAOS_PROP_CO_REDUN_RF2 = 2,
	DAOS_PROP_CO_REDUN_RF3 = 3,
	DAOS_PROP_CO_REDUN_RF4 = 4,
	DAOS_RF_MAX = 4,
};

/** Redundancy level: the fault domain over which the shards of a group are spread. */
enum {
	DAOS_PROP_CO_REDUN_MIN = 1,
	DAOS_PROP_CO_REDUN_RANK = 1,
	DAOS_PROP_CO_REDUN_NODE = 2,
	DAOS_PROP_CO_REDUN_MAX = 254,
};

#define DAOS_PROP_CO_REDUN_DEFAULT DAOS_PROP_CO_REDUN_NODE

/** dcs_status: whether more failed than the redundancy factor covers. */
enum {
	DAOS_PROP_CO_HEALTHY = 0,
	DAOS_PROP_CO_UNCLEAN = 1,
};

/** dcs_flags: set the status back to healthy. */
#define DAOS_PROP_CO_CLEAR (0x1)

/** Up to four well-known objects from which a program finds all others; DAOS_OBJ_NIL: none. */
struct daos_prop_co_roots {
	daos_obj_id_t cr_oids[4];
};

/** Health of a container. */
struct daos_co_status {
	uint16_t dcs_status; /**< DAOS_PROP_CO_HEALTHY or DAOS_PROP_CO_UNCLEAN */
	uint16_t dcs_flags;  /**< 0 or DAOS_PROP_CO_CLEAR */
	uint32_t dcs_pm_ver; /**< version of the pool map when it was set */
};

/** The number that carries a status: flags << 48 | status << 32 | version. */
#define DAOS_PROP_CO_STATUS_VAL(status, flag, pm_ver)                                                                  \
	((((uint64_t)(flag)) << 48) | ((((uint64_t)(status)) & 0xFFFF) << 32) | ((uint64_t)(pm_ver)))

/* ---- lists --------------------------------------------------------------------------------------------------- */

#define DAOS_PROP_ENTRIES_MAX_NR (128)
/** Longest label in characters, and the room one needs with its NUL. */
#define DAOS_PROP_LABEL_MAX_LEN (127)
#define DAOS_PROP_MAX_LABEL_BUF_LEN (DAOS_PROP_LABEL_MAX_LEN + 1)

/** The label of something that has none. */
#define DAOS_PROP_CO_LABEL_DEFAULT "container_label_not_set"
#define DAOS_PROP_PO_LABEL_DEFAULT "pool_label_not_set"
#define DAOS_PROP_NO_PO_LABEL "pool_label_not_set"
#define DEFAULT_CONT_LABEL "container_label_not_set"
#define DAOS_PROP_NO_CO_LABEL DEFAULT_CONT_LABEL

#define DAOS_PROP_PO_DATA_THRESH_DEFAULT (1UL << 12)

/** dpe_flags. */
enum {
	DAOS_PROP_ENTRY_NOT_SET = (1 << 0), /**< the queried property has no value */
};

/** One property. */
struct daos_prop_entry {
	uint32_t dpe_type;   /**< enum daos_pool_props or enum daos_cont_props */
	uint16_t dpe_flags;  /**< DAOS_PROP_ENTRY_* */
	uint16_t dpe_reserv; /**< 0 */
	union {
		uint64_t dpe_val;
		d_string_t dpe_str;
		void *dpe_val_ptr;
	};
};

/** A list of properties. In a query, an empty list asks for all. */
typedef struct {
	uint32_t dpp_nr;
	uint32_t dpp_reserv; /**< 0 */
	struct daos_prop_entry *dpp_entries;
} daos_prop_t;

/** Whether rf is a redundancy factor that a container can have. */
static inline bool
daos_rf_is_valid(unsigned long long rf)
{
	return rf <= DAOS_RF_MAX;
}

/** Whether svc_rf is a redundancy factor that a pool service can have. */
static inline bool
daos_svc_rf_is_valid(uint64_t svc_rf)
{
	return svc_rf <= DAOS_PROP_PO_SVC_REDUN_FAC_MAX;
}

/** The number for a DAOS_PROP_CO_STATUS entry. */
static inline uint64_t
daos_prop_co_status_2_val(struct daos_co_status *co_status)
{
	return DAOS_PROP_CO_STATUS_VAL(co_status->dcs_status, co_status->dcs_flags, co_status->dcs_pm_ver);
}

/** The reverse of daos_prop_co_status_2_val(). */
static inline void
daos_prop_val_2_co_status(uint64_t val, struct daos_co_status *co_status)
{
	co_status->dcs_flags = (uint16_t)(val >> 48);
	co_status->dcs_status = (uint16_t)((val >> 32) & 0xFFFF);
	co_status->dcs_pm_ver = (uint32_t)(val & 0xFFFFFFFFU);
}

/** Whether label is 1..127 characters of [A-Za-z0-9._:-] and cannot be taken for a UUID. NULL is no label. */
static inline bool
daos_label_is_valid(const char *label)
{
	size_t i;

	if (label == NULL)
		return false;
	for (i = 0; label[i] != '\0'; i++) {
		char c = label[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
		      c == '_' || c == ':' || c == '-') || i == DAOS_PROP_LABEL_MAX_LEN)
			return false;
	}
	return i > 0 && !daos_is_valid_uuid_string(label);
}

/** Whether perf_domain names a performance domain: "root" or "group". */
static inline bool
daos_perf_domain_is_valid(const char *perf_domain)
{
	return perf_domain != NULL && (strcmp(perf_domain, "root") == 0 || strcmp(perf_domain, "group") == 0);
}

/** Whether a queried entry carries a value. */
static inline bool
daos_prop_is_set(struct daos_prop_entry *entry)
{
	return (entry->dpe_flags & DAOS_PROP_ENTRY_NOT_SET) == 0;
}

/**
 * A new list with zeroed entries.
 *
 * \param[in]	entries_nr	number of entries, at most DAOS_PROP_ENTRIES_MAX_NR; 0: an empty list
 * \return			the list, freed with daos_prop_free(), or NULL
 */
daos_prop_t *daos_prop_alloc(uint32_t entries_nr);

/** Frees the entries of a list and what they carry, not the list itself. */
void daos_prop_fini(daos_prop_t *prop);

/** Frees a list with all that it carries. NULL is allowed. */
void daos_prop_free(daos_prop_t *prop);

/**
 * Reads container properties from text "name:value;name:value", e.g. "rd_fac:1;cksum:crc32".
 *
 * \param[in]	str	the text
 * \param[in]	len	its length in bytes
 * \param[out]	prop	a new list, freed with daos_prop_free()
 * \return		0; -DER_INVAL: not a property that can be given at create, or a bad value; -DER_NOMEM
 */
int daos_prop_from_str(const char *str, daos_size_t len, daos_prop_t **prop);

/**
 * A new list with all entries of old_prop, replaced and extended by those of new_prop.
 *
 * \param[in]	old_prop	may be NULL
 * \param[in]	new_prop	may be NULL
 * \param[out]	out_prop	a new list, freed with daos_prop_free(); NULL when both are
 * \return			0 or a negative error
 */
int daos_prop_merge2(daos_prop_t *old_prop, daos_prop_t *new_prop, daos_prop_t **out_prop);

/** daos_prop_merge2() that returns the list, or NULL on failure. */
daos_prop_t *daos_prop_merge(daos_prop_t *old_prop, daos_prop_t *new_prop);

/** The first entry of a type, part of the list; NULL when there is none. */
struct daos_prop_entry *daos_prop_entry_get(daos_prop_t *prop, uint32_t type);

/**
 * Puts a copy of a string into the entry of a type; a former string is freed.
 *
 * \param[in]	prop	list with an entry of that type
 * \param[in]	type	a property whose value is a string
 * \param[in]	str	the string
 * \param[in]	len	bytes of it to take
 * \return		0; -DER_NONEXIST: no entry of that type; -DER_INVAL: not a string property; -DER_NOMEM
 */
int daos_prop_set_str(daos_prop_t *prop, uint32_t type, const char *str, daos_size_t len);

/** daos_prop_set_str() for an entry at hand. */
int daos_prop_entry_set_str(struct daos_prop_entry *entry, const char *str, daos_size_t len);

/** Puts a copy of size bytes at ptr into the entry of a type; errors as daos_prop_set_str(). */
int daos_prop_set_ptr(daos_prop_t *prop, uint32_t type, const void *ptr, daos_size_t size);

/** daos_prop_set_ptr() for an entry at hand. */
int daos_prop_entry_set_ptr(struct daos_prop_entry *entry, const void *ptr, daos_size_t size);

/** Gives entry_dst a copy of the len bytes that entry_src points to. 0 or -DER_NOMEM. */
int daos_prop_entry_dup_ptr(struct daos_prop_entry *entry_dst, struct daos_prop_entry *entry_src, size_t len);

/** Compares the ACLs that two entries carry. 0 when equal, else -DER_MISMATCH. */
int daos_prop_entry_cmp_acl(struct daos_prop_entry *entry1, struct daos_prop_entry *entry2);

/** Gives dst a copy of the roots that src carries. 0 or -DER_NOMEM. */
int daos_prop_entry_dup_co_roots(struct daos_prop_entry *dst, struct daos_prop_entry *src);

/** Whether the value of the entry's property is a string. */
bool daos_prop_has_str(struct daos_prop_entry *entry);

/** Whether the value of the entry's property is a pointer. */
bool daos_prop_has_ptr(struct daos_prop_entry *entry);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
