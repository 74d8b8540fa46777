/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daos_metrics: reads the telemetry file of an engine (or a client) while it runs, or after: lists what there is, or prints values as a
 * tree, as CSV, or as JSON. Nothing in the file is trusted (telemetry/telemetry.h), and the writer never waits for us.
 */
#include "cli.h"

#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include "env_real/env_real.h"
#include "telemetry/telemetry.h"

#define RUN_DEFAULT "/var/run/daos_server"
/* below the directory of sockets; by index of the engine */
#define TELEMETRY_FILE_FMT "metrics_engine_%u"

struct reading {
	struct cli *cli;
	const char *pattern;
	bool csv, list;
	unsigned int kinds; /* 1 << enum metric_kind; 0: all */
	struct json_object *array;
	uint64_t seen;
};

/* Where metrics of an engine are: --file, or the file of engine --srv_idx below the directory of sockets. */
static const char *
find_file(struct cli *cli, char *path, size_t size)
{
	const char *dir = getenv("DAOS_AGENT_DRPC_DIR");

	if (cli_given(cli, "file"))
		return cli_text(cli, "file");
	if (cli_given(cli, "dir"))
		dir = cli_text(cli, "dir");
	else if (dir == NULL || dir[0] == '\0')
		dir = RUN_DEFAULT;
	snprintf(path, size, "%s/" TELEMETRY_FILE_FMT, dir, (unsigned int)cli_number(cli, "srv_idx", 0));
	/* The directory of a store was given, not of its sockets. */
	if (access(path, F_OK) != 0 && cli_given(cli, "dir"))
		snprintf(path, size, "%s/run/" TELEMETRY_FILE_FMT, dir, (unsigned int)cli_number(cli, "srv_idx", 0));
	return path;
}

static bool
has_statistics(const struct telemetry_sample *sample)
{
	return (sample->kind == METRIC_STATS_GAUGE || sample->kind == METRIC_DURATION) && sample->samples > 0;
}

static void
print_value(const struct telemetry_sample *sample)
{
	time_t when = (time_t)sample->value;
	char text[40];
	struct tm tm;

	if (sample->kind == METRIC_TIMESTAMP) {
		gmtime_r(&when, &tm);
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
		printf("%s: %s\n", sample->path, sample->value != 0 ? text : "never");
		return;
	}
	printf("%s: %llu%s%s", sample->path, (unsigned long long)sample->value, sample->unit[0] != '\0' ? " " : "", sample->unit);
	if (has_statistics(sample))
		printf(" [min: %llu, max: %llu, avg: %.0f, stddev: %.1f, samples: %llu]%s", (unsigned long long)sample->min,
		       (unsigned long long)sample->max, sample->mean, sample->deviation, (unsigned long long)sample->samples,
		       sample->torn ? " (changing)" : "");
	printf("\n");
	for (uint32_t i = 0; i < sample->bucket_nr; i++) {
		const struct metric_bucket *bucket = &sample->buckets[i];

		if (bucket->count == 0)
			continue;
		if (bucket->to == UINT64_MAX)
			printf("  from %llu on: %llu\n", (unsigned long long)bucket->from, (unsigned long long)bucket->count);
		else
			printf("  %llu to %llu: %llu\n", (unsigned long long)bucket->from, (unsigned long long)bucket->to - 1,
			       (unsigned long long)bucket->count);
	}
}

/* Text as one field of CSV. */
static void
csv_text(const char *text)
{
	if (strpbrk(text, ",\"\n") == NULL) {
		fputs(text, stdout);
		return;
	}
	putchar('"');
	for (; *text != '\0'; text++) {
		if (*text == '"')
			putchar('"');
		putchar(*text);
	}
	putchar('"');
}

static void
print_csv(const struct telemetry_sample *sample, bool list)
{
	csv_text(sample->path);
	printf(",%s", metric_kind_name(sample->kind));
	if (!list) {
		printf(",%llu", (unsigned long long)sample->value);
		if (has_statistics(sample))
			printf(",%llu,%llu,%f,%llu,%llu,%f", (unsigned long long)sample->min, (unsigned long long)sample->max, sample->mean,
			       (unsigned long long)sample->samples, (unsigned long long)sample->sum, sample->deviation);
		else
			printf(",,,,,,");
	}
	printf(",%s,", sample->unit);
	csv_text(sample->description);
	printf("\n");
}

