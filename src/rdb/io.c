/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What libraft asks of the machine, answered by the store, the stream and the clock. libraft is called under rdb->lock only, and
 * calls back under it; what must be durable before it returns (term, vote) yields there, with the lock held. Appends and
 * snapshots are written in order by the writer, a ULT, which takes the lock to report them.
 *
 *	rdb I3  libraft hears of an append only when it is durable.
 *
 * A database of one voter needs no ticks: it elects itself when it starts, and stays quiet (P9). Messages to other replicas: -DER_NOSYS,
 * as RAFT_NOCONNECTION.
 */
#include "internal.h"

enum job_kind { JOB_APPEND, JOB_SNAPSHOT, JOB_GET };

struct job {
	struct list link;
	enum job_kind kind;
	void *req; /* of libraft */
	void (*cb)(void);
	/* append */
	uint64_t first;
	struct rdb_entry *entries;
	uint32_t nr;
	/* snapshot */
	struct rdb_snap snap;
	uint64_t keep_from; /* log entries below it go */
	struct arena arena;
};

static struct rdb *
rdb_of(struct raft_io *io)
{
	return io->impl;
}

static int
to_raft(int rc)
{
	return rc == 0 ? 0 : rc == -DER_NOMEM ? RAFT_NOMEM : rc == -DER_NOSPACE ? RAFT_NOSPACE : rc == -DER_DF_INVAL ? RAFT_CORRUPT : RAFT_IOERR;
}

static int
io_init(struct raft_io *io, raft_id id, const char *address)
{
	return 0;
}

static void
io_close(struct raft_io *io, raft_io_close_cb cb)
{
	if (cb != NULL)
		cb(io);
}

/* ---- loading -------------------------------------------------------------------------------------------------------------- */
int
rdb__configuration_decode(const void *data, size_t len, struct raft_configuration *conf)
{
	struct unpacker in;
	uint32_t nr;
	int rc = 0;

	raft_configuration_init(conf);
	unpacker_init(&in, data, len);
	nr = unpack_count(&in, 13);
	for (uint32_t i = 0; rc == 0 && i < nr; i++) {
		uint64_t id = unpack_u64(&in);
		const char *address = unpack_string(&in);
		uint8_t role = unpack_u8(&in);

		rc = unpacker_rc(&in) != 0 || address == NULL ? RAFT_CORRUPT : raft_configuration_add(conf, id, address, role);
	}
	if (rc == 0 && unpacker_finish(&in) != 0)
		rc = RAFT_CORRUPT;
	if (rc != 0)
		raft_configuration_close(conf);
	return rc;
}

int
rdb__configuration_encode(const struct raft_configuration *conf, struct arena *arena, const void **data, size_t *len)
{
	struct packer packer;
	size_t size = 64 + (size_t)conf->n * 512;
	void *buf = arena_alloc(arena, size);

	if (buf == NULL)
		return -DER_NOMEM;
	packer_init(&packer, buf, size);
	pack_count(&packer, conf->n);
	for (unsigned i = 0; i < conf->n; i++) {
		pack_u64(&packer, conf->servers[i].id);
		pack_string(&packer, conf->servers[i].address);
		pack_u8(&packer, (uint8_t)conf->servers[i].role);
	}
	*data = buf;
	*len = packer_len(&packer);
	return packer_rc(&packer);
}

/* The snapshot's content is what the stores hold already: one word that refers to it. */
static int
make_reference(uint64_t index, struct raft_buffer *buf)
{
	buf->base = raft_malloc(8);
	buf->len = 8;
	if (buf->base == NULL)
		return RAFT_NOMEM;
	memcpy(buf->base, &index, 8);
	return 0;
}

