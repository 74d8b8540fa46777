/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Access control lists: who may do what with a pool or a container.
 *
 * A list (struct daos_acl) holds entries (struct daos_ace) one behind the other, each padded to 8 bytes, in the order
 * owner, users, owner-group, groups, everyone; a principal has at most one. As text an entry reads
 * TYPES:FLAGS:PRINCIPAL:PERMISSIONS, e.g. "A::OWNER@:rw", "A:G:staff@:r", "A::EVERYONE@:".
 */
#ifndef DAOS_SECURITY_H
#define DAOS_SECURITY_H

#include <stdio.h>
#include <stdint.h>
#include <stdbool.h>
#include <sys/types.h>
#include <daos_errno.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** Version of struct daos_acl. */
#define DAOS_ACL_VERSION (1)

/** Longest principal ("name@") in characters, and the room one needs with its NUL. */
#define DAOS_ACL_MAX_PRINCIPAL_LEN (255)
#define DAOS_ACL_MAX_PRINCIPAL_BUF_LEN (DAOS_ACL_MAX_PRINCIPAL_LEN + 1)

/** Principals that are not names. */
#define DAOS_ACL_PRINCIPAL_OWNER "OWNER@"
#define DAOS_ACL_PRINCIPAL_OWNER_GRP "GROUP@"
#define DAOS_ACL_PRINCIPAL_EVERYONE "EVERYONE@"

/** Most bytes of all entries of a list. */
#define DAOS_ACL_MAX_ACE_LEN (65536)
/** Longest entry as text. */
#define DAOS_ACL_MAX_ACE_STR_LEN (DAOS_ACL_MAX_PRINCIPAL_LEN + 64)

enum daos_acl_principal_type {
	DAOS_ACL_OWNER = 0,
	DAOS_ACL_USER = 1,
	DAOS_ACL_OWNER_GROUP = 2,
	DAOS_ACL_GROUP = 3,
	DAOS_ACL_EVERYONE = 4,
	NUM_DAOS_ACL_TYPES = 5,
};

/** What an entry is for; only ALLOW decides about access. */
enum daos_acl_access_type {
	DAOS_ACL_ACCESS_ALLOW = (1U << 0), /**< "A": permits */
	DAOS_ACL_ACCESS_AUDIT = (1U << 1), /**< "U": records accesses */
	DAOS_ACL_ACCESS_ALARM = (1U << 2), /**< "L": tells of accesses */
};

#define DAOS_ACL_ACCESS_ALL (DAOS_ACL_ACCESS_ALLOW | DAOS_ACL_ACCESS_AUDIT | DAOS_ACL_ACCESS_ALARM)

enum daos_acl_flags {
	DAOS_ACL_FLAG_GROUP = (1U << 0),          /**< "G": the principal is a group */
	DAOS_ACL_FLAG_POOL_INHERIT = (1U << 1),   /**< "P": new containers of the pool get it */
	DAOS_ACL_FLAG_ACCESS_FAIL = (1U << 2),    /**< "F": audit or alarm when access is denied */
	DAOS_ACL_FLAG_ACCESS_SUCCESS = (1U << 3), /**< "S": audit or alarm when access is granted */
};

#define DAOS_ACL_FLAG_ALL                                                                                              \
	(DAOS_ACL_FLAG_GROUP | DAOS_ACL_FLAG_POOL_INHERIT | DAOS_ACL_FLAG_ACCESS_FAIL | DAOS_ACL_FLAG_ACCESS_SUCCESS)

enum daos_acl_perm {
	DAOS_ACL_PERM_READ = (1U << 0),        /**< "r" */
	DAOS_ACL_PERM_WRITE = (1U << 1),       /**< "w" */
	DAOS_ACL_PERM_CREATE_CONT = (1U << 2), /**< "c": pools only */
	DAOS_ACL_PERM_DEL_CONT = (1U << 3),    /**< "d": of a pool: any container, of a container: this one */
	DAOS_ACL_PERM_GET_PROP = (1U << 4),    /**< "t" */
	DAOS_ACL_PERM_SET_PROP = (1U << 5),    /**< "T": containers only */
	DAOS_ACL_PERM_GET_ACL = (1U << 6),     /**< "a": containers only */
	DAOS_ACL_PERM_SET_ACL = (1U << 7),     /**< "A": containers only */
	DAOS_ACL_PERM_SET_OWNER = (1U << 8),   /**< "o": containers only */
};

