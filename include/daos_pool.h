/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pools: space over the targets of many engines, with properties and attributes, in which containers live.
 *
 * Calls return 0 or a negative DER number; with an event they return after the launch and the event carries the result.
 * Common errors: -DER_NO_HDL, -DER_INVAL, -DER_NO_PERM, -DER_UNREACH, -DER_TIMEDOUT, -DER_NOMEM.
 */
#ifndef DAOS_POOL_H
#define DAOS_POOL_H

#include <daos_types.h>
#include <daos_prop.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* Compiled code refers to the second version of the call. */
#define daos_pool_connect daos_pool_connect2

/** What a target is made of. */
typedef enum daos_target_type_t {
	DAOS_TP_UNKNOWN = 0,
	DAOS_TP_HDD = 1,
	DAOS_TP_SSD = 2,
	DAOS_TP_PM = 3, /**< persistent memory */
	DAOS_TP_VM = 4, /**< volatile memory */
} daos_target_type_t;

/** Where a target stands. */
typedef enum daos_target_state_t {
	DAOS_TS_UNKNOWN = 0,
	DAOS_TS_DOWN_OUT = 1, /**< gone, its data is rebuilt elsewhere */
	DAOS_TS_DOWN = 2,     /**< gone, its data is not rebuilt yet */
	DAOS_TS_UP = 3,       /**< back, being filled */
	DAOS_TS_UP_IN = 4,    /**< in use */
	DAOS_TS_NEW = 5,      /**< added, not in use yet */
	DAOS_TS_DRAIN = 6,    /**< in use, being emptied */
} daos_target_state_t;

/** Reserved. */
typedef struct {
	int foo;
} daos_target_perf_t;

/** Tiers of storage: metadata and small values; data. */
typedef enum daos_media_type_t {
	DAOS_MEDIA_SCM = 0,
	DAOS_MEDIA_NVME = 1,
	DAOS_MEDIA_MAX = 2,
} daos_media_type_t;

/** Space in bytes for each tier. */
struct daos_space {
	uint64_t s_total[DAOS_MEDIA_MAX];
	uint64_t s_free[DAOS_MEDIA_MAX];
};

/** A target. */
typedef struct {
	daos_target_type_t ta_type;
	daos_target_state_t ta_state;
	daos_target_perf_t ta_perf;
	struct daos_space ta_space;
} daos_target_info_t;

/** Space of a pool in bytes for each tier, and how evenly its targets are filled. */
struct daos_pool_space {
	struct daos_space ps_space;
	uint64_t ps_free_min[DAOS_MEDIA_MAX];  /**< of the fullest target */
	uint64_t ps_free_max[DAOS_MEDIA_MAX];  /**< of the emptiest target */
	uint64_t ps_free_mean[DAOS_MEDIA_MAX]; /**< of an average target */
	uint32_t ps_ntargets;                  /**< targets that answered */
	uint32_t ps_padding;
};

typedef enum daos_rebuild_state_t {
	DRS_IN_PROGRESS = 0,
	DRS_NOT_STARTED = 1,
	DRS_COMPLETED = 2,
} daos_rebuild_state_t;

/** The latest rebuild of a pool. */
struct daos_rebuild_status {
	uint32_t rs_version; /**< version of the pool map that it is for */
	uint32_t rs_seconds; /**< time it took so far */
	int32_t rs_errno;    /**< 0 or what made it fail */
	union {
		int32_t rs_state; /**< enum daos_rebuild_state_t */
		int32_t rs_done;  /**< an old name */
	};
	uint16_t rs_max_supported_layout_ver;
	int16_t rs_padding16;
	int32_t rs_fail_rank; /**< where it failed, or -1 */
	uint64_t rs_toberb_obj_nr; /**< objects to do */
	uint64_t rs_obj_nr;        /**< objects done */
	uint64_t rs_rec_nr;        /**< records done */
	uint64_t rs_size;          /**< bytes done */
};

/** pi_bits: the parts of daos_pool_info_t that are wanted, and which ranks daos_pool_query() lists. */
enum daos_pool_info_bit {
	DPI_SPACE = 1ULL << 0,
	DPI_REBUILD_STATUS = 1ULL << 1,
	DPI_ENGINES_ENABLED = 1ULL << 2,
	DPI_ENGINES_DISABLED = 1ULL << 3,
	DPI_ENGINES_DEAD = 1ULL << 4,
	DPI_REBUILD_MAX_LAYOUT_VER = 1ULL << 5,
	DPI_ALL = -1,
};

