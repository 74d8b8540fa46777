/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proto/codec: from a list of fields, everything that a message body needs. A struct is described once:
 *
 *	#define POOL_CONNECT_IN(F, A)  \
 *		F(uuid, pool)          \
 *		F(u64, flags)          \
 *		A(u32, ranks)          \
 *		F(str, label, 2)
 *	RPC_STRUCT(pool_connect_in, POOL_CONNECT_IN)
 *
 * F is one field of a type, A an array of them (a pointer `ranks` and a count `ranks_nr`). A type is one of the list below or the
 * name of another RPC_STRUCT. A third argument is the version of the protocol that brought the field: such fields stand
 * at the end of their struct, are neither packed for nor expected from a peer that speaks an older version, and
 * are zero there. Nothing is ever taken out or moved.
 *
 * RPC_STRUCT declares struct pool_connect_in and, for type T = pool_connect_in:
 *	proto_pack_T, proto_unpack_T   to bytes and back: the fields in order, packed as base/codec.h says
 *	proto_print_T                  one line for logs: {pool=... flags=3 ranks=[0,1] label="x"}; secrets as their length
 *	proto_fill_T, proto_equal_T    random content and comparison, for tests
 *	PROTO_MIN_T                    the fewest bytes that it packs to
 * The functions are defined in the one file that includes proto/define.h before the header (see there).
 *
 * Text goes to a struct strbuf. Unpacking takes hostile bytes. Arrays come from the arena; strings, bytes and keys point into the input, which must
 * live as long as the body (rpc copies a message into the arena of its request first).
 *
 *	proto I1  unpack(pack(x)) equals x, field by field, for every x whose strings are at most PROTO_STR_MAX bytes.
 *	proto I2  unpack never reads beyond its input, and allocates at most 16 bytes for each byte of it.
 *	proto I3  What version N packed, version N unpacks the same way for ever (golden bytes).
 */
#ifndef PROTO_CODEC_H
#define PROTO_CODEC_H

#include <daos_types.h>
#include <daos_obj.h>
#include "base/base.h"
#include "base/codec.h"
#include "base/rand.h"
#include "base/text.h"
#include "rpc/rpc.h"

#define PROTO_STR_MAX 4096 /* bytes of a string with its NUL */

/** Bytes of somebody: data may be NULL when len is 0. */
struct proto_bytes_type {
	const void *data;
	uint32_t len;
};

/* ---- the types: name, C type, fewest bytes packed ---------------------------------------------------------------------- */
/* clang-format off */
#define PROTO_SCALARS(X) \
	X(u8,   uint8_t,  1) \
	X(u16,  uint16_t, 2) \
	X(u32,  uint32_t, 4) \
	X(u64,  uint64_t, 8) \
	X(i32,  int32_t,  4) \
	X(i64,  int64_t,  8) \
	X(bool, bool,     1)

#define PROTO_OTHERS(X) \
	X(hlc,    uint64_t,                8)   /* a clock value or an epoch */ \
	X(uuid,   uuid_t,                  16)  \
	X(oid,    daos_obj_id_t,           16)  \
	X(recx,   daos_recx_t,             16)  \
	X(epr,    daos_epoch_range_t,      16)  \
	X(str,    const char *,            4)   /* or NULL */ \
	X(bytes,  struct proto_bytes_type, 4)   \
	X(secret, struct proto_bytes_type, 4)   /* bytes that are never printed */ \
	X(key,    daos_key_t,              4)   /* none (iov_buf NULL) and empty are one */ \
	X(anchor, daos_anchor_t,           20)  \
	X(iod,    daos_iod_t,              21)  /* without its conditions' meaning: as it is */ \
	X(bulk,   struct rpc_bulk,         24)
/* clang-format on */

#define PROTO__PROTOTYPES(T)                                                                                           \
	void proto_pack_##T(struct packer *packer, const void *value, uint32_t version);                               \
	void proto_unpack_##T(struct unpacker *unpacker, void *value, uint32_t version, struct arena *arena);          \
	void proto_print_##T(struct strbuf *text, const void *value);                                              \
	void proto_fill_##T(struct rand *rand, void *value, struct arena *arena);                                      \
	bool proto_equal_##T(const void *a, const void *b);

