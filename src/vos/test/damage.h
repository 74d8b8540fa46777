/* SPDX-License-Identifier: Apache-2.0 */
/* Where the records of a container lie, wrong bytes in them, and every call over the result: for corrupt_test and the fuzz target. */
#ifndef VOS_TEST_DAMAGE_H
#define VOS_TEST_DAMAGE_H

#include "../inside.h"
#include "drive.h"

enum { PLACES_MAX = 4000 };

struct damage {
	struct drive *drive;
	struct {
		umem_off_t off;
		uint32_t size;
	} places[PLACES_MAX];
	uint32_t nr;
	/* a byte that was changed, to be put back */
	umem_off_t off;
	uint32_t len;
	uint8_t before[8], after[8];
};

static inline void
note(struct damage *damage, umem_off_t off, size_t size)
{
	if (damage->nr == PLACES_MAX)
		return;
	damage->places[damage->nr].off = off;
	damage->places[damage->nr++].size = (uint32_t)size;
}

static inline void
note_dkey(struct damage *damage, struct vos_pool *pool, umem_off_t off)
{
	struct btree akeys = vos__tree(pool, off + offsetof(struct vos_dkey_rec, akeys));
	struct btree_cursor cursor;

	if (vos__is_flat(vos__head(pool, off))) {
		note(damage, off, sizeof(struct vos_flat_array_rec) + 16);
		return;
	}
	note(damage, off, sizeof(struct vos_dkey_rec));
	for (int rc = btree_seek(&akeys, BTREE_FIRST, NULL, 0, &cursor); rc == 0; rc = btree_next(&cursor)) {
		umem_off_t akey = btree_value(&cursor);
		struct btree singles = vos__tree(pool, akey + offsetof(struct vos_akey_rec, singles));
		struct btree_cursor single;

		note(damage, akey, sizeof(struct vos_akey_rec));
		for (int rc2 = btree_seek(&singles, BTREE_FIRST, NULL, 0, &single); rc2 == 0; rc2 = btree_next(&single))
			note(damage, btree_value(&single), sizeof(struct vos_single_rec) + 32);
	}
}

static inline int
note_all(struct umem *heap, void *arg)
{
	struct damage *damage = arg;
	struct vos_cont *cont = damage->drive->stage->cont;
	struct vos_pool *pool = cont->pool;
	struct btree objects = vos__tree(pool, cont->off + offsetof(struct vos_cont_rec, objects));
	struct btree_cursor object;

	damage->nr = 0;
	note(damage, cont->off, sizeof(struct vos_cont_rec));
	for (int rc = btree_seek(&objects, BTREE_FIRST, NULL, 0, &object); rc == 0; rc = btree_next(&object)) {
		struct btree dkeys = vos__tree(pool, btree_value(&object) + offsetof(struct vos_obj_rec, dkeys));
		struct btree_cursor dkey;

		note(damage, btree_value(&object), sizeof(struct vos_obj_rec));
		for (int rc2 = btree_seek(&dkeys, BTREE_FIRST, NULL, 0, &dkey); rc2 == 0; rc2 = btree_next(&dkey))
			note_dkey(damage, pool, btree_value(&dkey));
	}
	return 0;
}

static inline int
write_bytes(struct umem *heap, void *arg)
{
	struct damage *damage = arg;
	uint8_t *at = umem_touch(heap, damage->off, damage->len);

	memcpy(damage->before, at, damage->len);
	memcpy(at, damage->after, damage->len);
	return 0;
}

static inline void
spoil(struct damage *damage)
{
	struct drive *drive = damage->drive;
	uint32_t place = d_rnd(drive, damage->nr), at = d_rnd(drive, damage->places[place].size);

	damage->len = d_rnd(drive, 2) == 0 ? 1 : MIN(8U, damage->places[place].size - at);
	damage->off = damage->places[place].off + at;
	rand_fill(&drive->rand, damage->after, sizeof(damage->after));
	if (d_rnd(drive, 4) == 0) /* a plausible offset */
		memcpy(damage->after, &damage->places[d_rnd(drive, damage->nr)].off, 8);
	assert_int_equal(umem_write(drive->stage->cont->pool->heap, 0, write_bytes, damage, NULL), 0);
}

