/* SPDX-License-Identifier: Apache-2.0 */
/* Within engine. */
#ifndef ENGINE_INTERNAL_H
#define ENGINE_INTERNAL_H

#include "engine/engine.h"
#include "bio/bio.h"
#include "drpc/drpc.h"
#include "pure/hlc/hlc.h"
#include "rpc/rpc.h"
#include "service/cont/cont.h"
#include "service/dtx/dtx.h"
#include "service/mgmt/mgmt.h"
#include "service/object/object.h"
#include "service/pool/pool.h"
#include "service/security/security.h"
#include "service/target/target.h"
#include "sysdb/sysdb.h"
#include "telemetry/telemetry.h"
#include "ult/ult.h"
#include "vos/vos.h"

#define ENGINE_TARGETS_MAX 256U
#define ENGINE_HELPERS_MAX 64U
#define ENGINE_SYS_TGT 1024U /* names the blobs of stream 0: databases and vos_db */

/* A stream of the engine: 0 metadata, 1 dRPC listener, then targets, then helpers. */
struct engine_stream {
	struct engine *engine;
	struct xs *xs;
	struct env_thread *thread;
	struct env_cpus cpus;
	bool bound;
	struct rpc_ctx *rpc; /* of streams that talk: 0 and the targets */
	uint32_t tag;
};

/* A module: what it does when the engine starts, once it has its rank, and at the end; in the order of the table. */
struct engine_module {
	const char *name;
	int (*init)(struct engine *engine);
	int (*setup)(struct engine *engine);
	void (*cleanup)(struct engine *engine);
	void (*fini)(struct engine *engine);
};

struct engine {
	struct engine_config config;
	struct env *env;
	struct mem *mem;
	struct arena strings;
	/* streams */
	struct engine_stream *streams;
	uint32_t stream_nr;
	uint32_t target_at, helper_at; /* where they begin in streams */
	/* clock */
	struct hlc_clock clock;
	uint64_t first_epoch;
	struct ult_mutex reserving;
	/* storage */
	struct bio *bio, *sys_bio;
	struct vos_xs *sys_vos;
	struct sysdb *sysdb;
	/* network */
	struct rpc_node *node;
	uint64_t incarnation;
	char *addrs[ENGINE_TARGETS_MAX + 1];
	uint32_t addr_nr;
	/* towards the server */
	struct drpc_client *server;
	struct drpc_registry registry;
	struct drpc_listener *listener;
	char drpc_path[256];
	/* services */
	struct security *security;
	struct targets *targets;
	struct dtx *dtx;
	struct object_svc *objects;
	struct pool_svcs *pools;
	struct cont_svcs *conts;
	struct mgmt *mgmt;
	struct telemetry *telemetry; /* NULL: none */
	struct ult *refresher;
	/* modules that were loaded, how far they got */
	const struct engine_module *modules[16];
	uint32_t module_nr, inited_nr, setup_nr;
	/* life */
	bool stopping, reported, ended;
	int rc;
	struct ult_cond stop;
	struct xs_msg stop_msg;
	uint64_t started_ns;
};

/* clock.c */
int engine__clock_begin(struct engine *engine);  /* after sysdb is open */
int engine__clock_reserve(void *engine);         /* targets' reserve hook; any stream. YIELDS */
/* topology.c */
int engine__bind(struct engine *engine);
/* modules.c */
int engine__modules_load(struct engine *engine);
int engine__modules_init(struct engine *engine);
int engine__modules_setup(struct engine *engine);
void engine__modules_end(struct engine *engine);
/* network.c */
int engine__network_start(struct engine *engine);
/** The barrier: clients are served from here on. */
int engine__network_open(struct engine *engine);
void engine__network_stop(struct engine *engine);
int engine__group_set(void *engine, uint32_t version, const struct rpc_member *members, uint32_t nr);
/* metrics.c */
void engine__metrics_start(struct engine *engine);
/** The rank is known and service begins. */
void engine__metrics_open(struct engine *engine);
/** Nothing is asked for any more. YIELDS */
void engine__metrics_hush(struct engine *engine);
void engine__metrics_stop(struct engine *engine);
/* server.c */
int engine__drpc_connect(struct engine *engine);
int engine__drpc_start(struct engine *engine);
void engine__drpc_stop(struct engine *engine);
int engine__tell_ready(struct engine *engine);
void engine__tell_open(struct engine *engine, int rc);
/** The devices of the engine, in arena. YIELDS */
int engine__devices(void *arg, struct arena *arena, struct ctl_device **devices, uint32_t *nr);

static inline struct engine_stream *
engine__target_stream(struct engine *engine, uint32_t target)
{
	return &engine->streams[engine->target_at + target];
}

#endif
