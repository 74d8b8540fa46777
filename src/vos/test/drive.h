/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random operations on vos and on the model, each answer compared. Used by the model test and the crash tests.
 */
#ifndef VOS_TEST_DRIVE_H
#define VOS_TEST_DRIVE_H

#include "stage.h"
#include "model.h"

enum { REC_SIZE = 512, OPS_MAX = 4, READS_MAX = 400, PENDING_MAX = 3 };

struct d_read { /* a fetch that must give the same again */
	uint64_t epoch;
	uint8_t object, dkey, akey;
	uint64_t hash;
	uint32_t self; /* transaction that read, + 1 */
};

struct drive {
	struct stage *stage;
	struct rand rand;
	struct model model;
	uint64_t clock;    /* epochs up to here were used */
	uint64_t hlc;
	uint32_t stamp;
	struct d_read reads[READS_MAX];
	uint32_t read_nr;
	bool big;          /* values that go to the data blob, too */
	bool fat;          /* values that fill the heap */
	bool bad_space;    /* -DER_NOSPACE may come */
	bool deciding;
	bool several;      /* ULTs use it: others' epochs and decisions come in between */
	uint32_t applied, refused, restarted, in_progress, compared;
	uint32_t acked;    /* steps that are known to be durable */
	uint64_t last_lsn;
};

/* ---- names ------------------------------------------------------------------------------------------------------- */
static const enum daos_otype_t d_types[M_OBJECTS] = {DAOS_OT_MULTI_HASHED, DAOS_OT_DKEY_UINT64, DAOS_OT_MULTI_LEXICAL,
						     DAOS_OT_MULTI_UINT64, DAOS_OT_KV_HASHED};
static const char *const d_dkeys[M_DKEYS] = {"d", "dkey-1", "another dkey that is longer than a hash", "d\1", "dk"};
static const char *const d_akeys[M_AKEYS] = {"a", "akey-1", "0", "array of large records"};
static const uint64_t d_numbers[M_DKEYS] = {0, 7, 1ULL << 40, 8, UINT64_MAX};

struct d_name {
	uint64_t number;
	daos_key_t key;
};

static inline daos_obj_id_t
d_oid(int object)
{
	return oid_of(d_types[object], (uint64_t)object / 2);
}

static inline daos_key_t *
d_dkey(int object, int dkey, struct d_name *name)
{
	name->number = d_numbers[dkey];
	name->key = daos_is_dkey_uint64(d_oid(object)) ? key_u64(&name->number) : key_of(d_dkeys[dkey]);
	return &name->key;
}

static inline daos_key_t *
d_akey(int object, int akey, struct d_name *name)
{
	name->number = d_numbers[akey];
	name->key = daos_is_akey_uint64(d_oid(object)) ? key_u64(&name->number) : key_of(d_akeys[akey]);
	return &name->key;
}

static inline bool
d_is_array(int akey)
{
	return akey >= 2;
}

static inline uint64_t
d_rec_size(int akey)
{
	return akey == 3 ? REC_SIZE : 1;
}

static inline uint32_t
d_rnd(struct drive *drive, uint32_t nr)
{
	return (uint32_t)rand_below(&drive->rand, nr);
}

static inline struct m_view
d_view(struct drive *drive)
{
	return (struct m_view){.model = &drive->model, .steps = UINT32_MAX};
}

/* ---- what is to be done ------------------------------------------------------------------------------------------ */
struct d_iod {
	uint8_t akey;
	uint64_t cond;
	uint32_t lo, hi, stamp, size;
};

struct d_op {
	enum { D_UPDATE, D_PUNCH, D_CHECK } kind;
	uint8_t object, dkey;
	bool whole;     /* punch of the object */
	uint32_t nr;    /* akeys; punch: 0 is the dkey */
	uint64_t flags;
	struct d_iod iods[M_AKEYS];
};

static inline uint64_t
d_random_cond(struct drive *drive)
{
	static const uint64_t conds[] = {DAOS_COND_DKEY_INSERT,
					 DAOS_COND_DKEY_UPDATE,
					 DAOS_COND_AKEY_INSERT,
					 DAOS_COND_AKEY_UPDATE,
					 DAOS_COND_DKEY_UPDATE | DAOS_COND_AKEY_INSERT,
					 DAOS_COND_PER_AKEY};

	return d_rnd(drive, 4) == 0 ? conds[d_rnd(drive, ARRAY_SIZE(conds))] : 0;
}

