/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pure/acl: access control lists: who may do what with a pool or a container. The structures, numbers and the text form are
 * those of <daos_security.h>; here are their rules, without files, names of the system or memory of their own.
 *
 * Lists and entries that a function returns are freed with mem_free of the mem that was given. Lists that functions take
 * are valid (acl_check) unless it says otherwise; entries likewise (ace_check).
 */
#ifndef PURE_ACL_H
#define PURE_ACL_H

#include <daos_security.h>
#include "base/base.h"
#include "base/codec.h"
#include "base/text.h"

/* ---- entries ------------------------------------------------------------------------------------------------------ */

/** Bytes of an entry with its principal; the entry need not be valid beyond its header. */
static inline size_t
ace_size(const struct daos_ace *ace)
{
	return sizeof(*ace) + ace->dae_principal_len;
}

/** True for "name@" and "name@domain": one @, not first, at most 255 characters, no colon or control character. */
bool ace_principal_is_valid(const char *name);
/**
 * Whether types, flags, principal and permissions of an entry fit each other: 0 or -DER_INVAL. It lies within size bytes,
 * which may be hostile. Types may be none: the entry grants nothing. Audit and alarm need the flag of fail or success.
 */
int ace_check(const struct daos_ace *ace, size_t size);
/** A new entry that grants nothing. name: for users and groups, else not looked at. -DER_INVAL, -DER_NOMEM. */
int ace_create(struct mem *mem, enum daos_acl_principal_type type, const char *name, struct daos_ace **ace);
/** "OWNER@", "GROUP@", "EVERYONE@" or the name. */
const char *ace_principal(const struct daos_ace *ace);

/** Reads "TYPES:FLAGS:PRINCIPAL:PERMS". -DER_INVAL, -DER_NOMEM. */
int ace_parse(struct mem *mem, struct text_span text, struct daos_ace **ace);
/** Adds the entry as text. -DER_INVAL when text cannot express it (no type, or masks that differ between its types). */
int ace_print(const struct daos_ace *ace, struct strbuf *out);
/** Adds the same in words: "Allow::Owner:Read/Write". */
int ace_print_words(const struct daos_ace *ace, struct strbuf *out);
/**
 * Reads a principal: "u:name@", "g:name@", "OWNER@", "GROUP@", "EVERYONE@". name has room for
 * DAOS_ACL_MAX_PRINCIPAL_BUF_LEN characters and is empty for the last three. -DER_INVAL.
 */
int acl_principal_parse(const char *text, enum daos_acl_principal_type *type, char *name);

/* ---- lists -------------------------------------------------------------------------------------------------------- */

static inline size_t
acl_size(const struct daos_acl *acl)
{
	return sizeof(*acl) + acl->dal_len;
}

/** Whether size bytes, which may be hostile but are aligned to 8, begin with a valid list in order: 0 or -DER_INVAL. */
int acl_check(const struct daos_acl *acl, size_t size);
/** Whether every permission of the list makes sense for a pool, a container: 0 or -DER_INVAL. */
int acl_check_pool(const struct daos_acl *acl);
int acl_check_cont(const struct daos_acl *acl);

/** The entry behind ace, the first for NULL; NULL at the end. */
const struct daos_ace *acl_next(const struct daos_acl *acl, const struct daos_ace *ace);
/** The entry of a principal; name as for ace_create. NULL. */
const struct daos_ace *acl_find(const struct daos_acl *acl, enum daos_acl_principal_type type, const char *name);

/** A list of copies of entries, put into order. -DER_INVAL when two have the same principal or all are too long; -DER_NOMEM. */
int acl_create(struct mem *mem, const struct daos_ace *const *aces, size_t nr, struct daos_acl **acl);
int acl_copy(struct mem *mem, const struct daos_acl *acl, struct daos_acl **copy);
/** A list with the entry at its place, instead of one for the same principal. -DER_INVAL when too long; -DER_NOMEM. */
int acl_with(struct mem *mem, const struct daos_acl *acl, const struct daos_ace *ace, struct daos_acl **with);
/** A list with all entries of update put in like that. -DER_INVAL when too long; -DER_NOMEM. */
int acl_merge(struct mem *mem, const struct daos_acl *acl, const struct daos_acl *update, struct daos_acl **merged);
/** A list without the entry of a principal. -DER_NONEXIST; -DER_NOMEM. */
int acl_without(struct mem *mem, const struct daos_acl *acl, enum daos_acl_principal_type type, const char *name,
		struct daos_acl **without);
bool acl_equal(const struct daos_acl *a, const struct daos_acl *b);

/** What a pool (OWNER@ rw, GROUP@ rw) and a container (OWNER@ everything, GROUP@ rwtT) get when nothing is said. -DER_NOMEM. */
int acl_default_pool(struct mem *mem, struct daos_acl **acl);
int acl_default_cont(struct mem *mem, struct daos_acl **acl);

/* ---- text and bytes ----------------------------------------------------------------------------------------------- */

/**
 * Reads a list from the text of a file: an entry a line, empty lines and lines that begin with # left out. -DER_INVAL, and
 * the number of the line (from 1; 0 when it is not about one line) unless bad_line is NULL; -DER_NOMEM.
 */
int acl_parse(struct mem *mem, const char *text, size_t len, struct daos_acl **acl, int *bad_line);
/**
 * Adds the text of a file that acl_parse reads. owner, owner_group: for the comment lines in front, or NULL; words: a
 * comment in words before each entry. -DER_INVAL when text cannot express an entry.
 */
int acl_print(const struct daos_acl *acl, const char *owner, const char *owner_group, bool words, struct strbuf *out);

/** The list as bytes of its own format. */
void acl_pack(struct packer *packer, const struct daos_acl *acl);
/** Reads and checks hostile bytes; NULL and the unpacker's error when they are no valid list, or -DER_NOMEM. */
struct daos_acl *acl_unpack(struct mem *mem, struct unpacker *unpacker);

/* ---- decisions ---------------------------------------------------------------------------------------------------- */

/** Who asks, and whose it is; all as principals ("name@"). user and owners may be NULL: unknown, matches nothing. */
struct acl_who {
	const char *user;
	const char *const *groups;
	size_t group_nr;
	const char *owner, *owner_group;
};

/**
 * The permissions of a list: OWNER@'s if the owner asks and there is such an entry; else the user's by name; else all
 * those of groups that match, GROUP@ among them; else EVERYONE@'s; else none. acl may be NULL: no entries.
 */
uint64_t acl_perms(const struct daos_acl *acl, const struct acl_who *who);
/** The same, of a pool. */
uint64_t acl_perms_pool(const struct daos_acl *acl, const struct acl_who *who);
/** Of a container: its owner may always read and change the list. */
uint64_t acl_perms_cont(const struct daos_acl *acl, const struct acl_who *who);

/** What pool permissions amount to. */
static inline bool
acl_pool_can_read(uint64_t perms)
{
	return (perms & (DAOS_ACL_PERM_READ | DAOS_ACL_PERM_GET_PROP)) != 0;
}

static inline bool
acl_pool_can_create_cont(uint64_t perms)
{
	return (perms & (DAOS_ACL_PERM_WRITE | DAOS_ACL_PERM_CREATE_CONT)) != 0;
}

static inline bool
acl_pool_can_delete_cont(uint64_t perms)
{
	return (perms & (DAOS_ACL_PERM_WRITE | DAOS_ACL_PERM_DEL_CONT)) != 0;
}

#endif
