/* SPDX-License-Identifier: Apache-2.0 */
/* Within service/dtx. */
#ifndef DTX_INTERNAL_H
#define DTX_INTERNAL_H

#include "service/dtx/dtx.h"
#include "base/list.h"

#define DTX_TARGETS_MAX 256U

/* A transaction that was answered with an error for good. */
struct dtx_refusal {
	struct vos_dtx_id id;
	int rc; /* 0: none */
	uint64_t turn;
};
#define DTX_REFUSAL_SETS 512U
#define DTX_REFUSAL_WAYS 4U

/* What is under way or was just decided on one target: touched by its stream alone. */
struct dtx_target {
	struct target *target;
	struct list running;     /* dtx_running of transactions that it leads */
	struct ult_cond changed; /* a transaction was decided here */
	struct dtx_refusal *refusals; /* DTX_REFUSAL_SETS times DTX_REFUSAL_WAYS */
	uint64_t refused;        /* so far */
};

struct dtx_running {
	struct list link;
	struct vos_dtx_id id;
};

struct dtx {
	struct env *env;
	struct targets *targets;
	uint32_t rank;
	struct dtx_target *at;
};

/* What a prepared transaction's blob says: who leads, who takes part (target indices). */
struct dtx_members {
	uint32_t leader;
	uint32_t nr;
	uint32_t target[DTX_TARGETS_MAX];
};
int dtx__members_pack(const struct dtx_members *members, struct arena *arena, struct vos_dtx_blob *blob);
/* From the disk: hostile. */
int dtx__members_unpack(const struct vos_dtx_blob *blob, uint32_t target_nr, struct dtx_members *members);

/** Commits or aborts id at a target, from any stream of the engine; durable when it returns 0 and wait is set. YIELDS */
int dtx__decide(struct dtx *dtx, uint32_t target, const uuid_t pool, const uuid_t cont, const struct vos_dtx_id *id, bool commit, bool wait);

/**
 * Decides what is left of id at its members, by dtx I2: committed when it is committed at one of them or prepared at all, else aborted.
 * *commit: which. Nothing of id is under way. YIELDS
 */
int dtx__finish(struct dtx *dtx, const struct dtx_members *members, const uuid_t pool, const uuid_t cont, const struct vos_dtx_id *id,
		struct arena *arena, bool *commit);

/**
 * Refusals (refusal.c). A transaction that is applied leaves its id in vos; one that is refused leaves nothing there, so its answer is kept
 * here: a repetition that was overtaken on its way must not find the condition true by now (dtx I4).
 */
int dtx__refused(const struct dtx_target *at, const struct vos_dtx_id *id);
void dtx__refuse(struct dtx_target *at, const struct vos_dtx_id *id, int rc);

static inline struct vos_dtx_id
dtx__id(const struct rpc_dtx_id *id)
{
	struct vos_dtx_id out = {.hlc = id->hlc};

	memcpy(out.client, id->client, sizeof(uuid_t));
	return out;
}

static inline bool
dtx__id_equal(const struct vos_dtx_id *a, const struct vos_dtx_id *b)
{
	return a->hlc == b->hlc && memcmp(a->client, b->client, sizeof(uuid_t)) == 0;
}

#endif
