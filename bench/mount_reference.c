/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mount_reference: a file system in memory behind the same session loop, the same flags, the same limits and the same timeouts as dfuse:
 * what the kernel and libfuse cost without a store. A mount is compared with it. In the foreground, until it is unmounted.
 *
 *   mount_reference MOUNTPOINT [--disable-caching]
 */
#include <signal.h>
#include <stdio.h>
#include "env_real/env_real.h"
#include "fuse/fuse.h"
#include "fuse/test/memfs.c"

struct server {
	struct env *env;
	struct xs *xs;
	struct fs *fs;
	struct dfuse *dfuse;
	struct dfuse_config config;
	int error;
};

static void
on_signal(void *arg, int signo)
{
	struct server *server = arg;

	if (server->dfuse != NULL)
		dfuse_stop(server->dfuse);
}

static void
serve(void *arg)
{
	struct server *server = arg;

	server->error = dfuse_start(&server->config, &server->dfuse);
	if (server->error == 0)
		server->error = dfuse_wait(server->dfuse);
	xs_stop(server->xs);
}

int
main(int argc, char **argv)
{
	struct server server = {0};
	struct xs_config xs = {.name = "reference", .stack_size = 128 << 10};
	bool caching = argc < 3 || strcmp(argv[2], "--disable-caching") != 0;

	if (argc < 2 || argv[1][0] != '/') {
		fprintf(stderr, "usage: mount_reference /MOUNTPOINT [--disable-caching]\n");
		return 2;
	}
	if (env_real_create(NULL, &server.env) != 0)
		return 1;
	(void)env_real_disable_thp();
	xs.env = server.env;
	if (xs_create(&xs, &server.xs) != 0 || (server.fs = memfs_make(server.env)) == NULL)
		return 1;
	server.config = (struct dfuse_config){.env = server.env, .xs = server.xs, .fs = server.fs, .mountpoint = argv[1], .caching = caching,
					      .source = "reference", .allow_other = true};
	server.env->ops->host.watch_signal(xs_loop(server.xs), SIGTERM, on_signal, &server);
	server.env->ops->host.watch_signal(xs_loop(server.xs), SIGINT, on_signal, &server);
	if (ult_spawn(server.xs, ULT_SYSTEM, "serve", serve, &server, NULL) != 0)
		return 1;
	xs_run(server.xs);
	(void)memfs_free(server.fs);
	xs_destroy(server.xs);
	env_real_destroy(server.env);
	if (server.error != 0)
		fprintf(stderr, "mount_reference: %s\n", strerror(server.error));
	return server.error != 0;
}