static inline void
d_random_iods(struct drive *drive, struct d_op *op)
{
	uint32_t first = d_rnd(drive, M_AKEYS);

	op->nr = 1 + (d_rnd(drive, 3) == 0 ? d_rnd(drive, M_AKEYS) : 0);
	for (uint32_t i = 0; i < op->nr; i++) {
		struct d_iod *iod = &op->iods[i];

		iod->akey = (uint8_t)((first + i) % M_AKEYS);
		iod->cond = d_rnd(drive, 2) == 0 ? DAOS_COND_AKEY_INSERT :
			    d_rnd(drive, 2) == 0 ? DAOS_COND_AKEY_UPDATE :
						   0;
		iod->stamp = d_rnd(drive, 8) == 0 ? 0 : ++drive->stamp;
		iod->lo = d_rnd(drive, M_RECORDS);
		iod->hi = iod->lo + d_rnd(drive, M_RECORDS - iod->lo);
		if (iod->akey == 3 && !drive->big)
			iod->hi = MIN(iod->hi, iod->lo + 3);
		if (drive->fat)
			iod->size = 2000 + d_rnd(drive, 2000);
		else
			iod->size = drive->big && d_rnd(drive, 6) == 0 ?
					    4000 + d_rnd(drive, 9000) :
					    1 + d_rnd(drive, d_rnd(drive, 4) == 0 ? 700 : 40);
	}
}

static inline void
d_random_op(struct drive *drive, struct d_op *op)
{
	memset(op, 0, sizeof(*op));
	op->object = (uint8_t)d_rnd(drive, M_OBJECTS);
	op->dkey = (uint8_t)d_rnd(drive, M_DKEYS);
	op->kind = d_rnd(drive, 5) != 0 ? D_UPDATE : d_rnd(drive, 8) == 0 ? D_CHECK : D_PUNCH;
	if (op->kind == D_UPDATE) {
		op->flags = d_random_cond(drive);
		d_random_iods(drive, op);
	} else if (op->kind == D_PUNCH) {
		op->whole = d_rnd(drive, 6) == 0;
		op->flags = d_rnd(drive, 3) == 0 ? DAOS_COND_PUNCH : 0;
		if (!op->whole && d_rnd(drive, 2) == 0)
			d_random_iods(drive, op);
	} else {
		op->flags = d_rnd(drive, 2) == 0 ? DAOS_COND_DKEY_FETCH : DAOS_COND_DKEY_INSERT;
	}
}

/* ---- the model's part -------------------------------------------------------------------------------------------- */
static inline int
d_want(const struct m_view *view, int object, int dkey, int akey, struct m_when at, bool insert)
{
	bool exists = m_exists(view, object, dkey, akey, at);

	return insert && exists ? -DER_EXIST : !insert && !exists ? -DER_NONEXIST : 0;
}

static inline int
d_conditions(const struct m_view *view, const struct d_op *op, struct m_when at)
{
	bool punch = (op->flags & DAOS_COND_PUNCH) != 0;
	int rc = 0;

	if (op->whole)
		return punch ? d_want(view, op->object, -1, -1, at, false) : 0;
	if ((op->flags & DAOS_COND_DKEY_INSERT) != 0)
		rc = d_want(view, op->object, op->dkey, -1, at, true);
	else if ((op->flags & (DAOS_COND_DKEY_UPDATE | DAOS_COND_DKEY_FETCH)) != 0 || (punch && op->nr == 0))
		rc = d_want(view, op->object, op->dkey, -1, at, false);
	for (uint32_t i = 0; i < op->nr && rc == 0; i++) {
		uint64_t flags = (op->flags & DAOS_COND_PER_AKEY) != 0 ? op->iods[i].cond : op->flags;

		if ((flags & DAOS_COND_AKEY_INSERT) != 0)
			rc = d_want(view, op->object, op->dkey, op->iods[i].akey, at, true);
		else if ((flags & DAOS_COND_AKEY_UPDATE) != 0 || punch)
			rc = d_want(view, op->object, op->dkey, op->iods[i].akey, at, false);
	}
	return rc;
}

/* Is there nothing that the punch could hide, whatever becomes of others? */
static inline bool
d_punches_nothing(const struct m_view *view, const struct d_op *op, int akey, struct m_when at)
{
	return !m_exists(view, op->object, op->whole ? -1 : op->dkey, akey, at);
}

static inline void
d_model_op(struct drive *drive, const struct d_op *op, uint64_t epoch, uint32_t minor, uint32_t tx)
{
	struct m_view view = d_view(drive);
	uint32_t nr = op->kind == D_CHECK ? 0 : MAX(op->nr, 1U);

	view.assume = UINT32_MAX;
	view.self = tx;
	for (uint32_t i = 0; i < nr; i++) {
		struct m_when at = {epoch, minor};
		bool nothing = op->kind == D_PUNCH &&
			       d_punches_nothing(&view, op, op->nr > 0 ? op->iods[i].akey : -1, at);
		struct m_event *event = model_add(&drive->model);

		event->epoch = epoch;
		event->minor = minor;
		event->tx = tx;
		event->object = op->object;
		event->dkey = op->dkey;
		event->akey = op->iods[i].akey;
		event->nothing = nothing;
		if (op->kind == D_PUNCH) {
			event->kind = op->whole ? M_PUNCH_OBJECT : op->nr == 0 ? M_PUNCH_DKEY : M_PUNCH_AKEY;
			continue;
		}
		event->kind = d_is_array(event->akey) ? M_EXTENT : M_SINGLE;
		event->stamp = op->iods[i].stamp;
		event->size = op->iods[i].size;
		event->lo = op->iods[i].lo;
		event->hi = op->iods[i].hi;
	}
}

