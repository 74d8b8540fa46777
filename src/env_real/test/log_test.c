/* SPDX-License-Identifier: Apache-2.0 */
/* log: masks, the form of a line, files, rotation, many threads. */
#include "world.h"
#include <fcntl.h>
#include <regex.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include "../logmask.h"

static char dir[64];

static int
setup(void **state)
{
	snprintf(dir, sizeof(dir), "/tmp/env_real_log.XXXXXX");
	return mkdtemp(dir) == NULL;
}

static int
teardown(void **state)
{
	return nftw(dir, world_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static const char *
file(const char *name)
{
	static char path[160];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static char *
slurp(const char *name)
{
	static char text[65536];
	int fd = open(file(name), O_RDONLY);
	ssize_t n;

	if (fd < 0)
		return NULL;
	n = read(fd, text, sizeof(text) - 1);
	text[MAX(n, (ssize_t)0)] = '\0';
	close(fd);
	return text;
}

static int
lines(const char *text)
{
	int nr = 0;

	while ((text = strchr(text, '\n')) != NULL) {
		nr++;
		text++;
	}
	return nr;
}

static void
a_mask_says_which_level_of_which_facility_is_wanted(void **state)
{
	static const struct {
		const char *levels, *streams, *facility;
		enum log_level level;
	} cases[] = {
		{"ERR", NULL, "vos", LOG_ERR},
		{"", NULL, "vos", LOG_WARN},
		{"err,vos=debug", NULL, "vos", LOG_DEBUG},
		{"ERR,vos=DEBUG", NULL, "bio", LOG_ERR},
		{"INFO,client=WARN,client/pool=DBUG", NULL, "client/pool", LOG_DEBUG},
		{"INFO,client=WARN,client/pool=DBUG", NULL, "client/cont", LOG_WARN},
		{"INFO,pool=CRIT", NULL, "service/pool", LOG_CRIT},
		{"INFO,pool=CRIT", NULL, "service/pools", LOG_INFO},
		{"vos=NOTE", NULL, "bio", LOG_WARN},
		{"DEBUG", "all", "vos", LOG_DEBUG},
		{"DEBUG", "io", "vos", LOG_DEBUG},
		{"DEBUG", "io", "rpc", LOG_INFO},
		{"DEBUG", "net|md", "rpc", LOG_DEBUG},
		{"DEBUG", "net,md", "service/cont", LOG_DEBUG},
		{"DEBUG", "rpc", "rpc", LOG_DEBUG},
		{"DEBUG", "", "rpc", LOG_INFO},
		{"WARN", "io", "rpc", LOG_WARN},
		{"WARN,rpc=DEBUG", "io", "rpc", LOG_INFO},
	};
	static const char *const bad[] = {"NOISE", "ERR,vos", "=ERR", "vos=", "vos=LOUD", "ERR,a=b=c"};
	struct logmask mask;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		logmask_init(&mask);
		assert_int_equal(logmask_set_levels(&mask, cases[i].levels), 0);
		if (cases[i].streams != NULL)
			assert_int_equal(logmask_set_words(&mask.streams, cases[i].streams), 0);
		assert_int_equal(logmask_level(&mask, cases[i].facility), cases[i].level);
		assert_true(logmask_base(&mask) <= cases[i].level);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		logmask_init(&mask);
		assert_int_equal(logmask_set_levels(&mask, bad[i]), -DER_INVAL);
		assert_int_equal(mask.rule_nr, 0);
	}
}

static void
sizes_have_units(void **state)
{
	uint64_t size;

	assert_int_equal(logmask_parse_size("100", &size), 0);
	assert_int_equal(size, 100);
	assert_int_equal(logmask_parse_size("2k", &size), 0);
	assert_int_equal(size, 2048);
	assert_int_equal(logmask_parse_size("64M", &size), 0);
	assert_int_equal(size, 64 * MIB);
	assert_int_equal(logmask_parse_size("3g", &size), 0);
	assert_int_equal(size, 3 * GIB);
	assert_int_equal(logmask_parse_size("", &size), -DER_INVAL);
	assert_int_equal(logmask_parse_size("x", &size), -DER_INVAL);
	assert_int_equal(logmask_parse_size("1kk", &size), -DER_INVAL);
	assert_int_equal(logmask_parse_size("-1", &size), -DER_INVAL);
	assert_int_equal(logmask_parse_size("99999999999999g", &size), -DER_INVAL);
}

static void
a_line_says_when_where_who_and_what(void **state)
{
	struct env_real_options options = {.log = {.file = file("log"), .mask = "INFO"}};
	struct env *env;
	regex_t form;
	char *text;

	assert_int_equal(env_real_create(&options, &env), 0);
	env_real_log_set_identity(env, "engine 3");
	log_line(env->log, LOG_WARN, "vos", "words %d\nand more", 7);
	log_line(env->log, LOG_DEBUG, "vos", "unwanted");
	log_info(env->log, "own");
	env_real_destroy(env);
	text = slurp("log");
	assert_int_equal(lines(text), 2);
	assert_int_equal(regcomp(&form,
		"^[0-9]{4}/[0-9]{2}/[0-9]{2}-[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{6} [^ ]+ engine 3\\[[0-9]+/[0-9]+\\] vos +WARN +words 7 and more\n",
		REG_EXTENDED | REG_NOSUB), 0);
	assert_int_equal(regexec(&form, text, 0, NULL, 0), 0);
	regfree(&form);
	assert_non_null(strstr(text, " env_real INFO  own\n"));
}

static void
the_mask_can_be_changed_and_a_wrong_one_changes_nothing(void **state)
{
	struct env_real_options options = {.log = {.file = file("log"), .mask = "ERR"}};
	struct env *env;

	assert_int_equal(env_real_create(&options, &env), 0);
	log_info(env->log, "one");
	assert_int_equal(env_real_log_set_mask(env, "ERR,env_real=DEBUG", NULL), 0);
	log_debug(env->log, "two");
	assert_int_equal(env_real_log_set_mask(env, "ERR,env_real=NO", NULL), -DER_INVAL);
	log_debug(env->log, "three");
	assert_int_equal(env_real_log_set_mask(env, NULL, "io"), 0);
	log_debug(env->log, "four");
	env_real_destroy(env);
	assert_int_equal(lines(slurp("log")), 2);
	assert_non_null(strstr(slurp("log"), "two"));
	assert_non_null(strstr(slurp("log"), "three"));
	options.log.mask = "BAD";
	if (fork() == 0) {
		close(2);
		_exit(env_real_create(&options, &env) == -DER_INVAL ? 0 : 1);
	} else {
		int status;

		wait(&status);
		assert_int_equal(status, 0);
	}
}

static void
a_long_file_becomes_old_and_one_moved_away_is_made_anew(void **state)
{
	struct env_real_options options = {.log = {.file = file("log"), .max_size = 4000}};
	struct env *env;
	struct stat st;

	assert_int_equal(env_real_create(&options, &env), 0);
	for (int i = 0; i < 200; i++)
		log_warn(env->log, "line %d of many", i);
	assert_int_equal(stat(file("log"), &st), 0);
	assert_in_range(st.st_size, 1, 4200);
	assert_int_equal(stat(file("log.old"), &st), 0);
	assert_in_range(st.st_size, 3900, 4200);
	unlink(file("log"));
	for (int i = 0; i < 30 && access(file("log"), F_OK) != 0; i++) {
		log_warn(env->log, "is anybody there");
		usleep(100000);
	}
	assert_int_equal(access(file("log"), F_OK), 0);
	env_real_destroy(env);
}

static void
the_environment_overrides_the_options(void **state)
{
	struct env_real_options options = {.log = {.file = file("unused"), .mask = "CRIT"}, .log_from_environment = true};
	char name[64], path[128];
	struct env *env;
	int status;

	snprintf(path, sizeof(path), "%s", file("chosen"));
	if (fork() == 0) {
		setenv("D_LOG_FILE", path, 1);
		setenv("D_LOG_MASK", "INFO,env_real=DEBUG", 1);
		setenv("DD_MASK", "net", 1);
		setenv("D_LOG_FILE_APPEND_PID", "1", 1);
		setenv("D_LOG_SIZE", "1M", 1);
		setenv("D_LOG_STDERR_IN_LOG", "1", 1);
		if (env_real_create(&options, &env) != 0)
			_exit(1);
		log_debug(env->log, "seen");
		log_line(env->log, LOG_DEBUG, "vos", "not seen");
		fprintf(stderr, "stray words\n");
		snprintf(name, sizeof(name), "chosen.%d", (int)getpid());
		if (access(file(name), F_OK) != 0 || access(file("unused"), F_OK) == 0)
			_exit(2);
		rename(file(name), path);
		_exit(0);
	}
	wait(&status);
	assert_int_equal(status, 0);
	assert_non_null(strstr(slurp("chosen"), " seen\n"));
	assert_null(strstr(slurp("chosen"), "not seen"));
	assert_non_null(strstr(slurp("chosen"), "stray words\n"));
}

static void
lines_that_could_not_be_written_are_counted(void **state)
{
	struct env_real_options options = {.log = {.file = file("log")}};
	struct rlimit before, tiny;
	struct env *env;

	assert_int_equal(env_real_create(&options, &env), 0);
	log_warn(env->log, "first");
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &before);
	tiny = (struct rlimit){.rlim_cur = 10, .rlim_max = before.rlim_max};
	setrlimit(RLIMIT_FSIZE, &tiny);
	for (int i = 0; i < 3; i++)
		log_warn(env->log, "lost");
	setrlimit(RLIMIT_FSIZE, &before);
	log_warn(env->log, "again");
	log_warn(env->log, "and again");
	env_real_destroy(env);
	assert_null(strstr(slurp("log"), " lost\n"));
	assert_non_null(strstr(slurp("log"), "lines could not be written"));
	assert_int_equal(lines(slurp("log")), 4);
}

static struct env *shared;

static void
chatter(void *arg)
{
	for (int i = 0; i < 100; i++) {
		log_warn(shared->log, "%s says %d.", (char *)arg, i);
		env_real_log_set_identity(shared, arg);
	}
}

static void
threads_do_not_mix_their_lines(void **state)
{
	struct env_real_options options = {.log = {.file = file("log")}};
	static const char *const names[] = {"aaaaaaaa", "bbbbbbbb", "cccccccc"};
	struct env_thread *thread[3];
	char *text, *line, *rest, *end;

	assert_int_equal(env_real_create(&options, &shared), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(shared->ops->host.thread_start(shared, names[i], NULL, chatter, (void *)names[i], &thread[i]), 0);
	for (int i = 0; i < 3; i++)
		shared->ops->host.thread_join(thread[i]);
	env_real_destroy(shared);
	text = slurp("log");
	assert_int_equal(lines(text), 300);
	for (line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
		end = line + strlen(line) - 1;
		assert_int_equal(*end, '.');
		assert_non_null(strstr(line, " says "));
		assert_int_equal(strstr(line, " says ")[-1], strstr(line, " says ")[-8]);
	}
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_mask_says_which_level_of_which_facility_is_wanted),
		T(sizes_have_units),
		T(a_line_says_when_where_who_and_what),
		T(the_mask_can_be_changed_and_a_wrong_one_changes_nothing),
		T(a_long_file_becomes_old_and_one_moved_away_is_made_anew),
		T(the_environment_overrides_the_options),
		T(lines_that_could_not_be_written_are_counted),
		T(threads_do_not_mix_their_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