/** A pool. */
typedef struct {
	uuid_t pi_uuid;
	uint32_t pi_ntargets;  /**< all targets */
	uint32_t pi_nnodes;    /**< engines */
	uint32_t pi_ndisabled; /**< targets that are not in use */
	uint32_t pi_map_ver;   /**< version of the pool map */
	uint32_t pi_leader;    /**< rank of the leader of the pool service */
	uint64_t pi_bits;      /**< in: enum daos_pool_info_bit */
	struct daos_pool_space pi_space;
	struct daos_rebuild_status pi_rebuild_st;
} daos_pool_info_t;

/** A container of a pool. */
struct daos_pool_cont_info {
	uuid_t pci_uuid;
	char pci_label[DAOS_PROP_LABEL_MAX_LEN + 1];
};

/** The same, with what daos_cont_query() would tell. */
struct daos_pool_cont_info2 {
	struct daos_pool_cont_info pci_id;
	daos_cont_info_t pci_cinfo;
	void *pci_reserved[2];
};

/* ---- filters ------------------------------------------------------------------------------------------------- */

/** How a value of a container is compared with that of a filter part. */
enum daos_pool_cont_filter_func {
	PCF_FUNC_EQ = 0,
	PCF_FUNC_NE = 1,
	PCF_FUNC_LT = 2,
	PCF_FUNC_LE = 3,
	PCF_FUNC_GT = 4,
	PCF_FUNC_GE = 5,
	PCF_FUNC_MAX = 6,
};

/** Which value of a container is compared. */
enum daos_pool_cont_filter_key {
	PCF_KEY_MD_OTIME = 0,      /**< clock value of the latest open */
	PCF_KEY_MD_MTIME = 1,      /**< clock value of the latest change of metadata */
	PCF_KEY_NUM_SNAPSHOTS = 2,
	PCF_KEY_NUM_HANDLES = 3,
	PCF_KEY_MAX = 4,
};

/** Whether all parts of a filter must hold, or one. */
enum daos_pool_cont_filter_combine {
	PCF_COMBINE_LOGICAL_AND = 0,
	PCF_COMBINE_LOGICAL_OR = 1,
};

/** One comparison. */
typedef struct daos_pool_cont_filter_part {
	uint32_t pcfp_func; /**< enum daos_pool_cont_filter_func */
	uint32_t pcfp_key;  /**< enum daos_pool_cont_filter_key */
	union {
		uint64_t pcfp_val64;
		d_string_t pcfp_valstr;
	};
} daos_pool_cont_filter_part_t;

#define DAOS_POOL_CONT_FILTER_MAX_NPARTS (8)

/** A choice of containers; made with daos_pool_cont_filter_init(). */
typedef struct daos_pool_cont_filter {
	uint32_t pcf_combine_func; /**< enum daos_pool_cont_filter_combine */
	uint32_t pcf_nparts;
	struct daos_pool_cont_filter_part **pcf_parts;
} daos_pool_cont_filter_t;

/** Name of a comparison. */
static inline const char *
daos_pool_cont_filter_func_str(enum daos_pool_cont_filter_func f)
{
	switch (f) {
	case PCF_FUNC_EQ:
		return "==";
	case PCF_FUNC_NE:
		return "!=";
	case PCF_FUNC_LT:
		return "<";
	case PCF_FUNC_LE:
		return "<=";
	case PCF_FUNC_GT:
		return ">";
	case PCF_FUNC_GE:
		return ">=";
	default:
		return "invalid filter function";
	}
}

/** Name of a value. */
static inline const char *
daos_pool_cont_filter_key_str(enum daos_pool_cont_filter_key k)
{
	switch (k) {
	case PCF_KEY_MD_OTIME:
		return "metadata open time";
	case PCF_KEY_MD_MTIME:
		return "metadata modify time";
	case PCF_KEY_NUM_SNAPSHOTS:
		return "number of snapshots";
	case PCF_KEY_NUM_HANDLES:
		return "number of open handles";
	default:
		return "invalid filter key";
	}
}

/** Makes a filter without parts: it lets all containers pass. 0; -DER_INVAL; -DER_NOMEM. */
int daos_pool_cont_filter_init(daos_pool_cont_filter_t *filt, uint32_t combine_func);

/** Adds a copy of a part. 0; -DER_OVERFLOW: there are DAOS_POOL_CONT_FILTER_MAX_NPARTS; -DER_INVAL; -DER_NOMEM. */
int daos_pool_cont_filter_add(daos_pool_cont_filter_t *filt, daos_pool_cont_filter_part_t *part);

/** Frees the parts of a filter. */
void daos_pool_cont_filter_fini(daos_pool_cont_filter_t *filt);

