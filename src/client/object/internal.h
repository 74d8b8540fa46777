/* SPDX-License-Identifier: Apache-2.0 */
/* Within client/object. */
#ifndef CLIENT_OBJECT_INTERNAL_H
#define CLIENT_OBJECT_INTERNAL_H

#include "client/object/object.h"
#include "base/list.h"
#include "proto/object.h"

/* Where a group of an object lives. In this stage a group has one shard. */
struct object_group {
	uint32_t shard, rank, target;
};

struct object {
	struct cont *cont;
	daos_obj_id_t oid;
	uint32_t mode;
	uint32_t refs;
	uint32_t map_version; /* that groups were computed from */
	uint32_t group_nr;
	struct object_group *groups;
};

/* Computes the groups from the pool's present map. -DER_NOSYS for classes with redundancy. Local. */
int object__layout(struct object *object);
/* The group of a dkey. */
uint32_t object__group_of(const struct object *object, const daos_key_t *dkey);

/* One call to a group: repeated, with the layout computed anew when the map moved on. in's `at` is filled here. YIELDS */
struct object_call {
	struct object *object;
	uint32_t group;
	rpc_opc opc;
	void *in;             /* begins with struct object_at */
	void *out;            /* begins with struct object_hint */
	struct arena *arena;
	const struct iovec *expose;
	int expose_nr;
	int expose_access;
	struct rpc_bulk *bulk;
	int (*aimed)(void *arg); /* the map moved on: what else `in` names by shard is aimed again. May be NULL */
	void *arg;
};
int object__call(struct object_call *call);

/* ---- transactions ----------------------------------------------------------------------------------------------------- */
enum tx_state { TX_OPEN, TX_COMMITTED, TX_FAILED, TX_ABORTED };

/* A write that is kept until commit, or a read that must still hold then. */
struct tx_op {
	struct list link;
	struct object *object;
	uint32_t group;
	struct object_write write; /* strings and arrays in the transaction's arena */
	uint64_t bytes;            /* of write.data, which may be more than the wire carries inline */
	void *data;
};

struct tx {
	struct cont *cont;
	uint64_t flags;
	enum tx_state state;
	uint64_t epoch;    /* 0: not chosen yet */
	bool snapshot;
	struct rpc_dtx_id id;
	struct list ops;   /* in order */
	uint32_t op_nr, write_nr;
	uint64_t bytes;
	uint32_t busy;     /* calls under way */
	struct arena arena;
};

/* When a read of tx (may be NULL) looks. */
struct object_when object__when(const struct tx *tx);
/* Takes the epoch that the first read of tx was answered with. */
void object__when_answered(struct tx *tx, const struct object_hint *hint);
/* Whether the transaction may be read from or written to: 0, -DER_NO_PERM, -DER_TX_RESTART, -DER_ALREADY. */
int tx__usable(const struct tx *tx, bool write);
int tx__add_update(struct tx *tx, struct object *object, uint64_t flags, const daos_key_t *dkey, uint32_t nr, const daos_iod_t *iods,
		   const struct rpc_csum *csums, const d_sg_list_t *sgls);
int tx__add_punch(struct tx *tx, struct object *object, uint64_t flags, const daos_key_t *dkey, uint32_t nr, const daos_key_t *akeys);
/* Notes a read: of akeys of dkey; nr 0: of all of the dkey; dkey NULL: of the whole object. */
int tx__add_read(struct tx *tx, struct object *object, const daos_key_t *dkey, uint32_t nr, const daos_key_t *akeys);
/* Whether the transaction has writes to the object (to the dkey, when not NULL). */
bool tx__wrote(const struct tx *tx, const struct object *object, const daos_key_t *dkey);
/* Lays the transaction's own writes over what was fetched. */
int tx__overlay(struct tx *tx, struct object *object, const daos_key_t *dkey, uint32_t nr, daos_iod_t *iods, d_sg_list_t *sgls,
		uint64_t *ends);

/* ---- data ---------------------------------------------------------------------------------------------------------------- */
/* Bytes of an iod; -DER_INVAL when it makes no sense. */
int object__iod_bytes(const daos_iod_t *iod, uint64_t *bytes);
/* Checksums of iods over the data in sgls by the container's properties; *csums NULL when it has none. */
int object__csums(struct cont *cont, uint32_t nr, const daos_iod_t *iods, const d_sg_list_t *sgls, struct arena *arena,
		  struct rpc_csum **csums);
/* Whether two keys are the same bytes. */
static inline bool
object__key_equal(const daos_key_t *a, const daos_key_t *b)
{
	return a->iov_len == b->iov_len && memcmp(a->iov_buf, b->iov_buf, a->iov_len) == 0;
}

#endif
