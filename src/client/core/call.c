/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rule by which calls are repeated, in one place.
 *
 *   call ──answered──> the handler's status ──> done, unless it says "not here" or "not now": back off, ask `again`, repeat
 *     └──not answered─> unreachable, timed out ──> back off, refresh what is known of the system now and then, repeat
 *
 * until the deadline; then -DER_TIMEDOUT (client I2). The body is packed anew each time from the same struct, request id
 * included (client I1). May yield; a crash leaves nothing.
 */
#include "internal.h"

#define BACKOFF_FIRST_NS (1 * NS_PER_MS)
#define BACKOFF_MOST_NS (500 * NS_PER_MS)
#define ATTEMPT_NS (10 * NS_PER_S) /* a silent server is asked again after it */

static bool
worth_repeating(int rc, bool answered)
{
	switch (rc) {
	case -DER_NOTLEADER:
	case -DER_STALE:
	case -DER_OVERLOAD_RETRY:
	case -DER_GRPVER:
	case -DER_SHUTDOWN:
	case -DER_INPROGRESS:
		return true;
	case -DER_UNREACH:
	case -DER_TIMEDOUT:
	case -DER_OOG:
#ifdef PLANTED_client_gives_up
		return !answered && rc != -DER_UNREACH;
#endif
		return !answered;
	default:
		return false;
	}
}

/* Sleeps a random part of a growing pause, at most until the deadline. */
static void
back_off(struct client *client, uint32_t attempt, uint64_t deadline_ns)
{
	uint64_t most = MIN(BACKOFF_FIRST_NS << MIN(attempt, 10U), BACKOFF_MOST_NS);
	uint64_t until = env_mono(client->env) + most / 2 + env_rand(client->env) % (most / 2 + 1);

	ult_sleep_until(MIN(until, deadline_ns));
}

static int
attempt_once(struct client *client, struct client_call *call, uint64_t deadline_ns, bool *answered)
{
	struct rpc_peer *peer;
	struct rpc_call rpc;
	int rc;

	*answered = false;
	rc = rpc_peer_rank(client->rpc, call->rank, call->tag, &peer);
	if (rc != 0)
		return rc;
	rpc = (struct rpc_call){.peer = peer,
				.opc = call->opc,
				.in = call->in,
				.out = call->out,
				.arena = call->arena,
				.deadline_ns = MIN(MIN(deadline_ns, client->end_ns), env_mono(client->env) + ATTEMPT_NS),
				.expose = call->expose,
				.expose_nr = call->expose_nr,
				.expose_access = call->expose_access,
				.bulk = call->bulk};
	client->stats.calls++;
	rc = rpc_call(client->rpc, &rpc, answered);
	rpc_peer_put(peer);
	return rc;
}

int
client_call(struct client *client, struct client_call *call)
{
	uint64_t deadline_ns = call->deadline_ns != 0 ? call->deadline_ns : env_mono(client->env) + client->patience_ns;
	bool answered;
	int rc, verdict;

	for (uint32_t attempt = 0;; attempt++) {
		rc = attempt_once(client, call, deadline_ns, &answered);
		if (rc == 0 || !worth_repeating(rc, answered))
			return rc;
		if (rc == -DER_TIMEDOUT)
			client->stats.timeouts++;
		else if (!answered)
			client->stats.unreachable++;
		if (call->again != NULL) {
			verdict = call->again(call->arg, call, rc);
			if (verdict != 0)
				return verdict;
		}
		if (env_mono(client->env) >= MIN(deadline_ns, client->end_ns)) {
			log_error(client->env->log, "rank %u tag %u did not serve operation %x in time (last: " RCF "): is its engine running?",
				  call->rank, call->tag, call->opc, RCP(rc));
			return -DER_TIMEDOUT;
		}
		env_sometimes(client->env, "client: call repeated");
		client->stats.repeats++;
		back_off(client, attempt, MIN(deadline_ns, client->end_ns));
		/* A restarted engine may listen elsewhere: ask the agent, and forgive it for not answering just now. */
		if (!answered && client->agent != NULL && attempt % 4 == 3)
			(void)client_refresh(client);
	}
}
