/* SPDX-License-Identifier: Apache-2.0 */
/* What vos promises, one sentence a test. */
#include "stage.h"

static const daos_obj_id_t hashed = {.hi = 0, .lo = 7};

static void
play_single(struct stage *stage)
{
	assert_int_equal(stage_up(stage, true), 0);
	assert_text(stage, hashed, "d", "a", 100, "-");
	assert_int_equal(put_single(stage, hashed, "d", "a", 10, "one", 3), 0);
	assert_text(stage, hashed, "d", "a", 9, "-");
	assert_text(stage, hashed, "d", "a", 10, "one");
	assert_int_equal(put_single(stage, hashed, "d", "a", 20, "three", 5), 0);
	assert_int_equal(put_single(stage, hashed, "d", "a", 15, "2", 1), 0);
	assert_int_equal(put_single(stage, hashed, "d", "b", 12, "bee", 3), 0);
	assert_text(stage, hashed, "d", "a", 14, "one");
	assert_text(stage, hashed, "d", "a", 19, "2");
	assert_text(stage, hashed, "d", "a", DAOS_EPOCH_MAX, "three");
	assert_text(stage, hashed, "d", "b", 11, "-");
	assert_text(stage, hashed, "d", "b", 12, "bee");
	assert_int_equal(put_single(stage, hashed, "d", "a", 25, "", 0), 0);
	assert_text(stage, hashed, "d", "a", 24, "three");
	assert_text(stage, hashed, "d", "a", 25, "-");
	assert_int_equal(vos_pool_check(stage->pool), 0);
	stage_down(stage);
}

static void
a_single_value_is_read_as_of_any_epoch(void **state)
{
	stage_run(play_single, true);
}

static void
play_array(struct stage *stage)
{
	assert_int_equal(stage_up(stage, true), 0);
	assert_int_equal(put_array(stage, hashed, "d", "a", 10, 2, 6, "aaaaaa"), 0);
	assert_records(stage, hashed, "d", "a", 10, 0, 10, "..aaaaaa..");
	assert_int_equal(put_array(stage, hashed, "d", "a", 20, 4, 2, "bb"), 0);
	assert_int_equal(put_array(stage, hashed, "d", "a", 30, 7, 5, "ccccc"), 0);
	assert_int_equal(put_array(stage, hashed, "d", "a", 40, 0, 5, NULL), 0);
	assert_records(stage, hashed, "d", "a", 10, 0, 14, "..aaaaaa......");
	assert_records(stage, hashed, "d", "a", 20, 0, 14, "..aabbaa......");
	assert_records(stage, hashed, "d", "a", 35, 0, 14, "..aabbaccccc..");
	assert_records(stage, hashed, "d", "a", 40, 0, 14, ".....baccccc..");
	assert_records(stage, hashed, "d", "a", 40, 5, 3, "bac");
	assert_int_equal(vos_pool_check(stage->pool), 0);
	stage_down(stage);
}

static void
newer_extents_cover_older_ones_and_holes_cut_through_both(void **state)
{
	stage_run(play_array, true);
}

static void
play_punch(struct stage *stage)
{
	assert_int_equal(stage_up(stage, true), 0);
	assert_int_equal(put_single(stage, hashed, "d", "a", 10, "1", 1), 0);
	assert_int_equal(put_single(stage, hashed, "d", "b", 11, "2", 1), 0);
	assert_int_equal(put_single(stage, hashed, "e", "a", 12, "3", 1), 0);
	assert_int_equal(punch_at(stage, hashed, "d", "a", 20, 0), 0);
	assert_text(stage, hashed, "d", "a", 19, "1");
	assert_text(stage, hashed, "d", "a", 20, "-");
	assert_text(stage, hashed, "d", "b", 20, "2");
	assert_int_equal(punch_at(stage, hashed, "d", NULL, 30, 0), 0);
	assert_text(stage, hashed, "d", "b", 30, "-");
	assert_text(stage, hashed, "e", "a", 30, "3");
	assert_int_equal(punch_at(stage, hashed, NULL, NULL, 40, 0), 0);
	assert_text(stage, hashed, "e", "a", 40, "-");
	assert_text(stage, hashed, "e", "a", 39, "3");
	assert_int_equal(put_single(stage, hashed, "e", "a", 50, "4", 1), 0);
	assert_text(stage, hashed, "e", "a", 50, "4");
	assert_text(stage, hashed, "d", "b", 50, "-");
	assert_int_equal(punch_at(stage, hashed, "x", NULL, 60, DAOS_COND_PUNCH), -DER_NONEXIST);
	assert_int_equal(punch_at(stage, hashed, "e", NULL, 60, DAOS_COND_PUNCH), 0);
	assert_int_equal(vos_pool_check(stage->pool), 0);
	stage_down(stage);
}

