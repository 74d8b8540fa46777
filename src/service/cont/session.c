/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions of mounts. The record of a session is durable; when it was last heard of is memory: after a restart every session gets a whole
 * lease to be heard of again. A sole session may have the container's cache; it loses it when another comes.
 *
 *   none ──lease──> live ──renewed──> live        live ──silence of a lease──> lapsed, its record goes with the next call
 *
 * Record: string machine. Leases of up to 5 minutes.
 */
#include "internal.h"

#define LEASE_MS_MAX (300ULL * 1000)

/* A session heard of since the start. */
struct lease {
	struct list link;
	uuid_t pool, cont, session;
	uint64_t until_ns;
	uint64_t lease_ms;
	bool exclusive;
};

static struct lease *
lease_find(struct cont_svcs *svcs, const uuid_t pool, const uuid_t cont, const uuid_t session)
{
	struct lease *lease;

	list_each(lease, &svcs->leases, link)
		if (uuid_compare(lease->session, session) == 0 && uuid_compare(lease->cont, cont) == 0 && uuid_compare(lease->pool, pool) == 0)
			return lease;
	return NULL;
}

static void
lease_drop(struct cont_svcs *svcs, struct lease *lease)
{
	list_remove(&lease->link);
	mem_free(svcs->mem, lease);
}

void
cont__sessions_drop(struct cont_svcs *svcs)
{
	while (!list_empty(&svcs->leases))
		lease_drop(svcs, list_first(&svcs->leases, struct lease, link));
}

/* What the records of a container say. */
struct census {
	struct cont_work *work;
	struct rdb_tx *tx;
	const struct cont_session_lease_in *in;
	struct rdb_path path;
	bool write;           /* lapsed ones may be removed */
	bool known;           /* the caller's is there */
	uint32_t others;      /* live ones besides the caller's */
	bool other_exclusive;
	/* listing */
	struct cont_session_list_out *out;
	uint32_t max;
};

static int
count_session(void *arg, const void *key, size_t key_len, const void *value, size_t value_len)
{
	struct census *census = arg;
	struct cont_svcs *svcs = census->work->svcs;
	const uint8_t *pool = pool_svc_uuid(census->work->svc);
	uint64_t now = env_mono(svcs->env);
	struct lease *lease;

	if (key_len != sizeof(uuid_t))
		return -DER_DF_INVAL;
	if (uuid_compare(key, census->in->session) == 0) {
		census->known = true;
		return 0;
	}
	lease = lease_find(svcs, pool, census->work->cont, key);
	if (lease == NULL) { /* of before our start: a whole lease from now */
		lease = MEM_NEW(svcs->mem, struct lease);
		if (lease == NULL)
			return -DER_NOMEM;
		memcpy(lease->pool, pool, sizeof(uuid_t));
		memcpy(lease->cont, census->work->cont, sizeof(uuid_t));
		memcpy(lease->session, key, sizeof(uuid_t));
		lease->lease_ms = LEASE_MS_MAX;
		lease->until_ns = now + LEASE_MS_MAX * NS_PER_MS;
		list_append(&svcs->leases, &lease->link);
	}
	if (lease->until_ns < now) {
		if (!census->write)
			return 0;
		lease_drop(svcs, lease);
		return rdb_tx_delete(census->tx, census->path, key, key_len);
	}
	census->others++;
	census->other_exclusive |= lease->exclusive;
	return 0;
}

static int
lease_body(void *arg, struct pool_svc *svc, struct rdb_tx *tx)
{
	struct cont_work *work = arg;
	struct census *census = work->extra;
	const struct cont_session_lease_in *in = work->req->in;
	struct packer packer;
	uint8_t buf[512];
	int rc;

	census->work = work;
	census->tx = tx;
	census->in = in;
	rc = cont__need(work, tx, &in->at, 0);
	if (rc != 0)
		return rc;
	census->path = cont__path(work->cont, "sess");
	rc = rdb_iterate(tx, census->path, count_session, census);
	if (rc != 0 || !census->write)
		return rc;
	if (in->lease_ms == 0)
		return census->known ? rdb_tx_delete(tx, census->path, in->session, sizeof(uuid_t)) : 0;
	if (census->known)
		return 0;
	packer_init(&packer, buf, sizeof(buf));
	pack_string(&packer, in->machine != NULL && strlen(in->machine) < 256 ? in->machine : "");
	return rdb_tx_update(tx, census->path, in->session, sizeof(uuid_t), buf, packer_len(&packer));
}