/** What can be permitted on a pool. */
#define DAOS_ACL_PERM_POOL_ALL                                                                                         \
	(DAOS_ACL_PERM_READ | DAOS_ACL_PERM_GET_PROP | DAOS_ACL_PERM_WRITE | DAOS_ACL_PERM_CREATE_CONT |               \
	 DAOS_ACL_PERM_DEL_CONT)
/** What can be permitted on a container. */
#define DAOS_ACL_PERM_CONT_ALL                                                                                         \
	(DAOS_ACL_PERM_READ | DAOS_ACL_PERM_WRITE | DAOS_ACL_PERM_DEL_CONT | DAOS_ACL_PERM_GET_PROP |                  \
	 DAOS_ACL_PERM_SET_PROP | DAOS_ACL_PERM_GET_ACL | DAOS_ACL_PERM_SET_ACL | DAOS_ACL_PERM_SET_OWNER)
#define DAOS_ACL_PERM_ALL (DAOS_ACL_PERM_POOL_ALL | DAOS_ACL_PERM_CONT_ALL)

/** A list. */
struct daos_acl {
	uint16_t dal_ver;    /**< DAOS_ACL_VERSION */
	uint16_t dal_reserv; /**< 0 */
	uint32_t dal_len;    /**< bytes of dal_ace */
	uint8_t dal_ace[];   /**< entries: walk them with daos_acl_get_next_ace() */
};

/** An entry. */
struct daos_ace {
	uint8_t dae_access_types;   /**< enum daos_acl_access_type bits */
	uint8_t dae_principal_type; /**< enum daos_acl_principal_type */
	uint16_t dae_principal_len; /**< bytes of dae_principal: NUL and padding to 8 included; 0: none */
	uint16_t dae_access_flags;  /**< enum daos_acl_flags bits */
	uint16_t dae_reserv;        /**< 0 */
	uint64_t dae_allow_perms;   /**< enum daos_acl_perm bits for each access type */
	uint64_t dae_audit_perms;
	uint64_t dae_alarm_perms;
	char dae_principal[]; /**< "name@" of users and groups */
};

/* ---- lists --------------------------------------------------------------------------------------------------- */

/**
 * A new list with copies of entries, put into order.
 *
 * \param[in]	aces		entries, each valid, no two for the same principal
 * \param[in]	num_aces	their number; 0: an empty list
 * \return			the list, freed with daos_acl_free(); NULL: bad entries, or no memory
 */
struct daos_acl *daos_acl_create(struct daos_ace *aces[], uint16_t num_aces);

/** A copy, freed with daos_acl_free(); NULL: not a list, or no memory. */
struct daos_acl *daos_acl_dup(struct daos_acl *acl);

void daos_acl_free(struct daos_acl *acl);

/** Bytes of a list with its header, or -DER_INVAL. */
ssize_t daos_acl_get_size(struct daos_acl *acl);

/** The entry behind current_ace, the first for NULL; NULL: no more, or the list is damaged. Part of the list. */
struct daos_ace *daos_acl_get_next_ace(struct daos_acl *acl, struct daos_ace *current_ace);

/**
 * Finds the entry of a principal.
 *
 * \param[in]	acl		list
 * \param[in]	type		kind of principal
 * \param[in]	principal	"name@" for users and groups, else not looked at
 * \param[out]	ace		the entry, part of the list
 * \return			0; -DER_NONEXIST; -DER_INVAL
 */
int daos_acl_get_ace_for_principal(struct daos_acl *acl, enum daos_acl_principal_type type, const char *principal,
				   struct daos_ace **ace);

/**
 * Adds a copy of an entry at its place; one for the same principal is replaced.
 *
 * \param[in,out] acl		list, may be allocated anew
 * \param[in]	new_ace		valid entry
 * \return			0; -DER_INVAL; -DER_NOMEM
 */
int daos_acl_add_ace(struct daos_acl **acl, struct daos_ace *new_ace);

/**
 * Removes the entry of a principal.
 *
 * \param[in,out] acl			list, may be allocated anew
 * \param[in]	type			kind of principal
 * \param[in]	principal_name		"name@" for users and groups, else not looked at
 * \return				0; -DER_NONEXIST; -DER_INVAL; -DER_NOMEM
 */
int daos_acl_remove_ace(struct daos_acl **acl, enum daos_acl_principal_type type, const char *principal_name);

/** Prints a list to the standard output, for people. */
void daos_acl_dump(struct daos_acl *acl);