static void
a_punch_hides_what_is_older_and_nothing_else(void **state)
{
	stage_run(play_punch, true);
}

/* ---- conditions -------------------------------------------------------------------------------------------------- */
static int
put_if(struct stage *stage, const char *dkey, const char *akey, uint64_t epoch, uint64_t flags)
{
	struct vos_op *op;
	int rc = begin_one(stage, hashed, key_of(dkey), key_of(akey), flags, NULL, 1, "x", &op);

	return rc == 0 ? apply_at(stage, epoch, op, NULL) : rc;
}

static void
play_conditions(struct stage *stage)
{
	struct vos_when when = {.epoch = 100};
	char buf[8];
	size_t len;

	assert_int_equal(stage_up(stage, true), 0);
	assert_int_equal(put_if(stage, "d", "a", 10, DAOS_COND_DKEY_UPDATE), -DER_NONEXIST);
	assert_int_equal(put_if(stage, "d", "a", 10, DAOS_COND_AKEY_UPDATE), -DER_NONEXIST);
	assert_int_equal(put_if(stage, "d", "a", 10, DAOS_COND_DKEY_INSERT), 0);
	assert_int_equal(put_if(stage, "d", "a", 11, DAOS_COND_DKEY_INSERT), -DER_EXIST);
	assert_int_equal(put_if(stage, "d", "a", 12, DAOS_COND_AKEY_INSERT), -DER_EXIST);
	assert_int_equal(put_if(stage, "d", "b", 13, DAOS_COND_AKEY_INSERT | DAOS_COND_DKEY_UPDATE), 0);
	assert_int_equal(put_if(stage, "d", "c", 14, DAOS_COND_AKEY_UPDATE), -DER_NONEXIST);
	assert_int_equal(put_if(stage, "d", "b", 15, DAOS_COND_AKEY_UPDATE), 0);
	assert_int_equal(fetch_at(stage, hashed, key_of("d"), key_of("c"), &when, DAOS_COND_AKEY_FETCH, NULL, buf, 8,
				  &len, NULL),
			 -DER_NONEXIST);
	assert_int_equal(fetch_at(stage, hashed, key_of("e"), key_of("c"), &when, DAOS_COND_DKEY_FETCH, NULL, buf, 8,
				  &len, NULL),
			 -DER_NONEXIST);
	assert_int_equal(fetch_at(stage, hashed, key_of("d"), key_of("c"), &when, DAOS_COND_DKEY_FETCH, NULL, buf, 8,
				  &len, NULL),
			 0);
	assert_int_equal(len, 0);
	assert_int_equal(punch_at(stage, hashed, "d", "c", 101, DAOS_COND_PUNCH), -DER_NONEXIST);
	assert_int_equal(punch_at(stage, hashed, "d", "b", 102, DAOS_COND_PUNCH), 0);
	assert_int_equal(punch_at(stage, hashed, "d", "b", 103, DAOS_COND_PUNCH), -DER_NONEXIST);
	assert_int_equal(put_if(stage, "d", "b", 104, DAOS_COND_AKEY_INSERT), 0);
	assert_int_equal(punch_at(stage, hashed, NULL, NULL, 105, DAOS_COND_PUNCH), 0);
	assert_int_equal(punch_at(stage, hashed, NULL, NULL, 106, DAOS_COND_PUNCH), -DER_NONEXIST);
	assert_int_equal(put_if(stage, "d", "a", 107, DAOS_COND_DKEY_UPDATE), -DER_NONEXIST);
	stage_down(stage);
}

static void
conditions_are_looked_at_for_object_dkey_and_akey(void **state)
{
	stage_run(play_conditions, true);
}

static void
play_per_akey(struct stage *stage)
{
	daos_key_t dkey = key_of("d");
	struct vos_key key = {.cont = stage->cont, .oid = hashed, .dkey = &dkey};
	daos_iod_t iods[2] = {{.iod_name = key_of("a"), .iod_type = DAOS_IOD_SINGLE, .iod_size = 1, .iod_nr = 1},
			      {.iod_name = key_of("b"), .iod_type = DAOS_IOD_SINGLE, .iod_size = 1, .iod_nr = 1}};
	struct vos_op *op;

	assert_int_equal(stage_up(stage, true), 0);
	key.cont = stage->cont;
	assert_int_equal(put_single(stage, hashed, "d", "a", 10, "1", 1), 0);
	iods[0].iod_flags = DAOS_COND_AKEY_UPDATE;
	iods[1].iod_flags = DAOS_COND_AKEY_INSERT;
	assert_int_equal(vos_update_begin(&key, DAOS_COND_PER_AKEY, 2, iods, NULL, &op), 0);
	fill_op(op, 0, "2");
	fill_op(op, 1, "3");
	assert_int_equal(apply_at(stage, 20, op, NULL), 0);
	assert_text(stage, hashed, "d", "a", 20, "2");
	assert_text(stage, hashed, "d", "b", 20, "3");
	assert_int_equal(vos_update_begin(&key, DAOS_COND_PER_AKEY, 2, iods, NULL, &op), 0);
	fill_op(op, 0, "4");
	fill_op(op, 1, "5");
	assert_int_equal(apply_at(stage, 30, op, NULL), -DER_EXIST);
	assert_text(stage, hashed, "d", "a", 30, "2");
	stage_down(stage);
}

