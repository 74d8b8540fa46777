/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions of mounts. The record of a session is durable, with the length of its lease and the handle it works with; when it was last heard
 * of is memory: after a start every session has a lease of its own to be heard of, and before it the time of grace in which its mount finds out that
 * the engine is another: who lost its power ends no connection, and a mount notices by silence only. A session that is alone may be exclusive: it has the
 * container's cache and keeps its locks to itself.
 *
 *	none ──renew, fresh──> live ──renewed──> live ──silence of a lease──> lapsed ──> fenced ──> gone
 *	                        │ renew, 0 ms ─────────────────────────────────────────────────────> gone
 *
 *	exclusive: asked for when nobody else is there. Who comes then is "shut" until the exclusive one was recalled, has told its locks and gave up.
 *	fencing:   the lapsed session's handle is deleted (durable) -> targets forget it, writes that were let through end -> its record is
 *	           deleted (durable) -> its locks and its exclusivity pass on. What still comes from it is -DER_NO_HDL.
 *	           Whoever renews sees to it, so a living mount hears within a second.
 *
 *	session I1  A session's record is durable before its first lease is answered, and outlives its handle.
 *	session I2  At most one session is exclusive. While one is, or may be because it was not heard of since the start, others are shut.
 *	session I3  Nothing of a lapsed session passes on before it is fenced; once fencing began, it does not come back.
 *	session I4  Renewals of a container's sessions change records one after another (busy).
 *
 * Record: string machine, u64 lease in ms, uuid handle (the last two are absent in records of before: the longest lease, no handle).
 * A crash while fencing leaves the record: it lapses again, and all is done once more. Handlers yield.
 */
#include "internal.h"

#define LEASE_MS_MAX (300ULL * 1000)
#define WAIT_MS_MAX (30ULL * 1000)
#define GRACE_MS (12ULL * 1000) /* of a start: 10 s of silence until a peer counts as gone (env), and time to connect again */
#define LOOK_NS (250 * NS_PER_MS) /* a listener looks whether its caller is still there */

enum { GRANTED_A_REPLY = 1024, SESSIONS_A_LIST = 1024 };

/* ---- memory ------------------------------------------------------------------------------------------------------------------ */
static void
on_granted(void *arg, struct lock_session *session)
{
	struct cont_sessions *all = arg;

	ult_cond_broadcast(&all->changed);
}

struct cont_sessions *
cont__sessions_find(struct cont_svcs *svcs, const uuid_t pool, const uuid_t cont)
{
	struct cont_sessions *all;

	list_each(all, &svcs->sessions, link)
		if (uuid_compare(all->cont, cont) == 0 && uuid_compare(all->pool, pool) == 0)
			return all;
	return NULL;
}

static struct cont_sessions *
sessions_get(struct cont_svcs *svcs, const uuid_t pool, const uuid_t cont)
{
	struct cont_sessions *all = cont__sessions_find(svcs, pool, cont);

	if (all == NULL) {
		all = MEM_NEW(svcs->mem, struct cont_sessions);
		if (all == NULL)
			return NULL;
		all->svcs = svcs;
		memcpy(all->pool, pool, sizeof(uuid_t));
		memcpy(all->cont, cont, sizeof(uuid_t));
		list_init(&all->sessions);
		ult_mutex_init(&all->busy);
		ult_cond_init(&all->changed);
		all->number = env_rand(svcs->env) | 1;
		lock_table_init(&all->table, svcs->mem, env_rand(svcs->env), on_granted, all);
		list_append(&svcs->sessions, &all->link);
	}
	all->refs++;
	return all;
}

struct cont_session *
cont__session_find(struct cont_sessions *all, const uuid_t uuid)
{
	struct cont_session *session;

	list_each(session, &all->sessions, link)
		if (uuid_compare(session->uuid, uuid) == 0)
			return session;
	return NULL;
}

static struct cont_session *
session_add(struct cont_sessions *all, const uuid_t uuid)
{
	struct cont_session *session = MEM_NEW(all->svcs->mem, struct cont_session);

	if (session == NULL)
		return NULL;
	memcpy(session->uuid, uuid, sizeof(uuid_t));
	lock_session_init(&all->table, &session->locks);
	list_append(&all->sessions, &session->link);
	ult_cond_broadcast(&all->changed);
	return session;
}

static void
session_drop(struct cont_sessions *all, struct cont_session *session)
{
	lock_session_drop(&all->table, &session->locks);
	list_remove(&session->link);
	mem_free(all->svcs->mem, session->told);
	mem_free(all->svcs->mem, session);
	ult_cond_broadcast(&all->changed);
}