/* The caller's lease in memory, after its record is there. */
static int
lease_note(struct cont_svcs *svcs, const struct cont_session_lease_in *in, const struct census *census, struct cont_session_lease_out *out)
{
	struct lease *lease = lease_find(svcs, in->at.svc.pool, in->at.cont, in->session);

	if (in->lease_ms == 0) {
		if (lease != NULL)
			lease_drop(svcs, lease);
		return 0;
	}
	if (lease == NULL) {
		lease = MEM_NEW(svcs->mem, struct lease);
		if (lease == NULL)
			return -DER_NOMEM;
		memcpy(lease->pool, in->at.svc.pool, sizeof(uuid_t));
		memcpy(lease->cont, in->at.cont, sizeof(uuid_t));
		memcpy(lease->session, in->session, sizeof(uuid_t));
		list_append(&svcs->leases, &lease->link);
	}
	lease->lease_ms = MIN(in->lease_ms, LEASE_MS_MAX);
	lease->until_ns = env_mono(svcs->env) + lease->lease_ms * NS_PER_MS;
	lease->exclusive = in->exclusive && census->others == 0;
	out->lease_ms = lease->lease_ms;
	out->exclusive = lease->exclusive;
	out->sessions = census->others + 1;
	out->recalled = in->exclusive && !lease->exclusive;
	/* An exclusive one elsewhere keeps its cache until it has heard: who comes waits. */
	if (census->other_exclusive)
		out->recalled = true;
	return 0;
}

int
cont__session_lease(void *owner, struct rpc_req *req)
{
	struct cont_svcs *svcs = owner;
	const struct cont_session_lease_in *in = req->in;
	struct cont_session_lease_out *out = req->out;
	struct census census = {0};
	int rc;

	if (uuid_is_null(in->session))
		return -DER_INVAL;
	/* A renewal writes nothing; everything else is a change of the records. */
	census.write = in->lease_ms == 0 || lease_find(svcs, in->at.svc.pool, in->at.cont, in->session) == NULL;
	rc = cont__run(owner, req, &in->at.svc, &out->svc, census.write, lease_body, NULL, NULL, 0, &census);
	if (rc == 0 && !census.write && !census.known)
		rc = -DER_NONEXIST; /* it lapsed, and its record is gone */
	return rc == 0 ? lease_note(svcs, in, &census, out) : rc;
}

static int
list_session(void *arg, const void *key, size_t key_len, const void *value, size_t value_len)
{
	struct census *census = arg;
	struct cont_svcs *svcs = census->work->svcs;
	uint64_t now = env_mono(svcs->env);
	struct cont_session_out *session;
	struct unpacker in;
	struct lease *lease;
	const char *machine;

	if (key_len != sizeof(uuid_t) || census->out->sessions_nr == census->max)
		return key_len != sizeof(uuid_t) ? -DER_DF_INVAL : 1;
	unpacker_init(&in, value, value_len);
	machine = unpack_string(&in);
	lease = lease_find(svcs, pool_svc_uuid(census->work->svc), census->work->cont, key);
	session = &census->out->sessions[census->out->sessions_nr++];
	memcpy(session->session, key, sizeof(uuid_t));
	session->left_ms = lease == NULL ? LEASE_MS_MAX : lease->until_ns > now ? (lease->until_ns - now) / NS_PER_MS : 0;
	session->exclusive = lease != NULL && lease->exclusive;
	session->machine = machine != NULL ? arena_dup(&census->work->req->arena, machine, strlen(machine) + 1) : NULL;
	return 0;
}

static int
list_body(void *arg, struct pool_svc *svc, struct rdb_tx *tx)
{
	struct cont_work *work = arg;
	const struct cont_session_list_in *in = work->req->in;
	struct cont_session_list_out *out = work->req->out;
	struct census census = {.work = work, .out = out, .max = 1024};
	int rc;

	rc = cont__need(work, tx, &in->at, 0);
	if (rc != 0)
		return rc;
	out->sessions = ARENA_NEW_ARRAY(&work->req->arena, struct cont_session_out, census.max);
	if (out->sessions == NULL)
		return -DER_NOMEM;
	rc = rdb_iterate(tx, cont__path(work->cont, "sess"), list_session, &census);
	return rc == 1 ? 0 : rc;
}

int
cont__session_list(void *owner, struct rpc_req *req)
{
	const struct cont_session_list_in *in = req->in;
	struct cont_session_list_out *out = req->out;

	return cont__run(owner, req, &in->at.svc, &out->svc, false, list_body, NULL, NULL, 0, NULL);
}
