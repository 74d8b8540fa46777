/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Containers: the object address spaces of a pool, with properties, access control, attributes and snapshots.
 *
 * Calls return 0 or a negative DER number; with an event they return after the launch and the event carries the result.
 * Common errors: -DER_NO_HDL, -DER_INVAL, -DER_NO_PERM, -DER_UNREACH, -DER_TIMEDOUT, -DER_NOMEM.
 */
#ifndef DAOS_CONT_H
#define DAOS_CONT_H

#include <daos_types.h>
#include <daos_prop.h>
#include <daos_security.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* Compiled code refers to the second version of these calls. */
#define daos_cont_open daos_cont_open2
#define daos_cont_destroy daos_cont_destroy2
#define daos_cont_create daos_cont_create2

/* Modes of daos_cont_open(): one of the first three, and more. */
/** Read only. */
#define DAOS_COO_RO (1U << 0)
/** Read and write. */
#define DAOS_COO_RW (1U << 1)
/** Read and write, and nobody else has it open. */
#define DAOS_COO_EX (1U << 2)
/** Open although more failed than the redundancy factor covers. */
#define DAOS_COO_FORCE (1U << 3)
/** Leave the times of open and close as they are (read only). */
#define DAOS_COO_RO_MDSTATS (1U << 4)
/** Take away the other handles of this user first. */
#define DAOS_COO_EVICT (1U << 5)
/** Take away all other handles first (exclusive). */
#define DAOS_COO_EVICT_ALL (1U << 6)
/** Not used by programs. */
#define DAOS_COO_NEW_LAYOUT (1U << 7)
#define DAOS_COO_NBITS (8)
#define DAOS_COO_MASK ((1U << DAOS_COO_NBITS) - 1)
#define DAOS_COO_IO_BASE_MASK (DAOS_COO_RO | DAOS_COO_RW | DAOS_COO_EX)

/** Room for the hints of a file system container, NUL included. */
#define DAOS_CONT_HINT_MAX_LEN 128
/** Room for the name of a snapshot, NUL included. */
#define DAOS_SNAPSHOT_MAX_LEN 128

/** What daos_cont_create_snap_opt() does. */
enum daos_snapshot_opts {
	DAOS_SNAP_OPT_CR = (1 << 0),  /**< create a snapshot */
	DAOS_SNAP_OPT_OIT = (1 << 1), /**< and a table of the object ids in it */
};

/**
 * Reads ranks from text, e.g. "0:1:2" with sep ":".
 *
 * \return	a new list, freed with d_rank_list_free(); NULL: no ranks, or no memory
 */
d_rank_list_t *daos_rank_list_parse(const char *str, const char *sep);

/* ---- handles ------------------------------------------------------------------------------------------------- */

/**
 * Writes a container handle into a buffer from which other processes of the same user can rebuild it.
 *
 * \param[in]	coh	open container
 * \param[in,out] glob	iov_buf NULL: iov_buf_len is set to the size needed; else filled, iov_len set
 * \return		0; -DER_TRUNC: too small, iov_buf_len says what is needed; -DER_NO_HDL; -DER_INVAL
 */
int daos_cont_local2global(daos_handle_t coh, d_iov_t *glob);

/**
 * Rebuilds a container handle. It is closed like any other; the original is closed last.
 *
 * \param[in]	poh	pool, rebuilt or connected before
 * \param[in]	glob	from daos_cont_local2global()
 * \param[out]	coh	handle
 */
int daos_cont_global2local(daos_handle_t poh, d_iov_t glob, daos_handle_t *coh);

/**
 * Creates a container.
 *
 * \param[in]	poh		connected pool
 * \param[out]	uuid		its new UUID; or NULL
 * \param[in]	cont_prop	properties; or NULL: defaults
 * \param[in]	ev		event, or NULL to wait
 * \return			0; -DER_EXIST: another has this label; -DER_NO_PERM; others
 */
int daos_cont_create2(daos_handle_t poh, uuid_t *uuid, daos_prop_t *cont_prop, daos_event_t *ev);

/** daos_cont_create() with a label; cont_prop holds no other one. */
int daos_cont_create_with_label(daos_handle_t poh, const char *label, daos_prop_t *cont_prop, uuid_t *uuid,
				daos_event_t *ev);

