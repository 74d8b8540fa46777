/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pure/prop: the table. A row says all there is to say about a property; everything else follows from it. Numbers are
 * stored and sent: rows are appended, never changed.
 */
#include "pure/prop/prop.h"

enum {
	ALWAYS = PROP_AT_CREATE | PROP_AT_SET,
	ALWAYS_AND_STRING = ALWAYS | PROP_IN_STRING,
	CREATE_AND_STRING = PROP_AT_CREATE | PROP_IN_STRING,
};

#define WORDS(...) (const struct prop_word[]) { __VA_ARGS__, { NULL, 0 } }

#define PERF_DOMAINS WORDS({"root", DAOS_PROP_PERF_DOMAIN_ROOT}, {"group", DAOS_PROP_PERF_DOMAIN_GROUP})
#define OFF_ON WORDS({"off", 0}, {"on", 1}, {"0", 0}, {"1", 1})
#define FACTORS WORDS({"rd_fac0", 0}, {"rd_fac1", 1}, {"rd_fac2", 2}, {"rd_fac3", 3}, {"rd_fac4", 4})

#define EC_CELL_LEAST (4ULL << 10)
#define EC_CELL_MOST (1ULL << 20)

static const struct prop_desc pool_props[] = {
	{.id = DAOS_PROP_PO_LABEL, .kind = PROP_LABEL, .when = ALWAYS, .name = "label", .text = DAOS_PROP_PO_LABEL_DEFAULT},
	{.id = DAOS_PROP_PO_ACL, .kind = PROP_ACL, .when = ALWAYS},
	{.id = DAOS_PROP_PO_SPACE_RB, .kind = PROP_PERCENT, .when = ALWAYS, .name = "space_rb", .most = 100},
	{.id = DAOS_PROP_PO_SELF_HEAL, .kind = PROP_BITS, .when = ALWAYS, .name = "self_heal", .most = 7, .fallback = 3,
	 .words = WORDS({"exclude", DAOS_SELF_HEAL_AUTO_EXCLUDE}, {"rebuild", DAOS_SELF_HEAL_AUTO_REBUILD},
			{"delay_rebuild", DAOS_SELF_HEAL_DELAY_REBUILD}, {"none", 0})},
	{.id = DAOS_PROP_PO_RECLAIM, .kind = PROP_CHOICE, .when = ALWAYS, .name = "reclaim", .fallback = DAOS_RECLAIM_LAZY,
	 .words = WORDS({"disabled", DAOS_RECLAIM_DISABLED}, {"lazy", DAOS_RECLAIM_LAZY}, {"snapshot", DAOS_RECLAIM_SNAPSHOT},
			{"batch", DAOS_RECLAIM_BATCH}, {"time", DAOS_RECLAIM_TIME})},
	{.id = DAOS_PROP_PO_OWNER, .kind = PROP_PRINCIPAL, .when = ALWAYS, .text = "NOBODY@"},
	{.id = DAOS_PROP_PO_OWNER_GROUP, .kind = PROP_PRINCIPAL, .when = ALWAYS, .text = "NOBODY@"},
	{.id = DAOS_PROP_PO_SVC_LIST, .kind = PROP_RANKS, .refusal = -DER_INVAL, .name = "svc_list"},
	{.id = DAOS_PROP_PO_EC_CELL_SZ, .kind = PROP_BYTES, .when = ALWAYS, .name = "ec_cell_sz", .least = EC_CELL_LEAST,
	 .most = EC_CELL_MOST, .fallback = 64 << 10},
	{.id = DAOS_PROP_PO_DATA_THRESH, .kind = PROP_BYTES, .when = ALWAYS, .name = "data_thresh", .most = EC_CELL_MOST,
	 .fallback = DAOS_PROP_PO_DATA_THRESH_DEFAULT},
	{.id = DAOS_PROP_PO_REDUN_FAC, .kind = PROP_NUMBER, .when = ALWAYS, .name = "rd_fac",
	 .most = DAOS_PROP_PO_REDUN_FAC_MAX, .fallback = DAOS_PROP_PO_REDUN_FAC_DEFAULT, .words = FACTORS},
	{.id = DAOS_PROP_PO_EC_PDA, .kind = PROP_NUMBER, .when = ALWAYS, .name = "ec_pda", .least = 1, .most = DAOS_PROP_PDA_MAX,
	 .fallback = DAOS_PROP_PO_EC_PDA_DEFAULT},
	{.id = DAOS_PROP_PO_RP_PDA, .kind = PROP_NUMBER, .when = ALWAYS, .name = "rp_pda", .least = 1, .most = DAOS_PROP_PDA_MAX,
	 .fallback = DAOS_PROP_PO_RP_PDA_DEFAULT},
	{.id = DAOS_PROP_PO_GLOBAL_VERSION, .kind = PROP_NUMBER, .refusal = -DER_INVAL, .name = "global_version",
	 .most = UINT32_MAX},
	{.id = DAOS_PROP_PO_UPGRADE_STATUS, .kind = PROP_CHOICE, .refusal = -DER_INVAL, .name = "upgrade_status",
	 .words = WORDS({"not started", DAOS_UPGRADE_STATUS_NOT_STARTED}, {"in progress", DAOS_UPGRADE_STATUS_IN_PROGRESS},
			{"completed", DAOS_UPGRADE_STATUS_COMPLETED}, {"failed", DAOS_UPGRADE_STATUS_FAILED})},
	{.id = DAOS_PROP_PO_SCRUB_MODE, .kind = PROP_CHOICE, .when = ALWAYS, .name = "scrub",
	 .fallback = DAOS_PROP_PO_SCRUB_MODE_DEFAULT,
	 .words = WORDS({"off", DAOS_SCRUB_MODE_OFF}, {"lazy", DAOS_SCRUB_MODE_LAZY}, {"timed", DAOS_SCRUB_MODE_TIMED})},
	{.id = DAOS_PROP_PO_SCRUB_FREQ, .kind = PROP_SECONDS, .when = ALWAYS, .name = "scrub_freq", .most = UINT32_MAX,
	 .fallback = DAOS_PROP_PO_SCRUB_FREQ_DEFAULT},
	{.id = DAOS_PROP_PO_SCRUB_THRESH, .kind = PROP_NUMBER, .when = ALWAYS, .name = "scrub_thresh", .most = UINT32_MAX,
	 .fallback = DAOS_PROP_PO_SCRUB_THRESH_DEFAULT},
	{.id = DAOS_PROP_PO_SVC_REDUN_FAC, .kind = PROP_NUMBER, .when = ALWAYS, .name = "svc_rf",
	 .most = DAOS_PROP_PO_SVC_REDUN_FAC_MAX, .fallback = DAOS_PROP_PO_SVC_REDUN_FAC_DEFAULT},
	{.id = DAOS_PROP_PO_OBJ_VERSION, .kind = PROP_NUMBER, .refusal = -DER_INVAL, .name = "obj_version", .most = UINT32_MAX},
	{.id = DAOS_PROP_PO_PERF_DOMAIN, .kind = PROP_CHOICE, .when = ALWAYS, .name = "perf_domain",
	 .fallback = DAOS_PROP_PO_PERF_DOMAIN_DEFAULT, .words = PERF_DOMAINS},
	{.id = DAOS_PROP_PO_CHECKPOINT_MODE, .kind = PROP_CHOICE, .when = ALWAYS, .name = "checkpoint",
	 .fallback = DAOS_PROP_PO_CHECKPOINT_MODE_DEFAULT,
	 .words = WORDS({"disabled", DAOS_CHECKPOINT_DISABLED}, {"timed", DAOS_CHECKPOINT_TIMED}, {"lazy", DAOS_CHECKPOINT_LAZY})},
	{.id = DAOS_PROP_PO_CHECKPOINT_FREQ, .kind = PROP_SECONDS, .when = ALWAYS, .name = "checkpoint_freq",
	 .least = DAOS_PROP_PO_CHECKPOINT_FREQ_MIN, .most = DAOS_PROP_PO_CHECKPOINT_FREQ_MAX,
	 .fallback = DAOS_PROP_PO_CHECKPOINT_FREQ_DEFAULT},
	{.id = DAOS_PROP_PO_CHECKPOINT_THRESH, .kind = PROP_PERCENT, .when = ALWAYS, .name = "checkpoint_thresh",
	 .least = DAOS_PROP_PO_CHECKPOINT_THRESH_MIN, .most = DAOS_PROP_PO_CHECKPOINT_THRESH_MAX,
	 .fallback = DAOS_PROP_PO_CHECKPOINT_THRESH_DEFAULT},
	{.id = DAOS_PROP_PO_REINT_MODE, .kind = PROP_CHOICE, .when = ALWAYS, .name = "reintegration",
	 .fallback = DAOS_PROP_PO_REINT_MODE_DEFAULT,
	 .words = WORDS({"data_sync", DAOS_REINT_MODE_DATA_SYNC}, {"no_data_sync", DAOS_REINT_MODE_NO_DATA_SYNC})},
	{.id = DAOS_PROP_PO_SVC_OPS_ENABLED, .kind = PROP_NUMBER, .when = ALWAYS, .name = "svc_ops_enabled", .most = 1,
	 .fallback = DAOS_PROP_PO_SVC_OPS_ENABLED_DEFAULT},
	{.id = DAOS_PROP_PO_SVC_OPS_ENTRY_AGE, .kind = PROP_SECONDS, .when = ALWAYS, .name = "svc_ops_entry_age",
	 .least = DAOS_PROP_PO_SVC_OPS_ENTRY_AGE_MIN, .most = DAOS_PROP_PO_SVC_OPS_ENTRY_AGE_MAX,
	 .fallback = DAOS_PROP_PO_SVC_OPS_ENTRY_AGE_DEFAULT},
};

