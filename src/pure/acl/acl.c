/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pure/acl: lists: order, changes, files, bytes, decisions.
 *
 * A list in memory: struct daos_acl, then entries one behind the other, each a multiple of 8 bytes.
 * Packed: section { u16 version, u32 count, count x { u8 types, u8 principal type, u16 flags, u64 allow, u64 audit,
 * u64 alarm, string name (none unless user or group) } }.
 *
 * Invariants
 *  I1  In a valid list the entries are valid, in the order of their principal types, no two of one principal, and end
 *      exactly at dal_len <= 65536.
 *  I2  Entries of the same type keep the order in which they were added.
 *  I3  acl_check and acl_unpack read nothing beyond the bytes they were given, and take time and memory in proportion.
 */
#include "pure/acl/acl.h"

enum { ACE_PACKED_MIN = 1 + 1 + 2 + 3 * 8 + 4 };

/* ---- walking ------------------------------------------------------------------------------------------------------ */

const struct daos_ace *
acl_next(const struct daos_acl *acl, const struct daos_ace *ace)
{
	const uint8_t *at = ace == NULL ? acl->dal_ace : (const uint8_t *)ace + ace_size(ace);

	return at < acl->dal_ace + acl->dal_len ? (const struct daos_ace *)at : NULL;
}

static bool
same_principal(const struct daos_ace *a, const struct daos_ace *b)
{
	return a->dae_principal_type == b->dae_principal_type && a->dae_principal_len == b->dae_principal_len &&
	       memcmp(a->dae_principal, b->dae_principal, a->dae_principal_len) == 0;
}

const struct daos_ace *
acl_find(const struct daos_acl *acl, enum daos_acl_principal_type type, const char *name)
{
	const struct daos_ace *ace = NULL;

	while ((ace = acl_next(acl, ace)) != NULL) {
		if (ace->dae_principal_type != type)
			continue;
		if (ace->dae_principal_len == 0 || (name != NULL && strcmp(ace->dae_principal, name) == 0))
			return ace;
	}
	return NULL;
}

int
acl_check(const struct daos_acl *acl, size_t size)
{
	const struct daos_ace *ace, *before;
	size_t left, group_first = 0;

	if (size < sizeof(*acl) || acl->dal_ver != DAOS_ACL_VERSION || acl->dal_reserv != 0 ||
	    acl->dal_len > DAOS_ACL_MAX_ACE_LEN || acl->dal_len > size - sizeof(*acl))
		return -DER_INVAL;
	left = acl->dal_len;
	for (size_t at = 0; left > 0; at += ace_size(ace), left -= ace_size(ace)) {
		ace = (const struct daos_ace *)(acl->dal_ace + at);
		if (ace_check(ace, left) != 0)
			return -DER_INVAL;
		/* Only entries of the same type, which stand together, can have the same principal. */
		before = (const struct daos_ace *)(acl->dal_ace + group_first);
		if (before->dae_principal_type > ace->dae_principal_type)
			return -DER_INVAL;
		if (before->dae_principal_type < ace->dae_principal_type)
			group_first = at;
		for (before = (const struct daos_ace *)(acl->dal_ace + group_first); before != ace;
		     before = acl_next(acl, before))
			if (same_principal(before, ace))
				return -DER_INVAL;
	}
	return 0;
}

static int
check_perms(const struct daos_acl *acl, uint64_t all)
{
	const struct daos_ace *ace = NULL;

	while ((ace = acl_next(acl, ace)) != NULL)
		if ((ace->dae_allow_perms | ace->dae_audit_perms | ace->dae_alarm_perms) & ~all)
			return -DER_INVAL;
	return 0;
}

int
acl_check_pool(const struct daos_acl *acl)
{
	return check_perms(acl, DAOS_ACL_PERM_POOL_ALL);
}

int
acl_check_cont(const struct daos_acl *acl)
{
	return check_perms(acl, DAOS_ACL_PERM_CONT_ALL);
}

bool
acl_equal(const struct daos_acl *a, const struct daos_acl *b)
{
	return a->dal_len == b->dal_len && memcmp(a, b, acl_size(a)) == 0;
}

/* ---- making lists -------------------------------------------------------------------------------------------------- */

static int
new_list(struct mem *mem, size_t len, struct daos_acl **acl)
{
	if (len > DAOS_ACL_MAX_ACE_LEN)
		return -DER_INVAL;
	*acl = mem_alloc(mem, sizeof(**acl) + len);
	if (*acl == NULL)
		return -DER_NOMEM;
	(*acl)->dal_ver = DAOS_ACL_VERSION;
	return 0;
}

