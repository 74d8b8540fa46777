/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vos/dtx: the tables of transactions of a container.
 *
 *	          vos_apply(VOS_PREPARE)            vos_dtx_commit                  vos_dtx_reap
 *	unknown ------------------------> prepared ----------------> committed --------------------> forgotten
 *	   |  \_____ vos_apply(VOS_COMMIT) ____________________________/ /
 *	   \________ vos_dtx_abort _________> aborted __________________/
 *
 * Prepared ones: a record in the `active` tree, and struct dtx in DRAM by id, by local id, and in a list by age.
 * Finished ones: an entry in the `done` tree whose key holds id, answer and state and whose value is the epoch. Both
 * trees are in order of hlc. What is forgotten is everything with an hlc below vos_cont_rec.forgotten.
 *
 *	dtx I1  A local id in any record of the container is that of an entry in the active tree (and so in DRAM).
 *	dtx I2  An id with an hlc below `forgotten` that is in no table is refused: it may have been applied.
 *	dtx I3  The active entry goes in the transaction that settles the last of what it touched, and the done entry
 *	        comes with the decision.
 *
 * A transaction that touched much is settled in steps: the decision is made durable first, and from then on readers go
 * by it. A crash in the middle: the container's next open finds the entry and goes on. All but the look-ups yield.
 */
#include "inside.h"

enum { SETTLE_ONCE = 512, SETTLE_BATCH = 32, COMMIT_BATCH = 32, REAP_STEP = 128, DONE_SLACK = 64 };

/* ---- DRAM -------------------------------------------------------------------------------------------------------- */
static uint64_t
id_hash(const void *key, uint64_t seed)
{
	return vos__reader(key) ^ seed;
}

static bool
id_equal(const struct hash_node *node, const void *key)
{
	const struct vos_dtx_id *a = &hash_entry(node, const struct dtx, by_id)->id, *b = key;

	return a->hlc == b->hlc && memcmp(a->client, b->client, sizeof(uuid_t)) == 0;
}

static uint64_t
local_hash(const void *key, uint64_t seed)
{
	return hash64_mix(*(const uint32_t *)key ^ seed);
}

static bool
local_equal(const struct hash_node *node, const void *key)
{
	return hash_entry(node, const struct dtx, by_local)->local == *(const uint32_t *)key;
}

static const struct hash_ops id_ops = {.hash = id_hash, .equal = id_equal};
static const struct hash_ops local_ops = {.hash = local_hash, .equal = local_equal};

void
vos__dtx_init(struct vos_cont *cont)
{
	struct vos_xs *vx = cont->pool->vx;

	hash_init(&cont->dtx_by_id, vx->mem, &id_ops, env_rand(vx->env));
	hash_init(&cont->dtx_by_local, vx->mem, &local_ops, 0);
	list_init(&cont->dtx_list);
	ult_cond_init(&cont->dtx_settled);
}

void
vos__dtx_free(struct vos_cont *cont, struct dtx *dtx)
{
	if (dtx != NULL)
		mem_free(cont->pool->vx->mem, dtx->touch);
	mem_free(cont->pool->vx->mem, dtx);
}

void
vos__dtx_fini(struct vos_cont *cont)
{
	struct dtx *dtx;

	while ((dtx = list_pop(&cont->dtx_list, struct dtx, link)) != NULL)
		vos__dtx_free(cont, dtx);
	hash_fini(&cont->dtx_by_id);
	hash_fini(&cont->dtx_by_local);
}

struct dtx *
vos__dtx_by_id(struct vos_cont *cont, const struct vos_dtx_id *id)
{
	struct hash_node *node = hash_count(&cont->dtx_by_id) > 0 ? hash_find(&cont->dtx_by_id, id) : NULL;

	return node != NULL ? hash_entry(node, struct dtx, by_id) : NULL;
}