#define PROTO__TYPE(T, ctype, min)                                                                                     \
	typedef ctype proto_##T;                                                                                       \
	enum { PROTO_MIN_##T = (min) };
#define PROTO__PROTOTYPE(T, ctype, min) PROTO__PROTOTYPES(T)

PROTO_SCALARS(PROTO__TYPE)
PROTO_OTHERS(PROTO__TYPE)
PROTO_OTHERS(PROTO__PROTOTYPE)

/* Scalars are packed in place. */
#define PROTO__SCALAR(T, ctype, min)                                                                                   \
	static inline void proto_pack_##T(struct packer *packer, const void *value, uint32_t version)                  \
	{                                                                                                              \
		pack_##T(packer, *(const ctype *)value);                                                               \
	}                                                                                                              \
	static inline void proto_unpack_##T(struct unpacker *unpacker, void *value, uint32_t version,                  \
					    struct arena *arena)                                                       \
	{                                                                                                              \
		*(ctype *)value = unpack_##T(unpacker);                                                                \
	}                                                                                                              \
	void proto_print_##T(struct strbuf *text, const void *value);                                              \
	void proto_fill_##T(struct rand *rand, void *value, struct arena *arena);                                      \
	bool proto_equal_##T(const void *a, const void *b);
PROTO_SCALARS(PROTO__SCALAR)

/* ---- fields ------------------------------------------------------------------------------------------------------------- */
/** How many elements of an array are printed. */
#define PROTO_PRINT_MAX 8

#define PROTO__SINCE(...) (0 __VA_OPT__(+(__VA_ARGS__)))

static inline bool
proto_speaks(uint32_t version, uint32_t since)
{
	return version >= since;
}

#define PROTO__F_DECLARE(T, name, ...) proto_##T name;
#define PROTO__A_DECLARE(T, name, ...)                                                                                 \
	proto_##T *name;                                                                                               \
	uint32_t name##_nr;

#define PROTO__F_MIN(T, name, ...) +(PROTO__SINCE(__VA_ARGS__) > 0 ? 0 : PROTO_MIN_##T)
#define PROTO__A_MIN(T, name, ...) +(PROTO__SINCE(__VA_ARGS__) > 0 ? 0 : 4)

#define PROTO__F_PACK(T, name, ...)                                                                                    \
	if (proto_speaks(version, PROTO__SINCE(__VA_ARGS__)))                                                          \
		proto_pack_##T(packer, &body->name, version);
