/* SPDX-License-Identifier: Apache-2.0 */
/*
 * engine: one data-plane engine: its streams, modules and start-up order. Runs in daos_engine, in the simulator (several in
 * one process) and embedded in a program. Everything that points upward in the house is registered here.
 *
 * Start-up: clock recovery begins; telemetry; dRPC client; tree classes; topology; modules loaded; clock recovery ends;
 * modules initialised; vos_db, devices; streams; dRPC listener; "I am ready" to the server, which answers with rank and group;
 * modules set up; services of known pools started; barrier opened for clients.
 */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include "base/base.h"
#include "env/env.h"

struct engine;

struct engine_config { /* what the flags of daos_engine say */
	struct env *env;
	const char *storage;        /* -s: directory of this engine's storage */
	const char *socket_dir;     /* -d: daos_server.sock and our own socket; NULL: no server (simulator, embedded) */
	const char *group;          /* -g: name of the system */
	const char *nvme_config;    /* -n: JSON device list; NULL: files below storage */
	const char *modules;        /* -m: comma list; NULL: all */
	const char *const *listen;  /* address of each stream that talks, or one that is counted up; NULL: tcp loopback + unix */
	uint32_t listen_nr;
	uint32_t targets;           /* -t */
	uint32_t helpers;           /* -x */
	uint32_t tiers;             /* -T: 1 or 2 */
	uint32_t instance;          /* -I */
	uint32_t first_core;        /* -f */
	int numa;                   /* -p; -1: any */
	uint64_t memory;            /* -r: bytes for I/O buffers and heaps; 0: a quarter of the machine's */
	uint32_t hugepage_size;     /* -H: MiB; ignored, said once */
	bool ram;                   /* class ram */
	bool oversubscribe;         /* more streams than cores are fine */
	/* without a server: what it would say */
	uint32_t rank;
	const uint8_t *cred_key;    /* public key of credentials; NULL: ask the server */
};

/**
 * Starts it; returns when clients can be served. In the simulator it must run in a ULT of any stream of env's node... the
 * first stream is made by it: progress is reported through done.
 */
int engine_start(const struct engine_config *config, struct engine **engine);
/** Called once when the engine is open for clients (0) or failed to start (the error). Any thread. */
void engine_on_ready(struct engine *engine, void (*ready)(void *arg, int rc), void *arg);
/** Asks it to stop cleanly; returns at once. Any thread, also a signal's. */
void engine_stop(struct engine *engine);
/** Waits for its end and frees it. */
int engine_join(struct engine *engine);
/** Addresses that clients use, one a tag. Valid once ready. */
const char *const *engine_addrs(const struct engine *engine, uint32_t *nr);
uint32_t engine_rank(const struct engine *engine);

#endif
