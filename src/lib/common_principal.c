/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libdaos_common: principals and the users and groups of this system. "name@" and "name@domain" stand for "name".
 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <daos_security.h>
#include "base/errmap.h"
#include "pure/acl/acl.h"
#include "heap.h"

/** Bytes with which the system is asked about a user or group at first, and at most. */
#define RECORD_SIZE 1024
#define RECORD_SIZE_MAX (1024 * 1024)

/** A look-up in the system's tables: 0, ERANGE when buf is too small, or another errno; *found when there is one. */
typedef int (*lookup_fn)(const void *key, char *buf, size_t size, bool *found, void *result);

/** Looks up with more and more room. -DER_NONEXIST; -DER_NOMEM; others. */
static int
lookup(lookup_fn fn, const void *key, void *result)
{
	size_t size;

	for (size = RECORD_SIZE; size <= RECORD_SIZE_MAX; size *= 2) {
		bool found = false;
		char *buf = malloc(size);
		int rc;

		if (buf == NULL)
			return -DER_NOMEM;
		rc = fn(key, buf, size, &found, result);
		free(buf);
		if (rc == ERANGE)
			continue;
		if (found)
			return 0;
		return rc == 0 || rc == ENOENT || rc == ESRCH || rc == EBADF || rc == EPERM ? -DER_NONEXIST : err_from_errno(rc);
	}
	return -DER_NOMEM;
}

/** The principal of a name, in the heap; NULL without memory. */
static char *
principal_of(const char *name)
{
	size_t len = strlen(name);
	char *text = mem_alloc(lib__heap(), len + 2);

	if (text != NULL) {
		memcpy(text, name, len); /* NOLINT(bugprone-not-null-terminated-result): mem_alloc gave zeros */
		text[len] = '@';
	}
	return text;
}

static int
user_by_id(const void *key, char *buf, size_t size, bool *found, void *result)
{
	struct passwd record, *got;
	int rc = getpwuid_r(*(const uid_t *)key, &record, buf, size, &got);

	*found = rc == 0 && got != NULL;
	if (*found)
		*(char **)result = principal_of(got->pw_name);
	return rc;
}

static int
user_by_name(const void *key, char *buf, size_t size, bool *found, void *result)
{
	struct passwd record, *got;
	int rc = getpwnam_r(key, &record, buf, size, &got);

	*found = rc == 0 && got != NULL;
	if (*found)
		*(uid_t *)result = got->pw_uid;
	return rc;
}

static int
group_by_id(const void *key, char *buf, size_t size, bool *found, void *result)
{
	struct group record, *got;
	int rc = getgrgid_r(*(const gid_t *)key, &record, buf, size, &got);

	*found = rc == 0 && got != NULL;
	if (*found)
		*(char **)result = principal_of(got->gr_name);
	return rc;
}

static int
group_by_name(const void *key, char *buf, size_t size, bool *found, void *result)
{
	struct group record, *got;
	int rc = getgrnam_r(key, &record, buf, size, &got);

	*found = rc == 0 && got != NULL;
	if (*found)
		*(gid_t *)result = got->gr_gid;
	return rc;
}

/** From a number to an allocated principal. */
static int
to_principal(lookup_fn fn, const void *id, char **name)
{
	char *principal = NULL;
	int rc;

	if (name == NULL)
		return -DER_INVAL;
	rc = lookup(fn, id, &principal);
	if (rc == 0 && principal == NULL)
		rc = -DER_NOMEM;
	if (rc == 0)
		*name = principal;
	return rc;
}

/** From a principal to a number. */
static int
from_principal(lookup_fn fn, const char *principal, void *id)
{
	char name[DAOS_ACL_MAX_PRINCIPAL_BUF_LEN];
	size_t len;

	if (principal == NULL || id == NULL || !ace_principal_is_valid(principal))
		return -DER_INVAL;
	len = strcspn(principal, "@");
	memcpy(name, principal, len);
	name[len] = '\0';
	return lookup(fn, name, id);
}

int
daos_acl_uid_to_principal(uid_t uid, char **name)
{
	return to_principal(user_by_id, &uid, name);
}

int
daos_acl_gid_to_principal(gid_t gid, char **name)
{
	return to_principal(group_by_id, &gid, name);
}

int
daos_acl_principal_to_uid(const char *principal, uid_t *uid)
{
	return from_principal(user_by_name, principal, uid);
}

int
daos_acl_principal_to_gid(const char *principal, gid_t *gid)
{
	return from_principal(group_by_name, principal, gid);
}
