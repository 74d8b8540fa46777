/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Error numbers. One table gives the enumerators, their names and their sentences. Interfaces return them negated.
 * The numbers are part of the interface and frozen; new codes are appended to a range.
 */
#ifndef DAOS_ERRNO_H
#define DAOS_ERRNO_H

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** Codes of the ground library, from 1001 on. */
#define D_FOREACH_GURT_ERR(ACTION) \
	ACTION(DER_NO_PERM, "No permission") \
	ACTION(DER_NO_HDL, "Invalid handle") \
	ACTION(DER_INVAL, "Invalid parameters") \
	ACTION(DER_EXIST, "Entity already exists") \
	ACTION(DER_NONEXIST, "The specified entity does not exist") \
	ACTION(DER_UNREACH, "Unreachable node") \
	ACTION(DER_NOSPACE, "No space left") \
	ACTION(DER_ALREADY, "Operation already performed") \
	ACTION(DER_NOMEM, "Out of memory") \
	ACTION(DER_NOSYS, "Function not implemented") \
	ACTION(DER_TIMEDOUT, "Time out") \
	ACTION(DER_BUSY, "Device or resource busy") \
	ACTION(DER_AGAIN, "Try again") \
	ACTION(DER_PROTO, "Incompatible protocol") \
	ACTION(DER_UNINIT, "Library or device not initialized") \
	ACTION(DER_TRUNC, "Buffer too short") \
	ACTION(DER_OVERFLOW, "Data too long for the defined type or buffer") \
	ACTION(DER_CANCELED, "Operation canceled") \
	ACTION(DER_OOG, "Out of group or member list") \
	ACTION(DER_HG, "Transport layer error") \
	ACTION(DER_UNREG, "RPC or protocol version not registered") \
	ACTION(DER_ADDRSTR_GEN, "Failed to generate an address string") \
	ACTION(DER_PMIX, "PMIx layer error") \
	ACTION(DER_IVCB_FORWARD, "Incast variable callback: forward the request") \
	ACTION(DER_MISC, "Miscellaneous error") \
	ACTION(DER_BADPATH, "Bad path name") \
	ACTION(DER_NOTDIR, "Not a directory") \
	ACTION(DER_CORPC_INCOMPLETE, "Collective RPC failed") \
	ACTION(DER_NO_RAS_RANK, "No rank is subscribed to RAS") \
	ACTION(DER_NOTATTACH, "Service group not attached") \
	ACTION(DER_MISMATCH, "Version mismatch") \
	ACTION(DER_EXCLUDED, "Rank has been excluded") \
	ACTION(DER_NOREPLY, "User-provided RPC handler did not send a reply") \
	ACTION(DER_DOS, "Denial of service") \
	ACTION(DER_BAD_TARGET, "Wrong target for the RPC") \
	ACTION(DER_GRPVER, "Group versions mismatch") \
	ACTION(DER_HLC_SYNC, "Hybrid logical clocks out of synchronisation") \
	ACTION(DER_NO_SHMEM, "Not enough shared memory") \
	ACTION(DER_ADD_METRIC_FAILED, "Failed to add the metric") \
	ACTION(DER_DURATION_MISMATCH, "Duration end not paired with a start") \
	ACTION(DER_OP_NOT_PERMITTED, "Operation not permitted on the metric") \
	ACTION(DER_EXCEEDS_PATH_LEN, "Path name exceeds the permitted length") \
	ACTION(DER_METRIC_NOT_FOUND, "Metric not found") \
	ACTION(DER_SHMEM_PERMS, "No access to shared memory") \
	ACTION(DER_HG_FATAL, "Fatal transport layer error") \
	ACTION(DER_QUOTA_LIMIT, "Quota limit reached")

