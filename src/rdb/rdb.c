/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The door of a replicated database: life, leadership, transactions.
 *
 *   rdb_tx_update ... queue changes ──rdb_tx_commit──> one log entry ──durable on a majority──> applied to the stores ──> answer
 *
 * Lookups read the stores: what is applied there is committed, and committed entries are durable in the log, so nothing is shown
 * that could vanish (P2). Everything but rdb_is_leader and rdb_leader may yield.
 *
 *	rdb I5  What is proposed has room, in the log and in the stores: a transaction that would grow a full database is refused
 *	        (-DER_NOSPACE) before libraft hears of it, so that the replica goes on; one that makes room is not refused. So is one
 *	        that is larger than a transaction of the pool (-DER_REC2BIG), however much room there is.
 */
#include "internal.h"

#include <stdio.h>

#define SNAPSHOT_THRESHOLD 1024
#define SNAPSHOT_TRAILING 64
#define TIGHT_TRAILING 4
#define TIGHT_SHARE 4    /* less than that part of the heap is free: the log is cut after every transaction */
#define LOG_SHARE 32     /* so it is when the log has taken that part */
#define HOLES_SHARE 4    /* with that part of the heap free in holes, new keys find their places there */

/* What a transaction leaves: 1/left of the heap free, 1/empty of it in one piece. */
struct margin {
	uint32_t left, empty;
};
static const struct margin ordinary = {8, 16}, in_holes = {HOLES_SHARE, 32}, session = {16, 32}, replacing = {32, 64}, deleting = {64, 128};
#define APPLY_TRIES 6000U
#define APPLY_AGAIN_NS (10 * NS_PER_MS)

struct rdb_tx {
	struct rdb *rdb;
	uint64_t term;
	struct arena arena;
	struct rdb_change *changes;
	uint32_t nr, max;
	bool aside, session;
};

/* A commit under way. Who waits for it and libraft both know it: the last one frees it. */
struct proposal {
	struct list link; /* in rdb->proposals until libraft has answered */
	struct raft_apply req;
	struct ult_eventual done;
	struct mem *mem;
	bool told;      /* done is set */
	bool answered;  /* by libraft */
	bool left;      /* nobody waits any more */
};

/* The store of this replica is not to be trusted any more: it leads no longer, and who waits for a commit hears of it, the outcome unknown. */
static void
fail(struct rdb *rdb, int rc)
{
	struct proposal *proposal;

	rdb->failed = true;
	list_each(proposal, &rdb->proposals, link)
		if (!proposal->told) {
			proposal->told = true;
			ult_eventual_set(&proposal->done, rc);
		}
}

/* The log is cut more often while there is little room, or its entries are large. */
static void
mind_log(struct rdb *rdb)
{
	struct rdb_space space;
	bool tight;

	rdb__space(&rdb->store, &space);
	tight = MIN(space.left, space.empty) < space.total / TIGHT_SHARE || rdb->log_bytes > space.total / LOG_SHARE;
	raft_set_snapshot_threshold(&rdb->raft, tight ? 1 : SNAPSHOT_THRESHOLD);
	raft_set_snapshot_trailing(&rdb->raft, tight ? TIGHT_TRAILING : SNAPSHOT_TRAILING);
}

/* ---- the state machine, called by libraft under the lock ------------------------------------------------------------------- */
static int
fsm_apply(struct raft_fsm *fsm, const struct raft_buffer *buf, void **result)
{
	struct rdb *rdb = fsm->data;
	int answer = 0, rc = 0;

	if (rdb->failed) /* entries are applied in order or not at all */
		return RAFT_IOERR;
	rdb->log_bytes += buf->len;
	mind_log(rdb);
	/* It is committed, and libraft never comes back to an entry that failed: memory is waited for, all else is the end of this replica. */
	for (uint32_t i = 0; i < APPLY_TRIES; i++) {
		rc = rdb__apply(&rdb->store, rdb->raft.last_applied + 1, buf->base, buf->len, &answer);
		if (rc != -DER_NOMEM)
			break;
		ult_sleep(APPLY_AGAIN_NS);
	}
	if (rc != 0) {
		log_error(rdb->env->log, "a committed entry of a replicated database cannot be applied: " RCF "; it stops serving until it is opened again",
			  RCP(rc));
		fail(rdb, rc);
	}
	*result = (void *)(intptr_t)(rc != 0 ? rc : answer);
	return rc == 0 ? 0 : RAFT_IOERR;
}

