/* SPDX-License-Identifier: Apache-2.0 */
/* sim: runs seeds of the durability story in the simulator and prints what they added up to. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "sim/durability.h"

static const char usage[] = "sim: the whole system in a simulated world, story by story\n"
			    "\n"
			    "usage: sim [--seed S] [--seeds N] [--writes W] [--clients C] [--calm] [--check] [--log] [-j]\n"
			    "\n"
			    "  --seed S      first seed (default 1)\n"
			    "  --seeds N     how many, one after another (default 1)\n"
			    "  --writes W    acknowledged writes a client (default 100)\n"
			    "  --clients C   clients (default: drawn)\n"
			    "  --calm        crashes are the only fault\n"
			    "  --check       every 20th seed twice: both runs must be the same; and over 2,000 seeds every class of faults must have\n"
			    "                fired 1,000 times, over fewer in proportion (below 100 seeds it is only printed)\n"
			    "  -j            print the sums as JSON\n"
			    "  --log         print the product's log\n"
			    "\n"
			    "example: sim --seed 4711 --log      what happened in seed 4711\n";

#define FIRED_LEAST 1000UL /* of each class, in so many seeds: */
#define FIRED_SEEDS 2000UL
#define SEEDS_LEAST 100UL /* fewer say nothing about rates */

static void
print_classes(const struct durability_sums *sums)
{
	const char *name;
	uint64_t fired;

	for (uint32_t i = 0; (name = durability_class(sums, i, &fired)) != NULL; i++)
		printf("  %-52s %8lu\n", name, fired);
}

static void
print_json(const struct durability_sums *sums)
{
	const char *name;
	uint64_t fired;

	printf("{\"seeds\": %lu, \"acknowledged\": %lu, \"reads\": %lu, \"transactions\": %lu, \"restarts\": %lu, \"crashes\": %lu, \"starts\": %lu, "
	       "\"checkpoints\": %lu, \"wraps\": %lu, \"failed\": %lu, \"faults\": {",
	       sums->seeds, sums->acknowledged, sums->reads, sums->transactions, sums->restarts, sums->crashes, sums->starts, sums->checkpoints,
	       sums->wraps, sums->failed);
	for (uint32_t i = 0; (name = durability_class(sums, i, &fired)) != NULL; i++)
		printf("%s\"%s\": %lu", i == 0 ? "" : ", ", name, fired);
	printf("}}\n");
}

/* A fault that does not fire is not survived. */
static bool
enough(const struct durability_sums *sums)
{
	uint64_t least = sums->seeds >= SEEDS_LEAST ? FIRED_LEAST * sums->seeds / FIRED_SEEDS : 0, fired;
	const char *name;
	bool all = true;

	for (uint32_t i = 0; (name = durability_class(sums, i, &fired)) != NULL; i++)
		if (fired < MIN(least, FIRED_LEAST)) {
			fprintf(stderr, "sim: fault class \"%s\" fired only %lu times in %lu seeds, wanted %lu\n", name, fired, sums->seeds,
				MIN(least, FIRED_LEAST));
			all = false;
		}
	return all;
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {{"seed", 1, NULL, 's'},  {"seeds", 1, NULL, 'n'}, {"writes", 1, NULL, 'w'}, {"clients", 1, NULL, 'c'},
						{"calm", 0, NULL, 'q'},  {"check", 0, NULL, 'k'}, {"log", 0, NULL, 'l'},    {"help", 0, NULL, 'h'},
						{NULL, 0, NULL, 0}};
	unsigned long first = 1, nr = 1;
	struct durability_options story = {0};
	struct durability_sums sums = {0};
	bool check = false, json = false;
	clock_t begun = clock();
	int opt;

	while ((opt = getopt_long(argc, argv, "j", options, NULL)) != -1) {
		switch (opt) {
		case 's': first = strtoul(optarg, NULL, 0); break;
		case 'n': nr = strtoul(optarg, NULL, 0); break;
		case 'w': story.writes = (uint32_t)strtoul(optarg, NULL, 0); break;
		case 'c': story.clients = (uint32_t)strtoul(optarg, NULL, 0); break;
		case 'q': story.calm = true; break;
		case 'k': check = true; break;
		case 'j': json = true; break;
		case 'l': story.loud = true; break;
		case 'h': fputs(usage, stdout); return 0;
		default: fputs("see sim --help\n", stderr); return 2;
		}
	}
	for (unsigned long seed = first; seed < first + nr; seed++) {
		uint64_t hash, again;

		durability_run(seed, &story, &sums, &hash);
		if (check && seed % 20 == 0) {
			durability_run(seed, &story, &sums, &again);
			if (hash != again) {
				fprintf(stderr, "sim: seed %lu ran differently the second time: %016lx, %016lx\n", seed, hash, again);
				return 1;
			}
		}
	}
	if (json)
		print_json(&sums);
	else
		print_classes(&sums);
	if (check && !story.calm && !enough(&sums))
		return 1;
	if (json)
		return 0;
	printf("sim: %lu seeds, %lu acknowledged writes, %lu reads, %lu transactions (%lu restarted), %lu crashes, %lu starts, %lu checkpoints, %lu log wraps, "
	       "%lu calls failed in trouble, %.1f s\n",
	       sums.seeds, sums.acknowledged, sums.reads, sums.transactions, sums.restarts, sums.crashes, sums.starts, sums.checkpoints, sums.wraps,
	       sums.failed,
	       (double)(clock() - begun) / CLOCKS_PER_SEC);
	return 0;
}
