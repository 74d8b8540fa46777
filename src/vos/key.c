/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vos/key: the tree classes, and how objects, dkeys and akeys are found and made. All of it runs inside bodies; nothing
 * yields; a crash leaves what the transaction leaves.
 *
 * A key tree maps a key to the offset of its record, which begins with struct vos_key_head and carries the key's bytes,
 * so that keys of equal hash (or equal lexical head) are told apart.
 */
#include "inside.h"

/* ---- classes ----------------------------------------------------------------------------------------------------- */
static int
compare_bytes(const void *a, size_t a_len, const void *b, size_t b_len)
{
	int diff = memcmp(a, b, MIN(a_len, b_len));

	return diff != 0 ? diff : a_len < b_len ? -1 : a_len > b_len;
}

/* Bytes of the record in front of its key; 0: this is no record, or its key does not fit it. */
static size_t
fixed_size(struct umem *heap, umem_off_t off)
{
	const struct vos_key_head *head;
	const struct vos_flat_rec *flat;
	size_t size = sizeof(*flat);

	if (!vos__sound(heap, off, size))
		return 0;
	head = umem_at(heap, off);
	flat = container_of(head, const struct vos_flat_rec, head);
	switch (head->kind) {
	case VOS_KIND_FLAT_SINGLE:
		size += flat->version.parts * sizeof(struct vos_part);
		break;
	case VOS_KIND_FLAT_ARRAY:
		size = sizeof(struct vos_flat_array_rec) + flat->version.parts * sizeof(struct vos_part);
		break;
	case VOS_KIND_DKEY:
		size = sizeof(struct vos_dkey_rec);
		break;
	case VOS_KIND_AKEY:
		size = sizeof(struct vos_akey_rec);
		break;
	default:
		return 0;
	}
	return vos__sound(heap, off, size + head->key_len) ? size : 0;
}

static int
key_tie(struct umem *heap, uint64_t value, const void *key, size_t len)
{
	const struct vos_key_head *head;

	if (fixed_size(heap, value) == 0)
		return -1;
	head = umem_at(heap, value);
	return compare_bytes(key, len, vos__key_bytes(head), head->key_len);
}

static const struct btree_class class_cont = {.features = BTREE_DIRECT, .hkey_size = 16};
static const struct btree_class class_object = {.features = BTREE_DIRECT, .hkey_size = VOS_OBJECT_KEY};
static const struct btree_class class_hashed = {.features = BTREE_HASHED, .hkey_size = 16, .tie = key_tie};
static const struct btree_class class_integer = {.features = BTREE_INTEGER, .hkey_size = 8};
static const struct btree_class class_lexical = {
	.features = BTREE_LEXICAL, .hkey_size = VOS_LEXICAL_HKEY, .tie = key_tie};
static const struct btree_class class_single = {.features = BTREE_DIRECT, .hkey_size = VOS_SINGLE_KEY};
static const struct btree_class class_active = {.features = BTREE_DIRECT, .hkey_size = VOS_DTX_KEY};
static const struct btree_class class_done = {.features = BTREE_DIRECT, .hkey_size = VOS_DONE_KEY};

static const struct {
	uint32_t number;
	const struct btree_class *cls;
} classes[] = {
	{VOS_CLASS_CONT, &class_cont},
	{VOS_CLASS_OBJECT, &class_object},
	{VOS_CLASS_DKEY_HASHED, &class_hashed},
	{VOS_CLASS_DKEY_INTEGER, &class_integer},
	{VOS_CLASS_DKEY_LEXICAL, &class_lexical},
	{VOS_CLASS_AKEY_HASHED, &class_hashed},
	{VOS_CLASS_AKEY_INTEGER, &class_integer},
	{VOS_CLASS_AKEY_LEXICAL, &class_lexical},
	{VOS_CLASS_SINGLE, &class_single},
	{VOS_CLASS_DTX_ACTIVE, &class_active},
	{VOS_CLASS_DTX_DONE, &class_done},
};