/* Puts a copy at the end; there is room. */
static void
append(struct daos_acl *acl, const struct daos_ace *ace)
{
	memcpy(acl->dal_ace + acl->dal_len, ace, ace_size(ace));
	acl->dal_len += (uint32_t)ace_size(ace);
}

int
acl_create(struct mem *mem, const struct daos_ace *const *aces, size_t nr, struct daos_acl **acl)
{
	size_t len = 0;
	int rc;

	for (size_t i = 0; i < nr && len <= DAOS_ACL_MAX_ACE_LEN; i++) {
		if (ace_check(aces[i], ace_size(aces[i])) != 0)
			return -DER_INVAL;
		len += ace_size(aces[i]);
	}
	rc = new_list(mem, len, acl);
	if (rc != 0)
		return rc;
	for (unsigned int type = 0; type < NUM_DAOS_ACL_TYPES; type++)
		for (size_t i = 0; i < nr; i++)
			if (aces[i]->dae_principal_type == type)
				append(*acl, aces[i]);
	/* Two of one principal: only the whole list shows it. */
	rc = acl_check(*acl, acl_size(*acl));
	if (rc != 0)
		mem_free(mem, *acl);
	return rc;
}

int
acl_copy(struct mem *mem, const struct daos_acl *acl, struct daos_acl **copy)
{
	int rc = new_list(mem, acl->dal_len, copy);

	if (rc == 0)
		memcpy(*copy, acl, acl_size(acl));
	return rc;
}

int
acl_with(struct mem *mem, const struct daos_acl *acl, const struct daos_ace *ace, struct daos_acl **with)
{
	const struct daos_ace *old = NULL, *at = NULL;
	size_t len = acl->dal_len + ace_size(ace);
	bool placed = false;
	int rc;

	while (old == NULL && (at = acl_next(acl, at)) != NULL)
		if (same_principal(at, ace))
			old = at;
	if (old != NULL)
		len -= ace_size(old);
	rc = new_list(mem, len, with);
	if (rc != 0)
		return rc;
	for (at = acl_next(acl, NULL); at != NULL; at = acl_next(acl, at)) {
		if (!placed && (at == old || (old == NULL && at->dae_principal_type > ace->dae_principal_type))) {
			append(*with, ace);
			placed = true;
		}
		if (at != old)
			append(*with, at);
	}
	if (!placed)
		append(*with, ace);
	return 0;
}

int
acl_merge(struct mem *mem, const struct daos_acl *acl, const struct daos_acl *update, struct daos_acl **merged)
{
	const struct daos_ace *ace;
	struct daos_acl *list, *next;
	int rc = acl_copy(mem, acl, &list);

	if (rc != 0)
		return rc;
	for (ace = acl_next(update, NULL); ace != NULL; ace = acl_next(update, ace)) {
		rc = acl_with(mem, list, ace, &next);
		mem_free(mem, list);
		if (rc != 0)
			return rc;
		list = next;
	}
	*merged = list;
	return 0;
}

int
acl_without(struct mem *mem, const struct daos_acl *acl, enum daos_acl_principal_type type, const char *name,
	    struct daos_acl **without)
{
	const struct daos_ace *gone = acl_find(acl, type, name), *ace;
	int rc;

	if (gone == NULL)
		return -DER_NONEXIST;
	rc = new_list(mem, acl->dal_len - ace_size(gone), without);
	if (rc != 0)
		return rc;
	for (ace = acl_next(acl, NULL); ace != NULL; ace = acl_next(acl, ace))
		if (ace != gone)
			append(*without, ace);
	return 0;
}

/* A list of an owner's and an owner group's entry. */
static int
owners_list(struct mem *mem, uint64_t owner_perms, uint64_t group_perms, struct daos_acl **acl)
{
	const struct daos_ace owner = {
		.dae_access_types = DAOS_ACL_ACCESS_ALLOW,
		.dae_principal_type = DAOS_ACL_OWNER,
		.dae_allow_perms = owner_perms,
	};
	const struct daos_ace group = {
		.dae_access_types = DAOS_ACL_ACCESS_ALLOW,
		.dae_principal_type = DAOS_ACL_OWNER_GROUP,
		.dae_access_flags = DAOS_ACL_FLAG_GROUP,
		.dae_allow_perms = group_perms,
	};
	const struct daos_ace *const aces[] = {&owner, &group};

	return acl_create(mem, aces, ARRAY_SIZE(aces), acl);
}

