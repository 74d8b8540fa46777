/* SPDX-License-Identifier: Apache-2.0 */
/* A ULT of one stream wakes a ULT of another by hand instead of by message. */
#include "planted.h"

static struct ult_eventual ev;

static void
wait_here(void *arg)
{
	ult_eventual_wait(&ev);
}

static void
wake_there(void *arg)
{
	ult_eventual_set(&ev, 1);
}

int
main(void)
{
	struct xs *other;

	planted_begin();
	if (xs_create(&(struct xs_config){.env = env, .name = "other"}, &other) != 0)
		return 99;
	ult_eventual_init(&ev);
	planted_spawn(wait_here, NULL);
	xs_poll(xs);
	if (ult_spawn(other, ULT_IO, "wake", wake_there, NULL, NULL) != 0)
		return 99;
	xs_poll(other);
	return 0;
}
