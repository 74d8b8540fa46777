/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Leading a transaction over the targets of this engine.
 *
 *   leader's stream                          each member's stream (the leader's own included)
 *   enter id in `running` (dtx I3)
 *   forget what an earlier attempt left ───> abort a prepared entry of this id
 *   choose the epoch
 *   prepare everywhere, in parallel ───────> begin ops, vos_apply(PREPARE), wait until durable
 *   any refused: abort everywhere ─────────> vos_dtx_abort
 *   else: commit here, answer, commit ─────> vos_dtx_commit, not waited for (dtx I2: resync would commit it too)
 *   everywhere, leave `running`
 *
 * A transaction of one target is one vos_apply, between the same two lines. Everything may yield.
 */
#include "internal.h"

#include "base/codec.h"

#define BLOB_VERSION 1
#define CONFLICT_ATTEMPTS 200U
#define DECIDE_ATTEMPTS 40U
#define CONFLICT_FIRST_NS (20 * NS_PER_US)
#define CONFLICT_MOST_NS (50 * NS_PER_MS)

int
dtx_create(struct env *env, struct targets *targets, uint32_t rank, struct dtx **result)
{
	uint32_t nr = targets_nr(targets);
	struct dtx *dtx = MEM_NEW(env->mem, struct dtx);

	if (dtx == NULL)
		return -DER_NOMEM;
	if (nr > DTX_TARGETS_MAX) {
		mem_free(env->mem, dtx);
		return -DER_INVAL;
	}
	dtx->env = env;
	dtx->targets = targets;
	dtx->rank = rank;
	dtx->at = MEM_NEW_ARRAY(env->mem, struct dtx_target, nr);
	if (dtx->at == NULL) {
		mem_free(env->mem, dtx);
		return -DER_NOMEM;
	}
	for (uint32_t i = 0; i < nr; i++) {
		dtx->at[i].target = targets_at(targets, i);
		list_init(&dtx->at[i].running);
		ult_cond_init(&dtx->at[i].changed);
		dtx->at[i].refusals = MEM_NEW_ARRAY(env->mem, struct dtx_refusal, DTX_REFUSAL_SETS * DTX_REFUSAL_WAYS);
		if (dtx->at[i].refusals == NULL) {
			dtx_destroy(dtx);
			return -DER_NOMEM;
		}
	}
	*result = dtx;
	return 0;
}

void
dtx_destroy(struct dtx *dtx)
{
	for (uint32_t i = 0; i < targets_nr(dtx->targets); i++)
		mem_free(dtx->env->mem, dtx->at[i].refusals);
	mem_free(dtx->env->mem, dtx->at);
	mem_free(dtx->env->mem, dtx);
}

/* ---- the blob ---------------------------------------------------------------------------------------------------------- */
int
dtx__members_pack(const struct dtx_members *members, struct arena *arena, struct vos_dtx_blob *blob)
{
	size_t size = 16 + 4 * (size_t)members->nr;
	void *buf = arena_alloc(arena, size);
	struct packer packer;

	if (buf == NULL)
		return -DER_NOMEM;
	packer_init(&packer, buf, size);
	pack_u32(&packer, BLOB_VERSION);
	pack_u32(&packer, members->leader);
	pack_u32_array(&packer, members->target, members->nr);
	blob->data = buf;
	blob->len = packer_len(&packer);
	return packer_rc(&packer);
}

int
dtx__members_unpack(const struct vos_dtx_blob *blob, uint32_t target_nr, struct dtx_members *members)
{
	struct unpacker in;

	unpacker_init(&in, blob->data, blob->len);
	if (unpack_u32(&in) != BLOB_VERSION)
		return -DER_DF_INCOMPT;
	members->leader = unpack_u32(&in);
	members->nr = unpack_count(&in, 4);
	if (members->nr == 0 || members->nr > DTX_TARGETS_MAX || members->leader >= target_nr)
		return -DER_DF_INVAL;
	for (uint32_t i = 0; i < members->nr; i++) {
		members->target[i] = unpack_u32(&in);
		if (members->target[i] >= target_nr)
			return -DER_DF_INVAL;
	}
	return unpacker_finish(&in) == 0 ? 0 : -DER_DF_INVAL;
}

/* ---- deciding at one target ------------------------------------------------------------------------------------------------ */
struct decide {
	struct dtx *dtx;
	uint32_t target;
	const uint8_t *pool, *cont;
	const struct vos_dtx_id *id;
	bool commit, wait;
};

static int
decide_there(void *arg)
{
	struct decide *decide = arg;
	struct target_cont *cont;
	uint64_t lsn = 0;
	int rc;

	rc = target_cont_open(targets_at(decide->dtx->targets, decide->target), decide->pool, decide->cont, &cont);
	if (rc != 0)
		return rc;
	if (decide->commit)
		rc = vos_dtx_commit(target_cont_vos(cont), decide->id, 1, &lsn);
	else
		rc = vos_dtx_abort(target_cont_vos(cont), decide->id, &lsn);
	if (rc == -DER_NONEXIST)
		rc = 0;
	if (rc == 0 && decide->wait)
		rc = vos_wait(target_cont_pool(cont), lsn);
	ult_cond_broadcast(&decide->dtx->at[decide->target].changed);
	target_cont_put(cont);
	return rc;
}

int
dtx__decide(struct dtx *dtx, uint32_t target, const uuid_t pool, const uuid_t cont, const struct vos_dtx_id *id, bool commit, bool wait)
{
	struct decide decide = {.dtx = dtx, .target = target, .pool = pool, .cont = cont, .id = id, .commit = commit, .wait = wait};
	int rc;

	for (uint32_t attempt = 0;; attempt++) { /* memory comes back: a decision that is missing at one member is in everybody's way */
		rc = xs_call(target_xs(targets_at(dtx->targets, target)), ULT_IO, decide_there, &decide);
		if (rc != -DER_NOMEM || attempt == DECIDE_ATTEMPTS)
			break;
		ult_sleep(MIN(CONFLICT_FIRST_NS << MIN(attempt, 16U), CONFLICT_MOST_NS));
	}
	if (rc != 0)
		log_error(dtx->env->log, "a transaction could not be %s at target %u: " RCF "; a restart will finish it",
			  commit ? "committed" : "aborted", target, RCP(rc));
	return rc;
}

/* ---- preparing ---------------------------------------------------------------------------------------------------------------- */
struct part {
	struct dtx *dtx;
	struct dtx_run *run;
	struct vos_dtx_id id;
	uint32_t target;
	enum vos_mode mode;
	uint64_t epoch;
	struct vos_dtx_blob blob;
	struct ult *ult;
	struct vos_conflict conflict;
	uint64_t epoch_used;
	int rc;
};

static uint64_t
next_epoch(void *arg)
{
	return targets_epoch(arg);
}

static int
more_epochs(void *arg)
{
	return targets_reserve_epochs(arg);
}

/* Begins the ops of this target; on an error none is left. */
static int
begin_ops(struct part *part, struct target_cont *cont, struct vos_op **ops, uint32_t *nr)
{
	int rc = 0;

	*nr = 0;
	for (uint32_t i = 0; i < part->run->write_nr && rc == 0; i++) {
		if (part->run->writes[i].target != part->target)
			continue;
		rc = dtx_op_begin(cont, &part->run->writes[i], &ops[*nr]);
		if (rc == 0)
			(*nr)++;
	}
	if (rc != 0)
		while (*nr > 0)
			vos_op_cancel(ops[--(*nr)]);
	return rc;
}

/* One attempt: begins, applies, waits until durable. */
static int
apply_once(struct part *part, struct target_cont *cont, struct vos_op **ops)
{
	struct vos_apply apply = {.cont = target_cont_vos(cont),
				  .id = &part->id,
				  .epoch = part->epoch,
				  .next_epoch = next_epoch,
				  .more_epochs = more_epochs,
				  .next_epoch_arg = part->dtx->targets,
				  .version = part->run->map_version,
				  .mode = part->mode,
				  .blob = part->blob};
	uint32_t nr;
	int rc, waited;

	rc = begin_ops(part, cont, ops, &nr);
	if (rc != 0)
		return rc;
	rc = vos_apply(&apply, ops, nr);
	part->conflict = apply.conflict;
	part->epoch_used = apply.epoch_used;
	if (rc == -DER_INPROGRESS)
		return rc;
#ifdef PLANTED_dtx_answer_early
	return rc;
#endif
	waited = vos_wait(target_cont_pool(cont), apply.lsn);
	return waited != 0 ? waited : rc;
}

static int
part_there(void *arg)
{
	struct part *part = arg;
	struct target *target = targets_at(part->dtx->targets, part->target);
	struct mem *mem = part->dtx->env->mem;
	struct target_cont *cont;
	struct vos_op **ops;
	int rc;

	rc = target_cont_open(target, part->run->pool, part->run->cont, &cont);
	if (rc != 0)
		return rc;
	ops = MEM_NEW_ARRAY(mem, struct vos_op *, part->run->write_nr);
	rc = ops != NULL ? 0 : -DER_NOMEM;
	for (uint32_t attempt = 0; rc == 0; attempt++) {
		rc = apply_once(part, cont, ops);
		if (rc != -DER_INPROGRESS)
			break;
		rc = dtx_resolve(part->dtx, target, cont, &part->conflict, attempt);
	}
	mem_free(mem, ops);
	target_cont_put(cont);
	return rc;
}

static void
part_run(void *arg)
{
	struct part *part = arg;

	part->rc = xs_call(target_xs(targets_at(part->dtx->targets, part->target)), ULT_IO, part_there, part);
}

/* Runs all parts at once; the first error. */
static int
parts_run(struct part *parts, uint32_t nr)
{
	int rc = 0;

	for (uint32_t i = 1; i < nr; i++)
		if (ult_spawn(xs_self(), ULT_IO, "dtx_part", part_run, &parts[i], &parts[i].ult) != 0) {
			parts[i].ult = NULL;
			parts[i].rc = -DER_NOMEM;
		}
	part_run(&parts[0]);
	for (uint32_t i = 1; i < nr; i++)
		if (parts[i].ult != NULL)
			ult_join(parts[i].ult);
	for (uint32_t i = 0; i < nr && rc == 0; i++)
		rc = parts[i].rc;
	return rc;
}

/* ---- leading ----------------------------------------------------------------------------------------------------------------------- */
static int
find_members(struct dtx *dtx, const struct dtx_run *run, struct dtx_members *members)
{
	uint32_t self = target_index(run->leader);
	uint32_t nr = targets_nr(dtx->targets);
	bool in[DTX_TARGETS_MAX] = {false};

	members->leader = self;
	members->nr = 0;
	for (uint32_t i = 0; i < run->write_nr; i++) {
		if (run->writes[i].target >= nr)
			return -DER_INVAL;
		in[run->writes[i].target] = true;
	}
	if (!in[self])
		return -DER_INVAL; /* who leads takes part: its record is the one that is asked after a crash */
	members->target[members->nr++] = self;
	for (uint32_t i = 0; i < nr; i++)
		if (in[i] && i != self)
			members->target[members->nr++] = i;
	return 0;
}

static bool
is_running(struct dtx_target *at, const struct vos_dtx_id *id)
{
	struct dtx_running *running;

	list_each(running, &at->running, link)
		if (dtx__id_equal(&running->id, id))
			return true;
	return false;
}

/* What the leader's target knows of an id: 0, or -DER_NONEXIST and other errors. */
static int
stored_answer(struct dtx_run *run, const struct vos_dtx_id *id, enum vos_dtx_state *state, int32_t *answer)
{
	struct target_cont *cont;
	int rc;

	rc = target_cont_open(run->leader, run->pool, run->cont, &cont);
	if (rc != 0)
		return rc;
	rc = vos_dtx_check(target_cont_vos(cont), id, state, &run->epoch_used, answer);
	target_cont_put(cont);
	return rc;
}

/*
 * The answer of an earlier attempt, if there is one: 1 and *rc. What an attempt that was cut off left is decided first, by what all members
 * have: it may be committed elsewhere, when the leader's own part could not be (dtx I1); undone: 0.
 */
static int
answered_before(struct dtx *dtx, struct dtx_run *run, const struct vos_dtx_id *id, const struct dtx_members *members, int *rc)
{
	enum vos_dtx_state state = VOS_DTX_UNKNOWN;
	int32_t answer = 0;
	bool commit;
	int check;

	check = stored_answer(run, id, &state, &answer);
	if (check != 0 && check != -DER_NONEXIST)
		return check;
	if (check == 0 && state == VOS_DTX_COMMITTED) {
		*rc = answer;
		return 1;
	}
	if (check != 0 || state != VOS_DTX_PREPARED)
		return 0;
	check = dtx__finish(dtx, members, run->pool, run->cont, id, run->arena, &commit); /* dtx I3: nothing of it is under way */
	if (check != 0 || !commit)
		return check;
	*rc = 0;
	return 1;
}

static int
lead(struct dtx *dtx, struct dtx_run *run, const struct vos_dtx_id *id, const struct dtx_members *members)
{
	struct part *parts = ARENA_NEW_ARRAY(run->arena, struct part, members->nr);
	struct vos_dtx_blob blob;
	uint64_t epoch;
	int rc, answer = 0;

	if (parts == NULL)
		return -DER_NOMEM;
	rc = dtx__members_pack(members, run->arena, &blob);
	if (rc != 0)
		return rc;
	rc = answered_before(dtx, run, id, members, &answer);
	if (rc != 0)
		return rc == 1 ? answer : rc;
	epoch = run->epoch != 0 ? run->epoch : targets_epoch(dtx->targets);
	if (epoch == 0)
		return -DER_OVERLOAD_RETRY;
	for (uint32_t i = 0; i < members->nr; i++)
		parts[i] = (struct part){.dtx = dtx, .run = run, .id = *id, .target = members->target[i], .mode = VOS_PREPARE,
					 .epoch = epoch, .blob = blob};
	rc = parts_run(parts, members->nr);
	run->epoch_used = epoch;
	for (uint32_t i = 0; i < members->nr; i++) { /* the leader comes first */
		(void)dtx__decide(dtx, members->target[i], run->pool, run->cont, id, rc == 0, false);
		if (i == 0 && rc == 0 && run->certain != NULL)
			run->certain(run, run->arg);
	}
	return rc;
}

/* The answer that an earlier attempt stored, durable; rc when there is none, or when its record may not be durable. */
static int
answer_before(struct dtx *dtx, struct dtx_run *run, const struct vos_dtx_id *id, int rc)
{
	enum vos_dtx_state state = VOS_DTX_UNKNOWN;
	struct vos_pool_info info;
	struct target_cont *cont;
	int32_t answer = 0;
	int waited;

	if (stored_answer(run, id, &state, &answer) != 0 || state != VOS_DTX_COMMITTED)
		return rc;
	if (target_cont_open(run->leader, run->pool, run->cont, &cont) != 0)
		return rc;
	vos_pool_query(target_cont_pool(cont), &info);
	waited = vos_wait(target_cont_pool(cont), info.lsn_last);
	target_cont_put(cont);
	if (waited != 0)
		return rc;
	env_sometimes(dtx->env, "dtx: a repetition finds no space and was applied before");
	return answer;
}

/*
 * A transaction of one target needs no preparing. vos_apply gives the answer of an id that it has seen, but is not reached when there is no
 * space, or no memory, for the same once more.
 */
static int
run_alone(struct dtx *dtx, struct dtx_run *run, const struct vos_dtx_id *id)
{
	struct part part = {.dtx = dtx, .run = run, .id = *id, .target = target_index(run->leader), .mode = VOS_COMMIT, .epoch = run->epoch};
	int rc;

	rc = part_there(&part);
	run->epoch_used = part.epoch_used;
	return rc == -DER_NOSPACE || rc == -DER_NOMEM ? answer_before(dtx, run, id, rc) : rc;
}

int
dtx_run(struct dtx *dtx, struct dtx_run *run)
{
	struct dtx_target *at = &dtx->at[target_index(run->leader)];
	struct vos_dtx_id id = dtx__id(run->id);
	struct dtx_running running = {.id = id};
	struct dtx_members members;
	int rc;

	if (run->write_nr == 0)
		return 0;
	rc = find_members(dtx, run, &members);
	if (rc != 0)
		return rc;
	while (is_running(at, &id)) /* a repeated request waits for the first */
		ult_cond_wait(&at->changed, NULL);
	rc = dtx__refused(at, &id);
	if (rc != 0) {
		env_sometimes(dtx->env, "dtx: a refusal is repeated");
		return rc;
	}
	list_append(&at->running, &running.link);
	rc = members.nr == 1 ? run_alone(dtx, run, &id) : lead(dtx, run, &id, &members);
	list_remove(&running.link);
	dtx__refuse(at, &id, rc);
	ult_cond_broadcast(&at->changed);
	return rc;
}

/*
 * The one that stands in the way is decided by its leader as soon as all members are prepared: that is soon, or it was left by a crash
 * and resync had it before clients came. So: wait for something to be decided here, a little longer each time.
 */
int
dtx_resolve(struct dtx *dtx, struct target *target, struct target_cont *cont, const struct vos_conflict *conflict, uint32_t attempt)
{
	struct dtx_target *at = &dtx->at[target_index(target)];
	uint64_t pause = MIN(CONFLICT_FIRST_NS << MIN(attempt, 16U), CONFLICT_MOST_NS);

	if (vos_pool_failed(target_cont_pool(cont)) != 0) {
		env_sometimes(dtx->env, "dtx: met a prepared transaction on a shard that failed");
		return -DER_IO;
	}
	if (attempt >= CONFLICT_ATTEMPTS) {
		log_error(dtx->env->log, "a prepared transaction of epoch %lx at target %u is not decided", conflict->epoch, target_index(target));
		return -DER_INPROGRESS;
	}
	env_sometimes(dtx->env, "dtx: met a prepared transaction");
	(void)ult_cond_wait_until(&at->changed, NULL, env_mono(dtx->env) + pause);
	return 0;
}
