/* SPDX-License-Identifier: Apache-2.0 */
/* control: what its files share. */
#ifndef CONTROL_INTERNAL_H
#define CONTROL_INTERNAL_H

#include <stdio.h>
#include "control.h"
#include "proto/local.h"

/* What an engine is doing; see engine.c. */
enum engine_state {
	ENGINE_UNFORMATTED, /* waits for dmg storage format */
	ENGINE_STOPPED,     /* an administrator wants it so */
	ENGINE_STARTING,    /* the process runs, and has not said that it is open */
	ENGINE_JOINED,      /* open for clients */
	ENGINE_STOPPING,
	ENGINE_WAITING,     /* died; will be started again soon */
	ENGINE_ERRORED,     /* given up */
};

enum { ENGINE_ADDRS_MAX = 600 }; /* a stream each */

struct engine {
	struct control *control;
	const struct control_engine_config *config;
	uint32_t instance;
	enum engine_state state;
	bool wanted;      /* shall run */
	bool exited;      /* status says how */
	bool ready;       /* said srv_ready since it was started */
	int exit_status;
	int32_t pid;      /* 0: no process */
	struct env_proc *proc;
	uint32_t deaths, kills; /* in a row */
	uint32_t restarts;
	uint64_t started_ns, changed_s;
	uint64_t joined_ns; /* 0: not in this life */
	char info[440];   /* why it is in this state */
	char failure[400]; /* what it said when its start failed */
	int failed;       /* the error that it gave with that */
	/* kept in the state file */
	uint32_t rank;    /* UINT32_MAX: none yet */
	uuid_t uuid;
	uint64_t incarnation;
	uint32_t targets;
	uint32_t port;
	char *addrs[ENGINE_ADDRS_MAX]; /* of control's mem */
	uint32_t addr_nr;
	char *socket;
	struct drpc_client *client; /* to its dRPC socket, while it is ready */
	uint32_t callers;           /* that use client */
	struct ult *ult;
};

struct control {
	struct env *env;
	struct xs *xs;
	struct mem *mem;
	const struct control_config *config;
	struct arena arena;
	int lock;
	bool locked, stopping, hurried, ended;
	uint8_t secret[SECURITY_KEY_LEN], pub[SECURITY_KEY_LEN];
	uint32_t group_version;
	struct engine *engines;
	uint32_t engine_nr;
	struct ult_cond changed; /* the state of an engine changed */
	uint32_t guests;         /* ULTs of ours that run beside the engines' */
	char host[256];
	struct drpc_registry registry;
	struct proto_local srv_rows, control_rows;
	struct drpc_listener *listener;
};

/** A path in arena; NULL when it is too long, or no memory. */
const char *control__path(struct arena *arena, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* state.c */
int control__keys_load(struct control *control, struct strbuf *error);
int control__state_load(struct control *control);
/** Parses hostile bytes into the engines. */
int control__state_parse(struct control *control, const char *text, size_t len);
int control__state_save(struct control *control);
/** The pid in a state file; 0: none. */
int32_t control__state_pid(struct env *env, const char *path);
/** Rank and uuid of the engine's storage. -DER_NONEXIST: not formatted; -DER_DF_INVAL, -DER_DF_INCOMPT (newer), -DER_MISMATCH: somebody else's. */
int control__superblock_read(struct engine *engine);
/** -DER_EXIST when the directory holds anything but what the server itself puts there. -DER_NONEXIST. */
int control__storage_vacant(struct env *env, const char *path);
int control__superblock_write(struct engine *engine);
/** -DER_EXIST: it is formatted, or holds something else. With force what is formatted is wiped; it must not run. */
int control__format(struct engine *engine, bool force);

/* engine.c */
int control__engine_start(struct engine *engine);
/** Ends its ULT; it has no process any more. YIELDS */
void control__engine_end(struct engine *engine);
/** Wants it stopped, and waits until it is. YIELDS */
int control__engine_halt(struct engine *engine, bool force);
void control__engine_set(struct engine *engine, enum engine_state state, const char *fmt, ...) PRINTF_LIKE(3, 4);
const char *control__state_name(enum engine_state state);
/** Replaces what is known of its addresses. -DER_NOMEM. */
int control__engine_addrs(struct engine *engine, const char *const *addrs, uint32_t nr);
void control__engine_forget(struct engine *engine);

/* srv.c */
int control__srv_register(struct control *control);
/** All ranks that ever were, in arena. */
int control__group(struct control *control, struct arena *arena, bool joined_only, struct agent_rank **ranks, uint32_t *nr);

/* mgmt.c */
bool control__is_admin(const struct control *control, const struct env_cred *cred);
/** An engine that is ready, for one call, or -DER_TIMEDOUT. Put it back afterwards. YIELDS */
int control__engine_get(struct control *control, uint64_t deadline_ns, struct engine **engine);
void control__engine_put(struct engine *engine);

#endif
