/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The targets of an engine: their making and ending, running something on all of them, and the keeper of each, which
 * frees garbage and forgets old answers while nothing else wants the stream.
 */
#include "internal.h"

#include "pure/hlc/hlc.h"

#define KEEPER_NS (1 * NS_PER_S)
#define GC_CREDITS 256U
#define CONTS_A_ROUND 64U

/* ---- all of them ---------------------------------------------------------------------------------------------------- */
struct each {
	struct target *target;
	int (*fn)(struct target *target, void *arg);
	void *arg;
	int rc;
	struct ult *ult;
};

static int
each_there(void *arg)
{
	struct each *each = arg;

	return each->fn(each->target, each->arg);
}

static void
each_here(void *arg)
{
	struct each *each = arg;

	each->rc = xs_call(each->target->xs, ULT_METADATA, each_there, each);
}

int
targets__each(struct targets *targets, int (*fn)(struct target *target, void *arg), void *arg)
{
	struct each *each = MEM_NEW_ARRAY(targets->env->mem, struct each, targets->config.nr);
	int rc = 0;

	if (each == NULL)
		return -DER_NOMEM;
	for (uint32_t i = 0; i < targets->config.nr; i++) {
		each[i] = (struct each){.target = targets->at[i], .fn = fn, .arg = arg};
		/* Without memory for a helper it is done in turn: slower, not wrong. */
		if (ult_spawn(xs_self(), ULT_METADATA, "target_each", each_here, &each[i], &each[i].ult) != 0) {
			each[i].ult = NULL;
			each_here(&each[i]);
		}
	}
	for (uint32_t i = 0; i < targets->config.nr; i++) {
		if (each[i].ult != NULL)
			ult_join(each[i].ult);
		if (rc == 0)
			rc = each[i].rc;
	}
	mem_free(targets->env->mem, each);
	return rc;
}

static int
target_start(struct target *target, void *arg)
{
	struct targets *targets = target->all;
	struct vos_xs_config config = {.env = targets->env,
				       .xs = target->xs,
				       .bio = targets->config.bio,
				       .tgt = target->index,
				       .first_epoch = targets->config.first_epoch,
				       .heap_budget = targets->config.heap_budget / targets->config.nr};
	int rc;

	rc = vos_xs_create(&config, &target->vos);
	if (rc != 0)
		return rc;
	xs_set_owner(target->xs, target);
	target__keeper_start(target);
	return 0;
}

static int
target_end(struct target *target, void *arg)
{
	struct hash_iter iter;
	struct hash_node *node;

	target__keeper_stop(target);
	for (;;) {
		hash_iter_init(&iter, &target->pools);
		node = hash_iter_next(&iter);
		if (node == NULL)
			break;
		target__pool_close(hash_entry(node, struct target_pool, node));
	}
	hash_fini(&target->pools);
	if (target->vos != NULL)
		vos_xs_destroy(target->vos);
	xs_set_owner(target->xs, NULL);
	return 0;
}

static bool
pool_equal(const struct hash_node *node, const void *key)
{
	return memcmp(hash_entry(node, struct target_pool, node)->uuid, key, sizeof(uuid_t)) == 0;
}

static const struct hash_ops pool_hash = {.hash = hash_key_uuid, .equal = pool_equal};

int
targets_create(const struct targets_config *config, struct targets **result)
{
	struct mem *mem = config->env->mem;
	struct targets *targets = MEM_NEW(mem, struct targets);
	int rc = 0;

	if (targets == NULL)
		return -DER_NOMEM;
	targets->env = config->env;
	targets->config = *config;
	targets->at = MEM_NEW_ARRAY(mem, struct target *, config->nr);
	for (uint32_t i = 0; i < config->nr && targets->at != NULL; i++) {
		struct target *target = targets->at[i] = MEM_NEW(mem, struct target);

		if (target == NULL) {
			rc = -DER_NOMEM;
			break;
		}
		target->all = targets;
		target->index = i;
		target->xs = config->xs[i];
		target->rpc = config->rpc != NULL ? config->rpc[i] : NULL;
		ult_cond_init(&target->changed);
		ult_cond_init(&target->wake);
		list_init(&target->written);
		hash_init(&target->pools, mem, &pool_hash, 0);
	}
	if (targets->at == NULL)
		rc = -DER_NOMEM;
	if (rc != 0) {
		for (uint32_t i = 0; targets->at != NULL && i < config->nr; i++)
			mem_free(mem, targets->at[i]);
		mem_free(mem, targets->at);
		mem_free(mem, targets);
		return rc;
	}
	rc = targets__each(targets, target_start, NULL);
	if (rc != 0) {
		targets_destroy(targets);
		return rc;
	}
	*result = targets;
	return 0;
}

