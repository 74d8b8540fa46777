/* SPDX-License-Identifier: Apache-2.0 */
/* client/kv: the key is the dkey (without NUL), the value a single value under the akey "0". May yield where the door says. */
#include "client/kv/kv.h"

#include "base/sg.h"

struct kv {
	struct object *object;
	struct mem *mem;
};

static const char value_akey = '0';

int
kv_open(struct cont *cont, daos_obj_id_t oid, uint32_t mode, struct kv **result)
{
	struct mem *mem = client_mem(cont_client(cont));
	struct kv *kv;
	int rc;

	if (!daos_is_kv(oid))
		return -DER_INVAL;
	kv = MEM_NEW(mem, struct kv);
	if (kv == NULL)
		return -DER_NOMEM;
	kv->mem = mem;
	rc = object_open(cont, oid, mode, &kv->object);
	if (rc != 0) {
		mem_free(mem, kv);
		return rc;
	}
	*result = kv;
	return 0;
}

void
kv_close(struct kv *kv)
{
	object_close(kv->object);
	mem_free(kv->mem, kv);
}

struct object *
kv_object(struct kv *kv)
{
	return kv->object;
}

static int
set_key(const char *key, daos_key_t *dkey)
{
	if (key == NULL || key[0] == '\0')
		return -DER_INVAL;
	d_iov_set(dkey, (void *)key, strlen(key));
	return 0;
}

/* akey: a byte of the caller that outlives the iod. */
static void
set_iod(daos_iod_t *iod, char *akey, daos_size_t size)
{
	*akey = value_akey;
	*iod = (daos_iod_t){.iod_type = DAOS_IOD_SINGLE, .iod_size = size, .iod_nr = 1};
	d_iov_set(&iod->iod_name, akey, 1);
}

int
kv_put(struct kv *kv, struct tx *tx, uint64_t flags, const char *key, daos_size_t size, const void *buf)
{
	d_iov_t iov;
	d_sg_list_t sgl = {.sg_nr = 1, .sg_iovs = &iov};
	daos_key_t dkey;
	daos_iod_t iod;
	char akey;
	int rc = set_key(key, &dkey);

	if (rc != 0)
		return rc;
	if (buf == NULL || size == 0)
		return -DER_INVAL;
	set_iod(&iod, &akey, size);
	d_iov_set(&iov, (void *)buf, size);
	return object_update(kv->object, tx, flags, &dkey, 1, &iod, &sgl);
}

int
kv_get(struct kv *kv, struct tx *tx, uint64_t flags, const char *key, daos_size_t *size, void *buf)
{
	d_iov_t iov;
	d_sg_list_t sgl = {.sg_nr = 1, .sg_iovs = &iov};
	daos_key_t dkey;
	daos_iod_t iod;
	char akey;
	int rc = set_key(key, &dkey);

	if (rc != 0)
		return rc;
	if (size == NULL)
		return -DER_INVAL;
	set_iod(&iod, &akey, DAOS_REC_ANY);
	d_iov_set(&iov, buf, *size);
	rc = object_fetch(kv->object, tx, flags, &dkey, 1, &iod, buf != NULL && *size > 0 ? &sgl : NULL, NULL);
	if (rc == 0 || rc == -DER_REC2BIG)
		*size = iod.iod_size;
	return rc;
}

int
kv_remove(struct kv *kv, struct tx *tx, uint64_t flags, const char *key)
{
	daos_key_t dkey;
	int rc = set_key(key, &dkey);

	return rc != 0 ? rc : object_punch_dkeys(kv->object, tx, flags, 1, &dkey);
}

int
kv_list(struct kv *kv, struct tx *tx, uint32_t *nr, daos_key_desc_t *kds, d_sg_list_t *sgl, daos_anchor_t *anchor)
{
	return object_list(kv->object, tx, NULL, nr, kds, sgl, anchor);
}

int
kv_destroy(struct kv *kv, struct tx *tx)
{
	return object_punch(kv->object, tx, 0);
}
