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
			    "usage: sim [--seed S] [--seeds N] [--writes W] [--clients C] [--calm] [--check] [--log]\n"
			    "\n"
			    "  --seed S      first seed (default 1)\n"
			    "  --seeds N     how many, one after another (default 1)\n"
			    "  --writes W    acknowledged writes a client (default 100)\n"
			    "  --clients C   clients (default: drawn)\n"
			    "  --calm        crashes are the only fault\n"
			    "  --check       every 20th seed twice: both runs must be the same\n"
			    "  --log         print the product's log\n"
			    "\n"
			    "example: sim --seed 4711 --log      what happened in seed 4711\n";

int
main(int argc, char **argv)
{
	static const struct option options[] = {{"seed", 1, NULL, 's'},  {"seeds", 1, NULL, 'n'}, {"writes", 1, NULL, 'w'}, {"clients", 1, NULL, 'c'},
						{"calm", 0, NULL, 'q'},  {"check", 0, NULL, 'k'}, {"log", 0, NULL, 'l'},    {"help", 0, NULL, 'h'},
						{NULL, 0, NULL, 0}};
	unsigned long first = 1, nr = 1;
	struct durability_options story = {0};
	struct durability_sums sums = {0};
	bool check = false;
	clock_t begun = clock();
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (opt) {
		case 's': first = strtoul(optarg, NULL, 0); break;
		case 'n': nr = strtoul(optarg, NULL, 0); break;
		case 'w': story.writes = (uint32_t)strtoul(optarg, NULL, 0); break;
		case 'c': story.clients = (uint32_t)strtoul(optarg, NULL, 0); break;
		case 'q': story.calm = true; break;
		case 'k': check = true; break;
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
	printf("sim: %lu seeds, %lu acknowledged writes, %lu reads, %lu transactions (%lu restarted), %lu crashes, %lu starts, %.1f s\n", sums.seeds,
	       sums.acknowledged, sums.reads, sums.transactions, sums.restarts, sums.crashes, sums.starts,
	       (double)(clock() - begun) / CLOCKS_PER_SEC);
	return 0;
}
