/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Locks of sessions: one table (pure/lock) for each container that is mounted, in memory. What is durable is who may hold locks: the sessions'
 * records. After a start the table is empty and has a new number; every session tells what it holds before anything is granted to anybody (the mount
 * keeps its own list, which it needs anyway while it is alone), and a session that does not come back lapses within its lease. So a lock
 * costs no write, and the time of grace ends with the last session that was heard of, not after a fixed time.
 *
 *	lock I1  Nothing is granted while a session that is not synced could hold something: it is exclusive, recalled, or not heard of yet.
 *	lock I2  What a session holds passes on only when the session let go of it, ended, or was fenced (session I3).
 *	lock I3  A request below its session's floor changes nothing: a copy that comes late does not bring back what was given up.
 *	lock I4  A grant to who waits stays until the mount has heard of it: it is told with every renewal until then.
 *
 * Nothing here yields; waiting is an entry of the table, the answer comes with a renewal. A crash forgets all, and all is told again.
 */
#include "internal.h"

/* The session that a request is of, when it may ask: else NULL. */
static struct cont_session *
session_of(struct cont_svcs *svcs, const struct cont_in *at, const uuid_t uuid, uint64_t table, struct cont_sessions **all)
{
	struct cont_session *session;

	*all = cont__sessions_find(svcs, at->svc.pool, at->cont);
	if (*all == NULL || (*all)->number != table)
		return NULL;
	session = cont__session_find(*all, uuid);
	if (session == NULL || cont__session_lapsed(*all, session) || uuid_compare(session->handle, at->handle) != 0)
		return NULL;
	return session;
}

/* lock I1 */
static bool
in_grace(const struct cont_sessions *all)
{
	struct cont_session *session;

	list_each(session, &all->sessions, link)
		if (!session->synced)
			return true;
	return false;
}

static void
want_from(const struct cont_lock_range *range, struct lock_want *want)
{
	*want = (struct lock_want){.file = range->file, .owner = range->owner, .start = range->start, .end = range->end, .pid = range->pid,
				   .space = range->space, .kind = range->kind};
}

static void
want_to(const struct lock_want *want, struct cont_lock_range *range)
{
	*range = (struct cont_lock_range){.file = want->file, .owner = want->owner, .start = want->start, .end = want->end, .pid = want->pid,
					  .space = want->space, .kind = want->kind};
}

static int
set(struct cont_sessions *all, struct cont_session *session, const struct cont_lock_in *in, struct cont_lock_out *out)
{
	enum lock_verdict verdict = in->wait != 0 ? lock_wait_state(&session->locks, in->wait) : LOCK_DENIED;
	const struct lock_session *other = NULL;
	struct lock_want want, holder = {0};
	int rc = 0;

	want_from(&in->lock, &want);
	if (verdict == LOCK_GRANTED) /* a repeated request */
		lock_granted_take(&all->table, &session->locks, in->wait);
	if (verdict == LOCK_DENIED)
		rc = lock_set(&all->table, &session->locks, &want, in->wait, &verdict, &holder, &other);
	if (rc == 0 && verdict == LOCK_DENIED) {
		want_to(&holder, &out->holder);
		out->own = other == NULL;
	}
	out->verdict = (uint8_t)verdict;
	return rc;
}

static void
test(struct cont_sessions *all, struct cont_session *session, const struct cont_lock_in *in, struct cont_lock_out *out)
{
	const struct lock_session *other;
	struct lock_want want, holder;

	want_from(&in->lock, &want);
	out->verdict = CONT_LOCK_GRANTED;
	if (!lock_test(&all->table, &session->locks, &want, &holder, &other))
		return;
	out->verdict = CONT_LOCK_DENIED;
	want_to(&holder, &out->holder);
	out->own = other == NULL;
}