#define PROTO__A_PACK(T, name, ...)                                                                                    \
	if (proto_speaks(version, PROTO__SINCE(__VA_ARGS__))) {                                                        \
		pack_count(packer, body->name##_nr);                                                                   \
		for (uint32_t i = 0; i < body->name##_nr; i++)                                                         \
			proto_pack_##T(packer, &body->name[i], version);                                               \
	}

#define PROTO__F_UNPACK(T, name, ...)                                                                                  \
	if (proto_speaks(version, PROTO__SINCE(__VA_ARGS__)))                                                          \
		proto_unpack_##T(unpacker, &body->name, version, arena);
/* An element that packs to nothing could be repeated for ever: every element of an array has a first-version field. */
#define PROTO__A_UNPACK(T, name, ...)                                                                                  \
	_Static_assert(PROTO_MIN_##T > 0 && sizeof(proto_##T) <= 16 * PROTO_MIN_##T, "proto I2");                      \
	if (proto_speaks(version, PROTO__SINCE(__VA_ARGS__))) {                                                        \
		body->name = unpack_array(unpacker, arena, PROTO_MIN_##T, sizeof(*body->name), &body->name##_nr);      \
		for (uint32_t i = 0; i < body->name##_nr && unpacker_rc(unpacker) == 0; i++)                           \
			proto_unpack_##T(unpacker, &body->name[i], version, arena);                                    \
	}

#define PROTO__F_PRINT(T, name, ...)                                                                                   \
	strbuf_addf(text, "%s" #name "=", gap);                                                                     \
	gap = " ";                                                                                                     \
	proto_print_##T(text, &body->name);
#define PROTO__A_PRINT(T, name, ...)                                                                                   \
	strbuf_addf(text, "%s" #name "=[", gap);                                                                    \
	gap = " ";                                                                                                     \
	for (uint32_t i = 0; i < body->name##_nr && i < PROTO_PRINT_MAX; i++) {                                        \
		strbuf_addf(text, "%s", i > 0 ? "," : "");                                                          \
		proto_print_##T(text, &body->name[i]);                                                                 \
	}                                                                                                              \
	if (body->name##_nr > PROTO_PRINT_MAX)                                                                         \
		strbuf_addf(text, ",... %u in all", body->name##_nr);                                                  \
	strbuf_addf(text, "]");

#define PROTO__F_FILL(T, name, ...) proto_fill_##T(rand, &body->name, arena);
#define PROTO__A_FILL(T, name, ...)                                                                                    \
	body->name##_nr = (uint32_t)rand_below(rand, 4);                                                               \
	body->name = body->name##_nr > 0 ? arena_alloc_array(arena, sizeof(*body->name), body->name##_nr) : NULL;      \
	if (body->name == NULL)                                                                                        \
		body->name##_nr = 0;                                                                                   \
	for (uint32_t i = 0; i < body->name##_nr; i++)                                                                 \
		proto_fill_##T(rand, &body->name[i], arena);

#define PROTO__F_EQUAL(T, name, ...)                                                                                   \
	if (!proto_equal_##T(&x->name, &y->name))                                                                      \
		return false;
#define PROTO__A_EQUAL(T, name, ...)                                                                                   \
	if (x->name##_nr != y->name##_nr)                                                                              \
		return false;                                                                                          \
	for (uint32_t i = 0; i < x->name##_nr; i++)                                                                    \
		if (!proto_equal_##T(&x->name[i], &y->name[i]))                                                        \
			return false;

/* ---- structs ------------------------------------------------------------------------------------------------------------- */
#define PROTO__DECLARE(T, FIELDS)                                                                                      \
	struct T {                                                                                                     \
		FIELDS(PROTO__F_DECLARE, PROTO__A_DECLARE)                                                             \
	};                                                                                                             \
	typedef struct T proto_##T;                                                                                    \
	enum { PROTO_MIN_##T = 0 FIELDS(PROTO__F_MIN, PROTO__A_MIN) };                                                 \
	PROTO__PROTOTYPES(T)

#define PROTO__DEFINE(T, FIELDS)                                                                                       \
	void proto_pack_##T(struct packer *packer, const void *value, uint32_t version)                                \
	{                                                                                                              \
		const struct T *body UNUSED = value;                                                                   \
		FIELDS(PROTO__F_PACK, PROTO__A_PACK)                                                                   \
	}                                                                                                              \
	void proto_unpack_##T(struct unpacker *unpacker, void *value, uint32_t version, struct arena *arena)           \
	{                                                                                                              \
		struct T *body UNUSED = value;                                                                         \
		FIELDS(PROTO__F_UNPACK, PROTO__A_UNPACK)                                                               \
	}                                                                                                              \
	void proto_print_##T(struct strbuf *text, const void *value)                                               \
	{                                                                                                              \
		const struct T *body UNUSED = value;                                                                   \
		const char *gap UNUSED = "";                                                                           \
		strbuf_addf(text, "{");                                                                             \
		FIELDS(PROTO__F_PRINT, PROTO__A_PRINT)                                                                 \
		strbuf_addf(text, "}");                                                                             \
	}                                                                                                              \
	void proto_fill_##T(struct rand *rand, void *value, struct arena *arena)                                       \
	{                                                                                                              \
		struct T *body UNUSED = value;                                                                         \
		FIELDS(PROTO__F_FILL, PROTO__A_FILL)                                                                   \
	}                                                                                                              \
	bool proto_equal_##T(const void *a, const void *b)                                                             \
	{                                                                                                              \
		const struct T *x UNUSED = a, *y UNUSED = b;                                                           \
		FIELDS(PROTO__F_EQUAL, PROTO__A_EQUAL)                                                                 \
		return true;                                                                                           \
	}

#define RPC_STRUCT(T, FIELDS) PROTO__DECLARE(T, FIELDS)
/** No fields: an operation without arguments, or whose answer is its status. */
#define PROTO__NOTHING(F, A)
#define RPC_EMPTY(T) RPC_STRUCT(T, PROTO__NOTHING)

/* ---- protocols ------------------------------------------------------------------------------------------------------------- */
/*
 * A protocol is one table, a row for each operation; stem_in and stem_out are its structs:
 *
 *	#define POOL_OPS(OP)                                      \
 *		OP(pool_connect,     METADATA, RPC_ANYONE, 1)     \
 *		OP(pool_disconnect,  METADATA, 0,          1)
 *	RPC_PROTO(pool, 3, 1, 1, POOL_OPS)
 *
 * gives struct rpc_proto proto_pool (number 3, version 1, oldest 1), and for each row: opc_pool_connect, the number of the
 * operation; op_pool_connect, its index, for tables of handlers; and pool_connect_call(), a struct rpc_call with the right types.
 * The number of rows is pool_op_nr. Rows are only appended, with the version that brought them.
 */
#define PROTO__OPC(stem, cls, flags, since) opc_##stem,
#define PROTO__INDEX(stem, cls, flags, since) op_##stem,
#define PROTO__CALL(stem, cls, flags, since)                                                                           \
	static inline struct rpc_call stem##_call(struct rpc_peer *peer, const struct stem##_in *in,                   \
						  struct stem##_out *out, struct arena *arena)                         \
	{                                                                                                              \
		return (struct rpc_call){.peer = peer, .opc = opc_##stem, .in = in, .out = out, .arena = arena};       \
	}

#define PROTO__DECLARE_PROTO(proto, id, version, oldest, OPS)                                                          \
	_Static_assert((id) > 0 && (id) < 128, "a protocol's number");                                                 \
	enum { opc__##proto = (id) << 16, opc__##proto##_before = opc__##proto - 1, OPS(PROTO__OPC) };                 \
	enum { OPS(PROTO__INDEX) proto##_op_nr };                                                                      \
	OPS(PROTO__CALL)                                                                                               \
	extern const struct rpc_proto proto_##proto;

#define PROTO__BODY(T)                                                                                                 \
	{                                                                                                              \
		.name = #T, .size = sizeof(struct T), .pack = proto_pack_##T, .unpack = proto_unpack_##T,              \
		.print = proto_print_##T, .fill = proto_fill_##T, .equal = proto_equal_##T                             \
	}
#define PROTO__ROW(stem, cls_, flags_, since_)                                                                         \
	[op_##stem] = {.name = #stem,                                                                                  \
		       .flags = (flags_),                                                                              \
		       .cls = ULT_##cls_,                                                                              \
		       .since = (since_),                                                                              \
		       .in = PROTO__BODY(stem##_in),                                                                   \
		       .out = PROTO__BODY(stem##_out)},
#define PROTO__DEFINE_PROTO(proto, id_, version_, oldest_, OPS)                                                        \
	static const struct rpc_op proto##_ops[] = {OPS(PROTO__ROW)};                                                  \
	const struct rpc_proto proto_##proto = {.name = #proto,                                                        \
						.id = (id_),                                                           \
						.version = (version_),                                                 \
						.oldest = (oldest_),                                                   \
						.ops = proto##_ops,                                                    \
						.nr = proto##_op_nr};

#define RPC_PROTO(proto, id, version, oldest, OPS) PROTO__DECLARE_PROTO(proto, id, version, oldest, OPS)

#endif