static void
sessions_empty(struct cont_sessions *all)
{
	while (!list_empty(&all->sessions))
		session_drop(all, list_first(&all->sessions, struct cont_session, link));
}

static void
sessions_put(struct cont_sessions *all)
{
	if (--all->refs > 0 || (!all->gone && !list_empty(&all->sessions)))
		return;
	sessions_empty(all);
	list_remove(&all->link);
	lock_table_fini(&all->table);
	mem_free(all->svcs->mem, all);
}

void
cont__sessions_gone(struct cont_svcs *svcs, const uuid_t pool, const uuid_t cont)
{
	struct cont_sessions *all = cont__sessions_find(svcs, pool, cont);

	if (all == NULL)
		return;
	all->refs++;
	all->gone = true;
	sessions_put(all);
}

void
cont__sessions_drop(struct cont_svcs *svcs)
{
	struct cont_sessions *all;

	while (!list_empty(&svcs->sessions)) {
		all = list_first(&svcs->sessions, struct cont_sessions, link);
		all->refs++;
		all->gone = true;
		ASSERT(all->refs == 1);
		sessions_put(all);
	}
}

bool
cont__session_lapsed(const struct cont_sessions *all, const struct cont_session *session)
{
	return session->fenced || session->until_ns < env_mono(all->svcs->env);
}

static uint32_t
others_of(const struct cont_sessions *all, const struct cont_session *session)
{
	struct cont_session *other;
	uint32_t nr = 0;

	list_each(other, &all->sessions, link)
		nr += other != session;
	return nr;
}

/* session I2 */
static bool
is_shut(const struct cont_sessions *all, const struct cont_session *session)
{
	struct cont_session *other;

	list_each(other, &all->sessions, link)
		if (other != session && (other->exclusive || !other->heard))
			return true;
	return false;
}

/* ---- records ------------------------------------------------------------------------------------------------------------------- */
static int
load_session(void *arg, const void *key, size_t key_len, const void *value, size_t value_len)
{
	struct cont_sessions *all = arg;
	struct cont_session *session;
	struct unpacker in;

	if (key_len != sizeof(uuid_t))
		return -DER_DF_INVAL;
	if (cont__session_find(all, key) != NULL)
		return 0;
	session = session_add(all, key);
	if (session == NULL)
		return -DER_NOMEM;
	session->lease_ms = LEASE_MS_MAX;
	unpacker_init(&in, value, value_len);
	(void)unpack_string(&in);
	if (unpacker_left(&in) > 0) {
		session->lease_ms = MIN(unpack_u64(&in), LEASE_MS_MAX);
		unpack_uuid(&in, session->handle);
	}
	session->until_ns = env_mono(all->svcs->env) + (GRACE_MS + session->lease_ms) * NS_PER_MS;
#ifdef PLANTED_cont_no_grace
	session->until_ns -= GRACE_MS * NS_PER_MS;
#endif
	return unpacker_rc(&in) != 0 ? -DER_DF_INVAL : 0;
}

/* What a renewal works on. */
struct renewal {
	struct cont_sessions *all;
	const struct cont_session_renew_in *in;
	struct cont_work work;
};

static int
run(struct renewal *renewal, bool write, int (*body)(void *arg, struct pool_svc *svc, struct rdb_tx *tx))
{
	struct cont_svcs *svcs = renewal->all->svcs;
	struct pool_svc_op op = {.svc = pool_svc_find(svcs->pools, renewal->all->pool), .write = write, .run = body, .arg = renewal};

	return op.svc != NULL ? pool_svc_run(&op) : -DER_NONEXIST;
}

/* The caller may come in; and what records there are, once. */
static int
enter_body(void *arg, struct pool_svc *svc, struct rdb_tx *tx)
{
	struct renewal *renewal = arg;
	struct cont_sessions *all = renewal->all;
	int rc = cont__need(&renewal->work, tx, &renewal->in->at, 0);

	if (rc != 0 || all->loaded)
		return rc;
	rc = rdb_iterate(tx, cont__path(all->cont, "sess"), load_session, all);
	all->loaded = rc == 0;
	return rc;
}

