/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proto/codec: the types that structs are made of (see codec.h). In bytes, besides what base/codec.h says:
 *
 *	hlc      u64                               recx     u64 index, u64 count       epr   u64 low, u64 high
 *	oid      u64 lo, u64 hi                    bytes, secret, key                  u32 length, the bytes
 *	bulk     u64 id, u64 secret, u64 length    anchor   u16 type, u16 shard, u32 flags, u64 sub-anchors,
 *	iod      key name, u8 type, u64 size,               u32 length, the buffer without the zeros at its end
 *	         u64 flags; for an array u32 count, recx each
 *
 * Nothing here yields or asks the machine.
 */
#include "proto/codec.h"

enum { PRINT_BYTES = 32 };

/* ---- scalars ------------------------------------------------------------------------------------------------------ */

/* Small numbers, bounds and anything at all are equally likely. */
static uint64_t
fill_number(struct rand *rand)
{
	switch (rand_below(rand, 4)) {
	case 0:
		return rand_below(rand, 16);
	case 1:
		return UINT64_MAX >> rand_below(rand, 64);
	case 2:
		return 1ULL << rand_below(rand, 64);
	default:
		return rand_u64(rand);
	}
}

#define SCALAR(T, ctype, format, shown)                                                                                \
	void proto_print_##T(struct strbuf *text, const void *value)                                                   \
	{                                                                                                              \
		strbuf_addf(text, format, (shown)*(const ctype *)value);                                               \
	}                                                                                                              \
	void proto_fill_##T(struct rand *rand, void *value, struct arena *arena)                                       \
	{                                                                                                              \
		*(ctype *)value = (ctype)fill_number(rand);                                                            \
	}                                                                                                              \
	bool proto_equal_##T(const void *a, const void *b)                                                             \
	{                                                                                                              \
		return *(const ctype *)a == *(const ctype *)b;                                                         \
	}
SCALAR(u8, uint8_t, "%u", unsigned int)
SCALAR(u16, uint16_t, "%u", unsigned int)
SCALAR(u32, uint32_t, "%u", unsigned int)
SCALAR(u64, uint64_t, "%llu", unsigned long long)
SCALAR(i32, int32_t, "%d", int)
SCALAR(i64, int64_t, "%lld", long long)
SCALAR(hlc, uint64_t, "0x%llx", unsigned long long)

void
proto_print_bool(struct strbuf *text, const void *value)
{
	strbuf_addf(text, "%s", *(const bool *)value ? "yes" : "no");
}

void
proto_fill_bool(struct rand *rand, void *value, struct arena *arena)
{
	*(bool *)value = rand_one_in(rand, 2);
}

bool
proto_equal_bool(const void *a, const void *b)
{
	return *(const bool *)a == *(const bool *)b;
}

void
proto_pack_hlc(struct packer *packer, const void *value, uint32_t version)
{
	pack_u64(packer, *(const uint64_t *)value);
}

void
proto_unpack_hlc(struct unpacker *unpacker, void *value, uint32_t version, struct arena *arena)
{
	*(uint64_t *)value = unpack_u64(unpacker);
}

/* ---- pairs of numbers ------------------------------------------------------------------------------------------------ */

#define PAIR(T, ctype, first, second, format)                                                                          \
	void proto_pack_##T(struct packer *packer, const void *value, uint32_t version)                                \
	{                                                                                                              \
		const ctype *pair = value;                                                                             \
                                                                                                                       \
		pack_u64(packer, pair->first);                                                                         \
		pack_u64(packer, pair->second);                                                                        \
	}                                                                                                              \
	void proto_unpack_##T(struct unpacker *unpacker, void *value, uint32_t version, struct arena *arena)           \
	{                                                                                                              \
		ctype *pair = value;                                                                                   \
                                                                                                                       \
		pair->first = unpack_u64(unpacker);                                                                    \
		pair->second = unpack_u64(unpacker);                                                                   \
	}                                                                                                              \
	void proto_print_##T(struct strbuf *text, const void *value)                                                   \
	{                                                                                                              \
		const ctype *pair = value;                                                                             \
                                                                                                                       \
		strbuf_addf(text, format, (unsigned long long)pair->first, (unsigned long long)pair->second);          \
	}                                                                                                              \
	void proto_fill_##T(struct rand *rand, void *value, struct arena *arena)                                       \
	{                                                                                                              \
		ctype *pair = value;                                                                                   \
                                                                                                                       \
		pair->first = fill_number(rand);                                                                       \
		pair->second = fill_number(rand);                                                                      \
	}                                                                                                              \
	bool proto_equal_##T(const void *a, const void *b)                                                             \
	{                                                                                                              \
		const ctype *x = a, *y = b;                                                                            \
                                                                                                                       \
		return x->first == y->first && x->second == y->second;                                                 \
	}