static void
an_update_of_several_akeys_with_conditions_of_their_own_is_all_or_nothing(void **state)
{
	stage_run(play_per_akey, true);
}

/* ---- listing ----------------------------------------------------------------------------------------------------- */
/* Lists keys into a text, each followed by a space, few a call. */
static void
list_text(struct stage *stage, enum vos_list_kind kind, daos_obj_id_t oid, const char *dkey, uint64_t epoch,
	  uint32_t max, char *text)
{
	daos_key_t dk = key_of(dkey != NULL ? dkey : "");
	struct vos_key key = {.cont = stage->cont, .oid = oid, .dkey = dkey != NULL ? &dk : NULL};
	struct vos_when when = {.epoch = epoch};
	daos_anchor_t anchor = {0};
	struct vos_entry entries[16];
	char buf[64];
	struct vos_list list = {
		.kind = kind, .anchor = &anchor, .buf = buf, .buf_size = sizeof(buf), .max = max, .entries = entries};

	*text = '\0';
	while (anchor.da_type != DAOS_ANCHOR_TYPE_EOF) {
		assert_int_equal(vos_list(&key, &when, VOS_NO_TIMESTAMP, &list), 0);
		for (uint32_t i = 0; i < list.nr; i++) {
			strncat(text, buf + entries[i].key_off, entries[i].key_len);
			strcat(text, " ");
		}
	}
}

static void
play_list(struct stage *stage)
{
	daos_obj_id_t lexical = oid_of(DAOS_OT_MULTI_LEXICAL, 1);
	char text[1000];
	int seen = 0;

	assert_int_equal(stage_up(stage, true), 0);
	for (int i = 0; i < 20; i++) {
		char key[8];

		snprintf(key, sizeof(key), "k%d", i);
		assert_int_equal(put_single(stage, lexical, key, "a", 10 + i, "1", 1), 0);
		assert_int_equal(put_single(stage, hashed, key, "a", 10 + i, "1", 1), 0);
	}
	list_text(stage, VOS_LIST_DKEY, lexical, NULL, 100, 3, text);
	assert_string_equal(text, "k0 k1 k10 k11 k12 k13 k14 k15 k16 k17 k18 k19 k2 k3 k4 k5 k6 k7 k8 k9 ");
	list_text(stage, VOS_LIST_DKEY, lexical, NULL, 12, 1, text);
	assert_string_equal(text, "k0 k1 k2 ");
	assert_int_equal(punch_at(stage, lexical, "k1", NULL, 50, 0), 0);
	list_text(stage, VOS_LIST_DKEY, lexical, NULL, 60, 16, text);
	assert_string_equal(text, "k0 k10 k11 k12 k13 k14 k15 k16 k17 k18 k19 k2 k3 k4 k5 k6 k7 k8 k9 ");
	list_text(stage, VOS_LIST_DKEY, hashed, NULL, 100, 3, text);
	for (int i = 0; i < 20; i++) {
		char key[8];

		snprintf(key, sizeof(key), "k%d ", i);
		seen += strstr(text, key) != NULL;
	}
	assert_int_equal(seen, 20);
	list_text(stage, VOS_LIST_AKEY, hashed, "k3", 100, 3, text);
	assert_string_equal(text, "a ");
	assert_int_equal(put_single(stage, lexical, "k3", "b", 70, "1", 1), 0);
	assert_int_equal(put_array(stage, lexical, "k3", "c", 70, 0, 1, "1"), 0);
	list_text(stage, VOS_LIST_AKEY, lexical, "k3", 100, 2, text);
	assert_string_equal(text, "a b c ");
	list_text(stage, VOS_LIST_AKEY, lexical, "nothing", 100, 2, text);
	assert_string_equal(text, "");
	stage_down(stage);
}

static void
keys_are_listed_in_pieces_of_any_size(void **state)
{
	stage_run(play_list, true);
}

