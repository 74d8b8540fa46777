/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replicated services: leadership as a state, and the pipeline of an operation.
 *
 *   down ──leader──> stepping up ──class's step_up──> up ──not leader──> down (after the operations under way)
 *
 *	rsvc I1  A write runs alone: its reads see the state that its updates are applied to.
 *	rsvc I2  The answer of a request with an id is stored in the transaction that carries it out: a repeated request gets it, and is not run again.
 *	rsvc I3  In memory a service follows what is committed: `committed` runs before anybody else can write.
 *
 * Stored answers: key-value store "ops": {uuid client, u64 number} -> {i64 rc, u64 time in seconds, answer}. Everything may yield.
 */
#include "rsvc/rsvc.h"

#include "base/codec.h"

#define OPS "ops"
#define ENTRY_AGE_S 300U
#define REAP_EVERY_S 60U
#define ROOM_ROUNDS 16
#define ANSWER_MAX 4096U

enum state { DOWN, STEPPING_UP, UP };

struct rsvc {
	const struct rsvc_class *cls;
	struct env *env;
	struct xs *xs;
	void *owner;
	struct rdb *rdb;
	enum state state;
	uint64_t term;
	bool wanted;             /* rdb says that we lead */
	uint64_t wanted_term;
	int failed;              /* why the last step up came to nothing */
	bool stopping;
	struct ult *stepper;
	struct ult_cond changed; /* leadership, or the end of an operation */
	struct ult_rwlock lock;  /* writers alone, readers together */
	uint32_t busy;
	uint64_t reaped_s;
	uint64_t room_s; /* when room was last made in a full database */
};

/* ---- leadership ------------------------------------------------------------------------------------------------------------ */
static void
on_step_up(void *arg, uint64_t term)
{
	struct rsvc *svc = arg;

	svc->wanted = true;
	svc->failed = 0;
	svc->wanted_term = term;
	ult_cond_broadcast(&svc->changed);
}

static void
on_step_down(void *arg, uint64_t term)
{
	struct rsvc *svc = arg;

	svc->wanted = false;
	ult_cond_broadcast(&svc->changed);
}

static struct rdb_path
ops_path(void)
{
	return rdb_path_of((const char *const[]){OPS}, 1);
}

/* The store of answers is there before the first operation. */
static int
make_ops(struct rsvc *svc)
{
	struct rdb_tx *tx;
	int rc;

	rc = rdb_tx_begin(svc->rdb, svc->term, &tx);
	if (rc != 0)
		return rc;
	rc = rdb_tx_create_kvs(tx, ops_path());
	if (rc == 0)
		rc = rdb_tx_commit(tx);
	rdb_tx_end(tx);
	return rc;
}

static void
go_up(struct rsvc *svc)
{
	int rc;

	svc->state = STEPPING_UP;
	svc->term = svc->wanted_term;
	rc = make_ops(svc);
	if (rc == 0)
		rc = svc->cls->step_up(svc->owner, svc, svc->term);
	if (rc == 0) {
		svc->state = UP;
		log_info(svc->env->log, "%s service up, term %lu", svc->cls->name, svc->term);
	} else {
		svc->state = DOWN;
		svc->wanted = false;
		svc->failed = rc;
		log_error(svc->env->log, "%s service cannot step up: " RCF, svc->cls->name, RCP(rc));
	}
	ult_cond_broadcast(&svc->changed);
}

static void
go_down(struct rsvc *svc)
{
	svc->state = DOWN;
	while (svc->busy > 0)
		ult_cond_wait(&svc->changed, NULL);
	svc->cls->step_down(svc->owner, svc);
}

static void
stepper(void *arg)
{
	struct rsvc *svc = arg;

	for (;;) {
		bool up = svc->wanted && !svc->stopping;

		if (svc->state == UP && (!up || svc->term != svc->wanted_term))
			go_down(svc);
		else if (svc->state == DOWN && up)
			go_up(svc);
		else if (svc->stopping)
			return;
		else
			ult_cond_wait(&svc->changed, NULL);
	}
}

/* ---- life --------------------------------------------------------------------------------------------------------------------- */
int
rsvc_create(const struct rsvc_class *cls, const struct rdb_config *config)
{
	return rdb_create(config);
}

