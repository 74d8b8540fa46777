/* SPDX-License-Identifier: Apache-2.0 */
/* No mistake: the process ends while ULTs are suspended that hold the only pointers to their memory. */
#include "planted.h"

static struct ult_eventual never;
static bool ready;

static void
body(void *arg)
{
	char *volatile memory = malloc(123);

	memory[0] = 1;
	ult_eventual_wait(&never);
	memory[1] = 1;
	free(memory);
}

static void
last(void *arg)
{
	ready = true;
}

int
main(void)
{
	planted_begin();
	ult_eventual_init(&never);
	for (int i = 0; i < 100; i++)
		planted_spawn(body, NULL);
	planted_spawn(last, NULL);
	return xs_run_until(xs, &ready, ENV_FOREVER);
}