static int
fsm_snapshot(struct raft_fsm *fsm, struct raft_buffer *bufs[], unsigned *n_bufs)
{
	struct rdb *rdb = fsm->data;

	*bufs = raft_calloc(1, sizeof(**bufs));
	if (*bufs == NULL)
		return RAFT_NOMEM;
	(*bufs)[0].base = raft_malloc(8);
	(*bufs)[0].len = 8;
	if ((*bufs)[0].base == NULL) {
		raft_free(*bufs);
		return RAFT_NOMEM;
	}
	memcpy((*bufs)[0].base, &rdb->store.applied, 8);
	*n_bufs = 1;
	rdb->log_bytes = 0;
	return 0;
}

/* The reference names what the stores hold already (rdb I1). */
static int
fsm_restore(struct raft_fsm *fsm, struct raft_buffer *buf)
{
	struct rdb *rdb = fsm->data;
	uint64_t index;

	if (buf->len != 8)
		return RAFT_CORRUPT;
	memcpy(&index, buf->base, 8);
	if (rdb->store.applied < index) {
		log_error(rdb->env->log, "a snapshot of entry %lu, but only %lu entries are applied", index, rdb->store.applied);
		return RAFT_CORRUPT;
	}
	raft_free(buf->base);
	return 0;
}

/* ---- leadership -------------------------------------------------------------------------------------------------------------- */
void
rdb__notice(struct rdb *rdb)
{
	bool leads = rdb->started && !rdb->failed && raft_state(&rdb->raft) == RAFT_LEADER;
	uint64_t term = rdb->raft.current_term;

	if (rdb->leading && (!leads || term != rdb->led_term)) {
		rdb->leading = false;
		if (rdb->config.step_down != NULL)
			rdb->config.step_down(rdb->config.arg, rdb->led_term);
	}
	if (!rdb->leading && leads) {
		rdb->leading = true;
		rdb->led_term = term;
		if (rdb->config.step_up != NULL)
			rdb->config.step_up(rdb->config.arg, term);
	}
}

bool
rdb_is_leader(const struct rdb *rdb, uint64_t *term)
{
	if (term != NULL)
		*term = rdb->led_term;
	return rdb->leading;
}

uint32_t
rdb_leader(const struct rdb *rdb)
{
	const char *address = NULL;
	raft_id id = 0;

	if (!rdb->started)
		return RPC_NO_RANK;
	raft_leader((struct raft *)&rdb->raft, &id, &address);
	return id != 0 ? (uint32_t)(id - 1) : RPC_NO_RANK;
}

/* ---- life ------------------------------------------------------------------------------------------------------------------------ */
static void
close_done(struct raft *raft)
{
}

static int
open_replica(const struct rdb_config *config, struct rdb **result)
{
	struct rdb *rdb = MEM_NEW(config->env->mem, struct rdb);
	char address[16];
	int rc;

	if (rdb == NULL)
		return -DER_NOMEM;
	rdb->config = *config;
	rdb->env = config->env;
	rdb->mem = config->env->mem;
	rdb->next_index = 1;
	ult_mutex_init(&rdb->lock);
	ult_cond_init(&rdb->work);
	ult_cond_init(&rdb->quiet);
	list_init(&rdb->appends);
	list_init(&rdb->proposals);
	rc = rdb__store_open(config, &rdb->store);
	if (rc != 0) {
		mem_free(rdb->mem, rdb);
		return rc;
	}
	rdb__heap_use();
	rdb__io_init(rdb);
	rdb->fsm = (struct raft_fsm){.version = 1, .data = rdb, .apply = fsm_apply, .snapshot = fsm_snapshot, .restore = fsm_restore};
	snprintf(address, sizeof(address), "%u", config->replicas[0]);
	rc = rdb__from_raft(raft_init(&rdb->raft, &rdb->io, &rdb->fsm, (raft_id)config->replicas[0] + 1, address));
	if (rc != 0) {
		rdb__store_close(&rdb->store);
		mem_free(rdb->mem, rdb);
		return rc;
	}
	raft_set_snapshot_threshold(&rdb->raft, SNAPSHOT_THRESHOLD);
	raft_set_snapshot_trailing(&rdb->raft, SNAPSHOT_TRAILING);
	*result = rdb;
	return 0;
}