int
vos__classes_register(struct btree_registry *registry)
{
	int rc = 0;

	for (size_t i = 0; i < ARRAY_SIZE(classes) && rc == 0; i++)
		rc = btree_register(registry, classes[i].number, classes[i].cls);
	return rc;
}

uint32_t
vos__dkey_class(const daos_obj_id_t *oid)
{
	return daos_is_dkey_uint64(*oid) ? VOS_CLASS_DKEY_INTEGER :
	       daos_is_dkey_lexical(*oid) ? VOS_CLASS_DKEY_LEXICAL : VOS_CLASS_DKEY_HASHED;
}

uint32_t
vos__akey_class(const daos_obj_id_t *oid)
{
	return daos_is_akey_uint64(*oid) ? VOS_CLASS_AKEY_INTEGER :
	       daos_is_akey_lexical(*oid) ? VOS_CLASS_AKEY_LEXICAL : VOS_CLASS_AKEY_HASHED;
}

int
vos__key_check(uint32_t cls, const daos_key_t *key)
{
	if (key->iov_buf == NULL || key->iov_len == 0)
		return -DER_INVAL;
	if (cls == VOS_CLASS_DKEY_INTEGER || cls == VOS_CLASS_AKEY_INTEGER)
		return key->iov_len == sizeof(uint64_t) ? 0 : -DER_INVAL;
	if (cls == VOS_CLASS_DKEY_LEXICAL || cls == VOS_CLASS_AKEY_LEXICAL)
		return key->iov_len <= VOS_LEXICAL_MAX ? 0 : -DER_KEY2BIG;
	return key->iov_len <= VOS_KEY_MAX ? 0 : -DER_KEY2BIG;
}

/* ---- keys as bytes ----------------------------------------------------------------------------------------------- */
void
vos__object_key(const daos_obj_id_t *oid, uint32_t shard, uint8_t key[VOS_OBJECT_KEY])
{
	vos__put_be64(key, oid->hi);
	vos__put_be64(key + 8, oid->lo);
	vos__put_be64(key + 16, (uint64_t)shard << 32);
}

void
vos__single_key(uint64_t epoch, uint16_t minor, uint8_t key[VOS_SINGLE_KEY])
{
	vos__put_be64(key, epoch);
	vos__put_be64(key + 8, (uint64_t)minor << 48);
}

const void *
vos__key_bytes(const struct vos_key_head *head)
{
	switch (head->kind) {
	case VOS_KIND_FLAT_SINGLE:
	case VOS_KIND_FLAT_ARRAY: {
		const struct vos_flat_rec *flat = container_of(head, const struct vos_flat_rec, head);
		size_t fixed = head->kind == VOS_KIND_FLAT_SINGLE ? sizeof(*flat) : sizeof(struct vos_flat_array_rec);

		return (const char *)head + fixed + flat->version.parts * sizeof(struct vos_part);
	}
	case VOS_KIND_DKEY:
		return (const char *)head + sizeof(struct vos_dkey_rec);
	case VOS_KIND_AKEY:
		return (const char *)head + sizeof(struct vos_akey_rec);
	default:
		return NULL;
	}
}

/* ---- objects ----------------------------------------------------------------------------------------------------- */
int
vos__object_find(struct vos_cont *cont, const daos_obj_id_t *oid, uint32_t shard, umem_off_t *off)
{
	uint8_t key[VOS_OBJECT_KEY];
	struct btree tree;
	int rc;

	*off = vos__cache_get(cont, oid, shard);
	cont->pool->vx->cache_missed = *off == UMEM_NULL;
	if (*off != UMEM_NULL)
		return 0;
	vos__object_key(oid, shard, key);
	tree = vos__tree(cont->pool, cont->off + offsetof(struct vos_cont_rec, objects));
	rc = btree_find(&tree, key, sizeof(key), off);
	if (rc == 0 && !vos__sound(cont->pool->heap, *off, sizeof(struct vos_obj_rec)))
		return vos__corrupt(cont->pool, *off, "no object record");
	return rc;
}

