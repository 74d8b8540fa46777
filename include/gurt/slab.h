/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Pools of prepared descriptors: a type says how one is made, made ready for the next use, and ended. Released
 * descriptors wait until a restock resets them, off the fast path.
 */
#ifndef GURT_SLAB_H
#define GURT_SLAB_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <gurt/list.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** A set of types with one life. */
struct d_slab {
	d_list_t slab_list; /**< types */
	void *slab_arg;
	pthread_mutex_t slab_lock;
	bool slab_init;
};

/** What a type is. */
struct d_slab_reg {
	void (*sr_init)(void *desc, void *arg); /**< first use of new, zeroed memory; or NULL */
	bool (*sr_reset)(void *desc);           /**< before each use; false: cannot be used again; or NULL */
	void (*sr_release)(void *desc);         /**< before the memory goes; or NULL */
	char *sr_name;
	int sr_size;          /**< bytes of a descriptor */
	int sr_offset;        /**< where its d_list_t is */
	int sr_max_desc;      /**< most descriptors at a time; 0: no limit */
	int sr_max_free_desc; /**< most descriptors that wait ready */
};

/** Fields of struct d_slab_reg for a type and its link. */
#define POOL_TYPE_INIT(itype, imember)                                                                                 \
	.sr_name = (char *)#itype, .sr_size = sizeof(struct itype), .sr_offset = offsetof(struct itype, imember),

/** A registered type. */
struct d_slab_type {
	struct d_slab_reg st_reg;
	d_list_t st_type_list;
	d_list_t st_free_list;    /**< ready */
	d_list_t st_pending_list; /**< released, to be reset */
	pthread_mutex_t st_lock;
	struct d_slab *st_slab;
	void *st_arg;
	int st_count; /**< all descriptors */
	int st_free_count;
	int st_pending_count;
	int st_init_count; /**< figures: calls of the functions */
	int st_reset_count;
	int st_release_count;
	int st_op_init; /**< figures: of these on the fast path */
	int st_op_reset;
	int st_no_restock; /**< figures: uses since the last restock, and the most of them */
	int st_no_restock_hwm;
};

/** Starts a set. 0 or a negative error. */
int d_slab_init(struct d_slab *slab, void *arg);

/** Ends a set: all descriptors are released by now. */
void d_slab_destroy(struct d_slab *slab);

/** Adds a type. 0; -DER_INVAL; -DER_NOMEM. */
int d_slab_register(struct d_slab *slab, struct d_slab_reg *reg, void *arg, struct d_slab_type **type);

/** A descriptor that is ready; NULL: too many, or no memory. */
void *d_slab_acquire(struct d_slab_type *type);

/** Gives a descriptor back. */
void d_slab_release(struct d_slab_type *type, void *desc);

/** Resets what was released and makes more ready. */
void d_slab_restock(struct d_slab_type *type);

/** Frees all descriptors that are not in use. Whether some still are. */
bool d_slab_reclaim(struct d_slab *slab);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
