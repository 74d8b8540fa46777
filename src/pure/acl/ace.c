/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pure/acl: entries: rules and text.
 *
 *      A:G:staff@:rw        types A allow, U audit, L alarm      flags G group, P pool-inherit, F fail, S success
 *      | |   |    |         principal: name@, OWNER@, GROUP@, EVERYONE@
 *  types | principal        permissions r w c d t T a A o, the same for every type
 *      flags permissions
 *
 * Invariants
 *  I1  ace_check reads nothing beyond the size it was given.
 *  I2  A valid entry has one spelling: its principal is padded with zeros to a multiple of 8, reserved fields are 0, and
 *      masks of types that are not set are 0.
 *  I3  What ace_print writes, ace_parse reads as the same entry.
 */
#include "pure/acl/acl.h"

struct letter {
	char letter;
	uint16_t bit;
	const char *words;
};

static const struct letter type_letters[] = {
	{'A', DAOS_ACL_ACCESS_ALLOW, "Allow"},
	{'U', DAOS_ACL_ACCESS_AUDIT, "Audit"},
	{'L', DAOS_ACL_ACCESS_ALARM, "Alarm"},
};

static const struct letter flag_letters[] = {
	{'G', DAOS_ACL_FLAG_GROUP, "Group"},
	{'P', DAOS_ACL_FLAG_POOL_INHERIT, "Pool-Inherit"},
	{'F', DAOS_ACL_FLAG_ACCESS_FAIL, "Access-Fail"},
	{'S', DAOS_ACL_FLAG_ACCESS_SUCCESS, "Access-Success"},
};

static const struct letter perm_letters[] = {
	{'r', DAOS_ACL_PERM_READ, "Read"},           {'w', DAOS_ACL_PERM_WRITE, "Write"},
	{'c', DAOS_ACL_PERM_CREATE_CONT, "Create-Container"}, {'d', DAOS_ACL_PERM_DEL_CONT, "Delete-Container"},
	{'t', DAOS_ACL_PERM_GET_PROP, "Get-Prop"},   {'T', DAOS_ACL_PERM_SET_PROP, "Set-Prop"},
	{'a', DAOS_ACL_PERM_GET_ACL, "Get-ACL"},     {'A', DAOS_ACL_PERM_SET_ACL, "Set-ACL"},
	{'o', DAOS_ACL_PERM_SET_OWNER, "Set-Owner"},
};

static const struct {
	const char *name, *words;
} special[NUM_DAOS_ACL_TYPES] = {
	[DAOS_ACL_OWNER] = {DAOS_ACL_PRINCIPAL_OWNER, "Owner"},
	[DAOS_ACL_OWNER_GROUP] = {DAOS_ACL_PRINCIPAL_OWNER_GRP, "Owner-Group"},
	[DAOS_ACL_EVERYONE] = {DAOS_ACL_PRINCIPAL_EVERYONE, "Everyone"},
};

static bool
has_name(unsigned int type)
{
	return type == DAOS_ACL_USER || type == DAOS_ACL_GROUP;
}

static bool
is_group(unsigned int type)
{
	return type == DAOS_ACL_GROUP || type == DAOS_ACL_OWNER_GROUP;
}

/* ---- rules -------------------------------------------------------------------------------------------------------- */

bool
ace_principal_is_valid(const char *name)
{
	size_t len = 0, ats = 0;

	if (name == NULL)
		return false;
	for (; name[len] != '\0'; len++) {
		unsigned char c = (unsigned char)name[len];

		if (len == DAOS_ACL_MAX_PRINCIPAL_LEN || c < ' ' || c == 0x7f || c == ':')
			return false;
		ats += c == '@';
	}
	return ats == 1 && name[0] != '@';
}

/* A name that can stand for a user or a group: valid, and none of the special ones. */
static bool
is_plain_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(special); i++)
		if (special[i].name != NULL && name != NULL && strcmp(name, special[i].name) == 0)
			return false;
	return ace_principal_is_valid(name);
}

/* Bytes of the principal field of a name. */
static size_t
padded_len(const char *name)
{
	return ALIGN_UP(strlen(name) + 1, 8);
}

static bool
principal_fits(const struct daos_ace *ace)
{
	size_t len = ace->dae_principal_len;

	if (!has_name(ace->dae_principal_type))
		return len == 0;
	if (len == 0 || memchr(ace->dae_principal, '\0', len) == NULL || !is_plain_name(ace->dae_principal) ||
	    len != padded_len(ace->dae_principal))
		return false;
	for (size_t i = strlen(ace->dae_principal); i < len; i++)
		if (ace->dae_principal[i] != '\0')
			return false;
	return true;
}