int
vos__object_make(struct vos_cont *cont, const daos_obj_id_t *oid, uint32_t shard, umem_off_t *off)
{
	struct vos_pool *pool = cont->pool;
	uint8_t key[VOS_OBJECT_KEY];
	struct vos_obj_rec *rec;
	struct btree tree;
	int rc;

	*off = umem_alloc(pool->heap, sizeof(*rec));
	if (*off == UMEM_NULL)
		return -DER_NOSPACE;
	rec = umem_at(pool->heap, *off);
	rec->hi = oid->hi;
	rec->lo = oid->lo;
	rec->shard = shard;
	rec->version = 1;
	tree = vos__tree(pool, *off + offsetof(struct vos_obj_rec, dkeys));
	rc = btree_create(&tree, vos__dkey_class(oid), 0);
	if (rc != 0)
		return rc;
	vos__object_key(oid, shard, key);
	tree = vos__tree(pool, cont->off + offsetof(struct vos_cont_rec, objects));
	return btree_insert(&tree, key, sizeof(key), *off, NULL);
}

/* ---- dkeys and akeys --------------------------------------------------------------------------------------------- */
int
vos__key_find(struct vos_pool *pool, umem_off_t root, const daos_key_t *key, umem_off_t *off)
{
	struct btree tree = vos__tree(pool, root);
	int rc = btree_find(&tree, key->iov_buf, key->iov_len, off);

	return rc == 0 ? vos__record_check(pool, *off) : rc;
}

int
vos__record_check(struct vos_pool *pool, umem_off_t off)
{
	return fixed_size(pool->heap, off) != 0 ? 0 : vos__corrupt(pool, off, "no record of a dkey or akey");
}

int
vos__key_insert(struct vos_pool *pool, umem_off_t root, const daos_key_t *key, umem_off_t off)
{
	struct btree tree = vos__tree(pool, root);

	return btree_insert(&tree, key->iov_buf, key->iov_len, off, NULL);
}

int
vos__key_remove(struct vos_pool *pool, umem_off_t root, const daos_key_t *key)
{
	struct btree tree = vos__tree(pool, root);

	return btree_remove(&tree, key->iov_buf, key->iov_len, NULL);
}

int
vos__dkey_new(struct vos_pool *pool, const daos_key_t *dkey, uint32_t akey_cls, umem_off_t *off)
{
	struct vos_dkey_rec *rec;
	struct btree tree;

	*off = umem_alloc(pool->heap, sizeof(*rec) + dkey->iov_len);
	if (*off == UMEM_NULL)
		return -DER_NOSPACE;
	rec = umem_at(pool->heap, *off);
	rec->head.kind = VOS_KIND_DKEY;
	rec->head.key_len = (uint16_t)dkey->iov_len;
	memcpy(rec + 1, dkey->iov_buf, dkey->iov_len);
	tree = vos__tree(pool, *off + offsetof(struct vos_dkey_rec, akeys));
	return btree_create(&tree, akey_cls, 0);
}

int
vos__dkey_make(struct vos_pool *pool, umem_off_t root, const daos_key_t *dkey, uint32_t akey_cls, umem_off_t *off)
{
	int rc = vos__dkey_new(pool, dkey, akey_cls, off);

	return rc != 0 ? rc : vos__key_insert(pool, root, dkey, *off);
}

int
vos__akey_make(struct vos_pool *pool, umem_off_t root, const daos_key_t *akey, umem_off_t *off)
{
	struct vos_akey_rec *rec;
	struct btree tree;
	int rc;

	*off = umem_alloc(pool->heap, sizeof(*rec) + akey->iov_len);
	if (*off == UMEM_NULL)
		return -DER_NOSPACE;
	rec = umem_at(pool->heap, *off);
	rec->head.kind = VOS_KIND_AKEY;
	rec->head.key_len = (uint16_t)akey->iov_len;
	memcpy(rec + 1, akey->iov_buf, akey->iov_len);
	tree = vos__tree(pool, *off + offsetof(struct vos_akey_rec, singles));
	rc = btree_create(&tree, VOS_CLASS_SINGLE, 0);
	return rc != 0 ? rc : vos__key_insert(pool, root, akey, *off);
}
