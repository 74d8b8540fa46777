/* SPDX-License-Identifier: Apache-2.0 */
/* Properties and user attributes between lists, messages and the database: for pools and containers alike. */
#include "internal.h"

#include "base/codec.h"

#define NAMES_MAX 8192U

/* ---- properties ------------------------------------------------------------------------------------------------------------ */
int
pool_svc_props_store(struct rdb_tx *tx, struct rdb_path kvs, const daos_prop_t *props, struct mem *mem)
{
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && props != NULL && i < props->dpp_nr; i++) {
		const struct daos_prop_entry *entry = &props->dpp_entries[i];
		struct packer packer;
		uint8_t id[4] = {(uint8_t)(entry->dpe_type >> 24), (uint8_t)(entry->dpe_type >> 16), (uint8_t)(entry->dpe_type >> 8),
				 (uint8_t)entry->dpe_type};

		packer_init_grow(&packer, mem);
		prop_pack(&packer, entry);
		rc = packer_rc(&packer);
		if (rc == 0)
			rc = rdb_tx_update(tx, kvs, id, sizeof(id), packer.buf, packer_len(&packer));
		packer_fini(&packer);
	}
	return rc;
}

struct loading {
	struct mem *mem;
	daos_prop_t *list;
	uint32_t nr;
};

static int
load_one(void *arg, const void *key, size_t key_len, const void *value, size_t value_len)
{
	struct loading *loading = arg;
	struct unpacker in;

	if (loading->nr >= DAOS_PROP_ENTRIES_MAX_NR)
		return -DER_DF_INVAL;
	unpacker_init(&in, value, value_len);
	prop_unpack(loading->mem, &in, &loading->list->dpp_entries[loading->nr]);
	if (unpacker_rc(&in) == -DER_PROTO)
		return -DER_DF_INVAL;
	loading->nr++;
	return unpacker_rc(&in);
}

int
pool_svc_props_load(struct rdb_tx *tx, struct rdb_path kvs, struct mem *mem, daos_prop_t **props)
{
	struct loading loading = {.mem = mem};
	int rc;

	rc = prop_list_create(mem, DAOS_PROP_ENTRIES_MAX_NR, &loading.list);
	if (rc != 0)
		return rc;
	rc = rdb_iterate(tx, kvs, load_one, &loading);
	if (rc != 0) {
		prop_list_free(mem, loading.list);
		return rc;
	}
	loading.list->dpp_nr = loading.nr;
	*props = loading.list;
	return 0;
}

int
pool_svc_props_from(const struct rpc_prop *props, uint32_t nr, struct mem *mem, daos_prop_t **result)
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
pool_svc_props_to(const daos_prop_t *list, const uint32_t *types, uint32_t type_nr, struct arena *arena, struct rpc_prop **props, uint32_t *nr)
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

/* ---- attributes --------------------------------------------------------------------------------------------------------------- */
struct names {
	struct arena *arena;
	const char **names;
	uint32_t nr;
};

static int
count_name(void *arg, const void *key, size_t key_len, const void *value, size_t value_len)
{
	return ++*(uint32_t *)arg > NAMES_MAX ? -DER_OVERFLOW : 0;
}

static int
take_name(void *arg, const void *key, size_t key_len, const void *value, size_t value_len)
{
	struct names *names = arg;
	char *name = arena_alloc(names->arena, key_len + 1);

	if (name == NULL)
		return -DER_NOMEM;
	memcpy(name, key, key_len);
	names->names[names->nr++] = name;
	return 0;
}

int
pool_svc_attr_list(struct rdb_tx *tx, struct rdb_path kvs, struct arena *arena, const char ***result, uint32_t *nr)
{
	struct names names = {.arena = arena};
	uint32_t count = 0;
	int rc;

	rc = rdb_iterate(tx, kvs, count_name, &count);
	if (rc != 0)
		return rc;
	names.names = ARENA_NEW_ARRAY(arena, const char *, count + 1);
	if (names.names == NULL)
		return -DER_NOMEM;
	rc = rdb_iterate(tx, kvs, take_name, &names);
	*result = names.names;
	*nr = names.nr;
	return rc;
}

static bool
name_ok(const char *name)
{
	return name != NULL && name[0] != '\0' && strlen(name) <= DAOS_ATTR_NAME_MAX;
}

int
pool_svc_attr_get(struct rdb_tx *tx, struct rdb_path kvs, struct arena *arena, const char *const *names, uint32_t nr, struct rpc_attr *attrs)
{
	const void *value;
	size_t len;
	int rc;

	for (uint32_t i = 0; i < nr; i++) {
		if (!name_ok(names[i]))
			return -DER_INVAL;
		attrs[i] = (struct rpc_attr){0};
		rc = rdb_lookup(tx, kvs, names[i], strlen(names[i]), arena, &value, &len);
		if (rc == -DER_NONEXIST)
			continue;
		if (rc != 0)
			return rc;
		attrs[i].name = names[i];
		attrs[i].value = (struct proto_bytes_type){.data = value, .len = (uint32_t)len};
	}
	return 0;
}

int
pool_svc_attr_set(struct rdb_tx *tx, struct rdb_path kvs, const struct rpc_attr *attrs, uint32_t nr)
{
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < nr; i++)
		rc = !name_ok(attrs[i].name) ? -DER_INVAL
					     : rdb_tx_update(tx, kvs, attrs[i].name, strlen(attrs[i].name), attrs[i].value.data, attrs[i].value.len);
	return rc;
}

int
pool_svc_attr_del(struct rdb_tx *tx, struct rdb_path kvs, const char *const *names, uint32_t nr)
{
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < nr; i++)
		rc = !name_ok(names[i]) ? -DER_INVAL : rdb_tx_delete(tx, kvs, names[i], strlen(names[i]));
	return rc;
}