struct dtx *
vos__dtx_by_local(struct vos_cont *cont, uint32_t local)
{
	struct hash_node *node = hash_find(&cont->dtx_by_local, &local);

	return node != NULL ? hash_entry(node, struct dtx, by_local) : NULL;
}

void
vos__dtx_key(const struct vos_dtx_id *id, uint8_t key[VOS_DTX_KEY])
{
	vos__put_be64(key, id->hlc);
	memcpy(key + 8, id->client, sizeof(uuid_t));
}

static int
compare_ids(const struct vos_dtx_id *a, const struct vos_dtx_id *b)
{
	return a->hlc != b->hlc ? (a->hlc < b->hlc ? -1 : 1) : memcmp(a->client, b->client, sizeof(uuid_t));
}

void
vos__dtx_link(struct vos_cont *cont, struct dtx *dtx)
{
	struct list *at = cont->dtx_list.prev;

	/* By age; the usual new one is the youngest. */
	while (at != &cont->dtx_list && compare_ids(&list_entry(at, struct dtx, link)->id, &dtx->id) > 0)
		at = at->prev;
	list_push(at, &dtx->link);
	hash_insert(&cont->dtx_by_id, &dtx->by_id, &dtx->id);
	hash_insert(&cont->dtx_by_local, &dtx->by_local, &dtx->local);
	cont->dtx_nr++;
}

void
vos__dtx_unlink(struct vos_cont *cont, struct dtx *dtx)
{
	list_remove(&dtx->link);
	hash_remove(&cont->dtx_by_id, &dtx->by_id);
	hash_remove(&cont->dtx_by_local, &dtx->by_local);
	cont->dtx_nr--;
}

uint32_t
vos__dtx_next_local(struct vos_cont *cont)
{
	do {
		cont->dtx_local++;
	} while (cont->dtx_local == 0 || vos__dtx_by_local(cont, cont->dtx_local) != NULL);
	return cont->dtx_local;
}

/* ---- trees ------------------------------------------------------------------------------------------------------- */
static struct btree
active_tree(struct vos_cont *cont)
{
	return vos__tree(cont->pool, cont->off + offsetof(struct vos_cont_rec, active));
}

static struct btree
done_tree(struct vos_cont *cont)
{
	return vos__tree(cont->pool, cont->off + offsetof(struct vos_cont_rec, done));
}

int
vos__done_find(struct vos_cont *cont, const struct vos_dtx_id *id, enum vos_dtx_state *state, uint64_t *epoch,
	       int32_t *answer)
{
	const struct vos_cont_rec *rec = umem_at(cont->pool->heap, cont->off);
	struct btree tree = done_tree(cont);
	uint8_t key[VOS_DONE_KEY] = {0};
	struct btree_cursor cursor;
	int rc;

	vos__dtx_key(id, key);
	rc = btree_seek_hkey(&tree, BTREE_GE, key, &cursor);
	if (rc == 0 && memcmp(btree_hkey(&cursor), key, VOS_DTX_KEY) == 0) {
		const uint8_t *found = btree_hkey(&cursor) + VOS_DTX_KEY;
		uint32_t raw;

		memcpy(&raw, found, sizeof(raw));
		*answer = (int32_t)__builtin_bswap32(raw);
		*state = found[4] == VOS_DTX_ABORTED ? VOS_DTX_ABORTED : VOS_DTX_COMMITTED;
		*epoch = btree_value(&cursor);
		return 0;
	}
	if (rc != 0 && rc != -DER_NONEXIST)
		return rc;
	return id->hlc < rec->forgotten ? -DER_EP_OLD : -DER_NONEXIST;
}

/*
 * Drops the oldest entries, all with an hlc below bound, at most max; *nr: how many. Those of the last hlc go together.
 */