static void
close_replica(struct rdb *rdb)
{
	raft_close(&rdb->raft, close_done);
	rdb__store_close(&rdb->store);
	mem_free(rdb->mem, rdb);
}

static int
check_replicas(const struct rdb_config *config)
{
	if (config->replica_nr == 0)
		return -DER_INVAL;
	return config->replica_nr > 1 ? -DER_NOSYS : 0; /* several voters come with the cluster */
}

int
rdb_create(const struct rdb_config *config)
{
	struct raft_configuration conf;
	struct rdb *rdb;
	char address[16];
	int rc;

	rc = check_replicas(config);
	if (rc == 0)
		rc = rdb__store_create(config);
	if (rc != 0)
		return rc;
	rc = open_replica(config, &rdb);
	if (rc == 0) {
		raft_configuration_init(&conf);
		snprintf(address, sizeof(address), "%u", config->replicas[0]);
		rc = rdb__from_raft(raft_configuration_add(&conf, (raft_id)config->replicas[0] + 1, address, RAFT_VOTER));
		if (rc == 0)
			rc = rdb__from_raft(raft_bootstrap(&rdb->raft, &conf));
		raft_configuration_close(&conf);
		close_replica(rdb);
	}
	if (rc != 0)
		(void)rdb__store_destroy(config);
	return rc;
}

int
rdb_destroy(const struct rdb_config *config)
{
	return rdb__store_destroy(config);
}

int
rdb_start(const struct rdb_config *config, struct rdb **result)
{
	struct rdb *rdb;
	int rc;

	rc = check_replicas(config);
	if (rc == 0)
		rc = open_replica(config, &rdb);
	if (rc != 0)
		return rc;
	rc = rdb__writer_start(rdb);
	if (rc != 0) {
		close_replica(rdb);
		return rc;
	}
	*result = rdb; /* step_up may come before we return */
	ult_mutex_lock(&rdb->lock);
	rc = raft_start(&rdb->raft);
	if (rc != 0)
		log_error(rdb->env->log, "a replicated database does not start: %s", raft_errmsg(&rdb->raft));
	rc = rdb__from_raft(rc);
	if (rc == 0 && rdb->failed)
		rc = -DER_IO;
	rdb->started = rc == 0;
	rdb__notice(rdb);
	ult_mutex_unlock(&rdb->lock);
	if (rc != 0) {
		rdb__writer_stop(rdb);
		close_replica(rdb);
		*result = NULL;
	}
	return rc;
}

void
rdb_stop(struct rdb *rdb)
{
	while (rdb->busy > 0)
		ult_cond_wait(&rdb->quiet, NULL);
	ult_mutex_lock(&rdb->lock);
	rdb->started = false;
	rdb__notice(rdb);
	ult_mutex_unlock(&rdb->lock);
	rdb__writer_stop(rdb);
	close_replica(rdb);
}

/* ---- paths --------------------------------------------------------------------------------------------------------------------------- */
struct rdb_path
rdb_path_of(const char *const *names, uint32_t nr)
{
	struct rdb_path path = {0};

	for (uint32_t i = 0; i < nr; i++)
		path = rdb_path_add(path, names[i], strlen(names[i]));
	return path;
}

struct rdb_path
rdb_path_add(struct rdb_path path, const void *key, size_t len)
{
	ASSERT(path.nr < ARRAY_SIZE(path.key));
	path.key[path.nr++] = (struct rdb_key){.data = key, .len = len};
	return path;
}

/* ---- transactions ----------------------------------------------------------------------------------------------------------------------- */
int
rdb_tx_begin(struct rdb *rdb, uint64_t term, struct rdb_tx **result)
{
	struct rdb_tx *tx;

	if (!rdb->leading || term != rdb->led_term)
		return -DER_NOTLEADER;
	tx = MEM_NEW(rdb->mem, struct rdb_tx);
	if (tx == NULL)
		return -DER_NOMEM;
	tx->rdb = rdb;
	tx->term = term;
	arena_init(&tx->arena, rdb->mem);
	*result = tx;
	return 0;
}

void
rdb_tx_end(struct rdb_tx *tx)
{
	struct mem *mem = tx->rdb->mem;

	mem_free(mem, tx->changes);
	arena_fini(&tx->arena);
	mem_free(mem, tx);
}