PAIR(oid, daos_obj_id_t, lo, hi, "%llu.%llu")
PAIR(recx, daos_recx_t, rx_idx, rx_nr, "%llu+%llu")
PAIR(epr, daos_epoch_range_t, epr_lo, epr_hi, "0x%llx-0x%llx")

/* ---- uuid ------------------------------------------------------------------------------------------------------------ */

void
proto_pack_uuid(struct packer *packer, const void *value, uint32_t version)
{
	pack_uuid(packer, value);
}

void
proto_unpack_uuid(struct unpacker *unpacker, void *value, uint32_t version, struct arena *arena)
{
	unpack_uuid(unpacker, value);
}

void
proto_print_uuid(struct strbuf *text, const void *value)
{
	char buf[TEXT_UUID_SIZE];

	strbuf_add(text, text_print_uuid(buf, value));
}

void
proto_fill_uuid(struct rand *rand, void *value, struct arena *arena)
{
	rand_fill(rand, value, sizeof(uuid_t));
}

bool
proto_equal_uuid(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(uuid_t)) == 0;
}

/* ---- strings and bytes -------------------------------------------------------------------------------------------------- */

void
proto_pack_str(struct packer *packer, const void *value, uint32_t version)
{
	const char *string = *(const char *const *)value;

	if (string != NULL && strnlen(string, PROTO_STR_MAX) == PROTO_STR_MAX)
		packer_fail(packer, -DER_OVERFLOW);
	pack_string(packer, string);
}

void
proto_unpack_str(struct unpacker *unpacker, void *value, uint32_t version, struct arena *arena)
{
	const char *string = unpack_string(unpacker);

	if (string != NULL && strnlen(string, PROTO_STR_MAX) == PROTO_STR_MAX) {
		unpacker_fail(unpacker, -DER_PROTO);
		string = NULL;
	}
	*(const char **)value = string;
}

/* Peers choose what is in it: what is not plain text is shown as '?', so that a log line stays a line. */
void
proto_print_str(struct strbuf *text, const void *value)
{
	const char *string = *(const char *const *)value;

	if (string == NULL) {
		strbuf_add(text, "none");
		return;
	}
	strbuf_add(text, "\"");
	for (uint32_t i = 0; string[i] != '\0'; i++)
		strbuf_add_char(text, string[i] >= ' ' && string[i] < 127 && string[i] != '"' ? string[i] : '?');
	strbuf_add(text, "\"");
}

void
proto_fill_str(struct rand *rand, void *value, struct arena *arena)
{
	uint32_t len = (uint32_t)rand_below(rand, 12);
	char *string = rand_one_in(rand, 8) ? NULL : arena_alloc(arena, len + 1);

	for (uint32_t i = 0; string != NULL && i < len; i++)
		string[i] = "abcdefghijklmnopqrstuvwxyz0123456789._-:@ "[rand_below(rand, 42)];
	*(const char **)value = string;
}

bool
proto_equal_str(const void *a, const void *b)
{
	const char *x = *(const char *const *)a, *y = *(const char *const *)b;

	return x == NULL || y == NULL ? x == y : strcmp(x, y) == 0;
}

void
proto_pack_bytes(struct packer *packer, const void *value, uint32_t version)
{
	const struct proto_bytes_type *bytes = value;

	pack_bytes(packer, bytes->data, bytes->len);
}

void
proto_unpack_bytes(struct unpacker *unpacker, void *value, uint32_t version, struct arena *arena)
{
	struct proto_bytes_type *bytes = value;
	size_t len;

	bytes->data = unpack_bytes(unpacker, &len);
	bytes->len = (uint32_t)len;
}

