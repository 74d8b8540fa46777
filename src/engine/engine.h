/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine: one data-plane engine: its streams, modules and start-up order. Runs in daos_engine, in the simulator (several in
 * one process) and embedded in a program. Everything that points upward in the house is registered here.
 *
 * Start-up: clock recovery begins; telemetry; dRPC client; topology; streams; devices, vos_db; modules loaded; clock recovery
 * ends; modules initialised; network contexts; dRPC listener; "I am ready" to the server, which answers with rank and group;
 * modules set up (services of known pools begin); barrier opened for clients.
 */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include "base/base.h"
#include "env/env.h"

struct engine;

struct engine_config { /* what the flags of daos_engine say; strings are copied */
	struct env *env;
	uint32_t uid;               /* whose process this is; root (0) and this user run the system */
	const char *storage;        /* -s: directory of this engine's storage */
	const char *socket_dir;     /* -d: daos_server.sock and our own sockets; NULL: no server (simulator, embedded) */
	const char *group;          /* -g: name of the system */
	const char *nvme_config;    /* -n: JSON device list; NULL: files below storage */
	const char *modules;        /* -m: comma list; NULL: all */
	const char *const *listen;  /* one address a talking stream (0, then the targets); NULL: made from socket_dir and port */
	uint32_t listen_nr;
	uint32_t port;              /* first TCP port to try; 0: 31416 + 1000 * instance; taken ones are passed over */
	uint32_t targets;           /* -t */
	uint32_t helpers;           /* -x */
	uint32_t tiers;             /* -T: 1 or 2 */
	uint32_t instance;          /* -I */
	uint32_t first_core;        /* -f */
	int numa;                   /* -p; -1: any */
	uint64_t memory;            /* -r: bytes for heaps; 0: a quarter of the machine's */
	uint64_t wal_bytes, data_bytes; /* of each target's part of a new pool, whatever the pool's size; 0: by the size */
	bool ram;                   /* class ram: everything is volatile */
	bool oversubscribe;         /* more streams than cores are fine */
	/* without a server: what it would say */
	uint32_t rank;
	const uint8_t *cred_key;    /* public key of credentials; NULL: ask the server */
	/** What went wrong first, for the server when the start failed; may be NULL. */
	void (*why)(void *arg, char *buf, size_t size);
	/** Open for clients (0), or failed to start (the error). Once. From a ULT of stream 0, and may yield. */
	void (*ready)(void *arg, int rc);
	/** Everything has ended; rc 0 or why. Once, last, from stream 0. */
	void (*ended)(void *arg, int rc);
	void *arg;
};

/** Starts its streams and returns; what follows is told by ready and ended. -DER_NOMEM, -DER_INVAL (the log says what). */
int engine_start(const struct engine_config *config, struct engine **engine);
/** Asks it to end cleanly; returns at once; ended follows. Any thread. */
void engine_stop(struct engine *engine);
/** Waits for its threads and frees it. After ended (or instead of it: it is waited for). */
void engine_join(struct engine *engine);
/** Addresses that clients use, one a tag. Valid once ready. */
const char *const *engine_addrs(const struct engine *engine, uint32_t *nr);
uint32_t engine_rank(const struct engine *engine);
/**
 * An operation of proto/control (opc_ctl_*) within the process: for the embedded mode and the simulator. From a ULT of any stream
 * of this engine; out is filled from arena. YIELDS
 */
int engine_control(struct engine *engine, uint32_t opc, struct arena *arena, const void *in, void *out);

#endif