/* ---- calls --------------------------------------------------------------------------------------------------- */

/**
 * Connects to a pool.
 *
 * \param[in]	pool	label or UUID
 * \param[in]	sys	name of the system; NULL: the one that the agent knows
 * \param[in]	flags	DAOS_PC_RO, DAOS_PC_RW or DAOS_PC_EX
 * \param[out]	poh	handle, given up with daos_pool_disconnect()
 * \param[in,out] info	in: pi_bits; out: what is known of it; or NULL
 * \param[in]	ev	event, or NULL to wait
 * \return		0; -DER_NONEXIST; -DER_BUSY: exclusive and others are connected; -DER_NO_PERM; others
 */
int daos_pool_connect2(const char *pool, const char *sys, unsigned int flags, daos_handle_t *poh,
		       daos_pool_info_t *info, daos_event_t *ev);

/** Gives up a connection. Containers opened through it are closed. */
int daos_pool_disconnect(daos_handle_t poh, daos_event_t *ev);

/**
 * Writes a pool handle into a buffer from which other processes of the same user can rebuild it.
 *
 * \param[in,out] glob	iov_buf NULL: iov_buf_len is set to the size needed; else filled, iov_len set
 * \return		0; -DER_TRUNC: too small, iov_buf_len says what is needed; -DER_NO_HDL; -DER_INVAL
 */
int daos_pool_local2global(daos_handle_t poh, d_iov_t *glob);

/**
 * Rebuilds a pool handle from daos_pool_local2global(). It is given up like any other;
 * the connection ends with the original, which is given up last. */
int daos_pool_global2local(d_iov_t glob, daos_handle_t *poh);

/**
 * Asks about a pool.
 *
 * \param[out]	ranks		engines that pi_bits chooses, freed with d_rank_list_free(); or NULL
 * \param[in,out] info		in: pi_bits; out: what is known of it; or NULL
 * \param[in,out] pool_prop	in: entries with the types that are wanted, none: all; out: with values; or NULL
 */
int daos_pool_query(daos_handle_t poh, d_rank_list_t **ranks, daos_pool_info_t *info, daos_prop_t *pool_prop,
		    daos_event_t *ev);

/** Asks about target tgt of an engine. */
int daos_pool_query_target(daos_handle_t poh, uint32_t tgt, d_rank_t rank, daos_target_info_t *info, daos_event_t *ev);

/**
 * Lists the names of a pool's attributes.
 *
 * \param[out]	buffer	names, each with its NUL, one behind the other; only whole ones; or NULL
 * \param[in,out] size	in: bytes at buffer; out: bytes that all names need
 */
int daos_pool_list_attr(daos_handle_t poh, char *buffer, size_t *size, daos_event_t *ev);

/** Reads attributes of a pool; as daos_cont_get_attr(). */
int daos_pool_get_attr(daos_handle_t poh, int n, const char *const names[], void *const buffers[], size_t sizes[],
		       daos_event_t *ev);

/** Sets attributes of a pool; as daos_cont_set_attr(). */
int daos_pool_set_attr(daos_handle_t poh, int n, const char *const names[], const void *const values[],
		       const size_t sizes[], daos_event_t *ev);

/** Removes attributes of a pool; those that are not there are passed over. */
int daos_pool_del_attr(daos_handle_t poh, int n, const char *const names[], daos_event_t *ev);

/**
 * Lists the containers of a pool.
 *
 * \param[in,out] ncont	in: room in cbuf; out: number of containers
 * \param[out]	cbuf	containers, in an array of the caller; or NULL: only count
 * \return		0; -DER_TRUNC: more than fit; others
 */
int daos_pool_list_cont(daos_handle_t poh, daos_size_t *ncont, struct daos_pool_cont_info *cbuf, daos_event_t *ev);

/** Lists the containers that a filter lets pass; as daos_pool_list_cont(). */
int daos_pool_filter_cont(daos_handle_t poh, daos_pool_cont_filter_t *filter, daos_size_t *ncont,
			  struct daos_pool_cont_info2 *cbuf, daos_event_t *ev);

/**
 * What a user may do with a pool, from its properties. Local.
 *
 * \param[in]	pool_prop	list with ACL, owner and owner-group
 * \param[in]	uid		user
 * \param[in]	gids		groups of the user
 * \param[in]	nr_gids		their number
 * \param[out]	perms		enum daos_acl_perm bits
 */
int daos_pool_get_perms(daos_prop_t *pool_prop, uid_t uid, gid_t *gids, size_t nr_gids, uint64_t *perms);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