static struct json_object *
sample_json(const struct telemetry_sample *sample, bool list)
{
	struct json_object *one = json_object_new_object(), *buckets;

	cli_json_add(one, "name", cli_json_string(sample->path));
	cli_json_add(one, "type", cli_json_string(metric_kind_name(sample->kind)));
	cli_json_add(one, "description", cli_json_string(sample->description));
	cli_json_add(one, "unit", cli_json_string(sample->unit));
	if (list)
		return one;
	cli_json_add(one, "value", cli_json_u64(sample->value));
	if (has_statistics(sample)) {
		cli_json_add(one, "min", cli_json_u64(sample->min));
		cli_json_add(one, "max", cli_json_u64(sample->max));
		cli_json_add(one, "mean", json_object_new_double(sample->mean));
		cli_json_add(one, "sum", cli_json_u64(sample->sum));
		cli_json_add(one, "samples", cli_json_u64(sample->samples));
		cli_json_add(one, "stddev", json_object_new_double(sample->deviation));
	}
	if (sample->bucket_nr > 0) {
		buckets = json_object_new_array();
		for (uint32_t i = 0; i < sample->bucket_nr; i++) {
			struct json_object *bucket = json_object_new_object();

			cli_json_add(bucket, "from", cli_json_u64(sample->buckets[i].from));
			cli_json_add(bucket, "count", cli_json_u64(sample->buckets[i].count));
			json_object_array_add(buckets, bucket);
		}
		cli_json_add(one, "buckets", buckets);
	}
	return one;
}

static int
visit(void *arg, const struct telemetry_sample *sample)
{
	struct reading *reading = arg;
	size_t len = reading->pattern != NULL ? strlen(reading->pattern) : 0;

	if (sample->kind == METRIC_DIRECTORY || (reading->kinds != 0 && !(reading->kinds & 1U << sample->kind)))
		return 0;
	/* A path, what lies below it, or a pattern. */
	if (len > 0 && fnmatch(reading->pattern, sample->path, 0) != 0 &&
	    (strncmp(sample->path, reading->pattern, len) != 0 || (sample->path[len] != '/' && sample->path[len] != '\0')))
		return 0;
	reading->seen++;
	if (cli_json(reading->cli))
		json_object_array_add(reading->array, sample_json(sample, reading->list));
	else if (reading->csv)
		print_csv(sample, reading->list);
	else if (reading->list)
		printf("%s: %s%s%s\n", sample->path, metric_kind_name(sample->kind), sample->unit[0] != '\0' ? ", " : "", sample->unit);
	else
		print_value(sample);
	if (!cli_json(reading->cli) && !reading->csv && cli_flag(reading->cli, "meta") && sample->description[0] != '\0')
		printf("  %s\n", sample->description);
	return 0;
}

static void
print_head(const struct reading *reading)
{
	if (!reading->csv || cli_json(reading->cli))
		return;
	if (reading->list)
		printf("name,type,unit,description\n");
	else
		printf("name,type,value,min,max,mean,sample_size,sum,std_dev,unit,description\n");
}

static int
open_failed(struct cli *cli, int rc, const char *path)
{
	if (rc == -DER_NONEXIST)
		return cli_fail(cli, rc, "there is no %s: is the engine running? Give the store's directory with --dir, or the file with --file", path);
	if (rc == -DER_DF_INVAL || rc == -DER_DF_INCOMPT)
		return cli_fail(cli, rc, "%s is not a telemetry file that this version reads", path);
	return cli_fail(cli, rc, "%s cannot be read: %s", path, d_errdesc(rc));
}

/* What is read of an engine that has ended is no news: that is said, and shown when it was asked for. */
static int
check_alive(struct cli *cli, struct telemetry_reader *reader, const char *path)
{
	char name[64];
	uint64_t started_ns;
	int32_t pid;

	telemetry_source(reader, name, &pid, &started_ns);
	if (pid > 0 && (kill(pid, 0) == 0 || errno != ESRCH))
		return 0;
	if (cli_flag(cli, "last") || cli_given(cli, "file")) {
		cli_note(cli, "%s has ended%s: these are its last values", name, pid > 0 ? " without a word (killed)" : "");
		return 0;
	}
	return cli_fail(cli, -DER_SHUTDOWN, "%s has ended%s: nothing is measured now; --last shows its last values (%s)", name,
			pid > 0 ? " without a word (killed)" : "", path);
}