/** 0 when a list and all its entries are valid and in order, else -DER_INVAL. */
int daos_acl_validate(struct daos_acl *acl);

/* ---- entries ------------------------------------------------------------------------------------------------- */

/**
 * A new entry that grants nothing.
 *
 * \param[in]	type		kind of principal
 * \param[in]	principal_name	"name@" for users and groups, else not looked at
 * \return			the entry, freed with daos_ace_free(); NULL: bad type or name, or no memory
 */
struct daos_ace *daos_ace_create(enum daos_acl_principal_type type, const char *principal_name);

void daos_ace_free(struct daos_ace *ace);

/** Bytes of an entry with its principal, or -DER_INVAL. */
ssize_t daos_ace_get_size(struct daos_ace *ace);

/** Prints an entry to the standard output with tabs before it, for people. */
void daos_ace_dump(struct daos_ace *ace, uint32_t tabs);

/** Whether types, flags, principal and permissions of an entry fit each other. */
bool daos_ace_is_valid(struct daos_ace *ace);

/* ---- principals ---------------------------------------------------------------------------------------------- */

/** Whether name is "user@", "group@" or "name@domain" with at most DAOS_ACL_MAX_PRINCIPAL_LEN characters. */
bool daos_acl_principal_is_valid(const char *name);

/** The principal "name@" of a user id, freed by the caller. 0; -DER_NONEXIST: unknown to the system; -DER_NOMEM. */
int daos_acl_uid_to_principal(uid_t uid, char **name);

/** The principal "name@" of a group id, freed by the caller. Errors as daos_acl_uid_to_principal(). */
int daos_acl_gid_to_principal(gid_t gid, char **name);

/** The user id of a principal. 0; -DER_NONEXIST: unknown to the system; -DER_INVAL: not a principal. */
int daos_acl_principal_to_uid(const char *principal, uid_t *uid);

/** The group id of a principal. Errors as daos_acl_principal_to_uid(). */
int daos_acl_principal_to_gid(const char *principal, gid_t *gid);

/** The principal of an entry as text: its name, or "OWNER@", "GROUP@", "EVERYONE@". NULL: not an entry. */
const char *daos_ace_get_principal_str(struct daos_ace *ace);

/* ---- text ---------------------------------------------------------------------------------------------------- */

/** A new entry from text, freed with daos_ace_free(). 0; -DER_INVAL; -DER_NOMEM. */
int daos_ace_from_str(const char *str, struct daos_ace **ace);

/**
 * Writes an entry as text.
 *
 * \param[in]	ace	entry
 * \param[out]	buf	text with its NUL; DAOS_ACL_MAX_ACE_STR_LEN + 1 bytes always suffice
 * \param[in]	buf_len	bytes at buf
 * \return		0; -DER_TRUNC: cut off to fit; -DER_INVAL: not an entry, or one that text cannot express
 */
int daos_ace_to_str(struct daos_ace *ace, char *buf, size_t buf_len);

/** Writes the words for an entry given as text, e.g. "Allow::Owner:Read/Write". 0; -DER_TRUNC; -DER_INVAL. */
int daos_ace_str_get_verbose(const char *ace_str, char *buf, size_t buf_len);

/** A new list from texts, freed with daos_acl_free(). 0; -DER_INVAL; -DER_NOMEM. */
int daos_acl_from_strs(const char **ace_strs, size_t ace_nr, struct daos_acl **acl);

/**
 * All entries of a list as texts.
 *
 * \param[in]	acl		list
 * \param[out]	ace_strs	array of texts; the caller frees each and the array
 * \param[out]	ace_nr		their number
 * \return			0; -DER_INVAL; -DER_NOMEM
 */
int daos_acl_to_strs(struct daos_acl *acl, char ***ace_strs, size_t *ace_nr);

/**
 * Reads a principal: "u:name@", "g:name@", "OWNER@", "GROUP@" or "EVERYONE@".
 *
 * \param[in]	principal_str	text
 * \param[out]	type		its kind
 * \param[out]	name		"name@" of users and groups, freed by the caller; else NULL
 * \return			0; -DER_INVAL; -DER_NOMEM
 */
int daos_acl_principal_from_str(const char *principal_str, enum daos_acl_principal_type *type, char **name);

/** Writes all entries of a list as lines; verbose: each after a comment line with its words. 0; -DER_INVAL; -DER_IO. */
int daos_acl_to_stream(FILE *stream, struct daos_acl *acl, bool verbose);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
