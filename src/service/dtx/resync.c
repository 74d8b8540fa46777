/* SPDX-License-Identifier: Apache-2.0 */
/*
 * After a crash: what is still prepared in a pool is decided before clients are let in (dtx I2). The record at any member names
 * all of them: prepared or committed everywhere means commit, anything else means abort; running it again gives the same.
 * On stream 0; may yield.
 */
#include "internal.h"

#define CONTS_A_ROUND 64U
#define ENTRIES_A_ROUND 64U

struct survey {
	struct dtx *dtx;
	uint32_t target;
	const uint8_t *pool, *cont;
	struct arena *arena;
	/* listing containers, then entries */
	uuid_t after;
	uuid_t uuids[CONTS_A_ROUND];
	uint32_t uuid_nr;
	struct vos_dtx_entry entries[ENTRIES_A_ROUND];
	uint32_t entry_nr;
	/* asking for one */
	const struct vos_dtx_id *id;
	enum vos_dtx_state state;
};

static int
there(struct survey *survey, int (*fn)(void *arg))
{
	return xs_call(target_xs(targets_at(survey->dtx->targets, survey->target)), ULT_METADATA, fn, survey);
}

static int
list_conts(void *arg)
{
	struct survey *survey = arg;
	struct vos_pool *pool;
	int rc;

	rc = vos_pool_open(target_vos(targets_at(survey->dtx->targets, survey->target)), survey->pool, &pool);
	if (rc != 0)
		return rc;
	rc = vos_cont_list(pool, survey->after, survey->uuids, CONTS_A_ROUND, &survey->uuid_nr);
	vos_pool_close(pool);
	return rc;
}

static int
list_entries(void *arg)
{
	struct survey *survey = arg;
	struct target_cont *cont;
	uint32_t at = 0;
	int rc;

	rc = target_cont_open(targets_at(survey->dtx->targets, survey->target), survey->pool, survey->cont, &cont);
	if (rc != 0)
		return rc;
	rc = vos_dtx_list(target_cont_vos(cont), &at, survey->entries, ENTRIES_A_ROUND, &survey->entry_nr, survey->arena);
	target_cont_put(cont);
	return rc;
}

static int
ask_state(void *arg)
{
	struct survey *survey = arg;
	struct target_cont *cont;
	uint64_t epoch;
	int32_t answer;
	int rc;

	rc = target_cont_open(targets_at(survey->dtx->targets, survey->target), survey->pool, survey->cont, &cont);
	if (rc != 0)
		return rc;
	rc = vos_dtx_check(target_cont_vos(cont), survey->id, &survey->state, &epoch, &answer);
	if (rc == -DER_NONEXIST || rc == -DER_EP_OLD) {
		survey->state = VOS_DTX_UNKNOWN;
		rc = 0;
	}
	target_cont_put(cont);
	return rc;
}

int
dtx__finish(struct dtx *dtx, const struct dtx_members *members, const uuid_t pool, const uuid_t cont, const struct vos_dtx_id *id,
	    struct arena *arena, bool *result)
{
	struct survey *ask = ARENA_NEW(arena, struct survey);
	bool commit = true;
	int rc = 0;

	if (ask == NULL)
		return -DER_NOMEM;
	for (uint32_t i = 0; i < members->nr; i++) {
		*ask = (struct survey){.dtx = dtx, .target = members->target[i], .pool = pool, .cont = cont, .id = id};
		rc = there(ask, ask_state);
		if (rc != 0)
			return rc;
		if (ask->state == VOS_DTX_COMMITTED) {
			commit = true; /* dtx I1: then it was prepared everywhere */
			break;
		}
#ifdef PLANTED_dtx_resync_commits_all
		ask->state = VOS_DTX_PREPARED;
#endif
		if (ask->state != VOS_DTX_PREPARED)
			commit = false;
	}
	env_sometimes(dtx->env, commit ? "dtx: resync commits" : "dtx: resync aborts");
	for (uint32_t i = 0; i < members->nr && rc == 0; i++)
		rc = dtx__decide(dtx, members->target[i], pool, cont, id, commit, true);
	*result = commit;
	return rc;
}

static int
decide_entry(struct survey *from, const struct vos_dtx_entry *entry)
{
	struct dtx *dtx = from->dtx;
	struct dtx_members members;
	bool commit;
	int rc;

	rc = dtx__members_unpack(&entry->blob, targets_nr(dtx->targets), &members);
	if (rc != 0) {
		log_error(dtx->env->log, "target %u holds a prepared transaction whose members cannot be read: " RCF, from->target, RCP(rc));
		return rc;
	}
	return dtx__finish(dtx, &members, from->pool, from->cont, &entry->id, from->arena, &commit);
}

/* All entries of one container at one target. Each round decides what it lists, so that the list gets empty. */
static int
resync_cont(struct dtx *dtx, uint32_t target, const uuid_t pool, const uuid_t cont)
{
	struct survey *survey;
	struct arena arena;
	int rc;

	do {
		arena_init(&arena, dtx->env->mem);
		survey = ARENA_NEW(&arena, struct survey);
		if (survey == NULL)
			return -DER_NOMEM;
		*survey = (struct survey){.dtx = dtx, .target = target, .pool = pool, .cont = cont, .arena = &arena};
		rc = there(survey, list_entries);
		for (uint32_t i = 0; rc == 0 && i < survey->entry_nr; i++)
			rc = decide_entry(survey, &survey->entries[i]);
		if (rc == 0 && survey->entry_nr == 0)
			rc = 1;
		arena_fini(&arena);
	} while (rc == 0);
	return rc == 1 ? 0 : rc;
}

int
dtx_resync(struct dtx *dtx, const uuid_t pool)
{
	struct survey *survey = MEM_NEW(dtx->env->mem, struct survey);
	int rc = 0;

	if (survey == NULL)
		return -DER_NOMEM;
	for (uint32_t target = 0; rc == 0 && target < targets_nr(dtx->targets); target++) {
		*survey = (struct survey){.dtx = dtx, .target = target, .pool = pool};
		do {
			rc = there(survey, list_conts);
			for (uint32_t i = 0; rc == 0 && i < survey->uuid_nr; i++)
				rc = resync_cont(dtx, target, pool, survey->uuids[i]);
			if (survey->uuid_nr > 0)
				memcpy(survey->after, survey->uuids[survey->uuid_nr - 1], sizeof(uuid_t));
		} while (rc == 0 && survey->uuid_nr == CONTS_A_ROUND);
	}
	mem_free(dtx->env->mem, survey);
	return rc;
}
