/* SPDX-License-Identifier: Apache-2.0 */
/*
 * service/target: what one engine serves on its main streams. A target is one stream with its vos_xs, its rpc context and
 * its slice of every pool that is open on the engine. The part for stream 0 (targets_*) fans out to all of them.
 *
 *	target I1  Pool shards, containers and handles of a target are touched by its own stream alone.
 *	target I2  A handle is only trusted after the container service vouched for it; the memory of that dies with a restart.
 */
#ifndef SERVICE_TARGET_H
#define SERVICE_TARGET_H

#include <daos_types.h>
#include "base/base.h"
#include "env/env.h"
#include "ult/ult.h"
#include "rpc/rpc.h"
#include "vos/vos.h"

struct bio;
struct sysdb;
struct hlc_clock;
struct targets;       /* of one engine */
struct target;        /* one of them */
struct target_pool;   /* a pool open at one target, counted */
struct target_cont;   /* a container open at one target, counted */

/* ---- life ---------------------------------------------------------------------------------------------------------------- */
struct targets_config {
	struct env *env;
	struct hlc_clock *clock;  /* of the node: epochs come from it */
	struct bio *bio;          /* NULL: class ram only */
	struct sysdb *sysdb;      /* on stream 0 */
	struct xs *const *xs;     /* one main stream a target; running */
	struct rpc_ctx *const *rpc; /* and its network context */
	uint32_t nr;
	uint64_t first_epoch;
	uint64_t heap_budget;     /* bytes of DRAM for all heaps of the engine */
	bool ram;                 /* pools are volatile */
};
/** On stream 0. YIELDS */
int targets_create(const struct targets_config *config, struct targets **targets);
void targets_destroy(struct targets *targets); /* YIELDS: stream 0; closes every pool */
uint32_t targets_nr(const struct targets *targets);
struct target *targets_at(struct targets *targets, uint32_t index);
/** The target whose stream runs the caller. */
struct target *target_self(void);
uint32_t target_index(const struct target *target);
struct xs *target_xs(const struct target *target);
struct rpc_ctx *target_rpc(const struct target *target);
struct vos_xs *target_vos(const struct target *target);
struct targets *target_all(const struct target *target);
/** Makes the clock's durable ceiling higher (engine); called on a target's stream or stream 0 before the clock gets there. YIELDS */
void targets_set_reserve(struct targets *targets, int (*reserve)(void *arg), void *arg);
/** Sees to it that the clock can go on for a while. YIELDS, rarely. */
int targets_reserve_epochs(struct targets *targets);
/** How far ahead of the wall clock stamps are reserved: what a start after a crash waits at the most. */
#define TARGETS_AHEAD_NS (200 * NS_PER_MS)
/** Epochs of this engine: a value above every earlier one and below the durable ceiling; 0 when the ceiling is reached. Any stream. */
uint64_t targets_epoch(struct targets *targets);

/* ---- pools: from stream 0. All YIELD ------------------------------------------------------------------------------------------ */
struct target_pool_sizes {
	uint64_t meta, wal, data; /* bytes a target */
};
/** Makes a shard on every target and notes it in SMD; on an error nothing is left. -DER_EXIST. label: for SMD, cut at 127. */
int targets_pool_create(struct targets *targets, const uuid_t pool, const char *label, const struct target_pool_sizes *sizes);
/** Notes durably whether its service is there: from then on a missing one is damage, and the shards stay. -DER_NONEXIST */
int targets_pool_set_served(struct targets *targets, const uuid_t pool, bool served);
bool targets_pool_is_served(struct targets *targets, const uuid_t pool);
/** Opens the shards, or brings the map up to date when they are open. map: packed pool map. */
int targets_pool_open(struct targets *targets, const uuid_t pool, uint32_t map_version, const void *map, size_t map_len);
int targets_pool_close(struct targets *targets, const uuid_t pool);
int targets_pool_destroy(struct targets *targets, const uuid_t pool);
/** Sizes and what is free, one a target. */
int targets_pool_query(struct targets *targets, const uuid_t pool, struct vos_pool_info *info, uint32_t nr);
/** Pools that SMD knows on this engine. */
int targets_pool_list(struct targets *targets, struct arena *arena, uuid_t **pools, uint32_t *nr);
/** The shards of a container on every target go; their records become garbage. */
int targets_cont_destroy(struct targets *targets, const uuid_t pool, const uuid_t cont);
/** Forgets what was known of a handle (closed, evicted); zero handle: all of the container; zero container: all of the pool. */
int targets_handle_forget(struct targets *targets, const uuid_t pool, const uuid_t cont, const uuid_t handle);

