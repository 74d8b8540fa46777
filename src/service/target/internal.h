/* SPDX-License-Identifier: Apache-2.0 */
/* Within service/target. */
#ifndef TARGET_INTERNAL_H
#define TARGET_INTERNAL_H

#include "service/target/target.h"
#include "base/hash.h"
#include "base/list.h"

struct targets {
	struct env *env;
	struct targets_config config;
	struct target **at;
	target_resolve resolve;
	void *resolve_arg;
	int (*reserve)(void *arg);
	void *reserve_arg;
};

struct target {
	struct targets *all;
	uint32_t index;
	struct xs *xs;
	struct rpc_ctx *rpc;
	struct vos_xs *vos;
	struct hash pools;       /* target_pool by uuid */
	struct ult *keeper;      /* garbage, stored answers */
	bool stopping;
	bool garbage;            /* something was destroyed */
	struct list written;     /* target_cont: may hold answers to forget */
	struct ult_cond wake;    /* of the keeper */
	struct ult_cond changed; /* references went */
};

struct target_pool {
	struct hash_node node;
	uuid_t uuid;
	struct target *target;
	struct vos_pool *vos;
	uint32_t map_version;
	bool closing;
	uint32_t refs;           /* operations that wait for something before they hold a container */
	uint64_t forgotten;      /* how often handles were forgotten */
	uint64_t floor;          /* highest of its containers: for those that are opened later */
	struct hash conts;       /* target_cont by uuid */
	struct hash handles;     /* handle by uuid */
};

struct target_cont {
	struct hash_node node;
	uuid_t uuid;
	struct target_pool *pool;
	struct vos_cont *vos;
	struct target_access access; /* of the handle it was last reached by: what is the same for all */
	uint64_t floor;          /* of writes: target_cont_floor */
	uint32_t refs;           /* operations under way */
	uint32_t turn;           /* 0 or 1: where writes that begin now are counted */
	uint32_t writes[2];      /* of clients, under way */
	bool fencing;            /* somebody waits for writes[!turn] */
	struct list written;
	bool written_again;      /* since the keeper last looked */
	bool gone;               /* not in the table any more */
};

/* What the container service said of a handle. */
struct handle {
	struct hash_node node;
	uuid_t uuid;
	struct target_access access;
};

/** Runs fn(target, arg) on every target at once; the first error. YIELDS */
int targets__each(struct targets *targets, int (*fn)(struct target *target, void *arg), void *arg);
struct target_pool *target__pool_find(struct target *target, const uuid_t uuid);
void target__pool_unref(struct target_pool *pool);
/** Waits for the writes that have begun. YIELDS */
void target__writes_drain(struct target_pool *pool, const uuid_t cont);
struct target_cont *target__cont_find(struct target_pool *pool, const uuid_t uuid);
/** Out of the table; freed now or with its last reference. */
void target__cont_drop(struct target_cont *cont);
/** Takes the pool out of the table, waits for its operations, closes it. YIELDS */
void target__pool_close(struct target_pool *pool);
void target__keeper_start(struct target *target);
void target__keeper_stop(struct target *target); /* YIELDS */
/** Garbage was made: the keeper looks. */
void target__garbage(struct target *target);
/** The container is written to: its answers will age. */
void target__written(struct target_cont *cont);
extern const struct hash_ops target__cont_hash, target__handle_hash;
void target__handles_forget(struct target_pool *pool, const uuid_t cont, const uuid_t handle);

#endif
