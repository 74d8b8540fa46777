/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of this room share: an environment with a temporary directory, and loops polled until something is so. */
#ifndef ENV_REAL_TEST_WORLD_H
#define ENV_REAL_TEST_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/rand.h"
#include "base/sg.h"
#include "env/env.h"
#include "env_real/env_real.h"

struct world {
	struct env *env;
	const struct env_ops *ops;
	struct env_loop *loop;
	char dir[64];
};

/* Without a directory of its own: for children that are going to be killed. */
static inline void
world_open_bare(struct world *w, const struct env_real_options *options)
{
	struct env_real_options quiet = {.log.mask = "CRIT"};

	assert_int_equal(env_real_create(options != NULL ? options : &quiet, &w->env), 0);
	w->ops = w->env->ops;
	assert_int_equal(w->ops->loop.open(w->env, &w->loop), 0);
}

static inline void
world_open(struct world *w, const struct env_real_options *options)
{
	world_open_bare(w, options);
	snprintf(w->dir, sizeof(w->dir), "/tmp/env_real.XXXXXX");
	assert_non_null(mkdtemp(w->dir));
}

static inline int
world_remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static inline void
world_close(struct world *w)
{
	w->ops->loop.close(w->loop);
	env_real_destroy(w->env);
	nftw(w->dir, world_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static inline const char *
world_path(struct world *w, const char *name)
{
	static char paths[4][128];
	static int next;
	char *path = paths[next++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", w->dir, name);
	return path;
}

/* Polls until cond holds; fails after seconds. */
#define POLL_UNTIL(w, cond, seconds)                                                                               \
	do {                                                                                                       \
		uint64_t _end = env_mono((w)->env) + (seconds) * NS_PER_S;                                         \
		while (!(cond) && env_mono((w)->env) < _end)                                                       \
			(w)->ops->loop.poll((w)->loop, _end);                                                      \
		assert_true(cond);                                                                                 \
	} while (0)

#endif
