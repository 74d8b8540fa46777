/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the planted programs share: a stream on a real machine. Each program holds one mistake, which the sanitizer that
 * tools/test_planted.sh builds it with must report.
 */
#ifndef PLANTED_H
#define PLANTED_H

#include <stdio.h>
#include <stdlib.h>
#include "env_real/env_real.h"
#include "ult/ult.h"

static struct env *env;
static struct xs *xs;

static inline void
planted_begin(void)
{
	struct env_real_options quiet = {.log.mask = "CRIT"};

	if (env_real_create(&quiet, &env) != 0 || xs_create(&(struct xs_config){.env = env, .name = "planted"}, &xs) != 0)
		exit(99);
}

static inline void
planted_spawn(void (*fn)(void *arg), void *arg)
{
	if (ult_spawn(xs, ULT_IO, "planted", fn, arg, NULL) != 0)
		exit(99);
}

/** Runs until no ULT is left. */
static inline void
planted_end(void)
{
	xs_stop(xs);
	xs_run(xs);
	xs_destroy(xs);
	env_real_destroy(env);
}

#endif
