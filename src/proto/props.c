/* SPDX-License-Identifier: Apache-2.0 */
/* proto/props: see the door. Nothing yields. */
#include "proto/props.h"

#include "base/codec.h"
#include "pure/prop/prop.h"

int
proto_props_from(const struct rpc_prop *props, uint32_t nr, struct mem *mem, daos_prop_t **result)
{
	daos_prop_t *list;
	int rc;

	rc = prop_list_create(mem, nr, &list);
	for (uint32_t i = 0; rc == 0 && i < nr; i++) {
		struct daos_prop_entry *entry = &list->dpp_entries[i];
		const struct prop_desc *desc = prop_find(props[i].type);
		struct unpacker in;

		if (desc == NULL) {
			rc = -DER_INVAL;
			break;
		}
		entry->dpe_type = props[i].type;
		if (prop_is_string(desc->kind)) {
			rc = props[i].text == NULL ? -DER_INVAL : prop_set_text(mem, entry, text_span_of(props[i].text));
		} else if (prop_is_pointer(desc->kind)) {
			unpacker_init(&in, props[i].blob.data, props[i].blob.len);
			prop_blob_unpack(mem, &in, entry);
			rc = unpacker_finish(&in) == 0 ? 0 : -DER_INVAL;
		} else {
			entry->dpe_val = props[i].value;
		}
		if (rc == 0)
			rc = prop_check(entry);
	}
	if (rc != 0) {
		prop_list_free(mem, list);
		return rc;
	}
	*result = list;
	return 0;
}

static int
to_message(const struct daos_prop_entry *entry, struct arena *arena, struct rpc_prop *prop)
{
	const struct prop_desc *desc = prop_find(entry->dpe_type);
	struct packer packer;
	void *copy;
	int rc = 0;

	*prop = (struct rpc_prop){.type = entry->dpe_type, .flags = entry->dpe_flags};
	if (desc == NULL)
		return -DER_DF_INVAL;
	if (prop_is_string(desc->kind)) {
		prop->text = entry->dpe_str != NULL ? arena_dup(arena, entry->dpe_str, strlen(entry->dpe_str) + 1) : NULL;
		return entry->dpe_str != NULL && prop->text == NULL ? -DER_NOMEM : 0;
	}
	if (!prop_is_pointer(desc->kind)) {
		prop->value = entry->dpe_val;
		return 0;
	}
	packer_init_grow(&packer, arena->mem);
	prop_blob_pack(&packer, entry);
	rc = packer_rc(&packer);
	copy = rc == 0 ? arena_dup(arena, packer.buf, packer_len(&packer)) : NULL;
	if (rc == 0 && copy == NULL)
		rc = -DER_NOMEM;
	prop->blob = (struct proto_bytes_type){.data = copy, .len = (uint32_t)packer_len(&packer)};
	packer_fini(&packer);
	return rc;
}

int
proto_props_to(const daos_prop_t *list, const uint32_t *types, uint32_t type_nr, struct arena *arena, struct rpc_prop **props, uint32_t *nr)
{
	uint32_t all = list != NULL ? list->dpp_nr : 0;
	int rc = 0;

	*nr = 0;
	*props = ARENA_NEW_ARRAY(arena, struct rpc_prop, MAX(all, type_nr) + 1);
	if (*props == NULL)
		return -DER_NOMEM;
	if (type_nr == 0) {
		for (uint32_t i = 0; rc == 0 && i < all; i++)
			rc = to_message(&list->dpp_entries[i], arena, &(*props)[(*nr)++]);
		return rc;
	}
	for (uint32_t i = 0; rc == 0 && i < type_nr; i++) {
		const struct daos_prop_entry *entry = prop_list_find(list, types[i]);

		if (entry == NULL)
			return -DER_NONEXIST;
		rc = to_message(entry, arena, &(*props)[(*nr)++]);
	}
	return rc;
}
