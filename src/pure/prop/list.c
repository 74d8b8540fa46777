/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pure/prop: lists of entries, and bytes.
 *
 * Packed entry: u32 type, u16 flags, then by kind: a number u64 | a string | an ACL as pure/acl packs it | ranks as a u32
 * array | four roots as u64 lo, u64 hi. An entry that says it has no value ends behind the flags.
 * Packed list: section { u32 count, entries }.
 *
 * Invariants
 *  I1  What unpacks has passed prop_check; unpack(pack(x)) equals x for every x that passes.
 *  I2  A list holds at most DAOS_PROP_ENTRIES_MAX_NR entries.
 */
#include "pure/prop/prop.h"
#include "own.h"

enum { ENTRY_PACKED_MIN = 4 + 2 };

int
prop_list_create(struct mem *mem, uint32_t nr, daos_prop_t **list)
{
	daos_prop_t *made;

	if (nr > DAOS_PROP_ENTRIES_MAX_NR)
		return -DER_INVAL;
	made = MEM_NEW(mem, daos_prop_t);
	if (made == NULL)
		return -DER_NOMEM;
	if (nr > 0) {
		made->dpp_entries = MEM_NEW_ARRAY(mem, struct daos_prop_entry, nr);
		if (made->dpp_entries == NULL) {
			mem_free(mem, made);
			return -DER_NOMEM;
		}
	}
	made->dpp_nr = nr;
	*list = made;
	return 0;
}

void
prop_list_free(struct mem *mem, daos_prop_t *list)
{
	if (list == NULL)
		return;
	for (uint32_t i = 0; i < list->dpp_nr; i++)
		prop_clear(mem, &list->dpp_entries[i]);
	mem_free(mem, list->dpp_entries);
	mem_free(mem, list);
}

struct daos_prop_entry *
prop_list_find(const daos_prop_t *list, uint32_t id)
{
	for (uint32_t i = 0; list != NULL && i < list->dpp_nr; i++)
		if (list->dpp_entries[i].dpe_type == id)
			return &list->dpp_entries[i];
	return NULL;
}

int
prop_list_default(struct mem *mem, enum prop_class whose, daos_prop_t **list)
{
	uint32_t nr = whose == PROP_POOL ? DAOS_PROP_PO_NUM : DAOS_PROP_CO_NUM;
	daos_prop_t *made;
	int rc = prop_list_create(mem, nr, &made);

	for (uint32_t i = 0; rc == 0 && i < nr; i++) {
		rc = prop_set_default(mem, prop_at(whose, i)->id, &made->dpp_entries[i]);
		if (rc != 0)
			prop_list_free(mem, made);
	}
	if (rc == 0)
		*list = made;
	return rc;
}

int
prop_list_copy(struct mem *mem, const daos_prop_t *list, daos_prop_t **copy)
{
	return prop_list_merge(mem, list, NULL, copy);
}

int
prop_list_merge(struct mem *mem, const daos_prop_t *base, const daos_prop_t *over, daos_prop_t **merged)
{
	uint32_t base_nr = base != NULL ? base->dpp_nr : 0, over_nr = over != NULL ? over->dpp_nr : 0, nr = base_nr, at = 0;
	daos_prop_t *made;
	int rc;

	for (uint32_t i = 0; i < over_nr; i++)
		nr += prop_list_find(base, over->dpp_entries[i].dpe_type) == NULL;
	rc = prop_list_create(mem, nr, &made);
	if (rc != 0)
		return rc;
	for (uint32_t i = 0; rc == 0 && i < base_nr; i++) {
		const struct daos_prop_entry *from = prop_list_find(over, base->dpp_entries[i].dpe_type);

		rc = prop_copy(mem, &made->dpp_entries[at++], from != NULL ? from : &base->dpp_entries[i]);
	}
	for (uint32_t i = 0; rc == 0 && i < over_nr; i++)
		if (prop_list_find(base, over->dpp_entries[i].dpe_type) == NULL)
			rc = prop_copy(mem, &made->dpp_entries[at++], &over->dpp_entries[i]);
	if (rc != 0)
		prop_list_free(mem, made);
	else
		*merged = made;
	return rc;
}