static int
forget_oldest(struct vos_cont *cont, uint64_t bound, uint32_t max, uint32_t *nr)
{
	struct btree tree = done_tree(cont);
	struct vos_cont_rec *rec;
	uint64_t forgotten = 0;

	for (*nr = 0; *nr < max * 2; (*nr)++) {
		struct btree_cursor cursor;
		uint8_t key[VOS_DONE_KEY];
		uint64_t hlc;
		int rc = btree_seek(&tree, BTREE_FIRST, NULL, 0, &cursor);

		if (rc == -DER_NONEXIST)
			break;
		if (rc != 0)
			return rc;
		memcpy(key, btree_hkey(&cursor), sizeof(key));
		hlc = vos__get_be64(key);
		if (hlc >= bound || (*nr >= max && hlc >= forgotten))
			break;
		rc = btree_remove(&tree, key, sizeof(key), NULL);
		if (rc != 0)
			return rc;
		forgotten = hlc + 1;
	}
	rec = umem_at(cont->pool->heap, cont->off);
	if (forgotten > rec->forgotten) {
		rec = umem_touch(cont->pool->heap, cont->off, sizeof(*rec));
		rec->forgotten = forgotten;
	}
	return 0;
}

int
vos__done_add(struct vos_cont *cont, const struct vos_dtx_id *id, enum vos_dtx_state state, uint64_t epoch,
	      int32_t answer)
{
	struct btree tree = done_tree(cont);
	uint8_t key[VOS_DONE_KEY] = {0};
	uint32_t raw = __builtin_bswap32((uint32_t)answer), nr;

	vos__dtx_key(id, key);
	memcpy(key + VOS_DTX_KEY, &raw, sizeof(raw));
	key[VOS_DTX_KEY + 4] = (uint8_t)state;
	/* The answers must not fill the heap: beyond their share the oldest go before their time. */
	if (btree_count(&tree) > cont->pool->done_max + DONE_SLACK) {
		int rc = forget_oldest(cont, UINT64_MAX, DONE_SLACK, &nr);

		if (rc != 0)
			return rc;
	}
	return btree_insert(&tree, key, sizeof(key), epoch, NULL);
}

int
vos__dtx_write(struct put *put, umem_off_t *result)
{
	const struct vos_apply *apply = put->apply;
	const struct dtx *dtx = put->dtx;
	struct btree tree = active_tree(put->cont);
	uint8_t key[VOS_DTX_KEY];
	struct vos_dtx_rec *rec;

	*result = umem_alloc(put->pool->heap, sizeof(*rec) + dtx->touch_len + apply->blob.len);
	if (*result == UMEM_NULL)
		return -DER_NOSPACE;
	rec = umem_at(put->pool->heap, *result);
	memcpy(rec->client, apply->id->client, sizeof(rec->client));
	rec->hlc = apply->id->hlc;
	rec->epoch = put->epoch;
	rec->local = put->local;
	rec->map_version = apply->version;
	rec->state = VOS_DTX_REC_PREPARED;
	rec->touch_len = dtx->touch_len;
	rec->blob_len = apply->blob.len;
	memcpy(rec + 1, dtx->touch, dtx->touch_len);
	if (apply->blob.len > 0)
		memcpy((char *)(rec + 1) + dtx->touch_len, apply->blob.data, apply->blob.len);
	vos__dtx_key(apply->id, key);
	return btree_insert(&tree, key, sizeof(key), *result, NULL);
}

/* ---- loading ----------------------------------------------------------------------------------------------------- */
struct load {
	struct vos_cont *cont;
	uint8_t after[VOS_DTX_KEY];
	struct dtx *dtx;
};

