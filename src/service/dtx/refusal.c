/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers of transactions that were refused, for repetitions that come late: a client sends a request again when it hears nothing; the first
 * copy may have waited for its data meanwhile, or on a slow link, and would run when the second was refused long ago and the client
 * has gone on, and may even have made the condition true itself.
 *
 *   id -> a set of places; the oldest in it makes room
 *
 * In memory only: a copy that is on its way dies with the engine that it was sent to. Answers upon which the client sends the same id again are
 * not kept. Nothing yields.
 */
#include "internal.h"

static struct dtx_refusal *
set_of(const struct dtx_target *at, const struct vos_dtx_id *id)
{
	uint64_t client;

	memcpy(&client, id->client, sizeof(client));
	return &at->refusals[((id->hlc ^ client) * 0x9e3779b97f4a7c15ULL >> 32) % DTX_REFUSAL_SETS * DTX_REFUSAL_WAYS];
}

int
dtx__refused(const struct dtx_target *at, const struct vos_dtx_id *id)
{
	const struct dtx_refusal *set = set_of(at, id);

	for (uint32_t i = 0; i < DTX_REFUSAL_WAYS; i++)
		if (set[i].rc != 0 && dtx__id_equal(&set[i].id, id))
			return set[i].rc;
	return 0;
}

static bool
is_final(int rc)
{
	switch (rc) {
	case 0:
	case -DER_NOTLEADER:
	case -DER_STALE:
	case -DER_OVERLOAD_RETRY:
	case -DER_GRPVER:
	case -DER_SHUTDOWN:
	case -DER_INPROGRESS:
		return false;
	default:
		return true;
	}
}

void
dtx__refuse(struct dtx_target *at, const struct vos_dtx_id *id, int rc)
{
	struct dtx_refusal *set = set_of(at, id), *oldest = set;

	if (!is_final(rc))
		return;
	for (uint32_t i = 1; i < DTX_REFUSAL_WAYS && oldest->rc != 0; i++)
		if (set[i].rc == 0 || set[i].turn < oldest->turn)
			oldest = &set[i];
	*oldest = (struct dtx_refusal){.id = *id, .rc = rc, .turn = ++at->refused};
}
