/* SPDX-License-Identifier: Apache-2.0 */
/* What calls share: keeping what a caller may free after a launch, and giving back what he will free. Nothing yields. */
#include "core.h"

#include <stdlib.h>
#include "pure/acl/acl.h"
#include "pure/prop/prop.h"

int
core__keep_text(const char **text, struct arena *arena)
{
	if (*text == NULL)
		return 0;
	*text = arena_dup(arena, *text, strlen(*text) + 1);
	return *text != NULL ? 0 : -DER_NOMEM;
}

int
core__keep_names(const char *const **names, int n, struct arena *arena)
{
	const char **copy;

	if (*names == NULL || n <= 0)
		return 0;
	copy = ARENA_NEW_ARRAY(arena, const char *, n);
	if (copy == NULL)
		return -DER_NOMEM;
	for (int i = 0; i < n; i++) {
		copy[i] = (*names)[i];
		if (core__keep_text(&copy[i], arena) != 0)
			return -DER_NOMEM;
	}
	*names = copy;
	return 0;
}

static int
keep_entry(struct daos_prop_entry *entry, struct arena *arena)
{
	const struct prop_desc *desc = prop_find(entry->dpe_type);

	if (desc == NULL || (entry->dpe_flags & DAOS_PROP_ENTRY_NOT_SET) != 0 || entry->dpe_val_ptr == NULL)
		return 0;
	if (prop_is_string(desc->kind)) {
		entry->dpe_str = arena_dup(arena, entry->dpe_str, strlen(entry->dpe_str) + 1);
		return entry->dpe_str != NULL ? 0 : -DER_NOMEM;
	}
	if (desc->kind == PROP_ACL)
		entry->dpe_val_ptr = arena_dup(arena, entry->dpe_val_ptr, acl_size(entry->dpe_val_ptr));
	else if (desc->kind == PROP_ROOTS)
		entry->dpe_val_ptr = arena_dup(arena, entry->dpe_val_ptr, sizeof(struct daos_prop_co_roots));
	return entry->dpe_val_ptr != NULL || !prop_is_pointer(desc->kind) ? 0 : -DER_NOMEM;
}

int
core__keep_props(daos_prop_t **props, struct arena *arena)
{
	daos_prop_t *copy;

	if (*props == NULL)
		return 0;
	copy = arena_dup(arena, *props, sizeof(**props));
	if (copy == NULL)
		return -DER_NOMEM;
	copy->dpp_entries = arena_dup(arena, (*props)->dpp_entries, sizeof(copy->dpp_entries[0]) * copy->dpp_nr);
	if (copy->dpp_entries == NULL)
		return -DER_NOMEM;
	for (uint32_t i = 0; i < copy->dpp_nr; i++)
		if (keep_entry(&copy->dpp_entries[i], arena) != 0)
			return -DER_NOMEM;
	*props = copy;
	return 0;
}

/* What the caller's entry held before stays his; an entry that fails leaves those before it with their values: daos_prop_free() has all. */
int
core__props_give(daos_prop_t *props, const daos_prop_t *got)
{
	bool all = props->dpp_nr == 0;
	int rc = 0;

	if (all && got->dpp_nr > 0) {
		props->dpp_entries = calloc(got->dpp_nr, sizeof(props->dpp_entries[0]));
		if (props->dpp_entries == NULL)
			return -DER_NOMEM;
		props->dpp_nr = got->dpp_nr;
	}
	for (uint32_t i = 0; rc == 0 && i < MIN(props->dpp_nr, got->dpp_nr); i++)
		rc = prop_copy(lib__heap(), &props->dpp_entries[i], &got->dpp_entries[i]);
	return rc;
}

void
core__names_give(const char *const *names, uint32_t nr, char *buffer, size_t *size)
{
	size_t room = buffer != NULL ? *size : 0, used = 0;
	bool fits = true;

	*size = 0;
	for (uint32_t i = 0; i < nr; i++) {
		size_t len = strlen(names[i]) + 1;

		*size += len;
		fits = fits && len <= room - used;
		if (!fits)
			continue;
		memcpy(buffer + used, names[i], len);
		used += len;
	}
}

int
core__export_give(int (*out)(void *object, void *buf, size_t *size), void *object, d_iov_t *glob)
{
	size_t size = 0;
	int rc = out(object, NULL, &size);

	if (rc != 0)
		return rc;
	if (glob->iov_buf == NULL) {
		glob->iov_buf_len = size;
		return 0;
	}
	if (glob->iov_buf_len < size) {
		glob->iov_buf_len = size;
		return -DER_TRUNC;
	}
	size = glob->iov_buf_len;
	rc = out(object, glob->iov_buf, &size);
	if (rc == 0)
		glob->iov_len = size;
	return rc;
}

/* ---- attributes ---------------------------------------------------------------------------------------------------------- */
int
core__names_check(const char *const *names, int n)
{
	if (n <= 0 || names == NULL)
		return -DER_INVAL;
	for (int i = 0; i < n; i++)
		if (names[i] == NULL || names[i][0] == '\0' || strnlen(names[i], DAOS_ATTR_NAME_MAX + 1) > DAOS_ATTR_NAME_MAX)
			return -DER_INVAL;
	return 0;
}

int
core__keep_values(const void *const **values, const size_t **sizes, int n, struct arena *arena)
{
	const void **copy = ARENA_NEW_ARRAY(arena, const void *, n);
	const size_t *lens = arena_dup(arena, *sizes, sizeof(size_t) * (size_t)n);

	if (copy == NULL || lens == NULL)
		return -DER_NOMEM;
	for (int i = 0; i < n; i++) {
		if ((*values)[i] == NULL || lens[i] == 0)
			continue;
		copy[i] = arena_dup(arena, (*values)[i], lens[i]);
		if (copy[i] == NULL)
			return -DER_NOMEM;
	}
	*values = copy;
	*sizes = lens;
	return 0;
}

int
core__attrs_give(int (*get)(void *object, struct arena *arena, struct attr *attrs, uint32_t nr), void *object, int n,
		 const char *const *names, void *const *values, size_t *sizes)
{
	struct attr *attrs;
	struct arena arena;
	int rc = -DER_NOMEM;

	arena_init(&arena, core__mem());
	attrs = ARENA_NEW_ARRAY(&arena, struct attr, n);
	if (attrs != NULL) {
		for (int i = 0; i < n; i++)
			attrs[i].name = names[i];
		rc = get(object, &arena, attrs, (uint32_t)n);
	}
	for (int i = 0; rc == 0 && i < n; i++) {
		size_t len = MIN(sizes[i], (size_t)attrs[i].size);

		if (values != NULL && values[i] != NULL && len > 0)
			memcpy(values[i], attrs[i].value, len);
		sizes[i] = attrs[i].size;
	}
	arena_fini(&arena);
	return rc;
}

int
core__attrs_take(int (*set)(void *object, const struct attr *attrs, uint32_t nr), void *object, int n, const char *const *names,
		 const void *const *values, const size_t *sizes)
{
	struct attr *attrs;
	struct arena arena;
	int rc = -DER_NOMEM;

	arena_init(&arena, core__mem());
	attrs = ARENA_NEW_ARRAY(&arena, struct attr, n);
	if (attrs != NULL)
		rc = 0;
	for (int i = 0; rc == 0 && i < n; i++) {
		attrs[i] = (struct attr){.name = names[i], .value = values[i], .size = sizes[i]};
		if (values[i] == NULL || sizes[i] == 0)
			rc = -DER_INVAL;
	}
	if (rc == 0)
		rc = set(object, attrs, (uint32_t)n);
	arena_fini(&arena);
	return rc;
}