static inline void
repair(struct damage *damage)
{
	memcpy(damage->after, damage->before, sizeof(damage->after));
	assert_int_equal(umem_write(damage->drive->stage->cont->pool->heap, UMEM_RESERVE, write_bytes, damage, NULL),
			 0);
}

/* Reads, lists and queries everything; whatever they say. */
static inline void
read_all(struct drive *drive)
{
	struct stage *stage = drive->stage;

	for (int o = 0; o < M_OBJECTS; o++) {
		struct vos_key key = {.cont = stage->cont, .oid = d_oid(o)};
		struct vos_when when = {.epoch = DAOS_EPOCH_MAX};
		uint64_t epoch, lsn, number, size;
		daos_key_t out = key_u64(&number);
		struct d_name name;
		daos_recx_t recx;

		for (int kind = VOS_LIST_OBJECT; kind <= VOS_LIST_AKEY; kind++) {
			daos_anchor_t anchor = {0};
			struct vos_entry entries[8];
			struct d_name dname;
			char buf[300];
			struct vos_list list = {.kind = (enum vos_list_kind)kind,
						.anchor = &anchor,
						.buf = buf,
						.buf_size = sizeof(buf),
						.max = 8,
						.entries = entries};

			key.dkey = kind == VOS_LIST_AKEY ? d_dkey(o, (int)d_rnd(drive, M_DKEYS), &dname) : NULL;
			for (int i = 0; i < 50 && vos_list(&key, &when, VOS_NO_TIMESTAMP, &list) == 0 &&
					anchor.da_type != DAOS_ANCHOR_TYPE_EOF;
			     i++)
				;
		}
		key.dkey = NULL;
		(void)vos_query_epoch(&key, &when, &epoch, &lsn);
		if (o == 1)
			(void)vos_query_key(&key, &when,
					    DAOS_GET_MAX | DAOS_GET_DKEY | DAOS_GET_RECX | VOS_NO_TIMESTAMP, &out,
					    d_akey(o, 2, &name), &recx, &size, &lsn);
		for (int i = 0; i < 8; i++) {
			int dkey = (int)d_rnd(drive, M_DKEYS), akey = (int)d_rnd(drive, M_AKEYS);
			struct d_name dname, aname;
			struct vos_key at = {.cont = stage->cont, .oid = d_oid(o), .dkey = d_dkey(o, dkey, &dname)};
			daos_recx_t all = {.rx_nr = M_RECORDS};
			daos_iod_t iod = {.iod_name = *d_akey(o, akey, &aname),
					  .iod_nr = 1,
					  .iod_type = d_is_array(akey) ? DAOS_IOD_ARRAY : DAOS_IOD_SINGLE,
					  .iod_recxs = d_is_array(akey) ? &all : NULL};
			struct vos_read *read;

			when.bound = d_rnd(drive, 2) == 0 ? 0 : DAOS_EPOCH_MAX;
			when.epoch = d_rnd(drive, 2) == 0 ? DAOS_EPOCH_MAX : drive->clock - 100;
			if (vos_fetch_begin(&at, &when, VOS_NO_TIMESTAMP, 1, &iod, &read) == 0) {
				(void)vos_read_prepare(read);
				vos_fetch_end(read);
			}
		}
	}
	(void)vos_pool_check(stage->pool);
}

/* Writes to what may be damaged, and undoes it: nothing of it is to stay when the byte is put back. */
static inline void
try_writes(struct drive *drive)
{
	for (int i = 0; i < 4; i++) {
		struct d_op op;
		struct vos_op *begun;

		d_random_op(drive, &op);
		if (d_begin(drive, &op, &begun) == 0)
			vos_op_cancel(begun);
	}
}

#endif