static bool
flags_fit(const struct daos_ace *ace)
{
	bool group = (ace->dae_access_flags & DAOS_ACL_FLAG_GROUP) != 0;
	bool tells = (ace->dae_access_types & (DAOS_ACL_ACCESS_AUDIT | DAOS_ACL_ACCESS_ALARM)) != 0;
	bool when = (ace->dae_access_flags & (DAOS_ACL_FLAG_ACCESS_FAIL | DAOS_ACL_FLAG_ACCESS_SUCCESS)) != 0;

	return (ace->dae_access_flags & ~DAOS_ACL_FLAG_ALL) == 0 && group == is_group(ace->dae_principal_type) &&
	       tells == when;
}

static bool
mask_fits(const struct daos_ace *ace, unsigned int type, uint64_t mask)
{
	return (mask & ~(uint64_t)DAOS_ACL_PERM_ALL) == 0 && (mask == 0 || (ace->dae_access_types & type) != 0);
}

int
ace_check(const struct daos_ace *ace, size_t size)
{
	bool fits;

	if (size < sizeof(*ace) || size < ace_size(ace))
		return -DER_INVAL;
	fits = (ace->dae_access_types & ~DAOS_ACL_ACCESS_ALL) == 0 && ace->dae_principal_type < NUM_DAOS_ACL_TYPES &&
	       ace->dae_reserv == 0 && principal_fits(ace) && flags_fit(ace) &&
	       mask_fits(ace, DAOS_ACL_ACCESS_ALLOW, ace->dae_allow_perms) &&
	       mask_fits(ace, DAOS_ACL_ACCESS_AUDIT, ace->dae_audit_perms) &&
	       mask_fits(ace, DAOS_ACL_ACCESS_ALARM, ace->dae_alarm_perms);
	return fits ? 0 : -DER_INVAL;
}

int
ace_create(struct mem *mem, enum daos_acl_principal_type type, const char *name, struct daos_ace **ace)
{
	size_t len = 0;

	if ((unsigned int)type >= NUM_DAOS_ACL_TYPES || (has_name(type) && !is_plain_name(name)))
		return -DER_INVAL;
	if (has_name(type))
		len = padded_len(name);
	*ace = mem_alloc(mem, sizeof(**ace) + len);
	if (*ace == NULL)
		return -DER_NOMEM;
	(*ace)->dae_principal_type = (uint8_t)type;
	(*ace)->dae_principal_len = (uint16_t)len;
	if (is_group(type))
		(*ace)->dae_access_flags = DAOS_ACL_FLAG_GROUP;
	if (has_name(type))
		memcpy((*ace)->dae_principal, name, strlen(name));
	return 0;
}

const char *
ace_principal(const struct daos_ace *ace)
{
	return has_name(ace->dae_principal_type) ? ace->dae_principal : special[ace->dae_principal_type].name;
}

/* ---- text --------------------------------------------------------------------------------------------------------- */

static int
parse_letters(struct text_span text, const struct letter *letters, size_t nr, uint16_t *bits)
{
	*bits = 0;
	for (size_t i = 0; i < text.len; i++) {
		size_t k = 0;

		while (k < nr && letters[k].letter != text.at[i])
			k++;
		if (k == nr)
			return -DER_INVAL;
		*bits |= letters[k].bit;
	}
	return 0;
}

/* The type that a principal has as text; name is copied for users and groups, empty otherwise. */
static int
parse_principal(struct text_span text, bool group, enum daos_acl_principal_type *type, char *name)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(special); i++) {
		if (special[i].name != NULL && text_equal(text, special[i].name)) {
			*type = i;
			name[0] = '\0';
			return 0;
		}
	}
	*type = group ? DAOS_ACL_GROUP : DAOS_ACL_USER;
	if (text_copy(text, name, DAOS_ACL_MAX_PRINCIPAL_BUF_LEN) != 0 || !ace_principal_is_valid(name))
		return -DER_INVAL;
	return 0;
}