static int
store_body(void *arg, struct pool_svc *svc, struct rdb_tx *tx)
{
	struct renewal *renewal = arg;
	const struct cont_session_renew_in *in = renewal->in;
	struct packer packer;
	uint8_t buf[512];
	int rc = cont__need(&renewal->work, tx, &in->at, 0);

	if (rc != 0)
		return rc;
	packer_init(&packer, buf, sizeof(buf));
	pack_string(&packer, in->machine != NULL && strlen(in->machine) < 256 ? in->machine : "");
	pack_u64(&packer, MIN(in->lease_ms, LEASE_MS_MAX));
	pack_uuid(&packer, in->at.handle);
	rdb_tx_session(tx);
	return rdb_tx_update(tx, cont__path(renewal->all->cont, "sess"), in->session, sizeof(uuid_t), buf, packer_len(&packer));
}

static int
end_body(void *arg, struct pool_svc *svc, struct rdb_tx *tx)
{
	struct renewal *renewal = arg;
	int rc = cont__need(&renewal->work, tx, &renewal->in->at, 0);

	return rc == 0 ? rdb_tx_delete(tx, cont__path(renewal->all->cont, "sess"), renewal->in->session, sizeof(uuid_t)) : rc;
}

/* ---- fencing -------------------------------------------------------------------------------------------------------------------- */
static int
fence_handles_body(void *arg, struct pool_svc *svc, struct rdb_tx *tx)
{
	struct renewal *renewal = arg;
	struct cont_sessions *all = renewal->all;
	struct cont_session *session;
	struct chdl_rec handle;
	struct cont_rec rec;
	uint32_t nr = 0;
	int rc = cont__rec_get(tx, all->cont, &rec);

	list_each(session, &all->sessions, link)
		if (rc == 0 && session->fenced && cont__chdl_get(tx, all->svcs->mem, session->handle, &handle) == 0) {
			rc = rdb_tx_delete(tx, PATH_CHDL, session->handle, sizeof(uuid_t));
			nr++;
		}
	rec.handles -= MIN(rec.handles, nr);
	return rc == 0 && nr > 0 ? cont__rec_put(tx, all->cont, &rec) : rc;
}

static int
fence_records_body(void *arg, struct pool_svc *svc, struct rdb_tx *tx)
{
	struct renewal *renewal = arg;
	struct cont_sessions *all = renewal->all;
	struct cont_session *session;
	int rc = 0;

	list_each(session, &all->sessions, link)
		if (rc == 0 && session->fenced)
			rc = rdb_tx_delete(tx, cont__path(all->cont, "sess"), session->uuid, sizeof(uuid_t));
	return rc;
}

/* session I3. An error leaves them fenced, and the next renewal goes on from there. The caller is heard: it does not lapse now. */
static int
fence_lapsed(struct renewal *renewal, const struct cont_session *caller)
{
	struct cont_sessions *all = renewal->all;
	struct targets *targets = pool_svcs_config(all->svcs->pools)->targets;
	struct cont_session *session, *tmp;
	uint32_t nr = 0;
	int rc;

	list_each(session, &all->sessions, link)
		if (session != caller && cont__session_lapsed(all, session)) {
			session->fenced = true;
			nr++;
		}
	if (nr == 0)
		return 0;
	rc = run(renewal, true, fence_handles_body);
	list_each_safe(session, tmp, &all->sessions, link)
		if (rc == 0 && session->fenced)
			rc = targets_handle_fence(targets, all->pool, all->cont, session->handle);
	if (rc == 0)
		rc = run(renewal, true, fence_records_body);
	if (rc != 0)
		return rc;
	log_note(all->svcs->env->log, "%u session(s) of mounts lapsed and were fenced", nr);
	list_each_safe(session, tmp, &all->sessions, link)
		if (session->fenced)
			session_drop(all, session);
	return 0;
}

/* ---- renewing ------------------------------------------------------------------------------------------------------------------- */
static int
end_session(struct renewal *renewal, struct cont_session *session)
{
	int rc = run(renewal, true, end_body);

	if (rc == 0 && session != NULL)
		session_drop(renewal->all, session);
	return rc == -DER_NONEXIST ? 0 : rc;
}

static void
want(struct cont_sessions *all, struct cont_session *session, uint8_t wanted)
{
	bool was = session->exclusive;

	switch (wanted) {
	case CONT_HAS_EXCLUSIVE:
		session->exclusive |= !session->heard; /* of a service before us; what it told its locks to was that one's table */
		break;
	case CONT_WANT_EXCLUSIVE:
		session->exclusive = others_of(all, session) == 0;
		break;
	default:
		session->exclusive = false;
		break;
	}
	if (session->exclusive && !was) { /* its locks are its own business */
		lock_session_drop(&all->table, &session->locks);
		session->synced = false;
	}
	if (was != session->exclusive || !session->heard)
		ult_cond_broadcast(&all->changed);
	session->heard = true;
}

