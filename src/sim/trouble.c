/* SPDX-License-Identifier: Apache-2.0 */
/* sim/trouble: see the door. Everything is armed through the world's own switches, so that it is counted there. */
#include "sim/trouble.h"

#include <string.h>

struct arming {
	struct sim *sim;
	const char *pool;
	enum trouble trouble;
};

static bool
is_blob(const struct arming *arming, const char *path)
{
	size_t len = strlen(path);

	if (strncmp(path, arming->pool, strlen(arming->pool)) != 0 || strstr(path, "/vos-") == NULL)
		return false;
	return arming->trouble == TROUBLE_WRITE || arming->trouble == TROUBLE_FLUSH || (len > 5 && strcmp(path + len - 5, ".data") == 0);
}

static void
arm(void *arg, const char *path, struct sim_disk *disk)
{
	struct arming *arming = arg;

	if (!is_blob(arming, path))
		return;
	switch (arming->trouble) {
	case TROUBLE_READ:
		sim_disk_fail(disk, 1U << ENV_IO_READ, 1, false);
		break;
	case TROUBLE_GARBLE:
		sim_disk_garble(disk, 1);
		break;
	case TROUBLE_WRITE:
		sim_disk_fail(disk, 1U << ENV_IO_WRITE, 1 + sim_rand_nr(arming->sim, 3), false);
		break;
	case TROUBLE_FLUSH:
		sim_disk_fail(disk, 1U << ENV_IO_FLUSH, 1, false);
		break;
	default:
		break;
	}
}

void
trouble_begin(struct sim *sim, enum trouble trouble, const char *pool)
{
	struct arming arming = {.sim = sim, .pool = pool, .trouble = trouble};

	if (trouble == TROUBLE_NONE)
		return;
	sim_disk_each(sim, 0, arm, &arming);
	trouble_again(sim, trouble, pool);
}

void
trouble_again(struct sim *sim, enum trouble trouble, const char *pool)
{
	struct arming arming = {.sim = sim, .pool = pool, .trouble = trouble};

	if (trouble == TROUBLE_MEMORY)
		sim_mem_fail(sim, 0, 1 + sim_rand_nr(sim, 60), false);
	if (trouble == TROUBLE_READ || trouble == TROUBLE_GARBLE)
		sim_disk_each(sim, 0, arm, &arming);
}

static void
disarm(void *arg, const char *path, struct sim_disk *disk)
{
	sim_disk_fail(disk, 0, 0, false);
	sim_disk_garble(disk, 0);
}

void
trouble_end(struct sim *sim)
{
	sim_disk_each(sim, 0, disarm, NULL);
	if (sim_env(sim, 0) != NULL)
		sim_mem_fail(sim, 0, 0, false);
}

bool
trouble_explains(enum trouble trouble, int rc)
{
	switch (trouble) {
	case TROUBLE_READ:
	case TROUBLE_WRITE:
	case TROUBLE_FLUSH:
		return rc == -DER_IO || rc == -DER_NVME_IO;
	case TROUBLE_GARBLE:
		return rc == -DER_CSUM || rc == -DER_IO;
	case TROUBLE_MEMORY:
		return rc == -DER_NOMEM || rc == -DER_IO;
	default:
		return false;
	}
}