static int
load_snapshot(struct rdb *rdb, struct raft_snapshot **result)
{
	struct raft_snapshot *snapshot;
	struct rdb_snap snap;
	struct arena arena;
	int rc;

	*result = NULL;
	arena_init(&arena, rdb->mem);
	rc = rdb__snap_get(&rdb->store, &arena, &snap);
	if (rc == -DER_NONEXIST) {
		arena_fini(&arena);
		return 0;
	}
	snapshot = rc == 0 ? raft_calloc(1, sizeof(*snapshot)) : NULL;
	rc = rc != 0 ? to_raft(rc) : snapshot == NULL ? RAFT_NOMEM : 0;
	if (rc == 0)
		snapshot->bufs = raft_calloc(1, sizeof(*snapshot->bufs));
	if (rc == 0)
		rc = snapshot->bufs == NULL ? RAFT_NOMEM : make_reference(snap.index, &snapshot->bufs[0]);
	if (rc == 0)
		rc = rdb__configuration_decode(snap.conf, snap.conf_len, &snapshot->configuration);
	if (rc == 0) {
		snapshot->index = snap.index;
		snapshot->term = snap.term;
		snapshot->configuration_index = snap.conf_index;
		snapshot->n_bufs = 1;
		*result = snapshot;
	}
	arena_fini(&arena);
	return rc;
}

static int
load_entry(struct rdb *rdb, uint64_t index, struct raft_entry *out)
{
	struct rdb_entry entry;
	struct arena arena;
	int rc;

	arena_init(&arena, rdb->mem);
	rc = rdb__log_get(&rdb->store, index, &arena, &entry);
	if (rc == 0) {
		*out = (struct raft_entry){.term = entry.term, .type = entry.type, .buf = {.len = entry.len}};
		out->buf.base = raft_malloc(MAX(entry.len, (size_t)8));
		if (out->buf.base == NULL)
			rc = -DER_NOMEM;
		else
			memcpy(out->buf.base, entry.data, entry.len);
	}
	arena_fini(&arena);
	return rc;
}

static int
load_log(struct rdb *rdb, raft_index *start, struct raft_entry **entries, size_t *nr)
{
	uint64_t first = 0, last = 0;
	int rc;

	*entries = NULL;
	*nr = 0;
	rc = rdb__log_bounds(&rdb->store, &first, &last);
	if (rc == -DER_NONEXIST)
		return 0;
	if (rc != 0)
		return to_raft(rc);
	*start = first;
	*entries = raft_calloc(last - first + 1, sizeof(**entries));
	if (*entries == NULL)
		return RAFT_NOMEM;
	for (uint64_t index = first; index <= last; index++) {
		rc = load_entry(rdb, index, &(*entries)[index - first]);
		if (rc != 0) {
			log_error(rdb->env->log, "entry %lu of the log cannot be read: " RCF, index, RCP(rc));
			return to_raft(rc == -DER_NONEXIST ? -DER_DF_INVAL : rc);
		}
		rdb->log_bytes += (*entries)[index - first].buf.len;
		(*nr)++;
	}
	rdb->next_index = last + 1;
	return 0;
}

static int
io_load(struct raft_io *io, raft_term *term, raft_id *voted_for, struct raft_snapshot **snapshot, raft_index *start,
	struct raft_entry *entries[], size_t *nr)
{
	struct rdb *rdb = rdb_of(io);
	struct rdb_vote vote = {0};
	int rc;

	rc = rdb__vote_get(&rdb->store, &vote);
	if (rc != 0 && rc != -DER_NONEXIST)
		return to_raft(rc);
	*term = vote.term;
	*voted_for = vote.voted_for;
	*start = 1;
	rdb->next_index = 1;
	rc = load_snapshot(rdb, snapshot);
	if (rc != 0)
		return rc;
	if (*snapshot != NULL)
		*start = rdb->next_index = (*snapshot)->index + 1;
	return load_log(rdb, start, entries, nr);
}

static int
io_start(struct raft_io *io, unsigned msecs, raft_io_tick_cb tick, raft_io_recv_cb recv)
{
	rdb_of(io)->tick = tick;
	return 0;
}

