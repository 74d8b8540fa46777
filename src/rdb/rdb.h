/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rdb: a replicated key-value database for the metadata of services: consensus by libraft behind this door, storage in vos.
 * Paths of keys: nested key-value stores under a root, each with string or integer keys. Transactions are applied in one
 * order on every replica. In this stage a database has one voter; the door is that of many.
 */
#ifndef RDB_RDB_H
#define RDB_RDB_H

#include <daos_types.h>
#include "base/base.h"
#include "env/env.h"
#include "ult/ult.h"
#include "rpc/rpc.h"

struct rdb;
struct rdb_tx;
struct vos_xs;
struct hlc_clock;

struct rdb_config {
	struct env *env;
	struct xs *xs;            /* stream 0 */
	struct vos_xs *vos;       /* of that stream */
	struct hlc_clock *clock;  /* of the node: versions in vos are stamped by it */
	/** Sees to it that the clock can go on. YIELDS. May be NULL */
	int (*reserve)(void *arg);
	void *reserve_arg;
	struct rpc_ctx *rpc;      /* to other replicas */
	uuid_t uuid;              /* of the database: the pool's, for a pool service */
	uint64_t size;            /* bytes; 0: 64 MiB. For create */
	bool ram;
	const uint32_t *replicas; /* ranks; the first creates */
	uint32_t replica_nr;
	/** Leadership comes and goes. From the scheduler or a ULT; must not block for long. */
	void (*step_up)(void *arg, uint64_t term);
	void (*step_down)(void *arg, uint64_t term);
	void *arg;
};
/** Makes the storage and the first term, durably. YIELDS. -DER_EXIST. */
int rdb_create(const struct rdb_config *config);
int rdb_destroy(const struct rdb_config *config); /* YIELDS */
/** Opens, recovers, takes part. YIELDS. -DER_NONEXIST. */
int rdb_start(const struct rdb_config *config, struct rdb **rdb);
void rdb_stop(struct rdb *rdb); /* YIELDS */
bool rdb_is_leader(const struct rdb *rdb, uint64_t *term);
/** Rank believed to lead; RPC_NO_RANK if unknown. */
uint32_t rdb_leader(const struct rdb *rdb);

/** A key of a key-value store. */
struct rdb_key {
	const void *data;
	size_t len;
};
/** Path from the root: names of nested stores. */
struct rdb_path {
	struct rdb_key key[6];
	uint32_t nr;
};
/** A path of strings: RDB_PATH("cont", "handles"). */
struct rdb_path rdb_path_of(const char *const *names, uint32_t nr);
struct rdb_path rdb_path_add(struct rdb_path path, const void *key, size_t len);

/**
 * A transaction on the leader. Lookups see what is committed and applied; updates are queued and applied together at commit; lookups in the
 * same transaction do not see them. -DER_NOTLEADER when leadership of term is gone.
 */
int rdb_tx_begin(struct rdb *rdb, uint64_t term, struct rdb_tx **tx);
int rdb_tx_create_kvs(struct rdb_tx *tx, struct rdb_path path);
int rdb_tx_destroy_kvs(struct rdb_tx *tx, struct rdb_path path); /* with all below */
int rdb_tx_update(struct rdb_tx *tx, struct rdb_path kvs, const void *key, size_t key_len, const void *value, size_t value_len);
int rdb_tx_delete(struct rdb_tx *tx, struct rdb_path kvs, const void *key, size_t key_len);
/** What is queued while it is set does not count when it is asked whether the transaction makes room (answers kept for repetitions). */
void rdb_tx_aside(struct rdb_tx *tx, bool aside);
/** It opens a session, without which nothing could be deleted: it may use half of what ordinary transactions must leave free. */
void rdb_tx_session(struct rdb_tx *tx);
/**
 * Replicates, applies, durable when it returns 0. YIELDS. -DER_NOTLEADER: outcome unknown. Frees nothing. -DER_NOSPACE: nothing happened; the
 * database is full, and what deletes, destroys, or replaces by values no longer than those that stand still commits.
 * -DER_REC2BIG: nothing happened; it has more than 1 MiB of keys and values, or more than some 980 updates or 1900 deletions: split it.
 */
int rdb_tx_commit(struct rdb_tx *tx);
void rdb_tx_end(struct rdb_tx *tx);
/** Memory of the replica, for arenas of lookups. */
struct mem *rdb_tx_mem(const struct rdb_tx *tx);
/** Value from arena. YIELDS. -DER_NONEXIST. */
int rdb_lookup(struct rdb_tx *tx, struct rdb_path kvs, const void *key, size_t key_len, struct arena *arena, const void **value, size_t *value_len);
/** Calls visit for every key in order; it may return non-zero to stop. It must not yield. YIELDS between. */
int rdb_iterate(struct rdb_tx *tx, struct rdb_path kvs,
		int (*visit)(void *arg, const void *key, size_t key_len, const void *value, size_t value_len), void *arg);

#endif