static void
print_bytes(struct strbuf *text, const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len && i < PRINT_BYTES; i++)
		strbuf_addf(text, "%02x", data[i]);
	if (len > PRINT_BYTES)
		strbuf_add(text, "...");
	strbuf_addf(text, "(%zu)", len);
}

void
proto_print_bytes(struct strbuf *text, const void *value)
{
	const struct proto_bytes_type *bytes = value;

	print_bytes(text, bytes->data, bytes->len);
}

void
proto_fill_bytes(struct rand *rand, void *value, struct arena *arena)
{
	struct proto_bytes_type *bytes = value;
	void *data;

	bytes->len = (uint32_t)rand_below(rand, 20);
	data = arena_alloc(arena, bytes->len);
	if (data == NULL)
		bytes->len = 0;
	else
		rand_fill(rand, data, bytes->len);
	bytes->data = data;
}

bool
proto_equal_bytes(const void *a, const void *b)
{
	const struct proto_bytes_type *x = a, *y = b;

	return x->len == y->len && (x->len == 0 || memcmp(x->data, y->data, x->len) == 0);
}

void
proto_pack_secret(struct packer *packer, const void *value, uint32_t version)
{
	proto_pack_bytes(packer, value, version);
}

void
proto_unpack_secret(struct unpacker *unpacker, void *value, uint32_t version, struct arena *arena)
{
	proto_unpack_bytes(unpacker, value, version, arena);
}

void
proto_print_secret(struct strbuf *text, const void *value)
{
	strbuf_addf(text, "secret(%u)", ((const struct proto_bytes_type *)value)->len);
}

void
proto_fill_secret(struct rand *rand, void *value, struct arena *arena)
{
	proto_fill_bytes(rand, value, arena);
}

bool
proto_equal_secret(const void *a, const void *b)
{
	return proto_equal_bytes(a, b);
}

/* ---- keys, anchors, iods, bulk --------------------------------------------------------------------------------------------- */

void
proto_pack_key(struct packer *packer, const void *value, uint32_t version)
{
	const daos_key_t *key = value;

	pack_bytes(packer, key->iov_buf, key->iov_buf != NULL ? key->iov_len : 0);
}

void
proto_unpack_key(struct unpacker *unpacker, void *value, uint32_t version, struct arena *arena)
{
	daos_key_t *key = value;
	size_t len;
	/* Public structs do not say const; nobody writes into a key that came in. */
	void *data = (void *)(uintptr_t)unpack_bytes(unpacker, &len);

	d_iov_set(key, len > 0 ? data : NULL, len);
}

void
proto_print_key(struct strbuf *text, const void *value)
{
	const daos_key_t *key = value;
	const char *data = key->iov_buf;
	bool plain = true;

	if (data == NULL) {
		strbuf_add(text, "none");
		return;
	}
	for (size_t i = 0; i < key->iov_len; i++)
		plain = plain && data[i] > ' ' && data[i] < 127 && data[i] != '"';
	if (plain && key->iov_len <= PRINT_BYTES)
		strbuf_addf(text, "\"%.*s\"", (int)key->iov_len, data);
	else
		print_bytes(text, (const uint8_t *)data, key->iov_len);
}

void
proto_fill_key(struct rand *rand, void *value, struct arena *arena)
{
	daos_key_t *key = value;
	size_t len = rand_one_in(rand, 8) ? 0 : rand_between(rand, 1, 16);
	char *data = len > 0 ? arena_alloc(arena, len) : NULL;
	bool plain = rand_one_in(rand, 2);

	for (size_t i = 0; data != NULL && i < len; i++)
		data[i] = plain ? (char)('a' + rand_below(rand, 26)) : (char)rand_u32(rand);
	d_iov_set(key, data, data != NULL ? len : 0);
}

bool
proto_equal_key(const void *a, const void *b)
{
	const daos_key_t *x = a, *y = b;
	size_t x_len = x->iov_buf != NULL ? x->iov_len : 0, y_len = y->iov_buf != NULL ? y->iov_len : 0;

	return x_len == y_len && (x_len == 0 || memcmp(x->iov_buf, y->iov_buf, x_len) == 0);
}