static int
io_bootstrap(struct raft_io *io, const struct raft_configuration *conf)
{
	struct rdb *rdb = rdb_of(io);
	struct rdb_entry entry = {.term = 1, .type = RAFT_CHANGE};
	struct rdb_vote vote = {.term = 1};
	struct raft_buffer buf;
	uint64_t first, last;
	int rc;

	if (rdb__log_bounds(&rdb->store, &first, &last) != -DER_NONEXIST)
		return RAFT_CANTBOOTSTRAP;
	rc = raft_configuration_encode(conf, &buf);
	if (rc != 0)
		return rc;
	entry.data = buf.base;
	entry.len = buf.len;
	rc = rdb__vote_put(&rdb->store, &vote);
	if (rc == 0)
		rc = rdb__log_append(&rdb->store, 1, &entry, 1);
	raft_free(buf.base);
	return to_raft(rc);
}

static int
io_recover(struct raft_io *io, const struct raft_configuration *conf)
{
	return RAFT_INVALID;
}

static int
io_set_term(struct raft_io *io, raft_term term)
{
	struct rdb_vote vote = {.term = term};

	return to_raft(rdb__vote_put(&rdb_of(io)->store, &vote));
}

static int
io_set_vote(struct raft_io *io, raft_id server)
{
	struct rdb *rdb = rdb_of(io);
	struct rdb_vote vote = {.term = rdb->raft.current_term, .voted_for = server};

	return to_raft(rdb__vote_put(&rdb->store, &vote));
}

static int
io_send(struct raft_io *io, struct raft_io_send *req, const struct raft_message *message, raft_io_send_cb cb)
{
	return RAFT_NOCONNECTION;
}

/* ---- the writer ------------------------------------------------------------------------------------------------------------ */
static struct job *
job_new(struct rdb *rdb, enum job_kind kind, void *req, void (*cb)(void))
{
	struct job *job = MEM_NEW(rdb->mem, struct job);

	if (job == NULL)
		return NULL;
	job->kind = kind;
	job->req = req;
	job->cb = cb;
	arena_init(&job->arena, rdb->mem);
	return job;
}

static void
job_add(struct rdb *rdb, struct job *job)
{
	list_append(&rdb->appends, &job->link);
	rdb->busy++;
	ult_cond_signal(&rdb->work);
}

static int
io_append(struct raft_io *io, struct raft_io_append *req, const struct raft_entry entries[], unsigned n, raft_io_append_cb cb)
{
	struct rdb *rdb = rdb_of(io);
	struct job *job = job_new(rdb, JOB_APPEND, req, (void (*)(void))cb);

	if (job == NULL)
		return RAFT_NOMEM;
	job->entries = ARENA_NEW_ARRAY(&job->arena, struct rdb_entry, n + 1);
	if (job->entries == NULL) {
		mem_free(rdb->mem, job);
		return RAFT_NOMEM;
	}
	for (unsigned i = 0; i < n; i++) /* libraft keeps the buffers until the callback */
		job->entries[i] = (struct rdb_entry){.term = entries[i].term, .type = entries[i].type, .data = entries[i].buf.base,
						     .len = entries[i].buf.len};
	job->nr = n;
	job->first = rdb->next_index;
	rdb->next_index += n;
	job_add(rdb, job);
	return 0;
}

static int
io_truncate(struct raft_io *io, raft_index index)
{
	struct rdb *rdb = rdb_of(io);
	int rc = 0;

	if (index < rdb->next_index)
		rc = rdb__log_delete(&rdb->store, index, rdb->next_index - 1);
	if (rc == 0)
		rdb->next_index = index;
	return to_raft(rc);
}

static int
io_snapshot_put(struct raft_io *io, unsigned trailing, struct raft_io_snapshot_put *req, const struct raft_snapshot *snapshot,
		raft_io_snapshot_put_cb cb)
{
	struct rdb *rdb = rdb_of(io);
	struct job *job = job_new(rdb, JOB_SNAPSHOT, req, (void (*)(void))cb);
	int rc;

	if (job == NULL)
		return RAFT_NOMEM;
	job->snap = (struct rdb_snap){.index = snapshot->index, .term = snapshot->term, .conf_index = snapshot->configuration_index};
	rc = rdb__configuration_encode(&snapshot->configuration, &job->arena, &job->snap.conf, &job->snap.conf_len);
	if (rc != 0) {
		arena_fini(&job->arena);
		mem_free(rdb->mem, job);
		return to_raft(rc);
	}
	job->keep_from = snapshot->index > trailing ? snapshot->index - trailing + 1 : 1;
	job_add(rdb, job);
	return 0;
}