/** The same for one handle, and waits for the writes of the container that were let through before: none comes behind. YIELDS */
int targets_handle_fence(struct targets *targets, const uuid_t pool, const uuid_t cont, const uuid_t handle);
/**
 * From its return on no write at or below epoch reaches a container: what was let through before has ended, what comes takes later epochs, or is
 * refused. The floor is memory: after a restart it comes with what is said of handles (snap_floor). YIELDS
 */
int targets_raise_floor(struct targets *targets, const uuid_t pool, const uuid_t cont, uint64_t epoch);

/* ---- access: on a target's stream -------------------------------------------------------------------------------------------------- */
/** Is the shard of this pool open here? */
bool target_has_pool(struct target *target, const uuid_t pool);

/** What the container service says of a handle. */
struct target_access {
	uuid_t cont;
	uint64_t caps;          /* TARGET_CAP_* */
	uint16_t csum_type;
	bool csum_server_verify;
	uint64_t csum_chunk;
	uint64_t snap_floor;    /* writes that bring an epoch at or below it are refused: a snapshot was taken */
};
enum { TARGET_CAP_READ = 1, TARGET_CAP_WRITE = 2 };

/** Asks who vouches for handles (service/cont through iv). Runs on a target's stream, YIELDS. -DER_NO_HDL. */
typedef int (*target_resolve)(void *arg, const uuid_t pool, const uuid_t handle, struct target_access *access);
void targets_set_resolve(struct targets *targets, target_resolve resolve, void *arg);

/**
 * The container shard behind a handle, opened (made when it is not there yet) and referenced. YIELDS. -DER_NO_HDL, -DER_NO_PERM
 * without the capability, -DER_STALE when map_version is newer than ours, -DER_NONEXIST no such pool here, -DER_IO failed.
 */
int target_cont_access(struct target *target, const uuid_t pool, const uuid_t handle, uint64_t caps, uint32_t map_version,
		       struct target_cont **cont);
/** The same for the engine's own work, by container. */
int target_cont_open(struct target *target, const uuid_t pool, const uuid_t cont, struct target_cont **result);
void target_cont_put(struct target_cont *cont);
/** Writes that bring an epoch at or below it are refused. */
uint64_t target_cont_floor(const struct target_cont *cont);
/**
 * Around a write that clients asked for, so that targets_handle_fence can wait for it. Begins right after target_cont_access, without a yield in
 * between: whoever waited for something since (data of the write) asks for access again. end takes what begin returned.
 */
uint32_t target_write_begin(struct target_cont *cont);
void target_write_end(struct target_cont *cont, uint32_t turn);
struct vos_cont *target_cont_vos(const struct target_cont *cont);
/** Never changes: may be handed to other streams while the reference is held. */
const uint8_t *target_cont_uuid(const struct target_cont *cont);
struct vos_pool *target_cont_pool(const struct target_cont *cont);
const struct target_access *target_cont_props(const struct target_cont *cont);
uint32_t target_cont_map_version(const struct target_cont *cont);

/* ---- periodic work of every target: garbage, stored answers, checkpoints; started by targets_create -------------------------------------- */

#endif