struct mem *
rdb_tx_mem(const struct rdb_tx *tx)
{
	return tx->rdb->mem;
}

static int
copy_path(struct rdb_tx *tx, const struct rdb_path *from, struct rdb_path *to)
{
	*to = *from;
	for (uint32_t i = 0; i < from->nr; i++) {
		to->key[i].data = arena_dup(&tx->arena, from->key[i].data, from->key[i].len);
		if (to->key[i].data == NULL)
			return -DER_NOMEM;
	}
	return 0;
}

static int
queue(struct rdb_tx *tx, enum rdb_change_kind kind, const struct rdb_path *path, const void *key, size_t key_len, const void *value,
      size_t value_len)
{
	struct rdb_change *change;

	if (tx->nr == tx->max) {
		change = mem_grow(tx->rdb->mem, tx->changes, tx->nr, tx->max * 2 + 8, sizeof(*change));
		if (change == NULL)
			return -DER_NOMEM;
		tx->changes = change;
		tx->max = tx->max * 2 + 8;
	}
	change = &tx->changes[tx->nr];
	*change = (struct rdb_change){.kind = kind, .key_len = key_len, .value_len = value_len, .aside = tx->aside};
	if (copy_path(tx, path, &change->path) != 0)
		return -DER_NOMEM;
	change->key = arena_dup(&tx->arena, key, key_len);
	change->value = arena_dup(&tx->arena, value, value_len);
	if (change->key == NULL || change->value == NULL)
		return -DER_NOMEM;
	tx->nr++;
	return 0;
}

int
rdb_tx_create_kvs(struct rdb_tx *tx, struct rdb_path path)
{
	return path.nr == 0 ? -DER_INVAL : queue(tx, RDB_CREATE_KVS, &path, "", 0, "", 0);
}

int
rdb_tx_destroy_kvs(struct rdb_tx *tx, struct rdb_path path)
{
	return path.nr == 0 ? -DER_INVAL : queue(tx, RDB_DESTROY_KVS, &path, "", 0, "", 0);
}

int
rdb_tx_update(struct rdb_tx *tx, struct rdb_path kvs, const void *key, size_t key_len, const void *value, size_t value_len)
{
	return key_len == 0 ? -DER_INVAL : queue(tx, RDB_UPDATE, &kvs, key, key_len, value, value_len);
}

int
rdb_tx_delete(struct rdb_tx *tx, struct rdb_path kvs, const void *key, size_t key_len)
{
	return key_len == 0 ? -DER_INVAL : queue(tx, RDB_DELETE, &kvs, key, key_len, "", 0);
}

static void
proposal_done(struct raft_apply *req, int status, void *result)
{
	struct proposal *proposal = req->data;

	list_remove(&proposal->link);
	proposal->answered = true;
	if (!proposal->told)
		ult_eventual_set(&proposal->done, status != 0 ? rdb__from_raft(status) : (int)(intptr_t)result);
	proposal->told = true;
	if (proposal->left)
		mem_free(proposal->mem, proposal);
}

static int
pack_entry(struct rdb_tx *tx, struct raft_buffer *buf)
{
	struct packer packer;
	int rc;

	packer_init_count(&packer);
	rc = rdb__changes_pack(&packer, tx->changes, tx->nr);
	if (rc != 0)
		return rc;
	buf->len = packer_len(&packer);
	buf->base = raft_malloc(buf->len);
	if (buf->base == NULL)
		return -DER_NOMEM;
	packer_init(&packer, buf->base, buf->len);
	return rdb__changes_pack(&packer, tx->changes, tx->nr);
}

void
rdb_tx_aside(struct rdb_tx *tx, bool aside)
{
	tx->aside = aside;
}

void
rdb_tx_session(struct rdb_tx *tx)
{
	tx->session = true;
}

static bool
leaves(const struct rdb *rdb, uint64_t need, const struct margin *margin)
{
	struct rdb_space space;

	rdb__space(&rdb->store, &space);
	need += rdb->pending;
	return space.left >= need + space.total / margin->left && space.empty >= need + space.total / margin->empty;
}

/* Nothing but deletions, as far as it counts. */
static bool
only_deletes(const struct rdb_tx *tx)
{
	for (uint32_t i = 0; i < tx->nr; i++)
		if (!tx->changes[i].aside && tx->changes[i].kind != RDB_DELETE && tx->changes[i].kind != RDB_DESTROY_KVS)
			return false;
	return true;
}

