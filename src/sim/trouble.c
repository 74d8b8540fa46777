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

/* ---- what both stories live through ------------------------------------------------------------------------------------------------- */
void
trouble_options(struct sim_options *options, uint64_t seed, bool calm, bool loud)
{
	sim_options_init(options);
	if (!calm)
		sim_options_swarm(options, seed);
	options->mem_fail_ppm = options->read_error_ppm = options->write_error_ppm = options->flush_error_ppm = 0;
	options->bit_rot_ppm = options->misdirect_ppm = options->lost_write_ppm = options->stale_read_ppm = options->file_error_ppm = 0;
	options->crash_ns = 0; /* the story kills */
	options->wall_skew_ns = MIN(options->wall_skew_ns, 50 * NS_PER_MS);
	options->stall_ppm *= 10; /* a story is short */
	options->net_break_ppm *= 5;
	if (!calm && options->clock_ns != 0)
		options->clock_ns = MIN(options->clock_ns, NS_PER_S);
	options->paused_ns = MIN(options->paused_ns, NS_PER_S);
	options->heal_ns = MIN(options->heal_ns, NS_PER_S);
	options->log_level = loud ? LOG_DEBUG : LOG_CRIT;
	options->watchdog_s = 60;
}

static bool
is_down(void *arg)
{
	return sim_env(arg, 0) == NULL;
}

struct moment {
	const char *pool;
	const char *kind;
	uint64_t nth; /* write of a blob of this kind */
	enum sim_crash how;
};

static void
arm_death(void *arg, const char *path, struct sim_disk *disk)
{
	const struct moment *moment = arg;
	size_t len = strlen(path);

	if (strncmp(path, moment->pool, strlen(moment->pool)) == 0 && len > 5 && strcmp(path + len - 5, moment->kind) == 0)
		sim_disk_crash_at(disk, moment->nth, moment->how);
}

void
trouble_die(struct cluster *cluster, struct sim *sim, enum death death, enum sim_crash how, const char *pool)
{
	struct moment moment = {.pool = pool, .how = how};

	(void)sim_run(sim, sim_rand_nr(sim, 3 * NS_PER_MS), NULL, NULL);
	switch (death) {
	case DEATH_IN_POLL:
		sim_node_crash_at(sim, 0, 1 + sim_rand_nr(sim, 60), how);
		(void)sim_run(sim, 200 * NS_PER_MS, is_down, sim);
		sim_node_crash_at(sim, 0, 0, how);
		break;
	case DEATH_IN_WRITE:
		moment.kind = sim_rand_nr(sim, 2) == 0 ? ".meta" : ".data";
		moment.nth = 1 + sim_rand_nr(sim, 15);
		sim_disk_each(sim, 0, arm_death, &moment);
		(void)sim_run(sim, 500 * NS_PER_MS, is_down, sim);
		moment.nth = 0;
		sim_disk_each(sim, 0, arm_death, &moment);
		break;
	default:
		break;
	}
	trouble_end(sim);
	if (is_down(sim))
		(void)sim_node_restart(sim, 0);
	else
		cluster_crash(cluster, how);
}
