/* SPDX-License-Identifier: Apache-2.0 */
/* sim: runs seeds of a story in the simulator and prints what they added up to. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "sim/durability.h"
#include "sim/files.h"

static const char usage[] = "sim: the whole system in a simulated world, story by story\n"
			    "\n"
			    "usage: sim [--story NAME] [--seed S] [--seeds N] [--writes W] [--clients C] [--calm] [--check] [--log] [-j]\n"
			    "\n"
			    "  --story NAME  durability (keys and values; the default) or files (mounts and their names)\n"
			    "  --seed S      first seed (default 1)\n"
			    "  --seeds N     how many, one after another (default 1)\n"
			    "  --writes W    acknowledged writes a client (default 100; files: changes, 60)\n"
			    "  --clients C   clients (default: drawn)\n"
			    "  --calm        crashes are the only fault\n"
			    "  --check       every 20th seed twice: both runs must be the same; and over 2,000 seeds every class of faults must have\n"
			    "                fired 1,000 times (files: by class), over fewer in proportion (below 100 seeds it is only printed)\n"
			    "  -j            print the sums as JSON\n"
			    "  --log         print the product's log\n"
			    "\n"
			    "example: sim --seed 4711 --log      what happened in seed 4711\n";

#define FIRED_LEAST 1000UL /* of each class, unless the story says otherwise, in so many seeds: */
#define FIRED_SEEDS 2000UL
#define SEEDS_LEAST 100UL /* fewer say nothing about rates */

/* One of the two: what was asked for, and what it added up to. */
struct run {
	bool files;
	unsigned long seeds;
	struct durability_options durability;
	struct durability_sums sums;
	struct files_options files_options;
	struct files_sums files_sums;
};

static void
run_seed(struct run *run, uint64_t seed, uint64_t *hash)
{
	if (run->files)
		files_run(seed, &run->files_options, &run->files_sums, hash);
	else
		durability_run(seed, &run->durability, &run->sums, hash);
}

static const char *
class_of(const struct run *run, uint32_t index, uint64_t *fired, uint64_t *least)
{
	*least = FIRED_LEAST;
	return run->files ? files_class(&run->files_sums, index, fired, least) : durability_class(&run->sums, index, fired);
}

static void
print_classes(const struct run *run)
{
	const char *name;
	uint64_t fired, least;

	for (uint32_t i = 0; (name = class_of(run, i, &fired, &least)) != NULL; i++)
		printf("  %-52s %8lu\n", name, fired);
}

static void
print_json(const struct run *run)
{
	const struct durability_sums *sums = &run->sums;
	const struct files_sums *files = &run->files_sums;
	const char *name;
	uint64_t fired, least;

	if (run->files)
		printf("{\"seeds\": %lu, \"changes\": %lu, \"crashes\": %lu, \"starts\": %lu, \"mounts_died\": %lu, \"lapses\": %lu, \"failed\": %lu, "
		       "\"faults\": {", files->seeds, files->changes, files->crashes, files->starts, files->mounts_died, files->lapses, files->failed);
	else
		printf("{\"seeds\": %lu, \"acknowledged\": %lu, \"reads\": %lu, \"transactions\": %lu, \"restarts\": %lu, \"crashes\": %lu, "
		       "\"starts\": %lu, \"checkpoints\": %lu, \"wraps\": %lu, \"failed\": %lu, \"faults\": {",
		       sums->seeds, sums->acknowledged, sums->reads, sums->transactions, sums->restarts, sums->crashes, sums->starts,
		       sums->checkpoints, sums->wraps, sums->failed);
	for (uint32_t i = 0; (name = class_of(run, i, &fired, &least)) != NULL; i++)
		printf("%s\"%s\": %lu", i == 0 ? "" : ", ", name, fired);
	printf("}}\n");
}