static int
read_metrics(struct cli *cli, struct env *env, const char *path)
{
	static const struct {
		const char *option;
		unsigned int kinds;
	} kinds[] = {
		{"counter", 1U << METRIC_COUNTER},     {"gauge", 1U << METRIC_GAUGE | 1U << METRIC_STATS_GAUGE},
		{"timestamp", 1U << METRIC_TIMESTAMP}, {"snapshot", 1U << METRIC_SNAPSHOT},
		{"duration", 1U << METRIC_DURATION},
	};
	struct reading reading = {.cli = cli, .csv = cli_flag(cli, "csv"), .list = cli_flag(cli, "list"), .pattern = cli_text(cli, "path")};
	uint64_t rounds = cli_number(cli, "iterations", 1), delay = cli_number(cli, "delay", 1);
	struct telemetry_reader *reader;
	int rc = 0;

	if (cli_arg(cli, 0) != NULL)
		reading.pattern = cli_arg(cli, 0);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (cli_flag(cli, kinds[i].option))
			reading.kinds |= kinds[i].kinds;
	reading.array = json_object_new_array();
	for (uint64_t round = 0; rc == 0 && (rounds == 0 || round < rounds); round++) {
		if (round > 0)
			sleep((unsigned int)MIN(delay, (uint64_t)86400));
		/* Anew each time: a restarted engine makes a new file. */
		rc = telemetry_open(env, path, &reader);
		if (rc != 0) {
			open_failed(cli, rc, path);
			break;
		}
		rc = check_alive(cli, reader, path);
		if (rc == 0 && round == 0)
			print_head(&reading);
		if (rc == 0)
			rc = telemetry_each(reader, visit, &reading);
		telemetry_close(reader);
		fflush(stdout);
	}
	if (rc == 0 && reading.seen == 0 && reading.pattern != NULL)
		rc = cli_fail(cli, -DER_METRIC_NOT_FOUND, "%s has no metric '%s': --list shows what there is", path, reading.pattern);
	if (rc == -DER_SHUTDOWN) {
		json_object_put(reading.array);
		return rc;
	}
	cli_respond(cli, reading.array);
	return rc;
}

static int
metrics(struct cli *cli)
{
	struct env_real_options options = {.log = {.mask = "CRIT", .identity = "metrics"}};
	char path[4096];
	struct env *env;
	int rc;

	if (cli_json(cli) && cli_given(cli, "iterations"))
		return cli_misuse(cli, "--json and --iterations exclude each other: one answer is one object");
	rc = env_real_create(&options, &env);
	if (rc != 0)
		return rc;
	rc = read_metrics(cli, env, find_file(cli, path, sizeof(path)));
	env_real_destroy(env);
	return rc;
}

static const struct cli_option options[] = {
	{'S', "srv_idx", CLI_NUMBER, "N", "engine of this machine (default 0)", 0},
	{0, "dir", CLI_TEXT, "DIR", "directory of the store or of its sockets (default DAOS_AGENT_DRPC_DIR, " RUN_DEFAULT ")", 0},
	{0, "file", CLI_TEXT, "FILE", "a telemetry file", 0},
	{0, "last", CLI_FLAG, NULL, "also of an engine that has ended: its last values", 0},
	{'l', "list", CLI_FLAG, NULL, "what there is, without values", 0},
	{'C', "csv", CLI_FLAG, NULL, "comma-separated values", 0},
	{'M', "meta", CLI_FLAG, NULL, "with descriptions", 0},
	{'p', "path", CLI_TEXT, "PATH", "only this metric, what lies below it, or what matches a pattern", 0},
	{'c', "counter", CLI_FLAG, NULL, "counters", 0},
	{'d', "duration", CLI_FLAG, NULL, "durations", 0},
	{'t', "timestamp", CLI_FLAG, NULL, "timestamps", 0},
	{'s', "snapshot", CLI_FLAG, NULL, "snapshots", 0},
	{'g', "gauge", CLI_FLAG, NULL, "gauges", 0},
	{'i', "iterations", CLI_NUMBER, "N", "read so many times (0: for ever; default once)", 0},
	{'D', "delay", CLI_NUMBER, "SECONDS", "between two of them (default 1)", 0},
	{0},
};

static const struct cli_command commands[] = {
	{"", "[path]", 0, 1, options, "reads metrics of an engine", "daos_metrics --dir /tmp/store --csv io\ndaos_metrics --list", metrics, 0},
	{0},
};

static const struct cli_program program = {
	.name = "daos_metrics",
	.help = "reads metrics of an engine",
	.commands = commands,
	.json = true,
};

int
main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_DFL);
	return cli_main(&program, argc, argv, NULL);
}