int
rsvc_destroy(const struct rsvc_class *cls, const struct rdb_config *config)
{
	return rdb_destroy(config);
}

int
rsvc_start(const struct rsvc_class *cls, const struct rdb_config *config, void *owner, struct rsvc **result)
{
	struct rdb_config mine = *config;
	struct rsvc *svc = MEM_NEW(config->env->mem, struct rsvc);
	int rc;

	if (svc == NULL)
		return -DER_NOMEM;
	svc->cls = cls;
	svc->env = config->env;
	svc->xs = config->xs;
	svc->owner = owner;
	ult_cond_init(&svc->changed);
	ult_rwlock_init(&svc->lock);
	mine.step_up = on_step_up;
	mine.step_down = on_step_down;
	mine.arg = svc;
	rc = rdb_start(&mine, &svc->rdb);
	if (rc == 0)
		rc = ult_spawn(svc->xs, ULT_METADATA, "rsvc_stepper", stepper, svc, &svc->stepper);
	if (rc != 0) {
		if (svc->rdb != NULL)
			rdb_stop(svc->rdb);
		mem_free(svc->env->mem, svc);
		return rc;
	}
	*result = svc;
	return 0;
}

void
rsvc_stop(struct rsvc *svc)
{
	svc->stopping = true;
	ult_cond_broadcast(&svc->changed);
	ult_join(svc->stepper);
	rdb_stop(svc->rdb);
	mem_free(svc->env->mem, svc);
}

int
rsvc_wait_up(struct rsvc *svc, uint64_t deadline_ns)
{
	while (svc->state != UP) {
		if (svc->failed != 0)
			return svc->failed;
		if (ult_cond_wait_until(&svc->changed, NULL, deadline_ns) != 0)
			return -DER_TIMEDOUT;
	}
	return 0;
}

void *
rsvc_owner(const struct rsvc *svc)
{
	return svc->owner;
}

struct rdb *
rsvc_rdb(const struct rsvc *svc)
{
	return svc->rdb;
}

uint64_t
rsvc_term(const struct rsvc *svc)
{
	return svc->term;
}

uint32_t
rsvc_leader_hint(const struct rsvc *svc)
{
	return rdb_leader(svc->rdb);
}

/* ---- stored answers ------------------------------------------------------------------------------------------------------------- */
#define REQUEST_KEY_LEN 24

static void
request_key(const struct rsvc_request *request, uint8_t key[REQUEST_KEY_LEN])
{
	struct packer packer;

	packer_init(&packer, key, REQUEST_KEY_LEN);
	pack_uuid(&packer, request->client);
	pack_u64(&packer, request->number);
}

static uint64_t
now_s(struct rsvc *svc)
{
	return env_wall(svc->env) / NS_PER_S;
}

/* 1: answered before, *rc and op->answer are that. 0: not. */
static int
find_answer(struct rdb_tx *tx, struct rsvc_op *op, int *rc)
{
	uint8_t key[REQUEST_KEY_LEN];
	struct unpacker in;
	struct arena arena;
	const void *value, *answer;
	size_t len, answer_len;
	int found;

	request_key(op->request, key);
	arena_init(&arena, op->mem);
	found = rdb_lookup(tx, ops_path(), key, sizeof(key), &arena, &value, &len);
	if (found == 0) {
		unpacker_init(&in, value, len);
		*rc = (int)unpack_i64(&in);
		(void)unpack_u64(&in);
		answer = unpack_bytes(&in, &answer_len);
		if (unpacker_rc(&in) != 0 || answer_len > op->answer_size) {
			found = -DER_DF_INVAL;
		} else {
			if (answer_len > 0)
				memcpy(op->answer, answer, answer_len);
			found = 1;
		}
	} else if (found == -DER_NONEXIST) {
		found = 0;
	}
	arena_fini(&arena);
	return found;
}

