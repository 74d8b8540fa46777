/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libdaos_common: access control lists, over pure/acl, in the process's heap. Lists come from programs: each call
 * checks the one it is given, as far as it relies on it.
 */
#include "pure/acl/acl.h"
#include "heap.h"

static bool
acl_is_sound(const struct daos_acl *acl)
{
	return acl != NULL && acl_check(acl, acl_size(acl)) == 0;
}

static bool
ace_is_sound(const struct daos_ace *ace)
{
	return ace != NULL && ace_check(ace, ace_size(ace)) == 0;
}

/** Whether a kind of principal, with the name that it needs, can be looked for. */
static bool
principal_is_sound(enum daos_acl_principal_type type, const char *name)
{
	if ((unsigned int)type >= NUM_DAOS_ACL_TYPES)
		return false;
	return (type != DAOS_ACL_USER && type != DAOS_ACL_GROUP) || ace_principal_is_valid(name != NULL ? name : "");
}

/* ---- entries ---------------------------------------------------------------------------------------------------- */

struct daos_ace *
daos_ace_create(enum daos_acl_principal_type type, const char *principal_name)
{
	struct daos_ace *ace;

	if (!principal_is_sound(type, principal_name))
		return NULL;
	return ace_create(lib__heap(), type, principal_name, &ace) == 0 ? ace : NULL;
}

void
daos_ace_free(struct daos_ace *ace)
{
	mem_free(lib__heap(), ace);
}

ssize_t
daos_ace_get_size(struct daos_ace *ace)
{
	return ace == NULL ? -DER_INVAL : (ssize_t)ace_size(ace);
}

bool
daos_ace_is_valid(struct daos_ace *ace)
{
	return ace_is_sound(ace);
}

bool
daos_acl_principal_is_valid(const char *name)
{
	return name != NULL && ace_principal_is_valid(name);
}

const char *
daos_ace_get_principal_str(struct daos_ace *ace)
{
	return ace == NULL ? NULL : ace_principal(ace);
}

int
daos_ace_from_str(const char *str, struct daos_ace **ace)
{
	if (str == NULL || ace == NULL)
		return -DER_INVAL;
	return ace_parse(lib__heap(), text_span_of(str), ace);
}

int
daos_ace_to_str(struct daos_ace *ace, char *buf, size_t buf_len)
{
	struct strbuf text;
	int rc;

	if (!ace_is_sound(ace) || buf == NULL || buf_len == 0)
		return -DER_INVAL;
	strbuf_init_fixed(&text, buf, buf_len);
	rc = ace_print(ace, &text);
	return rc != 0 ? rc : text.rc;
}

int
daos_ace_str_get_verbose(const char *ace_str, char *buf, size_t buf_len)
{
	struct daos_ace *ace;
	struct strbuf text;
	int rc;

	if (ace_str == NULL || buf == NULL || buf_len == 0)
		return -DER_INVAL;
	rc = daos_ace_from_str(ace_str, &ace);
	if (rc != 0)
		return rc;
	strbuf_init_fixed(&text, buf, buf_len);
	rc = ace_print_words(ace, &text);
	daos_ace_free(ace);
	return rc != 0 ? rc : text.rc;
}

/* ---- lists ------------------------------------------------------------------------------------------------------ */

struct daos_acl *
daos_acl_create(struct daos_ace *aces[], uint16_t num_aces)
{
	struct daos_acl *acl;
	int i;

	if (aces == NULL && num_aces != 0)
		return NULL;
	for (i = 0; i < num_aces; i++) {
		if (!ace_is_sound(aces[i]))
			return NULL;
	}
	return acl_create(lib__heap(), (const struct daos_ace *const *)aces, num_aces, &acl) == 0 ? acl : NULL;
}

struct daos_acl *
daos_acl_dup(struct daos_acl *acl)
{
	struct daos_acl *copy;

	if (acl == NULL || acl->dal_len > DAOS_ACL_MAX_ACE_LEN)
		return NULL;
	return acl_copy(lib__heap(), acl, &copy) == 0 ? copy : NULL;
}

void
daos_acl_free(struct daos_acl *acl)
{
	mem_free(lib__heap(), acl);
}

ssize_t
daos_acl_get_size(struct daos_acl *acl)
{
	return acl == NULL ? -DER_INVAL : (ssize_t)acl_size(acl);
}

int
daos_acl_validate(struct daos_acl *acl)
{
	return acl_is_sound(acl) ? 0 : -DER_INVAL;
}

struct daos_ace *
daos_acl_get_next_ace(struct daos_acl *acl, struct daos_ace *current_ace)
{
	const uint8_t *next, *end;

	if (acl == NULL)
		return NULL;
	next = acl->dal_ace;
	end = next + acl->dal_len;
	if (current_ace != NULL) {
		if ((const uint8_t *)current_ace < next || (const uint8_t *)current_ace >= end)
			return NULL;
		next = (const uint8_t *)current_ace + ace_size(current_ace);
	}
	if (next > end || (size_t)(end - next) < sizeof(struct daos_ace) ||
	    (size_t)(end - next) < ace_size((const struct daos_ace *)next))
		return NULL;
	return (struct daos_ace *)next;
}

int
daos_acl_get_ace_for_principal(struct daos_acl *acl, enum daos_acl_principal_type type, const char *principal,
			       struct daos_ace **ace)
{
	if (!acl_is_sound(acl) || ace == NULL || !principal_is_sound(type, principal))
		return -DER_INVAL;
	*ace = (struct daos_ace *)acl_find(acl, type, principal);
	return *ace == NULL ? -DER_NONEXIST : 0;
}

