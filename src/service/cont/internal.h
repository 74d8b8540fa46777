/* SPDX-License-Identifier: Apache-2.0 */
/* Within service/cont. */
#ifndef CONT_SVC_INTERNAL_H
#define CONT_SVC_INTERNAL_H

#include "service/cont/cont.h"
#include "base/codec.h"
#include "base/list.h"
#include "proto/cont.h"
#include "pure/acl/acl.h"
#include "pure/lock/lock.h"
#include "pure/prop/prop.h"

#define PATH_CONTS rdb_path_of((const char *const[]){"conts"}, 1)
#define PATH_LABELS rdb_path_of((const char *const[]){"labels"}, 1)
#define PATH_CHDL rdb_path_of((const char *const[]){"chdl"}, 1)
#define PATH_CONT rdb_path_of((const char *const[]){"cont"}, 1)

/* DAOS_COO_* of daos_cont.h: frozen numbers. */
enum { COO_RO = 1, COO_RW = 2, COO_EX = 4, COO_RO_MDSTATS = 16, COO_EVICT = 32, COO_EVICT_ALL = 64, COO_MASK = 255 };

struct cont_svcs {
	struct env *env;
	struct mem *mem;
	struct pool_svcs *pools;
	struct list sessions; /* struct cont_sessions */
};

/* A container's record. */
struct cont_rec {
	uint64_t created, opened, modified; /* HLC */
	uint64_t next_oid;
	uint32_t snapshots, handles;
	uint64_t last_snapshot;
	uint64_t floor; /* of writes: the highest epoch that a snapshot ever had; never falls */
};
/* An open handle's record. */
struct chdl_rec {
	uuid_t cont, pool_handle;
	uint64_t flags, rights;
};

int cont__rec_get(struct rdb_tx *tx, const uuid_t cont, struct cont_rec *rec);
int cont__rec_put(struct rdb_tx *tx, const uuid_t cont, const struct cont_rec *rec);
int cont__chdl_get(struct rdb_tx *tx, struct mem *mem, const uuid_t handle, struct chdl_rec *rec);
struct rdb_path cont__path(const uuid_t cont, const char *store);

/* What a handler works on. */
struct cont_work {
	struct rpc_req *req;
	struct cont_svcs *svcs;
	struct pool_svc *svc;
	const uint8_t *cont;     /* uuid, once known */
	struct chdl_rec handle;  /* of the request */
	void *extra;
};
int cont__run(struct cont_svcs *svcs, struct rpc_req *req, const struct rpc_svc_in *in, struct rpc_svc_out *out, bool write,
	      int (*body)(void *arg, struct pool_svc *svc, struct rdb_tx *tx), void (*committed)(void *arg, struct pool_svc *svc),
	      void *answer, size_t answer_size, void *extra);
/* The container handle of a request with the rights it needs (DAOS_ACL_PERM_*; 0: any). Sets work->cont. */
int cont__need(struct cont_work *work, struct rdb_tx *tx, const struct cont_in *at, uint64_t rights);
/* The clock of the service. */
uint64_t cont__now(struct cont_work *work);

/* ---- session.c, lock.c -------------------------------------------------------------------------------------------------------- */
/* Of a container that is mounted. */
struct cont_sessions {
	struct list link;
	struct cont_svcs *svcs;
	uuid_t pool, cont;
	uint32_t refs;           /* handlers that use it; it goes with the last one and the last session */
	bool loaded;             /* the records were read */
	bool gone;               /* the container was destroyed: frees itself with the last handler */
	struct ult_mutex busy;   /* session I4 */
	struct ult_cond changed; /* something that somebody may listen for */
	struct list sessions;
	uint64_t number;         /* of this table of locks: another one after each start */
	struct lock_table table;
};

struct cont_session {
	struct list link;
	uuid_t uuid, handle;
	uint64_t lease_ms, until_ns;
	uint64_t renewed;        /* number of the last renewal */
	bool heard;              /* since the start */
	bool exclusive;
	bool fenced;             /* lapsed, and on its way out */
	bool synced;             /* the table has its locks */
	bool told_shut;          /* by the last answer */
	uint32_t told_others;    /* the same */
	uint64_t floor;          /* lock I3 */
	struct lock_session locks;
	struct lock_want *told;  /* of locks_put, until the last */
	uint32_t told_nr;
};

struct cont_sessions *cont__sessions_find(struct cont_svcs *svcs, const uuid_t pool, const uuid_t cont);
struct cont_session *cont__session_find(struct cont_sessions *all, const uuid_t uuid);
bool cont__session_lapsed(const struct cont_sessions *all, const struct cont_session *session);
int cont__session_lease(void *owner, struct rpc_req *req);
int cont__session_renew(void *owner, struct rpc_req *req);
int cont__session_list(void *owner, struct rpc_req *req);
int cont__lock(void *owner, struct rpc_req *req);
int cont__locks_put(void *owner, struct rpc_req *req);
/* The container was destroyed. */
void cont__sessions_gone(struct cont_svcs *svcs, const uuid_t pool, const uuid_t cont);
void cont__sessions_drop(struct cont_svcs *svcs);

int cont__create(void *owner, struct rpc_req *req);
int cont__destroy(void *owner, struct rpc_req *req);
int cont__open(void *owner, struct rpc_req *req);
int cont__close(void *owner, struct rpc_req *req);
/* Hooks of service/pool. */
int cont__handle_closing(void *arg, struct pool_svc *svc, struct rdb_tx *tx, const uuid_t pool_handle);
int cont__list(void *arg, struct pool_svc *svc, struct rdb_tx *tx, const struct pool_cont_list_in *in, struct arena *arena,
	       struct pool_cont_list_out *out);

#endif
