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
	struct arena arena;
	const void *value;
	size_t len;
	int rc = 0;

	arena_init(&arena, rdb_tx_mem(tx));
	for (uint32_t i = 0; rc == 0 && i < nr; i++) {
		rc = name_ok(names[i]) ? rdb_lookup(tx, kvs, names[i], strlen(names[i]), &arena, &value, &len) : -DER_INVAL;
		if (rc == 0)
			rc = rdb_tx_delete(tx, kvs, names[i], strlen(names[i]));
	}
	arena_fini(&arena);
	return rc;
}
