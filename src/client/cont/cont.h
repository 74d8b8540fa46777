/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client/cont: containers: create, open, properties, attributes, snapshots, object ids.
 * Every call may yield and returns 0 or -DER_*.
 */
#ifndef CLIENT_CONT_H
#define CLIENT_CONT_H

#include <daos_types.h>
#include <daos_prop.h>
#include "base/base.h"
#include "client/core/core.h"
#include "client/pool/pool.h"

struct cont;
struct lock_want; /* pure/lock */

/** uuid: made by the caller. props may be NULL. With a label that exists: -DER_EXIST. Repeated over a restart it gives the first answer. */
int cont_create(struct pool *pool, const uuid_t uuid, const daos_prop_t *props);
/** name: label or uuid text. force: also when it is open elsewhere (their handles are evicted). */
int cont_destroy(struct pool *pool, const char *name, bool force);
/** flags: DAOS_COO_*. */
int cont_open(struct pool *pool, const char *name, uint32_t flags, struct cont **cont);
int cont_close(struct cont *cont);
/** The same container once more, with a handle of its own (never exclusive, evicts nobody). */
int cont_clone(struct cont *cont, struct cont **clone);
/** A new handle for this very struct, after the old one was taken away. */
int cont_reopen(struct cont *cont);
/**
 * revive(arg, handle, oid) is asked when an operation upon oid was refused because its handle is none any more: 0 says that the container has
 * another handle by now and the operation may be tried again; the allocation of ids and the list of sessions ask with an oid of zeros.
 * NULL: such operations fail with -DER_NO_HDL.
 */
void cont_on_fenced(struct cont *cont, int (*revive)(void *arg, const uuid_t handle, daos_obj_id_t oid), void *arg);
int cont_revive(struct cont *cont, const uuid_t handle, daos_obj_id_t oid);
struct cont *cont_get(struct cont *cont);
void cont_put(struct cont *cont);
struct pool *cont_pool(const struct cont *cont);
struct client *cont_client(const struct cont *cont);
const uint8_t *cont_uuid(const struct cont *cont);
const uint8_t *cont_handle(const struct cont *cont);
bool cont_writable(const struct cont *cont);

/** What is the same for every object of it: known since open. */
struct cont_props {
	uint32_t redun_fac, redun_lvl;
	uint16_t csum_type;
	bool csum_server_verify;
	uint64_t csum_chunk;
	uint32_t ec_cell;
	uint16_t layout_type;
	char label[128];
	daos_obj_id_t roots[4];
};
const struct cont_props *cont_props(const struct cont *cont);

int cont_query(struct cont *cont, daos_cont_info_t *info);
int cont_prop_query(struct cont *cont, struct arena *arena, daos_prop_t *props);
int cont_prop_set(struct cont *cont, const daos_prop_t *props);
int cont_attr_list(struct cont *cont, struct arena *arena, const char ***names, uint32_t *nr);
int cont_attr_get(struct cont *cont, struct arena *arena, struct attr *attrs, uint32_t nr);
int cont_attr_set(struct cont *cont, const struct attr *attrs, uint32_t nr);
int cont_attr_del(struct cont *cont, const char *const *names, uint32_t nr);

/** Reserves nr 64-bit object ids; *first is the first: unique in the container for ever. */
int cont_alloc_oids(struct cont *cont, uint64_t nr, uint64_t *first);
/** Fills the type and class bits of oid (lower 32 bits of hi and lo are the caller's). cls 0: chosen. Local. */
int cont_generate_oid(struct cont *cont, daos_obj_id_t *oid, uint32_t type, uint32_t cls, uint32_t hints);

int cont_snap_create(struct cont *cont, const char *name, daos_epoch_t *epoch);
int cont_snap_destroy(struct cont *cont, daos_epoch_range_t range);
struct cont_snap {
	daos_epoch_t epoch;
	char name[128];
};
int cont_snap_list(struct cont *cont, struct arena *arena, struct cont_snap **snaps, uint32_t *nr);

/** Sessions of mounts: leased records in the container. lease_ms 0 ends one. -DER_NONEXIST: it lapsed and is gone. */
struct cont_lease {
	uint64_t lease_ms; /* granted: renew before it is over */
	bool exclusive;    /* the caches are this session's alone */
	uint32_t sessions; /* live ones */
	bool recalled;     /* another session is there: caches must go */
};
int cont_session_lease(struct cont *cont, const uuid_t session, uint64_t lease_ms, bool exclusive, const char *machine, struct cont_lease *lease);

/** Renews a session or opens it (fresh), and listens for up to wait_ms: see proto/cont.h. */
enum { CONT_SHARED, CONT_EXCLUSIVE, CONT_STILL_EXCLUSIVE };
struct cont_renewal {
	uint8_t session[16];
	uint64_t number, lease_ms, wait_ms;
	uint8_t want; /* CONT_SHARED.. */
	bool fresh;
	const char *machine;
	uint64_t *heard;
	uint32_t heard_nr;
	uint64_t deadline_ns; /* of the call; 0: the client's patience */
};
struct cont_renewed {
	uint64_t lease_ms, locks;
	bool exclusive, recalled, shut;
	uint32_t sessions;
	uint64_t *granted; /* waits; from arena */
	uint32_t granted_nr;
};
/** -DER_NONEXIST: it lapsed and is gone. -DER_NO_HDL: so is the handle. */
int cont_session_renew(struct cont *cont, const struct cont_renewal *renewal, struct arena *arena, struct cont_renewed *renewed);

/** Locks of sessions, kept by the container's service. */
enum { CONT_VERDICT_UNKNOWN = 4, CONT_VERDICT_LATER }; /* besides enum lock_verdict: tell all locks first; ask again */
enum { CONT_OP_SET, CONT_OP_TEST, CONT_OP_CANCEL };
struct cont_lock_call {
	uint8_t session[16];
	uint64_t locks, number, floor; /* the table; numbers of the request, and of the first that is under way */
	uint8_t op;
	const struct lock_want *want;
	uint64_t wait;
	/* what comes back */
	uint8_t verdict;
	struct lock_want *holder; /* filled with LOCK_DENIED; may be NULL */
	bool own;
};
int cont_lock_ask(struct cont *cont, struct cont_lock_call *call);
/** All that the session holds. *known false: the table is another one by now. */
int cont_locks_tell(struct cont *cont, const uuid_t session, uint64_t locks, uint64_t floor, const struct lock_want *held, uint32_t nr, bool *known);
/** Live sessions. */
int cont_session_list(struct cont *cont, struct arena *arena, uuid_t **sessions, uint32_t *nr);

int cont_export(struct cont *cont, void *buf, size_t *size);
int cont_import(struct pool *pool, const void *buf, size_t size, struct cont **cont);
/** What such bytes say. -DER_INVAL: they are no handle. Local. */
struct cont_exported {
	uuid_t uuid, handle;
	uint64_t flags, rights;
};
int cont_export_read(const void *buf, size_t size, struct cont_exported *exported);

#endif