/** Codes of the store, from 2001 on. */
#define D_FOREACH_DAOS_ERR(ACTION) \
	ACTION(DER_IO, "Generic I/O error") \
	ACTION(DER_FREE_MEM, "Memory free error") \
	ACTION(DER_ENOENT, "Entry not found") \
	ACTION(DER_NOTYPE, "Unknown object type") \
	ACTION(DER_NOSCHEMA, "Unknown object schema") \
	ACTION(DER_NOLOCAL, "Object is not local") \
	ACTION(DER_STALE, "Stale pool map version") \
	ACTION(DER_NOTLEADER, "Not the service leader") \
	ACTION(DER_TGT_CREATE, "Target create error") \
	ACTION(DER_EP_RO, "Epoch is read-only") \
	ACTION(DER_EP_OLD, "Epoch is too old") \
	ACTION(DER_KEY2BIG, "Key is too large") \
	ACTION(DER_REC2BIG, "Record is too large") \
	ACTION(DER_IO_INVAL, "I/O buffers do not match the object extents") \
	ACTION(DER_EQ_BUSY, "Event queue is busy") \
	ACTION(DER_DOMAIN, "Cluster domain of different type") \
	ACTION(DER_SHUTDOWN, "Service should shut down") \
	ACTION(DER_INPROGRESS, "Operation now in progress") \
	ACTION(DER_NOTAPPLICABLE, "Not applicable") \
	ACTION(DER_NOTREPLICA, "Not a service replica") \
	ACTION(DER_CSUM, "Checksum error") \
	ACTION(DER_DF_INVAL, "Invalid durable format") \
	ACTION(DER_DF_INCOMPT, "Incompatible durable format version") \
	ACTION(DER_REC_SIZE, "Record size error") \
	ACTION(DER_TX_RESTART, "Transaction must restart") \
	ACTION(DER_DATA_LOSS, "Data lost or not recoverable") \
	ACTION(DER_OP_CANCELED, "Operation canceled") \
	ACTION(DER_TX_BUSY, "Transaction is not committed") \
	ACTION(DER_AGENT_INCOMPAT, "Agent is incompatible with libdaos") \
	ACTION(DER_NEED_TX, "Transaction required: more than one target involved") \
	ACTION(DER_RF, "Failures exceed the redundancy factor") \
	ACTION(DER_FETCH_AGAIN, "Re-fetch again") \
	ACTION(DER_TX_UNCERTAIN, "Uncertain transaction status") \
	ACTION(DER_AGENT_COMM, "Agent communication error") \
	ACTION(DER_ID_MISMATCH, "Identifier does not match") \
	ACTION(DER_TGT_RETRY, "Retry with another target") \
	ACTION(DER_NOTSUPPORTED, "Operation not supported") \
	ACTION(DER_CONTROL_INCOMPAT, "Control plane components are incompatible") \
	ACTION(DER_NO_SERVICE, "No service available") \
	ACTION(DER_TX_ID_REUSED, "Transaction identifier may be reused") \
	ACTION(DER_UPDATE_AGAIN, "Re-update again") \
	ACTION(DER_NVME_IO, "NVMe I/O error") \
	ACTION(DER_NO_CERT, "Certificate not found") \
	ACTION(DER_BAD_CERT, "Invalid certificate") \
	ACTION(DER_VOS_PARTIAL_UPDATE, "Same-epoch update overlaps partially") \
	ACTION(DER_CHKPT_BUSY, "Page is being checkpointed") \
	ACTION(DER_DIV_BY_ZERO, "Division by zero") \
	ACTION(DER_OVERLOAD_RETRY, "Target is overloaded: retry later") \
	ACTION(DER_NOT_RESUME, "Former operation cannot be resumed") \
	ACTION(DER_CONT_NONEXIST, "The specified container does not exist")

#define D_FOREACH_ERR_RANGE(ACTION) \
	ACTION(GURT, 1000) \
	ACTION(DAOS, 2000)

#define D_DEFINE_ERRNO(name, desc) name,
#define D_DEFINE_ERRSTR(name, desc) #name,
#define D_DEFINE_ERRDESC(name, desc) desc,
#define D_DEFINE_RANGE_ERRNO(name, base) DER_ERR_##name##_BASE = (base), D_FOREACH_##name##_ERR(D_DEFINE_ERRNO)

enum daos_errno {
	DER_SUCCESS = 0,
	D_FOREACH_ERR_RANGE(D_DEFINE_RANGE_ERRNO)
	DER_UNKNOWN = (DER_ERR_GURT_BASE + 500000)
};

#define DO_PRAGMA(str) _Pragma(#str)
#define D_ERR_TEXT(...) #__VA_ARGS__
#define D_ERR_NOTE(text) DO_PRAGMA(GCC warning text)
/** An old name of a code: warns where it is used. */
#define DEPRECATE_ERROR(olde, newe) (D_ERR_NOTE(D_ERR_TEXT(olde is an old name of newe)) newe)
#define DER_EVICTED DEPRECATE_ERROR(DER_EVICTED, DER_EXCLUDED)

/** Symbolic name ("DER_NOSPACE") of an error number of either sign; never NULL. */
const char *d_errstr(int errnum);
/** One sentence for an error number of either sign; never NULL. */
const char *d_errdesc(int errnum);

#define DF_RC "%s(%d): '%s'"
#define DP_RC(rc) d_errstr(rc), rc, d_errdesc(rc)

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