static void
play_extents(struct stage *stage)
{
	daos_key_t dkey = key_of("d"), akey = key_of("a");
	struct vos_key key = {.oid = hashed, .dkey = &dkey};
	struct vos_when when = {.epoch = 100};
	daos_anchor_t anchor = {0};
	struct vos_entry entries[3];
	struct vos_list list = {
		.kind = VOS_LIST_EXTENT, .akey = &akey, .anchor = &anchor, .max = 3, .entries = entries};
	uint64_t expected = 0;

	assert_int_equal(stage_up(stage, true), 0);
	key.cont = stage->cont;
	for (uint64_t i = 0; i < 10; i++)
		assert_int_equal(put_array(stage, hashed, "d", "a", 10 + i, i * 1000000, 5, "abcde"), 0);
	while (anchor.da_type != DAOS_ANCHOR_TYPE_EOF) {
		assert_int_equal(vos_list(&key, &when, 0, &list), 0);
		for (uint32_t i = 0; i < list.nr; i++, expected++) {
			assert_int_equal(entries[i].recx.rx_idx, expected * 1000000);
			assert_int_equal(entries[i].recx.rx_nr, 5);
			assert_int_equal(entries[i].epoch, 10 + expected);
			assert_int_equal(entries[i].size, 1);
		}
	}
	assert_int_equal(expected, 10);
	memset(&anchor, 0, sizeof(anchor));
	list.reverse = true;
	while (anchor.da_type != DAOS_ANCHOR_TYPE_EOF) {
		assert_int_equal(vos_list(&key, &when, 0, &list), 0);
		for (uint32_t i = 0; i < list.nr; i++)
			assert_int_equal(entries[i].recx.rx_idx, --expected * 1000000);
	}
	assert_int_equal(expected, 0);
	stage_down(stage);
}

static void
extents_are_listed_up_and_down(void **state)
{
	stage_run(play_extents, true);
}

static void
play_query(struct stage *stage)
{
	daos_obj_id_t array = oid_of(DAOS_OT_ARRAY_BYTE, 1);
	struct vos_key key = {.oid = array};
	struct vos_when when = {.epoch = 100};
	daos_key_t akey = key_of("0"), dkey;
	uint64_t value = 0, size, lsn, epoch;
	daos_recx_t recx;

	assert_int_equal(stage_up(stage, true), 0);
	key.cont = stage->cont;
	dkey = key_u64(&value);
	assert_int_equal(vos_query_key(&key, &when, DAOS_GET_MAX | DAOS_GET_DKEY | DAOS_GET_RECX, &dkey, &akey, &recx,
				       &size, &lsn),
			 -DER_NONEXIST);
	for (uint64_t i = 1; i < 5; i++) {
		uint64_t number = i * 10;
		daos_recx_t at = {.rx_idx = i, .rx_nr = 3};
		struct vos_op *op;

		assert_int_equal(begin_one(stage, array, key_u64(&number), akey, 0, &at, 1, "abc", &op), 0);
		assert_int_equal(apply_at(stage, 100 + i, op, NULL), 0);
	}
	when.epoch = 200;
	assert_int_equal(vos_query_key(&key, &when, DAOS_GET_MAX | DAOS_GET_DKEY | DAOS_GET_RECX, &dkey, &akey, &recx,
				       &size, &lsn),
			 0);
	assert_int_equal(value, 40);
	assert_int_equal(recx.rx_idx, 4);
	assert_int_equal(recx.rx_nr, 3);
	assert_int_equal(size, 1);
	assert_int_equal(vos_query_key(&key, &when, DAOS_GET_MIN | DAOS_GET_DKEY, &dkey, NULL, NULL, &size, &lsn), 0);
	assert_int_equal(value, 10);
	when.epoch = 103;
	assert_int_equal(vos_query_key(&key, &when, DAOS_GET_MAX | DAOS_GET_DKEY, &dkey, NULL, NULL, &size, &lsn), 0);
	assert_int_equal(value, 30);
	assert_int_equal(vos_query_epoch(&key, &when, &epoch, &lsn), 0);
	assert_int_equal(epoch, 103);
	when.epoch = DAOS_EPOCH_MAX;
	assert_int_equal(vos_query_epoch(&key, &when, &epoch, &lsn), 0);
	assert_int_equal(epoch, 104);
	stage_down(stage);
}

static void
the_end_of_an_array_and_its_newest_change_are_found(void **state)
{
	stage_run(play_query, true);
}

/* ---- transactions ------------------------------------------------------------------------------------------------ */
static struct vos_dtx_id
id_of(uint64_t number)
{
	struct vos_dtx_id id = {.client = {9}, .hlc = number};

	return id;
}

static int
prepare(struct stage *stage, struct vos_dtx_id id, uint64_t epoch, struct vos_op **ops, uint32_t nr)
{
	struct vos_apply apply = {.cont = stage->cont,
				  .id = &id,
				  .epoch = epoch,
				  .mode = VOS_PREPARE,
				  .blob = {.data = "members", .len = 7}};

	return vos_apply(&apply, ops, nr);
}