static const struct prop_desc cont_props[] = {
	{.id = DAOS_PROP_CO_LABEL, .kind = PROP_LABEL, .when = ALWAYS_AND_STRING, .name = "label",
	 .text = DAOS_PROP_CO_LABEL_DEFAULT},
	{.id = DAOS_PROP_CO_LAYOUT_TYPE, .kind = PROP_CHOICE, .when = ALWAYS, .name = "layout_type",
	 .fallback = DAOS_PROP_CO_LAYOUT_UNKNOWN,
	 .words = WORDS({"unknown", DAOS_PROP_CO_LAYOUT_UNKNOWN}, {"POSIX", DAOS_PROP_CO_LAYOUT_POSIX},
			{"HDF5", DAOS_PROP_CO_LAYOUT_HDF5}, {"PYTHON", DAOS_PROP_CO_LAYOUT_PYTHON},
			{"SPARK", DAOS_PROP_CO_LAYOUT_SPARK}, {"DATABASE", DAOS_PROP_CO_LAYOUT_DATABASE},
			{"ROOT", DAOS_PROP_CO_LAYOUT_ROOT}, {"SEISMIC", DAOS_PROP_CO_LAYOUT_SEISMIC},
			{"METEO", DAOS_PROP_CO_LAYOUT_METEO}, {"DB", DAOS_PROP_CO_LAYOUT_DATABASE},
			{"RNTuple", DAOS_PROP_CO_LAYOUT_ROOT}, {"DSG", DAOS_PROP_CO_LAYOUT_SEISMIC},
			{"FDB", DAOS_PROP_CO_LAYOUT_METEO})},
	{.id = DAOS_PROP_CO_LAYOUT_VER, .kind = PROP_NUMBER, .when = ALWAYS, .name = "layout_version", .most = UINT32_MAX,
	 .fallback = 1},
	/* On unless it is turned off: what is read is what was written, or an error. */
	{.id = DAOS_PROP_CO_CSUM, .kind = PROP_CHOICE, .when = ALWAYS_AND_STRING, .name = "cksum", .fallback = DAOS_PROP_CO_CSUM_CRC32,
	 .words = WORDS({"off", DAOS_PROP_CO_CSUM_OFF}, {"crc16", DAOS_PROP_CO_CSUM_CRC16}, {"crc32", DAOS_PROP_CO_CSUM_CRC32},
			{"crc64", DAOS_PROP_CO_CSUM_CRC64}, {"sha1", DAOS_PROP_CO_CSUM_SHA1},
			{"sha256", DAOS_PROP_CO_CSUM_SHA256}, {"sha512", DAOS_PROP_CO_CSUM_SHA512},
			{"adler32", DAOS_PROP_CO_CSUM_ADLER32})},
	{.id = DAOS_PROP_CO_CSUM_CHUNK_SIZE, .kind = PROP_BYTES, .when = ALWAYS_AND_STRING, .name = "cksum_size", .least = 1,
	 .most = 1 << 30, .fallback = 4096}, /* DAOS: 32768; a read of a page checks a page */
	{.id = DAOS_PROP_CO_CSUM_SERVER_VERIFY, .kind = PROP_CHOICE, .when = ALWAYS_AND_STRING, .name = "srv_cksum",
	 .fallback = DAOS_PROP_CO_CSUM_SV_ON, .words = OFF_ON},
	{.id = DAOS_PROP_CO_REDUN_FAC, .kind = PROP_NUMBER, .when = ALWAYS_AND_STRING, .name = "rd_fac", .old_name = "rf",
	 .most = DAOS_RF_MAX, .words = FACTORS},
	{.id = DAOS_PROP_CO_REDUN_LVL, .kind = PROP_NUMBER, .when = PROP_AT_CREATE, .refusal = -DER_NO_PERM, .name = "rd_lvl", .old_name = "rf_lvl",
	 .least = DAOS_PROP_CO_REDUN_MIN, .most = DAOS_PROP_CO_REDUN_MAX, .fallback = DAOS_PROP_CO_REDUN_DEFAULT,
	 .words = WORDS({"rank", DAOS_PROP_CO_REDUN_RANK}, {"node", DAOS_PROP_CO_REDUN_NODE})},
	{.id = DAOS_PROP_CO_SNAPSHOT_MAX, .kind = PROP_NUMBER, .when = ALWAYS, .name = "max_snapshot", .most = UINT32_MAX},
	{.id = DAOS_PROP_CO_ACL, .kind = PROP_ACL, .when = ALWAYS},
	{.id = DAOS_PROP_CO_COMPRESS, .kind = PROP_CHOICE, .when = ALWAYS_AND_STRING, .name = "compression",
	 .words = WORDS({"off", DAOS_PROP_CO_COMPRESS_OFF}, {"lz4", DAOS_PROP_CO_COMPRESS_LZ4},
			{"deflate", DAOS_PROP_CO_COMPRESS_DEFLATE}, {"deflate1", DAOS_PROP_CO_COMPRESS_DEFLATE1},
			{"deflate2", DAOS_PROP_CO_COMPRESS_DEFLATE2}, {"deflate3", DAOS_PROP_CO_COMPRESS_DEFLATE3},
			{"deflate4", DAOS_PROP_CO_COMPRESS_DEFLATE4})},
	{.id = DAOS_PROP_CO_ENCRYPT, .kind = PROP_CHOICE, .when = ALWAYS_AND_STRING, .name = "encryption",
	 .words = WORDS({"off", DAOS_PROP_CO_ENCRYPT_OFF}, {"aes-xts128", DAOS_PROP_CO_ENCRYPT_AES_XTS128},
			{"aes-xts256", DAOS_PROP_CO_ENCRYPT_AES_XTS256}, {"aes-cbc128", DAOS_PROP_CO_ENCRYPT_AES_CBC128},
			{"aes-cbc192", DAOS_PROP_CO_ENCRYPT_AES_CBC192}, {"aes-cbc256", DAOS_PROP_CO_ENCRYPT_AES_CBC256},
			{"aes-gcm128", DAOS_PROP_CO_ENCRYPT_AES_GCM128}, {"aes-gcm256", DAOS_PROP_CO_ENCRYPT_AES_GCM256})},
	{.id = DAOS_PROP_CO_OWNER, .kind = PROP_PRINCIPAL, .when = ALWAYS, .name = "owner", .text = "NOBODY@"},
	{.id = DAOS_PROP_CO_OWNER_GROUP, .kind = PROP_PRINCIPAL, .when = ALWAYS, .name = "group", .text = "NOBODY@"},
	{.id = DAOS_PROP_CO_DEDUP, .kind = PROP_CHOICE, .when = ALWAYS_AND_STRING, .name = "dedup",
	 .words = WORDS({"off", DAOS_PROP_CO_DEDUP_OFF}, {"memcmp", DAOS_PROP_CO_DEDUP_MEMCMP},
			{"hash", DAOS_PROP_CO_DEDUP_HASH})},
	{.id = DAOS_PROP_CO_DEDUP_THRESHOLD, .kind = PROP_BYTES, .when = ALWAYS_AND_STRING, .name = "dedup_threshold", .least = 1,
	 .most = UINT32_MAX, .fallback = 4096},
	{.id = DAOS_PROP_CO_ROOTS, .kind = PROP_ROOTS, .when = ALWAYS},
	{.id = DAOS_PROP_CO_STATUS, .kind = PROP_STATUS, .when = PROP_AT_SET, .name = "status"},
	{.id = DAOS_PROP_CO_ALLOCED_OID, .kind = PROP_NUMBER, .refusal = -DER_NO_PERM, .name = "alloc_oid", .most = UINT64_MAX},
	{.id = DAOS_PROP_CO_EC_CELL_SZ, .kind = PROP_BYTES, .when = CREATE_AND_STRING, .refusal = -DER_NO_PERM,
	 .name = "ec_cell_sz", .least = EC_CELL_LEAST, .most = EC_CELL_MOST, .zero_too = true},
	{.id = DAOS_PROP_CO_EC_PDA, .kind = PROP_NUMBER, .when = CREATE_AND_STRING, .refusal = -DER_NO_PERM, .name = "ec_pda",
	 .most = DAOS_PROP_PDA_MAX},
	{.id = DAOS_PROP_CO_RP_PDA, .kind = PROP_NUMBER, .when = CREATE_AND_STRING, .refusal = -DER_NO_PERM, .name = "rp_pda",
	 .most = DAOS_PROP_PDA_MAX},
	{.id = DAOS_PROP_CO_GLOBAL_VERSION, .kind = PROP_NUMBER, .refusal = -DER_INVAL, .name = "global_version",
	 .most = UINT32_MAX},
	{.id = DAOS_PROP_CO_SCRUBBER_DISABLED, .kind = PROP_NUMBER, .when = ALWAYS, .most = 1},
	{.id = DAOS_PROP_CO_OBJ_VERSION, .kind = PROP_NUMBER, .refusal = -DER_INVAL, .name = "obj_version", .most = UINT32_MAX},
	{.id = DAOS_PROP_CO_PERF_DOMAIN, .kind = PROP_CHOICE, .when = CREATE_AND_STRING, .refusal = -DER_NO_PERM,
	 .name = "perf_domain", .fallback = DAOS_PROP_CO_PERF_DOMAIN_DEFAULT, .words = PERF_DOMAINS},
};