/* Reads the entry behind `after` into load->dtx. -DER_NONEXIST at the end. */
static int
load_body(struct umem *heap, void *arg)
{
	struct load *load = arg;
	struct vos_cont *cont = load->cont;
	struct btree tree = active_tree(cont);
	struct dtx *dtx = load->dtx;
	const struct vos_dtx_rec *rec;
	struct btree_cursor cursor;
	umem_off_t off;
	int rc = btree_seek_hkey(&tree, BTREE_GT, load->after, &cursor);

	if (rc != 0)
		return rc;
	off = btree_value(&cursor);
	if (!vos__sound(heap, off, sizeof(*rec)))
		return vos__corrupt(cont->pool, off, "no record of a prepared transaction");
	rec = umem_at(heap, off);
	if (!vos__sound(heap, off, sizeof(*rec) + (uint64_t)rec->touch_len + rec->blob_len) ||
	    rec->settled > rec->touch_len || rec->local == 0 || rec->state < VOS_DTX_REC_PREPARED ||
	    rec->state > VOS_DTX_REC_COMMITTING)
		return vos__corrupt(cont->pool, off, "the record of a prepared transaction");
	memcpy(dtx->id.client, rec->client, sizeof(uuid_t));
	dtx->id.hlc = rec->hlc;
	dtx->epoch = rec->epoch;
	dtx->off = off;
	dtx->local = rec->local;
	dtx->state = rec->state;
	mem_free(cont->pool->vx->mem, dtx->touch);
	dtx->touch_len = rec->touch_len;
	dtx->touch = mem_alloc(cont->pool->vx->mem, MAX(dtx->touch_len, 1U));
	if (dtx->touch == NULL)
		return -DER_NOMEM;
	memcpy(dtx->touch, rec + 1, dtx->touch_len);
	return 0;
}

int
vos__dtx_load(struct vos_cont *cont)
{
	struct load load = {.cont = cont};
	int rc = 0;

	while (rc == 0) {
		load.dtx = MEM_NEW(cont->pool->vx->mem, struct dtx);
		if (load.dtx == NULL)
			return -DER_NOMEM;
		rc = umem_read(cont->pool->heap, load_body, &load);
		if (rc == 0 && vos__dtx_by_local(cont, load.dtx->local) != NULL)
			rc = vos__corrupt(cont->pool, load.dtx->off, "two prepared transactions with one local id");
		if (rc != 0) {
			vos__dtx_free(cont, load.dtx);
			break;
		}
		cont->dtx_local = MAX(cont->dtx_local, load.dtx->local);
		vos__dtx_link(cont, load.dtx);
		vos__dtx_key(&load.dtx->id, load.after);
	}
	return rc == -DER_NONEXIST ? 0 : rc;
}

/* ---- deciding ---------------------------------------------------------------------------------------------------- */
struct settle {
	struct vos_cont *cont;
	struct dtx **dtx;
	uint32_t nr;
	bool commit;
	uint32_t max; /* touches of each at most */
	/* of the last run; those of a batch are settled whole */
	bool gone;
};

static int
settle_one(struct settle *settle, struct dtx *dtx)
{
	struct vos_cont *cont = settle->cont;
	struct umem *heap = cont->pool->heap;
	struct vos_dtx_rec *rec = umem_at(heap, dtx->off);
	struct btree tree = active_tree(cont);
	uint8_t key[VOS_DTX_KEY];
	uint32_t at = rec->settled;
	int rc = 0;

	if (rec->state == VOS_DTX_REC_PREPARED)
		rc = vos__done_add(cont, &dtx->id, settle->commit ? VOS_DTX_COMMITTED : VOS_DTX_ABORTED, dtx->epoch,
				   settle->commit ? 0 : -DER_TX_RESTART);
	if (rc == 0)
		rc = vos__settle(cont, dtx, settle->commit, &at, settle->max);
	if (rc != 0)
		return rc;
	settle->gone = at == dtx->touch_len;
	if (settle->gone) {
		umem_free(heap, dtx->off);
		vos__dtx_key(&dtx->id, key);
		return btree_remove(&tree, key, sizeof(key), NULL);
	}
	rec = umem_touch(heap, dtx->off, sizeof(*rec));
	rec->settled = at;
	rec->state = settle->commit ? VOS_DTX_REC_COMMITTING : VOS_DTX_REC_ABORTING;
	return 0;
}