/* ---- vos's part -------------------------------------------------------------------------------------------------- */
static inline int
d_begin_update(struct drive *drive, const struct d_op *op, const struct vos_key *key, struct vos_op **result)
{
	struct d_name names[M_AKEYS];
	daos_recx_t recxs[M_AKEYS];
	daos_iod_t iods[M_AKEYS];
	int rc;

	for (uint32_t i = 0; i < op->nr; i++) {
		const struct d_iod *iod = &op->iods[i];
		bool array = d_is_array(iod->akey);

		recxs[i] = (daos_recx_t){.rx_idx = iod->lo, .rx_nr = iod->hi - iod->lo + 1};
		iods[i] = (daos_iod_t){.iod_name = *d_akey(op->object, iod->akey, &names[i]),
				       .iod_nr = 1,
				       .iod_type = array ? DAOS_IOD_ARRAY : DAOS_IOD_SINGLE,
				       .iod_recxs = array ? &recxs[i] : NULL,
				       .iod_flags = iod->cond};
		iods[i].iod_size = iod->stamp == 0 ? 0 : array ? d_rec_size(iod->akey) : iod->size;
	}
	rc = vos_update_begin(key, op->flags, op->nr, iods, NULL, result);
	for (uint32_t i = 0; i < op->nr && rc == 0; i++) {
		const struct d_iod *iod = &op->iods[i];
		uint64_t at = d_is_array(iod->akey) ? iod->lo * d_rec_size(iod->akey) : 0;
		struct bio_piece *pieces;
		int nr;

		if (iod->stamp == 0)
			continue;
		pieces = bio_desc_pieces(vos_op_desc(*result), (int)i, &nr);
		for (int p = 0; p < nr; p++)
			for (uint64_t b = 0; b < pieces[p].len; b++)
				pieces[p].buf[b] = m_byte(iod->stamp, at++);
	}
	return rc;
}

static inline int
d_begin(struct drive *drive, const struct d_op *op, struct vos_op **result)
{
	struct d_name dkey, names[M_AKEYS];
	daos_key_t akeys[M_AKEYS];
	struct vos_key key = {.cont = drive->stage->cont,
			      .oid = d_oid(op->object),
			      .dkey = op->whole ? NULL : d_dkey(op->object, op->dkey, &dkey)};

	if (op->kind == D_UPDATE)
		return d_begin_update(drive, op, &key, result);
	for (uint32_t i = 0; i < op->nr; i++)
		akeys[i] = *d_akey(op->object, op->iods[i].akey, &names[i]);
	return op->kind == D_PUNCH ? vos_punch_begin(&key, op->flags, op->nr, akeys, result)
				   : vos_check_begin(&key, op->flags, op->nr, akeys, 0, result);
}

/* ---- applying ---------------------------------------------------------------------------------------------------- */
static inline struct vos_dtx_id
d_id(uint64_t hlc)
{
	struct vos_dtx_id id = {.client = {7, 7}, .hlc = hlc};

	return id;
}

/* What the answer must be under every assumption: 0, a failed condition, or -DER_INPROGRESS when it depends. */
static inline int
d_expect(struct drive *drive, const struct d_op *ops, uint32_t nr, uint64_t epoch, uint32_t tx, bool *disturbed)
{
	uint32_t pending[32], event_nr = drive->model.event_nr;
	struct m_view view = d_view(drive);
	uint32_t pending_nr = m_pending(&view, pending, 32);
	int result = 0;

	*disturbed = false;
	for (uint32_t i = 0; i < nr; i++)
		*disturbed |= (ops[i].kind == D_CHECK || (ops[i].flags & DAOS_COND_MASK) != 0) &&
			      m_disturbed(&view, ops[i].object, -1, epoch);
	for (uint32_t assume = 0; assume < 1U << pending_nr; assume++) {
		int rc = 0;

		for (uint32_t i = 0; i < nr && rc == 0; i++) {
			view.assume = assume;
			view.self = tx;
			rc = d_conditions(&view, &ops[i], (struct m_when){epoch, i});
			if (rc == 0)
				d_model_op(drive, &ops[i], epoch, i + 1, tx);
		}
		drive->model.event_nr = event_nr;
		if (assume > 0 && rc != result)
			return -DER_INPROGRESS;
		result = rc;
	}
	return result;
}

static inline uint64_t
d_epoch(struct drive *drive, bool *late)
{
	*late = d_rnd(drive, 6) == 0 && drive->clock > 1000;
	if (!*late)
		return drive->clock += 10 + d_rnd(drive, 10);
	/* Epochs of late writes end on other digits than those of others, so that none comes twice. */
	for (;;) {
		uint64_t epoch = drive->clock - d_rnd(drive, 300);
		bool used = false;

		for (uint32_t i = 0; i < drive->model.event_nr; i++)
			used |= drive->model.events[i].epoch == epoch;
		if (!used)
			return epoch;
	}
}

