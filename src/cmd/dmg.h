/* SPDX-License-Identifier: Apache-2.0 */
/* dmg: what its files share. */
#ifndef CMD_DMG_H
#define CMD_DMG_H

#include "base/text.h"
#include "cli.h"
#include "env/env.h"
#include "proto/control.h"

struct dmg; /* cli_owner of all commands */

/** The world, made when first asked for. -DER_NOMEM, reported. */
int dmg_env(struct cli *cli, struct env **env);
/** Memory of the command; freed when the program ends. */
struct arena *dmg_arena(struct cli *cli);
/**
 * Calls a row of proto/control on the local server. Errors of the connection are reported with cli_fail; those of the operation
 * are returned for the command to explain (dmg_failed).
 */
int dmg_call(struct cli *cli, rpc_opc opc, const void *in, void *out);
/** Explains what an operation answered, unless that was done: "pool create: <what>: <why>; <what to do>". what may be NULL. */
int dmg_failed(struct cli *cli, int rc, const char *what);
/** --ranks of the command line: none when it was not given. */
int dmg_ranks(struct cli *cli, const char *option, uint32_t **ranks, uint32_t *nr);

/** Is this a name of the local host? Others cannot be reached. */
bool dmg_is_here(struct text_span host);

int dmg_storage_scan(struct cli *cli);
int dmg_storage_format(struct cli *cli);
int dmg_system_query(struct cli *cli);
int dmg_system_stop(struct cli *cli);
int dmg_system_start(struct cli *cli);
int dmg_pool_create(struct cli *cli);
int dmg_pool_list(struct cli *cli);
int dmg_pool_query(struct cli *cli);
int dmg_pool_destroy(struct cli *cli);
int dmg_pool_evict(struct cli *cli);
int dmg_pool_get_prop(struct cli *cli);
int dmg_pool_set_prop(struct cli *cli);

#endif