static int
settle_body(struct umem *heap, void *arg)
{
	struct settle *settle = arg;

	for (uint32_t i = 0; i < settle->nr; i++) {
		int rc = settle_one(settle, settle->dtx[i]);

		if (rc == 0 && settle->nr > 1 && !settle->gone)
			rc = -DER_OVERFLOW;
		if (rc != 0)
			return rc;
	}
	return 0;
}

/* What was settled has become visible, or has gone: replies wait for lsn. */
static void
settled(struct settle *settle, uint64_t lsn)
{
	struct vos_cont *cont = settle->cont;

	cont->dtx_lsn = lsn;
	for (uint32_t i = 0; i < settle->nr; i++) {
		struct dtx *dtx = settle->dtx[i];

		vos__touch_mark(cont, dtx->touch, dtx->touch_len, lsn, !settle->commit);
		dtx->state = settle->commit ? VOS_DTX_REC_COMMITTING : VOS_DTX_REC_ABORTING;
		if (settle->gone) {
			vos__dtx_unlink(cont, dtx);
			vos__dtx_free(cont, dtx);
		}
	}
}

/*
 * Settles transactions that nobody else settles meanwhile (dtx->busy): a batch in one step, or one in as many as it
 * needs.
 */
static int
settle_all(struct settle *settle)
{
	struct vos_cont *cont = settle->cont;
	uint64_t lsn;
	int rc = 0;

	for (uint32_t i = 0; i < settle->nr; i++)
		settle->dtx[i]->busy = true;
	settle->max = settle->nr > 1 ? SETTLE_BATCH : SETTLE_ONCE;
	for (settle->gone = false; rc == 0 && !settle->gone;) {
		rc = umem_write(cont->pool->heap, UMEM_RESERVE, settle_body, settle, &lsn);
		if (rc == 0) {
			settled(settle, lsn);
		} else if (rc == -DER_OVERFLOW && settle->nr == 1 && settle->max > 1) {
			settle->max /= 4;
			rc = 0;
		}
	}
	for (uint32_t i = 0; rc != 0 && i < settle->nr; i++)
		settle->dtx[i]->busy = false;
	ult_cond_broadcast(&cont->dtx_settled);
	return rc;
}

/* Goes on with what was decided before a crash, or failed on the way. */
int
vos__dtx_finish(struct vos_cont *cont)
{
	struct list *at = cont->dtx_list.next;
	int rc = 0;

	while (at != &cont->dtx_list && rc == 0) {
		struct dtx *dtx = list_entry(at, struct dtx, link);
		struct settle settle = {
			.cont = cont, .dtx = &dtx, .nr = 1, .commit = dtx->state == VOS_DTX_REC_COMMITTING};

		at = at->next;
		if (dtx->state == VOS_DTX_REC_PREPARED || dtx->busy)
			continue;
		rc = settle_all(&settle);
		/* The list may have changed meanwhile. */
		at = cont->dtx_list.next;
	}
	return rc;
}

/* The transaction, once nobody else is settling it; NULL: in no table. YIELDS */
static struct dtx *
find_idle(struct vos_cont *cont, const struct vos_dtx_id *id)
{
	struct dtx *dtx;

	while ((dtx = vos__dtx_by_id(cont, id)) != NULL && dtx->busy)
		ult_cond_wait(&cont->dtx_settled, NULL);
	return dtx;
}

static int
commit_batch(struct vos_cont *cont, struct dtx **dtx, uint32_t nr)
{
	struct settle settle = {.cont = cont, .dtx = dtx, .nr = nr, .commit = true};
	int rc = nr > 0 ? settle_all(&settle) : 0;

	if (rc != -DER_OVERFLOW)
		return rc;
	/* Too much for one step. Each is found again: the others' steps yield. */
	for (uint32_t i = 0; i < nr; i++)
		dtx[i]->busy = true;
	for (uint32_t i = 0; i < nr; i++) {
		settle = (struct settle){.cont = cont, .dtx = &dtx[i], .nr = 1, .commit = true};
		rc = settle_all(&settle);
		for (uint32_t j = i + 1; rc != 0 && j < nr; j++)
			dtx[j]->busy = false;
		if (rc != 0)
			break;
	}
	ult_cond_broadcast(&cont->dtx_settled);
	return rc;
}

