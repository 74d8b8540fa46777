/* SPDX-License-Identifier: Apache-2.0 */
/* Within rdb. */
#ifndef RDB_INTERNAL_H
#define RDB_INTERNAL_H

#include <raft.h>
#include "rdb/rdb.h"
#include "base/codec.h"
#include "base/list.h"
#include "vos/vos.h"

/* ---- storage (store.c): everything durable of a replica ------------------------------------------------------------------ */
struct rdb_store {
	struct env *env;
	struct vos_xs *vos;
	struct hlc_clock *clock;
	int (*reserve)(void *arg);
	void *reserve_arg;
	struct vos_pool *pool;
	struct vos_cont *cont;
	uint64_t applied;    /* index of the last entry whose changes are in the key-value stores */
	uint64_t next_kvs;   /* number of the next key-value store */
	bool garbage;        /* destroyed stores are not freed yet */
};

/* One change of a transaction, as it is logged. */
enum rdb_change_kind { RDB_CREATE_KVS = 1, RDB_DESTROY_KVS = 2, RDB_UPDATE = 3, RDB_DELETE = 4 };
struct rdb_change {
	enum rdb_change_kind kind;
	struct rdb_path path;
	const void *key, *value;
	size_t key_len, value_len;
	bool aside; /* not logged: does not count when it is asked whether the transaction makes room */
};

int rdb__store_create(const struct rdb_config *config);
int rdb__store_destroy(const struct rdb_config *config);
int rdb__store_open(const struct rdb_config *config, struct rdb_store *store);
void rdb__store_close(struct rdb_store *store);

struct rdb_vote {
	uint64_t term, voted_for;
};
struct rdb_snap { /* a reference: the content is what the stores hold */
	uint64_t index, term, conf_index;
	const void *conf; /* packed configuration */
	size_t conf_len;
};
struct rdb_entry {
	uint64_t term;
	uint16_t type;
	const void *data;
	size_t len;
};
/* All durable when they return 0. -DER_NONEXIST where there is none. */
int rdb__vote_get(struct rdb_store *store, struct rdb_vote *vote);
int rdb__vote_put(struct rdb_store *store, const struct rdb_vote *vote);
int rdb__snap_get(struct rdb_store *store, struct arena *arena, struct rdb_snap *snap);
int rdb__snap_put(struct rdb_store *store, const struct rdb_snap *snap);
int rdb__log_append(struct rdb_store *store, uint64_t first, const struct rdb_entry *entries, uint32_t nr);
int rdb__log_delete(struct rdb_store *store, uint64_t first, uint64_t last);
/* Lowest and highest index; -DER_NONEXIST when empty. */
int rdb__log_bounds(struct rdb_store *store, uint64_t *first, uint64_t *last);
int rdb__log_get(struct rdb_store *store, uint64_t index, struct arena *arena, struct rdb_entry *entry);

/* Applies a logged transaction in one step with its index; applied before: nothing. Not durable by itself: the log is. *answer: a refusal. */
int rdb__apply(struct rdb_store *store, uint64_t index, const void *data, size_t len, int *answer);
int rdb__changes_pack(struct packer *packer, const struct rdb_change *changes, uint32_t nr);
int rdb__changes_unpack(const void *data, size_t len, struct arena *arena, struct rdb_change **changes, uint32_t *nr);
/* Number of the store at a path. -DER_NONEXIST. */
int rdb__kvs_find(struct rdb_store *store, const struct rdb_path *path, uint64_t *kvs);
int rdb__kvs_get(struct rdb_store *store, uint64_t kvs, const void *key, size_t key_len, struct arena *arena, const void **value, size_t *value_len);
int rdb__kvs_each(struct rdb_store *store, uint64_t kvs, bool nested,
		  int (*visit)(void *arg, const void *key, size_t key_len, const void *value, size_t value_len), void *arg);

/* Bytes of heap, the part for deleting and aggregating included. */
struct rdb_space {
	uint64_t total;
	uint64_t left;  /* not used; */
	uint64_t empty; /* and of any use: the rest is holes, which fit what was there before */
};
void rdb__space(const struct rdb_store *store, struct rdb_space *space);
/* Bytes that a transaction takes at most, its entry in the log included. */
uint64_t rdb__need(const struct rdb_change *changes, uint32_t nr, size_t entry_len);
/* More than the log of the pool takes in one transaction, as an entry or when it is applied. */
bool rdb__too_large(const struct rdb_change *changes, uint32_t nr, size_t entry_len);
/* How much more (or less) stands after it, roughly. YIELDS */
int rdb__growth(struct rdb_store *store, const struct rdb_change *changes, uint32_t nr, int64_t *growth);

/* ---- raft_io (io.c) ---------------------------------------------------------------------------------------------------------- */
struct rdb {
	struct rdb_config config;
	struct env *env;
	struct mem *mem;
	struct rdb_store store;
	struct ult_mutex lock; /* held around every call into libraft; it calls back under it, and may yield there */
	struct raft raft;
	struct raft_io io;
	struct raft_fsm fsm;
	raft_io_tick_cb tick;
	struct list appends;   /* rdb_append to be written, in order */
	struct ult *writer;
	struct ult_cond work;  /* the writer has something to do, or shall end */
	struct ult_cond quiet; /* nothing is under way */
	uint32_t busy;         /* operations handed to the writer */
	uint64_t next_index;   /* of the log: where the next append goes */
	bool stopping, started, leading;
	bool failed;             /* the store gave an error: for good, until it is opened again */
	struct list proposals;   /* struct proposal: commits that libraft has not answered */
	uint64_t led_term;
	uint64_t pending;    /* bytes that commits under way may take */
	uint64_t log_bytes;  /* of entries since the last snapshot, or that were there when it was opened */
};

void rdb__io_init(struct rdb *rdb);
/* Runs the writer: appends and snapshots, one after another. */
int rdb__writer_start(struct rdb *rdb);
void rdb__writer_stop(struct rdb *rdb); /* YIELDS */
/* To be called after every call into libraft: notices leadership won and lost. */
void rdb__notice(struct rdb *rdb);
void rdb__heap_use(void);
/* Hostile bytes: 0 or one of libraft's errors; conf is to be closed when it is 0. */
int rdb__configuration_decode(const void *data, size_t len, struct raft_configuration *conf);
int rdb__configuration_encode(const struct raft_configuration *conf, struct arena *arena, const void **data, size_t *len);

static inline int
rdb__from_raft(int rc)
{
	switch (rc) {
	case 0:
		return 0;
	case RAFT_NOMEM:
		return -DER_NOMEM;
	case RAFT_NOTLEADER:
	case RAFT_LEADERSHIPLOST:
		return -DER_NOTLEADER;
	case RAFT_SHUTDOWN:
	case RAFT_CANCELED:
		return -DER_SHUTDOWN;
	case RAFT_NOSPACE:
		return -DER_NOSPACE;
	case RAFT_CANTBOOTSTRAP:
		return -DER_EXIST;
	default:
		return -DER_IO;
	}
}

#endif