static inline int
d_apply(struct drive *drive, const struct d_op *ops, uint32_t nr, bool prepare, uint64_t epoch, bool late)
{
	struct vos_dtx_id id = d_id(++drive->hlc);
	struct vos_apply apply = {.cont = drive->stage->cont,
				  .id = &id,
				  .epoch = epoch,
				  .mode = prepare ? VOS_PREPARE : VOS_COMMIT,
				  .blob = {.data = &id.hlc, .len = prepare ? sizeof(id.hlc) : 0}};
	struct vos_op *begun[OPS_MAX];
	bool disturbed;
	int expected, rc = 0;

	for (uint32_t i = 0; i < nr; i++) {
		rc = d_begin(drive, &ops[i], &begun[i]);
		if (rc != 0) {
			assert_true(drive->bad_space && rc == -DER_NOSPACE);
			while (i > 0)
				vos_op_cancel(begun[--i]);
			return rc;
		}
	}
	rc = vos_apply(&apply, begun, nr);
	/* Nothing has yielded since the transaction was made: this is its place in the order. */
	expected = d_expect(drive, ops, nr, epoch, drive->model.tx_nr + 1, &disturbed);
	if (rc == -DER_TX_RESTART)
		assert_true(late || (drive->several && epoch <= drive->clock));
	else if (rc == -DER_INPROGRESS)
		assert_true(disturbed);
	else if (rc == -DER_NOSPACE)
		assert_true(drive->bad_space);
	else
		assert_int_equal(rc, expected);
	drive->restarted += rc == -DER_TX_RESTART;
	drive->in_progress += rc == -DER_INPROGRESS;
	drive->refused += rc == -DER_EXIST || rc == -DER_NONEXIST;
	drive->last_lsn = MAX(drive->last_lsn, apply.lsn);
	if (rc != 0)
		return rc;
	drive->applied++;
	{
		uint32_t tx = model_tx(&drive->model, epoch, id.hlc);

		for (uint32_t i = 0; i < nr; i++)
			d_model_op(drive, &ops[i], epoch, i + 1, tx + 1);
		if (!prepare) {
			drive->model.txs[tx].state = M_COMMITTED;
			drive->model.txs[tx].decided_step = drive->model.steps;
		}
		drive->model.steps++;
	}
	return 0;
}

static inline void
d_write(struct drive *drive)
{
	uint32_t pending[32], nr = 1;
	struct m_view view = d_view(drive);
	bool prepare = d_rnd(drive, 4) == 0 && m_pending(&view, pending, 32) < PENDING_MAX, late;
	struct d_op ops[OPS_MAX];
	uint64_t epoch = d_epoch(drive, &late);

	if (d_rnd(drive, 4) == 0)
		nr = 1 + d_rnd(drive, OPS_MAX);
	for (uint32_t i = 0; i < nr; i++)
		d_random_op(drive, &ops[i]);
	(void)d_apply(drive, ops, nr, prepare, epoch, late);
}

/* Commits or undoes one prepared transaction, or commits all. */
static inline void
d_decide(struct drive *drive)
{
	struct m_view view = d_view(drive);
	uint32_t pending[32], nr = m_pending(&view, pending, 32), first, last;
	struct vos_dtx_id ids[32];
	bool commit = d_rnd(drive, 3) != 0;
	uint64_t lsn = 0;
	int rc;

	if (nr == 0 || drive->deciding)
		return;
	drive->deciding = true;
	first = d_rnd(drive, nr);
	last = commit && d_rnd(drive, 3) == 0 ? nr - 1 : first;
	for (uint32_t i = first; i <= last; i++)
		ids[i - first] = d_id(drive->model.txs[pending[i]].hlc);
	rc = commit ? vos_dtx_commit(drive->stage->cont, ids, last - first + 1, &lsn) :
		      vos_dtx_abort(drive->stage->cont, &ids[0], &lsn);
	drive->last_lsn = MAX(drive->last_lsn, lsn);
	assert_int_equal(rc, 0);
	drive->deciding = false;
	for (uint32_t i = first; i <= last; i++) {
		drive->model.txs[pending[i]].state = commit ? M_COMMITTED : M_ABORTED;
		drive->model.txs[pending[i]].decided_step = drive->model.steps;
	}
	drive->model.steps++;
}

/* A transaction that is known is sent again: nothing happens, the answer is the same. */
static inline void
d_resend(struct drive *drive)
{
	struct vos_apply apply = {.cont = drive->stage->cont};
	const struct m_tx *tx;
	struct vos_dtx_id id;
	struct vos_op *begun;
	struct d_op op;
	int rc;

	if (drive->model.tx_nr == 0 || drive->several)
		return;
	tx = &drive->model.txs[d_rnd(drive, drive->model.tx_nr)];
	id = d_id(tx->hlc);
	apply.id = &id;
	apply.epoch = tx->epoch;
	apply.mode = tx->state == M_PREPARED ? VOS_PREPARE : VOS_COMMIT;
	d_random_op(drive, &op);
	if (d_begin(drive, &op, &begun) != 0)
		return;
	rc = vos_apply(&apply, &begun, 1);
	assert_int_equal(rc, tx->state == M_ABORTED ? -DER_TX_RESTART : 0);
	assert_int_equal(apply.epoch_used, tx->epoch);
}