static void
play_dtx(struct stage *stage)
{
	struct vos_dtx_id one = id_of(1), two = id_of(2), three = id_of(3);
	struct vos_when when = {.epoch = 100};
	struct vos_dtx_entry entries[4];
	enum vos_dtx_state state;
	struct arena arena;
	struct vos_op *ops[2];
	uint64_t epoch, lsn;
	uint32_t at = 0, nr;
	int32_t answer;
	char buf[8];
	size_t len;

	assert_int_equal(stage_up(stage, true), 0);
	assert_int_equal(begin_one(stage, hashed, key_of("d"), key_of("a"), 0, NULL, 1, "1", &ops[0]), 0);
	assert_int_equal(begin_one(stage, hashed, key_of("e"), key_of("a"), 0, NULL, 1, "2", &ops[1]), 0);
	assert_int_equal(prepare(stage, one, 10, ops, 2), 0);
	assert_int_equal(
		fetch_at(stage, hashed, key_of("d"), key_of("a"), &when, VOS_NO_TIMESTAMP, NULL, buf, 8, &len, NULL),
		-DER_INPROGRESS);
	assert_int_equal(when.conflict.dtx.hlc, 1);
	assert_int_equal(when.conflict.epoch, 10);
	when.self = &one;
	assert_int_equal(
		fetch_at(stage, hashed, key_of("d"), key_of("a"), &when, VOS_NO_TIMESTAMP, NULL, buf, 8, &len, NULL),
		0);
	assert_int_equal(len, 1);
	when.self = NULL;
	when.epoch = 9;
	assert_int_equal(
		fetch_at(stage, hashed, key_of("d"), key_of("a"), &when, VOS_NO_TIMESTAMP, NULL, buf, 8, &len, NULL),
		0);
	assert_int_equal(len, 0);
	when.bound = 20;
	assert_int_equal(
		fetch_at(stage, hashed, key_of("d"), key_of("a"), &when, VOS_NO_TIMESTAMP, NULL, buf, 8, &len, NULL),
		-DER_TX_RESTART);
	assert_int_equal(vos_dtx_check(stage->cont, &one, &state, &epoch, &answer), 0);
	assert_int_equal(state, VOS_DTX_PREPARED);
	arena_init(&arena, stage->env->mem);
	assert_int_equal(vos_dtx_list(stage->cont, &at, entries, 4, &nr, &arena), 0);
	assert_int_equal(nr, 1);
	assert_int_equal(entries[0].blob.len, 7);
	assert_memory_equal(entries[0].blob.data, "members", 7);
	arena_fini(&arena);
	assert_int_equal(vos_dtx_commit(stage->cont, &one, 1, &lsn), 0);
	assert_text(stage, hashed, "d", "a", 10, "1");
	assert_text(stage, hashed, "e", "a", 10, "2");
	assert_int_equal(vos_dtx_check(stage->cont, &one, &state, &epoch, &answer), 0);
	assert_int_equal(state, VOS_DTX_COMMITTED);
	assert_int_equal(epoch, 10);
	assert_int_equal(vos_dtx_abort(stage->cont, &one, &lsn), -DER_EXIST);
	assert_int_equal(begin_one(stage, hashed, key_of("d"), key_of("a"), 0, NULL, 1, "3", &ops[0]), 0);
	assert_int_equal(begin_one(stage, hashed, key_of("f"), key_of("a"), 0, NULL, 1, "4", &ops[1]), 0);
	assert_int_equal(prepare(stage, two, 20, ops, 2), 0);
	assert_int_equal(vos_dtx_abort(stage->cont, &two, &lsn), 0);
	assert_text(stage, hashed, "d", "a", 30, "1");
	assert_text(stage, hashed, "f", "a", 30, "-");
	assert_int_equal(vos_dtx_check(stage->cont, &two, &state, &epoch, &answer), 0);
	assert_int_equal(state, VOS_DTX_ABORTED);
	/* An abort that comes before the prepare. */
	assert_int_equal(vos_dtx_abort(stage->cont, &three, &lsn), 0);
	assert_int_equal(begin_one(stage, hashed, key_of("d"), key_of("a"), 0, NULL, 1, "5", &ops[0]), 0);
	assert_int_equal(prepare(stage, three, 40, ops, 1), -DER_TX_RESTART);
	assert_int_equal(vos_pool_check(stage->pool), 0);
	stage_down(stage);
}

