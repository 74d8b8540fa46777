/* SPDX-License-Identifier: Apache-2.0 */
/* The nouns of the interface: handles, keys, anchors, epochs, events, object ids. */
#ifndef DAOS_TYPES_H
#define DAOS_TYPES_H

#include <string.h>
#include <uuid/uuid.h>
#include <cart/types.h>
#include <daos_errno.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef uint64_t daos_size_t;
typedef uint64_t daos_off_t;
/** Hybrid logical clock: (nanoseconds since 2021-01-01 UTC) x 16, the low 18 bits count. Opaque to programs. */
typedef uint64_t daos_epoch_t;
typedef d_iov_t daos_key_t;

#define crt_proc_daos_key_t crt_proc_d_iov_t
#define crt_proc_daos_size_t crt_proc_uint64_t
#define crt_proc_daos_epoch_t crt_proc_uint64_t

#define DAOS_SYS_NAME_MAX 15
#define DAOS_SYS_INFO_STRING_MAX 63
#define DAOS_HKEY_MAX 32
#define DAOS_ANCHOR_BUF_MAX 104
#define DAOS_EPOCH_MAX (~0ULL)
#define DAOS_EQ_WAIT -1
#define DAOS_EQ_NOWAIT 0
#define DAOS_UUID_STR_SIZE 37
#define DAOS_ATTR_NAME_MAX 511

/** Pool connect: read-only, read-write, exclusive. */
#define DAOS_PC_RO (1U << 0)
#define DAOS_PC_RW (1U << 1)
#define DAOS_PC_EX (1U << 2)
#define DAOS_PC_NBITS 3
#define DAOS_PC_MASK ((1U << DAOS_PC_NBITS) - 1)

typedef enum {
	DAOS_ANCHOR_TYPE_ZERO = 0,
	DAOS_ANCHOR_TYPE_HKEY = 1,
	DAOS_ANCHOR_TYPE_KEY = 2,
	DAOS_ANCHOR_TYPE_EOF = 3,
} daos_anchor_type_t;

/** Where an enumeration stands; zeroed before the first call, opaque after it. */
typedef struct {
	uint16_t da_type;
	uint16_t da_shard;
	uint32_t da_flags;
	uint64_t da_sub_anchors;
	uint8_t da_buf[DAOS_ANCHOR_BUF_MAX];
} daos_anchor_t;

#define DAOS_ANCHOR_INIT \
	{ .da_type = DAOS_ANCHOR_TYPE_ZERO, .da_shard = 0, .da_flags = 0, .da_sub_anchors = 0, .da_buf = { 0 } }

typedef struct {
	uint64_t cookie;
} daos_handle_t;

#define DAOS_HDL_INVAL ((daos_handle_t){0})
#define DAOS_TX_NONE DAOS_HDL_INVAL

typedef enum {
	DAOS_EQR_COMPLETED = (1),
	DAOS_EQR_WAITING = (1 << 1),
	DAOS_EQR_ALL = (DAOS_EQR_COMPLETED | DAOS_EQR_WAITING),
} daos_eq_query_t;

typedef enum {
	DAOS_EVS_READY = 0,
	DAOS_EVS_RUNNING = 1,
	DAOS_EVS_COMPLETED = 2,
	DAOS_EVS_ABORTED = 3,
} daos_ev_status_t;

/** Kinds of handle: the low four bits of a cookie. */
enum {
	DAOS_HTYPE_EQ = 1,
	DAOS_HTYPE_POOL = 3,
	DAOS_HTYPE_CO = 5,
	DAOS_HTYPE_OBJ = 7,
	DAOS_HTYPE_ARRAY = 9,
	DAOS_HTYPE_TX = 11,
	DAOS_HTYPE_KV = 13,
};

typedef struct {
	daos_epoch_t epr_lo;
	daos_epoch_t epr_hi;
} daos_epoch_range_t;

typedef struct {
	uuid_t ci_uuid;
	daos_epoch_t ci_lsnapshot; /**< latest snapshot */
	uint32_t ci_nhandles;
	uint32_t ci_nsnapshots;
	uint64_t ci_md_otime; /**< HLC of the latest open */
	uint64_t ci_md_mtime; /**< HLC of the latest close or metadata change */
} daos_cont_info_t;

/** Completion of an asynchronous call; the caller owns it and must not reuse it in flight. */
typedef struct daos_event {
	int ev_error;
	struct {
		uint64_t space[20];
	} ev_private;
	uint64_t ev_debug;
} daos_event_t;

struct d_tgt_list {
	d_rank_t *tl_ranks;
	int32_t *tl_tgts;
	uint32_t tl_nr;
};

struct daos_eq;

typedef struct {
	uint64_t lo;
	uint64_t hi;
} daos_obj_id_t;

struct daos_rank_uri {
	uint32_t dru_rank;
	char *dru_uri;
};

struct daos_sys_info {
	char dsi_system_name[DAOS_SYS_INFO_STRING_MAX + 1];
	char dsi_fabric_provider[DAOS_SYS_INFO_STRING_MAX + 1];
	char dsi_agent_path[4096];
	uint32_t dsi_nr_ranks;
	struct daos_rank_uri *dsi_ranks;
	uint32_t dsi_nr_ms_ranks;
	uint32_t *dsi_ms_ranks;
};

static inline bool
daos_handle_is_inval(daos_handle_t hdl)
{
	return hdl.cookie == 0;
}

static inline bool
daos_handle_is_valid(daos_handle_t hdl)
{
	return !daos_handle_is_inval(hdl);
}

static inline bool
daos_key_is_null(daos_key_t key)
{
	return key.iov_buf == NULL;
}

/** Whether uuid is the 36 characters of a UUID. */
static inline bool
daos_is_valid_uuid_string(const char *uuid)
{
	uuid_t parsed;

	return uuid != NULL && uuid_parse(uuid, parsed) == 0;
}

#ifdef __cplusplus
}
#endif
#endif
