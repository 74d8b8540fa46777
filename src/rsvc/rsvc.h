/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rsvc: replicated services by class (management, pool): start and stop with leadership, and the pipeline of a replicated
 * operation, written once: find the leader, lock, begin, look into the replay cache, run the handler, commit, answer.
 */
#ifndef RSVC_RSVC_H
#define RSVC_RSVC_H

#include "base/base.h"
#include "env/env.h"
#include "ult/ult.h"
#include "rpc/rpc.h"
#include "rdb/rdb.h"

struct rsvc;

enum rsvc_class_id { RSVC_MGMT, RSVC_POOL, RSVC_CLASS_NR };

struct rsvc_class {
	const char *name;
	/** Leadership won: load state. YIELDS. An error steps down again. */
	int (*step_up)(void *owner, struct rsvc *svc, uint64_t term);
	/** Leadership lost: forget it. */
	void (*step_down)(void *owner, struct rsvc *svc);
};

/** rdb's step_up and step_down are the service's own. */
int rsvc_create(const struct rsvc_class *cls, const struct rdb_config *config);
int rsvc_start(const struct rsvc_class *cls, const struct rdb_config *config, void *owner, struct rsvc **svc); /* YIELDS */
void rsvc_stop(struct rsvc *svc);                                                                             /* YIELDS */
int rsvc_destroy(const struct rsvc_class *cls, const struct rdb_config *config);
/** Until it serves. YIELDS. -DER_TIMEDOUT; what step_up answered, when it failed. */
int rsvc_wait_up(struct rsvc *svc, uint64_t deadline_ns);
uint64_t rsvc_term(const struct rsvc *svc);
void *rsvc_owner(const struct rsvc *svc);
struct rdb *rsvc_rdb(const struct rsvc *svc);
/** Who leads, for the hint in an answer with -DER_NOTLEADER. */
uint32_t rsvc_leader_hint(const struct rsvc *svc);

/** The id of a request, from its body: repeated requests carry the same. */
struct rsvc_request {
	uuid_t client;
	uint64_t number;
};

/** One operation: reads through tx, queues updates, fills answer (size bytes, no pointers: it is what replays give back). */
struct rsvc_op {
	bool write;                         /* takes the service's write lock and commits */
	const struct rsvc_request *request; /* NULL: may run twice */
	void *answer;
	size_t answer_size;
	int (*run)(void *arg, struct rsvc *svc, struct rdb_tx *tx);
	/** After a durable commit, before the lock is given back: what memory must follow. May be NULL. YIELDS */
	void (*committed)(void *arg, struct rsvc *svc);
	void *arg;
	struct mem *mem;                    /* the pipeline's own */
};
/**
 * Runs it. YIELDS. What run returned (an error undoes what it queued, and is not remembered: nothing happened), -DER_NOTLEADER, -DER_NOSPACE,
 * -DER_IO. Stored answers are kept for svc_ops_entry_age seconds (300).
 */
int rsvc_run(struct rsvc *svc, struct rsvc_op *op);

#endif
