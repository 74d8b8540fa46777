/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daos: what its files share. A command is a function tool_<name>(cli) that runs in a ULT of the program's one stream; what it
 * opens with tool_connect, tool_open_pool and tool_open_cont is closed behind it: look at the command line first, open then. Memory of
 * arena lasts until the program ends.
 */
#ifndef CMD_DAOS_H
#define CMD_DAOS_H

#include <daos_types.h>
#include <daos_cont.h>
#include <daos_pool.h>
#include <daos_prop.h>
#include "cli.h"
#include "base/text.h"
#include "client/core/core.h"
#include "client/pool/pool.h"
#include "client/cont/cont.h"
#include "env/env.h"
#include "pure/prop/prop.h"

struct daos { /* cli_owner of all commands */
	struct env *env;
	struct xs *xs;
	struct client *client;
	struct pool *pool;
	struct cont *cont;
	struct arena arena;
	char agent[4096]; /* path of its socket */
};

static inline struct daos *
tool_of(const struct cli *cli)
{
	return cli_owner(cli);
}

/* All commands that need the store. */
#define DAOS_COMMANDS(C) \
	C(pool_list) C(pool_query) C(pool_query_targets) C(pool_list_cont) \
	C(cont_create) C(cont_list) C(cont_destroy) C(cont_query) C(cont_stat) C(cont_get_prop) C(cont_set_prop) \
	C(attr_list) C(attr_get) C(attr_set) C(attr_del) \
	C(cont_get_acl) C(cont_overwrite_acl) C(cont_update_acl) C(cont_delete_acl) C(cont_set_owner) \
	C(snap_create) C(snap_list) C(snap_destroy) \
	C(object_query) C(system_query) C(health)
#define DAOS_DECLARE(name) int tool_##name(struct cli *cli);
DAOS_COMMANDS(DAOS_DECLARE)

/** Becomes a client of the system. Errors are reported. YIELDS */
int tool_connect(struct cli *cli);
/** Connects to the pool of the first argument. Errors are reported. flags: DAOS_PC_*. YIELDS */
int tool_open_pool(struct cli *cli, uint32_t flags);
/** The same, and opens the container of the second argument. flags: DAOS_COO_*. YIELDS */
int tool_open_cont(struct cli *cli, uint32_t flags);
/** Explains what a call answered, unless that was done. what: the thing it was about, or NULL. Returns rc. */
int tool_failed(struct cli *cli, int rc, const char *what);
/** What this version lacks: -DER_NOSYS. */
int tool_absent(struct cli *cli, const char *what);
/** "2026-01-31T12:00:00.000+01:00"; "-" for 0. Returns buf. */
enum { DAOS_TIME_MAX = 48 };
char *tool_time(char buf[DAOS_TIME_MAX], uint64_t hlc);
/** "tank/home": pool and container as they were named. */
const char *tool_name(struct cli *cli);
/** "a, b, c" of pools of the system, containers of the pool; NULL when there are none or they cannot be had. YIELDS */
const char *tool_pool_names(struct cli *cli);
const char *tool_cont_names(struct cli *cli);

/** Properties as people write them: NAME:VALUE,...; a wrong one is explained. Freed with prop_list_free. */
int tool_parse_props(struct cli *cli, unsigned int when, const char *text, daos_prop_t **props);
/** The word of a number of a property: "POSIX" of DAOS_PROP_CO_LAYOUT_TYPE 1. From the arena. */
const char *tool_prop_text(struct cli *cli, const struct daos_prop_entry *entry);
/** Sets attributes of what is open: NAME:VALUE,... YIELDS */
int tool_set_attrs(struct cli *cli, const char *text);
/** An ACL from a file, for a container. Freed with mem_free. */
int tool_read_acl(struct cli *cli, const char *path, struct daos_acl **acl);
/** "alice" becomes "alice@". NULL stays. */
const char *tool_principal(struct cli *cli, const char *name);

#endif