/* The creation of the dkey is undone below the punch of an akey: the punch stays, and hides nothing. */
static void
play_punch_stays(struct stage *stage)
{
	struct vos_dtx_id one = id_of(1);
	struct vos_op *op;
	uint64_t lsn;

	assert_int_equal(stage_up(stage, true), 0);
	assert_int_equal(begin_one(stage, hashed, key_of("d"), key_of("a"), 0, NULL, 1, "1", &op), 0);
	assert_int_equal(prepare(stage, one, 10, &op, 1), 0);
	assert_int_equal(begin_one(stage, hashed, key_of("d"), key_of("b"), 0, NULL, 1, "2", &op), 0);
	assert_int_equal(prepare(stage, id_of(2), 11, &op, 1), 0);
	assert_int_equal(punch_at(stage, hashed, "d", "a", 20, 0), 0);
	assert_int_equal(vos_dtx_abort(stage->cont, &one, &lsn), 0);
	one = id_of(2);
	assert_int_equal(vos_dtx_abort(stage->cont, &one, &lsn), 0);
	assert_text(stage, hashed, "d", "a", 30, "-");
	assert_int_equal(vos_pool_check(stage->pool), 0);
	assert_int_equal(put_single(stage, hashed, "d", "a", 40, "3", 1), 0);
	assert_text(stage, hashed, "d", "a", 40, "3");
	assert_int_equal(vos_pool_check(stage->pool), 0);
	stage_down(stage);
}

static void
a_punch_outlives_the_undone_creation_that_it_hid(void **state)
{
	stage_run(play_punch_stays, true);
}

static void
a_prepared_transaction_is_in_the_way_until_it_is_committed_or_undone(void **state)
{
	stage_run(play_dtx, true);
}

static void
play_resend(struct stage *stage)
{
	struct vos_dtx_id id = id_of(5000 * NS_PER_S);
	uint64_t clock = 100;
	struct vos_apply apply = {.id = &id, .next_epoch = next_after, .next_epoch_arg = &clock, .mode = VOS_COMMIT};
	struct vos_op *op;

	assert_int_equal(stage_up(stage, true), 0);
	apply.cont = stage->cont;
	assert_int_equal(begin_one(stage, hashed, key_of("d"), key_of("a"), DAOS_COND_DKEY_INSERT, NULL, 1, "1", &op),
			 0);
	assert_int_equal(vos_apply(&apply, &op, 1), 0);
	assert_int_equal(apply.epoch_used, 101);
	assert_int_equal(begin_one(stage, hashed, key_of("d"), key_of("a"), DAOS_COND_DKEY_INSERT, NULL, 1, "1", &op),
			 0);
	assert_int_equal(vos_apply(&apply, &op, 1), 0);
	assert_int_equal(apply.epoch_used, 101);
	/* Retention is 60 s, in 16ths of a nanosecond. */
	assert_int_equal(vos_dtx_reap(stage->cont, id.hlc + 59 * NS_PER_S * 16), 0);
	assert_int_equal(begin_one(stage, hashed, key_of("d"), key_of("a"), 0, NULL, 1, "2", &op), 0);
	assert_int_equal(vos_apply(&apply, &op, 1), 0);
	assert_int_equal(apply.epoch_used, 101);
	assert_int_equal(vos_dtx_reap(stage->cont, id.hlc + 61 * NS_PER_S * 16), 0);
	assert_int_equal(begin_one(stage, hashed, key_of("d"), key_of("a"), 0, NULL, 1, "2", &op), 0);
	assert_int_equal(vos_apply(&apply, &op, 1), -DER_EP_OLD);
	assert_text(stage, hashed, "d", "a", DAOS_EPOCH_MAX, "1");
	stage_down(stage);
}

static void
an_id_is_applied_once_and_refused_when_it_was_forgotten(void **state)
{
	stage_run(play_resend, true);
}

static void
play_timestamps(struct stage *stage)
{
	struct vos_dtx_id reader = id_of(1), other = id_of(2), third = id_of(3);
	struct vos_when when = {.epoch = 50, .self = &reader};
	struct vos_op *op;
	char buf[8];
	size_t len;

	assert_int_equal(stage_up(stage, true), 0);
	assert_int_equal(put_single(stage, hashed, "d", "a", 10, "1", 1), 0);
	assert_int_equal(fetch_at(stage, hashed, key_of("d"), key_of("a"), &when, 0, NULL, buf, 8, &len, NULL), 0);
	assert_int_equal(fetch_at(stage, hashed, key_of("d"), key_of("none"), &when, 0, NULL, buf, 8, &len, NULL), 0);
	assert_int_equal(begin_one(stage, hashed, key_of("d"), key_of("a"), 0, NULL, 1, "2", &op), 0);
	assert_int_equal(prepare(stage, other, 40, &op, 1), -DER_TX_RESTART);
	assert_int_equal(begin_one(stage, hashed, key_of("d"), key_of("none"), 0, NULL, 1, "2", &op), 0);
	assert_int_equal(prepare(stage, other, 50, &op, 1), -DER_TX_RESTART);
	assert_int_equal(begin_one(stage, hashed, key_of("d"), key_of("unread"), 0, NULL, 1, "2", &op), 0);
	assert_int_equal(prepare(stage, other, 40, &op, 1), 0);
	assert_int_equal(begin_one(stage, hashed, key_of("d"), key_of("a"), 0, NULL, 1, "2", &op), 0);
	assert_int_equal(prepare(stage, third, 51, &op, 1), 0);
	/* Its own reads do not stand in its way. */
	assert_int_equal(begin_one(stage, hashed, key_of("d"), key_of("a"), 0, NULL, 1, "2", &op), 0);
	assert_int_equal(prepare(stage, reader, 50, &op, 1), 0);
	stage_down(stage);
}