static int
io_snapshot_get(struct raft_io *io, struct raft_io_snapshot_get *req, raft_io_snapshot_get_cb cb)
{
	return RAFT_NOTFOUND; /* only other replicas ask for it */
}

static raft_time
io_time(struct raft_io *io)
{
	return env_mono(rdb_of(io)->env) / NS_PER_MS;
}

static int
io_random(struct raft_io *io, int min, int max)
{
	return max <= min ? min : min + (int)(env_rand(rdb_of(io)->env) % (uint64_t)(max - min));
}

static int
write_snapshot(struct rdb *rdb, struct job *job)
{
	uint64_t first = 0, last = 0;
	int rc;

	/* What the snapshot refers to must be durable before the log behind it goes. */
	struct vos_pool_info info;

	vos_pool_query(rdb->store.pool, &info);
	rc = vos_wait(rdb->store.pool, info.lsn_last);
	if (rc == 0)
		rc = rdb__snap_put(&rdb->store, &job->snap);
	if (rc == 0 && rdb__log_bounds(&rdb->store, &first, &last) == 0 && first < job->keep_from)
		rc = rdb__log_delete(&rdb->store, first, job->keep_from - 1);
	return rc;
}

static void
job_run(struct rdb *rdb, struct job *job)
{
	int rc = rdb->failed ? -DER_IO : job->kind == JOB_APPEND ? rdb__log_append(&rdb->store, job->first, job->entries, job->nr)
								 : write_snapshot(rdb, job);

	if (rc != 0 && !rdb->failed) {
		rdb->failed = true;
		log_error(rdb->env->log, "the log of a replicated database cannot be written: " RCF "; it stops serving", RCP(rc));
	}
	ult_mutex_lock(&rdb->lock);
	if (job->kind == JOB_APPEND)
		((raft_io_append_cb)job->cb)(job->req, to_raft(rc));
	else
		((raft_io_snapshot_put_cb)job->cb)(job->req, to_raft(rc));
	rdb__notice(rdb);
	ult_mutex_unlock(&rdb->lock);
	arena_fini(&job->arena);
	mem_free(rdb->mem, job);
}

static void
writer(void *arg)
{
	struct rdb *rdb = arg;
	struct job *job;

	for (;;) {
		job = list_pop(&rdb->appends, struct job, link);
		if (job != NULL) {
			job_run(rdb, job);
			if (--rdb->busy == 0)
				ult_cond_broadcast(&rdb->quiet);
		} else if (rdb->stopping) {
			return;
		} else {
			ult_cond_wait(&rdb->work, NULL);
		}
	}
}

int
rdb__writer_start(struct rdb *rdb)
{
	return ult_spawn(rdb->config.xs, ULT_METADATA, "rdb_writer", writer, rdb, &rdb->writer);
}

void
rdb__writer_stop(struct rdb *rdb)
{
	while (rdb->busy > 0)
		ult_cond_wait(&rdb->quiet, NULL);
	rdb->stopping = true;
	ult_cond_broadcast(&rdb->work);
	if (rdb->writer != NULL)
		ult_join(rdb->writer);
	rdb->writer = NULL;
}

void
rdb__io_init(struct rdb *rdb)
{
	rdb->io = (struct raft_io){.version = 1,
				   .impl = rdb,
				   .init = io_init,
				   .close = io_close,
				   .load = io_load,
				   .start = io_start,
				   .bootstrap = io_bootstrap,
				   .recover = io_recover,
				   .set_term = io_set_term,
				   .set_vote = io_set_vote,
				   .send = io_send,
				   .append = io_append,
				   .truncate = io_truncate,
				   .snapshot_put = io_snapshot_put,
				   .snapshot_get = io_snapshot_get,
				   .time = io_time,
				   .random = io_random};
}
