/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Within lib: the process-wide client, how calls run on its stream, and the handles that programs hold. Calls of client/ and of
 * handle tables belong into functions given to core__call: they run in a ULT of the client's stream, whoever drives it.
 */
#ifndef LIB_CORE_H
#define LIB_CORE_H

#include <pthread.h>
#include <daos.h>
#include "base/base.h"
#include "base/handle.h"
#include "base/list.h"
#include "client/array/array.h"
#include "client/cont/cont.h"
#include "client/core/core.h"
#include "client/kv/kv.h"
#include "client/object/object.h"
#include "client/pool/pool.h"
#include "ult/ult.h"
#include "heap.h"

/* ---- calls: core_drive.c ------------------------------------------------------------------------------------------------ */
/** What a call does, in a ULT: args is the struct that core__call was given (or its copy). */
typedef int (*core_fn)(void *args);
/** Replaces texts and lists in args, which the caller may free after the launch, by copies in arena. 0 or -DER_NOMEM. */
typedef int (*core_keep_fn)(void *args, struct arena *arena);

/**
 * Runs fn(args). Without an event it waits and returns fn's result; with one it returns after the launch and the event carries it.
 * keep (may be NULL) is used with an event only. -DER_UNINIT before daos_init(), and in the child after fork().
 */
int core__call(core_fn fn, core_keep_fn keep, void *args, size_t size, daos_event_t *ev);
/** The same, and done(arg, rc) is called at its end by whoever drives the stream. */
int core__launch(core_fn fn, const void *args, size_t size, void (*done)(void *arg, int rc), void *arg);
/** In a ULT only. */
struct client *core__client(void);
struct mem *core__mem(void);

/** Where a thread waits for something that a ULT brings about. Under core__lock. */
struct core_waiter {
	bool done;
	struct list link;
	pthread_cond_t wake;
};
#define CORE_WAITER_INIT { .wake = PTHREAD_COND_INITIALIZER }
/** 0 (then it is locked) or -DER_UNINIT. */
int core__lock(void);
void core__unlock(void);
/** Ends the wait of a thread. Locked. */
void core__wake(struct core_waiter *waiter);
/** Drives the stream, or has it driven by another thread, until waiter->done or deadline_ns (monotonic). Locked, but not meanwhile. */
void core__wait(struct core_waiter *waiter, uint64_t deadline_ns);
/** One round of the stream, unless another thread drives it. Locked, but not meanwhile. */
void core__poll(void);
/**
 * More (true) or fewer need the stream to be looked after between calls: a thread does it while there are any. 0 or -DER_NOMEM.
 */
int core__keep_awake(bool more);
/** The monotonic time timeout_us from now; DAOS_EQ_WAIT: ENV_FOREVER. */
uint64_t core__deadline(int64_t timeout_us);

struct client_attach;
/** For tests and the embedded mode: the next daos_init() reaches this system, without an agent. NULL: by the agent again. Copied by nobody. */
void core__attach(const struct client_attach *attach);

/* ---- handles: in ULTs ------------------------------------------------------------------------------------------------------- */
struct core_use {
	daos_handle_t oh, th;
	void *object;
	struct tx *tx;
};
/** Looks up oh, and the transaction th unless it is DAOS_TX_NONE. -DER_NO_HDL. core__done() follows in any case. */
int core__use(struct core_use *use, daos_handle_t oh, int type, daos_handle_t th);
/** Returns rc. */
int core__done(struct core_use *use, int rc);
/** Takes object over: it is released when the handle is closed and nobody uses it. On failure it is released at once. */
int core__handle(int type, void *object, daos_handle_t *handle);
int core__handle_close(daos_handle_t handle, int type);
/** Closes what was opened through a container. */
void core__close_below(const struct cont *cont);
/** Closes a container and what was opened through it. YIELDS */
int core__close_cont(daos_handle_t coh);
/** A container handle of a pool; false: none. */
bool core__cont_of(const struct pool *pool, daos_handle_t *coh);

/** An array as its handle holds it. */
struct core_array {
	struct array *array;
	struct cont *cont;
	daos_obj_id_t oid;
	uint32_t mode;
};
void core__array_release(struct core_array *array);
/* A handle of an array as it goes to another process, in the machine's byte order. */
struct core_array_share {
	uint32_t magic, mode;
	uuid_t cont;
	daos_obj_id_t oid;
	uint64_t cell, chunk;
};
/* -DER_INVAL: these bytes are none. */
int core__array_share_read(const d_iov_t *glob, struct core_array_share *from);

/* ---- events: core_event.c --------------------------------------------------------------------------------------------------- */
/** The event becomes running: 0, or why it cannot. Locked. */
int core__event_launch(daos_event_t *ev);
/** Its operation has ended. Locked; from a ULT. */
void core__event_ended(daos_event_t *ev, int rc);
/** Event queues of a process that stopped. Locked. */
void core__events_fini(void);

/* ---- what several calls share: core_shared.c --------------------------------------------------------------------------------- */
/** A copy of text in *to; NULL stays NULL. */
int core__keep_text(const char **text, struct arena *arena);
int core__keep_names(const char *const **names, int n, struct arena *arena);
int core__keep_props(daos_prop_t **props, struct arena *arena);
/** Gives the caller's list values of the process's heap: from got, whose memory is an arena's. */
int core__props_give(daos_prop_t *props, const daos_prop_t *got);
/** Names into the caller's buffer, whole ones; *size becomes what all need. */
void core__names_give(const char *const *names, uint32_t nr, char *buffer, size_t *size);
/** Whether n names can be names of attributes: 0 or -DER_INVAL. */
int core__names_check(const char *const *names, int n);
int core__keep_values(const void *const **values, const size_t **sizes, int n, struct arena *arena);
/** Attributes of an object to and from the caller's arrays. */
int core__attrs_give(int (*get)(void *object, struct arena *arena, struct attr *attrs, uint32_t nr), void *object, int n,
		     const char *const *names, void *const *values, size_t *sizes);
int core__attrs_take(int (*set)(void *object, const struct attr *attrs, uint32_t nr), void *object, int n, const char *const *names,
		     const void *const *values, const size_t *sizes);
/** Runs the export of a handle into glob. */
int core__export_give(int (*out)(void *object, void *buf, size_t *size), void *object, d_iov_t *glob);

/* ---- operations that tasks may name: one table a file, ended by DAOS_OPC_INVALID ----------------------------------------------- */
struct core_task {
	int opc; /* daos_opc_t */
	core_fn fn;
	size_t size; /* of its arguments */
};
extern const struct core_task core__pool_tasks[], core__cont_tasks[], core__object_tasks[], core__tx_tasks[], core__kv_tasks[],
	core__array_tasks[], core__mgmt_tasks[];

#endif
