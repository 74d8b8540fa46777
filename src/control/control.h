/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control: the control plane of one machine, what daos_server is but for its main(). It reads the configuration, makes and keeps
 * keys, ranks and addresses, starts engines and starts them again when they die, tells them who they are, answers what dmg asks
 * about storage and system, and hands what is about pools on to an engine. Everything runs on one stream; nothing here is large
 * or fast. Its ULTs ask the system's user database, so the stream's stacks are of CONTROL_STACK_SIZE.
 *
 *	int control_start(...)   locks the directory, listens, starts the engines
 *	control_stop             from a signal or a program: engines first, then the sockets
 *
 * Sockets, below socket_dir: daos_server.sock for engines. The agent's socket is another room's (agent), which asks here for members
 * and keys, and registers control_register for dmg.
 */
#ifndef CONTROL_CONTROL_H
#define CONTROL_CONTROL_H

#include <daos_types.h>
#include "base/base.h"
#include "base/text.h"
#include "drpc/drpc.h"
#include "env/env.h"
#include "proto/agent.h"
#include "proto/control.h"
#include "service/security/security.h"
#include "ult/ult.h"

/* Paths end at 107 bytes; the longest name below socket_dir is an engine's, and its streams have more of their own. */
#define CONTROL_SOCKET_DIR_MAX 72U
#define CONTROL_STACK_SIZE ((size_t)(512 * KIB))
#define CONTROL_ENGINES_MAX 16U
#define CONTROL_TARGETS_MAX 256U
#define CONTROL_SERVER_SOCKET "daos_server.sock"
#define CONTROL_AGENT_SOCKET "daos_agent.sock"
#define CONTROL_AGENT_DIR_DEFAULT "/var/run/daos_agent"
#define CONTROL_SOCKET_DIR_DEFAULT "/var/run/daos_server"
#define CONTROL_SYSTEM_DEFAULT "daos_server"
#define CONTROL_CONFIG_MAX (256 * KIB)

/* ---- configuration -------------------------------------------------------------------------------------------------------- */
struct control_engine_config {
	uint32_t targets, helpers, first_core;
	bool targets_given;  /* somebody named them: else storage that was formatted keeps its own number */
	int numa;            /* -1: any */
	bool ram;            /* class ram: volatile; else file */
	const char *storage; /* its directory */
	const char *log_file, *log_mask;
	const char *modules; /* NULL: all */
	uint32_t port;       /* first port of its streams; 0: kept or conventional ones */
	const char *const *env; /* NAME=value */
	uint32_t env_nr;
	const char *const *env_pass; /* names; NULL with env_pass_all */
	uint32_t env_pass_nr;
};

/** How long things take before somebody acts; tests shorten it. */
struct control_pace {
	uint64_t backoff_first_ns, backoff_most_ns; /* between a death and the next start: doubled each time */
	uint64_t calm_ns;                           /* up for so long: deaths are counted from 0 again */
	uint32_t deaths_most;                       /* so many in a row: give up */
	uint64_t served_ns;                         /* a life that served so long and was ended by SIGKILL did nothing wrong itself */
	uint32_t kills_most;                        /* so many of those in a row: give up */
	uint64_t stop_within_ns;                    /* of an engine, before it is killed */
	uint64_t forward_within_ns;                 /* a call waits for an engine that is down */
	uint64_t attach_within_ns;                  /* an attach waits for the first engine */
};

/** Users and groups by number, as the machine knows them. */
struct control_identity {
	const char *user, *group;  /* "alice@" */
	const char *const *groups; /* others */
	uint32_t group_nr;
};
typedef int (*control_identify)(struct arena *arena, uint32_t uid, uint32_t gid, struct control_identity *identity);
/** The one that asks the system's user database (names.c); a number without a name becomes "1234@". May block. */
int control_identify_system(struct arena *arena, uint32_t uid, uint32_t gid, struct control_identity *identity);