int
acl_default_pool(struct mem *mem, struct daos_acl **acl)
{
	const uint64_t perms = DAOS_ACL_PERM_READ | DAOS_ACL_PERM_WRITE;

	return owners_list(mem, perms, perms, acl);
}

int
acl_default_cont(struct mem *mem, struct daos_acl **acl)
{
	return owners_list(mem, DAOS_ACL_PERM_CONT_ALL,
			   DAOS_ACL_PERM_READ | DAOS_ACL_PERM_WRITE | DAOS_ACL_PERM_GET_PROP | DAOS_ACL_PERM_SET_PROP, acl);
}

/* ---- text --------------------------------------------------------------------------------------------------------- */

int
acl_parse(struct mem *mem, const char *text, size_t len, struct daos_acl **acl, int *bad_line)
{
	struct text_span rest = {.at = text, .len = len}, line;
	struct daos_acl *list, *next;
	int number = 0, rc = new_list(mem, 0, &list);

	while (rc == 0 && text_split(&rest, '\n', &line)) {
		struct daos_ace *ace;

		number++;
		line = text_trim(line);
		if (line.len == 0 || line.at[0] == '#')
			continue;
		rc = ace_parse(mem, line, &ace);
		if (rc != 0)
			break;
		/* The second entry of a principal is a mistake, not a correction. */
		rc = acl_find(list, ace->dae_principal_type, ace_principal(ace)) != NULL ? -DER_INVAL
										   : acl_with(mem, list, ace, &next);
		mem_free(mem, ace);
		if (rc != 0)
			break;
		mem_free(mem, list);
		list = next;
	}
	if (rc == 0) {
		*acl = list;
		return 0;
	}
	if (rc != -DER_NOMEM || number > 0)
		mem_free(mem, list);
	if (bad_line != NULL)
		*bad_line = rc == -DER_INVAL ? number : 0;
	return rc;
}

int
acl_print(const struct daos_acl *acl, const char *owner, const char *owner_group, bool words, struct strbuf *out)
{
	const struct daos_ace *ace = acl_next(acl, NULL);
	int rc = 0;

	if (owner != NULL)
		strbuf_addf(out, "# Owner: %s\n", owner);
	if (owner_group != NULL)
		strbuf_addf(out, "# Owner Group: %s\n", owner_group);
	strbuf_addf(out, "# Entries:\n%s", ace == NULL ? "#   None\n" : "");
	for (; rc == 0 && ace != NULL; ace = acl_next(acl, ace)) {
		if (words) {
			strbuf_add(out, "# ");
			rc = ace_print_words(ace, out);
			strbuf_add_char(out, '\n');
		}
		if (rc == 0)
			rc = ace_print(ace, out);
		strbuf_add_char(out, '\n');
	}
	return rc;
}

/* ---- bytes -------------------------------------------------------------------------------------------------------- */

void
acl_pack(struct packer *packer, const struct daos_acl *acl)
{
	const struct daos_ace *ace;
	size_t mark = pack_section_begin(packer), nr = 0;

	for (ace = acl_next(acl, NULL); ace != NULL; ace = acl_next(acl, ace))
		nr++;
	pack_u16(packer, acl->dal_ver);
	pack_count(packer, nr);
	for (ace = acl_next(acl, NULL); ace != NULL; ace = acl_next(acl, ace)) {
		pack_u8(packer, ace->dae_access_types);
		pack_u8(packer, ace->dae_principal_type);
		pack_u16(packer, ace->dae_access_flags);
		pack_u64(packer, ace->dae_allow_perms);
		pack_u64(packer, ace->dae_audit_perms);
		pack_u64(packer, ace->dae_alarm_perms);
		pack_string(packer, ace->dae_principal_len > 0 ? ace->dae_principal : NULL);
	}
	pack_section_end(packer, mark);
}

