/* SPDX-License-Identifier: Apache-2.0 */
/*
 * iv: versioned values cached along the tree of ranks (incast variables). A value has a name: a name space (a pool, or zero for the
 * system), a class, and a key. One rank, its root, is where it is true: for a pool, who leads its service. Everybody else
 * asks towards the root along a k-nomial tree (ratio 4) over the ranks of the group, and keeps what came by; the root sends new
 * values down the same tree. What is cached may be old, never wrong: it has its version.
 *
 *	iv I1  The version of a cached value only rises.
 *	iv I2  Of readers of one name that wait on one engine, one asks.
 *	iv I3  on_update hears of every value that is taken, in the order of its versions.
 *
 * A struct iv belongs to one stream (stream 0); others reach it by message. With a group of one rank nothing is sent.
 */
#ifndef IV_IV_H
#define IV_IV_H

#include <uuid/uuid.h>
#include "base/base.h"
#include "env/env.h"
#include "ult/ult.h"
#include "rpc/rpc.h"
#include "member/member.h"

struct iv;

/** Frozen numbers. */
enum iv_class {
	IV_POOL_MAP = 0,
	IV_POOL_PROP = 1,
	IV_CONT_PROP = 2,
	IV_CONT_SNAPSHOTS = 3,
	IV_CONT_ACCESS = 4,  /* what a handle is worth */
	IV_CONT_EPOCHS = 5,  /* bounds of aggregation */
	IV_OID_RANGE = 6,
	IV_REBUILD = 7,
	IV_CLASS_NR = 16,
};

struct iv_key {
	const uint8_t *space; /* uuid */
	enum iv_class cls;
	const void *key;
	size_t len; /* at most 256 */
};

struct iv_value {
	uint64_t version; /* > 0 */
	const void *data;
	size_t len;
};

/** What a class is, on every engine the same. */
struct iv_class_ops {
	/** Which rank is the root of a name space; RPC_NO_RANK when that is not known just now. Must not yield. */
	uint32_t (*root)(void *arg, const uuid_t space);
	/** At the root: the value itself, from arena. YIELDS. -DER_NONEXIST. NULL: only what was given to iv_update is known. */
	int (*fetch)(void *arg, const struct iv_key *key, struct arena *arena, struct iv_value *value);
	/** A value was taken; NULL: those up to a version were dropped. May yield, may not call iv for the same name. May be NULL. */
	void (*on_update)(void *arg, const struct iv_key *key, const struct iv_value *value);
	void *arg;
};

struct iv_config {
	struct rpc_ctx *rpc;     /* of the stream; serves proto_iv from iv_create on */
	struct member *member;
	uint32_t cache;          /* values kept; 0: 4096 */
	uint64_t timeout_ns;     /* of one question to another rank; 0: 10 s */
};
int iv_create(const struct iv_config *config, struct iv **iv);
/** No caller is inside, and the rpc context is gone already. */
void iv_destroy(struct iv *iv);
/** -DER_EXIST. ops is copied. */
int iv_register(struct iv *iv, enum iv_class cls, const struct iv_class_ops *ops);

/**
 * A value of at least version wanted (0: any), from arena. YIELDS. -DER_NONEXIST: the root does not have it; -DER_UNREG: class
 * without ops; -DER_NOTLEADER: nobody knows the root; -DER_UNREACH, -DER_TIMEDOUT: nobody towards the root answers; -DER_NOMEM.
 */
int iv_fetch(struct iv *iv, const struct iv_key *key, uint64_t wanted, struct arena *arena, struct iv_value *value);
/**
 * At the root: a new value for every rank. One that is not newer is not taken. YIELDS until all were told. The first error of a rank: that
 * one has an older value still, the others have this one. -DER_NOTLEADER: we are not the root; -DER_OVERFLOW beyond a message.
 */
int iv_update(struct iv *iv, const struct iv_key *key, const struct iv_value *value);
/** At the root: every rank drops its values up to version. Key of len 0: of all keys of the class. Errors as above. YIELDS */
int iv_invalidate(struct iv *iv, const struct iv_key *key, uint64_t version);
/** Here only: drops a value, or with len 0 all of a class in the space. YIELDS */
void iv_forget(struct iv *iv, const struct iv_key *key);

#endif