void
proto_pack_anchor(struct packer *packer, const void *value, uint32_t version)
{
	const daos_anchor_t *anchor = value;
	size_t len = sizeof(anchor->da_buf);

	while (len > 0 && anchor->da_buf[len - 1] == 0)
		len--;
	pack_u16(packer, anchor->da_type);
	pack_u16(packer, anchor->da_shard);
	pack_u32(packer, anchor->da_flags);
	pack_u64(packer, anchor->da_sub_anchors);
	pack_bytes(packer, anchor->da_buf, len);
}

void
proto_unpack_anchor(struct unpacker *unpacker, void *value, uint32_t version, struct arena *arena)
{
	daos_anchor_t *anchor = value;
	const void *data;
	size_t len;

	memset(anchor, 0, sizeof(*anchor));
	anchor->da_type = unpack_u16(unpacker);
	anchor->da_shard = unpack_u16(unpacker);
	anchor->da_flags = unpack_u32(unpacker);
	anchor->da_sub_anchors = unpack_u64(unpacker);
	data = unpack_bytes(unpacker, &len);
	if (anchor->da_type > DAOS_ANCHOR_TYPE_EOF || len > sizeof(anchor->da_buf))
		unpacker_fail(unpacker, -DER_PROTO);
	else if (data != NULL)
		memcpy(anchor->da_buf, data, len);
}

void
proto_print_anchor(struct strbuf *text, const void *value)
{
	static const char *const type[] = {"start", "hkey", "key", "end"};
	const daos_anchor_t *anchor = value;
	size_t len = sizeof(anchor->da_buf);

	while (len > 0 && anchor->da_buf[len - 1] == 0)
		len--;
	strbuf_addf(text, "%s/%u/%u/%llu/", anchor->da_type < ARRAY_SIZE(type) ? type[anchor->da_type] : "bad",
		    anchor->da_shard, anchor->da_flags, (unsigned long long)anchor->da_sub_anchors);
	print_bytes(text, anchor->da_buf, len);
}

void
proto_fill_anchor(struct rand *rand, void *value, struct arena *arena)
{
	daos_anchor_t *anchor = value;

	memset(anchor, 0, sizeof(*anchor));
	anchor->da_type = (uint16_t)rand_below(rand, DAOS_ANCHOR_TYPE_EOF + 1);
	anchor->da_shard = (uint16_t)fill_number(rand);
	anchor->da_flags = (uint32_t)fill_number(rand);
	anchor->da_sub_anchors = fill_number(rand);
	rand_fill(rand, anchor->da_buf, rand_below(rand, sizeof(anchor->da_buf) + 1));
}

bool
proto_equal_anchor(const void *a, const void *b)
{
	const daos_anchor_t *x = a, *y = b;

	return x->da_type == y->da_type && x->da_shard == y->da_shard && x->da_flags == y->da_flags &&
	       x->da_sub_anchors == y->da_sub_anchors && memcmp(x->da_buf, y->da_buf, sizeof(x->da_buf)) == 0;
}

void
proto_pack_iod(struct packer *packer, const void *value, uint32_t version)
{
	const daos_iod_t *iod = value;

	proto_pack_key(packer, &iod->iod_name, version);
	pack_u8(packer, (uint8_t)iod->iod_type);
	pack_u64(packer, iod->iod_size);
	pack_u64(packer, iod->iod_flags);
	if (iod->iod_type != DAOS_IOD_ARRAY)
		return;
	pack_count(packer, iod->iod_nr);
	for (uint32_t i = 0; i < iod->iod_nr; i++)
		proto_pack_recx(packer, &iod->iod_recxs[i], version);
}

void
proto_unpack_iod(struct unpacker *unpacker, void *value, uint32_t version, struct arena *arena)
{
	daos_iod_t *iod = value;

	proto_unpack_key(unpacker, &iod->iod_name, version, arena);
	iod->iod_type = unpack_u8(unpacker);
	iod->iod_size = unpack_u64(unpacker);
	iod->iod_flags = unpack_u64(unpacker);
	iod->iod_nr = 1;
	iod->iod_recxs = NULL;
	if (iod->iod_type > DAOS_IOD_ARRAY)
		unpacker_fail(unpacker, -DER_PROTO);
	if (iod->iod_type != DAOS_IOD_ARRAY)
		return;
	iod->iod_recxs = unpack_array(unpacker, arena, PROTO_MIN_recx, sizeof(daos_recx_t), &iod->iod_nr);
	for (uint32_t i = 0; i < iod->iod_nr; i++)
		proto_unpack_recx(unpacker, &iod->iod_recxs[i], version, arena);
}