/* Unpacks one entry behind those that list has; there is room for room bytes of entries in all. */
static void
unpack_ace(struct unpacker *unpacker, struct daos_acl *list, size_t room)
{
	struct daos_ace *ace = (struct daos_ace *)(list->dal_ace + list->dal_len);
	struct daos_ace head = {
		.dae_access_types = unpack_u8(unpacker),
		.dae_principal_type = unpack_u8(unpacker),
		.dae_access_flags = unpack_u16(unpacker),
		.dae_allow_perms = unpack_u64(unpacker),
		.dae_audit_perms = unpack_u64(unpacker),
		.dae_alarm_perms = unpack_u64(unpacker),
	};
	const char *name = unpack_string(unpacker);
	size_t len = name != NULL ? strlen(name) : 0, padded = name != NULL ? ALIGN_UP(len + 1, 8) : 0;

	if (unpacker_rc(unpacker) != 0)
		return;
	if (len > DAOS_ACL_MAX_PRINCIPAL_LEN || sizeof(head) + padded > room - list->dal_len) {
		unpacker_fail(unpacker, -DER_PROTO);
		return;
	}
	head.dae_principal_len = (uint16_t)padded;
	memcpy(ace, &head, sizeof(head));
	if (len > 0)
		memcpy(ace->dae_principal, name, len);
	list->dal_len += (uint32_t)(sizeof(head) + padded);
}

struct daos_acl *
acl_unpack(struct mem *mem, struct unpacker *unpacker)
{
	struct unpacker inner;
	struct daos_acl *list;
	uint32_t nr;
	size_t room;
	int rc;

	unpack_section(unpacker, &inner);
	if (unpack_u16(&inner) != DAOS_ACL_VERSION)
		unpacker_fail(&inner, -DER_PROTO);
	/* An entry in memory takes at most 8 bytes of padding more than it does packed. */
	room = MIN(unpacker_left(&inner) * 2, (size_t)DAOS_ACL_MAX_ACE_LEN);
	nr = unpack_count(&inner, ACE_PACKED_MIN);
	rc = unpacker_rc(&inner);
	if (rc == 0)
		rc = new_list(mem, room, &list);
	if (rc != 0) {
		unpacker_fail(unpacker, rc);
		return NULL;
	}
	for (uint32_t i = 0; i < nr && unpacker_rc(&inner) == 0; i++)
		unpack_ace(&inner, list, room);
	rc = unpacker_finish(&inner);
	if (rc == 0 && acl_check(list, acl_size(list)) != 0)
		rc = -DER_PROTO;
	if (rc != 0) {
		unpacker_fail(unpacker, rc);
		mem_free(mem, list);
		return NULL;
	}
	return list;
}

/* ---- decisions ---------------------------------------------------------------------------------------------------- */

static bool
is_same(const char *a, const char *b)
{
	return a != NULL && b != NULL && strcmp(a, b) == 0;
}

static bool
in_group(const struct acl_who *who, const char *group)
{
	for (size_t i = 0; i < who->group_nr; i++)
		if (is_same(who->groups[i], group))
			return true;
	return false;
}

/* The union of the group entries that match; false when none does. */
static bool
group_perms(const struct daos_acl *acl, const struct acl_who *who, uint64_t *perms)
{
	const struct daos_ace *ace = NULL;
	bool found = false;

	*perms = 0;
	while ((ace = acl_next(acl, ace)) != NULL) {
		const char *group = ace->dae_principal;

		if (ace->dae_principal_type == DAOS_ACL_OWNER_GROUP)
			group = who->owner_group;
		else if (ace->dae_principal_type != DAOS_ACL_GROUP)
			continue;
		if (in_group(who, group)) {
			*perms |= ace->dae_allow_perms;
			found = true;
		}
	}
	return found;
}

uint64_t
acl_perms(const struct daos_acl *acl, const struct acl_who *who)
{
	const struct daos_ace *ace;
	uint64_t perms;

	if (acl == NULL)
		return 0;
	if (is_same(who->user, who->owner)) {
		ace = acl_find(acl, DAOS_ACL_OWNER, NULL);
		if (ace != NULL)
			return ace->dae_allow_perms;
	}
	ace = acl_find(acl, DAOS_ACL_USER, who->user);
	if (ace != NULL)
		return ace->dae_allow_perms;
	if (group_perms(acl, who, &perms))
		return perms;
	ace = acl_find(acl, DAOS_ACL_EVERYONE, NULL);
	return ace != NULL ? ace->dae_allow_perms : 0;
}

uint64_t
acl_perms_pool(const struct daos_acl *acl, const struct acl_who *who)
{
	return acl_perms(acl, who) & DAOS_ACL_PERM_POOL_ALL;
}

uint64_t
acl_perms_cont(const struct daos_acl *acl, const struct acl_who *who)
{
	uint64_t perms = acl_perms(acl, who) & DAOS_ACL_PERM_CONT_ALL;

	if (is_same(who->user, who->owner))
		perms |= DAOS_ACL_PERM_GET_ACL | DAOS_ACL_PERM_SET_ACL;
	return perms;
}