int
prop_list_check(const daos_prop_t *list, enum prop_class whose, unsigned int when)
{
	if (list->dpp_nr > DAOS_PROP_ENTRIES_MAX_NR || (list->dpp_nr > 0 && list->dpp_entries == NULL))
		return -DER_INVAL;
	for (uint32_t i = 0; i < list->dpp_nr; i++) {
		const struct daos_prop_entry *entry = &list->dpp_entries[i];
		int rc;

		if (prop_find(entry->dpe_type) == NULL || prop_class_of(entry->dpe_type) != whose ||
		    prop_list_find(list, entry->dpe_type) != entry)
			return -DER_INVAL;
		rc = when == 0 ? prop_check(entry) : prop_check_when(entry, when);
		if (rc != 0)
			return rc;
	}
	return 0;
}

/* One "name:value"; the value may hold further colons. */
static int
parse_one(struct mem *mem, enum prop_class whose, unsigned int when, struct text_span text, struct daos_prop_entry *entry)
{
	struct text_span name, value = text;
	const struct prop_desc *desc;
	int rc;

	text_split(&value, ':', &name);
	desc = prop_find_name(whose, text_trim(name));
	if (value.at == NULL || desc == NULL || (desc->when & when) != when)
		return -DER_INVAL;
	rc = prop_parse(mem, whose, name, value, entry);
	return rc == -DER_NOMEM || rc == 0 ? rc : -DER_INVAL;
}

int
prop_list_parse(struct mem *mem, enum prop_class whose, unsigned int when, struct text_span text, char sep,
		daos_prop_t **list)
{
	struct text_span rest = text, piece;
	uint32_t nr = 0, at = 0;
	daos_prop_t *made;
	int rc;

	/* An empty piece, as behind a last separator, is none. */
	while (text_split(&rest, sep, &piece) && nr <= DAOS_PROP_ENTRIES_MAX_NR)
		nr += text_trim(piece).len > 0;
	rc = nr > 0 ? prop_list_create(mem, nr, &made) : -DER_INVAL;
	if (rc != 0)
		return rc;
	while (rc == 0 && text_split(&text, sep, &piece)) {
		struct daos_prop_entry *entry = &made->dpp_entries[at];

		if (text_trim(piece).len == 0)
			continue;
		rc = parse_one(mem, whose, when, piece, entry);
		if (rc == 0 && prop_list_find(made, entry->dpe_type) != entry)
			rc = -DER_INVAL;
		at++;
	}
	if (rc != 0)
		prop_list_free(mem, made);
	else
		*list = made;
	return rc;
}

/* ---- bytes --------------------------------------------------------------------------------------------------------- */

void
prop_blob_pack(struct packer *packer, const struct daos_prop_entry *entry)
{
	const struct prop_desc *desc = prop_find(entry->dpe_type);
	const struct daos_prop_co_roots *roots = entry->dpe_val_ptr;
	const d_rank_list_t *ranks = entry->dpe_val_ptr;

	if (desc == NULL || !prop_is_pointer(desc->kind) || entry->dpe_val_ptr == NULL) {
		packer_fail(packer, -DER_INVAL);
	} else if (desc->kind == PROP_ACL) {
		acl_pack(packer, entry->dpe_val_ptr);
	} else if (desc->kind == PROP_RANKS) {
		pack_u32_array(packer, ranks->rl_ranks, ranks->rl_nr);
	} else {
		for (size_t i = 0; i < ARRAY_SIZE(roots->cr_oids); i++) {
			pack_u64(packer, roots->cr_oids[i].lo);
			pack_u64(packer, roots->cr_oids[i].hi);
		}
	}
}

void
prop_pack(struct packer *packer, const struct daos_prop_entry *entry)
{
	const struct prop_desc *desc = prop_find(entry->dpe_type);

	if (desc == NULL) {
		packer_fail(packer, -DER_INVAL);
		return;
	}
	pack_u32(packer, entry->dpe_type);
	pack_u16(packer, entry->dpe_flags);
	if (entry->dpe_flags & DAOS_PROP_ENTRY_NOT_SET)
		return;
	if (prop_is_string(desc->kind))
		pack_string(packer, entry->dpe_str);
	else if (prop_is_pointer(desc->kind))
		prop_blob_pack(packer, entry);
	else
		pack_u64(packer, entry->dpe_val);
}

void
prop_list_pack(struct packer *packer, const daos_prop_t *list)
{
	size_t mark = pack_section_begin(packer);

	pack_count(packer, list->dpp_nr);
	for (uint32_t i = 0; i < list->dpp_nr; i++)
		prop_pack(packer, &list->dpp_entries[i]);
	pack_section_end(packer, mark);
}