/* ---- fetching ---------------------------------------------------------------------------------------------------- */
/* What a fetch of an akey must give: the bytes, '.' where there is nothing. Returns their number. */
static inline size_t
d_expected_bytes(const struct m_view *view, int object, int dkey, int akey, uint64_t epoch, char *buf)
{
	struct m_when at = {epoch, UINT32_MAX};
	const struct m_event *event;
	size_t len = 0;

	if (!d_is_array(akey)) {
		event = m_value(view, object, dkey, akey, -1, at);
		if (event == NULL || event->stamp == 0)
			return 0;
		m_bytes(event->stamp, 0, event->size, buf);
		return event->size;
	}
	for (uint32_t r = 0; r < M_RECORDS; r++) {
		event = m_value(view, object, dkey, akey, r, at);
		if (event != NULL && event->stamp != 0)
			m_bytes(event->stamp, r * d_rec_size(akey), d_rec_size(akey), buf + len);
		else
			memset(buf + len, '.', d_rec_size(akey));
		len += d_rec_size(akey);
	}
	return len;
}

static inline int
d_fetch(struct drive *drive, int object, int dkey, int akey, struct vos_when *when, uint64_t flags, char *buf,
	size_t size, size_t *len)
{
	struct d_name dname, aname;
	daos_recx_t recx = {.rx_nr = M_RECORDS};
	uint64_t rec_size;
	int rc = fetch_at(drive->stage, d_oid(object), *d_dkey(object, dkey, &dname), *d_akey(object, akey, &aname),
			  when, flags, d_is_array(akey) ? &recx : NULL, buf, size, len, &rec_size);

	/* Nothing there: the size of a record is not known, and holes are empty. */
	if (rc == 0 && d_is_array(akey) && rec_size == 0 && *len == 0) {
		*len = M_RECORDS * d_rec_size(akey);
		memset(buf, '.', *len);
	}
	return rc;
}

/* The answer of vos must be that of the model, whatever becomes of what is prepared. */
static inline void
d_compare_fetch(struct drive *drive, const struct m_view *given, int object, int dkey, int akey, struct vos_when *when,
		uint64_t flags)
{
	static char expected[M_RECORDS * REC_SIZE + 1], found[M_RECORDS * REC_SIZE + 1];
	struct m_view view = *given;
	uint32_t pending[32], pending_nr = m_pending(&view, pending, 32);
	struct m_when at = {when->epoch, UINT32_MAX};
	size_t len, expected_len;
	int rc = d_fetch(drive, object, dkey, akey, when, flags, found, sizeof(found), &len);

	if (rc == -DER_INPROGRESS) {
		assert_true(m_disturbed(&view, object, dkey, when->epoch));
		drive->in_progress++;
		return;
	}
	if (rc == -DER_TX_RESTART) {
		assert_true(when->bound > when->epoch && m_happened(&view, object, dkey, when->epoch, when->bound));
		return;
	}
	for (uint32_t assume = 0; assume < 1U << pending_nr; assume++) {
		int expected_rc = 0;

		view.assume = assume;
		if ((flags & DAOS_COND_DKEY_FETCH) != 0 && !m_exists(&view, object, dkey, -1, at))
			expected_rc = -DER_NONEXIST;
		if ((flags & DAOS_COND_AKEY_FETCH) != 0 && !m_exists(&view, object, dkey, akey, at))
			expected_rc = -DER_NONEXIST;
		assert_int_equal(rc, expected_rc);
		if (rc != 0)
			continue;
		expected_len = d_expected_bytes(&view, object, dkey, akey, when->epoch, expected);
		assert_int_equal(len, expected_len);
		if (memcmp(found, expected, len) != 0) /* cmocka's own walks byte by byte */
			assert_memory_equal(found, expected, len);
		if (when->bound > when->epoch) {
			expected_len = d_expected_bytes(&view, object, dkey, akey, when->bound, expected);
			assert_int_equal(len, expected_len);
			assert_memory_equal(found, expected, len);
		}
	}
	drive->compared++;
	if (rc == 0 && (flags & VOS_NO_TIMESTAMP) == 0 && when->epoch != DAOS_EPOCH_MAX && when->self == NULL) {
		struct d_read *read = &drive->reads[drive->read_nr++ % READS_MAX];

		*read = (struct d_read){.epoch = when->epoch,
					.object = (uint8_t)object,
					.dkey = (uint8_t)dkey,
					.akey = (uint8_t)akey,
					.hash = hash64_bytes(found, len, 1)};
	}
}