_Static_assert(ARRAY_SIZE(pool_props) == DAOS_PROP_PO_NUM, "a row for each property of a pool");
_Static_assert(ARRAY_SIZE(cont_props) == DAOS_PROP_CO_NUM, "a row for each property of a container");

const struct prop_desc *
prop_at(enum prop_class whose, unsigned int i)
{
	if (whose == PROP_POOL)
		return i < ARRAY_SIZE(pool_props) ? &pool_props[i] : NULL;
	return i < ARRAY_SIZE(cont_props) ? &cont_props[i] : NULL;
}

enum prop_class
prop_class_of(uint32_t id)
{
	return id < DAOS_PROP_CO_MIN ? PROP_POOL : PROP_CONT;
}

const struct prop_desc *
prop_find(uint32_t id)
{
	uint32_t first = prop_class_of(id) == PROP_POOL ? DAOS_PROP_PO_MIN : DAOS_PROP_CO_MIN;
	const struct prop_desc *desc = id > first ? prop_at(prop_class_of(id), id - first - 1) : NULL;

	ASSERTF(desc == NULL || desc->id == id, "prop: rows stand in the order of their numbers");
	return desc;
}

const struct prop_desc *
prop_find_name(enum prop_class whose, struct text_span name)
{
	const struct prop_desc *desc;

	for (unsigned int i = 0; (desc = prop_at(whose, i)) != NULL; i++)
		if ((desc->name != NULL && text_equal(name, desc->name)) ||
		    (desc->old_name != NULL && text_equal(name, desc->old_name)))
			return desc;
	return NULL;
}

bool
prop_is_string(enum prop_kind kind)
{
	return kind == PROP_LABEL || kind == PROP_PRINCIPAL;
}

bool
prop_is_pointer(enum prop_kind kind)
{
	return kind == PROP_ACL || kind == PROP_RANKS || kind == PROP_ROOTS;
}