void
proto_print_iod(struct strbuf *text, const void *value)
{
	const daos_iod_t *iod = value;

	strbuf_add(text, "{");
	proto_print_key(text, &iod->iod_name);
	strbuf_addf(text, " %s size=%llu", iod->iod_type == DAOS_IOD_ARRAY ? "array" : iod->iod_type == DAOS_IOD_SINGLE ?
		    "single" : "none", (unsigned long long)iod->iod_size);
	if (iod->iod_flags != 0)
		strbuf_addf(text, " flags=%llu", (unsigned long long)iod->iod_flags);
	for (uint32_t i = 0; iod->iod_type == DAOS_IOD_ARRAY && i < iod->iod_nr && i < PROTO_PRINT_MAX; i++) {
		strbuf_add(text, i == 0 ? " " : ",");
		proto_print_recx(text, &iod->iod_recxs[i]);
	}
	if (iod->iod_type == DAOS_IOD_ARRAY && iod->iod_nr > PROTO_PRINT_MAX)
		strbuf_addf(text, ",... %u in all", iod->iod_nr);
	strbuf_add(text, "}");
}

void
proto_fill_iod(struct rand *rand, void *value, struct arena *arena)
{
	daos_iod_t *iod = value;

	proto_fill_key(rand, &iod->iod_name, arena);
	iod->iod_type = (daos_iod_type_t)rand_below(rand, DAOS_IOD_ARRAY + 1);
	iod->iod_size = fill_number(rand);
	iod->iod_flags = fill_number(rand);
	iod->iod_nr = 1;
	iod->iod_recxs = NULL;
	if (iod->iod_type != DAOS_IOD_ARRAY)
		return;
	iod->iod_nr = (uint32_t)rand_below(rand, 4);
	iod->iod_recxs = iod->iod_nr > 0 ? ARENA_NEW_ARRAY(arena, daos_recx_t, iod->iod_nr) : NULL;
	if (iod->iod_recxs == NULL)
		iod->iod_nr = 0;
	for (uint32_t i = 0; i < iod->iod_nr; i++)
		proto_fill_recx(rand, &iod->iod_recxs[i], arena);
}

bool
proto_equal_iod(const void *a, const void *b)
{
	const daos_iod_t *x = a, *y = b;

	if (!proto_equal_key(&x->iod_name, &y->iod_name) || x->iod_type != y->iod_type || x->iod_size != y->iod_size ||
	    x->iod_flags != y->iod_flags)
		return false;
	if (x->iod_type != DAOS_IOD_ARRAY)
		return true;
	for (uint32_t i = 0; x->iod_nr == y->iod_nr && i < x->iod_nr; i++)
		if (!proto_equal_recx(&x->iod_recxs[i], &y->iod_recxs[i]))
			return false;
	return x->iod_nr == y->iod_nr;
}

void
proto_pack_bulk(struct packer *packer, const void *value, uint32_t version)
{
	const struct rpc_bulk *bulk = value;

	pack_u64(packer, bulk->key.id);
	pack_u64(packer, bulk->key.secret);
	pack_u64(packer, bulk->len);
}

void
proto_unpack_bulk(struct unpacker *unpacker, void *value, uint32_t version, struct arena *arena)
{
	struct rpc_bulk *bulk = value;

	bulk->key.id = unpack_u64(unpacker);
	bulk->key.secret = unpack_u64(unpacker);
	bulk->len = unpack_u64(unpacker);
}

/* Who knows id and secret can read the memory: neither is shown. */
void
proto_print_bulk(struct strbuf *text, const void *value)
{
	strbuf_addf(text, "bulk(%llu)", (unsigned long long)((const struct rpc_bulk *)value)->len);
}

void
proto_fill_bulk(struct rand *rand, void *value, struct arena *arena)
{
	struct rpc_bulk *bulk = value;

	bulk->key.id = fill_number(rand);
	bulk->key.secret = fill_number(rand);
	bulk->len = fill_number(rand);
}

bool
proto_equal_bulk(const void *a, const void *b)
{
	const struct rpc_bulk *x = a, *y = b;

	return x->key.id == y->key.id && x->key.secret == y->key.secret && x->len == y->len;
}