static void
a_write_below_the_read_of_somebody_else_restarts(void **state)
{
	stage_run(play_timestamps, true);
}

static void
play_still_holds(struct stage *stage)
{
	daos_key_t dkey = key_of("d"), akey = key_of("a");
	struct vos_key key = {.oid = hashed, .dkey = &dkey};
	struct vos_dtx_id id = id_of(1);
	struct vos_op *ops[2];

	assert_int_equal(stage_up(stage, true), 0);
	key.cont = stage->cont;
	assert_int_equal(put_single(stage, hashed, "d", "a", 10, "1", 1), 0);
	assert_int_equal(put_single(stage, hashed, "d", "b", 30, "1", 1), 0);
	assert_int_equal(vos_check_begin(&key, 0, 1, &akey, 20, &ops[0]), 0);
	assert_int_equal(begin_one(stage, hashed, key_of("e"), key_of("a"), 0, NULL, 1, "2", &ops[1]), 0);
	assert_int_equal(prepare(stage, id, 40, ops, 2), 0);
	assert_int_equal(vos_check_begin(&key, 0, 0, NULL, 20, &ops[0]), 0);
	id = id_of(2);
	assert_int_equal(prepare(stage, id, 50, ops, 1), -DER_TX_RESTART);
	assert_int_equal(vos_check_begin(&key, 0, 0, NULL, 30, &ops[0]), 0);
	id = id_of(3);
	assert_int_equal(prepare(stage, id, 50, ops, 1), 0);
	assert_int_equal(put_single(stage, hashed, "d", "a", 60, "1", 1), 0);
	assert_int_equal(vos_check_begin(&key, 0, 1, &akey, 50, &ops[0]), 0);
	id = id_of(4);
	assert_int_equal(prepare(stage, id, 70, ops, 1), -DER_TX_RESTART);
	stage_down(stage);
}

static void
a_read_that_must_still_hold_fails_the_transaction_when_it_does_not(void **state)
{
	stage_run(play_still_holds, true);
}

/* ---- forgetting -------------------------------------------------------------------------------------------------- */
static int
put_forgetting(struct stage *stage, const char *dkey, uint64_t epoch, daos_recx_t *recx, const char *text)
{
	struct vos_op *op;
	int rc = begin_one(stage, hashed, key_of(dkey), key_of("a"), VOS_FORGET, recx, recx != NULL ? 1 : strlen(text), text, &op);

	return rc == 0 ? apply_at(stage, epoch, op, NULL) : rc;
}

static void
play_forget_refusals(struct stage *stage)
{
	struct vos_dtx_id id = id_of(1);
	struct vos_apply apply = {.cont = stage->cont, .id = &id, .epoch = 20, .mode = VOS_COMMIT};
	struct vos_op *op;
	uint64_t lsn;

	assert_int_equal(stage_up(stage, true), 0);
	apply.cont = stage->cont;
	assert_int_equal(put_forgetting(stage, "d", 10, NULL, "one"), 0);
	/* Whatever is remembered by an id, or could be undone, must not rest on what was freed. */
	assert_int_equal(begin_one(stage, hashed, key_of("d"), key_of("a"), VOS_FORGET, NULL, 1, "2", &op), 0);
	assert_int_equal(vos_apply(&apply, &op, 1), -DER_INVAL);
	assert_int_equal(begin_one(stage, hashed, key_of("d"), key_of("a"), VOS_FORGET, NULL, 1, "2", &op), 0);
	assert_int_equal(prepare(stage, id_of(2), 20, &op, 1), -DER_INVAL);
	assert_int_equal(punch_at(stage, hashed, "d", "a", 20, VOS_FORGET), -DER_INVAL);
	assert_text(stage, hashed, "d", "a", DAOS_EPOCH_MAX, "one");
	/* A prepared transaction anywhere in the container is in the way until it is decided. */
	for (uint64_t i = 0; i < 2; i++) {
		id = id_of(3 + i);
		assert_int_equal(begin_one(stage, hashed, key_of("e"), key_of("a"), 0, NULL, 1, "3", &op), 0);
		assert_int_equal(prepare(stage, id, 30 + i * 10, &op, 1), 0);
		assert_int_equal(put_forgetting(stage, "d", 31 + i * 10, NULL, "two"), -DER_BUSY);
		assert_int_equal(punch_at(stage, hashed, "d", NULL, 31 + i * 10, VOS_FORGET), -DER_BUSY);
		assert_int_equal(punch_at(stage, hashed, NULL, NULL, 31 + i * 10, VOS_FORGET), -DER_BUSY);
		assert_text(stage, hashed, "d", "a", DAOS_EPOCH_MAX, i == 0 ? "one" : "two");
		assert_int_equal(i == 0 ? vos_dtx_commit(stage->cont, &id, 1, &lsn) : vos_dtx_abort(stage->cont, &id, &lsn), 0);
		assert_int_equal(put_forgetting(stage, "d", 32 + i * 10, NULL, "two"), 0);
	}
	assert_text(stage, hashed, "d", "a", DAOS_EPOCH_MAX, "two");
	assert_int_equal(vos_pool_check(stage->pool), 0);
	stage_down(stage);
}