static int
unpack_ranks(struct mem *mem, struct unpacker *unpacker, struct daos_prop_entry *entry)
{
	uint32_t nr = unpack_count(unpacker, sizeof(d_rank_t));
	d_rank_list_t *ranks;
	int rc;

	if (nr > PROP_RANKS_MAX)
		return -DER_PROTO;
	rc = prop_set_ranks(mem, entry, NULL, 0);
	if (rc != 0 || nr == 0)
		return rc;
	ranks = mem_grow(mem, entry->dpe_val_ptr, 1, 1 + DIV_UP(sizeof(d_rank_t) * nr, sizeof(*ranks)), sizeof(*ranks));
	if (ranks == NULL)
		return -DER_NOMEM;
	entry->dpe_val_ptr = ranks;
	ranks->rl_ranks = (d_rank_t *)(ranks + 1);
	ranks->rl_nr = nr;
	for (uint32_t i = 0; i < nr; i++)
		ranks->rl_ranks[i] = unpack_u32(unpacker);
	return 0;
}

void
prop_blob_unpack(struct mem *mem, struct unpacker *unpacker, struct daos_prop_entry *entry)
{
	const struct prop_desc *desc = prop_find(entry->dpe_type);
	struct daos_prop_co_roots roots;
	struct daos_acl *acl;
	int rc = 0;

	if (desc == NULL || !prop_is_pointer(desc->kind)) {
		rc = -DER_PROTO;
	} else if (desc->kind == PROP_ACL) {
		acl = acl_unpack(mem, unpacker);
		if (acl != NULL)
			prop__replace(mem, entry, acl);
	} else if (desc->kind == PROP_RANKS) {
		rc = unpack_ranks(mem, unpacker, entry);
	} else {
		for (size_t i = 0; i < ARRAY_SIZE(roots.cr_oids); i++) {
			roots.cr_oids[i].lo = unpack_u64(unpacker);
			roots.cr_oids[i].hi = unpack_u64(unpacker);
		}
		rc = prop_set_roots(mem, entry, &roots);
	}
	if (rc != 0)
		unpacker_fail(unpacker, rc);
}

void
prop_unpack(struct mem *mem, struct unpacker *unpacker, struct daos_prop_entry *entry)
{
	const struct prop_desc *desc;
	const char *text;

	*entry = (struct daos_prop_entry){.dpe_type = unpack_u32(unpacker)};
	entry->dpe_flags = unpack_u16(unpacker);
	desc = prop_find(entry->dpe_type);
	if (desc == NULL) {
		unpacker_fail(unpacker, -DER_PROTO);
	} else if (entry->dpe_flags & DAOS_PROP_ENTRY_NOT_SET) {
		/* Nothing follows. */
	} else if (prop_is_string(desc->kind)) {
		text = unpack_string(unpacker);
		entry->dpe_str = text != NULL ? mem_strdup(mem, text) : NULL;
		if (text != NULL && entry->dpe_str == NULL)
			unpacker_fail(unpacker, -DER_NOMEM);
	} else if (prop_is_pointer(desc->kind)) {
		prop_blob_unpack(mem, unpacker, entry);
	} else {
		entry->dpe_val = unpack_u64(unpacker);
	}
	if (unpacker_rc(unpacker) == 0 && prop_check(entry) != 0)
		unpacker_fail(unpacker, -DER_PROTO);
	if (unpacker_rc(unpacker) != 0)
		prop_clear(mem, entry);
}

daos_prop_t *
prop_list_unpack(struct mem *mem, struct unpacker *unpacker)
{
	struct unpacker inner;
	daos_prop_t *list = NULL;
	uint32_t nr;
	int rc;

	unpack_section(unpacker, &inner);
	nr = unpack_count(&inner, ENTRY_PACKED_MIN);
	if (nr > DAOS_PROP_ENTRIES_MAX_NR)
		unpacker_fail(&inner, -DER_PROTO);
	rc = unpacker_rc(&inner);
	if (rc == 0)
		rc = prop_list_create(mem, nr, &list);
	for (uint32_t i = 0; rc == 0 && i < nr; i++) {
		prop_unpack(mem, &inner, &list->dpp_entries[i]);
		rc = unpacker_rc(&inner);
	}
	if (rc == 0)
		rc = unpacker_finish(&inner);
	if (rc != 0) {
		unpacker_fail(unpacker, rc);
		prop_list_free(mem, list);
		return NULL;
	}
	return list;
}