static void
cancel(struct cont_sessions *all, struct cont_session *session, uint64_t wait, struct cont_lock_out *out)
{
	enum lock_verdict state = lock_wait_state(&session->locks, wait);

	if (state == LOCK_WAITS)
		(void)lock_cancel(&all->table, &session->locks, wait);
	else
		lock_granted_take(&all->table, &session->locks, wait);
	out->verdict = state == LOCK_GRANTED ? CONT_LOCK_GRANTED : CONT_LOCK_DENIED;
}

int
cont__lock(void *owner, struct rpc_req *req)
{
	const struct cont_lock_in *in = req->in;
	struct cont_lock_out *out = req->out;
	struct cont_svcs *svcs = owner;
	struct cont_sessions *all;
	struct cont_session *session = session_of(svcs, &in->at, in->session, in->locks, &all);
	struct pool_svc *svc = pool_svc_find(svcs->pools, in->at.svc.pool);

	if (svc == NULL)
		return -DER_NONEXIST;
	pool_svc_answer(svc, &out->svc);
	out->verdict = CONT_LOCK_UNKNOWN;
	if (session == NULL || !session->synced)
		return 0;
	if (in->number < session->floor)
		return -DER_CANCELED;
	session->floor = MAX(session->floor, in->floor);
	if (in->op == CONT_LOCK_CANCEL) {
		cancel(all, session, in->wait, out);
		return 0;
	}
	out->verdict = CONT_LOCK_LATER;
	if (in->lock.kind != LOCK_NONE && in_grace(all))
		return 0;
	switch (in->op) {
	case CONT_LOCK_SET:
		return set(all, session, in, out);
	case CONT_LOCK_TEST:
		test(all, session, in, out);
		return 0;
	default:
		return -DER_INVAL;
	}
}

/* Appends to what the session has told so far. */
static int
tell(struct cont_svcs *svcs, struct cont_session *session, const struct cont_locks_put_in *in)
{
	uint32_t nr = in->first ? 0 : session->told_nr;
	struct lock_want *more;

	if (in->held_nr > LOCK_RANGES_MAX - MIN(nr, (uint32_t)LOCK_RANGES_MAX))
		return -DER_NOSPACE;
	more = MEM_NEW_ARRAY(svcs->mem, struct lock_want, nr + in->held_nr + 1);
	if (more == NULL)
		return -DER_NOMEM;
	if (nr > 0)
		memcpy(more, session->told, nr * sizeof(*more));
	for (uint32_t i = 0; i < in->held_nr; i++)
		want_from(&in->held[i], &more[nr + i]);
	mem_free(svcs->mem, session->told);
	session->told = more;
	session->told_nr = nr + in->held_nr;
	return 0;
}

int
cont__locks_put(void *owner, struct rpc_req *req)
{
	const struct cont_locks_put_in *in = req->in;
	struct cont_locks_put_out *out = req->out;
	struct cont_svcs *svcs = owner;
	struct cont_sessions *all;
	struct cont_session *session = session_of(svcs, &in->at, in->session, in->locks, &all);
	struct pool_svc *svc = pool_svc_find(svcs->pools, in->at.svc.pool);
	int rc;

	if (svc == NULL)
		return -DER_NONEXIST;
	pool_svc_answer(svc, &out->svc);
	if (session == NULL)
		return 0;
	if (in->floor < session->floor)
		return -DER_CANCELED;
	out->known = true;
	session->floor = in->floor;
	rc = tell(svcs, session, in);
	if (rc != 0 || !in->last)
		return rc;
	rc = lock_replace(&all->table, &session->locks, session->told, session->told_nr);
	mem_free(svcs->mem, session->told);
	session->told = NULL;
	session->told_nr = 0;
	if (rc == -DER_BUSY)
		log_error(svcs->env->log, "a mount says that it holds locks that another mount holds: it does not get them");
	session->synced = rc == 0 || rc == -DER_BUSY;
	ult_cond_broadcast(&all->changed);
	return rc;
}
