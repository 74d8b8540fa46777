/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client/pool: a connection to a pool: its handle, its map, and the calls of its service.
 * Every call may yield and returns 0 or -DER_*.
 */
#ifndef CLIENT_POOL_H
#define CLIENT_POOL_H

#include <daos_types.h>
#include <daos_prop.h>
#include "base/base.h"
#include "client/core/core.h"

struct pool;
struct pool_map;

struct pool_target_space {
	uint64_t scm_total, scm_free, nvme_total, nvme_free; /* bytes: heap, data */
};

struct pool_info {
	uuid_t uuid;
	char label[128];
	uint32_t targets, targets_disabled, ranks;
	uint32_t map_version, leader;
	uint32_t layout_version;
	bool ram;
	struct { /* over all targets: [0] heap, [1] data */
		uint64_t total, free, min, max, mean;
	} space[2];
	uint64_t clock; /* HLC at the service */
};

/** name: label or uuid text. flags: DAOS_PC_*. */
int pool_connect(struct client *client, const char *name, uint32_t flags, struct pool **pool);
int pool_disconnect(struct pool *pool);
/** A counted reference, for what is open in it. */
struct pool *pool_get(struct pool *pool);
void pool_put(struct pool *pool);
struct client *pool_client(const struct pool *pool);
const uint8_t *pool_uuid(const struct pool *pool);
const uint8_t *pool_handle(const struct pool *pool); /* uuid of the handle */
const struct pool_map *pool_map(const struct pool *pool);
uint32_t pool_map_version(const struct pool *pool);
uint32_t pool_svc_rank(const struct pool *pool);
/** Fetches the map again if the service has one newer than version. */
int pool_map_refresh(struct pool *pool, uint32_t version);

int pool_query(struct pool *pool, struct pool_info *info);
/** props: the entries wanted (dpp_nr 0: all); values are allocated with the process's allocator by lib, so here: from arena. */
int pool_prop_query(struct pool *pool, struct arena *arena, daos_prop_t *props);
/** One target. state as in pure/map. */
int pool_query_target(struct pool *pool, uint32_t rank, uint32_t tgt, struct pool_target_space *space, uint32_t *state);

struct attr { /* user attributes of pools and containers */
	const char *name;
	const void *value;
	uint64_t size;
};
int pool_attr_list(struct pool *pool, struct arena *arena, const char ***names, uint32_t *nr);
/** values are filled from arena; absent: size 0 and value NULL. */
int pool_attr_get(struct pool *pool, struct arena *arena, struct attr *attrs, uint32_t nr);
int pool_attr_set(struct pool *pool, const struct attr *attrs, uint32_t nr);
int pool_attr_del(struct pool *pool, const char *const *names, uint32_t nr);

struct pool_cont_entry {
	uuid_t uuid;
	char label[128];
};
int pool_list_containers(struct pool *pool, struct arena *arena, struct pool_cont_entry **entries, uint32_t *nr);

/** Pools of the system that the caller may see. */
struct pool_entry {
	uuid_t uuid;
	char label[128];
	uint32_t *svc;
	uint32_t svc_nr;
};
int pool_list(struct client *client, struct arena *arena, struct pool_entry **entries, uint32_t *nr);

/** For client/cont: a request to the pool's service: its head (struct rpc_svc_in) is filled here. */
int pool_call(struct pool *pool, rpc_opc opc, void *in, void *out, struct arena *arena);
/** The same until a deadline (monotonic; 0: the client's patience). */
int pool_call_until(struct pool *pool, rpc_opc opc, void *in, void *out, struct arena *arena, uint64_t deadline_ns);
struct rpc_prop;
/** Hands properties that came to the caller: values in arena; dpp_nr 0: all entries that came. */
int pool_props_deliver(const struct rpc_prop *got, uint32_t nr, struct arena *arena, daos_prop_t *props);

/** Sharing a handle with another process: bytes that pool_import understands there. size in: of buf; out: needed. */
int pool_export(struct pool *pool, void *buf, size_t *size);
int pool_import(struct client *client, const void *buf, size_t size, struct pool **pool);
/** What such bytes say; texts lie within them. -DER_INVAL: they are no handle. Local. */
struct pool_exported {
	uuid_t uuid, handle;
	uint64_t flags, rights;
	uint32_t svc_rank;
	const char *label, *system;
};
int pool_export_read(const void *buf, size_t size, struct pool_exported *exported);

#endif