static int
renew_busy(struct renewal *renewal, struct cont_session **result)
{
	const struct cont_session_renew_in *in = renewal->in;
	struct cont_sessions *all = renewal->all;
	struct cont_session *session;
	uint64_t lease_ms = MIN(in->lease_ms, LEASE_MS_MAX);
	bool known;
	int rc;

	rc = run(renewal, false, enter_body);
	if (rc != 0)
		return rc;
	session = cont__session_find(all, in->session);
	if (session != NULL && session->fenced)
		session = NULL;
	rc = fence_lapsed(renewal, session);
	if (rc != 0)
		return rc;
	if (in->lease_ms == 0)
		return end_session(renewal, session);
	known = session != NULL;
	if (!known && !in->fresh)
		return -DER_NONEXIST; /* it lapsed */
	if (known && in->number < session->renewed)
		return -DER_CANCELED; /* the mount has asked anew since; not -DER_STALE, which clients repeat */
	if (!known || session->lease_ms != lease_ms || uuid_compare(session->handle, in->at.handle) != 0)
		rc = run(renewal, true, store_body);
	if (rc == 0 && !known) {
		session = session_add(all, in->session);
		if (session == NULL)
			return -DER_NOMEM;
		session->heard = session->synced = true; /* it holds nothing yet */
	}
	if (rc != 0)
		return rc;
	memcpy(session->handle, in->at.handle, sizeof(uuid_t));
	session->renewed = in->number;
	session->lease_ms = lease_ms;
	session->until_ns = env_mono(all->svcs->env) + lease_ms * NS_PER_MS;
	for (uint32_t i = 0; i < in->heard_nr; i++)
		lock_granted_take(&all->table, &session->locks, in->heard[i]);
	want(all, session, in->want);
	*result = session;
	return 0;
}

/* Until there is something to hear that the last answer did not say. The session may be gone then. */
static struct cont_session *
listen_for(struct cont_sessions *all, struct cont_session *session, const struct cont_session_renew_in *in, const struct rpc_req *req)
{
	uint64_t until = env_mono(all->svcs->env) + MIN(in->wait_ms, WAIT_MS_MAX) * NS_PER_MS, now;

	while ((now = env_mono(all->svcs->env)) < until && !req->canceled) {
		if (session->exclusive ? others_of(all, session) > 0 : others_of(all, session) != session->told_others)
			break;
		if (!list_empty(&session->locks.granted) || is_shut(all, session) != session->told_shut || session->renewed != in->number)
			break;
		(void)ult_cond_wait_until(&all->changed, NULL, MIN(until, now + LOOK_NS));
		session = cont__session_find(all, in->session);
		if (session == NULL || session->fenced)
			return NULL;
	}
	return session;
}

static int
answer(struct cont_sessions *all, struct cont_session *session, struct arena *arena, struct cont_session_renew_out *out)
{
	uint32_t others = others_of(all, session);

	out->lease_ms = session->lease_ms;
	out->exclusive = session->exclusive;
	out->recalled = session->exclusive && others > 0;
	out->shut = session->told_shut = is_shut(all, session);
	out->sessions = others + 1;
	session->told_others = others;
	out->locks = all->number;
	if (list_empty(&session->locks.granted))
		return 0;
	out->granted = ARENA_NEW_ARRAY(arena, uint64_t, GRANTED_A_REPLY);
	if (out->granted == NULL)
		return -DER_NOMEM;
	out->granted_nr = lock_granted_list(&session->locks, out->granted, GRANTED_A_REPLY);
	return 0;
}

/* The part that both ways of renewing share. */
static int
renew(struct cont_svcs *svcs, struct rpc_req *req, const struct cont_session_renew_in *in, struct cont_session_renew_out *out)
{
	struct renewal renewal = {.in = in, .work = {.req = req, .svcs = svcs}};
	struct cont_session *session = NULL;
	struct pool_svc *svc = pool_svc_find(svcs->pools, in->at.svc.pool);
	int rc;

	if (svc == NULL)
		return -DER_NONEXIST;
	if (uuid_is_null(in->session))
		return -DER_INVAL;
	renewal.all = sessions_get(svcs, in->at.svc.pool, in->at.cont);
	if (renewal.all == NULL)
		return -DER_NOMEM;
	ult_mutex_lock(&renewal.all->busy);
	rc = renew_busy(&renewal, &session);
	ult_mutex_unlock(&renewal.all->busy);
	if (rc == 0 && in->lease_ms > 0) {
		session = listen_for(renewal.all, session, in, req);
		rc = session != NULL ? answer(renewal.all, session, &req->arena, out) : -DER_NONEXIST;
	}
	sessions_put(renewal.all);
	if (pool_svc_find(svcs->pools, in->at.svc.pool) == svc)
		pool_svc_answer(svc, &out->svc);
	return rc;
}

