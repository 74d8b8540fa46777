/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libgurt: pools of prepared descriptors.
 *
 *      allocate+init ─> free ─acquire─> in use ─release─> pending ─restock: reset─> free
 *                                                            └── reset refused: release, memory goes
 *
 *  I1  st_count = those in use + st_free_count + st_pending_count, and is at most sr_max_desc unless that is 0.
 *  I2  A descriptor on the free list is initialised and reset: acquiring it calls nothing.
 *
 * The functions of a type are called with the lock of the type held.
 */
#include <gurt/common.h>
#include <gurt/slab.h>

static d_list_t *
link_of(struct d_slab_type *type, void *desc)
{
	return (d_list_t *)((char *)desc + type->st_reg.sr_offset);
}

static void *
desc_of(struct d_slab_type *type, d_list_t *link)
{
	return (char *)link - type->st_reg.sr_offset;
}

static void *
pop(struct d_slab_type *type, d_list_t *list, int *count)
{
	d_list_t *link = list->next;

	d_list_del(link);
	(*count)--;
	return desc_of(type, link);
}

static void
desc_free(struct d_slab_type *type, void *desc)
{
	if (type->st_reg.sr_release != NULL)
		type->st_reg.sr_release(desc);
	type->st_release_count++;
	type->st_count--;
	d_free(desc);
}

/** Resets a descriptor; false: it is gone. */
static bool
desc_reset(struct d_slab_type *type, void *desc)
{
	type->st_reset_count++;
	if (type->st_reg.sr_reset == NULL || type->st_reg.sr_reset(desc))
		return true;
	desc_free(type, desc);
	return false;
}

/** A new descriptor, reset; NULL: too many, no memory, or it cannot be used. */
static void *
desc_create(struct d_slab_type *type)
{
	void *desc;

	if (type->st_reg.sr_max_desc != 0 && type->st_count >= type->st_reg.sr_max_desc)
		return NULL;
	desc = d_calloc(1, (size_t)type->st_reg.sr_size);
	if (desc == NULL)
		return NULL;
	type->st_count++;
	type->st_init_count++;
	if (type->st_reg.sr_init != NULL)
		type->st_reg.sr_init(desc, type->st_arg);
	return desc_reset(type, desc) ? desc : NULL;
}

void *
d_slab_acquire(struct d_slab_type *type)
{
	void *desc = NULL;

	D_MUTEX_LOCK(&type->st_lock);
	type->st_no_restock++;
	type->st_no_restock_hwm = MAX(type->st_no_restock_hwm, type->st_no_restock);
	if (type->st_free_count > 0) {
		desc = pop(type, &type->st_free_list, &type->st_free_count);
	} else {
		while (desc == NULL && type->st_pending_count > 0) {
			type->st_op_reset++;
			desc = pop(type, &type->st_pending_list, &type->st_pending_count);
			if (!desc_reset(type, desc))
				desc = NULL;
		}
		if (desc == NULL) {
			type->st_op_init++;
			desc = desc_create(type);
		}
	}
	D_MUTEX_UNLOCK(&type->st_lock);
	return desc;
}

void
d_slab_release(struct d_slab_type *type, void *desc)
{
	D_MUTEX_LOCK(&type->st_lock);
	d_list_add_tail(link_of(type, desc), &type->st_pending_list);
	type->st_pending_count++;
	D_MUTEX_UNLOCK(&type->st_lock);
}

void
d_slab_restock(struct d_slab_type *type)
{
	void *desc;
	int wanted;

	D_MUTEX_LOCK(&type->st_lock);
	wanted = MIN(MAX(type->st_no_restock_hwm, 1), type->st_reg.sr_max_free_desc);
	type->st_no_restock = 0;
	while (type->st_pending_count > 0) {
		desc = pop(type, &type->st_pending_list, &type->st_pending_count);
		if (type->st_free_count >= wanted) {
			desc_free(type, desc);
		} else if (desc_reset(type, desc)) {
			d_list_add_tail(link_of(type, desc), &type->st_free_list);
			type->st_free_count++;
		}
	}
	while (type->st_free_count < wanted && (desc = desc_create(type)) != NULL) {
		d_list_add_tail(link_of(type, desc), &type->st_free_list);
		type->st_free_count++;
	}
	D_MUTEX_UNLOCK(&type->st_lock);
}

/** Frees what is not in use; whether some is. */
static bool
type_reclaim(struct d_slab_type *type)
{
	bool active;

	D_MUTEX_LOCK(&type->st_lock);
	while (type->st_free_count > 0)
		desc_free(type, pop(type, &type->st_free_list, &type->st_free_count));
	while (type->st_pending_count > 0)
		desc_free(type, pop(type, &type->st_pending_list, &type->st_pending_count));
	active = type->st_count > 0;
	D_MUTEX_UNLOCK(&type->st_lock);
	return active;
}

bool
d_slab_reclaim(struct d_slab *slab)
{
	struct d_slab_type *type;
	bool active = false;

	D_MUTEX_LOCK(&slab->slab_lock);
	d_list_for_each_entry(type, &slab->slab_list, st_type_list)
		active |= type_reclaim(type);
	D_MUTEX_UNLOCK(&slab->slab_lock);
	return active;
}

/* ---- life ------------------------------------------------------------------------------------------------------- */

int
d_slab_init(struct d_slab *slab, void *arg)
{
	int rc;

	memset(slab, 0, sizeof(*slab));
	D_INIT_LIST_HEAD(&slab->slab_list);
	slab->slab_arg = arg;
	rc = d_errno2der(pthread_mutex_init(&slab->slab_lock, NULL));
	slab->slab_init = rc == 0;
	return rc;
}

void
d_slab_destroy(struct d_slab *slab)
{
	struct d_slab_type *type, *next;

	if (!slab->slab_init)
		return;
	if (d_slab_reclaim(slab))
		D_WARN("descriptors are still in use\n");
	d_list_for_each_entry_safe(type, next, &slab->slab_list, st_type_list) {
		d_list_del(&type->st_type_list);
		pthread_mutex_destroy(&type->st_lock);
		d_free(type);
	}
	pthread_mutex_destroy(&slab->slab_lock);
	slab->slab_init = false;
}

int
d_slab_register(struct d_slab *slab, struct d_slab_reg *reg, void *arg, struct d_slab_type **type)
{
	struct d_slab_type *t;
	int rc;

	if (!slab->slab_init || reg->sr_offset < 0 || reg->sr_size < reg->sr_offset + (int)sizeof(d_list_t))
		return -DER_INVAL;
	t = d_calloc(1, sizeof(*t));
	if (t == NULL)
		return -DER_NOMEM;
	rc = d_errno2der(pthread_mutex_init(&t->st_lock, NULL));
	if (rc != 0) {
		d_free(t);
		return rc;
	}
	t->st_reg = *reg;
	t->st_arg = arg;
	t->st_slab = slab;
	D_INIT_LIST_HEAD(&t->st_free_list);
	D_INIT_LIST_HEAD(&t->st_pending_list);
	D_MUTEX_LOCK(&slab->slab_lock);
	d_list_add_tail(&t->st_type_list, &slab->slab_list);
	D_MUTEX_UNLOCK(&slab->slab_lock);
	*type = t;
	return 0;
}
