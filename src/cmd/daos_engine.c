/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daos_engine: the data plane of one server. Reads its flags, makes the world (env_real), starts an engine and waits for its end. Started by
 * daos_server; by hand for tests.
 */
#include <getopt.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <daos_version.h>
#include "engine/engine.h"
#include "env_real/env_real.h"

static const char usage[] =
	"daos_engine: the data plane of one server; daos_server starts it\n"
	"\n"
	"usage: daos_engine -s DIR [options]\n"
	"\n"
	"  -s, --storage DIR         directory of this engine's storage\n"
	"  -d, --socket_dir DIR      where daos_server.sock is, and our sockets are made (default /var/run/daos_server)\n"
	"  -t, --targets N           targets: streams that each own a slice of every pool (default 1)\n"
	"  -x, --xshelpernr N        helper streams (default 0)\n"
	"  -g, --group NAME          name of the system (default daos_server)\n"
	"  -T, --storage_tiers N     storage tiers: 1 or 2 (default 2)\n"
	"  -n, --nvme FILE           JSON list of devices (default: files below -s)\n"
	"  -p, --pinned_numa_node N  keep to the cores of this NUMA node\n"
	"  -I, --instance_idx N      index of this engine on its host (default 0)\n"
	"  -r, --mem_size MIB        memory for heaps and I/O (default: a quarter of the machine's)\n"
	"  -H, --hugepage_size MIB   accepted and not used: ordinary pages do\n"
	"  -f, --firstcore N         first core to use (default 0)\n"
	"  -m, --modules LIST        modules to load (default all)\n"
	"  -c, --class CLASS         storage class: file, or ram (volatile) (default file)\n"
	"  -P, --port N              first TCP port to try (default 31416 + 1000 * instance)\n"
	"  -h, --help                this text\n"
	"  -v, --version             version\n"
	"\n"
	"example: daos_engine -t 2 -x 0 -g daos_server -d /tmp/store/run -I 0 -s /tmp/store/storage\n";

struct run {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct env *env;
	bool ended;
	int rc;
};

static void
on_ended(void *arg, int rc)
{
	struct run *run = arg;

	pthread_mutex_lock(&run->lock);
	run->ended = true;
	run->rc = rc;
	pthread_cond_signal(&run->changed);
	pthread_mutex_unlock(&run->lock);
}

/* The first line of an error in the log: where a start that failed began to fail. */
static void
first_error(void *arg, char *buf, size_t size)
{
	struct run *run = arg;

	env_real_log_first_error(run->env, buf, size);
}