void
targets_destroy(struct targets *targets)
{
	int rc;

	do { /* only memory can be missing, and some may come back: nothing here may be left undone */
		rc = targets__each(targets, target_end, NULL);
		if (rc == -DER_NOMEM || rc == -DER_AGAIN)
			ult_sleep(NS_PER_MS);
	} while (rc == -DER_NOMEM || rc == -DER_AGAIN);
	for (uint32_t i = 0; i < targets->config.nr; i++)
		mem_free(targets->env->mem, targets->at[i]);
	mem_free(targets->env->mem, targets->at);
	mem_free(targets->env->mem, targets);
}

uint32_t
targets_nr(const struct targets *targets)
{
	return targets->config.nr;
}

struct target *
targets_at(struct targets *targets, uint32_t index)
{
	return index < targets->config.nr ? targets->at[index] : NULL;
}

struct target *
target_self(void)
{
	struct xs *xs = xs_self();

	return xs != NULL ? xs_owner(xs) : NULL;
}

uint32_t
target_index(const struct target *target)
{
	return target->index;
}

struct xs *
target_xs(const struct target *target)
{
	return target->xs;
}

struct rpc_ctx *
target_rpc(const struct target *target)
{
	return target->rpc;
}

struct vos_xs *
target_vos(const struct target *target)
{
	return target->vos;
}

struct targets *
target_all(const struct target *target)
{
	return target->all;
}

static uint64_t
wall_now(struct targets *targets)
{
	return hlc_clock_wall(targets->config.clock, env_wall(targets->env), env_mono(targets->env));
}

uint64_t
targets_epoch(struct targets *targets)
{
	uint64_t stamp;

	if (hlc_clock_now(targets->config.clock, wall_now(targets), &stamp) != 0)
		return 0;
	ASSERTF(stamp > targets->config.first_epoch, "an epoch is above all of former lives (clock I1)");
	return stamp;
}

void
targets_set_reserve(struct targets *targets, int (*reserve)(void *arg), void *arg)
{
	targets->reserve = reserve;
	targets->reserve_arg = arg;
}

int
targets_reserve_epochs(struct targets *targets)
{
	uint64_t ceiling;

	if (likely(!hlc_clock_needs_reserve(targets->config.clock, wall_now(targets), TARGETS_AHEAD_NS, &ceiling)))
		return 0;
	return targets->reserve != NULL ? targets->reserve(targets->reserve_arg) : -DER_OVERLOAD_RETRY;
}

void
targets_set_resolve(struct targets *targets, target_resolve resolve, void *arg)
{
	targets->resolve = resolve;
	targets->resolve_arg = arg;
}

/* ---- the keeper ------------------------------------------------------------------------------------------------------ */
/* Forgets old answers of containers that were written to. True while some are left to forget later. */
static bool
reap_answers(struct target *target)
{
	uint64_t now = hlc_from_wall(wall_now(target->all));
	struct target_cont *batch[CONTS_A_ROUND];
	struct vos_cont_info info;
	bool left = false;
	uint32_t nr = 0;
	struct target_cont *cont;

	list_each(cont, &target->written, written) {
		if (nr == ARRAY_SIZE(batch))
			break;
		cont->refs++;
		batch[nr++] = cont;
	}
	for (uint32_t i = 0; i < nr; i++) {
		cont = batch[i];
		/* It stays listed meanwhile, so that those who write do not wake us again; it goes behind the others. */
		list_remove(&cont->written);
		if (!cont->gone)
			list_append(&target->written, &cont->written);
		cont->written_again = false;
		if (cont->gone || vos_dtx_reap(cont->vos, now) != 0 || vos_cont_query(cont->vos, &info) != 0 ||
		    (info.dtx_committed == 0 && !cont->written_again))
			list_remove(&cont->written);
		target_cont_put(cont);
	}
	left = !list_empty(&target->written);
	return left;
}

static void
keeper(void *arg)
{
	struct target *target = arg;
	bool more = true, answers = false;

	while (!target->stopping) {
		if (!more && answers)
			(void)ult_cond_wait_until(&target->wake, NULL, env_mono(target->all->env) + KEEPER_NS);
		else if (!more && list_empty(&target->written) && !target->garbage)
			ult_cond_wait(&target->wake, NULL);
		if (target->stopping)
			break;
		target->garbage = false;
		more = false;
		if (vos_gc_run(target->vos, GC_CREDITS, &more) != 0)
			more = false;
		answers = reap_answers(target);
		ult_yield();
	}
}

void
target__garbage(struct target *target)
{
	target->garbage = true;
	ult_cond_broadcast(&target->wake);
}

void
target__written(struct target_cont *cont)
{
	struct target *target = cont->pool->target;

	cont->written_again = true;
	if (list_linked(&cont->written))
		return;
	if (list_empty(&target->written))
		ult_cond_broadcast(&target->wake);
	list_append(&target->written, &cont->written);
}

void
target__keeper_start(struct target *target)
{
	if (ult_spawn(target->xs, ULT_GC, "target_keeper", keeper, target, &target->keeper) != 0)
		target->keeper = NULL;
}

void
target__keeper_stop(struct target *target)
{
	target->stopping = true;
	if (target->keeper == NULL)
		return;
	ult_cond_broadcast(&target->wake);
	ult_join(target->keeper);
	target->keeper = NULL;
}