int
daos_acl_add_ace(struct daos_acl **acl, struct daos_ace *new_ace)
{
	struct daos_acl *with;
	int rc;

	if (acl == NULL || !acl_is_sound(*acl) || !ace_is_sound(new_ace))
		return -DER_INVAL;
	rc = acl_with(lib__heap(), *acl, new_ace, &with);
	if (rc != 0)
		return rc;
	daos_acl_free(*acl);
	*acl = with;
	return 0;
}

int
daos_acl_remove_ace(struct daos_acl **acl, enum daos_acl_principal_type type, const char *principal_name)
{
	struct daos_acl *without;
	int rc;

	if (acl == NULL || !acl_is_sound(*acl) || !principal_is_sound(type, principal_name))
		return -DER_INVAL;
	rc = acl_without(lib__heap(), *acl, type, principal_name, &without);
	if (rc != 0)
		return rc;
	daos_acl_free(*acl);
	*acl = without;
	return 0;
}

/* ---- text ------------------------------------------------------------------------------------------------------- */

int
daos_acl_principal_from_str(const char *principal_str, enum daos_acl_principal_type *type, char **name)
{
	char buf[DAOS_ACL_MAX_PRINCIPAL_BUF_LEN];
	int rc;

	if (principal_str == NULL || type == NULL || name == NULL)
		return -DER_INVAL;
	rc = acl_principal_parse(principal_str, type, buf);
	if (rc != 0)
		return rc;
	*name = NULL;
	if (buf[0] != '\0') {
		*name = mem_strdup(lib__heap(), buf);
		if (*name == NULL)
			return -DER_NOMEM;
	}
	return 0;
}

int
daos_acl_from_strs(const char **ace_strs, size_t ace_nr, struct daos_acl **acl)
{
	struct daos_ace **aces;
	size_t nr = 0;
	int rc = 0;

	if (ace_strs == NULL || ace_nr == 0 || ace_nr > UINT16_MAX || acl == NULL)
		return -DER_INVAL;
	aces = MEM_NEW_ARRAY(lib__heap(), struct daos_ace *, ace_nr);
	if (aces == NULL)
		return -DER_NOMEM;
	while (rc == 0 && nr < ace_nr) {
		rc = daos_ace_from_str(ace_strs[nr], &aces[nr]);
		nr += rc == 0;
	}
	if (rc == 0)
		rc = acl_create(lib__heap(), (const struct daos_ace *const *)aces, nr, acl);
	while (nr > 0)
		daos_ace_free(aces[--nr]);
	mem_free(lib__heap(), aces);
	return rc;
}

static void
free_strs(char **strs, size_t nr)
{
	while (nr > 0)
		mem_free(lib__heap(), strs[--nr]);
	mem_free(lib__heap(), strs);
}

int
daos_acl_to_strs(struct daos_acl *acl, char ***ace_strs, size_t *ace_nr)
{
	const struct daos_ace *ace = NULL;
	size_t nr = 0, at = 0;
	struct strbuf text;
	char **strs;
	int rc = 0;

	if (!acl_is_sound(acl) || ace_strs == NULL || ace_nr == NULL)
		return -DER_INVAL;
	while ((ace = acl_next(acl, ace)) != NULL)
		nr++;
	strs = MEM_NEW_ARRAY(lib__heap(), char *, nr + 1);
	if (strs == NULL)
		return -DER_NOMEM;
	while (rc == 0 && (ace = acl_next(acl, ace)) != NULL) {
		strbuf_init(&text, lib__heap());
		rc = ace_print(ace, &text);
		if (rc == 0)
			rc = strbuf_take(&text, &strs[at]);
		strbuf_fini(&text);
		at += rc == 0;
	}
	if (rc != 0) {
		free_strs(strs, at);
		return rc;
	}
	*ace_strs = strs;
	*ace_nr = nr;
	return 0;
}

int
daos_acl_to_stream(FILE *stream, struct daos_acl *acl, bool verbose)
{
	struct strbuf text;
	int rc;

	if (stream == NULL || !acl_is_sound(acl))
		return -DER_INVAL;
	strbuf_init(&text, lib__heap());
	rc = acl_print(acl, NULL, NULL, verbose, &text);
	if (rc == 0)
		rc = text.rc;
	if (rc == 0 && fputs(strbuf_text(&text), stream) < 0)
		rc = -DER_IO;
	strbuf_fini(&text);
	return rc;
}

void
daos_ace_dump(struct daos_ace *ace, uint32_t tabs)
{
	uint32_t i;

	for (i = 0; i < tabs; i++)
		fputc('\t', stdout);
	if (!ace_is_sound(ace)) {
		fputs("no valid entry\n", stdout);
		return;
	}
	printf("principal %s, types 0x%x, flags 0x%x, allow 0x%llx, audit 0x%llx, alarm 0x%llx\n", ace_principal(ace),
	       ace->dae_access_types, ace->dae_access_flags, (unsigned long long)ace->dae_allow_perms,
	       (unsigned long long)ace->dae_audit_perms, (unsigned long long)ace->dae_alarm_perms);
}

void
daos_acl_dump(struct daos_acl *acl)
{
	struct daos_ace *ace = NULL;

	if (acl == NULL) {
		fputs("no list\n", stdout);
		return;
	}
	printf("version %u, %u bytes of entries:\n", acl->dal_ver, acl->dal_len);
	while ((ace = daos_acl_get_next_ace(acl, ace)) != NULL)
		daos_ace_dump(ace, 1);
}