/**
 * Opens a container.
 *
 * \param[in]	poh	connected pool
 * \param[in]	cont	label or UUID
 * \param[in]	flags	DAOS_COO_*
 * \param[out]	coh	handle, closed with daos_cont_close()
 * \param[out]	info	what is known of it; or NULL
 * \param[in]	ev	event, or NULL to wait
 * \return		0; -DER_NONEXIST; -DER_BUSY: exclusive and opened by others; -DER_RF: too many failures, see
 *			DAOS_COO_FORCE; -DER_NO_PERM; others
 */
int daos_cont_open2(daos_handle_t poh, const char *cont, unsigned int flags, daos_handle_t *coh, daos_cont_info_t *info,
		    daos_event_t *ev);

/** Closes a container handle. Objects opened through it become invalid. */
int daos_cont_close(daos_handle_t coh, daos_event_t *ev);

/**
 * Destroys a container with all its data and snapshots.
 *
 * \param[in]	cont	label or UUID
 * \param[in]	force	not 0: although it is open
 * \return		0; -DER_BUSY: open and not forced; -DER_NONEXIST; -DER_NO_PERM; others
 */
int daos_cont_destroy2(daos_handle_t poh, const char *cont, int force, daos_event_t *ev);

/* ---- properties and access control --------------------------------------------------------------------------- */

/**
 * Asks about a container.
 *
 * \param[out]	info		what is known of it; or NULL
 * \param[in,out] cont_prop	in: entries with the types that are wanted, none: all; out: with values; or NULL
 */
int daos_cont_query(daos_handle_t coh, daos_cont_info_t *info, daos_prop_t *cont_prop, daos_event_t *ev);

/** Reads ACL, owner and owner-group into a new list, freed with daos_prop_free(). */
int daos_cont_get_acl(daos_handle_t coh, daos_prop_t **acl_prop, daos_event_t *ev);

/**
 * Changes properties.
 *
 * \param[in]	prop	new values
 * \return		0; -DER_NO_PERM: not allowed, or fixed since the creation; -DER_INVAL; others
 */
int daos_cont_set_prop(daos_handle_t coh, daos_prop_t *prop, daos_event_t *ev);

/** Sets the status back to healthy after failures beyond the redundancy factor. */
int daos_cont_status_clear(daos_handle_t coh, daos_event_t *ev);

/** Replaces the whole ACL. */
int daos_cont_overwrite_acl(daos_handle_t coh, struct daos_acl *acl, daos_event_t *ev);

/** Adds the entries of acl to the ACL; those for the same principals are replaced. */
int daos_cont_update_acl(daos_handle_t coh, struct daos_acl *acl, daos_event_t *ev);

/**
 * Removes an entry from the ACL.
 *
 * \param[in]	type	kind of principal
 * \param[in]	name	"name@" for users and groups, else NULL
 * \return		0; -DER_NONEXIST; -DER_NO_PERM; others
 */
int daos_cont_delete_acl(daos_handle_t coh, enum daos_acl_principal_type type, d_string_t name, daos_event_t *ev);

/** Changes owner and owner-group ("name@"); NULL leaves one as it is. The names must be known to the system. */
int daos_cont_set_owner(daos_handle_t coh, d_string_t user, d_string_t group, daos_event_t *ev);

/** daos_cont_set_owner() for names that this host need not know. */
int daos_cont_set_owner_no_check(daos_handle_t coh, d_string_t user, d_string_t group, daos_event_t *ev);

/**
 * What a user may do with a container, from its properties. Local.
 *
 * \param[in]	cont_prop	list with ACL, owner and owner-group
 * \param[in]	uid		user
 * \param[in]	gids		groups of the user
 * \param[in]	nr_gids		their number
 * \param[out]	perms		enum daos_acl_perm bits
 */
int daos_cont_get_perms(daos_prop_t *cont_prop, uid_t uid, gid_t *gids, size_t nr_gids, uint64_t *perms);

/* ---- attributes ---------------------------------------------------------------------------------------------- */

