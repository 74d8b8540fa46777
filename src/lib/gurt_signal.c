/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libgurt: a stack trace when the process dies of a signal. The former handlers are restored and the signal is raised
 * again, so that it does what it would have done.
 */
#include <execinfo.h>
#include <gurt/common.h>
#include <signal.h>
#include <unistd.h>

#define FRAMES_MAX 128
#define STACK_SIZE (64 * 1024)

static const int fatal_signals[] = {SIGILL, SIGFPE, SIGBUS, SIGSEGV, SIGSYS};
static struct sigaction former[ARRAY_SIZE(fatal_signals)];
static bool own_stack;

static void
say(const char *text)
{
	ssize_t written = write(STDERR_FILENO, text, strlen(text));

	(void)written;
}

static void
on_signal(int number, siginfo_t *info, void *context)
{
	void *frames[FRAMES_MAX];
	size_t i;
	int nr;

	(void)info;
	(void)context;
	for (i = 0; i < ARRAY_SIZE(fatal_signals); i++) {
		if (fatal_signals[i] == number)
			sigaction(number, &former[i], NULL);
	}
	say("*** process dies of a signal; its stack:\n");
	nr = backtrace(frames, FRAMES_MAX);
	backtrace_symbols_fd(frames, nr, STDERR_FILENO);
	raise(number);
}

void
d_signal_stack_enable(bool enabled)
{
	own_stack = enabled;
}

void
d_signal_register(void)
{
	struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
	void *frames[1];
	stack_t stack;
	size_t i;

	if (own_stack) {
		stack.ss_sp = malloc(STACK_SIZE);
		stack.ss_size = STACK_SIZE;
		stack.ss_flags = 0;
		if (stack.ss_sp != NULL && sigaltstack(&stack, NULL) == 0)
			action.sa_flags |= SA_ONSTACK;
	}
	/* The first call loads a library, which a handler may not. */
	backtrace(frames, 1);
	sigemptyset(&action.sa_mask);
	for (i = 0; i < ARRAY_SIZE(fatal_signals); i++)
		sigaction(fatal_signals[i], &action, &former[i]);
}