static inline void
d_read(struct drive *drive)
{
	struct m_view view = d_view(drive);
	struct vos_when when = {.epoch = drive->clock};
	uint32_t how = d_rnd(drive, 6);
	uint64_t flags = 0;

	if (how == 0)
		when.epoch = DAOS_EPOCH_MAX;
	else if (how <= 2)
		when.epoch = drive->clock - MIN(drive->clock - 1, (uint64_t)d_rnd(drive, 2000));
	if (how == 3 && drive->clock > 100) {
		when.epoch = drive->clock - 50;
		when.bound = drive->clock;
	}
	if (d_rnd(drive, 5) == 0)
		flags |= DAOS_COND_DKEY_FETCH;
	if (d_rnd(drive, 5) == 0)
		flags |= DAOS_COND_AKEY_FETCH;
	if (d_rnd(drive, 2) == 0)
		flags |= VOS_NO_TIMESTAMP;
	d_compare_fetch(drive, &view, (int)d_rnd(drive, M_OBJECTS), (int)d_rnd(drive, M_DKEYS),
			(int)d_rnd(drive, M_AKEYS), &when, flags);
}

/* vos I5: what was read once is read again. */
static inline void
d_read_again(struct drive *drive)
{
	static char found[M_RECORDS * REC_SIZE + 1];
	const struct d_read *read;
	struct vos_when when = {0};
	size_t len;
	int rc;

	if (drive->read_nr == 0)
		return;
	read = &drive->reads[d_rnd(drive, MIN(drive->read_nr, (uint32_t)READS_MAX))];
	when.epoch = read->epoch;
	rc = d_fetch(drive, read->object, read->dkey, read->akey, &when, VOS_NO_TIMESTAMP, found, sizeof(found), &len);
	assert_int_equal(rc, 0);
	assert_int_equal(hash64_bytes(found, len, 1), read->hash);
}

/* ---- listing ----------------------------------------------------------------------------------------------------- */
/* Which of the known keys a list gave: bits; each at most once. */
static inline int
d_list(struct drive *drive, enum vos_list_kind kind, int object, int dkey, uint64_t epoch, uint32_t *bits)
{
	struct d_name dname;
	struct vos_key key = {.cont = drive->stage->cont};
	struct vos_when when = {.epoch = epoch};
	daos_anchor_t anchor = {0};
	struct vos_entry entries[8];
	char buf[200];
	struct vos_list list = {.kind = kind,
				.anchor = &anchor,
				.buf = buf,
				.buf_size = 64 + d_rnd(drive, 100),
				.max = 1 + d_rnd(drive, 8),
				.entries = entries};

	if (kind != VOS_LIST_OBJECT)
		key.oid = d_oid(object);
	if (kind == VOS_LIST_AKEY)
		key.dkey = d_dkey(object, dkey, &dname);
	*bits = 0;
	while (anchor.da_type != DAOS_ANCHOR_TYPE_EOF) {
		int rc = vos_list(&key, &when, VOS_NO_TIMESTAMP, &list);

		if (rc != 0)
			return rc;
		for (uint32_t i = 0; i < list.nr; i++) {
			const char *bytes = buf + entries[i].key_off;
			int found = -1, nr = kind == VOS_LIST_OBJECT ? M_OBJECTS :
					     kind == VOS_LIST_DKEY   ? M_DKEYS :
								       M_AKEYS;

			for (int k = 0; k < nr; k++) {
				struct d_name name;
				daos_obj_id_t oid = d_oid(MIN(k, M_OBJECTS - 1));
				const daos_key_t *is = kind == VOS_LIST_AKEY ? d_akey(object, k, &name) :
									       d_dkey(object, k, &name);

				if (kind == VOS_LIST_OBJECT ? memcmp(bytes, &oid, sizeof(oid)) == 0 :
							      is->iov_len == entries[i].key_len &&
								      memcmp(is->iov_buf, bytes, is->iov_len) == 0)
					found = k;
			}
			assert_true(found >= 0);
			assert_int_equal(*bits >> found & 1, 0);
			*bits |= 1U << found;
			if (kind == VOS_LIST_AKEY)
				assert_int_equal(entries[i].iod_type,
						 d_is_array(found) ? DAOS_IOD_ARRAY : DAOS_IOD_SINGLE);
		}
	}
	return 0;
}

static inline void
d_compare_list(struct drive *drive, const struct m_view *given, enum vos_list_kind kind, int object, int dkey,
	       uint64_t epoch)
{
	int nr = kind == VOS_LIST_OBJECT ? M_OBJECTS : kind == VOS_LIST_DKEY ? M_DKEYS : M_AKEYS;
	struct m_view view = *given;
	uint32_t pending[32], pending_nr = m_pending(&view, pending, 32), bits;
	struct m_when at = {epoch, UINT32_MAX};
	int rc = d_list(drive, kind, object, dkey, epoch, &bits);

	if (rc == -DER_INPROGRESS) {
		assert_true(m_disturbed(&view, kind == VOS_LIST_OBJECT ? -1 : object, kind == VOS_LIST_AKEY ? dkey : -1,
					epoch));
		return;
	}
	assert_int_equal(rc, 0);
	for (uint32_t assume = 0; assume < 1U << pending_nr; assume++) {
		uint32_t expected = 0;

		view.assume = assume;
		for (int k = 0; k < nr; k++)
			if (kind == VOS_LIST_OBJECT ? m_exists(&view, k, -1, -1, at) :
			    kind == VOS_LIST_DKEY   ? m_exists(&view, object, k, -1, at) :
						      m_exists(&view, object, dkey, k, at))
				expected |= 1U << k;
		assert_int_equal(bits, expected);
	}
	drive->compared++;
}

