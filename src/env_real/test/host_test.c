/* SPDX-License-Identifier: Apache-2.0 */
/* host: children, signals, last words. The program runs itself again as the child: see main. */
#include "world.h"
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* As clang says it, which does not define the macros of gcc. */
#if defined(__has_feature)
#define THREAD_SANITIZER __has_feature(thread_sanitizer)
#else
#define THREAD_SANITIZER 0
#endif

static struct world w;
static int exits, last_status, signals_seen, last_signal;

static int
setup(void **state)
{
	world_open(&w, NULL);
	exits = signals_seen = 0;
	return 0;
}

static int
teardown(void **state)
{
	world_close(&w);
	return 0;
}

static void
exited(void *arg, int status)
{
	exits++;
	last_status = status;
}

static char *const no_env[] = {"A=1", NULL};

static int
spawn_shell(const char *command, struct env_proc **proc)
{
	char *const argv[] = {"/bin/sh", "-c", (char *)command, NULL};

	return w.ops->host.spawn(w.loop, argv, no_env, exited, NULL, proc);
}

static void
the_exit_of_a_child_is_told_with_its_status(void **state)
{
	struct env_proc *proc;

	assert_int_equal(spawn_shell("test \"$A\" = 1 && exit 7", &proc), 0);
	assert_true(w.ops->host.proc_pid(proc) > 0);
	assert_int_equal(exits, 0);
	POLL_UNTIL(&w, exits == 1, 10);
	assert_true(WIFEXITED(last_status));
	assert_int_equal(WEXITSTATUS(last_status), 7);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void
a_child_can_be_signalled(void **state)
{
	struct env_proc *proc;

	assert_int_equal(spawn_shell("exec sleep 100", &proc), 0);
	assert_int_equal(w.ops->host.proc_signal(proc, SIGTERM), 0);
	POLL_UNTIL(&w, exits == 1, 10);
	assert_true(WIFSIGNALED(last_status));
	assert_int_equal(WTERMSIG(last_status), SIGTERM);
}

static void
many_children_end_one_by_one(void **state)
{
	struct env_proc *proc;

	for (int i = 0; i < 30; i++)
		assert_int_equal(spawn_shell("exit 0", &proc), 0);
	POLL_UNTIL(&w, exits == 30, 30);
}

static void
a_program_that_cannot_run_is_an_error_at_once(void **state)
{
	char *const missing[] = {"/no/such/program", NULL}, *const data[] = {(char *)world_path(&w, "data"), NULL};
	struct env_proc *proc;

	assert_int_equal(w.ops->file.write(w.env, data[0], "x", 1, 0600), 0);
	assert_int_equal(w.ops->host.spawn(w.loop, missing, no_env, exited, NULL, &proc), -DER_NONEXIST);
	assert_int_equal(w.ops->host.spawn(w.loop, data, no_env, exited, NULL, &proc), -DER_NO_PERM);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void
a_child_inherits_no_descriptors_and_no_blocked_signals(void **state)
{
	const char *out = world_path(&w, "out");
	struct env_proc *proc;
	char command[256], *text;
	sigset_t usr1, before;
	int leaked = open("/dev/null", O_RDONLY); /* without O_CLOEXEC */
	size_t len;

	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	sigprocmask(SIG_BLOCK, &usr1, &before);
	signal(SIGUSR2, SIG_IGN);
	snprintf(command, sizeof(command), "ls /proc/self/fd | wc -l > %s; grep -E 'SigBlk|SigIgn' /proc/self/status >> %s", out, out);
	assert_int_equal(spawn_shell(command, &proc), 0);
	POLL_UNTIL(&w, exits == 1, 10);
	assert_int_equal(w.ops->file.read(w.env, out, 4096, &text, &len), 0);
	/* 0, 1, 2, and the one of ls itself */
	assert_string_equal(text, "4\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
	mem_free(w.env->mem, text);
	sigprocmask(SIG_SETMASK, &before, NULL);
	signal(SIGUSR2, SIG_DFL);
	close(leaked);
}

static void
children_die_with_us(void **state)
{
	int fds[2], status;
	int32_t grandchild;
	char path[64];
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	pid = fork();
	if (pid == 0) {
		struct env_proc *proc;

		world_open_bare(&w, NULL);
		spawn_shell("exec sleep 1000", &proc);
		grandchild = w.ops->host.proc_pid(proc);
		if (write(fds[1], &grandchild, sizeof(grandchild)) < 0)
			_exit(1);
		for (;;)
			pause();
	}
	assert_int_equal(read(fds[0], &grandchild, sizeof(grandchild)), sizeof(grandchild));
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	snprintf(path, sizeof(path), "/proc/%d/cmdline", grandchild);
	for (int i = 0; i < 500; i++) {
		char text[16];
		int fd = open(path, O_RDONLY);
		ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text));

		close(fd);
		if (n <= 0)
			break; /* gone, or a zombie */
		usleep(10000);
		assert_true(i < 499);
	}
	close(fds[0]);
	close(fds[1]);
}

static void
children_left_when_the_loop_closes_are_killed(void **state)
{
	struct env_proc *proc;

	assert_int_equal(spawn_shell("exec sleep 1000", &proc), 0);
	assert_int_equal(spawn_shell("exec sleep 1000", &proc), 0);
	/* teardown closes the loop; nothing may be left to wait for */
}

static void
nobody_is_left(void **state)
{
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void
caught(void *arg, int signo)
{
	signals_seen++;
	last_signal = signo;
}

static void
thread_body(void *arg)
{
	sigset_t mask;

	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	*(bool *)arg = sigismember(&mask, SIGTERM) && !sigismember(&mask, SIGSEGV);
}

static void
signals_come_as_callbacks(void **state)
{
	struct env_thread *thread;
	bool blocked = false;

	assert_int_equal(w.ops->host.watch_signal(w.loop, SIGKILL, caught, NULL), -DER_INVAL);
	assert_int_equal(w.ops->host.watch_signal(w.loop, 0, caught, NULL), -DER_INVAL);
	assert_int_equal(w.ops->host.watch_signal(w.loop, SIGTERM, caught, NULL), 0);
	assert_int_equal(w.ops->host.watch_signal(w.loop, SIGUSR1, caught, NULL), 0);
	assert_int_equal(w.ops->host.thread_start(w.env, "t", NULL, thread_body, &blocked, &thread), 0);
	w.ops->host.thread_join(thread);
	assert_true(blocked);
	kill(getpid(), SIGTERM);
	POLL_UNTIL(&w, signals_seen == 1, 10);
	assert_int_equal(last_signal, SIGTERM);
	kill(getpid(), SIGUSR1);
	POLL_UNTIL(&w, signals_seen == 2, 10);
	assert_int_equal(last_signal, SIGUSR1);
	/* One that comes too late is swallowed by the end. */
	kill(getpid(), SIGTERM);
}

static void
names_and_variables_are_the_processs(void **state)
{
	char name[256], tiny[1];

	setenv("ENV_REAL_TEST", "value", 1);
	assert_string_equal(w.ops->host.getenv(w.env, "ENV_REAL_TEST"), "value");
	assert_null(w.ops->host.getenv(w.env, "ENV_REAL_TEST_NOT"));
	assert_int_equal(w.ops->host.hostname(w.env, name, sizeof(name)), 0);
	assert_true(strlen(name) > 0);
	assert_int_equal(w.ops->host.hostname(w.env, tiny, sizeof(tiny)), -DER_TRUNC);
	assert_int_equal(w.ops->host.getpid(w.env), getpid());
}

/* ---- last words ------------------------------------------------------------------------------------------------- */

static volatile int depth;
static volatile int *volatile nowhere = (int *)8;

__attribute__((noinline)) static int
fall_deep(int n)
{
	volatile char big[4096];

	big[0] = (char)n;
	depth = n;
	return n < 1000000 ? fall_deep(n + 1) + big[0] : 0;
}

static void
die_in_thread(void *arg)
{
	if (*(int *)arg == 1)
		*nowhere = 1;
	else
		fall_deep(0);
}

static int
crash_main(int how, const char *log)
{
	struct env_real_options options = {.log.file = log};
	struct rlimit none = {0};
	struct env_thread *thread;
	struct env *env;

	setrlimit(RLIMIT_CORE, &none);
	if (env_real_create(&options, &env) != 0 || env_real_backtrace_install(env) != 0 || env_real_disable_thp() != 0)
		return 1;
	if (how == 0)
		abort();
	if (env->ops->host.thread_start(env, "doomed", NULL, die_in_thread, &how, &thread) == 0)
		env->ops->host.thread_join(thread);
	return 1;
}

static void
a_fatal_signal_leaves_a_backtrace_and_kills(void **state)
{
	static const int expected[] = {SIGABRT, SIGSEGV, SIGSEGV};
	char log[128], how[2] = "0", line[64], *text;
	char *const argv[] = {"/proc/self/exe", "crash", how, log, NULL};
	struct env_proc *proc;
	size_t len;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || THREAD_SANITIZER
	skip(); /* the sanitizer has last words of its own */
#endif
	for (int i = 0; i < 3; i++) {
		snprintf(log, sizeof(log), "%s/log%d", w.dir, i);
		how[0] = (char)('0' + i);
		exits = 0;
		assert_int_equal(w.ops->host.spawn(w.loop, argv, environ, exited, NULL, &proc), 0);
		POLL_UNTIL(&w, exits == 1, 30);
		assert_true(WIFSIGNALED(last_status));
		assert_int_equal(WTERMSIG(last_status), expected[i]);
		assert_int_equal(w.ops->file.read(w.env, log, MIB, &text, &len), 0);
		snprintf(line, sizeof(line), "(%s), code", i == 0 ? "ABRT" : "SEGV");
		assert_non_null(strstr(text, line));
		assert_non_null(strstr(text, i == 0 ? "(exe)" : "(doomed)"));
		assert_non_null(strstr(text, "libc"));
		mem_free(w.env->mem, text);
	}
}

int
main(int argc, char **argv)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(the_exit_of_a_child_is_told_with_its_status),
		T(a_child_can_be_signalled),
		T(many_children_end_one_by_one),
		T(a_program_that_cannot_run_is_an_error_at_once),
		T(a_child_inherits_no_descriptors_and_no_blocked_signals),
		T(children_die_with_us),
		T(children_left_when_the_loop_closes_are_killed),
		T(nobody_is_left),
		T(signals_come_as_callbacks),
		T(names_and_variables_are_the_processs),
		T(a_fatal_signal_leaves_a_backtrace_and_kills),
	};

	if (argc == 4 && strcmp(argv[1], "crash") == 0)
		return crash_main(argv[2][0] - '0', argv[3]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