int
vos_dtx_commit(struct vos_cont *cont, const struct vos_dtx_id *ids, uint32_t nr, uint64_t *lsn)
{
	struct dtx *batch[COMMIT_BATCH];
	uint32_t n = 0;
	int rc = 0;

	for (uint32_t i = 0; i < nr && rc == 0; i++) {
		struct dtx *dtx = vos__dtx_by_id(cont, &ids[i]);

		if (dtx != NULL && dtx->busy && dtx->state != VOS_DTX_REC_ABORTING) {
			bool ours = false;

			for (uint32_t j = 0; j < n; j++)
				ours |= batch[j] == dtx;
			if (ours)
				continue;
			rc = commit_batch(cont, batch, n);
			n = 0;
			dtx = find_idle(cont, &ids[i]);
		}
		if (dtx == NULL || dtx->state == VOS_DTX_REC_ABORTING)
			continue;
		dtx->busy = true;
		batch[n++] = dtx;
		if (n == COMMIT_BATCH) {
			rc = rc != 0 ? rc : commit_batch(cont, batch, n);
			n = 0;
		}
	}
	if (rc == 0)
		rc = commit_batch(cont, batch, n);
	for (uint32_t i = 0; rc != 0 && i < n; i++)
		batch[i]->busy = false;
	*lsn = cont->dtx_lsn;
	return rc;
}

struct refuse {
	struct vos_cont *cont;
	const struct vos_dtx_id *id;
};

static int
refuse_body(struct umem *heap, void *arg)
{
	struct refuse *refuse = arg;
	enum vos_dtx_state state;
	uint64_t epoch;
	int32_t answer;
	int rc = vos__done_find(refuse->cont, refuse->id, &state, &epoch, &answer);

	if (rc == 0)
		return state == VOS_DTX_COMMITTED ? -DER_EXIST : 0;
	/* Older than what is remembered: it is refused anyway. */
	if (rc != -DER_NONEXIST)
		return rc == -DER_EP_OLD ? 0 : rc;
	return vos__done_add(refuse->cont, refuse->id, VOS_DTX_ABORTED, 0, -DER_TX_RESTART);
}

int
vos_dtx_abort(struct vos_cont *cont, const struct vos_dtx_id *id, uint64_t *lsn)
{
	struct refuse refuse = {.cont = cont, .id = id};
	struct dtx *dtx = find_idle(cont, id);
	struct settle settle = {.cont = cont, .dtx = &dtx, .nr = 1};
	int rc;

	if (dtx != NULL) {
		rc = dtx->state == VOS_DTX_REC_COMMITTING ? -DER_EXIST : settle_all(&settle);
		*lsn = cont->dtx_lsn;
		return rc;
	}
	rc = umem_write(cont->pool->heap, UMEM_RESERVE, refuse_body, &refuse, lsn);
	if (rc == 0)
		cont->dtx_lsn = *lsn;
	return rc;
}

/* ---- asking ------------------------------------------------------------------------------------------------------ */
struct ask {
	struct vos_cont *cont;
	const struct vos_dtx_id *id;
	enum vos_dtx_state state;
	uint64_t epoch, lsn;
	int32_t answer;
};

static int
ask_body(struct umem *heap, void *arg)
{
	struct ask *ask = arg;
	struct dtx *dtx = vos__dtx_by_id(ask->cont, ask->id);

	ask->lsn = ask->cont->dtx_lsn;
	if (dtx == NULL)
		return vos__done_find(ask->cont, ask->id, &ask->state, &ask->epoch, &ask->answer);
	ask->epoch = dtx->epoch;
	ask->answer = dtx->state == VOS_DTX_REC_ABORTING ? -DER_TX_RESTART : 0;
	ask->state = dtx->state == VOS_DTX_REC_PREPARED ? VOS_DTX_PREPARED :
		     dtx->state == VOS_DTX_REC_COMMITTING ? VOS_DTX_COMMITTED : VOS_DTX_ABORTED;
	return 0;
}

