/* SPDX-License-Identifier: Apache-2.0 */
/* ULTs of two streams count in one variable without a message between them. */
#include "planted.h"

static int counter;

static void
count(void *arg)
{
	for (int i = 0; i < 1000; i++) {
		counter++;
		if (i % 10 == 0)
			ult_yield();
	}
	xs_stop(xs_self());
}

int
main(void)
{
	struct env_thread *threads[2];
	struct xs *streams[2];

	planted_begin();
	for (int i = 0; i < 2; i++) {
		if (xs_create(&(struct xs_config){.env = env, .name = "racer"}, &streams[i]) != 0 ||
		    ult_spawn(streams[i], ULT_IO, "count", count, NULL, NULL) != 0)
			return 99;
	}
	for (int i = 0; i < 2; i++)
		if (xs_start(streams[i], NULL, &threads[i]) != 0)
			return 99;
	for (int i = 0; i < 2; i++)
		env->ops->host.thread_join(threads[i]);
	for (int i = 0; i < 2; i++)
		xs_destroy(streams[i]);
	planted_end();
	printf("%d\n", counter);
	return 0;
}