int
cont__session_renew(void *owner, struct rpc_req *req)
{
	return renew(owner, req, req->in, req->out);
}

/* As mounts of version 1 ask: they never have locks to tell, and do not listen. */
int
cont__session_lease(void *owner, struct rpc_req *req)
{
	const struct cont_session_lease_in *in = req->in;
	struct cont_session_lease_out *out = req->out;
	struct cont_session_renew_out renewed = {0};
	struct cont_session_renew_in renewal = {.at = in->at, .lease_ms = in->lease_ms, .machine = in->machine};
	struct cont_svcs *svcs = owner;
	struct cont_sessions *all = cont__sessions_find(svcs, in->at.svc.pool, in->at.cont);
	struct cont_session *session = all != NULL ? cont__session_find(all, in->session) : NULL;
	int rc;

	memcpy(renewal.session, in->session, sizeof(uuid_t));
	renewal.want = in->exclusive ? CONT_WANT_EXCLUSIVE : CONT_WANT_SHARED;
	renewal.fresh = session == NULL;
	rc = renew(svcs, req, &renewal, &renewed);
	all = cont__sessions_find(svcs, in->at.svc.pool, in->at.cont);
	session = rc == 0 && all != NULL ? cont__session_find(all, in->session) : NULL;
	if (session != NULL)
		session->synced |= !session->exclusive;
	out->svc = renewed.svc;
	out->lease_ms = renewed.lease_ms;
	out->exclusive = renewed.exclusive;
	out->sessions = renewed.sessions;
	out->recalled = (in->exclusive && !renewed.exclusive) || renewed.shut;
	return rc;
}

/* ---- listing -------------------------------------------------------------------------------------------------------------------- */
struct listing {
	struct cont_work *work;
	struct cont_session_list_out *out;
};

static int
list_session(void *arg, const void *key, size_t key_len, const void *value, size_t value_len)
{
	struct listing *listing = arg;
	struct cont_work *work = listing->work;
	struct cont_sessions *all = cont__sessions_find(work->svcs, pool_svc_uuid(work->svc), work->cont);
	struct cont_session *known = all != NULL && key_len == sizeof(uuid_t) ? cont__session_find(all, key) : NULL;
	uint64_t now = env_mono(work->svcs->env);
	struct cont_session_out *session;
	struct unpacker in;
	const char *machine;

	if (key_len != sizeof(uuid_t) || listing->out->sessions_nr == SESSIONS_A_LIST)
		return key_len != sizeof(uuid_t) ? -DER_DF_INVAL : 1;
	unpacker_init(&in, value, value_len);
	machine = unpack_string(&in);
	session = &listing->out->sessions[listing->out->sessions_nr++];
	memcpy(session->session, key, sizeof(uuid_t));
	/* Lapsed but not fenced: it is there until it is. */
	session->left_ms = known == NULL ? LEASE_MS_MAX : known->until_ns > now + NS_PER_MS ? (known->until_ns - now) / NS_PER_MS : 1;
	session->exclusive = known != NULL && known->exclusive;
	session->machine = machine != NULL ? arena_dup(&work->req->arena, machine, strlen(machine) + 1) : NULL;
	return 0;
}

static int
list_body(void *arg, struct pool_svc *svc, struct rdb_tx *tx)
{
	struct cont_work *work = arg;
	const struct cont_session_list_in *in = work->req->in;
	struct listing listing = {.work = work, .out = work->req->out};
	int rc;

	rc = cont__need(work, tx, &in->at, 0);
	if (rc != 0)
		return rc;
	listing.out->sessions = ARENA_NEW_ARRAY(&work->req->arena, struct cont_session_out, SESSIONS_A_LIST);
	if (listing.out->sessions == NULL)
		return -DER_NOMEM;
	rc = rdb_iterate(tx, cont__path(work->cont, "sess"), list_session, &listing);
	return rc == 1 ? 0 : rc;
}

int
cont__session_list(void *owner, struct rpc_req *req)
{
	const struct cont_session_list_in *in = req->in;
	struct cont_session_list_out *out = req->out;

	return cont__run(owner, req, &in->at.svc, &out->svc, false, list_body, NULL, NULL, 0, NULL);
}