/* What a terminal would obey, or is not ASCII, is shown as ?. */
static const char *
shown(const char *text, char buf[64])
{
	size_t i;

	for (i = 0; i < 63 && text[i] != '\0'; i++)
		buf[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
	buf[i] = '\0';
	return buf;
}

static int
number(const char *flag, const char *text, unsigned long most, unsigned long *value)
{
	char *end, buf[64];

	*value = strtoul(text, &end, 10);
	if (text[0] >= '0' && text[0] <= '9' && *end == '\0' && *value <= most)
		return 0;
	fprintf(stderr, "daos_engine: -%s takes a whole number from 0 to %lu, not '%s'; see daos_engine --help\n", flag, most, shown(text, buf));
	return -1;
}

static const struct option options[] = {
	{"storage", required_argument, NULL, 's'},       {"socket_dir", required_argument, NULL, 'd'},
	{"targets", required_argument, NULL, 't'},       {"xshelpernr", required_argument, NULL, 'x'},
	{"group", required_argument, NULL, 'g'},         {"storage_tiers", required_argument, NULL, 'T'},
	{"nvme", required_argument, NULL, 'n'},          {"pinned_numa_node", required_argument, NULL, 'p'},
	{"instance_idx", required_argument, NULL, 'I'},  {"mem_size", required_argument, NULL, 'r'},
	{"hugepage_size", required_argument, NULL, 'H'}, {"firstcore", required_argument, NULL, 'f'},
	{"modules", required_argument, NULL, 'm'},       {"class", required_argument, NULL, 'c'},
	{"port", required_argument, NULL, 'P'},          {"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'v'},             {NULL, 0, NULL, 0},
};

/* 0, or an exit status + 1. */
static int
parse(int argc, char **argv, struct engine_config *config)
{
	unsigned long value = 0;
	char buf[64];
	int opt;

	opterr = 0; /* its messages show what was given as it is */

	while ((opt = getopt_long(argc, argv, "s:d:t:x:g:T:n:p:I:r:H:f:m:c:P:hv", options, NULL)) != -1) {
		char flag[2] = {(char)opt, '\0'};

		if (strchr("txTpIrHfP", opt) != NULL && number(flag, optarg, opt == 'r' ? 1UL << 24 : 65535, &value) != 0)
			return 3;
		switch (opt) {
		case 's': config->storage = optarg; break;
		case 'd': config->socket_dir = optarg; break;
		case 't': config->targets = (uint32_t)value; break;
		case 'x': config->helpers = (uint32_t)value; break;
		case 'g': config->group = optarg; break;
		case 'T': config->tiers = (uint32_t)value; break;
		case 'n': config->nvme_config = optarg; break;
		case 'p': config->numa = (int)value; break;
		case 'I': config->instance = (uint32_t)value; break;
		case 'r': config->memory = value * MIB; break;
		case 'H': break;
		case 'f': config->first_core = (uint32_t)value; break;
		case 'm': config->modules = optarg; break;
		case 'P': config->port = (uint32_t)value; break;
		case 'c':
			if (strcmp(optarg, "ram") != 0 && strcmp(optarg, "file") != 0) {
				fprintf(stderr, "daos_engine: storage class '%s' is not known: file or ram\n", shown(optarg, buf));
				return 3;
			}
			config->ram = strcmp(optarg, "ram") == 0;
			break;
		case 'h': fputs(usage, stdout); return 1;
		case 'v': printf("daos_engine version %d.%d.%d\n", DAOS_VERSION_MAJOR, DAOS_VERSION_MINOR, DAOS_VERSION_FIX); return 1;
		default:
			fprintf(stderr, "daos_engine: '%s' is no flag, or wants a value; see daos_engine --help\n", shown(argv[optind - 1], buf));
			return 3;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "daos_engine: '%s' is no flag; see daos_engine --help\n", shown(argv[optind], buf));
		return 3;
	}
	if (config->storage == NULL && !config->ram) {
		fputs("daos_engine: -s DIR is missing: where this engine's storage is; see daos_engine --help\n", stderr);
		return 3;
	}
	return 0;
}

static int
wait_for_end(struct engine *engine, struct run *run, const sigset_t *signals)
{
	struct timespec step = {.tv_nsec = 0};
	bool asked = false;

	/* Signals are taken here, between waits on one condition: the engine tells its end, the server its wish. */
	for (;;) {
		struct timespec until;
		int signo = sigtimedwait(signals, NULL, &step);

		if ((signo == SIGTERM || signo == SIGINT) && !asked) {
			asked = true;
			engine_stop(engine);
		}
		pthread_mutex_lock(&run->lock);
		if (!run->ended) {
			clock_gettime(CLOCK_REALTIME, &until);
			until.tv_sec += 1;
			pthread_cond_timedwait(&run->changed, &run->lock, &until);
		}
		if (run->ended) {
			pthread_mutex_unlock(&run->lock);
			return run->rc;
		}
		pthread_mutex_unlock(&run->lock);
	}
}

/* Each large write takes and gives back a megabyte: the heap keeps some, or its pages would be faulted in anew every time. */
static void
keep_memory(void)
{
	enum { LARGE = 8 << 20, KEPT = 32 << 20 };

	(void)mallopt(M_MMAP_THRESHOLD, LARGE);
	(void)mallopt(M_TRIM_THRESHOLD, KEPT);
}

int
main(int argc, char **argv)
{
	struct engine_config config = {.targets = 1, .tiers = 2, .numa = -1, .group = "daos_server", .socket_dir = "/var/run/daos_server"};
	struct env_real_options real = {.log = {.mask = "NOTE", .identity = "ENGINE"}, .log_from_environment = true};
	struct run run = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
	struct engine *engine;
	char identity[32];
	struct env *env;
	sigset_t signals;
	int rc = parse(argc, argv, &config);

	if (rc != 0)
		return rc - 1;
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	rc = env_real_create(&real, &env);
	if (rc != 0) {
		fprintf(stderr, "daos_engine: cannot begin: %s; look at D_LOG_FILE and D_LOG_MASK\n", d_errdesc(rc));
		return 1;
	}
	snprintf(identity, sizeof(identity), "ENGINE%u", config.instance);
	env_real_log_set_identity(env, identity);
	(void)env_real_disable_thp();
	keep_memory();
	(void)env_real_backtrace_install(env);
	config.env = env;
	config.uid = geteuid();
	config.ended = on_ended;
	config.why = first_error;
	config.arg = &run;
	run.env = env;
	rc = engine_start(&config, &engine);
	if (rc == 0) {
		rc = wait_for_end(engine, &run, &signals);
		engine_join(engine);
	}
	if (rc != 0)
		fprintf(stderr, "daos_engine: ended with %s: %s; the log says more\n", d_errstr(rc), d_errdesc(rc));
	env_real_destroy(env);
	return rc == 0 ? 0 : 1;
}