int
ace_parse(struct mem *mem, struct text_span text, struct daos_ace **ace)
{
	char name[DAOS_ACL_MAX_PRINCIPAL_BUF_LEN];
	enum daos_acl_principal_type type;
	struct text_span field[4], more;
	uint16_t types, flags, perms;
	int rc;

	if (text.len > DAOS_ACL_MAX_ACE_STR_LEN)
		return -DER_INVAL;
	for (size_t i = 0; i < ARRAY_SIZE(field); i++)
		if (!text_split(&text, ':', &field[i]))
			return -DER_INVAL;
	if (text_split(&text, ':', &more) || parse_letters(field[0], type_letters, ARRAY_SIZE(type_letters), &types) != 0 ||
	    types == 0 || parse_letters(field[1], flag_letters, ARRAY_SIZE(flag_letters), &flags) != 0 ||
	    parse_principal(field[2], flags & DAOS_ACL_FLAG_GROUP, &type, name) != 0 ||
	    parse_letters(field[3], perm_letters, ARRAY_SIZE(perm_letters), &perms) != 0)
		return -DER_INVAL;
	rc = ace_create(mem, type, name, ace);
	if (rc != 0)
		return rc;
	(*ace)->dae_access_types = (uint8_t)types;
	(*ace)->dae_access_flags = flags;
	(*ace)->dae_allow_perms = types & DAOS_ACL_ACCESS_ALLOW ? perms : 0;
	(*ace)->dae_audit_perms = types & DAOS_ACL_ACCESS_AUDIT ? perms : 0;
	(*ace)->dae_alarm_perms = types & DAOS_ACL_ACCESS_ALARM ? perms : 0;
	rc = ace_check(*ace, ace_size(*ace));
	if (rc != 0)
		mem_free(mem, *ace);
	return rc;
}

/* The mask that all types of the entry share; -DER_INVAL when there is no type or they differ. */
static int
shared_mask(const struct daos_ace *ace, uint64_t *mask)
{
	const uint64_t masks[] = {ace->dae_allow_perms, ace->dae_audit_perms, ace->dae_alarm_perms};
	bool seen = false;

	for (size_t i = 0; i < ARRAY_SIZE(type_letters); i++) {
		if ((ace->dae_access_types & type_letters[i].bit) == 0)
			continue;
		if (seen && masks[i] != *mask)
			return -DER_INVAL;
		*mask = masks[i];
		seen = true;
	}
	return seen ? 0 : -DER_INVAL;
}

static void
print_letters(struct strbuf *out, const struct letter *letters, size_t nr, uint64_t bits)
{
	for (size_t i = 0; i < nr; i++)
		if (bits & letters[i].bit)
			strbuf_add_char(out, letters[i].letter);
}

int
ace_print(const struct daos_ace *ace, struct strbuf *out)
{
	uint64_t mask = 0;
	int rc = shared_mask(ace, &mask);

	if (rc != 0)
		return rc;
	print_letters(out, type_letters, ARRAY_SIZE(type_letters), ace->dae_access_types);
	strbuf_add_char(out, ':');
	print_letters(out, flag_letters, ARRAY_SIZE(flag_letters), ace->dae_access_flags);
	strbuf_addf(out, ":%s:", ace_principal(ace));
	print_letters(out, perm_letters, ARRAY_SIZE(perm_letters), mask);
	return 0;
}

static void
print_words(struct strbuf *out, const struct letter *letters, size_t nr, uint64_t bits)
{
	const char *between = "";

	for (size_t i = 0; i < nr; i++) {
		if ((bits & letters[i].bit) == 0)
			continue;
		strbuf_addf(out, "%s%s", between, letters[i].words);
		between = "/";
	}
}

int
ace_print_words(const struct daos_ace *ace, struct strbuf *out)
{
	uint64_t mask = 0;
	int rc = shared_mask(ace, &mask);

	if (rc != 0)
		return rc;
	print_words(out, type_letters, ARRAY_SIZE(type_letters), ace->dae_access_types);
	strbuf_add_char(out, ':');
	print_words(out, flag_letters, ARRAY_SIZE(flag_letters), ace->dae_access_flags);
	strbuf_addf(out, ":%s:", has_name(ace->dae_principal_type) ? ace->dae_principal
								      : special[ace->dae_principal_type].words);
	if (mask == 0)
		strbuf_add(out, "No-Access");
	print_words(out, perm_letters, ARRAY_SIZE(perm_letters), mask);
	return 0;
}

int
acl_principal_parse(const char *text, enum daos_acl_principal_type *type, char *name)
{
	bool user = strncmp(text, "u:", 2) == 0, group = strncmp(text, "g:", 2) == 0;
	int rc = parse_principal(text_span_of(text + (user || group ? 2 : 0)), group, type, name);

	/* A prefix goes with a name and with nothing else: a list could not be read back otherwise. */
	if (rc == 0 && (user || group) != has_name(*type))
		rc = -DER_INVAL;
	return rc;
}