int
vos_dtx_check(struct vos_cont *cont, const struct vos_dtx_id *id, enum vos_dtx_state *state, uint64_t *epoch,
	      int32_t *answer)
{
	struct ask ask = {.cont = cont, .id = id};
	int rc = umem_read(cont->pool->heap, ask_body, &ask), rc2;

	*state = VOS_DTX_UNKNOWN;
	if (rc != 0 && rc != -DER_NONEXIST && rc != -DER_EP_OLD)
		return rc;
	rc2 = umem_wait(cont->pool->heap, ask.lsn);
	if (rc2 != 0 || rc != 0)
		return rc2 != 0 ? rc2 : rc;
	*state = ask.state;
	*epoch = ask.epoch;
	*answer = ask.answer;
	return 0;
}

struct list_arg {
	struct vos_cont *cont;
	struct vos_dtx_id id;
	struct vos_dtx_entry *entry;
	struct arena *arena;
};

static int
entry_body(struct umem *heap, void *arg)
{
	struct list_arg *list = arg;
	struct dtx *dtx = vos__dtx_by_id(list->cont, &list->id);
	const struct vos_dtx_rec *rec;

	if (dtx == NULL)
		return -DER_NONEXIST;
	rec = umem_at(heap, dtx->off);
	list->entry->id = dtx->id;
	list->entry->epoch = dtx->epoch;
	list->entry->blob.len = rec->blob_len;
	list->entry->blob.data = arena_dup(list->arena, (const char *)(rec + 1) + rec->touch_len, rec->blob_len);
	return list->entry->blob.data != NULL ? 0 : -DER_NOMEM;
}

int
vos_dtx_list(struct vos_cont *cont, uint32_t *at, struct vos_dtx_entry *entries, uint32_t max, uint32_t *nr,
	     struct arena *arena)
{
	struct list_arg list = {.cont = cont, .arena = arena};
	uint64_t lsn = 0;
	int rc = 0;

	for (*nr = 0; *nr < max && rc == 0;) {
		struct dtx *dtx;
		uint32_t skip = *at;

		/* From the start each time: reading an entry may yield, and the list change. */
		list_each(dtx, &cont->dtx_list, link)
			if (dtx->state == VOS_DTX_REC_PREPARED && skip-- == 0)
				break;
		if (&dtx->link == &cont->dtx_list)
			break;
		list.id = dtx->id;
		list.entry = &entries[*nr];
		rc = umem_read(cont->pool->heap, entry_body, &list);
		lsn = cont->dtx_lsn;
		if (rc == 0) {
			(*at)++;
			(*nr)++;
		} else if (rc == -DER_NONEXIST) {
			rc = 0;
		}
	}
	return rc != 0 ? rc : umem_wait(cont->pool->heap, lsn);
}

struct reap {
	struct vos_cont *cont;
	uint64_t bound;
	uint32_t nr;
};

static int
reap_body(struct umem *heap, void *arg)
{
	struct reap *reap = arg;

	return forget_oldest(reap->cont, reap->bound, REAP_STEP, &reap->nr);
}

int
vos_dtx_reap(struct vos_cont *cont, uint64_t now_hlc)
{
	uint64_t retention = cont->pool->vx->retention;
	struct reap reap = {.cont = cont, .bound = now_hlc > retention ? now_hlc - retention : 0};
	int rc = 0;

	do {
		rc = umem_write(cont->pool->heap, UMEM_RESERVE, reap_body, &reap, NULL);
	} while (rc == 0 && reap.nr >= REAP_STEP);
	return rc;
}
