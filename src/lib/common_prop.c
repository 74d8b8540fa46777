/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libdaos_common: lists of properties, over pure/prop, in the process's heap: programs may put strings and blobs of
 * their own, from malloc(), into entries.
 */
#include "pure/prop/prop.h"
#include "heap.h"

/** What an entry's value is; -1 for a type that does not exist. */
static int
kind_of(const struct daos_prop_entry *entry)
{
	const struct prop_desc *desc = entry == NULL ? NULL : prop_find(entry->dpe_type);

	return desc == NULL ? -1 : (int)desc->kind;
}

bool
daos_prop_has_str(struct daos_prop_entry *entry)
{
	int kind = kind_of(entry);

	return kind >= 0 && prop_is_string((enum prop_kind)kind);
}

bool
daos_prop_has_ptr(struct daos_prop_entry *entry)
{
	int kind = kind_of(entry);

	return kind >= 0 && prop_is_pointer((enum prop_kind)kind);
}

/* ---- lists ------------------------------------------------------------------------------------------------------ */

daos_prop_t *
daos_prop_alloc(uint32_t entries_nr)
{
	daos_prop_t *list;

	return prop_list_create(lib__heap(), entries_nr, &list) == 0 ? list : NULL;
}

void
daos_prop_fini(daos_prop_t *prop)
{
	uint32_t i;

	if (prop == NULL)
		return;
	for (i = 0; i < prop->dpp_nr && prop->dpp_entries != NULL; i++)
		prop_clear(lib__heap(), &prop->dpp_entries[i]);
	mem_free(lib__heap(), prop->dpp_entries);
	prop->dpp_entries = NULL;
	prop->dpp_nr = 0;
}

void
daos_prop_free(daos_prop_t *prop)
{
	daos_prop_fini(prop);
	mem_free(lib__heap(), prop);
}

int
daos_prop_from_str(const char *str, daos_size_t len, daos_prop_t **prop)
{
	if (str == NULL || prop == NULL)
		return -DER_INVAL;
	return prop_list_parse(lib__heap(), PROP_CONT, PROP_IN_STRING, (struct text_span){.at = str, .len = strnlen(str, len)},
			       ';', prop);
}

int
daos_prop_merge2(daos_prop_t *old_prop, daos_prop_t *new_prop, daos_prop_t **out_prop)
{
	if (out_prop == NULL)
		return -DER_INVAL;
	*out_prop = NULL;
	if (old_prop == NULL && new_prop == NULL)
		return 0;
	return prop_list_merge(lib__heap(), old_prop, new_prop, out_prop);
}

daos_prop_t *
daos_prop_merge(daos_prop_t *old_prop, daos_prop_t *new_prop)
{
	daos_prop_t *merged = NULL;

	return daos_prop_merge2(old_prop, new_prop, &merged) == 0 ? merged : NULL;
}

/* ---- entries ---------------------------------------------------------------------------------------------------- */

struct daos_prop_entry *
daos_prop_entry_get(daos_prop_t *prop, uint32_t type)
{
	return prop_list_find(prop, type);
}

int
daos_prop_entry_set_str(struct daos_prop_entry *entry, const char *str, daos_size_t len)
{
	char *copy = NULL;

	if (!daos_prop_has_str(entry))
		return -DER_INVAL;
	if (str != NULL && len > 0) {
		copy = mem_strndup(lib__heap(), str, len);
		if (copy == NULL)
			return -DER_NOMEM;
	}
	mem_free(lib__heap(), entry->dpe_str);
	entry->dpe_str = copy;
	return 0;
}

int
daos_prop_set_str(daos_prop_t *prop, uint32_t type, const char *str, daos_size_t len)
{
	struct daos_prop_entry *entry = prop_list_find(prop, type);

	return entry == NULL ? -DER_NONEXIST : daos_prop_entry_set_str(entry, str, len);
}

/** A copy of size bytes; *copy is NULL for none. */
static int
copy_blob(const void *ptr, size_t size, void **copy)
{
	*copy = NULL;
	if (ptr == NULL || size == 0)
		return 0;
	*copy = mem_alloc(lib__heap(), size);
	if (*copy == NULL)
		return -DER_NOMEM;
	memcpy(*copy, ptr, size);
	return 0;
}

int
daos_prop_entry_set_ptr(struct daos_prop_entry *entry, const void *ptr, daos_size_t size)
{
	void *copy;
	int rc;

	if (!daos_prop_has_ptr(entry))
		return -DER_INVAL;
	rc = copy_blob(ptr, size, &copy);
	if (rc != 0)
		return rc;
	mem_free(lib__heap(), entry->dpe_val_ptr);
	entry->dpe_val_ptr = copy;
	return 0;
}

int
daos_prop_set_ptr(daos_prop_t *prop, uint32_t type, const void *ptr, daos_size_t size)
{
	struct daos_prop_entry *entry = prop_list_find(prop, type);

	return entry == NULL ? -DER_NONEXIST : daos_prop_entry_set_ptr(entry, ptr, size);
}

int
daos_prop_entry_dup_ptr(struct daos_prop_entry *entry_dst, struct daos_prop_entry *entry_src, size_t len)
{
	if (entry_dst == NULL || entry_src == NULL)
		return -DER_INVAL;
	return copy_blob(entry_src->dpe_val_ptr, len, &entry_dst->dpe_val_ptr);
}

int
daos_prop_entry_dup_co_roots(struct daos_prop_entry *dst, struct daos_prop_entry *src)
{
	return daos_prop_entry_dup_ptr(dst, src, sizeof(struct daos_prop_co_roots));
}

int
daos_prop_entry_cmp_acl(struct daos_prop_entry *entry1, struct daos_prop_entry *entry2)
{
	const struct daos_acl *acl1, *acl2;

	if (entry1 == NULL || entry2 == NULL)
		return -DER_INVAL;
	acl1 = entry1->dpe_val_ptr;
	acl2 = entry2->dpe_val_ptr;
	if (acl1 == NULL || acl2 == NULL)
		return acl1 == acl2 ? 0 : -DER_MISMATCH;
	return acl_equal(acl1, acl2) ? 0 : -DER_MISMATCH;
}
