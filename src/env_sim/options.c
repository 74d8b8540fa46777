/* SPDX-License-Identifier: Apache-2.0 */
/* Options of a world: calm, drawn from a seed, set by name, printed; all from the table SIM_OPTIONS. */
#include <stdio.h>
#include "world.h"

enum option_class { K, N, F };

static const struct option {
	const char *name;
	size_t offset;
	uint64_t calm, most;
	enum option_class cls;
} table[] = {
#define X(name, calm, most, cls, text) {#name, offsetof(struct sim_options, name), calm, most, cls},
	SIM_OPTIONS(X)
#undef X
};

static uint64_t *
value_of(struct sim_options *options, const struct option *option)
{
	return (uint64_t *)((char *)options + option->offset);
}

void
sim_options_init(struct sim_options *options)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		*value_of(options, &table[i]) = table[i].calm;
}

void
sim_options_swarm(struct sim_options *options, uint64_t seed)
{
	struct rand rand;
	bool faults;

	rand_init(&rand, seed, hash64_string("swarm", 0));
	faults = rand_below(&rand, 10) != 0;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		const struct option *option = &table[i];
		uint64_t *value = value_of(options, option);
		bool on = rand_below(&rand, 2) == 0;

		if (option->cls == N)
			*value = rand_between(&rand, option->calm / 10 + 1, option->most);
		else if (option->cls == F)
			*value = faults && on ? rand_between(&rand, option->most / 20 + 1, option->most) : 0;
	}
	/* The choice among ready ULTs: never, sometimes or always at random. */
	options->choose_ppm = (const uint64_t[]){0, 100000, 1000000}[rand_below(&rand, 3)];
}

void
sim_options_heal(struct sim_options *options)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (table[i].cls == F)
			*value_of(options, &table[i]) = 0;
}

int
sim_options_set(struct sim_options *options, const char *name, uint64_t value)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		if (strcmp(table[i].name, name) != 0)
			continue;
		if (value > table[i].most)
			return -DER_INVAL;
		*value_of(options, &table[i]) = value;
		return 0;
	}
	return -DER_NONEXIST;
}

int
sim_options_print(const struct sim_options *options, char *buf, size_t size)
{
	int len = 0;

	if (size > 0)
		buf[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		uint64_t value = *value_of((struct sim_options *)options, &table[i]);

		if (value != table[i].calm)
			len += snprintf((size_t)len < size ? buf + len : NULL, (size_t)len < size ? size - (size_t)len : 0,
					"%s%s=%llu", len > 0 ? " " : "", table[i].name, (unsigned long long)value);
	}
	return len;
}