/* -DER_NOSPACE when the database would not have room for it. What it may take is counted as taken until it is done. YIELDS */
static int
admit(struct rdb_tx *tx, uint64_t need)
{
	struct rdb *rdb = tx->rdb;
	bool fits = leaves(rdb, need, &ordinary) || leaves(rdb, need, &in_holes) || (tx->session && leaves(rdb, need, &session));
	int64_t growth = 0;
	int rc = 0;

	if (!fits) {
		rc = rdb__growth(&rdb->store, tx->changes, tx->nr, &growth);
		if (rc == 0 && (growth > 0 || !leaves(rdb, need, only_deletes(tx) ? &deleting : &replacing)))
			rc = -DER_NOSPACE;
	}
	if (rc == 0)
		rdb->pending += need;
	return rc;
}

static int propose(struct rdb_tx *tx, struct raft_buffer buf);

int
rdb_tx_commit(struct rdb_tx *tx)
{
	struct raft_buffer buf;
	uint64_t need;
	int rc;

	if (tx->nr == 0)
		return 0;
	rc = pack_entry(tx, &buf);
	if (rc != 0)
		return rc;
	need = rdb__need(tx->changes, tx->nr, buf.len);
	rc = rdb__too_large(tx->changes, tx->nr, buf.len) ? -DER_REC2BIG : admit(tx, need);
	if (rc != 0) {
		raft_free(buf.base);
		return tx->rdb->leading && tx->rdb->led_term == tx->term ? rc : -DER_NOTLEADER;
	}
	rc = propose(tx, buf);
	tx->rdb->pending -= need;
	return rc;
}

/* The bytes are libraft's, or gone. */
static int
propose(struct rdb_tx *tx, struct raft_buffer buf)
{
	struct rdb *rdb = tx->rdb;
	struct proposal *proposal;
	int rc;

	proposal = MEM_NEW(rdb->mem, struct proposal);
	if (proposal == NULL) {
		raft_free(buf.base);
		return -DER_NOMEM;
	}
	proposal->mem = rdb->mem;
	ult_eventual_init(&proposal->done);
	list_init(&proposal->link);
	proposal->req.data = proposal;
	ult_mutex_lock(&rdb->lock);
	if (!rdb->leading || rdb->led_term != tx->term)
		rc = -DER_NOTLEADER;
	else
		rc = rdb__from_raft(raft_apply(&rdb->raft, &proposal->req, &buf, 1, proposal_done));
	if (rc != 0)
		raft_free(buf.base);
	else if (!proposal->answered)
		list_append(&rdb->proposals, &proposal->link);
	rdb__notice(rdb);
	ult_mutex_unlock(&rdb->lock);
	if (rc == 0)
		rc = ult_eventual_wait(&proposal->done);
	else
		proposal->answered = true;
	proposal->left = true;
	if (proposal->answered)
		mem_free(proposal->mem, proposal);
	return rc;
}

/* ---- reading -------------------------------------------------------------------------------------------------------------------------------- */
static int
still_leads(const struct rdb_tx *tx)
{
	return tx->rdb->leading && tx->rdb->led_term == tx->term ? 0 : -DER_NOTLEADER;
}

int
rdb_lookup(struct rdb_tx *tx, struct rdb_path kvs, const void *key, size_t key_len, struct arena *arena, const void **value, size_t *value_len)
{
	uint64_t number;
	int rc;

	rc = rdb__kvs_find(&tx->rdb->store, &kvs, &number);
	if (rc == 0)
		rc = rdb__kvs_get(&tx->rdb->store, number, key, key_len, arena, value, value_len);
	return still_leads(tx) != 0 ? -DER_NOTLEADER : rc;
}

int
rdb_iterate(struct rdb_tx *tx, struct rdb_path kvs,
	    int (*visit)(void *arg, const void *key, size_t key_len, const void *value, size_t value_len), void *arg)
{
	uint64_t number;
	int rc;

	rc = rdb__kvs_find(&tx->rdb->store, &kvs, &number);
	if (rc == 0)
		rc = rdb__kvs_each(&tx->rdb->store, number, false, visit, arg);
	return still_leads(tx) != 0 ? -DER_NOTLEADER : rc;
}
