/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Types of the request layer as client programs see them. Programs of the store's interface need none of the calls
 * behind them; the types are here because public headers and old sources name them.
 */
#ifndef CART_TYPES_H
#define CART_TYPES_H

#include <stdint.h>
#include <stddef.h>
#include <sys/types.h>
#include <gurt/types.h>
#include <daos_errno.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Longest group name, with its NUL. */
#define CRT_GROUP_ID_MAX_LEN (64)
/** Longest address in text, with its NUL. */
#define CRT_ADDR_STR_MAX_LEN (128)
#define CRT_DEFAULT_GRPID "crt_default_group"

/** The rank of nobody. */
#define CRT_NO_RANK 0xFFFFFFFF
#define CRT_NO_INCARNATION 0

#define CRT_PHY_ADDR_ENV "CRT_PHY_ADDR_STR"
#define CRT_BULK_NULL (NULL)

/** Most bytes of a request and of a reply. */
#define CRT_MAX_INPUT_SIZE (0x4000000)
#define CRT_MAX_OUTPUT_SIZE (0x4000000)

#define CRT_RPC_FEAT_NO_REPLY (1U << 1)
#define CRT_RPC_FEAT_NO_TIMEOUT (1U << 2)
#define CRT_RPC_FEAT_QUEUE_FRONT (1U << 3)

typedef int crt_status_t;
typedef d_string_t crt_group_id_t;
typedef void *crt_context_t;
typedef d_string_t crt_phy_addr_t;
/** Protocol (8 bits), its version (8 bits), number of the request (16 bits). */
typedef uint32_t crt_opcode_t;
typedef void *crt_rpc_input_t;
typedef void *crt_rpc_output_t;
typedef void *crt_bulk_t;
typedef void *crt_bulk_array_t;
typedef void *crt_proc_t;
typedef void *crt_bulk_opid_t;

#define CRT_PROTO_OPC(base_opc, version, rpc_index)                                                                    \
	((crt_opcode_t)(base_opc) | ((crt_opcode_t)(version) << 16) | (crt_opcode_t)(rpc_index))

struct crt_protocol_info {
	struct crt_protocol_info *next;
	char *class_name;
	char *protocol_name;
	char *device_name;
};

/** Options of the request layer; the bits say which fields count. */
typedef struct crt_init_options {
	int cio_crt_timeout; /**< seconds */
	uint32_t cio_sep_override : 1, cio_use_sep : 1, cio_fault_inject : 1, cio_use_credits : 1, cio_use_sensors : 1,
		cio_use_expected_size : 1, cio_use_unexpected_size : 1;
	int cio_ctx_max_num;
	int cio_ep_credits;
	uint32_t cio_max_expected_size;
	uint32_t cio_max_unexpected_size;
	int cio_swim_crt_idx;
	char *cio_provider;
	char *cio_interface;
	char *cio_domain;
	char *cio_port;
	char *cio_auth_key;
} crt_init_options_t;

typedef struct crt_group {
	crt_group_id_t cg_grpid;
} crt_group_t;

/** Where a request goes: group, rank in it, tag (which of its targets). */
typedef struct {
	crt_group_t *ep_grp;
	d_rank_t ep_rank;
	uint32_t ep_tag;
} crt_endpoint_t;

typedef struct crt_rpc {
	crt_context_t cr_ctx;
	crt_endpoint_t cr_ep;
	crt_opcode_t cr_opc;
	crt_rpc_input_t cr_input;
	crt_rpc_output_t cr_output;
	size_t cr_input_size;
	size_t cr_output_size;
	crt_bulk_t cr_co_bulk_hdl;
} crt_rpc_t;

enum crt_rpc_flags {
	CRT_RPC_FLAG_FILTER_INVERT = (1U << 1),
	CRT_RPC_FLAG_CO_FAILOUT = (1U << 2),
};

typedef int (*crt_proc_cb_t)(crt_proc_t proc, void *data);
typedef void (*crt_rpc_cb_t)(crt_rpc_t *rpc);

struct crt_req_format {
	crt_proc_cb_t crf_proc_in;
	crt_proc_cb_t crf_proc_out;
	const size_t crf_size_in;
	const size_t crf_size_out;
};

struct crt_corpc_ops;

struct crt_proto_rpc_format {
	struct crt_req_format *prf_req_fmt;
	crt_rpc_cb_t prf_hdlr;
	struct crt_corpc_ops *prf_co_ops;
	uint32_t prf_flags;
};

struct crt_proto_format {
	const char *cpf_name;
	uint32_t cpf_ver;
	uint32_t cpf_count;
	struct crt_proto_rpc_format *cpf_prf;
	crt_opcode_t cpf_base;
};

struct crt_proto_query_cb_info {
	void *pq_arg;
	int pq_ver;
	int pq_rc;
};

typedef void (*crt_proto_query_cb_t)(struct crt_proto_query_cb_info *info);

typedef enum {
	CRT_BULK_PUT = 104,
	CRT_BULK_GET = 105,
} crt_bulk_op_t;

typedef enum {
	CRT_BULK_RW = 136,
	CRT_BULK_RO = 137,
	CRT_BULK_WO = 138,
} crt_bulk_perm_t;

struct crt_bulk_desc {
	crt_rpc_t *bd_rpc;
	crt_bulk_op_t bd_bulk_op;
	crt_bulk_t bd_remote_hdl;
	off_t bd_remote_off;
	crt_bulk_t bd_local_hdl;
	off_t bd_local_off;
	size_t bd_len;
};

struct crt_cb_info {
	crt_rpc_t *cci_rpc;
	void *cci_arg;
	int cci_rc;
};

struct crt_bulk_cb_info {
	struct crt_bulk_desc *bci_bulk_desc;
	void *bci_arg;
	int bci_rc;
};

typedef void (*crt_cb_t)(const struct crt_cb_info *info);
typedef void (*crt_generic_cb_t)(void *arg);
typedef int (*crt_bulk_cb_t)(const struct crt_bulk_cb_info *info);
typedef int (*crt_progress_cond_cb_t)(void *arg);

enum crt_init_flag_bits {
	CRT_FLAG_BIT_SERVER = 1U << 0,
	CRT_FLAG_BIT_AUTO_SWIM_DISABLE = 1U << 1,
};

typedef enum {
	CRT_GROUP_MOD_OP_REPLACE = 0,
	CRT_GROUP_MOD_OP_ADD = 1,
	CRT_GROUP_MOD_OP_REMOVE = 2,
	CRT_GROUP_MOD_OP_COUNT = 3,
} crt_group_mod_op_t;

typedef enum {
	CRT_QUOTA_RPCS = 0,
	CRT_QUOTA_BULKS = 1,
	CRT_QUOTA_COUNT = 2,
} crt_quota_type_t;

#ifdef __cplusplus
}
#endif
#endif
