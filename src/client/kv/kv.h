/* SPDX-License-Identifier: Apache-2.0 */
/* client/kv: flat key-value objects: key -> value of any size, one akey a dkey. Every call may yield; 0 or -DER_*. */
#ifndef CLIENT_KV_H
#define CLIENT_KV_H

#include <daos_types.h>
#include "client/object/object.h"

struct kv;

int kv_open(struct cont *cont, daos_obj_id_t oid, uint32_t mode, struct kv **kv);
void kv_close(struct kv *kv);
struct object *kv_object(struct kv *kv);
int kv_put(struct kv *kv, struct tx *tx, uint64_t flags, const char *key, daos_size_t size, const void *buf);
/** *size in: room of buf; out: size of the value, 0 when absent. buf NULL asks the size. -DER_REC2BIG. */
int kv_get(struct kv *kv, struct tx *tx, uint64_t flags, const char *key, daos_size_t *size, void *buf);
int kv_remove(struct kv *kv, struct tx *tx, uint64_t flags, const char *key);
int kv_list(struct kv *kv, struct tx *tx, uint32_t *nr, daos_key_desc_t *kds, d_sg_list_t *sgl, daos_anchor_t *anchor);
int kv_destroy(struct kv *kv, struct tx *tx);

#endif