/* The visible extents of an array, one entry a record: the epoch it is from. */
static inline void
d_compare_extents(struct drive *drive, const struct m_view *given, int object, int dkey, int akey, uint64_t epoch)
{
	struct d_name dname, aname;
	struct vos_key key = {.cont = drive->stage->cont, .oid = d_oid(object), .dkey = d_dkey(object, dkey, &dname)};
	struct vos_when when = {.epoch = epoch};
	struct vos_entry entries[4];
	daos_anchor_t anchor = {0};
	struct vos_list list = {.kind = VOS_LIST_EXTENT,
				.akey = d_akey(object, akey, &aname),
				.anchor = &anchor,
				.max = 1 + d_rnd(drive, 4),
				.entries = entries,
				.reverse = d_rnd(drive, 2) == 0};
	uint64_t found[M_RECORDS] = {0}, last = list.reverse ? UINT64_MAX : 0;
	uint32_t pending[32], pending_nr = m_pending(given, pending, 32);
	struct m_view view = *given;
	bool first = true;

	while (anchor.da_type != DAOS_ANCHOR_TYPE_EOF) {
		int rc = vos_list(&key, &when, VOS_NO_TIMESTAMP, &list);

		if (rc == -DER_INPROGRESS) {
			assert_true(m_disturbed(&view, object, dkey, epoch));
			return;
		}
		assert_int_equal(rc, 0);
		for (uint32_t i = 0; i < list.nr; i++) {
			assert_true(first || (list.reverse ? entries[i].recx.rx_idx + entries[i].recx.rx_nr <= last :
							     entries[i].recx.rx_idx >= last));
			last = list.reverse ? entries[i].recx.rx_idx : entries[i].recx.rx_idx + entries[i].recx.rx_nr;
			first = false;
			assert_int_equal(entries[i].size, d_rec_size(akey));
			for (uint64_t r = 0; r < entries[i].recx.rx_nr; r++)
				found[entries[i].recx.rx_idx + r] = entries[i].epoch;
		}
	}
	for (uint32_t assume = 0; assume < 1U << pending_nr; assume++) {
		view.assume = assume;
		for (uint32_t r = 0; r < M_RECORDS; r++) {
			const struct m_event *event = m_value(&view, object, dkey, akey, r,
							      (struct m_when){epoch, UINT32_MAX});

			assert_int_equal(found[r], event != NULL && event->stamp != 0 ? event->epoch : 0);
		}
	}
	drive->compared++;
}

static inline void
d_lists(struct drive *drive)
{
	struct m_view view = d_view(drive);
	uint64_t epoch = d_rnd(drive, 2) == 0 ? DAOS_EPOCH_MAX :
						drive->clock - MIN(drive->clock - 1, (uint64_t)d_rnd(drive, 500));
	int object = (int)d_rnd(drive, M_OBJECTS), dkey = (int)d_rnd(drive, M_DKEYS);

	switch (d_rnd(drive, 4)) {
	case 0:
		d_compare_list(drive, &view, VOS_LIST_OBJECT, object, dkey, epoch);
		break;
	case 1:
		d_compare_list(drive, &view, VOS_LIST_DKEY, object, dkey, epoch);
		break;
	case 2:
		d_compare_list(drive, &view, VOS_LIST_AKEY, object, dkey, epoch);
		break;
	default:
		d_compare_extents(drive, &view, object, dkey, 2 + (int)d_rnd(drive, 2), epoch);
	}
}

/* ---- queries ----------------------------------------------------------------------------------------------------- */
struct d_query {
	bool found;
	uint64_t dkey;
	uint32_t lo, hi; /* the record at the end is in here */
};

static inline struct d_query
d_expected_query(const struct m_view *view, int object, bool max, bool recx, int akey, uint64_t epoch)
{
	struct m_when at = {epoch, UINT32_MAX};
	struct d_query query = {0};

	for (int k = 0; k < M_DKEYS; k++) {
		bool there = m_exists(view, object, k, -1, at);
		uint32_t end = 0;

		if (there && recx) {
			there = false;
			for (uint32_t i = 0; i < M_RECORDS; i++) {
				uint32_t r = max ? M_RECORDS - 1 - i : i;
				const struct m_event *event = m_value(view, object, k, akey, r, at);

				if (event != NULL && event->stamp != 0) {
					there = true;
					end = r;
					break;
				}
			}
		}
		if (!there || (query.found && (max ? d_numbers[k] < query.dkey : d_numbers[k] > query.dkey)))
			continue;
		query = (struct d_query){.found = true, .dkey = d_numbers[k], .lo = end};
	}
	return query;
}