struct control_config {
	const char *system; /* its name, at most 15 characters */
	const char *dir;    /* of everything, or NULL */
	const char *socket_dir, *agent_dir, *log_dir;
	const char *meta_dir;   /* keys and state */
	const char *state_file; /* in it, or in dir */
	const char *log_file, *log_mask;
	const char *const *client_env; /* NAME=value, told to clients */
	uint32_t client_env_nr;
	bool auto_format;
	struct control_engine_config *engines;
	uint32_t engine_nr;
	struct control_pace pace;
	/* what the program knows */
	const char *engine_path;    /* of daos_engine */
	const char *const *environ; /* for engines; NULL: none */
	uint32_t uid;               /* who runs the server */
	control_identify identify;
};

/** One engine of class file with two targets below dir. config and all its strings live in arena. -DER_NOMEM. */
int control_config_default(const char *dir, struct arena *arena, struct control_config **config);
/**
 * Reads YAML, hostile bytes. dir: where defaults lie; NULL: the system's places. error: what is wrong, with the line where there is
 * one. -DER_INVAL, -DER_NOMEM; -DER_NOTSUPPORTED for what is not there yet.
 */
int control_config_parse(const char *text, size_t len, const char *dir, struct arena *arena, struct strbuf *error,
			 struct control_config **config);
/** Whether a daos_control.yml, hostile bytes, means the local store: 0, or an error as above. Nothing of it is needed for that. */
int control_tool_config_check(const char *text, size_t len, struct arena *arena, struct strbuf *error);
/** Whether it can be run, after the program changed what it wanted to. -DER_INVAL, -DER_EXCEEDS_PATH_LEN, and why. */
int control_config_check(const struct control_config *config, struct strbuf *error);

/* ---- the server ------------------------------------------------------------------------------------------------------------ */
struct control;
/**
 * Whether the places can be used: nobody serves there, and storage is ours or vacant. Makes and changes nothing. error: why not.
 * -DER_BUSY, -DER_EXIST, -DER_MISMATCH, -DER_DF_INVAL, -DER_DF_INCOMPT, ... From any thread.
 */
int control_place_check(struct env *env, const struct control_config *config, struct strbuf *error);
/**
 * Takes the lock, reads or makes keys and state, listens and starts the engines, which goes on in ULTs of xs. From a ULT of xs.
 * config and what it points at outlive control. YIELDS. error: why. -DER_BUSY when another server runs there.
 */
int control_start(struct env *env, struct xs *xs, const struct control_config *config, struct strbuf *error, struct control **control);
/** Stops engines and sockets, and frees it. Nobody is inside a handler of the agent's socket any more. YIELDS */
void control_stop(struct control *control);
/** Calls that wait for an engine give up, and new ones are refused: for whoever stops the agent's socket before control_stop. */
void control_hush(struct control *control);
/** Engines that still run are killed now; control_stop ends soon. From the stream, also outside of a ULT. */
void control_hurry(struct control *control);
/**
 * Waits until every engine is open for clients (0), waits for its format (-DER_UNINIT), or was given up (-DER_SHUTDOWN, and why).
 * -DER_TIMEDOUT. YIELDS
 */
int control_wait_open(struct control *control, uint64_t deadline_ns, struct strbuf *why);
/** Every engine was given up and none can be started any more: nothing is left to supervise. */
bool control_is_idle(const struct control *control);

/** Adds dmg's calls (DRPC_MODULE_MGMT) to a socket's registry. */
int control_register(struct control *control, struct drpc_registry *registry);

/* ---- for the agent --------------------------------------------------------------------------------------------------------- */
const struct control_config *control_configuration(const struct control *control);
const uint8_t *control_secret_key(const struct control *control);
/** Ranks that clients can use, in arena; waits a while for the first. YIELDS. -DER_AGAIN: none yet, -DER_NOMEM. */
int control_members(struct control *control, struct arena *arena, struct agent_rank **ranks, uint32_t *nr, uint32_t *version);

#endif