/**
 * Lists the names of a container's attributes.
 *
 * \param[out]	buffer	names, each with its NUL, one behind the other; only whole ones; or NULL
 * \param[in,out] size	in: bytes at buffer; out: bytes that all names need
 */
int daos_cont_list_attr(daos_handle_t coh, char *buffer, size_t *size, daos_event_t *ev);

/**
 * Reads attributes.
 *
 * \param[in]	n	number of them
 * \param[in]	names	names
 * \param[out]	buffers	values, in buffers of the caller; NULL, or a NULL among them: only the size
 * \param[in,out] sizes	in: bytes at each buffer; out: size of each value, 0 when there is none
 */
int daos_cont_get_attr(daos_handle_t coh, int n, const char *const names[], void *const buffers[], size_t sizes[],
		       daos_event_t *ev);

/**
 * Sets attributes, all or none.
 *
 * \param[in]	n	number of them
 * \param[in]	names	names, at most DAOS_ATTR_NAME_MAX characters each
 * \param[in]	values	values, any bytes
 * \param[in]	sizes	size of each value
 */
int daos_cont_set_attr(daos_handle_t coh, int n, const char *const names[], const void *const values[],
		       const size_t sizes[], daos_event_t *ev);

/** Removes attributes; those that are not there are passed over. */
int daos_cont_del_attr(daos_handle_t coh, int n, const char *const names[], daos_event_t *ev);

/* ---- object ids, epochs, snapshots --------------------------------------------------------------------------- */

/**
 * Reserves 64-bit numbers (for the lo of object ids) that nobody else gets.
 *
 * \param[in]	num_oids	how many
 * \param[out]	oid		the first; the others follow
 */
int daos_cont_alloc_oids(daos_handle_t coh, daos_size_t num_oids, uint64_t *oid, daos_event_t *ev);

/** Lets the store drop versions that no snapshot holds, up to an epoch. */
int daos_cont_aggregate(daos_handle_t coh, daos_epoch_t epoch, daos_event_t *ev);

/** Goes back to a snapshot. Reserved: -DER_NOSYS. */
int daos_cont_rollback(daos_handle_t coh, daos_epoch_t epoch, daos_event_t *ev);

/** Waits for a snapshot. Reserved: -DER_NOSYS. */
int daos_cont_subscribe(daos_handle_t coh, daos_epoch_t *epoch, daos_event_t *ev);

/**
 * Keeps the present state of a container.
 *
 * \param[out]	epoch	epoch of the snapshot
 * \param[in]	name	its name, or NULL
 */
int daos_cont_create_snap(daos_handle_t coh, daos_epoch_t *epoch, char *name, daos_event_t *ev);

/** daos_cont_create_snap() that may make a table of the object ids as well. */
int daos_cont_create_snap_opt(daos_handle_t coh, daos_epoch_t *epoch, char *name, enum daos_snapshot_opts opts,
			      daos_event_t *ev);

/**
 * Lists snapshots.
 *
 * \param[in,out] nr	in: room in epochs and names; out: number of snapshots
 * \param[out]	epochs	their epochs; or NULL
 * \param[out]	names	their names, in buffers of DAOS_SNAPSHOT_MAX_LEN bytes of the caller; or NULL
 * \param[in,out] anchor	where to go on
 */
int daos_cont_list_snap(daos_handle_t coh, int *nr, daos_epoch_t *epochs, char **names, daos_anchor_t *anchor,
			daos_event_t *ev);

/**
 * Lets go of a snapshot.
 *
 * \param[in]	epr	epr_lo and epr_hi are both its epoch
 * \return		0; -DER_NONEXIST; -DER_INVAL: a range of more than one epoch; others
 */
int daos_cont_destroy_snap(daos_handle_t coh, daos_epoch_range_t epr, daos_event_t *ev);

/** Makes the table of object ids of a snapshot given by epoch or, when that is 0, by name. */
int daos_cont_snap_oit_create(daos_handle_t coh, daos_epoch_t epoch, char *name, daos_event_t *ev);

/** Removes the table that oh, from daos_oit_open(), stands for. */
int daos_cont_snap_oit_destroy(daos_handle_t coh, daos_handle_t oh, daos_event_t *ev);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