static void
print_line(const struct run *run, double seconds)
{
	const struct durability_sums *sums = &run->sums;
	const struct files_sums *files = &run->files_sums;

	if (run->files)
		printf("sim: %lu seeds, %lu acknowledged changes, %lu crashes, %lu starts, %lu mounts died, %lu sessions lapsed, %lu calls failed in trouble, "
		       "%.1f s\n",
		       files->seeds, files->changes, files->crashes, files->starts, files->mounts_died, files->lapses, files->failed, seconds);
	else
		printf("sim: %lu seeds, %lu acknowledged writes, %lu reads, %lu transactions (%lu restarted), %lu crashes, %lu starts, %lu checkpoints, "
		       "%lu log wraps, %lu calls failed in trouble, %.1f s\n",
		       sums->seeds, sums->acknowledged, sums->reads, sums->transactions, sums->restarts, sums->crashes, sums->starts, sums->checkpoints,
		       sums->wraps, sums->failed, seconds);
}

/* A fault that does not fire is not survived. */
static bool
enough(const struct run *run)
{
	uint64_t fired, least, wanted;
	const char *name;
	bool all = true;

	for (uint32_t i = 0; (name = class_of(run, i, &fired, &least)) != NULL; i++) {
		wanted = run->seeds >= SEEDS_LEAST ? MIN(least * run->seeds / FIRED_SEEDS, least) : 0;
		if (fired < wanted) {
			fprintf(stderr, "sim: fault class \"%s\" fired only %lu times in %lu seeds, wanted %lu\n", name, fired, run->seeds, wanted);
			all = false;
		}
	}
	return all;
}

/* False: the two runs of a seed were not the same (P10). */
static bool
run_all(struct run *run, unsigned long first, bool check)
{
	for (unsigned long seed = first; seed < first + run->seeds; seed++) {
		uint64_t hash, again;

		run_seed(run, seed, &hash);
		if (!check || seed % 20 != 0)
			continue;
		run_seed(run, seed, &again);
		if (hash != again) {
			fprintf(stderr, "sim: seed %lu ran differently the second time: %016lx, %016lx\n", seed, hash, again);
			return false;
		}
	}
	return true;
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {{"story", 1, NULL, 't'}, {"seed", 1, NULL, 's'},  {"seeds", 1, NULL, 'n'}, {"writes", 1, NULL, 'w'}, {"clients", 1, NULL, 'c'},
						{"calm", 0, NULL, 'q'},  {"check", 0, NULL, 'k'}, {"log", 0, NULL, 'l'},    {"help", 0, NULL, 'h'},
						{NULL, 0, NULL, 0}};
	unsigned long first = 1;
	struct run run = {.seeds = 1};
	bool check = false, json = false;
	clock_t begun = clock();
	int opt;

	while ((opt = getopt_long(argc, argv, "j", options, NULL)) != -1) {
		switch (opt) {
		case 't':
			run.files = strcmp(optarg, "files") == 0;
			if (!run.files && strcmp(optarg, "durability") != 0) {
				fprintf(stderr, "sim: there is no story '%s'; see sim --help\n", optarg);
				return 2;
			}
			break;
		case 's': first = strtoul(optarg, NULL, 0); break;
		case 'n': run.seeds = strtoul(optarg, NULL, 0); break;
		case 'w': run.durability.writes = run.files_options.changes = (uint32_t)strtoul(optarg, NULL, 0); break;
		case 'c': run.durability.clients = run.files_options.clients = (uint32_t)strtoul(optarg, NULL, 0); break;
		case 'q': run.durability.calm = run.files_options.calm = true; break;
		case 'k': check = true; break;
		case 'j': json = true; break;
		case 'l': run.durability.loud = run.files_options.loud = true; break;
		case 'h': fputs(usage, stdout); return 0;
		default: fputs("see sim --help\n", stderr); return 2;
		}
	}
	if (!run_all(&run, first, check))
		return 1;
	if (json)
		print_json(&run);
	else
		print_classes(&run);
	if (check && !run.durability.calm && !enough(&run))
		return 1;
	if (!json)
		print_line(&run, (double)(clock() - begun) / CLOCKS_PER_SEC);
	return 0;
}