static inline void
d_compare_query(struct drive *drive)
{
	struct m_view view = d_view(drive);
	uint32_t pending[32], pending_nr = m_pending(&view, pending, 32);
	int object = d_rnd(drive, 2) == 0 ? 1 : 3, akey = 2 + (int)d_rnd(drive, 2);
	bool max = d_rnd(drive, 2) == 0, want_recx = d_rnd(drive, 2) == 0;
	struct vos_key key = {.cont = drive->stage->cont, .oid = d_oid(object)};
	struct vos_when when = {.epoch = d_rnd(drive, 2) == 0 ?
						 DAOS_EPOCH_MAX :
						 drive->clock - MIN(drive->clock - 1, (uint64_t)d_rnd(drive, 500))};
	struct d_name aname;
	uint64_t dkey_value, size, lsn;
	daos_key_t dkey = key_u64(&dkey_value);
	daos_recx_t recx;
	int rc = vos_query_key(&key, &when,
			       (max ? DAOS_GET_MAX : DAOS_GET_MIN) | DAOS_GET_DKEY | (want_recx ? DAOS_GET_RECX : 0) |
				       VOS_NO_TIMESTAMP,
			       &dkey, d_akey(object, akey, &aname), &recx, &size, &lsn);

	if (rc == -DER_INPROGRESS) {
		assert_true(m_disturbed(&view, object, -1, when.epoch));
		return;
	}
	for (uint32_t assume = 0; assume < 1U << pending_nr; assume++) {
		struct d_query expected;

		view.assume = assume;
		expected = d_expected_query(&view, object, max, want_recx, akey, when.epoch);
		assert_int_equal(rc, expected.found ? 0 : -DER_NONEXIST);
		if (rc != 0)
			continue;
		assert_int_equal(dkey_value, expected.dkey);
		if (want_recx)
			assert_int_equal(max ? recx.rx_idx + recx.rx_nr - 1 : recx.rx_idx, expected.lo);
	}
	drive->compared++;
}

/* The newest change, punches that found nothing aside. */
static inline void
d_compare_epoch(struct drive *drive)
{
	struct m_view view = d_view(drive);
	int object = (int)d_rnd(drive, M_OBJECTS);
	struct vos_key key = {.cont = drive->stage->cont, .oid = d_oid(object)};
	struct vos_when when = {.epoch = d_rnd(drive, 2) == 0 ?
						 DAOS_EPOCH_MAX :
						 drive->clock - MIN(drive->clock - 1, (uint64_t)d_rnd(drive, 500))};
	uint64_t epoch, lsn, least = 0;
	bool known;

	assert_int_equal(vos_query_epoch(&key, &when, &epoch, &lsn), 0);
	known = epoch == 0;
	for (uint32_t i = 0; i < drive->model.event_nr; i++) {
		const struct m_event *event = &drive->model.events[i];

		if (event->object != object || event->epoch > when.epoch || !m_sees(&view, event))
			continue;
		known |= event->epoch == epoch;
		if (!event->nothing)
			least = MAX(least, event->epoch);
	}
	assert_true(known);
	assert_true(epoch >= least);
}

/* ---- everything -------------------------------------------------------------------------------------------------- */
static inline void
d_step(struct drive *drive)
{
	switch (d_rnd(drive, 20)) {
	case 0 ... 7:
		d_write(drive);
		break;
	case 8:
	case 9:
		d_decide(drive);
		break;
	case 10:
		d_resend(drive);
		break;
	case 11 ... 14:
		d_read(drive);
		break;
	case 15:
		d_read_again(drive);
		break;
	case 16:
		d_compare_query(drive);
		break;
	case 17:
		d_compare_epoch(drive);
		break;
	default:
		d_lists(drive);
	}
}

/* Every key, at one epoch, against a view. */
static inline void
d_compare_all(struct drive *drive, const struct m_view *view, uint64_t epoch)
{
	d_compare_list(drive, view, VOS_LIST_OBJECT, 0, 0, epoch);
	for (int o = 0; o < M_OBJECTS; o++) {
		d_compare_list(drive, view, VOS_LIST_DKEY, o, 0, epoch);
		for (int d = 0; d < M_DKEYS; d++) {
			struct model few;
			struct m_view narrow = *view;

			model_narrow(view->model, o, d, &few);
			narrow.model = &few;
			d_compare_list(drive, &narrow, VOS_LIST_AKEY, o, d, epoch);
			for (int a = 0; a < M_AKEYS; a++) {
				struct vos_when when = {.epoch = epoch};

				d_compare_fetch(drive, &narrow, o, d, a, &when, VOS_NO_TIMESTAMP);
			}
			free(few.events);
		}
	}
}

static inline void
d_init(struct drive *drive, struct stage *stage, uint64_t seed)
{
	memset(drive, 0, sizeof(*drive));
	drive->stage = stage;
	drive->clock = 1000;
	drive->hlc = 1ULL << 50;
	rand_init(&drive->rand, seed, 77);
	model_init(&drive->model);
}

#endif