static void
forgetting_is_refused_with_an_id_and_beside_prepared_transactions(void **state)
{
	stage_run(play_forget_refusals, true);
}

static void
play_forget_array(struct stage *stage)
{
	daos_recx_t wide = {.rx_idx = 0, .rx_nr = 6}, left = {.rx_idx = 0, .rx_nr = 2}, right = {.rx_idx = 8, .rx_nr = 2};
	uint64_t epoch = 10, used;
	struct vos_pool_info info;

	assert_int_equal(stage_up(stage, true), 0);
	/* Flat, and no more flat: what shows beside the new extent stays. */
	assert_int_equal(put_forgetting(stage, "d", ++epoch, &wide, "aaaaaa"), 0);
	assert_int_equal(put_forgetting(stage, "d", ++epoch, &left, "bb"), 0);
	assert_records(stage, hashed, "d", "a", DAOS_EPOCH_MAX, 0, 10, "bbaaaa....");
	assert_int_equal(put_forgetting(stage, "d", ++epoch, &right, "cc"), 0);
	assert_records(stage, hashed, "d", "a", DAOS_EPOCH_MAX, 0, 10, "bbaaaa..cc");
	vos_pool_query(stage->pool, &info);
	used = info.meta_used;
	for (int i = 0; i < 100; i++)
		assert_int_equal(put_forgetting(stage, "d", ++epoch, &left, "dd"), 0);
	assert_records(stage, hashed, "d", "a", DAOS_EPOCH_MAX, 0, 10, "ddaaaa..cc");
	vos_pool_query(stage->pool, &info);
	assert_int_equal(info.meta_used, used);
	/* The type of what shows is kept. */
	assert_int_equal(put_forgetting(stage, "d", ++epoch, NULL, "single"), -DER_NO_PERM);
	assert_int_equal(put_forgetting(stage, "s", ++epoch, NULL, "single"), 0);
	assert_int_equal(put_forgetting(stage, "s", ++epoch, &left, "ee"), -DER_NO_PERM);
	assert_records(stage, hashed, "d", "a", DAOS_EPOCH_MAX, 0, 10, "ddaaaa..cc");
	assert_text(stage, hashed, "s", "a", DAOS_EPOCH_MAX, "single");
	assert_int_equal(vos_pool_check(stage->pool), 0);
	stage_down(stage);
}

static void
an_array_forgets_what_an_update_covers_and_nothing_else(void **state)
{
	stage_run(play_forget_array, true);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_single_value_is_read_as_of_any_epoch),
		cmocka_unit_test(newer_extents_cover_older_ones_and_holes_cut_through_both),
		cmocka_unit_test(a_punch_hides_what_is_older_and_nothing_else),
		cmocka_unit_test(conditions_are_looked_at_for_object_dkey_and_akey),
		cmocka_unit_test(an_update_of_several_akeys_with_conditions_of_their_own_is_all_or_nothing),
		cmocka_unit_test(keys_are_listed_in_pieces_of_any_size),
		cmocka_unit_test(extents_are_listed_up_and_down),
		cmocka_unit_test(the_end_of_an_array_and_its_newest_change_are_found),
		cmocka_unit_test(a_prepared_transaction_is_in_the_way_until_it_is_committed_or_undone),
		cmocka_unit_test(a_punch_outlives_the_undone_creation_that_it_hid),
		cmocka_unit_test(an_id_is_applied_once_and_refused_when_it_was_forgotten),
		cmocka_unit_test(a_write_below_the_read_of_somebody_else_restarts),
		cmocka_unit_test(a_read_that_must_still_hold_fails_the_transaction_when_it_does_not),
		cmocka_unit_test(forgetting_is_refused_with_an_id_and_beside_prepared_transactions),
		cmocka_unit_test(an_array_forgets_what_an_update_covers_and_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