static int
store_answer(struct rsvc *svc, struct rdb_tx *tx, const struct rsvc_op *op, int rc)
{
	uint8_t key[REQUEST_KEY_LEN], value[ANSWER_MAX + 32];
	struct packer packer;

	request_key(op->request, key);
	packer_init(&packer, value, sizeof(value));
	pack_i64(&packer, rc);
	pack_u64(&packer, now_s(svc));
	pack_bytes(&packer, op->answer, op->answer_size);
	return packer_rc(&packer) != 0 ? packer_rc(&packer) : rdb_tx_update(tx, ops_path(), key, sizeof(key), value, packer_len(&packer));
}

struct reap {
	struct rdb_tx *tx;
	uint64_t before_s;
	uint32_t left;
};

static int
reap_one(void *arg, const void *key, size_t key_len, const void *value, size_t value_len)
{
	struct reap *reap = arg;
	struct unpacker in;

	unpacker_init(&in, value, value_len);
	(void)unpack_i64(&in);
	if (unpack_u64(&in) >= reap->before_s)
		return 0;
	if (reap->left-- == 0)
		return 1;
	return rdb_tx_delete(reap->tx, ops_path(), key, key_len);
}

/* Old answers go with a write that is on its way anyhow: an idle service stays idle. */
static void
reap_answers(struct rsvc *svc, struct rdb_tx *tx)
{
	struct reap reap = {.tx = tx, .before_s = now_s(svc) - MIN((uint64_t)ENTRY_AGE_S, now_s(svc)), .left = 256};

	if (now_s(svc) < svc->reaped_s + REAP_EVERY_S)
		return;
	svc->reaped_s = now_s(svc);
	(void)rdb_iterate(tx, ops_path(), reap_one, &reap);
	if (reap.left == UINT32_MAX) /* stopped: there are more, for the next write */
		svc->reaped_s = 0;
}

/* The database is full, perhaps of answers whose time is over: those go in transactions of their own, a bounded number at a time. */
static void
make_room(struct rsvc *svc)
{
	struct rdb_tx *tx;
	int rc = 0;

	for (int i = 0; rc == 0 && i < ROOM_ROUNDS; i++) {
		svc->reaped_s = 0;
		if (rdb_tx_begin(svc->rdb, svc->term, &tx) != 0)
			return;
		reap_answers(svc, tx);
		rc = rdb_tx_commit(tx);
		rdb_tx_end(tx);
		if (svc->reaped_s != 0)
			return;
	}
}

/* ---- the pipeline ------------------------------------------------------------------------------------------------------------------ */
static int
run_write(struct rsvc *svc, struct rsvc_op *op, struct rdb_tx *tx)
{
	bool remember = op->request != NULL;
	int rc, answer = 0;

	if (remember) {
		rc = find_answer(tx, op, &answer);
		if (rc != 0)
			return rc == 1 ? answer : rc;
	}
	rc = op->run(op->arg, svc, tx);
	if (rc != 0) /* nothing of it is queued for certain: a repeated request runs again, and fails again */
		return rc;
	if (remember) {
		rdb_tx_aside(tx, true);
		rc = store_answer(svc, tx, op, 0);
		if (rc != 0)
			return rc;
		reap_answers(svc, tx);
	}
	rc = rdb_tx_commit(tx);
	if (rc == -DER_NOSPACE && remember && now_s(svc) != svc->room_s) {
		svc->room_s = now_s(svc);
		make_room(svc);
	}
	if (rc == 0 && op->committed != NULL)
		op->committed(op->arg, svc);
	return rc;
}

int
rsvc_run(struct rsvc *svc, struct rsvc_op *op)
{
	struct rdb_tx *tx;
	int rc;

	ASSERT(op->answer_size <= ANSWER_MAX);
	if (svc->state != UP || svc->stopping)
		return -DER_NOTLEADER;
	op->mem = svc->env->mem;
	svc->busy++;
	if (op->write)
		ult_rwlock_wrlock(&svc->lock);
	else
		ult_rwlock_rdlock(&svc->lock);
	rc = svc->state == UP ? rdb_tx_begin(svc->rdb, svc->term, &tx) : -DER_NOTLEADER;
	if (rc == 0) {
		rc = op->write ? run_write(svc, op, tx) : op->run(op->arg, svc, tx);
		rdb_tx_end(tx);
	}
	ult_rwlock_unlock(&svc->lock);
	svc->busy--;
	ult_cond_broadcast(&svc->changed);
	return rc;
}
